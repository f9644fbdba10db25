//! The list of contacts: those who wrote, last active first, then those who were imported and never wrote.

use std::cmp::Reverse;

use storage::{ContactId, ConversationId, Head, Listed, Page};

use super::record::CONTACT;
use super::{ContactError, ContactView, Contacts};
use crate::codec;
use crate::events;
use crate::identity;

/// Rows looked at for one page, whatever the filter leaves of them.
const LOOKED_AT: usize = 2_000;
/// What a cursor begins with, by the part of the list that it stands in.
const CONVERSATIONS: &str = "c:";
const IMPORTED: &str = "i:";
const TAGGED: &str = "t:";

/// Which contacts are asked for.
#[derive(Clone, Debug, Default)]
pub struct ContactFilter {
    /// With this tag.
    pub tag: Option<Box<str>>,
    /// With this in a name, a number or an id, whatever the case.
    pub text: Option<Box<str>>,
}

impl ContactFilter {
    fn takes(&self, view: &ContactView) -> bool {
        let Some(text) = self.text.as_deref().map(str::to_lowercase) else { return true };
        let names = [&view.name, &view.profile_name, &view.wa_id, &view.user_id];
        let texts = names.into_iter().flatten().chain(&view.former_numbers);
        texts.into_iter().any(|own| own.to_lowercase().contains(&text))
    }
}

/// How much may still be looked at and taken.
struct Budget {
    items: Vec<ContactView>,
    limit: usize,
    looks: usize,
}

impl Budget {
    fn left(&self) -> usize {
        (self.limit - self.items.len()).min(self.looks)
    }
}

impl Contacts {
    /// A page of contacts. It may be short and still have a next one.
    pub async fn list(
        &self,
        filter: &ContactFilter,
        cursor: Option<&str>,
        limit: usize,
        sees: &(dyn Fn(&str) -> bool + Sync),
    ) -> Result<Listed<ContactView>, ContactError> {
        let mut budget = Budget { items: Vec::new(), limit: limit.max(1), looks: LOOKED_AT };
        let next = match (&filter.tag, cursor) {
            (Some(tag), cursor) => {
                let after = cursor.and_then(|cursor| cursor.strip_prefix(TAGGED));
                self.tagged(filter, (tag, after), &mut budget, sees).await?
            }
            (None, Some(cursor)) if cursor.starts_with(IMPORTED) => {
                self.imported(filter, cursor.strip_prefix(IMPORTED), &mut budget, sees).await?
            }
            (None, cursor) => {
                let after = cursor.and_then(|cursor| cursor.strip_prefix(CONVERSATIONS));
                match self.active(filter, after, &mut budget, sees).await? {
                    Some(next) => Some(next),
                    None if budget.left() > 0 => self.imported(filter, None, &mut budget, sees).await?,
                    None => Some(IMPORTED.into()),
                }
            }
        };
        Ok(Listed { items: budget.items, next })
    }

    async fn active(
        &self,
        filter: &ContactFilter,
        after: Option<&str>,
        budget: &mut Budget,
        sees: &(dyn Fn(&str) -> bool + Sync),
    ) -> Result<Option<Box<str>>, ContactError> {
        let mut after: Option<Box<str>> = after.map(Into::into);
        loop {
            let page = self.store.conversations(None, Page { cursor: after, limit: budget.left() }).await?;
            budget.looks -= page.items.len().min(budget.looks);
            for (id, head) in page.items {
                if let Some(contact) = self.newest_of(id, &head).await? {
                    let view = self.view(contact, sees).await?;
                    budget.items.extend(view.filter(|view| filter.takes(view)));
                }
            }
            after = page.next;
            let Some(next) = &after else { return Ok(None) };
            if budget.left() == 0 {
                return Ok(Some(format!("{CONVERSATIONS}{next}").into()));
            }
        }
    }

    /// The contact of a conversation, if no other conversation of it comes before this one in the list.
    async fn newest_of(&self, id: ConversationId, head: &Head) -> Result<Option<ContactId>, ContactError> {
        let contact = identity::contact_of(id);
        let place = |id: ConversationId, head: &Head| Reverse((head.updated_ms, id));
        let conversations = self.conversations(contact).await?;
        let merged = |of: &&super::Of| of.state.merged_into.is_none();
        let first = conversations.iter().filter(merged).min_by_key(|of| place(of.id, &of.head));
        // One that was active since the page was read is shown where it was.
        let is_first = first.is_some_and(|first| first.id == id || place(first.id, &first.head) > place(id, head));
        Ok(is_first.then_some(contact))
    }

    async fn imported(
        &self,
        filter: &ContactFilter,
        after: Option<&str>,
        budget: &mut Budget,
        sees: &(dyn Fn(&str) -> bool + Sync),
    ) -> Result<Option<Box<str>>, ContactError> {
        let mut after: Option<Box<str>> = after.filter(|after| !after.is_empty()).map(Into::into);
        loop {
            let wanted = budget.left();
            let rows = self.store.documents_page(CONTACT, after.as_deref(), wanted).await?;
            let is_last = rows.len() < wanted;
            budget.looks -= rows.len().min(budget.looks);
            for (key, bytes) in rows {
                let record = codec::decode::<super::ContactRecord>(&bytes).unwrap_or_else(|_| {
                    events::unreadable(CONTACT, 1);
                    super::ContactRecord::default()
                });
                let contact = identity::unhex(&key).filter(|_| record.phone.is_some());
                after = Some(key);
                let Some(contact) = contact else { continue };
                if self.conversations(contact).await?.is_empty() {
                    let view = self.view(contact, sees).await?;
                    budget.items.extend(view.filter(|view| filter.takes(view)));
                }
            }
            if is_last {
                return Ok(None);
            }
            if budget.left() == 0 {
                return Ok(after.map(|after| format!("{IMPORTED}{after}").into()));
            }
        }
    }

    async fn tagged(
        &self,
        filter: &ContactFilter,
        (tag, after): (&str, Option<&str>),
        budget: &mut Budget,
        sees: &(dyn Fn(&str) -> bool + Sync),
    ) -> Result<Option<Box<str>>, ContactError> {
        let mut after: Option<Box<str>> = after.map(Into::into);
        loop {
            let page = self.contacts_with(tag, after.as_deref(), budget.left()).await?;
            budget.looks -= page.items.len().clamp(1, budget.looks);
            for member in page.items {
                let view = self.view(member.contact, sees).await?;
                budget.items.extend(view.filter(|view| filter.takes(view)));
            }
            after = page.next;
            let Some(next) = &after else { return Ok(None) };
            if budget.left() == 0 {
                return Ok(Some(format!("{TAGGED}{next}").into()));
            }
        }
    }
}
