//! What counts as the answer to a question: its type, its bounds, and how it is read out of a message.
//!
//! Words are read as the person writes them: by their language (`contact.language`, else the bot's) and by the region of
//! that language, else of their number. An answer that can be read in two ways is refused unless `min` and `max`
//! leave one of them.

use jiff::Zoned;
use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use regex::Regex;
use serde_json::Value;
use whatsapp::message::MediaKind;

use super::super::answer;
use crate::bot::read::{At, Fields, Reader, pattern};
use crate::explain;
use crate::expr::filters::instant;
use crate::expr::{Expr, Template};
use crate::hours;
use crate::input::{Class, Incoming};
use crate::locale::dates::Written;
use crate::locale::{Locale, address, dates, number, phone, times};
use crate::names::nearest;
use crate::tree::Kind as TreeKind;
use crate::turn::{Fault, Walk};

/// Answer types.
pub const TYPES: &[&str] = &[
    "text", "number", "int", "date", "time", "datetime", "email", "phone", "url", "regex", "location", "media",
    "contact", "any",
];

#[derive(Default)]
pub(super) struct Expect {
    kind: Answer,
    /// The kinds of media that count; empty if all do.
    kinds: Vec<MediaKind>,
    size: Size,
    pattern: Option<Regex>,
    pub(super) check: Option<Expr>,
    zone: Option<TimeZone>,
}

/// `min` and `max`.
#[derive(Default)]
struct Size {
    min: Option<f64>,
    max: Option<f64>,
    from: Option<Template>,
    until: Option<Template>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum Answer {
    #[default]
    Text,
    Number,
    Int,
    Date,
    Time,
    Datetime,
    Email,
    Phone,
    Url,
    Regex,
    Location,
    Media,
    Contact,
    /// Whatever comes; for imported bots, whose questions took anything.
    Any,
}

/// Why there is no answer.
pub(super) enum Wrong {
    /// The person's: they are asked again.
    Answer(String),
    /// The bot's.
    Bot(Fault),
}

impl From<Fault> for Wrong {
    fn from(fault: Fault) -> Self {
        Wrong::Bot(fault)
    }
}

pub(super) fn read(reader: &mut Reader<'_>, at: &At<'_>) -> Option<Expect> {
    if !matches!(at.node.kind, TreeKind::Map(_)) {
        let kind = read_answer(reader, at)?;
        needs_pattern(reader, at, kind, false);
        return Some(Expect { kind, ..Expect::default() });
    }
    let fields = reader.fields(at, &["type", "min", "max", "pattern", "check", "kinds", "zone"])?;
    let kind = match fields.get("type") {
        Some(at) => read_answer(reader, &at)?,
        None => Answer::Text,
    };
    needs_pattern(reader, at, kind, fields.get("pattern").is_some());
    let size = read_size(reader, &fields, kind);
    let pattern = fields.get("pattern").and_then(|at| pattern(reader, &at));
    let check = fields.get("check").and_then(|at| reader.condition(&at, "no answer is ever right"));
    if matches!(kind, Answer::Location | Answer::Media | Answer::Contact)
        && let Some(at) = fields.get("pattern")
    {
        reader.report(explain::WRONG_VALUE, &at, "`pattern` is for words and numbers; use `check`");
    }
    let kinds = fields.get("kinds").map(|at| read_kinds(reader, &at, kind)).unwrap_or_default();
    let zone = fields.get("zone").and_then(|at| {
        if !kind.is_on_the_calendar() {
            reader.report(explain::WRONG_VALUE, &at, "`zone` is for answers of type date, time and datetime");
        }
        hours::read_zone(reader, &at)
    });
    Some(Expect { kind, kinds, size, pattern, check, zone })
}

fn needs_pattern(reader: &mut Reader<'_>, at: &At<'_>, kind: Answer, has_one: bool) {
    if kind == Answer::Regex && !has_one {
        reader.report(explain::MISSING_KEY, at, "an answer of type `regex` needs a `pattern`").help =
            Some("write `expect: { type: regex, pattern: \"^[A-Z]{2}[0-9]{4}$\" }`".to_owned());
    }
}

fn read_size(reader: &mut Reader<'_>, fields: &Fields<'_>, kind: Answer) -> Size {
    let (min_at, max_at) = (fields.get("min"), fields.get("max"));
    let mut size = Size::default();
    match kind {
        Answer::Text | Answer::Number | Answer::Int | Answer::Regex | Answer::Any => {
            size.min = min_at.as_ref().and_then(|at| reader.number(at));
            size.max = max_at.and_then(|at| reader.number(&at));
            if let (Some(at), Some(min), Some(max)) = (min_at, size.min, size.max)
                && min > max
            {
                reader.report(explain::WRONG_VALUE, &at, format!("`min` {min} is above `max` {max}"));
            }
        }
        Answer::Date | Answer::Time | Answer::Datetime => {
            size.from = min_at.and_then(|at| read_moment(reader, &at, kind));
            size.until = max_at.and_then(|at| read_moment(reader, &at, kind));
        }
        _ => {
            for (key, at) in [("min", min_at), ("max", max_at)] {
                if let Some(at) = at {
                    reader.report(explain::WRONG_VALUE, &at, format!("`{key}` is for words and numbers; use `check`"));
                }
            }
        }
    }
    size
}

/// A bound on the calendar or the clock; what is no template must be one.
fn read_moment(reader: &mut Reader<'_>, at: &At<'_>, kind: Answer) -> Option<Template> {
    let template = reader.template(at)?;
    let Some(text) = template.as_plain() else { return Some(template) };
    let some_day = Date::new(2026, 1, 1).ok()?.to_zoned(TimeZone::UTC).ok()?;
    let (known, help) = match kind {
        Answer::Time => (text.parse::<Time>().is_ok(), "write 09:00"),
        Answer::Date => (
            dates::bound(text, some_day.date()).is_some(),
            "write 2026-04-03, today, or a distance from today such as +30d, -18y, +2w, +3mo",
        ),
        _ => (
            moment(text, &some_day).is_some(),
            "write 2026-04-03T14:30, now, today, or a distance from now such as +2h, +90m, +30d",
        ),
    };
    if !known {
        reader.report(explain::WRONG_VALUE, at, format!("`{text}` is no bound for an answer of this type")).help =
            Some(help.to_owned());
    }
    Some(template)
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
    let found = Answer::from_name(&name);
    if found.is_none() {
        let near = nearest(&name, TYPES.iter().copied());
        reader.report(explain::UNKNOWN_TYPE, at, format!("unknown answer type `{name}`")).help =
            Some(near.map_or_else(
                || format!("types are {}", crate::bot::read::list(TYPES)),
                |near| format!("did you mean `{near}`?"),
            ));
    }
    found
}

impl Answer {
    fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "text" => Answer::Text,
            "number" => Answer::Number,
            "int" => Answer::Int,
            "date" => Answer::Date,
            "time" => Answer::Time,
            "datetime" => Answer::Datetime,
            "email" => Answer::Email,
            "phone" => Answer::Phone,
            "url" => Answer::Url,
            "regex" => Answer::Regex,
            "location" => Answer::Location,
            "media" => Answer::Media,
            "contact" => Answer::Contact,
            "any" => Answer::Any,
            _ => return None,
        })
    }

    fn is_on_the_calendar(self) -> bool {
        matches!(self, Answer::Date | Answer::Time | Answer::Datetime)
    }
}

impl Expect {
    /// Whether a message of this type can be the answer at all.
    pub(super) fn takes(&self, message: &Incoming) -> bool {
        match self.kind {
            Answer::Location => message.location.is_some(),
            Answer::Media => message.media.is_some() && self.takes_media(&message.kind),
            Answer::Contact => message.kind == "contacts" && message.data.is_some(),
            Answer::Any => message.is_answer(),
            _ => matches!(message.class(), Class::Text | Class::Tap),
        }
    }

    fn takes_media(&self, kind: &str) -> bool {
        self.kinds.is_empty() || self.kinds.iter().any(|known| known.as_str() == kind)
    }

    /// The answer as a value, or why it is none.
    pub(super) fn parse(&self, message: &Incoming, walk: &Walk<'_>) -> Result<Value, Wrong> {
        let text = message.text.trim();
        if let Some(pattern) = &self.pattern
            && !pattern.is_match(text)
        {
            return Err(Wrong::Answer("the answer does not match the pattern".to_owned()));
        }
        let locale = walk.locale();
        match self.kind {
            Answer::Text | Answer::Regex => self.words(text),
            Answer::Number | Answer::Int => self.number(text, &locale),
            Answer::Date => self.date(text, &locale, walk),
            Answer::Time => self.time(text, &locale, walk),
            Answer::Datetime => self.datetime(text, &locale, walk),
            Answer::Email => address::email(text).map(Value::from).ok_or_else(|| not("a mail address")),
            Answer::Url => address::url(text).map(Value::from).ok_or_else(|| not("the address of a page")),
            Answer::Phone => one(phone::parse(text, &locale), "a telephone number", Clone::clone).map(Value::from),
            Answer::Location | Answer::Media | Answer::Contact | Answer::Any => Ok(answer::whole(message)),
        }
    }

    fn words(&self, text: &str) -> Result<Value, Wrong> {
        if text.is_empty() {
            return Err(Wrong::Answer("the answer is empty".to_owned()));
        }
        #[allow(clippy::cast_precision_loss)] // texts are far below 2^52 characters
        self.size.holds(text.chars().count() as f64, " characters")?;
        Ok(Value::String(text.to_owned()))
    }

    fn number(&self, text: &str, locale: &Locale) -> Result<Value, Wrong> {
        let value = number::parse(text, locale).ok_or_else(|| not("a number"))?;
        if self.kind == Answer::Int && !(value.is_i64() || value.is_u64()) {
            return Err(not("a whole number"));
        }
        self.size.holds(value.as_f64().unwrap_or_default(), "")?;
        Ok(value)
    }

    fn date(&self, text: &str, locale: &Locale, walk: &Walk<'_>) -> Result<Value, Wrong> {
        let today = self.now(walk).date();
        let bounds = self.size.bounds(walk, |text| dates::bound(text, today))?;
        let found = dates::parse(text, locale, Written { today, until: bounds.until });
        let found = bounds.keep(found, ToString::to_string)?;
        one(found, "a date", ToString::to_string).map(|day| day.to_string().into())
    }

    fn time(&self, text: &str, locale: &Locale, walk: &Walk<'_>) -> Result<Value, Wrong> {
        let bounds = self.size.bounds(walk, |text| text.trim().parse::<Time>().ok())?;
        let found = bounds.keep(times::parse(text, locale), |time| times::short(*time))?;
        one(found, "a time", |time| times::short(*time)).map(|time| times::short(time).into())
    }

    fn datetime(&self, text: &str, locale: &Locale, walk: &Walk<'_>) -> Result<Value, Wrong> {
        let now = self.now(walk);
        let zone = now.time_zone().clone();
        let bounds = self.size.bounds(walk, |text| moment(text, &now))?;
        let found = match text.parse::<jiff::Timestamp>() {
            Ok(at) => vec![at.to_zoned(zone)],
            Err(_) => {
                let written = Written { today: now.date(), until: bounds.until.as_ref().map(Zoned::date) };
                let local = times::parse_both(text, locale, written);
                local
                    .into_iter()
                    .filter_map(|at| at.to_zoned(zone.clone()).ok().filter(|zoned| zoned.datetime() == at))
                    .collect()
            }
        };
        let found = bounds.keep(found, with_offset)?;
        one(found, "a day and a time", with_offset).map(|at| with_offset(&at).into())
    }

    /// Now, where the answer is read.
    fn now(&self, walk: &Walk<'_>) -> Zoned {
        walk.now_in(self.zone.clone().unwrap_or_else(|| walk.bot().policies.zone()))
    }
}

/// `2026-04-03T14:30:00+02:00`.
fn with_offset(at: &Zoned) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
}

/// A moment that a bot names: an instant, `now`, `today`, `+2h`.
fn moment(text: &str, now: &Zoned) -> Option<Zoned> {
    match text.trim() {
        "now" => Some(now.clone()),
        "today" => now.start_of_day().ok(),
        text if text.starts_with(['+', '-']) => now.checked_add(dates::span(text)?).ok(),
        text => instant(text, now.time_zone()),
    }
}

fn not(what: &str) -> Wrong {
    Wrong::Answer(format!("the answer is not {what}"))
}

/// The only reading.
fn one<T>(mut found: Vec<T>, what: &str, shown: impl Fn(&T) -> String) -> Result<T, Wrong> {
    if found.len() > 1 {
        let readings: Vec<String> = found.iter().take(4).map(shown).collect();
        return Err(Wrong::Answer(format!("the answer can be read as {}", readings.join(" or "))));
    }
    found.pop().ok_or_else(|| not(what))
}

impl Size {
    fn holds(&self, actual: f64, unit: &str) -> Result<(), Wrong> {
        match (self.min, self.max) {
            (Some(min), _) if actual < min => Err(Wrong::Answer(format!("{actual}{unit} is below {min}"))),
            (_, Some(max)) if actual > max => Err(Wrong::Answer(format!("{actual}{unit} is above {max}"))),
            _ => Ok(()),
        }
    }

    fn bounds<T>(&self, walk: &Walk<'_>, read: impl Fn(&str) -> Option<T>) -> Result<Bounds<T>, Fault> {
        let bound = |template: &Option<Template>| match template {
            None => Ok(None),
            Some(template) => {
                let text = walk.text(template)?;
                if text.trim().is_empty() {
                    return Ok(None);
                }
                let wrong = || Fault::failed(format!("`{}` is no bound for this answer", crate::expr::clip(&text)));
                read(text.trim()).map(Some).ok_or_else(wrong)
            }
        };
        Ok(Bounds { from: bound(&self.from)?, until: bound(&self.until)? })
    }
}

/// `min` and `max` of a moment, both included.
struct Bounds<T> {
    from: Option<T>,
    until: Option<T>,
}

impl<T: PartialOrd> Bounds<T> {
    /// The readings within the bounds; an error if there were some, and none is.
    fn keep(&self, found: Vec<T>, shown: impl Fn(&T) -> String) -> Result<Vec<T>, Wrong> {
        let early = |at: &T| self.from.as_ref().is_some_and(|from| at < from);
        let late = |at: &T| self.until.as_ref().is_some_and(|until| at > until);
        let why = found.first().map(|at| match (&self.from, &self.until) {
            (Some(from), _) if early(at) => format!("{} is before {}", shown(at), shown(from)),
            (_, Some(until)) => format!("{} is after {}", shown(at), shown(until)),
            _ => String::new(),
        });
        let kept: Vec<T> = found.into_iter().filter(|at| !early(at) && !late(at)).collect();
        match why {
            Some(why) if kept.is_empty() => Err(Wrong::Answer(why)),
            _ => Ok(kept),
        }
    }
}
