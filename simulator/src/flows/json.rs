//! Flow JSON as the stand-in reads it: screens, what may follow what, what a screen takes. Its own reading of Meta's
//! pages, and on purpose not the engine's.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// A Flow's JSON that could be read.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct FlowJson {
    pub(crate) value: Value,
    pub(crate) screens: Vec<Screen>,
    routing: Option<BTreeMap<String, Vec<String>>>,
}

/// A screen, as far as a phone must know it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Screen {
    pub(crate) id: String,
    pub(crate) terminal: bool,
    pub(crate) refresh_on_back: bool,
    /// The declared data, by name.
    pub(crate) data: Map<String, Value>,
    pub(crate) actions: Vec<Action>,
    pub(crate) fields: Vec<Field>,
}

/// What a tap or a choice does.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Action {
    pub(crate) name: String,
    /// The label of what is tapped, if it has one.
    pub(crate) label: Option<String>,
    pub(crate) is_footer: bool,
    /// The screen that a `navigate` leads to.
    pub(crate) next: Option<String>,
    pub(crate) payload: Map<String, Value>,
}

/// An input.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Field {
    pub(crate) kind: String,
    pub(crate) name: String,
    pub(crate) label: Option<String>,
    pub(crate) required: bool,
    /// Fixed options, or the reference to them.
    pub(crate) options: Value,
}

impl Field {
    /// True for what uploads files.
    pub(crate) fn is_picker(&self) -> bool {
        matches!(self.kind.as_str(), "PhotoPicker" | "DocumentPicker")
    }
}

const INPUTS: [&str; 11] = [
    "TextInput",
    "TextArea",
    "CheckboxGroup",
    "RadioButtonsGroup",
    "Dropdown",
    "ChipsSelector",
    "DatePicker",
    "CalendarPicker",
    "OptIn",
    "PhotoPicker",
    "DocumentPicker",
];

impl FlowJson {
    /// Reads what there is; what does not fit is left out, since the check names it.
    pub(crate) fn read(value: Value) -> Self {
        let screens = value["screens"].as_array().into_iter().flatten().map(screen).collect();
        let routing = value["routing_model"]
            .as_object()
            .map(|model| model.iter().map(|(from, to)| (from.clone(), targets(to))).collect());
        Self { screens, routing, value }
    }

    pub(crate) fn version(&self) -> Option<&str> {
        self.value["version"].as_str()
    }

    pub(crate) fn data_api_version(&self) -> Option<&str> {
        self.value["data_api_version"].as_str()
    }

    /// True if an endpoint answers for it.
    pub(crate) fn has_endpoint(&self) -> bool {
        self.value.get("data_api_version").is_some()
    }

    pub(crate) fn screen(&self, id: &str) -> Option<&Screen> {
        self.screens.iter().find(|screen| screen.id == id)
    }

    /// The screens that a form may begin with: nothing leads to them. The first one of all, if there are none.
    pub(crate) fn entries(&self) -> Vec<&str> {
        let reached = |id: &str| self.screens.iter().any(|s| s.id != id && self.follows(&s.id, id));
        let open: Vec<_> = self.screens.iter().map(|s| s.id.as_str()).filter(|id| !reached(id)).collect();
        if open.is_empty() { self.screens.first().map(|s| s.id.as_str()).into_iter().collect() } else { open }
    }

    /// Whether `to` is a forward target of `from`: by the routing model, else by its `navigate` actions.
    pub(crate) fn follows(&self, from: &str, to: &str) -> bool {
        match &self.routing {
            Some(routing) => routing.get(from).is_some_and(|targets| targets.iter().any(|target| target == to)),
            None => self.screen(from).is_some_and(|s| s.actions.iter().any(|a| a.next.as_deref() == Some(to))),
        }
    }
}

impl Screen {
    pub(crate) fn has(&self, action: &str) -> bool {
        self.actions.iter().any(|a| a.name == action)
    }

    pub(crate) fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name == name)
    }

    /// The first thing that `data` lacks or has of another type than this screen declares.
    pub(crate) fn refuses(&self, data: &Map<String, Value>, all: bool) -> Option<String> {
        self.data.iter().find_map(|(name, schema)| match data.get(name) {
            None if all => Some(format!("field {name} of screen {} is missing", self.id)),
            None => None,
            Some(value) => wrong(value, schema, name),
        })
    }
}

/// What is wrong with a value by its schema.
pub(crate) fn wrong(value: &Value, schema: &Value, path: &str) -> Option<String> {
    let kind = schema["type"].as_str()?;
    let fits = match kind {
        "string" => value.is_string(),
        "number" => value.is_number(),
        "integer" => value.is_i64() || value.is_u64(),
        "boolean" => value.is_boolean(),
        "object" => value.is_object(),
        "array" => value.is_array(),
        _ => true,
    };
    if !fits {
        return Some(format!("field {path} is not of type {kind}"));
    }
    match value {
        Value::Array(items) => {
            items.iter().enumerate().find_map(|(i, item)| wrong(item, &schema["items"], &format!("{path}[{i}]")))
        }
        Value::Object(members) => schema["properties"].as_object()?.iter().find_map(|(name, inner)| {
            members.get(name).and_then(|member| wrong(member, inner, &format!("{path}.{name}")))
        }),
        _ => None,
    }
}

fn targets(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

fn screen(value: &Value) -> Screen {
    let (mut actions, mut fields) = (Vec::new(), Vec::new());
    for part in components(&value["layout"]["children"]) {
        actions.extend(actions_of(part));
        fields.extend(field_of(part));
    }
    Screen {
        id: text(&value["id"]).unwrap_or_default(),
        terminal: value["terminal"] == true,
        refresh_on_back: value["refresh_on_back"] == true,
        data: value["data"].as_object().cloned().unwrap_or_default(),
        actions,
        fields,
    }
}

/// Every component of a list, those inside forms and branches too.
pub(crate) fn components(children: &Value) -> Vec<&Value> {
    let mut found = Vec::new();
    let mut open: Vec<&Value> = children.as_array().into_iter().flatten().rev().collect();
    while let Some(part) = open.pop() {
        found.push(part);
        let cases = part["cases"].as_object().into_iter().flat_map(Map::values);
        let inner = [&part["children"], &part["then"], &part["else"]].into_iter().chain(cases);
        let inner: Vec<_> = inner.filter_map(Value::as_array).flatten().collect();
        open.extend(inner.into_iter().rev());
    }
    found
}

fn actions_of(part: &Value) -> Vec<Action> {
    const KEYS: [&str; 3] = ["on-click-action", "on-select-action", "on-unselect-action"];
    let items = part["list-items"].as_array().into_iter().flatten();
    let label = text(&part["label"]).or_else(|| text(&part["text"]));
    let own = KEYS.iter().filter_map(|key| part.get(key)).map(|action| (action, label.clone()));
    let of_items = items.filter_map(|item| Some((item.get("on-click-action")?, text(&item["main-content"]["title"]))));
    own.chain(of_items)
        .map(|(action, label)| Action {
            name: text(&action["name"]).unwrap_or_default(),
            label,
            is_footer: part["type"] == "Footer",
            next: text(&action["next"]["name"]),
            payload: action["payload"].as_object().cloned().unwrap_or_default(),
        })
        .collect()
}

fn field_of(part: &Value) -> Option<Field> {
    let kind = part["type"].as_str().filter(|kind| INPUTS.contains(kind))?;
    let name = text(&part["name"])?;
    Some(Field {
        kind: kind.to_owned(),
        name,
        label: text(&part["label"]),
        required: part["required"] == true,
        options: part["data-source"].clone(),
    })
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}
