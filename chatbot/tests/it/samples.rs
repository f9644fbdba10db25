//! The sample bots load without a finding and play through.

use chatbot::{Format, Snapshot, load};

use crate::support::{Play, bot, bot_file, load_file, read, repository};

#[test]
fn the_welcome_bot_has_no_findings() {
    let path = repository("bots/welcome.yaml");
    let loaded = load_file(&path);
    assert_eq!(loaded.diagnostics, []);
    let bot = loaded.bot.unwrap();
    assert_eq!((bot.id(), bot.title()), ("welcome", "Welcome to Parlance"));
}

#[test]
fn yaml_and_canonical_json_are_one_version() {
    let first = bot_file(&repository("bots/welcome.yaml"));
    let second = load(&first.canonical_json(), "welcome.json", Format::Json).bot.unwrap();
    assert_eq!(first.version(), second.version());
    assert_eq!(first.canonical_json(), second.canonical_json());
    assert_eq!(first.version().len(), 64);
}

#[test]
fn the_welcome_bot_books_a_table() {
    let bot = bot_file(&repository("bots/welcome.yaml"));
    let mut play = Play::new(&bot);
    let hi = play.say("hi");
    assert_eq!(hi[0], "Hi Ada, I am a Parlance bot. 👋");
    assert!(hi[1].contains("[book|Book a table] [hours|Opening hours] [bye|Nothing, thanks]"), "{hi:?}");
    let cities = play.tap("book", "Book a table");
    assert!(cities[0].contains("(parlance.page.1|More ›)"), "{cities:?}");
    assert!(play.tap("parlance.page.1", "More ›")[0].contains("(tokyo|Tokyo|Shimokitazawa)"));
    assert_eq!(play.say("Tokyo"), ["For how many people? (1 to 12)"]);
    assert_eq!(play.say("13"), ["A whole number from 1 to 12, please."]);
    assert!(play.say("9")[0].starts_with("The long table for 9 in Tokyo: shall I book it?"));
    assert_eq!(play.say("yes")[0], "Done! The long table for 9 in Tokyo is yours.");
    assert!(!play.state.is_waiting());
    assert_eq!(play.say("again")[0], "Welcome back, Ada! This is visit number 2.");
}

#[test]
fn an_empty_snapshot_is_small_and_asks_for_nothing() {
    let empty = Snapshot::default();
    assert_eq!(rmp_serde::to_vec_named(&empty).unwrap().len(), 1);
    assert_eq!((empty.wake_ms(), empty.bot(), empty.node(), empty.run_id()), (None, None, None, None));
}

#[test]
fn a_bot_is_shared_by_threads() {
    fn shareable<T: Send + Sync + 'static>(_: &T) {}
    let bot = std::sync::Arc::new(bot_file(&repository("bots/welcome.yaml")));
    shareable(&bot);
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let bot = std::sync::Arc::clone(&bot);
            std::thread::spawn(move || Play::new(&bot).say("hi"))
        })
        .collect();
    let said: Vec<Vec<String>> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
    assert!(said.windows(2).all(|pair| pair[0] == pair[1]));
}

#[test]
fn the_examples_of_the_page_about_messages_load() {
    let page = read(&repository("docs/messages.md"));
    let blocks: Vec<&str> = page.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert_eq!(blocks.len(), 5);
    for block in blocks {
        let indented = |by: usize| block.lines().map(|line| format!("{:by$}{line}\n", "")).collect::<String>();
        let (policies, node) = match block {
            _ if block.starts_with("policies:") => (block.to_owned(), "    type: end\n".to_owned()),
            _ if block.starts_with("type:") => (String::new(), indented(4)),
            _ => (String::new(), format!("    type: say\n    messages:\n{}    next: {{ next: e }}\n", indented(6))),
        };
        let bot = format!(
            "parlance: 1\nid: t\ntriggers: [ {{ default: {{}}, to: a }} ]\n{policies}nodes:\n  a:\n{node}  e: {{ type: end }}\n"
        );
        let errors: Vec<_> =
            load(&bot, "t.yaml", Format::Yaml).diagnostics.into_iter().filter(|d| d.is_error()).collect();
        assert_eq!(errors, [], "{block}");
    }
}

#[test]
fn a_split_follows_its_weights() {
    let bot = bot(
        "parlance: 1\nid: t\ntriggers: [ { default: {}, to: a } ]\nnodes:\n  a: { type: split, weights: { x: 3, y: 1 }, next: { x: b, y: end } }\n  b: { type: say, messages: [ { text: X } ], next: { next: end } }\n  end: { type: end }\n",
    );
    let mut play = Play::new(&bot);
    let x = (0..1_000).filter(|_| !play.say("hi").is_empty()).count();
    assert!((700..800).contains(&x), "{x}");
}

#[test]
fn a_stop_word_holds_even_if_its_reply_fails() {
    let bot = bot(
        "parlance: 1\nid: t\npolicies: { stop_words: { words: [stop], reply: \"{{ 'x' * 90000000 }}\" } }\ntriggers: [ { default: {}, to: a } ]\nnodes:\n  a: { type: ask, prompt: Well?, next: { ok: a } }\n",
    );
    let mut play = Play::new(&bot);
    play.say("hi");
    assert!(play.say("stop").is_empty() && !play.state.is_waiting());
    let consent = play.state.consent("marketing").unwrap();
    assert_eq!((consent.given, consent.at_ms), (false, play.now_ms));
}

#[test]
fn a_burst_that_grows_too_large_is_read_at_once() {
    let bot = bot(
        "parlance: 1\nid: t\npolicies: { debounce_ms: 1000 }\ntriggers: [ { default: {}, to: a } ]\nnodes:\n  a: { type: ask, prompt: Well?, next: { ok: a } }\n",
    );
    let mut play = Play::new(&bot);
    let long = "x".repeat(4_000);
    let answered = (0..10).position(|_| !play.say(&long).is_empty());
    assert_eq!(answered, Some(4));
    assert_eq!(play.state.wake_ms(), None);
}

#[test]
fn what_is_exported_is_the_same_version_again() {
    let odd = "parlance: 1\nid: odd\ntitle: \"yes\"\nx-note: \"# no: comment\"\ntriggers: [ { default: {}, to: e } ]\nnodes:\n  e:\n    type: say\n    messages: [ { text: \"null\" }, { text: \"1e3\" }, { text: \" lead: \\n- two\\n\\n  lines \\t\\n\" }, { text: \"'\\\"{{ 1 }}\\\\\" } ]\n    next: { next: f }\n  f: { type: end, reason: \"~\" }\n";
    let mut sources = vec![odd.to_owned()];
    for entry in std::fs::read_dir(repository("bots")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|kind| kind == "yaml") {
            // As the store has it: with the files of its Flows.
            sources.push(bot_file(&path).export(Format::Yaml));
        }
    }
    for source in sources {
        let bot = chatbot::load(&source, "bot.yaml", Format::Yaml).bot.unwrap();
        for format in [Format::Yaml, Format::Json] {
            let text = bot.export(format);
            let again = chatbot::load(&text, "again", format);
            let again = again.bot.unwrap_or_else(|| panic!("{:?}\n{text}", again.diagnostics));
            assert_eq!(again.version(), bot.version(), "{text}");
            assert_eq!(again.export(format), text, "the same bytes each time");
        }
    }
}
