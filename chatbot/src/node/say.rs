//! `say`: sends messages and goes on.

use crate::bot::read::{Fields, Reader};
use crate::message::{self, Message};
use crate::turn::{Fault, Walk};

use super::{Here, Next, Ports};

pub(super) const KEYS: &[&str] = &["messages", "on_doubt"];

pub(crate) struct Say {
    messages: Vec<Message>,
}

pub(super) fn read(reader: &mut Reader<'_>, fields: &Fields<'_>) -> Option<Say> {
    let at = reader.required(fields, "messages")?;
    let items = reader.list(&at);
    if items.is_empty() && !reader.has_errors() {
        reader.report(crate::explain::WRONG_VALUE, &at, "`messages` is empty");
    }
    let messages = items.iter().filter_map(|item| message::read(reader, item)).collect();
    Some(Say { messages })
}

pub(super) fn ports() -> Ports {
    Ports { required: vec!["next".into()], optional: vec!["failed".into()] }
}

impl Say {
    pub(super) fn enter(&self, here: Here<'_>, walk: &mut Walk<'_>) -> Result<Next, Fault> {
        for message in &self.messages {
            walk.say(here, message).map_err(|fault| fault.at_port("failed"))?;
        }
        Ok(Next::port("next"))
    }
}
