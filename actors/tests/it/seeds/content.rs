//! All that a store has to say, as text.

use std::fmt::{Debug, Write};

use storage::{InboxSeq, Page, Pending, Store};

use crate::support::at_once;

/// More than there is of anything.
const ALL: usize = 1_000;
/// Kinds of documents that these lives may write.
const KINDS: [&str; 4] = ["attention", "erased", "number_served", "stopped_number"];

/// Everything that a reader can find, a line for each.
pub(super) fn content(store: &dyn Store) -> String {
    let mut text = String::new();
    let mut say = |what: &str, found: &dyn Debug| writeln!(text, "{what}: {found:?}").unwrap();
    say("newest", &(*store.appended().borrow(), *store.committed().borrow()));
    say("pending", &get(store.pending(InboxSeq(0), ALL)));
    let conversations = get(store.conversations(None, page())).items;
    for (id, head) in &conversations {
        say("conversation", &(id, head));
        get(store.history_from(*id, 0, ALL)).iter().for_each(|entry| say("history", entry));
    }
    get(store.outbox(None, page())).items.iter().for_each(|send| say("outbox", send));
    let open = get(store.open_sends(None, ALL));
    say("open", &open.iter().map(|send| send.id).collect::<Vec<_>>());
    say("wakes", &get(store.wakes_due(None, u64::MAX, ALL)));
    say("letters", &get(store.dead_letters(page())));
    say("resolved letters", &get(store.resolved_letters(page())));
    say("quarantine", &get(store.quarantine(page())));
    say("notices", &get(store.notices(page())));
    KINDS.iter().for_each(|kind| say(kind, &get(store.documents(kind))));
    text
}

/// Shows only the first line that differs.
pub(super) fn assert_same(found: &str, expected: &str) {
    for (found, expected) in found.lines().zip(expected.lines()) {
        assert_eq!(found, expected, "the disk has something else than was acknowledged");
    }
    assert_eq!(found.len(), expected.len(), "the disk has more or less than was acknowledged");
}

fn page() -> Page {
    Page { cursor: None, limit: ALL }
}

fn get<T>(pending: Pending<T>) -> T {
    at_once(pending).unwrap()
}
