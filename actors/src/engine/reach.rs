//! Whom a program names: a conversation, or a person by number or user id whether or not they ever wrote.

use std::str::FromStr;

use storage::{Accept, Alias, ConversationId, Partition};
use whatsapp::message::{Outgoing, Recipient};

use super::Engine;
use super::orders::{OrderError, Ordered};
use crate::identity;
use crate::records::State;

/// Digits of a number with its country code.
const PHONE_DIGITS: std::ops::RangeInclusive<usize> = 7..=15;
/// Characters of a user id at most.
const MAX_USER_ID: usize = 140;

/// Whom a message or a call is for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Target {
    /// A conversation that exists.
    Conversation(ConversationId),
    /// A person, known or not.
    Person(Recipient),
}

/// A text that names nobody.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is neither a number with its country code, nor a user id such as GB.778…, nor a conversation's id")]
pub struct TargetError(Box<str>);

impl FromStr for Target {
    type Err = TargetError;

    fn from_str(text: &str) -> Result<Self, TargetError> {
        let text = text.trim();
        let wrong = || TargetError(text.chars().take(MAX_USER_ID).collect());
        if text.starts_with("c_") {
            return text.parse().map(Target::Conversation).map_err(|_| wrong());
        }
        if let Some(id) = user_id(text) {
            return Ok(Target::Person(Recipient::UserId(id)));
        }
        phone(text).map(|digits| Target::Person(Recipient::Phone(digits))).ok_or_else(wrong)
    }
}

impl std::fmt::Display for Target {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Target::Conversation(id) => id.fmt(out),
            Target::Person(Recipient::Phone(id) | Recipient::UserId(id)) => out.write_str(id),
        }
    }
}

fn user_id(text: &str) -> Option<String> {
    let (country, rest) = text.split_once('.')?;
    let is_country = country.len() == 2 && country.bytes().all(|byte| byte.is_ascii_uppercase());
    let is_id = !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'.');
    (is_country && is_id && text.len() <= MAX_USER_ID).then(|| text.to_owned())
}

/// The digits. Without a country code nobody knows whose number it is, and no country code begins with 0.
fn phone(text: &str) -> Option<String> {
    let number = text.strip_prefix('+').unwrap_or(text);
    let plain = number.chars().all(|c| c.is_ascii_digit() || matches!(c, ' ' | '-' | '(' | ')' | '.' | '/'));
    let digits: String = number.chars().filter(char::is_ascii_digit).collect();
    (plain && PHONE_DIGITS.contains(&digits.len()) && !digits.starts_with('0')).then_some(digits)
}

/// A message for somebody.
#[derive(Clone, Debug)]
pub struct OrderTo {
    /// From which number.
    pub number_id: Box<str>,
    /// To whom.
    pub to: Target,
    /// What to send.
    pub message: Outgoing,
    /// Orders of a conversation with the same key are carried out once within 24 hours.
    pub key: Option<String>,
    /// Who wants it, such as `user:elif`.
    pub who: Box<str>,
    /// Also where somebody else of staff answers.
    pub force: bool,
}

/// Somebody who was found, or begins to be known.
pub(super) struct Reached {
    pub conversation: ConversationId,
    pub state: State,
    /// The ids of the row that goes there.
    pub aliases: Vec<Alias>,
    /// How they were named.
    pub named: Option<Recipient>,
}

/// The alias that a person is known by.
pub(super) fn alias(person: &Recipient) -> Alias {
    match person {
        Recipient::Phone(number) => identity::phone_alias(number),
        Recipient::UserId(id) => identity::user_alias(id),
    }
}

impl Engine {
    /// As [`Engine::order`], to anybody: the conversation begins with the message if there is none. Answers which one
    /// it is, if it is clear.
    pub async fn order_to(&self, order: OrderTo) -> Result<(Option<ConversationId>, Ordered), OrderError> {
        let OrderTo { number_id, to, message, key, who, force } = order;
        let Some(reached) = self.reach(&number_id, &to).await? else { return Ok((None, Ordered::Unknown)) };
        let conversation = reached.conversation;
        let ordered = self.place(reached, (message, key), who, force).await?;
        let conversation = match &ordered {
            Ordered::Queued(send) => send.conversation,
            _ => conversation,
        };
        Ok((Some(conversation), ordered))
    }

    /// Somebody by their ids, as the router will find them; `None` for a conversation that this number does not have.
    pub(super) async fn reach(&self, number_id: &str, to: &Target) -> Result<Option<Reached>, OrderError> {
        let person = match to {
            Target::Conversation(id) => {
                let found = self.destination(*id).await?.filter(|(_, state)| *state.number_id == *number_id);
                return Ok(found.map(|(conversation, state)| Reached::known(conversation, state, None)));
            }
            Target::Person(person) => person,
        };
        let alias = alias(person);
        let linked = self.deps.store.resolve_each(vec![alias.clone()]).await?.into_iter().next().flatten();
        let linked = linked.filter(|contact| !self.deps.tombs.is_dead(*contact));
        let contact = linked.unwrap_or_else(|| self.deps.tombs.first_contact(&alias));
        let id = identity::conversation_id(&Partition(number_id.into()), contact);
        Ok(Some(match self.destination(id).await? {
            Some((conversation, state)) => Reached::known(conversation, state, Some(person.clone())),
            None => Reached {
                conversation: id,
                state: State { number_id: number_id.into(), ..State::default() },
                aliases: vec![alias],
                named: Some(person.clone()),
            },
        }))
    }

    /// Appends a row to what was reached.
    pub(super) async fn append_to(
        &self,
        reached: &Reached,
        payload: &crate::records::InboxPayload,
        now_ms: u64,
    ) -> Result<storage::InboxSeq, storage::StoreError> {
        let row = storage::Inbound {
            partition: Partition(reached.state.number_id.clone()),
            aliases: reached.aliases.clone(),
            received_ms: now_ms,
            payload: crate::codec::encode(payload),
        };
        let appended = self.deps.store.append(vec![Accept::Message(row)]).await?;
        Ok(appended.first().copied().unwrap_or_default())
    }
}

impl Reached {
    pub(super) fn known(conversation: ConversationId, state: State, named: Option<Recipient>) -> Self {
        let aliases = vec![identity::to(identity::contact_of(conversation))];
        Self { conversation, state, aliases, named }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_are_named_by_number_user_id_or_conversation() {
        let phone = |digits: &str| Ok(Target::Person(Recipient::Phone(digits.into())));
        assert_eq!("+44 7700 900-123".parse(), phone("447700900123"));
        assert_eq!("447700900123".parse(), phone("447700900123"));
        assert_eq!("GB.7789abc".parse(), Ok(Target::Person(Recipient::UserId("GB.7789abc".into()))));
        let id = ConversationId([7; 16]);
        assert_eq!(id.to_string().parse(), Ok(Target::Conversation(id)));
        for target in ["447700900123", "GB.7789abc", &id.to_string()] {
            assert_eq!(target.parse::<Target>().unwrap().to_string(), target);
        }
    }

    #[test]
    fn what_names_nobody_is_refused() {
        let long = "1".repeat(16);
        for wrong in [
            "",
            "Ada",
            "07700900123",
            "0044 7700 900123",
            "123456",
            &long,
            "c_1",
            "gb.1",
            "GB.",
            "44x7700900123",
            "＋44",
        ] {
            assert!(wrong.parse::<Target>().is_err(), "{wrong}");
        }
    }
}
