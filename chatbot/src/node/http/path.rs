//! JSONPaths (RFC 9535) that are compiled with the bot, and bounded so that no answer makes one expensive.

use serde_json::Value;
use serde_json_path::JsonPath;

use crate::bot::read::{At, Reader};
use crate::caps;
use crate::explain;
use crate::expr::scope::json_bytes;
use crate::source::narrow;

/// `..`, filters and commas in one path: each multiplies what has to be looked at.
const MOST_DESCENTS: usize = 1;
const MOST_FILTERS: usize = 1;
const MOST_COMMAS: usize = 4;

#[derive(Debug)]
pub(super) struct Path {
    source: String,
    compiled: JsonPath,
    /// It names one place at the most.
    single: bool,
}

pub(super) fn read(reader: &mut Reader<'_>, at: &At<'_>) -> Option<Path> {
    let text = reader.text(at)?;
    match compile(&text) {
        Ok(path) => Some(path),
        Err((message, place)) => {
            let part = text.get(place..).and_then(|rest| rest.chars().next()).map(|c| place..place + c.len_utf8());
            let span = match part {
                Some(part) => narrow(reader.source, &at.node.span, &text, part),
                None => at.node.span.clone(),
            };
            reader.report_span(explain::JSON_PATH, span, &at.pointer, message).help =
                Some("paths look like $.items[0].id, $.items[*].id or $['a name']".to_owned());
            None
        }
    }
}

/// The path, or what is wrong with it and the byte at which.
fn compile(text: &str) -> Result<Path, (String, usize)> {
    if text.chars().count() > caps::MAX_JSON_PATH_CHARS {
        return Err((format!("the JSONPath is longer than {} characters", caps::MAX_JSON_PATH_CHARS), text.len()));
    }
    let compiled = JsonPath::parse(text)
        .map_err(|error| (format!("`{text}` is not a JSONPath"), error.position().min(text.len())))?;
    let bare = without_names(text);
    for (mark, most) in [("..", MOST_DESCENTS), ("?", MOST_FILTERS), (",", MOST_COMMAS)] {
        if bare.matches(mark).count() > most {
            let place = bare.match_indices(mark).nth(most).map_or(0, |(at, _)| at);
            return Err((format!("a JSONPath may have {most} `{mark}`"), place));
        }
    }
    let single = !["..", "*", "?", ",", ":"].iter().any(|mark| bare.contains(mark));
    Ok(Path { source: text.to_owned(), compiled, single })
}

/// The path with quoted names blanked, at the same places.
fn without_names(text: &str) -> String {
    let (mut quote, mut escaped) = (None, false);
    let blank = |c: char| "_".repeat(c.len_utf8());
    text.chars()
        .map(|c| match (quote, c) {
            (Some(_), _) if escaped => {
                escaped = false;
                blank(c)
            }
            (Some(_), '\\') => {
                escaped = true;
                blank(c)
            }
            (Some(open), c) if open == c => {
                quote = None;
                blank(c)
            }
            (None, '\'' | '"') => {
                quote = Some(c);
                blank(c)
            }
            (Some(_), _) => blank(c),
            (None, c) => c.to_string(),
        })
        .collect()
}

impl Path {
    pub(super) fn source(&self) -> &str {
        &self.source
    }

    /// What is at the place, or all that it finds; `None` if there is no such place. Nothing is copied: `..` finds values
    /// within values, so that all of it together can be many times what it was found in.
    pub(super) fn find<'j>(&self, json: &'j Value) -> Option<Found<'j>> {
        let found = self.compiled.query(json);
        match self.single {
            true => found.first().map(Found::One),
            false => Some(Found::List(found.all())),
        }
    }
}

/// What a path finds, where it stands.
#[derive(Debug)]
pub(super) enum Found<'j> {
    One(&'j Value),
    List(Vec<&'j Value>),
}

impl<'j> Found<'j> {
    /// Its elements; `None` if it is no list.
    pub(super) fn items(self) -> Option<Vec<&'j Value>> {
        match self {
            Found::One(Value::Array(items)) => Some(items.iter().collect()),
            Found::One(_) => None,
            Found::List(items) => Some(items),
        }
    }

    /// A copy of it, unless that would be larger than a variable may be.
    pub(super) fn copied(&self) -> Option<Value> {
        let values = match self {
            Found::One(value) => std::slice::from_ref(value),
            Found::List(values) => values,
        };
        let mut left = caps::MAX_VALUE_BYTES;
        for value in values {
            left = left.checked_sub(json_bytes(value))?;
        }
        Some(match self {
            Found::One(value) => (*value).clone(),
            Found::List(values) => values.iter().map(|value| (*value).clone()).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn find(path: &str) -> Option<Value> {
        let answer = json!({ "items": [ { "id": 1, "on": true }, { "id": 2 } ], "a.b": { "c,..?": null } });
        compile(path).unwrap().find(&answer).map(|found| found.copied().unwrap())
    }

    #[test]
    fn one_place_gives_its_value_and_many_a_list() {
        assert_eq!(find("$.items[0].id"), Some(json!(1)));
        assert_eq!(find("$['a.b'][\"c,..?\"]"), Some(Value::Null));
        assert_eq!(find("$.items[9].id"), None);
        assert_eq!(find("$.items[*].id"), Some(json!([1, 2])));
        assert_eq!(find("$..id"), Some(json!([1, 2])));
        assert_eq!(find("$.items[?@.on].id"), Some(json!([1])));
        assert_eq!(find("$.nothing[*]"), Some(json!([])));
        assert_eq!(find("$.items[0:1]"), Some(json!([{ "id": 1, "on": true }])));
    }

    /// 120 lists within each other around 600 KiB: `..` finds 75 MB in it.
    #[test]
    fn values_within_values_are_counted_before_they_are_copied() {
        let deep = (0..120).fold(json!("x".repeat(600 << 10)), |inner, _| json!([inner]));
        let found = compile("$..*").unwrap().find(&deep).unwrap();
        assert!(matches!(&found, Found::List(all) if all.len() == 120), "{}", deep.is_array());
        assert_eq!(found.copied(), None);
        let small = json!([[["x"]]]);
        assert_eq!(compile("$..*").unwrap().find(&small).unwrap().copied(), Some(json!([[["x"]], ["x"], "x"])));
    }

    #[test]
    fn what_is_wrong_or_too_much_is_refused_at_its_place() {
        for (path, place) in [("$.a..b..c", 6), ("$[?@.a][?@.b]", 8), ("$[0,1,2,3,4,5]", 11), ("$.a[", 3), ("a.b", 0)] {
            let (message, at) = compile(path).unwrap_err();
            assert_eq!(at, place, "{path}: {message}");
        }
        assert!(compile(&format!("$.{}", "a".repeat(300))).is_err());
    }

    #[test]
    fn a_filter_never_compiles_a_pattern_of_somebody_elses() {
        assert!(compile("$[?match(@.a, $.b)]").is_err());
    }
}
