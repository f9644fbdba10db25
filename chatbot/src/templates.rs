//! Templates that the account has, and whether a bot uses them as they are. [`Surroundings`] has what else is beside the
//! bot's file.

mod check;
mod flows;
mod known;

use std::collections::{BTreeMap, BTreeSet};

use whatsapp::message::MediaKind;

use crate::message::shape::Place;
use crate::message::template::CardUse;

pub(crate) use check::check;
pub(crate) use flows::{FlowUse, check as check_flow};

/// What a bot is held against beside its own file.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    /// The templates of the account; `None` when they are not known, and nothing is said about them.
    pub templates: Option<Vec<KnownTemplate>>,
    /// The Flows of the account; `None` when they are not known, and nothing is said about them.
    pub flows: Option<Vec<KnownFlow>>,
    /// The names of the secrets that have a value, in small letters; `None` when they are not known.
    pub secrets: Option<BTreeSet<String>>,
}

/// A Flow as Meta has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownFlow {
    /// Meta's id.
    pub id: String,
    /// The name by which messages may name it.
    pub name: String,
    /// `DRAFT`, `PUBLISHED`, `DEPRECATED`, `BLOCKED`, `THROTTLED`, …
    pub status: String,
}

/// A template as Meta has it.
#[derive(Clone, Debug, PartialEq)]
pub struct KnownTemplate {
    /// Its name.
    pub name: String,
    /// The code of its language.
    pub language: String,
    /// `APPROVED`, `PENDING`, `REJECTED`, `PAUSED`, …
    pub status: String,
    /// `UTILITY`, `MARKETING` or `AUTHENTICATION`; empty when Meta did not say.
    pub category: String,
    /// What stands above the body.
    pub header: KnownHeader,
    /// The placeholders of the body.
    pub body: Params,
    /// The buttons, in order.
    pub buttons: Vec<KnownButton>,
    /// The cards of a carousel, in order.
    pub cards: Vec<KnownCard>,
    /// Whether it has an offer that ends.
    pub limited_time_offer: bool,
}

/// A card of a template.
#[derive(Clone, Debug, PartialEq)]
pub struct KnownCard {
    /// What stands above the body.
    pub header: KnownHeader,
    /// The placeholders of the body.
    pub body: Params,
    /// The buttons, in order.
    pub buttons: Vec<KnownButton>,
}

/// What stands above the body of a template.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum KnownHeader {
    /// Nothing that takes a value: no header, or a text without a placeholder.
    #[default]
    Fixed,
    /// A text with a placeholder.
    Text(Params),
    /// An image, video or document.
    Media(MediaKind),
    /// A place.
    Location,
    /// Something that is not known here.
    Other(String),
}

/// A button of a template.
#[derive(Clone, Debug, PartialEq)]
pub struct KnownButton {
    /// Meta's type: `QUICK_REPLY`, `URL`, `COPY_CODE`, `FLOW`, `PHONE_NUMBER`, …
    pub kind: String,
    /// What is written on it.
    pub text: String,
    /// Whether it cannot be sent without a value: an address with a placeholder, a code.
    pub needs_value: bool,
}

/// Placeholders of a text, or the values for them.
#[derive(Clone, Debug, PartialEq)]
pub enum Params {
    /// So many, by their order.
    Positional(usize),
    /// By name.
    Named(Vec<String>),
}

impl Default for Params {
    fn default() -> Self {
        Params::Positional(0)
    }
}

/// How a bot uses a template, and where.
#[derive(Debug, Default)]
pub(crate) struct Use {
    /// `None` when it is computed in a turn.
    pub(crate) name: Option<String>,
    pub(crate) name_place: Place,
    /// `None` when it is computed in a turn.
    pub(crate) lang: Option<String>,
    pub(crate) lang_place: Place,
    pub(crate) card: CardUse,
    pub(crate) cards: BTreeMap<usize, CardUse>,
    pub(crate) offer: bool,
}

/// What a bot puts into a header.
#[derive(Debug, Default, PartialEq)]
pub(crate) enum HeaderUse {
    #[default]
    None,
    Text(Params),
    Media(MediaKind),
    Location,
}

/// What a bot puts into a button.
#[derive(Debug)]
pub(crate) struct ButtonUse {
    pub(crate) index: usize,
    /// Meta's `sub_type`.
    pub(crate) kind: &'static str,
    /// What comes back when it is tapped, if that is constant.
    pub(crate) payload: Option<String>,
    pub(crate) place: Place,
}
