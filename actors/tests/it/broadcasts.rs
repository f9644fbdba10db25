//! Broadcasts beside each other.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use actors::broadcast::{Broadcast, Broadcasts, Draft, NewPerson, Plan};
use serde_json::json;
use storage::Model;

use crate::support::*;

fn plan(people: impl Iterator<Item = u32>) -> Plan {
    let person = |n| NewPerson { to: phone(n), variables: BTreeMap::new() };
    let template = json!({ "type": "template", "template": { "name": "news", "language": { "code": "en" } } });
    let (name, number_id) = ("news".into(), NUMBER.into());
    let people = people.map(person).collect();
    Plan::of(Draft { name, number_id, message: template, people, rate: None, start_at_ms: None }).unwrap()
}

/// Everybody who is named, in order.
async fn named(broadcasts: &Broadcasts, broadcast: &Broadcast) -> Vec<String> {
    let (mut named, mut from) = (Vec::new(), Some(0));
    while let Some(at) = from {
        let page = broadcasts.results(&broadcast.id, None, at, 1_000).await.unwrap();
        named.extend(page.items.into_iter().map(|person| person.to.into()));
        from = page.next;
    }
    named
}

#[tokio::test(start_paused = true)]
async fn two_that_are_made_at_once_have_their_own_ids_and_people() {
    let flaky = Flaky::over(Model::new());
    let world = World { store: flaky.clone(), ..World::new() };
    let broadcasts = Broadcasts::load(Arc::new(world.start().await)).await.unwrap();
    flaky.documents_late_ms.store(5, Ordering::SeqCst);
    let create = |people| broadcasts.create(plan(people), "user:elif", false);
    let (one, other) = tokio::join!(create(1..4_501), create(5_001..5_301));
    let (one, other) = (one.unwrap(), other.unwrap());
    assert_ne!(one.id, other.id);
    assert_eq!(named(&broadcasts, &one).await, (1..4_501).map(phone).collect::<Vec<_>>());
    assert_eq!(named(&broadcasts, &other).await, (5_001..5_301).map(phone).collect::<Vec<_>>());
    assert_eq!(broadcasts.all().len(), 2);
}
