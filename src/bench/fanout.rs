//! `fanout`: messages at a fixed rate, a reply of the bot to each, and three statuses for each reply. The rate does not
//! give way when answers are slow, so what cannot be kept up with shows as waiting and as a queue that grows.

mod outcome;
pub(super) mod statuses;

use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use actors::{AdjustableClock, Clock};
use anyhow::{Context, ensure};
use parking_lot::Mutex;
use tokio::time::Instant;

use super::child::{Child, Order};
use super::load::{self, Load, Pace, Tally};
use super::machine::{self, Ticks, Usage};
use super::message::Writer;
use super::round::{Plan, Subject, figure};
use super::stand_in::{Replies, StandIn};
use super::{Scenario, talk};
pub(super) use outcome::Outcome;
use outcome::{Sample, Share};
use statuses::{Counts, Statuses};

/// For everybody to write once.
const WARM_UP: Duration = Duration::from_secs(120);
/// After the window, for everything to come in.
const REST: Duration = Duration::from_secs(60);
const SAMPLE_EVERY: Duration = Duration::from_millis(500);
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// What hears of replies needs to know; told once the child runs.
#[derive(Default)]
struct Ears {
    statuses: OnceLock<Statuses>,
    pace: OnceLock<Pace>,
    /// Microseconds from when a message should have left to its reply at the stand-in.
    replies_us: Mutex<Vec<u32>>,
}

impl Ears {
    fn hear(&self, n: u64, body: &[u8]) {
        if let Some(statuses) = self.statuses.get() {
            statuses.arrived(n, body);
        }
        if let Some(due) = self.pace.get().and_then(|pace| pace.due(n)) {
            self.replies_us.lock().push(u32::try_from(due.elapsed().as_micros()).unwrap_or(u32::MAX));
        }
    }
}

struct Fanout {
    child: Child,
    replies: Arc<Replies>,
    counts: Arc<Counts>,
    ears: Arc<Ears>,
    load: Load,
    _stand_in: StandIn,
}

/// Runs it. Errors: the process did not start or a connection broke.
pub(super) async fn run(plan: &Plan, rate: u32, per_body: u32) -> anyhow::Result<Outcome> {
    let mut fanout = Fanout::start(plan, per_body).await?;
    talk(&format!("fanout: {} people write once", plan.people));
    fanout.everybody_once(plan).await?;
    talk(&format!("fanout: {rate} messages a second for {} s", plan.window.as_secs_f64()));
    fanout.measure(plan, rate, per_body).await
}

impl Fanout {
    async fn start(plan: &Plan, per_body: u32) -> anyhow::Result<Self> {
        let ears = Arc::new(Ears::default());
        let hearing = ears.clone();
        let hear = Arc::new(move |n, body: &[u8]| hearing.hear(n, body));
        let stand_in = StandIn::start(hear).await.context("starting the stand-in")?;
        let order = Order {
            subject: Subject::Parlance,
            scenario: Scenario::Replies,
            dir: &plan.dir,
            graph: stand_in.address,
            people: plan.people,
        };
        let child = Child::start(&order).await?;
        let now_ms = AdjustableClock::system().now_ms();
        let writer = Arc::new(Writer::new(child.secret.clone(), plan.people, now_ms, child.front.to_string()));
        let statuses = Statuses::start(&writer, child.front, plan.conns, per_body);
        let counts = statuses.counts();
        ensure!(ears.statuses.set(statuses).is_ok(), "statuses are started once");
        let replies = stand_in.replies.clone();
        let load = Load {
            address: child.front,
            conns: plan.conns,
            writer,
            next: Arc::new(AtomicU64::new(0)),
            end: plan.people.into(),
            until: Instant::now() + WARM_UP,
            replies: Some(replies.clone()),
            forms: None,
        };
        Ok(Self { child, replies, counts, ears, load, _stand_in: stand_in })
    }

    async fn everybody_once(&mut self, plan: &Plan) -> anyhow::Result<()> {
        let tally = load::send(&self.load).await.with_context(|| self.last_words())?;
        ensure!(tally.acks_us.len() == plan.people as usize, "not everybody was answered 200 before the measured part");
        self.come_in(plan.people.into(), WARM_UP).await;
        let _unmeasured = self.counts.take_acks();
        self.load.next.store(plan.people.into(), Ordering::Relaxed);
        Ok(())
    }

    async fn measure(&mut self, plan: &Plan, rate: u32, per_body: u32) -> anyhow::Result<Outcome> {
        let offered = (f64::from(rate) * plan.window.as_secs_f64()).round() as u64;
        let first = u64::from(plan.people);
        let start = Instant::now() + Duration::from_millis(50);
        let pace = Pace::new(start, first, rate);
        ensure!(self.ears.pace.set(pace).is_ok(), "a pace is set once");
        self.load.end = first + offered;
        let before = self.moment().await?;
        let sending = load::send_paced(&self.load, pace);
        let sampling = self.sample(start, plan.window, rate);
        let (sent, samples) = tokio::join!(sending, sampling);
        let messages = sent.with_context(|| self.last_words())?;
        let (took, in_window) = (start.elapsed(), self.moment().await?);
        self.come_in(first + messages.acks_us.len() as u64, REST).await;
        let replies = self.reply_times();
        let (statuses, memory) = (self.counts.take_acks(), machine::memory(self.child.pid()).unwrap_or_default());
        let after = self.moment().await?;
        let seconds = took.as_secs_f64();
        Ok(Outcome {
            rate,
            statuses_per_body: per_body,
            window_seconds: plan.window.as_secs_f64(),
            people: plan.people,
            connections: plan.conns,
            offered,
            messages: Share::of(&messages, seconds),
            statuses: Share::of(&statuses, seconds),
            replies: Share::of(&replies, seconds),
            status_bodies_per_second: (in_window.bodies - before.bodies) as f64 / seconds,
            accepted: first + messages.acks_us.len() as u64,
            replied: self.replies.count(),
            twice: self.replies.again(),
            strange: self.replies.strange(),
            statuses_made: self.counts.made(),
            statuses_acknowledged: self.counts.acknowledged(),
            not_read: self.not_read().await?,
            broken: self.counts.broken(),
            samples: samples?,
            cpu_percent: (in_window.usage.cpu_us - before.usage.cpu_us) as f64 / seconds / 10_000.0,
            own_cpu_percent: (in_window.own.cpu_us - before.own.cpu_us) as f64 / seconds / 10_000.0,
            written_each: (after.usage.written - before.usage.written) as f64 / offered.max(1) as f64,
            commits_per_second: (in_window.commits - before.commits) / seconds,
            items_per_commit: (in_window.items - before.items) / (in_window.commits - before.commits).max(1.0),
            rss_bytes: memory.now,
            rss_most_bytes: memory.most,
            steal_percent: in_window.ticks.steal_percent(before.ticks),
            others_percent: in_window.ticks.others_percent(before.ticks, in_window.ours_us() - before.ours_us()),
            files_in_memory: machine::is_in_memory(&plan.dir),
        })
    }

    /// Waits until there are so many replies, and all their statuses are acknowledged.
    async fn come_in(&self, replies: u64, at_most: Duration) {
        let until = Instant::now() + at_most;
        let all_in =
            || self.replies.count() >= replies && self.counts.acknowledged() >= self.counts.made() && replies > 0;
        while !all_in() && Instant::now() < until {
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Rows of the outbox whose last status was not applied, up to a page of each state.
    async fn not_read(&self) -> anyhow::Result<usize> {
        let mut left = 0;
        for state in ["queued", "sending", "uncertain", "accepted", "sent", "delivered", "failed", "dead"] {
            left += self.child.outbox(state).await.context("reading its outbox")?;
        }
        Ok(left)
    }

    /// Looks at what waits, again and again.
    async fn sample(&self, start: Instant, window: Duration, rate: u32) -> anyhow::Result<Vec<Sample>> {
        let (replied, mut samples) = (self.replies.count(), Vec::new());
        let mut ticks = tokio::time::interval_at(start + SAMPLE_EVERY, SAMPLE_EVERY);
        while start.elapsed() + SAMPLE_EVERY < window {
            ticks.tick().await;
            let page = self.child.metrics().await.context("reading its metrics")?;
            let at_seconds = start.elapsed().as_secs_f64();
            let (replies, statuses) = (self.replies.count() - replied, self.counts.acknowledged());
            samples.push(Sample {
                at_seconds,
                replies,
                statuses,
                unanswered: ((at_seconds * f64::from(rate)) as u64).saturating_sub(replies),
                unacknowledged: self.counts.made().saturating_sub(statuses),
                inbox: figure(&page, "parlance_inbox_messages") as u64,
                outbox: figure(&page, r#"parlance_outbox_messages{state="queued"}"#) as u64,
                unfolded: figure(&page, "parlance_store_unfolded_rows") as u64,
            });
        }
        Ok(samples)
    }

    fn reply_times(&self) -> Tally {
        let mut acks_us = std::mem::take(&mut *self.ears.replies_us.lock());
        acks_us.sort_unstable();
        Tally { acks_us, refused: 0 }
    }

    fn last_words(&self) -> String {
        format!("sending webhooks; its log ends: {}", self.child.last_words())
    }

    async fn moment(&self) -> anyhow::Result<Moment> {
        let page = self.child.metrics().await.context("reading its metrics")?;
        Ok(Moment {
            usage: machine::usage(self.child.pid()).unwrap_or_default(),
            own: machine::usage(std::process::id()).unwrap_or_default(),
            ticks: machine::ticks().unwrap_or_default(),
            commits: figure(&page, "parlance_store_commit_batch_size_count"),
            items: figure(&page, "parlance_store_commit_batch_size_sum"),
            bodies: self.counts.bodies(),
        })
    }
}

struct Moment {
    usage: Usage,
    /// Of the bench itself: load and stand-in.
    own: Usage,
    ticks: Ticks,
    commits: f64,
    items: f64,
    bodies: u64,
}

impl Moment {
    fn ours_us(&self) -> u64 {
        self.usage.cpu_us + self.own.cpu_us
    }
}
