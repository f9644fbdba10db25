//! Reads values out of the tree and reports, with their place, those that are not what they should be.

mod expressions;
mod values;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Range;
use std::rc::Rc;

use minijinja::Environment;
use whatsapp::flow::json::Problem;

use super::flows::Flow;
use crate::diagnostic::{Diagnostic, Position};
use crate::explain::{self, Code};
use crate::expr::{Missing, configured};
use crate::message::shape::Place;
use crate::names::nearest;
use crate::source::LineIndex;
use crate::texts::Texts;
use crate::tree::{Entry, Kind, Node};
pub(crate) use expressions::AND_MORE;
pub(crate) use values::{is_variable_name, pattern};

/// A value and its JSON pointer.
#[derive(Clone)]
pub(crate) struct At<'t> {
    pub(crate) node: &'t Node,
    pub(crate) pointer: String,
}

impl<'t> At<'t> {
    pub(crate) fn child(&self, key: &str, node: &'t Node) -> At<'t> {
        let key = key.replace('~', "~0").replace('/', "~1");
        At { node, pointer: format!("{}/{key}", self.pointer) }
    }
}

/// A map whose keys were held against the known ones.
pub(crate) struct Fields<'t> {
    pub(crate) at: At<'t>,
    entries: &'t [Entry],
}

impl<'t> Fields<'t> {
    pub(crate) fn get(&self, key: &str) -> Option<At<'t>> {
        let entry = self.entries.iter().find(|entry| entry.key == key)?;
        Some(self.at.child(key, &entry.value))
    }
}

/// A read of a name by an expression, kept until all names are known.
pub(crate) struct Read {
    pub(crate) name: String,
    pub(crate) span: Range<usize>,
    pub(crate) pointer: String,
}

/// Reads a Flow JSON file by its path below the folder of the bot file, or says why not.
pub(crate) type Open<'s> = &'s dyn Fn(&str) -> Result<String, String>;

/// The handlers of a Flow that are being read: names that are no variables are their own.
pub(crate) struct Within {
    /// The names under `vars`.
    pub(crate) declared: BTreeSet<String>,
    /// Names of their own, and where each gets a value first.
    pub(crate) locals: BTreeMap<String, Place>,
}

/// Names that the handlers of a Flow see beside those of every expression.
pub(crate) const IN_FORMS: &[&str] = &["form", "screen", "error"];

/// Collects findings while a bot file is read.
pub(crate) struct Reader<'s> {
    pub(crate) source: &'s str,
    pub(crate) file: &'s str,
    lines: LineIndex,
    pub(crate) diagnostics: Vec<Diagnostic>,
    pub(crate) templates: Environment<'static>,
    /// In the place of `templates` within [`Self::strictly`].
    pub(crate) strict: Environment<'static>,
    /// The names under `secrets`, and where they stand.
    pub(crate) secrets: Vec<(String, Place)>,
    /// Texts that were numbered so far.
    numbered: usize,
    pub(crate) missing: Missing,
    pub(crate) imported: bool,
    /// The bot has `policies.business_hours`.
    pub(crate) has_hours: bool,
    pub(crate) i18n: Rc<Texts>,
    pub(crate) flows: Rc<BTreeMap<String, Flow>>,
    /// Whoever has the files of Flows.
    pub(crate) open: Option<Open<'s>>,
    /// The bot was loaded before, and runs may be on it.
    pub(crate) stored: bool,
    /// Files of Flows that were asked for.
    pub(crate) flow_files: Vec<String>,
    /// What was in them, by Flow.
    pub(crate) inlined: BTreeMap<String, serde_json::Value>,
    /// While handlers are read.
    pub(crate) within: Option<Within>,
    /// The names of their own that handlers set, by the pointer of their Flow.
    pub(crate) locals: BTreeMap<String, BTreeMap<String, Place>>,
    pub(crate) node_ids: Vec<String>,
    by_id: HashMap<String, usize>,
    pub(crate) reads: Vec<Read>,
    /// What the bot declares or writes, and where it does so first.
    pub(crate) writes: BTreeMap<String, Place>,
    /// Keys of `i18n` that texts use.
    pub(crate) texts_used: BTreeSet<String>,
    /// Keys of `i18n`, and where they stand first.
    pub(crate) texts_at: BTreeMap<String, Place>,
    /// Files that messages name.
    pub(crate) files: BTreeSet<String>,
    /// Templates of the account that the bot uses.
    pub(crate) template_uses: Vec<crate::templates::Use>,
    /// Flows that the bot sends.
    pub(crate) flow_uses: Vec<crate::templates::FlowUse>,
    /// What was asked for where, to hold the schema against it.
    #[cfg(test)]
    pub(crate) asked: Vec<Asked>,
}

/// A question of the reader about a value.
#[cfg(test)]
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) pointer: String,
    pub(crate) what: Question,
    /// The line of the code that asks.
    pub(crate) by: &'static std::panic::Location<'static>,
}

/// What a value must be.
#[cfg(test)]
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Question {
    Keys(Vec<String>),
    Required(String),
    Words(Vec<&'static str>),
    Count(u32, u32),
    Text,
    Flag,
    Number,
    Duration,
    List,
    Map,
    Target,
    Variable,
    Template,
    Expression,
}

impl<'s> Reader<'s> {
    pub(crate) fn new(source: &'s str, file: &'s str) -> Self {
        Self {
            source,
            file,
            lines: LineIndex::new(source),
            diagnostics: Vec::new(),
            templates: configured(Missing::Empty),
            strict: configured(Missing::Refuse),
            secrets: Vec::new(),
            numbered: 0,
            missing: Missing::Empty,
            imported: false,
            has_hours: false,
            i18n: Rc::default(),
            flows: Rc::default(),
            open: None,
            stored: false,
            flow_files: Vec::new(),
            inlined: BTreeMap::new(),
            within: None,
            locals: BTreeMap::new(),
            node_ids: Vec::new(),
            by_id: HashMap::new(),
            reads: Vec::new(),
            writes: BTreeMap::new(),
            texts_used: BTreeSet::new(),
            texts_at: BTreeMap::new(),
            files: BTreeSet::new(),
            template_uses: Vec::new(),
            flow_uses: Vec::new(),
            #[cfg(test)]
            asked: Vec::new(),
        }
    }

    #[cfg(test)]
    #[track_caller]
    fn note(&mut self, at: &At<'_>, what: Question) {
        self.asked.push(Asked { pointer: at.pointer.clone(), what, by: std::panic::Location::caller() });
    }

    pub(crate) fn set_missing(&mut self, missing: Missing) {
        self.missing = missing;
        self.templates = configured(missing);
    }

    pub(crate) fn set_node_ids(&mut self, ids: Vec<String>) {
        self.by_id = ids.iter().enumerate().map(|(index, id)| (id.clone(), index)).collect();
        self.node_ids = ids;
    }

    pub(crate) fn has_errors(&self) -> bool {
        self.diagnostics.iter().any(Diagnostic::is_error)
    }

    pub(crate) fn error_count(&self) -> usize {
        self.diagnostics.iter().filter(|found| found.is_error()).count()
    }

    // Reporting

    pub(crate) fn report(&mut self, code: Code, at: &At<'_>, message: impl Into<String>) -> &mut Diagnostic {
        self.report_span(code, at.node.span.clone(), &at.pointer, message)
    }

    pub(crate) fn report_span(
        &mut self,
        code: Code,
        span: Range<usize>,
        pointer: &str,
        message: impl Into<String>,
    ) -> &mut Diagnostic {
        let (line, column) = self.lines.place(self.source, span.start);
        let end = self.lines.place(self.source, span.end.max(span.start));
        let known = (span.end > span.start).then_some(span);
        self.diagnostics.push(Diagnostic {
            code: code.name(),
            severity: code.severity(),
            message: message.into(),
            file: self.file.to_owned(),
            line,
            column,
            end: Position { line: end.0, column: end.1 },
            span: known,
            help: None,
            pointer: pointer.to_owned(),
            text: None,
        });
        let last = self.diagnostics.len() - 1;
        &mut self.diagnostics[last]
    }

    /// Reports a problem of a Flow JSON file at its place there. `place` is where the bot file names it.
    pub(crate) fn report_in(&mut self, path: &str, text: &str, place: &Place, problem: &Problem) {
        let file = match self.file.rsplit_once('/') {
            Some((folder, _)) => format!("{folder}/{path}"),
            None => path.to_owned(),
        };
        let code = crate::form::code_of(self, problem);
        let (line, column) = (problem.line_start.max(1), problem.column_start.max(1));
        let lines = LineIndex::new(text);
        let start = lines.offset(text, line, column);
        let end = lines.offset(text, problem.line_end.max(line), problem.column_end.max(1));
        self.diagnostics.push(Diagnostic {
            code: code.name(),
            severity: code.severity(),
            message: crate::form::said(problem),
            file,
            line,
            column,
            end: Position { line: problem.line_end.max(line), column: problem.column_end.max(column) },
            span: (end > start).then_some(start..end),
            help: None,
            pointer: place.pointer.clone(),
            text: Some(text.into()),
        });
    }

    pub(crate) fn wrong(&mut self, at: &At<'_>, wanted: &str) {
        let message = format!("expected {wanted}, found {}", at.node.noun());
        self.report(explain::WRONG_VALUE, at, message);
    }

    /// Reports what the format knows and this version cannot run. An import may carry it.
    pub(crate) fn not_yet(&mut self, at: &At<'_>, thing: &str) {
        if self.imported {
            let message = format!("{thing} cannot run yet; reaching it takes its error path");
            self.report(explain::LATER_IMPORTED, at, message);
        } else {
            self.report(explain::LATER, at, format!("{thing} is not supported yet"));
        }
    }

    // Maps and lists

    /// Opens a map and reports keys that are neither known nor `x-…`.
    #[cfg_attr(test, track_caller)]
    pub(crate) fn fields<'t>(&mut self, at: &At<'t>, known: &[&str]) -> Option<Fields<'t>> {
        self.fields_with(at, known, &[])
    }

    /// As [`Self::fields`], with keys of the format that this version does not support.
    #[cfg_attr(test, track_caller)]
    pub(crate) fn fields_with<'t>(&mut self, at: &At<'t>, known: &[&str], later: &[&str]) -> Option<Fields<'t>> {
        #[cfg(test)]
        self.note(at, Question::Keys(known.iter().map(|key| (*key).to_owned()).collect()));
        let Kind::Map(entries) = &at.node.kind else {
            self.wrong(at, "a map");
            return None;
        };
        for entry in entries {
            let key = entry.key.as_str();
            if known.contains(&key) || key.starts_with("x-") {
                continue;
            }
            let child = at.child(key, &entry.value);
            if later.contains(&key) {
                let place = At { node: &Node { kind: Kind::Null, span: entry.key_span.clone() }, ..child };
                self.not_yet(&place, &format!("`{key}`"));
                continue;
            }
            let near = nearest(key, known.iter().chain(later).copied()).map(str::to_owned);
            let help = match near {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("known keys are {}; `x-…` is free for tools", list(known)),
            };
            self.report_span(
                explain::UNKNOWN_KEY,
                entry.key_span.clone(),
                &child.pointer,
                format!("unknown key `{key}`"),
            )
            .help = Some(help);
        }
        Some(Fields { at: at.clone(), entries })
    }

    /// The value of a key that must be there.
    pub(crate) fn required<'t>(&mut self, fields: &Fields<'t>, key: &str) -> Option<At<'t>> {
        #[cfg(test)]
        self.note(&fields.at, Question::Required(key.to_owned()));
        let found = fields.get(key);
        if found.is_none() {
            self.report(explain::MISSING_KEY, &fields.at, format!("key `{key}` is missing"));
        }
        found
    }

    /// The entries of a map whose keys are names of the author's.
    pub(crate) fn entries<'t>(&mut self, at: &At<'t>) -> Vec<(&'t Entry, At<'t>)> {
        #[cfg(test)]
        self.note(at, Question::Map);
        match &at.node.kind {
            Kind::Map(entries) => entries.iter().map(|entry| (entry, at.child(&entry.key, &entry.value))).collect(),
            _ => {
                self.wrong(at, "a map");
                Vec::new()
            }
        }
    }

    pub(crate) fn list<'t>(&mut self, at: &At<'t>) -> Vec<At<'t>> {
        #[cfg(test)]
        self.note(at, Question::List);
        match &at.node.kind {
            Kind::List(items) => {
                items.iter().enumerate().map(|(index, item)| at.child(&index.to_string(), item)).collect()
            }
            _ => {
                self.wrong(at, "a list");
                Vec::new()
            }
        }
    }
}

/// `a`, `b` and `c`, for messages.
pub(crate) fn list(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    match quoted.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        _ => quoted.concat(),
    }
}
