//! Filters and tests of days and times.
//!
//! Dates come as texts (`2026-11-22`, `2026-11-22T10:00:00Z`, with an offset or without) or as seconds since 1970;
//! numbers above 10^11 are milliseconds. A day stays a day, an instant an instant. A zone is UTC where none is named.

use std::cmp::Ordering;

use jiff::fmt::strtime;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan, Unit, Zoned, civil};
use minijinja::value::Value;
use minijinja::{Environment, Error, State};

use super::invalid;
use crate::expr::{clip, print};
use crate::locale::{Locale, dates, words};

pub(super) fn install(env: &mut Environment<'static>) {
    env.add_filter("date", date);
    env.add_filter("shift", shift);
    env.add_filter("in_zone", |value: Value, zone: String| {
        moment(&value, Some(&zone)).map(|at| at.map_or_else(String::new, |at| with_offset(&at.zoned)))
    });
    env.add_filter("weekday", |value: Value, locale: Option<String>, zone: Option<String>| {
        let at = moment(&value, zone.as_deref())?;
        Ok::<_, Error>(at.map_or_else(String::new, |at| translated("%A", &at.zoned, locale.as_deref().unwrap_or("en"))))
    });
    env.add_filter("start_of", |value: Value, unit: String, zone: Option<String>| edge(&value, &unit, zone, false));
    env.add_filter("end_of", |value: Value, unit: String, zone: Option<String>| edge(&value, &unit, zone, true));
    env.add_filter("until", until);
    env.add_filter("age", age);
    env.add_test("past", is_past);
    env.add_test("future", is_future);
    env.add_test("today", is_today);
    env.add_test("weekend", |value: Value, zone: Option<String>| day_is(&value, zone.as_deref(), |day| day >= 6));
    env.add_test("weekday", |value: Value, zone: Option<String>| day_is(&value, zone.as_deref(), |day| day < 6));
    env.add_test("date", |value: Value| {
        value.as_str().is_some_and(|text| text.len() == 10 && text.parse::<civil::Date>().is_ok())
    });
    env.add_test("time", |value: Value| {
        value.as_str().is_some_and(|text| text.contains(':') && text.parse::<civil::Time>().is_ok() && text.len() <= 8)
    });
    env.add_test("datetime", |value: Value| {
        let known = |text: &str| text.parse::<Timestamp>().is_ok() || text.parse::<civil::DateTime>().is_ok();
        value.as_str().is_some_and(|text| text.contains(':') && known(text))
    });
}

/// A moment, and whether it was written as a day.
struct Moment {
    zoned: Zoned,
    is_day: bool,
}

impl Moment {
    fn written(&self, zoned: &Zoned) -> String {
        if self.is_day { zoned.date().to_string() } else { with_offset(zoned) }
    }
}

fn with_offset(at: &Zoned) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
}

fn read_zone(name: Option<&str>) -> Result<TimeZone, Error> {
    match name {
        Some(name) => TimeZone::get(name).map_err(|_| invalid(format!("unknown time zone `{}`", clip(name)))),
        None => Ok(TimeZone::UTC),
    }
}

/// A value as a moment; `None` if there is no value.
fn moment(value: &Value, zone: Option<&str>) -> Result<Option<Moment>, Error> {
    let text = print(value).unwrap_or_default();
    let text = text.trim();
    if value.is_undefined() || value.is_none() || text.is_empty() {
        return Ok(None);
    }
    let zone = read_zone(zone)?;
    let zoned = super::instant(text, &zone).ok_or_else(|| invalid(format!("`{}` is not a date", clip(text))))?;
    Ok(Some(Moment { zoned, is_day: text.len() == 10 && text.parse::<civil::Date>().is_ok() }))
}

fn now(state: &State, zone: Option<&str>) -> Result<Zoned, Error> {
    let now = state.lookup("now").unwrap_or_default();
    moment(&now, zone)?.map(|now| now.zoned).ok_or_else(|| invalid("there is no `now` here"))
}

fn date(value: Value, format: Option<String>, zone: Option<String>, locale: Option<String>) -> Result<String, Error> {
    let Some(at) = moment(&value, zone.as_deref())? else { return Ok(String::new()) };
    let format = format.unwrap_or_else(|| "%F".to_owned());
    let named = names(&format, &at.zoned, locale.as_deref());
    strtime::format(&named, &at.zoned).map_err(|error| invalid(format!("date format `{}`: {error}", clip(&format))))
}

fn translated(format: &str, at: &Zoned, locale: &str) -> String {
    let named = names(format, at, Some(locale));
    strtime::format(&named, at).unwrap_or_default()
}

/// The format with the names of days and months of a language in it, which the library knows in English only.
fn names(format: &str, at: &Zoned, locale: Option<&str>) -> String {
    let words = locale.and_then(|locale| words::of(&Locale::parse(locale).language));
    let Some(words) = words else { return format.to_owned() };
    let month = usize::from(at.month().unsigned_abs()).saturating_sub(1);
    let day = usize::from(at.weekday().to_monday_zero_offset().unsigned_abs());
    let mut out = String::new();
    let mut chars = format.chars();
    while let Some(c) = chars.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        match chars.next() {
            Some('B') => out.push_str(words.months.get(month).unwrap_or(&"")),
            Some('b' | 'h') => out.push_str(words.short_months.get(month).unwrap_or(&"")),
            Some('A') => out.push_str(words.days.get(day).unwrap_or(&"")),
            Some('a') => out.push_str(words.short_days.get(day).unwrap_or(&"")),
            Some(other) => out.extend(['%', other]),
            None => out.push('%'),
        }
    }
    out
}

fn shift(value: Value, by: String, zone: Option<String>) -> Result<String, Error> {
    let Some(at) = moment(&value, zone.as_deref())? else { return Ok(String::new()) };
    let wrong = || invalid(format!("`{}` is no distance; write +3d, -2h, +1mo", clip(&by)));
    let span = dates::span(by.trim()).ok_or_else(wrong)?;
    let moved = at.zoned.checked_add(span).map_err(|_| wrong())?;
    Ok(at.written(&moved))
}

/// The first or last day of a week, month or year, or moment of a day.
fn edge(value: &Value, unit: &str, zone: Option<String>, last: bool) -> Result<String, Error> {
    let Some(at) = moment(value, zone.as_deref())? else { return Ok(String::new()) };
    let day = at.zoned.date();
    let back = i64::from(day.weekday().to_monday_zero_offset());
    let first = match unit {
        "day" => {
            let found = if last { at.zoned.end_of_day() } else { at.zoned.start_of_day() };
            return found.map(|found| with_offset(&found)).map_err(|error| invalid(error.to_string()));
        }
        "week" if last => day.checked_add((6 - back).days()),
        "week" => day.checked_sub(back.days()),
        "month" => Ok(if last { day.last_of_month() } else { day.first_of_month() }),
        "year" => Ok(if last { day.last_of_year() } else { day.first_of_year() }),
        other => return Err(invalid(format!("`{}` is not day, week, month or year", clip(other)))),
    };
    first.map(|day| day.to_string()).map_err(|error| invalid(error.to_string()))
}

/// Whole days, hours, minutes, weeks, months or years from one moment to another.
fn until(value: Value, other: Value, unit: Option<String>, zone: Option<String>) -> Result<Value, Error> {
    let zone = zone.as_deref();
    let (Some(from), Some(to)) = (moment(&value, zone)?, moment(&other, zone)?) else { return Ok(Value::from(())) };
    let unit_name = unit.unwrap_or_else(|| "days".to_owned());
    let unit = match unit_name.as_str() {
        "minutes" => Unit::Minute,
        "hours" => Unit::Hour,
        "days" => Unit::Day,
        "weeks" => Unit::Week,
        "months" => Unit::Month,
        "years" => Unit::Year,
        other => return Err(invalid(format!("`{}` is not minutes, hours, days, weeks, months or years", clip(other)))),
    };
    // Days are counted by the calendar: from Monday evening to Tuesday morning it is one.
    let by_day = unit > Unit::Hour;
    let span = match by_day {
        true => from.zoned.date().until((unit, to.zoned.date())),
        false => from.zoned.until((unit, &to.zoned)),
    };
    let span = span.map_err(|error| invalid(error.to_string()))?;
    Ok(Value::from(match unit {
        Unit::Minute => span.get_minutes(),
        Unit::Hour => i64::from(span.get_hours()),
        Unit::Day => i64::from(span.get_days()),
        Unit::Week => i64::from(span.get_weeks()),
        Unit::Month => i64::from(span.get_months()),
        _ => i64::from(span.get_years()),
    }))
}

fn age(state: &State, value: Value, zone: Option<String>) -> Result<Value, Error> {
    let Some(born) = moment(&value, zone.as_deref())? else { return Ok(Value::from(())) };
    let today = now(state, zone.as_deref())?.date();
    let span = born.zoned.date().until((Unit::Year, today)).map_err(|error| invalid(error.to_string()))?;
    Ok(Value::from(span.get_years()))
}

fn is_past(state: &State, value: Value) -> Result<bool, Error> {
    Ok(compare(state, &value)? == Some(Ordering::Less))
}

fn is_future(state: &State, value: Value) -> Result<bool, Error> {
    Ok(compare(state, &value)? == Some(Ordering::Greater))
}

fn is_today(state: &State, value: Value, zone: Option<String>) -> Result<bool, Error> {
    let now = now(state, zone.as_deref())?;
    Ok(moment(&value, zone.as_deref())?.is_some_and(|at| at.zoned.date() == now.date()))
}

/// How a moment lies to now; a day is held against the day.
fn compare(state: &State, value: &Value) -> Result<Option<Ordering>, Error> {
    let Some(at) = moment(value, None)? else { return Ok(None) };
    let now = now(state, None)?;
    let order = match at.is_day {
        true => at.zoned.date().cmp(&now.date()),
        false => at.zoned.cmp(&now),
    };
    Ok(Some(order))
}

fn day_is(value: &Value, zone: Option<&str>, holds: impl Fn(i8) -> bool) -> Result<bool, Error> {
    Ok(moment(value, zone)?.is_some_and(|at| holds(at.zoned.weekday().to_monday_one_offset())))
}
