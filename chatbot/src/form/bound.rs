//! Where a screen of a Flow JSON takes the messages at its inputs from.
//!
//! A `Form` has `error-messages`: a reference to a map in the screen's data, or a map of such references by input. An
//! input has `error-message`. What is bound to none of them is not shown at the input.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

/// The place for the message at one input, or at all of them.
#[derive(Debug, PartialEq)]
enum Bound<'j> {
    /// A map by input under this key of the data.
    All(&'j str),
    /// A text under this key, for this input.
    One { input: &'j str, key: &'j str },
}

/// The keys of a screen's data in which messages are expected.
pub(super) fn names(flow: &Value, screen: &str) -> BTreeSet<String> {
    let key = |bound: &Bound<'_>| match bound {
        Bound::All(key) | Bound::One { key, .. } => (*key).to_owned(),
    };
    of_screen(flow, screen).iter().map(key).collect()
}

/// Gives each place that a screen has for messages a message, or none: the phone wants every key that it knows.
pub(super) fn put(flow: &Value, screen: &str, messages: &[(String, String)], data: &mut Map<String, Value>) {
    for bound in of_screen(flow, screen) {
        match bound {
            Bound::All(key) => {
                let mut by_input = declared(flow, screen, key);
                by_input.extend(messages.iter().map(|(input, text)| (input.clone(), text.as_str().into())));
                if messages.is_empty() {
                    data.entry(key).or_insert(by_input.into());
                } else {
                    data.insert(key.to_owned(), by_input.into());
                }
            }
            Bound::One { input, key } => match messages.iter().find(|(name, _)| name == input) {
                Some((_, text)) => drop(data.insert(key.to_owned(), text.as_str().into())),
                None => drop(data.entry(key).or_insert_with(|| "".into())),
            },
        }
    }
}

/// The inputs that a map of messages must have, all empty: a screen may name them in its data.
fn declared(flow: &Value, screen: &str, key: &str) -> Map<String, Value> {
    let screens = flow["screens"].as_array().into_iter().flatten();
    let found =
        screens.filter(|known| known["id"] == screen).find_map(|known| known["data"][key]["properties"].as_object());
    found.into_iter().flatten().map(|(input, _)| (input.clone(), "".into())).collect()
}

fn of_screen<'j>(flow: &'j Value, screen: &str) -> Vec<Bound<'j>> {
    let screens = flow["screens"].as_array().into_iter().flatten();
    let mut found = Vec::new();
    for screen in screens.filter(|known| known["id"] == screen) {
        walk(&screen["layout"], &mut found);
    }
    found
}

/// Branches are lists and maps of lists: everything below is looked at.
fn walk<'j>(at: &'j Value, found: &mut Vec<Bound<'j>>) {
    match at {
        Value::Array(items) => items.iter().for_each(|item| walk(item, found)),
        Value::Object(component) => {
            match component.get("error-messages") {
                Some(Value::String(text)) => found.extend(key(text).map(Bound::All)),
                Some(Value::Object(by_input)) => found.extend(
                    by_input.iter().filter_map(|(input, text)| Some(Bound::One { input, key: key(text.as_str()?)? })),
                ),
                _ => {}
            }
            if let (Some(Value::String(input)), Some(Value::String(text))) =
                (component.get("name"), component.get("error-message"))
            {
                found.extend(key(text).map(|key| Bound::One { input, key }));
            }
            for below in ["children", "then", "else", "cases"] {
                component.get(below).into_iter().for_each(|below| walk_below(below, found));
            }
        }
        _ => {}
    }
}

fn walk_below<'j>(at: &'j Value, found: &mut Vec<Bound<'j>>) {
    match at {
        Value::Object(cases) if !cases.contains_key("type") => cases.values().for_each(|case| walk(case, found)),
        other => walk(other, found),
    }
}

/// The key of `${data.key}`.
fn key(reference: &str) -> Option<&str> {
    let key = reference.trim().strip_prefix("${data.")?.strip_suffix('}')?;
    (!key.is_empty() && !key.contains(['.', '$', '{'])).then_some(key)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn flow() -> Value {
        json!({ "screens": [
            { "id": "A", "layout": { "type": "SingleColumnLayout", "children": [
                { "type": "Form", "name": "f", "error-messages": "${data.errors}", "children": [
                    { "type": "TextInput", "name": "phone", "label": "Phone" } ] } ] } },
            { "id": "B", "layout": { "type": "SingleColumnLayout", "children": [
                { "type": "If", "condition": "${data.x}", "then": [
                    { "type": "Form", "name": "f", "error-messages": { "day": "${data.day_error}", "x": "fixed" },
                      "children": [] } ] },
                { "type": "Switch", "value": "${data.y}", "cases": { "a": [
                    { "type": "TextInput", "name": "mail", "error-message": "${data.mail_error}" } ] } } ] } } ] })
    }

    fn put_in(screen: &str, messages: &[(&str, &str)]) -> Value {
        let mut data = Map::new();
        let messages: Vec<_> = messages.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
        put(&flow(), screen, &messages, &mut data);
        data.into()
    }

    #[test]
    fn messages_go_where_the_screen_takes_them_from() {
        assert_eq!(put_in("A", &[("phone", "no")]), json!({ "errors": { "phone": "no" } }));
        assert_eq!(put_in("B", &[("day", "gone")]), json!({ "day_error": "gone", "mail_error": "" }));
        assert_eq!(names(&flow(), "B"), ["day_error", "mail_error"].map(str::to_owned).into());
    }

    #[test]
    fn without_a_message_the_places_are_empty_and_what_is_given_stays() {
        assert_eq!(put_in("A", &[]), json!({ "errors": {} }));
        assert_eq!(put_in("C", &[("phone", "no")]), json!({}));
        let mut data = Map::from_iter([("errors".to_owned(), json!({ "phone": "own" }))]);
        put(&flow(), "A", &[], &mut data);
        assert_eq!(data["errors"], json!({ "phone": "own" }));
    }

    #[test]
    fn inputs_that_the_screen_names_are_all_there() {
        let mut flow = flow();
        flow["screens"][0]["data"] = json!({ "errors": { "type": "object",
            "properties": { "phone": { "type": "string" }, "name": { "type": "string" } } } });
        let mut data = Map::new();
        put(&flow, "A", &[], &mut data);
        assert_eq!(data["errors"], json!({ "phone": "", "name": "" }));
        put(&flow, "A", &[("phone".to_owned(), "no".to_owned())], &mut data);
        assert_eq!(data["errors"], json!({ "phone": "no", "name": "" }));
    }

    #[test]
    fn references_to_anything_else_are_none() {
        for text in ["${form.x}", "${data.}", "${data.a.b}", "data.x", "${data.x", "`${data.x} == 1`"] {
            assert_eq!(key(text), None, "{text}");
        }
    }
}
