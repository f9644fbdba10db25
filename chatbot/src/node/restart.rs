//! `restart`: ends the run and starts a new one in the same turn, with fresh run variables.

use crate::bot::read::{Fields, Reader};

pub(super) const KEYS: &[&str] = &["to"];

pub(crate) struct Restart {
    /// Where the new run starts; the `default` trigger's node when absent.
    pub(super) to: Option<usize>,
}

pub(super) fn read(reader: &mut Reader<'_>, fields: &Fields<'_>) -> Option<Restart> {
    let to = match fields.get("to") {
        Some(at) => Some(reader.target(&at)?),
        None => None,
    };
    Some(Restart { to })
}
