//! People of broadcasts who are erased: their place stays, so that there are as many, without a word of who it was, in the
//! lists and in what became of them.

use std::sync::{Arc, OnceLock};

use serde_json::{Value, json};
use storage::Store;

use super::record::{Outcome, Person, Skip};
use super::{Broadcasts, PEOPLE, RESULT};
use crate::codec;
use crate::erasure::{EraseError, Keeps, Kept, Who, masked, mentions};
use crate::events;
use crate::identity;

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

impl Person {
    fn erased() -> Self {
        Self { to: "".into(), variables: Default::default(), skip: Some(Skip::erased()) }
    }
}

impl Broadcasts {
    /// Whether somebody who was named at this time was erased since.
    pub(super) fn is_erased(&self, person: &Person, named_ms: u64) -> bool {
        let tombs = &self.engine.deps().tombs;
        let ids = || [identity::phone_alias(&person.to), identity::user_alias(&person.to)];
        !tombs.is_empty() && tombs.is_of_before(&ids(), named_ms)
    }

    /// Takes the place of whoever was erased since they were named. Answers how many those are.
    pub(super) fn leave_out(&self, people: &mut [Person], named_ms: u64) -> usize {
        let erased = people.iter_mut().filter(|person| self.is_erased(person, named_ms));
        erased.map(|person| *person = Person::erased()).count()
    }
}

impl BroadcastLists {
    /// Calls `each` with every chunk that names them; what it answers is written in its place. In one that cannot be read
    /// their ids become stars, with `mask`.
    async fn look(
        &self,
        who: &Who,
        mask: bool,
        mut each: impl FnMut(&str, Vec<Person>, &dyn Fn(&Person) -> bool) -> Option<Vec<Person>>,
    ) -> Result<(), EraseError> {
        let (words, mut unreadable) = (who.words(), 0);
        let theirs = |person: &Person| words.iter().any(|word| **word == *person.to);
        let mut after = None::<Box<str>>;
        loop {
            let page = self.store.documents_page(PEOPLE, after.as_deref(), PAGE).await?;
            let Some((last, _)) = page.last() else { break };
            after = Some(last.clone());
            for (key, bytes) in page {
                let Ok(people) = codec::decode::<Vec<Person>>(&bytes) else {
                    unreadable += 1;
                    if mask && mentions(&bytes, &words) {
                        self.store.put_document(PEOPLE, &key, Some(masked(&bytes, &words))).await?;
                    }
                    continue;
                };
                if people.iter().any(theirs)
                    && let Some(changed) = each(&key, people, &theirs)
                {
                    self.store.put_document(PEOPLE, &key, Some(codec::encode(&changed))).await?;
                }
            }
        }
        events::unreadable(PEOPLE, unreadable);
        Ok(())
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
                    *person = Person::erased();
                }
                (!only_count).then_some(people)
            };
            self.look(who, !only_count, blank).await?;
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
            self.look(who, false, show).await?;
            Ok(shown)
        })
    }
}

/// What became of people of broadcasts, as what keeps something about them: their messages, by conversation.
pub struct BroadcastResults {
    store: Arc<dyn Store>,
    /// Those who write them, once there are any.
    writers: OnceLock<Arc<Broadcasts>>,
}

impl BroadcastResults {
    /// What the store has of them. Nobody may write them before [`BroadcastResults::attach`].
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self { store, writers: OnceLock::new() }
    }

    /// Says who writes them from now on.
    pub fn attach(&self, broadcasts: Arc<Broadcasts>) {
        let _set_once = self.writers.set(broadcasts);
    }

    /// Clears them in one chunk, as it stands when nobody else writes it.
    async fn clear(&self, key: &str, who: &Who) -> Result<(), EraseError> {
        let _writing = match self.writers.get() {
            Some(broadcasts) => Some(broadcasts.writing.lock().await),
            None => None,
        };
        let Some(bytes) = self.store.document(RESULT, key).await? else { return Ok(()) };
        let mut outcomes: Vec<Outcome> = codec::decode(&bytes)?;
        for outcome in outcomes.iter_mut().filter(|outcome| is_theirs(outcome, who)) {
            *outcome = Outcome::Skipped(Skip::erased());
        }
        Ok(self.store.put_document(RESULT, key, Some(codec::encode(&outcomes))).await?)
    }
}

fn is_theirs(outcome: &Outcome, who: &Who) -> bool {
    outcome.is_of(|conversation| who.conversations.contains(&conversation))
}

impl Keeps for BroadcastResults {
    fn name(&self) -> &'static str {
        "broadcast_results"
    }

    fn erase<'a>(&'a self, who: &'a Who, only_count: bool) -> Kept<'a, usize> {
        Box::pin(async move {
            let (words, mut count, mut unreadable) = (who.words(), 0, 0);
            let mut after = None::<Box<str>>;
            loop {
                let page = self.store.documents_page(RESULT, after.as_deref(), PAGE).await?;
                let Some((last, _)) = page.last() else { break };
                after = Some(last.clone());
                for (key, bytes) in page {
                    let Ok(outcomes) = codec::decode::<Vec<Outcome>>(&bytes) else {
                        unreadable += 1;
                        if !only_count && mentions(&bytes, &words) {
                            self.store.put_document(RESULT, &key, Some(masked(&bytes, &words))).await?;
                        }
                        continue;
                    };
                    let theirs = outcomes.iter().filter(|outcome| is_theirs(outcome, who)).count();
                    count += theirs;
                    if theirs > 0 && !only_count {
                        self.clear(&key, who).await?;
                    }
                }
            }
            events::unreadable(RESULT, unreadable);
            Ok(count)
        })
    }

    fn export<'a>(&'a self, _: &'a Who) -> Kept<'a, Vec<Value>> {
        // The messages themselves are in the export, each with its broadcast.
        Box::pin(async { Ok(Vec::new()) })
    }
}
