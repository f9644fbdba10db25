//! The sender's decisions, without I/O: which message may leave now. Time comes in as a value.
//!
//! 1. Each conversation is a lane: its messages leave in the order they were decided, one under way at a time.
//! 2. A lane whose next message may go at `t` stands in a schedule under `t`. Nothing is looked at before its time.
//! 3. When its time has come, the message needs a free slot, then the person's rate, then the number's. A refusal by the
//!    person's rate costs nobody else anything; the lane is put under the time the limiter names.
//! 4. Lanes with nothing but one of many in them have a schedule of their own. It is looked at when no other message may leave,
//!    has half of the slots, and never takes the number's last share.

mod brake;
mod lane;
mod rate;

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use chatbot::Order;
use foldhash::{HashMap, HashMapExt};
use governor::clock::Clock as GovernorClock;
use governor::middleware::NoOpMiddleware;
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};
use storage::{ConversationId, SendId, SendState};

pub(crate) use brake::{Brake, Cause};
use lane::Lane;
use rate::Rate;

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

type PairLimiter =
    RateLimiter<ConversationId, DashMapStateStore<ConversationId>, LimiterClock, NoOpMiddleware<Duration>>;

/// Keyed limiters never forget by themselves: every this many messages, idle people are dropped from it.
const FORGET_EVERY: u32 = 10_000;
/// Messages whose content stays in memory; beyond it, it is read from the store when its time has come.
const RIDING: usize = 20_000;
/// How long a message waits for the one before to be delivered (ms).
const DELIVERY_PATIENCE_MS: u64 = 60_000;
/// People whose delivery is waited for, before those whose time is over are looked for.
const AWAITED: usize = 1_024;

pub(crate) struct Lanes {
    clock: LimiterClock,
    lanes: HashMap<ConversationId, Lane>,
    /// Lanes by the time at which their next message may go.
    replies: Schedule,
    bulk: Schedule,
    rate: Rate,
    pairs: Option<PairLimiter>,
    concurrency: usize,
    brake: Option<Brake>,
    /// Whose delivery the next message of the lane waits for, and until when.
    awaited: HashMap<ConversationId, (u64, u64)>,
    await_sweep: usize,
    /// Lanes from which nothing leaves until earlier messages are back, and from how many times of asking.
    blocked: HashMap<ConversationId, u32>,
    since_forgetting: u32,
}

/// Lanes of one class.
#[derive(Default)]
struct Schedule {
    by_time: BTreeSet<(u64, ConversationId)>,
    open: usize,
    under_way: usize,
    /// How many open messages were decided at which time.
    ages: BTreeMap<u64, u32>,
}

impl Schedule {
    fn count(&mut self, created_ms: u64) {
        self.open += 1;
        *self.ages.entry(created_ms).or_default() += 1;
    }

    fn forget(&mut self, created_ms: u64) {
        self.open -= 1;
        let count = self.ages.get_mut(&created_ms).expect("every open message is counted");
        *count -= 1;
        if *count == 0 {
            self.ages.remove(&created_ms);
        }
    }

    fn oldest_ms(&self) -> Option<u64> {
        self.ages.first_key_value().map(|(created_ms, _)| *created_ms)
    }
}

fn pairs(settings: &SenderSettings, clock: &LimiterClock) -> Option<PairLimiter> {
    let interval = Some(Duration::from_millis(settings.pair_interval_ms)).filter(|interval| !interval.is_zero());
    interval.and_then(Quota::with_period).map(|quota| {
        let burst = NonZeroU32::new(settings.pair_burst.max(1)).expect("at least 1");
        RateLimiter::dashmap_with_clock(quota.allow_burst(burst), clock.clone())
    })
}

impl Lanes {
    pub(crate) fn new(settings: &SenderSettings, clock: Arc<dyn Clock>) -> Self {
        let rate = Rate::new(settings.messages_per_second, clock.now_ms());
        let clock = LimiterClock(clock);
        let pairs = pairs(settings, &clock);
        Self {
            clock,
            lanes: HashMap::new(),
            replies: Schedule::default(),
            bulk: Schedule::default(),
            rate,
            pairs,
            concurrency: settings.concurrency.max(1),
            brake: None,
            awaited: HashMap::new(),
            await_sweep: AWAITED,
            blocked: HashMap::new(),
            since_forgetting: 0,
        }
    }

    /// Takes other settings. What is not changed goes on counting.
    pub(crate) fn retune(&mut self, before: &SenderSettings, settings: &SenderSettings) {
        if before.messages_per_second != settings.messages_per_second {
            self.rate = Rate::new(settings.messages_per_second, self.now_ms());
        }
        if (before.pair_interval_ms, before.pair_burst) != (settings.pair_interval_ms, settings.pair_burst) {
            self.pairs = pairs(settings, &self.clock);
        }
        self.concurrency = settings.concurrency.max(1);
    }

    fn now_ms(&self) -> u64 {
        self.clock.0.now_ms()
    }

    fn class(&mut self, bulk: bool) -> &mut Schedule {
        if bulk { &mut self.bulk } else { &mut self.replies }
    }

    /// Puts a message into its place in its lane. Answers `false` when it is there already. One with another nonce
    /// takes the place of the one that is there.
    pub(crate) fn push(&mut self, mut row: Row) -> bool {
        if self.open() >= RIDING {
            row.payload = None;
        }
        let (id, bulk, created_ms) = (row.id.conversation, row.manner.bulk, row.created_ms);
        let lane = self.lanes.entry(id).or_default();
        match lane.insert(row) {
            lane::Inserted::There => false,
            lane::Inserted::Replaced => {
                self.reschedule(id);
                false
            }
            lane::Inserted::New { next } => {
                self.class(bulk).count(created_ms);
                if next {
                    self.reschedule(id);
                }
                true
            }
        }
    }

    /// The next message that may leave now, marked as under way; else when to ask again (`None`: when something
    /// changes).
    pub(crate) fn next(&mut self) -> Result<Row, Option<u64>> {
        let room = if self.brake.is_some() { 1 } else { self.concurrency };
        if self.under_way() >= room {
            return Err(None);
        }
        let probe_ms = match &self.brake {
            Some(Brake { probe_ms: None, .. }) => return Err(None),
            Some(brake) => brake.probe_ms.unwrap_or_default(),
            None => 0,
        };
        let reply_ms = match self.next_of(false, probe_ms) {
            Ok(row) => return Ok(row),
            Err(again_ms) => again_ms,
        };
        if self.bulk.under_way >= (self.concurrency / 2).max(1) {
            return Err(reply_ms);
        }
        self.next_of(true, probe_ms).map_err(|bulk_ms| reply_ms.into_iter().chain(bulk_ms).min())
    }

    fn next_of(&mut self, bulk: bool, probe_ms: u64) -> Result<Row, Option<u64>> {
        loop {
            let Some(&(due_ms, id)) = self.class(bulk).by_time.first() else { return Err(None) };
            let now_ms = self.now_ms();
            let due_ms = due_ms.max(probe_ms);
            if due_ms > now_ms {
                return Err(Some(due_ms));
            }
            if let Some(wait_ms) = self.pair_wait_ms(id) {
                let lane = self.lane(id);
                lane.not_before_ms = now_ms + wait_ms;
                self.reschedule(id);
                continue;
            }
            if let Some(wait_ms) = self.rate.take(now_ms, bulk) {
                // The person's share stays taken: it is given back by not asking again for this row.
                self.lane(id).next_mut().pair_paid = true;
                return Err(Some(now_ms + wait_ms));
            }
            return Ok(self.take(id, bulk, now_ms));
        }
    }

    fn take(&mut self, id: ConversationId, bulk: bool, now_ms: u64) -> Row {
        let lane = self.lane(id);
        let row = lane.start();
        lane.under_way_bulk = bulk;
        let due_ms = lane.due_ms;
        let class = self.class(bulk);
        class.by_time.remove(&(due_ms, id));
        class.under_way += 1;
        if let Some(brake) = &mut self.brake {
            brake.probed(row.id, now_ms);
        }
        row
    }

    fn pair_wait_ms(&mut self, id: ConversationId) -> Option<u64> {
        let paid = self.lane(id).next_mut().pair_paid;
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

    fn lane(&mut self, id: ConversationId) -> &mut Lane {
        self.lanes.get_mut(&id).expect("a scheduled lane exists")
    }

    /// Puts a lane into its schedule under the time of its next message, or takes it out.
    fn reschedule(&mut self, id: ConversationId) {
        let now_ms = self.now_ms();
        let Some(lane) = self.lanes.get_mut(&id) else { return };
        let (before_ms, was_bulk) = (lane.due_ms, lane.bulk);
        let awaited = self.awaited.get(&id).copied();
        let due = lane.look(awaited, now_ms).filter(|_| !self.blocked.contains_key(&id));
        let (gone, bulk) = (lane.is_empty(), lane.bulk);
        self.class(was_bulk).by_time.remove(&(before_ms, id));
        if let Some(due_ms) = due {
            self.class(bulk).by_time.insert((due_ms, id));
        } else if gone {
            self.lanes.remove(&id);
        }
    }

    /// The message is settled: the next of its lane may go.
    pub(crate) fn settled(&mut self, send: SendId) {
        self.end(send, |lane| lane.settle(send));
    }

    /// As [`Lanes::settled`], for one that Meta took.
    pub(crate) fn accepted(&mut self, send: SendId) {
        let lane = self.lanes.get(&send.conversation);
        let waits = lane.is_some_and(|lane| !lane.told && lane.order_of(send) == Some(Order::Delivered));
        if waits {
            self.await_delivery(send);
        }
        self.settled(send);
    }

    fn await_delivery(&mut self, send: SendId) {
        let now_ms = self.now_ms();
        if self.awaited.len() >= self.await_sweep {
            self.awaited.retain(|_, (_, until_ms)| *until_ms > now_ms);
            self.await_sweep = (self.awaited.len() * 2).max(AWAITED);
        }
        self.awaited.insert(send.conversation, (send.n, now_ms + DELIVERY_PATIENCE_MS));
    }

    /// A request was made and the message goes again, not before `due_ms`. It had `tries` that count.
    pub(crate) fn again(&mut self, send: SendId, due_ms: u64, tries: u32) {
        self.end(send, |lane| lane.wait(send, due_ms, tries, false));
    }

    /// A message that waits may go now.
    pub(crate) fn hasten(&mut self, send: SendId) {
        let now_ms = self.now_ms();
        if let Some(lane) = self.lanes.get_mut(&send.conversation) {
            lane.hasten(send, now_ms);
            self.reschedule(send.conversation);
        }
    }

    /// As [`Lanes::again`], and the person's other messages wait as long.
    pub(crate) fn person_waits(&mut self, send: SendId, due_ms: u64, tries: u32) {
        if let Some(lane) = self.lanes.get_mut(&send.conversation) {
            lane.not_before_ms = due_ms;
        }
        self.again(send, due_ms, tries);
    }

    /// Nobody knows whether it was sent: it waits for a status until `until_ms`.
    pub(crate) fn doubt(&mut self, send: SendId, until_ms: u64, tries: u32) {
        self.end(send, |lane| lane.wait(send, until_ms, tries, true));
    }

    /// Ends what is under way for a message, or takes it out of its lane; `change` answers the row that left.
    fn end(&mut self, send: SendId, change: impl FnOnce(&mut Lane) -> Option<Row>) {
        let id = send.conversation;
        let Some(lane) = self.lanes.get_mut(&id) else { return };
        let Some(bulk) = lane.bulk_of(send) else { return };
        let was_under_way = lane.finish(send);
        let left_as_bulk = lane.under_way_bulk;
        let left = change(lane);
        self.class(left_as_bulk).under_way -= usize::from(was_under_way);
        if let Some(row) = left {
            self.class(bulk).forget(row.created_ms);
        }
        self.reschedule(id);
    }

    /// A status told where a message stands. Answers whether that settled one that waited here (in doubt, or for a
    /// retry); one that is under way ends with its request.
    pub(crate) fn status(&mut self, send: SendId, state: SendState) -> bool {
        if state >= SendState::Failed && self.awaited.get(&send.conversation).is_some_and(|(n, _)| *n <= send.n) {
            self.awaited.remove(&send.conversation);
            self.reschedule(send.conversation);
        }
        let Some(lane) = self.lanes.get_mut(&send.conversation).filter(|_| state.is_settled()) else { return false };
        if lane.is_under_way(send) {
            lane.told = true;
            return false;
        }
        let known = lane.bulk_of(send).is_some();
        if known {
            self.settled(send);
        }
        known
    }

    /// Whether a status told, while its request was under way, that this message is settled.
    pub(crate) fn is_told(&self, send: SendId) -> bool {
        self.lanes.get(&send.conversation).is_some_and(|lane| lane.told && lane.is_under_way(send))
    }

    pub(crate) fn is_under_way(&self, send: SendId) -> bool {
        self.lanes.get(&send.conversation).is_some_and(|lane| lane.is_under_way(send))
    }

    /// Whether a message that a bot decided is under way here.
    pub(crate) fn bot_is_under_way(&self, id: ConversationId) -> bool {
        self.lanes.get(&id).is_some_and(Lane::bot_is_under_way)
    }

    /// Another message takes the place of this one.
    pub(crate) fn replace(&mut self, send: SendId, row: Row) {
        self.end(send, |lane| {
            lane.succeed_by(row);
            lane.settle(send)
        });
    }

    /// No request was made for this message after all: if it was the probe, the next one is.
    pub(crate) fn not_asked(&mut self, send: SendId) {
        let now_ms = self.now_ms();
        if let Some(brake) = self.brake.as_mut().filter(|brake| brake.probe == Some(send)) {
            brake.probe_ms = Some(now_ms);
        }
    }

    /// Takes the messages that a bot decided, and that no request is under way or in doubt for, out of a lane.
    pub(crate) fn take_out(&mut self, id: ConversationId) -> Vec<Row> {
        let Some(lane) = self.lanes.get_mut(&id) else { return Vec::new() };
        let rows = lane.take_out();
        for row in &rows {
            self.class(row.manner.bulk).forget(row.created_ms);
        }
        self.reschedule(id);
        rows
    }

    /// Takes all messages that no request is under way for out of a lane, for good.
    pub(crate) fn drop_waiting(&mut self, id: ConversationId) -> Vec<Row> {
        let Some(lane) = self.lanes.get_mut(&id) else { return Vec::new() };
        let rows = lane.drop_waiting();
        for row in &rows {
            self.class(row.manner.bulk).forget(row.created_ms);
        }
        self.awaited.remove(&id);
        self.reschedule(id);
        rows
    }

    /// Whether a request of this lane is under way.
    pub(crate) fn has_under_way(&self, id: ConversationId) -> bool {
        self.lanes.get(&id).is_some_and(Lane::has_under_way)
    }

    /// Nothing of this lane leaves until as many [`Lanes::unblock`].
    pub(crate) fn block(&mut self, id: ConversationId) {
        *self.blocked.entry(id).or_default() += 1;
        self.reschedule(id);
    }

    /// Whether nothing of this lane leaves until earlier messages are back.
    pub(crate) fn is_blocked(&self, id: ConversationId) -> bool {
        self.blocked.contains_key(&id)
    }

    pub(crate) fn unblock(&mut self, id: ConversationId) {
        match self.blocked.get_mut(&id) {
            Some(times) if *times > 1 => *times -= 1,
            _ => drop(self.blocked.remove(&id)),
        }
        self.reschedule(id);
    }

    /// How often in a row the person's limit at Meta refused, this time included.
    pub(crate) fn slowed(&mut self, send: SendId) -> u32 {
        let Some(lane) = self.lanes.get_mut(&send.conversation) else { return 1 };
        lane.slowed += 1;
        lane.slowed
    }

    /// Nothing leaves but a probe now and then, until one gets through. `refused` is the message that met it. Answers
    /// whether that is new.
    pub(crate) fn slow_down(&mut self, refused: Option<SendId>, brake: Brake) -> bool {
        let too_fast = brake.cause == Cause::TooFast;
        let is_new = match &mut self.brake {
            Some(before) => before.meet(refused, brake),
            None => {
                self.brake = Some(brake);
                true
            }
        };
        if is_new && too_fast {
            let now_ms = self.now_ms();
            self.rate.halve(now_ms);
        }
        is_new
    }

    /// Meta says that a limit is near.
    pub(crate) fn ease(&mut self) {
        let now_ms = self.now_ms();
        self.rate.ease(now_ms);
    }

    /// Meta took or judged this message: if it was the probe, the number works again. Answers whether that is new.
    pub(crate) fn works(&mut self, send: SendId) -> bool {
        let Some(brake) = self.brake.as_ref().filter(|brake| brake.probe == Some(send)) else { return false };
        if brake.cause == Cause::Stopped {
            return false;
        }
        if brake.cause == Cause::TooFast {
            let now_ms = self.now_ms();
            self.rate.goes_on(now_ms);
        }
        self.brake = None;
        true
    }

    /// What stopped the number may be mended: an operator's stop ends, and where Meta refused, a probe goes at once.
    /// Answers whether the number goes on without one.
    pub(crate) fn resume(&mut self) -> bool {
        let now_ms = self.now_ms();
        let idle = self.open() == 0;
        match &mut self.brake {
            Some(brake) if brake.cause != Cause::Stopped && !idle => {
                brake.probe_ms = Some(now_ms);
                false
            }
            brake => brake.take().is_some(),
        }
    }

    /// Why nothing but probes leaves, if so.
    pub(crate) fn brake(&self) -> Option<&Brake> {
        self.brake.as_ref()
    }

    /// Whether nothing slows the number down: what is not urgent may go too.
    pub(crate) fn is_calm(&self) -> bool {
        self.brake.is_none()
    }

    pub(crate) fn under_way(&self) -> usize {
        self.replies.under_way + self.bulk.under_way
    }

    /// Messages not settled yet.
    pub(crate) fn open(&self) -> usize {
        self.replies.open + self.bulk.open
    }

    /// Those of them that are one of many.
    pub(crate) fn open_bulk(&self) -> usize {
        self.bulk.open
    }

    /// Those of many that do not wait for a later time (a retry, the end of a doubt, the person's rate).
    pub(crate) fn ready_bulk(&self) -> usize {
        let later = (self.now_ms() + 1, ConversationId([0; 16]));
        let waiting = self.bulk.by_time.range(later..).filter_map(|(_, id)| self.lanes.get(id)).map(Lane::len);
        self.bulk.open.saturating_sub(waiting.sum())
    }

    /// When the oldest of them was decided; of the replies, and of those that are one of many.
    pub(crate) fn oldest_ms(&self) -> (Option<u64>, Option<u64>) {
        (self.replies.oldest_ms(), self.bulk.oldest_ms())
    }

    /// Messages per second as of now, if there is a limit.
    pub(crate) fn per_second(&self) -> Option<f64> {
        self.rate.per_second(self.now_ms())
    }
}

fn round_up_ms(wait: Duration) -> u64 {
    u64::try_from(wait.as_micros().div_ceil(1_000)).unwrap_or(u64::MAX).max(1)
}

#[cfg(test)]
mod tests;
