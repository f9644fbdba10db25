//! `/api/v1/conversations`: the list, and one conversation.

mod filter;
mod queue;

use actors::view::{self, ConversationView};
use actors::{attention, identity};
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use http::header;
use serde_json::{Value, json};
use storage::{ConversationId, Head, Listed, Page, Partition, Store};

use super::lists::{Asked, page, read};
use super::principal::Principal;
use super::problem::Problem;
use super::{Ctx, Shared, blocked, cursor, scope};
use crate::admin::shapes;
use crate::numbers::Served;
use filter::{Filter, Wanted};

/// Names of the lists of conversations, for their cursors.
const LIST: &str = "conversations";
const QUEUE: &str = "conversations/waiting";
/// Conversations that a page looks through at the most, or little more.
const LOOKED_THROUGH: usize = 2_000;
/// A conversation that became a part of one that became a part of another is followed this far.
const MAX_MERGES: usize = 16;

/// The list, the last active one first; with `sort=waiting` those that wait for a person, the longest waiting first.
///
/// Filters that an index answers (`state` of `needs_person`, `mine`, `human` and `paused`, `owner`, `phone`) look at what fits
/// only. The others look through so many conversations at once: a page may be short, even empty, and has a next one then.
#[utoipa::path(
    get, path = "/api/v1/conversations", params(Filter),
    responses((status = OK, body = shapes::Listed<shapes::Conversation>))
)]
pub(super) async fn list(
    State(shared): Ctx,
    Extension(principal): Extension<Principal>,
    filter: Asked<Filter>,
) -> Result<Json<Value>, Problem> {
    let filter = read(filter)?;
    let wanted = Wanted::new(&filter, &principal, shared.parts.clock.now_ms())?;
    let (items, next) = match &filter.phone {
        Some(phone) => {
            let number = filter.phone_number_id.as_deref();
            let found = of_person(&*shared.parts.store, &shared.parts.numbers.all(), number, phone).await?;
            (found.items.iter().map(|(id, head)| listed(*id, head)).filter(|view| wanted.fits(view)).collect(), None)
        }
        None if wanted.is_queue() => queue(&shared, &wanted, &filter).await?,
        None => scan(&shared, &wanted, &filter).await?,
    };
    Ok(Json(json!({ "items": items, "next_cursor": next })))
}

type Found = (Vec<ConversationView>, Option<String>);

/// Looks through conversations by last activity, so many at once.
async fn scan(shared: &Shared, wanted: &Wanted<'_>, filter: &Filter) -> Result<Found, Problem> {
    let store = &*shared.parts.store;
    let number = filter.phone_number_id.as_deref();
    let prefix = number.map(|number| identity::partition_tag(&Partition(number.into())));
    let mut place = page(LIST, filter.limit, filter.cursor.as_deref())?;
    let (mut items, limit, mut looked) = (Vec::new(), place.limit, 0);
    loop {
        place.limit = limit - items.len();
        let found = store.conversations(prefix, place.clone()).await?;
        looked += found.items.len();
        items.extend(found.items.iter().map(|(id, head)| listed(*id, head)).filter(|view| wanted.fits(view)));
        place.cursor = found.next;
        if place.cursor.is_none() || items.len() >= limit || looked >= LOOKED_THROUGH {
            return Ok((items, cursor::give(LIST, place.cursor)));
        }
    }
}

/// The conversations that people have, or shall have, the longest waiting first.
async fn queue(shared: &Shared, wanted: &Wanted<'_>, filter: &Filter) -> Result<Found, Problem> {
    let store = &*shared.parts.store;
    let Page { cursor, limit } = page(QUEUE, filter.limit, filter.cursor.as_deref())?;
    let after = cursor.as_deref().and_then(queue::place);
    let (all, _) = attention::all(store).await?;
    let behind = all.into_iter().filter(|one| after.is_none_or(|after| (one.since_ms, one.conversation) > after));
    let (mut items, mut last) = (Vec::new(), None);
    for one in behind.filter(|one| wanted.may_fit(one)) {
        if items.len() == limit {
            return Ok((items, cursor::give(QUEUE, last)));
        }
        last = Some(queue::text(&one));
        let head = store.load(one.conversation).await?;
        let view = head.map(|head| listed(one.conversation, &head));
        items.extend(view.filter(|view| wanted.fits(view)));
    }
    Ok((items, None))
}

fn listed(id: ConversationId, head: &Head) -> ConversationView {
    let view = view::listed(id, head);
    if let Some(error) = &view.problem {
        tracing::error!(conversation = %view.id, error, "a stored conversation cannot be decoded");
    }
    view
}

/// A person has one conversation with each of our numbers; whoever had the phone number before is found as well.
async fn of_person(
    store: &dyn Store,
    numbers: &[Served],
    only: Option<&str>,
    phone: &str,
) -> Result<Listed<(ConversationId, Head)>, Problem> {
    if !phone.bytes().any(|byte| byte.is_ascii_digit()) {
        return Err(
            Problem::bad_request("phone must have digits").hint("such as phone=447700900123 or phone=%2B447700900123")
        );
    }
    let mut items: Vec<(ConversationId, Head)> = Vec::new();
    for contact in view::contacts_of_phone(store, phone).await? {
        for number in numbers.iter().filter(|number| only.is_none_or(|only| *only == *number.id)) {
            let id = identity::conversation_id(&Partition(number.id.clone()), contact);
            let found = followed(store, id).await?;
            items.extend(found.filter(|(id, _)| items.iter().all(|(known, _)| known != id)));
        }
    }
    items.sort_by_key(|(_, head)| std::cmp::Reverse(head.updated_ms));
    Ok(Listed { items, next: None })
}

/// The conversation, or the one that it became a part of.
async fn followed(store: &dyn Store, mut id: ConversationId) -> Result<Option<(ConversationId, Head)>, Problem> {
    for _ in 0..MAX_MERGES {
        let Some(head) = store.load(id).await? else { return Ok(None) };
        // One that cannot be decoded is shown as such.
        let into = view::links(id, &head).ok().and_then(|links| links.merged_into);
        let Some(into) = into else { return Ok(Some((id, head))) };
        id = into;
    }
    Ok(None)
}

/// One conversation, with its variables. Its `ETag` is for `If-Match` of a change of them.
#[utoipa::path(
    get, path = "/api/v1/conversations/{id}", responses((status = OK, body = shapes::ConversationShown))
)]
pub(super) async fn show(
    State(shared): Ctx,
    Extension(principal): Extension<Principal>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let (id, head) = seen(&shared, &principal, &id).await?;
    let (view, variables) = view::conversation(id, &head).map_err(|error| Problem::damaged(&error))?;
    let etag = [(header::ETAG, etag(view.revision))];
    let mut answer = json!(view);
    answer["variables"] = variables;
    blocked::mark(&shared, &mut answer);
    Ok((etag, Json(answer)).into_response())
}

/// The tag of a conversation at a revision.
pub(super) fn etag(revision: u64) -> String {
    format!("\"{revision}\"")
}

/// The conversation, if it exists for the caller.
pub(super) async fn seen(shared: &Shared, principal: &Principal, id: &str) -> Result<(ConversationId, Head), Problem> {
    let (conversation, head) = find(&*shared.parts.store, id).await?;
    if principal.numbers.is_some() && !principal.sees(&partition_of(conversation, &head)?.0) {
        return Err(unknown(id));
    }
    Ok((conversation, head))
}

/// The conversation of an id, if it belongs to a number that the caller sees, whether or not it has a state yet.
pub(super) fn named(principal: &Principal, id: &str) -> Result<ConversationId, Problem> {
    let theirs = id.parse().ok().filter(|conversation| scope::sees_conversation(principal, *conversation));
    theirs.ok_or_else(|| unknown(id))
}

/// The number that a conversation belongs to.
pub(super) fn partition_of(id: ConversationId, head: &Head) -> Result<Partition, Problem> {
    let (view, _) = view::conversation(id, head).map_err(|error| Problem::damaged(&error))?;
    Ok(Partition(view.phone_number_id))
}

/// How a conversation stands now.
pub(super) async fn view_of(shared: &Shared, id: ConversationId) -> Result<ConversationView, Problem> {
    let text = id.to_string();
    let head = shared.parts.store.load(id).await?.ok_or_else(|| unknown(&text))?;
    Ok(view::conversation(id, &head).map_err(|error| Problem::damaged(&error))?.0)
}

pub(super) async fn find(store: &dyn Store, id: &str) -> Result<(ConversationId, Head), Problem> {
    let parsed: ConversationId = id.parse().map_err(|_| unknown(id))?;
    let head = store.load(parsed).await?;
    head.map(|head| (parsed, head)).ok_or_else(|| unknown(id))
}

/// The answer to an id that leads nowhere.
pub(super) fn unknown(id: &str) -> Problem {
    Problem::not_found(format!("there is no conversation {id:?}"))
        .hint("ids are c_ and 26 characters, as the list shows them")
}
