//! `/api/v1/templates`: what Meta has, and changes of it.

use actors::templates::{ManageError, SyncError, Template};
use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::IntoParams;
use whatsapp::graph::RemoteTemplate;

use super::lists::{Asked, limit, read, read_json};
use super::media::DryRun;
use super::problem::Problem;
use super::time::at;
use super::{Ctx, Shared, cursor};
use crate::admin::shapes;

const LIST: &str = "templates";

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ListQuery {
    /// Of this name only.
    name: Option<String>,
    /// With Meta's status.
    status: Option<String>,
    /// In this language only.
    language: Option<String>,
    /// Of this business account only.
    account: Option<String>,
    /// Items at most; 50 if nothing is said.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<usize>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct CreateQuery {
    /// Of this business account only.
    account: Option<String>,
    /// Say what would be done, and do nothing.
    #[serde(default)]
    dry_run: bool,
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct DeleteQuery {
    /// Of this business account only.
    account: Option<String>,
    /// Only this one of the name.
    id: Option<String>,
    /// Say what would be done, and do nothing.
    #[serde(default)]
    dry_run: bool,
}

/// By account, name and language.
#[utoipa::path(
    get, path = "/api/v1/templates",
    params(ListQuery),
    responses((status = OK, body = shapes::Templates)),
)]
pub(super) async fn list(State(shared): Ctx, query: Asked<ListQuery>) -> Result<Json<Value>, Problem> {
    let query = read(query)?;
    let (limit, after) = (limit(query.limit)?, cursor::take(LIST, query.cursor.as_deref())?);
    let is = |wanted: &Option<String>, has: &str| wanted.as_deref().is_none_or(|wanted| wanted == has);
    let status = query.status.as_deref().map(str::to_uppercase);
    let fits = |template: &Template| {
        is(&query.name, &template.remote.name)
            && is(&query.language, &template.remote.language)
            && is(&query.account, &template.account)
            && is(&status, status_of(template))
    };
    let all = shared.parts.services.templates.all();
    let rest = all.iter().filter(|template| fits(template));
    let mut rest = rest.filter(|template| after.as_deref().is_none_or(|after| *key(template) > *after)).peekable();
    let (mut items, mut last) = (Vec::new(), None);
    for template in rest.by_ref().take(limit) {
        items.push(shown(template));
        last = Some(key(template));
    }
    let next = last.filter(|_| rest.peek().is_some());
    Ok(Json(json!({ "items": items, "next_cursor": cursor::give(LIST, next), "accounts": states(&shared) })))
}

/// A template.
#[utoipa::path(get, path = "/api/v1/templates/{id}", responses((status = OK, body = shapes::Template)))]
pub(super) async fn show(State(shared): Ctx, Path(id): Path<String>) -> Result<Json<Value>, Problem> {
    let template = shared.parts.services.templates.by_id(&id).ok_or_else(|| unknown(&id))?;
    Ok(Json(shown(&template)))
}

/// Reads the lists of all accounts now.
#[utoipa::path(post, path = "/api/v1/templates/sync", responses((status = OK, body = shapes::TemplatesSynced)))]
pub(super) async fn sync(State(shared): Ctx) -> Result<Json<Value>, Problem> {
    let mut items = Vec::new();
    for synced in shared.parts.services.templates.sync().await {
        match synced.outcome {
            Ok(counts) => {
                let mut item = json!(counts);
                item["account"] = json!(synced.account);
                items.push(item);
            }
            Err(SyncError::Call(error)) => return Err(Problem::of_meta(&error)),
            Err(SyncError::Store(error)) => return Err(error.into()),
        }
    }
    Ok(Json(json!({ "items": items, "next_cursor": null })))
}

/// Creates a template at Meta.
#[utoipa::path(
    post, path = "/api/v1/templates",
    params(CreateQuery),
    request_body(content = serde_json::Value, description = "As Meta takes it",
        example = json!({ "name": "order_shipped", "language": "en_US", "category": "UTILITY",
        "components": [{ "type": "BODY", "text": "It is on its way." }] })),
    responses((status = CREATED, body = shapes::TemplateCreated), (status = OK, body = shapes::TemplateCreated)),
)]
pub(super) async fn create(
    State(shared): Ctx,
    query: Asked<CreateQuery>,
    body: Result<Json<Value>, JsonRejection>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let (query, definition) = (read(query)?, read_json(body)?);
    let missing = ["name", "language", "category", "components"].into_iter().find(|key| definition.get(key).is_none());
    if let Some(key) = missing {
        let detail = format!("the template has no {key}");
        return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "template-incomplete", detail)
            .hint("a template is an object with name, language, category and components, as Meta takes it"));
    }
    let (templates, account) = (&shared.parts.services.templates, query.account.as_deref());
    if query.dry_run {
        return Ok((StatusCode::OK, Json(json!({ "dry_run": true, "would_create": definition, "account": account }))));
    }
    let created = templates.create(account, &definition).await?;
    let answer = json!({ "id": created.id, "status": created.status, "category": created.category });
    Ok((StatusCode::CREATED, Json(answer)))
}

/// Changes a template at Meta.
#[utoipa::path(
    post, path = "/api/v1/templates/{id}",
    params(DryRun),
    request_body(content = serde_json::Value, description = "What shall be different, as Meta takes it",
        example = json!({ "category": "MARKETING" })),
    responses((status = OK, body = shapes::TemplateChanged)),
)]
pub(super) async fn edit(
    State(shared): Ctx,
    Path(id): Path<String>,
    query: Asked<DryRun>,
    body: Result<Json<Value>, JsonRejection>,
) -> Result<Json<Value>, Problem> {
    let (templates, change) = (&shared.parts.services.templates, read_json(body)?);
    let template = templates.by_id(&id).ok_or_else(|| unknown(&id))?;
    if read(query)?.dry_run {
        return Ok(Json(json!({ "dry_run": true, "would_change": shown(&template), "to": change })));
    }
    templates.edit(&template.account, &id, &change).await?;
    Ok(Json(json!({ "id": id, "changed": true })))
}

/// Deletes by name: all languages, or the one with `id`.
#[utoipa::path(
    delete, path = "/api/v1/templates/{id}",
    params(DeleteQuery),
    responses((status = OK, body = shapes::TemplateDeleted)),
)]
pub(super) async fn delete(
    State(shared): Ctx,
    Path(name): Path<String>,
    query: Asked<DeleteQuery>,
) -> Result<Json<Value>, Problem> {
    let query = read(query)?;
    let (templates, id) = (&shared.parts.services.templates, query.id.as_deref());
    let all = templates.all();
    let named = all.iter().filter(|template| {
        template.remote.name == name
            && template.removed_ms.is_none()
            && id.is_none_or(|id| template.remote.id == id)
            && query.account.as_deref().is_none_or(|account| *template.account == *account)
    });
    let named: Vec<_> = named.collect();
    let Some(first) = named.first() else { return Err(unknown(id.unwrap_or(&name))) };
    if named.iter().any(|template| template.account != first.account) {
        return Err(Problem::bad_request(format!("{name} is in more than one account")).hint("say which with account="));
    }
    let languages: Vec<_> = named.iter().map(|template| &*template.remote.language).collect();
    if !query.dry_run {
        templates.delete(Some(&first.account), &name, id).await?;
    }
    Ok(Json(json!({ "name": name, "account": first.account, "languages": languages, "dry_run": query.dry_run })))
}

fn key(template: &Template) -> String {
    format!("{}/{}/{}", template.account, template.remote.name, template.remote.language)
}

fn status_of(template: &Template) -> &str {
    if template.removed_ms.is_some() { "REMOVED" } else { &template.remote.status }
}

fn shown(template: &Template) -> Value {
    let RemoteTemplate { id, name, language, category, parameter_format, rejected_reason, components, .. } =
        &template.remote;
    json!({
        "id": id,
        "account": template.account,
        "name": name,
        "language": language,
        "status": status_of(template),
        "category": category,
        "parameter_format": parameter_format,
        "rejected_reason": rejected_reason.as_deref().filter(|reason| *reason != "NONE"),
        "quality_score": template.remote.quality_score,
        "components": components,
        "removed_at": template.removed_ms.map(at),
    })
}

fn states(shared: &Shared) -> Vec<Value> {
    let states = shared.parts.services.templates.states();
    let shown = |(account, state): (Box<str>, actors::templates::SyncState)| json!({ "account": account, "synced_at": state.synced_ms.map(at), "error": state.error });
    states.into_iter().map(shown).collect()
}

fn unknown(id: &str) -> Problem {
    Problem::not_found(format!("there is no template {id:?}"))
        .hint("POST /api/v1/templates/sync reads Meta's list anew")
}

impl From<ManageError> for Problem {
    fn from(error: ManageError) -> Self {
        match &error {
            ManageError::Call(call) => Self::of_meta(call),
            ManageError::Account(_) => Self::not_found(error.to_string())
                .hint("set WHATSAPP_BUSINESS_ACCOUNT_ID, or name an account that is configured"),
        }
    }
}
