//! Templates at Meta: list, create, edit, delete.

use http::request::Parts;
use serde_json::{Value, json};

use super::error::Refusal;
use super::numbers::only_fields;
use super::route::Route;
use super::{Answer, definition, page_of, query};
use crate::core::Core;
use crate::templates::{StoredTemplate, TemplateStatus};

const DAY_MS: u64 = 86_400_000;
const MAX_NAMES: usize = 250;
const MAX_AN_HOUR: usize = 100;
const EDITS_IN_30_DAYS: usize = 10;

/// `GET /{waba_id}/message_templates?limit&after&name&language&status&category&fields`
pub(super) fn list(core: &Core, route: &Route<'_>, parts: &Parts) -> Result<Answer, Refusal> {
    account(core, route, "GET")?;
    let asked = query(parts);
    let limit = page_of(&asked, 25)?;
    let is = |key: &str, value: &str| asked.get(key).is_none_or(|wanted| wanted.eq_ignore_ascii_case(value));
    let found = core.templates.list(|t| {
        t.waba_id == route.id
            && is("name", &t.name)
            && is("language", &t.language)
            && is("status", t.status.name())
            && is("category", &t.category)
    });
    let after = asked.get("after").map_or(Ok(0), |cursor| read_cursor(cursor))?;
    let rows = found.iter().skip(after).take(limit).map(|t| match asked.get("fields") {
        Some(fields) => only_fields(&t.node(), fields),
        None => Ok(t.node()),
    });
    let rows = rows.collect::<Result<Vec<_>, _>>()?;
    let mut answer = json!({ "data": rows });
    if !rows.is_empty() {
        let end = after + rows.len();
        answer["paging"] = json!({ "cursors": { "before": cursor(after), "after": cursor(end) } });
        if end < found.len() {
            answer["paging"]["next"] = json!(next(core, parts, &cursor(end)));
        }
    }
    Ok(Answer::json(&answer))
}

fn cursor(at: usize) -> String {
    hex::encode(format!("t{at}"))
}

fn read_cursor(cursor: &str) -> Result<usize, Refusal> {
    let bytes = hex::decode(cursor).unwrap_or_default();
    let at = std::str::from_utf8(&bytes).ok().and_then(|text| text.strip_prefix('t')?.parse().ok());
    at.ok_or_else(|| Refusal::parameter("Invalid cursors values"))
}

/// The same question from the next cursor on.
fn next(core: &Core, parts: &Parts, after: &str) -> String {
    let kept = parts.uri.query().unwrap_or_default().split('&').filter(|p| !p.is_empty() && !p.starts_with("after="));
    let kept: String = kept.map(|pair| format!("{pair}&")).collect();
    format!("http://{}{}?{kept}after={after}", core.addr, parts.uri.path())
}

/// `GET /{template_id}`
pub(super) fn node(template: &StoredTemplate, parts: &Parts) -> Result<Answer, Refusal> {
    match query(parts).get("fields") {
        Some(fields) => only_fields(&template.node(), fields).map(|node| Answer::json(&node)),
        None => Ok(Answer::json(&template.node())),
    }
}

/// `POST /{waba_id}/message_templates`: the template waits for review.
pub(super) fn create(core: &Core, route: &Route<'_>, body: &Value) -> Result<Answer, Refusal> {
    account(core, route, "POST")?;
    let body = body.as_object().ok_or_else(|| Refusal::parameter("The request body must be a JSON object."))?;
    let checked = definition::check(body)?;
    if core.templates.find(route.id, &checked.name, &checked.language).is_some() {
        let why = format!("there is already {} content for {}", checked.language, checked.name);
        return Err(Refusal { subcode: Some(2_388_024), ..Refusal::parameter(why) });
    }
    let now_ms = core.now_ms();
    let mine = core.templates.list(|t| t.waba_id == route.id);
    let mut names: Vec<_> = mine.iter().map(|t| t.name.as_str()).filter(|n| *n != checked.name).collect();
    names.sort_unstable();
    names.dedup();
    let lately = mine.iter().filter(|t| t.created_ms > 0 && now_ms < t.created_ms.saturating_add(3_600_000)).count();
    if names.len() >= MAX_NAMES || lately >= MAX_AN_HOUR {
        let why = format!("an account has at most {MAX_NAMES} templates and creates {MAX_AN_HOUR} an hour");
        return Err(Refusal { subcode: Some(2_388_019), ..Refusal::parameter(why) });
    }
    let template = core.templates.add(StoredTemplate {
        id: String::new(),
        waba_id: route.id.to_owned(),
        name: checked.name,
        language: checked.language,
        category: checked.category,
        status: TemplateStatus::Pending,
        components: checked.components,
        named: checked.named,
        lenient: false,
        edits: Vec::new(),
        created_ms: now_ms,
    });
    let template = template.ok_or_else(|| Refusal::new(131000, "The stand-in keeps no more templates."))?;
    core.review(&template.id);
    Ok(Answer::json(&json!({ "id": template.id, "status": "PENDING", "category": template.category })))
}

/// `POST /{template_id}` with `category`, `components` or both.
pub(super) fn edit(core: &Core, route: &Route<'_>, body: &Value) -> Result<Answer, Refusal> {
    let template = core.templates.get(route.id).ok_or_else(|| Refusal::no_object(route.id, "POST"))?;
    let category = body.get("category").map(|c| c.as_str().unwrap_or_default().to_ascii_uppercase());
    let components = body.get("components").and_then(Value::as_array).cloned();
    if category.is_none() && components.is_none() {
        return Err(Refusal::parameter("An edit takes components or category."));
    }
    let now_ms = core.now_ms();
    let since = |span: u64| template.edits.iter().filter(|at| now_ms < at.saturating_add(span)).count();
    let approved = template.status == TemplateStatus::Approved;
    if matches!(template.status, TemplateStatus::Pending | TemplateStatus::Disabled) {
        let why = format!("a template that is {} cannot be edited", template.status.name());
        return Err(Refusal { subcode: Some(2_388_039), ..Refusal::parameter(why) });
    }
    if approved && category.as_ref().is_some_and(|c| *c != template.category) {
        return Err(Refusal::parameter("The category of an approved template cannot be changed."));
    }
    if approved && (since(DAY_MS) > 0 || since(30 * DAY_MS) >= EDITS_IN_30_DAYS) {
        let why = "an approved template is edited once a day and 10 times in 30 days";
        return Err(Refusal { subcode: Some(2_388_039), ..Refusal::parameter(why) });
    }
    let category = category.unwrap_or_else(|| template.category.clone());
    let components = components.unwrap_or_else(|| template.components.clone());
    definition::components(&components, &category, template.named)?;
    core.templates.change(route.id, |t| {
        (t.category, t.components, t.lenient) = (category, components, false);
        t.status = TemplateStatus::Pending;
        t.edits.push(now_ms);
    });
    core.review(route.id);
    Ok(Answer::success())
}

/// `DELETE /{waba_id}/message_templates?name=…`: all languages, or one with its `hsm_id`.
pub(super) fn delete(core: &Core, route: &Route<'_>, parts: &Parts) -> Result<Answer, Refusal> {
    account(core, route, "DELETE")?;
    let asked = query(parts);
    let name = asked.get("name").ok_or_else(|| Refusal::parameter("The parameter name is required."))?;
    let id = asked.get("hsm_id");
    let removed =
        core.delete_templates(|t| t.waba_id == route.id && t.name == *name && id.is_none_or(|id| t.id == *id));
    if removed == 0 {
        let why = format!("the message template {name} was not found");
        return Err(Refusal { subcode: Some(2_593_002), ..Refusal::parameter(why) });
    }
    Ok(Answer::success())
}

fn account(core: &Core, route: &Route<'_>, method: &str) -> Result<(), Refusal> {
    core.number_of_account(route.id).map(drop).ok_or_else(|| Refusal::no_object(route.id, method))
}
