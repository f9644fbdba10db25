//! Interactive messages.

mod carousel;
mod catalog;

use serde_json::{Map, Value};

use super::Known;
use super::parts::{
    bounded, length, list, media_source, object, only_keys, optional_string, required_string, web_address,
};
use crate::graph::error::Refusal;

/// Meta's page on lists says 4096, its OpenAPI file 1024; refusing early shows the difference.
const BODY: usize = 1024;
const HEADER_OR_FOOTER: usize = 60;
/// Meta advises 30 and no emoji; what it refuses is not documented, so only the absurd is.
const FLOW_CTA: usize = 60;

pub(super) fn check(map: &Map<String, Value>, known: &Known<'_>) -> Result<(), Refusal> {
    only_keys(map, &["type", "header", "body", "footer", "action"], "interactive")?;
    let kind = required_string(map, "type", "interactive")?;
    let action = map.get("action").ok_or_else(|| Refusal::missing("interactive['action']"))?;
    let action = object(action, "interactive['action']")?;
    if kind != "product" || map.contains_key("body") {
        body(map, BODY)?;
    }
    footer(map)?;
    match kind {
        "button" => header(map, &RICH, known).and_then(|()| buttons(action)),
        "list" => header(map, &["text"], known).and_then(|()| sections(action)),
        "cta_url" => header(map, &RICH, known).and_then(|()| link_button(action)),
        "flow" => header(map, &RICH, known).and_then(|()| flow(action)),
        "location_request_message" => bare(map, kind).and_then(|()| named(action, "send_location")),
        "request_contact_info" => headless(map, kind).and_then(|()| named(action, kind)),
        "product" => headless(map, kind).and_then(|()| catalog::product(action)),
        "product_list" => {
            map.get("header").ok_or_else(|| Refusal::missing("interactive['header']"))?;
            header(map, &["text"], known).and_then(|()| catalog::products(action))
        }
        "catalog_message" => headless(map, kind).and_then(|()| catalog::whole(action)),
        "address_message" => address(action),
        "carousel" => bare(map, kind).and_then(|()| carousel::check(action, known)),
        other => Err(Refusal::parameter(format!("Param interactive['type'] {other:?} is not an interactive type."))),
    }
}

const RICH: [&str; 4] = ["text", "image", "video", "document"];

fn headless(map: &Map<String, Value>, kind: &str) -> Result<(), Refusal> {
    if map.contains_key("header") {
        return Err(Refusal::parameter(format!("Unexpected key \"header\" on param \"interactive\" of type {kind}.")));
    }
    Ok(())
}

fn bare(map: &Map<String, Value>, kind: &str) -> Result<(), Refusal> {
    headless(map, kind)?;
    if map.contains_key("footer") {
        return Err(Refusal::parameter(format!("Unexpected key \"footer\" on param \"interactive\" of type {kind}.")));
    }
    Ok(())
}

const ACTION: &str = "interactive['action']";

fn body(map: &Map<String, Value>, most: usize) -> Result<(), Refusal> {
    let body = map.get("body").ok_or_else(|| Refusal::missing("interactive['body']"))?;
    let body = object(body, "interactive['body']")?;
    only_keys(body, &["text"], "interactive['body']")?;
    bounded(body, "text", "interactive['body']", most).map(drop)
}

fn footer(map: &Map<String, Value>) -> Result<(), Refusal> {
    let Some(footer) = map.get("footer") else { return Ok(()) };
    bounded(object(footer, "interactive['footer']")?, "text", "interactive['footer']", HEADER_OR_FOOTER).map(drop)
}

fn header(map: &Map<String, Value>, kinds: &[&str], known: &Known<'_>) -> Result<(), Refusal> {
    let Some(header) = map.get("header") else { return Ok(()) };
    let path = "interactive['header']";
    let header = object(header, path)?;
    let kind = required_string(header, "type", path)?;
    if !kinds.contains(&kind) {
        return Err(Refusal::value(format!("{path}['type'] {kind:?} is not one of {kinds:?}.")));
    }
    if kind == "text" {
        return bounded(header, "text", path, HEADER_OR_FOOTER).map(drop);
    }
    let media = header.get(kind).ok_or_else(|| Refusal::missing(&format!("{path}['{kind}']")))?;
    media_source(object(media, path)?, &format!("{path}['{kind}']"), kind, known)
}

fn buttons(action: &Map<String, Value>) -> Result<(), Refusal> {
    only_keys(action, &["buttons"], ACTION)?;
    let buttons = list(action, "buttons", ACTION)?;
    if !(1..=3).contains(&buttons.len()) {
        let n = buttons.len();
        return Err(Refusal::value(format!(
            "Invalid buttons count. Min allowed buttons: 1, Max allowed buttons: 3, got {n}."
        )));
    }
    let (mut ids, mut titles) = (Vec::new(), Vec::new());
    for button in buttons {
        let path = "interactive['action']['buttons']";
        let button = object(button, path)?;
        only_keys(button, &["type", "reply"], path)?;
        if required_string(button, "type", path)? != "reply" {
            return Err(Refusal::value(format!("{path}['type'] must be reply.")));
        }
        let path = "interactive['action']['buttons']['reply']";
        let reply = object(button.get("reply").ok_or_else(|| Refusal::missing(path))?, path)?;
        only_keys(reply, &["id", "title"], path)?;
        let id = bounded(reply, "id", path, 256)?;
        if id.trim() != id {
            return Err(Refusal::value(format!("Button id {id:?} begins or ends with a space.")));
        }
        unique(&mut ids, id, "Button id")?;
        unique(&mut titles, bounded(reply, "title", "Button", 20)?, "Button title")?;
    }
    Ok(())
}

fn sections(action: &Map<String, Value>) -> Result<(), Refusal> {
    only_keys(action, &["button", "sections"], ACTION)?;
    bounded(action, "button", ACTION, 20)?;
    let sections = list(action, "sections", ACTION)?;
    if !(1..=10).contains(&sections.len()) {
        return Err(Refusal::value(format!("A list takes 1 to 10 sections, got {}.", sections.len())));
    }
    let mut ids = Vec::new();
    for section in sections {
        let path = "interactive['action']['sections']";
        let section = object(section, path)?;
        only_keys(section, &["title", "rows"], path)?;
        if sections.len() > 1 {
            bounded(section, "title", path, 24)?;
        } else if let Some(n) = optional_string(section, "title", path)?.map(|t| t.chars().count()).filter(|n| *n > 24)
        {
            return Err(length("interactive['action']['sections']['title']", 24, n));
        }
        let rows = list(section, "rows", path)?;
        if rows.is_empty() {
            return Err(Refusal::value("A section has no rows."));
        }
        rows.iter().try_for_each(|r| row(r, &mut ids))?;
    }
    match ids.len() {
        0..=10 => Ok(()),
        n => Err(Refusal::value(format!("Total row count exceed max allowed count: 10, got {n}."))),
    }
}

fn row<'a>(row: &'a Value, ids: &mut Vec<&'a str>) -> Result<(), Refusal> {
    let path = "interactive['action']['sections']['rows']";
    let row = object(row, path)?;
    only_keys(row, &["id", "title", "description"], path)?;
    unique(ids, bounded(row, "id", path, 200)?, "Row id")?;
    bounded(row, "title", path, 24)?;
    match optional_string(row, "description", path)?.map_or(0, |d| d.chars().count()) {
        0..=72 => Ok(()),
        n => Err(length("interactive['action']['sections']['rows']['description']", 72, n)),
    }
}

fn unique<'a>(seen: &mut Vec<&'a str>, value: &'a str, what: &str) -> Result<(), Refusal> {
    if seen.contains(&value) {
        return Err(Refusal::value(format!("Duplicated {what}: {value:?}.")));
    }
    seen.push(value);
    Ok(())
}

fn named(action: &Map<String, Value>, name: &str) -> Result<(), Refusal> {
    match required_string(action, "name", ACTION)? {
        got if got == name => Ok(()),
        got => Err(Refusal::value(format!("{ACTION}['name'] must be {name}, got {got}."))),
    }
}

fn parameters(action: &Map<String, Value>) -> Result<&Map<String, Value>, Refusal> {
    let path = "interactive['action']['parameters']";
    object(action.get("parameters").ok_or_else(|| Refusal::missing(path))?, path)
}

fn link_button(action: &Map<String, Value>) -> Result<(), Refusal> {
    named(action, "cta_url")?;
    let parameters = parameters(action)?;
    bounded(parameters, "display_text", "parameters", 20)?;
    web_address(required_string(parameters, "url", "parameters")?, "parameters['url']")
}

fn address(action: &Map<String, Value>) -> Result<(), Refusal> {
    named(action, "address_message")?;
    let map = parameters(action)?;
    only_keys(map, &["country", "values", "saved_addresses", "validation_errors"], "parameters")?;
    // Meta offers address messages in India only.
    match required_string(map, "country", "parameters")? {
        "IN" => Ok(()),
        other => Err(Refusal::value(format!("parameters['country'] {other:?} is not IN."))),
    }
}

fn flow(action: &Map<String, Value>) -> Result<(), Refusal> {
    named(action, "flow")?;
    let map = parameters(action)?;
    if required_string(map, "flow_message_version", "parameters")? != "3" {
        return Err(Refusal::value("parameters['flow_message_version'] must be \"3\"."));
    }
    if map.contains_key("flow_id") == map.contains_key("flow_name") {
        return Err(Refusal::value("parameters takes exactly one of flow_id and flow_name."));
    }
    bounded(map, "flow_cta", "parameters", FLOW_CTA)?;
    one_of(map, "mode", &["published", "draft"])?;
    one_of(map, "flow_action", &["navigate", "data_exchange"])?;
    let navigates = map.get("flow_action").is_none_or(|a| a == "navigate");
    match map.get("flow_action_payload") {
        Some(_) if !navigates => Err(Refusal::value("flow_action_payload goes with flow_action navigate only.")),
        Some(payload) if !payload["screen"].is_string() => Err(Refusal::missing("flow_action_payload['screen']")),
        Some(payload) if payload.get("data").is_some_and(|d| d.as_object().is_some_and(Map::is_empty)) => {
            Err(Refusal::value("flow_action_payload['data'] must not be empty."))
        }
        _ => Ok(()),
    }
}

fn one_of(map: &Map<String, Value>, key: &str, allowed: &[&str]) -> Result<(), Refusal> {
    match optional_string(map, key, "parameters")? {
        Some(value) if !allowed.contains(&value) => {
            Err(Refusal::value(format!("parameters['{key}'] {value:?} is not one of {allowed:?}.")))
        }
        _ => Ok(()),
    }
}
