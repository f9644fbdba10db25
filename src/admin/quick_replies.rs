//! `/api/v1/quick-replies`: texts that staff send often.

use actors::{identity, view};
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};

use super::audit::Audited;
use super::contacts::{DryRun, etag, expected};
use super::conversations;
use super::lists::{Asked, read, read_json};
use super::principal::Principal;
use super::problem::Problem;
use super::time::at;
use super::{Ctx, Shared};
use crate::quick_replies::{Draft, QuickReply, QuickReplyError, render};

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ListQuery {
    /// Words that stand in the name or the body, whatever the case.
    #[serde(default)]
    q: String,
    /// Of this category.
    category: Option<String>,
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct PreviewQuery {
    /// The conversation that it is for.
    conversation: String,
}

/// A text that staff send often.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "name": "Greeting", "category": "start", "body": "Hi {name|there}!", "language": "en" }))]
pub(super) struct Body {
    /// How it is found.
    #[schema(value_type = String)]
    name: Box<str>,
    /// What it belongs to.
    #[schema(value_type = Option<String>)]
    category: Option<Box<str>>,
    /// The text; `{name|there}` is what is known, or else "there".
    #[schema(value_type = String)]
    body: Box<str>,
    /// Such as `en`.
    #[schema(value_type = Option<String>)]
    language: Option<Box<str>>,
    /// Ids of files that go along.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    media: Vec<Box<str>>,
}

/// A quick reply as it is kept.
#[derive(ToSchema)]
#[expect(dead_code, reason = "the shape of an answer, for the document")]
#[schema(as = QuickReply, example = json!({
    "id": "q_0102030405060708090a0b0c", "name": "Greeting", "category": "start", "body": "Hi {name|there}!",
    "language": "en", "media": [], "revision": 1, "created_at": "2026-11-27T10:00:00.000Z",
    "updated_at": "2026-11-27T10:00:00.000Z",
}))]
pub(super) struct Shape {
    /// `q_` and 24 hex digits.
    id: String,
    /// How it is found.
    name: String,
    /// What it belongs to.
    category: Option<String>,
    /// The text, with its places.
    body: String,
    /// Such as `en`.
    language: Option<String>,
    /// Ids of files that go along.
    media: Vec<String>,
    /// How often it changed: the `ETag`.
    revision: u64,
    /// RFC 3339.
    created_at: String,
    /// RFC 3339.
    updated_at: String,
}

/// All of them, by name.
#[derive(ToSchema)]
#[expect(dead_code, reason = "the shape of an answer, for the document")]
pub(super) struct QuickReplies {
    items: Vec<Shape>,
    next_cursor: Option<String>,
}

/// A quick reply as it would be sent.
#[derive(ToSchema)]
#[expect(dead_code, reason = "the shape of an answer, for the document")]
#[schema(example = json!({ "text": "Hi Ada!", "missing": [], "media": [] }))]
pub(super) struct Preview {
    /// The text.
    text: String,
    /// Places for which nothing is known.
    missing: Vec<String>,
    /// Ids of files that go along.
    media: Vec<String>,
}

/// Quick replies, found by words in name and body.
#[utoipa::path(get, path = "/api/v1/quick-replies", params(ListQuery), responses((status = OK, body = QuickReplies)))]
pub(super) async fn list(State(shared): Ctx, query: Asked<ListQuery>) -> Result<Json<Value>, Problem> {
    let ListQuery { q, category } = read(query)?;
    let found = shared.parts.services.quick_replies.list(&q, category.as_deref()).await?;
    Ok(Json(json!({ "items": found.iter().map(shown).collect::<Vec<_>>(), "next_cursor": null })))
}

/// One quick reply; the `ETag` is for `If-Match`.
#[utoipa::path(
    get, path = "/api/v1/quick-replies/{id}", params(("id" = String, Path)), responses((status = OK, body = Shape)),
)]
pub(super) async fn show(State(shared): Ctx, Path(id): Path<String>) -> Result<Response, Problem> {
    Ok(answer(StatusCode::OK, &shared.parts.services.quick_replies.get(&id).await?, Audited::default()))
}

/// Makes a quick reply.
#[utoipa::path(
    post, path = "/api/v1/quick-replies", request_body(content = Body),
    responses((status = CREATED, body = Shape)),
)]
pub(super) async fn add(State(shared): Ctx, body: Result<Json<Body>, JsonRejection>) -> Result<Response, Problem> {
    let draft = draft(&shared, read_json(body)?).await?;
    let made = shared.parts.services.quick_replies.add(draft).await?;
    Ok(answer(StatusCode::CREATED, &made, Audited::default().after(for_audit(&made)).target(&made.id)))
}

/// Puts another text in its place. With `If-Match` only if nobody changed it meanwhile.
#[utoipa::path(
    put, path = "/api/v1/quick-replies/{id}", params(("id" = String, Path)), request_body(content = Body),
    responses((status = OK, body = Shape)),
)]
pub(super) async fn put(
    State(shared): Ctx,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Result<Json<Body>, JsonRejection>,
) -> Result<Response, Problem> {
    let expected = expected(&headers)?;
    let draft = draft(&shared, read_json(body)?).await?;
    let replies = &shared.parts.services.quick_replies;
    let before = replies.get(&id).await?;
    let after = replies.put(&id, expected, draft).await?;
    let audited = Audited::default().before(for_audit(&before)).after(for_audit(&after));
    Ok(answer(StatusCode::OK, &after, audited))
}

/// Removes a quick reply.
#[utoipa::path(
    delete, path = "/api/v1/quick-replies/{id}", params(DryRun, ("id" = String, Path)),
    responses((status = OK, body = Shape)),
)]
pub(super) async fn remove(
    State(shared): Ctx,
    Path(id): Path<String>,
    query: Asked<DryRun>,
    headers: HeaderMap,
) -> Result<(Extension<Audited>, Json<Value>), Problem> {
    let replies = &shared.parts.services.quick_replies;
    let gone = match read(query)?.dry_run {
        true => replies.get(&id).await?,
        false => replies.remove(&id, expected(&headers)?).await?,
    };
    Ok((Extension(Audited::default().before(for_audit(&gone))), Json(shown(&gone))))
}

/// The text as it would be sent in a conversation.
#[utoipa::path(
    get, path = "/api/v1/quick-replies/{id}/preview", params(PreviewQuery, ("id" = String, Path)),
    responses((status = OK, body = Preview)),
)]
pub(super) async fn preview(
    State(shared): Ctx,
    Extension(principal): Extension<Principal>,
    Path(id): Path<String>,
    query: Asked<PreviewQuery>,
) -> Result<Json<Value>, Problem> {
    let PreviewQuery { conversation } = read(query)?;
    let reply = shared.parts.services.quick_replies.get(&id).await?;
    let (id, head) = conversations::find(&*shared.parts.store, &conversation).await?;
    let (shown, variables) = view::conversation(id, &head).map_err(|error| Problem::damaged(&error))?;
    if !principal.sees(&shown.phone_number_id) {
        return Err(conversations::unknown(&conversation));
    }
    let record = shared.parts.services.contacts.record(identity::contact_of(id)).await?;
    let known = |name: &str| match name {
        "name" => record.name.as_deref().or(shown.name.as_deref()).map(Value::from),
        "number" | "wa_id" => shown.wa_id.as_deref().map(Value::from),
        "language" => record.language.as_deref().map(Value::from),
        name => record.fields.get(name).or_else(|| variables.get(name)).cloned(),
    };
    let rendered = render(&reply.body, known);
    Ok(Json(json!({ "text": rendered.text, "missing": rendered.missing, "media": reply.media })))
}

async fn draft(shared: &Shared, body: Body) -> Result<Draft, Problem> {
    let Body { name, category, body, language, media } = body;
    for id in &media {
        if shared.parts.services.media.item(id).await?.is_none() {
            let detail = format!("there is no file {id:?}");
            return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", detail)
                .hint("put it first: parlance media put FILE"));
        }
    }
    Ok(Draft { name, category, body, language, media })
}

fn shown(reply: &QuickReply) -> Value {
    json!({
        "id": reply.id, "name": reply.name, "category": reply.category, "body": reply.body, "language": reply.language,
        "media": reply.media, "revision": reply.revision, "created_at": at(reply.created_ms),
        "updated_at": at(reply.updated_ms),
    })
}

/// What the audit trail says of one: not its words.
fn for_audit(reply: &QuickReply) -> Value {
    json!({ "name": reply.name, "category": reply.category, "revision": reply.revision })
}

fn answer(status: StatusCode, reply: &QuickReply, audited: Audited) -> Response {
    let mut answer = (status, Extension(audited), Json(shown(reply))).into_response();
    if let Ok(tag) = HeaderValue::from_str(&etag(reply.revision)) {
        answer.headers_mut().insert(header::ETAG, tag);
    }
    answer
}

impl From<QuickReplyError> for Problem {
    fn from(error: QuickReplyError) -> Self {
        let detail = error.to_string();
        match error {
            QuickReplyError::Invalid(_) => Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", detail),
            QuickReplyError::Full => Self::new(StatusCode::CONFLICT, "full", detail),
            QuickReplyError::Taken(_) => Self::new(StatusCode::CONFLICT, "name-taken", detail),
            QuickReplyError::Stale(revision) => Self::new(StatusCode::PRECONDITION_FAILED, "not-expected", detail)
                .hint("read it anew and decide again")
                .with("etag", etag(revision)),
            QuickReplyError::Unknown => Self::not_found(detail).hint("the list has the ids"),
            QuickReplyError::Store(error) => error.into(),
            QuickReplyError::Damaged(error) => {
                tracing::error!(%error, "a stored row cannot be decoded");
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, "damaged-row", detail)
            }
        }
    }
}
