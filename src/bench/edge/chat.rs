//! The people whose replies are timed: each message at its time, sent again until it is taken, as Meta does.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, ensure};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::super::load::{Pace, Tally, attempt};
use super::super::message::Writer;
use super::ears::Ears;

const CONNECTIONS: u32 = 16;
const AGAIN_AFTER: Duration = Duration::from_millis(20);
/// From the call to the first message.
const BEGIN: Duration = Duration::from_millis(50);
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// For the last replies.
const PATIENCE: Duration = Duration::from_secs(300);

pub(super) struct Chat {
    pub address: SocketAddr,
    pub writer: Arc<Writer>,
    pub ears: Arc<Ears>,
    pub rate: u32,
    /// Messages so far.
    pub said: u64,
}

/// What a while of it came to.
#[derive(Debug, Default)]
pub(super) struct Said {
    /// From when a message was due to its reply.
    pub replies: Tally,
    /// Tries that were not answered 200.
    pub again: u64,
    /// Messages without a reply in the end.
    pub lost: u64,
}

impl Said {
    /// What came after it.
    pub(super) fn add(&mut self, more: Self) {
        self.replies.add(more.replies);
        self.replies.acks_us.sort_unstable();
        self.again += more.again;
        self.lost = more.lost;
    }
}

impl Chat {
    /// People chat for so long; ends when all have their replies, or it has become too late for that.
    pub(super) async fn talk_for(&mut self, window: Duration) -> anyhow::Result<Said> {
        let first = self.said;
        self.said += (f64::from(self.rate) * window.as_secs_f64()).round() as u64;
        let pace = Pace::new(Instant::now() + BEGIN, first, self.rate);
        self.ears.expect(pace);
        let (next, mut connections) = (Arc::new(AtomicU64::new(first)), JoinSet::new());
        for _ in 0..CONNECTIONS {
            connections.spawn(connection(self.address, self.writer.clone(), pace, next.clone(), self.said));
        }
        let mut again = 0;
        while let Some(ended) = connections.join_next().await {
            again += ended.context("a connection of the chat")?;
        }
        let until = Instant::now() + PATIENCE;
        while self.ears.heard(0) < self.said && Instant::now() < until {
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Ok(Said { replies: self.ears.take(), again, lost: self.said - self.ears.heard(0) })
    }

    /// Everybody is known, connections and caches are warm.
    pub(super) async fn warm_up(&mut self, people: u32) -> anyhow::Result<()> {
        let said = self.talk_for(Duration::from_secs_f64(f64::from(people) * 2.0 / f64::from(self.rate))).await?;
        ensure!(said.lost == 0, "{} messages have no reply before anything is measured", said.lost);
        Ok(())
    }
}

/// Answers how often it had to try again.
async fn connection(address: SocketAddr, writer: Arc<Writer>, pace: Pace, next: Arc<AtomicU64>, end: u64) -> u64 {
    let (mut wire, mut request, mut again) = (None, Vec::new(), 0);
    loop {
        let n = next.fetch_add(1, Ordering::Relaxed);
        let Some(due) = pace.due(n).filter(|_| n < end) else { return again };
        writer.request(n, &mut request);
        tokio::time::sleep_until(due).await;
        while !matches!(attempt(address, &mut wire, &request).await, Ok(200)) {
            again += 1;
            tokio::time::sleep(AGAIN_AFTER).await;
        }
    }
}
