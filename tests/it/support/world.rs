//! The world itself: started, asked, restarted, ended.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use actors::{AdjustableClock, Clock, TurnFunction};
use parlance::bots::BotFile;
use parlance::config::{Config, Draft, Errors, Mode, Sources};
use parlance::front::WEBHOOK_PATH;
use parlance::server::{self, Given, Running, StartError};
use reqwest::{Response, StatusCode};
use serde_json::Value;
use simulator::{Filter, Handle, LedgerRow, LoggedRequest, Rule, Simulator, Trouble};
use tempfile::TempDir;

use super::{ACCESS_TOKEN, ADMIN_TOKEN, NUMBER, SECRET, VERIFY_TOKEN, bots, signature, text, until};

/// What a world is made of.
pub(crate) struct Setup {
    settings: BTreeMap<String, String>,
    bots: Vec<String>,
    turn: Option<Arc<TurnFunction>>,
    stand_in: simulator::Config,
    clock: Arc<AdjustableClock>,
    file: Option<String>,
    open: bool,
}

/// The stand-in's clock is the engine's.
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

impl Default for Setup {
    /// The echo bot, no rates, no window, no statuses.
    fn default() -> Self {
        let clock = Arc::new(AdjustableClock::system());
        let shared = Arc::new(SharedClock(clock.clone()));
        let mut stand_in = simulator::Config::new("", SECRET.into(), ACCESS_TOKEN.into(), shared);
        stand_in.ledger = true;
        stand_in.enforce_window = false;
        stand_in.auto_status = simulator::AutoStatus::NONE;
        // The forms that the bots of these tests send, those that are imported too.
        let form = |id: &str| simulator::SeededFlow {
            id: id.into(),
            name: format!("form {id}"),
            json: None,
            endpoint_uri: None,
        };
        stand_in.flows = ["8100200300", "778800990011", "778800990099"].map(form).to_vec();
        let setup =
            Self { settings: BTreeMap::new(), bots: Vec::new(), turn: None, stand_in, clock, file: None, open: false };
        setup.bot(bots::ECHO)
    }
}

impl Setup {
    pub(crate) fn set(mut self, key: &str, value: &str) -> Self {
        self.settings.insert(key.into(), value.into());
        self
    }

    /// The bot that answers, in the place of the echo.
    pub(crate) fn bot(mut self, source: &str) -> Self {
        let file = read_bot(source);
        let id = file.loaded.bot.as_ref().map(|bot| bot.id().to_owned());
        let id = id.unwrap_or_else(|| panic!("{:?}", file.loaded.diagnostics));
        self.bots = vec![source.to_owned()];
        self.set("bots.default", &id)
    }

    /// A configuration file, below all that is set.
    pub(crate) fn file(mut self, text: &str) -> Self {
        self.file = Some(text.to_owned());
        self
    }

    /// One more bot, which answers nobody by itself.
    pub(crate) fn also(mut self, source: &str) -> Self {
        self.bots.push(source.to_owned());
        self
    }

    pub(crate) fn turn(mut self, turn: Arc<TurnFunction>) -> Self {
        self.turn = Some(turn);
        self
    }

    /// As in `dev`: callers from this machine need no credential.
    pub(crate) fn open(mut self) -> Self {
        self.open = true;
        self
    }

    pub(crate) fn stand_in(mut self, change: impl FnOnce(&mut simulator::Config)) -> Self {
        change(&mut self.stand_in);
        self
    }

    pub(crate) async fn start(self) -> World {
        let dir = tempfile::tempdir().unwrap();
        let sim = Simulator::start(self.stand_in.clone()).await.unwrap();
        let handle = sim.handle();
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let clock = self.clock.clone();
        let mut world = World {
            setup: self,
            dir,
            sim,
            handle,
            http,
            clock,
            server: None,
            next_id: AtomicU64::new(1),
            told: Arc::default(),
        };
        if let Some(text) = &world.setup.file {
            world.write_file(text);
        }
        world.start_server().await;
        world
    }
}

pub(crate) struct World {
    setup: Setup,
    dir: TempDir,
    sim: simulator::Running,
    pub(crate) handle: Handle,
    pub(crate) http: reqwest::Client,
    pub(crate) clock: Arc<AdjustableClock>,
    server: Option<Running>,
    next_id: AtomicU64,
    told: Arc<Mutex<Vec<String>>>,
}

impl World {
    pub(crate) async fn start() -> Self {
        Setup::default().start().await
    }

    pub(crate) async fn start_server(&mut self) {
        self.server = Some(self.try_start().await.unwrap());
        self.handle.set_webhook_url(&self.webhook_url());
    }

    /// One more server over the same store.
    pub(crate) async fn try_start(&self) -> Result<Running, StartError> {
        let clock: Arc<dyn Clock> = self.clock.clone();
        let bots = match self.setup.settings.get("bots.dir") {
            Some(dir) => parlance::bots::read_dir(Path::new(dir)).unwrap(),
            None => self.setup.bots.iter().map(|source| read_bot(source)).collect(),
        };
        let mut given = Given::new(clock, bots);
        let told = self.told.clone();
        given.tell = Arc::new(move |line| told.lock().unwrap().push(line.to_owned()));
        given.open_admin = self.setup.open;
        if let Some(turn) = &self.setup.turn {
            given.turn = turn.clone();
        }
        let (settings, file) = (self.settings(), self.file());
        given.reread = Some(Arc::new(move |draft| load(settings.clone(), &file, draft)));
        server::start(&self.config(), given).await
    }

    /// Changes the configuration file.
    pub(crate) fn write_file(&self, text: &str) {
        std::fs::write(self.file(), text).unwrap();
    }

    fn file(&self) -> PathBuf {
        self.dir.path().join("config.toml")
    }

    fn config(&self) -> Config {
        load(self.settings(), &self.file(), Draft::File).unwrap_or_else(|errors| panic!("{errors}"))
    }

    fn settings(&self) -> BTreeMap<String, String> {
        let store = self.dir.path().join("parlance.redb").display().to_string();
        let media = self.dir.path().join("media").display().to_string();
        let base_url = self.handle.base_url();
        let mut keys: BTreeMap<String, String> = [
            ("server.listen", "127.0.0.1:0"),
            ("admin.listen", "127.0.0.1:0"),
            ("admin.token", ADMIN_TOKEN),
            ("whatsapp.phone_number_id", NUMBER),
            ("whatsapp.access_token", ACCESS_TOKEN),
            ("whatsapp.app_secret", SECRET),
            ("whatsapp.webhook_verify_token", VERIFY_TOKEN),
            ("limits.messages_per_second", "0"),
            ("limits.pair_interval", "0"),
            ("graph.base_url", &base_url),
            ("store.path", &store),
            ("media.dir", &media),
            ("media.min_free_bytes", "0"),
        ]
        .into_iter()
        .map(|(key, value)| (key.into(), value.into()))
        .collect();
        keys.extend(self.setup.settings.clone());
        keys
    }

    /// The lines that the server told about bot files, in order.
    pub(crate) fn told(&self) -> Vec<String> {
        self.told.lock().unwrap().clone()
    }

    /// Changes a setting for the next start.
    pub(crate) fn set(&mut self, key: &str, value: &str) {
        self.setup.settings.insert(key.into(), value.into());
    }

    /// Changes the bot for the next start.
    pub(crate) fn use_bot(&mut self, source: &str) {
        self.setup.bots = vec![source.to_owned()];
    }

    /// Drains the server; the store stays.
    pub(crate) async fn stop_server(&mut self) {
        if let Some(server) = self.server.take() {
            server.drain(super::PATIENCE).await.unwrap();
        }
    }

    /// Drains the server and starts another one over the same store.
    pub(crate) async fn restart(&mut self) {
        self.stop_server().await;
        self.start_server().await;
    }

    /// Ends everything in order.
    pub(crate) async fn end(mut self) {
        self.stop_server().await;
        self.sim.stop().await;
    }

    pub(crate) fn server(&self) -> &Running {
        self.server.as_ref().expect("the server runs")
    }

    pub(crate) fn now_ms(&self) -> u64 {
        self.clock.now_ms()
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.server().front)
    }

    pub(crate) fn webhook_url(&self) -> String {
        self.url(WEBHOOK_PATH)
    }

    /// A message id that was not given out before.
    pub(crate) fn wamid(&self) -> String {
        format!("wamid.it{}", self.next_id.fetch_add(1, Ordering::Relaxed))
    }

    /// Posts a body as Meta does; the status of the answer.
    pub(crate) async fn post(&self, body: impl Into<Vec<u8>>) -> StatusCode {
        let body = body.into();
        let signature = signature(SECRET, &body);
        self.post_signed(body, Some(&signature)).await.status()
    }

    /// Posts a body with this signature header, or with none.
    pub(crate) async fn post_signed(&self, body: impl Into<Vec<u8>>, signature: Option<&str>) -> Response {
        let mut request = self.http.post(self.webhook_url()).header("content-type", "application/json");
        if let Some(signature) = signature {
            request = request.header("x-hub-signature-256", signature);
        }
        request.body(body.into()).send().await.unwrap()
    }

    /// A person writes a text, now; the id of the message.
    pub(crate) async fn write(&self, from: &str, words: &str) -> String {
        let wamid = self.wamid();
        let body = super::body(&[text(from, &wamid, self.now_ms(), words)]);
        assert_eq!(self.post(body).await, 200);
        wamid
    }

    /// What the stand-in accepted, in order.
    pub(crate) fn accepted(&self) -> Vec<LedgerRow> {
        self.handle.ledger().unwrap().rows
    }

    /// What the stand-in accepted for a person, in order.
    pub(crate) fn replies(&self, person: &str) -> Vec<String> {
        let rows = self.accepted().into_iter().filter(|row| &*row.person == person);
        rows.map(|row| row.text.into_string()).collect()
    }

    /// The replies to a person once there are `count`.
    pub(crate) async fn wait_replies(&self, person: &str, count: usize) -> Vec<String> {
        let what = format!("{count} replies to {person}, there are {:?}", self.replies(person));
        until(&what, async || Some(self.replies(person)).filter(|replies| replies.len() >= count)).await
    }

    /// Moves the clock in steps until there are so many replies.
    pub(crate) async fn advance_until_replies(&self, step_ms: u64, person: &str, count: usize) -> Vec<String> {
        until(&format!("{count} replies to {person} as time goes by"), async || {
            let replies = self.replies(person);
            if replies.len() < count {
                self.clock.advance(step_ms);
            }
            Some(replies).filter(|replies| replies.len() >= count)
        })
        .await
    }

    /// Messages that were sent so far, oldest first.
    pub(crate) fn calls(&self) -> Vec<Arc<LoggedRequest>> {
        self.calls_of("/messages")
    }

    /// Graph calls with this in their path so far, oldest first.
    pub(crate) fn calls_of(&self, path: &str) -> Vec<Arc<LoggedRequest>> {
        let mut calls = self.handle.requests(&Filter { path: Some(path.into()), ..Filter::default() });
        calls.reverse();
        calls
    }

    /// Messages that were sent once there are `count`.
    pub(crate) async fn wait_calls(&self, count: usize) -> Vec<Arc<LoggedRequest>> {
        until(&format!("{count} Graph calls"), async || Some(self.calls()).filter(|calls| calls.len() >= count)).await
    }

    pub(crate) fn trouble(&self, rules: Vec<Rule>) {
        self.handle.set_trouble(Trouble { rules, ..Trouble::default() }).unwrap();
    }

    /// Asks the admin port with the token.
    pub(crate) async fn admin_raw(&self, path: &str) -> Response {
        let url = format!("http://{}{path}", self.server().admin);
        self.http.get(url).bearer_auth(ADMIN_TOKEN).send().await.unwrap()
    }

    /// Where the admin port is.
    pub(crate) fn admin_url(&self) -> String {
        format!("http://{}", self.server().admin)
    }

    /// Another request to the admin port, with the token.
    pub(crate) fn admin_call(&self, method: reqwest::Method, path: &str) -> reqwest::RequestBuilder {
        let url = format!("http://{}{path}", self.server().admin);
        self.http.request(method, url).bearer_auth(ADMIN_TOKEN)
    }

    /// The status and the JSON of a POST to the admin port.
    pub(crate) async fn admin_post(&self, path: &str, body: &Value) -> (u16, Value) {
        let answer = self.admin_call(reqwest::Method::POST, path).json(body).send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    /// The folder of the test: store and files.
    pub(crate) fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// The JSON of a path of the admin port that answers 200.
    pub(crate) async fn admin(&self, path: &str) -> Value {
        let answer = self.admin_raw(path).await;
        let (status, text) = (answer.status(), answer.text().await.unwrap());
        assert_eq!(status, 200, "{path}: {text}");
        serde_json::from_str(&text).unwrap()
    }

    /// The items of a list of the admin port.
    pub(crate) async fn items(&self, path: &str) -> Vec<Value> {
        self.admin(path).await["items"].as_array().unwrap().clone()
    }

    /// The items of a list once there are `count`.
    pub(crate) async fn wait_items(&self, path: &str, count: usize) -> Vec<Value> {
        until(&format!("{count} items at {path}"), async || {
            Some(self.items(path).await).filter(|items| items.len() >= count)
        })
        .await
    }

    /// The conversation of a person, once it is there.
    pub(crate) async fn conversation(&self, person: &str) -> Value {
        self.wait_items(&format!("/api/v1/conversations?phone={person}"), 1).await.remove(0)
    }

    /// The messages of a person's conversation, newest first.
    pub(crate) async fn messages(&self, person: &str) -> Vec<Value> {
        let id = self.conversation(person).await["id"].as_str().unwrap().to_owned();
        self.items(&format!("/api/v1/conversations/{id}/messages?limit=200")).await
    }

    /// Waits until nothing accepted waits for its turn.
    pub(crate) async fn wait_consumed(&self) {
        until("an empty inbox", async || (self.server().store().stats().inbox == 0).then_some(())).await;
    }

    /// The value of a metric, by its whole name with labels as they are printed; 0 if it is not there.
    pub(crate) async fn metric(&self, name: &str) -> f64 {
        let page = self.admin_raw("/metrics").await.text().await.unwrap();
        let line = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.map_or(0.0, |value| value.parse().unwrap())
    }
}

fn read_bot(source: &str) -> BotFile {
    let yaml = !source.trim_start().starts_with('{');
    let (name, format) = if yaml { ("test.yaml", chatbot::Format::Yaml) } else { ("test.json", chatbot::Format::Json) };
    let loaded = chatbot::load(source, name, format);
    BotFile { path: name.into(), source: source.into(), loaded, flows: Default::default() }
}

/// The configuration of a file, below what is set.
fn load(settings: BTreeMap<String, String>, file: &Path, draft: Draft) -> Result<Config, Errors> {
    let text = match draft {
        Draft::File => std::fs::read_to_string(file).unwrap_or_default(),
        Draft::Text(text) => text,
    };
    let read_file = |path: &Path| std::fs::read_to_string(path);
    Config::load(Sources {
        file: Some(("config.toml".into(), text)),
        env: BTreeMap::new(),
        overrides: settings.into_iter().collect(),
        generated: Vec::new(),
        mode: Mode::Serve,
        read_file: &read_file,
    })
}
