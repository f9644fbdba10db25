//! Both engines do the same: random scripts with restarts, constant folding on one side and plain maps on the other.

use std::sync::Arc;

use proptest::collection::vec;
use proptest::prelude::*;
use storage::{LogSeq, Model, Options, RedbStore, Store};
use testkit::Disk;

use crate::kit::{get, roomy, tiny};
use crate::script::{Step, assert_same, content, run};

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (0..4u8, 0..2u8, 0..2u8)
            .prop_map(|(messages, quarantined, notices)| Step::Append { messages, quarantined, notices }),
        3 => (0..6u8, 0..4u8, 0..3u8, 0..3u8, 0..8u8, 0..64u8).prop_map(
            |(who, consume, sends, entries, wake, extras)| Step::Turn { who, consume, sends, entries, wake, extras }
        ),
        3 => (0..6u8, 0..6u8, vec(0..30u8, 0..4)).prop_map(|(who, n, kinds)| Step::Settle { who, n, kinds }),
        1 => (0..4u8, vec(0..4u8, 0..3)).prop_map(|(key, values)| Step::Documents { key, values }),
        1 => (0..6u8, 0..12u8, any::<bool>(), 0..8u8)
            .prop_map(|(who, id, at, limit)| Step::Erase { who, id, at, limit }),
        1 => (proptest::array::uniform4(0..5u8), 0..6u8).prop_map(|(before, limit)| Step::Forget { before, limit }),
        1 => vec(0..8u8, 0..3).prop_map(|ids| Step::Resolve { ids }),
        1 => Just(Step::Reopen),
    ]
}

fn open(disk: &Disk, options: Options) -> Arc<RedbStore> {
    RedbStore::open_on(Box::new(disk.clone()), "test disk", options).unwrap()
}

fn compare(steps: &[Step], options: fn() -> Options) {
    let disk = Disk::default();
    let mut model = Model::new();
    let mut engine = Some(open(&disk, options()));
    for (at, step) in steps.iter().enumerate() {
        if let Step::Reopen = step {
            model = model.reopen();
            engine = None;
        }
        let engine = engine.get_or_insert_with(|| open(&disk, options()));
        let expected = run(&*model, step, at).unwrap();
        assert_eq!(run(&**engine, step, at).unwrap(), expected, "step {at}: {step:?}");
        if at % 8 == 0 {
            assert_same(&content(&**engine), &content(&*model), &format!("after step {at}: {step:?}"));
            assert_same_log(&**engine, &*model);
        }
    }
    let engine = engine.unwrap_or_else(|| open(&disk, options()));
    assert_same(&content(&*engine), &content(&*model), "at the end");
    drop(engine);
    let engine = open(&disk, options());
    assert_same(&content(&*engine), &content(&*model), "after a restart");
    assert_same_log(&*engine, &*model);
}

/// An engine keeps less of the log than the model, and tells how much; what it keeps is the same.
fn assert_same_log(engine: &dyn Store, model: &dyn Store) {
    // In one page: between two the engine may let go of rows.
    let page = get(engine.log(LogSeq(0), 1_000));
    let same = get(model.log(LogSeq(page.oldest.0 - 1), 1_000));
    assert_eq!((page.newest, page.rows), (same.newest, same.rows));
}

/// Folds with every commit, but never more than the least slice.
fn busy() -> Options {
    Options { fold_rows: 40, fold_bytes: 4_000, ..tiny() }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn engine_that_folds_all_the_time_equals_the_model(steps in vec(any_step(), 1..60)) {
        compare(&steps, tiny);
    }

    #[test]
    fn engine_that_folds_now_and_then_equals_the_model(steps in vec(any_step(), 1..100)) {
        compare(&steps, busy);
    }

    #[test]
    fn engine_that_never_folds_equals_the_model(steps in vec(any_step(), 1..60)) {
        compare(&steps, roomy);
    }
}
