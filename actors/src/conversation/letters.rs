//! Dead letters that inputs let go again: which of them are not open any more. The commit looks once more.

use std::collections::HashSet;

use storage::{DeadLetter, Inbound, StoreError};

use super::State;
use crate::records::inbox::letter_of;

impl State {
    /// Letters of these rows that went again, or were dropped, before.
    pub(super) async fn settled_letters<'r>(
        &self,
        rows: impl Iterator<Item = &'r Inbound>,
    ) -> Result<HashSet<u64>, StoreError> {
        let ids: Vec<u64> = rows.filter_map(|row| letter_of(&row.payload)).collect();
        if ids.is_empty() {
            return Ok(HashSet::new());
        }
        let letters = self.deps.store.letters(ids.clone()).await?;
        let is_open = |letter: &Option<DeadLetter>| letter.as_ref().is_some_and(|letter| letter.resolution.is_none());
        Ok(ids.into_iter().zip(letters).filter(|(_, letter)| !is_open(letter)).map(|(id, _)| id).collect())
    }
}
