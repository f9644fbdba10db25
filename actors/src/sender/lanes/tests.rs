//! The sender's decisions against what must always hold, whatever happens in which order.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::clock::AdjustableClock;
use crate::sender::row::Manner;

mod order;
mod priority;

const START_MS: u64 = 1_000_000;

fn conversation(n: u8) -> ConversationId {
    ConversationId([n; 16])
}

fn row(conversation_n: u8, n: u64, created_ms: u64) -> Row {
    Row {
        id: SendId { conversation: conversation(conversation_n), n },
        nonce: 0,
        attempts: 0,
        tries: 0,
        created_ms,
        due_ms: created_ms,
        doubt: false,
        pair_paid: false,
        may_be_taken: false,
        manner: Manner::default(),
        payload: None,
    }
}

fn settings() -> SenderSettings {
    SenderSettings { messages_per_second: 0, pair_interval_ms: 0, ..SenderSettings::default() }
}

fn lanes(settings: &SenderSettings) -> (Lanes, Arc<AdjustableClock>) {
    let clock = Arc::new(AdjustableClock::starting_at(START_MS));
    (Lanes::new(settings, clock.clone()), clock)
}

fn brake(clock: &AdjustableClock, wait_ms: u64) -> Brake {
    Brake::new(Cause::Unreachable, "composed".into(), None, clock.now_ms(), wait_ms)
}

#[tokio::test(start_paused = true)]
async fn whoever_was_decided_first_leaves_first() {
    let (mut lanes, _) = lanes(&settings());
    for (conversation, created_ms) in [(1, 30), (2, 10), (3, 20)] {
        lanes.push(row(conversation, 1, START_MS - 100 + created_ms));
    }
    let order: Vec<_> = std::iter::from_fn(|| lanes.next().ok()).map(|row| row.id.conversation.0[0]).collect();
    assert_eq!(order, [2, 3, 1]);
}

#[tokio::test(start_paused = true)]
async fn a_row_that_is_there_already_is_not_taken_twice() {
    let (mut lanes, _) = lanes(&settings());
    assert!(lanes.push(row(1, 4, START_MS)) && lanes.push(row(1, 5, START_MS)));
    assert!(!lanes.push(row(1, 4, START_MS)) && !lanes.push(row(1, 5, START_MS)));
    assert_eq!(lanes.open(), 2);
}

#[tokio::test(start_paused = true)]
async fn only_what_left_after_the_brake_was_set_releases_it() {
    let (mut lanes, clock) = lanes(&settings());
    for conversation in 1..=4 {
        lanes.push(row(conversation, 1, START_MS));
    }
    let early = lanes.next().unwrap().id;
    let refused = lanes.next().unwrap().id;
    assert!(lanes.slow_down(Some(refused), brake(&clock, 1_000)));
    assert!(!lanes.slow_down(None, brake(&clock, 500)), "it is set already");
    lanes.again(refused, START_MS, 0);
    assert!(!lanes.works(early));
    lanes.settled(early);
    assert_eq!(lanes.next().unwrap_err(), Some(START_MS + 1_000));
    clock.advance(1_000);
    let probe = lanes.next().unwrap().id;
    assert_eq!(lanes.next().unwrap_err(), None, "one probe at a time");
    assert!(lanes.works(probe));
    lanes.settled(probe);
    assert!(lanes.next().is_ok() && lanes.next().is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_fails_is_followed_by_the_next_one_after_a_pause() {
    let (mut lanes, clock) = lanes(&settings());
    lanes.push(row(1, 1, START_MS));
    lanes.push(row(2, 1, START_MS));
    lanes.slow_down(None, brake(&clock, 1_000));
    clock.advance(1_000);
    let probe = lanes.next().unwrap().id;
    lanes.again(probe, clock.now_ms(), 0);
    assert_eq!(lanes.next().unwrap_err(), Some(clock.now_ms() + 1_000));
}

#[tokio::test(start_paused = true)]
async fn the_content_of_a_long_queue_stays_in_the_store() {
    let (mut lanes, _) = lanes(&settings());
    let payload = Arc::new(crate::records::SendPayload {
        number_id: "1".into(),
        to: whatsapp::message::Recipient::Phone("447700900123".into()),
        message: whatsapp::message::Outgoing::Text(whatsapp::message::Text::new("hi").unwrap()),
        on_doubt: chatbot::OnDoubt::Resend,
        closed: chatbot::Closed::Drop,
        window_until_ms: None,
        order: Order::Accepted,
        bulk: false,
        put_back: 0,
        node: None,
        broadcast: None,
        retry_of: None,
    });
    for n in 1..=RIDING as u64 + 1 {
        lanes.push(Row { payload: Some(payload.clone()), ..row(1, n, START_MS) });
    }
    assert_eq!(Arc::strong_count(&payload), RIDING + 1);
}

#[derive(Clone, Debug)]
enum Step {
    Push(u8),
    /// Ends the request that is under way for the k-th conversation with one.
    End(usize, End),
    Status(usize),
    Brake(u64),
    Wait(u64),
}

#[derive(Clone, Copy, Debug)]
enum End {
    Settled,
    Again(u64),
    Doubt(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let end =
        prop_oneof![4 => Just(End::Settled), 2 => (0u64..5_000).prop_map(End::Again), 1 => Just(End::Doubt(3_000))];
    let step = prop_oneof![
        6 => (0u8..5).prop_map(Step::Push),
        8 => (0usize..8, end).prop_map(|(which, end)| Step::End(which, end)),
        1 => (0usize..5).prop_map(Step::Status),
        1 => (1u64..2_000).prop_map(Step::Brake),
        6 => (0u64..1_500).prop_map(Step::Wait),
    ];
    proptest::collection::vec(step, 1..150)
}

/// What must leave, said as plainly as possible.
#[derive(Default)]
struct Naive {
    waiting: BTreeMap<u8, VecDeque<(u64, u64)>>,
    under_way: Vec<SendId>,
    pushed: BTreeMap<u8, u64>,
    left_ms: Vec<u64>,
    left_by_person: BTreeMap<u8, Vec<u64>>,
}

impl Naive {
    fn push(&mut self, who: u8, now_ms: u64) -> u64 {
        let n = self.pushed.entry(who).or_default();
        *n += 1;
        self.waiting.entry(who).or_default().push_back((*n, now_ms));
        *n
    }

    fn leaves(&mut self, send: SendId, now_ms: u64) {
        let who = send.conversation.0[0];
        assert_eq!(self.waiting[&who].front().map(|(n, _)| *n), Some(send.n), "order");
        assert!(self.under_way.iter().all(|other| other.conversation != send.conversation), "two at a time");
        self.under_way.push(send);
        self.left_ms.push(now_ms);
        self.left_by_person.entry(who).or_default().push(now_ms);
    }

    fn settled(&mut self, send: SendId) {
        self.waiting.get_mut(&send.conversation.0[0]).unwrap().pop_front();
    }

    fn agrees(&self, lanes: &Lanes) {
        assert_eq!(lanes.open(), self.waiting.values().map(VecDeque::len).sum::<usize>());
        assert_eq!(lanes.oldest_ms().0, self.waiting.values().flatten().map(|(_, created_ms)| *created_ms).min());
        assert_eq!(lanes.under_way(), self.under_way.len());
    }
}

/// No stretch of time holds more than `burst` and what the rate gives in that time.
fn within(times: &[u64], burst: u64, every_ms: f64) {
    for (first, from) in times.iter().enumerate() {
        for (last, to) in times.iter().enumerate().skip(first) {
            let allowed = burst as f64 + (to - from) as f64 / every_ms + 1e-9;
            assert!((last - first + 1) as f64 <= allowed.floor() + 1.0, "{} in {} ms", last - first + 1, to - from);
        }
    }
}

fn play(steps: Vec<Step>) {
    let settings = SenderSettings {
        messages_per_second: 8,
        pair_interval_ms: 2_000,
        pair_burst: 3,
        concurrency: 3,
        ..SenderSettings::default()
    };
    let (mut lanes, clock) = lanes(&settings);
    let mut naive = Naive::default();
    let finish: Vec<_> = (0..4_000).flat_map(|_| [Step::End(0, End::Settled), Step::Wait(500)]).collect();
    for step in steps.into_iter().chain(finish) {
        let now_ms = clock.now_ms();
        match step {
            Step::Push(who) => {
                let n = naive.push(who, now_ms);
                assert!(lanes.push(row(who, n, now_ms)));
            }
            Step::End(which, end) if which < naive.under_way.len() => {
                let send = naive.under_way.remove(which);
                lanes.works(send);
                match end {
                    _ if lanes.is_told(send) => {
                        lanes.settled(send);
                        naive.settled(send);
                    }
                    End::Settled => {
                        lanes.settled(send);
                        naive.settled(send);
                    }
                    End::Again(wait_ms) => lanes.again(send, now_ms + wait_ms, 1),
                    End::Doubt(wait_ms) => lanes.doubt(send, now_ms + wait_ms, 1),
                }
            }
            Step::Status(who) => {
                let head = naive.waiting.get(&(who as u8)).and_then(|rows| rows.front().copied());
                if let Some((n, _)) = head {
                    let send = SendId { conversation: conversation(who as u8), n };
                    let under_way = naive.under_way.contains(&send);
                    assert_eq!(lanes.status(send, SendState::Sent), !under_way);
                    if !under_way {
                        naive.settled(send);
                    }
                }
            }
            Step::Brake(wait_ms) => {
                lanes.slow_down(None, brake(&clock, wait_ms));
            }
            Step::Wait(ms) => clock.advance(ms),
            Step::End(..) => {}
        }
        while let Ok(row) = lanes.next() {
            naive.leaves(row.id, clock.now_ms());
        }
        naive.agrees(&lanes);
        if lanes.open() == 0 && lanes.lanes.is_empty() && lanes.replies.by_time.is_empty() && naive.left_ms.len() > 200
        {
            break;
        }
    }
    assert_eq!(lanes.open(), 0, "everything leaves in the end");
    assert!(lanes.lanes.is_empty() && lanes.replies.by_time.is_empty());
    within(&naive.left_ms, 1, 125.0);
    naive.left_by_person.values().for_each(|times| within(times, 3, 2_000.0));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn order_rates_and_counts_hold_whatever_happens(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async { play(steps) });
    }
}
