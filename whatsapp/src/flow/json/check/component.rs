//! Components against their tables, and what holds between the properties of one.

use super::super::screen::{self, Screen};
use super::super::tree::{Kind, Node};
use super::super::version::Version;
use super::Checker;
use super::finding::Path;
use super::screen::most_at_once;
use super::spec::{self, Component, Property, Shape};

/// `If` within each other. Source: Meta's component page.
const MAX_IFS: usize = 3;

/// Where a component stands.
#[derive(Clone, Copy)]
pub(super) struct Place<'t> {
    pub(super) screen: &'t Screen,
    in_form: bool,
    /// The component whose branch it is in.
    branch_of: Option<&'static str>,
    ifs: usize,
}

impl<'t> Checker<'t> {
    /// The components of a screen.
    pub(super) fn components(&mut self, children: &Node, screen: &'t Screen, path: &Path<'_>) {
        self.list(children, Place { screen, in_form: false, branch_of: None, ifs: 0 }, path);
    }

    fn list(&mut self, children: &Node, place: Place<'t>, path: &Path<'_>) {
        if !self.is(children, path, "array", matches!(children.kind, Kind::List(_))) {
            return;
        }
        for (at, child) in children.items().iter().enumerate() {
            let path = Path::Item(path, at);
            if self.is(child, &path, "object", matches!(child.kind, Kind::Map(_))) {
                self.component(child, place, &path);
            }
        }
    }

    fn component(&mut self, node: &Node, place: Place<'t>, path: &Path<'_>) {
        let Some(kind) = node.get("type") else { return self.missing(node, path, "type") };
        let type_path = Path::Key(path, "type");
        let Some(component) = kind.text().and_then(spec::find) else {
            return self.error("INVALID_PROPERTY_VALUE", kind, &type_path, "Invalid value found for property 'type'.");
        };
        let name = component.name;
        if component.since > self.version {
            let message = format!(
                "Invalid value found for property 'type': {name} needs Flow JSON {}; this is {}.",
                component.since, self.version
            );
            return self.error("INVALID_PROPERTY_VALUE", kind, &type_path, message);
        }
        self.placed(kind, component, place, &type_path);
        self.properties(node, component, place, path);
        self.together(node, component, place, path);
        let inner = Place { in_form: place.in_form || name == "Form", ..place };
        match name {
            "Form" => self.form(node, inner, path),
            "If" => self.branches_of_if(node, inner, path),
            "Switch" => self.cases(node, inner, path),
            "NavigationList" => self.navigation(node, place.screen, path),
            _ => {}
        }
    }

    /// Whether a component may stand where it does.
    fn placed(&mut self, kind: &Node, component: &Component, place: Place<'t>, path: &Path<'_>) {
        let name = component.name;
        if name == "Form" && (place.in_form || place.branch_of.is_some()) {
            let message = "A Form stands directly on its screen.";
            return self.error("INVALID_COMPONENT_PLACEMENT", kind, path, message);
        }
        let Some(parent) = place.branch_of else { return };
        if parent == "If" && matches!(name, "If" | "Switch") {
            return;
        }
        if spec::PERHAPS_IN_BRANCHES.contains(&name) {
            let message = format!("Meta's page does not list {name} among what may stand in a branch of {parent}.");
            self.warn("INVALID_COMPONENT_PLACEMENT", kind, path, message);
        } else if !spec::IN_BRANCHES.contains(&name) {
            let message = format!("{name} cannot stand in a branch of {parent}.");
            self.error("INVALID_COMPONENT_PLACEMENT", kind, path, message);
        } else if name == "ChipsSelector" && self.version < Version::new(7, 1) {
            let message = format!("ChipsSelector may stand in a branch of {parent} from Flow JSON 7.1.");
            self.error("INVALID_COMPONENT_PLACEMENT", kind, path, message);
        } else if name == "Footer" && place.ifs > 1 {
            let message = "A Footer may stand in the branches of an 'If' of the first level only.";
            self.error("INVALID_COMPONENT_PLACEMENT", kind, path, message);
        }
    }

    fn properties(&mut self, node: &Node, component: &Component, place: Place<'t>, path: &Path<'_>) {
        self.keys(node, component.properties, component.name, path);
        for property in component.properties {
            if let Some(value) = node.get(property.key) {
                let path = Path::Key(path, property.key);
                match (property.shape, component.name) {
                    (Shape::Components | Shape::Cases | Shape::Items, _) => {}
                    // in range mode these are maps of two
                    (shape, "CalendarPicker") if matches!(value.kind, Kind::Map(_)) => {
                        self.ends_of_range(node, value, property.key, shape, place, &path);
                    }
                    (shape, _) => self.value(value, shape, place.screen, &path),
                }
            }
        }
    }

    /// Keys of an object against a table: none unknown, none too new, none missing.
    pub(super) fn keys(&mut self, node: &Node, properties: &[Property], whose: &str, path: &Path<'_>) {
        for entry in node.entries() {
            let key_path = Path::Key(path, &entry.key);
            let message = match properties.iter().find(|property| property.key == entry.key) {
                Some(property) if property.since > self.version => format!(
                    "Property '{}' cannot be specified at {whose}: it needs Flow JSON {}, and this is {}.",
                    entry.key, property.since, self.version
                ),
                None if entry.key != "type" => format!("Property '{}' cannot be specified at {whose}.", entry.key),
                _ => continue,
            };
            let error = super::Severity::Error;
            self.report("INVALID_PROPERTY_KEY", entry.key_span.clone(), &key_path, message, error);
        }
        for property in properties {
            let required = property.required.is_some_and(|since| self.version >= since);
            if required && node.get(property.key).is_none() {
                self.missing(node, path, property.key);
            }
        }
    }

    fn ends_of_range(&mut self, node: &Node, value: &Node, key: &str, shape: Shape, place: Place<'t>, path: &Path<'_>) {
        let range = node.get("mode").is_some_and(|mode| mode.text() != Some("single"));
        if !range || !matches!(key, "label" | "helper-text" | "required" | "init-value" | "error-message") {
            self.is(value, path, "string", false);
            return;
        }
        self.closed(value, path, &["start-date", "end-date"], "a range of dates");
        for entry in value.entries() {
            self.value(&entry.value, shape, place.screen, &Path::Key(path, &entry.key));
        }
    }

    /// Rules between the properties of a component.
    fn together(&mut self, node: &Node, component: &Component, place: Place<'t>, path: &Path<'_>) {
        if place.in_form && screen::value_of(component.name, node).is_some() {
            for key in ["init-value", "error-message"] {
                if let Some(value) = node.get(key) {
                    let instead = if key == "init-value" { "init-values" } else { "error-messages" };
                    let message = format!("Property '{key}' cannot be specified within a Form: it has '{instead}'.");
                    self.error("NOT_KEYWORD_SCHEMA_VALIDATION_FAILED", value, &Path::Key(path, key), message);
                }
            }
        }
        for (least, most) in [
            ("min-chars", "max-chars"),
            ("min-selected-items", "max-selected-items"),
            ("min-uploaded-photos", "max-uploaded-photos"),
            ("min-uploaded-documents", "max-uploaded-documents"),
            ("min-days", "max-days"),
        ] {
            self.ordered(node, (least, most), component.name, path);
        }
        match component.name {
            "Footer" => self.captions(node, path),
            "TextInput" => self.pattern(node, path),
            _ => {}
        }
    }

    fn ordered(&mut self, node: &Node, (least, most): (&str, &str), name: &str, path: &Path<'_>) {
        let number = |key: &str| {
            let value = node.get(key)?;
            let number = match &value.kind {
                Kind::Number(number) => number.as_u64()?,
                Kind::Text(text) => text.parse().ok()?,
                _ => return None,
            };
            Some((value, number))
        };
        if let (Some((value, low)), Some((_, high))) = (number(least), number(most))
            && low > high
        {
            let message = format!("{least} cannot be greater than {most} for {name}.");
            self.error("MIN_VALUE_GREATER_THAN_MAX", value, &Path::Key(path, least), message);
        }
    }

    fn captions(&mut self, node: &Node, path: &Path<'_>) {
        let [left, center, right] = ["left-caption", "center-caption", "right-caption"].map(|key| node.get(key));
        if let Some(center) = center.filter(|_| left.or(right).is_some()) {
            let message = "Properties 'center-caption' and ['left-caption', 'right-caption'] must be present exclusively at Footer.";
            let path = Path::Key(path, "center-caption");
            return self.error("NOT_KEYWORD_SCHEMA_VALIDATION_FAILED", center, &path, message);
        }
        let (there, key, other) = match (left, right) {
            (Some(left), None) => (left, "left-caption", "right-caption"),
            (None, Some(right)) => (right, "right-caption", "left-caption"),
            _ => return,
        };
        let message = format!("Footer should have property {other} when property {key} is present.");
        self.error("INVALID_DEPENDENCIES", there, &Path::Key(path, key), message);
    }

    fn pattern(&mut self, node: &Node, path: &Path<'_>) {
        let Some(pattern) = node.get("pattern") else { return };
        let path = Path::Key(path, "pattern");
        if node.get("helper-text").is_none() {
            let message = "TextInput should have property helper-text when property pattern is present.";
            self.error("INVALID_DEPENDENCIES", pattern, &path, message);
        }
        if matches!(node.text_at("input-type"), Some("email" | "phone")) {
            let message = "Property 'pattern' goes with input-type text, number, password and passcode only.";
            self.error("INVALID_DEPENDENCIES", pattern, &path, message);
        }
    }

    fn form(&mut self, node: &Node, place: Place<'t>, path: &Path<'_>) {
        let Some(children) = node.get("children") else { return };
        let children_path = Path::Key(path, "children");
        if children.items().is_empty() && matches!(children.kind, Kind::List(_)) {
            let message = "Property 'children' should have at least 1 item.";
            self.error("MIN_ITEMS_REQUIRED", children, &children_path, message);
        }
        self.list(children, place, &children_path);
        let Some(values) = node.get("init-values") else { return };
        let path = Path::Key(path, "init-values");
        for entry in values.entries() {
            let file = place.screen.input(&entry.key).filter(|input| input.is_file());
            if let Some(input) = file {
                let message =
                    format!("Property 'init-values' should not contain value for components: [{}].", input.component);
                let path = Path::Key(&path, &entry.key);
                self.error("NATIVE_COMPONENT_IN_FORM_INIT_VALUES", &entry.value, &path, message);
            }
        }
    }

    fn branches_of_if(&mut self, node: &Node, place: Place<'t>, path: &Path<'_>) {
        let place = Place { branch_of: Some("If"), ifs: place.ifs + 1, ..place };
        if place.ifs > MAX_IFS {
            let message = format!("'If' components nest up to {MAX_IFS} levels.");
            return self.error("INVALID_COMPONENT_PLACEMENT", node, path, message);
        }
        for key in ["then", "else"] {
            let Some(branch) = node.get(key) else { continue };
            let path = Path::Key(path, key);
            if key == "then" && branch.items().is_empty() && matches!(branch.kind, Kind::List(_)) {
                let message = "Expected array to contain at least one component.";
                self.error("INVALID_PROPERTY_VALUE", branch, &path, message);
            }
            self.list(branch, place, &path);
        }
        let footers = ["then", "else"].map(|key| node.get(key).map_or(0, |list| most_at_once(list, "Footer")));
        if footers.contains(&0) && footers.iter().any(|count| *count > 0) {
            let message = match node.get("else") {
                None => {
                    "Missing Footer inside one of the 'If' component branches. Branch 'else' should exist and contain one Footer."
                }
                Some(_) => {
                    "Footer component must be present in all branches of 'If' component if it exists in any one branch."
                }
            };
            let at = node.get("type").unwrap_or(node);
            self.error("MISSING_FOOTER_IN_IF_ELSE_BRANCHES", at, &Path::Key(path, "type"), message);
        }
    }

    fn cases(&mut self, node: &Node, place: Place<'t>, path: &Path<'_>) {
        let place = Place { branch_of: Some("Switch"), ..place };
        let Some(cases) = node.get("cases") else { return };
        let cases_path = Path::Key(path, "cases");
        if !self.is(cases, &cases_path, "object", matches!(cases.kind, Kind::Map(_))) {
            return;
        }
        if cases.entries().is_empty() {
            let message = "Invalid empty property found: 'cases' needs at least one value.";
            self.error("INVALID_PROPERTY_VALUE", cases, &cases_path, message);
        }
        for case in cases.entries() {
            self.list(&case.value, place, &Path::Key(&cases_path, &case.key));
        }
        let footers = || cases.entries().iter().map(|case| most_at_once(&case.value, "Footer"));
        if footers().any(|count| count > 0) && footers().any(|count| count == 0) {
            let message = "Footer component must be present in all switch cases if it exists in one of the cases.";
            let at = node.get("type").unwrap_or(node);
            self.error("MISSING_FOOTER_IN_SWITCH_BRANCHES", at, &Path::Key(path, "type"), message);
        }
    }
}
