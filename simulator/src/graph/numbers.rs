//! What there is to read of a business number.

use http::request::Parts;
use serde_json::{Value, json};

use super::error::Refusal;
use super::route::Route;
use super::{Answer, query};
use crate::config::Number;
use crate::core::Core;

/// `GET /{phone_number_id}?fields=…`
pub(super) fn node(core: &Core, number: &Number, parts: &Parts) -> Result<Answer, Refusal> {
    let all = describe(core, number);
    let asked = query(parts);
    let Some(fields) = asked.get("fields") else { return Ok(Answer::json(&all)) };
    only_fields(&all, fields).map(|node| Answer::json(&node))
}

/// `GET /{waba_id}/phone_numbers`
pub(super) fn list(core: &Core, route: &Route<'_>) -> Result<Answer, Refusal> {
    let mine = core.config.numbers.iter().filter(|n| n.waba_id == route.id);
    let data: Vec<_> = mine.map(|number| describe(core, number)).collect();
    if data.is_empty() {
        return Err(Refusal::no_object(route.id, "GET"));
    }
    Ok(Answer::json(&json!({ "data": data })))
}

fn describe(core: &Core, number: &Number) -> Value {
    let standing = core.number(&number.phone_number_id).map(|(at, _)| core.standing.of(at)).unwrap_or_default();
    let per_second = core.trouble.rates().1.filter(|_| !standing.on_phone_app);
    let level = if per_second.is_some_and(|n| n >= 1_000) { "HIGH" } else { "STANDARD" };
    json!({
        "id": number.phone_number_id,
        "display_phone_number": number.display_phone_number,
        "verified_name": "Simulator",
        "quality_rating": "GREEN",
        "status": standing.word(),
        "throughput": { "level": level },
        "code_verification_status": "VERIFIED",
        "name_status": "APPROVED",
        "platform_type": "CLOUD_API",
        "is_on_biz_app": standing.on_phone_app,
        "account_mode": if standing.reaches.is_some() { "SANDBOX" } else { "LIVE" },
        "messaging_limit_tier": "TIER_1K",
        "whatsapp_business_manager_messaging_limit": "TIER_1K",
    })
}

/// A node with `id` and what was asked for; Graph refuses a field that it does not know.
pub(super) fn only_fields(node: &Value, fields: &str) -> Result<Value, Refusal> {
    let mut chosen = json!({ "id": node["id"] });
    for field in fields.split(',').map(str::trim).filter(|f| !f.is_empty()) {
        let Some(value) = node.get(field) else {
            return Err(Refusal::parameter(format!("Tried accessing nonexisting field ({field})")));
        };
        chosen[field] = value.clone();
    }
    Ok(chosen)
}
