//! What can be wrong with the configuration, said so that it can be put right.

use std::fmt;
use std::path::PathBuf;

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// The built-in `config.toml`.
    Default,
    /// A stand-in that the caller made for a key which nobody set.
    Generated,
    /// The configuration file; line and column count from 1.
    File {
        /// As it was named.
        path: PathBuf,
        /// Line of the value.
        line: usize,
        /// Column of the value, in characters.
        column: usize,
    },
    /// An environment variable.
    Variable(String),
    /// The command line.
    Flag,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::Generated => f.write_str("generated"),
            Self::File { path, line, column } => write!(f, "{}:{line}:{column}", path.display()),
            Self::Variable(name) => f.write_str(name),
            Self::Flag => f.write_str("command line"),
        }
    }
}

/// One thing that must be put right: what, where, and what to do. Never holds a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// What is wrong, naming the key and, unless it is secret, the value.
    pub what: String,
    /// Where, if it is anywhere.
    pub source: Option<Source>,
    /// What to do about it.
    pub help: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}", self.what)?;
        if let Some(source) = &self.source {
            write!(f, "\n  --> {source}")?;
        }
        write!(f, "\n   = help: {}", self.help)
    }
}

/// Everything that is wrong with a configuration; never empty.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Errors(pub Vec<Problem>);

impl fmt::Display for Errors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for problem in &self.0 {
            write!(f, "{problem}\n\n")?;
        }
        match self.0.len() {
            1 => f.write_str("1 problem in the configuration; nothing was started"),
            n => write!(f, "{n} problems in the configuration; nothing was started"),
        }
    }
}

/// The known name that `wrong` most probably means, if one is near.
pub(super) fn nearest<'a>(wrong: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let last = |name: &str| name.rsplit('.').next().unwrap_or_default().to_owned();
    known
        .map(|name| {
            let moved = name != wrong && last(name) == last(wrong); // the right key in a wrong section
            (if moved { 1 } else { strsim::damerau_levenshtein(wrong, name) }, name)
        })
        .min()
        .filter(|(distance, _)| *distance <= 2.max(wrong.chars().count() / 4))
        .map(|(_, name)| name)
}
