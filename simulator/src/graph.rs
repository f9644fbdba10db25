//! The Graph API: `POST /{version}/{phone_number_id}/messages`, and Meta's answer to everything else.

mod error;
pub(crate) mod route;
mod send;
mod validate;

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::response::Response;
use bytes::Bytes;
use http::{HeaderValue, StatusCode, header, request::Parts};
use serde_json::Value;

use crate::core::{Core, person_id};
use crate::log::{LoggedRequest, excerpt};
use crate::server::Cut;
use crate::trouble::{Operation, Rule};
pub(crate) use error::known;

use error::Refusal;

const MAX_BODY: usize = 1_048_576;

/// What a call comes to.
enum Outcome {
    Answer { status: u16, body: Bytes, html: bool, retry_after_s: Option<u32> },
    Cut,
}

/// What the log and the counters want to know of a call.
#[derive(Default)]
struct Notes {
    code: Option<u32>,
    trouble: bool,
    accepted: bool,
    callback_data: Option<String>,
    near_miss: Option<String>,
}

pub(crate) async fn serve(core: Arc<Core>, request: Request) -> Response {
    core.stats.graph_calls.up();
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, MAX_BODY).await;
    let mut notes = Notes::default();
    let outcome = match &body {
        Ok(body) => call(&core, &parts, body, &mut notes).await,
        Err(_) => refuse(&core, &Refusal::parameter("The request body is larger than 1 MiB."), &mut notes),
    };
    if core.log.on {
        log(&core, &parts, body.as_deref().unwrap_or_default(), &outcome, notes);
    }
    respond(&core, &parts, outcome)
}

async fn call(core: &Arc<Core>, parts: &Parts, body: &Bytes, notes: &mut Notes) -> Outcome {
    let path = parts.uri.path();
    let route = match route::find(parts.method.as_str(), path) {
        Ok(route) => route,
        Err(near_miss) => {
            let refusal = Refusal::parameter(format!("Unknown path components: {path} ({near_miss})"));
            notes.near_miss = Some(near_miss);
            return refuse(core, &refusal, notes);
        }
    };
    let parsed = serde_json::from_slice::<Value>(body);
    let rule = drawn(core, &route, parsed.as_ref().unwrap_or(&Value::Null), notes);
    if let Some(rule) = &rule {
        notes.trouble = true;
        if rule.latency_ms > 0 {
            tokio::time::sleep(Duration::from_millis(rule.latency_ms)).await;
        }
        if rule.drop_before {
            return Outcome::Cut;
        }
        if rule.answers() && !rule.accept {
            return scripted(core, rule, notes);
        }
    }
    let answer = authorised(core, parts)
        .and_then(|()| parsed.map_err(|e| Refusal::parameter(format!("The request body is not JSON: {e}"))))
        .and_then(|body| send::perform(core, &route, body, rule.as_ref(), notes));
    match (answer, rule) {
        (Err(refusal), _) => refuse(core, &refusal, notes),
        (Ok(_), Some(rule)) if rule.drop_after => Outcome::Cut,
        (Ok(_), Some(rule)) if rule.answers() => scripted(core, &rule, notes),
        (Ok(body), _) => Outcome::Answer { status: 200, body, html: false, retry_after_s: None },
    }
}

/// Notes the callback data, and draws trouble for the call.
fn drawn(core: &Core, route: &route::Route<'_>, body: &Value, notes: &mut Notes) -> Option<Rule> {
    if core.log.on || core.ledger.is_some() {
        notes.callback_data = body["biz_opaque_callback_data"].as_str().map(str::to_owned);
    }
    if let (Some(ledger), Some(data)) = (&core.ledger, &notes.callback_data) {
        ledger.posted(data);
    }
    let what = if body.get("status").is_some() { Operation::Read } else { Operation::Send };
    let person = body["to"].as_str().or(body["recipient"].as_str()).map(person_id);
    core.draw(what, route.phone_number_id, person.as_deref())
}

fn authorised(core: &Core, parts: &Parts) -> Result<(), Refusal> {
    use secrecy::ExposeSecret;
    use subtle::ConstantTimeEq;
    let given = parts.headers.get(header::AUTHORIZATION).and_then(|v| v.to_str().ok());
    let Some(token) = given.and_then(|v| v.strip_prefix("Bearer ")) else {
        return Err(Refusal::token("An access token is required to request this resource."));
    };
    if bool::from(token.as_bytes().ct_eq(core.config.access_token.expose_secret().as_bytes())) {
        return Ok(());
    }
    Err(Refusal::token("Invalid OAuth access token - Cannot parse access token"))
}

fn refuse(core: &Core, refusal: &Refusal, notes: &mut Notes) -> Outcome {
    notes.code = Some(refusal.code);
    let body = Bytes::from(refusal.body(core.ids.trace()).to_string());
    Outcome::Answer { status: refusal.status, body, html: false, retry_after_s: None }
}

/// The answer that a rule of trouble sets.
fn scripted(core: &Core, rule: &Rule, notes: &mut Notes) -> Outcome {
    let code = rule.code.unwrap_or(if rule.status.is_some_and(|s| s >= 500) { 131000 } else { 1 });
    let retry_after_s = rule.retry_after_s;
    if let Some(text) = &rule.body {
        let status = rule.status.unwrap_or(502);
        return Outcome::Answer { status, body: Bytes::from(text.clone()), html: true, retry_after_s };
    }
    let refusal = Refusal::new(code, "Trouble was asked for.");
    match refuse(core, &Refusal { status: rule.status.unwrap_or(refusal.status), ..refusal }, notes) {
        Outcome::Answer { status, body, html, .. } => Outcome::Answer { status, body, html, retry_after_s },
        cut => cut,
    }
}

fn respond(core: &Core, parts: &Parts, outcome: Outcome) -> Response {
    let Outcome::Answer { status, body, html, retry_after_s } = outcome else {
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
    let kind = if html { "text/html; charset=utf-8" } else { "application/json; charset=UTF-8" };
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    let version = parts.uri.path().split('/').nth(1).unwrap_or_default();
    if let Ok(version) = HeaderValue::from_str(version) {
        headers.insert("facebook-api-version", version);
    }
    if let Some(seconds) = retry_after_s {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

fn log(core: &Core, parts: &Parts, body: &[u8], outcome: &Outcome, notes: Notes) {
    let (status, response) = match outcome {
        Outcome::Answer { status, body, .. } => (*status, excerpt(body)),
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
