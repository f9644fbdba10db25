//! What an `http` node asks: read from the bot file, filled when the node is entered.

use crate::bot::read::{At, Fields, Reader, list};
use crate::bot::secrets::{self, Guarded};
use crate::caps;
use crate::explain;
use crate::expr::{Template, clip};
use crate::http::{HttpAuth, HttpCall, HttpPart, HttpText};
use crate::turn::{Fault, Walk};

use super::body::{self, Body};
use super::{Http, parts, refuse};

/// Headers that whoever makes the call writes.
const OURS: &[&str] = &[
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

pub(super) struct Request {
    method: &'static str,
    url: Template,
    query: Vec<(String, Guarded)>,
    headers: Vec<(String, Guarded)>,
    auth: Option<Auth>,
    body: Option<Body>,
}

enum Auth {
    Bearer(Guarded),
    Basic { user: Guarded, password: Guarded },
    Header(String, Guarded),
    Query(String, Guarded),
}

pub(super) fn read(reader: &mut Reader<'_>, fields: &Fields<'_>, method: &'static str) -> Option<Request> {
    let url_at = reader.required(fields, "url");
    let url = url_at.as_ref().and_then(|at| read_url(reader, at));
    let query = fields.get("query").map(|at| read_named(reader, &at)).unwrap_or_default();
    let headers = fields.get("headers").map(|at| read_headers(reader, &at)).unwrap_or_default();
    let auth = fields.get("auth").map(|at| read_auth(reader, &at));
    let body = fields.get("body").map(|at| body::read(reader, &at));
    if let Some(at) = fields.get("body").filter(|_| matches!(method, "GET" | "HEAD")) {
        reader.report(explain::WRONG_VALUE, &at, format!("a {method} has no body")).help =
            Some("write `method: POST`, or put the values into `query`".to_owned());
    }
    if let (Some(Some(Auth::Bearer(_) | Auth::Basic { .. })), Some(at)) = (&auth, fields.get("headers"))
        && headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("authorization"))
    {
        reader.report(explain::TWICE, &at, "`auth` writes the header `Authorization`, too");
    }
    let request = Request {
        method,
        url: url?,
        query,
        headers,
        auth: auth.map_or(Some(None), |auth| auth.map(Some))?,
        body: body.map_or(Some(None), |body| body.map(Some))?,
    };
    if let Some(at) = url_at.filter(|_| request.has_secrets() && !fixed_host(&request.url)) {
        reader.report(explain::SECRET_HOST, &at, "a secret would go to a host that the file does not name").help =
            Some("write the host out, as in https://api.example.com/{{ path }}".to_owned());
    }
    Some(request)
}

fn read_url(reader: &mut Reader<'_>, at: &At<'_>) -> Option<Template> {
    let url = reader.template(at)?;
    let text = reader.text(at)?;
    if let Err(why) = check_url(&text) {
        refuse(reader, at, format!("`{}` {why}", clip(&text)));
    }
    Some(url)
}

/// What can be said of an address before its expressions have values.
fn check_url(text: &str) -> Result<(), &'static str> {
    if text.trim_start().starts_with("{{") || text.trim_start().starts_with("{%") {
        return Ok(());
    }
    let Some(rest) = after_scheme(text) else { return Err("is no address: it begins with http:// or https://") };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    match authority {
        "" => Err("names no host"),
        with_user if with_user.contains('@') => Err("has a user in it: use `auth`"),
        _ => Ok(()),
    }
}

fn after_scheme(text: &str) -> Option<&str> {
    ["https://", "http://"].into_iter().find_map(|scheme| {
        let head = text.get(..scheme.len())?;
        head.eq_ignore_ascii_case(scheme).then(|| text.get(scheme.len()..)).flatten()
    })
}

/// Whether scheme, host and port stand in the file as they are.
fn fixed_host(url: &Template) -> bool {
    let fixed = |text: &str| {
        let Some(rest) = after_scheme(text) else { return false };
        let end = rest.find(['/', '?', '#']).or_else(|| (!rest.contains('{')).then_some(rest.len()));
        end.and_then(|end| rest.get(..end)).is_some_and(|host| !host.contains(['{', '\\']))
    };
    match url {
        Template::Plain(text) => fixed(text),
        Template::Mixed { source, .. } => fixed(source),
        Template::Typed(_) | Template::Translated(_) => false,
    }
}

fn read_named(reader: &mut Reader<'_>, at: &At<'_>) -> Vec<(String, Guarded)> {
    let mut named = Vec::new();
    let entries = reader.entries(at);
    too_many(reader, at, entries.len());
    for (entry, at) in entries {
        named.extend(secrets::text(reader, &at).map(|text| (entry.key.clone(), text)));
    }
    named
}

fn read_headers(reader: &mut Reader<'_>, at: &At<'_>) -> Vec<(String, Guarded)> {
    for (entry, value_at) in reader.entries(at) {
        check_header(reader, &value_at, &entry.key);
    }
    read_named(reader, at)
}

fn check_header(reader: &mut Reader<'_>, at: &At<'_>, name: &str) {
    let token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    if name.is_empty() || !name.chars().all(token) {
        refuse(reader, at, format!("`{}` is not the name of a header", clip(name)));
    } else if OURS.iter().any(|ours| name.eq_ignore_ascii_case(ours)) {
        refuse(reader, at, format!("the header `{name}` is not a bot's to set"));
    }
}

pub(super) fn too_many(reader: &mut Reader<'_>, at: &At<'_>, count: usize) {
    if count > caps::MAX_HTTP_ENTRIES {
        let message = format!("{count} entries, a call may have {}", caps::MAX_HTTP_ENTRIES);
        reader.report(explain::TOO_MANY, at, message);
    }
}

fn read_auth(reader: &mut Reader<'_>, at: &At<'_>) -> Option<Auth> {
    const KINDS: &[&str] = &["bearer", "basic", "api_key"];
    let fields = reader.fields(at, KINDS)?;
    let given: Vec<&str> = KINDS.iter().copied().filter(|kind| fields.get(kind).is_some()).collect();
    let [kind] = given[..] else {
        reader.report(explain::WRONG_VALUE, at, format!("`auth` needs exactly one of {}", list(KINDS)));
        return None;
    };
    let inner = fields.get(kind)?;
    match kind {
        "bearer" => secrets::text(reader, &inner).map(Auth::Bearer),
        "basic" => {
            let basic = reader.fields(&inner, &["user", "password"])?;
            let user = reader.required(&basic, "user").and_then(|at| secrets::text(reader, &at));
            let password = reader.required(&basic, "password").and_then(|at| secrets::text(reader, &at));
            Some(Auth::Basic { user: user?, password: password? })
        }
        _ => read_api_key(reader, &inner),
    }
}

fn read_api_key(reader: &mut Reader<'_>, at: &At<'_>) -> Option<Auth> {
    let key = reader.fields(at, &["in", "name", "value"])?;
    let place = match key.get("in") {
        Some(at) => reader.word(&at, &["header", "query"])?,
        None => "header",
    };
    let name_at = reader.required(&key, "name");
    let name = name_at.as_ref().and_then(|at| reader.text(at));
    let value = reader.required(&key, "value").and_then(|at| secrets::text(reader, &at));
    let (name, value) = (name?, value?);
    if place == "query" {
        return Some(Auth::Query(name, value));
    }
    if let Some(at) = name_at {
        check_header(reader, &at, &name);
    }
    Some(Auth::Header(name, value))
}

impl Request {
    fn has_secrets(&self) -> bool {
        let named = self.query.iter().chain(&self.headers).map(|(_, text)| text);
        let auth = match &self.auth {
            Some(Auth::Basic { user, password }) => vec![user, password],
            Some(Auth::Bearer(text) | Auth::Header(_, text) | Auth::Query(_, text)) => vec![text],
            None => Vec::new(),
        };
        named.chain(auth).any(|text| text.secrets().next().is_some())
    }

    /// The call, with every value in its place but those of secrets, and without its id.
    pub(super) fn call(&self, node: &Http, asker: &str, walk: &Walk<'_>) -> Result<HttpCall, Fault> {
        let url = parts::text(walk, &self.url)?;
        parts::within("the address", url.len(), caps::MAX_HTTP_TEXT)?;
        check_url(&url).map_err(|why| Fault::failed(format!("`{}` {why}", clip(&url))))?;
        let mut query = fill(walk, &self.query)?;
        let mut headers = fill(walk, &self.headers)?;
        let auth = match &self.auth {
            Some(Auth::Bearer(token)) => Some(HttpAuth::Bearer(parts::guarded(walk, "`bearer`", token)?)),
            Some(Auth::Basic { user, password }) => Some(HttpAuth::Basic {
                user: parts::guarded(walk, "`user`", user)?,
                password: parts::guarded(walk, "`password`", password)?,
            }),
            Some(Auth::Header(name, value)) => {
                headers.push((name.clone(), parts::guarded(walk, name, value)?));
                None
            }
            Some(Auth::Query(name, value)) => {
                query.push((name.clone(), parts::guarded(walk, name, value)?));
                None
            }
            None => None,
        };
        headers.iter().try_for_each(|(name, text)| sendable(name, text))?;
        let own_key = headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("idempotency-key"));
        let body = self.body.as_ref().map(|body| body.fill(walk)).transpose()?;
        Ok(HttpCall {
            id: String::new(),
            node: asker.to_owned(),
            method: self.method.to_owned(),
            url,
            query,
            headers,
            auth,
            body,
            idempotency: node.idempotency && !own_key,
            timeout_ms: node.timeout_ms,
            retry: node.retry.clone(),
            max_bytes: node.max_bytes,
            follow: node.follows(),
        })
    }
}

fn fill(walk: &Walk<'_>, named: &[(String, Guarded)]) -> Result<Vec<(String, HttpText)>, Fault> {
    named.iter().map(|(name, text)| Ok((name.clone(), parts::guarded(walk, name, text)?))).collect()
}

/// A header is one line of ASCII, so that nobody's words become a second one.
fn sendable(name: &str, text: &HttpText) -> Result<(), Fault> {
    let plain = |part: &HttpPart| match part {
        HttpPart::Text(text) => text.chars().all(|c| matches!(c, ' '..='~' | '\t')),
        HttpPart::Secret(_) => true,
    };
    match text.0.iter().all(plain) {
        true => Ok(()),
        false => Err(Fault::failed(format!("the header `{name}` would hold a line break or what is not ASCII"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_held_against_what_can_be_called() {
        for fine in ["https://a.example", "HTTP://a.example:80/x?y#z", "{{ base }}/x", "https://{{ host }}/x"] {
            assert_eq!(check_url(fine), Ok(()), "{fine}");
        }
        for wrong in ["", "a.example", "ftp://a.example", "https://", "https:///x", "http://u:p@a.example/", "//a"] {
            assert!(check_url(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_host_is_fixed_when_no_expression_can_reach_it() {
        let mixed = |source: &str| Template::Mixed { name: "0".into(), source: source.into(), reads: Vec::new() };
        for fixed in ["https://a.example/{{ x }}", "https://a.example?x={{ x }}", "https://a.example:8443/{% if x %}"] {
            assert!(fixed_host(&mixed(fixed)), "{fixed}");
        }
        for open in [
            "https://a.example{{ x }}",
            "https://{{ x }}.example/",
            "{{ x }}",
            "https://a.example:{{ x }}/",
            "https://a{# / #}{{ x }}/",
        ] {
            assert!(!fixed_host(&mixed(open)), "{open}");
        }
    }
}
