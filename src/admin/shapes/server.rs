//! The server and its numbers.

use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

/// How a number stands.
#[derive(ToSchema)]
#[schema(example = json!({
    "id": "106540352242922", "display_phone_number": "15550001", "business_account_id": "102290129340398",
    "label": null, "origin": "configuration", "coexistence": false, "bot": "welcome", "messages_per_second": 80, "messages_per_second_now": 80.0, "open": 0,
    "open_bulk": 0, "under_way": 0, "oldest_seconds": null, "paused": null
}))]
pub(in super::super) struct Number {
    /// Meta's `phone_number_id`.
    id: String,
    /// As people see it.
    display_phone_number: Option<String>,
    /// The business account, if known.
    business_account_id: Option<String>,
    /// What people call it.
    label: Option<String>,
    /// `configuration` or `store`.
    origin: String,
    /// Whether it is used in the WhatsApp Business app, too.
    coexistence: bool,
    /// The bot that answers.
    bot: String,
    /// As configured.
    messages_per_second: Option<u32>,
    /// As it is now that Meta may have asked for less.
    messages_per_second_now: Option<f64>,
    /// Messages not settled yet.
    open: u64,
    /// Those of them that are one of many.
    open_bulk: u64,
    /// Requests under way.
    under_way: u64,
    /// Age of the oldest open one.
    oldest_seconds: Option<f64>,
    /// Why nothing is sent, if so.
    paused: Option<Value>,
}

/// Why an operator stops a number.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "reason": "moving house" }))]
pub(in super::super) struct PauseReason {
    /// Shown to everybody who looks.
    #[schema(min_length = 1, max_length = 500)]
    pub reason: String,
}
