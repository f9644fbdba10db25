//! `ask`: sends a question and waits for words.
//!
//! `expect` is the name of an answer type, or a map with `type`, `min`, `max`, `pattern`, `check`, `zone`.
//! `kinds` says which media count as an answer of type `media`; one that is no answer goes by `other` or
//! `policies.unexpected`. The prompt is a text, or any message that `say` knows.
//! For `text`, `min` and `max` are characters, for numbers values, for dates and times days and times, also relative
//! ones. A `pattern` may match anywhere, `check` sees the answer as `value`. A tapped button counts as its title.

mod expect;

use serde_json::Value;

use crate::bot::read::{Fields, Reader};
use crate::expr::scope::json_bytes;
use crate::input::Incoming;
use crate::message::{self, Message};
use crate::snapshot::Wait;
use crate::trace::Why;
use crate::turn::{Fault, Walk};

use super::answer::{self, Invalid, Refused};
use super::{Here, Next, Ports};
pub use expect::TYPES;
use expect::{Expect, Wrong};

pub(super) const KEYS: &[&str] = &["prompt", "expect", "save", "invalid", "timeout", "on_doubt"];

pub(crate) struct Ask {
    prompt: Message,
    expect: Expect,
    save: Option<String>,
    invalid: Invalid,
    timeout_ms: Option<u64>,
}

pub(super) fn read(reader: &mut Reader<'_>, fields: &Fields<'_>) -> Option<Ask> {
    let prompt = reader.required(fields, "prompt").and_then(|at| message::read(reader, &at));
    let expect = match fields.get("expect") {
        Some(at) => expect::read(reader, &at),
        None => Some(Expect::default()),
    };
    let save = fields.get("save").and_then(|at| reader.variable(&at));
    let (invalid, timeout_ms) = answer::read(reader, fields);
    Some(Ask { prompt: prompt?, expect: expect?, save, invalid, timeout_ms })
}

pub(super) fn ports() -> Ports {
    Ports {
        required: vec!["ok".into()],
        optional: vec!["invalid".into(), "timeout".into(), "other".into(), "failed".into()],
    }
}

impl Ask {
    /// The variable that gets the answer.
    pub(super) fn saves(&self) -> Option<&str> {
        self.save.as_deref()
    }

    pub(super) fn enter(&self, here: Here<'_>, walk: &mut Walk<'_>) -> Result<Next, Fault> {
        walk.say(here, &self.prompt).map_err(|fault| fault.at_port("failed"))?;
        Ok(Next::Wait(walk.wait(here, self.timeout_ms)))
    }

    pub(super) fn answer(
        &self,
        here: Here<'_>,
        walk: &mut Walk<'_>,
        wait: &Wait,
        message: &Incoming,
    ) -> Result<Next, Fault> {
        if !self.expect.takes(message) {
            if let Some(next) = answer::unexpected(here, walk, message)? {
                return Ok(next);
            }
            return self.refuse(here, walk, wait, &format!("a message of type `{}` is not an answer", message.kind));
        }
        let value = match self.expect.parse(message, walk) {
            Ok(value) => value,
            Err(Wrong::Answer(why)) => return self.refuse(here, walk, wait, &why),
            Err(Wrong::Bot(fault)) => return Err(fault),
        };
        if let Some(check) = &self.expect.check {
            let holds = walk.scope().with_local("value", &value, |scope| check.holds(scope));
            if !holds.map_err(Fault::evaluation)? {
                return self.refuse(here, walk, wait, &format!("check `{}` does not hold", check.source()));
            }
        }
        if let Some(name) = &self.save {
            walk.assign(name, value.clone())?;
        }
        let shown = match value {
            Value::String(text) => Value::String(crate::expr::clip(&text)),
            other if json_bytes(&other) > 256 => Value::Null,
            other => other,
        };
        Ok(Next::Port { port: "ok".into(), why: Some(Why::said("answer", shown)) })
    }

    fn refuse(&self, here: Here<'_>, walk: &mut Walk<'_>, wait: &Wait, why: &str) -> Result<Next, Fault> {
        match answer::refuse(here, walk, wait, &self.invalid, why) {
            Refused::Out(next) => Ok(next),
            Refused::Again { tries } => {
                let again = match &self.invalid.message {
                    Some(text) => walk.send_text(here, text),
                    None => walk.say(here, &self.prompt),
                };
                again.map_err(|fault| fault.at_port("failed"))?;
                Ok(Next::Wait(Wait { tries, ..walk.wait(here, self.timeout_ms) }))
            }
        }
    }
}
