//! What `ask` and `menu` have in common: wrong answers, their limit, messages that are no answers.

use crate::bot::read::{Fields, Reader};
use crate::caps;
use crate::expr::Template;
use crate::input::{Class, Incoming};
use crate::snapshot::Wait;
use crate::trace::{Trace, Why};
use crate::turn::{Fault, Walk};
use serde_json::Value;
use whatsapp::limits;

use super::{Here, Next};

/// Wrong answers that end in the port `invalid` when a node does not say how many.
const DEFAULT_TRIES: u32 = 3;

/// `invalid: {message, tries}`.
pub(super) struct Invalid {
    /// Said after a wrong answer that is not the last one.
    pub(super) message: Option<Template>,
    /// The wrong answer that takes the port `invalid`.
    tries: u32,
}

/// Reads `invalid` and `timeout`.
pub(super) fn read(reader: &mut Reader<'_>, fields: &Fields<'_>) -> (Invalid, Option<u64>) {
    let mut invalid = Invalid { message: None, tries: DEFAULT_TRIES };
    if let Some(at) = fields.get("invalid")
        && let Some(inner) = reader.fields(&at, &["message", "tries"])
    {
        invalid.message =
            inner.get("message").and_then(|at| reader.template_up_to(&at, "message", limits::INTERACTIVE_BODY));
        if let Some(at) = inner.get("tries") {
            invalid.tries = reader.count(&at, 1, caps::MAX_TRIES).unwrap_or(DEFAULT_TRIES);
        }
    }
    let timeout = fields.get("timeout").and_then(|at| reader.duration_ms(&at));
    (invalid, timeout)
}

/// A wrong answer: counts it, and gives the port `invalid` after the last one.
pub(super) fn refuse(here: Here<'_>, walk: &mut Walk<'_>, wait: &Wait, invalid: &Invalid, why: &str) -> Refused {
    let tries = wait.tries + 1;
    walk.note(Trace::Refused { node: here.node.id.clone(), why: why.to_owned(), tries });
    if tries < invalid.tries {
        return Refused::Again { tries };
    }
    Refused::Out(Next::Port { port: "invalid".into(), why: Some(Why::said(why, tries)) })
}

pub(super) enum Refused {
    /// Ask again.
    Again { tries: u32 },
    /// Leave by `invalid`.
    Out(Next),
}

/// What happens with a message that is no answer to a question of words: the port `other`, then
/// the policy `unexpected`. `None`: it counts as a wrong answer.
pub(super) fn unexpected(here: Here<'_>, walk: &mut Walk<'_>, message: &Incoming) -> Result<Option<Next>, Fault> {
    if here.node.ports.contains_key("other") && message.is_answer() {
        let why = Why::said("message type", message.kind.as_str());
        return Ok(Some(Next::Port { port: "other".into(), why: Some(why) }));
    }
    walk.unexpected(here, message)
}

/// A message as a value: the text if there is one, else the media, location or data.
pub(super) fn whole(message: &Incoming) -> Value {
    let rest = [&message.media, &message.location, &message.data].into_iter().flatten().next();
    match rest {
        Some(value) if !matches!(message.class(), Class::Text | Class::Tap) => value.clone(),
        _ => Value::String(message.text.trim().to_owned()),
    }
}
