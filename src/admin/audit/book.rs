//! The book that rows are appended to. One task writes it: what waits is one commit, and a failed one leaves no gap.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use actors::Clock;
use parking_lot::Mutex;
use storage::{NewDocument, Store, StoreError};
use tokio::sync::{mpsc, oneshot};

use super::record::{self, Entry, LAST, PLACES, Place, ROWS, Row};
use crate::admin::access::household;

/// Rows that wait at the most; beyond it callers wait.
const WAITING: usize = 256;
/// Rows of one commit.
const BATCH: usize = 100;
/// Rows of refusals of one caller at one address within a minute; more are counted only.
pub(super) const REFUSALS_A_MINUTE: u32 = 30;
const MINUTE_MS: u64 = 60_000;
/// Callers whose refusals are counted at a time; those beyond count as one.
pub(super) const REMEMBERED: usize = 10_000;
/// Rows that retention removes with one commit.
const PRUNED: usize = 500;

/// A row, the hash that is stored with it, and the one that it has.
pub(super) type Read = (Row, Box<str>, Box<str>);

/// Who is refused, and where: whoever guesses as somebody must not hide what is refused to themselves.
type Caller = (Box<str>, Option<IpAddr>);

type Ask = (Entry, oneshot::Sender<Result<(), StoreError>>);

/// The book.
pub(crate) struct Book {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    ask: mpsc::Sender<Ask>,
    refused: Mutex<HashMap<Caller, Refused>>,
    last: Arc<Mutex<Place>>,
}

#[derive(Clone, Copy, Default)]
struct Refused {
    since_ms: u64,
    count: u32,
    left_out: u64,
}

impl Book {
    /// Opens the book, and starts the task that writes it; it ends with the last handle. Errors: the store.
    pub(crate) async fn open(store: Arc<dyn Store>, clock: Arc<dyn Clock>) -> Result<Arc<Self>, StoreError> {
        let last = place(&*store, LAST).await?.unwrap_or_else(Place::beginning);
        let last = Arc::new(Mutex::new(last));
        let (ask, asked) = mpsc::channel(WAITING);
        tokio::spawn(write(store.clone(), clock.clone(), asked, last.clone()));
        Ok(Arc::new(Self { store, clock, ask, refused: Mutex::default(), last }))
    }

    /// Appends a row; it is on disk when this answers. A failure is in the log: what was done is done.
    pub(in super::super) async fn append(&self, entry: Entry) {
        if let Some(left_out) = self.counts(&entry) {
            self.write(Entry { left_out, ..entry }).await;
        }
    }

    /// As [`Book::append`], however many refusals of the same caller were rows already: of what is rare by itself.
    pub(in super::super) async fn insist(&self, entry: Entry) {
        let refused = self.refused.lock().get_mut(&caller(&entry)).map(|refused| std::mem::take(&mut refused.left_out));
        self.write(Entry { left_out: refused.unwrap_or(0), ..entry }).await;
    }

    async fn write(&self, entry: Entry) {
        let (answer, answered) = oneshot::channel();
        let written = match self.ask.send((entry.bounded(), answer)).await {
            Ok(()) => answered.await.unwrap_or_else(|_| Err(StoreError::Unavailable("the book is closed".into()))),
            Err(_) => Err(StoreError::Unavailable("the book is closed".into())),
        };
        if let Err(error) = written {
            tracing::error!(%error, "a row of the audit trail could not be written");
        }
    }

    /// How many refusals were left out before this row; `None` leaves this one out, too.
    pub(super) fn counts(&self, entry: &Entry) -> Option<u64> {
        let (is_refusal, now_ms) = (entry.status >= 400, self.clock.now_ms());
        let mut all = self.refused.lock();
        let mut caller = caller(entry);
        if !is_refusal {
            return Some(all.get_mut(&caller).map(|refused| std::mem::take(&mut refused.left_out)).unwrap_or(0));
        }
        if all.len() >= REMEMBERED && !all.contains_key(&caller) {
            all.retain(|_, refused| refused.since_ms + MINUTE_MS > now_ms);
            if all.len() >= REMEMBERED {
                caller = Caller::default();
            }
        }
        let refused = all.entry(caller).or_default();
        if refused.since_ms + MINUTE_MS <= now_ms {
            (refused.since_ms, refused.count) = (now_ms, 0);
        }
        refused.count = refused.count.saturating_add(1);
        if refused.count > REFUSALS_A_MINUTE {
            refused.left_out += 1;
            return None;
        }
        Some(std::mem::take(&mut refused.left_out))
    }

    /// The last row.
    pub(in super::super) fn last(&self) -> Place {
        self.last.lock().clone()
    }

    /// Where the rows begin: the place after which older ones were removed.
    pub(super) async fn anchors(&self) -> Result<Vec<Place>, StoreError> {
        let mut places = Vec::new();
        for (key, bytes) in self.store.documents(PLACES).await? {
            if *key != *LAST {
                places.push(read_place(&key, &bytes)?);
            }
        }
        Ok(places)
    }

    /// Rows after `after`, oldest first, each with the hash that it should have and the one that it has.
    pub(super) async fn rows_after(&self, after: u64, limit: usize) -> Result<Vec<Read>, StoreError> {
        self.read_after(after, limit).await?.into_iter().collect()
    }

    /// As [`Book::rows_after`], with what cannot be read in its place.
    pub(super) async fn read_after(
        &self,
        after: u64,
        limit: usize,
    ) -> Result<Vec<Result<Read, StoreError>>, StoreError> {
        let page = self.store.documents_page(ROWS, Some(&record::key(after)), limit).await?;
        Ok(page.iter().map(|(key, bytes)| record::decode(key, bytes)).collect())
    }

    /// Removes rows that are older than `before_ms`, in small commits, each with an anchor that the rest holds on to. Answers how
    /// many went.
    pub(in super::super) async fn prune(&self, before_ms: u64) -> Result<usize, StoreError> {
        let (mut gone, mut after) = (0, 0);
        loop {
            let page = self.store.documents_page(ROWS, Some(&record::key(after)), PRUNED).await?;
            let mut old = Vec::new();
            for (key, bytes) in &page {
                let (row, hash, _) = record::decode(key, bytes)?;
                if row.at_ms >= before_ms {
                    break;
                }
                old.push((row.n, hash));
            }
            let Some((n, hash)) = old.last().cloned() else { return Ok(gone) };
            let mut documents: Vec<NewDocument> =
                old.iter().map(|(n, _)| (ROWS.into(), record::key(*n), None)).collect();
            let anchor = Place { n, hash, at_ms: self.clock.now_ms() };
            documents.push(place_document(&record::key(n), &anchor));
            self.store.put_documents(documents).await?;
            gone += old.len();
            after = n;
        }
    }
}

fn caller(entry: &Entry) -> Caller {
    (entry.who.clone(), entry.address.parse().ok().map(household))
}

/// Writes what is asked for until nobody can ask any more.
async fn write(store: Arc<dyn Store>, clock: Arc<dyn Clock>, mut asked: mpsc::Receiver<Ask>, last: Arc<Mutex<Place>>) {
    let mut asks = Vec::with_capacity(BATCH);
    while asked.recv_many(&mut asks, BATCH).await > 0 {
        let before = last.lock().clone();
        let entries = asks.iter().map(|(entry, _)| entry.clone());
        let (documents, after) = chained(entries, &before, clock.now_ms());
        let written = store.put_documents(documents).await;
        if written.is_ok() {
            *last.lock() = after;
        }
        for (_, answer) in asks.drain(..) {
            // Whoever asked may be gone; the row is written all the same.
            let _gone = answer.send(written.clone());
        }
    }
}

/// The documents of these rows and of their last place.
pub(super) fn chained(entries: impl Iterator<Item = Entry>, before: &Place, now_ms: u64) -> (Vec<NewDocument>, Place) {
    let mut at = before.clone();
    let mut documents = Vec::new();
    for entry in entries {
        let row = Row { n: at.n + 1, at_ms: now_ms, entry, previous: at.hash };
        let (bytes, hash) = record::encode(&row);
        documents.push((ROWS.into(), record::key(row.n), Some(bytes)));
        at = Place { n: row.n, hash, at_ms: now_ms };
    }
    documents.push(place_document(LAST, &at));
    (documents, at)
}

fn place_document(key: &str, place: &Place) -> NewDocument {
    let bytes = serde_json::to_vec(place).expect("own types always encode into memory");
    (PLACES.into(), key.into(), Some(bytes.into()))
}

async fn place(store: &dyn Store, key: &str) -> Result<Option<Place>, StoreError> {
    let bytes = store.document(PLACES, key).await?;
    bytes.map(|bytes| read_place(key, &bytes)).transpose()
}

fn read_place(key: &str, bytes: &[u8]) -> Result<Place, StoreError> {
    serde_json::from_slice(bytes).map_err(|error| StoreError::Corrupt(format!("{PLACES} {key}: {error}").into()))
}
