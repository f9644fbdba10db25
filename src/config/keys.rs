//! The one table of keys: what each takes, and whether a reload changes it while the process runs. Default, unit in words
//! and reason are those of `config.toml`, read from its lines and comments.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::layers::{BOT_SECRETS, DOCUMENTED, repeated_key, variable_of};
use super::problem::nearest;

/// What a value may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Any text.
    Text,
    /// A text that is not empty.
    Name,
    /// An id of Meta's.
    Id,
    /// An http or https address.
    Url,
    /// A path, from the working directory.
    Path,
    /// An IP address and a port.
    Address,
    /// A whole number from the first to the second.
    Integer(i64, i64),
    /// As [`Kind::Integer`], or nothing.
    MaybeInteger(i64, i64),
    /// A duration above zero.
    Duration,
    /// A duration, or 0.
    DurationOrZero,
    /// True or false.
    Boolean,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A list of texts.
    List,
    /// A secret: never shown.
    Secret,
    /// A file that holds one.
    SecretFile,
}

/// How a changed value takes effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// With a reload, or before it.
    Live,
    /// With the next start.
    Restart,
}

/// One key.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// Its name; `N` stands for the place of a section that may stand several times, `NAME` for a name of one's own.
    pub name: &'static str,
    /// What it takes.
    pub kind: Kind,
    /// How a change takes effect.
    pub effect: Effect,
}

use Effect::{Live, Restart};
use Kind::{
    Address, Boolean, Choice, Duration, DurationOrZero, Id, Integer, List, MaybeInteger, Name, Path, Secret,
    SecretFile, Text, Url,
};

/// Every key, in the order of `config.toml`.
#[rustfmt::skip]
pub const KEYS: &[Key] = &[
    key("server.listen", Address, Restart),
    key("server.public_url", Url, Restart),
    key("server.max_body_bytes", Integer(1_024, 1 << 30), Restart),
    key("server.max_flow_body_bytes", Integer(1_024, 1 << 30), Restart),
    key("server.max_buffered_bytes", Integer(1_024, 1 << 40), Restart),
    key("server.max_connections", Integer(1, 1_000_000), Restart),
    key("server.header_timeout", Duration, Restart),
    key("server.body_timeout", Duration, Restart),
    key("server.idle_timeout", Duration, Restart),
    key("server.drain_timeout", DurationOrZero, Restart),
    key("admin.listen", Address, Restart),
    key("admin.insecure", Boolean, Restart),
    key("admin.allowed_hosts", List, Restart),
    key("admin.trusted_proxies", List, Restart),
    key("admin.max_event_clients", Integer(1, 100_000), Restart),
    key("admin.token", Secret, Live),
    key("admin.token_file", SecretFile, Restart),
    key("admin.user", Name, Restart),
    key("admin.password", Secret, Restart),
    key("admin.password_file", SecretFile, Restart),
    key("admin.login_ttl", Duration, Restart),
    key("secrets.key", Secret, Restart),
    key("secrets.key_file", SecretFile, Restart),
    key("whatsapp.phone_number_id", Id, Restart),
    key("whatsapp.business_account_id", Id, Restart),
    key("whatsapp.access_token", Secret, Live),
    key("whatsapp.access_token_file", SecretFile, Restart),
    key("whatsapp.webhook_verify_token", Secret, Live),
    key("whatsapp.webhook_verify_token_file", SecretFile, Restart),
    key("whatsapp.app_secret", Secret, Live),
    key("whatsapp.app_secret_file", SecretFile, Restart),
    key("whatsapp.app_secret_previous", Secret, Live),
    key("whatsapp.app_secret_previous_file", SecretFile, Restart),
    key("whatsapp.flow_private_key", Secret, Restart),
    key("whatsapp.flow_private_key_file", SecretFile, Restart),
    key("whatsapp.flow_private_key_passphrase", Secret, Restart),
    key("whatsapp.flow_private_key_passphrase_file", SecretFile, Restart),
    key("whatsapp.flow_private_key_previous", Secret, Restart),
    key("whatsapp.flow_private_key_previous_file", SecretFile, Restart),
    key("whatsapp.api_version", Name, Restart),
    key("whatsapp.number.N.phone_number_id", Id, Restart),
    key("whatsapp.number.N.business_account_id", Id, Restart),
    key("whatsapp.number.N.access_token", Secret, Live),
    key("whatsapp.number.N.access_token_file", SecretFile, Restart),
    key("whatsapp.number.N.app_secret", Secret, Live),
    key("whatsapp.number.N.app_secret_file", SecretFile, Restart),
    key("whatsapp.number.N.app_secret_previous", Secret, Live),
    key("whatsapp.number.N.app_secret_previous_file", SecretFile, Restart),
    key("whatsapp.number.N.flow_private_key", Secret, Restart),
    key("whatsapp.number.N.flow_private_key_file", SecretFile, Restart),
    key("whatsapp.number.N.flow_private_key_passphrase", Secret, Restart),
    key("whatsapp.number.N.flow_private_key_passphrase_file", SecretFile, Restart),
    key("whatsapp.number.N.flow_private_key_previous", Secret, Restart),
    key("whatsapp.number.N.flow_private_key_previous_file", SecretFile, Restart),
    key("whatsapp.number.N.messages_per_second", MaybeInteger(0, 1_000_000), Live),
    key("whatsapp.number.N.coexistence", Boolean, Restart),
    key("whatsapp.number.N.bot", Text, Restart),
    key("graph.base_url", Url, Restart),
    key("graph.connect_timeout", Duration, Restart),
    key("graph.request_timeout", Duration, Restart),
    key("limits.messages_per_second", Integer(0, 1_000_000), Live),
    key("limits.pair_interval", DurationOrZero, Live),
    key("limits.pair_burst", Integer(0, 1_000_000), Live),
    key("outbox.concurrency", Integer(1, 10_000), Live),
    key("outbox.max_attempts", Integer(1, 1_000), Live),
    key("outbox.backoff_base", Duration, Live),
    key("outbox.backoff_max", Duration, Live),
    key("outbox.doubt_window", DurationOrZero, Live),
    key("conversation.max_live", Integer(1, 10_000_000), Restart),
    key("conversation.idle_passivate", Duration, Restart),
    key("conversation.mailbox_limit", Integer(1, 1_000_000), Restart),
    key("conversation.max_unsent", Integer(1, 1_000_000), Restart),
    key("takeover.echo_is_takeover", Boolean, Restart),
    key("takeover.idle_resume", DurationOrZero, Restart),
    key("takeover.on_idle", Choice(&["requeue", "resume", "keep"]), Restart),
    key("takeover.hold_unsent", Boolean, Restart),
    key("flows.answer_within", Duration, Restart),
    key("flows.plain_dead_answer", Boolean, Restart),
    key("flows.sync_interval", Duration, Restart),
    key("bots.dir", Path, Restart),
    key("bots.default", Name, Restart),
    key("bots.watch", Boolean, Restart),
    key("bots.secrets.NAME", Secret, Live),
    key("bots.secrets.NAME_file", SecretFile, Restart),
    key("http.concurrency", Integer(1, 10_000), Restart),
    key("http.per_host", Integer(1, 10_000), Restart),
    key("http.allow", List, Restart),
    key("store.path", Path, Restart),
    key("store.cache_bytes", Integer(1 << 20, 1 << 40), Restart),
    key("store.min_free_bytes", Integer(0, 1 << 50), Restart),
    key("webhooks.enabled", Boolean, Restart),
    key("webhooks.keep", Duration, Restart),
    key("webhooks.max_bytes", Integer(32 << 20, 1 << 40), Restart),
    key("media.dir", Path, Restart),
    key("media.max_bytes", Integer(1, 1 << 40), Restart),
    key("media.allow", List, Restart),
    key("media.min_free_bytes", Integer(0, 1 << 50), Restart),
    key("templates.sync_interval", Duration, Restart),
    key("events.timeout", Duration, Restart),
    key("events.concurrency", Integer(1, 100), Restart),
    key("events.max_pending", Integer(1, 10_000_000), Restart),
    key("events.endpoint.N.name", Text, Restart),
    key("events.endpoint.N.url", Url, Restart),
    key("events.endpoint.N.secret", Secret, Live),
    key("events.endpoint.N.secret_file", SecretFile, Restart),
    key("events.endpoint.N.types", List, Restart),
    key("retention.media", DurationOrZero, Restart),
    key("retention.conversations", DurationOrZero, Restart),
    key("retention.quarantine", DurationOrZero, Restart),
    key("retention.dead_letters", DurationOrZero, Restart),
    key("retention.notices", DurationOrZero, Restart),
    key("retention.outbox", DurationOrZero, Restart),
    key("retention.events", DurationOrZero, Restart),
    key("retention.audit", DurationOrZero, Restart),
    key("log.level", Name, Live),
    key("log.format", Choice(&["auto", "text", "json"]), Restart),
    key("log.redact", Choice(&["numbers", "all", "off"]), Restart),
    key("metrics.enabled", Boolean, Restart),
    key("simulator.listen", Address, Restart),
];

const fn key(name: &'static str, kind: Kind, effect: Effect) -> Key {
    Key { name, kind, effect }
}

/// The key of the table that stands for `name`, such as `whatsapp.number.N.bot` for `whatsapp.number.3.bot`.
pub fn find(name: &str) -> Option<&'static Key> {
    let general = general(name);
    KEYS.iter().find(|key| key.name == general)
}

/// The known key that `wrong` most probably means.
pub fn nearest_to(wrong: &str) -> Option<&'static str> {
    nearest(wrong, KEYS.iter().map(|key| key.name))
}

/// Whether the value of this key must not be shown.
pub fn is_secret(name: &str) -> bool {
    // What is not in the table is hidden, too: better nothing than a secret.
    find(name).is_none_or(|key| key.kind == Secret)
}

fn general(name: &str) -> String {
    if let Some((table, _, rest)) = repeated_key(name) {
        return format!("{table}.N.{rest}");
    }
    match name.strip_prefix(BOT_SECRETS) {
        Some(own) if own.ends_with("_file") => format!("{BOT_SECRETS}NAME_file"),
        Some(_) => format!("{BOT_SECRETS}NAME"),
        None => name.to_owned(),
    }
}

impl Key {
    /// What it is for, as `config.toml` says.
    pub fn reason(&self) -> &'static str {
        DOCUMENTATION.get(self.documented().as_str()).map_or("", |said| said.reason.as_str())
    }

    /// Its default as it is written in `config.toml`; nothing for a name of one's own.
    pub fn default(&self) -> &'static str {
        DOCUMENTATION.get(self.documented().as_str()).map_or("\"\"", |said| said.default.as_str())
    }

    /// The variable of the environment that sets it.
    pub fn variable(&self) -> String {
        let name = self.name.replace(".N.", ".0.");
        match name.strip_suffix("_file") {
            // A short name has a short `_FILE`, too.
            Some(secret) if self.kind == SecretFile => format!("{}_FILE", variable_of(secret)),
            _ => variable_of(&name),
        }
    }

    /// What it takes, in words.
    pub fn takes(&self) -> String {
        match self.kind {
            Text => "a text".into(),
            Name => "a text that is not empty".into(),
            Id => "an id of Meta's".into(),
            Url => "an http or https address".into(),
            Path => "a path".into(),
            Address => "an IP address and a port".into(),
            Integer(from, to) => format!("a whole number from {from} to {to}"),
            MaybeInteger(from, to) => format!("a whole number from {from} to {to}, or an empty text"),
            Duration => "a duration above zero".into(),
            DurationOrZero => "a duration, or 0".into(),
            Boolean => "true or false".into(),
            Choice(words) => words.iter().map(|word| format!("\"{word}\"")).collect::<Vec<_>>().join(" or "),
            List => "a list of texts".into(),
            Secret => "a secret".into(),
            SecretFile => "the path of a file that holds the secret".into(),
        }
    }

    fn documented(&self) -> String {
        let name = self.name.replace(".N.", ".0.");
        // The section says it for all names.
        if name.starts_with(BOT_SECRETS) { BOT_SECRETS.trim_end_matches('.').to_owned() } else { name }
    }
}

struct Said {
    default: String,
    reason: String,
}

static DOCUMENTATION: LazyLock<BTreeMap<String, Said>> = LazyLock::new(|| read(DOCUMENTED));

/// The comment above a key is about it; a key without one of its own is told of by the comment of the key before.
fn read(text: &str) -> BTreeMap<String, Said> {
    let (mut said, mut section) = (BTreeMap::new(), String::new());
    let (mut comment, mut reason) = (Vec::new(), String::new());
    let mut open: Option<String> = None;
    for line in text.lines() {
        if let Some(name) = &open {
            let entry: Option<&mut Said> = said.get_mut(name);
            entry.into_iter().for_each(|said| said.default.push_str(line.trim()));
            if line.starts_with(']') {
                open = None;
            }
        } else if let Some(words) = line.strip_prefix('#') {
            comment.push(words.trim().to_owned());
        } else if line.starts_with('[') {
            let name = line.trim_matches(['[', ']']);
            section = if line.starts_with("[[") { format!("{name}.0") } else { name.to_owned() };
            reason = std::mem::take(&mut comment).join(" ");
            said.insert(section.clone(), Said { default: "\"\"".into(), reason: reason.clone() });
        } else if let Some((name, value)) = line.split_once(" = ") {
            if !comment.is_empty() {
                reason = std::mem::take(&mut comment).join(" ");
            }
            let name = format!("{section}.{name}");
            open = (value == "[").then(|| name.clone());
            said.insert(name, Said { default: value.to_owned(), reason: reason.clone() });
        } else {
            comment.clear();
        }
    }
    said
}
