//! One fixture per finding of the checker: `testdata/diagnostics/<name>.yaml` (or `.json`). Its first
//! line says what must be found and where: `# PAR-0206 7:24`, several with commas; in JSON under the
//! key `x-expect`. `<name>.txt` holds the rendered text. `BLESS=1` rewrites it.

use std::collections::BTreeSet;
use std::path::PathBuf;

use chatbot::{Format, KnownFlow, KnownTemplate, Surroundings, codes, explain, load};

use crate::support::{expect_file, read, repository, testdata};

fn fixtures() -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(testdata("diagnostics"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| Format::by_extension(path).is_some())
        .collect();
    files.sort();
    files
}

/// What the account has: `testdata/templates.json`, elements of Meta's list.
fn templates() -> Vec<KnownTemplate> {
    let list: Vec<serde_json::Value> = serde_json::from_str(&read(&testdata("templates.json"))).unwrap();
    list.iter().map(|element| KnownTemplate::from_meta(element).unwrap()).collect()
}

/// The Flows that it has.
fn flows() -> Vec<KnownFlow> {
    let flow =
        |id: &str, name: &str, status: &str| KnownFlow { id: id.into(), name: name.into(), status: status.into() };
    vec![
        flow("8100200300", "booking", "PUBLISHED"),
        flow("8100200301", "survey", "DRAFT"),
        flow("8100200302", "visit", "THROTTLED"),
        flow("8100200303", "order", "BLOCKED"),
        flow("8100200304", "report", "DEPRECATED"),
    ]
}

fn expected(source: &str) -> Vec<String> {
    let line = source.lines().find(|line| line.contains("PAR-")).unwrap_or_default();
    let from = line.find("PAR-").unwrap_or(0);
    let list: String = line.chars().skip(from).take_while(|c| *c != '"').collect();
    list.split(',').map(|part| part.trim().to_owned()).collect()
}

#[test]
fn each_finding_has_its_code_and_place() {
    let mut wrong = Vec::new();
    let secrets = BTreeSet::from(["crm_token".to_owned()]);
    let surroundings = Surroundings { templates: Some(templates()), secrets: Some(secrets), ..Surroundings::default() };
    for path in fixtures() {
        let source = read(&path);
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let mut loaded = load(&source, &name, Format::by_extension(&path).unwrap());
        // Other fixtures with Flows say nothing of an account.
        let flows = name.starts_with("flow_at_meta").then(flows);
        let surroundings = Surroundings { flows, ..surroundings.clone() };
        let used = loaded.bot.as_ref().map(|bot| bot.check_against(&surroundings)).unwrap_or_default();
        assert_eq!(loaded.bot.is_some(), !loaded.diagnostics.iter().any(chatbot::Diagnostic::is_error), "{name}");
        loaded.diagnostics.extend(used);
        let found: Vec<String> =
            loaded.diagnostics.iter().map(|d| format!("{} {}:{}", d.code, d.line, d.column)).collect();
        let rendered: Vec<String> = loaded.diagnostics.iter().map(|d| d.render(&source)).collect();
        if found != expected(&source) {
            wrong.push(format!("{name}: found {}\n{}", found.join(", "), rendered.join("\n")));
        }
        for diagnostic in &loaded.diagnostics {
            assert!(explain(diagnostic.code).is_some(), "{}", diagnostic.code);
            serde_json::to_value(diagnostic).unwrap();
        }
        expect_file(&path.with_extension("txt"), &rendered.join("\n"));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_code_has_a_fixture() {
    let seen: BTreeSet<String> = fixtures()
        .iter()
        .flat_map(|path| expected(&read(path)))
        .filter_map(|entry| entry.split(' ').next().map(str::to_owned))
        .collect();
    // A file over the cap is made here instead of kept.
    let huge = " ".repeat(chatbot::caps::MAX_BOT_FILE_BYTES + 1);
    let found = load(&huge, "huge", Format::Yaml).diagnostics;
    assert_eq!((found.len(), found[0].code, found[0].line), (1, "PAR-0227", 1));
    for code in codes().filter(|code| *code != "PAR-0227") {
        assert!(seen.contains(code), "no fixture shows {code}");
    }
}

#[test]
fn a_bot_of_two_thousand_nodes_is_checked() {
    let mut source = "parlance: 1\nid: big\ntriggers: [ { default: {}, to: n0 } ]\nnodes:\n".to_owned();
    for n in 0..2_000 {
        source.push_str(&format!(
            "  n{n}: {{ type: say, messages: [ {{ text: \"{{{{ contact.name }}}} {n}\" }} ], next: {{ next: n{} }} }}\n",
            n + 1
        ));
    }
    source.push_str("  n2000: { type: end }\n");
    let loaded = load(&source, "big.yaml", Format::Yaml);
    assert_eq!(loaded.diagnostics, []);
    assert_eq!(loaded.bot.unwrap().node_count(), 2_001);
}

/// `docs/diagnostics.md` has every code with what `parlance explain` says of it.
#[test]
fn every_code_is_documented() {
    let mut page = "# What the checker says\n\n<!-- Written by `BLESS=1 cargo test -p chatbot --test it diagnostics`. -->\n\n`parlance bot check` names each finding by a code that never changes its meaning. Errors keep a bot from running, with\nexit code 65; warnings do not. `parlance explain CODE` prints the text of a code.\n\n| code | severity | what it means and what to do |\n| --- | --- | --- |\n".to_owned();
    for code in codes() {
        let (severity, text) = (chatbot::severity(code).unwrap(), explain(code).unwrap());
        page.push_str(&format!("| {code} | {} | {} |\n", severity.as_str(), text.replace('|', "\\|")));
    }
    expect_file(&repository("docs/diagnostics.md"), &page);
}

#[test]
fn the_place_behind_a_finding_is_told_to_programs() {
    let found = load("parlance: 1\nid: x\ntitle: ü\n§: 1\n", "x.yaml", Format::Yaml).diagnostics;
    let json = serde_json::to_value(&found).unwrap();
    let unknown = json.as_array().unwrap().iter().find(|found| found["code"] == "PAR-0202").unwrap();
    assert_eq!((&unknown["line"], &unknown["column"]), (&4.into(), &1.into()));
    assert_eq!(unknown["end"], serde_json::json!({ "line": 4, "column": 2 }));
    assert_eq!((&unknown["pointer"], &unknown["severity"]), (&"/§".into(), &"error".into()));
}
