//! Templates with what fills them: `name`, `lang` and `params` by component.
//!
//! `header` is a text, a place or media; `body` a list, or a map by name; `buttons` a map by index;
//! `carousel` a list of cards that have `header`, `body` and `buttons` of their own;
//! `limited_time_offer` the end of the offer in Unix milliseconds.

use std::collections::BTreeMap;

use super::shape::{Place, Shape};
use super::{Body, kinds, media, shaped};
use crate::bot::read::{At, Fields, Reader};
use crate::explain;
use crate::templates::{ButtonUse, HeaderUse, Params, Use};
use crate::tree;

/// Keys of a template.
pub(crate) const KEYS: &[&str] = &["name", "lang", "params"];

/// What fills a button, and Meta's name for its kind.
const BUTTONS: &[(&str, &str)] = &[
    ("payload", "quick_reply"),
    ("url", "url"),
    ("copy_code", "copy_code"),
    ("flow", "flow"),
    ("catalog", "catalog"),
    ("products", "mpm"),
];

/// A template as a bot file has it.
pub(crate) struct Template {
    pub(crate) body: Body,
    /// The constant payloads of its buttons.
    pub(crate) payloads: Vec<String>,
}

/// Reads a template and notes its use for the check against the account's templates.
pub(crate) fn read(reader: &mut Reader<'_>, fields: &Fields<'_>) -> Option<Template> {
    let mut payloads = Vec::new();
    let body = shaped(reader, &fields.at, |reader| {
        let (shape, used) = read_shape(reader, fields)?;
        payloads = used.card.buttons.iter().filter_map(|button| button.payload.clone()).collect();
        reader.template_uses.push(used);
        Some(shape)
    })?;
    Some(Template { body, payloads })
}

fn read_shape(reader: &mut Reader<'_>, fields: &Fields<'_>) -> Option<(Shape, Use)> {
    let mut shape = Shape::map(&Place::of(&fields.at));
    shape.put_fixed("type", "template");
    let name_at = reader.required(fields, "name")?;
    let name = Shape::text(reader, &name_at)?;
    let lang_at = reader.required(fields, "lang")?;
    let lang = Shape::text(reader, &lang_at)?;
    let mut used = Use {
        name: name.as_plain().map(str::to_owned),
        name_place: Place::of(&name_at),
        lang: lang.as_plain().map(str::to_owned),
        lang_place: Place::of(&lang_at),
        ..Use::default()
    };
    shape.put("template.name", name);
    shape.put("template.language.code", lang);
    let Some(params_at) = fields.get("params") else {
        used.card.place = Place::of(&name_at);
        return Some((shape, used));
    };
    let params = reader.fields(&params_at, &["header", "body", "buttons", "carousel", "limited_time_offer"])?;
    used.card.place = Place::of(&params_at);
    let mut components = read_components(reader, &params, &mut used.card)?;
    if let Some(at) = params.get("limited_time_offer") {
        components.push(offer(reader, &at)?);
        used.offer = true;
    }
    if let Some(at) = params.get("carousel") {
        components.push(carousel(reader, &at, &mut used.cards)?);
    }
    if !components.is_empty() {
        shape.put("template.components", Shape::list(components, &Place::of(&params_at)));
    }
    Some((shape, used))
}

/// What a template and each of its cards take, as far as a bot fills it.
#[derive(Debug, Default)]
pub(crate) struct CardUse {
    pub(crate) place: Place,
    pub(crate) header: HeaderUse,
    pub(crate) header_place: Option<Place>,
    pub(crate) body: Params,
    pub(crate) body_place: Option<Place>,
    pub(crate) buttons: Vec<ButtonUse>,
}

fn read_components(reader: &mut Reader<'_>, params: &Fields<'_>, used: &mut CardUse) -> Option<Vec<Shape>> {
    let mut components = Vec::new();
    if let Some(at) = params.get("header") {
        let (parameter, header) = header(reader, &at)?;
        used.header = header;
        used.header_place = Some(Place::of(&at));
        components.push(component(&at, "header", vec![parameter]));
    }
    if let Some(at) = params.get("body") {
        let (parameters, body) = body(reader, &at)?;
        used.body = body;
        used.body_place = Some(Place::of(&at));
        if !parameters.is_empty() {
            components.push(component(&at, "body", parameters));
        }
    }
    if let Some(at) = params.get("buttons") {
        for (entry, at) in reader.entries(&at) {
            components.push(button(reader, &entry.key, &at, &mut used.buttons)?);
        }
    }
    Some(components)
}

fn component(at: &At<'_>, kind: &'static str, parameters: Vec<Shape>) -> Shape {
    let mut component = Shape::map(&Place::of(at));
    component.put_fixed("type", kind);
    component.put("parameters", Shape::list(parameters, &Place::of(at)));
    component
}

/// A text, `{location: …}`, or media.
fn header(reader: &mut Reader<'_>, at: &At<'_>) -> Option<(Shape, HeaderUse)> {
    let mut parameter = Shape::map(&Place::of(at));
    if !matches!(at.node.kind, tree::Kind::Map(_)) {
        parameter.put_fixed("type", "text");
        parameter.put("text", Shape::text(reader, at)?);
        return Some((parameter, HeaderUse::Text(Params::Positional(1))));
    }
    if let Some(node) = at.node.get("location") {
        reader.fields(at, &["location"])?;
        parameter.put_fixed("type", "location");
        parameter.put("location", kinds::location(reader, &at.child("location", node))?);
        return Some((parameter, HeaderUse::Location));
    }
    if let Some(node) = at.node.get("text") {
        // A named parameter: the only form in which a text is a map.
        let fields = reader.fields(at, &["text", "name"])?;
        parameter.put_fixed("type", "text");
        parameter.put("text", Shape::text(reader, &at.child("text", node))?);
        let name = reader.required(&fields, "name").and_then(|at| reader.text(&at))?;
        parameter.put_fixed("parameter_name", name.clone());
        return Some((parameter, HeaderUse::Text(Params::Named(vec![name]))));
    }
    let (kind, media) = media::read_named(reader, at, &["image", "video", "document"])?;
    parameter.put_fixed("type", kind.as_str());
    parameter.put(kind.as_str(), media);
    Some((parameter, HeaderUse::Media(kind)))
}

/// A list for numbered placeholders, a map for named ones.
fn body(reader: &mut Reader<'_>, at: &At<'_>) -> Option<(Vec<Shape>, Params)> {
    if matches!(at.node.kind, tree::Kind::List(_)) {
        let items = reader.list(at);
        let shapes: Vec<Shape> = items.iter().filter_map(|item| value(reader, item)).collect();
        let count = shapes.len();
        return (count == items.len()).then_some((shapes, Params::Positional(count)));
    }
    let mut names = Vec::new();
    let mut shapes = Vec::new();
    for (entry, item) in reader.entries(at) {
        let mut shape = value(reader, &item)?;
        shape.put_fixed("parameter_name", entry.key.clone());
        shapes.push(shape);
        names.push(entry.key.clone());
    }
    Some((shapes, Params::Named(names)))
}

/// A text, `{currency: {fallback, code, amount_1000}}` or `{date_time: text}`.
fn value(reader: &mut Reader<'_>, at: &At<'_>) -> Option<Shape> {
    let mut parameter = Shape::map(&Place::of(at));
    if !matches!(at.node.kind, tree::Kind::Map(_)) {
        parameter.put_fixed("type", "text");
        parameter.put("text", Shape::text(reader, at)?);
        return Some(parameter);
    }
    let fields = reader.fields(at, &["currency", "date_time"])?;
    if let Some(moment) = fields.get("date_time") {
        parameter.put_fixed("type", "date_time");
        parameter.put("date_time.fallback_value", Shape::text(reader, &moment)?);
        return Some(parameter);
    }
    let money = reader.required(&fields, "currency")?;
    let money = reader.fields(&money, &["fallback", "code", "amount_1000"])?;
    parameter.put_fixed("type", "currency");
    for (key, path) in [("fallback", "currency.fallback_value"), ("code", "currency.code")] {
        let at = reader.required(&money, key)?;
        parameter.put(path, Shape::text(reader, &at)?);
    }
    let amount = reader.required(&money, "amount_1000")?;
    parameter.put("currency.amount_1000", Shape::tree(reader, &amount)?);
    Some(parameter)
}

fn button(reader: &mut Reader<'_>, index: &str, at: &At<'_>, uses: &mut Vec<ButtonUse>) -> Option<Shape> {
    let keys: Vec<&str> = BUTTONS.iter().map(|(key, _)| *key).collect();
    let fields = reader.fields(at, &keys)?;
    let named: Vec<(&'static str, &'static str)> =
        BUTTONS.iter().copied().filter(|(key, _)| fields.get(key).is_some()).collect();
    let [(key, sub_type)] = named.as_slice() else {
        let message = format!("a button needs one of {}", crate::bot::read::list(&keys));
        reader.report(explain::WRONG_VALUE, at, message);
        return None;
    };
    let number = index.parse::<usize>().ok().filter(|index| *index < whatsapp::limits::TEMPLATE_BUTTONS);
    let Some(number) = number else {
        reader.report(explain::WRONG_VALUE, at, format!("`{index}` is not the index of a button, 0 to 9"));
        return None;
    };
    let value = fields.get(key)?;
    let parameter = match *key {
        "payload" => text_parameter(reader, &value, "payload")?,
        "url" => text_parameter(reader, &value, "text")?,
        "copy_code" => text_parameter(reader, &value, "coupon_code")?,
        _ => action_parameter(reader, &value, key)?,
    };
    let payload = parameter.part("payload").0.as_plain().filter(|_| *key == "payload").map(str::to_owned);
    let mut shape = Shape::map(&Place::of(at));
    shape.put_fixed("type", "button");
    shape.put_fixed("sub_type", *sub_type);
    shape.put_fixed("index", number.to_string());
    shape.put("parameters", Shape::list(vec![parameter], &Place::of(&value)));
    uses.push(ButtonUse { index: number, kind: sub_type, payload, place: Place::of(at) });
    Some(shape)
}

/// A text under a member that is called as its type.
fn text_parameter(reader: &mut Reader<'_>, at: &At<'_>, member: &'static str) -> Option<Shape> {
    let mut parameter = Shape::map(&Place::of(at));
    parameter.put_fixed("type", member);
    parameter.put(member, Shape::text(reader, at)?);
    Some(parameter)
}

/// `flow: {token, data}`, `catalog: {thumbnail}` or `products: {thumbnail, sections}`.
fn action_parameter(reader: &mut Reader<'_>, at: &At<'_>, key: &str) -> Option<Shape> {
    let mut parameter = Shape::map(&Place::of(at));
    parameter.put_fixed("type", "action");
    if key == "flow" {
        let fields = reader.fields(at, &["token", "data"])?;
        let mut action = Shape::map(&Place::of(at));
        if let Some(token) = fields.get("token") {
            action.put("flow_token", Shape::text(reader, &token)?.optional());
        }
        if let Some(data) = fields.get("data") {
            action.put("flow_action_data", Shape::tree(reader, &data)?);
        }
        parameter.put("action", action);
        return Some(parameter);
    }
    let keys: &[&str] = if key == "catalog" { &["thumbnail"] } else { &["thumbnail", "sections"] };
    let fields = reader.fields(at, keys)?;
    let thumbnail = reader.required(&fields, "thumbnail")?;
    parameter.put("action.thumbnail_product_retailer_id", Shape::text(reader, &thumbnail)?);
    if key == "products" {
        let sections = kinds::sections(reader, &fields, "products", kinds::products)?;
        parameter.put("action.sections", sections);
    }
    Some(parameter)
}

fn offer(reader: &mut Reader<'_>, at: &At<'_>) -> Option<Shape> {
    let mut parameter = Shape::map(&Place::of(at));
    parameter.put_fixed("type", "limited_time_offer");
    parameter.put("limited_time_offer.expiration_time_ms", Shape::tree(reader, at)?);
    Some(component(at, "limited_time_offer", vec![parameter]))
}

fn carousel(reader: &mut Reader<'_>, at: &At<'_>, uses: &mut BTreeMap<usize, CardUse>) -> Option<Shape> {
    let mut cards = Vec::new();
    for (index, item) in reader.list(at).iter().enumerate() {
        let fields = reader.fields(item, &["header", "body", "buttons"])?;
        let mut used = CardUse { place: Place::of(item), ..CardUse::default() };
        let components = read_components(reader, &fields, &mut used)?;
        let mut card = Shape::map(&Place::of(item));
        card.put_fixed("card_index", index);
        card.put("components", Shape::list(components, &Place::of(item)));
        cards.push(card);
        uses.insert(index, used);
    }
    let mut shape = Shape::map(&Place::of(at));
    shape.put_fixed("type", "carousel");
    shape.put("cards", Shape::list(cards, &Place::of(at)));
    Some(shape)
}
