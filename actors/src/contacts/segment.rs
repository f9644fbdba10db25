//! Segments: who has a tag, page by page, each person once.

use storage::{ContactId, Listed};

use super::record::{self, TAG, check_tag};
use super::{ContactError, Contacts};
use crate::identity;

/// Rows read at once.
const CHUNK: usize = 200;

/// A contact of a segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Who.
    pub contact: ContactId,
    /// Their number in digits, if known.
    pub wa_id: Option<Box<str>>,
    /// Their business-scoped id, if known.
    pub user_id: Option<Box<str>>,
    /// Whether they do not want marketing, by the last word that anybody said.
    pub opted_out: bool,
}

impl Contacts {
    /// A page of everybody who has a tag, in an order of its own that stays the same. `cursor` is [`Listed::next`] of the
    /// page before. A tag of another form nobody has.
    pub async fn contacts_with(
        &self,
        tag: &str,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Listed<Member>, ContactError> {
        let mut items = Vec::new();
        if check_tag(tag).is_err() {
            return Ok(Listed { items, next: None });
        }
        let prefix = record::tag_key(tag, "");
        let mut after: Box<str> = cursor.map_or_else(|| prefix.clone(), |cursor| record::tag_key(tag, cursor));
        loop {
            let rows = self.store.documents_page(TAG, Some(&after), CHUNK).await?;
            let is_last = rows.len() < CHUNK;
            for (key, _) in rows {
                let Some(contact) = key.strip_prefix(&*prefix) else { return Ok(Listed { items, next: None }) };
                if items.len() >= limit.max(1) {
                    let next = after.strip_prefix(&*prefix).map(Into::into);
                    return Ok(Listed { items, next });
                }
                let Some(contact) = identity::unhex(contact) else { continue };
                items.extend(self.member(tag, contact).await?);
                after = key;
            }
            if is_last {
                return Ok(Listed { items, next: None });
            }
        }
    }

    /// Who a row of the index stands for; `None` for a part of somebody whose own row comes later, or came already.
    async fn member(&self, tag: &str, contact: ContactId) -> Result<Option<Member>, ContactError> {
        let whole = self.canonical(contact).await?;
        if whole != contact {
            let had = self.stored(whole).await?.is_some_and(|record| record.tags.contains(tag));
            self.gather(whole).await?;
            if had || whole > contact {
                return Ok(None);
            }
        }
        self.as_member(whole).await.map(Some)
    }

    /// A contact as a segment has it.
    pub async fn as_member(&self, contact: ContactId) -> Result<Member, ContactError> {
        let (conversations, record) = (self.conversations(contact).await?, self.record(contact).await?);
        let last = conversations.iter().max_by_key(|of| of.head.updated_ms);
        let person = last.map(|of| of.state.person.clone()).unwrap_or_default();
        let said = super::view::last_word(&conversations, &record);
        Ok(Member {
            contact,
            wa_id: person.wa_id.or(record.phone),
            user_id: person.user_id,
            opted_out: said.is_some_and(|said| !said.wanted),
        })
    }
}
