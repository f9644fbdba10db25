//! The files that bots send: read from beside the bot file, put into the media store, and remembered by bot version.

use std::collections::BTreeMap;
use std::path::Path;

use actors::media::{Digest, Media};
use bytes::Bytes;
use chatbot::Bot;
use storage::{NewDocument, Store, StoreError};
use whatsapp::limits;

/// `id/hash`: the files of a version.
pub(super) const FILES: &str = "bot_files";

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

/// Which files a version was given.
pub(super) async fn of_version(store: &dyn Store, version: &str) -> Result<Files, StoreError> {
    let stored = store.document(FILES, version).await?;
    Ok(stored.map(|bytes| read(&bytes)).unwrap_or_default())
}

/// The files of all versions.
pub(super) async fn all(store: &dyn Store) -> Result<BTreeMap<Box<str>, Files>, StoreError> {
    Ok(store.documents(FILES).await?.into_iter().map(|(version, bytes)| (version, read(&bytes))).collect())
}

fn read(bytes: &[u8]) -> Files {
    serde_json::from_slice(bytes).unwrap_or_default()
}

/// What notes the files of a version; `None` if it is noted already.
pub(super) async fn document(
    store: &dyn Store,
    version: &str,
    files: &Files,
) -> Result<Option<NewDocument>, StoreError> {
    let text = serde_json::to_vec(files).unwrap_or_default();
    let known = store.document(FILES, version).await?;
    let differs = if files.is_empty() { known.is_some() } else { known.as_deref() != Some(&*text) };
    Ok(differs.then(|| (FILES.into(), version.into(), Some(text.into()))))
}

/// Files of a version are never pruned.
pub(super) fn pin(media: &Media, files: &Files) {
    media.pin(digests(files));
}

pub(super) fn digests(files: &Files) -> impl Iterator<Item = Digest> + use<'_> {
    files.values().filter_map(|id| id.strip_prefix("m_")?.parse().ok())
}
