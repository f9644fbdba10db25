//! Recently seen people, so that a message does not cost a look into the store.

use foldhash::HashMap;
use storage::{Alias, ContactId};

use crate::identity;

/// Ids remembered; the older half is forgotten when it is full.
const REMEMBERED: usize = 65_536;

/// Contacts by alias, in two generations.
#[derive(Default)]
pub(super) struct People {
    young: HashMap<Alias, ContactId>,
    old: HashMap<Alias, ContactId>,
}

impl People {
    /// The contact that this id leads to.
    pub(super) fn get(&self, alias: &Alias) -> Option<ContactId> {
        self.young.get(alias).or_else(|| self.old.get(alias)).copied()
    }

    /// Forgets every id that leads to one of these.
    pub(super) fn forget(&mut self, is_gone: impl Fn(ContactId) -> bool) {
        self.young.retain(|_, contact| !is_gone(*contact));
        self.old.retain(|_, contact| !is_gone(*contact));
    }

    /// From now on those of these ids that are Meta's lead to this contact.
    pub(super) fn remember(&mut self, aliases: &[Alias], contact: ContactId) {
        for alias in aliases.iter().filter(|alias| identity::is_of_meta(alias)) {
            if self.young.get(alias) == Some(&contact) {
                continue;
            }
            if self.young.len() >= REMEMBERED / 2 {
                self.old = std::mem::take(&mut self.young);
            }
            self.young.insert(alias.clone(), contact);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alias(n: usize) -> [Alias; 1] {
        [Alias(format!("wa:{n}").into())]
    }

    #[test]
    fn a_person_is_known_under_every_id_and_forgotten_after_many_others() {
        let mut people = People::default();
        let contact = ContactId([7; 12]);
        people.remember(&[Alias("wa:1".into()), Alias("bsuid:GB.1".into())], contact);
        assert_eq!(people.get(&Alias("wa:1".into())), Some(contact));
        assert_eq!(people.get(&Alias("bsuid:GB.1".into())), Some(contact));
        assert_eq!(people.get(&Alias("wa:none".into())), None);
        for n in 0..REMEMBERED {
            people.remember(&alias(n + 10), ContactId([0; 12]));
        }
        assert_eq!(people.get(&Alias("bsuid:GB.1".into())), None);
        assert!(people.young.len() + people.old.len() <= REMEMBERED);
    }

    #[test]
    fn somebody_who_keeps_writing_is_not_forgotten() {
        let mut people = People::default();
        for n in 0..REMEMBERED {
            people.remember(&alias(1), ContactId([1; 12]));
            people.remember(&alias(n + 10), ContactId([0; 12]));
        }
        assert_eq!(people.get(&alias(1)[0]), Some(ContactId([1; 12])));
    }
}
