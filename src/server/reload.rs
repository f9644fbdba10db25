//! The configuration of a running server: shown with its sources, checked against a draft, and read again. What is wrong
//! never takes the place of what runs.

use std::collections::BTreeMap;
use std::sync::Arc;

use actors::Engine;
use actors::http_caller::BotSecrets;
use parking_lot::Mutex;
use secrecy::SecretString;

use super::parts::sender_settings;
use crate::admin::Admin;
use crate::config::keys::Effect;
use crate::config::{Change, Config, Draft, Errors, EventEndpoint, Reread, Shown};
use crate::front::Front;
use crate::numbers::{Desk, DeskError};
use crate::telemetry;

/// Who is told of what changes while it runs.
pub(super) struct Users {
    pub engine: Arc<Engine>,
    pub desk: Arc<Desk>,
    pub front: Arc<Front>,
    pub bot_secrets: BotSecrets,
    pub endpoints: Vec<EventEndpoint>,
}

/// See the module.
pub struct Configuration {
    reread: Option<Reread>,
    state: Mutex<State>,
    users: Users,
    /// One reload at a time.
    reloading: tokio::sync::Mutex<()>,
}

struct State {
    /// As it is in effect.
    settings: BTreeMap<String, Shown>,
    /// The configuration that was read last; what needs a restart in it is not in effect.
    last: Arc<Config>,
    /// Set after the admin port has started, which shows this and must not be kept alive by it.
    admin: Option<ReplaceToken>,
}

/// Puts another admin token in the place of the one that is right.
type ReplaceToken = Box<dyn Fn(&SecretString) + Send + Sync>;

/// Why the configuration was not read again.
#[derive(Debug, thiserror::Error)]
pub enum ReloadError {
    /// It was given by whoever started the server, and cannot be read again.
    #[error("this server was not started from a file and an environment: it cannot read its configuration again")]
    Fixed,
    /// Something is wrong with it; nothing has changed.
    #[error("{0}")]
    Wrong(#[from] Errors),
    /// A change could not be carried out.
    #[error("the configuration was read, and could not be put into effect: {0}")]
    Desk(#[from] DeskError),
}

impl Configuration {
    pub(super) fn new(config: &Config, reread: Option<Reread>, users: Users) -> Self {
        let state = State { settings: config.settings().clone(), last: Arc::new(config.clone()), admin: None };
        Self { reread, state: Mutex::new(state), users, reloading: tokio::sync::Mutex::default() }
    }

    pub(super) fn attach(&self, admin: &Admin) {
        self.state.lock().admin = Some(Box::new(admin.token_slot()));
    }

    /// Each key as it is in effect.
    pub fn settings(&self) -> BTreeMap<String, Shown> {
        self.state.lock().settings.clone()
    }

    /// What was read and is not in effect: it needs a restart.
    pub fn waiting(&self) -> Vec<Change> {
        let state = self.state.lock();
        state.last.changes_from(&state.settings)
    }

    /// What a draft would change of what is in effect. Errors: what is wrong with it.
    pub fn check(&self, draft: Draft) -> Result<Vec<Change>, ReloadError> {
        let read = self.reread.as_ref().ok_or(ReloadError::Fixed)?;
        let draft = read(draft)?;
        Ok(draft.changes_from(&self.state.lock().settings))
    }

    /// Reads the configuration again, puts into effect what can be without a restart, and answers what differs from what
    /// was in effect. Errors leave everything as it was, but for the engine's.
    pub async fn reload(&self) -> Result<Vec<Change>, ReloadError> {
        let _one = self.reloading.lock().await;
        let read = self.reread.clone().ok_or(ReloadError::Fixed)?;
        let config = Arc::new(read(Draft::File)?);
        let changes = config.changes_from(&self.state.lock().settings);
        config.secrets().iter().for_each(telemetry::hide);
        self.put_into_effect(&config).await?;
        self.note(config, &changes);
        let count = |effect| changes.iter().filter(|change| change.effect == effect).count();
        let (live, restart) = (count(Effect::Live), count(Effect::Restart));
        tracing::info!(live, restart, "the configuration was read again");
        Ok(changes)
    }

    fn note(&self, config: Arc<Config>, changes: &[Change]) {
        let mut state = self.state.lock();
        for change in changes.iter().filter(|change| change.effect == Effect::Live) {
            match &change.after {
                Some(shown) => state.settings.insert(change.key.clone(), shown.clone()),
                None => state.settings.remove(&change.key),
            };
        }
        state.last = config;
    }

    async fn put_into_effect(&self, config: &Config) -> Result<(), DeskError> {
        let users = &self.users;
        telemetry::set_level(&config.log.level);
        users.engine.change_senders(&sender_settings(config));
        users.front.replace_verify_token(config.whatsapp.webhook_verify_token.value.clone());
        let secrets = config.bots.secrets.iter().map(|(name, secret)| (name.clone(), secret.value.clone()));
        users.bot_secrets.replace_all(secrets);
        self.endpoints(config);
        if let (Some(replace), Some(token)) = (&self.state.lock().admin, &config.admin.token) {
            replace(&token.value);
        }
        users.desk.reconfigure(config).await
    }

    fn endpoints(&self, config: &Config) {
        for endpoint in &self.users.endpoints {
            let same = |new: &&EventEndpoint| new.settings.name == endpoint.settings.name;
            let Some(new) = config.events.endpoints.iter().find(same) else { continue };
            if let Err(error) = endpoint.settings.keys.replace(&new.secret.value) {
                tracing::warn!(endpoint = endpoint.settings.name, "its secret {error}; the old one stays");
            }
        }
    }
}
