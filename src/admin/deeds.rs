//! What people do with a conversation: `/api/v1/conversations/{id}/takeover`, `…/handback`, `…/pause`, `…/resume`,
//! `…/restart`, `…/end`, `…/reset`, `…/fork`, `…/notes`, and `PATCH …/variables`. Each is one turn of the engine, answered
//! after its commit; `?dry_run=true` says what would come of it.

pub(super) mod bodies;
mod refusal;

use actors::{Act, Deed, Done, How, journal, view};
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use http::{HeaderMap, StatusCode, header};
use serde_json::{Value, json};
use storage::ConversationId;

use super::audit::Audited;
use super::lists::{Asked, read};
use super::principal::Principal;
use super::problem::Problem;
use super::role::Role;
use super::{Ctx, Shared, conversations, journal as journals};
use bodies::{
    Acted, DryRun, ForkBody, HandBackBody, NoteBody, ResetBody, TakeOverBody, VariablesBody, Words, body, words,
};

/// Takes a conversation over: the bot is silent from the answer on.
///
/// Of two people who try, one gets it; the other one hears who, and since when. The same person again changes nothing.
/// With `take_from` it is taken from somebody else by who may (operators and admins), from whoever has been idle for
/// `takeover.idle_resume`, and from the phone app.
#[utoipa::path(
    post, path = "/api/v1/conversations/{id}/takeover",
    params(DryRun),
    request_body(content = TakeOverBody, example = json!({ "reason": "she asks for a refund" })),
    responses((status = OK, body = Acted), (status = ACCEPTED, body = Acted))
)]
pub(super) async fn take_over(
    State(shared): Ctx,
    Extension(principal): Extension<Principal>,
    Path(id): Path<String>,
    query: Asked<DryRun>,
    bytes: Bytes,
) -> Result<Response, Problem> {
    let TakeOverBody { reason, note, take_from } = body(&bytes)?;
    let act = Act::TakeOver { from_others: take_from };
    let words = Words { reason, note };
    done(&shared, &principal, &id, (act, words), read(query)?, StatusCode::OK).await
}

/// Gives a conversation back to the bot.
#[utoipa::path(
    post, path = "/api/v1/conversations/{id}/handback",
    params(DryRun),
    request_body(content = HandBackBody, example = json!({ "how": "continue", "note": "refund is on its way" })),
    responses((status = ACCEPTED, body = Acted))
)]
pub(super) async fn hand_back(
    State(shared): Ctx,
    Extension(principal): Extension<Principal>,
    Path(id): Path<String>,
    query: Asked<DryRun>,
    bytes: Bytes,
) -> Result<Response, Problem> {
    let asked: HandBackBody = body(&bytes)?;
    let (how, outcome) = (asked.how()?, asked.outcome.into());
    let words = Words { reason: asked.reason, note: asked.note };
    let act = Act::HandBack { how, outcome };
    done(&shared, &principal, &id, (act, words), read(query)?, StatusCode::ACCEPTED).await
}

macro_rules! plain {
    ($(#[$doc:meta])* $name:ident, $path:literal, $act:expr) => {
        $(#[$doc])*
        #[utoipa::path(
            post, path = $path,
            params(DryRun),
            request_body(content = Words, example = json!({ "reason": "it goes round in circles" })),
            responses((status = OK, body = Acted), (status = ACCEPTED, body = Acted))
        )]
        pub(super) async fn $name(
            State(shared): Ctx,
            Extension(principal): Extension<Principal>,
            Path(id): Path<String>,
            query: Asked<DryRun>,
            bytes: Bytes,
        ) -> Result<Response, Problem> {
            done(&shared, &principal, &id, ($act, body(&bytes)?), read(query)?, StatusCode::OK).await
        }
    };
}

plain!(
    /// Stops the bot in a conversation; nobody answers until it is resumed or taken over.
    pause, "/api/v1/conversations/{id}/pause", Act::Pause
);
plain!(
    /// Lets a bot that was paused go on where it waited, as if no time had passed.
    resume, "/api/v1/conversations/{id}/resume", Act::Resume
);
plain!(
    /// Ends the run and begins another one where the bot begins.
    restart, "/api/v1/conversations/{id}/restart", Act::Restart
);
plain!(
    /// Ends the run. The person's next message begins another one.
    end, "/api/v1/conversations/{id}/end", Act::End
);

/// Takes a run up again as it was after an entry of the journal, under an id of its own. The run that is under way ends;
/// the journal keeps both. What is known of the person stays as it is now.
#[utoipa::path(
    post, path = "/api/v1/conversations/{id}/reset",
    params(DryRun),
    request_body(content = ResetBody, example = json!({ "entry": 12, "reason": "the price was wrong" })),
    responses((status = OK, body = Acted), (status = ACCEPTED, body = Acted))
)]
pub(super) async fn reset(
    State(shared): Ctx,
    Extension(principal): Extension<Principal>,
    Path(id): Path<String>,
    query: Asked<DryRun>,
    bytes: Bytes,
) -> Result<Response, Problem> {
    let ResetBody { entry, reason } = body(&bytes)?;
    let (conversation, _) = conversations::seen(&shared, &principal, &id).await?;
    let (at_ms, then) = moment(&shared, conversation, entry).await?;
    let act = Act::Rewind { entry, at_ms, then: Box::new(then) };
    done(&shared, &principal, &id, (act, Words { reason, note: None }), read(query)?, StatusCode::OK).await
}

/// Makes the conversation of one of the simulator's phones a copy of this one as it was after an entry, so that it can be
/// tried what would have come. Only where the server runs against the simulator; `…/test` gives the same as a test of the bot.
#[utoipa::path(
    post, path = "/api/v1/conversations/{id}/fork",
    params(DryRun),
    request_body(content = ForkBody, example = json!({ "entry": 12, "phone": "447700900101" })),
    responses((status = OK, body = Acted), (status = ACCEPTED, body = Acted))
)]
pub(super) async fn fork(
    State(shared): Ctx,
    Extension(principal): Extension<Principal>,
    Path(id): Path<String>,
    query: Asked<DryRun>,
    bytes: Bytes,
) -> Result<Response, Problem> {
    let ForkBody { entry, phone } = body(&bytes)?;
    let (of, head) = conversations::seen(&shared, &principal, &id).await?;
    if !shared.parts.open_on_loopback {
        let detail = "this server runs against the real WhatsApp: a copy of a conversation would write to a person";
        return Err(Problem::new(StatusCode::CONFLICT, "no-simulator", detail).hint(
            "GET …/test gives the conversation as a test; play it with `parlance test`, or fork in `parlance dev`",
        ));
    }
    let entry = entry.unwrap_or_else(|| head.next_entry.saturating_sub(1));
    let (at_ms, then) = moment(&shared, of, entry).await?;
    let contacts = view::contacts_of_phone(&*shared.parts.store, &phone).await?;
    let unknown = || {
        Problem::not_found(format!("the phone {phone:?} has no conversation here"))
            .hint("say something as this phone of the simulator first, such as `parlance say hi --phone 2`")
    };
    let contact = contacts.first().copied().ok_or_else(unknown)?;
    let to = actors::identity::conversation_id(&conversations::partition_of(of, &head)?, contact);
    if shared.parts.store.load(to).await?.is_none() {
        return Err(unknown());
    }
    if to == of {
        return Err(Problem::bad_request("this phone is the person of this conversation")
            .hint("choose another phone of the simulator, or reset the conversation"));
    }
    let act = Act::Copy { of, entry, at_ms, then: Box::new(then) };
    done(&shared, &principal, &to.to_string(), (act, Words::default()), read(query)?, StatusCode::OK).await
}

/// Changes variables of a run that is paused, or that a person has: within the types and caps of the bot, all of them or
/// none. `If-Match` has the conversation's `ETag`; null takes a variable away.
#[utoipa::path(
    patch, path = "/api/v1/conversations/{id}/variables",
    params(("If-Match" = String, Header, description = "the ETag of the conversation"), DryRun),
    request_body(content = VariablesBody, example = json!({ "variables": { "order_no": "A-17" }, "reason": "typo" })),
    responses((status = OK, body = Acted), (status = ACCEPTED, body = Acted))
)]
pub(super) async fn variables(
    State(shared): Ctx,
    Extension(principal): Extension<Principal>,
    Path(id): Path<String>,
    query: Asked<DryRun>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Problem> {
    let VariablesBody { variables, reason } = body(&bytes)?;
    if variables.is_empty() {
        return Err(Problem::bad_request("variables has none"));
    }
    let act = Act::Set { revision: revision(&headers)?, values: variables };
    done(&shared, &principal, &id, (act, Words { reason, note: None }), read(query)?, StatusCode::OK).await
}

/// Writes a note into the journal, for whoever comes later. The person never sees it.
#[utoipa::path(
    post, path = "/api/v1/conversations/{id}/notes",
    params(DryRun),
    request_body(content = NoteBody, example = json!({ "text": "prefers to be called after six" })),
    responses((status = OK, body = Acted), (status = ACCEPTED, body = Acted))
)]
pub(super) async fn note(
    State(shared): Ctx,
    Extension(principal): Extension<Principal>,
    Path(id): Path<String>,
    query: Asked<DryRun>,
    bytes: Bytes,
) -> Result<Response, Problem> {
    let NoteBody { text } = body(&bytes)?;
    let text = words("text", Some(text))?.ok_or_else(|| Problem::bad_request("text has nothing in it"))?;
    done(&shared, &principal, &id, (Act::Note(text), Words::default()), read(query)?, StatusCode::OK).await
}

/// The bot's part of a state, and when it was that.
async fn moment(shared: &Shared, of: ConversationId, entry: u64) -> Result<(u64, chatbot::Snapshot), Problem> {
    let moment = journal::moment(&*shared.parts.store, of, entry).await.map_err(journals::refused)?;
    let then = moment.bot().map_err(|error| Problem::damaged(&error))?;
    Ok((moment.at_ms, then))
}

/// The revision that `If-Match` names; `None` is any.
fn revision(headers: &HeaderMap) -> Result<Option<u64>, Problem> {
    let missing = || {
        Problem::new(StatusCode::PRECONDITION_REQUIRED, "precondition-required", "this change needs If-Match")
            .hint("send the ETag that GET of the conversation answers, so that nobody's change is overwritten")
    };
    let text = headers.get(header::IF_MATCH).ok_or_else(missing)?.to_str().unwrap_or_default().trim();
    if text == "*" {
        return Ok(None);
    }
    let inner = text.trim_start_matches("W/").strip_prefix('"').and_then(|text| text.strip_suffix('"'));
    let wrong = || Problem::bad_request(format!("If-Match is {text:?}, which is no ETag of a conversation"));
    inner.and_then(|text| text.parse().ok()).map(Some).ok_or_else(wrong)
}

async fn done(
    shared: &Shared,
    principal: &Principal,
    id: &str,
    (act, asked): (Act, Words),
    DryRun { dry_run }: DryRun,
    status: StatusCode,
) -> Result<Response, Problem> {
    let (conversation, head) = conversations::seen(shared, principal, id).await?;
    let before = view::conversation(conversation, &head).map_err(|error| Problem::damaged(&error))?.0;
    let deed = Deed {
        act,
        who: principal.who.clone(),
        reason: words("reason", asked.reason)?,
        note: words("note", asked.note)?,
        by_right: principal.role.may(Role::Operator),
    };
    let audited = Audited::default().before(standing(&Acted::now(&before))).reason(deed.reason.clone());
    let engine = &shared.parts.engine;
    let outcome = match dry_run {
        true => engine.would(conversation, &deed).await?,
        false => engine.act(conversation, deed).await?,
    };
    match outcome {
        Done::Done(standing) => {
            let view = conversations::view_of(shared, standing.conversation).await?;
            let answer = Acted { dry_run, ..Acted::of(&view, &standing) };
            let etag = [(header::ETAG, conversations::etag(answer.revision))];
            let audited = Extension(audited.after(self::standing(&answer)).target(&answer.id));
            Ok((status, etag, audited, Json(answer)).into_response())
        }
        Done::Waiting(seq) => {
            let view = conversations::view_of(shared, conversation).await?;
            let answer = Acted { waiting: Some(seq.0.to_string()), ..Acted::now(&view) };
            Ok((StatusCode::ACCEPTED, Extension(audited), Json(answer)).into_response())
        }
        Done::Refused(refusal) => {
            let view = conversations::view_of(shared, conversation).await?;
            Err(refusal::problem(&refusal, &view))
        }
        Done::Unknown => Err(conversations::unknown(id)),
    }
}

/// What the audit trail says of how a conversation stands.
fn standing(stands: &Acted) -> Value {
    json!({ "state": stands.state, "owner": stands.owner, "node": stands.node, "revision": stands.revision })
}

impl HandBackBody {
    fn how(&self) -> Result<How, Problem> {
        use bodies::Where;
        match (self.how, &self.node) {
            (None | Some(Where::Node), Some(node)) => Ok(How::Node(node.clone())),
            (Some(Where::Node), None) => Err(Problem::bad_request("how is node, and node names none")),
            (Some(_), Some(_)) => Err(Problem::bad_request("node goes with how: node only")),
            (None | Some(Where::Continue), None) => Ok(How::Continue),
            (Some(Where::Restart), None) => Ok(How::Restart),
            (Some(Where::End), None) => Ok(How::End),
        }
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn a_revision_is_read_out_of_an_etag_and_of_nothing_else() {
        let of = |text: &'static str| {
            let headers: HeaderMap = [(header::IF_MATCH, HeaderValue::from_static(text))].into_iter().collect();
            revision(&headers).ok()
        };
        assert_eq!((of("\"7\""), of("W/\"7\""), of("*")), (Some(Some(7)), Some(Some(7)), Some(None)));
        assert_eq!((of("7"), of("\"x\""), of("")), (None, None, None));
        assert!(revision(&HeaderMap::new()).is_err());
    }
}
