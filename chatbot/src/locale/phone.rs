//! Telephone numbers as people write them, in the form of E.164: `+447700900123`.

use super::countries::{self, Country};
use super::{Locale, digit};

/// Characters that a number may have as written.
const LONGEST: usize = 40;

/// Every number that a text can mean to somebody of this place; none if it is no number.
pub(crate) fn parse(text: &str, locale: &Locale) -> Vec<String> {
    let Some((international, digits)) = digits(text) else { return Vec::new() };
    let home = locale.country.or(locale.region.as_deref()).and_then(countries::find);
    if international {
        return whole(&digits).into_iter().collect();
    }
    if let Some(rest) = digits.strip_prefix("00") {
        return whole(rest).into_iter().collect();
    }
    let Some(home) = home else { return Vec::new() };
    let national = national(&digits, home);
    // Somebody wrote the code of their own country and left out the plus.
    let without_plus = digits.strip_prefix(home.calling).filter(|rest| fits(rest, home)).map(|_| format!("+{digits}"));
    let mut found: Vec<String> = national.into_iter().chain(without_plus).collect();
    found.dedup();
    found
}

/// The digits of a text, and whether a plus stands in front; `None` if anything else stands there.
fn digits(text: &str) -> Option<(bool, String)> {
    let text = text.trim();
    let text = text.strip_prefix("tel:").unwrap_or(text);
    if text.chars().count() > LONGEST {
        return None;
    }
    let (mut plus, mut digits) = (false, String::new());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '+' | '＋' if digits.is_empty() && !plus => plus = true,
            // `+44 (0)20 …`: the trunk's prefix is not dialled from abroad.
            '(' if plus && chars.peek() == Some(&'0') => {
                chars.next();
                chars.next_if_eq(&')')?;
            }
            '(' | ')' | '-' | '–' | '‑' | '.' | '/' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' => {}
            c if c.is_whitespace() => {}
            c => digits.push(digit(c)?),
        }
    }
    Some((plus, digits)).filter(|(_, digits)| !digits.is_empty())
}

/// A number that begins with the calling code.
fn whole(digits: &str) -> Option<String> {
    let country = countries::by_digits(digits)?;
    let rest = digits.strip_prefix(country.calling)?;
    let rest = match fits(rest, country) {
        true => rest,
        // Written with the trunk's prefix all the same.
        false if !country.trunk.is_empty() && country.trunk != "1" => rest.strip_prefix(country.trunk)?,
        false => return None,
    };
    fits(rest, country).then(|| format!("+{}{rest}", country.calling))
}

/// A number as it is dialled within the country.
fn national(digits: &str, country: &Country) -> Option<String> {
    let rest = match country.trunk {
        "" => digits,
        trunk => digits.strip_prefix(trunk).unwrap_or(digits),
    };
    fits(rest, country).then(|| format!("+{}{rest}", country.calling))
}

fn fits(national: &str, country: &Country) -> bool {
    let trunk = country.trunk == "0" && national.starts_with('0');
    let long = (country.shortest..=country.longest).contains(&national.len());
    // Areas and exchanges of North America begin with 2 to 9.
    let area = country.calling != "1" || national.starts_with(|c: char| ('2'..='9').contains(&c));
    long && area && !trunk
}

/// A number with spaces, to be read: `+44 7700 900123`, `+1 555 010 0001`.
pub(crate) fn spaced(number: &str) -> String {
    let digits = number.trim_start_matches('+');
    let Some(country) = countries::by_digits(digits) else { return number.to_owned() };
    let Some(rest) = digits.strip_prefix(country.calling) else { return number.to_owned() };
    let first = match (country.calling, rest.len()) {
        ("44", 10) => 4,
        _ => 3,
    };
    let mut groups = vec![format!("+{}", country.calling)];
    let mut rest = rest;
    let mut len = first;
    while rest.len() > len + 1 && (country.calling, rest.len()) != ("44", 6) {
        let Some((head, tail)) = rest.split_at_checked(len) else { break };
        groups.push(head.to_owned());
        rest = tail;
        len = 3;
    }
    groups.push(rest.to_owned());
    groups.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, tag: &str) -> String {
        parse(text, &Locale::parse(tag)).join(" ")
    }

    #[test]
    fn numbers_are_brought_to_one_form() {
        for (text, tag, expected) in [
            ("+44 7700 900123", "de-DE", "+447700900123"),
            ("07700 900123", "en-GB", "+447700900123"),
            ("7700900123", "en-GB", "+447700900123"),
            ("00447700900123", "de-DE", "+447700900123"),
            ("+44 (0)7700 900-123", "en", "+447700900123"),
            ("447700900123", "en-GB", "+447700900123"),
            ("0151 / 1234 5678", "de-DE", "+4915112345678"),
            ("(555) 010-0001", "en-US", "+15550100001"),
            ("1 555 010 0001", "en-US", "+15550100001"),
            ("٠١٠١٢٣٤٥٦٧٨", "ar-EG", "+201012345678"),
            ("tel:+15550100001", "en", "+15550100001"),
            ("0532 123 45 67", "tr-TR", "+905321234567"),
            ("612 345 678", "es-ES", "+34612345678"),
        ] {
            assert_eq!(read(text, tag), expected, "{text} in {tag}");
        }
    }

    #[test]
    fn other_words_are_no_numbers() {
        let long = "1".repeat(41);
        for (text, tag) in [
            ("07700 900123", "en"),
            ("", "en-GB"),
            ("call me", "en-GB"),
            ("12345", "en-GB"),
            ("+999 1234567", "en-GB"),
            ("+44 1", "en-GB"),
            ("+447700900123456789", "en-GB"),
            ("++447700900123", "en-GB"),
            ("44+7700900123", "en-GB"),
            ("123 456 7890", "en-US"),
            (&long, "en-US"),
        ] {
            assert_eq!(read(text, tag), "", "{text} in {tag}");
        }
    }

    #[test]
    fn numbers_are_shown_in_groups() {
        for (number, shown) in [
            ("+447700900123", "+44 7700 900123"),
            ("+15550100001", "+1 555 010 0001"),
            ("+4915112345678", "+49 151 123 456 78"),
            ("+34612345678", "+34 612 345 678"),
            ("+999", "+999"),
        ] {
            assert_eq!(spaced(number), shown, "{number}");
        }
    }
}
