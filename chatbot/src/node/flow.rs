//! `flow`: sends a message with a button that opens a WhatsApp Flow, and waits for the form to come back.
//!
//! The form comes back with the token that this very message had, as a message or at its endpoint; any other, and one that
//! comes after its time (`ttl`, or the one of its token, whichever ends first), is refused with a trace. What it holds is saved without the token. Other messages leave by `other` if that is connected; else
//! `while_waiting` is said, else `policies.unexpected` decides. Which Flow it is, `flows` says.

use serde_json::{Map, Value};
use whatsapp::limits;
use whatsapp::message::{FlowTarget, Outgoing};

use crate::bot::read::{At, Fields, Reader};
use crate::explain;
use crate::expr::Template;
use crate::input::Incoming;
use crate::message::shape::{Place, Shape};
use crate::message::{self, Message};
use crate::names::nearest;
use crate::snapshot::Wait;
use crate::templates::FlowUse;
use crate::trace::{Trace, Why};
use crate::tree::Kind;
use crate::turn::{Fault, Walk};

use super::{Here, Next, Ports};

pub(super) const KEYS: &[&str] = &[
    "flow",
    "prompt",
    "header",
    "footer",
    "cta",
    "entry",
    "screen",
    "data",
    "ttl",
    "save",
    "allow_draft",
    "while_waiting",
    "on_doubt",
];

/// How long a form is waited for where the node does not say it.
const DEFAULT_TTL_MS: u64 = 24 * 3_600_000;

pub(crate) struct Flow {
    /// The name under `flows`.
    name: String,
    /// `None` for an imported Flow that Meta does not know.
    message: Option<Message>,
    ttl_ms: Option<u64>,
    save: Option<String>,
    while_waiting: Option<Template>,
}

pub(super) fn read(reader: &mut Reader<'_>, fields: &Fields<'_>) -> Option<Flow> {
    let name_at = reader.required(fields, "flow");
    let name = name_at.as_ref().and_then(|at| reader.text(at));
    let target = name_at.as_ref().zip(name.as_ref()).and_then(|(at, name)| find(reader, at, name));
    if let Some((at, target)) = name_at.as_ref().zip(target.clone()) {
        let draft = fields.get("allow_draft").is_some_and(|at| matches!(at.node.kind, Kind::Bool(true)));
        reader.flow_uses.push(FlowUse { target, draft, place: Place::of(at) });
    }
    let (prompt, cta) = (reader.required(fields, "prompt"), reader.required(fields, "cta"));
    prompt.and(cta)?;
    let ttl_ms = fields.get("ttl").and_then(|at| reader.duration_ms(&at));
    let save = fields.get("save").and_then(|at| reader.variable(&at));
    let while_waiting =
        fields.get("while_waiting").and_then(|at| reader.template_up_to(&at, "while_waiting", limits::TEXT_BODY));
    if let Some((name_at, name)) = fields.get("flow").zip(name.as_ref()) {
        check(reader, fields, &name_at, name);
    }
    let message = match target {
        Some(target) => Some(read_message(reader, fields, &target)?),
        // Once more for its mistakes.
        None => {
            read_message(reader, fields, &FlowTarget::Id("0".to_owned()));
            None
        }
    };
    Some(Flow { name: name?, message, ttl_ms, save, while_waiting })
}

/// How Meta knows the Flow of this name.
fn find(reader: &mut Reader<'_>, at: &At<'_>, name: &str) -> Option<FlowTarget> {
    let flows = reader.flows.clone();
    let Some(flow) = flows.get(name) else {
        let near = nearest(name, flows.keys().map(String::as_str)).map(|near| format!("did you mean `{near}`?"));
        reader.report(explain::UNKNOWN_FLOW, at, format!("`flows` has no `{name}`")).help = near;
        return None;
    };
    if flow.target.is_none() {
        reader.not_yet(at, &format!("the Flow `{name}`, of which neither `id` nor `name` is known,"));
    }
    flow.target.clone()
}

/// Whether the message fits the Flow as the bot knows it.
fn check(reader: &mut Reader<'_>, fields: &Fields<'_>, name_at: &At<'_>, name: &str) {
    let flows = reader.flows.clone();
    let Some(flow) = flows.get(name) else { return };
    let asks =
        fields.get("entry").is_some_and(|at| matches!(&at.node.kind, Kind::Text(word) if word == "data_exchange"));
    if asks && flow.handlers && !flow.has_init {
        let message = format!("with `entry: data_exchange` the Flow `{name}` needs `on.init`");
        reader.report(explain::FLOW_HANDLER, name_at, message);
    }
    let Some(screen) = fields.get("screen").filter(|_| !asks) else { return };
    if let Kind::Text(id) = &screen.node.kind
        && !id.contains("{{")
    {
        let data = fields.get("data").unwrap_or_else(|| fields.at.clone());
        crate::form::shown(reader, flow, None, (&screen, id), &data);
    }
}

fn read_message(reader: &mut Reader<'_>, fields: &Fields<'_>, target: &FlowTarget) -> Option<Message> {
    let body = message::shaped(reader, &fields.at, |reader| read_shape(reader, fields, target))?;
    Some(Message::of(body, &fields.at))
}

fn read_shape(reader: &mut Reader<'_>, fields: &Fields<'_>, target: &FlowTarget) -> Option<Shape> {
    let mut shape = message::read_frame(reader, fields, "flow", "prompt")?;
    shape.put_fixed("interactive.action.name", "flow");
    shape.put_fixed("interactive.action.parameters.flow_message_version", "3");
    match target {
        FlowTarget::Id(id) => shape.put_fixed("interactive.action.parameters.flow_id", id.as_str()),
        FlowTarget::Name(name) => shape.put_fixed("interactive.action.parameters.flow_name", name.as_str()),
    }
    if let Some(at) = fields.get("cta") {
        shape.put("interactive.action.parameters.flow_cta", Shape::text(reader, &at)?);
    }
    let draft = fields.get("allow_draft").and_then(|at| reader.flag(&at)).unwrap_or_default();
    shape.put_fixed("interactive.action.parameters.mode", if draft { "draft" } else { "published" });
    read_entry(reader, fields, &mut shape)?;
    Some(shape)
}

fn read_entry(reader: &mut Reader<'_>, fields: &Fields<'_>, shape: &mut Shape) -> Option<()> {
    let entry = fields.get("entry").and_then(|at| reader.word(&at, &["navigate", "data_exchange"]));
    let entry = entry.unwrap_or("navigate");
    shape.put_fixed("interactive.action.parameters.flow_action", entry);
    let (screen, data) = (fields.get("screen"), fields.get("data"));
    if entry == "data_exchange" {
        for at in [screen, data].into_iter().flatten() {
            let message = "with `entry: data_exchange` the endpoint says which screen comes first, and with which data";
            reader.report(explain::WRONG_VALUE, &at, message).help = Some("leave it out".to_owned());
        }
        return Some(());
    }
    let Some(screen_at) = screen else {
        if let Some(at) = data {
            reader.report(explain::MISSING_KEY, &at, "`data` goes to a `screen`, which is missing");
        }
        return Some(());
    };
    let mut payload = Shape::map(&Place::of(&screen_at));
    payload.put("screen", Shape::text(reader, &screen_at)?);
    if let Some(at) = data {
        payload.put("data", Shape::tree(reader, &at)?);
    }
    shape.put("interactive.action.parameters.flow_action_payload", payload);
    Some(())
}

pub(super) fn ports() -> Ports {
    let optional = ["expired", "other", "failed"].map(str::to_owned);
    Ports { required: vec!["done".into()], optional: optional.into() }
}

impl Flow {
    pub(super) fn enter(&self, here: Here<'_>, walk: &mut Walk<'_>) -> Result<Next, Fault> {
        let token = walk.form_token(&here.node.id);
        let first = self.send(here, walk, &token).map_err(|fault| fault.at_port("failed"))?;
        let of_flow_ms = walk.bot().flows.get(&self.name).and_then(|flow| flow.ttl_ms);
        let ttl_ms = [self.ttl_ms, of_flow_ms].into_iter().flatten().min().unwrap_or(DEFAULT_TTL_MS);
        walk.keep_form(here, token.clone(), &self.name, ttl_ms, first);
        Ok(Next::Wait(Wait { form: Some(token), ..walk.wait(here, Some(ttl_ms)) }))
    }

    /// Sends the message; gives the first screen and its data, where the message says them.
    fn send(&self, here: Here<'_>, walk: &mut Walk<'_>, token: &str) -> Result<Option<(String, Value)>, Fault> {
        let Some(message) = &self.message else {
            return Err(Fault::unsupported(format!("Meta's id of the Flow `{}` is not known", self.name)));
        };
        match message.fill(walk)? {
            Some(Outgoing::Flow(flow)) => {
                let flow = flow.with_token(token).map_err(|error| Fault::failed(error.to_string()))?;
                let message = Outgoing::Flow(flow);
                let first = first_screen(&message.raw());
                walk.send(here, message)?;
                Ok(first)
            }
            _ => Err(Fault::failed("the message with the Flow comes out empty")),
        }
    }

    pub(super) fn answer(
        &self,
        here: Here<'_>,
        walk: &mut Walk<'_>,
        wait: &Wait,
        message: &Incoming,
    ) -> Result<Next, Fault> {
        if message.is_form() {
            return self.form(here, walk, wait, message);
        }
        if message.is_answer() && here.node.ports.contains_key("other") {
            let why = Why::said("message type", message.kind.as_str());
            return Ok(Next::Port { port: "other".into(), why: Some(why) });
        }
        if let Some(text) = self.while_waiting.as_ref().filter(|_| message.is_answer()) {
            walk.send_text(here, text)?;
            return Ok(Next::Stay);
        }
        let next = walk.unexpected(here, message)?;
        if next.is_none() {
            walk.note(Trace::Ignored { kind: message.kind.clone(), why: "the run waits for a form".to_owned() });
        }
        Ok(next.unwrap_or(Next::Stay))
    }

    fn form(&self, here: Here<'_>, walk: &mut Walk<'_>, wait: &Wait, message: &Incoming) -> Result<Next, Fault> {
        let sent_ms = if message.at_ms == 0 { walk.now_ms() } else { message.at_ms };
        let refused = match (message.form_token(), &wait.form) {
            (None, _) => Some("the form has no token"),
            (token, awaited) if token != awaited.as_deref() => Some("the form has the token of another message"),
            _ if wait.timeout_ms.is_some_and(|until_ms| until_ms <= sent_ms) => Some("the form comes after its time"),
            _ => None,
        };
        if let Some(why) = refused {
            walk.note(Trace::Refused { node: here.node.id.clone(), why: why.to_owned(), tries: wait.tries });
            return Ok(Next::Stay);
        }
        walk.use_form(wait.form.as_deref().unwrap_or_default());
        self.done(walk, without_token(message.data.clone().unwrap_or_default()))
    }

    pub(super) fn sends(&self, name: &str) -> bool {
        self.name == name
    }

    /// The form is done, and this came with it.
    pub(super) fn done(&self, walk: &mut Walk<'_>, data: Value) -> Result<Next, Fault> {
        if let Some(name) = &self.save {
            walk.assign(name, data)?;
        }
        Ok(Next::Port { port: "done".into(), why: Some(Why::said("form", self.name.as_str())) })
    }
}

fn first_screen(message: &Value) -> Option<(String, Value)> {
    let payload = message.pointer("/interactive/action/parameters/flow_action_payload")?;
    let data =
        payload.get("data").filter(|data| data.is_object()).cloned().unwrap_or_else(|| Value::Object(Map::new()));
    Some((payload.get("screen")?.as_str()?.to_owned(), data))
}

fn without_token(mut data: Value) -> Value {
    if let Value::Object(entries) = &mut data {
        entries.remove("flow_token");
    }
    data
}
