//! A contact as operators see it.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::Value;
use storage::ContactId;

use super::record::{ContactRecord, OptIn};
use super::{ContactError, Contacts, Of};
use crate::events;
use crate::identity;
use crate::view::{optional_rfc3339, rfc3339};

/// A contact.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ContactView {
    /// `p_…`
    pub id: String,
    /// The name that staff gave, else the profile's.
    pub name: Option<Box<str>>,
    /// The name in the person's profile.
    pub profile_name: Option<Box<str>>,
    /// The person's number, if known.
    pub wa_id: Option<Box<str>>,
    /// The person's business-scoped id, if known.
    pub user_id: Option<Box<str>>,
    /// Every id that leads to them.
    pub aliases: Vec<Box<str>>,
    /// Numbers that they had before.
    pub former_numbers: Vec<Box<str>>,
    /// Their language, if known.
    pub language: Option<Box<str>>,
    /// Tags.
    pub tags: BTreeSet<Box<str>>,
    /// Fields.
    pub fields: BTreeMap<Box<str>, Value>,
    /// The last word about marketing.
    pub marketing: Option<MarketingView>,
    /// Conversations with our numbers, last active first.
    pub conversations: Vec<ContactConversation>,
    /// Conversations of former contacts that became a part of these.
    pub merged: Vec<String>,
    /// When we first heard of them.
    #[serde(rename = "created_at", serialize_with = "rfc3339")]
    pub created_ms: u64,
    /// When they, or what is kept of them, last changed.
    #[serde(rename = "updated_at", serialize_with = "rfc3339")]
    pub updated_ms: u64,
    /// How often what is kept of them changed.
    pub revision: u64,
}

/// The last word about marketing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MarketingView {
    /// `opted_in` or `opted_out`
    pub state: &'static str,
    /// Who said so: `person`, `import`, or the name of a principal.
    pub source: Box<str>,
    /// When.
    #[serde(rename = "at", serialize_with = "rfc3339")]
    pub at_ms: u64,
}

/// A conversation of a contact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ContactConversation {
    /// `c_…`
    pub id: String,
    /// Our number.
    pub phone_number_id: Box<str>,
    /// As in the list of conversations.
    pub state: &'static str,
    /// The bot whose run is under way.
    pub bot: Option<String>,
    /// Whether messages that are no templates may be sent now.
    pub window_open: bool,
    /// End of the service window; absent if the person never wrote.
    #[serde(rename = "window_expires_at", serialize_with = "optional_rfc3339")]
    pub window_expires_ms: Option<u64>,
    /// Whether our number blocks the person at Meta.
    pub blocked: bool,
    /// When it last advanced.
    #[serde(rename = "updated_at", serialize_with = "rfc3339")]
    pub updated_ms: u64,
}

/// The last word about marketing that anybody said.
pub(super) fn last_word(conversations: &[Of], record: &ContactRecord) -> Option<OptIn> {
    let person = conversations.iter().filter_map(|of| of.state.marketing);
    let person = person.map(|said| OptIn { wanted: said.wanted, at_ms: said.at_ms, source: "person".into() });
    // What staff said reached the conversations under the same time: its source is the one that tells more.
    let staff = record.marketing.clone();
    staff.into_iter().chain(person).reduce(|last, other| if other.at_ms > last.at_ms { other } else { last })
}

impl Contacts {
    /// A contact with the conversations that `sees` allows; `None` if nothing is known of it, or none may be seen.
    pub async fn view(
        &self,
        contact: ContactId,
        sees: &(dyn Fn(&str) -> bool + Sync),
    ) -> Result<Option<ContactView>, ContactError> {
        let mut conversations = self.conversations(contact).await?;
        let record = match self.record(contact).await {
            // What they said is shown, and all of it can be erased.
            Err(ContactError::Damaged(_)) => {
                events::unreadable(super::record::CONTACT, 1);
                ContactRecord::default()
            }
            record => record?,
        };
        let known = !conversations.is_empty();
        conversations.retain(|of| of.state.merged_into.is_none() && sees(&of.state.number_id));
        // Whoever never wrote belongs to no number: seen by who sees any.
        if conversations.is_empty() && (known || record.is_blank()) {
            return Ok(None);
        }
        conversations.sort_by_key(|of| std::cmp::Reverse(of.head.updated_ms));
        Ok(Some(self.shown(contact, &conversations, record)))
    }

    fn shown(&self, contact: ContactId, conversations: &[Of], record: ContactRecord) -> ContactView {
        let now_ms = self.clock.now_ms();
        let person = conversations.first().map(|of| of.state.person.clone()).unwrap_or_default();
        let marketing = last_word(conversations, &record);
        let mut aliases: BTreeSet<Box<str>> = conversations.iter().flat_map(aliases_of).collect();
        aliases.extend(record.phone.iter().map(|phone| identity::phone_alias(phone).0));
        let former = conversations.iter().flat_map(|of| &of.state.former);
        let former: BTreeSet<Box<str>> =
            former.filter_map(|former| former.alias.0.strip_prefix("wa:")).map(Into::into).collect();
        let heads = || conversations.iter().map(|of| &of.head);
        let kept = (record.created_ms > 0).then_some((record.created_ms, record.updated_ms));
        let created = heads().map(|head| head.created_ms).chain(kept.map(|kept| kept.0)).min();
        let updated = heads().map(|head| head.updated_ms).chain(kept.map(|kept| kept.1)).max();
        ContactView {
            id: identity::contact_text(contact),
            name: record.name.or_else(|| person.name.clone()),
            profile_name: person.name,
            wa_id: person.wa_id.or(record.phone),
            user_id: person.user_id,
            aliases: aliases.into_iter().collect(),
            former_numbers: former.into_iter().collect(),
            language: record.language,
            tags: record.tags,
            fields: record.fields,
            marketing: marketing.map(|said| MarketingView {
                state: if said.wanted { "opted_in" } else { "opted_out" },
                source: said.source,
                at_ms: said.at_ms,
            }),
            conversations: conversations.iter().map(|of| conversation(of, now_ms)).collect(),
            merged: conversations.iter().flat_map(|of| &of.state.absorbed).map(ToString::to_string).collect(),
            created_ms: created.unwrap_or_default(),
            updated_ms: updated.unwrap_or_default(),
            revision: record.revision,
        }
    }
}

fn conversation(of: &Of, now_ms: u64) -> ContactConversation {
    let view = crate::view::listed(of.id, &of.head);
    ContactConversation {
        id: view.id,
        phone_number_id: view.phone_number_id,
        state: view.state,
        bot: view.bot,
        window_open: of.state.window_is_open(now_ms),
        window_expires_ms: view.window_expires_ms,
        blocked: false,
        updated_ms: view.updated_ms,
    }
}

/// Meta's ids that lead to the person of a conversation, now or before.
pub(crate) fn aliases_of(of: &Of) -> Vec<Box<str>> {
    let state = &of.state;
    let number = state.person.wa_id.as_deref().map(identity::phone_alias);
    let user = state.person.user_id.as_deref().map(identity::user_alias);
    let former = state.former.iter().filter(|former| !former.passed_on).map(|former| former.alias.clone());
    state.aliases.iter().cloned().chain(number).chain(user).chain(former).map(|alias| alias.0).collect()
}
