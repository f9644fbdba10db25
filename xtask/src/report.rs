//! Announces steps with their times and says at the end what failed.

use std::process::ExitCode;
use std::time::Instant;

/// The steps so far.
#[derive(Default)]
pub(crate) struct Report {
    failures: Vec<String>,
    tests: Tally,
    /// Whether the last line is the sum of all tests.
    pub(crate) counts_tests: bool,
}

/// What test runners counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) ignored: u64,
}

impl Report {
    pub(crate) fn step(&mut self, name: &str, work: impl FnOnce() -> anyhow::Result<()>) {
        self.step_with(name, |_| work());
    }

    /// A step that counts tests.
    pub(crate) fn step_with(&mut self, name: &str, work: impl FnOnce(&mut Tally) -> anyhow::Result<()>) {
        println!("── {name}");
        let start = now();
        let result = work(&mut self.tests);
        let seconds = start.elapsed().as_secs_f64();
        match result {
            Ok(()) => println!("── {name}: ok in {seconds:.1} s\n"),
            Err(error) => {
                println!("{error:#}\n── {name}: FAILED in {seconds:.1} s\n");
                self.failures.push(name.to_owned());
            }
        }
    }

    /// Prints the closing lines and gives the exit code.
    pub(crate) fn finish(self) -> ExitCode {
        if !self.failures.is_empty() {
            println!("failed: {}", self.failures.join(", "));
        }
        if self.counts_tests {
            // A step that failed without a failed test, such as a test that does not compile, must show in the sum.
            let tests_failed_as_a_step = u64::from(self.tests.failed > 0 && self.failures.iter().any(|f| f == "tests"));
            let failed = self.tests.failed + self.failures.len() as u64 - tests_failed_as_a_step;
            println!("{} passed, {failed} failed", self.tests.passed);
        } else if self.failures.is_empty() {
            println!("all fine");
        }
        if self.failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}

#[allow(clippy::disallowed_methods, reason = "measures how long a step took, nothing else")]
fn now() -> Instant {
    Instant::now()
}
