//! Flow JSON: the screens of a Flow, read into a model.
//!
//! [`FlowJson::parse`] is lenient: it takes what it can use, so that a Flow which Meta has published is understood even
//! where it breaks a rule. Source of the rules: Meta's Flow JSON pages of January 2026, components of September 2026.

mod check;
mod expression;
mod field;
mod model;
mod problem;
mod reference;
mod screen;
mod tree;
mod version;
mod versions;

pub use check::MAX_PROBLEMS;
pub use field::{Field, Type};
pub use model::FlowJson;
pub use problem::{Problem, Severity};
pub use screen::{Action, ActionKind, FormField, Screen};
pub use version::Version;
pub use versions::{Support, Versions};

/// Most bytes of a Flow JSON. Source: Meta's Flows API.
pub const MAX_BYTES: usize = 10 * 1024 * 1024;

#[cfg(test)]
mod tests;
