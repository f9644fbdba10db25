//! Choices: buttons, pictures, lists out of variables, and several at once.
//!
//! Several at once are asked one after the other: what was taken is offered no more, and a last option ends it.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};
use whatsapp::limits;

use super::Book;
use super::export::{Block, list, options, text};
use super::inputs::Asked;
use crate::caps;
use crate::import::text::{cut, quoted, slug, unique};

/// Ids that no option may have.
const TAKEN: [&str; 6] = ["picked", "empty", "invalid", "timeout", "other", "failed"];

/// One option.
struct Choice<'v> {
    id: String,
    item: &'v Value,
    title: String,
}

impl<'e, 'v> Book<'e, 'v> {
    /// A choice as a `menu`, with what it needs beside it.
    pub(super) fn choose(&mut self, block: &'e Block<'v>, asked: Asked) -> Value {
        let given = options(block.value);
        let titles =
            given.get("dynamicItems").filter(|items| items.get("isEnabled").and_then(Value::as_bool) == Some(true));
        let dynamic = titles.map_or_else(|| text(given, "dynamicVariableId"), |items| text(items, "titlesVariableId"));
        let several = given.get("isMultipleChoice").and_then(Value::as_bool) == Some(true);
        let mut menu = Map::from_iter([
            ("type".to_owned(), json!("menu")),
            ("prompt".to_owned(), asked.prompt.clone()),
            ("invalid".to_owned(), json!({ "tries": caps::MAX_TRIES })),
        ]);
        self.tries = true;
        let retry = self.template(&block.name, text(given, "retryMessageContent"));
        if !retry.trim().is_empty() {
            menu["invalid"]["message"] = Value::String(retry);
        }
        let save = self.names.of(text(given, "variableId"));
        if let Some(variable) = self.names.of(dynamic) {
            if several {
                self.change(&block.name, "several at once out of a variable is not mapped: one is chosen");
            }
            return self.listed(menu, &variable, save, &asked.next);
        }
        let choices = self.choices(block);
        if choices.is_empty() {
            self.change(&block.name, "there is nothing to choose; it is passed over");
            return json!({ "type": "goto", "to": asked.next });
        }
        match several {
            true => self.several(block, menu, &choices, save, &asked.next),
            false => self.one(block, menu, &choices, save, &asked.next),
        }
    }

    fn listed(&mut self, mut menu: Map<String, Value>, list: &str, save: Option<String>, next: &str) -> Value {
        // A single text counts as a list of one.
        let list = format!("({list} if ({list} is sequence) else ([{list}] if {list} else []))");
        menu.insert("options_from".into(), json!({ "list": list }));
        if let Some(save) = save {
            menu.insert("save".into(), Value::String(save));
        }
        menu.insert("next".into(), json!({ "picked": next, "empty": next }));
        Value::Object(menu)
    }

    fn choices(&mut self, block: &'e Block<'v>) -> Vec<Choice<'v>> {
        let mut ids: BTreeSet<String> = TAKEN.iter().map(|id| (*id).to_owned()).collect();
        let mut found = Vec::new();
        for item in list(block.value, "items") {
            let title = [text(item, "content"), text(item, "title"), text(item, "value")];
            let title = title.into_iter().find(|title| !title.trim().is_empty()).unwrap_or_default().trim().to_owned();
            if title.is_empty() || found.len() == caps::MAX_MENU_OPTIONS - 1 {
                self.change(&block.name, "an option is left out: it has no title, or there are too many");
                continue;
            }
            let id = unique(&slug(&title, "option"), &mut ids);
            found.push(Choice { id, item, title });
        }
        found
    }

    /// The options, with titles that fit and differ.
    fn offered(&mut self, block: &Block<'_>, choices: &[Choice<'_>]) -> Vec<Value> {
        let fits = |choice: &Choice<'_>| limits::chars(&choice.title) <= limits::BUTTON_TITLE;
        let plain = |choice: &Choice<'_>| text(choice.item, "description").is_empty();
        let buttons = choices.len() <= limits::BUTTONS && choices.iter().all(|choice| fits(choice) && plain(choice));
        let limit = if buttons { limits::BUTTON_TITLE } else { limits::ROW_TITLE };
        let mut titles = BTreeSet::new();
        let mut offered = Vec::new();
        for choice in choices {
            let written = self.template(&block.name, &choice.title);
            let computed = written.contains("{{");
            let mut shown = if computed { written.clone() } else { cut(&written, limit) };
            let mut copy = 2;
            while !titles.insert(shown.to_lowercase()) {
                let mark = format!(" ({copy})");
                shown = cut(&written, limit - limits::chars(&mark)) + &mark;
                copy += 1;
            }
            if shown != written {
                self.change(&block.name, &format!("the option `{}` is shown as `{shown}`", choice.title));
            }
            let mut option = json!({ "id": choice.id, "title": shown, "value": written });
            if !text(choice.item, "description").trim().is_empty() {
                let desc = self.template(&block.name, text(choice.item, "description"));
                let short = if desc.contains("{{") { desc } else { cut(&desc, limits::ROW_DESCRIPTION) };
                option["desc"] = Value::String(short);
            }
            if let Some(when) = self.shown_when(block, choice.item) {
                option["when"] = Value::String(when);
            }
            offered.push(option);
        }
        offered
    }

    /// The condition under which an option is offered.
    fn shown_when(&mut self, block: &Block<'_>, item: &Value) -> Option<String> {
        let display = item.get("displayCondition")?;
        if display.get("isEnabled").and_then(Value::as_bool) != Some(true) {
            return None;
        }
        Some(self.condition(&block.name, display.get("condition")?))
    }

    fn one(
        &mut self,
        block: &Block<'_>,
        mut menu: Map<String, Value>,
        choices: &[Choice<'v>],
        save: Option<String>,
        next: &str,
    ) -> Value {
        let offered = self.offered(block, choices);
        let mut ports = Map::new();
        for choice in choices {
            let edge = text(choice.item, "outgoingEdgeId");
            let to = self.export.edge(edge).map_or_else(|| next.to_owned(), str::to_owned);
            ports.insert(choice.id.clone(), Value::String(to));
        }
        // Every option may be hidden.
        if offered.iter().all(|option| option.get("when").is_some()) {
            ports.insert("empty".into(), Value::String(next.to_owned()));
        }
        if let Some(save) = save {
            menu.insert("save".into(), Value::String(save));
        }
        menu.insert("options".into(), Value::Array(offered));
        menu.insert("next".into(), Value::Object(ports));
        Value::Object(menu)
    }

    fn several(
        &mut self,
        block: &Block<'_>,
        mut menu: Map<String, Value>,
        choices: &[Choice<'v>],
        save: Option<String>,
        next: &str,
    ) -> Value {
        self.change(&block.name, "several are chosen one after the other, until the last option is taken");
        let picked = self.names.own(&format!("{}_picked", block.name));
        let last = self.names.own(&format!("{}_last", block.name));
        let mut offered = self.offered(block, choices);
        let mut ports = Map::new();
        let add = self.draft.free_id(&format!("{}.add", block.name));
        let done = self.draft.free_id(&format!("{}.done", block.name));
        for (option, choice) in offered.iter_mut().zip(choices) {
            let value = self.expression(&block.name, &choice.title);
            let open = format!("{value} not in ({picked} or [])");
            let when = match option.get("when").and_then(Value::as_str) {
                Some(own) => format!("({own}) and {open}"),
                None => open,
            };
            option["when"] = Value::String(when);
            ports.insert(choice.id.clone(), Value::String(add.clone()));
        }
        let label = text(options(block.value), "buttonLabel");
        let label = if label.trim().is_empty() { "Send" } else { label };
        let title = cut(&self.template(&block.name, label), limits::BUTTON_TITLE);
        let mut ids: BTreeSet<String> = choices.iter().map(|choice| choice.id.clone()).collect();
        let id = unique("done", &mut ids);
        offered.push(json!({ "id": id, "title": title, "when": format!("{picked} or false") }));
        ports.insert(id, Value::String(done.clone()));
        ports.insert("empty".into(), Value::String(done.clone()));
        menu.insert("save".into(), Value::String(last.clone()));
        menu.insert("options".into(), Value::Array(offered));
        menu.insert("next".into(), Value::Object(ports));
        self.draft.put(
            &add,
            json!({ "type": "set", "assign": { &picked: format!("(({picked} or []) | list) + [{last}]") }, "next": { "next": block.name } }),
        );
        let mut next = next.to_owned();
        let again = self.draft.free_id(&format!("{}.again", block.name));
        let clear = json!({ "type": "set", "assign": { &picked: "[]" }, "next": { "next": next } });
        self.draft.put(&again, clear);
        next.clone_from(&again);
        match save {
            Some(save) => {
                let all = format!("(({picked} or []) | join({}))", quoted(", "));
                self.draft.put(&done, json!({ "type": "set", "assign": { save: all }, "next": { "next": next } }));
            }
            None => self.draft.put(&done, json!({ "type": "goto", "to": next })),
        }
        Value::Object(menu)
    }

    /// The pictures of a choice, each with its title.
    pub(super) fn pictures(&mut self, block: &Block<'_>) -> Vec<Value> {
        if block.kind != "picture choice input" {
            return Vec::new();
        }
        let mut found = Vec::new();
        for item in list(block.value, "items").iter().take(caps::MAX_MESSAGES_PER_TURN - 2) {
            let link = self.template(&block.name, text(item, "pictureSrc"));
            if !link.trim().is_empty() {
                let caption = self.template(&block.name, text(item, "title"));
                found.push(json!({ "image": { "link": link, "caption": caption } }));
            }
        }
        found
    }
}
