//! What of an answer is for whom: a principal of some numbers sees nothing of others, and a viewer nothing personal.
//!
//! Both are decided here, by route, for every route there is: what is not listed is closed to principals of some numbers, and masked.

use std::borrow::Cow;

use actors::identity::partition_tag;
use axum::body::{Body, to_bytes};
use axum::response::{IntoResponse, Response};
use http::{Method, StatusCode, header};
use percent_encoding::percent_decode_str;
use serde_json::Value;
use storage::{ConversationId, Partition, SendId};

use super::access::is_write;
use super::principal::Principal;
use super::problem::Problem;
use super::role::Role;
use super::{conversations, mask, numbers};

/// Bytes of an answer that is looked through, at the most.
const MAX_ANSWER: usize = 64 * 1024 * 1024;

/// What a principal of some numbers gets of a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// Everything: it belongs to no number.
    All,
    /// Only what its path names, if they see that.
    Path,
    /// Only the items, or the one object, that they see.
    Seen,
    /// What its handler gives them.
    Handler,
    /// Nothing: it is of all numbers, or of an account.
    Nothing,
}

/// What a viewer gets of a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shown {
    /// As it is: nothing in it is personal.
    Plain,
    /// With what is personal masked.
    Masked,
    /// What its handler masks.
    Handler,
}

/// What a route is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Scope {
    pub(super) reads: Reach,
    pub(super) writes: Reach,
    pub(super) shown: Shown,
}

const fn scope(reads: Reach, writes: Reach, shown: Shown) -> Scope {
    Scope { reads, writes, shown }
}

/// By the beginning of a route; the first that fits counts.
const RULES: [(&str, Scope); 34] = [
    ("/api/v1/conversations/{", scope(Reach::Path, Reach::Path, Shown::Masked)),
    ("/api/v1/conversations", scope(Reach::Seen, Reach::Nothing, Shown::Masked)),
    ("/api/v1/messages", scope(Reach::Handler, Reach::Handler, Shown::Masked)),
    ("/api/v1/runs", scope(Reach::Handler, Reach::Handler, Shown::Masked)),
    ("/api/v1/broadcasts", scope(Reach::Handler, Reach::Handler, Shown::Masked)),
    ("/api/v1/outbox/batches", scope(Reach::Handler, Reach::Nothing, Shown::Masked)),
    ("/api/v1/outbox/{", scope(Reach::Path, Reach::Path, Shown::Masked)),
    ("/api/v1/outbox", scope(Reach::Seen, Reach::Nothing, Shown::Masked)),
    ("/api/v1/dead-letters/groups", scope(Reach::Handler, Reach::Nothing, Shown::Plain)),
    ("/api/v1/dead-letters/", scope(Reach::Handler, Reach::Handler, Shown::Masked)),
    ("/api/v1/dead-letters", scope(Reach::Seen, Reach::Nothing, Shown::Masked)),
    ("/api/v1/quarantine", scope(Reach::Seen, Reach::Nothing, Shown::Masked)),
    ("/api/v1/blocked", scope(Reach::Seen, Reach::Handler, Shown::Masked)),
    ("/api/v1/events/", scope(Reach::Nothing, Reach::Nothing, Shown::Masked)),
    // A stream: what goes into it is chosen event by event.
    ("/api/v1/events", scope(Reach::Handler, Reach::Nothing, Shown::Handler)),
    ("/api/v1/contacts", scope(Reach::Handler, Reach::Handler, Shown::Masked)),
    ("/api/v1/quick-replies", scope(Reach::Handler, Reach::Nothing, Shown::Masked)),
    ("/api/v1/webhooks", scope(Reach::Handler, Reach::Handler, Shown::Handler)),
    ("/api/v1/logs", scope(Reach::Nothing, Reach::Nothing, Shown::Plain)),
    ("/api/v1/media/prune", scope(Reach::Nothing, Reach::Nothing, Shown::Plain)),
    ("/api/v1/media", scope(Reach::Handler, Reach::Handler, Shown::Masked)),
    ("/api/v1/numbers/{id}", scope(Reach::Path, Reach::Path, Shown::Plain)),
    ("/api/v1/numbers", scope(Reach::Handler, Reach::Nothing, Shown::Plain)),
    ("/api/v1/status", scope(Reach::Handler, Reach::Nothing, Shown::Plain)),
    ("/api/v1/me", scope(Reach::All, Reach::All, Shown::Plain)),
    ("/api/v1/logout", scope(Reach::All, Reach::All, Shown::Plain)),
    ("/api/v1/openapi.json", scope(Reach::All, Reach::Nothing, Shown::Plain)),
    ("/api/v1/bots/check", scope(Reach::All, Reach::All, Shown::Plain)),
    ("/api/v1/bots/import", scope(Reach::All, Reach::All, Shown::Plain)),
    // What all numbers, or all of an account, have in common can be read, and changed by those who see them all.
    ("/api/v1/bots", scope(Reach::All, Reach::Nothing, Shown::Plain)),
    ("/api/v1/flows", scope(Reach::All, Reach::Nothing, Shown::Plain)),
    ("/api/v1/flow-keys", scope(Reach::All, Reach::Nothing, Shown::Plain)),
    ("/api/v1/templates", scope(Reach::All, Reach::Nothing, Shown::Plain)),
    ("/metrics", scope(Reach::Nothing, Reach::Nothing, Shown::Plain)),
];

/// What a route is. Of one that nobody has thought about: the strictest.
pub(super) fn of(route: &str) -> Scope {
    let rule = RULES.iter().find(|(beginning, _)| route.starts_with(beginning));
    rule.map_or(scope(Reach::Nothing, Reach::Nothing, Shown::Masked), |(_, scope)| *scope)
}

impl Scope {
    fn reach(self, method: &Method) -> Reach {
        if is_write(method) { self.writes } else { self.reads }
    }
}

/// Whether a principal of some numbers may ask for this at all. Errors: it is none of theirs.
pub(super) fn admit(principal: &Principal, method: &Method, route: &str, path: &str) -> Result<(), Problem> {
    if principal.numbers.is_none() {
        return Ok(());
    }
    match of(route).reach(method) {
        Reach::All | Reach::Seen | Reach::Handler => Ok(()),
        Reach::Path => named(principal, route, path),
        Reach::Nothing => Err(of_all(principal)),
    }
}

/// Why somebody who sees some numbers only may not do what is of all of them.
pub(super) fn of_all(principal: &Principal) -> Problem {
    let detail = format!("this is not of single numbers, and {} sees some of them only", principal.who);
    Problem::new(StatusCode::FORBIDDEN, "number-scope", detail).hint("ask with a user or token that sees all numbers")
}

/// Whether they see what the path names. It is not found otherwise, as if it were not there.
fn named(principal: &Principal, route: &str, path: &str) -> Result<(), Problem> {
    let id = ids(route, path).next().unwrap_or_default();
    if route.starts_with("/api/v1/numbers/") {
        return if principal.sees(&id) { Ok(()) } else { Err(numbers::unknown(&id)) };
    }
    // What is no id is of no number that they see.
    if sees_id(principal, &id) == Some(true) { Ok(()) } else { Err(conversations::unknown(&id)) }
}

/// What stands in a path where its route has names: decoded, as the handler gets it.
pub(super) fn ids<'a>(route: &'a str, path: &'a str) -> impl Iterator<Item = Cow<'a, str>> {
    let pairs = route.split('/').zip(path.split('/'));
    pairs.filter(|(name, _)| name.starts_with('{')).map(|(_, id)| percent_decode_str(id).decode_utf8_lossy())
}

/// Whether they see the conversation that an id of one, or of one of its messages, names; `None` if it is no such id.
fn sees_id(principal: &Principal, id: &str) -> Option<bool> {
    let of_send = || id.parse().ok().map(|send: SendId| send.conversation);
    let conversation: ConversationId = id.parse().ok().or_else(of_send)?;
    Some(sees_conversation(principal, conversation))
}

/// Whether they see a conversation: its id begins with what stands for its number.
pub(super) fn sees_conversation(principal: &Principal, conversation: ConversationId) -> bool {
    let Some(numbers) = &principal.numbers else { return true };
    let tag = conversation.0.first_chunk::<4>().copied().unwrap_or_default();
    numbers.iter().any(|number| partition_tag(&Partition(number.clone())) == tag)
}

/// The answer, with what is not for them left out or masked.
pub(super) async fn cut(principal: &Principal, method: &Method, route: &str, answer: Response) -> Response {
    let scope = of(route);
    let filtered = principal.numbers.is_some() && scope.reach(method) == Reach::Seen;
    let masked = principal.role == Role::Viewer && scope.shown == Shown::Masked;
    if !(filtered || masked) || !answer.status().is_success() {
        return answer;
    }
    let kind = answer.headers().get(header::CONTENT_TYPE).map(|kind| kind.as_bytes().to_vec());
    if kind.is_some_and(|kind| !kind.starts_with(b"application/json")) {
        let detail = "this cannot be shown without what is personal in it, or of other numbers";
        return Problem::new(StatusCode::FORBIDDEN, "forbidden", detail).into_response();
    }
    let (mut parts, body) = answer.into_parts();
    let read = to_bytes(body, MAX_ANSWER).await.ok();
    let Some(bytes) = read else { return unreadable("an answer was too large to be looked through") };
    if bytes.is_empty() {
        return Response::from_parts(parts, Body::empty());
    }
    let Ok(mut value) = serde_json::from_slice::<Value>(&bytes) else {
        return unreadable("an answer was no JSON");
    };
    if filtered && !keep_seen(principal, &mut value) {
        return Problem::not_found("there is no such thing").into_response();
    }
    if masked {
        mask::value(&mut value);
    }
    parts.headers.remove(header::CONTENT_LENGTH);
    // It is no longer what its tag stood for.
    parts.headers.remove(header::ETAG);
    Response::from_parts(parts, Body::from(value.to_string()))
}

fn unreadable(detail: &str) -> Response {
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", detail).into_response()
}

/// Leaves the items that they see; `false` if it is one object that they do not see.
fn keep_seen(principal: &Principal, answer: &mut Value) -> bool {
    match answer.get_mut("items").and_then(Value::as_array_mut) {
        Some(items) => {
            items.retain(|item| sees_item(principal, item));
            if let Some(answer) = answer.as_object_mut() {
                // It counts those of others, too.
                answer.remove("approx_total");
            }
            true
        }
        None => sees_item(principal, answer),
    }
}

/// Whether they see an item, by the number that it names; one that names none is not theirs.
pub(super) fn sees_item(principal: &Principal, item: &Value) -> bool {
    if let Some(number) = item["phone_number_id"].as_str() {
        return principal.sees(number);
    }
    let ids = ["conversation", "conversation_id", "id", "outbox"].into_iter().filter_map(|name| item[name].as_str());
    if let Some(seen) = ids.filter_map(|id| sees_id(principal, id)).next() {
        return seen;
    }
    let numbers = numbers_in(&item["raw"], 0);
    !numbers.is_empty() && numbers.iter().all(|number| principal.sees(number))
}

/// The numbers that a webhook as it came names.
fn numbers_in(raw: &Value, depth: usize) -> Vec<&str> {
    const DEEPEST: usize = 16;
    if depth == DEEPEST {
        return Vec::new();
    }
    match raw {
        Value::Object(members) => {
            let own = members.get("phone_number_id").and_then(Value::as_str);
            own.into_iter().chain(members.values().flat_map(|value| numbers_in(value, depth + 1))).collect()
        }
        Value::Array(values) => values.iter().flat_map(|value| numbers_in(value, depth + 1)).collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use actors::identity::conversation_id;
    use serde_json::json;
    use storage::ContactId;

    use super::*;

    fn of_700() -> Principal {
        Principal { role: Role::Operator, numbers: Some(["700".into()].into()), ..Principal::admin("token:ci") }
    }

    fn id(number: &str) -> String {
        conversation_id(&Partition(number.into()), ContactId([7; 12])).to_string()
    }

    #[test]
    fn what_a_path_names_is_found_by_those_who_see_its_number() {
        let principal = of_700();
        let ask = |route: &str, path: String| admit(&principal, &Method::POST, route, &path).is_ok();
        let (own, other) = (id("700"), id("800"));
        let route = "/api/v1/conversations/{id}/messages";
        assert!(ask(route, format!("/api/v1/conversations/{own}/messages")));
        assert!(!ask(route, format!("/api/v1/conversations/{other}/messages")));
        let coded = |id: &str| format!("/api/v1/conversations/%63{}/messages", id.trim_start_matches('c'));
        assert!(ask(route, coded(&own)) && !ask(route, coded(&other)), "as the handler gets it");
        assert!(!ask(route, "/api/v1/conversations/nonsense/messages".into()), "what is no id is not found");
        let sent = |id: &str| format!("/api/v1/outbox/o_{}-3", id.trim_start_matches("c_"));
        assert!(ask("/api/v1/outbox/{id}", sent(&own)) && !ask("/api/v1/outbox/{id}", sent(&other)));
        assert!(ask("/api/v1/numbers/{id}/pause", "/api/v1/numbers/700/pause".into()));
        assert!(!ask("/api/v1/numbers/{id}/pause", "/api/v1/numbers/800/pause".into()));
        assert!(!ask("/api/v1/never/heard/of", "/api/v1/never/heard/of".into()), "closed by default");
        assert!(!ask("/api/v1/bots/{id}/publish", "/api/v1/bots/x/publish".into()), "it is of all numbers");
    }

    #[test]
    fn items_of_other_numbers_and_of_none_are_left_out() {
        let principal = of_700();
        let raw = |number: &str| json!({ "entry": [{ "changes": [{ "value": { "metadata": { "phone_number_id": number }}}]}]});
        let mut answer = json!({ "approx_total": 9, "next_cursor": "x", "items": [
            { "id": "1", "phone_number_id": "700" },
            { "id": "2", "phone_number_id": "800" },
            { "id": id("700") },
            { "id": id("800") },
            { "id": "3", "conversation": id("700") },
            { "id": "4", "conversation": id("800") },
            { "id": "5", "raw": raw("700") },
            { "id": "6", "raw": raw("800") },
            { "id": "7" },
            { "id": "8", "raw": "no JSON" },
        ]});
        assert!(keep_seen(&principal, &mut answer));
        let left: Vec<_> =
            answer["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap()).collect();
        assert_eq!(left, ["1", &id("700"), "3", "5"]);
        assert_eq!((&answer["next_cursor"], answer.get("approx_total")), (&json!("x"), None));
        assert!(!keep_seen(&principal, &mut json!({ "id": "m", "conversation": id("800") })));
    }

    #[tokio::test]
    async fn a_viewer_gets_nothing_that_cannot_be_masked() {
        let viewer = Principal { role: Role::Viewer, ..Principal::admin("user:v") };
        let answer = || ([(header::CONTENT_TYPE, "text/yaml")], "text: hello").into_response();
        let cut_of =
            async |principal: &Principal, route: &str| cut(principal, &Method::GET, route, answer()).await.status();
        assert_eq!(cut_of(&viewer, "/api/v1/conversations/{id}/test").await, 403);
        assert_eq!(cut_of(&viewer, "/api/v1/bots/{id}/graph").await, 200);
        assert_eq!(cut_of(&Principal::admin("x"), "/api/v1/conversations/{id}/test").await, 200);
    }
}
