//! Seeded lives of the engine: people write and fill in forms, Graph misbehaves, statuses come late or never, staff take over, time jumps,
//! and the process ends at any call of the store, or of the disk below it. Whatever the seed, what was acknowledged is
//! there, nothing counts twice, order holds, and in the end nothing is left over.
//!
//! Odd seeds live over the model, even ones over the redb engine on a simulated disk. `PARLANCE_SEEDS=5000` runs so many,
//! `PARLANCE_SEED=17` begins with that one: a seed that failed fails again.

mod books;
mod content;
mod forms;
mod ground;
mod life;
mod meta;
mod phone;
mod plan;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};

use books::{Books, Sum};
use life::Run;
use parking_lot::Mutex;

/// How many, unless the environment says otherwise: about three and a half minutes of two cores.
const SEEDS: u64 = 2_500;
/// Seeds that run twice: of so many one over the model and one on a disk.
const TWICE: u64 = 100;

fn of_env(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).map_or(otherwise, |text| text.parse().unwrap_or_else(|_| panic!("{name} is a number: {text}")))
}

/// Lives through a seed, and through some of them twice. Answers what came of it.
fn live_through(seed: u64) -> Books {
    let books = Run::new(seed).finish();
    let wrong = books.check();
    assert!(wrong.is_empty(), "{}\n\n{}", wrong.join("\n"), books.story());
    if seed % TWICE < 2 {
        assert_eq!(Run::new(seed).finish().story(), books.story(), "it is another run each time");
    }
    books
}

/// Lives through seeds until there are none left, or one fails.
fn live_on(next: &AtomicU64, end: u64, sum: &Mutex<Sum>) {
    loop {
        let seed = next.fetch_add(1, Ordering::Relaxed);
        if seed >= end {
            return;
        }
        let lived = catch_unwind(AssertUnwindSafe(|| live_through(seed)));
        let books = lived.unwrap_or_else(|_said| {
            next.store(end, Ordering::Relaxed);
            let command = "cargo test --locked -p actors --test it seeds:: -- --nocapture";
            panic!("seed {seed} failed, see above. The same again: PARLANCE_SEED={seed} PARLANCE_SEEDS=1 {command}");
        });
        sum.lock().add(&books);
    }
}

#[test]
fn no_seed_loses_doubles_or_leaves_anything() {
    let (first, seeds) = (of_env("PARLANCE_SEED", 1), of_env("PARLANCE_SEEDS", SEEDS));
    let (next, sum) = (AtomicU64::new(first), Mutex::new(Sum::default()));
    std::thread::scope(|scope| {
        // A seed on a disk waits for the threads of its store half of its time.
        for _ in 0..2 * std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| live_on(&next, first + seeds, &sum));
        }
    });
    let sum = sum.into_inner();
    println!("figures: {sum}");
    assert!(seeds < SEEDS || sum.is_rich(), "hardly anything happened: {sum}");
}
