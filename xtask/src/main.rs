//! Every development command: `cargo xtask help` lists them.
#![allow(clippy::print_stdout, reason = "a command for people at a terminal")]

mod arrows;
mod bench;
mod console;
mod endurance;
mod fuzzing;
mod licences;
mod metadata;
mod report;
mod sources;
mod tests_of_workspace;

use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::Context;

use metadata::{Metadata, cargo_command, root};
use report::Report;

const HELP: &str = "\
Development commands of Parlance

  cargo xtask check          format, clippy, rustdoc, arrows between crates, licences, words in the sources, and whether
                             the console's bundle matches its sources
  cargo xtask test           check, then every test of the workspace and of the console; what CI runs
  cargo xtask console build  builds console/dist, which is committed, and writes what it was made from
  cargo xtask console check  whether console/dist matches the sources and its manifest; needs no Node
  cargo xtask console test   the tests of the console, against the debug binary
  cargo xtask bench [ARGS]   criterion benches, given ARGS, then `parlance bench`
  cargo xtask endurance [--nightly]
                             the tests that look for one bad moment among many, in the release profile and oftener than
                             `test` does, and libFuzzer where it is installed: some minutes, or a night
  cargo xtask help           this text

Each step is announced with its time. All steps run even if one fails. `test` ends with the line
`N passed, N failed`, where a step that failed counts as one. To be installed: the Rust toolchain with rustfmt and
clippy, and a C compiler; for `test`, `console build` and `console test` also Node with npm, and for the browser tests a
Chromium (apt-get brings it where this runs as root).
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let report = match words.as_slice() {
        ["check"] => check(),
        ["test"] => test(),
        ["console", "build"] => console::build(),
        ["console", "check"] => {
            let mut report = Report::default();
            console::check(&mut report);
            report
        }
        ["console", "test"] => {
            let mut report = Report::default();
            console::test(&mut report);
            report.counts_tests = true;
            report
        }
        ["bench", rest @ ..] => bench::run(rest),
        ["endurance"] => endurance::run(false),
        ["endurance", "--nightly"] => endurance::run(true),
        ["help" | "--help" | "-h"] => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        _ => {
            print!("{HELP}");
            return ExitCode::from(64);
        }
    };
    report.finish()
}

fn check() -> Report {
    let mut report = Report::default();
    report.step("format", || cargo(&["fmt", "--all", "--check"]));
    report.step("words in the sources", || sources::check(root()?));
    report.step("arrows between crates", || arrows::check(&Metadata::load()?));
    console::check(&mut report);
    report.step("licences", || licences::check(&Metadata::load()?));
    let clippy = ["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"];
    report.step("clippy", || cargo(&clippy));
    report.step("documentation", || {
        let doc = ["doc", "--workspace", "--no-deps", "--locked"];
        run_in_root(cargo_command().args(doc).env("RUSTDOCFLAGS", "-D warnings"))
    });
    report
}

fn test() -> Report {
    let mut report = check();
    report.step_with("tests", tests_of_workspace::run);
    console::test(&mut report);
    report.counts_tests = true;
    report
}

fn cargo(arguments: &[&str]) -> anyhow::Result<()> {
    run_in_root(cargo_command().args(arguments))
}

fn run_in_root(command: &mut Command) -> anyhow::Result<()> {
    run_in(root()?, command)
}

fn run_in(folder: &Path, command: &mut Command) -> anyhow::Result<()> {
    let shown = shown(command);
    let status = command.current_dir(folder).status().with_context(|| format!("`{shown}` did not start"))?;
    anyhow::ensure!(status.success(), "`{shown}` ended with {status}");
    Ok(())
}

/// The command as somebody would type it.
fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or(command.get_program());
    let words = std::iter::once(program).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

/// Turns findings into one error that lists them all.
fn refuse(findings: &[String]) -> anyhow::Result<()> {
    anyhow::ensure!(findings.is_empty(), "{}", findings.join("\n"));
    Ok(())
}
