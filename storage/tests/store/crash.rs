//! Power loss at any moment: the store opens, and holds what was acknowledged or one commit more, never a mix.

use storage::{Model, Options, RedbStore, Store};
use testkit::{Disk, Loss, SplitMix};

use crate::kit::{Engine, get, message, tiny};
use crate::script::{Step, assert_same, content, run, script};

/// How many images of a crash are looked at, unless the environment says otherwise.
const IMAGES: u64 = 1_000;
const COMMAND: &str = "cargo test --locked -p storage --test store crash::power_loss";

/// The content after none, one, two … steps.
pub(crate) fn expectations(steps: &[Step]) -> Vec<String> {
    let model = Model::new();
    let mut contents = vec![content(&*model)];
    for (at, step) in steps.iter().enumerate() {
        run(&*model, step, at).unwrap();
        contents.push(content(&*model));
    }
    contents
}

/// Fails unless the bytes open as the content after `acknowledged` steps or one more, and can be written to.
pub(crate) fn check(bytes: Vec<u8>, acknowledged: usize, expected: &[String], about: &str) {
    let disk = Disk::holding(bytes);
    let open = || RedbStore::open_on(Box::new(disk.clone()), "image", tiny());
    let store = open().unwrap_or_else(|error| panic!("{about}: {error}"));
    let found = content(&*store);
    let one_more = expected.get(acknowledged + 1).unwrap_or(&expected[acknowledged]);
    if found != *one_more {
        assert_same(&found, &expected[acknowledged], &format!("{about}, {acknowledged} acknowledged"));
    }
    let before = *store.appended().borrow();
    let numbers = get(store.append(vec![message("after the crash")]));
    assert_eq!(numbers[0].0, before.0 + 1, "{about}");
    drop(store);
    let rows = get(open().unwrap().inbox(numbers));
    assert_eq!(rows.len(), 1, "{about}");
}

fn crash(seed: u64, options: Options) -> u64 {
    let steps = script(seed, 60);
    let expected = expectations(&steps);
    let disk = Disk::default();
    let store = RedbStore::open_on(Box::new(disk.clone()), "crashing", options).unwrap();
    disk.take_images(11);
    for (at, step) in steps.iter().enumerate() {
        run(&*store, step, at).unwrap();
        disk.acknowledge(at + 1);
    }
    drop(store);
    let mut random = SplitMix(seed);
    let images = disk.images();
    for (number, image) in images.iter().enumerate() {
        let loss = Loss::EACH[number % Loss::EACH.len()];
        let about =
            format!("image {number}, {loss:?}; the same again: PARLANCE_SEED={seed} PARLANCE_CRASH_IMAGES=1 {COMMAND}");
        check(image.after(loss, &mut random), image.acknowledged, &expected, &about);
    }
    images.len() as u64
}

/// Crashes with one seed after the other until there were enough images: `PARLANCE_CRASH_IMAGES` says how many, and
/// `PARLANCE_SEED` with which to begin. Answers how many there were.
fn crash_often(first: u64, options: fn() -> Options) -> u64 {
    let of_env = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().expect("a number"));
    let wanted = of_env("PARLANCE_CRASH_IMAGES").unwrap_or(IMAGES);
    let mut images = 0;
    for seed in (of_env("PARLANCE_SEED").unwrap_or(first)..).step_by(2) {
        images += crash(seed, options());
        if images >= wanted {
            break;
        }
    }
    images
}

#[test]
fn power_loss_at_any_call_keeps_everything_acknowledged() {
    let images = crash_often(1, tiny);
    println!("figures: images {images}");
}

#[test]
fn power_loss_between_slow_folds_keeps_everything_acknowledged() {
    let images = crash_often(2, || Options { fold_rows: 60, fold_bytes: 6_000, ..tiny() });
    println!("figures: images {images}");
}

#[test]
fn crash_while_opening_after_a_crash_is_no_worse() {
    let steps = script(21, 40);
    let expected = expectations(&steps);
    let disk = Disk::default();
    let store = RedbStore::open_on(Box::new(disk.clone()), "first", tiny()).unwrap();
    for (at, step) in steps.iter().enumerate() {
        run(&*store, step, at).unwrap();
    }
    let left_behind = disk.durable();
    drop(store);
    let second = Disk::holding(left_behind);
    second.take_images(1);
    drop(RedbStore::open_on(Box::new(second.clone()), "second", tiny()).unwrap());
    let mut random = SplitMix(21);
    for (number, image) in second.images().iter().enumerate() {
        let loss = Loss::EACH[number % Loss::EACH.len()];
        check(image.after(loss, &mut random), steps.len(), &expected, &format!("image {number}, {loss:?}"));
    }
}

#[test]
fn dropped_store_opens_with_everything() {
    let mut engine = crate::kit::OnDisk::new(tiny);
    let steps = script(31, 60);
    for (at, step) in steps.iter().enumerate() {
        run(&*engine.store(), step, at).unwrap();
    }
    engine.reopen();
    assert_same(&content(&*engine.store()), &expectations(&steps)[steps.len()], "reopened");
}
