//! `parlance dev`: the same server, opposite a stand-in for Meta on this machine.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use actors::{AdjustableClock, Clock};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use storage::{OpenError, Options, RedbStore};
use whatsapp::flow::FlowKey;

use super::output::{Failed, data, talk};
use super::{ConfigArgs, Exit, runtime, serve};
use crate::bots::{self, BotFile};
use crate::config::{Config, Draft, Mode, Origin, Reread};
use crate::flow_keys;
use crate::front::{FLOW_PATH, WEBHOOK_PATH};
use crate::server::{self, Given, Running};
use crate::vault::MasterKey;

/// Where a running `dev` leaves word of itself.
pub(super) const WORD: &str = ".parlance/dev.json";
const STORE: &str = ".parlance/dev.redb";
const MEDIA: &str = ".parlance/media";
/// The key for secrets in the store, made at the first start.
const SECRETS_KEY: &str = ".parlance/secrets.key";
/// The private key of Flows, made at the first start.
const FLOW_KEY: &str = ".parlance/flow-key.pem";
/// Served when there is no folder of bots: a binary alone can be tried, too.
const SAMPLE: &str = include_str!("../../bots/welcome.yaml");
/// The screens of its form.
const SAMPLE_FLOW: (&str, &str) = ("flows/booking.json", include_str!("../../bots/flows/booking.json"));
/// Ports tried after the one asked for.
const PORTS_TRIED: u16 = 50;

#[derive(clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    config: ConfigArgs,
    /// Forget everything from earlier runs
    #[arg(long)]
    fresh: bool,
    /// Folder of bot files
    #[arg(long, value_name = "DIR")]
    bots: Option<PathBuf>,
    /// First of the three ports: front door, admin, stand-in
    #[arg(long, value_name = "PORT", default_value_t = 8080)]
    port_base: u16,
    /// Phones that can be used
    #[arg(long, default_value_t = 3, value_name = "N")]
    phones: usize,
    /// Seed of what the stand-in draws by chance
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// What `say` needs to find a running `dev`.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Word {
    pub pid: u32,
    pub phone: String,
    pub admin: String,
}

pub(super) fn run(args: Args) -> Result<(), Failed> {
    runtime()?.block_on(start(args))
}

/// The stand-in's clock is the engine's: moving one moves both.
struct SharedClock(Arc<AdjustableClock>);

impl simulator::Clock for SharedClock {
    fn now_ms(&self) -> u64 {
        self.0.now_ms()
    }

    fn advance(&self, ms: u64) -> bool {
        self.0.advance(ms);
        true
    }
}

async fn start(args: Args) -> Result<(), Failed> {
    let clock = Arc::new(AdjustableClock::system());
    let mut origin = origin(&args)?;
    let config = configure(&origin)?;
    if args.fresh {
        forget(&config)?;
    }
    let stand_in = start_stand_in(&args, &config, clock.clone()).await?;
    origin.overrides.push(("graph.base_url".into(), stand_in.handle().base_url()));
    let config = configure(&origin)?;
    let files = bot_files(&config, args.bots.is_some())?;
    let clock: Arc<dyn Clock> = clock;
    let logs = serve::init_log(&config, &clock)?;
    let reread: Reread = Arc::new(move |draft| {
        let mut config = origin.read(draft)?;
        share_app(&mut config);
        Ok(config)
    });
    let given = Given {
        logs,
        open_admin: true,
        tell: Arc::new(tell),
        apply_flows: true,
        reread: Some(reread),
        ..Given::new(clock, files)
    };
    let bots_dir = config.bots.dir.clone();
    let running = server::start(&config, given).await.map_err(serve::start_failed)?;
    stand_in.handle().set_webhook_url(&format!("http://{}{WEBHOOK_PATH}", running.front));
    publish_flow_keys(&running).await;
    for problem in running.apply_flows().await {
        talk(&problem);
    }
    leave_word(&running, stand_in.addr());
    banner(&running, stand_in.addr(), &config, &bots_dir);
    let end = serve::until_the_end(running, config.server.drain_timeout).await;
    // The word may have been removed by hand.
    let _gone = std::fs::remove_file(WORD);
    stand_in.stop().await;
    end
}

/// Makes the private key of Flows at the first start.
fn make_flow_key() -> Result<(), Failed> {
    let failed = |what: &dyn std::fmt::Display| Failed::new(Exit::Failed, format!("error: {FLOW_KEY}: {what}"));
    if Path::new(FLOW_KEY).exists() {
        return Ok(());
    }
    let key = FlowKey::generate().map_err(|error| failed(&error))?;
    flow_keys::create(Path::new(FLOW_KEY), &key.private_pem()).map_err(|error| failed(&error))
}

/// Makes the key for secrets at the first start.
fn make_secrets_key() -> Result<(), Failed> {
    if Path::new(SECRETS_KEY).exists() {
        return Ok(());
    }
    let (_, text) = MasterKey::generate();
    flow_keys::create(Path::new(SECRETS_KEY), &text)
        .map_err(|error| Failed::new(Exit::Failed, format!("error: {SECRETS_KEY}: {error}")))
}

/// Where `dev` keeps its store and the key for it.
pub(super) fn places() -> Vec<(String, String)> {
    vec![("store.path".into(), STORE.into()), ("secrets.key_file".into(), SECRETS_KEY.into())]
}

/// Which key pair the endpoint of Flows has.
fn flow_key(config: &Config) -> &'static str {
    let made = |number: &crate::config::Number| {
        number.flow_private_key.as_ref().and_then(|key| key.file.as_deref()) == Some(Path::new(FLOW_KEY))
    };
    if config.whatsapp.numbers.iter().all(made) { "key pair generated" } else { "with the key that is configured" }
}

/// As `parlance flow key upload` does.
async fn publish_flow_keys(running: &Running) {
    for item in running.flow_keys().upload(None).await {
        if let Some(problem) = item.problem {
            talk(&format!("the public key of Flows is not at the stand-in for {}: {problem}", item.number));
        }
    }
}

/// Where the configuration comes from, with everything that `dev` makes up: secrets, ports that are free, its own store.
fn origin(args: &Args) -> Result<Origin, Failed> {
    serve::no_core_dumps();
    make_flow_key()?;
    make_secrets_key()?;
    let mut made_up = places();
    made_up.extend([
        ("media.dir".into(), MEDIA.into()),
        ("log.level".into(), "warn".into()),
        ("bots.watch".into(), "true".into()),
        ("whatsapp.phone_number_id".into(), simulator::Number::default().phone_number_id),
        ("whatsapp.business_account_id".into(), simulator::Number::default().waba_id),
        ("whatsapp.access_token".into(), random_text()),
        ("whatsapp.app_secret".into(), random_text()),
        ("whatsapp.webhook_verify_token".into(), random_text()),
        ("whatsapp.flow_private_key_file".into(), FLOW_KEY.into()),
    ]);
    for (offset, key) in [(0, "server.listen"), (1, "admin.listen"), (2, "simulator.listen")] {
        made_up.push((key.into(), free_address(args.port_base.saturating_add(offset))?.to_string()));
    }
    let file = args.config.config.clone();
    Ok(Origin { file, overrides: overrides(args), generated: made_up, mode: Mode::Dev })
}

fn configure(origin: &Origin) -> Result<Config, Failed> {
    let mut config = origin.read(Draft::File).map_err(|errors| Failed::new(Exit::Config, errors.to_string()))?;
    share_app(&mut config);
    Ok(config)
}

/// The stand-in has one app and one token, so all numbers are of that app.
fn share_app(config: &mut Config) {
    let Some(first) = config.whatsapp.numbers.first().cloned() else { return };
    for number in &mut config.whatsapp.numbers {
        number.access_token.clone_from(&first.access_token);
        number.app_secret.clone_from(&first.app_secret);
        number.app_secret_previous.clone_from(&first.app_secret_previous);
    }
}

fn overrides(args: &Args) -> Vec<(String, String)> {
    args.bots.iter().map(|dir| ("bots.dir".into(), dir.display().to_string())).collect()
}

/// Unguessable, from the operating system.
fn random_text() -> String {
    URL_SAFE_NO_PAD.encode(rand::random::<[u8; 24]>())
}

/// A loopback address whose port is free, at or after the one asked for.
fn free_address(port: u16) -> Result<SocketAddr, Failed> {
    let mut ports = (port..=u16::MAX).step_by(if port == 0 { 1 } else { 3 }).take(PORTS_TRIED.into());
    let free = ports.find(|port| std::net::TcpListener::bind(("127.0.0.1", *port)).is_ok());
    let port =
        free.ok_or_else(|| Failed::new(Exit::Failed, format!("error: no free port near {port}; use --port-base")))?;
    Ok(SocketAddr::from(([127, 0, 0, 1], port)))
}

async fn start_stand_in(
    args: &Args,
    config: &Config,
    clock: Arc<AdjustableClock>,
) -> Result<simulator::Running, Failed> {
    let number = &config.whatsapp.numbers[0];
    let secrets = (number.app_secret.value.clone(), number.access_token.value.clone());
    let mut stand_in = simulator::Config::new("", secrets.0, secrets.1, Arc::new(SharedClock(clock)));
    stand_in.listen = config.simulator.listen;
    stand_in.phones = args.phones;
    stand_in.seed = args.seed;
    stand_in.status_delay_ms = 250;
    let known = |(place, number): (usize, &crate::config::Number)| simulator::Number {
        phone_number_id: number.phone_number_id.clone(),
        display_phone_number: simulator_display(place),
        waba_id: number.business_account_id.clone().unwrap_or_else(|| simulator::Number::default().waba_id),
    };
    stand_in.numbers = config.whatsapp.numbers.iter().enumerate().map(known).collect();
    simulator::Simulator::start(stand_in).await.map_err(|error| Failed::new(Exit::Failed, format!("error: {error}")))
}

/// A fictional number for each place, the first one that of the stand-in alone.
pub(super) fn simulator_display(place: usize) -> String {
    let base: u64 = simulator::Number::default().display_phone_number.parse().unwrap_or_default();
    (base + place as u64).to_string()
}

/// The folder's files; without a folder that anybody asked for, the sample.
fn bot_files(config: &Config, asked: bool) -> Result<Vec<BotFile>, Failed> {
    if !asked && !config.bots.dir.exists() {
        talk(&format!("there is no folder {}: serving the sample bot", config.bots.dir.display()));
        let (name, text) = SAMPLE_FLOW;
        let open = |asked: &str| if asked == name { Ok(text.to_owned()) } else { Err("it is not here".to_owned()) };
        let loaded = chatbot::load_with(SAMPLE, "welcome.yaml", chatbot::Format::Yaml, &open);
        return Ok(vec![BotFile {
            path: "welcome.yaml".into(),
            source: SAMPLE.into(),
            loaded,
            flows: BTreeMap::new(),
        }]);
    }
    bots::read_dir(&config.bots.dir).map_err(|error| Failed::new(Exit::Data, format!("error: {error}")))
}

/// Removes the store, unless a process uses it: that one would go on with a file that nobody else can see. A store that
/// was put elsewhere on purpose may hold more than play.
fn forget(config: &Config) -> Result<(), Failed> {
    let store = Path::new(STORE);
    if config.store.path != store {
        let path = config.store.path.display();
        let message =
            format!("error: --fresh removes {STORE} only, and store.path is {path}: remove that file yourself");
        return Err(Failed::new(Exit::Usage, message));
    }
    if store.exists()
        && let Err(error @ OpenError::Locked { .. }) = RedbStore::open(store, Options::default())
    {
        return Err(serve::start_failed(error.into()));
    }
    if config.media.dir == Path::new(MEDIA)
        && let Err(error) = std::fs::remove_dir_all(MEDIA)
        && error.kind() != std::io::ErrorKind::NotFound
    {
        return Err(Failed::new(Exit::Failed, format!("error: {MEDIA} cannot be removed: {error}")));
    }
    match std::fs::remove_file(STORE) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Failed::new(Exit::Store, format!("error: {STORE} cannot be removed: {error}")))
        }
        _ => Ok(()),
    }
}

/// Problems have lines of their own; what went live is one.
fn tell(text: &str) {
    if text.contains('\n') { talk(text) } else { data(text) }
}

fn leave_word(running: &Running, stand_in: SocketAddr) {
    let word = Word {
        pid: std::process::id(),
        phone: format!("http://{stand_in}"),
        admin: format!("http://{}", running.admin),
    };
    let text = serde_json::to_string_pretty(&word).unwrap_or_default();
    let folder = Path::new(WORD).parent().unwrap_or(Path::new("."));
    if let Err(error) = std::fs::create_dir_all(folder).and_then(|()| std::fs::write(WORD, text)) {
        talk(&format!("{WORD} cannot be written ({error}); `parlance say` will not find this process"));
    }
}

fn banner(running: &Running, stand_in: SocketAddr, config: &Config, bots_dir: &Path) {
    for problem in running.bots.problems.iter().chain(&running.bots.notes) {
        talk(problem);
    }
    let (version, bots) = (env!("CARGO_PKG_VERSION"), &running.bots);
    data(&format!(
        "parlance {version} · dev · nothing leaves this machine

  Phone     http://{stand_in}/        talk to the bot
  Webhook   http://{front}{WEBHOOK_PATH}   signed with a generated secret
  Flows     http://{front}{FLOW_PATH}   {key}
  Graph     http://{stand_in}/{api}   stand-in for graph.facebook.com
  Admin     http://{admin}/api/v1/conversations   open to this machine only
  Bots      {dir} · {watched}{count} {bot} · {nodes} nodes · {problems} {problem}
  Data      {store}   kept between runs (start over: --fresh)

  Next: open the phone and say \"hi\"  ·  or here: parlance say \"hi\"
",
        front = running.front,
        key = flow_key(config),
        api = config.whatsapp.api_version,
        admin = running.admin,
        dir = bots_dir.display(),
        watched = if config.bots.watch { "watching · " } else { "" },
        count = bots.bots,
        bot = if bots.bots == 1 { "bot" } else { "bots" },
        nodes = bots.nodes,
        problems = bots.problems.len(),
        problem = if bots.problems.len() == 1 { "problem" } else { "problems" },
        store = config.store.path.display(),
    ));
}
