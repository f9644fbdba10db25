//! Bot files and the pure turn function: types, loading, checking, expressions, importers.
//!
//! Nothing here sends, waits, reads a clock or draws a random number: what happens outside comes in
//! as a value, and what shall happen goes out as one.
#![warn(missing_docs)]

pub mod bot;
pub mod caps;
mod cron;
mod data;
mod diagnostic;
mod diff;
mod duration;
mod event;
mod explain;
mod expr;
mod form;
mod graph;
mod hours;
mod http;
pub mod import;
mod input;
mod locale;
mod loose;
mod message;
mod migrate;
mod names;
mod node;
mod schema;
mod sending;
mod snapshot;
mod source;
mod templates;
pub mod testing;
mod texts;
mod trace;
mod tree;
mod turn;

pub use bot::flows::{BotFlow, CATEGORIES as FLOW_CATEGORIES};
pub use bot::policies::{KEYS as POLICIES, Staff};
pub use bot::triggers::TYPES as TRIGGER_TYPES;
pub use bot::{Bot, Format, Loaded, load, load_stored, load_with};
pub use diagnostic::{Diagnostic, Findings, Position, Severity};
pub use diff::{Change, Diff, Line, Mark, NodeChange, NodeName, Rewired, diff};
pub use event::Event;
pub use explain::{codes, explain, severity};
pub use expr::filters::{OURS as FILTERS, TESTS as FILTER_TESTS};
pub use form::{FormAction, FormCache, FormRequest, FormStep, dead_form};
pub use graph::{Picture, graph};
pub use http::{HttpAuth, HttpBody, HttpCall, HttpDone, HttpOutcome, HttpPart, HttpRetry, HttpText, RetryOn};
pub use input::{ApiCall, CallError, ContactView, Given, HandBack, Incoming, Input, NumberView, Steer, Unsent};
pub use message::TYPES as MESSAGE_TYPES;
pub use migrate::{DRAINED, How, Migrate, Migrated, NODE_GONE, Place, RETIRED, Running, migrate};
pub use node::{ANSWER_TYPES, TYPES as NODE_TYPES};
pub use schema::schema;
pub use sending::{Closed, Manners, OnDoubt, Order, Sending};
pub use snapshot::{Consent, GivenUp, HandOver, Priority, Snapshot, Vars};
pub use templates::{KnownButton, KnownCard, KnownFlow, KnownHeader, KnownTemplate, Params, Surroundings};
pub use trace::{Trace, Why};
pub use turn::{Effect, Turn, TurnError, turn};
