//! The configured numbers as each part of the server takes them, and their secrets.

use std::net::SocketAddr;
use std::sync::Arc;

use actors::http_caller::BotSecrets;
use actors::{Bots, Clock, Engine, Number, Numbers};
use tokio::task::JoinHandle;
use url::Url;

use crate::admin::Admin;
use crate::config::Config;
use crate::flows::BotFlows;
use crate::front::{FLOW_PATH, Front, Keyring, Signers};
use crate::numbers::Book;
use crate::secrets;

/// The bots that must be there, each with the setting that names it; tells `bots` where they answer.
pub(super) fn answering<'c>(config: &'c Config, bots: &Bots) -> Vec<(String, &'c str)> {
    let mut answering = vec![("bots.default".to_owned(), config.bots.default.as_str())];
    for number in &config.whatsapp.numbers {
        if let Some(bot) = &number.bot {
            bots.answer_on(&number.phone_number_id, Some(bot));
            // One that the store keeps was there when it was named; that it went stops nothing else.
            if number.kept {
                continue;
            }
            answering.push((format!("bot of the number {}", number.phone_number_id), bot));
        }
    }
    answering
}

/// What the bots want of WhatsApp Flows. `front` is there when phones are beside us, as in `parlance dev`.
pub(super) fn bot_flows(config: &Config, bots: Arc<Bots>, numbers: Arc<Book>, front: Option<SocketAddr>) -> BotFlows {
    BotFlows {
        bots,
        dir: config.bots.dir.clone(),
        endpoint: endpoint(config.server.public_url.as_ref(), front),
        numbers,
    }
}

/// Where phones reach the endpoint of forms: those beside us at `front`, others where `server.public_url` says.
fn endpoint(public: Option<&Url>, front: Option<SocketAddr>) -> Option<String> {
    let public = || public.map(|url| url.as_str().trim_end_matches('/').to_owned());
    let base = front.map(|front| format!("http://{}", reachable(front))).or_else(public)?;
    Some(format!("{base}{FLOW_PATH}"))
}

/// What listens everywhere is reached at this machine.
fn reachable(front: SocketAddr) -> SocketAddr {
    match front.ip() {
        ip if ip.is_unspecified() => SocketAddr::from(([127, 0, 0, 1], front.port())),
        _ => front,
    }
}

/// The numbers as the engine knows them; clones share their tokens.
pub(super) fn of_engine(config: &Config) -> Numbers {
    let number = |number: &crate::config::Number| Number {
        id: number.phone_number_id.as_str().into(),
        account: number.business_account_id.as_deref().unwrap_or_default().into(),
        token: number.access_token.value.clone().into(),
        messages_per_second: number.own_rate(&config.limits),
    };
    config.whatsapp.numbers.iter().map(number).collect::<Vec<_>>().into()
}

/// Who uses secrets.
pub(super) struct Users<'a> {
    pub bot_secrets: &'a BotSecrets,
    pub engine: &'a Arc<Engine>,
    pub signers: &'a Arc<Signers>,
    pub front: &'a Arc<Front>,
    pub keyring: &'a Arc<Keyring>,
    pub admin: &'a Admin,
}

/// Lets a secret that changed in its file count where it is used.
pub(super) fn watch_secrets(
    config: &Config,
    numbers: &Numbers,
    clock: &Arc<dyn Clock>,
    users: &Users<'_>,
) -> (secrets::Handle, JoinHandle<()>) {
    let mut files = secrets::Files::default();
    for (number, Number { id, token, .. }) in config.whatsapp.numbers.iter().zip(numbers.all().iter().cloned()) {
        let (engine, of) = (users.engine.clone(), id.clone());
        files.token(&number.access_token, move |secret| {
            if token.replace(secret.clone()) {
                engine.token_changed(&of);
            }
        });
        let (app, of) = (users.signers.clone(), id.clone());
        files.other(&number.app_secret, move |secret| app.replace(&of, secret));
        if let Some(previous) = &number.app_secret_previous {
            let app = users.signers.clone();
            files.other(previous, move |secret| app.replace_previous(&id, secret));
        }
    }
    super::flows::watch(&mut files, config, users.keyring);
    for endpoint in &config.events.endpoints {
        let (name, keys) = (endpoint.settings.name.clone(), endpoint.settings.keys.clone());
        files.other(&endpoint.secret, move |secret| {
            crate::config::each(secret).iter().for_each(crate::telemetry::hide);
            if let Err(error) = keys.replace(secret) {
                tracing::warn!(endpoint = name, "the file of its secret {error}; the old one stays");
            }
        });
    }
    for (name, secret) in &config.bots.secrets {
        let (secrets, name) = (users.bot_secrets.clone(), name.clone());
        files.other(secret, move |value| secrets.replace(&name, value.clone()));
    }
    let front = users.front.clone();
    files.other(&config.whatsapp.webhook_verify_token, move |secret| front.replace_verify_token(secret.clone()));
    if let Some(token) = &config.admin.token {
        let admin = users.admin.clone();
        files.other(token, move |secret| admin.replace_token(secret));
    }
    files.watch(clock.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phones_beside_us_are_given_no_public_address() {
        let public = Url::parse("https://bots.example/").unwrap();
        let at = |public, front: Option<&str>| endpoint(public, front.map(|front| front.parse().unwrap()));
        assert_eq!(at(Some(&public), Some("0.0.0.0:80")), Some(format!("http://127.0.0.1:80{FLOW_PATH}")));
        assert_eq!(at(Some(&public), None), Some(format!("https://bots.example{FLOW_PATH}")));
        assert_eq!(at(None, None), None);
    }
}
