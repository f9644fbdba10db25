//! Actions: which may stand where, and what they carry.

use super::super::reference;
use super::super::screen::Screen;
use super::super::tree::{Kind, Node};
use super::super::version::Version;
use super::Checker;
use super::finding::Path;
use super::routing::Edge;

impl<'t> Checker<'t> {
    /// An action of a component that takes these.
    pub(super) fn action(&mut self, node: &Node, allowed: &[&str], screen: &'t Screen, path: &Path<'_>) {
        if !self.is(node, path, "object", matches!(node.kind, Kind::Map(_))) {
            return;
        }
        let Some(name) = node.get("name") else { return self.missing(node, path, "name") };
        let name_path = Path::Key(path, "name");
        let since = |name: &str| match name {
            "update_data" | "open_url" => Version::new(6, 0),
            _ => Version::new(0, 0),
        };
        let known: Vec<&str> = allowed.iter().copied().filter(|name| since(name) <= self.version).collect();
        let text = name.text().unwrap_or_default();
        if !known.contains(&text) {
            let newer = if allowed.contains(&text) { format!(" '{text}' needs Flow JSON 6.0.") } else { String::new() };
            let message = format!("Value should be one of: [{}].{newer}", known.join(", "));
            return self.error("INVALID_ENUM_VALUE", name, &name_path, message);
        }
        self.members(node, text, path);
        match text {
            "navigate" => {
                // only a Footer has `complete` beside it
                if screen.terminal && allowed.contains(&"complete") {
                    let message = "A Footer that navigates keeps its terminal screen from ending the Flow.";
                    self.warn("INVALID_ENUM_VALUE", name, &name_path, message);
                }
                let target = self.next(node, screen, path);
                self.payload_to(node, screen, target, path);
            }
            "complete" => self.complete(node, name, screen, path),
            "data_exchange" => self.exchange(node, name, screen, path),
            "update_data" => self.update(node, screen, path),
            _ => self.open(node, screen, path),
        }
    }

    fn members(&mut self, node: &Node, name: &str, path: &Path<'_>) {
        let (known, must): (&[&str], &[&str]) = match name {
            "navigate" => (&["name", "next", "payload"], &["next"]),
            "open_url" => (&["name", "url"], &["url"]),
            "update_data" => (&["name", "payload"], &["payload"]),
            _ => (&["name", "payload"], &[]),
        };
        self.closed(node, path, known, &format!("the action '{name}'"));
        for key in must {
            if node.get(key).is_none() {
                self.missing(node, path, key);
            }
        }
        if let Some(payload) = node.get("payload").filter(|_| name != "open_url") {
            self.is(payload, &Path::Key(path, "payload"), "object", matches!(payload.kind, Kind::Map(_)));
        }
    }

    /// The screen that a `navigate` leads to, if it is there.
    fn next(&mut self, node: &Node, screen: &'t Screen, path: &Path<'_>) -> Option<&'t Screen> {
        let next = node.get("next")?;
        let path = Path::Key(path, "next");
        if !self.is(next, &path, "object", matches!(next.kind, Kind::Map(_))) {
            return None;
        }
        self.closed(next, &path, &["type", "name"], "'next'");
        if let Some(kind) = next.get("type").filter(|kind| kind.text() != Some("screen")) {
            let message = "Value should be one of: [screen].";
            self.error("INVALID_ENUM_VALUE", kind, &Path::Key(&path, "type"), message);
        } else if next.get("type").is_none() {
            self.missing(next, &path, "type");
        }
        let Some(name) = next.get("name") else {
            self.missing(next, &path, "name");
            return None;
        };
        let path = Path::Key(&path, "name");
        let id = name.text().unwrap_or_default();
        if !self.is(name, &path, "string", name.text().is_some()) || reference::whole(id).is_some() {
            return None;
        }
        if id == screen.id {
            let message = format!("Same screen navigation is not allowed. Loop detected at [{id}].");
            self.error("INVALID_NAVIGATE_ACTION_NEXT_SCREEN_NAME", name, &path, message);
            return None;
        }
        let flow = self.flow;
        let target = flow.screen(id);
        match target {
            Some(_) => self.edges.push(Edge::new(&screen.id, id, name, &path)),
            None => {
                let message = format!("Unknown screen ids found: [{id}].");
                self.error("INVALID_NAVIGATE_ACTION_NEXT_SCREEN_NAME", name, &path, message);
            }
        }
        target
    }

    fn complete(&mut self, node: &Node, name: &Node, screen: &'t Screen, path: &Path<'_>) {
        if !screen.terminal {
            let message = "On-click-action 'complete' can only be configured on a terminal screen.";
            self.error("INVALID_COMPLETE_ACTION", name, &Path::Key(path, "name"), message);
        }
        self.payload_out(node, screen, true, path);
    }

    fn exchange(&mut self, node: &Node, name: &Node, screen: &'t Screen, path: &Path<'_>) {
        if !self.asks_endpoint() {
            let message = "The property 'data_api_version' is required for data_exchange action.";
            self.error("MISSING_REQUIRED_PROPERTY", name, &Path::Key(path, "name"), message);
        }
        self.payload_out(node, screen, false, path);
    }

    fn open(&mut self, node: &Node, screen: &'t Screen, path: &Path<'_>) {
        let Some(url) = node.get("url") else { return };
        let path = Path::Key(path, "url");
        if !self.is(url, &path, "string", url.text().is_some()) {
            return;
        }
        self.text_value(url, screen, &path);
        let text = url.text().unwrap_or_default();
        let said = text.starts_with('`') || reference::whole(text).is_some();
        if !said && !text.starts_with("https://") && !text.starts_with("http://") {
            let message = "Property 'url' should be in 'uri' format.";
            self.error("INVALID_PROPERTY_VALUE_FORMAT", url, &path, message);
        }
    }
}
