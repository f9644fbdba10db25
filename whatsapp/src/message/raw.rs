//! Raw Cloud API bodies, as operators write them.

use serde_json::{Map, Value};

use super::check::{ButtonView, Check, Frame, Names, RowView, SectionView};
use crate::limits::{self, Limit, LimitError};

const OBJECT: Limit = Limit::Form("an object");
const TEXT: Limit = Limit::Form("a text");

/// Checks a message body without `to`: the types with known limits against them, every other for its
/// shape only (an object under the name of its type).
///
/// Gives everything that is wrong, by path. Addressee and callback data are not looked at:
/// [`super::address`] replaces them.
pub fn check_raw(body: &Value) -> Result<(), Vec<LimitError>> {
    let mut check = Check::default();
    match body {
        Value::Object(body) => check.message(body),
        _ => check.fail("the message", OBJECT, 0, None),
    }
    check.all()
}

impl Check {
    fn message(&mut self, body: &Map<String, Value>) {
        if body.get("messaging_product").is_some_and(|product| product != "whatsapp") {
            self.fail("messaging_product", Limit::Form("`whatsapp`"), 0, None);
        }
        if body.get("recipient_type").is_some_and(|kind| kind != "individual") {
            self.fail("recipient_type", Limit::Form("`individual`"), 0, None);
        }
        if let Some(context) = body.get("context") {
            self.needed(context, "context.message_id");
        }
        let Some(kind) = self.string(body.get("type"), "type").filter(|kind| !kind.is_empty()) else {
            return self.fail("type", Limit::NotEmpty, 0, None);
        };
        match (kind, body.get(kind)) {
            (_, None) => self.fail(kind, Limit::NotEmpty, 0, None),
            ("contacts", Some(content)) => self.contacts(content),
            (_, Some(content)) if !content.is_object() => self.fail(kind, OBJECT, 0, None),
            (_, Some(content)) => self.content(kind, content),
        }
    }

    fn content(&mut self, kind: &str, content: &Value) {
        match kind {
            "text" => {
                let body = self.string(content.get("body"), "text.body");
                self.text(body, limits::TEXT_BODY, || "text.body".to_owned());
            }
            "image" | "video" | "document" | "audio" | "sticker" => self.media(kind, content),
            "location" => {
                self.degrees(content.get("latitude"), "location.latitude");
                self.degrees(content.get("longitude"), "location.longitude");
            }
            "reaction" => {
                self.needed(content, "reaction.message_id");
                self.string(content.get("emoji"), "reaction.emoji");
            }
            "template" => {
                self.needed(content, "template.name");
                self.needed(content.get("language").unwrap_or(&Value::Null), "template.language.code");
            }
            "interactive" => self.interactive(content),
            _ => {}
        }
    }

    /// A text: missing is empty, another type is reported and `None`.
    fn string<'a>(&mut self, value: Option<&'a Value>, field: &str) -> Option<&'a str> {
        match value {
            None | Some(Value::Null) => Some(""),
            Some(Value::String(text)) => Some(text),
            Some(_) => {
                self.fail(field, TEXT, 0, None);
                None
            }
        }
    }

    /// The text at the last name of the path, which must not be empty.
    fn needed(&mut self, parent: &Value, path: &str) {
        let name = path.rsplit('.').next().unwrap_or(path);
        let text = self.string(parent.get(name), path);
        self.text(text, usize::MAX, || path.to_owned());
    }

    fn media(&mut self, kind: &str, media: &Value) {
        let (id, link) = (media.get("id"), media.get("link"));
        match (id, link) {
            (Some(_), None) => self.needed(media, &format!("{kind}.id")),
            (None, Some(_)) => self.link(media, &format!("{kind}.link")),
            _ => self.fail(kind, Limit::Form("given by exactly one of `id` and `link`"), 0, None),
        }
        match media.get("caption") {
            None => {}
            Some(_) if matches!(kind, "audio" | "sticker") => {
                self.fail(format!("{kind}.caption"), Limit::Form("left out"), 0, None);
            }
            caption => {
                let field = format!("{kind}.caption");
                let caption = self.string(caption, &field);
                self.optional(caption, limits::CAPTION, || field);
            }
        }
    }

    fn link(&mut self, parent: &Value, path: &str) {
        let name = path.rsplit('.').next().unwrap_or(path);
        let link = self.string(parent.get(name), path);
        if let Some(link) = link
            && !link.starts_with("https://")
            && !link.starts_with("http://")
        {
            self.fail(path, Limit::Form("an http or https address"), 0, Some(link));
        }
    }

    fn degrees(&mut self, value: Option<&Value>, field: &str) {
        let degrees = match value {
            Some(Value::Number(number)) => number.as_f64(),
            Some(Value::String(text)) => text.trim().parse().ok(),
            _ => None,
        };
        if degrees.is_none_or(|d| !d.is_finite()) {
            self.fail(field, Limit::Form("a number of degrees"), 0, None);
        }
    }

    fn contacts(&mut self, contacts: &Value) {
        let Some(contacts) = contacts.as_array() else {
            return self.fail("contacts", Limit::Form("an array"), 0, None);
        };
        match contacts.len() {
            0 => self.fail("contacts", Limit::MinItems(1), 0, None),
            n if n > limits::CONTACTS => self.fail("contacts", Limit::MaxItems(limits::CONTACTS), n, None),
            _ => {}
        }
        for (i, contact) in contacts.iter().enumerate() {
            let name = contact.get("name").unwrap_or(&Value::Null);
            self.needed(name, &format!("contacts[{i}].name.formatted_name"));
        }
    }

    fn interactive(&mut self, content: &Value) {
        let kind = self.string(content.get("type"), "interactive.type").unwrap_or_default();
        if kind.is_empty() {
            return self.fail("interactive.type", Limit::NotEmpty, 0, None);
        }
        let body_needed = !matches!(kind, "product" | "call_permission_request" | "voice_call");
        self.wire_frame(kind, content, body_needed);
        let action = content.get("action").unwrap_or(&Value::Null);
        if !action.is_object() {
            return self.fail("interactive.action", OBJECT, 0, None);
        }
        match kind {
            "button" => self.wire_buttons(action),
            "list" => self.wire_list(action),
            "cta_url" => self.wire_link(action.get("parameters").unwrap_or(&Value::Null)),
            "flow" => self.wire_flow(action.get("parameters").unwrap_or(&Value::Null)),
            _ => {}
        }
    }

    fn wire_frame(&mut self, kind: &str, content: &Value, body_needed: bool) {
        let text_of = |name: &str| content.get(name).and_then(|part| part.get("text"));
        let is_text = content.get("header").and_then(|header| header.get("type")).is_some_and(|kind| kind == "text");
        if content.get("header").is_some() && kind == "list" && !is_text {
            self.fail("interactive.header.type", Limit::Form("`text`"), 0, None);
        }
        let header = is_text.then(|| self.string(text_of("header"), "interactive.header.text")).flatten();
        if header == Some("") {
            self.fail("interactive.header.text", Limit::NotEmpty, 0, None);
        }
        let body = match self.string(text_of("body"), "interactive.body.text") {
            Some("") if !body_needed => None,
            body => body,
        };
        let footer = self.string(text_of("footer"), "interactive.footer.text");
        self.frame(Names::Wire, &Frame { header, body, footer }, limits::INTERACTIVE_BODY);
    }

    fn wire_buttons(&mut self, action: &Value) {
        let mut views = Vec::new();
        for (i, button) in elements(action, "buttons").iter().enumerate() {
            let field = format!("interactive.action.buttons[{i}]");
            if button.get("type").is_none_or(|kind| kind != "reply") {
                self.fail(format!("{field}.type"), Limit::Form("`reply`"), 0, None);
            }
            let part = |name: &str| button.get("reply").and_then(|reply| reply.get(name));
            views.push(ButtonView {
                id: self.string(part("id"), &format!("{field}.reply.id")),
                title: self.string(part("title"), &format!("{field}.reply.title")),
            });
        }
        self.buttons(Names::Wire, &views);
    }

    fn wire_list(&mut self, action: &Value) {
        let mut views = Vec::new();
        for (s, section) in elements(action, "sections").iter().enumerate() {
            let field = format!("interactive.action.sections[{s}]");
            let title = self.string(section.get("title"), &format!("{field}.title"));
            let rows = elements(section, "rows");
            let rows = rows.iter().enumerate().map(|(r, row)| self.wire_row(row, &format!("{field}.rows[{r}]")));
            views.push(SectionView { rows: rows.collect(), title });
        }
        let button = self.string(action.get("button"), "interactive.action.button");
        self.list(Names::Wire, button, &views);
    }

    fn wire_row<'a>(&mut self, row: &'a Value, field: &str) -> RowView<'a> {
        let mut part = |name: &str| self.string(row.get(name), &format!("{field}.{name}"));
        RowView { id: part("id"), title: part("title"), description: part("description") }
    }

    fn wire_link(&mut self, parameters: &Value) {
        let field = "interactive.action.parameters.display_text";
        let text = self.string(parameters.get("display_text"), field);
        self.text(text, limits::BUTTON_TITLE, || field.to_owned());
        self.link(parameters, "interactive.action.parameters.url");
    }

    fn wire_flow(&mut self, parameters: &Value) {
        if parameters.get("flow_id").is_some() == parameters.get("flow_name").is_some() {
            let one = Limit::Form("given by exactly one of `flow_id` and `flow_name`");
            self.fail("interactive.action.parameters", one, 0, None);
        }
        self.needed(parameters, "interactive.action.parameters.flow_cta");
    }
}

fn elements<'a>(parent: &'a Value, name: &str) -> &'a [Value] {
    parent.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}
