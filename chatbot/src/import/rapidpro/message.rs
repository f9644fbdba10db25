//! Messages: texts, files and quick replies, templates, and Glific's interactive messages.
//!
//! A tapped quick reply comes back as its title, as it did there, so the cases of the router see it as a word.

use serde_json::{Value, json};
use whatsapp::limits;

use super::actions::fit;
use super::export::{list, text};
use super::flow::{Book, NEXT, Place};
use super::language;
use crate::import::text::{cut, pieces, slug};

/// The button that opens a list of quick replies.
const LIST_BUTTON: &str = "Choose";

/// One quick reply, in the flow's language and in others.
struct Reply<'v> {
    own: &'v str,
    others: Vec<(&'v str, &'v str)>,
    description: &'v str,
}

impl<'e, 'v> Book<'e, 'v> {
    pub(super) fn send_msg(&mut self, place: &mut Place<'e, 'v>, action: &'v Value) {
        let template = action.get("templating").and_then(|templating| templating.get("template"));
        if let Some(template) = template.or_else(|| action.get("template")).filter(|template| template.is_object()) {
            return self.send_template(place, action, template);
        }
        let key = self.key(place, "text");
        let uuid = text(action, "uuid");
        let others = first_texts(&place.flow.translations(uuid, "text"));
        let replies = self.replies(place, action);
        let mut files = self.files(place, action);
        let own = text(action, "text");
        let limit = if replies.is_empty() { limits::TEXT_BODY } else { limits::INTERACTIVE_BODY };
        if place.flow.translations(uuid, "attachments").iter().any(|(_, texts)| !texts.is_empty()) {
            self.change(
                place.shown(),
                "files of other languages are not mapped: those of the flow's language are sent",
            );
        }
        // One file carries the text below it, as it did.
        let captioned = files.len() == 1 && replies.is_empty() && limits::chars(own) <= limits::CAPTION;
        if captioned && let Some(body) = files[0].as_object_mut().and_then(|file| file.values_mut().next()) {
            if body.get("caption").is_some() && !own.trim().is_empty() {
                body["caption"] = Value::String(self.translated(place, &key, own, &others, str::to_owned));
            }
            let audio = body.get("caption").is_none();
            clear_empty_caption(body);
            let file = files.remove(0);
            place.say(&mut self.draft, file);
            if !audio || own.trim().is_empty() {
                return;
            }
        }
        for mut file in files {
            if let Some(body) = file.as_object_mut().and_then(|file| file.values_mut().next()) {
                clear_empty_caption(body);
            }
            place.say(&mut self.draft, file);
        }
        if own.trim().is_empty() && replies.is_empty() {
            return;
        }
        let mut parts = pieces(own, limit);
        if parts.len() > 1 {
            self.change(
                place.shown(),
                &format!("the text is longer than WhatsApp allows and is sent as {} messages", parts.len()),
            );
        }
        let last = parts.pop().unwrap_or_default();
        for part in &parts {
            let part = self.template(place.shown(), part);
            place.say(&mut self.draft, json!({ "text": part }));
        }
        let others: &[_] = if parts.is_empty() { &others } else { &[] };
        let body = self.translated(place, &key, &last, others, |text| fit(text, limit));
        let body = if body.trim().is_empty() { "…".to_owned() } else { body };
        let message = match replies.is_empty() {
            true => json!({ "text": body }),
            false => self.offer(place, &body, &replies),
        };
        place.say(&mut self.draft, message);
    }

    /// A key for texts of this node.
    fn key(&mut self, place: &Place<'e, 'v>, what: &str) -> String {
        self.draft.free_key(&format!("{}.{what}", place.node.id))
    }

    fn replies(&mut self, place: &Place<'e, 'v>, action: &'v Value) -> Vec<Reply<'v>> {
        let translations = place.flow.translations(text(action, "uuid"), "quick_replies");
        let mut found = Vec::new();
        for (at, reply) in list(action, "quick_replies").iter().enumerate() {
            // Version 14 has objects: `{type, text, extra}`.
            if text(reply, "type") == "location" {
                self.change(place.shown(), "the quick reply that asks for a place is shown as a button");
            }
            let own = reply.as_str().unwrap_or_else(|| text(reply, "text"));
            let own = if own.is_empty() && text(reply, "type") == "location" { "Send location" } else { own };
            if own.trim().is_empty() {
                continue;
            }
            let others =
                translations.iter().filter_map(|(language, texts)| Some((*language, *texts.get(at)?))).collect();
            found.push(Reply { own, others, description: text(reply, "extra") });
        }
        if found.len() > limits::ROWS {
            let what =
                format!("{} quick replies, WhatsApp shows {}: the others are left out", found.len(), limits::ROWS);
            self.change(place.shown(), &what);
            found.truncate(limits::ROWS);
        }
        found
    }

    /// Quick replies as buttons, or as a list where they are many or long.
    fn offer(&mut self, place: &Place<'e, 'v>, body: &str, replies: &[Reply<'v>]) -> Value {
        let short = |reply: &Reply<'_>| {
            let texts = std::iter::once(reply.own).chain(reply.others.iter().map(|(_, text)| *text));
            texts.into_iter().all(|text| limits::chars(text) <= limits::BUTTON_TITLE) && reply.description.is_empty()
        };
        let buttons = replies.len() <= limits::BUTTONS && replies.iter().all(short);
        let limit = if buttons { limits::BUTTON_TITLE } else { limits::ROW_TITLE };
        let mut options = Vec::new();
        for (at, reply) in replies.iter().enumerate() {
            if limits::chars(reply.own) > limit {
                let shown = cut(reply.own, limit);
                let what = format!("the quick reply `{}` is cut to `{shown}`, and answers with that", reply.own);
                self.change(place.shown(), &what);
            }
            let key = self.key(place, &format!("reply{}", at + 1));
            let title = self.translated(place, &key, reply.own, &reply.others, |text| fit(text, limit));
            let mut option = json!({ "id": format!("qr-{}", at + 1), "title": title });
            if !reply.description.is_empty() {
                let desc = self.template(place.shown(), reply.description);
                option["desc"] = Value::String(fit(&desc, limits::ROW_DESCRIPTION));
            }
            options.push(option);
        }
        match buttons {
            true => json!({ "buttons": { "text": body, "buttons": options } }),
            false => json!({ "list": { "text": body, "button": LIST_BUTTON, "sections": [{ "rows": options }] } }),
        }
    }

    /// The files of a message: `image/jpeg:https://…`.
    fn files(&mut self, place: &Place<'e, 'v>, action: &'v Value) -> Vec<Value> {
        let mut found = Vec::new();
        for file in list(action, "attachments").iter().filter_map(Value::as_str) {
            let Some((kind, address)) = file.split_once(':').filter(|(_, address)| !address.trim().is_empty()) else {
                self.change(place.shown(), &format!("the file `{file}` has no address and is not sent"));
                continue;
            };
            let link = self.template(place.shown(), address);
            found.push(match kind.split('/').next().unwrap_or_default() {
                "image" => json!({ "image": { "link": link, "caption": "" } }),
                "video" => json!({ "video": { "link": link, "caption": "" } }),
                "audio" => json!({ "audio": { "link": link } }),
                "geo" => {
                    self.change(place.shown(), "a place as a file is sent as text");
                    json!({ "text": link })
                }
                _ => json!({ "document": { "link": link, "caption": "" } }),
            });
        }
        found
    }

    fn send_template(&mut self, place: &mut Place<'e, 'v>, action: &'v Value, template: &'v Value) {
        let name = slug(text(template, "name"), "template").replace('-', "_");
        let lang = language::ours(&place.flow.language);
        self.change(
            place.shown(),
            &format!(
                "the template `{}` is sent as `{name}` in `{lang}`: hold both against your account",
                text(template, "name")
            ),
        );
        let templating = action.get("templating").unwrap_or(&Value::Null);
        let mut given = list(action, "template_variables");
        if given.is_empty() {
            given = list(templating, "variables");
        }
        let components = list(templating, "components");
        if given.is_empty()
            && let Some(body) = components.iter().find(|one| text(one, "name") == "body")
        {
            given = list(body, "params");
        }
        if components.iter().any(|one| text(one, "name") != "body") {
            self.change(place.shown(), "only the body of the template is filled");
        }
        let body: Vec<String> =
            given.iter().filter_map(Value::as_str).map(|value| self.template(place.shown(), value)).collect();
        let id = place.part(&mut self.draft);
        let mut node = json!({ "type": "template", "name": name, "lang": lang, "next": { "sent": NEXT } });
        if !body.is_empty() {
            node["params"] = json!({ "body": body });
        }
        place.push(id, node);
    }

    /// Glific keeps its interactive messages as JSON in the text.
    pub(super) fn send_interactive(&mut self, place: &mut Place<'e, 'v>, action: &'v Value) {
        let content: Value = serde_json::from_str(text(action, "text")).unwrap_or_default();
        let message = match text(&content, "type") {
            "quick_reply" => self.quick_reply(place, &content),
            "list" => self.glific_list(place, &content),
            "location_request_message" => {
                let body = content.get("body").map(|body| text(body, "text")).unwrap_or_default();
                Some(json!({ "location_request": self.template(place.shown(), body) }))
            }
            _ => None,
        };
        match message {
            Some(message) => place.say(&mut self.draft, message),
            None => self.change(place.shown(), "an interactive message that is computed or unknown is passed over"),
        }
    }

    fn quick_reply(&mut self, place: &Place<'e, 'v>, content: &Value) -> Option<Value> {
        let inside = content.get("content")?;
        let body = [text(inside, "text"), text(inside, "caption")].into_iter().find(|body| !body.is_empty())?;
        let body = fit(&self.template(place.shown(), body), limits::INTERACTIVE_BODY);
        let mut buttons = Vec::new();
        for option in list(content, "options").iter().take(limits::BUTTONS) {
            let title = fit(&self.template(place.shown(), text(option, "title")), limits::BUTTON_TITLE);
            buttons.push(json!({ "id": format!("qr-{}", buttons.len() + 1), "title": title }));
        }
        let mut message = json!({ "buttons": { "text": body, "buttons": buttons } });
        let header = fit(&self.template(place.shown(), text(inside, "header")), limits::HEADER);
        match text(inside, "type") {
            kind @ ("image" | "video") => {
                let link = self.template(place.shown(), text(inside, "url"));
                message["buttons"]["header"] = json!({ kind: { "link": link } });
            }
            "file" => {
                let link = self.template(place.shown(), text(inside, "url"));
                message["buttons"]["header"] = json!({ "document": { "link": link } });
            }
            _ if !header.is_empty() => message["buttons"]["header"] = Value::String(header),
            _ => {}
        }
        Some(message)
    }

    fn glific_list(&mut self, place: &Place<'e, 'v>, content: &Value) -> Option<Value> {
        let body = fit(&self.template(place.shown(), text(content, "body")), limits::INTERACTIVE_BODY);
        let mut sections = Vec::new();
        let mut left = limits::ROWS;
        for item in list(content, "items") {
            let mut rows = Vec::new();
            for option in list(item, "options").iter().take(left) {
                let title = fit(&self.template(place.shown(), text(option, "title")), limits::ROW_TITLE);
                let mut row = json!({ "id": format!("row-{}", limits::ROWS - left + rows.len() + 1), "title": title });
                if !text(option, "description").is_empty() {
                    let desc = self.template(place.shown(), text(option, "description"));
                    row["desc"] = Value::String(fit(&desc, limits::ROW_DESCRIPTION));
                }
                rows.push(row);
            }
            left -= rows.len();
            if !rows.is_empty() {
                sections.push(json!({ "title": fit(text(item, "title"), limits::ROW_TITLE), "rows": rows }));
            }
        }
        let button = list(content, "globalButtons").first().map(|button| text(button, "title")).unwrap_or(LIST_BUTTON);
        let mut message =
            json!({ "list": { "text": body, "button": fit(button, limits::LIST_BUTTON), "sections": sections } });
        let title = fit(&self.template(place.shown(), text(content, "title")), limits::HEADER);
        if !title.is_empty() {
            message["list"]["header"] = Value::String(title);
        }
        (!sections.is_empty()).then_some(message)
    }
}

fn clear_empty_caption(body: &mut Value) {
    if body["caption"].as_str().is_some_and(str::is_empty)
        && let Some(entries) = body.as_object_mut()
    {
        entries.remove("caption");
    }
}

fn first_texts<'v>(translations: &[(&'v str, Vec<&'v str>)]) -> Vec<(&'v str, &'v str)> {
    translations.iter().filter_map(|(language, texts)| Some((*language, *texts.first()?))).collect()
}
