//! Holds the schema against the reader, over every bot file of the repository and `testdata/schema`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::bot::{Format, asked, load, read::Question};
use crate::{NODE_TYPES, tree};

/// Folders with bot files, from the root of the repository.
const FOLDERS: &[&str] = &[
    "bots",
    "docs/examples",
    "src/bench/bots",
    "chatbot/testdata/transcripts",
    "chatbot/testdata/diagnostics",
    "chatbot/testdata/schema",
    "chatbot/testdata/flows",
];
/// Codes of files whose shape is not that of a bot: no schema need take them.
const SHAPES: &[&str] = &[
    "PAR-0201", "PAR-0202", "PAR-0203", "PAR-0204", "PAR-0205", "PAR-0207", "PAR-0208", "PAR-0209", "PAR-0215",
    "PAR-0217", "PAR-0220", "PAR-0222", "PAR-0223", "PAR-0225", "PAR-0226", "PAR-0228",
];
/// Codes that the schema must find, too.
const REFUSED: &[&str] = &["PAR-0202", "PAR-0205", "PAR-0220", "PAR-0222"];

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

struct File {
    name: String,
    source: String,
    format: Format,
    json: Value,
}

/// Every bot file that is YAML or JSON at all.
fn files() -> Vec<File> {
    let mut files = Vec::new();
    for folder in FOLDERS {
        let mut paths: Vec<PathBuf> =
            std::fs::read_dir(repository().join(folder)).unwrap().map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        for path in paths {
            let Some(format) = Format::by_extension(&path) else { continue };
            let source = std::fs::read_to_string(&path).unwrap();
            let Ok(tree) = tree::parse(&source, format) else { continue };
            let name = format!("{folder}/{}", path.file_name().unwrap().to_string_lossy());
            files.push(File { name, format, json: tree.to_json(), source });
        }
    }
    files
}

/// A part of the schema that speaks of a place, and the definition that it is, if it is one.
#[derive(Clone, Copy)]
struct Form<'s> {
    schema: &'s Value,
    name: Option<&'s str>,
}

/// All parts that speak of the same value: those that `$ref` and `anyOf` lead to, and that may be meant.
fn forms<'s>(root: &'s Value, schema: &'s Value, value: &Value, name: Option<&'s str>, found: &mut Vec<Form<'s>>) {
    let kind = &schema["properties"]["type"]["const"];
    if kind.is_string() && value.get("type").is_some_and(|given| given != kind) {
        return;
    }
    found.push(Form { schema, name });
    if let Some(target) = schema["$ref"].as_str() {
        let name = target.rsplit('/').next().unwrap();
        forms(root, &root["$defs"][name], value, Some(name), found);
    }
    for form in schema["anyOf"].as_array().into_iter().flatten() {
        forms(root, form, value, None, found);
    }
}

/// What the schema says of the value at a pointer of a document.
fn at<'s>(root: &'s Value, document: &Value, pointer: &str) -> Vec<Form<'s>> {
    let (mut value, mut found) = (document, Vec::new());
    forms(root, root, value, None, &mut found);
    for part in pointer.split('/').skip(1) {
        let key = part.replace("~1", "/").replace("~0", "~");
        value = match value {
            Value::Array(items) => &items[key.parse::<usize>().unwrap()],
            value => &value[&key],
        };
        let mut next = Vec::new();
        for form in &found {
            let schema = form.schema;
            let below = match schema["properties"].get(&key) {
                Some(property) => property,
                None if key.parse::<usize>().is_ok() && schema["items"].is_object() => &schema["items"],
                None => &schema["additionalProperties"],
            };
            if below.is_object() {
                forms(root, below, value, None, &mut next);
            }
        }
        found = next;
    }
    found
}

fn names<'a>(list: impl IntoIterator<Item = &'a str>) -> BTreeSet<String> {
    list.into_iter().map(str::to_owned).collect()
}

fn keys(schema: &Value) -> Option<BTreeSet<String>> {
    Some(schema["properties"].as_object()?.keys().cloned().collect())
}

/// Whether a part of the schema asks for the same.
fn answers(form: &Form<'_>, question: &Question) -> bool {
    let schema = form.schema;
    let is = |name: &str| form.name == Some(name);
    match question {
        Question::Keys(known) => keys(schema) == Some(names(known.iter().map(String::as_str))),
        Question::Required(key) => {
            let lists = schema["oneOf"].as_array().into_iter().flatten().chain([schema]);
            lists.filter_map(|form| form["required"].as_array()).flatten().any(|known| known == key)
        }
        Question::Words(words) => {
            let listed = schema["enum"].as_array().map(|list| names(list.iter().filter_map(Value::as_str)));
            listed == Some(names(words.iter().copied()))
        }
        Question::Count(from, to) => schema["minimum"] == *from && schema["maximum"] == *to,
        Question::Text => {
            schema["enum"].is_array()
                || schema["type"] == "string"
                || schema["type"][0] == "string"
                || schema["const"].is_string()
        }
        Question::Flag => schema["type"] == "boolean",
        Question::Number => schema["type"] == "number",
        Question::Duration => is("duration"),
        Question::List => schema["type"] == "array",
        Question::Map => schema["type"] == "object",
        Question::Target => is("node_id"),
        Question::Variable => is("variable"),
        Question::Template => is("text"),
        Question::Expression => is("expression"),
    }
}

/// A place where any value may stand.
fn is_open(form: &Form<'_>) -> bool {
    form.name == Some("value")
        || form.schema.as_object().is_some_and(|schema| schema.keys().all(|key| key == "description"))
}

#[test]
fn the_schema_asks_for_what_the_reader_asks_for() {
    let root = super::schema();
    // One line for each question.
    let mut wrong = BTreeMap::new();
    for file in files() {
        for asked in asked(&file.source, file.format) {
            let forms = at(&root, &file.json, &asked.pointer);
            // A value in a value of any shape is not described.
            let fits = forms.is_empty() || forms.iter().any(|form| is_open(form) || answers(form, &asked.what));
            let described = !forms.is_empty()
                || matches!(asked.what, Question::Template | Question::Text | Question::List | Question::Map);
            let unknown = file.source.contains("PAR-0202");
            let agreed = unknown || (fits && described);
            if !agreed {
                let question = format!("{}:{}: the reader asks {:?}", asked.by.file(), asked.by.line(), asked.what);
                wrong.entry(question).or_insert(format!(" at {} of {}", asked.pointer, file.name));
            }
        }
    }
    let wrong: Vec<String> = wrong.into_iter().map(|(question, place)| question + &place).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Every map of the schema that takes some keys and no others.
fn closed<'s>(schema: &'s Value, path: String, found: &mut Vec<(String, &'s Value)>) {
    if schema["additionalProperties"] == false && schema["properties"].is_object() {
        found.push((path.clone(), schema));
    }
    match schema {
        Value::Object(entries) => {
            entries.iter().for_each(|(key, value)| closed(value, format!("{path}/{key}"), found));
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, item)| closed(item, format!("{path}/{index}"), found));
        }
        _ => {}
    }
}

#[test]
fn the_reader_asks_for_every_map_of_the_schema() {
    let root = super::schema();
    let mut reached: Vec<*const Value> = Vec::new();
    for file in files() {
        for asked in asked(&file.source, file.format) {
            if matches!(asked.what, Question::Keys(_) | Question::Map) {
                let forms = at(&root, &file.json, &asked.pointer);
                // Ports are asked for by `next`, whose keys the node knows.
                let asks = |form: &&Form<'_>| matches!(asked.what, Question::Map) || answers(form, &asked.what);
                reached.extend(forms.iter().filter(asks).map(|form| std::ptr::from_ref(form.schema)));
            }
        }
    }
    let mut all = Vec::new();
    closed(&root, String::new(), &mut all);
    let missed: Vec<String> = all
        .into_iter()
        .filter(|(_, schema)| !reached.contains(&std::ptr::from_ref(*schema)))
        .map(|(path, _)| path)
        .collect();
    assert!(missed.is_empty(), "no bot file shows that the reader knows these:\n{}", missed.join("\n"));
}

/// The lines of the reader's code that ask for keys or words.
fn sites(folder: &Path, found: &mut Vec<(PathBuf, u32, String)>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sites(&path, found);
            continue;
        }
        let source = std::fs::read_to_string(&path).unwrap();
        for (index, line) in source.lines().enumerate().take_while(|(_, line)| !line.contains("mod tests")) {
            let asks = [".fields(", ".fields_with(", ".word("]
                .iter()
                .any(|call| line.contains(&format!("reader{call}")) || line.trim_start().starts_with(call));
            if asks && !line.trim_start().starts_with("//") {
                found.push((path.clone(), u32::try_from(index + 1).unwrap(), line.trim().to_owned()));
            }
        }
    }
}

#[test]
fn every_question_of_the_reader_is_asked_in_some_bot_file() {
    let mut seen = BTreeSet::new();
    for file in files() {
        for asked in asked(&file.source, file.format) {
            seen.insert((asked.by.file().replace('\\', "/"), asked.by.line()));
        }
    }
    let mut all = Vec::new();
    sites(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut all);
    let missed: Vec<String> = all
        .into_iter()
        .filter(|(path, line, _)| {
            !seen.iter().any(|(file, seen)| line == seen && path.ends_with(file.trim_start_matches("chatbot/")))
        })
        .map(|(path, line, text)| format!("{}:{line}: {text}", path.display()))
        .collect();
    assert!(missed.is_empty(), "write a bot file for these into testdata/schema:\n{}", missed.join("\n"));
}

#[test]
fn bot_files_are_as_the_schema_says_and_broken_ones_are_not() {
    let root = super::schema();
    let validator = jsonschema::validator_for(&root).unwrap();
    let mut wrong = Vec::new();
    for file in files() {
        let found = load(&file.source, "test", file.format).diagnostics;
        let has = |codes: &[&str]| found.iter().any(|found| codes.contains(&found.code));
        let errors: Vec<String> = validator
            .iter_errors(&file.json)
            .map(|error| format!("  {}: {error:.300}", error.instance_path()))
            .collect();
        if !has(SHAPES) && !errors.is_empty() {
            wrong.push(format!("{} is refused:\n{}", file.name, errors.join("\n")));
        }
        if has(REFUSED) && errors.is_empty() {
            wrong.push(format!(
                "{} is taken, although {:?}",
                file.name,
                found.iter().map(|found| &found.message).collect::<Vec<_>>()
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_kind_of_node_has_its_ports_in_the_schema() {
    let root = super::schema();
    for kind in NODE_TYPES {
        assert!(root["$defs"].get(format!("node_{kind}")).is_some(), "no schema for `{kind}`");
    }
    for file in files() {
        let Some(bot) = load(&file.source, "test", file.format).bot else { continue };
        for node in &bot.nodes {
            let next = &root["$defs"][format!("node_{}", node.kind.name())]["properties"]["next"];
            let ports = node.kind.ports();
            for port in ports.required.iter().chain(&ports.optional) {
                let known = next["properties"].get(port).is_some() || next["additionalProperties"].is_object();
                let later = next.is_null();
                assert!(
                    known || later,
                    "`{}` of {} has a port `{port}` that the schema does not know",
                    node.kind.name(),
                    file.name
                );
            }
            for port in next["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
                assert!(
                    ports.required.iter().any(|known| known == port),
                    "`{port}` of {} need not be connected",
                    node.kind.name()
                );
            }
        }
    }
}

#[test]
fn the_committed_schema_is_this_one() {
    let path = repository().join("docs/bot.schema.json");
    let text = serde_json::to_string_pretty(&super::schema()).unwrap() + "\n";
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == text, "docs/bot.schema.json differs; BLESS=1 rewrites it");
}

#[test]
fn the_schema_is_one_of_its_draft_and_every_reference_leads_somewhere() {
    let root = super::schema();
    assert!(jsonschema::meta::is_valid(&root));
    let text = root.to_string();
    for (at, mark) in text.match_indices("#/$defs/") {
        let name: String =
            text.chars().skip(text.get(..at + mark.len()).unwrap().chars().count()).take_while(|c| *c != '"').collect();
        assert!(root["$defs"].get(&name).is_some(), "{name}");
    }
    let title = |value: Value| jsonschema::validator_for(&root).unwrap().is_valid(&value);
    let bot = json!({ "parlance": 1, "id": "a", "triggers": [{ "default": {}, "to": "a" }], "nodes": { "a": { "type": "end" } } });
    assert!(title(bot.clone()));
    for (key, value) in [
        ("parlance", json!(2)),
        ("id", json!("a b")),
        ("nodes", json!([])),
        ("triggers", json!([{ "to": "a" }])),
        ("nods", json!({})),
    ] {
        let mut broken = bot.clone();
        broken[key] = value;
        assert!(!title(broken), "{key}");
    }
}
