//! Templates against their definitions, and what a phone shows of them.

use super::template::render;
use super::*;
use crate::templates::{StoredTemplate, TemplateStatus};

fn store(stores: &Stores, name: &str, category: &str, status: TemplateStatus, components: Value, named: bool) {
    let template = StoredTemplate {
        id: String::new(),
        waba_id: stores.number.waba_id.clone(),
        name: name.into(),
        language: "en".into(),
        category: category.into(),
        status,
        components: components.as_array().unwrap().clone(),
        named,
        lenient: false,
        edits: Vec::new(),
        created_ms: 0,
    };
    stores.templates.add(template).unwrap();
}

fn filled() -> Stores {
    let stores = stores();
    let body = json!([{ "type": "BODY", "text": "Hello" }]);
    for (name, status) in [
        ("pending", TemplateStatus::Pending),
        ("rejected", TemplateStatus::Rejected),
        ("paused", TemplateStatus::Paused),
        ("disabled", TemplateStatus::Disabled),
        ("plain", TemplateStatus::Approved),
    ] {
        store(&stores, name, "UTILITY", status, body.clone(), false);
    }
    let full = json!([
        { "type": "HEADER", "format": "TEXT", "text": "Order {{1}}" },
        { "type": "BODY", "text": "Hi {{1}}, {{2}} is due on {{3}}." },
        { "type": "FOOTER", "text": "Trattoria" },
        { "type": "BUTTONS", "buttons": [
            { "type": "QUICK_REPLY", "text": "Confirm" },
            { "type": "URL", "text": "Track", "url": "https://t.example/{{1}}" },
            { "type": "PHONE_NUMBER", "text": "Call", "phone_number": "+15550100100" },
            { "type": "COPY_CODE", "text": "Copy" },
        ] },
    ]);
    store(&stores, "full", "UTILITY", TemplateStatus::Approved, full, false);
    let photo = json!([{ "type": "HEADER", "format": "IMAGE" }, { "type": "BODY", "text": "Look" }]);
    store(&stores, "photo", "MARKETING", TemplateStatus::Approved, photo.clone(), false);
    let named = json!([{ "type": "BODY", "text": "Hi {{first}}" }]);
    store(&stores, "named", "UTILITY", TemplateStatus::Approved, named, true);
    let otp = json!([{ "type": "BODY" }, { "type": "BUTTONS", "buttons": [{ "type": "OTP", "text": "Copy" }] }]);
    store(&stores, "otp", "AUTHENTICATION", TemplateStatus::Approved, otp, false);
    let cards = json!([{ "type": "BODY", "text": "Offers" }, { "type": "CAROUSEL", "cards": [
        { "components": photo }, { "components": photo } ] }]);
    store(&stores, "cards", "MARKETING", TemplateStatus::Approved, cards, false);
    let offer = json!([{ "type": "BODY", "text": "Sale" },
        { "type": "LIMITED_TIME_OFFER", "limited_time_offer": { "text": "Ends", "has_expiration": true } }]);
    store(&stores, "offer", "MARKETING", TemplateStatus::Approved, offer, false);
    stores
}

fn template(name: &str, components: Value) -> Value {
    message("template", json!({ "name": name, "language": { "code": "en" }, "components": components }))
}

fn texts(texts: &[&str]) -> Value {
    texts.iter().map(|text| json!({ "type": "text", "text": text })).collect()
}

fn full() -> Value {
    template(
        "full",
        json!([
            { "type": "header", "parameters": texts(&["42"]) },
            { "type": "body", "parameters": [
                { "type": "text", "text": "Ada" },
                { "type": "currency", "currency": { "fallback_value": "£9.99", "code": "GBP", "amount_1000": 9990 } },
                { "type": "date_time", "date_time": { "fallback_value": "1 December" } } ] },
            { "type": "button", "sub_type": "quick_reply", "index": "0", "parameters": [{ "type": "payload", "payload": "c-42" }] },
            { "type": "button", "sub_type": "url", "index": 1, "parameters": texts(&["42"]) },
            { "type": "button", "sub_type": "copy_code", "index": 3, "parameters": [{ "type": "coupon_code", "coupon_code": "SAVE" }] },
        ]),
    )
}

fn photo() -> Value {
    json!([{ "type": "header", "parameters": [{ "type": "image", "image": { "link": "https://i.example/1.png" } }] }])
}

fn card(at: usize) -> Value {
    json!({ "card_index": at, "components": photo() })
}

fn otp(code: &str) -> Value {
    json!([
        { "type": "body", "parameters": texts(&[code]) },
        { "type": "button", "sub_type": "url", "index": 0, "parameters": texts(&[code]) },
    ])
}

#[test]
fn templates_with_what_they_need_are_taken() {
    let stores = filled();
    let named =
        json!([{ "type": "body", "parameters": [{ "type": "text", "parameter_name": "first", "text": "Ada" }] }]);
    let offer = json!([{ "type": "limited_time_offer", "parameters": [
        { "type": "limited_time_offer", "limited_time_offer": { "expiration_time_ms": 1_795_340_000_000_u64 } }] }]);
    for body in [
        template("plain", json!([])),
        full(),
        template("photo", photo()),
        template("named", named),
        template("otp", otp("123456")),
        template("cards", json!([{ "type": "carousel", "cards": [card(0), card(1)] }])),
        template("offer", offer),
    ] {
        stores.taken(&body);
    }
}

#[test]
fn templates_that_cannot_be_sent_are_refused() {
    let stores = filled();
    for (name, code, says) in [
        ("missing", 132001, "missing"),
        ("pending", 132001, "does not exist"),
        ("rejected", 132001, "does not exist"),
        ("paused", 132015, "paused"),
        ("disabled", 132016, "disabled"),
    ] {
        stores.refused(&template(name, json!([])), code, says);
    }
    let by_user_id = with(without(template("otp", otp("1")), "/to"), "/recipient", json!("GB.778"));
    stores.refused(&by_user_id, 131062, "phone number");
}

#[test]
fn parameters_are_checked_against_the_definition() {
    let stores = filled();
    let at = |pointer: &str, value: Value| with(full(), &format!("/template/components{pointer}"), value);
    for (body, code, says) in [
        (template("plain", json!([{ "type": "body", "parameters": texts(&["x"]) }])), 132000, "(1)"),
        (
            at("/1/parameters", texts(&["a", "b"])),
            132000,
            "params (2) does not match the expected number of params (3)",
        ),
        (at("/0/parameters", json!([])), 132000, "header"),
        (at("/1/parameters", texts(&["a", "b\nc", "d"])), 132018, "new-line"),
        (at("/1/parameters", texts(&["a", &long(1024), "d"])), 132005, "at most 1024"),
        (at("/0/parameters", texts(&[&long(60)])), 132005, "at most 60"),
        (at("/1/parameters/0", json!({ "type": "image", "image": {} })), 132012, "not a text"),
        (at("/3/parameters", json!([])), 132000, "takes 1 parameter"),
        (at("/3/index", json!(2)), 100, "does not support parameters"),
        (at("/3/index", json!(9)), 131009, "no button at index 9"),
        (at("/3/index", json!("x")), 131009, "0 to 9"),
        (at("/3/sub_type", json!("quick_reply")), 132012, "received quick_reply"),
        (at("/3/sub_type", json!("phone_number")), 100, "must be one of"),
        (at("/4/parameters/0", json!({ "type": "coupon_code", "coupon_code": long(21) })), 131009, "1 to 20"),
        (at("/0/type", json!("top")), 100, "must be one of"),
        (
            template("full", json!([full()["template"]["components"][0], full()["template"]["components"][1]])),
            131008,
            "index 1",
        ),
        (template("photo", json!([])), 132012, "expected IMAGE, received UNKNOWN"),
        (template("photo", json!([{ "type": "header", "parameters": texts(&["x"]) }])), 132012, "received TEXT"),
        (template("named", json!([{ "type": "body", "parameters": texts(&["Ada"]) }])), 132012, "parameter name"),
        (template("otp", json!([])), 132000, "body"),
        (template("cards", json!([{ "type": "carousel", "cards": [card(0)] }])), 132012, "cards"),
        (template("offer", json!([])), 131008, "expiration_time_ms"),
        (with(full(), "/template/language", json!({ "code": "en", "policy": "fallback" })), 100, "DETERMINISTIC"),
        (with(full(), "/template/components", json!({})), 100, "array"),
    ] {
        stores.refused(&body, code, says);
    }
}

#[test]
fn a_phone_shows_the_filled_template() {
    let stores = filled();
    let body = full();
    let Ok(Call::Send(send)) = stores.checked(&body) else { panic!("refused") };
    let mut entry = Entry::new(Author::Business, "wamid.X", "1", 0, body.clone());
    entry.show_template(&render::shown(&send.template.unwrap(), &body["template"]));
    assert_eq!(entry.header.as_deref(), Some("Order 42"));
    assert_eq!(entry.text, "Hi Ada, £9.99 is due on 1 December.");
    assert_eq!((entry.kind.as_str(), entry.footer.as_deref()), ("template", Some("Trattoria")));
    assert_eq!((entry.choices[0].id.as_str(), entry.choices[0].title.as_str()), ("c-42", "Confirm"));
    let links: Vec<_> = entry.links.iter().map(|l| (l.title.as_str(), l.url.as_deref())).collect();
    assert_eq!(
        links,
        [("Track", Some("https://t.example/42")), ("Call", Some("tel:+15550100100")), ("Copy SAVE", None),]
    );
}

#[test]
fn no_odd_value_in_a_template_panics() {
    let stores = filled();
    let cards = template("cards", json!([{ "type": "carousel", "cards": [card(0), card(1)] }]));
    for body in [full(), cards] {
        for pointer in pointers(&body, String::new()) {
            for value in [json!(null), json!(-1), json!([[]]), json!({ "type": {} }), json!("{{1}}")] {
                let mut changed = body.clone();
                *changed.pointer_mut(&pointer).unwrap() = value;
                if let Ok(Call::Send(send)) = stores.checked(&changed)
                    && let Some(template) = send.template
                {
                    drop(render::shown(&template, &changed["template"]));
                }
            }
        }
    }
}
