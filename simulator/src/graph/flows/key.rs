//! `/{phone_number_id}/whatsapp_business_encryption`: the public key that phones encrypt with.

use serde_json::json;

use super::super::error::Refusal;
use super::{Answer, Form};
use crate::core::Core;
use crate::flows::keys::NumberKey;

/// `POST` with `business_public_key`: Meta signs it.
pub(in crate::graph) fn set(core: &Core, id: &str, given: &Form) -> Result<Answer, Refusal> {
    let (number, _) = core.number(id).ok_or_else(|| Refusal::no_object(id, "POST"))?;
    let missing = || Refusal::parameter("The parameter business_public_key is required.");
    let pem = given.text("business_public_key")?.ok_or_else(missing)?;
    core.keys.set(number, NumberKey::read(pem).map_err(Refusal::parameter)?);
    Ok(Answer::success())
}

/// `GET`: the key and whether its signature is right; no row before there is one.
pub(in crate::graph) fn get(core: &Core, id: &str) -> Result<Answer, Refusal> {
    let (number, _) = core.number(id).ok_or_else(|| Refusal::no_object(id, "GET"))?;
    let row = core
        .keys
        .of(number)
        .map(|key| json!({ "business_public_key": key.pem, "business_public_key_signature_status": key.status() }));
    Ok(Answer::json(&json!({ "data": row.into_iter().collect::<Vec<_>>() })))
}
