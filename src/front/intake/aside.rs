//! What is put aside: an element together with what stood around it, so that it can be taken in again by itself.

use hyper::body::Bytes;
use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;
use storage::Quarantined;
use whatsapp::webhook::Event;

use super::{raw, raw_of};

const OBJECT: &str = "whatsapp_business_account";

/// A webhook of one element. [`actors::view::quarantined`] shows the element alone.
#[derive(Serialize)]
struct Whole<'a> {
    object: &'static str,
    /// [`actors::view::ASIDE`]: which element it was made around.
    quarantined: &'static str,
    entry: [Entry<'a>; 1],
}

#[derive(Serialize)]
struct Entry<'a> {
    id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    time: Option<u64>,
    changes: [Change<'a>; 1],
}

#[derive(Serialize)]
struct Change<'a> {
    field: &'a str,
    value: Inner<'a>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Inner<'a> {
    Message { metadata: Metadata<'a>, contacts: Vec<&'a RawValue>, messages: [&'a RawValue; 1] },
    Status { metadata: Metadata<'a>, statuses: [&'a RawValue; 1] },
    Field(&'a RawValue),
}

#[derive(Serialize)]
struct Metadata<'a> {
    phone_number_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    display_phone_number: Option<&'a str>,
}

/// The bytes of something that is put aside.
pub(super) struct Aside {
    pub payload: Bytes,
    /// Whether they were made here. What the sender wrote never counts for that, whatever it looks like.
    pub made: bool,
}

impl Aside {
    /// Bytes as they came.
    pub(super) fn as_it_came(payload: Bytes) -> Self {
        Self { payload, made: false }
    }
}

/// The bytes under which an event is put aside.
pub(super) fn around(event: &Event) -> Aside {
    made_around(event).map_or_else(|| Aside::as_it_came(raw(raw_of(event))), |payload| Aside { payload, made: true })
}

/// A webhook of the event's element; `None` if nothing says where it belongs.
fn made_around(event: &Event) -> Option<Bytes> {
    let (quarantined, account, time, field, value) = match event {
        Event::Message(received) => {
            let metadata = Metadata {
                phone_number_id: &received.phone_number_id,
                display_phone_number: received.display_phone_number.as_deref(),
            };
            let contacts = received.contact.as_deref().into_iter().collect();
            let value = Inner::Message { metadata, contacts, messages: [&received.message] };
            ("message", "", None, "messages", value)
        }
        Event::Status(status) => {
            let metadata = Metadata { phone_number_id: &status.phone_number_id, display_phone_number: None };
            ("status", "", None, "messages", Inner::Status { metadata, statuses: [&status.raw] })
        }
        // An element of `value.errors[]`, which is no value.
        Event::Other { field, .. } if field == "errors" => return None,
        Event::Other { field, waba_id, time_ms, raw, .. } => {
            ("field", waba_id.as_str(), time_ms.map(|ms| ms / 1_000), field.as_str(), Inner::Field(raw))
        }
        Event::Unreadable { why, raw: element, phone_number_id: Some(number) } => {
            let metadata = Metadata { phone_number_id: number, display_phone_number: None };
            match why.starts_with("status") {
                true => ("status", "", None, "messages", Inner::Status { metadata, statuses: [element] }),
                false => {
                    let value = Inner::Message { metadata, contacts: Vec::new(), messages: [element] };
                    ("message", "", None, "messages", value)
                }
            }
        }
        Event::Unreadable { .. } => return None,
    };
    let changes = [Change { field, value }];
    let whole = Whole { object: OBJECT, quarantined, entry: [Entry { id: account, time, changes }] };
    serde_json::to_vec(&whole).ok().map(Bytes::from)
}

/// The webhook that takes a row in again; `None` if nothing says where its element belongs.
pub fn webhook_of(row: &Quarantined) -> Option<Bytes> {
    if row.made {
        return Some(row.payload.clone());
    }
    let layer = row.detail.split_once(':').map_or("", |(layer, _)| layer);
    let whole: Result<Value, _> = serde_json::from_slice(&row.payload);
    match (&whole, layer) {
        // By the layer that could not be read: each is the smallest element.
        (Ok(entry), "entry") => Some(wrapped(&serde_json::json!({ "entry": [entry] }))),
        (Ok(change), "change") => Some(wrapped(&serde_json::json!({ "entry": [{ "changes": [change] }] }))),
        (Ok(value), "value") => {
            Some(wrapped(&serde_json::json!({ "entry": [{ "changes": [{ "field": "messages", "value": value }] }] })))
        }
        (_, "body" | "the body is not JSON") => Some(row.payload.clone()),
        (_, _) => None,
    }
}

fn wrapped(whole: &Value) -> Bytes {
    whole.to_string().into()
}

#[cfg(test)]
mod tests {
    use whatsapp::webhook;

    use super::*;

    fn row(reason: &str, detail: &str, Aside { payload, made }: Aside) -> Quarantined {
        let signed_by = "".into();
        Quarantined { reason: reason.into(), detail: detail.into(), received_ms: 0, signed_by, made, payload }
    }

    const BODY: &str = r#"{"object":"whatsapp_business_account","entry":[{"id":"9","time":1795340000,"changes":[
        {"field":"messages","value":{"metadata":{"phone_number_id":"1","display_phone_number":"15550100100"},
            "contacts":[{"wa_id":"447700900901","profile":{"name":"Ada"}}],
            "messages":[{"from":"447700900901","id":"wamid.1","timestamp":"1795340000","type":"text","text":{"body":"hi"}}, 7],
            "statuses":[{"id":"wamid.2","status":"sent","timestamp":"1795340000","recipient_id":"447700900901"}, {}]}},
        {"field":"account_update","value":{"event":"X"}}]}]}"#;

    #[test]
    fn an_element_that_is_put_aside_is_read_again_as_it_was() {
        let before = webhook::parse(BODY.as_bytes()).unwrap();
        assert_eq!(before.len(), 5);
        for event in before {
            let row = row("unknown_number", "", around(&event));
            let again = webhook::parse(&webhook_of(&row).unwrap()).unwrap();
            assert_eq!(format!("{again:?}"), format!("[{event:?}]"));
            let shown = actors::view::quarantined(1, &row).raw;
            assert_eq!(
                shown,
                serde_json::from_str::<Value>(raw_of(&event).get()).unwrap(),
                "the element alone is shown"
            );
        }
    }

    #[test]
    fn what_could_not_be_read_goes_back_to_where_it_stood_and_what_has_no_place_does_not() {
        let of = |detail: &str, payload: &'static str| {
            webhook_of(&row("unreadable", detail, Aside::as_it_came(payload.into())))
        };
        let entry = of("entry: missing field `changes`", r#"{"id":"9"}"#).unwrap();
        assert_eq!(&entry[..], br#"{"entry":[{"id":"9"}]}"#);
        assert!(of("change: missing field `field`", "{}").is_some() && of("value: odd", "{}").is_some());
        assert_eq!(of("the body is not JSON: EOF", "{").unwrap(), "{");
        assert!(of("message: missing field `id`", "{}").is_none());
        assert!(of("older than the window in which duplicates are known", "{}").is_none());
    }

    #[test]
    fn an_element_that_looks_like_what_is_made_here_is_an_element() {
        let forged = r#"{"quarantined":"message","entry":[{"changes":[{"field":"messages","value":{
            "metadata":{"phone_number_id":"1"},"messages":[{"from":"447700900901","id":"wamid.1"}]}}]}]}"#;
        let of = |detail: &str| row("unreadable", detail, Aside::as_it_came(forged.into()));
        assert_eq!(webhook_of(&of("message: missing field `id`")), None);
        let entry = webhook_of(&of("entry: missing field `changes`")).unwrap();
        assert!(!matches!(&webhook::parse(&entry).unwrap()[..], [webhook::Event::Message(_)]));
        assert_eq!(actors::view::quarantined(1, &of("message: x")).raw, serde_json::from_str::<Value>(forged).unwrap());
    }
}
