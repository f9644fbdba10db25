//! `/api/v1/status`: how the server does, enough for one screen.

use actors::view;
use axum::extract::State;
use axum::{Extension, Json};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use storage::{Page, StoreError};

use super::principal::Principal;
use super::problem::Problem;
use super::role::Role;
use super::time::at;
use super::{Ctx, Shared, numbers};
use crate::inspector::Counts;

/// Dead letters that are counted; beyond it there are more.
const LETTERS: usize = 200;
/// Conversations that are looked through for those that wait for a person, the last active ones first.
const CONVERSATIONS: usize = 500;

/// A token that ends within this time is told of.
const SOON_MS: u64 = 14 * 24 * 3_600_000;
/// Tokens that are told of at the most.
const ENDING: usize = 20;

/// How the server does.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(example = json!({
    "version": "0.1.0", "started_at": "2026-11-27T09:00:00.000Z", "uptime_seconds": 60,
    "webhooks": { "per_second": 1.5, "inspector": { "enabled": true, "noted": 90, "dropped": 0, "unsigned": 0 } },
    "outbox": { "open": 0, "oldest_seconds": null }, "dead_letters": { "count": 0, "more": false },
    "waiting_for_person": { "count": 2, "more": false }, "event_clients": 1,
    "tokens_ending": [{ "name": "shop", "expires_at": "2026-12-04T09:00:00.000Z" }], "numbers": [], "engine": {},
    "store": { "file_bytes": 73728, "commits": 12, "rows": 30, "unfolded": 2, "inbox": 0 }
}))]
pub(super) struct ServerStatus {
    /// Of the program.
    #[schema(example = "0.1.0")]
    version: &'static str,
    /// When it was started.
    started_at: String,
    /// How long ago that was.
    uptime_seconds: u64,
    /// What comes in.
    webhooks: StatusWebhooks,
    /// What goes out, of the numbers that the caller sees.
    outbox: StatusOutbox,
    /// What was given up and is not resolved.
    dead_letters: StatusCount,
    /// Conversations that somebody answers in the bot's place, or should.
    waiting_for_person: StatusCount,
    /// Clients that follow the events.
    event_clients: usize,
    /// Tokens that end within 14 days, the next one first: 20 at the most, and for admins only.
    tokens_ending: Vec<TokenEnding>,
    /// Our numbers, as `/api/v1/numbers` has them.
    #[schema(value_type = Vec<super::shapes::Number>)]
    numbers: Vec<Value>,
    /// Actors, queues, stopped bot versions.
    engine: Value,
    /// The store.
    store: StatusStore,
}

/// What comes in.
#[derive(Serialize, utoipa::ToSchema)]
struct StatusWebhooks {
    /// Acknowledged webhooks a second, the mean of the last ten.
    per_second: f64,
    /// How the webhook inspector does.
    inspector: Counts,
}

/// What goes out.
#[derive(Serialize, utoipa::ToSchema)]
struct StatusOutbox {
    /// Messages that have not left.
    open: u64,
    /// The age of the oldest one.
    oldest_seconds: Option<f64>,
}

/// A count that stops somewhere.
#[derive(Serialize, utoipa::ToSchema)]
struct StatusCount {
    /// How many were found.
    count: usize,
    /// Whether there may be more.
    more: bool,
}

/// A token that ends soon.
#[derive(Serialize, utoipa::ToSchema)]
struct TokenEnding {
    name: String,
    expires_at: String,
}

/// The store.
#[derive(Serialize, utoipa::ToSchema)]
struct StatusStore {
    file_bytes: u64,
    commits: u64,
    rows: u64,
    unfolded: u64,
    inbox: u64,
}

/// How the server does: what comes in and goes out, what waits for somebody, numbers, engine, store.
#[utoipa::path(get, path = "/api/v1/status", tag = "server", responses((status = OK, body = ServerStatus)))]
pub(super) async fn status(
    State(shared): Ctx,
    Extension(principal): Extension<Principal>,
) -> Result<Json<ServerStatus>, Problem> {
    let mut engine = shared.parts.engine.status().await;
    engine.senders.retain(|number, _| principal.sees(number));
    let numbers = numbers::all(&shared, &principal).await;
    let store = shared.parts.store.stats();
    let now_ms = shared.parts.clock.now_ms();
    let started = i64::try_from(shared.started_ms).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
    let oldest = numbers
        .iter()
        .filter_map(|number| number["oldest_seconds"].as_f64())
        .fold(None, |oldest, age| Some(oldest.map_or(age, |oldest: f64| oldest.max(age))));
    Ok(Json(ServerStatus {
        version: env!("CARGO_PKG_VERSION"),
        started_at: format!("{:.3}", started.unwrap_or(Timestamp::MAX)),
        uptime_seconds: now_ms.saturating_sub(shared.started_ms) / 1_000,
        webhooks: StatusWebhooks {
            per_second: shared.parts.metrics.front.webhooks_per_second(),
            inspector: shared.parts.inspector.counts(),
        },
        outbox: StatusOutbox {
            open: numbers.iter().filter_map(|number| number["open"].as_u64()).sum(),
            oldest_seconds: oldest,
        },
        dead_letters: dead_letters(&shared, &principal).await?,
        waiting_for_person: waiting(&shared, &principal).await?,
        event_clients: shared.parts.feed.followers(),
        tokens_ending: tokens_ending(&shared, &principal, now_ms),
        numbers,
        engine: serde_json::to_value(&engine).unwrap_or_default(),
        store: StatusStore {
            file_bytes: store.file_bytes,
            commits: store.commits,
            rows: store.rows,
            unfolded: store.unfolded,
            inbox: store.inbox,
        },
    }))
}

fn tokens_ending(shared: &Shared, principal: &Principal, now_ms: u64) -> Vec<TokenEnding> {
    if !principal.role.may(Role::Admin) {
        return Vec::new();
    }
    let soon = now_ms..now_ms.saturating_add(SOON_MS);
    let all = shared.access.directory.tokens();
    let mut ending: Vec<_> = all
        .iter()
        .filter_map(|token| Some((token.expires_ms?, &token.name)))
        .filter(|(end_ms, _)| soon.contains(end_ms))
        .collect();
    ending.sort_unstable();
    let shown = ending.into_iter().take(ENDING);
    shown.map(|(end_ms, name)| TokenEnding { name: name.to_string(), expires_at: at(end_ms) }).collect()
}

async fn dead_letters(shared: &Shared, principal: &Principal) -> Result<StatusCount, StoreError> {
    let page = shared.parts.store.dead_letters(Page { cursor: None, limit: LETTERS }).await?;
    let numbers = super::live::numbers(principal);
    let seen = |id| numbers.as_ref().is_none_or(|numbers| numbers.contains(&actors::identity::tag_of(id)));
    let count = page.items.iter().filter(|letter| seen(letter.conversation)).count();
    Ok(StatusCount { count, more: page.next.is_some() })
}

async fn waiting(shared: &Shared, principal: &Principal) -> Result<StatusCount, StoreError> {
    let page = shared.parts.store.conversations(None, Page { cursor: None, limit: CONVERSATIONS }).await?;
    let views = page.items.iter().map(|(id, head)| view::listed(*id, head));
    let waits = |view: &view::ConversationView| view.state == "human" && principal.sees(&view.phone_number_id);
    Ok(StatusCount { count: views.filter(waits).count(), more: page.next.is_some() })
}
