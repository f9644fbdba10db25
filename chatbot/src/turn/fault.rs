//! What can go wrong in a turn.

use serde_json::Value;

use crate::caps;
use crate::expr::EvalError;
use crate::expr::scope::is_deeper;

/// A failure of the bot in one turn that neither an error port nor `policies.on_error` takes. The
/// state before the turn stays; the message is a dead letter.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum TurnError {
    /// The turn entered too many nodes.
    #[error("node `{node}`: over {limit} nodes in one turn: {}", shown(path))]
    StepLimit {
        /// The last node.
        node: String,
        /// The cap.
        limit: usize,
        /// The nodes entered, in order.
        path: Vec<String>,
    },
    /// The turn wanted to send too many messages.
    #[error("node `{node}`: over {limit} messages in one turn: {}", shown(path))]
    MessageLimit {
        /// The node.
        node: String,
        /// The cap.
        limit: usize,
        /// The nodes entered, in order.
        path: Vec<String>,
    },
    /// The turn wanted to send too much text.
    #[error("node `{node}`: over {limit} bytes of text in one turn: {}", shown(path))]
    TextLimit {
        /// The node.
        node: String,
        /// The cap.
        limit: usize,
        /// The nodes entered, in order.
        path: Vec<String>,
    },
    /// A variable, or all of them, would be too large.
    #[error("node `{node}`: {message}")]
    VariableLimit {
        /// The node.
        node: String,
        /// Which, and the cap.
        message: String,
    },
    /// An expression or template failed, or ran out of fuel.
    #[error("node `{node}`: {message}")]
    Evaluation {
        /// The node.
        node: String,
        /// What happened.
        message: String,
    },
    /// A message could not be made, a value did not fit.
    #[error("node `{node}`: {message}")]
    Failed {
        /// The node.
        node: String,
        /// What happened.
        message: String,
    },
}

impl TurnError {
    /// The node that was at work; empty if a trigger was.
    pub fn node(&self) -> &str {
        match self {
            TurnError::StepLimit { node, .. }
            | TurnError::MessageLimit { node, .. }
            | TurnError::TextLimit { node, .. }
            | TurnError::VariableLimit { node, .. }
            | TurnError::Evaluation { node, .. }
            | TurnError::Failed { node, .. } => node,
        }
    }
}

/// The end of a path, which is where its circle shows.
fn shown(path: &[String]) -> String {
    const LAST: usize = 12;
    let tail = path.get(path.len().saturating_sub(LAST)..).unwrap_or(path).join(" → ");
    if path.len() > LAST { format!("… → {tail}") } else { tail }
}

/// Trouble in a node, before it is known who takes it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Fault {
    pub(crate) port: Option<&'static str>,
    pub(crate) kind: FaultKind,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum FaultKind {
    Steps,
    Messages,
    Text,
    Variable(String),
    Evaluation(String),
    Failed(String),
    /// The node cannot run in this version.
    Unsupported(String),
}

impl Fault {
    pub(crate) fn new(kind: FaultKind) -> Self {
        Self { port: None, kind }
    }

    pub(crate) fn evaluation(error: EvalError) -> Self {
        Self::new(FaultKind::Evaluation(error.to_string()))
    }

    /// Refuses a value that is nested too deeply to be kept.
    pub(crate) fn if_deep(what: &str, value: &Value) -> Result<(), Fault> {
        if !is_deeper(value, caps::MAX_VALUE_DEPTH) {
            return Ok(());
        }
        let message = format!("{what} would be nested deeper than {} levels", caps::MAX_VALUE_DEPTH);
        Err(Self::new(FaultKind::Variable(message)))
    }

    pub(crate) fn failed(message: impl Into<String>) -> Self {
        Self::new(FaultKind::Failed(message.into()))
    }

    pub(crate) fn unsupported(message: String) -> Self {
        Self::new(FaultKind::Unsupported(message))
    }

    /// What happened, without the node.
    pub(crate) fn what(&self) -> &str {
        match &self.kind {
            FaultKind::Steps => "too many nodes in one turn",
            FaultKind::Messages => "too many messages in one turn",
            FaultKind::Text => "too much text in one turn",
            FaultKind::Variable(message)
            | FaultKind::Evaluation(message)
            | FaultKind::Failed(message)
            | FaultKind::Unsupported(message) => message,
        }
    }

    /// The port of the node that takes it, if it is connected.
    pub(crate) fn at_port(self, port: &'static str) -> Self {
        Self { port: Some(port), ..self }
    }

    /// The error of the turn, if nobody takes it.
    pub(crate) fn into_error(self, node: String, path: Vec<String>, limits: (usize, usize)) -> TurnError {
        match self.kind {
            FaultKind::Steps => TurnError::StepLimit { node, limit: limits.0, path },
            FaultKind::Messages => TurnError::MessageLimit { node, limit: limits.1, path },
            FaultKind::Text => TurnError::TextLimit { node, limit: caps::MAX_TEXT_PER_TURN, path },
            FaultKind::Variable(message) => TurnError::VariableLimit { node, message },
            FaultKind::Evaluation(message) => TurnError::Evaluation { node, message },
            FaultKind::Failed(message) | FaultKind::Unsupported(message) => TurnError::Failed { node, message },
        }
    }
}
