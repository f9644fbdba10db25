//! People of broadcasts who are erased: their place stays, so that the counts do, without a word of who it was.

use std::sync::Arc;

use serde_json::{Value, json};
use storage::Store;

use super::PEOPLE;
use super::record::{Person, Skip};
use crate::codec;
use crate::erasure::{EraseError, Keeps, Kept, Who};

/// Chunks read at once.
const PAGE: usize = 50;
/// Places that an export shows.
const EXPORTED: usize = 1_000;

/// The lists of broadcasts, as what keeps something about people.
pub struct BroadcastLists {
    /// The store.
    pub store: Arc<dyn Store>,
}

impl Skip {
    pub(super) fn erased() -> Self {
        Self::new("erased", "the person was erased")
    }
}

impl BroadcastLists {
    /// Calls `each` with every chunk that names them; what it answers is written in its place.
    async fn look(
        &self,
        who: &Who,
        mut each: impl FnMut(&str, Vec<Person>, &dyn Fn(&Person) -> bool) -> Option<Vec<Person>>,
    ) -> Result<(), EraseError> {
        let words = who.words();
        let theirs = |person: &Person| words.iter().any(|word| **word == *person.to);
        let mut after = None::<Box<str>>;
        loop {
            let page = self.store.documents_page(PEOPLE, after.as_deref(), PAGE).await?;
            let Some((last, _)) = page.last() else { return Ok(()) };
            after = Some(last.clone());
            for (key, bytes) in page {
                let people: Vec<Person> = codec::decode(&bytes)?;
                if people.iter().any(theirs)
                    && let Some(changed) = each(&key, people, &theirs)
                {
                    self.store.put_document(PEOPLE, &key, Some(codec::encode(&changed))).await?;
                }
            }
        }
    }
}

impl Keeps for BroadcastLists {
    fn name(&self) -> &'static str {
        "broadcasts"
    }

    fn erase<'a>(&'a self, who: &'a Who, only_count: bool) -> Kept<'a, usize> {
        Box::pin(async move {
            let mut count = 0;
            let blank = |_: &str, mut people: Vec<Person>, theirs: &dyn Fn(&Person) -> bool| {
                for person in people.iter_mut().filter(|person| theirs(person)) {
                    count += 1;
                    *person = Person { to: "".into(), variables: Default::default(), skip: Some(Skip::erased()) };
                }
                (!only_count).then_some(people)
            };
            self.look(who, blank).await?;
            Ok(count)
        })
    }

    fn export<'a>(&'a self, who: &'a Who) -> Kept<'a, Vec<Value>> {
        Box::pin(async move {
            let mut shown = Vec::new();
            let show = |key: &str, people: Vec<Person>, theirs: &dyn Fn(&Person) -> bool| {
                for person in people.iter().filter(|person| theirs(person)) {
                    if shown.len() < EXPORTED {
                        shown.push(json!({ "list": key, "to": person.to, "variables": person.variables }));
                    }
                }
                None
            };
            self.look(who, show).await?;
            Ok(shown)
        })
    }
}
