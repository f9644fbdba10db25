//! Who wrote: an element of `contacts[]`.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::lax;

/// A person as Meta describes them. Names are chosen by the person: untrusted, and may be missing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Profile {
    /// The display name.
    pub name: Option<String>,
    /// The username, if the person adopted one.
    pub username: Option<String>,
    /// The number in digits; missing when it is withheld.
    pub wa_id: Option<String>,
    /// The business-scoped user id.
    pub user_id: Option<String>,
    /// Its parent form, for enrolled portfolios.
    pub parent_user_id: Option<String>,
}

#[derive(Deserialize, Default)]
struct Contact<'a> {
    #[serde(borrow, default)]
    profile: Option<&'a RawValue>,
    #[serde(default, deserialize_with = "lax::owned_id")]
    wa_id: Option<String>,
    #[serde(default, deserialize_with = "lax::owned_id")]
    user_id: Option<String>,
    #[serde(default, deserialize_with = "lax::owned_id")]
    parent_user_id: Option<String>,
}

#[derive(Deserialize, Default)]
struct Names {
    #[serde(default, deserialize_with = "lax::owned_id")]
    name: Option<String>,
    #[serde(default, deserialize_with = "lax::owned_id")]
    username: Option<String>,
}

impl Profile {
    /// Reads an element of `contacts[]`; what cannot be read is left out.
    pub fn parse(raw: &str) -> Self {
        let contact: Contact<'_> = lax::object(raw).unwrap_or_default();
        let names: Names = contact.profile.and_then(|raw| lax::object(raw.get()).ok()).unwrap_or_default();
        Self {
            name: names.name,
            username: names.username,
            wa_id: contact.wa_id,
            user_id: contact.user_id,
            parent_user_id: contact.parent_user_id,
        }
    }
}
