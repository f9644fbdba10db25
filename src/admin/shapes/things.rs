//! Files and templates.

use serde_json::Value;
use utoipa::ToSchema;

/// A file.
#[derive(ToSchema)]
#[schema(example = json!({
    "id": "m_0c0d", "direction": "out", "kind": "image", "state": "stored", "mime_type": "image/png",
    "filename": "menu.png", "size": 1024, "sha256": "0c0d", "phone_number_id": null, "conversation": null,
    "first_seen": "2026-11-27T09:00:00.000Z", "reason": null, "tries": 0, "meta_ids": []
}))]
pub(in super::super) struct Media {
    /// `m_…` for ours, Meta's id for those of people.
    id: String,
    /// `in` or `out`.
    direction: String,
    /// image, video, audio, sticker, document
    kind: String,
    /// wanted, stored, refused, failed
    state: String,
    /// Its type.
    mime_type: String,
    /// Its name, if it has one.
    filename: Option<String>,
    /// Bytes, if known.
    size: Option<u64>,
    /// Digest, if known.
    sha256: Option<String>,
    /// The number it came to.
    phone_number_id: Option<String>,
    /// The conversation it came in.
    conversation: Option<String>,
    /// When it was first seen.
    first_seen: String,
    /// Why it is not here.
    reason: Option<String>,
    /// Tries to fetch it.
    tries: u32,
    /// What Meta calls it, by number.
    meta_ids: Vec<Value>,
}

/// A file that was put.
#[derive(ToSchema)]
#[schema(example = json!({ "id": "m_0c0d", "mime_type": "image/png", "size": 1024, "kind": "image" }))]
pub(in super::super) struct MediaPut {
    /// For `id` of a message.
    id: String,
    /// Its type.
    mime_type: String,
    /// Bytes.
    size: Option<u64>,
    /// image, video, audio, sticker, document
    kind: String,
}

/// A file that was deleted; with `dry_run`, what would be.
#[derive(ToSchema)]
#[schema(example = json!({ "id": "m_0c0d", "file_removed": true, "deleted_at_meta": [], "left_at_meta": [] }))]
pub(in super::super) struct MediaDeleted {
    /// The file.
    id: Option<String>,
    /// Whether the file itself went; others may share it.
    file_removed: Option<bool>,
    /// Meta's ids that went.
    deleted_at_meta: Option<Value>,
    /// Meta's ids that stayed, and why.
    left_at_meta: Option<Vec<Value>>,
    /// Set on a dry run.
    dry_run: Option<bool>,
    /// What would be deleted.
    would_delete: Option<Media>,
}

/// What was pruned, or would be.
#[derive(ToSchema)]
#[schema(example = json!({ "items": 3, "files": 2, "bytes": 4096, "more": false, "dry_run": true, "before": "2026-10-28T09:00:00.000Z" }))]
pub(in super::super) struct Pruned {
    /// Items.
    items: u64,
    /// Files.
    files: u64,
    /// Bytes of those files.
    bytes: u64,
    /// Whether there may be more.
    more: bool,
    /// Whether nothing was removed.
    dry_run: bool,
    /// What is older than this.
    before: String,
}

/// A template as Meta has it.
#[derive(ToSchema)]
#[schema(example = json!({
    "id": "594425479261596", "account": "102290129340398", "name": "order_shipped", "language": "en_US",
    "status": "APPROVED", "category": "UTILITY", "parameter_format": "POSITIONAL", "rejected_reason": null,
    "quality_score": null, "components": [{ "type": "BODY", "text": "It is on its way." }], "removed_at": null
}))]
pub(in super::super) struct Template {
    /// Meta's id.
    id: String,
    /// The business account.
    account: String,
    /// Its name.
    name: String,
    /// Its language.
    language: String,
    /// Meta's status, or `REMOVED`.
    status: String,
    /// Meta's category.
    category: Value,
    /// `POSITIONAL` or `NAMED`.
    parameter_format: Option<String>,
    /// Why Meta rejected it.
    rejected_reason: Option<String>,
    /// What people make of it.
    quality_score: Value,
    /// As Meta has them.
    components: Value,
    /// When Meta no longer had it.
    removed_at: Option<String>,
}

/// A page of templates.
#[derive(ToSchema)]
pub(in super::super) struct Templates {
    /// By account, name and language.
    items: Vec<Template>,
    /// For the next page.
    next_cursor: Option<String>,
    /// When each account's list was last read.
    accounts: Vec<Value>,
}

/// What the lists changed.
#[derive(ToSchema)]
#[schema(example = json!({ "items": [{ "account": "102290129340398", "templates": 12, "changed": 1, "removed": 0 }], "next_cursor": null }))]
pub(in super::super) struct TemplatesSynced {
    /// Each account.
    items: Vec<Value>,
    /// Always null.
    next_cursor: Option<String>,
}

/// A template that was created; with `dry_run`, what would be.
#[derive(ToSchema)]
#[schema(example = json!({ "id": "594425479261596", "status": "PENDING", "category": "UTILITY" }))]
pub(in super::super) struct TemplateCreated {
    /// Meta's id.
    id: Option<String>,
    /// Meta's status.
    status: Option<String>,
    /// Meta's category.
    category: Option<String>,
    /// Set on a dry run.
    dry_run: Option<bool>,
    /// What would be created.
    would_create: Option<Value>,
    /// Where.
    account: Option<String>,
}

/// A template that was changed; with `dry_run`, what would be.
#[derive(ToSchema)]
#[schema(example = json!({ "id": "594425479261596", "changed": true }))]
pub(in super::super) struct TemplateChanged {
    /// Meta's id.
    id: Option<String>,
    /// Whether Meta took it.
    changed: Option<bool>,
    /// Set on a dry run.
    dry_run: Option<bool>,
    /// As it is.
    would_change: Option<Template>,
    /// As it would be.
    to: Option<Value>,
}

/// A template that was deleted, or would be.
#[derive(ToSchema)]
#[schema(example = json!({ "name": "order_shipped", "account": "102290129340398", "languages": ["en_US"], "dry_run": false }))]
pub(in super::super) struct TemplateDeleted {
    /// Its name.
    name: String,
    /// The business account.
    account: String,
    /// The languages.
    languages: Vec<String>,
    /// Whether nothing was deleted.
    dry_run: bool,
}
