//! `/api/v1/media`: files of people and ours. What people send is handed out as a download only, never shown.

use actors::media::{Deleted, Direction, KeepError, MediaError, MediaFilter, MediaItem, MediaState, WriteError};
use axum::Json;
use axum::body::Body;
use axum::extract::{Extension, Path, Request, State};
use axum::response::Response;
use futures_util::StreamExt;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::IntoParams;

use super::lists::{Asked, limit, read};
use super::principal::Principal;
use super::problem::Problem;
use super::time::at;
use super::{Ctx, cursor, scope};
use crate::admin::shapes;

const LIST: &str = "media";
/// Items that one call prunes at most.
const PRUNED_AT_ONCE: usize = 10_000;
const DAY_MS: u64 = 86_400_000;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ListQuery {
    /// `in` or `out`.
    #[param(value_type = Option<String>)]
    direction: Option<Direction>,
    /// In this state only.
    #[param(value_type = Option<String>)]
    state: Option<MediaState>,
    /// Of this type only.
    kind: Option<String>,
    /// Items at most; 50 if nothing is said.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<usize>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct PutQuery {
    /// Its name.
    filename: Option<String>,
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct PruneQuery {
    /// Days.
    older_than_days: Option<u64>,
    /// Say what would be done, and do nothing.
    #[serde(default)]
    dry_run: bool,
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct DryRun {
    /// Say what would be done, and do nothing.
    #[serde(default)]
    pub dry_run: bool,
}

/// Files, latest first.
#[utoipa::path(
    get, path = "/api/v1/media",
    params(ListQuery),
    responses((status = OK, body = shapes::Listed<shapes::Media>)),
)]
pub(super) async fn list(
    State(shared): Ctx,
    Extension(principal): Extension<Principal>,
    query: Asked<ListQuery>,
) -> Result<Json<Value>, Problem> {
    let query = read(query)?;
    let filter = MediaFilter { direction: query.direction, state: query.state, kind: query.kind.map(Into::into) };
    let after = cursor::take(LIST, query.cursor.as_deref())?;
    let media = &shared.parts.services.media;
    let listed = media.list(&filter, after.as_deref(), limit(query.limit)?).await?;
    let mut items = Vec::with_capacity(listed.items.len());
    for item in listed.items.iter().filter(|item| sees(&principal, item)) {
        items.push(shown(&shared, &principal, item).await?);
    }
    Ok(Json(json!({ "items": items, "next_cursor": cursor::give(LIST, listed.next) })))
}

/// A file, without its bytes.
#[utoipa::path(get, path = "/api/v1/media/{id}", responses((status = OK, body = shapes::Media)))]
pub(super) async fn show(
    State(shared): Ctx,
    Extension(principal): Extension<Principal>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    let item = find(&shared, &principal, &id).await?;
    Ok(Json(shown(&shared, &principal, &item).await?))
}

/// Takes a file in while it comes.
#[utoipa::path(
    post, path = "/api/v1/media",
    params(PutQuery),
    request_body(content = String, content_type = "application/octet-stream",
        description = "The file; `Content-Type` says what it is"),
    responses((status = CREATED, body = shapes::MediaPut)),
)]
pub(super) async fn put(
    State(shared): Ctx,
    query: Asked<PutQuery>,
    request: Request,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let filename = read(query)?.filename;
    let mime_type = content_type(request.headers())?;
    let media = &shared.parts.services.media;
    let mut putting = media.start_put(&mime_type).await?;
    let mut body = request.into_body().into_data_stream();
    while let Some(chunk) = body.next().await {
        let chunk = chunk.map_err(|error| Problem::bad_request(format!("the body broke off: {error}")))?;
        putting.write(&chunk).await?;
    }
    let item = media.finish_put(putting, filename.as_deref()).await?;
    let answer = json!({ "id": item.id, "mime_type": item.mime_type, "size": item.size, "kind": item.kind });
    Ok((StatusCode::CREATED, Json(answer)))
}

/// The bytes of a file, as a download.
#[utoipa::path(
    get, path = "/api/v1/media/{id}/content",
    responses((status = OK, body = String, content_type = "application/octet-stream")),
)]
pub(super) async fn content(
    State(shared): Ctx,
    Extension(principal): Extension<Principal>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let item = find(&shared, &principal, &id).await?;
    let opened = shared.parts.services.media.open(&item).await?;
    let opened = opened.ok_or_else(|| {
        let why = item.reason.as_deref().unwrap_or("it is not in the folder");
        Problem::not_found(format!("the file of {id} is not here: {}, {why}", state_name(item.state)))
    })?;
    let size = opened.size;
    let mut answer = Response::new(Body::from_stream(opened.into_stream()));
    let headers = answer.headers_mut();
    let octets = HeaderValue::from_static("application/octet-stream");
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_str(&item.mime_type).unwrap_or(octets));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(size));
    headers.insert(header::CONTENT_DISPOSITION, disposition(&item));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; sandbox"));
    Ok(answer)
}

/// Deletes a file here and at Meta. One of ours is of all numbers: only who sees them all deletes it.
#[utoipa::path(
    delete, path = "/api/v1/media/{id}",
    params(DryRun),
    responses((status = OK, body = shapes::MediaDeleted)),
)]
pub(super) async fn delete(
    State(shared): Ctx,
    Extension(principal): Extension<Principal>,
    Path(id): Path<String>,
    query: Asked<DryRun>,
) -> Result<Json<Value>, Problem> {
    let item = find(&shared, &principal, &id).await?;
    if item.direction == Direction::Out && principal.numbers.is_some() {
        return Err(scope::of_all(&principal));
    }
    let media = &shared.parts.services.media;
    if read(query)?.dry_run {
        let at_meta = media.meta_ids(&item).await?;
        return Ok(Json(
            json!({ "dry_run": true, "would_delete": shown(&shared, &principal, &item).await?, "at_meta": at_meta }),
        ));
    }
    let deleted = media.delete(&id).await?.ok_or_else(|| unknown(&id))?;
    let Deleted { file_removed, deleted_at_meta, left_at_meta } = deleted;
    let left = left_at_meta.into_iter().map(|(id, why)| json!({ "id": id, "why": why }));
    Ok(Json(json!({
        "id": id,
        "file_removed": file_removed,
        "deleted_at_meta": deleted_at_meta,
        "left_at_meta": left.collect::<Vec<_>>(),
    })))
}

/// Removes what is older than asked, or than `retention.media`.
#[utoipa::path(
    post, path = "/api/v1/media/prune",
    params(PruneQuery),
    responses((status = OK, body = shapes::Pruned)),
)]
pub(super) async fn prune(State(shared): Ctx, query: Asked<PruneQuery>) -> Result<Json<Value>, Problem> {
    let query = read(query)?;
    let services = &shared.parts.services;
    let age_ms = query.older_than_days.map(|days| days.saturating_mul(DAY_MS)).or(services.ages.media_ms);
    let age_ms = age_ms.ok_or_else(|| {
        Problem::bad_request("retention.media keeps files for ever").hint("say how old with older_than_days=")
    })?;
    let before_ms = shared.parts.clock.now_ms().saturating_sub(age_ms);
    let pruned = services.media.prune(before_ms, PRUNED_AT_ONCE, query.dry_run).await?;
    let mut answer = json!(pruned);
    answer["dry_run"] = json!(query.dry_run);
    answer["before"] = json!(at(before_ms));
    Ok(Json(answer))
}

async fn find(shared: &super::Shared, principal: &Principal, id: &str) -> Result<MediaItem, Problem> {
    let item = shared.parts.services.media.item(id).await?;
    item.filter(|item| sees(principal, item)).ok_or_else(|| unknown(id))
}

/// Our own files are of no number; what people sent is of the one that they wrote to.
fn sees(principal: &Principal, item: &MediaItem) -> bool {
    let own = || item.number_id.as_deref().map_or(principal.numbers.is_none(), |number| principal.sees(number));
    item.direction == Direction::Out || own()
}

fn unknown(id: &str) -> Problem {
    Problem::not_found(format!("there is no media {id:?}"))
        .hint("ids are m_ and 64 hex digits for our files, and Meta's media id for those that people sent")
}

async fn shown(shared: &super::Shared, principal: &Principal, item: &MediaItem) -> Result<Value, Problem> {
    let meta_ids = shared.parts.services.media.meta_ids(item).await?;
    let meta_ids = meta_ids.iter().filter(|meta| principal.sees(&meta.phone_number_id)).map(
        |meta| json!({ "id": meta.id, "phone_number_id": meta.phone_number_id, "expires_at": at(meta.expires_ms) }),
    );
    Ok(json!({
        "id": item.id,
        "direction": item.direction,
        "kind": item.kind,
        "state": item.state,
        "mime_type": item.mime_type,
        "filename": item.filename,
        "size": item.size,
        "sha256": item.sha256,
        "phone_number_id": item.number_id,
        "conversation": item.conversation,
        "first_seen": at(item.first_seen_ms),
        "reason": item.reason,
        "tries": item.tries,
        "meta_ids": meta_ids.collect::<Vec<_>>(),
    }))
}

fn state_name(state: MediaState) -> &'static str {
    match state {
        MediaState::Wanted => "still to be fetched",
        MediaState::Stored => "stored",
        MediaState::Refused => "refused",
        MediaState::Failed => "failed",
    }
}

fn content_type(headers: &HeaderMap) -> Result<String, Problem> {
    let given = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    given.map(str::to_owned).ok_or_else(|| {
        Problem::bad_request("the Content-Type is missing").hint("say what the file is, such as image/jpeg")
    })
}

fn disposition(item: &MediaItem) -> HeaderValue {
    attachment(item.filename.as_deref().unwrap_or(&item.id))
}

/// The header of a download of this name, of which only what can be a name in a folder is left; percent signs hide
/// everything that could end the header.
pub fn attachment(name: &str) -> HeaderValue {
    let last = name.rsplit(['/', '\\']).next().filter(|last| !matches!(*last, "" | "." | "..")).unwrap_or("file");
    let encoded: String = last
        .bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' | b'_' => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        })
        .collect();
    HeaderValue::from_str(&format!("attachment; filename*=UTF-8''{encoded}"))
        .unwrap_or(HeaderValue::from_static("attachment"))
}

impl From<MediaError> for Problem {
    fn from(error: MediaError) -> Self {
        match error {
            MediaError::Store(error) => error.into(),
            MediaError::Damaged(error) => Self::damaged(&error),
            MediaError::Folder(_) => {
                tracing::error!(%error, "the media folder cannot be used");
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "media-folder", error.to_string())
                    .hint("check media.dir, its permissions and the space on its disk")
            }
        }
    }
}

impl From<KeepError> for Problem {
    fn from(error: KeepError) -> Self {
        let detail = error.to_string();
        match error {
            KeepError::Type(_) => Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "media-type", detail)
                .hint("Meta takes JPEG, PNG, WebP, AAC, AMR, MP3, OGG, MP4, 3GP, text, PDF and Office files"),
            KeepError::Write(WriteError::TooLong(_)) => {
                Self::new(StatusCode::PAYLOAD_TOO_LARGE, "media-too-large", format!("{detail}, the most for its type"))
            }
            KeepError::Write(WriteError::Io(error)) => MediaError::Folder(error).into(),
            KeepError::DiskFull(_) => Self::new(StatusCode::INSUFFICIENT_STORAGE, "disk-full", detail)
                .hint("make room on the disk of media.dir, or prune with POST /api/v1/media/prune"),
            KeepError::Empty => Self::new(StatusCode::UNPROCESSABLE_ENTITY, "media-empty", detail),
            KeepError::Pinned(_) => {
                Self::new(StatusCode::CONFLICT, "media-in-use", detail).hint("publish the bot without it first")
            }
            KeepError::Media(error) => error.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_from_outside_cannot_leave_its_header_or_its_folder() {
        let item = |filename: Option<&str>| {
            let bytes = json!({
                "id": "990011", "direction": "in", "state": "stored", "kind": "document", "mime_type": "text/plain",
                "filename": filename, "number_id": null, "conversation": null, "claimed": null, "sha256": null,
                "size": 1, "first_seen_ms": 1, "used_ms": 1, "reason": null, "tries": 0,
            });
            serde_json::from_value::<MediaItem>(bytes).unwrap()
        };
        for (filename, shown) in [
            (Some("../../etc/passwd"), "passwd"),
            (Some("a\"; \r\nx: y"), "a%22%3B%20%0D%0Ax%3A%20y"),
            (Some("C:\\x\\tür.pdf"), "t%C3%BCr.pdf"),
            (Some("a/.."), "file"),
            (Some("a/"), "file"),
            (None, "990011"),
        ] {
            let expected = format!("attachment; filename*=UTF-8''{shown}");
            assert_eq!(disposition(&item(filename)).to_str().unwrap(), expected);
        }
    }
}
