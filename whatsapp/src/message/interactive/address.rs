//! A message with a form for an address. India only.

use serde_json::{Value, json};

use super::{Check, Frame, Headers, LimitError, Part, Rules, members, on_the_wire, right_name};

const RULES: Rules = Rules { headers: Headers::None, body_needed: true, footer: true };

/// Asks for a delivery address. The answer comes as a form reply named `address_message`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    frame: Frame,
    country: String,
    values: Option<Value>,
    saved: Option<Value>,
    errors: Option<Value>,
}

impl Address {
    /// Checks text, footer and country (`IN`). Errors: the first limit that is broken.
    pub fn new(frame: impl Into<Frame>, country: impl Into<String>) -> Result<Self, LimitError> {
        Self { frame: frame.into(), country: country.into(), values: None, saved: None, errors: None }.checked()
    }

    /// Fills fields of the form, an object of names and texts. Errors: not an object.
    pub fn with_values(mut self, values: Value) -> Result<Self, LimitError> {
        self.values = Some(values);
        self.checked()
    }

    /// Offers addresses to pick from, an array of `{id, value}`. Errors: not an array.
    pub fn with_saved(mut self, addresses: Value) -> Result<Self, LimitError> {
        self.saved = Some(addresses);
        self.checked()
    }

    /// Says what is wrong with fields, an object of names and texts. Errors: not an object.
    pub fn with_errors(mut self, errors: Value) -> Result<Self, LimitError> {
        self.errors = Some(errors);
        self.checked()
    }

    /// Body and footer.
    pub fn frame(&self) -> &Frame {
        &self.frame
    }

    /// The country of the address.
    pub fn country(&self) -> &str {
        &self.country
    }

    pub(in crate::message) fn raw(&self) -> Value {
        let parameters = members([
            ("country", Some(json!(self.country))),
            ("values", self.values.clone()),
            ("saved_addresses", self.saved.clone()),
            ("validation_errors", self.errors.clone()),
        ]);
        self.frame.around("address_message", json!({ "name": "address_message", "parameters": parameters }))
    }

    pub(super) fn read(check: &mut Check, part: &Part<'_>) -> Self {
        let frame = Frame::read(check, part, RULES);
        let action = part.get("action");
        action.members(check, &["name", "parameters"]);
        right_name(check, &action, "address_message");
        let parameters = action.get("parameters");
        parameters.members(check, &["country", "values", "saved_addresses", "validation_errors"]);
        Self {
            frame,
            country: parameters.get("country").needed(check),
            values: parameters.get("values").open(check),
            saved: parameters.get("saved_addresses").open_list(check),
            errors: parameters.get("validation_errors").open(check),
        }
    }
}

on_the_wire!(Address);
