//! `GET /{flow_id}?fields=…`

use http::request::Parts;
use serde_json::{Value, json};

use super::super::error::Refusal;
use super::super::query;
use super::{APP_ID, Answer, errors, flow, json_of};
use crate::core::Core;
use crate::date;
use crate::flows::metrics::{ENOUGH, NAMES, metric};
use crate::flows::{FlowStatus, StoredFlow};
use crate::links;

/// What Graph shows when nothing is asked for.
pub(super) const DEFAULT: &str = "id,name,status,categories,validation_errors";
const DAY_MS: u64 = 86_400_000;

/// A field with its modifiers, as in `metric.name(X).since(Y)`.
pub(super) struct Field<'a> {
    name: &'a str,
    with: Vec<(&'a str, &'a str)>,
}

impl Field<'_> {
    fn with(&self, key: &str) -> Option<&str> {
        self.with.iter().find(|(name, _)| *name == key).map(|(_, value)| *value)
    }
}

/// The fields of a list, split at commas outside of parentheses.
pub(super) fn fields_of(text: &str) -> Vec<Field<'_>> {
    let mut depth = 0_u32;
    let mut splits = |c: char| {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        c == ',' && depth == 0
    };
    let pieces: Vec<_> = text.split(&mut splits as &mut dyn FnMut(char) -> bool).map(str::trim).collect();
    pieces.into_iter().filter(|piece| !piece.is_empty()).map(field).collect()
}

fn field(text: &str) -> Field<'_> {
    let (name, rest) = text.split_once('.').unwrap_or((text, ""));
    let with = rest.split_inclusive(')').filter_map(|piece| {
        let (key, value) = piece.trim_start_matches('.').strip_suffix(')')?.split_once('(')?;
        Some((key, value))
    });
    Field { name, with: with.collect() }
}

/// A Flow by its id.
pub(in crate::graph) fn node(core: &Core, id: &str, parts: &Parts) -> Result<Answer, Refusal> {
    let asked = query(parts);
    let fields = fields_of(asked.get("fields").map_or(DEFAULT, String::as_str));
    describe(core, &flow(core, id, "GET")?, &fields).map(|node| Answer::json(&node))
}

/// The asked fields of a Flow, and its id.
pub(super) fn describe(core: &Core, flow: &StoredFlow, fields: &[Field<'_>]) -> Result<Value, Refusal> {
    let mut node = json!({ "id": flow.id });
    for field in fields {
        let value = value(core, flow, field)?;
        if !value.is_null() {
            node[field.name] = value;
        }
    }
    Ok(node)
}

fn value(core: &Core, flow: &StoredFlow, field: &Field<'_>) -> Result<Value, Refusal> {
    let content = flow.content.as_ref();
    Ok(match field.name {
        "id" => json!(flow.id),
        "name" => json!(flow.name),
        "status" => json!(flow.status.name()),
        "categories" => json!(flow.categories),
        "validation_errors" => errors(flow),
        "json_version" => json_of(content, "version"),
        "data_api_version" => json_of(content, "data_api_version"),
        "endpoint_uri" => flow.endpoint_uri.as_ref().map_or(Value::Null, |uri| json!(uri)),
        "preview" => preview(core, flow, field.with("invalidate") == Some("true")),
        "whatsapp_business_account" => json!({
            "id": flow.waba_id, "name": "Simulator", "currency": "GBP", "timezone_id": "1",
            "message_template_namespace": "simulator",
        }),
        "application" => {
            let id = flow.application_id.as_deref().unwrap_or(APP_ID);
            let link = format!("https://www.facebook.com/games/?app_id={id}");
            json!({ "id": id, "name": "Simulator app", "link": link })
        }
        "health_status" => health(core, flow, field.with("phone_number"))?,
        "metric" => metrics(core, flow, field)?,
        other => return Err(Refusal::parameter(format!("Tried accessing nonexisting field ({other})"))),
    })
}

/// A link for 30 days; a new one if the old one shall die, or has.
fn preview(core: &Core, flow: &StoredFlow, invalidate: bool) -> Value {
    let now_ms = core.now_ms();
    let kept = core.flows.change(&flow.id, |flow| {
        if invalidate || flow.preview.as_ref().is_none_or(|(_, until)| now_ms >= *until) {
            flow.preview = Some((core.ids.trace(), now_ms.saturating_add(30 * DAY_MS)));
        }
        flow.preview.clone()
    });
    let Some((token, until)) = kept.flatten() else { return Value::Null };
    json!({ "preview_url": links::preview(core, &flow.id, &token), "expires_at": date::graph(until) })
}

fn health(core: &Core, flow: &StoredFlow, phone: Option<&str>) -> Result<Value, Refusal> {
    let mut faults = Vec::new();
    let mut fault = |code: u32, what: &str, cure: &str| {
        faults.push(json!({ "error_code": code, "error_description": what, "possible_solution": cure }));
    };
    match flow.status {
        FlowStatus::Blocked => fault(139000, "The Flow is blocked.", "Fix its endpoint and wait for Meta's check."),
        FlowStatus::Deprecated => fault(139000, "The Flow is deprecated.", "Publish another one."),
        _ => {}
    }
    if flow.content.as_ref().is_none_or(|content| !content.errors.is_empty()) {
        fault(131000, "The Flow JSON is missing or has errors.", "Upload valid Flow JSON.");
    }
    if flow.has_endpoint() && flow.endpoint_uri.is_none() {
        fault(131000, "endpoint_uri missing", "Set endpoint_uri.");
    }
    let mut number = None;
    if let Some(id) = phone {
        let (at, _) = core.number(id).ok_or_else(|| Refusal::no_object(id, "GET"))?;
        if flow.has_endpoint() && !core.keys.of(at).is_some_and(|key| key.valid) {
            fault(131000, "The number has no signed public key.", "Upload the public key of the number.");
        }
        let word = if core.standing.of(at).registered { "AVAILABLE" } else { "BLOCKED" };
        number = Some(json!({ "entity_type": "PHONE_NUMBER", "id": id, "can_send_message": word }));
    }
    let can = match flow.status {
        _ if !faults.is_empty() => "BLOCKED",
        FlowStatus::Throttled => "LIMITED",
        _ => "AVAILABLE",
    };
    let mut own = json!({ "entity_type": "FLOW", "id": flow.id, "can_send_message": can });
    if !faults.is_empty() {
        own["errors"] = json!(faults);
    }
    let available = |kind: &str, id: &str| json!({ "entity_type": kind, "id": id, "can_send_message": "AVAILABLE" });
    let app = flow.application_id.as_deref().unwrap_or(APP_ID);
    let entities: Vec<_> =
        [own, available("WABA", &flow.waba_id), available("APP", app)].into_iter().chain(number).collect();
    Ok(json!({ "can_send_message": can, "entities": entities }))
}

fn metrics(core: &Core, flow: &StoredFlow, field: &Field<'_>) -> Result<Value, Refusal> {
    let name = field.with("name").unwrap_or_default();
    if !NAMES.contains(&name) {
        return Err(Refusal::parameter(format!("Param metric.name {name:?} must be one of {NAMES:?}")));
    }
    let granularity = field.with("granularity").unwrap_or("DAY").to_ascii_uppercase();
    if !["DAY", "HOUR", "LIFETIME"].contains(&granularity.as_str()) {
        return Err(Refusal::parameter("Param metric.granularity must be one of {DAY, HOUR, LIFETIME}"));
    }
    let day = |key: &str, or: u64| match field.with(key) {
        None => Ok(or),
        Some(text) => date::parse_day(text)
            .ok_or_else(|| Refusal::parameter(format!("Param metric.{key} {text:?} is not a day like 2026-11-01"))),
    };
    let (since, until) = (day("since", 0)?, day("until", core.now_ms())?.saturating_add(DAY_MS));
    if flow.asked.total < ENOUGH {
        let why = format!("Metrics need {ENOUGH} requests to the endpoint; there were {}.", flow.asked.total);
        return Err(Refusal::flow(139006, "Metrics are not available", why));
    }
    Ok(metric(&flow.asked, name, &granularity, since, until))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_split_outside_of_their_modifiers() {
        let fields = fields_of("id, preview.invalidate(false),metric.name(A,B).granularity(DAY).since(2026-11-01),x");
        let names: Vec<_> = fields.iter().map(|f| f.name).collect();
        assert_eq!(names, ["id", "preview", "metric", "x"]);
        assert_eq!(fields[1].with("invalidate"), Some("false"));
        assert_eq!((fields[2].with("name"), fields[2].with("since")), (Some("A,B"), Some("2026-11-01")));
        assert_eq!(fields[2].with("until"), None);
        for odd in ["", ",,", "a.b", "a.b(", "a.)(", "(,)", "a.b)c("] {
            fields_of(odd);
        }
    }
}
