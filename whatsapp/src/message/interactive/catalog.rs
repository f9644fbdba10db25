//! A message that opens the catalog.

use serde_json::{Value, json};

use super::{Check, Frame, Headers, LimitError, Part, Rules, members, on_the_wire, right_name};

const RULES: Rules = Rules { headers: Headers::None, body_needed: true, footer: true };

/// Text with a button that opens the catalog, shown with the picture of one product.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Catalog {
    frame: Frame,
    thumbnail: Option<String>,
}

impl Catalog {
    /// Checks text and footer. `thumbnail` is a product's retailer id. Errors: the first limit that is broken.
    pub fn new(frame: impl Into<Frame>, thumbnail: Option<String>) -> Result<Self, LimitError> {
        Self { frame: frame.into(), thumbnail }.checked()
    }

    /// Body and footer.
    pub fn frame(&self) -> &Frame {
        &self.frame
    }

    /// The product whose picture is shown; the catalog's first when there is none.
    pub fn thumbnail(&self) -> Option<&str> {
        self.thumbnail.as_deref()
    }

    pub(in crate::message) fn raw(&self) -> Value {
        let parameters = self.thumbnail.as_ref().map(|id| json!({ "thumbnail_product_retailer_id": id }));
        self.frame
            .around("catalog_message", members([("name", Some(json!("catalog_message"))), ("parameters", parameters)]))
    }

    pub(super) fn read(check: &mut Check, part: &Part<'_>) -> Self {
        let frame = Frame::read(check, part, RULES);
        let action = part.get("action");
        action.members(check, &["name", "parameters"]);
        right_name(check, &action, "catalog_message");
        let parameters = action.get("parameters");
        if parameters.exists() {
            parameters.members(check, &["thumbnail_product_retailer_id"]);
        }
        Self { frame, thumbnail: parameters.get("thumbnail_product_retailer_id").optional(check, usize::MAX) }
    }
}

on_the_wire!(Catalog);
