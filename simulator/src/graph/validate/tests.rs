//! A row for each thing that Meta refuses, and for what it takes.

mod interactive;
mod media;
mod templates;

use serde_json::{Value, json};

use super::*;
use crate::clock::ManualClock;
use crate::config::{Config, Template};
use crate::phone::{Author, Entry};

struct Stores {
    media: Media,
    templates: Templates,
    number: Number,
}

fn stores() -> Stores {
    let clock = Arc::new(ManualClock::new(0));
    let mut config = Config::new("", "s".into(), "t".into(), clock);
    config.templates = vec![Template { name: "order_update".into(), language: "en_US".into() }];
    Stores { media: Media::new(), templates: Templates::new(&config), number: Number::default() }
}

impl Stores {
    fn checked(&self, body: &Value) -> Result<Call, Refusal> {
        let known = Known { number: &self.number, media: &self.media, templates: &self.templates, now_ms: 1_000 };
        check(body, &known)
    }

    fn refused(&self, body: &Value, code: u32, says: &str) {
        let refusal = self.checked(body).expect_err(&format!("taken: {body}"));
        let details = refusal.details.clone().unwrap_or_default();
        assert_eq!(refusal.code, code, "{body}: {details}");
        assert!(details.contains(says), "{body}: {details}");
    }

    fn taken(&self, body: &Value) {
        assert!(matches!(self.checked(body), Ok(Call::Send(_))), "{body}: {:?}", self.checked(body));
    }
}

fn checked(body: &Value) -> Result<Call, Refusal> {
    stores().checked(body)
}

fn message(kind: &str, content: Value) -> Value {
    let mut body = json!({ "messaging_product": "whatsapp", "to": "+447700900101", "type": kind });
    body[kind] = content;
    body
}

fn long(chars: usize) -> String {
    "é".repeat(chars)
}

fn button(id: &str, title: &str) -> Value {
    json!({ "type": "reply", "reply": { "id": id, "title": title } })
}

fn buttons(buttons: Vec<Value>) -> Value {
    message("interactive", json!({ "type": "button", "body": { "text": "Well?" }, "action": { "buttons": buttons } }))
}

fn list(button: &str, sections: Value) -> Value {
    let action = json!({ "button": button, "sections": sections });
    message("interactive", json!({ "type": "list", "body": { "text": "Pick" }, "action": action }))
}

fn rows(from: usize, count: usize) -> Vec<Value> {
    (from..from + count).map(|n| json!({ "id": format!("r{n}"), "title": "Row" })).collect()
}

fn with(mut body: Value, pointer: &str, value: Value) -> Value {
    if let Some(place) = body.pointer_mut(pointer) {
        *place = value;
        return body;
    }
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    body.pointer_mut(parent).unwrap()[key] = value;
    body
}

fn without(mut body: Value, pointer: &str) -> Value {
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    body.pointer_mut(parent).unwrap().as_object_mut().unwrap().remove(key).unwrap();
    body
}

fn text() -> Value {
    message("text", json!({ "body": "hi" }))
}

fn flow(parameters: Value) -> Value {
    let action = json!({ "name": "flow", "parameters": parameters });
    message("interactive", json!({ "type": "flow", "body": { "text": "Book" }, "action": action }))
}

#[test]
fn what_meta_takes_is_taken() {
    let two = buttons(vec![button("y", "Yes"), button("n", "No")]);
    let two_sections = json!([{ "title": "A", "rows": rows(0, 5) }, { "title": "B", "rows": rows(5, 5) }]);
    let image = json!({ "type": "image", "image": { "link": "https://i.example/1.png" } });
    for body in [
        text(),
        without(text(), "/type"),
        with(text(), "/text/body", json!(long(4096))),
        with(text(), "/context", json!({ "message_id": "wamid.X" })),
        with(text(), "/biz_opaque_callback_data", json!(long(512))),
        two.clone(),
        with(two.clone(), "/interactive/header", json!({ "type": "text", "text": long(60) })),
        with(two.clone(), "/interactive/header", image),
        with(two, "/interactive/footer", json!({ "text": long(60) })),
        buttons(vec![button(&long(256), &long(20)), button("b", "B"), button("c", "C")]),
        list(&long(20), json!([{ "rows": rows(0, 10) }])),
        list("Open", two_sections),
        list("Open", json!([{ "rows": [{ "id": long(200), "title": long(24), "description": long(72) }] }])),
        message("image", json!({ "link": "https://i.example/1.png", "caption": long(1024) })),
        message("location", json!({ "latitude": "53.80", "longitude": -1.55 })),
        message("reaction", json!({ "message_id": "wamid.X", "emoji": "" })),
        message("contacts", json!([{ "name": { "formatted_name": "Tola B", "first_name": "Tola" } }])),
        message("template", json!({ "name": "order_update", "language": { "code": "en_US" } })),
        flow(json!({ "flow_message_version": "3", "flow_id": "8", "flow_cta": "Book" })),
        json!({ "messaging_product": "whatsapp", "recipient": "GB.778", "text": { "body": "hi" } }),
    ] {
        stores().taken(&body);
    }
}

#[test]
fn a_number_is_read_in_every_spelling() {
    for to in ["+447700900101", "447700900101", "+44 (7700) 900-101"] {
        let body = with(text(), "/to", json!(to));
        let Ok(Call::Send(send)) = checked(&body) else { panic!("{to}") };
        assert_eq!((send.person.id(), &*send.input), ("447700900101", to));
    }
    let both = with(text(), "/recipient", json!("GB.778"));
    let Ok(Call::Send(send)) = checked(&both) else { panic!("both") };
    assert_eq!(send.person, Person::Phone("447700900101".into()), "`to` wins");
}

#[test]
fn the_envelope_is_checked() {
    for (body, code, says) in [
        (json!([]), 100, "JSON object"),
        (without(text(), "/messaging_product"), 100, "messaging_product is required"),
        (with(text(), "/messaging_product", json!("sms")), 100, "WHATSAPP"),
        (without(text(), "/to"), 100, "to is required"),
        (with(text(), "/to", json!(44)), 100, "must be a string"),
        (with(text(), "/to", json!("+44 abc")), 131009, "not a phone number"),
        (with(text(), "/to", json!("+1")), 131009, "not a phone number"),
        (with(text(), "/to", json!("15550100100")), 131021, "itself"),
        (with(without(text(), "/to"), "/recipient", json!("778")), 131009, "business-scoped"),
        (with(text(), "/recipient_type", json!("group")), 100, "not simulated"),
        (with(text(), "/recipient_type", json!("all")), 100, "INDIVIDUAL"),
        (with(text(), "/type", json!("poll")), 100, "must be one of"),
        (with(text(), "/type", json!("image")), 100, "Unexpected key"),
        (without(text(), "/text"), 100, "text is required"),
        (with(text(), "/txt", json!(1)), 100, "Unexpected key"),
        (with(text(), "/biz_opaque_callback_data", json!(long(513))), 100, "512"),
        (with(text(), "/context", json!({})), 131008, "message_id"),
        (with(text(), "/context", json!({ "message_id": "x" })), 131009, "not a message id"),
    ] {
        refused(&body, code, says);
    }
}

#[test]
fn the_content_is_checked() {
    let template = |name: &str, code: &str| message("template", json!({ "name": name, "language": { "code": code } }));
    for (body, code, says) in [
        (with(text(), "/text", json!("hi")), 100, "must be a JSON object"),
        (without(text(), "/text/body"), 131008, "text['body']"),
        (with(text(), "/text/body", json!("")), 100, "cannot be empty"),
        (with(text(), "/text/body", json!(long(4097))), 100, "4096"),
        (with(text(), "/text/preview_url", json!("yes")), 100, "boolean"),
        (message("image", json!({ "id": "990011" })), 100, "attachment ID"),
        (message("image", json!({ "id": "9", "link": "https://x.example" })), 100, "exactly one"),
        (message("image", json!({ "link": "ftp://x.example" })), 131009, "http"),
        (message("document", json!({ "link": "https://x.example", "caption": long(1025) })), 100, "1024"),
        (message("audio", json!({ "link": "https://x.example", "caption": "no" })), 100, "Unexpected key"),
        (message("location", json!({ "latitude": 91, "longitude": 0 })), 131009, "latitude"),
        (message("location", json!({ "latitude": 1 })), 131008, "longitude"),
        (message("reaction", json!({ "message_id": "x", "emoji": "y" })), 131009, "message_id"),
        (message("contacts", json!([])), 131009, "1 to 257"),
        (message("contacts", json!([{ "name": {} }])), 131008, "formatted_name"),
        (message("contacts", json!([{ "name": { "formatted_name": "T" } }])), 131008, "first_name"),
        (
            message("contacts", json!([{ "name": { "formatted_name": "T", "first_name": "T" }, "origin": 1 }])),
            100,
            "Unexpected",
        ),
        (message("reaction", json!({ "message_id": "wamid.X", "emoji": "ok" })), 131009, "not one emoji"),
        (message("audio", json!({ "link": "https://x.example", "voice": 1 })), 100, "boolean"),
        (message("image", json!({ "link": "https://x.example", "filename": "a" })), 100, "Unexpected key"),
        (template("order_update", "de"), 132001, "does not exist in de"),
        (template("other", "en_US"), 132001, "other"),
    ] {
        refused(&body, code, says);
    }
}

#[test]
fn buttons_are_checked() {
    let one = || buttons(vec![button("y", "Yes")]);
    let four = (0..4).map(|n| button(&n.to_string(), &n.to_string())).collect();
    let header = |kind: &str| with(one(), "/interactive/header", json!({ "type": kind, "text": "" }));
    for (body, code, says) in [
        (buttons(vec![]), 131009, "buttons count"),
        (buttons(four), 131009, "buttons count"),
        (buttons(vec![button("a", &long(21))]), 131009, "Max length: 20"),
        (buttons(vec![button("a", "")]), 131009, "Max length: 20"),
        (buttons(vec![button(&long(257), "A")]), 131009, "Max length: 256"),
        (buttons(vec![button(" a", "A")]), 131009, "space"),
        (buttons(vec![button("a", "A"), button("a", "B")]), 131009, "Duplicated Button id"),
        (buttons(vec![button("a", "A"), button("b", "A")]), 131009, "Duplicated Button title"),
        (buttons(vec![json!({ "type": "url" })]), 131009, "must be reply"),
        (buttons(vec![json!({ "type": "reply" })]), 131008, "reply"),
        (without(one(), "/interactive/body"), 131008, "body"),
        (with(one(), "/interactive/body/text", json!(long(1025))), 131009, "1024"),
        (with(one(), "/interactive/footer", json!({ "text": long(61) })), 131009, "60"),
        (header("text"), 131009, "60"),
        (header("sticker"), 131009, "not one of"),
        (without(one(), "/interactive/action"), 131008, "action"),
        (with(one(), "/interactive/type", json!("buttons")), 100, "not an interactive type"),
        (with(one(), "/interactive/actions", json!({})), 100, "Unexpected key"),
    ] {
        refused(&body, code, says);
    }
}

#[test]
fn lists_are_checked() {
    let one = |row: Value| list("Open", json!([{ "rows": [row] }]));
    let eleven = json!([{ "title": "A", "rows": rows(0, 6) }, { "title": "B", "rows": rows(6, 5) }]);
    let untitled = json!([{ "title": "A", "rows": rows(0, 1) }, { "rows": rows(1, 1) }]);
    let twice = json!([{ "title": "A", "rows": rows(0, 1) }, { "title": "B", "rows": rows(0, 1) }]);
    let media = json!({ "type": "image", "image": { "link": "https://i.example/1.png" } });
    for (body, code, says) in [
        (list(&long(21), json!([{ "rows": rows(0, 1) }])), 131009, "Max length: 20"),
        (list("Open", eleven), 131009, "Total row count"),
        (list("Open", untitled), 131008, "title"),
        (list("Open", twice), 131009, "Duplicated Row id"),
        (list("Open", json!([])), 131009, "1 to 10 sections"),
        (list("Open", json!([{ "rows": [] }])), 131009, "no rows"),
        (list("Open", json!([{ "title": long(25), "rows": rows(0, 1) }])), 131009, "Max length: 24"),
        (one(json!({ "id": "a", "title": long(25) })), 131009, "Max length: 24"),
        (one(json!({ "id": long(201), "title": "A" })), 131009, "Max length: 200"),
        (one(json!({ "id": "a", "title": "A", "description": long(73) })), 131009, "Max length: 72"),
        (one(json!({ "title": "A" })), 131008, "id"),
        (with(list("Open", json!([{ "rows": rows(0, 1) }])), "/interactive/header", media), 131009, "not one of"),
    ] {
        refused(&body, code, says);
    }
}

#[test]
fn other_interactive_kinds_are_checked_by_their_parts() {
    let cta = |parameters: Value| {
        let action = json!({ "name": "cta_url", "parameters": parameters });
        message("interactive", json!({ "type": "cta_url", "body": { "text": "Pay" }, "action": action }))
    };
    let base = json!({ "flow_message_version": "3", "flow_id": "8", "flow_cta": "Book" });
    let flow_with = |key: &str, value: Value| {
        let mut parameters = base.clone();
        parameters[key] = value;
        flow(parameters)
    };
    for (body, code, says) in [
        (cta(json!({ "display_text": long(21), "url": "https://p.example" })), 131009, "Max length: 20"),
        (cta(json!({ "display_text": "Pay", "url": "p.example" })), 131009, "http"),
        (flow_with("flow_name", json!("x")), 131009, "exactly one"),
        (flow_with("flow_message_version", json!("2")), 131009, "version"),
        (flow_with("mode", json!("live")), 131009, "mode"),
        (flow_with("flow_action_payload", json!({ "screen": "A", "data": {} })), 131009, "not be empty"),
    ] {
        refused(&body, code, says);
    }
}

#[test]
fn read_receipts_are_checked() {
    let read = json!({ "messaging_product": "whatsapp", "status": "read", "message_id": "wamid.X" });
    assert!(matches!(checked(&read), Ok(Call::Read(Read { wamid, typing: false })) if wamid == "wamid.X"));
    let typing = with(read.clone(), "/typing_indicator", json!({ "type": "text" }));
    assert!(matches!(checked(&typing), Ok(Call::Read(Read { typing: true, .. }))));
    for (body, code, says) in [
        (with(read.clone(), "/status", json!("seen")), 100, "READ"),
        (without(read.clone(), "/message_id"), 100, "message_id is required"),
        (with(read.clone(), "/message_id", json!("X")), 131009, "invalid"),
        (with(read.clone(), "/typing_indicator", json!({})), 100, "TEXT"),
        (with(read, "/to", json!("1")), 100, "Unexpected key"),
    ] {
        refused(&body, code, says);
    }
}

#[test]
fn no_odd_value_in_any_place_panics() {
    let body = list("Open", json!([{ "title": "A", "rows": rows(0, 2) }]));
    let header = json!({ "type": "image", "image": { "link": "https://i.example/1.png" } });
    let mut bodies = vec![text(), body, with(buttons(vec![button("y", "Yes")]), "/interactive/header", header)];
    bodies.push(flow(json!({ "flow_message_version": "3", "flow_id": "8", "flow_cta": "Book" })));
    bodies.push(message("contacts", json!([{ "name": { "formatted_name": "Tola B", "first_name": "Tola" } }])));
    let odd = [json!(null), json!(-1.5), json!(true), json!([[]]), json!({ "type": {} }), json!("\u{0}é"), json!("")];
    for body in bodies {
        for pointer in pointers(&body, String::new()) {
            for value in &odd {
                let mut changed = body.clone();
                *changed.pointer_mut(&pointer).unwrap() = value.clone();
                drop(checked(&changed));
                drop(Entry::new(Author::Person, "wamid.X", "1", 0, changed));
            }
        }
    }
}

fn pointers(value: &Value, at: String) -> Vec<String> {
    let inner: Vec<_> = match value {
        Value::Object(map) => map.iter().flat_map(|(k, v)| pointers(v, format!("{at}/{k}"))).collect(),
        Value::Array(list) => list.iter().enumerate().flat_map(|(i, v)| pointers(v, format!("{at}/{i}"))).collect(),
        _ => Vec::new(),
    };
    [vec![at], inner].concat()
}

fn refused(body: &Value, code: u32, says: &str) {
    stores().refused(body, code, says);
}
