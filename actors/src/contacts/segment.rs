//! Segments: who has some tags and fields, page by page, each person once.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use storage::{ContactId, Listed};

use super::record::{self, CONTACT, ContactRecord, ContactRefusal, TAG, check_tag};
use super::{ContactError, Contacts, Of};
use crate::identity;

/// Rows read at once.
const CHUNK: usize = 200;
/// Tags and fields that one segment names at the most, each.
const MAX_NAMED: usize = 16;

/// Which contacts are meant: who has all of the tags and fields, and none of the other tags.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Segment {
    /// They have each of these. The first one is what they are looked up by.
    pub tags: Vec<Box<str>>,
    /// And none of these.
    pub not_tags: BTreeSet<Box<str>>,
    /// And these fields with these values.
    pub fields: BTreeMap<Box<str>, Value>,
}

impl Segment {
    /// Whether it names anything that somebody has; else it would be everybody.
    pub fn names_somebody(&self) -> bool {
        !self.tags.is_empty() || !self.fields.is_empty()
    }

    /// Checks the form of what it names.
    pub fn check(&self) -> Result<(), ContactRefusal> {
        if self.tags.len().max(self.not_tags.len()) > MAX_NAMED {
            return Err(ContactRefusal::TooMany(MAX_NAMED, "tags in a segment"));
        }
        if self.fields.len() > MAX_NAMED {
            return Err(ContactRefusal::TooMany(MAX_NAMED, "fields in a segment"));
        }
        self.tags.iter().chain(&self.not_tags).try_for_each(|tag| check_tag(tag))?;
        self.fields.iter().try_for_each(|(name, value)| record::check_field(name, value))
    }

    fn takes(&self, record: &ContactRecord) -> bool {
        self.tags.iter().all(|tag| record.tags.contains(tag))
            && self.not_tags.is_disjoint(&record.tags)
            && self.fields.iter().all(|(name, value)| record.fields.get(name) == Some(value))
    }
}

/// Somebody of a segment, with what a message to them may name.
#[derive(Clone, Debug, PartialEq)]
pub struct Chosen {
    /// Who.
    pub member: Member,
    /// The name that staff gave, else the profile's.
    pub name: Option<Box<str>>,
    /// Their language, if known.
    pub language: Option<Box<str>>,
    /// Their fields.
    pub fields: BTreeMap<Box<str>, Value>,
}

/// A page of a segment.
#[derive(Clone, Debug, PartialEq)]
pub struct SegmentPage {
    /// Who belongs to it. It may be short, or even empty, and still have a next one.
    pub items: Vec<Chosen>,
    /// How many contacts were looked at for it.
    pub looked_at: usize,
    /// Where it goes on, if it does.
    pub next: Option<Box<str>>,
}

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
    /// A page of a segment, in an order of its own that stays the same: of those who are seen. `cursor` is
    /// [`SegmentPage::next`] of the page before.
    pub async fn of_segment(
        &self,
        segment: &Segment,
        cursor: Option<&str>,
        limit: usize,
        sees: &(dyn Fn(&str) -> bool + Sync),
    ) -> Result<SegmentPage, ContactError> {
        let page = match segment.tags.first() {
            Some(tag) => self.ids_with(tag, cursor, limit).await?,
            None => self.ids_kept(cursor, limit).await?,
        };
        let (looked_at, mut items) = (page.items.len(), Vec::new());
        for contact in page.items {
            items.extend(self.chosen(contact, segment, sees).await?);
        }
        Ok(SegmentPage { items, looked_at, next: page.next })
    }

    async fn chosen(
        &self,
        contact: ContactId,
        segment: &Segment,
        sees: &(dyn Fn(&str) -> bool + Sync),
    ) -> Result<Option<Chosen>, ContactError> {
        let record = self.record(contact).await?;
        if !segment.takes(&record) {
            return Ok(None);
        }
        let conversations = self.conversations(contact).await?;
        // Whoever never wrote belongs to no number: seen by who sees any.
        let is_seen = |of: &Of| of.state.merged_into.is_none() && sees(&of.state.number_id);
        if !conversations.is_empty() && !conversations.iter().any(is_seen) {
            return Ok(None);
        }
        let profile = last_of(&conversations).and_then(|of| of.state.person.name.clone());
        let member = member_of(contact, &conversations, &record);
        let ContactRecord { name, language, fields, .. } = record;
        Ok(Some(Chosen { member, name: name.or(profile), language, fields }))
    }

    /// A page of everybody who has a tag, in an order of its own that stays the same. `cursor` is [`Listed::next`] of the
    /// page before. A tag of another form nobody has.
    pub async fn contacts_with(
        &self,
        tag: &str,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Listed<Member>, ContactError> {
        let page = self.ids_with(tag, cursor, limit).await?;
        let mut items = Vec::with_capacity(page.items.len());
        for contact in page.items {
            items.push(self.as_member(contact).await?);
        }
        Ok(Listed { items, next: page.next })
    }

    async fn ids_with(&self, tag: &str, cursor: Option<&str>, limit: usize) -> Result<Listed<ContactId>, ContactError> {
        if check_tag(tag).is_err() {
            return Ok(Listed { items: Vec::new(), next: None });
        }
        let has = |record: &ContactRecord| record.tags.contains(tag);
        self.ids(TAG, &record::tag_key(tag, ""), cursor, limit, &has).await
    }

    /// Of whom anything is kept.
    async fn ids_kept(&self, cursor: Option<&str>, limit: usize) -> Result<Listed<ContactId>, ContactError> {
        self.ids(CONTACT, "", cursor, limit, &|_| true).await
    }

    /// Contacts of the rows of a kind that begin so: `has` says whether a record of one has a row there.
    async fn ids(
        &self,
        kind: &str,
        prefix: &str,
        cursor: Option<&str>,
        limit: usize,
        has: &(dyn Fn(&ContactRecord) -> bool + Sync),
    ) -> Result<Listed<ContactId>, ContactError> {
        let mut items = Vec::new();
        let mut after: Box<str> = format!("{prefix}{}", cursor.unwrap_or_default()).into();
        loop {
            let from = Some(&*after).filter(|after| !after.is_empty());
            let rows = self.store.documents_page(kind, from, CHUNK).await?;
            let is_last = rows.len() < CHUNK;
            for (key, _) in rows {
                let Some(contact) = key.strip_prefix(prefix) else { return Ok(Listed { items, next: None }) };
                if items.len() >= limit.max(1) {
                    let next = after.strip_prefix(prefix).map(Into::into);
                    return Ok(Listed { items, next });
                }
                let contact = identity::unhex(contact);
                after = key;
                let Some(contact) = contact else { continue };
                items.extend(self.whole(contact, has).await?);
            }
            if is_last {
                return Ok(Listed { items, next: None });
            }
        }
    }

    /// Who a row stands for; `None` for a part of somebody whose own row comes later, or came already.
    async fn whole(
        &self,
        contact: ContactId,
        has: &(dyn Fn(&ContactRecord) -> bool + Sync),
    ) -> Result<Option<ContactId>, ContactError> {
        let whole = self.canonical(contact).await?;
        if whole != contact {
            let had = self.stored(whole).await?.is_some_and(|record| has(&record));
            self.gather(whole).await?;
            if had || whole > contact {
                return Ok(None);
            }
        }
        Ok(Some(whole))
    }

    /// A contact as a segment has it.
    pub async fn as_member(&self, contact: ContactId) -> Result<Member, ContactError> {
        let (conversations, record) = (self.conversations(contact).await?, self.record(contact).await?);
        Ok(member_of(contact, &conversations, &record))
    }
}

fn last_of(conversations: &[Of]) -> Option<&Of> {
    conversations.iter().max_by_key(|of| of.head.updated_ms)
}

fn member_of(contact: ContactId, conversations: &[Of], record: &ContactRecord) -> Member {
    let person = last_of(conversations).map(|of| of.state.person.clone()).unwrap_or_default();
    let said = super::view::last_word(conversations, record);
    Member {
        contact,
        wa_id: person.wa_id.or_else(|| record.phone.clone()),
        user_id: person.user_id,
        opted_out: said.is_some_and(|said| !said.wanted),
    }
}
