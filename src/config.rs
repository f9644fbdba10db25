//! Configuration: one typed [`Config`] from a file, the environment and flags, checked as a whole.
//!
//! `config.toml` at the root of the repository is compiled in. It is the only place of a default and the list of all
//! keys. [`Config::load`] is a pure function of its [`Sources`] and reports all problems together.

mod engine;
mod events;
mod flows;
mod http;
pub mod keys;
mod layers;
mod log;
mod number;
mod origin;
mod platform;
mod problem;
mod reader;
mod schema;
mod secret;
mod server;
mod services;
mod shown;
#[cfg(test)]
mod tests;
mod vault;
mod webhooks;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretString};

pub use engine::{Bots, Conversation, Outbox, Store, Takeover};
pub use events::{EventEndpoint, Events};
pub use flows::Flows;
pub use http::Http;
pub use log::{Format, Log, Redact};
pub use number::{COEXISTENCE_RATE, Number};
pub use origin::{Draft, Origin, Reread};
pub use platform::{Graph, Limits, Whatsapp};
pub use problem::{Errors, Problem, Source};
pub use schema::schema;
pub use secret::{Secret, SecretError};
pub use server::{Admin, Metrics, Server, Simulator};
pub use services::{Media, Retention, Templates};
pub use shown::{Change, Shown};
pub use vault::Vault;
pub use webhooks::Webhooks;

use layers::{Layers, Rank};
use reader::Reader;
pub(crate) use reader::duration_of;

/// Every setting, typed and checked.
#[derive(Clone, Debug)]
pub struct Config {
    /// The public front door.
    pub server: Server,
    /// The admin port.
    pub admin: Admin,
    /// Secrets at rest.
    pub vault: Vault,
    /// The app at Meta and its numbers.
    pub whatsapp: Whatsapp,
    /// The Graph API.
    pub graph: Graph,
    /// Rates of a business phone number.
    pub limits: Limits,
    /// Messages on their way out.
    pub outbox: Outbox,
    /// Conversations.
    pub conversation: Conversation,
    /// When somebody answers in the bot's place.
    pub takeover: Takeover,
    /// WhatsApp Flows.
    pub flows: Flows,
    /// Bot files.
    pub bots: Bots,
    /// Calls of bots.
    pub http: Http,
    /// The embedded store.
    pub store: Store,
    /// Files that people send, and ours.
    pub media: Media,
    /// Message templates.
    pub templates: Templates,
    /// Outgoing events.
    pub events: Events,
    /// What is kept of requests to the front door.
    pub webhooks: Webhooks,
    /// How long things are kept.
    pub retention: Retention,
    /// Log lines.
    pub log: Log,
    /// Prometheus metrics.
    pub metrics: Metrics,
    /// The stand-in for Meta.
    pub simulator: Simulator,
    settings: BTreeMap<String, Shown>,
}

/// What is going to be started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Against Meta: everything that identifies us must be set.
    Serve,
    /// Against the stand-in: what identifies us may be missing.
    Dev,
}

/// All that a configuration is made of.
pub struct Sources<'a> {
    /// Name and text of the configuration file.
    pub file: Option<(PathBuf, String)>,
    /// The environment.
    pub env: BTreeMap<String, String>,
    /// Keys and values from the command line, such as `("bots.dir", "samples")`. They win over everything.
    pub overrides: Vec<(String, String)>,
    /// Keys and values that stand in for the defaults, such as generated secrets. Everything wins over them.
    pub generated: Vec<(String, String)>,
    /// What is going to be started.
    pub mode: Mode,
    /// Reads the file of a secret.
    pub read_file: &'a dyn Fn(&Path) -> io::Result<String>,
}

impl Config {
    /// Lays the sources over the defaults, weakest first: generated, file, short variable names, `PARLANCE__…`,
    /// overrides.
    ///
    /// Errors: everything that is wrong in any of them, together.
    pub fn load(sources: Sources<'_>) -> Result<Self, Errors> {
        let Sources { file, env, overrides, generated, mode, read_file } = sources;
        let mut layers = Layers::with_defaults();
        layers.pairs(Rank::Generated, &Source::Generated, generated);
        if let Some((path, text)) = &file {
            layers.file(path, text);
        }
        layers.environment(&env);
        layers.pairs(Rank::Flag, &Source::Flag, overrides);
        let reader = Reader::new(layers, read_file);
        let mut config = Self::read(&reader, mode);
        config.settings = reader.finish()?;
        Ok(config)
    }

    /// Loads from this process: its environment, and `file` or else `./config.toml` if there is one.
    ///
    /// Errors: as [`Config::load`], and a file that cannot be read.
    pub fn from_process(
        file: Option<&Path>,
        overrides: Vec<(String, String)>,
        generated: Vec<(String, String)>,
        mode: Mode,
    ) -> Result<Self, Errors> {
        Origin { file: file.map(Path::to_owned), overrides, generated, mode }.read(Draft::File)
    }

    /// Each key with its value as it may be shown, and where that came from.
    pub fn settings(&self) -> &BTreeMap<String, Shown> {
        &self.settings
    }

    /// What it has otherwise than these settings, by key.
    pub fn changes_from(&self, before: &BTreeMap<String, Shown>) -> Vec<Change> {
        shown::changes(before, &self.settings)
    }

    /// Every secret value, so that log lines can be kept free of them.
    pub fn secrets(&self) -> Vec<SecretString> {
        let of_number = |number: &Number| {
            let optional = [
                number.app_secret_previous.clone(),
                number.flow_private_key.clone(),
                number.flow_key_passphrase.clone(),
                number.flow_private_key_previous.clone(),
            ];
            optional.into_iter().flatten().chain([number.access_token.clone(), number.app_secret.clone()])
        };
        let numbers = self.whatsapp.numbers.iter().flat_map(of_number);
        // Every number may have an app of its own, and those that come later the app of `[whatsapp]`.
        let shared = self.whatsapp.app_secret.iter().chain(&self.whatsapp.app_secret_previous);
        let own = self.admin.token.iter().chain(&self.admin.password).chain(&self.vault.key).chain(shared);
        let ours = own.chain([&self.whatsapp.webhook_verify_token]).cloned();
        let of_bots = self.bots.secrets.values().cloned();
        let all = numbers.chain(ours).chain(of_bots).map(|secret| secret.value);
        let endpoints = self.events.endpoints.iter().flat_map(|endpoint| each(&endpoint.secret.value));
        all.chain(endpoints).collect()
    }

    fn read(reader: &Reader<'_>, mode: Mode) -> Self {
        Self {
            server: Server::read(reader),
            admin: Admin::read(reader),
            vault: Vault::read(reader),
            whatsapp: Whatsapp::read(reader, mode),
            graph: Graph::read(reader),
            limits: Limits::read(reader),
            outbox: Outbox::read(reader),
            conversation: Conversation::read(reader),
            takeover: Takeover::read(reader),
            flows: Flows::read(reader),
            bots: Bots::read(reader),
            http: Http::read(reader),
            store: Store::read(reader),
            media: Media::read(reader),
            templates: Templates::read(reader),
            events: Events::read(reader),
            webhooks: Webhooks::read(reader),
            retention: Retention::read(reader),
            log: Log::read(reader),
            metrics: Metrics::read(reader),
            simulator: Simulator::read(reader),
            settings: BTreeMap::new(),
        }
    }
}

/// The secrets of a text that holds several.
pub(crate) fn each(text: &SecretString) -> Vec<SecretString> {
    text.expose_secret().split(' ').filter(|word| !word.is_empty()).map(SecretString::from).collect()
}
