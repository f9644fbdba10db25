//! How a turn tells the outside of events, within the caps of a turn.

use serde_json::Value;

use super::{Walk, shown};
use crate::caps;
use crate::event::Event;
use crate::expr::scope::json_bytes;
use crate::node::Here;
use crate::trace::Trace;
use crate::turn::{Effect, Fault};

impl Walk<'_> {
    /// The bytes that the data of one more event may have.
    pub(crate) fn room_for_event(&self) -> Result<usize, Fault> {
        let events = self.effects.iter().filter(|effect| matches!(effect, Effect::Emit(_))).count();
        if events >= caps::MAX_EVENTS_PER_TURN {
            return Err(Fault::failed(format!("over {} events in one turn", caps::MAX_EVENTS_PER_TURN)));
        }
        Ok(caps::MAX_EVENT_BYTES_PER_TURN.saturating_sub(self.event_bytes))
    }

    /// Tells the outside, after the commit.
    pub(crate) fn emit(&mut self, here: Here<'_>, name: &str, data: Value) {
        self.event_bytes += json_bytes(&data);
        let (name, node) = (name.to_owned(), here.node.id.clone());
        self.note(Trace::Emitted { node: node.clone(), event: name.clone(), data: shown(data.clone()) });
        let run = self.run.as_ref().map(|run| run.id.clone()).unwrap_or_default();
        self.effects.push(Effect::Emit(Box::new(Event { name, data, node, run })));
    }
}
