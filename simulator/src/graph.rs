//! The Graph API: messages, media, templates, Flows, the block list, numbers, and Meta's answer to
//! everything else.

mod blocks;
pub(crate) mod definition;
mod error;
mod flows;
pub(crate) mod media;
mod multipart;
mod numbers;
pub(crate) mod route;
mod send;
mod templates;
mod usage;
mod validate;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::{Query, Request};
use axum::response::Response;
use bytes::Bytes;
use http::{HeaderValue, StatusCode, header, request::Parts};
use serde_json::Value;

use crate::core::{Core, person_id};
use crate::flows::MAX_JSON;
use crate::log::{LoggedRequest, excerpt};
use crate::media::MAX_DOCUMENT;
use crate::server::Cut;
use crate::standing::TokenCheck;
use crate::trouble::{Operation, Rule};
pub(crate) use error::known;
pub(crate) use flows::{Opening, status_change};

use error::Refusal;
use route::{Call, Route};
use usage::Usage;

const MAX_BODY: usize = 1_048_576;
/// The largest file with the form around it.
const MAX_UPLOAD: usize = MAX_DOCUMENT + 65_536;
/// Flow JSON as a string in JSON, where most characters could be escaped.
const MAX_FLOW: usize = 2 * MAX_JSON + 65_536;
/// The most rows of a list at a time.
const MAX_PAGE: usize = 1_000;

/// What a call comes to.
enum Outcome {
    Answer { answer: Answer, retry_after_s: Option<u32> },
    Cut,
}

/// A body with its HTTP status and content type.
#[derive(Debug)]
pub(crate) struct Answer {
    status: u16,
    body: Bytes,
    kind: String,
}

impl Answer {
    fn bytes(status: u16, body: Bytes) -> Self {
        Self { status, body, kind: JSON.into() }
    }

    fn json(body: &Value) -> Self {
        Self::bytes(200, Bytes::from(body.to_string()))
    }

    fn success() -> Self {
        Self::bytes(200, Bytes::from_static(br#"{"success":true}"#))
    }
}

const JSON: &str = "application/json; charset=UTF-8";

/// What the log and the counters want to know of a call.
#[derive(Default)]
struct Notes {
    code: Option<u32>,
    trouble: bool,
    accepted: bool,
    callback_data: Option<String>,
    near_miss: Option<String>,
    /// How full Meta's limits are, when trouble says so.
    usage: Option<Usage>,
}

pub(crate) async fn serve(core: Arc<Core>, request: Request) -> Response {
    core.stats.graph_calls.up();
    let (parts, body) = request.into_parts();
    let route = route::find(parts.method.as_str(), parts.uri.path());
    let uploads = route.as_ref().is_ok_and(|r| r.call == Call::UploadMedia);
    let cap = match &route {
        Ok(_) if uploads => MAX_UPLOAD,
        Ok(route) if route.call.takes_flow_json() => MAX_FLOW,
        _ => MAX_BODY,
    };
    let body = to_bytes(body, cap).await;
    let mut notes = Notes::default();
    let outcome = match (&body, route) {
        (Ok(body), Ok(route)) => call(&core, &route, &parts, body, &mut notes).await,
        (Ok(_), Err(near_miss)) => {
            let path = parts.uri.path();
            let refusal = Refusal::parameter(format!("Unknown path components: {path} ({near_miss})"));
            notes.near_miss = Some(near_miss);
            refuse(&core, &refusal, &mut notes)
        }
        (Err(_), _) if uploads => refuse(&core, &Refusal::new(131053, "The file is larger than 100 MiB."), &mut notes),
        (Err(_), _) => refuse(&core, &Refusal::parameter("The request body is too large."), &mut notes),
    };
    let usage = notes.usage.take();
    if core.log.on {
        log(&core, &parts, body.as_deref().unwrap_or_default(), &outcome, notes);
    }
    let mut response = respond(&core, &parts, outcome);
    if let Some(usage) = usage {
        usage.write(response.headers_mut());
    }
    response
}

async fn call(core: &Arc<Core>, route: &Route<'_>, parts: &Parts, body: &Bytes, notes: &mut Notes) -> Outcome {
    let parsed = if route.call.takes_json() { serde_json::from_slice::<Value>(body) } else { Ok(Value::Null) };
    let rule = drawn(core, route, parsed.as_ref().unwrap_or(&Value::Null), notes);
    if let Some(rule) = &rule {
        notes.trouble = true;
        notes.usage = Usage::of(rule, core.number(route.id).map_or(route.id, |(_, number)| &number.waba_id));
        pause(rule.latency_ms).await;
        if rule.drop_before {
            return Outcome::Cut;
        }
        if rule.answers() && !rule.accept {
            return scripted(core, rule, notes);
        }
    }
    let json = authorised(core, parts)
        .and_then(|()| parsed.map_err(|e| Refusal::parameter(format!("The request body is not JSON: {e}"))));
    let answer = match json {
        Err(refusal) => Err(refusal),
        // The calls that may ask an endpoint before they are answered.
        Ok(_) if route.call == Call::PublishFlow => flows::publish(core, route.id).await,
        Ok(_) if route.call == Call::CreateFlow => match flows::form(parts, body) {
            Ok(form) => flows::create(core, route.id, &form).await,
            Err(refusal) => Err(refusal),
        },
        Ok(json) => perform(core, route, parts, (body, json), rule.as_ref(), notes),
    };
    if let Some(rule) = &rule {
        pause(rule.answer_delay_ms).await;
    }
    match (answer, rule) {
        (Err(refusal), _) => refuse(core, &refusal, notes),
        (Ok(_), Some(rule)) if rule.drop_after => Outcome::Cut,
        (Ok(_), Some(rule)) if rule.answers() => scripted(core, &rule, notes),
        (Ok(answer), _) => Outcome::Answer { answer, retry_after_s: None },
    }
}

async fn pause(ms: u64) {
    if ms > 0 {
        tokio::time::sleep(Duration::from_millis(ms)).await;
    }
}

fn perform(
    core: &Core,
    route: &Route<'_>,
    parts: &Parts,
    (body, json): (&Bytes, Value),
    rule: Option<&Rule>,
    notes: &mut Notes,
) -> Result<Answer, Refusal> {
    match route.call {
        Call::Messages => send::perform(core, route, json, rule, notes).map(|body| Answer::bytes(200, body)),
        Call::UploadMedia => media::upload(core, route, parts, body),
        Call::GetNode => node(core, route, parts),
        Call::DeleteNode if core.flows.has(route.id) => flows::delete(core, route.id),
        Call::DeleteNode => media::delete(core, route),
        Call::Download => media::download(core, route, parts),
        Call::ListTemplates => templates::list(core, route, parts),
        Call::CreateTemplate => templates::create(core, route, &json),
        Call::EditNode if core.flows.has(route.id) => flows::update(core, route.id, &flows::form(parts, body)?),
        Call::EditNode => templates::edit(core, route, &Value::Object(flows::form(parts, body)?.values)),
        Call::DeleteTemplate => templates::delete(core, route, parts),
        Call::ListBlocked => blocks::list(core, route, parts),
        Call::Block | Call::Unblock => blocks::change(core, route, &json),
        Call::ListNumbers => numbers::list(core, route),
        Call::ListFlows => flows::list(core, route.id, parts),
        Call::MigrateFlows => flows::migrate(core, route.id, &flows::form(parts, body)?),
        Call::FlowAssets => flows::assets(core, route.id),
        Call::UpdateFlowJson => flows::update_json(core, route.id, &flows::form(parts, body)?),
        Call::DeprecateFlow => flows::deprecate(core, route.id),
        Call::GetKey => flows::get_key(core, route.id),
        Call::SetKey => flows::set_key(core, route.id, &flows::form(parts, body)?),
        Call::PublishFlow | Call::CreateFlow => Err(Refusal::no_object(route.id, "POST")),
    }
}

/// A number, a Flow, a template or media, whatever has this id.
fn node(core: &Core, route: &Route<'_>, parts: &Parts) -> Result<Answer, Refusal> {
    if let Some((_, number)) = core.number(route.id) {
        return numbers::node(core, number, parts);
    }
    if core.flows.has(route.id) {
        return flows::node(core, route.id, parts);
    }
    if let Some(item) = core.media.get(route.id, core.now_ms()) {
        return media::info(core, &item, parts);
    }
    match core.templates.get(route.id) {
        Some(template) => templates::node(&template, parts),
        None => Err(Refusal::no_object(route.id, "GET")),
    }
}

/// The query, decoded; empty if it cannot be read.
fn query(parts: &Parts) -> HashMap<String, String> {
    Query::try_from_uri(&parts.uri).map(|Query(query)| query).unwrap_or_default()
}

/// The `limit` of a list.
fn page_of(asked: &HashMap<String, String>, default: usize) -> Result<usize, Refusal> {
    let Some(limit) = asked.get("limit") else { return Ok(default) };
    let limit = limit.parse::<usize>().ok().filter(|n| *n > 0);
    limit.map(|n| n.min(MAX_PAGE)).ok_or_else(|| Refusal::parameter("Param limit must be a positive number"))
}

/// Notes the callback data, and draws trouble for the call.
fn drawn(core: &Core, route: &Route<'_>, body: &Value, notes: &mut Notes) -> Option<Rule> {
    if route.call != Call::Messages {
        let what = if core.flows.has(route.id) { Operation::Flows } else { route.call.operation() };
        return core.draw(what, route.id, None);
    }
    if core.log.on || core.ledger.is_some() {
        notes.callback_data = body["biz_opaque_callback_data"].as_str().map(str::to_owned);
    }
    if let (Some(ledger), Some(data)) = (&core.ledger, &notes.callback_data) {
        ledger.posted(data);
    }
    let what = if body.get("status").is_some() { Operation::Read } else { Operation::Send };
    let person = body["to"].as_str().or(body["recipient"].as_str()).map(person_id);
    core.draw(what, route.id, person.as_deref())
}

fn authorised(core: &Core, parts: &Parts) -> Result<(), Refusal> {
    let given = parts.headers.get(header::AUTHORIZATION).and_then(|v| v.to_str().ok());
    let Some(token) = given.and_then(|v| v.strip_prefix("Bearer ")) else {
        return Err(Refusal::token("An access token is required to request this resource."));
    };
    match core.standing.check_token(token) {
        TokenCheck::Right => Ok(()),
        TokenCheck::Wrong => Err(Refusal::token("Invalid OAuth access token - Cannot parse access token")),
        TokenCheck::Expired => {
            let why = "Error validating access token: Session has expired";
            Err(Refusal { subcode: Some(463), ..Refusal::token(why) })
        }
    }
}

fn refuse(core: &Core, refusal: &Refusal, notes: &mut Notes) -> Outcome {
    notes.code = Some(refusal.code);
    let body = Bytes::from(refusal.body(core.ids.trace()).to_string());
    Outcome::Answer { answer: Answer::bytes(refusal.status, body), retry_after_s: None }
}

/// The answer that a rule of trouble sets.
fn scripted(core: &Core, rule: &Rule, notes: &mut Notes) -> Outcome {
    let code = rule.code.unwrap_or(if rule.status.is_some_and(|s| s >= 500) { 131000 } else { 1 });
    let retry_after_s = rule.retry_after_s;
    if let Some(text) = &rule.body {
        let kind = "text/html; charset=utf-8".into();
        let answer = Answer { status: rule.status.unwrap_or(502), body: Bytes::from(text.clone()), kind };
        return Outcome::Answer { answer, retry_after_s };
    }
    let refusal = Refusal::new(code, "Trouble was asked for.");
    match refuse(core, &Refusal { status: rule.status.unwrap_or(refusal.status), ..refusal }, notes) {
        Outcome::Answer { answer, .. } => Outcome::Answer { answer, retry_after_s },
        cut => cut,
    }
}

fn respond(core: &Core, parts: &Parts, outcome: Outcome) -> Response {
    let Outcome::Answer { answer: Answer { status, body, kind }, retry_after_s } = outcome else {
        core.stats.cut.up();
        let mut response = Response::new(Body::empty());
        response.extensions_mut().insert(Cut);
        return response;
    };
    if status >= 400 {
        core.stats.refused.up();
    }
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    if let Ok(kind) = HeaderValue::try_from(kind) {
        headers.insert(header::CONTENT_TYPE, kind);
    }
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    let version = parts.uri.path().split('/').nth(1).unwrap_or_default();
    if let (Some(_), Ok(value)) = (route::major(version), HeaderValue::from_str(version)) {
        headers.insert("facebook-api-version", value);
    }
    if let Some(seconds) = retry_after_s {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

fn log(core: &Core, parts: &Parts, body: &[u8], outcome: &Outcome, notes: Notes) {
    let (status, response) = match outcome {
        Outcome::Answer { answer, .. } => (answer.status, excerpt(&answer.body)),
        Outcome::Cut => (0, String::new()),
    };
    core.log.request(LoggedRequest {
        seq: 0,
        at_ms: core.now_ms(),
        method: parts.method.to_string(),
        path: parts.uri.path().to_owned(),
        status,
        code: notes.code,
        trouble: notes.trouble,
        accepted: notes.accepted,
        callback_data: notes.callback_data,
        near_miss: notes.near_miss,
        request: excerpt(body),
        response,
    });
}
