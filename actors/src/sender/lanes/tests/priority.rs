//! Replies before broadcasts, and long queues.

use super::*;

fn person(n: u32) -> ConversationId {
    let mut id = [0; 16];
    id[..4].copy_from_slice(&n.to_be_bytes());
    ConversationId(id)
}

fn row_of(who: u32, n: u64, bulk: bool, now_ms: u64) -> Row {
    let manner = Manner { bulk, ..Manner::default() };
    Row { id: SendId { conversation: person(who), n }, manner, ..row(0, n, now_ms) }
}

/// Plays for some seconds in steps of 5 ms: a reply is decided every 100 ms, each request takes 200 ms. Gives the delays
/// of the replies (ms), and how many others left.
fn delays(bulk: u32, seconds: u64) -> (Vec<u64>, u64) {
    let settings = SenderSettings { messages_per_second: 80, concurrency: 64, ..settings() };
    let (mut lanes, clock) = lanes(&settings);
    for who in 0..bulk {
        lanes.push(row_of(1_000_000 + who, 1, true, START_MS));
    }
    let (mut delays, mut others, mut under_way) = (Vec::new(), 0, VecDeque::new());
    for step in 0..seconds * 200 {
        let now_ms = clock.now_ms();
        while under_way.front().is_some_and(|(ends_ms, _)| *ends_ms <= now_ms) {
            lanes.settled(under_way.pop_front().unwrap().1);
        }
        if step % 20 == 0 {
            lanes.push(row_of(u32::try_from(step).unwrap(), 1, false, now_ms));
        }
        while let Ok(row) = lanes.next() {
            under_way.push_back((now_ms + 200, row.id));
            if row.manner.bulk {
                others += 1;
            } else {
                delays.push(now_ms - row.created_ms);
            }
            assert!(lanes.bulk.under_way <= 32, "half of the slots at the most");
        }
        clock.advance(5);
    }
    (delays, others)
}

#[tokio::test(start_paused = true)]
async fn ten_thousand_bulk_messages_do_not_delay_replies() {
    let (alone, none) = delays(0, 60);
    let (beside, others) = delays(10_000, 60);
    assert_eq!((alone.len(), none), (600, 0));
    assert_eq!(beside, alone);
    assert!((4_000..=4_300).contains(&others), "{others}: what the rate leaves over is theirs");
}

#[tokio::test(start_paused = true)]
async fn a_reply_behind_a_bulk_message_of_the_same_person_keeps_its_place() {
    let (mut lanes, _) = lanes(&settings());
    lanes.push(row_of(1, 1, true, START_MS));
    lanes.push(row_of(2, 1, false, START_MS));
    assert_eq!(lanes.next().unwrap().id.conversation, person(2));
    lanes.push(row_of(1, 2, false, START_MS));
    let first = lanes.next().unwrap();
    assert!(first.manner.bulk && lanes.next().is_err());
    assert_eq!((lanes.open(), lanes.open_bulk()), (3, 1));
    lanes.settled(first.id);
    assert_eq!(lanes.next().unwrap().id, SendId { conversation: person(1), n: 2 });
    assert_eq!((lanes.open(), lanes.open_bulk(), lanes.oldest_ms()), (2, 0, (Some(START_MS), None)));
}

#[tokio::test(start_paused = true)]
async fn a_reply_does_not_wait_for_the_broadcast_that_its_person_is_part_of() {
    let settings = SenderSettings { messages_per_second: 80, ..settings() };
    let (mut lanes, clock) = lanes(&settings);
    for who in 0..10_000 {
        lanes.push(row_of(who, 1, true, START_MS));
    }
    lanes.push(row_of(9_999, 2, false, START_MS + 1));
    clock.advance(1);
    let first = lanes.next().unwrap();
    assert_eq!((first.id.conversation, first.id.n), (person(9_999), 1));
    lanes.settled(first.id);
    let second = lanes.next().unwrap();
    assert_eq!((second.id.conversation, second.id.n), (person(9_999), 2));
    lanes.settled(second.id);
    assert_eq!((lanes.under_way(), lanes.open(), lanes.open_bulk()), (0, 9_999, 9_999));
}

#[tokio::test(start_paused = true)]
async fn a_hundred_thousand_messages_drain_at_the_rate_and_in_order() {
    let settings = SenderSettings { messages_per_second: 80, ..settings() };
    let (mut lanes, clock) = lanes(&settings);
    for n in 1..=20 {
        for who in 0..5_000 {
            lanes.push(row_of(who, n, who % 2 == 0, START_MS));
        }
    }
    let mut last: std::collections::HashMap<ConversationId, u64> = Default::default();
    while lanes.open() > 0 {
        match lanes.next() {
            Ok(row) => {
                let before = last.insert(row.id.conversation, row.id.n).unwrap_or_default();
                assert_eq!(row.id.n, before + 1);
                lanes.settled(row.id);
            }
            Err(again_ms) => clock.advance(again_ms.unwrap() - clock.now_ms()),
        }
    }
    let took_s = (clock.now_ms() - START_MS) / 1_000;
    assert!((1_187..=1_313).contains(&took_s), "{took_s} s for 1250 s of messages");
    assert!(lanes.lanes.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_stopped_number_sends_no_probe_and_goes_on_when_it_is_resumed() {
    let (mut lanes, clock) = lanes(&settings());
    lanes.push(row(1, 1, START_MS));
    assert!(lanes.slow_down(None, Brake::stopped("composed".into(), START_MS)));
    clock.advance(3_600_000);
    assert_eq!(lanes.next().unwrap_err(), None);
    assert!(!lanes.slow_down(None, brake(&clock, 1_000)), "nothing else lifts it");
    assert_eq!(lanes.next().unwrap_err(), None);
    assert!(lanes.resume());
    assert!(lanes.next().is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_refused_number_is_probed_less_and_less_often_and_at_once_when_resumed() {
    let (mut lanes, clock) = lanes(&settings());
    lanes.push(row(1, 1, START_MS));
    let refusal = |now_ms| Brake::new(Cause::Refused, "composed".into(), Some(190), now_ms, 60_000);
    let first = lanes.next().unwrap().id;
    lanes.slow_down(Some(first), refusal(clock.now_ms()));
    lanes.again(first, 0, 0);
    for minutes in [1, 2, 4, 8, 16, 30, 30] {
        let again_ms = lanes.next().unwrap_err().unwrap();
        assert_eq!(again_ms - clock.now_ms(), minutes * 60_000);
        clock.advance(minutes * 60_000);
        let probe = lanes.next().unwrap().id;
        assert!(!lanes.slow_down(Some(probe), refusal(clock.now_ms())));
        lanes.again(probe, 0, 0);
    }
    assert!(!lanes.resume(), "a probe first");
    let probe = lanes.next().unwrap().id;
    assert!(lanes.works(probe));
}

#[tokio::test(start_paused = true)]
async fn a_message_that_leaves_no_request_leaves_the_probe_to_the_next_one() {
    let (mut lanes, clock) = lanes(&settings());
    lanes.push(row(1, 1, START_MS));
    lanes.push(row(2, 1, START_MS));
    lanes.slow_down(None, brake(&clock, 60_000));
    clock.advance(60_000);
    let dropped = lanes.next().unwrap().id;
    lanes.not_asked(dropped);
    lanes.settled(dropped);
    assert!(lanes.next().is_ok());
}

#[tokio::test(start_paused = true)]
async fn those_of_many_that_wait_for_a_later_time_do_not_count_as_ready() {
    let (mut lanes, clock) = lanes(&settings());
    for who in 1..=4 {
        lanes.push(row_of(who, 1, true, START_MS));
    }
    let (doubted, retried) = (lanes.next().unwrap().id, lanes.next().unwrap().id);
    assert_eq!((lanes.open_bulk(), lanes.ready_bulk()), (4, 4), "what is under way counts");
    lanes.doubt(doubted, START_MS + 30_000, 1);
    lanes.again(retried, START_MS + 60_000, 1);
    assert_eq!((lanes.open_bulk(), lanes.ready_bulk()), (4, 2));
    clock.advance(30_000);
    assert_eq!((lanes.open_bulk(), lanes.ready_bulk()), (4, 3));
    lanes.settled(doubted);
    assert_eq!((lanes.open_bulk(), lanes.ready_bulk()), (3, 2));
}
