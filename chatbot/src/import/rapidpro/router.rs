//! Routers: what a node waits for, how it decides, and what it notes of the decision.
//!
//! A wait becomes an `ask` that takes anything, the cases a `branch`, and each category that is noted a `set`.
//! Where a language has other arguments, the words of all languages are understood.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::export::{list, text};
use super::flow::{Book, Place};
use super::names::{ANSWER, part_of};
use crate::caps;
use crate::import::Mapping;
use crate::import::text::{duration, quoted, slug};
use crate::import::tidy::silent_ask;
use crate::loose::rapidpro::TESTS as MATCHED;

/// Each test of a router, and what it becomes; none are listed and never hold.
pub const TESTS: &[Mapping] = &[
    ("has_all_words", Some("matched")),
    ("has_any_word", Some("matched")),
    ("has_audio", Some("the type of the message (Glific)")),
    ("has_beginning", Some("matched")),
    ("has_category", Some("the category of the result")),
    ("has_date", Some("matched")),
    ("has_date_eq", Some("matched")),
    ("has_date_gt", Some("matched")),
    ("has_date_lt", Some("matched")),
    ("has_district", None),
    ("has_email", Some("matched")),
    ("has_error", None),
    ("has_file", Some("the type of the message (Glific)")),
    ("has_group", Some("the labels of the person")),
    ("has_image", Some("the type of the message (Glific)")),
    ("has_intent", None),
    ("has_location", Some("the type of the message (Glific)")),
    ("has_media", Some("the type of the message (Glific)")),
    ("has_multiple", Some("all words of its argument (Glific)")),
    ("has_number", Some("matched")),
    ("has_number_between", Some("matched")),
    ("has_number_eq", Some("matched")),
    ("has_number_gt", Some("matched")),
    ("has_number_gte", Some("matched")),
    ("has_number_lt", Some("matched")),
    ("has_number_lte", Some("matched")),
    ("has_only_phrase", Some("matched")),
    ("has_only_text", Some("matched")),
    ("has_pattern", Some("matched")),
    ("has_phone", Some("matched")),
    ("has_phrase", Some("matched")),
    ("has_state", None),
    ("has_text", Some("matched")),
    ("has_time", Some("matched")),
    ("has_top_intent", None),
    ("has_value", Some("matched")),
    ("has_video", Some("the type of the message (Glific)")),
    ("has_ward", None),
    ("is_text_eq", Some("matched")),
];

/// What a case finds: when it holds, and the value that it gives to the result.
struct Found {
    when: String,
    value: String,
}

/// A router at work.
struct Routing<'i, 'v> {
    router: &'v Value,
    ids: &'i BTreeMap<&'v str, String>,
    operand: String,
    /// The variable of the result, if it is noted.
    result: Option<String>,
    /// Where each category leads, once it is written.
    ways: BTreeMap<String, String>,
    /// Parts of ids that are taken.
    parts: BTreeSet<String>,
}

impl<'e, 'v> Book<'e, 'v> {
    /// Writes the router of a node; gives the node to which its actions lead.
    pub(super) fn router(&mut self, place: &mut Place<'e, 'v>, ids: &BTreeMap<&'v str, String>) -> String {
        let router = place.node.router;
        if !router.is_object() {
            return self.target(place.flow, ids, place.node.first_exit());
        }
        let result = Some(text(router, "result_name")).filter(|name| !name.trim().is_empty());
        let result = result.map(|name| self.names.result(name));
        let operand = text(router, "operand");
        let operand = if operand.is_empty() { "@input.text" } else { operand };
        let mut routing = Routing {
            router,
            ids,
            operand: self.expression(place.shown(), operand),
            result,
            ways: BTreeMap::new(),
            parts: BTreeSet::new(),
        };
        match text(router, "type") {
            "switch" => self.switch(place, routing),
            "random" => self.random(place, routing),
            other => {
                self.change(place.shown(), &format!("router `{other}` is not mapped; its first exit is taken"));
                let exit = place.node.first_exit();
                routing.ways.clear();
                self.target(place.flow, ids, exit)
            }
        }
    }

    fn switch(&mut self, place: &mut Place<'e, 'v>, mut routing: Routing<'_, 'v>) -> String {
        let wait = routing.router.get("wait").filter(|wait| wait.is_object());
        let route = self.cases(place, &mut routing);
        let Some(wait) = wait else { return route };
        if !matches!(text(wait, "type"), "msg" | "") {
            self.change(place.shown(), &format!("a wait of type `{}` waits for a message", text(wait, "type")));
        }
        let mut ask = silent_ask(ANSWER);
        ask["next"]["ok"] = Value::String(route);
        if let Some(timeout) = wait.get("timeout").filter(|timeout| timeout.is_object()) {
            let seconds = timeout.get("seconds").and_then(Value::as_u64).unwrap_or_default();
            ask["timeout"] = Value::String(duration(seconds));
            let category = text(timeout, "category_uuid").to_owned();
            ask["next"]["timeout"] = Value::String(self.way(place, &mut routing, &category, "''"));
        }
        // What is said last in this node is the prompt.
        let (message, id) = place.take_message().unzip();
        if let Some(message) = message {
            ask["prompt"] = plain(message);
        }
        let id = id.flatten().unwrap_or_else(|| place.part(&mut self.draft));
        place.push(id.clone(), ask);
        id
    }

    /// Writes the branch; gives its id, or where it leads if there is nothing to decide.
    fn cases(&mut self, place: &mut Place<'e, 'v>, routing: &mut Routing<'_, 'v>) -> String {
        let router = routing.router;
        let cases: Vec<(String, Found)> = list(router, "cases")
            .iter()
            .filter_map(|case| {
                let category = text(case, "category_uuid");
                let category = if category.is_empty() { text(case, "exit_uuid") } else { category };
                Some((category.to_owned(), self.case(place, routing, case)?))
            })
            .collect();
        let mut branches = Vec::new();
        for (category, found) in &cases {
            let own = cases.iter().filter(|(other, _)| other == category).map(|(_, found)| found.value.clone());
            let values: Vec<String> = own.collect();
            let value = if values.len() == 1 { found.value.clone() } else { format!("({})", values.join(" or ")) };
            let to = self.way(place, routing, category, &value);
            branches.push(json!({ "when": found.when, "to": to }));
        }
        let default = text(router, "default_category_uuid");
        let default = if default.is_empty() { text(router, "default_exit_uuid") } else { default }.to_owned();
        let operand = routing.operand.clone();
        let otherwise = self.way(place, routing, &default, &operand);
        if branches.is_empty() {
            return otherwise;
        }
        let plain = place.is_empty() && !place.node.waits();
        let wanted = if plain { place.node.id.clone() } else { format!("{}.route", place.node.id) };
        let id = self.draft.free_id(&wanted);
        self.draft.put(&id, json!({ "type": "branch", "cases": branches, "else": otherwise }));
        id
    }

    /// One case; none if it can never hold.
    fn case(&mut self, place: &Place<'_, '_>, routing: &Routing<'_, 'v>, case: &'v Value) -> Option<Found> {
        let test = text(case, "type").to_lowercase();
        let operand = routing.operand.clone();
        let kind = |kinds: &[&str]| {
            let kinds: Vec<String> = kinds.iter().map(|kind| quoted(kind)).collect();
            Found { when: format!("(input.type in [{}])", kinds.join(", ")), value: operand.clone() }
        };
        match test.as_str() {
            "has_group" => Some(self.group(place, case)),
            "has_category" => Some(self.category(place, routing, case)),
            "has_audio" => Some(kind(&["audio"])),
            "has_image" => Some(kind(&["image", "sticker"])),
            "has_video" => Some(kind(&["video"])),
            "has_file" => Some(kind(&["document"])),
            "has_location" => Some(kind(&["location"])),
            "has_media" => Some(kind(&["image", "sticker", "video", "audio", "document"])),
            "has_multiple" => self.matched(place, routing, case, "has_all_words"),
            test if MATCHED.iter().any(|(known, _)| *known == test) => self.matched(place, routing, case, test),
            _ => {
                self.change(place.shown(), &format!("the test `{test}` is not mapped and never holds"));
                None
            }
        }
    }

    fn matched(
        &mut self,
        place: &Place<'_, '_>,
        routing: &Routing<'_, 'v>,
        case: &'v Value,
        test: &str,
    ) -> Option<Found> {
        let (_, takes) = MATCHED.iter().find(|(known, _)| *known == test)?;
        let own: Vec<&str> = list(case, "arguments").iter().filter_map(Value::as_str).collect();
        let others = place.flow.translations(text(case, "uuid"), "arguments");
        let mut calls: Vec<String> = Vec::new();
        for arguments in std::iter::once(&own).chain(others.iter().map(|(_, texts)| texts)) {
            let call = self.matched_call(place, routing, test, takes, arguments)?;
            if !calls.contains(&call) {
                calls.push(call);
            }
        }
        let holds: Vec<String> = calls.iter().map(|call| format!("({call} is not none)")).collect();
        if calls.len() > 1 {
            self.change("all flows", "the words of every language are understood, whichever the person has");
        }
        Some(match calls.as_slice() {
            [call] => Found { when: format!("{call} is not none"), value: call.clone() },
            _ => Found { when: holds.join(" or "), value: format!("({})", calls.join(" or ")) },
        })
    }

    fn matched_call(
        &mut self,
        place: &Place<'_, '_>,
        routing: &Routing<'_, 'v>,
        test: &str,
        takes: &std::ops::Range<usize>,
        arguments: &[&str],
    ) -> Option<String> {
        // Editors wrote several words as several arguments.
        let joined = arguments.join(" ");
        let one = takes.end == 2 && arguments.len() > 1;
        let arguments = if one { vec![joined.as_str()] } else { arguments.to_vec() };
        let most = takes.end.saturating_sub(1);
        let arguments = arguments.get(..arguments.len().min(most)).unwrap_or_default();
        if !takes.contains(&arguments.len()) {
            let what = format!("`{test}` with {} arguments never holds", arguments.len());
            self.change(place.shown(), &what);
            return None;
        }
        if test == "has_pattern" {
            self.check_pattern(place, arguments.first().copied().unwrap_or_default());
        }
        let mut written = vec![quoted(test)];
        for argument in arguments {
            written.push(self.expression(place.shown(), argument));
        }
        Some(format!("({} | matched({}))", routing.operand, written.join(", ")))
    }

    fn check_pattern(&mut self, place: &Place<'_, '_>, pattern: &str) {
        let built = regex::RegexBuilder::new(pattern.trim()).size_limit(caps::MAX_PATTERN_BYTES).build();
        if built.is_err() || pattern.chars().count() > caps::MAX_PATTERN_CHARS {
            self.change(place.shown(), &format!("the pattern `{pattern}` is not one of ours and never matches"));
        }
    }

    fn group(&mut self, place: &Place<'_, '_>, case: &Value) -> Found {
        let arguments: Vec<&str> = list(case, "arguments").iter().filter_map(Value::as_str).collect();
        let name = arguments.get(1).or_else(|| arguments.first()).copied().unwrap_or_default();
        self.change("all flows", "groups are labels of the person; who is in a smart group is not computed");
        let name = self.expression(place.shown(), name);
        Found { when: format!("({name} in (contact.labels or []))"), value: name }
    }

    fn category(&mut self, place: &Place<'_, '_>, routing: &Routing<'_, 'v>, case: &Value) -> Found {
        let operand = text(routing.router, "operand");
        // The category is compared, whatever of the result the operand names.
        let bare = operand.trim_end_matches(".value").trim_end_matches(".category");
        let category = self.expression(place.shown(), &format!("{bare}.category"));
        let names: Vec<String> =
            list(case, "arguments").iter().filter_map(Value::as_str).map(|name| quoted(&name.to_lowercase())).collect();
        Found {
            when: format!("(({category} | text | lower) in [{}])", names.join(", ")),
            value: format!("({category} | text)"),
        }
    }

    fn random(&mut self, place: &mut Place<'e, 'v>, mut routing: Routing<'_, 'v>) -> String {
        let (mut weights, mut next) = (Map::new(), Map::new());
        for category in list(routing.router, "categories") {
            let name = slug(text(category, "name"), "way");
            let port = crate::import::text::unique(&name, &mut routing.parts);
            let uuid = text(category, "uuid").to_owned();
            let to = self.way(place, &mut routing, &uuid, &quoted(text(category, "name")));
            weights.insert(port.clone(), json!(1));
            next.insert(port, Value::String(to));
        }
        if weights.is_empty() {
            self.change(place.shown(), "a random router without categories takes its first exit");
            return self.target(place.flow, routing.ids, place.node.first_exit());
        }
        let id = place.part(&mut self.draft);
        self.draft.put(&id, json!({ "type": "split", "weights": weights, "next": next }));
        id
    }

    /// Where a category leads; on the way the result is noted. `value` is an expression.
    fn way(&mut self, place: &Place<'_, '_>, routing: &mut Routing<'_, 'v>, uuid: &str, value: &str) -> String {
        if let Some(known) = routing.ways.get(uuid) {
            return known.clone();
        }
        let category = list(routing.router, "categories").iter().find(|category| text(category, "uuid") == uuid);
        let exit = category.map_or(uuid, |category| text(category, "exit_uuid"));
        let to = self.target(place.flow, routing.ids, place.node.exit(exit));
        let Some(result) = routing.result.clone().filter(|_| category.is_some()) else { return to };
        let name = category.map(|category| text(category, "name")).unwrap_or_default();
        let mut assign = Map::new();
        assign.insert(result.clone(), Value::String(value.to_owned()));
        assign.insert(part_of(&result, "category"), Value::String(quoted(name)));
        if self.names.inputs.contains(&result) {
            assign.insert(part_of(&result, "input"), Value::String(routing.operand.clone()));
        }
        let id = self.draft.free_id(&format!("{}.{}", place.node.id, slug(name, "category")));
        self.draft.put(&id, json!({ "type": "set", "assign": assign, "next": { "next": to } }));
        routing.ways.insert(uuid.to_owned(), id.clone());
        id
    }
}

/// A message that is only a text, as one.
fn plain(message: Value) -> Value {
    match message.as_object() {
        Some(keys) if keys.len() == 1 => keys.get("text").cloned().unwrap_or(message),
        _ => message,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_stand_in_order_and_none_is_forgotten() {
        assert!(TESTS.windows(2).all(|pair| pair[0].0 < pair[1].0));
        for (name, _) in MATCHED {
            assert!(TESTS.iter().any(|(known, _)| known == name), "{name}");
        }
    }
}
