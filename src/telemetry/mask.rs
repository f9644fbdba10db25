//! Phone numbers as they may be shown: `+4477•••0123`.

use std::fmt;

/// What stands for hidden characters.
pub(super) const DOTS: &str = "•••";

/// Fewer characters than these are never left hidden between the two ends.
const HIDDEN: usize = 3;

/// A phone number or other id of a person, masked when it is displayed.
#[derive(Clone, Copy, Debug)]
pub struct Masked<'a>(&'a str);

/// Masks an id of a person: at most the first four and the last four characters stay. A number gets a `+`.
pub fn mask(id: &str) -> Masked<'_> {
    Masked(id)
}

impl fmt::Display for Masked<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let id = self.0.strip_prefix('+').unwrap_or(self.0);
        let length = id.chars().count();
        let shown = if length >= 8 + HIDDEN { 4 } else { length.saturating_sub(HIDDEN) / 2 };
        if !id.is_empty() && id.chars().all(|c| c.is_ascii_digit()) {
            f.write_str("+")?;
        }
        let head = id.chars().take(shown);
        let tail = id.chars().skip(length - shown);
        write!(f, "{}{DOTS}{}", head.collect::<String>(), tail.collect::<String>())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_both_ends() {
        for (number, masked) in [
            ("+447700900123", "+4477•••0123"),
            ("447700900123", "+4477•••0123"),
            ("15550000001", "+1555•••0001"),
            ("+15550001", "+15•••01"),
            ("12345", "+1•••5"),
            ("1234", "+•••"),
            ("", "•••"),
        ] {
            assert_eq!(mask(number).to_string(), masked, "{number}");
        }
    }

    #[test]
    fn other_ids_are_masked_by_characters() {
        assert_eq!(mask("US.1A2b3C4d5E6f").to_string(), "US.1•••5E6f");
        assert_eq!(mask("äöüäöüäöüäöü").to_string(), "äöüä•••üäöü");
    }

    #[test]
    fn at_least_three_characters_are_hidden() {
        for length in 4..40 {
            let id = "7".repeat(length);
            let shown = mask(&id).to_string().chars().filter(|c| *c == '7').count();
            assert!(shown + HIDDEN <= length, "{length} characters show {shown}");
        }
    }
}
