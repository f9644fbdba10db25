//! Messages and statuses with one member missing, added, or of another type: never a refusal, never a panic, never
//! the trouble of the message beside them.

use futures_util::stream::{self, StreamExt};
use serde_json::{Map, Value, json};

use super::{shapes, status_shapes};
use crate::support::compose::{status, value};
use crate::support::{ADA, BEN, Setup, World, message, person, text, until};

/// Values of every type, odd ones each.
fn odd() -> [Value; 10] {
    [
        json!(null),
        json!(true),
        json!(-7),
        json!(1.5e300),
        json!(""),
        json!("odd"),
        json!("\u{0}\u{202e}<b>"),
        json!([]),
        json!({}),
        json!([[7]]),
    ]
}

/// The place of every member in a tree.
fn places(value: &Value, here: &str, out: &mut Vec<String>) {
    let mut child = |step: String, child: &Value| {
        let place = format!("{here}/{step}");
        out.push(place.clone());
        places(child, &place, out);
    };
    match value {
        Value::Object(members) => members.iter().for_each(|(name, value)| child(name.clone(), value)),
        Value::Array(items) => items.iter().enumerate().for_each(|(at, value)| child(at.to_string(), value)),
        _ => {}
    }
}

fn remove(tree: &mut Value, place: &str) {
    let Some((parent, name)) = place.rsplit_once('/') else { return };
    match tree.pointer_mut(parent) {
        Some(Value::Object(members)) => drop(members.remove(name)),
        Some(Value::Array(items)) => items.clear(),
        _ => {}
    }
}

/// Each member missing, of every odd type, and with another one beside it.
fn mutants(whole: &Value) -> Vec<(String, Value)> {
    let mut all = Vec::new();
    let mut found = Vec::new();
    places(whole, "", &mut found);
    for place in found {
        let mut without = whole.clone();
        remove(&mut without, &place);
        all.push((format!("no {place}"), without));
        for odd in odd() {
            let mut other = whole.clone();
            *other.pointer_mut(&place).unwrap() = odd.clone();
            all.push((format!("{place} is {odd}"), other));
        }
        let mut more = whole.clone();
        if let Some(Value::Object(members)) = more.pointer_mut(&place) {
            members.insert("new_member".into(), json!({ "deep": [1, { "x": null }] }));
            all.push((format!("more in {place}"), more));
        }
    }
    all
}

/// Posts each mutant with a good message before it and behind it.
async fn post_all(world: &World, bodies: Vec<(String, Value)>) -> usize {
    let count = bodies.len();
    let posts = bodies.into_iter().enumerate().map(|(at, (label, mut content))| async move {
        let good = |side: &str| text(&person(at % 50), &format!("wamid.good{at}{side}"), world.now_ms(), "good");
        let messages = content["messages"].as_array_mut().unwrap();
        messages.insert(0, good("a"));
        messages.push(good("b"));
        assert_eq!(world.post(value(content)).await, 200, "{label}");
    });
    stream::iter(posts).buffer_unordered(16).collect::<Vec<_>>().await;
    2 * count
}

async fn assert_neighbours_are_answered(world: &World, good: usize) {
    let what = format!("{good} answers to good messages");
    until(&what, async || {
        let answered = |row: &simulator::LedgerRow| row.text.ends_with(": good");
        (world.accepted().iter().filter(|row| answered(row)).count() >= good).then_some(())
    })
    .await;
    // Meta refuses what goes to a sender like `true`; nothing else is given up.
    let letters = world.items("/api/v1/dead-letters?limit=200").await;
    let given_up: Vec<_> = letters.iter().filter(|letter| letter["kind"] != "outbound").collect();
    assert!(given_up.is_empty(), "{given_up:?}");
    world.write(BEN, "still here").await;
    world.wait_replies(BEN, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mutated_messages_are_acknowledged_and_cost_no_neighbour() {
    let world = Setup::default().stand_in(|stand_in| stand_in.log_requests = false).start().await;
    let mut bodies = Vec::new();
    for (at, (label, row, _)) in shapes::all().into_iter().enumerate() {
        let row = message(ADA, &format!("wamid.odd{at}"), world.now_ms(), row);
        let mutants = mutants(&row).into_iter();
        bodies.extend(mutants.map(|(how, row)| (format!("{label}: {how}"), json!({ "messages": [row] }))));
    }
    assert!(bodies.len() > 3_000, "{}", bodies.len());
    let good = post_all(&world, bodies).await;
    assert_neighbours_are_answered(&world, good).await;
    world.end().await;
}

#[tokio::test]
async fn mutated_contacts_and_values_are_acknowledged_and_cost_no_neighbour() {
    let world = World::start().await;
    let hello = text(ADA, "wamid.hello", world.now_ms(), "hello");
    let contact = json!({ "profile": { "name": "Ada", "username": "ada" }, "wa_id": ADA, "user_id": "GB.1",
        "parent_user_id": "GB.ENT.1", "identity_key_hash": "h" });
    let whole = json!({ "contacts": [contact], "errors": [{ "code": 131000, "title": "t", "error_data": { "details": "d" } }] });
    let with_message = |(how, mut content): (String, Value)| {
        content["messages"] = json!([hello]);
        (how, content)
    };
    let good = post_all(&world, mutants(&whole).into_iter().map(with_message).collect()).await;
    assert_neighbours_are_answered(&world, good).await;
    world.end().await;
}

#[tokio::test]
async fn mutated_statuses_are_acknowledged_and_cost_no_neighbour() {
    let world = World::start().await;
    world.write(ADA, "hello").await;
    world.wait_replies(ADA, 1).await;
    let sent = world.accepted().remove(0);
    let mut bodies = Vec::new();
    for (label, word, members) in status_shapes().into_iter().filter(|(_, word, _)| *word != "failed") {
        let mut element = status(&sent.wamid, &sent.callback_data, word, world.now_ms());
        element.as_object_mut().unwrap().extend(members.as_object().cloned().unwrap_or_else(Map::new));
        let mutants = mutants(&element).into_iter();
        bodies.extend(
            mutants.map(|(how, row)| (format!("{label}: {how}"), json!({ "messages": [], "statuses": [row] }))),
        );
    }
    let good = post_all(&world, bodies).await;
    assert_neighbours_are_answered(&world, good).await;
    world.end().await;
}
