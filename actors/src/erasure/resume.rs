//! Erasing that did not come to its end is taken up: at a start, and from time to time.

use std::sync::Arc;

use storage::StoreError;

use super::{EraseError, Eraser, JOB, Job, Who};
use crate::codec;
use crate::events;
use crate::identity;

/// After a failure it is tried again after this long.
const AGAIN_MS: u64 = 5_000;

impl Eraser {
    /// Takes up what an ended process left, before its actors start. Where that does not come to its end, the start goes
    /// on: nothing reaches those people any more, and [`Eraser::run`] tries again. Errors: the store.
    pub async fn open(&self) -> Result<(), StoreError> {
        match self.resume().await {
            Err(EraseError::Store(error)) if !matches!(error, StoreError::Corrupt(_)) => Err(error),
            // It was told.
            Ok(_) | Err(_) => Ok(()),
        }
    }

    /// Takes up what is left. Answers how many jobs there were, or the first error: one that fails keeps no other back.
    pub async fn resume(&self) -> Result<usize, EraseError> {
        let _one_at_a_time = self.erasing.lock().await;
        let jobs = self.parts.store.documents(JOB).await?;
        let mut failed = None;
        for (key, bytes) in &jobs {
            if let Err(error) = self.take_up(key, bytes).await {
                events::not_erased(&error.to_string());
                failed.get_or_insert(error);
            }
        }
        failed.map_or(Ok(jobs.len()), Err)
    }

    async fn take_up(&self, key: &str, bytes: &[u8]) -> Result<(), EraseError> {
        let job = match codec::decode::<Job>(bytes) {
            Ok(job) => job,
            Err(_) => match self.anew(key).await? {
                Some(job) => job,
                None => return Ok(self.parts.store.put_document(JOB, key, None).await?),
            },
        };
        self.parts.tombs.bury(&job.who.buried(), job.at_ms, job.who.opted_out);
        self.carry_out(key, &job).await
    }

    /// A job that cannot be read is made once more, of what is left of its contact; `None` if nothing is.
    async fn anew(&self, key: &str) -> Result<Option<Job>, EraseError> {
        events::unreadable(JOB, 1);
        let Some(contact) = identity::unhex(key) else { return Ok(None) };
        if !self.parts.contacts.exists(contact).await? {
            return Ok(None);
        }
        let who = Who::find(&self.parts.contacts, contact).await?;
        let at_ms = self.parts.tombs.erased_ms(&identity::itself(contact));
        let job = Job { at_ms: at_ms.unwrap_or_else(|| self.parts.clock.now_ms()), who };
        self.write_down(key, &job).await?;
        Ok(Some(job))
    }

    /// Goes on with what did not come to its end, until it is dropped; removes tombstones that are too old.
    pub async fn run(self: Arc<Self>) {
        loop {
            let now_ms = self.parts.clock.now_ms();
            // Why was told.
            let failed = self.resume().await.is_err();
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
}
