//! `/api/v1/audit`: who did what, when, from where, and what came of it. Rows are only appended, and each holds on to the one before;
//! secrets and what people wrote are never in them.

mod book;
mod chain;
pub(super) mod export;
mod record;
#[cfg(test)]
mod tests;

use axum::extract::{Request, State};
use axum::response::Response;
use axum::{Extension, Json};
use http::Method;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

pub(crate) use book::Book;
pub(super) use record::Entry;

use super::cursor;
use super::envelope::REQUEST_ID;
use super::lists::{Asked, limit, read};
use super::principal::Principal;
use super::problem::Problem;
use super::time::at;
use super::{Ctx, access, scope};
use chain::Verified;
use record::{Place, Row};

const LIST: &str = "audit";
/// Rows looked through at a time.
const PAGE: u64 = 500;
/// Pages looked through for one page of those that are asked for; it is short then, and has a next one.
const PAGES: usize = 20;

/// What secrets begin with: of tokens, of setup links, and of Meta's tokens.
const SECRETS: [&str; 3] = ["par_", "setup_", "EAA"];
/// Routes of which no id is digits alone, so that what is may be somebody's number.
const LETTERED: [&str; 5] =
    ["/api/v1/contacts/", "/api/v1/conversations/", "/api/v1/messages/", "/api/v1/outbox/", "/api/v1/broadcasts/"];

/// What a handler knows of its change: an extension of its answer.
#[derive(Clone, Debug, Default)]
pub(super) struct Audited {
    before: Value,
    after: Value,
    reason: Option<Box<str>>,
    targets: Vec<Box<str>>,
}

impl Audited {
    /// How it was. No secret, and nothing that people wrote.
    pub(super) fn before(self, before: Value) -> Self {
        Self { before, ..self }
    }

    /// How it became. No secret, and nothing that people wrote.
    pub(super) fn after(self, after: Value) -> Self {
        Self { after, ..self }
    }

    /// Why, in the words of whoever asked for it.
    pub(super) fn reason(self, reason: Option<impl Into<Box<str>>>) -> Self {
        Self { reason: reason.map(Into::into), ..self }
    }

    /// One more id of what it was done to; those of the path are there anyway.
    pub(super) fn target(mut self, id: &str) -> Self {
        self.targets.push(id.into());
        self
    }
}

/// What is known of a write before it is made.
pub(super) struct Call {
    entry: Entry,
}

impl Call {
    /// Of a request that writes; `None` of one that reads. `route` has names in the places of ids.
    pub(super) fn of(request: &Request, route: Option<&str>, principal: &Principal) -> Option<Self> {
        let method = request.method();
        if !access::is_write(method) || *method == Method::TRACE {
            return None;
        }
        let query = request.uri().query().unwrap_or_default();
        let entry = Entry {
            who: principal.who.clone(),
            role: Some(principal.role),
            // What was asked for may be anything; a path that is none of ours is not kept.
            action: format!("{method} {}", route.unwrap_or("(no such path)")).into(),
            targets: route.map(|route| ids(route, request.uri().path())).unwrap_or_default(),
            dry_run: query.split('&').any(|pair| pair == "dry_run=true"),
            address: access::address(request).to_string().into(),
            request_id: request.headers().get(REQUEST_ID).and_then(|id| id.to_str().ok()).map(Into::into),
            ..Entry::default()
        };
        Some(Self { entry })
    }

    /// Writes the row, now that the answer is known.
    pub(super) async fn answered(self, book: &Book, answer: &mut Response) {
        let mut entry = self.entry;
        entry.status = answer.status().as_u16();
        if let Some(audited) = answer.extensions_mut().remove::<Audited>() {
            (entry.before, entry.after, entry.reason) = (audited.before, audited.after, audited.reason);
            for target in audited.targets {
                if !entry.targets.contains(&target) {
                    entry.targets.push(target);
                }
            }
        }
        book.append(entry).await;
    }
}

/// What stands in a path where the route has names, as far as it may stay: the trail outlives people who are erased, and whoever
/// reads it must not find what somebody put in the place of an id by mistake.
fn ids(route: &str, path: &str) -> Vec<Box<str>> {
    scope::ids(route, path).map(|id| kept(route, &id)).collect()
}

fn kept(route: &str, id: &str) -> Box<str> {
    if SECRETS.iter().any(|beginning| id.starts_with(beginning)) {
        return "(a secret)".into();
    }
    let of_person = if route.starts_with("/api/v1/contacts/") { !id.starts_with("p_") } else { is_phone(id) };
    let lettered = LETTERED.iter().any(|beginning| route.starts_with(beginning));
    if of_person && lettered { "(a phone number)".into() } else { id.into() }
}

fn is_phone(text: &str) -> bool {
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    (7..=15).contains(&digits) && text.bytes().all(|byte| byte.is_ascii_digit() || b"+ -().".contains(&byte))
}

/// Which rows.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Filter {
    /// Who did it: `user:elif`, `token:ci`.
    who: Option<String>,
    /// A part of method and path: `POST`, `/takeover`.
    action: Option<String>,
    /// An id of what it was done to.
    target: Option<String>,
    /// Not before this time (RFC 3339).
    from: Option<String>,
    /// Before this time (RFC 3339).
    to: Option<String>,
    limit: Option<usize>,
    cursor: Option<String>,
    /// Of an export: `jsonl` (default) or `csv`.
    format: Option<String>,
}

/// A filter that was read.
struct Wanted {
    who: Option<String>,
    action: Option<String>,
    target: Option<String>,
    from_ms: u64,
    to_ms: u64,
}

impl Wanted {
    fn read(filter: &Filter) -> Result<Self, Problem> {
        let time = |name: &str, text: &Option<String>, none: u64| {
            let Some(text) = text else { return Ok(none) };
            let parsed: Result<jiff::Timestamp, _> = text.parse();
            let wrong = |_| {
                Problem::bad_request(format!("{name} is {text:?}")).hint("write a time such as 2026-11-27T00:00:00Z")
            };
            parsed.map(|time| u64::try_from(time.as_millisecond()).unwrap_or_default()).map_err(wrong)
        };
        Ok(Self {
            who: filter.who.clone(),
            action: filter.action.clone(),
            target: filter.target.clone(),
            from_ms: time("from", &filter.from, 0)?,
            to_ms: time("to", &filter.to, u64::MAX)?,
        })
    }

    fn fits(&self, row: &Row) -> bool {
        let entry = &row.entry;
        self.who.as_deref().is_none_or(|who| *entry.who == *who)
            && self.action.as_deref().is_none_or(|part| entry.action.contains(part))
            && self.target.as_deref().is_none_or(|id| entry.targets.iter().any(|target| **target == *id))
            && (self.from_ms..self.to_ms).contains(&row.at_ms)
    }
}

/// A row as it is shown.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(example = json!({ "n": 7, "at": "2026-11-27T09:00:00.000Z", "who": "user:elif", "role": "admin",
    "action": "PATCH /api/v1/users/{id}", "targets": ["noor"], "status": 200, "dry_run": false, "reason": "runs the shop",
    "before": { "role": "viewer" }, "after": { "role": "operator" }, "address": "127.0.0.1", "request_id": "r_0123",
    "left_out": 0, "hash": "9f…", "previous": "1c…" }))]
pub(super) struct RowView {
    /// 1, 2, 3, …
    n: u64,
    at: String,
    who: String,
    role: Option<&'static str>,
    action: String,
    targets: Vec<String>,
    status: u16,
    dry_run: bool,
    reason: Option<String>,
    #[schema(value_type = Option<Object>)]
    before: Value,
    #[schema(value_type = Option<Object>)]
    after: Value,
    address: String,
    request_id: Option<String>,
    /// Refused calls of the same caller that were left out since their row before.
    left_out: u64,
    /// The hash of this row, which the next one has as `previous`.
    hash: String,
    previous: String,
}

impl RowView {
    fn of(row: Row, hash: &str) -> Self {
        let entry = row.entry;
        Self {
            n: row.n,
            at: at(row.at_ms),
            who: entry.who.into(),
            role: entry.role.map(|role| role.name()),
            action: entry.action.into(),
            targets: entry.targets.into_iter().map(Into::into).collect(),
            status: entry.status,
            dry_run: entry.dry_run,
            reason: entry.reason.map(Into::into),
            before: entry.before,
            after: entry.after,
            address: entry.address.into(),
            request_id: entry.request_id.map(Into::into),
            left_out: entry.left_out,
            hash: hash.to_owned(),
            previous: row.previous.into(),
        }
    }
}

/// A page of rows, newest first.
#[derive(Serialize, ToSchema)]
pub(super) struct RowPage {
    items: Vec<RowView>,
    next_cursor: Option<String>,
}

/// The rows, newest first.
#[utoipa::path(get, path = "/api/v1/audit", tag = "access", params(Filter), responses((status = OK, body = RowPage)))]
pub(super) async fn list(State(shared): Ctx, filter: Asked<Filter>) -> Result<Json<RowPage>, Problem> {
    let filter = read(filter)?;
    let (wanted, limit) = (Wanted::read(&filter)?, limit(filter.limit)?);
    let book = &shared.audit;
    let before = cursor::take(LIST, filter.cursor.as_deref())?.and_then(|text| text.parse::<u64>().ok());
    // The number after the newest row that is looked at next.
    let mut end = before.unwrap_or_else(|| book.last().n.saturating_add(1)).max(1);
    let mut items = Vec::new();
    for _ in 0..PAGES {
        let start = end.saturating_sub(PAGE).max(1);
        let rows = book.rows_after(start - 1, (end - start) as usize).await?;
        // Age took those before.
        let is_first = rows.first().is_none_or(|(row, ..)| row.n > start) || start == 1;
        let oldest_ms = rows.first().map_or(0, |(row, ..)| row.at_ms);
        let newest = end;
        for (row, hash, _) in rows.into_iter().rev().filter(|(row, ..)| row.n < newest) {
            end = row.n;
            if wanted.fits(&row) {
                items.push(RowView::of(row, &hash));
            }
            if items.len() == limit {
                break;
            }
        }
        if items.len() == limit {
            break;
        }
        if is_first || oldest_ms < wanted.from_ms {
            return Ok(Json(RowPage { items, next_cursor: None }));
        }
        end = end.min(start);
    }
    let next = Some(end).filter(|end| *end > 1).map(|end| end.to_string());
    Ok(Json(RowPage { items, next_cursor: cursor::give(LIST, next) }))
}

/// What is to be in the chain.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Expect {
    /// A `head` that was noted before.
    expect: Option<String>,
}

/// Walks through the chain of all rows: whether one was changed, or taken away.
#[utoipa::path(get, path = "/api/v1/audit/verify", tag = "access", params(Expect),
    responses((status = OK, body = Verified)))]
pub(super) async fn verify(
    State(shared): Ctx,
    Extension(_who): Extension<Principal>,
    query: Asked<Expect>,
) -> Result<Json<Verified>, Problem> {
    let expect = read(query)?.expect.as_deref().map(noted).transpose()?;
    Ok(Json(chain::verify(&shared.audit, expect.as_ref()).await?))
}

fn noted(text: &str) -> Result<Place, Problem> {
    let wrong =
        || Problem::bad_request(format!("expect is {text:?}")).hint("pass a head as verify told it: number:hash");
    let (n, hash) = text.split_once(':').ok_or_else(wrong)?;
    let is_hash = hash.len() == record::NONE.len() && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
    let n = n.parse().ok().filter(|_| is_hash).ok_or_else(wrong)?;
    Ok(Place { n, hash: hash.to_ascii_lowercase().into(), at_ms: 0 })
}
