//! The event stream: what happens is told in order, once, over restarts, to those who may hear it.

use serde_json::Value;

use crate::support::sse::{Event, Events};
use crate::support::{ADA, BEN, PATIENCE, POLL, World, until};

async fn open(world: &World, query: &str, after: Option<&str>) -> Events {
    let request = world.admin_call(reqwest::Method::GET, &format!("/api/v1/events{query}"));
    let mut events = Events::open(request, after).await.unwrap();
    let hello = events.next().await.unwrap();
    assert_eq!(hello.kind, "hello");
    assert_eq!(hello.id.is_none(), after.is_some() || query.contains("after="));
    events
}

async fn heard(events: &mut Events, count: usize) -> Vec<Event> {
    let mut heard = Vec::new();
    while heard.len() < count {
        heard.push(events.next().await.unwrap());
    }
    heard
}

fn kinds(events: &[Event]) -> Vec<&str> {
    events.iter().map(|event| &*event.kind).collect()
}

#[tokio::test]
async fn a_message_and_its_reply_are_told_with_ids_and_states_and_without_words() {
    let world = World::start().await;
    let mut events = open(&world, "?topics=conversations,messages,outbox", None).await;
    world.write(ADA, "secret words").await;
    let mut all = Vec::new();
    while all.iter().all(|event: &Event| event.kind != "message.status") {
        all.push(events.next().await.unwrap());
    }
    assert_eq!(kinds(&all[..3]), ["conversation.updated", "message.in", "message.out"]);
    assert!(all.iter().any(|event| event.kind == "outbox.state" && event.data["state"] == "sending"));
    let id = world.conversation(ADA).await["id"].clone();
    assert_eq!(all[0].data["id"], id);
    assert!(all.iter().skip(1).all(|event| event.data["conversation"] == id));
    let told = format!("{all:?}");
    assert!(!told.contains("secret words") && !told.contains(ADA), "{told}");
    // What is told is true: whoever asks then finds it.
    let out = world.messages(ADA).await.iter().find(|message| message["direction"] == "out").cloned().unwrap();
    assert_eq!(out["id"], all[2].data["id"]);
    world.end().await;
}

#[tokio::test]
async fn whoever_comes_back_after_a_restart_gets_what_was_missed_once() {
    let mut world = World::start().await;
    let mut events = open(&world, "?topics=messages", None).await;
    world.write(ADA, "one").await;
    let first = heard(&mut events, 2).await;
    let last = first[1].id.clone();
    drop(events);
    world.write(ADA, "two").await;
    world.wait_replies(ADA, 2).await;
    world.restart().await;
    world.write(BEN, "three").await;
    world.wait_replies(BEN, 1).await;
    let mut again = open(&world, "?topics=messages", last.as_deref()).await;
    let mut ins = Vec::new();
    while ins.len() < 2 {
        let event = again.next().await.unwrap();
        if event.kind == "message.in" {
            ins.push(event.data["id"].as_str().unwrap().to_owned());
        }
    }
    assert_eq!(first[0].data["id"], "1");
    assert_eq!(ins, ["2", "3"]);
    world.end().await;
}

#[tokio::test]
async fn an_unknown_id_is_told_to_fetch_anew() {
    let world = World::start().await;
    for id in ["1", "00000000-7"] {
        let mut events = open(&world, "", Some(id)).await;
        let event = events.next().await.unwrap();
        assert_eq!((&*event.kind, &event.data["reason"]), ("resync", &Value::from("unknown_id")));
        assert!(event.id.is_some(), "the client goes on from here");
    }
    let mut events = open(&world, "?topics=messages&after=x-1", None).await;
    assert_eq!(events.next().await.unwrap().kind, "resync", "the same by a parameter, for who cannot set a header");
    world.end().await;
}

#[tokio::test]
async fn a_conversation_can_be_followed_alone() {
    let world = World::start().await;
    world.write(ADA, "hello").await;
    world.wait_replies(ADA, 1).await;
    let id = world.conversation(ADA).await["id"].as_str().unwrap().to_owned();
    let mut events = open(&world, &format!("?topics=messages&conversation={id}"), None).await;
    world.write(BEN, "somebody else").await;
    world.wait_replies(BEN, 1).await;
    world.write(ADA, "again").await;
    let event = loop {
        let event = events.next().await.unwrap();
        if event.kind == "message.in" {
            break event;
        }
    };
    assert_eq!((&event.data["conversation"], &event.data["id"]), (&Value::from(id), &Value::from("3")));
    world.end().await;
}

#[tokio::test]
async fn what_cannot_be_chosen_is_refused_in_words() {
    let world = World::start().await;
    for (query, detail) in [
        ("?topics=messages,weather", "there is no topic \"weather\""),
        ("?conversation=c_1", "conversation \"c_1\" is not an id of the form c_ and 26 characters"),
        ("?colour=red", "has a parameter \"colour\""),
    ] {
        let answer = world.admin_raw(&format!("/api/v1/events{query}")).await;
        assert_eq!(answer.status(), 400, "{query}");
        let problem: Value = answer.json().await.unwrap();
        assert!(problem["detail"].as_str().unwrap().contains(detail), "{problem}");
    }
    world.end().await;
}

#[tokio::test]
async fn a_silent_stream_says_that_it_lives_and_its_id_moves_on() {
    let world = World::start().await;
    let mut events = open(&world, "?topics=flows", None).await;
    let before = events.last_id.clone();
    world.write(ADA, "hello").await;
    world.wait_replies(ADA, 1).await;
    let time_goes_by = async {
        let mut ticks = tokio::time::interval(POLL);
        loop {
            ticks.tick().await;
            world.clock.advance(15_000);
        }
    };
    let beat = async {
        loop {
            let block = events.block().await.unwrap();
            if block.starts_with(": beat\nid: ") && !block.contains(before.as_deref().unwrap()) {
                break;
            }
        }
    };
    let either = async {
        tokio::select! {
            () = beat => {}
            () = time_goes_by => {}
        }
    };
    tokio::time::timeout(PATIENCE, either).await.expect("a beat with a later id");
    world.end().await;
}

#[tokio::test]
async fn one_client_too_many_is_refused_and_has_room_when_another_leaves() {
    let mut world = World::start().await;
    world.set("admin.max_event_clients", "2");
    world.restart().await;
    let (first, _second) = (open(&world, "", None).await, open(&world, "", None).await);
    let answer = world.admin_raw("/api/v1/events").await;
    assert_eq!((answer.status().as_u16(), answer.headers()["retry-after"].to_str().unwrap()), (503, "10"));
    assert!(answer.text().await.unwrap().contains("too-many-event-clients"));
    assert_eq!(world.metric("parlance_sse_clients").await, 2.0);
    drop(first);
    until("room for another one", async || {
        (world.admin_raw("/api/v1/events?topics=bots").await.status() == 200).then_some(())
    })
    .await;
    world.end().await;
}

#[tokio::test]
async fn a_stream_ends_when_its_credential_does_not_count_any_more() {
    let world = World::start().await;
    let token = crate::roles::token(&world, "watch", "viewer", None).await;
    let url = format!("{}/api/v1/events", world.admin_url());
    let mut events = Events::open(world.http.get(url).bearer_auth(token), None).await.unwrap();
    let hello = events.next().await.unwrap();
    let topics = hello.data["topics"].to_string();
    assert!(topics.contains("messages") && !topics.contains("webhooks"), "{topics}");
    let gone = world.admin_call(reqwest::Method::DELETE, "/api/v1/tokens/watch").send().await.unwrap();
    assert_eq!(gone.status(), 204);
    assert_eq!(events.next().await, None);
    world.end().await;
}

#[tokio::test]
async fn streams_end_with_the_server_and_do_not_hold_it_up() {
    let mut world = World::start().await;
    let mut events = open(&world, "", None).await;
    world.stop_server().await;
    assert_eq!(events.next().await, None);
    world.end().await;
}
