//! The admin port: health, metrics, and the REST API under `/api/v1`.
//!
//! Open to everybody who reaches the port: `/healthz`, `/readyz`. Everything else, unknown paths too, needs the token;
//! in `dev` callers from loopback need none. The order is fixed: Host, then credential, then route.

mod access;
mod blocked;
mod bots;
mod conversations;
mod cursor;
mod deliveries;
mod flow_keys;
mod flows;
mod handback;
mod journal;
mod lists;
mod media;
mod messages;
mod numbers;
mod problem;
mod templates;
mod time;
mod trigger;

use std::borrow::Cow;
use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::Arc;

use actors::{Bots, Clock, Engine};
use axum::Router;
use axum::extract::{DefaultBodyLimit, MatchedPath, Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use http::StatusCode;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use secrecy::SecretString;
use storage::{Health, Store};
use tower::ServiceExt;

use crate::bots::Library;
use crate::flow_keys::FlowKeyKeeper;
use crate::front::{Displays, FlowHealth};
use crate::metrics::Metrics;
use crate::net::Body;
use crate::services::Services;
pub use access::allowed_hosts;
use access::{Access, Denied, Peer};
pub use numbers::Number;
use problem::Problem;

/// Bytes of a request body at most.
const MAX_BODY_BYTES: usize = 1024 * 1024;

/// Bytes of a bot at most: one more than a bot may have, so that the checker says what is wrong.
const MAX_BOT_BYTES: usize = chatbot::caps::MAX_BOT_FILE_BYTES + 1;

/// Bytes of an export of another program at most: one more than is read, so that the importer says what is wrong.
const MAX_EXPORT_BYTES: usize = chatbot::caps::MAX_IMPORT_BYTES + 1;

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
    router: Router,
    shared: Arc<Shared>,
}

struct Shared {
    parts: Parts,
    access: Access,
}

type Ctx = State<Arc<Shared>>;

impl Admin {
    /// An admin port over these parts.
    pub fn new(parts: Parts) -> Self {
        let access = Access::new(parts.token.clone(), parts.open_on_loopback, parts.allowed_hosts.clone());
        let shared = Arc::new(Shared { parts, access });
        let router = Router::new()
            .route("/healthz", get(async || "ok"))
            .route("/readyz", get(ready))
            .route("/metrics", get(metrics))
            .route("/api/v1/status", get(status))
            .route("/api/v1/conversations", get(conversations::list))
            .route("/api/v1/conversations/{id}", get(conversations::show))
            .route("/api/v1/conversations/{id}/messages", get(messages::list).post(messages::send))
            .route("/api/v1/conversations/{id}/journal", get(journal::list))
            .route("/api/v1/conversations/{id}/state", get(journal::state))
            .route("/api/v1/conversations/{id}/test", get(journal::test))
            .route("/api/v1/conversations/{id}/block", post(blocked::block))
            .route("/api/v1/conversations/{id}/unblock", post(blocked::unblock))
            .route("/api/v1/conversations/{id}/handback", post(handback::hand_back))
            .route("/api/v1/conversations/{id}/trigger", post(trigger::trigger))
            .route("/api/v1/blocked", get(blocked::list))
            .route("/api/v1/media", get(media::list).post(media::put))
            .route("/api/v1/media/prune", post(media::prune))
            .route("/api/v1/media/{id}", get(media::show).delete(media::delete))
            .route("/api/v1/media/{id}/content", get(media::content))
            .route("/api/v1/templates", get(templates::list).post(templates::create))
            .route("/api/v1/templates/sync", post(templates::sync))
            .route("/api/v1/templates/{id}", get(templates::show).post(templates::edit).delete(templates::delete))
            .route("/api/v1/flows", get(flows::list))
            .route("/api/v1/flows/plan", post(flows::plan))
            .route("/api/v1/flows/apply", post(flows::apply))
            .route("/api/v1/flows/sync", post(flows::sync))
            .route("/api/v1/flows/migrate", post(flows::migrate))
            .route("/api/v1/flows/{id}", get(flows::show).delete(flows::delete))
            .route("/api/v1/flows/{id}/publish", post(flows::publish))
            .route("/api/v1/flows/{id}/deprecate", post(flows::deprecate))
            .route("/api/v1/flows/{id}/clone", post(flows::copy))
            .route("/api/v1/flows/{id}/preview", post(flows::preview))
            .route("/api/v1/flows/{id}/json", get(flows::text))
            .route("/api/v1/flows/{id}/assets", get(flows::assets))
            .route("/api/v1/flows/{id}/metrics", get(flows::metrics))
            .route("/api/v1/outbox", get(lists::outbox))
            .route("/api/v1/dead-letters", get(lists::dead_letters))
            .route("/api/v1/quarantine", get(lists::quarantine))
            .route("/api/v1/notices", get(lists::notices))
            .route("/api/v1/bots", get(bots::list))
            .route("/api/v1/bots/check", post(bots::check).layer(DefaultBodyLimit::max(MAX_BOT_BYTES)))
            .route("/api/v1/bots/import", post(bots::import).layer(DefaultBodyLimit::max(MAX_EXPORT_BYTES)))
            .route("/api/v1/bots/{id}", get(bots::show).put(bots::put).layer(DefaultBodyLimit::max(MAX_BOT_BYTES)))
            .route("/api/v1/bots/{id}/versions", get(bots::versions))
            .route("/api/v1/bots/{id}/versions/{version}", get(bots::version))
            .route("/api/v1/bots/{id}/publish", post(bots::publish))
            .route("/api/v1/bots/{id}/rollback", post(bots::roll_back))
            .route("/api/v1/bots/{id}/diff", get(bots::diff))
            .route("/api/v1/events/endpoints", get(deliveries::endpoints))
            .route("/api/v1/events/endpoints/{name}/resume", post(deliveries::resume))
            .route("/api/v1/events/deliveries", get(deliveries::list))
            .route("/api/v1/events/deliveries/replay", post(deliveries::replay_all))
            .route("/api/v1/events/deliveries/{id}", get(deliveries::show))
            .route("/api/v1/events/deliveries/{id}/replay", post(deliveries::replay))
            .route("/api/v1/bots/{id}/graph", get(bots::graph))
            .route("/api/v1/flow-keys", get(flow_keys::list))
            .route("/api/v1/flow-keys/upload", post(flow_keys::upload))
            .route("/api/v1/flow-keys/verify", post(flow_keys::verify))
            .route("/api/v1/flow-keys/rotate", post(flow_keys::rotate))
            .route("/api/v1/flows/health", get(flow_keys::health))
            .route("/api/v1/numbers", get(numbers::list))
            .route("/api/v1/numbers/{id}", get(numbers::show))
            .route("/api/v1/numbers/{id}/pause", post(numbers::pause))
            .route("/api/v1/numbers/{id}/resume", post(numbers::resume))
            .fallback(async || Problem::not_found("there is no such path"))
            .method_not_allowed_fallback(async || Problem::method_not_allowed())
            .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
            .layer(middleware::from_fn_with_state(shared.clone(), guard))
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
        Ok(()) => next.run(request).await,
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

async fn ready(State(shared): Ctx) -> Response {
    let health = shared.parts.store.health().borrow().clone();
    match health {
        Health::Good => "ready".into_response(),
        Health::Failed(_) => (StatusCode::SERVICE_UNAVAILABLE, "the store has failed").into_response(),
        Health::Closed => (StatusCode::SERVICE_UNAVAILABLE, "shutting down").into_response(),
    }
}

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

async fn status(State(shared): Ctx) -> axum::Json<serde_json::Value> {
    let engine = shared.parts.engine.status().await;
    let stats = shared.parts.store.stats();
    axum::Json(serde_json::json!({
        "version": env!("CARGO_PKG_VERSION"),
        "numbers": numbers::all(&shared).await,
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
