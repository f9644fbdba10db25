//! The envelope: entries, changes and values, walked twice at most.
//!
//! 1. Read envelope, entries and changes in one pass, as Meta writes them.
//! 2. Only when that fails, read them layer by layer, so that the one odd layer is set apart.
//!
//! A `value` and the elements of its arrays are read on their own in both cases.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::contact::Contacts;
use super::lax::{self, List};
use super::{Event, Received, status};

const OBJECT: &str = "whatsapp_business_account";

#[derive(Deserialize)]
#[serde(bound(deserialize = "E: Deserialize<'de>"))]
struct Envelope<'a, E> {
    #[serde(borrow, default, deserialize_with = "lax::text")]
    object: Option<Cow<'a, str>>,
    entry: Vec<E>,
}

#[derive(Deserialize)]
#[serde(bound(deserialize = "C: Deserialize<'de>"))]
struct Entry<'a, C> {
    #[serde(borrow, default, deserialize_with = "lax::text")]
    id: Option<Cow<'a, str>>,
    #[serde(default, deserialize_with = "lax::seconds")]
    time: Option<u64>,
    changes: Vec<C>,
}

#[derive(Deserialize)]
struct Change<'a> {
    #[serde(borrow)]
    field: Cow<'a, str>,
    #[serde(borrow)]
    value: &'a RawValue,
}

#[derive(Deserialize)]
struct Value<'a> {
    #[serde(borrow, default)]
    metadata: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "lax::list")]
    contacts: List<'a>,
    #[serde(borrow, default, deserialize_with = "lax::list")]
    messages: List<'a>,
    #[serde(borrow, default, deserialize_with = "lax::list")]
    statuses: List<'a>,
    #[serde(borrow, default, deserialize_with = "lax::list")]
    errors: List<'a>,
}

#[derive(Deserialize, Default)]
struct Metadata<'a> {
    #[serde(borrow, default, deserialize_with = "lax::id")]
    phone_number_id: Option<Cow<'a, str>>,
    #[serde(borrow, default, deserialize_with = "lax::id")]
    display_phone_number: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Head<'a> {
    #[serde(borrow, default, deserialize_with = "lax::id")]
    id: Option<Cow<'a, str>>,
    #[serde(borrow, default, deserialize_with = "lax::id")]
    from: Option<Cow<'a, str>>,
    #[serde(borrow, default, deserialize_with = "lax::id")]
    from_user_id: Option<Cow<'a, str>>,
    #[serde(default, deserialize_with = "lax::owned_id")]
    from_parent_user_id: Option<String>,
    #[serde(default, deserialize_with = "lax::owned_id")]
    group_id: Option<String>,
    #[serde(default, deserialize_with = "lax::seconds")]
    timestamp: Option<u64>,
}

/// What the layers above a value say about it.
struct Place<'a> {
    waba_id: &'a str,
    time_ms: Option<u64>,
}

/// The events of a body. Errors: the text is not JSON.
pub(crate) fn events(text: &str) -> Result<Vec<Event>, serde_json::Error> {
    let mut out = Vec::new();
    match lax::object::<Envelope<'_, Entry<'_, Change<'_>>>>(text) {
        Ok(envelope) if is_ours(&envelope.object) => {
            for entry in &envelope.entry {
                let place = Place { waba_id: entry.id.as_deref().unwrap_or_default(), time_ms: entry.time };
                entry.changes.iter().for_each(|c| change(&mut out, &place, c));
            }
        }
        _ => by_layer(&mut out, serde_json::from_str(text)?),
    }
    Ok(out)
}

fn is_ours(object: &Option<Cow<'_, str>>) -> bool {
    // the signature already says that it is Meta's; a missing name is no reason to lose messages
    object.as_deref().is_none_or(|name| name == OBJECT)
}

fn by_layer(out: &mut Vec<Event>, body: &RawValue) {
    #[derive(Deserialize)]
    struct Object<'a> {
        #[serde(borrow, default, deserialize_with = "lax::text")]
        object: Option<Cow<'a, str>>,
    }
    if let Ok(Object { object: Some(name) }) = lax::object(body.get())
        && name != OBJECT
    {
        let place = Place { waba_id: "", time_ms: None };
        return out.push(other(&place, &name, None, body));
    }
    match lax::object::<Envelope<'_, &RawValue>>(body.get()) {
        Ok(envelope) => envelope.entry.iter().for_each(|raw| entry_by_layer(out, raw)),
        Err(error) => out.push(unreadable("body", &error, body)),
    }
}

fn entry_by_layer(out: &mut Vec<Event>, raw: &RawValue) {
    let entry = match lax::object::<Entry<'_, &RawValue>>(raw.get()) {
        Ok(entry) => entry,
        Err(error) => return out.push(unreadable("entry", &error, raw)),
    };
    let place = Place { waba_id: entry.id.as_deref().unwrap_or_default(), time_ms: entry.time };
    for raw in entry.changes {
        match lax::object(raw.get()) {
            Ok(c) => change(out, &place, &c),
            Err(error) => out.push(unreadable("change", &error, raw)),
        }
    }
}

fn change(out: &mut Vec<Event>, place: &Place<'_>, change: &Change<'_>) {
    if change.field != "messages" {
        let number = lax::object(change.value.get()).ok().and_then(|v: Value<'_>| metadata(v.metadata).phone_number_id);
        return out.push(other(place, &change.field, number, change.value));
    }
    match lax::object(change.value.get()) {
        Ok(value) => self::value(out, place, &value, change.value),
        Err(error) => out.push(unreadable("value", &error, change.value)),
    }
}

fn metadata(raw: Option<&RawValue>) -> Metadata<'_> {
    raw.and_then(|raw| lax::object(raw.get()).ok()).unwrap_or_default()
}

fn value(out: &mut Vec<Event>, place: &Place<'_>, value: &Value<'_>, raw: &RawValue) {
    let metadata = metadata(value.metadata);
    let before = out.len();
    match &metadata.phone_number_id {
        Some(number) => addressed(out, number, &metadata, value),
        None if !value.messages.items.is_empty() || !value.statuses.items.is_empty() => {
            return out.push(unreadable("value", &"no metadata.phone_number_id", raw));
        }
        None => {}
    }
    for error in &value.errors.items {
        out.push(other(place, "errors", metadata.phone_number_id.clone(), error));
    }
    for (name, list) in [("messages", &value.messages), ("statuses", &value.statuses), ("errors", &value.errors)] {
        if list.odd {
            out.push(unreadable(name, &"not an array", raw));
        }
    }
    if out.len() == before {
        out.push(other(place, "messages", metadata.phone_number_id, raw));
    }
}

fn addressed(out: &mut Vec<Event>, number: &str, metadata: &Metadata<'_>, value: &Value<'_>) {
    let contacts = Contacts::new(&value.contacts.items);
    for raw in &value.messages.items {
        out.push(match received(number, metadata, &contacts, raw) {
            Ok(received) => Event::Message(received),
            Err(error) => unreadable_of(number, "message", &error, raw),
        });
    }
    for raw in &value.statuses.items {
        out.push(match status::read(number, raw) {
            Ok(status) => Event::Status(status),
            Err(error) => unreadable_of(number, "status", &error, raw),
        });
    }
}

fn received(
    number: &str,
    metadata: &Metadata<'_>,
    contacts: &Contacts<'_>,
    raw: &RawValue,
) -> Result<Received, serde_json::Error> {
    let head: Head<'_> = lax::object(raw.get())?;
    let contact = contacts.find(head.from.as_deref(), head.from_user_id.as_deref());
    Ok(Received {
        phone_number_id: number.to_owned(),
        wamid: head.id.ok_or_else(|| serde::de::Error::missing_field("id"))?.into_owned(),
        from: head.from.map(Cow::into_owned),
        from_user_id: head.from_user_id.map(Cow::into_owned),
        from_parent_user_id: head.from_parent_user_id,
        group_id: head.group_id,
        sent_ms: head.timestamp,
        display_phone_number: metadata.display_phone_number.as_deref().map(str::to_owned),
        message: raw.to_owned(),
        contact: contact.map(RawValue::to_owned),
    })
}

fn other(place: &Place<'_>, field: &str, number: Option<Cow<'_, str>>, raw: &RawValue) -> Event {
    Event::Other {
        field: field.to_owned(),
        waba_id: place.waba_id.to_owned(),
        phone_number_id: number.map(Cow::into_owned),
        time_ms: place.time_ms,
        raw: raw.to_owned(),
    }
}

fn unreadable(what: &str, error: &dyn std::fmt::Display, raw: &RawValue) -> Event {
    Event::Unreadable { why: format!("{what}: {error}"), raw: raw.to_owned(), phone_number_id: None }
}

fn unreadable_of(number: &str, what: &str, error: &dyn std::fmt::Display, raw: &RawValue) -> Event {
    let phone_number_id = Some(number.to_owned());
    Event::Unreadable { why: format!("{what}: {error}"), raw: raw.to_owned(), phone_number_id }
}
