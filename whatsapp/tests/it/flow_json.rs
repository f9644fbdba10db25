//! One fixture per problem of the checker: `testdata/flow_json/<problem>.json`; `<problem>.txt` holds what is found and
//! where. `BLESS=1` rewrites it. Flows of `valid/` have no problem at all.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use whatsapp::flow::json::{FlowJson, MAX_PROBLEMS, Problem, Severity, Support, Version, Versions};

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|found| found == extension))
        .collect();
    files.sort();
    files
}

fn told(problem: &Problem) -> String {
    let Problem { line_start, column_start, line_end, column_end, .. } = problem;
    let severity = if problem.severity == Severity::Error { "error" } else { "warning" };
    format!(
        "{line_start}:{column_start}-{line_end}:{column_end} {severity} {} {}\n    {}\n",
        problem.error, problem.path, problem.message
    )
}

#[test]
fn each_problem_has_its_code_and_place() {
    for path in files(&folder("testdata/flow_json"), "json") {
        let text = fs::read_to_string(&path).unwrap();
        let found: String = FlowJson::check(&text).iter().map(told).collect();
        assert!(!found.is_empty(), "{} has no problem", path.display());
        let expected = path.with_extension("txt");
        if std::env::var_os("BLESS").is_some() {
            fs::write(&expected, &found).unwrap();
            continue;
        }
        let wanted = fs::read_to_string(&expected).unwrap_or_default();
        assert_eq!(found, wanted, "\n{} differs; BLESS=1 rewrites it", expected.display());
    }
}

#[test]
fn each_code_of_the_checker_has_a_fixture() {
    let mut sources = files(&folder("src/flow/json/check"), "rs");
    sources.push(folder("src/flow/json/problem.rs"));
    let is_code =
        |word: &&str| word.len() > 8 && word.contains('_') && word.bytes().all(|b| b.is_ascii_uppercase() || b == b'_');
    let mut codes = BTreeSet::new();
    for path in sources {
        let source = fs::read_to_string(path).unwrap();
        codes.extend(source.split('"').filter(is_code).map(str::to_owned));
    }
    codes.remove("FLOW_JSON_ERROR");
    assert!(codes.len() > 50, "the sources name their codes: {codes:?}");
    let told: String =
        files(&folder("testdata/flow_json"), "txt").iter().map(|path| fs::read_to_string(path).unwrap()).collect();
    let without: Vec<_> = codes.iter().filter(|code| !told.contains(&format!(" {code} "))).collect();
    assert!(without.is_empty(), "no fixture of {without:?}");
}

#[test]
fn valid_flows_have_no_problems() {
    let mut versions = BTreeSet::new();
    for path in files(&folder("testdata/flow_json/valid"), "json") {
        let text = fs::read_to_string(&path).unwrap();
        let found: String = FlowJson::check(&text).iter().map(told).collect();
        assert_eq!(found, "", "{}", path.display());
        let flow = FlowJson::parse(&text).unwrap();
        versions.insert(flow.version().unwrap().to_string());
        let entry = flow.entry().unwrap();
        assert_eq!(Some(entry), flow.screens().first().map(|screen| &*screen.id), "{}", path.display());
        for screen in flow.screens() {
            let examples = screen.data.iter().map(|field| (field.name.clone(), field.example.clone().unwrap()));
            assert_eq!(screen.accepts(&serde_json::Value::Object(examples.collect())), Ok(()));
        }
    }
    assert!(["5.1", "6.3", "7.3"].iter().all(|version| versions.contains(*version)), "{versions:?}");
}

#[test]
fn other_versions_can_be_named() {
    let text = fs::read_to_string(folder("testdata/flow_json/unavailable_flow_json_version.json")).unwrap();
    assert_eq!(FlowJson::check(&text).len(), 1);
    let mut versions = Versions::default();
    versions.flow_json.push((Version::new(8, 0), Support::Publishable));
    assert_eq!(FlowJson::check_with(&text, &versions), []);
    versions.flow_json.last_mut().unwrap().1 = Support::Expired;
    let found = FlowJson::check_with(&text, &versions);
    assert_eq!((&*found[0].error, found[0].severity), ("UNSUPPORTED_FLOW_JSON_VERSION", Severity::Error));
}

#[test]
fn the_number_of_problems_is_bounded() {
    let screens: Vec<_> = (0..5_000).map(|at| serde_json::json!({ "nothing": at })).collect();
    let text = serde_json::json!({ "version": "7.3", "screens": screens }).to_string();
    assert_eq!(FlowJson::check(&text).len(), MAX_PROBLEMS);
}

#[test]
fn columns_count_characters() {
    let text = "{\"version\": \"7.3\", \"ž👍\": 1, \"screens\": [{\"id\": \"Ž\"}]}";
    let found = FlowJson::check(text);
    let at = |code: &str| found.iter().find(|p| p.error == code).map(|p| (p.column_start, p.column_end));
    assert_eq!(at("INVALID_PROPERTY_KEY"), Some((20, 24)));
    assert_eq!(at("PATTERN_MISMATCH"), Some((48, 51)));
}

/// Values as a Flow might hold them, and others.
fn values() -> impl Strategy<Value = serde_json::Value> {
    let words = prop_oneof![
        Just("${data.x}".to_owned()),
        Just("`${form.a} == 'x'`".to_owned()),
        Just("navigate".to_owned()),
        Just("ONLY".to_owned()),
        "[ -~]{0,12}",
        ".{0,4}",
    ];
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<f64>().prop_map(Into::into),
        words.prop_map(Into::into),
    ];
    let keys = prop::sample::select(vec![
        "type",
        "name",
        "label",
        "text",
        "data-source",
        "id",
        "title",
        "on-click-action",
        "payload",
        "next",
        "children",
        "then",
        "else",
        "cases",
        "condition",
        "value",
        "x",
    ]);
    leaf.prop_recursive(4, 40, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Into::into),
            prop::collection::vec((keys.clone(), inner), 0..6).prop_map(|pairs| pairs
                .into_iter()
                .map(|(k, v)| (k.to_owned(), v))
                .collect::<serde_json::Map<_, _>>()
                .into()),
        ]
    })
}

/// All places in a value, as JSON pointers.
fn pointers(value: &serde_json::Value, at: &str, into: &mut Vec<String>) {
    into.push(at.to_owned());
    match value {
        serde_json::Value::Array(items) => {
            items.iter().enumerate().for_each(|(n, item)| pointers(item, &format!("{at}/{n}"), into));
        }
        serde_json::Value::Object(map) => map.iter().for_each(|(key, value)| {
            let key = key.replace('~', "~0").replace('/', "~1");
            pointers(value, &format!("{at}/{key}"), into);
        }),
        _ => {}
    }
}

fn holds(text: &str) {
    let lines = u32::try_from(text.split('\n').count()).unwrap();
    for problem in FlowJson::check(text) {
        let (start, end) = ((problem.line_start, problem.column_start), (problem.line_end, problem.column_end));
        assert!(start.0 >= 1 && start.1 >= 1 && start <= end && end.0 <= lines, "{problem:?}");
        assert!(!problem.message.is_empty());
    }
    if let Ok(flow) = FlowJson::parse(text) {
        let _ = (flow.entry(), flow.has_endpoint(), flow.may_follow("A", "B"));
        for screen in flow.screens() {
            drop(screen.accepts(&serde_json::json!({ "x": 1 })));
        }
    }
}

proptest! {
    #[test]
    fn any_text_is_checked(text in ".{0,200}") {
        holds(&text);
    }

    #[test]
    fn any_value_in_any_place_of_a_flow_is_checked(which in any::<prop::sample::Index>(), place in any::<prop::sample::Index>(), value in values()) {
        let all = files(&folder("testdata/flow_json/valid"), "json");
        let text = fs::read_to_string(which.get(&all)).unwrap();
        let mut flow: serde_json::Value = serde_json::from_str(&text).unwrap();
        let mut places = Vec::new();
        pointers(&flow, "", &mut places);
        let place: &String = place.get(&places);
        *flow.pointer_mut(place).unwrap() = value;
        holds(&serde_json::to_string_pretty(&flow).unwrap());
    }
}
