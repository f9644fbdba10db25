//! `i18n`: texts by language and key. `{{ t('key') }}` in any text stands for the text of that key in the person's
//! language (`contact.language`), else in that of the bot, else in the first that has it.
//!
//! The texts are put in when a bot is loaded, so that each language is checked and none costs anything in a turn.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use regex::{Captures, Regex};

use crate::bot::read::{At, Reader};
use crate::explain;
use crate::expr::Template;
use crate::message::shape::Place;
use crate::names::nearest;

/// `{{ t('key') }}`.
static PLACE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"\{\{-?\s*t\(\s*(?:'([^'{}]*)'|"([^"{}]*)")\s*\)\s*-?\}\}"#).expect("a constant that a test compiles")
});
/// A use of `t` within a larger expression.
static INSIDE: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\{[{%][^{}]*\bt\(").expect("a constant that a test compiles"));

/// A use of `t` in an expression without braces.
static CALL: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(?:^|[^\w.])t\(").expect("a constant that a test compiles"));

/// The texts of a bot.
#[derive(Clone, Debug, Default)]
pub(crate) struct Texts {
    /// The language of the bot.
    locale: String,
    by_language: BTreeMap<String, BTreeMap<String, String>>,
}

/// `es_MX` and `es-mx` are one language.
pub(crate) fn canonical(language: &str) -> String {
    language.trim().replace('-', "_").to_lowercase()
}

fn base(language: &str) -> &str {
    language.split('_').next().unwrap_or(language)
}

/// What of several languages somebody reads who asks for one: it, its base, one of the same base.
pub(crate) fn choose<'m, T>(by_language: &'m BTreeMap<String, T>, asked: &str) -> Option<&'m T> {
    let asked = canonical(asked);
    let same_base = || by_language.iter().find(|(known, _)| base(known) == base(&asked)).map(|(_, found)| found);
    by_language.get(&asked).or_else(|| by_language.get(base(&asked))).or_else(same_base)
}

impl Texts {
    pub(crate) fn languages(&self) -> Vec<String> {
        self.by_language.keys().cloned().collect()
    }

    /// The text of a key for a language.
    fn find(&self, language: &str, key: &str) -> Option<&str> {
        let having: BTreeMap<String, &str> = self
            .by_language
            .iter()
            .filter_map(|(language, texts)| Some((language.clone(), texts.get(key)?.as_str())))
            .collect();
        let found = choose(&having, language).or_else(|| choose(&having, &self.locale));
        found.copied().or_else(|| having.values().next().copied())
    }

    fn put_in(&self, language: &str, text: &str) -> String {
        let found = |captures: &Captures<'_>| self.find(language, key(captures)).unwrap_or_default().to_owned();
        PLACE.replace_all(text, found).into_owned()
    }

    fn keys(&self) -> BTreeSet<&str> {
        self.by_language.values().flatten().map(|(key, _)| key.as_str()).collect()
    }
}

fn key<'t>(captures: &Captures<'t>) -> &'t str {
    captures.get(1).or_else(|| captures.get(2)).map_or("", |key| key.as_str())
}

/// Reads `i18n: {language: {key: text}}`.
pub(crate) fn read(reader: &mut Reader<'_>, at: &At<'_>, locale: &str) -> Texts {
    let mut texts = Texts { locale: canonical(locale), by_language: BTreeMap::new() };
    let mut places = Vec::new();
    for (entry, at) in reader.entries(at) {
        let language = canonical(&entry.key);
        if !(2..=3).contains(&base(&language).len()) || !language.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        {
            let message = format!("`{}` is not a language", entry.key);
            reader.report_span(explain::BAD_NAME, entry.key_span.clone(), &at.pointer, message).help =
                Some("write en, es or es_MX".to_owned());
        }
        let mut own = BTreeMap::new();
        for (text_entry, text_at) in reader.entries(&at) {
            let Some(text) = reader.text(&text_at) else { continue };
            if PLACE.is_match(&text) {
                reader.report(explain::WRONG_VALUE, &text_at, "a text of `i18n` cannot use another one");
                continue;
            }
            // For the places of its mistakes; what runs is compiled where it is used.
            reader.template(&text_at);
            let place = || Place { span: text_entry.key_span.clone(), pointer: text_at.pointer.clone() };
            reader.texts_at.entry(text_entry.key.clone()).or_insert_with(place);
            own.insert(text_entry.key.clone(), text);
        }
        places.push((entry.key_span.clone(), at.pointer.clone(), language.clone()));
        texts.by_language.insert(language, own);
    }
    if !texts.by_language.is_empty() && choose(&texts.by_language, locale).is_none() {
        let message = format!("the language of the bot, `{locale}`, has no texts");
        reader.report(explain::UNTRANSLATED, at, message).help =
            Some("add its texts, or name another `locale`".to_owned());
    }
    let all: BTreeSet<String> = texts.keys().into_iter().map(str::to_owned).collect();
    for (span, pointer, language) in places {
        let own = &texts.by_language[&language];
        let missing: Vec<&str> = all.iter().map(String::as_str).filter(|key| !own.contains_key(*key)).collect();
        if !missing.is_empty() {
            let shown: Vec<&str> = missing.iter().take(5).copied().collect();
            let message = format!("{} of the texts are not in `{language}`: {}", missing.len(), shown.join(", "));
            reader.report_span(explain::UNTRANSLATED, span, &pointer, message);
        }
    }
    texts
}

/// The text in each language, if it uses texts of `i18n`; the bot's own language first. None at all if it cannot be read.
pub(crate) fn translate(reader: &mut Reader<'_>, at: &At<'_>, text: &str) -> Option<Vec<(Option<String>, String)>> {
    if INSIDE.is_match(&PLACE.replace_all(text, "")) {
        reader.report(explain::EXPRESSION, at, "`t('key')` stands alone in its braces and takes one constant key");
        return Some(Vec::new());
    }
    if !PLACE.is_match(text) {
        return None;
    }
    let texts = reader.i18n.clone();
    let keys = texts.keys();
    for captures in PLACE.captures_iter(text) {
        let key = key(&captures);
        reader.texts_used.insert(key.to_owned());
        if !keys.contains(key) {
            let near = nearest(key, keys.iter().copied()).map(|near| format!("did you mean `{near}`?"));
            reader.report(explain::UNKNOWN_TEXT, at, format!("no language of `i18n` has a text `{key}`")).help = near;
        }
    }
    let own = [(None, texts.put_in(&texts.locale, text))];
    let others = texts.languages().into_iter().map(|language| (Some(language.clone()), texts.put_in(&language, text)));
    Some(own.into_iter().chain(others).collect())
}

/// Only texts know `t`: says whether an expression uses it, and reports that.
pub(crate) fn refuse_in_expression(reader: &mut Reader<'_>, at: &At<'_>, text: &str) -> bool {
    let used = CALL.is_match(text);
    if used {
        reader.report(explain::EXPRESSION, at, "`t('key')` stands in texts, not in expressions");
    }
    used
}

/// A text that is another one in other languages.
pub(crate) struct Translated {
    /// In the language of the bot.
    pub(crate) own: Template,
    pub(crate) by_language: BTreeMap<String, Template>,
}

impl Translated {
    pub(crate) fn of(&self, language: Option<&str>) -> &Template {
        language.and_then(|language| choose(&self.by_language, language)).unwrap_or(&self.own)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_found_however_they_are_written() {
        for text in ["{{ t('a.b') }}", "{{t(\"a\")}}", "x {{- t( 'a' ) -}} y"] {
            assert!(PLACE.is_match(text), "{text}");
        }
        for text in ["{{ t(a) }}", "t('a')", "{{ start('a') }}", "{{ t('a') | upper }}"] {
            assert!(!PLACE.is_match(text), "{text}");
        }
        assert!(INSIDE.is_match("{{ t('a') | upper }}") && !INSIDE.is_match("{{ start('a') }}"));
        assert!(CALL.is_match("t('a') == 1") && !CALL.is_match("start('a') or x.t('a')"));
    }

    #[test]
    fn a_language_falls_back_to_its_base_and_its_sisters() {
        let known: BTreeMap<String, u8> = [("en".to_owned(), 1), ("es".to_owned(), 2), ("pt_br".to_owned(), 3)].into();
        for (asked, found) in [("es-MX", Some(2)), ("PT", Some(3)), ("pt_PT", Some(3)), ("en", Some(1)), ("fr", None)] {
            assert_eq!(choose(&known, asked).copied(), found, "{asked}");
        }
    }
}
