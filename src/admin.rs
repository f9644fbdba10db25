//! The admin port: health, metrics, and the REST API under `/api/v1`.
//!
//! Open to everybody who reaches the port: `/healthz`, `/readyz`. Everything else, unknown paths too, needs the token;
//! in `dev` callers from loopback need none. The order is fixed: Host, then credential, then route.

mod access;
mod blocked;
mod bots;
mod contacts;
mod conversations;
mod cursor;
mod deliveries;
mod envelope;
mod flow_keys;
mod flows;
mod given;
mod handback;
mod journal;
mod lists;
mod media;
mod messages;
mod numbers;
mod principal;
pub(crate) mod problem;
mod quick_replies;
mod role;
mod routes;
#[expect(dead_code, reason = "they describe what handlers build as plain JSON")]
mod shapes;
mod table;
mod templates;
mod time;
mod trigger;

use std::borrow::Cow;
use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::Arc;

use actors::{Bots, Clock, Engine};
use axum::Extension;
use axum::extract::{DefaultBodyLimit, MatchedPath, Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::StatusCode;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use secrecy::SecretString;
use storage::{Health, Store};
use tower::ServiceExt;
use utoipa::openapi::OpenApi;

use crate::bots::Library;
use crate::flow_keys::FlowKeyKeeper;
use crate::front::{Displays, FlowHealth};
use crate::metrics::Metrics;
use crate::net::Body;
use crate::services::Services;
pub use access::allowed_hosts;
use access::{Access, Denied, Peer};
pub use numbers::Number;
use principal::Principal;
use problem::Problem;
use table::Routes;

/// Bytes of a request body at most.
const MAX_BODY_BYTES: usize = 1024 * 1024;

/// What the admin port needs.
pub struct Parts {
    /// The store.
    pub store: Arc<dyn Store>,
    /// The engine.
    pub engine: Arc<Engine>,
    /// The source of time.
    pub clock: Arc<dyn Clock>,
    /// The bots.
    pub bots: Arc<Bots>,
    /// Their versions.
    pub library: Arc<Library>,
    /// Files, templates, block lists.
    pub services: Arc<Services>,
    /// The keys of Flows.
    pub flow_keys: Arc<FlowKeyKeeper>,
    /// How the Flows do.
    pub flow_health: Arc<FlowHealth>,
    /// All metrics.
    pub metrics: Arc<Metrics>,
    /// The business numbers.
    pub numbers: Vec<Number>,
    /// Our numbers as people see them.
    pub displays: Arc<Displays>,
    /// The admin token, if one is set.
    pub token: Option<SecretString>,
    /// Whether callers from loopback need no credential.
    pub open_on_loopback: bool,
    /// Host names that are answered.
    pub allowed_hosts: HashSet<String>,
    /// Whether `/metrics` answers.
    pub metrics_enabled: bool,
}

/// The admin port.
#[derive(Clone)]
pub struct Admin {
    router: axum::Router,
    shared: Arc<Shared>,
}

struct Shared {
    parts: Parts,
    access: Access,
    routes: Routes,
    document: OpenApi,
}

type Ctx = State<Arc<Shared>>;

impl Admin {
    /// An admin port over these parts.
    pub fn new(parts: Parts) -> Self {
        let access = Access::new(parts.token.clone(), parts.open_on_loopback, parts.allowed_hosts.clone());
        let (router, routes, document) = routes::table().finish();
        let shared = Arc::new(Shared { parts, access, routes, document });
        let router = router
            .route("/healthz", get(async || "ok"))
            .route("/readyz", get(ready))
            .route("/problems", get(problem::page::all))
            .route("/problems/{kind}", get(problem::page::one))
            .fallback(async || Problem::not_found("there is no such path"))
            .method_not_allowed_fallback(async || Problem::method_not_allowed())
            .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
            .layer(middleware::from_fn_with_state(shared.clone(), guard))
            .layer(middleware::from_fn(envelope::envelope))
            .with_state(shared.clone());
        Self { router, shared }
    }

    /// Puts another admin token in the place of the one that is right.
    pub fn replace_token(&self, token: &SecretString) {
        self.shared.access.replace_token(token);
    }

    /// Answers one request.
    pub async fn answer(self, request: http::Request<Incoming>, peer: SocketAddr) -> http::Response<Body> {
        let mut request = request.map(axum::body::Body::new);
        request.extensions_mut().insert(Peer(peer));
        let reads = request.method().is_safe();
        let answering = async move { self.router.oneshot(request).await.unwrap_or_else(|never| match never {}) };
        let answer = match reads {
            true => answering.await,
            // A write goes on when its caller hangs up: half of one would leave store and memory apart.
            false => tokio::spawn(answering).await.unwrap_or_else(|error| Problem::broken(&error).into_response()),
        };
        answer.map(|body| body.map_err(|error| error.into_inner()).boxed_unsync())
    }
}

async fn guard(State(shared): Ctx, request: Request, next: Next) -> Response {
    let now_ms = shared.parts.clock.now_ms();
    let (started, method) = (tokio::time::Instant::now(), request.method().clone());
    // Unknown paths share one name: labels are bounded, whatever is asked for.
    let route = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let mut answer = match shared.access.check(&request, now_ms) {
        Ok(()) => admitted(&shared, route.as_deref(), request, next).await,
        Err(Denied::Host) => {
            Problem::new(StatusCode::MISDIRECTED_REQUEST, "foreign-host", "this Host is not answered here")
                .hint("call it by a loopback name, or add the name to admin.allowed_hosts")
                .into_response()
        }
        Err(Denied::Origin) => Problem::new(StatusCode::FORBIDDEN, "foreign-origin", "a page of another origin asks")
            .hint("without a credential only this machine's own pages and programs are answered; use the admin token")
            .into_response(),
        Err(Denied::Credential) => Problem::unauthorized().into_response(),
        Err(Denied::Braked { seconds }) => Problem::braked(seconds).into_response(),
    };
    let route = route.map_or("other".into(), Cow::Owned);
    shared.parts.metrics.front.request("admin", route, &method, answer.status(), started.elapsed());
    let headers = answer.headers_mut();
    headers.insert(http::header::CACHE_CONTROL, http::HeaderValue::from_static("no-store"));
    headers.insert(http::header::X_CONTENT_TYPE_OPTIONS, http::HeaderValue::from_static("nosniff"));
    answer
}

/// Who calls is known; what they ask for must be what their role may.
async fn admitted(shared: &Shared, route: Option<&str>, mut request: Request, next: Next) -> Response {
    let by_token = request.headers().contains_key(http::header::AUTHORIZATION);
    let principal = Principal::admin(if by_token { "admin-token" } else { "loopback" });
    let needed = route.and_then(|route| shared.routes.of(request.method(), route)).map(|route| route.role);
    if let Some(needed) = needed.filter(|needed| !principal.role.may(*needed)) {
        return Problem::forbidden(&principal, needed).into_response();
    }
    request.extensions_mut().insert(principal);
    next.run(request).await
}

async fn ready(State(shared): Ctx) -> Response {
    let health = shared.parts.store.health().borrow().clone();
    match health {
        Health::Good => "ready".into_response(),
        Health::Failed(_) => (StatusCode::SERVICE_UNAVAILABLE, "the store has failed").into_response(),
        Health::Closed => (StatusCode::SERVICE_UNAVAILABLE, "shutting down").into_response(),
    }
}

/// All metrics, for Prometheus.
#[utoipa::path(get, path = "/metrics", tag = "server",
    responses((status = OK, body = String, content_type = "application/openmetrics-text")))]
async fn metrics(State(shared): Ctx) -> Result<Response, Problem> {
    if !shared.parts.metrics_enabled {
        return Err(Problem::not_found("metrics are switched off (metrics.enabled)"));
    }
    let status = shared.parts.engine.status().await;
    shared.parts.services.outlet.measure();
    let page = shared.parts.metrics.page(&*shared.parts.store, &status, shared.parts.clock.now_ms());
    let content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    Ok(([(http::header::CONTENT_TYPE, content_type)], page).into_response())
}

/// How the server does: its numbers, the engine, the store.
#[utoipa::path(get, path = "/api/v1/status", tag = "server", responses((status = OK, body = shapes::Status)))]
async fn status(State(shared): Ctx, Extension(principal): Extension<Principal>) -> axum::Json<serde_json::Value> {
    let engine = shared.parts.engine.status().await;
    let stats = shared.parts.store.stats();
    axum::Json(serde_json::json!({
        "version": env!("CARGO_PKG_VERSION"),
        "numbers": numbers::all(&shared, &principal).await,
        "engine": engine,
        "store": {
            "file_bytes": stats.file_bytes,
            "commits": stats.commits,
            "rows": stats.rows,
            "unfolded": stats.unfolded,
            "inbox": stats.inbox,
        },
    }))
}

/// This document.
#[utoipa::path(get, path = "/api/v1/openapi.json", tag = "server",
    responses((status = OK, body = serde_json::Value, example = json!({ "openapi": "3.1.0" }))))]
async fn openapi(State(shared): Ctx) -> axum::Json<OpenApi> {
    axum::Json(shared.document.clone())
}
