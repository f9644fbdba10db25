//! The load of the endpoint of Flows: requests of about 2.3 kB, each encrypted under an IV of its own and signed, and a look
//! at each answer.
//!
//! The AES key is drawn once, as one phone would: that costs the load little and the endpoint nothing less, because it
//! unwraps the key of every request anew.

use std::io;

use anyhow::{Context, ensure};
use parking_lot::Mutex;
use serde_json::{Value, json};
use whatsapp::flow::{FlowKey, SealedRequest, Session};

use super::message::Writer;
use crate::front::FLOW_PATH;

/// The skeleton's answer to everything.
pub(super) const ANSWER: &[u8] =
    br#"{"screen":"SLOT","data":{"day":"2026-12-01","slots":[{"id":"1","title":"09:30"}]}}"#;
/// Bytes of a plaintext; its body has about 2,340 then.
const PLAINTEXT_BYTES: usize = 1_396;

/// Writes requests of forms.
pub(super) struct Forms {
    session: Session,
    asks: Asks,
}

enum Asks {
    Ping(String),
    Submit(Vec<String>),
}

impl Forms {
    pub(super) fn pings(key: Option<&FlowKey>) -> anyhow::Result<Self> {
        let mut text = json!({ "version": "3.0", "action": "ping", "data": { "note": "" } });
        fill(&mut text);
        Ok(Self { session: session(key)?, asks: Asks::Ping(text.to_string()) })
    }

    /// Of the forms with these tokens, in turn; of one that nobody knows if there are none.
    pub(super) fn submits(key: Option<&FlowKey>, tokens: Vec<String>) -> anyhow::Result<Self> {
        let tokens = if tokens.is_empty() { vec!["pl1.00000000000000000000000000.bench".to_owned()] } else { tokens };
        let text = |token: String| {
            let data = json!({ "day": "2026-12-01", "note": "" });
            let mut text = json!({ "version": "3.0", "action": "data_exchange", "screen": "DAY", "data": data });
            text["flow_token"] = token.into();
            fill(&mut text);
            text.to_string()
        };
        Ok(Self { session: session(key)?, asks: Asks::Submit(tokens.into_iter().map(text).collect()) })
    }

    /// The `n`-th request, ready for the wire. Errors: there is no randomness.
    pub(super) fn request(&self, writer: &Writer, n: u64, into: &mut Vec<u8>) -> io::Result<SealedRequest> {
        let text = match &self.asks {
            Asks::Ping(text) => text,
            Asks::Submit(texts) => {
                let at = usize::try_from(n).unwrap_or(0) % texts.len().max(1);
                texts.get(at).ok_or_else(|| io::Error::other("there is no form"))?
            }
        };
        let sealed = self.session.seal(text.as_bytes()).ok_or_else(|| io::Error::other("there is no randomness"))?;
        let body = std::str::from_utf8(&sealed.body).map_err(io::Error::other)?;
        writer.sign_for(FLOW_PATH, body, into);
        Ok(sealed)
    }
}

/// Errors: the answer is not one to the request.
pub(super) fn check(sealed: &SealedRequest, body: &[u8]) -> io::Result<()> {
    let text = sealed.open(body).ok_or_else(|| io::Error::other("an answer does not open"))?;
    match serde_json::from_slice::<Value>(&text) {
        Ok(answer) if answer["data"].is_object() => Ok(()),
        _ => Err(io::Error::other("an answer is not what a phone takes")),
    }
}

/// The tokens of the forms that were sent.
#[derive(Default)]
pub(super) struct Tokens(Mutex<Vec<String>>);

impl Tokens {
    /// Looks into a message on its way to the Graph API.
    pub(super) fn hear(&self, body: &[u8]) {
        let message = serde_json::from_slice::<Value>(body).unwrap_or_default();
        let token = &message["interactive"]["action"]["parameters"]["flow_token"];
        self.0.lock().extend(token.as_str().map(str::to_owned));
    }

    /// All of them. Errors: there are not so many.
    pub(super) fn take(&self, count: usize) -> anyhow::Result<Vec<String>> {
        let tokens = std::mem::take(&mut *self.0.lock());
        ensure!(tokens.len() == count, "{} forms were sent to {count} people", tokens.len());
        Ok(tokens)
    }
}

fn session(key: Option<&FlowKey>) -> anyhow::Result<Session> {
    Session::new(key.context("there is no key")?).context("there is no randomness")
}

fn fill(text: &mut Value) {
    let missing = PLAINTEXT_BYTES.saturating_sub(text.to_string().len());
    text["data"]["note"] = "x".repeat(missing).into();
}

#[cfg(test)]
mod tests {
    use whatsapp::flow::{FlowKeys, open};

    use super::*;

    #[test]
    fn requests_are_of_one_size_and_each_is_another() {
        let keys = FlowKeys::from(FlowKey::generate().unwrap());
        let writer = Writer::new("bench-test-secret".into(), 10, 1_790_000_000_000, "127.0.0.1:1".into());
        let loads = [Forms::pings(Some(&keys.current)), Forms::submits(Some(&keys.current), vec!["pl1.a.b".into()])];
        let mut digests = std::collections::HashSet::new();
        for forms in loads {
            let forms = forms.unwrap();
            for n in 0..3 {
                let mut request = Vec::new();
                let sealed = forms.request(&writer, n, &mut request).unwrap();
                assert!((2_300..2_400).contains(&sealed.body.len()), "{}", sealed.body.len());
                assert!(request.starts_with(format!("POST {FLOW_PATH} HTTP/1.1").as_bytes()));
                let opened = open(&keys, &sealed.body).unwrap();
                assert!(digests.insert(opened.digest));
                check(&sealed, opened.seal.answer(ANSWER).unwrap().as_bytes()).unwrap();
            }
        }
        let forms = Forms::pings(Some(&keys.current)).unwrap();
        let sealed = forms.request(&writer, 0, &mut Vec::new()).unwrap();
        assert!(check(&sealed, b"").is_err());
    }

    #[test]
    fn tokens_are_heard_in_messages_with_forms() {
        let tokens = Tokens::default();
        tokens.hear(br#"{"interactive":{"action":{"parameters":{"flow_token":"pl1.a.b"}}}}"#);
        tokens.hear(br#"{"text":{"body":"hello"}}"#);
        tokens.hear(b"no JSON");
        assert!(tokens.take(2).is_err());
        tokens.hear(br#"{"interactive":{"action":{"parameters":{"flow_token":"pl1.a.b"}}}}"#);
        assert_eq!(tokens.take(1).unwrap(), ["pl1.a.b"]);
    }
}
