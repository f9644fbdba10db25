//! The values of bots' secrets: read from the configuration, put into requests, never into anything that is kept.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chatbot::{HttpCall, HttpOutcome};
use parking_lot::RwLock;
use secrecy::{ExposeSecret, SecretString};
use url::form_urlencoded::byte_serialize;

/// Shorter values are too likely to stand somewhere by chance.
const SHORTEST_HIDDEN: usize = 6;

/// Values by name; capitals make no difference. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct BotSecrets {
    values: Arc<RwLock<BTreeMap<String, SecretString>>>,
}

impl BotSecrets {
    /// With these values.
    pub fn new(values: impl IntoIterator<Item = (String, SecretString)>) -> Self {
        let values = values.into_iter().map(|(name, value)| (name.to_lowercase(), value)).collect();
        Self { values: Arc::new(RwLock::new(values)) }
    }

    /// Puts another value in its place.
    pub fn replace(&self, name: &str, value: SecretString) {
        self.values.write().insert(name.to_lowercase(), value);
    }

    /// Puts these values in the place of all.
    pub fn replace_all(&self, values: impl IntoIterator<Item = (String, SecretString)>) {
        *self.values.write() = values.into_iter().map(|(name, value)| (name.to_lowercase(), value)).collect();
    }

    /// The names that have a value, in small letters.
    pub fn names(&self) -> BTreeSet<String> {
        self.values.read().keys().cloned().collect()
    }

    /// The values that a call uses, as they are now.
    pub(super) fn of(&self, call: &HttpCall) -> Values {
        let all = self.values.read();
        let names = call.texts().flat_map(chatbot::HttpText::secrets).map(str::to_lowercase);
        Values(names.filter_map(|name| all.get(&name).cloned().map(|value| (name, value))).collect())
    }
}

/// The values that one call uses.
pub(super) struct Values(BTreeMap<String, SecretString>);

impl Values {
    pub(super) fn get(&self, name: &str) -> Option<String> {
        self.0.get(&name.to_lowercase()).map(|value| value.expose_secret().to_owned())
    }

    /// What must not be kept of these values, nor of `others`, which hold some of them.
    pub(super) fn hidden(&self, others: &[String]) -> Hidden {
        let values = self.0.values().map(|value| value.expose_secret());
        let mut forms: Vec<String> = values.chain(others.iter().map(String::as_str)).flat_map(forms).collect();
        forms.retain(|form| form.len() >= SHORTEST_HIDDEN);
        // The longest first: a shorter one may be a part of it.
        forms.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        forms.dedup();
        Hidden(forms)
    }
}

/// The secrets of one request in every form in which a host may send them back.
#[derive(Clone, Default)]
pub(super) struct Hidden(Vec<String>);

impl Hidden {
    /// The outcome as it may be kept: a host that sends back what it was sent puts no secret into the store.
    pub(super) fn without(&self, outcome: HttpOutcome) -> HttpOutcome {
        let hide = |text| self.hide(text);
        match outcome {
            HttpOutcome::Answer { status, content_type, body } => {
                HttpOutcome::Answer { status, content_type: content_type.map(hide), body: hide(body) }
            }
            HttpOutcome::Unreachable { why } => HttpOutcome::Unreachable { why: hide(why) },
            HttpOutcome::Refused { why } => HttpOutcome::Refused { why: hide(why) },
            HttpOutcome::BadBody { status, why } => HttpOutcome::BadBody { status, why: hide(why) },
            HttpOutcome::Timeout => HttpOutcome::Timeout,
        }
    }

    fn hide(&self, text: String) -> String {
        self.0.iter().fold(text, |text, form| match text.contains(form.as_str()) {
            true => text.replace(form.as_str(), "***"),
            false => text,
        })
    }
}

/// A value as it is, in JSON, in a URL and as base64.
fn forms(value: &str) -> Vec<String> {
    let plus: String = byte_serialize(value.as_bytes()).collect();
    let percent = plus.replace('+', "%20");
    let mut forms = json_forms(value);
    forms.extend([lower_hex(&plus), lower_hex(&percent), plus, percent]);
    let base64 = STANDARD.encode(value);
    forms.extend([base64.as_str(), base64.trim_end_matches('=')].into_iter().flat_map(json_forms));
    forms
}

/// A text as it is, and as writers of JSON put it: some escape `/`, and some all that is not ASCII.
fn json_forms(text: &str) -> Vec<String> {
    let json = serde_json::Value::from(text).to_string();
    let json = json.strip_prefix('"').and_then(|json| json.strip_suffix('"')).unwrap_or_default();
    let (slashes, ascii) = (json.replace('/', "\\/"), ascii_json(json));
    vec![text.to_owned(), json.to_owned(), ascii.replace('/', "\\/"), slashes, ascii]
}

fn ascii_json(json: &str) -> String {
    let escaped = |c: char| c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")).collect();
    json.chars().map(|c| if c.is_ascii() { c.to_string() } else { escaped(c) }).collect()
}

/// The URL with `%2f` in the place of `%2F`.
fn lower_hex(url: &str) -> String {
    let mut parts = url.split('%');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |lower, part| match part.split_at_checked(2) {
        Some((hex, rest)) => lower + "%" + &hex.to_ascii_lowercase() + rest,
        None => lower + "%" + part,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hidden(values: &[&str], others: &[&str]) -> Hidden {
        let values = values.iter().enumerate().map(|(n, value)| (n.to_string(), SecretString::from(*value)));
        let others: Vec<String> = others.iter().map(|other| (*other).to_owned()).collect();
        Values(values.collect()).hidden(&others)
    }

    #[test]
    fn a_value_is_hidden_in_every_form_in_which_it_may_come_back() {
        let hidden = hidden(&["p\"ss/wö rd+1"], &[]);
        for form in [
            "p\"ss/wö rd+1",
            r#"p\"ss/wö rd+1"#,
            r#"p\"ss\/wö rd+1"#,
            r#"p\"ss/w\u00f6 rd+1"#,
            r#"p\"ss\/w\u00f6 rd+1"#,
            "p%22ss%2Fw%C3%B6+rd%2B1",
            "p%22ss%2Fw%C3%B6%20rd%2B1",
            "p%22ss%2fw%c3%b6+rd%2b1",
            "cCJzcy93w7YgcmQrMQ==",
        ] {
            let body = format!("<{form}>");
            let outcome = HttpOutcome::Answer { status: 200, content_type: None, body };
            let HttpOutcome::Answer { body, .. } = hidden.without(outcome) else { panic!() };
            assert_eq!(body, "<***>", "{form}");
        }
    }

    #[test]
    fn the_longest_value_is_hidden_first_and_short_ones_are_not() {
        let hidden = hidden(&["fixture", "fixture-longer", "abc"], &["user:fixture-longer"]);
        assert_eq!(hidden.hide("fixture-longer fixture abc user:fixture-longer".into()), "*** *** abc ***");
    }
}
