//! The tests that look for one bad moment among very many, in the release profile and with larger numbers than CI has, and
//! the scenarios of `parlance bench` that take long.
//!
//! They say what came of it in lines such as `figures: seeds 500, lives 1200`; those of one part are added up, and the
//! table at the end shows them.

mod figures;

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use anyhow::{Context, ensure};

use self::figures::{Figures, Row, table};
use crate::fuzzing;
use crate::metadata::{cargo_command, root};
use crate::report::{Report, now};

/// One of them.
struct Part {
    name: &'static str,
    /// Package, test target and the beginning of the tests' names.
    package: &'static str,
    target: &'static str,
    tests: &'static str,
    /// Which variable says how often; how often before a release, and in a night.
    variable: &'static str,
    short: u64,
    nightly: u64,
}

const PARTS: &[Part] = &[
    Part {
        name: "seeds: people, Meta, staff and crashes in any order, over the model and over redb",
        package: "actors",
        target: "it",
        tests: "seeds::",
        variable: "PARLANCE_SEEDS",
        short: 5_000,
        nightly: 500_000,
    },
    Part {
        name: "crash images: power loss at any call of the disk",
        package: "storage",
        target: "store",
        tests: "crash::",
        variable: "PARLANCE_CRASH_IMAGES",
        short: 5_000,
        nightly: 50_000,
    },
    Part {
        name: "kill -9 of the binary under load",
        package: "parlance",
        target: "crash",
        tests: "kill::",
        variable: "PARLANCE_KILLS",
        short: 200,
        nightly: 1_000,
    },
    Part {
        name: "mutations of all that comes from outside",
        package: "parlance",
        target: "fuzz",
        tests: "",
        variable: "PARLANCE_MUTATIONS",
        short: 20,
        nightly: 1_000,
    },
];

/// A scenario of `parlance bench`, by its arguments.
struct Scenario {
    name: &'static str,
    short: &'static [&'static str],
    nightly: &'static [&'static str],
}

const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "soak: a long time with everything going wrong at Meta's side, ends and kills",
        short: &["--scenario", "soak", "--for", "5m"],
        nightly: &["--scenario", "soak", "--for", "1h"],
    },
    Scenario {
        name: "edge: troubles at the front door while others chat",
        short: &["--scenario", "edge", "--for", "10s", "--senders", "50000"],
        nightly: &["--scenario", "edge", "--senders", "1000000"],
    },
];

pub(crate) fn run(nightly: bool) -> Report {
    let mut report = Report::default();
    let mut rows = Vec::new();
    let mut run = |name, step: &str, command| {
        let (mut figures, start) = (Figures::default(), now());
        let passed = report.step(step, || gather(command, &mut figures));
        rows.push(Row { name, passed, seconds: start.elapsed().as_secs_f64(), figures });
    };
    for part in PARTS {
        let times = if nightly { part.nightly } else { part.short };
        run(part.name, &format!("{} ({}={times})", part.name, part.variable), part.command(times));
    }
    for scenario in SCENARIOS {
        run(scenario.name, scenario.name, scenario.command(nightly));
    }
    fuzzing::run(nightly, &mut report);
    println!("{}", table(&rows));
    report
}

/// Runs it, shows what it says, and takes the figures out of that.
fn gather(mut command: Command, figures: &mut Figures) -> anyhow::Result<()> {
    command.current_dir(root()?).stdin(Stdio::null()).stdout(Stdio::piped());
    let mut child = command.spawn().context("cargo did not start")?;
    let output = child.stdout.take().context("cargo has no output")?;
    for line in BufReader::new(output).split(b'\n') {
        let line = line.context("the output of cargo cannot be read")?;
        let line = String::from_utf8_lossy(&line);
        println!("{line}");
        figures.read(&line);
    }
    let status = child.wait().context("cargo was lost")?;
    ensure!(status.success(), "it ended with {status}");
    Ok(())
}

impl Scenario {
    fn command(&self, nightly: bool) -> Command {
        let mut command = cargo_command();
        command.args(["run", "--release", "--locked", "-p", "parlance", "--", "bench"]);
        command.args(if nightly { self.nightly } else { self.short });
        command
    }
}

impl Part {
    fn command(&self, times: u64) -> Command {
        let mut command = cargo_command();
        command.args(["test", "--release", "--locked", "-p", self.package, "--test", self.target, "--", self.tests]);
        command.arg("--nocapture").env(self.variable, times.to_string());
        command
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The text of the tests of this part.
    fn sources(part: &Part) -> String {
        let folder = if part.package == "parlance" { String::new() } else { format!("{}/", part.package) };
        let root = crate::metadata::root().unwrap().join(format!("{folder}tests/{}", part.target));
        let module = part.tests.trim_end_matches(':');
        let file = root.join(if module.is_empty() { "main.rs".into() } else { format!("{module}.rs") });
        std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
    }

    #[test]
    fn every_part_has_tests_that_ask_for_its_variable() {
        for part in PARTS {
            assert!(sources(part).contains(part.variable), "{}", part.name);
            assert!(part.short < part.nightly);
        }
    }
}
