//! Carousels of link cards or product cards.

use serde_json::{Map, Value};

use super::super::Known;
use super::super::parts::{list, object, only_keys, required_string};
use super::{ACTION, body, catalog, header, link_button};
use crate::graph::error::Refusal;

const CARD: &str = "interactive['action']['cards']";
const CARD_BODY: usize = 160;
const LINE_BREAKS: usize = 2;

pub(super) fn check(action: &Map<String, Value>, known: &Known<'_>) -> Result<(), Refusal> {
    only_keys(action, &["cards"], ACTION)?;
    let cards = list(action, "cards", ACTION)?;
    if !(2..=10).contains(&cards.len()) {
        return Err(Refusal::value(format!("A carousel takes 2 to 10 cards, got {}.", cards.len())));
    }
    let mut kinds = Vec::new();
    for (at, given) in cards.iter().enumerate() {
        let map = object(given, CARD)?;
        only_keys(map, &["card_index", "type", "header", "body", "action"], CARD)?;
        if map.get("card_index").and_then(Value::as_u64) != u64::try_from(at).ok() {
            return Err(Refusal::value(format!("{CARD}['card_index'] of card {at} must be {at}.")));
        }
        kinds.push(card(map, known)?);
    }
    kinds.dedup();
    if kinds.len() > 1 {
        return Err(Refusal::value(format!("The cards of a carousel are of one kind, got {kinds:?}.")));
    }
    Ok(())
}

/// What must be the same on all cards: kind of header, or catalogue.
fn card(map: &Map<String, Value>, known: &Known<'_>) -> Result<String, Refusal> {
    let path = format!("{CARD}['action']");
    let action = object(map.get("action").ok_or_else(|| Refusal::missing(&path))?, &path)?;
    match required_string(map, "type", CARD)? {
        "cta_url" => {
            let kind = map.get("header").ok_or_else(|| Refusal::missing(&format!("{CARD}['header']")))?;
            header(map, &["image", "video"], known)?;
            if map.contains_key("body") {
                body(map, CARD_BODY)?;
                lines(map)?;
            }
            link_button(action)?;
            Ok(format!("cta_url with {}", kind["type"]))
        }
        "product" => {
            catalog::product(action)?;
            Ok(format!("product of {}", action.get("catalog_id").unwrap_or(&Value::Null)))
        }
        other => Err(Refusal::value(format!("{CARD}['type'] {other:?} is not cta_url or product."))),
    }
}

fn lines(map: &Map<String, Value>) -> Result<(), Refusal> {
    let text = map.get("body").and_then(|b| b["text"].as_str()).unwrap_or_default();
    match text.matches('\n').count() {
        0..=LINE_BREAKS => Ok(()),
        n => Err(Refusal::value(format!("The body of a card takes {LINE_BREAKS} line breaks, got {n}."))),
    }
}
