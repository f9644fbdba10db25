//! What a turn hands on in its own commit: inbox rows and documents.

use bytes::Bytes;
use storage::{InboxSeq, StoreError, Turn};

use crate::kit::*;

pub(crate) fn turn_appends_after_what_it_consumes(engine: &mut dyn Engine) {
    let store = engine.store();
    let appended = store.appended();
    let consumed = get(store.append(vec![message("question")]));
    let append = vec![inbound("answer"), inbound("and more")];
    let first = store.commit(fence(&*store), Turn { consumed, append, ..turn(conversation(1, 1), 0) });
    // In the queue together with the turn: its numbers come after.
    let later = store.append(vec![message("later")]);
    get(first);
    assert_eq!(get(later), [InboxSeq(4)]);
    assert_eq!(*appended.borrow(), InboxSeq(4));
    assert_eq!(store.stats().inbox, 3);
    drop(store);
    engine.reopen();
    let rows = get(engine.store().pending(InboxSeq(0), 10));
    assert_eq!(sequences(&rows), [2, 3, 4]);
    assert_eq!((&rows[0].1, &rows[1].1), (&inbound("answer"), &inbound("and more")));
}

pub(crate) fn turn_that_appends_wakes_whoever_routes(engine: &mut dyn Engine) {
    let store = engine.store();
    let mut appended = store.appended();
    get(store.commit(fence(&*store), turn(conversation(1, 1), 0)));
    assert!(!appended.has_changed().unwrap());
    get(store.commit(fence(&*store), Turn { append: vec![inbound("a")], ..turn(conversation(1, 1), 1) }));
    assert!(appended.has_changed().unwrap());
    assert_eq!(*appended.borrow_and_update(), InboxSeq(1));
}

pub(crate) fn appended_row_is_consumed_by_a_later_turn(engine: &mut dyn Engine) {
    let store = engine.store();
    let id = conversation(1, 1);
    get(store.commit(fence(&*store), Turn { append: vec![inbound("to myself")], ..turn(id, 0) }));
    let consumed = vec![InboxSeq(1)];
    get(store.commit(fence(&*store), Turn { consumed, append: vec![inbound("again")], ..turn(id, 1) }));
    drop(store);
    for _ in 0..2 {
        engine.reopen();
        assert_eq!(sequences(&get(engine.store().pending(InboxSeq(0), 10))), [2]);
    }
}

pub(crate) fn turn_writes_and_removes_documents(engine: &mut dyn Engine) {
    let store = engine.store();
    get(store.put_document("case", "gone", Some(Bytes::from_static(b"old"))));
    let documents = vec![
        document("case", "gone", None),
        document("case", "new", Some("first")),
        document("case", "new", Some("second")),
        document("other", "new", Some("third")),
        document("case", "never there", None),
    ];
    get(store.commit(fence(&*store), Turn { documents, ..turn(conversation(1, 1), 0) }));
    drop(store);
    engine.reopen();
    let store = engine.store();
    assert_eq!(get(store.documents("case")), [("new".into(), Bytes::from_static(b"second"))]);
    assert_eq!(get(store.document("other", "new")).as_deref(), Some(&b"third"[..]));
}

pub(crate) fn refused_turn_hands_nothing_on(engine: &mut dyn Engine) {
    let store = engine.store();
    let full = |expected| Turn {
        append: vec![inbound("a")],
        documents: vec![document("case", "a", Some("a"))],
        ..turn(conversation(1, 1), expected)
    };
    assert!(matches!(wait(store.commit(fence(&*store), full(3))), Err(StoreError::Conflict { .. })));
    let old = fence(&*store);
    drop(store);
    engine.reopen();
    let store = engine.store();
    assert_eq!(wait(store.commit(old, full(0))), Err(StoreError::Fenced));
    assert!(get(store.pending(InboxSeq(0), 10)).is_empty());
    assert!(get(store.documents("case")).is_empty());
    assert_eq!(get(store.append(vec![message("b")])), [InboxSeq(1)]);
}

pub(crate) fn documents_of_one_call_are_written_together(engine: &mut dyn Engine) {
    let store = engine.store();
    let commits = store.stats().commits;
    let keys = ["d", "a", "c", "b"];
    get(store.put_documents(keys.iter().map(|key| document("bot", key, Some("x"))).collect()));
    assert_eq!(store.stats().commits, commits + 1);
    get(store.put_documents(vec![document("bot", "c", None), document("bots", "a", Some("y"))]));
    drop(store);
    engine.reopen();
    let store = engine.store();
    let keys = |after, limit| -> Vec<Box<str>> {
        get(store.documents_page("bot", after, limit)).into_iter().map(|(key, _)| key).collect()
    };
    assert_eq!(keys(None, 2), ["a".into(), "b".into()]);
    assert_eq!(keys(Some("b"), 2), ["d".into()]);
    assert_eq!(keys(Some("aa"), 1), ["b".into()]);
    assert_eq!(keys(Some("d"), 2), []);
    assert_eq!(keys(None, 0), []);
    assert_eq!(keys(None, usize::MAX).len(), 3);
}
