//! The endpoint of Flows as the configuration has it: its keys, where they come from, and what it tells.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use actors::Clock;
use secrecy::{ExposeSecret, SecretString};
use storage::{Accept, Notice, Store};
use whatsapp::flow::{FlowKey, KeyError};
use whatsapp::graph::Client;

use crate::config::{Config, Number, Secret, Source};
use crate::flow_keys::{FlowKeyKeeper, KeyNumber, KeyParts, beside};
use crate::front::{FLOW_PATH, FlowHealth, FlowSettings, KeySlot, Keyring, Signers};
use crate::metrics::Metrics;
use crate::secrets;

/// A private key of the configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the {what} of the number {number}{place}: {error}")]
pub struct KeyTrouble {
    what: &'static str,
    number: String,
    place: String,
    error: KeyError,
}

/// The keys of all numbers.
pub(super) fn keyring(config: &Config) -> Result<Keyring, Box<KeyTrouble>> {
    let mut read = Read::default();
    let mut rows = Vec::new();
    for number in &config.whatsapp.numbers {
        let current = number.flow_private_key.as_ref();
        let current = current.map(|secret| read.key(number, "flow_private_key", secret)).transpose()?;
        let previous = previous(number).filter(|secret| !secret.value.expose_secret().is_empty());
        let previous = previous.map(|secret| read.key(number, "flow_private_key_previous", &secret)).transpose()?;
        rows.push((number.phone_number_id.as_str(), current, previous));
    }
    Ok(Keyring::new(rows))
}

/// Each text once: an encrypted key takes its time, and numbers share keys.
#[derive(Default)]
struct Read(Vec<(SecretString, Arc<FlowKey>)>);

impl Read {
    fn key(&mut self, number: &Number, what: &'static str, secret: &Secret) -> Result<Arc<FlowKey>, Box<KeyTrouble>> {
        let known = self.0.iter().find(|(text, _)| text.expose_secret() == secret.value.expose_secret());
        if let Some((_, key)) = known {
            return Ok(key.clone());
        }
        let passphrase = number.flow_key_passphrase.as_ref().map(|secret| &secret.value);
        let key = FlowKey::read(&secret.value, passphrase).map_err(|error| {
            let place = secret.file.as_ref().map(|file| format!(" ({})", file.display())).unwrap_or_default();
            Box::new(KeyTrouble { what, number: number.phone_number_id.clone(), place, error })
        })?;
        let key = Arc::new(key);
        self.0.push((secret.value.clone(), key.clone()));
        Ok(key)
    }
}

/// The key before: as configured, else from the file beside the current one; empty where that is not there yet.
fn previous(number: &Number) -> Option<Secret> {
    if number.flow_private_key_previous.is_some() {
        return number.flow_private_key_previous.clone();
    }
    let file = beside(number.flow_private_key.as_ref()?.file.as_ref()?);
    let value = Secret::read_text(&file).unwrap_or_default();
    Some(Secret { value, file: Some(file), ..Secret::default() })
}

/// Lets a key that changed in its file count.
pub(super) fn watch(files: &mut secrets::Files, config: &Config, keyring: &Arc<Keyring>) {
    for number in &config.whatsapp.numbers {
        let apply = |slot: KeySlot| {
            let (keyring, id) = (keyring.clone(), number.phone_number_id.clone());
            let passphrase = number.flow_key_passphrase.as_ref().map(|secret| secret.value.clone());
            move |text: &SecretString| match FlowKey::read(text, passphrase.as_ref()) {
                Ok(key) => {
                    tracing::info!(
                        number = id,
                        fingerprint = key.fingerprint(),
                        ?slot,
                        "a private key of Flows counts"
                    );
                    keyring.replace(&id, slot, Some(Arc::new(key)));
                }
                Err(error) => {
                    tracing::warn!(
                        number = id,
                        ?slot,
                        "the private key of Flows cannot be used, the old one stays: {error}"
                    );
                }
            }
        };
        if let Some(secret) = &number.flow_private_key {
            files.key(secret, apply(KeySlot::Current));
        }
        match (&number.flow_private_key_previous, previous(number)) {
            (Some(secret), _) => files.key(secret, apply(KeySlot::Previous)),
            (None, Some(beside)) => files.key_if_there(&beside, apply(KeySlot::Previous)),
            (None, None) => {}
        }
    }
}

/// What the endpoint is set to.
pub(super) fn settings(config: &Config) -> FlowSettings {
    FlowSettings {
        // A body that does not fit among all bodies could never be read.
        max_body_bytes: config.server.max_flow_body_bytes.min(config.server.max_buffered_bytes),
        max_buffered_bytes: config.server.max_buffered_bytes,
        answer_within: config.flows.answer_within,
        plain_dead_answer: config.flows.plain_dead_answer,
    }
}

/// Measures that leave a notice when a Flow does badly.
pub(super) fn health(store: &Arc<dyn Store>, clock: &Arc<dyn Clock>, metrics: &Metrics) -> FlowHealth {
    let (store, clock) = (store.clone(), clock.clone());
    let tell = move |bot: &str, flow: &str, sentence: &str| {
        let payload = serde_json::json!({ "bot": bot, "flow": flow, "what": sentence });
        let notice = Accept::Notice(Notice {
            field: "flow_health".into(),
            account: "".into(),
            detail: format!("Flow {flow} of the bot {bot}: {sentence}").into(),
            alarm: true,
            received_ms: clock.now_ms(),
            payload: payload.to_string().into(),
        });
        let store = store.clone();
        tokio::spawn(async move {
            if let Err(error) = store.append(vec![notice]).await {
                tracing::warn!(%error, "the notice of a Flow that does badly was not stored");
            }
        });
    };
    FlowHealth::new(metrics.flow.clone(), Box::new(tell))
}

/// The keeper of the keys.
pub(super) fn keeper(
    config: &Config,
    numbers: &actors::Numbers,
    client: Client,
    users: (&Arc<Keyring>, &Arc<Signers>, &Arc<dyn Clock>),
    front: SocketAddr,
) -> Result<FlowKeyKeeper, reqwest::Error> {
    let (keyring, signers, clock) = users;
    let number = |(configured, known): (&Number, &actors::Number)| KeyNumber {
        id: known.id.clone(),
        token: known.token.clone(),
        file: configured.flow_private_key.as_ref().and_then(|secret| secret.file.clone()),
        previous_set: configured.flow_private_key_previous.is_some(),
        in_store: configured.flow_private_key.as_ref().is_some_and(|secret| secret.source == Source::Store),
    };
    FlowKeyKeeper::new(KeyParts {
        client,
        numbers: config.whatsapp.numbers.iter().zip(numbers.all().iter()).map(number).collect(),
        keyring: keyring.clone(),
        signers: signers.clone(),
        clock: clock.clone(),
        endpoint: format!("http://{}{FLOW_PATH}", reachable(front)),
    })
}

/// An address that listens on all of them is reached over loopback.
fn reachable(front: SocketAddr) -> SocketAddr {
    if front.ip().is_unspecified() { SocketAddr::from((Ipv4Addr::LOCALHOST, front.port())) } else { front }
}
