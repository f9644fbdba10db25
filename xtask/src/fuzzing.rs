//! libFuzzer over the targets of `fuzz/`, each for a while, where a nightly compiler and cargo-fuzz are installed.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::Context;

use crate::metadata::root;
use crate::report::Report;
use crate::run_in;

/// Seconds for each target, before a release and in a night.
const SHORT: u64 = 20;
const NIGHTLY: u64 = 600;
/// An input that takes longer is a finding.
const INPUT_SECONDS: u64 = 5;
/// And so is one that takes more memory.
const MEMORY_MB: u64 = 512;
/// What is missing elsewhere.
const MISSING: &str =
    "libFuzzer did not run, the mutations did: `rustup toolchain install nightly && cargo install cargo-fuzz`";

pub(crate) fn run(nightly: bool, report: &mut Report) {
    if !is_installed() {
        println!("{MISSING}\n");
        return;
    }
    let seconds = if nightly { NIGHTLY } else { SHORT };
    match targets() {
        Ok(targets) => targets.iter().for_each(|target| {
            report.step(&format!("fuzzing: {target}, {seconds} s"), || fuzz(target, seconds));
        }),
        Err(error) => drop(report.step("fuzzing", || Err(error))),
    }
}

/// Cargo as rustup has it: the one that runs this knows no other toolchain.
fn nightly_fuzz() -> Command {
    let mut command = Command::new("cargo");
    command.args(["+nightly", "fuzz"]).env_remove("RUSTUP_TOOLCHAIN").env_remove("CARGO");
    command
}

fn is_installed() -> bool {
    let version = nightly_fuzz().arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    version.is_ok_and(|status| status.success())
}

/// The targets, by their binaries.
fn targets() -> anyhow::Result<Vec<String>> {
    let folder = root()?.join("fuzz/fuzz_targets");
    let mut targets = Vec::new();
    for entry in std::fs::read_dir(&folder).with_context(|| format!("{} cannot be read", folder.display()))? {
        let path = entry?.path();
        targets.extend(path.file_stem().and_then(|stem| stem.to_str()).map(str::to_owned));
    }
    targets.sort();
    Ok(targets)
}

/// What a run finds stays in `fuzz/corpus`; what fails lies in `fuzz/artifacts`.
fn fuzz(target: &str, seconds: u64) -> anyhow::Result<()> {
    let root = root()?;
    let corpus = Path::new("fuzz/corpus").join(target);
    std::fs::create_dir_all(root.join(&corpus)).context("the corpus has no folder")?;
    let mut command = nightly_fuzz();
    // Our crates forbid `unsafe`, so a sanitizer would only slow it down.
    command.args(["run", "--sanitizer", "none", target]).arg(&corpus).arg(Path::new("fuzz/seeds").join(target));
    command.arg("--").arg(format!("-max_total_time={seconds}")).arg(format!("-timeout={INPUT_SECONDS}"));
    command.arg(format!("-rss_limit_mb={MEMORY_MB}")).arg("-print_final_stats=1");
    run_in(root, &mut command)
}
