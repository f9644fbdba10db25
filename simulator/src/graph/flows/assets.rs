//! `/{flow_id}/assets`: the Flow JSON as a file.

use serde_json::json;

use super::super::error::Refusal;
use super::create::read_json;
use super::{Answer, Form, edit, errors, flow};
use crate::core::Core;
use crate::links;

/// `POST`: a form with `file`, `name` and `asset_type`. Saved with its errors, too; it is not publishable then.
pub(in crate::graph) fn update_json(core: &Core, id: &str, given: &Form) -> Result<Answer, Refusal> {
    let stored = flow(core, id, "POST")?;
    if given.text("name")? != Some("flow.json") {
        return Err(Refusal::parameter("Param name must be flow.json"));
    }
    if given.text("asset_type")? != Some("FLOW_JSON") {
        return Err(Refusal::parameter("Param asset_type must be one of {FLOW_JSON}"));
    }
    let Some((bytes, mime)) = &given.file else {
        return Err(Refusal::parameter("The parameter file is required."));
    };
    if mime.as_deref().is_some_and(|mime| !mime.starts_with("application/json")) {
        return Err(Refusal::parameter("The file must be of type application/json."));
    }
    let text = std::str::from_utf8(bytes).map_err(|_| Refusal::parameter("The file is not UTF-8 text."))?;
    let content = read_json(text)?;
    edit(core, &stored, |flow| flow.put(content))?;
    let stored = flow(core, id, "POST")?;
    Ok(Answer::json(&json!({ "success": true, "validation_errors": errors(&stored) })))
}

/// `GET`: links that work for a while, and without a token.
pub(in crate::graph) fn assets(core: &Core, id: &str) -> Result<Answer, Refusal> {
    let stored = flow(core, id, "GET")?;
    let row = stored
        .content
        .map(|_| json!({ "name": "flow.json", "asset_type": "FLOW_JSON", "download_url": links::asset(core, id) }));
    let rows: Vec<_> = row.into_iter().collect();
    let mut answer = json!({ "data": rows });
    if !rows.is_empty() {
        answer["paging"] = json!({ "cursors": { "before": "MAZDZD", "after": "MAZDZD" } });
    }
    Ok(Answer::json(&answer))
}
