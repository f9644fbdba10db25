//! The stores at Meta, from inside: templates and media.

use bytes::Bytes;
use serde::Serialize;
use serde_json::Value;

use super::Handle;
use super::write::keep;
use crate::graph::definition;
use crate::phone::PhoneError;
use crate::templates::{StoredTemplate, TemplateStatus};

/// Media that is kept.
#[derive(Debug, Clone, Serialize)]
pub struct MediaInfo {
    /// Its id.
    pub id: String,
    /// Its MIME type, parameters included.
    pub mime_type: String,
    /// SHA-256, in hex.
    pub sha256: String,
    /// The bytes.
    #[serde(skip)]
    pub bytes: Bytes,
}

impl Handle {
    /// Puts a template into the store, as Meta's creation endpoint takes it, with `status` (approved if
    /// left out) and `waba_id` (that of the first number) beside it. Errors with a sentence.
    pub fn put_template(&self, definition: &Value) -> Result<StoredTemplate, String> {
        let map = definition.as_object().ok_or("a template is a JSON object")?;
        let checked = definition::check(map).map_err(|refusal| refusal.details.unwrap_or(refusal.message))?;
        let status = match map.get("status") {
            None => TemplateStatus::Approved,
            Some(status) => serde_json::from_value(status.clone()).map_err(|e| format!("status: {e}"))?,
        };
        let first = || self.core.config.numbers.first().map(|n| n.waba_id.clone()).unwrap_or_default();
        let template = StoredTemplate {
            id: String::new(),
            waba_id: map.get("waba_id").and_then(Value::as_str).map_or_else(first, str::to_owned),
            name: checked.name,
            language: checked.language,
            category: checked.category,
            status,
            components: checked.components,
            named: checked.named,
            lenient: false,
            edits: Vec::new(),
            created_ms: 0,
        };
        let kept = self.core.templates.add(template).ok_or("there are too many templates")?;
        Ok((*kept).clone())
    }

    /// All templates, in the order of creation.
    pub fn templates(&self) -> Vec<StoredTemplate> {
        self.core.templates.list(|_| true).iter().map(|t| (**t).clone()).collect()
    }

    /// Gives a template, in all its languages or in one, another status, and sends Meta's webhook for
    /// each. Returns how many there were.
    pub fn set_template_status(
        &self,
        name: &str,
        language: Option<&str>,
        status: TemplateStatus,
        reason: Option<&str>,
    ) -> usize {
        let wanted = |t: &StoredTemplate| t.name == name && language.is_none_or(|l| t.language == l);
        let found = self.core.templates.list(wanted);
        found.iter().filter(|t| self.core.judge(&t.id, status, reason)).count()
    }

    /// Somebody deletes a template at Meta, in all its languages. Returns how many there were.
    pub fn delete_template(&self, name: &str) -> usize {
        self.core.delete_templates(|t| t.name == name)
    }

    /// Keeps media that phones can send.
    pub fn add_media(&self, mime_type: &str, bytes: impl Into<Bytes>) -> Result<MediaInfo, PhoneError> {
        let (_, number) = self.number(None)?;
        if !mime_type.contains('/') {
            return Err(PhoneError::Invalid(format!("{mime_type:?} is not a media type")));
        }
        let id = keep(&self.core, number, mime_type, bytes.into()).id.clone();
        self.media(&id).ok_or_else(|| PhoneError::Invalid("the media is too large".into()))
    }

    /// Media by its id, uploaded or sent by a phone, while it is kept.
    pub fn media(&self, id: &str) -> Option<MediaInfo> {
        let item = self.core.media.get(id, self.core.now_ms())?;
        Some(MediaInfo {
            id: item.id.clone(),
            mime_type: item.mime.clone(),
            sha256: item.sha256_hex(),
            bytes: item.bytes.clone(),
        })
    }
}
