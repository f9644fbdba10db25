//! Who waits for whom in a lane.

use super::*;

fn ordered(n: u64, order: Order) -> Row {
    Row { manner: Manner { order, ..Manner::default() }, ..row(1, n, START_MS) }
}

/// Two messages of one person; the first one is in doubt.
fn in_doubt(order: Order) -> (Lanes, Arc<AdjustableClock>) {
    let (mut lanes, clock) = lanes(&settings());
    for n in 1..=2 {
        lanes.push(ordered(n, order));
    }
    let first = lanes.next().unwrap().id;
    lanes.doubt(first, START_MS + 30_000, 1);
    (lanes, clock)
}

#[tokio::test(start_paused = true)]
async fn one_in_doubt_keeps_the_next_one_back_unless_the_bot_does_not_want_that() {
    let (mut waits, clock) = in_doubt(Order::Accepted);
    assert_eq!(waits.next().unwrap_err(), Some(START_MS + 30_000));
    clock.advance(30_000);
    assert_eq!(waits.next().unwrap().id.n, 1);

    let (mut goes_on, clock) = in_doubt(Order::Send);
    let second = goes_on.next().unwrap();
    assert_eq!((second.id.n, goes_on.next().unwrap_err()), (2, None));
    goes_on.settled(second.id);
    assert_eq!(goes_on.next().unwrap_err(), Some(START_MS + 30_000));
    clock.advance(30_000);
    let first = goes_on.next().unwrap();
    assert!(first.doubt && first.id.n == 1);
    goes_on.settled(first.id);
    assert_eq!((goes_on.open(), goes_on.lanes.len()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_newer_message_overtakes_one_that_steps_aside() {
    let (mut lanes, _) = in_doubt(Order::Send);
    let second = lanes.next().unwrap().id;
    lanes.settled(second);
    assert!(lanes.push(ordered(3, Order::Send)));
    assert_eq!(lanes.next().unwrap().id.n, 3);
}

#[tokio::test(start_paused = true)]
async fn a_status_settles_one_that_stepped_aside() {
    let (mut lanes, _) = in_doubt(Order::Send);
    let first = row(1, 1, START_MS).id;
    assert!(lanes.status(first, SendState::Sent));
    assert_eq!(lanes.next().unwrap().id.n, 2);
    assert_eq!(lanes.open(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_next_one_waits_for_delivery_and_not_longer_than_a_minute() {
    for (state, waits) in [
        (None, true),
        (Some(SendState::Sent), true),
        (Some(SendState::Delivered), false),
        (Some(SendState::Read), false),
        (Some(SendState::Failed), false),
    ] {
        let (mut lanes, clock) = lanes(&settings());
        lanes.push(ordered(1, Order::Delivered));
        let first = lanes.next().unwrap().id;
        lanes.accepted(first);
        lanes.push(ordered(2, Order::Delivered));
        if let Some(state) = state {
            assert!(!lanes.status(first, state));
        }
        assert_eq!(lanes.next().err(), waits.then_some(Some(START_MS + 60_000)), "{state:?}");
        clock.advance(60_000);
        assert_eq!(lanes.next().is_ok(), waits, "{state:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_delivery_that_is_known_before_the_answer_is_not_waited_for() {
    let (mut lanes, _) = lanes(&settings());
    lanes.push(ordered(1, Order::Delivered));
    lanes.push(ordered(2, Order::Delivered));
    let first = lanes.next().unwrap().id;
    assert!(!lanes.status(first, SendState::Delivered));
    lanes.accepted(first);
    assert_eq!(lanes.next().unwrap().id.n, 2);
}

#[tokio::test(start_paused = true)]
async fn what_is_put_back_goes_before_what_is_newer_and_after_what_is_under_way() {
    let (mut lanes, _) = lanes(&settings());
    for n in [3, 5] {
        assert!(lanes.push(row(1, n, START_MS)));
    }
    let under_way = lanes.next().unwrap().id;
    for n in [4, 1, 2] {
        assert!(lanes.push(row(1, n, START_MS)));
    }
    lanes.settled(under_way);
    let mut left = Vec::new();
    while let Ok(row) = lanes.next() {
        left.push(row.id.n);
        lanes.settled(row.id);
    }
    assert_eq!(left, [1, 2, 4, 5]);
}

#[tokio::test(start_paused = true)]
async fn nothing_leaves_a_blocked_lane() {
    let (mut lanes, _) = lanes(&settings());
    lanes.block(conversation(1));
    lanes.push(row(1, 2, START_MS));
    lanes.push(row(2, 1, START_MS));
    assert_eq!((lanes.next().unwrap().id.conversation, lanes.next().unwrap_err()), (conversation(2), None));
    lanes.push(row(1, 1, START_MS));
    lanes.unblock(conversation(1));
    assert_eq!(lanes.next().unwrap().id.n, 1);
}

#[tokio::test(start_paused = true)]
async fn a_message_with_another_nonce_takes_the_place_of_the_one_before() {
    let (mut lanes, clock) = lanes(&settings());
    let another = |nonce| Row { nonce, ..row(1, 1, START_MS) };
    lanes.push(another(1));
    let first = lanes.next().unwrap();
    assert!(!lanes.push(another(2)), "it waits for the end of the request");
    assert_eq!(lanes.next().unwrap_err(), None);
    lanes.accepted(first.id);
    assert_eq!((lanes.open(), lanes.next().unwrap().nonce), (1, 2));
    lanes.doubt(first.id, START_MS + 30_000, 1);
    assert!(!lanes.push(another(3)), "it takes the place of one in doubt");
    let third = lanes.next().unwrap();
    assert_eq!((third.nonce, third.doubt, third.attempts), (3, false, 0));
    lanes.replace(third.id, another(4));
    assert_eq!(lanes.next().unwrap().nonce, 4);
    lanes.settled(third.id);
    assert_eq!((lanes.open(), lanes.under_way(), lanes.oldest_ms(), clock.now_ms()), (0, 0, (None, None), START_MS));
}

#[tokio::test(start_paused = true)]
async fn a_takeover_takes_what_the_bot_has_not_sent_and_leaves_the_rest() {
    let (mut lanes, _) = lanes(&settings());
    let bot = Manner { bot: true, ..Manner::default() };
    for n in 1..=4 {
        lanes.push(Row { manner: if n == 3 { Manner::default() } else { bot }, ..row(1, n, START_MS) });
    }
    let under_way = lanes.next().unwrap().id;
    let out: Vec<_> = lanes.take_out(conversation(1)).into_iter().map(|row| row.id.n).collect();
    assert_eq!((out, lanes.open()), (vec![2, 4], 2));
    lanes.settled(under_way);
    assert_eq!(lanes.next().unwrap().id.n, 3);
}
