//! Lists: order, filters, pages, cursors.

use bytes::Bytes;
use storage::{Change, NewDeadLetter, Page, SendId, SendState, Store, Turn};

use crate::kit::*;

fn with_history(store: &dyn Store) -> storage::ConversationId {
    let id = conversation(1, 1);
    for revision in 0..5 {
        let entries = (0..2).map(|i| Bytes::from(format!("{}", revision * 2 + i))).collect();
        get(store.commit(fence(store), Turn { entries, ..turn(id, revision) }));
    }
    id
}

pub(crate) fn history_comes_newest_first(engine: &mut dyn Engine) {
    let id = with_history(&*engine.store());
    engine.reopen();
    let store = engine.store();
    for limit in [1, 3, 10, 100] {
        let entries = all(limit, |page| store.history(id, page));
        let found: Vec<_> = entries.iter().map(|entry| (entry.index, entry.payload.clone())).collect();
        let expected: Vec<_> = (0..10).rev().map(|i: u64| (i, Bytes::from(i.to_string()))).collect();
        assert_eq!(found, expected);
    }
    assert_eq!(get(store.history(id, page(10))).next, None);
    assert!(get(store.history(conversation(1, 2), page(10))).items.is_empty());
}

pub(crate) fn history_is_read_from_any_index_on(engine: &mut dyn Engine) {
    let id = with_history(&*engine.store());
    let store = engine.store();
    let read = |from: u64, limit: usize| {
        let found = get(store.history_from(id, from, limit));
        assert!(found.iter().all(|entry| entry.payload == entry.index.to_string()));
        found.iter().map(|entry| entry.index).collect::<Vec<_>>()
    };
    assert_eq!(read(0, 100), (0..10).collect::<Vec<u64>>());
    assert_eq!((read(3, 2), read(9, 5), read(4, 0)), (vec![3, 4], vec![9], vec![4]));
    assert_eq!((read(10, 5), read(u64::MAX, 5)), (vec![], vec![]));
    get(store.commit(fence(&*store), Turn { entries: vec![Bytes::from("0")], ..turn(conversation(1, 2), 0) }));
    assert_eq!(read(8, 5), [8, 9], "another conversation's entries are not among them");
}

/// Contacts 1 to 6 of two numbers, and the order of their last activity.
fn with_conversations(store: &dyn Store) {
    for (contact, at_ms) in [(1, 10), (2, 20), (3, 30), (4, 30), (5, 5), (6, 6)] {
        get(store.commit(fence(store), Turn { at_ms, ..turn(conversation(contact % 2, contact), 0) }));
    }
    get(store.commit(fence(store), Turn { at_ms: 40, ..turn(conversation(1, 1), 1) }));
}

fn contacts(store: &dyn Store, prefix: Option<[u8; 4]>, limit: usize) -> Vec<u8> {
    let found = all(limit, |page| store.conversations(prefix, page));
    found.iter().map(|(id, _)| id.0[15]).collect()
}

pub(crate) fn conversations_come_by_last_activity(engine: &mut dyn Engine) {
    with_conversations(&*engine.store());
    engine.reopen();
    let store = engine.store();
    for limit in [1, 2, 4, 50] {
        assert_eq!(contacts(&*store, None, limit), [1, 3, 4, 2, 6, 5]);
    }
    let first = get(store.conversations(None, page(1))).items.remove(0);
    assert_eq!(Some(first.1), get(store.load(first.0)));
}

pub(crate) fn conversations_of_one_number_are_filtered(engine: &mut dyn Engine) {
    let store = engine.store();
    with_conversations(&*store);
    for limit in [1, 2, 50] {
        assert_eq!(contacts(&*store, Some([0, 0, 0, 0]), limit), [4, 2, 6]);
        assert_eq!(contacts(&*store, Some([0, 0, 0, 1]), limit), [1, 3, 5]);
        assert_eq!(contacts(&*store, Some([0, 0, 0, 2]), limit), []);
    }
}

pub(crate) fn outbox_is_listed_by_creation_and_by_state(engine: &mut dyn Engine) {
    let store = engine.store();
    let id = conversation(1, 1);
    for n in 1..=8 {
        get(store.commit(fence(&*store), Turn { sends: vec![new_send(n)], ..turn(id, n - 1) }));
    }
    let settled = |n: u64, change: Change| settlement(SendId { conversation: id, n }, 9, change);
    let held = || Change::Held { error: None };
    let read = Change::Status { state: SendState::Read, wamid: "w".into(), error: None, price: None };
    get(store.settle(fence(&*store), vec![settled(2, held()), settled(5, read), settled(7, held())]));
    drop(store);
    engine.reopen();
    let store = engine.store();
    for limit in [1, 3, 100] {
        let list =
            |state| -> Vec<u64> { all(limit, |page| store.outbox(state, page)).iter().map(|send| send.id.n).collect() };
        assert_eq!(list(None), [8, 7, 6, 5, 4, 3, 2, 1]);
        assert_eq!(list(Some(SendState::Queued)), [8, 6, 4, 3, 1]);
        assert_eq!(list(Some(SendState::Held)), [7, 2]);
        assert_eq!(list(Some(SendState::Read)), [5]);
        assert_eq!(list(Some(SendState::Dead)), []);
    }
}

fn letter(reason: &str) -> NewDeadLetter {
    NewDeadLetter { inbox: None, send: None, reason: reason.into(), payload: Bytes::from_static(b"x") }
}

pub(crate) fn dead_letters_come_newest_first_and_survive_a_restart(engine: &mut dyn Engine) {
    for revision in 0..3 {
        let store = engine.store();
        let dead_letters = vec![letter("panic"), letter("bot_error")];
        get(store.commit(fence(&*store), Turn { dead_letters, ..turn(conversation(1, 1), revision) }));
        drop(store);
        engine.reopen();
    }
    let store = engine.store();
    let letters = all(4, |page| store.dead_letters(page));
    assert_eq!(letters.iter().map(|letter| letter.id).collect::<Vec<_>>(), [6, 5, 4, 3, 2, 1]);
    let last = &letters[5];
    assert_eq!((&*last.reason, last.at_ms, last.conversation), ("panic", 1_000, conversation(1, 1)));
    assert_eq!((&*last.payload, last.send, last.inbox), (&b"x"[..], None, None));
}

pub(crate) fn cursors_hold_while_rows_are_added(engine: &mut dyn Engine) {
    let store = engine.store();
    with_conversations(&*store);
    let first = get(store.conversations(None, page(3)));
    get(store.commit(fence(&*store), Turn { at_ms: 90, ..turn(conversation(0, 8), 0) }));
    let rest = get(store.conversations(None, Page { cursor: first.next, limit: 100 }));
    assert_eq!(rest.items.iter().map(|(id, _)| id.0[15]).collect::<Vec<_>>(), [2, 6, 5]);
    let id = with_history_of_another(&*store);
    let first = get(store.history(id, page(1)));
    let entries = vec![Bytes::from_static(b"later")];
    get(store.commit(fence(&*store), Turn { entries, ..turn(id, 1) }));
    let rest = get(store.history(id, Page { cursor: first.next, limit: 100 }));
    assert_eq!(rest.items.iter().map(|entry| entry.index).collect::<Vec<_>>(), [0]);
}

fn with_history_of_another(store: &dyn Store) -> storage::ConversationId {
    let id = conversation(3, 3);
    let entries = vec![Bytes::from_static(b"a"), Bytes::from_static(b"b")];
    get(store.commit(fence(store), Turn { entries, ..turn(id, 0) }));
    id
}

pub(crate) fn limit_of_zero_is_one(engine: &mut dyn Engine) {
    let store = engine.store();
    let id = with_history(&*store);
    let listed = get(store.history(id, page(0)));
    assert_eq!(listed.items.len(), 1);
    assert!(listed.next.is_some());
}

pub(crate) fn cursor_of_no_list_is_an_empty_page(engine: &mut dyn Engine) {
    let store = engine.store();
    let id = with_history(&*store);
    let page = || Page { cursor: Some("!".into()), limit: 10 };
    assert!(get(store.history(id, page())).items.is_empty());
    assert!(get(store.conversations(None, page())).items.is_empty());
    assert!(get(store.outbox(None, page())).items.is_empty());
    assert!(get(store.dead_letters(page())).items.is_empty());
}
