//! Everything that happens after a message was accepted: routing, conversations, timers, sending.
//!
//! ractor is named in this crate only. Mailboxes are unbounded, so nothing that matters waits in one: the store is the
//! only truth, actors get wake tokens and pull. No actor asks an actor.

mod alarm;
pub mod attention;
mod backlog;
pub mod bare;
pub mod blocking;
mod bots;
pub mod broadcast;
pub mod census;
mod clock;
mod codec;
pub mod contacts;
mod conversation;
mod deeds;
mod deps;
mod engine;
pub mod erasure;
mod events;
pub mod feed;
pub mod flow_manager;
mod flow_standing;
mod forms;
pub mod http_caller;
pub mod identity;
pub mod journal;
pub mod letters;
mod marketing;
pub mod media;
mod metrics;
mod minute;
mod numbers;
mod orders;
pub mod outlet;
mod queue;
mod records;
pub mod retention;
mod retry_after;
mod router;
mod seen;
mod sender;
mod settings;
mod shard;
pub mod templates;
#[cfg(test)]
mod testing;
mod timers;
pub mod view;

pub use bots::{Bots, StoredVersion, TRIP_CONVERSATIONS, TRIP_WINDOW_MS};
pub use clock::{AdjustableClock, Clock};
pub use codec::CodecError;
pub use conversation::TurnFunction;
pub use deeds::{Act, Deed, DeedRefusal, How, MAX_WORDS};
pub use engine::{
    AccountEvent, Again, Call, CallTo, Called, Decided, Done, Engine, EngineStatus, Order, OrderError, OrderTo,
    Ordered, Setup, Standing, StartError, Target, TargetError,
};
pub use flow_standing::{FlowStanding, FlowStandings};
pub use forms::{FormAnswered, FormOutcome};
pub use marketing::Categories;
pub use metrics::Metrics;
pub use minute::Minute;
pub use numbers::{Account, Numbers};
pub use orders::Refusal;
pub use records::{Price, SERVICE_WINDOW_MS, echo, inbound, preference, user_id_change};
pub use retry_after::RetryAfter;
pub use seen::MAX_AGE_MS;
pub use sender::{Paused, SenderStatus, Transport};
pub use settings::{ConversationSettings, Number, OnIdle, SenderSettings, Takeover, Token};
