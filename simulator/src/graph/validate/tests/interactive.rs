//! Products, carousels, addresses and requests.

use super::*;

fn interactive(kind: &str, action: Value) -> Value {
    message("interactive", json!({ "type": kind, "body": { "text": "Look" }, "action": action }))
}

fn products(sections: Value) -> Value {
    let body = interactive("product_list", json!({ "catalog_id": "555", "sections": sections }));
    with(body, "/interactive/header", json!({ "type": "text", "text": "Menu" }))
}

fn items(count: usize) -> Vec<Value> {
    (0..count).map(|n| json!({ "product_retailer_id": format!("sku-{n}") })).collect()
}

fn card(at: usize) -> Value {
    json!({ "card_index": at, "type": "cta_url", "header": { "type": "image", "image": { "link": "https://i.example/1.png" } },
        "body": { "text": "One" },
        "action": { "name": "cta_url", "parameters": { "display_text": "Open", "url": "https://e.example/1" } } })
}

fn carousel(cards: Vec<Value>) -> Value {
    interactive("carousel", json!({ "cards": cards }))
}

fn product_card(at: usize, catalog: &str) -> Value {
    json!({ "card_index": at, "type": "product", "action": { "catalog_id": catalog, "product_retailer_id": "sku-9" } })
}

fn every_kind() -> Vec<Value> {
    let named = |name: &str, parameters: Value| json!({ "name": name, "parameters": parameters });
    vec![
        interactive("location_request_message", json!({ "name": "send_location" })),
        interactive("request_contact_info", json!({ "name": "request_contact_info" })),
        interactive("product", json!({ "catalog_id": "555", "product_retailer_id": "sku-9" })),
        without(interactive("product", json!({ "catalog_id": "5", "product_retailer_id": "s" })), "/interactive/body"),
        products(
            json!([{ "title": "Hot", "product_items": items(15) }, { "title": "Cold", "product_items": items(15) }]),
        ),
        interactive("catalog_message", json!({ "name": "catalog_message" })),
        interactive("catalog_message", named("catalog_message", json!({ "thumbnail_product_retailer_id": "sku-9" }))),
        interactive("address_message", named("address_message", json!({ "country": "IN" }))),
        carousel(vec![card(0), card(1)]),
        carousel(vec![product_card(0, "555"), product_card(1, "555")]),
    ]
}

#[test]
fn every_kind_is_taken() {
    every_kind().iter().for_each(|body| stores().taken(body));
}

#[test]
fn products_and_requests_are_checked() {
    let location = || interactive("location_request_message", json!({ "name": "send_location" }));
    let text = json!({ "type": "text", "text": "Menu" });
    let address = |country: &str| {
        interactive("address_message", json!({ "name": "address_message", "parameters": { "country": country } }))
    };
    for (body, code, says) in [
        (with(location(), "/interactive/header", text.clone()), 100, "header"),
        (with(location(), "/interactive/footer", json!({ "text": "x" })), 100, "footer"),
        (with(location(), "/interactive/action/name", json!("send_place")), 131009, "send_location"),
        (interactive("product", json!({ "catalog_id": "555" })), 131008, "product_retailer_id"),
        (with(every_kind().swap_remove(2), "/interactive/header", text), 100, "header"),
        (without(products(json!([{ "product_items": items(1) }])), "/interactive/header"), 131008, "header"),
        (products(json!([])), 131009, "1 to 10 sections"),
        (products(json!([{ "product_items": items(31) }])), 131009, "1 to 30 products"),
        (products(json!([{ "product_items": [] }])), 131009, "1 to 30 products"),
        (
            products(json!([{ "title": "A", "product_items": items(1) }, { "product_items": items(1) }])),
            131008,
            "title",
        ),
        (interactive("catalog_message", json!({ "name": "catalog" })), 131009, "catalog_message"),
        (address("GB"), 131009, "not IN"),
    ] {
        refused(&body, code, says);
    }
}

#[test]
fn carousels_are_checked() {
    let second = |pointer: &str, value: Value| carousel(vec![card(0), with(card(1), pointer, value)]);
    let video = json!({ "type": "video", "video": { "link": "https://i.example/1.mp4" } });
    for (body, code, says) in [
        (carousel(vec![card(0)]), 131009, "2 to 10 cards"),
        (carousel((0..11).map(card).collect()), 131009, "2 to 10 cards"),
        (carousel(vec![card(0), card(2)]), 131009, "must be 1"),
        (second("/header", video), 131009, "one kind"),
        (second("/header", json!({ "type": "text", "text": "x" })), 131009, "not one of"),
        (second("/body", json!({ "text": long(161) })), 131009, "160"),
        (second("/body", json!({ "text": "a\nb\nc\nd" })), 131009, "line breaks"),
        (second("/action/parameters/display_text", json!(long(21))), 131009, "Max length: 20"),
        (second("/type", json!("poll")), 131009, "not cta_url"),
        (carousel(vec![product_card(0, "1"), product_card(1, "2")]), 131009, "one kind"),
        (carousel(vec![card(0), product_card(1, "2")]), 131009, "one kind"),
        (without(carousel(vec![card(0), card(1)]), "/interactive/body"), 131008, "body"),
    ] {
        refused(&body, code, says);
    }
}

#[test]
fn no_odd_value_in_any_of_them_panics() {
    let odd = [json!(null), json!(-1.5), json!([[]]), json!({ "type": {} }), json!("")];
    for body in every_kind() {
        for pointer in pointers(&body, String::new()) {
            for value in &odd {
                let mut changed = body.clone();
                *changed.pointer_mut(&pointer).unwrap() = value.clone();
                drop(checked(&changed));
                drop(Entry::new(Author::Business, "wamid.X", "1", 0, changed));
            }
        }
    }
}
