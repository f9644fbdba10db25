//! `/api/v1/conversations`: the list, and one conversation.

use actors::identity;
use actors::view::{self, ConversationView};
use axum::Json;
use axum::extract::{Path, State};
use serde::Deserialize;
use serde_json::{Value, json};
use storage::{ConversationId, Head, Listed, Partition, Store};
use utoipa::IntoParams;

use super::lists::{Asked, page, read};
use super::problem::Problem;
use super::{Ctx, blocked, cursor};
use crate::admin::shapes;
use crate::numbers::Served;

/// Name of the list of conversations, for its cursors.
const LIST: &str = "conversations";
/// A conversation that became a part of one that became a part of another is followed this far.
const MAX_MERGES: usize = 16;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Filter {
    /// A present or former number of the person, with or without `+`.
    phone: Option<String>,
    /// Of this number of ours only.
    phone_number_id: Option<String>,
    /// Items at most; 50 if nothing is said.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<usize>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Conversations, those that advanced last first.
#[utoipa::path(
    get, path = "/api/v1/conversations",
    params(Filter),
    responses((status = OK, body = shapes::Listed<shapes::Conversation>)),
)]
pub(super) async fn list(State(shared): Ctx, filter: Asked<Filter>) -> Result<Json<Value>, Problem> {
    let filter = read(filter)?;
    let store = &*shared.parts.store;
    let number = filter.phone_number_id.as_deref();
    let found: Listed<(ConversationId, Head)> = match &filter.phone {
        Some(phone) => of_person(store, &shared.parts.numbers.all(), number, phone).await?,
        None => {
            let prefix = number.map(|number| identity::partition_tag(&Partition(number.into())));
            store.conversations(prefix, page(LIST, filter.limit, filter.cursor.as_deref())?).await?
        }
    };
    let mut items: Vec<ConversationView> = found.items.iter().map(|(id, head)| view::listed(*id, head)).collect();
    for damaged in items.iter().filter(|view| view.problem.is_some()) {
        let error = damaged.problem.as_deref().unwrap_or_default();
        tracing::error!(conversation = %damaged.id, error, "a stored conversation cannot be decoded");
    }
    // It is shown as a part of the other one.
    items.retain(|view| view.merged_into.is_none());
    Ok(Json(json!({ "items": items, "next_cursor": cursor::give(LIST, found.next) })))
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

/// A conversation with its variables.
#[utoipa::path(get, path = "/api/v1/conversations/{id}", responses((status = OK, body = shapes::ConversationShown)))]
pub(super) async fn show(State(shared): Ctx, Path(id): Path<String>) -> Result<Json<Value>, Problem> {
    let (id, head) = find(&*shared.parts.store, &id).await?;
    let (view, variables) = view::conversation(id, &head).map_err(|error| Problem::damaged(&error))?;
    let mut answer = json!(view);
    answer["variables"] = variables;
    blocked::mark(&shared, &mut answer);
    Ok(Json(answer))
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
