//! A world to test in: a store, a clock, a scripted Graph and a scripted bot. Time is tokio's paused time.

mod flaky;
mod graph;
mod shadow;
mod web;

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use actors::http_caller::{BotSecrets, HttpParts, HttpSettings};
use actors::outlet::Outlet;
use actors::{
    AdjustableClock, Bots, Clock, ConversationSettings, Engine, Metrics, Number, SenderSettings, Setup, Transport,
    TurnFunction, identity, inbound, view,
};
use chatbot::{Bot, Effect, Given, Incoming, Input, Sending, Snapshot, Turn, TurnError};
use storage::{Accept, ConversationId, InboxSeq, Model, Page, SendState, Store};
use whatsapp::message::{Outgoing, Text};
use whatsapp::webhook::Received;

pub(crate) use flaky::{Flaky, Fuse};
pub(crate) use graph::{Answer, Graph, Request, refusal};
pub(crate) use shadow::{Again, Shadow, at_once};
pub(crate) use testkit::SplitMix;
pub(crate) use web::{Asked, Reply, Web, answered};

pub(crate) const NUMBER: &str = "700800900100200";
/// The bot that there is unless a test says otherwise.
static ONE: LazyLock<Arc<Bot>> = LazyLock::new(|| bot("one"));
pub(crate) const START_MS: u64 = 1_900_000_000_000;

/// What an engine is started from; restarts share it.
pub(crate) struct World {
    pub store: Arc<dyn Store>,
    pub clock: Arc<AdjustableClock>,
    pub numbers: Vec<Number>,
    pub bots: Arc<Bots>,
    pub graph: Arc<Graph>,
    pub turn: Arc<TurnFunction>,
    pub conversations: ConversationSettings,
    pub sender: SenderSettings,
    pub metrics: Arc<Metrics>,
    pub categories: Arc<actors::Categories>,
    /// Where Flows stand at Meta.
    pub flows: Arc<actors::FlowStandings>,
    pub outlet: Arc<Outlet>,
    /// The other programs that bots call.
    pub web: Arc<Web>,
    pub secrets: BotSecrets,
    pub http: HttpSettings,
}

impl World {
    /// Over an empty model, with a bot that echoes, and no rates.
    pub(crate) fn new() -> Self {
        Self::over(Model::new())
    }

    pub(crate) fn over(store: Arc<dyn Store>) -> Self {
        let clock = Arc::new(AdjustableClock::starting_at(START_MS));
        let bots = Bots::new("test");
        bots.put_live(ONE.clone());
        let sender = SenderSettings { messages_per_second: 0, pair_interval_ms: 0, ..SenderSettings::default() };
        let metrics: Arc<Metrics> = Arc::default();
        Self {
            outlet: Outlet::closed(store.clone(), clock.clone(), metrics.clone()),
            store,
            graph: Graph::new(clock.clone()),
            clock,
            numbers: vec![number(NUMBER)],
            bots: Arc::new(bots),
            turn: turn(|_, text| Ok(vec![format!("re: {text}")])),
            conversations: ConversationSettings::default(),
            sender,
            metrics,
            categories: Arc::new(|_, _, _| None),
            flows: Arc::new(|_, _| None),
            web: Web::new(),
            secrets: BotSecrets::default(),
            http: HttpSettings::default(),
        }
    }

    pub(crate) async fn start(&self) -> Engine {
        self.start_over(self.graph.clone()).await
    }

    /// As [`World::start`], with another way to Graph.
    pub(crate) async fn start_over(&self, transport: Arc<dyn Transport>) -> Engine {
        let setup = Setup {
            store: self.store.clone(),
            clock: self.clock.clone(),
            bots: self.bots.clone(),
            turn: self.turn.clone(),
            numbers: self.numbers.clone().into(),
            transport,
            conversations: self.conversations.clone(),
            sender: self.sender.clone(),
            metrics: self.metrics.clone(),
            media_wanted: Arc::default(),
            outlet: self.outlet.clone(),
            categories: self.categories.clone(),
            flows: self.flows.clone(),
            tombs: Arc::new(actors::erasure::Tombs::load(&*self.store, self.clock.now_ms()).await.unwrap()),
            http: HttpParts { fetch: self.web.clone(), secrets: self.secrets.clone(), settings: self.http },
        };
        Engine::start(setup).await.unwrap()
    }

    /// Appends a message with an id of its own, derived from person and text.
    pub(crate) async fn say(&self, person: u32, text: &str) -> InboxSeq {
        self.deliver(&format!("wamid.{person}.{text}"), person, text).await
    }

    /// Appends a message under this id.
    pub(crate) async fn deliver(&self, wamid: &str, person: u32, text: &str) -> InboxSeq {
        self.accept(received(wamid, person, text)).await
    }

    /// Appends a message to another one of our numbers.
    pub(crate) async fn say_to(&self, number: &str, person: u32, text: &str) -> InboxSeq {
        let wamid = format!("wamid.{number}.{person}.{text}");
        self.accept(Received { phone_number_id: number.into(), ..received(&wamid, person, text) }).await
    }

    async fn accept(&self, received: Received) -> InboxSeq {
        let row = inbound(&received, self.clock.now_ms());
        loop {
            match self.store.append(vec![Accept::Message(row.clone())]).await {
                Ok(numbers) => return numbers[0],
                Err(_busy) => pause(10).await,
            }
        }
    }

    /// Waits (in paused time) until nothing is left in the inbox.
    pub(crate) async fn consumed(&self) {
        until(|| self.store.stats().inbox == 0, "the inbox is empty").await;
    }

    /// Waits until every message is consumed and every reply is settled.
    pub(crate) async fn quiet(&self) {
        self.consumed().await;
        for _ in 0..200_000 {
            if self.store.open_sends(None, 1).await.is_ok_and(|open| open.is_empty()) {
                return;
            }
            pause(5).await;
        }
        panic!("messages stay open");
    }

    /// States of a person's outbox rows, in order.
    pub(crate) async fn states(&self, person: u32) -> Vec<SendState> {
        let ids = (1..=1_000).map(|n| storage::SendId { conversation: conversation(person), n }).collect();
        self.store.sends(ids).await.unwrap().into_iter().map_while(|row| Some(row?.state)).collect()
    }

    /// A person's outbox rows as operators see them, in order.
    pub(crate) async fn outbox(&self, person: u32) -> Vec<view::SendView> {
        let ids = (1..=1_000).map(|n| storage::SendId { conversation: conversation(person), n }).collect();
        let rows = self.store.sends(ids).await.unwrap();
        rows.into_iter().map_while(|row| Some(view::send(&row?).unwrap())).collect()
    }

    /// Reasons of all dead letters, newest first.
    pub(crate) async fn dead_letters(&self) -> Vec<view::DeadLetterView> {
        let page = Page { cursor: None, limit: 1_000 };
        self.store.dead_letters(page).await.unwrap().items.iter().map(view::dead_letter).collect()
    }
}

/// A number of an account of its own.
pub(crate) fn number(id: &str) -> Number {
    let account = format!("account-of-{id}").into();
    Number { id: id.into(), account, token: "token".to_owned().into(), messages_per_second: None }
}

/// A message as the front door has read it.
pub(crate) fn received(wamid: &str, person: u32, text: &str) -> Received {
    let from = phone(person);
    let message = serde_json::json!({
        "from": from, "id": wamid, "timestamp": "1900000000", "type": "text", "text": { "body": text },
    });
    Received {
        phone_number_id: NUMBER.into(),
        wamid: wamid.into(),
        from: Some(from),
        from_user_id: None,
        from_parent_user_id: None,
        group_id: None,
        sent_ms: None,
        display_phone_number: None,
        message: serde_json::value::to_raw_value(&message).unwrap(),
        contact: None,
    }
}

pub(crate) fn phone(person: u32) -> String {
    format!("4477009{person:05}")
}

pub(crate) fn conversation(person: u32) -> ConversationId {
    let secret = storage::Model::new().secret();
    let contact = identity::first_contact(&secret, &identity::phone_alias(&phone(person)));
    identity::conversation_id(&storage::Partition(NUMBER.into()), contact)
}

/// A version of the bot `test`; the title tells versions apart.
pub(crate) fn bot(title: &str) -> Arc<Bot> {
    let source = format!(
        "parlance: 1\nid: test\ntitle: {title}\ntriggers:\n  - default: {{}}\n    to: a\nnodes:\n  a:\n    type: say\n    messages: [{{ text: hello }}]\n    next: {{ next: e }}\n  e:\n    type: end\n"
    );
    let loaded = chatbot::load(&source, "test.yaml", chatbot::Format::Yaml);
    Arc::new(loaded.bot.unwrap_or_else(|| panic!("{:?}", loaded.diagnostics)))
}

/// A turn function that answers messages with texts, and keeps no state.
pub(crate) fn turn(
    answer: impl Fn(&Given<'_>, &str) -> Result<Vec<String>, TurnError> + Send + Sync + 'static,
) -> Arc<TurnFunction> {
    Arc::new(move |_: &Bot, before: &Snapshot, input: &Input, given: &Given<'_>| {
        let Input::Message(Incoming { text, .. }) = input else {
            return Ok(Turn { after: before.clone(), effects: Vec::new(), trace: Vec::new(), changed: false });
        };
        Ok(Turn { after: before.clone(), effects: texts(answer(given, text)?), trace: Vec::new(), changed: true })
    })
}

pub(crate) fn texts(texts: Vec<String>) -> Vec<Effect> {
    let effect = |text| Effect::Send(Box::new(Sending::new("a", Outgoing::Text(Text::new(text).unwrap()))));
    texts.into_iter().map(effect).collect()
}

/// A run of this bot that waits at node `a`, and wants to be woken at `wake_ms`.
pub(crate) fn waiting(bot: &Bot, wake_ms: Option<u64>) -> Snapshot {
    let mut wait = serde_json::json!({ "node": "a" });
    if let Some(wake_ms) = wake_ms {
        wait["idle_ms"] = wake_ms.into();
    }
    let run = serde_json::json!({
        "id": "r", "bot": bot.id(), "version": bot.version(), "started_ms": 0, "turns": 1, "wait": wait,
    });
    serde_json::from_value(serde_json::json!({ "run": run })).unwrap()
}

/// Lets paused time pass.
pub(crate) async fn pause(ms: u64) {
    let for_ever = std::future::pending::<()>();
    assert!(tokio::time::timeout(Duration::from_millis(ms), for_ever).await.is_err());
}

/// Waits in paused time.
pub(crate) async fn until(holds: impl Fn() -> bool, what: &str) {
    for _ in 0..200_000 {
        if holds() {
            return;
        }
        pause(5).await;
    }
    panic!("never happened: {what}");
}

/// The texts that reached each person, in order.
pub(crate) fn by_person(requests: &[Request]) -> BTreeMap<String, Vec<String>> {
    let mut people: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for request in requests {
        people.entry(request.to.clone()).or_default().push(request.text.clone());
    }
    people
}
