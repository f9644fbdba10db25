//! What begins a run: `triggers`, consulted in order.
//!
//! A trigger is a map with one key that names its type, and `to`, `interrupt`, `when` beside it.

use jiff::tz::TimeZone;
use regex::Regex;

use super::policies::fold;
use super::read::{At, Fields, Reader, pattern};
use crate::cron::Cron;
use crate::explain;
use crate::expr::Expr;
use crate::hours;
use crate::input::Incoming;
use crate::names::nearest;

/// Trigger types that run.
pub const TYPES: &[&str] = &[
    "keyword",
    "pattern",
    "payload",
    "referral",
    "flow_done",
    "order",
    "first_contact",
    "api",
    "schedule",
    "window_closing",
    "default",
];
const COMMON: &[&str] = &["to", "interrupt", "when"];
/// Free-form messages may be sent this long after the person's last message.
const WINDOW_MS: u64 = 24 * 3_600_000;

/// A trigger.
pub(crate) struct Trigger {
    pub(crate) kind: TriggerKind,
    pub(crate) to: usize,
    pub(crate) interrupts: bool,
    pub(crate) when: Option<Expr>,
}

pub(crate) enum TriggerKind {
    Default,
    Keyword {
        /// Folded words.
        any: Vec<String>,
        how: Match,
    },
    /// A text that matches.
    Pattern(Regex),
    /// A tap whose id begins so.
    Payload(String),
    /// A message of somebody who comes from an advertisement or post.
    Referral,
    /// An order from a catalog.
    Order,
    /// The first message of a person.
    FirstContact,
    /// A form that came back when no node waited for it: of the Flow of this name, or of any.
    FlowDone(Option<String>),
    /// A call from outside of this name.
    Api(String),
    /// Time, again and again.
    Schedule(Box<Schedule>),
    /// The service window closes in so long.
    WindowClosing {
        before_ms: u64,
    },
}

/// `{cron, zone}`.
pub(crate) struct Schedule {
    pub(crate) cron: Cron,
    pub(crate) zone: TimeZone,
}

impl Schedule {
    pub(crate) fn zone_name(&self) -> &str {
        self.zone.iana_name().unwrap_or("UTC")
    }
}

/// How a keyword is compared. Always without regard to case and outer punctuation.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Match {
    /// The whole text.
    Exact,
    /// Anywhere in the text, as whole words.
    Word,
    /// The beginning of the text.
    Prefix,
}

impl TriggerKind {
    /// Whether a message fires it; the words name it in a trace. `first` is true for somebody who never
    /// wrote before, `flow` is the Flow of a form that was sent here.
    pub(crate) fn fires(&self, message: &Incoming, first: bool, flow: Option<&str>) -> Option<String> {
        let (fires, name) = match self {
            TriggerKind::Keyword { .. } => {
                return self.keyword(&message.text).map(|word| format!("keyword {word}"));
            }
            TriggerKind::Payload(prefix) => {
                let id = message.id.as_deref().filter(|id| id.starts_with(prefix.as_str()))?;
                return Some(format!("payload {id}"));
            }
            TriggerKind::Default => (true, "default"),
            TriggerKind::Pattern(regex) => (regex.is_match(&message.text), "pattern"),
            TriggerKind::Referral => (message.referral.is_some(), "referral"),
            TriggerKind::Order => (message.kind == "order", "order"),
            TriggerKind::FirstContact => (first, "first_contact"),
            TriggerKind::FlowDone(None) => (message.is_form(), "flow_done"),
            TriggerKind::FlowDone(Some(wanted)) => {
                return flow.filter(|flow| flow == wanted).map(|flow| format!("flow_done {flow}"));
            }
            TriggerKind::Api(_) | TriggerKind::Schedule(_) | TriggerKind::WindowClosing { .. } => return None,
        };
        fires.then(|| name.to_owned())
    }

    /// The keyword that a text matches.
    pub(crate) fn keyword(&self, text: &str) -> Option<&str> {
        let TriggerKind::Keyword { any, how } = self else { return None };
        let text = fold(text);
        let hit = any.iter().find(|word| match how {
            Match::Exact => text == **word,
            Match::Prefix => text.starts_with(word.as_str()),
            Match::Word => contains_words(&text, word),
        });
        hit.map(String::as_str)
    }
}

/// Whether a folded text has a folded word in it, as a whole word.
pub(super) fn contains_words(text: &str, word: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(word).any(|(at, _)| {
        let before = text.get(..at).and_then(|t| t.chars().next_back());
        let after = text.get(at + word.len()..).and_then(|t| t.chars().next());
        !before.is_some_and(part) && !after.is_some_and(part)
    })
}

pub(super) fn read(reader: &mut Reader<'_>, fields: &Fields<'_>, home: &TimeZone) -> Vec<Trigger> {
    let Some(at) = fields.get("triggers") else {
        reader.report(explain::NO_TRIGGER, &fields.at, "the bot has no `triggers`");
        return Vec::new();
    };
    let items = reader.list(&at);
    if items.is_empty() {
        reader.report(explain::NO_TRIGGER, &at, "the bot has no triggers");
    }
    let triggers: Vec<Trigger> = items.iter().filter_map(|item| read_one(reader, item, home)).collect();
    let has_default = items.iter().any(|item| item.node.get("default").is_some());
    if !items.is_empty() && !has_default {
        reader.report(explain::NO_DEFAULT, &at, "there is no `default` trigger");
    }
    triggers
}

fn read_one(reader: &mut Reader<'_>, at: &At<'_>, home: &TimeZone) -> Option<Trigger> {
    let known: Vec<&str> = TYPES.iter().chain(COMMON).copied().collect();
    let fields = reader.fields(at, &known)?;
    let Some(kind_key) = TYPES.iter().copied().find(|key| fields.get(key).is_some()) else {
        let message = format!("a trigger needs a type: one of {}", super::read::list(TYPES));
        reader.report(explain::MISSING_KEY, at, message);
        return None;
    };
    let kind_at = fields.get(kind_key)?;
    let kind = match kind_key {
        "keyword" => read_keyword(reader, &kind_at)?,
        "pattern" => {
            let regex_at = reader.fields(&kind_at, &["regex"]).and_then(|fields| reader.required(&fields, "regex"))?;
            TriggerKind::Pattern(pattern(reader, &regex_at)?)
        }
        "payload" => {
            let at = reader.fields(&kind_at, &["prefix"]).and_then(|fields| reader.required(&fields, "prefix"))?;
            TriggerKind::Payload(reader.text(&at)?)
        }
        "flow_done" => read_flow_done(reader, &kind_at)?,
        "api" => read_api(reader, &kind_at)?,
        "schedule" => read_schedule(reader, &kind_at, home)?,
        "window_closing" => {
            let at = reader.fields(&kind_at, &["before"]).and_then(|fields| reader.required(&fields, "before"))?;
            let before_ms = reader.duration_ms(&at)?;
            if before_ms >= WINDOW_MS {
                reader.report(explain::WRONG_VALUE, &at, "the service window is open for 24 hours").help =
                    Some("write less, such as 1h".to_owned());
            }
            TriggerKind::WindowClosing { before_ms }
        }
        plain => {
            reader.fields(&kind_at, &[])?;
            match plain {
                "referral" => TriggerKind::Referral,
                "order" => TriggerKind::Order,
                "first_contact" => TriggerKind::FirstContact,
                _ => TriggerKind::Default,
            }
        }
    };
    let to = reader.required(&fields, "to").and_then(|at| reader.target(&at));
    let interrupt = fields.get("interrupt").and_then(|at| reader.word(&at, &["never", "if_waiting", "always"]));
    let when = fields.get("when").and_then(|at| reader.condition(&at, "the trigger never fires"));
    Some(Trigger { kind, to: to?, interrupts: matches!(interrupt, Some("if_waiting" | "always")), when })
}

fn read_flow_done(reader: &mut Reader<'_>, at: &At<'_>) -> Option<TriggerKind> {
    let fields = reader.fields(at, &["flow"])?;
    let Some(at) = fields.get("flow") else { return Some(TriggerKind::FlowDone(None)) };
    let flow = reader.text(&at)?;
    if !reader.flows.contains_key(&flow) {
        let near =
            nearest(&flow, reader.flows.keys().map(String::as_str)).map(|near| format!("did you mean `{near}`?"));
        reader.report(explain::UNKNOWN_FLOW, &at, format!("`flows` has no `{flow}`")).help = near;
    }
    Some(TriggerKind::FlowDone(Some(flow)))
}

fn read_api(reader: &mut Reader<'_>, at: &At<'_>) -> Option<TriggerKind> {
    let at = reader.fields(at, &["name"]).and_then(|fields| reader.required(&fields, "name"))?;
    reader.event_name(&at).map(TriggerKind::Api)
}

fn read_schedule(reader: &mut Reader<'_>, at: &At<'_>, home: &TimeZone) -> Option<TriggerKind> {
    let fields = reader.fields(at, &["cron", "zone"])?;
    let zone = match fields.get("zone") {
        Some(at) => hours::read_zone(reader, &at)?,
        None => home.clone(),
    };
    let at = reader.required(&fields, "cron")?;
    let text = reader.text(&at)?;
    match Cron::parse(&text) {
        Ok(cron) => Some(TriggerKind::Schedule(Box::new(Schedule { cron, zone }))),
        Err(why) => {
            let help = "five fields: minute, hour, day of the month, month, day of the week, such as \"0 9 * * 1-5\"";
            reader.report(explain::WRONG_VALUE, &at, why).help = Some(help.to_owned());
            None
        }
    }
}

fn read_keyword(reader: &mut Reader<'_>, at: &At<'_>) -> Option<TriggerKind> {
    let fields = reader.fields(at, &["any", "match"])?;
    let any_at = reader.required(&fields, "any")?;
    let mut any = Vec::new();
    for item in reader.list(&any_at) {
        let Some(text) = reader.text(&item) else { continue };
        let word = fold(&text);
        if word.is_empty() {
            reader.report(explain::WRONG_VALUE, &item, format!("`{text}` is not a word"));
        } else {
            any.push(word);
        }
    }
    let how = match fields.get("match").map(|at| reader.word(&at, &["exact", "word", "prefix"])) {
        Some(Some("word")) => Match::Word,
        Some(Some("prefix")) => Match::Prefix,
        _ => Match::Exact,
    };
    Some(TriggerKind::Keyword { any, how })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hit(how: Match, text: &str) -> bool {
        TriggerKind::Keyword { any: vec!["book".into(), "buenos días".into()], how }.keyword(text).is_some()
    }

    #[test]
    fn keywords_match_by_their_way() {
        assert!(hit(Match::Exact, " Book! "));
        assert!(!hit(Match::Exact, "book now"));
        assert!(hit(Match::Word, "I want to book, please"));
        assert!(!hit(Match::Word, "facebook"));
        assert!(hit(Match::Word, "hola, ¡BUENOS  DÍAS!"));
        assert!(hit(Match::Prefix, "bookings"));
        assert!(!hit(Match::Prefix, "my book"));
    }
}
