//! `fanout`: messages at a fixed rate, a reply of the bot to each, and three statuses for each reply. The rate does not
//! give way when answers are slow, so what cannot be kept up with shows as waiting and as a queue that grows.

mod drift;
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
use super::message::{Writer, number_id};
use super::round::{Plan, SYNCS_A_COMMIT, Subject, figure};
use super::stand_in::{Replies, StandIn};
use super::{Scenario, talk};
use drift::{Collected, Drift};
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
    /// From when a message should have left to its reply at the stand-in.
    replies: Mutex<Tally>,
}

impl Ears {
    fn hear(&self, n: u64, body: &[u8]) {
        if let Some(statuses) = self.statuses.get() {
            statuses.arrived(n, body);
        }
        if let Some(due) = self.pace.get().and_then(|pace| pace.due(n)) {
            self.replies.lock().count(200, due);
        }
    }
}

struct Fanout {
    child: Child,
    replies: Arc<Replies>,
    counts: Arc<Counts>,
    ears: Arc<Ears>,
    /// Acknowledgements of messages.
    messages: Arc<Mutex<Tally>>,
    load: Load,
    _stand_in: StandIn,
}

/// What is offered.
#[derive(Clone, Copy, Debug)]
pub(super) struct Offer {
    /// Messages a second, over all numbers.
    pub rate: u32,
    pub numbers: u32,
    pub statuses_per_body: u32,
}

/// Runs it. Errors: the process did not start or a connection broke.
pub(super) async fn run(plan: &Plan, offer: Offer) -> anyhow::Result<Outcome> {
    let mut fanout = Fanout::start(plan, offer).await?;
    talk(&format!("fanout: {} people write once", plan.people));
    fanout.everybody_once(plan).await?;
    let Offer { rate, numbers, .. } = offer;
    talk(&format!("fanout: {rate} messages a second to {numbers} numbers for {} s", plan.window.as_secs_f64()));
    fanout.measure(plan, offer).await
}

impl Fanout {
    async fn start(plan: &Plan, offer: Offer) -> anyhow::Result<Self> {
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
        let settings = further_numbers(offer.numbers);
        let settings: Vec<_> = settings.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let child = Child::start_with(&order, &settings).await?;
        let now_ms = AdjustableClock::system().now_ms();
        let writer = Writer::new(child.secret.clone(), plan.people, now_ms, child.front.to_string());
        let writer = Arc::new(writer.over_numbers(offer.numbers));
        let statuses = Statuses::start(&writer, offer.numbers, child.front, plan.conns, offer.statuses_per_body);
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
        Ok(Self { child, replies, counts, ears, messages: Arc::default(), load, _stand_in: stand_in })
    }

    async fn everybody_once(&mut self, plan: &Plan) -> anyhow::Result<()> {
        let tally = load::send(&self.load).await.with_context(|| self.last_words())?;
        ensure!(tally.acks_us.len() == plan.people as usize, "not everybody was answered 200 before the measured part");
        self.come_in(plan.people.into(), WARM_UP).await;
        let _unmeasured = self.counts.take_acks();
        self.load.next.store(plan.people.into(), Ordering::Relaxed);
        Ok(())
    }

    async fn measure(&mut self, plan: &Plan, offer: Offer) -> anyhow::Result<Outcome> {
        let Offer { rate, numbers, statuses_per_body } = offer;
        let offered = (f64::from(rate) * plan.window.as_secs_f64()).round() as u64;
        let first = u64::from(plan.people);
        let start = Instant::now() + Duration::from_millis(50);
        let pace = Pace::new(start, first, rate);
        ensure!(self.ears.pace.set(pace).is_ok(), "a pace is set once");
        self.load.end = first + offered;
        let before = self.moment().await?;
        let sending = load::send_paced(&self.load, pace, &self.messages);
        let sampling = self.sample(start, plan.window, rate);
        let (sent, sampled) = tokio::join!(sending, sampling);
        sent.with_context(|| self.last_words())?;
        let (mut drift, samples) = sampled?;
        let (took, in_window) = (start.elapsed(), self.moment().await?);
        let accepted = first + drift.messages() + self.messages.lock().acks_us.len() as u64;
        self.come_in(accepted, REST).await;
        drift.end(&self.collect(), &in_window);
        let memory = machine::memory(self.child.pid()).unwrap_or_default();
        let after = self.moment().await?;
        let seconds = took.as_secs_f64();
        let all = drift.all();
        let each = |figure: f64| figure / offered.max(1) as f64;
        Ok(Outcome {
            rate,
            numbers,
            statuses_per_body,
            window_seconds: plan.window.as_secs_f64(),
            people: plan.people,
            connections: plan.conns,
            offered,
            messages: Share::of(&all.messages, seconds),
            statuses: Share::of(&all.statuses, seconds),
            replies: Share::of(&all.replies, seconds),
            status_bodies_per_second: (in_window.bodies - before.bodies) as f64 / seconds,
            accepted,
            replied: self.replies.count(),
            twice: self.replies.again(),
            strange: self.replies.strange(),
            statuses_made: self.counts.made(),
            statuses_acknowledged: self.counts.acknowledged(),
            not_read: self.not_read().await?,
            broken: self.counts.broken(),
            samples,
            slices: drift.slices,
            cpu_percent: (in_window.usage.cpu_us - before.usage.cpu_us) as f64 / seconds / 10_000.0,
            own_cpu_percent: (in_window.own.cpu_us - before.own.cpu_us) as f64 / seconds / 10_000.0,
            cpu_us_each: each((after.usage.cpu_us - before.usage.cpu_us) as f64),
            written_each: each((after.usage.written - before.usage.written) as f64),
            syncs_each: each((after.commits - before.commits) * SYNCS_A_COMMIT),
            commits_per_second: (in_window.commits - before.commits) / seconds,
            items_per_commit: (in_window.items - before.items) / (in_window.commits - before.commits).max(1.0),
            rss_bytes: memory.now,
            rss_most_bytes: memory.most,
            file_bytes: after.file_bytes,
            steal_percent: in_window.ticks.steal_percent(before.ticks),
            others_percent: in_window.ticks.others_percent(before.ticks, in_window.ours_us() - before.ours_us()),
            files_in_memory: machine::is_in_memory(&plan.dir),
        })
    }

    /// What has come since it was last asked.
    fn collect(&self) -> Collected {
        Collected {
            messages: self.messages.lock().take(),
            statuses: self.counts.take_acks(),
            replies: self.ears.replies.lock().take(),
        }
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

    /// Looks at what waits, again and again, and at what came, slice by slice.
    async fn sample(&self, start: Instant, window: Duration, rate: u32) -> anyhow::Result<(Drift, Vec<Sample>)> {
        let (replied, mut samples) = (self.replies.count(), Vec::new());
        let mut drift = Drift::over(window, &self.moment().await?);
        let mut ticks = tokio::time::interval_at(start + SAMPLE_EVERY, SAMPLE_EVERY);
        while start.elapsed() + SAMPLE_EVERY < window {
            ticks.tick().await;
            let moment = self.moment().await?;
            let at_seconds = start.elapsed().as_secs_f64();
            if drift.is_due(at_seconds) {
                drift.slice(at_seconds, &self.collect(), &moment);
            }
            let (replies, statuses) = (self.replies.count() - replied, self.counts.acknowledged());
            samples.push(Sample {
                at_seconds,
                replies,
                statuses,
                unanswered: ((at_seconds * f64::from(rate)) as u64).saturating_sub(replies),
                unacknowledged: self.counts.made().saturating_sub(statuses),
                inbox: moment.inbox,
                outbox: moment.outbox,
                unfolded: moment.unfolded,
            });
        }
        Ok((drift, samples))
    }

    fn last_words(&self) -> String {
        format!("sending webhooks; its log ends: {}", self.child.last_words())
    }

    async fn moment(&self) -> anyhow::Result<Moment> {
        let page = self.child.metrics().await.context("reading its metrics")?;
        let count = |name| figure(&page, name) as u64;
        Ok(Moment {
            usage: machine::usage(self.child.pid()).unwrap_or_default(),
            own: machine::usage(std::process::id()).unwrap_or_default(),
            ticks: machine::ticks().unwrap_or_default(),
            commits: figure(&page, "parlance_store_commit_batch_size_count"),
            items: figure(&page, "parlance_store_commit_batch_size_sum"),
            bodies: self.counts.bodies(),
            rss_bytes: machine::memory(self.child.pid()).unwrap_or_default().now,
            file_bytes: count("parlance_store_bytes"),
            inbox: count("parlance_inbox_messages"),
            outbox: count(r#"parlance_outbox_messages{state="queued"}"#),
            unfolded: count("parlance_store_unfolded_rows"),
        })
    }
}

/// The settings of all numbers but the first.
fn further_numbers(numbers: u32) -> Vec<(String, String)> {
    let of =
        |place: u32| (format!("PARLANCE__WHATSAPP__NUMBER__{}__PHONE_NUMBER_ID", place - 1), number_id(place.into()));
    (1..numbers).map(of).collect()
}

/// How things stand.
struct Moment {
    usage: Usage,
    /// Of the bench itself: load and stand-in.
    own: Usage,
    ticks: Ticks,
    commits: f64,
    items: f64,
    bodies: u64,
    rss_bytes: u64,
    file_bytes: u64,
    inbox: u64,
    outbox: u64,
    unfolded: u64,
}

impl Moment {
    fn ours_us(&self) -> u64 {
        self.usage.cpu_us + self.own.cpu_us
    }
}
