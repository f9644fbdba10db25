//! The kinds of nodes, one schema each, told apart by `type`.

use serde_json::{Value, json};

use super::parts::{
    about, count, duration, expression, flag, list, map_of, node, nothing_else, number, one_of, plain, reference, text,
    variable, word,
};
use super::{flows, http, messages};
use crate::caps;
use crate::node::ANSWER_TYPES;
use crate::snapshot::Priority;

/// Properties of a map.
type Keys = Vec<(&'static str, Value)>;

/// A kind of node.
struct Kind {
    name: &'static str,
    about: &'static str,
    required: &'static [&'static str],
    keys: Keys,
    next: Value,
}

/// `node` and one definition for each kind.
pub(super) fn definitions() -> Vec<(String, Value)> {
    let mut all: Vec<(String, Value)> = kinds().into_iter().map(|kind| (definition(kind.name), shape(kind))).collect();
    let forms: Vec<Value> = all.iter().map(|(name, _)| reference(name)).collect();
    let about = "A step of the bot; `type` says what it does.";
    all.push(("node".to_owned(), json!({ "description": about, "required": ["type"], "anyOf": forms })));
    all
}

/// The name of a kind's definition.
fn definition(kind: &str) -> String {
    format!("node_{kind}")
}

fn shape(kind: Kind) -> Value {
    let mut keys = vec![
        ("type", json!({ "const": kind.name, "description": kind.about })),
        ("next", kind.next),
        ("note", json!({ "description": "A note of the author." })),
        ("ui", json!({ "description": "Where an editor shows the node." })),
    ];
    keys.extend(kind.keys);
    let required: Vec<&str> = std::iter::once("type").chain(kind.required.iter().copied()).collect();
    nothing_else(kind.about, &required, keys)
}

/// Ports: those that must lead somewhere, and those that may.
fn ports(required: &[&'static str], optional: &[&'static str]) -> Value {
    let keys = required.iter().chain(optional).map(|port| (*port, node(port_about(port)))).collect();
    nothing_else("Where each port leads.", required, keys)
}

/// Ports whose names are the author's, beside these.
fn named_ports(about: &str, optional: &[&'static str]) -> Value {
    let mut ports = ports(&[], optional);
    ports["description"] = about.into();
    ports["additionalProperties"] = reference("node_id");
    ports
}

fn port_about(port: &str) -> &'static str {
    match port {
        "next" => "Goes on.",
        "event" => "What was waited for has happened.",
        "done" => "The form came back.",
        "expired" => "The form did not come in time.",
        "failed" => "What should be done failed.",
        "ok" => "There is an answer.",
        "invalid" => "There were too many wrong answers.",
        "timeout" => "The node's own time is over.",
        "other" => "The person sent something that is no answer.",
        "picked" => "An option was picked that has no port of its own.",
        "empty" => "There is no option to offer.",
        "sent" => "The template is queued.",
        "cancelled" => "The person wrote while time passed.",
        "returned" => "It came back.",
        "closed" => "The human closed the conversation.",
        "http_error" => "The call could not be made, or the status is not one that is good.",
        "bad_body" => "The answer is not what it should be.",
        "unavailable" => "The business hours are over.",
        _ => "This port was taken.",
    }
}

fn on_doubt() -> (&'static str, Value) {
    (
        "on_doubt",
        word(
            "What to do when it is unknown whether a message left: send it again, or hold it for an operator.",
            &["resend", "hold"],
        ),
    )
}

fn save(what: &str) -> (&'static str, Value) {
    ("save", variable(what))
}

fn timeout() -> (&'static str, Value) {
    ("timeout", duration("How long the node waits before it leaves by `timeout`."))
}

fn invalid() -> (&'static str, Value) {
    let inner = nothing_else(
        "What happens after a wrong answer.",
        &[],
        vec![
            ("message", text("What is said; the question again when absent.")),
            ("tries", count("The wrong answer that leaves by `invalid`; 3 when absent.", 1, caps::MAX_TRIES)),
        ],
    );
    ("invalid", inner)
}

fn kinds() -> Vec<Kind> {
    vec![
        Kind {
            name: "say",
            about: "Sends messages and goes on.",
            required: &["messages", "next"],
            keys: vec![("messages", list("The messages, in order.", reference("message"))), on_doubt()],
            next: ports(&["next"], &["failed"]),
        },
        Kind {
            name: "ask",
            about: "Asks a question and waits for the answer.",
            required: &["prompt", "next"],
            keys: ask(),
            next: ports(&["ok"], &["invalid", "timeout", "other", "failed"]),
        },
        Kind {
            name: "menu",
            about: "Offers options as buttons, as a list or as pages of a list, and waits for one.",
            required: &["prompt", "next"],
            keys: menu(),
            next: named_ports(
                "Where each option leads, by its id; `picked` for those without a port of their own.",
                &["picked", "empty", "invalid", "timeout", "other", "failed"],
            ),
        },
        Kind {
            name: "branch",
            about: "Takes the first case that holds.",
            required: &["cases", "else"],
            keys: vec![
                ("cases", list("The cases, in order.", case())),
                ("else", node("Where it goes when no case holds.")),
            ],
            next: ports(&[], &[]),
        },
        Kind {
            name: "set",
            about: "Assigns variables and notes what is known of the person.",
            required: &["next"],
            keys: set(),
            next: ports(&["next"], &[]),
        },
        Kind {
            name: "goto",
            about: "Goes on at another node.",
            required: &["to"],
            keys: vec![("to", node("The node."))],
            next: ports(&[], &[]),
        },
        Kind {
            name: "restart",
            about: "Ends the run and starts a new one with fresh variables, in the same turn.",
            required: &[],
            keys: vec![("to", node("Where it starts; at the `default` trigger when absent."))],
            next: ports(&[], &[]),
        },
        Kind {
            name: "end",
            about: "Ends the run. The next message starts a new one.",
            required: &[],
            keys: vec![
                ("reason", plain("Why, for the history; `done` when absent.")),
                ("result", text("What came of the run.")),
            ],
            next: ports(&[], &[]),
        },
        template(),
        Kind {
            name: "wait",
            about: "Lets time pass, or waits for an event. One of `for`, `until` and `business_hours`, or `until_event`, or both.",
            required: &["next"],
            keys: wait(),
            next: ports(&[], &["next", "event", "cancelled"]),
        },
        Kind {
            name: "split",
            about: "Takes one of several ways by chance.",
            required: &["weights", "next"],
            keys: vec![
                ("weights", map_of("The ways and their parts.", count("The part of this way.", 0, caps::MAX_WEIGHT))),
                ("sticky_by", expression("Equal values always take the same way.")),
            ],
            next: named_ports("Where each way leads.", &[]),
        },
        Kind {
            name: "each",
            about: "Runs the nodes from `body` for each element of a list; a `return` there goes on with the next.",
            required: &["list", "as", "body", "next"],
            keys: vec![
                ("list", expression("The list.")),
                ("as", variable("The variable that holds the element.")),
                ("body", node("The first node for each element.")),
                ("max", count("How many elements are taken at the most; 20 when absent.", 1, caps::MAX_EACH)),
            ],
            next: ports(&["next"], &[]),
        },
        Kind {
            name: "call",
            about: "Runs the nodes from another one as a part of its own; a `return` there comes back.",
            required: &["node", "next"],
            keys: vec![
                ("node", node("The first node of the part.")),
                ("bot", plain("Another bot.")),
                (
                    "args",
                    map_of("Variables that have these values for the time of the call.", expression("The value.")),
                ),
                save("Where the value of the `return` goes."),
            ],
            next: ports(&["returned"], &["failed"]),
        },
        Kind {
            name: "return",
            about: "Comes back from a `call`, or goes on with the next element of an `each`.",
            required: &[],
            keys: vec![("value", text("What the call gives."))],
            next: ports(&[], &[]),
        },
        Kind {
            name: "handoff",
            about: "A human answers in the bot's place until they hand the conversation back.",
            required: &["next"],
            keys: handoff(),
            next: ports(&["returned"], &["closed", "timeout", "unavailable", "failed"]),
        },
        Kind {
            name: "http",
            about: "Asks another program and waits for its answer.",
            required: &["url", "next"],
            keys: http::node(),
            next: ports(&["ok"], &["http_error", "timeout", "bad_body"]),
        },
        Kind {
            name: "flow",
            about: "Sends a message that opens a WhatsApp Flow, and waits for the form.",
            required: &["flow", "prompt", "cta", "next"],
            keys: flows::node().into_iter().chain([on_doubt()]).collect(),
            next: ports(&["done"], &["expired", "other", "failed"]),
        },
        Kind {
            name: "emit",
            about: "Tells the outside that something happened.",
            required: &["event", "next"],
            keys: vec![
                ("event", plain("The name of the event, such as `booking.made`.")),
                ("data", about(reference("value"), "What is told; texts in it are templates.")),
            ],
            next: ports(&["next"], &[]),
        },
    ]
}

fn case() -> Value {
    nothing_else(
        "A case.",
        &["when", "to"],
        vec![("when", expression("The condition.")), ("to", node("Where it goes when that holds."))],
    )
}

fn ask() -> Keys {
    let answer = |what: &str| word(what, ANSWER_TYPES);
    let bound = |what: &str| one_of(what, vec![number("A number; characters of a text."), text("A date or time.")]);
    let expect = nothing_else(
        "The type of the answer, and what it must fulfil.",
        &[],
        vec![
            ("type", answer("The type; `text` when absent.")),
            ("min", bound("The least value.")),
            ("max", bound("The greatest value.")),
            ("pattern", plain("A regular expression that must match somewhere.")),
            ("check", expression("Must hold; the answer is `value`.")),
            ("kinds", list("The kinds of media that count.", word("A kind.", &media_kinds()))),
            ("zone", reference("zone")),
        ],
    );
    vec![
        ("prompt", about(reference("message"), "The question.")),
        ("expect", one_of("What counts as an answer; `text` when absent.", vec![answer("The type."), expect])),
        save("Where the answer goes."),
        invalid(),
        timeout(),
        on_doubt(),
    ]
}

fn media_kinds() -> Vec<&'static str> {
    whatsapp::message::MediaKind::ALL.iter().map(|kind| kind.as_str()).collect()
}

fn menu() -> Keys {
    let option = nothing_else(
        "An option.",
        &["id", "title"],
        vec![
            ("id", plain("Its id, which is its port, too.")),
            ("title", text("What people see: 20 characters on a button, 24 in a list.")),
            ("desc", text("What stands below the title in a list, at most 72 characters.")),
            ("value", text("What `save` gets; the id when absent.")),
            ("synonyms", list("What may be typed instead.", plain("A word or several."))),
            ("when", expression("Shown only where this holds.")),
        ],
    );
    let part = |what: &str| text(what);
    let from = nothing_else(
        "Options out of a list.",
        &["list"],
        vec![
            ("list", one_of("The list.", vec![expression("An expression."), text("The same in braces.")])),
            ("id", part("A field of the element, or a text over `item`.")),
            ("title", part("A field of the element, or a text over `item`.")),
            ("desc", part("A field of the element, or a text over `item`.")),
            ("value", part("A field of the element, or a text over `item`.")),
        ],
    );
    let labels = nothing_else(
        "The rows that turn the page.",
        &[],
        vec![("previous", plain("To the page before.")), ("next", plain("To the next page."))],
    );
    vec![
        ("prompt", text("The question, at most 1024 characters.")),
        (
            "header",
            one_of("What stands above.", vec![text("A text, at most 60 characters."), reference("media_header")]),
        ),
        ("footer", text("What stands below, at most 60 characters.")),
        ("options", list("The options.", option)),
        ("options_from", from),
        (
            "render",
            word("`auto`: up to three short options are buttons, more are a list.", &["auto", "buttons", "list"]),
        ),
        ("page_labels", labels),
        ("button_text", text("What is on the button that opens a list, at most 20 characters.")),
        (
            "accept_typed",
            list(
                "Which typed answers count; all when absent.",
                word("A kind of answer.", &["title", "number", "synonym"]),
            ),
        ),
        save("Where the value of the option goes."),
        invalid(),
        timeout(),
        on_doubt(),
    ]
}

fn set() -> Keys {
    let labels = || list("Labels.", text("A label."));
    let both = nothing_else("Labels that come and go.", &[], vec![("add", labels()), ("remove", labels())]);
    vec![
        ("assign", map_of("Variables and their new values.", expression("The value."))),
        (
            "contact",
            map_of("Fields of the person, kept for good; `name` and `language` among them.", expression("The value.")),
        ),
        ("labels", one_of("Labels of the person.", vec![labels(), both])),
        ("consent", map_of("What the person agrees to, by purpose.", expression("True or false."))),
    ]
}

fn template() -> Kind {
    let then_wait = nothing_else(
        "Waits for the reply.",
        &[],
        vec![
            ("replies", list("Replies that are ports, beside the payloads of the buttons.", plain("A reply."))),
            save("Where the reply goes."),
            timeout(),
        ],
    );
    let mut keys = messages::template_keys();
    keys.push(("then_wait", one_of("Waits for the reply.", vec![flag("Whether it waits."), then_wait])));
    keys.push(on_doubt());
    Kind {
        name: "template",
        about: "Sends a template that Meta approved, also outside of the 24 hour window.",
        required: &["name", "lang", "next"],
        keys,
        next: named_ports(
            "`sent`, or with `then_wait` one port for each reply.",
            &["sent", "failed", "other", "timeout"],
        ),
    }
}

fn wait() -> Keys {
    vec![
        ("for", duration("How long.")),
        ("until", text("A date or instant; one that has passed goes on at once.")),
        ("zone", about(reference("zone"), "The time zone of `until` where it names none; UTC when absent.")),
        (
            "business_hours",
            one_of(
                "Until somebody is there.",
                vec![flag("`true`: the hours of the policies."), reference("business_hours")],
            ),
        ),
        (
            "until_event",
            plain("Until another program tells this; leaves by `event`, and a time beside it is the limit."),
        ),
    ]
}

fn handoff() -> Keys {
    vec![
        ("queue", plain("Who shall answer.")),
        ("message", text("What the person reads first.")),
        ("note", text("What the human should know.")),
        ("priority", word("How soon; `normal` when absent.", Priority::WORDS)),
        ("return_after", duration("After how long without a word of the human the bot goes on, by `timeout`.")),
        (
            "outside_hours",
            text("What is said when the business hours are over; the node then leaves by `unavailable`."),
        ),
        on_doubt(),
    ]
}
