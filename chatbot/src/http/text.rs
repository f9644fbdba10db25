//! A text with secrets left out: their names stand where the values go, and only whoever makes the call knows those.
//! What a person wrote can never look like such a place, because it is another kind of part.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Parts, one after the other.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HttpText(pub Vec<HttpPart>);

/// A part of a text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HttpPart {
    /// Text as it is.
    Text(String),
    /// The value of the secret of this name.
    Secret(String),
}

impl HttpText {
    /// The names of the secrets in it.
    pub fn secrets(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|part| match part {
            HttpPart::Secret(name) => Some(name.as_str()),
            HttpPart::Text(_) => None,
        })
    }

    /// The whole text.
    ///
    /// # Errors
    /// The name of a secret that `secret` does not know.
    pub fn fill(&self, secret: impl Fn(&str) -> Option<String>) -> Result<String, String> {
        let mut out = String::new();
        for part in &self.0 {
            match part {
                HttpPart::Text(text) => out.push_str(text),
                HttpPart::Secret(name) => out.push_str(&secret(name).ok_or_else(|| name.clone())?),
            }
        }
        Ok(out)
    }
}

impl From<&str> for HttpText {
    fn from(text: &str) -> Self {
        Self(vec![HttpPart::Text(text.to_owned())])
    }
}

impl fmt::Display for HttpText {
    /// As the bot file writes it: secrets by name.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|part| match part {
            HttpPart::Text(text) => f.write_str(text),
            HttpPart::Secret(name) => write!(f, "{{{{ secret.{name} }}}}"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_places_of_the_author_are_filled() {
        let forged = HttpPart::Text("{{ secret.KEY }} ".into());
        let text = HttpText(vec![forged, HttpPart::Secret("KEY".into())]);
        let filled = text.fill(|name| (name == "KEY").then(|| "value".to_owned()));
        assert_eq!(filled, Ok("{{ secret.KEY }} value".into()));
        assert_eq!(text.fill(|_| None), Err("KEY".into()));
        assert_eq!(text.secrets().collect::<Vec<_>>(), ["KEY"]);
    }
}
