//! `soak`: people come, write and go at a fixed rate for a long time, while Meta fails in every way we know of and the
//! process is ended and killed now and then. What is asked is whether anything is lost, and whether anything grows.
//!
//! 1. In the first two fifths the process is killed and ended in turn, at times from the seed. From then on it runs through.
//! 2. Requests and webhooks go wrong all the time, by the seed. When the time is over nothing goes wrong any more, and
//!    everything that is open must come to its end.
//! 3. Memory is judged in the last life, after a warm-up: before that caches fill.

mod deliveries;
mod faults;
mod ledger;
mod meta;
mod open;
mod outcome;
mod samples;
mod town;

use std::collections::{HashSet, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use actors::{AdjustableClock, Clock};
use anyhow::{Context, ensure};
use rustix::process::Signal;
use serde_json::Value;
use tokio::time::Instant;

use super::child::{Child, Order};
use super::fanout::statuses::Statuses;
use super::machine;
use super::message::Writer;
use super::round::{Plan, Subject, figure};
use super::{Scenario, talk};
use deliveries::{Deliveries, Of, Parcel};
use faults::{Fault, Faults};
use ledger::Ledger;
use meta::{Meta, Parts};
use open::Open;
pub(super) use outcome::Outcome;
use outcome::Seen;
use samples::Sample;
use town::Town;

/// For what is open in the end: some tries with their pauses, one after the other for whoever waits behind another one.
const PATIENCE: Duration = Duration::from_secs(300);
const SAMPLES: u32 = 600;
const LEAST_PAUSE: Duration = Duration::from_secs(1);
const LOOK_EVERY: Duration = Duration::from_millis(200);
const WARM_UP: Duration = Duration::from_secs(300);
/// Restarts are so far apart, but there are at least two and at most this many.
const RESTART_EVERY_SECONDS: u64 = 60;
const MOST_RESTARTS: u64 = 24;
const STATUSES_PER_BODY: u32 = 4;
/// What differs from the settings of other benches: everything that waits does so for less time, so that more of it
/// happens in an hour, and what is kept is kept for minutes, so that files can stand still. How long conversations are kept,
/// the town says.
const SETTINGS: [(&str, &str); 10] = [
    ("PARLANCE__BOTS__DEFAULT", "soak"),
    ("PARLANCE__LIMITS__MESSAGES_PER_SECOND", "80"),
    ("PARLANCE__GRAPH__REQUEST_TIMEOUT", "5s"),
    ("PARLANCE__OUTBOX__DOUBT_WINDOW", "10s"),
    ("PARLANCE__OUTBOX__BACKOFF_MAX", "20s"),
    // Now and then a message meets eight faults in a row. To give it up then is no loss, but what this looks for is.
    ("PARLANCE__OUTBOX__MAX_ATTEMPTS", "1000"),
    ("PARLANCE__CONVERSATION__IDLE_PASSIVATE", "20s"),
    ("PARLANCE__CONVERSATION__MAX_LIVE", "240"),
    ("PARLANCE__RETENTION__OUTBOX", "2m"),
    ("PARLANCE__WEBHOOKS__MAX_BYTES", "33554432"),
];

const KEPT: &str = "PARLANCE__RETENTION__CONVERSATIONS";

struct Soak {
    child: Child,
    parts: Arc<Parts>,
    deliveries: Deliveries,
    started: Instant,
    life: u32,
    life_began: Instant,
    slowest_start: Duration,
    kills: Vec<u64>,
    met: Arc<AtomicU64>,
    samples: Vec<Sample>,
    _meta: Meta,
}

/// A planned end of the process.
struct Restart {
    at: Duration,
    fault: Fault,
}

/// Runs it. Errors: the process did not start, or it ended by itself.
pub(super) async fn run(plan: &Plan, rate: u32, seed: u64) -> anyhow::Result<Outcome> {
    let mut soak = Soak::start(plan, seed).await?;
    let restarts = restarts(plan.window, &soak.parts.faults);
    talk(&format!("soak: {rate} messages/s for {} s, {} restarts", plan.window.as_secs(), restarts.len()));
    let said = tokio::spawn(soak.people(plan, rate).say());
    soak.watch(plan.window, restarts).await?;
    said.await.context("the people")?;
    soak.parts.faults.end();
    talk("soak: nothing goes wrong any more; what is open comes to its end");
    soak.come_in().await?;
    soak.outcome(plan, rate, seed).await
}

/// At times from the seed, in the first two fifths: kill -9 and SIGTERM in turn.
fn restarts(window: Duration, faults: &Faults) -> VecDeque<Restart> {
    let part = window * 2 / 5;
    let count = (part.as_secs() / RESTART_EVERY_SECONDS).clamp(2, MOST_RESTARTS) as u32;
    let slot = part / count;
    let restart = |number: u32| Restart {
        at: slot * number + faults.time(slot / 4, slot),
        fault: if number.is_multiple_of(2) { Fault::Killed } else { Fault::Ended },
    };
    (0..count).map(restart).collect()
}

/// Who writes, and how often.
struct People {
    town: Town,
    rate: u32,
    window: Duration,
    started: Instant,
    /// How many have ever written.
    met: Arc<AtomicU64>,
    writer: Writer,
    parts: Arc<Parts>,
    deliveries: Deliveries,
}

impl People {
    async fn say(self) {
        let mut met = HashSet::new();
        let count = (f64::from(self.rate) * self.window.as_secs_f64()).round() as u64;
        for place in 0..count {
            let due = self.started + Duration::from_secs_f64(place as f64 / f64::from(self.rate));
            tokio::time::sleep_until(due).await;
            let person = self.town.somebody(self.started.elapsed(), self.parts.faults.below(self.town.there()));
            let (n, mut request) = (self.parts.ledger.said(person, due), Vec::new());
            met.insert(person);
            self.met.store(met.len() as u64, Ordering::Relaxed);
            self.writer.request_of(n, person, &mut request);
            self.deliveries.post(Parcel { request, of: Of::Message(n) });
        }
    }
}

impl Soak {
    async fn start(plan: &Plan, seed: u64) -> anyhow::Result<Self> {
        let started = Instant::now();
        let (faults, ledger) = (Arc::new(Faults::new(seed)), Arc::new(Ledger::new(started)));
        let parts = Arc::new(Parts { faults: faults.clone(), ledger: ledger.clone(), statuses: OnceLock::new() });
        let meta = Meta::start(parts.clone()).await.context("starting the stand-in")?;
        let order = Order {
            subject: Subject::Parlance,
            scenario: Scenario::Replies,
            dir: &plan.dir,
            graph: meta.address,
            people: plan.people,
        };
        let kept = format!("{}s", Town::new(plan.people.into(), plan.window).kept().as_secs());
        let settings: Vec<_> = SETTINGS.into_iter().chain([(KEPT, kept.as_str())]).collect();
        let child = Child::start_with(&order, &settings).await?;
        let deliveries = Deliveries::start(child.front, plan.conns, &faults, &ledger);
        let now_ms = AdjustableClock::system().now_ms();
        let writer = Arc::new(Writer::new(child.secret.clone(), 1, now_ms, child.front.to_string()));
        let (statuses, mut written) = Statuses::written(&writer, 1, STATUSES_PER_BODY);
        ensure!(parts.statuses.set(statuses).is_ok(), "statuses are started once");
        let posting = deliveries.clone();
        tokio::spawn(async move {
            while let Some(body) = written.recv().await {
                posting.post(Parcel { request: body.request, of: Of::Statuses });
            }
        });
        Ok(Self {
            child,
            parts,
            deliveries,
            started,
            life: 0,
            life_began: started,
            slowest_start: Duration::ZERO,
            kills: Vec::new(),
            met: Arc::default(),
            samples: Vec::new(),
            _meta: meta,
        })
    }

    fn people(&self, plan: &Plan, rate: u32) -> People {
        let host = self.child.front.to_string();
        People {
            town: Town::new(plan.people.into(), plan.window),
            rate,
            window: plan.window,
            started: self.started,
            met: self.met.clone(),
            writer: Writer::new(self.child.secret.clone(), 1, AdjustableClock::system().now_ms(), host),
            parts: self.parts.clone(),
            deliveries: self.deliveries.clone(),
        }
    }

    async fn watch(&mut self, window: Duration, mut restarts: VecDeque<Restart>) -> anyhow::Result<()> {
        let mut ticks = tokio::time::interval((window / SAMPLES).max(LEAST_PAUSE));
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        while self.started.elapsed() < window {
            ticks.tick().await;
            self.sample().await?;
            if restarts.front().is_some_and(|restart| restart.at <= self.started.elapsed())
                && let Some(restart) = restarts.pop_front()
            {
                self.restart(restart.fault).await?;
            }
        }
        Ok(())
    }

    async fn restart(&mut self, fault: Fault) -> anyhow::Result<()> {
        if fault == Fault::Killed {
            self.kills.push(self.parts.ledger.now_ms());
            self.child.end(Signal::KILL).await?;
        } else {
            self.child.end(Signal::TERM).await?;
        }
        self.parts.faults.count(fault);
        let took = self.child.start_again().await?;
        self.slowest_start = self.slowest_start.max(took);
        self.life += 1;
        self.life_began = Instant::now();
        Ok(())
    }

    async fn sample(&mut self) -> anyhow::Result<()> {
        let last_words = || format!("the process is not well; its log ends: {}", self.child.last_words());
        let page = self.child.metrics().await.with_context(last_words)?;
        let (store_bytes, webhook_bytes) = self.child.stored();
        self.samples.push(Sample {
            at_seconds: self.started.elapsed().as_secs_f64(),
            life: self.life,
            age_seconds: self.life_began.elapsed().as_secs_f64(),
            rss_bytes: machine::memory(self.child.pid()).unwrap_or_default().now,
            descriptors: machine::descriptors(self.child.pid()).unwrap_or_default(),
            store_bytes,
            webhook_bytes,
            open: self.parts.ledger.open(),
            inbox: figure(&page, "parlance_inbox_messages") as u64,
            outbox: figure(&page, r#"parlance_outbox_messages{state="queued"}"#) as u64,
            unfolded: figure(&page, "parlance_store_unfolded_rows") as u64,
            live: figure(&page, "parlance_actors") as u64,
            erased: figure(&page, r#"parlance_forgotten_total{kind="conversation"}"#) as u64,
        });
        Ok(())
    }

    /// Waits until every message has its reply, every webhook its 200 and every reply its last status, or for as long as
    /// that may take.
    async fn come_in(&self) -> anyhow::Result<()> {
        let until = Instant::now() + PATIENCE;
        while Instant::now() < until {
            let open = self.parts.ledger.open() + self.deliveries.counts().under_way();
            if open == 0 && self.not_read().await? == 0 {
                return Ok(());
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        talk(&format!("soak: something is open after {PATIENCE:?}; the log ends: {}", self.child.last_words()));
        Ok(())
    }

    async fn not_read(&self) -> anyhow::Result<usize> {
        let mut left = 0;
        for state in ["queued", "sending", "uncertain", "held", "accepted", "sent", "delivered", "failed", "dead"] {
            left += self.child.outbox(state).await.context("reading its outbox")?;
        }
        Ok(left)
    }

    /// What is open; the folder stays where something is.
    async fn open(&mut self) -> anyhow::Result<Vec<Open>> {
        let unanswered = self.parts.ledger.unanswered(&self.kills, open::MOST);
        let open = open::look(&self.child, unanswered).await;
        for Open { message, said } in &open {
            talk(&format!("soak: no reply: {message:?}"));
            said.iter().for_each(|(path, answer)| talk(&format!("  {path}\n    {answer}")));
        }
        Ok(open)
    }

    /// What was given up or put aside, the newest first.
    async fn aside(&self, list: &str) -> anyhow::Result<Vec<Value>> {
        let items = self.child.list(&format!("/api/v1/{list}?limit=200")).await.context("reading what was given up")?;
        items.iter().take(open::MOST).for_each(|item| talk(&format!("soak: {list}: {item}")));
        Ok(items)
    }

    async fn outcome(mut self, plan: &Plan, rate: u32, seed: u64) -> anyhow::Result<Outcome> {
        let open = self.open().await?;
        let (letters, quarantined) = (self.aside("dead-letters").await?, self.aside("quarantine").await?);
        if !open.is_empty() || !letters.is_empty() || !quarantined.is_empty() {
            talk(&format!("soak: its folder stays: {}", self.child.keep_folder().display()));
        }
        let last_life = plan.window.saturating_sub(self.life_began.saturating_duration_since(self.started));
        Ok(Outcome::of(Seen {
            seed,
            window_seconds: plan.window.as_secs_f64(),
            rate,
            people: plan.people,
            faults: self.parts.faults.seen(),
            books: self.parts.ledger.books(&self.kills),
            again: self.deliveries.counts().again(),
            undelivered: self.deliveries.counts().under_way(),
            not_read: self.not_read().await?,
            letters: letters.len(),
            quarantined: quarantined.len(),
            open,
            met: self.met.load(Ordering::Relaxed),
            starts: self.life + 1,
            slowest_start_ms: self.slowest_start.as_millis() as u64,
            warm_up_seconds: WARM_UP.min(last_life / 2).as_secs_f64(),
            descriptors_in_the_end: machine::descriptors(self.child.pid()).unwrap_or_default(),
            samples: self.samples,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn restarts_are_of_both_kinds_in_order_and_leave_a_long_last_life() {
        for minutes in [2, 5, 60, 120] {
            let window = Duration::from_secs(minutes * 60);
            let restarts = restarts(window, &Faults::new(minutes));
            assert!(restarts.iter().any(|restart| restart.fault == Fault::Killed));
            assert!(restarts.iter().any(|restart| restart.fault == Fault::Ended));
            assert!(restarts.iter().zip(restarts.iter().skip(1)).all(|(one, next)| one.at < next.at));
            assert!(restarts.back().is_some_and(|last| last.at <= window * 2 / 5));
        }
    }
}
