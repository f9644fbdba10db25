//! Bots of other programs, brought into our format.
//!
//! Each importer reads the export into a draft, which is tidied, loaded and checked; what cannot be said
//! in our format is told of, by the name of its node. Nothing is dropped silently, and the same export gives
//! the same bytes.

mod draft;
mod finish;
mod rapidpro;
mod request;
mod text;
mod tidy;
mod typebot;
mod whatsapp_builder;

use serde_json::Value;

use crate::bot::Bot;
use crate::caps;

pub use rapidpro::{ACTIONS as RAPIDPRO_ACTIONS, FUNCTIONS as RAPIDPRO_FUNCTIONS, TESTS as RAPIDPRO_TESTS};
pub use typebot::BLOCKS as TYPEBOT_BLOCKS;
pub use whatsapp_builder::{NODES as WHATSAPP_BUILDER_NODES, whatsapp_builder};

/// What becomes of a part of a foreign format: its name there, and what it is here; `None` where it is listed as
/// not mapped.
pub type Mapping = (&'static str, Option<&'static str>);

/// A program whose bots can be imported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// React-Flow exports of whatsapp-builder.
    WhatsappBuilder,
    /// Flows of RapidPro, TextIt and Glific: flow spec 13 and 14.
    Rapidpro,
    /// Typebot, version 6.
    Typebot,
}

impl Kind {
    /// All of them.
    pub const ALL: [Kind; 3] = [Kind::WhatsappBuilder, Kind::Rapidpro, Kind::Typebot];

    /// The name as the command line writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::WhatsappBuilder => "whatsapp-builder",
            Kind::Rapidpro => "rapidpro",
            Kind::Typebot => "typebot",
        }
    }

    /// The kind of a name.
    pub fn by_name(name: &str) -> Option<Self> {
        Kind::ALL.into_iter().find(|kind| kind.as_str() == name)
    }

    fn recognises(self, value: &Value) -> bool {
        match self {
            Kind::WhatsappBuilder => whatsapp_builder::recognises(value),
            Kind::Rapidpro => rapidpro::recognises(value),
            Kind::Typebot => typebot::recognises(value),
        }
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

impl Imported {
    /// The file as it is written: JSON with its keys in order, the same bytes for the same export.
    pub fn written(&self) -> String {
        let mut text = serde_json::to_string_pretty(&self.bot_json).unwrap_or_else(|_| self.bot_json.to_string());
        text.push('\n');
        text
    }
}

/// Why nothing could be imported.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ImportError {
    /// The text is no JSON.
    #[error("the file is not JSON: {0}")]
    NotJson(String),
    /// It is JSON of another shape.
    #[error("this is not a {kind} export: {what}")]
    Shape {
        /// What it was read as.
        kind: &'static str,
        /// What is missing or wrong.
        what: String,
    },
    /// It is an export of no program that is known.
    #[error("this is no export that Parlance knows; {0}")]
    Unknown(String),
    /// There is more of it than a bot may have.
    #[error("the export is too large: {0}")]
    TooLarge(String),
    /// What came out does not load; the importer is at fault.
    #[error("the import does not load: {0}")]
    DoesNotLoad(String),
}

/// Imports an export; which program made it is guessed when `from` does not say.
///
/// # Errors
/// The text is no JSON, no such export, or more than a bot may have.
pub fn import(source: &str, from: Option<Kind>) -> Result<Imported, ImportError> {
    let value = parse(source)?;
    let kind = match from {
        Some(kind) => kind,
        None => guess(&value).ok_or_else(|| ImportError::Unknown(hint(&value)))?,
    };
    match kind {
        Kind::WhatsappBuilder => whatsapp_builder::import(&value),
        Kind::Rapidpro => rapidpro::import(&value),
        Kind::Typebot => typebot::import(&value),
    }
}

/// Guesses which program made a file.
pub fn detect(source: &str) -> Option<Kind> {
    guess(&parse(source).ok()?)
}

fn guess(value: &Value) -> Option<Kind> {
    Kind::ALL.into_iter().find(|kind| kind.recognises(value))
}

fn parse(source: &str) -> Result<Value, ImportError> {
    if source.len() > caps::MAX_IMPORT_BYTES {
        let message = format!("it has {} bytes, an export may have {}", source.len(), caps::MAX_IMPORT_BYTES);
        return Err(ImportError::TooLarge(message));
    }
    // serde_json stops at a depth of 128.
    serde_json::from_str(source.trim_start_matches('\u{feff}')).map_err(|error| ImportError::NotJson(error.to_string()))
}

/// What to do about a file that nobody knows.
fn hint(value: &Value) -> String {
    let names: Vec<&str> = Kind::ALL.iter().map(|kind| kind.as_str()).collect();
    let known = format!("it imports {}", names.join(", "));
    if value.get("parlance").is_some() {
        return "it is a bot file already".to_owned();
    }
    let flow = value.get("flows").and_then(|flows| flows.get(0)).unwrap_or(value);
    if flow.get("rule_sets").or_else(|| flow.get("action_sets")).is_some() {
        return "it is a RapidPro export from before version 13: export it again from a newer server".to_owned();
    }
    known
}
