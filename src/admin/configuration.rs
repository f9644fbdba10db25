//! `/api/v1/config`: what the settings are and where they come from, a draft held against them, and reading them again.
//! Secrets are told as set or not; nothing of them leaves this port.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Ctx;
use super::lists::{Asked, read};
use super::problem::Problem;
use crate::config::keys::{self, Effect};
use crate::config::{Change, Draft, Errors, Shown, Source};
use crate::server::ReloadError;

/// A key as it is in effect.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct Setting {
    /// Its name.
    key: String,
    /// Its value; null for a secret.
    value: Value,
    /// Whether it holds anything.
    set: bool,
    /// Whether its value is hidden.
    secret: bool,
    /// The value for people.
    shown: String,
    /// `default`, `generated`, `file`, `variable`, `flag` or `store`.
    origin: &'static str,
    /// Where exactly: file, line and column, or the name of the variable.
    source: String,
    /// `live` or `restart`: how a change takes effect.
    effect: &'static str,
    /// What was read, and takes effect with the next start.
    waiting: Option<String>,
}

/// All keys.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(example = json!({ "items": [{
    "key": "outbox.max_attempts", "value": 8, "set": true, "secret": false, "shown": "8", "origin": "default",
    "source": "default", "effect": "live", "waiting": null
}], "next_cursor": null }))]
pub(super) struct Settings {
    items: Vec<Setting>,
    next_cursor: Option<String>,
}

/// A key that another configuration has otherwise.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct Changed {
    /// Its name.
    key: String,
    /// As it is in effect.
    before: Option<String>,
    /// As it would be, or is now.
    after: Option<String>,
    /// `live` or `restart`: how it takes effect.
    effect: &'static str,
}

/// What is wrong with a text, and what it would change.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(example = json!({ "problems": [], "changes": [
    { "key": "outbox.max_attempts", "before": "8", "after": "5", "effect": "live" }
] }))]
pub(super) struct Checked {
    /// What must be put right.
    problems: Vec<Wrong>,
    /// Only where nothing is wrong.
    changes: Vec<Changed>,
}

/// One thing that must be put right.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct Wrong {
    /// What is wrong.
    what: String,
    /// What to do.
    help: String,
    /// Where it came from.
    source: Option<String>,
    /// Line in the text, from 1.
    line: Option<usize>,
    /// Column in characters, from 1.
    column: Option<usize>,
}

/// What a reload changed.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(example = json!({ "changes": [
    { "key": "log.level", "before": "\"info\"", "after": "\"debug\"", "effect": "live" }
], "dry_run": false }))]
pub(super) struct Reloaded {
    /// Live ones are in effect; the others wait for a restart.
    changes: Vec<Changed>,
    /// Nothing was changed.
    dry_run: bool,
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct How {
    /// Only say what would change.
    #[serde(default)]
    dry_run: bool,
}

/// Every setting, its value and where it came from.
#[utoipa::path(get, path = "/api/v1/config", tag = "configuration", responses((status = OK, body = Settings)))]
pub(super) async fn show(State(shared): Ctx) -> Json<Settings> {
    let configuration = &shared.parts.configuration;
    let waiting: BTreeMap<String, Change> =
        configuration.waiting().into_iter().map(|change| (change.key.clone(), change)).collect();
    let settings = configuration.settings();
    let items = settings.iter().map(|(key, shown)| Setting::of(key, shown, waiting.get(key))).collect();
    Json(Settings { items, next_cursor: None })
}

/// What is wrong with a configuration file, and what it would change. Nothing is kept of it.
#[utoipa::path(
    post, path = "/api/v1/config/check", tag = "configuration",
    request_body(content = String, content_type = "application/toml", example = "[outbox]\nmax_attempts = 5\n"),
    responses((status = OK, body = Checked))
)]
pub(super) async fn check(State(shared): Ctx, body: String) -> Result<Json<Checked>, Problem> {
    match shared.parts.configuration.check(Draft::Text(body)) {
        Ok(changes) => Ok(Json(Checked { problems: Vec::new(), changes: changed(&changes) })),
        Err(ReloadError::Wrong(errors)) => Ok(Json(Checked { problems: wrong(&errors), changes: Vec::new() })),
        Err(error) => Err(refused(error)),
    }
}

/// Reads the configuration again: what can be is put into effect, what needs a restart is listed. One with a mistake changes
/// nothing.
#[utoipa::path(
    post, path = "/api/v1/config/reload", tag = "configuration", params(How),
    responses((status = OK, body = Reloaded))
)]
pub(super) async fn reload(State(shared): Ctx, query: Asked<How>) -> Result<Json<Reloaded>, Problem> {
    let How { dry_run } = read(query)?;
    let configuration = &shared.parts.configuration;
    let changes = match dry_run {
        true => configuration.check(Draft::File),
        false => configuration.reload().await,
    };
    Ok(Json(Reloaded { changes: changed(&changes.map_err(refused)?), dry_run }))
}

impl Setting {
    fn of(key: &str, shown: &Shown, waiting: Option<&Change>) -> Self {
        let known = keys::find(key);
        let origin = match &shown.source {
            Source::Default => "default",
            Source::Generated => "generated",
            Source::File { .. } => "file",
            Source::Variable(_) => "variable",
            Source::Flag => "flag",
            Source::Store => "store",
        };
        Self {
            key: key.to_owned(),
            value: shown.json(key),
            set: shown.is_set(),
            secret: keys::is_secret(key),
            shown: shown.line(key),
            origin,
            source: shown.source.to_string(),
            effect: word(known.map_or(Effect::Restart, |key| key.effect)),
            waiting: waiting.and_then(|change| change.after.as_ref()).map(|after| after.line(key)),
        }
    }
}

fn changed(changes: &[Change]) -> Vec<Changed> {
    let line = |key: &str, shown: &Option<Shown>| shown.as_ref().map(|shown| shown.line(key));
    let change = |change: &Change| Changed {
        key: change.key.clone(),
        before: line(&change.key, &change.before),
        after: line(&change.key, &change.after),
        effect: word(change.effect),
    };
    changes.iter().map(change).collect()
}

fn wrong(errors: &Errors) -> Vec<Wrong> {
    let place = |source: &Option<Source>| match source {
        Some(Source::File { line, column, .. }) => (Some(*line), Some(*column)),
        _ => (None, None),
    };
    let one = |problem: &crate::config::Problem| {
        let (line, column) = place(&problem.source);
        let source = problem.source.as_ref().map(Source::to_string);
        Wrong { what: problem.what.clone(), help: problem.help.clone(), source, line, column }
    };
    errors.0.iter().map(one).collect()
}

fn word(effect: Effect) -> &'static str {
    match effect {
        Effect::Live => "live",
        Effect::Restart => "restart",
    }
}

fn refused(error: ReloadError) -> Problem {
    match &error {
        ReloadError::Fixed => Problem::new(StatusCode::CONFLICT, "not-reloadable", error.to_string())
            .hint("start it with `parlance serve` or `parlance dev`"),
        ReloadError::Wrong(errors) => {
            let count = errors.0.len();
            let detail =
                format!("the configuration has {count} problems and was not read; what runs goes on as it was");
            Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "configuration-wrong", detail)
                .hint("parlance config check shows each with its line")
                .with("problems", json!(wrong(errors)))
        }
        ReloadError::Desk(_) => {
            tracing::error!(%error, "a reload could not be carried out");
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, "not-in-effect", error.to_string()).hint("reload again")
        }
    }
}
