//! Open dead letters by cause, and those that a filter takes.

use std::collections::{BTreeMap, HashSet};

use storage::{DeadLetter, Page, Partition, Store, StoreError};

use super::Cause;
use crate::identity;

/// Letters read at once.
const PAGE: usize = 1_000;
/// Letters looked through at the most.
const LOOKED_AT: usize = 100_000;

/// Letters of one cause.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Which.
    pub cause: Cause,
    /// How many.
    pub count: usize,
    /// When the first and the last were given up (Unix ms).
    pub oldest_ms: u64,
    /// See `oldest_ms`.
    pub newest_ms: u64,
}

/// All groups, the largest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Groups {
    /// The groups.
    pub groups: Vec<Group>,
    /// Whether there are more letters than were looked at.
    pub more: bool,
}

/// Which letters; what is left out takes all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LetterFilter {
    /// These.
    pub ids: Option<HashSet<u64>>,
    /// Given up for this.
    pub reason: Option<Box<str>>,
    /// With this number of Meta's.
    pub code: Option<u32>,
    /// Of these business numbers.
    pub numbers: Option<Vec<Box<str>>>,
    /// Given up before (Unix ms).
    pub before_ms: Option<u64>,
}

impl LetterFilter {
    /// Whether it takes this letter.
    pub fn takes(&self, letter: &DeadLetter) -> bool {
        let of_number = |numbers: &Vec<Box<str>>| {
            let tag = identity::tag_of(letter.conversation);
            numbers.iter().any(|number| identity::partition_tag(&Partition(number.clone())) == tag)
        };
        self.ids.as_ref().is_none_or(|ids| ids.contains(&letter.id))
            && self.reason.as_ref().is_none_or(|reason| *reason == letter.reason)
            && self.before_ms.is_none_or(|before_ms| letter.at_ms < before_ms)
            && self.numbers.as_ref().is_none_or(of_number)
            && self.code.is_none_or(|code| super::code(letter) == Some(code))
    }

    /// The open letters that it takes, newest first, `most` at the most; and whether there are more to look at.
    pub async fn find(&self, store: &dyn Store, most: usize) -> Result<(Vec<DeadLetter>, bool), StoreError> {
        if let Some(ids) = &self.ids {
            let letters = store.letters(ids.iter().copied().collect()).await?.into_iter().flatten();
            let mut letters: Vec<_> =
                letters.filter(|letter| letter.resolution.is_none() && self.takes(letter)).collect();
            letters.sort_by_key(|letter| std::cmp::Reverse(letter.id));
            let more = letters.len() > most;
            letters.truncate(most);
            return Ok((letters, more));
        }
        let mut found = Vec::new();
        let more = each(store, |letter| {
            if self.takes(&letter) {
                found.push(letter);
            }
            found.len() < most
        })
        .await?;
        Ok((found, more))
    }
}

impl Groups {
    /// The groups of the open letters that a filter takes.
    pub async fn of(store: &dyn Store, filter: &LetterFilter) -> Result<Self, StoreError> {
        let mut groups: BTreeMap<Cause, Group> = BTreeMap::new();
        let more = each(store, |letter| {
            if filter.takes(&letter) {
                let cause = Cause::of(&letter);
                let new = || Group { cause: cause.clone(), count: 0, oldest_ms: letter.at_ms, newest_ms: letter.at_ms };
                let group = groups.entry(cause.clone()).or_insert_with(new);
                group.count += 1;
                group.oldest_ms = group.oldest_ms.min(letter.at_ms);
                group.newest_ms = group.newest_ms.max(letter.at_ms);
            }
            true
        })
        .await?;
        let mut groups: Vec<_> = groups.into_values().collect();
        groups.sort_by_key(|group| std::cmp::Reverse(group.count));
        Ok(Self { groups, more })
    }
}

/// Looks at the open letters, newest first, while `go_on` wants more. Answers whether there are more.
async fn each(store: &dyn Store, mut go_on: impl FnMut(DeadLetter) -> bool) -> Result<bool, StoreError> {
    let mut cursor = None;
    for _ in 0..LOOKED_AT / PAGE {
        let page = store.dead_letters(Page { cursor, limit: PAGE }).await?;
        for letter in page.items {
            if !go_on(letter) {
                return Ok(true);
            }
        }
        cursor = page.next;
        if cursor.is_none() {
            return Ok(false);
        }
    }
    Ok(true)
}
