//! What an event is: its type, its time, and data with who and what it is about. The body is made once and kept, so that
//! every try sends the same bytes.

use serde::Serialize;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::view::time_text;

/// What all events say of where they happened; what does not apply is null.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct About {
    /// The conversation's id.
    pub conversation: String,
    /// The business number's id.
    pub phone_number_id: Box<str>,
    /// The person's number, if it is known.
    pub wa_id: Option<Box<str>>,
    /// The person's business-scoped id, if it is known.
    pub user_id: Option<Box<str>>,
    /// The bot's id.
    pub bot: Option<Box<str>>,
    /// The bot's version.
    pub version: Option<Box<str>>,
    /// The run's id.
    pub run: Option<Box<str>>,
    /// The node.
    pub node: Option<Box<str>>,
}

/// What an event is told from others by.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Occasion<'a> {
    pub at_ms: u64,
    /// The turn or the dead letter.
    pub name: &'a str,
    /// The place in it.
    pub place: usize,
}

/// An event, ready to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Event {
    /// `webhook-id`.
    pub id: Box<str>,
    /// Its type.
    pub kind: Box<str>,
    pub at_ms: u64,
    /// JSON.
    pub body: Box<str>,
}

impl Event {
    /// The same occasion at the same time gives the same id, whenever it is computed again.
    pub(crate) fn new(
        secret: &[u8; 16],
        occasion: Occasion<'_>,
        kind: &str,
        about: &About,
        more: Map<String, Value>,
    ) -> Self {
        #[derive(Serialize)]
        struct Body<'a> {
            r#type: &'a str,
            timestamp: String,
            data: Data<'a>,
        }
        #[derive(Serialize)]
        struct Data<'a> {
            #[serde(flatten)]
            about: &'a About,
            #[serde(flatten)]
            more: Map<String, Value>,
        }
        let Occasion { at_ms, .. } = occasion;
        let body = Body { r#type: kind, timestamp: time_text(at_ms), data: Data { about, more } };
        let body = serde_json::to_string(&body).expect("own types always encode as JSON");
        Self { id: id(secret, &occasion), kind: kind.into(), at_ms, body: body.into() }
    }
}

/// Ids sort by time and, within a turn, by place, so that events begin their way in order. No outsider can guess one, and
/// there is no full stop in it, as the signature scheme wants.
fn id(secret: &[u8; 16], occasion: &Occasion<'_>) -> Box<str> {
    let Occasion { at_ms, name, place } = occasion;
    let named = format!("{name}:{place}");
    let digest = Sha256::new().chain_update(secret).chain_update([0]).chain_update(named).finalize();
    let hex: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    format!("evt_{:012x}{:04x}{hex}", at_ms & 0xFFFF_FFFF_FFFF, place & 0xFFFF).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn body_has_type_time_and_data_and_the_id_belongs_to_the_occasion() {
        let about = About { conversation: "c_1".into(), phone_number_id: "700".into(), ..About::default() };
        let more = Map::from_iter([("reason".to_owned(), Value::from("done"))]);
        let event_at = |name, place| {
            let occasion = Occasion { at_ms: 1_795_340_000_007, name, place };
            Event::new(&[7; 16], occasion, "run.finished", &about, more.clone())
        };
        let event = |name| event_at(name, 0);
        let expected = concat!(
            r#"{"type":"run.finished","timestamp":"2026-11-22T09:33:20.007Z","data":{"conversation":"c_1","#,
            r#""phone_number_id":"700","wa_id":null,"user_id":null,"bot":null,"version":null,"run":null,"node":null,"#,
            r#""reason":"done"}}"#
        );
        assert_eq!(&*event("a").body, expected);
        assert_eq!(event("a"), event("a"));
        assert_ne!(event("a").id, event("b").id);
        assert!(event_at("z", 1).id < event_at("a", 2).id, "in the order of the turn");
        assert!(event("a").id.len() == 36 && !event("a").id.contains('.'));
    }
}
