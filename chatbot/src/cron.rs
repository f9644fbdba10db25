//! Times of day and days as `cron` writes them: five fields, minute, hour, day of the month, month, day of the week.
//!
//! `*`, `5`, `1-5`, `*/15`, `8-18/2` and lists of them; months and days of the week also by name, Sunday is 0 or 7.
//! Where both kinds of day are named, either is enough. `@hourly`, `@daily`, `@weekly`, `@monthly` and `@yearly` stand for
//! their first minute. A time that a change of the clock leaves out comes when the clock goes on; one that comes twice
//! counts once, unless it is one of every hour.

use jiff::civil::{Date, DateTime};
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{Timestamp, ToSpan};

use crate::caps;

/// How far ahead a time is looked for: the 29th of February is at most eight years away.
const DAYS_AHEAD: usize = 8 * 366 + 1;
const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const DAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

/// When something happens again and again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cron {
    source: String,
    /// A bit for each minute, hour, …
    minutes: u64,
    hours: u64,
    days: u64,
    months: u64,
    weekdays: u64,
    /// The day of the month, and that of the week, is not `*`.
    by_day: bool,
    by_weekday: bool,
}

impl Cron {
    /// Reads an expression, or says what is wrong with it.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let source = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let written = match source.as_str() {
            "@hourly" => "0 * * * *",
            "@daily" => "0 0 * * *",
            "@weekly" => "0 0 * * 0",
            "@monthly" => "0 0 1 * *",
            "@yearly" => "0 0 1 1 *",
            other => other,
        };
        let fields: Vec<&str> = written.split(' ').collect();
        let [minute, hour, day, month, weekday] = fields[..] else {
            return Err(format!("`{source}` has {} fields, five are needed", fields.len()));
        };
        let weekdays = set("day of the week", weekday, 0, 7, &DAYS)?;
        let cron = Self {
            minutes: set("minute", minute, 0, 59, &[])?,
            hours: set("hour", hour, 0, 23, &[])?,
            days: set("day of the month", day, 1, 31, &[])?,
            months: set("month", month, 1, 12, &MONTHS)?,
            weekdays: (weekdays | weekdays >> 7) & 0x7F,
            by_day: !day.starts_with('*'),
            by_weekday: !weekday.starts_with('*'),
            source,
        };
        if cron.minutes.count_ones() > caps::MAX_SCHEDULE_PER_HOUR {
            let most = caps::MAX_SCHEDULE_PER_HOUR;
            return Err(format!("`{}` comes over {most} times in an hour", cron.source));
        }
        match cron.next_ms(0, &TimeZone::UTC) {
            Some(_) => Ok(cron),
            None => Err(format!("`{}` never comes", cron.source)),
        }
    }

    /// As it was written, with single spaces.
    pub(crate) fn source(&self) -> &str {
        &self.source
    }

    /// The first time after this moment, by the clock of the place.
    pub(crate) fn next_ms(&self, after_ms: u64, zone: &TimeZone) -> Option<u64> {
        let after = Timestamp::from_millisecond(i64::try_from(after_ms).ok()?).ok()?;
        // A clock that was put back shows an hour twice, so the day before may still go on.
        let mut day = after.to_zoned(zone.clone()).date().checked_sub(1.day()).ok()?;
        for _ in 0..DAYS_AHEAD {
            if self.on(day)
                && let Some(at) = self.of_day(day, zone).into_iter().filter(|at| *at > after).min()
            {
                return u64::try_from(at.as_millisecond()).ok();
            }
            day = day.checked_add(1.day()).ok()?;
        }
        None
    }

    fn on(&self, day: Date) -> bool {
        let has = |set: u64, at: i8| set >> at & 1 == 1;
        let weekday = day.weekday().to_sunday_zero_offset();
        let by_day = match (self.by_day, self.by_weekday) {
            (true, true) => has(self.days, day.day()) || has(self.weekdays, weekday),
            _ => has(self.days, day.day()) && has(self.weekdays, weekday),
        };
        by_day && has(self.months, day.month())
    }

    fn of_day(&self, day: Date, zone: &TimeZone) -> Vec<Timestamp> {
        let hours = (0..24).filter(|hour| self.hours >> hour & 1 == 1);
        let times =
            hours.flat_map(|hour| (0..60).filter(|minute| self.minutes >> minute & 1 == 1).map(move |m| (hour, m)));
        times.flat_map(|(hour, minute)| self.moments(day.at(hour, minute, 0, 0), zone)).collect()
    }

    fn moments(&self, at: DateTime, zone: &TimeZone) -> Vec<Timestamp> {
        let every_hour = self.hours.count_ones() == 24;
        let ambiguous = zone.to_ambiguous_timestamp(at);
        let found = match ambiguous.offset() {
            AmbiguousOffset::Unambiguous { .. } => vec![ambiguous.compatible()],
            // Those of every hour come in the hours that there are.
            AmbiguousOffset::Gap { .. } if every_hour => Vec::new(),
            AmbiguousOffset::Gap { .. } => vec![ambiguous.later()],
            AmbiguousOffset::Fold { .. } if every_hour => vec![ambiguous.earlier(), ambiguous.later()],
            AmbiguousOffset::Fold { .. } => vec![ambiguous.earlier()],
        };
        found.into_iter().flatten().collect()
    }
}

/// The values of a field as bits.
fn set(field: &str, text: &str, least: u32, most: u32, names: &[&str]) -> Result<u64, String> {
    let mut bits = 0;
    for part in text.split(',') {
        bits |= range(part, least, most, names).ok_or_else(|| format!("`{part}` is no {field}"))?;
    }
    Ok(bits)
}

fn range(part: &str, least: u32, most: u32, names: &[&str]) -> Option<u64> {
    let value = |text: &str| {
        let lower = text.to_lowercase();
        let named = names.iter().position(|name| *name == lower).and_then(|at| u32::try_from(at).ok());
        let number = || text.parse::<u32>().ok().filter(|_| text.bytes().all(|b| b.is_ascii_digit()));
        let found = named.map(|at| at + least).or_else(number)?;
        (least..=most).contains(&found).then_some(found)
    };
    let (span, step) = match part.split_once('/') {
        Some((span, step)) => {
            (span, Some(step.parse::<usize>().ok().filter(|step| (1..=most as usize).contains(step))?))
        }
        None => (part, None),
    };
    let (from, to) = match (span, span.split_once('-')) {
        ("*", _) => (least, if most == 7 { 6 } else { most }),
        (_, Some((from, to))) => (value(from)?, value(to)?),
        (one, None) if step.is_some() => (value(one)?, most),
        (one, None) => (value(one)?, value(one)?),
    };
    (from <= to).then(|| (from..=to).step_by(step.unwrap_or(1)).fold(0, |bits, at| bits | 1 << at))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The next times after a moment.
    fn times(cron: &str, after: &str, zone: &str, count: usize) -> Vec<String> {
        let zone = TimeZone::get(zone).unwrap();
        let cron = Cron::parse(cron).unwrap();
        let mut at = u64::try_from(after.parse::<Timestamp>().unwrap().as_millisecond()).unwrap();
        let mut found = Vec::new();
        for _ in 0..count {
            at = cron.next_ms(at, &zone).unwrap();
            let shown = Timestamp::from_millisecond(i64::try_from(at).unwrap()).unwrap().to_zoned(zone.clone());
            found.push(shown.strftime("%a %F %H:%M%:z").to_string());
        }
        found
    }

    #[test]
    fn the_next_times_are_those_of_the_fields() {
        let from = "2026-11-22T10:00:00Z";
        for (cron, expected) in [
            ("0 9 * * 1-5", ["Mon 2026-11-23 09:00+00:00", "Tue 2026-11-24 09:00+00:00"]),
            ("*/30 10 * * *", ["Sun 2026-11-22 10:30+00:00", "Mon 2026-11-23 10:00+00:00"]),
            ("0 8-18/5 * * *", ["Sun 2026-11-22 13:00+00:00", "Sun 2026-11-22 18:00+00:00"]),
            ("15 6 1 jan,Jul *", ["Fri 2027-01-01 06:15+00:00", "Thu 2027-07-01 06:15+00:00"]),
            ("0 0 29 2 *", ["Tue 2028-02-29 00:00+00:00", "Sun 2032-02-29 00:00+00:00"]),
            ("0 0 * * sun", ["Sun 2026-11-29 00:00+00:00", "Sun 2026-12-06 00:00+00:00"]),
            ("0 0 * * 7", ["Sun 2026-11-29 00:00+00:00", "Sun 2026-12-06 00:00+00:00"]),
            // Either kind of day is enough.
            ("0 0 24 * 1", ["Mon 2026-11-23 00:00+00:00", "Tue 2026-11-24 00:00+00:00"]),
            ("@hourly", ["Sun 2026-11-22 11:00+00:00", "Sun 2026-11-22 12:00+00:00"]),
            ("@monthly", ["Tue 2026-12-01 00:00+00:00", "Fri 2027-01-01 00:00+00:00"]),
        ] {
            assert_eq!(times(cron, from, "UTC", 2), expected, "{cron}");
        }
    }

    #[test]
    fn a_time_that_the_clock_leaves_out_comes_when_it_goes_on() {
        // On 28 March 2027 the clock goes from 02:00 to 03:00.
        let from = "2027-03-27T12:00:00Z";
        assert_eq!(
            times("30 2 * * *", from, "Europe/Berlin", 2),
            ["Sun 2027-03-28 03:30+02:00", "Mon 2027-03-29 02:30+02:00"]
        );
        assert_eq!(
            times("30 * * * *", "2027-03-28T00:00:00Z", "Europe/Berlin", 3),
            ["Sun 2027-03-28 01:30+01:00", "Sun 2027-03-28 03:30+02:00", "Sun 2027-03-28 04:30+02:00"]
        );
    }

    #[test]
    fn a_time_that_comes_twice_counts_once() {
        // On 31 October 2027 the clock goes from 03:00 back to 02:00.
        let from = "2027-10-30T12:00:00Z";
        assert_eq!(
            times("30 2 * * *", from, "Europe/Berlin", 2),
            ["Sun 2027-10-31 02:30+02:00", "Mon 2027-11-01 02:30+01:00"]
        );
        assert_eq!(
            times("*/30 * * * *", "2027-10-31T00:10:00Z", "Europe/Berlin", 4),
            [
                "Sun 2027-10-31 02:30+02:00",
                "Sun 2027-10-31 02:00+01:00",
                "Sun 2027-10-31 02:30+01:00",
                "Sun 2027-10-31 03:00+01:00"
            ]
        );
    }

    #[test]
    fn a_day_that_a_zone_leaves_out_stops_nothing() {
        // Samoa went over the date line: there was no 30 December 2011.
        assert_eq!(
            times("0 9 * * *", "2011-12-29T20:00:00Z", "Pacific/Apia", 2),
            ["Sat 2011-12-31 09:00+14:00", "Sun 2012-01-01 09:00+14:00"]
        );
    }

    #[test]
    fn what_is_no_schedule_is_refused_with_the_reason() {
        for (cron, why) in [
            ("", "has 1 fields"),
            ("0 9 * *", "has 4 fields"),
            ("0 0 9 * * 1", "has 6 fields"),
            ("60 * * * *", "`60` is no minute"),
            ("0 24 * * *", "`24` is no hour"),
            ("0 0 0 * *", "`0` is no day of the month"),
            ("0 0 1 foo *", "`foo` is no month"),
            ("0 0 * * 8", "`8` is no day of the week"),
            ("0 5-3 * * *", "`5-3` is no hour"),
            ("*/0 * * * *", "`*/0` is no minute"),
            ("+5 * * * *", "`+5` is no minute"),
            ("0 0 31 2 *", "never comes"),
            ("* * * * *", "over 12 times in an hour"),
        ] {
            let error = Cron::parse(cron).unwrap_err();
            assert!(error.contains(why), "{cron}: {error}");
        }
    }
}
