//! Requests of other programs as `http` nodes. Credentials are not copied: a secret stands in their place.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::text::verbatim;
use crate::caps;

/// Headers that whoever makes the call writes.
const NOT_OURS: &[&str] = &[
    "host",
    "content-length",
    "transfer-encoding",
    "connection",
    "keep-alive",
    "proxy-connection",
    "proxy-authorization",
    "te",
    "trailer",
    "upgrade",
    "expect",
    "accept-encoding",
];

/// A request on its way into our format. Its texts are ours already.
pub(super) struct Request {
    method: String,
    url: String,
    query: Map<String, Value>,
    headers: Map<String, Value>,
    auth: Option<Value>,
    body: Option<Value>,
    timeout_ms: Option<u64>,
    content_type: Option<String>,
    /// What the names of secrets begin with.
    owner: String,
    /// The names of the secrets that it needs.
    pub(super) secrets: BTreeSet<String>,
    /// What is told of it.
    pub(super) changes: Vec<String>,
}

/// Where a credential goes.
pub(super) enum Auth {
    Bearer,
    Basic { user: String },
    Key { name: String, in_query: bool },
}

impl Request {
    pub(super) fn new(method: &str, url: String, owner: &str) -> Self {
        let upper = method.trim().to_uppercase();
        let known = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"].contains(&upper.as_str());
        let mut changes = Vec::new();
        if !known && !upper.is_empty() {
            changes.push(format!("the method `{method}` is unknown and becomes GET"));
        }
        Self {
            method: if known { upper } else { "GET".to_owned() },
            url,
            query: Map::new(),
            headers: Map::new(),
            auth: None,
            body: None,
            timeout_ms: None,
            content_type: None,
            owner: owner.to_owned(),
            secrets: BTreeSet::new(),
            changes,
        }
    }

    /// Adds a header; a credential becomes a secret.
    pub(super) fn header(&mut self, name: &str, value: String) {
        let lower = name.trim().to_lowercase();
        let token =
            !lower.is_empty() && lower.chars().all(|c| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c));
        if NOT_OURS.contains(&lower.as_str()) || !token {
            self.changes.push(format!("the header `{name}` is not a bot's to set and is left out"));
            return;
        }
        // The body says it.
        if lower == "content-type" {
            self.content_type = Some(value);
            return;
        }
        if lower == "authorization" && self.auth.as_ref().is_some_and(|auth| auth.get("api_key").is_none()) {
            self.changes.push(format!("the header `{name}` with credentials is left out: `auth` writes it"));
            return;
        }
        let known = self.headers.keys().find(|known| known.eq_ignore_ascii_case(name.trim())).cloned();
        let value = if is_credential(&lower) { self.guarded(&lower, &value) } else { value };
        self.headers.insert(known.unwrap_or_else(|| name.trim().to_owned()), Value::String(value));
    }

    pub(super) fn query(&mut self, name: &str, value: String) {
        if name.trim().is_empty() {
            return;
        }
        let value = if is_credential(&name.to_lowercase()) { self.guarded(name, &value) } else { value };
        self.query.insert(name.trim().to_owned(), Value::String(value));
    }

    /// The scheme of a credential stays, what is secret goes.
    fn guarded(&mut self, name: &str, value: &str) -> String {
        let scheme = ["Bearer", "Basic", "Token"].into_iter().find(|scheme| value.trim_start().starts_with(scheme));
        let secret = self.secret(name);
        scheme.map_or_else(|| secret.clone(), |scheme| format!("{scheme} {secret}"))
    }

    fn secret(&mut self, what: &str) -> String {
        let shaped: String = format!("{}_{what}", self.owner)
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' })
            .collect();
        let words: Vec<&str> = shaped.split('_').filter(|word| !word.is_empty()).collect();
        let mut name: String = words.join("_").chars().take(60).collect();
        name = name.trim_end_matches('_').to_owned();
        if !name.chars().next().is_some_and(|c| c.is_ascii_alphabetic()) {
            name = format!("IMPORT_{name}").trim_end_matches('_').to_owned();
        }
        if name.to_lowercase().ends_with("_file") {
            name.push_str("_VALUE");
        }
        self.changes.push(format!("its credentials are not copied: give the secret `{name}` a value"));
        self.secrets.insert(name.clone());
        format!("{{{{ secret.{name} }}}}")
    }

    pub(super) fn auth(&mut self, auth: Auth) {
        self.auth = Some(match auth {
            Auth::Bearer => json!({ "bearer": self.secret("token") }),
            Auth::Basic { user } => json!({ "basic": { "user": user, "password": self.secret("password") } }),
            Auth::Key { name, in_query } => {
                let place = if in_query { "query" } else { "header" };
                json!({ "api_key": { "in": place, "name": name, "value": self.secret("key") } })
            }
        });
    }

    pub(super) fn timeout(&mut self, ms: u64) {
        let most = u64::from(caps::MAX_HTTP_TIMEOUT_MS);
        if ms > most {
            self.changes.push(format!("a time of {ms} ms is cut to {most}"));
        }
        self.timeout_ms = (ms > 0).then_some(ms.min(most));
    }

    /// A body: `{json: …}`, `{form: …}`, `{multipart: …}` or `{raw: …}`.
    pub(super) fn body(&mut self, body: Value) {
        if matches!(self.method.as_str(), "GET" | "HEAD") {
            self.changes.push(format!("the body of a {} is not sent", self.method));
        } else {
            self.body = Some(body);
        }
    }

    /// The node without its ports; what it takes from the answer comes from outside.
    pub(super) fn into_node(mut self, taken: Map<String, Value>) -> Value {
        if !self.secrets.is_empty() && !fixed_host(&self.url) {
            self.changes.push("a credential cannot go to an address that is computed: write the host out".to_owned());
        }
        let kind = self.content_type.take().filter(|kind| kind.is_ascii() && !kind.contains('{'));
        if let (Some(kind), Some(body)) = (kind, &mut self.body)
            && let Some(Value::String(text)) = body.get("raw").cloned()
        {
            *body = json!({ "raw": { "text": text, "content_type": kind } });
        }
        for (thing, map) in [("query", &mut self.query), ("headers", &mut self.headers)] {
            if map.len() > caps::MAX_IMPORT_ENTRIES {
                self.changes.push(format!("only {} {thing} are kept", caps::MAX_IMPORT_ENTRIES));
                let kept: Map<_, _> = std::mem::take(map).into_iter().take(caps::MAX_IMPORT_ENTRIES).collect();
                *map = kept;
            }
        }
        let mut node = json!({ "type": "http", "method": self.method, "url": self.url });
        for (key, map) in [("query", self.query), ("headers", self.headers)] {
            if !map.is_empty() {
                node[key] = Value::Object(map);
            }
        }
        for (key, value) in [("auth", self.auth), ("body", self.body), ("timeout_ms", self.timeout_ms.map(Value::from))]
        {
            if let Some(value) = value {
                node[key] = value;
            }
        }
        for (key, value) in taken {
            node[key] = value;
        }
        node
    }
}

pub(super) fn fixed_host(url: &str) -> bool {
    let rest = ["https://", "http://"].iter().find_map(|scheme| url.strip_prefix(scheme));
    rest.and_then(|rest| rest.split(['/', '?', '#']).next()).is_some_and(|host| !host.is_empty() && !host.contains('{'))
}

/// Whether something of this name is a credential.
pub(super) fn is_credential(name: &str) -> bool {
    let name = name.to_lowercase();
    let exact = ["key", "token", "secret", "cookie", "authorization", "password", "auth", "sig", "signature"];
    let parts =
        ["api-key", "api_key", "apikey", "access-key", "token", "secret", "authorization", "password", "x-auth"];
    exact.contains(&name.as_str()) || parts.iter().any(|part| name.contains(part))
}

/// A piece of a foreign body.
pub(super) enum Piece {
    Text(String),
    /// One of our expressions.
    Expression(String),
}

/// Marks in the private use area; what a body has of them itself is taken out first.
const OPEN: char = '\u{e000}';
const CLOSE: char = '\u{e001}';
const QUOTED: char = '\u{e002}';

/// A body that is JSON with expressions in it: an expression within a text becomes a part of it, any other is a
/// value of its own. None if it is no JSON.
pub(super) fn json_body(pieces: &[Piece]) -> Option<Value> {
    let mut source = String::new();
    let (mut quoted, mut escaped) = (false, false);
    for (at, piece) in pieces.iter().enumerate() {
        match piece {
            Piece::Text(text) => {
                for c in text.chars().filter(|c| !matches!(*c, OPEN | CLOSE | QUOTED)) {
                    match c {
                        _ if escaped => escaped = false,
                        '\\' if quoted => escaped = true,
                        '"' => quoted = !quoted,
                        _ => {}
                    }
                    source.push(c);
                }
            }
            Piece::Expression(_) if quoted => source.push_str(&format!("{QUOTED}{at}{CLOSE}")),
            Piece::Expression(_) => source.push_str(&format!("\"{OPEN}{at}{CLOSE}\"")),
        }
    }
    let value: Value = serde_json::from_str(&source).ok()?;
    Some(fill(value, pieces))
}

fn fill(value: Value, pieces: &[Piece]) -> Value {
    match value {
        Value::String(text) => Value::String(filled(&text, pieces)),
        Value::Array(items) => items.into_iter().map(|item| fill(item, pieces)).collect(),
        Value::Object(entries) => {
            entries.into_iter().map(|(key, item)| (plain_key(&key), fill(item, pieces))).collect()
        }
        other => other,
    }
}

/// Keys are never computed.
fn plain_key(key: &str) -> String {
    key.chars().filter(|c| !matches!(*c, OPEN | CLOSE | QUOTED)).collect()
}

fn filled(text: &str, pieces: &[Piece]) -> String {
    let expression = |number: &str| match number.parse::<usize>().ok().and_then(|at| pieces.get(at)) {
        Some(Piece::Expression(written)) => written.clone(),
        _ => "''".to_owned(),
    };
    if let Some(number) = text.strip_prefix(OPEN).and_then(|rest| rest.strip_suffix(CLOSE)) {
        return format!("{{{{ {} | default(none) }}}}", expression(number));
    }
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(QUOTED) {
        out.push_str(&verbatim(before));
        let Some((number, behind)) = after.split_once(CLOSE) else { break };
        out.push_str(&format!("{{{{ {} | text }}}}", expression(number)));
        rest = behind;
    }
    out.push_str(&verbatim(rest));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(pieces: &[(&str, bool)]) -> Option<Value> {
        let pieces: Vec<Piece> = pieces
            .iter()
            .map(|(text, expression)| match expression {
                true => Piece::Expression((*text).to_owned()),
                false => Piece::Text((*text).to_owned()),
            })
            .collect();
        json_body(&pieces)
    }

    #[test]
    fn expressions_become_values_or_parts_of_texts() {
        let found = body(&[
            ("{\"n\": ", false),
            ("age", true),
            (", \"t\": \"Hi ", false),
            ("name", true),
            ("\", \"q\": \"\\\" {{\"}", false),
        ]);
        let expected = json!({ "n": "{{ age | default(none) }}", "t": "Hi {{ name | text }}", "q": "\" {{ '{{' }}" });
        assert_eq!(found, Some(expected));
        assert_eq!(body(&[("all", true)]), Some(json!("{{ all | default(none) }}")));
        assert_eq!(body(&[("a=", false), ("b", true)]), None);
    }

    #[test]
    fn credentials_become_secrets() {
        let mut request = Request::new("post", "https://x.example/".into(), "clinic book");
        request.header("Authorization", "Bearer 0000".into());
        request.header("Accept", "text/plain".into());
        request.header("Host", "other".into());
        request.query("api_key", "0000".into());
        let secrets = request.secrets.clone();
        let node = request.into_node(Map::new());
        assert_eq!(
            node["headers"],
            json!({ "Authorization": "Bearer {{ secret.CLINIC_BOOK_AUTHORIZATION }}", "Accept": "text/plain" })
        );
        assert_eq!(node["query"], json!({ "api_key": "{{ secret.CLINIC_BOOK_API_KEY }}" }));
        assert!(!node.to_string().contains("0000") && secrets.len() == 2);
    }
}
