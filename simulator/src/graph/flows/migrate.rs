//! `POST /{dest_waba_id}/migrate_flows`: copies of another account's Flows.

use serde_json::{Value, json};

use super::super::error::Refusal;
use super::{Answer, Form, account};
use crate::core::Core;
use crate::flows::{FlowStatus, StoredFlow};

const MAX_NAMES: usize = 100;
/// A Flow of the same name is there already.
const NAME_EXISTS: u32 = 4_233_041;

/// Copies keep their name; a published one is published, any other one a draft.
pub(in crate::graph) fn migrate(core: &Core, to: &str, given: &Form) -> Result<Answer, Refusal> {
    account(core, to, "POST")?;
    let from = given.text("source_waba_id")?;
    let from = from.ok_or_else(|| Refusal::parameter("The parameter source_waba_id is required."))?;
    account(core, from, "POST")?;
    let names = names(given)?;
    let (mut migrated, mut failed) = (Vec::new(), Vec::new());
    let asked = |flow: &StoredFlow| names.as_ref().is_none_or(|names| names.contains(&flow.name));
    let found = core.flows.list(|flow| flow.waba_id == from && asked(flow));
    for name in names.iter().flatten().filter(|name| !found.iter().any(|flow| flow.name == **name)) {
        failed.push(json!({ "source_name": name, "error_code": 100, "error_message": "There is no such Flow." }));
    }
    for source in found {
        let copy = StoredFlow { waba_id: to.to_owned(), id: String::new(), ..copy_of(&source) };
        match core.flows.add(copy) {
            Some(copy) => {
                core.tell_of_flow(&copy, None);
                migrated.push(json!({ "source_name": source.name, "source_id": source.id, "migrated_id": copy.id }));
            }
            None => failed.push(json!({
                "source_name": source.name, "error_code": NAME_EXISTS,
                "error_message": "A Flow of this name is in the account already.",
            })),
        }
    }
    Ok(Answer::json(&json!({ "migrated_flows": migrated, "failed_flows": failed })))
}

fn copy_of(source: &StoredFlow) -> StoredFlow {
    let mut copy = StoredFlow::new(&source.waba_id, &source.name, source.categories.clone());
    copy.endpoint_uri.clone_from(&source.endpoint_uri);
    copy.application_id.clone_from(&source.application_id);
    copy.content.clone_from(&source.content);
    if source.status == FlowStatus::Published {
        copy.status = FlowStatus::Published;
        copy.published.clone_from(&source.content);
    }
    copy
}

/// An array of names, or the same as JSON in a string; all Flows if there is none.
fn names(given: &Form) -> Result<Option<Vec<String>>, Refusal> {
    let Some(value) = given.values.get("source_flow_names") else { return Ok(None) };
    let inner = value.as_str().and_then(|text| serde_json::from_str::<Value>(text).ok());
    let rows = inner.as_ref().unwrap_or(value).as_array().cloned().unwrap_or_default();
    let names: Option<Vec<_>> = rows.iter().map(|row| row.as_str().map(str::to_owned)).collect();
    match names {
        Some(names) if (1..=MAX_NAMES).contains(&names.len()) => Ok(Some(names)),
        _ => Err(Refusal::parameter(format!("Param source_flow_names takes 1 to {MAX_NAMES} names."))),
    }
}
