//! Media: upload, link, download, delete.

use bytes::Bytes;
use http::header;
use http::request::Parts;
use serde_json::json;

use super::error::Refusal;
use super::multipart;
use super::route::Route;
use super::{Answer, query};
use crate::core::Core;
use crate::media::{Item, New, Source, limit_of};

/// How long the link of a media object works.
const LINK_MS: u64 = 5 * 60_000;

/// `POST /{phone_number_id}/media`: a form with `messaging_product`, `file` and its type.
pub(super) fn upload(core: &Core, route: &Route<'_>, parts: &Parts, body: &Bytes) -> Result<Answer, Refusal> {
    let (_, number) = core.number(route.id).ok_or_else(|| Refusal::no_object(route.id, "POST"))?;
    let kind = parts.headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok());
    let form = multipart::parts(kind, body).map_err(Refusal::parameter)?;
    let field = |name: &str| form.iter().find(|part| part.name == name);
    if field("messaging_product").is_none_or(|part| &*part.bytes != b"whatsapp") {
        return Err(Refusal::parameter("The parameter messaging_product is required."));
    }
    let file = field("file").filter(|part| part.filename.is_some());
    let file = file.ok_or_else(|| Refusal::parameter("The parameter file is required."))?;
    let typed = field("type").and_then(|part| std::str::from_utf8(&part.bytes).ok());
    // The type of the file part counts; the form field is what older callers send.
    let mime = file.mime.as_deref().filter(|m| *m != "application/octet-stream").or(typed).unwrap_or_default();
    let Some((kind, most)) = limit_of(mime, &file.bytes) else {
        return Err(Refusal::new(131053, format!("The type {mime:?} of the file is not supported.")));
    };
    if file.bytes.is_empty() || file.bytes.len() > most {
        let size = file.bytes.len();
        return Err(Refusal::new(131053, format!("A {kind} of type {mime} takes 1 to {most} bytes, got {size}.")));
    }
    let new = New {
        waba_id: &number.waba_id,
        phone_number_id: &number.phone_number_id,
        mime,
        bytes: file.bytes.clone(),
        source: Source::Uploaded,
    };
    Ok(Answer::json(&json!({ "id": core.media.add(new, core.now_ms()).id })))
}

/// `GET /{media_id}?phone_number_id=…`
pub(super) fn info(core: &Core, item: &Item, parts: &Parts) -> Result<Answer, Refusal> {
    if query(parts).get("phone_number_id").is_some_and(|id| *id != item.phone_number_id) {
        return Err(Refusal::no_object(&item.id, "GET"));
    }
    Ok(Answer::json(&json!({
        "messaging_product": "whatsapp",
        "url": link(core, item),
        "mime_type": item.mime,
        "sha256": item.sha256_hex(),
        "file_size": item.bytes.len().to_string(),
        "id": item.id,
    })))
}

/// A link that works for five minutes, with the access token.
pub(crate) fn link(core: &Core, item: &Item) -> String {
    let until = core.now_ms().saturating_add(LINK_MS);
    format!("http://{}/_media/{}?ext={until}&hash={}", core.addr, item.id, core.ids.seal(&item.id, until))
}

/// `GET` of a link: 404 once it is over.
pub(super) fn download(core: &Core, route: &Route<'_>, parts: &Parts) -> Result<Answer, Refusal> {
    let asked = query(parts);
    let until = asked.get("ext").and_then(|ext| ext.parse::<u64>().ok()).unwrap_or_default();
    let sealed = asked.get("hash").is_some_and(|hash| *hash == core.ids.seal(route.id, until));
    let item = core.media.get(route.id, core.now_ms()).filter(|_| sealed && core.now_ms() < until);
    let item = item.ok_or_else(|| Refusal { status: 404, ..Refusal::parameter("The media link is over or wrong.") })?;
    Ok(Answer { status: 200, body: item.bytes.clone(), kind: item.mime.clone() })
}

/// `DELETE /{media_id}`
pub(super) fn delete(core: &Core, route: &Route<'_>) -> Result<Answer, Refusal> {
    if core.media.delete(route.id) {
        return Ok(Answer::success());
    }
    Err(Refusal::no_object(route.id, "DELETE"))
}
