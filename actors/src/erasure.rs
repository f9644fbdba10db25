//! Erasing one person everywhere, so that late webhooks do not bring them back.
//!
//! 1. The job (who, with every id) and the tombstones are one commit. From there on nothing reaches the person's contact:
//!    the router drops it, shards start no actor for it, senders take no message to it.
//! 2. The actor and the sender let go: the request that is under way ends, everything that waits is forgotten.
//! 3. What was kept goes, list by list, in commits of at most `STEP` rows; at last the conversations themselves.
//! 4. The job goes. A process that ends before takes it up again before its actors start; every step can be done again.

mod export;
mod keeps;
mod resume;
mod steps;
mod tombs;
mod who;

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use serde::{Deserialize, Serialize};
use storage::{ContactId, Store, StoreError};
use tokio::sync::Notify;

pub(crate) use keeps::masked;
pub use keeps::{Documents, Keeps, Kept};
pub use tombs::Tombs;
pub use who::{Who, mentions};

use crate::clock::Clock;
use crate::codec::{self, CodecError};
use crate::contacts::{ContactError, Contacts};
use crate::engine::Engine;
use crate::events;
use crate::identity;
use crate::media::{Media, MediaError};
use crate::outlet::{Outlet, OutletError};

/// Documents of this kind are what is being erased, by contact.
const JOB: &str = "erase_job";
/// Rows of one commit.
pub(crate) const STEP: usize = 1_000;

/// What erasing is made of.
pub struct EraserParts {
    /// The store.
    pub store: Arc<dyn Store>,
    /// The source of time.
    pub clock: Arc<dyn Clock>,
    /// Tags, fields, and who belongs to whom.
    pub contacts: Arc<Contacts>,
    /// Files.
    pub media: Arc<Media>,
    /// Outgoing events.
    pub outlet: Arc<Outlet>,
    /// Who was erased.
    pub tombs: Arc<Tombs>,
    /// What else keeps something about people.
    pub keeps: Vec<Arc<dyn Keeps>>,
}

/// Erases people. See the module.
pub struct Eraser {
    parts: EraserParts,
    engine: OnceLock<Arc<Engine>>,
    /// One at a time.
    erasing: tokio::sync::Mutex<()>,
    /// Rung when a job did not come to its end.
    left: Notify,
}

/// How much went, or would go, by what it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Erased {
    /// Contacts: more than one where several became one.
    pub contacts: usize,
    /// Conversations with our numbers.
    pub conversations: usize,
    /// By list: `history`, `outbox`, `inbox`, `dead_letters`, `quarantine`, `notices`, `media`, `events`, `aliases`, …
    pub rows: BTreeMap<&'static str, usize>,
}

/// Why a person is not erased, or not wholly yet: then it goes on by itself.
#[derive(Debug, thiserror::Error)]
pub enum EraseError {
    /// Nothing is known of them.
    #[error("there is no such contact")]
    Unknown,
    /// An actor or a request does not end: it goes on in the background.
    #[error("a request to Meta or a step of the bot is still under way")]
    Busy,
    /// The store refused.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A row cannot be read.
    #[error(transparent)]
    Damaged(#[from] CodecError),
    /// Files.
    #[error(transparent)]
    Media(#[from] MediaError),
    /// Events.
    #[error(transparent)]
    Outlet(#[from] OutletError),
    /// Something else that keeps what is about people.
    #[error("{0}: {1}")]
    Other(&'static str, String),
}

impl From<ContactError> for EraseError {
    fn from(error: ContactError) -> Self {
        match error {
            ContactError::Store(error) => Self::Store(error),
            ContactError::Damaged(error) => Self::Damaged(error),
        }
    }
}

/// A job as it is kept.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Job {
    who: Who,
    at_ms: u64,
}

impl Eraser {
    /// An eraser; it takes nothing up before [`Eraser::open`].
    pub fn new(parts: EraserParts) -> Arc<Self> {
        let (engine, erasing, left) = (OnceLock::new(), tokio::sync::Mutex::default(), Notify::new());
        Arc::new(Self { parts, engine, erasing, left })
    }

    /// Says whose actors must let go from now on.
    pub fn attach(&self, engine: Arc<Engine>) {
        let _set_once = self.engine.set(engine);
    }

    /// What would go. Nothing is changed.
    pub async fn preview(&self, contact: ContactId) -> Result<Erased, EraseError> {
        let (who, _) = self.whom(contact).await?;
        self.count(&who).await
    }

    /// Erases a person. Once this answers, nothing leaves for them, and no reader finds anything of them. If it fails
    /// after the job was written down, it goes on by itself, also after a restart; whoever asks again meanwhile goes on
    /// with it, too, and hears how much was left.
    pub async fn erase(&self, contact: ContactId) -> Result<Erased, EraseError> {
        let (asked, _) = self.whom(contact).await?;
        let _one_at_a_time = self.erasing.lock().await;
        let (key, job, counted) = match self.whom(contact).await {
            Ok((who, Some((key, at_ms)))) => (key, Job { who: who.clone(), at_ms }, self.count(&who).await?),
            Ok((who, None)) => {
                let (key, counted) = (identity::hex(contact).into(), self.count(&who).await?);
                let at_ms = self.parts.clock.now_ms().max(who.last_ms);
                (key, Job { who, at_ms }, counted)
            }
            // Somebody else has just done it.
            Err(EraseError::Unknown) => return self.count(&asked).await,
            Err(error) => return Err(error),
        };
        self.write_down(&key, &job).await?;
        let done = self.carry_out(&key, &job).await;
        if done.is_err() {
            self.left.notify_one();
        }
        done.map(|()| counted)
    }

    /// The contact of an erasing that did not come to its end yet, by the contact or by a phone number that led to it.
    pub async fn under_way(&self, of: &str) -> Result<Option<ContactId>, EraseError> {
        let (contact, phone) = (identity::parse_contact(of), identity::phone_alias(of));
        let theirs = |who: &Who| match contact {
            Some(contact) => who.contacts.contains(&contact),
            None => who.aliases.contains(&phone),
        };
        Ok(self.unfinished(theirs).await?.and_then(|(key, _)| identity::unhex(&key)))
    }

    /// The job with its tombstones: from here on it will be done.
    async fn write_down(&self, key: &str, job: &Job) -> Result<(), EraseError> {
        let (buried, Job { who, at_ms }) = (job.who.buried(), job);
        let mut documents = self.parts.tombs.documents(&buried, *at_ms, who.opted_out);
        documents.push((JOB.into(), key.into(), Some(codec::encode(job))));
        self.parts.store.put_documents(documents).await?;
        self.parts.tombs.bury(&buried, *at_ms, who.opted_out);
        Ok(())
    }

    async fn unfinished(&self, theirs: impl Fn(&Who) -> bool) -> Result<Option<(Box<str>, Job)>, EraseError> {
        let jobs = self.parts.store.documents(JOB).await?.into_iter();
        let mut jobs = jobs.filter_map(|(key, bytes)| Some((key, codec::decode::<Job>(&bytes).ok()?)));
        Ok(jobs.find(|(_, job)| theirs(&job.who)))
    }

    async fn who(&self, contact: ContactId) -> Result<Who, EraseError> {
        let contact = self.parts.contacts.canonical(contact).await?;
        if self.parts.tombs.is_dead(contact) || !self.parts.contacts.exists(contact).await? {
            return Err(EraseError::Unknown);
        }
        Ok(Who::find(&self.parts.contacts, contact).await?)
    }

    /// Who it is that is to go; with the job if that is under way.
    async fn whom(&self, contact: ContactId) -> Result<(Who, Option<(Box<str>, u64)>), EraseError> {
        match self.who(contact).await {
            Ok(who) => Ok((who, None)),
            Err(EraseError::Unknown) => {
                let job = self.unfinished(|who| who.contacts.contains(&contact)).await?;
                let (key, job) = job.ok_or(EraseError::Unknown)?;
                Ok((job.who, Some((key, job.at_ms))))
            }
            Err(error) => Err(error),
        }
    }

    async fn carry_out(&self, key: &str, job: &Job) -> Result<(), EraseError> {
        let who = &job.who;
        if let Some(engine) = self.engine.get()
            && !engine.let_go(who.conversations.iter().copied().collect()).await
        {
            return Err(EraseError::Busy);
        }
        self.remove(who).await?;
        self.parts.store.put_document(JOB, key, None).await?;
        events::erased(who.conversations.len());
        Ok(())
    }
}
