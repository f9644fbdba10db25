//! Whom each business number blocks.

use std::collections::BTreeSet;

use parking_lot::RwLock;

/// Meta's bound on the list of one number.
pub(crate) const MAX_BLOCKED: usize = 64_000;

/// Pairs of business number and person, in order, so that a list has pages.
#[derive(Default)]
pub(crate) struct Blocked(RwLock<BTreeSet<(usize, String)>>);

impl Blocked {
    /// Blocks a person. False if the list is full.
    pub(crate) fn add(&self, number: usize, person: &str) -> bool {
        let mut all = self.0.write();
        let pair = (number, person.to_owned());
        if all.contains(&pair) {
            return true;
        }
        all.range((number, String::new())..(number + 1, String::new())).count() < MAX_BLOCKED && all.insert(pair)
    }

    /// Unblocks a person. False if they were not blocked.
    pub(crate) fn remove(&self, number: usize, person: &str) -> bool {
        self.0.write().remove(&(number, person.to_owned()))
    }

    pub(crate) fn has(&self, number: usize, person: &str) -> bool {
        let all = self.0.read();
        !all.is_empty() && all.contains(&(number, person.to_owned()))
    }

    /// Up to `limit` people after `after`, and whether there are more.
    pub(crate) fn page(&self, number: usize, after: &str, limit: usize) -> (Vec<String>, bool) {
        let all = self.0.read();
        let mut rest = all
            .range((number, after.to_owned())..(number + 1, String::new()))
            .map(|(_, person)| person)
            .filter(|person| *person != after);
        let page = rest.by_ref().take(limit).cloned().collect();
        (page, rest.next().is_some())
    }

    pub(crate) fn clear(&self) {
        self.0.write().clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_holds_for_one_number_and_has_pages() {
        let blocked = Blocked::default();
        for person in ["b", "a", "c"] {
            assert!(blocked.add(0, person));
        }
        assert!(blocked.has(0, "a") && !blocked.has(1, "a"));
        assert_eq!(blocked.page(0, "", 2), (vec!["a".into(), "b".into()], true));
        assert_eq!(blocked.page(0, "b", 2), (vec!["c".into()], false));
        assert_eq!(blocked.page(1, "", 2), (vec![], false));
        assert!(blocked.remove(0, "a") && !blocked.remove(0, "a"));
    }
}
