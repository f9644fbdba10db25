//! Settings of log lines.

use tracing_subscriber::filter::{LevelFilter, Targets};

use super::reader::Reader;

/// Log lines.
#[derive(Clone, Debug)]
pub struct Log {
    /// Which lines are written.
    pub level: Targets,
    /// How they look.
    pub format: Format,
    /// How people's phone numbers look in them.
    pub redact: Redact,
}

/// How a log line looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Text on a terminal, else JSON.
    Auto,
    /// For people.
    Text,
    /// One object a line.
    Json,
}

/// How a phone number looks in a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Redact {
    /// Both ends, and three dots between.
    Numbers,
    /// Nothing of it.
    All,
    /// The whole number.
    Off,
}

impl Log {
    pub(super) fn read(reader: &Reader<'_>) -> Self {
        let formats = [("auto", Format::Auto), ("text", Format::Text), ("json", Format::Json)];
        let redactions = [("numbers", Redact::Numbers), ("all", Redact::All), ("off", Redact::Off)];
        Self {
            level: reader.parsed("log.level", Targets::new(), level),
            format: reader.choice("log.format", &formats),
            redact: reader.choice("log.redact", &redactions),
        }
    }
}

/// `info`, or `info,actors=debug`. The parser of `Targets` would take a misspelt level for the name of a module.
fn level(text: &str) -> Result<Targets, &'static str> {
    let expected = "error, warn, info, debug or trace, or one for a module: \"info,actors=debug\"";
    let mut targets = Targets::new();
    for part in text.split(',').map(str::trim) {
        let (module, level) = part.split_once('=').map_or((None, part), |(module, level)| (Some(module), level));
        let is_word = !level.is_empty() && level.chars().all(|c| c.is_ascii_alphabetic());
        let level = level.parse::<LevelFilter>().ok().filter(|_| is_word).ok_or(expected)?;
        targets = match module {
            None => targets.with_default(level),
            Some("") => return Err(expected),
            Some(module) => targets.with_target(module, level),
        };
    }
    Ok(targets)
}
