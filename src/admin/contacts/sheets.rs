//! Contacts as tables: read in with a report of every line, and written out. No cell becomes a formula.

use std::collections::BTreeSet;

use actors::contacts::{ChangeError, ContactChange, ContactFilter, ContactView};
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::response::Response;
use axum::{Extension, Json};
use futures_util::stream::unfold;
use http::{HeaderValue, StatusCode, header};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};

use super::super::lists::{Asked, read};
use super::super::principal::Principal;
use super::super::problem::Problem;
use super::super::{Ctx, Shared};
use super::DryRun;
use crate::sheet;

/// Lines of a table.
const MAX_LINES: usize = 10_000;
/// Lines that a report names; all are counted.
const MAX_REPORTED: usize = 1_000;
/// Contacts that are read for one piece of a table.
const PIECE: usize = 200;
/// The columns that mean something; every other one is a field. Tags are parted by spaces.
const COLUMNS: [&str; 5] = ["phone", "name", "language", "tags", "marketing"];

/// What became of a table.
#[derive(ToSchema)]
#[expect(dead_code, reason = "the shape of an answer, for the document")]
#[schema(example = json!({
    "dry_run": true, "lines": 3, "created": 1, "changed": 1, "refused": 1,
    "errors": [{ "line": 4, "detail": "\"12\" is no phone number of 5 to 15 digits with its country" }],
}))]
pub(in super::super) struct Report {
    /// Whether nothing was changed.
    dry_run: bool,
    /// Lines below the first.
    lines: usize,
    /// Contacts that are new.
    created: usize,
    /// Contacts that were known.
    changed: usize,
    /// Lines of which nothing was taken.
    refused: usize,
    /// The first of them, with their numbers.
    errors: Vec<Value>,
}

/// Reads contacts from a table (CSV) whose first line names the columns: `phone`, `name`, `language`, `tags`, `marketing`
/// (`in` or `out`); every other column is a field. A line is taken whole or not at all.
#[utoipa::path(
    post, path = "/api/v1/contacts/import", params(DryRun),
    request_body(content = String, content_type = "text/csv", example = "phone,name,tags\r\n447700900123,Ada,vip\r\n"),
    responses((status = OK, body = Report)),
)]
pub(in super::super) async fn import(
    State(shared): Ctx,
    Extension(principal): Extension<Principal>,
    query: Asked<DryRun>,
    body: Bytes,
) -> Result<Json<Value>, Problem> {
    let DryRun { dry_run } = read(query)?;
    let text = std::str::from_utf8(&body).map_err(|_| Problem::bad_request("the table is not UTF-8"))?;
    let table = sheet::read(text, MAX_LINES).map_err(|error| Problem::bad_request(error.to_string()))?;
    if table.more {
        let detail = format!("the table has more than {MAX_LINES} lines");
        return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", detail).hint("read it in parts"));
    }
    if !table.names.iter().any(|name| &**name == "phone") {
        return Err(
            Problem::bad_request("the table has no column named phone").hint("its first line names the columns")
        );
    }
    let (mut created, mut changed, mut refused, mut errors) = (0, 0, 0, Vec::new());
    let lines = table.rows.len();
    let mut known = BTreeSet::new();
    for (line, cells) in table.rows {
        let cells = cells.map_err(|error| error.to_string());
        let taken = match cells {
            Ok(cells) => take(&shared, &principal, &table.names, &cells, dry_run, &mut known).await?,
            Err(why) => Err(why),
        };
        match taken {
            Ok(true) => created += 1,
            Ok(false) => changed += 1,
            Err(why) => {
                refused += 1;
                if errors.len() < MAX_REPORTED {
                    errors.push(json!({ "line": line, "detail": why }));
                }
            }
        }
    }
    let report = json!({
        "dry_run": dry_run, "lines": lines, "created": created, "changed": changed, "refused": refused, "errors": errors,
    });
    Ok(Json(report))
}

/// Takes one line. Answers whether the contact is new, or why it is not taken. The outer error ends the whole.
async fn take(
    shared: &Shared,
    principal: &Principal,
    names: &[Box<str>],
    cells: &[Box<str>],
    dry_run: bool,
    known: &mut BTreeSet<storage::ContactId>,
) -> Result<Result<bool, String>, Problem> {
    let change = match change_of(names, cells, dry_run) {
        Ok(change) => change,
        Err(why) => return Ok(Err(why)),
    };
    let phone = change.phone.clone().unwrap_or_default();
    let contacts = &shared.parts.services.contacts;
    let found = contacts.of_phone(&phone).await?;
    let contact = found.first().copied().unwrap_or_else(|| shared.parts.services.tombs.contact_of_phone(&phone));
    if !found.is_empty() && contacts.view(contact, &|number| principal.sees(number)).await?.is_none() {
        return Ok(Err("this contact belongs to a number that you do not see".to_owned()));
    }
    let is_new = found.is_empty() && known.insert(contact);
    match contacts.change(contact, None, change).await {
        Ok(_) => Ok(Ok(is_new)),
        Err(ChangeError::Refused(refusal)) => Ok(Err(refusal.to_string())),
        Err(error) => Err(error.into()),
    }
}

fn change_of(names: &[Box<str>], cells: &[Box<str>], dry_run: bool) -> Result<ContactChange, String> {
    let mut change = ContactChange { dry_run, ..ContactChange::default() };
    for (name, cell) in names.iter().zip(cells).filter(|(name, _)| !name.is_empty()) {
        match (&**name, &**cell) {
            ("phone", phone) => change.phone = Some(phone.into()),
            (_, "") => {}
            ("name", text) => change.name = Some(Some(text.into())),
            ("language", text) => change.language = Some(Some(text.into())),
            ("tags", text) => {
                change.add_tags.extend(text.split([' ', ',', ';']).filter(|tag| !tag.is_empty()).map(Into::into))
            }
            ("marketing", "in") => change.marketing = Some((true, "import".into())),
            ("marketing", "out") => change.marketing = Some((false, "import".into())),
            ("marketing", other) => return Err(format!("marketing is {other:?}; it must be in or out, or empty")),
            (field, text) => drop(change.fields.insert(field.into(), text.into())),
        }
    }
    Ok(change)
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in super::super) struct SheetQuery {
    /// With this tag.
    tag: Option<String>,
    /// Fields that get a column each, parted by commas.
    fields: Option<String>,
}

/// Contacts as a table (CSV) that import reads.
#[utoipa::path(
    get, path = "/api/v1/contacts/export.csv", params(SheetQuery),
    responses((status = OK, body = String, content_type = "text/csv")),
)]
pub(in super::super) async fn sheet(
    State(shared): Ctx,
    Extension(principal): Extension<Principal>,
    query: Asked<SheetQuery>,
) -> Result<Response, Problem> {
    let SheetQuery { tag, fields } = read(query)?;
    let fields: Vec<String> = fields.iter().flat_map(|fields| fields.split(',')).map(str::to_owned).collect();
    let filter = ContactFilter { tag: tag.map(Into::into), text: None };
    let first = sheet::line(COLUMNS.into_iter().chain(fields.iter().map(String::as_str)));
    let state = (Some((None::<Box<str>>, first)), shared, principal, filter, fields);
    let pieces = unfold(state, |(at, shared, principal, filter, fields)| async move {
        let (cursor, mut text) = at?;
        let contacts = &shared.parts.services.contacts;
        let page = contacts.list(&filter, cursor.as_deref(), PIECE, &|number| principal.sees(number)).await;
        let (piece, next) = match page {
            Ok(page) => {
                text.extend(page.items.iter().map(|view| row(view, &fields)));
                (Ok(Bytes::from(text)), page.next.map(|next| (Some(next), String::new())))
            }
            Err(error) => (Err(error), None),
        };
        Some((piece, (next, shared, principal, filter, fields)))
    });
    let mut answer = Response::new(Body::from_stream(pieces));
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/csv; charset=utf-8"));
    headers.insert(header::CONTENT_DISPOSITION, HeaderValue::from_static("attachment; filename=\"contacts.csv\""));
    Ok(answer)
}

fn row(view: &ContactView, fields: &[String]) -> String {
    let text = |text: &Option<Box<str>>| text.as_deref().unwrap_or_default().to_owned();
    let tags: Vec<&str> = view.tags.iter().map(|tag| &**tag).collect();
    let marketing = match view.marketing.as_ref().map(|said| said.state) {
        Some("opted_in") => "in",
        Some(_) => "out",
        None => "",
    };
    let own = [text(&view.wa_id), text(&view.name), text(&view.language), tags.join(" "), marketing.to_owned()];
    let field = |name: &String| match view.fields.get(name.as_str()) {
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
        None => String::new(),
    };
    let cells: Vec<String> = own.into_iter().chain(fields.iter().map(field)).collect();
    sheet::line(cells.iter().map(String::as_str))
}
