//! One composed message for each thing that a person can send: label, element, and the text that a transcript shows.

use serde_json::{Value, json};

pub(super) type Row = (&'static str, Value, &'static str);

fn media(kind: &str, mime: &str, more: Value) -> Value {
    let mut media = json!({ "id": "990011223344556", "mime_type": mime,
        "sha256": "5pZ7Yq3m0m0Vt3cQm2m9o1m1Q0o8v7r2m4k6J8h0b2A=" });
    for (name, value) in more.as_object().into_iter().flatten() {
        media[name] = value.clone();
    }
    json!({ "type": kind, kind: media })
}

fn with(mut message: Value, name: &str, value: Value) -> Value {
    message[name] = value;
    message
}

fn words(body: &str) -> Value {
    json!({ "type": "text", "text": { "body": body } })
}

/// A reply to something that we sent.
fn reply(message: Value) -> Value {
    with(message, "context", json!({ "from": "15550100100", "id": "wamid.OUT1" }))
}

fn interactive(content: Value) -> Value {
    reply(json!({ "type": "interactive", "interactive": content }))
}

fn form(name: &str, body: &str, response: &Value) -> Value {
    let reply = json!({ "name": name, "body": body, "response_json": response.to_string() });
    interactive(json!({ "type": "nfm_reply", "nfm_reply": reply }))
}

fn system(content: Value) -> Value {
    json!({ "type": "system", "system": content })
}

fn unsupported(errors: Value) -> Value {
    json!({ "type": "unsupported", "errors": errors })
}

/// Everything that is written in a chat with one person who has a number.
pub(super) fn all() -> Vec<Row> {
    [written(), files(), cards(), answers(), changes(), strange()].concat()
}

fn written() -> Vec<Row> {
    let product = json!({ "from": "15550100100", "id": "wamid.OUT9",
        "referred_product": { "catalog_id": "555", "product_retailer_id": "sku-9" } });
    let ad = json!({ "source_url": "https://ads.example/ad", "source_id": "120000000001", "source_type": "ad",
        "headline": "Try it", "body": "Half price", "media_type": "image", "image_url": "https://ads.example/a.jpg",
        "ctwa_clid": "clid-123", "welcome_message": { "text": "Hi! Ask away." } });
    let post = json!({ "source_url": "https://ads.example/post", "source_type": "post", "media_type": "video",
        "video_url": "https://ads.example/v.mp4", "thumbnail_url": "https://ads.example/t.jpg" });
    vec![
        ("text", words("hello"), "hello"),
        ("text of other scripts", words("žluťoučký 👍🏽 kůň"), "žluťoučký 👍🏽 kůň"),
        ("a reply", reply(words("yes, that one")), "yes, that one"),
        ("a reply to what nobody knows", with(words("that"), "context", json!({ "id": "wamid.GONE" })), "that"),
        ("forwarded", with(words("look"), "context", json!({ "forwarded": true })), "look"),
        ("often forwarded", with(words("look!"), "context", json!({ "frequently_forwarded": true })), "look!"),
        ("about a product", with(words("in red?"), "context", product), "in red?"),
        ("through an ad", with(words("Tell me more"), "referral", ad), "Tell me more"),
        ("through a post", with(words("Is it new?"), "referral", post), "Is it new?"),
    ]
}

fn files() -> Vec<Row> {
    let link = json!({ "url": "https://media.example/?mid=990011223344556" });
    let voice = media("audio", "audio/ogg; codecs=opus", json!({ "voice": true }));
    vec![
        ("image", media("image", "image/jpeg", json!({ "caption": "my receipt" })), "my receipt"),
        ("image with a link", media("image", "image/jpeg", link), ""),
        ("video", media("video", "video/mp4", json!({ "caption": "the leak" })), "the leak"),
        ("audio", media("audio", "audio/mpeg", json!({ "voice": false })), ""),
        ("voice", voice, ""),
        ("document", media("document", "application/pdf", json!({ "filename": "a.pdf", "caption": "March" })), "March"),
        ("document without a name", media("document", "application/pdf", json!({})), ""),
        ("sticker", media("sticker", "image/webp", json!({ "animated": false })), ""),
        ("animated sticker", media("sticker", "image/webp", json!({ "animated": true })), ""),
    ]
}

fn cards() -> Vec<Row> {
    let place = json!({ "latitude": 53.8, "longitude": -1.55, "name": "Town Hall", "address": "The Headrow" });
    let card = json!([{ "name": { "formatted_name": "Tola B", "first_name": "Tola", "last_name": "B" },
        "phones": [{ "phone": "+44 7700 900456", "wa_id": "447700900456", "type": "CELL" }],
        "emails": [{ "email": "t@example.org", "type": "WORK" }],
        "addresses": [{ "street": "1 High St", "city": "Leeds", "zip": "LS1", "country": "UK", "country_code": "gb", "type": "HOME" }],
        "org": { "company": "Acme", "department": "Ops", "title": "Lead" },
        "urls": [{ "url": "https://example.org", "type": "WORK" }], "birthday": "1990-02-03", "origin": "other" }]);
    let order = json!({ "catalog_id": "555", "text": "By noon, please", "product_items": [
        { "product_retailer_id": "sku-9", "quantity": 2, "item_price": 4.5, "currency": "GBP" }] });
    vec![
        ("location", json!({ "type": "location", "location": place }), "Town Hall"),
        ("bare location", json!({ "type": "location", "location": { "latitude": 53.8, "longitude": -1.55 } }), ""),
        ("contacts", json!({ "type": "contacts", "contacts": card }), "Tola B"),
        ("order", json!({ "type": "order", "order": order }), "By noon, please"),
    ]
}

fn answers() -> Vec<Row> {
    let quick = json!({ "type": "button", "button": { "payload": "confirm-42", "text": "Confirm" } });
    let button = json!({ "type": "button_reply", "button_reply": { "id": "yes", "title": "Yes" } });
    let row =
        json!({ "type": "list_reply", "list_reply": { "id": "row-7", "title": "Large", "description": "12 inch" } });
    let reaction = |reaction: Value| json!({ "type": "reaction", "reaction": reaction });
    let address = json!({ "values": { "name": "Ada", "in_pin_code": "400063" } });
    vec![
        ("quick reply of a template", reply(quick.clone()), "Confirm"),
        ("quick reply without context", quick, "Confirm"),
        ("button", interactive(button), "Yes"),
        ("list row", interactive(row), "Large"),
        ("form", form("flow", "Sent", &json!({ "flow_token": "pl1.9f2c7e.k3Jx", "day": "2026-12-01" })), "Sent"),
        ("form without a token", form("flow", "Sent", &json!({ "day": "2026-12-01", "tags": ["a", "b"] })), "Sent"),
        ("address", form("address_message", "Ada, 400063", &address), "Ada, 400063"),
        ("reaction", reaction(json!({ "message_id": "wamid.OUT1", "emoji": "👍" })), "👍"),
        ("reaction taken back", reaction(json!({ "message_id": "wamid.OUT1", "emoji": "" })), ""),
        ("reaction taken back without a word", reaction(json!({ "message_id": "wamid.OUT1" })), ""),
    ]
}

fn changes() -> Vec<Row> {
    let moved = "User Ada changed from 447700900123 to 447700900999";
    let renamed = "User Ada changed from GB.1 to GB.2";
    let identity = with(
        system(json!({ "type": "customer_identity_changed", "body": "Ada has a new phone" })),
        "identity",
        json!({ "acknowledged": false, "created_timestamp": 1795340000, "hash": "h1" }),
    );
    let edit = json!({ "original_message_id": "wamid.0", "message": { "type": "text", "text": { "body": "hallo" } } });
    let captioned = json!({ "original_message_id": "wamid.0",
        "message": { "type": "image", "image": { "id": "1", "mime_type": "image/jpeg", "caption": "new words" } } });
    vec![
        ("identity changed", identity, "Ada has a new phone"),
        ("edit", json!({ "type": "edit", "edit": edit }), "hallo"),
        ("edit of a caption", json!({ "type": "edit", "edit": captioned }), "new words"),
        ("revoke", json!({ "type": "revoke", "revoke": { "original_message_id": "wamid.0" } }), ""),
        ("first chat", json!({ "type": "request_welcome" }), ""),
        ("other system", system(json!({ "type": "brand_new", "body": "Something changed" })), "Something changed"),
        (
            "user id changed",
            system(
                json!({ "type": "user_changed_user_id", "body": renamed, "user_id": "GB.2", "parent_user_id": "GB.ENT.2" }),
            ),
            renamed,
        ),
        (
            "number changed",
            system(json!({ "type": "user_changed_number", "body": moved, "wa_id": "447700900999" })),
            moved,
        ),
    ]
}

fn strange() -> Vec<Row> {
    let title = "Message type unknown";
    let full = json!([{ "code": 131051, "title": title, "message": title,
        "error_data": { "details": "Message type is currently not supported." } }]);
    let large =
        json!([{ "code": 131052, "title": "Media download error", "error_data": { "details": "over 100 MB" } }]);
    let bare = json!({ "type": "interactive" });
    vec![
        ("unsupported", with(unsupported(full), "unsupported", json!({ "type": "poll_creation" })), ""),
        ("unsupported without a kind", unsupported(json!([{ "code": 131051, "title": title }])), ""),
        ("unsupported, details as text", unsupported(json!([{ "code": 131051, "error_data": "not supported" }])), ""),
        ("unsupported without errors", json!({ "type": "unsupported" }), ""),
        ("too large a file", unsupported(large), ""),
        ("unknown", json!({ "type": "unknown", "errors": [{ "code": 131051, "title": title }] }), ""),
        ("a type of tomorrow", json!({ "type": "hologram", "hologram": { "depth": 3 } }), ""),
        ("interactive without its object", bare, ""),
        (
            "interactive of tomorrow",
            interactive(json!({ "type": "gesture_reply", "gesture_reply": { "id": "wave" } })),
            "",
        ),
    ]
}
