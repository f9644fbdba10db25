//! One screen: what it is given, what a person fills in on it, and what its buttons do.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::field::{Field, Type};
use super::tree::{Kind, Node};

/// A screen of a Flow.
#[derive(Clone, Debug, PartialEq)]
pub struct Screen {
    /// Its id; empty where the Flow JSON gives none.
    pub id: String,
    /// What stands in its top bar.
    pub title: Option<String>,
    /// Whether the Flow can end here.
    pub terminal: bool,
    /// Whether ending here is a success; meaningful on terminal screens.
    pub success: bool,
    /// Whether going back from here asks the endpoint.
    pub refresh_on_back: bool,
    /// Names of inputs that summaries mask.
    pub sensitive: Vec<String>,
    /// What it is given, in the order of the file.
    pub data: Vec<Field>,
    /// What a person fills in, in the order of the file, branches included. A name may come more than once: in
    /// branches that exclude each other.
    pub form: Vec<FormField>,
    /// What its buttons, links and selections do, in the order of the file.
    pub actions: Vec<Action>,
    /// Where fields and inputs stand in their lists.
    fields: HashMap<String, usize>,
    inputs: HashMap<String, usize>,
}

/// An input of a screen.
#[derive(Clone, Debug, PartialEq)]
pub struct FormField {
    /// Its name: the key under which its value is sent.
    pub name: String,
    /// The type of the component, such as `TextInput`.
    pub component: String,
    /// What its value is in a payload. Numbers that are typed in arrive as texts.
    pub holds: Type,
    /// Whether it must be filled in; false where that depends on data.
    pub required: bool,
    /// Whether what is typed is a number, which expressions calculate with.
    pub(super) numeric: bool,
    /// Most files that it takes; of pickers for photos and documents.
    pub(super) most_files: Option<u64>,
}

impl FormField {
    /// What a reference to it reads.
    pub(super) fn reads(&self) -> &Type {
        if self.numeric { &ANYTHING } else { &self.holds }
    }

    /// Whether it takes files.
    pub(super) fn is_file(&self) -> bool {
        self.most_files.is_some()
    }
}

/// What a button, link or selection does.
#[derive(Clone, Debug, PartialEq)]
pub struct Action {
    /// What it does.
    pub kind: ActionKind,
    /// What it sends, as written: references are texts.
    pub payload: Map<String, Value>,
}

/// The kinds of actions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ActionKind {
    /// Shows another screen, without the endpoint.
    Navigate {
        /// Its id.
        next: String,
    },
    /// Ends the Flow.
    Complete,
    /// Asks the endpoint.
    DataExchange,
    /// Changes data of the same screen.
    UpdateData,
    /// Opens a page in the browser.
    OpenUrl,
    /// One that is not known here.
    Other(String),
}

impl Screen {
    /// Whether the screen can be shown with this data: each field that it declares is there and has its type. What it
    /// does not declare (`error_message`, for one) may be there.
    /// Errors: what does not fit, as a phone tells in an error notification.
    pub fn accepts(&self, data: &Value) -> Result<(), String> {
        let Value::Object(given) = data else { return Err("the data is not an object".to_owned()) };
        self.data.iter().try_for_each(|field| {
            let value = given.get(&field.name).ok_or_else(|| format!("{} is missing", field.name))?;
            field.holds.accepts(value, &field.name)
        })
    }

    /// The field of its data model with this name.
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields.get(name).and_then(|at| self.data.get(*at))
    }

    /// The first input with this name.
    pub fn input(&self, name: &str) -> Option<&FormField> {
        self.inputs.get(name).and_then(|at| self.form.get(*at))
    }

    pub(super) fn of(node: &Node) -> Self {
        let flag = |key: &str| node.get(key).and_then(Node::flag);
        let terminal = flag("terminal").unwrap_or(false);
        let mut screen = Self {
            id: node.text_at("id").unwrap_or_default().to_owned(),
            title: node.text_at("title").map(str::to_owned),
            terminal,
            success: terminal && flag("success").unwrap_or(true),
            refresh_on_back: flag("refresh_on_back").unwrap_or(false),
            sensitive: texts(node.get("sensitive")),
            data: node.get("data").map_or(&[][..], Node::entries).iter().map(field).collect(),
            form: Vec::new(),
            actions: Vec::new(),
            fields: HashMap::new(),
            inputs: HashMap::new(),
        };
        screen.fields = screen.data.iter().enumerate().map(|(at, field)| (field.name.clone(), at)).collect();
        if let Some(children) = node.get("layout").and_then(|layout| layout.get("children")) {
            screen.walk(children);
        }
        screen
    }

    fn walk(&mut self, children: &Node) {
        for child in children.items() {
            self.component(child);
        }
    }

    fn component(&mut self, node: &Node) {
        let kind = node.text_at("type").unwrap_or_default();
        if let (Some(holds), Some(name)) = (value_of(kind, node), node.text_at("name")) {
            let required = node.get("required").and_then(Node::flag).unwrap_or(false);
            self.inputs.entry(name.to_owned()).or_insert(self.form.len());
            self.form.push(FormField {
                name: name.to_owned(),
                component: kind.to_owned(),
                holds,
                required,
                numeric: node.text_at("input-type").is_some_and(|kind| kind == "number" || kind.starts_with("${")),
                most_files: most_files(kind, node),
            });
        }
        for key in ["on-click-action", "on-select-action", "on-unselect-action"] {
            self.actions.extend(node.get(key).and_then(action));
        }
        // items of lists and options have actions, too
        for key in ["list-items", "data-source"] {
            for item in node.get(key).map_or(&[][..], Node::items) {
                for key in ["on-click-action", "on-select-action", "on-unselect-action"] {
                    self.actions.extend(item.get(key).and_then(action));
                }
            }
        }
        for key in ["children", "then", "else"] {
            node.get(key).into_iter().for_each(|children| self.walk(children));
        }
        for case in node.get("cases").map_or(&[][..], Node::entries) {
            self.walk(&case.value);
        }
    }
}

/// What is read where nobody knows.
pub(super) static ANYTHING: Type = Type::Any;

/// Most files of a picker where it does not say. Source: Meta's page of media uploads.
const MOST_FILES: u64 = 30;

fn most_files(component: &str, node: &Node) -> Option<u64> {
    let key = match component {
        "PhotoPicker" => "max-uploaded-photos",
        "DocumentPicker" => "max-uploaded-documents",
        _ => return None,
    };
    Some(match node.get(key).map(|most| &most.kind) {
        Some(Kind::Number(most)) => most.as_u64().unwrap_or(MOST_FILES),
        _ => MOST_FILES,
    })
}

fn field(entry: &super::tree::Entry) -> Field {
    Field {
        name: entry.key.clone(),
        holds: Type::of_schema(&entry.value),
        example: entry.value.get("__example__").map(Node::to_json),
    }
}

fn texts(list: Option<&Node>) -> Vec<String> {
    list.map_or(&[][..], Node::items).iter().filter_map(Node::text).map(str::to_owned).collect()
}

fn action(node: &Node) -> Option<Action> {
    let kind = match node.text_at("name")? {
        "navigate" => {
            let next = node.get("next").and_then(|next| next.text_at("name")).unwrap_or_default().to_owned();
            ActionKind::Navigate { next }
        }
        "complete" => ActionKind::Complete,
        "data_exchange" => ActionKind::DataExchange,
        "update_data" => ActionKind::UpdateData,
        "open_url" => ActionKind::OpenUrl,
        other => ActionKind::Other(other.to_owned()),
    };
    let payload = match node.get("payload").map(Node::to_json) {
        Some(Value::Object(payload)) => payload,
        _ => Map::new(),
    };
    Some(Action { kind, payload })
}

/// What an input of this kind gives; `None` if it is no input.
pub(super) fn value_of(component: &str, node: &Node) -> Option<Type> {
    let texts = || Type::List(Box::new(Type::Text));
    Some(match component {
        "TextInput" | "TextArea" | "RadioButtonsGroup" | "Dropdown" | "DatePicker" => Type::Text,
        "CheckboxGroup" | "ChipsSelector" => texts(),
        "OptIn" => Type::Flag,
        "PhotoPicker" | "DocumentPicker" => Type::List(Box::new(Type::Any)),
        "CalendarPicker" => match node.get("mode").map(|mode| &mode.kind) {
            None => Type::Text,
            Some(Kind::Text(mode)) if mode == "single" => Type::Text,
            Some(Kind::Text(mode)) if mode == "range" => {
                let ends = ["start-date", "end-date"].map(|end| (end.to_owned(), Type::Text));
                Type::Map(ends.into())
            }
            Some(_) => Type::Any,
        },
        _ => return None,
    })
}
