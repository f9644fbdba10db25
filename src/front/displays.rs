//! Our numbers as people see them, learned from webhooks.

use std::collections::HashMap;

use parking_lot::RwLock;

/// By `phone_number_id`, of numbers that are served.
#[derive(Debug, Default)]
pub struct Displays {
    seen: RwLock<HashMap<Box<str>, Box<str>>>,
}

impl Displays {
    /// A webhook for the number showed this.
    pub(super) fn saw(&self, number: &str, display: &str) {
        if self.seen.read().get(number).is_none_or(|seen| **seen != *display) {
            self.seen.write().insert(number.into(), display.into());
        }
    }

    /// The number as people see it, once a webhook showed it.
    pub fn of(&self, number: &str) -> Option<Box<str>> {
        self.seen.read().get(number).cloned()
    }
}
