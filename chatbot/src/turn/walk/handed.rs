//! While a human answers in the bot's place.

use super::Walk;
use crate::input::Incoming;
use crate::node::Next;
use crate::trace::{Trace, Why};
use crate::turn::TurnError;

impl Walk<'_> {
    pub(in crate::turn) fn is_handed_over(&self) -> bool {
        let wait = self.run.as_ref().and_then(|run| run.wait.as_ref());
        wait.is_some_and(|wait| wait.handed_over.is_some())
    }

    /// A message that is a human's to answer. A stop word counts all the same.
    pub(in crate::turn) fn leave_to_human(&mut self, message: &Incoming, stops: bool) {
        if stops {
            self.stop_marketing();
        }
        self.note(Trace::Ignored { kind: message.kind.clone(), why: "a human answers".to_owned() });
    }

    /// The human is done: the run goes on by this port.
    pub(in crate::turn) fn hand_back(&mut self, port: &'static str) -> Result<(), TurnError> {
        if !self.is_handed_over() {
            return Ok(());
        }
        let Some((index, _)) = self.waiting() else {
            self.end_run("node_gone", None);
            return Ok(());
        };
        self.take_back(port);
        self.path.push(index);
        self.follow(index, Ok(Next::Port { port: port.into(), why: Some(Why::said("a human", port)) }))
    }

    /// No human has the run any more. It is older by that time, and that does not count.
    pub(super) fn take_back(&mut self, outcome: &str) {
        let now_ms = self.given.now_ms;
        let Some(run) = &mut self.run else { return };
        let Some(wait) = &mut run.wait else { return };
        let Some(handed) = wait.handed_over.take() else { return };
        if let Some(expires_ms) = &mut run.expires_ms {
            *expires_ms = expires_ms.saturating_add(now_ms.saturating_sub(handed.since_ms));
        }
        let node = wait.node.clone();
        self.note(Trace::HandedBack { node, queue: handed.queue, outcome: outcome.to_owned() });
    }
}
