//! Finding out whose a row is.
//!
//! 1. A row that is addressed to a contact goes there, and from then on its other ids lead there too.
//! 2. Otherwise each id is looked up. Where none is known, the first one makes a new contact; where all that are known
//!    lead to one contact, the others are that person's as well.
//! 3. Where they lead to different contacts, these are one person. The first (the phone number's, where there is one)
//!    stays. The row goes to the other's conversation with the order to become a part of it: that one hands over what
//!    it is and then the row, in this order, so that nothing of it runs twice and the run that waits gets the answer.
//!    Nothing is remembered meanwhile, so that what follows takes the same way until 1 moves the ids.

use storage::{Alias, ContactId, Inbound, StoreError};

use super::people::People;
use crate::deps::Deps;
use crate::identity;

/// Where a row goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Whose {
    pub contact: ContactId,
    /// See [`crate::queue::Item::merge_into`].
    pub merge_into: Option<ContactId>,
}

impl From<ContactId> for Whose {
    fn from(contact: ContactId) -> Self {
        Self { contact, merge_into: None }
    }
}

/// What the store said about ids: looked up for a whole page at once.
pub(super) type Found = Vec<(Alias, Option<ContactId>)>;

/// The ids of a row that only the store may know.
pub(super) fn strangers(people: &People, row: &Inbound) -> Vec<Alias> {
    if identity::addressed(&row.aliases).is_some() {
        return Vec::new();
    }
    let unknown = |alias: &&Alias| identity::is_of_meta(alias) && people.get(alias).is_none();
    row.aliases.iter().filter(unknown).cloned().collect()
}

/// Decides for one row; what came before it on the page is remembered already.
pub(super) async fn whose(people: &mut People, deps: &Deps, row: &Inbound, found: &Found) -> Result<Whose, StoreError> {
    let secret = deps.store.secret();
    if let Some(contact) = identity::addressed(&row.aliases) {
        people.remember(&row.aliases, contact);
        return Ok(contact.into());
    }
    let in_store = |alias: &Alias| found.iter().find(|(asked, _)| asked == alias).and_then(|(_, contact)| *contact);
    let know = |alias: &Alias| {
        let known = identity::named(alias).or_else(|| people.get(alias)).or_else(|| in_store(alias));
        // Remembered here, or still there, from before they were erased.
        known.filter(|contact| !deps.tombs.is_dead(*contact))
    };
    let mut known: Vec<Option<ContactId>> = row.aliases.iter().map(know).collect();
    let told: Vec<ContactId> = known.iter().flatten().copied().collect();
    if !told.is_empty() {
        for (alias, contact) in row.aliases.iter().zip(&mut known).filter(|(_, contact)| contact.is_none()) {
            *contact = unwritten(deps, &secret, alias, &told).await?;
        }
    }
    let Some(first) = known.iter().flatten().next().copied() else {
        let contact = match row.aliases.first() {
            Some(first) => deps.tombs.first_contact(first),
            None => identity::contact_or_first(&secret, None, row),
        };
        people.remember(&row.aliases, contact);
        return Ok(contact.into());
    };
    if let Some(other) = known.iter().flatten().find(|contact| **contact != first) {
        return Ok(Whose { contact: *other, merge_into: Some(first) });
    }
    people.remember(&row.aliases, first);
    Ok(first.into())
}

/// A phone number leads to the contact that was derived from it without being written down: known if that contact has a
/// conversation with any of our numbers. Where another id of the row leads there already, the store is not asked.
async fn unwritten(
    deps: &Deps,
    secret: &[u8; 16],
    alias: &Alias,
    told: &[ContactId],
) -> Result<Option<ContactId>, StoreError> {
    if !alias.0.starts_with("wa:") {
        return Ok(None);
    }
    let contact = identity::first_contact(secret, alias);
    if deps.tombs.is_dead(contact) {
        return Ok(None);
    }
    if told.contains(&contact) {
        return Ok(Some(contact));
    }
    for number in deps.numbers.all().iter() {
        let id = identity::conversation_id(&storage::Partition(number.id.clone()), contact);
        if deps.store.load(id).await?.is_some() {
            return Ok(Some(contact));
        }
    }
    Ok(None)
}
