//! `rest_api` and `google_calendar` as `http` nodes.
//!
//! What the original kept as `rest_api_N.data` is taken from the answer by a JSONPath; `rest_api_N.status`,
//! `rest_api_N.error` and the author's variable for errors are set behind the node, where something reads them.

use serde_json::{Map, Value, json};

use super::Writer;
use super::export::Source;
use super::names::Output;
use crate::import::request::{Auth, Piece, Request, json_body};
use crate::import::text::{identifier, quoted, verbatim};

impl<'e> Writer<'e> {
    pub(super) fn rest_api(&mut self, node: &'e Source) {
        let url = self.template(node, &node.text("apiUrl"));
        let mut request = Request::new(&node.text("apiMethod"), url, &node.name);
        if let Some(auth) = self.auth(node) {
            request.auth(auth);
        }
        for (name, value) in pairs(node.get("apiHeaders")) {
            request.header(&name, self.template(node, &value));
        }
        for (name, value) in pairs(node.get("apiQueryParams")) {
            request.query(&name, self.template(node, &value));
        }
        if node.has("apiBody") {
            request.body(self.body(node));
        }
        match node.get("apiTimeout").as_u64() {
            Some(ms) => request.timeout(ms),
            None => self.changes.at("all requests", "without a time of its own a request waits as long as our default"),
        }
        let variable = self.names.of(node).unwrap_or("response").to_owned();
        let mut taken = Map::new();
        match json_path(&node.text("apiResponsePath")) {
            // The original kept whatever came, JSON or not.
            Some(path) if path == "$" && !node.has("apiFilterField") => {
                taken.insert("save".into(), Value::String(variable));
            }
            Some(path) => {
                taken.insert("extract".into(), json!({ &variable: { "path": path, "default": null } }));
            }
            None => {
                self.change(
                    node,
                    &format!("the path `{}` is none of ours: the whole answer is kept", node.text("apiResponsePath")),
                );
                taken.insert("save".into(), Value::String(variable));
            }
        }
        if let Some(filter) = self.filter(node).filter(|_| taken.contains_key("extract")) {
            taken.insert("filter".into(), Value::String(filter));
        }
        self.http(node, request, taken);
    }

    fn auth(&mut self, node: &'e Source) -> Option<Auth> {
        let kind = node.text("apiAuthType").to_lowercase().replace(['-', '_', ' '], "");
        Some(match kind.as_str() {
            "" if node.has("apiAuthToken") => Auth::Bearer,
            "" | "none" | "noauth" => return None,
            "bearer" | "token" | "oauth" | "oauth2" => Auth::Bearer,
            "basic" => Auth::Basic { user: self.template(node, &node.text("apiAuthUsername")) },
            "apikey" => {
                let name = node.text("apiAuthKeyName");
                let name = if name.trim().is_empty() { "X-API-Key".to_owned() } else { name.trim().to_owned() };
                Auth::Key { name, in_query: node.text("apiAuthKeyLocation") == "query" }
            }
            other => {
                self.change(node, &format!("authentication of type `{other}` is not mapped"));
                return None;
            }
        })
    }

    /// The body by its content type; JSON by default, and text where it is none.
    fn body(&mut self, node: &'e Source) -> Value {
        let source = node.text("apiBody");
        let pieces = self.pieces(node, &source);
        let kind = node.text("apiContentType");
        let whole = json_body(&pieces);
        let form = kind.contains("form-data").then_some("multipart").or(kind.contains("urlencoded").then_some("form"));
        if let (Some(form), Some(Value::Object(entries))) = (form, &whole) {
            let fields: Map<String, Value> =
                entries.iter().map(|(key, value)| (key.clone(), as_field(value))).collect();
            return json!({ form: fields });
        }
        match (form, whole) {
            (Some("multipart"), _) => json!({ "multipart": { "data": self.template(node, &source) } }),
            (Some(_), _) => {
                let text = self.template(node, &source);
                json!({ "raw": { "text": text, "content_type": "application/x-www-form-urlencoded" } })
            }
            (None, Some(value)) => json!({ "json": value }),
            (None, None) => json!({ "raw": self.template(node, &source) }),
        }
    }

    fn pieces(&mut self, node: &'e Source, source: &str) -> Vec<Piece> {
        let mut pieces = Vec::new();
        let mut rest = source;
        while let Some((before, after)) = rest.split_once("{{") {
            let Some((inner, behind)) = after.split_once("}}").filter(|(inner, _)| !inner.contains('{')) else {
                break;
            };
            pieces.push(Piece::Text(before.to_owned()));
            let (expression, lost) = self.names.path(inner);
            if let Some(lost) = lost {
                self.change(node, &lost);
            }
            pieces.push(match expression {
                Some(expression) => Piece::Expression(expression),
                None => Piece::Text(format!("{{{{{inner}}}}}")),
            });
            rest = behind;
        }
        pieces.push(Piece::Text(rest.to_owned()));
        pieces
    }

    /// Elements of a list of which a field is a value, both as text.
    fn filter(&mut self, node: &'e Source) -> Option<String> {
        if !node.has("apiFilterField") || !node.has("apiFilterValue") {
            return None;
        }
        let field = node.text("apiFilterField");
        let path: String = field
            .replace('[', ".")
            .replace(']', "")
            .split('.')
            .filter(|part| !part.is_empty())
            .map(|part| match part.parse::<usize>() {
                Ok(number) => format!("[{number}]"),
                Err(_) if part == identifier(part) => format!(".{part}"),
                Err(_) => format!("[{}]", quoted(part)),
            })
            .collect();
        let source = node.text("apiFilterValue");
        let parts: Vec<String> = self
            .pieces(node, &source)
            .iter()
            .filter_map(|piece| match piece {
                Piece::Text(text) if text.is_empty() => None,
                Piece::Text(text) => Some(quoted(text)),
                Piece::Expression(written) => Some(format!("({written} | text)")),
            })
            .collect();
        Some(format!("(item{path} | text) == ({})", parts.join(" ~ ")))
    }

    pub(super) fn google_calendar(&mut self, node: &'e Source) {
        self.change(
            node,
            "a calendar look-up becomes an `http` node to an address that is none: put your calendar's there",
        );
        let mut request = Request::new("GET", "https://calendar.example/".into(), &node.name);
        let action = node.text("calendarAction");
        request.query("action", if action.is_empty() { "check_availability".into() } else { verbatim(&action) });
        for (source, variable, fixed, name) in [
            ("calendarDateSource", "calendarDateVariable", "calendarStaticDate", "date"),
            ("calendarEndDateSource", "calendarEndDateVariable", "calendarStaticEndDate", "until"),
        ] {
            if node.text(source) == "variable" && node.has(variable) {
                let date = self.template(node, &format!("{{{{{}}}}}", node.text(variable)));
                request.query(name, date);
            } else if node.has(fixed) {
                request.query(name, verbatim(&node.text(fixed)));
            }
        }
        for (key, name) in [
            ("calendarWorkingHoursStart", "from"),
            ("calendarWorkingHoursEnd", "to"),
            ("calendarSlotDuration", "minutes"),
            ("calendarMaxResults", "most"),
        ] {
            if node.has(key) {
                request.query(name, verbatim(&node.text(key)));
            }
        }
        let variable = self.names.of(node).unwrap_or("slots").to_owned();
        let taken = Map::from_iter([
            ("save".to_owned(), Value::String(variable)),
            ("x-imported-as".to_owned(), "google_calendar".into()),
        ]);
        self.http(node, request, taken);
    }

    /// `success` is `ok`; `error` stands for everything that goes wrong.
    fn http(&mut self, node: &'e Source, mut request: Request, taken: Map<String, Value>) {
        let changes = std::mem::take(&mut request.changes);
        self.secrets.extend(std::mem::take(&mut request.secrets));
        let mut http = request.into_node(taken);
        changes.iter().for_each(|change| self.change(node, change));
        let (ok, error) = (self.target(node, "success"), self.target(node, "error"));
        let ok = self.noting(node, "done", ok, &[(Output::Status, "input.status"), (Output::Error, "none")]);
        let error =
            self.noting(node, "failed", error, &[(Output::Status, "input.status"), (Output::Error, "input.error")]);
        http["next"] = json!({ "ok": ok, "http_error": error, "timeout": error, "bad_body": error });
        self.put(node, http);
    }

    /// A `set` before `to`, if something reads what it sets.
    fn noting(&mut self, node: &'e Source, part: &str, to: String, outputs: &[(Output, &str)]) -> String {
        let mut assign = Map::new();
        for (output, expression) in outputs {
            for variable in self.names.read_of(node, *output) {
                assign.insert(variable, Value::String((*expression).to_owned()));
            }
        }
        if assign.is_empty() {
            return to;
        }
        let id = format!("{}.{part}", node.name);
        self.nodes.insert(id.clone(), json!({ "type": "set", "assign": assign, "next": { "next": to } }));
        id
    }
}

/// Names and texts of a map, or of a list of `{key, value}`.
fn pairs(value: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    };
    match value {
        Value::Object(entries) => entries.iter().map(|(name, value)| (name.clone(), text(value))).collect(),
        Value::Array(items) => items
            .iter()
            .filter_map(|item| {
                let name = item.get("key").or_else(|| item.get("name"))?.as_str()?;
                Some((name.to_owned(), text(item.get("value").unwrap_or(&Value::Null))))
            })
            .collect(),
        _ => Vec::new(),
    }
}

/// A value as the text of a form field.
fn as_field(value: &Value) -> Value {
    match value {
        Value::String(text) => Value::String(text.replace(" | default(none) }}", " | text }}")),
        other => Value::String(verbatim(&other.to_string())),
    }
}

/// `data.items[0].name` as a JSONPath; none if it cannot be one.
fn json_path(path: &str) -> Option<String> {
    let plain = path.trim().trim_start_matches("$.").trim_start_matches('$').replace('[', ".").replace(']', "");
    let mut out = "$".to_owned();
    for part in plain.split('.').filter(|part| !part.is_empty()) {
        match part.parse::<u32>() {
            Ok(number) => out.push_str(&format!("[{number}]")),
            Err(_) if is_word(part) => out.push_str(&format!(".{part}")),
            Err(_) if !part.contains(['\'', '\\', '"']) => out.push_str(&format!("['{part}']")),
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
            ("", Some("$")),
            ("data", Some("$.data")),
            ("data.items[0].first-name", Some("$.data.items[0]['first-name']")),
            ("$.a.0", Some("$.a[0]")),
            ("a'b", None),
        ] {
            assert_eq!(json_path(path).as_deref(), expected, "{path}");
        }
    }
}
