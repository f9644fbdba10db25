//! A round through everything that is due, a batch at a time. It goes on where it was, so that those whose ticks bring no
//! turn and who stay due cannot keep later ones waiting.

use foldhash::HashMap;
use storage::{ConversationId, Store, StoreError};

use super::HORIZON_MS;

/// Ticks handed out at once: overdue timers after a restart do not stampede.
const BATCH: usize = 500;
/// A tick that brought no turn is repeated after this long.
const REPEAT_MS: u64 = 30_000;

#[derive(Default)]
pub(super) struct Round {
    /// The last one that was looked at in this round.
    after: Option<(u64, ConversationId)>,
    /// Handed out lately: for which due time, and when.
    fired: HashMap<ConversationId, (u64, u64)>,
}

#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Found {
    /// To be woken now.
    pub due: Vec<ConversationId>,
    /// The round is not at its end.
    pub more: bool,
    /// The next time that somebody asked for, if it is near.
    pub later_ms: Option<u64>,
}

impl Round {
    /// The next batch.
    pub(super) async fn go_on(&mut self, store: &dyn Store, now_ms: u64) -> Result<Found, StoreError> {
        self.fired.retain(|_, (_, fired_ms)| *fired_ms + REPEAT_MS > now_ms);
        let mut found = Found::default();
        loop {
            let page = store.wakes_due(self.after, now_ms + HORIZON_MS, BATCH).await?;
            let full = page.len() == BATCH;
            for (due_ms, id) in page {
                if due_ms > now_ms {
                    found.later_ms = Some(due_ms);
                    self.after = None;
                    return Ok(found);
                }
                if found.due.len() == BATCH {
                    found.more = true;
                    return Ok(found);
                }
                self.after = Some((due_ms, id));
                if self.fired.get(&id).is_none_or(|(fired_for_ms, _)| *fired_for_ms != due_ms) {
                    self.fired.insert(id, (due_ms, now_ms));
                    found.due.push(id);
                }
            }
            if !full {
                self.after = None;
                return Ok(found);
            }
        }
    }

    /// Whether nothing was handed out lately.
    pub(super) fn is_quiet(&self) -> bool {
        self.fired.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use storage::{Model, Partition, Revision, Turn};

    use super::*;

    fn id(number: u64) -> ConversationId {
        ConversationId(u128::from(number).to_be_bytes())
    }

    async fn ask(store: &Model, number: u64, revision: u64, wake_ms: Option<u64>) {
        let turn = Turn {
            conversation: id(number),
            expected: Revision(revision),
            at_ms: 1,
            consumed: Vec::new(),
            snapshot: Bytes::new(),
            entries: Vec::new(),
            sends: Vec::new(),
            wake_ms,
            aliases: Vec::new(),
            dead_letters: Vec::new(),
            append: Vec::new(),
            documents: Vec::new(),
            resolved: Vec::new(),
        };
        store.commit(store.fence(&Partition("1".into())), turn).await.unwrap();
    }

    #[tokio::test]
    async fn timers_that_stay_due_do_not_starve_later_ones() {
        let store = Model::new();
        // More than are handed out before the first of them are repeated.
        let stuck = (REPEAT_MS / 1_000 + 2) * BATCH as u64;
        for number in 0..stuck {
            ask(&store, number, 0, Some(10)).await;
        }
        ask(&store, stuck, 0, Some(20)).await;
        let mut round = Round::default();
        let mut times: HashMap<ConversationId, Vec<u64>> = HashMap::default();
        for second in 1..=REPEAT_MS / 1_000 + 4 {
            let found = round.go_on(&*store, second * 1_000).await.unwrap();
            assert!(found.due.len() <= BATCH);
            found.due.into_iter().for_each(|id| times.entry(id).or_default().push(second * 1_000));
        }
        assert_eq!(times.len() as u64, stuck + 1);
        let spaced = |times: &Vec<u64>| times.windows(2).all(|pair| pair[1] - pair[0] >= REPEAT_MS);
        assert!(times.values().all(spaced));
    }

    #[tokio::test]
    async fn next_time_is_told_and_another_time_of_the_same_conversation_is_not_a_repetition() {
        let store = Model::new();
        ask(&store, 1, 0, Some(10)).await;
        ask(&store, 2, 0, Some(50)).await;
        let mut round = Round::default();
        let found = round.go_on(&*store, 10).await.unwrap();
        assert_eq!(found, Found { due: vec![id(1)], more: false, later_ms: Some(50) });
        assert_eq!(round.go_on(&*store, 11).await.unwrap().due, []);
        ask(&store, 1, 1, Some(12)).await;
        assert_eq!(round.go_on(&*store, 12).await.unwrap().due, [id(1)]);
        ask(&store, 1, 2, None).await;
        ask(&store, 2, 1, None).await;
        assert_eq!(round.go_on(&*store, 13).await.unwrap(), Found::default());
        assert!(!round.is_quiet());
        round.go_on(&*store, 12 + REPEAT_MS).await.unwrap();
        assert!(round.is_quiet());
    }
}
