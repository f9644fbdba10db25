//! `start`: how long a start takes after a `kill -9`, by how much there is.
//!
//! A folder with a tenth of the conversations, then one with all of them. On each people write and get replies; the process is
//! killed in the middle of that and started again, three times at any moment, and three times when the tail of the log
//! that is not folded is at its largest, with no page of the folder in the machine's memory. The time goes from exec to the
//! answer of `/readyz`.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use actors::{AdjustableClock, Clock};
use anyhow::Context;
use rustix::process::Signal;
use serde::Serialize;
use tokio::time::Instant;

use super::child::{Child, Order};
use super::crowd::{self, Crowd, People};
use super::goal::{Goal, Good};
use super::load::{self, Load};
use super::message::Writer;
use super::round::{Plan, Subject};
use super::stand_in::StandIn;
use super::{Scenario, machine, talk};

const TIMES: usize = 3;
/// People write so long before a kill at any moment.
const WRITE_FOR: Duration = Duration::from_secs(2);
/// So long the tail is watched; the kill comes when it is this near to the largest that was seen, or after the second time.
const WATCH_FOR: Duration = Duration::from_secs(6);
const WAIT_FOR: Duration = Duration::from_secs(10);
const NEAR: f64 = 0.9;
const LOOK_EVERY: Duration = Duration::from_millis(5);
/// Message numbers of the load, behind those of everybody's first message.
const FIRST: u64 = 1 << 24;
/// Ends the writing if nothing else does.
const AT_MOST: Duration = Duration::from_secs(60);
/// What was on its way at a kill would keep the next one waiting for half a minute.
const SETTINGS: [(&str, &str); 1] = [("PARLANCE__OUTBOX__DOUBT_WINDOW", "1s")];
const MB: f64 = (1 << 20) as f64;

/// What both folders came to.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Outcome {
    folders: Vec<Folder>,
}

/// One folder.
#[derive(Clone, Debug, Serialize)]
struct Folder {
    conversations: u64,
    filled_in_seconds: f64,
    file_bytes: u64,
    any_moment: Vec<Start>,
    largest_tail: Vec<Start>,
}

/// One kill and one start.
#[derive(Clone, Copy, Debug, Default, Serialize)]
struct Start {
    ready_ms: f64,
    /// Processor time until then: what it costs where others have the processors, too.
    cpu_ms: f64,
    /// When it was killed: log rows that were not folded, messages that were not consumed, those that had not left.
    unfolded: u64,
    inbox: u64,
    unsent: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum When {
    AnyMoment,
    LargestTail,
}

/// Runs it. Errors: a process did not start, or did not work off what it had.
pub(super) async fn run(plan: &Plan, conversations: u32) -> anyhow::Result<Outcome> {
    let all = u64::from(conversations);
    let mut folders = Vec::new();
    for count in [(all / 10).max(1), all] {
        folders.push(folder(plan, count).await.with_context(|| format!("with {count} conversations"))?);
    }
    Ok(Outcome { folders })
}

async fn folder(plan: &Plan, count: u64) -> anyhow::Result<Folder> {
    let stand_in = StandIn::start(Arc::new(|_, _: &[u8]| ())).await.context("starting the stand-in")?;
    // The folder begins with the silent bot; who writes later meets the one that replies.
    let order = Order {
        subject: Subject::Parlance,
        scenario: Scenario::Webhooks,
        dir: &plan.dir,
        graph: stand_in.address,
        people: 8_000,
    };
    let child = Child::start_with(&order, &SETTINGS).await?;
    talk(&format!("start: {count} people write once"));
    let began = Instant::now();
    Crowd::of(&child).write(&child, People { first: 0, count }, count).await?;
    let filled_in_seconds = began.elapsed().as_secs_f64();
    let mut run = Run { load: load(plan, &child, &stand_in, count), child, stand_in, lost: 0 };
    run.child.end(Signal::KILL).await?;
    run.child.answer_with(Scenario::Replies.name());
    run.child.start_again().await?;
    let (mut any_moment, mut largest_tail) = (Vec::new(), Vec::new());
    for (when, starts) in [(When::AnyMoment, &mut any_moment), (When::LargestTail, &mut largest_tail)] {
        for _ in 0..TIMES {
            let start = run.kill_and_start(when).await?;
            talk(&format!("start: ready after {:.0} ms, {} rows were not folded", start.ready_ms, start.unfolded));
            starts.push(start);
        }
    }
    let file_bytes = run.child.figure("parlance_store_bytes").await? as u64;
    Ok(Folder { conversations: count, filled_in_seconds, file_bytes, any_moment, largest_tail })
}

fn load(plan: &Plan, child: &Child, stand_in: &StandIn, people: u64) -> Load {
    let people = u32::try_from(people).unwrap_or(u32::MAX);
    let now_ms = AdjustableClock::system().now_ms();
    Load {
        address: child.front,
        conns: plan.conns,
        writer: Arc::new(Writer::new(child.secret.clone(), people, now_ms, child.front.to_string())),
        next: Arc::new(AtomicU64::new(FIRST)),
        end: u64::MAX,
        until: Instant::now(),
        replies: Some(stand_in.replies.clone()),
        forms: None,
    }
}

struct Run {
    child: Child,
    stand_in: StandIn,
    load: Load,
    /// Messages that nobody will reply to: they were on their way when the process was killed.
    lost: u64,
}

impl Run {
    async fn kill_and_start(&mut self, when: When) -> anyhow::Result<Start> {
        self.load.until = Instant::now() + AT_MOST;
        let load = self.load.clone();
        let writing = tokio::spawn(async move { load::send(&load).await });
        let mut start = match when {
            When::AnyMoment => self.after_a_while().await?,
            When::LargestTail => self.at_the_largest_tail().await?,
        };
        self.child.end(Signal::KILL).await?;
        // Some of its connections broke, the others wait for replies that do not come.
        writing.abort();
        let _aborted = writing.await;
        if when == When::LargestTail {
            self.child.forget_files()?;
        }
        start.ready_ms = self.child.start_again().await?.as_secs_f64() * 1_000.0;
        start.cpu_ms = machine::usage(self.child.pid()).unwrap_or_default().cpu_us as f64 / 1_000.0;
        crowd::worked_off(&self.child).await?;
        let unanswered = (self.load.next.load(Ordering::Relaxed) - FIRST).saturating_sub(self.stand_in.replies.count());
        for _ in self.lost..unanswered {
            self.stand_in.replies.give_back();
        }
        self.lost = unanswered.max(self.lost);
        Ok(start)
    }

    async fn after_a_while(&self) -> anyhow::Result<Start> {
        tokio::time::sleep(WRITE_FOR).await;
        self.standing().await
    }

    async fn at_the_largest_tail(&self) -> anyhow::Result<Start> {
        let (began, mut largest) = (Instant::now(), 0);
        loop {
            let standing = self.standing().await?;
            let watched = began.elapsed() > WATCH_FOR;
            let near = standing.unfolded as f64 >= largest as f64 * NEAR;
            if watched && (near || began.elapsed() > WATCH_FOR + WAIT_FOR) {
                return Ok(standing);
            }
            largest = largest.max(standing.unfolded);
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    async fn standing(&self) -> anyhow::Result<Start> {
        let page = self.child.metrics().await.context("reading its metrics")?;
        let figure = |name| super::round::figure(&page, name) as u64;
        Ok(Start {
            ready_ms: 0.0,
            cpu_ms: 0.0,
            unfolded: figure("parlance_store_unfolded_rows"),
            inbox: figure("parlance_inbox_messages"),
            unsent: figure(r#"parlance_outbox_messages{state="queued"}"#)
                + figure(r#"parlance_outbox_messages{state="sending"}"#),
        })
    }
}

impl Folder {
    fn of(&self, when: When) -> &[Start] {
        if when == When::AnyMoment { &self.any_moment } else { &self.largest_tail }
    }

    fn median_ms(&self, when: When) -> f64 {
        super::report::median(self.of(when).iter().map(|start| start.ready_ms).collect())
    }

    fn rows(&self, text: &mut String) {
        text.push_str(&format!(
            "  {} conversations, made in {:.0} s, a file of {:.0} MB\n",
            self.conversations,
            self.filled_in_seconds,
            self.file_bytes as f64 / MB
        ));
        for (when, name) in [(When::AnyMoment, "any moment"), (When::LargestTail, "largest tail, cold")] {
            for Start { ready_ms, cpu_ms, unfolded, inbox, unsent } in self.of(when) {
                text.push_str(&format!(
                    "    {name:<22}{ready_ms:>10.0}{cpu_ms:>8.0}{unfolded:>12}{inbox:>10}{unsent:>10}\n"
                ));
            }
        }
    }
}

impl Outcome {
    pub(super) fn goals(&self) -> Vec<Goal> {
        let [small, large] = self.folders.as_slice() else { return Vec::new() };
        let mut goals = Vec::new();
        for (when, name) in [(When::AnyMoment, "kill -9 at any moment"), (When::LargestTail, "largest tail, cold")] {
            let (before, ms) = (small.median_ms(when), large.median_ms(when));
            let goal = |metric, figure, floor, aim| Goal {
                metric,
                unit: "ms",
                skeleton: Some(before),
                parlance: ms,
                figure,
                floor,
                aim,
                good: Good::Low,
            };
            goals.push(goal(format!("ready, {} ({name})", large.conversations), ms, 500.0, Some(150.0)));
            goals.push(goal(format!("… over {}", small.conversations), ms / before.max(0.1), 1.2, None));
        }
        goals
    }

    pub(super) fn write(&self, text: &mut String) {
        text.push_str(&format!(
            "\nstart: from exec to ready after kill -9\n\n    {:<22}{:>10}{:>8}{:>12}{:>10}{:>10}\n",
            "", "ready ms", "cpu ms", "not folded", "inbox", "not sent"
        ));
        self.folders.iter().for_each(|folder| folder.rows(text));
    }
}
