//! A place on the map.

use serde_json::{Value, json};

use super::check::Check;
use super::part::Part;
use super::{members, on_the_wire};
use crate::limits::{Limit, LimitError};

/// A place: degrees as decimal text, the form that Meta's examples have, so that none is rounded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    latitude: String,
    longitude: String,
    name: Option<String>,
    address: Option<String>,
}

impl Location {
    /// Checks the degrees, north and east. Errors: not finite, or outside ±90 and ±180.
    pub fn new(latitude: f64, longitude: f64) -> Result<Self, LimitError> {
        let (latitude, longitude) = (latitude.to_string(), longitude.to_string());
        Self { latitude, longitude, name: None, address: None }.checked()
    }

    /// Sets the place's name; an empty one is left out.
    #[must_use]
    pub fn with_name(mut self, name: impl Into<String>) -> Self {
        self.name = super::filled(Some(name.into()));
        self
    }

    /// Sets the place's address; an empty one is left out.
    #[must_use]
    pub fn with_address(mut self, address: impl Into<String>) -> Self {
        self.address = super::filled(Some(address.into()));
        self
    }

    /// Degrees north.
    pub fn latitude(&self) -> &str {
        &self.latitude
    }

    /// Degrees east.
    pub fn longitude(&self) -> &str {
        &self.longitude
    }

    /// The place's name.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// The place's address.
    pub fn address(&self) -> Option<&str> {
        self.address.as_deref()
    }

    pub(super) fn raw(&self) -> Value {
        let content = members([
            ("latitude", Some(json!(self.latitude))),
            ("longitude", Some(json!(self.longitude))),
            ("name", self.name.as_ref().map(|text| json!(text))),
            ("address", self.address.as_ref().map(|text| json!(text))),
        ]);
        json!({ "type": "location", "location": content })
    }

    pub(super) fn read(check: &mut Check, part: &Part<'_>) -> Self {
        part.members(check, &["latitude", "longitude", "name", "address"]);
        Self {
            latitude: degrees(check, &part.get("latitude"), 90.0),
            longitude: degrees(check, &part.get("longitude"), 180.0),
            name: part.get("name").optional(check, usize::MAX),
            address: part.get("address").optional(check, usize::MAX),
        }
    }
}

fn degrees(check: &mut Check, part: &Part<'_>, max: f64) -> String {
    let text = match part.value() {
        Some(Value::Number(number)) => number.to_string(),
        Some(Value::String(text)) => text.trim().to_owned(),
        _ => String::new(),
    };
    // a NaN is in no range
    if !text.parse::<f64>().is_ok_and(|degrees| degrees.abs() <= max) {
        let form =
            if max < 100.0 { "a number of degrees from -90 to 90" } else { "a number of degrees from -180 to 180" };
        part.fail(check, Limit::Form(form));
    }
    text
}

on_the_wire!(Location);
