//! Parts of a server as the configuration wants them.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use actors::feed::Feed;
use actors::http_caller::{BotSecrets, HttpParts, HttpSettings, WebError, WebFetch};
use actors::{Bots, Clock, ConversationSettings, Engine, Numbers, SenderSettings, Setup, TurnFunction};
use storage::{Observe, OpenError, Options, RedbStore, Store};
use whatsapp::graph::{Client, ClientConfig};

use super::StartError;
use crate::config::Config;
use crate::inspector::Inspector;
use crate::metrics::Metrics;
use crate::services::Services;

/// The inspector keeps its files beside the store.
pub(super) fn inspector(
    config: &Config,
    clock: &Arc<dyn Clock>,
    feed: &Arc<Feed>,
) -> Result<Arc<Inspector>, StartError> {
    let mut dir = config.store.path.as_os_str().to_owned();
    dir.push(".webhooks");
    let dir = PathBuf::from(dir);
    let failed = |source| StartError::Inspector { dir: dir.clone(), source };
    Inspector::start(config.webhooks, dir.clone(), clock.now_ms(), feed.clone()).map_err(failed)
}

pub(super) fn open_store(config: &Config, metrics: &Arc<Metrics>) -> Result<Arc<RedbStore>, OpenError> {
    let metrics = metrics.clone();
    let observe: Observe = Box::new(move |commit| {
        metrics.commit_seconds.observe(commit.seconds);
        metrics.commit_items.observe(commit.items as f64);
    });
    let options = Options {
        cache_bytes: config.store.cache_bytes,
        min_free_bytes: config.store.min_free_bytes,
        observe: Some(observe),
        ..Options::default()
    };
    RedbStore::open(&config.store.path, options)
}

pub(super) async fn start_engine(
    config: &Config,
    given: (Arc<dyn Clock>, Arc<TurnFunction>),
    store: Arc<dyn Store>,
    bots: Arc<Bots>,
    metrics: &Metrics,
    services: &Services,
    numbers: Numbers,
) -> Result<Engine, StartError> {
    let setup = Setup {
        store,
        clock: given.0,
        bots,
        turn: given.1,
        numbers,
        transport: services.transport(),
        conversations: conversation_settings(config),
        sender: sender_settings(config),
        metrics: metrics.actors.clone(),
        media_wanted: services.media_wanted.clone(),
        outlet: services.outlet.clone(),
        categories: services.categories(),
        flows: services.flow_standings(),
        http: services.http.clone(),
        tombs: services.tombs.clone(),
    };
    Ok(Engine::start(setup).await?)
}

pub(super) fn graph_client(config: &Config) -> Result<Client, whatsapp::graph::ConfigError> {
    Client::new(ClientConfig {
        base_url: config.graph.base_url.to_string(),
        api_version: config.whatsapp.api_version.clone(),
        connect_timeout: config.graph.connect_timeout,
        request_timeout: config.graph.request_timeout,
    })
}

pub(super) fn http_parts(config: &Config) -> Result<HttpParts, WebError> {
    let secrets = config.bots.secrets.iter().map(|(name, secret)| (name.clone(), secret.value.clone()));
    Ok(HttpParts {
        fetch: Arc::new(WebFetch::new(config.http.allow.clone())?),
        secrets: BotSecrets::new(secrets),
        settings: HttpSettings { concurrency: config.http.concurrency, per_host: config.http.per_host },
    })
}

fn conversation_settings(config: &Config) -> ConversationSettings {
    ConversationSettings {
        max_live: config.conversation.max_live,
        mailbox_limit: config.conversation.mailbox_limit,
        idle_passivate_ms: millis(config.conversation.idle_passivate),
        max_unsent: config.conversation.max_unsent,
        takeover: actors::Takeover {
            echo_is_takeover: config.takeover.echo_is_takeover,
            idle_resume_ms: millis(config.takeover.idle_resume),
            on_idle: config.takeover.on_idle,
            hold_unsent: config.takeover.hold_unsent,
        },
    }
}

pub(super) fn sender_settings(config: &Config) -> SenderSettings {
    SenderSettings {
        messages_per_second: config.limits.messages_per_second.map_or(0, std::num::NonZero::get),
        pair_interval_ms: config.limits.pair_interval.map_or(0, millis),
        pair_burst: config.limits.pair_burst.map_or(1, std::num::NonZero::get),
        concurrency: config.outbox.concurrency,
        doubt_window_ms: millis(config.outbox.doubt_window),
        max_attempts: config.outbox.max_attempts,
        backoff_base_ms: millis(config.outbox.backoff_base),
        backoff_max_ms: millis(config.outbox.backoff_max),
    }
}

pub(super) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
