//! The node kinds: one file each, dispatched here. A kind reads itself from the bot file, names its
//! ports and says what happens when it is entered and when the person answers.

mod answer;
mod ask;
mod branch;
mod call;
mod each;
mod emit;
mod end;
mod flow;
mod goto;
mod handoff;
pub(crate) mod http;
mod menu;
mod restart;
mod say;
mod set;
mod split;
mod template;
mod wait;

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::bot::read::{At, Fields, Reader};
use crate::explain;
use crate::http::HttpDone;
use crate::input::Incoming;
use crate::names::nearest;
use crate::sending::OnDoubt;
use crate::snapshot::Wait;
use crate::trace::Why;
use crate::turn::{Fault, Walk};

/// A node of a loaded bot.
pub(crate) struct Node {
    pub(crate) id: String,
    /// Port to node.
    pub(crate) ports: BTreeMap<String, usize>,
    pub(crate) kind: Kind,
    /// What to do in doubt whether its messages left, where the file says so.
    pub(crate) on_doubt: Option<OnDoubt>,
}

/// What a node does.
pub(crate) enum Kind {
    Say(say::Say),
    Ask(Box<ask::Ask>),
    Menu(Box<menu::Menu>),
    Branch(branch::Branch),
    Set(set::Set),
    Goto(goto::Goto),
    Restart(restart::Restart),
    End(end::End),
    Template(Box<template::Template>),
    Wait(Box<wait::Wait>),
    Split(split::Split),
    Each(each::Each),
    Handoff(Box<handoff::Handoff>),
    Flow(Box<flow::Flow>),
    Emit(emit::Emit),
    Http(Box<http::Http>),
    Call(call::Call),
    Return(call::Return),
}

/// Where a node leads.
pub(crate) enum Next {
    /// Out by a port.
    Port { port: Cow<'static, str>, why: Option<Why> },
    /// Straight to a node, under a label for the trace.
    Jump { label: String, to: usize, why: Option<Why> },
    /// Waits for the person (again).
    Wait(Wait),
    /// Goes back to the call or loop that is open.
    Return(serde_json::Value),
    /// Goes on waiting as before.
    Stay,
    /// Ends the run.
    End { reason: String, result: Option<serde_json::Value> },
    /// Starts over, at the node or at the trigger.
    Restart(Option<usize>),
}

impl Next {
    pub(crate) fn port(port: impl Into<Cow<'static, str>>) -> Self {
        Next::Port { port: port.into(), why: None }
    }
}

/// The ports of a node kind.
#[derive(Default)]
pub(crate) struct Ports {
    /// Must be connected.
    pub(crate) required: Vec<String>,
    /// May be connected; else `policies.on_error`, else the end.
    pub(crate) optional: Vec<String>,
}

/// The node that is at work.
#[derive(Clone, Copy)]
pub(crate) struct Here<'b> {
    pub(crate) node: &'b Node,
}

/// Keys that every node may have.
const COMMON: &[&str] = &["type", "next", "note", "ui"];

pub use ask::TYPES as ANSWER_TYPES;

/// Names of the node types that run.
pub const TYPES: &[&str] = &[
    "say", "ask", "menu", "branch", "set", "goto", "restart", "end", "template", "wait", "split", "each", "call",
    "return", "handoff", "flow", "emit", "http",
];

/// Reads a node; reports and gives none if it cannot be used.
pub(crate) fn read(reader: &mut Reader<'_>, at: &At<'_>, id: &str) -> Option<Node> {
    let Some(kind_at) = at.node.get("type").map(|node| at.child("type", node)) else {
        if !matches!(at.node.kind, crate::tree::Kind::Map(_)) {
            reader.wrong(at, "a map");
        } else {
            reader.report(explain::MISSING_KEY, at, format!("node `{id}` has no `type`"));
        }
        return None;
    };
    let name = reader.text(&kind_at)?;
    let kind = read_kind(reader, at, &kind_at, &name)?;
    let ports = read_ports(reader, at, id, &kind);
    let on_doubt = read_on_doubt(reader, at);
    Some(Node { id: id.to_owned(), ports, kind, on_doubt })
}

fn read_on_doubt(reader: &mut Reader<'_>, at: &At<'_>) -> Option<OnDoubt> {
    let at = at.child("on_doubt", at.node.get("on_doubt")?);
    Some(match reader.word(&at, &["resend", "hold"])? {
        "hold" => OnDoubt::Hold,
        _ => OnDoubt::Resend,
    })
}

fn read_kind(reader: &mut Reader<'_>, at: &At<'_>, kind_at: &At<'_>, name: &str) -> Option<Kind> {
    match name {
        "say" => fields(reader, at, say::KEYS).and_then(|f| say::read(reader, &f)).map(Kind::Say),
        "ask" => fields(reader, at, ask::KEYS).and_then(|f| ask::read(reader, &f)).map(|a| Kind::Ask(a.into())),
        "menu" => fields(reader, at, menu::KEYS).and_then(|f| menu::read(reader, &f)).map(|m| Kind::Menu(m.into())),
        "branch" => fields(reader, at, branch::KEYS).and_then(|f| branch::read(reader, &f)).map(Kind::Branch),
        "set" => fields(reader, at, set::KEYS).and_then(|f| set::read(reader, &f)).map(Kind::Set),
        "goto" => fields(reader, at, goto::KEYS).and_then(|f| goto::read(reader, &f)).map(Kind::Goto),
        "restart" => fields(reader, at, restart::KEYS).and_then(|f| restart::read(reader, &f)).map(Kind::Restart),
        "end" => fields(reader, at, end::KEYS).and_then(|f| end::read(reader, &f)).map(Kind::End),
        "template" => {
            let found = fields(reader, at, template::KEYS).and_then(|f| template::read(reader, &f));
            found.map(|template| Kind::Template(template.into()))
        }
        "wait" => {
            let found = fields(reader, at, wait::KEYS).and_then(|f| wait::read(reader, &f));
            found.map(|wait| Kind::Wait(wait.into()))
        }
        "handoff" => {
            let found = fields(reader, at, handoff::KEYS).and_then(|f| handoff::read(reader, &f));
            found.map(|handoff| Kind::Handoff(handoff.into()))
        }
        "emit" => fields(reader, at, emit::KEYS).and_then(|f| emit::read(reader, &f)).map(Kind::Emit),
        "http" => {
            let found = fields(reader, at, http::KEYS).and_then(|f| http::read(reader, &f));
            found.map(|http| Kind::Http(http.into()))
        }
        "flow" => {
            let found = fields(reader, at, flow::KEYS).and_then(|f| flow::read(reader, &f));
            found.map(|flow| Kind::Flow(flow.into()))
        }
        "split" => fields(reader, at, split::KEYS).and_then(|f| split::read(reader, &f)).map(Kind::Split),
        "each" => fields(reader, at, each::KEYS).and_then(|f| each::read(reader, &f)).map(Kind::Each),
        "call" => fields(reader, at, call::KEYS).and_then(|f| call::read(reader, &f)).map(Kind::Call),
        "return" => fields(reader, at, call::RETURN_KEYS).and_then(|f| call::read_return(reader, &f)).map(Kind::Return),
        _ => {
            let near = nearest(name, TYPES.iter().copied());
            let help = near.map_or_else(
                || format!("types are {}", crate::bot::read::list(TYPES)),
                |near| format!("did you mean `{near}`?"),
            );
            reader.report(explain::UNKNOWN_TYPE, kind_at, format!("unknown node type `{name}`")).help = Some(help);
            None
        }
    }
}

fn fields<'t>(reader: &mut Reader<'_>, at: &At<'t>, keys: &[&str]) -> Option<Fields<'t>> {
    let known: Vec<&str> = COMMON.iter().chain(keys).copied().collect();
    reader.fields(at, &known)
}

fn read_ports(reader: &mut Reader<'_>, at: &At<'_>, id: &str, kind: &Kind) -> BTreeMap<String, usize> {
    let ports = kind.ports();
    let mut connected = BTreeMap::new();
    let mut named = Vec::new();
    if let Some(next) = at.node.get("next").map(|node| at.child("next", node)) {
        for (entry, target_at) in reader.entries(&next) {
            named.push(entry.key.clone());
            let all = || ports.required.iter().chain(&ports.optional).map(String::as_str);
            if !all().any(|port| port == entry.key) {
                let near = nearest(&entry.key, all()).map(|near| format!("did you mean `{near}`?"));
                let names: Vec<&str> = all().take(12).collect();
                let help = near.unwrap_or_else(|| match names.is_empty() {
                    true => format!("a `{}` node has no ports", kind.name()),
                    false => format!("its ports are {}", crate::bot::read::list(&names)),
                });
                let message = format!("node `{id}` has no port `{}`", entry.key);
                let span = entry.key_span.clone();
                reader.report_span(explain::UNKNOWN_PORT, span, &target_at.pointer, message).help = Some(help);
            } else if let Some(target) = reader.target(&target_at) {
                connected.insert(entry.key.clone(), target);
            }
        }
    }
    // A menu whose options all may leave by `picked` needs no port per option.
    let caught = matches!(kind, Kind::Menu(_)) && named.iter().any(|port| port == "picked");
    for port in ports.required {
        if !named.contains(&port) && !caught {
            let help = format!("add `{port}` to `next`");
            reader.report(explain::UNCONNECTED, at, format!("port `{port}` of node `{id}` leads nowhere")).help =
                Some(help);
        }
    }
    connected
}

impl Kind {
    /// The name of the type in bot files.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Kind::Say(_) => "say",
            Kind::Ask(_) => "ask",
            Kind::Menu(_) => "menu",
            Kind::Branch(_) => "branch",
            Kind::Set(_) => "set",
            Kind::Goto(_) => "goto",
            Kind::Restart(_) => "restart",
            Kind::End(_) => "end",
            Kind::Template(_) => "template",
            Kind::Wait(_) => "wait",
            Kind::Split(_) => "split",
            Kind::Each(_) => "each",
            Kind::Handoff(_) => "handoff",
            Kind::Flow(_) => "flow",
            Kind::Emit(_) => "emit",
            Kind::Http(_) => "http",
            Kind::Call(_) => "call",
            Kind::Return(_) => "return",
        }
    }

    pub(crate) fn ports(&self) -> Ports {
        match self {
            Kind::Say(_) => say::ports(),
            Kind::Ask(_) => ask::ports(),
            Kind::Menu(menu) => menu.ports(),
            Kind::Set(_) => set::ports(),
            Kind::Template(template) => template.ports(),
            Kind::Wait(wait) => wait.ports(),
            Kind::Split(split) => split.ports(),
            Kind::Each(_) => each::ports(),
            Kind::Handoff(_) => handoff::ports(),
            Kind::Flow(_) => flow::ports(),
            Kind::Emit(_) => emit::ports(),
            Kind::Http(_) => http::ports(),
            Kind::Call(_) => call::ports(),
            Kind::Branch(_) | Kind::Goto(_) | Kind::Restart(_) | Kind::End(_) | Kind::Return(_) => Ports::default(),
        }
    }

    /// Nodes that it leads to other than by ports.
    pub(crate) fn jumps(&self) -> Vec<usize> {
        match self {
            Kind::Branch(branch) => branch.jumps(),
            Kind::Goto(goto) => vec![goto.to],
            Kind::Restart(restart) => restart.to.into_iter().collect(),
            Kind::Each(each) => vec![each.body],
            Kind::Call(call) => vec![call.to],
            _ => Vec::new(),
        }
    }

    /// Whether a turn ends here until the person writes or time passes.
    pub(crate) fn waits(&self) -> bool {
        match self {
            Kind::Ask(_) | Kind::Menu(_) | Kind::Wait(_) | Kind::Handoff(_) | Kind::Http(_) | Kind::Flow(_) => true,
            Kind::Template(template) => template.waits(),
            _ => false,
        }
    }

    /// Whether it opens a call or a loop.
    pub(crate) fn is_frame(&self) -> bool {
        matches!(self, Kind::Each(_) | Kind::Call(_))
    }

    /// Whether a service or a form that was asked answers to this very node.
    /// The variable that gets what the person answers.
    pub(crate) fn saves(&self) -> Option<&str> {
        match self {
            Kind::Ask(ask) => ask.saves(),
            Kind::Menu(menu) => menu.saves(),
            _ => None,
        }
    }

    /// Whether it calls another program and takes nothing but single values of the answer.
    pub(crate) fn extracts_only(&self) -> bool {
        matches!(self, Kind::Http(http) if http.extracts_only())
    }

    pub(crate) fn is_answered_from_outside(&self) -> bool {
        ["http", "flow"].contains(&self.name())
    }

    pub(crate) fn enter(&self, here: Here<'_>, walk: &mut Walk<'_>) -> Result<Next, Fault> {
        match self {
            Kind::Say(say) => say.enter(here, walk),
            Kind::Ask(ask) => ask.enter(here, walk),
            Kind::Menu(menu) => menu.enter(here, walk),
            Kind::Branch(branch) => branch.enter(walk),
            Kind::Set(set) => set.enter(walk),
            Kind::Goto(goto) => Ok(goto.enter()),
            Kind::Restart(restart) => Ok(Next::Restart(restart.to)),
            Kind::End(end) => end.enter(walk),
            Kind::Template(template) => template.enter(here, walk),
            Kind::Wait(wait) => wait.enter(here, walk),
            Kind::Split(split) => split.enter(here, walk),
            Kind::Each(each) => each.enter(here, walk),
            Kind::Handoff(handoff) => handoff.enter(here, walk),
            Kind::Flow(flow) => flow.enter(here, walk),
            Kind::Emit(emit) => emit.enter(here, walk),
            Kind::Http(http) => http.enter(here, walk),
            Kind::Call(call) => call.enter(here, walk),
            Kind::Return(back) => back.enter(walk),
        }
    }

    /// Whether it waits for something of this name to happen.
    pub(crate) fn awaits(&self, event: &str) -> bool {
        matches!(self, Kind::Wait(wait) if wait.awaits(event))
    }

    /// Its own time is up.
    pub(crate) fn timed_out(&self, here: Here<'_>, walk: &mut Walk<'_>, wait: &Wait) -> Result<Next, Fault> {
        let why = || Some(Why::said("time is up", wait.timeout_ms.unwrap_or_default()));
        Ok(match self {
            Kind::Http(http) => http.lost(here, walk, wait),
            Kind::Wait(_) => Next::Port { port: "next".into(), why: why() },
            Kind::Flow(_) => Next::Port { port: "expired".into(), why: why() },
            _ => Next::Port { port: "timeout".into(), why: why() },
        })
    }

    /// Takes the result of a call; `None` if nodes of this kind make none.
    pub(crate) fn http_done(&self, here: Here<'_>, walk: &mut Walk<'_>, done: &HttpDone) -> Option<Next> {
        match self {
            Kind::Http(http) => Some(http.done(here, walk, done)),
            _ => None,
        }
    }

    /// Whether it sends the Flow of this name.
    pub(crate) fn sends_flow(&self, name: &str) -> bool {
        matches!(self, Kind::Flow(flow) if flow.sends(name))
    }

    /// The form that it waits for is done at its endpoint.
    pub(crate) fn form_done(&self, walk: &mut Walk<'_>, params: serde_json::Value) -> Result<Next, Fault> {
        match self {
            Kind::Flow(flow) => flow.done(walk, params),
            _ => Ok(Next::End { reason: "node_gone".to_owned(), result: None }),
        }
    }

    /// Takes the person's answer; `None` if nodes of this kind do not wait for one.
    pub(crate) fn answer(
        &self,
        here: Here<'_>,
        walk: &mut Walk<'_>,
        wait: &Wait,
        message: &Incoming,
    ) -> Option<Result<Next, Fault>> {
        match self {
            Kind::Ask(ask) => Some(ask.answer(here, walk, wait, message)),
            Kind::Menu(menu) => Some(menu.answer(here, walk, wait, message)),
            Kind::Template(template) => Some(template.answer(here, walk, message)),
            Kind::Wait(wait) => Some(Ok(wait.answer(here, walk, message))),
            Kind::Http(http) => Some(Ok(http.answer(walk, message))),
            Kind::Flow(flow) => Some(flow.answer(here, walk, wait, message)),
            _ => None,
        }
    }
}
