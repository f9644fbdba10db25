//! The business phone numbers: the one of `[whatsapp]`, and those of `[[whatsapp.number]]`.

use std::collections::{HashMap, HashSet};

use secrecy::ExposeSecret;
use whatsapp::flow::MAX_KEYS_TRIED;

use super::Mode;
use super::layers::NUMBERS;
use super::platform::Limits;
use super::reader::Reader;
use super::secret::Secret;

/// What Meta allows a number that is used in the WhatsApp Business app beside the API, per second.
pub const COEXISTENCE_RATE: u32 = 20;

/// One business phone number. What a `[[whatsapp.number]]` leaves out is that of `[whatsapp]`.
#[derive(Clone, Debug)]
pub struct Number {
    /// Meta's id of it, which is not the number itself.
    pub phone_number_id: String,
    /// The account that it belongs to.
    pub business_account_id: Option<String>,
    /// Opens the Graph API.
    pub access_token: Secret,
    /// Signs the webhooks of its app.
    pub app_secret: Secret,
    /// Proves subscription requests of its app, beside `whatsapp.webhook_verify_token`; given over the API only.
    pub verify_token: Option<Secret>,
    /// Still accepted while the app secret is being rotated.
    pub app_secret_previous: Option<Secret>,
    /// Opens Flow requests; PEM with real line breaks.
    pub flow_private_key: Option<Secret>,
    /// Opens the private key, if it is encrypted.
    pub flow_key_passphrase: Option<Secret>,
    /// The private key before a rotation, still accepted.
    pub flow_private_key_previous: Option<Secret>,
    /// Messages per second; 0 is no limit.
    pub messages_per_second: Option<u32>,
    /// Whether it is used in the WhatsApp Business app, too.
    pub coexistence: bool,
    /// The bot that answers on it, if it is not `bots.default`.
    pub bot: Option<String>,
    /// What people call it; given over the API only.
    pub label: Option<String>,
    /// It comes from the store, and not from the configuration.
    pub kept: bool,
}

impl Number {
    /// A number of which nothing but the id is known.
    pub fn bare(id: &str) -> Self {
        Self {
            phone_number_id: id.into(),
            business_account_id: None,
            access_token: Secret::default(),
            app_secret: Secret::default(),
            verify_token: None,
            app_secret_previous: None,
            flow_private_key: None,
            flow_key_passphrase: None,
            flow_private_key_previous: None,
            messages_per_second: None,
            coexistence: false,
            bot: None,
            label: None,
            kept: false,
        }
    }

    #[cfg(test)]
    pub(crate) fn for_tests(id: &str, app_secret: &str) -> Self {
        Self { app_secret: Secret { value: app_secret.into(), ..Secret::default() }, ..Self::bare(id) }
    }

    /// Messages per second, where it differs from `limits`; 0 is no limit.
    pub fn own_rate(&self, limits: &Limits) -> Option<u32> {
        let lower = limits.messages_per_second.map_or(COEXISTENCE_RATE, |rate| rate.get().min(COEXISTENCE_RATE));
        self.messages_per_second.or_else(|| self.coexistence.then_some(lower))
    }
}

/// What was given for a number, under the keys that begin with `at`.
struct Given {
    at: String,
    phone_number_id: Option<String>,
    business_account_id: Option<String>,
    access_token: Option<Secret>,
    app_secret: Option<Secret>,
    app_secret_previous: Option<Secret>,
    flow_private_key: Option<Secret>,
    flow_key_passphrase: Option<Secret>,
    flow_private_key_previous: Option<Secret>,
}

/// All numbers, never none; and the secrets of the app that numbers have in common.
pub(super) fn read_all(reader: &Reader<'_>, mode: Mode) -> (Vec<Number>, [Option<Secret>; 2]) {
    let first = Given::read(reader, "whatsapp");
    let tables = reader.tables(NUMBERS).into_iter().map(|index| format!("{NUMBERS}.{index}"));
    let others: Vec<_> = tables.map(|table| Given::read(reader, &table).or(&first)).collect();
    let app = [first.app_secret.clone(), first.app_secret_previous.clone()];
    let flat = others.is_empty() || reader.is_chosen("whatsapp.phone_number_id");
    let numbers: Vec<_> = flat.then_some(first).into_iter().chain(others).collect();
    if mode == Mode::Serve {
        numbers.iter().for_each(|given| given.require(reader));
    }
    refuse_twins(reader, &numbers);
    refuse_many_keys(reader, &numbers);
    (numbers.into_iter().map(|given| given.number(reader)).collect(), app)
}

/// A request of a Flow does not say in clear for which number it is: all keys of the app that signed it are tried, so they
/// are few.
fn refuse_many_keys(reader: &Reader<'_>, numbers: &[Given]) {
    fn text(secret: &Secret) -> &str {
        secret.value.expose_secret()
    }
    let mut apps: HashMap<&str, HashSet<&str>> = HashMap::new();
    for given in numbers {
        let keys = apps.entry(given.app_secret.as_ref().map_or("", text)).or_default();
        let before = keys.len();
        let its = [&given.flow_private_key, &given.flow_private_key_previous];
        keys.extend(its.into_iter().flatten().map(text).filter(|key| !key.is_empty()));
        if before <= MAX_KEYS_TRIED && keys.len() > MAX_KEYS_TRIED {
            let what = format!("the numbers of one app have more than {MAX_KEYS_TRIED} private keys of Flows");
            let help =
                "let numbers share a key: a request is tried with each key of its app, and with no more than these";
            reader.complain(&format!("{}.flow_private_key", given.at), what, help.into());
        }
    }
}

impl Given {
    fn read(reader: &Reader<'_>, at: &str) -> Self {
        let secret = |name: &str| reader.secret(&format!("{at}.{name}"));
        Self {
            at: at.to_owned(),
            phone_number_id: id(reader, &format!("{at}.phone_number_id")),
            business_account_id: id(reader, &format!("{at}.business_account_id")),
            access_token: secret("access_token"),
            app_secret: secret("app_secret"),
            app_secret_previous: secret("app_secret_previous"),
            flow_private_key: secret("flow_private_key"),
            flow_key_passphrase: secret("flow_private_key_passphrase"),
            flow_private_key_previous: secret("flow_private_key_previous"),
        }
    }

    fn or(self, shared: &Self) -> Self {
        // Another app has nothing to do with the secret that this app had before.
        let same_app = self.app_secret.is_none();
        let previous = shared.app_secret_previous.clone().filter(|_| same_app);
        // Nor another key with the passphrase of this one.
        let same_key = self.flow_private_key.is_none();
        let passphrase = shared.flow_key_passphrase.clone().filter(|_| same_key);
        let previous_key = shared.flow_private_key_previous.clone().filter(|_| same_key);
        Self {
            business_account_id: self.business_account_id.or_else(|| shared.business_account_id.clone()),
            access_token: self.access_token.or_else(|| shared.access_token.clone()),
            app_secret: self.app_secret.or_else(|| shared.app_secret.clone()),
            app_secret_previous: self.app_secret_previous.or(previous),
            flow_private_key: self.flow_private_key.or_else(|| shared.flow_private_key.clone()),
            flow_key_passphrase: self.flow_key_passphrase.or(passphrase),
            flow_private_key_previous: self.flow_private_key_previous.or(previous_key),
            ..self
        }
    }

    fn require(&self, reader: &Reader<'_>) {
        let missing = |name: &str, purpose| reader.missing(&format!("{}.{name}", self.at), purpose);
        if self.app_secret.is_none() {
            missing("app_secret", "it is under App settings, Basic, at developers.facebook.com");
        }
        if self.access_token.is_none() {
            missing("access_token", "a system user's token with whatsapp_business_messaging");
        }
        if self.phone_number_id.is_none() {
            missing("phone_number_id", "it is under WhatsApp, API setup");
        }
    }

    fn number(self, reader: &Reader<'_>) -> Number {
        let number = Number {
            business_account_id: self.business_account_id,
            access_token: self.access_token.unwrap_or_default(),
            app_secret: self.app_secret.unwrap_or_default(),
            app_secret_previous: self.app_secret_previous,
            flow_private_key: self.flow_private_key,
            flow_key_passphrase: self.flow_key_passphrase,
            flow_private_key_previous: self.flow_private_key_previous,
            ..Number::bare(self.phone_number_id.as_deref().unwrap_or_default())
        };
        if self.at == "whatsapp" { number } else { number.with_choices(reader, &self.at) }
    }
}

impl Number {
    /// With what only a table can say; elsewhere `[limits]` and `[bots]` do.
    fn with_choices(self, reader: &Reader<'_>, table: &str) -> Self {
        let coexistence = reader.boolean(&format!("{table}.coexistence"));
        let rate_key = format!("{table}.messages_per_second");
        let rate: Option<u32> = reader.integer_if_set(&rate_key, 0..=1_000_000);
        if let Some(rate) = rate.filter(|rate| coexistence && *rate > COEXISTENCE_RATE) {
            let expected = "at most 20, which is what Meta allows where coexistence is true";
            reader.reject(&rate_key, &rate.to_string(), expected);
        }
        let bot = Some(reader.text(&format!("{table}.bot"))).filter(|bot| !bot.is_empty());
        Self { messages_per_second: rate, coexistence, bot, ..self }
    }
}

fn refuse_twins(reader: &Reader<'_>, numbers: &[Given]) {
    for (place, number) in numbers.iter().enumerate() {
        let Some(id) = number.phone_number_id.as_ref().filter(|id| !id.is_empty()) else { continue };
        let twin = numbers.iter().take(place).find(|other| other.phone_number_id.as_ref() == Some(id));
        if let Some(twin) = twin {
            let key = format!("{}.phone_number_id", number.at);
            let what = format!("{key} is {id:?}, and so is {}.phone_number_id", twin.at);
            reader.complain(&key, what, "keep one of them: a number is served once".into());
        }
    }
}

/// An id of Meta's; it becomes part of a URL's path, where the client takes nothing but these. Digits so far.
fn id(reader: &Reader<'_>, key: &str) -> Option<String> {
    reader.parsed(key, Some(String::new()), |text| match text {
        "" => Ok(None),
        _ if text.chars().all(|c| c.is_ascii_alphanumeric()) => Ok(Some(text.to_owned())),
        _ => Err("the id as Meta shows it: digits, no + and no spaces"),
    })
}
