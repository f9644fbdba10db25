//! Runs every test of the workspace and adds up what the runners counted.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use anyhow::{Context, ensure};

use crate::metadata::{cargo_command, root};
use crate::report::Tally;

pub(crate) fn run(tally: &mut Tally) -> anyhow::Result<()> {
    let mut child = cargo_command()
        .args(["test", "--workspace", "--locked", "--no-fail-fast"])
        .current_dir(root()?)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .context("cargo test did not start")?;
    let output = child.stdout.take().context("cargo test has no output")?;
    for line in BufReader::new(output).split(b'\n') {
        let line = line.context("the output of cargo test cannot be read")?;
        let line = String::from_utf8_lossy(&line);
        println!("{line}");
        tally.add(&line);
    }
    let status = child.wait().context("cargo test was lost")?;
    ensure!(status.success(), "cargo test ended with {status}");
    ensure!(tally.passed > 0, "no test ran");
    ensure!(tally.ignored == 0, "{} tests were skipped; make them run or remove them", tally.ignored);
    Ok(())
}

impl Tally {
    /// Adds a line such as `test result: ok. 3 passed; 0 failed; 0 ignored; …`; other lines change nothing.
    fn add(&mut self, line: &str) {
        let Some((_, counts)) = line.strip_prefix("test result: ").and_then(|rest| rest.split_once(". ")) else {
            return;
        };
        for count in counts.split("; ") {
            match count.split_once(' ').map(|(number, what)| (number.parse::<u64>(), what)) {
                Some((Ok(number), "passed")) => self.passed += number,
                Some((Ok(number), "failed")) => self.failed += number,
                Some((Ok(number), "ignored")) => self.ignored += number,
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_of_all_runners_are_added() {
        let mut tally = Tally::default();
        for line in [
            "running 3 tests",
            "test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.10s",
            "test result: FAILED. 20 passed; 2 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.10s",
            "5 passed; 5 failed",
        ] {
            tally.add(line);
        }
        assert_eq!(tally, Tally { passed: 23, failed: 2, ignored: 1 });
    }
}
