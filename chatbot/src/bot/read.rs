//! Reads values out of the tree and reports, with their place, those that are not what they should be.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Range;
use std::rc::Rc;

use minijinja::Environment;
use whatsapp::flow::json::Problem;

use super::flows::Flow;
use crate::caps;
use crate::diagnostic::{Diagnostic, Position};
use crate::explain::{self, Code};
use crate::expr::{Expr, Missing, Template, clip, configured};
use crate::message::shape::Place;
use crate::names::nearest;
use crate::source::{LineIndex, narrow};
use crate::texts::{self, Texts, Translated};
use crate::tree::{Entry, Kind, Node};

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

    // Scalars

    /// Text; numbers are taken as written, so that ids like `1` need no quotes.
    pub(crate) fn text(&mut self, at: &At<'_>) -> Option<String> {
        #[cfg(test)]
        self.note(at, Question::Text);
        match &at.node.kind {
            Kind::Text(text) => Some(text.clone()),
            Kind::Number(number) => Some(number.to_string()),
            _ => {
                self.wrong(at, "text");
                None
            }
        }
    }

    pub(crate) fn texts(&mut self, at: &At<'_>) -> Vec<String> {
        let items = self.list(at);
        items.iter().filter_map(|item| self.text(item)).collect()
    }

    pub(crate) fn flag(&mut self, at: &At<'_>) -> Option<bool> {
        #[cfg(test)]
        self.note(at, Question::Flag);
        match at.node.kind {
            Kind::Bool(value) => Some(value),
            _ => {
                self.wrong(at, "true or false");
                None
            }
        }
    }

    pub(crate) fn number(&mut self, at: &At<'_>) -> Option<f64> {
        #[cfg(test)]
        self.note(at, Question::Number);
        match &at.node.kind {
            Kind::Number(number) => number.as_f64(),
            _ => {
                self.wrong(at, "a number");
                None
            }
        }
    }

    pub(crate) fn count(&mut self, at: &At<'_>, from: u32, to: u32) -> Option<u32> {
        #[cfg(test)]
        self.note(at, Question::Count(from, to));
        let number = match &at.node.kind {
            Kind::Number(number) => number.as_u64().and_then(|n| u32::try_from(n).ok()),
            _ => None,
        };
        let found = number.filter(|n| (from..=to).contains(n));
        if found.is_none() {
            self.report(explain::WRONG_VALUE, at, format!("expected a whole number from {from} to {to}"));
        }
        found
    }

    /// One of the given words.
    #[cfg_attr(test, track_caller)]
    pub(crate) fn word(&mut self, at: &At<'_>, words: &[&'static str]) -> Option<&'static str> {
        #[cfg(test)]
        self.note(at, Question::Words(words.to_vec()));
        let text = self.text(at)?;
        let found = words.iter().copied().find(|word| *word == text);
        if found.is_none() {
            let near = nearest(&text, words.iter().copied());
            self.report(explain::WRONG_VALUE, at, format!("`{text}` is not one of {}", list(words))).help =
                near.map(|near| format!("did you mean `{near}`?"));
        }
        found
    }

    pub(crate) fn duration_ms(&mut self, at: &At<'_>) -> Option<u64> {
        #[cfg(test)]
        self.note(at, Question::Duration);
        let text = self.text(at)?;
        let found = crate::duration::parse_ms(&text);
        if found.is_none() {
            self.report(explain::DURATION, at, format!("`{text}` is not a duration")).help =
                Some("write 45s, 30m, 2h, 1d or 1h30m; at most 366 days".to_owned());
        }
        found
    }

    // Names

    /// The index of a node that must exist.
    pub(crate) fn target(&mut self, at: &At<'_>) -> Option<usize> {
        #[cfg(test)]
        self.note(at, Question::Target);
        let id = self.text(at)?;
        if let Some(index) = self.by_id.get(&id) {
            return Some(*index);
        }
        let near = nearest(&id, self.node_ids.iter().map(String::as_str)).map(str::to_owned);
        self.report(explain::UNKNOWN_NODE, at, format!("there is no node `{id}`")).help =
            near.map(|near| format!("did you mean `{near}`?"));
        None
    }

    /// The name of something that happened, within the bot or outside.
    pub(crate) fn event_name(&mut self, at: &At<'_>) -> Option<String> {
        let name = self.text(at)?;
        if !crate::event::is_name(&name) {
            let message = format!("`{}` is not a name for an event", crate::expr::clip(&name));
            let help = format!(
                "write lower-case words with dots between, such as `booking.made`; at most {} characters",
                caps::MAX_EVENT_NAME_CHARS
            );
            self.report(explain::BAD_NAME, at, message).help = Some(help);
        }
        Some(name)
    }

    /// A variable that the bot writes.
    pub(crate) fn variable(&mut self, at: &At<'_>) -> Option<String> {
        #[cfg(test)]
        self.note(at, Question::Variable);
        let name = self.text(at)?;
        self.variable_name(&name, at.node.span.clone(), &at.pointer).then_some(name)
    }

    pub(crate) fn variable_name(&mut self, name: &str, span: Range<usize>, pointer: &str) -> bool {
        let mut chars = name.chars();
        let first = chars.next().is_some_and(|c| c.is_alphabetic() || c == '_');
        let shaped = first && chars.all(|c| c.is_alphanumeric() || c == '_') && name.chars().count() <= 64;
        let taken = self.within.is_some() && IN_FORMS.contains(&name);
        let free = !crate::expr::scope::FIXED.contains(&name) && !RESERVED.contains(&name) && !taken;
        if shaped && free {
            if let Some(within) = self.within.as_mut().filter(|within| !within.declared.contains(name)) {
                within.locals.entry(name.to_owned()).or_insert_with(|| Place { span, pointer: pointer.to_owned() });
                return true;
            }
            self.writes.entry(name.to_owned()).or_insert_with(|| Place { span, pointer: pointer.to_owned() });
            return true;
        }
        let why = if shaped { "is a name of the language" } else { "is not a name for a variable" };
        self.report_span(explain::BAD_NAME, span, pointer, format!("`{name}` {why}")).help =
            Some("use letters, digits and _, beginning with a letter".to_owned());
        false
    }

    // Expressions

    /// A string in which `{{ … }}` may stand.
    pub(crate) fn template(&mut self, at: &At<'_>) -> Option<Template> {
        #[cfg(test)]
        self.note(at, Question::Template);
        let text = self.text(at)?;
        match texts::translate(self, at, &text) {
            Some(translations) => self.translated(at, &text, translations),
            None => self.compiled(at, &text),
        }
    }

    fn translated(&mut self, at: &At<'_>, text: &str, translations: Vec<(Option<String>, String)>) -> Option<Template> {
        let (mut own, mut by_language) = (None, BTreeMap::new());
        let reads = self.reads.len();
        for (language, translation) in translations {
            let template = self.compiled(at, &translation)?;
            match language {
                Some(language) => by_language.extend([(language, template)]),
                None => own = Some(template),
            }
        }
        // What the texts of `i18n` read was noted where they stand.
        self.reads.truncate(reads);
        let own: Template = own?;
        let names: Vec<String> = own.reads().iter().filter(|read| mentions(text, read)).cloned().collect();
        self.note_reads(at, text, &names);
        Some(Template::Translated(Box::new(Translated { own, by_language })))
    }

    fn compiled(&mut self, at: &At<'_>, text: &str) -> Option<Template> {
        let number = self.next_number();
        match Template::compile(text, number, self.missing, &mut self.templates) {
            Ok(template) => {
                self.note_reads(at, text, template.reads());
                Some(template)
            }
            Err(error) => {
                self.syntax(at, text, &error);
                None
            }
        }
    }

    /// Reads with texts and expressions for which a missing value is an error, whatever the policy says.
    pub(crate) fn strictly<T>(&mut self, read: impl FnOnce(&mut Self) -> T) -> T {
        std::mem::swap(&mut self.templates, &mut self.strict);
        let missing = std::mem::replace(&mut self.missing, Missing::Refuse);
        let found = read(self);
        self.missing = missing;
        std::mem::swap(&mut self.templates, &mut self.strict);
        found
    }

    /// A part of a text, compiled by itself.
    pub(crate) fn compiled_part(&mut self, at: &At<'_>, whole: &str, part: &str) -> Option<Template> {
        let number = self.next_number();
        match Template::compile(part, number, self.missing, &mut self.templates) {
            Ok(template) => {
                self.note_reads(at, whole, template.reads());
                Some(template)
            }
            Err(error) => {
                self.report(explain::EXPRESSION, at, error.message);
                None
            }
        }
    }

    /// A template held against a limit of characters, as far as its length is known.
    pub(crate) fn template_up_to(&mut self, at: &At<'_>, thing: &str, limit: usize) -> Option<Template> {
        let template = self.template(at)?;
        for language in [None].into_iter().chain(self.i18n.languages().into_iter().map(Some)) {
            let least = template.at_least(language.as_deref());
            if least > limit {
                let place = language.as_deref().map(|language| format!(" in `{language}`")).unwrap_or_default();
                let rest = if template.plain_in(language.as_deref()).is_some() { "" } else { AND_MORE };
                let message = format!("{thing} is too long{place}: {least} characters{rest}, WhatsApp allows {limit}");
                self.report(explain::TOO_LONG, at, message).help = Some("shorten it".to_owned());
                break;
            }
        }
        Some(template)
    }

    /// As [`Self::expression`], for a condition whose failing for ever means that `dead` never happens.
    pub(crate) fn condition(&mut self, at: &At<'_>, dead: &str) -> Option<Expr> {
        let expr = self.expression(at)?;
        if expr.constant() == Some(false) {
            self.report(explain::CONSTANT, at, format!("`{}` never holds: {dead}", clip(expr.source()))).help =
                Some("correct it: it reads no variable, so it is the same in every turn".to_owned());
        }
        Some(expr)
    }

    /// A bare expression; booleans and numbers may stand for themselves.
    pub(crate) fn expression(&mut self, at: &At<'_>) -> Option<Expr> {
        #[cfg(test)]
        self.note(at, Question::Expression);
        let text = match &at.node.kind {
            Kind::Text(text) => text.clone(),
            Kind::Bool(_) | Kind::Number(_) => at.node.to_json().to_string(),
            _ => {
                self.wrong(at, "an expression");
                return None;
            }
        };
        if texts::refuse_in_expression(self, at, &text) {
            return None;
        }
        match Expr::compile(&text, self.missing) {
            Ok(expr) => {
                self.note_reads(at, &text, expr.reads());
                Some(expr)
            }
            Err(error) => {
                self.syntax(at, &text, &error);
                None
            }
        }
    }

    /// A number that no text has yet.
    fn next_number(&mut self) -> usize {
        self.numbered += 1;
        self.numbered
    }

    fn syntax(&mut self, at: &At<'_>, text: &str, error: &crate::expr::CompileError) {
        let whole = at.node.span.clone();
        let span = match &error.range {
            Some(range) => narrow(self.source, &whole, text, range.clone()),
            None => whole,
        };
        self.report_span(explain::EXPRESSION, span, &at.pointer, error.message.clone()).help = error.help.clone();
    }

    fn note_reads(&mut self, at: &At<'_>, text: &str, reads: &[String]) {
        for dotted in reads {
            let name = dotted.split('.').next().unwrap_or(dotted).to_owned();
            let part = find_word(text, &name).unwrap_or(0..0);
            let span = narrow(self.source, &at.node.span, text, part.clone());
            let span = if part.is_empty() { at.node.span.clone() } else { span };
            if name == "secret" {
                let message = "a secret cannot stand here";
                let help =
                    "write {{ secret.NAME }}, alone in its braces, in `headers`, `auth` or `query` of an `http` node";
                self.report_span(explain::SECRET_PLACE, span, &at.pointer, message).help = Some(help.to_owned());
                continue;
            }
            self.reads.push(Read { name, span, pointer: at.pointer.clone() });
        }
    }
}

/// Of a text whose fixed parts alone are too long.
pub(crate) const AND_MORE: &str = " without the values in it";

/// Words of the expression language that cannot name a variable.
const RESERVED: &[&str] =
    &["true", "false", "none", "and", "or", "not", "in", "is", "if", "else", "loop", "self", "range", "namespace"];

/// `a`, `b` and `c`, for messages.
pub(crate) fn list(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    match quoted.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        _ => quoted.concat(),
    }
}

fn mentions(text: &str, dotted: &str) -> bool {
    dotted.split('.').next().is_some_and(|name| find_word(text, name).is_some())
}

/// The first place where a name stands as a whole word.
fn find_word(text: &str, word: &str) -> Option<Range<usize>> {
    let part_of_name = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(word).map(|(at, _)| at..at + word.len()).find(|range| {
        let before = text.get(..range.start).and_then(|t| t.chars().next_back());
        let after = text.get(range.end..).and_then(|t| t.chars().next());
        !before.is_some_and(part_of_name) && !after.is_some_and(part_of_name)
    })
}

/// A pattern within the bounds of [`caps`]; matching takes linear time.
pub(crate) fn pattern(reader: &mut Reader<'_>, at: &At<'_>) -> Option<regex::Regex> {
    let text = reader.text(at)?;
    if text.chars().count() > caps::MAX_PATTERN_CHARS {
        let message = format!("the pattern is longer than {} characters", caps::MAX_PATTERN_CHARS);
        reader.report(explain::PATTERN, at, message);
        return None;
    }
    match regex::RegexBuilder::new(&text).size_limit(caps::MAX_PATTERN_BYTES).build() {
        Ok(regex) => Some(regex),
        Err(error) => {
            let message = error.to_string();
            let last = message.lines().last().unwrap_or("it does not compile").trim();
            let last = last.strip_prefix("error: ").unwrap_or(last).to_owned();
            reader.report(explain::PATTERN, at, format!("the pattern is not valid: {last}"));
            None
        }
    }
}
