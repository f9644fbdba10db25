//! One run: a fresh process, everybody once, the measured window, and all that was accepted worked off.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use actors::{AdjustableClock, Clock};
use anyhow::{Context, ensure};
use serde::Serialize;
use tokio::time::Instant;

use super::child::{Child, Order};
use super::forms::{Forms, Tokens};
use super::load::{self, Load, Tally};
use super::machine::{self, Memory, Ticks, Usage};
use super::message::Writer;
use super::stand_in::StandIn;
use super::{Scenario, talk};

/// For everybody to write once.
const WARM_UP: Duration = Duration::from_secs(120);
/// Work that does not get less for this long will not be done.
const STUCK: Duration = Duration::from_secs(10);
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// Syncs of a commit of the store: redb writes in two phases, and syncs after each.
pub(super) const SYNCS_A_COMMIT: f64 = 2.0;

/// What all runs have in common.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub window: Duration,
    pub conns: u32,
    pub people: u32,
    pub dir: PathBuf,
}

/// Who is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Subject {
    Skeleton,
    Parlance,
}

impl Subject {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Skeleton => "skeleton",
            Self::Parlance => "parlance",
        }
    }
}

/// What a run came to. Figures are of the window, or of the window and working off, where they say "each".
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Run {
    pub subject: Option<Subject>,
    /// Acknowledged webhooks, or replies that arrived, a second.
    pub per_second: f64,
    /// The same over the window and the time that working off took.
    pub worked_off_per_second: f64,
    pub drain_seconds: f64,
    pub ack_p50_ms: f64,
    pub ack_p99_ms: f64,
    /// Processor time, bytes written to disk and syncs for each message.
    pub cpu_us_each: f64,
    pub written_each: f64,
    pub syncs_each: f64,
    pub commits_per_second: f64,
    pub items_per_commit: f64,
    pub commit_ms: f64,
    pub rss_bytes: u64,
    pub rss_most_bytes: u64,
    /// Processor time of the machine that went to its host's other guests, and to programs that are no part of this.
    pub steal_percent: f64,
    pub others_percent: f64,
    /// Webhooks answered 200 in the whole run, and answered otherwise.
    pub accepted: u64,
    pub refused: u64,
    /// Messages replied to in the whole run, replies beyond the first one, replies that quote no message.
    pub replied: u64,
    pub twice: u64,
    pub strange: u64,
    /// Accepted messages that were not worked off when nothing moved any more.
    pub left_over: u64,
}

/// The state of things at a moment.
#[derive(Clone, Copy, Debug, Default)]
struct Moment {
    usage: Usage,
    /// Of the bench itself: load and stand-in.
    own: Usage,
    ticks: Ticks,
    store: StoreFigures,
}

impl Moment {
    fn cpu_us(&self) -> u64 {
        self.usage.cpu_us + self.own.cpu_us
    }
}

/// From the metrics page.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct StoreFigures {
    commits: f64,
    items: f64,
    seconds: f64,
    inbox: f64,
}

struct Bench {
    child: Child,
    stand_in: StandIn,
    load: Load,
    scenario: Scenario,
    subject: Subject,
    tokens: Arc<Tokens>,
    accepted: u64,
    refused: u64,
}

pub(super) async fn run(plan: &Plan, scenario: Scenario, subject: Subject) -> anyhow::Result<Run> {
    let mut bench = Bench::start(plan, scenario, subject).await?;
    let everybody = bench.everybody_once(plan).await?;
    ensure!(everybody.acks_us.len() == plan.people as usize, "not everybody was answered 200 before the measured part");
    bench.work_off().await?;
    bench.open_forms(plan)?;

    let (before, replied_before) = (bench.moment().await?, bench.stand_in.replies.count());
    let started = Instant::now();
    let tally = bench.send(u64::MAX, plan.window).await?;
    let (took, replied) = (started.elapsed(), bench.stand_in.replies.count() - replied_before);
    let in_window = bench.moment().await?;
    let left_over = bench.work_off().await?;
    let worked_off = started.elapsed();
    let after = bench.moment().await?;
    let memory = machine::memory(bench.child.pid()).unwrap_or_default();

    let answered = tally.acks_us.len() as u64;
    let done = if scenario == Scenario::Replies { replied } else { answered };
    let mut run = bench.totals(left_over, memory);
    run.per_second = done as f64 / took.as_secs_f64();
    run.worked_off_per_second = (answered - left_over.min(answered)) as f64 / worked_off.as_secs_f64();
    run.drain_seconds = (worked_off - took).as_secs_f64();
    (run.ack_p50_ms, run.ack_p99_ms) = (tally.quantile_ms(0.5), tally.quantile_ms(0.99));
    run.commits_per_second = (in_window.store.commits - before.store.commits) / took.as_secs_f64();
    run.steal_percent = in_window.ticks.steal_percent(before.ticks);
    let ours_us = in_window.cpu_us().saturating_sub(before.cpu_us());
    run.others_percent = in_window.ticks.others_percent(before.ticks, ours_us);
    run.each(before, after, answered);
    Ok(run)
}

impl Bench {
    async fn start(plan: &Plan, scenario: Scenario, subject: Subject) -> anyhow::Result<Self> {
        let tokens = Arc::<Tokens>::default();
        let heard = tokens.clone();
        let hear = Arc::new(move |_: u64, body: &[u8]| heard.hear(body));
        let stand_in = StandIn::start(hear).await.context("starting the stand-in")?;
        let order = Order { subject, scenario, dir: &plan.dir, graph: stand_in.address, people: plan.people };
        let child = Child::start(&order).await?;
        let now_ms = AdjustableClock::system().now_ms();
        let writer = Writer::new(child.secret.clone(), plan.people, now_ms, child.front.to_string());
        let load = Load {
            address: child.front,
            conns: plan.conns,
            writer: Arc::new(writer),
            next: Arc::new(AtomicU64::new(0)),
            end: 0,
            until: Instant::now(),
            replies: (scenario == Scenario::Replies).then(|| stand_in.replies.clone()),
            forms: None,
        };
        Ok(Self { child, stand_in, load, scenario, subject, tokens, accepted: 0, refused: 0 })
    }

    /// Nobody writes to an endpoint before a form is open, so pings go at once.
    async fn everybody_once(&mut self, plan: &Plan) -> anyhow::Result<Tally> {
        if self.scenario == Scenario::Pings {
            self.load.forms = Some(Arc::new(Forms::pings(self.child.flow_key.as_deref())?));
        }
        self.send(plan.people.into(), WARM_UP).await
    }

    /// From here on the load is what open forms ask.
    fn open_forms(&mut self, plan: &Plan) -> anyhow::Result<()> {
        if self.scenario == Scenario::Forms {
            let tokens = match self.subject {
                Subject::Skeleton => Vec::new(),
                Subject::Parlance => self.tokens.take(plan.people as usize)?,
            };
            self.load.forms = Some(Arc::new(Forms::submits(self.child.flow_key.as_deref(), tokens)?));
        }
        Ok(())
    }

    async fn send(&mut self, end: u64, window: Duration) -> anyhow::Result<Tally> {
        self.load.end = end;
        self.load.until = Instant::now() + window;
        let sent = load::send(&self.load).await;
        let tally = sent.with_context(|| format!("sending webhooks; its log ends: {}", self.child.last_words()))?;
        // Numbers taken at the end and not sent are no messages.
        self.load.next.fetch_min(end, Ordering::Relaxed);
        self.accepted += tally.acks_us.len() as u64;
        self.refused += tally.refused;
        Ok(tally)
    }

    /// Waits until everything that was accepted is done; gives what is left when nothing moves any more.
    async fn work_off(&self) -> anyhow::Result<u64> {
        let mut least = u64::MAX;
        let mut moved = Instant::now();
        loop {
            let left = self.left().await?;
            if left == 0 {
                return Ok(0);
            }
            if left < least {
                (least, moved) = (left, Instant::now());
            }
            if moved.elapsed() > STUCK {
                talk(&format!(
                    "{left} accepted messages are not worked off; its log ends: {}",
                    self.child.last_words()
                ));
                return Ok(left);
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    async fn left(&self) -> anyhow::Result<u64> {
        match (self.scenario, self.subject) {
            (Scenario::Replies, _) => Ok(self.accepted.saturating_sub(self.stand_in.replies.count())),
            // The skeleton has no turns that would consume anything.
            (Scenario::Pings, _) | (Scenario::Webhooks | Scenario::Forms, Subject::Skeleton) => Ok(0),
            // After everybody has written once, each has a form; what forms ask leaves nothing.
            (Scenario::Forms, Subject::Parlance) if self.load.forms.is_none() => {
                Ok(self.accepted.saturating_sub(self.stand_in.replies.count()))
            }
            (Scenario::Forms, Subject::Parlance) => Ok(0),
            (Scenario::Webhooks, Subject::Parlance) => Ok(self.moment().await?.store.inbox as u64),
        }
    }

    async fn moment(&self) -> anyhow::Result<Moment> {
        let page = self.child.metrics().await.context("reading its metrics")?;
        Ok(Moment {
            usage: machine::usage(self.child.pid()).unwrap_or_default(),
            own: machine::usage(std::process::id()).unwrap_or_default(),
            ticks: machine::ticks().unwrap_or_default(),
            store: StoreFigures::read(&page),
        })
    }

    fn totals(&self, left_over: u64, memory: Memory) -> Run {
        let replies = &self.stand_in.replies;
        Run {
            subject: Some(self.subject),
            rss_bytes: memory.now,
            rss_most_bytes: memory.most,
            accepted: self.accepted,
            refused: self.refused,
            replied: replies.count(),
            twice: replies.again(),
            strange: replies.strange(),
            left_over,
            ..Run::default()
        }
    }
}

impl Run {
    fn each(&mut self, before: Moment, after: Moment, messages: u64) {
        let messages = messages.max(1) as f64;
        let commits = (after.store.commits - before.store.commits).max(1.0);
        self.cpu_us_each = after.usage.cpu_us.saturating_sub(before.usage.cpu_us) as f64 / messages;
        self.written_each = after.usage.written.saturating_sub(before.usage.written) as f64 / messages;
        self.syncs_each = (after.store.commits - before.store.commits) * SYNCS_A_COMMIT / messages;
        self.items_per_commit = (after.store.items - before.store.items) / commits;
        self.commit_ms = (after.store.seconds - before.store.seconds) * 1_000.0 / commits;
    }

    /// Whether every accepted message got exactly one reply, or was worked off where none is due.
    pub(super) fn is_complete(&self, scenario: Scenario) -> bool {
        let right = match scenario {
            Scenario::Replies => self.replied == self.accepted,
            Scenario::Webhooks | Scenario::Pings => self.replied == 0,
            // A form went to each person, or to nobody; that was counted before anything was measured.
            Scenario::Forms => true,
        };
        right && self.left_over == 0 && self.refused == 0 && self.twice == 0 && self.strange == 0
    }
}

/// A value of a metrics page, by its whole name; 0 if it is not there.
pub(super) fn figure(page: &str, name: &str) -> f64 {
    let line = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.and_then(|value| value.parse().ok()).unwrap_or_default()
}

impl StoreFigures {
    fn read(page: &str) -> Self {
        let value = |name: &str| figure(page, name);
        Self {
            commits: value("parlance_store_commit_batch_size_count"),
            items: value("parlance_store_commit_batch_size_sum"),
            seconds: value("parlance_store_commit_seconds_sum"),
            inbox: value("parlance_inbox_messages"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Metrics;

    #[test]
    fn figures_are_found_on_the_metrics_page() {
        let metrics = Metrics::default();
        metrics.commit_items.observe(3.0);
        metrics.commit_items.observe(4.0);
        metrics.commit_seconds.observe(0.5);
        let page = metrics.page(&*storage::Model::new(), &actors::EngineStatus::default(), 0);
        assert_eq!(StoreFigures::read(&page), StoreFigures { commits: 2.0, items: 7.0, seconds: 0.5, inbox: 0.0 });
    }

    #[test]
    fn run_is_complete_only_if_each_message_has_one_reply() {
        let run = Run { accepted: 5, replied: 5, ..Run::default() };
        assert!(run.is_complete(Scenario::Replies));
        assert!(!run.is_complete(Scenario::Webhooks), "nobody should have replied");
        for wrong in [
            Run { replied: 4, ..run.clone() },
            Run { twice: 1, ..run.clone() },
            Run { strange: 1, ..run.clone() },
            Run { left_over: 1, ..run },
        ] {
            assert!(!wrong.is_complete(Scenario::Replies), "{wrong:?}");
        }
    }
}
