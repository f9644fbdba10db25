//! One golden request per type, as Meta's pages have it, read, written, stored and made by hand.

use serde_json::{Value, json};

use super::super::*;
use super::phone;

fn interactive(content: Value) -> Value {
    json!({ "type": "interactive", "interactive": content })
}

fn template(components: Value) -> Value {
    json!({ "type": "template", "template": {
        "name": "order_update", "language": { "code": "en_US" }, "components": components } })
}

fn button(sub_type: &str, parameter: Value) -> Value {
    template(json!([{ "type": "button", "sub_type": sub_type, "index": "0", "parameters": [parameter] }]))
}

/// Requests without addressee: label, body, and the text that stands for it.
pub(super) fn rows() -> Vec<(&'static str, Value, &'static str)> {
    [messages(), interactives(), flows(), templates()].concat()
}

/// The requests alone.
pub(super) fn samples() -> Vec<Value> {
    rows().into_iter().map(|(_, body, _)| body).collect()
}

fn messages() -> Vec<(&'static str, Value, &'static str)> {
    vec![
        (
            "text",
            json!({ "type": "text", "context": { "message_id": "wamid.IN1" },
            "text": { "preview_url": true, "body": "See https://example.org" } }),
            "See https://example.org",
        ),
        (
            "document",
            json!({ "type": "document", "document": { "id": "990011", "filename": "invoice.pdf", "caption": "March" } }),
            "March",
        ),
        ("image", json!({ "type": "image", "image": { "link": "https://i.example/1.png", "caption": "One" } }), "One"),
        ("video", json!({ "type": "video", "video": { "id": "990012", "caption": "Two" } }), "Two"),
        ("audio", json!({ "type": "audio", "audio": { "id": "990013" } }), ""),
        ("voice", json!({ "type": "audio", "audio": { "id": "990013", "voice": true } }), ""),
        ("sticker", json!({ "type": "sticker", "sticker": { "id": "990014" } }), ""),
        (
            "location",
            json!({ "type": "location",
            "location": { "latitude": "53.80", "longitude": "-1.55", "name": "Office", "address": "1 High St" } }),
            "Office",
        ),
        (
            "contacts",
            json!({ "type": "contacts", "contacts": [{ "name": { "formatted_name": "Tola B", "first_name": "Tola" },
            "phones": [{ "phone": "+447700900456", "type": "WORK", "wa_id": "447700900456" }] }] }),
            "Tola B",
        ),
        ("reaction", json!({ "type": "reaction", "reaction": { "message_id": "wamid.IN1", "emoji": "👍" } }), "👍"),
        (
            "reaction taken away",
            json!({ "type": "reaction", "reaction": { "message_id": "wamid.IN1", "emoji": "" } }),
            "",
        ),
        (
            "unknown type",
            json!({ "type": "hologram", "hologram": { "body": { "text": "boo" }, "anything": [1, 2] } }),
            "boo",
        ),
    ]
}

fn interactives() -> Vec<(&'static str, Value, &'static str)> {
    let card = |index: u8, text: &str| {
        json!({ "card_index": index, "type": "cta_url",
            "header": { "type": "image", "image": { "link": format!("https://i.example/{index}.png") } }, "body": { "text": text },
            "action": { "name": "cta_url", "parameters": { "display_text": "Open", "url": format!("https://e.example/{index}") } } })
    };
    let product_card = |index: u8| {
        json!({ "card_index": index, "type": "product",
            "action": { "catalog_id": "555", "product_retailer_id": format!("sku-{index}") } })
    };
    let rows = [
        (
            "button",
            json!({ "type": "button", "header": { "type": "text", "text": "Order 42" }, "body": { "text": "Confirm?" },
            "footer": { "text": "Reply within a day" }, "action": { "buttons": [
                { "type": "reply", "reply": { "id": "yes", "title": "Yes" } },
                { "type": "reply", "reply": { "id": "no", "title": "No" } } ] } }),
            "Confirm?",
        ),
        (
            "button with picture",
            json!({ "type": "button", "header": { "type": "image", "image": { "id": "1" } },
            "body": { "text": "b" }, "action": { "buttons": [{ "type": "reply", "reply": { "id": "a", "title": "A" } }] } }),
            "b",
        ),
        (
            "list",
            json!({ "type": "list", "body": { "text": "Pick a size" }, "action": { "button": "Sizes", "sections": [
            { "title": "Pizza", "rows": [{ "id": "s", "title": "Small", "description": "9 inch" }, { "id": "l", "title": "Large" }] } ] } }),
            "Pick a size",
        ),
        (
            "cta_url",
            json!({ "type": "cta_url", "body": { "text": "Pay here" },
            "action": { "name": "cta_url", "parameters": { "display_text": "Pay", "url": "https://pay.example" } } }),
            "Pay here",
        ),
        (
            "location_request_message",
            json!({ "type": "location_request_message", "body": { "text": "Where are you?" },
            "action": { "name": "send_location" } }),
            "Where are you?",
        ),
        (
            "request_contact_info",
            json!({ "type": "request_contact_info", "body": { "text": "Your number?" },
            "action": { "name": "request_contact_info" } }),
            "Your number?",
        ),
        (
            "product",
            json!({ "type": "product", "body": { "text": "This one" },
            "action": { "catalog_id": "555", "product_retailer_id": "sku-9" } }),
            "This one",
        ),
        (
            "product alone",
            json!({ "type": "product", "action": { "catalog_id": "555", "product_retailer_id": "sku-9" } }),
            "",
        ),
        (
            "product_list",
            json!({ "type": "product_list", "header": { "type": "text", "text": "Menu" }, "body": { "text": "Today" },
            "action": { "catalog_id": "555", "sections": [{ "title": "Hot", "product_items": [{ "product_retailer_id": "sku-9" }] }] } }),
            "Today",
        ),
        (
            "catalog_message",
            json!({ "type": "catalog_message", "body": { "text": "Browse" },
            "action": { "name": "catalog_message", "parameters": { "thumbnail_product_retailer_id": "sku-9" } } }),
            "Browse",
        ),
        (
            "address_message",
            json!({ "type": "address_message", "body": { "text": "Deliver to?" }, "action": { "name": "address_message",
            "parameters": { "country": "IN", "values": { "name": "Ada" }, "saved_addresses": [{ "id": "a1", "value": { "city": "Pune" } }],
                "validation_errors": { "in_pin_code": "wrong" } } } }),
            "Deliver to?",
        ),
        (
            "carousel of links",
            json!({ "type": "carousel", "body": { "text": "Offers" }, "action": { "cards": [card(0, "One"), card(1, "Two")] } }),
            "Offers",
        ),
        (
            "carousel of products",
            json!({ "type": "carousel", "body": { "text": "Goods" }, "action": { "cards": [product_card(0), product_card(1)] } }),
            "Goods",
        ),
        (
            "unknown interactive",
            json!({ "type": "call_permission_request", "action": { "name": "call_permission_request" } }),
            "",
        ),
    ];
    rows.into_iter().map(|(label, content, text)| (label, interactive(content), text)).collect()
}

fn flows() -> Vec<(&'static str, Value, &'static str)> {
    let flow = |parameters: Value| {
        interactive(json!({ "type": "flow", "header": { "type": "text", "text": "Booking" },
            "body": { "text": "Choose a time" }, "footer": { "text": "1 minute" },
            "action": { "name": "flow", "parameters": parameters } }))
    };
    vec![
        (
            "flow that navigates",
            flow(json!({ "flow_message_version": "3", "flow_id": "8100200300", "flow_cta": "Book",
            "flow_token": "pl1.9f2c7e.k3Jx", "mode": "published", "flow_action": "navigate",
            "flow_action_payload": { "screen": "BOOKING", "data": { "name": "Ada" } } })),
            "Choose a time",
        ),
        (
            "flow draft that asks its endpoint",
            flow(json!({ "flow_message_version": "3", "flow_name": "booking-v1", "flow_cta": "Book",
            "mode": "draft", "flow_action": "data_exchange" })),
            "Choose a time",
        ),
    ]
}

fn templates() -> Vec<(&'static str, Value, &'static str)> {
    let header = |parameter: Value| template(json!([{ "type": "header", "parameters": [parameter] }]));
    let products = json!([{ "title": "Hot", "product_items": [{ "product_retailer_id": "sku-9" }] }]);
    let rows = [
        (
            "template bare",
            json!({ "type": "template", "template": { "name": "order_update", "language": { "code": "en_US" } } }),
        ),
        (
            "template",
            template(json!([
            { "type": "header", "parameters": [{ "type": "image", "image": { "id": "990011" } }] },
            { "type": "body", "parameters": [
                { "type": "text", "text": "Ada" },
                { "type": "currency", "currency": { "fallback_value": "£9.99", "code": "GBP", "amount_1000": 9990 } },
                { "type": "date_time", "date_time": { "fallback_value": "1 December" } } ] },
            { "type": "button", "sub_type": "quick_reply", "index": "0", "parameters": [{ "type": "payload", "payload": "confirm-42" }] },
            { "type": "button", "sub_type": "url", "index": "1", "parameters": [{ "type": "text", "text": "orders/42" }] } ])),
        ),
        (
            "template with names",
            template(
                json!([{ "type": "body", "parameters": [{ "type": "text", "parameter_name": "who", "text": "Ada" }] }]),
            ),
        ),
        ("template header text", header(json!({ "type": "text", "text": "Order 42" }))),
        ("template header video", header(json!({ "type": "video", "video": { "link": "https://v.example/1.mp4" } }))),
        (
            "template header document",
            header(
                json!({ "type": "document", "document": { "link": "https://d.example/1.pdf", "filename": "1.pdf" } }),
            ),
        ),
        (
            "template header location",
            header(json!({ "type": "location", "location": { "latitude": "53.80", "longitude": "-1.55" } })),
        ),
        ("template copy_code", button("copy_code", json!({ "type": "coupon_code", "coupon_code": "SAVE20" }))),
        (
            "template flow",
            button(
                "flow",
                json!({ "type": "action", "action": { "flow_token": "pl1.x", "flow_action_data": { "day": "1" } } }),
            ),
        ),
        (
            "template catalog",
            button("catalog", json!({ "type": "action", "action": { "thumbnail_product_retailer_id": "sku-9" } })),
        ),
        (
            "template mpm",
            button(
                "mpm",
                json!({ "type": "action", "action": { "thumbnail_product_retailer_id": "sku-9", "sections": products } }),
            ),
        ),
        ("template unknown button", button("voice_call", json!({ "type": "payload", "payload": "x" }))),
        (
            "template offer",
            template(json!([{ "type": "limited_time_offer", "parameters": [
            { "type": "limited_time_offer", "limited_time_offer": { "expiration_time_ms": 1_795_340_000_000_i64 } } ] }])),
        ),
        (
            "template carousel",
            template(json!([{ "type": "body", "parameters": [{ "type": "text", "text": "Ada" }] },
            { "type": "carousel", "cards": [{ "card_index": 0, "components": [
                { "type": "header", "parameters": [{ "type": "image", "image": { "id": "1" } }] },
                { "type": "button", "sub_type": "quick_reply", "index": "0", "parameters": [{ "type": "payload", "payload": "a" }] } ] }] }])),
        ),
        (
            "template one-time code",
            template(json!([{ "type": "body", "parameters": [{ "type": "text", "text": "123456" }] },
            { "type": "button", "sub_type": "url", "index": "0", "parameters": [{ "type": "text", "text": "123456" }] }])),
        ),
        ("template unknown part", template(json!([{ "type": "hologram", "anything": true }]))),
    ];
    rows.into_iter().map(|(label, body)| (label, body, "order_update")).collect()
}

#[test]
fn every_type_is_read_and_written_as_meta_has_it() {
    for (label, golden, text) in rows() {
        let message = Outgoing::parse(&golden).unwrap_or_else(|errors| panic!("{label}: {errors:?}"));
        assert_eq!(message.raw(), golden, "{label}");
        assert_eq!((message.text(), message.type_name()), (text, golden["type"].as_str().unwrap()), "{label}");
        let mut whole = golden;
        whole["messaging_product"] = json!("whatsapp");
        whole["recipient_type"] = json!("individual");
        whole["to"] = json!("+447700900123");
        whole["biz_opaque_callback_data"] = json!("obx:1");
        assert_eq!(message.body(&phone(), "obx:1"), whole, "{label}");
        assert_eq!(Outgoing::parse(&whole).unwrap(), message, "{label}: a whole body is read as well");
    }
}

#[test]
fn every_type_survives_storing() {
    for (label, golden, _) in rows() {
        let message = Outgoing::parse(&golden).unwrap();
        let stored = serde_json::to_string(&message).unwrap();
        assert_eq!(serde_json::from_str::<Outgoing>(&stored).unwrap(), message, "{label}");
        let packed = rmp_serde::to_vec_named(&message).unwrap();
        assert_eq!(rmp_serde::from_slice::<Outgoing>(&packed).unwrap(), message, "{label}");
    }
}

#[test]
fn only_templates_leave_outside_the_window() {
    for (label, golden, _) in rows() {
        assert_eq!(Outgoing::parse(&golden).unwrap().is_template(), label.starts_with("template"), "{label}");
    }
}

fn golden(label: &str) -> Value {
    rows().into_iter().find(|(name, ..)| *name == label).unwrap().1
}

/// What the constructors make, beside the label of its golden request.
fn made() -> Vec<(&'static str, Outgoing)> {
    let id = |id: &str| Source::Id(id.into());
    let image = |i: u8| Media::new(MediaKind::Image, Source::Link(format!("https://i.example/{i}.png"))).unwrap();
    let card = |i: u8, text: &str| Card::Link {
        media: image(i),
        body: Some(text.into()),
        button: "Open".into(),
        url: format!("https://e.example/{i}"),
    };
    let document = Media::new(MediaKind::Document, id("990011")).unwrap();
    let place = Location::new(53.8, -1.55).unwrap().with_name("Office").with_address("1 High St");
    let frame = || Frame::new("Choose a time").with_header("Booking").with_footer("1 minute");
    let flow = Flow::new(frame(), "Book", FlowTarget::Id("8100200300".into())).unwrap();
    let start = FlowStart::Screen { screen: "BOOKING".into(), data: Some(json!({ "name": "Ada" })) };
    let endpoint = Flow::new(frame(), "Book", FlowTarget::Name("booking-v1".into())).unwrap().as_draft();
    let hot = || ProductSection { title: Some("Hot".into()), products: vec!["sku-9".into()] };
    let tola = ContactCard::new("Tola B").with_phone("+447700900456", Some("447700900456"));
    let mut rows = vec![
        ("document", document.with_caption("March").unwrap().with_filename("invoice.pdf").unwrap().into()),
        ("voice", Media::new(MediaKind::Audio, id("990013")).unwrap().as_voice().unwrap().into()),
        ("location", place.into()),
        ("contacts", Contacts::new(vec![tola]).unwrap().into()),
        ("reaction", Reaction::new("wamid.IN1", "👍").unwrap().into()),
        ("reaction taken away", Reaction::removal("wamid.IN1").unwrap().into()),
        ("cta_url", Link::new("Pay here", "Pay", "https://pay.example").unwrap().into()),
        ("location_request_message", LocationRequest::new("Where are you?").unwrap().into()),
        ("request_contact_info", ContactRequest::new("Your number?").unwrap().into()),
        ("product", Product::new("This one", "555", "sku-9").unwrap().into()),
        ("product_list", ProductList::new(Frame::new("Today").with_header("Menu"), "555", vec![hot()]).unwrap().into()),
        ("catalog_message", Catalog::new("Browse", Some("sku-9".into())).unwrap().into()),
        ("carousel of links", Carousel::new("Offers", vec![card(0, "One"), card(1, "Two")]).unwrap().into()),
        ("flow that navigates", flow.with_token("pl1.9f2c7e.k3Jx").unwrap().starting(start).unwrap().into()),
        ("flow draft that asks its endpoint", endpoint.starting(FlowStart::Endpoint).unwrap().into()),
    ];
    rows.extend(made_templates());
    rows
}

fn made_templates() -> Vec<(&'static str, Outgoing)> {
    let make = |components| Outgoing::from(Template::new("order_update", "en_US", components).unwrap());
    let named = Component::Body(vec![Parameter::named("who", "Ada")]);
    let code = TemplateButton::new(0, ButtonAction::CopyCode { code: "SAVE20".into() });
    let image = Media::new(MediaKind::Image, Source::Id("990011".into())).unwrap();
    let body = vec![
        Parameter::text("Ada"),
        Parameter::Currency { fallback: "£9.99".into(), code: "GBP".into(), amount_1000: 9990, name: None },
        Parameter::DateTime { fallback: "1 December".into(), name: None },
    ];
    let whole = vec![
        Component::Header(vec![Parameter::Media(image)]),
        Component::Body(body),
        Component::Button(TemplateButton::new(0, ButtonAction::QuickReply { payload: "confirm-42".into() })),
        Component::Button(TemplateButton::new(1, ButtonAction::Url { suffix: "orders/42".into() })),
    ];
    vec![
        ("template bare", make(vec![])),
        ("template", make(whole)),
        ("template with names", make(vec![named])),
        ("template copy_code", make(vec![Component::Button(code)])),
        ("template offer", make(vec![Component::LimitedTimeOffer { expires_at_ms: 1_795_340_000_000 }])),
        ("template one-time code", Template::one_time_code("order_update", "en_US", "123456").unwrap().into()),
    ]
}

#[test]
fn constructors_make_the_golden_requests() {
    for (label, message) in made() {
        let mut golden = golden(label);
        // degrees made from numbers have no trailing zero, a lone name is doubled, a made number has no type
        match label {
            "location" => golden["location"]["latitude"] = json!("53.8"),
            "contacts" => {
                golden["contacts"][0]["name"]["first_name"] = json!("Tola B");
                golden["contacts"][0]["phones"][0].as_object_mut().unwrap().remove("type");
            }
            _ => {}
        }
        assert_eq!(message.raw(), golden, "{label}");
    }
}

#[test]
fn address_form_takes_values_saved_addresses_and_errors() {
    let form = Address::new("Deliver to?", "IN").unwrap().with_values(json!({ "name": "Ada" })).unwrap();
    let form = form.with_saved(json!([{ "id": "a1", "value": { "city": "Pune" } }])).unwrap();
    let form = form.with_errors(json!({ "in_pin_code": "wrong" })).unwrap();
    assert_eq!(Outgoing::from(form).raw(), golden("address_message"));
}

#[test]
fn quote_stands_beside_the_content_and_can_be_replaced() {
    let text = Outgoing::from(Text::new("hi").unwrap());
    let quote = text.clone().quoting("wamid.IN1").unwrap().quoting("wamid.IN2").unwrap();
    assert_eq!((quote.quoted(), text.quoted()), (Some("wamid.IN2"), None));
    assert_eq!(quote.raw()["context"], json!({ "message_id": "wamid.IN2" }));
    let Outgoing::Quote(quote) = quote else { panic!("no quote") };
    assert_eq!(*quote.message(), text);
}

#[test]
fn data_of_a_flow_is_sent_as_an_object_and_read_in_both_forms() {
    let mut text = golden("flow that navigates");
    text["interactive"]["action"]["parameters"]["flow_action_payload"]["data"] = json!(r#"{"name":"Ada"}"#);
    assert_eq!(Outgoing::parse(&text).unwrap().raw(), golden("flow that navigates"));
}

#[test]
fn index_of_a_button_may_be_a_number_and_policy_and_version_may_be_said() {
    let mut body = golden("template copy_code");
    body["template"]["components"][0]["index"] = json!(0);
    body["template"]["language"]["policy"] = json!("deterministic");
    assert_eq!(Outgoing::parse(&body).unwrap().raw(), golden("template copy_code"));
}
