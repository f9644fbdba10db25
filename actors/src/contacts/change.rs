//! Changes of what is kept: read, changed and written one at a time, each with a revision of its own.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use storage::{Accept, ContactId, NewDocument, Partition, StoreError};

use super::record::{self, ContactRecord, ContactRefusal, OptIn, check_tag};
use super::{ContactError, Contacts, Of};
use crate::codec::CodecError;
use crate::identity;
use crate::records::InboxPayload;
use crate::records::inbox::About;

/// What is to change. What is left out stays.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ContactChange {
    /// The name that staff gave; the inner `None` takes it away.
    pub name: Option<Option<Box<str>>>,
    /// The language.
    pub language: Option<Option<Box<str>>>,
    /// All tags.
    pub tags: Option<BTreeSet<Box<str>>>,
    /// Tags that are added.
    pub add_tags: BTreeSet<Box<str>>,
    /// Tags that are taken away.
    pub remove_tags: BTreeSet<Box<str>>,
    /// Fields that are set, or taken away where the value is null.
    pub fields: BTreeMap<Box<str>, Value>,
    /// The number, of somebody who is imported.
    pub phone: Option<Box<str>>,
    /// Whether marketing is wanted, and who says so.
    pub marketing: Option<(bool, Box<str>)>,
    /// Nothing is written: what would become of it is answered.
    pub dry_run: bool,
}

/// What a contact was and is.
#[derive(Clone, Debug, PartialEq)]
pub struct Changed {
    /// Before; `None` if nothing was kept.
    pub before: Option<ContactRecord>,
    /// After.
    pub after: ContactRecord,
}

/// Why nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// A value is not kept.
    #[error(transparent)]
    Refused(#[from] ContactRefusal),
    /// It is at another revision than the caller knows.
    #[error("the contact is at revision {0}")]
    Stale(u64),
    /// They were erased: nothing may be kept of them any more.
    #[error("the contact was erased")]
    Erased,
    /// The store, or a damaged row.
    #[error(transparent)]
    Contact(#[from] ContactError),
}

impl From<StoreError> for ChangeError {
    fn from(error: StoreError) -> Self {
        Self::Contact(error.into())
    }
}

impl From<CodecError> for ChangeError {
    fn from(error: CodecError) -> Self {
        Self::Contact(error.into())
    }
}

impl Contacts {
    /// What is kept of a contact, together with what was kept of those who became a part of it.
    pub async fn record(&self, contact: ContactId) -> Result<ContactRecord, ContactError> {
        Ok(self.gathered(contact).await?.0.unwrap_or_default())
    }

    /// Changes what is kept. `expected` is the revision that the caller knows, if it must be that one.
    pub async fn change(
        &self,
        contact: ContactId,
        expected: Option<u64>,
        change: ContactChange,
    ) -> Result<Changed, ChangeError> {
        let _one_at_a_time = self.changing.lock().await;
        // Under the lock: an erasure takes it after its tombstones stand, and removes what came before them.
        if self.tombs.is_dead(contact) {
            return Err(ChangeError::Erased);
        }
        let (before, parts) = self.gathered(contact).await?;
        let revision = before.as_ref().map_or(0, |before| before.revision);
        if expected.is_some_and(|expected| expected != revision) {
            return Err(ChangeError::Stale(revision));
        }
        let (now_ms, dry_run, marketing) = (self.clock.now_ms(), change.dry_run, change.marketing.clone());
        let mut after = before.clone().unwrap_or_else(|| ContactRecord { created_ms: now_ms, ..Default::default() });
        change.apply(&mut after, now_ms)?;
        if dry_run {
            return Ok(Changed { before, after });
        }
        (after.revision, after.updated_ms) = (revision + 1, now_ms);
        let own = self.stored(contact).await?;
        let mut documents = parts;
        documents.extend(after.documents(contact, own.as_ref()));
        self.store.put_documents(documents).await?;
        if let Some((wanted, source)) = marketing {
            self.tell_conversations(contact, wanted, &source, now_ms).await?;
        }
        Ok(Changed { before, after })
    }

    /// What is kept under this contact and its parts, and what removes the parts.
    async fn gathered(&self, contact: ContactId) -> Result<(Option<ContactRecord>, Vec<NewDocument>), ContactError> {
        let mut record = self.stored(contact).await?;
        let mut documents = Vec::new();
        for Of { state, .. } in self.conversations(contact).await? {
            for part in state.absorbed.iter().map(|id| identity::contact_of(*id)).filter(|part| *part != contact) {
                let Some(kept) = self.stored(part).await? else { continue };
                documents.extend(kept.removal(part));
                match &mut record {
                    Some(record) => record.absorb(kept),
                    None => record = Some(kept),
                }
            }
        }
        Ok((record, documents))
    }

    /// What was kept of parts goes into what they became a part of. Answers whether there was any.
    pub(super) async fn gather(&self, contact: ContactId) -> Result<bool, ContactError> {
        let _one_at_a_time = self.changing.lock().await;
        if self.tombs.is_dead(contact) {
            return Ok(false);
        }
        let (record, mut documents) = self.gathered(contact).await?;
        let Some(record) = record.filter(|_| !documents.is_empty()) else { return Ok(false) };
        let own = self.stored(contact).await?;
        documents.extend(record.documents(contact, own.as_ref()));
        self.store.put_documents(documents).await?;
        Ok(true)
    }

    /// The sender looks into the conversations: each hears what was said, as if the person had said it to its number.
    /// Under the time that is kept: so it can be told whose word it was.
    async fn tell_conversations(
        &self,
        contact: ContactId,
        wanted: bool,
        source: &str,
        now_ms: u64,
    ) -> Result<(), ContactError> {
        let conversations = self.conversations(contact).await?.into_iter();
        let rows = conversations.filter(|of| self.numbers.get(&of.state.number_id).is_some()).map(|of| {
            let raw = serde_json::json!({ "marketing": if wanted { "opted_in" } else { "opted_out" }, "by": source });
            let detail = format!("{source}: marketing is {}", if wanted { "wanted" } else { "not wanted" });
            let payload = InboxPayload::About(About {
                field: "staff_preference".into(),
                raw: raw.to_string().into(),
                detail: detail.into(),
                at_ms: Some(now_ms),
                marketing: Some(wanted),
                wa_id: None,
                user_id: None,
            });
            Accept::Message(payload.to(contact, &Partition(of.state.number_id), now_ms))
        });
        let rows: Vec<_> = rows.collect();
        if !rows.is_empty() {
            self.store.append(rows).await?;
        }
        Ok(())
    }
}

impl ContactChange {
    fn apply(self, record: &mut ContactRecord, now_ms: u64) -> Result<(), ContactRefusal> {
        if let Some(name) = self.name {
            name.as_deref().map_or(Ok(()), record::check_name)?;
            record.name = name;
        }
        if let Some(language) = self.language {
            language.as_deref().map_or(Ok(()), record::check_language)?;
            record.language = language;
        }
        if let Some(phone) = self.phone {
            record.phone = Some(record::check_phone(&phone)?);
        }
        let tags = self.tags.unwrap_or_else(|| std::mem::take(&mut record.tags));
        record.tags = tags.into_iter().chain(self.add_tags).filter(|tag| !self.remove_tags.contains(tag)).collect();
        record.tags.iter().try_for_each(|tag| check_tag(tag))?;
        for (name, value) in self.fields {
            if value.is_null() {
                record.fields.remove(&name);
            } else {
                record::check_field(&name, &value)?;
                record.fields.insert(name, value);
            }
        }
        if let Some((wanted, source)) = self.marketing {
            record.said(OptIn { wanted, at_ms: now_ms, source });
        }
        record.check()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use storage::{Model, Store};

    use super::*;
    use crate::clock::AdjustableClock;
    use crate::erasure::Tombs;
    use crate::numbers::Numbers;

    #[tokio::test]
    async fn nothing_is_kept_of_somebody_who_was_erased() {
        let (store, clock) = (Model::new(), Arc::new(AdjustableClock::system()));
        let tombs = Arc::new(Tombs::load(&*store, 0).await.unwrap());
        let contacts = Contacts::new(store.clone(), clock, Numbers::default(), tombs.clone());
        let (gone, stays) = (ContactId([1; 12]), ContactId([2; 12]));
        tombs.bury(&[identity::itself(gone)], 5, false);
        let tagged = || ContactChange { add_tags: ["vip".into()].into(), ..ContactChange::default() };
        let refused = contacts.change(gone, None, tagged()).await;
        assert!(matches!(refused, Err(ChangeError::Erased)), "{refused:?}");
        contacts.change(stays, None, tagged()).await.unwrap();
        let kept = store.documents(record::CONTACT).await.unwrap();
        assert_eq!(kept.len(), 1);
        assert_eq!(*kept[0].0, *identity::hex(stays));
    }

    #[tokio::test]
    async fn a_record_that_cannot_be_read_goes_with_its_tags() {
        let (store, clock) = (Model::new(), Arc::new(AdjustableClock::system()));
        let tombs = Arc::new(Tombs::load(&*store, 0).await.unwrap());
        let contacts = Contacts::new(store.clone(), clock, Numbers::default(), tombs);
        let (gone, stays) = (ContactId([1; 12]), ContactId([2; 12]));
        let tagged = || ContactChange { add_tags: ["vip".into()].into(), ..ContactChange::default() };
        for contact in [gone, stays] {
            contacts.change(contact, None, tagged()).await.unwrap();
        }
        store.put_document(record::CONTACT, &identity::hex(gone), Some("damaged".into())).await.unwrap();
        assert!(contacts.exists(gone).await.unwrap());
        contacts.erase(&[gone, stays].into()).await.unwrap();
        assert!(!contacts.exists(gone).await.unwrap());
        for kind in [record::CONTACT, record::TAG] {
            assert_eq!(store.documents(kind).await.unwrap(), [], "{kind}");
        }
    }
}
