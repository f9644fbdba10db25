//! Exports of Typebot, version 6: groups of blocks, edges between them, variables.
//!
//! Bubbles become messages of a `say`, the last one before an input its prompt; inputs become `ask` or `menu`, logic the
//! nodes of the same meaning. An edge that is missing leads to the next block, after the last one the bot ends.

mod bubbles;
mod choices;
mod code;
mod conditions;
mod export;
mod inputs;
mod logic;
mod names;
mod request;
mod rich_text;

use serde_json::{Value, json};
use whatsapp::limits;

use super::draft::{Draft, END};
use super::finish::finish;
use super::text::{cut, duration, slug};
use super::tidy::SILENT;
use super::{ImportError, Imported, Kind, Mapping};
use crate::caps;
use export::{Block, Export, Group, list, options, text};
use inputs::Asked;
use names::Names;

/// Each kind of block, and what it becomes; none are listed and passed over.
pub const BLOCKS: &[Mapping] = &[
    ("AB test", Some("`split`")),
    ("Chatwoot", None),
    ("Code", None),
    ("Condition", Some("`branch`, with `typebot_is` for each comparison")),
    ("Email", Some("`emit` of the event `email`")),
    ("Google Analytics", None),
    ("Google Sheets", None),
    ("Jump", Some("a jump")),
    ("Loop", None),
    ("Make.com", Some("`http`")),
    ("OpenAI", None),
    ("Pabbly", Some("`http`")),
    ("Pixel", None),
    ("Redirect", Some("a message with the address")),
    ("Return", Some("`return`")),
    ("Set variable", Some("`set`; of code only what is simple")),
    ("Typebot link", Some("`call`, to this very bot only")),
    ("Wait", Some("`wait`")),
    ("Webhook", Some("`http`")),
    ("Zapier", Some("`http`")),
    ("audio", Some("`audio` of a `say`")),
    ("cards input", None),
    ("choice input", Some("`menu`")),
    ("date input", Some("`ask` for a date or datetime")),
    ("email input", Some("`ask` for an email")),
    ("embed", Some("a message with the address")),
    ("file input", Some("`ask` for media")),
    ("image", Some("`image` of a `say`")),
    ("location", Some("`location` of a `say`")),
    ("number input", Some("`ask` for a number")),
    ("otp input", None),
    ("payment input", None),
    ("phone number input", Some("`ask` for a phone number")),
    ("picture choice input", Some("the pictures, then a `menu`")),
    ("rating input", Some("`ask` for a whole number")),
    ("text", Some("`text` of a `say`")),
    ("text input", Some("`ask` for text")),
    ("time input", Some("`ask` for a time")),
    ("url input", Some("`ask` for a url")),
    ("video", Some("`video` of a `say`; of other pages the address")),
    ("webhook", None),
];

const BUBBLES: [&str; 6] = ["text", "image", "video", "audio", "embed", "location"];
const QUESTIONS: [&str; 9] = [
    "text input",
    "number input",
    "email input",
    "url input",
    "phone number input",
    "time input",
    "date input",
    "rating input",
    "file input",
];

pub(super) fn recognises(value: &Value) -> bool {
    let value = value.get("typebot").filter(|inner| inner.is_object()).unwrap_or(value);
    let groups = value.get("groups").and_then(Value::as_array);
    groups.is_some_and(|groups| groups.iter().all(|group| group.get("blocks").is_some_and(Value::is_array)))
        && value.get("edges").is_some_and(Value::is_array)
}

pub(super) fn import(value: &Value) -> Result<Imported, ImportError> {
    let export = Export::read(value)?;
    let names = Names::new(&export);
    let links = export.groups.iter().flat_map(|group| &group.blocks);
    let called = links.clone().any(|block| block.kind == "Typebot link" || block.kind == "Return");
    let mut book = Book {
        export: &export,
        draft: Draft::new(Kind::Typebot.as_str(), &export.name, slug(&export.name, "imported")),
        names,
        last: END.to_owned(),
        tries: false,
    };
    for (place, what) in &export.oddities {
        book.change(place, what);
    }
    if called {
        book.last = book.draft.free_id("back");
        let last = book.last.clone();
        book.draft.put(&last, json!({ "type": "return" }));
    }
    for block in export.groups.iter().flat_map(|group| &group.blocks) {
        book.draft.free_id(&block.name);
    }
    for group in &export.groups {
        book.group(group);
    }
    book.triggers()?;
    if book.tries {
        let what = format!(
            "after {} wrong answers to one question the run ends; there they were asked for ever",
            caps::MAX_TRIES
        );
        book.change("all inputs", &what);
    }
    book.draft.tidy();
    let (file, changes) = book.draft.into_json();
    finish(file, changes)
}

/// What is written of one export.
struct Book<'e, 'v> {
    export: &'e Export<'v>,
    draft: Draft,
    names: Names,
    /// Where paths end.
    last: String,
    /// Something is asked again.
    tries: bool,
}

/// Bubbles that nothing has said yet: the id of the first one's node, and their messages.
#[derive(Default)]
struct Pending {
    id: Option<String>,
    messages: Vec<Value>,
}

impl<'e, 'v> Book<'e, 'v> {
    fn change(&mut self, place: &str, what: &str) {
        self.draft.changes.at(place, what);
    }

    /// Passes on what the names had to tell.
    fn tell(&mut self, at: &str) {
        for change in std::mem::take(&mut self.names.changes) {
            self.change(at, &change);
        }
    }

    fn template(&mut self, at: &str, text: &str) -> String {
        let written = self.names.template(text);
        self.tell(at);
        written
    }

    fn expression(&mut self, at: &str, text: &str) -> String {
        let written = self.names.expression(text);
        self.tell(at);
        written
    }

    fn group(&mut self, group: &'e Group<'v>) {
        let mut pending = Pending::default();
        for (at, block) in group.blocks.iter().enumerate() {
            let following = group.blocks.get(at + 1).map(|block| block.name.clone());
            let edge = text(block.value, "outgoingEdgeId");
            let next = self.export.edge(edge).map(str::to_owned).or(following).unwrap_or_else(|| self.last.clone());
            if !edge.is_empty() && self.export.edge(edge).is_none() {
                self.change(&block.name, "its edge leads nowhere");
            }
            if self.export.aimed_at.contains(block.id) {
                self.flush(&mut pending, &block.name);
            }
            if BUBBLES.contains(&block.kind) {
                self.take_bubble(block, &mut pending);
                let goes_on = edge.is_empty() && group.blocks.get(at + 1).is_some();
                if !goes_on || pending.messages.len() >= caps::MAX_MESSAGES_PER_TURN {
                    self.flush(&mut pending, &next);
                }
                continue;
            }
            let node = self.block(block, next, &mut pending);
            self.draft.put(&block.name, node);
        }
        let last = self.last.clone();
        self.flush(&mut pending, &last);
        if let (Some(position), Some(first)) = (group.position, group.blocks.first()) {
            let at = |key: &str| position.get(key).filter(|value| value.is_number()).cloned().unwrap_or(json!(0));
            self.draft.positions.insert(first.name.clone(), json!({ "x": at("x"), "y": at("y") }));
        }
    }

    fn take_bubble(&mut self, block: &Block<'_>, pending: &mut Pending) {
        let messages = self.bubble(block);
        match &pending.id {
            // Only the first one has a node; nothing leads to the others.
            Some(_) => {}
            None => pending.id = Some(block.name.clone()),
        }
        pending.messages.extend(messages);
    }

    /// Says what is pending, and goes on.
    fn flush(&mut self, pending: &mut Pending, next: &str) {
        let Pending { id, messages } = std::mem::take(pending);
        let Some(id) = id else { return };
        let node = match messages.is_empty() {
            true => json!({ "type": "goto", "to": next }),
            false => json!({ "type": "say", "messages": messages, "next": { "next": next } }),
        };
        self.draft.put(&id, node);
    }

    /// The last text that is pending, for a question that comes right behind it.
    fn prompt(&mut self, block: &Block<'_>, pending: &mut Pending, menu: bool) -> Value {
        let pictures = self.pictures(block);
        if !pictures.is_empty() {
            let prompt = pending.messages.pop().filter(|message| message.get("text").is_some());
            pending.id.get_or_insert_with(|| block.name.clone());
            pending.messages.extend(pictures);
            return self.words_of(block, prompt);
        }
        let usable = |message: &Value| !menu || message.get("text").is_some();
        let prompt = if pending.messages.last().is_some_and(usable) { pending.messages.pop() } else { None };
        match prompt {
            Some(prompt) => self.words_of(block, Some(prompt)),
            None if menu => self.words_of(block, None),
            None => self.scaled(block, SILENT.into()),
        }
    }

    /// A prompt that is text; a menu cannot be without words.
    fn words_of(&mut self, block: &Block<'_>, prompt: Option<Value>) -> Value {
        let Some(prompt) = prompt else { return "…".into() };
        let keys = prompt.as_object().map_or(0, serde_json::Map::len);
        let text = prompt.get("text").and_then(Value::as_str).map(str::to_owned);
        match text {
            Some(text) if keys == 1 => self.scaled(block, text),
            Some(text) if block.kind.contains("choice") => text.into(),
            _ => prompt,
        }
    }

    fn scaled(&self, block: &Block<'_>, text: String) -> Value {
        match inputs::scale(block) {
            Some(scale) if text.is_empty() => scale.into(),
            Some(scale) => format!("{text}\n{scale}").into(),
            None => text.into(),
        }
    }

    fn block(&mut self, block: &'e Block<'v>, next: String, pending: &mut Pending) -> Value {
        let kind = block.kind;
        if QUESTIONS.contains(&kind) {
            let prompt = self.prompt(block, pending, false);
            self.flush(pending, &block.name);
            return self.ask(block, Asked { prompt, next });
        }
        if matches!(kind, "choice input" | "picture choice input") {
            let prompt = self.prompt(block, pending, true);
            let prompt = self.menu_prompt(block, prompt);
            // With pictures, the node of this block says them; the question is behind it.
            let own = pending.id.as_deref() == Some(&block.name);
            if own {
                let id = self.draft.free_id(&format!("{}.ask", block.name));
                let menu = self.choose(block, Asked { prompt, next });
                self.draft.put(&id, menu);
                let messages = std::mem::take(pending).messages;
                return json!({ "type": "say", "messages": messages, "next": { "next": id } });
            }
            self.flush(pending, &block.name);
            return self.choose(block, Asked { prompt, next });
        }
        self.flush(pending, &block.name);
        match kind {
            "Set variable" => self.set_variable(block, next),
            "Condition" => self.branch(block, next),
            "AB test" => self.split(block, next),
            "Wait" => self.wait(block, next),
            "Jump" => self.jump(block, next),
            "Typebot link" => self.link(block, next),
            "Return" => json!({ "type": "return" }),
            "Redirect" => self.redirect(block, next),
            "Webhook" | "Zapier" | "Make.com" | "Pabbly" => self.http(block, next),
            "Email" => self.email(block, next),
            other => {
                let what = format!("the block `{other}` is not mapped and is passed over");
                self.change(&block.name, &what);
                json!({ "type": "goto", "to": next })
            }
        }
    }

    /// Menus hold shorter texts.
    fn menu_prompt(&mut self, block: &Block<'_>, prompt: Value) -> Value {
        let Some(text) = prompt.as_str().filter(|text| limits::chars(text) > limits::INTERACTIVE_BODY) else {
            return prompt;
        };
        if !text.contains("{{") {
            self.change(&block.name, &format!("the question is cut to {} characters", limits::INTERACTIVE_BODY));
            return cut(text, limits::INTERACTIVE_BODY).into();
        }
        prompt
    }

    fn email(&mut self, block: &Block<'_>, next: String) -> Value {
        self.change(&block.name, "an email becomes the event `email`: something must listen and send it");
        let given = options(block.value);
        let to: Vec<String> = list(given, "recipients")
            .iter()
            .filter_map(Value::as_str)
            .map(|address| self.template(&block.name, address))
            .collect();
        let subject = self.template(&block.name, text(given, "subject"));
        let body = self.template(&block.name, text(given, "body"));
        let data = json!({ "to": to, "subject": subject, "body": body });
        json!({ "type": "emit", "event": "email", "data": data, "next": { "next": next } })
    }

    /// Our id of what comes first.
    fn start(&self) -> Option<String> {
        let edge = self.export.start.and_then(|edge| self.export.edge(edge));
        edge.map(str::to_owned)
    }

    /// Gives variables their value from the beginning, on the way to what comes first.
    fn presets(&mut self, to: String) -> String {
        let mut assign = serde_json::Map::new();
        for (id, _, preset) in &self.export.variables {
            let given = matches!(preset, Value::String(text) if !text.is_empty()) || preset.is_array();
            if let Some(variable) = self.names.of(id).filter(|_| given) {
                assign.insert(variable, Value::String(preset.to_string()));
            }
        }
        if assign.is_empty() {
            return to;
        }
        let id = self.draft.free_id("presets");
        self.draft.put(&id, json!({ "type": "set", "assign": assign, "next": { "next": to } }));
        id
    }

    fn triggers(&mut self) -> Result<(), ImportError> {
        let Some(to) = self.start() else {
            let what = "nothing begins it: the start leads to no group".to_owned();
            return Err(ImportError::Shape { kind: "typebot", what });
        };
        let to = self.presets(to);
        let condition = self.export.whatsapp.get("startCondition").filter(|condition| condition.is_object());
        let comparisons = condition.map(|condition| list(condition, "comparisons")).unwrap_or_default();
        let any = condition.is_some_and(|condition| text(condition, "logicalOperator").eq_ignore_ascii_case("or"));
        let parts: Vec<String> =
            comparisons.iter().map(|comparison| self.compare("start", "input.text", comparison)).collect();
        let mut trigger = json!({ "default": {}, "to": to });
        if !parts.is_empty() {
            trigger["when"] = Value::String(parts.join(if any { " or " } else { " and " }));
        }
        self.draft.triggers.push(trigger);
        if let Some(hours) = self.export.whatsapp.get("sessionExpiryTimeout").and_then(Value::as_f64)
            && hours > 0.0
        {
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // clamped by `duration`
            let seconds = (hours * 3_600.0) as u64;
            self.draft.policies.insert("idle_timeout".into(), json!(duration(seconds)));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_stand_in_order() {
        assert!(BLOCKS.windows(2).all(|pair| pair[0].0 < pair[1].0));
    }
}
