//! An HTTP call of a bot as data: what shall be asked, and what came of it. Whoever performs effects makes the call;
//! what must be the same there and in tests (when to try again, how long all of it may take) is decided here.

mod text;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::caps;
use crate::expr::clip;
pub use text::{HttpPart, HttpText};

/// What shall be asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HttpCall {
    /// Names the call however often it is made: the value of its `Idempotency-Key`.
    pub id: String,
    /// The node that asks.
    pub node: String,
    /// In capitals.
    pub method: String,
    /// The address, without the parameters of `query`. Never holds a secret.
    pub url: String,
    /// Parameters that are added to the address, encoded.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub query: Vec<(String, HttpText)>,
    /// Further headers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<(String, HttpText)>,
    /// What becomes the header `Authorization`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth: Option<HttpAuth>,
    /// The body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<HttpBody>,
    /// Whether the header `Idempotency-Key` goes with it.
    #[serde(default)]
    pub idempotency: bool,
    /// For one try, from the look-up of the name to the last byte.
    pub timeout_ms: u64,
    /// When to try again.
    #[serde(default)]
    pub retry: HttpRetry,
    /// Bytes of the answer's body that are taken.
    pub max_bytes: u64,
    /// Whether redirects are followed.
    #[serde(default)]
    pub follow: bool,
}

/// Credentials of a call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HttpAuth {
    /// `Bearer` and a token.
    Bearer(HttpText),
    /// `Basic`: a user and a password.
    Basic {
        /// The user.
        user: HttpText,
        /// The password.
        password: HttpText,
    },
}

/// The body of a call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HttpBody {
    /// JSON.
    Json(Value),
    /// Fields of a form, to be encoded.
    Form(Vec<(String, String)>),
    /// Text fields of a multipart form.
    Multipart(Vec<(String, String)>),
    /// A text as it is.
    Raw {
        /// The text.
        text: String,
        /// The header `Content-Type`.
        content_type: String,
    },
}

/// When a call is made again by itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct HttpRetry {
    /// How often, beside the first try.
    pub times: u32,
    /// The pause before the first of them; doubles each time.
    pub backoff_ms: u64,
    /// After what.
    pub on: Vec<RetryOn>,
}

/// What a call is tried again after.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RetryOn {
    /// No answer in time.
    Timeout,
    /// No connection.
    Connection,
    /// Any status of 500 and above.
    ServerError,
    /// This status.
    Status(u16),
}

/// What came of a call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HttpDone {
    /// [`HttpCall::id`].
    pub id: String,
    /// What came of the last try.
    pub outcome: HttpOutcome,
    /// How often it was tried.
    pub tries: u32,
}

/// What came of one try.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HttpOutcome {
    /// An answer was read to its end.
    Answer {
        /// The status.
        status: u16,
        /// The header `Content-Type`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        content_type: Option<String>,
        /// The body; what is not UTF-8 is replaced.
        body: String,
    },
    /// No answer in time.
    Timeout,
    /// There was no connection, or it broke.
    Unreachable {
        /// Why.
        why: String,
    },
    /// The call was not made at all, and would not be made if tried again.
    Refused {
        /// Why.
        why: String,
    },
    /// An answer came whose body cannot be taken.
    BadBody {
        /// The status.
        status: u16,
        /// Why.
        why: String,
    },
}

impl HttpCall {
    /// Whether to try again after this outcome of the `tries`-th try.
    pub fn tries_again(&self, tries: u32, outcome: &HttpOutcome) -> bool {
        tries <= self.retry.times && self.retry.on.iter().any(|on| on.is(outcome))
    }

    /// The pause after the `tries`-th try.
    pub fn pause_ms(&self, tries: u32) -> u64 {
        let doubled =
            self.retry.backoff_ms.saturating_mul(1_u64.checked_shl(tries.saturating_sub(1)).unwrap_or(u64::MAX));
        doubled.min(caps::MAX_HTTP_PAUSE_MS)
    }

    /// How long all tries may take together; without a result by then the call counts as lost.
    pub fn lease_ms(&self) -> u64 {
        let pauses = u64::from(self.retry.times) * caps::MAX_HTTP_PAUSE_MS;
        u64::from(self.retry.times + 1) * self.timeout_ms + pauses + caps::HTTP_SLACK_MS
    }

    /// Every text of it in which a secret may stand.
    pub fn texts(&self) -> impl Iterator<Item = &HttpText> {
        let auth = match &self.auth {
            Some(HttpAuth::Bearer(token)) => vec![token],
            Some(HttpAuth::Basic { user, password }) => vec![user, password],
            None => Vec::new(),
        };
        self.query.iter().chain(&self.headers).map(|(_, text)| text).chain(auth)
    }

    /// The address as traces show it: queries may hold anything.
    pub(crate) fn shown_url(&self) -> String {
        clip(self.url.split(['?', '#']).next().unwrap_or_default())
    }
}

impl RetryOn {
    fn is(self, outcome: &HttpOutcome) -> bool {
        match (self, outcome) {
            (RetryOn::Timeout, HttpOutcome::Timeout) | (RetryOn::Connection, HttpOutcome::Unreachable { .. }) => true,
            (RetryOn::ServerError, HttpOutcome::Answer { status, .. }) => *status >= 500,
            (RetryOn::Status(wanted), HttpOutcome::Answer { status, .. }) => wanted == *status,
            _ => false,
        }
    }
}

impl HttpDone {
    /// What expressions see as `input`.
    pub(crate) fn as_json(&self) -> Value {
        let mut seen = json!({ "type": "http", "status": null, "error": null, "text": "", "tries": self.tries });
        match &self.outcome {
            HttpOutcome::Answer { status, content_type, body } => {
                seen["status"] = (*status).into();
                seen["content_type"] = content_type.as_deref().into();
                seen["text"] = beginning(body).into();
                if body.len() <= caps::MAX_VALUE_BYTES {
                    seen["data"] = serde_json::from_str(body).unwrap_or_default();
                }
            }
            HttpOutcome::Timeout => seen["error"] = "no answer in time".into(),
            HttpOutcome::Unreachable { why } | HttpOutcome::Refused { why } => seen["error"] = why.as_str().into(),
            HttpOutcome::BadBody { status, why } => {
                seen["status"] = (*status).into();
                seen["error"] = why.as_str().into();
            }
        }
        seen
    }
}

/// The beginning of a body, between characters.
fn beginning(body: &str) -> &str {
    const MOST: usize = 4_096;
    let end = body.char_indices().map(|(at, _)| at).nth(MOST).unwrap_or(body.len());
    body.get(..end).unwrap_or(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(times: u32) -> HttpCall {
        let on = vec![RetryOn::Timeout, RetryOn::ServerError, RetryOn::Status(429)];
        HttpCall {
            id: "i".into(),
            node: "n".into(),
            method: "GET".into(),
            url: "https://a.example/x?token=1".into(),
            query: Vec::new(),
            headers: Vec::new(),
            auth: None,
            body: None,
            idempotency: false,
            timeout_ms: 10_000,
            retry: HttpRetry { times, backoff_ms: 3_000, on },
            max_bytes: 1,
            follow: true,
        }
    }

    fn answer(status: u16) -> HttpOutcome {
        HttpOutcome::Answer { status, content_type: None, body: String::new() }
    }

    #[test]
    fn trying_again_is_bounded_and_for_what_the_node_names() {
        let call = call(2);
        for outcome in [HttpOutcome::Timeout, answer(503), answer(429)] {
            assert!(call.tries_again(1, &outcome) && call.tries_again(2, &outcome), "{outcome:?}");
            assert!(!call.tries_again(3, &outcome), "{outcome:?}");
        }
        let refused = HttpOutcome::Refused { why: "private".into() };
        for outcome in [answer(404), answer(200), refused, HttpOutcome::Unreachable { why: "x".into() }] {
            assert!(!call.tries_again(1, &outcome), "{outcome:?}");
        }
    }

    #[test]
    fn pauses_double_up_to_the_cap_and_the_lease_holds_them_all() {
        let call = call(3);
        assert_eq!([1, 2, 3, 200].map(|tries| call.pause_ms(tries)), [3_000, 6_000, 10_000, 10_000]);
        let all: u64 = (1..=3).map(|tries| call.pause_ms(tries)).sum::<u64>() + 4 * call.timeout_ms;
        assert!(call.lease_ms() > all);
    }

    #[test]
    fn traces_show_no_query() {
        assert_eq!(call(0).shown_url(), "https://a.example/x");
    }
}
