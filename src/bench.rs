//! `parlance bench`: drives the real binary over loopback and a bare skeleton of it in the same minutes, and prints what
//! it measured as ratios of the two.
//!
//! 1. Each run has processes, ports and a folder of its own: the skeleton, then per round Parlance and the skeleton.
//! 2. Everybody writes once, unmeasured. Then connections send signed webhooks, each the next one after its answer.
//! 3. Everything that was accepted is worked off, and every reply is looked for, before the next run begins.
//!
//! `fanout` is another kind of run: a fixed rate, Parlance alone, each reply followed by its three statuses. And so are
//! `broadcast`: people chat alone, during a broadcast, and alone again; and `soak`: a long time with everything going wrong
//! that we know of.
//!
//! Load and stand-in share the machine with what is measured, so figures are good for their ratio only.

mod broadcast;
mod child;
mod fanout;
mod forms;
mod load;
mod machine;
mod message;
mod report;
mod round;
mod skeleton;
mod soak;
mod stand_in;
mod verdict;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use clap::ValueEnum;
use serde::Serialize;
use tokio::signal::unix::{SignalKind, signal};

use report::Report;
use round::{Plan, Subject};

/// Options.
#[derive(clap::Args, Clone, Debug)]
pub struct Args {
    /// How long each run is measured, at most 2h; 5s, of `soak` 10m
    #[arg(long = "for", value_name = "TIME", value_parser = time)]
    window: Option<Duration>,
    /// Connections that send webhooks
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=4_096))]
    conns: u32,
    /// People who write; 10,000, of `soak` 300 at a time
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    people: Option<u32>,
    /// Rounds of each scenario
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100))]
    rounds: u32,
    /// What is measured
    #[arg(long, value_enum, default_value = "all")]
    scenario: Choice,
    /// Messages a second, whatever the answers take: of `fanout` and `broadcast` 1,000, of `soak` 20
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    rate: Option<u32>,
    /// Of `soak`: where its faults come from
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Of `broadcast`: people who get it
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    recipients: u32,
    /// Of `fanout`: statuses in one webhook
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    statuses_per_body: u32,
    /// Where the files of the runs go; should be on the disk that is to be judged
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Print JSON instead of a table
    #[arg(long)]
    json: bool,
    /// Be the skeleton: how the command starts the other side of its comparison
    #[arg(long, hide = true)]
    skeleton: Option<Scenario>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Choice {
    /// Webhooks stored and synced before their 200; a turn without a reply follows each
    Webhooks,
    /// From the webhook through a turn of five nodes to the reply at the Graph API
    Replies,
    /// Both
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
    /// A long time at a low rate, with faults of Meta, ends and kills: what is lost, and what grows
    Soak,
}

/// One thing to measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "snake_case")]
enum Scenario {
    Webhooks,
    Replies,
    Pings,
    Forms,
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

    /// The ratio to the skeleton that is aimed at.
    fn aim(self) -> f64 {
        match self {
            Self::Webhooks => 0.50,
            Self::Replies => 0.45,
            Self::Pings => 0.90,
            Self::Forms => 0.75,
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
    fn scenarios(self) -> &'static [Scenario] {
        match self {
            Self::Webhooks => &[Scenario::Webhooks],
            Self::Replies => &[Scenario::Replies],
            Self::Fanout | Self::Broadcast | Self::Soak => &[],
            Self::Pings => &[Scenario::Pings],
            Self::Forms => &[Scenario::Forms],
            Self::Flows => &[Scenario::Pings, Scenario::Forms],
            Self::All => &[Scenario::Webhooks, Scenario::Replies],
        }
    }

    fn window(self) -> Duration {
        Duration::from_secs(match self {
            Self::Soak => 600,
            _ => 5,
        })
    }

    fn people(self) -> u32 {
        match self {
            Self::Soak => 300,
            _ => 10_000,
        }
    }

    fn rate(self) -> u32 {
        match self {
            Self::Soak => 20,
            _ => 1_000,
        }
    }
}

impl Args {
    fn rate(&self) -> u32 {
        self.rate.unwrap_or(self.scenario.rate())
    }
}

/// Runs it. Errors: a process did not start or broke off, or a reply is missing or came twice.
pub fn run(args: Args) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("starting the runtime")?;
    if let Some(scenario) = args.skeleton {
        return runtime.block_on(skeleton::serve(scenario));
    }
    if args.scenario == Choice::Fanout {
        let outcome = runtime.block_on(unless_ended(fanout::run(&plan(&args), args.rate(), args.statuses_per_body)))?;
        print(&if args.json { outcome.json() } else { outcome.table() });
        return outcome.refuse_wrong_replies();
    }
    if args.scenario == Choice::Broadcast {
        let outcome = runtime.block_on(unless_ended(broadcast::run(&plan(&args), args.rate(), args.recipients)))?;
        print(&if args.json { outcome.json() } else { outcome.table() });
        return outcome.refuse_wrong();
    }
    if args.scenario == Choice::Soak {
        let outcome = runtime.block_on(unless_ended(soak::run(&plan(&args), args.rate(), args.seed)))?;
        print(&if args.json { outcome.json() } else { outcome.table() });
        return outcome.refuse();
    }
    let report = runtime.block_on(unless_ended(measure(&args)))?;
    print(&if args.json { report.json() } else { report.table() });
    report.refuse_wrong_replies()
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

fn plan(args: &Args) -> Plan {
    let dir = args.dir.clone().unwrap_or_else(std::env::temp_dir);
    Plan {
        window: args.window.unwrap_or(args.scenario.window()),
        conns: args.conns,
        people: args.people.unwrap_or(args.scenario.people()),
        dir,
    }
}

async fn measure(args: &Args) -> anyhow::Result<Report> {
    let plan = plan(args);
    let mut report = Report::new(&plan, args.rounds);
    for &scenario in args.scenario.scenarios() {
        let mut runs = Vec::new();
        for number in 0..=2 * args.rounds {
            let subject = if number % 2 == 0 { Subject::Skeleton } else { Subject::Parlance };
            talk(&format!("{} {}/{}: {}", scenario.name(), number + 1, 2 * args.rounds + 1, subject.name()));
            let run = round::run(&plan, scenario, subject).await;
            runs.push(run.with_context(|| format!("measuring {} of {}", scenario.name(), subject.name()))?);
        }
        report.add(scenario, runs);
    }
    Ok(report)
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
