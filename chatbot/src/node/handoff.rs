//! `handoff`: a human answers in the bot's place until they hand the conversation back or close it, or until
//! `return_after` without a word of theirs. The bot says nothing meanwhile.
//!
//! With `outside_hours`, which is said to whoever comes when `policies.business_hours` are over, nobody is called and
//! the port `unavailable` is taken.

use whatsapp::limits;

use crate::bot::read::{Fields, Reader};
use crate::explain;
use crate::expr::Template;
use crate::snapshot::{HandOver, Priority, Wait};
use crate::trace::{Trace, Why};
use crate::turn::{Fault, Walk};

use super::{Here, Next, Ports};

pub(super) const KEYS: &[&str] = &["queue", "message", "note", "priority", "return_after", "outside_hours", "on_doubt"];

pub(crate) struct Handoff {
    queue: Option<String>,
    message: Option<Template>,
    note: Option<Template>,
    priority: Priority,
    return_after_ms: Option<u64>,
    outside_hours: Option<Template>,
}

pub(super) fn read(reader: &mut Reader<'_>, fields: &Fields<'_>) -> Option<Handoff> {
    let queue = fields.get("queue").and_then(|at| reader.text(&at));
    let mut said = |key: &str| fields.get(key).and_then(|at| reader.template_up_to(&at, key, limits::TEXT_BODY));
    let (message, outside_hours) = (said("message"), said("outside_hours"));
    let note = fields.get("note").and_then(|at| reader.template(&at));
    let priority = match fields.get("priority").and_then(|at| reader.word(&at, Priority::WORDS)) {
        Some("low") => Priority::Low,
        Some("high") => Priority::High,
        Some("urgent") => Priority::Urgent,
        _ => Priority::Normal,
    };
    let return_after_ms = fields.get("return_after").and_then(|at| reader.duration_ms(&at));
    if let Some(at) = fields.get("outside_hours").filter(|_| !reader.has_hours) {
        reader.report(explain::MISSING_KEY, &at, "the bot has no `policies.business_hours`");
    }
    Some(Handoff { queue, message, note, priority, return_after_ms, outside_hours })
}

pub(super) fn ports() -> Ports {
    let optional = ["closed", "timeout", "unavailable", "failed"].map(str::to_owned);
    Ports { required: vec!["returned".into()], optional: optional.into() }
}

impl Handoff {
    pub(super) fn enter(&self, here: Here<'_>, walk: &mut Walk<'_>) -> Result<Next, Fault> {
        let now_ms = walk.now_ms();
        let hours = walk.bot().policies.hours.as_ref();
        let over = hours.is_some_and(|hours| hours.next_open_ms(now_ms) != Some(now_ms));
        if let Some(text) = self.outside_hours.as_ref().filter(|_| over) {
            walk.send_text(here, text).map_err(|fault| fault.at_port("failed"))?;
            let why = Some(Why::said("business_hours.open", false));
            return Ok(Next::Port { port: "unavailable".into(), why });
        }
        if let Some(text) = &self.message {
            walk.send_text(here, text).map_err(|fault| fault.at_port("failed"))?;
        }
        let note = match &self.note {
            Some(note) => Some(walk.text(note)?).filter(|note| !note.trim().is_empty()),
            None => None,
        };
        let hand_over = HandOver {
            queue: self.queue.clone(),
            note,
            priority: self.priority,
            since_ms: now_ms,
            return_after_ms: self.return_after_ms,
        };
        walk.note(Trace::HandedOver {
            node: here.node.id.clone(),
            queue: hand_over.queue.clone(),
            note: hand_over.note.as_deref().map(crate::expr::clip),
        });
        let wait = walk.wait(here, self.return_after_ms);
        Ok(Next::Wait(Wait { idle_ms: None, handed_over: Some(Box::new(hand_over)), ..wait }))
    }
}
