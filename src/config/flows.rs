//! Settings of WhatsApp Flows: the endpoint, and the lists at Meta.

use std::time::Duration;

use super::reader::Reader;

/// Meta gives up after ten seconds.
const LONGEST: Duration = Duration::from_secs(9);

/// What Flows are set to.
#[derive(Clone, Debug)]
pub struct Flows {
    /// Time for an answer.
    pub answer_within: Duration,
    /// Whether the text of a dead token is sent in clear.
    pub plain_dead_answer: bool,
    /// The lists are read from Meta this often.
    pub sync_interval: Duration,
}

impl Flows {
    pub(super) fn read(reader: &Reader<'_>) -> Self {
        let answer_within = reader.duration("flows.answer_within");
        if answer_within > LONGEST {
            let expected = "at most \"9s\": Meta gives up after ten seconds";
            reader.reject("flows.answer_within", &format!("{answer_within:?}"), expected);
        }
        Self {
            answer_within,
            plain_dead_answer: reader.boolean("flows.plain_dead_answer"),
            sync_interval: reader.duration("flows.sync_interval"),
        }
    }
}
