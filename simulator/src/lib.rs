//! A stand-in for Meta: the messages and Flows parts of the Graph API in Meta's wire format, phones that a
//! person or a test can use, webhooks signed and repeated as Meta's are, and trouble on demand.
//!
//! It refuses what Meta refuses, with Meta's codes, by its own reading of Meta's documentation: it
//! shares no code with the engine that it stands opposite. PARITY.md lists what it takes, what it
//! refuses and what it leaves out (groups, calls).
//!
//! The port serves Graph under `/{version}/…`, control under `/_sim/…`, and a phone page at `/`.

mod blocked;
mod clock;
mod config;
mod control;
mod core;
mod date;
mod endpoint;
mod flows;
mod forms;
mod graph;
mod handle;
mod ids;
mod ledger;
mod links;
mod log;
mod media;
mod pace;
mod page;
mod phone;
mod server;
mod standing;
mod templates;
mod trouble;
mod webhook;
mod window;

pub use crate::clock::{Clock, ManualClock};
pub use crate::config::{AutoStatus, Config, MAX_PHONES, Number, Retry, StartError, Template};
pub use crate::core::StatsView;
pub use crate::flows::{FlowStatus, FlowView, SeededFlow};
pub use crate::forms::{FormFlow, FormInput, FormProblem, FormState, FormView};
pub use crate::handle::{Delivery, FlowEdit, Handle, MediaInfo, WaitError, WindowView};
pub use crate::ledger::{Count, LedgerRow, LedgerView};
pub use crate::log::{Filter, LoggedFlowRequest, LoggedRequest, LoggedWebhook};
pub use crate::phone::{
    Attachment, Author, Card, Choice, ChoiceKind, Choose, Content, Draft, Entry, ErrorNote, Forwarded, Link,
    PhoneError, PhoneEvent, PhoneInfo, Progress,
};
pub use crate::server::{Running, Simulator};
pub use crate::standing::NumberStanding;
pub use crate::templates::{StoredTemplate, TemplateStatus};
pub use crate::trouble::{Mutation, Operation, Rule, Trouble};
pub use crate::webhook::Signing;
