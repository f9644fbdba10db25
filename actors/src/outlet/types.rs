//! The types of outgoing events, and which of them an endpoint wants.

/// The type of what a bot emits begins so; the author's name follows.
pub(crate) const BOT: &str = "bot.";
pub(crate) const RUN_FINISHED: &str = "run.finished";
pub(crate) const HANDOFF_STARTED: &str = "handoff.started";
pub(crate) const HANDOFF_ENDED: &str = "handoff.ended";
pub(crate) const MESSAGE_FAILED: &str = "message.failed";
pub(crate) const INPUT_FAILED: &str = "input.failed";

/// Types that events have by themselves; those of bots begin with `bot.`.
pub const TYPES: [&str; 5] = [RUN_FINISHED, HANDOFF_STARTED, HANDOFF_ENDED, MESSAGE_FAILED, INPUT_FAILED];

const MAX_PATTERNS: usize = 50;
const MAX_PATTERN_CHARS: usize = 80;

/// A filter of types: names, and beginnings of names with a `*` behind them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Types(Vec<Pattern>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Pattern {
    Is(Box<str>),
    Begins(Box<str>),
}

/// A pattern that no event could have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TypesError {
    /// None, or too many.
    #[error("{0} patterns")]
    Count(usize),
    /// One that fits nothing.
    #[error("{0:?}, which no event has")]
    Fits(Box<str>),
}

impl Types {
    /// Reads patterns such as `*`, `bot.*`, `handoff.*`, `bot.booking.made`. Errors: the first that fits no event.
    pub fn parse<'a>(patterns: impl Iterator<Item = &'a str>) -> Result<Self, TypesError> {
        let patterns = patterns.map(Pattern::parse).collect::<Result<Vec<_>, _>>()?;
        match patterns.len() {
            1..=MAX_PATTERNS => Ok(Self(patterns)),
            count => Err(TypesError::Count(count)),
        }
    }

    /// Whether it lets a type through.
    pub fn takes(&self, kind: &str) -> bool {
        self.0.iter().any(|pattern| pattern.takes(kind))
    }

    /// As they are written.
    pub fn shown(&self) -> Vec<String> {
        let shown = |pattern: &Pattern| match pattern {
            Pattern::Is(name) => name.to_string(),
            Pattern::Begins(start) => format!("{start}*"),
        };
        self.0.iter().map(shown).collect()
    }
}

impl Pattern {
    fn parse(text: &str) -> Result<Self, TypesError> {
        let pattern = match text.strip_suffix('*') {
            Some(start) => Self::Begins(start.into()),
            None => Self::Is(text.into()),
        };
        let written = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '.';
        let name = text.strip_suffix('*').unwrap_or(text);
        let of_a_bot = name.strip_prefix(BOT).is_some_and(|name| text.ends_with('*') || !name.is_empty());
        let all_of_bots = matches!(&pattern, Self::Begins(start) if BOT.starts_with(&**start));
        let known = of_a_bot || all_of_bots || TYPES.iter().any(|kind| pattern.takes(kind));
        match known && name.chars().all(written) && text.len() <= MAX_PATTERN_CHARS {
            true => Ok(pattern),
            false => Err(TypesError::Fits(text.chars().take(MAX_PATTERN_CHARS).collect::<String>().into())),
        }
    }

    fn takes(&self, kind: &str) -> bool {
        match self {
            Self::Is(name) => **name == *kind,
            Self::Begins(start) => kind.starts_with(&**start),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn types(patterns: &[&str]) -> Result<Types, TypesError> {
        Types::parse(patterns.iter().copied())
    }

    #[test]
    fn a_name_takes_itself_and_a_star_takes_what_begins_so() {
        let some = types(&["handoff.*", "bot.booking.made"]).unwrap();
        for (kind, taken) in [
            ("handoff.started", true),
            ("handoff.ended", true),
            ("bot.booking.made", true),
            ("bot.booking.made.twice", false),
            ("bot.booking", false),
            ("run.finished", false),
        ] {
            assert_eq!(some.takes(kind), taken, "{kind}");
        }
        assert!(types(&["*"]).unwrap().takes("anything"));
        assert_eq!(some.shown(), ["handoff.*", "bot.booking.made"]);
    }

    #[test]
    fn what_fits_no_event_is_refused() {
        for good in ["*", "b*", "bot.*", "bot.booking*", "run.finished", "message.*", "m*"] {
            assert!(types(&[good]).is_ok(), "{good}");
        }
        for wrong in ["", "bot.", "bot", "handoff.begun", "runs.*", "bot.*.made", "*.made", "bot.Ä", "bot.a b", "**"] {
            assert!(types(&[wrong]).is_err(), "{wrong}");
        }
        assert_eq!(types(&[]), Err(TypesError::Count(0)));
        assert!(types(&["*"; 51]).is_err());
        assert!(types(&[&format!("bot.{}", "a".repeat(80))]).is_err());
    }
}
