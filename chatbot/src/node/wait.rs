//! `wait`: lets time pass, then goes on. One of `for`, `until` and `business_hours`, or `until_event`, or both.
//!
//! `until_event` is the name of something that another program tells (`POST …/trigger`): it leaves by `event`, with what
//! was told as `input.data`. A time beside it is the limit, and leaves by `next`.
//!
//! `until` is a date or instant, of `zone` where it names none; one that has passed goes on at once.
//! `business_hours: true` takes those of the policies. A message of the person leaves by `cancelled` if that is
//! connected; else it changes nothing. The idle timeout does not run here.

use jiff::tz::TimeZone;

use crate::bot::read::{At, Fields, Reader};
use crate::explain;
use crate::expr::Template;
use crate::expr::filters::instant;
use crate::hours::{self, Hours};
use crate::input::Incoming;
use crate::snapshot;
use crate::trace::{Trace, Why};
use crate::turn::{Fault, Walk};

use super::{Here, Next, Ports};

pub(super) const KEYS: &[&str] = &["for", "until", "zone", "business_hours", "until_event"];
const LONGEST_MS: u64 = 366 * 86_400_000;

pub(crate) struct Wait {
    /// `None`: as long as it takes.
    until: Option<Until>,
    event: Option<String>,
}

enum Until {
    For(u64),
    Instant {
        at: Template,
        zone: TimeZone,
    },
    Open(Hours),
    /// The hours of the policies.
    OfficeOpen,
}

pub(super) fn read(reader: &mut Reader<'_>, fields: &Fields<'_>) -> Option<Wait> {
    let event = match fields.get("until_event") {
        Some(at) => Some(reader.event_name(&at)?),
        None => None,
    };
    let given: Vec<&str> =
        ["for", "until", "business_hours"].into_iter().filter(|key| fields.get(key).is_some()).collect();
    if let Some(at) = fields.get("zone").filter(|_| !given.contains(&"until")) {
        reader.report(explain::WRONG_VALUE, &at, "`zone` goes with `until` only");
    }
    if given.is_empty() && event.is_some() {
        return Some(Wait { until: None, event });
    }
    let [key] = given[..] else {
        let message = "a `wait` needs exactly one of `for`, `until` and `business_hours`, or `until_event`";
        reader.report(explain::WRONG_VALUE, &fields.at, message);
        return None;
    };
    let at = fields.get(key)?;
    let until = match key {
        "for" => Until::For(reader.duration_ms(&at)?),
        "until" => read_until(reader, &at, fields)?,
        _ if matches!(at.node.kind, crate::tree::Kind::Map(_)) => Until::Open(hours::read(reader, &at)?),
        _ => {
            if !reader.flag(&at)? {
                reader.report(explain::WRONG_VALUE, &at, "expected true or a map of business hours");
            }
            if !reader.has_hours {
                reader.report(explain::MISSING_KEY, &at, "the bot has no `policies.business_hours`");
            }
            Until::OfficeOpen
        }
    };
    Some(Wait { until: Some(until), event })
}

fn read_until(reader: &mut Reader<'_>, at: &At<'_>, fields: &Fields<'_>) -> Option<Until> {
    let zone = match fields.get("zone") {
        Some(at) => hours::read_zone(reader, &at)?,
        None => TimeZone::UTC,
    };
    let template = reader.template(at)?;
    if let Some(text) = template.as_plain()
        && instant(text.trim(), &zone).is_none()
    {
        reader.report(explain::WRONG_VALUE, at, format!("`{text}` is not a date"));
    }
    Some(Until::Instant { at: template, zone })
}

impl Wait {
    pub(super) fn ports(&self) -> Ports {
        let next = self.until.as_ref().map(|_| "next".to_owned());
        let event = self.event.as_ref().map(|_| "event".to_owned());
        Ports { required: next.into_iter().chain(event).collect(), optional: vec!["cancelled".into()] }
    }

    /// Whether it goes on when this happens.
    pub(super) fn awaits(&self, event: &str) -> bool {
        self.event.as_deref() == Some(event)
    }

    pub(super) fn enter(&self, here: Here<'_>, walk: &mut Walk<'_>) -> Result<Next, Fault> {
        let now_ms = walk.now_ms();
        let Some(until) = &self.until else {
            return Ok(Next::Wait(snapshot::Wait { idle_ms: None, ..walk.wait(here, None) }));
        };
        let due_ms = until.due_ms(walk, now_ms)?;
        if due_ms <= now_ms {
            return Ok(Next::Port { port: "next".into(), why: Some(Why::said("nothing to wait for", due_ms)) });
        }
        Ok(Next::Wait(snapshot::Wait { timeout_ms: Some(due_ms), idle_ms: None, ..walk.wait(here, None) }))
    }

    /// The person writes while time passes.
    pub(super) fn answer(&self, here: Here<'_>, walk: &mut Walk<'_>, message: &Incoming) -> Next {
        if message.is_answer() && here.node.ports.contains_key("cancelled") {
            let why = Why::said("message type", message.kind.as_str());
            return Next::Port { port: "cancelled".into(), why: Some(why) };
        }
        let why = if self.event.is_some() { "the run waits for an event" } else { "the run waits for a time" };
        walk.note(Trace::Ignored { kind: message.kind.clone(), why: why.to_owned() });
        Next::Stay
    }
}

impl Until {
    fn due_ms(&self, walk: &Walk<'_>, now_ms: u64) -> Result<u64, Fault> {
        match self {
            Until::For(ms) => Ok(now_ms.saturating_add(*ms)),
            Until::Instant { at, zone } => {
                let text = walk.text(at)?;
                let at = instant(text.trim(), zone)
                    .ok_or_else(|| Fault::failed(format!("`{}` is not a date", crate::expr::clip(&text))))?;
                let at_ms = u64::try_from(at.timestamp().as_millisecond()).unwrap_or_default();
                if at_ms > now_ms.saturating_add(LONGEST_MS) {
                    return Err(Fault::failed(format!("`{}` is over 366 days away", crate::expr::clip(&text))));
                }
                Ok(at_ms)
            }
            Until::Open(hours) => next_open(hours, now_ms),
            Until::OfficeOpen => match &walk.bot().policies.hours {
                Some(hours) => next_open(hours, now_ms),
                None => Err(Fault::failed("the bot has no business hours")),
            },
        }
    }
}

fn next_open(hours: &Hours, now_ms: u64) -> Result<u64, Fault> {
    hours.next_open_ms(now_ms).ok_or_else(|| Fault::failed("the business hours never open within 400 days"))
}
