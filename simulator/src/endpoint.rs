//! Requests to a Flow's endpoint, as WhatsApp makes them for a phone: encrypted, signed, and given up after a while.

pub(crate) mod envelope;

use std::net::IpAddr;
use std::time::Duration;

use bytes::Bytes;
use reqwest::Url;
use rsa::RsaPublicKey;
use rsa::pkcs8::DecodePublicKey;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, timeout};

use crate::config::{Config, StartError};
use crate::core::Core;
use crate::flows::metrics::{Asked, Outcome};
use crate::log::{LoggedFlowRequest, excerpt};
use crate::trouble::{Mutation, Operation, Rule};
use crate::webhook::{Signer, Signing, cause};
use envelope::{Envelope, Session};

/// More than a phone takes of an answer: 1 MB, encrypted.
const MAX_ANSWER: usize = 2 * 1_048_576;

/// A key whose private half nobody has.
const FOREIGN: &str = include_str!("../samples/foreign.pub.pem");

/// What posts to endpoints.
pub(crate) struct Poster {
    client: reqwest::Client,
    signer: Signer,
    patience: Duration,
    anywhere: bool,
}

/// One question of a phone.
pub(crate) struct Question<'a> {
    pub(crate) flow_id: &'a str,
    pub(crate) phone_number_id: &'a str,
    pub(crate) person: Option<&'a str>,
    pub(crate) uri: &'a str,
    pub(crate) key: &'a RsaPublicKey,
    pub(crate) plaintext: &'a Value,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Reply {
    /// 200, decrypted.
    Answer(Value),
    /// Another status; with the text of a dead token, if it could be read.
    Status(u16, Option<String>),
    Timeout,
    Unreachable(String),
    /// 200, and nothing that can be used.
    Unusable(String),
}

impl Reply {
    fn outcome(&self) -> Outcome {
        match self {
            Self::Answer(_) => Outcome::Fine,
            Self::Status(..) => Outcome::Status,
            Self::Timeout => Outcome::Timeout,
            Self::Unreachable(_) => Outcome::Unreachable,
            Self::Unusable(_) => Outcome::Unusable,
        }
    }
}

impl Poster {
    pub(crate) fn new(config: &Config) -> Result<Self, StartError> {
        let client = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none());
        Ok(Self {
            client: client.build().map_err(|e| StartError::Client(e.to_string()))?,
            signer: Signer::new(&config.app_secret),
            patience: Duration::from_millis(config.flow_patience_ms),
            anywhere: config.remote_endpoints,
        })
    }

    /// Meta's signature on the token of a form.
    pub(crate) fn signed_token(&self, token: &str) -> String {
        self.signer.token("flow_token", token)
    }

    /// The address of an endpoint, if it may be called: nothing leaves this machine unless the configuration says so.
    pub(crate) fn address(&self, uri: &str) -> Result<Url, String> {
        let url = Url::parse(uri).map_err(|e| format!("the endpoint_uri {uri:?} is no address: {e}"))?;
        if self.anywhere || is_loopback(&url) {
            return Ok(url);
        }
        Err(format!("the endpoint_uri {uri:?} is not on this machine, and the stand-in calls no other"))
    }
}

pub(crate) fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// Asks once, with what trouble makes of it.
pub(crate) async fn ask(core: &Core, question: &Question<'_>) -> Reply {
    let rule = core.draw(Operation::FlowRequest, question.phone_number_id, question.person);
    let rule = rule.unwrap_or(Rule::on(Operation::FlowRequest));
    sleep(Duration::from_millis(rule.delay_ms)).await;
    if rule.lose {
        return note(core, question, Reply::Timeout, 0, false);
    }
    let session = Session::new();
    let (url, body) = match prepare(core, question, &session, &rule) {
        Ok(ready) => ready,
        Err(why) => return note(core, question, Reply::Unreachable(why), 0, false),
    };
    let signing = match () {
        () if rule.unsigned => Signing::None,
        () if rule.wrong_signature => Signing::Wrong,
        () => Signing::Valid,
    };
    let trip = Trip { core, question, session: &session, url: &url, body: &body, signing };
    let copies = (0..rule.duplicate).map(|_| trip.go(true));
    let (reply, _) = futures_util::future::join(trip.go(false), futures_util::future::join_all(copies)).await;
    if rule.drop_after { Reply::Timeout } else { reply }
}

fn prepare(core: &Core, question: &Question<'_>, session: &Session, rule: &Rule) -> Result<(Url, Bytes), String> {
    let url = core.poster.address(question.uri)?;
    let plaintext = question.plaintext.to_string();
    let foreign = RsaPublicKey::from_public_key_pem(FOREIGN).map_err(|e| e.to_string());
    let mut envelope = match rule.foreign_key {
        true => session.seal(&foreign?, plaintext.as_bytes())?,
        false => session.seal(question.key, plaintext.as_bytes())?,
    };
    if let Some(mutation) = rule.mutate {
        mutate(&mut envelope, mutation);
    }
    Ok((url, Bytes::from(envelope.body())))
}

/// Flips a bit somewhere in a part of the envelope.
fn mutate(envelope: &mut Envelope, mutation: Mutation) {
    let tag = envelope.data.len().saturating_sub(16);
    let part = match mutation {
        Mutation::Key => envelope.key.as_mut_slice(),
        Mutation::Iv => envelope.iv.as_mut_slice(),
        Mutation::Data => envelope.data.get_mut(..tag).unwrap_or_default(),
        Mutation::Tag => envelope.data.get_mut(tag..).unwrap_or_default(),
    };
    let at = rand::random::<u32>() as usize % part.len().max(1);
    if let Some(byte) = part.get_mut(at) {
        *byte ^= 1 << (rand::random::<u8>() % 8);
    }
}

/// One post of a sealed question.
struct Trip<'a> {
    core: &'a Core,
    question: &'a Question<'a>,
    session: &'a Session,
    url: &'a Url,
    body: &'a Bytes,
    signing: Signing,
}

impl Trip<'_> {
    async fn go(&self, is_copy: bool) -> Reply {
        let started = Instant::now();
        let patience = self.core.poster.patience;
        let reply = match timeout(patience, self.post()).await {
            Ok(Ok((status, body))) => self.read(status, &body),
            Ok(Err(why)) => Reply::Unreachable(why),
            Err(_) => Reply::Timeout,
        };
        let latency_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        note(self.core, self.question, reply, latency_ms, is_copy)
    }

    async fn post(&self) -> Result<(u16, Vec<u8>), String> {
        let poster = &self.core.poster;
        let request = poster.client.post(self.url.clone()).header("content-type", "application/json");
        let request = match poster.signer.header(self.body, self.signing) {
            Some(signature) => request.header("x-hub-signature-256", signature),
            None => request,
        };
        let mut answer = request.body(self.body.clone()).send().await.map_err(cause)?;
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(cause)? {
            if body.len() + chunk.len() > MAX_ANSWER {
                return Err(format!("the answer is larger than {MAX_ANSWER} bytes"));
            }
            body.extend_from_slice(&chunk);
        }
        Ok((answer.status().as_u16(), body))
    }

    fn read(&self, status: u16, body: &[u8]) -> Reply {
        let opened = |body: &[u8]| -> Result<Value, String> {
            serde_json::from_slice(&self.session.open(body)?).map_err(|e| format!("the answer is not JSON: {e}"))
        };
        match status {
            200 => opened(body).map_or_else(Reply::Unusable, Reply::Answer),
            // Meta shows this body in the clear and encrypted.
            427 => {
                let told = opened(body).ok().or_else(|| serde_json::from_slice(body).ok());
                Reply::Status(status, told.and_then(|v: Value| v["error_msg"].as_str().map(str::to_owned)))
            }
            _ => Reply::Status(status, None),
        }
    }
}

/// Counts and logs a request.
fn note(core: &Core, question: &Question<'_>, reply: Reply, latency_ms: u64, is_copy: bool) -> Reply {
    core.stats.flow_requests.up();
    let action = question.plaintext["action"].as_str().unwrap_or_default();
    if !is_copy {
        let is_ping = action == "ping";
        let asked = Asked { at_ms: core.now_ms(), latency_ms, outcome: reply.outcome(), is_ping };
        core.flows.asked(question.flow_id, asked);
    }
    if core.log.on {
        let (status, answer) = match &reply {
            Reply::Answer(value) => (200, value.to_string()),
            Reply::Status(status, text) => (*status, text.clone().unwrap_or_default()),
            Reply::Timeout => (0, "no answer in time".into()),
            Reply::Unreachable(why) => (0, why.clone()),
            Reply::Unusable(why) => (200, why.clone()),
        };
        core.log.flow_request(LoggedFlowRequest {
            seq: 0,
            at_ms: core.now_ms(),
            flow_id: question.flow_id.to_owned(),
            action: action.to_owned(),
            is_copy,
            status,
            latency_ms,
            request: excerpt(question.plaintext.to_string().as_bytes()),
            answer: excerpt(answer.as_bytes()),
        });
    }
    reply
}

/// Meta's health check of an endpoint.
pub(crate) async fn ping(core: &Core, question: &Question<'_>) -> Result<(), String> {
    match ask(core, question).await {
        Reply::Answer(answer) if answer["data"]["status"] == "active" => Ok(()),
        Reply::Answer(_) => Err("the answer to a ping is not {\"data\":{\"status\":\"active\"}}".into()),
        Reply::Status(status, _) => Err(format!("the endpoint answers {status}")),
        Reply::Timeout => Err("the endpoint does not answer in time".into()),
        Reply::Unreachable(why) | Reply::Unusable(why) => Err(why),
    }
}

/// The plaintext of a health check.
pub(crate) fn ping_text(version: &str) -> Value {
    json!({ "version": version, "action": "ping" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_of_this_machine_are_loopback() {
        for (address, loopback) in [
            ("http://127.0.0.1:8080/x", true),
            ("http://[::1]:8080/x", true),
            ("https://localhost/x", true),
            ("https://localhost.example.org/x", false),
            ("https://10.0.0.1/x", false),
            ("https://example.org/x", false),
        ] {
            assert_eq!(is_loopback(&Url::parse(address).unwrap()), loopback, "{address}");
        }
    }
}
