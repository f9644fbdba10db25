//! What concerns one Flow, named by Meta's id or by its name.

use std::sync::Arc;

use actors::flow_manager::{CloneOf, Flow, FlowError};
use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};
use whatsapp::graph::{FlowMetricName, FlowRefusal, Granularity, MetricQuery, PreviewLink};

use super::shown::View;
use crate::admin::given::read_or_default;
use crate::admin::lists::{Asked, read};
use crate::admin::media::DryRun;
use crate::admin::problem::Problem;
use crate::admin::shapes;
use crate::admin::time::at;
use crate::admin::{Ctx, Shared};

const PUBLIC_LINK: &str = "anybody with the link sees the Flow until then, and uses its real endpoint";

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::admin) struct ShowQuery {
    /// Asks Meta, with its health.
    #[serde(default)]
    refresh: bool,
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::admin) struct PreviewQuery {
    /// A new link; the old one opens nothing any more.
    #[serde(default)]
    renew: bool,
}

#[derive(Deserialize, Default, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(as = FlowCopy, example = json!({ "name": "clinic_slots_2" }))]
struct CloneBody {
    /// Of this name only.
    name: Option<String>,
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::admin) struct MetricsQuery {
    /// Of this name only.
    name: Option<String>,
    /// DAY, HOUR or LIFETIME.
    granularity: Option<String>,
    /// From this day on.
    since: Option<String>,
    /// Up to this day.
    until: Option<String>,
}

/// A Flow.
#[utoipa::path(
    get, path = "/api/v1/flows/{id}",
    params(ShowQuery),
    responses((status = OK, body = shapes::FlowShown)),
)]
pub(in crate::admin) async fn show(
    State(shared): Ctx,
    Path(id): Path<String>,
    query: Asked<ShowQuery>,
) -> Result<Json<Value>, Problem> {
    let flows = &shared.parts.services.flows;
    let flow = if read(query)?.refresh { flows.refreshed(&id, true).await? } else { find(&shared, &id)? };
    Ok(Json(detailed(&shared, flow).await))
}

/// Publishes a draft.
#[utoipa::path(
    post, path = "/api/v1/flows/{id}/publish",
    params(DryRun),
    responses((status = OK, body = serde_json::Value, example = json!({ "dry_run": true, "would_publish": {} }))),
)]
pub(in crate::admin) async fn publish(
    State(shared): Ctx,
    Path(id): Path<String>,
    query: Asked<DryRun>,
) -> Result<Json<Value>, Problem> {
    if read(query)?.dry_run {
        return Ok(Json(json!({ "dry_run": true, "would_publish": detailed(&shared, find(&shared, &id)?).await })));
    }
    let flow = shared.parts.services.flows.publish(&id).await?;
    Ok(Json(detailed(&shared, flow).await))
}

/// Takes a Flow out of use, for good.
#[utoipa::path(
    post, path = "/api/v1/flows/{id}/deprecate",
    params(DryRun),
    responses((status = OK, body = serde_json::Value, example = json!({ "dry_run": true, "would_deprecate": {} }))),
)]
pub(in crate::admin) async fn deprecate(
    State(shared): Ctx,
    Path(id): Path<String>,
    query: Asked<DryRun>,
) -> Result<Json<Value>, Problem> {
    if read(query)?.dry_run {
        return Ok(Json(json!({ "dry_run": true, "would_deprecate": detailed(&shared, find(&shared, &id)?).await })));
    }
    let flow = shared.parts.services.flows.deprecate(&id).await?;
    Ok(Json(detailed(&shared, flow).await))
}

/// Deletes a draft; any other Flow is deprecated at Meta and put aside here, for Meta deletes no other.
#[utoipa::path(
    delete, path = "/api/v1/flows/{id}",
    params(DryRun),
    responses((status = OK, body = shapes::FlowRemoved)),
)]
pub(in crate::admin) async fn delete(
    State(shared): Ctx,
    Path(id): Path<String>,
    query: Asked<DryRun>,
) -> Result<Json<Value>, Problem> {
    if read(query)?.dry_run {
        let flow = find(&shared, &id)?;
        let what = if flow.remote.status.as_str() == "DRAFT" { "would_delete" } else { "would_deprecate" };
        return Ok(Json(json!({ "dry_run": true, what: detailed(&shared, flow).await })));
    }
    let (flow, removed) = shared.parts.services.flows.remove(&id).await?;
    let note = match removed {
        actors::flow_manager::Removed::Deleted => None,
        _ => Some("Meta deletes drafts only: the Flow stays there as deprecated, and is put aside here"),
    };
    let (id, name) = (&flow.remote.id, &flow.remote.name);
    Ok(Json(json!({ "id": id, "name": name, "status": flow.remote.status, "removed": removed, "note": note })))
}

/// A draft with the content of a Flow.
#[utoipa::path(
    post, path = "/api/v1/flows/{id}/clone",
    request_body(content = Option<CloneBody>),
    responses((status = CREATED, body = shapes::FlowShown)),
)]
pub(in crate::admin) async fn copy(
    State(shared): Ctx,
    Path(id): Path<String>,
    body: Result<Bytes, BytesRejection>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let CloneBody { name } = read_or_default(body)?;
    let flow = shared.parts.services.flows.clone_flow(&id, &CloneOf { name }).await?;
    Ok((StatusCode::CREATED, Json(detailed(&shared, flow).await)))
}

/// A link to look at it in a browser.
#[utoipa::path(
    post, path = "/api/v1/flows/{id}/preview",
    params(PreviewQuery),
    responses((status = OK, body = shapes::PreviewLink)),
)]
pub(in crate::admin) async fn preview(
    State(shared): Ctx,
    Path(id): Path<String>,
    query: Asked<PreviewQuery>,
) -> Result<Json<Value>, Problem> {
    let link = if read(query)?.renew { PreviewLink::Renew } else { PreviewLink::Keep };
    let (flow, preview) = shared.parts.services.flows.preview(&id, link).await?;
    let expires_at = preview.expires_ms.map(at);
    let (id, name) = (&flow.remote.id, &flow.remote.name);
    Ok(Json(json!({ "id": id, "name": name, "url": preview.url, "expires_at": expires_at, "note": PUBLIC_LINK })))
}

/// Files of a Flow at Meta.
#[utoipa::path(get, path = "/api/v1/flows/{id}/assets", responses((status = OK, body = shapes::Assets)))]
pub(in crate::admin) async fn assets(State(shared): Ctx, Path(id): Path<String>) -> Result<Json<Value>, Problem> {
    let assets = shared.parts.services.flows.assets(&id).await?;
    Ok(Json(json!({ "items": assets, "next_cursor": null })))
}

/// Its JSON as Meta has it, as text.
#[utoipa::path(
    get, path = "/api/v1/flows/{id}/json",
    responses((status = OK, body = serde_json::Value, example = json!({ "id": "300100200300400",
        "name": "clinic_slots", "status": "DRAFT", "flow_json": "{}" }))),
)]
pub(in crate::admin) async fn text(State(shared): Ctx, Path(id): Path<String>) -> Result<Json<Value>, Problem> {
    let (flow, json) = shared.parts.services.flows.pull(&id).await?;
    let json = json.ok_or_else(|| Problem::not_found(format!("flow {} has no JSON", flow.remote.name)))?;
    let (id, name) = (&flow.remote.id, &flow.remote.name);
    Ok(Json(json!({ "id": id, "name": name, "status": flow.remote.status, "flow_json": json })))
}

/// Figures of Meta about a Flow.
#[utoipa::path(
    get, path = "/api/v1/flows/{id}/metrics",
    params(MetricsQuery),
    responses((status = OK, body = serde_json::Value, example = json!({ "name": "ENDPOINT_REQUEST_COUNT",
        "granularity": "DAY", "data_points": [] }))),
)]
pub(in crate::admin) async fn metrics(
    State(shared): Ctx,
    Path(id): Path<String>,
    query: Asked<MetricsQuery>,
) -> Result<Json<Value>, Problem> {
    let query = read(query)?;
    let word = |word: Option<String>| word.map(|word| word.to_uppercase());
    let name = word(query.name).map_or(FlowMetricName::Requests, FlowMetricName::from);
    let granularity = word(query.granularity).map_or(Granularity::Day, Granularity::from);
    if let (FlowMetricName::Other(word), _) | (_, Granularity::Other(word)) = (&name, &granularity) {
        let known = FlowMetricName::KNOWN.iter().map(FlowMetricName::as_str).collect::<Vec<_>>().join(", ");
        return Err(Problem::bad_request(format!("Meta measures no {word:?}"))
            .hint(format!("name: {known}; granularity: DAY, HOUR, LIFETIME")));
    }
    let query = MetricQuery { name, granularity, since: query.since, until: query.until };
    let metric = shared.parts.services.flows.metric(&id, &query).await?;
    Ok(Json(json!(metric)))
}

fn find(shared: &Shared, id: &str) -> Result<Arc<Flow>, Problem> {
    Ok(shared.parts.services.flows.find(id)?)
}

async fn detailed(shared: &Shared, flow: Arc<Flow>) -> Value {
    let wanted = shared.parts.services.flows.wanted().await;
    View::of(shared, flow, &wanted).detailed()
}

impl From<FlowError> for Problem {
    fn from(error: FlowError) -> Self {
        let text = error.to_string();
        match error {
            FlowError::Unknown(_) => Self::not_found(text).hint("POST /api/v1/flows/sync reads Meta's list anew"),
            FlowError::Account(_) => {
                Self::not_found(text).hint("name an account that is configured (WHATSAPP_BUSINESS_ACCOUNT_ID)")
            }
            FlowError::Several { .. } => {
                Self::new(StatusCode::CONFLICT, "several-flows", text).hint("name it by Meta's id")
            }
            FlowError::State(_) => Self::new(StatusCode::CONFLICT, "flow-state", text),
            FlowError::Store(error) => error.into(),
            FlowError::Call(call) => match call.flow_refusal() {
                Some(FlowRefusal::TooFewRequests) => {
                    let record = call.to_record();
                    Self::new(StatusCode::CONFLICT, "too-few-requests", "there are too few requests for figures")
                        .hint(record.advice)
                        .meta(json!({ "code": record.code, "fbtrace_id": record.fbtrace_id }))
                }
                _ => Self::of_meta(&call),
            },
        }
    }
}
