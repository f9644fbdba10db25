//! What a person sees of a template: its texts with the parameters put in.

use serde_json::{Value, json};

use super::{parameters, value};
use crate::templates::{StoredTemplate, component};

/// A text with its `{{…}}` replaced, by name or by position.
pub(super) fn filled(text: &str, parameters: &[Value]) -> String {
    let mut rest = text;
    let mut out = String::new();
    while let Some((before, after)) = rest.split_once("{{") {
        let Some((name, after)) = after.split_once("}}") else { break };
        out.push_str(before);
        out.push_str(by_name(name.trim(), parameters).unwrap_or_default());
        rest = after;
    }
    out.push_str(rest);
    out
}

fn by_name<'a>(name: &str, parameters: &'a [Value]) -> Option<&'a str> {
    let named = parameters.iter().find(|p| p["parameter_name"] == name);
    let positional = || name.parse::<usize>().ok()?.checked_sub(1).and_then(|i| parameters.get(i));
    named.or_else(positional).and_then(value)
}

/// A template message in the shape of an interactive one, which is what phones can show.
pub(crate) fn shown(template: &StoredTemplate, message: &Value) -> Value {
    let given = message["components"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut content = part(given, &template.components);
    if template.lenient {
        let said = parameters(component(given, "body")).iter().filter_map(value);
        let text = [template.name.as_str()].into_iter().chain(said).collect::<Vec<_>>().join(" · ");
        content["body"] = json!({ "text": text });
    }
    let cards = |block: Option<&Value>| block.and_then(|c| c["cards"].as_array()).cloned().unwrap_or_default();
    let pairs = cards(component(given, "carousel")).into_iter().zip(cards(component(&template.components, "CAROUSEL")));
    let inner = |card: &Value| card["components"].as_array().cloned().unwrap_or_default();
    let cards: Vec<_> = pairs.map(|(g, d)| part(&inner(&g), &inner(&d))).collect();
    if !cards.is_empty() {
        content["action"]["cards"] = json!(cards);
    }
    content["type"] = json!("template");
    content
}

fn part(given: &[Value], defined: &[Value]) -> Value {
    let mut content = json!({});
    if let Some(header) = component(defined, "HEADER") {
        let parameters = parameters(component(given, "header"));
        content["header"] = match header["text"].as_str() {
            Some(text) => json!({ "type": "text", "text": filled(text, parameters) }),
            None => parameters.first().cloned().unwrap_or_default(),
        };
    }
    if let Some(body) = component(defined, "BODY") {
        let parameters = parameters(component(given, "body"));
        let text = body["text"].as_str().unwrap_or("Your verification code is {{1}}");
        content["body"] = json!({ "text": filled(text, parameters) });
    }
    if let Some(footer) = component(defined, "FOOTER") {
        content["footer"] = json!({ "text": footer["text"] });
    }
    let buttons = component(defined, "BUTTONS").and_then(|b| b["buttons"].as_array());
    let buttons: Vec<_> =
        buttons.into_iter().flatten().enumerate().map(|(at, button)| shown_button(at, button, given)).collect();
    if !buttons.is_empty() {
        content["action"] = json!({ "template_buttons": buttons });
    }
    content
}

fn shown_button(at: usize, button: &Value, given: &[Value]) -> Value {
    let number = at.to_string();
    let is_here = |c: &&Value| c["sub_type"].is_string() && (c["index"] == at || c["index"] == *number);
    let parameter = parameters(given.iter().find(is_here)).first().cloned().unwrap_or_default();
    let kind = button["type"].as_str().unwrap_or_default().to_ascii_lowercase();
    let mut shown = json!({ "type": kind, "text": button["text"] });
    match kind.as_str() {
        "quick_reply" => {
            shown["payload"] =
                if parameter["payload"].is_string() { parameter["payload"].clone() } else { button["text"].clone() };
        }
        "url" => {
            let suffix = parameter["text"].as_str().unwrap_or_default();
            shown["url"] = json!(button["url"].as_str().unwrap_or_default().replace("{{1}}", suffix));
        }
        "otp" | "copy_code" => {
            let code = parameter["text"].as_str().or(parameter["coupon_code"].as_str()).unwrap_or_default();
            shown["text"] = json!(format!("{} {code}", button["text"].as_str().unwrap_or("Copy code")));
        }
        "phone_number" => shown["url"] = json!(format!("tel:{}", button["phone_number"].as_str().unwrap_or_default())),
        _ => {}
    }
    shown
}
