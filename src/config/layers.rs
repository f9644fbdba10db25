//! Lays the sources of configuration over each other; knows names and places, not meanings.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::LazyLock;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::problem::{Problem, Source, nearest};

/// The file of all defaults, with what each key is for.
pub(super) const DOCUMENTED: &str = include_str!("../../config.toml");

/// The documented defaults, and thereby the list of all keys.
static DEFAULT_VALUES: LazyLock<BTreeMap<String, Value>> = LazyLock::new(|| {
    let table = DeTable::parse(DOCUMENTED).expect("the built-in config.toml parses, as tests show");
    flatten(table.get_ref()).into_iter().map(|(key, value)| (key, plain(value.get_ref()))).collect()
});

/// A section that may stand several times, written `[[whatsapp.number]]`: key `whatsapp.number.N.x` is `x` of the N-th
/// one, from 0. The documented file has one of them, in which nothing is set; it stands for all.
pub(super) const NUMBERS: &str = "whatsapp.number";
/// What stands behind this is named by bots: any name will do, and capitals make no difference.
pub(super) const BOT_SECRETS: &str = "bots.secrets.";
/// Another one, `[[events.endpoint]]`.
pub(super) const ENDPOINTS: &str = "events.endpoint";
const REPEATED: [&str; 2] = [NUMBERS, ENDPOINTS];

/// Variables that carry the names people know from Meta, and who gets in first.
const ALIASES: [(&str, &str); 12] = [
    ("WHATSAPP_PHONE_NUMBER_ID", "whatsapp.phone_number_id"),
    ("WHATSAPP_BUSINESS_ACCOUNT_ID", "whatsapp.business_account_id"),
    ("WHATSAPP_ACCESS_TOKEN", "whatsapp.access_token"),
    ("WHATSAPP_WEBHOOK_VERIFY_TOKEN", "whatsapp.webhook_verify_token"),
    ("WHATSAPP_APP_SECRET", "whatsapp.app_secret"),
    ("WHATSAPP_FLOW_PRIVATE_KEY", "whatsapp.flow_private_key"),
    ("WHATSAPP_FLOW_PRIVATE_KEY_PASSPHRASE", "whatsapp.flow_private_key_passphrase"),
    ("WHATSAPP_FLOW_PRIVATE_KEY_PREVIOUS", "whatsapp.flow_private_key_previous"),
    ("PARLANCE_ADMIN_TOKEN", "admin.token"),
    ("PARLANCE_ADMIN_USER", "admin.user"),
    ("PARLANCE_ADMIN_PASSWORD", "admin.password"),
    ("PARLANCE_SECRETS_KEY", "secrets.key"),
];

/// A value before anybody asked for a type.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Text(String),
    Integer(i64),
    Bool(bool),
    List(Vec<String>),
    /// From a variable or a flag, where everything is text.
    Raw(String),
    /// A kind that no key has.
    Other(&'static str),
}

/// Layers from weak to strong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rank {
    Default,
    Generated,
    File,
    Alias,
    Variable,
    Flag,
}

#[derive(Clone, Debug)]
pub(super) struct Setting {
    pub(super) value: Value,
    pub(super) source: Source,
    pub(super) rank: Rank,
}

/// The strongest value of every key, and what went wrong on the way.
#[derive(Debug, Default)]
pub(super) struct Layers {
    pub(super) settings: BTreeMap<String, Setting>,
    pub(super) problems: Vec<Problem>,
    /// The file did not parse, so a key that seems missing may be in it.
    pub(super) incomplete: bool,
}

impl Layers {
    pub(super) fn with_defaults() -> Self {
        let setting = |value: &Value| Setting { value: value.clone(), source: Source::Default, rank: Rank::Default };
        let once = DEFAULT_VALUES.iter().filter(|(key, _)| repeated_key(key).is_none());
        let settings = once.map(|(key, value)| (key.clone(), setting(value))).collect();
        Self { settings, ..Self::default() }
    }

    pub(super) fn pairs(&mut self, rank: Rank, source: &Source, pairs: Vec<(String, String)>) {
        for (key, value) in pairs {
            self.set(&key, Value::Raw(value), source.clone(), rank);
        }
    }

    pub(super) fn file(&mut self, path: &Path, text: &str) {
        let at = |offset: usize| {
            let (line, column) = position(text, offset);
            Source::File { path: path.to_owned(), line, column }
        };
        let (table, errors) = DeTable::parse_recoverable(text);
        self.incomplete |= !errors.is_empty();
        for error in errors {
            self.problems.push(Problem {
                what: format!("not valid TOML: {}", error.message()),
                source: Some(at(error.span().map_or(0, |span| span.start))),
                help: "correct the line; text values need quotes, sections are written [section]".into(),
            });
        }
        for (section, value) in table.get_ref() {
            let name: &str = section.get_ref();
            let source = at(section.span().start);
            match value.get_ref() {
                _ if !self.is_section(name) => self.unknown_section(name, source),
                DeValue::Table(_) => {}
                _ => self.problem(format!("{name} is a section, not a value"), source, format!("write [{name}]")),
            }
        }
        for (key, value) in flatten(table.get_ref()) {
            let chosen = plain(value.get_ref());
            // A copy of the defaults chooses nothing: `dev` in a folder with such a copy keeps its own store.
            if default_of(&key) == Some(&chosen) {
                continue;
            }
            if key.split_once('.').is_some_and(|(section, _)| self.is_section(section)) {
                self.set(&key, chosen, at(value.span().start), Rank::File);
            }
        }
    }

    pub(super) fn environment(&mut self, variables: &BTreeMap<String, String>) {
        for (name, key) in ALIASES {
            self.alias(variables, name.to_owned(), key.to_owned());
            self.alias(variables, format!("{name}_FILE"), format!("{key}_file"));
        }
        for (name, value) in variables {
            let Some(key) = name.strip_prefix("PARLANCE__") else { continue };
            let key = key.to_lowercase().replace("__", ".");
            self.set(&key, Value::Raw(value.clone()), Source::Variable(name.clone()), Rank::Variable);
        }
    }

    fn alias(&mut self, variables: &BTreeMap<String, String>, name: String, key: String) {
        // Compose files and unit files often pass a variable through that nobody set.
        let Some(value) = variables.get(&name).filter(|value| !value.is_empty()) else { return };
        if self.settings.contains_key(&key) {
            self.set(&key, Value::Raw(value.clone()), Source::Variable(name), Rank::Alias);
        }
    }

    fn set(&mut self, key: &str, value: Value, source: Source, rank: Rank) {
        let lower = key.to_lowercase();
        let key = match lower.strip_prefix(BOT_SECRETS) {
            Some(name) => {
                self.open_secret(name);
                lower.as_str()
            }
            None => key,
        };
        match (repeated_key(key), table_of(key)) {
            (Some((table, index, _)), _) => self.open(table, index),
            (None, Some(table)) => {
                let variable = table.replace('.', "__").to_uppercase();
                let what = table.rsplit('.').next().unwrap_or(table);
                let help = format!(
                    "write [[{table}]] above the keys of each {what}, or PARLANCE__{variable}__0__… in the environment"
                );
                return self.problem(format!("{key} names no {what}"), source, help);
            }
            (None, None) => {}
        }
        match self.settings.get_mut(key) {
            Some(setting) => *setting = Setting { value, source, rank },
            None => {
                let help = match nearest(key, self.settings.keys().map(String::as_str)) {
                    Some(name) => format!("did you mean {}?", spelled_like(&source, name)),
                    None => "config.toml lists every key; remove this one".into(),
                };
                self.problem(format!("unknown key {key}"), source, help);
            }
        }
    }

    /// Makes the keys of a repeated section known.
    fn open(&mut self, table: &str, index: u16) {
        for (key, value) in DEFAULT_VALUES.iter() {
            let Some((_, _, name)) = repeated_key(key).filter(|(of, ..)| *of == table) else { continue };
            let setting = Setting { value: value.clone(), source: Source::Default, rank: Rank::Default };
            self.settings.entry(format!("{table}.{index}.{name}")).or_insert(setting);
        }
    }

    /// Makes the keys of a bot's secret known, if that can be its name.
    fn open_secret(&mut self, name: &str) {
        let name = name.strip_suffix("_file").unwrap_or(name);
        let shaped = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') && name.len() <= 64;
        if !shaped || !name.starts_with(|c: char| c.is_ascii_alphabetic()) {
            return;
        }
        for key in [format!("{BOT_SECRETS}{name}"), format!("{BOT_SECRETS}{name}_file")] {
            let (value, source) = (Value::Text(String::new()), Source::Default);
            self.settings.entry(key).or_insert(Setting { value, source, rank: Rank::Default });
        }
    }

    fn is_section(&self, name: &str) -> bool {
        self.settings.keys().any(|key| key.split('.').next() == Some(name))
    }

    fn unknown_section(&mut self, name: &str, source: Source) {
        let sections = self.settings.keys().filter_map(|key| key.split('.').next());
        let help = match nearest(name, sections) {
            Some(section) => format!("did you mean [{section}]?"),
            None => "config.toml lists every section; remove this one".into(),
        };
        self.problem(format!("unknown section {name}"), source, help);
    }

    fn problem(&mut self, what: String, source: Source, help: String) {
        self.problems.push(Problem { what, source: Some(source), help });
    }
}

/// The repeated section that a key is about, whether or not the key names one of its places.
fn table_of(key: &str) -> Option<&'static str> {
    REPEATED
        .into_iter()
        .find(|table| key.strip_prefix(table).is_some_and(|rest| rest.is_empty() || rest.starts_with('.')))
}

/// The section, the place in it and the key within that; the place is written without zeros before it.
pub(super) fn repeated_key(key: &str) -> Option<(&'static str, u16, &str)> {
    let table = table_of(key)?;
    let (place, name) = key.strip_prefix(table)?.strip_prefix('.')?.split_once('.')?;
    let index: u16 = place.parse().ok()?;
    (index.to_string() == place).then_some((table, index, name))
}

fn default_of(key: &str) -> Option<&'static Value> {
    match repeated_key(key) {
        Some((table, _, name)) => DEFAULT_VALUES.get(&format!("{table}.0.{name}")),
        None => DEFAULT_VALUES.get(key),
    }
}

/// The variable that people set for `key`: the short name if there is one.
pub(super) fn variable_of(key: &str) -> String {
    match ALIASES.iter().find(|(_, aliased)| *aliased == key) {
        Some((name, _)) => (*name).to_owned(),
        None => format!("PARLANCE__{}", key.replace('.', "__").to_uppercase()),
    }
}

fn spelled_like(source: &Source, key: &str) -> String {
    match source {
        Source::Variable(_) => format!("PARLANCE__{}", key.replace('.', "__").to_uppercase()),
        _ => key.to_owned(),
    }
}

fn flatten<'t, 'i>(table: &'t DeTable<'i>) -> Vec<(String, &'t Spanned<DeValue<'i>>)> {
    let mut leaves = Vec::new();
    for (name, value) in table {
        let mut add = |name: String, table: &'t DeTable<'i>| {
            leaves.extend(flatten(table).into_iter().map(|(key, leaf)| (format!("{name}.{key}"), leaf)));
        };
        match value.get_ref() {
            DeValue::Table(inner) => add(name.get_ref().to_string(), inner),
            DeValue::Array(items) if is_tables(items) => {
                for (index, item) in items.iter().enumerate() {
                    if let DeValue::Table(inner) = item.get_ref() {
                        add(format!("{}.{index}", name.get_ref()), inner);
                    }
                }
            }
            _ => leaves.push((name.get_ref().to_string(), value)),
        }
    }
    leaves
}

fn is_tables(items: &[Spanned<DeValue<'_>>]) -> bool {
    !items.is_empty() && items.iter().all(|item| matches!(item.get_ref(), DeValue::Table(_)))
}

fn plain(value: &DeValue<'_>) -> Value {
    match value {
        DeValue::String(text) => Value::Text(text.to_string()),
        DeValue::Boolean(value) => Value::Bool(*value),
        DeValue::Integer(digits) => match i64::from_str_radix(digits.as_str(), digits.radix()) {
            Ok(number) => Value::Integer(number),
            Err(_) => Value::Other("a number beyond 64 bits"),
        },
        DeValue::Array(items) => {
            let texts = items.iter().map(|item| item.get_ref().as_str().map(str::to_owned));
            texts.collect::<Option<Vec<_>>>().map_or(Value::Other("a list with other things than texts"), Value::List)
        }
        DeValue::Float(_) => Value::Other("a number with a fraction"),
        DeValue::Datetime(_) => Value::Other("a date"),
        DeValue::Table(_) => Value::Other("a table"),
    }
}

/// Line and column of a byte offset, both from 1, the column in characters.
fn position(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
    (line, column)
}
