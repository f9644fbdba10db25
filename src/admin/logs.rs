//! `/api/v1/logs`: the newest log lines, as far as memory holds them.

use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::watch;
use tracing::Level;

use super::given::{Asked, read};
use super::lists::page;
use super::principal::Principal;
use super::problem::Problem;
use super::role::Role;
use super::{Ctx, cursor};
use crate::telemetry::{Line, Logs};

const LIST: &str = "logs";
/// Lines that a stream takes at once.
const BATCH: usize = 64;

/// Which lines.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Choice {
    /// This level and worse: `error`, `warn`, `info`, `debug`, `trace`.
    #[param(example = "warn")]
    level: Option<String>,
    /// Of this module and those below it.
    #[param(example = "actors")]
    target: Option<String>,
    /// With this `conversation`.
    conversation: Option<String>,
    /// With this `request_id`.
    request_id: Option<String>,
    /// Lines of a page, 200 at the most.
    limit: Option<usize>,
    /// Where the page before ended.
    cursor: Option<String>,
}

/// Lines, newest first.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(example = json!({ "items": [{ "ts": "2026-11-27T09:00:00.000Z", "level": "WARN", "target": "parlance::front",
    "msg": "a webhook was not stored" }], "next_cursor": null }))]
pub(super) struct LogList {
    /// Objects with `ts`, `level`, `target`, `msg`, and the fields of the line.
    items: Vec<Value>,
    next_cursor: Option<String>,
}

/// The newest log lines, newest first. Memory holds the last 5,000 or 4 MB; secrets and numbers are masked as in the log.
#[utoipa::path(get, path = "/api/v1/logs", tag = "server", params(Choice), responses((status = OK, body = LogList)))]
pub(super) async fn list(
    State(shared): Ctx,
    Extension(principal): Extension<Principal>,
    choice: Asked<Choice>,
) -> Result<Json<LogList>, Problem> {
    let choice = read(choice)?;
    // Its lines are about all numbers.
    if principal.numbers.is_some() {
        return Err(Problem::forbidden(&principal, Role::Operator));
    }
    let page = page(LIST, choice.limit, choice.cursor.as_deref())?;
    let before = page.cursor.as_deref().and_then(|number| number.parse().ok()).unwrap_or(0);
    let wanted = Wanted {
        level: level(choice.level.as_deref())?,
        target: choice.target,
        conversation: choice.conversation,
        request_id: choice.request_id,
    };
    let mut lines = shared.parts.logs.before(before, page.limit + 1, |line| wanted.takes(line));
    let more = lines.len() > page.limit;
    lines.truncate(page.limit);
    let next = lines.last().filter(|_| more).map(|line| line.number.to_string());
    let items = lines.iter().map(|line| serde_json::from_str(&line.json).unwrap_or_else(|_| (*line.json).into()));
    Ok(Json(LogList { items: items.collect(), next_cursor: cursor::give(LIST, next) }))
}

/// A level by its name; `None` is all.
pub(super) fn level(name: Option<&str>) -> Result<Option<Level>, Problem> {
    let known = ["error", "warn", "info", "debug", "trace"];
    let parse = |name: &str| name.parse().ok().filter(|_| known.contains(&name));
    let wrong = |name: &str| Problem::bad_request(format!("there is no level {name:?}")).hint(known.join(", "));
    name.map(|name| parse(name).ok_or_else(|| wrong(name))).transpose()
}

/// See [`Choice`].
#[derive(Default)]
pub(super) struct Wanted {
    pub(super) level: Option<Level>,
    pub(super) target: Option<String>,
    pub(super) conversation: Option<String>,
    pub(super) request_id: Option<String>,
}

impl Wanted {
    fn takes(&self, line: &Line) -> bool {
        // Levels that are worse are smaller.
        let bad_enough = self.level.is_none_or(|level| line.level <= level);
        let below = |target: &String| {
            line.target.strip_prefix(target.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
        };
        if !bad_enough || !self.target.as_ref().is_none_or(below) {
            return false;
        }
        if self.conversation.is_none() && self.request_id.is_none() {
            return true;
        }
        let fields: Value = serde_json::from_str(&line.json).unwrap_or_default();
        let is = |name: &str, wanted: &Option<String>| wanted.as_ref().is_none_or(|wanted| fields[name] == **wanted);
        is("conversation", &self.conversation) && is("request_id", &self.request_id)
    }
}

/// Follows the lines for one client.
pub(super) struct Tail {
    logs: Arc<Logs>,
    bell: watch::Receiver<()>,
    at: u64,
    wanted: Wanted,
}

impl Tail {
    pub(super) fn new(logs: Arc<Logs>, wanted: Wanted) -> Self {
        let (bell, at) = (logs.changes(), logs.last());
        Self { logs, bell, at, wanted }
    }

    /// Lines that came, and how many were overwritten before they could be taken. Waits until there is one; giving up
    /// takes nothing away.
    pub(super) async fn next(&mut self) -> (Vec<Arc<Line>>, u64) {
        loop {
            self.bell.borrow_and_update();
            let lines = self.logs.after(self.at, BATCH);
            if let (Some(first), Some(last)) = (lines.first(), lines.last()) {
                let lost = first.number.saturating_sub(self.at + 1);
                self.at = last.number;
                let wanted: Vec<_> = lines.into_iter().filter(|line| self.wanted.takes(line)).collect();
                if !wanted.is_empty() || lost > 0 {
                    return (wanted, lost);
                }
            } else if self.bell.changed().await.is_err() {
                // It lives as long as we hold it; nothing comes any more.
                std::future::pending::<()>().await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_tail_takes_what_it_wants_and_tells_what_was_overwritten() {
        let logs = Arc::<Logs>::default();
        let wanted = Wanted { level: Some(Level::WARN), target: Some("actors".into()), ..Wanted::default() };
        let mut tail = Tail::new(logs.clone(), wanted);
        for (level, target) in [
            (Level::INFO, "actors"),
            (Level::WARN, "actorsx"),
            (Level::WARN, "actors::sender"),
            (Level::ERROR, "actors"),
        ] {
            logs.push(level, target, "{}");
        }
        let (lines, lost) = tail.next().await;
        assert_eq!((lines.iter().map(|line| line.number).collect::<Vec<_>>(), lost), (vec![3, 4], 0));
        (0..6_000).for_each(|_| logs.push(Level::INFO, "actors", "{}"));
        assert_eq!(tail.next().await.1, 1_000);
    }

    #[test]
    fn lines_are_found_by_their_fields() {
        let logs = Logs::default();
        for (conversation, request) in [("c_1", "r_1"), ("c_2", "r_1"), ("c_1", "r_2")] {
            logs.push(Level::INFO, "t", &format!(r#"{{"conversation":"{conversation}","request_id":"{request}"}}"#));
        }
        let find = |wanted: Wanted| logs.before(0, 10, |line| wanted.takes(line)).len();
        assert_eq!(find(Wanted { conversation: Some("c_1".into()), ..Wanted::default() }), 2);
        let both = Wanted { conversation: Some("c_1".into()), request_id: Some("r_2".into()), ..Wanted::default() };
        assert_eq!(find(both), 1);
    }

    #[test]
    fn unknown_levels_are_refused() {
        assert_eq!(level(Some("warn")).unwrap(), Some(Level::WARN));
        for wrong in ["WARN", "2", "loud", ""] {
            assert!(level(Some(wrong)).is_err(), "{wrong}");
        }
    }
}
