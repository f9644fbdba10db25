//! Blessing rewrites what tests expect to what the bot does, and leaves every other byte of the file alone.

use chatbot::testing::{BlessError, Blessed, bless, run, with_stand_in_files};
use chatbot::{Format, load};

use crate::support::no_files;

const HEAD: &str = r#"# A bot: every byte of this counts.
parlance: 1
id: t
vars:  { n: { type: int, default: 7 } }   # odd   blanks
triggers: [ { default: {}, to: pick } ]
nodes:
  pick:
    type: menu
    prompt: "Pick, please"
    options: [ { id: eye, title: Eyes }, { id: skin, title: Skin } ]
    next: { eye: both, skin: fin }
  both: { type: say, messages: [ { text: One }, { text: "Two: a\nb" }, { text: Three } ], next: { next: fin } }
  fin: { type: end, reason: done }
tests:
"#;

/// Blesses a bot with these tests; what came of the tests.
fn blessed(tests: &str) -> Result<(String, Blessed), BlessError> {
    let source = format!("{HEAD}{tests}");
    let blessed = bless(&source, Format::Yaml, &no_files, |_, _| true)?;
    let now = blessed.source.strip_prefix(HEAD).expect("the head is as it was").to_owned();
    Ok((now, blessed))
}

#[track_caller]
fn becomes(tests: &str, expected: &str) {
    let (now, blessed) = blessed(tests).unwrap();
    assert_eq!(now, expected);
    assert_eq!(blessed.left, []);
    passes(&blessed.source, Format::Yaml);
    let again = bless(&blessed.source, Format::Yaml, &no_files, |_, _| true).unwrap();
    assert_eq!((again.source, again.rewritten), (blessed.source, 0), "blessing twice is blessing once");
}

#[track_caller]
fn passes(source: &str, format: Format) {
    let bot = with_stand_in_files(load(source, "t", format).bot.expect("the bot loads"));
    for case in bot.tests() {
        let failure = run(&bot, case).failure.map(|failure| failure.to_string());
        assert_eq!(failure, None, "{}\n{source}", case.name);
    }
}

#[track_caller]
fn is_left(tests: &str, why: &str) {
    let (now, blessed) = blessed(tests).unwrap();
    assert_eq!(now, tests);
    assert!(blessed.left[0].why.contains(why), "{:?}", blessed.left);
}

#[test]
fn a_file_whose_tests_pass_stays_as_it_is() {
    let tests = "  - { name: it, steps: [ { user: hi }, { expect: { menu: [eye, skin] } }, { tap: skin }, { expect_end: done } ] }\n";
    becomes(tests, tests);
}

#[test]
fn a_text_is_quoted_as_it_was() {
    for (old, new) in [
        ("Choose", "\"Pick, please\""),
        ("\"Choose\"", "\"Pick, please\""),
        ("'Choose'", "'Pick, please'"),
        ("{ contains: 'lease?' } # why", "{ contains: 'Pick, please' } # why"),
        ("{ text:   Choose , menu: [ eye,skin ] }", "{ text:   \"Pick, please\" , menu: [ eye,skin ] }"),
    ] {
        let tests = |text: &str| {
            format!(
                "  - name: it  # a comment\n    steps:\n      - user: hi\n\n      - expect: {text}\n      - expect_node: pick # there\n"
            )
        };
        becomes(&tests(old), &tests(new));
    }
}

#[test]
fn a_text_in_lines_of_its_own_stays_one() {
    let tests = |text: &str| {
        format!(
            "  - name: it\n    steps:\n      - user: hi\n      - tap: eye\n      - expect:\n        - One\n        - {text}\n        - Three # third\n      - expect_end: done\n"
        )
    };
    becomes(&tests("|-\n          Two\n\n          c"), &tests("|-\n          Two: a\n          b"));
    becomes(&tests(">-\n          Two\n          b"), &tests("\"Two: a\\nb\""));
    becomes(&tests("|\n          Two\n          b"), &tests("\"Two: a\\nb\""));
}

#[test]
fn only_the_part_that_does_not_hold_is_rewritten() {
    becomes(
        "  - { name: it, steps: [ { user: hi }, { expect: { contains: Pick, menu: [ skin, eye , nose ] } } ] }\n",
        "  - { name: it, steps: [ { user: hi }, { expect: { contains: Pick, menu: [ skin, eye, skin , nose ] } } ] }\n"
            .replace("skin, eye, skin , nose", "eye, skin")
            .as_str(),
    );
}

#[test]
fn a_bubble_of_another_kind_is_written_anew() {
    becomes(
        "  - { name: it, steps: [ { user: hi }, { expect: { image: {} } } ] }\n",
        "  - { name: it, steps: [ { user: hi }, { expect: { text: \"Pick, please\", menu: [eye, skin] } } ] }\n",
    );
}

#[test]
fn bubbles_come_and_go_in_a_flow_list() {
    let tests =
        |list: &str| format!("  - {{ name: it, steps: [ {{ user: hi }}, {{ tap: eye }}, {{ expect: {list} }} ] }}\n");
    becomes(&tests("[ One, Three ]"), &tests("[ One, \"Two: a\\nb\", Three ]"));
    becomes(&tests("[ Three ]"), &tests("[ One, \"Two: a\\nb\", Three ]"));
    becomes(
        &tests("[ Nought, One, { contains: Two }, Three, Four,Five ]"),
        &tests("[ One, { contains: Two }, Three ]"),
    );
    becomes(&tests("[ Eins, { contains: Two }, Drei ]"), &tests("[ One, { contains: Two }, Three ]"));
    becomes(&tests("nothing"), &tests("[One, \"Two: a\\nb\", Three]"));
}

#[test]
fn bubbles_come_and_go_in_a_list_of_lines() {
    let tests = |lines: &str| {
        format!(
            "  - name: it\n    steps:\n      - user: hi\n      - tap: eye\n      - expect:\n{lines}      - expect_end: done # at last\n"
        )
    };
    becomes(
        &tests("          - One # first\n          - Three\n"),
        &tests("          - One # first\n          - \"Two: a\\nb\"\n          - Three\n"),
    );
    becomes(
        &tests(
            "          - Nought # no\n          - One\n          - contains: Two\n          - Three\n          - Four\n",
        ),
        &tests("          - One\n          - contains: Two\n          - Three\n"),
    );
}

#[test]
fn silence_is_expected_where_nothing_comes() {
    becomes(
        "  - { name: it, steps: [ { user: hi }, { tap: skin }, { expect: Bye }, { expect_end: done } ] }\n",
        "  - { name: it, steps: [ { user: hi }, { tap: skin }, { expect: nothing }, { expect_end: done } ] }\n",
    );
    becomes(
        "  - name: it\n    steps:\n      - user: hi\n      - tap: skin\n      - expect:\n          - Bye\n          - { contains: now }\n      - expect_end: lost\n",
        "  - name: it\n    steps:\n      - user: hi\n      - tap: skin\n      - expect: nothing\n      - expect_end: done\n",
    );
}

#[test]
fn ends_nodes_and_variables_are_rewritten() {
    becomes(
        "  - { name: it, steps: [ { user: hi }, { expect_node: both }, { expect_var: { n: 8 } }, { expect_contact: { name: Bo, phone: '+1' } }, { tap: eye }, { expect_end: 'lost' } ] }\n",
        "  - { name: it, steps: [ { user: hi }, { expect_node: pick }, { expect_var: { n: 7 } }, { expect_contact: { name: Ada, phone: '+15550100001' } }, { tap: eye }, { expect_end: 'done' } ] }\n",
    );
}

#[test]
fn what_is_no_expectation_is_left_and_so_is_what_follows() {
    is_left("  - { name: it, steps: [ { tap: nose }, { expect: Bye } ] }\n", "the bot has offered nothing to tap");
    is_left("  - { name: it, steps: [ { user: hi }, { expect_end: done } ] }\n", "take the step out");
}

#[test]
fn anchors_and_aliases_are_refused() {
    is_left("  - { name: it, steps: [ { user: hi }, { expect: &a Choose }, { expect: nothing } ] }\n", "anchor");
    is_left("  - { name: one, steps: [ { user: &a Hi }, { expect: *a } ] }\n", "anchor");
    // The whole step is an alias: its expectation stands in another test, which passes.
    let tests = "  - { name: one, steps: [ { user: hi }, { tap: skin }, &e { expect: nothing } ] }\n  - { name: two, steps: [ { user: hi }, *e ] }\n";
    let refused = blessed(tests);
    assert!(
        matches!(&refused, Err(BlessError::Shared(name)) if name == "two")
            || matches!(&refused, Ok((now, blessed)) if now == tests && !blessed.left.is_empty()),
        "{refused:?}"
    );
}

#[test]
fn only_the_tests_that_are_asked_for_are_rewritten() {
    let tests = "  - { name: one, steps: [ { user: hi }, { expect: A } ] }\n  - { name: two, steps: [ { user: hi }, { expect: B } ] }\n";
    let source = format!("{HEAD}{tests}");
    let blessed = bless(&source, Format::Yaml, &no_files, |_, case| case.name == "two").unwrap();
    assert_eq!(blessed.source, source.replace("expect: B", "expect: \"Pick, please\""));
    assert_eq!(blessed.rewritten, 1);
}

#[test]
fn json_stays_json_with_its_blanks_and_escapes() {
    let source = |first: &str, second: &str| {
        format!(
            "{{\n\t\"parlance\": 1, \"id\": \"t\",\n\t\"x-\\u00e9\": \"\\/\u{2028}\",\n\t\"triggers\": [{{ \"default\": {{}}, \"to\": \"a\" }}],\n\t\"nodes\": {{\n\t\t\"a\": {{\"type\": \"say\", \"messages\": [{{\"text\": \"Say \\\"hi\\\"\"}}, {{\"text\": \"Zwei\"}}], \"next\": {{\"next\": \"b\"}}}},\n\t\t\"b\": {{\"type\": \"end\"}}\n\t}},\n\t\"tests\": [ {{\"name\": \"it\", \"steps\": [ {{\"user\": \"hi\"}}, {{\"expect\": {first}}}, {{\"expect\": {second}}} ]}} ]\n}}\n"
        )
    };
    for (first, second, expected) in [
        ("\"Hi\"", "\"Zwei\"", ("\"Say \\\"hi\\\"\"", "\"Zwei\"")),
        ("{\"contains\": \"hello\"}", "{\"image\": {}}", ("{\"contains\": \"Say \\\"hi\\\"\"}", "\"Zwei\"")),
    ] {
        let blessed = bless(&source(first, second), Format::Json, &no_files, |_, _| true).unwrap();
        assert_eq!(blessed.source, source(expected.0, expected.1));
        passes(&blessed.source, Format::Json);
    }
    let blessed = bless(&source("[\"Zwei\"]", "\"nothing\""), Format::Json, &no_files, |_, _| true).unwrap();
    assert_eq!(blessed.source, source("[\"Say \\\"hi\\\"\", \"Zwei\"]", "\"nothing\""));
}

#[test]
fn line_breaks_of_windows_and_a_mark_in_front_are_kept() {
    let tests = "  - name: it\n    steps:\n      - user: hi\n      - tap: eye\n      - expect:\n        - One\n        - Three\n";
    let source = format!("\u{feff}{HEAD}{tests}").replace('\n', "\r\n");
    let blessed = bless(&source, Format::Yaml, &no_files, |_, _| true).unwrap();
    assert_eq!(blessed.source, source.replace("- One\r\n", "- One\r\n        - \"Two: a\\nb\"\r\n"));
}

#[test]
fn a_file_that_is_no_bot_is_refused() {
    for source in ["", "parlance: 1", "a: [", HEAD] {
        let format = Format::Yaml;
        let blessed = bless(source, format, &no_files, |_, _| true);
        assert!(blessed.is_err() || blessed.unwrap().source == source);
    }
}

#[test]
fn the_sample_bots_are_not_touched() {
    for entry in std::fs::read_dir(crate::support::repository("bots")).unwrap() {
        let path = entry.unwrap().path();
        let Some(format) = Format::by_extension(&path) else { continue };
        let source = crate::support::read(&path);
        let open = |name: &str| Ok(crate::support::read(&crate::support::repository("bots").join(name)));
        let blessed = bless(&source, format, &open, |_, _| true).unwrap();
        assert_eq!((blessed.source, blessed.rewritten), (source, 0));
    }
}
