//! What a turn notes of the person: fields, labels, consent. Later expressions of the turn see it.

use serde_json::{Value, json};

use super::{Walk, shown};
use crate::caps;
use crate::expr::scope::json_bytes;
use crate::snapshot::Consent;
use crate::trace::Trace;
use crate::turn::Fault;
use crate::turn::fault::FaultKind;

impl Walk<'_> {
    /// Notes a field of the contact; null takes it away.
    pub(crate) fn note_field(&mut self, name: &str, value: Value) -> Result<(), Fault> {
        Fault::if_deep(&format!("`contact.{name}`"), &value)?;
        let mut person = self.scope.person();
        let before = person.fields.remove(name);
        let more = json_bytes(&value).saturating_sub(before.as_ref().map_or(0, json_bytes));
        let too_large = json_bytes(&value) > caps::MAX_VALUE_BYTES
            || self.scope.bytes_without("") + name.len() + more > caps::MAX_VARIABLES_BYTES;
        if too_large {
            let message = format!("`contact.{name}` would be larger than the caps allow");
            return Err(Fault::new(FaultKind::Variable(message)));
        }
        self.noted(&format!("contact.{name}"), before, value.clone());
        if !value.is_null() {
            person.fields.insert(name.to_owned(), value);
        }
        self.scope.set_person(person);
        Ok(())
    }

    /// Gives the person labels and takes others away. Blank ones are skipped.
    pub(crate) fn label(&mut self, add: &[String], remove: &[String]) -> Result<(), Fault> {
        let mut person = self.scope.person();
        let before = person.labels.clone();
        for label in remove {
            person.labels.remove(label.trim());
        }
        for label in add.iter().map(|label| label.trim()).filter(|label| !label.is_empty()) {
            if label.chars().count() > caps::MAX_LABEL_CHARS {
                let message =
                    format!("label `{}` is longer than {} characters", crate::expr::clip(label), caps::MAX_LABEL_CHARS);
                return Err(Fault::failed(message));
            }
            person.labels.insert(label.to_owned());
        }
        // Two people who became one may have more: taking one away must go.
        if person.labels.len() > caps::MAX_LABELS.max(before.len()) {
            return Err(Fault::failed(format!("the person would have over {} labels", caps::MAX_LABELS)));
        }
        if before != person.labels {
            self.noted("contact.labels", Some(json!(before)), json!(person.labels));
            self.scope.set_person(person);
        }
        Ok(())
    }

    /// Notes whether the person agrees to a purpose.
    pub(crate) fn consent(&mut self, purpose: &str, given: bool) {
        let mut person = self.scope.person();
        let consent = Consent { given, at_ms: self.given.now_ms };
        let before = person.consent.insert(purpose.to_owned(), consent);
        self.noted(&format!("contact.consent.{purpose}"), before.map(|before| before.given.into()), given.into());
        self.scope.set_person(person);
    }

    fn noted(&mut self, name: &str, before: Option<Value>, after: Value) {
        self.note(Trace::Set { name: name.to_owned(), before: before.map(shown), after: shown(after) });
    }
}
