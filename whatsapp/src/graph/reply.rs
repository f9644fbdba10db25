//! Reading an answer of the Graph API: decided only when it has one of Meta's two shapes.

use serde::Deserialize;
use serde_json::Value;

use super::error::{Accepted, Error, GraphError};
use super::usage::{LONGEST_WAIT_MS, Usage};

/// An answer as it came, already within its limit.
pub(crate) struct Reply<'a> {
    pub(crate) status: u16,
    pub(crate) body: &'a [u8],
    pub(crate) retry_after: Option<&'a str>,
    pub(crate) usage: Option<&'a str>,
}

#[derive(Deserialize)]
struct Success {
    #[serde(default)]
    contacts: Vec<Contact>,
    messages: Vec<Sent>,
}

#[derive(Deserialize, Default)]
struct Contact {
    wa_id: Option<String>,
    user_id: Option<String>,
}

#[derive(Deserialize)]
struct Sent {
    id: String,
    message_status: Option<String>,
}

/// Decides a send.
pub(crate) fn decide(reply: &Reply<'_>) -> Result<Accepted, Error> {
    decide_as(reply, accepted)
}

/// Decides what became of a send from its answer alone: HTTP status, body, `Retry-After` and
/// `x-business-use-case-usage`. For those who bring answers of their own.
pub fn decide_send(
    status: u16,
    body: &[u8],
    retry_after: Option<&str>,
    usage: Option<&str>,
) -> Result<Accepted, Error> {
    decide(&Reply { status, body, retry_after, usage })
}

/// Decides a call by what `read` takes for success. Everything that is neither that nor Graph's error
/// envelope is ambiguous: a gateway may have answered after Graph had acted.
pub(crate) fn decide_as<T>(reply: &Reply<'_>, read: impl FnOnce(&[u8]) -> Option<T>) -> Result<T, Error> {
    if (200..300).contains(&reply.status) {
        return read(reply.body)
            .ok_or_else(|| Error::Ambiguous(format!("status {} without the shape of success", reply.status)));
    }
    match graph_error(reply) {
        Some(error) => Err(error.into()),
        None => Err(Error::Ambiguous(format!("status {} without an error of Graph", reply.status))),
    }
}

/// `{"success": true}`.
pub(crate) fn success(body: &[u8]) -> Option<()> {
    #[derive(Deserialize)]
    struct Done {
        success: bool,
    }
    serde_json::from_slice(body).ok().filter(|done: &Done| done.success).map(drop)
}

fn accepted(body: &[u8]) -> Option<Accepted> {
    let success: Success = serde_json::from_slice(body).ok()?;
    let sent = success.messages.into_iter().next().filter(|sent| !sent.id.is_empty())?;
    let contact = success.contacts.into_iter().next().unwrap_or_default();
    Some(Accepted {
        wamid: sent.id,
        wa_id: contact.wa_id,
        user_id: contact.user_id,
        message_status: sent.message_status,
    })
}

fn graph_error(reply: &Reply<'_>) -> Option<GraphError> {
    let body: Value = serde_json::from_slice(reply.body).ok()?;
    let error = body.get("error")?;
    let text = |key: &str| error.get(key).and_then(Value::as_str).filter(|t| !t.is_empty()).map(str::to_owned);
    Some(GraphError {
        code: number(error.get("code")?)?,
        subcode: error.get("error_subcode").and_then(number),
        message: text("message").unwrap_or_default(),
        details: error.get("error_data").and_then(details),
        user_title: text("error_user_title"),
        user_msg: text("error_user_msg"),
        fbtrace_id: text("fbtrace_id"),
        is_transient: error.get("is_transient").and_then(Value::as_bool).unwrap_or_default(),
        http_status: reply.status,
        retry_after_ms: reply.retry_after.and_then(retry_after).or_else(|| reply.usage.and_then(Usage::regain_ms)),
    })
}

fn number(value: &Value) -> Option<u32> {
    match value {
        Value::Number(number) => number.as_u64().and_then(|n| n.try_into().ok()),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// `error_data` is an object with `details`, that object inside a string, or plain text.
fn details(data: &Value) -> Option<String> {
    match data {
        Value::Object(members) => members.get("details")?.as_str().map(str::to_owned),
        Value::String(text) => match serde_json::from_str::<Value>(text) {
            Ok(inner @ Value::Object(_)) => details(&inner),
            _ => Some(text.clone()).filter(|text| !text.is_empty()),
        },
        _ => None,
    }
}

/// `Retry-After` in seconds; a date would need a clock, and Meta does not send one.
fn retry_after(header: &str) -> Option<u64> {
    Some(header.trim().parse::<u64>().ok()?.saturating_mul(1_000).min(LONGEST_WAIT_MS))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::Outcome;

    fn reply(status: u16, body: &str) -> Result<Accepted, Error> {
        decide(&Reply { status, body: body.as_bytes(), retry_after: None, usage: None })
    }

    fn refused(status: u16, body: &str) -> GraphError {
        match reply(status, body) {
            Err(Error::Graph(error)) => *error,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_header_makes_nobody_wait_for_more_than_a_day() {
        for (header, waits_ms) in [("7", Some(7_000)), ("18446744073709551615", Some(LONGEST_WAIT_MS)), ("-1", None)] {
            assert_eq!(retry_after(header), waits_ms, "{header}");
        }
    }

    #[test]
    fn success_gives_the_id_and_whom_it_reached() {
        let body = r#"{"messaging_product":"whatsapp","contacts":[{"input":"+447700900123","wa_id":"447700900123"}],
            "messages":[{"id":"wamid.OUT1","message_status":"accepted"}]}"#;
        let accepted = reply(200, body).unwrap();
        assert_eq!((accepted.wamid.as_str(), accepted.wa_id.as_deref()), ("wamid.OUT1", Some("447700900123")));
        assert_eq!((accepted.user_id, accepted.message_status.as_deref()), (None, Some("accepted")));
    }

    #[test]
    fn success_to_a_user_id_has_no_number() {
        let body = r#"{"contacts":[{"input":"GB.77","user_id":"GB.77"}],"messages":[{"id":"wamid.OUT2"}]}"#;
        let accepted = reply(200, body).unwrap();
        assert_eq!((accepted.wa_id, accepted.user_id.as_deref()), (None, Some("GB.77")));
    }

    #[test]
    fn whole_envelope_is_read() {
        let body = r#"{"error":{"message":"(#131056) Pair rate limit hit","type":"OAuthException","code":131056,
            "error_subcode":2494055,"is_transient":false,"error_user_title":"t","error_user_msg":"m","fbtrace_id":"AbC123",
            "error_data":{"messaging_product":"whatsapp","details":"Too many messages to this recipient."}}}"#;
        let error = refused(400, body);
        assert_eq!((error.code, error.subcode, error.http_status), (131_056, Some(2_494_055), 400));
        assert_eq!(error.details.as_deref(), Some("Too many messages to this recipient."));
        assert_eq!((error.user_title.as_deref(), error.user_msg.as_deref()), (Some("t"), Some("m")));
        assert_eq!((error.fbtrace_id.as_deref(), error.outcome()), (Some("AbC123"), Outcome::SlowPerson));
    }

    #[test]
    fn error_data_may_be_text_or_json_in_text() {
        let with = |data: &str| refused(400, &format!(r#"{{"error":{{"code":"100","error_data":{data}}}}}"#)).details;
        assert_eq!(with(r#""bad name""#).as_deref(), Some("bad name"));
        assert_eq!(with(r#""{\"details\":\"inner\"}""#).as_deref(), Some("inner"));
        assert_eq!((with("7"), with("{}"), with(r#""""#)), (None, None, None));
    }

    #[test]
    fn answers_in_no_shape_of_meta_are_ambiguous() {
        let cases = [
            (200, ""),
            (200, "<html>"),
            (200, r#"{"success":true}"#),
            (200, r#"{"messages":[]}"#),
            (200, r#"{"messages":[{"id":""}]}"#),
            (200, r#"{"error":{"code":100,"message":"m"}}"#),
            (302, ""),
            (400, "no"),
            (404, r#"{"error":"not found"}"#),
            (500, r#"{"error":{"message":"no code"}}"#),
            (502, "<html>bad gateway</html>"),
            (503, ""),
            (504, "[]"),
        ];
        for (status, body) in cases {
            let error = reply(status, body).unwrap_err();
            assert!(matches!(error, Error::Ambiguous(_)), "{status} {body}: {error}");
        }
    }

    #[test]
    fn waiting_time_comes_from_either_header() {
        let limited = |retry_after, usage| {
            let body = br#"{"error":{"code":4,"message":"m"}}"#;
            decide(&Reply { status: 429, body, retry_after, usage }).unwrap_err().retry_after_ms()
        };
        let usage = r#"{"300100":[{"type":"messaging","call_count":100,"estimated_time_to_regain_access":3},{}]}"#;
        assert_eq!(limited(Some("7"), Some(usage)), Some(7_000));
        assert_eq!(limited(None, Some(usage)), Some(180_000));
        assert_eq!(limited(Some("Wed, 21 Oct 2026 07:28:00 GMT"), None), None);
        assert_eq!(limited(Some("99999999999999999999"), Some("[]")), None);
    }
}
