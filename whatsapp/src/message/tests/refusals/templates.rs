//! The refusals of templates.

use serde_json::{Value, json};

use super::{FORM, GONE, MAX, but};
use crate::limits::Limit;
use crate::message::Outgoing;
use crate::message::tests::x;

fn templated(components: Value) -> Value {
    but("template", "/template/components", components)
}

fn body_of(length: usize) -> Value {
    json!({ "type": "body", "parameters": [{ "type": "text", "text": x(length) }] })
}

#[test]
fn templates() {
    let header = |parameter: Value| templated(json!([{ "type": "header", "parameters": [parameter] }]));
    let at = "template.components[0].parameters[0]";
    let seconds = json!([{ "type": "limited_time_offer", "parameters": [
        { "type": "limited_time_offer", "limited_time_offer": { "expiration_time_ms": 1_795_340_000 } } ] }]);
    assert!(Outgoing::parse(&templated(json!([body_of(32_768)]))).is_ok());
    let rows: Vec<(Value, String, Limit, usize)> = vec![
        (but("template", "/template/name", json!("")), "template.name".into(), GONE, 0),
        (but("template", "/template/language", json!(null)), "template.language.code".into(), GONE, 0),
        (
            but("template", "/template/language/policy", json!("fallback")),
            "template.language.policy".into(),
            FORM("`deterministic`"),
            0,
        ),
        (header(json!({ "type": "text", "text": x(61) })), format!("{at}.text"), MAX(60), 61),
        (header(json!({ "type": "text", "text": "" })), format!("{at}.text"), GONE, 0),
        (
            header(json!({ "type": "audio", "audio": { "id": "1" } })),
            format!("{at}.type"),
            FORM("`image`, `video` or `document`"),
            0,
        ),
        (
            header(json!({ "type": "image", "image": { "id": "1", "caption": "c" } })),
            format!("{at}.image.caption"),
            FORM("left out"),
            0,
        ),
        (header(json!({ "text": "x" })), format!("{at}.type"), GONE, 0),
        (
            header(
                json!({ "type": "currency", "currency": { "fallback_value": "1", "code": "GBP", "amount_1000": 1.5 } }),
            ),
            format!("{at}.currency.amount_1000"),
            FORM("a whole number"),
            0,
        ),
        (header(json!({ "type": "date_time", "date_time": {} })), format!("{at}.date_time.fallback_value"), GONE, 0),
        (templated(json!([body_of(32_769)])), format!("{at}.text"), MAX(32_768), 32_769),
        (
            templated(json!([body_of(1025), { "type": "header", "parameters": [] }])),
            format!("{at}.text"),
            MAX(1024),
            1025,
        ),
        (templated(json!([body_of(1), body_of(1)])), "template.components[1].type".into(), Limit::Unique, 0),
        (
            templated(seconds),
            format!("{at}.limited_time_offer.expiration_time_ms"),
            FORM("unix time in milliseconds"),
            0,
        ),
    ];
    for (body, field, limit, actual) in rows {
        let errors = Outgoing::parse(&body).unwrap_err();
        let found: Vec<_> = errors.iter().map(|e| (e.field.as_str(), e.limit, e.actual)).collect();
        assert_eq!(found, [(field.as_str(), limit, actual)], "{body}");
    }
}

#[test]
fn buttons_and_cards_of_templates() {
    let button = |index: Value| json!({ "type": "button", "sub_type": "quick_reply", "index": index, "parameters": [{ "type": "payload", "payload": "p" }] });
    let at = |label: &str, pointer: &str, value: Value| but(label, &format!("/template/components/0{pointer}"), value);
    let nested = json!([{ "card_index": 0, "components": [{ "type": "carousel", "cards": [] }] }]);
    let rows = [
        (templated(json!([button(json!(10))])), "[0].index", FORM("a whole number from 0 to 9")),
        (templated(json!([button(json!("0")), button(json!(0))])), "[1].index", Limit::Unique),
        (templated(json!((0..11).map(|i| button(json!(i % 10))).collect::<Vec<_>>())), "[10].index", Limit::Unique),
        (at("template copy_code", "/parameters", json!([])), "[0].parameters", Limit::MinItems(1)),
        (at("template copy_code", "/parameters/0/coupon_code", json!("")), "[0].parameters[0].coupon_code", GONE),
        (at("template copy_code", "/parameters/0/type", json!("text")), "[0].parameters[0].type", FORM("coupon_code")),
        (
            at("template flow", "/parameters/0/action/flow_token", json!("")),
            "[0].parameters[0].action.flow_token",
            GONE,
        ),
        (at("template mpm", "/parameters", json!([])), "[0].parameters", GONE),
        (
            at("template mpm", "/parameters/0/action/sections", json!([])),
            "[0].parameters[0].action.sections",
            Limit::MinItems(1),
        ),
        (templated(json!([{ "type": "carousel", "cards": [] }])), "[0].cards", Limit::MinItems(1)),
        (
            templated(json!([{ "type": "carousel", "cards": nested }])),
            "[0].cards[0].components[0].type",
            FORM("a part that a card may have"),
        ),
    ];
    for (body, field, limit) in rows {
        let errors = Outgoing::parse(&body).unwrap_err();
        let first = (errors[0].field.as_str(), errors[0].limit);
        assert_eq!(first, (format!("template.components{field}").as_str(), limit), "{body}");
    }
}
