//! A phone with a form on it: what it asks, encrypted and signed, and the message in which a form comes back.

use std::collections::HashSet;

use bytes::Bytes;
use secrecy::SecretString;
use serde_json::{Value, json};
use simulator::{Config, Filter, SeededFlow};
use whatsapp::flow::{FlowKey, seal_request};

use super::world::World;

/// Calls among which the message with a form is looked for: some seconds' worth of a load.
const LATEST: usize = 2_000;

/// The stand-in knows the Flow `visit` of the bot `echo`.
pub(crate) fn seed_visit(config: &mut Config) {
    let (id, name) = ("8100200300".into(), "echo_visit".into());
    config.flows = vec![SeededFlow { id, name, json: None, endpoint_uri: None }];
}

impl World {
    /// The token of the newest form that a person got, other than those that are known.
    pub(crate) fn token_of(&self, person: &str, known: &HashSet<String>) -> Option<String> {
        let filter = Filter { path: Some("/messages".into()), limit: LATEST, ..Filter::default() };
        let to = format!("+{person}");
        self.meta.requests(&filter).iter().filter(|call| call.accepted && call.request.contains(&to)).find_map(|call| {
            let body: Value = serde_json::from_str(&call.request).ok()?;
            let token = body["interactive"]["action"]["parameters"]["flow_token"].as_str()?;
            (body["to"] == *to && !known.contains(token)).then(|| token.to_owned())
        })
    }

    /// Asks as a phone does. Status and screen, if there is an answer.
    pub(crate) async fn ask_form(&self, key: &FlowKey, asked: &FormAsk<'_>) -> Option<(u16, Value)> {
        let FormAsk { token, action, screen, data } = asked;
        let asked = json!({ "version": "3.0", "action": action, "screen": screen, "data": data, "flow_token": token });
        let request = seal_request(key, asked.to_string().as_bytes()).expect("randomness");
        let secret = SecretString::from(self.place.app_secret.as_str());
        let signature = whatsapp::signature::sign(&secret, &request.body);
        let url = format!("http://{}/api/webhooks/flow-endpoint", self.place.front);
        let post = self.http.post(url).header("x-hub-signature-256", signature);
        let answer = post.header("content-type", "application/json").body(request.body.clone()).send().await.ok()?;
        let status = answer.status().as_u16();
        let opened = request.open(&answer.bytes().await.ok()?);
        Some((status, opened.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default()))
    }

    /// The message in which a form comes back.
    pub(crate) fn form_reply(&self, person: &str, wamid: String, token: &str) -> Bytes {
        let response = json!({ "flow_token": token, "slot": "s1" }).to_string();
        let text = self.texts(&[(person.into(), wamid, String::new())]);
        let mut body: Value = serde_json::from_slice(&text).expect("a body");
        let message = &mut body["entry"][0]["changes"][0]["value"]["messages"][0];
        message["type"] = "interactive".into();
        message["interactive"] = json!({ "type": "nfm_reply",
            "nfm_reply": { "name": "flow", "body": "Sent", "response_json": response } });
        Bytes::from(body.to_string())
    }
}

/// What a phone asks.
pub(crate) struct FormAsk<'a> {
    pub(crate) token: &'a str,
    pub(crate) action: &'a str,
    pub(crate) screen: &'a str,
    pub(crate) data: Value,
}
