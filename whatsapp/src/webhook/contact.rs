//! Finding the sender of a message among `contacts[]`, by id and never by position.

use std::borrow::Cow;
use std::collections::HashMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::lax;

/// The contacts of one value, by each of their ids.
pub(crate) struct Contacts<'a> {
    only: Option<&'a RawValue>,
    by_wa_id: HashMap<Cow<'a, str>, &'a RawValue>,
    by_user_id: HashMap<Cow<'a, str>, &'a RawValue>,
}

#[derive(Deserialize)]
struct Ids<'a> {
    #[serde(borrow, default, deserialize_with = "lax::id")]
    wa_id: Option<Cow<'a, str>>,
    #[serde(borrow, default, deserialize_with = "lax::id")]
    user_id: Option<Cow<'a, str>>,
}

impl<'a> Contacts<'a> {
    /// Indexes the elements; one that cannot be read is passed over.
    pub(crate) fn new(items: &[&'a RawValue]) -> Self {
        let only = if let [one] = items { Some(*one) } else { None };
        let mut contacts = Self { only, by_wa_id: HashMap::new(), by_user_id: HashMap::new() };
        for &raw in items {
            let Ok(ids) = lax::object::<Ids<'a>>(raw.get()) else { continue };
            if let Some(wa_id) = ids.wa_id {
                contacts.by_wa_id.entry(wa_id).or_insert(raw);
            }
            if let Some(user_id) = ids.user_id {
                contacts.by_user_id.entry(user_id).or_insert(raw);
            }
        }
        contacts
    }

    /// The contact with one of these ids. A message that names nobody takes a contact that stands alone.
    pub(crate) fn find(&self, wa_id: Option<&str>, user_id: Option<&str>) -> Option<&'a RawValue> {
        if wa_id.is_none() && user_id.is_none() {
            return self.only;
        }
        let by_wa_id = wa_id.and_then(|id| self.by_wa_id.get(id));
        by_wa_id.or_else(|| user_id.and_then(|id| self.by_user_id.get(id))).copied()
    }
}
