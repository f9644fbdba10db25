//! People beside what they say: tags, fields, language, and whether marketing is wanted, kept by contact over all of our
//! numbers. What a person writes stays with their conversations.
//!
//! A contact that became a part of another one is followed there, and what was kept of it goes along: at the next look,
//! since the turn that joins two people reads nothing but its own conversation.

mod change;
mod list;
mod record;
mod segment;
mod view;

use std::collections::BTreeMap;
use std::sync::Arc;

use storage::{ContactId, ConversationId, Head, NewDocument, Partition, Store, StoreError};

pub use change::{ChangeError, Changed, ContactChange};
pub use list::ContactFilter;
pub use record::{ContactRecord, ContactRefusal, OptIn, check_tag};
pub use segment::{Chosen, Member, Segment, SegmentPage};
pub(crate) use view::aliases_of;
pub use view::{ContactConversation, ContactView, MarketingView};

use crate::clock::Clock;
use crate::codec::{self, CodecError};
use crate::erasure::Tombs;
use crate::events;
use crate::identity;
use crate::numbers::Numbers;
use crate::records::State;

/// A contact that became a part of one that became a part of another is followed this far.
const MAX_MERGES: usize = 16;
/// Rows read at once.
const CHUNK: usize = 500;

/// Why something of a contact could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum ContactError {
    /// The store refused.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A row cannot be read.
    #[error(transparent)]
    Damaged(#[from] CodecError),
}

/// The keeper of contacts.
pub struct Contacts {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    numbers: Numbers,
    tombs: Arc<Tombs>,
    /// One change at a time: each reads what it changes.
    changing: tokio::sync::Mutex<()>,
}

/// Whether staff or a table said that a contact wants no marketing. What cannot be read says nothing.
pub(crate) async fn opted_out(store: &dyn Store, contact: ContactId) -> Result<bool, StoreError> {
    let bytes = store.document(record::CONTACT, &identity::hex(contact)).await?;
    let record = bytes.and_then(|bytes| codec::decode::<ContactRecord>(&bytes).ok());
    Ok(record.and_then(|record| record.marketing).is_some_and(|said| !said.wanted))
}

/// A conversation of a contact, read.
pub(crate) struct Of {
    pub id: ConversationId,
    pub head: Head,
    pub state: State,
}

impl Contacts {
    /// A keeper over the conversations with these numbers, those included that are not served any more.
    pub fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>, numbers: Numbers, tombs: Arc<Tombs>) -> Arc<Self> {
        Arc::new(Self { store, clock, numbers, tombs, changing: tokio::sync::Mutex::default() })
    }

    /// The contacts that a phone number leads to, those that exist: whoever has it, and whoever had it.
    pub async fn of_phone(&self, phone: &str) -> Result<Vec<ContactId>, ContactError> {
        let mut found = Vec::new();
        for contact in crate::view::contacts_of_phone(&*self.store, phone).await? {
            let contact = self.canonical(contact).await?;
            if !found.contains(&contact) && self.exists(contact).await? {
                found.push(contact);
            }
        }
        Ok(found)
    }

    /// The contact, or the one that it became a part of.
    pub async fn canonical(&self, mut contact: ContactId) -> Result<ContactId, ContactError> {
        for _ in 0..MAX_MERGES {
            let conversations = self.conversations(contact).await?;
            let Some(into) = conversations.iter().find_map(|of| of.state.merged_into) else { break };
            // Each became a part of the other: the lesser one stays, as with their conversations.
            if conversations.iter().any(|of| of.state.merged_into.is_none()) {
                break;
            }
            contact = into;
        }
        Ok(contact)
    }

    /// Whether anything is known of a contact.
    pub async fn exists(&self, contact: ContactId) -> Result<bool, ContactError> {
        let kept = self.store.document(record::CONTACT, &identity::hex(contact)).await?;
        Ok(kept.is_some() || !self.conversations(contact).await?.is_empty())
    }

    /// Where the conversations of a contact are, if there are any: one for each number that was ever served.
    pub(crate) fn places(&self, contact: ContactId) -> BTreeMap<ConversationId, Box<str>> {
        let place = |number: Box<str>| (identity::conversation_id(&Partition(number.clone()), contact), number);
        self.numbers.ever().into_iter().map(place).collect()
    }

    /// The conversations of a contact with our numbers, those included that are not served any more.
    pub(crate) async fn conversations(&self, contact: ContactId) -> Result<Vec<Of>, ContactError> {
        let mut found = Vec::new();
        for (id, number) in self.places(contact) {
            if let Some(head) = self.store.load(id).await? {
                // One that cannot be read is still theirs, and can be erased.
                let unread = |_| State { number_id: number.clone(), ..State::default() };
                let state = State::decode(&head.snapshot).unwrap_or_else(unread);
                found.push(Of { id, head, state });
            }
        }
        Ok(found)
    }

    /// Removes what is kept of these contacts.
    pub(crate) async fn erase(&self, contacts: &std::collections::BTreeSet<ContactId>) -> Result<(), ContactError> {
        let _one_at_a_time = self.changing.lock().await;
        for contact in contacts {
            let gone = match self.stored(*contact).await {
                Ok(record) => record.map(|record| record.removal(*contact)).unwrap_or_default(),
                Err(ContactError::Damaged(_)) => self.unread(*contact).await?,
                Err(error) => return Err(error),
            };
            self.store.put_documents(gone).await?;
        }
        Ok(())
    }

    /// What removes a record that cannot be read: which tags it has only the index knows.
    async fn unread(&self, contact: ContactId) -> Result<Vec<NewDocument>, ContactError> {
        events::unreadable(record::CONTACT, 1);
        let key = identity::hex(contact);
        let mut gone: Vec<NewDocument> = vec![(record::CONTACT.into(), key.as_str().into(), None)];
        let mut after = None::<Box<str>>;
        loop {
            let page = self.store.documents_page(record::TAG, after.as_deref(), CHUNK).await?;
            let Some((last, _)) = page.last() else { return Ok(gone) };
            after = Some(last.clone());
            let theirs = page.into_iter().filter(|(tag, _)| tag.rsplit('/').next() == Some(&*key));
            gone.extend(theirs.map(|(tag, _)| (record::TAG.into(), tag, None)));
        }
    }

    async fn stored(&self, contact: ContactId) -> Result<Option<ContactRecord>, ContactError> {
        let bytes = self.store.document(record::CONTACT, &identity::hex(contact)).await?;
        Ok(bytes.map(|bytes| codec::decode(&bytes)).transpose()?)
    }
}
