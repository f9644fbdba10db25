//! The block list of a number: `/{phone_number_id}/block_users`.

use http::request::Parts;
use serde_json::{Value, json};

use super::error::Refusal;
use super::route::{Call, Route};
use super::{Answer, page_of, query};
use crate::core::{Core, person_id};

const MAX_AT_ONCE: usize = 1_000;

/// Blocks or unblocks each person of the list; those that fail do not stop the others.
pub(super) fn change(core: &Core, route: &Route<'_>, body: &Value) -> Result<Answer, Refusal> {
    let (number, _) = core.number(route.id).ok_or_else(|| Refusal::no_object(route.id, "POST"))?;
    if body["messaging_product"] != "whatsapp" {
        return Err(Refusal::parameter("The parameter messaging_product is required."));
    }
    let users = body["block_users"].as_array().map(Vec::as_slice).unwrap_or_default();
    if !(1..=MAX_AT_ONCE).contains(&users.len()) {
        return Err(Refusal::parameter(format!("block_users takes 1 to {MAX_AT_ONCE} users, got {}.", users.len())));
    }
    let blocks = route.call == Call::Block;
    let (mut done, mut failed) = (Vec::new(), Vec::new());
    for user in users {
        let Some(input) = user["user"].as_str() else {
            return Err(Refusal::parameter("Each of block_users is an object with a user."));
        };
        let person = person_id(input);
        let row = json!({ "input": input, "wa_id": person });
        match if blocks { block(core, number, &person) } else { unblock(core, number, &person) } {
            Ok(()) => done.push(row),
            Err(refusal) => failed.push(with_error(row, &refusal)),
        }
    }
    let list = if blocks { "added_users" } else { "removed_users" };
    let mut answer = json!({ "messaging_product": "whatsapp", "block_users": { list: done } });
    if failed.is_empty() {
        return Ok(Answer::json(&answer));
    }
    answer["block_users"]["failed_users"] = json!(failed);
    let why = "Failed to block some users, see the block_users response list for details";
    answer["error"] = Refusal::new(139100, why).body(core.ids.trace())["error"].clone();
    Ok(Answer { status: 400, ..Answer::json(&answer) })
}

/// Only who wrote within 24 hours can be blocked.
fn block(core: &Core, number: usize, person: &str) -> Result<(), Refusal> {
    let key = core.canonical(person);
    if !core.blocked.has(number, key) && !core.windows.is_open(number, key, core.now_ms()) {
        return Err(Refusal::new(131047, "User has not messaged in the last 24 hours"));
    }
    if core.blocked.add(number, key) { Ok(()) } else { Err(Refusal::new(139101, "The block list is full")) }
}

fn unblock(core: &Core, number: usize, person: &str) -> Result<(), Refusal> {
    let removed = core.blocked.remove(number, core.canonical(person));
    if removed { Ok(()) } else { Err(Refusal::new(139103, "The user is not blocked")) }
}

fn with_error(mut row: Value, refusal: &Refusal) -> Value {
    row["errors"] = json!([{
        "message": refusal.message,
        "code": refusal.code,
        "error_data": { "details": refusal.details },
    }]);
    row
}

pub(super) fn list(core: &Core, route: &Route<'_>, parts: &Parts) -> Result<Answer, Refusal> {
    let (number, _) = core.number(route.id).ok_or_else(|| Refusal::no_object(route.id, "GET"))?;
    let asked = query(parts);
    let limit = page_of(&asked, 25)?;
    let after = asked.get("after").map(String::as_str).unwrap_or_default();
    let (people, more) = core.blocked.page(number, after, limit);
    let row = |person: &String| {
        let ids = core.phones.by_person(person).map(|phone| phone.ids());
        let [wa_id, _] = ids.unwrap_or_else(|| [person.clone(), String::new()]);
        json!({ "messaging_product": "whatsapp", "wa_id": wa_id })
    };
    let mut answer = json!({ "data": people.iter().map(row).collect::<Vec<_>>() });
    if let (Some(first), Some(last)) = (people.first(), people.last()) {
        answer["paging"] = json!({ "cursors": { "before": first, "after": last } });
        if more {
            let next = format!("http://{}{}?limit={limit}&after={last}", core.addr, parts.uri.path());
            answer["paging"]["next"] = json!(next);
        }
    }
    Ok(Answer::json(&answer))
}
