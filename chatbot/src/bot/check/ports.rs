//! Ports that are never taken, or that are taken and lead nowhere.

use super::{Whole, leads_to};
use crate::bot::policies::Policies;
use crate::bot::read::{At, Reader};
use crate::explain;
use crate::node::{Kind, Node};

pub(super) fn check(reader: &mut Reader<'_>, nodes: &[Node], policies: &Policies, whole: &Whole<'_, '_>) {
    let returning = returning(nodes);
    for (index, node) in nodes.iter().enumerate() {
        let at = whole.node(index);
        match &node.kind {
            Kind::Ask(_) | Kind::Menu(_) => time(reader, node, at, at, policies),
            Kind::Template(_) => {
                if let Some(wait) = at.node.get("then_wait").map(|wait| at.child("then_wait", wait)) {
                    time(reader, node, at, &wait, policies);
                }
            }
            Kind::Handoff(_) => handoff(reader, node, at, policies, whole),
            Kind::Call(_) | Kind::Each(_) => part(reader, nodes, node, at, &returning),
            _ => {}
        }
    }
}

/// The port `timeout` of a node, and its own time, which stands in `of`.
fn time(reader: &mut Reader<'_>, node: &Node, at: &At<'_>, of: &At<'_>, policies: &Policies) {
    let own = of.node.get("timeout").map(|time| of.child("timeout", time));
    let Some(own) = own else {
        if node.ports.contains_key("timeout") {
            dead(
                reader,
                at,
                "timeout",
                &format!("node `{}` has no `timeout`, so it never leaves by that port", node.id),
            );
        }
        return;
    };
    let ms = own.node.to_json().as_str().and_then(crate::duration::parse_ms);
    if let (Some(ms), Some(idle_ms)) = (ms, policies.idle_ms)
        && ms > idle_ms
    {
        let message = "`policies.idle_timeout` comes before this `timeout`";
        reader.report(explain::LATE_TIMEOUT, &own, message).help =
            Some("make this one shorter, or the other one longer".to_owned());
    }
}

fn dead(reader: &mut Reader<'_>, at: &At<'_>, port: &str, message: &str) {
    let Some(next) = at.node.get("next").map(|next| at.child("next", next)) else { return };
    let entries = reader.entries(&next);
    if let Some((entry, target)) = entries.iter().find(|(entry, _)| entry.key == port) {
        reader.report_span(explain::DEAD_PORT, entry.key_span.clone(), &target.pointer, message).help =
            Some(format!("add a `timeout: 30m` to the node, or remove `{port}` from `next`"));
    }
}

/// A conversation that a human left must not end without a word.
fn handoff(reader: &mut Reader<'_>, node: &Node, at: &At<'_>, policies: &Policies, whole: &Whole<'_, '_>) {
    let ways =
        [("return_after", "timeout", "nobody answers in time"), ("outside_hours", "unavailable", "the hours are over")];
    for (key, port, when) in ways {
        let given = at.node.get(key).is_some();
        let open = !node.ports.contains_key(port) && policies.on_error.is_none();
        if given && open {
            let message = format!("when {when} the run ends: port `{port}` of node `{}` leads nowhere", node.id);
            let key = at.child(key, at.node.get(key).unwrap_or(at.node));
            reader.report(explain::OPEN_HANDOFF, &key, message).help = Some(format!("add `{port}` to `next`"));
        }
    }
    let by_policy = whole.fields.get("policies").is_some_and(|at| at.node.get("handoff").is_some());
    if node.ports.contains_key("timeout") && at.node.get("return_after").is_none() && !by_policy {
        dead(
            reader,
            at,
            "timeout",
            &format!("node `{}` has no `return_after`, so it never leaves by that port", node.id),
        );
        if let Some(found) = reader.diagnostics.last_mut().filter(|found| found.code == explain::DEAD_PORT.name()) {
            found.help = Some("add `return_after: 4h` to the node, or remove `timeout` from `next`".to_owned());
        }
    }
}

/// The part that a `call` or an `each` runs must come to a `return` somewhere.
fn part(reader: &mut Reader<'_>, nodes: &[Node], node: &Node, at: &At<'_>, returning: &[bool]) {
    let (to, key) = match &node.kind {
        Kind::Call(call) => (call.to, "node"),
        Kind::Each(each) => (each.body, "body"),
        _ => return,
    };
    let Some(place) = at.node.get(key).filter(|_| !returning[to]).map(|place| at.child(key, place)) else { return };
    let first = &nodes[to].id;
    let message = match &node.kind {
        Kind::Each(_) => format!("only the first element is taken: nothing behind `{first}` is a `return`"),
        _ => format!("the call never comes back: nothing behind `{first}` is a `return`"),
    };
    reader.report(explain::NO_RETURN, &place, message).help = Some("end the part with a `return` node".to_owned());
}

/// The nodes from which a `return` can be reached.
fn returning(nodes: &[Node]) -> Vec<bool> {
    let mut before = vec![Vec::new(); nodes.len()];
    for (index, node) in nodes.iter().enumerate() {
        leads_to(node).for_each(|to| before[to].push(index));
    }
    let mut found = vec![false; nodes.len()];
    let mut open: Vec<usize> = nodes
        .iter()
        .enumerate()
        .filter(|(_, node)| matches!(node.kind, Kind::Return(_)))
        .map(|(index, _)| index)
        .collect();
    while let Some(index) = open.pop() {
        if !std::mem::replace(&mut found[index], true) {
            open.extend(&before[index]);
        }
    }
    found
}
