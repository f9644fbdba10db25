//! The JSON Schema of bot files, for editors: what the reader takes, with a line about each key.
//!
//! The reader is written by hand, and so is this. They cannot drift: in tests the reader notes what it asks for at each
//! place of every bot file of the repository, and each question must have its like here, and each object here must have
//! been asked for (`schema/tests.rs`).

mod flows;
mod http;
mod messages;
mod nodes;
mod parts;
mod policies;
mod scripts;
#[cfg(test)]
mod tests;
mod triggers;

use serde_json::{Map, Value, json};

use parts::{about, anything, list, map_of, nothing_else, one_of, plain, reference, text, word};

/// The draft that the schema is written in.
const DRAFT: &str = "https://json-schema.org/draft/2020-12/schema";

/// The schema of bot files: JSON Schema, draft 2020-12. The same in every call.
pub fn schema() -> Value {
    let mut root = nothing_else(
        "A bot: one document, in YAML or JSON.",
        &["parlance", "id", "triggers", "nodes"],
        vec![
            ("parlance", json!({ "const": 1, "description": "The version of the file format." })),
            ("id", about(reference("id"), "The name of the bot, by which it is called everywhere.")),
            ("title", plain("What people read instead of the id.")),
            ("locale", plain("The language of the texts, such as `en` or `pt_BR`; `en` when absent.")),
            (
                "i18n",
                map_of(
                    "Texts by language and key; `{{ t('key') }}` stands for one.",
                    map_of("Texts by key.", text("A text.")),
                ),
            ),
            ("vars", map_of("Declared variables.", reference("variable_declared"))),
            ("secrets", list("Names of secrets; their values come from the configuration.", plain("A name."))),
            ("triggers", list("What begins a run, asked in this order. `default` comes last.", reference("trigger"))),
            ("policies", policies::policies()),
            ("nodes", map_of("The steps of the bot, by id.", reference("node"))),
            ("flows", flows::flows()),
            ("tests", list("Scripted conversations, played by `parlance test`.", scripts::case())),
            (
                "ui",
                json!({ "type": "object", "description": "Positions and notes of editors; never changes what the bot does." }),
            ),
            (
                "migrate",
                one_of(
                    "What becomes of runs that wait when another version goes live.",
                    vec![
                        word(
                            "`pin`: they end on their version. `same_node`: they go on where the node still waits.",
                            &["pin", "same_node"],
                        ),
                        map_of("Node of the older version to node of this one, or `end`.", reference("node_id")),
                    ],
                ),
            ),
            ("drain_after", parts::duration("When runs of older versions are ended.")),
        ],
    );
    if let Value::Object(root) = &mut root {
        root.insert("$schema".into(), DRAFT.into());
        root.insert("title".into(), "Parlance bot".into());
        root.insert("$comment".into(), "Written by `parlance bot schema`; do not edit.".into());
        root.insert("$defs".into(), definitions().into());
    }
    root
}

fn definitions() -> Map<String, Value> {
    let mut all: Vec<(&str, Value)> = vec![
        ("id", json!({ "type": ["string", "number"], "pattern": "^[\\p{L}\\p{N}_.-]{1,128}$" })),
        ("node_id", json!({ "type": ["string", "number"], "description": "The id of a node." })),
        ("plain", json!({ "type": ["string", "number"] })),
        ("text", json!({ "type": ["string", "number"], "description": "A text; `{{ expression }}` may stand in it." })),
        (
            "expression",
            json!({ "type": ["string", "boolean", "number"], "description": "An expression, without braces." }),
        ),
        (
            "variable",
            json!({ "type": ["string", "number"], "pattern": "^[\\p{L}_][\\p{L}\\p{N}_]{0,63}$", "description": "The name of a variable." }),
        ),
        (
            "duration",
            json!({ "type": "string", "pattern": "^([0-9]+(ms|s|m|min|h|d))+$", "description": "A time such as 45s, 30m, 2h, 1d or 1h30m.", "examples": ["30m", "2h", "1d"] }),
        ),
        (
            "zone",
            json!({ "type": "string", "description": "A time zone of the IANA database, such as Europe/Berlin." }),
        ),
        ("value", anything("Any value; texts in it are templates.")),
        ("variable_declared", policies::variable()),
        ("business_hours", policies::hours()),
        ("unexpected", policies::unexpected_way()),
        ("trigger", triggers::trigger()),
        ("form_step", flows::step()),
    ];
    all.extend(messages::definitions());
    all.into_iter().map(|(name, schema)| (name.to_owned(), schema)).chain(nodes::definitions()).collect()
}
