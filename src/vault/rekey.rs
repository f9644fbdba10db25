//! Another key for the secrets of a store. Each commit moves some of them; whoever is killed in between runs it again, and it
//! goes on with what is left.

use std::sync::Arc;

use storage::Store;

use super::sealed::{self, Sealed};
use super::{KIND, MasterKey, VaultError};

/// Secrets moved in one commit.
const BATCH: usize = 100;

/// What a change of the key came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Rekeyed {
    /// Moved to the new key now.
    pub moved: usize,
    /// Under the new key already.
    pub already: usize,
}

/// Moves all secrets of a store from one key to another. Nothing may use the store meanwhile.
///
/// Errors: the store; a secret under a third key, or one that cannot be opened: then nothing is moved.
pub async fn rekey(store: &Arc<dyn Store>, old: &MasterKey, new: &MasterKey) -> Result<Rekeyed, VaultError> {
    let all = sealed::all(&**store).await?;
    let (already, waiting): (Vec<_>, Vec<_>) = all.into_iter().partition(|(_, sealed)| sealed.key_id == new.id());
    let foreign = || waiting.iter().filter(move |(_, sealed)| sealed.key_id != old.id());
    if let Some((_, first)) = foreign().next() {
        return Err(VaultError::OtherKey { count: foreign().count(), theirs: first.key_id, ours: old.id() });
    }
    let mut documents = Vec::with_capacity(waiting.len());
    for (name, sealed) in &waiting {
        let value = sealed.open(old, name).ok_or_else(|| VaultError::Damaged(name.clone()))?;
        let moved = Sealed::seal(new, name, &value, sealed.since_ms);
        documents.push((KIND.into(), name.clone(), Some(moved.encode())));
    }
    for batch in documents.chunks(BATCH) {
        store.put_documents(batch.to_vec()).await?;
    }
    Ok(Rekeyed { moved: documents.len(), already: already.len() })
}
