//! A row of cards to swipe through.

use serde_json::{Value, json};

use super::{
    Check, Frame, Header, Headers, Limit, LimitError, Part, Rules, limits, link_action, link_content, members,
    on_the_wire,
};
use crate::message::media::{Media, MediaKind};

const RULES: Rules = Rules { headers: Headers::None, body_needed: true, footer: false };

/// A text, and two to ten cards of one kind: links with a picture or film, or products of one catalog.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Carousel {
    body: Frame,
    cards: Vec<Card>,
}

/// A card. Its index is its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Card {
    /// An image or video (the same on all cards), a text, and a button that opens an address.
    Link {
        /// The image or video.
        media: Media,
        /// Up to 160 characters and two line breaks; may be left out.
        body: Option<String>,
        /// The button, up to 20 characters.
        button: String,
        /// What it opens.
        url: String,
    },
    /// A product, by retailer id; the catalog is the same on all cards.
    Product {
        /// The catalog.
        catalog_id: String,
        /// The product.
        product_id: String,
    },
}

impl Carousel {
    /// Checks text and cards. Errors: the first limit that is broken.
    pub fn new(body: impl Into<String>, cards: Vec<Card>) -> Result<Self, LimitError> {
        Self { body: Frame::new(body), cards }.checked()
    }

    /// The text.
    pub fn body(&self) -> &str {
        self.body.body()
    }

    /// The cards, in order.
    pub fn cards(&self) -> &[Card] {
        &self.cards
    }

    pub(in crate::message) fn raw(&self) -> Value {
        let cards: Vec<_> = self.cards.iter().enumerate().map(|(i, card)| card.content(i)).collect();
        self.body.around("carousel", json!({ "cards": cards }))
    }

    pub(super) fn read(check: &mut Check, part: &Part<'_>) -> Self {
        let body = Frame::read(check, part, RULES);
        part.get("action").members(check, &["cards"]);
        let items = part.get("action").get("cards").some_items(check, limits::CARDS_MIN, limits::CARDS);
        let cards: Vec<_> = items.iter().enumerate().filter_map(|(i, item)| Card::read(check, item, i)).collect();
        if cards.len() == items.len() {
            for (item, card) in items.iter().zip(&cards).skip(1) {
                same(check, item, &cards[0], card);
            }
        }
        Self { body, cards }
    }
}

fn same(check: &mut Check, item: &Part<'_>, first: &Card, card: &Card) {
    match (first, card) {
        (Card::Link { media: first, .. }, Card::Link { media, .. }) => {
            if first.kind() != media.kind() {
                item.get("header").get("type").fail(check, Limit::Form("the same on all cards"));
            }
        }
        (Card::Product { catalog_id: first, .. }, Card::Product { catalog_id, .. }) => {
            if first != catalog_id {
                item.get("action").get("catalog_id").fail(check, Limit::Form("the same on all cards"));
            }
        }
        _ => item.get("type").fail(check, Limit::Form("the same on all cards")),
    }
}

impl Card {
    fn content(&self, index: usize) -> Value {
        match self {
            Self::Link { media, body, button, url } => members([
                ("card_index", Some(json!(index))),
                ("type", Some(json!("cta_url"))),
                ("header", Some(media.raw())),
                ("body", body.as_ref().map(|text| json!({ "text": text }))),
                ("action", Some(link_content(button, url))),
            ]),
            Self::Product { catalog_id, product_id } => json!({ "card_index": index, "type": "product",
                "action": { "catalog_id": catalog_id, "product_retailer_id": product_id } }),
        }
    }

    fn read(check: &mut Check, part: &Part<'_>, place: usize) -> Option<Self> {
        part.members(check, &["card_index", "type", "header", "body", "action"]);
        let index = part.get("card_index");
        if usize::from(index.index(check, limits::CARDS)) != place && place < limits::CARDS {
            index.fail(check, Limit::Form("its place among the cards, counted from 0"));
        }
        match part.get("type") {
            kind if kind.is("cta_url") => Self::read_link(check, part),
            kind if kind.is("product") => Some(Self::read_product(check, part)),
            kind => {
                kind.fail(check, Limit::Form("`cta_url` or `product`"));
                None
            }
        }
    }

    fn read_link(check: &mut Check, part: &Part<'_>) -> Option<Self> {
        let body = part.get("body");
        if body.exists() {
            body.members(check, &["text"]);
        }
        let text = body.get("text").optional(check, limits::CARD_BODY);
        body.get("text").breaks(check, text.as_deref().unwrap_or_default(), limits::CARD_BODY_BREAKS);
        let (button, url) = link_action(check, &part.get("action"));
        Some(Self::Link { media: read_media(check, &part.get("header"))?, body: text, button, url })
    }

    fn read_product(check: &mut Check, part: &Part<'_>) -> Self {
        for name in ["header", "body"] {
            if part.get(name).exists() {
                part.get(name).fail(check, Limit::Form("left out on a product"));
            }
        }
        let action = part.get("action");
        action.members(check, &["catalog_id", "product_retailer_id"]);
        let catalog_id = action.get("catalog_id").needed(check);
        Self::Product { catalog_id, product_id: action.get("product_retailer_id").needed(check) }
    }
}

fn read_media(check: &mut Check, header: &Part<'_>) -> Option<Media> {
    let kind = match header.get("type") {
        kind if kind.is("image") => MediaKind::Image,
        kind if kind.is("video") => MediaKind::Video,
        kind => {
            kind.fail(check, Limit::Form("`image` or `video`"));
            return None;
        }
    };
    header.members(check, &["type", kind.as_str()]);
    let media = Media::read(check, kind, &header.get(kind.as_str()));
    Header::Media(media.clone()).check(check, &header.path());
    Some(media)
}

on_the_wire!(Carousel);
