//! `template`: queues an approved template, which may leave outside the 24 h window, and goes on, or
//! waits for the reply.
//!
//! `sent` means queued: what Meta refuses later is a dead letter. With `then_wait` the constant payloads
//! of its buttons, and those that `then_wait.replies` names, are ports; a tap or a text that is one of
//! them leaves there, everything else by `other`.

use crate::bot::policies::fold;
use crate::bot::read::{At, Fields, Reader};
use crate::explain;
use crate::input::{Class, Incoming};
use crate::message::{Message, template};
use crate::trace::Why;
use crate::tree;
use crate::turn::{Fault, Walk};

use super::{Here, Next, Ports};

pub(super) const KEYS: &[&str] = &["name", "lang", "params", "then_wait", "on_doubt"];

/// Ports that no reply may be named after.
const TAKEN: &[&str] = &["sent", "failed", "other", "timeout"];

pub(crate) struct Template {
    message: Message,
    then_wait: Option<ThenWait>,
}

struct ThenWait {
    replies: Vec<String>,
    save: Option<String>,
    timeout_ms: Option<u64>,
}

pub(super) fn read(reader: &mut Reader<'_>, fields: &Fields<'_>) -> Option<Template> {
    let found = template::read(reader, fields);
    let payloads = found.as_ref().map(|found| found.payloads.clone()).unwrap_or_default();
    let then_wait = fields.get("then_wait").and_then(|at| read_wait(reader, &at, payloads));
    Some(Template { message: Message::of(found?.body, &fields.at), then_wait })
}

/// `true`, or `{replies, save, timeout}`.
fn read_wait(reader: &mut Reader<'_>, at: &At<'_>, mut replies: Vec<String>) -> Option<ThenWait> {
    let mut wait = ThenWait { replies: Vec::new(), save: None, timeout_ms: None };
    if matches!(at.node.kind, tree::Kind::Map(_)) {
        let fields = reader.fields(at, &["replies", "save", "timeout"])?;
        if let Some(at) = fields.get("replies") {
            replies.extend(reader.texts(&at));
        }
        wait.save = fields.get("save").and_then(|at| reader.variable(&at));
        wait.timeout_ms = fields.get("timeout").and_then(|at| reader.duration_ms(&at));
    } else if !reader.flag(at)? {
        return None;
    }
    for reply in replies {
        if TAKEN.contains(&reply.as_str()) {
            reader.report(
                explain::BAD_NAME,
                at,
                format!("the reply `{reply}` is the name of a port of every template"),
            );
        } else if !wait.replies.contains(&reply) {
            wait.replies.push(reply);
        }
    }
    Some(wait)
}

impl Template {
    pub(super) fn ports(&self) -> Ports {
        let mut optional = vec!["failed".to_owned()];
        match &self.then_wait {
            None => Ports { required: vec!["sent".into()], optional },
            Some(wait) => {
                optional.extend(["other".to_owned(), "timeout".to_owned()]);
                Ports { required: wait.replies.clone(), optional }
            }
        }
    }

    pub(super) fn waits(&self) -> bool {
        self.then_wait.is_some()
    }

    pub(super) fn enter(&self, here: Here<'_>, walk: &mut Walk<'_>) -> Result<Next, Fault> {
        walk.say(here, &self.message).map_err(|fault| fault.at_port("failed"))?;
        Ok(match &self.then_wait {
            Some(wait) => Next::Wait(walk.wait(here, wait.timeout_ms)),
            None => Next::port("sent"),
        })
    }

    pub(super) fn answer(&self, here: Here<'_>, walk: &mut Walk<'_>, message: &Incoming) -> Result<Next, Fault> {
        let Some(wait) = &self.then_wait else { return Ok(Next::Stay) };
        let words = matches!(message.class(), Class::Text | Class::Tap);
        let other = message.is_answer() && here.node.ports.contains_key("other");
        if !words
            && !other
            && let Some(next) = walk.unexpected(here, message)?
        {
            return Ok(next);
        }
        let picked = wait.replies.iter().find(|reply| words && is_reply(message, reply));
        if let Some(name) = &wait.save {
            let value = picked.map_or_else(|| super::answer::whole(message), |reply| reply.as_str().into());
            walk.assign(name, value)?;
        }
        let Some(reply) = picked else {
            return Ok(Next::Port {
                port: "other".into(),
                why: Some(Why::said("message type", message.kind.as_str())),
            });
        };
        let how = if message.class() == Class::Tap { "tapped" } else { "typed" };
        Ok(Next::Port { port: reply.clone().into(), why: Some(Why::said(how, reply.as_str())) })
    }
}

fn is_reply(message: &Incoming, reply: &str) -> bool {
    message.id.as_deref() == Some(reply) || fold(&message.text) == fold(reply)
}
