//! A whole Parlance in one value: store, engine, front door and admin port, started in order and drained in order.

mod error;
pub(crate) mod flows;
mod numbers;
mod parts;
mod reload;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use actors::broadcast::Broadcasts;
use actors::feed::Feed;
use actors::letters::Batches;
use actors::{Bots, Clock, Engine, TurnFunction};
use chatbot::{Bot, Diagnostic, Surroundings};
use storage::{Health, Store, StoreError};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::admin::{self, Admin, FirstUserError, People};
use crate::bots::{self, BotFile, Library, Tell};
use crate::config::keys::Effect;
use crate::config::{Config, Reread};
use crate::flow_keys::FlowKeyKeeper;
use crate::front::{Displays, FlowEndpoint, FlowParts, Front, Intake, Repeats, Signers};
use crate::inspector::Inspector;
use crate::metrics::Metrics;
use crate::net::{self, Limits};
use crate::numbers::{self as served, Book, Desk, DeskParts};
use crate::secrets;
use crate::services::{self, Services};
use crate::telemetry::Logs;
use crate::vault::{MasterKey, Vault};
pub use error::{Failure, StartError};
use parts::{graph_client, http_parts, inspector, millis, open_store, start_engine};
pub use reload::{Configuration, ReloadError};

/// A server that has failed gives its callers this long to hear so.
const LAST_ANSWERS: Duration = Duration::from_millis(500);

/// What is given beside the configuration.
pub struct Given {
    /// The source of time.
    pub clock: Arc<dyn Clock>,
    /// The bot files.
    pub bots: Vec<BotFile>,
    /// The bot function: [`chatbot::turn`].
    pub turn: Arc<TurnFunction>,
    /// Whether callers from loopback need no credential at the admin port.
    pub open_admin: bool,
    /// Where the lines about bot files go that are saved while it runs.
    pub tell: Tell,
    /// Whether Meta is a stand-in on this machine: the Flows of a bot file that is saved are applied at once, and phones
    /// reach the front door itself.
    pub apply_flows: bool,
    /// Reads the configuration again, where that can be done.
    pub reread: Option<Reread>,
    /// The newest log lines of this process.
    pub logs: Arc<Logs>,
}

impl Given {
    /// Real bots over a clock.
    pub fn new(clock: Arc<dyn Clock>, bots: Vec<BotFile>) -> Self {
        let tell: Tell = Arc::new(|line| tracing::info!("{line}"));
        Self {
            clock,
            bots,
            turn: Arc::new(chatbot::turn),
            open_admin: false,
            tell,
            apply_flows: false,
            reread: None,
            logs: Arc::default(),
        }
    }
}

/// A running server.
pub struct Running {
    /// Where the front door listens.
    pub front: SocketAddr,
    /// Where the admin port listens.
    pub admin: SocketAddr,
    /// The secret with which the first admin is made, if nobody can get in yet: `POST /api/v1/setup`.
    pub setup: Option<String>,
    /// What was put live.
    pub bots: bots::Report,
    store: Arc<dyn Store>,
    engine: Arc<Engine>,
    registry: Arc<Bots>,
    services: Arc<Services>,
    flow_keys: Arc<FlowKeyKeeper>,
    configuration: Arc<Configuration>,
    inspector: Arc<Inspector>,
    stop: CancellationToken,
    ports: Vec<JoinHandle<()>>,
    secrets: (secrets::Handle, JoinHandle<()>),
}

/// Starts everything; answers once both ports are bound and the work left over is handed out.
pub async fn start(config: &Config, given: Given) -> Result<Running, StartError> {
    let front_listener = bind("server.listen", config.server.listen).await?;
    let admin_listener = bind("admin.listen", config.admin.listen).await?;
    let metrics = Arc::new(Metrics::default());
    let store: Arc<dyn Store> = open_store(config, &metrics)?;
    let vault = Arc::new(open_vault(config, &store).await?);
    let configured = config;
    let config = &served::served(configured, &*store, &vault).await?;
    refuse_collisions(config)?;
    let keyring = Arc::new(flows::keyring(config)?);
    let people = Box::pin(people(config, &store, &given.clock)).await?;
    let registry = Arc::new(Bots::new(&config.bots.default));
    let (client, numbers) = (graph_client(config)?, numbers::of_engine(config));
    let book = Arc::new(Book::of(config));
    let feed = Feed::new(store.clone(), config.admin.max_event_clients);
    let inspector = inspector(config, &given.clock, &feed)?;
    let services = Services::load(
        config,
        (client.clone(), http_parts(config)?),
        store.clone(),
        given.clock.clone(),
        &numbers,
        (metrics.actors.clone(), inspector.clone()),
    )
    .await?;
    let services = Arc::new(services);
    let answering = numbers::answering(config, &registry);
    // Before anything reads conversations: what an ended process was erasing goes first.
    services.eraser.open().await.map_err(services::LoadError::Store)?;
    let library = Library::load(store.clone(), services.media.clone(), given.clock.clone(), registry.clone()).await?;
    let known = given.bots.iter().map(BotFile::known).collect();
    let mut report = Box::pin(library.put_live(given.bots, &answering)).await?;
    report.problems.extend(missing_secrets(&registry, services.supplies().now()));
    let engine = start_engine(
        config,
        (given.clock.clone(), given.turn),
        store.clone(),
        registry.clone(),
        &metrics,
        &services,
        numbers.clone(),
    )
    .await?;
    let engine = Arc::new(engine);
    library.attach(engine.clone());
    let (broadcasts, batches) = (Broadcasts::load(engine.clone()).await?, Batches::load(engine.clone()).await?);
    let front = local(&front_listener, config.server.listen);
    let beside_us = given.apply_flows.then_some(front);
    services.flows.attach(Arc::new(numbers::bot_flows(config, registry.clone(), book.clone(), beside_us)));
    services.broadcast_results.attach(broadcasts.clone());
    services.eraser.attach(engine.clone());
    services.run(&engine);
    if !given.apply_flows {
        services.watch_lacks(registry.clone());
    }
    services.tell_senders(engine.clone());
    services.look_after(broadcasts.clone().run());
    services.look_after(batches.clone().run());
    services.look_after(bots::upkeep(library.clone()));
    services.look_after(feed.clone().run());
    if config.bots.watch {
        let applied = given.apply_flows.then(|| services.flows.clone());
        let beside = bots::Beside { supplies: services.supplies(), tell: given.tell, flows: applied };
        services.look_after(bots::watch(library.clone(), beside, config.bots.dir.clone(), known));
    }

    let (stop, admin) = (CancellationToken::new(), local(&admin_listener, config.admin.listen));
    let displays = Arc::<Displays>::default();
    let signers = Arc::new(Signers::new(&config.whatsapp.numbers));
    let intake = Intake::new(
        store.clone(),
        engine.clone(),
        given.clock.clone(),
        signers.clone(),
        displays.clone(),
        metrics.front.clone(),
        (Repeats::load(store.clone(), given.clock.now_ms()).await?, services.tombs.clone()),
    );
    let health = Arc::new(flows::health(&store, &given.clock, &metrics));
    let flow = Arc::new(FlowEndpoint::new(FlowParts {
        signers: signers.clone(),
        keyring: keyring.clone(),
        forms: engine.clone(),
        health: health.clone(),
        clock: given.clock.clone(),
        metrics: metrics.flow.clone(),
        settings: flows::settings(config),
    }));
    let front_door = Arc::new(Front::new(
        (intake, inspector.clone(), given.clock.clone()),
        flow,
        config.whatsapp.webhook_verify_token.value.clone(),
        &config.server,
        metrics.front.clone(),
    ));
    let parts = (&keyring, &signers, &given.clock);
    let flow_keys =
        Arc::new(flows::keeper(config, &numbers, client.clone(), parts, front).map_err(services::LoadError::Http)?);
    let desk = Arc::new(Desk::new(
        config,
        DeskParts {
            store: store.clone(),
            vault,
            clock: given.clock.clone(),
            client: client.clone(),
            engine: engine.clone(),
            numbers: numbers.clone(),
            book: book.clone(),
            signers: signers.clone(),
            front: front_door.clone(),
            keyring: keyring.clone(),
            flow_keys: flow_keys.clone(),
            bots: registry.clone(),
            templates: services.templates.clone(),
            flows: services.flows.clone(),
        },
    ));
    desk.open().await;
    let users = reload::Users {
        engine: engine.clone(),
        desk: desk.clone(),
        front: front_door.clone(),
        bot_secrets: services.http.secrets.clone(),
        endpoints: config.events.endpoints.clone(),
    };
    let configuration = Arc::new(Configuration::new(configured, given.reread, users));
    let admin_port = Admin::new(admin::Parts {
        configuration: configuration.clone(),
        store: store.clone(),
        engine: engine.clone(),
        clock: given.clock.clone(),
        bots: registry.clone(),
        library,
        services: services.clone(),
        broadcasts,
        batches,
        flow_keys: flow_keys.clone(),
        flow_health: health,
        metrics,
        numbers: book,
        desk,
        displays,
        people: people.clone(),
        token: config.admin.token.as_ref().map(|token| token.value.clone()),
        login_ttl_ms: millis(config.admin.login_ttl),
        open_on_loopback: given.open_admin,
        allowed_hosts: admin::allowed_hosts(&config.admin.allowed_hosts, admin),
        trusted_proxies: config.admin.trusted_proxies.clone(),
        metrics_enabled: config.metrics.enabled,
        feed,
        logs: given.logs,
        front: front_door.clone(),
        inspector: inspector.clone(),
        stop: stop.clone(),
    });

    services.look_after(people.look_after(config.retention.audit.map(millis)));
    let setup = admin_port.offer_setup();
    configuration.attach(&admin_port);
    let users = numbers::Users {
        bot_secrets: &services.http.secrets,
        engine: &engine,
        signers: &signers,
        front: &front_door,
        keyring: &keyring,
        admin: &admin_port,
    };
    let secrets = numbers::watch_secrets(config, &numbers, &given.clock, &users);
    let limits = Limits {
        max_connections: config.server.max_connections,
        header_timeout: config.server.header_timeout,
        idle_timeout: config.server.idle_timeout,
    };
    let patience = config.server.drain_timeout;
    let front_service = move |request, _| front_door.clone().answer(request);
    let admin_service = move |request, peer| admin_port.clone().answer(request, peer);
    let ports = vec![
        tokio::spawn(net::serve(front_listener, limits, front_service, stop.clone(), patience)),
        tokio::spawn(net::serve(admin_listener, limits, admin_service, stop.clone(), patience)),
    ];
    Ok(Running {
        front,
        admin,
        setup,
        bots: report,
        store,
        engine,
        registry,
        services,
        flow_keys,
        configuration,
        inspector,
        stop,
        ports,
        secrets,
    })
}

impl Running {
    /// The store, for tests that look inside.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// What came to the front door.
    pub fn inspector(&self) -> &Arc<Inspector> {
        &self.inspector
    }

    /// The keys of Flows.
    pub fn flow_keys(&self) -> &FlowKeyKeeper {
        &self.flow_keys
    }

    /// Brings the Flows of the bots to Meta, for whoever was started to do so. Answers what people should know: a line for
    /// each thing that did not work. What bots lack is looked for only after it: it may lack for a moment at a first start.
    pub async fn apply_flows(&self) -> Vec<String> {
        let problems = crate::flows::apply(&self.services.flows).await;
        self.services.watch_lacks(self.registry.clone());
        problems
    }

    /// Its configuration.
    pub fn configuration(&self) -> &Configuration {
        &self.configuration
    }

    /// Reads the files of secrets and the configuration again; the log says what came of it.
    pub async fn reload(&self) {
        self.secrets.0.reread();
        match self.configuration.reload().await {
            Ok(changes) => {
                for change in changes.iter().filter(|change| change.effect == Effect::Restart) {
                    tracing::warn!(key = change.key, "a changed key takes effect with the next start");
                }
            }
            Err(ReloadError::Fixed) => {}
            Err(error) => tracing::error!("the configuration was not read again, the one before stays: {error}"),
        }
    }

    /// Waits until the process must end by itself, and says why: the store or an actor has failed.
    pub async fn failed(&self) -> Failure {
        let (mut health, mut engine) = (self.store.health(), self.engine.failed());
        tokio::select! {
            Ok(health) = health.wait_for(|health| matches!(health, Health::Failed(_))) => match &*health {
                Health::Failed(why) => Failure::Store(why.clone()),
                Health::Good | Health::Closed => Failure::Actor("the store closed".into()),
            },
            Ok(failed) = engine.wait_for(Option::is_some) => Failure::Actor(failed.clone().unwrap_or_default()),
            else => std::future::pending().await,
        }
    }

    /// Ends after a failure: takes no more callers, and lets those it has hear that they were refused.
    pub async fn give_up(self) {
        self.stop.cancel();
        self.secrets.1.abort();
        let heard = futures_util::future::join_all(self.ports);
        if tokio::time::timeout(LAST_ANSWERS, heard).await.is_err() {
            tracing::debug!("some callers did not wait for their answer");
        }
    }

    /// Stops accepting, finishes what is in hand within `patience` (ports and engine together), and closes the store.
    pub async fn drain(self, patience: Duration) -> Result<(), StoreError> {
        self.stop.cancel();
        self.services.stop();
        self.secrets.1.abort();
        let ports = async {
            for port in self.ports {
                if let Err(error) = port.await {
                    tracing::error!(%error, "a port ended badly");
                }
            }
        };
        // Beside each other: a slow caller must not take the engine's time, and what it still brings waits in the inbox.
        tokio::join!(ports, self.engine.drain(patience), self.services.finish_deliveries(patience));
        self.store.close().await
    }
}

/// Users and tokens; among them the first admin of the configuration. Errors: other machines reach the admin port, and
/// nobody can get in.
async fn people(config: &Config, store: &Arc<dyn Store>, clock: &Arc<dyn Clock>) -> Result<People, StartError> {
    let people = People::load(store.clone(), clock.clone()).await?;
    if let Some(password) = &config.admin.password {
        match people.make_first(&config.admin.user, &password.value).await {
            Ok(true) => tracing::info!(user = config.admin.user, "the first admin was made"),
            Ok(false) => {}
            Err(FirstUserError::Store(error)) => return Err(error.into()),
            Err(error) => return Err(StartError::FirstUser(error.to_string())),
        }
    }
    if !config.admin.listen.ip().is_loopback() && config.admin.token.is_none() && people.are_none() {
        return Err(StartError::AdminExposed(config.admin.listen));
    }
    Ok(people)
}

async fn open_vault(config: &Config, store: &Arc<dyn Store>) -> Result<Vault, StartError> {
    let key = config.vault.key.as_ref().map(MasterKey::of).transpose();
    let opened = match key {
        Ok(key) => Vault::open(store, key).await,
        Err(error) => Err(error.into()),
    };
    if opened.is_err() {
        store.close().await?;
    }
    Ok(opened?)
}

fn refuse_collisions(config: &Config) -> Result<(), StartError> {
    let tag = |number: &crate::config::Number| {
        actors::identity::partition_tag(&storage::Partition(number.phone_number_id.as_str().into()))
    };
    let numbers = &config.whatsapp.numbers;
    for (index, number) in numbers.iter().enumerate() {
        if let Some(twin) = numbers.iter().take(index).find(|other| tag(other) == tag(number)) {
            return Err(StartError::NumbersCollide(twin.phone_number_id.clone(), number.phone_number_id.clone()));
        }
    }
    Ok(())
}

async fn bind(key: &'static str, address: SocketAddr) -> Result<TcpListener, StartError> {
    TcpListener::bind(address).await.map_err(|source| StartError::Bind { key, address, source })
}

fn local(listener: &TcpListener, asked: SocketAddr) -> SocketAddr {
    listener.local_addr().unwrap_or(asked)
}

/// A sentence for each secret that a live bot names and that has no value. It names the bot in the place of its file: the
/// bot may come from the store. What templates lack is said once they are read anew.
fn missing_secrets(bots: &Bots, known: Surroundings) -> Vec<String> {
    let known = Surroundings { templates: None, flows: None, ..known };
    let sentence = |bot: &Bot, found: &Diagnostic| {
        let (severity, help) = (found.severity.as_str(), found.help.as_deref().unwrap_or_default());
        format!("{severity}[{}]: the bot {}: {}; {help}", found.code, bot.id(), found.message)
    };
    let mut sentences = Vec::new();
    for bot in bots.live() {
        sentences.extend(bot.check_against(&known).iter().map(|found| sentence(&bot, found)));
    }
    sentences
}
