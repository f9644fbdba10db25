//! Who is to be erased: the contact, those who became a part of it, their conversations, and every id that leads there.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use storage::{Alias, ContactId, ConversationId};

use crate::contacts::{ContactError, Contacts};
use crate::identity;

/// Parts of one contact, and rounds of looking for parts of parts.
const MAX_PARTS: usize = 256;

/// See the module. Kept with the job, so that it can be taken up when nothing of this can be read any more.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Who {
    /// The contact, and its parts.
    pub contacts: BTreeSet<ContactId>,
    /// Their conversations.
    pub conversations: BTreeSet<ConversationId>,
    /// The ids that are theirs.
    pub aliases: BTreeSet<Alias>,
    /// Numbers that they had and that are others' by now: only our own note of them goes.
    pub passed_on: BTreeSet<Box<str>>,
    /// When the last thing happened that is to go (Unix ms).
    pub last_ms: u64,
    /// Whether they did not want marketing.
    pub opted_out: bool,
}

impl Who {
    /// Looks for all of it. Errors: the store, or a conversation that cannot be read.
    pub(super) async fn find(contacts: &Contacts, contact: ContactId) -> Result<Self, ContactError> {
        let mut who = Self { contacts: [contact].into(), ..Self::default() };
        let mut looked = BTreeSet::new();
        while let Some(next) = who.contacts.difference(&looked).next().copied() {
            looked.insert(next);
            for of in contacts.conversations(next).await? {
                who.conversations.insert(of.id);
                who.conversations.extend(&of.state.absorbed);
                who.aliases.extend(crate::contacts::aliases_of(&of).into_iter().map(Alias));
                who.passed_on.extend(passed_on(&of.state.former));
                who.last_ms = who.last_ms.max(of.state.last_inbound_ms.unwrap_or_default());
                let parts = of.state.absorbed.iter().map(|part| identity::contact_of(*part));
                let room = MAX_PARTS.saturating_sub(who.contacts.len());
                who.contacts.extend(parts.chain(of.state.merged_into).take(room));
            }
            match contacts.record(next).await {
                Ok(record) => {
                    who.aliases.extend(record.phone.iter().map(|phone| identity::phone_alias(phone)));
                    who.opted_out |= contacts.as_member(next).await?.opted_out;
                }
                // Nobody knows what they wanted: then they want none.
                Err(ContactError::Damaged(_)) => who.opted_out = true,
                Err(error) => return Err(error),
            }
        }
        Ok(who)
    }

    /// Ids as they stand in what others wrote: numbers and user ids without their kind, conversations, contacts.
    pub fn words(&self) -> Vec<String> {
        let plain = self.aliases.iter().filter_map(|alias| alias.0.split_once(':')).map(|(_, id)| id.to_owned());
        let conversations = self.conversations.iter().map(ToString::to_string);
        let contacts = self.contacts.iter().map(|contact| identity::contact_text(*contact));
        plain.chain(conversations).chain(contacts).filter(|word| word.len() >= MIN_WORD).collect()
    }

    /// Every alias that the store may hold of them, each with the contact that it leads to.
    pub(super) fn stored_aliases(&self) -> Vec<(Alias, ContactId)> {
        let numbers = self.aliases.iter().filter_map(|alias| alias.0.strip_prefix("wa:"));
        let former = numbers.chain(self.passed_on.iter().map(|number| &**number)).map(identity::former_alias);
        let all: BTreeSet<Alias> = self.aliases.iter().cloned().chain(former).collect();
        all.iter().flat_map(|alias| self.contacts.iter().map(|contact| (alias.clone(), *contact))).collect()
    }

    /// What gets a tombstone: their ids, and the contacts themselves.
    pub(super) fn buried(&self) -> Vec<Alias> {
        self.aliases.iter().cloned().chain(self.contacts.iter().map(|contact| identity::itself(*contact))).collect()
    }
}

/// Shorter ids would be found in what is not about them.
const MIN_WORD: usize = 5;

fn passed_on(former: &[crate::records::state::Former]) -> impl Iterator<Item = Box<str>> {
    let gone = former.iter().filter(|former| former.passed_on);
    gone.filter_map(|former| former.alias.0.strip_prefix("wa:")).map(Into::into)
}

/// Whether one of these words stands in a text by itself: no letter or digit touches it.
pub fn mentions(text: &[u8], words: &[String]) -> bool {
    words.iter().any(|word| {
        let word = word.as_bytes();
        let mut from = 0;
        while let Some(at) = find(text.get(from..).unwrap_or_default(), word) {
            let (start, end) = (from + at, from + at + word.len());
            let touches = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
            if !touches(start.checked_sub(1).and_then(|before| text.get(before))) && !touches(text.get(end)) {
                return true;
            }
            from = start + 1;
        }
        false
    })
}

fn find(text: &[u8], word: &[u8]) -> Option<usize> {
    if word.is_empty() { None } else { text.windows(word.len()).position(|window| window == word) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_found_where_it_stands_by_itself_and_not_inside_of_another() {
        let words = ["447700900123".to_owned()];
        for text in ["\"447700900123\"", "+447700900123", "447700900123", "x 447700900123\n"] {
            assert!(mentions(text.as_bytes(), &words), "{text}");
        }
        for text in ["4477009001234", "1447700900123", "44770090012", "", "a447700900123"] {
            assert!(!mentions(text.as_bytes(), &words), "{text}");
        }
        assert!(mentions(b"4477009001234 447700900123", &words));
    }
}
