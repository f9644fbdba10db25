//! Changes of tokens.

use std::sync::Arc;

use super::super::records::{TOKENS, Token};
use super::super::secret::{self, Digest};
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
    /// The id of the token that makes it.
    pub(crate) maker: Option<Box<str>>,
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

    /// Whether a token can be made of this, without making one. Answers when it would end.
    pub(crate) fn check_token(&self, new: &NewToken, now_ms: u64) -> Result<Option<u64>, DirectoryError> {
        self.new_token(new, now_ms).map(|(token, _)| token.expires_ms)
    }

    fn new_token(&self, new: &NewToken, now_ms: u64) -> Result<(Token, String), DirectoryError> {
        let name = name_of(&new.name)?;
        let numbers = numbers_of(new.role, new.numbers.clone())?;
        if new.expires_ms.is_some_and(|end_ms| end_ms <= now_ms) {
            return Err(DirectoryError::Invalid("the token would be over before it begins".into()));
        }
        let held = self.held.read();
        let expires_ms = end_of(new, held.tokens.values().map(|held| &held.token))?;
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
            maker: new.maker.clone(),
            created_ms: now_ms,
            expires_ms,
            last_used_ms: None,
        };
        Ok((token, secret))
    }

    /// Ends a token, and with it those that it made, and theirs. They are refused from the answer on; the named one is the first.
    pub(crate) async fn revoke_token(&self, id_or_name: &str) -> Result<Vec<Token>, DirectoryError> {
        let _one_at_a_time = self.changing.lock().await;
        let gone = self.with_made(id_or_name)?;
        let digests: Vec<Digest> =
            gone.iter().map(|token| unhex(TOKENS, &token.id, &token.digest)).collect::<Result<_, _>>()?;
        self.store.put_documents(gone.iter().map(|token| (TOKENS.into(), token.id.clone(), None)).collect()).await?;
        let mut held = self.held.write();
        digests.iter().for_each(|digest| drop(held.tokens.remove(digest)));
        Ok(gone)
    }

    /// A token by id or name, and after it those that it made, and theirs: what goes when it is revoked.
    pub(crate) fn with_made(&self, id_or_name: &str) -> Result<Vec<Token>, DirectoryError> {
        let mut gone = vec![self.token(id_or_name)?];
        let all = self.tokens();
        let mut at = 0;
        while let Some(maker) = gone.get(at).map(|token| token.id.clone()) {
            gone.extend(all.iter().filter(|token| token.maker.as_ref() == Some(&maker)).cloned());
            at += 1;
        }
        Ok(gone)
    }

    fn held_token(&self, id_or_name: &str) -> Result<Arc<HeldToken>, DirectoryError> {
        let held = self.held.read();
        let is_it = |held: &&Arc<HeldToken>| *held.token.id == *id_or_name || *held.token.name == *id_or_name;
        held.tokens.values().find(is_it).cloned().ok_or_else(|| DirectoryError::Unknown("token", id_or_name.into()))
    }
}

/// When a token to be ends: not after the one that makes it.
fn end_of<'a>(new: &NewToken, mut all: impl Iterator<Item = &'a Token>) -> Result<Option<u64>, DirectoryError> {
    let Some(id) = &new.maker else { return Ok(new.expires_ms) };
    let maker = all.find(|token| token.id == *id).ok_or_else(|| DirectoryError::Unknown("token", id.clone()))?;
    match (new.expires_ms, maker.expires_ms) {
        (None, end_ms) => Ok(end_ms),
        (Some(asked_ms), Some(end_ms)) if asked_ms > end_ms => {
            let detail = "a token makes none that outlasts it; let a user who is logged in make it, or ask for less";
            Err(DirectoryError::Invalid(detail.into()))
        }
        (asked_ms, _) => Ok(asked_ms),
    }
}
