//! Secrets and people are planted everywhere that they can come in, and looked for in everything that comes out.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use bytes::Bytes;
use rustix::process::Signal;
use serde_json::{Value, json};
use simulator::{Operation, Rule, Trouble};
use whatsapp::flow::FlowKey;

use crate::support::{NUMBER, SOON, World, eventually, random_text};

const PERSON: &str = "447700900461";
const OTHER: &str = "447700900462";
const SECOND: &str = "700800900100201";

/// Calls another program with a secret, which refuses the connection, and says what it hears.
const BOT: &str = r#"{
  "parlance": 1, "id": "echo", "secrets": ["CRM"],
  "triggers": [{ "default": {}, "to": "call" }],
  "nodes": {
    "call": { "type": "http", "method": "POST", "url": "http://127.0.0.1:9/hook", "timeout_ms": 500,
              "headers": { "Authorization": "Bearer {{ secret.CRM }}" },
              "body": { "json": { "words": "{{ input.text }}", "who": "{{ contact.wa_id }}" } },
              "next": { "ok": "echo", "timeout": "echo", "http_error": "echo", "bad_body": "echo" } },
    "echo": { "type": "say", "messages": [{ "text": "echo {{ input.text }}" }], "next": { "next": "fin" } },
    "fin": { "type": "end", "reason": "done" }
  }
}"#;

/// What must not come out: what it is, and how it reads.
struct Planted {
    secrets: Vec<(&'static str, String)>,
    /// Of people: in the answers about their conversations only.
    people: Vec<(&'static str, String)>,
}

/// Everything that came out: where, and what.
#[derive(Default)]
struct Heard {
    public: Vec<(String, String)>,
    /// Answers about conversations.
    of_people: Vec<(String, String)>,
}

impl Heard {
    fn public(&mut self, place: impl Into<String>, text: impl Into<String>) {
        self.public.push((place.into(), text.into()));
    }

    fn find(&self, planted: &Planted) -> Vec<String> {
        let mut found = Vec::new();
        let mut look = |texts: &[(String, String)], what: &[(&str, String)]| {
            for (place, text) in texts {
                for (name, secret) in what {
                    if text.contains(secret.as_str()) {
                        found.push(format!("{name} in {place}"));
                    }
                }
            }
        };
        look(&self.public, &planted.secrets);
        look(&self.public, &planted.people);
        look(&self.of_people, &planted.secrets);
        found
    }
}

struct Stage {
    world: World,
    planted: Planted,
    heard: Heard,
}

impl Stage {
    async fn new() -> Self {
        let mut world = World::new().await;
        let secret = |name: &str| format!("{name}-{}", random_text());
        let (verify, crm, second_token, second_secret) = (secret("vfy"), secret("crm"), secret("tok"), secret("app"));
        let (passphrase, vault_key) = (secret("pass"), random_text() + &random_text());
        let (wrong_token, words, name) = (secret("wrong"), secret("words"), secret("Name"));
        let pem = {
            use secrecy::ExposeSecret;
            FlowKey::generate().expect("a key").private_pem().expose_secret().to_owned()
        };
        let whsec = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_owned();
        let place = &mut world.place;
        fs::write(place.path().join("bots/echo.json"), BOT).expect("it is there");
        fs::write(place.path().join("secrets.key"), &vault_key).expect("it is there");
        fs::set_permissions(place.path().join("secrets.key"), fs::Permissions::from_mode(0o600)).expect("it is there");
        for (name, value) in [
            ("WHATSAPP_WEBHOOK_VERIFY_TOKEN", verify.as_str()),
            ("WHATSAPP_BUSINESS_ACCOUNT_ID", "300100200300400"),
            ("WHATSAPP_FLOW_PRIVATE_KEY", &pem.replace('\n', "\\n")),
            ("WHATSAPP_FLOW_PRIVATE_KEY_PASSPHRASE", &passphrase),
            ("PARLANCE_SECRETS_KEY_FILE", "secrets.key"),
            ("PARLANCE__BOTS__SECRETS__CRM", &crm),
            ("PARLANCE__HTTP__ALLOW", "127.0.0.1:9"),
            ("PARLANCE__EVENTS__ENDPOINT__0__NAME", "crm"),
            ("PARLANCE__EVENTS__ENDPOINT__0__URL", "http://127.0.0.1:9/events"),
            ("PARLANCE__EVENTS__ENDPOINT__0__SECRET", &whsec),
            ("PARLANCE__LOG__FORMAT", "json"),
            ("PARLANCE__OUTBOX__MAX_ATTEMPTS", "2"),
        ] {
            place.set(name, value);
        }
        place.unset("PARLANCE__LOG__LEVEL");
        let of_key = pem.lines().nth(5).expect("it is there").to_owned();
        let secrets = vec![
            ("the admin token", place.admin_token.clone()),
            ("the access token", place.access_token.clone()),
            ("the app secret", place.app_secret.clone()),
            ("the verify token", verify),
            ("the private key of Flows", of_key),
            ("its passphrase", passphrase),
            ("the key for secrets", vault_key),
            ("a secret of a bot", crm),
            ("the secret of an endpoint", whsec),
            ("the token of the second number", second_token),
            ("the app secret of the second number", second_secret),
            ("a wrong credential", wrong_token),
        ];
        let people = vec![
            ("a phone number", PERSON.to_owned()),
            ("another phone number", OTHER.to_owned()),
            ("the words of a message", words),
            ("the name of a person", name),
        ];
        Self { world, planted: Planted { secrets, people }, heard: Heard::default() }
    }

    fn secret(&self, name: &str) -> String {
        self.planted.secrets.iter().find(|(known, _)| *known == name).expect("it is there").1.clone()
    }

    fn of_people(&self, name: &str) -> String {
        self.planted.people.iter().find(|(known, _)| *known == name).expect("it is there").1.clone()
    }

    fn body(&self, from: &str, id: &str) -> Bytes {
        let texts = self.world.texts(&[(from.to_owned(), id.to_owned(), self.of_people("the words of a message"))]);
        let text = String::from_utf8(texts.to_vec()).expect("JSON is UTF-8");
        text.replace("\"Ada\"", &format!("\"{}\"", self.of_people("the name of a person"))).into()
    }

    /// A request to the admin port, with the right token.
    async fn ask(&mut self, method: &str, path: &str, body: Option<&str>) -> (u16, Value) {
        let token = self.world.place.admin_token.clone();
        self.ask_as(&token, method, path, body).await
    }

    async fn ask_as(&mut self, token: &str, method: &str, path: &str, body: Option<&str>) -> (u16, Value) {
        let url = format!("http://{}{path}", self.world.place.admin);
        let method: reqwest::Method = method.parse().expect("a method");
        let request = self.world.http.request(method.clone(), url).bearer_auth(token);
        let request = match body {
            Some(body) => request.header("content-type", "application/json").body(body.to_owned()),
            None => request,
        };
        let answer = request.send().await.expect("an answer");
        let (status, headers) = (answer.status().as_u16(), format!("{:?}", answer.headers()));
        let text = answer.text().await.expect("the body of an answer");
        let place = format!("{method} {path}: {status}");
        let of_conversations =
            ["/conversations", "/outbox", "/dead-letters", "/quarantine"].iter().any(|part| path.contains(part));
        self.heard.public(format!("headers of {place}"), headers);
        match of_conversations && status < 400 {
            true => self.heard.of_people.push((place, text.clone())),
            false => self.heard.public(place, text.clone()),
        }
        (status, serde_json::from_str(&text).unwrap_or_default())
    }

    /// A request to the front door.
    async fn knock(&mut self, what: &str, request: reqwest::RequestBuilder) -> u16 {
        let answer = request.send().await.expect("an answer");
        let (status, headers) = (answer.status().as_u16(), format!("{:?}", answer.headers()));
        let text = answer.text().await.expect("the body of an answer");
        self.heard.public(format!("the front door's answer to {what}"), format!("{headers} {text}"));
        status
    }

    async fn webhooks(&mut self) {
        for (from, id) in [(PERSON, "wamid.1"), (OTHER, "wamid.2"), (PERSON, "wamid.1")] {
            let body = self.body(from, id);
            assert_eq!(self.world.post(&body).await, Some(200));
        }
        let url = format!("http://{}/api/webhooks/whatsapp", self.world.place.front);
        let http = self.world.http.clone();
        let body = self.body(PERSON, "wamid.3");
        let unsigned = http.post(&url).header("x-hub-signature-256", "sha256=00").body(body.clone());
        assert_eq!(self.knock("a body with a wrong signature", unsigned).await, 401);
        let broken = Bytes::from(format!("{{\"text\":\"{}\"", self.of_people("the words of a message")));
        assert_eq!(self.world.post(&broken).await, Some(200));
        let foreign = String::from_utf8(body.to_vec()).expect("JSON is UTF-8").replace(NUMBER, "999");
        assert_eq!(self.world.post(&foreign.into()).await, Some(200));
        let verify = format!("{url}?hub.mode=subscribe&hub.challenge=1&hub.verify_token=");
        let right = self.secret("the verify token");
        assert_eq!(self.knock("a right verify token", http.get(format!("{verify}{right}"))).await, 200);
        let wrong = self.secret("a wrong credential");
        assert_eq!(self.knock("a wrong verify token", http.get(format!("{verify}{wrong}"))).await, 403);
        let flow = format!("http://{}/api/webhooks/flow-endpoint", self.world.place.front);
        self.knock("a Flow request that is none", http.post(flow).body(body)).await;
    }

    /// Meta refuses, breaks, and says so later.
    async fn failures(&mut self) {
        let rules = vec![
            Rule { code: Some(131_026), count: Some(1), ..Rule::on(Operation::Send) },
            Rule { status: Some(500), count: Some(2), ..Rule::on(Operation::Send) },
            Rule { drop_after: true, count: Some(1), ..Rule::on(Operation::Send) },
        ];
        self.world.meta.set_trouble(Trouble { rules, ..Trouble::default() }).expect("trouble that there is");
        for n in 10..14 {
            let body = self.body(PERSON, &format!("wamid.{n}"));
            assert_eq!(self.world.post(&body).await, Some(200));
        }
        self.world.drained(SOON).await;
        self.world.meta.clear_trouble();
    }

    async fn administration(&mut self) {
        let wrong = self.secret("a wrong credential");
        assert_eq!(self.ask_as(&wrong, "GET", "/api/v1/status", None).await.0, 401);
        let second = json!({
            "phone_number_id": SECOND, "access_token": self.secret("the token of the second number"),
            "app_secret": self.secret("the app secret of the second number"),
        });
        assert_eq!(self.ask("POST", "/api/v1/numbers", Some(&second.to_string())).await.0, 201);
        let token = self.secret("the token of the second number");
        for (method, path, body, expected) in [
            ("POST", "/api/v1/numbers".to_owned(), second.to_string(), 409),
            ("POST", "/api/v1/numbers".to_owned(), format!(r#"{{"phone_number_id": "{token}"}}"#), 422),
            ("POST", "/api/v1/numbers".to_owned(), format!(r#"{{"messages_per_second": "{token}"}}"#), 422),
            ("PUT", format!("/api/v1/numbers/{SECOND}/secrets"), format!(r#"{{"access_token": " {token}"}}"#), 422),
            ("PUT", format!("/api/v1/numbers/{SECOND}/secrets"), format!(r#"{{"flow_private_key": "{token}"}}"#), 422),
            ("PUT", format!("/api/v1/numbers/{NUMBER}/secrets"), format!(r#"{{"access_token": "{token}"}}"#), 409),
            ("POST", format!("/api/v1/numbers/{SECOND}/test"), String::new(), 200),
            ("POST", "/api/v1/config/check".to_owned(), "[whatsapp]\napp_secret = \"two\\nlines\"\n".to_owned(), 200),
            ("POST", "/api/v1/config/reload".to_owned(), String::new(), 200),
            ("POST", "/api/v1/bots/check".to_owned(), "{".to_owned(), 200),
            ("POST", "/api/v1/flow-keys/verify".to_owned(), String::new(), 200),
        ] {
            let (status, answer) = self.ask(method, &path, Some(&body)).await;
            assert_eq!(status, expected, "{method} {path}: {answer}");
        }
        for path in [
            "/metrics",
            "/healthz",
            "/readyz",
            "/api/v1/status",
            "/api/v1/config",
            "/api/v1/numbers",
            "/api/v1/openapi.json",
            "/api/v1/flow-keys",
            "/api/v1/templates",
            "/api/v1/bots",
            "/api/v1/events/endpoints",
            "/api/v1/notices",
            "/api/v1/nothing",
            "/api/v1/outbox",
            "/api/v1/dead-letters",
            "/api/v1/quarantine",
            "/api/v1/conversations?limit=0",
        ] {
            self.ask("GET", path, None).await;
        }
        for id in [NUMBER, SECOND] {
            assert_eq!(self.ask("GET", &format!("/api/v1/numbers/{id}/secrets"), None).await.0, 200);
        }
        self.conversations().await;
    }

    async fn conversations(&mut self) {
        let (_, listed) = self.ask("GET", &format!("/api/v1/conversations?phone={PERSON}"), None).await;
        let id = listed["items"][0]["id"].as_str().expect("it is there").to_owned();
        for rest in ["", "/messages", "/journal", "/state"] {
            assert_eq!(self.ask("GET", &format!("/api/v1/conversations/{id}{rest}"), None).await.0, 200, "{rest}");
        }
        let words = json!({ "text": self.of_people("the words of a message") }).to_string();
        self.ask("POST", &format!("/api/v1/conversations/{id}/messages"), Some(&words)).await;
        let wrong = json!({ "txt": self.of_people("the words of a message") }).to_string();
        let (status, _) = self.ask("POST", &format!("/api/v1/conversations/{id}/messages"), Some(&wrong)).await;
        assert!((400..500).contains(&status), "{status}");
        // What a conversation becomes as a test may leave the house: no number of a person is in it.
        let url = format!("http://{}/api/v1/conversations/{id}/test", self.world.place.admin);
        let answer =
            self.world.http.get(url).bearer_auth(&self.world.place.admin_token).send().await.expect("an answer");
        let export = answer.text().await.expect("the body of an answer");
        for (name, planted) in &self.planted.people {
            assert!(!name.contains("phone") || !export.contains(planted.as_str()), "{name} in the export: {export}");
        }
        self.heard.of_people.push(("the export of a conversation".to_owned(), export));
    }

    fn commands(&mut self) {
        let url = format!("http://{}", self.world.place.admin);
        for arguments in [
            &["config", "show", "--sources", "--url", &url][..],
            &["config", "show", "--json", "--url", &url],
            &["config", "show"],
            &["config", "check"],
            &["number", "list", "--url", &url],
            &["number", "secrets", NUMBER, "--url", &url],
            &["number", "secrets", SECOND, "--json", "--url", &url],
            &["number", "test", NUMBER, "--url", &url],
            &["flow", "key", "show", "--url", &url],
            &["serve", "--check-only"],
        ] {
            let output = self.world.place.command(arguments).output().expect("the command runs");
            let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
            assert!(!text.is_empty(), "{arguments:?}");
            self.heard.public(format!("parlance {}", arguments.join(" ")), text);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f115_no_secret_and_nobody_comes_out_where_they_must_not() {
    let mut stage = Stage::new().await;
    let (program, _) = stage.world.start().await;
    stage.webhooks().await;
    stage.world.drained(SOON).await;
    stage.failures().await;
    stage.administration().await;
    stage.commands();
    let config = stage.world.place.path().join("config.toml");
    fs::write(&config, "[events]\nmax_pending = 'many'\n").unwrap();
    program.signal(Signal::HUP);
    eventually("the broken file is in the log", SOON, async || {
        program.stderr().contains("was not read again").then_some(())
    })
    .await;
    // Over the secrets of the API, too: they are in the store, and not in clear.
    let store = fs::read(stage.world.place.store()).unwrap();
    for name in ["the token of the second number", "the app secret of the second number", "the key for secrets"] {
        let secret = stage.secret(name);
        let found = store.windows(secret.len()).any(|part| part == secret.as_bytes());
        assert!(!found, "{name} is in the store in clear");
    }
    let limits = fs::read_to_string(format!("/proc/{}/status", program.pid())).unwrap();
    assert!(limits.contains("Name:"), "it still runs");
    program.signal(Signal::TERM);
    let ended = program.end(SOON).await;
    assert_eq!(ended.code(), Some(0), "{ended:?}");
    for line in ended.stderr.lines().filter(|line| line.starts_with('{')) {
        serde_json::from_str::<Value>(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    }
    assert!(ended.stderr.lines().count() > 10, "a log that says nothing shows nothing: {}", ended.stderr);
    stage.heard.public("the log", ended.stderr);
    stage.heard.public("standard output", ended.stdout);
    assert!(stage.heard.of_people.iter().any(|(_, text)| text.contains(PERSON)), "nothing was asked of people");
    let found = stage.heard.find(&stage.planted);
    assert!(found.is_empty(), "{found:#?}");
}
