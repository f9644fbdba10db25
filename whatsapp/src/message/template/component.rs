//! The parts of a template.

use std::collections::HashSet;

use serde_json::{Value, json};

use super::super::choices;
use super::{Check, Limit, Parameter, Part, TemplateButton};
use crate::limits;

/// A part of a template that takes parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Component {
    /// Text, media or a place above the body.
    Header(Vec<Parameter>),
    /// The text.
    Body(Vec<Parameter>),
    /// A button.
    Button(TemplateButton),
    /// Up to ten cards.
    Carousel(Vec<TemplateCard>),
    /// When an offer ends.
    LimitedTimeOffer {
        /// Unix milliseconds.
        expires_at_ms: i64,
    },
    /// A part that is not known here, unchecked.
    Other(Value),
}

/// A card of a template. Its index is its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateCard {
    /// Header, body and buttons.
    pub components: Vec<Component>,
}

impl Component {
    pub(super) fn content(&self) -> Value {
        let filled = |kind: &str, parameters: &[Parameter]| {
            let parameters: Vec<_> = parameters.iter().map(Parameter::content).collect();
            json!({ "type": kind, "parameters": parameters })
        };
        match self {
            Self::Header(parameters) => filled("header", parameters),
            Self::Body(parameters) => filled("body", parameters),
            Self::Button(button) => button.content(),
            Self::Carousel(cards) => {
                let cards: Vec<_> = cards.iter().enumerate().map(|(i, card)| card.content(i)).collect();
                json!({ "type": "carousel", "cards": cards })
            }
            Self::LimitedTimeOffer { expires_at_ms } => json!({ "type": "limited_time_offer", "parameters": [
                { "type": "limited_time_offer", "limited_time_offer": { "expiration_time_ms": expires_at_ms } } ] }),
            Self::Other(component) => component.clone(),
        }
    }

    fn read(check: &mut Check, part: &Part<'_>, alone: bool) -> Self {
        let kind = part.get("type").needed(check).to_ascii_lowercase();
        match kind.as_str() {
            "header" => Self::Header(parameters(check, part, limits::TEMPLATE_HEADER)),
            "body" if alone => Self::Body(parameters(check, part, limits::TEMPLATE_BODY_ALONE)),
            "body" => Self::Body(parameters(check, part, limits::TEMPLATE_BODY)),
            "button" => Self::Button(TemplateButton::read(check, part)),
            "carousel" => {
                part.members(check, &["type", "cards"]);
                let cards = part.get("cards").some_items(check, 1, limits::CARDS);
                Self::Carousel(cards.iter().enumerate().map(|(i, card)| TemplateCard::read(check, card, i)).collect())
            }
            "limited_time_offer" => Self::LimitedTimeOffer { expires_at_ms: read_offer(check, part) },
            _ => Self::Other(part.open(check).unwrap_or_default()),
        }
    }
}

impl TemplateCard {
    fn content(&self, index: usize) -> Value {
        let components: Vec<_> = self.components.iter().map(Component::content).collect();
        json!({ "card_index": index, "components": components })
    }

    fn read(check: &mut Check, part: &Part<'_>, place: usize) -> Self {
        part.members(check, &["card_index", "components"]);
        let index = part.get("card_index");
        if usize::from(index.index(check, limits::CARDS)) != place && place < limits::CARDS {
            index.fail(check, Limit::Form("its place among the cards, counted from 0"));
        }
        let nested = part.get("components");
        for component in nested.items(check) {
            // a card in a card would recurse as deep as somebody cares to write
            if component.get("type").is("carousel") {
                component.get("type").fail(check, Limit::Form("a part that a card may have"));
                return Self { components: Vec::new() };
            }
        }
        Self { components: read_all(check, &nested) }
    }
}

/// Reads the components of a template or card.
pub(super) fn read_all(check: &mut Check, part: &Part<'_>) -> Vec<Component> {
    let items = part.items(check);
    let alone = items.len() == 1;
    let (mut once, mut buttons) = (HashSet::new(), 0);
    for item in &items {
        let kind = item.get("type");
        let name = kind.value().and_then(Value::as_str).unwrap_or_default().to_ascii_lowercase();
        let key = match name.as_str() {
            "button" => {
                buttons += 1;
                format!(
                    "button {}",
                    item.get("index").value().map(Value::to_string).unwrap_or_default().trim_matches('"')
                )
            }
            _ => name.clone(),
        };
        if !once.insert(key) && !name.is_empty() {
            let field = if name == "button" { item.get("index") } else { kind };
            field.fail(check, Limit::Unique);
        }
    }
    if buttons > limits::TEMPLATE_BUTTONS {
        check.fail(part.path(), Limit::MaxItems(limits::TEMPLATE_BUTTONS), buttons, None);
    }
    items.iter().map(|item| Component::read(check, item, alone)).collect()
}

fn parameters(check: &mut Check, part: &Part<'_>, max: usize) -> Vec<Parameter> {
    part.members(check, &["type", "parameters"]);
    part.get("parameters").items(check).iter().map(|item| Parameter::read(check, item, max)).collect()
}

fn read_offer(check: &mut Check, part: &Part<'_>) -> i64 {
    part.members(check, &["type", "parameters"]);
    let parameters = part.get("parameters").some_items(check, 1, 1);
    let Some(parameter) = parameters.first() else { return 0 };
    let expires = parameter.get("limited_time_offer").get("expiration_time_ms");
    let expires_at_ms = expires.integer(check);
    if expires_at_ms < choices::OFFER_FLOOR_MS {
        expires.fail(check, Limit::Form("unix time in milliseconds"));
    }
    expires_at_ms
}
