//! Business hours: `{zone, open: {mon-fri: "09:00-17:00"}, closed: [2026-12-25]}`.
//!
//! A span that ends before it begins (`22:00-02:00`) reaches into the next day. On closed days nothing is open.

use std::collections::BTreeSet;

use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use crate::bot::read::{At, Reader};
use crate::explain;
use crate::tree::Kind;

/// How far ahead an opening is looked for.
const DAYS_AHEAD: usize = 400;
const MINUTES_PER_DAY: u16 = 24 * 60;
const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// When somebody is there.
#[derive(Clone, Debug)]
pub(crate) struct Hours {
    zone: TimeZone,
    /// Minutes of the day, from and until, in order, for each day from Monday.
    open: [Vec<(u16, u16)>; 7],
    closed: BTreeSet<Date>,
}

impl Hours {
    /// The first moment from `now_ms` on when it is open; `None` if there is none within 400 days.
    pub(crate) fn next_open_ms(&self, now_ms: u64) -> Option<u64> {
        let now = Timestamp::from_millisecond(i64::try_from(now_ms).ok()?).ok()?.to_zoned(self.zone.clone());
        let mut day = now.date();
        for _ in 0..DAYS_AHEAD {
            for (from, until) in self.spans(day) {
                let (from_ms, until_ms) = (self.instant_ms(day, *from)?, self.instant_ms(day, *until)?);
                if now_ms < until_ms {
                    return Some(now_ms.max(from_ms));
                }
            }
            day = day.checked_add(1.day()).ok()?;
        }
        None
    }

    pub(crate) fn zone(&self) -> &TimeZone {
        &self.zone
    }

    fn spans(&self, day: Date) -> &[(u16, u16)] {
        if self.closed.contains(&day) {
            return &[];
        }
        self.open.get(usize::from(day.weekday().to_monday_zero_offset().unsigned_abs())).map_or(&[], Vec::as_slice)
    }

    fn instant_ms(&self, day: Date, minute: u16) -> Option<u64> {
        let (day, minute) = match minute {
            MINUTES_PER_DAY => (day.checked_add(1.day()).ok()?, 0),
            minute => (day, minute),
        };
        let time = Time::midnight().checked_add(i64::from(minute).minutes()).ok()?;
        let at = day.to_datetime(time).to_zoned(self.zone.clone()).ok()?;
        u64::try_from(at.timestamp().as_millisecond()).ok()
    }
}

/// Reads business hours; reports and gives none if they cannot be used.
pub(crate) fn read(reader: &mut Reader<'_>, at: &At<'_>) -> Option<Hours> {
    let fields = reader.fields(at, &["zone", "open", "closed"])?;
    let zone = reader.required(&fields, "zone").and_then(|at| read_zone(reader, &at));
    let mut open: [Vec<(u16, u16)>; 7] = Default::default();
    let open_at = reader.required(&fields, "open")?;
    for (entry, at) in reader.entries(&open_at) {
        let Some(days) = days(&entry.key) else {
            let message = format!("`{}` is not a day", entry.key);
            reader.report_span(explain::WRONG_VALUE, entry.key_span.clone(), &at.pointer, message).help =
                Some("write mon, tue, wed, thu, fri, sat, sun or mon-fri".to_owned());
            continue;
        };
        let items = if matches!(at.node.kind, Kind::List(_)) { reader.list(&at) } else { vec![at] };
        for item in items {
            let Some((from, until)) = read_span(reader, &item) else { continue };
            for day in &days {
                put(&mut open, *day, from, until);
            }
        }
    }
    if open.iter().all(Vec::is_empty) && reader.error_count() == 0 {
        reader.report(explain::WRONG_VALUE, &open_at, "these hours are never open");
    }
    open.iter_mut().for_each(|spans| spans.sort_unstable());
    let closed = fields.get("closed").map(|at| read_closed(reader, &at)).unwrap_or_default();
    Some(Hours { zone: zone?, open, closed })
}

/// A time zone by its name in the IANA database.
pub(crate) fn read_zone(reader: &mut Reader<'_>, at: &At<'_>) -> Option<TimeZone> {
    let name = reader.text(at)?;
    let zone = TimeZone::get(&name).ok();
    if zone.is_none() {
        reader.report(explain::WRONG_VALUE, at, format!("there is no time zone `{name}`")).help =
            Some("write the name of the IANA database, such as Europe/Berlin".to_owned());
    }
    zone
}

fn put(open: &mut [Vec<(u16, u16)>; 7], day: usize, from: u16, until: u16) {
    if from < until {
        open[day].push((from, until));
        return;
    }
    open[day].push((from, MINUTES_PER_DAY));
    if until > 0 {
        open[(day + 1) % DAYS.len()].push((0, until));
    }
}

/// `sat`, `mon-fri`, `sat-mon`.
fn days(key: &str) -> Option<Vec<usize>> {
    let day = |name: &str| DAYS.iter().position(|day| *day == name);
    let Some((first, last)) = key.split_once('-') else { return Some(vec![day(key)?]) };
    let (first, last) = (day(first)?, day(last)?);
    let count = (last + DAYS.len() - first) % DAYS.len() + 1;
    Some((0..count).map(|n| (first + n) % DAYS.len()).collect())
}

/// `09:00-17:00`; `24:00` is the end of the day.
fn read_span(reader: &mut Reader<'_>, at: &At<'_>) -> Option<(u16, u16)> {
    let text = reader.text(at)?;
    let span = text.split_once('-').and_then(|(from, until)| Some((minute(from)?, minute(until)?)));
    let span = span.filter(|(from, until)| from != until && *from < MINUTES_PER_DAY);
    if span.is_none() {
        reader.report(explain::WRONG_VALUE, at, format!("`{text}` is not a span of time")).help =
            Some("write \"09:00-17:00\"".to_owned());
    }
    span
}

fn minute(text: &str) -> Option<u16> {
    let (hour, minute) = text.trim().split_once(':')?;
    let two = |text: &str| (text.len() == 2).then(|| text.parse::<u16>().ok()).flatten();
    let (hour, minute) = (two(hour)?, two(minute)?);
    let total = hour * 60 + minute;
    (minute < 60 && total <= MINUTES_PER_DAY).then_some(total)
}

fn read_closed(reader: &mut Reader<'_>, at: &At<'_>) -> BTreeSet<Date> {
    let mut closed = BTreeSet::new();
    for item in reader.list(at) {
        let Some(text) = reader.text(&item) else { continue };
        match text.parse::<Date>() {
            Ok(date) => {
                closed.insert(date);
            }
            Err(_) => {
                let message = format!("`{text}` is not a day");
                reader.report(explain::WRONG_VALUE, &item, message).help = Some("write 2026-12-25".to_owned());
            }
        }
    }
    closed
}

#[cfg(test)]
mod tests {
    use super::*;

    fn berlin(open: [Vec<(u16, u16)>; 7], closed: &[&str]) -> Hours {
        let closed = closed.iter().map(|day| day.parse().unwrap()).collect();
        Hours { zone: TimeZone::get("Europe/Berlin").unwrap(), open, closed }
    }

    fn ms(text: &str) -> u64 {
        text.parse::<Timestamp>().unwrap().as_millisecond().try_into().unwrap()
    }

    #[test]
    fn the_next_opening_is_found_over_weekends_and_closed_days() {
        let mut open: [Vec<(u16, u16)>; 7] = Default::default();
        for day in days("mon-fri").unwrap() {
            put(&mut open, day, 9 * 60, 12 * 60);
            put(&mut open, day, 13 * 60, 17 * 60);
        }
        let hours = berlin(open, &["2026-12-25"]);
        for (now, next) in [
            ("2026-11-23T08:00:00Z", "2026-11-23T08:00:00Z"),
            ("2026-11-23T11:30:00Z", "2026-11-23T12:00:00Z"),
            ("2026-11-23T16:00:00Z", "2026-11-24T08:00:00Z"),
            ("2026-11-21T10:00:00Z", "2026-11-23T08:00:00Z"),
            ("2026-12-25T09:00:00Z", "2026-12-28T08:00:00Z"),
            ("2026-07-01T06:59:00Z", "2026-07-01T07:00:00Z"),
        ] {
            assert_eq!(hours.next_open_ms(ms(now)), Some(ms(next)), "{now}");
        }
    }

    #[test]
    fn a_night_reaches_into_the_next_day() {
        let mut open: [Vec<(u16, u16)>; 7] = Default::default();
        put(&mut open, 6, 22 * 60, 2 * 60);
        let hours = berlin(open, &[]);
        let open = |at: &str| hours.next_open_ms(ms(at)) == Some(ms(at));
        assert!(open("2026-11-22T22:30:00Z") && open("2026-11-23T00:59:00Z"));
        assert!(!open("2026-11-23T01:00:00Z") && !open("2026-11-22T20:59:00Z"));
        assert_eq!(berlin(Default::default(), &[]).next_open_ms(0), None);
    }

    #[test]
    fn days_and_times_are_read() {
        assert_eq!(days("sat-mon"), Some(vec![5, 6, 0]));
        assert_eq!((days("someday"), days("mon-")), (None, None));
        assert_eq!(
            (minute("24:00"), minute("09:05"), minute("9:05"), minute("24:01")),
            (Some(1440), Some(545), None, None)
        );
    }
}
