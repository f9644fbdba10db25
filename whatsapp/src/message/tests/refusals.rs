//! One refusal per limit of the types that are checked on the wire: field, limit and actual.

mod templates;

use serde_json::{Value, json};

use super::super::*;
use super::x;
use crate::limits::Limit;

type Row = (&'static str, Value, &'static str, Limit, usize);

fn golden(label: &str) -> Value {
    super::golden::rows().into_iter().find(|(name, ..)| *name == label).unwrap().1
}

/// The golden request of this label, with another value at this place (`null` takes it away).
fn but(label: &str, pointer: &str, value: Value) -> Value {
    let mut body = golden(label);
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    match body.pointer_mut(parent).unwrap() {
        Value::Object(members) => drop(members.insert(name.to_owned(), value)),
        Value::Array(items) => items[name.parse::<usize>().unwrap()] = value,
        other => panic!("{label}: {pointer} is in {other}"),
    }
    body
}

const MAX: fn(usize) -> Limit = Limit::MaxChars;
const FORM: fn(&'static str) -> Limit = Limit::Form;
const GONE: Limit = Limit::NotEmpty;

fn check(rows: Vec<Row>) {
    for (label, body, field, limit, actual) in rows {
        let errors = Outgoing::parse(&body).expect_err(label);
        let found: Vec<_> = errors.iter().map(|e| (e.field.as_str(), e.limit, e.actual)).collect();
        assert_eq!(found, [(field, limit, actual)], "{label}: {body}");
        let message = serde_json::from_value::<Outgoing>(json!({ "media": body })).unwrap_err().to_string();
        assert!(message.contains(field), "{message}");
    }
}

#[test]
fn media_places_contacts_and_reactions() {
    let one = FORM("given by exactly one of `id` and `link`");
    let out = FORM("left out");
    let many: Vec<_> = (0..258).map(|_| json!({ "name": { "formatted_name": "A", "first_name": "A" } })).collect();
    check(vec![
        ("image", but("image", "/image/id", json!("1")), "image", one, 0),
        (
            "image",
            but("image", "/image/link", json!("ftp://i.example")),
            "image.link",
            FORM("an http or https address"),
            0,
        ),
        ("image", but("image", "/image/caption", json!(x(1025))), "image.caption", MAX(1024), 1025),
        ("video", but("video", "/video/caption", json!(x(1025))), "video.caption", MAX(1024), 1025),
        ("document", but("document", "/document/caption", json!(x(1025))), "document.caption", MAX(1024), 1025),
        ("document", but("document", "/document/id", json!("")), "document.id", GONE, 0),
        ("audio", but("audio", "/audio/caption", json!("c")), "audio.caption", out, 0),
        ("sticker", but("sticker", "/sticker/caption", json!("c")), "sticker.caption", out, 0),
        ("image", but("image", "/image/filename", json!("f")), "image.filename", out, 0),
        ("video", but("video", "/video/voice", json!(true)), "video.voice", out, 0),
        ("voice", but("voice", "/audio/voice", json!("yes")), "audio.voice", FORM("true or false"), 0),
        (
            "location",
            but("location", "/location/latitude", json!("90.1")),
            "location.latitude",
            FORM("a number of degrees from -90 to 90"),
            0,
        ),
        (
            "location",
            but("location", "/location/longitude", json!("NaN")),
            "location.longitude",
            FORM("a number of degrees from -180 to 180"),
            0,
        ),
        ("contacts", but("contacts", "/contacts", json!([])), "contacts", Limit::MinItems(1), 0),
        ("contacts", but("contacts", "/contacts", json!(many)), "contacts", Limit::MaxItems(257), 258),
        (
            "contacts",
            but("contacts", "/contacts/0/name/formatted_name", json!(" ")),
            "contacts[0].name.formatted_name",
            GONE,
            0,
        ),
        ("reaction", but("reaction", "/reaction/message_id", json!(null)), "reaction.message_id", GONE, 0),
        (
            "reaction",
            but("reaction", "/context", json!({ "message_id": "w" })),
            "context.message_id",
            FORM("left out on a reaction"),
            0,
        ),
        ("text", but("text", "/context/message_id", json!("")), "context.message_id", GONE, 0),
    ]);
}

#[test]
fn unknown_members_are_named_because_meta_refuses_them() {
    let rows = [
        ("text", "/text/preview_ulr", "text.preview_ulr"),
        ("image", "/ttl", "ttl"),
        ("list", "/interactive/action/sections/0/rows/0/icon", "interactive.action.sections[0].rows[0].icon"),
        ("cta_url", "/interactive/boddy", "interactive.boddy"),
        ("template", "/template/namespace", "template.namespace"),
        ("flow that navigates", "/interactive/action/parameters/flowtoken", "interactive.action.parameters.flowtoken"),
    ];
    check(
        rows.map(|(label, pointer, field)| (label, but(label, pointer, json!("x")), field, Limit::Unknown, 0)).to_vec(),
    );
}

#[test]
fn frames_of_interactive_messages() {
    let long_header = json!({ "type": "text", "text": x(61) });
    let sticker = json!({ "type": "sticker", "sticker": { "id": "1" } });
    let captioned = json!({ "type": "image", "image": { "id": "1", "caption": "c" } });
    let header = "/interactive/header";
    let text = |n: usize| json!({ "text": x(n) });
    check(vec![
        ("cta_url", but("cta_url", header, long_header.clone()), "interactive.header.text", MAX(60), 61),
        (
            "cta_url",
            but("cta_url", header, sticker),
            "interactive.header.type",
            FORM("`text`, `image`, `video` or `document`"),
            0,
        ),
        (
            "button with picture",
            but("button with picture", header, captioned),
            "interactive.header.image.caption",
            FORM("left out"),
            0,
        ),
        ("cta_url", but("cta_url", "/interactive/body", text(1025)), "interactive.body.text", MAX(1024), 1025),
        ("cta_url", but("cta_url", "/interactive/footer", text(61)), "interactive.footer.text", MAX(60), 61),
        ("product", but("product", header, long_header.clone()), "interactive.header", FORM("left out"), 0),
        ("catalog_message", but("catalog_message", header, long_header), "interactive.header", FORM("left out"), 0),
        ("product_list", but("product_list", header, json!(null)), "interactive.header", GONE, 0),
        (
            "location_request_message",
            but("location_request_message", "/interactive/footer", text(1)),
            "interactive.footer",
            FORM("left out"),
            0,
        ),
        (
            "request_contact_info",
            but("request_contact_info", "/interactive/action/name", json!("x")),
            "interactive.action.name",
            FORM("request_contact_info"),
            0,
        ),
        ("catalog_message", but("catalog_message", "/interactive/body", json!(null)), "interactive.body.text", GONE, 0),
    ]);
}

#[test]
fn links_products_and_addresses() {
    let action = "/interactive/action";
    let at = |rest: &str| format!("{action}/{rest}");
    let section = |n: usize| json!({ "product_items": vec![json!({ "product_retailer_id": "s" }); n] });
    let titled = |n: usize| json!({ "title": x(n), "product_items": [{ "product_retailer_id": "s" }] });
    let sections = "interactive.action.sections";
    check(vec![
        (
            "cta_url",
            but("cta_url", &at("parameters/display_text"), json!(x(21))),
            "interactive.action.parameters.display_text",
            MAX(20),
            21,
        ),
        (
            "cta_url",
            but("cta_url", &at("parameters/url"), json!("pay")),
            "interactive.action.parameters.url",
            FORM("an http or https address"),
            0,
        ),
        (
            "product",
            but("product", &at("product_retailer_id"), json!("")),
            "interactive.action.product_retailer_id",
            GONE,
            0,
        ),
        ("product_list", but("product_list", &at("sections"), json!([])), sections, Limit::MinItems(1), 0),
        (
            "product_list",
            but("product_list", &at("sections"), json!(vec![titled(1); 11])),
            sections,
            Limit::MaxItems(10),
            11,
        ),
        (
            "product_list",
            but("product_list", &at("sections"), json!([section(31)])),
            "interactive.action.sections[].product_items",
            Limit::MaxItems(30),
            31,
        ),
        (
            "product_list",
            but("product_list", &at("sections"), json!([titled(1), section(1)])),
            "interactive.action.sections[1].title",
            GONE,
            0,
        ),
        (
            "product_list",
            but("product_list", &at("sections"), json!([titled(25)])),
            "interactive.action.sections[0].title",
            MAX(24),
            25,
        ),
        (
            "product_list",
            but("product_list", &at("sections"), json!([section(0)])),
            "interactive.action.sections[0].product_items",
            Limit::MinItems(1),
            0,
        ),
        (
            "address_message",
            but("address_message", &at("parameters/country"), json!("")),
            "interactive.action.parameters.country",
            GONE,
            0,
        ),
        (
            "address_message",
            but("address_message", &at("parameters/values"), json!([])),
            "interactive.action.parameters.values",
            FORM("an object"),
            0,
        ),
        (
            "address_message",
            but("address_message", &at("parameters/saved_addresses"), json!({})),
            "interactive.action.parameters.saved_addresses",
            FORM("an array"),
            0,
        ),
    ]);
}

#[test]
fn carousels() {
    let links = "carousel of links";
    let at = |rest: &str| format!("/interactive/action/cards{rest}");
    let card =
        |i: usize| but(links, &at("/1/card_index"), json!(i)).pointer("/interactive/action/cards/1").unwrap().clone();
    let eleven: Vec<_> = (0..11).map(|i| card(i.min(10))).collect();
    let errors = Outgoing::parse(&but(links, &at(""), json!(eleven))).unwrap_err();
    assert_eq!((errors[0].field.as_str(), errors[0].limit), ("interactive.action.cards", Limit::MaxItems(10)));
    let video = json!({ "type": "video", "video": { "id": "1" } });
    let place = FORM("its place among the cards, counted from 0");
    let same = FORM("the same on all cards");
    let product = golden("carousel of products").pointer("/interactive/action/cards/1").unwrap().clone();
    check(vec![
        (links, but(links, &at(""), json!([card(0)])), "interactive.action.cards", Limit::MinItems(2), 1),
        (links, but(links, &at("/1/card_index"), json!(0)), "interactive.action.cards[1].card_index", place, 0),
        (
            links,
            but(links, &at("/1/type"), json!("song")),
            "interactive.action.cards[1].type",
            FORM("`cta_url` or `product`"),
            0,
        ),
        (links, but(links, &at("/1/header"), video), "interactive.action.cards[1].header.type", same, 0),
        (
            links,
            but(links, &at("/1/header"), json!({ "type": "document" })),
            "interactive.action.cards[1].header.type",
            FORM("`image` or `video`"),
            0,
        ),
        (links, but(links, &at("/1"), product), "interactive.action.cards[1].type", same, 0),
        (links, but(links, &at("/1/body/text"), json!(x(161))), "interactive.action.cards[1].body.text", MAX(160), 161),
        (
            links,
            but(links, &at("/1/body/text"), json!("a\nb\nc\nd")),
            "interactive.action.cards[1].body.text",
            Limit::MaxBreaks(2),
            3,
        ),
        (
            links,
            but(links, &at("/1/action/parameters/display_text"), json!(x(21))),
            "interactive.action.cards[1].action.parameters.display_text",
            MAX(20),
            21,
        ),
        (
            "carousel of products",
            but("carousel of products", &at("/1/action/catalog_id"), json!("556")),
            "interactive.action.cards[1].action.catalog_id",
            same,
            0,
        ),
        (links, but(links, "/interactive/body/text", json!("")), "interactive.body.text", GONE, 0),
    ]);
}

#[test]
fn flows() {
    let (flow, endpoint) = ("flow that navigates", "flow draft that asks its endpoint");
    let at = |rest: &str| format!("/interactive/action/parameters/{rest}");
    let field = "interactive.action.parameters";
    let empty = FORM("an object that is not empty");
    check(vec![
        (
            flow,
            but(flow, &at("flow_name"), json!("n")),
            field,
            FORM("given by exactly one of `flow_id` and `flow_name`"),
            0,
        ),
        (flow, but(flow, &at("flow_cta"), json!(x(31))), "interactive.action.parameters.flow_cta", MAX(30), 31),
        (flow, but(flow, &at("flow_token"), json!("")), "interactive.action.parameters.flow_token", GONE, 0),
        (
            flow,
            but(flow, &at("flow_message_version"), json!("2")),
            "interactive.action.parameters.flow_message_version",
            FORM("`3`"),
            0,
        ),
        (
            flow,
            but(flow, &at("mode"), json!("live")),
            "interactive.action.parameters.mode",
            FORM("`published` or `draft`"),
            0,
        ),
        (
            flow,
            but(flow, &at("flow_action"), json!("jump")),
            "interactive.action.parameters.flow_action",
            FORM("`navigate` or `data_exchange`"),
            0,
        ),
        (
            flow,
            but(flow, &at("flow_action_payload/data"), json!({})),
            "interactive.action.parameters.flow_action_payload.data",
            empty,
            0,
        ),
        (
            flow,
            but(flow, &at("flow_action_payload/data"), json!("{broken")),
            "interactive.action.parameters.flow_action_payload.data",
            empty,
            0,
        ),
        (
            flow,
            but(flow, &at("flow_action_payload/screen"), json!(null)),
            "interactive.action.parameters.flow_action_payload.screen",
            GONE,
            0,
        ),
        (
            endpoint,
            but(endpoint, &at("flow_action_payload"), json!({ "screen": "A" })),
            "interactive.action.parameters.flow_action_payload",
            FORM("left out with `data_exchange`"),
            0,
        ),
    ]);
}

#[test]
fn constructors_refuse_by_the_same_checks() {
    let media = |kind| Media::new(kind, Source::Id("1".into())).unwrap();
    let errors = [
        Media::new(MediaKind::Image, Source::Link("nowhere".into())).unwrap_err(),
        media(MediaKind::Audio).with_caption("c").unwrap_err(),
        media(MediaKind::Image).as_voice().unwrap_err(),
        Location::new(f64::NAN, 0.0).unwrap_err(),
        Contacts::new(vec![]).unwrap_err(),
        Reaction::new("", "x").unwrap_err(),
        Template::new("", "en", vec![]).unwrap_err(),
        Link::new("b", x(21), "https://e.example").unwrap_err(),
        LocationRequest::new("").unwrap_err(),
        Carousel::new("b", vec![]).unwrap_err(),
        Catalog::new(Frame::new("b").with_header("h"), None).unwrap_err(),
        Outgoing::from(Reaction::removal("w").unwrap()).quoting("w").unwrap_err(),
        Outgoing::from(Text::new("t").unwrap()).quoting(" ").unwrap_err(),
        Buttons::new("b", vec![Button::new("a", "A")]).unwrap().with_media_header(media(MediaKind::Audio)).unwrap_err(),
    ];
    let fields = errors.map(|error| error.field);
    assert_eq!(
        fields,
        [
            "image.link",
            "audio.caption",
            "image.voice",
            "location.latitude",
            "contacts",
            "reaction.message_id",
            "template.name",
            "interactive.action.parameters.display_text",
            "interactive.body.text",
            "interactive.action.cards",
            "interactive.header",
            "context.message_id",
            "context.message_id",
            "header.type",
        ]
    );
}

#[test]
fn stored_message_of_another_type_is_refused() {
    let link = golden("cta_url");
    for stored in [
        json!({ "flow": link }),
        json!({ "media": { "type": "image" } }),
        json!({ "other": { "type": "hologram" } }),
        json!({ "quote": { "message_id": "", "message": { "text": { "body": "b" } } } }),
        json!({ "buttons": { "header": { "type": "audio", "audio": { "id": "1" } }, "body": "b", "buttons": [{ "id": "a", "title": "A" }] } }),
        json!({ "buttons": { "header": link, "body": "b", "buttons": [{ "id": "a", "title": "A" }] } }),
    ] {
        assert!(serde_json::from_value::<Outgoing>(stored.clone()).is_err(), "{stored}");
    }
}
