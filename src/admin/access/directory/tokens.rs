//! Changes of tokens.

use std::sync::Arc;

use super::super::records::{TOKENS, Token};
use super::super::secret;
use super::{Directory, DirectoryError, HeldToken, MAX_TOKENS, Role, name_of, numbers_of, token_document, unhex};

/// A token to be.
pub(crate) struct NewToken {
    pub(crate) name: String,
    pub(crate) role: Role,
    pub(crate) numbers: Option<Vec<Box<str>>>,
    pub(crate) expires_ms: Option<u64>,
    /// The user whose it is.
    pub(crate) owner: Option<Box<str>>,
    pub(crate) created_by: Box<str>,
}

impl Directory {
    /// All tokens, by id and thereby by age.
    pub(crate) fn tokens(&self) -> Vec<Token> {
        let mut tokens: Vec<Token> = self.held.read().tokens.values().map(|held| held.now()).collect();
        tokens.sort_by(|one, other| one.id.cmp(&other.id));
        tokens
    }

    /// A token by id or name.
    pub(crate) fn token(&self, id_or_name: &str) -> Result<Token, DirectoryError> {
        self.held_token(id_or_name).map(|held| held.now())
    }

    /// Makes a token. Its secret is in the answer and nowhere else.
    pub(crate) async fn create_token(&self, new: NewToken, now_ms: u64) -> Result<(Token, String), DirectoryError> {
        let _one_at_a_time = self.changing.lock().await;
        let (token, secret) = self.new_token(&new, now_ms)?;
        self.store.put_documents(vec![token_document(&token)]).await?;
        let digest = unhex(TOKENS, &token.id, &token.digest)?;
        self.held.write().tokens.insert(digest, HeldToken::new(token.clone()));
        Ok((token, secret))
    }

    /// Whether a token can be made of this, without making one.
    pub(crate) fn check_token(&self, new: &NewToken, now_ms: u64) -> Result<(), DirectoryError> {
        self.new_token(new, now_ms).map(drop)
    }

    fn new_token(&self, new: &NewToken, now_ms: u64) -> Result<(Token, String), DirectoryError> {
        let name = name_of(&new.name)?;
        let numbers = numbers_of(new.role, new.numbers.clone())?;
        if new.expires_ms.is_some_and(|end_ms| end_ms <= now_ms) {
            return Err(DirectoryError::Invalid("the token would be over before it begins".into()));
        }
        let held = self.held.read();
        if held.tokens.values().any(|held| held.token.name == name) {
            return Err(DirectoryError::Taken("token", name));
        }
        if held.tokens.len() >= MAX_TOKENS {
            return Err(DirectoryError::Full("token", MAX_TOKENS));
        }
        let secret = secret::token();
        let token = Token {
            id: secret::id("t_", now_ms),
            name,
            prefix: secret::shown(&secret),
            digest: hex::encode(secret::digest(&secret)).into(),
            role: new.role,
            numbers,
            owner: new.owner.clone(),
            created_by: new.created_by.clone(),
            created_ms: now_ms,
            expires_ms: new.expires_ms,
            last_used_ms: None,
        };
        Ok((token, secret))
    }

    /// Ends a token. It is refused from the answer on.
    pub(crate) async fn revoke_token(&self, id_or_name: &str) -> Result<Token, DirectoryError> {
        let _one_at_a_time = self.changing.lock().await;
        let token = self.held_token(id_or_name)?.now();
        self.store.put_documents(vec![(TOKENS.into(), token.id.clone(), None)]).await?;
        self.held.write().tokens.remove(&unhex(TOKENS, &token.id, &token.digest)?);
        Ok(token)
    }

    fn held_token(&self, id_or_name: &str) -> Result<Arc<HeldToken>, DirectoryError> {
        let held = self.held.read();
        let is_it = |held: &&Arc<HeldToken>| *held.token.id == *id_or_name || *held.token.name == *id_or_name;
        held.tokens.values().find(is_it).cloned().ok_or_else(|| DirectoryError::Unknown("token", id_or_name.into()))
    }
}
