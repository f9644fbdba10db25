//! `emit`: tells the outside that something happened. The event leaves when the turn is committed, and only then.

use crate::bot::read::{Fields, Reader};
use crate::data::{self, Data};
use crate::turn::{Fault, Walk};

use super::{Here, Next, Ports};

pub(super) const KEYS: &[&str] = &["event", "data"];

pub(crate) struct Emit {
    event: String,
    data: Option<Data>,
}

pub(super) fn read(reader: &mut Reader<'_>, fields: &Fields<'_>) -> Option<Emit> {
    let data = fields.get("data").and_then(|at| data::read(reader, &at));
    let at = reader.required(fields, "event")?;
    let event = reader.event_name(&at)?;
    Some(Emit { event, data })
}

pub(super) fn ports() -> Ports {
    Ports { required: vec!["next".into()], optional: Vec::new() }
}

impl Emit {
    pub(super) fn enter(&self, here: Here<'_>, walk: &mut Walk<'_>) -> Result<Next, Fault> {
        let room = walk.room_for_event()?;
        let data = self.data.as_ref().map(|data| data.fill(walk, room)).transpose()?;
        walk.emit(here, &self.event, data.unwrap_or_default());
        Ok(Next::port("next"))
    }
}
