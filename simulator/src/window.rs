//! The 24 hour window: when each person last wrote to each business number.

use std::collections::HashMap;

use foldhash::fast::RandomState;
use parking_lot::Mutex;

const WINDOW_MS: u64 = 24 * 3_600_000;
/// People remembered at a time.
const MAX_PEOPLE: usize = 1_000_000;

/// Last inbound time by person, one map for each business number.
pub(crate) struct Windows(Vec<Mutex<HashMap<String, u64, RandomState>>>);

impl Windows {
    pub(crate) fn new(numbers: usize) -> Self {
        Self((0..numbers).map(|_| Mutex::default()).collect())
    }

    pub(crate) fn open(&self, number: usize, person: &str, now_ms: u64) {
        let Some(people) = self.0.get(number) else { return };
        let mut people = people.lock();
        if let Some(last) = people.get_mut(person) {
            *last = now_ms.max(*last);
            return;
        }
        if people.len() >= MAX_PEOPLE {
            people.retain(|_, last| now_ms < last.saturating_add(WINDOW_MS));
        }
        if people.len() < MAX_PEOPLE {
            people.insert(person.to_owned(), now_ms);
        }
    }

    pub(crate) fn is_open(&self, number: usize, person: &str, now_ms: u64) -> bool {
        let Some(people) = self.0.get(number) else { return false };
        people.lock().get(person).is_some_and(|last| now_ms < last.saturating_add(WINDOW_MS))
    }

    pub(crate) fn forget(&self, person: &str) {
        for people in &self.0 {
            people.lock().remove(person);
        }
    }

    pub(crate) fn clear(&self) {
        for people in &self.0 {
            people.lock().clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_lasts_a_day_for_one_number() {
        let windows = Windows::new(2);
        assert!(!windows.is_open(0, "a", 1_000));
        windows.open(0, "a", 1_000);
        assert!(windows.is_open(0, "a", 1_000 + WINDOW_MS - 1));
        assert!(!windows.is_open(0, "a", 1_000 + WINDOW_MS));
        assert!(!windows.is_open(1, "a", 1_000));
        windows.open(0, "a", 500);
        assert!(windows.is_open(0, "a", WINDOW_MS + 999), "an older message does not shorten it");
    }
}
