//! From a call to the bytes of a request: secrets filled in, parameters and bodies encoded. Pure.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use chatbot::{HttpAuth, HttpBody, HttpCall, HttpText};
use url::Url;

use super::secrets::{BotSecrets, Hidden};

/// A request that is ready to leave. It holds secrets, so it is neither shown nor kept.
#[derive(Clone)]
pub struct Request {
    /// In capitals.
    pub method: String,
    /// The whole address.
    pub url: String,
    /// Names and values.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Option<Bytes>,
    /// For the whole try.
    pub timeout_ms: u64,
    /// Bytes of the answer's body that are taken.
    pub max_bytes: u64,
    /// Whether redirects are followed.
    pub follow: bool,
    /// Headers that hold secrets, and credentials: they go to the first host only.
    pub private: Vec<String>,
}

/// Host and port of an address, for telling hosts apart; empty if it has none.
pub(super) fn host_of(url: &str) -> String {
    let Ok(url) = Url::parse(url) else { return String::new() };
    let host = url.host_str().unwrap_or_default();
    match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

/// The request, and what must not be kept of it; the error says which secret has no value, or what cannot be sent.
pub(super) fn request(call: &HttpCall, secrets: &BotSecrets) -> Result<(Request, Hidden), String> {
    let values = secrets.of(call);
    let fill = |text: &HttpText| {
        text.fill(|name| values.get(name)).map_err(|name| format!("the secret `{name}` is not in the configuration"))
    };
    let mut url = Url::parse(&call.url).map_err(|error| format!("the address cannot be read: {error}"))?;
    if !call.query.is_empty() {
        let mut pairs = url.query_pairs_mut();
        for (name, text) in &call.query {
            pairs.append_pair(name, &fill(text)?);
        }
    }
    let (mut headers, mut private) = (Vec::new(), vec!["authorization".to_owned(), "cookie".to_owned()]);
    for (name, text) in &call.headers {
        if text.secrets().next().is_some() {
            private.push(name.to_lowercase());
        }
        headers.push((name.clone(), fill(text)?));
    }
    // The pair of `basic` is one value to whoever sends it back.
    let mut pairs = Vec::new();
    match &call.auth {
        Some(HttpAuth::Bearer(token)) => headers.push(("Authorization".into(), format!("Bearer {}", fill(token)?))),
        Some(HttpAuth::Basic { user, password }) => {
            let pair = format!("{}:{}", fill(user)?, fill(password)?);
            headers.push(("Authorization".into(), format!("Basic {}", STANDARD.encode(&pair))));
            pairs.push(pair);
        }
        None => {}
    }
    if call.idempotency {
        headers.push(("Idempotency-Key".into(), call.id.clone()));
    }
    let body = call.body.as_ref().map(|body| encode(body, &call.id));
    if let Some((content_type, _)) = &body
        && !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type"))
    {
        headers.push(("Content-Type".into(), content_type.clone()));
    }
    let request = Request {
        method: call.method.clone(),
        url: url.into(),
        headers,
        body: body.map(|(_, bytes)| bytes),
        timeout_ms: call.timeout_ms,
        max_bytes: call.max_bytes,
        follow: call.follow,
        private,
    };
    Ok((request, values.hidden(&pairs)))
}

fn encode(body: &HttpBody, id: &str) -> (String, Bytes) {
    match body {
        HttpBody::Json(value) => ("application/json".into(), value.to_string().into()),
        HttpBody::Form(fields) => {
            let text = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
            ("application/x-www-form-urlencoded".into(), text.into())
        }
        HttpBody::Raw { text, content_type } => (content_type.clone(), text.clone().into()),
        HttpBody::Multipart(fields) => {
            // The id is a digest: no field can hold it by intent, for it depends on nothing that a person writes.
            let boundary = format!("parlance-{id}");
            let name = |name: &str| name.replace('\r', "%0D").replace('\n', "%0A").replace('"', "%22");
            let part = |(field, value): &(String, String)| {
                let field = name(field);
                format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{field}\"\r\n\r\n{value}\r\n")
            };
            let text = fields.iter().map(part).collect::<String>() + &format!("--{boundary}--\r\n");
            (format!("multipart/form-data; boundary={boundary}"), text.into())
        }
    }
}

#[cfg(test)]
mod tests {
    use chatbot::{HttpPart, HttpRetry};
    use serde_json::json;

    use super::*;

    fn call(body: Option<HttpBody>) -> HttpCall {
        let secret = |name: &str| HttpText(vec![HttpPart::Text("a&b ".into()), HttpPart::Secret(name.into())]);
        HttpCall {
            id: "0123".into(),
            node: "n".into(),
            method: "POST".into(),
            url: "https://a.example:8443/x?y=1#z".into(),
            query: vec![("k".into(), secret("KEY"))],
            headers: vec![("X-Key".into(), secret("key")), ("X-Plain".into(), "p".into())],
            auth: Some(HttpAuth::Basic { user: "u".into(), password: secret("KEY") }),
            body,
            idempotency: true,
            timeout_ms: 1,
            retry: HttpRetry::default(),
            max_bytes: 1,
            follow: true,
        }
    }

    fn secrets() -> BotSecrets {
        BotSecrets::new([("key".to_owned(), "v+w".to_owned().into())])
    }

    #[test]
    fn secrets_are_filled_in_and_encoded_where_they_go() {
        let (request, _) = request(&call(None), &secrets()).unwrap();
        assert_eq!(request.url, "https://a.example:8443/x?y=1&k=a%26b+v%2Bw#z");
        let headers: Vec<_> = request.headers.iter().map(|(name, value)| format!("{name}: {value}")).collect();
        let basic = STANDARD.encode("u:a&b v+w");
        let expected = [
            "X-Key: a&b v+w".into(),
            "X-Plain: p".into(),
            format!("Authorization: Basic {basic}"),
            "Idempotency-Key: 0123".into(),
        ];
        assert_eq!(headers, expected);
        assert_eq!(request.private, ["authorization", "cookie", "x-key"]);
    }

    #[test]
    fn a_secret_without_a_value_is_named() {
        let why = request(&call(None), &BotSecrets::default()).err().unwrap();
        assert_eq!(why, "the secret `KEY` is not in the configuration");
    }

    #[test]
    fn bodies_are_encoded_by_their_kind() {
        let body = |body| {
            let (request, _) = request(&call(Some(body)), &secrets()).unwrap();
            let kind = request.headers.iter().find(|(name, _)| name == "Content-Type").unwrap().1.clone();
            (kind, String::from_utf8(request.body.unwrap().to_vec()).unwrap())
        };
        assert_eq!(body(HttpBody::Json(json!({ "a": "\"}" }))), ("application/json".into(), r#"{"a":"\"}"}"#.into()));
        let fields = || vec![("a b".to_owned(), "x&y=ü".to_owned())];
        assert_eq!(body(HttpBody::Form(fields())).1, "a+b=x%26y%3D%C3%BC");
        let (kind, text) = body(HttpBody::Multipart(vec![("a\"\r\nb".into(), "1\r\n2".into())]));
        assert_eq!(kind, "multipart/form-data; boundary=parlance-0123");
        assert_eq!(
            text,
            "--parlance-0123\r\nContent-Disposition: form-data; name=\"a%22%0D%0Ab\"\r\n\r\n1\r\n2\r\n--parlance-0123--\r\n"
        );
    }

    #[test]
    fn hosts_are_told_apart_by_port() {
        assert_eq!(host_of("https://A.example/x"), "a.example");
        assert_eq!(host_of("http://a.example:8080"), "a.example:8080");
        assert_eq!(host_of("nonsense"), "");
    }
}
