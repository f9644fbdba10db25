//! Numbers that come, change and go while the server runs: committed first, then known to everybody who works with them.

use std::sync::Arc;
use std::time::Duration;

use actors::flow_manager::FlowManager;
use actors::templates::Templates;
use actors::{Bots, Clock, Engine, Numbers};
use secrecy::{ExposeSecret, SecretString};
use storage::{NewDocument, Page, Partition, Store};
use whatsapp::flow::{FlowKey, MAX_KEYS_TRIED};
use whatsapp::graph::Client;

use super::change::{Changes, DeskError, MAX_NUMBERS, Secrets, check_id, check_secret, value};
use super::kept::{self, Field, Record, of_store};
use super::test::Tested;
use super::{Book, Served};
use crate::config::{self, Config, Secret, Source};
use crate::flow_keys::{FlowKeyKeeper, KeyNumber};
use crate::front::{Front, KeySlot, Keyring, Signers};
use crate::vault::{Kept, Vault};

/// Requests under way may end when a number goes.
const PATIENCE: Duration = Duration::from_secs(10);
/// The latest conversations that are looked through for open ones.
const LOOKED_THROUGH: usize = 1_000;

/// The private keys of a number, and where they open requests.
const KEYS: [(Field, KeySlot); 2] =
    [(Field::FlowPrivateKey, KeySlot::Current), (Field::FlowPrivateKeyPrevious, KeySlot::Previous)];

/// Everybody who works with numbers.
pub struct DeskParts {
    /// The store.
    pub store: Arc<dyn Store>,
    /// Secrets of the store.
    pub vault: Arc<Vault>,
    /// The source of time.
    pub clock: Arc<dyn Clock>,
    /// The way to Meta.
    pub client: Client,
    /// Sends.
    pub engine: Arc<Engine>,
    /// The engine's list.
    pub numbers: Numbers,
    /// Everybody else's list.
    pub book: Arc<Book>,
    /// Check webhooks.
    pub signers: Arc<Signers>,
    /// Proves subscriptions.
    pub front: Arc<Front>,
    /// Opens Flow requests.
    pub keyring: Arc<Keyring>,
    /// Keeps public keys at Meta.
    pub flow_keys: Arc<FlowKeyKeeper>,
    /// Answer.
    pub bots: Arc<Bots>,
    /// Read lists by account.
    pub templates: Arc<Templates>,
    /// Reads lists by account.
    pub flows: Arc<FlowManager>,
}

/// See the module.
pub struct Desk {
    parts: DeskParts,
    state: tokio::sync::Mutex<State>,
}

struct State {
    /// What numbers share: limits, the default bot, the app of `[whatsapp]`.
    config: Config,
    numbers: Vec<config::Number>,
}

/// How a secret of a number stands. Nothing of the secret is in it.
#[derive(Clone, Debug)]
pub struct SecretStanding {
    /// Which.
    pub field: Field,
    /// Whether there is one.
    pub set: bool,
    /// Where from.
    pub source: Source,
    /// The file that holds it.
    pub file: Option<String>,
    /// Since when it is this one, if the store keeps it (ms).
    pub since_ms: Option<u64>,
}

impl Desk {
    /// Over a configuration whose numbers are those of the file and of the store: [`super::served`].
    pub fn new(config: &Config, parts: DeskParts) -> Self {
        let (config, numbers) = (config.clone(), config.whatsapp.numbers.clone());
        Self { parts, state: tokio::sync::Mutex::new(State { config, numbers }) }
    }

    /// Lets what only numbers of their own have count from the start on.
    pub async fn open(&self) {
        self.verify_tokens(&*self.state.lock().await);
    }

    /// Serves one more number. `dry` only looks whether that can be.
    pub async fn add(&self, id: &str, changes: &Changes, secrets: &Secrets, dry: bool) -> Result<(), DeskError> {
        check_id("phone_number_id", id)?;
        let mut state = self.state.lock().await;
        state.refuse_more(id)?;
        if secrets.get(&Field::AccessToken).is_none_or(Option::is_none) {
            return Err(value("access_token", "a number needs one: a system user's token".into()));
        }
        let now_ms = self.parts.clock.now_ms();
        let record = changes.of(&Record { since_ms: now_ms, ..Record::default() })?;
        self.check_bot(&record)?;
        let sealed = self.seal(id, secrets, now_ms)?;
        let mut number = record.number(id, &state.config.whatsapp, &self.parts.vault);
        put_all(&mut number, secrets);
        if Field::AppSecret.of(&number).is_none() {
            let what = "webhooks are signed with it, and [whatsapp] has none for all numbers".into();
            return Err(value("app_secret", what));
        }
        self.check_keys(&state, &number)?;
        if dry {
            return Ok(());
        }
        let documents = sealed.into_iter().chain([record.document(id)]).collect();
        self.parts.store.put_documents(documents).await?;
        self.note(id, secrets, now_ms);
        self.put_live(&mut state, number).await?;
        tracing::warn!(number = id, "a number was added");
        Ok(())
    }

    /// Changes a number that the store keeps.
    pub async fn change(&self, id: &str, changes: &Changes, dry: bool) -> Result<(), DeskError> {
        let mut state = self.state.lock().await;
        let before = state.number(id)?.clone();
        if !before.kept {
            return Err(DeskError::Configured(id.to_owned()));
        }
        let record = kept::all(&*self.parts.store).await?.remove(id).unwrap_or_default();
        let record = changes.of(&record)?;
        self.check_bot(&record)?;
        let number = record.number(id, &state.config.whatsapp, &self.parts.vault);
        self.check_keys(&state, &number)?;
        if dry {
            return Ok(());
        }
        self.parts.store.put_documents(vec![record.document(id)]).await?;
        self.put_live(&mut state, number).await?;
        tracing::warn!(number = id, "a number was changed");
        Ok(())
    }

    /// Serves a number no longer, and forgets its secrets. Its conversations stay; what is open of it in the outbox waits for
    /// it to come back. Refused while something is open, unless it is forced.
    pub async fn remove(&self, id: &str, force: bool, dry: bool) -> Result<(), DeskError> {
        let mut state = self.state.lock().await;
        if !state.number(id)?.kept {
            return Err(DeskError::Configured(id.to_owned()));
        }
        if !force {
            self.refuse_open(id).await?;
        }
        if dry {
            return Ok(());
        }
        let names = self.parts.vault.names(&format!("number/{id}/"));
        let documents = names.iter().map(|name| self.parts.vault.unseal(name));
        self.parts.store.put_documents(documents.chain([Record::gone(id)]).collect()).await?;
        names.iter().for_each(|name| self.parts.vault.note(name, None));
        // The front door first: what comes from now on is of an unknown number.
        self.parts.signers.leave(id);
        self.parts.keyring.leave(id);
        self.parts.flow_keys.leave(id);
        self.parts.book.remove(id);
        self.parts.bots.answer_on(id, None);
        self.parts.engine.leave_number(id, PATIENCE).await;
        state.numbers.retain(|number| number.phone_number_id != id);
        self.verify_tokens(&state);
        tracing::warn!(number = id, force, "a number was removed");
        Ok(())
    }

    /// Sets secrets of a number, or takes them away. The app secret and the key of Flows that are replaced stay as the ones
    /// before, unless something else is said of those.
    pub async fn set_secrets(&self, id: &str, secrets: &Secrets, dry: bool) -> Result<(), DeskError> {
        let mut state = self.state.lock().await;
        let number = state.number(id)?.clone();
        for field in secrets.keys() {
            refuse_configured(&number, *field)?;
        }
        if secrets.get(&Field::AccessToken).is_some_and(Option::is_none) {
            return Err(value("access_token", "a number cannot be without one".into()));
        }
        let secrets = with_previous(&number, secrets);
        let now_ms = self.parts.clock.now_ms();
        let documents = self.seal(id, &secrets, now_ms)?;
        let mut number = reread(number);
        put_all(&mut number, &secrets);
        if number.kept && Field::AppSecret.of(&number).is_none() {
            number.app_secret = state.config.whatsapp.app_secret.clone().unwrap_or_default();
        }
        if Field::AppSecret.of(&number).is_none() {
            return Err(value("app_secret", "a number cannot be without one".into()));
        }
        self.check_keys(&state, &number)?;
        if dry {
            return Ok(());
        }
        self.parts.store.put_documents(documents).await?;
        self.note(id, &secrets, now_ms);
        for (field, slot) in KEYS {
            if secrets.get(&field).is_some_and(Option::is_none) {
                self.parts.keyring.replace(id, slot, None);
            }
        }
        self.put_live(&mut state, number).await?;
        let fields: Vec<_> = secrets.keys().map(|field| field.name()).collect();
        tracing::warn!(number = id, fields = fields.join(" "), "secrets of a number were changed");
        Ok(())
    }

    /// How the secrets of a number stand.
    pub async fn secrets(&self, id: &str) -> Result<Vec<SecretStanding>, DeskError> {
        let state = self.state.lock().await;
        let number = state.number(id)?;
        let standing = |field: Field| {
            let secret = field.of(number);
            let source = secret.map(|secret| secret.source.clone()).unwrap_or_default();
            let kept = self.parts.vault.get(&field.vaulted(id)).filter(|_| source == Source::Store);
            SecretStanding {
                field,
                set: secret.is_some(),
                source,
                file: secret.and_then(|secret| secret.file.as_ref()).map(|file| file.display().to_string()),
                since_ms: kept.map(|kept| kept.since_ms),
            }
        };
        Ok(Field::ALL.map(standing).to_vec())
    }

    /// Asks Meta for the number with its token. Errors: there is no such number.
    pub async fn test(&self, id: &str) -> Result<Tested, DeskError> {
        let account = {
            let state = self.state.lock().await;
            state.number(id)?.business_account_id.clone()
        };
        let token = self.parts.numbers.get(id).ok_or_else(|| DeskError::Unknown(id.to_owned()))?.token.get();
        Ok(super::test::test(&self.parts.client, id, account.as_deref(), &token).await)
    }

    /// As [`Desk::test`], of a number that is not served.
    pub async fn try_out(&self, id: &str, account: Option<&str>, token: &SecretString) -> Tested {
        super::test::test(&self.parts.client, id, account, token).await
    }

    /// Takes over what a configuration that was read again has for numbers that are served: secrets and rates.
    pub async fn reconfigure(&self, config: &Config) -> Result<(), DeskError> {
        let mut state = self.state.lock().await;
        let default_bot = std::mem::take(&mut state.config.bots.default);
        state.config = config.clone();
        // It takes effect with the next start.
        state.config.bots.default = default_bot;
        for before in state.numbers.clone() {
            let id = before.phone_number_id.clone();
            let mut number = before.clone();
            if before.kept {
                if Field::AppSecret.of(&before).is_none_or(|secret| secret.source != Source::Store) {
                    number.app_secret = config.whatsapp.app_secret.clone().unwrap_or_default();
                    number.app_secret_previous.clone_from(&config.whatsapp.app_secret_previous);
                }
            } else {
                let Some(new) = config.whatsapp.numbers.iter().find(|new| new.phone_number_id == id) else { continue };
                for field in [Field::AccessToken, Field::AppSecret, Field::AppSecretPrevious] {
                    field.put(&mut number, field.of(new).cloned());
                }
                number.messages_per_second = new.messages_per_second;
                kept::fill(&mut number, &self.parts.vault);
            }
            self.put_live(&mut state, number).await?;
        }
        Ok(())
    }

    /// Tells everybody, those who send first: a message that comes in finds a sender.
    async fn put_live(&self, state: &mut State, number: config::Number) -> Result<(), DeskError> {
        let (parts, id) = (&self.parts, number.phone_number_id.as_str());
        let token = parts.numbers.get(id).map(|known| known.token);
        let token = token.unwrap_or_else(|| number.access_token.value.clone().into());
        let replaced = token.replace(number.access_token.value.clone());
        let account: Box<str> = number.business_account_id.as_deref().unwrap_or_default().into();
        let new_account = !account.is_empty() && parts.numbers.accounts().iter().all(|known| known.id != account);
        let messages_per_second = number.own_rate(&state.config.limits);
        let of_engine = actors::Number { id: id.into(), account, token: token.clone(), messages_per_second };
        parts.bots.answer_on(id, number.bot.as_deref());
        parts.engine.serve_number(of_engine).await?;
        if replaced {
            parts.engine.token_changed(id);
        }
        self.keys(&number);
        parts.flow_keys.serve(key_number(&number, token));
        parts.book.put(Served::of(&number, &state.config.limits, &state.config.bots.default));
        parts.signers.serve(&number);
        match state.numbers.iter_mut().find(|known| known.phone_number_id == number.phone_number_id) {
            Some(known) => *known = number,
            None => state.numbers.push(number),
        }
        self.verify_tokens(state);
        if new_account || replaced {
            parts.templates.look_again();
            parts.flows.look_again();
        }
        Ok(())
    }

    /// Keys in files are the business of those who watch the files.
    fn keys(&self, number: &config::Number) {
        let id = number.phone_number_id.as_str();
        self.parts.keyring.serve(id);
        for (field, slot) in KEYS {
            match field.of(number) {
                Some(secret) if secret.source == Source::Store => {
                    // It was read before it was kept.
                    if let Ok(key) = flow_key(secret, number) {
                        self.parts.keyring.replace(id, slot, Some(Arc::new(key)));
                    }
                }
                None if number.kept => self.parts.keyring.replace(id, slot, None),
                _ => {}
            }
        }
    }

    fn verify_tokens(&self, state: &State) {
        let tokens = state.numbers.iter().filter_map(|number| Field::VerifyToken.of(number));
        self.parts.front.also_verify(tokens.map(|secret| secret.value.clone()).collect());
    }

    fn seal(&self, id: &str, secrets: &Secrets, now_ms: u64) -> Result<Vec<NewDocument>, DeskError> {
        let sealed = |(field, secret): (&Field, &Option<SecretString>)| -> Result<NewDocument, DeskError> {
            let name = field.vaulted(id);
            let Some(secret) = secret else { return Ok(self.parts.vault.unseal(&name)) };
            check_secret(*field, secret)?;
            Ok(self.parts.vault.seal(&name, secret, now_ms)?)
        };
        secrets.iter().map(sealed).collect()
    }

    fn note(&self, id: &str, secrets: &Secrets, now_ms: u64) {
        for (field, secret) in secrets {
            let kept = secret.as_ref().map(|value| Kept { value: value.clone(), since_ms: now_ms });
            self.parts.vault.note(&field.vaulted(id), kept);
        }
    }

    fn check_bot(&self, record: &Record) -> Result<(), DeskError> {
        let Some(bot) = record.bot.as_deref() else { return Ok(()) };
        let known = self.parts.bots.live().iter().any(|live| live.id() == bot);
        if known { Ok(()) } else { Err(value("bot", format!("there is no live bot {bot:?}"))) }
    }

    /// The keys of Flows can be read, and those of the app are not too many.
    fn check_keys(&self, state: &State, number: &config::Number) -> Result<(), DeskError> {
        for (field, _) in KEYS {
            if let Some(secret) = field.of(number) {
                flow_key(secret, number).map_err(|error| value(field.name(), error.to_string()))?;
            }
        }
        let others = state.numbers.iter().filter(|other| other.phone_number_id != number.phone_number_id);
        let of_app = others.filter(|other| secret_of(other) == secret_of(number)).chain([number]);
        let keys = of_app.flat_map(|number| {
            let keys = KEYS.into_iter().filter_map(|(field, _)| field.of(number));
            keys.map(|secret| secret.value.expose_secret().to_owned())
        });
        if keys.collect::<std::collections::HashSet<_>>().len() > MAX_KEYS_TRIED {
            let what = format!("the numbers of its app would have more than {MAX_KEYS_TRIED}; let numbers share a key");
            return Err(value(Field::FlowPrivateKey.name(), what));
        }
        Ok(())
    }

    async fn refuse_open(&self, id: &str) -> Result<(), DeskError> {
        let busy = |what: String| DeskError::Busy { number: id.to_owned(), what };
        let open = self.parts.engine.open_sends_of(id).await?;
        if open > 0 {
            return Err(busy(format!("{open} messages that have not left")));
        }
        let tag = actors::identity::partition_tag(&Partition(id.into()));
        let page = Page { cursor: None, limit: LOOKED_THROUGH };
        let listed = self.parts.store.conversations(Some(tag), page).await?;
        let views = listed.items.iter().map(|(id, head)| actors::view::listed(*id, head));
        let open = views.filter(|view| view.merged_into.is_none() && view.state != "idle").count();
        if open > 0 {
            return Err(busy(format!("{open} conversations that are not at their end")));
        }
        Ok(())
    }
}

impl State {
    fn number(&self, id: &str) -> Result<&config::Number, DeskError> {
        let known = self.numbers.iter().find(|number| number.phone_number_id == id);
        known.ok_or_else(|| DeskError::Unknown(id.to_owned()))
    }

    fn refuse_more(&self, id: &str) -> Result<(), DeskError> {
        if self.number(id).is_ok() {
            return Err(DeskError::There(id.to_owned()));
        }
        if self.numbers.len() >= MAX_NUMBERS {
            return Err(DeskError::Full);
        }
        let tag = |id: &str| actors::identity::partition_tag(&Partition(id.into()));
        match self.numbers.iter().find(|other| tag(&other.phone_number_id) == tag(id)) {
            Some(twin) => {
                let what = format!("it cannot be served together with {}", twin.phone_number_id);
                Err(value("phone_number_id", what))
            }
            None => Ok(()),
        }
    }
}

/// What somebody configured is changed where they did.
fn refuse_configured(number: &config::Number, field: Field) -> Result<(), DeskError> {
    let Some(secret) = field.of(number) else { return Ok(()) };
    // What a kept number has of the configuration is that of `[whatsapp]`, and may be its own.
    if number.kept || matches!(secret.source, Source::Store | Source::Generated) {
        return Ok(());
    }
    let place = match &secret.file {
        Some(file) => format!("the file {}", file.display()),
        None => secret.source.to_string(),
    };
    Err(DeskError::SetElsewhere { number: number.phone_number_id.clone(), field: field.name(), place })
}

/// What is replaced stays as the one before, so that nothing is refused that is under way.
fn with_previous(number: &config::Number, secrets: &Secrets) -> Secrets {
    let mut all = secrets.clone();
    for (field, secret) in secrets {
        let (Some(new), Some(previous)) = (secret, field.previous()) else { continue };
        let Some(before) = field.of(number).filter(|before| before.source == Source::Store) else { continue };
        if before.value.expose_secret() != new.expose_secret() && refuse_configured(number, previous).is_ok() {
            all.entry(previous).or_insert_with(|| Some(before.value.clone()));
        }
    }
    all
}

fn put_all(number: &mut config::Number, secrets: &Secrets) {
    for (field, secret) in secrets {
        field.put(number, secret.clone().map(of_store));
    }
}

/// With what the files of its secrets have now: those who watch them may have told everybody of something newer.
fn reread(mut number: config::Number) -> config::Number {
    for field in Field::ALL {
        let Some(Secret { file: Some(file), source, .. }) = field.of(&number).cloned() else { continue };
        let value = if field.is_text() { Secret::read_text(&file) } else { Secret::read(&file) };
        if let Ok(value) = value {
            field.put(&mut number, Some(Secret { value, file: Some(file), source }));
        }
    }
    number
}

fn flow_key(secret: &Secret, number: &config::Number) -> Result<FlowKey, whatsapp::flow::KeyError> {
    FlowKey::read(&secret.value, number.flow_key_passphrase.as_ref().map(|secret| &secret.value))
}

fn secret_of(number: &config::Number) -> &str {
    number.app_secret.value.expose_secret()
}

fn key_number(number: &config::Number, token: actors::Token) -> KeyNumber {
    KeyNumber {
        id: number.phone_number_id.as_str().into(),
        token,
        file: number.flow_private_key.as_ref().and_then(|secret| secret.file.clone()),
        previous_set: number.flow_private_key_previous.is_some(),
        in_store: Field::FlowPrivateKey.of(number).is_some_and(|secret| secret.source == Source::Store),
    }
}
