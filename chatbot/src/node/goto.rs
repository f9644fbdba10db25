//! `goto`: continues at another node.

use crate::bot::read::{Fields, Reader};

use super::Next;

pub(super) const KEYS: &[&str] = &["to"];

pub(crate) struct Goto {
    pub(super) to: usize,
}

pub(super) fn read(reader: &mut Reader<'_>, fields: &Fields<'_>) -> Option<Goto> {
    let to = reader.required(fields, "to").and_then(|at| reader.target(&at))?;
    Some(Goto { to })
}

impl Goto {
    pub(super) fn enter(&self) -> Next {
        Next::Jump { label: "to".to_owned(), to: self.to, why: None }
    }
}
