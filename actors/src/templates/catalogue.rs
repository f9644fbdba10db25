//! The templates in memory, and their documents.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use storage::{NewDocument, Store, StoreError};
use whatsapp::graph::RemoteTemplate;
use whatsapp::webhook::FieldEvent;
use whatsapp::webhook::field::{TemplateChange, TemplateEvent};

use crate::codec;

const KIND: &str = "template";

/// A template of an account, in one language.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Template {
    /// The business account.
    pub account: Box<str>,
    /// As Meta has it.
    pub remote: RemoteTemplate,
    /// When Meta no longer had it.
    pub removed_ms: Option<u64>,
}

/// By `account/name/language`.
#[derive(Default)]
pub(super) struct Catalogue {
    templates: BTreeMap<Box<str>, Arc<Template>>,
    /// Changed by a webhook, and not in the store yet.
    unwritten: BTreeSet<Box<str>>,
}

/// What a list of Meta changes.
#[derive(Default)]
pub(super) struct Difference {
    pub documents: Vec<NewDocument>,
    pub templates: Vec<Arc<Template>>,
    /// New or changed ones.
    pub changed: usize,
    /// Those that Meta no longer has.
    pub removed: usize,
}

impl Template {
    fn key(&self) -> Box<str> {
        key(&self.account, &self.remote.name, &self.remote.language)
    }
}

fn key(account: &str, name: &str, language: &str) -> Box<str> {
    format!("{account}/{name}/{language}").into()
}

impl Catalogue {
    pub(super) async fn load(store: &dyn Store) -> Result<Self, StoreError> {
        let mut templates = BTreeMap::new();
        for (key, bytes) in store.documents(KIND).await? {
            match codec::decode::<Template>(&bytes) {
                Ok(template) => drop(templates.insert(key, Arc::new(template))),
                Err(error) => tracing::warn!(%error, template = %key, "a stored template cannot be read"),
            }
        }
        Ok(Self { templates, unwritten: BTreeSet::new() })
    }

    pub(super) fn all(&self) -> Vec<Arc<Template>> {
        self.templates.values().cloned().collect()
    }

    pub(super) fn get(&self, account: &str, name: &str, language: &str) -> Option<&Arc<Template>> {
        self.templates.get(&key(account, name, language)).filter(|template| template.removed_ms.is_none())
    }

    /// What is different when Meta has exactly `listed`.
    pub(super) fn difference(&self, account: &str, listed: Vec<RemoteTemplate>, now_ms: u64) -> Difference {
        let mut difference = Difference::default();
        let mut present = BTreeMap::new();
        for remote in listed {
            let template = Template { account: account.into(), remote, removed_ms: None };
            present.insert(template.key(), template);
        }
        for (key, known) in &self.templates {
            if *known.account != *account || present.contains_key(key) {
                continue;
            }
            difference.removed += usize::from(known.removed_ms.is_none());
            if known.removed_ms.is_none() || self.unwritten.contains(key) {
                difference.note(Template { removed_ms: known.removed_ms.or(Some(now_ms)), ..(**known).clone() });
            }
        }
        for (key, template) in present {
            let changed = self.templates.get(&key).is_none_or(|known| **known != template);
            difference.changed += usize::from(changed);
            if changed || self.unwritten.contains(&key) {
                difference.note(template);
            }
        }
        difference
    }

    pub(super) fn take(&mut self, templates: &[Arc<Template>]) {
        for template in templates {
            self.unwritten.remove(&template.key());
            self.templates.insert(template.key(), template.clone());
        }
    }

    /// Takes over what a webhook says. Answers whether anything changed.
    pub(super) fn apply(&mut self, account: &str, event: &FieldEvent, now_ms: u64) -> bool {
        let (which, change): (&TemplateChange, &dyn Fn(&mut Template)) = match event {
            FieldEvent::TemplateStatus(status) => (&status.template, &|template| {
                match &status.event {
                    TemplateEvent::Approved | TemplateEvent::Reinstated => template.remote.status = "APPROVED".into(),
                    TemplateEvent::Deleted => template.removed_ms = Some(now_ms),
                    // They say nothing of whether it can be sent.
                    TemplateEvent::Flagged | TemplateEvent::Locked | TemplateEvent::Other(_) => {}
                    other => template.remote.status = other.as_str().to_owned(),
                }
                template.remote.rejected_reason.clone_from(&status.reason);
                if status.category.is_some() {
                    template.remote.category.clone_from(&status.category);
                }
            }),
            FieldEvent::TemplateQuality(quality) => (&quality.template, &|template| {
                template.remote.quality_score = serde_json::json!({ "score": quality.now });
            }),
            FieldEvent::TemplateCategory(category) => (&category.template, &|template| {
                if category.now.is_some() {
                    template.remote.category.clone_from(&category.now);
                }
            }),
            _ => return false,
        };
        let mut any = false;
        for (key, known) in self.templates.iter_mut().filter(|(_, known)| is_it(known, account, which)) {
            let before = known.clone();
            change(Arc::make_mut(known));
            if before != *known {
                self.unwritten.insert(key.clone());
                any = true;
            }
        }
        any
    }
}

impl Difference {
    fn note(&mut self, template: Template) {
        self.documents.push((KIND.into(), template.key(), Some(codec::encode(&template))));
        self.templates.push(Arc::new(template));
    }
}

/// Whether a webhook of an account means this template: by id, else by name and language.
fn is_it(known: &Template, account: &str, which: &TemplateChange) -> bool {
    let same = |given: &Option<String>, has: &str| given.as_deref() == Some(has);
    *known.account == *account
        && match &which.id {
            Some(id) => *id == known.remote.id,
            None => same(&which.name, &known.remote.name) && same(&which.language, &known.remote.language),
        }
}

pub(super) fn is_about_templates(event: &FieldEvent) -> bool {
    matches!(
        event,
        FieldEvent::TemplateStatus(_)
            | FieldEvent::TemplateQuality(_)
            | FieldEvent::TemplateComponents(_)
            | FieldEvent::TemplateCategory(_)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remote(name: &str, status: &str) -> RemoteTemplate {
        serde_json::from_value(serde_json::json!({
            "id": format!("1{}", name.len()), "name": name, "language": "en", "status": status, "category": "UTILITY",
            "components": [{ "type": "BODY", "text": "hello" }],
        }))
        .unwrap()
    }

    fn catalogue(listed: &[RemoteTemplate]) -> Catalogue {
        let mut catalogue = Catalogue::default();
        let difference = catalogue.difference("1", listed.to_vec(), 5);
        catalogue.take(&difference.templates);
        catalogue
    }

    #[test]
    fn a_list_changes_what_is_new_marks_what_is_gone_and_leaves_other_accounts_alone() {
        let mut catalogue = catalogue(&[remote("a", "APPROVED"), remote("bb", "APPROVED")]);
        let other = catalogue.difference("2", vec![remote("a", "PAUSED")], 6);
        catalogue.take(&other.templates);
        let difference = catalogue.difference("1", vec![remote("a", "APPROVED"), remote("ccc", "PENDING")], 7);
        assert_eq!((difference.changed, difference.removed), (1, 1));
        catalogue.take(&difference.templates);
        assert_eq!(catalogue.get("1", "bb", "en"), None);
        assert_eq!(catalogue.all().iter().filter(|template| template.removed_ms == Some(7)).count(), 1);
        assert_eq!(catalogue.get("2", "a", "en").unwrap().remote.status, "PAUSED");
        let same = catalogue.difference("1", vec![remote("a", "APPROVED"), remote("ccc", "PENDING")], 8);
        assert_eq!((same.changed, same.removed, same.documents.len()), (0, 0, 0));
        let back = catalogue.difference("1", vec![remote("a", "APPROVED"), remote("bb", "APPROVED")], 9);
        assert_eq!((back.changed, back.removed), (1, 1), "what comes back is there again");
    }

    #[test]
    fn what_a_webhook_changed_is_written_down_with_the_next_list_that_agrees() {
        let mut catalogue = catalogue(&[remote("a", "APPROVED"), remote("bb", "APPROVED")]);
        for (name, event) in [("a", "PAUSED"), ("bb", "DELETED")] {
            let raw = serde_json::json!({ "event": event, "message_template_name": name,
                "message_template_language": "en", "reason": "NONE" });
            let event = FieldEvent::parse("message_template_status_update", &raw.to_string());
            assert!(catalogue.apply("1", &event, 6));
        }
        let paused = catalogue.get("1", "a", "en").unwrap().remote.clone();
        let difference = catalogue.difference("1", vec![paused.clone()], 7);
        assert_eq!((difference.changed, difference.removed, difference.documents.len()), (0, 0, 2));
        catalogue.take(&difference.templates);
        assert!(catalogue.difference("1", vec![paused], 8).documents.is_empty());
    }

    #[test]
    fn a_webhook_changes_the_template_that_it_names() {
        let mut catalogue = catalogue(&[remote("a", "PENDING"), remote("bb", "APPROVED")]);
        let field = "message_template_status_update";
        let event = |event: &str| {
            let raw = serde_json::json!({ "event": event, "message_template_id": 12, "message_template_name": "bb",
                "message_template_language": "en", "reason": "NONE" });
            FieldEvent::parse(field, &raw.to_string())
        };
        assert!(catalogue.apply("1", &event("PAUSED"), 6));
        assert_eq!(catalogue.get("1", "bb", "en").unwrap().remote.status, "PAUSED");
        assert!(!catalogue.apply("1", &event("FLAGGED"), 6));
        assert!(!catalogue.apply("2", &event("APPROVED"), 6), "another account");
        assert!(catalogue.apply("1", &event("DELETED"), 6));
        assert_eq!(catalogue.get("1", "bb", "en"), None);
        assert_eq!(catalogue.get("1", "a", "en").unwrap().remote.status, "PENDING");
    }
}
