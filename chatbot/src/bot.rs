//! A loaded bot: checked, compiled, immutable, shared by every conversation that runs it.

mod check;
pub(crate) mod flows;
mod load;
pub(crate) mod policies;
pub(crate) mod read;
pub(crate) mod secrets;
pub(crate) mod triggers;
pub(crate) mod vars;

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::path::Path;

use minijinja::Environment;

use crate::diagnostic::Diagnostic;
use crate::form::{FormTexts, Handlers};
use crate::message::shape::Place;
use crate::migrate::Running;
use crate::node::Node;
use crate::sending::Manners;
use crate::templates::{self, KnownFlow, KnownTemplate, Surroundings};
use crate::testing::Case;
use read::Reader;

pub(crate) use check::reached;
#[cfg(test)]
pub(crate) use load::asked;
pub use load::{load, load_stored, load_with};

/// The syntax of a bot file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// JSON, the canonical form.
    Json,
    /// YAML, the syntax for authors.
    Yaml,
}

impl Format {
    /// The format of a file by its extension; `None` if it is no bot file.
    pub fn by_extension(path: impl AsRef<Path>) -> Option<Self> {
        let extension = path.as_ref().extension()?.to_str()?.to_ascii_lowercase();
        match extension.as_str() {
            "json" => Some(Format::Json),
            "yaml" | "yml" => Some(Format::Yaml),
            _ => None,
        }
    }
}

/// What came of loading a file.
#[derive(Debug)]
pub struct Loaded {
    /// The bot, if and only if no diagnostic is an error.
    pub bot: Option<Bot>,
    /// The findings, in the order of the file.
    pub diagnostics: Vec<Diagnostic>,
    /// The Flow JSON files that it names, whether they could be read or not: paths below the folder of the bot file.
    pub flow_files: Vec<String>,
}

/// A bot, ready to run. Texts and expressions are compiled; put it into an `Arc` to share it.
pub struct Bot {
    id: String,
    title: Option<String>,
    version: String,
    canonical: String,
    locale: String,
    pub(crate) imported: bool,
    pub(crate) nodes: Vec<Node>,
    pub(crate) by_id: HashMap<String, usize>,
    pub(crate) triggers: Vec<triggers::Trigger>,
    pub(crate) policies: policies::Policies,
    pub(crate) vars: BTreeMap<String, vars::Declared>,
    pub(crate) templates: Environment<'static>,
    /// Texts in which a missing value is an error, whatever the policy says.
    pub(crate) strict: Environment<'static>,
    /// Files that messages name, and the id under which each was stored.
    pub(crate) files: BTreeMap<String, Option<String>>,
    /// The Flows by the names that nodes use.
    pub(crate) flows: BTreeMap<String, flows::Flow>,
    /// The endpoints of those that have one here.
    pub(crate) handlers: BTreeMap<String, Handlers>,
    /// What forms say by themselves.
    pub(crate) form_texts: FormTexts,
    tests: Vec<Case>,
    running: Running,
    uses: Option<Box<Uses>>,
}

/// What a bot uses that is not in its file, and the file that says so.
struct Uses {
    file: String,
    source: String,
    templates: Vec<templates::Use>,
    flows: Vec<templates::FlowUse>,
    secrets: Vec<(String, Place)>,
}

impl Uses {
    /// `None` if everything is in the file.
    fn take(reader: &mut Reader<'_>) -> Option<Box<Self>> {
        let templates = std::mem::take(&mut reader.template_uses);
        let flows = std::mem::take(&mut reader.flow_uses);
        let (file, source) = (reader.file.to_owned(), reader.source.to_owned());
        let secrets = std::mem::take(&mut reader.secrets);
        let any = !templates.is_empty() || !flows.is_empty() || !secrets.is_empty();
        any.then(|| Box::new(Self { file, source, templates, flows, secrets }))
    }

    fn check_templates(&self, reader: &mut Reader<'_>, known: &[KnownTemplate]) {
        for found in self.templates.iter().flat_map(|used| templates::check(used, known)) {
            let place = found.place;
            reader.report_span(found.code, place.span.clone(), &place.pointer, found.message).help = found.help;
        }
    }

    fn check_flows(&self, reader: &mut Reader<'_>, known: &[KnownFlow]) {
        for found in self.flows.iter().filter_map(|used| templates::check_flow(used, known)) {
            let place = found.place;
            reader.report_span(found.code, place.span.clone(), &place.pointer, found.message).help = found.help;
        }
    }
}

impl Bot {
    /// The `id` of the file.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The title, or the id if it has none.
    pub fn title(&self) -> &str {
        self.title.as_deref().unwrap_or(&self.id)
    }

    /// The version: SHA-256 of the canonical form, in hex.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The canonical form: JSON without spaces, keys in order. YAML and JSON of one bot give the same.
    pub fn canonical_json(&self) -> String {
        self.canonical.clone()
    }

    /// The canonical form for people: JSON over several lines, or YAML; keys in order, the same bytes each time.
    pub fn export(&self, format: Format) -> String {
        // It was written by this crate, so it can be read.
        let value: serde_json::Value = serde_json::from_str(&self.canonical).unwrap_or_default();
        let text = match format {
            Format::Json => serde_json::to_string_pretty(&sorted(&value)).ok(),
            Format::Yaml => serde_saphyr::to_string(&sorted(&value)).ok(),
        };
        let text = text.unwrap_or_else(|| self.canonical.clone());
        format!("{}\n", text.trim_end())
    }

    /// How many nodes the bot has.
    pub fn node_count(&self) -> usize {
        self.nodes.len()
    }

    /// The ids of the nodes, in the order of the file.
    pub fn node_ids(&self) -> impl Iterator<Item = &str> {
        self.nodes.iter().map(|node| node.id.as_str())
    }

    /// The default language, `en` if the file names none.
    pub fn locale(&self) -> &str {
        &self.locale
    }

    /// How the bot behaves apart from what it says.
    pub fn manners(&self) -> Manners {
        self.policies.manners
    }

    /// What happens when staff writes to somebody whom the bot answers.
    pub fn staff(&self) -> policies::Staff {
        self.policies.staff
    }

    /// Whether a call from outside of this name can have an effect: a trigger or a `wait` has it.
    pub fn listens_to(&self, name: &str) -> bool {
        let trigger = |kind: &triggers::TriggerKind| matches!(kind, triggers::TriggerKind::Api(known) if known == name);
        self.triggers.iter().any(|known| trigger(&known.kind)) || self.nodes.iter().any(|node| node.kind.awaits(name))
    }

    /// The scripted conversations of the file, in its order.
    pub fn tests(&self) -> &[Case] {
        &self.tests
    }

    /// What happens to runs of other versions while this one is live.
    pub fn running(&self) -> &Running {
        &self.running
    }

    /// The WhatsApp Flows of the bot, by name.
    pub fn flows(&self) -> impl Iterator<Item = flows::BotFlow> {
        self.flows.iter().map(|(name, flow)| flow.view(name))
    }

    /// The files that messages of this bot name by `file`: paths below the folder of the bot file, in order.
    pub fn files(&self) -> impl Iterator<Item = &str> {
        self.files.keys().map(String::as_str)
    }

    /// The bot with its files: each path of [`Self::files`] and the id under which it was stored. A message
    /// whose file is not given fails at its node.
    #[must_use]
    pub fn with_files(mut self, stored: &BTreeMap<String, String>) -> Self {
        for (path, id) in &mut self.files {
            *id = stored.get(path).cloned();
        }
        self
    }

    /// Holds what the bot uses, of the business account and of the configuration, against what they have. Bots load
    /// without it: whether a finding keeps one from running is the caller's to say.
    pub fn check_against(&self, surroundings: &Surroundings) -> Vec<Diagnostic> {
        let Some(uses) = &self.uses else { return Vec::new() };
        let mut reader = Reader::new(&uses.source, &uses.file);
        if let Some(known) = &surroundings.templates {
            uses.check_templates(&mut reader, known);
        }
        if let Some(known) = &surroundings.flows {
            uses.check_flows(&mut reader, known);
        }
        if let Some(known) = &surroundings.secrets {
            secrets::check(&mut reader, &uses.secrets, known);
        }
        reader.diagnostics.sort_by_key(|found| (found.line, found.column));
        reader.diagnostics
    }

    pub(crate) fn node(&self, id: &str) -> Option<usize> {
        self.by_id.get(id).copied()
    }
}

/// With the keys of each map in order.
fn sorted(value: &serde_json::Value) -> Sorted {
    match value {
        serde_json::Value::Object(map) => {
            Sorted::Map(map.iter().map(|(key, value)| (key.clone(), sorted(value))).collect())
        }
        serde_json::Value::Array(items) => Sorted::List(items.iter().map(sorted).collect()),
        scalar => Sorted::Scalar(scalar.clone()),
    }
}

#[derive(serde::Serialize)]
#[serde(untagged)]
enum Sorted {
    Map(BTreeMap<String, Sorted>),
    List(Vec<Sorted>),
    Scalar(serde_json::Value),
}

impl fmt::Debug for Bot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let version: String = self.version.chars().take(12).collect();
        write!(f, "Bot({} {version}, {} nodes)", self.id, self.nodes.len())
    }
}
