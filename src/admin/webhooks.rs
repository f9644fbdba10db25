//! `/api/v1/webhooks`: what came to the front door and what became of it, and taking one in again.

use std::collections::{BTreeSet, HashSet};

use actors::view;
use axum::extract::{Path, State};
use axum::{Extension, Json};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http::StatusCode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use storage::{ConversationId, Inbound, InboxSeq, Page};
use whatsapp::webhook::{self, Event, Received};

use super::cursor;
use super::given::{Asked, read, read_json};
use super::lists::page;
use super::principal::Principal;
use super::problem::Problem;
use super::role::Role;
use super::{Ctx, Shared};
use crate::inspector::{Counts, Filter, Id, Kept, Record, Taken};

const LIST: &str = "webhooks";
/// Messages of one request whose conversations are looked for at the most.
const MAX_LINKS: usize = 200;
/// Of each of these conversations the newest entries, among which what came before is looked for.
const LOOKED_AT: usize = 200;
/// Where what was put aside is taken in again.
const RELEASE: &str = "what it has in quarantine is taken in again by POST /api/v1/quarantine/{id}/release; the rest comes from Meta only";
/// The status that tells a phone to take another key.
const NOT_DECRYPTED: u16 = 421;

/// Which requests.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Choice {
    /// `webhook` or `flow`.
    path: Option<String>,
    /// With this status of the answer.
    status: Option<u16>,
    /// With a right signature, or without.
    signed: Option<bool>,
    /// Whose body contains this text, such as a message id. Admins only: it looks into bodies.
    contains: Option<String>,
    /// Requests of a page, 200 at the most.
    limit: Option<usize>,
    /// Where the page before ended.
    cursor: Option<String>,
}

/// A request to the front door.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct WebhookRequest {
    /// `w_…`
    #[schema(example = "w_0000000100000000")]
    id: String,
    /// When it was answered.
    #[schema(example = "2026-11-27T09:00:00.000Z")]
    at: String,
    /// `webhook` or `flow`.
    path: Box<str>,
    /// `valid`, `previous` (the secret before a rotation), `missing`, `malformed`, `mismatch`, or `unread` (the body was not
    /// read to its end).
    signature: Box<str>,
    /// `ok`, `unreadable`, or nothing where it was not looked at.
    parse: Option<&'static str>,
    /// Of a request of a Flow: `decrypted`, `not_decrypted` (its key is none of ours), or nothing where it did not come to that.
    encryption: Option<&'static str>,
    /// What became of its items.
    taken: Option<Taken>,
    /// The status of the answer.
    status: u16,
    /// From the head to the answer, in milliseconds.
    took_ms: f64,
    /// Bytes of the body as it came.
    body_bytes: usize,
    /// The request that it repeats, if somebody replayed one.
    replay_of: Option<Box<str>>,
}

/// Requests, newest first.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(example = json!({ "items": [], "next_cursor": null,
    "counts": { "enabled": true, "noted": 12, "dropped": 0, "unsigned": 1 } }))]
pub(super) struct WebhookList {
    items: Vec<WebhookRequest>,
    next_cursor: Option<String>,
    /// How the inspector does.
    counts: Counts,
}

/// A request with what it held.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(example = json!({
    "id": "w_0000000100000000", "at": "2026-11-27T09:00:00.000Z", "path": "webhook", "signature": "valid", "parse": "ok", "encryption": null,
    "taken": { "accepted": 1, "statuses": 0, "quarantined": 0, "notices": 0, "unreadable": false,
               "numbers": ["106540352242922"] },
    "status": 200, "took_ms": 2.5, "body_bytes": 812, "replay_of": null,
    "headers": [["content-type", "application/json"]], "conversations": ["c_0000000000000000000000000A"],
    "verdict": "taken", "known": 0, "masked": true, "raw": null, "json": null
}))]
pub(super) struct WebhookShown {
    #[serde(flatten)]
    view: WebhookRequest,
    /// Names and values, without what proves anything.
    headers: Vec<(Box<str>, Box<str>)>,
    /// The conversations that its messages belong to.
    conversations: Vec<String>,
    /// Of webhooks: `taken`, `duplicate` (all of it was messages that had come before), `unreadable` or `refused`.
    verdict: Option<&'static str>,
    /// How many of its messages had come before, as far as the newest 200 entries of their conversations tell.
    known: usize,
    /// Whether the body is not shown, because the caller is no admin.
    masked: bool,
    /// The body in base64, exactly as it came. Shorter than `body_bytes` where only a sample was kept.
    raw: Option<String>,
    /// The body as JSON, if it is some.
    json: Option<Value>,
}

/// How a request is taken in again.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Dedupe {
    /// The same bytes: what was taken before is known and changes nothing.
    Keep,
    /// The messages get new ids, so that they run anew: the people get replies.
    Off,
}

/// What is to happen.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "dedupe": "keep" }))]
pub(super) struct WebhookReplay {
    dedupe: Dedupe,
    /// Needed where messages are to run anew.
    #[serde(default)]
    confirm: bool,
}

/// What came of it.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(example = json!({ "status": 200, "taken": null }))]
pub(super) struct WebhookReplayed {
    /// The status that the front door answers with.
    #[schema(example = 200)]
    status: u16,
    /// What became of its items.
    taken: Option<Taken>,
}

/// Requests to the front door, newest first.
#[utoipa::path(get, path = "/api/v1/webhooks", tag = "webhooks", params(Choice), responses((status = OK, body = WebhookList)))]
pub(super) async fn list(
    State(shared): Ctx,
    Extension(principal): Extension<Principal>,
    choice: Asked<Choice>,
) -> Result<Json<WebhookList>, Problem> {
    let choice = read(choice)?;
    if choice.contains.is_some() && !principal.role.may(Role::Admin) {
        return Err(Problem::forbidden(&principal, Role::Admin));
    }
    let page = page(LIST, choice.limit, choice.cursor.as_deref())?;
    let before = page.cursor.as_deref().map(|id| id.parse().map_err(|()| unknown(id))).transpose()?;
    let filter = Filter {
        path: choice.path.map(Into::into),
        status: choice.status,
        signed: choice.signed,
        contains: choice.contains.map(Into::into),
        numbers: principal.numbers.as_deref().map(<[_]>::to_vec),
    };
    let found = shared.parts.inspector.list(filter, before, page.limit).await.map_err(unreadable)?;
    Ok(Json(WebhookList {
        items: found.items.into_iter().map(|(id, record)| view(id, record)).collect(),
        next_cursor: cursor::give(LIST, found.next.map(|id| id.to_string())),
        counts: shared.parts.inspector.counts(),
    }))
}

/// A request to the front door, with its headers and its bytes.
#[utoipa::path(get, path = "/api/v1/webhooks/{id}", tag = "webhooks", params(("id" = String, Path, example = "w_0000000100000000")), responses((status = OK, body = WebhookShown)))]
pub(super) async fn show(
    State(shared): Ctx,
    Extension(principal): Extension<Principal>,
    Path(id): Path<String>,
) -> Result<Json<WebhookShown>, Problem> {
    let Kept { id, record, body } = find(&shared, &principal, &id).await?;
    let messages = messages(&principal, &body);
    let ids = conversations(&shared, &messages).await?;
    let known = known(&shared, &record, &messages, &ids).await?;
    let verdict = verdict(&record, messages.len(), known);
    let mut conversations: Vec<String> = ids.iter().map(ToString::to_string).collect();
    conversations.dedup();
    let masked = !principal.role.may(Role::Admin);
    let headers = record.headers.clone();
    let json = (!masked).then(|| serde_json::from_slice(&body).ok()).flatten();
    let raw = (!masked).then(|| BASE64_STANDARD.encode(&body));
    Ok(Json(WebhookShown { view: view(id, record), headers, conversations, verdict, known, masked, raw, json }))
}

/// Takes a request in again.
///
/// The bytes are signed with the secret of the app whose number they are about, and go the way of every webhook; what was put
/// aside, in whole or in part, is released from the quarantine instead. With `dedupe: keep` that is harmless: what was
/// taken before is known. With `dedupe: off` its messages run anew, under new ids, and people get replies; that needs
/// `confirm`.
#[utoipa::path(post, path = "/api/v1/webhooks/{id}/replay", tag = "webhooks", params(("id" = String, Path, example = "w_0000000100000000")), request_body = WebhookReplay, responses((status = OK, body = WebhookReplayed)))]
pub(super) async fn replay(
    State(shared): Ctx,
    Extension(principal): Extension<Principal>,
    Path(id): Path<String>,
    body: Result<Json<WebhookReplay>, axum::extract::rejection::JsonRejection>,
) -> Result<Json<WebhookReplayed>, Problem> {
    let how = read_json(body)?;
    let kept = find(&shared, &principal, &id).await?;
    let conflict = |detail: &str| Problem::new(StatusCode::CONFLICT, "not-replayable", detail);
    if &*kept.record.path != "webhook" || !matches!(&*kept.record.signature, "valid" | "previous") {
        return Err(conflict("only webhooks that were signed are taken in again"));
    }
    if kept.body.len() < kept.record.body_bytes {
        return Err(conflict("its bytes were not kept: something in them is of somebody who was erased"));
    }
    let number = signs(kept.record.taken.as_ref()).map_err(|why| conflict(why).hint(RELEASE))?;
    if how.dedupe == Dedupe::Off && !how.confirm {
        return Err(conflict("its messages would run anew, and people would get replies")
            .hint("use \"dedupe\": \"keep\", which changes nothing that was taken before, or add \"confirm\": true"));
    }
    let body = match how.dedupe {
        Dedupe::Keep => kept.body,
        Dedupe::Off => anew(&kept.body).ok_or_else(|| conflict("its body is no JSON with messages"))?,
    };
    let again = shared.parts.front.take_again(&number, body, kept.id).await;
    let (status, taken) = again.ok_or_else(|| conflict(&format!("number {number} is not served any more")))?;
    tracing::info!(webhook = %kept.id, who = &*principal.who, status, "a webhook was taken in again");
    Ok(Json(WebhookReplayed { status, taken }))
}

/// The number whose app signs a webhook when it is taken in again: all of it was the say of that app when it came.
fn signs(taken: Option<&Taken>) -> Result<Box<str>, &'static str> {
    let Some(taken) = taken else { return Err("it was not stored, so nothing says whose app it is of") };
    if taken.quarantined > 0 || taken.unreadable {
        return Err("some of it was put aside: release it from the quarantine");
    }
    taken.numbers.first().cloned().ok_or("it is about no number of ours, so nothing says whose app it is of")
}

/// The same with another id for each message.
fn anew(body: &[u8]) -> Option<Bytes> {
    let mut whole: Value = serde_json::from_slice(body).ok()?;
    let mut changed = 0;
    for entry in whole["entry"].as_array_mut()? {
        for change in entry["changes"].as_array_mut().into_iter().flatten() {
            for message in change["value"]["messages"].as_array_mut().into_iter().flatten() {
                message["id"] = format!("wamid.replay.{:032x}", rand::random::<u128>()).into();
                changed += 1;
            }
        }
    }
    (changed > 0).then(|| whole.to_string().into())
}

async fn find(shared: &Shared, principal: &Principal, id: &str) -> Result<Kept, Problem> {
    let parsed: Id = id.parse().map_err(|()| unknown(id))?;
    let kept = shared.parts.inspector.find(parsed).await.map_err(unreadable)?;
    let filter = Filter { numbers: principal.numbers.as_deref().map(<[_]>::to_vec), ..Filter::default() };
    kept.filter(|kept| filter.shows(&kept.record)).ok_or_else(|| unknown(id))
}

fn unknown(id: &str) -> Problem {
    Problem::not_found(format!("there is no request {id:?}"))
        .hint("ids are w_ and 16 digits, as the list shows them; old requests are deleted (webhooks.keep)")
}

fn unreadable(error: std::io::Error) -> Problem {
    tracing::error!(%error, "what the webhook inspector keeps cannot be read");
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "inspector-unavailable", error.to_string())
}

fn view(id: Id, record: Record) -> WebhookRequest {
    let parse = record.taken.as_ref().map(|taken| if taken.unreadable { "unreadable" } else { "ok" });
    let at = i64::try_from(record.at_ms).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
    let encryption = encryption(&record);
    WebhookRequest {
        id: id.to_string(),
        at: format!("{:.3}", at.unwrap_or(Timestamp::MAX)),
        path: record.path,
        signature: record.signature,
        parse,
        encryption,
        taken: record.taken,
        status: record.status,
        took_ms: record.took_us as f64 / 1_000.0,
        body_bytes: record.body_bytes,
        replay_of: record.replay_of,
    }
}

/// The messages of a body that the caller may know of.
fn messages(principal: &Principal, body: &[u8]) -> Vec<Received> {
    let messages = webhook::parse(body).unwrap_or_default().into_iter().filter_map(|event| match event {
        Event::Message(received) if principal.sees(&received.phone_number_id) => Some(received),
        _ => None,
    });
    messages.take(MAX_LINKS).collect()
}

/// The conversation of each message.
async fn conversations(shared: &Shared, messages: &[Received]) -> Result<Vec<ConversationId>, Problem> {
    let rows: Vec<(InboxSeq, Inbound)> =
        messages.iter().map(|received| (InboxSeq(0), actors::inbound(received, 0))).collect();
    Ok(view::conversations_of(&*shared.parts.store, &rows).await?)
}

/// How many of the messages had been taken before this request came.
async fn known(
    shared: &Shared,
    record: &Record,
    messages: &[Received],
    conversations: &[ConversationId],
) -> Result<usize, Problem> {
    let came_ms = record.at_ms.saturating_sub(record.took_us.div_ceil(1_000));
    let mut before = HashSet::new();
    for id in conversations.iter().collect::<BTreeSet<_>>() {
        let newest = shared.parts.store.history(*id, Page { cursor: None, limit: LOOKED_AT }).await?;
        for entry in newest.items {
            let said = view::messages(&entry, |_| None).map_err(|error| Problem::damaged(&error))?;
            let ids = said.into_iter().filter(|message| message.at_ms < came_ms).filter_map(|message| message.wamid);
            before.extend(ids.map(|wamid| (*id, wamid)));
        }
    }
    let each = messages.iter().zip(conversations);
    Ok(each.filter(|(message, id)| before.contains(&(**id, message.wamid.as_str().into()))).count())
}

fn verdict(record: &Record, messages: usize, known: usize) -> Option<&'static str> {
    if &*record.path != "webhook" {
        return None;
    }
    Some(match &record.taken {
        None => "refused",
        // It was not stored, whatever was read of it: Meta was told to send it again.
        Some(_) if record.status == StatusCode::SERVICE_UNAVAILABLE => "refused",
        Some(taken) if taken.unreadable => "unreadable",
        Some(taken) => {
            let others = taken.statuses + taken.quarantined + taken.notices;
            let is_all = messages > 0 && known == messages && taken.accepted as usize == messages && others == 0;
            if is_all { "duplicate" } else { "taken" }
        }
    })
}

fn encryption(record: &Record) -> Option<&'static str> {
    match (&*record.path, &*record.signature, record.status) {
        ("flow", "valid", NOT_DECRYPTED) => Some("not_decrypted"),
        ("flow", "valid", _) => Some("decrypted"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_runs_anew_has_new_message_ids_and_nothing_else_is_new() {
        let body = br#"{"entry":[{"changes":[{"value":{"messages":[{"id":"wamid.1","text":{"body":"hi"}}],"statuses":[{"id":"wamid.2"}]}}]}]}"#;
        let (mut before, mut after): (Value, Value) =
            (serde_json::from_slice(body).unwrap(), serde_json::from_slice(&anew(body).unwrap()).unwrap());
        let id = |whole: &mut Value| whole["entry"][0]["changes"][0]["value"]["messages"][0]["id"].take();
        assert_ne!(id(&mut before), id(&mut after));
        assert_eq!(before, after);
        for none in [&b"{"[..], b"{}", br#"{"entry":[]}"#] {
            assert!(anew(none).is_none());
        }
    }
}
