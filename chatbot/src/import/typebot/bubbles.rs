//! Bubbles: what is said before something is asked.

use serde_json::{Value, json};
use whatsapp::limits;

use super::Book;
use super::export::{Block, text};
use super::rich_text::markup;
use crate::import::text::pieces;

impl Book<'_, '_> {
    /// The messages of a bubble; none if it says nothing.
    pub(super) fn bubble(&mut self, block: &Block<'_>) -> Vec<Value> {
        let content = block.value.get("content").unwrap_or(&Value::Null);
        match block.kind {
            "text" => self.text_bubble(block, content),
            "image" => self.media(block, content, "image"),
            "audio" => self.media(block, content, "audio"),
            "video" => self.video(block, content),
            "embed" => {
                self.change(&block.name, "an embedded page is sent as its address");
                self.address(block, content)
            }
            "location" => self.location(block, content),
            _ => Vec::new(),
        }
    }

    fn text_bubble(&mut self, block: &Block<'_>, content: &Value) -> Vec<Value> {
        let source = markup(content);
        if source.trim().is_empty() {
            return Vec::new();
        }
        let parts = pieces(&source, limits::TEXT_BODY);
        if parts.len() > 1 {
            let what = format!("the text is longer than WhatsApp allows and is sent as {} messages", parts.len());
            self.change(&block.name, &what);
        }
        parts.iter().map(|part| json!({ "text": self.template(&block.name, part) })).collect()
    }

    fn media(&mut self, block: &Block<'_>, content: &Value, kind: &str) -> Vec<Value> {
        let url = self.template(&block.name, text(content, "url"));
        if url.trim().is_empty() {
            self.change(&block.name, &format!("the {kind} has no address and is not sent"));
            return Vec::new();
        }
        if url.to_lowercase().ends_with(".gif") || url.to_lowercase().ends_with(".svg") {
            self.change(&block.name, "WhatsApp takes no such image: its address is sent");
            return vec![json!({ "text": url })];
        }
        vec![json!({ kind: { "link": url } })]
    }

    /// Files are sent as such; what is shown on other pages is a link.
    fn video(&mut self, block: &Block<'_>, content: &Value) -> Vec<Value> {
        match text(content, "type") {
            "url" | "" => self.media(block, content, "video"),
            kind => {
                self.change(&block.name, &format!("a video of `{kind}` is sent as its address"));
                let id = text(content, "id");
                let url = match kind {
                    "youtube" => format!("https://www.youtube.com/watch?v={id}"),
                    "vimeo" => format!("https://vimeo.com/{id}"),
                    _ => text(content, "url").to_owned(),
                };
                let url = if text(content, "url").is_empty() { url } else { text(content, "url").to_owned() };
                vec![json!({ "text": self.template(&block.name, &url), "preview_url": true })]
            }
        }
    }

    fn address(&mut self, block: &Block<'_>, content: &Value) -> Vec<Value> {
        let url = self.template(&block.name, text(content, "url"));
        if url.trim().is_empty() { Vec::new() } else { vec![json!({ "text": url, "preview_url": true })] }
    }

    fn location(&mut self, block: &Block<'_>, content: &Value) -> Vec<Value> {
        let mut at = |key: &str| match content.get(key) {
            Some(Value::Number(number)) => number.to_string(),
            Some(Value::String(given)) => self.template(&block.name, given),
            _ => String::new(),
        };
        let (latitude, longitude) = (at("latitude"), at("longitude"));
        if latitude.is_empty() || longitude.is_empty() {
            return Vec::new();
        }
        vec![json!({ "location": { "latitude": latitude, "longitude": longitude } })]
    }
}
