//! Conditions: comparisons of variables, all or any of which must hold.

use serde_json::Value;

use super::Book;
use super::export::{list, text};
use crate::import::text::quoted;
use crate::loose::typebot::OPERATORS;

impl Book<'_, '_> {
    /// An expression for a condition; one without comparisons never holds.
    pub(super) fn condition(&mut self, at: &str, condition: &Value) -> String {
        let any = text(condition, "logicalOperator").eq_ignore_ascii_case("or");
        let parts: Vec<String> =
            list(condition, "comparisons").iter().map(|comparison| self.comparison(at, comparison)).collect();
        match parts.as_slice() {
            [] => {
                self.change(at, "a condition without comparisons never holds");
                "false".to_owned()
            }
            [one] => one.clone(),
            many => many.join(if any { " or " } else { " and " }),
        }
    }

    fn comparison(&mut self, at: &str, comparison: &Value) -> String {
        let Some(variable) = self.names.of(text(comparison, "variableId")) else {
            self.change(at, "a comparison without a variable never holds");
            return "false".to_owned();
        };
        self.compare(at, &variable, comparison)
    }

    /// One comparison of an expression of ours.
    pub(super) fn compare(&mut self, at: &str, left: &str, comparison: &Value) -> String {
        let operator = text(comparison, "comparisonOperator");
        let Some((_, ours)) = OPERATORS.iter().find(|(theirs, _)| *theirs == operator) else {
            self.change(at, &format!("the comparison `{operator}` is not mapped and never holds"));
            return "false".to_owned();
        };
        if matches!(*ours, "is_set" | "is_empty") {
            return format!("({left} | typebot_is('{ours}'))");
        }
        let value = text(comparison, "value");
        let right = match value {
            "undefined" | "null" => "none".to_owned(),
            value => self.expression(at, value),
        };
        if matches!(*ours, "matches" | "not_matches") && !value.contains("{{") {
            self.check_pattern(at, value);
        }
        format!("({left} | typebot_is('{ours}', {right}))")
    }

    fn check_pattern(&mut self, at: &str, pattern: &str) {
        let bare = pattern.strip_prefix('/').and_then(|rest| rest.rsplit_once('/')).map_or(pattern, |(bare, _)| bare);
        let built = regex::RegexBuilder::new(bare).size_limit(crate::caps::MAX_PATTERN_BYTES).build();
        if built.is_err() || bare.chars().count() > crate::caps::MAX_PATTERN_CHARS {
            self.change(at, &format!("the pattern {} is not one of ours and never matches", quoted(pattern)));
        }
    }
}
