//! WhatsApp Flows: `flows`, and the node that sends one.

use serde_json::{Value, json};

use super::http;
use super::parts::{
    about, anything, count, duration, expression, flag, list, map_of, nothing_else, one_of, plain, reference, text,
    variable, word,
};
use crate::bot::flows::CATEGORIES;
use crate::caps;

/// Properties of a `flow` node.
pub(super) fn node() -> Vec<(&'static str, Value)> {
    vec![
        ("flow", plain("The name of the Flow under `flows`.")),
        ("prompt", text("What stands above the button.")),
        ("header", anything("A text, at most 60 characters, or an image, video or document.")),
        ("footer", text("What stands below, at most 60 characters.")),
        ("cta", text("What is on the button, at most 30 characters.")),
        (
            "entry",
            word(
                "`navigate`: at a screen. `data_exchange`: where the endpoint says. `navigate` when absent.",
                &["navigate", "data_exchange"],
            ),
        ),
        ("screen", text("The first screen.")),
        ("data", about(reference("value"), "What that screen gets; texts in it are templates.")),
        ("ttl", duration("How long the form is waited for; as long as its token is good, else 24h, when absent.")),
        ("save", variable("Where what was filled in goes.")),
        ("allow_draft", flag("Opens the draft of the Flow.")),
        ("while_waiting", text("What is said to other messages, where `other` leads nowhere.")),
    ]
}

pub(super) fn flows() -> Value {
    map_of("WhatsApp Flows by the names that nodes use.", flow())
}

fn flow() -> Value {
    let object = |what: &str| json!({ "type": "object", "description": what });
    let token = nothing_else(
        "The token with which a form is sent.",
        &[],
        vec![
            ("ttl", duration("How long it is good; as long as the node waits when absent.")),
            ("single_use", flag("Whether a form that was filled in cannot be opened anew.")),
        ],
    );
    let meta = nothing_else(
        "The Flow at Meta.",
        &[],
        vec![
            ("name", plain("Its name; `<bot>_<flow>` when absent.")),
            ("categories", list("What it is for.", word("A category.", CATEGORIES))),
            ("endpoint", plain("The address of its endpoint.")),
        ],
    );
    let budget = "Milliseconds that the endpoint may take; 800 when absent.";
    nothing_else(
        "A Flow.",
        &[],
        vec![
            ("id", plain("Meta's id of the Flow.")),
            ("name", plain("Its name at Meta, where there is no `id`.")),
            ("file", plain("The Flow JSON: a file below the folder of the bot.")),
            ("json", object("The Flow JSON itself.")),
            ("meta", meta),
            ("token", token),
            ("on", handlers()),
            ("budget_ms", count(budget, 1, caps::MAX_FORM_BUDGET_MS)),
            (
                "fallback",
                nothing_else(
                    "The answer when nothing else answers, or not in time.",
                    &[],
                    vec![("show", shown()), ("error", failed())],
                ),
            ),
        ],
    )
}

fn handlers() -> Value {
    let steps = |what: &str| list(what, reference("form_step"));
    nothing_else(
        "The logic of the endpoint.",
        &[],
        vec![
            ("init", steps("The form is opened with `entry: data_exchange`.")),
            ("submit", map_of("By the screen that was filled in.", steps("The steps; the last one answers."))),
            ("back", map_of("By the screen that the person leaves.", steps("The steps; the last one answers."))),
            ("error", steps("A step has failed; `error` says which, and why.")),
        ],
    )
}

fn shown() -> Value {
    nothing_else(
        "Answers with a screen.",
        &["screen"],
        vec![
            ("screen", plain("Its id in the Flow JSON.")),
            ("data", about(reference("value"), "What the screen gets, and nothing else; texts in it are templates.")),
        ],
    )
}

fn failed() -> Value {
    nothing_else("Answers with the same screen and a message.", &["message"], vec![("message", text("The message."))])
}

/// A step of a handler.
pub(super) fn step() -> Value {
    let rule = nothing_else(
        "What must hold.",
        &["when", "message"],
        vec![
            ("when", expression("The condition.")),
            ("field", plain("The input at which the message is shown.")),
            ("message", text("What the person reads if it does not hold.")),
        ],
    );
    let way = nothing_else(
        "A way.",
        &["when", "do"],
        vec![("when", expression("The condition.")), ("do", list("The steps.", reference("form_step")))],
    );
    let ways = nothing_else(
        "Takes the first way whose condition holds.",
        &["cases"],
        vec![
            ("cases", list("The ways.", way)),
            ("else", list("The steps where no condition holds.", reference("form_step"))),
        ],
    );
    let finish = nothing_else(
        "Closes the form; the run goes on by `done`.",
        &[],
        vec![("data", about(reference("value"), "What comes with it, as `save` of the node gets it."))],
    );
    let value = one_of(
        "The value.",
        vec![expression("An expression."), about(reference("value"), "A list or map whose texts are templates.")],
    );
    let keys = vec![
        ("require", list("What must hold, or the same screen comes again.", rule)),
        ("http", nothing_else("Asks another program.", &["url"], http::step())),
        ("set", map_of("Assigns variables; other names are known to the handlers of this form only.", value)),
        ("match", ways),
        ("show", shown()),
        ("error", failed()),
        ("finish", finish),
    ];
    let one: Vec<Value> = keys.iter().map(|(key, _)| json!({ "required": [key] })).collect();
    let mut step = nothing_else("A step of a handler.", &[], keys);
    step["oneOf"] = one.into();
    step
}
