//! HTTP requests, and what is taken from their answers.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::{Map, Value, json};

use super::Book;
use super::export::{Block, list, options, text};
use crate::import::request::{Piece, Request, json_body};
use crate::import::text::verbatim;

/// `data.items.flatMap(item => item.name)`, which the editor writes for lists.
static LISTED: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^(.*?)\.(?:flatMap|map)\(\s*\(?(\w+)\)?\s*=>\s*(\w+)\.([\w.]+)\s*\)$")
        .expect("a constant that a test compiles")
});

impl<'e, 'v> Book<'e, 'v> {
    pub(super) fn http(&mut self, block: &'e Block<'v>, next: String) -> Value {
        let given = options(block.value);
        let webhook = given.get("webhook").filter(|webhook| webhook.is_object()).unwrap_or(given);
        let url = text(webhook, "url");
        if url.trim().is_empty() {
            self.change(&block.name, "the request has no address; it is passed over");
            return json!({ "type": "goto", "to": next });
        }
        let method = if text(webhook, "method").is_empty() { "POST" } else { text(webhook, "method") };
        let url = self.lenient(block, url);
        let mut request = Request::new(method, url, &block.name);
        for header in list(webhook, "headers") {
            let value = self.lenient(block, text(header, "value"));
            request.header(text(header, "key"), value);
        }
        for query in list(webhook, "queryParams") {
            let value = self.lenient(block, text(query, "value"));
            request.query(text(query, "key"), value);
        }
        if let Some(body) = self.body(block, given, webhook, method) {
            request.body(body);
        }
        if let Some(seconds) = given.get("timeout").and_then(Value::as_u64) {
            request.timeout(seconds.saturating_mul(1_000));
        }
        let (extract, status) = self.taken(block, given);
        let mut changes = std::mem::take(&mut request.changes);
        self.draft.secrets.extend(std::mem::take(&mut request.secrets));
        let mut taken = Map::new();
        if !extract.is_empty() {
            taken.insert("extract".into(), Value::Object(extract));
        }
        let mut node = request.into_node(taken);
        changes.dedup();
        changes.iter().for_each(|change| self.change(&block.name, change));
        let next = self.noting_status(block, &status, next);
        // What went wrong did not stop it there.
        node["next"] = json!({ "ok": next, "http_error": next, "timeout": next, "bad_body": next });
        node
    }

    fn noting_status(&mut self, block: &Block<'_>, variables: &[String], next: String) -> String {
        if variables.is_empty() {
            return next;
        }
        let id = self.draft.free_id(&format!("{}.status", block.name));
        let assign: Map<String, Value> =
            variables.iter().map(|variable| (variable.clone(), json!("input.status"))).collect();
        self.draft.put(&id, json!({ "type": "set", "assign": assign, "next": { "next": next } }));
        id
    }

    /// A text in which nothing may be missing: what is, is empty.
    fn lenient(&mut self, block: &Block<'_>, source: &str) -> String {
        let pieces = self.names.pieces(source);
        self.tell(&block.name);
        pieces
            .iter()
            .map(|piece| match piece {
                Piece::Text(text) => verbatim(text),
                Piece::Expression(written) => format!("{{{{ {written} | text }}}}"),
            })
            .collect()
    }

    /// The body of the author's, or all variables, as it was.
    fn body(&mut self, block: &Block<'_>, given: &Value, webhook: &Value, method: &str) -> Option<Value> {
        if matches!(method, "GET" | "HEAD") {
            return None;
        }
        let source = text(webhook, "body");
        if given.get("isCustomBody").and_then(Value::as_bool) != Some(true) {
            self.change(&block.name, "all variables are sent, without what Typebot told of the result");
            let all: Map<String, Value> = self
                .names
                .all()
                .map(|(name, variable)| (name.to_owned(), json!(format!("{{{{ {variable} | default(none) }}}}"))))
                .collect();
            return Some(json!({ "json": all }));
        }
        if source.trim().is_empty() {
            return None;
        }
        let pieces = self.names.pieces(source);
        self.tell(&block.name);
        Some(match json_body(&pieces) {
            Some(value) => json!({ "json": value }),
            None => json!({ "raw": self.lenient(block, source) }),
        })
    }

    /// Variables and the paths of their values; and those that hold the status.
    fn taken(&mut self, block: &Block<'_>, given: &Value) -> (Map<String, Value>, Vec<String>) {
        let (mut extract, mut status) = (Map::new(), Vec::new());
        for mapping in list(given, "responseVariableMapping") {
            let Some(variable) = self.names.of(text(mapping, "variableId")) else { continue };
            let path = text(mapping, "bodyPath").trim();
            match (path, json_path(path)) {
                ("statusCode", _) => status.push(variable),
                (_, Some(path)) => {
                    extract.insert(variable, json!({ "path": path, "default": null }));
                }
                (path, None) => {
                    self.change(&block.name, &format!("the path `{path}` of the answer is not mapped"));
                }
            }
        }
        (extract, status)
    }
}

/// `data.items[0].name` as a JSONPath; none if it is code.
fn json_path(path: &str) -> Option<String> {
    if let Some(found) = LISTED.captures(path) {
        let (base, item, of, rest) = (found.get(1)?, found.get(2)?, found.get(3)?, found.get(4)?);
        let same = item.as_str() == of.as_str();
        return same.then(|| Some(format!("{}[*]{}", json_path(base.as_str())?, keys(rest.as_str())?)))?;
    }
    let rest = path.strip_prefix("data")?;
    if !(rest.is_empty() || rest.starts_with(['.', '['])) {
        return None;
    }
    Some(format!("${}", keys(rest)?))
}

fn keys(path: &str) -> Option<String> {
    let mut out = String::new();
    for part in path.replace('[', ".").replace([']', '"', '\''], "").split('.').filter(|part| !part.is_empty()) {
        match part.parse::<u32>() {
            Ok(number) => out.push_str(&format!("[{number}]")),
            Err(_) if is_word(part) => out.push_str(&format!(".{part}")),
            Err(_) if part.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | ' ' | '$')) => {
                out.push_str(&format!("['{part}']"));
            }
            Err(_) => return None,
        }
    }
    (out.chars().count() <= 200).then_some(out)
}

/// Whether a name can stand behind a point.
fn is_word(name: &str) -> bool {
    name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') && !name.starts_with(|c: char| c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_answers_become_json_paths() {
        for (path, expected) in [
            ("data", Some("$")),
            ("data.items[0].name", Some("$.items[0].name")),
            ("data[1]", Some("$[1]")),
            ("data.items.flatMap(item => item.name)", Some("$.items[*].name")),
            ("data['first-name']", Some("$['first-name']")),
            ("statusCode", None),
            ("data.filter(x => x)", None),
        ] {
            assert_eq!(json_path(path).as_deref(), expected, "{path}");
        }
    }
}
