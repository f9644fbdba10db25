//! Components: which there are, what they take, how many a screen holds.

use serde_json::{Map, Value};

use super::{Check, join};
use crate::flows::json::{FlowJson, components};

const MAX_COMPONENTS: usize = 50;

/// Type, members that must be there, further members.
const KINDS: [(&str, &[&str], &[&str]); 25] = [
    ("TextHeading", &["text"], &["visible"]),
    ("TextSubheading", &["text"], &["visible"]),
    ("TextBody", &["text"], &["visible", "font-weight", "strikethrough", "markdown"]),
    ("TextCaption", &["text"], &["visible", "font-weight", "strikethrough", "markdown"]),
    ("RichText", &["text"], &["visible"]),
    (
        "TextInput",
        &["name", "label"],
        &[
            "input-type",
            "required",
            "min-chars",
            "max-chars",
            "pattern",
            "helper-text",
            "init-value",
            "error-message",
            "visible",
            "enabled",
            "label-variant",
        ],
    ),
    (
        "TextArea",
        &["name", "label"],
        &[
            "required",
            "max-length",
            "enabled",
            "helper-text",
            "init-value",
            "error-message",
            "visible",
            "label-variant",
        ],
    ),
    (
        "CheckboxGroup",
        &["name", "data-source"],
        &[
            "label",
            "min-selected-items",
            "max-selected-items",
            "enabled",
            "required",
            "visible",
            "description",
            "on-select-action",
            "on-unselect-action",
            "init-value",
            "error-message",
            "media-size",
        ],
    ),
    (
        "RadioButtonsGroup",
        &["name", "data-source"],
        &[
            "label",
            "enabled",
            "required",
            "visible",
            "description",
            "on-select-action",
            "on-unselect-action",
            "init-value",
            "error-message",
            "media-size",
        ],
    ),
    (
        "Dropdown",
        &["name", "label", "data-source"],
        &["enabled", "required", "visible", "on-select-action", "on-unselect-action", "init-value", "error-message"],
    ),
    (
        "ChipsSelector",
        &["name", "label", "data-source"],
        &[
            "min-selected-items",
            "max-selected-items",
            "enabled",
            "required",
            "visible",
            "description",
            "on-select-action",
            "on-unselect-action",
            "init-value",
            "error-message",
        ],
    ),
    (
        "DatePicker",
        &["name", "label"],
        &[
            "min-date",
            "max-date",
            "unavailable-dates",
            "helper-text",
            "enabled",
            "required",
            "visible",
            "on-select-action",
            "init-value",
            "error-message",
        ],
    ),
    (
        "CalendarPicker",
        &["name", "label"],
        &[
            "title",
            "description",
            "helper-text",
            "required",
            "visible",
            "enabled",
            "mode",
            "min-date",
            "max-date",
            "unavailable-dates",
            "include-days",
            "min-days",
            "max-days",
            "on-select-action",
            "init-value",
            "error-message",
        ],
    ),
    (
        "OptIn",
        &["name", "label"],
        &["required", "visible", "on-click-action", "on-select-action", "on-unselect-action", "init-value"],
    ),
    ("EmbeddedLink", &["text", "on-click-action"], &["visible"]),
    ("Image", &["src"], &["width", "height", "scale-type", "aspect-ratio", "alt-text", "visible"]),
    ("ImageCarousel", &["images"], &["aspect-ratio", "scale-type", "visible"]),
    ("NavigationList", &["name", "list-items"], &["label", "description", "media-size", "on-click-action", "visible"]),
    (
        "PhotoPicker",
        &["name", "label"],
        &[
            "description",
            "photo-source",
            "min-uploaded-photos",
            "max-uploaded-photos",
            "max-file-size-kb",
            "enabled",
            "visible",
            "error-message",
        ],
    ),
    (
        "DocumentPicker",
        &["name", "label"],
        &[
            "description",
            "min-uploaded-documents",
            "max-uploaded-documents",
            "max-file-size-kb",
            "allowed-mime-types",
            "enabled",
            "visible",
            "error-message",
        ],
    ),
    ("Footer", &["label", "on-click-action"], &["left-caption", "right-caption", "center-caption", "enabled"]),
    ("If", &["condition", "then"], &["else"]),
    ("Switch", &["value", "cases"], &[]),
    ("Form", &["name", "children"], &["init-values", "error-messages"]),
    ("Section", &["children"], &["title"]),
];

/// How many of a kind a screen holds, and the code when there are more.
const MOST: [(&str, usize, &str); 4] = [
    ("Footer", 1, "MAX_FOOTER_PER_SCREEN"),
    ("Image", 3, "MAX_IMAGE_PER_SCREEN"),
    ("OptIn", 5, "MAX_OPT_IN_PER_SCREEN"),
    ("EmbeddedLink", 2, "MAX_EMBEDDED_LINK_PER_SCREEN"),
];

const ACTIONS: [&str; 5] = ["navigate", "complete", "data_exchange", "update_data", "open_url"];

/// What a component needs to know of its screen.
struct Place<'a> {
    screen: &'a Map<String, Value>,
    flow: &'a FlowJson,
}

impl Check {
    pub(super) fn layout(&mut self, screen: &Map<String, Value>, path: &str, flow: &FlowJson) {
        let Some(layout) = screen.get("layout") else {
            return self.tell("MISSING_REQUIRED_PROPERTY", path, "Required property 'layout' is missing.");
        };
        let at = join(path, "layout");
        if layout["type"] != "SingleColumnLayout" {
            self.tell("INVALID_PROPERTY_VALUE", join(&at, "type"), "The layout must be a SingleColumnLayout.");
        }
        let Some(children) = layout["children"].as_array() else {
            return self.tell("MISSING_REQUIRED_PROPERTY", at, "Required property 'children' is missing.");
        };
        let place = Place { screen, flow };
        let list = join(&at, "children");
        self.children(children, &list, &place, 0);
        self.counts(screen, &list);
        self.footers(screen, children, &list);
    }

    fn children(&mut self, children: &[Value], path: &str, place: &Place<'_>, depth: usize) {
        for (i, part) in children.iter().enumerate() {
            let at = format!("{path}[{i}]");
            let Some(map) = part.as_object() else {
                self.tell("INVALID_PROPERTY_TYPE", at, "A component must be an object.");
                continue;
            };
            self.component(map, &at, place);
            let cases = map.get("cases").and_then(Value::as_object).into_iter().flatten();
            let cases = cases.map(|(name, list)| (format!("{at}.cases.{name}"), list));
            let branches = ["children", "then", "else"].map(|key| (join(&at, key), map.get(key)));
            let branches = branches.into_iter().filter_map(|(at, list)| Some((at, list?)));
            for (inner, list) in branches.chain(cases) {
                match list.as_array() {
                    // Deeper than anything that can be drawn.
                    Some(list) if depth < 16 => self.children(list, &inner, place, depth + 1),
                    Some(_) => self.tell("INVALID_PROPERTY_VALUE", inner, "The components are nested too deep."),
                    None => self.tell("INVALID_PROPERTY_TYPE", inner, "A list of components is expected."),
                }
            }
        }
    }

    fn component(&mut self, map: &Map<String, Value>, path: &str, place: &Place<'_>) {
        let Some(kind) = map.get("type") else {
            return self.tell("MISSING_REQUIRED_TYPE_PROPERTY", path, "Required property 'type' is missing.");
        };
        let known = KINDS.iter().find(|(name, _, _)| kind == name);
        let Some((name, required, further)) = known else {
            return self.tell("INVALID_PROPERTY_VALUE", join(path, "type"), "Invalid value found for property 'type'.");
        };
        for key in required.iter().filter(|key| !map.contains_key(**key)) {
            let why = format!("Required property '{key}' of {name} is missing.");
            self.tell("MISSING_REQUIRED_PROPERTY", path, why);
        }
        let keys: Vec<_> = ["type"].iter().chain(*required).chain(*further).copied().collect();
        self.only_keys(map, &keys, path);
        for key in ["on-click-action", "on-select-action", "on-unselect-action"] {
            if let Some(action) = map.get(key) {
                self.action(action, &join(path, key), name, place);
            }
        }
        for (i, item) in map.get("list-items").and_then(Value::as_array).into_iter().flatten().enumerate() {
            if let Some(action) = item.get("on-click-action") {
                self.action(action, &format!("{path}.list-items[{i}].on-click-action"), name, place);
            }
        }
        self.references(map, path, place);
    }

    fn action(&mut self, action: &Value, path: &str, on: &str, place: &Place<'_>) {
        let terminal = place.screen.get("terminal") == Some(&Value::Bool(true));
        let at = join(path, "name");
        let target = &action["next"]["name"];
        match action["name"].as_str() {
            None => self.tell("MISSING_REQUIRED_PROPERTY", path, "Required property 'name' of the action is missing."),
            Some(name) if !ACTIONS.contains(&name) => {
                self.tell("INVALID_ENUM_VALUE", at, format!("Action '{name}' is not one of {ACTIONS:?}."));
            }
            Some("complete") if !terminal || on != "Footer" => {
                self.tell(
                    "INVALID_COMPLETE_ACTION",
                    at,
                    "Action 'complete' belongs to the Footer of a terminal screen.",
                );
            }
            Some("data_exchange") if !place.flow.has_endpoint() => {
                self.tell("MISSING_REQUIRED_PROPERTY", "", "Action 'data_exchange' needs data_api_version.");
            }
            Some("navigate") => self.navigate(action, target, path, place),
            _ => {}
        }
    }

    fn navigate(&mut self, action: &Value, target: &Value, path: &str, place: &Place<'_>) {
        let id = target.as_str().unwrap_or_default();
        let at = join(path, "next.name");
        let Some(screen) = place.flow.screen(id) else {
            let why = format!("There is no screen '{id}' to navigate to.");
            return self.tell("INVALID_NAVIGATE_ACTION_NEXT_SCREEN_NAME", at, why);
        };
        if place.screen.get("id") == Some(target) {
            let why = format!("Screen '{id}' navigates to itself.");
            return self.tell("INVALID_NAVIGATE_ACTION_NEXT_SCREEN_NAME", at, why);
        }
        // An empty payload is right where the target reads what it needs by global references.
        let Some(payload) = action["payload"].as_object().filter(|payload| !payload.is_empty()) else { return };
        let odd = payload.keys().find(|key| !screen.data.contains_key(*key));
        let missing = screen.data.keys().find(|key| !payload.contains_key(*key));
        if let Some(key) = odd.or(missing) {
            let why = format!("The payload and the data of screen '{id}' differ in '{key}'.");
            self.tell("INVALID_NAVIGATE_ACTION_PAYLOAD", join(path, "payload"), why);
        }
    }

    /// Values that name data which the screen does not declare.
    fn references(&mut self, map: &Map<String, Value>, path: &str, place: &Place<'_>) {
        let declared = place.screen.get("data").and_then(Value::as_object);
        for (key, value) in map {
            let reference = value.as_str().and_then(|text| text.strip_prefix("${data.")?.strip_suffix('}'));
            let Some(name) = reference.and_then(|r| r.split('.').next()) else { continue };
            if !declared.is_some_and(|data| data.contains_key(name)) {
                let why = format!("Data field '{name}' is not declared on this screen.");
                self.tell("INVALID_SCREEN_DYNAMIC_DATA", join(path, key), why);
            }
        }
    }

    fn counts(&mut self, screen: &Map<String, Value>, path: &str) {
        let layout = screen.get("layout").unwrap_or(&Value::Null);
        let all = components(&layout["children"]);
        if all.len() > MAX_COMPONENTS {
            let why = format!("A screen has at most {MAX_COMPONENTS} components, not {}.", all.len());
            self.tell("INVALID_PROPERTY_VALUE", path, why);
        }
        // Branches may repeat a Footer, since one of them is shown.
        let plain = layout["children"].as_array().into_iter().flatten();
        let plain: Vec<_> = plain
            .flat_map(|part| if part["type"] == "Form" { components(&part["children"]) } else { vec![part] })
            .collect();
        for (kind, most, code) in MOST {
            let counted = if kind == "Footer" { &plain } else { &all };
            let count = counted.iter().filter(|part| part["type"] == kind).count();
            if count > most {
                self.tell(code, path, format!("A screen has at most {most} of {kind}, not {count}."));
            }
        }
        let mut names: Vec<&str> = Vec::new();
        for part in all.iter().filter(|part| part["type"] != "Form") {
            let Some(name) = part["name"].as_str() else { continue };
            if names.contains(&name) {
                self.tell("DUPLICATE_FORM_COMPONENT_NAMES", path, format!("The name '{name}' is used twice."));
            }
            names.push(name);
        }
    }

    fn footers(&mut self, screen: &Map<String, Value>, children: &[Value], path: &str) {
        let is_footer = |part: &Value| part["type"] == "Footer";
        let holds = |list: &Value| list.as_array().is_some_and(|list| list.iter().any(is_footer));
        for (i, part) in children.iter().enumerate().filter(|(_, part)| part["type"] == "If") {
            if holds(&part["then"]) != holds(&part["else"]) {
                let at = format!("{path}[{i}]");
                self.tell("MISSING_FOOTER_IN_IF_ELSE_BRANCHES", at, "Both branches hold a Footer, or none.");
            }
        }
        for (i, part) in children.iter().enumerate().filter(|(_, part)| part["type"] == "Switch") {
            let cases: Vec<_> = part["cases"].as_object().into_iter().flat_map(Map::values).map(holds).collect();
            if cases.contains(&true) && cases.contains(&false) {
                let at = format!("{path}[{i}]");
                self.tell("MISSING_FOOTER_IN_SWITCH_BRANCHES", at, "All cases hold a Footer, or none.");
            }
        }
        let any = components(screen.get("layout").map_or(&Value::Null, |layout| &layout["children"]));
        let terminal = screen.get("terminal") == Some(&Value::Bool(true));
        if terminal && !any.into_iter().any(is_footer) {
            self.tell("MISSING_FOOTER_ON_TERMINAL_SCREEN", path, "A terminal screen needs a Footer.");
        }
    }
}
