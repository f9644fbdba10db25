//! What concerns all Flows: plan, apply, sync, migrate.

use actors::flow_manager::{ApplyError, ApplyOrder, FlowSyncError, FlowSynced};
use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::{BytesRejection, JsonRejection};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::admin::Ctx;
use crate::admin::given::read_or_default;
use crate::admin::lists::{Asked, read, read_json};
use crate::admin::media::DryRun;
use crate::admin::problem::Problem;
use crate::admin::shapes;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(as = FlowOrder, example = json!({ "publish": true }))]
pub(in crate::admin) struct OrderBody {
    /// Publish drafts, too.
    publish: bool,
    /// Although somebody changed it at Meta.
    overwrite: bool,
    /// Deprecate what no bot wants any more.
    prune: bool,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = FlowMigration, example = json!({ "from": "102290129340398", "to": "102290129340399", "names": ["clinic_slots"] }))]
pub(in crate::admin) struct MigrateBody {
    /// Where it begins.
    from: String,
    /// Where it ends.
    to: String,
    /// Of these names only; all if there are none.
    #[serde(default)]
    names: Vec<String>,
}

impl Default for OrderBody {
    fn default() -> Self {
        let ApplyOrder { publish, overwrite, prune } = ApplyOrder::default();
        Self { publish, overwrite, prune }
    }
}

/// What applying would do. Changes nothing.
#[utoipa::path(
    post, path = "/api/v1/flows/plan",
    request_body(content = Option<OrderBody>),
    responses((status = OK, body = shapes::Plan)),
)]
pub(in crate::admin) async fn plan(
    State(shared): Ctx,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Value>, Problem> {
    let plan = shared.parts.services.flows.plan(&order(body)?).await?;
    Ok(Json(json!(plan)))
}

/// Brings what the bots want to Meta. 200 also when something could not be done: the outcomes say.
#[utoipa::path(
    post, path = "/api/v1/flows/apply",
    params(DryRun),
    request_body(content = Option<OrderBody>),
    responses((status = OK, body = shapes::Applied)),
)]
pub(in crate::admin) async fn apply(
    State(shared): Ctx,
    query: Asked<DryRun>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Value>, Problem> {
    let (order, flows) = (order(body)?, &shared.parts.services.flows);
    if read(query)?.dry_run {
        let mut plan = json!(flows.plan(&order).await?);
        plan["dry_run"] = json!(true);
        return Ok(Json(plan));
    }
    let applied = flows.apply(order).await?;
    let mut shown = json!(applied);
    shown["whole"] = json!(applied.is_whole());
    Ok(Json(shown))
}

/// Reads the lists of all accounts now.
#[utoipa::path(
    post, path = "/api/v1/flows/sync",
    params(DryRun),
    responses((status = OK, body = shapes::FlowsSynced)),
)]
pub(in crate::admin) async fn sync(State(shared): Ctx, query: Asked<DryRun>) -> Result<Json<Value>, Problem> {
    let (dry_run, flows) = (read(query)?.dry_run, &shared.parts.services.flows);
    let synced = if dry_run { flows.try_sync().await } else { flows.sync().await };
    let items: Result<Vec<_>, Problem> = synced.into_iter().map(synced_json).collect();
    Ok(Json(json!({ "items": items?, "next_cursor": null, "dry_run": dry_run })))
}

fn synced_json(synced: FlowSynced) -> Result<Value, Problem> {
    let counts = match synced.outcome {
        Ok(counts) => counts,
        Err(FlowSyncError::Call(error)) => return Err(Problem::of_meta(&error)),
        Err(FlowSyncError::Store(error)) => return Err(error.into()),
    };
    let differing = synced.differing.iter().map(|flow| {
        let status = if flow.is_there() { flow.remote.status.as_str() } else { "REMOVED" };
        json!({ "id": flow.remote.id, "name": flow.remote.name, "status": status })
    });
    let mut item = json!(counts);
    (item["account"], item["differing"]) = (json!(synced.account), differing.collect());
    Ok(item)
}

/// Copies Flows of one account into another.
#[utoipa::path(
    post, path = "/api/v1/flows/migrate",
    params(DryRun),
    request_body(content = MigrateBody),
    responses((status = OK, body = shapes::Migrated)),
)]
pub(in crate::admin) async fn migrate(
    State(shared): Ctx,
    query: Asked<DryRun>,
    body: Result<Json<MigrateBody>, JsonRejection>,
) -> Result<Json<Value>, Problem> {
    let (dry_run, MigrateBody { from, to, names }) = (read(query)?.dry_run, read_json(body)?);
    if dry_run {
        return Ok(Json(json!({ "dry_run": true, "from": from, "to": to, "names": names })));
    }
    let migration = shared.parts.services.flows.migrate(&from, &to, &names).await?;
    Ok(Json(json!({ "from": from, "to": to, "migrated": migration.migrated, "failed": migration.failed })))
}

/// JSON; an empty body asks for what is usual.
fn order(body: Result<Bytes, BytesRejection>) -> Result<ApplyOrder, Problem> {
    let OrderBody { publish, overwrite, prune } = read_or_default(body)?;
    Ok(ApplyOrder { publish, overwrite, prune })
}

impl From<ApplyError> for Problem {
    fn from(error: ApplyError) -> Self {
        match &error {
            ApplyError::NoAccount => Self::new(StatusCode::CONFLICT, "no-account", error.to_string())
                .hint("set WHATSAPP_BUSINESS_ACCOUNT_ID"),
            ApplyError::Call { error: call, .. } => Self::of_meta(call),
            ApplyError::Store(_) => match error {
                ApplyError::Store(store) => store.into(),
                other => Self::bad_request(other.to_string()),
            },
        }
    }
}
