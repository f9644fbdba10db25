//! Something that the bot said, as tests look at it.

use serde_json::{Value, json};
use whatsapp::message::Outgoing;

/// A message of the bot.
pub(super) struct Bubble {
    /// The id that a reply to it names.
    pub(super) wamid: String,
    /// The body without the address.
    pub(super) raw: Value,
    text: String,
}

/// Something that can be tapped.
#[derive(Debug, PartialEq)]
pub(super) struct Choice {
    pub(super) id: String,
    /// Of a template only Meta knows it.
    pub(super) title: Option<String>,
    pub(super) description: Option<String>,
    pub(super) how: How,
}

/// What kind of reply a tap is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum How {
    Button,
    Row,
    TemplateButton,
}

impl Bubble {
    pub(super) fn new(wamid: String, message: &Outgoing) -> Self {
        Self { wamid, raw: message.raw(), text: message.text().to_owned() }
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Meta's type; of an interactive message that of its inside.
    pub(super) fn kind(&self) -> &str {
        let inside = self.raw["interactive"]["type"].as_str();
        inside.or(self.raw["type"].as_str()).unwrap_or_default()
    }

    /// What stands under the type.
    pub(super) fn content(&self) -> &Value {
        self.raw.get(self.raw["type"].as_str().unwrap_or_default()).unwrap_or(&Value::Null)
    }

    /// All that can be tapped, in the order in which it is shown.
    pub(super) fn choices(&self) -> Vec<Choice> {
        let mut found = Vec::new();
        collect(self.content(), &mut found);
        found
    }

    /// What a test would expect of it.
    pub(super) fn expectation(&self) -> Value {
        match self.kind() {
            "text" if self.text == "nothing" => json!({ "text": self.text }),
            "text" => Value::from(self.text.as_str()),
            "button" | "list" => {
                let ids = self.choices().into_iter().map(|choice| choice.id);
                let ids: Vec<String> = ids.filter(|id| !id.starts_with(super::wanted::PAGE)).collect();
                json!({ "text": self.text, "menu": ids })
            }
            kind => json!({ key_of(kind): self.content() }),
        }
    }

    /// As one would write it in a test.
    pub(super) fn written(&self) -> String {
        let text = quoted(&self.text);
        match self.kind() {
            "text" => text,
            "button" | "list" => {
                let ids: Vec<String> = self.choices().into_iter().map(|choice| choice.id).collect();
                format!("{{ text: {text}, menu: [{}] }}", ids.join(", "))
            }
            kind => format!("{{ {}: {} }}", key_of(kind), self.content()),
        }
    }
}

pub(super) fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

/// Meta's type of what a bot file calls by this key.
pub(super) fn wire_name(key: &str) -> &str {
    WIRE.iter().find(|(ours, _)| *ours == key).map_or(key, |(_, wire)| wire)
}

/// What a bot file calls Meta's type.
pub(super) fn key_of(kind: &str) -> &str {
    WIRE.iter().find(|(_, wire)| *wire == kind).map_or(kind, |(ours, _)| ours)
}

/// Kinds whose name in bot files is not Meta's.
const WIRE: [(&str, &str); 5] = [
    ("buttons", "button"),
    ("location_request", "location_request_message"),
    ("contact_request", "request_contact_info"),
    ("catalog", "catalog_message"),
    ("address", "address_message"),
];

fn collect(value: &Value, found: &mut Vec<Choice>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| collect(item, found)),
        Value::Object(entries) if entries.get("sub_type").is_some_and(|kind| kind == "quick_reply") => {
            let payload = entries.get("parameters").and_then(|parameters| parameters[0]["payload"].as_str());
            found.extend(payload.map(|id| Choice {
                id: id.to_owned(),
                title: None,
                description: None,
                how: How::TemplateButton,
            }));
        }
        Value::Object(entries) => {
            for (key, inside) in entries {
                match (key.as_str(), inside) {
                    ("reply" | "quick_reply", _) => found.extend(choice(inside, How::Button)),
                    ("rows", Value::Array(rows)) => found.extend(rows.iter().filter_map(|row| choice(row, How::Row))),
                    _ => collect(inside, found),
                }
            }
        }
        _ => {}
    }
}

fn choice(value: &Value, how: How) -> Option<Choice> {
    let of = |key: &str| value[key].as_str().map(str::to_owned);
    Some(Choice { id: of("id")?, title: of("title"), description: of("description"), how })
}
