//! `GET /{waba_id}/flows?fields&limit&after`

use http::request::Parts;
use serde_json::json;

use super::super::error::Refusal;
use super::super::{page_of, query};
use super::details::{DEFAULT, describe, fields_of};
use super::{Answer, account};
use crate::core::Core;

/// A page of Flows. `cursors.after` is there on the last page too, `next` is not.
pub(in crate::graph) fn list(core: &Core, waba_id: &str, parts: &Parts) -> Result<Answer, Refusal> {
    account(core, waba_id, "GET")?;
    let asked = query(parts);
    let limit = page_of(&asked, 25)?;
    let fields = fields_of(asked.get("fields").map_or(DEFAULT, String::as_str));
    let after = asked.get("after").map_or(Ok(0), |cursor| read_cursor(cursor))?;
    let found = core.flows.list(|flow| flow.waba_id == waba_id);
    let rows = found.iter().skip(after).take(limit).map(|flow| describe(core, flow, &fields));
    let rows = rows.collect::<Result<Vec<_>, _>>()?;
    let end = after + rows.len();
    let mut answer = json!({ "data": rows });
    answer["paging"] = json!({ "cursors": { "before": cursor(after), "after": cursor(end) } });
    if end < found.len() {
        answer["paging"]["next"] = json!(next(core, parts, &cursor(end)));
    }
    Ok(Answer::json(&answer))
}

fn cursor(at: usize) -> String {
    hex::encode(format!("f{at}"))
}

fn read_cursor(cursor: &str) -> Result<usize, Refusal> {
    let bytes = hex::decode(cursor).unwrap_or_default();
    let at = std::str::from_utf8(&bytes).ok().and_then(|text| text.strip_prefix('f')?.parse().ok());
    at.ok_or_else(|| Refusal::parameter("Invalid cursors values"))
}

/// The same question from the next cursor on.
fn next(core: &Core, parts: &Parts, after: &str) -> String {
    let kept = parts.uri.query().unwrap_or_default().split('&').filter(|p| !p.is_empty() && !p.starts_with("after="));
    let kept: String = kept.map(|pair| format!("{pair}&")).collect();
    format!("http://{}{}?{kept}after={after}", core.addr, parts.uri.path())
}
