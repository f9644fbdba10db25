//! Names of the original under names that our expressions can use.

use std::collections::{BTreeMap, BTreeSet};

use super::export::{Export, Source};
use super::numbering::{Numbers, numbers};
use crate::expr::scope::FIXED;
use crate::import::text::{WORDS, identifier, quoted, unique};

/// Names of the automatic kind: prefix, kind of node, outputs; the first output is the value.
const AUTOMATIC: &[(&str, &str, &[&str])] = &[
    ("question_", "question", &["response"]),
    ("rest_api_", "rest_api", &["data", "error", "status"]),
    ("flow_", "whatsapp_flow", &["response"]),
    ("calendar_", "google_calendar", &["result"]),
];

/// What a request gives beside its data.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Output {
    Status,
    Error,
}

impl Output {
    const ALL: [(Output, &str, &str); 2] =
        [(Output::Status, "status", "__last_api_status__"), (Output::Error, "error", "__last_api_error__")];
}

/// The variables of an import.
pub(super) struct Names {
    /// The author's names.
    own: BTreeMap<String, String>,
    /// The variable of each node, by its id in the export.
    by_node: BTreeMap<String, String>,
    /// `question_2` → the variables it may mean, and whether each node has this number only.
    automatic: BTreeMap<String, (Vec<String>, bool)>,
    /// A text names a variable.
    pub(super) used: bool,
    /// Statuses and errors that something reads: the variable, and the node whose it is; none for the last one.
    outputs: Vec<(String, Option<String>, Output)>,
}

impl Names {
    /// Gives every node that keeps something a variable; reports author's names that must change.
    pub(super) fn new(export: &Export) -> (Self, Vec<String>) {
        let mut names = Self {
            own: BTreeMap::new(),
            by_node: BTreeMap::new(),
            automatic: BTreeMap::new(),
            used: false,
            outputs: Vec::new(),
        };
        let mut changes = Vec::new();
        let mut taken: BTreeSet<String> = FIXED.iter().chain(WORDS).map(|name| (*name).to_owned()).collect();
        taken.insert("customer_phone".to_owned());
        let numbers = numbers(export);
        for (index, node) in export.nodes.iter().enumerate() {
            let Some((prefix, _, _)) = AUTOMATIC.iter().find(|(_, kind, _)| *kind == node.kind) else { continue };
            let written = written(node);
            let variable = match written.as_str() {
                "" => unique(&automatic_name(prefix, &numbers, index, &node.name), &mut taken),
                written => names.author(written, &mut taken),
            };
            if !written.is_empty() && variable != written {
                changes.push(format!("{}: variable `{written}` is called `{variable}`", node.shown()));
            }
            names.by_node.insert(node.id.clone(), variable.clone());
            for number in &numbers[index] {
                let entry = names.automatic.entry(format!("{prefix}{number}")).or_insert((Vec::new(), true));
                if !entry.0.contains(&variable) {
                    entry.0.push(variable.clone());
                }
                entry.1 &= numbers[index].len() == 1;
            }
        }
        names.name_outputs(export, &mut taken);
        (names, changes)
    }

    /// Gives statuses and errors of requests a variable where something reads them.
    fn name_outputs(&mut self, export: &Export, taken: &mut BTreeSet<String>) {
        let texts: String = export.nodes.iter().map(Source::all_texts).collect();
        for node in export.nodes.iter().filter(|node| node.kind == "rest_api") {
            let Some(variable) = self.by_node.get(&node.id).cloned() else { continue };
            for (output, name, _) in Output::ALL {
                let numbers = self
                    .automatic
                    .iter()
                    .filter(|(root, (of, _))| root.starts_with("rest_api_") && of.contains(&variable));
                if numbers.map(|(root, _)| format!("{root}.{name}")).any(|path| texts.contains(&path)) {
                    let own = unique(&format!("{variable}_{name}"), taken);
                    self.outputs.push((own, Some(node.id.clone()), output));
                }
            }
            let written = node.text("apiErrorVariable").trim().to_owned();
            if !written.is_empty() {
                let own = self.author(&written, taken);
                self.outputs.push((own, Some(node.id.clone()), Output::Error));
            }
        }
        for (output, _, last) in Output::ALL {
            if texts.contains(last) {
                let own = self.author(last, taken);
                self.outputs.push((own, None, output));
            }
        }
    }

    /// The variables in which something reads this of a request.
    pub(super) fn read_of(&self, node: &Source, output: Output) -> Vec<String> {
        let found =
            self.outputs.iter().filter(|(_, of, what)| *what == output && of.as_ref().is_none_or(|of| *of == node.id));
        found.map(|(variable, _, _)| variable.clone()).collect()
    }

    pub(super) fn of(&self, node: &Source) -> Option<&str> {
        self.by_node.get(&node.id).map(String::as_str)
    }

    fn author(&mut self, written: &str, taken: &mut BTreeSet<String>) -> String {
        if let Some(known) = self.own.get(written) {
            return known.clone();
        }
        let name = unique(&identifier(written), taken);
        self.own.insert(written.to_owned(), name.clone());
        name
    }

    /// An expression for a path like `user.name`, `items[0].title`, `question_2.response`.
    /// The second value says what is lost.
    pub(super) fn path(&self, path: &str) -> (Option<String>, Option<String>) {
        let path = path.trim();
        if let Some(known) = self.own.get(path) {
            return (Some(known.clone()), None);
        }
        let Some(parts) = split(path) else {
            return (None, Some(format!("`{path}` is not a name that can be mapped")));
        };
        let root = parts[0].as_str();
        if let Some(found) = self.automatic_path(path, &parts) {
            return found;
        }
        let root = self.own.get(root).cloned().unwrap_or_else(|| {
            if FIXED.contains(&root) || WORDS.contains(&root) { format!("{root}_") } else { root.to_owned() }
        });
        (Some(root + &tail(&parts[1..])), None)
    }

    #[allow(clippy::type_complexity)] // the pair of `path`
    fn automatic_path(&self, path: &str, parts: &[String]) -> Option<(Option<String>, Option<String>)> {
        let root = &parts[0];
        let (prefix, _, outputs) = AUTOMATIC.iter().find(|(prefix, _, _)| {
            root.strip_prefix(prefix)
                .is_some_and(|number| !number.is_empty() && number.chars().all(|c| c.is_ascii_digit()))
        })?;
        let output = parts.get(1).map_or(outputs[0], String::as_str);
        let Some((variables, certain)) = self.automatic.get(root) else {
            let lost = format!("`{path}` names no {} that is reached", prefix.trim_end_matches('_'));
            return Some((Some(identifier(root)), Some(lost)));
        };
        if let Some((what, _, _)) =
            Output::ALL.iter().find(|(_, name, _)| *name == output && root.starts_with("rest_api_"))
        {
            let found = self.outputs.iter().filter(|(_, of, own)| {
                own == what
                    && of.as_ref().is_some_and(|of| self.by_node.get(of).is_some_and(|own| variables.contains(own)))
            });
            let found: Vec<String> = found.map(|(variable, _, _)| variable.clone()).collect();
            if !found.is_empty() {
                return Some((Some(format!("({})", found.join(" or "))), None));
            }
        }
        if output != outputs[0] {
            let lost = format!("`{path}` has no counterpart yet and is empty");
            return Some((Some(format!("{root}_{}", identifier(output))), Some(lost)));
        }
        let mut root_expr = variables.join(" or ");
        if variables.len() > 1 {
            root_expr = format!("({root_expr})");
        }
        let lost = (!certain)
            .then(|| format!("`{path}` means different nodes on different paths; the one that was answered is taken"));
        Some((Some(root_expr + &tail(parts.get(2..).unwrap_or(&[]))), lost))
    }

    /// A text with its `{{names}}` mapped and everything else kept as it reads.
    pub(super) fn template(&mut self, text: &str) -> (String, Vec<String>) {
        let mut out = String::new();
        let mut changes = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{{") {
            out.push_str(&literal(before));
            let Some((inner, behind)) = after.split_once("}}").filter(|(inner, _)| !inner.contains('{')) else {
                out.push_str("{{ '{{' }}");
                rest = after;
                continue;
            };
            let (expression, lost) = self.path(inner);
            changes.extend(lost);
            match expression {
                Some(expression) => {
                    self.used = true;
                    out.push_str(&format!("{{{{ {expression} }}}}"));
                }
                None => out.push_str(&format!("{{{{ {} }}}}", quoted(&format!("{{{{{inner}}}}}")))),
            }
            rest = behind;
        }
        out.push_str(&literal(rest));
        (out, changes)
    }
}

/// The name that the author gave to what the node keeps.
pub(super) fn written(node: &Source) -> String {
    let keys = ["variable", "apiOutputVariable", "flowOutputVariable", "calendarOutputVariable"];
    keys.iter().map(|key| node.text(key)).find(|name| !name.trim().is_empty()).unwrap_or_default().trim().to_owned()
}

fn automatic_name(prefix: &str, numbers: &Numbers, index: usize, name: &str) -> String {
    match numbers[index].first() {
        Some(number) if numbers[index].len() == 1 => format!("{prefix}{number}"),
        _ => identifier(&format!("{prefix}{name}")),
    }
}

/// Marks of the template language stay what they read.
fn literal(text: &str) -> String {
    text.replace("{%", "{{ '{%' }}").replace("{#", "{{ '{#' }}")
}

/// `a.b[0].c`, or `a.0`, in parts.
fn split(path: &str) -> Option<Vec<String>> {
    let plain = path.replace('[', ".").replace(']', "");
    let parts: Vec<String> = plain.split('.').map(|part| part.trim().to_owned()).collect();
    let name = |part: &String| !part.is_empty() && part.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-');
    let first = parts.first()?.chars().next()?;
    (parts.iter().all(name) && !first.is_ascii_digit() && parts[0] == identifier(&parts[0])).then_some(parts)
}

fn tail(parts: &[String]) -> String {
    parts
        .iter()
        .map(|part| match part.chars().all(|c| c.is_ascii_digit()) {
            true => format!("[{part}]"),
            false if *part == identifier(part) => format!(".{part}"),
            false => format!("[{}]", quoted(part)),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mapped(text: &str) -> String {
        let mut names = Names {
            own: BTreeMap::new(),
            by_node: BTreeMap::new(),
            automatic: BTreeMap::new(),
            used: false,
            outputs: Vec::new(),
        };
        names.own.insert("müşteri adı".into(), "müşteri_adı".into());
        names.own.insert("input".into(), "input_2".into());
        names.automatic.insert("question_1".into(), (vec!["city".into()], true));
        names.automatic.insert("rest_api_1".into(), (vec!["a".into(), "b".into()], true));
        names.template(text).0
    }

    #[test]
    fn names_of_the_original_are_mapped() {
        for (text, expected) in [
            ("Hi {{name}}!", "Hi {{ name }}!"),
            ("{{ user.first-name }}", "{{ user[\"first-name\"] }}"),
            ("{{items[0].title}} {{items.1}}", "{{ items[0].title }} {{ items[1] }}"),
            ("{{müşteri adı}}", "{{ müşteri_adı }}"),
            ("{{input}} {{now}}", "{{ input_2 }} {{ now_ }}"),
            ("{{question_1.response}}", "{{ city }}"),
            ("{{rest_api_1.data[0].name}}", "{{ (a or b)[0].name }}"),
            ("100 {% off {# x", "100 {{ '{%' }} off {{ '{#' }} x"),
            ("{{a + b}}", "{{ \"{{a + b}}\" }}"),
            ("open {{ only", "open {{ '{{' }} only"),
        ] {
            assert_eq!(mapped(text), expected, "{text}");
        }
    }
}
