//! A tick that cannot be done is given up, for it would be due again at once.

use serde_json::json;

use super::{Burst, Snapshot};
use crate::bot::Bot;
use crate::turn::timed;

/// What is left when a tick is given up.
#[derive(Clone, Debug, PartialEq)]
pub struct GivenUp {
    /// The state without what the tick was about.
    pub after: Snapshot,
    /// Texts that had waited for more, as one message in Meta's form. They are lost to the bot, as any message on which
    /// it fails, and the run goes on; without them the run is over.
    pub texts: Option<String>,
}

impl Snapshot {
    /// Gives up what the tick at this time was about. Triggers that were due with a run that is over come at their next
    /// time, which `bot` knows, what would have answered.
    pub fn give_up_tick(&self, bot: Option<&Bot>, now_ms: u64) -> GivenUp {
        if let Some(burst) = &self.burst {
            return GivenUp { after: Self { burst: None, ..self.clone() }, texts: Some(raw(burst)) };
        }
        let mut after = self.without_run();
        timed::put_off(&mut after, bot, now_ms);
        GivenUp { after, texts: None }
    }
}

fn raw(burst: &Burst) -> String {
    let Burst { message, .. } = burst;
    let timestamp = (message.at_ms / 1_000).to_string();
    json!({ "id": message.wamid, "timestamp": timestamp, "type": "text", "text": { "body": message.text } }).to_string()
}
