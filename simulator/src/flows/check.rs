//! What Meta's validator says of Flow JSON: a sensible part of its codes, by the stand-in's own reading.

mod components;
mod routes;

use serde_json::{Map, Value, json};

use super::json::FlowJson;
use super::place::{Span, places};

/// Problems told at a time.
const MAX_PROBLEMS: usize = 100;
const MAX_SCREENS: usize = 100;
/// What can be published; older versions are frozen.
pub(crate) const PUBLISHABLE: [&str; 9] = ["5.1", "6.0", "6.1", "6.2", "6.3", "7.0", "7.1", "7.2", "7.3"];
const FROZEN: [&str; 7] = ["2.1", "3.0", "3.1", "4.0", "5.0", "2.0", "1.0"];
const DATA_API: [&str; 2] = ["3.0", "4.0"];
const TOP: [&str; 5] = ["version", "screens", "data_api_version", "routing_model", "data_channel_uri"];
const SCREEN: [&str; 8] = ["id", "layout", "title", "data", "terminal", "success", "refresh_on_back", "sensitive"];
const TYPES: [&str; 6] = ["string", "number", "integer", "boolean", "object", "array"];

/// One problem before its place is known.
struct Found {
    code: &'static str,
    message: String,
    path: String,
}

#[derive(Default)]
struct Check {
    found: Vec<Found>,
}

impl Check {
    fn tell(&mut self, code: &'static str, path: impl Into<String>, message: impl Into<String>) {
        if self.found.len() < MAX_PROBLEMS {
            self.found.push(Found { code, message: message.into(), path: path.into() });
        }
    }

    fn only_keys(&mut self, map: &Map<String, Value>, keys: &[&str], path: &str) {
        for key in map.keys().filter(|key| !keys.contains(&key.as_str())) {
            let inner = join(path, key);
            self.tell("INVALID_PROPERTY_KEY", inner, format!("Property '{key}' is not expected in '{path}'."));
        }
    }

    /// A text that must be there.
    fn required_text<'a>(&mut self, map: &'a Map<String, Value>, key: &str, path: &str) -> Option<&'a str> {
        match map.get(key) {
            None => {
                self.tell(
                    "MISSING_REQUIRED_PROPERTY",
                    path,
                    format!("Required property '{key}' is missing in '{path}'."),
                );
                None
            }
            Some(Value::String(text)) if text.is_empty() => {
                self.tell("MIN_CHARS_REQUIRED", join(path, key), format!("Property '{key}' must not be empty."));
                None
            }
            Some(Value::String(text)) => Some(text),
            Some(_) => {
                self.tell("INVALID_PROPERTY_TYPE", join(path, key), format!("Property '{key}' must be a string."));
                None
            }
        }
    }
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

/// What a text is as Flow JSON, and Meta's `validation_errors` of it.
pub(crate) fn check(text: &str) -> (Option<FlowJson>, Vec<Value>) {
    let value = match serde_json::from_str::<Value>(text) {
        Ok(value) => value,
        Err(error) => {
            let span = Span::at(error.line().max(1), error.column().max(1));
            return (
                None,
                vec![problem("INVALID_FLOW_JSON", &format!("Flow JSON is not valid JSON: {error}"), "", span)],
            );
        }
    };
    let mut check = Check::default();
    match value.as_object() {
        None => check.tell("INVALID_FLOW_JSON", "", "Flow JSON must be an object."),
        Some(top) => {
            let flow = FlowJson::read(value.clone());
            check.top(top, &flow);
        }
    }
    let at = if check.found.is_empty() { Default::default() } else { places(text) };
    let whole = Span { from: (1, 1), to: (1, 1) };
    let errors = check.found.iter().map(|f| {
        let span = at.get(&f.path).or_else(|| at.get("")).copied().unwrap_or(whole);
        problem(f.code, &f.message, &f.path, span)
    });
    let errors = errors.collect();
    (value.is_object().then(|| FlowJson::read(value)), errors)
}

fn problem(code: &str, message: &str, path: &str, span: Span) -> Value {
    let mut pointer = span.json();
    pointer["path"] = json!(path);
    let mut row = span.json();
    row["error"] = json!(code);
    row["error_type"] = json!("FLOW_JSON_ERROR");
    row["message"] = json!(message);
    row["pointers"] = json!([pointer]);
    row
}

impl Check {
    fn top(&mut self, top: &Map<String, Value>, flow: &FlowJson) {
        self.only_keys(top, &TOP, "");
        self.versions(top);
        let Some(screens) = top.get("screens") else {
            return self.tell("MISSING_REQUIRED_PROPERTY", "", "Required property 'screens' is missing.");
        };
        let Some(screens) = screens.as_array() else {
            return self.tell("INVALID_PROPERTY_TYPE", "screens", "Property 'screens' must be an array.");
        };
        match screens.len() {
            0 => self.tell("MIN_ITEMS_REQUIRED", "screens", "At least one screen is required."),
            n if n > MAX_SCREENS => {
                self.tell(
                    "MAX_SCREENS_NUMBER",
                    "screens",
                    format!("A Flow has at most {MAX_SCREENS} screens, not {n}."),
                );
            }
            _ => {}
        }
        let mut ids: Vec<&str> = Vec::new();
        for (i, screen) in screens.iter().enumerate() {
            let path = format!("screens[{i}]");
            match screen.as_object() {
                Some(map) => self.screen(map, &path, &mut ids, flow),
                None => self.tell("INVALID_PROPERTY_TYPE", path, "A screen must be an object."),
            }
        }
        if !screens.is_empty() && !flow.screens.iter().any(|screen| screen.terminal) {
            self.tell("MISSING_TERMINAL_SCREEN", "screens", "At least one screen must be terminal.");
        }
        self.routes(top, flow);
    }

    fn versions(&mut self, top: &Map<String, Value>) {
        match top.get("version") {
            None => self.tell("MISSING_FLOW_JSON_VERSION", "", "Required property 'version' is missing."),
            Some(Value::String(given)) if PUBLISHABLE.contains(&given.as_str()) || FROZEN.contains(&given.as_str()) => {
            }
            Some(Value::String(given)) if given.split_once('.').is_some_and(is_version) => {
                self.tell("UNSUPPORTED_FLOW_JSON_VERSION", "version", format!("Version {given} is not supported."));
            }
            Some(_) => self.tell("INVALID_FLOW_JSON_VERSION", "version", "The version must be a string like \"7.3\"."),
        }
        match top.get("data_api_version") {
            None => {}
            Some(Value::String(given)) if DATA_API.contains(&given.as_str()) => {}
            Some(other) => {
                let why = format!("Data API version {other} is not supported.");
                self.tell("NO_SUPPORTED_DATA_API_VERSION", "data_api_version", why);
            }
        }
    }

    fn screen<'a>(&mut self, map: &'a Map<String, Value>, path: &str, ids: &mut Vec<&'a str>, flow: &FlowJson) {
        self.only_keys(map, &SCREEN, path);
        if let Some(id) = self.required_text(map, "id", path) {
            let at = join(path, "id");
            if id.eq_ignore_ascii_case("SUCCESS") {
                self.tell("SCREEN_ID_IS_RESERVED_KEYWORD", &at, format!("Screen id '{id}' is reserved."));
            }
            if !id.bytes().all(|b| b.is_ascii_alphabetic() || b == b'_') {
                self.tell("PATTERN_MISMATCH", &at, format!("Screen id '{id}' takes letters and underscores only."));
            }
            if ids.contains(&id) {
                self.tell("DUPLICATE_SCREEN_IDS", &at, format!("Screen id '{id}' is used twice."));
            }
            ids.push(id);
        }
        if map.get("success").is_some_and(|v| *v == true) && map.get("terminal") != Some(&json!(true)) {
            self.tell("INVALID_DEPENDENCIES", join(path, "success"), "Property 'success' needs a terminal screen.");
        }
        if map.get("refresh_on_back").is_some_and(|v| *v == true) && !flow.has_endpoint() {
            let why = "Property 'refresh_on_back' needs data_api_version.";
            self.tell("INVALID_DEPENDENCIES", join(path, "refresh_on_back"), why);
        }
        self.data(map.get("data"), &join(path, "data"));
        self.layout(map, path, flow);
    }

    fn data(&mut self, data: Option<&Value>, path: &str) {
        let Some(data) = data else { return };
        let Some(data) = data.as_object() else {
            return self.tell("INVALID_PROPERTY_TYPE", path, "Property 'data' must be an object.");
        };
        for (name, schema) in data {
            let at = join(path, name);
            match schema["type"].as_str() {
                Some(kind) if TYPES.contains(&kind) => {}
                _ => {
                    self.tell("INVALID_SCREEN_DATA", &at, format!("Data field '{name}' needs a type of {TYPES:?}."));
                    continue;
                }
            }
            match schema.get("__example__") {
                None => self.tell("INVALID_SCREEN_DATA", &at, format!("Data field '{name}' has no __example__.")),
                Some(example) => {
                    if let Some(why) = super::json::wrong(example, schema, name) {
                        self.tell("INVALID_SCREEN_DATA", join(&at, "__example__"), format!("The __example__: {why}."));
                    }
                }
            }
        }
    }
}

fn is_version((major, minor): (&str, &str)) -> bool {
    major.parse::<u8>().is_ok() && minor.parse::<u8>().is_ok()
}

#[cfg(test)]
mod tests;
