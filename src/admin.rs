//! The admin port: health, metrics, and the REST API under `/api/v1`.
//!
//! Open to everybody who reaches the port: `/healthz`, `/readyz`, login and one-time setup. Everything else, unknown
//! paths too, needs a token or a session; in `dev` callers from loopback need none. The order is fixed: Host, then
//! credential, then role, then handler; a write is on the audit trail before it is answered.

mod access;
mod audit;
mod begin;
mod blocked;
mod bodies;
mod bots;
mod broadcasts;
mod configuration;
mod contacts;
mod conversations;
mod cursor;
mod deeds;
mod deliveries;
mod envelope;
mod etag;
mod flow_keys;
mod flows;
mod given;
mod journal;
mod letters;
mod lists;
mod live;
mod login;
mod logs;
mod mask;
mod media;
mod messages;
mod numbers;
mod once;
mod outbox;
mod people;
mod principal;
pub(crate) mod problem;
mod quarantine;
mod quick_replies;
mod role;
mod routes;
mod scope;
#[expect(dead_code, reason = "they describe what handlers build as plain JSON")]
mod shapes;
mod status;
mod table;
mod templates;
mod time;
mod tokens;
mod trigger;
mod users;
mod webhooks;

use std::borrow::Cow;
use std::collections::HashSet;
use std::net::{IpAddr, SocketAddr};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use actors::broadcast::Broadcasts;
use actors::feed::Feed;
use actors::letters::Batches;
use actors::{Bots, Clock, Engine};
use axum::extract::{DefaultBodyLimit, MatchedPath, Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use futures_util::FutureExt;
use http::StatusCode;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use secrecy::SecretString;
use storage::{Health, Store};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;
use utoipa::openapi::OpenApi;

use crate::bots::Library;
use crate::flow_keys::FlowKeyKeeper;
use crate::front::{Displays, FlowHealth, Front};
use crate::inspector::Inspector;
use crate::metrics::Metrics;
use crate::net::Body;
use crate::numbers::Desk;
use crate::server::Configuration;
use crate::services::Services;
use crate::telemetry::Logs;
pub use access::allowed_hosts;
use access::{Access, Denied};
use audit::{Book, Call, Entry};
pub use bodies::{BODIES, BodyReader};
pub use media::attachment;
use once::Once;
pub use people::{FirstUserError, People};
use principal::Principal;
use problem::Problem;
use table::{Route, Routes};

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
    /// Messages to many.
    pub broadcasts: Arc<Broadcasts>,
    /// Dead letters that go again, many at once.
    pub batches: Arc<Batches>,
    /// The keys of Flows.
    pub flow_keys: Arc<FlowKeyKeeper>,
    /// How the Flows do.
    pub flow_health: Arc<FlowHealth>,
    /// All metrics.
    pub metrics: Arc<Metrics>,
    /// The configuration.
    pub configuration: Arc<Configuration>,
    /// The business numbers.
    pub numbers: Arc<crate::numbers::Book>,
    /// Where numbers are added, changed and removed.
    pub desk: Arc<Desk>,
    /// Our numbers as people see them.
    pub displays: Arc<Displays>,
    /// Users, tokens, and the audit trail.
    pub people: People,
    /// The admin token, if one is set.
    pub token: Option<SecretString>,
    /// How long a login lasts.
    pub login_ttl_ms: u64,
    /// Whether callers from loopback need no credential.
    pub open_on_loopback: bool,
    /// Host names that are answered.
    pub allowed_hosts: HashSet<String>,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpAddr>,
    /// Whether `/metrics` answers.
    pub metrics_enabled: bool,
    /// What happens, for those who follow it.
    pub feed: Arc<Feed>,
    /// The newest log lines.
    pub logs: Arc<Logs>,
    /// The front door, to take webhooks in again.
    pub front: Arc<Front>,
    /// What came to it.
    pub inspector: Arc<Inspector>,
    /// Cancelled when the server ends: streams end then.
    pub stop: CancellationToken,
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
    audit: Arc<Book>,
    routes: Routes,
    document: OpenApi,
    once: Once,
    /// Held while something is taken out of quarantine, so that it is taken in once.
    quarantine: tokio::sync::Mutex<()>,
    started_ms: u64,
}

type Ctx = State<Arc<Shared>>;

/// The OpenAPI document of the admin API.
pub(crate) fn document() -> OpenApi {
    routes::table().finish().2
}

impl Admin {
    /// An admin port over these parts.
    pub fn new(parts: Parts) -> Self {
        let settings = access::Settings {
            token: parts.token.clone(),
            open_on_loopback: parts.open_on_loopback,
            hosts: parts.allowed_hosts.clone(),
            login_ttl_ms: parts.login_ttl_ms,
        };
        let access = Access::new(settings, parts.people.directory.clone());
        let audit = parts.people.book.clone();
        let (router, routes, document) = routes::table().finish();
        let started_ms = parts.clock.now_ms();
        let (once, quarantine) = (Once::default(), tokio::sync::Mutex::default());
        let shared = Arc::new(Shared { parts, access, audit, routes, document, once, quarantine, started_ms });
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

    /// The secret of a link that makes the first admin, if nobody can get in yet.
    pub fn offer_setup(&self) -> Option<String> {
        let access = &self.shared.access;
        let open = self.shared.parts.open_on_loopback || access.has_anybody();
        (!open).then(|| access.offer_setup(self.shared.parts.clock.now_ms()))
    }

    /// As [`Admin::replace_token`], for whoever must not keep the admin port alive.
    pub fn token_slot(&self) -> impl Fn(&SecretString) + Send + Sync + use<> {
        let shared = Arc::downgrade(&self.shared);
        move |token| {
            if let Some(shared) = shared.upgrade() {
                shared.access.replace_token(token);
            }
        }
    }

    /// Answers one request.
    pub async fn answer(self, request: http::Request<Incoming>, peer: SocketAddr) -> http::Response<Body> {
        let mut request = request.map(axum::body::Body::new);
        access::note_origin(&mut request, peer, &self.shared.parts.trusted_proxies);
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
    let admitted_as = shared.access.check(&request, now_ms);
    if let Err(Denied::Braked { first: true, .. }) = admitted_as {
        note_brake(&shared, access::address(&request)).await;
    }
    let mut answer = match admitted_as {
        Ok(None) => unbroken(next.run(request)).await,
        Ok(Some(principal)) => admitted(&shared, route.as_deref(), principal, request, next).await,
        Err(Denied::Host) => {
            Problem::new(StatusCode::MISDIRECTED_REQUEST, "foreign-host", "this Host is not answered here")
                .hint("call it by a loopback name, or add the name to admin.allowed_hosts")
                .into_response()
        }
        Err(Denied::Origin) => Problem::new(StatusCode::FORBIDDEN, "foreign-origin", "a page of another origin asks")
            .hint("without a credential only this machine's own pages and programs are answered; use a token")
            .into_response(),
        Err(Denied::Csrf(principal)) => {
            let call = Call::of(&request, route.as_deref(), &principal);
            recorded(&shared.audit, call, async { Problem::forged().into_response() }).await
        }
        Err(Denied::Credential) => Problem::unauthorized().into_response(),
        Err(Denied::Braked { seconds, .. }) => Problem::braked(seconds).into_response(),
    };
    let route = route.map_or("other".into(), Cow::Owned);
    shared.parts.metrics.front.request("admin", route, &method, answer.status(), started.elapsed());
    let headers = answer.headers_mut();
    headers.insert(http::header::CACHE_CONTROL, http::HeaderValue::from_static("no-store"));
    headers.insert(http::header::X_CONTENT_TYPE_OPTIONS, http::HeaderValue::from_static("nosniff"));
    answer
}

/// Who calls is known; what they ask for must be what their role may.
async fn admitted(
    shared: &Shared,
    route: Option<&str>,
    principal: Principal,
    mut request: Request,
    next: Next,
) -> Response {
    let call = Call::of(&request, route, &principal);
    let needed = route.and_then(|route| shared.routes.of(request.method(), route)).map(|route| route.role);
    if let Some(needed) = needed.filter(|needed| !principal.role.may(*needed)) {
        return recorded(&shared.audit, call, async { Problem::forbidden(&principal, needed).into_response() }).await;
    }
    request.extensions_mut().insert(principal.clone());
    recorded(&shared.audit, call, scoped(shared, &principal, route, request, next)).await
}

/// A write is on the audit trail before its answer, also one that broke.
async fn recorded(book: &Book, call: Option<Call>, answering: impl Future<Output = Response>) -> Response {
    let mut answer = unbroken(answering).await;
    if let Some(call) = call {
        call.answered(book, &mut answer).await;
    }
    answer
}

/// A handler that panics breaks its own answer, and nothing else.
async fn unbroken(answering: impl Future<Output = Response>) -> Response {
    // What it shared with others is behind locks and in the store: both are as after an answer that nobody waited for.
    let answer = AssertUnwindSafe(answering).catch_unwind().await;
    answer.unwrap_or_else(|_| Problem::panicked().into_response())
}

/// Lets them do what is of numbers that they see, and shows them what is for them.
async fn scoped(shared: &Shared, principal: &Principal, path: Option<&str>, request: Request, next: Next) -> Response {
    let Some(path) = path else { return next.run(request).await };
    let method = request.method().clone();
    if let Err(problem) = scope::admit(principal, &method, path, request.uri().path()) {
        return problem.into_response();
    }
    let route = shared.routes.of(&method, path);
    if let Some(refusal) = route.and_then(|route| route.refusal(request.uri().query())) {
        return refusal.into_response();
    }
    let answer = match route {
        Some(Route { once: Some(most), .. }) => once::answer(shared, &principal.who, *most, request, next).await,
        _ => next.run(request).await,
    };
    scope::cut(principal, &method, path, answer).await
}

/// An address begins to be braked.
async fn note_brake(shared: &Shared, address: IpAddr) {
    let entry = Entry {
        who: "unknown".into(),
        action: "brake on wrong credentials".into(),
        status: StatusCode::TOO_MANY_REQUESTS.as_u16(),
        address: address.to_string().into(),
        ..Entry::default()
    };
    shared.audit.insist(entry).await;
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
    shared.parts.metrics.sse_clients.set(i64::try_from(shared.parts.feed.followers()).unwrap_or(i64::MAX));
    let page = shared.parts.metrics.page(&*shared.parts.store, &status, shared.parts.clock.now_ms());
    let content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    Ok(([(http::header::CONTENT_TYPE, content_type)], page).into_response())
}

/// This document.
#[utoipa::path(get, path = "/api/v1/openapi.json", tag = "server",
    responses((status = OK, body = serde_json::Value, example = json!({ "openapi": "3.1.0" }))))]
async fn openapi(State(shared): Ctx) -> axum::Json<OpenApi> {
    axum::Json(shared.document.clone())
}
