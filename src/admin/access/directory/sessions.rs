//! Logins. They outlast a restart: an update at night logs nobody out.

use storage::NewDocument;

use super::super::records::{self, SESSIONS, Session, User};
use super::super::secret::{self, Digest, digest};
use super::{Arc, Directory, MAX_SESSIONS, StoreError, session_gone, user_document};

impl Directory {
    /// Opens a session of a user whose password was right; `None` if they were changed meanwhile. Answers with its secret.
    pub(crate) async fn open_session(
        &self,
        user: &User,
        address: &str,
        now_ms: u64,
        ttl_ms: u64,
    ) -> Result<Option<String>, StoreError> {
        let _one_at_a_time = self.changing.lock().await;
        let secret = secret::random();
        let session = Session {
            user: user.id.clone(),
            created_ms: now_ms,
            expires_ms: now_ms.saturating_add(ttl_ms),
            address: address.into(),
        };
        let (now, ended) = {
            let held = self.held.read();
            let same = |now: &&Arc<User>| !now.disabled && now.password == user.password;
            let Some(now) = held.users.get(&user.id).filter(same) else { return Ok(None) };
            (Arc::new(User { last_login_ms: Some(now_ms), ..User::clone(now) }), held.oldest_sessions(&user.id))
        };
        let mut documents: Vec<NewDocument> = ended.iter().map(session_gone).collect();
        documents.push((SESSIONS.into(), hex::encode(digest(&secret)).into(), Some(records::encode(&session))));
        documents.push(user_document(&now));
        self.store.put_documents(documents).await?;
        let mut held = self.held.write();
        ended.iter().for_each(|digest| drop(held.sessions.remove(digest)));
        held.sessions.insert(digest(&secret), session);
        held.users.insert(now.id.clone(), now);
        Ok(Some(secret))
    }

    /// Ends a session.
    pub(crate) async fn close_session(&self, secret: &str) -> Result<(), StoreError> {
        let _one_at_a_time = self.changing.lock().await;
        let digest = digest(secret);
        self.store.put_documents(vec![session_gone(&digest)]).await?;
        self.held.write().sessions.remove(&digest);
        Ok(())
    }

    /// When a session ends by itself.
    pub(crate) fn session_end_ms(&self, secret: &str) -> Option<u64> {
        self.held.read().sessions.get(&digest(secret)).map(|session| session.expires_ms)
    }
}

impl super::Held {
    /// Those that must end so that one more has room.
    fn oldest_sessions(&self, user: &str) -> Vec<Digest> {
        let own = self.sessions.iter().filter(|(_, session)| *session.user == *user);
        let mut own: Vec<_> = own.map(|(digest, session)| (session.created_ms, *digest)).collect();
        own.sort_unstable();
        let too_many = (own.len() + 1).saturating_sub(MAX_SESSIONS);
        own.into_iter().take(too_many).map(|(_, digest)| digest).collect()
    }
}
