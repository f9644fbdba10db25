//! `POST /api/v1/broadcasts`: plans a broadcast, and keeps it once its size is confirmed.

mod segment;

use std::collections::BTreeMap;

use actors::broadcast::{Draft, MAX_PEOPLE, NewPerson, Plan, PlanError, Wrong};
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::super::audit::Audited;
use super::super::begin;
use super::super::lists::{Asked, read, read_json};
use super::super::principal::Principal;
use super::super::problem::Problem;
use super::super::{Ctx, Shared};
use super::{BroadcastView, confirmed, invalid, view};
use crate::sheet;
use segment::{SegmentIn, SegmentView};

/// Characters of a name at most.
const MAX_NAME_CHARS: usize = 200;
/// Messages per second at most.
const MAX_RATE: u32 = 1_000;
/// What the column with the people may be called; else the first one is taken.
const PEOPLE_COLUMNS: [&str; 5] = ["to", "phone", "number", "wa_id", "user_id"];

/// A broadcast to make.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "name": "Spring news", "rate": 20, "confirm": 2,
    "message": { "type": "template", "template": { "name": "news", "language": { "code": "en" }, "components": [
        { "type": "body", "parameters": [{ "type": "text", "text": "{{name}}" }] }
    ] } },
    "people": [{ "to": "+44 7700 900123", "variables": { "name": "Ada" } }, { "to": "+44 7700 900124", "variables": { "name": "Ben" } }]
}))]
pub(in super::super) struct NewBroadcast {
    /// What people call it.
    name: String,
    /// The `phone_number_id` that it leaves from; not needed where there is one only.
    from: Option<String>,
    /// A template message of the Cloud API without `to`. `{{name}}` in any text is replaced by the person's variable.
    message: Value,
    /// To whom: numbers, user ids or conversations, or these with variables. 100,000 at the most.
    people: Option<Vec<PersonIn>>,
    /// To whom, as CSV: the first line names the columns; one is `to`, the others are variables.
    csv: Option<String>,
    /// To whom: the contacts with some tags and fields, as they are now.
    segment: Option<SegmentIn>,
    /// Messages per second at the most; the number's own limit holds as well.
    rate: Option<u32>,
    /// Not before this time, RFC 3339.
    start_at: Option<String>,
    /// Only keep it: it is started later.
    #[serde(default)]
    draft: bool,
    /// The number of recipients, as the plan tells it; needed above 100.
    confirm: Option<u32>,
}

/// Somebody who is named.
#[derive(Deserialize, ToSchema)]
#[serde(untagged)]
pub(in super::super) enum PersonIn {
    /// A number, a user id or a conversation.
    To(String),
    /// With variables.
    With(PersonWith),
}

/// Somebody with variables.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct PersonWith {
    /// A number, a user id or a conversation.
    to: String,
    /// What takes the place of `{{name}}`: texts or numbers.
    #[serde(default)]
    #[schema(value_type = Object)]
    variables: BTreeMap<Box<str>, Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct CreateQuery {
    #[serde(default)]
    dry_run: bool,
}

/// What a broadcast would do.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "people": 1000, "recipients": 998, "skipped": { "invalid": 1, "duplicate": 1 }, "confirm": 998,
    "wrong": [{ "place": 17, "to": "0770", "why": "invalid", "detail": "…" }], "estimated_seconds": 50,
    "template": { "status": "APPROVED", "category": "MARKETING" }, "segment": null
}))]
pub(in super::super) struct PlanView {
    /// How many are named.
    people: u32,
    /// Who would get it, if nobody has said that they want none.
    recipients: u32,
    /// How many get nothing for which reason.
    #[schema(value_type = Object)]
    skipped: Value,
    /// The first of them.
    wrong: Vec<WrongView>,
    /// How long it takes at least.
    estimated_seconds: u64,
    /// What must be given as `confirm`; null if nothing must.
    confirm: Option<u32>,
    /// The template as far as it is known here: status and category.
    template: Option<Value>,
    /// How the people were chosen, of a segment.
    segment: Option<SegmentView>,
}

/// Somebody who gets nothing.
#[derive(Serialize, ToSchema)]
pub(in super::super) struct WrongView {
    /// Their place in the list, from 1.
    place: u32,
    /// As they were named.
    to: String,
    /// `invalid` or `duplicate`.
    why: String,
    /// In words.
    detail: String,
}

#[utoipa::path(
    post, path = "/api/v1/broadcasts", tag = "broadcasts", summary = "Make a broadcast",
    description = "With `dry_run=true` it answers the plan and keeps nothing. It begins at once, unless it is a draft or \
        has a time.",
    params(("dry_run" = Option<bool>, Query)), request_body = NewBroadcast,
    responses((status = 201, body = BroadcastView), (status = 200, description = "The plan", body = PlanView))
)]
pub(in super::super) async fn create(
    State(shared): Ctx,
    Extension(principal): Extension<Principal>,
    query: Asked<CreateQuery>,
    body: Result<Json<NewBroadcast>, JsonRejection>,
) -> Result<Response, Problem> {
    let CreateQuery { dry_run } = read(query)?;
    let NewBroadcast { name, from, message, people, csv, segment, rate, start_at, draft, confirm } = read_json(body)?;
    // Before anybody is looked up: who is erased from here on must get nothing.
    let named_ms = shared.parts.clock.now_ms();
    let number_id = begin::number(&shared, &principal, from.as_deref(), None)?;
    let name = name.trim();
    if name.is_empty() || name.chars().count() > MAX_NAME_CHARS {
        return Err(invalid(format!("name must have from 1 to {MAX_NAME_CHARS} characters")));
    }
    if rate.is_some_and(|rate| !(1..=MAX_RATE).contains(&rate)) {
        return Err(invalid(format!("rate must be from 1 to {MAX_RATE} messages per second")));
    }
    let start_at_ms = start_at.as_deref().map(read_time).transpose()?;
    let template = template(&shared, &number_id, &message)?;
    let (people, chosen) = match segment {
        Some(_) if people.is_some() || csv.is_some() => return Err(one_of()),
        Some(segment) => {
            let (people, chosen) = segment::resolve(&shared, &principal, segment, &message, template.as_ref()).await?;
            (Named::Read(people), Some(chosen))
        }
        None => (Named::Given(people, csv), None),
    };
    let draft_plan = Draft {
        name: name.into(),
        number_id: number_id.clone(),
        message,
        people: Vec::new(),
        rate,
        start_at_ms,
        named_ms,
    };
    // A hundred thousand people take a second or two.
    let planned = tokio::task::spawn_blocking(move || {
        let people = match people {
            Named::Read(people) => people,
            Named::Given(people, csv) => named(people, csv.as_deref())?,
        };
        Plan::of(Draft { people, ..draft_plan }).map_err(|error| refused(&error))
    });
    let plan = planned.await.map_err(|error| Problem::broken(&error))??;
    let per_second = shared.parts.engine.sender(&number_id).await.and_then(|sender| sender.per_second);
    let how =
        json!({ "number": &*number_id, "people": plan.people(), "recipients": plan.recipients, "segment": chosen });
    let shown = PlanView { template, segment: chosen, ..plan_view(&plan, per_second) };
    if dry_run {
        return Ok(Json(shown).into_response());
    }
    if !draft {
        confirmed(plan.recipients, confirm).map_err(|problem| problem.with("plan", json!(shown)))?;
    }
    let broadcast = shared.parts.broadcasts.create(plan, &principal.who, !draft).await?;
    tracing::info!(broadcast = &*broadcast.id, by = &*principal.who, people = broadcast.people, "a broadcast was made");
    let audited = Extension(Audited::default().after(how).target(&broadcast.id));
    Ok((StatusCode::CREATED, audited, Json(view(broadcast, shared.parts.clock.now_ms(), None))).into_response())
}

/// The people as they were given, or as they were looked up.
enum Named {
    Given(Option<Vec<PersonIn>>, Option<String>),
    Read(Vec<NewPerson>),
}

fn one_of() -> Problem {
    invalid("people, csv and segment: give one of them")
}

fn plan_view(plan: &Plan, per_second: Option<f64>) -> PlanView {
    let wrong = |wrong: &Wrong| WrongView {
        place: wrong.place,
        to: wrong.to.to_string(),
        why: wrong.why.to_string(),
        detail: wrong.detail.to_string(),
    };
    PlanView {
        people: plan.people(),
        recipients: plan.recipients,
        skipped: json!(plan.skipped),
        wrong: plan.wrong.iter().map(wrong).collect(),
        estimated_seconds: plan.seconds(per_second),
        confirm: (plan.recipients > super::CONFIRM_OVER).then_some(plan.recipients),
        template: None,
        segment: None,
    }
}

fn named(people: Option<Vec<PersonIn>>, csv: Option<&str>) -> Result<Vec<NewPerson>, Problem> {
    match (people, csv) {
        (Some(_), Some(_)) => Err(one_of()),
        (Some(people), None) => Ok(people.into_iter().map(person).collect()),
        (None, Some(csv)) => of_sheet(csv),
        (None, None) => Ok(Vec::new()),
    }
}

fn person(person: PersonIn) -> NewPerson {
    match person {
        PersonIn::To(to) => NewPerson { to, variables: BTreeMap::new() },
        PersonIn::With(PersonWith { to, variables }) => {
            NewPerson { to, variables: variables.into_iter().map(|(name, value)| (name, shown(value))).collect() }
        }
    }
}

/// A value as it stands in a message.
fn shown(value: Value) -> Box<str> {
    match value {
        Value::String(text) => text.into(),
        other => other.to_string().into(),
    }
}

fn of_sheet(csv: &str) -> Result<Vec<NewPerson>, Problem> {
    let sheet = sheet::read(csv, MAX_PEOPLE).map_err(|error| invalid(format!("csv: {error}")))?;
    if sheet.more {
        return Err(refused(&PlanError::TooMany(MAX_PEOPLE + 1)));
    }
    let column = sheet.names.iter().position(|name| PEOPLE_COLUMNS.contains(&&**name)).unwrap_or(0);
    let mut people = Vec::with_capacity(sheet.rows.len());
    for (_, row) in sheet.rows {
        let row = row.map_err(|error| invalid(format!("csv: {error}")))?;
        let to = row.get(column).map(|to| to.to_string()).unwrap_or_default();
        let cells = sheet.names.iter().zip(row).enumerate().filter(|(at, _)| *at != column);
        people.push(NewPerson { to, variables: cells.map(|(_, (name, cell))| (name.clone(), cell)).collect() });
    }
    Ok(people)
}

/// What is known of the template; refused where the account is known not to have it so that it could be sent.
fn template(shared: &Shared, number_id: &str, message: &Value) -> Result<Option<Value>, Problem> {
    let number = shared.parts.numbers.get(number_id);
    let Some(account) = number.and_then(|number| number.account) else { return Ok(None) };
    let named = &message["template"];
    let (name, language) = (named["name"].as_str().unwrap_or_default(), named["language"]["code"].as_str());
    let all = shared.parts.services.templates.all();
    let mut own = all.iter().filter(|template| template.account == account && template.removed_ms.is_none()).peekable();
    if own.peek().is_none() {
        return Ok(None);
    }
    let found = own.find(|template| template.remote.name == name && Some(&*template.remote.language) == language);
    let Some(found) = found else {
        let detail = format!("the account has no template {name:?} in {:?}", language.unwrap_or_default());
        return Err(invalid(detail).hint("GET /api/v1/templates lists them; `parlance template sync` reads them anew"));
    };
    if found.remote.status != "APPROVED" {
        let detail = format!("the template {name:?} is {}: Meta would not send it", found.remote.status);
        return Err(invalid(detail).hint("wait until Meta has approved it"));
    }
    Ok(Some(json!({ "status": found.remote.status, "category": found.remote.category })))
}

fn read_time(text: &str) -> Result<u64, Problem> {
    let time = text.parse::<jiff::Timestamp>().ok().and_then(|time| u64::try_from(time.as_millisecond()).ok());
    time.ok_or_else(|| invalid(format!("start_at: {text:?} is no time such as 2026-11-27T09:00:00Z")))
}

fn refused(error: &PlanError) -> Problem {
    invalid(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_come_from_a_table_with_their_variables() {
        let people = of_sheet("name,to\r\nAda,+447700900123\r\nBen,447700900124\r\n").unwrap();
        assert_eq!((people.len(), &*people[0].to, &*people[1].to), (2, "+447700900123", "447700900124"));
        assert_eq!(people[0].variables, BTreeMap::from([("name".into(), "Ada".into())]));
        assert!(of_sheet("").is_err() && of_sheet("to,name\r\n1\r\n").is_err());
    }

    #[test]
    fn people_come_with_and_without_variables() {
        let body = json!(["447700900123", { "to": "GB.1", "variables": { "n": 3, "name": "Ada" } }]);
        let people: Vec<PersonIn> = serde_json::from_value(body).unwrap();
        let people = named(Some(people), None).unwrap();
        assert_eq!(people[1].variables, BTreeMap::from([("n".into(), "3".into()), ("name".into(), "Ada".into())]));
        assert!(named(Some(Vec::new()), Some("to\r\n1\r\n")).is_err());
    }
}
