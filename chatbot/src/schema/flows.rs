//! WhatsApp Flows: `flows`, and the node that sends one.

use serde_json::{Value, json};

use super::parts::{
    about, anything, count, duration, flag, list, map_of, nothing_else, plain, reference, text, variable, word,
};

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
        ("ttl", duration("How long the form is waited for; 24h when absent.")),
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
        vec![("ttl", duration("How long it is good.")), ("single_use", flag("Whether a form comes back once."))],
    );
    nothing_else(
        "A Flow.",
        &[],
        vec![
            ("id", plain("Meta's id of the Flow.")),
            ("name", plain("Its name at Meta, where there is no `id`.")),
            ("file", plain("The Flow JSON: a file below the folder of the bot.")),
            ("json", object("The Flow JSON itself.")),
            ("meta", object("Name, categories and endpoint at Meta.")),
            ("token", token),
            ("on", handlers()),
            ("budget_ms", count("Milliseconds that the endpoint may take.", 1, 8_000)),
            ("fallback", object("The answer when that is over.")),
            ("cache", object("How long look-ups are kept.")),
        ],
    )
}

fn handlers() -> Value {
    let steps = || list("The steps; the last one answers.", step());
    nothing_else(
        "The logic of the endpoint. It is checked, and does not run yet.",
        &[],
        vec![
            ("init", steps()),
            ("submit", map_of("By screen.", steps())),
            ("back", map_of("By screen.", steps())),
            ("error", steps()),
        ],
    )
}

fn step() -> Value {
    let keys = vec![
        ("require", anything("What must hold, or the screen comes again.")),
        ("http", anything("Asks another program.")),
        ("set", anything("Assigns variables.")),
        ("match", anything("Takes one of several ways.")),
        ("show", anything("Answers with a screen.")),
        ("error", anything("Answers with an error.")),
        ("finish", anything("Closes the form.")),
    ];
    let one: Vec<Value> = keys.iter().map(|(key, _)| json!({ "required": [key] })).collect();
    let mut step = nothing_else("A step of a handler.", &[], keys);
    step["oneOf"] = one.into();
    step
}
