//! From a file to a bot: read the tree, then every part of it, then check the whole.

use std::collections::BTreeMap;

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::read::{At, Fields, Open, Reader};
use super::{Bot, Format, Loaded, check, flows, policies, secrets, triggers, vars};
use crate::caps;
use crate::explain;
use crate::expr::Missing;
use crate::form::{self, FormTexts, Handlers};
use crate::migrate::{self, Running};
use crate::node::{self, Node};
use crate::testing::{self, Case};
use crate::texts;
use crate::tree::{self, Kind};

/// The version of the file format that this program reads.
const FORMAT_VERSION: u32 = 1;

const KEYS: &[&str] = &[
    "parlance",
    "id",
    "title",
    "locale",
    "i18n",
    "vars",
    "secrets",
    "triggers",
    "policies",
    "nodes",
    "flows",
    "tests",
    "ui",
    "migrate",
    "drain_after",
];

/// Loads a bot file that stands by itself. `name` is what diagnostics call the file; nothing is read from disk, so a Flow
/// that names a `file` is an error: see [`load_with`].
pub fn load(source: &str, name: &str, format: Format) -> Loaded {
    load_opened(source, name, format, None)
}

/// Loads a bot file whose Flows may name files. `open` reads one by its path below the folder of the bot file, as text, or
/// says why not. What it holds becomes part of the bot: the canonical form has it as `json`.
pub fn load_with(source: &str, name: &str, format: Format, open: &dyn Fn(&str) -> Result<String, String>) -> Loaded {
    load_opened(source, name, format, Some(open))
}

/// Loads the canonical form of a bot that was loaded before. What Meta thinks of its Flow JSON by now is a warning: it runs
/// on.
pub fn load_stored(source: &str, name: &str) -> Loaded {
    let mut reader = Reader::new(source, name);
    reader.stored = true;
    load_by(reader, source, Format::Json)
}

fn load_opened(source: &str, name: &str, format: Format, open: Option<Open<'_>>) -> Loaded {
    let source = source.strip_prefix('\u{feff}').unwrap_or(source);
    let mut reader = Reader::new(source, name);
    reader.open = open;
    load_by(reader, source, format)
}

fn load_by(mut reader: Reader<'_>, source: &str, format: Format) -> Loaded {
    let bot = read_document(&mut reader, source, format);
    let bot = bot.filter(|_| !reader.has_errors()).map(|parts| parts.into_bot(&mut reader));
    let mut diagnostics = reader.diagnostics;
    diagnostics.sort_by_key(|found| (found.text.is_some(), found.line, found.column));
    Loaded { bot, diagnostics, flow_files: reader.flow_files }
}

/// What the reader asks for in a file.
#[cfg(test)]
pub(crate) fn asked(source: &str, format: Format) -> Vec<super::read::Asked> {
    let mut reader = Reader::new(source, "test");
    let _parts = read_document(&mut reader, source, format);
    reader.asked
}

/// The parts of a bot before its texts move out of the reader.
struct Parts {
    id: String,
    title: Option<String>,
    locale: String,
    canonical: String,
    nodes: Vec<Node>,
    triggers: Vec<triggers::Trigger>,
    policies: policies::Policies,
    vars: BTreeMap<String, vars::Declared>,
    handlers: BTreeMap<String, Handlers>,
    form_texts: FormTexts,
    tests: Vec<Case>,
    running: Running,
}

impl Parts {
    fn into_bot(self, reader: &mut Reader<'_>) -> Bot {
        let by_id = self.nodes.iter().enumerate().map(|(index, node)| (node.id.clone(), index)).collect();
        Bot {
            version: hex::encode(Sha256::digest(self.canonical.as_bytes())),
            id: self.id,
            title: self.title,
            canonical: self.canonical,
            locale: self.locale,
            imported: reader.imported,
            by_id,
            nodes: self.nodes,
            triggers: self.triggers,
            policies: self.policies,
            vars: self.vars,
            flows: std::mem::take(&mut reader.flows).as_ref().clone(),
            handlers: self.handlers,
            form_texts: self.form_texts,
            tests: self.tests,
            running: self.running,
            templates: std::mem::take(&mut reader.templates),
            strict: std::mem::take(&mut reader.strict),
            files: std::mem::take(&mut reader.files).into_iter().map(|path| (path, None)).collect(),
            uses: super::Uses::take(reader),
        }
    }
}

fn read_document(reader: &mut Reader<'_>, source: &str, format: Format) -> Option<Parts> {
    if source.len() > caps::MAX_BOT_FILE_BYTES {
        let message = format!("the file has {} bytes, a bot may have {}", source.len(), caps::MAX_BOT_FILE_BYTES);
        reader.report_span(explain::TOO_LARGE, 0..0, "", message);
        return None;
    }
    let root = match tree::parse(source, format) {
        Ok(root) => root,
        Err(error) => {
            let code = if error.duplicate_key { explain::DUPLICATE_KEY } else { explain::SYNTAX };
            reader.report_span(code, error.at..error.at, "", error.message);
            return None;
        }
    };
    let at = At { node: &root, pointer: String::new() };
    reader.imported = root.get("x-imported").is_some_and(|node| matches!(node.kind, Kind::Text(_)));
    let fields = reader.fields(&at, KEYS)?;
    read_version(reader, &fields);
    read_parts(reader, &fields)
}

fn read_version(reader: &mut Reader<'_>, fields: &Fields<'_>) {
    let Some(at) = reader.required(fields, "parlance") else { return };
    let known = matches!(&at.node.kind, Kind::Number(n) if n.as_u64() == Some(u64::from(FORMAT_VERSION)));
    if !known {
        let message = format!("format version {} is unknown", at.node.to_json());
        reader.report(explain::FORMAT_VERSION, &at, message).help = Some(format!("write `parlance: {FORMAT_VERSION}`"));
    }
}

fn read_parts(reader: &mut Reader<'_>, fields: &Fields<'_>) -> Option<Parts> {
    let id = reader.required(fields, "id").and_then(|at| {
        let id = reader.text(&at)?;
        check_id(reader, &at, "bot id", &id);
        Some(id)
    });
    let title = fields.get("title").and_then(|at| reader.text(&at));
    let locale = fields.get("locale").and_then(|at| reader.text(&at)).unwrap_or_else(|| "en".to_owned());
    if let Some(at) = fields.get("ui") {
        reader.entries(&at);
    }
    if let Some(at) = fields.get("flows") {
        reader.flows = flows::read(reader, &at, id.as_deref().unwrap_or_default()).into();
    }
    if let Some(at) = fields.get("secrets") {
        reader.secrets = secrets::read(reader, &at);
    }
    reader.set_missing(read_missing(fields));
    if let Some(at) = fields.get("i18n") {
        reader.i18n = texts::read(reader, &at, &locale).into();
    }
    let vars = fields.get("vars").map(|at| vars::read(reader, &at)).unwrap_or_default();
    let handlers = fields.get("flows").map(|at| form::read(reader, &at, &vars)).unwrap_or_default();
    let form_texts = FormTexts::read(reader);
    let nodes_at = reader.required(fields, "nodes");
    let entries = nodes_at.as_ref().map(|at| reader.entries(at)).unwrap_or_default();
    if entries.len() > caps::MAX_NODES_PER_BOT
        && let Some(at) = &nodes_at
    {
        let message = format!("{} nodes, a bot may have {}", entries.len(), caps::MAX_NODES_PER_BOT);
        reader.report(explain::TOO_MANY, at, message);
        return None;
    }
    reader.set_node_ids(entries.iter().map(|(entry, _)| entry.key.clone()).collect());
    let policies = policies::read(reader, fields.get("policies").as_ref());
    let triggers = triggers::read(reader, fields, &policies.zone());
    let mut nodes = Vec::with_capacity(entries.len());
    for (entry, at) in &entries {
        let key =
            At { node: &tree::Node { kind: Kind::Null, span: entry.key_span.clone() }, pointer: at.pointer.clone() };
        check_id(reader, &key, "node id", &entry.key);
        nodes.extend(node::read(reader, at, &entry.key));
    }
    if let Some(at) = nodes_at.filter(|_| entries.is_empty()) {
        reader.report(explain::MISSING_KEY, &at, "a bot needs at least one node");
    }
    // Targets are positions in the file: a node that was not read would shift them.
    if nodes.len() == entries.len() {
        check::graph(reader, &nodes, &triggers, &policies, &check::Whole { entries: &entries, fields });
    }
    let running = migrate::read(reader, fields, &nodes);
    let tests = fields.get("tests").map(|at| testing::read(reader, &at)).unwrap_or_default();
    check::names(reader, &vars);
    check::texts(reader);
    let canonical = canonical(&inlined(reader, fields));
    if canonical.len() > caps::MAX_BOT_FILE_BYTES {
        let message = format!(
            "with its Flow JSON the bot has {} bytes, a bot may have {}",
            canonical.len(),
            caps::MAX_BOT_FILE_BYTES
        );
        reader.report_span(explain::TOO_LARGE, 0..0, "/flows", message);
    }
    Some(Parts {
        id: id?,
        title,
        locale,
        canonical,
        nodes,
        triggers,
        policies,
        vars,
        handlers,
        form_texts,
        tests,
        running,
    })
}

/// The file with the Flow JSON of its files in it.
fn inlined(reader: &Reader<'_>, fields: &Fields<'_>) -> Value {
    let mut whole = fields.at.node.to_json();
    for (name, json) in &reader.inlined {
        if let Some(flow) = whole["flows"][name].as_object_mut() {
            flow.remove("file");
            flow.insert("json".to_owned(), json.clone());
        }
    }
    whole
}

/// `missing` decides how texts are compiled, so it is looked up before everything else.
fn read_missing(fields: &Fields<'_>) -> Missing {
    let value = fields.get("policies").and_then(|at| at.node.get("missing").map(tree::Node::to_json));
    match value {
        Some(Value::String(word)) if word == "error" => Missing::Error,
        _ => Missing::Empty,
    }
}

fn check_id(reader: &mut Reader<'_>, at: &At<'_>, thing: &str, id: &str) {
    let shaped = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
    if id.is_empty() || id.chars().count() > 128 || !id.chars().all(shaped) {
        reader.report(explain::BAD_NAME, at, format!("`{id}` cannot be a {thing}")).help =
            Some("use letters, digits, _, - and ., at most 128 of them".to_owned());
    }
}

/// JSON without spaces, with keys in order.
pub(crate) fn canonical(value: &Value) -> String {
    match value {
        Value::Object(entries) => {
            let sorted: BTreeMap<&String, &Value> = entries.iter().collect();
            let parts: Vec<String> = sorted
                .into_iter()
                .map(|(key, value)| format!("{}:{}", Value::String(key.clone()), canonical(value)))
                .collect();
            format!("{{{}}}", parts.join(","))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(canonical).collect::<Vec<_>>().join(",")),
        scalar => scalar.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A bot of so many nodes of each of a few kinds.
    fn large(nodes: usize) -> String {
        let mut source =
            "parlance: 1\nid: l\ntriggers: [ { default: {}, to: s0 } ]\nvars: { n: { type: int } }\nnodes:\n"
                .to_owned();
        for n in 0..nodes {
            source.push_str(&format!(
                "  s{n}: {{ type: say, messages: [ \"{{{{ n }}}} of {n}\" ], next: {{ next: m{n} }} }}\n  m{n}: {{ type: menu, prompt: P, save: n, options: [ {{ id: a, title: A }} ], next: {{ a: s{} }} }}\n",
                (n + 1) % nodes
            ));
        }
        source
    }

    #[test]
    fn twice_the_nodes_take_twice_the_questions() {
        let count = |nodes: usize| asked(&large(nodes), Format::Yaml).len();
        let (one, two, four) = (count(250), count(500), count(1_000));
        assert_eq!(two - one, (four - two) / 2);
    }
}
