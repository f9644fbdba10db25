//! `tests`: scripted conversations.

use serde_json::{Value, json};

use super::http;
use super::parts::{anything, duration, flag, list, map_of, node, nothing_else, one_of, plain, word};
use crate::message::TYPES;
use crate::testing::SENT_TYPES;

pub(super) fn case() -> Value {
    nothing_else(
        "A scripted conversation.",
        &["name", "steps"],
        vec![
            ("name", plain("What it shows.")),
            ("at", plain("When it begins; 2026-11-22T10:00:00Z when absent.")),
            ("person", person()),
            ("given", map_of("Variables of scope `contact` that are known.", anything("The value."))),
            ("steps", list("What happens, in order.", step())),
        ],
    )
}

fn person() -> Value {
    let maybe = |what: &str| one_of(what, vec![plain("The value."), json!({ "type": "null" })]);
    nothing_else(
        "Who writes; somebody new called Ada when absent.",
        &[],
        vec![
            ("name", maybe("The name of the profile.")),
            ("wa_id", maybe("The telephone number.")),
            ("user_id", maybe("The id that Meta gives.")),
            ("known", flag("Whether they wrote before.")),
            ("fields", map_of("What is noted of them.", anything("The value."))),
            ("labels", list("Their labels.", plain("A label."))),
        ],
    )
}

fn step() -> Value {
    let keys = vec![
        ("user", plain("The person writes this.")),
        ("tap", plain("The person taps what has this id or title.")),
        ("send", send()),
        ("flow_open", plain("The person opens the newest form, which is one of this Flow.")),
        ("flow_back", plain("The person leaves this screen of the form backwards.")),
        (
            "flow_submit",
            nothing_else(
                "The person fills in the newest form.",
                &[],
                vec![
                    ("screen", plain("Where they are: the endpoint is asked. Without it the form comes back.")),
                    ("data", map_of("What they fill in.", anything("The value."))),
                ],
            ),
        ),
        (
            "api",
            nothing_else(
                "Another program tells that something happened.",
                &["name"],
                vec![("name", plain("What, such as `order.paid`.")), ("data", anything("What there is to say."))],
            ),
        ),
        ("advance", duration("Time passes.")),
        ("hand_back", word("The human is done.", &["returned", "closed"])),
        ("staff", plain("The human writes this.")),
        ("seed", json!({ "type": "integer", "minimum": 0, "description": "What chance is drawn from." })),
        ("http_stub", http::stub()),
        ("expect", expect()),
        ("expect_http", http::wanted()),
        ("expect_event", one_of("The bot tells of this event.", vec![plain("Its name, or `nothing`."), event()])),
        ("expect_end", plain("The run has ended, with this reason.")),
        ("expect_node", node("The run waits at this node.")),
        ("expect_var", map_of("Variables have these values.", anything("The value."))),
        ("expect_contact", anything("What is known of the person.")),
    ];
    let one = keys.iter().map(|(key, _)| json!({ "required": [key] })).collect();
    let mut step = nothing_else("One thing that happens or is expected.", &[], keys);
    step["oneOf"] = one;
    step
}

fn send() -> Value {
    json!({
        "type": "object",
        "description": "The person sends a message that is no text.",
        "required": ["type"],
        "properties": { "type": word("Meta's type of the message.", SENT_TYPES) },
    })
}

fn event() -> Value {
    let keys = vec![("event", plain("Its name.")), ("data", anything("What must be in its data."))];
    nothing_else("An event and its data.", &["event"], keys)
}

fn expect() -> Value {
    let bubble = || one_of("A message of the bot.", vec![plain("Its text."), bubble()]);
    one_of(
        "What the bot says next, or everything that it says.",
        vec![
            plain("The text of the next message; `nothing`: it says nothing more."),
            self::bubble(),
            screen(),
            list("Everything that it says.", bubble()),
        ],
    )
}

fn screen() -> Value {
    nothing_else(
        "What the phone shows of a form; all of it holds, and without `error_message` there is none.",
        &[],
        vec![
            ("screen", plain("The id of the screen.")),
            ("data", anything("What is in its data.")),
            ("error_message", plain("The message on it.")),
            ("form", word("What became of the form; `open` when absent.", &["open", "closed", "dead", "refused"])),
        ],
    )
}

fn bubble() -> Value {
    let mut keys = vec![
        ("text", plain("Its body, caption or title.")),
        ("contains", plain("A part of that.")),
        ("menu", list("The ids that can be tapped, in order.", plain("An id."))),
        ("template", anything("A template: its name, or what is in it.")),
        ("flow", anything("A message that opens a WhatsApp Flow.")),
    ];
    keys.extend(TYPES.iter().filter(|kind| **kind != "text").map(|kind| (*kind, anything("A message of this kind."))));
    nothing_else("What a message is like; all of it holds.", &[], keys)
}
