//! The bodies that the API takes as JSON, each with what reads it: for whoever tries what they make of any bytes.

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::begin::message::NewMessage;
use super::begin::run::NewRun;
use super::broadcasts::create::NewBroadcast;
use super::deeds::bodies::{ForkBody, HandBackBody, NoteBody, ResetBody, TakeOverBody, VariablesBody};
use super::deliveries::ReplayFilter;
use super::flows::apply::{MigrateBody, OrderBody};
use super::given::read_text;
use super::letters::batch::{DropMany, RetryMany};
use super::login::{FirstLogin, Login, OwnPassword};
use super::tokens::CreateToken;
use super::users::{ChangeUser, CreateUser};
use super::{broadcasts, contacts, letters, quarantine, trigger};

/// Reads a body as handlers do that take its bytes. The error is the problem that is answered.
pub type BodyReader = fn(&[u8]) -> Result<(), Value>;

/// All of them, by name.
pub const BODIES: [(&str, BodyReader); 27] = [
    ("begin a conversation", is::<NewMessage>),
    ("begin a run", is::<NewRun>),
    ("broadcast", is::<NewBroadcast>),
    ("start a broadcast", is::<broadcasts::Confirmed>),
    ("pause a broadcast", is::<broadcasts::PauseReason>),
    ("change a contact", is::<contacts::Patch>),
    ("tag contacts", is::<contacts::Tags>),
    ("take over", is::<TakeOverBody>),
    ("hand back", is::<HandBackBody>),
    ("reset", is::<ResetBody>),
    ("fork", is::<ForkBody>),
    ("variables", is::<VariablesBody>),
    ("note", is::<NoteBody>),
    ("replay deliveries", is::<ReplayFilter>),
    ("apply flows", is::<OrderBody>),
    ("migrate flows", is::<MigrateBody>),
    ("edit a dead letter", is::<letters::Edited>),
    ("retry dead letters", is::<RetryMany>),
    ("drop dead letters", is::<DropMany>),
    ("release from quarantine", is::<quarantine::ReleaseMany>),
    ("login", is::<Login>),
    ("first login", is::<FirstLogin>),
    ("password", is::<OwnPassword>),
    ("token", is::<CreateToken>),
    ("trigger", is::<trigger::Told>),
    ("new user", is::<CreateUser>),
    ("changed user", is::<ChangeUser>),
];

fn is<T: DeserializeOwned>(body: &[u8]) -> Result<(), Value> {
    read_text::<T>(body).map(drop).map_err(|problem| problem.to_json())
}
