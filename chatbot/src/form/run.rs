//! Runs the handlers of a Flow for one request.
//!
//! A step that fails (a call, an expression, an answer that does not fit its screen) leads to `on.error`, else to
//! `fallback`, else to the same screen with a text that says so. A call whose result is not there yet ends the turn; all
//! is run again from the beginning when it is.

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::steps::{Answer, Ask, Computed, Does, Handlers, Step};
use super::{FormAction, FormCache, FormRequest, FormStep, bound};
use crate::bot::flows::Flow;
use crate::caps;
use crate::expr::scope::{is_deeper, json_bytes};
use crate::http::{HttpDone, HttpOutcome};
use crate::snapshot::Form;
use crate::trace::Trace;
use crate::turn::{Fault, Walk};

/// How a handler ends.
pub(super) enum Reply {
    Show {
        screen: String,
        data: Map<String, Value>,
    },
    /// The same screen, with a message and messages at inputs.
    Again {
        message: String,
        fields: Vec<(String, String)>,
    },
    Finish {
        params: Map<String, Value>,
    },
}

/// Why a handler does not come to its end.
enum Stop {
    Trouble(Trouble),
    Call(Box<FormStep>),
}

struct Trouble {
    /// The step.
    step: String,
    message: String,
    status: Option<u16>,
}

impl Trouble {
    fn new(step: &str, message: impl Into<String>) -> Self {
        Self { step: step.to_owned(), message: message.into(), status: None }
    }
}

/// A request at work.
pub(super) struct Work<'w> {
    pub(super) request: &'w FormRequest,
    pub(super) form: &'w Form,
    pub(super) flow: &'w Flow,
    pub(super) handlers: &'w Handlers,
    /// The node that waits.
    pub(super) node: &'w str,
    /// Calls so far.
    calls: usize,
    /// What went wrong first.
    pub(super) why: Option<String>,
}

impl<'w> Work<'w> {
    pub(super) fn new(
        request: &'w FormRequest,
        form: &'w Form,
        (flow, handlers): (&'w Flow, &'w Handlers),
        node: &'w str,
    ) -> Self {
        Self { request, form, flow, handlers, node, calls: 0, why: None }
    }

    /// What to answer; a call that comes first is an error.
    pub(super) fn decide(&mut self, walk: &mut Walk<'_>) -> Result<Reply, Box<FormStep>> {
        if self.request.late || self.request.results.len() > 2 * caps::MAX_FORM_CALLS {
            self.note(walk, Trouble::new("budget_ms", "the answer was not there in time"));
            return Ok(self.fallback(walk));
        }
        match self.handle(walk) {
            Ok(reply) => Ok(reply),
            Err(Stop::Call(call)) => Err(call),
            Err(Stop::Trouble(trouble)) => self.rescue(walk, trouble),
        }
    }

    fn handle(&mut self, walk: &mut Walk<'_>) -> Result<Reply, Stop> {
        let handlers = self.handlers;
        let screen = self.request.screen.as_deref();
        let steps = match self.request.action {
            FormAction::Submit => screen.and_then(|screen| handlers.submit.get(screen)),
            FormAction::Back => match screen.and_then(|screen| handlers.back.get(screen)) {
                Some(steps) => Some(steps),
                None => match self.form.before(screen) {
                    Some(shown) => {
                        let data = shown.data.as_object().cloned().unwrap_or_default();
                        return Ok(Reply::Show { screen: shown.screen.clone(), data });
                    }
                    None => handlers.init.as_ref(),
                },
            },
            FormAction::Init | FormAction::Error => handlers.init.as_ref(),
        };
        let Some(steps) = steps else {
            let action = self.request.action.name();
            let message = format!("no handler takes `{action}` of screen `{}`", screen.unwrap_or_default());
            return Err(Stop::Trouble(Trouble::new(action, message)));
        };
        self.whole(walk, steps)
    }

    fn rescue(&mut self, walk: &mut Walk<'_>, trouble: Trouble) -> Result<Reply, Box<FormStep>> {
        let error = json!({ "step": trouble.step, "message": trouble.message, "status": trouble.status });
        self.note(walk, trouble);
        if let Some(steps) = &self.handlers.error {
            walk.see_in_form("error", error);
            match self.whole(walk, steps) {
                Ok(reply) => return Ok(reply),
                Err(Stop::Call(call)) => return Err(call),
                Err(Stop::Trouble(trouble)) => self.note(walk, trouble),
            }
        }
        Ok(self.fallback(walk))
    }

    fn fallback(&mut self, walk: &mut Walk<'_>) -> Reply {
        if let Some(step) = &self.handlers.fallback {
            match self.whole(walk, std::slice::from_ref(step)) {
                Ok(reply) => return reply,
                Err(Stop::Trouble(trouble)) => self.note(walk, trouble),
                // A step that answers calls nobody.
                Err(Stop::Call(_)) => {}
            }
        }
        Reply::Again { message: walk.bot().form_texts.failed(walk), fields: Vec::new() }
    }

    fn note(&mut self, walk: &mut Walk<'_>, trouble: Trouble) {
        let message = format!("{}: {}", trouble.step, trouble.message);
        self.why.get_or_insert_with(|| message.clone());
        walk.note(Trace::Error { node: Some(self.node.to_owned()), message });
    }

    /// Steps that answer, and an answer that the phone can use.
    fn whole(&mut self, walk: &mut Walk<'_>, steps: &[Step]) -> Result<Reply, Stop> {
        match self.steps(walk, steps)? {
            Some((place, reply)) => self.fits(reply).map_err(|message| Stop::Trouble(Trouble::new(place, message))),
            None => Err(Stop::Trouble(Trouble::new("on", "no step answers"))),
        }
    }

    fn steps<'s>(&mut self, walk: &mut Walk<'_>, steps: &'s [Step]) -> Result<Option<(&'s str, Reply)>, Stop> {
        for step in steps {
            let failed = |fault: Fault| Stop::Trouble(Trouble::new(&step.place, fault.what()));
            match &step.does {
                Does::Require(rules) => {
                    if let Some(reply) = self.require(walk, rules).map_err(failed)? {
                        return Ok(Some((&step.place, reply)));
                    }
                }
                Does::Http(ask) => self.ask(walk, &step.place, ask)?,
                Does::Set(values) => set(walk, values).map_err(failed)?,
                Does::Match(ways) => {
                    let mut taken = ways.otherwise.as_slice();
                    for (when, steps) in &ways.cases {
                        if when.holds(walk.scope()).map_err(Fault::evaluation).map_err(failed)? {
                            taken = steps;
                            break;
                        }
                    }
                    if let Some(found) = self.steps(walk, taken)? {
                        return Ok(Some(found));
                    }
                }
                Does::Answer(answer) => return Ok(Some((&step.place, reply(walk, answer).map_err(failed)?))),
            }
        }
        Ok(None)
    }

    /// The answer, if something does not hold.
    fn require(&mut self, walk: &Walk<'_>, rules: &[super::steps::Rule]) -> Result<Option<Reply>, Fault> {
        let (mut message, mut fields) = (None, Vec::<(String, String)>::new());
        for rule in rules {
            if rule.when.holds(walk.scope()).map_err(Fault::evaluation)? {
                continue;
            }
            let text = walk.text(&rule.message)?;
            if let Some(field) = rule.field.as_ref().filter(|field| fields.iter().all(|(known, _)| known != *field)) {
                fields.push((field.clone(), text.clone()));
            }
            message.get_or_insert(text);
        }
        self.why = self.why.take().or_else(|| message.clone());
        Ok(message.map(|message| Reply::Again { message, fields }))
    }

    fn ask(&mut self, walk: &mut Walk<'_>, place: &str, ask: &Ask) -> Result<(), Stop> {
        let trouble = |message: String| Stop::Trouble(Trouble::new(place, message));
        self.calls += 1;
        if self.calls > caps::MAX_FORM_CALLS {
            return Err(trouble(format!("over {} calls for one request", caps::MAX_FORM_CALLS)));
        }
        let id = self.call_id(place);
        if let Some(done) = self.request.results.iter().find(|done| done.id == id) {
            let taken = ask.http.taken(walk, self.node, done);
            return taken
                .map_err(|message| Stop::Trouble(Trouble { step: place.to_owned(), message, status: status(done) }));
        }
        let mut call = ask.http.prepare(walk, self.node).map_err(|fault| trouble(fault.what().to_owned()))?;
        let budget_ms = self.handlers.budget_ms;
        call.timeout_ms = call.timeout_ms.min(budget_ms);
        let key = match ask.cache.as_ref().map(|cache| (&cache.key, cache.ttl_ms)) {
            None => None,
            Some((Some(key), ttl_ms)) => {
                Some((walk.text(key).map_err(|fault| trouble(fault.what().to_owned()))?, ttl_ms))
            }
            Some((None, ttl_ms)) => Some((serde_json::to_string(&call).unwrap_or_default(), ttl_ms)),
        };
        let cache = key.map(|(key, ttl_ms)| FormCache {
            key: named(&[walk.bot().id(), walk.bot().version(), &self.form.flow, place, &key]),
            ttl_ms,
        });
        call.id = id;
        Err(Stop::Call(Box::new(FormStep::Call { call: Box::new(call), cache, budget_ms })))
    }

    /// The name of the call of this place: the same however often the request is taken.
    fn call_id(&self, place: &str) -> String {
        named(&["form", &self.request.token, &self.request.digest, place, &self.calls.to_string()])
    }

    /// An answer that the phone can use, or why it could not.
    fn fits(&self, reply: Reply) -> Result<Reply, String> {
        match reply {
            Reply::Show { screen, mut data } => {
                if let Some(screens) = &self.flow.screens {
                    let model = &screens.model;
                    let known = model.screen(&screen).ok_or_else(|| format!("the Flow has no screen `{screen}`"))?;
                    let from = self.request.screen.as_deref().filter(|_| self.request.action == FormAction::Submit);
                    if let Some(from) = from.filter(|from| !model.may_follow(from, &screen)) {
                        return Err(format!("no way leads from screen `{from}` to `{screen}`"));
                    }
                    bound::put(&screens.value, &screen, &[], &mut data);
                    known
                        .accepts(&Value::Object(data.clone()))
                        .map_err(|why| format!("the data does not fit screen `{screen}`: {why}"))?;
                }
                within(&data, caps::MAX_FORM_ANSWER_BYTES)?;
                Ok(Reply::Show { screen, data })
            }
            Reply::Finish { mut params } => {
                params.remove("flow_token");
                within(&params, caps::MAX_VALUE_BYTES)?;
                Ok(Reply::Finish { params })
            }
            Reply::Again { mut message, fields } => {
                if let Some((at, _)) = message.char_indices().nth(LONGEST_MESSAGE) {
                    message.truncate(at);
                }
                Ok(Reply::Again { message, fields })
            }
        }
    }
}

/// Characters of a message on a screen.
const LONGEST_MESSAGE: usize = 1_000;

fn within(data: &Map<String, Value>, most: usize) -> Result<(), String> {
    let whole = Value::Object(data.clone());
    if is_deeper(&whole, caps::MAX_VALUE_DEPTH) {
        return Err(format!("the data would be nested deeper than {} levels", caps::MAX_VALUE_DEPTH));
    }
    match json_bytes(&whole) {
        bytes if bytes > most => Err(format!("the data would have {bytes} bytes, an answer may have {most}")),
        _ => Ok(()),
    }
}

fn reply(walk: &Walk<'_>, answer: &Answer) -> Result<Reply, Fault> {
    let map = |shape: &Option<crate::message::shape::Shape>| -> Result<Map<String, Value>, Fault> {
        let value = shape.as_ref().map(|shape| shape.fill(walk)).transpose()?.flatten();
        Ok(match value {
            Some(Value::Object(map)) => map,
            _ => Map::new(),
        })
    };
    Ok(match answer {
        Answer::Show { screen, data } => Reply::Show { screen: screen.clone(), data: map(data)? },
        Answer::Error(message) => Reply::Again { message: walk.text(message)?, fields: Vec::new() },
        Answer::Finish(data) => Reply::Finish { params: map(data)? },
    })
}

/// All values are computed before the first is assigned.
fn set(walk: &mut Walk<'_>, values: &[(String, Computed)]) -> Result<(), Fault> {
    let mut computed = Vec::with_capacity(values.len());
    for (name, value) in values {
        let value = match value {
            Computed::Expr(expr) => expr.json(walk.scope()).map_err(Fault::evaluation)?,
            Computed::Tree(shape) => shape.fill(walk)?.unwrap_or_default(),
        };
        computed.push((name, value));
    }
    computed.into_iter().try_for_each(|(name, value)| walk.assign(name, value))
}

fn status(done: &HttpDone) -> Option<u16> {
    match &done.outcome {
        HttpOutcome::Answer { status, .. } | HttpOutcome::BadBody { status, .. } => Some(*status),
        HttpOutcome::Timeout | HttpOutcome::Unreachable { .. } | HttpOutcome::Refused { .. } => None,
    }
}

/// A name made of parts, of which none can run into another.
fn named(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    let digest = hash.finalize();
    hex::encode(digest.get(..16).unwrap_or(&digest))
}
