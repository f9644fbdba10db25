//! `/api/v1/users`: who may log in, with which role, and which of our numbers they see.

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Extension, Path, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::access::{self, DirectoryError, NewUser, User, UserChange};
use super::audit::Audited;
use super::lists::{Asked, PageQuery, page_of, read, read_json};
use super::login::for_audit;
use super::media::DryRun;
use super::principal::{Principal, Via};
use super::problem::Problem;
use super::role::Role;
use super::time::at;
use super::{Ctx, Shared};

const LIST: &str = "users";

/// A user to be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "name": "elif", "role": "responder", "numbers": ["106540352242922"],
    "password": "correct horse battery staple" }))]
pub(super) struct CreateUser {
    /// 1 to 64 of a to z, digits and `. _ - @`; capitals become small.
    name: String,
    role: Role,
    /// The ids of our numbers that they see; all of them without it.
    #[serde(default)]
    numbers: Option<Vec<String>>,
    /// At least 12 characters.
    password: String,
}

/// What becomes of a user; what is left away stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "role": "operator", "numbers": null, "reason": "runs the shop now" }))]
pub(super) struct ChangeUser {
    role: Option<Role>,
    /// `null` is all numbers.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<Vec<String>>)]
    numbers: Option<Option<Vec<String>>>,
    /// Ends all of their sessions.
    password: Option<String>,
    /// `true` ends all of their sessions, and their tokens are refused as long as it lasts.
    disabled: Option<bool>,
    /// For the audit trail.
    reason: Option<String>,
}

/// A user.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({ "id": "u_01KB3J5N1Q8T2C4V6X8Z0A2B4D", "name": "elif", "role": "responder",
    "numbers": ["106540352242922"], "disabled": false, "created_at": "2026-11-27T09:00:00.000Z",
    "password_at": "2026-11-27T09:00:00.000Z", "last_login_at": null }))]
pub(super) struct UserView {
    id: String,
    name: String,
    role: Role,
    /// Our numbers that they see; none is all of them.
    numbers: Option<Vec<String>>,
    disabled: bool,
    created_at: String,
    password_at: String,
    last_login_at: Option<String>,
}

/// A page of users, oldest first.
#[derive(Serialize, ToSchema)]
pub(super) struct UserPage {
    items: Vec<UserView>,
    next_cursor: Option<String>,
}

impl UserView {
    pub(super) fn of(user: &User) -> Self {
        Self {
            id: user.id.to_string(),
            name: user.name.to_string(),
            role: user.role,
            numbers: user.numbers.as_ref().map(|numbers| numbers.iter().map(|number| number.to_string()).collect()),
            disabled: user.disabled,
            created_at: at(user.created_ms),
            password_at: at(user.password_ms),
            last_login_at: user.last_login_ms.map(at),
        }
    }
}

/// All users, oldest first.
#[utoipa::path(get, path = "/api/v1/users", tag = "access",
    params(("limit" = Option<usize>, Query), ("cursor" = Option<String>, Query)),
    responses((status = OK, body = UserPage)))]
pub(super) async fn list(State(shared): Ctx, query: Asked<PageQuery>) -> Result<Json<UserPage>, Problem> {
    let (page, next_cursor) = page_of(LIST, shared.access.directory.users(), &read(query)?, |user| &user.id)?;
    Ok(Json(UserPage { items: page.iter().map(|user| UserView::of(user)).collect(), next_cursor }))
}

/// A user, by id or name.
#[utoipa::path(get, path = "/api/v1/users/{id}", tag = "access", params(("id" = String, Path)),
    responses((status = OK, body = UserView), (status = NOT_FOUND)))]
pub(super) async fn show(State(shared): Ctx, Path(id): Path<String>) -> Result<Json<UserView>, Problem> {
    Ok(Json(UserView::of(&*shared.access.directory.user(&id)?)))
}

/// Makes a user.
#[utoipa::path(post, path = "/api/v1/users", tag = "access", params(DryRun), request_body = CreateUser,
    responses((status = CREATED, body = UserView), (status = OK, description = "what would be, of a dry run"),
        (status = CONFLICT), (status = UNPROCESSABLE_ENTITY)))]
pub(super) async fn create(
    State(shared): Ctx,
    dry: Asked<DryRun>,
    body: Result<Json<CreateUser>, JsonRejection>,
) -> Result<Response, Problem> {
    let DryRun { dry_run } = read(dry)?;
    let CreateUser { name, role, numbers, password } = read_json(body)?;
    let numbers = numbers.map(|numbers| known(&shared, numbers)).transpose()?;
    let access = &shared.access;
    let mut new = NewUser { name, role, numbers, password: "".into() };
    access.directory.check_user(&new)?;
    new.password = access.hash(password.into()).await?;
    if dry_run {
        return Ok(Json(json!({ "dry_run": true, "name": new.name, "role": new.role })).into_response());
    }
    let user = access.directory.create_user(new, shared.parts.clock.now_ms()).await?;
    let audited = Audited::default().after(for_audit(&user)).target(&user.id);
    Ok((StatusCode::CREATED, Extension(audited), Json(UserView::of(&user))).into_response())
}

/// Changes role, numbers, password of a user, or locks them out.
#[utoipa::path(patch, path = "/api/v1/users/{id}", tag = "access", params(("id" = String, Path), DryRun),
    request_body = ChangeUser,
    responses((status = OK, body = UserView), (status = NOT_FOUND), (status = CONFLICT), (status = UNPROCESSABLE_ENTITY)))]
pub(super) async fn change(
    State(shared): Ctx,
    Extension(who): Extension<Principal>,
    Path(id): Path<String>,
    dry: Asked<DryRun>,
    headers: HeaderMap,
    body: Result<Json<ChangeUser>, JsonRejection>,
) -> Result<Response, Problem> {
    let DryRun { dry_run } = read(dry)?;
    let ChangeUser { role, numbers, password, disabled, reason } = read_json(body)?;
    let numbers = match numbers {
        Some(Some(numbers)) => Some(Some(known(&shared, numbers)?)),
        Some(None) => Some(None),
        None => None,
    };
    let (access, now_ms) = (&shared.access, shared.parts.clock.now_ms());
    let mut change = UserChange { role, numbers, password: None, disabled };
    access.directory.changed(&id, &change, now_ms)?;
    if let Some(password) = password {
        change.password = Some(access.hash(password.into()).await?);
    }
    if dry_run {
        return Ok(Json(UserView::of(&access.directory.changed(&id, &change, now_ms)?)).into_response());
    }
    // Whoever changes their own password goes on with the session that they did it in.
    let own = access::cookie(&headers).filter(|_| who.via == Via::Session);
    let (before, after) = access.change_user(&id, &change, own, now_ms).await?;
    let mut state = for_audit(&after);
    if change.password.is_some() {
        state["password"] = "changed".into();
    }
    let audited = Audited::default().before(for_audit(&before)).after(state).reason(reason).target(&after.id);
    Ok((Extension(audited), Json(UserView::of(&after))).into_response())
}

/// Removes a user with their sessions and tokens.
#[utoipa::path(delete, path = "/api/v1/users/{id}", tag = "access", params(("id" = String, Path), DryRun),
    responses((status = NO_CONTENT), (status = OK, body = UserView, description = "of a dry run"), (status = NOT_FOUND),
        (status = CONFLICT)))]
pub(super) async fn delete(
    State(shared): Ctx,
    Path(id): Path<String>,
    dry: Asked<DryRun>,
) -> Result<Response, Problem> {
    let directory = &shared.access.directory;
    if read(dry)?.dry_run {
        return Ok(Json(UserView::of(&*directory.check_delete(&id)?)).into_response());
    }
    let user = directory.delete_user(&id).await?;
    let audited = Audited::default().before(for_audit(&user)).target(&user.id);
    Ok((StatusCode::NO_CONTENT, Extension(audited)).into_response())
}

/// Ids of our numbers. Errors: one is not ours.
pub(super) fn known(shared: &Shared, numbers: Vec<String>) -> Result<Vec<Box<str>>, Problem> {
    let ours = shared.parts.numbers.all();
    if let Some(unknown) = numbers.iter().find(|id| !ours.iter().any(|number| *number.id == ***id)) {
        let detail = format!("{unknown} is none of our numbers");
        return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "unknown-number", detail)
            .hint("GET /api/v1/numbers lists their ids"));
    }
    Ok(numbers.into_iter().map(Into::into).collect())
}

impl From<DirectoryError> for Problem {
    fn from(error: DirectoryError) -> Self {
        let detail = error.to_string();
        match error {
            DirectoryError::Store(error) => error.into(),
            DirectoryError::Unknown(..) => Self::not_found(detail),
            DirectoryError::Taken(..) => Self::new(StatusCode::CONFLICT, "name-taken", detail),
            DirectoryError::LastAdmin(_) => Self::new(StatusCode::CONFLICT, "last-admin", detail)
                .hint("make another user an admin first: PATCH /api/v1/users/{id} with role admin"),
            DirectoryError::Full(..) => Self::new(StatusCode::CONFLICT, "full", detail),
            DirectoryError::Invalid(_) => Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", detail),
        }
    }
}

/// Tells a field that is `null` from one that is left away.
fn given<'de, T: Deserialize<'de>, D: Deserializer<'de>>(field: D) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(field).map(Some)
}
