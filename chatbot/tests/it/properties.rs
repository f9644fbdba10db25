//! Nothing that a person or an author writes makes the engine panic.

use chatbot::{Format, Incoming, Input, import, load};
use proptest::prelude::*;

use crate::support::{Play, bot, message, read, repository, testdata};

fn anything() -> impl Strategy<Value = Input> {
    let kinds = ["text", "interactive", "image", "reaction", "location", "system", "unsupported", "group", ""];
    let words = prop_oneof![
        ".{0,60}",
        "[0-9 .,+-]{0,12}",
        prop::sample::select(vec!["hi", "book", "1", "2", "start over", "yes", "More ›", "apple", "a", "items"])
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

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    #[test]
    fn no_input_makes_a_turn_panic(inputs in prop::collection::vec(anything(), 1..25), which in 0usize..3) {
        let path = [repository("bots/welcome.yaml"), testdata("transcripts/menus.yaml"), testdata("transcripts/booking.yaml")];
        let bot = bot(&read(&path[which]));
        let mut play = Play::new(&bot);
        for input in inputs {
            play.now_ms += 60_000;
            play.step(&input).map(|_| ()).unwrap_or_default();
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
