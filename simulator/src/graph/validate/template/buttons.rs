//! Button parameters of a template.

use serde_json::{Map, Value};

use super::super::parts::required_string;
use super::{format_mismatch, parameters};
use crate::graph::definition::variables;
use crate::graph::error::Refusal;

const SUB_TYPES: [&str; 10] = [
    "booking_confirmation",
    "catalog",
    "copy_code",
    "flow",
    "mpm",
    "order_details",
    "quick_reply",
    "reminder",
    "url",
    "voice_call",
];

pub(super) fn shape(map: &Map<String, Value>) -> Result<(), Refusal> {
    let path = "template['components']";
    let kind = required_string(map, "sub_type", path)?;
    if !SUB_TYPES.contains(&kind.to_ascii_lowercase().as_str()) {
        return Err(Refusal::parameter(format!(
            "Param {path}['sub_type'] must be one of {SUB_TYPES:?} - got \"{kind}\"."
        )));
    }
    index(&Value::Object(map.clone())).map(drop)
}

/// A string or a number from 0 to 9.
fn index(component: &Value) -> Result<usize, Refusal> {
    let index = &component["index"];
    if index.is_null() {
        return Err(Refusal::missing("template['components']['index']"));
    }
    let number = index.as_u64().or_else(|| index.as_str().and_then(|text| text.parse().ok()));
    let number = number.filter(|n| *n <= 9).and_then(|n| usize::try_from(n).ok());
    number.ok_or_else(|| Refusal::value(format!("template['components']['index'] {index} is not 0 to 9")))
}

pub(super) fn check(given: &[Value], defined: Option<&Value>) -> Result<(), Refusal> {
    let defined = defined.and_then(|d| d["buttons"].as_array()).map(Vec::as_slice).unwrap_or_default();
    let given: Vec<_> =
        given.iter().filter(|c| c["type"].as_str().is_some_and(|t| t.eq_ignore_ascii_case("button"))).collect();
    let mut filled = vec![false; defined.len()];
    for component in given {
        let at = index(component)?;
        let Some(button) = defined.get(at) else {
            return Err(Refusal::value(format!("buttons: There is no button at index {at}")));
        };
        parameter(at, component, button)?;
        if let Some(filled) = filled.get_mut(at) {
            *filled = true;
        }
    }
    let missing = defined.iter().zip(&filled).position(|(button, filled)| !filled && needs_parameter(button));
    let Some(at) = missing else { return Ok(()) };
    let kind = defined.get(at).map(name).unwrap_or_default();
    Err(Refusal::new(131008, format!("buttons: Button at index {at} of type {kind} requires a parameter")))
}

fn name(button: &Value) -> String {
    button["type"].as_str().unwrap_or_default().to_ascii_uppercase()
}

fn needs_parameter(button: &Value) -> bool {
    match name(button).as_str() {
        "URL" => !variables(button["url"].as_str().unwrap_or_default()).is_empty(),
        "COPY_CODE" | "MPM" | "OTP" => true,
        _ => false,
    }
}

fn parameter(at: usize, component: &Value, button: &Value) -> Result<(), Refusal> {
    let kind = name(button);
    let sub_type = component["sub_type"].as_str().unwrap_or_default().to_ascii_lowercase();
    let (expected, wanted) = match kind.as_str() {
        "URL" if needs_parameter(button) => ("url", "text"),
        "OTP" => ("url", "text"),
        "QUICK_REPLY" => ("quick_reply", "payload"),
        "COPY_CODE" => ("copy_code", "coupon_code"),
        "FLOW" => ("flow", "action"),
        "CATALOG" => ("catalog", "action"),
        "MPM" => ("mpm", "action"),
        _ => {
            let why = format!("buttons: Button at index {at} is of type {kind} and does not support parameters");
            return Err(Refusal::parameter(why));
        }
    };
    if sub_type != expected {
        let why = format!("buttons: Button at index {at} is of type {kind}, received {sub_type}");
        return Err(format_mismatch(why));
    }
    let [parameter] = parameters(Some(component)) else {
        let why = format!("buttons: Button at index {at} takes 1 parameter");
        return Err(Refusal::new(132000, why));
    };
    if parameter["type"] != wanted {
        let why =
            format!("buttons: Button at index {at} takes a parameter of type {wanted}, received {}", parameter["type"]);
        return Err(format_mismatch(why));
    }
    content(at, wanted, &parameter[wanted])
}

fn content(at: usize, kind: &str, value: &Value) -> Result<(), Refusal> {
    let length = value.as_str().map_or(0, |text| text.chars().count());
    let most = match kind {
        "action" if value.is_object() => return Ok(()),
        "action" => return Err(Refusal::missing(&format!("buttons[{at}]['action']"))),
        "payload" => 256,
        "coupon_code" => 20,
        _ => 2_000,
    };
    match length {
        n if (1..=most).contains(&n) => Ok(()),
        n => Err(Refusal::value(format!(
            "buttons: {kind} of the button at index {at} takes 1 to {most} characters, got {n}"
        ))),
    }
}
