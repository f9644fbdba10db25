//! Several numbers: where they come from, what they share, what is refused.

use secrecy::ExposeSecret;
use whatsapp::flow::MAX_KEYS_TRIED;

use super::{Case, assert_mentions, live};
use crate::config::{Number, Secret};

const TWO: &str = "
[whatsapp]
access_token = 'shared-token'
app_secret = 'shared-secret'
app_secret_previous = 'shared-before'
webhook_verify_token = 'verify'
business_account_id = '300'

[[whatsapp.number]]
phone_number_id = '111'
coexistence = true

[[whatsapp.number]]
phone_number_id = '222'
business_account_id = '400'
access_token_file = 'secret.txt'
app_secret = 'other-secret'
messages_per_second = 7
bot = 'clinic'
";

fn shown(number: &Number) -> [&str; 5] {
    let previous = number.app_secret_previous.as_ref().map_or("", |secret| secret.value.expose_secret());
    [
        &number.phone_number_id,
        number.business_account_id.as_deref().unwrap_or_default(),
        number.access_token.value.expose_secret(),
        number.app_secret.value.expose_secret(),
        previous,
    ]
}

#[test]
fn what_a_number_leaves_out_is_that_of_all() {
    let config = Case::dev(TWO).serve().config();
    let [one, two] = config.whatsapp.numbers.as_slice() else { panic!("{:?}", config.whatsapp.numbers) };
    assert_eq!(shown(one), ["111", "300", "shared-token", "shared-secret", "shared-before"]);
    assert_eq!(shown(two), ["222", "400", "from-a-file", "other-secret", ""], "another app had no secret before");
    assert_eq!((one.bot.as_deref(), two.bot.as_deref()), (None, Some("clinic")));
    assert_eq!((one.own_rate(&config.limits), two.own_rate(&config.limits)), (Some(20), Some(7)));
    assert_eq!((one.access_token.file.is_some(), two.access_token.file.is_some()), (false, true));
}

#[test]
fn flat_keys_are_one_more_number() {
    let config = Case::dev(TWO).serve().env("WHATSAPP_PHONE_NUMBER_ID", "999").config();
    let ids: Vec<_> = config.whatsapp.numbers.iter().map(|number| number.phone_number_id.as_str()).collect();
    assert_eq!(ids, ["999", "111", "222"]);
    let made_up = Case::dev(TWO).generated("whatsapp.phone_number_id", "888").config();
    assert_eq!(made_up.whatsapp.numbers.len(), 2, "a made-up number stands in for none");
}

#[test]
fn variables_count_numbers_and_win_over_the_file() {
    let config = Case::dev(TWO)
        .serve()
        .env("PARLANCE__WHATSAPP__NUMBER__1__ACCESS_TOKEN", "from-the-environment")
        .env("PARLANCE__WHATSAPP__NUMBER__10__PHONE_NUMBER_ID", "333")
        .env("PARLANCE__WHATSAPP__NUMBER__2__PHONE_NUMBER_ID", "444")
        .config();
    let numbers = config.whatsapp.numbers;
    assert_eq!(
        numbers.iter().map(|number| number.phone_number_id.as_str()).collect::<Vec<_>>(),
        ["111", "222", "444", "333"]
    );
    assert_eq!(shown(&numbers[1])[2], "from-the-environment");
    assert_eq!(shown(&numbers[3])[2], "shared-token");
}

#[test]
fn number_of_its_own_app_needs_none_that_is_shared() {
    let file = "
        [whatsapp]
        webhook_verify_token = 'verify'
        [[whatsapp.number]]
        phone_number_id = '111'
        access_token = 'one'
        app_secret = 'one'
    ";
    assert_eq!(Case::dev(file).serve().config().whatsapp.numbers.len(), 1);
}

#[test]
fn what_is_missing_is_said_of_each_number() {
    let file = "[whatsapp]\nwebhook_verify_token = 'v'\n[[whatsapp.number]]\nphone_number_id = '1'\n\
                [[whatsapp.number]]\naccess_token = 'two'\napp_secret = 'two'\n";
    let errors = Case::dev(file).serve().errors();
    let expected = [
        "whatsapp.number.0.access_token is missing",
        "PARLANCE__WHATSAPP__NUMBER__0__ACCESS_TOKEN_FILE",
        "whatsapp.number.0.app_secret is missing",
        "whatsapp.number.1.phone_number_id is missing",
        "3 problems",
    ];
    assert_mentions(&errors, &expected);
}

#[test]
fn number_is_served_once() {
    let file = "[[whatsapp.number]]\nphone_number_id = '111'\n[[whatsapp.number]]\nphone_number_id = '111'\n";
    let errors = Case::dev(file).env("WHATSAPP_PHONE_NUMBER_ID", "111").errors();
    let expected = [
        "whatsapp.number.0.phone_number_id is \"111\", and so is whatsapp.phone_number_id\n  --> config.toml:2:19",
        "whatsapp.number.1.phone_number_id is \"111\"",
        "2 problems",
    ];
    assert_mentions(&errors, &expected);
}

#[test]
fn wrong_keys_of_a_number_are_said_with_the_nearest_one_and_without_secrets() {
    let file = "[[whatsapp.number]]\nphone_number_id = '+1'\nacces_token = 'example-token'\naccess_token = 'x y\tz'\n\
                app_secret_file = 'absent.txt'\nmessages_per_second = 30\ncoexistence = true\n";
    let errors = Case::dev(file).env("PARLANCE__WHATSAPP__NUMBER__0__BOTT", "clinic").errors();
    let expected = [
        "unknown key whatsapp.number.0.acces_token\n  --> config.toml:3:15\n   = help: did you mean \
         whatsapp.number.0.access_token?",
        "did you mean PARLANCE__WHATSAPP__NUMBER__0__BOT?",
        "whatsapp.number.0.phone_number_id is \"+1\"",
        "whatsapp.number.0.access_token begins or ends",
        "whatsapp.number.0.app_secret_file names absent.txt, which cannot be read",
        "whatsapp.number.0.messages_per_second is 30\n  --> config.toml:6:23\n   = help: write at most 20",
        "6 problems",
    ];
    assert_mentions(&errors, &expected);
    assert!(!errors.contains("example-token") && !errors.contains("x y"), "{errors}");
}

#[test]
fn section_that_is_no_list_of_numbers_is_explained() {
    for (file, key) in [
        ("[whatsapp.number]\nbot = 'a'", "whatsapp.number.bot"),
        ("[whatsapp]\nnumber = 3", "whatsapp.number"),
        ("[whatsapp]\nnumber = []", "whatsapp.number"),
    ] {
        let errors = Case::dev(file).errors();
        assert_mentions(&errors, &[&format!("{key} names no number"), "write [[whatsapp.number]]", "1 problem "]);
    }
    for name in ["PARLANCE__WHATSAPP__NUMBER__X__BOT", "PARLANCE__WHATSAPP__NUMBER__01__BOT"] {
        assert_mentions(&Case::dev("").env(name, "a").errors(), &["names no number", "1 problem "]);
    }
}

#[test]
fn tokens_of_all_numbers_are_kept_out_of_the_log() {
    let config = live()
        .env("PARLANCE__WHATSAPP__NUMBER__0__PHONE_NUMBER_ID", "1")
        .env("PARLANCE__WHATSAPP__NUMBER__0__ACCESS_TOKEN", "second-token");
    let config = config.config();
    assert!(config.secrets().iter().any(|secret| secret.expose_secret() == "second-token"));
    assert!(!format!("{config:?}").contains("second-token"));
}

#[test]
fn number_with_a_key_of_its_own_takes_neither_passphrase_nor_previous_key_of_the_others() {
    let config = Case::dev(
        "[whatsapp]
        flow_private_key = 'shared\\nkey'
        flow_private_key_passphrase = 'word'
        flow_private_key_previous = 'before'
        [[whatsapp.number]]
        phone_number_id = '100'
        [[whatsapp.number]]
        phone_number_id = '200'
        flow_private_key = 'own'",
    )
    .config();
    let shown = |secret: &Option<Secret>| secret.as_ref().map(|secret| secret.value.expose_secret().to_owned());
    let keys = |place: usize| {
        let number = &config.whatsapp.numbers[place];
        let all = [&number.flow_private_key, &number.flow_key_passphrase, &number.flow_private_key_previous];
        all.map(shown)
    };
    assert_eq!(keys(0), [Some("shared\nkey".into()), Some("word".into()), Some("before".into())]);
    assert_eq!(keys(1), [Some("own".into()), None, None]);
    let hidden: Vec<_> = config.secrets().iter().map(|secret| secret.expose_secret().to_owned()).collect();
    assert!(["shared\nkey", "word", "before", "own"].iter().all(|secret| hidden.iter().any(|one| one == secret)));
}

#[test]
fn app_has_no_more_private_keys_than_a_request_is_tried_with() {
    let number = |id: usize, app: &str, key: &str, before: &str| {
        let keys = format!("flow_private_key = '{key}'\nflow_private_key_previous = '{before}'\n");
        format!("[[whatsapp.number]]\nphone_number_id = '{id}'\napp_secret = '{app}'\n{keys}")
    };
    let all = |of: &dyn Fn(usize) -> String| (0..=MAX_KEYS_TRIED).map(of).collect::<String>();
    let each_its_own = all(&|id| number(id, "app", &format!("key {id}"), "before"));
    let nine_and_nine = all(&|id| number(id, "app", &format!("key {}", id % 9), &format!("before {}", id % 9)));
    for file in [each_its_own, nine_and_nine] {
        let told = ["have more than 16 private keys of Flows", "let numbers share a key", "1 problem "];
        assert_mentions(&Case::dev(file.leak()).errors(), &told);
    }
    let shared = all(&|id| number(id, "app", "key", "before"));
    let two_apps = all(&|id| number(id, if id < 8 { "one" } else { "two" }, &format!("key {id}"), "before"));
    for file in [shared, two_apps] {
        assert_eq!(Case::dev(file.leak()).config().whatsapp.numbers.len(), MAX_KEYS_TRIED + 1);
    }
}

#[test]
fn answers_of_forms_may_not_take_longer_than_meta_waits() {
    let errors = Case::dev("[flows]\nanswer_within = '10s'\n").errors();
    assert!(errors.contains("at most \"9s\""), "{errors}");
    let config = Case::dev("").config();
    assert_eq!(config.flows.answer_within, std::time::Duration::from_secs(8));
    assert!(!config.flows.plain_dead_answer);
}
