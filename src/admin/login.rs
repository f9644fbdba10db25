//! `/api/v1/login`, `…/logout`, `…/me`, `…/setup`: how somebody gets in, and who they are then.

use axum::extract::{Extension, Request, State};
use axum::response::{IntoResponse, Response};
use axum::{Json, RequestExt};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::access::{self, LoginError, SetupError, User, UserChange};
use super::audit::Entry;
use super::principal::{Principal, Via};
use super::problem::Problem;
use super::role::Role;
use super::time::at;
use super::users::UserView;
use super::{Ctx, Shared};

/// What somebody logs in with.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "name": "elif", "password": "correct horse battery staple" }))]
pub(super) struct Login {
    /// The name of a user; capitals make no difference.
    name: String,
    password: String,
}

/// What makes the first admin.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "token": "setup_AbC", "name": "elif", "password": "correct horse battery staple" }))]
pub(super) struct FirstLogin {
    /// What stands in the link that `parlance serve` printed.
    token: String,
    /// The name of the first admin.
    name: String,
    /// At least 12 characters.
    password: String,
}

/// Who calls.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({ "who": "token:shop", "role": "responder", "numbers": null, "via": "token", "user": null,
    "expires_at": null }))]
pub(super) struct Me {
    /// `user:elif`, `token:ci`, `admin-token`, `loopback`.
    who: String,
    role: Role,
    /// Our numbers that they see; none is all of them.
    numbers: Option<Vec<String>>,
    /// Of which kind the credential is: `admin_token`, `loopback`, `token`, `session`.
    via: &'static str,
    /// The user that they are, or whose token it is.
    user: Option<UserView>,
    /// When the session ends by itself.
    expires_at: Option<String>,
}

/// Another password of one's own.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "current": "correct horse battery staple", "new": "another horse battery staple" }))]
pub(super) struct OwnPassword {
    /// The one that counts until now.
    current: String,
    /// At least 12 characters.
    new: String,
}

/// Logs in with name and password. The session is a cookie that scripts cannot read; with it every write needs the header
/// `X-Parlance: 1`.
#[utoipa::path(post, path = "/api/v1/login", tag = "access", request_body = Login, security(()),
    responses((status = OK, body = UserView), (status = UNAUTHORIZED), (status = TOO_MANY_REQUESTS)))]
pub(super) async fn log_in(State(shared): Ctx, request: Request) -> Result<Response, Problem> {
    let address = access::address(&request);
    let headers = request.headers().clone();
    let Login { name, password } = read(request).await?;
    let known = shared.access.directory.user(&name.to_ascii_lowercase()).ok();
    let now_ms = shared.parts.clock.now_ms();
    let logged_in = shared.access.log_in(&name, password.into(), address, now_ms).await;
    let status = logged_in.as_ref().map_or_else(refusal, |_| StatusCode::OK);
    // Not the name that was typed: it may be a password in the wrong field.
    let who = known.map_or("unknown".into(), |user| format!("user:{}", user.name));
    note(&shared, &who, "POST /api/v1/login", status, &address.to_string()).await;
    let (user, secret) = logged_in.map_err(refused)?;
    let cookie = shared.access.session_cookie(&headers, Some(&secret));
    Ok(with_cookie(Json(UserView::of(&user)).into_response(), &cookie))
}

/// Ends the session of the cookie that comes along.
#[utoipa::path(post, path = "/api/v1/logout", tag = "access", responses((status = NO_CONTENT)))]
pub(super) async fn log_out(State(shared): Ctx, headers: HeaderMap) -> Result<Response, Problem> {
    if let Some(secret) = access::cookie(&headers) {
        shared.access.directory.close_session(secret).await?;
    }
    let cookie = shared.access.session_cookie(&headers, None);
    Ok(with_cookie(StatusCode::NO_CONTENT.into_response(), &cookie))
}

/// Who calls, and what they may.
#[utoipa::path(get, path = "/api/v1/me", tag = "access", responses((status = OK, body = Me)))]
pub(super) async fn me(State(shared): Ctx, Extension(who): Extension<Principal>, headers: HeaderMap) -> Json<Me> {
    let directory = &shared.access.directory;
    let user = who.user.as_deref().and_then(|id| directory.user(id).ok());
    let session = access::cookie(&headers).filter(|_| who.via == Via::Session);
    Json(Me {
        who: who.who.into(),
        role: who.role,
        numbers: who.numbers.map(|numbers| numbers.iter().map(|number| number.to_string()).collect()),
        via: match who.via {
            Via::AdminToken => "admin_token",
            Via::Loopback => "loopback",
            Via::Token => "token",
            Via::Session => "session",
        },
        user: user.map(|user| UserView::of(&user)),
        expires_at: session.and_then(|secret| directory.session_end_ms(secret)).map(at),
    })
}

/// Changes one's own password. All other sessions end.
#[utoipa::path(post, path = "/api/v1/me/password", tag = "access", request_body = OwnPassword,
    responses((status = NO_CONTENT), (status = UNPROCESSABLE_ENTITY)))]
pub(super) async fn own_password(
    State(shared): Ctx,
    Extension(who): Extension<Principal>,
    request: Request,
) -> Result<StatusCode, Problem> {
    let (address, headers) = (access::address(&request), request.headers().clone());
    let OwnPassword { current, new } = read(request).await?;
    let access = &shared.access;
    let (Via::Session, Some(id)) = (who.via, who.user.as_deref()) else {
        let problem = Problem::new(StatusCode::CONFLICT, "no-session", "only somebody who is logged in has a password");
        return Err(problem.hint("log in, or let an admin set it: PATCH /api/v1/users/{id}"));
    };
    let user = access.directory.user(id)?;
    let now_ms = shared.parts.clock.now_ms();
    access.guess(&user, current.into(), address, now_ms).await.map_err(|error| match error {
        // Not 401: the session is as good as before.
        LoginError::Wrong => {
            Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "wrong-password", "that is not your password")
        }
        error => refused(error),
    })?;
    let password = Some(access.hash(new.into()).await?);
    let change = UserChange { password, ..UserChange::default() };
    access.change_user(id, &change, access::cookie(&headers), now_ms).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Makes the first admin, with the link that `parlance serve` printed when there was nobody yet.
#[utoipa::path(post, path = "/api/v1/setup", tag = "access", request_body = FirstLogin, security(()),
    responses((status = CREATED, body = UserView), (status = FORBIDDEN), (status = TOO_MANY_REQUESTS)))]
pub(super) async fn set_up(State(shared): Ctx, request: Request) -> Result<Response, Problem> {
    let address = access::address(&request);
    let FirstLogin { token, name, password } = read(request).await?;
    let now_ms = shared.parts.clock.now_ms();
    let made = shared.access.set_up(&token, (name, password.into()), address, now_ms).await;
    let who = made.as_ref().map_or("unknown".into(), |user| format!("user:{}", user.name));
    let status = if made.is_ok() { StatusCode::CREATED } else { StatusCode::FORBIDDEN };
    note(&shared, &who, "POST /api/v1/setup", status, &address.to_string()).await;
    let user = made?;
    tracing::info!(user = %user.name, "the first admin was made by the setup link");
    Ok((StatusCode::CREATED, Json(UserView::of(&user))).into_response())
}

async fn read<T: serde::de::DeserializeOwned + 'static>(request: Request) -> Result<T, Problem> {
    super::lists::read_json(request.extract::<Json<T>, _>().await)
}

async fn note(shared: &Shared, who: &str, action: &str, status: StatusCode, address: &str) {
    let entry = Entry {
        who: who.into(),
        action: action.into(),
        status: status.as_u16(),
        address: address.into(),
        ..Entry::default()
    };
    shared.audit.append(entry).await;
}

fn refusal(error: &LoginError) -> StatusCode {
    match error {
        LoginError::Wrong => StatusCode::UNAUTHORIZED,
        LoginError::Braked(_) => StatusCode::TOO_MANY_REQUESTS,
        LoginError::Password(_) | LoginError::Store(_) => StatusCode::SERVICE_UNAVAILABLE,
    }
}

fn refused(error: LoginError) -> Problem {
    match error {
        LoginError::Wrong => Problem::new(StatusCode::UNAUTHORIZED, "wrong-login", error.to_string())
            .hint("an admin can set another password, or enable a user who is disabled"),
        LoginError::Braked(seconds) => Problem::braked_for(seconds, error.to_string()),
        LoginError::Password(error) => Problem::busy(error.to_string()),
        LoginError::Store(error) => error.into(),
    }
}

impl From<SetupError> for Problem {
    fn from(error: SetupError) -> Self {
        match error {
            SetupError::Link => Self::new(StatusCode::FORBIDDEN, "setup-link", error.to_string())
                .hint("start `parlance serve` again for a new link; there is none once there is a user"),
            SetupError::Braked(seconds) => Self::braked_for(seconds, error.to_string()),
            SetupError::Weak(_) => Self::new(StatusCode::UNPROCESSABLE_ENTITY, "weak-password", error.to_string())
                .hint("a few words that do not belong together are easy to remember"),
            SetupError::Password(error) => Self::busy(error.to_string()),
            SetupError::Directory(error) => error.into(),
        }
    }
}

fn with_cookie(mut answer: Response, cookie: &str) -> Response {
    if let Ok(value) = HeaderValue::from_str(cookie) {
        answer.headers_mut().insert(header::SET_COOKIE, value);
    }
    answer
}

/// A user as audit rows keep them.
pub(super) fn for_audit(user: &User) -> Value {
    json!({ "name": user.name, "role": user.role, "numbers": user.numbers, "disabled": user.disabled })
}
