//! What is kept of people follows them when two contacts turn out to be one person.

use std::sync::Arc;

use actors::contacts::{ContactChange, Contacts};
use storage::ContactId;

use super::*;

const ADA: Option<&str> = Some("447700900123");
const USER: Option<&str> = Some("GB.7781902234411");

fn tagged(tags: &[&str]) -> ContactChange {
    ContactChange { add_tags: tags.iter().map(|tag| (*tag).into()).collect(), ..ContactChange::default() }
}

/// Everybody who has a tag, one page after the other.
async fn with(contacts: &Contacts, tag: &str) -> Vec<ContactId> {
    let (mut found, mut cursor) = (Vec::new(), None);
    loop {
        let page = contacts.contacts_with(tag, cursor.as_deref(), 1).await.unwrap();
        found.extend(page.items.iter().map(|member| member.contact));
        cursor = page.next;
        if cursor.is_none() {
            return found;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn tags_of_two_contacts_that_become_one_are_its_tags_and_each_segment_has_it_once() {
    let world = counting(World::new());
    let _engine = world.start().await;
    accept(&world, &[said("wamid.1", ADA, None, "a"), said("wamid.2", None, USER, "b")]).await;
    world.quiet().await;
    let tombs = Arc::new(actors::erasure::Tombs::load(&*world.store, 0).await.unwrap());
    let contacts = Contacts::new(world.store.clone(), world.clock.clone(), world.numbers.clone().into(), tombs);
    let ids: Vec<ContactId> = world
        .store
        .conversations(None, Page { cursor: None, limit: 9 })
        .await
        .unwrap()
        .items
        .iter()
        .map(|(id, _)| identity::contact_of(*id))
        .collect();
    assert_eq!(ids.len(), 2);
    contacts.change(ids[0], None, tagged(&["vip", "one"])).await.unwrap();
    contacts.change(ids[1], None, tagged(&["vip", "two"])).await.unwrap();
    assert_eq!(with(&contacts, "vip").await.len(), 2);

    accept(&world, &[said("wamid.3", ADA, USER, "both")]).await;
    world.quiet().await;
    let whole = contacts.canonical(ids[0]).await.unwrap();
    assert_eq!(contacts.canonical(ids[1]).await.unwrap(), whole);
    for tag in ["vip", "one", "two"] {
        for _ in 0..2 {
            assert_eq!(with(&contacts, tag).await, [whole], "{tag}");
        }
    }
    let record = contacts.record(whole).await.unwrap();
    assert_eq!(record.tags.iter().map(|tag| &**tag).collect::<Vec<_>>(), ["one", "two", "vip"]);
    let view = contacts.view(whole, &|_| true).await.unwrap().unwrap();
    assert_eq!((view.wa_id.as_deref(), view.user_id.as_deref(), view.merged.len()), (ADA, USER, 1));
    assert_eq!(contacts.view(whole, &|_| false).await.unwrap(), None, "its number is not seen");
}
