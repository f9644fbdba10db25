//! Days as people write them: `03/04/2026`, `3. März`, `April 3rd`, `tomorrow`, `next friday`, `in 3 days`.
//!
//! The answer is every day that a text can mean where it was written, in order; none if it is no day. Without a year
//! it is the next such day, today included; where no day after today counts, it is the last such day that does. A bare
//! name of a day is the next one of that name: on that very day it can be today or in a week. `this` is that name from
//! today on, `next` the first one after today.

use jiff::civil::{Date, Weekday};
use jiff::{Span, ToSpan};

use super::words::Words;
use super::{Locale, Order, fold};

/// Characters of a text that may be a date.
const LONGEST: usize = 80;
/// Years that people mean.
const YEARS: std::ops::RangeInclusive<i16> = 1800..=2299;
/// A year of two digits is at most so far in the future.
const YEARS_AHEAD: i16 = 20;
/// Days that `in 3 days` may have.
const MOST_DAYS: i64 = 3_660;

/// A part of a text.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    Number { value: i64, digits: usize },
    Word(String),
    Mark(char),
}

/// When a text is written, and the last day that it may mean, where there is one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Written {
    pub(crate) today: Date,
    pub(crate) until: Option<Date>,
}

impl From<Date> for Written {
    fn from(today: Date) -> Self {
        Self { today, until: None }
    }
}

impl Written {
    /// The last day that may be meant, where `day` comes after it and people look back: where days ahead count as well,
    /// a day that is too late is simply that, and not one of the past.
    fn leads_back(self, day: Date) -> Option<Date> {
        self.until.filter(|until| *until <= self.today && day > *until)
    }
}

/// Every day that a text can mean.
pub(crate) fn parse(text: &str, locale: &Locale, written: impl Into<Written>) -> Vec<Date> {
    let written = written.into();
    tokens(text).map(|tokens| read(&tokens, locale, written)).unwrap_or_default()
}

/// A text in its parts; `None` if it is too long to be a date. Marks that only end a word or a number are left out.
pub(super) fn tokens(text: &str) -> Option<Vec<Token>> {
    let text = text.trim();
    if text.chars().count() > LONGEST {
        return None;
    }
    let chars: Vec<char> = fold(text).chars().collect();
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(c) = chars.get(at).copied() {
        let rest = chars.get(at..).unwrap_or_default();
        let len = if c.is_ascii_digit() {
            let digits: String = rest.iter().take_while(|c| c.is_ascii_digit()).collect();
            tokens.push(Token::Number { value: digits.parse().ok()?, digits: digits.len() });
            digits.len()
        } else if c.is_alphabetic() {
            let word = word(rest);
            let len = word.chars().count();
            tokens.push(Token::Word(word));
            len
        } else {
            let after = rest.iter().skip(1).find(|c| !c.is_whitespace());
            let between =
                matches!(tokens.last(), Some(Token::Number { .. })) && after.is_some_and(char::is_ascii_digit);
            match c {
                '.' | '-' | '/' if between => tokens.push(Token::Mark(c)),
                '.' | '-' | ',' | '،' | 'º' | 'ª' | '°' => {}
                c if c.is_whitespace() => {}
                c => tokens.push(Token::Mark(c)),
            }
            1
        };
        at += len;
    }
    Some(tokens)
}

/// Letters, and what may stand within a word: `o'clock`, `a.m`.
fn word(chars: &[char]) -> String {
    let inner = |at: usize, c: char| {
        let next = chars.get(at + 1).is_some_and(|c| c.is_alphabetic());
        c == '\'' && next || c == '.' && next && at == 1
    };
    chars.iter().enumerate().take_while(|(at, c)| c.is_alphabetic() || inner(*at, **c)).map(|(_, c)| *c).collect()
}

/// The days that these tokens can mean.
pub(super) fn read(tokens: &[Token], locale: &Locale, written: Written) -> Vec<Date> {
    let mut found = Vec::new();
    for words in locale.words() {
        found = relative(tokens, words, written);
        if found.is_empty() {
            found = absolute(tokens, words, locale, written);
        }
        if !found.is_empty() || has_false_friend(tokens, words) {
            break;
        }
    }
    found.retain(|day| YEARS.contains(&day.year()));
    found.sort_unstable();
    found.dedup();
    found
}

/// Whether a word names a day or month that is another one in English: `mar 3` is a Tuesday to whoever writes Spanish,
/// and never the 3rd of March.
fn has_false_friend(tokens: &[Token], words: &Words) -> bool {
    tokens.iter().filter(|token| matches!(token, Token::Word(_))).any(|token| {
        let token = std::slice::from_ref(token);
        let named = |words: &Words| {
            let month = split_month(token, words).map(|(month, _)| month);
            (month, split_weekday(token, words).map(|(_, day)| day))
        };
        let (own, english) = (named(words), named(super::words::ENGLISH));
        own != (None, None) && english != (None, None) && own != english
    })
}

// Days counted from today

fn relative(tokens: &[Token], words: &Words, written: Written) -> Vec<Date> {
    let today = written.today;
    let phrase = words.phrases.iter().find(|(phrase, _)| is_phrase(tokens, phrase));
    let days = phrase.map(|(_, days)| *days).or_else(|| in_days(tokens, words));
    if let Some(days) = days {
        return today.checked_add(days.days()).into_iter().collect();
    }
    let rest = without(tokens, words.fillers);
    let (this, rest) = take(&rest, words.this);
    let (next, rest) = take(&rest, words.next);
    let Some(day) = weekday(&rest, words) else { return Vec::new() };
    let from_today = i64::from(today.weekday().until(day));
    let ahead: &[i64] = match (this, next, from_today) {
        (true, true, _) => return Vec::new(),
        (false, false, 0) => &[0, 7],
        (false, true, 0) => &[7],
        (_, _, days) => &[days],
    };
    let days: Vec<Date> = ahead.iter().filter_map(|days| today.checked_add(days.days()).ok()).collect();
    match days[..] {
        [coming] if !this && !next && written.leads_back(coming).is_some() => {
            coming.checked_sub(7.days()).into_iter().collect()
        }
        _ => days,
    }
}

/// `in 3 days`, `3 gün sonra`.
fn in_days(tokens: &[Token], words: &Words) -> Option<i64> {
    let at = tokens.iter().position(|token| matches!(token, Token::Number { .. }))?;
    let Token::Number { value, .. } = tokens.get(at)? else { return None };
    let (before, behind) = (tokens.get(..at)?, tokens.get(at + 1..)?);
    let opens = words.before.iter().any(|phrase| is_phrase(before, phrase));
    let (unit, tail) = behind.split_first()?;
    let Token::Word(unit) = unit else { return None };
    let days = words.units.iter().find(|(name, _)| name == unit)?.1;
    let closes = words.after.iter().any(|phrase| is_phrase(tail, phrase));
    let whole = opens && tail.is_empty() || closes && before.is_empty();
    let days = value.checked_mul(days)?;
    (whole && days <= MOST_DAYS).then_some(days)
}

// Days by their date

fn absolute(tokens: &[Token], words: &Words, locale: &Locale, written: Written) -> Vec<Date> {
    let (rest, day) = match split_weekday(tokens, words) {
        Some((rest, day)) => (rest, Some(day)),
        None => (tokens.to_vec(), None),
    };
    let mut found = numeric(&without(&rest, words.fillers), locale, written);
    if found.is_empty() {
        found = named(&rest, words, written).into_iter().collect();
    }
    found.retain(|date| day.is_none_or(|day| date.weekday() == day));
    if found.is_empty() && day.is_some() {
        found = behind_number(tokens, words, written).into_iter().collect();
    }
    found
}

/// `3 mar`: behind a number, what could be a day or a month is the month.
fn behind_number(tokens: &[Token], words: &Words, written: Written) -> Option<Date> {
    let bare = without(tokens, words.fillers);
    bare.first().is_some_and(|first| matches!(first, Token::Number { .. })).then(|| named(&bare, words, written))?
}

/// `03/04/2026`, `2026-04-03`, `3.4.`.
fn numeric(tokens: &[Token], locale: &Locale, written: Written) -> Vec<Date> {
    let mut numbers = Vec::new();
    let mut marks = Vec::new();
    for token in tokens {
        match token {
            Token::Number { value, digits } => numbers.push((*value, *digits)),
            Token::Mark(mark @ ('.' | '/' | '-')) => marks.push(*mark),
            _ => return Vec::new(),
        }
    }
    let one_mark =
        marks.windows(2).all(|pair| pair[0] == pair[1]) && (marks.is_empty() || marks.len() + 1 == numbers.len());
    let year_first = numbers.first().is_some_and(|(_, digits)| *digits == 4);
    match numbers.as_slice() {
        _ if !one_mark => Vec::new(),
        [(year, 4), (month, 1..=2), (day, 1..=2)] => date(*year, *month, *day).into_iter().collect(),
        [(a, 1..=2), (b, 1..=2), year] if !year_first => {
            let year = whole_year(*year, written.today);
            let found = orders(locale, *a, *b).into_iter();
            found.filter_map(|(month, day)| date(year?, month, day)).collect()
        }
        [(a, 1..=2), (b, 1..=2)] if !marks.is_empty() => {
            orders(locale, *a, *b).into_iter().filter_map(|(month, day)| coming(month, day, written)).collect()
        }
        _ => Vec::new(),
    }
}

/// Month and day, in each order that is usual.
fn orders(locale: &Locale, a: i64, b: i64) -> Vec<(i64, i64)> {
    match locale.order() {
        Order::DayFirst => vec![(b, a)],
        Order::MonthFirst => vec![(a, b)],
        Order::Either => vec![(b, a), (a, b)],
    }
}

/// `3 April 2026`, `April 3rd`, `3 de abril de 2026`.
fn named(tokens: &[Token], words: &Words, written: Written) -> Option<Date> {
    let tokens = without(tokens, words.fillers);
    let (month, rest) = split_month(&tokens, words)?;
    let numbers: Vec<(i64, usize)> = rest
        .iter()
        .map(|token| match token {
            Token::Number { value, digits } => Some((*value, *digits)),
            _ => None,
        })
        .collect::<Option<_>>()?;
    match numbers.as_slice() {
        [(day, 1..=2)] => coming(month, *day, written),
        [year @ (_, 4), (day, 1..=2)] | [(day, 1..=2), year] => date(whole_year(*year, written.today)?, month, *day),
        _ => None,
    }
}

fn split_month(tokens: &[Token], words: &Words) -> Option<(i64, Vec<Token>)> {
    let named = words.months.iter().zip(1..).chain(words.short_months.iter().zip(1..)).map(|(name, n)| (*name, n));
    let all = named.chain(words.more_months.iter().map(|(name, n)| (*name, i64::from(*n))));
    split_name(tokens, all)
}

fn split_weekday(tokens: &[Token], words: &Words) -> Option<(Vec<Token>, Weekday)> {
    let named = words.days.iter().zip(1..).chain(words.short_days.iter().zip(1..)).map(|(name, n)| (*name, n));
    let all = named.chain(words.more_days.iter().map(|(name, n)| (*name, i64::from(*n))));
    let (day, rest) = split_name(tokens, all)?;
    Some((rest, Weekday::from_monday_one_offset(i8::try_from(day).ok()?).ok()?))
}

/// Takes the longest name out of the tokens, the first of those that are as long.
fn split_name<'n>(tokens: &[Token], names: impl Iterator<Item = (&'n str, i64)>) -> Option<(i64, Vec<Token>)> {
    let mut best: Option<(usize, usize, i64)> = None;
    for (name, value) in names {
        let name = self::tokens(name)?;
        let place = tokens.windows(name.len().max(1)).position(|window| window == name);
        if let Some(at) = place
            && best.is_none_or(|(first, len, _)| len < name.len() || len == name.len() && at < first)
        {
            best = Some((at, name.len(), value));
        }
    }
    let (at, len, value) = best?;
    let rest = tokens.iter().take(at).chain(tokens.iter().skip(at + len)).cloned().collect();
    Some((value, rest))
}

fn weekday(tokens: &[Token], words: &Words) -> Option<Weekday> {
    let (rest, day) = split_weekday(tokens, words)?;
    rest.is_empty().then_some(day)
}

/// The next such day, today included; the last one that may be meant, where none ahead may be.
fn coming(month: i64, day: i64, written: Written) -> Option<Date> {
    // The 29th of February is at most eight years away.
    let in_year = |year: i16, away: i64| date(i64::from(year) + away, month, day);
    let next = (0..=8).find_map(|away| in_year(written.today.year(), away).filter(|date| *date >= written.today))?;
    match written.leads_back(next) {
        Some(until) => (0..=8).find_map(|away| in_year(until.year(), -away).filter(|date| *date <= until)),
        None => Some(next),
    }
}

fn date(year: i64, month: i64, day: i64) -> Option<Date> {
    Date::new(i16::try_from(year).ok()?, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()
}

/// A year as written: of two digits it is the last such one that is not far ahead.
fn whole_year((value, digits): (i64, usize), today: Date) -> Option<i64> {
    match digits {
        4 => Some(value),
        2 => {
            let last = i64::from(today.year() + YEARS_AHEAD);
            Some(last - (last - value).rem_euclid(100))
        }
        _ => None,
    }
}

// Words

/// Whether the tokens are this phrase and nothing else.
pub(super) fn is_phrase(found: &[Token], phrase: &str) -> bool {
    tokens(phrase).is_some_and(|phrase| phrase == found)
}

pub(super) fn without(tokens: &[Token], words: &[&str]) -> Vec<Token> {
    let is_filler = |token: &Token| matches!(token, Token::Word(word) if words.contains(&word.as_str()));
    tokens.iter().filter(|token| !is_filler(token)).cloned().collect()
}

/// Takes out the first of these phrases that stands there.
pub(super) fn take(found: &[Token], phrases: &[&str]) -> (bool, Vec<Token>) {
    for phrase in phrases {
        let Some(phrase) = tokens(phrase).filter(|phrase| !phrase.is_empty()) else { continue };
        if let Some(at) = found.windows(phrase.len()).position(|window| window == phrase) {
            let rest = found.iter().take(at).chain(found.iter().skip(at + phrase.len())).cloned().collect();
            return (true, rest);
        }
    }
    (false, found.to_vec())
}

/// A day that a bot names: `2026-04-03`, `today`, `+30d`, `-18y`.
pub(crate) fn bound(text: &str, today: Date) -> Option<Date> {
    match text.trim() {
        "today" | "now" => Some(today),
        text if text.starts_with(['+', '-']) => today.checked_add(span(text)?).ok(),
        // Of an instant only its day counts.
        text => text.get(..10)?.parse().ok(),
    }
}

/// `+30d`, `-18y`, `+2w`, `+3mo`, `+2h`, `+90m`.
pub(crate) fn span(text: &str) -> Option<Span> {
    let (sign, rest) = match text.split_at_checked(1)? {
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => return None,
    };
    let unit_at = rest.find(|c: char| !c.is_ascii_digit())?;
    let (count, unit) = rest.split_at_checked(unit_at)?;
    let count = count.parse::<i64>().ok().filter(|count| *count <= 100_000)? * sign;
    let span = Span::new();
    match unit {
        "m" | "min" => span.try_minutes(count).ok(),
        "h" => span.try_hours(count).ok(),
        "d" => span.try_days(count).ok(),
        "w" => span.try_weeks(count).ok(),
        "mo" => span.try_months(count).ok(),
        "y" => span.try_years(count).ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A Sunday.
    const TODAY: &str = "2026-11-22";

    fn read_in(text: &str, tag: &str) -> String {
        let days = parse(text, &Locale::parse(tag), TODAY.parse::<Date>().unwrap());
        days.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn dates_are_read_as_people_of_the_place_write_them() {
        for (text, tag, expected) in [
            ("03/04/2026", "en-GB", "2026-04-03"),
            ("03/04/2026", "en-US", "2026-03-04"),
            ("03/04/2026", "de", "2026-04-03"),
            ("03/04/2026", "tr", "2026-04-03"),
            ("03/04/2026", "en", "2026-03-04 2026-04-03"),
            ("13/04/2026", "en", "2026-04-13"),
            ("05/05/2026", "en", "2026-05-05"),
            ("3.4.26", "de", "2026-04-03"),
            ("3. 4. 2026", "de", "2026-04-03"),
            ("3.4.", "de", "2027-04-03"),
            ("24.12.", "de", "2026-12-24"),
            ("22/11", "en-GB", "2026-11-22"),
            ("21/11", "en-GB", "2027-11-21"),
            ("29/2", "en-GB", "2028-02-29"),
            ("2026-04-03", "en", "2026-04-03"),
            ("2026/4/3", "en-US", "2026-04-03"),
            ("1/2/85", "de", "1985-02-01"),
            ("April 3rd, 2026", "en", "2026-04-03"),
            ("the 3rd of April 2026", "en", "2026-04-03"),
            ("3 Apr 26", "en-US", "2026-04-03"),
            ("3. März 2026", "de", "2026-03-03"),
            ("3 maerz", "de", "2027-03-03"),
            ("Fr. 3. April 2026", "de", "2026-04-03"),
            ("3 de abril de 2026", "es", "2026-04-03"),
            ("miércoles, 2 de diciembre", "es", "2026-12-02"),
            ("1er mai 2026", "fr", "2026-05-01"),
            ("3 août", "fr", "2027-08-03"),
            ("3 de março", "pt-BR", "2027-03-03"),
            ("3 Şubat 2026", "tr", "2026-02-03"),
            ("٣ أبريل ٢٠٢٦", "ar", "2026-04-03"),
            ("٠٣/٠٤/٢٠٢٦", "ar", "2026-04-03"),
            ("3 كانون الثاني 2027", "ar", "2027-01-03"),
            ("3 april", "tr", "2027-04-03"),
            ("Sat 03/04/2027", "en", "2027-04-03"),
            ("am 4.4.2027", "de", "2027-04-04"),
        ] {
            assert_eq!(read_in(text, tag), expected, "{text:?} in {tag}");
        }
    }

    #[test]
    fn days_are_counted_from_today() {
        for (text, tag, expected) in [
            ("today", "en", "2026-11-22"),
            ("Tomorrow", "en", "2026-11-23"),
            ("tomorrow", "de", "2026-11-23"),
            ("day after tomorrow", "en", "2026-11-24"),
            ("übermorgen", "de", "2026-11-24"),
            ("pasado mañana", "es", "2026-11-24"),
            ("depois de amanhã", "pt", "2026-11-24"),
            ("aujourd’hui", "fr", "2026-11-22"),
            ("après-demain", "fr", "2026-11-24"),
            ("yarın", "tr", "2026-11-23"),
            ("غداً", "ar", "2026-11-23"),
            ("بعد غد", "ar", "2026-11-24"),
            ("next friday", "en", "2026-11-27"),
            ("this Sunday", "en", "2026-11-22"),
            ("next Sunday", "en", "2026-11-29"),
            ("on Friday", "en", "2026-11-27"),
            ("Sunday", "en", "2026-11-22 2026-11-29"),
            ("nächsten Freitag", "de", "2026-11-27"),
            ("vendredi prochain", "fr", "2026-11-27"),
            ("próxima sexta-feira", "pt", "2026-11-27"),
            ("gelecek cuma", "tr", "2026-11-27"),
            ("الجمعة القادمة", "ar", "2026-11-27"),
            ("in 3 days", "en", "2026-11-25"),
            ("in 2 Wochen", "de", "2026-12-06"),
            ("dentro de 3 días", "es", "2026-11-25"),
            ("3 gün sonra", "tr", "2026-11-25"),
            ("بعد 3 أيام", "ar", "2026-11-25"),
        ] {
            assert_eq!(read_in(text, tag), expected, "{text:?} in {tag}");
        }
    }

    #[test]
    fn a_last_day_leads_back_to_the_one_before() {
        let today: Date = "2026-11-22".parse().unwrap();
        let written = Written { today, until: Some(today) };
        for (text, expected) in [
            ("20 November", "2026-11-20"),
            ("23 November", "2025-11-23"),
            ("22 November", "2026-11-22"),
            ("29 February", "2024-02-29"),
            ("20/11", "2026-11-20"),
            ("Friday", "2026-11-20"),
            ("next Friday", "2026-11-27"),
            ("tomorrow", "2026-11-23"),
            ("20 November 2027", "2027-11-20"),
        ] {
            let found: Vec<String> =
                parse(text, &Locale::parse("en-GB"), written).iter().map(ToString::to_string).collect();
            assert_eq!(found, [expected], "{text}");
        }
    }

    #[test]
    fn a_last_day_ahead_never_leads_into_the_past() {
        let today: Date = "2026-11-28".parse().unwrap();
        let read = |text: &str, until: &str| {
            let written = Written { today, until: Some(until.parse().unwrap()) };
            parse(text, &Locale::parse("en-GB"), written)
        };
        for (text, until, expected) in [
            ("20 March", "2027-01-26", "2027-03-20"),
            ("20/3", "2027-01-26", "2027-03-20"),
            ("20 March", "2026-11-29", "2027-03-20"),
            ("20 March", "2026-11-28", "2026-03-20"),
            ("20 March", "2025-12-31", "2025-03-20"),
            ("Friday", "2026-11-30", "2026-12-04"),
            ("Friday", "2026-11-29", "2026-12-04"),
            ("Friday", "2026-11-28", "2026-11-27"),
        ] {
            assert_eq!(read(text, until), [expected.parse::<Date>().unwrap()], "{text} until {until}");
        }
    }

    #[test]
    fn a_name_that_is_another_one_in_english_is_not_read_as_that() {
        for (text, tag, expected) in [
            ("mar 3", "es", ""),
            ("mar. 3", "fr", ""),
            ("mar 3", "fr", ""),
            ("mar 3", "en", "2027-03-03"),
            ("mar 3", "pt", "2027-03-03"),
            ("mar", "es", "2026-11-24"),
            ("mar", "fr", "2026-11-24"),
            ("3 mar", "es", "2027-03-03"),
            ("3 mar. 2026", "es", "2026-03-03"),
            ("el 3 de mar de 2026", "es", "2026-03-03"),
            ("mar 3 mar 2026", "es", "2026-03-03"),
            ("jue 5 mar 2026", "es", "2026-03-05"),
            ("vie 3 mar 2026", "es", ""),
            ("mar. 3 mars 2026", "fr", "2026-03-03"),
            ("Friday 3 April 2026", "de", "2026-04-03"),
            ("April 3rd, 2026", "de", "2026-04-03"),
            ("Sat 4 April 2026", "fr", "2026-04-04"),
        ] {
            assert_eq!(read_in(text, tag), expected, "{text:?} in {tag}");
        }
    }

    #[test]
    fn what_is_no_day_is_none() {
        let long = "1 ".repeat(60);
        for (text, tag) in [
            ("31/02/2026", "en-GB"),
            ("04/13/2026", "en-GB"),
            ("13/04/2026", "en-US"),
            ("29/2/2027", "de"),
            ("0/1/2026", "de"),
            ("april 2026", "en"),
            ("04/2026", "en-GB"),
            ("Monday 3 April 2026", "en"),
            ("next week", "en"),
            ("soon", "en"),
            ("3", "en-GB"),
            ("3 4", "en-GB"),
            ("1/2/3/4", "en-GB"),
            ("1/2-2026", "en-GB"),
            ("14:30", "de"),
            ("3/4/9999", "de"),
            ("in 99999 days", "en"),
            ("99999999999999999999/1/1", "en"),
            ("", "en"),
            (&long, "en"),
        ] {
            assert_eq!(read_in(text, tag), "", "{text:?} in {tag}");
        }
    }

    #[test]
    fn bounds_are_days_or_distances() {
        let today: Date = TODAY.parse().unwrap();
        let day = |text: &str| bound(text, today).map(|day| day.to_string());
        assert_eq!(day("today").as_deref(), Some("2026-11-22"));
        assert_eq!(day("+30d").as_deref(), Some("2026-12-22"));
        assert_eq!(day("-18y").as_deref(), Some("2008-11-22"));
        assert_eq!(day("+2w").as_deref(), Some("2026-12-06"));
        assert_eq!(day("2026-01-31").as_deref(), Some("2026-01-31"));
        assert_eq!(day("2026-01-31T10:00:00Z").as_deref(), Some("2026-01-31"));
        for text in ["", "+", "+d", "+3", "+3x", "3d", "tomorrow", "2026-13-01", "+999999999d"] {
            assert_eq!(day(text), None, "{text}");
        }
    }
}
