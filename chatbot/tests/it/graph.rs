//! Pictures of bots: what they show, and that no text of a bot can be anything but text in them.

use chatbot::{Format, Picture, graph, load};

use crate::support::{bot, expect_file, load_file, repository, testdata};

/// A bot whose every text would be something else in one of the languages.
const HOSTILE: &str = r#"
parlance: 1
id: hostile
title: "<script>alert(1)</script> \" \\ ]] --> %% `x` &amp; \u202Eevil"
triggers:
  - keyword: { any: [ "\"];click n0 href javascript:alert(1)", "</text><script>" ] }
    to: a
  - default: {}
    to: a
nodes:
  a:
    type: menu
    prompt: "line one\nline \"two\" <b onload='x'> | } ] ) ; -> שלום \u202E"
    options:
      - { id: "\"]; x", title: Quotes }
      - { id: "<i>|--", title: Tags }
      - { id: "a\\", title: Backslash }
    next: { "\"]; x": b, "<i>|--": b, "a\\": c }
  b: { type: branch, cases: [ { when: "input.text == '<\"&]]>'", to: a } ], else: c }
  c: { type: say, messages: [ "`${x}`; }; classDef x fill:red" ], next: { next: lonely } }
  lonely: { type: end, reason: "\\" }
  unreached: { type: goto, to: lonely }
"#;

/// Reads a picture of Mermaid: an id, brackets with one quoted text of letters, spaces, signs and entities, or an edge.
fn reads_as_mermaid(text: &str) -> Result<(), String> {
    let plain = r##"(?:[\p{L}\p{M}\p{N}\p{S}\p{P}&&[^\x00-\x7f]]|[A-Za-z0-9 .,?!'/=+_]|#[0-9]+;)*"##;
    let label = format!("(?:<b>{plain}</b>(?:<br/>{plain})?)");
    let shape = format!(
        r##"(?:\(\["{label}"\]\)|\{{\{{"{label}"\}}\}}|\{{"{label}"\}}|\[\["{label}"\]\]|\[/"{label}"\\\]|\("{label}"\)|\["{label}"\])"##
    );
    let line = format!(
        r##"^(?:flowchart TD|%% .*|  n\d+{shape}|  class n\d+ [a-z]+(?:,[a-z]+)?|  n\d+ -->(?:\|"{plain}"\|)? n\d+|  classDef [a-z]+ [a-z0-9:#,. -]+)$"##
    );
    let line = regex::Regex::new(&line).unwrap();
    text.lines().find(|one| !line.is_match(one)).map_or(Ok(()), |one| Err(one.to_owned()))
}

/// Reads a digraph: names, quoted texts in which quotes and backslashes are escaped, lists of attributes.
fn reads_as_dot(text: &str) -> Result<(), String> {
    let quoted = r#""(?:[^"\\]|\\["\\n])*""#;
    let value = format!(r"(?:{quoted}|[A-Za-z0-9.]+)");
    let list = format!(r"\[[a-z]+={value}(?:, [a-z]+={value})*\]");
    let line =
        format!(r"^(?:digraph {quoted} \{{|\}}|  (?:graph|node|edge|n\d+) {list};|  n\d+ -> n\d+(?: {list})?;)$");
    let line = regex::Regex::new(&line).unwrap();
    text.lines().find(|one| !line.is_match(one)).map_or(Ok(()), |one| Err(one.to_owned()))
}

/// Reads XML with a few elements: every tag is closed, every attribute quoted, every `&` an entity.
fn reads_as_svg(text: &str) -> Result<Vec<String>, String> {
    let tag = regex::Regex::new(
        r#"^<(/?)(svg|title|style|rect|text|g|path|polygon|circle)((?: [a-zA-Z-]+="[^"<&]*")*)(/?)>"#,
    )
    .unwrap();
    let words = regex::Regex::new(r"^(?:[^<>&]|&(?:amp|lt|gt|quot|#39);)+").unwrap();
    let (mut rest, mut open, mut texts) = (text, Vec::new(), Vec::new());
    while !rest.is_empty() {
        if let Some(found) = tag.captures(rest) {
            let name = found[2].to_owned();
            match (&found[1], &found[4]) {
                ("/", "") if open.last() == Some(&name) => drop(open.pop()),
                ("", "/") => {}
                ("", "") => open.push(name),
                _ => return Err(found[0].to_owned()),
            }
            rest = rest.split_at(found[0].len()).1;
        } else if let Some(found) = words.find(rest) {
            texts.push(found.as_str().to_owned());
            rest = rest.split_at(found.len()).1;
        } else {
            return Err(rest.chars().take(80).collect());
        }
    }
    if open.is_empty() { Ok(texts) } else { Err(format!("{open:?} stay open")) }
}

#[test]
fn hostile_texts_stay_texts() {
    let bot = bot(HOSTILE);
    let mermaid = graph(&bot, &[], Picture::Mermaid);
    assert_eq!(reads_as_mermaid(&mermaid), Ok(()), "{mermaid}");
    let dot = graph(&bot, &[], Picture::Dot);
    assert_eq!(reads_as_dot(&dot), Ok(()), "{dot}");
    let svg = graph(&bot, &[], Picture::Svg);
    let texts = reads_as_svg(&svg).unwrap_or_else(|at| panic!("{at}\n{svg}"));
    assert!(texts.iter().any(|text| text.contains("&lt;script&gt;alert(1)")));
    for text in [&mermaid, &dot, &svg] {
        assert!(!text.contains('\u{202e}'), "{text}");
    }
    assert!(!mermaid.contains("<script") && !svg.contains("<script"));
}

#[test]
fn the_same_bot_gives_the_same_picture() {
    for picture in Picture::NAMES.map(|name| Picture::from_name(name).unwrap()) {
        assert_eq!(graph(&bot(HOSTILE), &[], picture), graph(&bot(HOSTILE), &[], picture));
    }
    assert_eq!(Picture::from_name("png"), None);
}

#[test]
fn every_bot_of_the_repository_can_be_drawn() {
    for folder in ["bots", "docs/examples", "chatbot/testdata/transcripts", "chatbot/testdata/schema"] {
        for entry in std::fs::read_dir(repository(folder)).unwrap() {
            let path = entry.unwrap().path();
            if Format::by_extension(&path) != Some(Format::Yaml) {
                continue;
            }
            let mut loaded = load_file(&path);
            let bot = loaded.bot.take().unwrap();
            let draw = |picture| graph(&bot, &loaded.diagnostics, picture);
            assert_eq!(reads_as_mermaid(&draw(Picture::Mermaid)), Ok(()), "{}", path.display());
            assert_eq!(reads_as_dot(&draw(Picture::Dot)), Ok(()), "{}", path.display());
            let svg = draw(Picture::Svg);
            assert!(reads_as_svg(&svg).is_ok(), "{}: {:?}", path.display(), reads_as_svg(&svg));
            for id in bot.node_ids() {
                let id: String = id.chars().take(25).collect();
                assert!(svg.contains(&format!(">{id}")), "{id} of {}", path.display());
            }
        }
    }
}

#[test]
fn a_picture_shows_ports_conditions_entries_and_what_is_wrong() {
    let source = "parlance: 1\nid: t\npolicies: { on_error: sorry }\ntriggers:\n  - keyword: { any: [book, table] }\n    to: pick\n  - default: {}\n    to: pick\nnodes:\n  pick: { type: menu, prompt: Which?, options: [ { id: b, title: B }, { id: a, title: A } ], next: { b: size, a: size, timeout: sorry } }\n  size: { type: branch, cases: [ { when: contact.name, to: pick } ], else: end }\n  sorry: { type: say, messages: [ Sorry ], next: { next: end } }\n  end: { type: end, reason: fine }\n  lost: { type: end }\n";
    let loaded = load(source, "t.yaml", Format::Yaml);
    let bot = loaded.bot.unwrap();
    expect_file(&testdata("graph/small.mmd"), &graph(&bot, &loaded.diagnostics, Picture::Mermaid));
    expect_file(&testdata("graph/small.dot"), &graph(&bot, &loaded.diagnostics, Picture::Dot));
    let svg = graph(&bot, &loaded.diagnostics, Picture::Svg);
    expect_file(&testdata("graph/small.svg"), &svg);
    for part in [
        "keyword",
        "book, table",
        ">b, a<",
        ">contact.name<",
        "on_error",
        "unreached",
        "finding",
        "Which?",
        "prefers-color-scheme:dark",
    ] {
        assert!(svg.contains(part), "{part}\n{svg}");
    }
}

#[test]
fn a_bot_of_two_thousand_nodes_is_drawn() {
    let mut source = "parlance: 1\nid: big\ntriggers: [ { default: {}, to: n0 } ]\nnodes:\n".to_owned();
    for n in 0..2_000 {
        source.push_str(&format!("  n{n}: {{ type: menu, prompt: \"{n}\", options: [ {{ id: on, title: On }}, {{ id: back, title: Back }}, {{ id: far, title: Far }} ], next: {{ on: n{}, back: n{}, far: n{} }} }}\n", n + 1, n / 2, (n * 7 + 13) % 2_000));
    }
    source.push_str("  n2000: { type: end }\n");
    assert!(reads_as_svg(&graph(&bot(&source), &[], Picture::Svg)).is_ok());
}
