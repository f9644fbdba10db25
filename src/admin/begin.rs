//! Programs begin: `POST /api/v1/messages` and `POST /api/v1/runs`, to anybody, whether or not they ever wrote.

pub(super) mod message;
pub(super) mod run;

use actors::Target;

use super::Shared;
use super::principal::Principal;
use super::problem::Problem;
use http::StatusCode;

/// Who is named, or why nobody is.
fn target(to: &str) -> Result<Target, Problem> {
    to.parse().map_err(|error: actors::TargetError| {
        Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", format!("to: {error}"))
            .hint("give a number with its country code, such as +44 7700 900123, a user id, or c_…")
    })
}

/// The business number that a request is over: the one that is named, that of a conversation, or the only one there is.
pub(super) fn number(
    shared: &Shared,
    principal: &Principal,
    asked: Option<&str>,
    to: Option<&Target>,
) -> Result<Box<str>, Problem> {
    let mut seen = numbers(shared, principal);
    if let Some(asked) = asked {
        let found = seen.into_iter().find(|number| **number == *asked);
        return found.ok_or_else(|| Problem::not_found(format!("there is no number {asked:?}")));
    }
    if let Some(Target::Conversation(id)) = to {
        let tag = actors::identity::tag_of(*id);
        let of = |number: &str| actors::identity::partition_tag(&storage::Partition(number.into())) == tag;
        let found = seen.into_iter().find(|number| of(number));
        return found.ok_or_else(|| super::conversations::unknown(&id.to_string()));
    }
    match (seen.pop(), seen.is_empty()) {
        (Some(only), true) => Ok(only),
        (None, _) => Err(Problem::not_found("there is no number to send from")),
        _ => Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", "from: there are several numbers")
            .hint("say from which one: its phone_number_id, as in GET /api/v1/numbers")),
    }
}

/// The numbers that the caller sees.
pub(super) fn numbers(shared: &Shared, principal: &Principal) -> Vec<Box<str>> {
    let all = shared.parts.numbers.all();
    all.iter().map(|number| number.id.clone()).filter(|number| principal.sees(number)).collect()
}
