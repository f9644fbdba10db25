//! Messages about products: one, several, the whole catalogue. Ids are not looked up: there is no
//! catalogue in the stand-in.

use serde_json::{Map, Value};

use super::super::parts::{bounded, list, object, only_keys, optional_string, required_string};
use super::{ACTION, named, parameters};
use crate::graph::error::Refusal;

const MAX_PRODUCTS: usize = 30;

pub(super) fn product(action: &Map<String, Value>) -> Result<(), Refusal> {
    only_keys(action, &["catalog_id", "product_retailer_id"], ACTION)?;
    required_string(action, "catalog_id", ACTION)?;
    required_string(action, "product_retailer_id", ACTION).map(drop)
}

pub(super) fn products(action: &Map<String, Value>) -> Result<(), Refusal> {
    only_keys(action, &["catalog_id", "sections"], ACTION)?;
    required_string(action, "catalog_id", ACTION)?;
    let sections = list(action, "sections", ACTION)?;
    if !(1..=10).contains(&sections.len()) {
        return Err(Refusal::value(format!("A product list takes 1 to 10 sections, got {}.", sections.len())));
    }
    let mut count = 0;
    for section in sections {
        let path = "interactive['action']['sections']";
        let section = object(section, path)?;
        only_keys(section, &["title", "product_items"], path)?;
        if sections.len() > 1 || section.contains_key("title") {
            bounded(section, "title", path, 24)?;
        }
        let items = list(section, "product_items", path)?;
        for item in items {
            required_string(object(item, path)?, "product_retailer_id", path)?;
        }
        count += items.len();
    }
    match count {
        1..=MAX_PRODUCTS => Ok(()),
        n => Err(Refusal::value(format!("A product list takes 1 to {MAX_PRODUCTS} products, got {n}."))),
    }
}

pub(super) fn whole(action: &Map<String, Value>) -> Result<(), Refusal> {
    named(action, "catalog_message")?;
    if !action.contains_key("parameters") {
        return Ok(());
    }
    optional_string(parameters(action)?, "thumbnail_product_retailer_id", "parameters").map(drop)
}
