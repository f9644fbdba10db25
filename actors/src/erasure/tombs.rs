//! Tombstones: who was erased, and when, as keyed hashes of the ids that led to them. An id that is not known any more
//! cannot be read from them; whether a given one was erased can be told, by whoever has the store's secret.
//!
//! What comes late is judged by the time at which Meta says that it happened: what is not younger than the erasure is
//! dropped. Whoever writes anew becomes another contact, so nothing that still goes to the old one can reach them.

use foldhash::HashMap;
use parking_lot::RwLock;
use serde::{Deserialize, Serialize};
use storage::{Alias, ContactId, Inbound, NewDocument, Store, StoreError};

use crate::codec;
use crate::identity;
use crate::records::InboxPayload;
use crate::seen;

const KIND: &str = "erased";
/// Nothing of before comes later: Meta delivers for 7 days, and a message lives for 30.
const KEPT_MS: u64 = 90 * 86_400_000;
/// Tombstones that are kept; beyond it the oldest go.
const MOST: usize = 1_000_000;
/// Documents of one commit.
const BATCH: usize = 500;

/// See the module.
pub struct Tombs {
    secret: [u8; 16],
    known: RwLock<HashMap<u64, Tomb>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Tomb {
    at_ms: u64,
    /// They did not want marketing: they still do not.
    opted_out: bool,
}

impl Tombs {
    /// What the store knows; what is too old is removed.
    pub async fn load(store: &dyn Store, now_ms: u64) -> Result<Self, StoreError> {
        let (mut known, mut old) = (HashMap::default(), Vec::new());
        for (key, bytes) in store.documents(KIND).await? {
            let tomb = codec::decode::<Tomb>(&bytes).ok();
            match (u64::from_str_radix(&key, 16), tomb.filter(|tomb| tomb.at_ms.saturating_add(KEPT_MS) > now_ms)) {
                (Ok(hash), Some(tomb)) => {
                    known.insert(hash, tomb);
                }
                _ => old.push((KIND.into(), key, None)),
            }
        }
        for batch in old.chunks(BATCH) {
            store.put_documents(batch.to_vec()).await?;
        }
        Ok(Self { secret: store.secret(), known: RwLock::new(known) })
    }

    fn hash(&self, alias: &Alias) -> u64 {
        seen::hash(&self.secret, &format!("erased:{}", alias.0))
    }

    /// Whether nobody was erased lately: the usual case, which costs nothing.
    pub fn is_empty(&self) -> bool {
        self.known.read().is_empty()
    }

    fn tomb(&self, alias: &Alias) -> Option<Tomb> {
        if self.is_empty() {
            return None;
        }
        self.known.read().get(&self.hash(alias)).copied()
    }

    /// When the person behind an id was erased.
    pub fn erased_ms(&self, alias: &Alias) -> Option<u64> {
        self.tomb(alias).map(|tomb| tomb.at_ms)
    }

    /// Whether the person behind an id did not want marketing when they were erased.
    pub fn opted_out(&self, alias: &Alias) -> bool {
        self.tomb(alias).is_some_and(|tomb| tomb.opted_out)
    }

    /// Whether a contact was erased: nothing goes there any more.
    pub fn is_dead(&self, contact: ContactId) -> bool {
        !self.is_empty() && self.tomb(&identity::itself(contact)).is_some()
    }

    /// Whether something that happened at this time to whoever has one of these ids is of before their erasure.
    pub fn is_of_before<'a>(&self, aliases: impl IntoIterator<Item = &'a Alias>, at_ms: u64) -> bool {
        !self.is_empty() && aliases.into_iter().filter_map(|alias| self.erased_ms(alias)).any(|erased| at_ms <= erased)
    }

    /// Whether a row must not reach anybody: it goes to somebody who was erased, or tells of the time before.
    pub fn drops(&self, row: &Inbound) -> bool {
        if self.is_empty() {
            return false;
        }
        if let Some(contact) =
            identity::addressed(&row.aliases).or_else(|| row.aliases.iter().find_map(identity::named))
        {
            return self.is_dead(contact);
        }
        let erased = row.aliases.iter().filter_map(|alias| self.erased_ms(alias)).max();
        erased.is_some_and(|erased_ms| happened_ms(row) <= erased_ms)
    }

    /// The contact that a person gets who is first seen under these ids: another one than before they were erased.
    pub(crate) fn first_contact(&self, alias: &Alias) -> ContactId {
        match self.erased_ms(alias) {
            Some(erased_ms) => {
                let again = Alias(format!("again:{erased_ms}:{}", alias.0).into());
                identity::first_contact(&self.secret, &again)
            }
            None => identity::first_contact(&self.secret, alias),
        }
    }

    /// The contact of a phone number that no alias of the store names.
    pub fn contact_of_phone(&self, phone: &str) -> ContactId {
        self.first_contact(&identity::phone_alias(phone))
    }

    /// The documents that make these ids lead to nobody.
    pub(super) fn documents(&self, aliases: &[Alias], at_ms: u64, opted_out: bool) -> Vec<NewDocument> {
        let value = codec::encode(&Tomb { at_ms, opted_out });
        let key = |alias: &Alias| format!("{:016x}", self.hash(alias)).into();
        aliases.iter().map(|alias| (KIND.into(), key(alias), Some(value.clone()))).collect()
    }

    /// They are committed: from now on it is so.
    pub(crate) fn bury(&self, aliases: &[Alias], at_ms: u64, opted_out: bool) {
        let mut known = self.known.write();
        for alias in aliases {
            known.insert(self.hash(alias), Tomb { at_ms, opted_out });
        }
    }

    /// The documents that remove what is too old, or too many.
    pub(super) fn expire(&self, now_ms: u64) -> Vec<NewDocument> {
        let mut known = self.known.write();
        let over = known.len().saturating_sub(MOST);
        let mut by_age: Vec<(u64, u64)> = known.iter().map(|(hash, tomb)| (tomb.at_ms, *hash)).collect();
        by_age.sort_unstable();
        let old = by_age.iter().enumerate();
        let old = old.filter(|(place, (at_ms, _))| *place < over || at_ms.saturating_add(KEPT_MS) <= now_ms);
        let old: Vec<u64> = old.map(|(_, (_, hash))| *hash).take(BATCH).collect();
        known.retain(|hash, _| !old.contains(hash));
        old.iter().map(|hash| (KIND.into(), format!("{hash:016x}").into(), None)).collect()
    }
}

/// When Meta says that it happened; for what is ours, when it came.
fn happened_ms(row: &Inbound) -> u64 {
    let told = match codec::decode(&row.payload) {
        Ok(InboxPayload::Message(message)) => message.sent_ms,
        Ok(InboxPayload::About(about)) => about.at_ms,
        Ok(InboxPayload::Echo(echo)) => echo.sent_ms,
        _ => None,
    };
    told.unwrap_or(row.received_ms)
}
