//! Passwords: argon2id away from the async threads, two at a time, and the same work for a name that nobody has.

use std::sync::Arc;

use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Semaphore;

/// Characters of a password at least.
pub(super) const MIN_CHARS: usize = 12;
/// Bytes of a password at most: hashing must not be a way to keep the machine busy.
pub(super) const MAX_BYTES: usize = 1_024;
/// Passwords that are hashed at a time; each takes 19 MiB.
const AT_A_TIME: usize = 2;
/// Passwords that wait for it at the most.
const WAITING: usize = 32;

/// A hash that no password has, with the parameters of all others. Verifying it takes the time of a real one.
const DECOY: &str = "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Why a password was neither right nor wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(in crate::admin) enum PasswordError {
    /// Too many wait.
    #[error("too many passwords are being checked; try again in a moment")]
    Busy,
    /// The hash cannot be made or read.
    #[error("a password cannot be hashed on this machine")]
    Broken,
}

/// The one place where passwords are hashed.
pub(super) struct Passwords {
    running: Arc<Semaphore>,
    waiting: Semaphore,
}

impl Passwords {
    pub(super) fn new() -> Self {
        Self { running: Arc::new(Semaphore::new(AT_A_TIME)), waiting: Semaphore::new(WAITING) }
    }

    /// The hash to keep, in PHC form.
    pub(super) async fn hash(&self, password: SecretString) -> Result<Box<str>, PasswordError> {
        self.run(move || {
            let salt: [u8; 16] = rand::random();
            let made = argon2()?.hash_password_with_salt(password.expose_secret().as_bytes(), &salt);
            made.map(|hash| hash.to_string().into()).map_err(|_| PasswordError::Broken)
        })
        .await
    }

    /// Whether the password is the one of `hash`. Without one it is not, and that takes as long.
    pub(super) async fn is_right(&self, password: SecretString, hash: Option<Box<str>>) -> Result<bool, PasswordError> {
        self.run(move || {
            let known = hash.as_deref().unwrap_or(DECOY);
            let fits = argon2()?.verify_password(password.expose_secret().as_bytes(), known).is_ok();
            Ok(fits && hash.is_some())
        })
        .await
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, PasswordError> + Send + 'static,
    ) -> Result<T, PasswordError> {
        let _place = self.waiting.try_acquire().map_err(|_| PasswordError::Busy)?;
        let permit = self.running.clone().acquire_owned().await.map_err(|_| PasswordError::Broken)?;
        let done = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            work()
        });
        done.await.map_err(|_| PasswordError::Broken)?
    }
}

/// What OWASP names as the least for argon2id: 19 MiB, two passes, one lane (Password Storage Cheat Sheet, 2026).
fn argon2() -> Result<Argon2<'static>, PasswordError> {
    let params = Params::new(19_456, 2, 1, None).map_err(|_| PasswordError::Broken)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

/// Whether a password may be one, or why not.
pub(super) fn check(password: &SecretString) -> Result<(), String> {
    let text = password.expose_secret();
    let chars = text.chars().count();
    if chars < MIN_CHARS {
        return Err(format!("the password has {chars} characters; at least {MIN_CHARS} are needed"));
    }
    if text.len() > MAX_BYTES {
        return Err(format!("the password has {} bytes; at most {MAX_BYTES} are taken", text.len()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_password_is_right_for_its_own_hash_only() {
        let passwords = Passwords::new();
        let hash = passwords.hash("correct horse battery".into()).await.unwrap();
        let twin = passwords.hash("correct horse battery".into()).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$") && hash != twin, "{hash}");
        let right = |text: &str, hash: Option<&str>| passwords.is_right(text.into(), hash.map(Into::into));
        assert_eq!(right("correct horse battery", Some(&hash)).await, Ok(true));
        assert_eq!(right("correct horse batterY", Some(&hash)).await, Ok(false));
        assert_eq!(right("correct horse battery", None).await, Ok(false));
        assert_eq!(right("", Some("no hash at all")).await, Ok(false));
    }

    #[test]
    fn the_decoy_costs_what_a_real_hash_costs() {
        let decoy = argon2::PasswordHash::new(DECOY).unwrap();
        let real = argon2().unwrap().hash_password_with_salt(b"x", &[7; 16]).unwrap();
        assert_eq!((decoy.algorithm, decoy.version, &decoy.params), (real.algorithm, real.version, &real.params));
    }

    #[test]
    fn short_and_endless_passwords_are_refused() {
        assert!(check(&"elf Zeichen".into()).unwrap_err().contains("11 characters"));
        assert!(check(&"x".repeat(MAX_BYTES + 1).into()).is_err());
        assert_eq!(check(&"zwölf Zeiche".into()), Ok(()));
    }
}
