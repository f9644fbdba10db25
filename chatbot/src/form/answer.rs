//! Answers a request of a form: whose it is, whether it was answered before, what the handlers say, and what is kept.
//!
//! 1. The token must be that of a form of this conversation; else it is dead.
//! 2. The same request as the last one that was answered gets the same answer again, whatever has happened since; one
//!    that was answered before that is refused. Nothing is done twice.
//! 3. The form must be open: its time is not over, and its run waits at its node for this very token.
//!    A form that ended by a request that was the same but for its encryption ends again: its answer was lost.
//! 4. A notice of the phone that an answer was unusable is noted and acknowledged; nothing else is done about it.
//! 5. The handlers run. If they want a call that has no result yet, nothing is kept.
//! 6. What they answer is kept with all that they set. At the end the run leaves its node by `done`.

use serde_json::{Map, Value};

use super::run::{Reply, Work};
use super::steps::Handlers;
use super::{FormAction, FormRequest, FormStep, bound};
use crate::bot::flows::Flow;
use crate::caps;
use crate::expr::scope::{is_deeper, json_bytes};
use crate::snapshot::Snapshot;
use crate::snapshot::form::{Answered, Form, Last, with};
use crate::trace::Trace;
use crate::turn::{Turn, Walk, hash};

/// Takes a request.
pub(crate) fn on_request(walk: Walk<'_>, before: &Snapshot, request: &FormRequest) -> Turn {
    let Some(index) = walk.find_form(&request.token) else {
        return dead(walk, before, request, "no open form has this token");
    };
    let form = walk.form(index).clone();
    if let Some(step) = form.repeat(&request.digest) {
        return walk.unchanged(before, step);
    }
    if let Some(why) = too_much(request) {
        return refused(walk, before, &why);
    }
    if form.answered.contains(&number(request)) {
        return refused(walk, before, "this request was answered before another one");
    }
    let worn_out = form.answered.len() >= caps::MAX_FORM_REQUESTS;
    if let Some(params) = form.ended_by(asked_of(request)).filter(|_| !worn_out) {
        return end_again(walk, before, request, (index, form), params);
    }
    let Some(place) = open(&walk, &form) else {
        return dead(walk, before, request, "the run does not wait for this form any more");
    };
    if request.action == FormAction::Error {
        return unusable(walk, before, request, index, form);
    }
    if worn_out {
        return wear_out(walk, before, request, index, form);
    }
    let single_use = place.flow.single_use && form.submitted && request.action == FormAction::Init;
    if single_use {
        return dead(walk, before, request, "the form was filled in already, and its token is for one use");
    }
    let Some(handlers) = place.handlers else {
        return refused(walk, before, &format!("the Flow `{}` has no handlers in this bot", form.flow));
    };
    let flow = place.flow;
    handle(walk, before, request, Kept { index, form, flow }, handlers)
}

/// Why a request is larger than any form sends: a phone may be anybody's.
fn too_much(request: &FormRequest) -> Option<String> {
    let FormRequest { screen, data, .. } = request;
    if screen.as_ref().is_some_and(|screen| screen.chars().count() > caps::MAX_SCREEN_CHARS) {
        return Some(format!("a screen's name has at most {} characters", caps::MAX_SCREEN_CHARS));
    }
    if is_deeper(data, caps::MAX_VALUE_DEPTH) {
        return Some(format!("data nested deeper than {} levels", caps::MAX_VALUE_DEPTH));
    }
    let bytes = json_bytes(data);
    let most = caps::MAX_FORM_REQUEST_BYTES;
    (bytes > most).then(|| format!("the data has {bytes} bytes, a request may have {most}"))
}

/// What of the bot an open form needs.
struct Place<'b> {
    flow: &'b Flow,
    handlers: Option<&'b Handlers>,
}

/// `None` if the form is not open any more.
fn open<'b>(walk: &Walk<'b>, form: &Form) -> Option<Place<'b>> {
    let now_ms = walk.run_ms();
    let in_time = form.until_ms.is_none_or(|until_ms| until_ms > now_ms);
    if form.done || !in_time || !walk.waits_for_form(form) {
        return None;
    }
    let bot = walk.bot();
    Some(Place { flow: bot.flows.get(&form.flow)?, handlers: bot.handlers.get(&form.flow) })
}

fn dead(mut walk: Walk<'_>, before: &Snapshot, request: &FormRequest, why: &str) -> Turn {
    walk.note(Trace::Ignored { kind: format!("form {}", request.action.name()), why: why.to_owned() });
    let message = walk.bot().form_texts.expired(&walk);
    walk.unchanged(before, FormStep::Dead { message })
}

fn refused(mut walk: Walk<'_>, before: &Snapshot, why: &str) -> Turn {
    walk.note(Trace::Ignored { kind: "form".to_owned(), why: why.to_owned() });
    walk.unchanged(before, FormStep::Refused { why: why.to_owned() })
}

/// The person filled in the same once more, for they have not seen that it ended.
fn end_again(
    mut walk: Walk<'_>,
    before: &Snapshot,
    request: &FormRequest,
    (index, mut form): (usize, Form),
    params: Value,
) -> Turn {
    form.answered.push(number(request));
    if let Some(last) = &mut form.last {
        last.digest.clone_from(&request.digest);
    }
    asked(&mut walk, request, &form, "the end again", None);
    walk.put_form(index, form);
    walk.tell_form(FormStep::Finish { params });
    walk.finish(before)
}

/// Nobody fills in a form like this: its time is over, and its run goes on by `expired`.
fn wear_out(mut walk: Walk<'_>, before: &Snapshot, request: &FormRequest, index: usize, mut form: Form) -> Turn {
    form.until_ms = Some(walk.run_ms());
    let why = format!("over {} requests of one form", caps::MAX_FORM_REQUESTS);
    asked(&mut walk, request, &form, "nothing more", Some(why));
    walk.put_form(index, form);
    walk.run_out();
    let message = walk.bot().form_texts.expired(&walk);
    walk.tell_form(FormStep::Dead { message });
    walk.finish(before)
}

/// Notes that the phone could not use an answer.
fn unusable(mut walk: Walk<'_>, before: &Snapshot, request: &FormRequest, index: usize, mut form: Form) -> Turn {
    if form.unusable >= caps::MAX_FORM_NOTICES {
        return walk.unchanged(before, FormStep::Acknowledged);
    }
    form.unusable = form.unusable.saturating_add(1);
    let text = |key: &str| request.data[key].as_str().map(crate::expr::clip).unwrap_or_default();
    let why = format!("{}: {}", text("error"), text("error_message"));
    asked(&mut walk, request, &form, "acknowledged", Some(why));
    walk.put_form(index, form);
    walk.tell_form(FormStep::Acknowledged);
    walk.finish(before)
}

/// A form that is open, and where it is kept.
struct Kept<'b> {
    index: usize,
    form: Form,
    flow: &'b Flow,
}

fn handle(mut walk: Walk<'_>, before: &Snapshot, request: &FormRequest, kept: Kept<'_>, handlers: &Handlers) -> Turn {
    let Kept { index, mut form, flow } = kept;
    if request.action == FormAction::Init {
        // A form that is opened again begins anew.
        form.shown = Vec::new();
        form.locals = crate::snapshot::Vars::new();
    }
    walk.begin_form(form.locals.clone(), request);
    let node = form.node.clone();
    let mut work = Work::new(request, &form, (flow, handlers), &node);
    let (reply, why) = match work.decide(&mut walk) {
        Ok(reply) => (reply, work.why.take()),
        Err(call) => return walk.unchanged(before, *call),
    };
    form.locals = walk.end_form();
    form.answered.push(number(request));
    form.submitted |= request.action == FormAction::Submit;
    let step = match settle(&mut form, flow, request, reply) {
        Some(step) => step,
        None => {
            let why = why.unwrap_or_else(|| "there is no screen that could be shown".to_owned());
            return walk.unchanged(before, FormStep::Refused { why });
        }
    };
    asked(&mut walk, request, &form, &told(&step, &form), why);
    walk.put_form(index, form);
    walk.tell_form(step.clone());
    match step {
        FormStep::Finish { params } => walk.complete_form(params),
        _ => walk.person_is_there(),
    }
    walk.finish(before)
}

/// What the phone gets, and what is remembered of it; `None` if there is no screen to show.
fn settle(form: &mut Form, flow: &Flow, request: &FormRequest, reply: Reply) -> Option<FormStep> {
    let answer = match reply {
        Reply::Finish { params } => {
            form.done = true;
            Answered::Finish(Value::Object(params))
        }
        Reply::Show { screen, mut data } => {
            // A message is for now: whoever comes back to the screen does not read it again.
            let message = data.remove_entry("error_message");
            form.show(&screen, Value::Object(data));
            Answered::Screen(message.into_iter().collect())
        }
        Reply::Again { message, fields } => {
            let last = form.shown.last().map(|shown| shown.screen.clone());
            let screen = match request.action {
                FormAction::Init => last,
                _ => request.screen.clone().filter(|screen| !screen.is_empty()).or(last),
            }?;
            let data = match form.remembers(&screen) {
                Some(data) => data.clone(),
                None => Value::Object(sent_along(flow, &screen, &request.data)),
            };
            let mut extra = Map::new();
            if let Some(screens) = &flow.screens {
                bound::put(&screens.value, &screen, &fields, &mut extra);
            }
            extra.insert("error_message".to_owned(), message.into());
            form.show(&screen, data);
            Answered::Screen(extra)
        }
    };
    let step = match &answer {
        Answered::Finish(params) => FormStep::Finish { params: params.clone() },
        Answered::Screen(extra) => {
            let shown = form.shown.last()?;
            FormStep::Answer { screen: shown.screen.clone(), data: with(&shown.data, extra) }
        }
    };
    let asked = form.done.then(|| asked_of(request));
    form.last = Some(Box::new(Last { digest: request.digest.clone(), asked, answer }));
    Some(step)
}

/// Of a screen that the phone went to by itself, what it was shown with is not known: what it sends back of it is.
fn sent_along(flow: &Flow, screen: &str, sent: &Value) -> Map<String, Value> {
    let screen = flow.screens.as_ref().and_then(|screens| screens.model.screen(screen));
    let fields = screen.map(|screen| screen.data.as_slice()).unwrap_or_default();
    let known = fields.iter().filter_map(|field| {
        let value = sent.get(&field.name).filter(|value| field.holds.accepts(value, "").is_ok())?;
        Some((field.name.clone(), value.clone()))
    });
    known.collect()
}

fn told(step: &FormStep, form: &Form) -> String {
    match (step, form.last.as_ref().map(|last| &last.answer)) {
        (FormStep::Finish { .. }, _) => "the end".to_owned(),
        (FormStep::Answer { screen, .. }, Some(Answered::Screen(extra))) if extra.contains_key("error_message") => {
            format!("{screen} again")
        }
        (FormStep::Answer { screen, .. }, _) => screen.clone(),
        _ => String::new(),
    }
}

fn asked(walk: &mut Walk<'_>, request: &FormRequest, form: &Form, answer: &str, why: Option<String>) {
    walk.note(Trace::FormAsked {
        node: form.node.clone(),
        flow: form.flow.clone(),
        action: request.action.name().to_owned(),
        screen: request.screen.clone(),
        answer: answer.to_owned(),
        why,
    });
}

fn number(request: &FormRequest) -> u64 {
    hash(0, &request.digest)
}

/// A number made of what is asked, whatever encrypted it.
fn asked_of(request: &FormRequest) -> u64 {
    hash(0, &request.as_json().to_string())
}
