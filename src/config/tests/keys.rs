//! The table of keys against the file that documents them, against what is read, and as a page.

use super::*;
use crate::config::keys::{self, Effect, KEYS, Key, Kind};

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/configuration.md");
const BEGIN: &str = "<!-- generated: the table of keys; `BLESS=1 cargo test -p parlance --lib keys` writes it anew -->";
const END: &str = "<!-- end of what is generated -->";

fn concrete(key: &Key) -> String {
    key.name.replace(".N.", ".0.").replace("NAME", "crm")
}

#[test]
fn table_and_documented_file_have_the_same_keys() {
    let mut layers = Layers::with_defaults();
    let file = "[[whatsapp.number]]\nphone_number_id = '1'\n[[events.endpoint]]\nname = 'a'\n[bots.secrets]\ncrm = 'x'";
    layers.file(Path::new("config.toml"), file);
    let known: Vec<_> = layers.settings.keys().cloned().collect();
    let mut listed: Vec<_> = KEYS.iter().map(concrete).collect();
    listed.sort();
    assert_eq!(listed, known, "a new key needs a row in src/config/keys.rs");
}

#[test]
fn every_key_has_a_reason_and_a_default() {
    for key in KEYS {
        assert!(key.reason().len() > 10, "{} has no comment in config.toml", key.name);
        assert!(!key.default().is_empty(), "{}", key.name);
    }
    let key = |name| keys::find(name).unwrap();
    assert_eq!(key("outbox.max_attempts").default(), "8");
    assert!(key("server.body_timeout").reason().starts_with("Time to send all headers"));
    assert!(
        key("media.allow").default().contains("\"application/pdf\"") && key("media.allow").default().ends_with(']')
    );
    assert_eq!(key("whatsapp.number.7.bot").variable(), "PARLANCE__WHATSAPP__NUMBER__0__BOT");
    assert_eq!(key("whatsapp.app_secret_file").variable(), "WHATSAPP_APP_SECRET_FILE");
    assert_eq!(key("bots.secrets.crm_key").name, "bots.secrets.NAME");
    assert_eq!(keys::nearest_to("outbox.max_atempts"), Some("outbox.max_attempts"));
    assert!(keys::find("outbox.nothing").is_none());
}

#[test]
fn bounds_of_the_table_are_those_of_the_reader() {
    let refused = |key: &Key, value: i64| {
        let load = || {
            let flags = vec![(concrete(key), value.to_string())];
            Config::load(Sources {
                file: None,
                env: BTreeMap::new(),
                overrides: flags,
                generated: vec![],
                mode: Mode::Dev,
                read_file: &|_| Err(io::ErrorKind::NotFound.into()),
            })
        };
        load().is_err_and(|errors| errors.to_string().contains("write a whole number from"))
    };
    for key in KEYS {
        let (Kind::Integer(from, to) | Kind::MaybeInteger(from, to)) = key.kind else { continue };
        let found = [from - 1, from, to, to + 1].map(|value| refused(key, value));
        assert_eq!(found, [true, false, false, true], "{}", key.name);
    }
}

#[test]
fn settings_show_where_they_come_from_and_nothing_of_secrets() {
    let config = live()
        .env("PARLANCE__OUTBOX__MAX_ATTEMPTS", "5")
        .env("PARLANCE__BOTS__SECRETS__CRM", "crm-secret-value")
        .config();
    let shown = |key: &str| {
        let shown = &config.settings()[key];
        (shown.json(key), shown.is_set(), shown.source.to_string())
    };
    assert_eq!(shown("outbox.max_attempts"), (5.into(), true, "PARLANCE__OUTBOX__MAX_ATTEMPTS".into()));
    assert_eq!(shown("whatsapp.app_secret"), (serde_json::Value::Null, true, "WHATSAPP_APP_SECRET".into()));
    assert_eq!(shown("whatsapp.app_secret_previous"), (serde_json::Value::Null, false, "default".into()));
    assert!(shown("bots.secrets.crm").1);
    let all = format!("{config:?}");
    for secret in ["example-access-token", "example-verify-token", "example-app-secret", "crm-secret-value"] {
        assert!(!all.contains(secret), "{secret}");
    }
}

#[test]
fn changes_name_the_key_and_how_it_takes_effect() {
    let before = live().config();
    let after = live()
        .env("PARLANCE__OUTBOX__MAX_ATTEMPTS", "5")
        .env("PARLANCE__STORE__PATH", "elsewhere.redb")
        .env("PARLANCE__WHATSAPP__APP_SECRET", "another-app-secret")
        .config();
    let changes = after.changes_from(before.settings());
    let told: Vec<_> = changes.iter().map(|change| (change.key.as_str(), change.effect)).collect();
    let expected =
        [("outbox.max_attempts", Effect::Live), ("store.path", Effect::Restart), ("whatsapp.app_secret", Effect::Live)];
    assert_eq!(told, expected);
    let lines: Vec<_> = changes.iter().map(|change| change.after.as_ref().unwrap().line(&change.key)).collect();
    assert_eq!(lines, ["5", "\"elsewhere.redb\"", "(set)"]);
    assert!(before.changes_from(before.settings()).is_empty());
}

#[test]
fn schema_has_every_key_and_no_default_of_a_secret() {
    let schema = schema();
    for key in KEYS {
        let path = match key.name.split_once(".N.") {
            Some((table, name)) => {
                let (outer, inner) = table.split_once('.').unwrap();
                format!("/properties/{outer}/properties/{inner}/items/properties/{name}")
            }
            None if key.name.starts_with("bots.secrets") => "/properties/bots/properties/secrets".to_owned(),
            None => format!("/properties/{}", key.name.replace('.', "/properties/")),
        };
        assert!(schema.pointer(&path).is_some(), "{path}");
    }
    assert_eq!(schema.pointer("/properties/outbox/properties/max_attempts/default"), Some(&8.into()));
    assert_eq!(schema.pointer("/properties/admin/properties/token/default"), None);
}

#[test]
fn page_of_the_configuration_has_the_table() {
    let mut table = String::from("| key | takes | default | change | for |\n| --- | --- | --- | --- | --- |\n");
    for key in KEYS {
        let cell = |text: &str| text.replace('|', "\\|");
        let effect = if key.effect == Effect::Live { "live" } else { "restart" };
        let default = if key.default().len() > 60 { "see config.toml" } else { key.default() };
        let (takes, reason) = (cell(&key.takes()), cell(key.reason()));
        table.push_str(&format!("| `{}` | {takes} | `{default}` | {effect} | {reason} |\n", key.name));
    }
    let page = std::fs::read_to_string(PAGE).unwrap();
    let (before, rest) = page.split_once(BEGIN).expect("the page has the beginning mark");
    let (_, after) = rest.split_once(END).expect("the page has the end mark");
    let wanted = format!("{before}{BEGIN}\n\n{table}\n{END}{after}");
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(PAGE, &wanted).unwrap();
    }
    assert!(page == wanted || std::env::var_os("BLESS").is_some(), "docs/configuration.md is out of date: {BEGIN}");
}
