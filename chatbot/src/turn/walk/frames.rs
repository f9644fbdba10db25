//! Calls and loops that are open: entered, left, come back to.

use serde_json::Value;

use super::{Walk, shown};
use crate::caps;
use crate::expr::scope::{Home, json_bytes};
use crate::node::{Here, Kind, Next};
use crate::snapshot::Frame;
use crate::trace::Trace;
use crate::turn::fault::FaultKind;
use crate::turn::{Fault, TurnError};

impl Walk<'_> {
    /// Opens a call or a loop.
    pub(crate) fn push_frame(&mut self, frame: Frame) -> Result<(), Fault> {
        let Some(run) = &mut self.run else { return Err(Fault::failed("there is no run")) };
        if run.frames.len() >= caps::MAX_FRAMES {
            return Err(Fault::failed(format!("over {} calls and loops are open", caps::MAX_FRAMES)));
        }
        let bytes: usize = run.frames.iter().chain([&frame]).map(bytes).sum();
        if bytes > caps::MAX_VARIABLES_BYTES {
            let message = format!("what calls and loops keep would be larger than {} bytes", caps::MAX_VARIABLES_BYTES);
            return Err(Fault::new(FaultKind::Variable(message)));
        }
        let mut kept = frame.before.values().chain(frame.rest.iter().flatten());
        kept.try_for_each(|value| Fault::if_deep("what a call or loop keeps", value))?;
        run.frames.push(frame);
        Ok(())
    }

    /// Closes what is on top, and gives its variables their former values.
    pub(crate) fn pop_frame(&mut self) {
        let Some(frame) = self.run.as_mut().and_then(|run| run.frames.pop()) else { return };
        for (name, value) in frame.before {
            let now = self.former(&name);
            if now != value {
                self.note(Trace::Set { name: name.clone(), before: Some(shown(now)), after: shown(value.clone()) });
                self.scope.put_back(self.home(&name), &name, value);
            }
        }
    }

    /// Closes a call or loop that was left by a jump and is entered again, with all that it had opened.
    pub(crate) fn leave(&mut self, here: Here<'_>) {
        let open = |frame: &Frame| frame.node == here.node.id;
        let Some(at) = self.run.as_ref().and_then(|run| run.frames.iter().position(open)) else { return };
        while self.run.as_ref().is_some_and(|run| run.frames.len() > at) {
            self.pop_frame();
        }
    }

    /// The next element of the loop on top.
    pub(crate) fn take_element(&mut self) -> Option<Value> {
        self.run.as_mut()?.frames.last_mut()?.rest.as_mut()?.pop()
    }

    /// How many elements the loop on top has yet to take.
    pub(crate) fn elements_left(&self) -> usize {
        let top = self.run.as_ref().and_then(|run| run.frames.last());
        top.and_then(|frame| frame.rest.as_ref()).map_or(0, Vec::len)
    }

    /// The value of a variable, as a frame keeps it; null if it has none.
    pub(crate) fn former(&self, name: &str) -> Value {
        self.scope.variable(self.home(name), name).unwrap_or_default()
    }

    pub(super) fn home(&self, name: &str) -> Home {
        self.bot.vars.get(name).map_or(Home::Run, |declared| declared.home)
    }

    /// A `return`: goes on where the call or loop on top says; without one the run ends.
    pub(super) fn come_back(&mut self, node: &str, value: Value) -> Result<Option<usize>, TurnError> {
        let bot = self.bot;
        let Some(top) = self.run.as_ref().and_then(|run| run.frames.last()).map(|frame| frame.node.clone()) else {
            self.end_run("returned", None);
            return Ok(None);
        };
        let Some(index) = bot.node(&top) else {
            self.end_run("node_gone", None);
            return Ok(None);
        };
        self.took(node.to_owned(), "return".to_owned(), Some(index), None);
        let next = match &bot.nodes[index].kind {
            Kind::Call(call) => call.come_back(self, value),
            Kind::Each(each) => each.next(self),
            _ => Ok(Next::End { reason: "node_gone".to_owned(), result: None }),
        };
        self.resolve(index, next)
    }

    /// Where the innermost open call with a port `failed` leads; closes it and what it had opened.
    pub(super) fn caught(&mut self) -> Option<usize> {
        let bot = self.bot;
        let port = |frame: &Frame| {
            let node = &bot.nodes[bot.node(&frame.node)?];
            matches!(node.kind, Kind::Call(_)).then(|| node.ports.get("failed").copied()).flatten()
        };
        let frames = &self.run.as_ref()?.frames;
        let (at, to) = frames.iter().enumerate().rev().find_map(|(at, frame)| Some((at, port(frame)?)))?;
        let node = frames[at].node.clone();
        while self.run.as_ref().is_some_and(|run| run.frames.len() > at) {
            self.pop_frame();
        }
        self.note(Trace::Took { node, port: "failed".to_owned(), to: Some(bot.nodes[to].id.clone()), why: None });
        Some(to)
    }
}

fn bytes(frame: &Frame) -> usize {
    let before: usize = frame.before.values().map(json_bytes).sum();
    before + frame.rest.iter().flatten().map(json_bytes).sum::<usize>()
}
