//! What only the whole bot shows: nodes that nothing reaches, circles that never wait, names that nothing sets or
//! reads, triggers and ports that are never taken.

mod circles;
mod ports;
mod triggers;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::policies::Policies;
use super::read::{At, Fields, IN_FORMS, Read, Reader};
use super::triggers::Trigger;
use super::vars::Declared;
use crate::explain;
use crate::expr::calls::FUNCTIONS;
use crate::expr::scope::{FIXED, Home};
use crate::message::shape::Place;
use crate::names::nearest;
use crate::node::Node;
use crate::tree::Entry;

/// Names that handlers set for themselves, by the pointer of their Flow.
type Locals = BTreeMap<String, BTreeMap<String, Place>>;

/// The places of what is checked.
pub(super) struct Whole<'t, 'f> {
    /// The keys and values of `nodes`, in their order.
    pub(super) entries: &'f [(&'t Entry, At<'t>)],
    /// The file.
    pub(super) fields: &'f Fields<'t>,
}

impl<'t> Whole<'t, '_> {
    /// Where the name of a node stands, and its pointer.
    fn key_of(&self, node: usize) -> (Range<usize>, &str) {
        let (entry, at) = &self.entries[node];
        (entry.key_span.clone(), &at.pointer)
    }

    fn node(&self, node: usize) -> &At<'t> {
        &self.entries[node].1
    }
}

/// Checks how nodes and triggers lead to one another. Every node of the file must have been read.
pub(super) fn graph(
    reader: &mut Reader<'_>,
    nodes: &[Node],
    triggers: &[Trigger],
    policies: &Policies,
    whole: &Whole<'_, '_>,
) {
    // A name that leads nowhere leaves nodes unreached, which then is no finding of its own.
    let open_ends = [explain::UNKNOWN_NODE.name(), explain::NO_TRIGGER.name()];
    if !reader.diagnostics.iter().any(|found| open_ends.contains(&found.code)) {
        unreachable(reader, nodes, triggers, policies, whole);
    }
    circles::loops(reader, nodes, whole);
    ports::check(reader, nodes, policies, whole);
    triggers::check(reader, triggers, policies, whole);
}

fn leads_to(node: &Node) -> impl Iterator<Item = usize> {
    node.ports.values().copied().chain(node.kind.jumps())
}

fn unreachable(
    reader: &mut Reader<'_>,
    nodes: &[Node],
    triggers: &[Trigger],
    policies: &Policies,
    whole: &Whole<'_, '_>,
) {
    let seen = reached(nodes, triggers, policies);
    for (index, node) in nodes.iter().enumerate().filter(|(index, _)| !seen[*index]) {
        let (span, pointer) = whole.key_of(index);
        reader.report_span(explain::UNREACHABLE, span, pointer, format!("nothing leads to node `{}`", node.id)).help =
            Some("connect it to a port or a trigger, or remove it".to_owned());
    }
}

/// Which nodes a trigger or a policy leads to, at once or over others.
pub(crate) fn reached(nodes: &[Node], triggers: &[Trigger], policies: &Policies) -> Vec<bool> {
    let mut seen = vec![false; nodes.len()];
    let mut open: Vec<usize> = triggers.iter().map(|trigger| trigger.to).chain(policies.targets()).collect();
    while let Some(index) = open.pop() {
        if !std::mem::replace(&mut seen[index], true) {
            open.extend(leads_to(&nodes[index]));
        }
    }
    seen
}

/// Warns of names that are read but that nothing sets, and of those that are set for nobody.
pub(super) fn names(reader: &mut Reader<'_>, vars: &BTreeMap<String, Declared>) {
    let reads = std::mem::take(&mut reader.reads);
    unread(reader, &reads.iter().map(|read| read.name.as_str()).collect(), vars);
    let mut known: BTreeSet<&str> = FIXED.iter().chain(FUNCTIONS).copied().chain(["loop"]).collect();
    if reader.imported {
        known.insert("customer_phone");
    }
    let writes = reader.writes.clone();
    known.extend(vars.keys().map(String::as_str).chain(writes.keys().map(String::as_str)));
    let locals = std::mem::take(&mut reader.locals);
    unread_locals(reader, &reads, &locals);
    for read in reads {
        if known.contains(read.name.as_str()) || is_local(&read, &locals) {
            continue;
        }
        let near = nearest(&read.name, known.iter().copied()).map(|near| format!("did you mean `{near}`?"));
        let help = near.unwrap_or_else(|| "declare it in `vars`, or `save` to it".to_owned());
        reader
            .report_span(
                explain::UNDECLARED,
                read.span,
                &read.pointer,
                format!("nothing sets the variable `{}`", read.name),
            )
            .help = Some(help);
    }
}

/// Whether handlers of a Flow read what they see, or have set themselves.
fn is_local(read: &Read, locals: &Locals) -> bool {
    // A text of `i18n` may be one that handlers use.
    let mut own = locals.iter().filter(|(flow, _)| is_below(&read.pointer, flow) || is_below(&read.pointer, "/i18n"));
    own.any(|(_, names)| IN_FORMS.contains(&read.name.as_str()) || names.contains_key(&read.name))
}

fn is_below(pointer: &str, flow: &str) -> bool {
    pointer.strip_prefix(flow).is_some_and(|rest| rest.starts_with('/'))
}

/// Warns of names that handlers of a Flow set for themselves and never read.
fn unread_locals(reader: &mut Reader<'_>, reads: &[Read], locals: &Locals) {
    if reader.imported || reader.has_errors() {
        return;
    }
    for (flow, names) in locals {
        let read: BTreeSet<&str> =
            reads.iter().filter(|read| is_below(&read.pointer, flow)).map(|read| read.name.as_str()).collect();
        for (name, place) in names.iter().filter(|(name, _)| !read.contains(name.as_str()) && !name.starts_with('_')) {
            let message = format!("`{name}` is set but no handler of this Flow reads it");
            reader.report_span(explain::UNUSED_VARIABLE, place.span.clone(), &place.pointer, message).help =
                Some("declare it in `vars` if the run shall have it, or remove it".to_owned());
        }
    }
}

/// Warns of variables that are declared or written but never read. An element of an `each` need not be read.
fn unread(reader: &mut Reader<'_>, read: &BTreeSet<&str>, vars: &BTreeMap<String, Declared>) {
    // Where reading stopped at an error, something may be read that was not seen.
    if reader.imported || reader.has_errors() {
        return;
    }
    let kept = |name: &str| vars.get(name).is_some_and(|declared| declared.home == Home::Contact);
    let unread = |name: &str| !read.contains(name) && !name.starts_with('_') && !kept(name);
    let writes = reader.writes.clone();
    for (name, place) in writes.iter().filter(|(name, place)| unread(name) && !place.pointer.ends_with("/as")) {
        let verb = if vars.contains_key(name) { "declared" } else { "set" };
        let message = format!("the variable `{name}` is {verb} but nothing reads it");
        reader.report_span(explain::UNUSED_VARIABLE, place.span.clone(), &place.pointer, message).help =
            Some("remove it, or begin its name with _ if only people shall see it".to_owned());
    }
}

/// Warns of texts of `i18n` that no text uses.
pub(super) fn texts(reader: &mut Reader<'_>) {
    if reader.has_errors() {
        return;
    }
    let unused: Vec<_> = reader
        .texts_at
        .iter()
        .filter(|(key, _)| !reader.texts_used.contains(*key))
        .map(|(k, p)| (k.clone(), p.clone()))
        .collect();
    for (key, place) in unused {
        let message = format!("nothing uses the text `{key}`");
        reader.report_span(explain::UNUSED_TEXT, place.span, &place.pointer, message).help =
            Some("remove it from every language".to_owned());
    }
}
