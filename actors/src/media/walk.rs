//! Where a message names a file: the `id` of an image, video, audio, document or sticker, wherever it stands in the body.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::digest::Digest;
use super::upload::is_upload;

const KINDS: [&str; 5] = ["image", "video", "audio", "document", "sticker"];

/// Whether a look at the parsed body is worth it: any `"m_` or `"f_` in it.
pub(super) fn may_name_files(body: &[u8]) -> bool {
    body.windows(3).any(|bytes| bytes == b"\"m_" || bytes == b"\"f_")
}

/// Files that came in forms and that the body names.
pub(super) fn uploads(body: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    visit(&mut body.clone(), &mut |id| {
        found.extend(is_upload(id).then(|| id.to_owned()));
        None
    });
    found
}

/// Puts our ids in the place of those of files that came in forms.
pub(super) fn replace_uploads(body: &mut Value, ids: &BTreeMap<String, Digest>) {
    visit(body, &mut |id| ids.get(id).map(|digest| format!("m_{digest}")));
}

/// Our files that the body names.
pub(super) fn named(body: &Value) -> BTreeSet<Digest> {
    let mut found = BTreeSet::new();
    visit(&mut body.clone(), &mut |id| {
        found.extend(own(id));
        None
    });
    found
}

/// Puts Meta's ids in the place of ours.
pub(super) fn replace(body: &mut Value, ids: &BTreeMap<Digest, Box<str>>) {
    visit(body, &mut |id| own(id).and_then(|digest| ids.get(&digest)).map(|id| id.to_string()));
}

/// The digest of one of our ids.
pub(super) fn own(id: &str) -> Option<Digest> {
    id.strip_prefix("m_")?.parse().ok()
}

fn visit(value: &mut Value, change: &mut dyn FnMut(&str) -> Option<String>) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| visit(item, change)),
        Value::Object(members) => {
            for (name, member) in members {
                if KINDS.contains(&name.as_str())
                    && let Some(Value::String(id)) = member.get_mut("id")
                    && let Some(other) = change(id)
                {
                    *id = other;
                }
                visit(member, change);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn files_are_found_in_messages_headers_and_cards_and_nowhere_else() {
        let digest = Digest::of(b"a file");
        let ours = format!("m_{digest}");
        let mut body = json!({
            "type": "template",
            "image": { "id": ours },
            "template": { "components": [
                { "type": "header", "parameters": [{ "type": "document", "document": { "id": ours, "filename": "a" } }] },
                { "type": "carousel", "cards": [{ "components": [
                    { "type": "header", "parameters": [{ "type": "video", "video": { "id": ours } }] } ] }] } ] },
            "interactive": { "header": { "type": "image", "image": { "id": ours } },
                "action": { "buttons": [{ "reply": { "id": ours, "title": "m_" } }] } },
            "sticker": { "id": "990011" },
        });
        assert!(may_name_files(body.to_string().as_bytes()));
        assert_eq!(named(&body), [digest].into());
        replace(&mut body, &[(digest, "990022".into())].into());
        assert_eq!(body["image"]["id"], "990022");
        assert_eq!(body["template"]["components"][0]["parameters"][0]["document"]["id"], "990022");
        let card = &body["template"]["components"][1]["cards"][0]["components"][0];
        assert_eq!(card["parameters"][0]["video"]["id"], "990022");
        assert_eq!(body["interactive"]["header"]["image"]["id"], "990022");
        assert_eq!(body["interactive"]["action"]["buttons"][0]["reply"]["id"], ours, "a button is no file");
        assert_eq!(body["sticker"]["id"], "990011");
    }

    #[test]
    fn a_body_without_our_ids_is_not_looked_at() {
        assert!(!may_name_files(br#"{"image":{"id":"990011"}}"#));
        assert!(named(&json!({ "image": { "id": "m_short" } })).is_empty());
    }
}
