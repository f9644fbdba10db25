//! What the bots want Meta to have.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::Pin;
use std::sync::Arc;

use serde_json::Value;
use sha2::{Digest, Sha256};
use whatsapp::graph::FlowCategory;

/// The Flows of all bots.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Each of them.
    pub flows: Vec<WantedFlow>,
    /// Bots that could not be read: nothing is taken away while there are some.
    pub unreadable: Vec<String>,
    /// What keeps them from working at Meta, for people.
    pub warnings: Vec<String>,
}

/// A Flow under `flows` of a bot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WantedFlow {
    /// The bot.
    pub bot: Box<str>,
    /// Its name under `flows` there.
    pub local: Box<str>,
    /// Accounts that do not need it: the bot answers on numbers of others only.
    pub not_in: BTreeSet<Box<str>>,
    /// Meta's id, where the file names it.
    pub id: Option<Box<str>>,
    /// Its name at Meta.
    pub name: Box<str>,
    /// What it is for; whatever Meta has where the file does not say it.
    pub categories: Option<Vec<FlowCategory>>,
    /// The endpoint, for a Flow that has one.
    pub endpoint: Option<String>,
    /// The Flow JSON, verbatim; a Flow without is made elsewhere and used only.
    pub json: Option<Arc<str>>,
    /// Where the JSON lies, for people.
    pub origin: Option<Box<str>>,
}

/// Who knows what the bots want.
pub trait Wanting: Send + Sync + 'static {
    /// Reads it anew.
    fn wanted(&self) -> Pin<Box<dyn Future<Output = Wanted> + Send + '_>>;
}

impl WantedFlow {
    /// The digest of its JSON.
    pub fn digest(&self) -> Option<Box<str>> {
        self.json.as_deref().map(digest)
    }

    /// Whether both mean the same Flow at Meta, so that one of them is enough.
    pub(super) fn agrees(&self, other: &Self) -> bool {
        let same = |one: &Self| (one.id.clone(), one.categories.clone(), one.endpoint.clone(), one.digest());
        // One that only uses it agrees with whatever it is.
        self.json.is_none() || other.json.is_none() || same(self) == same(other)
    }
}

/// What tells two Flow JSONs apart: members in another order, and other white space, are the same.
pub fn digest(json: &str) -> Box<str> {
    let canonical = serde_json::from_str::<Value>(json).map_or_else(|_| json.to_owned(), |value| in_order(&value));
    hex::encode(Sha256::digest(canonical.as_bytes())).into()
}

/// Written with the members of each object in order. As deep as the reader goes: 128.
fn in_order(value: &Value) -> String {
    match value {
        Value::Object(members) => {
            let members: BTreeMap<_, _> = members.iter().collect();
            let written =
                members.iter().map(|(key, value)| format!("{}:{}", Value::from(key.as_str()), in_order(value)));
            format!("{{{}}}", written.collect::<Vec<_>>().join(","))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(in_order).collect::<Vec<_>>().join(",")),
        scalar => scalar.to_string(),
    }
}
