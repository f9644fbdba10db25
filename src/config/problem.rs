//! What can be wrong with the configuration, said so that it can be put right.

use std::fmt;
use std::path::PathBuf;

use serde::ser::{Serialize, SerializeStruct, Serializer};

/// Where a value came from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Source {
    /// The built-in `config.toml`.
    #[default]
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
    /// The store: it was given over the API.
    Store,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::Generated => f.write_str("generated"),
            Self::File { path, line, column } => write!(f, "{}:{line}:{column}", path.display()),
            Self::Variable(name) => f.write_str(name),
            Self::Flag => f.write_str("command line"),
            Self::Store => f.write_str("store"),
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

impl Serialize for Problem {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let place = match &self.source {
            Some(Source::File { line, column, .. }) => (Some(line), Some(column)),
            _ => (None, None),
        };
        let mut all = serializer.serialize_struct("Problem", 5)?;
        all.serialize_field("what", &self.what)?;
        all.serialize_field("help", &self.help)?;
        all.serialize_field("source", &self.source.as_ref().map(Source::to_string))?;
        all.serialize_field("line", &place.0)?;
        all.serialize_field("column", &place.1)?;
        all.end()
    }
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
