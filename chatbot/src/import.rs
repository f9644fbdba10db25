//! Bots of other programs, brought into our format.

mod whatsapp_builder;

use serde_json::Value;

use crate::bot::Bot;

pub use whatsapp_builder::whatsapp_builder;

/// A program whose bots can be imported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// React-Flow exports of whatsapp-builder.
    WhatsappBuilder,
}

impl Kind {
    /// The name as the command line writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::WhatsappBuilder => "whatsapp-builder",
        }
    }

    /// The kind of a name.
    pub fn by_name(name: &str) -> Option<Self> {
        (name == Kind::WhatsappBuilder.as_str()).then_some(Kind::WhatsappBuilder)
    }
}

/// A bot that was imported.
#[derive(Debug)]
pub struct Imported {
    /// The bot file in our format. It passes the checker.
    pub bot_json: Value,
    /// The same, loaded.
    pub bot: Bot,
    /// Each behaviour that changes or could not be mapped, by the name of its node.
    pub changes: Vec<String>,
}

/// Why nothing could be imported.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ImportError {
    /// The text is no JSON.
    #[error("the file is not JSON: {0}")]
    NotJson(String),
    /// It is JSON of another shape.
    #[error("this is not a whatsapp-builder export: {0}")]
    Shape(String),
    /// What came out does not load; the importer is at fault.
    #[error("the import does not load: {0}")]
    DoesNotLoad(String),
}

/// Guesses which program made a file.
pub fn detect(source: &str) -> Option<Kind> {
    let value: Value = serde_json::from_str(source.trim_start_matches('\u{feff}')).ok()?;
    whatsapp_builder::recognises(&value).then_some(Kind::WhatsappBuilder)
}
