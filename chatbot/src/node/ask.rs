//! `ask`: sends a question and waits for words.
//!
//! `expect` is the name of an answer type, or a map with `type`, `min`, `max`, `pattern`, `check`.
//! For `text`, `min` and `max` are characters; for numbers, values. A `pattern` may match anywhere,
//! `check` sees the answer as `value`. A tapped button counts as its title.

mod number;

use regex::Regex;
use serde_json::Value;
use whatsapp::limits;

use crate::bot::read::{At, Fields, Reader, pattern};
use crate::explain;
use crate::expr::{Expr, Template};
use crate::input::{Class, Incoming};
use crate::names::nearest;
use crate::snapshot::Wait;
use crate::trace::Why;
use crate::tree::Kind as TreeKind;
use crate::turn::{Fault, Walk};

use super::answer::{self, Invalid, Refused};
use super::{Here, Next, Ports};

pub(super) const KEYS: &[&str] = &["prompt", "expect", "save", "invalid", "timeout"];

/// Answer types that run.
const TYPES: &[&str] = &["text", "number", "int", "any"];
/// Answer types that come later.
const LATER: &[&str] = &["date", "time", "datetime", "email", "phone", "url", "regex", "location", "media", "contact"];

pub(crate) struct Ask {
    prompt: Template,
    expect: Expect,
    save: Option<String>,
    invalid: Invalid,
    timeout_ms: Option<u64>,
}

struct Expect {
    kind: Answer,
    min: Option<f64>,
    max: Option<f64>,
    pattern: Option<Regex>,
    check: Option<Expr>,
}

#[derive(Clone, Copy, PartialEq)]
enum Answer {
    Text,
    Number,
    Int,
    /// Whatever comes; for imported bots, whose questions took anything.
    Any,
}

pub(super) fn read(reader: &mut Reader<'_>, fields: &Fields<'_>) -> Option<Ask> {
    let prompt =
        reader.required(fields, "prompt").and_then(|at| reader.template_up_to(&at, "prompt", limits::TEXT_BODY));
    let expect = match fields.get("expect") {
        Some(at) => read_expect(reader, &at),
        None => Some(Expect { kind: Answer::Text, min: None, max: None, pattern: None, check: None }),
    };
    let save = fields.get("save").and_then(|at| reader.variable(&at));
    let (invalid, timeout_ms) = answer::read(reader, fields);
    Some(Ask { prompt: prompt?, expect: expect?, save, invalid, timeout_ms })
}

fn read_expect(reader: &mut Reader<'_>, at: &At<'_>) -> Option<Expect> {
    if !matches!(at.node.kind, TreeKind::Map(_)) {
        let kind = read_answer(reader, at)?;
        return Some(Expect { kind, min: None, max: None, pattern: None, check: None });
    }
    let fields = reader.fields(at, &["type", "min", "max", "pattern", "check"])?;
    let kind = match fields.get("type") {
        Some(at) => read_answer(reader, &at)?,
        None => Answer::Text,
    };
    let min_at = fields.get("min");
    let min = min_at.as_ref().and_then(|at| reader.number(at));
    let max = fields.get("max").and_then(|at| reader.number(&at));
    if let (Some(at), Some(min), Some(max)) = (min_at, min, max)
        && min > max
    {
        reader.report(explain::WRONG_VALUE, &at, format!("`min` {min} is above `max` {max}"));
    }
    let pattern = fields.get("pattern").and_then(|at| pattern(reader, &at));
    let check = fields.get("check").and_then(|at| reader.expression(&at));
    Some(Expect { kind, min, max, pattern, check })
}

fn read_answer(reader: &mut Reader<'_>, at: &At<'_>) -> Option<Answer> {
    let name = reader.text(at)?;
    match name.as_str() {
        "text" => Some(Answer::Text),
        "number" => Some(Answer::Number),
        "int" => Some(Answer::Int),
        "any" => Some(Answer::Any),
        later if LATER.contains(&later) => {
            reader.not_yet(at, &format!("answer type `{name}`"));
            None
        }
        _ => {
            let near = nearest(&name, TYPES.iter().chain(LATER).copied());
            reader.report(explain::UNKNOWN_TYPE, at, format!("unknown answer type `{name}`")).help =
                Some(near.map_or_else(
                    || format!("types are {}", crate::bot::read::list(TYPES)),
                    |near| format!("did you mean `{near}`?"),
                ));
            None
        }
    }
}

pub(super) fn ports() -> Ports {
    Ports {
        required: vec!["ok".into()],
        optional: vec!["invalid".into(), "timeout".into(), "other".into(), "failed".into()],
    }
}

impl Ask {
    pub(super) fn enter(&self, here: Here<'_>, walk: &mut Walk<'_>) -> Result<Next, Fault> {
        walk.send_text(here, &self.prompt).map_err(|fault| fault.at_port("failed"))?;
        Ok(Next::Wait(walk.wait(here, self.timeout_ms)))
    }

    pub(super) fn answer(
        &self,
        here: Here<'_>,
        walk: &mut Walk<'_>,
        wait: &Wait,
        message: &Incoming,
    ) -> Result<Next, Fault> {
        let words = matches!(message.class(), Class::Text | Class::Tap);
        let anything = self.expect.kind == Answer::Any && message.may_start();
        if !words && !anything {
            if let Some(next) = answer::unexpected(here, walk, message)? {
                return Ok(next);
            }
            return self.refuse(here, walk, wait, &format!("a message of type `{}` is not an answer", message.kind));
        }
        let value = match self.expect.parse(message, walk.bot().locale()) {
            Ok(value) => value,
            Err(why) => return self.refuse(here, walk, wait, &why),
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
            other if crate::expr::scope::json_bytes(&other) > 256 => Value::Null,
            other => other,
        };
        Ok(Next::Port { port: "ok".into(), why: Some(Why::said("answer", shown)) })
    }

    fn refuse(&self, here: Here<'_>, walk: &mut Walk<'_>, wait: &Wait, why: &str) -> Result<Next, Fault> {
        match answer::refuse(here, walk, wait, &self.invalid, why) {
            Refused::Out(next) => Ok(next),
            Refused::Again { tries } => {
                let again = self.invalid.message.as_ref().unwrap_or(&self.prompt);
                walk.send_text(here, again).map_err(|fault| fault.at_port("failed"))?;
                Ok(Next::Wait(Wait { tries, ..walk.wait(here, self.timeout_ms) }))
            }
        }
    }
}

impl Expect {
    fn parse(&self, message: &Incoming, locale: &str) -> Result<Value, String> {
        let text = message.text.trim();
        if let Some(pattern) = &self.pattern
            && !pattern.is_match(text)
        {
            return Err("the answer does not match the pattern".to_owned());
        }
        match self.kind {
            Answer::Text => {
                if text.is_empty() {
                    return Err("the answer is empty".to_owned());
                }
                #[allow(clippy::cast_precision_loss)] // texts are far below 2^52 characters
                self.within(text.chars().count() as f64, " characters")?;
                Ok(Value::String(text.to_owned()))
            }
            Answer::Number | Answer::Int => {
                let value = number::parse(text, locale).ok_or("the answer is not a number")?;
                if self.kind == Answer::Int && !(value.is_i64() || value.is_u64()) {
                    return Err("the answer is not a whole number".to_owned());
                }
                self.within(value.as_f64().unwrap_or_default(), "")?;
                Ok(value)
            }
            Answer::Any => Ok(anything(message)),
        }
    }

    fn within(&self, actual: f64, unit: &str) -> Result<(), String> {
        match (self.min, self.max) {
            (Some(min), _) if actual < min => Err(format!("{actual}{unit} is below {min}")),
            (_, Some(max)) if actual > max => Err(format!("{actual}{unit} is above {max}")),
            _ => Ok(()),
        }
    }
}

/// The text if there is one, else the media, location or data.
fn anything(message: &Incoming) -> Value {
    let media = [&message.media, &message.location, &message.data].into_iter().flatten().next();
    match media {
        Some(value) if message.class() != Class::Text && message.class() != Class::Tap => value.clone(),
        _ => Value::String(message.text.trim().to_owned()),
    }
}
