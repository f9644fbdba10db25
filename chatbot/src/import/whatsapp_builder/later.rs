//! HTTP calls, and kinds that are written as what they will be, though they cannot run yet: Flows, calendars. Credentials
//! are not copied.

use serde_json::{Map, Value, json};
use whatsapp::limits;

use super::export::Source;
use super::names::slug;
use super::{Writer, cut};
use crate::caps;

/// What the button of a Flow said when the author wrote nothing.
const CTA: &str = "Start";

impl<'e> Writer<'e> {
    pub(super) fn rest_api(&mut self, node: &'e Source) {
        if node.keys().any(|key| key.to_lowercase().contains("auth")) {
            self.change(node, "its credentials are not copied: set them up as a secret");
        }
        let mut http = Map::new();
        let method = node.text("apiMethod");
        http.insert(
            "method".into(),
            Value::String(if method.is_empty() { "GET".into() } else { method.to_uppercase() }),
        );
        http.insert("url".into(), Value::String(self.template(node, &node.text("apiUrl"))));
        for (key, ours) in [("apiHeaders", "headers"), ("apiQueryParams", "query")] {
            if let Some(map) = node.get(key).as_object().filter(|map| !map.is_empty()) {
                let safe = map.iter().filter(|(name, _)| !is_secret(name));
                let filled = safe.map(|(name, value)| (name.clone(), self.fill(node, value))).collect();
                http.insert(ours.into(), Value::Object(filled));
                if map.keys().any(|name| is_secret(name)) {
                    self.change(node, &format!("{ours} with credentials are not copied: set them up as a secret"));
                }
            }
        }
        if node.has("apiBody") {
            http.insert("body".into(), json!({ "raw": self.template(node, &node.text("apiBody")) }));
        }
        if let Some(ms) = node.get("apiTimeout").as_u64() {
            http.insert("timeout_ms".into(), ms.clamp(1, caps::MAX_HTTP_TIMEOUT_MS.into()).into());
        }
        for (key, ours) in [("apiFilterField", "filter"), ("apiContentType", "content_type")] {
            if node.has(key) {
                http.insert(format!("x-{ours}"), node.get(key).clone());
            }
        }
        let variable = self.names.of(node).unwrap_or("response").to_owned();
        http.insert("extract".into(), json!({ variable: json_path(&node.text("apiResponsePath")) }));
        self.http(node, http);
    }

    pub(super) fn google_calendar(&mut self, node: &'e Source) {
        self.change(node, "a calendar look-up becomes an `http` node without an address: it has to be written anew");
        let variable = self.names.of(node).unwrap_or("slots").to_owned();
        let mut http = Map::new();
        http.insert("method".into(), "GET".into());
        http.insert("url".into(), "https://calendar.example/".into());
        http.insert("extract".into(), json!({ variable: "$" }));
        http.insert("x-imported-as".into(), "google_calendar".into());
        self.http(node, http);
    }

    /// `success` is `ok`; `error` stands for everything that goes wrong.
    fn http(&mut self, node: &'e Source, mut http: Map<String, Value>) {
        let (ok, error) = (self.target(node, "success"), self.target(node, "error"));
        http.insert("type".into(), "http".into());
        let next = json!({ "ok": ok, "http_error": error, "timeout": error, "bad_body": error });
        http.insert("next".into(), next);
        self.put(node, Value::Object(http));
    }

    pub(super) fn whatsapp_flow(&mut self, node: &'e Source) {
        self.change(node, "becomes a `flow` node, which cannot run yet: it takes its error path");
        let id = node.text("whatsappFlowId");
        let known = self.export.flows.get(&id);
        let title = known.and_then(|flow| flow.get("name")).and_then(Value::as_str).unwrap_or(&id);
        let name = slug(title, "flow");
        let mut flow = Map::new();
        if !id.is_empty() {
            flow.insert("id".into(), Value::String(id.clone()));
        }
        match known.and_then(|flow| flow.get("flowJson")).filter(|json| json.is_object()) {
            Some(json) => {
                flow.insert("json".into(), json.clone());
            }
            None => self.change(node, &format!("the definition of Flow `{title}` is not in the export")),
        }
        self.flows.insert(name.clone(), Value::Object(flow));
        let done = self.target_any(node);
        let failed = self.target(node, "error");
        let body = node.text("flowBodyText");
        let cta = Some(cut(&node.text("flowCta"), limits::BUTTON_TITLE)).filter(|cta| !cta.is_empty());
        let mode = node.text("flowMode");
        let mut value = json!({
            "type": "flow",
            "flow": name,
            "prompt": self.template(node, &body),
            "cta": cta.as_deref().unwrap_or(CTA),
            "entry": if mode == "data_exchange" { "data_exchange" } else { "navigate" },
            "save": self.names.of(node),
            "ttl": "10m",
            "next": { "done": done, "expired": failed, "other": failed, "failed": failed },
        });
        if node.has("flowInitialScreen") {
            value["screen"] = Value::String(node.text("flowInitialScreen"));
        }
        if node.get("flowInitialData").is_object() {
            value["data"] = self.fill(node, node.get("flowInitialData"));
        }
        self.put(node, value);
    }

    /// A value with the names in its texts mapped.
    fn fill(&mut self, node: &'e Source, value: &Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.template(node, text)),
            Value::Array(items) => items.iter().map(|item| self.fill(node, item)).collect(),
            Value::Object(map) => map.iter().map(|(key, item)| (key.clone(), self.fill(node, item))).collect(),
            other => other.clone(),
        }
    }
}

/// `data.items[0]` as a JSONPath; names that a path cannot spell are quoted.
fn json_path(path: &str) -> String {
    let mut out = "$".to_owned();
    for part in path.trim().trim_start_matches('$').split(['.', '[', ']']).filter(|part| !part.is_empty()) {
        let word = part.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        match part.parse::<u32>() {
            Ok(index) => out.push_str(&format!("[{index}]")),
            Err(_) if word && !part.starts_with(|c: char| c.is_ascii_digit()) => out.push_str(&format!(".{part}")),
            Err(_) => {
                let name = part.trim_matches(['"', '\'']);
                let plain: String = name.chars().filter(|c| !c.is_control() && *c != '\\' && *c != '\'').collect();
                out.push_str(&format!("['{plain}']"));
            }
        }
    }
    out
}

fn is_secret(name: &str) -> bool {
    let name = name.to_lowercase();
    ["auth", "key", "token", "secret", "cookie", "password"].iter().any(|word| name.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_the_original_become_json_paths() {
        for (path, ours) in [
            ("", "$"),
            ("data.items[0].name", "$.data.items[0].name"),
            ("$.data", "$.data"),
            ("0.a-b", "$[0]['a-b']"),
            ("a['b c']", "$.a['b c']"),
        ] {
            assert_eq!(json_path(path), ours, "{path}");
        }
    }
}
