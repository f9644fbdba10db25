//! References in the payload of an action: `${form.x}`, `${data.x}`, `${screen.DAY.form.x}`, `${screen.DAY.data.x}`.

use serde_json::{Map, Value, json};

use super::Form;
use crate::flows::json::{Action, Field, FlowJson, Screen};

/// The payload that an action sends, with every reference replaced. Errors name what is missing.
pub(crate) fn resolve(form: &Form, action: &Action) -> Result<Map<String, Value>, String> {
    action.payload.iter().map(|(key, value)| Ok((key.clone(), value_of(form, value)?))).collect()
}

/// What stands between `${` and `}`, if that is all of the text.
pub(super) fn reference(value: &Value) -> Option<&str> {
    value.as_str()?.strip_prefix("${")?.strip_suffix('}')
}

/// The screen and the input that a reference is to.
pub(super) fn field_of<'a>(json: &'a FlowJson, screen: &'a Screen, value: &Value) -> Option<&'a Field> {
    let path: Vec<_> = reference(value)?.split('.').collect();
    match path.as_slice() {
        ["form", name] => screen.field(name),
        ["screen", id, "form", name] => json.screen(id)?.field(name),
        _ => None,
    }
}

fn value_of(form: &Form, value: &Value) -> Result<Value, String> {
    match value {
        Value::Object(map) => {
            let members = map.iter().map(|(key, inner)| Ok((key.clone(), value_of(form, inner)?)));
            members.collect::<Result<Map<_, _>, String>>().map(Value::Object)
        }
        _ => match reference(value) {
            Some(path) => look_up(form, path),
            None => Ok(value.clone()),
        },
    }
}

fn look_up(form: &Form, path: &str) -> Result<Value, String> {
    let parts: Vec<_> = path.split('.').collect();
    let missing = || format!("the reference ${{{path}}} leads nowhere");
    let (screen, kind, rest) = match parts.as_slice() {
        ["screen", id, kind, rest @ ..] => (*id, *kind, rest),
        [kind, rest @ ..] => (form.screen.as_str(), *kind, rest),
        [] => return Err(missing()),
    };
    let (name, inner) = rest.split_first().ok_or_else(missing)?;
    let found = match kind {
        "data" => form.seen.get(screen).and_then(|data| data.get(*name)).cloned(),
        "form" => {
            let filled = form.values.get(screen).and_then(|values| values.get(*name)).cloned();
            let field = form.sent.json().and_then(|json| json.screen(screen)?.field(name));
            filled.or_else(|| field.map(empty))
        }
        _ => None,
    };
    let found = found.ok_or_else(missing)?;
    inner.iter().try_fold(found, |value, key| value.get(key).cloned()).ok_or_else(missing)
}

/// What a phone sends of an input that was left empty.
fn empty(field: &Field) -> Value {
    match field.kind.as_str() {
        "CheckboxGroup" | "ChipsSelector" | "PhotoPicker" | "DocumentPicker" => json!([]),
        "OptIn" => json!(false),
        _ => json!(""),
    }
}
