//! Whether a message may open a Flow, and what it opens.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::super::error::Refusal;
use crate::core::Core;
use crate::flows::json::FlowJson;
use crate::flows::{Content, FlowStatus, StoredFlow};
use crate::templates::{StoredTemplate, component};

/// What a throttled Flow may still be sent, and in which time.
const THROTTLED_SENDS: usize = 10;
const HOUR_MS: u64 = 3_600_000;

/// What a message opens, kept as it was when the message was sent.
#[derive(Debug, Clone)]
pub(crate) struct Opening {
    pub(crate) flow_id: String,
    pub(crate) flow_name: String,
    /// `draft` or `published`.
    pub(crate) mode: &'static str,
    /// None of a Flow that the stand-in knows by its name only.
    pub(crate) content: Option<Arc<Content>>,
    pub(crate) token: String,
    /// The first screen and its data; nothing if the endpoint says what comes first.
    pub(crate) first: Option<(String, Map<String, Value>)>,
}

/// What a message asks for, whichever kind of message it is.
struct Wish<'a> {
    id: Option<&'a str>,
    name: Option<&'a str>,
    is_draft: bool,
    token: Option<&'a str>,
    asks_endpoint: bool,
    screen: Option<&'a str>,
    data: Option<&'a Value>,
}

/// The Flow that a message with a Flow button opens; nothing for other messages.
pub(crate) fn opening(
    core: &Core,
    waba_id: &str,
    body: &Value,
    template: Option<&StoredTemplate>,
) -> Result<Option<Opening>, Refusal> {
    let given = &body["interactive"]["action"]["parameters"];
    if body["interactive"]["type"] == "flow" {
        let payload = &given["flow_action_payload"];
        return open(
            core,
            waba_id,
            &Wish {
                id: given["flow_id"].as_str(),
                name: given["flow_name"].as_str(),
                is_draft: given["mode"] == "draft",
                token: given["flow_token"].as_str(),
                asks_endpoint: given["flow_action"] == "data_exchange",
                screen: payload["screen"].as_str(),
                data: payload.get("data"),
            },
        )
        .map(Some);
    }
    let Some(button) = template.and_then(button) else { return Ok(None) };
    let parts = body["template"]["components"].as_array().into_iter().flatten();
    let own = parts.filter(|part| part["sub_type"].as_str().is_some_and(|s| s.eq_ignore_ascii_case("flow")));
    let action = own.map(|part| &part["parameters"][0]["action"]).next().unwrap_or(&Value::Null);
    open(
        core,
        waba_id,
        &Wish {
            id: button["flow_id"].as_str(),
            name: button["flow_name"].as_str(),
            is_draft: false,
            token: action["flow_token"].as_str(),
            asks_endpoint: button["flow_action"].as_str().is_some_and(|a| a.eq_ignore_ascii_case("data_exchange")),
            screen: button["navigate_screen"].as_str(),
            data: action.get("flow_action_data"),
        },
    )
    .map(Some)
}

/// The Flow button of a template, if it names a Flow.
fn button(template: &StoredTemplate) -> Option<&Value> {
    let buttons = component(&template.components, "BUTTONS")?["buttons"].as_array()?;
    let named = |b: &&Value| b["flow_id"].is_string() || b["flow_name"].is_string();
    buttons.iter().filter(|b| b["type"].as_str().is_some_and(|t| t.eq_ignore_ascii_case("FLOW"))).find(named)
}

fn open(core: &Core, waba_id: &str, wish: &Wish<'_>) -> Result<Opening, Refusal> {
    let flow = find(core, waba_id, wish)?;
    may_be_sent(&flow, core.now_ms())?;
    let content = content(&flow, wish)?;
    let json = content.as_ref().and_then(|content| content.json.as_ref());
    let first = match json {
        _ if wish.asks_endpoint => {
            if json.is_some_and(|json| !json.has_endpoint()) {
                return Err(Refusal::value(format!("Flow {} has no endpoint for data_exchange.", flow.id)));
            }
            None
        }
        Some(json) => Some(first(json, wish)?),
        None => Some((wish.screen.unwrap_or_default().to_owned(), Map::new())),
    };
    Ok(Opening {
        flow_id: flow.id,
        flow_name: flow.name,
        mode: if wish.is_draft { "draft" } else { "published" },
        content,
        token: wish.token.unwrap_or("unused").to_owned(),
        first,
    })
}

fn find(core: &Core, waba_id: &str, wish: &Wish<'_>) -> Result<StoredFlow, Refusal> {
    let (found, called) = match (wish.id, wish.name) {
        (Some(id), _) => (core.flows.get(id).filter(|flow| flow.waba_id == waba_id), id),
        (None, Some(name)) => (core.flows.named(waba_id, name), name),
        (None, None) => return Err(Refusal::value("The message names no Flow.")),
    };
    found.ok_or_else(|| Refusal::value(format!("Flow {called} does not exist in the account {waba_id}.")))
}

fn may_be_sent(flow: &StoredFlow, now_ms: u64) -> Result<(), Refusal> {
    let lately = flow.sends_ms.iter().filter(|at| now_ms < at.saturating_add(HOUR_MS)).count();
    match flow.status {
        FlowStatus::Blocked => Err(Refusal::new(132068, format!("Flow {} is blocked.", flow.id))),
        FlowStatus::Throttled if lately >= THROTTLED_SENDS => {
            let why = format!("Flow {} is throttled: {THROTTLED_SENDS} messages an hour were sent.", flow.id);
            Err(Refusal::new(132069, why))
        }
        FlowStatus::Deprecated => Err(Refusal::value(format!("Flow {} is deprecated.", flow.id))),
        _ => Ok(()),
    }
}

/// The version that the mode of the message names.
fn content(flow: &StoredFlow, wish: &Wish<'_>) -> Result<Option<Arc<Content>>, Refusal> {
    if !wish.is_draft && flow.status == FlowStatus::Draft && flow.published.is_none() {
        return Err(Refusal::value(format!("Flow {} is a draft: publish it, or send it with mode draft.", flow.id)));
    }
    let content = if wish.is_draft { &flow.content } else { &flow.published };
    match content {
        Some(content) if content.errors.is_empty() => Ok(Some(content.clone())),
        // Known by its name only.
        None if flow.status != FlowStatus::Draft => Ok(None),
        _ => Err(Refusal::value(format!("Flow {} has no valid Flow JSON.", flow.id))),
    }
}

fn first(json: &FlowJson, wish: &Wish<'_>) -> Result<(String, Map<String, Value>), Refusal> {
    let entries = json.entries();
    let id = wish.screen.or(entries.first().copied()).unwrap_or_default();
    let path = "flow_action_payload";
    let screen = json.screen(id).ok_or_else(|| Refusal::value(format!("{path}['screen'] {id:?} does not exist.")))?;
    if !entries.contains(&id) {
        return Err(Refusal::value(format!("{path}['screen'] {id:?} is not an entry screen.")));
    }
    // One page of Meta's shows it as an object, another one as JSON in a string.
    let inner = wish.data.and_then(Value::as_str).map(|text| serde_json::from_str(text).unwrap_or_default());
    let data = inner.as_ref().or(wish.data).cloned().unwrap_or_else(|| json!({}));
    let Value::Object(data) = data else {
        return Err(Refusal::value(format!("{path}['data'] must be an object.")));
    };
    if let Some(odd) = data.keys().find(|key| !screen.data.contains_key(*key)) {
        return Err(Refusal::value(format!("{path}['data']['{odd}'] is not in the data of screen {id}.")));
    }
    match screen.refuses(&data, false) {
        Some(why) => Err(Refusal::value(format!("{path}['data']: {why}."))),
        None => Ok((id.to_owned(), data)),
    }
}
