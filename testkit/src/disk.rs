//! A disk in memory that loses what was not synced, tears what was being written, and fails on demand.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;
use redb::StorageBackend;

use crate::SplitMix;

/// What is written whole or not at all.
const SECTOR: usize = 512;

/// A handle to the disk: redb gets one, the test keeps another.
#[derive(Clone, Debug, Default)]
pub struct Disk(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    platter: Mutex<Platter>,
    /// Steps of the script that were acknowledged; images are labelled with it.
    acknowledged: AtomicUsize,
}

#[derive(Debug, Default)]
struct Platter {
    live: Vec<u8>,
    durable: Vec<u8>,
    unsynced: Vec<Change>,
    calls: u64,
    fault: Fault,
    fault_fired: bool,
    /// Of so many syncs one is done.
    honours: u64,
    syncs: u64,
    every: u64,
    images: Vec<Image>,
    told: DefaultHasher,
}

/// When calls fail.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fault {
    /// They do not.
    #[default]
    Never,
    /// Only the n-th.
    Once(u64),
    /// The n-th and all after it.
    From(u64),
}

#[derive(Clone, Debug, Hash)]
enum Change {
    Length(usize),
    Bytes(usize, Vec<u8>),
}

/// What a disk held and was being told when the power went.
#[derive(Clone, Debug)]
pub struct Image {
    durable: Vec<u8>,
    unsynced: Vec<Change>,
    /// What [`Disk::acknowledge`] had said.
    pub acknowledged: usize,
}

/// What becomes of unsynced sectors.
#[derive(Clone, Copy, Debug)]
pub enum Loss {
    /// They are gone.
    All,
    /// They are there: only the process ended.
    None,
    /// Everything after some moment.
    Suffix,
    /// Any of them.
    Some,
    /// Any of them, and one in the middle of a sector.
    Torn,
}

impl Loss {
    /// Each of them.
    pub const EACH: [Loss; 5] = [Loss::All, Loss::None, Loss::Suffix, Loss::Some, Loss::Torn];
}

impl Disk {
    /// A disk that starts with these bytes.
    pub fn holding(bytes: Vec<u8>) -> Self {
        let disk = Self::default();
        {
            let mut platter = disk.0.platter.lock();
            platter.live.clone_from(&bytes);
            platter.durable = bytes;
        }
        disk
    }

    /// Takes an image at every so many calls.
    pub fn take_images(&self, every: u64) {
        self.0.platter.lock().every = every;
    }

    /// From now on only every so many-th sync is done; the others are only said to be.
    pub fn honour_syncs(&self, every: u64) {
        self.0.platter.lock().honours = every;
    }

    /// Those that were taken since this was asked last.
    pub fn images(&self) -> Vec<Image> {
        std::mem::take(&mut self.0.platter.lock().images)
    }

    /// As it is now. After a failure for good that is as it was when the first call failed.
    pub fn image(&self) -> Image {
        let acknowledged = self.0.acknowledged.load(Ordering::SeqCst);
        self.0.platter.lock().image(acknowledged)
    }

    /// Calls fail from now on, counted since the disk was made.
    pub fn fail(&self, fault: Fault) {
        self.0.platter.lock().fault = fault;
    }

    /// How many calls there were.
    pub fn calls(&self) -> u64 {
        self.0.platter.lock().calls
    }

    /// Whether a call has failed.
    pub fn fault_fired(&self) -> bool {
        self.0.platter.lock().fault_fired
    }

    /// Stands on images that are taken from now on.
    pub fn acknowledge(&self, steps: usize) {
        self.0.acknowledged.store(steps, Ordering::SeqCst);
    }

    /// What a new process finds when only the process ended.
    pub fn live(&self) -> Vec<u8> {
        self.0.platter.lock().live.clone()
    }

    /// What is left when everything unsynced is lost.
    pub fn durable(&self) -> Vec<u8> {
        self.0.platter.lock().durable.clone()
    }

    /// Stands for all that was changed on it, in order: two disks with the same one were told the same.
    pub fn digest(&self) -> u64 {
        self.0.platter.lock().told.finish()
    }

    fn call<T>(&self, act: impl FnOnce(&mut Platter) -> io::Result<T>) -> io::Result<T> {
        let acknowledged = self.0.acknowledged.load(Ordering::SeqCst);
        let mut platter = self.0.platter.lock();
        platter.calls += 1;
        let fails = match platter.fault {
            Fault::Never => false,
            Fault::Once(n) => platter.calls == n,
            Fault::From(n) => platter.calls >= n,
        };
        if fails {
            platter.fault_fired = true;
            return Err(io::Error::from_raw_os_error(5));
        }
        let answer = act(&mut platter);
        if platter.every > 0 && platter.calls.is_multiple_of(platter.every) {
            let image = platter.image(acknowledged);
            platter.images.push(image);
        }
        answer
    }
}

impl Platter {
    fn image(&self, acknowledged: usize) -> Image {
        Image { durable: self.durable.clone(), unsynced: self.unsynced.clone(), acknowledged }
    }

    fn change(&mut self, change: Change) {
        change.hash(&mut self.told);
        apply(&mut self.live, &change);
        self.unsynced.push(change);
    }

    fn sync(&mut self) {
        self.unsynced.len().hash(&mut self.told);
        let durable = &mut self.durable;
        self.unsynced.drain(..).for_each(|change| apply(durable, &change));
    }
}

impl Image {
    /// The disk after the power came back.
    pub fn after(&self, loss: Loss, random: &mut SplitMix) -> Vec<u8> {
        let mut disk = self.durable.clone();
        let mut sectors: Vec<Change> = self.unsynced.iter().flat_map(sectors).collect();
        match loss {
            Loss::All => sectors.clear(),
            Loss::None => {}
            Loss::Suffix => sectors.truncate(random.below(sectors.len() as u64 + 1) as usize),
            Loss::Some | Loss::Torn => sectors.retain(|_| random.below(2) == 0),
        }
        if let (Loss::Torn, Some(Change::Bytes(_, bytes))) = (loss, sectors.last_mut()) {
            bytes.truncate(random.below(bytes.len() as u64) as usize);
        }
        sectors.iter().for_each(|change| apply(&mut disk, change));
        disk
    }
}

fn sectors(change: &Change) -> Vec<Change> {
    match change {
        Change::Length(_) => vec![change.clone()],
        Change::Bytes(at, bytes) => {
            let parts = bytes.chunks(SECTOR).enumerate();
            parts.map(|(i, part)| Change::Bytes(at + i * SECTOR, part.to_vec())).collect()
        }
    }
}

fn apply(disk: &mut Vec<u8>, change: &Change) {
    match change {
        Change::Length(length) => disk.resize(*length, 0),
        Change::Bytes(at, bytes) => {
            let end = at + bytes.len();
            if disk.len() < end {
                disk.resize(end, 0);
            }
            disk[*at..end].copy_from_slice(bytes);
        }
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.platter.lock().live.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.call(|platter| {
            let from = offset as usize;
            let bytes = platter.live.get(from..from + out.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
            out.copy_from_slice(bytes);
            Ok(())
        })
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        self.call(|platter| {
            platter.change(Change::Length(length as usize));
            Ok(())
        })
    }

    fn sync_data(&self) -> io::Result<()> {
        self.call(|platter| {
            platter.syncs += 1;
            if platter.honours == 0 || platter.syncs.is_multiple_of(platter.honours) {
                platter.sync();
            }
            Ok(())
        })
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.call(|platter| {
            platter.change(Change::Bytes(offset as usize, data.to_vec()));
            Ok(())
        })
    }
}
