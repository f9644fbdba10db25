//! Outbox rows that get another message, prices, and rows that are released.

use bytes::Bytes;
use storage::{Change, NewDeadLetter, Send, SendId, SendState, Settled, Settlement, Store};

use crate::kit::*;

const NEW: u32 = 99;

fn rewrite() -> Change {
    Change::Rewrite { nonce: NEW, payload: Bytes::from_static(b"template") }
}

fn status(state: SendState, price: Option<&'static str>) -> Change {
    let price = price.map(|text| Bytes::from_static(text.as_bytes()));
    Change::Status { state, wamid: "wamid.1".into(), error: None, price }
}

fn dead() -> Change {
    let letter = NewDeadLetter { inbox: None, send: None, reason: "permanent".into(), payload: Bytes::new() };
    Change::Dead { letter, error: None }
}

fn settle(store: &dyn Store, send: SendId, at_ms: u64, change: Change) -> Settled {
    get(store.settle(fence(store), vec![settlement(send, at_ms, change)]))[0]
}

fn read(store: &dyn Store, id: SendId) -> Send {
    get(store.sends(vec![id])).remove(0).unwrap()
}

/// Every state, with a way to get there.
fn ways() -> Vec<(SendState, Vec<Change>)> {
    let sending = || Change::Sending { attempt: 1 };
    let accepted = || Change::Accepted { wamid: "wamid.1".into() };
    let error = || Some(Bytes::from_static(b"why"));
    vec![
        (SendState::Queued, vec![sending(), Change::Retry { due_ms: 50, error: error() }]),
        (SendState::Sending, vec![sending()]),
        (SendState::Uncertain, vec![sending(), Change::Uncertain { until_ms: 60, error: error() }]),
        (SendState::Held, vec![Change::Held { error: error() }]),
        (SendState::Accepted, vec![sending(), accepted()]),
        (SendState::Sent, vec![accepted(), status(SendState::Sent, Some("1 cent"))]),
        (SendState::Failed, vec![accepted(), status(SendState::Failed, None)]),
        (SendState::Delivered, vec![status(SendState::Delivered, None)]),
        (SendState::Read, vec![status(SendState::Read, None)]),
        (SendState::Dead, vec![dead()]),
    ]
}

pub(crate) fn rewritten_row_is_as_if_it_was_just_decided(engine: &mut dyn Engine) {
    let store = engine.store();
    let ids = with_sends(&*store, conversation(1, 1), 10);
    for (id, (state, way)) in ids.iter().zip(ways()) {
        for change in way {
            settle(&*store, *id, 2_000, change);
        }
        let before = read(&*store, *id);
        assert_eq!(before.state, state);
        let refused = matches!(state, SendState::Dead | SendState::Delivered | SendState::Read);
        let expected = Send {
            nonce: NEW,
            state: SendState::Queued,
            attempts: 0,
            updated_ms: 3_000,
            due_ms: 3_000,
            wamid: None,
            payload: Bytes::from_static(b"template"),
            error: None,
            price: None,
            ..before.clone()
        };
        let expected = if refused { before } else { expected };
        assert_eq!(settle(&*store, *id, 3_000, rewrite()), Settled::Now(expected.state));
        assert_eq!(read(&*store, *id), expected);
    }
    let rows = get(store.sends(ids.clone()));
    drop(store);
    engine.reopen();
    let store = engine.store();
    assert_eq!(get(store.sends(ids)), rows);
    let open: Vec<_> = get(store.open_sends(None, 100)).into_iter().map(|send| send.id.n).collect();
    assert_eq!(open, [1, 2, 3, 4, 5, 6, 7]);
    assert_eq!(get(store.outbox(Some(SendState::Queued), page(100))).items.len(), 7);
    assert!(get(store.outbox(Some(SendState::Held), page(100))).items.is_empty());
    assert!(get(store.outbox(Some(SendState::Failed), page(100))).items.is_empty());
    assert_eq!(get(store.outbox(None, page(100))).items.len(), 10);
}

pub(crate) fn rewriting_twice_changes_nothing_more(engine: &mut dyn Engine) {
    let store = engine.store();
    let id = with_sends(&*store, conversation(1, 1), 1)[0];
    let told = Settlement { nonce: Some(77), ..settlement(id, 5, rewrite()) };
    let twice = vec![told.clone(), told.clone()];
    assert_eq!(get(store.settle(fence(&*store), twice)), [Settled::Now(SendState::Queued); 2]);
    settle(&*store, id, 6, Change::Sending { attempt: 1 });
    settle(&*store, id, 7, status(SendState::Sent, None));
    let before = read(&*store, id);
    let later = Settlement { at_ms: 8, ..told };
    assert_eq!(get(store.settle(fence(&*store), vec![later])), [Settled::Now(SendState::Sent)]);
    assert_eq!(read(&*store, id), before);
}

pub(crate) fn earlier_nonce_is_unknown_after_a_rewrite(engine: &mut dyn Engine) {
    let store = engine.store();
    let id = with_sends(&*store, conversation(1, 1), 1)[0];
    settle(&*store, id, 1, rewrite());
    drop(store);
    engine.reopen();
    let store = engine.store();
    let of = |nonce, change| Settlement { nonce: Some(nonce), ..settlement(id, 5, change) };
    let another = Change::Rewrite { nonce: NEW + 1, payload: Bytes::new() };
    let old = vec![of(77, status(SendState::Read, None)), of(77, dead()), of(77, another)];
    assert_eq!(get(store.settle(fence(&*store), old)), [Settled::Unknown; 3]);
    let new = vec![of(NEW, status(SendState::Sent, None))];
    assert_eq!(get(store.settle(fence(&*store), new)), [Settled::Now(SendState::Sent)]);
}

pub(crate) fn rewrite_keeps_no_letter_and_a_later_failure_does(engine: &mut dyn Engine) {
    let store = engine.store();
    let id = with_sends(&*store, conversation(1, 1), 1)[0];
    settle(&*store, id, 1, rewrite());
    assert!(get(store.dead_letters(page(10))).items.is_empty());
    let again = Change::Rewrite { nonce: NEW + 1, payload: Bytes::new() };
    let changes = [status(SendState::Failed, None), again, dead(), dead()];
    let settlements = changes.map(|change| settlement(id, 2, change)).to_vec();
    let answers = get(store.settle(fence(&*store), settlements));
    assert_eq!(answers, [SendState::Failed, SendState::Queued, SendState::Dead, SendState::Dead].map(Settled::Now));
    let letters = get(store.dead_letters(page(10))).items;
    assert_eq!(letters.iter().map(|letter| &*letter.reason).collect::<Vec<_>>(), ["permanent", "failed"]);
    assert!(get(store.open_sends(None, 10)).is_empty());
}

pub(crate) fn last_known_price_stays(engine: &mut dyn Engine) {
    let store = engine.store();
    let id = with_sends(&*store, conversation(1, 1), 1)[0];
    let price = |store: &dyn Store| read(store, id).price;
    settle(&*store, id, 1, status(SendState::Queued, Some("not a status")));
    assert_eq!(price(&*store), None);
    settle(&*store, id, 2, status(SendState::Sent, Some("1 cent")));
    settle(&*store, id, 3, status(SendState::Delivered, None));
    assert_eq!(price(&*store).as_deref(), Some(&b"1 cent"[..]));
    // Later than the status that it rides on should have been.
    assert_eq!(settle(&*store, id, 4, status(SendState::Sent, Some("2 cents"))), Settled::Now(SendState::Delivered));
    settle(&*store, id, 5, Change::Accepted { wamid: "other".into() });
    drop(store);
    engine.reopen();
    let store = engine.store();
    assert_eq!(price(&*store).as_deref(), Some(&b"2 cents"[..]));
    let before = read(&*store, id);
    settle(&*store, id, 6, status(SendState::Sent, Some("2 cents")));
    assert_eq!(read(&*store, id), before);
}

pub(crate) fn held_rows_of_a_conversation_are_found_and_released(engine: &mut dyn Engine) {
    let store = engine.store();
    with_sends(&*store, conversation(1, 1), 1);
    let ids = with_sends(&*store, conversation(1, 2), 3);
    with_sends(&*store, conversation(1, 3), 1);
    for id in &ids[1..] {
        settle(&*store, *id, 1, Change::Held { error: Some(Bytes::from_static(b"window closed")) });
    }
    drop(store);
    engine.reopen();
    let store = engine.store();
    let before = SendId { n: 0, ..ids[0] };
    let mut held = get(store.open_sends(Some(before), 3));
    held.retain(|send| send.id.conversation == ids[0].conversation && send.state == SendState::Held);
    assert_eq!(held.iter().map(|send| send.id).collect::<Vec<_>>(), ids[1..]);
    let release = Change::Retry { due_ms: 9, error: None };
    let released = held.iter().map(|send| settlement(send.id, 9, release.clone())).collect();
    assert_eq!(get(store.settle(fence(&*store), released)), [Settled::Now(SendState::Queued); 2]);
    let send = read(&*store, ids[1]);
    assert_eq!((send.state, send.due_ms, send.error), (SendState::Queued, 9, None));
    assert!(get(store.outbox(Some(SendState::Held), page(10))).items.is_empty());
}
