//! What a disk must not do and some do: forgetting what it said it had synced, and changing bytes that lie still.

use std::panic::{AssertUnwindSafe, catch_unwind};

use storage::{OpenError, RedbStore, check_on};
use testkit::{Disk, Loss, SplitMix};

use crate::crash::expectations;
use crate::kit::tiny;
use crate::script::{content, run, script};

/// Bytes that are flipped, one at a time.
const FLIPS: usize = 400;

/// What a store says of itself after damage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    /// It did not open, or a read was refused.
    Refused,
    /// The content after so many steps.
    After(usize),
    /// What never was.
    Mixed,
}

/// Opens the bytes and reads all there is.
fn look(bytes: Vec<u8>, expected: &[String]) -> Found {
    let disk = Disk::holding(bytes);
    let Ok(store) = RedbStore::open_on(Box::new(disk), "damaged", tiny()) else { return Found::Refused };
    // A read that is refused is a panic of the test's helpers.
    match catch_unwind(AssertUnwindSafe(|| content(&*store))) {
        Err(_) => Found::Refused,
        Ok(content) => expected.iter().rposition(|known| *known == content).map_or(Found::Mixed, Found::After),
    }
}

/// Of seven syncs six are only said to be done, and the power goes at any call. Hands on what is left.
fn forget(seed: u64, mut left: impl FnMut(Loss, Vec<u8>, &[String], &str)) {
    let steps = script(seed, 60);
    let expected = expectations(&steps);
    let disk = Disk::default();
    let store = RedbStore::open_on(Box::new(disk.clone()), "forgetful", tiny()).unwrap();
    disk.honour_syncs(7);
    disk.take_images(23);
    for (at, step) in steps.iter().enumerate() {
        run(&*store, step, at).unwrap();
        disk.acknowledge(at + 1);
    }
    drop(store);
    let mut random = SplitMix(seed);
    for (number, image) in disk.images().iter().enumerate() {
        let loss = Loss::EACH[number % Loss::EACH.len()];
        let about = format!("seed {seed}, image {number}, {loss:?}, {} acknowledged", image.acknowledged);
        left(loss, image.after(loss, &mut random), &expected, &about);
    }
}

fn is_damaged(bytes: Vec<u8>) -> bool {
    matches!(check_on(Disk::holding(bytes), "damaged"), Err(OpenError::Damaged { .. }))
}

#[test]
fn f04_a_drive_that_forgets_what_it_said_it_synced_is_older_or_found_by_a_check() {
    let (mut older, mut refused, mut found) = (0, 0, 0);
    for seed in 41..45 {
        forget(seed, |loss, bytes, expected, about| {
            // What it forgets out of order may be anything, as long as it is not believed.
            let in_order = !matches!(loss, Loss::Some | Loss::Torn);
            match look(bytes.clone(), expected) {
                Found::After(_) => older += 1,
                Found::Refused if !in_order => refused += 1,
                Found::Mixed if !in_order && is_damaged(bytes) => found += 1,
                found => panic!("{about}: {found:?}"),
            }
        });
    }
    println!("{older} as they were at some time, {refused} refused, {found} found by the check only");
    assert!(older > refused + found && refused > 0, "nothing was forgotten");
}

#[test]
fn f07_a_flipped_byte_is_refused_or_harmless_or_found_by_a_check() {
    let steps = script(51, 120);
    let expected = expectations(&steps);
    let disk = Disk::default();
    let store = RedbStore::open_on(Box::new(disk.clone()), "still", tiny()).unwrap();
    for (at, step) in steps.iter().enumerate() {
        run(&*store, step, at).unwrap();
    }
    drop(store);
    let whole = disk.durable();
    let sound = check_on(Disk::holding(whole.clone()), "still").unwrap();
    assert!(sound.rows > 100 && sound.bytes == whole.len() as u64, "{sound:?}");
    let mut random = SplitMix(51);
    let (mut harmless, mut refused, mut found) = (0, 0, 0);
    for number in 0..FLIPS {
        let at = random.below(whole.len() as u64) as usize;
        let mut bytes = whole.clone();
        bytes[at] ^= 1 << random.below(8);
        match look(bytes.clone(), &expected[steps.len()..]) {
            Found::After(_) => harmless += 1,
            Found::Refused => refused += 1,
            Found::Mixed if is_damaged(bytes) => found += 1,
            Found::Mixed => panic!("flip {number}, byte {at}: read as it is, and the check finds nothing"),
        }
    }
    println!("{FLIPS} flips: {harmless} harmless, {refused} refused, {found} found by the check only");
    assert!(refused > 0 && found > 0, "nothing was damaged");
}
