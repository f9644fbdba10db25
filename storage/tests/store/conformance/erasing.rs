//! What becomes of conversations and rows that are erased.

use storage::{
    Accept, Alias, Change, Erase, Horizons, InboxSeq, NewDeadLetter, Revision, SendId, SendState, Store, StoreError,
    Turn,
};

use crate::kit::*;

/// A conversation with a history, settled and open sends, a wake time, an alias and a dead letter.
fn lived(store: &dyn Store, who: u8) -> storage::ConversationId {
    let id = conversation(1, who);
    let letter = NewDeadLetter { inbox: None, send: None, reason: "r".into(), payload: bytes::Bytes::new() };
    let first = Turn {
        entries: vec!["a".into(), "b".into()],
        sends: (1..=3).map(new_send).collect(),
        aliases: vec![(Alias(format!("wa:{who}").into()), contact(who))],
        dead_letters: vec![letter],
        ..turn(id, 0)
    };
    get(store.commit(fence(store), first));
    let second = Turn { entries: vec!["c".into()], wake_ms: Some(70), ..turn(id, 1) };
    get(store.commit(fence(store), second));
    let wamid: Box<str> = "wamid".into();
    let changes = [
        Change::Status { state: SendState::Read, wamid: wamid.clone(), error: None, price: None },
        Change::Held { error: None },
        Change::Accepted { wamid },
    ];
    let settled = (1..).zip(changes).map(|(n, change)| settlement(SendId { conversation: id, n }, 9, change));
    get(store.settle(fence(store), settled.collect()));
    id
}

fn whole(id: storage::ConversationId) -> Vec<Erase> {
    vec![Erase::Conversation { id, revision: None }]
}

fn assert_gone(store: &dyn Store, id: storage::ConversationId) {
    assert_eq!(get(store.load(id)), None);
    assert_eq!(get(store.history(id, page(10))).items, []);
    assert_eq!(get(store.history_from(id, 0, 10)), []);
    assert!(all(10, |page| store.conversations(None, page)).iter().all(|(other, _)| *other != id));
    assert!(get(store.wakes_due(None, u64::MAX, 10)).iter().all(|(_, other)| *other != id));
    assert!(get(store.open_sends(None, 10)).iter().all(|send| send.id.conversation != id));
    for state in [None, Some(SendState::Held), Some(SendState::Read), Some(SendState::Queued)] {
        assert!(all(10, |page| store.outbox(state, page)).iter().all(|send| send.id.conversation != id), "{state:?}");
    }
    let ids = (1..=3).map(|n| SendId { conversation: id, n }).collect();
    assert_eq!(get(store.sends(ids)), [None, None, None]);
}

pub(crate) fn erased_conversation_leaves_nothing_and_others_stay(engine: &mut dyn Engine) {
    let store = engine.store();
    let (gone, stays) = (lived(&*store, 1), lived(&*store, 2));
    assert_eq!(get(store.erase(whole(gone), 100)), 3 + 3 + 1);
    assert_eq!(get(store.erase(whole(gone), 100)), 0);
    drop(store);
    for _ in 0..3 {
        let store = engine.store();
        assert_gone(&*store, gone);
        assert_eq!(get(store.history(stays, page(10))).items.len(), 3);
        assert_eq!(get(store.open_sends(None, 10)).len(), 1);
        assert_eq!(get(store.wakes_due(None, u64::MAX, 10)), [(70, stays)]);
        assert_eq!(get(store.dead_letters(page(10))).items.len(), 2, "they go by their own ids");
        drop(store);
        engine.reopen();
    }
}

pub(crate) fn erasing_goes_on_in_bounded_steps_and_the_state_goes_last(engine: &mut dyn Engine) {
    let store = engine.store();
    let id = lived(&*store, 1);
    let mut gone = Vec::new();
    loop {
        let before = get(store.load(id)).is_some();
        let count = get(store.erase(whole(id), 2));
        if count == 0 {
            break;
        }
        assert!(before);
        gone.push(count);
    }
    assert_eq!(gone, [2, 2, 2, 1]);
    assert_gone(&*store, id);
    assert_eq!(get(store.erase(whole(id), 0)), 0);
}

pub(crate) fn conversation_begins_anew_after_it_was_erased(engine: &mut dyn Engine) {
    let store = engine.store();
    let id = lived(&*store, 1);
    get(store.erase(whole(id), 100));
    let stale = store.commit(fence(&*store), turn(id, 2));
    assert_eq!(wait(stale), Err(StoreError::Conflict { actual: Revision(0) }));
    let begun = Turn { entries: vec!["new".into()], sends: vec![new_send(1)], ..turn(id, 0) };
    get(store.commit(fence(&*store), begun));
    drop(store);
    engine.reopen();
    let store = engine.store();
    let head = get(store.load(id)).unwrap();
    assert_eq!((head.revision, head.next_send, head.next_entry), (Revision(1), 2, 1));
    assert_eq!(get(store.history(id, page(10))).items.len(), 1);
    assert_eq!(get(store.open_sends(None, 10)).len(), 1);
}

pub(crate) fn erasing_at_a_revision_spares_a_conversation_that_went_on(engine: &mut dyn Engine) {
    let store = engine.store();
    let id = lived(&*store, 1);
    let at = |revision| vec![Erase::Conversation { id, revision: Some(Revision(revision)) }];
    assert_eq!(get(store.erase(at(1), 100)), 0);
    assert_eq!(get(store.history(id, page(10))).items.len(), 3);
    assert_eq!(get(store.erase(at(2), 100)), 7);
    assert_gone(&*store, id);
}

pub(crate) fn history_below_an_index_goes_and_later_entries_keep_theirs(engine: &mut dyn Engine) {
    let store = engine.store();
    let id = lived(&*store, 1);
    assert_eq!(get(store.erase(vec![Erase::History { id, below: 2 }], 1)), 1);
    assert_eq!(get(store.erase(vec![Erase::History { id, below: 2 }], 100)), 1);
    assert_eq!(get(store.erase(vec![Erase::History { id, below: 2 }], 100)), 0);
    get(store.commit(fence(&*store), Turn { entries: vec!["d".into()], ..turn(id, 2) }));
    drop(store);
    engine.reopen();
    let store = engine.store();
    let indexes: Vec<u64> = get(store.history_from(id, 0, 10)).iter().map(|entry| entry.index).collect();
    assert_eq!(indexes, [2, 3]);
}

pub(crate) fn single_rows_are_erased_once_and_their_numbers_not_given_out_again(engine: &mut dyn Engine) {
    let store = engine.store();
    lived(&*store, 1);
    get(store.append(vec![message("a"), message("b"), message("c")]));
    for _ in 0..3 {
        get(store.append(vec![Accept::Quarantine(quarantined("q")), Accept::Notice(notice("n"))]));
    }
    let what = vec![
        Erase::Inbox(InboxSeq(2)),
        Erase::Inbox(InboxSeq(9)),
        Erase::Alias(Alias("wa:1".into()), contact(2)),
        Erase::Alias(Alias("wa:none".into()), contact(2)),
        Erase::Quarantined(3),
        Erase::Notice(2),
        Erase::DeadLetter(1),
        Erase::DeadLetter(7),
    ];
    assert_eq!(get(store.erase(what.clone(), 100)), 4, "the alias leads to another contact");
    assert_eq!(get(store.erase(what, 100)), 0);
    assert_eq!(get(store.erase(vec![Erase::Alias(Alias("wa:1".into()), contact(1))], 100)), 1);
    let old = Horizons { quarantine_ms: Some(8), ..Horizons::default() };
    assert_eq!(get(store.forget(old, 100)), 2);
    drop(store);
    engine.reopen();
    let store = engine.store();
    assert_eq!(sequences(&get(store.pending(InboxSeq(0), 10))), [1, 3]);
    assert_eq!(get(store.resolve_each(vec![Alias("wa:1".into())])), [None]);
    get(store.append(vec![Accept::Quarantine(quarantined("q")), Accept::Notice(notice("n"))]));
    let ids = |rows: Vec<u64>| rows;
    assert_eq!(ids(all(9, |page| store.quarantine(page)).iter().map(|(id, _)| *id).collect()), [4]);
    assert_eq!(ids(all(9, |page| store.notices(page)).iter().map(|(id, _)| *id).collect()), [4, 3, 1]);
    assert_eq!(get(store.dead_letters(page(9))).items, []);
}

pub(crate) fn an_id_of_nobody_goes_and_that_of_somebody_who_came_back_stays(engine: &mut dyn Engine) {
    let store = engine.store();
    let alias = || Alias("bsuid:1".into());
    let conversations = || [conversation(1, 1), conversation(2, 1)].into_iter().collect();
    let lost = || vec![Erase::AliasOfNobody(alias(), contact(1), conversations())];
    let came = Turn { aliases: vec![(alias(), contact(1))], ..turn(conversation(2, 1), 0) };
    get(store.commit(fence(&*store), came));
    drop(store);
    engine.reopen();
    let store = engine.store();
    assert_eq!(get(store.erase(lost(), 100)), 0);
    get(store.erase(whole(conversation(2, 1)), 100));
    let other = vec![Erase::AliasOfNobody(alias(), contact(2), conversations())];
    assert_eq!(get(store.erase(other, 100)), 0, "it leads to another contact");
    assert_eq!(get(store.erase(lost(), 100)), 1);
    assert_eq!(get(store.resolve_each(vec![alias()])), [None]);
}

pub(crate) fn idle_conversations_come_longest_idle_first_within_their_number(engine: &mut dyn Engine) {
    let store = engine.store();
    for (number, who, at_ms) in [(1, 1, 30), (1, 2, 10), (2, 3, 5), (2, 4, 40)] {
        get(store.commit(fence(&*store), Turn { at_ms, ..turn(conversation(number, who), 0) }));
    }
    let expected = [(10, conversation(1, 2)), (30, conversation(1, 1)), (5, conversation(2, 3))];
    assert_eq!(get(store.idle_conversations(None, 40, 10)), expected);
    let (mut found, mut after) = (Vec::new(), None);
    while let Some(next) = get(store.idle_conversations(after, 40, 1)).pop() {
        found.push(next);
        after = Some(next);
    }
    assert_eq!(found, expected);
    assert_eq!(get(store.idle_conversations(None, 5, 10)), []);
}
