//! A child process with its output in files; ends with the value that holds it.

use std::fs::File;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

/// For what should happen at once, on a machine that does many other things.
pub(crate) const SOON: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// Looks again and again until there is an answer.
pub(crate) async fn eventually<T>(what: &str, at_most: Duration, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let looking = async {
        let mut ticks = tokio::time::interval(LOOK_EVERY);
        loop {
            ticks.tick().await;
            if let Some(found) = look().await {
                return found;
            }
        }
    };
    match tokio::time::timeout(at_most, looking).await {
        Ok(found) => found,
        Err(_) => panic!("{what}: not within {at_most:?}"),
    }
}

pub(crate) struct Program {
    child: Child,
    output: PathBuf,
}

/// How a program ended, and all it said.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Program {
    pub(crate) fn spawn(mut command: Command, output: &Path) -> Self {
        let file = |end: &str| File::create(output.with_extension(end)).expect("a file for the output");
        command.stdin(Stdio::null()).stdout(file("out")).stderr(file("err"));
        let child = command.spawn().expect("the binary starts");
        Self { child, output: output.into() }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("the process takes a signal");
    }

    /// Lets it run for a while; it must not end by itself.
    pub(crate) async fn run_for(&mut self, ms: u64) {
        let mut ticks = tokio::time::interval(LOOK_EVERY);
        let runs_on = async {
            while self.runs() {
                ticks.tick().await;
            }
        };
        let ended = tokio::time::timeout(Duration::from_millis(ms), runs_on).await;
        assert!(ended.is_err(), "it ended by itself: {}", self.stderr());
    }

    /// Ends it as a power cut would, as far as a process can see.
    pub(crate) fn kill(mut self) -> Ended {
        self.child.kill().expect("the process can be killed");
        let status = self.child.wait().expect("the process has ended");
        assert_eq!(status.signal(), Some(Signal::KILL.as_raw()), "it ended before it was killed: {}", self.stderr());
        self.ended(status)
    }

    /// Waits for its end.
    pub(crate) async fn end(mut self, at_most: Duration) -> Ended {
        let child = &mut self.child;
        let status =
            eventually("the process ends", at_most, async || child.try_wait().expect("it can be waited for")).await;
        self.ended(status)
    }

    /// True while it runs.
    pub(crate) fn runs(&mut self) -> bool {
        self.child.try_wait().expect("it can be waited for").is_none()
    }

    fn ended(&self, status: ExitStatus) -> Ended {
        let ended = Ended { status, stdout: self.stdout(), stderr: self.stderr() };
        assert!(!ended.stderr.contains("panic"), "it panicked: {ended:?}");
        ended
    }

    pub(crate) fn stdout(&self) -> String {
        std::fs::read_to_string(self.output.with_extension("out")).unwrap_or_default()
    }

    pub(crate) fn stderr(&self) -> String {
        std::fs::read_to_string(self.output.with_extension("err")).unwrap_or_default()
    }

    /// The most memory it had at once, in MiB.
    pub(crate) fn peak_memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
        line.trim().trim_end_matches(" kB").trim().parse().unwrap_or(0) / 1_024
    }
}

impl Ended {
    pub(crate) fn code(&self) -> Option<i32> {
        self.status.code()
    }

    /// Fails unless it ended with `code` and exactly one line that begins with `error:`, which holds all the `parts`.
    pub(crate) fn one_sentence(&self, code: i32, parts: &[&str]) {
        assert_eq!(self.code(), Some(code), "{self:?}");
        let mut errors = self.stderr.lines().filter(|line| line.starts_with("error:"));
        let sentence = errors.next().unwrap_or_else(|| panic!("no sentence: {self:?}"));
        assert_eq!(errors.next(), None, "more than one sentence: {self:?}");
        for part in parts {
            assert!(sentence.contains(part), "{part:?} is not in {sentence:?}");
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // Both fail if it has ended before, which is as good.
        let _ended = self.child.kill();
        let _waited = self.child.wait();
    }
}
