//! Forms that did not reach the person.

use super::Walk;
use crate::input::Unsent;
use crate::trace::Trace;
use crate::turn::{Fault, TurnError};

impl Walk<'_> {
    /// The run that waits for this very form leaves by `failed`: nobody will fill it in. A failure behind that ends the run,
    /// because nobody would tell once more.
    pub(in crate::turn) fn unsent(&mut self, unsent: &Unsent) -> Result<(), TurnError> {
        let awaited = self.run.as_ref().and_then(|run| run.wait.as_ref()?.form.as_deref());
        if awaited != Some(unsent.token.as_str()) {
            self.note(Trace::Ignored { kind: "unsent".to_owned(), why: "no run waits for this form".to_owned() });
            return Ok(());
        }
        self.use_form(&unsent.token);
        if !self.count_turn() {
            return Ok(());
        }
        let Some((index, _)) = self.waiting() else {
            self.end_run("node_gone", None);
            return Ok(());
        };
        self.path.push(index);
        let fault = Fault::failed(format!("the form did not reach the person: {}", unsent.why)).at_port("failed");
        self.follow(index, Err(fault)).or_else(|error| {
            self.note(Trace::Error { node: Some(error.node().to_owned()), message: error.to_string() });
            self.end_run("error", None);
            Ok(())
        })
    }
}
