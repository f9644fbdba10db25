//! `edge`: 100 people chat at a fixed rate, alone and while one trouble after the other goes on at the front door. What is
//! asked is how much longer their replies take, what the process keeps of it, and whether anything is taken that must not be.
//!
//! 1. Alone, trouble, alone, trouble, …, alone: a ratio is a trouble over the mean of its two neighbours.
//! 2. A trouble that ends by itself is waited for, and the chat goes on until then.
//! 3. After each trouble everything that was acknowledged gets its reply, and descriptors go back to where they were.

mod chat;
mod ears;
mod outcome;
mod trouble;

use std::sync::Arc;
use std::time::Duration;

use actors::{AdjustableClock, Clock};
use anyhow::{Context, ensure};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::child::{Child, Order};
use super::load::{Tally, attempt};
use super::machine;
use super::message::Writer;
use super::round::{Plan, Subject};
use super::stand_in::{Replies, StandIn};
use super::{Scenario, talk};
use chat::{Chat, Said};
use ears::{CROWD, Ears, HIDDEN, ONE, PIPELINED};
pub(super) use outcome::Outcome;
use outcome::Phase;
use trouble::{Counts, Ground, Trouble};

/// Connections that say nothing, if the system allows so many descriptors, and those that everything else may need.
const IDLE: u64 = 10_000;
const OTHERS: u64 = 4_000;
/// Messages a second to a number of Meta's top tier.
const STREAM_A_SECOND: u32 = 1_000;
/// Messages of the one who floods.
const ONE_SENDS: u32 = 10_000;
/// The product's own default; other benches keep everybody in memory.
const SETTINGS: [(&str, &str); 1] = [("PARLANCE__CONVERSATION__MAX_LIVE", "10000")];
/// Between two looks at memory, and between two new connections that ask whether anybody is there.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// No answer within this time is as bad as none.
const FRESH_WITHIN: Duration = Duration::from_secs(10);
/// For what a trouble left behind, without any progress.
const STUCK: Duration = Duration::from_secs(60);
/// For connections to be closed on both sides.
const CLOSED_WITHIN: Duration = Duration::from_secs(20);
/// Descriptors more than before: connections to Meta that are kept for the next message.
const DESCRIPTORS_MORE: u64 = 64;
const HEALTH: &[u8] = b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n";

/// One of the troubles, to look at it alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Choice {
    /// Heads and bodies that come a byte at a time
    Slow,
    /// Connections that say nothing
    Idle,
    /// Wrong signatures and garbage
    Flood,
    /// Requests whose ends two readers could see in two places
    Shapes,
    /// Very many people who write once, 1,000 a second
    Stream,
    /// The same as fast as it is acknowledged
    Crowd,
    /// One person who writes as fast as it is taken
    One,
}

impl Choice {
    fn is(self, trouble: Trouble) -> bool {
        self == match trouble {
            Trouble::Slow => Self::Slow,
            Trouble::Idle { .. } => Self::Idle,
            Trouble::Flood => Self::Flood,
            Trouble::Shapes => Self::Shapes,
            Trouble::Stream { .. } => Self::Stream,
            Trouble::Crowd { .. } => Self::Crowd,
            Trouble::One { .. } => Self::One,
        }
    }
}

struct Edge {
    child: Child,
    chat: Chat,
    ears: Arc<Ears>,
    replies: Arc<Replies>,
    window: Duration,
    heard_before: u64,
    _stand_in: StandIn,
}

/// Runs it. Errors: the process did not start, or ended by itself.
pub(super) async fn run(plan: &Plan, rate: u32, senders: u32, only: Option<Choice>) -> anyhow::Result<Outcome> {
    let allowed = machine::allow_descriptors();
    let idle = IDLE.min(allowed.saturating_sub(OTHERS)) as u32;
    if u64::from(idle) < IDLE {
        talk(&format!("edge: the system allows {allowed} descriptors, so {idle} idle connections instead of {IDLE}"));
    }
    let troubles = [
        Trouble::Slow,
        Trouble::Idle { connections: idle },
        Trouble::Flood,
        Trouble::Shapes,
        Trouble::Stream { senders, rate: STREAM_A_SECOND },
        Trouble::Crowd { senders },
        Trouble::One { messages: ONE_SENDS },
    ];
    let mut edge = Edge::start(plan, rate).await?;
    let mut phases = vec![edge.alone().await?];
    for trouble in troubles.into_iter().filter(|trouble| only.is_none_or(|only| only.is(*trouble))) {
        talk(&format!("edge: {}", trouble.name()));
        phases.push(edge.trouble(trouble).await?);
        phases.push(edge.alone().await?);
    }
    Ok(Outcome::of(plan, rate, phases, (edge.replies.again(), edge.replies.strange())))
}

impl Edge {
    async fn start(plan: &Plan, rate: u32) -> anyhow::Result<Self> {
        let ears = Arc::new(Ears::default());
        let hearing = ears.clone();
        let stand_in = StandIn::start(Arc::new(move |n, _: &[u8]| hearing.hear(n))).await.context("the stand-in")?;
        let order = Order {
            subject: Subject::Parlance,
            scenario: Scenario::Replies,
            dir: &plan.dir,
            graph: stand_in.address,
            people: plan.people,
        };
        let child = Child::start_with(&order, &SETTINGS).await?;
        let now_ms = AdjustableClock::system().now_ms();
        let writer = Arc::new(Writer::new(child.secret.clone(), plan.people, now_ms, child.front.to_string()));
        let mut chat = Chat { address: child.front, writer, ears: ears.clone(), rate, said: 0 };
        chat.warm_up(plan.people).await?;
        let replies = stand_in.replies.clone();
        Ok(Self { child, chat, ears, replies, window: plan.window, heard_before: 0, _stand_in: stand_in })
    }

    async fn alone(&mut self) -> anyhow::Result<Phase> {
        let watch = Watch::start(&self.child);
        let said = self.chat.talk_for(self.window).await?;
        let mut phase = watch.end(said).await?;
        phase.descriptors = machine::descriptors(self.child.pid()).unwrap_or_default();
        Ok(phase)
    }

    async fn trouble(&mut self, trouble: Trouble) -> anyhow::Result<Phase> {
        self.heard_before = self.heard();
        let before = machine::descriptors(self.child.pid()).unwrap_or_default();
        let ground = Ground {
            address: self.child.front,
            writer: self.chat.writer.clone(),
            stop: CancellationToken::new(),
            counts: Arc::<Counts>::default(),
        };
        let (stop, counts) = (ground.stop.clone(), ground.counts.clone());
        let watch = Watch::start(&self.child);
        let begun = Instant::now();
        let running = tokio::spawn(trouble.run(ground));
        let mut said = self.chat.talk_for(self.window).await?;
        while trouble.ends() && (!running.is_finished() || self.open(&counts) > 0) && said.lost == 0 {
            said.add(self.chat.talk_for(self.window).await?);
        }
        let took = begun.elapsed();
        stop.cancel();
        running.await.context("the trouble")?;
        let lost = self.come_in(&counts).await;
        let mut phase = watch.end(said).await?;
        phase.trouble = Some(trouble);
        phase.seconds = took.as_secs_f64();
        phase.descriptors_before = before;
        phase.descriptors = self.closed(before).await;
        phase.made = counts.get(|counts| &counts.made);
        phase.closed = counts.get(|counts| &counts.closed);
        phase.refused = counts.get(|counts| &counts.refused);
        phase.taken = counts.get(|counts| &counts.taken);
        phase.wrong = counts.get(|counts| &counts.wrong) + self.ears.heard(HIDDEN);
        phase.lost += lost;
        if lost > 0 {
            talk(&format!("edge: {lost} replies are missing; its log ends: {}", self.child.last_words()));
        }
        Ok(phase)
    }

    /// Messages of the trouble that were taken and have no reply yet.
    fn open(&self, counts: &Counts) -> u64 {
        (self.heard_before + counts.get(|counts| &counts.taken)).saturating_sub(self.heard())
    }

    /// Replies to messages of troubles.
    fn heard(&self) -> u64 {
        [CROWD, ONE, PIPELINED].map(|first| self.ears.heard(first)).iter().sum()
    }

    /// Waits until everything that was taken has its reply; how many have none when nothing moves any more.
    async fn come_in(&self, counts: &Counts) -> u64 {
        let (mut least, mut moved) = (u64::MAX, Instant::now());
        loop {
            let open = self.open(counts);
            if open < least {
                (least, moved) = (open, Instant::now());
            }
            if open == 0 || moved.elapsed() > STUCK {
                return open;
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Waits until descriptors are back where they were, or it has become too late for that; how many there are then.
    async fn closed(&self, before: u64) -> u64 {
        let until = Instant::now() + CLOSED_WITHIN;
        loop {
            let open = machine::descriptors(self.child.pid()).unwrap_or_default();
            if open <= before + DESCRIPTORS_MORE || Instant::now() > until {
                return open;
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
}

/// Looks at memory and at the door while something goes on.
struct Watch {
    stop: CancellationToken,
    looking: JoinHandle<Look>,
    pid: u32,
    cpu_us: u64,
    own_us: u64,
    ticks: machine::Ticks,
    begun: Instant,
}

/// What was seen.
#[derive(Default)]
struct Look {
    rss_bytes: u64,
    descriptors: u64,
    /// How long new connections took to be answered.
    fresh: Tally,
}

impl Watch {
    fn start(child: &Child) -> Self {
        let (stop, pid) = (CancellationToken::new(), child.pid());
        let looking = tokio::spawn(look(child.front, pid, stop.clone()));
        let cpu = |pid| machine::usage(pid).unwrap_or_default().cpu_us;
        let ticks = machine::ticks().unwrap_or_default();
        Self { stop, looking, pid, cpu_us: cpu(pid), own_us: cpu(std::process::id()), ticks, begun: Instant::now() }
    }

    async fn end(self, said: Said) -> anyhow::Result<Phase> {
        let cpu = |pid| machine::usage(pid).unwrap_or_default().cpu_us;
        let (cpu_us, own_us) = (cpu(self.pid) - self.cpu_us, cpu(std::process::id()) - self.own_us);
        let seconds = self.begun.elapsed().as_secs_f64();
        self.stop.cancel();
        let look = self.looking.await.context("looking at the process")?;
        ensure!(look.rss_bytes > 0, "the process ended by itself");
        let percent = |us: u64| us as f64 / seconds / 10_000.0;
        Ok(Phase {
            seconds,
            replies: said.replies.acks_us.len(),
            p50_ms: said.replies.quantile_ms(0.5),
            p99_ms: said.replies.quantile_ms(0.99),
            most_ms: said.replies.quantile_ms(1.0),
            again: said.again,
            lost: said.lost,
            fresh_p99_ms: look.fresh.quantile_ms(0.99),
            fresh_most_ms: look.fresh.quantile_ms(1.0),
            unanswered: look.fresh.refused,
            rss_most_bytes: look.rss_bytes,
            descriptors_most: look.descriptors,
            cpu_percent: percent(cpu_us),
            own_cpu_percent: percent(own_us),
            others_percent: machine::ticks().unwrap_or_default().others_percent(self.ticks, cpu_us + own_us),
            ..Phase::default()
        })
    }
}

async fn look(front: std::net::SocketAddr, pid: u32, stop: CancellationToken) -> Look {
    let mut look = Look::default();
    let mut ticks = tokio::time::interval(LOOK_EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    while stop.run_until_cancelled(ticks.tick()).await.is_some() {
        look.rss_bytes = look.rss_bytes.max(machine::memory(pid).unwrap_or_default().now);
        look.descriptors = look.descriptors.max(machine::descriptors(pid).unwrap_or_default());
        let asked = Instant::now();
        let status = tokio::time::timeout(FRESH_WITHIN, attempt(front, &mut None, HEALTH)).await;
        look.fresh.count(status.ok().and_then(Result::ok).unwrap_or_default(), asked);
    }
    look.fresh.acks_us.sort_unstable();
    look
}
