//! Contact cards.

use serde_json::{Value, json};

use super::check::Check;
use super::part::Part;
use super::{choices, on_the_wire};
use crate::limits::{self, Limit, LimitError};

const NAMES: [&str; 6] = ["formatted_name", "first_name", "last_name", "middle_name", "suffix", "prefix"];

/// One to 257 contact cards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contacts {
    cards: Vec<ContactCard>,
}

/// A contact card. Its parts keep Meta's shape; only the name is needed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContactCard {
    name: Value,
    rest: Value,
}

impl Contacts {
    /// Checks the cards. Errors: none or too many, a name missing.
    pub fn new(cards: Vec<ContactCard>) -> Result<Self, LimitError> {
        Self { cards }.checked()
    }

    /// The cards, in order.
    pub fn cards(&self) -> &[ContactCard] {
        &self.cards
    }

    /// The first name, which stands for the message.
    pub(super) fn text(&self) -> &str {
        self.cards.first().map_or("", ContactCard::formatted_name)
    }

    pub(super) fn raw(&self) -> Value {
        let cards: Vec<_> = self.cards.iter().map(ContactCard::content).collect();
        json!({ "type": "contacts", "contacts": cards })
    }

    pub(super) fn read(check: &mut Check, part: &Part<'_>) -> Self {
        let cards = part.some_items(check, 1, limits::CONTACTS);
        Self { cards: cards.iter().map(|card| ContactCard::read(check, card)).collect() }
    }
}

impl ContactCard {
    /// A card with this name and nothing else; it is checked with the message.
    pub fn new(formatted_name: impl Into<String>) -> Self {
        Self { name: json!({ "formatted_name": formatted_name.into() }), rest: json!({}) }
    }

    /// Adds a number, in international form. `wa_id` (digits) makes it one to write to.
    #[must_use]
    pub fn with_phone(mut self, phone: impl Into<String>, wa_id: Option<&str>) -> Self {
        let mut number = json!({ "phone": phone.into() });
        if let Some(wa_id) = wa_id {
            number["wa_id"] = json!(wa_id);
        }
        match &mut self.rest["phones"] {
            Value::Array(phones) => phones.push(number),
            phones => *phones = json!([number]),
        }
        self
    }

    /// The whole name.
    pub fn formatted_name(&self) -> &str {
        self.name.get("formatted_name").and_then(Value::as_str).unwrap_or_default()
    }

    fn content(&self) -> Value {
        let mut card = self.rest.clone();
        let mut name = self.name.clone();
        let alone = !NAMES.iter().skip(1).any(|part| name.get(part).is_some());
        if choices::CONTACT_NEEDS_SECOND_NAME && alone {
            name["first_name"] = json!(self.formatted_name());
        }
        card["name"] = name;
        card
    }

    fn read(check: &mut Check, part: &Part<'_>) -> Self {
        let known = ["name", "phones", "emails", "addresses", "org", "urls", "birthday"];
        if !part.members(check, &known) {
            part.get("name").get("formatted_name").fail(check, Limit::NotEmpty);
            return Self { name: json!({}), rest: json!({}) };
        }
        let name = part.get("name");
        name.get("formatted_name").needed(check);
        if name.exists() && name.members(check, &NAMES) {
            NAMES.iter().skip(1).for_each(|part| drop(name.get(part).any_text(check)));
        }
        for list in ["phones", "emails", "addresses", "urls"] {
            part.get(list).items(check).iter().for_each(|item| drop(item.open(check)));
        }
        part.get("org").open(check);
        part.get("birthday").any_text(check);
        let mut rest = part.value().cloned().unwrap_or_default();
        rest.as_object_mut().map(|card| card.remove("name"));
        Self { name: name.value().cloned().unwrap_or_default(), rest }
    }
}

on_the_wire!(Contacts);
