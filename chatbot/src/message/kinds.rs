//! The kinds of messages that a bot may say, and what each has in the bot file.

use whatsapp::message::MediaKind;

use super::shape::{Place, Shape};
use super::{frame, media};
use crate::bot::read::{At, Fields, Reader};
use crate::explain;
use crate::tree;

/// The keys that name a kind.
pub const TYPES: &[&str] = &[
    "text",
    "image",
    "video",
    "audio",
    "document",
    "sticker",
    "location",
    "contacts",
    "reaction",
    "buttons",
    "list",
    "cta_url",
    "location_request",
    "contact_request",
    "product",
    "product_list",
    "catalog",
    "address",
    "carousel",
];

/// What a place has.
const PLACE: [&str; 4] = ["latitude", "longitude", "name", "address"];
/// What a contact card has.
const CARD: [&str; 7] = ["name", "phones", "emails", "addresses", "org", "urls", "birthday"];

/// Where a key of the bot file stands in the body.
type Slot = (&'static str, &'static str);

/// Reads what stands under the key of a kind; `text` is read elsewhere.
pub(super) fn read(reader: &mut Reader<'_>, kind: &str, at: &At<'_>) -> Option<Shape> {
    if let Some(media) = MediaKind::from_name(kind) {
        let mut shape = typed(at, media.as_str());
        shape.put(media.as_str(), media::read(reader, at, media)?);
        return Some(shape);
    }
    match kind {
        "location" => {
            let mut shape = typed(at, "location");
            shape.put("location", location(reader, at)?);
            Some(shape)
        }
        "contacts" => {
            let mut shape = typed(at, "contacts");
            let cards = Shape::tree(reader, at)?;
            let computed = matches!(at.node.kind, tree::Kind::Text(_));
            shape.put("contacts", if computed { cards.only(&CARD) } else { cards });
            Some(shape)
        }
        "reaction" => reaction(reader, at),
        "buttons" => buttons(reader, at),
        "list" => list(reader, at),
        "cta_url" => cta_url(reader, at),
        "location_request" => request(reader, at, "location_request_message", "send_location"),
        "contact_request" => request(reader, at, "request_contact_info", "request_contact_info"),
        "product" => product(reader, at),
        "product_list" => product_list(reader, at),
        "catalog" => catalog(reader, at),
        "address" => address(reader, at),
        _ => carousel(reader, at),
    }
}

fn typed(at: &At<'_>, kind: &'static str) -> Shape {
    let mut shape = Shape::map(&Place::of(at));
    shape.put_fixed("type", kind);
    shape
}

/// Begins an interactive message: its frame, and the keys that have a place of their own. All of
/// `needed` must be there.
fn interactive<'t>(
    reader: &mut Reader<'_>,
    at: &At<'t>,
    kind: &'static str,
    needed: &[Slot],
    more: &[&str],
) -> Option<(Fields<'t>, Shape)> {
    let keys: Vec<&str> =
        frame::KEYS.into_iter().chain(needed.iter().map(|slot| slot.0)).chain(more.iter().copied()).collect();
    let fields = reader.fields(at, &keys)?;
    if kind != "product" {
        reader.required(&fields, "text")?;
    }
    let mut shape = frame::read(reader, &fields, kind)?;
    put_all(reader, &fields, needed, &mut shape)?;
    Some((fields, shape))
}

fn put_all(reader: &mut Reader<'_>, fields: &Fields<'_>, slots: &[Slot], shape: &mut Shape) -> Option<()> {
    for (key, path) in slots {
        let at = reader.required(fields, key)?;
        shape.put(path, Shape::text(reader, &at)?);
    }
    Some(())
}

/// `{latitude, longitude, name, address}`, or an expression that gives such a map.
pub(super) fn location(reader: &mut Reader<'_>, at: &At<'_>) -> Option<Shape> {
    if !matches!(at.node.kind, tree::Kind::Map(_)) {
        return Shape::tree(reader, at).map(|place| place.only(&PLACE));
    }
    let fields = reader.fields(at, &PLACE)?;
    let mut shape = Shape::map(&Place::of(at));
    put_all(reader, &fields, &[("latitude", "latitude"), ("longitude", "longitude")], &mut shape)?;
    for key in ["name", "address"] {
        if let Some(at) = fields.get(key) {
            shape.put(key, Shape::text(reader, &at)?.optional());
        }
    }
    Some(shape)
}

/// An emoji, or `{emoji, to}`; on the person's last message if `to` does not name another.
fn reaction(reader: &mut Reader<'_>, at: &At<'_>) -> Option<Shape> {
    let place = Place::of(at);
    let mut shape = typed(at, "reaction");
    if !matches!(at.node.kind, tree::Kind::Map(_)) {
        shape.put("reaction.message_id", Shape::last_message(&place));
        shape.put("reaction.emoji", Shape::text(reader, at)?);
        return Some(shape);
    }
    let fields = reader.fields(at, &["emoji", "to"])?;
    let target = match fields.get("to") {
        Some(to) => Shape::text(reader, &to)?,
        None => Shape::last_message(&place),
    };
    shape.put("reaction.message_id", target);
    let emoji = reader.required(&fields, "emoji")?;
    shape.put("reaction.emoji", Shape::text(reader, &emoji)?);
    Some(shape)
}

fn buttons(reader: &mut Reader<'_>, at: &At<'_>) -> Option<Shape> {
    let (fields, mut shape) = interactive(reader, at, "button", &[], &["buttons"])?;
    let list_at = reader.required(&fields, "buttons")?;
    let mut buttons = Vec::new();
    for item in reader.list(&list_at) {
        let button = reader.fields(&item, &["id", "title"])?;
        let mut one = typed(&item, "reply");
        put_all(reader, &button, &[("id", "reply.id"), ("title", "reply.title")], &mut one)?;
        buttons.push(one);
    }
    shape.put("interactive.action.buttons", Shape::list(buttons, &Place::of(&list_at)));
    Some(shape)
}

fn list(reader: &mut Reader<'_>, at: &At<'_>) -> Option<Shape> {
    let slots = [("button", "interactive.action.button")];
    let (fields, mut shape) = interactive(reader, at, "list", &slots, &["sections"])?;
    let sections = sections(reader, &fields, "rows", |reader, rows_at| {
        let mut rows = Vec::new();
        for item in reader.list(rows_at) {
            let row = reader.fields(&item, &["id", "title", "desc"])?;
            let mut one = Shape::map(&Place::of(&item));
            put_all(reader, &row, &[("id", "id"), ("title", "title")], &mut one)?;
            if let Some(at) = row.get("desc") {
                one.put("description", Shape::text(reader, &at)?.optional());
            }
            rows.push(one);
        }
        Some(("rows", Shape::list(rows, &Place::of(rows_at))))
    })?;
    shape.put("interactive.action.sections", sections);
    Some(shape)
}

/// `sections: [{title, <items>}]`; `read` reads the items and names their member.
pub(super) fn sections(
    reader: &mut Reader<'_>,
    fields: &Fields<'_>,
    items: &'static str,
    read: impl Fn(&mut Reader<'_>, &At<'_>) -> Option<(&'static str, Shape)>,
) -> Option<Shape> {
    let list_at = reader.required(fields, "sections")?;
    let mut sections = Vec::new();
    for item in reader.list(&list_at) {
        let section = reader.fields(&item, &["title", items])?;
        let mut one = Shape::map(&Place::of(&item));
        if let Some(at) = section.get("title") {
            one.put("title", Shape::text(reader, &at)?.optional());
        }
        let items_at = reader.required(&section, items)?;
        let (member, shape) = read(reader, &items_at)?;
        one.put(member, shape);
        sections.push(one);
    }
    Some(Shape::list(sections, &Place::of(&list_at)))
}

fn cta_url(reader: &mut Reader<'_>, at: &At<'_>) -> Option<Shape> {
    let slots =
        [("button", "interactive.action.parameters.display_text"), ("url", "interactive.action.parameters.url")];
    let (_, mut shape) = interactive(reader, at, "cta_url", &slots, &[])?;
    shape.put_fixed("interactive.action.name", "cta_url");
    Some(shape)
}

/// A text with one fixed button; the text alone will do.
fn request(reader: &mut Reader<'_>, at: &At<'_>, kind: &'static str, action: &'static str) -> Option<Shape> {
    let mut shape = if matches!(at.node.kind, tree::Kind::Map(_)) {
        interactive(reader, at, kind, &[], &[])?.1
    } else {
        let mut shape = typed(at, "interactive");
        shape.put_fixed("interactive.type", kind);
        shape.put("interactive.body.text", Shape::text(reader, at)?);
        shape
    };
    shape.put_fixed("interactive.action.name", action);
    Some(shape)
}

fn product(reader: &mut Reader<'_>, at: &At<'_>) -> Option<Shape> {
    let slots =
        [("catalog_id", "interactive.action.catalog_id"), ("product_id", "interactive.action.product_retailer_id")];
    Some(interactive(reader, at, "product", &slots, &[])?.1)
}

fn product_list(reader: &mut Reader<'_>, at: &At<'_>) -> Option<Shape> {
    let slots = [("catalog_id", "interactive.action.catalog_id")];
    let (fields, mut shape) = interactive(reader, at, "product_list", &slots, &["sections"])?;
    reader.required(&fields, "header")?;
    let sections = sections(reader, &fields, "products", products)?;
    shape.put("interactive.action.sections", sections);
    Some(shape)
}

/// A list of product ids.
pub(super) fn products(reader: &mut Reader<'_>, at: &At<'_>) -> Option<(&'static str, Shape)> {
    let mut items = Vec::new();
    for item in reader.list(at) {
        let mut one = Shape::map(&Place::of(&item));
        one.put("product_retailer_id", Shape::text(reader, &item)?);
        items.push(one);
    }
    Some(("product_items", Shape::list(items, &Place::of(at))))
}

fn catalog(reader: &mut Reader<'_>, at: &At<'_>) -> Option<Shape> {
    let (fields, mut shape) = interactive(reader, at, "catalog_message", &[], &["thumbnail"])?;
    shape.put_fixed("interactive.action.name", "catalog_message");
    if let Some(at) = fields.get("thumbnail") {
        let mut parameters = Shape::map(&Place::of(&at));
        parameters.put("thumbnail_product_retailer_id", Shape::text(reader, &at)?);
        shape.put("interactive.action.parameters", parameters.optional());
    }
    Some(shape)
}

fn address(reader: &mut Reader<'_>, at: &At<'_>) -> Option<Shape> {
    let slots = [("country", "interactive.action.parameters.country")];
    let more = ["values", "saved_addresses", "validation_errors"];
    let (fields, mut shape) = interactive(reader, at, "address_message", &slots, &more)?;
    shape.put_fixed("interactive.action.name", "address_message");
    let paths = [
        "interactive.action.parameters.values",
        "interactive.action.parameters.saved_addresses",
        "interactive.action.parameters.validation_errors",
    ];
    for (key, path) in more.into_iter().zip(paths) {
        if let Some(at) = fields.get(key) {
            shape.put(path, Shape::tree(reader, &at)?);
        }
    }
    Some(shape)
}

fn carousel(reader: &mut Reader<'_>, at: &At<'_>) -> Option<Shape> {
    let (fields, mut shape) = interactive(reader, at, "carousel", &[], &["cards"])?;
    let list_at = reader.required(&fields, "cards")?;
    let mut cards = Vec::new();
    for (index, item) in reader.list(&list_at).iter().enumerate() {
        cards.push(card(reader, item, index)?);
    }
    shape.put("interactive.action.cards", Shape::list(cards, &Place::of(&list_at)));
    Some(shape)
}

/// `{image|video, text, button, url}`, or `{catalog_id, product_id}`.
fn card(reader: &mut Reader<'_>, at: &At<'_>, index: usize) -> Option<Shape> {
    const LINK: [Slot; 2] = [("button", "action.parameters.display_text"), ("url", "action.parameters.url")];
    const PRODUCT: [Slot; 2] = [("catalog_id", "action.catalog_id"), ("product_id", "action.product_retailer_id")];
    let is_product = at.node.get("product_id").is_some();
    let fields = match is_product {
        true => reader.fields(at, &["catalog_id", "product_id"])?,
        false => reader.fields(at, &["image", "video", "text", "button", "url"])?,
    };
    let mut card = typed(at, if is_product { "product" } else { "cta_url" });
    card.put_fixed("card_index", index);
    put_all(reader, &fields, if is_product { &PRODUCT } else { &LINK }, &mut card)?;
    if is_product {
        return Some(card);
    }
    card.put_fixed("action.name", "cta_url");
    let Some(kind) = ["image", "video"].into_iter().find(|key| fields.get(key).is_some()) else {
        reader.report(explain::MISSING_KEY, at, "a card needs an `image` or a `video`");
        return None;
    };
    let media_at = fields.get(kind)?;
    let mut header = typed(&media_at, kind);
    header.put(kind, media::read(reader, &media_at, MediaKind::from_name(kind)?)?);
    card.put("header", header);
    if let Some(at) = fields.get("text") {
        let mut body = Shape::map(&Place::of(&at));
        body.put("text", Shape::text(reader, &at)?);
        card.put("body", body.optional());
    }
    Some(card)
}
