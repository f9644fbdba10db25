//! Readers beside a writer that folds: nobody sees a conversation go back, vanish or lack what was acknowledged.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use bytes::Bytes;
use storage::{InboxSeq, Options, RedbStore, Store, Turn};

use crate::kit::*;

const TURNS: u64 = 150;

fn busy() -> Options {
    Options { fold_rows: 60, fold_bytes: 6_000, ..tiny() }
}

fn advance(store: &dyn Store, contact: u8, acknowledged: &AtomicU64) {
    let id = conversation(1, contact);
    for revision in 0..TURNS {
        let consumed = get(store.append(vec![message("in")]));
        let entries = vec![Bytes::from(revision.to_string())];
        let sends = vec![new_send(revision + 1)];
        let wake_ms = Some(revision);
        get(store.commit(fence(store), Turn { consumed, entries, sends, wake_ms, ..turn(id, revision) }));
        acknowledged.store(revision + 1, Ordering::SeqCst);
    }
}

fn watch(store: &dyn Store, contact: u8, acknowledged: &AtomicU64) {
    let id = conversation(1, contact);
    let least = acknowledged.load(Ordering::SeqCst);
    let head = get(store.load(id));
    let found = head.as_ref().map_or(0, |head| head.revision.0);
    assert!(found >= least, "revision {found} after {least} was acknowledged");
    let entries = all(40, |page| store.history(id, page));
    assert!(entries.len() as u64 >= found);
    let indexes: Vec<_> = entries.iter().rev().map(|entry| entry.index).collect();
    assert_eq!(indexes, (0..entries.len() as u64).collect::<Vec<_>>());
    let listed = get(store.conversations(None, page(100))).items;
    let seen = listed.iter().filter(|(listed, _)| *listed == id).count() as u64;
    assert!(seen <= 1 && seen >= least.min(1), "listed {seen} times");
    let wakes = get(store.wakes_due(None, u64::MAX, 10));
    assert!(wakes.iter().filter(|(_, due)| *due == id).count() <= 1, "{wakes:?}");
    let open = get(store.open_sends(None, 10_000)).iter().filter(|send| send.id.conversation == id).count();
    assert!(open as u64 >= found);
}

#[test]
fn readers_see_every_acknowledged_turn_while_it_is_folded() {
    let folder = tempfile::tempdir().unwrap();
    let store = RedbStore::open(&folder.path().join("store.redb"), busy()).unwrap();
    let acknowledged = [const { AtomicU64::new(0) }; 4];
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let writers: Vec<_> = (0..4)
            .map(|contact| {
                let (store, acknowledged) = (&store, &acknowledged[contact]);
                scope.spawn(move || advance(&**store, contact as u8, acknowledged))
            })
            .collect();
        for contact in 0..2 {
            let (store, acknowledged, done) = (&store, &acknowledged[contact], &done);
            scope.spawn(move || {
                while !done.load(Ordering::SeqCst) {
                    watch(&**store, contact as u8, acknowledged);
                }
            });
        }
        let results: Vec<_> = writers.into_iter().map(thread::ScopedJoinHandle::join).collect();
        done.store(true, Ordering::SeqCst);
        results.into_iter().for_each(|result| result.unwrap());
    });
    assert!(get(store.pending(InboxSeq(0), 10)).is_empty());
    for contact in 0..4 {
        assert_eq!(get(store.load(conversation(1, contact))).unwrap().revision.0, TURNS);
    }
}

#[test]
fn calls_that_wait_together_share_a_commit() {
    let folder = tempfile::tempdir().unwrap();
    let store = RedbStore::open(&folder.path().join("store.redb"), roomy()).unwrap();
    let calls: Vec<_> = (0..500).map(|i| store.append(vec![message(&i.to_string())])).collect();
    let numbers: Vec<_> = calls.into_iter().map(|call| get(call)[0].0).collect();
    assert_eq!(numbers, (1..=500).collect::<Vec<_>>());
    assert!(store.stats().commits < 250, "{:?}", store.stats());
}

#[test]
fn dropped_answers_do_not_undo_the_call() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.redb");
    let store = RedbStore::open(&path, roomy()).unwrap();
    drop(store.append(vec![message("nobody waits")]));
    drop(store);
    let store = RedbStore::open(&path, roomy()).unwrap();
    assert_eq!(sequences(&get(store.pending(InboxSeq(0), 10))), [1]);
}

#[test]
fn unfolded_tail_stays_bounded_without_a_pause() {
    let folder = tempfile::tempdir().unwrap();
    let store = RedbStore::open(&folder.path().join("store.redb"), busy()).unwrap();
    let mut longest = 0;
    for revision in 0..300 {
        let consumed = get(store.append(vec![message("in")]));
        let sends = vec![new_send(revision + 1)];
        get(store.commit(fence(&*store), Turn { consumed, sends, ..turn(conversation(1, 1), revision) }));
        longest = longest.max(store.stats().unfolded);
    }
    // Twice the 60 keys of a memtable, and a turn writes at least four new ones.
    assert!(longest <= 40, "{longest} log rows were not folded");
}

#[test]
fn unfolded_tail_stays_bounded_when_the_same_keys_change_again_and_again() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options { fold_log_bytes: 6_000, ..roomy() };
    let store = RedbStore::open(&folder.path().join("store.redb"), options).unwrap();
    let mut longest = 0;
    for number in 0..60 {
        let value = Bytes::from(format!("{number:01000}"));
        get(store.put_documents(vec![("kind".into(), "key".into(), Some(value))]));
        longest = longest.max(store.stats().unfolded);
    }
    // Twice the bytes, in rows of more than a thousand.
    assert!(longest <= 16, "{longest} log rows were not folded");
}
