//! Interactive messages: one file per kind, and how a raw one is told from another.

mod address;
mod cards;
mod catalog;
mod flow;
mod link;
mod products;
mod request;

use serde_json::{Value, json};

pub use address::Address;
pub use cards::{Card, Carousel};
pub use catalog::Catalog;
pub use flow::{Flow, FlowStart, FlowTarget};
pub use link::Link;
pub use products::{Product, ProductList, ProductSection};
pub use request::{ContactRequest, LocationRequest};

use super::check::{Check, OBJECT};
use super::frame::{Frame, Header, Headers, Rules};
use super::other::Other;
use super::part::Part;
use super::{Outgoing, buttons, list, members, on_the_wire};
use crate::limits::{self, Limit, LimitError};

/// Reads the member `interactive`; `whole` is the message around it.
pub(super) fn read(check: &mut Check, part: &Part<'_>, whole: &Part<'_>) -> Outgoing {
    let kind = part.get("type").needed(check);
    if !matches!(kind.as_str(), "call_permission_request" | "voice_call") && !kind.is_empty() {
        known_members(check, part, &kind);
    }
    match kind.as_str() {
        "button" => buttons::read(check, part).into(),
        "list" => list::read(check, part).into(),
        "cta_url" => Link::read(check, part).into(),
        "flow" => Flow::read(check, part).into(),
        "location_request_message" => LocationRequest::read(check, part).into(),
        "request_contact_info" => ContactRequest::read(check, part).into(),
        "product" => Product::read(check, part).into(),
        "product_list" => ProductList::read(check, part).into(),
        "catalog_message" => Catalog::read(check, part).into(),
        "address_message" => Address::read(check, part).into(),
        "carousel" => Carousel::read(check, part).into(),
        _ => {
            unknown(check, part, &kind);
            Other::read(whole).into()
        }
    }
}

fn known_members(check: &mut Check, part: &Part<'_>, kind: &str) {
    const KNOWN: [&str; 11] = [
        "button",
        "list",
        "cta_url",
        "flow",
        "location_request_message",
        "request_contact_info",
        "product",
        "product_list",
        "catalog_message",
        "address_message",
        "carousel",
    ];
    if KNOWN.contains(&kind) {
        part.members(check, &["type", "header", "body", "footer", "action"]);
        if !part.get("action").value().is_some_and(Value::is_object) {
            part.get("action").fail(check, OBJECT);
        }
    }
}

/// A kind that has no type here: what all kinds share is checked.
fn unknown(check: &mut Check, part: &Part<'_>, kind: &str) {
    if kind.is_empty() {
        return;
    }
    if !matches!(kind, "call_permission_request" | "voice_call") {
        part.get("body").get("text").text(check, limits::INTERACTIVE_BODY);
    }
    if !part.get("action").value().is_some_and(Value::is_object) {
        part.get("action").fail(check, OBJECT);
    }
}

/// An action that is nothing but its name.
fn named_action(check: &mut Check, part: &Part<'_>, name: &'static str) {
    let action = part.get("action");
    action.members(check, &["name"]);
    right_name(check, &action, name);
}

/// `action.name` must be there and be this one.
fn right_name(check: &mut Check, action: &Part<'_>, name: &'static str) {
    if !action.get("name").is(name) {
        action.get("name").fail(check, Limit::Form(name));
    }
}

/// The button of a link: its text and address.
fn link_action(check: &mut Check, action: &Part<'_>) -> (String, String) {
    action.members(check, &["name", "parameters"]);
    right_name(check, action, "cta_url");
    let parameters = action.get("parameters");
    parameters.members(check, &["display_text", "url"]);
    (parameters.get("display_text").text(check, limits::BUTTON_TITLE), parameters.get("url").link(check))
}

fn link_content(button: &str, url: &str) -> Value {
    json!({ "name": "cta_url", "parameters": { "display_text": button, "url": url } })
}
