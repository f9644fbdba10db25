//! Names of the original under names that our expressions can use.

use std::collections::{BTreeMap, BTreeSet};

use super::export::{Export, Source};
use super::numbering::{Numbers, numbers};
use crate::expr::scope::FIXED;

/// Names of the automatic kind: prefix, kind of node, outputs; the first output is the value.
const AUTOMATIC: &[(&str, &str, &[&str])] = &[
    ("question_", "question", &["response"]),
    ("rest_api_", "rest_api", &["data", "error", "status"]),
    ("flow_", "whatsapp_flow", &["response"]),
    ("calendar_", "google_calendar", &["result"]),
];

/// Words that our expressions read otherwise.
const WORDS: &[&str] = &["true", "false", "none", "and", "or", "not", "in", "is", "if", "else", "loop", "self"];

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
}

impl Names {
    /// Gives every node that keeps something a variable; reports author's names that must change.
    pub(super) fn new(export: &Export) -> (Self, Vec<String>) {
        let mut names =
            Self { own: BTreeMap::new(), by_node: BTreeMap::new(), automatic: BTreeMap::new(), used: false };
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
        (names, changes)
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
fn written(node: &Source) -> String {
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

/// A string of the expression language.
pub(super) fn quoted(text: &str) -> String {
    serde_json::Value::String(text.to_owned()).to_string()
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

fn identifier(text: &str) -> String {
    let mut name: String =
        text.chars().map(|c| if c.is_alphanumeric() || c == '_' { c } else { '_' }).take(60).collect();
    if !name.chars().next().is_some_and(|c| c.is_alphabetic() || c == '_') {
        name.insert(0, '_');
    }
    name
}

fn unique(name: &str, taken: &mut BTreeSet<String>) -> String {
    let mut found = name.to_owned();
    let mut copy = 2;
    while !taken.insert(found.clone()) {
        found = format!("{name}_{copy}");
        copy += 1;
    }
    found
}

/// A name for ids of bots and nodes.
pub(super) fn slug(text: &str, otherwise: &str) -> String {
    let lower = text.trim().to_lowercase();
    let words: Vec<&str> =
        lower.split(|c: char| !(c.is_alphanumeric() || c == '_')).filter(|word| !word.is_empty()).collect();
    let name: String = words.join("-").chars().take(64).collect();
    if name.is_empty() { otherwise.to_owned() } else { name }
}

/// An id that can stand in our file: as it was where possible.
pub(super) fn unique_slug(id: &str, otherwise: &str, taken: &mut BTreeSet<String>) -> String {
    let shaped = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
    let plain = !id.is_empty() && id.chars().all(shaped) && id.chars().count() <= 100;
    unique(&if plain { id.to_owned() } else { slug(id, otherwise) }, taken)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mapped(text: &str) -> String {
        let mut names =
            Names { own: BTreeMap::new(), by_node: BTreeMap::new(), automatic: BTreeMap::new(), used: false };
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
