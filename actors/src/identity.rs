//! Who a message is from: Meta's ids as aliases, the contact that they lead to, and the conversation's key.

use sha2::{Digest, Sha256};
use storage::{Alias, ContactId, ConversationId, Inbound, Partition};
use whatsapp::webhook::Received;

/// The ids that a message's sender goes by: phone number, business-scoped id, parent id; most telling first.
/// A group's messages belong to the group.
pub fn aliases_of(received: &Received) -> Vec<Alias> {
    if let Some(group) = &received.group_id {
        return vec![alias("group", group)];
    }
    let ids = [("wa", &received.from), ("bsuid", &received.from_user_id), ("parent", &received.from_parent_user_id)];
    ids.into_iter()
        .filter_map(|(kind, id)| id.as_deref().filter(|id| !id.is_empty()).map(|id| alias(kind, id)))
        .collect()
}

/// The alias of a phone number given by a person: digits, with or without plus and spaces.
pub fn phone_alias(phone: &str) -> Alias {
    let digits: String = phone.chars().filter(char::is_ascii_digit).collect();
    alias("wa", &digits)
}

/// The alias of a business-scoped id.
pub(crate) fn user_alias(user_id: &str) -> Alias {
    alias("bsuid", user_id)
}

/// Under this alias a person is found by a number that they had before, and that may be another's by now.
pub(crate) fn former_alias(phone: &str) -> Alias {
    alias("former", phone)
}

/// Number and business-scoped id of somebody who is named beside a message, as aliases.
pub fn aliases_of_ids(wa_id: Option<&str>, user_ids: &[Option<&str>]) -> Vec<Alias> {
    let users = user_ids.iter().flatten().filter(|id| !id.is_empty()).map(|id| user_alias(id));
    let number = wa_id.filter(|id| !id.is_empty()).map(|id| alias("wa", id));
    number.into_iter().chain(users).collect()
}

/// The first alias of a row that goes to this contact, whatever else is known of its ids; the other aliases lead there
/// from that row on.
pub(crate) fn to(contact: ContactId) -> Alias {
    alias("to", &hex(contact))
}

/// Stands for a contact among the ids of a row.
pub(crate) fn itself(contact: ContactId) -> Alias {
    alias("contact", &hex(contact))
}

/// The contact that a row is addressed to by [`to`].
pub(crate) fn addressed(aliases: &[Alias]) -> Option<ContactId> {
    unhex(aliases.first()?.0.strip_prefix("to:")?)
}

/// The contact that an alias of [`itself`] stands for.
pub(crate) fn named(alias: &Alias) -> Option<ContactId> {
    unhex(alias.0.strip_prefix("contact:")?)
}

/// Whether Meta knows somebody by it; the others are ours.
pub(crate) fn is_of_meta(alias: &Alias) -> bool {
    !["to:", "contact:", "former:"].iter().any(|ours| alias.0.starts_with(ours))
}

/// How a contact is called outside: `p_` and 24 hex digits.
pub fn contact_text(contact: ContactId) -> String {
    format!("p_{}", hex(contact))
}

/// The contact that is called so outside.
pub fn parse_contact(text: &str) -> Option<ContactId> {
    unhex(text.strip_prefix("p_")?)
}

pub(crate) fn hex(contact: ContactId) -> String {
    format!("{:024x}", contact.0.iter().fold(0_u128, |number, byte| number << 8 | u128::from(*byte)))
}

pub(crate) fn unhex(text: &str) -> Option<ContactId> {
    let is_hex = text.len() == 24 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let number = u128::from_str_radix(text, 16).ok().filter(|_| is_hex)?;
    let [_, _, _, _, id @ ..] = number.to_be_bytes();
    Some(ContactId(id))
}

/// The contact of whoever has a number that was this contact's.
pub(crate) fn successor(secret: &[u8; 16], before: ContactId, number: &Alias) -> ContactId {
    first_contact(secret, &alias(&hex(before), &number.0))
}

fn alias(kind: &str, id: &str) -> Alias {
    Alias(format!("{kind}:{id}").into())
}

/// The contact that a person gets who is first seen under this alias: derived, so that two runs agree. Keyed with the
/// store's secret: ids stand in logs, and numbers could be found by trying them all.
pub fn first_contact(secret: &[u8; 16], alias: &Alias) -> ContactId {
    let digest = Sha256::new().chain_update(secret).chain_update(alias.0.as_bytes()).finalize();
    let mut id = [0; 12];
    id.copy_from_slice(&digest[..12]);
    ContactId(id)
}

/// The contact that a row's aliases were linked to; else the one that its sender gets as a new person. A message from
/// nobody (some system messages) belongs to the number itself.
pub(crate) fn contact_or_first(secret: &[u8; 16], linked: Option<ContactId>, row: &Inbound) -> ContactId {
    let nobody = || first_contact(secret, &alias("number", &row.partition.0));
    let given = addressed(&row.aliases).or_else(|| row.aliases.iter().find_map(named)).or(linked);
    given.unwrap_or_else(|| row.aliases.first().map_or_else(nobody, |first| first_contact(secret, first)))
}

/// Aliases that must be written down for this contact: all but the phone number that it was derived from.
pub(crate) fn aliases_to_record(secret: &[u8; 16], aliases: &[Alias], contact: ContactId) -> Vec<(Alias, ContactId)> {
    let derived = |alias: &Alias| alias.0.starts_with("wa:") && first_contact(secret, alias) == contact;
    let theirs = aliases.iter().filter(|alias| is_of_meta(alias) && !derived(alias));
    theirs.map(|alias| (alias.clone(), contact)).collect()
}

/// The four bytes that stand for a business number in every conversation key.
pub fn partition_tag(partition: &Partition) -> [u8; 4] {
    let digest = Sha256::digest(partition.0.as_bytes());
    [digest[0], digest[1], digest[2], digest[3]]
}

/// The conversation of a contact with a business number.
pub fn conversation_id(partition: &Partition, contact: ContactId) -> ConversationId {
    let mut id = [0; 16];
    id[..4].copy_from_slice(&partition_tag(partition));
    id[4..].copy_from_slice(&contact.0);
    ConversationId(id)
}

/// A contact's conversation with the number of another conversation.
pub(crate) fn beside(conversation: ConversationId, contact: ContactId) -> ConversationId {
    let mut id = conversation.0;
    id[4..].copy_from_slice(&contact.0);
    ConversationId(id)
}

/// The tag of the number that a conversation belongs to.
pub fn tag_of(conversation: ConversationId) -> [u8; 4] {
    let [a, b, c, d, ..] = conversation.0;
    [a, b, c, d]
}

/// The contact of a conversation.
pub fn contact_of(conversation: ConversationId) -> ContactId {
    let mut id = [0; 12];
    id.copy_from_slice(&conversation.0[4..]);
    ContactId(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: [u8; 16] = [7; 16];

    #[test]
    fn a_phone_number_needs_no_alias_row_but_every_other_id_does() {
        let phone = phone_alias("+44 7700 900123");
        assert_eq!(&*phone.0, "wa:447700900123");
        let contact = first_contact(&SECRET, &phone);
        let bsuid = alias("bsuid", "GB.1");
        assert_eq!(aliases_to_record(&SECRET, &[phone, bsuid.clone()], contact), vec![(bsuid.clone(), contact)]);

        let contact = first_contact(&SECRET, &bsuid);
        assert_eq!(aliases_to_record(&SECRET, std::slice::from_ref(&bsuid), contact), vec![(bsuid.clone(), contact)]);
    }

    #[test]
    fn a_row_is_addressed_to_a_contact_by_its_first_alias_only() {
        let contact = first_contact(&SECRET, &phone_alias("447700900123"));
        assert_eq!(addressed(&[to(contact), phone_alias("447700900123")]), Some(contact));
        assert_eq!(addressed(&[phone_alias("447700900123"), to(contact)]), None);
        assert_eq!(named(&itself(contact)), Some(contact));
        assert_eq!(named(&Alias("contact:12".into())), None);
        assert_eq!(aliases_to_record(&SECRET, &[to(contact), itself(contact)], contact), vec![]);
    }

    #[test]
    fn another_store_gives_the_same_number_another_id() {
        let phone = phone_alias("447700900123");
        assert_ne!(first_contact(&SECRET, &phone), first_contact(&[8; 16], &phone));
    }

    #[test]
    fn a_conversation_key_starts_with_its_number() {
        let number = Partition("700800900100200".into());
        let contact = first_contact(&SECRET, &phone_alias("447700900123"));
        let id = conversation_id(&number, contact);
        assert_eq!(tag_of(id), partition_tag(&number));
        assert_eq!(contact_of(id), contact);
    }
}
