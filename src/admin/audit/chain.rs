//! Whether the chain holds: every row has the hash that it says, names the one before, and none is missing.

use serde::Serialize;
use storage::StoreError;
use utoipa::ToSchema;

use super::book::Book;
use super::record::Place;

/// Rows that are read at a time.
const PAGE: usize = 500;

/// What a walk through the chain found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(example = json!({ "ok": true, "rows": 12, "first": 1, "head": "12:9f…", "broken_at": null, "why": null }))]
pub(in super::super) struct Verified {
    /// Whether everything holds.
    pub(in super::super) ok: bool,
    /// How many rows there are.
    pub(in super::super) rows: u64,
    /// The first one; older ones went with age.
    pub(in super::super) first: Option<u64>,
    /// The last one and its hash, as `number:hash`: note it elsewhere, and pass it as `expect` another time.
    pub(in super::super) head: String,
    /// The row at which it breaks.
    pub(in super::super) broken_at: Option<u64>,
    /// How.
    pub(in super::super) why: Option<String>,
}

/// Walks through all rows. `expect` is a head that was noted before: it must be a part of this chain.
pub(super) async fn verify(book: &Book, expect: Option<&Place>) -> Result<Verified, StoreError> {
    // Rows that are appended meanwhile are beyond this one.
    let last = book.last();
    let anchors = book.anchors().await?;
    let mut at = anchors.iter().max_by_key(|place| place.n).cloned().unwrap_or_else(Place::beginning);
    let found = |ok, first: Option<u64>, rows, broken: Option<(u64, String)>| {
        let (broken_at, why) = broken.unzip();
        Verified { ok, rows, first, head: format!("{}:{}", last.n, last.hash), broken_at, why }
    };
    let known = |n: u64| anchors.iter().find(|place| place.n == n).map(|place| place.hash.clone());
    if let Some(expect) = expect.filter(|expect| expect.n <= at.n) {
        match known(expect.n) {
            Some(hash) if hash == expect.hash => {}
            Some(_) => {
                let why = "the row that was noted had another hash".to_owned();
                return Ok(found(false, None, 0, Some((expect.n, why))));
            }
            None => {
                let why = format!("the row that was noted went with age; rows after {} are there", at.n);
                return Ok(found(false, None, 0, Some((expect.n, why))));
            }
        }
    }
    let first = Some(at.n + 1).filter(|first| *first <= last.n);
    let mut rows = 0;
    while at.n < last.n {
        let page = book.read_after(at.n, PAGE).await?;
        if page.is_empty() {
            return Ok(found(false, first, rows, Some((at.n + 1, "rows are missing at the end".to_owned()))));
        }
        for read in page {
            if at.n == last.n {
                break;
            }
            let (row, stored, real) = match read {
                Ok(read) => read,
                Err(_) => return Ok(found(false, first, rows, Some((at.n + 1, "it cannot be read".to_owned())))),
            };
            let why = if row.n != at.n + 1 {
                Some(format!("row {} is missing", at.n + 1))
            } else if row.previous != at.hash {
                Some("it does not hold on to the row before".to_owned())
            } else if stored != real {
                Some("it was changed".to_owned())
            } else if expect.is_some_and(|expect| expect.n == row.n && expect.hash != stored) {
                Some("the row that was noted had another hash".to_owned())
            } else {
                None
            };
            if let Some(why) = why {
                return Ok(found(false, first, rows, Some((at.n + 1, why))));
            }
            rows += 1;
            at = Place { n: row.n, hash: stored, at_ms: row.at_ms };
        }
    }
    if at.hash != last.hash {
        return Ok(found(false, first, rows, Some((at.n, "it is not the row that was written last".to_owned()))));
    }
    if let Some(expect) = expect.filter(|expect| expect.n > last.n) {
        let why = format!("the row that was noted is not there; the last one is {}", last.n);
        return Ok(found(false, first, rows, Some((expect.n, why))));
    }
    Ok(found(true, first, rows, None))
}
