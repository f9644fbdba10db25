//! `NavigationList`: its items and what they do.

use super::super::screen::Screen;
use super::super::tree::{Kind, Node};
use super::Checker;
use super::finding::Path;
use super::spec::{self, Shape};

const MAX_ITEMS: usize = 20;
const MAX_TAGS: usize = 3;
/// Characters of a badge and of a tag.
const MAX_MARK: usize = 15;

impl<'t> Checker<'t> {
    pub(super) fn navigation(&mut self, node: &Node, screen: &'t Screen, path: &Path<'_>) {
        let Some(list) = node.get("list-items") else { return };
        let whole = node.get("on-click-action");
        let items_path = Path::Key(path, "list-items");
        let Kind::List(items) = &list.kind else {
            let holds = self.list_said(list, screen, &items_path);
            self.has_schema(list, holds, &["id", "main-content"], &items_path);
            return;
        };
        self.sized(list, items.len(), (1, MAX_ITEMS), &items_path);
        let mut badges = 0;
        for (at, item) in items.iter().enumerate() {
            let path = Path::Item(&items_path, at);
            if !self.is(item, &path, "object", matches!(item.kind, Kind::Map(_))) {
                continue;
            }
            badges += usize::from(item.get("badge").is_some());
            self.item(item, node, screen, &path);
            self.item_action(item, whole, screen, &path);
        }
        if badges > 1 {
            let message = format!("Property 'list-items' should have at most 1 badge item; it has {badges}.");
            self.error("MAX_ITEMS_REQUIRED", list, &items_path, message);
        }
    }

    fn item_action(&mut self, item: &Node, whole: Option<&Node>, screen: &'t Screen, path: &Path<'_>) {
        let own = item.get("on-click-action");
        let action_path = Path::Key(path, "on-click-action");
        match (own, whole) {
            (Some(action), Some(_)) => {
                let message =
                    "Property 'on-click-action' must be present exclusively at the NavigationList or at its items.";
                self.error("NOT_KEYWORD_SCHEMA_VALIDATION_FAILED", action, &action_path, message);
            }
            (Some(action), None) => self.action(action, &["data_exchange", "navigate"], screen, &action_path),
            (None, None) => self.missing(item, path, "on-click-action"),
            (None, Some(_)) => {}
        }
    }

    fn item(&mut self, item: &Node, list: &Node, screen: &'t Screen, path: &Path<'_>) {
        self.closed(item, path, spec::ITEM, "an item");
        match item.get("id") {
            None => self.missing(item, path, "id"),
            Some(id) => self.value(id, Shape::Plain, screen, &Path::Key(path, "id")),
        }
        if item.get("main-content").is_none() {
            self.missing(item, path, "main-content");
        }
        for (part, properties) in spec::ITEM_PARTS {
            let Some(value) = item.get(part) else { continue };
            let path = Path::Key(path, part);
            if !self.is(value, &path, "object", matches!(value.kind, Kind::Map(_))) {
                continue;
            }
            self.keys(value, properties, part, &path);
            for property in *properties {
                if let Some(text) = value.get(property.key) {
                    self.value(text, property.shape, screen, &Path::Key(&path, property.key));
                }
            }
        }
        if let Some(end) = item.get("end").filter(|_| list.text_at("media-size") == Some("large")) {
            let message = "Properties 'end' and media-size 'large' must be present exclusively at NavigationList.";
            self.error("NOT_KEYWORD_SCHEMA_VALIDATION_FAILED", end, &Path::Key(path, "end"), message);
        }
        let mark = Shape::Text { sure: MAX_MARK, most: MAX_MARK };
        if let Some(badge) = item.get("badge") {
            self.value(badge, mark, screen, &Path::Key(path, "badge"));
        }
        let Some(tags) = item.get("tags") else { return };
        let path = Path::Key(path, "tags");
        if self.is(tags, &path, "array", matches!(tags.kind, Kind::List(_))) {
            self.sized(tags, tags.items().len(), (0, MAX_TAGS), &path);
            for (at, tag) in tags.items().iter().enumerate() {
                self.value(tag, mark, screen, &Path::Item(&path, at));
            }
        }
    }
}
