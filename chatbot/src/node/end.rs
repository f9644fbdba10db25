//! `end`: ends the run. The next message starts a new one.

use crate::bot::read::{Fields, Reader};
use crate::expr::Template;
use crate::turn::{Fault, Walk};

use super::Next;

pub(super) const KEYS: &[&str] = &["reason", "result"];

pub(crate) struct End {
    reason: String,
    result: Option<Template>,
}

pub(super) fn read(reader: &mut Reader<'_>, fields: &Fields<'_>) -> Option<End> {
    let reason = match fields.get("reason") {
        Some(at) => reader.text(&at)?,
        None => "done".to_owned(),
    };
    let result = match fields.get("result") {
        Some(at) => Some(reader.template(&at)?),
        None => None,
    };
    Some(End { reason, result })
}

impl End {
    pub(super) fn enter(&self, walk: &mut Walk<'_>) -> Result<Next, Fault> {
        let result = match &self.result {
            Some(template) => Some(walk.json(template)?).filter(|value| !value.is_null()),
            None => None,
        };
        result.iter().try_for_each(|result| Fault::if_deep("the result", result))?;
        Ok(Next::End { reason: self.reason.clone(), result })
    }
}
