//! Who may call, and what they did: loaded before the admin port opens, and looked after while it runs.

use std::sync::Arc;

use actors::Clock;
use secrecy::SecretString;
use storage::{Store, StoreError};

use super::access::{Directory, DirectoryError, first_user};
use super::audit::Book;

/// How often what is over is removed.
const INTERVAL_MS: u64 = 3_600_000;

/// Users, tokens, sessions, and the audit trail.
#[derive(Clone)]
pub struct People {
    pub(super) directory: Arc<Directory>,
    pub(super) book: Arc<Book>,
    clock: Arc<dyn Clock>,
}

/// Why the first admin of the configuration was not made.
#[derive(Debug, thiserror::Error)]
pub enum FirstUserError {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What is wrong with the name or the password.
    #[error("{0}")]
    Invalid(String),
}

impl People {
    /// With what the store knows. Errors: the store.
    pub async fn load(store: Arc<dyn Store>, clock: Arc<dyn Clock>) -> Result<Self, StoreError> {
        let directory = Arc::new(Directory::load(store.clone()).await?);
        let book = Book::open(store, clock.clone()).await?;
        Ok(Self { directory, book, clock })
    }

    /// Whether there is no user.
    pub fn are_none(&self) -> bool {
        self.directory.is_empty()
    }

    /// Makes the first admin, if there is no user. Answers whether there was none.
    pub async fn make_first(&self, name: &str, password: &SecretString) -> Result<bool, FirstUserError> {
        if !self.directory.is_empty() {
            return Ok(false);
        }
        let new = first_user(name, password).await.map_err(FirstUserError::Invalid)?;
        match self.directory.create_user(new, self.clock.now_ms()).await {
            Ok(_) => Ok(true),
            Err(DirectoryError::Store(error)) => Err(error.into()),
            Err(error) => Err(FirstUserError::Invalid(error.to_string())),
        }
    }

    /// Removes what is over, at once and every hour, until it is dropped: sessions, and rows of the audit trail that are older
    /// than `audit_ms`. Writes down when tokens were used.
    pub async fn look_after(self, audit_ms: Option<u64>) {
        loop {
            let now_ms = self.clock.now_ms();
            if let Err(error) = self.directory.tidy(now_ms).await {
                tracing::warn!(%error, "sessions that are over could not be removed");
            }
            if let Some(before_ms) = audit_ms.map(|age_ms| now_ms.saturating_sub(age_ms))
                && let Err(error) = self.book.prune(before_ms).await
            {
                tracing::warn!(%error, "old rows of the audit trail could not be removed");
            }
            self.clock.wait_until(now_ms + INTERVAL_MS).await;
        }
    }
}
