//! Windows: when each person last wrote to each business number, and whether they came through an ad.

use std::collections::HashMap;

use foldhash::fast::RandomState;
use parking_lot::Mutex;

const WINDOW_MS: u64 = 24 * 3_600_000;
/// An ad answered within a day makes messages free so long.
const ENTRY_MS: u64 = 72 * 3_600_000;
/// People remembered at a time.
const MAX_PEOPLE: usize = 1_000_000;

#[derive(Debug, Clone, Copy, Default)]
struct Times {
    last_ms: u64,
    /// When the person came through an ad that was not answered yet.
    ad_ms: Option<u64>,
    entry_until_ms: Option<u64>,
}

impl Times {
    fn until_ms(&self) -> u64 {
        self.last_ms.saturating_add(WINDOW_MS)
    }

    fn is_over(&self, now_ms: u64) -> bool {
        now_ms >= self.until_ms() && self.entry_until_ms.is_none_or(|until| now_ms >= until)
    }
}

/// Last inbound time by person, one map for each business number.
pub(crate) struct Windows(Vec<Mutex<HashMap<String, Times, RandomState>>>);

impl Windows {
    pub(crate) fn new(numbers: usize) -> Self {
        Self((0..numbers).map(|_| Mutex::default()).collect())
    }

    pub(crate) fn open(&self, number: usize, person: &str, now_ms: u64) {
        let Some(people) = self.0.get(number) else { return };
        let mut people = people.lock();
        if let Some(times) = people.get_mut(person) {
            times.last_ms = now_ms.max(times.last_ms);
            return;
        }
        if people.len() >= MAX_PEOPLE {
            people.retain(|_, times| !times.is_over(now_ms));
        }
        if people.len() < MAX_PEOPLE {
            people.insert(person.to_owned(), Times { last_ms: now_ms, ..Times::default() });
        }
    }

    pub(crate) fn is_open(&self, number: usize, person: &str, now_ms: u64) -> bool {
        self.until_ms(number, person).is_some_and(|until| now_ms < until)
    }

    /// When the window closes or closed; `None` if the person never wrote.
    pub(crate) fn until_ms(&self, number: usize, person: &str) -> Option<u64> {
        Some(self.0.get(number)?.lock().get(person)?.until_ms())
    }

    /// Notes that a person whose window is open came through an ad.
    pub(crate) fn came_by_ad(&self, number: usize, person: &str, now_ms: u64) {
        let Some(people) = self.0.get(number) else { return };
        if let Some(times) = people.lock().get_mut(person) {
            times.ad_ms = Some(now_ms);
        }
    }

    /// Notes an answer of the business; until when messages to this person are free, if they are.
    pub(crate) fn answered(&self, number: usize, person: &str, now_ms: u64) -> Option<u64> {
        let mut people = self.0.get(number)?.lock();
        let times = people.get_mut(person)?;
        if times.ad_ms.take().is_some_and(|at| now_ms < at.saturating_add(WINDOW_MS)) {
            times.entry_until_ms = Some(now_ms.saturating_add(ENTRY_MS));
        }
        times.entry_until_ms.filter(|until| now_ms < *until)
    }

    /// Until when messages to this person are free, if the business answered an ad.
    pub(crate) fn entry_until_ms(&self, number: usize, person: &str) -> Option<u64> {
        self.0.get(number)?.lock().get(person)?.entry_until_ms
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

    #[test]
    fn an_ad_answered_within_a_day_makes_three_days_free() {
        let windows = Windows::new(1);
        windows.open(0, "a", 1_000);
        assert_eq!(windows.answered(0, "a", 2_000), None);
        windows.came_by_ad(0, "a", 3_000);
        assert_eq!(windows.answered(0, "a", 4_000), Some(4_000 + ENTRY_MS));
        assert_eq!(windows.answered(0, "a", 5_000), Some(4_000 + ENTRY_MS), "a second answer does not lengthen it");
        assert!(!windows.is_open(0, "a", 1_000 + WINDOW_MS), "free is not open");
        assert_eq!(windows.answered(0, "a", 4_000 + ENTRY_MS), None);
        windows.open(0, "b", 0);
        windows.came_by_ad(0, "b", 0);
        assert_eq!(windows.answered(0, "b", WINDOW_MS), None, "too late");
    }
}
