//! Stand-ins for what tells who somebody is: the same value gets the same one wherever it stands.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

use crate::input::ContactView;
use crate::locale::digit;
use crate::trace::Trace;

use super::Recorded;

/// The name of the person of a test.
const NAME: &str = "Ada";
/// Digits at the end by which a telephone number is the same one, written with the country or without.
const SAME_END: usize = 7;
/// First digits of a telephone number that stay: the country, which bots read.
const KEPT_DIGITS: usize = 3;
/// Shorter values are too often parts of other words to be looked for in texts.
const SHORTEST: usize = 3;

static EMAIL: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"[\p{L}\p{N}._%+-]+@[\p{L}\p{N}.-]+\.\p{L}{2,}").expect("the pattern is fixed"));
static DATE: LazyLock<Regex> = LazyLock::new(|| {
    let pattern = r"\b(?:\d{4}[-./]\d{1,2}[-./]\d{1,2}|\d{1,2}[-./]\d{1,2}[-./]\d{4})\b";
    Regex::new(pattern).expect("the pattern is fixed")
});
static PHONE: LazyLock<Regex> = LazyLock::new(|| {
    let pattern = r"\+?\d[\d ()./\u{a0}\u{202f}\u{2010}-\u{2013}-]{5,20}\d";
    Regex::new(pattern).expect("the pattern is fixed")
});

/// What a value is, for the shape of its stand-in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Text,
    Number,
    Date,
}

/// What a bot took of an answer, which has to stay.
pub(super) struct Read(Vec<Value>);

impl Read {
    pub(super) fn of(step: &Recorded) -> Self {
        let mut all = Vec::new();
        for trace in &step.trace {
            if let Trace::Set { after, .. } = trace {
                leaves(after, &mut all);
            }
        }
        Self(all)
    }
}

fn leaves(value: &Value, into: &mut Vec<Value>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| leaves(item, into)),
        Value::Object(entries) => entries.values().for_each(|value| leaves(value, into)),
        leaf => into.push(leaf.clone()),
    }
}

/// The stand-ins given so far.
#[derive(Default)]
pub(super) struct Mask {
    /// What is looked for in texts, and what stands in for it; the longest first.
    known: Vec<(String, String)>,
    emails: BTreeMap<String, usize>,
    /// By the last digits.
    phones: BTreeMap<String, usize>,
    /// Numbers that are personal, as JSON has them.
    numbers: BTreeSet<String>,
    texts: usize,
}

impl Mask {
    /// Knows the person.
    pub(super) fn of(contact: &ContactView) -> Self {
        let mut mask = Self::default();
        if let Some(digits) = &contact.wa_id {
            mask.phone(digits);
        }
        if let Some(id) = &contact.user_id {
            mask.learn(id, "user.1");
        }
        if let Some(name) = &contact.name {
            mask.learn(name, NAME);
            for word in name.split_whitespace().filter(|word| *word != NAME) {
                mask.learn(word, NAME);
            }
        }
        mask
    }

    /// The person as the test has them.
    pub(super) fn contact(&mut self, contact: &ContactView) -> ContactView {
        ContactView {
            name: contact.name.as_ref().map(|_| NAME.to_owned()),
            wa_id: contact.wa_id.as_ref().map(|digits| self.phone(digits)),
            user_id: contact.user_id.as_ref().map(|_| "user.1".to_owned()),
        }
    }

    /// A value of which all is personal.
    pub(super) fn personal(&mut self, text: &str, shape: Shape) -> String {
        match shape {
            Shape::Number => self.stands_for(text, rounded(text)),
            Shape::Date => self.stands_for(text, dateless(text)),
            Shape::Text if whole(&EMAIL, text) || (whole(&PHONE, text) && is_phone(text)) => self.text(text),
            // Whatever stands beside an address is personal as well.
            Shape::Text => self.shaped(text),
        }
    }

    fn stands_for(&mut self, text: &str, stand_in: String) -> String {
        self.learn(text.trim(), stand_in.trim());
        stand_in
    }

    /// Letters for letters and digits for digits.
    fn shaped(&mut self, text: &str) -> String {
        let trimmed = text.trim();
        if let Some((_, known)) = self.known.iter().find(|(known, _)| known.eq_ignore_ascii_case(trimmed)) {
            return known.clone();
        }
        let nth = self.texts;
        self.texts += 1;
        let stand_in = in_shape(trimmed, nth);
        self.learn(trimmed, &stand_in);
        stand_in
    }

    /// A text with a stand-in for every value that is known, and for what looks like an address or a number.
    pub(super) fn text(&mut self, text: &str) -> String {
        let mut out = text.to_owned();
        // Addresses first: a name may be a part of one.
        let emails: Vec<String> = EMAIL.find_iter(&out).map(|found| found.as_str().to_owned()).collect();
        for found in emails {
            let stand_in = self.email(&found);
            out = out.replace(&found, &stand_in);
        }
        for (known, stand_in) in &self.known {
            out = replaced(&out, known, stand_in);
        }
        let phones: Vec<String> = PHONE.find_iter(&out).map(|found| found.as_str().to_owned()).collect();
        for found in phones.into_iter().filter(|found| is_phone(found)) {
            let stand_in = self.phone(&found);
            out = out.replace(&found, &stand_in);
        }
        out
    }

    /// JSON with stand-ins in its texts.
    pub(super) fn json(&mut self, value: &Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.text(text)),
            Value::Array(items) => items.iter().map(|item| self.json(item)).collect(),
            Value::Object(entries) => entries
                .iter()
                .map(|(key, value)| (key.clone(), self.json(value)))
                .collect::<serde_json::Map<_, _>>()
                .into(),
            Value::Number(number) if self.numbers.contains(&number.to_string()) => number_like(number),
            Value::Number(number) if self.phones.contains_key(&end(&number.to_string())) => {
                let masked = self.phone(&number.to_string());
                masked.parse::<u64>().map_or_else(|_| value.clone(), Value::from)
            }
            other => other.clone(),
        }
    }

    /// An address, part by part: what a slash parts is no number.
    pub(super) fn url(&mut self, url: &str) -> String {
        url.split('/').map(|part| self.text(part)).collect::<Vec<_>>().join("/")
    }

    /// JSON of which only some values are read, and of the others only the shape is kept.
    pub(super) fn unread(&mut self, value: &Value, read: &Read) -> Value {
        match value {
            Value::Array(items) => items.iter().map(|item| self.unread(item, read)).collect(),
            Value::Object(entries) => {
                let entries = entries.iter().map(|(key, value)| (key.clone(), self.unread(value, read)));
                entries.collect::<serde_json::Map<_, _>>().into()
            }
            leaf if read.0.contains(leaf) => self.json(leaf),
            Value::String(text) => {
                let masked = self.text(text);
                let is_known = self.known.iter().any(|(known, _)| known.eq_ignore_ascii_case(text.trim()));
                let is_address = whole(&EMAIL, text) || (whole(&PHONE, text) && is_phone(text));
                Value::String(match () {
                    () if is_known || is_address => masked,
                    () if is_date(text) => dateless(text),
                    () => in_shape(text, 0),
                })
            }
            Value::Number(number) => number_like(number),
            other => other.clone(),
        }
    }

    /// Every text and number in a value is personal.
    pub(super) fn learn_all(&mut self, value: &Value) {
        match value {
            Value::String(text) if is_date(text) => {
                self.stands_for(text, dateless(text));
                // The day of an instant.
                if let Some(day) = text.get(..10).filter(|day| day.len() < text.len() && is_date(day)) {
                    self.learn(day, &dateless(day));
                }
            }
            Value::Number(number) => {
                let written = number.to_string();
                self.learn(&written, &rounded(&written));
                self.numbers.insert(written);
            }
            Value::String(text) => drop(self.personal(text, Shape::Text)),
            Value::Array(items) => items.iter().for_each(|item| self.learn_all(item)),
            Value::Object(entries) => entries.values().for_each(|value| self.learn_all(value)),
            _ => {}
        }
    }

    /// JSON of which every text and number is personal.
    pub(super) fn personal_json(&mut self, value: &Value) -> Value {
        self.learn_all(value);
        self.json(value)
    }

    fn email(&mut self, email: &str) -> String {
        if email.ends_with("@example.com") && email.starts_with("person") {
            return email.to_owned();
        }
        let next = self.emails.len() + 1;
        let nth = *self.emails.entry(email.to_lowercase()).or_insert(next);
        format!("person{nth}@example.com")
    }

    /// The first digits, the sort of separators, and a number of its own.
    fn phone(&mut self, written: &str) -> String {
        let all = digits(written);
        let end = end(&all);
        let is_stand_in = end.starts_with("00000");
        if is_stand_in {
            return written.to_owned();
        }
        let next = self.phones.len() + 1;
        let nth = *self.phones.entry(end).or_insert(next);
        let width = all.len().saturating_sub(KEPT_DIGITS);
        let own: String = format!("{nth:0width$}");
        let mut new = all.chars().take(KEPT_DIGITS).chain(own.chars());
        written.chars().map(|c| if digit(c).is_some() { new.next().unwrap_or('0') } else { c }).collect()
    }

    fn learn(&mut self, value: &str, stand_in: &str) {
        let known = self.known.iter().any(|(known, _)| known.eq_ignore_ascii_case(value));
        if value.chars().count() >= SHORTEST && !known && value != stand_in {
            self.known.push((value.to_owned(), stand_in.to_owned()));
            self.known.sort_by_key(|(known, _)| std::cmp::Reverse(known.len()));
        }
    }
}

fn digits(text: &str) -> String {
    text.chars().filter_map(digit).collect()
}

fn end(digits: &str) -> String {
    digits.chars().skip(digits.len().saturating_sub(SAME_END)).collect()
}

/// Times, days and small numbers are none.
fn is_phone(text: &str) -> bool {
    let joined = |c: Option<char>| c.is_some_and(|c| matches!(c, '.' | '-'));
    let days = DATE.find_iter(text).filter(|day| {
        let (before, after) = (text.get(..day.start()), text.get(day.end()..));
        !joined(before.and_then(|text| text.chars().next_back())) && !joined(after.and_then(|text| text.chars().next()))
    });
    let in_days: usize = days.map(|day| digits(day.as_str()).len()).sum();
    (8..=15).contains(&(digits(text).len() - in_days))
}

/// Whether it is a day, or an instant.
fn is_date(text: &str) -> bool {
    let text = text.trim();
    whole(&DATE, text) || text.get(..10).is_some_and(|day| whole(&DATE, day)) && text.get(10..11) == Some("T")
}

fn in_shape(text: &str, nth: usize) -> String {
    let letter = |at: usize| u8::try_from((nth + nth / 26 * at) % 26).unwrap_or_default();
    text.chars()
        .enumerate()
        .map(|(at, c)| match c {
            c if c.is_uppercase() => char::from(b'A' + letter(at)),
            c if c.is_alphabetic() => char::from(b'a' + letter(at)),
            c if c.is_numeric() => char::from(b'1' + letter(at) % 9),
            c => c,
        })
        .collect()
}

fn number_like(number: &serde_json::Number) -> Value {
    let written = rounded(&number.to_string());
    serde_json::from_str(&written).unwrap_or_else(|_| 0.into())
}

fn whole(pattern: &Regex, text: &str) -> bool {
    pattern.find(text.trim()).is_some_and(|found| found.as_str() == text.trim())
}

/// Every place where a value stands as words of its own, whatever its case.
fn replaced(text: &str, value: &str, stand_in: &str) -> String {
    let Ok(pattern) = regex::RegexBuilder::new(&regex::escape(value)).case_insensitive(true).build() else {
        return text.replace(value, stand_in);
    };
    let (mut out, mut at) = (String::with_capacity(text.len()), 0);
    for found in pattern.find_iter(text) {
        let before = text.get(..found.start()).and_then(|before| before.chars().next_back());
        let after = text.get(found.end()..).and_then(|after| after.chars().next());
        if before.is_some_and(char::is_alphanumeric) || after.is_some_and(char::is_alphanumeric) {
            continue;
        }
        out.push_str(text.get(at..found.start()).unwrap_or_default());
        out.push_str(stand_in);
        at = found.end();
    }
    out.push_str(text.get(at..).unwrap_or_default());
    out
}

/// A number of which only the first digit tells something.
fn rounded(text: &str) -> String {
    let mut first = true;
    let stand_in = |c: char| if digit(c).is_some() && !std::mem::take(&mut first) { '0' } else { c };
    text.chars().map(stand_in).collect()
}

/// A date of which only the decade and the names of months tell something.
fn dateless(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut group = String::new();
    for c in text.chars().chain(std::iter::once('\0')) {
        if let Some(c) = digit(c) {
            group.push(c);
            continue;
        }
        match group.len() {
            0 => {}
            1 => out.push('1'),
            2 => out.push_str("01"),
            3 | 4 => {
                out.push_str(group.get(..group.len() - 1).unwrap_or_default());
                out.push('0');
            }
            length => out.extend(std::iter::repeat_n('1', length)),
        }
        group.clear();
        if c != '\0' {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn mask() -> Mask {
        Mask::of(&ContactView {
            name: Some("Jane Roe".into()),
            wa_id: Some("447700900123".into()),
            user_id: Some("GB.778190".into()),
        })
    }

    #[test]
    fn a_value_gets_the_same_stand_in_everywhere() {
        let mut mask = mask();
        assert_eq!(mask.text("I am Jane Roe, call JANE at +44 7700 900123."), "I am Ada, call Ada at +44 7000 000001.");
        assert_eq!(
            mask.text("jane@mail.example or roe@mail.example, JANE@mail.example"),
            "person1@example.com or person2@example.com, person1@example.com"
        );
        assert_eq!(mask.text("07700 900123 and 07700 900124"), "07700 000001 and 07700 000002");
        assert_eq!(mask.text("Janet lives at GB.778190"), "Janet lives at user.1");
        let once = mask.text("447700900123 jane@mail.example");
        assert_eq!(mask.text(&once), once, "stand-ins stay");
    }

    #[test]
    fn what_is_personal_keeps_its_shape_only() {
        let mut mask = mask();
        for (written, masked) in [
            ("06.12.34.56.78", "06.10.00.00.02"),
            ("06/12/34/56/79", "06/10/00/00/03"),
            ("06\u{a0}12\u{a0}34\u{a0}56\u{a0}77", "06\u{a0}10\u{a0}00\u{a0}00\u{a0}04"),
            ("0171–1234567", "0170–0000005"),
            ("on 03/04/2026 14:30", "on 03/04/2026 14:30"),
            ("3.4.2026", "3.4.2026"),
            ("٠٦١٢٣٤٥٦٧١", "0610000006"),
        ] {
            assert_eq!(mask.text(written), masked);
        }
        assert_eq!(mask.personal("٤٢", Shape::Number), "٤0");
        assert_eq!(mask.personal("Elm Road 5b", Shape::Text), "Aaa Aaaa 1a");
        assert_eq!(mask.personal("SW1A 2AA", Shape::Text), "BB2B 2BB");
        assert_eq!(mask.text("to elm road 5b."), "to Aaa Aaaa 1a.");
        assert_eq!(mask.personal("37", Shape::Number), "30");
        assert_eq!(mask.personal("5.3.1984", Shape::Date), "1.1.1980");
        assert_eq!(mask.personal("1984-03-05", Shape::Date), "1980-01-01");
        assert_eq!(mask.personal("my mail is a@b.example", Shape::Text), "cc cccc cc c@c.ccccccc");
        assert_eq!(
            mask.json(&json!({ "n": 447_700_900_123_u64, "a": ["Jane"] })),
            json!({ "n": 447_000_000_001_u64, "a": ["Ada"] })
        );
    }
}
