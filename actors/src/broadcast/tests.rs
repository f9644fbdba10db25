//! People who are erased between being looked up and being written down.

use serde_json::json;
use storage::Model;

use super::*;
use crate::testing::{Cut, NUMBER, START_MS, setup};
use crate::{AdjustableClock, identity};

const ADA: &str = "447700900123";
const BEN: &str = "447700900124";
const CY: &str = "447700900125";

async fn broadcasts() -> (Arc<Broadcasts>, Arc<AdjustableClock>) {
    let (model, clock) = (Model::new(), Arc::new(AdjustableClock::starting_at(START_MS)));
    let setup = setup(model, clock.clone(), Arc::new(Cut::default())).await;
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
