//! Tables over whole bodies: every inbound type, every status shape, every field, and a thousand
//! mutations of them that must neither panic nor cost a neighbour.

use serde_json::{Value, json};

use super::*;

/// Statuses: label, element, and what its details say of kind, category and participant.
fn statuses() -> Vec<(&'static str, Value)> {
    let pricing = json!({ "billable": true, "pricing_model": "PMP", "type": "regular", "category": "service" });
    let person = |status: &str| {
        json!({ "id": "wamid.OUT1", "status": status, "timestamp": "1795340100", "recipient_id": "447700900123",
            "biz_opaque_callback_data": "obx:01HZY" })
    };
    let with = |mut status: Value, name: &str, value: Value| {
        status[name] = value;
        status
    };
    let window = json!({ "id": "c0ffee", "origin": { "type": "service" }, "expiration_timestamp": "1795340200" });
    vec![
        ("sent", with(with(person("sent"), "pricing", pricing.clone()), "conversation", window)),
        ("delivered", with(person("delivered"), "pricing", pricing.clone())),
        ("read", person("read")),
        ("played", person("played")),
        (
            "failed",
            with(
                person("failed"),
                "errors",
                json!([{ "code": 131047, "title": "Re-engagement message",
                "error_data": { "details": "More than 24 hours have passed." }, "href": "/documentation" }]),
            ),
        ),
        (
            "to a user id",
            json!({ "id": "wamid.OUT2", "status": "delivered", "timestamp": 1795340100, "recipient_user_id": "GB.1",
                "recipient_parent_user_id": "GB.ENT.1", "pricing": pricing }),
        ),
        (
            "in a group",
            json!({ "id": "wamid.OUT3", "status": "read", "timestamp": "1795340100", "recipient_type": "group",
                "recipient_id": "group-1", "recipient_participant_id": "447700900124", "recipient_participant_user_id": "GB.2",
                "pricing": { "type": "free_group_customer_service", "category": "group_service" } }),
        ),
        ("with an identity", with(person("sent"), "recipient_identity_key_hash", json!("h1"))),
        ("of an older platform", person("deleted")),
        ("with odd details", with(with(person("sent"), "pricing", json!([])), "conversation", json!("x"))),
    ]
}

fn status(label: &str) -> StatusUpdate {
    let (_, element) = statuses().into_iter().find(|(name, _)| *name == label).unwrap();
    match events(&messages(json!({ "statuses": [element] }))).pop() {
        Some(Event::Status(status)) => status,
        other => panic!("{label}: {other:?}"),
    }
}

#[test]
fn every_inbound_type_is_routed_and_typed() {
    for (label, sample) in message::samples() {
        let body = messages(json!({ "contacts": [contact("447700900123", "Ada")], "messages": [sample] }));
        let received = only_message(&body);
        assert_eq!((received.wamid.as_str(), received.from.as_deref()), ("wamid.1", Some("447700900123")), "{label}");
        assert!(received.contact.is_some(), "{label}");
        let message = Message::parse(received.message.get());
        assert_eq!(
            (Some(message.type_name()), message.sent_ms),
            (sample["type"].as_str(), received.sent_ms),
            "{label}"
        );
        assert!(!matches!(message.kind, MessageKind::Unknown { .. }), "{label}");
    }
}

#[test]
fn every_status_shape_is_read() {
    for (label, element) in statuses() {
        let status = status(label);
        assert_eq!(
            (status.at_ms, Some(status.status.as_str())),
            (Some(1_795_340_100_000), element["status"].as_str()),
            "{label}"
        );
        assert_eq!(status.recipient_id.as_deref(), element["recipient_id"].as_str(), "{label}");
        assert_eq!(status.recipient_user_id.as_deref(), element["recipient_user_id"].as_str(), "{label}");
        assert_eq!(status.callback_data.as_deref(), element["biz_opaque_callback_data"].as_str(), "{label}");
        assert_eq!(status.outcome().is_some(), label == "failed", "{label}");
    }
}

#[test]
fn details_of_a_status_are_pricing_window_group_and_identity() {
    let sent = status("sent").details();
    let pricing = Pricing {
        billable: true,
        model: Some("PMP".into()),
        kind: Some("regular".into()),
        category: Some("service".into()),
    };
    assert_eq!(sent.pricing, Some(pricing));
    let window =
        Conversation { id: Some("c0ffee".into()), origin: Some("service".into()), expires_ms: Some(1_795_340_200_000) };
    assert_eq!((sent.conversation, sent.is_group), (Some(window), false));
    assert_eq!(status("to a user id").details().parent_user_id.as_deref(), Some("GB.ENT.1"));
    let group = status("in a group").details();
    assert!(group.is_group && group.pricing.is_some_and(|pricing| !pricing.billable));
    assert_eq!(
        (group.participant_id.as_deref(), group.participant_user_id.as_deref()),
        (Some("447700900124"), Some("GB.2"))
    );
    assert_eq!(status("with an identity").details().identity_key_hash.as_deref(), Some("h1"));
    assert_eq!(status("with odd details").details(), StatusDetails::default());
}

#[test]
fn every_field_is_handed_on_with_its_value() {
    for (field, value) in field::samples() {
        let events = events(&envelope(json!([{ "field": field, "value": value }])));
        let [Event::Other { field: name, raw, waba_id, .. }] = &events[..] else { panic!("{field}: {events:?}") };
        assert_eq!((name.as_str(), waba_id.as_str()), (field, "300100200300400"));
        assert_eq!(FieldEvent::parse(name, raw.get()), FieldEvent::parse(field, &value.to_string()), "{field}");
    }
}

/// A body per inbound type, status shape and field.
fn bodies() -> Vec<Value> {
    let typed = message::samples()
        .into_iter()
        .map(|(_, sample)| messages(json!({ "contacts": [contact("447700900123", "Ada")], "messages": [sample] })));
    let statuses = statuses().into_iter().map(|(_, status)| messages(json!({ "statuses": [status] })));
    let fields =
        field::samples().into_iter().map(|(field, value)| envelope(json!([{ "field": field, "value": value }])));
    typed.chain(statuses).chain(fields).collect()
}

/// A fixed sequence of numbers; the table is the same on every machine.
fn numbers(seed: usize) -> impl Iterator<Item = usize> {
    let step = |x: &u64| Some(x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407));
    std::iter::successors(step(&(seed as u64)), step).map(|x| (x >> 33) as usize)
}

#[test]
fn thousand_mutated_bodies_cost_no_neighbour() {
    let bodies = bodies();
    let neighbour = messages(json!({ "messages": [text("447700900001", "wamid.NEIGHBOUR")] }))["entry"][0].clone();
    for row in 0..1000 {
        let mut numbers = numbers(row);
        let mut next = || numbers.next().expect("the sequence has no end");
        let mut body = bodies[row % bodies.len()].clone();
        for _ in 0..=next() % 4 {
            mutate(&mut body["entry"][0], next(), next());
        }
        body["entry"].as_array_mut().unwrap().push(neighbour.clone());
        let events = events(&body);
        assert_eq!(events.last().map(label).as_deref(), Some("message wamid.NEIGHBOUR"), "row {row}: {body}");
        for event in events {
            read_event(event);
        }
    }
}

fn read_event(event: Event) {
    match event {
        Event::Message(received) => {
            read_everything(received.message.get());
            received.contact.map(|raw| Profile::parse(raw.get()));
        }
        Event::Status(status) => {
            let _ = (status.outcome(), status.details());
        }
        Event::Other { field, raw, .. } => {
            let event = FieldEvent::parse(&field, raw.get());
            let _ = (event.to_string(), event.is_alarm());
        }
        Event::Unreadable { why, .. } => assert!(!why.is_empty()),
    }
}
