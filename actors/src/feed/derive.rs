//! What a row of the log tells: small events of ids and states. The same row always tells the same.

use serde_json::{Value, json};
use storage::{
    ConversationId, DeadLetter, Entry, Head, Logged, LoggedMessage, LoggedValue, SendId, SendState, Standing,
};

use super::told::{Place, Told, Topic};
use crate::broadcast::{Broadcast, News};
use crate::records::{HistoryEntry, InputKind, SendError, SendPayload};
use crate::view::{self, state_name, time_text};
use crate::{codec, identity};

/// Kinds of documents that tell something when they are written or removed: the topic, what happened, and whether the
/// document's key may be told (it is an id, and nothing of a person).
const DOCUMENTS: [(&str, Topic, &str, bool); 14] = [
    (crate::engine::STOPPED, Topic::Numbers, "number.updated", true),
    ("bot_live", Topic::Bots, "bot.updated", true),
    ("flow", Topic::Flows, "flow.updated", true),
    ("template", Topic::Templates, "template.updated", true),
    ("media", Topic::Media, "media.updated", true),
    ("blocked", Topic::Contacts, "contact.blocked", false),
    ("contact", Topic::Contacts, "contact.updated", false),
    ("quick_reply", Topic::Contacts, "quick_reply.updated", false),
    // Only that it is gone: what it does is told by [`got_on`].
    (crate::broadcast::KIND, Topic::Broadcasts, "broadcast.removed", true),
    ("user", Topic::Settings, "user.updated", false),
    ("api_token", Topic::Settings, "token.updated", false),
    ("event_gone", Topic::Settings, "endpoint.updated", true),
    ("flow_order", Topic::Flows, "flow.order", false),
    ("flow_place", Topic::Flows, "flow.place", false),
];

/// The events of a row, in order, each with its place.
pub(super) fn told(row: &Logged) -> Vec<Told> {
    let mut events = Vec::new();
    let mut decided = None;
    for value in &row.values {
        match value {
            LoggedValue::Head(id, head) => events.push(advanced(*id, head)),
            LoggedValue::Entry(id, entry) => events.extend(came(*id, entry)),
            LoggedValue::Message(id, message) => {
                decided = Some(*id);
                events.extend(said(*id, message));
            }
            // That it is queued goes without saying where it was just decided.
            LoggedValue::Standing(id, standing) if standing.state == SendState::Queued && decided == Some(*id) => {}
            LoggedValue::Standing(id, standing) => events.extend(moved(*id, standing)),
            LoggedValue::DeadLetter(letter) => events.push(given_up(letter)),
            LoggedValue::Quarantined(id, row) => {
                let data = json!({ "id": id.to_string(), "reason": row.reason, "at": time_text(row.received_ms) });
                events.push(event(Topic::Quarantine, "quarantine", &data));
            }
            LoggedValue::Notice(id, row) => {
                let (id, at) = (id.to_string(), time_text(row.received_ms));
                let data = json!({ "id": id, "field": row.field, "alarm": row.alarm, "at": at });
                events.push(event(Topic::Notices, "notice", &data));
            }
            LoggedValue::Document((kind, _, Some(value))) if &**kind == crate::broadcast::KIND => {
                events.extend(got_on(value));
            }
            LoggedValue::Document((kind, key, value)) => events.extend(written(kind, key, value.is_some())),
        }
    }
    number(row, &mut events);
    events
}

/// Each event is a part of its row; after the last one all of it is told.
fn number(row: &Logged, events: &mut [Told]) {
    let count = events.len();
    for (told, n) in events.iter_mut().zip(1..) {
        let part = u32::try_from(n).ok().filter(|_| n < count);
        told.place = Some(Place { seq: row.seq, part });
    }
}

fn event(topic: Topic, kind: &'static str, data: &Value) -> Told {
    Told { place: None, topic, kind, conversation: None, number: None, data: data.to_string().into() }
}

fn about(id: ConversationId, topic: Topic, kind: &'static str, data: &Value) -> Told {
    Told { conversation: Some(id), number: Some(identity::tag_of(id)), ..event(topic, kind, data) }
}

fn advanced(id: ConversationId, head: &Head) -> Told {
    let view = view::listed(id, head);
    let handoff = view.handoff.as_ref().map(
        |handoff| json!({ "queue": handoff.queue, "priority": handoff.priority, "since": time_text(handoff.since_ms) }),
    );
    // Why they have it is what staff wrote.
    let control = view.control.as_ref().map(|control| {
        json!({ "by": control.by, "since": time_text(control.since_ms), "paused": control.paused,
            "silent_since": time_text(control.silent_ms) })
    });
    let data = json!({
        "id": view.id,
        "phone_number_id": view.phone_number_id,
        "state": view.state,
        "control": control,
        "handoff": handoff,
        "bot": view.bot,
        "node": view.node,
        "merged_into": view.merged_into,
        "revision": view.revision,
        "at": time_text(view.updated_ms),
    });
    about(id, Topic::Conversations, "conversation.updated", &data)
}

/// What came from outside, if it is a message.
fn came(id: ConversationId, row: &Entry) -> Option<Told> {
    let entry: HistoryEntry = codec::decode(&row.payload).ok()?;
    let input = entry.input?;
    let (kind, origin) = match &input.kind {
        InputKind::Message | InputKind::About { .. } => ("message.in", None),
        InputKind::Echo => ("message.out", Some("phone_app")),
        _ => return None,
    };
    let type_name = match &input.kind {
        InputKind::About { field, .. } => field.to_string(),
        _ => whatsapp::webhook::Message::parse(&input.raw).type_name().to_owned(),
    };
    let data = json!({
        "conversation": id.to_string(),
        "id": input.seq.0.to_string(),
        "entry": row.index,
        "type": type_name,
        "origin": origin,
        "failed": entry.error.is_some(),
        "at": time_text(input.received_ms),
    });
    Some(about(id, Topic::Messages, kind, &data))
}

fn said(id: SendId, message: &LoggedMessage) -> Option<Told> {
    let payload: SendPayload = codec::decode(&message.payload).ok()?;
    let data = json!({
        "conversation": id.conversation.to_string(),
        "id": id.to_string(),
        "type": payload.message.type_name(),
        "origin": if payload.node.is_some() { "bot" } else { "operator" },
        "at": time_text(message.created_ms),
    });
    Some(about(id.conversation, Topic::Messages, "message.out", &data))
}

/// An outbox row that moved: for whoever watches the outbox, and, once Meta has it or it failed, for whoever reads the
/// conversation.
fn moved(id: SendId, standing: &Standing) -> Vec<Told> {
    let (conversation, at) = (id.conversation.to_string(), time_text(standing.updated_ms));
    let state = state_name(standing.state);
    let error: Option<SendError> = standing.error.as_deref().and_then(|error| codec::decode(error).ok());
    let data = json!({
        "id": id.to_string(),
        "conversation": conversation,
        "state": state,
        "attempts": standing.attempts,
        "due_at": Some(standing.due_ms).filter(|due_ms| *due_ms > 0).map(time_text),
        "code": error.as_ref().and_then(|error| error.code),
        "held": error.and_then(|error| error.held).map(crate::records::Held::name),
        "at": at,
    });
    let mut events = vec![about(id.conversation, Topic::Outbox, "outbox.state", &data)];
    if standing.state.is_settled() {
        let data = json!({ "id": id.to_string(), "conversation": conversation, "status": state, "at": at });
        events.push(about(id.conversation, Topic::Messages, "message.status", &data));
    }
    events
}

fn given_up(letter: &DeadLetter) -> Told {
    let data = json!({
        "id": letter.id.to_string(),
        "conversation": letter.conversation.to_string(),
        "kind": if letter.send.is_some() { "outbound" } else { "inbound" },
        "reason": letter.reason,
        "outbox": letter.send.map(|send| send.to_string()),
        "at": time_text(letter.at_ms),
    });
    let kind = if letter.resolution.is_some() { "dead_letter.resolved" } else { "dead_letter" };
    about(letter.conversation, Topic::DeadLetters, kind, &data)
}

/// A broadcast with news. Each step writes it; few of these are worth telling.
fn got_on(value: &[u8]) -> Option<Told> {
    let broadcast: Broadcast = codec::decode(value).ok()?;
    let kind = match broadcast.news? {
        News::Created => "broadcast.created",
        News::Started => "broadcast.started",
        News::Begun => "broadcast.begun",
        News::Progress => "broadcast.progress",
        News::Paused => "broadcast.paused",
        News::Resumed => "broadcast.resumed",
        News::Finished => "broadcast.finished",
        News::Cancelled => "broadcast.cancelled",
    };
    let data = json!({
        "id": broadcast.id,
        "phone_number_id": broadcast.number_id,
        "state": broadcast.state(broadcast.updated_ms),
        "people": broadcast.people,
        "recipients": broadcast.recipients,
        "released": broadcast.next,
        "waiting": broadcast.waiting,
        "at": time_text(broadcast.updated_ms),
    });
    let number = Some(identity::partition_tag(&storage::Partition(broadcast.number_id)));
    Some(Told { number, ..event(Topic::Broadcasts, kind, &data) })
}

fn written(kind: &str, key: &str, is_there: bool) -> Option<Told> {
    let (_, topic, happened, tells_key) = DOCUMENTS.into_iter().find(|(known, ..)| *known == kind)?;
    let mut data = json!({ "removed": !is_there });
    if tells_key {
        data["id"] = key.into();
    }
    let number = (topic == Topic::Numbers).then(|| identity::partition_tag(&storage::Partition(key.into())));
    Some(Told { number, ..event(topic, happened, &data) })
}

#[cfg(test)]
mod tests {
    use storage::{LogSeq, Model, NewSend, Notice, Quarantined, Revision, Store, Turn};

    use super::*;
    use crate::records::{Control, HistoryInput, State};

    const ID: ConversationId = ConversationId([1; 16]);
    const BREAKS: &str = "a\r\nevent: forged\ndata: {}\n\n\u{1b}[2J\"}\u{2028}";

    async fn rows(store: &Model) -> Vec<Logged> {
        store.log(LogSeq(0), 100).await.unwrap().rows
    }

    fn turn(entry: &HistoryEntry) -> Turn {
        Turn {
            conversation: ID,
            expected: Revision(0),
            at_ms: 1_000,
            consumed: Vec::new(),
            snapshot: codec::encode(&State { number_id: BREAKS.into(), ..State::default() }),
            entries: vec![codec::encode(entry)],
            sends: vec![NewSend { n: 1, nonce: 1, payload: bytes::Bytes::from_static(b"damaged") }],
            wake_ms: None,
            aliases: Vec::new(),
            dead_letters: Vec::new(),
            append: Vec::new(),
            resolved: Vec::new(),
            documents: vec![("bot_live".into(), BREAKS.into(), None), ("other".into(), "x".into(), None)],
        }
    }

    #[tokio::test]
    async fn a_turn_tells_its_parts_in_order_and_the_last_one_ends_it() {
        let store = Model::new();
        let raw = r#"{"id":"wamid.1","type":"text","text":{"body":"secret words"}}"#;
        let input = HistoryInput {
            seq: storage::InboxSeq(3),
            received_ms: 900,
            sent_ms: None,
            raw: raw.into(),
            kind: InputKind::Message,
        };
        let entry = HistoryEntry { input: Some(input), ..HistoryEntry::default() };
        store.commit(store.fence(&storage::Partition("1".into())), turn(&entry)).await.unwrap();
        let events = told(&rows(&store).await[0]);
        let kinds: Vec<_> = events.iter().map(|told| told.kind).collect();
        assert_eq!(kinds, ["conversation.updated", "message.in", "bot.updated"]);
        let parts: Vec<_> = events.iter().map(|told| told.place.unwrap().part).collect();
        assert_eq!(parts, [Some(1), Some(2), None]);
        assert_eq!(events[1].conversation, Some(ID));
        assert!(events[1].data.contains(r#""type":"text""#) && !events[1].data.contains("secret words"));
    }

    #[tokio::test]
    async fn who_answers_in_the_bots_place_is_told_and_not_why() {
        let store = Model::new();
        let mut control = Control::silent(1_000, 2_000);
        if let Control::Human { by, reason, .. } = &mut control {
            (*by, *reason) = (Some("user:elif".into()), Some("she is ill".into()));
        }
        let state = State { number_id: "1".into(), control, ..State::default() };
        let turn = Turn { snapshot: codec::encode(&state), ..turn(&HistoryEntry::default()) };
        store.commit(store.fence(&storage::Partition("1".into())), turn).await.unwrap();
        let data: Value = serde_json::from_str(&told(&rows(&store).await[0])[0].data).unwrap();
        let control =
            json!({ "by": "user:elif", "since": time_text(2_000), "silent_since": time_text(1_000), "paused": false });
        assert_eq!(data["control"], control);
    }

    #[tokio::test]
    async fn f116_what_breaks_lines_anywhere_stays_in_one_line_of_json() {
        let store = Model::new();
        let quarantined = Quarantined {
            reason: BREAKS.into(),
            detail: BREAKS.into(),
            received_ms: u64::MAX,
            signed_by: BREAKS.into(),
            made: false,
            payload: bytes::Bytes::from_static(BREAKS.as_bytes()),
        };
        let notice = Notice {
            field: BREAKS.into(),
            account: BREAKS.into(),
            detail: BREAKS.into(),
            alarm: true,
            received_ms: 0,
            payload: bytes::Bytes::new(),
        };
        let items = vec![storage::Accept::Quarantine(quarantined), storage::Accept::Notice(notice)];
        store.append(items).await.unwrap();
        let about = InputKind::About { field: BREAKS.into(), detail: BREAKS.into() };
        let raw = BREAKS.into();
        let input = HistoryInput { seq: storage::InboxSeq(3), received_ms: 900, sent_ms: None, raw, kind: about };
        let entry = HistoryEntry { input: Some(input), error: Some(BREAKS.into()), ..HistoryEntry::default() };
        store.commit(store.fence(&storage::Partition("1".into())), turn(&entry)).await.unwrap();
        let events: Vec<_> = rows(&store).await.iter().flat_map(told).collect();
        assert_eq!(events.len(), 5);
        for told in events {
            assert!(!told.data.contains(|c: char| c.is_ascii_control()), "{}", told.data);
            assert!(serde_json::from_str::<Value>(&told.data).unwrap().is_object());
        }
    }
}
