//! Notices, and what becomes of old rows.

use storage::{Accept, Change, Horizons, NewDeadLetter, Notice, Quarantined, SendId, SendState, Store, Turn};

use crate::kit::*;

pub(crate) fn notices_are_listed_newest_first_and_never_pending(engine: &mut dyn Engine) {
    let store = engine.store();
    let mixed = vec![Accept::Notice(notice("a")), message("m"), Accept::Quarantine(quarantined("q"))];
    assert_eq!(get(store.append(mixed)), [storage::InboxSeq(1)]);
    drop(store);
    engine.reopen();
    let store = engine.store();
    let calm = Notice { alarm: false, account: "".into(), ..notice("b") };
    assert_eq!(get(store.append(vec![Accept::Notice(calm.clone()), Accept::Notice(notice("c"))])), []);
    let listed = all(2, |page| store.notices(page));
    assert_eq!(listed, [(3, notice("c")), (2, calm), (1, notice("a"))]);
    assert_eq!(get(store.quarantine(page(10))).items.len(), 1);
    assert_eq!(sequences(&get(store.pending(storage::InboxSeq(0), 10))), [1]);
}

/// Quarantine, notices and dead letters of the times 10, 20 … 50.
fn with_lists(store: &dyn Store) {
    for at_ms in [10, 20, 30, 40, 50] {
        let bad = Quarantined { received_ms: at_ms, ..quarantined("q") };
        let told = Notice { received_ms: at_ms, ..notice("n") };
        get(store.append(vec![Accept::Quarantine(bad), Accept::Notice(told)]));
        let letter = NewDeadLetter { inbox: None, send: None, reason: "r".into(), payload: bytes::Bytes::new() };
        let id = conversation(1, at_ms as u8);
        get(store.commit(fence(store), Turn { at_ms, dead_letters: vec![letter], ..turn(id, 0) }));
    }
}

fn ids(store: &dyn Store) -> [Vec<u64>; 3] {
    let quarantine = all(2, |page| store.quarantine(page)).iter().map(|(id, _)| *id).collect();
    let notices = all(2, |page| store.notices(page)).iter().map(|(id, _)| *id).collect();
    [quarantine, notices, all(2, |page| store.dead_letters(page)).iter().map(|letter| letter.id).collect()]
}

pub(crate) fn rows_before_their_horizon_are_forgotten(engine: &mut dyn Engine) {
    let store = engine.store();
    with_lists(&*store);
    assert_eq!(get(store.forget(Horizons::default(), 100)), 0);
    let before = Horizons { quarantine_ms: Some(30), notices_ms: Some(11), dead_letters_ms: Some(51), outbox_ms: None };
    assert_eq!(get(store.forget(before, 0)), 0);
    assert_eq!(get(store.forget(before, 100)), 2 + 1 + 5);
    assert_eq!(get(store.forget(before, 100)), 0);
    drop(store);
    for _ in 0..2 {
        assert_eq!(ids(&*engine.store()), [vec![5, 4, 3], vec![5, 4, 3, 2], vec![]]);
        engine.reopen();
    }
}

pub(crate) fn forgetting_goes_on_in_bounded_steps(engine: &mut dyn Engine) {
    let store = engine.store();
    with_lists(&*store);
    let before = Horizons { quarantine_ms: Some(50), notices_ms: Some(50), ..Horizons::default() };
    let gone: Vec<usize> = (0..4).map(|_| get(store.forget(before, 3))).collect();
    assert_eq!(gone, [3, 3, 2, 0]);
    assert_eq!(ids(&*store), [vec![5], vec![5], vec![5, 4, 3, 2, 1]]);
}

pub(crate) fn numbers_of_forgotten_rows_are_not_given_out_again(engine: &mut dyn Engine) {
    let store = engine.store();
    with_lists(&*store);
    let all = Some(u64::MAX);
    let before = Horizons { quarantine_ms: all, notices_ms: all, dead_letters_ms: all, outbox_ms: None };
    assert_eq!(get(store.forget(before, 100)), 15);
    drop(store);
    for _ in 0..3 {
        engine.reopen();
    }
    let store = engine.store();
    with_lists_again(&*store);
    assert_eq!(ids(&*store), [vec![6], vec![6], vec![6]]);
}

fn with_lists_again(store: &dyn Store) {
    get(store.append(vec![Accept::Quarantine(quarantined("q")), Accept::Notice(notice("n"))]));
    let letter = NewDeadLetter { inbox: None, send: None, reason: "r".into(), payload: bytes::Bytes::new() };
    get(store.commit(fence(store), Turn { dead_letters: vec![letter], ..turn(conversation(2, 2), 0) }));
}

pub(crate) fn list_is_forgotten_up_to_the_first_row_that_must_stay(engine: &mut dyn Engine) {
    let store = engine.store();
    for received_ms in [10, 90, 20] {
        get(store.append(vec![Accept::Quarantine(Quarantined { received_ms, ..quarantined("q") })]));
    }
    let before = Horizons { quarantine_ms: Some(50), ..Horizons::default() };
    assert_eq!(get(store.forget(before, 100)), 1);
    assert_eq!(ids(&*store)[0], [3, 2]);
}

fn outbox(before_ms: u64) -> Horizons {
    Horizons { outbox_ms: Some(before_ms), ..Horizons::default() }
}

pub(crate) fn settled_sends_are_forgotten_and_open_ones_stay(engine: &mut dyn Engine) {
    let store = engine.store();
    let ids = with_sends(&*store, conversation(1, 1), 6);
    let status = |state| Change::Status { state, wamid: "w".into(), error: None, price: None };
    let changes = [status(SendState::Read), Change::Held { error: None }, status(SendState::Failed)];
    for (id, change) in ids.iter().zip(changes) {
        get(store.settle(fence(&*store), vec![settlement(*id, 2_000, change)]));
    }
    get(store.settle(fence(&*store), vec![settlement(ids[3], 5_000, status(SendState::Sent))]));
    get(store.settle(fence(&*store), vec![settlement(ids[4], 1_500, status(SendState::Sent))]));
    assert_eq!(get(store.forget(outbox(1_000), 100)), 0);
    assert_eq!(get(store.forget(outbox(2_001), 2)), 2);
    assert_eq!(get(store.forget(outbox(2_001), 2)), 1);
    assert_eq!(get(store.forget(outbox(2_001), 2)), 0);
    drop(store);
    engine.reopen();
    let store = engine.store();
    let left: Vec<_> = get(store.outbox(None, page(10))).items.iter().map(|send| send.id.n).collect();
    assert_eq!(left, [6, 4, 2]);
    assert!(get(store.outbox(Some(SendState::Failed), page(10))).items.is_empty());
    assert_eq!(get(store.sends(ids.clone())).iter().filter(|send| send.is_none()).count(), 3);
    assert_eq!(get(store.dead_letters(page(10))).items.len(), 1);
    assert_eq!(get(store.load(ids[0].conversation)).unwrap().next_send, 7);
}

pub(crate) fn status_of_a_forgotten_send_is_unknown(engine: &mut dyn Engine) {
    let store = engine.store();
    let ids = with_sends(&*store, conversation(1, 1), 2);
    let read = |n: usize| {
        let change = Change::Status { state: SendState::Read, wamid: "w".into(), error: None, price: None };
        settlement(ids[n], 9_000, change)
    };
    let sent = Change::Accepted { wamid: "w".into() };
    get(store.settle(fence(&*store), ids.iter().map(|id| settlement(*id, 1_001, sent.clone())).collect()));
    // Two callers at once: each row goes once.
    let (one, other) = (store.forget(outbox(u64::MAX), 1), store.forget(outbox(u64::MAX), 2));
    assert_eq!(get(one) + get(other), 2);
    assert_eq!(get(store.settle(fence(&*store), vec![read(0), read(1)])), [storage::Settled::Unknown; 2]);
    drop(store);
    engine.reopen();
    let store = engine.store();
    assert!(get(store.outbox(None, page(10))).items.is_empty());
    assert!(get(store.open_sends(Some(SendId { n: 0, ..ids[0] }), 10)).is_empty());
}
