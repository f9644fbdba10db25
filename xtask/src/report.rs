//! Announces steps with their times and says at the end what failed.

use std::process::ExitCode;
use std::time::Instant;

/// The steps so far.
#[derive(Default)]
pub(crate) struct Report {
    failures: Vec<String>,
    /// Failed steps of which no test says so, such as a test that does not compile: they must show in the sum.
    without_a_test: u64,
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
    /// Whether it went well.
    pub(crate) fn step(&mut self, name: &str, work: impl FnOnce() -> anyhow::Result<()>) -> bool {
        self.step_with(name, |_| work())
    }

    /// A step that counts tests.
    pub(crate) fn step_with(&mut self, name: &str, work: impl FnOnce(&mut Tally) -> anyhow::Result<()>) -> bool {
        println!("── {name}");
        let start = now();
        let failed = self.tests.failed;
        let result = work(&mut self.tests);
        let seconds = start.elapsed().as_secs_f64();
        if let Err(error) = result {
            println!("{error:#}\n── {name}: FAILED in {seconds:.1} s\n");
            self.failures.push(name.to_owned());
            self.without_a_test += u64::from(self.tests.failed == failed);
            return false;
        }
        println!("── {name}: ok in {seconds:.1} s\n");
        true
    }

    /// Prints the closing lines and gives the exit code.
    pub(crate) fn finish(self) -> ExitCode {
        if !self.failures.is_empty() {
            println!("failed: {}", self.failures.join(", "));
        }
        if self.counts_tests {
            let failed = self.tests.failed + self.without_a_test;
            println!("{} passed, {failed} failed", self.tests.passed);
        } else if self.failures.is_empty() {
            println!("all fine");
        }
        if self.failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}

#[allow(clippy::disallowed_methods, reason = "measures how long a step took, nothing else")]
pub(crate) fn now() -> Instant {
    Instant::now()
}
