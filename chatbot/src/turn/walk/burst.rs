//! Messages before they are read: texts that wait for more to follow, and words that hold everywhere.

use serde_json::Value;

use super::Walk;
use crate::caps;
use crate::expr::Template;
use crate::input::Incoming;
use crate::sending::{Closed, Sending};
use crate::snapshot::Burst;
use crate::trace::Trace;
use crate::turn::{Effect, Fault, TurnError, compose};

/// The purpose of which a stop word is the end.
const MARKETING: &str = "marketing";

impl Walk<'_> {
    /// A message of the person is at work.
    pub(in crate::turn) fn read(&mut self, input: Value) {
        self.reads = true;
        self.scope.set_input(input);
    }

    pub(in crate::turn) fn burst_due_ms(&self) -> Option<u64> {
        self.burst.as_ref().map(|burst| burst.due_ms)
    }

    /// Puts a text to those that wait; `false` if they are too much to wait any longer.
    pub(in crate::turn) fn keep(&mut self, message: &Incoming, debounce_ms: u64) -> bool {
        let due_ms = self.given.now_ms.saturating_add(debounce_ms);
        let burst = match self.burst.take() {
            None => Burst { message: message.clone(), messages: 1, due_ms, first: self.first_contact },
            Some(before) => {
                let text = format!("{}\n{}", before.message.text, message.text);
                let referral = message.referral.clone().or(before.message.referral);
                let message = Incoming { text, referral, ..message.clone() };
                Burst { message, messages: before.messages + 1, due_ms, ..*before }
            }
        };
        let waits = burst.message.text.len() <= caps::MAX_BURST_BYTES;
        if waits {
            self.note(Trace::Kept { until_ms: due_ms });
        }
        self.burst = Some(Box::new(burst));
        waits
    }

    /// The texts that wait, as one message.
    pub(in crate::turn) fn take_burst(&mut self) -> Option<Incoming> {
        let Burst { message, messages, first, .. } = *self.burst.take()?;
        self.first_contact = first;
        self.note(Trace::Joined { messages, text: crate::expr::clip(&message.text) });
        self.read(message.as_json());
        Some(message)
    }

    /// The person wants no more: no marketing, no run. That holds even if the reply cannot be made.
    pub(in crate::turn) fn stop(&mut self, reply: &Template) {
        self.burst = None;
        self.stop_marketing();
        let made = self.text(reply).and_then(|text| compose::text(text).map_err(Fault::failed));
        match made {
            Ok(message) => {
                let sending = Sending { closed: Closed::Drop, ..Sending::new("", message) };
                self.effects.push(Effect::Send(Box::new(sending)));
            }
            Err(fault) => {
                let message = fault.into_error("stop_words".to_owned(), Vec::new(), (0, 0)).to_string();
                self.note(Trace::Error { node: None, message });
            }
        }
        self.end_run("stopped", None);
    }

    pub(super) fn stop_marketing(&mut self) {
        self.consent(MARKETING, false);
    }

    /// The person asked for a human: the run goes on there.
    pub(in crate::turn) fn ask_human(&mut self, to: usize) -> Result<(), TurnError> {
        let node = self.run.as_ref().and_then(|run| Some(run.wait.as_ref()?.node.clone())).unwrap_or_default();
        self.took(node, "human_words".to_owned(), Some(to), None);
        self.walk_from(to)
    }
}
