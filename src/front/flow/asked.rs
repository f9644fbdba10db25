//! What a decrypted request asks.

use chatbot::{FormAction, FormRequest};
use serde::Deserialize;
use serde_json::Value;

/// Characters of a token at most; ours have about 70.
const MAX_TOKEN_CHARS: usize = 512;
/// Characters of what a phone calls an error.
const MAX_WORD_CHARS: usize = 40;
/// What Meta puts where no token was sent.
const NO_TOKEN: &str = "unused";

/// What is asked.
#[derive(Debug, PartialEq)]
pub(super) enum Asked {
    /// Whether the endpoint is there.
    Ping,
    /// Something of a form; `named` is how it is counted.
    Form { request: FormRequest, named: &'static str },
    /// Something of a form that was sent without a token, which nobody can find.
    Tokenless { named: &'static str },
}

#[derive(Deserialize)]
struct Text {
    action: String,
    #[serde(default)]
    screen: Option<String>,
    #[serde(default)]
    data: Value,
    #[serde(default)]
    flow_token: Option<String>,
}

impl Asked {
    /// `None` if the text is no request.
    pub(super) fn read(plaintext: &[u8], digest: String) -> Option<Self> {
        let Text { action, screen, data, flow_token } = serde_json::from_slice(plaintext).ok()?;
        let known = match action.as_str() {
            "ping" => return Some(Self::Ping),
            "INIT" => Some((FormAction::Init, "init")),
            "data_exchange" => Some((FormAction::Submit, "data_exchange")),
            "BACK" => Some((FormAction::Back, "back")),
            _ => None,
        };
        // Before the action: a notice comes with the action of the answer that it is about.
        let (action, named) = if is_notice(&data) { (FormAction::Error, "error") } else { known? };
        let token = flow_token.filter(|token| !token.is_empty() && token != NO_TOKEN);
        let token = match token {
            Some(token) if token.chars().count() <= MAX_TOKEN_CHARS => token,
            _ if action == FormAction::Error => String::new(),
            _ => return Some(Self::Tokenless { named }),
        };
        let screen = screen.filter(|screen| !screen.is_empty());
        let request = FormRequest { token, action, screen, data, digest, results: Vec::new(), late: false };
        Some(Self::Form { request, named })
    }
}

/// What a notice is about: a word of Meta's, whose spellings vary. Nothing else that a phone may write there is shown.
pub(super) fn notice(data: &Value) -> &str {
    let said = data["error"].as_str().or(data["error_key"].as_str()).unwrap_or_default();
    let is_word = said.bytes().all(|byte| byte.is_ascii_alphabetic() || matches!(byte, b'-' | b'_'));
    if is_word && (1..=MAX_WORD_CHARS).contains(&said.len()) { said } else { "another" }
}

/// A form may have a field named `error`, so the message must be there, too.
fn is_notice(data: &Value) -> bool {
    (data["error"].is_string() || data["error_key"].is_string()) && data["error_message"].is_string()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(text: Value) -> Option<Asked> {
        Asked::read(text.to_string().as_bytes(), "d".into())
    }

    fn form(text: Value) -> FormRequest {
        match read(text) {
            Some(Asked::Form { request, .. }) => request,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn actions_of_meta_are_told_apart() {
        assert_eq!(read(json!({"version": "3.0", "action": "ping"})), Some(Asked::Ping));
        let init = form(json!({"version": "3.0", "action": "INIT", "screen": "", "flow_token": "pl1.a.b"}));
        assert_eq!((init.action, init.screen, init.data), (FormAction::Init, None, Value::Null));
        let submit = form(json!({
            "action": "data_exchange", "screen": "DAY", "data": {"day": "1"}, "flow_token": "pl1.a.b", "more": 1,
        }));
        assert_eq!((submit.action, submit.screen.as_deref()), (FormAction::Submit, Some("DAY")));
        assert_eq!((submit.data, submit.token.as_str(), submit.digest.as_str()), (json!({"day": "1"}), "pl1.a.b", "d"));
        assert_eq!(form(json!({"action": "BACK", "screen": "DAY", "flow_token": "t"})).action, FormAction::Back);
    }

    #[test]
    fn notice_of_an_error_is_seen_before_its_action() {
        for action in ["INIT", "data_exchange", "navigate"] {
            for name in ["error", "error_key"] {
                let data = json!({name: "payload-schema-error", "error_message": "field day is not a string"});
                let asked = form(json!({"action": action, "screen": "DAY", "flow_token": "t", "data": data}));
                assert_eq!(asked.action, FormAction::Error);
            }
        }
        let data = json!({"error": "a field of the form"});
        let asked = form(json!({"action": "data_exchange", "screen": "DAY", "flow_token": "t", "data": data}));
        assert_eq!(asked.action, FormAction::Submit);
        let data = json!({"error": "timeout", "error_message": "late"});
        assert_eq!(form(json!({"action": "INIT", "data": data})).token, "");
    }

    #[test]
    fn log_shows_a_word_of_a_notice_and_nothing_that_a_person_could_have_typed() {
        for word in ["payload-schema-error", "PUBLIC_KEY_MISSING"] {
            assert_eq!(notice(&json!({"error": word})), word);
            assert_eq!(notice(&json!({"error_key": word})), word);
        }
        for text in ["", "447700900123", "Ada Lovelace", "timeout\u{1b}[2J", &"x".repeat(MAX_WORD_CHARS + 1)] {
            assert_eq!(notice(&json!({"error": text})), "another", "{text}");
        }
    }

    #[test]
    fn nobody_can_find_a_form_without_a_token() {
        let long = "x".repeat(MAX_TOKEN_CHARS + 1);
        for token in [json!("unused"), json!(""), json!(null), json!(long)] {
            let asked = read(json!({"action": "INIT", "flow_token": token}));
            assert_eq!(asked, Some(Asked::Tokenless { named: "init" }));
        }
        assert_eq!(read(json!({"action": "BACK"})), Some(Asked::Tokenless { named: "back" }));
    }

    #[test]
    fn everything_else_is_no_request() {
        for text in
            ["", "null", "[]", "{}", "\"ping\"", r#"{"action": 1}"#, r#"{"action": "INIT", "screen": 1}"#, "\u{0}"]
        {
            assert_eq!(Asked::read(text.as_bytes(), String::new()), None, "{text}");
        }
        assert_eq!(read(json!({"action": "navigate", "flow_token": "t"})), None);
        assert_eq!(read(json!({"action": "Ping"})), None);
        assert_eq!(Asked::read(&[0xff, 0xfe], String::new()), None);
    }
}
