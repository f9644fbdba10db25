//! Accepting: numbers, pending rows, quarantine.

use storage::{Accept, InboxSeq, Turn};

use crate::kit::*;

pub(crate) fn numbers_rise_from_one_in_the_order_of_the_calls(engine: &mut dyn Engine) {
    let store = engine.store();
    assert_eq!(get(store.append(vec![message("a"), message("b")])), [InboxSeq(1), InboxSeq(2)]);
    assert_eq!(get(store.append(Vec::new())), []);
    assert_eq!(get(store.append(vec![message("c")])), [InboxSeq(3)]);
    let rows = get(store.pending(InboxSeq(0), 10));
    assert_eq!(rows[2], (InboxSeq(3), inbound("c")));
}

pub(crate) fn what_nobody_waits_for_is_written_all_the_same_and_in_the_order_of_the_calls(engine: &mut dyn Engine) {
    let store = engine.store();
    let unhurried = store.clone().unhurried();
    let first = unhurried.append(vec![message("a"), message("b")]);
    assert_eq!(get(store.append(vec![message("c")])), [InboxSeq(3)]);
    assert_eq!(get(first), [InboxSeq(1), InboxSeq(2)]);
    assert_eq!(get(unhurried.append(vec![message("d")])), [InboxSeq(4)], "nobody else comes");
    assert_eq!(sequences(&get(unhurried.pending(InboxSeq(0), 10))), [1, 2, 3, 4]);
    drop((store, unhurried));
    engine.reopen();
    assert_eq!(sequences(&get(engine.store().pending(InboxSeq(0), 10))), [1, 2, 3, 4]);
}

pub(crate) fn pending_rows_come_in_order_and_in_pages(engine: &mut dyn Engine) {
    let store = engine.store();
    get(store.append((0..30).map(|i| message(&format!("message number {i}"))).collect()));
    let first = get(store.pending(InboxSeq(0), 12));
    assert_eq!(sequences(&first), (1..=12).collect::<Vec<_>>());
    let rest = get(store.pending(InboxSeq(12), 100));
    assert_eq!(sequences(&rest), (13..=30).collect::<Vec<_>>());
    assert_eq!(rest[17].1, inbound("message number 29"));
    assert!(get(store.pending(InboxSeq(0), 0)).is_empty());
    assert!(get(store.pending(InboxSeq(30), 10)).is_empty());
}

pub(crate) fn rows_are_found_by_number_until_they_are_consumed(engine: &mut dyn Engine) {
    let store = engine.store();
    get(store.append((0..5).map(|i| message(&format!("{i}"))).collect()));
    let consumed = vec![InboxSeq(2), InboxSeq(4)];
    get(store.commit(fence(&*store), Turn { consumed, ..turn(conversation(1, 1), 0) }));
    let asked = [5, 4, 1, 99].map(InboxSeq).to_vec();
    assert_eq!(sequences(&get(store.inbox(asked))), [5, 1]);
    assert_eq!(sequences(&get(store.pending(InboxSeq(0), 10))), [1, 3, 5]);
    assert_eq!(store.stats().inbox, 3);
}

pub(crate) fn appended_tells_the_last_committed_number(engine: &mut dyn Engine) {
    let store = engine.store();
    let appended = store.appended();
    assert_eq!(*appended.borrow(), InboxSeq(0));
    get(store.append(vec![message("a"), message("b")]));
    assert_eq!(*appended.borrow(), InboxSeq(2));
    drop(store);
    engine.reopen();
    assert_eq!(*engine.store().appended().borrow(), InboxSeq(2));
}

pub(crate) fn inbox_and_its_numbers_survive_a_restart(engine: &mut dyn Engine) {
    get(engine.store().append((0..20).map(|i| message(&format!("long enough to pass a budget {i}"))).collect()));
    engine.reopen();
    let store = engine.store();
    let rows = get(store.pending(InboxSeq(0), 100));
    assert_eq!(rows.len(), 20);
    assert_eq!(rows[19].1, inbound("long enough to pass a budget 19"));
    assert_eq!(get(store.append(vec![message("b")])), [InboxSeq(21)]);
}

pub(crate) fn consumed_numbers_are_not_given_out_again_after_a_restart(engine: &mut dyn Engine) {
    let store = engine.store();
    for i in 0..10 {
        let consumed = get(store.append(vec![message("a")]));
        get(store.commit(fence(&*store), Turn { consumed, ..turn(conversation(1, 1), i) }));
    }
    drop(store);
    for _ in 0..3 {
        engine.reopen();
    }
    let store = engine.store();
    assert!(get(store.pending(InboxSeq(0), 10)).is_empty());
    assert_eq!(get(store.append(vec![message("b")])), [InboxSeq(11)]);
}

pub(crate) fn quarantined_items_are_listed_and_never_pending(engine: &mut dyn Engine) {
    let store = engine.store();
    let items = vec![message("a"), Accept::Quarantine(quarantined("one")), message("b")];
    assert_eq!(get(store.append(items)), [InboxSeq(1), InboxSeq(2)]);
    assert_eq!(get(store.append(vec![Accept::Quarantine(quarantined("two"))])), []);
    drop(store);
    engine.reopen();
    let store = engine.store();
    get(store.append(vec![Accept::Quarantine(quarantined("three"))]));
    assert_eq!(sequences(&get(store.pending(InboxSeq(0), 10))), [1, 2]);
    let listed = all(2, |page| store.quarantine(page));
    let reasons: Vec<_> = listed.iter().map(|(id, row)| (*id, &*row.reason)).collect();
    assert_eq!(reasons, [(3, "three"), (2, "two"), (1, "one")]);
    let from = |id, limit| -> Vec<u64> { get(store.quarantine_from(id, limit)).iter().map(|(id, _)| *id).collect() };
    assert_eq!((from(0, 10), from(2, 10), from(1, 2)), (vec![1, 2, 3], vec![2, 3], vec![1, 2]));
    get(store.erase(vec![storage::Erase::Quarantined(2)], 1));
    assert_eq!((from(2, 1), from(4, 10), from(u64::MAX, 10)), (vec![3], vec![], vec![]));
    assert_eq!(get(store.quarantine_from(3, 1)), [(3, quarantined("three"))]);
}
