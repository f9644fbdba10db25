//! `memory`: what conversations that sleep and conversations that are awake cost in memory.
//!
//! 1. Ten thousand people write as often as all others will, and go to sleep: now buffers, caches and the allocator hold what
//!    such traffic makes them hold. That is the base.
//! 2. Others write once each, get their reply, and go to sleep. What has come to the base is what they cost. Then as many
//!    others again: what only the next ones cost.
//! 3. In another process as many write once and stay awake; a third process has as many actors that do nothing.

use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, ensure};
use serde::Serialize;
use tokio::time::Instant;

use super::child::{Child, Order};
use super::crowd::{Crowd, People};
use super::goal::{Goal, Good};
use super::machine;
use super::round::{Plan, Subject};
use super::stand_in::StandIn;
use super::{Scenario, talk};

/// Who warms the base; also how many conversations are awake at the most where all go to sleep.
const REGULARS: u64 = 10_000;
/// Conversations go to sleep after this silence.
const ASLEEP_AFTER: &str = "2s";
/// Memory counts once it has not fallen by a MB for so long, and after so long at the latest.
const STILL: Duration = Duration::from_secs(12);
const STILL_AT_LAST: Duration = Duration::from_secs(90);
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// For everybody to go to sleep, for actors to start.
const PATIENCE: Duration = Duration::from_secs(120);
const MB: f64 = (1 << 20) as f64;

/// What the processes held.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Outcome {
    conversations: u64,
    /// All in MB. Right after the start; after the regulars; after all others; after as many others again.
    started_mb: f64,
    base_mb: f64,
    asleep_mb: f64,
    asleep_twice_mb: f64,
    /// The most while they came.
    asleep_most_mb: f64,
    /// All awake; and as many actors that do nothing, in a process that has nothing else.
    awake_mb: f64,
    awake_most_mb: f64,
    bare_mb: f64,
}

/// Runs it. Errors: a process did not start, or somebody's message was not worked off.
pub(super) async fn run(plan: &Plan, conversations: u32) -> anyhow::Result<Outcome> {
    let count = u64::from(conversations);
    let stand_in = StandIn::start(Arc::new(|_, _: &[u8]| ())).await.context("starting the stand-in")?;
    let sleepers = sleepers(plan, &stand_in, count).await?;
    talk(&format!("memory: {count} conversations that stay awake"));
    let child = child(plan, &stand_in, (count * 5 / 4 + 1_000).to_string(), "1h").await?;
    Crowd::of(&child).write(&child, People { first: 0, count }, count).await?;
    let awake_mb = still(&child).await?;
    let awake = child.figure("parlance_actors").await?;
    ensure!(awake >= count as f64, "{awake} of {count} conversations are awake");
    let awake_most_mb = most(child.pid());
    drop(child);
    talk(&format!("memory: {count} actors that do nothing"));
    let bare_mb = bare(conversations).await?;
    Ok(Outcome { awake_mb, awake_most_mb, bare_mb, ..sleepers })
}

async fn sleepers(plan: &Plan, stand_in: &StandIn, count: u64) -> anyhow::Result<Outcome> {
    let child = child(plan, stand_in, REGULARS.to_string(), ASLEEP_AFTER).await?;
    let (pid, mut crowd) = (child.pid(), Crowd::of(&child));
    let started_mb = now(pid);
    let regulars = REGULARS.min(count);
    talk(&format!("memory: {regulars} people write {count} messages, and sleep"));
    crowd.write(&child, People { first: 0, count: regulars }, count).await?;
    let base_mb = asleep(&child).await?;
    let mut after = [0.0; 2];
    for (first, after) in [regulars, regulars + count].into_iter().zip(&mut after) {
        talk(&format!("memory: {count} others write once, and sleep"));
        crowd.write(&child, People { first, count }, count).await?;
        *after = asleep(&child).await?;
    }
    Ok(Outcome {
        conversations: count,
        started_mb,
        base_mb,
        asleep_mb: after[0],
        asleep_twice_mb: after[1],
        asleep_most_mb: most(pid),
        awake_mb: 0.0,
        awake_most_mb: 0.0,
        bare_mb: 0.0,
    })
}

async fn child(plan: &Plan, stand_in: &StandIn, max_live: String, passivate: &str) -> anyhow::Result<Child> {
    let settings = [
        ("PARLANCE__CONVERSATION__MAX_LIVE", max_live.as_str()),
        ("PARLANCE__CONVERSATION__IDLE_PASSIVATE", passivate),
    ];
    let (scenario, graph) = (Scenario::Replies, stand_in.address);
    let order = Order { subject: Subject::Parlance, scenario, dir: &plan.dir, graph, people: 0 };
    Child::start_with(&order, &settings).await
}

/// Memory once nobody is awake.
async fn asleep(child: &Child) -> anyhow::Result<f64> {
    let until = Instant::now() + PATIENCE;
    loop {
        let awake = child.figure("parlance_actors").await?;
        if awake == 0.0 {
            return still(child).await;
        }
        ensure!(Instant::now() < until, "{awake} conversations do not go to sleep");
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Memory once it falls no more: buffers are folded, and the allocator has given back what it gives back. Somebody looks at
/// its metrics meanwhile, as somebody does: an allocator gives back while its threads do something.
async fn still(child: &Child) -> anyhow::Result<f64> {
    let mut falling = Falling::new();
    while falling.goes_on(now(child.pid())) {
        child.metrics().await.context("reading its metrics")?;
        tokio::time::sleep(LOOK_EVERY).await;
    }
    Ok(now(child.pid()))
}

/// Whether memory still falls.
struct Falling {
    least: f64,
    fell: Instant,
    until: Instant,
}

impl Falling {
    fn new() -> Self {
        Self { least: f64::MAX, fell: Instant::now(), until: Instant::now() + STILL_AT_LAST }
    }

    fn goes_on(&mut self, now: f64) -> bool {
        if now < self.least - 1.0 {
            self.fell = Instant::now();
        }
        self.least = self.least.min(now);
        self.fell.elapsed() < STILL && Instant::now() < self.until
    }
}

fn now(pid: u32) -> f64 {
    machine::memory(pid).unwrap_or_default().now as f64 / MB
}

fn most(pid: u32) -> f64 {
    machine::memory(pid).unwrap_or_default().most as f64 / MB
}

/// Memory of a process that has only so many actors.
async fn bare(count: u32) -> anyhow::Result<f64> {
    let mut command = Command::new(std::env::current_exe().context("finding this program")?);
    command.args(["bench", "--bare-actors", &count.to_string()]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut process = Ended(command.spawn().context("starting a process")?);
    let words = process.0.stdout.take().context("it has no output")?;
    let read = tokio::task::spawn_blocking(move || {
        let mut line = String::new();
        BufReader::new(words).read_line(&mut line).map(|_| line)
    });
    let line = tokio::time::timeout(PATIENCE, read).await.context("the actors did not start in time")??;
    let line = line.context("reading what it says")?;
    ensure!(line.trim() == count.to_string(), "it says {line:?} in the place of {count}");
    let (pid, mut falling) = (process.0.id(), Falling::new());
    while falling.goes_on(now(pid)) {
        tokio::time::sleep(LOOK_EVERY).await;
    }
    Ok(now(pid))
}

/// A process that is killed with its owner.
struct Ended(std::process::Child);

impl Drop for Ended {
    fn drop(&mut self) {
        // Errors mean that it has ended already.
        let _ended = self.0.kill();
        let _gone = self.0.wait();
    }
}

/// Be the process that has only actors, until its input ends.
pub(super) async fn be_bare(count: u32) -> anyhow::Result<()> {
    let crowd = actors::bare::Crowd::start(count as usize).await?;
    super::print(&crowd.count().to_string());
    let ended = tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new()));
    ended.await?.context("waiting for the end of the input")?;
    Ok(())
}

impl Outcome {
    pub(super) fn goals(&self) -> Vec<Goal> {
        let count = self.conversations;
        let hundred_thousands = count as f64 / 100_000.0;
        vec![
            Goal {
                metric: format!("{count} conversations asleep beside the base"),
                unit: "MB more",
                skeleton: Some(self.base_mb),
                parlance: self.asleep_mb,
                figure: self.asleep_mb - self.base_mb,
                floor: 40.0 * hundred_thousands,
                aim: Some(15.0 * hundred_thousands),
                good: Good::Low,
            },
            Goal {
                metric: format!("{count} awake beside actors that do nothing"),
                unit: "MB",
                skeleton: Some(self.bare_mb),
                parlance: self.awake_mb,
                figure: self.awake_mb / self.bare_mb.max(1.0),
                floor: 2.0,
                aim: Some(1.6),
                good: Good::Low,
            },
        ]
    }

    pub(super) fn write(&self, text: &mut String) {
        let each = |mb: f64| mb * MB / self.conversations.max(1) as f64 / 1_000.0;
        text.push_str(&format!(
            "\nmemory: {} conversations; MB of the whole process, when it falls no more\n\n",
            self.conversations
        ));
        let mut row = |name: &str, mb: f64, more: String| text.push_str(&format!("  {name:<44}{mb:>8.0}  {more}\n"));
        row("started, nobody has written", self.started_mb, String::new());
        row("base: the regulars wrote and sleep", self.base_mb, String::new());
        let more = self.asleep_mb - self.base_mb;
        row("the others sleep too", self.asleep_mb, format!("{more:+.0} (most on the way {:.0})", self.asleep_most_mb));
        row("and as many again", self.asleep_twice_mb, format!("{:+.0}", self.asleep_twice_mb - self.asleep_mb));
        let most = self.awake_most_mb;
        row("all awake", self.awake_mb, format!("{:.1} kB each (most on the way {most:.0})", each(self.awake_mb)));
        row("actors that do nothing", self.bare_mb, format!("{:.1} kB each", each(self.bare_mb)));
    }
}
