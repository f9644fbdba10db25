//! Takes secrets and phone numbers out of text that is about to be logged.

use std::borrow::Cow;

use parking_lot::RwLock;
use secrecy::{ExposeSecret, SecretString};
use url::form_urlencoded::byte_serialize;

use super::mask::{DOTS, mask};
use crate::config::Redact;

/// A shorter secret would tear holes into ordinary words.
const SHORTEST: usize = 4;

/// How tokens begin: Meta's, and those of the admin port.
const TOKEN_STARTS: [&str; 2] = ["EAA", "par_"];

/// What follows the beginning of a token has at least this many characters.
const TOKEN_REST: usize = 12;

/// What comes after one of these words and a `=` or `:` is secret.
const NAMES: [&str; 10] = [
    "access_token",
    "app_secret",
    "appsecret_proof",
    "authorization",
    "client_secret",
    "hub.verify_token",
    "input_token",
    "password",
    "verify_token",
    "webhook_verify_token",
];

/// Fields that hold an id of a person.
const PERSON_FIELDS: [&str; 3] = ["phone", "user_id", "wa_id"];

/// Fields that hold one when they hold a number.
const PERHAPS_PERSON_FIELDS: [&str; 3] = ["from", "recipient", "to"];

/// Secrets that came up after the log was set up; of the whole process, as the log is.
static LATER: RwLock<Vec<String>> = RwLock::new(Vec::new());

/// Keeps a new secret out of the log from now on.
pub fn hide(secret: &SecretString) {
    LATER.write().extend(all_forms(std::slice::from_ref(secret)));
}

/// Knows what must not be shown.
pub struct Scrubber {
    secrets: Vec<String>,
    redact: Redact,
}

impl Scrubber {
    /// Remembers each secret as it is and as it looks in JSON, in debug output and in a URL.
    pub fn new(secrets: &[SecretString], redact: Redact) -> Self {
        Self { secrets: all_forms(secrets), redact }
    }

    /// The text without secrets and tokens, and with phone numbers masked.
    pub fn clean<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let mut text = Cow::Borrowed(text);
        let later = LATER.read();
        for secret in self.secrets.iter().chain(&*later) {
            if text.contains(secret.as_str()) {
                text = Cow::Owned(text.replace(secret.as_str(), DOTS));
            }
        }
        if may_hold_token(&text) { Cow::Owned(self.without_tokens(&text)) } else { text }
    }

    /// The value of a field, masked as a whole if its name says that it is a person.
    pub fn clean_field<'t>(&self, name: &str, value: &'t str) -> Cow<'t, str> {
        let is_number = || is_number(value.strip_prefix('+').unwrap_or(value));
        let is_person = PERSON_FIELDS.contains(&name) || (PERHAPS_PERSON_FIELDS.contains(&name) && is_number());
        if is_person && self.redact != Redact::Off { Cow::Owned(self.person(value)) } else { self.clean(value) }
    }

    fn person(&self, id: &str) -> String {
        match self.redact {
            Redact::Numbers => mask(id).to_string(),
            Redact::All => DOTS.to_owned(),
            Redact::Off => id.to_owned(),
        }
    }

    fn without_tokens(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        // After a telling name and its `=` or `:`, or after a scheme, the next word is secret.
        let (mut named, mut next_is_secret) = (false, false);
        for (is_word, piece) in pieces(text) {
            if !is_word {
                next_is_secret |= named && piece.contains(['=', ':']);
                next_is_secret &= !piece.contains([',', ';', '&', '}', '\n']);
                named = false;
                out.push_str(piece);
            } else if is_scheme(piece) {
                next_is_secret = true;
                out.push_str(piece);
            } else if next_is_secret {
                next_is_secret = false;
                out.push_str(DOTS);
            } else {
                named = NAMES.iter().any(|name| name.eq_ignore_ascii_case(piece));
                self.push_word(&mut out, piece);
            }
        }
        out
    }

    fn push_word(&self, out: &mut String, word: &str) {
        let number = word.strip_prefix('+').map(|rest| rest.trim_end_matches(['.', '-', '/']));
        match (token_start(word), number.filter(|rest| is_number(rest))) {
            (Some(start), _) => {
                let (before, _) = word.split_at(start);
                out.push_str(before);
                out.push_str(DOTS);
            }
            (None, Some(number)) => {
                out.push_str(&self.person(&format!("+{number}")));
                out.push_str(word.trim_start_matches(|c: char| c == '+' || c.is_ascii_digit()));
            }
            (None, None) => out.push_str(word),
        }
    }
}

fn all_forms(secrets: &[SecretString]) -> Vec<String> {
    let mut forms: Vec<String> = secrets.iter().map(ExposeSecret::expose_secret).flat_map(forms).collect();
    forms.retain(|form| form.chars().count() >= SHORTEST);
    forms.sort_by_key(|form| std::cmp::Reverse(form.len()));
    forms.dedup();
    forms
}

fn forms(secret: &str) -> [String; 4] {
    let json = serde_json::Value::from(secret).to_string();
    let json = json.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or_default();
    let url = byte_serialize(secret.as_bytes()).collect();
    [secret.to_owned(), json.to_owned(), secret.escape_debug().to_string(), url]
}

/// Cheap, and true for few lines.
fn may_hold_token(text: &str) -> bool {
    let tells = |part: &str| text.contains(part);
    tells("+") || TOKEN_STARTS.iter().any(|start| tells(start)) || {
        let lower = text.to_ascii_lowercase();
        ["bearer", "basic", "token", "secret", "authorization", "password"].iter().any(|part| lower.contains(part))
    }
}

fn is_scheme(word: &str) -> bool {
    word.eq_ignore_ascii_case("bearer") || word.eq_ignore_ascii_case("basic")
}

fn is_number(text: &str) -> bool {
    (8..=15).contains(&text.len()) && text.chars().all(|c| c.is_ascii_digit())
}

/// Where a token begins in a word: at its start, after punctuation or after a percent-encoded character, since inside
/// a longer run of letters the same characters mean nothing (ids of messages are base64).
fn token_start(word: &str) -> Option<usize> {
    let starts = TOKEN_STARTS.iter().flat_map(|start| word.match_indices(start));
    starts.map(|(at, _)| at).find(|at| {
        let (before, from) = word.split_at(*at);
        let mut back = before.chars().rev();
        let (last, percent) = (back.next(), back.nth(1));
        let is_start = last.is_none_or(|c| !c.is_ascii_alphanumeric()) || percent == Some('%');
        is_start && from.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').count() > TOKEN_REST
    })
}

/// Cuts a text into words of token characters and what is between them.
fn pieces(text: &str) -> impl Iterator<Item = (bool, &str)> {
    let is_word = |c: char| c.is_ascii_alphanumeric() || "-._~+/|%".contains(c);
    let mut rest = text;
    std::iter::from_fn(move || {
        let kind = is_word(rest.chars().next()?);
        let (piece, after) = rest.split_at(rest.find(|c| is_word(c) != kind).unwrap_or(rest.len()));
        rest = after;
        Some((kind, piece))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secret_that_came_up_later_is_hidden_too() {
        let scrubber = Scrubber::new(&[], Redact::Off);
        hide(&SecretString::from("renewed-later-on"));
        assert_eq!(scrubber.clean("it is renewed-later-on now"), format!("it is {DOTS} now"));
    }

    fn scrubber(secrets: &[&str]) -> Scrubber {
        let secrets: Vec<_> = secrets.iter().map(|secret| SecretString::from(*secret)).collect();
        Scrubber::new(&secrets, Redact::Numbers)
    }

    #[test]
    fn bearer_tokens_are_masked() {
        for (text, clean) in [
            ("Authorization: Bearer abc.def-1", "Authorization: Bearer •••"),
            ("authorization: bearer abc, next", "authorization: bearer •••, next"),
            ("headers {\"authorization\": \"Bearer abc==\"}", "headers {\"authorization\": \"Bearer •••==\"}"),
            ("authorization: abc", "authorization: •••"),
            ("the bearer, of news", "the bearer, of news"),
        ] {
            assert_eq!(scrubber(&[]).clean(text), clean);
        }
    }

    #[test]
    fn tokens_of_meta_and_of_the_admin_port_are_masked() {
        let token = format!("EAA{}", "x1Y2".repeat(8));
        let admin = format!("par_{}", "Ab0_".repeat(8));
        for (text, clean) in [
            (format!("{token} expired"), "••• expired".to_owned()),
            (format!("(\"{token}\")"), "(\"•••\")".to_owned()),
            (format!("GET /me?access_token={token}&x=1"), "GET /me?access_token=•••&x=1".to_owned()),
            (format!("q%3D{token}"), "q%3D•••".to_owned()),
            (format!("token {admin}"), "token •••".to_owned()),
        ] {
            assert_eq!(scrubber(&[]).clean(&text), clean);
        }
    }

    #[test]
    fn message_ids_and_plain_words_stay() {
        for text in ["wamid.HBgLMTU1NTAwMDAEAAVAgASGBQzQUEAAAAAAAA", "EAA is short", "access_token is missing", ""] {
            assert_eq!(scrubber(&[]).clean(text), text);
        }
    }

    #[test]
    fn named_secrets_are_masked() {
        for (text, clean) in [
            ("?hub.verify_token=abc&hub.challenge=1", "?hub.verify_token=•••&hub.challenge=1"),
            ("{\"app_secret\":\"abc\"}", "{\"app_secret\":\"•••\"}"),
            ("password: abc", "password: •••"),
        ] {
            assert_eq!(scrubber(&[]).clean(text), clean);
        }
    }

    #[test]
    fn registered_secrets_are_masked_in_every_form() {
        let scrubber = scrubber(&["pass \"word\"\n", "plain-secret", "ab"]);
        for text in ["pass \"word\"\n", "pass \\\"word\\\"\\n", "pass+%22word%22%0A", "plain-secret"] {
            assert_eq!(scrubber.clean(&format!("<{text}>")), "<•••>", "{text}");
        }
        assert_eq!(scrubber.clean("able"), "able", "a secret of two letters cannot be scrubbed");
    }

    #[test]
    fn phone_numbers_in_text_are_masked() {
        assert_eq!(scrubber(&[]).clean("to +447700900123."), "to +4477•••0123.");
        assert_eq!(scrubber(&[]).clean("at 2026-11-22T10:00:00+0000, 1+1"), "at 2026-11-22T10:00:00+0000, 1+1");
    }

    #[test]
    fn fields_that_name_people_are_masked() {
        let numbers = scrubber(&[]);
        assert_eq!(numbers.clean_field("wa_id", "447700900123"), "+4477•••0123");
        assert_eq!(numbers.clean_field("user_id", "US.1A2b3C4d5E6f"), "US.1•••5E6f");
        assert_eq!(numbers.clean_field("to", "447700900123"), "+4477•••0123");
        assert_eq!(numbers.clean_field("to", "waiting"), "waiting");
        assert_eq!(numbers.clean_field("number_id", "447700900123"), "447700900123");
        let scrub = |redact| Scrubber::new(&[], redact).clean_field("phone", "447700900123").into_owned();
        assert_eq!((scrub(Redact::All).as_str(), scrub(Redact::Off).as_str()), ("•••", "447700900123"));
    }
}
