//! The audit trail as a file: JSON lines, or CSV for a spreadsheet.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use futures_util::stream::{self, Stream};
use http::header;
use storage::StoreError;

use super::{Filter, PAGE, RowView, Wanted};
use crate::admin::lists::{Asked, read};
use crate::admin::problem::Problem;
use crate::admin::{Ctx, Shared};
use crate::sheet;

const COLUMNS: [&str; 15] = [
    "n",
    "at",
    "who",
    "role",
    "action",
    "targets",
    "status",
    "dry_run",
    "reason",
    "before",
    "after",
    "address",
    "request_id",
    "left_out",
    "hash",
];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Format {
    Lines,
    Csv,
}

/// All rows that are asked for, oldest first, as a file.
#[utoipa::path(get, path = "/api/v1/audit/export", tag = "access", params(Filter),
    responses((status = OK, content((String = "application/jsonl"), (String = "text/csv")))))]
pub(in super::super) async fn export(State(shared): Ctx, filter: Asked<Filter>) -> Result<Response, Problem> {
    let filter = read(filter)?;
    let format = match filter.format.as_deref() {
        None | Some("jsonl") => Format::Lines,
        Some("csv") => Format::Csv,
        Some(other) => return Err(Problem::bad_request(format!("format is {other:?}")).hint("write jsonl or csv")),
    };
    let wanted = Wanted::read(&filter)?;
    let head = (format == Format::Csv).then(|| Bytes::from(sheet::line(COLUMNS)));
    // The first page is read before the answer begins, so that a store that fails is an answer of its own.
    let first = page(&shared, &wanted, format, 0).await?;
    let wanted = Arc::new(wanted);
    let rest = file(first, move |after| {
        let (shared, wanted) = (shared.clone(), wanted.clone());
        async move { page(&shared, &wanted, format, after).await }
    });
    let body = futures_util::StreamExt::chain(stream::iter(head.map(Ok)), rest);
    let (kind, name) = match format {
        Format::Lines => ("application/jsonl", "attachment; filename=\"audit.jsonl\""),
        Format::Csv => ("text/csv; charset=utf-8", "attachment; filename=\"audit.csv\""),
    };
    let headers = [(header::CONTENT_TYPE, kind), (header::CONTENT_DISPOSITION, name)];
    Ok((headers, Body::from_stream(body)).into_response())
}

/// A part of the file, and after which row the next one begins.
type Page = (Bytes, Option<u64>);

/// The file, page by page. One that cannot be read breaks it off, so that nobody takes it for the whole.
pub(super) fn file<F>(first: Page, next: impl Fn(u64) -> F) -> impl Stream<Item = Result<Bytes, StoreError>>
where
    F: Future<Output = Result<Page, StoreError>>,
{
    stream::unfold((next, Some(Ok(first))), async |(next, page)| match page? {
        Ok((text, after)) => {
            let page = match after {
                Some(after) => Some(next(after).await),
                None => None,
            };
            Some((Ok(text), (next, page)))
        }
        Err(error) => {
            tracing::error!(%error, "an export of the audit trail breaks off: the store cannot be read");
            Some((Err(error), (next, None)))
        }
    })
}

async fn page(shared: &Shared, wanted: &Wanted, format: Format, after: u64) -> Result<Page, StoreError> {
    let rows = shared.audit.rows_after(after, PAGE as usize).await?;
    let next = rows.last().map(|(row, ..)| row.n).filter(|_| rows.len() as u64 == PAGE);
    let mut text = String::new();
    for (row, hash, _) in rows.into_iter().filter(|(row, ..)| wanted.fits(row)) {
        let view = RowView::of(row, &hash);
        match format {
            Format::Csv => text.push_str(&sheet::line(cells(&view).iter().map(String::as_str))),
            Format::Lines => {
                text.push_str(&serde_json::to_string(&view).unwrap_or_default());
                text.push('\n');
            }
        }
    }
    Ok((text.into(), next))
}

fn cells(view: &RowView) -> [String; 15] {
    let value = |value: &serde_json::Value| if value.is_null() { String::new() } else { value.to_string() };
    [
        view.n.to_string(),
        view.at.clone(),
        view.who.clone(),
        view.role.unwrap_or_default().to_owned(),
        view.action.clone(),
        view.targets.join(" "),
        view.status.to_string(),
        view.dry_run.to_string(),
        view.reason.clone().unwrap_or_default(),
        value(&view.before),
        value(&view.after),
        view.address.clone(),
        view.request_id.clone().unwrap_or_default(),
        view.left_out.to_string(),
        view.hash.clone(),
    ]
}
