//! The only place that prints: data to standard output, talk to standard error.

use std::io::{IsTerminal, Write};

use super::Exit;

/// A command that failed: its exit code, and what to tell.
#[derive(Debug)]
pub(super) struct Failed {
    pub exit: Exit,
    pub message: String,
}

impl Failed {
    pub(super) fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into() }
    }
}

/// Whether standard output is a terminal that wants colours.
pub(super) fn has_colours() -> bool {
    std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// So many of something, in words.
pub(super) fn count(count: usize, what: &str) -> String {
    match count {
        0 => format!("no {what}s"),
        1 => format!("1 {what}"),
        _ => format!("{count} {what}s"),
    }
}

/// Prints what was asked for. Whoever reads may have heard enough: a closed pipe is no failure.
pub(super) fn data(text: &str) {
    let _closed = writeln!(std::io::stdout(), "{text}");
}

/// Prints what a person should know.
pub(super) fn talk(text: &str) {
    let _closed = writeln!(std::io::stderr(), "{text}");
}
