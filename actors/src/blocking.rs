//! Who is blocked at Meta. The list is Meta's: it is read at start, every hour and after each change, and kept while Meta
//! is down, so that a conversation can be shown as blocked.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use parking_lot::RwLock;
use serde::{Deserialize, Serialize};
use storage::{NewDocument, Store, StoreError};
use whatsapp::graph::{Blocked, CallError, Client};
use whatsapp::message::Recipient;

use crate::clock::Clock;
use crate::codec;
use crate::events;
use crate::numbers::Numbers;
use crate::settings::Number;

const KIND: &str = "blocked";
const INTERVAL_MS: u64 = 3_600_000;
/// After a failure it is tried again after this long.
const AGAIN_MS: u64 = 60_000;
/// Documents of one commit.
const BATCH: usize = 500;

/// A blocked person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BlockedPerson {
    /// The number that blocks them.
    pub phone_number_id: Box<str>,
    /// Their number in digits, or their user id.
    pub person: Box<str>,
    /// When we first knew.
    pub since_ms: u64,
}

/// Number and person, and since when.
type Known = BTreeMap<(Box<str>, Box<str>), u64>;

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Since {
    since_ms: u64,
}

/// Why a list could not be read or kept.
#[derive(Debug, thiserror::Error)]
pub enum BlockError {
    /// There is no such number here.
    #[error("the business number {0} is not configured")]
    Number(Box<str>),
    /// Meta.
    #[error(transparent)]
    Call(#[from] CallError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The keeper of the block lists.
pub struct Blocks {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    client: Client,
    numbers: Numbers,
    known: RwLock<Known>,
    /// One change of the lists at a time.
    changing: tokio::sync::Mutex<()>,
}

impl Blocks {
    /// A keeper with what the store knows. Errors: the store.
    pub async fn load(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        client: Client,
        numbers: Numbers,
    ) -> Result<Arc<Self>, StoreError> {
        let mut known = Known::new();
        for (key, bytes) in store.documents(KIND).await? {
            if let (Some((number, person)), Ok(Since { since_ms })) = (key.split_once('/'), codec::decode(&bytes)) {
                known.insert((number.into(), person.into()), since_ms);
            }
        }
        let known = RwLock::new(known);
        Ok(Arc::new(Self { store, clock, client, numbers, known, changing: tokio::sync::Mutex::default() }))
    }

    /// Keeps the lists up to date until it is dropped.
    pub async fn run(self: Arc<Self>) {
        loop {
            let mut pause_ms = INTERVAL_MS;
            for number in self.numbers.all().iter() {
                if let Err(error) = self.sync(&number.id).await {
                    events::blocks_not_read(&number.id, &error);
                    pause_ms = AGAIN_MS;
                }
            }
            self.clock.wait_until(self.clock.now_ms() + pause_ms).await;
        }
    }

    /// Reads the list of a number from Meta; how many are on it.
    pub async fn sync(&self, number_id: &str) -> Result<usize, BlockError> {
        let number = self.number(number_id)?;
        let _one_at_a_time = self.changing.lock().await;
        let listed = self.client.blocked(&number.id, &number.token.get()).await?;
        let listed: BTreeSet<Box<str>> = listed.iter().map(person).collect();
        let count = listed.len();
        let mut documents = Vec::new();
        let before: BTreeSet<Box<str>> = self.of(number_id).into_iter().map(|blocked| blocked.person).collect();
        documents.extend(before.difference(&listed).map(|person| self.document(number_id, person, None)));
        let now_ms = self.clock.now_ms();
        documents.extend(listed.difference(&before).map(|person| self.document(number_id, person, Some(now_ms))));
        self.write(documents).await?;
        Ok(count)
    }

    /// Blocks a person; Meta says for whom it was done.
    pub async fn block(&self, number_id: &str, who: &Recipient) -> Result<Blocked, BlockError> {
        let number = self.number(number_id)?;
        let _one_at_a_time = self.changing.lock().await;
        let answer = self.client.block(&number.id, &number.token.get(), std::slice::from_ref(who)).await?;
        if answer.failed.is_empty() {
            let document = self.document(number_id, &person(who), Some(self.clock.now_ms()));
            self.write(vec![document]).await?;
        }
        Ok(answer)
    }

    /// Takes a person off the list.
    pub async fn unblock(&self, number_id: &str, who: &Recipient) -> Result<Blocked, BlockError> {
        let number = self.number(number_id)?;
        let _one_at_a_time = self.changing.lock().await;
        let answer = self.client.unblock(&number.id, &number.token.get(), std::slice::from_ref(who)).await?;
        if answer.failed.is_empty() {
            self.write(vec![self.document(number_id, &person(who), None)]).await?;
        }
        Ok(answer)
    }

    /// Whether a number blocks a person who goes by any of these ids.
    pub fn is_blocked(&self, number_id: &str, ids: &[&str]) -> bool {
        let known = self.known.read();
        !known.is_empty() && ids.iter().any(|id| known.contains_key(&(number_id.into(), (*id).into())))
    }

    /// Everybody who is blocked by one of the numbers that are wanted, by number and person, after `after`.
    pub fn list(&self, wanted: impl Fn(&str) -> bool, after: Option<(&str, &str)>, limit: usize) -> Vec<BlockedPerson> {
        let known = self.known.read();
        let start = after.map(|(number, person)| (Box::<str>::from(number), Box::<str>::from(person)));
        let rest = known.iter().filter(|(key, _)| start.as_ref().is_none_or(|start| *key > start));
        rest.filter(|((number, _), _)| wanted(number))
            .take(limit)
            .map(|((number, person), since_ms)| BlockedPerson {
                phone_number_id: number.clone(),
                person: person.clone(),
                since_ms: *since_ms,
            })
            .collect()
    }

    fn of(&self, number_id: &str) -> Vec<BlockedPerson> {
        self.list(|number| *number == *number_id, None, usize::MAX)
    }

    fn number(&self, id: &str) -> Result<Number, BlockError> {
        self.numbers.get(id).ok_or_else(|| BlockError::Number(id.into()))
    }

    fn document(&self, number_id: &str, person: &str, since_ms: Option<u64>) -> NewDocument {
        let value = since_ms.map(|since_ms| codec::encode(&Since { since_ms }));
        (KIND.into(), format!("{number_id}/{person}").into(), value)
    }

    /// Commits, then shows.
    async fn write(&self, documents: Vec<NewDocument>) -> Result<(), StoreError> {
        for batch in documents.chunks(BATCH) {
            self.store.put_documents(batch.to_vec()).await?;
            let mut known = self.known.write();
            for (_, key, value) in batch {
                let Some((number, person)) = key.split_once('/') else { continue };
                let key = (number.into(), person.into());
                match value {
                    Some(_) => drop(known.insert(key, self.clock.now_ms())),
                    None => drop(known.remove(&key)),
                }
            }
        }
        Ok(())
    }
}

fn person(who: &Recipient) -> Box<str> {
    match who {
        Recipient::Phone(phone) => phone.trim_start_matches('+').into(),
        Recipient::UserId(id) => id.as_str().into(),
    }
}
