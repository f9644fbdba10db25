//! What people do with a conversation beside writing: take it over, hand it back, stop the bot, lead its run elsewhere.
//! What each is, what it needs, and why it is refused. Pure; the turn that carries one out is in `conversation/draft`.

use std::collections::BTreeMap;

use chatbot::{Bot, HandBack, Snapshot};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use storage::ConversationId;

use crate::records::{Control, PHONE_APP, State};
use crate::settings::Takeover;

/// Characters of a reason or a note at the most.
pub const MAX_WORDS: usize = 4_096;

/// What somebody does with a conversation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Deed {
    /// What.
    pub act: Act,
    /// Who does it: `user:elif`, `token:ci`, …
    pub who: Box<str>,
    /// Why.
    pub reason: Option<Box<str>>,
    /// What whoever comes later should know.
    pub note: Option<Box<str>>,
    /// They may take from, and hand back for, somebody else.
    pub by_right: bool,
}

/// See [`Deed`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Act {
    /// They answer in the bot's place.
    TakeOver {
        /// Also if somebody else does: by right, or when that one has been idle for too long.
        from_others: bool,
    },
    /// The bot goes on.
    HandBack {
        /// Where.
        how: How,
        /// By which port it leaves a node that had handed over.
        outcome: HandBack,
    },
    /// The bot stops, and nobody answers.
    Pause,
    /// A bot that was stopped goes on where it waited.
    Resume,
    /// The run ends, and another one begins.
    Restart,
    /// The run ends.
    End,
    /// A run goes on as another one was after an entry of the journal; the one that is under way ends.
    Rewind {
        /// The entry.
        entry: u64,
        /// When it was written.
        at_ms: u64,
        /// The bot's part of the state then.
        then: Box<Snapshot>,
    },
    /// The conversation becomes a copy of another one as that was after an entry.
    Copy {
        /// Of this one.
        of: ConversationId,
        /// The entry.
        entry: u64,
        /// When it was written.
        at_ms: u64,
        /// The bot's part of the state then.
        then: Box<Snapshot>,
    },
    /// Variables get other values; null takes one away.
    Set {
        /// The revision at which the caller saw them; `None` is whatever they are.
        revision: Option<u64>,
        /// By name.
        values: BTreeMap<String, Value>,
    },
    /// Something to be remembered.
    Note(Box<str>),
}

/// Where the bot goes on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum How {
    /// Where it waited.
    Continue,
    /// From the start.
    Restart,
    /// At this node.
    Node(String),
    /// Nowhere: the run is over.
    End,
}

impl Act {
    /// A stable word.
    pub fn name(&self) -> &'static str {
        match self {
            Act::TakeOver { .. } => "takeover",
            Act::HandBack { .. } => "handback",
            Act::Pause => "pause",
            Act::Resume => "resume",
            Act::Restart => "restart",
            Act::End => "end",
            Act::Rewind { .. } => "reset",
            Act::Copy { .. } => "fork",
            Act::Set { .. } => "set",
            Act::Note(_) => "note",
        }
    }

    /// Whether the bot says nothing from its commit on.
    pub(crate) fn silences(&self) -> bool {
        matches!(self, Act::TakeOver { .. } | Act::Pause)
    }

    /// Whether it counts as activity even where it changes nothing.
    pub(crate) fn renews(&self) -> bool {
        matches!(self, Act::TakeOver { .. })
    }

    /// Whether a bot carries it out.
    pub(crate) fn runs_bot(&self, state: &State) -> bool {
        match self {
            Act::HandBack { how: How::Continue, .. } => state.bot.handed_over().is_some(),
            Act::HandBack { how: How::Restart | How::Node(_), .. } | Act::Restart | Act::Set { .. } => true,
            _ => false,
        }
    }
}

/// Why a [`Deed`] is not done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeedRefusal {
    /// Somebody else answers here.
    #[error("{who} answers here since {}", crate::view::time_text(*since_ms))]
    Owned {
        /// Who.
        who: Box<str>,
        /// Since when (Unix ms).
        since_ms: u64,
    },
    /// There is nothing to hand back.
    #[error("the bot has this conversation already")]
    WithBot,
    /// A person has it.
    #[error("a person has this conversation: hand it back instead")]
    WithPerson,
    /// The bot is stopped.
    #[error("the bot is paused here: resume it instead")]
    Paused,
    /// No bot can do it.
    #[error("no bot runs here that could do it: it has none, or its version is stopped")]
    NoBot,
    /// The bot has no such node.
    #[error("the bot {bot} has no node {node:?}")]
    NoNode {
        /// The bot.
        bot: Box<str>,
        /// The node.
        node: Box<str>,
    },
    /// No run is under way.
    #[error("no run is under way")]
    NoRun,
    /// The bot is at work.
    #[error("the bot is at work here: pause it, or take the conversation over, before its variables are changed")]
    AtWork,
    /// They have changed since.
    #[error("the conversation is at revision {actual}, not {expected}")]
    Revision {
        /// What the caller saw.
        expected: u64,
        /// What it is.
        actual: u64,
    },
    /// At that point another program was being called.
    #[error("after entry {0} the run waited for another program: choose an entry at which it waits for the person")]
    Calling(u64),
    /// The bot does not take it.
    #[error("the bot does not take it: {0}")]
    Bot(Box<str>),
}

/// What becomes of a deed as a conversation stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Go,
    /// It is so already.
    Already,
    No(DeedRefusal),
}

/// What the verdict depends on beside the conversation and the deed.
#[derive(Clone, Copy)]
pub(crate) struct Given<'a> {
    pub revision: u64,
    pub now_ms: u64,
    pub takeover: &'a Takeover,
    /// What would carry it out; looked at only where a bot does.
    pub bot: Option<&'a Bot>,
}

/// Whether a deed may be done now.
pub(crate) fn verdict(state: &State, deed: &Deed, given: Given<'_>) -> Verdict {
    match refusal(state, deed, given) {
        Err(verdict) => verdict,
        Ok(()) => Verdict::Go,
    }
}

fn refusal(state: &State, deed: &Deed, given: Given<'_>) -> Result<(), Verdict> {
    let no = |refusal| Err(Verdict::No(refusal));
    let paused = matches!(state.control, Control::Human { paused: true, .. });
    let handed_over = state.bot.handed_over().is_some();
    let with_person = !paused && state.control != Control::Bot;
    match &deed.act {
        Act::TakeOver { from_others } => match state.owner() {
            Some((owner, _)) if *owner == *deed.who => Err(Verdict::Already),
            Some(_) if *from_others && may_take(state, deed, given) => Ok(()),
            Some((owner, since_ms)) => no(DeedRefusal::Owned { who: owner.into(), since_ms }),
            None => Ok(()),
        },
        Act::HandBack { .. } if paused => no(DeedRefusal::Paused),
        Act::HandBack { .. } if !with_person && !handed_over => no(DeedRefusal::WithBot),
        Act::HandBack { how, .. } => {
            if let Some((owner, since_ms)) = state.owner().filter(|(owner, _)| **owner != *deed.who)
                && !may_take(state, deed, given)
            {
                return no(DeedRefusal::Owned { who: owner.into(), since_ms });
            }
            match how {
                How::Continue | How::End => Ok(()),
                How::Restart => given.bot.map(drop).ok_or(Verdict::No(DeedRefusal::NoBot)),
                How::Node(node) => has_node(given.bot, node),
            }
        }
        Act::Pause if paused => Err(Verdict::Already),
        Act::Pause if with_person => no(DeedRefusal::WithPerson),
        Act::Resume if with_person => no(DeedRefusal::WithPerson),
        Act::Resume if !paused => Err(Verdict::Already),
        Act::Restart if paused => no(DeedRefusal::Paused),
        Act::Restart if with_person || handed_over => no(DeedRefusal::WithPerson),
        Act::Restart => given.bot.map(drop).ok_or(Verdict::No(DeedRefusal::NoBot)),
        Act::End if state.bot.run_id().is_none() => Err(Verdict::Already),
        Act::Rewind { entry, then, .. } | Act::Copy { entry, then, .. } if then.is_calling() => {
            no(DeedRefusal::Calling(*entry))
        }
        Act::Set { .. } if state.control == Control::Bot && !handed_over => no(DeedRefusal::AtWork),
        Act::Set { .. } if state.bot.run_id().is_none() => no(DeedRefusal::NoRun),
        Act::Set { revision: Some(expected), .. } if *expected != given.revision => {
            no(DeedRefusal::Revision { expected: *expected, actual: given.revision })
        }
        Act::Set { .. } => given.bot.map(drop).ok_or(Verdict::No(DeedRefusal::NoBot)),
        Act::Pause | Act::Resume | Act::End | Act::Rewind { .. } | Act::Copy { .. } | Act::Note(_) => Ok(()),
    }
}

/// Whether they may put themselves in the place of whoever has it: by right, where nobody could hand it back, or when
/// that one has done nothing for too long.
fn may_take(state: &State, deed: &Deed, given: Given<'_>) -> bool {
    let Control::Human { active_ms, by, .. } = &state.control else { return true };
    let idle_ms = given.takeover.idle_resume_ms;
    let idle = idle_ms > 0 && active_ms.saturating_add(idle_ms) <= given.now_ms;
    deed.by_right || idle || by.as_deref() == Some(PHONE_APP)
}

fn has_node(bot: Option<&Bot>, node: &str) -> Result<(), Verdict> {
    let bot = bot.ok_or(Verdict::No(DeedRefusal::NoBot))?;
    let has = bot.node_ids().any(|id| id == node);
    let no = || Verdict::No(DeedRefusal::NoNode { bot: bot.id().into(), node: node.into() });
    has.then_some(()).ok_or_else(no)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_MS: u64 = 10_000_000;

    fn taken_by(who: &str) -> State {
        let mut control = Control::silent(1_000, 1_000);
        if let Control::Human { by, .. } = &mut control {
            *by = Some(who.into());
        }
        State { control, ..State::default() }
    }

    fn judged(state: &State, who: &str, act: Act, by_right: bool) -> Verdict {
        let deed = Deed { act, who: who.into(), reason: None, note: None, by_right };
        verdict(state, &deed, Given { revision: 7, now_ms: NOW_MS, takeover: &long(), bot: None })
    }

    fn long() -> Takeover {
        Takeover { idle_resume_ms: NOW_MS, ..Takeover::default() }
    }

    #[test]
    fn who_has_it_has_it_and_nobody_else_unless_they_may() {
        let (elif, take) = (taken_by("user:elif"), |from_others| Act::TakeOver { from_others });
        let owned = || Verdict::No(DeedRefusal::Owned { who: "user:elif".into(), since_ms: 1_000 });
        assert_eq!(judged(&elif, "user:elif", take(false), false), Verdict::Already);
        assert_eq!(judged(&elif, "user:noor", take(false), true), owned());
        assert_eq!(judged(&elif, "user:noor", take(true), false), owned());
        assert_eq!(judged(&elif, "user:noor", take(true), true), Verdict::Go);
        assert_eq!(judged(&taken_by(PHONE_APP), "user:noor", take(true), false), Verdict::Go);
        assert_eq!(judged(&State::default(), "user:noor", take(false), false), Verdict::Go);
        let back = || Act::HandBack { how: How::End, outcome: HandBack::Returned };
        assert_eq!(judged(&elif, "user:noor", back(), false), owned());
        assert_eq!(judged(&elif, "user:elif", back(), false), Verdict::Go);
        assert_eq!(judged(&State::default(), "user:elif", back(), true), Verdict::No(DeedRefusal::WithBot));
    }

    #[test]
    fn a_pause_ends_with_resume_and_a_takeover_with_its_hand_back() {
        let mut paused = taken_by("user:elif");
        if let Control::Human { paused, .. } = &mut paused.control {
            *paused = true;
        }
        assert_eq!(judged(&paused, "user:noor", Act::Pause, false), Verdict::Already);
        assert_eq!(judged(&paused, "user:noor", Act::Resume, false), Verdict::Go);
        assert_eq!(judged(&paused, "user:noor", Act::TakeOver { from_others: false }, false), Verdict::Go);
        assert_eq!(judged(&taken_by("a"), "a", Act::Resume, false), Verdict::No(DeedRefusal::WithPerson));
        assert_eq!(judged(&taken_by("a"), "a", Act::Pause, false), Verdict::No(DeedRefusal::WithPerson));
        assert_eq!(judged(&State::default(), "a", Act::Resume, false), Verdict::Already);
        assert_eq!(judged(&State::default(), "a", Act::End, false), Verdict::Already);
        let set = Act::Set { revision: None, values: BTreeMap::new() };
        assert_eq!(judged(&State::default(), "a", set.clone(), false), Verdict::No(DeedRefusal::AtWork));
        assert_eq!(judged(&taken_by("a"), "a", set, false), Verdict::No(DeedRefusal::NoRun));
    }
}
