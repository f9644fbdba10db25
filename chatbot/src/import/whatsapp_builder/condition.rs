//! Conditions, single and in groups, as a `branch`.

use serde_json::{Value, json};

use super::Writer;
use super::export::Source;
use crate::import::text::quoted;
use crate::loose;

impl<'e> Writer<'e> {
    pub(super) fn condition(&mut self, node: &'e Source) {
        let group = node.get("conditionGroup");
        let conditions = group.get("conditions").and_then(Value::as_array).filter(|list| !list.is_empty());
        let when = match conditions {
            Some(list) => {
                let any = ["logicalOperator", "logic", "operator"]
                    .iter()
                    .find_map(|key| group.get(key).and_then(Value::as_str))
                    .is_some_and(|word| word.eq_ignore_ascii_case("or"));
                let parts: Vec<String> = list
                    .iter()
                    .map(|one| {
                        self.compare(node, &field(one, "variable"), &field(one, "operator"), &field(one, "value"))
                    })
                    .collect();
                parts.join(if any { " or " } else { " and " })
            }
            None => {
                let (variable, op, value) =
                    (node.text("conditionVar"), node.text("conditionOp"), node.text("conditionVal"));
                self.compare(node, &variable, &op, &value)
            }
        };
        let yes = self.target(node, "true");
        let no = self.target(node, "false");
        self.put(node, json!({ "type": "branch", "cases": [ { "when": when, "to": yes } ], "else": no }));
    }

    /// One comparison; what the original could not judge was false.
    fn compare(&mut self, node: &'e Source, variable: &str, op: &str, value: &str) -> String {
        let variable = variable.trim();
        let bare = variable.strip_prefix("{{").and_then(|v| v.strip_suffix("}}")).unwrap_or(variable);
        let Some(known) = loose::operator(op) else {
            self.change(node, &format!("comparison `{op}` is unknown and never holds"));
            return "false".to_owned();
        };
        if bare.trim().is_empty() {
            self.change(node, "the condition names no variable and never holds");
            return "false".to_owned();
        }
        let (expression, lost) = self.names.path(bare);
        if let Some(lost) = lost {
            self.change(node, &lost);
        }
        let Some(expression) = expression else { return "false".to_owned() };
        if value.contains("{{") {
            self.change(
                node,
                &format!("`{value}` is compared as it reads, as before; variables in it are not filled in"),
            );
        }
        format!("({expression} | loosely('{known}', {}))", quoted(value))
    }
}

fn field(value: &Value, key: &str) -> String {
    match value.get(key) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Null) | None => String::new(),
        Some(other) => other.to_string(),
    }
}
