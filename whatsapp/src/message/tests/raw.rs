//! Raw bodies: what is read, what is wrong by path, and bodies of no known type.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::*;
use super::golden::samples;
use super::{phone, x};

fn raw_fields(body: Value) -> Vec<String> {
    let errors = check_raw(&body).err().unwrap_or_default();
    errors.into_iter().map(|error| error.field).collect()
}

fn interactive(content: Value) -> Value {
    json!({ "type": "interactive", "interactive": content })
}

#[test]
fn raw_bodies_name_what_is_wrong_by_path() {
    let list = |header: Value, rows: Value| {
        interactive(json!({ "type": "list", "header": header, "body": { "text": "b" },
            "action": { "button": "Open", "sections": [{ "rows": rows }] } }))
    };
    let text_header = json!({ "type": "text", "text": "h" });
    let button = |kind: &str, id: Value| {
        interactive(json!({ "type": "button", "body": { "text": "b" },
            "action": { "buttons": [{ "type": kind, "reply": { "id": id, "title": "A" } }] } }))
    };
    let rows: Vec<(Value, &[&str])> = vec![
        (json!([]), &["the message"]),
        (json!({}), &["type"]),
        (json!({ "type": 7 }), &["type"]),
        (json!({ "type": "text" }), &["text"]),
        (json!({ "type": "text", "text": "hi" }), &["text"]),
        (json!({ "type": "text", "text": { "body": "" } }), &["text.body"]),
        (json!({ "type": "text", "text": { "body": x(4097) } }), &["text.body"]),
        (json!({ "type": "text", "text": { "body": 7 } }), &["text.body"]),
        (json!({ "type": "text", "text": { "body": "b" }, "messaging_product": "sms" }), &["messaging_product"]),
        (json!({ "type": "text", "text": { "body": "b" }, "recipient_type": "group" }), &["recipient_type"]),
        (json!({ "type": "text", "text": { "body": "b" }, "context": {} }), &["context.message_id"]),
        (json!({ "type": "image", "image": {} }), &["image"]),
        (json!({ "type": "image", "image": { "id": "1", "link": "https://a.example" } }), &["image"]),
        (json!({ "type": "image", "image": { "link": "ftp://a.example" } }), &["image.link"]),
        (json!({ "type": "image", "image": { "id": "1", "caption": x(1025) } }), &["image.caption"]),
        (json!({ "type": "audio", "audio": { "id": "1", "caption": "c" } }), &["audio.caption"]),
        (
            json!({ "type": "location", "location": { "latitude": "north" } }),
            &["location.latitude", "location.longitude"],
        ),
        (json!({ "type": "contacts", "contacts": {} }), &["contacts"]),
        (json!({ "type": "contacts", "contacts": [] }), &["contacts"]),
        (json!({ "type": "contacts", "contacts": [{}] }), &["contacts[0].name.formatted_name"]),
        (json!({ "type": "reaction", "reaction": { "emoji": 1 } }), &["reaction.message_id", "reaction.emoji"]),
        (json!({ "type": "template", "template": {} }), &["template.name", "template.language.code"]),
        (json!({ "type": "hologram", "hologram": [] }), &["hologram"]),
        (interactive(json!({})), &["interactive.type"]),
        (interactive(json!({ "type": "new" })), &["interactive.body.text", "interactive.action"]),
        (button("url", json!("a")), &["interactive.action.buttons[0].type"]),
        (button("reply", json!(7)), &["interactive.action.buttons[0].reply.id"]),
        (button("reply", json!(" a")), &["interactive.action.buttons[0].reply.id"]),
        (list(json!({ "type": "image" }), json!([{ "id": "a", "title": "A" }])), &["interactive.header.type"]),
        (list(json!({ "type": "text" }), json!([{ "id": "a", "title": "A" }])), &["interactive.header.text"]),
        (list(text_header.clone(), json!([])), &["interactive.action.sections[0].rows"]),
        (list(text_header, json!([{ "id": "a", "title": x(25) }])), &["interactive.action.sections[0].rows[0].title"]),
        (
            interactive(
                json!({ "type": "cta_url", "body": { "text": "b" }, "action": { "name": "cta_url", "parameters": { "url": "x" } } }),
            ),
            &["interactive.action.parameters.display_text", "interactive.action.parameters.url"],
        ),
        (
            interactive(
                json!({ "type": "flow", "body": { "text": "b" }, "action": { "name": "flow", "parameters": {} } }),
            ),
            &["interactive.action.parameters", "interactive.action.parameters.flow_cta"],
        ),
    ];
    for (body, fields) in rows {
        assert_eq!(raw_fields(body.clone()), fields, "{body}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn checked_types_pass_the_raw_check(body in ".{0,40}", titles in prop::collection::vec((".{0,6}", ".{0,30}"), 0..12)) {
        let rows = titles.iter().map(|(id, title)| Row::new(id, title).with_description(title)).collect();
        let buttons = titles.into_iter().map(|(id, title)| Button::new(id, title)).collect();
        let made = [
            Text::new(&body).map(Outgoing::from),
            Buttons::new(&body, buttons).map(Outgoing::from),
            List::new(&body, "Open", vec![Section::new(rows)]).map(Outgoing::from),
        ];
        for outgoing in made.into_iter().flatten() {
            prop_assert_eq!(check_raw(&outgoing.body(&phone(), "")), Ok(()));
        }
    }

    #[test]
    fn mutated_raw_bodies_never_panic(which in any::<prop::sample::Index>(), changes in prop::collection::vec((any::<usize>(), any::<usize>()), 1..4)) {
        let samples = samples();
        let mut body = samples[which.index(samples.len())].clone();
        for (pick, how) in changes {
            crate::webhook::mutate(&mut body, pick, how);
        }
        let shown: Vec<String> = check_raw(&body).err().unwrap_or_default().iter().map(ToString::to_string).collect();
        prop_assert!(shown.iter().all(|line| !line.is_empty()));
        address(body, &phone(), "obx:1");
    }
}
