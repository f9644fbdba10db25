//! One person under several ids, two conversations that turn out to be of one person, and numbers that change hands.

mod crash;
mod ids;
mod numbers;
mod parts;
mod tags;

use actors::{identity, view};
use chatbot::{Given, Input, Snapshot, Turn};
use serde_json::{Value, json};
use storage::{Accept, ConversationId, Page, Partition, Store};
use whatsapp::webhook::Received;

use crate::support::*;

/// A message under these ids.
fn by(wamid: &str, wa_id: Option<&str>, user_id: Option<&str>, rest: &Value) -> Received {
    let mut received = received(wamid, 1, "");
    let mut message = json!({ "id": wamid, "timestamp": (START_MS / 1_000).to_string() });
    message.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
    for (name, id) in [("from", wa_id), ("from_user_id", user_id)] {
        message[name] = json!(id);
    }
    received.message = serde_json::value::to_raw_value(&message).unwrap();
    (received.from, received.from_user_id) = (wa_id.map(Into::into), user_id.map(Into::into));
    received
}

fn said(wamid: &str, wa_id: Option<&str>, user_id: Option<&str>, text: &str) -> Received {
    by(wamid, wa_id, user_id, &json!({ "type": "text", "text": { "body": text } }))
}

/// The person had `from` and has `to` now.
fn changed_number(wamid: &str, from: &str, to: &str) -> Received {
    let system = json!({ "type": "user_changed_number", "wa_id": to, "body": format!("from {from} to {to}") });
    by(wamid, Some(from), None, &json!({ "type": "system", "system": system }))
}

async fn accept(world: &World, messages: &[Received]) {
    for message in messages {
        let row = actors::inbound(message, actors::Clock::now_ms(&*world.clock));
        world.store.append(vec![Accept::Message(row)]).await.unwrap();
    }
}

/// A bot whose run counts its messages; a new run begins at 1.
fn counting(world: World) -> World {
    let bot = bot("one");
    World {
        turn: std::sync::Arc::new(move |_, before: &Snapshot, input: &Input, given: &Given<'_>| {
            let Input::Message(message) = input else {
                return Ok(Turn { after: before.clone(), effects: Vec::new(), trace: Vec::new(), changed: false });
            };
            if message.kind != "text" {
                return Ok(Turn { after: before.clone(), effects: Vec::new(), trace: Vec::new(), changed: true });
            }
            let number = before.variables()["count"].as_u64().unwrap_or_default() + 1;
            let mut after = serde_json::to_value(waiting(&bot, None)).unwrap();
            after["run"]["vars"] = json!({ "count": number });
            let after = serde_json::from_value(after).unwrap();
            let to = given.contact.wa_id.is_some();
            let effects = texts(vec![format!("{number} {} {to}", message.text)]);
            Ok(Turn { after, effects, trace: Vec::new(), changed: true })
        }),
        ..world
    }
}

/// Every conversation that is not a part of another.
async fn conversations(store: &dyn Store) -> Vec<view::ConversationView> {
    let all = store.conversations(None, Page { cursor: None, limit: 100 }).await.unwrap();
    let views = all.items.iter().map(|(id, head)| view::conversation(*id, head).unwrap().0);
    views.filter(|view| view.merged_into.is_none()).collect()
}

/// The ids of the inbound messages of a conversation and of its parts, as they were taken.
async fn taken(store: &dyn Store, id: &str) -> Vec<String> {
    let id: ConversationId = id.parse().unwrap();
    let links = view::links(id, &store.load(id).await.unwrap().unwrap()).unwrap();
    let mut taken = Vec::new();
    for part in links.absorbed.into_iter().chain([id]) {
        let mut entries = store.history(part, Page { cursor: None, limit: 100 }).await.unwrap().items;
        entries.reverse();
        for entry in &entries {
            let messages = view::messages(entry, |_| None).unwrap();
            taken.extend(messages.into_iter().filter_map(|message| message.wamid).map(String::from));
        }
    }
    taken
}

/// The texts that left, in order.
fn sent(world: &World) -> Vec<String> {
    world.graph.requests().into_iter().map(|request| request.text).collect()
}

/// The conversations that a phone number is found by.
async fn found(store: &dyn Store, phone: &str) -> Vec<String> {
    let contacts = view::contacts_of_phone(store, phone).await.unwrap();
    let id = |contact| identity::conversation_id(&Partition(NUMBER.into()), contact);
    let mut found = Vec::new();
    for id in contacts.into_iter().map(id) {
        let Some(head) = store.load(id).await.unwrap() else { continue };
        let into = view::links(id, &head).unwrap().merged_into;
        found.push(into.unwrap_or(id).to_string());
    }
    found
}
