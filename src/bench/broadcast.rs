//! `broadcast`: people chat at a fixed rate, alone, then while a broadcast goes out, then alone again. What is asked is how
//! much longer a reply takes meanwhile, as a ratio within one run, and whether everybody got the broadcast once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use actors::{AdjustableClock, Clock};
use anyhow::{Context, ensure};
use parking_lot::Mutex;
use serde::Serialize;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::child::{Child, Order};
use super::load::{self, Load, Pace, Tally};
use super::message::{Writer, mark};
use super::round::{Plan, Subject};
use super::stand_in::{Replies, StandIn};
use super::{Scenario, talk};

/// For everybody to write once, and for what is left to come in.
const PATIENCE: Duration = Duration::from_secs(300);
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// Broadcast messages quote numbers from here on: none of the chat's.
const FIRST: u64 = 10_000_000;

/// What came of it.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Outcome {
    chatting: u32,
    per_second: u32,
    window_seconds: f64,
    recipients: u32,
    /// Times from when a message should have left to its reply (ms): alone before, meanwhile, alone after.
    before: Times,
    meanwhile: Times,
    after: Times,
    /// Meanwhile, over the mean of both times alone.
    ratio_p50: f64,
    ratio_p99: f64,
    /// How many got the broadcast within the window, and in the end; and messages of it beyond the first of a person.
    got_in_window: u64,
    got: u64,
    twice: u64,
    counts: Value,
}

#[derive(Clone, Copy, Debug, Default, Serialize)]
struct Times {
    replies: usize,
    p50_ms: f64,
    p99_ms: f64,
    most_ms: f64,
}

impl Times {
    fn of(tally: &Tally) -> Self {
        Self {
            replies: tally.acks_us.len(),
            p50_ms: tally.quantile_ms(0.5),
            p99_ms: tally.quantile_ms(0.99),
            most_ms: tally.quantile_ms(1.0),
        }
    }
}

/// What hears of messages at the stand-in.
#[derive(Default)]
struct Ears {
    pace: Mutex<Option<Pace>>,
    replies_us: Mutex<Vec<u32>>,
    got: AtomicU64,
}

impl Ears {
    fn hear(&self, n: u64) {
        if n >= FIRST {
            self.got.fetch_add(1, Ordering::Relaxed);
            return;
        }
        if let Some(due) = self.pace.lock().and_then(|pace| pace.due(n)) {
            self.replies_us.lock().push(u32::try_from(due.elapsed().as_micros()).unwrap_or(u32::MAX));
        }
    }
}

struct Run {
    child: Child,
    replies: Arc<Replies>,
    ears: Arc<Ears>,
    load: Load,
    window: Duration,
    rate: u32,
    _stand_in: StandIn,
}

/// Runs it. Errors: the process did not start, or a connection broke.
pub(super) async fn run(plan: &Plan, rate: u32, recipients: u32) -> anyhow::Result<Outcome> {
    let mut run = Run::start(plan, rate, recipients).await?;
    talk(&format!("broadcast: {} people chat alone for {} s", plan.people, plan.window.as_secs_f64()));
    let before = run.chat().await?;
    talk(&format!("broadcast: the same while {recipients} people get a broadcast"));
    let id = run.begin(recipients).await?;
    let meanwhile = run.chat().await?;
    let got_in_window = run.ears.got.load(Ordering::Relaxed);
    let counts = run.done(&id).await?;
    talk("broadcast: alone again");
    let after = run.chat().await?;
    let [before, meanwhile, after] = [before, meanwhile, after].map(|tally| Times::of(&tally));
    let alone = |of: fn(&Times) -> f64| (of(&before) + of(&after)) / 2.0;
    let got = run.ears.got.load(Ordering::Relaxed);
    Ok(Outcome {
        chatting: plan.people,
        per_second: rate,
        window_seconds: plan.window.as_secs_f64(),
        recipients,
        before,
        meanwhile,
        after,
        ratio_p50: meanwhile.p50_ms / alone(|times| times.p50_ms).max(0.001),
        ratio_p99: meanwhile.p99_ms / alone(|times| times.p99_ms).max(0.001),
        got_in_window,
        got,
        twice: run.replies.again(),
        counts,
    })
}

impl Run {
    async fn start(plan: &Plan, rate: u32, recipients: u32) -> anyhow::Result<Self> {
        let ears = Arc::new(Ears::default());
        let hearing = ears.clone();
        let stand_in = StandIn::start(Arc::new(move |n, _: &[u8]| hearing.hear(n))).await.context("the stand-in")?;
        let order = Order {
            subject: Subject::Parlance,
            scenario: Scenario::Replies,
            dir: &plan.dir,
            graph: stand_in.address,
            people: plan.people + recipients,
        };
        let child = Child::start(&order).await?;
        let now_ms = AdjustableClock::system().now_ms();
        let writer = Arc::new(Writer::new(child.secret.clone(), plan.people, now_ms, child.front.to_string()));
        let replies = stand_in.replies.clone();
        let load = Load {
            address: child.front,
            conns: plan.conns,
            writer,
            next: Arc::new(AtomicU64::new(0)),
            end: plan.people.into(),
            until: Instant::now() + PATIENCE,
            replies: Some(replies.clone()),
            forms: None,
        };
        let run = Self { child, replies, ears, load, window: plan.window, rate, _stand_in: stand_in };
        load::send(&run.load).await.context("everybody writes once")?;
        run.come_in(plan.people.into()).await?;
        Ok(run)
    }

    /// People chat for a window; the times of the replies.
    async fn chat(&mut self) -> anyhow::Result<Tally> {
        let first = self.load.end;
        let offered = (f64::from(self.rate) * self.window.as_secs_f64()).round() as u64;
        let pace = Pace::new(Instant::now() + LOOK_EVERY, first, self.rate);
        *self.ears.pace.lock() = Some(pace);
        self.load.next.store(first, Ordering::Relaxed);
        self.load.end = first + offered;
        load::send_paced(&self.load, pace, &Arc::default()).await.context("chatting")?;
        self.come_in(self.load.end).await?;
        let mut acks_us = std::mem::take(&mut *self.ears.replies_us.lock());
        acks_us.sort_unstable();
        Ok(Tally { acks_us, refused: 0 })
    }

    /// Waits until so many messages of the chat have their reply.
    async fn come_in(&self, replies: u64) -> anyhow::Result<()> {
        let until = Instant::now() + PATIENCE;
        while self.replies.count() - self.ears.got.load(Ordering::Relaxed) < replies {
            ensure!(Instant::now() < until, "replies are missing; its log ends: {}", self.child.last_words());
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Ok(())
    }

    /// Makes the broadcast, at a rate that fills the window.
    async fn begin(&self, recipients: u32) -> anyhow::Result<String> {
        let parameters = json!([{ "type": "text", "text": "{{mark}}" }]);
        let components = json!([{ "type": "body", "parameters": parameters }]);
        let template = json!({ "name": "news", "language": { "code": "en" }, "components": components });
        let person =
            |at: u32| json!({ "to": format!("9991000{at:07}"), "variables": { "mark": mark(FIRST + u64::from(at)) } });
        let rate = (f64::from(recipients) / self.window.as_secs_f64()).ceil().clamp(1.0, 1_000.0) as u32;
        let people: Vec<Value> = (0..recipients).map(person).collect();
        let body = json!({ "name": "bench", "message": { "type": "template", "template": template }, "people": people,
            "confirm": recipients, "rate": rate });
        let made = self.child.post("/api/v1/broadcasts", &body).await.context("making the broadcast")?;
        Ok(made["id"].as_str().context("the broadcast has no id")?.to_owned())
    }

    /// Waits until it is done and has left; how its people stand.
    async fn done(&self, id: &str) -> anyhow::Result<Value> {
        let until = Instant::now() + PATIENCE;
        loop {
            let shown = self.child.get(&format!("/api/v1/broadcasts/{id}")).await?;
            if shown["state"] == "done" && shown["counts"]["queued"] == 0 {
                return Ok(shown["counts"].clone());
            }
            ensure!(Instant::now() < until, "the broadcast is not done: {shown}");
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
}

impl Outcome {
    pub(super) fn json(&self) -> String {
        serde_json::to_string_pretty(self).expect("plain figures always encode")
    }

    pub(super) fn table(&self) -> String {
        let mut text = format!(
            "parlance bench {} · broadcast · {} people chat, {} messages/s, {} s each · {} recipients\n\n  {:<28}{:>10}{:>10}{:>10}{:>10}\n",
            env!("CARGO_PKG_VERSION"),
            self.chatting,
            self.per_second,
            self.window_seconds,
            self.recipients,
            "message to reply, ms",
            "replies",
            "p50",
            "p99",
            "most"
        );
        for (name, times) in
            [("alone", self.before), ("during the broadcast", self.meanwhile), ("alone again", self.after)]
        {
            let Times { replies, p50_ms, p99_ms, most_ms } = times;
            text.push_str(&format!("  {name:<28}{replies:>10}{p50_ms:>10.1}{p99_ms:>10.1}{most_ms:>10.1}\n"));
        }
        text.push_str(&format!(
            "\n  during / alone: p50 {:.2}, p99 {:.2}\n  the broadcast: {} of {} within the window, {} in the end, {} twice\n",
            self.ratio_p50, self.ratio_p99, self.got_in_window, self.recipients, self.got, self.twice
        ));
        text
    }

    /// Errors: somebody got no broadcast, or more than one.
    pub(super) fn refuse_wrong(&self) -> anyhow::Result<()> {
        let right = self.got == u64::from(self.recipients) && self.twice == 0;
        ensure!(right, "{} of {} got the broadcast, {} messages came twice", self.got, self.recipients, self.twice);
        Ok(())
    }
}
