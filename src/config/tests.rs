//! Layers, refusals and secrets of the configuration.

mod events;
mod keys;
mod numbers;

use secrecy::ExposeSecret;

use super::*;

const FILES: [(&str, &str); 4] = [
    ("secret.txt", "from-a-file\n"),
    ("two.txt", "one\ntwo\n"),
    ("empty.txt", "\n"),
    ("whsec.txt", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n"),
];

struct Case {
    file: &'static str,
    env: Vec<(&'static str, &'static str)>,
    flags: Vec<(&'static str, &'static str)>,
    generated: Vec<(&'static str, &'static str)>,
    mode: Mode,
}

impl Case {
    fn dev(file: &'static str) -> Self {
        Self { file, env: vec![], flags: vec![], generated: vec![], mode: Mode::Dev }
    }

    fn env(mut self, name: &'static str, value: &'static str) -> Self {
        self.env.push((name, value));
        self
    }

    fn flag(mut self, key: &'static str, value: &'static str) -> Self {
        self.flags.push((key, value));
        self
    }

    fn generated(mut self, key: &'static str, value: &'static str) -> Self {
        self.generated.push((key, value));
        self
    }

    fn serve(mut self) -> Self {
        self.mode = Mode::Serve;
        self
    }

    fn load(self) -> Result<Config, Errors> {
        let owned = |pairs: Vec<(&str, &str)>| pairs.into_iter().map(|(a, b)| (a.to_owned(), b.to_owned())).collect();
        let env: Vec<(String, String)> = owned(self.env);
        let read_file = |path: &Path| {
            let found = FILES.iter().find(|(name, _)| Path::new(name) == path);
            found.map(|(_, text)| (*text).to_owned()).ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
        };
        Config::load(Sources {
            file: Some((PathBuf::from("config.toml"), self.file.to_owned())),
            env: env.into_iter().collect(),
            overrides: owned(self.flags),
            generated: owned(self.generated),
            mode: self.mode,
            read_file: &read_file,
        })
    }

    fn config(self) -> Config {
        self.load().expect("the configuration is fine")
    }

    fn errors(self) -> String {
        self.load().expect_err("the configuration is refused").to_string()
    }
}

fn live() -> Case {
    Case::dev("")
        .serve()
        .env("WHATSAPP_PHONE_NUMBER_ID", "1000200030004000")
        .env("WHATSAPP_ACCESS_TOKEN", "example-access-token")
        .env("WHATSAPP_WEBHOOK_VERIFY_TOKEN", "example-verify-token")
        .env("WHATSAPP_APP_SECRET", "example-app-secret")
}

#[track_caller]
fn assert_mentions(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part:?} is not in:\n{text}");
    }
}

#[test]
fn defaults_are_those_of_the_contract() {
    let config = Case::dev("").config();
    assert_eq!(config.server.listen.to_string(), "0.0.0.0:8080");
    assert_eq!(config.admin.listen.to_string(), "127.0.0.1:8081");
    assert_eq!(config.simulator.listen.to_string(), "127.0.0.1:8082");
    assert_eq!(config.server.max_body_bytes, 4 << 20);
    assert_eq!(config.graph.base_url.as_str(), "https://graph.facebook.com/");
    assert_eq!(config.whatsapp.api_version, "v25.0");
    assert_eq!(config.limits.messages_per_second.map(u32::from), Some(80));
    assert_eq!(config.limits.pair_interval, Some(std::time::Duration::from_secs(6)));
    assert_eq!(config.limits.pair_burst.map(u32::from), Some(45));
    assert_eq!(config.outbox.doubt_window.as_secs(), 30);
    assert_eq!(config.store.path, Path::new("data/parlance.redb"));
    assert_eq!((config.bots.dir.to_str(), config.bots.default.as_str()), (Some("bots"), "welcome"));
    assert_eq!((config.conversation.max_live, config.conversation.mailbox_limit), (10_000, 1_000));
}

#[test]
fn every_key_of_the_documented_file_is_read() {
    let mut layers = Layers::with_defaults();
    layers.file(Path::new("config.toml"), "[[whatsapp.number]]\nphone_number_id = '1'\n[[events.endpoint]]\nname = 'a'\nurl = 'http://a/'\nsecret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'");
    let reader = Reader::new(layers, &|_| Err(io::ErrorKind::NotFound.into()));
    Config::read(&reader, Mode::Dev);
    assert_eq!(reader.unread(), Vec::<String>::new());
    reader.finish().expect("the defaults are valid");
}

#[test]
fn each_layer_wins_over_the_one_below() {
    let source = |config: &Config| config.settings()["whatsapp.access_token"].source.to_string();
    let token = |config: &Config| config.whatsapp.numbers[0].access_token.value.expose_secret().to_owned();

    let case = || Case::dev("[whatsapp]\naccess_token = 'file'").generated("whatsapp.access_token", "generated");
    let config = Case::dev("").generated("whatsapp.access_token", "generated").config();
    assert_eq!((token(&config), source(&config)), ("generated".into(), "generated".into()));
    let config = case().config();
    assert_eq!((token(&config), source(&config)), ("file".into(), "config.toml:2:16".into()));
    let config = case().env("WHATSAPP_ACCESS_TOKEN", "short").config();
    assert_eq!((token(&config), source(&config)), ("short".into(), "WHATSAPP_ACCESS_TOKEN".into()));
    let both = || case().env("WHATSAPP_ACCESS_TOKEN", "short").env("PARLANCE__WHATSAPP__ACCESS_TOKEN", "long");
    let config = both().config();
    assert_eq!((token(&config), source(&config)), ("long".into(), "PARLANCE__WHATSAPP__ACCESS_TOKEN".into()));
    let config = both().flag("whatsapp.access_token", "flag").config();
    assert_eq!((token(&config), source(&config)), ("flag".into(), "command line".into()));
}

#[test]
fn a_copy_of_the_documented_file_chooses_nothing() {
    let case = Case::dev(include_str!("../../config.toml"));
    let config =
        case.generated("store.path", ".parlance/dev.redb").generated("whatsapp.app_secret", "made-up").config();
    assert_eq!(config.store.path, Path::new(".parlance/dev.redb"));
    assert_eq!(config.whatsapp.numbers[0].app_secret.value.expose_secret(), "made-up");
    assert_eq!(config.settings()["server.listen"].source, Source::Default);
}

#[test]
fn variables_and_flags_take_every_type() {
    let config = Case::dev("")
        .env("PARLANCE__SERVER__MAX_BODY_BYTES", "2_048")
        .env("PARLANCE__METRICS__ENABLED", "false")
        .env("PARLANCE__ADMIN__ALLOWED_HOSTS", "a.example, b.example")
        .env("PARLANCE__LIMITS__PAIR_INTERVAL", "0")
        .env("PARLANCE__LIMITS__MESSAGES_PER_SECOND", "0")
        .flag("outbox.doubt_window", "250ms")
        .flag("log.format", "json")
        .config();
    assert_eq!(config.server.max_body_bytes, 2_048);
    assert!(!config.metrics.enabled);
    assert_eq!(config.admin.allowed_hosts, ["a.example", "b.example"]);
    assert_eq!((config.limits.pair_interval, config.limits.messages_per_second), (None, None));
    assert_eq!(config.outbox.doubt_window.as_millis(), 250);
    assert_eq!(config.log.format, Format::Json);
}

#[test]
fn all_problems_are_reported_together() {
    let errors = Case::dev("[server]\nlisten = 'here'\nmax_body_bytes = 'big'\n\n[log]\nredact = 'some'\n")
        .serve()
        .env("PARLANCE__LIMITS__PAIR_BURST", "many")
        .env("PARLANCE__STORE__PATHH", "x")
        .env("WHATSAPP_APP_SECRET_FILE", "absent.txt")
        .flag("log.level", "inof")
        .errors();
    assert_mentions(
        &errors,
        &[
            "server.listen is \"here\"\n  --> config.toml:2:10",
            "server.max_body_bytes is \"big\"\n  --> config.toml:3:18",
            "write a whole number from 1024",
            "log.redact is \"some\"",
            "write \"numbers\" or \"all\" or \"off\"",
            "limits.pair_burst is \"many\"\n  --> PARLANCE__LIMITS__PAIR_BURST",
            "unknown key store.pathh\n  --> PARLANCE__STORE__PATHH\n   = help: did you mean PARLANCE__STORE__PATH?",
            "whatsapp.app_secret_file names absent.txt, which cannot be read",
            "log.level is \"inof\"\n  --> command line",
            "whatsapp.access_token is missing",
            "set WHATSAPP_ACCESS_TOKEN, WHATSAPP_ACCESS_TOKEN_FILE or whatsapp.access_token_file",
            "whatsapp.webhook_verify_token is missing",
            "whatsapp.phone_number_id is missing",
            "10 problems in the configuration; nothing was started",
        ],
    );
}

#[test]
fn a_placeholder_causes_no_second_problem() {
    let errors = Case::dev("[outbox]\nbackoff_max = true\n[server]\nmax_buffered_bytes = 'x'\n").errors();
    assert_mentions(&errors, &["outbox.backoff_max is true", "server.max_buffered_bytes is \"x\"", "2 problems"]);
}

#[test]
fn settings_that_contradict_each_other_are_refused() {
    let file = "[outbox]\nbackoff_max = '1s'\n[server]\nmax_buffered_bytes = 2048\n[graph]\nrequest_timeout = '1s'\n";
    let expected = ["at least outbox.backoff_base", "at least server.max_body_bytes", "at least graph.connect_timeout"];
    let errors = Case::dev(file).errors();
    assert_mentions(&errors, &expected);
    assert_mentions(&errors, &["3 problems"]);
}

#[test]
fn unknown_names_are_refused_with_the_nearest_one() {
    let file = "[server]\nlistne = 'x'\n[limits]\ndoubt_window = '1s'\n[stoer]\npath = 'x'\n[bots]\nzzzzzzzz = 1\n";
    assert_mentions(
        &Case::dev(file).errors(),
        &[
            "unknown key server.listne\n  --> config.toml:2:10\n   = help: did you mean server.listen?",
            "unknown key limits.doubt_window",
            "did you mean outbox.doubt_window?",
            "unknown section stoer\n  --> config.toml:5:2\n   = help: did you mean [store]?",
            "unknown key bots.zzzzzzzz",
            "config.toml lists every key",
            "4 problems",
        ],
    );
    assert_mentions(&Case::dev("server = 3").errors(), &["server is a section, not a value", "1 problem "]);
}

#[test]
fn a_broken_file_shows_the_place_but_not_the_line() {
    let errors = Case::dev("[whatsapp]\naccess_token = example-token\n[server]\nlisten = 'here'").serve().errors();
    assert_mentions(&errors, &["not valid TOML", "config.toml:2:16", "server.listen is \"here\""]);
    assert!(!errors.contains("example-token"), "{errors}");
    assert!(!errors.contains("missing"), "the broken part may hold what seems missing:\n{errors}");
}

#[test]
fn serve_starts_with_the_four_values_of_meta() {
    let config = live().config();
    assert_eq!(config.whatsapp.numbers[0].phone_number_id, "1000200030004000");
    assert_eq!(config.whatsapp.numbers[0].business_account_id, None);
    assert_eq!(config.whatsapp.numbers[0].app_secret.value.expose_secret(), "example-app-secret");
}

#[test]
fn an_empty_variable_of_meta_counts_as_missing() {
    let errors = live().env("WHATSAPP_APP_SECRET", "").errors();
    assert_mentions(&errors, &["whatsapp.app_secret is missing", "1 problem "]);
}

#[test]
fn an_admin_port_open_to_others_is_a_decision() {
    let open =
        || live().env("PARLANCE__ADMIN__LISTEN", "0.0.0.0:8081").env("PARLANCE_ADMIN_TOKEN", "example-admin-token");
    assert_mentions(&open().errors(), &["admin.listen is 0.0.0.0:8081", "no TLS", "admin.insecure = true"]);
    open().env("PARLANCE__ADMIN__INSECURE", "true").config();
    Case::dev("[admin]\nlisten = '[::1]:0'").config();
}

#[test]
fn secrets_come_from_files_too() {
    let config = Case::dev("[whatsapp]\naccess_token_file = 'secret.txt'\n")
        .env("WHATSAPP_APP_SECRET_FILE", "secret.txt")
        .env("PARLANCE__WHATSAPP__WEBHOOK_VERIFY_TOKEN_FILE", "secret.txt")
        .env("PARLANCE_ADMIN_TOKEN_FILE", "secret.txt")
        .config();
    let whatsapp = &config.whatsapp;
    let token = config.admin.token.as_ref().expect("the admin token is set");
    let number = &whatsapp.numbers[0];
    for secret in [&number.app_secret, &whatsapp.webhook_verify_token, &number.access_token, token] {
        assert_eq!(secret.file.as_deref(), Some(Path::new("secret.txt")));
        assert_eq!(secret.value.expose_secret(), "from-a-file");
    }
}

#[test]
fn values_of_bots_secrets_have_any_name_and_come_from_everywhere() {
    let file = "[bots.secrets]\nCRM_TOKEN = 'from-the-file'\nother_file = 'secret.txt'\n";
    let config = Case::dev(file).env("PARLANCE__BOTS__SECRETS__MAP_KEY", "map").config();
    let value = |name: &str| config.bots.secrets[name].value.expose_secret().to_owned();
    assert_eq!([value("crm_token"), value("other"), value("map_key")], ["from-the-file", "from-a-file", "map"]);
    assert_eq!(
        config.secrets().iter().filter(|secret| secret.expose_secret() == "map").count(),
        1,
        "log lines hide it"
    );
    let config = Case::dev(file).env("PARLANCE__BOTS__SECRETS__CRM_TOKEN", "over").config();
    assert_eq!(config.bots.secrets["crm_token"].value.expose_secret(), "over");
    assert_mentions(&Case::dev("[bots.secrets]\n'a b' = 'x'\n").errors(), &["unknown key bots.secrets.a b"]);
    assert_mentions(&Case::dev("[bots.secrets]\na = 5\n").errors(), &["bots.secrets.a is not a text"]);
}

#[test]
fn where_calls_may_go_is_checked() {
    let config = Case::dev("[http]\nallow = ['127.0.0.1:9000', '10.0.0.0/8', 'crm.internal', '*:8443']\n").config();
    assert_ne!(config.http.allow, actors::http_caller::Allow::default());
    assert_mentions(
        &Case::dev("[http]\nallow = ['http://x']\n").errors(),
        &["http.allow is \"http://x\"", "crm.internal"],
    );
}

#[test]
fn a_secret_and_its_file_follow_the_layers() {
    let file = "[whatsapp]\napp_secret_file = 'secret.txt'\n";
    let secret = |case: Case| case.config().whatsapp.numbers[0].app_secret.value.expose_secret().to_owned();
    assert_eq!(secret(Case::dev(file).env("WHATSAPP_APP_SECRET", "direct")), "direct");
    let direct = "[whatsapp]\napp_secret = 'direct'\n";
    assert_eq!(secret(Case::dev(direct).env("WHATSAPP_APP_SECRET_FILE", "secret.txt")), "from-a-file");
    let both = "[whatsapp]\napp_secret = 'direct'\napp_secret_file = 'secret.txt'\n";
    assert_mentions(&Case::dev(both).errors(), &["app_secret and whatsapp.app_secret_file are both set", "1 problem "]);
}

#[test]
fn secrets_that_cannot_be_right_are_refused_without_being_shown() {
    let errors = Case::dev("[whatsapp]\napp_secret = 12345\naccess_token = ' spaced'\n")
        .serve()
        .env("WHATSAPP_PHONE_NUMBER_ID", "+15550001")
        .env("WHATSAPP_WEBHOOK_VERIFY_TOKEN_FILE", "two.txt")
        .env("PARLANCE_ADMIN_TOKEN_FILE", "empty.txt")
        .errors();
    assert_mentions(
        &errors,
        &[
            "whatsapp.app_secret is not a text",
            "whatsapp.access_token begins or ends with a space",
            "whatsapp.webhook_verify_token begins",
            "admin.token_file names empty.txt, which is empty",
            "whatsapp.phone_number_id is \"+15550001\"",
            "5 problems",
        ],
    );
    for secret in ["12345", "spaced", "two\n"] {
        assert!(!errors.contains(secret), "{errors}");
    }
}

#[test]
fn line_breaks_of_a_key_may_be_written_out() {
    let config = Case::dev("").env("WHATSAPP_FLOW_PRIVATE_KEY", "first\\nsecond").config();
    let key = config.whatsapp.numbers[0].flow_private_key.clone().expect("the key is set");
    assert_eq!(key.value.expose_secret(), "first\nsecond");
}

#[test]
fn secrets_never_show_in_debug_output() {
    let config = live()
        .env("PARLANCE_ADMIN_TOKEN", "example-admin-token")
        .env("WHATSAPP_FLOW_PRIVATE_KEY", "example-flow-key")
        .env("PARLANCE__WHATSAPP__APP_SECRET_PREVIOUS", "example-old-secret")
        .config();
    let debug = format!("{config:?}");
    let secrets = config.secrets();
    let different: std::collections::HashSet<_> = secrets.iter().map(ExposeSecret::expose_secret).collect();
    assert_eq!(different.len(), 6);
    for secret in &secrets {
        assert!(!debug.contains(secret.expose_secret()), "{debug}");
    }
}

#[test]
fn durations_need_a_unit_and_a_sane_length() {
    let window = |text: &'static str| Case::dev("").env("PARLANCE__OUTBOX__DOUBT_WINDOW", text).load();
    for (text, ms) in [("0", 0), ("0s", 0), ("15m", 900_000), ("24h", 86_400_000), ("8d", 691_200_000)] {
        assert_eq!(window(text).expect(text).outbox.doubt_window.as_millis(), ms);
    }
    for text in ["", "6", "s", "-1s", "1.5s", "1 s", "6sec", "99999d", "99999999999999999999s", "٣s"] {
        assert_mentions(&window(text).expect_err(text).to_string(), &["outbox.doubt_window is"]);
    }
    assert_mentions(&Case::dev("[graph]\nconnect_timeout = 0").errors(), &["graph.connect_timeout is 0", "above zero"]);
}

#[test]
fn base_urls_keep_their_path_and_nothing_else() {
    let url = |text: &'static str| Case::dev("").flag("graph.base_url", text).load();
    assert_eq!(url("http://127.0.0.1:8082/base/").expect("fine").graph.base_url.as_str(), "http://127.0.0.1:8082/base");
    for text in ["", "graph", "ftp://host", "http://", "http://host/?q=1", "http://host/#f"] {
        assert!(url(text).is_err(), "{text}");
    }
}

#[test]
fn log_levels_go_by_module() {
    let level = |text: &'static str| Case::dev("").flag("log.level", text).load();
    let targets = level("warn, actors=debug").expect("fine").log.level;
    assert!(targets.would_enable("actors::sender", &tracing::Level::DEBUG));
    assert!(!targets.would_enable("storage", &tracing::Level::INFO));
    for text in ["", "inof", "info,actors", "=info", "info,", "3"] {
        assert!(level(text).is_err(), "{text}");
    }
}

#[test]
fn a_named_file_must_be_there() {
    let absent = Path::new("absent/config.toml");
    let errors = Config::from_process(Some(absent), vec![], vec![], Mode::Dev).expect_err("there is no such file");
    assert_mentions(&errors.to_string(), &["absent/config.toml cannot be read", "correct --config", "1 problem "]);
}
