//! `growth`: a day of traffic as quickly as it goes, and what it leaves: how the file grows with what is kept, and how long
//! the tail of the log is that is not folded.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use actors::{AdjustableClock, Clock};
use anyhow::{Context, ensure};
use serde::Serialize;
use tokio::time::Instant;

use super::child::{Child, Order};
use super::crowd;
use super::goal::{self, Goal, Good};
use super::load::{self, Load};
use super::message::Writer;
use super::round::{Plan, Subject};
use super::stand_in::StandIn;
use super::{Scenario, talk};

/// Who writes: a day of 20 messages a second is some 350 of each of them.
pub(super) const PEOPLE: u32 = 5_000;
/// Messages of a day, at 20 a second.
pub(super) const DAY: u32 = 20 * 86_400;
/// The day is cut into as many parts.
const PARTS: u64 = 8;
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// For one part.
const PATIENCE: Duration = Duration::from_secs(600);
/// An idle store has folded everything by then.
const FOLDED_WITHIN: Duration = Duration::from_secs(30);
/// A message with its reply may leave so many bytes: the webhook and what the turn did are kept as they were, 2.5 kB.
const LEFT_BY_A_MESSAGE: f64 = 6_000.0;
/// The last quarter may leave so much more for a message than the one after the first.
const STEADY: f64 = 1.2;
/// Two memtables of 131,072 keys, see `storage/FORMAT.md`; a row changes one key at least.
const MOST_UNFOLDED: f64 = 262_144.0;
const MB: f64 = (1 << 20) as f64;

/// How it went.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Outcome {
    messages: u64,
    people: u32,
    parts: Vec<Part>,
    /// Once everything is folded.
    file_bytes: u64,
    on_disk_bytes: u64,
    folded_after_seconds: f64,
}

/// After a part of the day.
#[derive(Clone, Copy, Debug, Serialize)]
struct Part {
    messages: u64,
    seconds: f64,
    /// The length of the file, and what of it is on the disk: it is longer than it is full.
    file_bytes: u64,
    on_disk_bytes: u64,
    written_bytes: u64,
    unfolded_most: u64,
    rss_bytes: u64,
}

/// Runs it. Errors: a process did not start, a message was refused or has no reply.
pub(super) async fn run(plan: &Plan, messages: u32) -> anyhow::Result<Outcome> {
    let stand_in = StandIn::start(Arc::new(|_, _: &[u8]| ())).await.context("starting the stand-in")?;
    let order = Order {
        subject: Subject::Parlance,
        scenario: Scenario::Replies,
        dir: &plan.dir,
        graph: stand_in.address,
        people: PEOPLE,
    };
    let child = Child::start(&order).await?;
    let now_ms = AdjustableClock::system().now_ms();
    let mut load = Load {
        address: child.front,
        conns: plan.conns,
        writer: Arc::new(Writer::new(child.secret.clone(), PEOPLE, now_ms, child.front.to_string())),
        next: Arc::new(AtomicU64::new(0)),
        end: 0,
        until: Instant::now(),
        replies: Some(stand_in.replies.clone()),
        forms: None,
    };
    let mut parts = Vec::new();
    for part in 1..=PARTS {
        load.end = u64::from(messages) * part / PARTS;
        talk(&format!("growth: {} of {messages} messages", load.end));
        parts.push(
            one(&child, &stand_in, &mut load).await.with_context(|| format!("its log ends: {}", child.last_words()))?,
        );
    }
    let folded_after_seconds = folded(&child).await?;
    Ok(Outcome {
        messages: messages.into(),
        people: PEOPLE,
        parts,
        file_bytes: child.figure("parlance_store_bytes").await? as u64,
        on_disk_bytes: child.store_on_disk()?,
        folded_after_seconds,
    })
}

async fn one(child: &Child, stand_in: &StandIn, load: &mut Load) -> anyhow::Result<Part> {
    load.until = Instant::now() + PATIENCE;
    let (began, written) = (Instant::now(), super::machine::usage(child.pid()).unwrap_or_default().written);
    let (sent, unfolded_most) = tokio::join!(load::send(load), watch(child, load));
    let tally = sent.context("sending webhooks")?;
    ensure!(tally.refused == 0, "{} webhooks were refused", tally.refused);
    crowd::worked_off(child).await?;
    let replied = stand_in.replies.count();
    ensure!(replied == load.end, "{replied} of {} messages have a reply", load.end);
    load.next.store(load.end, Ordering::Relaxed);
    Ok(Part {
        messages: load.end,
        seconds: began.elapsed().as_secs_f64(),
        file_bytes: child.figure("parlance_store_bytes").await? as u64,
        on_disk_bytes: child.store_on_disk()?,
        written_bytes: super::machine::usage(child.pid()).unwrap_or_default().written.saturating_sub(written),
        unfolded_most: unfolded_most?,
        rss_bytes: super::machine::memory(child.pid()).unwrap_or_default().now,
    })
}

/// The longest tail until all messages have left.
async fn watch(child: &Child, load: &Load) -> anyhow::Result<u64> {
    let mut most = 0;
    while load.next.load(Ordering::Relaxed) < load.end && Instant::now() < load.until {
        most = most.max(child.figure("parlance_store_unfolded_rows").await? as u64);
        tokio::time::sleep(LOOK_EVERY).await;
    }
    Ok(most)
}

/// Waits until nothing is unfolded; how long that took.
async fn folded(child: &Child) -> anyhow::Result<f64> {
    let began = Instant::now();
    loop {
        let left = child.figure("parlance_store_unfolded_rows").await?;
        if left == 0.0 {
            return Ok(began.elapsed().as_secs_f64());
        }
        ensure!(began.elapsed() < FOLDED_WITHIN, "{left} rows are not folded after {FOLDED_WITHIN:?} without traffic");
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

impl Outcome {
    /// Bytes on the disk for each message between the ends of two parts.
    fn left_by_each(&self, from: usize, to: usize) -> f64 {
        let (Some(from), Some(to)) = (self.parts.get(from), self.parts.get(to)) else { return 0.0 };
        let messages = to.messages.saturating_sub(from.messages).max(1);
        to.on_disk_bytes.saturating_sub(from.on_disk_bytes) as f64 / messages as f64
    }

    pub(super) fn goals(&self) -> Vec<Goal> {
        let most = self.parts.iter().map(|part| part.unfolded_most).max().unwrap_or_default() as f64;
        let (early, late) = (self.left_by_each(1, 3), self.left_by_each(5, 7));
        let all = self.on_disk_bytes as f64 / self.messages.max(1) as f64;
        let goal = |metric: String, unit, skeleton, parlance, figure, floor| Goal {
            metric,
            unit,
            skeleton,
            parlance,
            figure,
            floor,
            aim: None,
            good: Good::Low,
        };
        vec![
            goal(format!("file after {} messages", self.messages), "B each", None, all, all, LEFT_BY_A_MESSAGE),
            goal(
                "… the last quarter over the second".into(),
                "B each",
                Some(early),
                late,
                late / early.max(1.0),
                STEADY,
            ),
            goal("longest tail that is not folded".into(), "rows", None, most, most, MOST_UNFOLDED),
        ]
    }

    pub(super) fn json(&self) -> String {
        goal::json(self, &self.goals())
    }

    pub(super) fn table(&self) -> String {
        let mut text = format!(
            "parlance bench {} · growth · {} messages of {} people, each with a reply\n\n  {:>10}{:>11}{:>10}{:>12}{:>12}{:>13}{:>8}\n",
            env!("CARGO_PKG_VERSION"),
            self.messages,
            self.people,
            "messages",
            "a second",
            "file MB",
            "on disk MB",
            "written MB",
            "tail at most",
            "RSS MB"
        );
        let mut before = 0;
        for part in &self.parts {
            text.push_str(&format!(
                "  {:>10}{:>11.0}{:>10.0}{:>12.0}{:>12.0}{:>13}{:>8.0}\n",
                part.messages,
                (part.messages - before) as f64 / part.seconds.max(0.001),
                part.file_bytes as f64 / MB,
                part.on_disk_bytes as f64 / MB,
                part.written_bytes as f64 / MB,
                part.unfolded_most,
                part.rss_bytes as f64 / MB
            ));
            before = part.messages;
        }
        text.push_str(&format!(
            "\n  folded {:.1} s after the last message: {:.0} MB on the disk\n\n",
            self.folded_after_seconds,
            self.on_disk_bytes as f64 / MB
        ));
        text + &goal::table(&self.goals())
    }
}
