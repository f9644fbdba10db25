//! Following the log.

use bytes::Bytes;
use storage::{
    Accept, Change, DeadLetter, Entry, Erase, InboxSeq, LogPage, LogSeq, LoggedMessage, LoggedValue, NewDeadLetter,
    NewSend, Notice, SendId, SendState, Standing, Store, Turn,
};

use crate::kit::*;

fn values(store: &dyn Store, after: u64) -> Vec<LoggedValue> {
    log(store, after, 2).into_iter().flat_map(|row| row.values).collect()
}

fn standing(state: SendState, updated_ms: u64) -> Standing {
    let (attempts, due_ms) = if state == SendState::Queued { (0, updated_ms) } else { (1, 0) };
    Standing {
        nonce: 77,
        state,
        attempts,
        created_ms: 1_000,
        updated_ms,
        due_ms,
        wamid: None,
        error: None,
        price: None,
    }
}

pub(crate) fn log_tells_what_each_call_left_behind(engine: &mut dyn Engine) {
    let store = engine.store();
    let (id, told) = (conversation(1, 1), Notice { alarm: false, ..notice("field") });
    let accepted = vec![message("a"), Accept::Quarantine(quarantined("r")), Accept::Notice(told.clone())];
    let consumed = get(store.append(accepted));
    assert_eq!(values(&*store, 0), [LoggedValue::Quarantined(1, quarantined("r")), LoggedValue::Notice(1, told)]);

    let letter = NewDeadLetter { inbox: Some(InboxSeq(1)), send: None, reason: "why".into(), payload: Bytes::new() };
    let turn = Turn {
        consumed,
        entries: vec!["one".into(), "two".into()],
        sends: vec![NewSend { n: 1, nonce: 77, payload: "hello".into() }],
        wake_ms: Some(5),
        aliases: vec![(storage::Alias("wa:1".into()), contact(1))],
        dead_letters: vec![letter],
        append: vec![inbound("on")],
        documents: vec![document("kind", "key", Some("value")), document("kind", "gone", None)],
        ..turn(id, 0)
    };
    get(store.commit(fence(&*store), turn));
    let (head, send) = (get(store.load(id)).unwrap(), SendId { conversation: id, n: 1 });
    let entry = |index, text: &'static str| LoggedValue::Entry(id, Entry { index, payload: text.into() });
    let letter = DeadLetter {
        id: 1,
        conversation: id,
        at_ms: 1_000,
        inbox: Some(InboxSeq(1)),
        send: None,
        reason: "why".into(),
        payload: Bytes::new(),
        resolution: None,
    };
    let expected = [
        LoggedValue::Head(id, head),
        entry(0, "one"),
        entry(1, "two"),
        LoggedValue::Message(send, LoggedMessage { nonce: 77, created_ms: 1_000, payload: "hello".into() }),
        LoggedValue::Standing(send, standing(SendState::Queued, 1_000)),
        LoggedValue::DeadLetter(letter),
        LoggedValue::Document(document("kind", "key", Some("value"))),
        LoggedValue::Document(document("kind", "gone", None)),
    ];
    assert_eq!(values(&*store, 1), expected);

    let rewrite = Change::Rewrite { nonce: 78, payload: "again".into() };
    let changes = [Change::Sending { attempt: 1 }, Change::Sending { attempt: 1 }, rewrite];
    get(store.settle(fence(&*store), changes.map(|change| settlement(send, 2_000, change)).into()));
    let rewritten = Standing { nonce: 78, ..standing(SendState::Queued, 2_000) };
    let expected = [
        LoggedValue::Standing(send, standing(SendState::Sending, 2_000)),
        LoggedValue::Standing(send, rewritten),
        LoggedValue::Message(send, LoggedMessage { nonce: 78, created_ms: 1_000, payload: "again".into() }),
    ];
    assert_eq!(values(&*store, 2), expected);
}

pub(crate) fn log_goes_on_after_a_row_also_after_a_restart(engine: &mut dyn Engine) {
    let store = engine.store();
    for n in 0..5 {
        get(store.put_document("kind", &n.to_string(), Some("value".into())));
    }
    let before = log(&*store, 0, 3);
    assert_eq!(before.iter().map(|row| row.seq.0).collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
    assert_eq!(log(&*store, 3, 10), before[3..]);
    drop(store);
    engine.reopen();
    let store = engine.store();
    assert_eq!(*store.committed().borrow(), LogSeq(5));
    get(store.put_document("kind", "later", Some("value".into())));
    let page = get(store.log(LogSeq(4), 10));
    assert_eq!((page.oldest, page.newest), (LogSeq(1), LogSeq(6)));
    assert_eq!(page.rows[0], before[4]);
    assert_eq!(page.rows.len(), 2);
}

pub(crate) fn refused_and_empty_calls_leave_no_row(engine: &mut dyn Engine) {
    let store = engine.store();
    let ids = with_sends(&*store, conversation(1, 1), 1);
    assert!(wait(store.commit(fence(&*store), turn(conversation(1, 1), 0))).is_err());
    get(store.append(vec![message("only to the inbox")]));
    get(store.put_documents(Vec::new()));
    let unknown = SendId { n: 9, ..ids[0] };
    get(store.settle(fence(&*store), vec![settlement(unknown, 1, Change::Sending { attempt: 1 })]));
    assert_eq!(*store.committed().borrow(), LogSeq(1));
    assert_eq!(log(&*store, 0, 10).len(), 1);
}

pub(crate) fn committed_tells_the_last_row_once_it_can_be_read(engine: &mut dyn Engine) {
    let store = engine.store();
    let mut committed = store.committed();
    committed.mark_unchanged();
    get(store.commit(fence(&*store), turn(conversation(1, 1), 0)));
    assert!(committed.has_changed().unwrap());
    let newest = *committed.borrow_and_update();
    assert_eq!(get(store.log(LogSeq(0), 10)).newest, newest);
    get(store.append(vec![message("a")]));
    assert!(!committed.has_changed().unwrap());
}

pub(crate) fn position_of_the_future_is_an_empty_page(engine: &mut dyn Engine) {
    let store = engine.store();
    let nothing = |newest: u64| LogPage { oldest: LogSeq(1), newest: LogSeq(newest), rows: Vec::new() };
    assert_eq!(get(store.log(LogSeq(0), 10)), nothing(0));
    get(store.put_document("kind", "key", None));
    for after in [1, 2, u64::MAX] {
        assert_eq!(get(store.log(LogSeq(after), 10)), nothing(1));
    }
}

pub(crate) fn log_that_was_cut_is_read_by_nobody_and_goes_on(engine: &mut dyn Engine) {
    let store = engine.store();
    let put = |store: &dyn Store| get(store.put_document("kind", "key", Some("value".into())));
    get(store.cut_log());
    put(&*store);
    put(&*store);
    get(store.append(vec![Accept::Quarantine(quarantined("q"))]));
    get(store.erase(vec![Erase::Quarantined(1)], 1));
    assert_eq!(get(store.log(LogSeq(0), 10)).rows.len(), 4, "what grows old takes no other row along");
    get(store.cut_log());
    drop(store);
    for _ in 0..2 {
        let store = engine.store();
        let nothing = LogPage { oldest: LogSeq(5), newest: LogSeq(4), rows: Vec::new() };
        assert_eq!(get(store.log(LogSeq(0), 10)), nothing);
        drop(store);
        engine.reopen();
    }
    let store = engine.store();
    put(&*store);
    let page = get(store.log(LogSeq(0), 10));
    assert_eq!((page.oldest, page.newest, page.rows.len()), (LogSeq(5), LogSeq(5), 1));
}

pub(crate) fn each_opening_that_wrote_has_a_stretch_of_the_log(engine: &mut dyn Engine) {
    let put = |store: &dyn Store| get(store.put_document("kind", "key", Some("value".into())));
    put(&*engine.store());
    let first = stretch_of(&*engine.store(), 1);
    engine.reopen();
    engine.reopen();
    let count = engine.store().stretches().len();
    put(&*engine.store());
    let second = stretch_of(&*engine.store(), 2);
    engine.reopen();
    let store = engine.store();
    assert_eq!(store.stretches().len(), count + 1, "one in which nothing was written is not kept");
    assert_eq!((stretch_of(&*store, 1), stretch_of(&*store, 2)), (first, second));
    assert_ne!(first, second);
    assert_eq!(store.stretches()[0].first, LogSeq(0));
}
