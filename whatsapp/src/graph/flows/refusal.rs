//! What a refusal of the Flows API means for the caller: the only reader of its numbers.

use crate::graph::call::CallError;

/// Why Meta did not do it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FlowRefusal {
    /// It lets this Flow be as it is, or cannot read the JSON (139001).
    Unchangeable,
    /// It cannot be published as it is (139002).
    NotPublishable,
    /// It is a draft, or deprecated already (139003).
    NotDeprecatable,
    /// It is not a draft (139004).
    NotDeletable,
    /// There are too few requests for figures (139006).
    TooFewRequests,
    /// A parameter cannot be used, such as a name that is taken (100).
    Parameter,
    /// There is no such Flow (33, 803).
    Unknown,
    /// The business may not use Flows now (139000).
    Integrity,
}

impl CallError {
    /// What a refusal means for a Flow; `None` for what says nothing about it.
    pub fn flow_refusal(&self) -> Option<FlowRefusal> {
        let Self::Graph(error) = self else { return None };
        match error.code {
            33 | 803 => Some(FlowRefusal::Unknown),
            100 => Some(FlowRefusal::Parameter),
            139_000 => Some(FlowRefusal::Integrity),
            139_001 => Some(FlowRefusal::Unchangeable),
            139_002 => Some(FlowRefusal::NotPublishable),
            139_003 => Some(FlowRefusal::NotDeprecatable),
            139_004 => Some(FlowRefusal::NotDeletable),
            139_006 => Some(FlowRefusal::TooFewRequests),
            _ => None,
        }
    }

    /// Whether it may be done anyway: no decided answer came.
    pub fn is_undecided(&self) -> bool {
        matches!(self, Self::Unanswered(_))
    }
}
