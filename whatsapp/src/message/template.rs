//! An approved template with its parameters; the only message that may leave outside the 24 h window.
//!
//! Whether the template exists and takes these parameters is not known here.

mod button;
mod component;
mod parameter;

use serde_json::{Value, json};

pub use button::{ButtonAction, TemplateButton};
pub use component::{Component, TemplateCard};
pub use parameter::Parameter;

use super::check::Check;
use super::on_the_wire;
use super::part::Part;
use crate::limits::{Limit, LimitError};

/// A template by name and language, and what fills it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    name: String,
    language: String,
    components: Vec<Component>,
}

impl Template {
    /// Checks name, language (e.g. `en_US`) and components. Errors: the first limit that is broken.
    pub fn new(
        name: impl Into<String>,
        language: impl Into<String>,
        components: Vec<Component>,
    ) -> Result<Self, LimitError> {
        Self { name: name.into(), language: language.into(), components }.checked()
    }

    /// A one-time code in an authentication template: the code in the body, and again for its button.
    /// Needs a phone number: to a user id it fails with 131062.
    pub fn one_time_code(
        name: impl Into<String>,
        language: impl Into<String>,
        code: impl Into<String>,
    ) -> Result<Self, LimitError> {
        let code = code.into();
        let button = TemplateButton { index: 0, action: ButtonAction::Url { suffix: code.clone() } };
        Self::new(name, language, vec![Component::Body(vec![Parameter::text(code)]), Component::Button(button)])
    }

    /// The template's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The language's code.
    pub fn language(&self) -> &str {
        &self.language
    }

    /// What fills it.
    pub fn components(&self) -> &[Component] {
        &self.components
    }

    pub(super) fn raw(&self) -> Value {
        let mut template = json!({ "name": self.name, "language": { "code": self.language } });
        if !self.components.is_empty() {
            template["components"] = self.components.iter().map(Component::content).collect();
        }
        json!({ "type": "template", "template": template })
    }

    pub(super) fn read(check: &mut Check, part: &Part<'_>) -> Self {
        part.members(check, &["name", "language", "components"]);
        let language = part.get("language");
        if language.exists() {
            language.members(check, &["code", "policy"]);
        }
        let policy = language.get("policy");
        if policy.exists() && !policy.is("deterministic") {
            policy.fail(check, Limit::Form("`deterministic`"));
        }
        let name = part.get("name").needed(check);
        let language = language.get("code").needed(check);
        Self { name, language, components: component::read_all(check, &part.get("components")) }
    }
}

on_the_wire!(Template);
