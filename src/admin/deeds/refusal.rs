//! Why a deed is not done, as a problem: with how the conversation stands.

use actors::DeedRefusal;
use actors::view::ConversationView;
use http::StatusCode;

use super::super::problem::Problem;
use super::super::{conversations, time};

pub(super) fn problem(refusal: &DeedRefusal, view: &ConversationView) -> Problem {
    let (status, kind, hint) = told(refusal);
    let problem = Problem::new(status, kind, refusal.to_string()).hint(hint).with("state", view.state);
    match refusal {
        DeedRefusal::Owned { who, since_ms } => problem.with("owner", &**who).with("since", time::at(*since_ms)),
        DeedRefusal::Revision { .. } => problem.with("etag", conversations::etag(view.revision)),
        _ => problem,
    }
}

fn told(refusal: &DeedRefusal) -> (StatusCode, &'static str, &'static str) {
    let conflict = |kind, hint| (StatusCode::CONFLICT, kind, hint);
    match refusal {
        DeedRefusal::Owned { .. } => conflict(
            "owned",
            "ask them to hand it back; operators, and everybody once they have been idle for takeover.idle_resume, may use take_from",
        ),
        DeedRefusal::WithBot => conflict("with-bot", "take it over first, or pause the bot"),
        DeedRefusal::WithPerson => conflict("with-person", "hand it back: how says where the bot goes on"),
        DeedRefusal::Paused => conflict("paused", "resume it, or take it over"),
        DeedRefusal::NoBot => conflict("no-bot", "publish a version that works, or end the run"),
        DeedRefusal::NoRun => conflict("no-run", "one begins with the person's next message, or with restart"),
        DeedRefusal::AtWork => conflict("bot-at-work", "pause it, change them, resume it"),
        DeedRefusal::Calling(_) => conflict("calling", "the journal lists the entries"),
        DeedRefusal::Revision { .. } => {
            (StatusCode::PRECONDITION_FAILED, "revision-changed", "look at the conversation again, then send its ETag")
        }
        DeedRefusal::NoNode { .. } => {
            (StatusCode::UNPROCESSABLE_ENTITY, "no-such-node", "the bot's graph lists its nodes")
        }
        DeedRefusal::Bot(_) => (
            StatusCode::UNPROCESSABLE_ENTITY,
            "bot-refused",
            "nothing was changed; correct what is named and try again",
        ),
    }
}
