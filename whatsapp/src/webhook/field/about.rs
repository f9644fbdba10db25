//! The fields whose elements are each about one person, element by element.

use serde_json::value::RawValue;

use super::{Echo, Preference, UserIdChange, coexistence, people, raw_elements};
use crate::webhook::lax;

/// What an element says about a person.
#[derive(Debug, Clone, PartialEq)]
pub enum About {
    /// What the person wants to receive.
    Preference(Preference),
    /// A new business-scoped user id.
    UserId(UserIdChange),
    /// Staff wrote to the person from the phone app.
    Echo(Box<Echo>),
}

/// The elements of `user_preferences`, `user_id_update` and `smb_message_echoes` as they came; `None` beside one that
/// cannot be read. Empty for every other field, and for these in an odd shape.
pub fn about_people(field: &str, raw: &str) -> Vec<(Box<RawValue>, Option<About>)> {
    let (list, read): (&str, fn(&str) -> Option<About>) = match field {
        "user_preferences" => ("user_preferences", |raw| lax::object(raw).ok().map(About::Preference)),
        "user_id_update" => ("user_id_update", |raw| people::user_id(raw).map(About::UserId)),
        "smb_message_echoes" => {
            ("message_echoes", |raw| coexistence::echo(raw).map(|echo| About::Echo(Box::new(echo))))
        }
        _ => return Vec::new(),
    };
    let elements = raw_elements(raw, list).unwrap_or_default();
    elements.into_iter().map(|element| (element.to_owned(), read(element.get()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_element_stands_beside_what_it_says_and_an_odd_one_alone() {
        let raw = r#"{ "user_preferences": [
            { "wa_id": "447700900123", "category": "marketing_messages", "value": "stop" }, 7,
            { "user_id": "GB.1", "category": "marketing_messages", "value": "resume" } ] }"#;
        let elements = about_people("user_preferences", raw);
        let wanted: Vec<_> = elements
            .iter()
            .map(|(_, about)| match about {
                Some(About::Preference(preference)) => preference.marketing(),
                _ => None,
            })
            .collect();
        assert_eq!(wanted, [Some(false), None, Some(true)]);
        assert_eq!((elements[1].0.get(), &elements[1].1), ("7", &None));
        assert!(about_people("account_update", raw).is_empty() && about_people("user_preferences", "[]").is_empty());
    }

    #[test]
    fn echoes_and_user_ids_are_read_one_by_one() {
        let raw = r#"{ "message_echoes": [{ "from": "15550100100", "to": "447700900123", "id": "wamid.E",
            "timestamp": "1900000000", "type": "text", "text": { "body": "hi" } }] }"#;
        let Some(About::Echo(echo)) = &about_people("smb_message_echoes", raw)[0].1 else { panic!("no echo") };
        assert_eq!((echo.to.as_deref(), echo.message.text()), (Some("447700900123"), "hi"));
        let raw = r#"{ "user_id_update": [{ "user_id": { "previous": "GB.1", "current": "GB.2" } }] }"#;
        let Some(About::UserId(change)) = &about_people("user_id_update", raw)[0].1 else { panic!("no change") };
        assert_eq!((change.previous.as_deref(), &*change.current), (Some("GB.1"), "GB.2"));
    }
}
