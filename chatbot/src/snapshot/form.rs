//! Forms that were sent and have not come back.

use serde::{Deserialize, Serialize};

use crate::caps;

/// A form on the person's phone.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub(crate) struct Form {
    /// What comes back with it.
    pub(crate) token: String,
    /// The bot's name for the Flow.
    pub(crate) flow: String,
    pub(crate) sent_ms: u64,
}

/// Notes a form; the oldest ones are forgotten.
pub(crate) fn keep(forms: &mut Vec<Form>, form: Form) {
    forms.push(form);
    let over = forms.len().saturating_sub(caps::MAX_OPEN_FORMS);
    forms.drain(..over);
}
