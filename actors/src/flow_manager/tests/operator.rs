//! What operators, webhooks and the sender do with Flows.

use std::pin::Pin;

use serde_json::{Value, json};
use whatsapp::graph::{self, Accepted, FlowStatus, PreviewLink};
use whatsapp::webhook::FieldEvent;

use super::*;
use crate::sender::Transport;

#[tokio::test(start_paused = true)]
async fn sync_imports_what_was_made_in_metas_manager_and_marks_what_is_gone() {
    let world = World::new();
    let manager = world.start().await;
    assert!(manager.surroundings().flows.is_none(), "nothing is known yet");
    world.meta.put("survey", FlowStatus::Draft, FIRST);
    let tried = manager.try_sync().await;
    assert_eq!((tried[0].differing.len(), manager.all().len()), (1, 0), "a dry run keeps nothing");
    manager.sync().await;
    assert_eq!(status(&manager, "survey"), Some(FlowStatus::Draft));
    world.meta.rules.lock().flows.clear();
    let counts = *manager.sync().await[0].outcome.as_ref().unwrap();
    assert_eq!((counts.flows, counts.removed), (0, 1));
    assert_eq!((status(&manager, "survey"), manager.surroundings().flows), (None, Some(vec![])));
    assert!(manager.find("survey").unwrap().removed_ms.is_some());
}

#[tokio::test(start_paused = true)]
async fn list_that_cannot_be_read_is_reported_and_leaves_what_is_known() {
    let (world, manager) = World::applied(vec![booking(FIRST)]).await;
    world.meta.rules.lock().down = true;
    assert!(manager.sync().await[0].outcome.is_err());
    assert!(manager.states()[ACCOUNT].error.is_some() && manager.states()[ACCOUNT].synced_ms.is_some());
    assert_eq!(status(&manager, "booking"), Some(FlowStatus::Published));
}

#[tokio::test(start_paused = true)]
async fn webhook_changes_the_status_and_an_old_one_does_not() {
    let (world, manager) = World::applied(vec![booking(FIRST)]).await;
    let id = world.meta.flow("booking").unwrap().id;
    let event = |status: &str| {
        let raw =
            json!({ "event": "FLOW_STATUS_CHANGE", "flow_id": id, "old_status": "PUBLISHED", "new_status": status });
        FieldEvent::parse("flows", &raw.to_string())
    };
    manager.event(ACCOUNT, &event("THROTTLED"), START_MS).await;
    assert_eq!(status(&manager, "booking"), Some(FlowStatus::Throttled));
    assert_eq!(status(&*world.start().await, "booking"), Some(FlowStatus::Throttled), "it is written down");
    let old = START_MS - 3_600_000;
    manager.event(ACCOUNT, &event("BLOCKED"), old).await;
    assert_eq!(status(&manager, "booking"), Some(FlowStatus::Throttled), "it came late");
    assert!(manager.status_changed(ACCOUNT, &id, FlowStatus::Blocked, old).await.unwrap());
    assert_eq!(status(&manager, "booking"), Some(FlowStatus::Throttled));
    assert!(!manager.status_changed(ACCOUNT, "404", FlowStatus::Blocked, START_MS).await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn alerts_are_kept_to_a_bound() {
    let (world, manager) = World::applied(vec![booking(FIRST)]).await;
    let id = world.meta.flow("booking").unwrap().id;
    let raw = json!({ "event": "ENDPOINT_LATENCY", "flow_id": id, "p90_latency": 1200, "threshold": 1000,
        "alert_state": "ACTIVATED", "message": "slow" });
    for _ in 0..30 {
        manager.event(ACCOUNT, &FieldEvent::parse("flows", &raw.to_string()), START_MS).await;
    }
    let flow = manager.find("booking").unwrap();
    assert_eq!((flow.alerts.len(), flow.alerts[0].kind.as_str()), (20, "ENDPOINT_LATENCY"));
    assert_eq!((flow.alerts[0].active, flow.alerts[0].measured), (Some(true), Some(1200.0)));
}

#[tokio::test(start_paused = true)]
async fn draft_is_deleted_and_what_is_in_use_is_deprecated_and_put_aside() {
    let (world, manager) = World::applied(vec![booking(FIRST)]).await;
    world.meta.put("survey", FlowStatus::Draft, FIRST);
    manager.sync().await;
    assert_eq!(manager.remove("survey").await.unwrap().1, Removed::Deleted);
    assert_eq!(world.meta.flow("survey"), None);
    let (flow, how) = manager.remove("booking").await.unwrap();
    assert_eq!((how, &flow.remote.status), (Removed::Deprecated, &FlowStatus::Deprecated));
    assert_eq!(manager.remove("booking").await.unwrap().1, Removed::Archived, "it cannot be deleted");
    assert!(matches!(manager.remove("nothing").await, Err(FlowError::Unknown(_))));
    assert_eq!(world.meta.writes().iter().filter(|call| call.starts_with("deprecate")).count(), 1);
}

#[tokio::test(start_paused = true)]
async fn operator_publishes_deprecates_clones_and_looks() {
    let world = World::new();
    let manager = world.start().await;
    world.meta.put("survey", FlowStatus::Draft, FIRST);
    manager.sync().await;
    assert_eq!(manager.publish("survey").await.unwrap().remote.status, FlowStatus::Published);
    assert_eq!(manager.publish("survey").await.unwrap().remote.status, FlowStatus::Published, "again is harmless");
    let copy = manager.clone_flow("survey", &CloneOf::default()).await.unwrap();
    assert_eq!((copy.remote.name.as_str(), &copy.remote.status), ("survey_v2", &FlowStatus::Draft));
    let taken = CloneOf { name: Some("survey".into()) };
    assert!(matches!(manager.clone_flow("survey", &taken).await, Err(FlowError::State(_))));
    assert_eq!(manager.deprecate("survey").await.unwrap().remote.status, FlowStatus::Deprecated);
    assert!(matches!(manager.publish("survey").await, Err(FlowError::Call(_))));
    let (_, preview) = manager.preview("survey_v2", PreviewLink::Renew).await.unwrap();
    assert!(preview.url.ends_with("Renew"), "{preview:?}");
    assert_eq!(manager.pull("survey_v2").await.unwrap().1.as_deref(), Some(FIRST));
    assert_eq!(manager.places().len(), 0, "no bot brought them");
}

#[tokio::test(start_paused = true)]
async fn surroundings_name_the_place_and_what_stands_for_it() {
    let (world, manager) = World::applied(vec![booking(FIRST)]).await;
    world.meta.rules.lock().strict = true;
    world.want(vec![booking(SECOND)]);
    assert!(manager.apply(ApplyOrder::default()).await.unwrap().is_whole());
    let known = manager.surroundings().flows.unwrap();
    let new = world.meta.flow("booking_v2").unwrap().id;
    assert!(
        known.iter().any(|flow| flow.name == "booking" && flow.id == new && flow.status == "PUBLISHED"),
        "{known:?}"
    );
}

/// Keeps the bodies that it is to send.
#[derive(Default)]
struct Bodies(Mutex<Vec<Value>>);

impl Transport for Bodies {
    fn send<'a>(
        &'a self,
        _: &'a Number,
        body: Vec<u8>,
    ) -> Pin<Box<dyn Future<Output = Result<Accepted, graph::Error>> + Send + 'a>> {
        self.0.lock().push(serde_json::from_slice(&body).unwrap());
        Box::pin(async { Err(graph::Error::NotSent("nowhere".into())) })
    }
}

#[tokio::test(start_paused = true)]
async fn message_goes_out_with_the_flow_that_took_the_place() {
    let (world, manager) = World::applied(vec![booking(FIRST)]).await;
    let old = world.meta.flow("booking").unwrap().id;
    let (bodies, number) = (Arc::<Bodies>::default(), number(ACCOUNT));
    let forward = Forward::new(bodies.clone(), manager.clone());
    let by = |key: &str, value: &str| json!({ "interactive": { "action": { "parameters": { key: value, "flow_token": "t" } } } });
    let send = async |message: Value| {
        let refused = forward.send(&number, message.to_string().into_bytes()).await;
        assert!(refused.is_err());
        bodies.0.lock().pop().unwrap()
    };
    assert_eq!(send(by("flow_name", "booking")).await, by("flow_name", "booking"));
    world.meta.rules.lock().strict = true;
    world.want(vec![booking(SECOND)]);
    assert!(manager.apply(ApplyOrder::default()).await.unwrap().is_whole());
    let new = world.meta.flow("booking_v2").unwrap().id;
    assert_eq!(send(by("flow_name", "booking")).await, by("flow_name", "booking_v2"));
    assert_eq!(send(by("flow_id", &old)).await, by("flow_id", &new));
    assert_eq!(send(by("flow_name", "survey")).await, by("flow_name", "survey"));
    assert_eq!(send(json!({ "text": { "body": "booking" } })).await, json!({ "text": { "body": "booking" } }));
}
