//! Conversations in great number, made as quickly as the product makes them: people write, many of them in one webhook.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use actors::{AdjustableClock, Clock};
use anyhow::{Context, ensure};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::child::Child;
use super::load::Wire;
use super::message::Writer;
use super::round::figure;

/// Messages in one webhook.
const IN_ONE: u64 = 64;
const CONNECTIONS: u64 = 8;
/// Messages that are sent before everything is worked off.
const SLICE: u64 = 20_000;
/// Work that does not get less for this long will not be done; a webhook that is not answered by then will not be.
const STUCK: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// Messages that are to be run, and those that are to leave.
const WAITING: [&str; 3] = [
    "parlance_inbox_messages",
    r#"parlance_outbox_messages{state="queued"}"#,
    r#"parlance_outbox_messages{state="sending"}"#,
];

/// Who writes: so many people from the first one on, in turn.
#[derive(Clone, Copy, Debug)]
pub(super) struct People {
    pub first: u64,
    pub count: u64,
}

/// Lets them write.
pub(super) struct Crowd {
    writer: Arc<Writer>,
    /// The number of the next message.
    next: u64,
}

impl Crowd {
    pub(super) fn of(child: &Child) -> Self {
        let now_ms = AdjustableClock::system().now_ms();
        Self { writer: Arc::new(Writer::new(child.secret.clone(), 1, now_ms, child.front.to_string())), next: 0 }
    }

    /// So many messages of these people; all are worked off when this answers. Errors: a webhook was refused, or work stands
    /// still.
    pub(super) async fn write(&mut self, child: &Child, people: People, messages: u64) -> anyhow::Result<()> {
        let end = self.next + messages;
        let first = self.next;
        while self.next < end {
            let slice = self.next..end.min(self.next + SLICE);
            self.next = slice.end;
            self.send(child, people, first, slice).await.with_context(|| last_words(child))?;
            worked_off(child).await?;
        }
        Ok(())
    }

    async fn send(&self, child: &Child, people: People, first: u64, slice: Range<u64>) -> anyhow::Result<()> {
        let next = Arc::new(AtomicU64::new(slice.start));
        let mut connections = JoinSet::new();
        for _ in 0..CONNECTIONS {
            let (writer, next, address, end) = (self.writer.clone(), next.clone(), child.front, slice.end);
            connections.spawn(async move {
                let (mut wire, mut request) = (Wire::connect(address).await?, Vec::new());
                loop {
                    let from = next.fetch_add(IN_ONE, Ordering::Relaxed);
                    if from >= end {
                        return anyhow::Ok(());
                    }
                    let person = |n| (n, people.first + (n - first) % people.count);
                    writer.batch((from..end.min(from + IN_ONE)).map(person), &mut request);
                    let answer = tokio::time::timeout(STUCK, wire.exchange(&request)).await;
                    let status = answer.context("a webhook was not answered")??;
                    ensure!(status == 200, "a webhook was answered {status}");
                }
            });
        }
        while let Some(ended) = connections.join_next().await {
            ended.context("a connection")??;
        }
        Ok(())
    }
}

/// Waits until nothing is to be run or sent. What is on its way from one to the other is seen by neither for a moment, so
/// nothing must be there twice.
pub(super) async fn worked_off(child: &Child) -> anyhow::Result<()> {
    let (mut least, mut moved, mut nothing) = (f64::MAX, Instant::now(), 0);
    while nothing < 2 {
        let page = child.metrics().await.context("reading its metrics")?;
        let left: f64 = WAITING.iter().map(|name| figure(&page, name)).sum();
        nothing = if left == 0.0 { nothing + 1 } else { 0 };
        if left < least {
            (least, moved) = (left, Instant::now());
        }
        ensure!(left == 0.0 || moved.elapsed() < STUCK, "{left} messages are not worked off; {}", last_words(child));
        tokio::time::sleep(LOOK_EVERY).await;
    }
    Ok(())
}

fn last_words(child: &Child) -> String {
    format!("writing; its log ends: {}", child.last_words())
}
