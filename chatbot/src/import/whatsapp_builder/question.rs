//! Questions: text as `ask`, buttons and lists as `menu`.
//!
//! The original takes any text in answer to buttons: it keeps it and follows the default edge. So a
//! menu that has a default edge gets a `set` node behind its port `invalid`.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};
use whatsapp::limits;

use super::Writer;
use super::export::Source;
use crate::caps;
use crate::import::text::cut;

/// One option before it is written.
struct Choice {
    id: String,
    title: String,
    description: String,
}

impl<'e> Writer<'e> {
    pub(super) fn question(&mut self, node: &'e Source) {
        let kind = node.text("questionType");
        match kind.as_str() {
            "buttons" if node.has("dynamicButtonsSource") => self.dynamic(node, "dynamicButtonsSource"),
            "list" if node.has("dynamicListSource") => self.dynamic(node, "dynamicListSource"),
            "buttons" => {
                let choices = self.buttons(node);
                self.menu(node, &choices, limits::BUTTON_TITLE);
            }
            "list" => {
                let choices = self.rows(node);
                self.menu(node, &choices, limits::ROW_TITLE);
            }
            "text" | "" => self.ask(node),
            other => {
                self.change(node, &format!("question type `{other}` is unknown and asked as text"));
                self.ask(node);
            }
        }
    }

    fn ask(&mut self, node: &'e Source) {
        let content = node.text("content");
        let prompt = self.fitted(node, "prompt", &content, limits::TEXT_BODY);
        let ok = self.target_any(node);
        let variable = self.names.of(node);
        self.put(
            node,
            json!({ "type": "ask", "prompt": prompt, "expect": "any", "save": variable, "next": { "ok": ok } }),
        );
    }

    fn buttons(&mut self, node: &'e Source) -> Vec<Choice> {
        let given = node.list("buttons");
        if given.len() > limits::BUTTONS {
            let what = format!("{} buttons, WhatsApp allows {}: shown as a list", given.len(), limits::BUTTONS);
            self.change(node, &what);
        }
        let choice = |(index, button): (usize, &Value)| Choice {
            id: text(button, "id").unwrap_or_else(|| format!("btn-{index}")),
            title: button.as_str().map(str::to_owned).or_else(|| text(button, "title")).unwrap_or_default(),
            description: String::new(),
        };
        given.iter().enumerate().map(choice).collect()
    }

    fn rows(&mut self, node: &'e Source) -> Vec<Choice> {
        let sections = node.list("listSections");
        if sections.len() > 1 {
            self.change(node, "the list loses the titles of its sections");
        }
        let mut choices = Vec::new();
        for section in sections {
            for row in section.get("rows").and_then(Value::as_array).map_or(&[][..], Vec::as_slice) {
                choices.push(Choice {
                    id: text(row, "id").unwrap_or_else(|| format!("row-{}", choices.len() + 1)),
                    title: text(row, "title").unwrap_or_default(),
                    description: text(row, "description").unwrap_or_default(),
                });
            }
        }
        if choices.len() > limits::ROWS {
            self.change(node, &format!("{} rows, WhatsApp allows {}: shown in pages", choices.len(), limits::ROWS));
        }
        choices
    }

    fn menu(&mut self, node: &'e Source, choices: &[Choice], limit: usize) {
        let (options, ports) = self.options(node, choices, limit);
        if options.is_empty() {
            self.change(node, "there are no options: asked as text, as before");
            return self.ask(node);
        }
        let mut menu = self.frame(node);
        let mut next = self.ways_out(node, &mut menu);
        next.extend(ports);
        menu.insert("options".into(), Value::Array(options));
        menu.insert("next".into(), Value::Object(next));
        self.put(node, Value::Object(menu));
    }

    fn options(&mut self, node: &'e Source, choices: &[Choice], limit: usize) -> (Vec<Value>, Map<String, Value>) {
        let (mut options, mut ports) = (Vec::new(), Map::new());
        let (mut ids, mut titles) = (BTreeSet::new(), BTreeSet::new());
        for choice in choices {
            if choice.title.trim().is_empty() || options.len() == caps::MAX_MENU_OPTIONS {
                self.change(
                    node,
                    &format!("option `{}` is left out: it has no title, or there are too many", choice.id),
                );
                continue;
            }
            let id = option_id(&choice.id, &mut ids);
            if id != choice.id {
                self.change(node, &format!("option `{}` has the id `{id}`", choice.id));
            }
            let whole = self.template(node, choice.title.trim());
            let title = if whole.contains("{{") { whole } else { self.title(node, &whole, limit, &mut titles) };
            let mut option = json!({ "id": id, "title": title });
            if !self.keeps_id(node) {
                option["value"] = Value::String(title.clone());
            }
            if !choice.description.trim().is_empty() {
                let short = cut(&choice.description, limits::ROW_DESCRIPTION);
                if short != choice.description.trim() {
                    self.change(node, &format!("the description of `{title}` is cut to `{short}`, as before"));
                }
                option["desc"] = Value::String(self.template(node, &short));
            }
            ports.insert(id, Value::String(self.target(node, &choice.id)));
            options.push(option);
        }
        (options, ports)
    }

    /// A title within the limit that no other option has.
    fn title(&mut self, node: &'e Source, whole: &str, limit: usize, taken: &mut BTreeSet<String>) -> String {
        let mut title = cut(whole, limit);
        if title != whole {
            self.change(node, &format!("title `{whole}` is cut to `{title}`, which the original did silently"));
        }
        let mut copy = 2;
        while !taken.insert(title.to_lowercase()) {
            let mark = format!(" ({copy})");
            title = cut(whole, limit - limits::chars(&mark)) + &mark;
            self.change(node, &format!("two options are called `{whole}`: one is shown as `{title}`"));
            copy += 1;
        }
        title
    }

    /// Options out of a list in a variable.
    fn dynamic(&mut self, node: &'e Source, key: &str) {
        let source = node.text(key);
        let bare = source.trim().trim_start_matches("{{").trim_end_matches("}}").trim().to_owned();
        let (list, lost) = self.names.path(&bare);
        if let Some(lost) = lost {
            self.change(node, &lost);
        }
        let Some(list) = list else {
            self.change(node, "the list of options cannot be mapped: asked as text");
            return self.ask(node);
        };
        let title = match node.text("dynamicLabelField") {
            field if field.trim().is_empty() => {
                let fields = ["title", "label", "displayName", "sku", "id"];
                let rest: String = fields.iter().map(|field| format!(" | default(item.{field}, true)")).collect();
                format!("{{{{ item.name{rest} | default(item, true) }}}}")
            }
            field => field.trim().to_owned(),
        };
        let mut from = json!({ "list": list, "title": title });
        if self.keeps_id(node) {
            let otherwise = "item.slug or item.name or item.title or item.label";
            from["id"] = Value::String(format!("{{{{ item.id or {otherwise} }}}}"));
        } else {
            from["value"] = Value::String(title);
        }
        if node.has("dynamicDescField") {
            from["desc"] = Value::String(node.text("dynamicDescField").trim().to_owned());
        }
        if key == "dynamicButtonsSource" {
            self.change(node, "more than three options are shown as a list; the original showed the first three");
        }
        let mut menu = self.frame(node);
        let mut next = self.ways_out(node, &mut menu);
        let picked = self.target_any(node);
        next.insert("empty".into(), Value::String(picked.clone()));
        next.insert("picked".into(), Value::String(picked));
        menu.insert("options_from".into(), from);
        menu.insert("next".into(), Value::Object(next));
        self.put(node, Value::Object(menu));
    }

    /// Whether the answer is kept as the id of its option, because conditions compare it so: newer versions kept the
    /// id, older ones the title.
    fn keeps_id(&mut self, node: &'e Source) -> bool {
        let Some(variable) = self.names.of(node).map(str::to_owned) else { return false };
        let buttons = node.list("buttons").iter();
        let rows = node.list("listSections").iter().filter_map(|section| section.get("rows")?.as_array()).flatten();
        let options: Vec<&Value> = buttons.chain(rows).collect();
        let compared = self.compared(&variable);
        let is = |key: &str| options.iter().any(|option| text(option, key).is_some_and(|own| compared.contains(&own)));
        let (id, title) = (is("id"), is("title"));
        if id || title {
            return !title;
        }
        if super::names::written(node).is_empty() {
            self.change(node, "the answer is kept as the title of its option; newer versions kept its id");
        }
        false
    }

    /// The values that conditions compare a variable with.
    fn compared(&self, variable: &str) -> Vec<String> {
        let nodes = self.export.nodes.iter().filter(|node| node.kind == "condition");
        let pairs = nodes.flat_map(|node| {
            let group = node.get("conditionGroup").get("conditions").and_then(Value::as_array);
            let group = group.into_iter().flatten().map(|one| {
                let of = |key: &str| text(one, key).unwrap_or_default();
                (of("variable"), of("value"))
            });
            group.chain([(node.text("conditionVar"), node.text("conditionVal"))])
        });
        let of_it = |written: &str| {
            let bare = written.trim().trim_start_matches("{{").trim_end_matches("}}").trim();
            let found = self.names.path(bare).0.unwrap_or_default();
            found.split(|c: char| !(c.is_alphanumeric() || c == '_')).any(|word| word == variable)
        };
        pairs.filter(|(written, _)| of_it(written)).map(|(_, value)| value).collect()
    }

    /// What all menus have.
    fn frame(&mut self, node: &'e Source) -> Map<String, Value> {
        let mut menu = Map::new();
        let content = node.text("content");
        let content = if content.trim().is_empty() { "…".to_owned() } else { content };
        let prompt = self.fitted(node, "prompt", &content, limits::INTERACTIVE_BODY);
        menu.insert("type".into(), "menu".into());
        menu.insert("prompt".into(), Value::String(prompt));
        for (key, ours, limit) in [
            ("headerText", "header", limits::HEADER),
            ("footerText", "footer", limits::FOOTER),
            ("listButtonText", "button_text", limits::LIST_BUTTON),
        ] {
            if node.has(key) && !node.text(key).trim().is_empty() {
                let text = self.fitted(node, ours, &node.text(key), limit);
                menu.insert(ours.into(), Value::String(text));
            }
        }
        menu.insert("accept_typed".into(), json!(["title"]));
        if let Some(variable) = self.names.of(node) {
            menu.insert("save".into(), Value::String(variable.to_owned()));
        }
        menu
    }

    /// The ports for answers that are no option.
    fn ways_out(&mut self, node: &'e Source, menu: &mut Map<String, Value>) -> Map<String, Value> {
        let mut next = Map::new();
        let Some(default) = self.export.default_edge(node).map(str::to_owned) else {
            self.change(node, "text that is no option is asked again three times; the original left by any edge");
            return next;
        };
        let variable = self.names.of(node).unwrap_or("answer").to_owned();
        let typed = format!("{}.typed", node.name);
        let assign = json!({ "type": "set", "assign": { variable: "input.text" }, "next": { "next": default } });
        self.nodes.insert(typed.clone(), assign);
        menu.insert("invalid".into(), json!({ "tries": 1 }));
        next.insert("invalid".into(), Value::String(typed));
        next
    }

    /// A text with its names mapped, cut where it is too long whatever they hold.
    pub(super) fn fitted(&mut self, node: &'e Source, part: &str, text: &str, limit: usize) -> String {
        let short = cut(text, limit);
        if short == text.trim() {
            return self.template(node, text);
        }
        self.change(node, &format!("the {part} has {} characters and is cut to {limit}", limits::chars(text)));
        self.template(node, &short)
    }
}

fn text(value: &Value, key: &str) -> Option<String> {
    match value.get(key)? {
        Value::String(text) if !text.trim().is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// An id that can be a port of a menu.
fn option_id(id: &str, taken: &mut BTreeSet<String>) -> String {
    let reserved = ["picked", "empty", "invalid", "timeout", "other", "failed"].contains(&id);
    let base = match reserved {
        true => format!("{id}_"),
        false => cut(id, limits::ROW_ID - 8),
    };
    let mut found = if base.is_empty() { "option".to_owned() } else { base.clone() };
    let mut copy = 2;
    while !taken.insert(found.clone()) {
        found = format!("{base}_{copy}");
        copy += 1;
    }
    found
}
