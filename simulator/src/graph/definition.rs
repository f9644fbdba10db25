//! Checks the definition of a template as Meta's creation endpoint does.

use serde_json::{Map, Value};

use super::error::Refusal;
use crate::templates::component;

const CATEGORIES: [&str; 3] = ["AUTHENTICATION", "MARKETING", "UTILITY"];
const BUTTONS: [&str; 10] = [
    "QUICK_REPLY",
    "URL",
    "PHONE_NUMBER",
    "COPY_CODE",
    "FLOW",
    "CATALOG",
    "MPM",
    "OTP",
    "REQUEST_CONTACT_INFO",
    "VOICE_CALL",
];

/// The checked parts of a definition.
#[derive(Debug)]
pub(crate) struct Definition {
    pub(crate) name: String,
    pub(crate) language: String,
    pub(crate) category: String,
    pub(crate) components: Vec<Value>,
    pub(crate) named: bool,
}

pub(crate) fn check(body: &Map<String, Value>) -> Result<Definition, Refusal> {
    let name = text(body, "name")?;
    let spelled = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if name.is_empty() || name.len() > 512 || !name.chars().all(spelled) {
        return Err(wrong(format!("name {name:?} is not 1 to 512 of a-z, 0-9 and _")));
    }
    let language = text(body, "language")?;
    if language.is_empty() || language.len() > 8 {
        return Err(wrong(format!("language {language:?} is not a language code")));
    }
    let category = text(body, "category")?.to_ascii_uppercase();
    if !CATEGORIES.contains(&category.as_str()) {
        return Err(wrong(format!("category {category:?} is not one of {CATEGORIES:?}")));
    }
    let named = body.get("parameter_format").and_then(Value::as_str).is_some_and(|f| f.eq_ignore_ascii_case("named"));
    let list = body.get("components").and_then(Value::as_array);
    let list = list.ok_or_else(|| wrong("components is required and must be an array".into()))?;
    components(list, &category, named)?;
    Ok(Definition { name, language, category, components: list.clone(), named })
}

/// Checks the components alone, as an edit gives them.
pub(crate) fn components(list: &[Value], category: &str, named: bool) -> Result<(), Refusal> {
    for kind in ["HEADER", "BODY", "FOOTER", "BUTTONS", "CAROUSEL", "LIMITED_TIME_OFFER"] {
        if list.iter().filter(|c| is(c, kind)).count() > 1 {
            return Err(wrong(format!("there is more than one {kind}")));
        }
    }
    if let Some(odd) = list.iter().find(|c| !KINDS.iter().any(|kind| is(c, kind))) {
        return Err(wrong(format!("a component of type {} is unknown", odd["type"])));
    }
    let body = component(list, "BODY").ok_or_else(|| wrong("the BODY component is missing".into()))?;
    // Meta writes the body of authentication templates itself.
    if category != "AUTHENTICATION" {
        bounded(body, "BODY", 1024, named, usize::MAX)?;
    }
    if let Some(header) = component(list, "HEADER") {
        match header["format"].as_str().unwrap_or_default() {
            "TEXT" => bounded(header, "HEADER", 60, named, 1)?,
            "IMAGE" | "VIDEO" | "DOCUMENT" | "LOCATION" => {}
            other => return Err(wrong(format!("the HEADER format {other:?} is unknown"))),
        }
    }
    if let (Some(footer), false) = (component(list, "FOOTER"), category == "AUTHENTICATION") {
        bounded(footer, "FOOTER", 60, named, 0)?;
    }
    if let Some(block) = component(list, "BUTTONS") {
        buttons(&block["buttons"])?;
    }
    if let Some(carousel) = component(list, "CAROUSEL") {
        cards(&carousel["cards"])?;
    }
    Ok(())
}

const KINDS: [&str; 6] = ["HEADER", "BODY", "FOOTER", "BUTTONS", "CAROUSEL", "LIMITED_TIME_OFFER"];

fn is(component: &Value, kind: &str) -> bool {
    component["type"].as_str().is_some_and(|t| t.eq_ignore_ascii_case(kind))
}

fn cards(cards: &Value) -> Result<(), Refusal> {
    let cards = cards.as_array().map(Vec::as_slice).unwrap_or_default();
    if !(2..=10).contains(&cards.len()) {
        return Err(wrong(format!("a CAROUSEL has 2 to 10 cards, got {}", cards.len())));
    }
    for card in cards {
        let parts = card["components"].as_array().map(Vec::as_slice).unwrap_or_default();
        if component(parts, "HEADER").is_none() {
            return Err(wrong("a card of a CAROUSEL has no HEADER".into()));
        }
        if let Some(block) = component(parts, "BUTTONS") {
            buttons(&block["buttons"])?;
        }
    }
    Ok(())
}

fn buttons(buttons: &Value) -> Result<(), Refusal> {
    let buttons = buttons.as_array().map(Vec::as_slice).unwrap_or_default();
    if !(1..=10).contains(&buttons.len()) {
        return Err(wrong(format!("BUTTONS has 1 to 10 buttons, got {}", buttons.len())));
    }
    for button in buttons {
        let kind = button["type"].as_str().unwrap_or_default().to_ascii_uppercase();
        if !BUTTONS.contains(&kind.as_str()) {
            return Err(wrong(format!("a button of type {kind:?} is unknown")));
        }
        let label = button["text"].as_str().unwrap_or_default();
        let optional = matches!(kind.as_str(), "OTP" | "COPY_CODE" | "REQUEST_CONTACT_INFO");
        if label.chars().count() > 25 || (label.is_empty() && !optional) {
            return Err(wrong(format!("the button text {label:?} is not 1 to 25 characters long")));
        }
        let url = button["url"].as_str().unwrap_or_default();
        if kind == "URL" {
            let found = variables(url);
            let (web, last) = (url.starts_with("http://") || url.starts_with("https://"), url.ends_with("{{1}}"));
            if !web || url.len() > 2000 || found.len() > 1 || (found.len() == 1 && !last) {
                return Err(wrong(format!("the url {url:?} is not an address with at most one {{{{1}}}} at its end")));
            }
        }
        if kind == "FLOW" && ["flow_id", "flow_name", "flow_json"].iter().all(|k| button.get(k).is_none()) {
            return Err(wrong("a FLOW button needs flow_id, flow_name or flow_json".into()));
        }
    }
    Ok(())
}

/// A text of 1 to `most` characters with at most `most_variables`, numbered from 1 without a gap, and samples.
fn bounded(part: &Value, kind: &str, most: usize, named: bool, most_variables: usize) -> Result<(), Refusal> {
    let text = part["text"].as_str().ok_or_else(|| wrong(format!("the {kind} text is missing")))?;
    if !(1..=most).contains(&text.chars().count()) {
        return Err(wrong(format!("the {kind} text is not 1 to {most} characters long")));
    }
    let found = variables(text);
    if found.len() > most_variables {
        return Err(wrong(format!("the {kind} takes at most {most_variables} variables, got {}", found.len())));
    }
    let numbered = || (1..=found.len()).all(|n| found.contains(&n.to_string()));
    if !(if named { found.iter().all(|name| is_name(name)) } else { numbered() }) {
        return Err(wrong(format!("the variables {found:?} of the {kind} are not {}", naming(named))));
    }
    if !found.is_empty() && part["example"].is_null() {
        return Err(Refusal { subcode: Some(2_388_043), ..wrong(format!("the {kind} has variables and no example")) });
    }
    Ok(())
}

fn naming(named: bool) -> &'static str {
    if named { "lower case names" } else { "numbered from 1" }
}

fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

/// The distinct `{{…}}` of a text, in the order of their first use.
pub(crate) fn variables(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for piece in text.split("{{").skip(1) {
        let Some((name, _)) = piece.split_once("}}") else { continue };
        let name = name.trim().to_owned();
        if !found.contains(&name) {
            found.push(name);
        }
    }
    found
}

fn text(body: &Map<String, Value>, key: &str) -> Result<String, Refusal> {
    let value = body.get(key).and_then(Value::as_str);
    value.map(str::to_owned).ok_or_else(|| wrong(format!("{key} is required and must be a string")))
}

fn wrong(details: String) -> Refusal {
    Refusal::parameter(details)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn definition(components: Value) -> Value {
        json!({ "name": "order_update", "language": "en_US", "category": "UTILITY", "components": components })
    }

    fn full() -> Value {
        definition(json!([
            { "type": "HEADER", "format": "TEXT", "text": "Order {{1}}", "example": { "header_text": ["42"] } },
            { "type": "BODY", "text": "Hi {{1}}, {{2}} is on its way, {{1}}.", "example": { "body_text": [["Ada", "it"]] } },
            { "type": "FOOTER", "text": "Reply STOP to end" },
            { "type": "BUTTONS", "buttons": [
                { "type": "QUICK_REPLY", "text": "Confirm" },
                { "type": "URL", "text": "Track", "url": "https://t.example/{{1}}", "example": ["42"] },
            ] },
        ]))
    }

    #[test]
    fn a_full_definition_is_taken() {
        let taken = check(full().as_object().unwrap()).unwrap();
        assert_eq!((taken.name.as_str(), taken.components.len(), taken.named), ("order_update", 4, false));
    }

    #[test]
    fn what_meta_does_not_approve_is_refused() {
        for (pointer, value, says) in [
            ("/name", json!("Order"), "a-z"),
            ("/language", json!(""), "language code"),
            ("/category", json!("SPAM"), "category"),
            ("/components", json!({}), "array"),
            ("/components/0/format", json!("GIF"), "format"),
            ("/components/0/text", json!("{{1}} {{2}}"), "at most 1"),
            ("/components/0/text", json!("x".repeat(61)), "60"),
            ("/components/1/type", json!("FOO"), "unknown"),
            ("/components/1/type", json!("HEADER"), "more than one"),
            ("/components/1/text", json!(""), "1 to 1024"),
            ("/components/1/text", json!("{{1}} {{3}}"), "numbered from 1"),
            ("/components/1/example", json!(null), "no example"),
            ("/components/2/text", json!("{{1}}"), "at most 0"),
            ("/components/3/buttons", json!([]), "1 to 10"),
            ("/components/3/buttons/0/type", json!("POLL"), "unknown"),
            ("/components/3/buttons/0/text", json!("x".repeat(26)), "25"),
            ("/components/3/buttons/1/url", json!("https://{{1}}/x"), "at its end"),
            ("/components/3/buttons/1/type", json!("FLOW"), "flow_id"),
        ] {
            let mut body = full();
            *body.pointer_mut(pointer).unwrap() = value;
            let refusal = check(body.as_object().unwrap()).unwrap_err();
            assert_eq!(refusal.code, 100);
            let details = refusal.details.unwrap();
            assert!(details.contains(says), "{pointer}: {details}");
        }
    }

    #[test]
    fn variables_are_found_once_and_in_order() {
        assert_eq!(variables("{{2}} a {{ 1 }} {{2}} {{open"), ["2", "1"]);
    }
}
