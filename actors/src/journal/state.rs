//! The state after an entry, for operators.

use serde::Serialize;
use serde_json::Value;

use super::Moment;
use crate::codec::CodecError;
use crate::view::rfc3339;

/// What a conversation was after an entry of its history.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StateView {
    /// The entry.
    pub index: u64,
    /// When it was written.
    #[serde(rename = "at", serialize_with = "rfc3339")]
    pub at_ms: u64,
    /// `idle`, `waiting` or `human`, as in the list of conversations.
    pub state: &'static str,
    /// Who answered in the bot's place.
    pub control: Value,
    /// The bot whose run was under way.
    pub bot: Option<String>,
    /// The version that it was pinned to.
    pub bot_version: Option<String>,
    /// The node at which the run waited.
    pub node: Option<String>,
    /// What it waited for: until when, wrong answers, the page of a menu, who had it.
    pub wait: Value,
    /// The run itself: its id, when it began, how many turns it took, calls and loops that are open.
    pub run: Value,
    /// Variables of the run and of the contact; what bots noted of the person stands under `contact`.
    pub variables: Value,
    /// The person.
    pub person: Value,
    /// The rest: the last message's time, marketing, what it became a part of.
    pub more: Value,
    /// What this entry changed; empty for the first one.
    pub changes: Vec<ChangeView>,
}

/// A change of one place.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ChangeView {
    /// A JSON pointer into the state.
    pub at: String,
    /// The value before; absent if there was none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<Value>,
    /// The value after; absent if it is gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<Value>,
}

impl Moment {
    /// As operators see it. Errors: the entry was written by a newer version.
    pub fn view(&self) -> Result<StateView, CodecError> {
        let bot = self.bot()?;
        let pinned = bot.bot();
        let human = self.told["control"].is_object() || bot.handed_over().is_some();
        let mut run = self.told["bot"]["run"].clone();
        let wait = run.as_object_mut().and_then(|run| run.remove("wait")).unwrap_or_default();
        if let Some(run) = run.as_object_mut() {
            run.remove("vars");
        }
        let mut more = self.told.clone();
        if let Some(more) = more.as_object_mut() {
            more.retain(|name, value| !["bot", "control", "person"].contains(&name.as_str()) && !value.is_null());
        }
        Ok(StateView {
            index: self.index,
            at_ms: self.at_ms,
            state: if human {
                "human"
            } else if bot.is_waiting() {
                "waiting"
            } else {
                "idle"
            },
            control: self.told["control"].clone(),
            bot: pinned.map(|(bot, _)| bot.to_owned()),
            bot_version: pinned.map(|(_, version)| version.to_owned()),
            node: bot.node().map(str::to_owned),
            wait,
            run,
            variables: bot.variables(),
            person: self.told["person"].clone(),
            more,
            changes: self.changes(),
        })
    }

    fn changes(&self) -> Vec<ChangeView> {
        let Some(before) = &self.before else { return Vec::new() };
        let was = |at: &String| before.pointer(at).cloned();
        let set = self.change.set.iter().map(|(at, after)| (at, Some(after.clone())));
        let gone = self.change.gone.iter().map(|at| (at, None));
        let mut all: Vec<ChangeView> =
            set.chain(gone).map(|(at, after)| ChangeView { at: at.clone(), before: was(at), after }).collect();
        all.sort_by(|one, other| one.at.cmp(&other.at));
        all
    }
}
