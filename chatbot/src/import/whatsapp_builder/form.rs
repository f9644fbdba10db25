//! `whatsapp_flow` as a `flow` node, with the Flow's definition under `flows`.

use serde_json::{Map, Value, json};
use whatsapp::limits;

use super::Writer;
use super::export::Source;
use crate::import::text::{cut, slug};

/// What the button and the text were when the author wrote nothing.
const CTA: &str = "Start";
const BODY: &str = "Please complete this form";

impl<'e> Writer<'e> {
    pub(super) fn whatsapp_flow(&mut self, node: &'e Source) {
        let flow = self.flow_entry(node);
        let exchange = node.text("flowMode") == "data_exchange";
        let body = [node.text("flowBodyText"), node.text("content"), BODY.to_owned()];
        let body = body.iter().find(|body| !body.trim().is_empty()).map(String::as_str).unwrap_or(BODY);
        let prompt = self.fitted(node, "prompt", body, limits::INTERACTIVE_BODY);
        let cta = Some(cut(&node.text("flowCta"), limits::FLOW_BUTTON)).filter(|cta| !cta.is_empty());
        let cta = self.template(node, cta.as_deref().unwrap_or(CTA));
        let done = self.target_any(node);
        let failed = self.target(node, "error");
        // Ten minutes, then the conversation was over; other messages were not heard.
        let expired = self.or_end(None);
        let mut value = json!({
            "type": "flow",
            "flow": flow,
            "prompt": prompt,
            "cta": cta,
            "entry": if exchange { "data_exchange" } else { "navigate" },
            "ttl": "10m",
            "next": { "done": done, "expired": expired, "failed": failed },
        });
        if let Some(variable) = self.names.of(node) {
            value["save"] = Value::String(variable.to_owned());
        }
        for (keys, ours, limit) in [
            (["flowHeaderText", "headerText"], "header", limits::HEADER),
            (["flowFooterText", "footerText"], "footer", limits::FOOTER),
        ] {
            if let Some(key) = keys.iter().find(|key| node.has(key)) {
                value[ours] = Value::String(self.fitted(node, ours, &node.text(key), limit));
            }
        }
        self.entry(node, exchange, &mut value);
        self.put(node, value);
    }

    /// Where the form begins, and with what.
    fn entry(&mut self, node: &'e Source, exchange: bool, value: &mut Value) {
        if node.has("dataSourceId") {
            self.change(node, "what the data source filled in is missing: ask for it in an `http` node before");
        }
        let data = node.get("flowInitialData");
        let data = data.as_object().filter(|data| !data.is_empty());
        if exchange {
            if node.has("flowInitialScreen") || data.is_some() {
                self.change(node, "the first screen and its data come from the endpoint and are not sent along");
            }
            return;
        }
        if node.has("flowInitialScreen") {
            value["screen"] = Value::String(self.template(node, &node.text("flowInitialScreen")));
            if let Some(data) = data {
                value["data"] = self.fill(node, &Value::Object(data.clone()));
            }
        } else if data.is_some() {
            self.change(node, "the data of the form goes to no screen and is left out: name its first screen");
        }
    }

    /// Notes the Flow under `flows`; gives its name there.
    fn flow_entry(&mut self, node: &'e Source) -> String {
        let id = node.text("whatsappFlowId");
        let known = self.export.flows.get(&id);
        let text = |key: &str| known.and_then(|flow| flow.get(key)).and_then(Value::as_str).unwrap_or_default();
        let title = if text("name").is_empty() { id.as_str() } else { text("name") };
        let name = slug(title, "flow");
        let mut flow = Map::new();
        let mut meta = Map::new();
        if !id.trim().is_empty() {
            flow.insert("id".into(), Value::String(id.trim().to_owned()));
        }
        if !text("name").trim().is_empty() {
            meta.insert("name".into(), Value::String(text("name").to_owned()));
        }
        if let Some(categories) = known.and_then(|flow| flow.get("categories")).filter(|value| value.is_array()) {
            meta.insert("categories".into(), categories.clone());
        }
        if !text("endpointUri").is_empty() {
            meta.insert("endpoint".into(), Value::String(text("endpointUri").to_owned()));
            self.change(
                node,
                &format!("the endpoint of Flow `{title}` is still the original's: write `on` to answer here"),
            );
        }
        if text("status").eq_ignore_ascii_case("draft") {
            self.change(node, &format!("Flow `{title}` is a draft: publish it, or set `allow_draft` while you test"));
        }
        match known.and_then(|flow| flow.get("flowJson")).filter(|json| json.is_object()) {
            Some(json) => {
                flow.insert("json".into(), json.clone());
            }
            None => self.change(node, &format!("the definition of Flow `{title}` is not in the export")),
        }
        if !meta.is_empty() {
            flow.insert("meta".into(), Value::Object(meta));
        }
        self.flows.insert(name.clone(), Value::Object(flow));
        name
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
