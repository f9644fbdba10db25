//! What a bot tells the outside: an event that `emit` names, with data of the author's.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::caps;

/// An event that a turn decided. It is real once the turn is committed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// The author's name for it: `booking.made`.
    pub name: String,
    /// What the author says about it; null where nothing is said.
    pub data: Value,
    /// The node that decided it.
    pub node: String,
    /// The run that it belongs to.
    pub run: String,
}

/// Whether a name is one of an event: lower-case words with dots between, such as `booking.made`.
pub(crate) fn is_name(name: &str) -> bool {
    let word = |word: &str| {
        word.starts_with(|c: char| c.is_ascii_lowercase())
            && word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
    };
    name.len() <= caps::MAX_EVENT_NAME_CHARS && name.split('.').all(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_lower_case_words_with_dots_between() {
        for name in ["a", "booking.made", "order_2.line.added"] {
            assert!(is_name(name), "{name}");
        }
        let long = "a".repeat(caps::MAX_EVENT_NAME_CHARS + 1);
        for name in ["", ".", "a.", ".a", "a..b", "Booking", "2nd", "a b", "a-b", "ä", "{{ x }}", &long] {
            assert!(!is_name(name), "{name}");
        }
    }
}
