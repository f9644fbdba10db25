//! Meta's deliveries of webhooks: each again and again until it is answered 200, some twice, some after later ones.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::super::load::attempt;
use super::faults::{Fault, Faults};
use super::ledger::Ledger;

const AGAIN_AFTER: Duration = Duration::from_millis(250);
/// What comes late or twice does so within this time.
const LATE_BY: Duration = Duration::from_secs(3);

/// A signed webhook.
#[derive(Clone)]
pub(super) struct Parcel {
    pub request: Vec<u8>,
    pub of: Of,
}

/// What it tells.
#[derive(Clone, Copy)]
pub(super) enum Of {
    /// The message of this number.
    Message(u64),
    /// So many statuses.
    Statuses,
}

/// Carries them over some connections.
#[derive(Clone)]
pub(super) struct Deliveries {
    queue: UnboundedSender<Parcel>,
    faults: Arc<Faults>,
    counts: Arc<Counts>,
}

/// How it goes.
#[derive(Default)]
pub(super) struct Counts {
    under_way: AtomicU64,
    /// Tries that were not answered 200.
    again: AtomicU64,
}

impl Counts {
    /// Webhooks that are not answered 200 yet.
    pub(super) fn under_way(&self) -> u64 {
        self.under_way.load(Ordering::Relaxed)
    }

    pub(super) fn again(&self) -> u64 {
        self.again.load(Ordering::Relaxed)
    }
}

impl Deliveries {
    /// Starts them; they end when the last handle is dropped and all is delivered.
    pub(super) fn start(address: SocketAddr, conns: u32, faults: &Arc<Faults>, ledger: &Arc<Ledger>) -> Self {
        let (queue, ready) = unbounded_channel();
        let (ready, counts) = (Arc::new(tokio::sync::Mutex::new(ready)), Arc::<Counts>::default());
        for _ in 0..conns {
            tokio::spawn(carry(address, ready.clone(), counts.clone(), ledger.clone()));
        }
        Self { queue, faults: faults.clone(), counts }
    }

    pub(super) fn counts(&self) -> Arc<Counts> {
        self.counts.clone()
    }

    /// Posts one, or what a fault makes of it.
    pub(super) fn post(&self, parcel: Parcel) {
        match self.faults.of_webhook() {
            Some(Fault::Doubled) => {
                self.later(parcel.clone());
                self.queue(parcel);
            }
            Some(_) => self.later(parcel),
            None => self.queue(parcel),
        }
    }

    fn later(&self, parcel: Parcel) {
        self.counts.under_way.fetch_add(1, Ordering::Relaxed);
        let (deliveries, after) = (self.clone(), self.faults.time(Duration::ZERO, LATE_BY));
        tokio::spawn(async move {
            tokio::time::sleep(after).await;
            deliveries.queue(parcel);
            deliveries.counts.under_way.fetch_sub(1, Ordering::Relaxed);
        });
    }

    fn queue(&self, parcel: Parcel) {
        self.counts.under_way.fetch_add(1, Ordering::Relaxed);
        // An error means that the run is ending.
        let _ending = self.queue.send(parcel);
    }
}

async fn carry(
    address: SocketAddr,
    ready: Arc<tokio::sync::Mutex<UnboundedReceiver<Parcel>>>,
    counts: Arc<Counts>,
    ledger: Arc<Ledger>,
) {
    let mut wire = None;
    loop {
        let next = ready.lock().await.recv().await;
        let Some(parcel) = next else { return };
        while !matches!(attempt(address, &mut wire, &parcel.request).await, Ok(200)) {
            counts.again.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(AGAIN_AFTER).await;
        }
        if let Of::Message(n) = parcel.of {
            ledger.acknowledged(n);
        }
        counts.under_way.fetch_sub(1, Ordering::Relaxed);
    }
}
