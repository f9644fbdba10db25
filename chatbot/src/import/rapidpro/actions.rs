//! Actions: what a node does before its router.

use serde_json::{Map, Value, json};

use super::export::{list, text};
use super::flow::{Book, NEXT, Place};
use super::names::{CHILD_STATUS, Names, part_of};
use super::{http, language};
use crate::caps;
use crate::import::Mapping;
use crate::import::text::{cut, duration, quoted, slug};

/// Each action, and what it becomes; none are listed and passed over.
pub const ACTIONS: &[Mapping] = &[
    ("add_contact_groups", Some("`set` with `labels`")),
    ("add_contact_urn", None),
    ("add_input_labels", Some("`set` with `labels`: of the person, not of the message")),
    ("call_classifier", None),
    ("call_llm", None),
    ("call_resthook", None),
    ("call_webhook", Some("`http`")),
    ("enter_flow", Some("`call`, or a jump where the flow is not returned from")),
    ("link_google_sheet", None),
    ("open_ticket", Some("`handoff`")),
    ("play_audio", None),
    ("remove_contact_groups", Some("`set` with `labels`; of all groups: listed")),
    ("request_optin", None),
    ("say_msg", None),
    ("send_broadcast", None),
    ("send_email", Some("`emit` of the event `email`")),
    ("send_interactive_msg", Some("`say` with buttons or a list (Glific)")),
    ("send_msg", Some("`say`, with buttons or a list for quick replies, or `template`")),
    ("send_optin", None),
    ("set_contact_channel", None),
    ("set_contact_field", Some("`set` with `contact`")),
    ("set_contact_language", Some("`set` with `contact.language`")),
    ("set_contact_name", Some("`set` with `contact.name`")),
    ("set_contact_profile", None),
    ("set_contact_status", None),
    ("set_contact_timezone", None),
    ("set_run_local", Some("`set`")),
    ("set_run_result", Some("`set`")),
    ("start_session", None),
    ("transfer_airtime", None),
    ("wait_for_time", Some("`wait` (Glific)")),
];

impl<'e, 'v> Book<'e, 'v> {
    pub(super) fn action(&mut self, place: &mut Place<'e, 'v>, action: &'v Value) {
        match text(action, "type") {
            "send_msg" => self.send_msg(place, action),
            "send_interactive_msg" => self.send_interactive(place, action),
            "set_contact_field" => {
                let key = action.get("field").map(|field| text(field, "key")).unwrap_or_default();
                self.set_contact(place, &Names::field(key), text(action, "value"));
            }
            "set_contact_name" => self.set_contact(place, "name", text(action, "name")),
            "set_contact_language" => self.set_language(place, text(action, "language")),
            "add_contact_groups" => self.label(place, "add", list(action, "groups")),
            "add_input_labels" => {
                self.change(place.shown(), "labels of the message become labels of the person");
                self.label(place, "add", list(action, "labels"));
            }
            "remove_contact_groups" => {
                if action.get("all_groups").and_then(Value::as_bool) == Some(true) {
                    self.change(place.shown(), "taking a person out of all groups is not mapped");
                }
                self.label(place, "remove", list(action, "groups"));
            }
            "set_run_result" => self.set_result(place, action),
            "set_run_local" => self.set_local(place, action),
            "enter_flow" => self.enter_flow(place, action),
            "call_webhook" => http::webhook(self, place, action),
            "send_email" => self.send_email(place, action),
            "open_ticket" => self.open_ticket(place, action),
            "wait_for_time" => self.wait_for_time(place, action),
            other => {
                let what = format!("the action `{other}` is not mapped and is passed over");
                self.change(place.shown(), &what);
            }
        }
    }

    fn set_contact(&mut self, place: &mut Place<'e, 'v>, key: &str, value: &str) {
        let value = if value.is_empty() { "none".to_owned() } else { self.expression(place.shown(), value) };
        place.set(&mut self.draft, "contact", json!({ key: value }));
    }

    fn set_language(&mut self, place: &mut Place<'e, 'v>, given: &str) {
        let value = match given {
            "" => "none".to_owned(),
            given if given.contains('@') => {
                self.change(place.shown(), "a computed language must be written as `en`, not as `eng`");
                self.expression(place.shown(), given)
            }
            given => quoted(&language::ours(given)),
        };
        place.set(&mut self.draft, "contact", json!({ "language": value }));
    }

    fn label(&mut self, place: &mut Place<'e, 'v>, how: &str, given: &[Value]) {
        let mut labels = Vec::new();
        for one in given {
            let name = if text(one, "name").is_empty() { text(one, "name_match") } else { text(one, "name") };
            let label = self.template(place.shown(), name);
            if !label.trim().is_empty() {
                labels.push(Value::String(fit(&label, caps::MAX_LABEL_CHARS)));
            }
        }
        if !labels.is_empty() {
            self.change("all flows", "groups are labels of the person; who is in a smart group is not computed");
            place.set(&mut self.draft, "labels", json!({ how: labels }));
        }
    }

    fn set_result(&mut self, place: &mut Place<'e, 'v>, action: &Value) {
        let result = self.names.result(text(action, "name"));
        let mut assign = Map::new();
        let value = self.expression(place.shown(), text(action, "value"));
        let category = self.expression(place.shown(), text(action, "category"));
        assign.insert(result.clone(), Value::String(value));
        assign.insert(part_of(&result, "category"), Value::String(category));
        place.set(&mut self.draft, "assign", Value::Object(assign));
    }

    fn set_local(&mut self, place: &mut Place<'e, 'v>, action: &Value) {
        let local = self.names.local(text(action, "local"));
        let value = self.expression(place.shown(), text(action, "value"));
        let value = match text(action, "operation") {
            "increment" => format!("(({local} | float(0)) + ({value} | float(0)))"),
            "clear" => "none".to_owned(),
            _ => value,
        };
        place.set(&mut self.draft, "assign", json!({ local: value }));
    }

    /// A flow that comes back is called; a last one, or one that has ended for good, is jumped to.
    fn enter_flow(&mut self, place: &mut Place<'e, 'v>, action: &Value) {
        let named = action.get("flow").unwrap_or(&Value::Null);
        let found = self.export.flow(text(named, "uuid"), text(named, "name"));
        let entry = found.and_then(|flow| flow.nodes.first()).map(|node| node.id.clone());
        let Some(entry) = entry else {
            let what = format!("the flow `{}` is not in the export; it is passed over", text(named, "name"));
            self.change(place.shown(), &what);
            place.set(&mut self.draft, "assign", json!({ CHILD_STATUS: "'failed'" }));
            return;
        };
        let id = place.part(&mut self.draft);
        if action.get("terminal").and_then(Value::as_bool) == Some(true) {
            place.push(id, json!({ "type": "goto", "to": entry }));
            return;
        }
        let (done, failed) = (self.draft.free_id(&format!("{id}.done")), self.draft.free_id(&format!("{id}.failed")));
        place.push(id, json!({ "type": "call", "node": entry, "next": { "returned": done, "failed": failed } }));
        for (id, status) in [(done, "'completed'"), (failed, "'failed'")] {
            let node = json!({ "type": "set", "assign": { CHILD_STATUS: status }, "next": { "next": NEXT } });
            place.push_aside(id, node);
        }
        self.change("all flows", "results of a flow that is entered are those of the flow that enters it");
    }

    fn send_email(&mut self, place: &mut Place<'e, 'v>, action: &'v Value) {
        self.change(place.shown(), "an email becomes the event `email`: something must listen and send it");
        let at = place.shown().to_owned();
        let to: Vec<String> = list(action, "addresses")
            .iter()
            .filter_map(Value::as_str)
            .map(|address| self.template(&at, address))
            .collect();
        let subject = self.template(&at, text(action, "subject"));
        let body = self.template(&at, text(action, "body"));
        let id = place.part(&mut self.draft);
        let data = json!({ "to": to, "subject": subject, "body": body });
        place.push(id, json!({ "type": "emit", "event": "email", "data": data, "next": { "next": NEXT } }));
    }

    fn open_ticket(&mut self, place: &mut Place<'e, 'v>, action: &'v Value) {
        self.change(
            place.shown(),
            "a ticket hands the conversation over: the bot goes on when it is handed back; the flow went on at once",
        );
        let topic = action.get("topic").map(|topic| text(topic, "name")).unwrap_or_default();
        let note = if text(action, "note").is_empty() { text(action, "body") } else { text(action, "note") };
        let note = self.template(place.shown(), note);
        let result = text(action, "result_name");
        let local = self.names.local("_new_ticket");
        let mut assign = Map::from_iter([(local, json!("'ticket'"))]);
        if !result.is_empty() {
            let result = self.names.result(result);
            assign.insert(part_of(&result, "category"), json!("'Success'"));
            assign.insert(result, json!("'ticket'"));
        }
        place.set(&mut self.draft, "assign", Value::Object(assign));
        let id = place.part(&mut self.draft);
        let mut node = json!({ "type": "handoff", "queue": slug(topic, "support") });
        if !note.is_empty() {
            node["note"] = Value::String(note);
        }
        node["next"] = json!({ "returned": NEXT, "closed": NEXT });
        place.push(id, node);
    }

    fn wait_for_time(&mut self, place: &mut Place<'e, 'v>, action: &Value) {
        let delay = action.get("delay");
        let seconds = delay.and_then(Value::as_u64).or_else(|| delay.and_then(Value::as_str)?.trim().parse().ok());
        let Some(seconds) = seconds.filter(|seconds| *seconds > 0) else {
            self.change(place.shown(), "a wait whose time is computed is passed over");
            return;
        };
        let id = place.part(&mut self.draft);
        place.push(id, json!({ "type": "wait", "for": duration(seconds), "next": { "next": NEXT } }));
    }
}

/// A text that is cut, unless something in it is computed.
pub(super) fn fit(text: &str, limit: usize) -> String {
    if text.contains("{{") { text.to_owned() } else { cut(text, limit) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn actions_stand_in_order() {
        assert!(ACTIONS.windows(2).all(|pair| pair[0].0 < pair[1].0));
    }
}
