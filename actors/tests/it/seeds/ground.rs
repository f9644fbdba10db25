//! What lives stand on: a store in memory that outlives them, or one on a simulated disk, with what a crash leaves of it.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use storage::{Model, Options, RedbStore, Store};
use testkit::{Disk, Fault, Loss};

use super::content::{assert_same, content};
use crate::support::{Again, Flaky, Fuse, Shadow, SplitMix};

/// A process writes so often at the most before it ends within its store.
const WRITES: u64 = 150;
/// The same in calls of the disk, of which a write needs about ten.
const CALLS: u64 = 1_500;
/// About so many calls open a store.
const CALLS_OF_OPENING: u64 = 60;
const NEVER: Duration = Duration::from_secs(1 << 20);
/// Keys and bytes at which a fold starts, rows and bytes of the log that stay, bytes of the inbox in memory: all the
/// time, now and then, hardly ever.
const BOUNDS: [(usize, usize, u64, u64, usize); 3] =
    [(6, 600, 40, 12_000, 400), (60, 30_000, 100, 100_000, 4_000), (5_000, 4 << 20, 1_000, 1 << 20, 1 << 20)];

pub(super) enum Ground {
    Memory(Arc<Model>),
    Disk(OnDisk),
}

/// A disk between two lives, and what has to be on it.
pub(super) struct OnDisk {
    bytes: Vec<u8>,
    model: Arc<Model>,
    /// The call in which the last process ended: it may have happened.
    unanswered: Option<Box<Again>>,
    open: Option<(Arc<Shadow>, Arc<RedbStore>)>,
    crashes: Crashes,
}

/// What a disk went through.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Crashes {
    /// Each stands for all that was written in a life.
    digests: Vec<u64>,
    /// What was left when the power went or the process was killed, and in how many of them the store had been closed.
    pub images: usize,
    pub closed: usize,
}

impl Ground {
    pub(super) fn of(seed: u64) -> Self {
        match seed.is_multiple_of(2) {
            true => Self::Disk(OnDisk {
                bytes: Vec::new(),
                model: Model::new(),
                unanswered: None,
                open: None,
                crashes: Crashes::default(),
            }),
            false => Self::Memory(Model::new()),
        }
    }

    /// Opens the store for another life, which may end in any call of it if it is mortal. It may end here already.
    pub(super) fn open(&mut self, random: &mut SplitMix, is_mortal: bool) -> Option<Arc<Flaky>> {
        let is_mortal = is_mortal && random.chance(60);
        match self {
            Self::Memory(model) => {
                let writes = if is_mortal { 1 + random.below(WRITES) } else { u64::MAX };
                Some(Flaky::with_fuse(model.clone(), Fuse { writes, last_is_kept: random.chance(50) }))
            }
            Self::Disk(disk) => disk.open(random, is_mortal),
        }
    }

    /// The process has ended, and with it all that had the store.
    pub(super) fn leave(&mut self, random: &mut SplitMix) {
        match self {
            Self::Memory(model) => *model = model.reopen(),
            Self::Disk(disk) => disk.leave(random),
        }
    }

    pub(super) fn crashes(&self) -> Crashes {
        match self {
            Self::Memory(_) => Crashes::default(),
            Self::Disk(disk) => disk.crashes.clone(),
        }
    }
}

impl OnDisk {
    fn open(&mut self, random: &mut SplitMix, is_mortal: bool) -> Option<Arc<Flaky>> {
        // A new store gets its name when it is there: nothing is lost with one that is not.
        let is_new = self.bytes.is_empty();
        let disk = Disk::holding(std::mem::take(&mut self.bytes));
        if is_mortal && !is_new && random.chance(20) {
            disk.fail(Fault::From(1 + random.below(CALLS_OF_OPENING)));
        }
        let opened = RedbStore::open_on(Box::new(disk.clone()), "the disk", options(random, self.model.secret()));
        let store = match opened {
            Ok(store) if !disk.fault_fired() => store,
            Err(error) if !disk.fault_fired() => panic!("crash image {}: {error}", self.crashes.images),
            _ended => {
                self.crash(&disk, random);
                return None;
            }
        };
        disk.fail(Fault::Never);
        self.check(&*store);
        if is_mortal {
            disk.fail(Fault::From(disk.calls() + 1 + random.below(CALLS)));
        }
        let shadow = Shadow::new(self.model.clone(), disk);
        self.open = Some((shadow.clone(), store.clone()));
        Some(Flaky::beside(shadow, store))
    }

    /// All that was acknowledged is there, and at the most the call that was not answered besides.
    fn check(&mut self, store: &dyn Store) {
        let found = content(store);
        let unanswered = self.unanswered.take();
        if found == content(&*self.model) {
            return;
        }
        if let Some(call) = unanswered {
            call(&self.model);
        }
        assert_same(&found, &content(&*self.model));
    }

    fn leave(&mut self, random: &mut SplitMix) {
        let Some((shadow, store)) = self.open.take() else { return };
        self.unanswered = shadow.unanswered();
        let closes = !shadow.disk.fault_fired() && random.chance(30);
        let store = Arc::into_inner(store).expect("nothing outlives its process");
        if closes {
            drop(store);
            self.crashes.closed += 1;
            self.crash(&shadow.disk, random);
        } else {
            self.crash(&shadow.disk, random);
            drop(store);
        }
        self.model = self.model.reopen();
    }

    /// The process was killed and what it has written is there, or the power went.
    fn crash(&mut self, disk: &Disk, random: &mut SplitMix) {
        let loss = if random.chance(25) { Loss::None } else { Loss::EACH[random.below(5) as usize] };
        disk.fail(Fault::From(0));
        self.crashes.images += 1;
        self.crashes.digests.push(disk.digest());
        self.bytes = disk.image().after(loss, random);
    }
}

/// Nothing happens by itself: what is folded goes along with what is written. Ids of people are those of the model.
fn options(random: &mut SplitMix, secret: [u8; 16]) -> Options {
    let (fold_rows, fold_bytes, log_rows, log_bytes, inbox_bytes) = BOUNDS[random.below(3) as usize];
    let entropy = Mutex::new(SplitMix(random.next()));
    Options {
        fold_rows,
        fold_bytes,
        log_rows,
        log_bytes,
        inbox_bytes,
        fold_after: NEVER,
        fold_pause: NEVER,
        min_free_bytes: 0,
        cache_bytes: 1 << 20,
        entropy: Some(Box::new(move |bytes| {
            match bytes.len() == secret.len() {
                true => bytes.copy_from_slice(&secret),
                false => entropy.lock().fill(bytes),
            }
            Ok(())
        })),
        ..Options::default()
    }
}
