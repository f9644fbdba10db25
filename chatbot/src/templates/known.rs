//! Reads templates from Meta's list.

use serde_json::Value;
use whatsapp::message::MediaKind;

use super::{KnownButton, KnownCard, KnownHeader, KnownTemplate, Params};

impl KnownTemplate {
    /// Reads an element of Meta's `message_templates` list; `None` when name, language or status is missing.
    pub fn from_meta(template: &Value) -> Option<Self> {
        let text = |key: &str| template.get(key).and_then(Value::as_str).map(str::to_owned);
        let components = items(template, "components");
        let KnownCard { header, body, buttons } = KnownCard::of(components);
        let carousel = components.iter().find(|component| is(component, "CAROUSEL"));
        let cards = carousel.map(|carousel| items(carousel, "cards")).unwrap_or_default();
        Some(Self {
            name: text("name")?,
            language: text("language")?,
            status: text("status")?.to_ascii_uppercase(),
            category: text("category").unwrap_or_default(),
            header,
            body,
            buttons,
            cards: cards.iter().map(|card| KnownCard::of(items(card, "components"))).collect(),
            limited_time_offer: components.iter().any(|component| is(component, "LIMITED_TIME_OFFER")),
        })
    }
}

impl KnownCard {
    fn of(components: &[Value]) -> Self {
        let find = |kind: &str| components.iter().find(|component| is(component, kind));
        let body = find("BODY").and_then(|body| body.get("text")?.as_str());
        let buttons = find("BUTTONS").map(|buttons| items(buttons, "buttons")).unwrap_or_default();
        Self {
            header: find("HEADER").map(header).unwrap_or_default(),
            body: body.map(Params::of).unwrap_or_default(),
            buttons: buttons.iter().map(button).collect(),
        }
    }
}

impl Params {
    /// The placeholders of a text: `{{1}}`, `{{2}}`, or `{{name}}`. Those that repeat count once.
    fn of(text: &str) -> Self {
        let mut names: Vec<String> = Vec::new();
        for part in text.split("{{").skip(1) {
            let Some((name, _)) = part.split_once("}}") else { continue };
            let name = name.trim();
            let shaped = !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_');
            if shaped && !names.iter().any(|known| known == name) {
                names.push(name.to_owned());
            }
        }
        match names.iter().all(|name| name.bytes().all(|b| b.is_ascii_digit())) {
            true => Params::Positional(names.len()),
            false => Params::Named(names),
        }
    }

    fn is_empty(&self) -> bool {
        match self {
            Params::Positional(count) => *count == 0,
            Params::Named(names) => names.is_empty(),
        }
    }
}

fn header(header: &Value) -> KnownHeader {
    let format = header.get("format").and_then(Value::as_str).unwrap_or("TEXT").to_ascii_uppercase();
    match format.as_str() {
        "TEXT" => {
            let params = Params::of(header.get("text").and_then(Value::as_str).unwrap_or_default());
            if params.is_empty() { KnownHeader::Fixed } else { KnownHeader::Text(params) }
        }
        "LOCATION" => KnownHeader::Location,
        _ => match MediaKind::from_name(&format.to_ascii_lowercase()) {
            Some(kind) => KnownHeader::Media(kind),
            None => KnownHeader::Other(format),
        },
    }
}

fn button(button: &Value) -> KnownButton {
    let text = |key: &str| button.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let kind = text("type").to_ascii_uppercase();
    let needs_value = match kind.as_str() {
        "URL" => text("url").contains("{{"),
        "COPY_CODE" | "OTP" | "MPM" => true,
        _ => false,
    };
    KnownButton { kind, text: text("text"), needs_value }
}

fn is(component: &Value, kind: &str) -> bool {
    component.get("type").and_then(Value::as_str).is_some_and(|found| found.eq_ignore_ascii_case(kind))
}

fn items<'v>(value: &'v Value, key: &str) -> &'v [Value] {
    value.get(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn placeholders_are_counted_or_named() {
        assert_eq!(Params::of("Hi"), Params::Positional(0));
        assert_eq!(Params::of("Hi {{1}}, {{ 2 }} and {{1}}"), Params::Positional(2));
        assert_eq!(Params::of("Hi {{name}} on {{day}}"), Params::Named(vec!["name".into(), "day".into()]));
        assert_eq!(Params::of("{{ }} {{a b}} {{"), Params::Positional(0));
    }

    #[test]
    fn a_template_of_the_list_is_read() {
        let template = KnownTemplate::from_meta(&json!({
            "id": "1", "name": "offer", "language": "en_US", "status": "APPROVED", "category": "MARKETING",
            "components": [
                { "type": "HEADER", "format": "IMAGE" },
                { "type": "BODY", "text": "Hi {{1}}" },
                { "type": "FOOTER", "text": "Bye" },
                { "type": "BUTTONS", "buttons": [
                    { "type": "QUICK_REPLY", "text": "Yes" },
                    { "type": "URL", "text": "Open", "url": "https://example.org/{{1}}" } ] },
                { "type": "CAROUSEL", "cards": [ { "components": [ { "type": "BODY", "text": "{{1}}" } ] } ] } ]
        }));
        let template = template.unwrap();
        assert_eq!(template.header, KnownHeader::Media(MediaKind::Image));
        assert_eq!(template.body, Params::Positional(1));
        let needs: Vec<bool> = template.buttons.iter().map(|button| button.needs_value).collect();
        assert_eq!(needs, [false, true]);
        assert_eq!(template.cards[0].body, Params::Positional(1));
    }

    #[test]
    fn odd_elements_are_passed_over_without_panic() {
        for odd in
            [json!(null), json!([]), json!({ "name": "x" }), json!({ "name": 1, "language": "en", "status": "A" })]
        {
            assert_eq!(KnownTemplate::from_meta(&odd), None, "{odd}");
        }
        let bare = json!({ "name": "x", "language": "en", "status": "approved", "components": "none" });
        assert_eq!(KnownTemplate::from_meta(&bare).unwrap().status, "APPROVED");
    }
}
