//! How long does it take to check a bot of 2,000 nodes, and to draw it? An author should not notice: well below a second.
#![allow(missing_docs, reason = "criterion's macros make public functions")]

use std::hint::black_box;

use chatbot::{Format, Picture, load};
use criterion::{Criterion, criterion_group, criterion_main};

/// Of every four nodes one says something with templates, one is a menu, one computes and one decides.
fn large(nodes: usize) -> String {
    let mut source =
        "parlance: 1\nid: large\nvars: { asked: { type: int, default: 0 }, last: { type: text } }\n".to_owned();
    source.push_str("triggers: [ { keyword: { any: [book, hello] }, to: n1 }, { default: {}, to: n0 } ]\nnodes:\n");
    for n in 0..nodes {
        let (next, far) = (n + 1, (n * 7 + 13) % nodes);
        source.push_str(&match n % 4 {
            0 => format!("  n{n}: {{ type: say, messages: [ \"Hello {{{{ contact.name }}}}, {{{{ asked }}}} of {n}: {{{{ last | upper }}}}\" ], next: {{ next: n{next} }} }}\n"),
            1 => format!("  n{n}: {{ type: menu, prompt: \"Which of {n}?\", save: last, options: [ {{ id: a, title: One, synonyms: [first, uno] }}, {{ id: b, title: Two }} ], next: {{ a: n{next}, b: n{far} }} }}\n"),
            2 => format!("  n{n}: {{ type: set, assign: {{ asked: asked + {n} }}, next: {{ next: n{next} }} }}\n"),
            _ => format!("  n{n}: {{ type: branch, cases: [ {{ when: asked > {n} and last != 'x', to: n{far} }} ], else: n{next} }}\n"),
        });
    }
    source.push_str(&format!("  n{nodes}: {{ type: end }}\n"));
    source
}

fn check(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("check");
    group.sample_size(20);
    for nodes in [500, 1_000, 2_000] {
        let yaml = large(nodes);
        let bot = load(&yaml, "large.yaml", Format::Yaml).bot.expect("a bot without errors");
        let json = bot.canonical_json();
        group.bench_function(format!("YAML, {nodes} nodes"), |bencher| {
            bencher.iter(|| load(black_box(&yaml), "large.yaml", Format::Yaml));
        });
        group.bench_function(format!("JSON on one line, {nodes} nodes"), |bencher| {
            bencher.iter(|| load(black_box(&json), "large.json", Format::Json));
        });
        group.bench_function(format!("picture, {nodes} nodes"), |bencher| {
            bencher.iter(|| chatbot::graph(black_box(&bot), &[], Picture::Svg));
        });
    }
    group.finish();
}

criterion_group!(benches, check);
criterion_main!(benches);
