//! `/api/v1/events`: what happens, as one stream of server-sent events that goes on where it broke off.

mod wire;

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;
use std::time::Duration;

use actors::feed::{Follower, Full, Told, Topic};
use actors::identity;
use axum::Extension;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use http::request::Parts;
use http::{StatusCode, header};
use serde::Deserialize;
use storage::{ConversationId, Partition};

use super::given::{Asked, read};
use super::principal::Principal;
use super::problem::Problem;
use super::role::Role;
use super::{Ctx, Shared, logs};
use crate::telemetry::Line;

/// A stream that is silent for so long says that it is alive.
const BEAT_MS: u64 = 15_000;
/// The topic that is no part of the store.
const LOGS: &str = "logs";
/// A credential that does not count any more ends its streams within this time.
const RECHECK: Duration = Duration::from_millis(500);
/// Bytes of events that are put together for one write.
const WRITE: usize = 4 * 1024;
/// When to come again if too many follow.
const RETRY_SECONDS: u64 = 10;

/// What a client wants to hear.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Choice {
    /// Topics, with commas between them; all that the caller may hear but `logs` if it is left out. Lines of `logs` have no
    /// id and come as long as the stream is open.
    #[param(example = "conversations,messages")]
    topics: Option<String>,
    /// Only what is about this conversation.
    #[param(example = "c_0000000000000000000000000A")]
    conversation: Option<String>,
    /// Where to go on: the id of the last event that was heard. The header `Last-Event-ID` goes before it.
    #[param(example = "1f2e3d4c-1203")]
    after: Option<String>,
    /// Of `logs`: this level and worse.
    #[param(example = "warn")]
    level: Option<String>,
}

/// What happens, live.
///
/// Server-sent events. Each has the id of its place in the store's log, which survives restarts: whoever comes back with
/// `Last-Event-ID` gets what was missed, in order and once. `resync` says that this is not possible: fetch everything anew.
/// Events without an id are told to those who listen at the moment, and not kept.
#[utoipa::path(
    get,
    path = "/api/v1/events",
    tag = "events",
    params(Choice, ("Last-Event-ID" = Option<String>, Header, description = "Where to go on")),
    responses(
        (status = OK, body = String, content_type = "text/event-stream", example = "id: 1f2e3d4c-1204\nevent: message.in\ndata: {\"conversation\":\"c_0000000000000000000000000A\",\"id\":\"12\"}\n\n"),
        (status = SERVICE_UNAVAILABLE, description = "Too many follow already"),
    )
)]
pub(super) async fn events(
    State(shared): Ctx,
    Extension(principal): Extension<Principal>,
    choice: Asked<Choice>,
    asked: Parts,
) -> Result<Response, Problem> {
    let choice = read(choice)?;
    let (topics, with_logs) = topics(choice.topics.as_deref(), &principal)?;
    let level = logs::level(choice.level.as_deref())?;
    let conversation = choice.conversation.as_deref().map(conversation).transpose()?;
    let numbers = numbers(&principal);
    if let (Some(id), Some(numbers)) = (conversation, &numbers)
        && !numbers.contains(&identity::tag_of(id))
    {
        return Err(super::conversations::unknown(&id.to_string()));
    }
    let after = asked.headers.get("last-event-id").and_then(|id| id.to_str().ok()).or(choice.after.as_deref());
    let heard = topics.clone();
    let wants = move |told: &Told| {
        heard.contains(&told.topic)
            && conversation.is_none_or(|id| told.conversation == Some(id))
            && numbers.as_ref().is_none_or(|numbers| concerns(told, numbers))
    };
    let follower = shared.parts.feed.follow(after, wants)?;
    let mut names: Vec<_> = topics.iter().map(|topic| topic.name()).collect();
    names.extend(with_logs.then_some(LOGS));
    let hello = wire::hello(&shared.parts.feed, &follower, &names, after.is_some());
    let wanted = logs::Wanted { level, conversation: choice.conversation, ..logs::Wanted::default() };
    let tail = with_logs.then(|| logs::Tail::new(shared.parts.logs.clone(), wanted));
    let asked = Request::from_parts(asked.clone(), Body::empty());
    let stream = Stream { shared, follower, tail, principal, asked, hello: Some(hello) };
    let headers =
        [(header::CONTENT_TYPE, "text/event-stream"), (header::HeaderName::from_static("x-accel-buffering"), "no")];
    let frames = stream::unfold(stream, async |mut stream| {
        let frame = stream.frame().await?;
        Some((Ok::<_, std::convert::Infallible>(frame), stream))
    });
    Ok((headers, Body::from_stream(frames)).into_response())
}

impl From<Full> for Problem {
    fn from(full: Full) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "too-many-event-clients", full.to_string())
            .hint("close streams that nobody watches, or raise admin.max_event_clients")
            .retry_after(RETRY_SECONDS)
    }
}

/// The role that hearing of a topic needs.
fn needed(topic: Topic) -> Role {
    match topic {
        Topic::Contacts | Topic::Broadcasts => Role::Responder,
        Topic::Webhooks => Role::Operator,
        Topic::Settings => Role::Admin,
        _ => Role::Viewer,
    }
}

/// The topics that are asked for, and whether the log is.
fn topics(asked: Option<&str>, principal: &Principal) -> Result<(BTreeSet<Topic>, bool), Problem> {
    let Some(asked) = asked else {
        let all = Topic::ALL.into_iter().filter(|topic| principal.role.may(needed(*topic)));
        return Ok((all.collect(), false));
    };
    let names: Vec<_> = asked.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
    let with_logs = names.contains(&LOGS);
    // Its lines are about all numbers.
    if with_logs && (!principal.role.may(Role::Operator) || principal.numbers.is_some()) {
        return Err(Problem::forbidden(principal, Role::Operator));
    }
    let one = |name: &str| {
        let topic = Topic::by_name(name).ok_or_else(|| {
            let known: Vec<_> = Topic::ALL.into_iter().map(Topic::name).collect();
            let hint = format!("topics are {}, {LOGS}", known.join(", "));
            Problem::bad_request(format!("there is no topic {name:?}")).hint(hint)
        })?;
        match principal.role.may(needed(topic)) {
            true => Ok(topic),
            false => Err(Problem::forbidden(principal, needed(topic))),
        }
    };
    let topics = names.into_iter().filter(|name| *name != LOGS).map(one).collect::<Result<_, _>>()?;
    Ok((topics, with_logs))
}

fn conversation(id: &str) -> Result<ConversationId, Problem> {
    id.parse().map_err(|error| Problem::bad_request(format!("conversation {id:?} is {error}")))
}

/// Tags of the numbers that somebody sees who does not see all.
pub(super) fn numbers(principal: &Principal) -> Option<HashSet<[u8; 4]>> {
    let tag = |number: &str| identity::partition_tag(&Partition(number.into()));
    principal.numbers.as_deref().map(|numbers| numbers.iter().map(|number| tag(number)).collect())
}

/// Whether somebody hears of it who sees these numbers only. Of what has no number they hear what all bots share.
fn concerns(told: &Told, numbers: &HashSet<[u8; 4]>) -> bool {
    match told.number {
        Some(number) => numbers.contains(&number),
        None => matches!(told.topic, Topic::Bots | Topic::Flows | Topic::Templates),
    }
}

/// A client's stream.
struct Stream {
    shared: Arc<Shared>,
    follower: Follower,
    tail: Option<logs::Tail>,
    /// Who follows, and what was asked, without its body: the credential is looked at again and again.
    principal: Principal,
    asked: Request,
    hello: Option<String>,
}

impl Stream {
    /// What is to be written next; `None` ends the stream. It is asked for when the client has room: who reads slowly
    /// keeps nothing waiting but a cursor.
    async fn frame(&mut self) -> Option<String> {
        if let Some(hello) = self.hello.take() {
            return Some(hello);
        }
        let Shared { parts, access, .. } = &*self.shared;
        // Another role or other numbers end it, too: the client comes again, and hears what is for it now.
        let is_the_same =
            |asked| matches!(access.check(asked, parts.clock.now_ms()), Ok(Some(now)) if now == self.principal);
        let beat_at = parts.clock.now_ms() + BEAT_MS;
        let heard = loop {
            tokio::select! {
                () = parts.stop.cancelled() => return None,
                // A store that cannot be read: the client comes again and goes on where it was.
                heard = self.follower.next() => break heard.ok()?,
                (lines, lost) = lines(&mut self.tail) => return Some(wire::lines(&lines, lost)),
                () = parts.clock.wait_until(beat_at) => return Some(wire::beat(&parts.feed, &self.follower)),
                () = tokio::time::sleep(RECHECK) => {}
            }
            if !is_the_same(&self.asked) {
                return None;
            }
        };
        if !is_the_same(&self.asked) {
            return None;
        }
        let mut frame = String::new();
        wire::write(&mut frame, &parts.feed, &heard);
        while frame.len() < WRITE
            && let Some(heard) = self.follower.ready()
        {
            wire::write(&mut frame, &parts.feed, &heard);
        }
        Some(frame)
    }
}

/// Waits for lines of the log, for ever if they are not wanted.
async fn lines(tail: &mut Option<logs::Tail>) -> (Vec<Arc<Line>>, u64) {
    match tail {
        Some(tail) => tail.next().await,
        None => std::future::pending().await,
    }
}
