//! What a cause means, and what helps.

use serde::Serialize;
use storage::DeadLetter;
use whatsapp::graph;

use super::code;

/// The word for what Meta did not take in all its tries, and what helps. Meta's number says of each try that it passes by
/// itself, which did not come true.
pub(crate) const ALL_TRIES: &str = "too_many_tries";
pub(crate) const ALL_TRIES_FIX: &str = "See whether Meta has trouble, then retry.";

/// Why letters were given up: the word, and Meta's number where it gave one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Cause {
    /// A stable word.
    pub reason: Box<str>,
    /// Meta's number.
    pub code: Option<u32>,
}

/// A cause in plain words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Meaning {
    /// What it means.
    pub meaning: &'static str,
    /// What helps.
    pub fix: &'static str,
}

/// Words by reason, for causes without a number of Meta's that is known here.
const REASONS: &[(&str, &str, &str)] = &[
    (
        "panic",
        "the program failed at this input again and again",
        "Look at the bot at this node, mend it, publish it, then retry.",
    ),
    ("bot_error", "the bot could not take this input", "Mend the bot at this node, publish it, then retry."),
    ("damaged", "what is stored cannot be read", "It cannot be retried: look at the row, then drop it."),
    ("opted_out", "the person wants no marketing", "Drop it; templates of other categories may still be sent."),
    ("window_closed", "the 24 h window was closed", "Send a template instead; the person's answer opens the window."),
    (ALL_TRIES, "Meta did not take it in all its tries", ALL_TRIES_FIX),
    (
        "failed",
        "Meta took it and failed it afterwards",
        "Look at Meta's words in the letter; retry if they say it passes.",
    ),
    ("permanent", "Meta refused it for good", "Correct what Meta's words in the letter name, then edit and retry."),
    ("flow_blocked", "its Flow is blocked at Meta", "Correct what the Flow's alerts say, then retry."),
    (
        "restricted",
        "Meta restricts all of its kind",
        "Read Meta's notice in the business manager; retry when it is lifted.",
    ),
    ("dropped", "an operator ended it before it was sent", "Nothing to do."),
];

impl Cause {
    /// Why this letter was given up.
    pub fn of(letter: &DeadLetter) -> Self {
        Self { reason: letter.reason.clone(), code: code(letter) }
    }

    /// In plain words. Meta's number says more than our word for it.
    pub fn meaning(&self) -> Meaning {
        if let Some(known) = self.code.and_then(graph::explain) {
            let fix = if *self.reason == *ALL_TRIES { ALL_TRIES_FIX } else { known.cure };
            return Meaning { meaning: known.meaning, fix };
        }
        let known = REASONS.iter().find(|(reason, ..)| **reason == *self.reason);
        let (meaning, fix) = known
            .map_or(("it was given up", "Read the letter's detail; retry or drop it."), |(_, meaning, fix)| {
                (*meaning, *fix)
            });
        Meaning { meaning, fix }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cause_has_words_and_metas_number_says_more() {
        let cause = |reason: &str, code| Cause { reason: reason.into(), code };
        assert_eq!(cause("bot_error", None).meaning().meaning, "the bot could not take this input");
        assert_eq!(cause("window_closed", Some(131_047)).meaning().fix, graph::explain(131_047).unwrap().cure);
        let tried = cause(ALL_TRIES, Some(2)).meaning();
        assert_eq!((tried.meaning, tried.fix), (graph::explain(2).unwrap().meaning, ALL_TRIES_FIX));
        assert_eq!(cause("permanent", Some(987_654)).meaning().meaning, "Meta refused it for good");
        assert_eq!(cause("new one", None).meaning().meaning, "it was given up");
    }
}
