//! What the binary tells the actors: limits, rates, numbers.

use std::sync::Arc;

use parking_lot::RwLock;
use secrecy::{ExposeSecret, SecretString};

/// Limits of routing and conversations.
#[derive(Clone, Debug)]
pub struct ConversationSettings {
    /// Live conversation actors at most.
    pub max_live: usize,
    /// Waiting inputs of one conversation kept in memory; further ones wait on disk.
    pub mailbox_limit: usize,
    /// An actor without work for this long leaves (ms).
    pub idle_passivate_ms: u64,
    /// A conversation with this many messages that have not left takes no input until half of them have.
    pub max_unsent: usize,
    /// When somebody answers in the bot's place.
    pub takeover: Takeover,
}

/// When somebody answers in the bot's place, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Takeover {
    /// Whoever writes from the phone app has taken over.
    pub echo_is_takeover: bool,
    /// Whoever has taken over counts as gone when they have done nothing for this long (ms); 0: never.
    pub idle_resume_ms: u64,
    /// What becomes of the conversation then.
    pub on_idle: OnIdle,
    /// What the bot said and has not left then is held.
    pub hold_unsent: bool,
}

/// What becomes of a conversation whose person has done nothing for too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnIdle {
    /// It waits for another person.
    Requeue,
    /// The bot goes on where it waited.
    Resume,
    /// Nothing.
    Keep,
}

impl Default for Takeover {
    fn default() -> Self {
        Self { echo_is_takeover: true, idle_resume_ms: 3_600_000, on_idle: OnIdle::Requeue, hold_unsent: true }
    }
}

impl Default for ConversationSettings {
    fn default() -> Self {
        Self {
            max_live: 10_000,
            mailbox_limit: 1_000,
            idle_passivate_ms: 15 * 60_000,
            max_unsent: 100,
            takeover: Takeover::default(),
        }
    }
}

/// Rates and patience of a number's sender.
#[derive(Clone, Debug)]
pub struct SenderSettings {
    /// Messages per second of one number; 0 switches the limit off.
    pub messages_per_second: u32,
    /// One message to one person per this many milliseconds, after the burst; 0 switches the limit off.
    pub pair_interval_ms: u64,
    /// Messages that may go to one person at once.
    pub pair_burst: u32,
    /// Requests under way at once.
    pub concurrency: usize,
    /// How long a status is waited for when nobody knows whether a message was sent (ms).
    pub doubt_window_ms: u64,
    /// Tries before a message is given up.
    pub max_attempts: u32,
    /// First delay of the backoff (ms).
    pub backoff_base_ms: u64,
    /// Longest delay of the backoff (ms).
    pub backoff_max_ms: u64,
}

impl SenderSettings {
    /// With what is the number's own.
    pub(crate) fn of(&self, number: &Number) -> Self {
        let messages_per_second = number.messages_per_second.unwrap_or(self.messages_per_second);
        Self { messages_per_second, ..self.clone() }
    }
}

impl Default for SenderSettings {
    fn default() -> Self {
        Self {
            messages_per_second: 80,
            pair_interval_ms: 6_000,
            pair_burst: 45,
            concurrency: 64,
            doubt_window_ms: 30_000,
            max_attempts: 8,
            backoff_base_ms: 2_000,
            backoff_max_ms: 300_000,
        }
    }
}

/// A business phone number that we answer for.
#[derive(Clone, Debug)]
pub struct Number {
    /// Meta's `phone_number_id`.
    pub id: Box<str>,
    /// The business account that it belongs to: numbers of one account share its limits. Empty where it is not known.
    pub account: Box<str>,
    /// The token that may send from it.
    pub token: Token,
    /// In place of [`SenderSettings::messages_per_second`]; 0 switches the limit off.
    pub messages_per_second: Option<u32>,
}

/// An access token that can be replaced while requests are made with it; clones share it.
#[derive(Clone, Debug)]
pub struct Token {
    current: Arc<RwLock<(SecretString, u64)>>,
}

impl Token {
    /// A token.
    pub fn new(token: SecretString) -> Self {
        Self { current: Arc::new(RwLock::new((token, 0))) }
    }

    /// The token now.
    pub fn get(&self) -> SecretString {
        self.current.read().0.clone()
    }

    /// Puts another one in its place. Answers whether it is another one.
    pub fn replace(&self, token: SecretString) -> bool {
        let mut current = self.current.write();
        let other = current.0.expose_secret() != token.expose_secret();
        if other {
            *current = (token, current.1 + 1);
        }
        other
    }

    /// How often it was replaced: tells an answer to the old token from one to the new.
    pub(crate) fn replacements(&self) -> u64 {
        self.current.read().1
    }
}

impl From<SecretString> for Token {
    fn from(token: SecretString) -> Self {
        Self::new(token)
    }
}

impl From<String> for Token {
    fn from(token: String) -> Self {
        Self::new(token.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clones_of_a_token_see_its_replacement_and_the_same_token_is_none() {
        let token = Token::from("one".to_owned());
        let clone = token.clone();
        assert!(!token.replace("one".to_owned().into()));
        assert_eq!(clone.replacements(), 0);
        assert!(token.replace("two".to_owned().into()));
        assert_eq!((clone.get().expose_secret(), clone.replacements()), ("two", 1));
    }
}
