//! `parlance bench`: drives the real binary over loopback and a bare skeleton of it in the same minutes, and prints what
//! it measured as ratios of the two.
//!
//! 1. Each run has processes, ports and a folder of its own: the skeleton, then per round Parlance and the skeleton.
//! 2. Everybody writes once, unmeasured. Then connections send signed webhooks, each the next one after its answer.
//! 3. Everything that was accepted is worked off, and every reply is looked for, before the next run begins.
//!
//! Other kinds of runs: `fanout` is a fixed rate, Parlance alone, each reply followed by its three statuses; in `broadcast`
//! people chat alone, during a broadcast, and alone again, and in `edge` during troubles at the front door; `soak` is a long time with everything going wrong that we know of;
//! `memory` and `start` look at very many conversations, and
//! `growth` at what a day of traffic leaves. Without options all that has a floor is measured, and one table ends it.
//!
//! Load and stand-in share the machine with what is measured, so figures are good for their ratio only.

mod broadcast;
mod child;
mod crowd;
mod edge;
mod fanout;
mod forms;
mod goal;
mod growth;
mod load;
mod machine;
mod memory;
mod message;
mod report;
mod round;
mod skeleton;
mod soak;
mod stand_in;
mod start;
mod verdict;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use clap::ValueEnum;
use serde::Serialize;
use tokio::signal::unix::{SignalKind, signal};

use report::{Metric, Report};
use round::{Plan, Subject};

/// Options.
#[derive(clap::Args, Clone, Debug)]
pub struct Args {
    /// How long each run is measured, at most 2h; 5s, of `edge` 20s, of `soak` 10m
    #[arg(long = "for", value_name = "TIME", value_parser = time)]
    window: Option<Duration>,
    /// Connections that send webhooks; 64 if not given, and 256 where webhooks a second are counted
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=4_096))]
    conns: Option<u32>,
    /// People who write; 10,000, of `edge` 100, of `soak` 300 at a time
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    people: Option<u32>,
    /// Rounds of each scenario
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100))]
    rounds: u32,
    /// What is measured
    #[arg(long, value_enum, default_value = "all")]
    scenario: Choice,
    /// One round of 2 seconds each, and a fifth of the conversations: says whether all works rather than how fast it is
    #[arg(long)]
    quick: bool,
    /// Messages a second, whatever the answers take: of `fanout` and `broadcast` 1,000, of `edge` 50, of `soak` 20
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    rate: Option<u32>,
    /// Of `edge`: people who write for the first time while others chat
    #[arg(long, value_name = "N", default_value_t = 200_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    senders: u32,
    /// Of `edge`: this trouble alone
    #[arg(long, value_enum)]
    trouble: Option<edge::Choice>,
    /// Of `soak`: where its faults come from
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Of `fanout`: numbers that people write to; the rate is that of all of them together
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=10))]
    numbers: u32,
    /// Of `fanout`: the rate is that of each number
    #[arg(long)]
    rate_each: bool,
    /// Of `broadcast`: people who get it
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    recipients: u32,
    /// Of `fanout`: statuses in one webhook
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    statuses_per_body: u32,
    /// Of `memory`: conversations (100000 if not given). Of `start`: those of the larger folder (1000000); the smaller one has a
    /// tenth
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(100..=2_000_000))]
    conversations: Option<u32>,
    /// Of `growth`: messages; a day of 20 a second if not given
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(10_000..=10_000_000))]
    messages: Option<u32>,
    /// Where the files of the runs go; should be on the disk that is to be judged
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Print JSON instead of a table
    #[arg(long)]
    json: bool,
    /// Be the skeleton: how the command starts the other side of its comparison
    #[arg(long, hide = true)]
    skeleton: Option<Scenario>,
    /// Be so many actors that do nothing: the other side of `memory`
    #[arg(long, hide = true)]
    bare_actors: Option<u32>,
}

/// Connections where nothing else is said, and where webhooks a second are counted.
const CONNECTIONS: u32 = 64;
const MANY_CONNECTIONS: u32 = 256;
/// Conversations of `memory`, and of the larger folder of `start`.
const IN_MEMORY: u32 = 100_000;
const AT_START: u32 = 1_000_000;
const QUICK: Duration = Duration::from_secs(2);
const QUICK_SHARE: u32 = 5;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Choice {
    /// Webhooks stored and synced before their 200; a turn without a reply follows each
    Webhooks,
    /// From the webhook through a turn of five nodes to the reply at the Graph API
    Replies,
    /// All that has a floor: webhooks, replies, pings, forms, memory and start
    All,
    /// The endpoint of Flows against signature, RSA and AES alone: pings, which no conversation sees
    Pings,
    /// The same against what a form asks, through its conversation and its commit
    Forms,
    /// Pings and forms
    Flows,
    /// A fixed rate of messages, each answered by the bot and each reply followed by three statuses
    Fanout,
    /// How long replies take while a broadcast goes out, against the same chat alone
    Broadcast,
    /// What troubles at the front door do to people who chat meanwhile, and to memory
    Edge,
    /// A long time at a low rate, with faults of Meta, ends and kills: what is lost, and what grows
    Soak,
    /// What conversations cost in memory, asleep and awake
    Memory,
    /// How long a start takes after a kill -9, by how many conversations there are
    Start,
    /// What a day of traffic leaves: the file, and the tail that is not folded
    Growth,
}

/// One thing to measure against the skeleton.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "snake_case")]
enum Scenario {
    Webhooks,
    Replies,
    Pings,
    Forms,
}

/// How it is measured.
struct Measurement {
    scenario: Scenario,
    conns: u32,
    metrics: &'static [Metric],
}

impl Scenario {
    fn name(self) -> &'static str {
        match self {
            Self::Webhooks => "webhooks",
            Self::Replies => "replies",
            Self::Pings => "pings",
            Self::Forms => "forms",
        }
    }

    /// The ratio to the skeleton that must be reached, and the one that is aimed at.
    fn bounds(self) -> (f64, f64) {
        match self {
            Self::Webhooks => (0.50, 0.65),
            Self::Replies => (0.45, 0.60),
            Self::Pings => (0.90, 0.95),
            Self::Forms => (0.75, 0.85),
        }
    }

    /// The bot that answers. Nobody writes to one in the scenario of pings.
    fn bot(self) -> &'static str {
        if self == Self::Pings { "webhooks" } else { self.name() }
    }

    /// Whether the endpoint of Flows is measured.
    fn is_of_flows(self) -> bool {
        matches!(self, Self::Pings | Self::Forms)
    }
}

impl Choice {
    fn window(self) -> Duration {
        Duration::from_secs(match self {
            Self::Edge => 20,
            Self::Soak => 600,
            _ => 5,
        })
    }

    fn people(self) -> u32 {
        match self {
            Self::Edge => 100,
            Self::Soak => 300,
            _ => 10_000,
        }
    }

    fn rate(self) -> u32 {
        match self {
            Self::Edge => 50,
            Self::Soak => 20,
            _ => 1_000,
        }
    }
}

impl Args {
    fn rate(&self) -> u32 {
        self.rate.unwrap_or(self.scenario.rate())
    }

    /// What is measured against the skeleton.
    fn measurements(&self) -> Vec<Measurement> {
        let scenarios: &[Scenario] = match self.scenario {
            Choice::Webhooks => &[Scenario::Webhooks],
            Choice::Replies => &[Scenario::Replies],
            Choice::Pings => &[Scenario::Pings],
            Choice::Forms => &[Scenario::Forms],
            Choice::Flows => &[Scenario::Pings, Scenario::Forms],
            Choice::All => &[Scenario::Webhooks, Scenario::Replies, Scenario::Pings, Scenario::Forms],
            _ => &[],
        };
        let of = |scenario, conns, metrics| Measurement { scenario, conns, metrics };
        let mut measurements = Vec::new();
        for &scenario in scenarios {
            match (scenario, self.conns) {
                // What must be reached is told of so many connections each.
                (Scenario::Webhooks, None) => {
                    measurements.push(of(scenario, MANY_CONNECTIONS, &[Metric::Rate]));
                    measurements.push(of(scenario, CONNECTIONS, &[Metric::Ack]));
                }
                (Scenario::Webhooks, Some(conns)) => {
                    measurements.push(of(scenario, conns, &[Metric::Rate, Metric::Ack]));
                }
                (_, conns) => measurements.push(of(scenario, conns.unwrap_or(CONNECTIONS), &[Metric::Rate])),
            }
        }
        measurements
    }

    fn rounds(&self) -> u32 {
        if self.quick { 1 } else { self.rounds }
    }

    fn plan(&self, conns: u32) -> Plan {
        let dir = self.dir.clone().unwrap_or_else(std::env::temp_dir);
        let window = self.window.unwrap_or(if self.quick { QUICK } else { self.scenario.window() });
        Plan { window, conns, people: self.people.unwrap_or(self.scenario.people()), dir }
    }

    fn own_plan(&self) -> Plan {
        self.plan(self.conns.unwrap_or(CONNECTIONS))
    }

    fn conversations(&self, usual: u32) -> u32 {
        self.conversations.unwrap_or(if self.quick { usual / QUICK_SHARE } else { usual })
    }
}

/// Runs it. Errors: a process did not start or broke off, or a reply is missing or came twice.
pub fn run(args: Args) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("starting the runtime")?;
    if let Some(scenario) = args.skeleton {
        return runtime.block_on(skeleton::serve(scenario));
    }
    if let Some(count) = args.bare_actors {
        return runtime.block_on(memory::be_bare(count));
    }
    runtime.block_on(unless_ended(measured(&args)))
}

async fn measured(args: &Args) -> anyhow::Result<()> {
    let plan = args.own_plan();
    let say = |json: String, table: String| print(if args.json { &json } else { &table });
    match args.scenario {
        Choice::Fanout => {
            let rate = if args.rate_each { args.rate().saturating_mul(args.numbers) } else { args.rate() };
            let offer = fanout::Offer { rate, numbers: args.numbers, statuses_per_body: args.statuses_per_body };
            let outcome = fanout::run(&plan, offer).await?;
            say(outcome.json(), outcome.table());
            outcome.refuse_wrong_replies()
        }
        Choice::Broadcast => {
            let outcome = broadcast::run(&plan, args.rate(), args.recipients).await?;
            say(outcome.json(), outcome.table());
            outcome.refuse_wrong()
        }
        Choice::Edge => {
            let outcome = edge::run(&plan, args.rate(), args.senders, args.trouble).await?;
            say(outcome.json(), outcome.table());
            outcome.refuse()
        }
        Choice::Soak => {
            let outcome = soak::run(&plan, args.rate(), args.seed).await?;
            say(outcome.json(), outcome.table());
            outcome.refuse()
        }
        Choice::Growth => {
            let outcome = growth::run(&plan, args.messages.unwrap_or(growth::DAY)).await?;
            say(outcome.json(), outcome.table());
            Ok(())
        }
        _ => {
            let report = whole(args).await;
            say(report.json(), report.table());
            report.refuse_wrong()
        }
    }
}

/// Returning, rather than dying of a signal, ends the children and removes their folders.
async fn unless_ended<T>(measured: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let mut terminate = signal(SignalKind::terminate()).context("receiving signals")?;
    tokio::select! {
        measured = measured => measured,
        _ = tokio::signal::ctrl_c() => anyhow::bail!("interrupted"),
        _ = terminate.recv() => anyhow::bail!("terminated"),
    }
}

/// What was asked for of all that has a floor; what breaks off is named, and the others go on.
async fn whole(args: &Args) -> Report {
    let mut report = Report::new(&args.own_plan(), args.rounds());
    for measurement in args.measurements() {
        match measure(args, &measurement).await {
            Ok(runs) => report.add(measurement.scenario, measurement.conns, measurement.metrics, runs),
            Err(error) => report.add_failure(measurement.scenario.name(), &error),
        }
    }
    if matches!(args.scenario, Choice::All | Choice::Memory) {
        match memory::run(&args.own_plan(), args.conversations(IN_MEMORY)).await {
            Ok(outcome) => report.memory = Some(outcome),
            Err(error) => report.add_failure("memory", &error),
        }
    }
    if matches!(args.scenario, Choice::All | Choice::Start) {
        match start::run(&args.own_plan(), args.conversations(AT_START)).await {
            Ok(outcome) => report.start = Some(outcome),
            Err(error) => report.add_failure("start", &error),
        }
    }
    report
}

async fn measure(args: &Args, measurement: &Measurement) -> anyhow::Result<Vec<round::Run>> {
    let Measurement { scenario, conns, .. } = *measurement;
    let (plan, last) = (args.plan(conns), 2 * args.rounds());
    let mut runs = Vec::new();
    for number in 0..=last {
        let subject = if number % 2 == 0 { Subject::Skeleton } else { Subject::Parlance };
        let (name, of) = (scenario.name(), last + 1);
        talk(&format!("{name} over {conns} connections {}/{of}: {}", number + 1, subject.name()));
        let run = round::run(&plan, scenario, subject).await;
        runs.push(run.with_context(|| format!("measuring {name} of {}", subject.name()))?);
    }
    Ok(runs)
}

fn time(text: &str) -> Result<Duration, &'static str> {
    let expected = "a time such as 500ms, 5s, 2m or 1h, at most 2h";
    let unit_at = text.find(|c: char| !c.is_ascii_digit()).ok_or(expected)?;
    let (number, unit) = text.split_at(unit_at);
    let unit_ms = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return Err(expected),
    };
    let ms = number.parse::<u64>().ok().and_then(|number| number.checked_mul(unit_ms)).ok_or(expected)?;
    if (1..=7_200_000).contains(&ms) { Ok(Duration::from_millis(ms)) } else { Err(expected) }
}

#[allow(clippy::print_stdout, reason = "this is the command's output")]
fn print(text: &str) {
    println!("{text}");
}

#[allow(clippy::print_stderr, reason = "tells a waiting person how far it is")]
fn talk(text: &str) {
    eprintln!("{text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(clap::Parser)]
    struct Command {
        #[command(flatten)]
        args: Args,
    }

    #[test]
    fn webhooks_count_over_many_connections_and_acks_over_few() {
        let of = |arguments: &[&str]| {
            let args = <Command as clap::Parser>::parse_from([&["bench"], arguments].concat()).args;
            args.measurements().into_iter().map(|one| (one.scenario, one.conns, one.metrics.len())).collect::<Vec<_>>()
        };
        let (webhooks, replies) = (Scenario::Webhooks, Scenario::Replies);
        assert_eq!(of(&[])[..3], [(webhooks, 256, 1), (webhooks, 64, 1), (replies, 64, 1)]);
        assert_eq!(of(&["--scenario", "webhooks", "--conns", "8"]), [(webhooks, 8, 2)]);
        assert_eq!(of(&["--scenario", "memory"]), []);
    }

    #[test]
    fn times_have_a_unit_and_a_bound() {
        assert_eq!(time("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(time("2m"), Ok(Duration::from_secs(120)));
        assert_eq!(time("2h"), Ok(Duration::from_secs(7_200)));
        for wrong in ["", "5", "s", "0s", "121m", "3h", "1d", "99999999999999999999s", "-1s", "1.5s"] {
            assert!(time(wrong).is_err(), "{wrong}");
        }
    }
}
