//! `ask`: sends a question and waits for words.
//!
//! `expect` is the name of an answer type, or a map with `type`, `min`, `max`, `pattern`, `check`.
//! `kinds` says which media count as an answer of type `media`; one that is no answer goes by `other` or
//! `policies.unexpected`. The prompt is a text, or any message that `say` knows.
//! For `text`, `min` and `max` are characters; for numbers, values. A `pattern` may match anywhere,
//! `check` sees the answer as `value`. A tapped button counts as its title.

mod number;

use regex::Regex;
use serde_json::Value;
use whatsapp::message::MediaKind;

use crate::bot::read::{At, Fields, Reader, pattern};
use crate::explain;
use crate::expr::Expr;
use crate::input::{Class, Incoming};
use crate::message::{self, Message};
use crate::names::nearest;
use crate::snapshot::Wait;
use crate::trace::Why;
use crate::tree::Kind as TreeKind;
use crate::turn::{Fault, Walk};

use super::answer::{self, Invalid, Refused};
use super::{Here, Next, Ports};

pub(super) const KEYS: &[&str] = &["prompt", "expect", "save", "invalid", "timeout", "on_doubt"];

/// Answer types that run.
pub const TYPES: &[&str] = &["text", "number", "int", "location", "media", "contact", "any"];
/// Answer types that come later.
const LATER: &[&str] = &["date", "time", "datetime", "email", "phone", "url", "regex"];

pub(crate) struct Ask {
    prompt: Message,
    expect: Expect,
    save: Option<String>,
    invalid: Invalid,
    timeout_ms: Option<u64>,
}

#[derive(Default)]
struct Expect {
    kind: Answer,
    /// The kinds of media that count; empty if all do.
    kinds: Vec<MediaKind>,
    min: Option<f64>,
    max: Option<f64>,
    pattern: Option<Regex>,
    check: Option<Expr>,
}

#[derive(Clone, Copy, Default, PartialEq)]
enum Answer {
    #[default]
    Text,
    Number,
    Int,
    Location,
    Media,
    Contact,
    /// Whatever comes; for imported bots, whose questions took anything.
    Any,
}

pub(super) fn read(reader: &mut Reader<'_>, fields: &Fields<'_>) -> Option<Ask> {
    let prompt = reader.required(fields, "prompt").and_then(|at| message::read(reader, &at));
    let expect = match fields.get("expect") {
        Some(at) => read_expect(reader, &at),
        None => Some(Expect::default()),
    };
    let save = fields.get("save").and_then(|at| reader.variable(&at));
    let (invalid, timeout_ms) = answer::read(reader, fields);
    Some(Ask { prompt: prompt?, expect: expect?, save, invalid, timeout_ms })
}

fn read_expect(reader: &mut Reader<'_>, at: &At<'_>) -> Option<Expect> {
    if !matches!(at.node.kind, TreeKind::Map(_)) {
        let kind = read_answer(reader, at)?;
        return Some(Expect { kind, ..Expect::default() });
    }
    let fields = reader.fields(at, &["type", "min", "max", "pattern", "check", "kinds"])?;
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
    if matches!(kind, Answer::Location | Answer::Media | Answer::Contact) {
        for key in ["min", "max", "pattern"] {
            if let Some(at) = fields.get(key) {
                reader.report(explain::WRONG_VALUE, &at, format!("`{key}` is for words and numbers; use `check`"));
            }
        }
    }
    let kinds = fields.get("kinds").map(|at| read_kinds(reader, &at, kind)).unwrap_or_default();
    Some(Expect { kind, kinds, min, max, pattern, check })
}

fn read_kinds(reader: &mut Reader<'_>, at: &At<'_>, kind: Answer) -> Vec<MediaKind> {
    if kind != Answer::Media {
        reader.report(explain::WRONG_VALUE, at, "only an answer of type `media` has `kinds`");
    }
    let names = MediaKind::ALL.map(MediaKind::as_str);
    let items = reader.list(at);
    items.iter().filter_map(|item| MediaKind::from_name(reader.word(item, &names)?)).collect()
}

fn read_answer(reader: &mut Reader<'_>, at: &At<'_>) -> Option<Answer> {
    let name = reader.text(at)?;
    match name.as_str() {
        "text" => Some(Answer::Text),
        "number" => Some(Answer::Number),
        "int" => Some(Answer::Int),
        "location" => Some(Answer::Location),
        "media" => Some(Answer::Media),
        "contact" => Some(Answer::Contact),
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

impl Expect {
    /// Whether a message of this type can be the answer at all.
    fn takes(&self, message: &Incoming) -> bool {
        let words = matches!(message.class(), Class::Text | Class::Tap);
        match self.kind {
            Answer::Text | Answer::Number | Answer::Int => words,
            Answer::Location => message.location.is_some(),
            Answer::Media => message.media.is_some() && self.takes_media(&message.kind),
            Answer::Contact => message.kind == "contacts" && message.data.is_some(),
            Answer::Any => message.is_answer(),
        }
    }

    fn takes_media(&self, kind: &str) -> bool {
        self.kinds.is_empty() || self.kinds.iter().any(|known| known.as_str() == kind)
    }

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
            Answer::Location | Answer::Media | Answer::Contact | Answer::Any => Ok(answer::whole(message)),
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
