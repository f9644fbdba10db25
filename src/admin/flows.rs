//! `/api/v1/flows`: the WhatsApp Flows of the accounts, what the bots want of them, and changes at Meta.

pub(super) mod apply;
pub(super) mod one;
mod shown;

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::IntoParams;

use super::lists::{Asked, limit, read};
use super::problem::Problem;
use super::time::at;
use super::{Ctx, Shared, cursor};
use crate::admin::shapes;
use shown::View;

const LIST: &str = "flows";

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ListQuery {
    /// Of this name only.
    name: Option<String>,
    /// With Meta's status.
    status: Option<String>,
    /// Of this business account only.
    account: Option<String>,
    /// Also those that Meta no longer has, and those that were put aside.
    #[serde(default)]
    all: bool,
    /// Items at most; 50 if nothing is said.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<usize>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// By account and name; what only bot files have is there too.
#[utoipa::path(get, path = "/api/v1/flows", params(ListQuery), responses((status = OK, body = shapes::Flows)))]
pub(super) async fn list(State(shared): Ctx, query: Asked<ListQuery>) -> Result<Json<Value>, Problem> {
    let query = read(query)?;
    let (limit, after) = (limit(query.limit)?, cursor::take(LIST, query.cursor.as_deref())?);
    let is = |wanted: &Option<String>, has: &str| wanted.as_deref().is_none_or(|wanted| wanted == has);
    let status = query.status.as_deref().map(str::to_uppercase);
    let mut views = View::all(&shared).await;
    views.retain(|view| {
        is(&query.name, &view.name)
            && is(&query.account, &view.account)
            && is(&status, view.status())
            && (query.all || view.is_current())
            && after.as_deref().is_none_or(|after| *view.key() > *after)
    });
    let more = views.len() > limit;
    views.truncate(limit);
    let next = views.last().filter(|_| more).map(View::key);
    let items: Vec<_> = views.iter().map(View::json).collect();
    Ok(Json(json!({ "items": items, "next_cursor": cursor::give(LIST, next), "accounts": states(&shared) })))
}

fn states(shared: &Shared) -> Vec<Value> {
    let states = shared.parts.services.flows.states().into_iter();
    let shown = states.map(
        |(account, state)| json!({ "account": account, "synced_at": state.synced_ms.map(at), "error": state.error }),
    );
    shown.collect()
}
