//! `/api/v1/tokens`: credentials of programs. A secret is shown once, in the answer that makes it.

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Extension, Path, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::Ctx;
use super::access::{NewToken, Token};
use super::audit::Audited;
use super::lists::{Asked, PageQuery, page_of, read, read_json};
use super::media::DryRun;
use super::principal::Principal;
use super::problem::Problem;
use super::role::Role;
use super::time::at;
use super::users::known;

const LIST: &str = "tokens";

/// A token to be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "name": "shop", "role": "responder", "numbers": ["106540352242922"], "expires_in": "90d" }))]
pub(super) struct CreateToken {
    /// 1 to 64 of a to z, digits and `. _ - @`; capitals become small. The audit trail calls it so.
    name: String,
    role: Role,
    /// The ids of our numbers that it sees; all of them without it.
    #[serde(default)]
    numbers: Option<Vec<String>>,
    /// How long it is good for, such as `12h` or `90d`; for ever without it.
    expires_in: Option<String>,
}

/// A token, without its secret.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({ "id": "t_01KB3J5N1Q8T2C4V6X8Z0A2B4D", "name": "shop", "prefix": "par_AbCd",
    "role": "responder", "numbers": null, "owner": null, "created_by": "user:elif", "maker": null, "created_at": "2026-11-27T09:00:00.000Z",
    "expires_at": "2027-02-25T09:00:00.000Z", "expired": false, "last_used_at": null }))]
pub(super) struct TokenView {
    id: String,
    name: String,
    /// The first characters of its secret.
    prefix: String,
    role: Role,
    /// Our numbers that it sees; none is all of them.
    numbers: Option<Vec<String>>,
    /// The user whose it is: it is refused when they are locked out, gone, or have lost its role.
    owner: Option<String>,
    created_by: String,
    /// The id of the token that made it: it is revoked with that one, and does not outlast it.
    maker: Option<String>,
    created_at: String,
    expires_at: Option<String>,
    expired: bool,
    /// To the minute.
    last_used_at: Option<String>,
}

/// A token that was just made.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({ "id": "t_01KB3J5N1Q8T2C4V6X8Z0A2B4D", "name": "shop", "prefix": "par_AbCd",
    "role": "responder", "numbers": null, "owner": null, "created_by": "user:elif", "maker": null, "created_at": "2026-11-27T09:00:00.000Z",
    "expires_at": "2027-02-25T09:00:00.000Z", "expired": false, "last_used_at": null,
    "secret": "par_AbCdEfGhIjKlMnOpQrStUvWxYz0123456789-_AbCdE" }))]
pub(super) struct NewTokenView {
    #[serde(flatten)]
    token: TokenView,
    /// For `Authorization: Bearer`. It is kept nowhere, and shown here only.
    secret: String,
}

/// What revoking a token would end.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({ "id": "t_01KB3J5N1Q8T2C4V6X8Z0A2B4D", "name": "shop", "prefix": "par_AbCd",
    "role": "responder", "numbers": null, "owner": null, "created_by": "user:elif", "maker": null,
    "created_at": "2026-11-27T09:00:00.000Z", "expires_at": null, "expired": false, "last_used_at": null, "also": [] }))]
pub(super) struct Revocation {
    #[serde(flatten)]
    token: TokenView,
    /// The names of those that it made, and theirs.
    also: Vec<String>,
}

/// A page of tokens, oldest first.
#[derive(Serialize, ToSchema)]
pub(super) struct TokenPage {
    items: Vec<TokenView>,
    next_cursor: Option<String>,
}

impl TokenView {
    fn of(token: &Token, now_ms: u64) -> Self {
        Self {
            id: token.id.to_string(),
            name: token.name.to_string(),
            prefix: token.prefix.to_string(),
            role: token.role,
            numbers: token.numbers.as_ref().map(|numbers| numbers.iter().map(|number| number.to_string()).collect()),
            owner: token.owner.as_ref().map(ToString::to_string),
            created_by: token.created_by.to_string(),
            maker: token.maker.as_ref().map(ToString::to_string),
            created_at: at(token.created_ms),
            expires_at: token.expires_ms.map(at),
            expired: token.expires_ms.is_some_and(|end_ms| end_ms <= now_ms),
            last_used_at: token.last_used_ms.map(at),
        }
    }
}

/// All tokens, oldest first, without their secrets.
#[utoipa::path(get, path = "/api/v1/tokens", tag = "access",
    params(("limit" = Option<usize>, Query), ("cursor" = Option<String>, Query)),
    responses((status = OK, body = TokenPage)))]
pub(super) async fn list(State(shared): Ctx, query: Asked<PageQuery>) -> Result<Json<TokenPage>, Problem> {
    let (tokens, now_ms) = (shared.access.directory.tokens(), shared.parts.clock.now_ms());
    let (page, next_cursor) = page_of(LIST, tokens, &read(query)?, |token| &token.id)?;
    Ok(Json(TokenPage { items: page.iter().map(|token| TokenView::of(token, now_ms)).collect(), next_cursor }))
}

/// Makes a token. It belongs to the user who makes it; one that a token makes ends with that one at the latest.
#[utoipa::path(post, path = "/api/v1/tokens", tag = "access", params(DryRun), request_body = CreateToken,
    responses((status = CREATED, body = NewTokenView), (status = OK, description = "what would be, of a dry run"),
        (status = CONFLICT), (status = UNPROCESSABLE_ENTITY)))]
pub(super) async fn create(
    State(shared): Ctx,
    Extension(who): Extension<Principal>,
    dry: Asked<DryRun>,
    body: Result<Json<CreateToken>, JsonRejection>,
) -> Result<Response, Problem> {
    let DryRun { dry_run } = read(dry)?;
    let CreateToken { name, role, numbers, expires_in } = read_json(body)?;
    let numbers = numbers.map(|numbers| known(&shared, numbers)).transpose()?;
    let now_ms = shared.parts.clock.now_ms();
    let expires_ms = expires_in.as_deref().map(|text| later(now_ms, text)).transpose()?;
    let (owner, created_by, maker) = (who.user.clone(), who.who.clone(), who.token.clone());
    let new = NewToken { name, role, numbers, expires_ms, owner, created_by, maker };
    let directory = &shared.access.directory;
    if dry_run {
        let expires_ms = directory.check_token(&new, now_ms)?;
        let plan = json!({ "dry_run": true, "name": new.name, "role": role, "expires_at": expires_ms.map(at) });
        return Ok(Json(plan).into_response());
    }
    let (token, secret) = directory.create_token(new, now_ms).await?;
    let audited = Audited::default().after(for_audit(&token)).target(&token.id);
    let view = NewTokenView { token: TokenView::of(&token, now_ms), secret };
    Ok((StatusCode::CREATED, Extension(audited), Json(view)).into_response())
}

/// Revokes a token, by id or name, and with it those that it made, and theirs. They are refused from the answer on.
#[utoipa::path(delete, path = "/api/v1/tokens/{id}", tag = "access", params(("id" = String, Path), DryRun),
    responses((status = NO_CONTENT), (status = OK, body = Revocation, description = "of a dry run"),
        (status = NOT_FOUND)))]
pub(super) async fn revoke(
    State(shared): Ctx,
    Path(id): Path<String>,
    dry: Asked<DryRun>,
) -> Result<Response, Problem> {
    let directory = &shared.access.directory;
    if read(dry)?.dry_run {
        let (gone, now_ms) = (directory.with_made(&id)?, shared.parts.clock.now_ms());
        let (token, made) = gone.split_first().ok_or_else(|| Problem::not_found("there is no such token"))?;
        let also = made.iter().map(|token| token.name.to_string()).collect();
        return Ok(Json(Revocation { token: TokenView::of(token, now_ms), also }).into_response());
    }
    let gone = directory.revoke_token(&id).await?;
    let mut audited = gone.iter().fold(Audited::default(), |audited, token| audited.target(&token.id));
    if let Some(token) = gone.first() {
        audited = audited.before(for_audit(token));
    }
    Ok((StatusCode::NO_CONTENT, Extension(audited)).into_response())
}

fn for_audit(token: &Token) -> Value {
    let expires_at = token.expires_ms.map(at);
    json!({ "name": token.name, "role": token.role, "numbers": token.numbers, "expires_at": expires_at })
}

fn later(now_ms: u64, text: &str) -> Result<u64, Problem> {
    let wrong = || {
        Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", format!("expires_in is {text:?}"))
            .hint("write a duration above zero such as \"12h\" or \"90d\"")
    };
    let duration = crate::config::duration_of(text).filter(|duration| !duration.is_zero()).ok_or_else(wrong)?;
    Ok(now_ms.saturating_add(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)))
}
