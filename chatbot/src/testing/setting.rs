//! How a test begins: when, and with whom.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::bot::read::{At, Fields, Read, Reader};
use crate::explain;
use crate::input::ContactView;
use crate::snapshot::{Person, Snapshot, Vars};

/// 2026-11-22T10:00:00Z.
const START_MS: u64 = 1_795_341_600_000;
/// The id of what a known person wrote before the test began.
const WROTE_BEFORE: &str = "wamid.before";

/// Keys of a test that say how it begins.
pub(super) const KEYS: [&str; 3] = ["at", "person", "given"];
const PERSON_KEYS: &[&str] = &["name", "wa_id", "user_id", "known", "fields", "labels"];

/// How a test begins; the default is a person whom the bot has never met.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Setting {
    pub(super) at_ms: u64,
    pub(super) contact: ContactView,
    /// What is known of the person, and variables of scope `contact`.
    pub(super) state: Snapshot,
}

impl Default for Setting {
    fn default() -> Self {
        Self {
            at_ms: START_MS,
            contact: ContactView { name: Some("Ada".into()), wa_id: Some("15550100001".into()), user_id: None },
            state: Snapshot::default(),
        }
    }
}

/// Reads `at`, `person` and `given` of a test.
pub(super) fn read(reader: &mut Reader<'_>, fields: &Fields<'_>) -> Setting {
    let mut setting = Setting::default();
    if let Some(at) = fields.get("at") {
        setting.at_ms = time(reader, &at).unwrap_or(START_MS);
    }
    if let Some(at) = fields.get("person") {
        person(reader, &at, &mut setting);
    }
    if let Some(at) = fields.get("given") {
        setting.state.contact = given(reader, &at);
    }
    setting
}

fn time(reader: &mut Reader<'_>, at: &At<'_>) -> Option<u64> {
    let text = reader.text(at)?;
    let found = text.parse::<jiff::Timestamp>().ok().and_then(|time| u64::try_from(time.as_millisecond()).ok());
    if found.is_none() {
        reader.report(explain::WRONG_VALUE, at, format!("`{text}` is not a time")).help =
            Some("write it like 2026-11-22T10:00:00Z".to_owned());
    }
    found
}

fn person(reader: &mut Reader<'_>, at: &At<'_>, setting: &mut Setting) {
    let Some(fields) = reader.fields(at, PERSON_KEYS) else { return };
    for (key, own) in [
        ("name", &mut setting.contact.name),
        ("wa_id", &mut setting.contact.wa_id),
        ("user_id", &mut setting.contact.user_id),
    ] {
        if let Some(at) = fields.get(key) {
            *own = if at.node.to_json().is_null() { None } else { reader.text(&at) };
        }
    }
    let noted = fields.get("fields").map(|at| values(reader, &at)).unwrap_or_default();
    let labels: BTreeSet<String> =
        fields.get("labels").map(|at| reader.texts(&at)).unwrap_or_default().into_iter().collect();
    setting.state.person = Person { fields: noted, labels, ..Person::default() };
    if fields.get("known").and_then(|at| reader.flag(&at)) == Some(true) {
        setting.state.last = Some(WROTE_BEFORE.to_owned());
    }
}

fn given(reader: &mut Reader<'_>, at: &At<'_>) -> Vars {
    for (entry, value) in reader.entries(at) {
        let (name, span, pointer) = (entry.key.clone(), entry.key_span.clone(), value.pointer);
        reader.reads.push(Read { name, span, pointer });
    }
    match at.node.to_json() {
        Value::Object(vars) => vars.into_iter().collect(),
        _ => Vars::new(),
    }
}

fn values(reader: &mut Reader<'_>, at: &At<'_>) -> Vars {
    reader.entries(at).into_iter().map(|(entry, value)| (entry.key.clone(), value.node.to_json())).collect()
}
