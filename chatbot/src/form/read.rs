//! Reads `on`, `fallback` and `budget_ms` of a Flow: the logic of its endpoint.

use std::collections::{BTreeMap, BTreeSet};

use super::check;
use super::steps::{Answer, Ask, Cache, Computed, Does, Handlers, Match, Rule, Step};
use crate::bot::flows::Flow;
use crate::bot::read::{At, Reader, Within, list};
use crate::bot::vars::Declared;
use crate::caps;
use crate::explain;
use crate::message::shape::Shape;
use crate::node::http;
use crate::tree::Kind;

/// Steps of a handler that answer, and all of them.
const ANSWERS: &[&str] = &["show", "error", "finish"];
const STEPS: &[&str] = &["require", "http", "set", "match", "show", "error", "finish"];

/// The handlers of the Flows that have some. What a name in them is depends on the variables.
pub(crate) fn read(
    reader: &mut Reader<'_>,
    at: &At<'_>,
    vars: &BTreeMap<String, Declared>,
) -> BTreeMap<String, Handlers> {
    let Kind::Map(entries) = &at.node.kind else { return BTreeMap::new() };
    let declared: BTreeSet<String> = vars.keys().cloned().collect();
    let flows = reader.flows.clone();
    let mut all = BTreeMap::new();
    for entry in entries {
        let Some(flow) = flows.get(&entry.key) else { continue };
        let at = at.child(&entry.key, &entry.value);
        reader.within = Some(Within { declared: declared.clone(), locals: BTreeMap::new() });
        let mut work = Work { flow, steps: 0 };
        let found = work.handlers(reader, &at);
        if let Some(within) = reader.within.take() {
            reader.locals.insert(at.pointer.clone(), within.locals);
        }
        if flow.handlers {
            check::whole(reader, &at, flow, &found);
            all.insert(entry.key.clone(), found);
        }
    }
    all
}

struct Work<'f> {
    flow: &'f Flow,
    /// Steps so far.
    steps: usize,
}

/// Where a list of steps stands.
#[derive(Clone, Copy)]
struct Spot<'s> {
    /// The screen whose inputs were filled in, if that is known.
    screen: Option<&'s str>,
    depth: usize,
    /// Something must answer on every way through these steps.
    must_answer: bool,
}

impl Work<'_> {
    fn handlers(&mut self, reader: &mut Reader<'_>, at: &At<'_>) -> Handlers {
        let child = |key: &str| at.node.get(key).map(|node| at.child(key, node));
        let budget = child("budget_ms").and_then(|at| reader.count(&at, 1, caps::MAX_FORM_BUDGET_MS));
        let budget_ms = budget.map_or(caps::FORM_BUDGET_MS, u64::from);
        let mut handlers = Handlers { budget_ms, ..Handlers::default() };
        if let Some(at) = child("fallback") {
            handlers.fallback = self.fallback(reader, &at);
        }
        let Some(fields) = child("on").and_then(|at| reader.fields(&at, &["init", "submit", "back", "error"])) else {
            return handlers;
        };
        let nowhere = Spot { screen: None, depth: 0, must_answer: true };
        handlers.init = fields.get("init").map(|at| self.steps(reader, &at, nowhere));
        handlers.error = fields.get("error").map(|at| self.steps(reader, &at, nowhere));
        for key in ["submit", "back"] {
            let Some(at) = fields.get(key) else { continue };
            for (entry, at) in reader.entries(&at) {
                let screen = Some(entry.key.as_str()).filter(|_| key == "submit");
                let steps = self.steps(reader, &at, Spot { screen, ..nowhere });
                let place = if key == "submit" { &mut handlers.submit } else { &mut handlers.back };
                place.insert(entry.key.clone(), steps);
            }
        }
        handlers
    }

    /// A step that answers, by itself.
    fn fallback(&mut self, reader: &mut Reader<'_>, at: &At<'_>) -> Option<Step> {
        let fields = reader.fields(at, &["show", "error"])?;
        let (show, error) = (fields.get("show"), fields.get("error"));
        let answer = match (show, error) {
            (Some(at), None) => self.show(reader, &at, None)?,
            (None, Some(at)) => read_error(reader, &at)?,
            _ => {
                reader.report(explain::WRONG_VALUE, at, "`fallback` is exactly one of `show` and `error`");
                return None;
            }
        };
        Some(Step { place: "fallback".to_owned(), does: Does::Answer(answer) })
    }

    fn steps(&mut self, reader: &mut Reader<'_>, at: &At<'_>, spot: Spot<'_>) -> Vec<Step> {
        let items = reader.list(at);
        let is_list = matches!(at.node.kind, Kind::List(_));
        if spot.depth > caps::MAX_FORM_DEPTH {
            let message = format!("`match` within `match`, over {} levels deep", caps::MAX_FORM_DEPTH);
            reader.report(explain::TOO_MANY, at, message);
            return Vec::new();
        }
        if items.is_empty() && is_list && spot.must_answer {
            reader.report(explain::WRONG_VALUE, at, "a handler needs at least the step that answers");
        }
        let last = items.len().saturating_sub(1);
        let mut steps = Vec::new();
        for (index, item) in items.iter().enumerate() {
            self.steps += 1;
            if self.steps > caps::MAX_FORM_STEPS {
                let message = format!("over {} steps, the handlers of a Flow may have no more", caps::MAX_FORM_STEPS);
                reader.report(explain::TOO_MANY, item, message);
                return steps;
            }
            let must_answer = spot.must_answer && index == last;
            steps.extend(self.step(reader, item, Spot { must_answer, ..spot }, index == last));
        }
        steps
    }

    fn step(&mut self, reader: &mut Reader<'_>, at: &At<'_>, spot: Spot<'_>, last: bool) -> Option<Step> {
        let fields = reader.fields(at, STEPS)?;
        let named: Vec<&str> = STEPS.iter().copied().filter(|key| fields.get(key).is_some()).collect();
        let [key] = named[..] else {
            let message = format!("a step is exactly one of {}", list(STEPS));
            reader.report(explain::WRONG_VALUE, at, message);
            return None;
        };
        if ANSWERS.contains(&key) && !last {
            reader.report(explain::WRONG_VALUE, at, "nothing follows a step that answers");
        } else if spot.must_answer && !ANSWERS.contains(&key) && key != "match" {
            let message = "the last step of a handler is `show`, `error` or `finish`, or a `match` whose ways end so";
            reader.report(explain::WRONG_VALUE, at, message);
        }
        let value = fields.get(key)?;
        let does = match key {
            "require" => Does::Require(self.require(reader, &value, spot.screen)),
            "http" => Does::Http(Box::new(read_http(reader, &value)?)),
            "set" => Does::Set(read_set(reader, &value)),
            "match" => Does::Match(self.ways(reader, &value, spot)?),
            "show" => Does::Answer(self.show(reader, &value, spot.screen)?),
            "error" => Does::Answer(read_error(reader, &value)?),
            _ => Does::Answer(read_finish(reader, &value)?),
        };
        Some(Step { place: place(at), does })
    }

    fn require(&mut self, reader: &mut Reader<'_>, at: &At<'_>, screen: Option<&str>) -> Vec<Rule> {
        let mut rules = Vec::new();
        for item in reader.list(at) {
            let Some(fields) = reader.fields(&item, &["when", "field", "message"]) else { continue };
            let when = reader
                .required(&fields, "when")
                .and_then(|at| reader.condition(&at, "the same screen comes again for ever"));
            let message = reader.required(&fields, "message").and_then(|at| reader.template(&at));
            let field = fields.get("field").and_then(|at| {
                let name = reader.text(&at)?;
                check::field(reader, &at, self.flow, screen, &name);
                Some(name)
            });
            rules.extend(when.zip(message).map(|(when, message)| Rule { when, field, message }));
        }
        rules
    }

    fn ways(&mut self, reader: &mut Reader<'_>, at: &At<'_>, spot: Spot<'_>) -> Option<Match> {
        let fields = reader.fields(at, &["cases", "else"])?;
        let below = Spot { depth: spot.depth + 1, ..spot };
        let mut cases = Vec::new();
        for item in reader.required(&fields, "cases").map(|at| reader.list(&at)).unwrap_or_default() {
            let Some(case) = reader.fields(&item, &["when", "do"]) else { continue };
            let when = reader.required(&case, "when").and_then(|at| reader.condition(&at, "this way is never taken"));
            let steps = reader.required(&case, "do").map(|at| self.steps(reader, &at, below));
            cases.extend(when.zip(steps));
        }
        let otherwise = match fields.get("else") {
            Some(at) => self.steps(reader, &at, below),
            None if spot.must_answer => {
                reader.report(explain::MISSING_KEY, at, "key `else` is missing").help =
                    Some("nothing follows this `match`, so it must answer where no case holds, too".to_owned());
                Vec::new()
            }
            None => Vec::new(),
        };
        Some(Match { cases, otherwise })
    }

    fn show(&mut self, reader: &mut Reader<'_>, at: &At<'_>, from: Option<&str>) -> Option<Answer> {
        let fields = reader.fields(at, &["screen", "data"])?;
        let screen_at = reader.required(&fields, "screen")?;
        let screen = reader.text(&screen_at)?;
        if screen.is_empty() || screen.chars().count() > caps::MAX_SCREEN_CHARS || screen.contains("{{") {
            let message = format!("`{}` cannot be a screen", crate::expr::clip(&screen));
            reader.report(explain::WRONG_VALUE, &screen_at, message).help =
                Some("write the id of a screen as it is in the Flow JSON; `match` chooses one".to_owned());
            return None;
        }
        if screen == "SUCCESS" {
            reader.report(explain::WRONG_VALUE, &screen_at, "no screen has the id SUCCESS").help =
                Some("the step `finish` ends a form".to_owned());
        }
        let data_at = fields.get("data");
        check::shown(reader, self.flow, from, (&screen_at, &screen), data_at.as_ref().unwrap_or(at));
        let data = data_at.and_then(|at| read_data(reader, &at));
        Some(Answer::Show { screen, data })
    }
}

/// A map whose texts are templates.
fn read_data(reader: &mut Reader<'_>, at: &At<'_>) -> Option<Shape> {
    if !matches!(at.node.kind, Kind::Map(_)) {
        reader.wrong(at, "a map");
        return None;
    }
    Shape::tree(reader, at)
}

fn read_error(reader: &mut Reader<'_>, at: &At<'_>) -> Option<Answer> {
    let fields = reader.fields(at, &["message"])?;
    let message = reader.required(&fields, "message").and_then(|at| reader.template(&at))?;
    Some(Answer::Error(message))
}

fn read_finish(reader: &mut Reader<'_>, at: &At<'_>) -> Option<Answer> {
    let fields = reader.fields(at, &["data"])?;
    let data_at = fields.get("data");
    if let Some(token) = data_at.as_ref().and_then(|at| at.node.get("flow_token")) {
        let span = token.span.clone();
        reader.report_span(explain::WRONG_VALUE, span, &at.pointer, "`flow_token` is added by itself");
    }
    Some(Answer::Finish(data_at.and_then(|at| read_data(reader, &at))))
}

fn read_http(reader: &mut Reader<'_>, at: &At<'_>) -> Option<Ask> {
    let keys = [http::KEYS, &["cache"]].concat();
    let fields = reader.fields(at, &keys)?;
    let cache = fields.get("cache").and_then(|at| read_cache(reader, &at));
    Some(Ask { http: http::read(reader, &fields)?, cache })
}

fn read_cache(reader: &mut Reader<'_>, at: &At<'_>) -> Option<Cache> {
    let fields = reader.fields(at, &["key", "ttl"])?;
    let key = fields.get("key").and_then(|at| reader.template(&at));
    let ttl_ms = reader.required(&fields, "ttl").and_then(|at| reader.duration_ms(&at))?;
    Some(Cache { key, ttl_ms })
}

fn read_set(reader: &mut Reader<'_>, at: &At<'_>) -> Vec<(String, Computed)> {
    let mut values = Vec::new();
    for (entry, at) in reader.entries(at) {
        let named = reader.variable_name(&entry.key, entry.key_span.clone(), &at.pointer);
        let computed = match at.node.kind {
            Kind::List(_) | Kind::Map(_) => Shape::tree(reader, &at).map(Computed::Tree),
            _ => reader.expression(&at).map(Computed::Expr),
        };
        values.extend(computed.filter(|_| named).map(|computed| (entry.key.clone(), computed)));
    }
    values
}

/// What a step is called in traces: the keys below its Flow.
fn place(at: &At<'_>) -> String {
    let mut place = String::new();
    for part in at.pointer.split('/').skip(3) {
        if part.bytes().all(|b| b.is_ascii_digit()) {
            place.push_str(&format!("[{part}]"));
        } else {
            place.push_str(if place.is_empty() { "" } else { "." });
            place.push_str(part);
        }
    }
    place
}
