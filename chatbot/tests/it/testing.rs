//! The runner of the tests that bot files bring along: what holds, what does not, and how it says so.

use chatbot::testing::{Report, run, with_stand_in_files};
use chatbot::{Bot, Format, load};

use crate::support::{load_file, no_files, repository};

/// A bot that shows a menu, takes a number and hands over; `steps` is its test.
fn with_steps(steps: &str) -> String {
    format!(
        r#"parlance: 1
id: t
vars: {{ n: {{ type: int, default: 7 }} }}
policies: {{ idle_timeout: 3h, on_idle: bye }}
triggers:
  - keyword: {{ any: [human] }}
    to: desk
  - keyword: {{ any: [picture] }}
    to: show
  - keyword: {{ any: [place] }}
    to: where
  - default: {{}}
    to: pick
nodes:
  pick:
    type: menu
    prompt: Pick
    options: [ {{ id: eye, title: Eyes }}, {{ id: skin, title: Skin }} ]
    timeout: 1h
    next: {{ eye: number, skin: bye, timeout: pick }}
  number: {{ type: ask, prompt: How many?, expect: int, save: n, next: {{ ok: bye }} }}
  show: {{ type: say, messages: [ {{ image: {{ file: eye.jpg, caption: An eye }} }}, {{ location: {{ latitude: 1.5, longitude: 2 }} }} ], next: {{ next: bye }} }}
  where: {{ type: ask, prompt: Where?, expect: location, save: spot, invalid: {{ message: "Not {{{{ spot }}}}" }}, next: {{ ok: bye }} }}
  desk: {{ type: handoff, message: One moment, next: {{ returned: pick, closed: bye }} }}
  bye: {{ type: say, messages: [ {{ text: "Bye {{{{ n }}}}" }} ], next: {{ next: fin }} }}
  fin: {{ type: end, reason: done }}
tests:
  - name: it
    steps: [ {steps} ]
"#
    )
}

fn loaded(source: &str) -> Bot {
    let loaded = load(source, "t.yaml", Format::Yaml);
    let found: Vec<String> = loaded.diagnostics.iter().map(|d| d.render(source)).collect();
    with_stand_in_files(loaded.bot.unwrap_or_else(|| panic!("{}", found.join("\n"))))
}

fn played(steps: &str) -> Report {
    let bot = loaded(&with_steps(steps));
    let report = run(&bot, &bot.tests()[0]);
    assert_eq!(report, run(&bot, &bot.tests()[0]), "the same test gives the same report");
    report
}

#[track_caller]
fn holds(steps: &str) {
    let report = played(steps);
    assert!(report.passed(), "{}", report.failure.unwrap());
}

#[track_caller]
fn fails(steps: &str, words: &str) {
    let failure = played(steps).failure.map(|failure| failure.to_string()).unwrap_or_default();
    assert!(failure.contains(words), "{failure}");
}

/// The findings of the checker in a test.
fn findings(steps: &str) -> Vec<String> {
    let source = with_steps(steps);
    let found = load(&source, "t.yaml", Format::Yaml).diagnostics;
    found.iter().map(|d| format!("{} {} {}", d.code, d.message, d.help.as_deref().unwrap_or_default())).collect()
}

#[test]
fn what_the_bot_says_is_held_against_what_is_expected() {
    holds("{ user: hi }, { expect: { menu: [eye, skin] } }, { expect: nothing }");
    holds("{ user: hi }, { expect: Pick }, { tap: Eyes }, { expect: [ How many? ] }, { user: 3 }, { expect: Bye 3 }");
    holds(
        "{ user: picture }, { expect: { image: eye.jpg, contains: eye } }, { expect: { location: { latitude: 1.5 } } }",
    );
    holds("{ user: picture }, { expect: [ { image: An eye }, { location: {} }, Bye 7 ] }");
    fails("{ user: hi }, { expect: { menu: [skin, eye] } }", "- │   [skin] Skin");
    fails("{ user: hi }, { expect: { buttons: {}, template: x } }", "- │ template");
    fails("{ user: hi }, { expect: nothing }", "the bot says something else");
    fails("{ user: hi }, { expect: Pick }, { expect: Pick }", "the bot says nothing more");
    fails("{ user: picture }, { expect: { image: other.jpg } }", r#"- │ image: "other.jpg""#);
}

#[test]
fn a_failure_names_the_step_its_place_and_the_node_and_shows_the_difference() {
    let source = with_steps("{ user: picture }, { user: hi },\n      { expect: [ Hello, Pick ] }");
    let bot = loaded(&source);
    let failure = run(&bot, &bot.tests()[0]).failure.unwrap();
    let line = source.lines().position(|line| line.contains("Hello")).unwrap() + 1;
    let shown = format!(
        "{line}:7: step 3, `expect`, waiting at node `pick`\nthe bot says something else (- expected, + got)\n  - ╭\n  - │ Hello\n  - ╰\n    ╭ buttons\n    │ Pick\n    │   [eye] Eyes\n    │   [skin] Skin\n    ╰"
    );
    assert_eq!(failure.to_string(), shown);
}

#[test]
fn runs_nodes_and_variables_are_looked_at() {
    holds("{ user: hi }, { expect_node: pick }, { expect_var: { n: 7 } }, { tap: skin }, { expect_end: done }");
    holds("{ user: hi }, { tap: eye }, { user: 4 }, { expect_var: { n: 4.0 } }");
    fails("{ user: hi }, { expect_end: done }", "no run has ended here");
    fails("{ user: hi }, { tap: skin }, { expect_end: lost }", "the run ended with `done`, not with `lost`");
    fails("{ user: hi }, { expect_node: number }", "the run waits at `pick`, not at `number`");
    fails("{ user: picture }, { expect_node: number }", "no run waits at `number`");
    fails("{ user: hi }, { expect_var: { n: 8 } }", "`n` is 7, not 8");
    fails("{ user: hi }, { expect_var: { spot: 8 } }", "`spot` has no value, 8 is expected");
}

#[test]
fn time_passes_and_what_is_due_happens_in_order() {
    holds("{ user: hi }, { advance: 59m }, { expect: nothing }, { advance: 1m }, { expect: [ Pick ] }");
    holds("{ user: hi }, { advance: 150m }, { expect: [ Pick, Pick ] }");
    holds("{ user: hi }, { tap: eye }, { advance: 3h }, { expect: Bye 7 }, { expect_end: done }");
}

#[test]
fn only_what_was_offered_can_be_tapped() {
    holds("{ user: hi }, { tap: eye }, { user: 1 }, { user: hi }, { tap: skin }, { expect: Bye 7 }");
    fails("{ tap: eye }", "the bot has offered nothing to tap");
    fails("{ user: hi }, { tap: Ears }", "there is no `Ears` to tap: the last message that could be tapped is { text");
}

#[test]
fn every_kind_of_message_can_be_sent() {
    holds(
        "{ user: place }, { send: { type: location, latitude: 1.5, longitude: 2 } }, { expect_var: { spot: { latitude: 1.5 } } }",
    );
    for message in [
        "type: text, body: hi",
        "type: image, caption: look",
        "type: image, image: { caption: look }",
        "type: video",
        "type: audio, voice: true",
        "type: document, filename: a.pdf",
        "type: sticker",
        "type: contacts, contacts: [ { name: { formatted_name: Ada } } ]",
        "type: order, catalog_id: c, product_items: [ { product_retailer_id: a, quantity: 2, item_price: 3, currency: EUR } ]",
        "type: reaction, emoji: 👍",
        "type: button, payload: eye, text: Eyes",
        "type: interactive, interactive: { type: list_reply, list_reply: { id: eye, title: Eyes } }",
        "type: system, body: changed",
        "type: request_welcome",
        "type: unsupported",
    ] {
        holds(&format!("{{ user: hi }}, {{ send: {{ {message} }} }}"));
    }
}

#[test]
fn a_human_hands_back_only_what_a_human_has() {
    holds(
        "{ user: human }, { expect: One moment }, { user: hi }, { expect: nothing }, { hand_back: returned }, { expect: Pick }",
    );
    holds("{ user: human }, { hand_back: closed }, { expect: Bye 7 }, { expect_end: done }");
    fails("{ user: hi }, { hand_back: closed }", "no human has the conversation");
}

#[test]
fn staff_who_write_let_the_bot_wait_longer() {
    let human = "{ user: human }, { staff: I am on it }, { expect: nothing }";
    holds(&format!("{human}, {{ hand_back: closed }}, {{ expect: Bye 7 }}"));
    fails("{ user: hi }, { staff: hello }", "the bot would not notice");
}

#[test]
fn the_person_is_looked_at_as_bots_see_them() {
    holds("{ user: hi }, { expect_contact: { name: Ada, phone: '+15550100001', labels: [] } }");
    fails("{ user: hi }, { expect_contact: { name: Bo } }", "`contact.name` is \"Ada\", not \"Bo\"");
    fails("{ user: hi }, { expect_contact: { city: Rome } }", "`contact.city` has no value");
}

#[test]
fn a_test_says_when_it_begins_and_with_whom() {
    let source = |setting: &str| {
        format!(
            "parlance: 1\nid: t\nvars: {{ visits: {{ type: int, scope: contact, default: 0 }} }}\ntriggers:\n  - first_contact: {{}}\n    to: new\n  - default: {{}}\n    to: known\nnodes:\n  new: {{ type: say, messages: [ {{ text: \"Who are you, {{{{ contact.wa_id }}}}?\" }} ], next: {{ next: end }} }}\n  known: {{ type: say, messages: [ {{ text: \"{{{{ contact.name }}}} {{{{ contact.city }}}} {{{{ visits }}}} {{{{ now | date('%d %H') }}}} {{{{ contact.labels | length }}}}\" }} ], next: {{ next: end }} }}\n  end: {{ type: end }}\ntests: [ {{ name: it, {setting} }} ]\n"
        )
    };
    let say = |setting: &str| {
        let bot = loaded(&source(&format!("{setting} steps: [ {{ user: hi }}, {{ expect: nothing }} ]")));
        format!("{:?}", run(&bot, &bot.tests()[0]).failure.unwrap().diff)
    };
    assert!(say("").contains("Who are you, 15550100001?"), "{}", say(""));
    let met = say(
        "at: 2027-03-01T08:00:00Z, person: { name: Bo, wa_id: null, known: true, fields: { city: Rome }, labels: [a, b] }, given: { visits: 4 },",
    );
    assert!(met.contains("Bo Rome 4 01 08 2"), "{met}");
    let found = |setting: &str| {
        let found = load(&source(&format!("{setting} steps: []")), "t.yaml", Format::Yaml).diagnostics;
        found.iter().map(|d| format!("{} {}", d.message, d.help.as_deref().unwrap_or_default())).collect::<Vec<_>>()
    };
    assert_eq!(found("at: soon,"), ["`soon` is not a time write it like 2026-11-22T10:00:00Z"]);
    assert_eq!(found("person: { nme: x },"), ["unknown key `nme` did you mean `name`?"]);
    assert_eq!(found("given: { visit: 1 },"), ["nothing sets the variable `visit` did you mean `visits`?"]);
}

#[test]
fn forms_are_sent_off_and_other_programs_tell_things() {
    let source = "parlance: 1\nid: t\nflows: { f: { id: '1' } }\ntriggers: [ { api: { name: ready }, to: w }, { default: {}, to: a } ]\n\
        nodes:\n  a: { type: flow, flow: f, prompt: Fill in, cta: Open, save: form, next: { done: w } }\n  \
        w: { type: wait, until_event: order.paid, next: { event: e } }\n  \
        e: { type: end, reason: \"{{ input.data.by }}\" }\ntests:\n  - name: whole\n    steps:\n      \
        - { user: hi }\n      - { expect: { flow: { action: { parameters: { flow_cta: Open } } } } }\n      \
        - { flow_submit: { screen: DAY, data: { day: mon } } }\n      - { expect_var: { form.day: mon } }\n      \
        - { expect_node: w }\n      - { api: { name: order.paid, data: { by: card } } }\n      - { expect_end: \"{{ input.data.by }}\" }\n  \
        - name: nothing to fill in\n    steps: [ { flow_submit: { data: {} } } ]\n";
    let bot = load(source, "t.yaml", Format::Yaml);
    let bot = bot.bot.unwrap_or_else(|| panic!("{:?}", bot.diagnostics));
    let reports: Vec<_> = bot.tests().iter().map(|case| run(&bot, case)).collect();
    assert_eq!(reports[0].failure, None);
    let failure = reports[1].failure.as_ref().unwrap();
    assert_eq!(failure.what, "the bot has sent no form that could be filled in");
}

#[test]
fn events_are_looked_at() {
    let source = |steps: &str| {
        format!(
            "parlance: 1\nid: t\ntriggers: [ {{ default: {{}}, to: a }} ]\nnodes:\n  a: {{ type: emit, event: booking.made, data: {{ guests: 4, city: Rome }}, next: {{ next: b }} }}\n  b: {{ type: emit, event: booking.noted, next: {{ next: end }} }}\n  end: {{ type: end }}\ntests: [ {{ name: it, steps: [ {{ user: hi }}, {steps} ] }} ]\n"
        )
    };
    let played = |steps: &str| {
        let bot = loaded(&source(steps));
        run(&bot, &bot.tests()[0]).failure.map(|failure| failure.what)
    };
    let first = "{ expect_event: { event: booking.made, data: { guests: 4 } } }";
    assert_eq!(played(&format!("{first}, {{ expect_event: booking.noted }}, {{ expect_event: nothing }}")), None);
    assert_eq!(
        played("{ expect_event: booking.lost }").unwrap(),
        "the bot tells of `booking.made`, not of `booking.lost`"
    );
    assert!(
        played("{ expect_event: { event: booking.made, data: { guests: 5 } } }").unwrap().starts_with("the data of")
    );
    assert!(played("{ expect_event: nothing }").unwrap().starts_with("the bot tells of `booking.made`"));
    let wrong = "{ expect_event: { event: booking.lost, data: { guests: 5 } } }, { expect_event: x }";
    let blessed = chatbot::testing::bless(&source(wrong), Format::Yaml, &no_files, |_, _| true).unwrap();
    let right =
        "{ expect_event: { event: booking.made, data: { city: Rome, guests: 4 } } }, { expect_event: booking.noted }";
    assert_eq!(blessed.source, source(right));
}

#[test]
fn steps_are_checked_when_the_file_is_read() {
    assert_eq!(findings("{ usr: hi }"), ["PAR-0202 unknown key `usr` did you mean `user`?"]);
    assert_eq!(findings("{ flow_submit: { date: {} } }"), ["PAR-0202 unknown key `date` did you mean `data`?"]);
    assert_eq!(findings("{ api: { data: 1 } }"), ["PAR-0203 key `name` is missing "]);
    assert_eq!(findings("{ http_stub: {} }"), ["PAR-0203 key `url` is missing "]);
    assert_eq!(findings("{ expect_node: pik }"), ["PAR-0206 there is no node `pik` did you mean `pick`?"]);
    assert_eq!(findings("{ expect_var: { m: 1 } }"), ["PAR-0214 nothing sets the variable `m` did you mean `n`?"]);
    assert_eq!(findings("{ advance: soon }").len(), 1);
    assert_eq!(findings("{ user: hi, tap: eye }"), ["PAR-0204 a step does one thing: write two steps "]);
    assert!(findings("{}")[0].starts_with("PAR-0203 a step needs one of `user`"), "{:?}", findings("{}"));
    assert!(findings("{ expect: { image: {}, menue: [] } }")[0].contains("did you mean `menu`?"));
    assert_eq!(findings("{ expect: {} }"), ["PAR-0203 nothing is expected of this bubble "]);
    assert_eq!(findings("{ expect: [] }"), ["PAR-0204 the list is empty write `expect: nothing`"]);
    assert!(findings("{ send: { type: imag } }")[0].ends_with("did you mean `image`?"));
    assert_eq!(findings("{ send: { caption: x } }"), ["PAR-0203 key `type` is missing "]);
    assert!(findings("{ send: { type: location, latitude: 1 } }")[0].contains("no `location` message of a person"));
    assert_eq!(findings("{ hand_back: lost }").len(), 1);
}

#[test]
fn a_bot_that_fails_fails_its_test() {
    let source = "parlance: 1\nid: t\ntriggers: [ { default: {}, to: a } ]\nnodes:\n  a: { type: say, messages: [ { text: \"{{ 1 / 0 }}\" } ], next: { next: b } }\n  b: { type: end }\ntests: [ { name: it, steps: [ { user: hi } ] } ]\n";
    let bot = loaded(source);
    let failure = run(&bot, &bot.tests()[0]).failure.unwrap();
    assert!(failure.what.starts_with("the bot fails: node `a`"), "{}", failure.what);
}

#[test]
fn texts_that_are_waited_for_are_no_silence() {
    let source = with_steps("{ user: one }, { user: two }, { expect: Pick }");
    let source = source.replace("policies: {", "policies: { debounce_ms: 2000,");
    let bot = loaded(&source);
    let failure = run(&bot, &bot.tests()[0]).failure.unwrap();
    assert!(failure.what.contains("waits for more texts"), "{}", failure.what);
    let bot = loaded(&source.replace("{ user: two }", "{ user: two }, { advance: 2s }"));
    assert!(run(&bot, &bot.tests()[0]).passed());
}

#[test]
fn two_tests_of_one_name_are_refused() {
    let source = with_steps("{ user: hi }") + "  - { name: it, steps: [] }\n";
    let found = load(&source, "t.yaml", Format::Yaml).diagnostics;
    assert_eq!((found.len(), found[0].code), (1, "PAR-0219"));
}

#[test]
fn every_sample_bot_passes_its_tests() {
    let mut played = 0;
    for entry in std::fs::read_dir(repository("bots")).unwrap() {
        let path = entry.unwrap().path();
        if Format::by_extension(&path).is_none() {
            continue;
        }
        let bot = with_stand_in_files(load_file(&path).bot.unwrap());
        assert!(!bot.tests().is_empty(), "{} has no tests", path.display());
        for case in bot.tests() {
            let failure = run(&bot, case).failure.map(|failure| failure.to_string());
            assert_eq!(failure, None, "{}: {}", path.display(), case.name);
            played += 1;
        }
    }
    assert!(played > 0);
}

const CALLS: &str = "parlance: 1
id: t
secrets: [KEY]
triggers: [ { default: {}, to: find } ]
nodes:
  find:
    type: http
    method: POST
    url: \"https://api.example.test/find?kind=a\"
    query: { q: \"{{ input.text }}\" }
    auth: { bearer: \"{{ secret.KEY }}\" }
    body: { json: { text: \"{{ input.text }}\", n: 2 } }
    retry: { times: 1, backoff_ms: 1000, on: [5xx] }
    extract: { name: $.name }
    next: { ok: found, http_error: failed, timeout: late }
  found: { type: say, messages: [ { text: \"Found {{ name }}\" } ], next: { next: fin } }
  failed: { type: say, messages: [ { text: \"Failed: {{ input.status }}\" } ], next: { next: fin } }
  late: { type: say, messages: [ { text: Too late } ], next: { next: fin } }
  fin: { type: end, reason: done }
tests: [ { name: it, steps: [ ";

fn called(steps: &str) -> Report {
    let source = format!("{CALLS}{steps} ] }} ]\n");
    let bot = loaded(&source);
    run(&bot, &bot.tests()[0])
}

fn what_of(steps: &str) -> String {
    called(steps).failure.map(|failure| failure.what).unwrap_or_default()
}

#[test]
fn a_call_without_a_stub_fails_with_the_request() {
    let expected = "no `http_stub` answers this call of the bot\n  POST https://api.example.test/find?kind=a&q=x%20y\n  Authorization: Bearer {{ secret.KEY }}\n  Content-Type: application/json\n  Idempotency-Key: ";
    let what = what_of("{ user: x y }");
    assert!(what.starts_with(expected) && what.ends_with("\n  {\"n\":2,\"text\":\"x y\"}"), "{what}");
    for other in ["url: 'https://other.example/*'", "url: 'https://api.example.test/*', method: GET"] {
        assert!(
            what_of(&format!("{{ http_stub: {{ {other} }} }}, {{ user: x }}")).starts_with("no `http_stub`"),
            "{other}"
        );
    }
}

#[test]
fn stubs_answer_by_pattern_as_often_as_they_say() {
    let stub = "{ http_stub: { url: 'https://api.*/find*', answer: { json: { name: Ada } } } }";
    assert_eq!(what_of(&format!("{stub}, {{ user: x }}, {{ expect: Found Ada }}, {{ expect_end: done }}")), "");
    let once =
        "{ http_stub: { url: 'https://api.example.test/find?kind=a&q=x', times: 1, answer: { json: { name: Ada } } } }";
    assert_eq!(what_of(&format!("{once}, {{ user: x }}, {{ expect: Found Ada }}")), "");
    assert!(what_of(&format!("{once}, {{ user: x }}, {{ user: x }}")).starts_with("no `http_stub`"));
}

#[test]
fn what_goes_wrong_takes_its_port_and_its_time() {
    let stub = |more: &str| format!("{{ http_stub: {{ url: '*', {more} }} }}, {{ user: x }}");
    let late = "{ expect: nothing }, { advance: 10s }, { expect: Too late }";
    assert_eq!(what_of(&format!("{}, {late}", stub("answer: timeout"))), "");
    assert_eq!(what_of(&format!("{}, {late}", stub("delay: 1m"))), "");
    let delayed = "{ expect: nothing }, { advance: 2s }, { expect: nothing }, { user: well? }, { advance: 1s }, { expect: Found Ada }";
    assert_eq!(what_of(&format!("{}, {delayed}", stub("delay: 3s, answer: { json: { name: Ada } }"))), "");
    assert_eq!(what_of(&format!("{}, {{ expect: \"Failed: \" }}", stub("answer: unreachable"))), "");
    let again = "{ http_stub: { url: '*', times: 1, answer: { status: 503 } } }, { http_stub: { url: '*', answer: { json: { name: Bo } } } }, { user: x }, { expect: nothing }, { advance: 1s }, { expect: Found Bo }";
    assert_eq!(what_of(again), "");
}

#[test]
fn what_was_asked_is_held_against_what_is_expected() {
    let asked = |wanted: &str| {
        what_of(&format!(
            "{{ http_stub: {{ url: '*', answer: {{ json: {{ name: Ada }} }} }} }}, {{ user: x }}, {{ expect_http: {wanted} }}"
        ))
    };
    for fine in [
        "{ method: post, url: 'https://api.example.test/find' }",
        "{ query: { q: x }, json: { n: 2 } }",
        "{ headers: { authorization: 'Bearer {{ secret.KEY }}' } }",
    ] {
        assert_eq!(asked(fine), "", "{fine}");
    }
    for (wrong, why) in [
        ("{ method: GET }", "the method is POST, not GET; the call is\n  POST https://"),
        ("{ url: 'https://api.example.test/' }", "the address is not"),
        ("{ query: { q: y } }", "the parameter `q` is `x`, not `y`"),
        ("{ headers: { x-a: y } }", "there is no header `x-a`"),
        ("{ json: { n: 3 } }", "the body is not the JSON"),
        ("{ text: x }", "the body is not the text"),
        ("{ form: { a: b } }", "there is no field `a`"),
        ("nothing", "the bot makes a call"),
    ] {
        assert!(asked(wrong).starts_with(why), "{wrong}: {}", asked(wrong));
    }
    let none = what_of("{ http_stub: { url: '*' } }, { expect_http: nothing }, { expect_http: { method: GET } }");
    assert!(none.starts_with("the bot makes no call"), "{none}");
}

#[test]
fn stubs_are_checked_when_the_file_is_read() {
    for (step, code) in [
        ("{ http_stub: {} }", "PAR-0203"),
        ("{ http_stub: { url: x, answer: { json: 1, text: a } } }", "PAR-0204"),
        ("{ http_stub: { url: x, answer: late } }", "PAR-0204"),
        ("{ http_stub: { url: x, answer: { status: 99 } } }", "PAR-0204"),
        ("{ http_stub: { url: x, anser: {} } }", "PAR-0202"),
        ("{ expect_http: {} }", "PAR-0203"),
        ("{ expect_http: { jsn: {} } }", "PAR-0202"),
    ] {
        assert!(findings(step)[0].starts_with(code), "{step}: {:?}", findings(step));
    }
}
