//! The n-th call to the disk fails, for every n: nothing is acknowledged after it, and nothing acknowledged is lost.

use storage::{Health, OpenError, RedbStore, Store, StoreError};
use testkit::{Disk, Fault};

use crate::crash::{check, expectations};
use crate::kit::{get, message, roomy, tiny, wait};
use crate::script::{Step, run, script};

/// Runs a script on a failing disk. Answers whether the fault fired.
fn survive(steps: &[Step], expected: &[String], fault: Fault) -> bool {
    let disk = Disk::default();
    disk.fail(fault);
    let store = match RedbStore::open_on(Box::new(disk.clone()), "failing", tiny()) {
        Ok(store) => store,
        Err(error) => {
            assert!(disk.fault_fired(), "{error}");
            assert!(matches!(error, OpenError::Io { .. } | OpenError::Damaged { .. }), "{fault:?}: {error}");
            return true;
        }
    };
    let mut acknowledged = 0;
    let mut failed = false;
    for (at, step) in steps.iter().enumerate() {
        let fired = disk.fault_fired();
        match run(&*store, step, at) {
            Ok(_) => {
                let changed = expected[at] != expected[at + 1];
                assert!(!fired || !changed, "{fault:?}: step {at} was acknowledged after the failure: {step:?}");
                acknowledged = at + 1;
            }
            Err(StoreError::Unknown(_) | StoreError::Unavailable(_)) if disk.fault_fired() => failed = true,
            Err(error) => panic!("{fault:?}: step {at}: {error}"),
        }
        if failed {
            break;
        }
    }
    if failed {
        // A read may have failed; a write finds out.
        let refused = wait(store.append(vec![message("late")])).unwrap_err();
        assert!(matches!(refused, StoreError::Unknown(_) | StoreError::Unavailable(_)), "{refused}");
        let health = store.health().borrow().clone();
        assert!(matches!(&health, Health::Failed(why) if why.contains("cannot write failing")), "{health:?}");
    }
    drop(store);
    disk.fail(Fault::Never);
    check(disk.live(), acknowledged, expected, &format!("{fault:?}, live"));
    check(disk.durable(), acknowledged, expected, &format!("{fault:?}, durable"));
    disk.fault_fired()
}

fn survive_all(fault: fn(u64) -> Fault) {
    let steps = script(5, 40);
    let expected = expectations(&steps);
    let mut runs = 0;
    for n in 1.. {
        runs += 1;
        if !survive(&steps, &expected, fault(n)) {
            break;
        }
    }
    assert!(runs > 300, "only {runs} runs");
}

#[test]
fn one_failing_call_ends_all_acknowledgements() {
    survive_all(Fault::Once);
}

#[test]
fn disk_that_stays_broken_ends_all_acknowledgements() {
    survive_all(Fault::From);
}

#[test]
fn failed_commit_is_unknown_and_the_rest_unavailable() {
    let disk = Disk::default();
    let store = RedbStore::open_on(Box::new(disk.clone()), "data/store.redb", roomy()).unwrap();
    get(store.append(vec![message("a")]));
    disk.fail(Fault::From(0));
    let why: Box<str> = "cannot write data/store.redb: Input/output error (os error 5)".into();
    assert_eq!(wait(store.append(vec![message("b")])), Err(StoreError::Unknown(why.clone())));
    assert_eq!(*store.health().borrow(), Health::Failed(why.clone()));
    assert_eq!(wait(store.append(vec![message("c")])), Err(StoreError::Unavailable(why.clone())));
    assert_eq!(wait(store.put_document("a", "b", None)), Err(StoreError::Unavailable(why)));
    get(store.close());
}
