//! Erasing one person everywhere, so that late webhooks do not bring them back.
//!
//! 1. The job (who, with every id) and the tombstones are one commit. From there on nothing reaches the person's contact:
//!    the router drops it, shards start no actor for it, senders take no message to it.
//! 2. The actor and the sender let go: the request that is under way ends, everything that waits is forgotten.
//! 3. What was kept goes, list by list, in commits of at most `STEP` rows; at last the conversations themselves.
//! 4. The job goes. A process that ends before takes it up again before its actors start; every step can be done again.

mod export;
mod keeps;
mod steps;
mod tombs;
mod who;

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use serde::{Deserialize, Serialize};
use storage::{ContactId, Store, StoreError};
use tokio::sync::Notify;

pub use keeps::{Documents, Keeps, Kept, Masked};
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
/// After a failure it is tried again after this long.
const AGAIN_MS: u64 = 5_000;

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
    /// An eraser; it takes nothing up before [`Eraser::resume`].
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
        let who = self.who(contact).await?;
        self.count(&who).await
    }

    /// Erases a person. Once this answers, nothing leaves for them, and no reader finds anything of them. If it fails
    /// after the job was written down, it goes on by itself, also after a restart.
    pub async fn erase(&self, contact: ContactId) -> Result<Erased, EraseError> {
        let _one_at_a_time = self.erasing.lock().await;
        let who = self.who(contact).await?;
        let counted = self.count(&who).await?;
        let at_ms = self.parts.clock.now_ms().max(who.last_ms);
        let job = Job { who, at_ms };
        let buried = job.who.buried();
        let mut documents = self.parts.tombs.documents(&buried, at_ms, job.who.opted_out);
        let key = identity::hex(contact);
        documents.push((JOB.into(), key.as_str().into(), Some(codec::encode(&job))));
        self.parts.store.put_documents(documents).await?;
        self.parts.tombs.bury(&buried, at_ms, job.who.opted_out);
        let done = self.carry_out(&key, &job).await;
        if done.is_err() {
            self.left.notify_one();
        }
        done.map(|()| counted)
    }

    /// Takes up what an ended process left; to be called before its actors start. Errors: the store, or a damaged row.
    pub async fn resume(&self) -> Result<usize, EraseError> {
        let _one_at_a_time = self.erasing.lock().await;
        let jobs = self.parts.store.documents(JOB).await?;
        for (key, bytes) in &jobs {
            let job: Job = codec::decode(bytes)?;
            let buried = job.who.buried();
            self.parts.tombs.bury(&buried, job.at_ms, job.who.opted_out);
            self.carry_out(key, &job).await?;
        }
        Ok(jobs.len())
    }

    /// Goes on with what did not come to its end, until it is dropped; removes tombstones that are too old.
    pub async fn run(self: Arc<Self>) {
        loop {
            let now_ms = self.parts.clock.now_ms();
            let failed = match self.resume().await {
                Ok(_) => false,
                Err(error) => {
                    events::not_erased(&error.to_string());
                    true
                }
            };
            let old = self.parts.tombs.expire(now_ms);
            if !old.is_empty()
                && let Err(error) = self.parts.store.put_documents(old).await
            {
                events::not_forgotten("tombstones", &error.to_string());
            }
            let pause_ms = if failed { AGAIN_MS } else { 3_600_000 };
            tokio::select! {
                () = self.parts.clock.wait_until(now_ms + pause_ms) => {}
                () = self.left.notified(), if !failed => {}
            }
        }
    }

    async fn who(&self, contact: ContactId) -> Result<Who, EraseError> {
        let contact = self.parts.contacts.canonical(contact).await?;
        if self.parts.tombs.is_dead(contact) || !self.parts.contacts.exists(contact).await? {
            return Err(EraseError::Unknown);
        }
        Ok(Who::find(&self.parts.contacts, contact).await?)
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
