//! Reads `tests` of a bot file.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::wanted::{Trait, Wanted};
use super::{Action, Case, Step, WantedEvent, forms, outside, sent, setting, stub};
use crate::bot::read::{At, Fields, Read, Reader, list};
use crate::explain;
use crate::form::FormAction;
use crate::input::HandBack;
use crate::message;
use crate::source::LineIndex;
use crate::tree::Kind;

/// What a step can do.
const STEPS: &[&str] = &[
    "user",
    "tap",
    "send",
    "flow_open",
    "flow_submit",
    "flow_back",
    "api",
    "advance",
    "hand_back",
    "staff",
    "seed",
    "http_stub",
    "expect",
    "expect_http",
    "expect_event",
    "expect_end",
    "expect_node",
    "expect_var",
    "expect_contact",
];

pub(crate) fn read(reader: &mut Reader<'_>, at: &At<'_>) -> Vec<Case> {
    let lines = LineIndex::new(reader.source);
    let mut names = BTreeSet::new();
    let mut cases = Vec::new();
    for item in reader.list(at) {
        let known = [&["name", "steps"][..], &setting::KEYS].concat();
        let Some(fields) = reader.fields(&item, &known) else { continue };
        let name = reader.required(&fields, "name").and_then(|at| Some((reader.text(&at)?, at)));
        let steps = reader.required(&fields, "steps").map(|at| reader.list(&at)).unwrap_or_default();
        let steps = steps.iter().filter_map(|at| step(reader, &lines, at)).collect();
        let Some((name, name_at)) = name else { continue };
        if !names.insert(name.clone()) {
            reader.report(explain::TWICE, &name_at, format!("two tests are called `{name}`"));
        }
        let setting = setting::read(reader, &fields);
        cases.push(Case { name, line: lines.place(reader.source, item.node.span.start).0, setting, steps });
    }
    cases
}

fn step(reader: &mut Reader<'_>, lines: &LineIndex, at: &At<'_>) -> Option<Step> {
    let errors = reader.error_count();
    let fields = reader.fields(at, STEPS)?;
    let mut keys = STEPS.iter().copied().filter_map(|key| Some((key, fields.get(key)?)));
    let (first, second) = (keys.next(), keys.next());
    let Some((key, value)) = first else {
        if reader.error_count() == errors {
            reader.report(explain::MISSING_KEY, at, format!("a step needs one of {}", list(STEPS)));
        }
        return None;
    };
    if let Some((_, second)) = second {
        reader.report(explain::WRONG_VALUE, &second, "a step does one thing: write two steps");
        return None;
    }
    let (line, column) = lines.place(reader.source, at.node.span.start);
    Some(Step { key, line, column, action: action(reader, key, &value)? })
}

fn action(reader: &mut Reader<'_>, key: &str, at: &At<'_>) -> Option<Action> {
    Some(match key {
        "user" => Action::User(reader.text(at)?),
        "tap" => Action::Tap(reader.text(at)?),
        "send" => send(reader, at)?,
        "flow_open" => outside::read_open(reader, at)?,
        "flow_submit" => outside::read_form(reader, at)?,
        "flow_back" => Action::Exchange(FormAction::Back, reader.text(at)?, Map::new()),
        "api" => outside::read_call(reader, at)?,
        "advance" => Action::AdvanceMs(reader.duration_ms(at)?),
        "hand_back" => Action::HandBack(match reader.word(at, &["returned", "closed"])? {
            "closed" => HandBack::Closed,
            _ => HandBack::Returned,
        }),
        "staff" => {
            reader.text(at)?;
            Action::Staff
        }
        "seed" => Action::Seed(seed(reader, at)?),
        "http_stub" => Action::Stub(stub::read(reader, at)?.into()),
        "expect_http" if matches!(&at.node.kind, Kind::Text(word) if word == "nothing") => Action::Http(None),
        "expect_http" => Action::Http(Some(stub::read_wanted(reader, at)?.into())),
        "expect" => expect(reader, at)?,
        "expect_end" => Action::End(reader.text(at)?),
        "expect_node" => {
            let index = reader.target(at)?;
            Action::Node(reader.node_ids.get(index)?.clone())
        }
        "expect_event" => Action::Event(event(reader, at)?),
        "expect_contact" => {
            Action::Contact(reader.entries(at).iter().map(|(e, value)| (e.key.clone(), value.node.to_json())).collect())
        }
        _ => vars(reader, at),
    })
}

/// A name, a map with `event` and `data`, or `nothing`.
fn event(reader: &mut Reader<'_>, at: &At<'_>) -> Option<Option<WantedEvent>> {
    if !matches!(at.node.kind, Kind::Map(_)) {
        let name = reader.text(at)?;
        return Some((name != "nothing").then_some(WantedEvent { name, data: None }));
    }
    let fields = reader.fields(at, &["event", "data"])?;
    let name = reader.required(&fields, "event").and_then(|at| reader.text(&at))?;
    Some(Some(WantedEvent { name, data: fields.get("data").map(|at| at.node.to_json()) }))
}

fn seed(reader: &mut Reader<'_>, at: &At<'_>) -> Option<u64> {
    let found = match &at.node.kind {
        Kind::Number(number) => number.as_u64(),
        _ => None,
    };
    if found.is_none() {
        reader.wrong(at, "a whole number");
    }
    found
}

fn send(reader: &mut Reader<'_>, at: &At<'_>) -> Option<Action> {
    let Kind::Map(_) = at.node.kind else {
        reader.wrong(at, "a map with `type`");
        return None;
    };
    let Some(kind_at) = at.node.get("type").map(|node| at.child("type", node)) else {
        reader.report(explain::MISSING_KEY, at, "key `type` is missing");
        return None;
    };
    let kind = reader.word(&kind_at, sent::TYPES)?;
    let Value::Object(given) = at.node.to_json() else { return None };
    let message = sent::message(&given, kind);
    if message.is_none() {
        let found = format!("no `{kind}` message of a person looks like this");
        reader.report(explain::WRONG_VALUE, at, found).help =
            Some(format!("write what Meta puts under `{kind}` of a message"));
    }
    Some(Action::Send(Box::new(message?)))
}

fn expect(reader: &mut Reader<'_>, at: &At<'_>) -> Option<Action> {
    match &at.node.kind {
        Kind::Text(word) if word == "nothing" => Some(Action::All(Vec::new())),
        Kind::List(_) => {
            let items = reader.list(at);
            if items.is_empty() {
                reader.report(explain::WRONG_VALUE, at, "the list is empty").help =
                    Some("write `expect: nothing`".to_owned());
                return None;
            }
            Some(Action::All(items.iter().filter_map(|item| wanted(reader, item)).collect()))
        }
        Kind::Map(entries) if entries.iter().any(|entry| forms::KEYS.contains(&entry.key.as_str())) => {
            let fields = reader.fields(at, forms::KEYS)?;
            Some(Action::Screen(forms::read(reader, &fields)))
        }
        _ => wanted(reader, at).map(Action::Next),
    }
}

/// The kinds of message that can be expected.
fn kinds() -> impl Iterator<Item = &'static str> {
    ["template", "flow"].into_iter().chain(message::TYPES.iter().copied().filter(|kind| *kind != "text"))
}

fn wanted(reader: &mut Reader<'_>, at: &At<'_>) -> Option<Wanted> {
    if !matches!(at.node.kind, Kind::Map(_)) {
        return Some(Wanted { all: vec![Trait::Text(reader.text(at)?)] });
    }
    let known: Vec<&'static str> = ["text", "contains", "menu"].into_iter().chain(kinds()).collect();
    let errors = reader.error_count();
    let fields = reader.fields(at, &known)?;
    let all: Vec<Trait> = known.iter().filter_map(|key| one_trait(reader, &fields, key)).collect();
    if all.is_empty() && reader.error_count() == errors {
        reader.report(explain::MISSING_KEY, at, "nothing is expected of this bubble");
    }
    Some(Wanted { all })
}

fn one_trait(reader: &mut Reader<'_>, fields: &Fields<'_>, key: &'static str) -> Option<Trait> {
    let at = fields.get(key)?;
    Some(match key {
        "text" => Trait::Text(reader.text(&at)?),
        "contains" => Trait::Contains(reader.text(&at)?),
        "menu" => Trait::Menu(reader.texts(&at)),
        key => Trait::Kind { key, value: at.node.to_json() },
    })
}

fn vars(reader: &mut Reader<'_>, at: &At<'_>) -> Action {
    let mut wanted = BTreeMap::new();
    for (entry, value) in reader.entries(at) {
        let name = entry.key.split('.').next().unwrap_or_default().to_owned();
        reader.reads.push(Read { name, span: entry.key_span.clone(), pointer: value.pointer.clone() });
        wanted.insert(entry.key.clone(), value.node.to_json());
    }
    Action::Vars(wanted)
}
