//! `/api/v1/contacts`: people over all of our numbers; what is kept of them, their tags, and whether they want marketing.

pub(super) mod erase;
pub(super) mod sheets;

use actors::contacts::{
    ChangeError, Changed, ContactChange, ContactError, ContactFilter, ContactRecord, ContactRefusal, ContactView,
};
use actors::identity;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use storage::ContactId;
use utoipa::{IntoParams, ToSchema};

use super::audit::Audited;
use super::lists::{Asked, limit, read, read_json};
use super::principal::Principal;
use super::problem::Problem;
use super::{Ctx, Shared, cursor};

const LIST: &str = "contacts";

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ListQuery {
    /// Digits, with or without `+`: whoever has the number, and whoever had it.
    phone: Option<String>,
    /// In a name, a number or an id, whatever the case.
    q: Option<String>,
    /// With this tag.
    tag: Option<String>,
    /// From 1 to 200.
    limit: Option<usize>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Whether nothing is to be changed.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct DryRun {
    /// Say what would become of it, and change nothing.
    #[serde(default)]
    pub dry_run: bool,
}

/// A page of contacts.
#[derive(ToSchema)]
#[expect(dead_code, reason = "the shape of an answer, for the document")]
pub(super) struct Contacts {
    items: Vec<Contact>,
    next_cursor: Option<String>,
}

/// A person over all of our numbers.
#[derive(ToSchema)]
#[expect(dead_code, reason = "the shape of an answer, for the document")]
#[schema(example = json!({
    "id": "p_0102030405060708090a0b0c", "name": "Ada", "profile_name": "Ada", "wa_id": "447700900123", "user_id": null,
    "aliases": ["wa:447700900123"], "former_numbers": [], "language": "en", "tags": ["vip"], "fields": { "city": "York" },
    "marketing": { "state": "opted_in", "source": "import", "at": "2026-11-27T10:00:00.000Z" },
    "conversations": [], "merged": [], "created_at": "2026-11-27T10:00:00.000Z",
    "updated_at": "2026-11-27T10:00:00.000Z", "revision": 1,
}))]
pub(super) struct Contact {
    /// `p_` and 24 hex digits.
    id: String,
    /// The name that staff gave, else the profile's.
    name: Option<String>,
    /// The name in the person's profile.
    profile_name: Option<String>,
    /// Their number, if known.
    wa_id: Option<String>,
    /// Their business-scoped id, if known.
    user_id: Option<String>,
    /// Every id that leads to them.
    aliases: Vec<String>,
    /// Numbers that they had before.
    former_numbers: Vec<String>,
    /// Such as `en`.
    language: Option<String>,
    /// Lower-case words.
    tags: Vec<String>,
    /// Texts, numbers and truths.
    fields: Map<String, Value>,
    /// The last word about marketing, whose it was, and when; null if nobody said anything.
    marketing: Option<Value>,
    /// Their conversations with our numbers: id, number, state, window, whether they are blocked.
    conversations: Vec<Value>,
    /// Conversations that became a part of these.
    merged: Vec<String>,
    /// RFC 3339.
    created_at: String,
    /// RFC 3339.
    updated_at: String,
    /// How often what is kept of them changed: the `ETag`.
    revision: u64,
}

/// What is to change; what is left out stays.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "tags": ["vip"], "fields": { "city": "York", "age": 42, "old": null }, "language": "en" }))]
pub(super) struct Patch {
    /// The name that staff give; null takes it away.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    name: Option<Option<Box<str>>>,
    /// Such as `en` or `pt-BR`; null takes it away.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    language: Option<Option<Box<str>>>,
    /// All tags.
    #[schema(value_type = Option<Vec<String>>)]
    tags: Option<Vec<Box<str>>>,
    /// Fields that are set, or taken away where the value is null.
    #[serde(default)]
    fields: Map<String, Value>,
}

/// Tags that come and go.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "add": ["vip"], "remove": ["trial"] }))]
pub(super) struct Tags {
    /// Tags that are added.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    add: Vec<Box<str>>,
    /// Tags that are taken away.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    remove: Vec<Box<str>>,
}

/// A member that is there, be it null.
fn present<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<Option<Box<str>>>, D::Error> {
    Option::deserialize(from).map(Some)
}

/// People, last active first; those who were imported and never wrote come last.
#[utoipa::path(get, path = "/api/v1/contacts", params(ListQuery), responses((status = OK, body = Contacts)))]
pub(super) async fn list(
    State(shared): Ctx,
    Extension(principal): Extension<Principal>,
    query: Asked<ListQuery>,
) -> Result<Json<Value>, Problem> {
    let query = read(query)?;
    let contacts = &shared.parts.services.contacts;
    let sees = |number: &str| principal.sees(number);
    if let Some(phone) = &query.phone {
        let mut items = Vec::new();
        for contact in contacts.of_phone(phone).await? {
            items.extend(contacts.view(contact, &sees).await?.map(|view| shown(&shared, view)));
        }
        return Ok(Json(json!({ "items": items, "next_cursor": null })));
    }
    let filter = ContactFilter { tag: query.tag.map(Into::into), text: query.q.map(Into::into) };
    let after = cursor::take(LIST, query.cursor.as_deref())?;
    let listed = contacts.list(&filter, after.as_deref(), limit(query.limit)?, &sees).await?;
    let items: Vec<_> = listed.items.into_iter().map(|view| shown(&shared, view)).collect();
    Ok(Json(json!({ "items": items, "next_cursor": cursor::give(LIST, listed.next) })))
}

/// One person; the `ETag` is for `If-Match` of a change.
#[utoipa::path(
    get, path = "/api/v1/contacts/{id}",
    params(("id" = String, Path, description = "p_ and 24 hex digits, or a phone number that leads to one person")),
    responses((status = OK, body = Contact)),
)]
pub(super) async fn show(
    State(shared): Ctx,
    Extension(principal): Extension<Principal>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let (_, view) = find(&shared, &principal, &id).await?;
    Ok(answer(&shared, view, Audited::default()))
}

/// Changes name, language, tags and fields. With `If-Match` only if nobody changed it meanwhile.
#[utoipa::path(
    patch, path = "/api/v1/contacts/{id}", params(DryRun, ("id" = String, Path)),
    request_body(content = Patch), responses((status = OK, body = Contact)),
)]
pub(super) async fn patch(
    State(shared): Ctx,
    Extension(principal): Extension<Principal>,
    Path(id): Path<String>,
    query: Asked<DryRun>,
    headers: HeaderMap,
    body: Result<Json<Patch>, JsonRejection>,
) -> Result<Response, Problem> {
    let DryRun { dry_run } = read(query)?;
    let Patch { name, language, tags, fields } = read_json(body)?;
    let tags = tags.map(|tags| tags.into_iter().collect());
    let fields = fields.into_iter().map(|(name, value)| (name.into(), value)).collect();
    let change = ContactChange { name, language, tags, fields, dry_run, ..ContactChange::default() };
    changed(&shared, &principal, &id, expected(&headers)?, change).await
}

/// Adds tags and takes tags away, whatever the others are.
#[utoipa::path(
    post, path = "/api/v1/contacts/{id}/tags", params(DryRun, ("id" = String, Path)),
    request_body(content = Tags), responses((status = OK, body = Contact)),
)]
pub(super) async fn tags(
    State(shared): Ctx,
    Extension(principal): Extension<Principal>,
    Path(id): Path<String>,
    query: Asked<DryRun>,
    body: Result<Json<Tags>, JsonRejection>,
) -> Result<Response, Problem> {
    let DryRun { dry_run } = read(query)?;
    let Tags { add, remove } = read_json(body)?;
    let (add_tags, remove_tags) = (add.into_iter().collect(), remove.into_iter().collect());
    let change = ContactChange { add_tags, remove_tags, dry_run, ..ContactChange::default() };
    changed(&shared, &principal, &id, None, change).await
}

/// Writes down that the person wants no marketing: none is sent any more, from any of our numbers.
#[utoipa::path(
    post, path = "/api/v1/contacts/{id}/opt-out", params(DryRun, ("id" = String, Path)),
    responses((status = OK, body = Contact)),
)]
pub(super) async fn opt_out(
    shared: Ctx,
    principal: Extension<Principal>,
    id: Path<String>,
    query: Asked<DryRun>,
) -> Result<Response, Problem> {
    said(shared, principal, id, query, false).await
}

/// Writes down that the person wants marketing.
#[utoipa::path(
    post, path = "/api/v1/contacts/{id}/opt-in", params(DryRun, ("id" = String, Path)),
    responses((status = OK, body = Contact)),
)]
pub(super) async fn opt_in(
    shared: Ctx,
    principal: Extension<Principal>,
    id: Path<String>,
    query: Asked<DryRun>,
) -> Result<Response, Problem> {
    said(shared, principal, id, query, true).await
}

async fn said(
    State(shared): Ctx,
    Extension(principal): Extension<Principal>,
    Path(id): Path<String>,
    query: Asked<DryRun>,
    wanted: bool,
) -> Result<Response, Problem> {
    let DryRun { dry_run } = read(query)?;
    let marketing = Some((wanted, principal.who.clone()));
    let change = ContactChange { marketing, dry_run, ..ContactChange::default() };
    changed(&shared, &principal, &id, None, change).await
}

async fn changed(
    shared: &Shared,
    principal: &Principal,
    id: &str,
    expected: Option<u64>,
    change: ContactChange,
) -> Result<Response, Problem> {
    let (contact, mut view) = find(shared, principal, id).await?;
    let contacts = &shared.parts.services.contacts;
    let dry_run = change.dry_run;
    let Changed { before, after } = contacts.change(contact, expected, change).await?;
    if dry_run {
        (view.tags, view.fields, view.language) = (after.tags, after.fields, after.language);
        view.name = after.name.or(view.profile_name.clone());
        return Ok(Json(json!({ "dry_run": true, "contact": shown(shared, view) })).into_response());
    }
    let audited = Audited::default().before(for_audit(before.as_ref())).after(for_audit(Some(&after)));
    let (_, view) = find(shared, principal, &identity::contact_text(contact)).await?;
    Ok(answer(shared, view, audited))
}

/// The contact that an id or a phone number leads to, if the caller sees anything of it.
pub(super) async fn find(
    shared: &Shared,
    principal: &Principal,
    id: &str,
) -> Result<(ContactId, ContactView), Problem> {
    let contacts = &shared.parts.services.contacts;
    let found = match identity::parse_contact(id) {
        Some(contact) => vec![contacts.canonical(contact).await?],
        None if id.bytes().any(|byte| byte.is_ascii_digit()) => contacts.of_phone(id).await?,
        None => Vec::new(),
    };
    let mut seen = Vec::new();
    for contact in found {
        let view = contacts.view(contact, &|number| principal.sees(number)).await?;
        seen.extend(view.map(|view| (contact, view)));
    }
    if seen.len() > 1 {
        let ids: Vec<_> = seen.iter().map(|(contact, _)| identity::contact_text(*contact)).collect();
        let detail = format!("{} people had this number", seen.len());
        return Err(Problem::new(StatusCode::CONFLICT, "conflict", detail)
            .hint(format!("name one of them: {}", ids.join(", "))));
    }
    seen.pop().ok_or_else(|| {
        Problem::not_found("there is no such contact").hint("ids are p_ and 24 hex digits, as the list shows them")
    })
}

fn shown(shared: &Shared, view: ContactView) -> Value {
    let blocks = &shared.parts.services.blocks;
    let ids = [view.wa_id.as_deref().unwrap_or_default(), view.user_id.as_deref().unwrap_or_default()];
    let mut view = view.clone();
    for conversation in &mut view.conversations {
        conversation.blocked = blocks.is_blocked(&conversation.phone_number_id, &ids);
    }
    json!(view)
}

/// What the audit trail says of what is kept of a person: nothing of who they are, since it outlives them here.
fn for_audit(record: Option<&ContactRecord>) -> Value {
    let said = record.and_then(|record| record.marketing.as_ref()).map(|said| said.wanted);
    json!({ "revision": record.map_or(0, |record| record.revision), "marketing_wanted": said })
}

fn answer(shared: &Shared, view: ContactView, audited: Audited) -> Response {
    let (tag, audited) = (etag(view.revision), audited.target(&view.id));
    let mut answer = Json(shown(shared, view)).into_response();
    answer.extensions_mut().insert(audited);
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        answer.headers_mut().insert(header::ETAG, tag);
    }
    answer
}

pub(super) fn etag(revision: u64) -> String {
    format!("\"{revision}\"")
}

/// The revision that `If-Match` names.
pub(super) fn expected(headers: &HeaderMap) -> Result<Option<u64>, Problem> {
    let Some(value) = headers.get(header::IF_MATCH) else { return Ok(None) };
    let text = value.to_str().unwrap_or_default().trim();
    if text == "*" {
        return Ok(None);
    }
    let revision = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).and_then(|text| text.parse().ok());
    let wrong =
        || Problem::bad_request("If-Match is none of the tags that are given out here").hint("send the ETag back");
    revision.map(Some).ok_or_else(wrong)
}

impl From<ContactError> for Problem {
    fn from(error: ContactError) -> Self {
        match error {
            ContactError::Store(error) => error.into(),
            ContactError::Damaged(error) => Self::damaged(&error),
        }
    }
}

impl From<ContactRefusal> for Problem {
    fn from(refusal: ContactRefusal) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", refusal.to_string())
    }
}

impl From<ChangeError> for Problem {
    fn from(error: ChangeError) -> Self {
        match error {
            ChangeError::Refused(refusal) => refusal.into(),
            ChangeError::Stale(revision) => {
                Self::new(StatusCode::PRECONDITION_FAILED, "not-expected", error.to_string())
                    .hint("read it anew and decide again")
                    .with("etag", etag(revision))
            }
            ChangeError::Erased => Self::not_found("there is no such contact"),
            ChangeError::Contact(error) => error.into(),
        }
    }
}
