//! What became of each message: said, acknowledged, answered, and how often.

use std::time::Duration;

use parking_lot::Mutex;
use serde::Serialize;
use tokio::time::Instant;

/// From an answer that Meta gave to the commit that notes it: more than this is not under way any more.
const UNDER_WAY_MS: u64 = 2_000;
/// Between a clock read here and one read there.
const BREATH_MS: u64 = 50;

/// All messages of a run, by their number.
pub(super) struct Ledger {
    started: Instant,
    rows: Mutex<Vec<Row>>,
    strange: Mutex<u64>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Row {
    person: u64,
    due_ms: u64,
    /// How often its webhook was answered 200, and when first and last.
    acknowledged: u32,
    acknowledged_ms: u64,
    acknowledged_again_ms: u64,
    /// How often Meta was asked to send a reply, whatever came of it, and when last.
    asked: u32,
    asked_ms: u64,
    taken: u32,
    first_ms: u64,
    /// When Meta's answer to the first one left, if it ever did.
    answered_ms: Option<u64>,
    again_ms: u64,
}

/// What a look at the books came to.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(super) struct Books {
    pub said: u64,
    pub acknowledged: u64,
    pub replied: u64,
    /// Acknowledged, and without a reply.
    pub lost: u64,
    /// Replied to more than once, because the process died between Meta's taking and our knowing.
    pub doubled_by_crash: u64,
    pub doubled: u64,
    /// Replies to nothing that anybody said.
    pub strange: u64,
    pub p50_ms: f64,
    pub p99_ms: f64,
    pub most_ms: f64,
}

/// A message that nobody replied to, by what the bench knows of it. Times are milliseconds since the beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Unanswered {
    pub n: u64,
    pub person: u64,
    pub due_ms: u64,
    pub acknowledged: u32,
    pub acknowledged_ms: u64,
    pub acknowledged_again_ms: u64,
    /// Requests to send a reply that Meta refused, or whose connection broke before it took them.
    pub asked: u32,
    pub asked_ms: u64,
    /// From the nearest kill -9 to the first 200; negative if the kill came later.
    pub after_kill_ms: Option<i64>,
}

impl Ledger {
    pub(super) fn new(started: Instant) -> Self {
        Self { started, rows: Mutex::default(), strange: Mutex::default() }
    }

    /// The next message, which this person should send then; its number.
    pub(super) fn said(&self, person: u64, due: Instant) -> u64 {
        let due_ms = due.saturating_duration_since(self.started).as_millis() as u64;
        let mut rows = self.rows.lock();
        rows.push(Row { person, due_ms, ..Row::default() });
        rows.len() as u64 - 1
    }

    pub(super) fn acknowledged(&self, n: u64) {
        self.with(n, |row, now_ms| {
            row.acknowledged += 1;
            row.acknowledged_again_ms = now_ms;
            if row.acknowledged == 1 {
                row.acknowledged_ms = now_ms;
            }
        });
    }

    /// Meta is asked to send a reply, and may refuse.
    pub(super) fn asked(&self, n: u64) {
        self.with(n, |row, now_ms| (row.asked, row.asked_ms) = (row.asked + 1, now_ms));
    }

    /// Meta took a reply.
    pub(super) fn taken(&self, n: u64) {
        self.with(n, |row, now_ms| {
            row.taken += 1;
            match row.taken {
                1 => row.first_ms = now_ms,
                2 => row.again_ms = now_ms,
                _ => {}
            }
        });
    }

    /// Meta's answer to a reply left.
    pub(super) fn answered(&self, n: u64) {
        self.with(n, |row, now_ms| {
            if row.taken == 1 {
                row.answered_ms = Some(now_ms);
            }
        });
    }

    /// A reply that quotes nothing that was said.
    pub(super) fn strange(&self) {
        *self.strange.lock() += 1;
    }

    /// Milliseconds since the beginning.
    pub(super) fn now_ms(&self) -> u64 {
        self.started.elapsed().as_millis() as u64
    }

    /// Messages that nobody replied to yet.
    pub(super) fn open(&self) -> u64 {
        self.rows.lock().iter().filter(|row| row.taken == 0).count() as u64
    }

    /// Up to `limit` messages that nobody replied to yet; `kills` are the times of kill -9.
    pub(super) fn unanswered(&self, kills: &[u64], limit: usize) -> Vec<Unanswered> {
        let rows = self.rows.lock();
        let open = rows.iter().enumerate().filter(|(_, row)| row.taken == 0).take(limit);
        open.map(|(n, row)| row.unanswered(n as u64, kills)).collect()
    }

    /// Looks at everything; `kills` are the times of kill -9.
    pub(super) fn books(&self, kills: &[u64]) -> Books {
        let rows = self.rows.lock();
        let count = |of: &dyn Fn(&Row) -> bool| rows.iter().filter(|row| of(row)).count() as u64;
        let by_crash = |row: &Row| kills.iter().any(|kill| row.is_doubled_by(*kill));
        let mut times: Vec<u64> =
            rows.iter().filter(|row| row.taken > 0).map(|row| row.first_ms.saturating_sub(row.due_ms)).collect();
        times.sort_unstable();
        let last = times.len().saturating_sub(1);
        let at = |share: f64| times.get((last as f64 * share).round() as usize).map_or(0.0, |ms| *ms as f64);
        Books {
            said: rows.len() as u64,
            acknowledged: count(&|row| row.acknowledged > 0),
            replied: count(&|row| row.taken > 0),
            lost: count(&|row| row.acknowledged > 0 && row.taken == 0),
            doubled_by_crash: count(&|row| row.taken == 2 && by_crash(row)),
            doubled: count(&|row| row.taken > 1 && !(row.taken == 2 && by_crash(row))),
            strange: *self.strange.lock(),
            p50_ms: at(0.5),
            p99_ms: at(0.99),
            most_ms: at(1.0),
        }
    }

    fn with(&self, n: u64, what: impl FnOnce(&mut Row, u64)) {
        let now_ms = self.now_ms();
        match self.rows.lock().get_mut(n as usize) {
            Some(row) => what(row, now_ms),
            None => *self.strange.lock() += 1,
        }
    }
}

impl Row {
    fn unanswered(&self, n: u64, kills: &[u64]) -> Unanswered {
        let Self { person, due_ms, acknowledged, acknowledged_ms, acknowledged_again_ms, asked, asked_ms, .. } = *self;
        let after = kills.iter().map(|kill| acknowledged_ms as i64 - *kill as i64);
        let after_kill_ms = after.min_by_key(|after| after.abs());
        Unanswered {
            n,
            person,
            due_ms,
            acknowledged,
            acknowledged_ms,
            acknowledged_again_ms,
            asked,
            asked_ms,
            after_kill_ms,
        }
    }

    /// Whether this kill came when Meta had taken the reply and we could not know it yet.
    fn is_doubled_by(&self, kill_ms: u64) -> bool {
        let known_ms = self.answered_ms.map_or(u64::MAX, |answered_ms| answered_ms + UNDER_WAY_MS);
        self.first_ms <= kill_ms + BREATH_MS && kill_ms <= self.again_ms && kill_ms <= known_ms
    }
}

/// How long a client of ours waits for Meta in a soak; hung answers take longer, late ones less.
pub(super) const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_reply_is_explained_only_by_a_crash_between_taking_and_knowing() {
        let ledger = Ledger::new(Instant::now());
        for _ in 0..4 {
            ledger.said(0, Instant::now());
        }
        for n in 0..3 {
            ledger.acknowledged(n);
        }
        let twice = |answered_ms| Row { acknowledged: 1, taken: 2, answered_ms, again_ms: 9_000, ..Row::default() };
        ledger.rows.lock()[..2].copy_from_slice(&[twice(Some(0)), twice(None)]);
        ledger.taken(9);
        let books = |kills: &[u64]| {
            let books = ledger.books(kills);
            (books.lost, books.doubled_by_crash, books.doubled, books.strange)
        };
        assert_eq!(books(&[]), (1, 0, 2, 1));
        assert_eq!(books(&[1_000]), (1, 2, 0, 1));
        assert_eq!(books(&[5_000]), (1, 1, 1, 1), "the first one was known long before");
        assert_eq!(books(&[10_000]), (1, 0, 2, 1), "both came twice before");
    }

    #[test]
    fn messages_without_a_reply_are_told_with_all_that_is_known_of_them() {
        let ledger = Ledger::new(Instant::now());
        for person in 7..10 {
            ledger.said(person, Instant::now());
        }
        ledger.acknowledged(1);
        ledger.acknowledged(1);
        ledger.asked(1);
        ledger.taken(0);
        let open = ledger.unanswered(&[90_000, 2_000, 200_000], 9);
        assert_eq!(open.iter().map(|open| (open.n, open.person)).collect::<Vec<_>>(), [(1, 8), (2, 9)]);
        let (after, asked) = (open[0].acknowledged_ms as i64 - 2_000, open[0].asked);
        assert_eq!((open[0].acknowledged, asked, open[0].after_kill_ms), (2, 1, Some(after)));
        assert_eq!((open[1].acknowledged, open[1].asked), (0, 0));
        assert_eq!((ledger.unanswered(&[], 1).len(), ledger.unanswered(&[], 1)[0].after_kill_ms), (1, None));
    }
}
