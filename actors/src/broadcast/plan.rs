//! What a broadcast would do, before anything of it is kept: whose message can be made, and who is named twice.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use serde_json::Value;
use whatsapp::message::Outgoing;

use super::record::{Broadcast, News, Person, Phase, Skip};
use crate::engine::Target;

/// People of one broadcast at the most.
pub const MAX_PEOPLE: usize = 100_000;
/// Characters of a variable at the most.
const MAX_VARIABLE_CHARS: usize = 1_024;
/// Faults that a plan tells one by one.
const MAX_TOLD: usize = 20;
/// Messages per second when neither the broadcast nor the number has a limit, for the estimate.
const UNLIMITED: f64 = 80.0;

/// A broadcast as it is asked for.
#[derive(Clone, Debug)]
pub struct Draft {
    /// What people call it.
    pub name: Box<str>,
    /// The number that it leaves from.
    pub number_id: Box<str>,
    /// The template message, without `to`.
    pub message: Value,
    /// To whom.
    pub people: Vec<NewPerson>,
    /// Messages per second at the most.
    pub rate: Option<u32>,
    /// Not before this time (Unix ms).
    pub start_at_ms: Option<u64>,
    /// When it was begun to look up who they are (Unix ms): who was erased since gets nothing.
    pub named_ms: u64,
}

/// Somebody as they are named.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewPerson {
    /// Number, user id or conversation.
    pub to: String,
    /// What takes the place of `{{name}}`.
    pub variables: BTreeMap<Box<str>, Box<str>>,
}

/// Why a broadcast cannot be at all.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// Nobody is named.
    #[error("nobody is named: give people, a csv or a segment")]
    NoPeople,
    /// Too many are named.
    #[error("{0} people are named, a broadcast may have {MAX_PEOPLE}")]
    TooMany(usize),
    /// Only templates may go to people who have not written.
    #[error("the message is no template: only templates may be sent to many")]
    NoTemplate,
    /// It can be made for nobody.
    #[error("the message can be made for none of them: {0}")]
    ForNobody(Box<str>),
}

/// What a broadcast would do.
#[derive(Clone, Debug)]
pub struct Plan {
    draft: Draft,
    pub(super) people: Vec<Person>,
    /// Who would get it, if nobody has said that they want none.
    pub recipients: u32,
    /// How many get nothing for which reason.
    pub skipped: BTreeMap<Box<str>, u32>,
    /// The first of them.
    pub wrong: Vec<Wrong>,
}

/// Somebody who gets nothing, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// Their place in the list, from 1.
    pub place: u32,
    /// As they were named.
    pub to: Box<str>,
    /// A stable word: `invalid` or `duplicate`.
    pub why: Box<str>,
    /// In words.
    pub detail: Box<str>,
}

impl Plan {
    /// Looks at everybody. Takes a second or two for a hundred thousand: not for an async thread.
    pub fn of(mut draft: Draft) -> Result<Self, PlanError> {
        if draft.people.is_empty() {
            return Err(PlanError::NoPeople);
        }
        if draft.people.len() > MAX_PEOPLE {
            return Err(PlanError::TooMany(draft.people.len()));
        }
        if draft.message["type"] != "template" {
            return Err(PlanError::NoTemplate);
        }
        let named = std::mem::take(&mut draft.people);
        let pattern = Pattern::new(&draft.message);
        let mut plan = Self { draft, people: Vec::new(), recipients: 0, skipped: BTreeMap::new(), wrong: Vec::new() };
        let mut seen = HashSet::with_capacity(named.len());
        for person in named {
            let person = look_at(person, &pattern, &mut seen);
            plan.add(person);
        }
        match plan.wrong.iter().find(|wrong| *wrong.why == *"invalid").filter(|_| plan.recipients == 0) {
            Some(wrong) => Err(PlanError::ForNobody(wrong.detail.clone())),
            None => Ok(plan),
        }
    }

    fn add(&mut self, person: Person) {
        if let Some(skip) = &person.skip {
            *self.skipped.entry(skip.why.clone()).or_default() += 1;
            if self.wrong.len() < MAX_TOLD {
                let (to, why, detail) = (person.to.clone(), skip.why.clone(), skip.detail.clone());
                self.wrong.push(Wrong { place: self.people.len() as u32 + 1, to, why, detail });
            }
        } else {
            self.recipients += 1;
        }
        self.people.push(person);
    }

    /// How long it takes at least (s), where the number may send so many messages per second.
    pub fn seconds(&self, number_per_second: Option<f64>) -> u64 {
        let own = self.draft.rate.map(f64::from);
        let rate = own.into_iter().chain(number_per_second).fold(f64::INFINITY, f64::min);
        let rate = if rate.is_finite() { rate.max(0.001) } else { UNLIMITED };
        (f64::from(self.recipients) / rate).ceil() as u64
    }

    /// How many are named.
    pub fn people(&self) -> u32 {
        self.people.len() as u32
    }

    /// The number that it leaves from.
    pub fn number_id(&self) -> &str {
        &self.draft.number_id
    }

    pub(super) fn broadcast(&self, id: Box<str>, by: &str, phase: Phase, now_ms: u64) -> Broadcast {
        let Draft { name, number_id, message, rate, start_at_ms, named_ms, people: _ } = self.draft.clone();
        Broadcast {
            id,
            name,
            number_id,
            message,
            people: self.people(),
            recipients: self.recipients,
            rate,
            start_at_ms,
            named_ms,
            phase,
            next: 0,
            waiting: 0,
            created_by: by.into(),
            created_ms: now_ms,
            updated_ms: now_ms,
            started_ms: None,
            ended_ms: None,
            news: Some(News::Created),
            told_ms: now_ms,
        }
    }
}

/// The names of the variables that a message has places for.
pub fn variables_of(message: &Value) -> BTreeSet<Box<str>> {
    let mut names = BTreeSet::new();
    collect(message, &mut names);
    names
}

fn collect(value: &Value, names: &mut BTreeSet<Box<str>>) {
    match value {
        Value::String(text) => {
            let places = text.split("{{").skip(1).filter_map(|place| place.split_once("}}"));
            names.extend(places.map(|(name, _)| name.trim().into()));
        }
        Value::Array(values) => values.iter().for_each(|value| collect(value, names)),
        Value::Object(members) => members.values().for_each(|value| collect(value, names)),
        _ => {}
    }
}

fn look_at(person: NewPerson, pattern: &Pattern, seen: &mut HashSet<Target>) -> Person {
    let NewPerson { to, variables } = person;
    let target = match to.parse::<Target>() {
        Ok(target) => target,
        Err(error) => {
            let to: Box<str> = to.chars().take(200).collect::<String>().into();
            return Person { to, variables, skip: Some(Skip::new("invalid", error.to_string())) };
        }
    };
    let skip = match pattern.fill(&variables) {
        Err(detail) => Some(Skip::new("invalid", detail)),
        Ok(_) if seen.contains(&target) => Some(Skip::new("duplicate", "named before in the same list")),
        Ok(_) => None,
    };
    let to = target.to_string().into();
    seen.insert(target);
    Person { to, variables, skip }
}

/// A message with places for variables.
pub(super) struct Pattern {
    message: Value,
    /// The same for everybody.
    fixed: Option<Result<Outgoing, Box<str>>>,
}

impl Pattern {
    pub(super) fn new(message: &Value) -> Self {
        let mut pattern = Self { message: message.clone(), fixed: None };
        if !message.to_string().contains("{{") {
            pattern.fixed = Some(parse(message));
        }
        pattern
    }

    /// The message for somebody; else what is wrong with it.
    pub(super) fn fill(&self, variables: &BTreeMap<Box<str>, Box<str>>) -> Result<Outgoing, Box<str>> {
        if let Some(fixed) = &self.fixed {
            return fixed.clone();
        }
        let mut message = self.message.clone();
        fill(&mut message, variables)?;
        parse(&message)
    }
}

fn parse(message: &Value) -> Result<Outgoing, Box<str>> {
    let first = |errors: Vec<whatsapp::limits::LimitError>| {
        errors.first().map_or_else(|| "it is no message".into(), |error| error.to_string().into())
    };
    Outgoing::parse(message).map_err(first)
}

fn fill(value: &mut Value, variables: &BTreeMap<Box<str>, Box<str>>) -> Result<(), Box<str>> {
    match value {
        Value::String(text) if text.contains("{{") => *text = fill_text(text, variables)?,
        Value::Array(values) => {
            for value in values {
                fill(value, variables)?;
            }
        }
        Value::Object(members) => {
            for value in members.values_mut() {
                fill(value, variables)?;
            }
        }
        _ => {}
    }
    Ok(())
}

/// Once from left to right: what a variable holds is not looked through again.
fn fill_text(text: &str, variables: &BTreeMap<Box<str>, Box<str>>) -> Result<String, Box<str>> {
    let (mut filled, mut rest) = (String::new(), text);
    while let Some((before, after)) = rest.split_once("{{") {
        let Some((name, after)) = after.split_once("}}") else { break };
        let value = variables.get(name.trim()).filter(|value| !value.is_empty());
        let value = value.ok_or_else(|| format!("the variable {:?} is missing", name.trim()))?;
        if value.chars().count() > MAX_VARIABLE_CHARS {
            return Err(format!("the variable {:?} has more than {MAX_VARIABLE_CHARS} characters", name.trim()).into());
        }
        filled.push_str(before);
        filled.push_str(value);
        rest = after;
    }
    filled.push_str(rest);
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn template(text: &str) -> Value {
        let parameters = json!([{ "type": "text", "text": text }]);
        let components = json!([{ "type": "body", "parameters": parameters }]);
        json!({ "type": "template", "template":
            { "name": "news", "language": { "code": "en" }, "components": components } })
    }

    fn person(to: &str, name: Option<&str>) -> NewPerson {
        let variables = name.map(|name| ("name".into(), name.into())).into_iter().collect();
        NewPerson { to: to.into(), variables }
    }

    fn draft(message: Value, people: Vec<NewPerson>) -> Draft {
        let (name, number_id) = ("news".into(), "700".into());
        Draft { name, number_id, message, people, rate: Some(10), start_at_ms: None, named_ms: 0 }
    }

    #[test]
    fn everybody_is_looked_at_and_the_same_person_is_named_once() {
        let people = vec![
            person("+44 7700 900123", Some("Ada")),
            person("447700900123", Some("Ada again")),
            person("447700900124", None),
            person("nonsense", Some("x")),
            person("GB.1", Some("{{name}}")),
        ];
        let plan = Plan::of(draft(template("Hello {{ name }}!"), people)).unwrap();
        assert_eq!((plan.recipients, plan.people(), plan.seconds(Some(1.0))), (2, 5, 2));
        assert_eq!(plan.skipped, BTreeMap::from([("duplicate".into(), 1), ("invalid".into(), 2)]));
        let places: Vec<_> = plan.wrong.iter().map(|wrong| (wrong.place, &*wrong.why)).collect();
        assert_eq!(places, [(2, "duplicate"), (3, "invalid"), (4, "invalid")]);
        assert!(plan.wrong[1].detail.contains("\"name\" is missing"));
        let filled = Pattern::new(&template("Hello {{ name }}!")).fill(&plan.people[4].variables).unwrap();
        assert!(filled.raw().to_string().contains("Hello {{name}}!"), "a value is not looked through again");
    }

    #[test]
    fn the_variables_of_a_message_are_those_that_it_has_places_for() {
        let names = variables_of(&template("Hello {{ name }} of {{city}}, {{name}}: {{"));
        assert_eq!(names, BTreeSet::from(["city".into(), "name".into()]));
        assert!(variables_of(&json!({ "{{key}}": 1 })).is_empty(), "names of members have no places");
    }

    #[test]
    fn what_cannot_be_sent_to_many_is_refused_before_anything_is_kept() {
        let refused = |draft| Plan::of(draft).map(drop).unwrap_err();
        assert_eq!(refused(draft(template("x"), Vec::new())), PlanError::NoPeople);
        let ada = || vec![person("447700900123", None)];
        let text = json!({ "type": "text", "text": { "body": "x" } });
        assert_eq!(refused(draft(text, ada())), PlanError::NoTemplate);
        assert!(matches!(refused(draft(json!({ "type": "template" }), ada())), PlanError::ForNobody(_)));
        let many = vec![person("447700900123", None); MAX_PEOPLE + 1];
        assert_eq!(refused(draft(template("x"), many)), PlanError::TooMany(MAX_PEOPLE + 1));
    }
}
