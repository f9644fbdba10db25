//! Whole bodies: order, matching, odd elements, and mutations that must never fail or panic.

mod table;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn events(body: &Value) -> Vec<Event> {
    parse(body.to_string().as_bytes()).expect("a JSON body")
}

fn envelope(changes: Value) -> Value {
    json!({ "object": "whatsapp_business_account", "entry": [{ "id": "300100200300400", "time": 1795340300, "changes": changes }] })
}

fn messages(value: Value) -> Value {
    let mut value = value;
    value["messaging_product"] = json!("whatsapp");
    value["metadata"] = json!({ "display_phone_number": "15550100100", "phone_number_id": "700800900100200" });
    envelope(json!([{ "field": "messages", "value": value }]))
}

fn text(from: &str, id: &str) -> Value {
    json!({ "from": from, "id": id, "timestamp": "1795340000", "type": "text", "text": { "body": "hello" } })
}

fn contact(wa_id: &str, name: &str) -> Value {
    json!({ "profile": { "name": name }, "wa_id": wa_id })
}

/// What an event is, in a word or two.
fn label(event: &Event) -> String {
    match event {
        Event::Message(m) => format!("message {}", m.wamid),
        Event::Status(s) => format!("{} {}", s.status, s.wamid),
        Event::Other { field, .. } => format!("other {field}"),
        Event::Unreadable { why, .. } => format!("unreadable {why}"),
    }
}

fn labels(body: &Value) -> Vec<String> {
    events(body).iter().map(label).collect()
}

fn only_message(body: &Value) -> Received {
    match events(body).pop() {
        Some(Event::Message(received)) => received,
        other => panic!("{other:?}"),
    }
}

#[test]
fn text_message_is_routed_by_ids_and_keeps_its_raw_element() {
    let body = messages(json!({
        "contacts": [{ "profile": { "name": "Ada Obi", "username": "ada.obi" }, "wa_id": "447700900123", "user_id": "GB.7781902234411" }],
        "messages": [{ "from": "447700900123", "from_user_id": "GB.7781902234411", "from_parent_user_id": "GB.ENT.1",
            "id": "wamid.AAA1", "timestamp": "1795340000", "type": "text", "text": { "body": "hello" } }],
    }));
    let received = only_message(&body);
    assert_eq!((received.phone_number_id.as_str(), received.wamid.as_str()), ("700800900100200", "wamid.AAA1"));
    assert_eq!(received.from.as_deref(), Some("447700900123"));
    assert_eq!(received.from_user_id.as_deref(), Some("GB.7781902234411"));
    assert_eq!(received.from_parent_user_id.as_deref(), Some("GB.ENT.1"));
    assert_eq!(received.display_phone_number.as_deref(), Some("15550100100"));
    assert_eq!((received.sent_ms, received.group_id), (Some(1_795_340_000_000), None));
    assert_eq!(Message::parse(received.message.get()).text(), "hello");
    let profile = Profile::parse(received.contact.unwrap().get());
    assert_eq!((profile.name.as_deref(), profile.username.as_deref()), (Some("Ada Obi"), Some("ada.obi")));
    assert_eq!(
        (profile.wa_id.as_deref(), profile.user_id.as_deref()),
        (Some("447700900123"), Some("GB.7781902234411"))
    );
}

#[test]
fn raw_element_is_the_text_as_it_came() {
    let body = r#"{"object":"whatsapp_business_account","entry":[{"id":"1","changes":[{"field":"messages","value":{
        "metadata":{"phone_number_id":"7"},"messages":[{ "id" : "wamid.1",  "n":1.50 }]}}]}]}"#;
    match &parse(body.as_bytes()).unwrap()[..] {
        [Event::Message(m)] => assert_eq!(m.message.get(), r#"{ "id" : "wamid.1",  "n":1.50 }"#),
        other => panic!("{other:?}"),
    }
}

#[test]
fn numbers_are_taken_where_strings_are_usual() {
    let mut body = messages(json!({ "messages": [{ "from": 447700900123_u64, "id": 12, "timestamp": 1795340000 }] }));
    body["entry"][0]["id"] = json!(300100);
    body["entry"][0]["changes"][0]["value"]["metadata"]["phone_number_id"] = json!(700800);
    let received = only_message(&body);
    assert_eq!((received.phone_number_id.as_str(), received.wamid.as_str()), ("700800", "12"));
    assert_eq!((received.from.as_deref(), received.sent_ms), (Some("447700900123"), Some(1_795_340_000_000)));
}

#[test]
fn unreadable_timestamp_is_none() {
    for odd in [json!("soon"), json!(-1), json!(1.5), json!(u64::MAX), json!(null), json!({}), json!([1])] {
        let body = messages(json!({ "messages": [{ "id": "wamid.1", "timestamp": odd }] }));
        assert_eq!(only_message(&body).sent_ms, None, "{odd}");
    }
}

#[test]
fn contacts_are_matched_by_id_and_never_by_position() {
    let body = messages(json!({
        "contacts": [contact("447700900002", "Two"), { "profile": { "name": "Three" }, "user_id": "GB.3" }, contact("447700900001", "One")],
        "messages": [
            text("447700900001", "wamid.1"),
            text("447700900002", "wamid.2"),
            { "id": "wamid.3", "from_user_id": "GB.3" },
            text("447700900004", "wamid.4"),
            { "id": "wamid.5" },
        ],
    }));
    let names: Vec<_> = events(&body)
        .into_iter()
        .map(|event| match event {
            Event::Message(m) => m.contact.and_then(|raw| Profile::parse(raw.get()).name),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(names, [Some("One".into()), Some("Two".into()), Some("Three".into()), None, None]);
}

#[test]
fn message_without_ids_takes_a_contact_that_stands_alone() {
    let body = messages(json!({ "contacts": [contact("447700900001", "One")], "messages": [{ "id": "wamid.1" }] }));
    assert!(only_message(&body).contact.is_some());
    let body = messages(
        json!({ "contacts": [contact("447700900001", "One")], "messages": [text("447700900002", "wamid.1")] }),
    );
    assert!(only_message(&body).contact.is_none());
}

#[test]
fn group_message_names_its_group() {
    let body = messages(json!({ "messages": [{ "id": "wamid.1", "from": "447700900001", "group_id": "G1" }] }));
    assert_eq!(only_message(&body).group_id.as_deref(), Some("G1"));
}

#[test]
fn status_is_read_whole() {
    let body = messages(json!({ "statuses": [{
        "id": "wamid.OUT5", "status": "failed", "timestamp": "1795340200", "recipient_id": "447700900123",
        "recipient_user_id": "GB.1", "recipient_participant_id": "447700900124", "biz_opaque_callback_data": "obx:01HZY",
        "errors": [{ "code": 131047, "title": "Re-engagement message", "message": "Re-engagement message",
            "error_data": { "details": "More than 24 hours have passed." }, "href": "/x" }, "odd"],
    }] }));
    let Some(Event::Status(status)) = events(&body).pop() else { panic!("no status") };
    assert_eq!((status.wamid.as_str(), &status.status), ("wamid.OUT5", &StatusKind::Failed));
    assert_eq!((status.at_ms, status.recipient_id.as_deref()), (Some(1_795_340_200_000), Some("447700900123")));
    assert_eq!(status.recipient_user_id.as_deref(), Some("GB.1"));
    assert_eq!(status.participant_id.as_deref(), Some("447700900124"));
    assert_eq!(status.callback_data.as_deref(), Some("obx:01HZY"));
    assert_eq!(status.errors.len(), 1);
    assert_eq!(status.errors[0].details.as_deref(), Some("More than 24 hours have passed."));
    assert_eq!(status.outcome(), Some(crate::graph::Outcome::WindowClosed));
}

#[test]
fn status_words_keep_their_order_and_unknown_ones_their_name() {
    let words = ["unheard", "sent", "failed", "delivered", "read", "played"];
    let kinds: Vec<_> = words.iter().map(|word| StatusKind::from((*word).to_owned())).collect();
    assert!(kinds.windows(2).all(|pair| pair[0].rank() < pair[1].rank()));
    for (word, kind) in words.iter().zip(&kinds) {
        assert_eq!(kind.as_str(), *word);
        assert_eq!(serde_json::from_str::<StatusKind>(&serde_json::to_string(kind).unwrap()).unwrap(), *kind);
    }
}

#[test]
fn failure_without_a_readable_code_is_permanent() {
    for errors in [json!(null), json!([]), json!([{ "title": "?" }]), json!("odd")] {
        let body = messages(json!({ "statuses": [{ "id": "wamid.1", "status": "failed", "errors": errors }] }));
        let events = events(&body);
        let [Event::Status(status)] = &events[..] else { panic!("{events:?}") };
        assert_eq!(status.outcome(), Some(crate::graph::Outcome::Permanent));
    }
}

#[test]
fn stored_error_object_reads_back() {
    let error = ErrorObject { code: Some(1), title: Some("t".into()), message: None, details: Some("d".into()) };
    assert_eq!(serde_json::from_str::<ErrorObject>(&serde_json::to_string(&error).unwrap()).unwrap(), error);
}

#[test]
fn batch_is_flattened_in_order() {
    let mut body = messages(json!({
        "messages": [text("447700900001", "wamid.1"), text("447700900002", "wamid.2")],
        "statuses": [{ "id": "wamid.3", "status": "read" }],
        "errors": [{ "code": 131000 }],
    }));
    let more = messages(json!({ "messages": [text("447700900001", "wamid.4")] }))["entry"][0].clone();
    body["entry"].as_array_mut().unwrap().extend([
        json!({ "id": "2", "changes": [{ "field": "flows", "value": { "event": "FLOW_STATUS_CHANGE" } }] }),
        more,
    ]);
    assert_eq!(
        labels(&body),
        ["message wamid.1", "message wamid.2", "read wamid.3", "other errors", "other flows", "message wamid.4"]
    );
}

#[test]
fn odd_element_is_set_apart_and_the_rest_is_read() {
    let body = messages(json!({
        "contacts": ["odd", 7, null],
        "messages": [text("447700900001", "wamid.1"), { "from": "447700900001" }, 7, null, ["x"], { "id": "" }, text("447700900002", "wamid.2")],
        "statuses": [{ "id": "wamid.3" }, { "status": "read" }, { "id": "wamid.4", "status": "unheard" }],
    }));
    assert_eq!(
        labels(&body),
        [
            "message wamid.1",
            "unreadable message: missing field `id`",
            "unreadable message: not an object",
            "unreadable message: not an object",
            "unreadable message: not an object",
            "unreadable message: missing field `id`",
            "message wamid.2",
            "unreadable status: missing field `status`",
            "unreadable status: missing field `id`",
            "unheard wamid.4",
        ]
    );
}

#[test]
fn odd_layer_is_set_apart_and_its_neighbours_are_read() {
    let good = messages(json!({ "messages": [text("447700900001", "wamid.1")] }))["entry"][0]["changes"][0].clone();
    let mut body =
        envelope(json!([7, { "field": "messages" }, { "field": "messages", "value": 7 }, { "value": {} }, good]));
    body["entry"].as_array_mut().unwrap().extend([json!(7), json!({ "id": "1" }), json!([])]);
    let labels = labels(&body);
    assert_eq!(labels.len(), 8, "{labels:?}");
    assert_eq!(labels[4], "message wamid.1");
    assert_eq!(labels.iter().filter(|label| label.starts_with("unreadable")).count(), 7, "{labels:?}");
}

#[test]
fn arrays_of_another_type_are_set_apart() {
    for odd in [json!({}), json!("x"), json!(1), json!(-1), json!(1.5), json!(true)] {
        let body = messages(json!({ "messages": [text("447700900001", "wamid.1")], "statuses": odd }));
        assert_eq!(labels(&body), ["message wamid.1", "unreadable statuses: not an array"], "{odd}");
    }
}

#[test]
fn value_without_our_number_is_unreadable_once() {
    for metadata in [json!(null), json!({}), json!("x"), json!({ "phone_number_id": "" })] {
        let mut body =
            messages(json!({ "messages": [text("447700900001", "wamid.1"), text("447700900001", "wamid.2")] }));
        body["entry"][0]["changes"][0]["value"]["metadata"] = metadata;
        assert_eq!(labels(&body), ["unreadable value: no metadata.phone_number_id"]);
    }
}

#[test]
fn other_fields_keep_account_number_time_and_value() {
    let body =
        envelope(json!([{ "field": "calls", "value": { "metadata": { "phone_number_id": "700800" }, "calls": [] } }]));
    match events(&body).pop() {
        Some(Event::Other { field, waba_id, phone_number_id, time_ms, raw }) => {
            assert_eq!((field.as_str(), waba_id.as_str()), ("calls", "300100200300400"));
            assert_eq!((phone_number_id.as_deref(), time_ms), (Some("700800"), Some(1_795_340_300_000)));
            assert!(raw.get().contains("\"calls\":[]"));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn value_with_nothing_known_is_kept() {
    assert_eq!(labels(&messages(json!({ "news": [1] }))), ["other messages"]);
    assert_eq!(labels(&messages(json!({ "messages": [] }))), ["other messages"]);
}

#[test]
fn other_objects_are_one_event() {
    let body = json!({ "object": "page", "entry": [{ "id": "1", "messaging": [] }] });
    assert_eq!(labels(&body), ["other page"]);
    assert_eq!(labels(&json!({ "object": "page" })), ["other page"]);
}

#[test]
fn body_that_is_json_and_no_webhook_is_unreadable() {
    for body in [json!([]), json!(7), json!("x"), json!({}), json!({ "object": "whatsapp_business_account" })] {
        let labels = labels(&body);
        assert!(matches!(&labels[..], [one] if one.starts_with("unreadable body")), "{labels:?}");
    }
    assert!(events(&json!({ "object": "whatsapp_business_account", "entry": [] })).is_empty());
}

#[test]
fn missing_object_name_does_not_lose_messages() {
    let mut body = messages(json!({ "messages": [text("447700900001", "wamid.1")] }));
    body.as_object_mut().unwrap().remove("object");
    assert_eq!(labels(&body), ["message wamid.1"]);
}

#[test]
fn what_is_not_json_is_an_error() {
    for body in ["", "{", "{}x", "{\"entry\":[}", "nul\0"] {
        assert!(matches!(parse(body.as_bytes()), Err(ParseError::NotJson(_))), "{body}");
    }
    assert!(matches!(parse(b"{\"a\":\"\xff\"}"), Err(ParseError::NotUtf8 { at: 6 })));
}

#[test]
fn depth_bombs_end_without_a_crash() {
    let deep = |n: usize| format!("{}{}", "[".repeat(n), "]".repeat(n));
    assert!(parse("[".repeat(1_000_000).as_bytes()).is_err());
    let wrapped = messages(json!({ "messages": [text("447700900001", "wamid.1")] }))
        .to_string()
        .replace(r#"{"body":"hello"}"#, &deep(10_000));
    let events = parse(wrapped.as_bytes()).unwrap();
    let [Event::Message(m)] = &events[..] else { panic!("{} events", events.len()) };
    assert_eq!(Message::parse(m.message.get()).type_name(), "text");
}

#[test]
fn lone_surrogates_and_repeated_keys_touch_one_element_only() {
    let body =
        messages(json!({ "messages": [text("447700900001", "wamid.1"), text("447700900002", "wamid.2")] })).to_string();
    for (from, to) in [(r#""wamid.1""#, r#""wamid.\ud800""#), (r#""id":"wamid.1""#, r#""id":"wamid.1","id":"wamid.1""#)]
    {
        let events = parse(body.replace(from, to).as_bytes()).unwrap();
        let labels: Vec<_> = events.iter().map(label).collect();
        assert!(labels[0].starts_with("unreadable message"), "{labels:?}");
        assert_eq!(labels[1], "message wamid.2");
    }
}

/// A body with everything in it.
fn rich() -> Value {
    let mut all: Vec<Value> = message::samples().into_iter().map(|(_, sample)| sample).collect();
    all.push(text("447700900123", "wamid.X"));
    messages(json!({
        "contacts": [{ "profile": { "name": "Ada", "username": "ada" }, "wa_id": "447700900123", "user_id": "GB.1" }],
        "messages": all,
        "statuses": [{ "id": "wamid.O", "status": "failed", "timestamp": "1", "recipient_id": "447700900123",
            "errors": [{ "code": 131047, "title": "t", "error_data": { "details": "d" } }] }],
        "errors": [{ "code": 131000, "title": "t" }],
    }))
}

/// Every value in a tree, as steps to it.
fn paths(value: &Value, here: &mut Vec<String>, out: &mut Vec<String>) {
    out.push(here.iter().map(|step| format!("/{step}")).collect());
    let children: Vec<(String, &Value)> = match value {
        Value::Object(members) => members.iter().map(|(k, v)| (k.clone(), v)).collect(),
        Value::Array(items) => items.iter().enumerate().map(|(i, v)| (i.to_string(), v)).collect(),
        _ => Vec::new(),
    };
    for (step, child) in children {
        here.push(step);
        paths(child, here, out);
        here.pop();
    }
}

/// Drops or retypes the value at one of the tree's paths.
pub(crate) fn mutate(body: &mut Value, pick: usize, how: usize) {
    let mut all = Vec::new();
    paths(body, &mut Vec::new(), &mut all);
    let path = all[pick % all.len()].clone();
    let odd = [
        json!(null),
        json!(true),
        json!(-7),
        json!(1.5e300),
        json!(""),
        json!("odd"),
        json!([]),
        json!({}),
        json!([[7]]),
    ];
    if how.is_multiple_of(2)
        && let Some((parent, step)) = path.rsplit_once('/')
        && let Some(Value::Object(members)) = body.pointer_mut(parent)
    {
        members.remove(step);
    } else if let Some(target) = body.pointer_mut(&path) {
        *target = odd[how / 2 % odd.len()].clone();
    }
}

/// Reads a text as everything that can be read from one.
fn read_everything(text: &str) {
    let message = Message::parse(text);
    let _ = (message.text().len(), message.contacts(), message.order(), message.referral());
    Profile::parse(text);
    for (name, _) in field::samples() {
        let _ = (FieldEvent::parse(name, text).to_string(), FieldEvent::parse(name, text).is_alarm());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn mutated_bodies_never_fail_or_panic(changes in prop::collection::vec((any::<usize>(), any::<usize>()), 1..5)) {
        let mut body = rich();
        for (pick, how) in changes {
            mutate(&mut body, pick, how);
        }
        for event in events(&body) {
            if let Event::Message(received) = event {
                let message = Message::parse(received.message.get());
                prop_assert_eq!(&message.wamid, &received.wamid);
                let _ = (message.text().len(), message.reply_id(), message.media());
                received.contact.map(|raw| Profile::parse(raw.get()));
            }
        }
    }

    #[test]
    fn cut_and_garbled_bodies_never_panic(at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<bool>()) {
        let mut body = rich().to_string().into_bytes();
        let at = at.index(body.len());
        if cut { body.truncate(at) } else { body[at] = byte }
        for event in parse(&body).unwrap_or_default() {
            if let Event::Message(received) = event {
                Message::parse(received.message.get());
            }
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        drop(parse(&bytes));
        read_everything(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn any_text_is_something_of_some_kind(text in ".{0,200}") {
        read_everything(&text);
    }

    #[test]
    fn any_mutated_field_is_read(which in any::<prop::sample::Index>(), changes in prop::collection::vec((any::<usize>(), any::<usize>()), 1..5)) {
        let samples = field::samples();
        let (name, mut value) = samples[which.index(samples.len())].clone();
        for (pick, how) in changes {
            mutate(&mut value, pick, how);
        }
        let event = FieldEvent::parse(name, &value.to_string());
        prop_assert!(!event.to_string().is_empty());
        event.is_alarm();
    }
}
