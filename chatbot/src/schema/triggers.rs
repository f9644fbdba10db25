//! Triggers.

use serde_json::{Value, json};

use super::parts::{about, duration, expression, list, node, nothing_else, plain, reference, word};
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
            (
                "flow_done",
                nothing_else(
                    "A form that comes back when no node waits for it.",
                    &[],
                    vec![("flow", plain("The name of the Flow under `flows`; any when absent."))],
                ),
            ),
            (
                "api",
                nothing_else(
                    "Another program tells that something happened.",
                    &["name"],
                    vec![("name", plain("What, such as `order.paid`."))],
                ),
            ),
            ("schedule", schedule()),
            (
                "window_closing",
                nothing_else(
                    "The 24 hour window of WhatsApp closes; once in each window.",
                    &["before"],
                    vec![("before", duration("How long before its end."))],
                ),
            ),
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

fn schedule() -> Value {
    nothing_else(
        "A time comes, for each person who has written before.",
        &["cron"],
        vec![
            ("cron", plain("Minute, hour, day of the month, month and day of the week, such as \"0 9 * * 1-5\".")),
            ("zone", about(reference("zone"), "Whose clock it is; that of the bot when absent.")),
        ],
    )
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
