//! Turns: what they write, when they are refused; documents, secret, closing.

use bytes::Bytes;
use storage::{Alias, Fence, Head, Health, InboxSeq, Revision, StoreError, Turn};

use crate::kit::*;

fn conflict(actual: u64) -> StoreError {
    StoreError::Conflict { actual: Revision(actual) }
}

pub(crate) fn first_turn_makes_the_conversation(engine: &mut dyn Engine) {
    let store = engine.store();
    let id = conversation(1, 1);
    assert_eq!(get(store.load(id)), None);
    let sends = vec![new_send(1), new_send(2)];
    let entries = vec![Bytes::from_static(b"said hi")];
    let first = Turn { sends, entries, wake_ms: Some(9), ..turn(id, 0) };
    assert_eq!(get(store.commit(fence(&*store), first)).revision, Revision(1));
    let expected = Head {
        revision: Revision(1),
        next_send: 3,
        next_entry: 1,
        created_ms: 1_000,
        updated_ms: 1_000,
        wake_ms: Some(9),
        snapshot: Bytes::from_static(b"snapshot 1"),
    };
    assert_eq!(get(store.load(id)), Some(expected));
}

pub(crate) fn later_turn_replaces_what_it_says_and_keeps_the_rest(engine: &mut dyn Engine) {
    let store = engine.store();
    let id = conversation(1, 1);
    get(store.commit(fence(&*store), Turn { sends: vec![new_send(1)], ..turn(id, 0) }));
    get(store.commit(fence(&*store), Turn { sends: vec![new_send(2)], ..turn(id, 1) }));
    let head = get(store.load(id)).unwrap();
    assert_eq!((head.revision, head.next_send, head.created_ms, head.updated_ms), (Revision(2), 3, 1_000, 1_001));
    assert_eq!(head.snapshot, "snapshot 2");
}

pub(crate) fn wrong_revision_is_a_conflict_that_tells_the_right_one(engine: &mut dyn Engine) {
    let store = engine.store();
    let id = conversation(1, 1);
    assert_eq!(wait(store.commit(fence(&*store), turn(id, 3))), Err(conflict(0)));
    // Both are in the queue before either is committed.
    let (first, second) = (store.commit(fence(&*store), turn(id, 0)), store.commit(fence(&*store), turn(id, 0)));
    assert_eq!(get(first).revision, Revision(1));
    assert_eq!(wait(second), Err(conflict(1)));
    drop(store);
    engine.reopen();
    let store = engine.store();
    assert_eq!(wait(store.commit(fence(&*store), turn(id, 0))), Err(conflict(1)));
    assert_eq!(get(store.commit(fence(&*store), turn(id, 1))).revision, Revision(2));
}

pub(crate) fn consuming_twice_is_a_conflict_and_changes_nothing(engine: &mut dyn Engine) {
    let store = engine.store();
    get(store.append(vec![message("a"), message("b")]));
    let (one, other) = (conversation(1, 1), conversation(1, 2));
    let consumed = vec![InboxSeq(1)];
    let again = Turn { consumed: vec![InboxSeq(2), InboxSeq(1)], sends: vec![new_send(1)], ..turn(other, 0) };
    let first = store.commit(fence(&*store), Turn { consumed, ..turn(one, 0) });
    let second = store.commit(fence(&*store), again.clone());
    assert_eq!(get(first).revision, Revision(1));
    assert_eq!(wait(second), Err(conflict(0)));
    assert_eq!(wait(store.commit(fence(&*store), again)), Err(conflict(0)));
    assert_eq!(get(store.load(other)), None);
    assert!(get(store.open_sends(None, 10)).is_empty());
    assert_eq!(sequences(&get(store.pending(InboxSeq(0), 10))), [2]);
}

pub(crate) fn unknown_inbox_row_is_a_conflict(engine: &mut dyn Engine) {
    let store = engine.store();
    get(store.append(vec![message("a")]));
    for consumed in [vec![InboxSeq(2)], vec![InboxSeq(1), InboxSeq(1)]] {
        let refused = Turn { consumed, ..turn(conversation(1, 1), 0) };
        assert_eq!(wait(store.commit(fence(&*store), refused)), Err(conflict(0)));
    }
}

pub(crate) fn gap_in_the_sends_is_a_conflict(engine: &mut dyn Engine) {
    let store = engine.store();
    for sends in [vec![new_send(2)], vec![new_send(1), new_send(3)], vec![new_send(0)]] {
        let refused = Turn { sends, ..turn(conversation(1, 1), 0) };
        assert_eq!(wait(store.commit(fence(&*store), refused)), Err(conflict(0)));
    }
}

pub(crate) fn fence_of_an_earlier_epoch_is_refused(engine: &mut dyn Engine) {
    let old = fence(&*engine.store());
    engine.reopen();
    let store = engine.store();
    let new = fence(&*store);
    assert!(new.epoch > old.epoch);
    assert_eq!(wait(store.commit(old, turn(conversation(1, 1), 0))), Err(StoreError::Fenced));
    let ahead = Fence { epoch: new.epoch + 1 };
    assert_eq!(wait(store.commit(ahead, turn(conversation(1, 1), 0))), Err(StoreError::Fenced));
    assert_eq!(get(store.commit(new, turn(conversation(1, 1), 0))).revision, Revision(1));
}

pub(crate) fn conversation_survives_a_restart(engine: &mut dyn Engine) {
    let id = conversation(1, 1);
    let store = engine.store();
    let entries = vec![Bytes::from_static(b"one"), Bytes::from_static(b"two")];
    let full = Turn { entries, sends: vec![new_send(1)], wake_ms: Some(5), ..turn(id, 0) };
    get(store.commit(fence(&*store), full));
    let before = (get(store.load(id)), get(store.history(id, page(10))), get(store.open_sends(None, 10)));
    drop(store);
    for _ in 0..3 {
        engine.reopen();
        let store = engine.store();
        let after = (get(store.load(id)), get(store.history(id, page(10))), get(store.open_sends(None, 10)));
        assert_eq!(before, after);
        assert_eq!(get(store.wakes_due(None, 5, 10)), [(5, id)]);
    }
}

pub(crate) fn wake_is_replaced_and_cleared(engine: &mut dyn Engine) {
    let store = engine.store();
    let id = conversation(1, 1);
    let asked = [Some(50), Some(20), Some(20), None, Some(u64::MAX)];
    for (revision, wake_ms) in (0..).zip(asked) {
        get(store.commit(fence(&*store), Turn { wake_ms, ..turn(id, revision) }));
        let due: Vec<_> = wake_ms.map(|at| (at, id)).into_iter().collect();
        assert_eq!(get(store.wakes_due(None, u64::MAX, 10)), due);
    }
}

pub(crate) fn wakes_come_earliest_first_up_to_the_time(engine: &mut dyn Engine) {
    let store = engine.store();
    for (contact, at) in [(1, 30), (2, 10), (3, 20), (4, 10), (5, 40)] {
        get(store.commit(fence(&*store), Turn { wake_ms: Some(at), ..turn(conversation(1, contact), 0) }));
    }
    let due = |until, limit| -> Vec<_> {
        let wakes = get(store.wakes_due(None, until, limit));
        wakes.into_iter().map(|(at, id)| (at, id.0[15])).collect()
    };
    assert_eq!(due(30, 10), [(10, 2), (10, 4), (20, 3), (30, 1)]);
    assert_eq!(due(29, 2), [(10, 2), (10, 4)]);
    assert_eq!(due(9, 10), []);
}

pub(crate) fn wakes_go_on_after_one(engine: &mut dyn Engine) {
    let store = engine.store();
    for (contact, at) in [(1, 30), (2, 10), (3, 10), (4, 20)] {
        get(store.commit(fence(&*store), Turn { wake_ms: Some(at), ..turn(conversation(1, contact), 0) }));
    }
    let after = |at, contact| -> Vec<u8> {
        let wakes = get(store.wakes_due(Some((at, conversation(1, contact))), 29, 10));
        wakes.into_iter().map(|(_, id)| id.0[15]).collect()
    };
    assert_eq!(after(10, 2), [3, 4]);
    assert_eq!(after(10, 9), [4]);
    assert_eq!(after(20, 4), []);
    assert_eq!(after(90, 1), []);
}

pub(crate) fn aliases_lead_to_their_contact(engine: &mut dyn Engine) {
    let store = engine.store();
    let alias = |text: &str| Alias(text.into());
    let aliases = vec![(alias("wa:1"), contact(1)), (alias("bsuid:x"), contact(1))];
    get(store.commit(fence(&*store), Turn { aliases, ..turn(conversation(1, 1), 0) }));
    let moved = vec![(alias("wa:1"), contact(2))];
    get(store.commit(fence(&*store), Turn { aliases: moved, ..turn(conversation(1, 2), 0) }));
    drop(store);
    engine.reopen();
    let store = engine.store();
    let first = |names: &[&str]| {
        let each = get(store.resolve_each(names.iter().map(|name| alias(name)).collect()));
        each.into_iter().flatten().next()
    };
    assert_eq!(first(&["wa:1"]), Some(contact(2)));
    assert_eq!(first(&["wa:9", "bsuid:x", "wa:1"]), Some(contact(1)));
    assert_eq!(first(&["wa:"]), None);
    assert_eq!(first(&[]), None);
    let each = get(store.resolve_each(["bsuid:x", "wa:9", "wa:1", "bsuid:x"].map(alias).to_vec()));
    assert_eq!(each, [Some(contact(1)), None, Some(contact(2)), Some(contact(1))]);
    assert!(get(store.resolve_each(Vec::new())).is_empty());
}

pub(crate) fn documents_are_written_replaced_and_removed(engine: &mut dyn Engine) {
    let store = engine.store();
    let text = |text: &'static str| Some(Bytes::from_static(text.as_bytes()));
    get(store.put_document("bot", "b", text("1")));
    get(store.put_document("bot", "a", text("2")));
    get(store.put_document("bots", "a", text("3")));
    get(store.put_document("bot", "b", text("4")));
    get(store.put_document("bot", "c", text("5")));
    get(store.put_document("bot", "c", None));
    get(store.put_document("bot", "never there", None));
    drop(store);
    engine.reopen();
    let store = engine.store();
    let listed = get(store.documents("bot"));
    let listed: Vec<_> = listed.iter().map(|(key, value)| (&**key, &**value)).collect();
    assert_eq!(listed, [("a", &b"2"[..]), ("b", b"4")]);
    assert_eq!(get(store.document("bot", "b")), text("4"));
    assert_eq!(get(store.document("bot", "c")), None);
    assert_eq!(get(store.document("bo", "ta")), None);
    assert!(get(store.documents("")).is_empty());
}

pub(crate) fn secret_stays_the_same(engine: &mut dyn Engine) {
    let secret = engine.store().secret();
    assert_ne!(secret, [0; 16]);
    engine.reopen();
    assert_eq!(engine.store().secret(), secret);
}

pub(crate) fn closed_store_is_unavailable(engine: &mut dyn Engine) {
    let store = engine.store();
    let health = store.health();
    assert_eq!(*health.borrow(), Health::Good);
    let last = store.append(vec![message("a")]);
    let closed = store.close();
    assert_eq!(get(last), [InboxSeq(1)]);
    get(closed);
    assert_eq!(*health.borrow(), Health::Closed);
    let closed = |answer: StoreError| assert!(matches!(answer, StoreError::Unavailable(_)), "{answer}");
    closed(wait(store.append(vec![message("b")])).unwrap_err());
    closed(wait(store.commit(fence(&*store), turn(conversation(1, 1), 0))).unwrap_err());
    closed(wait(store.settle(fence(&*store), Vec::new())).unwrap_err());
    closed(wait(store.load(conversation(1, 1))).unwrap_err());
    closed(wait(store.pending(InboxSeq(0), 1)).unwrap_err());
    closed(wait(store.put_document("a", "b", None)).unwrap_err());
    closed(wait(store.conversations(None, page(1))).unwrap_err());
    get(store.close());
    drop(store);
    engine.reopen();
    assert_eq!(sequences(&get(engine.store().pending(InboxSeq(0), 10))), [1]);
}
