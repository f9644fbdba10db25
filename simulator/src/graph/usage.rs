//! The headers by which Graph says how much of its limits is used.

use http::{HeaderMap, HeaderValue};
use serde_json::json;

use crate::trouble::Rule;

/// What the headers say.
pub(super) struct Usage {
    waba_id: String,
    percent: u16,
    regain_minutes: u32,
}

impl Usage {
    /// What a rule wants said; `None` if it does not care.
    pub(super) fn of(rule: &Rule, waba_id: &str) -> Option<Self> {
        rule.usage_percent.or(rule.regain_minutes.map(|_| 100)).map(|percent| Self {
            waba_id: waba_id.to_owned(),
            percent,
            regain_minutes: rule.regain_minutes.unwrap_or_default(),
        })
    }

    pub(super) fn write(&self, headers: &mut HeaderMap) {
        let load = json!({ "call_count": self.percent, "total_cputime": 1, "total_time": 1 });
        let mut account = load.clone();
        account["type"] = json!("messages");
        account["estimated_time_to_regain_access"] = json!(self.regain_minutes);
        let accounts = json!({ self.waba_id.as_str(): [account] });
        for (name, value) in [("x-app-usage", load), ("x-business-use-case-usage", accounts)] {
            if let Ok(value) = HeaderValue::from_str(&value.to_string()) {
                headers.insert(name, value);
            }
        }
    }
}
