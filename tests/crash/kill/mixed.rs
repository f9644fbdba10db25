//! What goes on beside the crowd: people who fill forms, people whose timers run out, staff who take over and hand back, and
//! somebody who publishes.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;
use whatsapp::flow::FlowKey;

use super::{desk, forms, timers};
use crate::support::{Evidence, Heard, World, seed_visit};
use crate::versions::{Known, is_whole, publish};

const FORM_PEOPLE: u32 = 3;
const TIMER_PEOPLE: u32 = 10;
const DESK_PEOPLE: u32 = 4;
/// Versions that are looked into after a start.
const LOOKS: usize = 2;
const PUBLISH_EVERY: Duration = Duration::from_millis(400);

/// What each of them knows.
pub(super) struct Part {
    pub(super) world: Arc<World>,
    pub(super) key: Arc<FlowKey>,
    pub(super) person: String,
    pub(super) random: StdRng,
    stop: Arc<AtomicBool>,
}

impl Part {
    pub(super) fn goes_on(&self) -> bool {
        !self.stop.load(Ordering::Relaxed)
    }

    /// Says something until it is taken.
    pub(super) async fn says(&self, text: &str, number: u32) {
        let wamid = format!("wamid.{}.{number}", self.person);
        self.world.deliver(&self.world.texts(&[(self.person.clone(), wamid, text.into())])).await;
    }

    /// Lets some time of the load go by.
    pub(super) async fn waits(&mut self, ms: std::ops::Range<u64>) {
        let long = Duration::from_millis(self.random.random_range(ms));
        tokio::time::interval_at(tokio::time::Instant::now() + long, long).tick().await;
    }
}

/// All of it while it goes on.
pub(super) struct Mixed {
    world: Arc<World>,
    stop: Arc<AtomicBool>,
    forms: JoinSet<forms::Filled>,
    timers: JoinSet<timers::Asked>,
    desk: JoinSet<desk::Answered>,
    known: Arc<Mutex<Known>>,
    publisher: Option<(JoinHandle<()>, CancellationToken)>,
    versions: usize,
}

/// What came of it.
#[derive(Debug)]
pub(super) struct Outcome {
    forms: u32,
    late: u32,
    in_time: u32,
    takeovers: usize,
    /// Messages that Meta took while a person had the conversation, because a process had sent them that was killed.
    under_way_at_takeover: usize,
    versions: usize,
}

impl fmt::Display for Outcome {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { forms, late, in_time, takeovers, under_way_at_takeover, versions } = self;
        write!(out, "forms {forms}, timers {late}, answers in time {in_time}, takeovers {takeovers}, ")?;
        write!(out, "under way at a takeover {under_way_at_takeover}, versions {versions}")
    }
}

impl Outcome {
    /// Whether so many kills met enough of everything.
    pub(super) fn is_rich(&self, kills: u32) -> bool {
        let [forms, takeovers] = [self.forms as usize, self.takeovers];
        let least = [forms, takeovers, self.late as usize, self.in_time as usize, self.versions].into_iter().min();
        // A takeover that most kills explain shows nothing.
        least >= Some(kills as usize / 4) && 4 * self.under_way_at_takeover <= takeovers
    }
}

/// A world with a bot for all of them.
pub(super) async fn world() -> (Arc<World>, Arc<FlowKey>) {
    let mut world = World::with(seed_visit).await;
    let key = FlowKey::generate().expect("a key");
    world.place.set("WHATSAPP_FLOW_PRIVATE_KEY", key.private_pem().expose_secret());
    std::fs::write(world.place.path().join("bots/echo.json"), bot(0)).expect("a bot file");
    (Arc::new(world), Arc::new(key))
}

/// Echoes, opens a form, or asks with little patience; another version for each number.
fn bot(n: u64) -> String {
    let say = |text: &str| json!({ "type": "say", "messages": [{ "text": text }], "next": { "next": "fin" } });
    let keyword = |word: &str| json!({ "keyword": { "any": [word], "match": "exact" }, "to": word });
    json!({
        "parlance": 1, "id": "echo", "title": format!("number {n}"),
        "vars": { "visit": { "type": "object" }, "said": { "type": "text", "default": "" } },
        "triggers": [keyword("form"), keyword("timer"), { "default": {}, "to": "echo" }],
        "nodes": {
            "echo": say("echo {{ input.text }}"),
            "form": { "type": "flow", "flow": "visit", "prompt": "When?", "cta": "Choose", "entry": "data_exchange",
                "save": "visit", "next": { "done": "booked", "expired": "fin" } },
            "booked": say("booked {{ visit.slot }}"),
            "timer": { "type": "ask", "prompt": "What?", "save": "said", "timeout": timers::PATIENCE,
                "next": { "ok": "in_time", "timeout": "late" } },
            "in_time": say(timers::IN_TIME),
            "late": say(timers::LATE),
            "fin": { "type": "end", "reason": "done" },
        },
        "flows": { "visit": { "json": clinic(), "on": forms::handlers() } },
    })
    .to_string()
}

fn clinic() -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("chatbot/testdata/flows/json/clinic.json");
    let text = std::fs::read_to_string(path).expect("the Flow");
    serde_json::from_str(&text).expect("JSON")
}

impl Mixed {
    pub(super) fn start(world: &Arc<World>, key: &Arc<FlowKey>, seed: u64) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let part = |kind: u32, number: u32| Part {
            world: world.clone(),
            key: key.clone(),
            person: format!("999{kind}000{number:04}"),
            random: StdRng::seed_from_u64(seed + u64::from(kind * 1_000 + number)),
            stop: stop.clone(),
        };
        Self {
            world: world.clone(),
            forms: (0..FORM_PEOPLE).map(|n| forms::fill(part(1, n))).collect(),
            timers: (0..TIMER_PEOPLE).map(|n| timers::ask(part(2, n))).collect(),
            desk: (0..DESK_PEOPLE).map(|n| desk::answer(part(3, n))).collect(),
            stop,
            known: Arc::new(Mutex::new(Known::of(bot))),
            publisher: None,
            versions: 0,
        }
    }

    /// After every start: what was published is there, and publishing goes on.
    pub(super) async fn started(&mut self) {
        self.stop_publishing().await;
        let mut known = self.known.lock().clone();
        self.versions = is_whole(&self.world, &mut known, LOOKS).await;
        *self.known.lock() = known;
        let stop = CancellationToken::new();
        let publisher = publish(self.world.clone(), self.known.clone(), PUBLISH_EVERY, stop.clone());
        self.publisher = Some((tokio::spawn(publisher), stop));
    }

    async fn stop_publishing(&mut self) {
        let Some((publisher, stop)) = self.publisher.take() else { return };
        stop.cancel();
        publisher.await.expect("nothing else was answered than what was asked");
    }

    /// Comes to its end, with the program up.
    pub(super) async fn stop(mut self) -> Ended {
        self.stop_publishing().await;
        self.stop.store(true, Ordering::Relaxed);
        let (forms, desk) = (self.forms.join_all().await, self.desk.join_all().await);
        let timers = self.timers.join_all().await;
        timers::run_out(&self.world, &timers).await;
        Ended { forms, timers, desk, versions: self.versions }
    }
}

/// What everybody knows at the end.
pub(super) struct Ended {
    forms: Vec<forms::Filled>,
    timers: Vec<timers::Asked>,
    desk: Vec<desk::Answered>,
    versions: usize,
}

impl Ended {
    /// Compares it with what the stand-in saw.
    pub(super) fn check(&self, evidence: &Evidence, heard: &mut Heard) -> Outcome {
        let forms = self.forms.iter().map(|filled| filled.check(&heard.take(&filled.person))).sum();
        let timers: Vec<_> = self.timers.iter().map(|asked| asked.check(&heard.take(&asked.person))).collect();
        let taken = evidence.taken();
        let desk =
            self.desk.iter().map(|answered| answered.check(&heard.take(&answered.person), &taken, &evidence.kills));
        Outcome {
            forms,
            late: timers.iter().map(|(late, _)| late).sum(),
            in_time: timers.iter().map(|(_, in_time)| in_time).sum(),
            under_way_at_takeover: desk.sum(),
            takeovers: self.desk.iter().map(|answered| answered.spans.len()).sum(),
            versions: self.versions,
        }
    }
}
