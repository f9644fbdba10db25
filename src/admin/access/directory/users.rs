//! Changes of users. What a change ends (sessions, tokens) ends in the same commit.

use std::sync::Arc;

use storage::NewDocument;

use super::super::records::{TOKENS, USERS, User};
use super::super::secret::{self, Digest};
use super::{
    BATCH, Directory, DirectoryError, Held, MAX_USERS, Role, name_of, numbers_of, session_gone, user_document,
};

/// A user to be.
pub(crate) struct NewUser {
    pub(crate) name: String,
    pub(crate) role: Role,
    pub(crate) numbers: Option<Vec<Box<str>>>,
    /// The hash of the password.
    pub(crate) password: Box<str>,
}

/// What becomes of a user; what is `None` stays.
#[derive(Default)]
pub(crate) struct UserChange {
    pub(crate) role: Option<Role>,
    /// `Some(None)` is all numbers.
    pub(crate) numbers: Option<Option<Vec<Box<str>>>>,
    /// The hash of another password.
    pub(crate) password: Option<Box<str>>,
    pub(crate) disabled: Option<bool>,
}

impl Directory {
    /// All users, by id and thereby by age.
    pub(crate) fn users(&self) -> Vec<Arc<User>> {
        self.held.read().users.values().cloned().collect()
    }

    /// A user by id or name.
    pub(crate) fn user(&self, id_or_name: &str) -> Result<Arc<User>, DirectoryError> {
        self.held.read().user(id_or_name).ok_or_else(|| DirectoryError::Unknown("user", id_or_name.into()))
    }

    /// The user who logs in with a name.
    pub(crate) fn by_name(&self, name: &str) -> Option<Arc<User>> {
        let name = name_of(name).ok()?;
        self.held.read().users.values().find(|user| user.name == name).cloned()
    }

    /// Whether a user can be made of this, without making one.
    pub(crate) fn check_user(&self, new: &NewUser) -> Result<(), DirectoryError> {
        self.new_user(new, 0).map(drop)
    }

    /// One more user.
    pub(crate) async fn create_user(&self, new: NewUser, now_ms: u64) -> Result<Arc<User>, DirectoryError> {
        let _one_at_a_time = self.changing.lock().await;
        self.add_user(new, now_ms).await
    }

    /// The first user. Errors: there is one.
    pub(crate) async fn create_first_user(&self, new: NewUser, now_ms: u64) -> Result<Arc<User>, DirectoryError> {
        let _one_at_a_time = self.changing.lock().await;
        if !self.is_empty() {
            return Err(DirectoryError::Taken("user", new.name.into()));
        }
        self.add_user(new, now_ms).await
    }

    async fn add_user(&self, new: NewUser, now_ms: u64) -> Result<Arc<User>, DirectoryError> {
        let user = Arc::new(self.new_user(&new, now_ms)?);
        self.store.put_documents(vec![user_document(&user)]).await?;
        self.held.write().users.insert(user.id.clone(), user.clone());
        Ok(user)
    }

    fn new_user(&self, new: &NewUser, now_ms: u64) -> Result<User, DirectoryError> {
        let name = name_of(&new.name)?;
        let numbers = numbers_of(new.role, new.numbers.clone())?;
        let held = self.held.read();
        if held.users.values().any(|user| user.name == name) {
            return Err(DirectoryError::Taken("user", name));
        }
        if held.users.len() >= MAX_USERS {
            return Err(DirectoryError::Full("user", MAX_USERS));
        }
        Ok(User {
            id: secret::id("u_", now_ms),
            name,
            role: new.role,
            numbers,
            password: new.password.clone(),
            disabled: false,
            created_ms: now_ms,
            password_ms: now_ms,
            last_login_ms: None,
        })
    }

    /// What a user would become. Errors as those of [`Directory::change_user`].
    pub(crate) fn changed(&self, id: &str, change: &UserChange, now_ms: u64) -> Result<User, DirectoryError> {
        let held = self.held.read();
        let before = held.user(id).ok_or_else(|| DirectoryError::Unknown("user", id.into()))?;
        let mut after = User::clone(&before);
        after.role = change.role.unwrap_or(after.role);
        after.numbers = match &change.numbers {
            Some(numbers) => numbers_of(after.role, numbers.clone())?,
            // Whoever becomes an admin sees all of them.
            None if after.role == Role::Admin => None,
            None => after.numbers,
        };
        after.disabled = change.disabled.unwrap_or(after.disabled);
        if let Some(password) = &change.password {
            (after.password, after.password_ms) = (password.clone(), now_ms);
        }
        if !after.is_an_admin() {
            held.keep_an_admin(&before)?;
        }
        Ok(after)
    }

    /// Changes a user. Another password and being locked out end all sessions, but for `keep`; a locked user's tokens are
    /// refused as long as that lasts. Answers with the user before and after.
    pub(crate) async fn change_user(
        &self,
        id: &str,
        change: &UserChange,
        keep: Option<Digest>,
        now_ms: u64,
    ) -> Result<(Arc<User>, Arc<User>), DirectoryError> {
        let _one_at_a_time = self.changing.lock().await;
        let (before, after) = (self.user(id)?, Arc::new(self.changed(id, change, now_ms)?));
        let ends = change.password.is_some() || after.disabled;
        let ended = if ends { self.held.read().sessions_of(&after.id, keep) } else { Vec::new() };
        let mut documents = vec![user_document(&after)];
        documents.extend(ended.iter().map(session_gone));
        self.store.put_documents(documents).await?;
        let mut held = self.held.write();
        ended.iter().for_each(|digest| drop(held.sessions.remove(digest)));
        held.users.insert(after.id.clone(), after.clone());
        Ok((before, after))
    }

    /// Whether a user could be removed, without doing so.
    pub(crate) fn check_delete(&self, id: &str) -> Result<Arc<User>, DirectoryError> {
        let user = self.user(id)?;
        self.held.read().keep_an_admin(&user)?;
        Ok(user)
    }

    /// Removes a user with sessions and tokens.
    pub(crate) async fn delete_user(&self, id: &str) -> Result<Arc<User>, DirectoryError> {
        let _one_at_a_time = self.changing.lock().await;
        let user = self.check_delete(id)?;
        let (sessions, tokens) = {
            let held = self.held.read();
            let own = held.tokens.iter().filter(|(_, held)| held.token.owner.as_ref() == Some(&user.id));
            let own: Vec<_> = own.map(|(digest, held)| (*digest, held.token.id.clone())).collect();
            (held.sessions_of(&user.id, None), own)
        };
        // Sessions and tokens first: a crash in between leaves a user without them, and not the other way round.
        let mut documents: Vec<NewDocument> = sessions.iter().map(session_gone).collect();
        documents.extend(tokens.iter().map(|(_, id)| (TOKENS.into(), id.clone(), None)));
        documents.push((USERS.into(), user.id.clone(), None));
        for batch in documents.chunks(BATCH) {
            self.store.put_documents(batch.to_vec()).await?;
        }
        let mut held = self.held.write();
        held.users.remove(&user.id);
        sessions.iter().for_each(|digest| drop(held.sessions.remove(digest)));
        tokens.iter().for_each(|(digest, _)| drop(held.tokens.remove(digest)));
        Ok(user)
    }
}

impl Held {
    fn user(&self, id_or_name: &str) -> Option<Arc<User>> {
        let by_name = || self.users.values().find(|user| *user.name == *id_or_name);
        self.users.get(id_or_name).or_else(by_name).cloned()
    }

    fn sessions_of(&self, user: &str, but: Option<Digest>) -> Vec<Digest> {
        let own = self.sessions.iter().filter(|(digest, session)| *session.user == *user && but != Some(**digest));
        own.map(|(digest, _)| *digest).collect()
    }

    /// Errors: without this user nobody could let anybody in.
    fn keep_an_admin(&self, user: &User) -> Result<(), DirectoryError> {
        let mut others = self.users.values().filter(|other| other.id != user.id);
        if user.is_an_admin() && !others.any(|other| other.is_an_admin()) {
            return Err(DirectoryError::LastAdmin(user.name.clone()));
        }
        Ok(())
    }
}

impl User {
    fn is_an_admin(&self) -> bool {
        self.role == Role::Admin && !self.disabled
    }
}
