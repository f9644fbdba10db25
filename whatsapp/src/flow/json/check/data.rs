//! Data models of screens: fields with a type of JSON Schema and an example.

use super::super::field::Type;
use super::super::tree::{Kind, Node};
use super::Checker;
use super::finding::Path;

const TYPES: &[&str] = &["string", "number", "boolean", "object", "array"];

impl Checker<'_> {
    pub(super) fn data(&mut self, data: &Node, path: &Path<'_>) {
        if !self.is(data, path, "object", matches!(data.kind, Kind::Map(_))) {
            return;
        }
        for entry in data.entries() {
            let path = Path::Key(path, &entry.key);
            if !matches!(entry.value.kind, Kind::Map(_)) {
                let message = format!("Expected the schema of '{}' to be of type object.", entry.key);
                self.error("INVALID_SCREEN_DATA", &entry.value, &path, message);
                continue;
            }
            if self.schema(&entry.value, true, &path) {
                self.example(&entry.value, &path);
            }
        }
    }

    /// Whether a schema is sound; reports if not.
    fn schema(&mut self, schema: &Node, top: bool, path: &Path<'_>) -> bool {
        if let Some(example) = schema.entry("__example__").filter(|_| !top) {
            let message = format!(
                "Property '__example__' is allowed only as a top level property of data model. Invalid entry: '{path}'."
            );
            let path = Path::Key(path, "__example__");
            self.report("INVALID_SCREEN_DATA", example.key_span.clone(), &path, message, super::Severity::Error);
        }
        let Some(kind) = schema.get("type") else {
            self.error("INVALID_SCREEN_DATA", schema, path, "Missing the definition of property 'type'.");
            return false;
        };
        let kind_path = Path::Key(path, "type");
        let Some(text) = kind.text() else {
            self.error("INVALID_SCREEN_DATA", kind, &kind_path, "Expected the property 'type' to be of type string.");
            return false;
        };
        if !TYPES.contains(&text) {
            let message = format!("'{text}' is no type of a data model: it is one of {}.", TYPES.join(", "));
            self.error("INVALID_SCREEN_DATA", kind, &kind_path, message);
            return false;
        }
        match text {
            "array" => self.items(schema, path),
            "object" => self.fields(schema, path),
            _ => true,
        }
    }

    fn items(&mut self, schema: &Node, path: &Path<'_>) -> bool {
        let Some(items) = schema.get("items") else {
            self.error("INVALID_SCREEN_DATA", schema, path, "Missing the schema for property 'items' in array.");
            return false;
        };
        let path = Path::Key(path, "items");
        match items.kind {
            Kind::Map(_) => self.schema(items, false, &path),
            Kind::Bool(_) => true,
            _ => {
                let message = "Expected the property 'items' to be of type boolean or object.";
                self.error("INVALID_SCREEN_DATA", items, &path, message);
                false
            }
        }
    }

    fn fields(&mut self, schema: &Node, path: &Path<'_>) -> bool {
        let Some(properties) = schema.get("properties") else { return true };
        let path = Path::Key(path, "properties");
        if !matches!(properties.kind, Kind::Map(_)) {
            let message = "Expected the property 'properties' to be of type object.";
            self.error("INVALID_SCREEN_DATA", properties, &path, message);
            return false;
        }
        let mut sound = true;
        for entry in properties.entries() {
            let path = Path::Key(&path, &entry.key);
            if entry.key == "__example__" {
                let message = "Property '__example__' is allowed only as a top level property of data model.";
                self.error("INVALID_SCREEN_DATA", &entry.value, &path, message);
                sound = false;
            } else {
                sound &= self.schema(&entry.value, false, &path);
            }
        }
        sound
    }

    fn example(&mut self, schema: &Node, path: &Path<'_>) {
        let Some(example) = schema.get("__example__") else {
            let message = "Property '__example__' is missing: previews and drafts show it.";
            return self.error("INVALID_SCREEN_DATA", schema, path, message);
        };
        if let Err(why) = Type::of_schema(schema).accepts(&example.to_json(), "__example__") {
            let message = format!("Invalid data model schema: {why}.");
            self.error("INVALID_SCREEN_DATA", example, &Path::Key(path, "__example__"), message);
        }
    }
}
