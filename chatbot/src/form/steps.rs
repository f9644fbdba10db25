//! The handlers of a Flow's endpoint, compiled: lists of steps, of which one answers.

use std::collections::BTreeMap;

use crate::expr::{Expr, Template};
use crate::message::shape::Shape;
use crate::node::http::Http;

/// What a Flow's endpoint does.
#[derive(Default)]
pub(crate) struct Handlers {
    pub(super) init: Option<Vec<Step>>,
    /// By the screen that was filled in.
    pub(super) submit: BTreeMap<String, Vec<Step>>,
    /// By the screen that the person leaves.
    pub(super) back: BTreeMap<String, Vec<Step>>,
    /// When a step fails.
    pub(super) error: Option<Vec<Step>>,
    /// When nothing else answers, or not in time.
    pub(super) fallback: Option<Step>,
    pub(crate) budget_ms: u64,
}

/// A step and what it is called in traces: `on.submit.DAY[0]`.
pub(super) struct Step {
    pub(super) place: String,
    pub(super) does: Does,
}

pub(super) enum Does {
    Require(Vec<Rule>),
    Http(Box<Ask>),
    Set(Vec<(String, Computed)>),
    Match(Match),
    Answer(Answer),
}

/// What must hold of what was filled in.
pub(super) struct Rule {
    pub(super) when: Expr,
    /// The input at which the message is shown.
    pub(super) field: Option<String>,
    pub(super) message: Template,
}

/// A call of another program within the request.
pub(super) struct Ask {
    pub(super) http: Http,
    pub(super) cache: Option<Cache>,
}

/// For how long an answer is good for whom.
pub(super) struct Cache {
    /// Calls of the same key are the same; without one, the same calls are.
    pub(super) key: Option<Template>,
    pub(super) ttl_ms: u64,
}

/// A value: an expression, or a list or map whose texts are templates.
pub(super) enum Computed {
    Expr(Expr),
    Tree(Shape),
}

/// One of several ways.
pub(super) struct Match {
    pub(super) cases: Vec<(Expr, Vec<Step>)>,
    pub(super) otherwise: Vec<Step>,
}

/// What ends a handler.
pub(super) enum Answer {
    Show {
        screen: String,
        data: Option<Shape>,
    },
    /// The same screen, with a message.
    Error(Template),
    Finish(Option<Shape>),
}
