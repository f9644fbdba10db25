//! The other side of the comparison: what has to be done for a webhook and a reply, and nothing else.
//!
//! The same accept loop, signature check, parser, records, store and Graph client as the product, with the same
//! settings; no actors, no bot, no admin port worth the name. A webhook is stored and synced, then answered. For
//! replies a commit of a turn's size and one POST follow, as many at once as the product's sender has.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use actors::{AdjustableClock, Clock, identity};
use anyhow::Context;
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use parking_lot::Mutex;
use secrecy::SecretString;
use storage::{
    Accept, ConversationId, InboxSeq, NewSend, Options, RedbStore, Revision, SendId, Store, StoreError, Turn,
};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use whatsapp::flow::{self, FlowKey, FlowKeys};
use whatsapp::graph::{Client, ClientConfig};
use whatsapp::message::{Outgoing, Recipient, Text};
use whatsapp::signature;
use whatsapp::webhook::{self, Event, Received};

use super::{Scenario, forms};
use crate::config::{Config, Mode};
use crate::front::{FLOW_PATH, WEBHOOK_PATH};
use crate::metrics::Metrics;
use crate::net::{self, Body, Limits};

/// Bytes of what a turn of the bench's bot writes, as found in the files of a run.
const SNAPSHOT_BYTES: usize = 1_000;
const ENTRY_BYTES: usize = 1_750;
const SEND_BYTES: usize = 240;

/// Serves until it is killed.
pub(super) async fn serve(scenario: Scenario) -> anyhow::Result<()> {
    let config = Config::from_process(None, Vec::new(), Vec::new(), Mode::Serve)?;
    let metrics = Arc::new(Metrics::default());
    let skeleton = Arc::new(Skeleton::new(&config, scenario, &metrics)?);
    let limits = Limits {
        max_connections: config.server.max_connections,
        header_timeout: config.server.header_timeout,
        idle_timeout: config.server.idle_timeout,
    };
    let front = TcpListener::bind(config.server.listen).await.context("binding server.listen")?;
    let admin = TcpListener::bind(config.admin.listen).await.context("binding admin.listen")?;
    let store = skeleton.store.clone();
    let page = move |_, _| {
        let page = metrics.page(&*store, &actors::EngineStatus::default(), 0);
        async move { answer(StatusCode::OK, page.into()) }
    };
    let webhooks = move |request, _| skeleton.clone().answer(request);
    let stop = CancellationToken::new();
    tokio::spawn(net::serve(admin, limits, page, stop.clone(), Duration::ZERO));
    net::serve(front, limits, webhooks, stop, Duration::ZERO).await;
    Ok(())
}

struct Skeleton {
    scenario: Scenario,
    store: Arc<RedbStore>,
    clock: AdjustableClock,
    secrets: Vec<SecretString>,
    flow_keys: Option<FlowKeys>,
    client: Client,
    token: SecretString,
    requests: Semaphore,
    /// How far each conversation is; held while its turn commits.
    conversations: Mutex<HashMap<ConversationId, Arc<tokio::sync::Mutex<u64>>>>,
}

impl Skeleton {
    fn new(config: &Config, scenario: Scenario, metrics: &Arc<Metrics>) -> anyhow::Result<Self> {
        let metrics = metrics.clone();
        let observe: storage::Observe = Box::new(move |commit| {
            metrics.commit_seconds.observe(commit.seconds);
            metrics.commit_items.observe(commit.items as f64);
        });
        let options = Options { cache_bytes: config.store.cache_bytes, observe: Some(observe), ..Options::default() };
        let number = config.whatsapp.numbers.first().context("there is no number")?;
        let flow_key = number.flow_private_key.as_ref().map(|key| FlowKey::read(&key.value, None)).transpose()?;
        Ok(Self {
            scenario,
            store: RedbStore::open(&config.store.path, options)?,
            clock: AdjustableClock::system(),
            secrets: vec![number.app_secret.value.clone()],
            flow_keys: flow_key.map(Into::into),
            client: Client::new(ClientConfig {
                base_url: config.graph.base_url.to_string(),
                api_version: config.whatsapp.api_version.clone(),
                connect_timeout: config.graph.connect_timeout,
                request_timeout: config.graph.request_timeout,
            })?,
            token: number.access_token.value.clone(),
            requests: Semaphore::new(config.outbox.concurrency),
            conversations: Mutex::default(),
        })
    }

    async fn answer(self: Arc<Self>, request: Request<Incoming>) -> Response<Body> {
        if request.uri().path() == FLOW_PATH {
            return self.form(request).await.unwrap_or_else(|status| answer(status, Bytes::new()));
        }
        if request.uri().path() != WEBHOOK_PATH {
            return answer(StatusCode::OK, Bytes::from_static(b"ok"));
        }
        match self.accept(request).await {
            Ok(()) => answer(StatusCode::OK, Bytes::from_static(br#"{"success":true}"#)),
            Err(status) => answer(status, Bytes::new()),
        }
    }

    /// What a Flow's endpoint cannot do without, and a fixed answer. Where the work is done makes no difference to what it
    /// costs: there is nothing else here that it could hold up.
    async fn form(&self, request: Request<Incoming>) -> Result<Response<Body>, StatusCode> {
        let header = request.headers().get("x-hub-signature-256").and_then(|value| value.to_str().ok());
        let header = header.map(String::from);
        let body = request.into_body().collect().await.map_err(|_| StatusCode::BAD_REQUEST)?.to_bytes();
        signature::verify(&self.secrets, header.as_deref(), &body).map_err(|_| StatusCode::UNAUTHORIZED)?;
        let keys = self.flow_keys.as_ref().ok_or(StatusCode::MISDIRECTED_REQUEST)?;
        let opened = flow::open(keys, &body).map_err(|_| StatusCode::MISDIRECTED_REQUEST)?;
        serde_json::from_slice::<serde_json::Value>(&opened.plaintext).map_err(|_| StatusCode::MISDIRECTED_REQUEST)?;
        let sealed = opened.seal.answer(forms::ANSWER).ok_or(StatusCode::INTERNAL_SERVER_ERROR)?;
        Ok(answer(StatusCode::OK, sealed.into()))
    }

    async fn accept(self: Arc<Self>, request: Request<Incoming>) -> Result<(), StatusCode> {
        let header = request.headers().get("x-hub-signature-256").and_then(|value| value.to_str().ok());
        let header = header.map(String::from);
        let body = request.into_body().collect().await.map_err(|_| StatusCode::BAD_REQUEST)?.to_bytes();
        signature::verify(&self.secrets, header.as_deref(), &body).map_err(|_| StatusCode::UNAUTHORIZED)?;
        let events = webhook::parse(&body).map_err(|_| StatusCode::BAD_REQUEST)?;
        let messages = events.into_iter().filter_map(|event| match event {
            Event::Message(message) => Some(message),
            _ => None,
        });
        let messages: Vec<_> = messages.collect();
        let now_ms = self.clock.now_ms();
        let rows = messages.iter().map(|message| Accept::Message(actors::inbound(message, now_ms))).collect();
        let seqs = self.store.append(rows).await.map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?;
        if self.scenario == Scenario::Replies {
            for (message, seq) in messages.into_iter().zip(seqs) {
                tokio::spawn(self.clone().reply(message, seq));
            }
        }
        Ok(())
    }

    async fn reply(self: Arc<Self>, message: Received, seq: InboxSeq) {
        let Some(alias) = identity::aliases_of(&message).into_iter().next() else { return };
        let number = storage::Partition(message.phone_number_id.as_str().into());
        let id = identity::conversation_id(&number, identity::first_contact(&self.store.secret(), &alias));
        let place = self.conversations.lock().entry(id).or_default().clone();
        let mut revision = place.lock().await;
        if let Err(error) = self.commit(&number, id, *revision, seq).await {
            tracing::error!(%error, "a turn was not committed");
            return;
        }
        *revision += 1;
        let send = SendId { conversation: id, n: *revision };
        drop(revision);
        if let Err(error) = self.post(&message, send).await {
            tracing::error!(%error, "a reply was not sent");
        }
    }

    async fn commit(
        &self,
        number: &storage::Partition,
        conversation: ConversationId,
        revision: u64,
        seq: InboxSeq,
    ) -> Result<(), StoreError> {
        let turn = Turn {
            conversation,
            expected: Revision(revision),
            at_ms: self.clock.now_ms(),
            consumed: vec![seq],
            snapshot: filler(SNAPSHOT_BYTES),
            entries: vec![filler(ENTRY_BYTES)],
            sends: vec![NewSend { n: revision + 1, nonce: 1, payload: filler(SEND_BYTES) }],
            wake_ms: None,
            aliases: Vec::new(),
            dead_letters: Vec::new(),
            append: Vec::new(),
            documents: Vec::new(),
            resolved: Vec::new(),
        };
        self.store.commit(self.store.fence(number), turn).await.map(|_| ())
    }

    async fn post(&self, message: &Received, send: SendId) -> anyhow::Result<()> {
        let to = Recipient::Phone(message.from.clone().unwrap_or_default());
        let text = Text::new(format!(
            "Thank you, whoever you are. That was question 1, and we are glad to help you ({}). What else?",
            message.wamid
        ))?;
        let body = Outgoing::from(text).body(&to, &format!("{send}.00000001")).to_string().into_bytes();
        let _slot = self.requests.acquire().await?;
        self.client.send_message(&message.phone_number_id, &self.token, body).await?;
        Ok(())
    }
}

/// Bytes that nobody reads.
fn filler(bytes: usize) -> Bytes {
    vec![b'x'; bytes].into()
}

fn answer(status: StatusCode, body: Bytes) -> Response<Body> {
    let mut answer = Response::new(Full::new(body).map_err(|never| match never {}).boxed_unsync());
    *answer.status_mut() = status;
    answer
}
