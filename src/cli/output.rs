//! The only place that prints: data to standard output, talk to standard error.

use std::io::{IsTerminal, Write};
use std::sync::OnceLock;

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

/// When there are colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Colour {
    /// On a terminal, unless NO_COLOR is set
    #[default]
    Auto,
    /// Into files and pipes, too
    Always,
    /// None
    Never,
}

/// How this process prints, as its command line says.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Manner {
    pub colour: Colour,
    pub quiet: bool,
    pub yes: bool,
    pub no_input: bool,
}

static MANNER: OnceLock<Manner> = OnceLock::new();

/// Says once how to print.
pub(super) fn set(manner: Manner) {
    let _said_before = MANNER.set(manner);
}

fn manner() -> Manner {
    MANNER.get().copied().unwrap_or_default()
}

/// Whether what is printed has colours.
pub(super) fn has_colours() -> bool {
    match manner().colour {
        Colour::Always => true,
        Colour::Never => false,
        Colour::Auto => {
            std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
        }
    }
}

/// Whether somebody said `--yes`.
pub(super) fn says_yes() -> bool {
    manner().yes
}

/// Whether a confirmation can be had: it was given already, or there is somebody to ask.
pub(super) fn may_confirm() -> bool {
    let Manner { yes, no_input, .. } = manner();
    yes || (!no_input && std::io::stdin().is_terminal())
}

/// Goes on if `--yes` was said, or if somebody at the terminal writes the word. Errors: they wrote another one, or there
/// is nobody to ask.
pub(super) fn confirm(what: &str, word: &str) -> Result<(), Failed> {
    if says_yes() {
        return Ok(());
    }
    if !may_confirm() {
        let text = format!("error: {what}, and nobody can be asked here\n  = help: add --yes if that is what you want");
        return Err(Failed::new(Exit::Usage, text));
    }
    // A closed terminal shows nothing, and then nothing is read either.
    let _closed = write!(std::io::stderr(), "{what}. Write {word} to go on: ");
    let mut line = String::new();
    let read = std::io::stdin().read_line(&mut line);
    match read.is_ok() && line.trim() == word {
        true => Ok(()),
        false => Err(Failed::new(Exit::Failed, "nothing was done")),
    }
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

/// Prints what a person should know, unless they want to know nothing.
pub(super) fn talk(text: &str) {
    if !manner().quiet {
        complain(text);
    }
}

/// Prints what went wrong.
pub(super) fn complain(text: &str) {
    let _closed = writeln!(std::io::stderr(), "{text}");
}
