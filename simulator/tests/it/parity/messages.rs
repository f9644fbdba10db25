//! Every outgoing kind: one that is taken, and its refusals.

use serde_json::{Value, json};

use super::{Call, Trial};
use crate::support::{NUMBER, PHONE_1, VISIT, World};

const AREA: &str = "Send";

fn call(body: Value) -> Call {
    ("POST", format!("{NUMBER}/messages"), body)
}

fn message(kind: &str, content: Value) -> Value {
    let mut body = json!({ "messaging_product": "whatsapp", "to": format!("+{PHONE_1}"), "type": kind });
    body[kind] = content;
    body
}

fn interactive(kind: &str, action: Value) -> Value {
    message("interactive", json!({ "type": kind, "body": { "text": "Look" }, "action": action }))
}

fn with(mut body: Value, pointer: &str, value: Value) -> Value {
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    body.pointer_mut(parent).unwrap()[key] = value;
    body
}

fn long(chars: usize) -> String {
    "x".repeat(chars)
}

fn trial(operation: &'static str, taken: Value, refused: Vec<(&'static str, Value, u64)>) -> Trial {
    let refused = refused.into_iter().map(|(what, body, code)| (what, call(body), code)).collect();
    Trial { area: AREA, operation, taken: call(taken), refused }
}

pub(crate) async fn trials(world: &mut World) -> Vec<Trial> {
    let wamid = world.handle.text(1, "hi").unwrap();
    let user_id = world.handle.phone(1).unwrap().user_id;
    let png = world.upload("image/png", b"x").await.1["id"].clone();
    let ogg = world.upload("audio/ogg", b"x").await.1["id"].clone();
    [addressed(&wamid, &user_id), plain(&wamid), media(&png, &ogg), interactives(), templates(world, &user_id)]
        .into_iter()
        .flatten()
        .collect()
}

fn addressed(wamid: &str, user_id: &str) -> Vec<Trial> {
    let text = || message("text", json!({ "body": "hi" }));
    let by_id = json!({ "messaging_product": "whatsapp", "recipient": user_id, "text": { "body": "hi" } });
    let read = json!({ "messaging_product": "whatsapp", "status": "read", "message_id": wamid, "typing_indicator": { "type": "text" } });
    vec![
        trial(
            "text",
            text(),
            vec![
                ("closed window", with(text(), "/to", json!("+447700900103")), 131047),
                ("empty body", with(text(), "/text/body", json!("")), 100),
                ("over 4096 characters", with(text(), "/text/body", json!(long(4097))), 100),
                ("unknown member", with(text(), "/txt", json!(1)), 100),
                ("the business number itself", with(text(), "/to", json!("15550100100")), 131021),
                ("not a number", with(text(), "/to", json!("nobody")), 131009),
            ],
        ),
        trial(
            "to a business-scoped user id",
            by_id.clone(),
            vec![("malformed id", with(by_id, "/recipient", json!("778")), 131009)],
        ),
        trial(
            "quote (context)",
            with(text(), "/context", json!({ "message_id": wamid })),
            vec![("not a message id", with(text(), "/context", json!({ "message_id": "x" })), 131009)],
        ),
        trial(
            "biz_opaque_callback_data",
            with(text(), "/biz_opaque_callback_data", json!(long(512))),
            vec![("over 512 characters", with(text(), "/biz_opaque_callback_data", json!(long(513))), 100)],
        ),
        trial(
            "read receipt and typing indicator",
            read.clone(),
            vec![("no message id", with(read, "/message_id", json!("")), 100)],
        ),
    ]
}

fn plain(wamid: &str) -> Vec<Trial> {
    let place = || message("location", json!({ "latitude": 53.8, "longitude": -1.55, "name": "Office" }));
    let contact = || message("contacts", json!([{ "name": { "formatted_name": "Tola B", "first_name": "Tola" } }]));
    let reaction = || message("reaction", json!({ "message_id": wamid, "emoji": "👍" }));
    vec![
        trial("location", place(), vec![("outside the globe", with(place(), "/location/latitude", json!(91)), 131009)]),
        trial(
            "contacts",
            contact(),
            vec![
                ("none", message("contacts", json!([])), 131009),
                ("no name", message("contacts", json!([{}])), 131008),
            ],
        ),
        trial(
            "reaction and its removal",
            reaction(),
            vec![
                ("not an emoji", with(reaction(), "/reaction/emoji", json!("ok")), 131009),
                ("with context", with(reaction(), "/context", json!({ "message_id": wamid })), 100),
            ],
        ),
    ]
}

fn media(png: &Value, ogg: &Value) -> Vec<Trial> {
    let link = |kind: &str| message(kind, json!({ "link": "https://m.example/1" }));
    let by_id = || message("image", json!({ "id": png }));
    vec![
        trial(
            "image by id",
            by_id(),
            vec![
                ("unknown or expired id", message("image", json!({ "id": "1" })), 100),
                ("media of another kind", message("image", json!({ "id": ogg })), 131053),
                ("caption over 1024", with(by_id(), "/image/caption", json!(long(1025))), 100),
            ],
        ),
        trial(
            "image, video by link (not fetched)",
            link("video"),
            vec![
                ("not a web address", message("image", json!({ "link": "ftp://m.example" })), 131009),
                ("id and link", message("image", json!({ "id": png, "link": "https://m.example" })), 100),
            ],
        ),
        trial(
            "audio, voice",
            message("audio", json!({ "id": ogg, "voice": true })),
            vec![("caption", with(link("audio"), "/audio/caption", json!("x")), 100)],
        ),
        trial("document", with(link("document"), "/document/filename", json!("a.pdf")), vec![]),
        trial(
            "sticker",
            link("sticker"),
            vec![("caption", with(link("sticker"), "/sticker/caption", json!("x")), 100)],
        ),
    ]
}

fn interactives() -> Vec<Trial> {
    let reply = |id: &str| json!({ "type": "reply", "reply": { "id": id, "title": id } });
    let buttons =
        |ids: &[&str]| interactive("button", json!({ "buttons": ids.iter().map(|id| reply(id)).collect::<Vec<_>>() }));
    let rows = |count: usize| (0..count).map(|n| json!({ "id": n.to_string(), "title": "Row" })).collect::<Vec<_>>();
    let list = |count: usize| interactive("list", json!({ "button": "Open", "sections": [{ "rows": rows(count) }] }));
    let named = |kind: &str, parameters: Value| interactive(kind, json!({ "name": kind, "parameters": parameters }));
    let cta = |text: &str| named("cta_url", json!({ "display_text": text, "url": "https://e.example" }));
    let flow = || named("flow", json!({ "flow_message_version": "3", "flow_id": VISIT, "flow_cta": "Book" }));
    let items = |count: usize| (0..count).map(|n| json!({ "product_retailer_id": n.to_string() })).collect::<Vec<_>>();
    let products = |count: usize| {
        let list =
            interactive("product_list", json!({ "catalog_id": "5", "sections": [{ "product_items": items(count) }] }));
        with(list, "/interactive/header", json!({ "type": "text", "text": "Menu" }))
    };
    let card = |at: usize| json!({ "card_index": at, "type": "product", "action": { "catalog_id": "5", "product_retailer_id": "9" } });
    let carousel = |count: usize| interactive("carousel", json!({ "cards": (0..count).map(card).collect::<Vec<_>>() }));
    let place = || interactive("location_request_message", json!({ "name": "send_location" }));
    vec![
        trial(
            "interactive button",
            buttons(&["a", "b", "c"]),
            vec![
                ("4 buttons", buttons(&["a", "b", "c", "d"]), 131009),
                ("duplicate id", buttons(&["a", "a"]), 131009),
                ("title over 20", buttons(&[&long(21)]), 131009),
            ],
        ),
        trial(
            "interactive list",
            list(10),
            vec![
                ("11 rows", list(11), 131009),
                ("media header", with(list(1), "/interactive/header", json!({ "type": "image" })), 131009),
            ],
        ),
        trial("interactive cta_url", cta("Pay"), vec![("text over 20", cta(&long(21)), 131009)]),
        trial(
            "interactive flow",
            flow(),
            vec![
                ("id and name", with(flow(), "/interactive/action/parameters/flow_name", json!("x")), 131009),
                ("unknown Flow", with(flow(), "/interactive/action/parameters/flow_id", json!("42")), 131009),
                (
                    "empty data",
                    with(
                        flow(),
                        "/interactive/action/parameters/flow_action_payload",
                        json!({ "screen": "A", "data": {} }),
                    ),
                    131009,
                ),
            ],
        ),
        trial(
            "interactive location_request_message",
            place(),
            vec![("header", with(place(), "/interactive/header", json!({})), 100)],
        ),
        trial(
            "interactive request_contact_info",
            interactive("request_contact_info", json!({ "name": "request_contact_info" })),
            vec![],
        ),
        trial(
            "interactive product",
            interactive("product", json!({ "catalog_id": "5", "product_retailer_id": "9" })),
            vec![("no product", interactive("product", json!({ "catalog_id": "5" })), 131008)],
        ),
        trial("interactive product_list", products(30), vec![("31 products", products(31), 131009)]),
        trial(
            "interactive catalog_message",
            interactive("catalog_message", json!({ "name": "catalog_message" })),
            vec![],
        ),
        trial(
            "interactive address_message",
            named("address_message", json!({ "country": "IN" })),
            vec![("outside India", named("address_message", json!({ "country": "GB" })), 131009)],
        ),
        trial(
            "interactive carousel",
            carousel(10),
            vec![("1 card", carousel(1), 131009), ("11 cards", carousel(11), 131009)],
        ),
    ]
}

fn templates(world: &World, user_id: &str) -> Vec<Trial> {
    let body = json!([{ "type": "BODY", "text": "Hi {{1}}", "example": { "body_text": [["Ada"]] } }]);
    let define = |name: &str, category: &str, status: &str, components: &Value| {
        let definition =
            json!({ "name": name, "language": "en", "category": category, "status": status, "components": components });
        world.handle.put_template(&definition).unwrap();
    };
    define("hello", "UTILITY", "APPROVED", &body);
    define("paused", "UTILITY", "PAUSED", &body);
    define("disabled", "UTILITY", "DISABLED", &body);
    define("pending", "UTILITY", "PENDING", &body);
    define("otp", "AUTHENTICATION", "APPROVED", &json!([{ "type": "BODY" }]));
    let send = |name: &str, parameters: Value| {
        let components = json!([{ "type": "body", "parameters": parameters }]);
        message("template", json!({ "name": name, "language": { "code": "en" }, "components": components }))
    };
    let one = || json!([{ "type": "text", "text": "Ada" }]);
    let mut otp = send("otp", one());
    otp.as_object_mut().unwrap().remove("to");
    vec![trial(
        "template",
        send("hello", one()),
        vec![
            ("parameter count", send("hello", json!([])), 132000),
            ("missing or not approved", send("pending", one()), 132001),
            ("parameter format", send("hello", json!([{ "type": "image" }])), 132012),
            ("text too long", send("hello", json!([{ "type": "text", "text": long(40_000) }])), 132005),
            ("line break in a parameter", send("hello", json!([{ "type": "text", "text": "a\nb" }])), 132018),
            ("paused", send("paused", one()), 132015),
            ("disabled", send("disabled", one()), 132016),
            ("authentication to a user id", with(otp, "/recipient", json!(user_id)), 131062),
        ],
    )]
}
