//! What does a turn cost that walks five nodes with conditions and templates? The aim is 30 µs.
#![allow(missing_docs, reason = "criterion's macros make public functions")]

use std::hint::black_box;

use chatbot::{Bot, ContactView, Format, Given, Incoming, Input, NumberView, Snapshot};
use criterion::{Criterion, criterion_group, criterion_main};

const BOT: &str = r#"
parlance: 1
id: bench
vars: { asked: { type: int, default: 0 }, city: { type: text }, mood: { type: text } }
policies: { restart_words: [start over], idle_timeout: 2h }
triggers:
  - keyword: { any: [book, book a table], match: exact }
    to: question
    interrupt: always
  - default: {}
    to: count
nodes:
  question:
    type: ask
    prompt: "Thank you, {{ contact.name }}. {{ city | default('Your city') | title }} is number {{ asked }}, {{ mood }}."
    expect: text
    save: city
    next: { ok: count }
  count: { type: set, assign: { asked: asked + 1 }, next: { next: many } }
  many:
    type: branch
    cases:
      - { when: asked > 100 and city | length > 3, to: patient }
      - { when: "input.text == 'stop'", to: done }
    else: glad
  patient: { type: set, assign: { mood: "'patient with ' ~ contact.name" }, next: { next: question } }
  glad: { type: set, assign: { mood: "'glad to help ' ~ contact.name | upper" }, next: { next: question } }
  done: { type: end, reason: done }
"#;

fn load() -> Bot {
    let loaded = chatbot::load(BOT, "bench.yaml", Format::Yaml);
    assert!(loaded.diagnostics.is_empty(), "{:?}", loaded.diagnostics);
    loaded.bot.expect("a bot without diagnostics")
}

fn text(body: &str) -> Input {
    Input::Message(Incoming {
        wamid: "wamid.BENCH".into(),
        kind: "text".into(),
        text: body.into(),
        ..Incoming::default()
    })
}

fn turn(criterion: &mut Criterion) {
    let bot = load();
    let contact = ContactView { name: Some("Ada".into()), wa_id: Some("999000000000001".into()), user_id: None };
    let number = NumberView { id: "700800900100200".into(), display: Some("15550100100".into()) };
    let given = Given {
        now_ms: 1_790_000_000_000,
        seed: 7,
        staff_since_ms: None,
        address: "",
        contact: &contact,
        number: &number,
    };
    let run = |before: &Snapshot, input: &Input| chatbot::turn(&bot, before, input, &given).expect("the bot takes it");

    let (nobody, hello, answer) = (Snapshot::default(), text("hello"), text("Lisbon"));
    let waiting = run(&nobody, &hello).after;
    assert_eq!((waiting.node(), run(&waiting, &answer).effects.len()), (Some("question"), 1));

    let mut group = criterion.benchmark_group("turn");
    group.bench_function("answer, five nodes", |bencher| {
        bencher.iter(|| run(black_box(&waiting), black_box(&answer)));
    });
    group.bench_function("first message, four nodes", |bencher| {
        bencher.iter(|| run(black_box(&nobody), black_box(&hello)));
    });
    group.bench_function("tick that finds nothing due", |bencher| {
        bencher.iter(|| run(black_box(&waiting), black_box(&Input::Tick)));
    });
    group.finish();
}

criterion_group!(benches, turn);
criterion_main!(benches);
