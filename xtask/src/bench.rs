//! Runs the criterion benches one by one, then the bench of the whole.

use anyhow::ensure;

use crate::cargo;
use crate::metadata::Metadata;
use crate::report::Report;

/// `arguments` go to each criterion bench.
pub(crate) fn run(arguments: &[&str]) -> Report {
    let mut report = Report::default();
    report.step("parts", || {
        let metadata = Metadata::load()?;
        let is_bench = |kinds: &[String]| kinds.iter().any(|kind| kind == "bench");
        let benches: Vec<_> = metadata
            .members()
            .flat_map(|package| package.targets.iter().map(move |target| (package, target)))
            .filter(|(_, target)| is_bench(&target.kind))
            .collect();
        ensure!(!benches.is_empty(), "the workspace has no bench");
        for (package, bench) in benches {
            let command = ["bench", "--locked", "-p", &package.name, "--bench", &bench.name, "--"];
            cargo(&[&command, arguments].concat())?;
        }
        Ok(())
    });
    report.step("the whole", || cargo(&["run", "--release", "--locked", "-p", "parlance", "--", "bench"]));
    report
}
