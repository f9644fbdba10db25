//! The places of a port: so many connections at once. When none is free and somebody new comes, whoever says nothing makes
//! room: first of those who never asked anything, then of all, who has been silent for longest. Whoever asks, is being
//! answered, or has only just come keeps their place.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

const SILENT: u8 = 0;
const HEAD: u8 = 1;
const REQUEST: u8 = 2;
const LEAVING: u8 = 3;

/// Where nobody is silent, somebody may be soon.
const ROOM_PAUSE: Duration = Duration::from_millis(50);
/// Who has just come has so long to say something, or newcomers would send each other away.
const WELCOME: Duration = Duration::from_millis(250);

/// Where a connection stands; told by the service and the socket.
#[derive(Debug)]
pub(super) struct Phase {
    state: AtomicU8,
    begun: Instant,
    /// Milliseconds from its beginning to its last answer, or the last bytes of one; 0 until there is one.
    heard_ms: AtomicU64,
    /// The peer has not taken all of an answer.
    writing: AtomicBool,
    leave: Notify,
}

impl Phase {
    fn new() -> Self {
        Self {
            state: AtomicU8::new(SILENT),
            begun: Instant::now(),
            heard_ms: AtomicU64::new(0),
            writing: AtomicBool::new(false),
            leave: Notify::new(),
        }
    }

    /// Bytes came: if it was silent, even if it was to leave, a head begins. Answers whether one did.
    pub(super) fn speaks(&self) -> bool {
        let head = |state| matches!(state, SILENT | LEAVING).then_some(HEAD);
        self.state.fetch_update(Ordering::AcqRel, Ordering::Acquire, head).is_ok()
    }

    pub(super) fn is_in_head(&self) -> bool {
        self.state.load(Ordering::Acquire) == HEAD
    }

    pub(super) fn head_is_read(&self) {
        self.state.store(REQUEST, Ordering::Release);
    }

    /// All of the answer was made.
    pub(super) fn answered(&self) {
        self.heard_ms.store(self.begun.elapsed().as_millis().max(1) as u64, Ordering::Relaxed);
        self.state.store(SILENT, Ordering::Release);
    }

    /// Some of an answer left, or could not.
    pub(super) fn hears(&self, all: bool) {
        self.writing.store(!all, Ordering::Release);
        self.heard_ms.store(self.begun.elapsed().as_millis().max(1) as u64, Ordering::Relaxed);
    }

    /// Until it has to make room.
    pub(super) async fn must_leave(&self) {
        loop {
            self.leave.notified().await;
            // It may have begun to speak since.
            if self.state.load(Ordering::Acquire) == LEAVING {
                return;
            }
        }
    }

    /// Whether it ever got an answer, and since when it has been silent.
    fn silent_since(&self) -> Option<(bool, Instant)> {
        let heard_ms = self.heard_ms.load(Ordering::Relaxed);
        let silent = self.state.load(Ordering::Acquire) == SILENT && !self.writing.load(Ordering::Acquire);
        let welcome = heard_ms == 0 && self.begun.elapsed() < WELCOME;
        (silent && !welcome).then(|| (heard_ms > 0, self.begun + Duration::from_millis(heard_ms)))
    }

    /// Sends it away unless it has just begun to speak.
    fn send_away(&self) {
        if self.state.compare_exchange(SILENT, LEAVING, Ordering::AcqRel, Ordering::Acquire).is_ok() {
            self.leave.notify_one();
        }
    }
}

/// All places of a port.
pub(super) struct Seats {
    free: Arc<Semaphore>,
    taken: Mutex<HashMap<u64, Arc<Phase>>>,
    next: AtomicU64,
}

/// One of them; dropping it makes it free.
pub(super) struct Seat {
    pub phase: Arc<Phase>,
    id: u64,
    seats: Arc<Seats>,
    _permit: OwnedSemaphorePermit,
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.seats.taken.lock().remove(&self.id);
    }
}

impl Seats {
    pub(super) fn new(count: usize) -> Arc<Self> {
        Arc::new(Self { free: Arc::new(Semaphore::new(count)), taken: Mutex::default(), next: AtomicU64::new(0) })
    }

    /// A place for somebody who is at the door, as soon as there is one.
    pub(super) async fn take(self: &Arc<Self>) -> Seat {
        let permit = loop {
            if let Ok(permit) = self.free.clone().try_acquire_owned() {
                break permit;
            }
            self.make_room();
            let freed = tokio::time::timeout(ROOM_PAUSE, self.free.clone().acquire_owned()).await;
            if let Ok(permit) = freed {
                break permit.expect("the semaphore is never closed");
            }
        };
        let (id, phase) = (self.next.fetch_add(1, Ordering::Relaxed), Arc::new(Phase::new()));
        self.taken.lock().insert(id, phase.clone());
        Seat { phase, id, seats: self.clone(), _permit: permit }
    }

    fn make_room(&self) {
        if let Some(phase) = who_leaves(self.taken.lock().values()) {
            phase.send_away();
        }
    }
}

fn who_leaves<'p>(taken: impl Iterator<Item = &'p Arc<Phase>>) -> Option<&'p Arc<Phase>> {
    let silent = taken.filter_map(|phase| Some((phase.silent_since()?, phase)));
    silent.min_by_key(|(since, _)| *since).map(|(_, phase)| phase)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn phase(state: u8, begun: Instant, heard_ms: u64) -> Arc<Phase> {
        let phase = Phase { begun, ..Phase::new() };
        phase.state.store(state, Ordering::Release);
        phase.heard_ms.store(heard_ms, Ordering::Relaxed);
        Arc::new(phase)
    }

    #[tokio::test(start_paused = true)]
    async fn who_never_asked_leaves_before_the_one_who_has_been_silent_for_longest_and_nobody_who_asks_does() {
        let began = Instant::now();
        tokio::time::advance(Duration::from_secs(60)).await;
        let at = |seconds| began + Duration::from_secs(seconds);
        let reads_slowly = phase(SILENT, at(0), 1_000);
        reads_slowly.hears(false);
        let mut taken = vec![
            phase(SILENT, at(0), 40_000),
            phase(SILENT, at(10), 9_000),
            phase(REQUEST, at(0), 0),
            phase(HEAD, at(0), 0),
            reads_slowly,
            phase(SILENT, at(20), 0),
            phase(SILENT, at(21), 0),
        ];
        for expected in [5, 5, 1, 0] {
            let who = who_leaves(taken.iter()).cloned().unwrap();
            assert_eq!(taken.iter().position(|phase| Arc::ptr_eq(phase, &who)), Some(expected));
            taken.remove(expected);
        }
        assert!(who_leaves(taken.iter()).is_none(), "all that are left ask or are being answered");
    }

    #[tokio::test(start_paused = true)]
    async fn newcomers_do_not_send_each_other_away() {
        let began = Instant::now();
        tokio::time::advance(Duration::from_secs(9)).await;
        let (answered, newcomer) = (phase(SILENT, began, 1_000), phase(SILENT, Instant::now(), 0));
        let taken = [newcomer.clone(), answered.clone()];
        assert!(Arc::ptr_eq(who_leaves(taken.iter()).unwrap(), &answered));
        tokio::time::advance(WELCOME).await;
        assert!(Arc::ptr_eq(who_leaves(taken.iter()).unwrap(), &newcomer));
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_has_begun_to_speak_is_not_sent_away() {
        let seats = Seats::new(2);
        let (speaks, silent) = (seats.take().await, seats.take().await);
        assert!(speaks.phase.speaks() && !speaks.phase.speaks());
        speaks.phase.send_away();
        assert!(speaks.phase.is_in_head());
        let leaves = async {
            silent.phase.must_leave().await;
            drop(silent);
        };
        let (third, ()) = tokio::join!(seats.take(), leaves);
        drop((speaks, third));
        assert!(seats.taken.lock().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_speaks_when_told_to_leave_stays() {
        let phase = Phase::new();
        phase.send_away();
        assert!(phase.speaks() && phase.is_in_head(), "its bytes came before it was gone");
        phase.head_is_read();
        let gone = tokio::time::timeout(Duration::from_secs(9), phase.must_leave()).await;
        assert!(gone.is_err());
        phase.answered();
        phase.send_away();
        phase.must_leave().await;
    }
}
