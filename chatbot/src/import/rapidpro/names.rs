//! What RapidPro's expressions can look up, under the names that ours see.

use std::collections::{BTreeMap, BTreeSet};

use super::write::Lost;
use crate::expr::scope::FIXED;
use crate::import::text::{WORDS, identifier, quoted, unique};

/// The variable that keeps the person's last answer.
pub(super) const ANSWER: &str = "last_input";
/// The answer of the last request, and its status.
pub(super) const WEBHOOK: &str = "webhook";
pub(super) const WEBHOOK_STATUS: &str = "webhook_status";
/// How the flow that was entered last has ended.
pub(super) const CHILD_STATUS: &str = "child_status";

/// Fields of a contact that mean something else here.
const NOT_FIELDS: &[&str] = &["phone", "wa_id", "user_id", "labels", "consent", "name", "language"];

/// The flow whose texts are being read.
#[derive(Clone, Default)]
pub(super) struct ThisFlow {
    pub(super) uuid: String,
    pub(super) name: String,
}

/// The names of an import.
#[derive(Default)]
pub(super) struct Names {
    /// Keys of results, and the variables that hold their values.
    results: BTreeMap<String, String>,
    globals: BTreeMap<String, String>,
    locals: BTreeMap<String, String>,
    /// Results whose `input` something reads.
    pub(super) inputs: BTreeSet<String>,
    pub(super) flow: ThisFlow,
    taken: BTreeSet<String>,
}

impl Names {
    pub(super) fn new() -> Self {
        let own = [ANSWER, WEBHOOK, WEBHOOK_STATUS, CHILD_STATUS];
        let taken = FIXED.iter().chain(WORDS).chain(&own).map(|name| (*name).to_owned()).collect();
        Self { taken, ..Self::default() }
    }

    /// The variable of a result, by the name that the author gave it.
    pub(super) fn result(&mut self, name: &str) -> String {
        let key = snake(name);
        if let Some(known) = self.results.get(&key) {
            return known.clone();
        }
        let variable = self.free(&identifier(&key));
        for part in ["category", "input", "extra"] {
            self.taken.insert(format!("{variable}_{part}"));
        }
        self.results.insert(key, variable.clone());
        variable
    }

    pub(super) fn local(&mut self, name: &str) -> String {
        let key = name.to_lowercase();
        if let Some(known) = self.locals.get(&key) {
            return known.clone();
        }
        let variable = self.free(&format!("local_{}", identifier(&key).trim_start_matches('_')));
        self.locals.insert(key, variable.clone());
        variable
    }

    fn global(&mut self, name: &str) -> String {
        let key = name.to_lowercase();
        if let Some(known) = self.globals.get(&key) {
            return known.clone();
        }
        let variable = self.free(&format!("global_{}", identifier(&key)));
        self.globals.insert(key, variable.clone());
        variable
    }

    /// The globals that something reads: their names there and here.
    pub(super) fn globals(&self) -> impl Iterator<Item = (&str, &str)> {
        self.globals.iter().map(|(name, variable)| (name.as_str(), variable.as_str()))
    }

    fn free(&mut self, wanted: &str) -> String {
        unique(wanted, &mut self.taken)
    }

    /// `key` of `contact.key` for a field.
    pub(super) fn field(key: &str) -> String {
        let name = identifier(&key.to_lowercase());
        if NOT_FIELDS.contains(&name.as_str()) { format!("field_{name}") } else { name }
    }

    /// All results as a map, with these parts of each.
    pub(super) fn all_results(&self, parts: &[&str]) -> String {
        let entries: Vec<String> = self
            .results
            .iter()
            .map(|(key, variable)| {
                let parts: Vec<String> = parts
                    .iter()
                    .filter_map(|part| match *part {
                        "value" => Some(format!("'value': {variable}")),
                        "category" => Some(format!("'category': {variable}_category")),
                        _ => None,
                    })
                    .collect();
                format!("{}: {{{} }}", quoted(key), parts.join(", "))
            })
            .collect();
        format!("{{{} }}", entries.join(", "))
    }

    /// An expression for a path of the context.
    pub(super) fn path(&mut self, path: &[String]) -> Result<String, Lost> {
        let parts: Vec<&str> = path.iter().map(String::as_str).collect();
        let lost = || Err(format!("`{}` has no counterpart", path.join(".")));
        match parts.as_slice() {
            ["contact", rest @ ..] => self.contact(rest).map_or_else(lost, Ok),
            ["fields", rest @ ..] => self.contact_field(rest).map_or_else(lost, Ok),
            ["urns"] => Ok(urn()),
            ["urns", "whatsapp"] => Ok(urn()),
            ["urns", "tel"] => Ok("('tel:' ~ (contact.phone | text))".to_owned()),
            ["input"] | ["input", "text"] => Ok(format!("({ANSWER} or input.text)")),
            ["input", "attachments", ..] => Ok(format!("({ANSWER} or input.media)")),
            ["input", "created_on" | "inserted_at"] => Ok("input.at".to_owned()),
            ["globals", name, ..] | ["global", name, ..] => Ok(self.global(name)),
            ["locals", name, ..] => Ok(self.local(name)),
            ["run" | "child" | "parent", "results", rest @ ..] | ["results", rest @ ..] => self.results_path(rest),
            ["child" | "parent", "contact", rest @ ..] | ["run", "contact", rest @ ..] => {
                self.contact(rest).map_or_else(lost, Ok)
            }
            ["child" | "parent", "fields", rest @ ..] => self.contact_field(rest).map_or_else(lost, Ok),
            ["child", "status"] | ["child", "run", "status"] => Ok(CHILD_STATUS.to_owned()),
            ["run", "uuid" | "id"] => Ok("run.id".to_owned()),
            ["run", "created_on" | "started_on" | "started_at"] => Ok("run.started_at".to_owned()),
            ["run", "flow", "name"] | ["run", "flow"] => Ok(quoted(&self.flow.name)),
            ["run", "flow", "uuid"] => Ok(quoted(&self.flow.uuid)),
            ["run", "status"] => Ok("'active'".to_owned()),
            ["webhook", "status"] => Ok(WEBHOOK_STATUS.to_owned()),
            ["webhook", "headers", ..] => lost(),
            ["webhook", "json", rest @ ..] | ["webhook" | "legacy_extra", rest @ ..] => {
                Ok(WEBHOOK.to_owned() + &tail(rest))
            }
            _ => lost(),
        }
    }

    fn contact(&mut self, rest: &[&str]) -> Option<String> {
        Some(match rest {
            [] => "(contact.name or contact.phone)".to_owned(),
            ["name"] => "contact.name".to_owned(),
            ["first_name"] => "((contact.name | text | split) | first)".to_owned(),
            ["language"] => "contact.language".to_owned(),
            ["phone"] => "contact.phone".to_owned(),
            ["urn"] | ["urns", ..] => urn(),
            ["uuid" | "id"] => "(contact.user_id or contact.wa_id)".to_owned(),
            ["groups" | "in_groups"] => "contact.labels".to_owned(),
            ["fields", rest @ ..] => return self.contact_field(rest),
            _ => return None,
        })
    }

    fn contact_field(&self, rest: &[&str]) -> Option<String> {
        match rest {
            [key] | [key, "value" | "text" | "number" | "datetime"] => Some(format!("contact.{}", Self::field(key))),
            _ => None,
        }
    }

    fn results_path(&mut self, rest: &[&str]) -> Result<String, Lost> {
        let Some((key, rest)) = rest.split_first() else { return Ok(self.all_results(&["value", "category"])) };
        let Some(variable) = self.results.get(&snake(key)).cloned() else {
            return Err(format!("nothing sets the result `{key}`, so `results.{key}` is empty"));
        };
        Ok(match rest {
            [] | ["value"] | ["values", "0"] => variable,
            ["category" | "category_localized"] | ["categories", "0"] => format!("{variable}_category"),
            ["input"] => {
                self.inputs.insert(variable.clone());
                format!("{variable}_input")
            }
            ["name"] => quoted(key),
            ["extra", rest @ ..] => format!("{variable}_extra{}", tail(rest)),
            rest => format!("{variable}_extra{}", tail(rest)),
        })
    }
}

/// The variable of a part of a result.
pub(super) fn part_of(variable: &str, part: &str) -> String {
    format!("{variable}_{part}")
}

fn urn() -> String {
    "('whatsapp:' ~ (contact.wa_id | text))".to_owned()
}

/// `[0].name["a b"]` for further parts of a path.
pub(super) fn tail(parts: &[&str]) -> String {
    parts
        .iter()
        .map(|part| match part.parse::<usize>() {
            Ok(number) => format!("[{number}]"),
            Err(_) if *part == identifier(part) => format!(".{part}"),
            Err(_) => format!("[{}]", quoted(part)),
        })
        .collect()
}

/// The key of a name: lower case, `_` for what is no letter or digit.
pub(super) fn snake(name: &str) -> String {
    let words: Vec<String> = name
        .to_lowercase()
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect();
    words.join("_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_keys_and_keys_variables() {
        let mut names = Names::new();
        assert_eq!(snake("Favorite  Color!"), "favorite_color");
        assert_eq!(names.result("Favorite Color"), "favorite_color");
        assert_eq!(names.result("favorite_color"), "favorite_color");
        assert_eq!(names.result("Input"), "input_2");
        assert_eq!(names.result("1st"), "_1st");
        assert_eq!(Names::field("Phone"), "field_phone");
        assert_eq!(tail(&["0", "name", "a b"]), "[0].name[\"a b\"]");
    }
}
