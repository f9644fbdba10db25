//! People who are erased between being looked up and being written down.

use std::pin::Pin;

use serde_json::json;
use storage::Model;
use whatsapp::graph::{self, Accepted, CallError};

use super::*;
use crate::settings::Number;
use crate::{AdjustableClock, Bots, Setup, Transport, identity};

const NUMBER: &str = "700800900100200";
const ADA: &str = "447700900123";
const BEN: &str = "447700900124";
const CY: &str = "447700900125";
const START_MS: u64 = 1_900_000_000_000;

/// Nothing leaves.
struct Cut;

impl Transport for Cut {
    fn send<'a>(
        &'a self,
        _: &'a Number,
        _: Vec<u8>,
    ) -> Pin<Box<dyn Future<Output = Result<Accepted, graph::Error>> + Send + 'a>> {
        Box::pin(async { Err(graph::Error::Ambiguous("composed".into())) })
    }

    fn mark_read<'a>(
        &'a self,
        _: &'a Number,
        _: &'a str,
        _: bool,
    ) -> Pin<Box<dyn Future<Output = Result<(), CallError>> + Send + 'a>> {
        Box::pin(async { Ok(()) })
    }
}

async fn broadcasts() -> (Arc<Broadcasts>, Arc<AdjustableClock>) {
    let (model, clock) = (Model::new(), Arc::new(AdjustableClock::starting_at(START_MS)));
    let setup = Setup {
        outlet: crate::outlet::Outlet::closed(model.clone(), clock.clone(), Arc::default()),
        clock: clock.clone(),
        bots: Arc::new(Bots::new("test")),
        turn: Arc::new(chatbot::turn),
        numbers: vec![Number {
            id: NUMBER.into(),
            account: "".into(),
            token: "token".to_owned().into(),
            messages_per_second: None,
        }]
        .into(),
        transport: Arc::new(Cut),
        conversations: crate::ConversationSettings::default(),
        sender: crate::SenderSettings::default(),
        tombs: Arc::new(crate::erasure::Tombs::load(&*model, 0).await.unwrap()),
        http: crate::http_caller::HttpParts {
            fetch: Arc::new(crate::http_caller::WebFetch::new(Default::default()).unwrap()),
            secrets: Default::default(),
            settings: Default::default(),
        },
        categories: Arc::new(|_, _, _| None),
        flows: Arc::new(|_, _| None),
        media_wanted: Arc::default(),
        metrics: Arc::default(),
        store: model,
    };
    (Broadcasts::load(Arc::new(Engine::start(setup).await.unwrap())).await.unwrap(), clock)
}

fn plan(named_ms: u64) -> Plan {
    let person =
        |to: &str| NewPerson { to: to.into(), variables: BTreeMap::from([("name".into(), "Somebody".into())]) };
    let message = json!({ "type": "template", "template": { "name": "news", "language": { "code": "en" } } });
    let people = [ADA, BEN, CY].map(person).into();
    let (name, number_id) = ("news".into(), NUMBER.into());
    Plan::of(Draft { name, number_id, message, people, rate: None, start_at_ms: None, named_ms }).unwrap()
}

fn bury(broadcasts: &Broadcasts, who: &str, at_ms: u64) {
    broadcasts.engine.deps().tombs.bury(&[identity::phone_alias(who)], at_ms, false);
}

#[tokio::test(start_paused = true)]
async fn who_was_erased_after_being_looked_up_is_not_written_down_and_who_was_named_anew_is() {
    let (broadcasts, clock) = broadcasts().await;
    bury(&broadcasts, CY, START_MS - 1);
    let planned = plan(START_MS);
    bury(&broadcasts, ADA, START_MS + 5);
    clock.advance(10_000);
    let made = broadcasts.create(planned, "user:elif", false).await.unwrap();
    assert_eq!((made.people, made.named_ms), (3, START_MS));
    let people = broadcasts.people(&made.id, 0).await.unwrap();
    let told: Vec<_> = people.iter().map(|person| (&*person.to, person.variables.len(), &person.skip)).collect();
    assert_eq!(told[0], ("", 0, &Some(record::Skip::erased())));
    assert_eq!(told[1..], [(BEN, 1, &None), (CY, 1, &None)]);
}

#[tokio::test(start_paused = true)]
async fn when_a_turn_comes_who_was_erased_since_they_were_looked_up_counts_as_erased() {
    let (broadcasts, clock) = broadcasts().await;
    let planned = plan(START_MS);
    clock.advance(10_000);
    let made = broadcasts.create(planned, "user:elif", false).await.unwrap();
    let people = broadcasts.people(&made.id, 0).await.unwrap();
    // Their tombstone is of before the broadcast was kept.
    bury(&broadcasts, ADA, START_MS + 5);
    assert!(START_MS + 5 < made.created_ms);
    broadcasts.start(&made.id, "started").await.unwrap();
    let running = tokio::spawn(broadcasts.clone().run());
    let mut changes = broadcasts.changes();
    while broadcasts.get(&made.id).unwrap().next < 3 {
        changes.changed().await.unwrap();
    }
    running.abort();
    let skipped = broadcasts.results(&made.id, Some(Standing::Skipped), 0, 10).await.unwrap();
    let why: Vec<_> = skipped.items.iter().map(|person| (person.place, person.reason.as_deref())).collect();
    assert_eq!(why, [(1, Some("erased"))]);
    assert_eq!(people.len(), 3);
}
