//! Messages with one product, or with a list of products, of a catalog.

use serde_json::{Value, json};

use super::{Check, Frame, Headers, Limit, LimitError, Part, Rules, limits, members, on_the_wire};

const ONE: Rules = Rules { headers: Headers::None, body_needed: false, footer: true };
const LIST: Rules = Rules { headers: Headers::NeedsText, body_needed: true, footer: true };

/// One product, with or without a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Product {
    frame: Frame,
    catalog_id: String,
    product_id: String,
}

/// Up to 30 products in up to ten sections. A text header and a body are needed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProductList {
    frame: Frame,
    catalog_id: String,
    sections: Vec<ProductSection>,
}

/// Products under a title of up to 24 characters, which a list of several sections needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProductSection {
    /// The title.
    pub title: Option<String>,
    /// Retailer ids, at least one.
    pub products: Vec<String>,
}

impl Product {
    /// Checks the ids and the text, which may be empty. Errors: the first limit that is broken.
    pub fn new(
        frame: impl Into<Frame>,
        catalog_id: impl Into<String>,
        product_id: impl Into<String>,
    ) -> Result<Self, LimitError> {
        Self { frame: frame.into(), catalog_id: catalog_id.into(), product_id: product_id.into() }.checked()
    }

    /// Body and footer.
    pub fn frame(&self) -> &Frame {
        &self.frame
    }

    /// The catalog and the product in it, by retailer id.
    pub fn ids(&self) -> (&str, &str) {
        (&self.catalog_id, &self.product_id)
    }

    pub(in crate::message) fn raw(&self) -> Value {
        let action = json!({ "catalog_id": self.catalog_id, "product_retailer_id": self.product_id });
        self.frame.around("product", action)
    }

    pub(super) fn read(check: &mut Check, part: &Part<'_>) -> Self {
        let frame = Frame::read(check, part, ONE);
        let action = part.get("action");
        action.members(check, &["catalog_id", "product_retailer_id"]);
        let catalog_id = action.get("catalog_id").needed(check);
        Self { frame, catalog_id, product_id: action.get("product_retailer_id").needed(check) }
    }
}

impl ProductList {
    /// Checks frame, sections and products. Errors: the first limit that is broken.
    pub fn new(frame: Frame, catalog_id: impl Into<String>, sections: Vec<ProductSection>) -> Result<Self, LimitError> {
        Self { frame, catalog_id: catalog_id.into(), sections }.checked()
    }

    /// Header, body and footer.
    pub fn frame(&self) -> &Frame {
        &self.frame
    }

    /// The sections, in order.
    pub fn sections(&self) -> &[ProductSection] {
        &self.sections
    }

    pub(in crate::message) fn raw(&self) -> Value {
        let sections: Vec<_> = self.sections.iter().map(ProductSection::content).collect();
        self.frame.around("product_list", json!({ "catalog_id": self.catalog_id, "sections": sections }))
    }

    pub(super) fn read(check: &mut Check, part: &Part<'_>) -> Self {
        let frame = Frame::read(check, part, LIST);
        let action = part.get("action");
        action.members(check, &["catalog_id", "sections"]);
        let catalog_id = action.get("catalog_id").needed(check);
        Self { frame, catalog_id, sections: ProductSection::read_all(check, &action.get("sections")) }
    }
}

impl ProductSection {
    pub(in crate::message) fn content(&self) -> Value {
        let products: Vec<_> = self.products.iter().map(|id| json!({ "product_retailer_id": id })).collect();
        members([("title", self.title.as_ref().map(|text| json!(text))), ("product_items", Some(json!(products)))])
    }

    pub(in crate::message) fn read_all(check: &mut Check, part: &Part<'_>) -> Vec<Self> {
        let items = part.some_items(check, 1, limits::PRODUCT_SECTIONS);
        let several = items.len() > 1;
        let sections: Vec<_> = items.iter().map(|item| Self::read(check, item, several)).collect();
        let products: usize = sections.iter().map(|section| section.products.len()).sum();
        if products > limits::PRODUCTS {
            let field = format!("{}[].product_items", part.path());
            check.fail(field, Limit::MaxItems(limits::PRODUCTS), products, None);
        }
        sections
    }

    fn read(check: &mut Check, part: &Part<'_>, several: bool) -> Self {
        part.members(check, &["title", "product_items"]);
        let title = part.get("title");
        let title = match several {
            true => Some(title.text(check, limits::SECTION_TITLE)),
            false => title.optional(check, limits::SECTION_TITLE),
        };
        let products = part.get("product_items").some_items(check, 1, usize::MAX);
        let product = |item: &Part<'_>| {
            item.members(check, &["product_retailer_id"]);
            item.get("product_retailer_id").needed(check)
        };
        Self { title, products: products.iter().map(product).collect() }
    }
}

on_the_wire!(Product, ProductList);
