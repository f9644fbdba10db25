//! Endpoints of outgoing events: what is read, and what is refused all at once.

use super::{Case, assert_mentions};

const TWO: &str = "
[events]
timeout = '3s'
[[events.endpoint]]
name = 'crm'
url = 'http://127.0.0.1:9000/hooks?x=1'
secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA'
types = ['bot.booking.*', 'message.failed']
[[events.endpoint]]
name = 'log-2'
url = 'https://log.example/'
secret_file = 'whsec.txt'
";

#[test]
fn endpoints_are_read_and_each_of_their_secrets_is_known() {
    let config = Case::dev(TWO).env("PARLANCE__EVENTS__MAX_PENDING", "7").config();
    let [crm, log] = config.events.endpoints.as_slice() else { panic!("{:?}", config.events) };
    assert_eq!((&*crm.settings.name, crm.settings.url.as_str()), ("crm", "http://127.0.0.1:9000/hooks?x=1"));
    assert_eq!(crm.settings.types.shown(), ["bot.booking.*", "message.failed"]);
    assert_eq!((log.settings.types.shown(), log.secret.file.is_some()), (vec!["*".to_owned()], true));
    assert_eq!((config.events.timeout.as_secs(), config.events.concurrency, config.events.max_pending), (3, 8, 7));
    let secrets = config.secrets();
    let known = |text: &str| secrets.iter().any(|secret| secrecy::ExposeSecret::expose_secret(secret) == text);
    assert!(known("whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA") && known("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"));
    assert!(!format!("{config:?}").contains("MfKQ9r8GKYqr"));
    assert!(Case::dev("").config().events.endpoints.is_empty());
}

#[test]
fn an_endpoint_can_come_from_the_environment() {
    let config = Case::dev("")
        .env("PARLANCE__EVENTS__ENDPOINT__0__NAME", "crm")
        .env("PARLANCE__EVENTS__ENDPOINT__0__URL", "http://localhost/x")
        .env("PARLANCE__EVENTS__ENDPOINT__0__SECRET_FILE", "whsec.txt")
        .env("PARLANCE__EVENTS__ENDPOINT__0__TYPES", "run.*, bot.*")
        .config();
    assert_eq!(config.events.endpoints[0].settings.types.shown(), ["run.*", "bot.*"]);
}

#[test]
fn everything_that_is_wrong_with_endpoints_is_said_at_once_and_no_secret_with_it() {
    let errors = Case::dev(
        "
[[events.endpoint]]
name = 'CRM'
url = 'ftp://files.example'
secret = 'whsec_sesame'
types = ['handoff.begun']
[[events.endpoint]]
url = 'https://user:sesame@crm.example/'
secret = 'sesame'
tpyes = ['*']
[[events.endpoint]]
name = 'a'
url = 'http://a.example/'
secret_file = 'whsec.txt'
types = []
[[events.endpoint]]
name = 'b'
url = 'http://b.example/'
secret_file = 'whsec.txt'
[[events.endpoint]]
name = 'b'
url = 'http://b.example/2'
secret_file = 'missing.txt'
[[events.endpoint]]
name = 'b'
url = 'http://b.example/3'
secret_file = 'whsec.txt'
",
    )
    .errors();
    assert_mentions(
        &errors,
        &[
            "events.endpoint.0.name is \"CRM\"",
            "events.endpoint.0.url is no address",
            "events.endpoint.0.secret holds something that is not whsec_",
            "events.endpoint.0.types is \"handoff.begun\", which no event has",
            "config.toml:3:8",
            "events.endpoint.1.name is missing",
            "events.endpoint.1.url is no address",
            "did you mean events.endpoint.1.types?",
            "events.endpoint.2.types is 0 patterns",
            "events.endpoint.4.secret_file names missing.txt, which cannot be read",
            "events.endpoint.5.name is \"b\", and so is that of another endpoint",
        ],
    );
    assert!(!errors.contains("sesame"), "{errors}");
}

#[test]
fn more_endpoints_than_are_served_are_refused() {
    let one = |n: u32| format!("[[events.endpoint]]\nname = 'e{n}'\nurl = 'http://a/'\nsecret_file = 'whsec.txt'\n");
    let file: &'static str = Box::leak((0..21).map(one).collect::<String>().into_boxed_str());
    assert_mentions(&Case::dev(file).errors(), &["there are 21 endpoints, at most 20 are served"]);
}
