//! The sender's decisions, without I/O: which message may leave now. Time comes in as a value.
//!
//! 1. Each conversation is a lane: its messages leave in the order they were decided, one under way at a time.
//! 2. A lane whose head may go at `t` stands in the schedule under `t`. Nothing is looked at before its time.
//! 3. When its time has come, the head needs a free slot, then the number's rate, then the person's. A refusal by the
//!    person's rate costs nobody else anything; the lane is put under the time the limiter names.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use foldhash::{HashMap, HashMapExt};
use governor::clock::Clock as GovernorClock;
use governor::middleware::NoOpMiddleware;
use governor::state::keyed::DashMapStateStore;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use storage::{ConversationId, SendId};

use super::Row;
use crate::clock::Clock;
use crate::settings::SenderSettings;

/// Our clock as governor wants it.
#[derive(Clone)]
pub(crate) struct LimiterClock(pub Arc<dyn Clock>);

impl GovernorClock for LimiterClock {
    type Instant = Duration;

    fn now(&self) -> Duration {
        Duration::from_millis(self.0.now_ms())
    }
}

type NumberLimiter = RateLimiter<NotKeyed, InMemoryState, LimiterClock, NoOpMiddleware<Duration>>;
type PairLimiter =
    RateLimiter<ConversationId, DashMapStateStore<ConversationId>, LimiterClock, NoOpMiddleware<Duration>>;

/// Keyed limiters never forget by themselves: every this many messages, idle people are dropped from it.
const FORGET_EVERY: u32 = 10_000;

pub(crate) struct Lanes {
    clock: LimiterClock,
    lanes: HashMap<ConversationId, Lane>,
    /// Lanes by the time at which their head may go.
    schedule: BTreeSet<(u64, ConversationId)>,
    number: Option<NumberLimiter>,
    pairs: Option<PairLimiter>,
    under_way: usize,
    open: usize,
    /// How many open messages were decided at which time.
    ages: BTreeMap<u64, u32>,
    concurrency: usize,
    brake: Option<Brake>,
    since_forgetting: u32,
}

/// Nothing leaves until a probe, one message at a time, gets through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Brake {
    /// For operators.
    pub why: Box<str>,
    /// The next probe leaves at this time.
    pub probe_ms: u64,
    /// Time between probes.
    pub every_ms: u64,
    /// The probe under way: only what left after the brake was set can release it.
    pub probe: Option<SendId>,
}

/// Messages whose content stays in memory; beyond it, it is read from the store when its time has come.
const RIDING: usize = 20_000;

#[derive(Default)]
struct Lane {
    rows: VecDeque<Row>,
    under_way: bool,
    due_ms: u64,
    /// Refusals by the pair limit in a row.
    slowed: u32,
}

impl Lanes {
    pub(crate) fn new(settings: &SenderSettings, clock: Arc<dyn Clock>) -> Self {
        let clock = LimiterClock(clock);
        let number = NonZeroU32::new(settings.messages_per_second).map(|rate| {
            // A small burst: the default would let a whole second's worth go at once.
            let burst = NonZeroU32::new((rate.get() / 8).max(1)).expect("at least 1");
            RateLimiter::direct_with_clock(Quota::per_second(rate).allow_burst(burst), clock.clone())
        });
        let interval = Some(Duration::from_millis(settings.pair_interval_ms)).filter(|interval| !interval.is_zero());
        let pairs = interval.and_then(Quota::with_period).map(|quota| {
            let burst = NonZeroU32::new(settings.pair_burst.max(1)).expect("at least 1");
            RateLimiter::dashmap_with_clock(quota.allow_burst(burst), clock.clone())
        });
        Self {
            clock,
            lanes: HashMap::new(),
            schedule: BTreeSet::new(),
            number,
            pairs,
            under_way: 0,
            open: 0,
            ages: BTreeMap::new(),
            concurrency: settings.concurrency.max(1),
            brake: None,
            since_forgetting: 0,
        }
    }

    /// Appends a message to its lane. One that is not newer than the lane's last is there already: answers `false`.
    pub(crate) fn push(&mut self, mut row: Row) -> bool {
        let id = row.id.conversation;
        let lane = self.lanes.entry(id).or_default();
        if lane.rows.back().is_some_and(|last| last.id.n >= row.id.n) {
            return false;
        }
        if self.open >= RIDING {
            row.payload = None;
        }
        self.open += 1;
        *self.ages.entry(row.created_ms).or_default() += 1;
        lane.rows.push_back(row);
        if lane.rows.len() == 1 {
            self.reschedule(id);
        }
        true
    }

    /// The next message that may leave now, marked as under way; else when to ask again (`None`: when something
    /// changes).
    pub(crate) fn next(&mut self) -> Result<Row, Option<u64>> {
        loop {
            let room = if self.brake.is_some() { 1 } else { self.concurrency };
            if self.under_way >= room {
                return Err(None);
            }
            let Some(&(due_ms, id)) = self.schedule.first() else { return Err(None) };
            let now_ms = self.clock.0.now_ms();
            let due_ms = due_ms.max(self.brake.as_ref().map_or(0, |brake| brake.probe_ms));
            if due_ms > now_ms {
                return Err(Some(due_ms));
            }
            if let Some(wait_ms) = self.pair_wait_ms(id) {
                self.put_off(id, now_ms + wait_ms);
                continue;
            }
            if let Some(wait_ms) = self.number_wait_ms() {
                // The person's share stays taken: it is given back by not asking again for this row.
                self.head(id).pair_paid = true;
                return Err(Some(now_ms + wait_ms));
            }
            return Ok(self.take(id, now_ms));
        }
    }

    fn take(&mut self, id: ConversationId, now_ms: u64) -> Row {
        let probe = self.head(id).id;
        if let Some(brake) = &mut self.brake {
            brake.probe_ms = now_ms + brake.every_ms;
            brake.probe = Some(probe);
        }
        self.under_way += 1;
        let lane = self.lanes.get_mut(&id).expect("a scheduled lane exists");
        self.schedule.remove(&(lane.due_ms, id));
        lane.under_way = true;
        let row = self.head(id);
        row.pair_paid = false;
        row.clone()
    }

    fn pair_wait_ms(&mut self, id: ConversationId) -> Option<u64> {
        let paid = self.head(id).pair_paid;
        let limiter = self.pairs.as_ref().filter(|_| !paid)?;
        self.since_forgetting += 1;
        if self.since_forgetting >= FORGET_EVERY {
            limiter.retain_recent();
            limiter.shrink_to_fit();
            self.since_forgetting = 0;
        }
        let refused = limiter.check_key(&id).err()?;
        Some(round_up_ms(refused.wait_time_from(self.clock.now())))
    }

    fn number_wait_ms(&self) -> Option<u64> {
        let refused = self.number.as_ref()?.check().err()?;
        Some(round_up_ms(refused.wait_time_from(self.clock.now())))
    }

    fn head(&mut self, id: ConversationId) -> &mut Row {
        let lane = self.lanes.get_mut(&id);
        lane.and_then(|lane| lane.rows.front_mut()).expect("a scheduled lane exists and has a row")
    }

    fn put_off(&mut self, id: ConversationId, due_ms: u64) {
        self.head(id).due_ms = due_ms;
        self.reschedule(id);
    }

    /// Puts a lane into the schedule under the time of its head, or takes it out.
    fn reschedule(&mut self, id: ConversationId) {
        let Some(lane) = self.lanes.get_mut(&id) else { return };
        self.schedule.remove(&(lane.due_ms, id));
        match lane.rows.front() {
            None => {
                self.lanes.remove(&id);
            }
            Some(_) if lane.under_way => {}
            Some(row) => {
                lane.due_ms = row.due_ms;
                self.schedule.insert((row.due_ms, id));
            }
        }
    }

    /// The message is settled: the next of its lane may go.
    pub(crate) fn settled(&mut self, send: SendId) {
        let mut created_ms = None;
        self.finish(send, |lane| {
            lane.slowed = 0;
            created_ms = lane.rows.pop_front().map(|row| row.created_ms);
        });
        if let Some(created_ms) = created_ms {
            self.forget(created_ms);
        }
    }

    fn forget(&mut self, created_ms: u64) {
        self.open -= 1;
        let count = self.ages.get_mut(&created_ms).expect("every open message is counted");
        *count -= 1;
        if *count == 0 {
            self.ages.remove(&created_ms);
        }
    }

    /// A request was made and the message goes again, not before `due_ms`. It had `tries` that count.
    pub(crate) fn again(&mut self, send: SendId, due_ms: u64, tries: u32) {
        self.requested(send, due_ms, tries, false);
    }

    /// Nobody knows whether it was sent: it waits for a status until `until_ms` and blocks its lane.
    pub(crate) fn doubt(&mut self, send: SendId, until_ms: u64, tries: u32) {
        self.requested(send, until_ms, tries, true);
    }

    fn requested(&mut self, send: SendId, due_ms: u64, tries: u32, doubt: bool) {
        self.finish(send, |lane| {
            if let Some(row) = lane.rows.front_mut() {
                row.attempts += 1;
                (row.due_ms, row.tries, row.doubt) = (due_ms, tries, doubt);
            }
        });
    }

    /// Ends what is under way for a lane's head.
    fn finish(&mut self, send: SendId, change: impl FnOnce(&mut Lane)) {
        let Some(lane) = self.lanes.get_mut(&send.conversation) else { return };
        if lane.rows.front().is_none_or(|row| row.id != send) {
            return;
        }
        if std::mem::take(&mut lane.under_way) {
            self.under_way -= 1;
        }
        self.schedule.remove(&(lane.due_ms, send.conversation));
        change(lane);
        self.reschedule(send.conversation);
    }

    /// A status settled a message. Answers whether it waited here (in doubt, or for a retry); one that is under way
    /// settles itself.
    pub(crate) fn status(&mut self, send: SendId) -> bool {
        let waiting = |lane: &Lane| !lane.under_way && lane.rows.front().is_some_and(|row| row.id == send);
        let known = self.lanes.get(&send.conversation).is_some_and(waiting);
        if known {
            self.settled(send);
        }
        known
    }

    /// How often in a row the person's limit at Meta refused, this time included.
    pub(crate) fn slowed(&mut self, send: SendId) -> u32 {
        let Some(lane) = self.lanes.get_mut(&send.conversation) else { return 1 };
        lane.slowed += 1;
        lane.slowed
    }

    /// Nothing leaves but a probe now and then, until one gets through. Answers whether that is new.
    pub(crate) fn slow_down(&mut self, brake: Brake) -> bool {
        let before_ms = self.brake.as_ref().map(|before| before.probe_ms);
        let probe_ms = brake.probe_ms.max(before_ms.unwrap_or(0));
        self.brake = Some(Brake { probe_ms, ..brake });
        before_ms.is_none()
    }

    /// Meta took or judged this message: if it was the probe, the number works again. Answers whether that is new.
    pub(crate) fn works(&mut self, send: SendId) -> bool {
        let was_probe = self.brake.as_ref().is_some_and(|brake| brake.probe == Some(send));
        if was_probe {
            self.brake = None;
        }
        was_probe
    }

    /// Why nothing but probes leaves, if so.
    pub(crate) fn brake(&self) -> Option<&Brake> {
        self.brake.as_ref()
    }

    pub(crate) fn under_way(&self) -> usize {
        self.under_way
    }

    /// Messages not settled yet.
    pub(crate) fn open(&self) -> usize {
        self.open
    }

    /// When the oldest of them was decided.
    pub(crate) fn oldest_ms(&self) -> Option<u64> {
        self.ages.first_key_value().map(|(created_ms, _)| *created_ms)
    }
}

fn round_up_ms(wait: Duration) -> u64 {
    u64::try_from(wait.as_micros().div_ceil(1_000)).unwrap_or(u64::MAX).max(1)
}

#[cfg(test)]
mod tests;
