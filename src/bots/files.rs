//! The files that bots send: read from beside the bot file, put into the media store, and remembered by bot version.

use std::collections::BTreeMap;
use std::path::Path;

use actors::media::{Digest, Media};
use bytes::Bytes;
use chatbot::Bot;
use storage::{Store, StoreError};
use whatsapp::limits;

const FILES: &str = "bot_files";

/// Path below the bot file's folder, and the id of its file in the media store.
pub(super) type Files = BTreeMap<String, String>;

/// Puts the files of a bot into the media store. What cannot be read or kept is a problem: its message fails at its node.
pub(super) async fn store(media: &Media, bot: &Bot, path: &Path) -> (Files, Vec<String>) {
    let (mut stored, mut problems) = (Files::new(), Vec::new());
    let folder = path.parent().unwrap_or(Path::new(""));
    for name in bot.files() {
        match put(media, &folder.join(name), name).await {
            Ok(id) => drop(stored.insert(name.to_owned(), id)),
            Err(why) => problems.push(format!("warning: {}: file {name} {why}", path.display())),
        }
    }
    (stored, problems)
}

async fn put(media: &Media, path: &Path, name: &str) -> Result<String, String> {
    let mime_type = limits::mime_type(name).ok_or("is of no type that can be sent")?;
    let unreadable = |error: std::io::Error| format!("cannot be read: {error}");
    let size = tokio::fs::metadata(path).await.map_err(unreadable)?.len();
    if let Some(max) = limits::media_bytes(mime_type).filter(|max| size > *max) {
        return Err(format!("has {size} bytes; {mime_type} may have {max}"));
    }
    let bytes = Bytes::from(tokio::fs::read(path).await.map_err(unreadable)?);
    let filename = name.rsplit('/').next();
    let item = media.put(mime_type, filename, &bytes).await.map_err(|error| format!("cannot be kept: {error}"))?;
    Ok(item.id.into())
}

/// Which files a version was given. Files of a version are never pruned.
pub(super) async fn of_version(store: &dyn Store, media: &Media, version: &str) -> Result<Files, StoreError> {
    let stored = store.document(FILES, version).await?;
    let files: Files = stored.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default();
    pin(media, &files);
    Ok(files)
}

/// Notes which files a version has.
pub(super) async fn note(store: &dyn Store, media: &Media, version: &str, files: &Files) -> Result<(), StoreError> {
    pin(media, files);
    let text = serde_json::to_vec(files).unwrap_or_default();
    if store.document(FILES, version).await?.as_deref() == Some(&text) {
        return Ok(());
    }
    store.put_document(FILES, version, Some(text.into())).await
}

fn pin(media: &Media, files: &Files) {
    let digests = files.values().filter_map(|id| id.strip_prefix("m_")?.parse::<Digest>().ok());
    media.pin(digests);
}
