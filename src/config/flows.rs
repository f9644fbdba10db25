//! Settings of WhatsApp Flows: the endpoint, and the lists at Meta.

use std::time::Duration;

use super::reader::Reader;

/// Meta gives up after ten seconds.
const LONGEST: Duration = Duration::from_secs(9);
/// A phone shows a short notice, no page.
const MAX_MESSAGE_CHARS: usize = 200;

/// What Flows are set to.
#[derive(Clone, Debug)]
pub struct Flows {
    /// Time for an answer.
    pub answer_within: Duration,
    /// What the person reads when the time is over.
    pub late_message: String,
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
        let late_message = reader.parsed("flows.late_message", String::new(), |text| {
            let count = text.trim().chars().count();
            let fits = (1..=MAX_MESSAGE_CHARS).contains(&count);
            fits.then(|| text.trim().to_owned()).ok_or("a sentence of 1 to 200 characters")
        });
        Self {
            answer_within,
            late_message,
            plain_dead_answer: reader.boolean("flows.plain_dead_answer"),
            sync_interval: reader.duration("flows.sync_interval"),
        }
    }
}
