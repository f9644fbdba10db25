//! Triggers.

use serde_json::{Value, json};

use super::parts::{expression, list, node, nothing_else, plain, word};
use crate::bot::triggers::TYPES;

pub(super) fn trigger() -> Value {
    let none = |what: &str| nothing_else(what, &[], vec![]);
    let mut trigger = nothing_else(
        "What begins a run: one key that names the type, and where it leads.",
        &["to"],
        vec![
            ("keyword", keyword()),
            (
                "pattern",
                nothing_else(
                    "A text that a regular expression matches.",
                    &["regex"],
                    vec![("regex", plain("The expression; matching takes linear time, without look-around."))],
                ),
            ),
            (
                "payload",
                nothing_else(
                    "A tap on something whose id begins so.",
                    &["prefix"],
                    vec![("prefix", plain("How the id begins."))],
                ),
            ),
            ("referral", none("A message of somebody who comes from an advertisement or post.")),
            ("order", none("An order from a catalog.")),
            ("first_contact", none("The first message of a person.")),
            ("default", none("Every message that nothing before takes.")),
            ("to", node("Where the run begins.")),
            (
                "interrupt",
                word("Whether it ends a run that waits; `never` when absent.", &["never", "if_waiting", "always"]),
            ),
            ("when", expression("Must hold, too.")),
        ],
    );
    trigger["oneOf"] = TYPES.iter().map(|kind| json!({ "required": [kind] })).collect();
    trigger
}

fn keyword() -> Value {
    nothing_else(
        "Words, without regard to case and outer punctuation.",
        &["any"],
        vec![
            ("any", list("The words.", plain("A word or several."))),
            (
                "match",
                word(
                    "The whole text, a part of it, or its beginning; `exact` when absent.",
                    &["exact", "word", "prefix"],
                ),
            ),
        ],
    )
}
