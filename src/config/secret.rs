//! A secret of the configuration, and the file it can be read from again.

use std::io;
use std::path::{Path, PathBuf};

use secrecy::SecretString;

use super::problem::Source;

/// A secret. Debug output hides its value.
#[derive(Clone, Debug, Default)]
pub struct Secret {
    /// The secret itself.
    pub value: SecretString,
    /// The file that `…_file` named, if it came from one.
    pub file: Option<PathBuf>,
    /// Where it was given, or the file was named.
    pub source: Source,
}

/// Why a file holds no secret.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The file cannot be read.
    #[error("which cannot be read: {0}")]
    Unreadable(#[from] io::Error),
    /// There is nothing in it.
    #[error("which is empty")]
    Empty,
    /// It holds more than one line, or spaces around the secret.
    #[error("whose text begins or ends with a space, or holds a line break or control character")]
    Shape,
}

impl Secret {
    /// Reads `file`: one line, whose end does not count.
    pub fn read(file: &Path) -> Result<SecretString, SecretError> {
        let text = std::fs::read_to_string(file)?;
        match one_line(&text) {
            "" => Err(SecretError::Empty),
            line if !is_plain(line) => Err(SecretError::Shape),
            line => Ok(line.into()),
        }
    }
}

impl Secret {
    /// Reads `file`: a text of many lines, such as a key in PEM.
    pub fn read_text(file: &Path) -> Result<SecretString, SecretError> {
        let text = std::fs::read_to_string(file)?;
        if text.trim().is_empty() { Err(SecretError::Empty) } else { Ok(text.into()) }
    }
}

/// The text without the line break at its end.
pub(super) fn one_line(text: &str) -> &str {
    let line = text.strip_suffix('\n').map(|line| line.strip_suffix('\r').unwrap_or(line));
    line.unwrap_or(text)
}

/// Whether the text can be a header's value as it stands.
pub(super) fn is_plain(text: &str) -> bool {
    text.trim() == text && !text.chars().any(char::is_control)
}
