//! `policies`, `vars` and business hours.

use serde_json::{Value, json};

use super::parts::{
    about, anything, count, duration, flag, list, map_of, node, nothing_else, one_of, plain, reference, text, word,
};
use crate::bot::vars::TYPES;
use crate::caps;

pub(super) fn policies() -> Value {
    nothing_else(
        "What holds for the whole bot.",
        &[],
        vec![
            ("idle_timeout", duration("How long a run waits for the person at any node.")),
            ("on_idle", node("Where an idle run goes; it ends when absent.")),
            ("max_age", duration("How old a run may become.")),
            ("restart_words", list("Words that start over at any node.", plain("A word."))),
            ("stop_words", stop_words()),
            ("human_words", human_words()),
            ("debounce_ms", count("Texts that come within this time of one another are one message.", 100, 30_000)),
            ("typing", flag("Shows that the bot is writing; marks messages as read.")),
            ("mark_read", flag("Marks messages as read.")),
            ("unexpected", unexpected()),
            ("window", window()),
            (
                "order",
                word(
                    "What a message waits for: that the one before was sent, accepted by Meta, or delivered.",
                    &["send", "accepted", "delivered"],
                ),
            ),
            ("on_error", node("Where errors and open ports lead; the run ends when absent.")),
            ("missing", word("What a missing value is: empty, or an error of the node.", &["empty", "error"])),
            ("limits", limits()),
            ("business_hours", about(reference("business_hours"), "When people are there.")),
            (
                "handoff",
                nothing_else(
                    "What happens when staff writes to a person; else the settings of the server say it.",
                    &[],
                    vec![
                        ("pause_on_reply", flag("Whether whoever writes has taken over.")),
                        ("return_after", duration("How long after their last word the bot answers again.")),
                    ],
                ),
            ),
            ("zone", about(reference("zone"), "The time zone of dates and times that name none.")),
        ],
    )
}

fn words(description: &str) -> Value {
    list(description, plain("A word, compared without regard to case and outer punctuation."))
}

fn stop_words() -> Value {
    let with_reply = nothing_else(
        "The words, and what is said.",
        &["words", "reply"],
        vec![("words", words("The words.")), ("reply", text("What the person reads."))],
    );
    one_of("Words that end the run and all marketing.", vec![words("The words."), with_reply])
}

fn human_words() -> Value {
    nothing_else(
        "Words that ask for a human at any node.",
        &["words", "to"],
        vec![("words", words("The words.")), ("to", node("The node that they lead to."))],
    )
}

/// What happens with a message that is no answer.
pub(super) fn unexpected_way() -> Value {
    let mut route = nothing_else(
        "Says something, or leads to a node.",
        &[],
        vec![("say", text("What is said; the node goes on waiting.")), ("route", node("The node to go to."))],
    );
    route["oneOf"] = json!([{ "required": ["say"] }, { "required": ["route"] }]);
    let words = word("Nothing happens, or it counts as a wrong answer.", &["ignore", "refuse"]);
    one_of("What happens with such a message.", vec![words, route])
}

fn unexpected() -> Value {
    let way = |what: &str| about(reference("unexpected"), what);
    nothing_else(
        "What happens with messages that are no answers.",
        &[],
        vec![
            ("media", way("Images, videos, sounds, documents and stickers.")),
            ("reaction", way("Reactions.")),
            ("other", way("Everything else.")),
        ],
    )
}

fn window() -> Value {
    let template = nothing_else(
        "A template leaves in the message's place.",
        &["template"],
        vec![("template", reference("template"))],
    );
    let closed = one_of(
        "What becomes of a message outside of the 24 hour window.",
        vec![word("It is given up, or waits until the person writes.", &["drop", "hold"]), template],
    );
    nothing_else("The 24 hour window of WhatsApp.", &["closed"], vec![("closed", closed)])
}

#[allow(clippy::cast_possible_truncation, reason = "the caps are far below")]
fn limits() -> Value {
    nothing_else(
        "Caps, lower than those of the engine.",
        &[],
        vec![
            ("nodes_per_turn", count("Nodes that a turn may enter.", 1, caps::MAX_NODES_PER_TURN as u32)),
            ("turns_per_run", count("Turns that a run may take.", 1, caps::MAX_TURNS_PER_RUN)),
            ("messages_per_turn", count("Messages that a turn may send.", 1, caps::MAX_MESSAGES_PER_TURN as u32)),
        ],
    )
}

pub(super) fn variable() -> Value {
    nothing_else(
        "A variable. What is assigned is brought to its type, or refused.",
        &[],
        vec![
            ("type", word("What it holds; `text` when absent.", TYPES)),
            ("default", anything("What it is when a run begins.")),
            ("scope", word("`run`: gone when the run ends. `contact`: kept with the person.", &["run", "contact"])),
            ("pii", flag("Personal data, to be masked in exports.")),
            ("max", count("Characters of a text, elements of a list.", 1, u32::MAX)),
        ],
    )
}

pub(super) fn hours() -> Value {
    let span = || plain("A span such as \"09:00-17:00\"; one that ends before it begins reaches into the next day.");
    nothing_else(
        "Business hours.",
        &["zone", "open"],
        vec![
            ("zone", reference("zone")),
            (
                "open",
                map_of(
                    "Spans by days: `mon`, `mon-fri`, `sat-mon`.",
                    one_of("When it is open.", vec![span(), list("Several spans.", span())]),
                ),
            ),
            ("closed", list("Days that are closed.", plain("A day such as 2026-12-25."))),
        ],
    )
}
