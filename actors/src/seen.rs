//! The message ids that a conversation remembers, so that a message runs once however often Meta delivers it.
//!
//! Kept in the conversation's own state: 8-byte keyed hashes by day. Within one conversation (at most
//! [`MAX_REMEMBERED`] ids, hashes keyed by a secret of the store) a false match has a chance of about 10⁻¹⁵ a message.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Meta redelivers for seven days; one more is margin.
pub(crate) const WINDOW_DAYS: u64 = 8;
/// Older messages (by their own time stamp) never reach a conversation: one hour inside the window of redelivery.
pub const MAX_AGE_MS: u64 = WINDOW_DAYS * DAY_MS - 3_600_000;
const DAY_MS: u64 = 86_400_000;
/// Beyond this the oldest day is forgotten.
pub(crate) const MAX_REMEMBERED: usize = 20_000;

/// Remembered message ids, oldest day first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Seen {
    days: VecDeque<Day>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Day {
    number: u64,
    #[serde(with = "serde_bytes")]
    hashes: Vec<u8>,
}

/// The hash under which an id is remembered.
pub(crate) fn hash(secret: &[u8; 16], wamid: &str) -> u64 {
    let digest = Sha256::new().chain_update(secret).chain_update(wamid.as_bytes()).finalize();
    let mut first = [0; 8];
    first.copy_from_slice(&digest[..8]);
    u64::from_le_bytes(first)
}

impl Seen {
    pub(crate) fn contains(&self, hash: u64) -> bool {
        let wanted = hash.to_le_bytes();
        self.days.iter().any(|day| day.hashes.chunks_exact(8).any(|known| known == wanted))
    }

    /// Remembers an id under the day on which the message was accepted, and forgets days that fell out of the window.
    /// Not under the day on which it runs: a backlog that waited must not forget what a redelivery in it repeats.
    /// Returns whether the cap made it forget early.
    pub(crate) fn remember(&mut self, hash: u64, accepted_ms: u64) -> bool {
        let today = accepted_ms / DAY_MS;
        // A clock that jumped ahead costs at most one remembered day per message-day, never the whole window at once.
        if self.days.front().is_some_and(|oldest| oldest.number + WINDOW_DAYS < today) {
            self.days.pop_front();
        }
        match self.days.back_mut() {
            Some(day) if day.number >= today => day.hashes.extend_from_slice(&hash.to_le_bytes()),
            _ => self.days.push_back(Day { number: today, hashes: hash.to_le_bytes().to_vec() }),
        }
        let over = self.len().saturating_sub(MAX_REMEMBERED);
        if over > 0 && self.days.len() > 1 {
            self.days.pop_front();
        } else if let Some(only) = self.days.front_mut().filter(|_| over > 0) {
            only.hashes.drain(..over * 8);
        }
        over > 0
    }

    /// Remembers what another conversation remembers, too.
    pub(crate) fn absorb(&mut self, other: Self) {
        for theirs in other.days {
            match self.days.binary_search_by_key(&theirs.number, |day| day.number) {
                Ok(at) => self.days[at].hashes.extend_from_slice(&theirs.hashes),
                Err(at) => self.days.insert(at, theirs),
            }
        }
        while self.len() > MAX_REMEMBERED && self.days.len() > 1 {
            self.days.pop_front();
        }
    }

    fn len(&self) -> usize {
        self.days.iter().map(|day| day.hashes.len() / 8).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: [u8; 16] = [7; 16];

    #[test]
    fn an_id_is_remembered_for_the_whole_window_and_then_forgotten() {
        let mut seen = Seen::default();
        let first = hash(&SECRET, "wamid.first");
        seen.remember(first, 0);
        for day in 1..=WINDOW_DAYS {
            seen.remember(hash(&SECRET, &format!("wamid.{day}")), day * DAY_MS);
            assert!(seen.contains(first), "day {day}");
        }
        seen.remember(hash(&SECRET, "wamid.later"), (WINDOW_DAYS + 1) * DAY_MS);
        assert!(!seen.contains(first));
    }

    #[test]
    fn a_jump_of_the_clock_does_not_forget_everything() {
        let mut seen = Seen::default();
        for day in 0..5 {
            seen.remember(hash(&SECRET, &format!("wamid.{day}")), day * DAY_MS);
        }
        seen.remember(hash(&SECRET, "wamid.jump"), 400 * DAY_MS);
        let kept = (0..5).filter(|day| seen.contains(hash(&SECRET, &format!("wamid.{day}")))).count();
        assert_eq!(kept, 4);
    }

    #[test]
    fn two_memories_become_one_in_the_order_of_their_days() {
        let (mut one, mut other) = (Seen::default(), Seen::default());
        for (day, wamid) in [(1, "a"), (3, "b")] {
            one.remember(hash(&SECRET, wamid), day * DAY_MS);
        }
        for (day, wamid) in [(0, "c"), (1, "d"), (4, "e")] {
            other.remember(hash(&SECRET, wamid), day * DAY_MS);
        }
        one.absorb(other);
        assert!(["a", "b", "c", "d", "e"].iter().all(|wamid| one.contains(hash(&SECRET, wamid))));
        assert_eq!(one.days.iter().map(|day| day.number).collect::<Vec<_>>(), [0, 1, 3, 4]);
    }

    #[test]
    fn the_cap_forgets_the_oldest_day_and_says_so() {
        let mut seen = Seen::default();
        for index in 0..MAX_REMEMBERED as u64 {
            assert!(!seen.remember(index, 0));
        }
        let mut one_day = seen.clone();
        assert!(one_day.remember(u64::MAX, 0));
        assert_eq!(one_day.len(), MAX_REMEMBERED);
        assert!(one_day.contains(u64::MAX) && one_day.contains(1) && !one_day.contains(0));
        assert!(seen.remember(u64::MAX, DAY_MS));
        assert!(seen.contains(u64::MAX));
        assert!(!seen.contains(3));
    }
}
