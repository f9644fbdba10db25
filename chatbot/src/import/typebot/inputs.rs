//! Inputs that are answered with words, numbers, dates or files.

use serde_json::{Value, json};

use super::Book;
use super::export::{Block, options, text};
use crate::caps;
use crate::import::text::quoted;

/// What was shown before an input, and where it leads.
pub(super) struct Asked {
    pub(super) prompt: Value,
    pub(super) next: String,
}

impl Book<'_, '_> {
    /// An input as an `ask`.
    pub(super) fn ask(&mut self, block: &Block<'_>, asked: Asked) -> Value {
        let given = options(block.value);
        let expect = self.expected(block, given);
        let mut node = json!({ "type": "ask", "prompt": asked.prompt, "expect": expect });
        if let Some(variable) = self.names.of(text(given, "variableId")) {
            node["save"] = Value::String(variable);
        }
        let mut invalid = json!({ "tries": caps::MAX_TRIES });
        let retry = self.template(&block.name, text(given, "retryMessageContent"));
        if !retry.trim().is_empty() {
            invalid["message"] = Value::String(retry);
        }
        if expect != "any" {
            node["invalid"] = invalid;
            self.tries = true;
        }
        node["next"] = json!({ "ok": asked.next });
        node
    }

    fn expected(&mut self, block: &Block<'_>, given: &Value) -> Value {
        match block.kind {
            "number input" => self.number(block, given),
            "email input" => "email".into(),
            "url input" => "url".into(),
            "phone number input" => "phone".into(),
            "time input" => "time".into(),
            "date input" => self.date(block, given),
            "rating input" => rating(given),
            "file input" => self.file(block, given),
            _ => self.words(block, given),
        }
    }

    fn words(&mut self, block: &Block<'_>, given: &Value) -> Value {
        let on =
            |key: &str| given.get(key).and_then(|part| part.get("isEnabled")).and_then(Value::as_bool) == Some(true);
        if on("attachments") || on("audioClip") {
            self.change(&block.name, "files and voice messages are kept in place of the words, not beside them");
            return "any".into();
        }
        "text".into()
    }

    fn number(&mut self, block: &Block<'_>, given: &Value) -> Value {
        let mut expect = json!({ "type": "number" });
        let mut checks = Vec::new();
        for (key, sign) in [("min", ">="), ("max", "<=")] {
            match given.get(key) {
                Some(Value::Number(number)) => expect[key] = Value::Number(number.clone()),
                Some(Value::String(limit)) if !limit.trim().is_empty() => {
                    let limit = self.expression(&block.name, limit);
                    checks.push(format!("value {sign} ({limit} | float(0))"));
                }
                _ => {}
            }
        }
        match given.get("step").and_then(Value::as_f64) {
            Some(step) if step.fract() == 0.0 && step > 1.0 => checks.push(format!("value % {step} == 0")),
            _ => {}
        }
        let low = expect["min"].as_f64();
        if let (Some(low), Some(high)) = (low, expect["max"].as_f64())
            && low > high
        {
            self.change(&block.name, "the smallest number is above the largest: neither is asked for");
            return json!({ "type": "number" });
        }
        if !checks.is_empty() {
            expect["check"] = Value::String(checks.join(" and "));
        }
        if expect.as_object().is_some_and(|keys| keys.len() == 1) { "number".into() } else { expect }
    }

    fn date(&mut self, block: &Block<'_>, given: &Value) -> Value {
        let on = |key: &str| given.get(key).and_then(Value::as_bool) == Some(true);
        if on("isRange") {
            self.change(&block.name, "a range of dates is not mapped: it is asked as words");
            return "text".into();
        }
        if !text(given, "format").is_empty() {
            self.change(&block.name, "a date is kept as 2026-11-22, not in the format of the block");
        }
        let kind = if on("hasTime") { "datetime" } else { "date" };
        let mut expect = json!({ "type": kind });
        for key in ["min", "max"] {
            let limit = text(given, key);
            // Constant days only: `2026-11-22`.
            if limit.parse::<jiff::civil::Date>().is_ok() && kind == "date" {
                expect[key] = Value::String(limit.to_owned());
            } else if !limit.is_empty() {
                self.change(&block.name, &format!("the limit {} of the date is not mapped", quoted(limit)));
            }
        }
        if expect.as_object().is_some_and(|keys| keys.len() == 1) { kind.into() } else { expect }
    }

    fn file(&mut self, block: &Block<'_>, given: &Value) -> Value {
        self.change(&block.name, "a file is kept as WhatsApp describes it, not as an address");
        if given.get("isMultipleAllowed").and_then(Value::as_bool) == Some(true) {
            self.change(&block.name, "one file is taken, not several");
        }
        if given.get("isRequired").and_then(Value::as_bool) == Some(false) {
            self.change(&block.name, "whoever has no file writes anything, such as “skip”");
            return "any".into();
        }
        "media".into()
    }
}

/// The numbers that can be given: mostly 1 to 10.
fn rating(given: &Value) -> Value {
    let from = given.get("startsAt").and_then(Value::as_u64).unwrap_or(1).min(1_000_000);
    let most = given.get("length").and_then(Value::as_u64).unwrap_or(10).clamp(from, 1_000_000);
    json!({ "type": "int", "min": from, "max": most })
}

/// What the ends of a rating mean, for below the question.
pub(super) fn scale(block: &Block<'_>) -> Option<String> {
    if block.kind != "rating input" {
        return None;
    }
    let given = options(block.value);
    let labels = given.get("labels").unwrap_or(&Value::Null);
    let (left, right) = (text(labels, "left"), text(labels, "right"));
    let range = rating(given);
    let end =
        |label: &str, number: &Value| if label.is_empty() { number.to_string() } else { format!("{number} = {label}") };
    Some(format!("({} … {})", end(left, &range["min"]), end(right, &range["max"])))
}
