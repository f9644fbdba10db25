//! Payloads of actions: what they refer to, and whether the next screen wants it.

use super::super::expression::Sort;
use super::super::field::Type;
use super::super::screen::{FormField, Screen};
use super::super::tree::{Entry, Kind, Node};
use super::Checker;
use super::finding::Path;
use super::value::{Said, Standing};

/// What a payload's value is.
struct Given<'t> {
    /// Its type, as far as it is known.
    holds: Type,
    /// The picker of files whose value it is, as a whole.
    file: Option<&'t FormField>,
}

impl<'t> Checker<'t> {
    /// The payload of a `navigate`: the same fields with the same types as the data model of the next screen.
    pub(super) fn payload_to(&mut self, node: &Node, screen: &'t Screen, target: Option<&'t Screen>, path: &Path<'_>) {
        let payload = node.get("payload");
        let entries = payload.map_or(&[][..], Node::entries);
        let payload_path = Path::Key(path, "payload");
        for entry in entries {
            let path = Path::Key(&payload_path, &entry.key);
            let given = self.given(&entry.value, screen, &path);
            if let Some(file) = given.file {
                self.no_file(&entry.value, file, &path);
            }
            if let Some(target) = target {
                self.wanted(entry, &given, target, &path);
            }
        }
        let Some(target) = target else { return };
        let at = payload.unwrap_or(node);
        let has = |name: &str| entries.iter().any(|entry| entry.key == name);
        let missing: Vec<&str> =
            target.data.iter().map(|field| field.name.as_str()).filter(|name| !has(name)).collect();
        if !missing.is_empty() {
            let message = format!(
                "Following fields are expected in the data model of screen '{}' but missing in payload: [{}].",
                target.id,
                missing.join(", ")
            );
            self.error("INVALID_NAVIGATE_ACTION_PAYLOAD", at, &payload_path, message);
        }
    }

    fn no_file(&mut self, node: &Node, file: &FormField, path: &Path<'_>) {
        let message = format!(
            "The {} component's value is not allowed in the payload of the navigate action; the next screen refers to it as ${{screen.ID.form.{}}}.",
            file.component, file.name
        );
        self.error("INVALID_ON_CLICK_ACTION_PAYLOAD", node, path, message);
    }

    fn wanted(&mut self, entry: &Entry, given: &Given<'_>, target: &Screen, path: &Path<'_>) {
        let Some(field) = target.field(&entry.key) else {
            let message = if target.data.is_empty() {
                format!("No data model is defined in the next screen '{}'.", target.id)
            } else {
                format!("Following fields are missing in the data model of screen '{}': [{}].", target.id, entry.key)
            };
            return self.error("INVALID_NAVIGATE_ACTION_PAYLOAD", &entry.value, path, message);
        };
        if !field.holds.takes(&given.holds) {
            let message = format!(
                "Schema of payload data at '{}' is not matching with the data model of screen '{}'. Property is expecting '{}' but got '{}'.",
                entry.key,
                target.id,
                field.holds.name(),
                given.holds.name()
            );
            self.error("INVALID_NAVIGATE_ACTION_PAYLOAD", &entry.value, path, message);
        }
    }

    /// The payload of `complete` or `data_exchange`: anything, with files at its top only.
    pub(super) fn payload_out(&mut self, node: &Node, screen: &'t Screen, completes: bool, path: &Path<'_>) {
        let payload_path = Path::Key(path, "payload");
        let mut files = 0;
        for entry in node.get("payload").map_or(&[][..], Node::entries) {
            let path = Path::Key(&payload_path, &entry.key);
            let given = self.given(&entry.value, screen, &path);
            let Some(file) = given.file.filter(|_| completes) else { continue };
            files += 1;
            if file.most_files.is_some_and(|most| most > 1) {
                let kind = if file.component == "PhotoPicker" { "photos" } else { "documents" };
                let message = format!(
                    "{} can only be used in complete action payload if value of property 'max-uploaded-{kind}' doesn't exceed 1. Default value is 30.",
                    file.component
                );
                self.error("INVALID_ON_CLICK_ACTION_PAYLOAD", &entry.value, &path, message);
            }
            if files > 1 {
                let message = "Complete action payload can contain either a single PhotoPicker or a single DocumentPicker component.";
                self.error("INVALID_ON_CLICK_ACTION_PAYLOAD", &entry.value, &path, message);
            }
        }
    }

    /// The payload of `update_data`: fields of the screen's own data.
    pub(super) fn update(&mut self, node: &Node, screen: &'t Screen, path: &Path<'_>) {
        let payload_path = Path::Key(path, "payload");
        for entry in node.get("payload").map_or(&[][..], Node::entries) {
            let path = Path::Key(&payload_path, &entry.key);
            let given = self.given(&entry.value, screen, &path);
            let message = match screen.field(&entry.key) {
                None => format!("The following property {} does not exist in the screen data model.", entry.key),
                Some(field) if !field.holds.takes(&given.holds) => format!(
                    "Property '{}' of the screen data model is a {}, and this is a {}.",
                    entry.key,
                    field.holds.name(),
                    given.holds.name()
                ),
                Some(_) => continue,
            };
            self.error("INVALID_ACTION_PAYLOAD_PROPERTY", &entry.value, &path, message);
        }
    }

    /// A value of a payload, with what is wrong in it reported.
    fn given(&mut self, node: &Node, screen: &'t Screen, path: &Path<'_>) -> Given<'t> {
        let plain = |holds: Type| Given { holds, file: None };
        match &node.kind {
            Kind::Text(_) => match self.said(node, screen, Standing::Payload, path) {
                Said::Plain => plain(Type::Text),
                Said::Faulty => plain(Type::Any),
                Said::Expression(sort) => plain(of_sort(sort)),
                Said::Reference { holds, input } => {
                    let file = input.filter(|input| input.is_file());
                    Given { holds: holds.clone(), file }
                }
            },
            Kind::List(_) | Kind::Map(_) => {
                self.inner(node, screen, path);
                plain(outline(node))
            }
            _ => plain(Type::of_value(node)),
        }
    }

    /// Texts within lists and maps of a payload. Files may not stand there.
    fn inner(&mut self, node: &Node, screen: &'t Screen, path: &Path<'_>) {
        match &node.kind {
            Kind::Text(_) => {
                if let Said::Reference { input: Some(input), .. } = self.said(node, screen, Standing::Payload, path)
                    && input.is_file()
                {
                    let message = format!(
                        "The value of following components must be a top-level string in complete and data_exchange on-click-action payload: [{}].",
                        input.component
                    );
                    self.error("INVALID_ON_CLICK_ACTION_PAYLOAD", node, path, message);
                }
            }
            Kind::List(items) => {
                for (at, item) in items.iter().enumerate() {
                    self.inner(item, screen, &Path::Item(path, at));
                }
            }
            Kind::Map(entries) => {
                for entry in entries {
                    self.inner(&entry.value, screen, &Path::Key(path, &entry.key));
                }
            }
            _ => {}
        }
    }
}

fn of_sort(sort: Sort) -> Type {
    match sort {
        Sort::Text => Type::Text,
        Sort::Number => Type::Number,
        Sort::Flag => Type::Flag,
        Sort::Whole | Sort::Any => Type::Any,
    }
}

/// The type of a list or map of a payload. Texts in it may be references, so they can be anything.
fn outline(node: &Node) -> Type {
    match &node.kind {
        Kind::Text(text) if text.starts_with(['$', '`']) => Type::Any,
        Kind::List(items) => Type::List(Box::new(items.first().map_or(Type::Any, outline))),
        Kind::Map(entries) => Type::Map(entries.iter().map(|e| (e.key.clone(), outline(&e.value))).collect()),
        _ => Type::of_value(node),
    }
}
