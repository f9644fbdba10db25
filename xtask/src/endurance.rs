//! The tests that look for one bad moment among very many, in the release profile and with larger numbers than CI has, and
//! the scenarios of `parlance bench` that take long.

use std::process::Command;

use crate::metadata::cargo_command;
use crate::report::Report;
use crate::{cargo, run_in_root};

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
        name: "seeds: people, Meta, staff and crashes in any order",
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
        short: 100,
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

const SCENARIOS: &[Scenario] = &[Scenario {
    name: "soak: a long time with everything going wrong at Meta's side, ends and kills",
    short: &["--scenario", "soak", "--for", "5m"],
    nightly: &["--scenario", "soak", "--for", "1h"],
}];

pub(crate) fn run(nightly: bool) -> Report {
    let mut report = Report::default();
    for part in PARTS {
        let times = if nightly { part.nightly } else { part.short };
        report.step(&format!("{} ({}={times})", part.name, part.variable), || run_in_root(&mut part.command(times)));
    }
    for scenario in SCENARIOS {
        let arguments = if nightly { scenario.nightly } else { scenario.short };
        let command = ["run", "--release", "--locked", "-p", "parlance", "--", "bench"];
        report.step(scenario.name, || cargo(&[&command, arguments].concat()));
    }
    report
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
