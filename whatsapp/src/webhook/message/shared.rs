//! What people share from elsewhere: contact cards, orders, and the advertisement they came from.

use serde::Deserialize;
use serde_json::Value;

use crate::webhook::lax;

/// A contact card.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SharedContact {
    /// The whole name.
    pub name: Option<String>,
    /// Its numbers.
    pub phones: Vec<SharedPhone>,
    /// Its mail addresses.
    pub emails: Vec<String>,
    /// The company.
    pub company: Option<String>,
    /// `contact_request` when it answers a request for the person's number, else `other`.
    pub origin: Option<String>,
}

/// A number of a contact card.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct SharedPhone {
    /// As it was written.
    #[serde(default, deserialize_with = "lax::owned_id")]
    pub phone: Option<String>,
    /// In digits, when it is on WhatsApp.
    #[serde(default, deserialize_with = "lax::owned_id")]
    pub wa_id: Option<String>,
}

/// An order from a catalog.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Order {
    /// The catalog.
    pub catalog_id: Option<String>,
    /// What the person wrote with it.
    pub text: Option<String>,
    /// What was ordered.
    pub items: Vec<OrderItem>,
}

/// A line of an order. Prices are as the phone saw them: check them against the catalog.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct OrderItem {
    /// The product's retailer id.
    #[serde(default, rename = "product_retailer_id", deserialize_with = "lax::owned_id")]
    pub product_id: Option<String>,
    /// How many.
    #[serde(default, deserialize_with = "lax::number")]
    pub quantity: Option<f64>,
    /// For one.
    #[serde(default, rename = "item_price", deserialize_with = "lax::number")]
    pub price: Option<f64>,
    /// E.g. `GBP`.
    #[serde(default, deserialize_with = "lax::owned_id")]
    pub currency: Option<String>,
}

/// The advertisement or post that the person came from. It opens a free entry point.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Referral {
    /// `ad` or `post`.
    #[serde(default, rename = "source_type", deserialize_with = "lax::owned_id")]
    pub kind: Option<String>,
    /// Its id.
    #[serde(default, deserialize_with = "lax::owned_id")]
    pub source_id: Option<String>,
    /// Its address.
    #[serde(default, deserialize_with = "lax::owned_id")]
    pub source_url: Option<String>,
    /// Its headline.
    #[serde(default, deserialize_with = "lax::owned_id")]
    pub headline: Option<String>,
    /// Its text.
    #[serde(default, deserialize_with = "lax::owned_id")]
    pub body: Option<String>,
    /// The click; left out for Status placements.
    #[serde(default, deserialize_with = "lax::owned_id")]
    pub ctwa_clid: Option<String>,
}

fn text(value: &Value, name: &str) -> Option<String> {
    value.get(name)?.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
}

fn items<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// Elements that are objects; a bare derive would also take an array.
fn read<'a, T: Deserialize<'a>>(list: &'a [Value]) -> Vec<T> {
    list.iter().filter(|item| item.is_object()).filter_map(|item| T::deserialize(item).ok()).collect()
}

impl SharedContact {
    pub(super) fn read(card: &Value) -> Self {
        Self {
            name: card.get("name").and_then(|name| text(name, "formatted_name")),
            phones: read(items(card, "phones")),
            emails: items(card, "emails").iter().filter_map(|email| text(email, "email")).collect(),
            company: card.get("org").and_then(|org| text(org, "company")),
            origin: text(card, "origin"),
        }
    }
}

impl Order {
    pub(super) fn read(order: &Value) -> Self {
        Self {
            catalog_id: text(order, "catalog_id"),
            text: text(order, "text"),
            items: read(items(order, "product_items")),
        }
    }
}

impl Referral {
    pub(super) fn read(referral: &Value) -> Option<Self> {
        referral.is_object().then(|| Self::deserialize(referral).ok()).flatten()
    }
}
