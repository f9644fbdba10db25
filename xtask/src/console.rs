//! The console: builds the bundle that is committed, and proves that it is what the sources make.

mod bundle;
mod licences;
mod tools;

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, ensure};
use serde_json::Value;

use crate::metadata::{cargo_command, root};
use crate::report::{Report, Tally};
use crate::run_in;

/// `cargo xtask console build`: the bundle, and the manifest that names what it was made from.
pub(crate) fn build() -> Report {
    let mut report = Report::default();
    let ready = report.step("console: packages", packages) && report.step("console: types", types);
    if ready && report.step("console: bundle", || npx(&["vite", "build"])) {
        report.step("console: manifest", || bundle::write(&folder()?));
    }
    report
}

/// `cargo xtask console check`: needs no Node.
pub(crate) fn check(report: &mut Report) {
    report.step("console: the bundle matches the sources", || bundle::check(&folder()?));
    report.step("console: licences of what is in the bundle", || licences::check(&folder()?));
}

/// Everything that needs Node, and at last a browser and the binary that `cargo test` has built.
pub(crate) fn test(report: &mut Report) {
    if !report.step("console: packages", packages) {
        return;
    }
    report.step("console: format", || npx(&["prettier", "--check", "--log-level", "warn", "."]));
    report.step("console: types", types);
    report.step_with("console: unit tests", unit_tests);
    report.step("console: the bundle can be built again", same_again);
    report.step_with("console: browser tests", browser_tests);
}

fn folder() -> anyhow::Result<PathBuf> {
    Ok(root()?.join("console"))
}

/// What tests leave behind: reports, screenshots, a second bundle.
fn results() -> anyhow::Result<PathBuf> {
    let folder = folder()?.join("results");
    fs::create_dir_all(&folder)?;
    Ok(folder)
}

fn packages() -> anyhow::Result<()> {
    tools::node()?;
    run_here(Command::new("npm").args(["ci", "--ignore-scripts"]))
}

fn types() -> anyhow::Result<()> {
    npx(&["tsc", "--noEmit"])
}

fn unit_tests(tally: &mut Tally) -> anyhow::Result<()> {
    let report = results()?.join("units.json");
    let output = format!("--outputFile.json={}", report.display());
    let ended = npx(&["vitest", "run", "--reporter=default", "--reporter=json", &output]);
    tally.add_counts(&report, ["/numPassedTests", "/numFailedTests", "/numPendingTests"])?;
    ended
}

/// Two builds of the same sources are the same bytes; the committed one is of these sources, too.
fn same_again() -> anyhow::Result<()> {
    let again = results()?.join("again");
    npx(&["vite", "build", "--logLevel", "warn", "--emptyOutDir", "--outDir", &again.display().to_string()])?;
    bundle::compare(&folder()?.join("dist"), &again)
}

fn browser_tests(tally: &mut Tally) -> anyhow::Result<()> {
    let report = results()?.join("browser.json");
    let browser = tools::chromium()?;
    let binary = binary()?;
    let mut command = Command::new("npx");
    command.args(["--no-install", "playwright", "test"]).env("CHROMIUM", browser).env("PARLANCE", binary);
    let ended = run_here(&mut command);
    tally.add_counts(&report, ["/stats/expected", "/stats/unexpected", "/stats/skipped"])?;
    ended
}

/// The binary that `PARLANCE` names, or the debug binary as the tests of the workspace have it, so that nothing is
/// compiled twice.
fn binary() -> anyhow::Result<PathBuf> {
    if let Some(path) = std::env::var_os("PARLANCE") {
        return Ok(root()?.join(path));
    }
    let arguments = ["test", "--workspace", "--locked", "--no-run", "--quiet", "--message-format", "json"];
    let output = cargo_command().args(arguments).current_dir(root()?).output().context("cargo did not start")?;
    ensure!(output.status.success(), "the workspace does not compile");
    let messages = String::from_utf8_lossy(&output.stdout);
    let found = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()).find_map(|message| {
        let is_ours = message["target"]["name"] == "parlance" && message["target"]["kind"][0] == "bin";
        message["executable"].as_str().filter(|_| is_ours && message["profile"]["test"] == false).map(PathBuf::from)
    });
    found.context("cargo built no binary named parlance")
}

fn npx(arguments: &[&str]) -> anyhow::Result<()> {
    run_here(Command::new("npx").arg("--no-install").args(arguments))
}

/// Runs in the folder of the console.
fn run_here(command: &mut Command) -> anyhow::Result<()> {
    run_in(&folder()?, command)
}

impl Tally {
    /// Adds passed, failed and skipped tests of a JSON report, each found by its pointer. Nothing may be skipped.
    fn add_counts(&mut self, report: &std::path::Path, pointers: [&str; 3]) -> anyhow::Result<()> {
        let text = fs::read_to_string(report).context("the tests left no report")?;
        let counts: Value = serde_json::from_str(&text).context("the report of the tests cannot be read")?;
        let [passed, failed, skipped] = pointers.map(|pointer| counts.pointer(pointer).and_then(Value::as_u64));
        let (passed, failed) = (passed.context("passed is not counted")?, failed.context("failed is not counted")?);
        self.passed += passed;
        self.failed += failed;
        self.ignored += skipped.unwrap_or_default();
        fs::remove_file(report)?; // an old report must not be counted again
        ensure!(passed + failed > 0, "no test ran");
        ensure!(skipped.unwrap_or_default() == 0, "tests were skipped; make them run or remove them");
        Ok(())
    }
}
