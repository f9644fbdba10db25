//! `/api/v1/events/endpoints` and `/api/v1/events/deliveries`: where outgoing events go, and what became of them.

use actors::outlet::{Delivery, DeliveryFilter, DeliveryState, EndpointSettings, OutletError, ReplayError, Standing};
use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};

use super::lists::{Asked, PageQuery, limit, page_of, read, read_json};
use super::problem::Problem;
use super::time::at;
use super::{Ctx, cursor};
use crate::admin::shapes;

const LIST: &str = "event-deliveries";
/// Deliveries that one call replays at most, and by default.
const REPLAYED_AT_ONCE: usize = 1_000;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ListQuery {
    /// In this state only.
    state: Option<String>,
    /// Of this receiver only.
    endpoint: Option<String>,
    /// Of this type only.
    #[serde(rename = "type")]
    kind: Option<String>,
    /// Items at most; 50 if nothing is said.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<usize>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ReplayOrder, example = json!({ "state": "failed", "endpoint": "crm", "limit": 100 }))]
pub(super) struct ReplayFilter {
    /// `failed` if nothing else is said.
    state: Option<String>,
    /// Of this receiver only.
    endpoint: Option<String>,
    /// Of this type only.
    #[serde(rename = "type")]
    kind: Option<String>,
    /// Events of this time or later; RFC 3339.
    since: Option<String>,
    /// Items at most; 50 if nothing is said.
    #[schema(minimum = 1, maximum = 1000)]
    limit: Option<usize>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Receivers of outgoing events.
#[utoipa::path(
    get, path = "/api/v1/events/endpoints",
    params(PageQuery),
    responses((status = OK, body = shapes::Listed<shapes::Receiver>)),
)]
pub(super) async fn endpoints(State(shared): Ctx, query: Asked<PageQuery>) -> Result<Json<Value>, Problem> {
    let endpoints = shared.parts.services.outlet.endpoints();
    let (page, next) = page_of("endpoints", endpoints, &read(query)?, |(settings, _)| &settings.name)?;
    let items: Vec<_> = page.iter().map(|(settings, standing)| endpoint(settings, standing)).collect();
    Ok(Json(json!({ "items": items, "next_cursor": next })))
}

/// Tries a receiver again now.
#[utoipa::path(
    post, path = "/api/v1/events/endpoints/{name}/resume",
    responses((status = OK, body = shapes::ReceiverResumed)),
)]
pub(super) async fn resume(State(shared): Ctx, Path(name): Path<String>) -> Result<Json<Value>, Problem> {
    match shared.parts.services.outlet.resume(&name).await? {
        true => Ok(Json(json!({ "name": name, "state": "ok" }))),
        false => Err(Problem::not_found(format!("there is no endpoint {name:?}"))
            .hint("GET /api/v1/events/endpoints lists those of the configuration")),
    }
}

/// Events on their way to receivers, newest first.
#[utoipa::path(
    get, path = "/api/v1/events/deliveries",
    params(ListQuery),
    responses((status = OK, body = shapes::Listed<shapes::Delivery>)),
)]
pub(super) async fn list(State(shared): Ctx, query: Asked<ListQuery>) -> Result<Json<Value>, Problem> {
    let query = read(query)?;
    let filter = DeliveryFilter {
        state: state(query.state.as_deref())?,
        endpoint: query.endpoint.map(Into::into),
        kind: query.kind.map(Into::into),
        since_ms: None,
    };
    let after = cursor::take(LIST, query.cursor.as_deref())?;
    let listed = shared.parts.services.outlet.list(&filter, after.as_deref(), limit(query.limit)?).await?;
    let items: Vec<_> = listed.items.iter().map(short).collect();
    Ok(Json(json!({ "items": items, "next_cursor": cursor::give(LIST, listed.next) })))
}

/// An event on its way, with its body and what was answered.
#[utoipa::path(get, path = "/api/v1/events/deliveries/{id}", responses((status = OK, body = shapes::DeliveryShown)))]
pub(super) async fn show(State(shared): Ctx, Path(id): Path<String>) -> Result<Json<Value>, Problem> {
    let delivery = shared.parts.services.outlet.delivery(&id).await?.ok_or_else(|| unknown(&id))?;
    Ok(Json(whole(&delivery)))
}

/// Sends an event once more.
#[utoipa::path(
    post, path = "/api/v1/events/deliveries/{id}/replay",
    responses((status = ACCEPTED, body = shapes::Delivery)),
)]
pub(super) async fn replay(State(shared): Ctx, Path(id): Path<String>) -> Result<(StatusCode, Json<Value>), Problem> {
    let delivery = shared.parts.services.outlet.replay(&id).await?.ok_or_else(|| unknown(&id))?;
    Ok((StatusCode::ACCEPTED, Json(short(&delivery))))
}

/// Replays what the filter takes, as much as one call may.
#[utoipa::path(
    post, path = "/api/v1/events/deliveries/replay",
    request_body(content = ReplayFilter),
    responses((status = ACCEPTED, body = shapes::Replayed)),
)]
pub(super) async fn replay_all(
    State(shared): Ctx,
    body: Result<Json<ReplayFilter>, JsonRejection>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let asked = read_json(body)?;
    let filter = DeliveryFilter {
        state: state(asked.state.as_deref())?.or(Some(DeliveryState::Failed)),
        endpoint: asked.endpoint.map(Into::into),
        kind: asked.kind.map(Into::into),
        since_ms: asked.since.as_deref().map(since).transpose()?,
    };
    let most = match asked.limit {
        None => REPLAYED_AT_ONCE,
        Some(limit @ 1..=REPLAYED_AT_ONCE) => limit,
        Some(limit) => {
            return Err(Problem::bad_request(format!("limit is {limit}; it must be from 1 to {REPLAYED_AT_ONCE}")));
        }
    };
    let after = cursor::take(LIST, asked.cursor.as_deref())?;
    let done = shared.parts.services.outlet.replay_all(&filter, after.as_deref(), most).await?;
    let next = cursor::give(LIST, done.next);
    Ok((StatusCode::ACCEPTED, Json(json!({ "replayed": done.replayed, "left": done.left, "next_cursor": next }))))
}

fn state(name: Option<&str>) -> Result<Option<DeliveryState>, Problem> {
    let Some(name) = name else { return Ok(None) };
    let unknown =
        |()| Problem::bad_request(format!("there is no delivery state {name:?}")).hint("pending, delivered or failed");
    name.parse().map(Some).map_err(unknown)
}

fn since(text: &str) -> Result<u64, Problem> {
    let time: Result<jiff::Timestamp, _> = text.parse();
    let time = time.map_err(|_| {
        Problem::bad_request(format!("since is {text:?}, which is no time")).hint("write 2026-11-27T09:00:00Z")
    })?;
    Ok(u64::try_from(time.as_millisecond()).unwrap_or_default())
}

fn unknown(id: &str) -> Problem {
    Problem::not_found(format!("there is no delivery {id:?}"))
        .hint("ids are evt_, 32 hex digits, a dot and the endpoint")
}

fn endpoint(settings: &EndpointSettings, standing: &Standing) -> Value {
    // What follows the path is where people put tokens.
    let mut url = settings.url.clone();
    url.set_query(None);
    let state = match standing {
        Standing { gone_ms: Some(_), .. } => "gone",
        Standing { failures: 1.., .. } => "failing",
        _ => "ok",
    };
    json!({
        "name": settings.name,
        "url": url.as_str(),
        "types": settings.types.shown(),
        "state": state,
        "pending": standing.pending,
        "dropped": standing.dropped,
        "failures": standing.failures,
        "last_success": standing.succeeded_ms.map(at),
        "last_failure": standing.failed.as_ref().map(|(at_ms, _)| at(*at_ms)),
        "last_error": standing.failed.as_ref().map(|(_, why)| why),
        "gone_since": standing.gone_ms.map(at),
        "paused_until": standing.paused_until_ms.map(at),
    })
}

fn short(delivery: &Delivery) -> Value {
    let last = delivery.last.last();
    let due = (delivery.state == DeliveryState::Pending).then(|| at(delivery.due_ms));
    json!({
        "id": delivery.id,
        "event": delivery.event,
        "type": delivery.kind,
        "endpoint": delivery.endpoint,
        "state": delivery.state,
        "created_at": at(delivery.created_ms),
        "updated_at": at(delivery.changed_ms),
        "due_at": due,
        "tries": delivery.tries,
        "last_status": last.and_then(|tried| tried.status),
        "last_error": last.and_then(|tried| tried.error.as_deref()),
    })
}

fn whole(delivery: &Delivery) -> Value {
    let mut shown = short(delivery);
    let body: Value = serde_json::from_str(&delivery.body).unwrap_or_else(|_| json!(delivery.body));
    let tried = delivery.last.iter().map(|tried| {
        json!({ "at": at(tried.at_ms), "took_ms": tried.took_ms, "status": tried.status, "error": tried.error })
    });
    shown["last_tries"] = tried.collect();
    shown["last_answer"] = json!(delivery.answer);
    shown["body"] = body;
    shown
}

impl From<OutletError> for Problem {
    fn from(error: OutletError) -> Self {
        match error {
            OutletError::Store(error) => error.into(),
            OutletError::Damaged(error) => Self::damaged(&error),
        }
    }
}

impl From<ReplayError> for Problem {
    fn from(error: ReplayError) -> Self {
        match error {
            ReplayError::NoEndpoint(_) => Self::new(StatusCode::CONFLICT, "no-endpoint", error.to_string())
                .hint("configure an [[events.endpoint]] of this name first"),
            ReplayError::Outlet(error) => error.into(),
        }
    }
}
