//! The outbox: every change in every state that matters.

use bytes::Bytes;
use storage::{Change, NewDeadLetter, SendId, SendState, Settled, Settlement, Store, StoreError, Turn};

use crate::kit::*;

fn status(state: SendState) -> Change {
    let error = (state == SendState::Failed).then(|| Bytes::from_static(b"131026"));
    Change::Status { state, wamid: "wamid.1".into(), error, price: None }
}

fn accepted() -> Change {
    Change::Accepted { wamid: "wamid.1".into() }
}

fn retry(due_ms: u64) -> Change {
    Change::Retry { due_ms, error: Some(Bytes::from_static(b"busy")) }
}

fn uncertain() -> Change {
    Change::Uncertain { until_ms: 99, error: None }
}

fn dead() -> Change {
    let letter = NewDeadLetter { inbox: None, send: None, reason: "permanent".into(), payload: Bytes::new() };
    Change::Dead { letter, error: Some(Bytes::from_static(b"no")) }
}

fn settle(store: &dyn Store, send: SendId, at_ms: u64, change: Change) -> Settled {
    get(store.settle(fence(store), vec![settlement(send, at_ms, change)]))[0]
}

fn one(store: &dyn Store) -> SendId {
    with_sends(store, conversation(1, 1), 1)[0]
}

fn read(store: &dyn Store, id: SendId) -> storage::Send {
    get(store.sends(vec![id])).remove(0).unwrap()
}

fn letters(store: &dyn Store) -> Vec<storage::DeadLetter> {
    all(100, |page| store.dead_letters(page))
}

pub(crate) fn decided_sends_are_queued_and_open(engine: &mut dyn Engine) {
    let store = engine.store();
    let ids = with_sends(&*store, conversation(1, 1), 2);
    let open = get(store.open_sends(None, 10));
    assert_eq!(open.iter().map(|send| send.id).collect::<Vec<_>>(), ids);
    let send = &open[1];
    assert_eq!((send.state, send.attempts, send.nonce), (SendState::Queued, 0, 77));
    assert_eq!((send.created_ms, send.updated_ms, send.due_ms), (1_000, 1_000, 1_000));
    assert_eq!((&*send.payload, &send.wamid, &send.error), (&b"send 2"[..], &None, &None));
    let missing = SendId { n: 3, ..ids[0] };
    let found = get(store.sends(vec![missing, ids[1]]));
    assert_eq!(found, [None, Some(send.clone())]);
}

pub(crate) fn statuses_converge_in_every_order(engine: &mut dyn Engine) {
    let store = engine.store();
    let changes = [accepted(), status(SendState::Sent), status(SendState::Delivered), status(SendState::Read)];
    let mut orders = Vec::new();
    for a in 0..4 {
        for b in (0..4).filter(|b| *b != a) {
            for c in (0..4).filter(|c| ![a, b].contains(c)) {
                orders.push([a, b, c, 6 - a - b - c]);
            }
        }
    }
    assert_eq!(orders.len(), 24);
    let ids = with_sends(&*store, conversation(1, 1), 24);
    for (id, order) in ids.iter().zip(orders) {
        for (step, change) in order.into_iter().enumerate() {
            settle(&*store, *id, 2_000 + step as u64, changes[change].clone());
        }
        let send = read(&*store, *id);
        assert_eq!((send.state, send.wamid.as_deref()), (SendState::Read, Some("wamid.1")), "{order:?}");
        let last = order.iter().position(|change| *change == 3).unwrap();
        assert_eq!(send.updated_ms, 2_000 + last as u64, "{order:?}");
    }
    assert!(get(store.open_sends(None, 100)).is_empty());
}

pub(crate) fn status_may_come_before_the_answer(engine: &mut dyn Engine) {
    let store = engine.store();
    let id = one(&*store);
    settle(&*store, id, 1, Change::Sending { attempt: 1 });
    settle(&*store, id, 2, uncertain());
    assert_eq!(settle(&*store, id, 3, status(SendState::Sent)), Settled::Now(SendState::Sent));
    assert_eq!(read(&*store, id).due_ms, 0);
    assert!(get(store.open_sends(None, 10)).is_empty());
    assert!(get(store.outbox(Some(SendState::Uncertain), page(10))).items.is_empty());
}

pub(crate) fn late_answer_keeps_the_status_and_adds_the_id(engine: &mut dyn Engine) {
    let store = engine.store();
    let id = one(&*store);
    settle(
        &*store,
        id,
        1,
        Change::Status { state: SendState::Delivered, wamid: "first".into(), error: None, price: None },
    );
    assert_eq!(settle(&*store, id, 2, accepted()), Settled::Now(SendState::Delivered));
    assert_eq!(read(&*store, id).wamid.as_deref(), Some("first"));
    assert_eq!(settle(&*store, id, 3, status(SendState::Queued)), Settled::Now(SendState::Delivered));
}

pub(crate) fn attempts_go_through_their_states(engine: &mut dyn Engine) {
    let store = engine.store();
    let id = one(&*store);
    let steps = [
        (Change::Sending { attempt: 1 }, SendState::Sending, 0),
        (retry(50), SendState::Queued, 50),
        (Change::Sending { attempt: 2 }, SendState::Sending, 0),
        (uncertain(), SendState::Uncertain, 99),
        (Change::Held { error: None }, SendState::Held, 0),
        (retry(60), SendState::Queued, 60),
        (Change::Sending { attempt: 3 }, SendState::Sending, 0),
        (accepted(), SendState::Accepted, 0),
    ];
    for (at, (change, state, due_ms)) in (2_000..).zip(steps) {
        assert_eq!(settle(&*store, id, at, change), Settled::Now(state));
        let send = read(&*store, id);
        assert_eq!((send.state, send.due_ms, send.updated_ms), (state, due_ms, at));
        assert_eq!(get(store.open_sends(None, 10)).len(), usize::from(!state.is_settled()));
        let listed = get(store.outbox(Some(state), page(10))).items;
        assert_eq!(listed, [send]);
    }
    let send = read(&*store, id);
    assert_eq!((send.attempts, send.error), (3, None));
}

pub(crate) fn known_attempt_is_not_started_again(engine: &mut dyn Engine) {
    let store = engine.store();
    let id = one(&*store);
    settle(&*store, id, 1, Change::Sending { attempt: 1 });
    settle(&*store, id, 2, retry(50));
    assert_eq!(settle(&*store, id, 3, Change::Sending { attempt: 1 }), Settled::Now(SendState::Queued));
    assert_eq!(read(&*store, id).updated_ms, 2);
}

pub(crate) fn late_attempts_do_not_move_a_settled_row(engine: &mut dyn Engine) {
    let store = engine.store();
    let ids = with_sends(&*store, conversation(1, 1), 3);
    for (id, change) in ids.iter().zip([accepted(), status(SendState::Read), dead()]) {
        settle(&*store, *id, 1, change);
        let before = read(&*store, *id);
        let late = [Change::Sending { attempt: 9 }, retry(5), uncertain(), Change::Held { error: None }, dead()];
        for change in late {
            assert_eq!(settle(&*store, *id, 2, change), Settled::Now(before.state));
            assert_eq!(read(&*store, *id), before);
        }
    }
    assert_eq!(letters(&*store).len(), 1);
}

pub(crate) fn dead_row_keeps_one_letter(engine: &mut dyn Engine) {
    let store = engine.store();
    let id = one(&*store);
    assert_eq!(settle(&*store, id, 5, dead()), Settled::Now(SendState::Dead));
    assert!(get(store.open_sends(None, 10)).is_empty());
    assert_eq!(settle(&*store, id, 6, status(SendState::Failed)), Settled::Now(SendState::Failed));
    let letters = letters(&*store);
    assert_eq!(letters.len(), 1);
    let letter = &letters[0];
    assert_eq!((letter.id, letter.at_ms, letter.send, &*letter.reason), (1, 5, Some(id), "permanent"));
    assert_eq!(letter.conversation, id.conversation);
    assert!(get(store.outbox(Some(SendState::Dead), page(10))).items.is_empty());
    assert_eq!(get(store.outbox(Some(SendState::Failed), page(10))).items.len(), 1);
}

pub(crate) fn failed_status_makes_one_letter(engine: &mut dyn Engine) {
    let store = engine.store();
    let id = one(&*store);
    settle(&*store, id, 1, accepted());
    for at in 2..4 {
        assert_eq!(settle(&*store, id, at, status(SendState::Failed)), Settled::Now(SendState::Failed));
    }
    assert_eq!(read(&*store, id).error.as_deref(), Some(&b"131026"[..]));
    let letters = letters(&*store);
    assert_eq!(letters.len(), 1);
    assert_eq!((&*letters[0].reason, letters[0].send, &*letters[0].payload), ("failed", Some(id), &b"131026"[..]));
    // It arrived after all.
    assert_eq!(settle(&*store, id, 4, status(SendState::Delivered)), Settled::Now(SendState::Delivered));
    assert_eq!(read(&*store, id).error, None);
}

pub(crate) fn failed_after_delivered_makes_no_letter(engine: &mut dyn Engine) {
    let store = engine.store();
    let id = one(&*store);
    settle(&*store, id, 1, status(SendState::Delivered));
    assert_eq!(settle(&*store, id, 2, status(SendState::Failed)), Settled::Now(SendState::Delivered));
    assert!(letters(&*store).is_empty());
}

pub(crate) fn other_nonce_and_unknown_row_are_unknown(engine: &mut dyn Engine) {
    let store = engine.store();
    let id = one(&*store);
    let before = read(&*store, id);
    let other = Settlement { nonce: Some(78), ..settlement(id, 5, accepted()) };
    let missing = settlement(SendId { n: 2, ..id }, 5, accepted());
    assert_eq!(get(store.settle(fence(&*store), vec![other, missing])), [Settled::Unknown, Settled::Unknown]);
    assert_eq!(read(&*store, id), before);
    let right = Settlement { nonce: Some(77), ..settlement(id, 5, accepted()) };
    assert_eq!(get(store.settle(fence(&*store), vec![right])), [Settled::Now(SendState::Accepted)]);
    assert_eq!(get(store.settle(fence(&*store), Vec::new())), []);
}

pub(crate) fn settling_twice_changes_nothing_more(engine: &mut dyn Engine) {
    let store = engine.store();
    let changes = [
        Change::Sending { attempt: 1 },
        retry(5),
        uncertain(),
        Change::Held { error: None },
        accepted(),
        status(SendState::Failed),
        status(SendState::Read),
    ];
    let id = one(&*store);
    for (at, change) in (1..).zip(changes) {
        settle(&*store, id, at * 10, change.clone());
        let once = read(&*store, id);
        settle(&*store, id, at * 10 + 5, change);
        assert_eq!(read(&*store, id), once);
    }
}

pub(crate) fn settlements_of_one_call_see_each_other(engine: &mut dyn Engine) {
    let store = engine.store();
    let id = one(&*store);
    let changes = [Change::Sending { attempt: 1 }, status(SendState::Failed), accepted(), status(SendState::Sent)];
    let settlements = changes.map(|change| settlement(id, 3, change)).to_vec();
    let failed = Settled::Now(SendState::Failed);
    let answers = get(store.settle(fence(&*store), settlements));
    assert_eq!(answers, [Settled::Now(SendState::Sending), failed, failed, failed]);
    assert_eq!(letters(&*store).len(), 1);
    drop(store);
    engine.reopen();
    let store = engine.store();
    assert_eq!(read(&*store, id).state, SendState::Failed);
    assert_eq!(settle(&*store, id, 4, status(SendState::Failed)), failed);
    assert_eq!(letters(&*store).len(), 1);
}

pub(crate) fn settlements_of_an_earlier_epoch_are_refused(engine: &mut dyn Engine) {
    let old = fence(&*engine.store());
    let id = one(&*engine.store());
    engine.reopen();
    let store = engine.store();
    assert_eq!(wait(store.settle(old, vec![settlement(id, 1, accepted())])), Err(StoreError::Fenced));
    assert_eq!(read(&*store, id).state, SendState::Queued);
}

pub(crate) fn settled_rows_are_no_longer_open(engine: &mut dyn Engine) {
    let store = engine.store();
    let ids = with_sends(&*store, conversation(1, 1), 4);
    settle(&*store, ids[1], 1, accepted());
    settle(&*store, ids[2], 1, dead());
    drop(store);
    engine.reopen();
    let open = get(engine.store().open_sends(None, 10));
    assert_eq!(open.iter().map(|send| send.id).collect::<Vec<_>>(), [ids[0], ids[3]]);
}

pub(crate) fn open_sends_go_on_after_a_row(engine: &mut dyn Engine) {
    let store = engine.store();
    let mut ids = with_sends(&*store, conversation(1, 9), 3);
    ids.splice(0..0, with_sends(&*store, conversation(1, 2), 3));
    get(store.commit(fence(&*store), Turn { ..turn(conversation(1, 3), 0) }));
    let mut seen = Vec::new();
    let mut after = None;
    loop {
        let open = get(store.open_sends(after, 2));
        let Some(last) = open.last() else { break };
        after = Some(last.id);
        seen.extend(open.iter().map(|send| send.id));
    }
    assert_eq!(seen, ids);
    assert_eq!(get(store.open_sends(None, 0)), []);
}
