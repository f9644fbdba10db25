//! What goes live: a bot that is put, a version that is published, an older one that is gone back to.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State};
use axum::response::Response;
use chatbot::{Bot, Diagnostic};
use http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};

use super::{body, lacking, policy, tagged};
use crate::admin::given::read_or_default;
use crate::admin::lists::{Asked, read};
use crate::admin::media::DryRun;
use crate::admin::problem::Problem;
use crate::admin::shapes;
use crate::admin::{Ctx, Shared};
use crate::bots::{Order, Published, Source};

const MAX_NOTE_CHARS: usize = 500;
const MAX_AUTHOR_CHARS: usize = 100;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::admin) struct PutQuery {
    /// Say what would be done, and do nothing.
    #[serde(default)]
    dry_run: bool,
    /// Kept with the version.
    note: Option<String>,
    /// Who changes it, as they say.
    author: Option<String>,
    /// `api` or `cli`.
    #[param(value_type = Option<String>)]
    source: Option<From>,
    /// What becomes of running conversations: `pin`, `same_node`, or a map of nodes as JSON.
    migrate: Option<String>,
    /// How long running conversations keep their version.
    drain_after: Option<String>,
}

#[derive(Deserialize, Default, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(as = PublishOrder, example = json!({ "note": "softer words", "policy": "same_node" }))]
pub(in crate::admin) struct PublishBody {
    /// The version, by number or hash.
    version: Option<Value>,
    /// Where it ends.
    to: Option<Value>,
    /// Kept with the version.
    note: Option<String>,
    /// Who changes it, as they say.
    author: Option<String>,
    /// `api` or `cli`.
    #[schema(value_type = Option<String>)]
    source: Option<From>,
    /// What becomes of running conversations.
    policy: Option<Value>,
}

/// Who asks, as they say.
#[derive(Deserialize, Serialize, Clone, Copy)]
#[serde(rename_all = "snake_case")]
enum From {
    Api,
    Cli,
}

/// Says what is wrong with a bot; 200 whatever that is.
#[utoipa::path(
    post, path = "/api/v1/bots/check",
    request_body(content((serde_json::Value = "application/json", example = json!({ "parlance": 1, "id": "hello",
        "triggers": [{ "default": {}, "to": "hi" }], "nodes": { "hi": { "type": "say",
        "messages": [{ "text": "Hello." }], "next": { "next": "bye" } }, "bye": { "type": "end",
        "reason": "done" } } })), (String = "application/yaml"))),
    responses((status = OK, body = shapes::BotCheck)),
)]
pub(in crate::admin) async fn check(
    State(shared): Ctx,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Value>, Problem> {
    let (text, format) = body::read(&headers, body)?;
    let loaded = body::load("bot", &text, format);
    let mut diagnostics = loaded.diagnostics;
    diagnostics.extend(loaded.bot.iter().flat_map(|bot| lacking(&shared, bot)));
    let errors = diagnostics.iter().filter(|found| found.is_error()).count();
    let bot = loaded.bot.map(|bot| json!({ "id": bot.id(), "version": bot.version(), "nodes": bot.node_count() }));
    Ok(Json(json!({
        "ok": errors == 0,
        "errors": errors,
        "warnings": diagnostics.len() - errors,
        "diagnostics": diagnostics,
        "bot": bot,
    })))
}

/// Puts a bot live: 201 if it is new.
#[utoipa::path(
    put, path = "/api/v1/bots/{id}",
    params(PutQuery),
    request_body(content((serde_json::Value = "application/json", example = json!({ "parlance": 1, "id": "hello",
        "triggers": [{ "default": {}, "to": "hi" }], "nodes": { "hi": { "type": "say",
        "messages": [{ "text": "Hello." }], "next": { "next": "bye" } }, "bye": { "type": "end",
        "reason": "done" } } })), (String = "application/yaml"))),
    responses((status = OK, body = shapes::BotPublished), (status = CREATED, body = shapes::BotPublished)),
)]
pub(in crate::admin) async fn put(
    State(shared): Ctx,
    Path(id): Path<String>,
    query: Asked<PutQuery>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let query = read(query)?;
    let (text, format) = body::read(&headers, body)?;
    let (bot, mut warnings) = body::whole(body::load(&id, &text, format))?;
    if bot.id() != id {
        let detail = format!("the body is the bot {:?}, the path says {id:?}", bot.id());
        return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "id-differs", detail)
            .hint("put it under its own id, or change `id`")
            .with("diagnostics", json!([])));
    }
    warnings.extend(sendable(&shared, &bot)?);
    let order = Order {
        running: policy::of_query(query.migrate.as_deref(), query.drain_after.as_deref())?,
        ..order(&headers, query.source, query.note, query.author)?
    };
    let library = &shared.parts.library;
    if query.dry_run {
        let (published, running) = library.try_out(Arc::new(bot), &order)?;
        let mut shown = shown(&published, &warnings);
        (shown["dry_run"], shown["policy"]) = (json!(true), policy::shown(&running));
        return Ok(tagged(StatusCode::OK, &published.record.version, shown));
    }
    let published = library.put(bot, order).await?;
    let status = if published.created { StatusCode::CREATED } else { StatusCode::OK };
    Ok(tagged(status, &published.record.version, shown(&published, &warnings)))
}

/// Puts a version live that is here, the newest one if none is named.
#[utoipa::path(
    post, path = "/api/v1/bots/{id}/publish",
    params(DryRun),
    request_body(content = Option<PublishBody>),
    responses((status = OK, body = shapes::BotPublished)),
)]
pub(in crate::admin) async fn publish(
    State(shared): Ctx,
    Path(id): Path<String>,
    query: Asked<DryRun>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let (dry_run, body) = (read(query)?.dry_run, read_body(body)?);
    if body.to.is_some() {
        return Err(Problem::bad_request("`to` is of a rollback; a publish has `version`"));
    }
    let (library, version) = (&shared.parts.library, body.version.as_ref().map(named).transpose()?);
    let record = match &version {
        Some(version) => library.resolve(&id, version)?,
        None => library.resolve(&id, &newest(&shared, &id)?)?,
    };
    let bot = library.bot(&id, &record)?;
    let warnings = sendable(&shared, &bot)?;
    let running = body.policy.as_ref().map(policy::parse).transpose()?;
    let order = Order { running, ..order(&headers, body.source, body.note, body.author)? };
    if dry_run {
        return rehearsed(&shared, bot, &order, &warnings);
    }
    let published = library.publish(&id, Some(&record.version), order).await?;
    Ok(tagged(StatusCode::OK, &published.record.version, shown(&published, &warnings)))
}

/// Puts an older version live, the one before the live one if none is named.
///
/// What the account lacks does not stand in its way: it ran before.
#[utoipa::path(
    post, path = "/api/v1/bots/{id}/rollback",
    params(DryRun),
    request_body(content = Option<PublishBody>),
    responses((status = OK, body = shapes::BotPublished)),
)]
pub(in crate::admin) async fn roll_back(
    State(shared): Ctx,
    Path(id): Path<String>,
    query: Asked<DryRun>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let (dry_run, body) = (read(query)?.dry_run, read_body(body)?);
    if body.version.is_some() {
        return Err(Problem::bad_request("`version` is of a publish; a rollback has `to`"));
    }
    let (library, to) = (&shared.parts.library, body.to.as_ref().map(named).transpose()?);
    let running = body.policy.as_ref().map(policy::parse).transpose()?;
    let order = Order { running, ..order(&headers, body.source, body.note, body.author)? };
    if dry_run {
        let record = to.as_ref().map_or_else(|| library.older(&id), |to| library.resolve(&id, to))?;
        let running = Some(order.running.clone().unwrap_or_default());
        let bot = library.bot(&id, &record)?;
        let problems = lacking(&shared, &bot);
        return rehearsed(&shared, bot, &Order { running, ..order }, &problems);
    }
    let published = library.roll_back(&id, to.as_deref(), order).await?;
    let problems = lacking(&shared, &published.bot);
    Ok(tagged(StatusCode::OK, &published.record.version, shown(&published, &problems)))
}

fn rehearsed(shared: &Shared, bot: Arc<Bot>, order: &Order, problems: &[Diagnostic]) -> Result<Response, Problem> {
    let (published, running) = shared.parts.library.try_out(bot, order)?;
    let mut shown = shown(&published, problems);
    (shown["dry_run"], shown["policy"]) = (json!(true), policy::shown(&running));
    Ok(tagged(StatusCode::OK, &published.record.version, shown))
}

fn newest(shared: &Shared, id: &str) -> Result<String, Problem> {
    let records = shared.parts.library.records(id).unwrap_or_default();
    let newest = records.into_iter().next().map(|record| record.version);
    newest.ok_or_else(|| crate::bots::PublishError::NoBot(id.to_owned()).into())
}

/// JSON, whatever the header says; an empty body asks for nothing in particular.
fn read_body(body: Result<Bytes, BytesRejection>) -> Result<PublishBody, Problem> {
    read_or_default(body)
}

/// A version by number or hash.
fn named(version: &Value) -> Result<String, Problem> {
    match version {
        Value::String(text) => Ok(text.clone()),
        Value::Number(number) => Ok(number.to_string()),
        other => Err(Problem::bad_request(format!("{other} is no version")).hint("give its number or its hash")),
    }
}

fn order(
    headers: &HeaderMap,
    source: Option<From>,
    note: Option<String>,
    author: Option<String>,
) -> Result<Order, Problem> {
    for (name, text, most) in [("note", &note, MAX_NOTE_CHARS), ("author", &author, MAX_AUTHOR_CHARS)] {
        let chars = text.as_ref().map_or(0, |text| text.chars().count());
        if chars > most {
            return Err(Problem::bad_request(format!("{name} has {chars} characters; it may have {most}")));
        }
    }
    let source = match source {
        Some(From::Cli) => Source::Cli,
        Some(From::Api) | None => Source::Api,
    };
    let said = |text: Option<String>| text.filter(|text| !text.trim().is_empty());
    Ok(Order { source, note: said(note), author: said(author), running: None, expected: body::expected(headers)? })
}

/// The warnings about what the bot lacks. One whose templates the account does not have, or not approved, is refused: it
/// would fail in front of people.
fn sendable(shared: &Shared, bot: &Bot) -> Result<Vec<Diagnostic>, Problem> {
    let found = lacking(shared, bot);
    if found.iter().any(Diagnostic::is_error) { Err(body::invalid(&found)) } else { Ok(found) }
}

fn shown(published: &Published, problems: &[Diagnostic]) -> Value {
    let Published { record, bot, before, created, changed, missing_files } = published;
    let replaced = before.as_ref().filter(|before| before.version() != bot.version());
    let changes = before.as_ref().map(|before| chatbot::diff(before, bot).summary());
    json!({
        "id": bot.id(),
        "version": record.version,
        "number": record.number,
        "nodes": record.nodes,
        "created": created,
        "changed": changed,
        "replaced": replaced.map(|before| before.version()),
        "changes": changes,
        "problems": problems,
        "missing_files": missing_files,
    })
}
