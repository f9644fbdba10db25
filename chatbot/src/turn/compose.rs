//! Makes outgoing messages out of texts that were computed.

use serde_json::Value;
use whatsapp::limits::LimitError;
use whatsapp::message::{self, Button, Buttons, List, Media, Outgoing, Section, Text};

/// A button or row before it is known which.
pub(crate) struct Row {
    pub(crate) id: String,
    pub(crate) title: String,
    pub(crate) description: Option<String>,
}

pub(crate) fn text(body: String) -> Result<Outgoing, String> {
    Text::new(body).map(Outgoing::from).map_err(|error| error.to_string())
}

pub(crate) fn buttons(
    header: Option<String>,
    media: Option<Media>,
    body: String,
    footer: Option<String>,
    rows: Vec<Row>,
) -> Result<Outgoing, String> {
    let make = || -> Result<Outgoing, LimitError> {
        let buttons = rows.into_iter().map(|row| Button::new(row.id, row.title)).collect();
        let message = Buttons::new(body, buttons)?;
        let message = match media {
            Some(media) => message.with_media_header(media)?,
            None => message.with_header(header.unwrap_or_default())?,
        };
        Ok(message.with_footer(footer.unwrap_or_default())?.into())
    };
    make().map_err(|error| error.to_string())
}

pub(crate) fn list(
    header: Option<String>,
    body: String,
    footer: Option<String>,
    button: String,
    rows: Vec<Row>,
) -> Result<Outgoing, String> {
    let row = |row: Row| message::Row::new(row.id, row.title).with_description(row.description.unwrap_or_default());
    let make = || -> Result<Outgoing, LimitError> {
        let sections = vec![Section::new(rows.into_iter().map(row).collect())];
        let message = List::new(body, button, sections)?;
        let message = message.with_header(header.unwrap_or_default())?;
        Ok(message.with_footer(footer.unwrap_or_default())?.into())
    };
    make().map_err(|error| error.to_string())
}

/// Bytes of text that a message carries.
pub(crate) fn text_bytes(message: &Outgoing) -> usize {
    match message {
        Outgoing::Text(text) => text.body().len(),
        other => strings(&other.raw()),
    }
}

fn strings(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len(),
        Value::Array(items) => items.iter().map(strings).sum(),
        Value::Object(entries) => entries.values().map(strings).sum(),
        _ => 0,
    }
}
