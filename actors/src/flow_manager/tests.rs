//! The flow manager opposite a Meta of a few lines, which can be killed at each call.

mod conflicts;
mod fake;
mod life;
mod operator;
mod stops;

use std::collections::BTreeSet;
use std::pin::Pin;
use std::sync::Arc;

use parking_lot::Mutex;
use storage::{Model, Store};
use whatsapp::graph::FlowStatus;

use super::*;
use crate::clock::AdjustableClock;
use crate::settings::Number;
use fake::Meta;

const ACCOUNT: &str = "300100200300400";
/// Another one of the business.
const OTHER: &str = "300100200300401";
const START_MS: u64 = 1_900_000_000_000;
const FIRST: &str = r#"{"version":"7.3","screens":[{"id":"DAY"}]}"#;
const SECOND: &str = r#"{"version":"7.3","screens":[{"id":"DAY"},{"id":"TIME"}]}"#;
const THIRD: &str = r#"{"version":"7.3","screens":[]}"#;

/// What the bots want, changed by tests.
#[derive(Default)]
struct Files(Mutex<Wanted>);

impl Wanting for Files {
    fn wanted(&self) -> Pin<Box<dyn Future<Output = Wanted> + Send + '_>> {
        let wanted = self.0.lock().clone();
        Box::pin(async move { wanted })
    }
}

/// What outlives a process: the store, Meta, the files, the time.
struct World {
    store: Arc<Model>,
    meta: Arc<Meta>,
    files: Arc<Files>,
    clock: Arc<AdjustableClock>,
    numbers: Vec<Number>,
}

impl World {
    fn new() -> Self {
        Self {
            store: Model::new(),
            meta: Meta::new(),
            files: Arc::default(),
            clock: Arc::new(AdjustableClock::starting_at(START_MS)),
            numbers: vec![number(ACCOUNT)],
        }
    }

    /// Another process begins over what there is.
    async fn start(&self) -> Arc<FlowManager> {
        let store: Arc<dyn Store> = self.store.reopen();
        let manager = FlowManager::load(FlowParts {
            store,
            clock: self.clock.clone(),
            meta: self.meta.clone(),
            numbers: self.numbers.clone().into(),
            interval_ms: 900_000,
            metrics: Arc::default(),
        })
        .await
        .unwrap();
        manager.attach(self.files.clone());
        manager
    }

    fn want(&self, flows: Vec<WantedFlow>) {
        self.files.0.lock().flows = flows;
    }

    /// Started, and what it wants is applied.
    async fn applied(flows: Vec<WantedFlow>) -> (Self, Arc<FlowManager>) {
        let world = Self::new();
        world.want(flows);
        let manager = world.start().await;
        let applied = manager.apply(ApplyOrder::default()).await.unwrap();
        assert!(applied.is_whole(), "{applied:?}");
        (world, manager)
    }
}

fn number(account: &str) -> Number {
    let token = secrecy::SecretString::from("token-of-tests").into();
    Number { id: format!("7008009001{account}").into(), account: account.into(), token, messages_per_second: None }
}

fn wanted(name: &str, json: Option<&str>) -> WantedFlow {
    WantedFlow {
        bot: "clinic".into(),
        local: "slots".into(),
        not_in: BTreeSet::new(),
        id: None,
        name: name.into(),
        categories: Some(vec![whatsapp::graph::FlowCategory::AppointmentBooking]),
        endpoint: Some("https://flows.example.org/flow-endpoint".into()),
        json: json.map(Into::into),
        origin: Some("bots/slots.json".into()),
    }
}

fn booking(json: &str) -> WantedFlow {
    wanted("booking", Some(json))
}

fn kinds(plan: &Plan) -> Vec<(&str, ItemKind)> {
    plan.items.iter().map(|item| (&*item.name, item.kind)).collect()
}

fn status(manager: &FlowManager, name: &str) -> Option<FlowStatus> {
    manager.standing(ACCOUNT, name)
}
