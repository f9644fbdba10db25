//! Messages that ask for the person's place or phone number with one button.

use serde_json::{Value, json};

use super::{Check, Frame, Headers, LimitError, Part, Rules, named_action, on_the_wire};

/// No header and no footer are documented for this kind.
const LOCATION: Rules = Rules { headers: Headers::None, body_needed: true, footer: false };
const CONTACT: Rules = Rules { headers: Headers::None, body_needed: true, footer: true };

/// Asks for the person's place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocationRequest {
    frame: Frame,
}

/// Asks for the person's phone number; for people who are known by user id only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContactRequest {
    frame: Frame,
}

impl LocationRequest {
    /// Checks the text. Errors: empty, or too long.
    pub fn new(body: impl Into<String>) -> Result<Self, LimitError> {
        Self { frame: Frame::new(body) }.checked()
    }

    /// The text.
    pub fn body(&self) -> &str {
        self.frame.body()
    }

    pub(in crate::message) fn raw(&self) -> Value {
        self.frame.around("location_request_message", json!({ "name": "send_location" }))
    }

    pub(super) fn read(check: &mut Check, part: &Part<'_>) -> Self {
        let frame = Frame::read(check, part, LOCATION);
        named_action(check, part, "send_location");
        Self { frame }
    }
}

impl ContactRequest {
    /// Checks text and footer. Errors: the first limit that is broken.
    pub fn new(frame: impl Into<Frame>) -> Result<Self, LimitError> {
        Self { frame: frame.into() }.checked()
    }

    /// Body and footer.
    pub fn frame(&self) -> &Frame {
        &self.frame
    }

    pub(in crate::message) fn raw(&self) -> Value {
        self.frame.around("request_contact_info", json!({ "name": "request_contact_info" }))
    }

    pub(super) fn read(check: &mut Check, part: &Part<'_>) -> Self {
        let frame = Frame::read(check, part, CONTACT);
        named_action(check, part, "request_contact_info");
        Self { frame }
    }
}

on_the_wire!(LocationRequest, ContactRequest);
