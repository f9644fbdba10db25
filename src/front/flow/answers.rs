//! The answers of the endpoint: what is sealed, and how it goes over HTTP.

use http::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER, X_CONTENT_TYPE_OPTIONS};
use http::{Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use serde_json::{Map, Value, json};
use whatsapp::flow::Seal;

use crate::net::Body;

/// What the person reads where a form was sent without a token.
pub(super) const NO_TOKEN: &str = "This form can no longer be used.";
/// Meta takes a megabyte.
const MAX_ANSWER_BYTES: usize = 1_000_000;
const RETRY_AFTER_SECONDS: HeaderValue = HeaderValue::from_static("1");

/// A key that the phone fetches anew, and one more try.
const MISDIRECTED: StatusCode = StatusCode::MISDIRECTED_REQUEST;

/// An answer over HTTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) content_type: Option<&'static str>,
    pub(super) body: Bytes,
    /// The same request must get the same again: it is sealed, and what it says may change.
    pub(super) is_kept: bool,
}

impl Reply {
    const fn empty(status: u16) -> Self {
        Self { status, content_type: None, body: Bytes::new(), is_kept: false }
    }

    /// The signature is missing or wrong.
    pub(super) const SIGNATURE: Self = Self::empty(432);
    /// Everything that cannot be opened or read, alike.
    pub(super) const UNDECRYPTABLE: Self = Self::empty(MISDIRECTED.as_u16());
    /// There is no usable answer.
    pub(super) const FAILED: Self = Self::empty(500);
    /// Not now.
    pub(super) const BUSY: Self = Self::empty(503);

    pub(super) fn bytes(&self) -> usize {
        self.body.len()
    }

    pub(super) fn response(self) -> Response<Body> {
        let busy = self == Self::BUSY;
        let body = Full::new(self.body).map_err(|never| match never {}).boxed_unsync();
        let mut answer = Response::new(body);
        *answer.status_mut() = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = answer.headers_mut();
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        if let Some(content_type) = self.content_type {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        }
        if busy {
            headers.insert(RETRY_AFTER, RETRY_AFTER_SECONDS);
        }
        answer
    }
}

/// 200: bare base64, with nothing around it. An answer that Meta would not take is none.
pub(super) fn sealed(seal: Seal, answer: &Value) -> Reply {
    let text = answer.to_string();
    if text.len() > MAX_ANSWER_BYTES {
        tracing::error!(
            bytes = text.len(),
            "an answer of a Flow's endpoint is larger than the megabyte that Meta takes"
        );
        return Reply::FAILED;
    }
    text_plain(200, seal, &text)
}

/// 200: what is always the same, so that it need not be kept.
pub(super) fn constant(seal: Seal, answer: &Value) -> Reply {
    Reply { is_kept: false, ..sealed(seal, answer) }
}

/// 427, sealed as everything else.
pub(super) fn dead(seal: Seal, message: &str) -> Reply {
    text_plain(427, seal, &error_msg(message))
}

/// 427 as another page of Meta has it.
pub(super) fn dead_in_clear(message: &str) -> Reply {
    Reply { status: 427, content_type: Some("application/json"), body: error_msg(message).into(), is_kept: false }
}

fn error_msg(message: &str) -> String {
    json!({ "error_msg": message }).to_string()
}

fn text_plain(status: u16, seal: Seal, text: &str) -> Reply {
    let Some(body) = seal.answer(text.as_bytes()) else { return Reply::FAILED };
    Reply { status, content_type: Some("text/plain"), body: body.into(), is_kept: true }
}

pub(super) fn pong() -> Value {
    json!({ "data": { "status": "active" } })
}

pub(super) fn acknowledged() -> Value {
    json!({ "data": { "acknowledged": true } })
}

pub(super) fn screen(screen: &str, data: Value) -> Value {
    let data = if data.is_null() { json!({}) } else { data };
    json!({ "screen": screen, "data": data })
}

/// The reserved screen that closes a form; Meta wants the token among the parameters.
pub(super) fn finish(params: Value, token: &str) -> Value {
    let mut params = match params {
        Value::Object(params) => params,
        _ => Map::new(),
    };
    params.insert("flow_token".into(), token.into());
    json!({ "screen": "SUCCESS", "data": { "extension_message_response": { "params": params } } })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn end_of_a_form_carries_its_token_whatever_the_parameters_say() {
        let expected = json!({"screen": "SUCCESS", "data": {"extension_message_response": {"params": {
            "booking_id": "B-1042", "flow_token": "pl1.a.b",
        }}}});
        assert_eq!(finish(json!({"booking_id": "B-1042"}), "pl1.a.b"), expected);
        assert_eq!(finish(json!({"booking_id": "B-1042", "flow_token": "other"}), "pl1.a.b"), expected);
        let bare = finish(Value::Null, "t");
        assert_eq!(bare["data"]["extension_message_response"]["params"], json!({"flow_token": "t"}));
    }

    #[test]
    fn only_what_was_sealed_must_be_the_same_again() {
        for reply in [Reply::SIGNATURE, Reply::UNDECRYPTABLE, Reply::FAILED, Reply::BUSY, dead_in_clear("gone")] {
            assert!(!reply.is_kept);
        }
    }

    #[test]
    fn refusals_have_no_body_and_a_full_queue_says_when_to_come_again() {
        for (reply, status) in [(Reply::SIGNATURE, 432), (Reply::UNDECRYPTABLE, 421), (Reply::FAILED, 500)] {
            assert_eq!((reply.bytes(), reply.response().status().as_u16()), (0, status));
        }
        assert_eq!(Reply::BUSY.response().headers()[RETRY_AFTER], "1");
    }
}
