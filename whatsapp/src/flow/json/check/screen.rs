//! One screen: its keys, its layout, and what holds over all its components.

use std::collections::HashSet;

use super::super::screen::Screen;
use super::super::tree::{Kind, Node};
use super::super::version::Version;
use super::Checker;
use super::finding::Path;
use super::spec;

/// Most components of a screen, those in branches included. Source: Meta's component page.
const MAX_COMPONENTS: usize = 50;

impl<'t> Checker<'t> {
    /// Checks a screen; returns how many carousels it has.
    pub(super) fn screen(&mut self, node: &Node, screen: &'t Screen, path: &Path<'_>) -> usize {
        if !self.is(node, path, "object", matches!(node.kind, Kind::Map(_))) {
            return 0;
        }
        let known = ["id", "title", "data", "layout", "terminal", "success", "refresh_on_back", "sensitive"];
        self.closed(node, path, &known, &format!("the screen '{}'", screen.id));
        self.id(node, path);
        if let Some(title) = node.get("title") {
            self.screen_title(title, screen, &Path::Key(path, "title"));
        }
        self.flags(node, screen, path);
        self.sensitive(node, screen, path);
        if let Some(data) = node.get("data") {
            self.data(data, &Path::Key(path, "data"));
        }
        let Some(layout) = node.get("layout") else {
            self.missing(node, path, "layout");
            return 0;
        };
        self.layout(layout, screen, &Path::Key(path, "layout"), node, path)
    }

    fn id(&mut self, node: &Node, path: &Path<'_>) {
        let Some(id) = node.get("id") else { return self.missing(node, path, "id") };
        let path = Path::Key(path, "id");
        let Some(text) = id.text() else {
            self.is(id, &path, "string", false);
            return;
        };
        if text.is_empty() {
            self.error("MIN_CHARS_REQUIRED", id, &path, "Property 'id' should have at least 1 characters.");
        } else if !text.chars().all(|c| c.is_ascii_alphabetic() || c == '_') {
            let message = "Property 'id' should only consist of alphabets and underscores.";
            self.error("PATTERN_MISMATCH", id, &path, message);
        } else if text.eq_ignore_ascii_case("SUCCESS") {
            let message = "Screen id cannot be 'success' since it is a reserved keyword.";
            self.error("SCREEN_ID_IS_RESERVED_KEYWORD", id, &path, message);
        }
    }

    fn screen_title(&mut self, title: &Node, screen: &'t Screen, path: &Path<'_>) {
        if self.is(title, path, "string", matches!(title.kind, Kind::Text(_))) {
            self.text_value(title, screen, path);
        }
    }

    fn flags(&mut self, node: &Node, screen: &'t Screen, path: &Path<'_>) {
        for key in ["terminal", "success", "refresh_on_back"] {
            if let Some(flag) = node.get(key) {
                self.is(flag, &Path::Key(path, key), "boolean", flag.flag().is_some());
            }
        }
        if let Some(success) = node.get("success").filter(|_| !screen.terminal) {
            let message = "Property 'success' can only be specified on a terminal screen.";
            self.error("NOT_KEYWORD_SCHEMA_VALIDATION_FAILED", success, &Path::Key(path, "success"), message);
        }
        if let Some(flag) = node.get("refresh_on_back").filter(|_| screen.refresh_on_back && !self.asks_endpoint()) {
            let message = "Property 'refresh_on_back' can be true only when property 'data_api_version' is set.";
            self.error("INVALID_PROPERTY_VALUE", flag, &Path::Key(path, "refresh_on_back"), message);
        }
    }

    pub(super) fn asks_endpoint(&self) -> bool {
        self.flow.data_api_version().is_some()
    }

    fn sensitive(&mut self, node: &Node, screen: &'t Screen, path: &Path<'_>) {
        let Some(entry) = node.entry("sensitive") else { return };
        let (list, path) = (&entry.value, Path::Key(path, "sensitive"));
        if self.version < Version::new(5, 1) {
            let message = format!("Property 'sensitive' needs Flow JSON 5.1; this is {}.", self.version);
            return self.error("INVALID_PROPERTY_KEY", list, &path, message);
        }
        if !self.is(list, &path, "array", matches!(list.kind, Kind::List(_))) {
            return;
        }
        for (at, item) in list.items().iter().enumerate() {
            let path = Path::Item(&path, at);
            if self.is(item, &path, "string", item.text().is_some())
                && item.text().is_some_and(|name| screen.input(name).is_none())
            {
                let message = format!("'sensitive' names an input that screen '{}' does not have.", screen.id);
                self.warn("INVALID_PROPERTY_VALUE", item, &path, message);
            }
        }
    }

    fn layout(
        &mut self,
        layout: &Node,
        screen: &'t Screen,
        path: &Path<'_>,
        whole: &Node,
        whole_path: &Path<'_>,
    ) -> usize {
        if !matches!(layout.kind, Kind::Map(_)) {
            self.error("INVALID_PROPERTY_VALUE", layout, path, "Invalid value found for property 'layout'.");
            return 0;
        }
        self.closed(layout, path, &["type", "children"], "the layout");
        match layout.get("type") {
            None => self.missing(layout, path, "type"),
            Some(kind) if kind.text() != Some("SingleColumnLayout") => {
                let message = "Invalid value found for property 'type': the only layout is SingleColumnLayout.";
                self.error("INVALID_PROPERTY_VALUE", kind, &Path::Key(path, "type"), message);
            }
            Some(_) => {}
        }
        let Some(children) = layout.get("children") else {
            self.missing(layout, path, "children");
            return 0;
        };
        let path = Path::Key(path, "children");
        self.components(children, screen, &path);
        self.counts(children, &path, screen);
        self.names(children, &path);
        self.forms(children, &path);
        self.alone(children, &path, screen);
        if screen.terminal && most_at_once(children, "Footer") == 0 {
            let id = whole.get("id").unwrap_or(whole);
            let message = format!("Footer component is missing on terminal screens: {}.", screen.id);
            self.error("MISSING_FOOTER_ON_TERMINAL_SCREEN", id, &Path::Key(whole_path, "id"), message);
        }
        most_at_once(children, "ImageCarousel")
    }

    fn counts(&mut self, children: &Node, path: &Path<'_>, screen: &'t Screen) {
        let all = total(children);
        if all > MAX_COMPONENTS {
            let message =
                format!("Maximum number of components allowed per screen is {MAX_COMPONENTS} but found {all}.");
            self.error("MAX_ALLOWED_COMPONENTS_PER_SCREEN", children, path, message);
        }
        for (code, kind, most) in spec::MOST_PER_SCREEN {
            let found = most_at_once(children, kind);
            if found > *most {
                let message = format!("Maximum number of {kind} allowed per screen is {most} but found {found}.");
                self.error(code, children, path, message);
            }
        }
        let footers = most_at_once(children, "Footer");
        if footers > 1 {
            let plain = plainly(children, "Footer");
            let code = if plain > 1 { "MAX_FOOTER_PER_SCREEN" } else { "MORE_THAN_ONE_FOOTER" };
            let message = "Maximum number of Footer component allowed per screen is 1.";
            self.error(code, children, path, format!("{message} Screen '{}' has {footers}.", screen.id));
        }
        if most_at_once(children, "PhotoPicker") > 0 && most_at_once(children, "DocumentPicker") > 0 {
            let message = "A screen has a PhotoPicker or a DocumentPicker, not both.";
            self.error("INVALID_COMPONENT_PLACEMENT", children, path, message);
        }
    }

    /// Names of inputs are unique on a screen, over all branches.
    fn names(&mut self, children: &Node, path: &Path<'_>) {
        let mut seen = HashSet::new();
        self.names_of(children, path, &mut seen);
    }

    fn names_of<'n>(&mut self, children: &'n Node, path: &Path<'_>, seen: &mut HashSet<&'n str>) {
        each(children, path, &mut |node, path| {
            let input = node.text_at("type").is_some_and(|kind| super::super::screen::value_of(kind, node).is_some());
            let name = node.get("name").filter(|_| input);
            if let Some((name, text)) = name.and_then(|name| Some((name, name.text()?)))
                && !seen.insert(text)
            {
                let message = format!("Duplicate name found for Form components: {text}.");
                self.error("DUPLICATE_FORM_COMPONENT_NAMES", name, &Path::Key(path, "name"), message);
            }
        });
    }

    /// Before 4.0 inputs stand in a `Form`; after it, in a `Form` if there is one.
    fn forms(&mut self, children: &Node, path: &Path<'_>) {
        let has_form = plainly(children, "Form") > 0;
        let old = self.version < Version::new(4, 0);
        if !has_form && !old {
            return;
        }
        let mut outside = Vec::new();
        walk(children, path, &mut |node, path| {
            let kind = node.text_at("type").unwrap_or_default();
            if super::super::screen::value_of(kind, node).is_some() {
                outside.push((
                    node.get("type").unwrap_or(node).span.clone(),
                    Path::Key(path, "type").to_string(),
                    kind,
                ));
            }
            kind != "Form"
        });
        for (span, path, kind) in outside {
            let (code, message) = if old {
                ("KEYWORD_ONE_OF", format!("Property '{kind}' must be defined inside parent property 'Form'."))
            } else {
                let message = format!("Component '{kind}' is not allowed outside Form when Form component is present.");
                ("COMPONENTS_OUTSIDE_FORM", message)
            };
            // the path is made already, so it stands for itself as one key
            self.report(code, span, &Path::Key(&Path::Root, &path), message, super::Severity::Error);
        }
    }

    /// `NavigationList` and `RichText` stand alone.
    fn alone(&mut self, children: &Node, path: &Path<'_>, screen: &'t Screen) {
        let kinds: Vec<&str> = children.items().iter().filter_map(|child| child.text_at("type")).collect();
        if kinds.contains(&"NavigationList") {
            if kinds.iter().any(|kind| *kind != "NavigationList") {
                let message = "NavigationList cannot be combined with other components on a screen.";
                self.error("INVALID_COMPONENT_PLACEMENT", children, path, message);
            }
            if screen.terminal {
                let message = "NavigationList cannot stand on a terminal screen.";
                self.error("INVALID_COMPONENT_PLACEMENT", children, path, message);
            }
        }
        let beside_rich = |kind: &&str| match self.version >= Version::new(6, 3) {
            true => !matches!(*kind, "RichText" | "Footer"),
            false => *kind != "RichText",
        };
        if kinds.contains(&"RichText") && kinds.iter().any(beside_rich) {
            let message = "RichText stands alone on its screen; from Flow JSON 6.3 a Footer may stand with it.";
            self.error("INVALID_RICHTEXT_PLACEMENT", children, path, message);
        }
    }
}

/// Lists of components within a component, each with its own way.
fn lists(node: &Node) -> impl Iterator<Item = (&str, Option<&str>, &Node)> {
    let plain = ["children", "then", "else"].into_iter().filter_map(|key| Some((key, None, node.get(key)?)));
    let cases = node.get("cases").map_or(&[][..], Node::entries);
    plain.chain(cases.iter().map(|case| ("cases", Some(case.key.as_str()), &case.value)))
}

/// Calls for each component of a list and of those within it; goes in where the call says so.
pub(super) fn walk<'n>(children: &'n Node, path: &Path<'_>, each: &mut dyn FnMut(&'n Node, &Path<'_>) -> bool) {
    for (at, child) in children.items().iter().enumerate() {
        let path = Path::Item(path, at);
        if !each(child, &path) {
            continue;
        }
        for (key, case, list) in lists(child) {
            let path = Path::Key(&path, key);
            match case {
                Some(case) => walk(list, &Path::Key(&path, case), each),
                None => walk(list, &path, each),
            }
        }
    }
}

fn each<'n>(children: &'n Node, path: &Path<'_>, call: &mut dyn FnMut(&'n Node, &Path<'_>)) {
    walk(children, path, &mut |node, path| {
        call(node, path);
        true
    });
}

/// All components but those that only hold others.
fn total(children: &Node) -> usize {
    let mut count = 0;
    each(children, &Path::Root, &mut |node, _| {
        count += usize::from(!matches!(node.text_at("type"), Some("Form" | "If" | "Switch")));
    });
    count
}

/// Components of a kind outside of branches.
fn plainly(children: &Node, kind: &str) -> usize {
    let mut count = 0;
    walk(children, &Path::Root, &mut |node, _| {
        count += usize::from(node.text_at("type") == Some(kind));
        node.text_at("type") == Some("Form")
    });
    count
}

/// The most components of a kind that are shown at once: of branches one is taken.
pub(super) fn most_at_once(children: &Node, kind: &str) -> usize {
    let of = |node: &Node| {
        let own = usize::from(node.text_at("type") == Some(kind));
        let within = lists(node).map(|(_, _, list)| most_at_once(list, kind));
        let branches = matches!(node.text_at("type"), Some("If" | "Switch"));
        own + if branches { within.max().unwrap_or(0) } else { within.sum() }
    };
    children.items().iter().map(of).sum()
}
