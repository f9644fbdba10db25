//! Logic: variables, conditions, jumps, waits and ways by chance.

use serde_json::{Map, Value, json};

use super::Book;
use super::code;
use super::export::{Block, list, options, text};
use crate::import::text::{duration, quoted};

impl<'e, 'v> Book<'e, 'v> {
    pub(super) fn set_variable(&mut self, block: &'e Block<'v>, next: String) -> Value {
        let given = options(block.value);
        let Some(variable) = self.names.of(text(given, "variableId")) else {
            self.change(&block.name, "no variable is named; it is passed over");
            return json!({ "type": "goto", "to": next });
        };
        let mut assign = Map::new();
        match text(given, "type") {
            "Pop" | "Shift" => {
                let all = format!("({variable} or [])");
                let (taken, rest) = match text(given, "type") {
                    "Pop" => (format!("({all} | last)"), format!("{all}[:-1]")),
                    _ => (format!("({all} | first)"), format!("{all}[1:]")),
                };
                if let Some(into) = self.names.of(text(given, "saveItemInVariableId")) {
                    assign.insert(into, Value::String(taken));
                }
                assign.insert(variable, Value::String(rest));
            }
            kind => {
                let value = self.value(block, kind, given, &variable);
                assign.insert(variable, Value::String(value));
            }
        }
        json!({ "type": "set", "assign": assign, "next": { "next": next } })
    }

    /// The value of a kind of assignment.
    fn value(&mut self, block: &Block<'_>, kind: &str, given: &Value, variable: &str) -> String {
        let zone = text(given, "timeZone");
        let zoned = if zone.is_empty() { String::new() } else { format!(", {}", quoted(zone)) };
        let day = |shift: i64| format!("(((now | date('%s') | int(0)) + {shift}) | date('%FT%TZ'))");
        match kind {
            "" | "Custom" => self.custom(block, given),
            "Empty" => "none".to_owned(),
            "Now" if zone.is_empty() => "now".to_owned(),
            "Now" => format!("(now | date('%FT%T%:z'{zoned}))"),
            "Today" => "(now | date)".to_owned(),
            "Yesterday" => day(-86_400),
            "Tomorrow" => day(86_400),
            "Moment of the day" => {
                self.change(&block.name, "the moment of the day is that of UTC");
                let hour = "(now | date('%H') | int(0))";
                format!(
                    "('night' if {hour} < 6 else 'morning' if {hour} < 12 else 'afternoon' if {hour} < 18 else 'evening' if {hour} < 22 else 'night')"
                )
            }
            "Random ID" | "Result ID" => format!("(run.id ~ {})", quoted(&format!("-{}", block.name))),
            "User ID" => "(contact.user_id or contact.wa_id)".to_owned(),
            "Environment name" => "'whatsapp'".to_owned(),
            "Phone number" => "contact.phone".to_owned(),
            "Contact name" => "contact.name".to_owned(),
            "Append value(s)" => {
                let item = self.expression(&block.name, text(given, "item"));
                format!("(({variable} or []) | list) + [{item}]")
            }
            "Map item with same index" => self.same_index(block, given),
            other => {
                let what = format!("the value `{other}` is not mapped; the variable is emptied");
                self.change(&block.name, &what);
                "none".to_owned()
            }
        }
    }

    fn custom(&mut self, block: &Block<'_>, given: &Value) -> String {
        let source = text(given, "expressionToEvaluate");
        if given.get("isCode").and_then(Value::as_bool) != Some(true) {
            return self.expression(&block.name, source);
        }
        code::expression(source, &self.names).unwrap_or_else(|why| {
            let shown: String = source.trim().chars().take(60).collect();
            self.change(&block.name, &format!("the code `{shown}` is not mapped; the variable is emptied: {why}"));
            "none".to_owned()
        })
    }

    fn same_index(&mut self, block: &Block<'_>, given: &Value) -> String {
        let params = given.get("mapListItemParams").unwrap_or(&Value::Null);
        let of = |key: &str| self.names.of(text(params, key));
        match (of("baseItemVariableId"), of("baseListVariableId"), of("targetListVariableId")) {
            (Some(item), Some(base), Some(target)) => {
                format!(
                    "((({base} or []) | zip({target} or []) | selectattr(0, 'eq', {item}) | first) or [none, none])[1]"
                )
            }
            _ => {
                self.change(&block.name, "a list or item is not named; the variable is emptied");
                "none".to_owned()
            }
        }
    }

    pub(super) fn branch(&mut self, block: &'e Block<'v>, next: String) -> Value {
        let mut cases = Vec::new();
        for item in list(block.value, "items") {
            let when = self.condition(&block.name, item.get("content").unwrap_or(&Value::Null));
            let to = self.export.edge(text(item, "outgoingEdgeId")).map_or_else(|| next.clone(), str::to_owned);
            cases.push(json!({ "when": when, "to": to }));
        }
        match cases.is_empty() {
            true => json!({ "type": "goto", "to": next }),
            false => json!({ "type": "branch", "cases": cases, "else": next }),
        }
    }

    pub(super) fn split(&mut self, block: &'e Block<'v>, next: String) -> Value {
        let percent = options(block.value).get("aPercent").and_then(Value::as_u64).unwrap_or(50).min(100);
        let mut ports = Map::new();
        for (port, at) in [("a", 0), ("b", 1)] {
            let item = list(block.value, "items").get(at).unwrap_or(&Value::Null);
            let to = self.export.edge(text(item, "outgoingEdgeId")).map_or_else(|| next.clone(), str::to_owned);
            ports.insert(port.to_owned(), Value::String(to));
        }
        json!({ "type": "split", "weights": { "a": percent, "b": 100 - percent }, "next": ports })
    }

    pub(super) fn wait(&mut self, block: &Block<'_>, next: String) -> Value {
        let given = options(block.value).get("secondsToWaitFor");
        let written = match given {
            Some(Value::Number(number)) => number.to_string(),
            Some(Value::String(text)) => text.clone(),
            _ => String::new(),
        };
        if written.contains("{{") {
            let seconds = self.expression(&block.name, &written);
            let until = format!("{{{{ (now | date('%s') | int(0)) + ({seconds} | int(0)) }}}}");
            return json!({ "type": "wait", "until": until, "next": { "next": next } });
        }
        match written.trim().parse::<f64>() {
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // clamped by `duration`
            Ok(seconds) if seconds >= 1.0 => {
                json!({ "type": "wait", "for": duration(seconds as u64), "next": { "next": next } })
            }
            _ => {
                self.change(&block.name, "a wait of less than a second is passed over");
                json!({ "type": "goto", "to": next })
            }
        }
    }

    pub(super) fn jump(&mut self, block: &Block<'_>, next: String) -> Value {
        let given = options(block.value);
        let at = Some(text(given, "blockId")).filter(|block| !block.is_empty());
        match self.export.place(text(given, "groupId"), at) {
            Some(to) => json!({ "type": "goto", "to": to }),
            None => {
                self.change(&block.name, "it jumps to a group that is not there; it is passed over");
                json!({ "type": "goto", "to": next })
            }
        }
    }

    /// A link to this very bot is a call; what others do is not in the file.
    pub(super) fn link(&mut self, block: &Block<'_>, next: String) -> Value {
        let given = options(block.value);
        if text(given, "typebotId") != "current" {
            self.change(&block.name, "another typebot is not in the file; it is passed over");
            return json!({ "type": "goto", "to": next });
        }
        let to = self.export.place(text(given, "groupId"), None).map(str::to_owned);
        let to = to.or_else(|| self.start());
        match to {
            Some(to) => json!({ "type": "call", "node": to, "next": { "returned": next, "failed": next } }),
            None => json!({ "type": "goto", "to": next }),
        }
    }

    pub(super) fn redirect(&mut self, block: &Block<'_>, next: String) -> Value {
        let url = self.template(&block.name, text(options(block.value), "url"));
        if url.trim().is_empty() {
            return json!({ "type": "goto", "to": next });
        }
        self.change(&block.name, "a redirect becomes a message with the address");
        json!({ "type": "say", "messages": [{ "text": url, "preview_url": true }], "next": { "next": next } })
    }
}
