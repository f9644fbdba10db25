//! What is sent with a deed, and what is answered.

use std::collections::BTreeMap;

use actors::Standing;
use actors::view::ConversationView;
use chatbot::HandBack;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::super::given::read_text;
use super::super::problem::Problem;

/// Whether it is only to be said what would come of it.
#[derive(Clone, Copy, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in super::super) struct DryRun {
    /// Do nothing, and say what would come of it.
    #[serde(default)]
    pub dry_run: bool,
}

/// Why, and what whoever comes later should know.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(in super::super) struct Words {
    /// Why: kept in the journal.
    pub reason: Option<String>,
    /// For whoever comes later.
    pub note: Option<String>,
}

/// See `…/takeover`.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(in super::super) struct TakeOverBody {
    /// Why: kept in the journal.
    pub reason: Option<String>,
    /// For whoever comes later.
    pub note: Option<String>,
    /// Also from somebody else, if that is allowed.
    pub take_from: bool,
}

/// Where the bot goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(in super::super) enum Where {
    /// Where it waited; what was held leaves. The default.
    Continue,
    /// From the start; what was held is given up, as with those below.
    Restart,
    /// At `node`.
    Node,
    /// Nowhere: the run is over.
    End,
}

/// By which port the bot leaves a node that had handed the conversation over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(in super::super) enum Outcome {
    /// The bot shall go on.
    #[default]
    Returned,
    /// The matter is settled.
    Closed,
}

impl From<Outcome> for HandBack {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Returned => HandBack::Returned,
            Outcome::Closed => HandBack::Closed,
        }
    }
}

/// See `…/handback`.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(in super::super) struct HandBackBody {
    /// Where the bot goes on.
    pub how: Option<Where>,
    /// The node, with `how: node` or alone.
    pub node: Option<String>,
    /// Of a node that had handed over.
    pub outcome: Outcome,
    /// Why: kept in the journal.
    pub reason: Option<String>,
    /// For whoever comes later.
    pub note: Option<String>,
}

/// See `…/reset`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct ResetBody {
    /// The entry of the journal.
    pub entry: u64,
    /// Why: kept in the journal.
    #[serde(default)]
    pub reason: Option<String>,
}

/// See `…/fork`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct ForkBody {
    /// The entry of the journal; the last one when absent.
    #[serde(default)]
    pub entry: Option<u64>,
    /// The number of a phone of the simulator that has a conversation with the same number of ours.
    pub phone: String,
}

/// See `…/variables`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct VariablesBody {
    /// New values by name; null takes one away.
    #[schema(value_type = Object)]
    pub variables: BTreeMap<String, Value>,
    /// Why: kept in the journal.
    #[serde(default)]
    pub reason: Option<String>,
}

/// See `…/notes`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct NoteBody {
    /// What is to be remembered.
    pub text: String,
}

/// How a conversation stands after a deed.
#[derive(Debug, Default, Serialize, ToSchema)]
#[schema(example = json!({
    "id": "c_01J9ZK3M4N5P6Q7R8S9TAVBWCX", "state": "human", "owner": "user:elif",
    "silent_since": "2026-11-27T09:00:00.000Z", "node": "ask_day", "changed": true, "held": 1, "in_flight": 0,
    "revision": 7, "dry_run": false,
}))]
pub(in super::super) struct Acted {
    /// The conversation.
    pub id: String,
    /// `idle`, `waiting`, `human`, `paused`.
    pub state: String,
    /// Who answers, if somebody does.
    pub owner: Option<String>,
    /// Since when the bot is silent, if it is.
    pub silent_since: Option<String>,
    /// The node at which the run waits.
    pub node: Option<String>,
    /// Whether it was otherwise before.
    pub changed: bool,
    /// Messages of the bot that had not left and are held.
    pub held: usize,
    /// Messages of the bot that are with Meta, of which nobody knows yet what comes of them.
    pub in_flight: usize,
    /// Its revision, as in the `ETag`.
    pub revision: u64,
    /// Nothing was done.
    pub dry_run: bool,
    /// The conversation is busy: this is done when its turn comes. The number of the inbox row.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waiting: Option<String>,
}

impl Acted {
    pub(super) fn now(view: &ConversationView) -> Self {
        let silent = view.control.as_ref().map(|control| super::super::time::at(control.silent_ms));
        Self {
            id: view.id.clone(),
            state: view.state.to_owned(),
            owner: view.owner.as_deref().map(Into::into),
            silent_since: silent,
            node: view.node.clone(),
            revision: view.revision,
            ..Self::default()
        }
    }

    pub(super) fn of(view: &ConversationView, standing: &Standing) -> Self {
        let Standing { changed, held, in_flight, .. } = *standing;
        Self { changed, held, in_flight, ..Self::now(view) }
    }
}

/// The body; nothing counts as `{}`.
pub(super) fn body<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let bytes = if bytes.is_empty() { b"{}" } else { bytes };
    read_text(bytes)
}

/// A reason or a note, if there is one.
pub(super) fn words(name: &str, text: Option<String>) -> Result<Option<Box<str>>, Problem> {
    let Some(text) = text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty()) else { return Ok(None) };
    let (length, most) = (text.chars().count(), actors::MAX_WORDS);
    if length > most {
        return Err(Problem::bad_request(format!("{name} has {length} characters; {most} is the most")));
    }
    Ok(Some(text.into()))
}
