//! One composed message of every kind, and the odd shapes of each.

use serde_json::{Value, json};

use super::*;

/// A sample of each kind, with the label of its row.
pub(crate) fn samples() -> Vec<(&'static str, Value)> {
    let media = |id: &str, mime: &str| json!({ "id": id, "mime_type": mime, "sha256": "5pZ7", "url": "https://media.example/1" });
    let captioned = |id: &str, mime: &str| {
        let mut media = media(id, mime);
        media["caption"] = json!("my receipt");
        media
    };
    let rows = [
        ("text", json!({ "type": "text", "text": { "body": "hello" } })),
        ("image", json!({ "type": "image", "image": captioned("1", "image/jpeg") })),
        ("video", json!({ "type": "video", "video": captioned("2", "video/mp4") })),
        (
            "audio",
            json!({ "type": "audio", "audio": { "id": "3", "mime_type": "audio/ogg; codecs=opus", "voice": true } }),
        ),
        ("document", json!({ "type": "document", "document": { "id": 4, "filename": "a.pdf", "caption": "March" } })),
        (
            "sticker",
            json!({ "type": "sticker", "sticker": { "id": "5", "mime_type": "image/webp", "animated": true } }),
        ),
        (
            "location",
            json!({ "type": "location", "location": { "latitude": 53.8, "longitude": "-1.55", "name": "Office" } }),
        ),
        (
            "contacts",
            json!({ "type": "contacts", "contacts": [{ "name": { "formatted_name": "Tola B", "first_name": "Tola" },
            "phones": [{ "phone": "+44 7700 900456", "wa_id": "447700900456", "type": "CELL" }, 7],
            "emails": [{ "email": "t@example.org" }], "org": { "company": "Acme" }, "origin": "contact_request" }] }),
        ),
        ("button", json!({ "type": "button", "button": { "payload": "confirm-42", "text": "Confirm" } })),
        (
            "button_reply",
            json!({ "type": "interactive", "interactive": { "type": "button_reply",
            "button_reply": { "id": "yes", "title": "Yes" } } }),
        ),
        (
            "list_reply",
            json!({ "type": "interactive", "interactive": { "type": "list_reply",
            "list_reply": { "id": "row-7", "title": "Large", "description": "12 inch" } } }),
        ),
        (
            "nfm_reply",
            json!({ "type": "interactive", "interactive": { "type": "nfm_reply", "nfm_reply": {
            "name": "flow", "body": "Sent", "response_json": r#"{"flow_token":"pl1.x","day":"2026-12-01"}"# } } }),
        ),
        ("reaction", json!({ "type": "reaction", "reaction": { "message_id": "wamid.OUT1", "emoji": "👍" } })),
        (
            "order",
            json!({ "type": "order", "order": { "catalog_id": "555", "text": "please", "product_items": [
            { "product_retailer_id": "sku-9", "quantity": 2, "item_price": "9.99", "currency": "GBP" }, "odd"] } }),
        ),
        (
            "system",
            json!({ "type": "system", "system": { "type": "user_changed_number", "body": "Ada changed",
            "wa_id": "447700900999" } }),
        ),
        (
            "system user id",
            json!({ "type": "system", "system": { "type": "user_changed_user_id", "body": "Ada has a new id",
            "user_id": "GB.9", "parent_user_id": "GB.ENT.9" } }),
        ),
        (
            "system identity",
            json!({ "type": "system", "system": { "type": "customer_identity_changed", "body": "Ada has a new phone" },
            "identity": { "acknowledged": false, "created_timestamp": 1795340000, "hash": "h1" } }),
        ),
        (
            "edit",
            json!({ "type": "edit", "edit": { "original_message_id": "wamid.0",
            "message": { "type": "text", "text": { "body": "hallo" } } } }),
        ),
        ("revoke", json!({ "type": "revoke", "revoke": { "original_message_id": "wamid.0" } })),
        (
            "unsupported",
            json!({ "type": "unsupported", "unsupported": { "type": "poll_creation" },
            "errors": [{ "code": 131051, "title": "Message type unknown", "error_data": { "details": "not supported" } }] }),
        ),
        ("request_welcome", json!({ "type": "request_welcome" })),
    ];
    rows.into_iter().map(|(label, row)| (label, with_head(row))).collect()
}

fn with_head(mut row: Value) -> Value {
    let head = json!({ "from": "447700900123", "id": "wamid.1", "timestamp": "1795340000",
        "context": { "from": "15550100100", "id": "wamid.OUT9", "forwarded": true,
            "referred_product": { "catalog_id": "555" } },
        "referral": { "source_type": "ad", "headline": "Try it" } });
    for (name, value) in head.as_object().unwrap() {
        row[name] = value.clone();
    }
    row
}

fn sample(label: &str) -> Message {
    let (_, raw) = samples().into_iter().find(|(name, _)| *name == label).unwrap();
    Message::parse(&raw.to_string())
}

fn read(row: Value) -> Message {
    Message::parse(&row.to_string())
}

#[test]
fn every_kind_has_its_type_text_and_reply_id() {
    let rows = [
        ("text", "text", "hello", None),
        ("image", "image", "my receipt", None),
        ("video", "video", "my receipt", None),
        ("audio", "audio", "", None),
        ("document", "document", "March", None),
        ("sticker", "sticker", "", None),
        ("location", "location", "Office", None),
        ("contacts", "contacts", "Tola B", None),
        ("button", "button", "Confirm", Some("confirm-42")),
        ("button_reply", "interactive", "Yes", Some("yes")),
        ("list_reply", "interactive", "Large", Some("row-7")),
        ("nfm_reply", "interactive", "Sent", None),
        ("reaction", "reaction", "👍", None),
        ("order", "order", "please", None),
        ("system", "system", "Ada changed", None),
        ("system user id", "system", "Ada has a new id", None),
        ("system identity", "system", "Ada has a new phone", None),
        ("edit", "edit", "hallo", None),
        ("revoke", "revoke", "", None),
        ("unsupported", "unsupported", "", None),
        ("request_welcome", "request_welcome", "", None),
    ];
    assert_eq!(rows.len(), samples().len());
    for (label, type_name, text, reply_id) in rows {
        let message = sample(label);
        assert_eq!((message.type_name(), message.text(), message.reply_id()), (type_name, text, reply_id), "{label}");
        assert_eq!((message.wamid.as_str(), message.from.as_deref()), ("wamid.1", Some("447700900123")), "{label}");
        assert!(!matches!(message.kind, MessageKind::Unknown { .. }), "{label}");
        assert_eq!(message.sent_ms, Some(1_795_340_000_000), "{label}");
    }
}

#[test]
fn context_and_referral_accompany_any_kind() {
    for (label, _) in samples() {
        let message = sample(label);
        let context = message.context.unwrap();
        assert_eq!(
            (context.id.as_deref(), context.from.as_deref()),
            (Some("wamid.OUT9"), Some("15550100100")),
            "{label}"
        );
        assert!(context.forwarded && !context.frequently_forwarded, "{label}");
        assert_eq!(context.referred_product.unwrap()["catalog_id"], "555", "{label}");
        assert_eq!(message.referral.unwrap()["headline"], "Try it", "{label}");
    }
}

#[test]
fn media_keeps_what_describes_it() {
    let image = sample("image");
    let media = image.media().unwrap();
    assert_eq!((media.id.as_str(), media.mime_type.as_deref()), ("1", Some("image/jpeg")));
    assert_eq!((media.sha256.as_deref(), media.url.as_deref()), (Some("5pZ7"), Some("https://media.example/1")));
    assert!(sample("audio").media().unwrap().voice);
    assert!(sample("sticker").media().unwrap().animated);
    let document = sample("document");
    assert_eq!(
        (document.media().unwrap().id.as_str(), document.media().unwrap().filename.as_deref()),
        ("4", Some("a.pdf"))
    );
    assert_eq!(sample("text").media(), None);
}

#[test]
fn location_takes_degrees_as_number_or_text() {
    let MessageKind::Location(place) = sample("location").kind else { panic!("no location") };
    assert_eq!((place.latitude, place.longitude), (53.8, -1.55));
}

#[test]
fn flow_reply_is_read_twice_and_its_token_may_be_missing() {
    let flow = |json: Value| {
        let nfm = json!({ "type": "interactive", "interactive": { "type": "nfm_reply", "nfm_reply": { "response_json": json } } });
        match read(nfm).kind {
            MessageKind::FlowReply(reply) => reply,
            other => panic!("{other:?}"),
        }
    };
    let MessageKind::FlowReply(whole) = sample("nfm_reply").kind else { panic!("no flow reply") };
    assert_eq!(whole.flow_token.as_deref(), Some("pl1.x"));
    assert_eq!(whole.response.unwrap()["day"], "2026-12-01");
    assert_eq!(flow(json!(r#"{"day":1}"#)).flow_token, None);
    let broken = flow(json!("{broken"));
    assert_eq!((broken.response, broken.response_json.as_str()), (None, "{broken"));
    assert_eq!(flow(json!({ "flow_token": "bare" })).flow_token.as_deref(), Some("bare"));
    assert_eq!(flow(json!(r#""text""#)).response, None);
}

#[test]
fn removed_reaction_has_no_emoji_in_either_form() {
    for reaction in [json!({ "message_id": "wamid.OUT1" }), json!({ "message_id": "wamid.OUT1", "emoji": "" })] {
        let message = read(json!({ "type": "reaction", "reaction": reaction }));
        assert_eq!(message.kind, MessageKind::Reaction { message_id: "wamid.OUT1".into(), emoji: None });
    }
}

fn system(label: &str) -> System {
    match sample(label).kind {
        MessageKind::System(system) => system,
        other => panic!("{other:?}"),
    }
}

#[test]
fn system_message_names_the_new_ids() {
    let number = system("system");
    assert_eq!((number.change(), number.wa_id.as_deref()), (Change::Number, Some("447700900999")));
    let user = system("system user id");
    assert_eq!((user.change(), user.user_id.as_deref()), (Change::UserId, Some("GB.9")));
    assert_eq!(user.parent_user_id.as_deref(), Some("GB.ENT.9"));
    let newer = read(json!({ "type": "system", "system": { "type": "user_grew" } }));
    assert!(matches!(newer.kind, MessageKind::System(system) if system.change() == Change::Other));
}

#[test]
fn changed_identity_stands_in_the_system_object_or_beside_it() {
    let identity = system("system identity");
    assert_eq!(identity.change(), Change::Identity);
    let expected = Identity { acknowledged: false, created_ms: Some(1_795_340_000_000), hash: Some("h1".into()) };
    assert_eq!(identity.identity.as_ref(), Some(&expected));
    let inside = json!({ "type": "system", "system": { "type": "customer_identity_changed",
        "identity": { "created_timestamp": "1795340000", "hash": "h1" } } });
    assert!(matches!(read(inside).kind, MessageKind::System(system) if system.identity == Some(expected)));
}

#[test]
fn contact_cards_keep_name_numbers_and_where_they_came_from() {
    let contacts = sample("contacts").contacts();
    let [card] = &contacts[..] else { panic!("{contacts:?}") };
    assert_eq!((card.name.as_deref(), card.company.as_deref()), (Some("Tola B"), Some("Acme")));
    assert_eq!((card.phones.len(), card.phones[0].wa_id.as_deref()), (1, Some("447700900456")));
    assert_eq!(
        (&card.emails[..], card.origin.as_deref()),
        (&["t@example.org".to_owned()][..], Some("contact_request"))
    );
    assert!(sample("text").contacts().is_empty());
}

#[test]
fn order_lists_what_was_ordered() {
    let order = sample("order").order().unwrap();
    assert_eq!((order.catalog_id.as_deref(), order.text.as_deref()), (Some("555"), Some("please")));
    let item = OrderItem {
        product_id: Some("sku-9".into()),
        quantity: Some(2.0),
        price: Some(9.99),
        currency: Some("GBP".into()),
    };
    assert_eq!((order.items, sample("text").order()), (vec![item], None));
}

#[test]
fn referral_names_the_advertisement() {
    let referral = sample("text").referral().unwrap();
    assert_eq!((referral.kind.as_deref(), referral.headline.as_deref()), (Some("ad"), Some("Try it")));
    assert_eq!(read(json!({ "type": "text", "referral": [1] })).referral(), None);
}

#[test]
fn edit_and_revoke_name_the_message_they_change() {
    let edit = sample("edit");
    assert_eq!((&edit.kind, edit.original_message_id.as_deref()), (&MessageKind::Edit, Some("wamid.0")));
    let edited = edit.edited.unwrap();
    assert_eq!((edited.from.as_deref(), edited.sent_ms), (Some("447700900123"), Some(1_795_340_000_000)));
    let revoke = sample("revoke");
    assert_eq!((&revoke.kind, revoke.original_message_id.as_deref()), (&MessageKind::Revoke, Some("wamid.0")));
}

#[test]
fn edits_of_edits_do_not_recurse() {
    for word in [r#""edit""#, r#""\u0065dit""#] {
        let mut raw = String::from("{}");
        for _ in 0..20_000 {
            raw = format!(r#"{{"type":{word},"edit":{{"original_message_id":"w","message":{raw}}}}}"#);
            if raw.len() > 200_000 {
                break;
            }
        }
        let message = Message::parse(&raw);
        assert_eq!((message.kind, message.edited), (MessageKind::Edit, None));
    }
}

#[test]
fn unsupported_message_says_what_and_why() {
    let message = sample("unsupported");
    assert_eq!(message.kind, MessageKind::Unsupported { kind: Some("poll_creation".into()) });
    assert_eq!((message.errors[0].code, message.errors[0].details.as_deref()), (Some(131_051), Some("not supported")));
    let bare = read(json!({ "type": "unsupported", "errors": "odd" }));
    assert_eq!((bare.kind, bare.errors.len()), (MessageKind::Unsupported { kind: None }, 0));
}

#[test]
fn template_button_may_lack_context_and_payload() {
    let message = read(json!({ "id": "wamid.1", "type": "button", "button": { "text": "Confirm" } }));
    assert_eq!((message.text(), message.reply_id(), message.context.is_none()), ("Confirm", None, true));
}

#[test]
fn odd_shapes_are_unknown_and_keep_their_type() {
    let rows = [
        json!({ "type": "text" }),
        json!({ "type": "text", "text": "bare" }),
        json!({ "type": "text", "text": { "body": {} } }),
        json!({ "type": "image", "image": {} }),
        json!({ "type": "location", "location": { "latitude": "north", "longitude": 1 } }),
        json!({ "type": "contacts", "contacts": {} }),
        json!({ "type": "button", "button": {} }),
        json!({ "type": "interactive" }),
        json!({ "type": "interactive", "interactive": { "type": "button_reply" } }),
        json!({ "type": "interactive", "interactive": { "type": "list_reply", "list_reply": { "title": "x" } } }),
        json!({ "type": "interactive", "interactive": { "type": "new_reply", "new_reply": {} } }),
        json!({ "type": "interactive", "interactive": { "type": "nfm_reply", "nfm_reply": {} } }),
        json!({ "type": "reaction", "reaction": { "emoji": "x" } }),
        json!({ "type": "order", "order": [] }),
        json!({ "type": "hologram", "hologram": { "text": "hi" } }),
    ];
    for row in rows {
        let type_name = row["type"].as_str().unwrap().to_owned();
        let message = read(row.clone());
        assert_eq!(message.type_name(), type_name, "{row}");
        assert_eq!(message.kind, MessageKind::Unknown { type_name }, "{row}");
    }
    for raw in ["", "7", "[]", "{", "{}", r#"{"type":7}"#] {
        assert!(matches!(Message::parse(raw).kind, MessageKind::Unknown { .. }), "{raw}");
    }
}

#[test]
fn deep_content_is_unknown_and_does_not_crash() {
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    for raw in [
        format!(r#"{{"type":"contacts","contacts":{deep}}}"#),
        format!(r#"{{"type":"order","order":{{"a":{deep}}}}}"#),
        format!(r#"{{"type":"text","text":{{"body":"x"}},"referral":{deep},"context":{deep},"errors":[{deep}]}}"#),
    ] {
        let message = Message::parse(&raw);
        assert_eq!(message.referral, None);
        assert!(message.errors.is_empty());
    }
}
