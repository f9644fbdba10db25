//! What came of a test, for people and for programs.

use std::fmt;

use serde::Serialize;

/// What came of a test.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// The name of the test.
    pub name: String,
    /// The line of the bot file on which it begins, from 1.
    pub line: u32,
    /// How many steps it has.
    pub steps: usize,
    /// The step that did not hold; `None` if all did.
    pub failure: Option<Failure>,
}

impl Report {
    /// Whether every step held.
    pub fn passed(&self) -> bool {
        self.failure.is_none()
    }
}

/// The first step that did not hold.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Failure {
    /// Which step, from 1.
    pub step: usize,
    /// Its key, such as `expect`.
    pub key: &'static str,
    /// Its line in the bot file, from 1.
    pub line: u32,
    /// Its column in characters, from 1.
    pub column: u32,
    /// The node at which the run waits.
    pub node: Option<String>,
    /// What is wrong.
    pub what: String,
    /// What was expected and what the bot said, bubble by bubble; empty where no bubbles were compared.
    pub diff: Vec<Line>,
    /// The same as a phone would show it.
    #[serde(skip)]
    pub shown: Vec<Shown>,
}

/// A line of a comparison as a phone would show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// `-` was expected, `+` came, a blank both.
    pub mark: char,
    /// The line.
    pub text: String,
}

/// A line of a comparison, written as in a test.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "is", content = "bubble", rename_all = "snake_case")]
pub enum Line {
    /// Expected, and said.
    Same(String),
    /// Expected, and not said.
    Expected(String),
    /// Said, and not expected.
    Got(String),
}

impl fmt::Display for Failure {
    /// Several lines without a break at the end; the name of the file is the caller's to put in front.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: step {}, `{}`", self.line, self.column, self.step, self.key)?;
        match &self.node {
            Some(node) => write!(f, ", waiting at node `{node}`")?,
            None => write!(f, ", no run is waiting")?,
        }
        write!(f, "\n{}", self.what)?;
        if !self.diff.is_empty() {
            write!(f, " (- expected, + got)")?;
        }
        let written = |shown: &Shown| format!("{} {}", shown.mark, shown.text).trim_end().to_owned();
        self.shown.iter().try_for_each(|line| write!(f, "\n  {}", written(line)))
    }
}
