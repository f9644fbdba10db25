//! Endpoints that answer as a test says, over an engine with the real bot function.

use std::collections::BTreeSet;
use std::pin::Pin;
use std::sync::Arc;

use actors::Clock;
use actors::outlet::{
    Answer, EndpointSettings, Keys, Outlet, OutletParts, OutletSettings, Posted, Poster, Posting, Types,
};
use chatbot::Format;
use parking_lot::Mutex;
use serde_json::Value;
use tokio::task::JoinHandle;
use url::Url;

use crate::support::*;

/// What an endpoint does; `None` never answers.
type Script = dyn Fn(&Posting) -> Option<Posted> + Send + Sync;

/// All endpoints, told apart by the host of their address.
pub(super) struct Endpoints {
    clock: Arc<dyn Clock>,
    script: Mutex<Box<Script>>,
    got: Mutex<Vec<(u64, Posting)>>,
    under_way: Mutex<(usize, usize)>,
}

impl Endpoints {
    pub(super) fn new(world: &World) -> Arc<Self> {
        Arc::new(Self {
            clock: world.clock.clone(),
            script: Mutex::new(Box::new(|_| status(200))),
            got: Mutex::default(),
            under_way: Mutex::default(),
        })
    }

    pub(super) fn answer(&self, script: impl Fn(&Posting) -> Option<Posted> + Send + Sync + 'static) {
        *self.script.lock() = Box::new(script);
    }

    /// What an endpoint got, with the times.
    pub(super) fn got(&self, name: &str) -> Vec<(u64, Posting)> {
        let of = |posting: &Posting| posting.url.host_str() == Some(name);
        self.got.lock().iter().filter(|(_, posting)| of(posting)).cloned().collect()
    }

    /// The types of what an endpoint got, in order.
    pub(super) fn types(&self, name: &str) -> Vec<String> {
        self.got(name).iter().map(|(_, posting)| body(posting)["type"].as_str().unwrap().to_owned()).collect()
    }

    pub(super) fn ids(&self, name: &str) -> BTreeSet<Box<str>> {
        self.got(name).into_iter().map(|(_, posting)| posting.id).collect()
    }

    /// Requests under way at once, at the most.
    pub(super) fn most_under_way(&self) -> usize {
        self.under_way.lock().1
    }
}

pub(super) fn status(status: u16) -> Option<Posted> {
    Some(Ok(Answer { status, ..Answer::default() }))
}

pub(super) fn body(posting: &Posting) -> Value {
    serde_json::from_slice(&posting.body).unwrap()
}

impl Poster for Endpoints {
    fn post(&self, posting: Posting) -> Pin<Box<dyn Future<Output = Posted> + Send + '_>> {
        Box::pin(async move {
            self.got.lock().push((self.clock.now_ms(), posting.clone()));
            {
                let mut counts = self.under_way.lock();
                counts.0 += 1;
                counts.1 = counts.1.max(counts.0);
            }
            let answer = (self.script.lock())(&posting);
            pause(20).await;
            let posted = match answer {
                Some(posted) => posted,
                None => std::future::pending().await,
            };
            self.under_way.lock().0 -= 1;
            posted
        })
    }
}

pub(super) fn endpoint(name: &str, types: &[&str]) -> EndpointSettings {
    EndpointSettings {
        name: name.into(),
        url: Url::parse(&format!("http://{name}/hook")).unwrap(),
        types: Types::parse(types.iter().copied()).unwrap(),
        keys: Keys::parse(&"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".into()).unwrap(),
    }
}

/// Tells of each message, and fails at those that begin with `bad`.
pub(super) const TELLS: &str = "parlance: 1\nid: test\ntriggers: [ { default: {}, to: tell } ]\nnodes:\n  \
    tell: { type: emit, event: seen, data: { text: \"{{ input.text }}\" }, next: { next: which } }\n  \
    which: { type: branch, cases: [ { when: \"input.text is startingwith 'bad'\", to: bad } ], else: answer }\n  \
    bad: { type: say, messages: [ { text: \"{{ 'x' * 5000 }}\" } ], next: { next: fin } }\n  \
    answer: { type: say, messages: [ { text: \"seen {{ input.text }}\" } ], next: { next: fin } }\n  \
    fin: { type: end, reason: done, result: \"{{ input.text }}\" }\n";

pub(super) fn world(bot: &str) -> World {
    world_over(World::new(), bot)
}

pub(super) fn world_over(world: World, bot: &str) -> World {
    let world = World { turn: Arc::new(chatbot::turn), ..world };
    let loaded = chatbot::load(bot, "one.yaml", Format::Yaml);
    world.bots.put_live(Arc::new(loaded.bot.unwrap_or_else(|| panic!("{:?}", loaded.diagnostics))));
    world
}

/// Opens the outlet of a world anew, as a start does, and delivers.
pub(super) async fn open(world: &mut World, to: &Arc<Endpoints>, endpoints: Vec<EndpointSettings>) -> JoinHandle<()> {
    open_with(world, to, endpoints, OutletSettings::default()).await
}

pub(super) async fn open_with(
    world: &mut World,
    to: &Arc<Endpoints>,
    endpoints: Vec<EndpointSettings>,
    settings: OutletSettings,
) -> JoinHandle<()> {
    world.outlet = Outlet::load(OutletParts {
        settings,
        endpoints,
        store: world.store.clone(),
        clock: world.clock.clone(),
        poster: to.clone(),
        metrics: world.metrics.clone(),
    })
    .await
    .unwrap();
    tokio::spawn(world.outlet.clone().run())
}

/// Lets time go by, with everything that is due in it.
pub(super) async fn hours(world: &World, hours: u64) {
    let end_ms = world.clock.now_ms() + hours * 3_600_000;
    world.clock.wait_until(end_ms).await;
}
