//! Dead letters that are resolved.

use bytes::Bytes;
use storage::{Horizons, NewDeadLetter, Revision, Store, StoreError, Turn};

use crate::kit::*;

fn letter(reason: &str) -> NewDeadLetter {
    NewDeadLetter { inbox: None, send: None, reason: reason.into(), payload: Bytes::from_static(b"x") }
}

/// Letters 1 to `count`, given up at 1,000, 1,001, ….
fn with_letters(store: &dyn Store, count: u64) {
    for revision in 0..count {
        let dead_letters = vec![letter("panic")];
        get(store.commit(fence(store), Turn { dead_letters, ..turn(conversation(1, 1), revision) }));
    }
}

fn open(store: &dyn Store) -> Vec<u64> {
    all(2, |page| store.dead_letters(page)).iter().map(|letter| letter.id).collect()
}

fn resolved(store: &dyn Store) -> Vec<(u64, Bytes)> {
    let letters = all(2, |page| store.resolved_letters(page));
    letters.into_iter().map(|letter| (letter.id, letter.resolution.unwrap_or_default())).collect()
}

const WHY: Bytes = Bytes::from_static(b"why");

pub(crate) fn resolved_letters_leave_the_list_of_the_open_ones(engine: &mut dyn Engine) {
    with_letters(&*engine.store(), 4);
    let answer = get(engine.store().resolve_letters(vec![(3, WHY), (9, WHY), (1, WHY), (1, Bytes::new())]));
    assert_eq!(answer, [true, false, true, false]);
    for _ in 0..2 {
        let store = engine.store();
        assert_eq!((open(&*store), resolved(&*store)), (vec![4, 2], vec![(3, WHY), (1, WHY)]));
        let letters = get(store.letters(vec![1, 9, 2]));
        let [Some(first), None, Some(second)] = &letters[..] else { panic!("{letters:?}") };
        assert_eq!((first.id, &first.resolution, &*first.payload), (1, &Some(WHY), &b"x"[..]));
        assert_eq!((second.id, &second.resolution), (2, &None));
        drop(store);
        engine.reopen();
    }
}

pub(crate) fn letter_is_resolved_once(engine: &mut dyn Engine) {
    let store = engine.store();
    with_letters(&*store, 1);
    assert_eq!(get(store.resolve_letters(vec![(1, WHY)])), [true]);
    assert_eq!(get(store.resolve_letters(vec![(1, Bytes::new())])), [false]);
    assert_eq!(resolved(&*store), [(1, WHY)]);
    assert_eq!(get(store.resolve_letters(Vec::new())), Vec::<bool>::new());
}

pub(crate) fn turn_resolves_letters_with_its_commit(engine: &mut dyn Engine) {
    let store = engine.store();
    with_letters(&*store, 2);
    let resolving = |expected| Turn { resolved: vec![(2, WHY)], ..turn(conversation(2, 2), expected) };
    wait(store.commit(fence(&*store), resolving(5))).unwrap_err();
    assert_eq!(open(&*store), [2, 1], "a refused turn resolves nothing");
    get(store.commit(fence(&*store), resolving(0)));
    assert_eq!((open(&*store), resolved(&*store)), (vec![1], vec![(2, WHY)]));
}

pub(crate) fn turn_that_resolves_a_letter_which_is_not_open_does_not_happen(engine: &mut dyn Engine) {
    let store = engine.store();
    with_letters(&*store, 3);
    get(store.resolve_letters(vec![(2, WHY)]));
    for resolved in [vec![(1, WHY), (2, WHY)], vec![(7, WHY)], vec![(3, WHY), (3, WHY)]] {
        let turn = Turn { resolved, dead_letters: vec![letter("later")], ..turn(conversation(2, 2), 0) };
        let refused = wait(store.commit(fence(&*store), turn)).unwrap_err();
        assert!(matches!(refused, StoreError::Conflict { actual: Revision(0) }), "{refused:?}");
    }
    assert_eq!((open(&*store), resolved(&*store)), (vec![3, 1], vec![(2, WHY)]));
    assert!(get(store.load(conversation(2, 2))).is_none());
}

pub(crate) fn numbers_of_resolved_letters_are_not_given_out_again(engine: &mut dyn Engine) {
    with_letters(&*engine.store(), 2);
    get(engine.store().resolve_letters(vec![(2, WHY)]));
    for _ in 0..3 {
        engine.reopen();
    }
    let store = engine.store();
    get(store.commit(fence(&*store), Turn { dead_letters: vec![letter("later")], ..turn(conversation(2, 2), 0) }));
    assert_eq!(open(&*store), [3, 1]);
}

pub(crate) fn resolved_letters_are_forgotten_by_when_they_were_given_up(engine: &mut dyn Engine) {
    let store = engine.store();
    with_letters(&*store, 4);
    get(store.resolve_letters(vec![(1, WHY), (3, WHY)]));
    let before = Horizons { dead_letters_ms: Some(1_002), ..Horizons::default() };
    assert_eq!(get(store.forget(before, 100)), 2);
    drop(store);
    engine.reopen();
    let store = engine.store();
    assert_eq!((open(&*store), resolved(&*store)), (vec![4], vec![(3, WHY)]));
    assert_eq!(get(store.letters(vec![1, 2])), [None, None]);
}
