//! Times of day as people write them: `14:30`, `2:30 pm`, `14 Uhr`, `14h30`, `noon`; and days with times.
//!
//! The answer is every time that a text can mean: where people count to twelve, `2:30` is two of them.

use jiff::civil::{DateTime, Time};

use super::Locale;
use super::dates::{self, Token, Written, is_phrase, take, tokens, without};
use super::words::Words;

/// Marks of half days that leave no doubt at twelve.
const EXACT: &[&str] = &["am", "pm", "a.m", "p.m", "a", "p", "ص", "م"];

/// Every time of day that a text can mean.
pub(crate) fn parse(text: &str, locale: &Locale) -> Vec<Time> {
    tokens(text).map(|tokens| read(&tokens, locale)).unwrap_or_default()
}

/// Every day and time that a text can mean, by the clock of the place. What names an offset is for the caller.
pub(crate) fn parse_both(text: &str, locale: &Locale, written: impl Into<Written>) -> Vec<DateTime> {
    let text = text.trim();
    if let (true, Ok(at)) = (text.contains(':'), text.parse::<DateTime>()) {
        return vec![at];
    }
    let Some(tokens) = tokens(text) else { return Vec::new() };
    let written = written.into();
    let mut found = Vec::new();
    for at in 1..tokens.len() {
        let (first, last) = tokens.split_at(at);
        for (date, time) in [(first, last), (last, first)] {
            let (date, time) = (trimmed(date), trimmed(time));
            let days = dates::read(date, locale, written);
            if days.is_empty() {
                continue;
            }
            let times = read(time, locale);
            found.extend(days.iter().flat_map(|day| times.iter().map(|time| day.to_datetime(*time))));
        }
    }
    found.sort_unstable();
    found.dedup();
    found
}

/// Without a point or dash at either end, which belongs to what was cut off.
fn trimmed(mut tokens: &[Token]) -> &[Token] {
    let loose = |token: &Token| matches!(token, Token::Mark('.' | '-'));
    while let Some((_, rest)) = tokens.split_first().filter(|(first, _)| loose(first)) {
        tokens = rest;
    }
    while let Some((_, rest)) = tokens.split_last().filter(|(last, _)| loose(last)) {
        tokens = rest;
    }
    tokens
}

fn read(tokens: &[Token], locale: &Locale) -> Vec<Time> {
    locale.words().map(|words| read_with(tokens, words, locale)).find(|found| !found.is_empty()).unwrap_or_default()
}

fn read_with(tokens: &[Token], words: &Words, locale: &Locale) -> Vec<Time> {
    let bare = without(tokens, words.fillers);
    let is = |phrases: &[&str]| phrases.iter().any(|phrase| is_phrase(tokens, phrase) || is_phrase(&bare, phrase));
    if is(words.noon) {
        return time(12, 0).into_iter().collect();
    }
    if is(words.midnight) {
        return time(0, 0).into_iter().collect();
    }
    let exact = |tokens: &[Token]| {
        tokens.iter().any(|token| matches!(token, Token::Word(word) if EXACT.contains(&word.as_str())))
    };
    let sure = exact(&bare);
    let (pm, rest) = take(&bare, words.pm);
    let (am, rest) = take(&rest, words.am);
    let half = match (am, pm) {
        (true, true) => return Vec::new(),
        (true, false) => Some(Half::Morning),
        (false, true) => Some(Half::Afternoon),
        (false, false) => None,
    };
    let Some(clock) = Clock::read(&rest, words) else { return Vec::new() };
    clock.readings(half, sure, locale)
}

#[derive(Clone, Copy, PartialEq)]
enum Half {
    Morning,
    Afternoon,
}

/// Hours and minutes as written.
struct Clock {
    hour: i64,
    minute: i64,
    /// Written with a zero in front, which only a clock of 24 hours has.
    padded: bool,
    /// More than a number stands there.
    marked: bool,
}

impl Clock {
    fn read(tokens: &[Token], words: &Words) -> Option<Self> {
        let (first, rest) = tokens.split_first()?;
        let Token::Number { value: hour, digits: digits @ 1..=2 } = first else { return None };
        let is_hour = |token: &Token| matches!(token, Token::Word(word) if words.hour.contains(&word.as_str()));
        let between = |token: &Token| matches!(token, Token::Mark(':' | '.')) || is_hour(token);
        let (minute, marked) = match rest {
            [] => (0, false),
            [word] if is_hour(word) => (0, true),
            [mark, Token::Number { value, digits: 2 }] if between(mark) => (*value, true),
            [mark, Token::Number { value, digits: 2 }, word] if between(mark) && is_hour(word) => (*value, true),
            [
                Token::Mark(':'),
                Token::Number { value, digits: 2 },
                Token::Mark(':'),
                Token::Number { value: 0, .. },
            ] => (*value, true),
            _ => return None,
        };
        let padded = *digits == 2 && *hour < 10;
        Some(Self { hour: *hour, minute, padded, marked })
    }

    fn readings(&self, half: Option<Half>, sure: bool, locale: &Locale) -> Vec<Time> {
        let Self { hour, minute, .. } = *self;
        let twelve = |half: Half| hour % 12 + if half == Half::Afternoon { 12 } else { 0 };
        let hours = match half {
            Some(_) if hour == 12 && !sure => vec![0, 12],
            Some(half) if (1..=12).contains(&hour) => vec![twelve(half)],
            // `15 Uhr nachmittags`.
            Some(Half::Afternoon) if hour > 12 && !sure => vec![hour],
            Some(_) => Vec::new(),
            None if !(1..=12).contains(&hour) || self.padded => vec![hour],
            None if self.marked && !locale.has_twelve_hours() => vec![hour],
            None => vec![twelve(Half::Morning), twelve(Half::Afternoon)],
        };
        hours.into_iter().filter_map(|hour| time(hour, minute)).collect()
    }
}

fn time(hour: i64, minute: i64) -> Option<Time> {
    Time::new(i8::try_from(hour).ok()?, i8::try_from(minute).ok()?, 0, 0).ok()
}

/// As answers are written: `14:30`.
pub(crate) fn short(time: Time) -> String {
    format!("{:02}:{:02}", time.hour(), time.minute())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_in(text: &str, tag: &str) -> String {
        parse(text, &Locale::parse(tag)).into_iter().map(short).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn times_are_read_as_people_of_the_place_write_them() {
        for (text, tag, expected) in [
            ("14:30", "en-US", "14:30"),
            ("14.30", "de", "14:30"),
            ("9:05", "de", "09:05"),
            ("2:30", "en-US", "02:30 14:30"),
            ("02:30", "en-US", "02:30"),
            ("2:30", "en-GB", "02:30"),
            ("2:30 pm", "en-US", "14:30"),
            ("2.30 p.m.", "en-GB", "14:30"),
            ("2pm", "de", "14:00"),
            ("12 am", "en-US", "00:00"),
            ("12pm", "en-US", "12:00"),
            ("at noon", "en", "12:00"),
            ("Mitternacht", "de", "00:00"),
            ("14 Uhr", "de", "14:00"),
            ("14 Uhr 30", "de", "14:30"),
            ("um 8 Uhr", "de", "08:00"),
            ("8 Uhr abends", "de", "20:00"),
            ("14h30", "fr", "14:30"),
            ("8 heures du soir", "fr", "20:00"),
            ("a las 3 de la tarde", "es", "15:00"),
            ("10 de la mañana", "es", "10:00"),
            ("12 de la noche", "es", "00:00 12:00"),
            ("3 da tarde", "pt-BR", "15:00"),
            ("saat 14.30", "tr", "14:30"),
            ("akşam 8", "tr", "20:00"),
            ("٣ م", "ar", "15:00"),
            ("الساعة 9 صباحا", "ar", "09:00"),
            ("9", "de", "09:00 21:00"),
            ("17", "en-GB", "17:00"),
            ("5 o'clock", "en-GB", "05:00"),
        ] {
            assert_eq!(read_in(text, tag), expected, "{text:?} in {tag}");
        }
    }

    #[test]
    fn what_is_no_time_is_none() {
        for text in ["", "25:00", "14:60", "14:5", "24:00", "15 pm", "0 am", "am", "later", "2026", "1:2:3", "10 pm am"]
        {
            assert_eq!(read_in(text, "en-GB"), "", "{text:?}");
        }
    }

    #[test]
    fn days_and_times_stand_in_either_order() {
        let today: jiff::civil::Date = "2026-11-22".parse().unwrap();
        let both = |text: &str, tag: &str| {
            let found = parse_both(text, &Locale::parse(tag), today);
            found.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
        };
        for (text, tag, expected) in [
            ("2026-04-03T14:30", "en", "2026-04-03T14:30:00"),
            ("3.4.2026 14:30", "de", "2026-04-03T14:30:00"),
            ("3.4. 14:30", "de", "2027-04-03T14:30:00"),
            ("tomorrow at 2pm", "en", "2026-11-23T14:00:00"),
            ("2 pm tomorrow", "en", "2026-11-23T14:00:00"),
            ("morgen um 10 Uhr", "de", "2026-11-23T10:00:00"),
            ("nächsten Freitag, 9:30", "de", "2026-11-27T09:30:00"),
            ("mañana a las 10 de la mañana", "es", "2026-11-23T10:00:00"),
            ("demain 14h", "fr", "2026-11-23T14:00:00"),
            ("غدا الساعة 9 صباحا", "ar", "2026-11-23T09:00:00"),
            ("tomorrow 2:30", "en-US", "2026-11-23T02:30:00 2026-11-23T14:30:00"),
            ("tomorrow", "en", ""),
            ("14:30", "en", ""),
            ("2026-04-03", "en", ""),
        ] {
            assert_eq!(both(text, tag), expected, "{text:?} in {tag}");
        }
    }
}
