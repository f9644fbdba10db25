//! Values that differ, leaf by leaf. Elements of lists are told apart by their `id` where all have one, else by position.

use std::collections::BTreeSet;

use serde_json::Value;

use super::Change;

/// Keys whose values people read.
const TEXTS: &[&str] = &[
    "text",
    "prompt",
    "title",
    "desc",
    "header",
    "footer",
    "message",
    "button_text",
    "caption",
    "body",
    "cta",
    "previous",
    "next",
    "say",
    "outside_hours",
];
/// Keys whose values are nodes.
const TARGETS: &[&str] = &["to", "else", "body", "node"];

/// What a place in a node is.
pub(super) enum What<'p> {
    /// It leads to a node.
    Target(&'p str),
    /// People read it.
    Text,
    Field,
}

pub(super) fn what(path: &str) -> What<'_> {
    if let Some(port) = path.strip_prefix("next/") {
        return What::Target(port);
    }
    let key = path.rsplit('/').find(|part| part.parse::<usize>().is_err()).unwrap_or_default();
    let is_short = !path.contains('/') || path.starts_with("cases/");
    if TARGETS.contains(&key) && is_short {
        return What::Target(path);
    }
    if TEXTS.contains(&key) || path.starts_with("messages/") && key == "variants" { What::Text } else { What::Field }
}

/// The leaves that differ.
pub(super) fn changes(from: Option<&Value>, to: Option<&Value>) -> Vec<Change> {
    let mut found = Vec::new();
    compare("", from, to, &mut found);
    found
}

fn compare(path: &str, from: Option<&Value>, to: Option<&Value>, found: &mut Vec<Change>) {
    if from == to {
        return;
    }
    match (from, to) {
        (Some(Value::Object(before)), Some(Value::Object(after))) => {
            let keys: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
            for key in keys {
                compare(&below(path, key), before.get(key), after.get(key), found);
            }
        }
        (Some(Value::Array(before)), Some(Value::Array(after))) => match (ids(before), ids(after)) {
            (Some(one), Some(other)) => by_id(path, (before, &one), (after, &other), found),
            _ => {
                for index in 0..before.len().max(after.len()) {
                    compare(&below(path, &index.to_string()), before.get(index), after.get(index), found);
                }
            }
        },
        _ => found.push(Change { path: path.to_owned(), from: from.cloned(), to: to.cloned() }),
    }
}

fn by_id(path: &str, before: (&[Value], &[&str]), after: (&[Value], &[&str]), found: &mut Vec<Change>) {
    let find = |(values, ids): (&'_ [Value], &[&str]), id: &str| {
        ids.iter().position(|other| *other == id).and_then(|at| values.get(at).cloned())
    };
    let fresh = after.1.iter().filter(|id| !before.1.contains(id));
    for id in before.1.iter().chain(fresh) {
        compare(&below(path, id), find(before, id).as_ref(), find(after, id).as_ref(), found);
    }
    let kept = |ids: &[&str], others: &[&str]| -> Vec<Value> {
        ids.iter().filter(|id| others.contains(id)).map(|id| Value::from(*id)).collect()
    };
    let (was, is) = (kept(before.1, after.1), kept(after.1, before.1));
    if was != is {
        found.push(Change { path: below(path, "(order)"), from: Some(was.into()), to: Some(is.into()) });
    }
}

/// The ids of all elements, if each has one of its own.
fn ids(values: &[Value]) -> Option<Vec<&str>> {
    let ids: Vec<&str> = values.iter().map(|value| value.get("id")?.as_str()).collect::<Option<_>>()?;
    let different: BTreeSet<&&str> = ids.iter().collect();
    (different.len() == ids.len()).then_some(ids)
}

fn below(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}/{key}") }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn paths(from: &Value, to: &Value) -> Vec<String> {
        changes(Some(from), Some(to)).into_iter().map(|change| change.path).collect()
    }

    #[test]
    fn leaves_are_found_by_key_id_and_position() {
        let from = json!({ "a": 1, "list": [1, 2], "options": [{ "id": "x", "t": 1 }, { "id": "y" }] });
        let to = json!({ "a": 1, "list": [1, 3, 4], "options": [{ "id": "y" }, { "id": "x", "t": 2 }, { "id": "z" }] });
        assert_eq!(paths(&from, &to), ["list/1", "list/2", "options/x/t", "options/z", "options/(order)"]);
        assert_eq!(paths(&to, &to), Vec::<String>::new());
    }

    #[test]
    fn lists_whose_ids_repeat_are_compared_by_position() {
        let twins = json!([{ "id": "x" }, { "id": "x" }]);
        assert_eq!(paths(&twins, &json!([{ "id": "x" }, { "id": "y" }])), ["1/id"]);
    }
}
