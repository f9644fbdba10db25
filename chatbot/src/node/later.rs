//! Node types of the format that this version cannot run: known by name and ports, so that imported
//! bots load. Reaching one takes its error port.

use crate::bot::read::{At, Reader};
use crate::turn::Fault;

use super::{Next, Ports};

/// A type that comes later.
pub(crate) struct LaterKind {
    name: &'static str,
    required: &'static [&'static str],
    optional: &'static [&'static str],
    /// The port of trouble.
    error: Option<&'static str>,
    waits: bool,
}

const KINDS: &[LaterKind] = &[LaterKind {
    name: "flow",
    required: &["done"],
    optional: &["expired", "other", "failed"],
    error: Some("failed"),
    waits: true,
}];

pub(crate) struct Later {
    kind: &'static LaterKind,
}

pub(super) fn find(name: &str) -> Option<&'static LaterKind> {
    KINDS.iter().find(|kind| kind.name == name)
}

pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    KINDS.iter().map(|kind| kind.name)
}

/// Takes the node as it is: only its ports matter now. `save` still names a variable.
pub(super) fn read(reader: &mut Reader<'_>, at: &At<'_>, kind: &'static LaterKind) -> Option<Later> {
    if let Some(save) = at.node.get("save").map(|node| at.child("save", node)) {
        reader.variable(&save);
    }
    Some(Later { kind })
}

impl Later {
    pub(super) fn name(&self) -> &'static str {
        self.kind.name
    }

    pub(super) fn waits(&self) -> bool {
        self.kind.waits
    }

    pub(super) fn ports(&self) -> Ports {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Ports { required: owned(self.kind.required), optional: owned(self.kind.optional) }
    }

    pub(super) fn enter(&self) -> Result<Next, Fault> {
        let fault = Fault::unsupported(format!("`{}` nodes cannot run yet", self.kind.name));
        Err(match self.kind.error {
            Some(port) => fault.at_port(port),
            None => fault,
        })
    }
}
