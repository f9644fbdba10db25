//! Turns laid-over settings into typed values. A value that cannot be read leaves a problem behind and a placeholder
//! in its place; placeholders never get out, because [`Reader::finish`] refuses when there is any problem.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::layers::{BOT_SECRETS, Layers, Rank, Setting, Value, variable_of};
use super::problem::{Errors, Problem, Source};
use super::secret::{self, Secret};
use super::shown::Shown;

/// Longer waits are mistakes, and would overflow when added to a time.
const LONGEST: Duration = Duration::from_secs(3650 * 24 * 3600);

pub(super) struct Reader<'a> {
    layers: Layers,
    read_file: &'a dyn Fn(&Path) -> io::Result<String>,
    seen: RefCell<BTreeSet<String>>,
    problems: RefCell<Vec<Problem>>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(mut layers: Layers, read_file: &'a dyn Fn(&Path) -> io::Result<String>) -> Self {
        let problems = RefCell::new(std::mem::take(&mut layers.problems));
        Self { layers, read_file, seen: RefCell::default(), problems }
    }

    /// All values as they may be shown, or everything that is wrong.
    pub(super) fn finish(self) -> Result<BTreeMap<String, Shown>, Errors> {
        let problems = self.problems.into_inner();
        if !problems.is_empty() {
            return Err(Errors(problems));
        }
        let shown = |(key, setting): (String, Setting)| {
            let shown = Shown::new(&key, setting);
            (key, shown)
        };
        Ok(self.layers.settings.into_iter().map(shown).collect())
    }

    #[cfg(test)]
    pub(super) fn unread(&self) -> Vec<String> {
        let seen = self.seen.borrow();
        self.layers.settings.keys().filter(|key| !seen.contains(*key)).cloned().collect()
    }

    pub(super) fn text(&self, key: &str) -> String {
        self.typed(key, "a text in quotes", String::new(), |value| match value {
            Value::Text(text) | Value::Raw(text) => Some(text.clone()),
            _ => None,
        })
    }

    /// A text that `parse` accepts; the error of `parse` says what is expected instead.
    pub(super) fn parsed<T, E: fmt::Display>(
        &self,
        key: &str,
        placeholder: T,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> T {
        let before = self.problems.borrow().len();
        let text = self.text(key);
        if self.problems.borrow().len() > before {
            return placeholder;
        }
        parse(&text).unwrap_or_else(|expected| {
            self.reject(key, &format!("{text:?}"), &expected.to_string());
            placeholder
        })
    }

    /// One of a few words.
    pub(super) fn choice<T: Copy>(&self, key: &str, choices: &[(&str, T)]) -> T {
        self.parsed(key, choices[0].1, |text| match choices.iter().find(|(name, _)| *name == text) {
            Some((_, choice)) => Ok(*choice),
            None => Err(choices.iter().map(|(name, _)| format!("{name:?}")).collect::<Vec<_>>().join(" or ")),
        })
    }

    pub(super) fn boolean(&self, key: &str) -> bool {
        self.typed(key, "true or false", false, |value| match value {
            Value::Bool(value) => Some(*value),
            Value::Raw(text) => text.parse().ok(),
            _ => None,
        })
    }

    pub(super) fn integer<N: TryFrom<i64> + Default>(&self, key: &str, range: RangeInclusive<i64>) -> N {
        let expected = format!("a whole number from {} to {}", range.start(), range.end());
        self.typed(key, &expected, N::default(), |value| {
            let number = match value {
                Value::Integer(number) => *number,
                Value::Raw(text) => text.replace('_', "").parse().ok()?,
                _ => return None,
            };
            range.contains(&number).then(|| N::try_from(number).ok()).flatten()
        })
    }

    /// As [`Reader::integer`]; an empty text means not set.
    pub(super) fn integer_if_set<N: TryFrom<i64> + Default>(&self, key: &str, range: RangeInclusive<i64>) -> Option<N> {
        let is_empty = matches!(&self.setting(key).value, Value::Text(text) | Value::Raw(text) if text.is_empty());
        (!is_empty).then(|| self.integer(key, range))
    }

    /// A duration above zero.
    pub(super) fn duration(&self, key: &str) -> Duration {
        self.typed(key, "a duration above zero such as \"500ms\", \"6s\" or \"15m\"", Duration::ZERO, |value| {
            duration(value).filter(|duration| !duration.is_zero())
        })
    }

    /// A duration, or 0.
    pub(super) fn duration_or_zero(&self, key: &str) -> Duration {
        self.typed(key, "a duration such as \"500ms\", \"6s\" or \"15m\", or 0", Duration::ZERO, duration)
    }

    pub(super) fn list(&self, key: &str) -> Vec<String> {
        self.typed(key, "a list of texts", Vec::new(), |value| match value {
            Value::List(items) => Some(items.clone()),
            Value::Raw(text) => {
                Some(text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect())
            }
            _ => None,
        })
    }

    /// A secret given as `key` or through the file named by `key_file`; an empty text means not given.
    /// One that cannot be used leaves a problem and a placeholder, so that it is not reported as missing too.
    pub(super) fn secret(&self, key: &str) -> Option<Secret> {
        let file_key = format!("{key}_file");
        match (self.given(key), self.given(&file_key)) {
            (None, None) => None,
            (Some((text, setting)), None) => Some(self.checked(key, text, setting)),
            (None, Some((path, setting))) => Some(self.read_secret(key, &path, setting)),
            (Some((_, a)), Some((_, b))) if a.rank == b.rank => {
                let what = format!("{key} and {file_key} are both set");
                self.problem(what, Some(a.source.clone()), "keep one of them".into());
                Some(Secret::default())
            }
            (Some((text, a)), Some((_, b))) if a.rank > b.rank => Some(self.checked(key, text, a)),
            (_, Some((path, setting))) => Some(self.read_secret(key, &path, setting)),
        }
    }

    /// The numbers `N` of the tables `table.N`, in order.
    pub(super) fn tables(&self, table: &str) -> Vec<u16> {
        let index = |key: &String| key.strip_prefix(table)?.strip_prefix('.')?.split('.').next()?.parse().ok();
        self.layers.settings.keys().filter_map(index).collect::<BTreeSet<u16>>().into_iter().collect()
    }

    /// The names for which somebody gave the value of a bot's secret.
    pub(super) fn bot_secrets(&self) -> Vec<String> {
        let names = self.layers.settings.keys().filter_map(|key| key.strip_prefix(BOT_SECRETS));
        names.filter(|name| !name.ends_with("_file")).map(str::to_owned).collect()
    }

    /// Whether anybody chose something for a key that begins so; what was made up is no choice.
    pub(super) fn is_chosen(&self, prefix: &str) -> bool {
        let chosen = |setting: &Setting| setting.rank > Rank::Generated;
        self.layers.settings.iter().any(|(key, setting)| key.starts_with(prefix) && chosen(setting))
    }

    /// Whether the value of this key stands in the configuration file itself.
    pub(super) fn is_in_file(&self, key: &str) -> bool {
        self.layers.settings.get(key).is_some_and(|setting| setting.rank == Rank::File)
    }

    /// Reports that `key` must be set, unless the file could not be read to its end.
    pub(super) fn missing(&self, key: &str, purpose: &str) {
        if self.layers.incomplete {
            return;
        }
        let variable = variable_of(key);
        let help = match self.layers.settings.contains_key(&format!("{key}_file")) {
            true => format!("set {variable}, {variable}_FILE or {key}_file: {purpose}"),
            false => format!("set {variable} or {key}: {purpose}"),
        };
        self.problem(format!("{key} is missing"), None, help);
    }

    /// Reports that the value of `key` cannot be used; `shown` must not be a secret.
    pub(super) fn reject(&self, key: &str, shown: &str, expected: &str) {
        let source = self.layers.settings.get(key).map(|setting| setting.source.clone());
        self.problem(format!("{key} is {}", shortened(shown)), source, format!("write {expected}"));
    }

    /// Reports what is wrong with the value of `key`, and what to do about it.
    pub(super) fn complain(&self, key: &str, what: String, help: String) {
        self.problem(what, self.layers.settings.get(key).map(|setting| setting.source.clone()), help);
    }

    fn problem(&self, what: String, source: Option<Source>, help: String) {
        self.problems.borrow_mut().push(Problem { what, source, help });
    }

    fn setting(&self, key: &str) -> &Setting {
        self.seen.borrow_mut().insert(key.to_owned());
        self.layers.settings.get(key).expect("every key that is read is in config.toml, as a test shows")
    }

    fn typed<T>(&self, key: &str, expected: &str, placeholder: T, read: impl FnOnce(&Value) -> Option<T>) -> T {
        let setting = self.setting(key);
        read(&setting.value).unwrap_or_else(|| {
            self.reject(key, &shown(&setting.value), expected);
            placeholder
        })
    }

    fn given(&self, key: &str) -> Option<(String, &Setting)> {
        let setting = self.setting(key);
        match &setting.value {
            Value::Text(text) | Value::Raw(text) => Some((text.clone(), setting)).filter(|(text, _)| !text.is_empty()),
            _ => {
                self.reject(key, "not a text", "the value in quotes");
                Some(("placeholder".into(), setting))
            }
        }
    }

    fn read_secret(&self, key: &str, path: &str, setting: &Setting) -> Secret {
        let refuse = |trouble: String, help: &str| {
            let what = format!("{key}_file names {path}, {trouble}");
            self.problem(what, Some(setting.source.clone()), help.into());
            Secret::default()
        };
        match (self.read_file)(Path::new(path)) {
            Err(error) => refuse(format!("which cannot be read: {error}"), "correct the path or the permissions"),
            Ok(text) => match secret::one_line(&text) {
                "" => refuse("which is empty".into(), "put the secret into the file"),
                line => Secret { file: Some(PathBuf::from(path)), ..self.checked(key, line.to_owned(), setting) },
            },
        }
    }

    fn checked(&self, key: &str, text: String, setting: &Setting) -> Secret {
        if key.contains("private_key") && !key.ends_with("passphrase") {
            return Secret { value: text.replace("\\n", "\n").into(), file: None, source: setting.source.clone() };
        }
        if !secret::is_plain(&text) {
            let what = format!("{key} begins or ends with a space, or holds a line break or control character");
            self.problem(what, Some(setting.source.clone()), "copy the value again, alone on one line".into());
        }
        Secret { value: text.into(), file: None, source: setting.source.clone() }
    }
}

fn duration(value: &Value) -> Option<Duration> {
    match value {
        Value::Integer(0) => Some(Duration::ZERO),
        Value::Text(text) | Value::Raw(text) => duration_of(text),
        _ => None,
    }
}

/// A duration as settings write it: `500ms`, `6s`, `15m`, `12h`, `90d`, `0`; at most ten years.
pub(crate) fn duration_of(text: &str) -> Option<Duration> {
    let text = text.trim();
    let digits = text.chars().take_while(char::is_ascii_digit).collect::<String>();
    let number: u64 = digits.parse().ok()?;
    let ms = match text.strip_prefix(digits.as_str())? {
        "" if number == 0 => 0,
        "ms" => number,
        "s" => number.checked_mul(1_000)?,
        "m" => number.checked_mul(60_000)?,
        "h" => number.checked_mul(3_600_000)?,
        "d" => number.checked_mul(86_400_000)?,
        _ => return None,
    };
    Some(Duration::from_millis(ms)).filter(|duration| *duration <= LONGEST)
}

fn shown(value: &Value) -> String {
    match value {
        Value::Text(text) | Value::Raw(text) => format!("{text:?}"),
        Value::Integer(number) => number.to_string(),
        Value::Bool(value) => value.to_string(),
        Value::List(items) => format!("{items:?}"),
        Value::Other(kind) => (*kind).to_owned(),
    }
}

fn shortened(text: &str) -> String {
    let mut chars = text.chars();
    let head: String = chars.by_ref().take(80).collect();
    if chars.next().is_some() { format!("{head}…") } else { head }
}
