//! Calls of other programs: decided, and taken up again when their result is there.

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::Walk;
use crate::http::{HttpCall, HttpDone};
use crate::trace::Trace;
use crate::turn::{Effect, TurnError};

impl Walk<'_> {
    /// The name of a call: of the run, the node and how many calls the run has made, and of nothing else, so that a call
    /// that is made again has the same.
    pub(crate) fn call_id(&mut self, node: &str) -> String {
        let Some(run) = &mut self.run else { return String::new() };
        run.calls = run.calls.saturating_add(1);
        let digest = Sha256::digest(format!("{}\n{node}\n{}", run.id, run.calls));
        hex::encode(digest.get(..16).unwrap_or(&digest))
    }

    /// Orders a call, for the `orders`-th time.
    pub(crate) fn call_http(&mut self, call: &HttpCall, orders: u32) {
        self.note(Trace::Called {
            node: call.node.clone(),
            call: call.id.clone(),
            method: call.method.clone(),
            url: call.shown_url(),
            orders,
        });
        self.effects.push(Effect::CallHttp(Box::new(call.clone())));
    }

    /// What went wrong, as expressions see it.
    pub(crate) fn see_http_error(&mut self, error: &str) {
        let mut input = self.scope.read("input");
        if !input.is_object() || input["type"] != "http" {
            input = serde_json::json!({ "type": "http", "status": null, "text": "" });
        }
        input["error"] = Value::from(error);
        self.scope.set_input(input);
    }

    /// The result of a call. Only the one that the run waits for counts; a failure behind it ends the run, because the
    /// call would be made again otherwise.
    pub(in crate::turn) fn http_done(&mut self, done: &HttpDone) -> Result<(), TurnError> {
        let wait = self.run.as_ref().and_then(|run| run.wait.as_ref());
        if wait.and_then(|wait| wait.call.as_ref()).is_none_or(|calling| calling.call.id != done.id) {
            self.note(Trace::Ignored { kind: "http".to_owned(), why: "nothing waits for this call".to_owned() });
            return Ok(());
        }
        if !self.count_turn() {
            return Ok(());
        }
        let Some((index, _)) = self.waiting() else {
            self.end_run("node_gone", None);
            return Ok(());
        };
        self.path.push(index);
        let node = &self.bot.nodes[index];
        let Some(next) = node.kind.http_done(crate::node::Here { node }, self, done) else {
            self.end_run("node_gone", None);
            return Ok(());
        };
        self.follow(index, Ok(next)).or_else(|error| {
            self.note(Trace::Error { node: Some(error.node().to_owned()), message: error.to_string() });
            self.end_run("error", None);
            Ok(())
        })
    }
}
