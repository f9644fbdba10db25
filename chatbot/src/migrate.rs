//! Runs and new versions of their bot: whether a run may go on with another version, and what becomes of it there.
//!
//! A run waits at a node. It can go on where the other version has that node with the same type and ports, or where a
//! map says. Calls and loops that are open must be there, too. What a human, a form or a service still answers stays
//! with a node of its type.

mod read;
mod vars;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::bot::Bot;
use crate::node::{Kind, Node};
use crate::snapshot::{Frame, Run, Snapshot, Wait, form};
use crate::trace::Trace;

pub(crate) use read::read;

/// The reason of a run that a map ends.
pub const RETIRED: &str = "retired";
/// The reason of a run that was on an old version for too long and could not move.
pub const DRAINED: &str = "drained";
/// The reason of a run whose node or version is gone.
pub const NODE_GONE: &str = "node_gone";

/// What happens to the runs of other versions while a version is live.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Running {
    /// Whether they move at their next input.
    #[serde(skip_serializing_if = "Migrate::is_pin")]
    pub migrate: Migrate,
    /// So long after the publish those that are left move if they can, and else end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drain_after_ms: Option<u64>,
}

/// Whether runs move to the version that is live.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Migrate {
    /// They end on the version that they began with.
    #[default]
    Pin,
    /// Those whose node is the same.
    SameNode,
    /// Those at these nodes go there; the others as with `SameNode`.
    Map(BTreeMap<String, Place>),
}

/// Where runs of a node go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// To this node of the new version.
    Node(String),
    /// They end.
    End,
}

impl Migrate {
    fn is_pin(&self) -> bool {
        *self == Migrate::Pin
    }
}

/// How one run is to be moved.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct How {
    /// Where runs of some nodes go.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub map: BTreeMap<String, Place>,
    /// A node of the same name will do if it waits at all: the old version cannot go on, whatever happens.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub loose: bool,
    /// A run that cannot move ends, for this reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub or_end: Option<String>,
}

impl How {
    /// The old version is stopped or lost: its runs go on here, or end.
    pub fn forced() -> Self {
        Self { loose: true, or_end: Some(NODE_GONE.to_owned()), ..Self::default() }
    }
}

impl Running {
    /// How a run of another version moves so long after the publish; `None` if it stays where it is.
    pub fn how(&self, since_publish_ms: u64) -> Option<How> {
        let due = self.drain_after_ms.is_some_and(|after_ms| since_publish_ms >= after_ms);
        let map = match &self.migrate {
            Migrate::Pin if !due => return None,
            Migrate::Pin | Migrate::SameNode => BTreeMap::new(),
            Migrate::Map(map) => map.clone(),
        };
        Some(How { map, loose: false, or_end: due.then(|| DRAINED.to_owned()) })
    }

    /// What keeps the policy from being used with this version: nodes of the map that it lacks, or that do not wait.
    pub fn problems(&self, live: &Bot) -> Vec<String> {
        let Migrate::Map(map) = &self.migrate else { return Vec::new() };
        let problem = |(from, place): (&String, &Place)| {
            let Place::Node(to) = place else { return None };
            match live.node(to).map(|index| &live.nodes[index]) {
                None => Some(format!("`{from}` cannot go to `{to}`: there is no such node")),
                Some(node) if !node.kind.waits() && !node.kind.is_frame() => {
                    Some(format!("`{from}` cannot go to `{to}`: a `{}` does not wait", node.kind.name()))
                }
                Some(node) if node.kind.is_answered_from_outside() && from != to => {
                    let kind = node.kind.name();
                    Some(format!("`{from}` cannot go to `{to}`: nobody would be asked for what a `{kind}` waits for"))
                }
                Some(_) => None,
            }
        };
        map.iter().filter_map(problem).collect()
    }
}

/// What became of a run.
#[derive(Clone, Debug, PartialEq)]
pub enum Migrated {
    /// It goes on with its version, and why.
    Stays(String),
    /// It goes on with the new one.
    Moved(Box<Snapshot>, Vec<Trace>),
    /// It is ended; the next message begins another one.
    Ended(Box<Snapshot>, Vec<Trace>),
}

/// Moves the run of a conversation to another version of its bot, if it can. Pure: the same arguments give the same
/// bytes. `old` is the version that the run is on, where it is still known.
pub fn migrate(old: Option<&Bot>, new: &Bot, before: &Snapshot, how: &How) -> Migrated {
    let Some(run) = before.run.as_ref().filter(|run| run.bot != new.id() || run.version != new.version()) else {
        return Migrated::Stays("there is no run of another version".to_owned());
    };
    if run.bot != new.id() {
        let why = format!("it is a run of the bot `{}`", run.bot);
        return how.or_end.as_ref().map_or(Migrated::Stays(why), |reason| ended(before, run, reason));
    }
    let at = run.wait.as_ref().map_or("", |wait| wait.node.as_str());
    if how.map.get(at) == Some(&Place::End) {
        return ended(before, run, RETIRED);
    }
    match (moved(old, new, run, how), &how.or_end) {
        (Ok(moved), _) => arrived(old, new, before, run, moved),
        (Err(_), Some(reason)) => ended(before, run, reason),
        (Err(why), None) => Migrated::Stays(why),
    }
}

/// The wait and the open calls as they are in the new version, or why they cannot be there.
fn moved(old: Option<&Bot>, new: &Bot, run: &Run, how: &How) -> Result<(Wait, Vec<Frame>), String> {
    let wait = run.wait.as_ref().ok_or("the run does not wait")?;
    let frames = run.frames.iter().map(|frame| move_frame(new, frame, how)).collect::<Result<_, _>>()?;
    Ok((move_wait(old, new, wait, how)?, frames))
}

fn node<'b>(bot: &'b Bot, id: &str) -> Option<&'b Node> {
    bot.node(id).map(|index| &bot.nodes[index])
}

fn goes_to<'a>(how: &'a How, id: &'a str) -> &'a str {
    match how.map.get(id) {
        Some(Place::Node(to)) => to,
        Some(Place::End) | None => id,
    }
}

fn move_wait(old: Option<&Bot>, new: &Bot, wait: &Wait, how: &How) -> Result<Wait, String> {
    let id = goes_to(how, &wait.node);
    let target = node(new, id).ok_or_else(|| format!("node `{id}` is gone"))?;
    if !target.kind.waits() {
        return Err(format!("node `{id}` does not wait any more"));
    }
    if wait.handed_over.is_some() && !matches!(target.kind, Kind::Handoff(_)) {
        return Err(format!("a human answers, and `{id}` is no `handoff`"));
    }
    let source = old.and_then(|old| node(old, &wait.node));
    let same_kind = source.is_some_and(|source| source.kind.name() == target.kind.name());
    if source.is_some_and(|source| source.kind.is_answered_from_outside()) && !(same_kind && id == wait.node) {
        return Err(format!("what node `{}` asked for is still under way", wait.node));
    }
    if !is_asked(target, wait) {
        return Err(format!("nobody was asked for what node `{id}` waits for"));
    }
    if how.map.contains_key(&wait.node) {
        let handed_over = wait.handed_over.clone();
        let kept = Wait { node: id.to_owned(), tries: 0, page: 0, offered: None, handed_over, ..wait.clone() };
        return Ok(if same_kind && id == wait.node { wait.clone() } else { kept });
    }
    let alike = same_kind && source.is_some_and(|source| ports(source) == ports(target));
    if !alike && !how.loose {
        return Err(format!("node `{id}` has another type or other ports"));
    }
    Ok(wait.clone())
}

/// Whether the one whose answer a node waits for has been asked: without that a run never leaves it.
fn is_asked(target: &Node, wait: &Wait) -> bool {
    match target.kind {
        Kind::Http(_) => wait.call.is_some() && target.id == wait.node,
        Kind::Flow(_) => wait.form.is_some() && target.id == wait.node,
        Kind::Handoff(_) => wait.handed_over.is_some(),
        _ => true,
    }
}

/// The names of all ports, connected or not.
fn ports(node: &Node) -> std::collections::BTreeSet<String> {
    let ports = node.kind.ports();
    ports.required.into_iter().chain(ports.optional).collect()
}

fn move_frame(new: &Bot, frame: &Frame, how: &How) -> Result<Frame, String> {
    let id = goes_to(how, &frame.node);
    let fits = node(new, id).is_some_and(|node| match node.kind {
        Kind::Each(_) => frame.rest.is_some(),
        Kind::Call(_) => frame.rest.is_none(),
        _ => false,
    });
    if !fits {
        return Err(format!("the open call or loop `{id}` is gone"));
    }
    Ok(Frame { node: id.to_owned(), ..frame.clone() })
}

fn arrived(old: Option<&Bot>, new: &Bot, before: &Snapshot, run: &Run, moved: (Wait, Vec<Frame>)) -> Migrated {
    let (wait, frames) = moved;
    let mut trace = vec![Trace::Migrated {
        run: run.id.clone(),
        from: run.version.clone(),
        to: new.version().to_owned(),
        node: run.wait.as_ref().map(|wait| wait.node.clone()).unwrap_or_default(),
        to_node: wait.node.clone(),
    }];
    let mut run = Run { version: new.version().to_owned(), wait: Some(wait), frames, ..run.clone() };
    let max_age_ms = new.policies.max_age_ms;
    if old.is_none_or(|old| old.policies.max_age_ms != max_age_ms) {
        run.expires_ms = max_age_ms.map(|ms| run.started_ms.saturating_add(ms));
    }
    let mut after = before.clone();
    vars::fit(new, &mut run, &mut after.contact, &mut trace);
    after.run = Some(run);
    Migrated::Moved(after.into(), trace)
}

fn ended(before: &Snapshot, run: &Run, reason: &str) -> Migrated {
    let waits = run.wait.as_ref().and_then(|wait| Some((wait, wait.handed_over.as_ref()?)));
    let handed_back = waits.map(|(wait, handed)| Trace::HandedBack {
        node: wait.node.clone(),
        queue: handed.queue.clone(),
        outcome: "ended".to_owned(),
    });
    let over = Trace::RunEnded { run: run.id.clone(), reason: reason.to_owned(), result: None };
    let trace = handed_back.into_iter().chain([over]).collect();
    // Texts that wait for more are the next message.
    let mut after = Snapshot { run: None, ..before.clone() };
    form::settle(&mut after.forms, None);
    Migrated::Ended(after.into(), trace)
}
