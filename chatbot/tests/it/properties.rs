//! Nothing that a person or an author writes makes the engine panic.

use chatbot::{Format, Incoming, Input, MESSAGE_TYPES, import, load};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::support::{Play, bot_file, message, read, repository, said, testdata};

fn anything() -> impl Strategy<Value = Input> {
    let kinds = ["text", "interactive", "image", "reaction", "location", "system", "unsupported", "group", ""];
    let words = prop_oneof![
        ".{0,60}",
        "[0-9 .,+-]{0,12}",
        prop::sample::select(vec![
            "hi",
            "book",
            "call",
            "items",
            "fail",
            "pause",
            "until",
            "1",
            "2",
            "start over",
            "yes",
            "More ›",
            "apple",
            "a",
            "items"
        ])
        .prop_map(str::to_owned),
    ];
    let ids = prop_oneof![
        Just(None),
        prop::sample::select(vec!["a", "many", "items", "book", "parlance.page.1", "parlance.page.99", "x1"])
            .prop_map(|id| Some(id.to_owned())),
        ".{0,20}".prop_map(Some),
    ];
    let tick = (0u64..10_000_000).prop_map(|_| Input::Tick);
    let message = (prop::sample::select(kinds.to_vec()), words, ids)
        .prop_map(|(kind, text, id)| Input::Message(Incoming { title: id.clone(), id, ..message(kind, &text) }));
    prop_oneof![9 => message, 1 => tick]
}

/// Members that messages have, in any order and depth.
fn shape() -> impl Strategy<Value = Value> {
    let keys = [
        "text",
        "header",
        "footer",
        "button",
        "buttons",
        "sections",
        "rows",
        "id",
        "title",
        "link",
        "image",
        "video",
        "body",
        "url",
        "payload",
        "cards",
        "carousel",
        "catalog_id",
        "product_id",
        "latitude",
        "longitude",
        "name",
        "formatted_name",
        "emoji",
        "to",
        "country",
        "0",
        "currency",
        "location",
        "limited_time_offer",
        "products",
    ];
    let leaf = prop_oneof![
        Just(json!("a")),
        Just(json!("{{ input.text }}")),
        Just(json!("{{ input.wamid }} {{ nothing }}")),
        Just(json!("https://a.example")),
        Just(json!(1)),
        Just(json!(true)),
        Just(Value::Null),
        Just(json!("")),
    ];
    leaf.prop_recursive(4, 24, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            prop::collection::vec((prop::sample::select(keys.to_vec()), inner), 0..5)
                .prop_map(|entries| entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    #[test]
    fn no_input_makes_a_turn_panic(inputs in prop::collection::vec(anything(), 1..25), which in 0usize..9) {
        let case = |name: &str| testdata("transcripts").join(name).with_extension("yaml");
        let cases = ["menus", "booking", "media", "interactive", "template", "inbound", "parts", "time"].map(case);
        let path: Vec<_> = cases.into_iter().chain([repository("bots/welcome.yaml")]).collect();
        let bot = bot_file(&path[which]);
        let mut play = Play::new(&bot);
        for input in inputs {
            play.now_ms += 60_000;
            play.step(&input).map(|_| ()).unwrap_or_default();
        }
    }

    #[test]
    fn no_shape_of_a_message_makes_loading_or_saying_panic(
        kind in prop::sample::select(MESSAGE_TYPES.to_vec()), value in shape(), node in 0usize..2,
    ) {
        let message = json!({ kind: value });
        let template = json!({ "type": "template", "name": "n", "lang": "en", "params": value, "next": { "sent": "e" } });
        let say = json!({ "type": "say", "messages": [message], "next": { "next": "e" } });
        let a = [say, template][node].clone();
        let bot = json!({ "parlance": 1, "id": "t", "triggers": [ { "default": {}, "to": "a" } ],
            "nodes": { "a": a, "e": { "type": "end" } } });
        if let Some(bot) = load(&bot.to_string(), "t.json", Format::Json).bot {
            let mut play = Play::new(&bot);
            play.step(&said("hi")).map(|_| ()).unwrap_or_default();
        }
    }

    #[test]
    fn no_text_makes_loading_panic(text in "(?s).{0,200}", at in 0usize..3000, yaml in any::<bool>()) {
        let format = if yaml { Format::Yaml } else { Format::Json };
        for found in load(&text, "t", format).diagnostics {
            found.render(&text);
        }
        let sample = read(&repository("bots/welcome.yaml"));
        let head: String = sample.chars().take(at).collect();
        let tail: String = sample.chars().skip(at + 3).collect();
        let broken = format!("{head}{text}{tail}");
        for found in load(&broken, "t", Format::Yaml).diagnostics {
            found.render(&broken);
        }
    }

    #[test]
    fn no_template_makes_a_turn_panic(text in "[a-z {}|%.'()\\[\\]0-9_~*+-]{0,40}") {
        let source = serde_json::json!({
            "parlance": 1, "id": "t", "triggers": [ { "default": {}, "to": "a" } ],
            "nodes": {
                "a": { "type": "say", "messages": [ { "text": format!("{{{{ {text} }}}}") }, { "text": text } ], "next": { "next": "b" } },
                "b": { "type": "end" },
            },
        });
        if let Some(bot) = load(&source.to_string(), "t", Format::Json).bot {
            Play::new(&bot).say("hi");
        }
    }

    #[test]
    fn no_export_makes_the_import_panic(cut in 0usize..6000, put in "[\"{}\\[\\]a-z0-9,: ]{0,12}") {
        let sample = read(&repository("tests/data/imports/clinic.whatsapp-builder.json"));
        let head: String = sample.chars().take(cut).collect();
        let tail: String = sample.chars().skip(cut + 5).collect();
        let broken = format!("{head}{put}{tail}");
        import::detect(&broken);
        import::whatsapp_builder(&broken).map(|_| ()).unwrap_or_default();
    }
}
