//! What a viewer sees of what is personal: that it is there, and nothing of it. Only the members that are named here stay as they are,
//! so that one that comes later is masked until somebody has thought about it.

use serde_json::Value;

/// In the place of a text.
pub(super) const MASK: &str = "•••";

/// Members that say nothing of a person: ids of ours, states, times, counts.
const PLAIN: [&str; 111] = [
    "accepted",
    "account",
    "action",
    "alarm",
    "approx_total",
    "assigned_to",
    "at",
    "attempts",
    "author",
    "blocked",
    "bot",
    "bot_version",
    "broadcast",
    "by",
    "calling",
    "category",
    "changed_at",
    "code",
    "control",
    "conversation",
    "conversation_id",
    "count",
    "created_at",
    "delivered",
    "direction",
    "dry_run",
    "due_at",
    "ended_at",
    "entries",
    "entry",
    "expires_at",
    "failed",
    "fbtrace_id",
    "field",
    "first_seen",
    "free_entry_expires_at",
    "from_node",
    "handed_over_at",
    "held",
    "hint",
    "id",
    "index",
    "kind",
    "last_at",
    "left",
    "letters",
    "limit",
    "marketing",
    "merged",
    "merged_into",
    "method",
    "mime_type",
    "mode",
    "n",
    "next_cursor",
    "node",
    "open",
    "opted_out",
    "origin",
    "outbox",
    "outcome",
    "owner",
    "paused",
    "pending",
    "people",
    "phone_number_id",
    "place",
    "policy",
    "port",
    "pricing",
    "priority",
    "queue",
    "queued",
    "rate",
    "read",
    "received_at",
    "recipients",
    "released",
    "retried",
    "retries",
    "retry_of",
    "revision",
    "run",
    "sends",
    "sent",
    "sent_at",
    "seq",
    "severity",
    "silent_since",
    "since",
    "size",
    "skipped",
    "start_at",
    "started_at",
    "state",
    "status",
    "subcode",
    "template",
    "tried",
    "tries",
    "type",
    "unread",
    "until",
    "updated_at",
    "version",
    "waiting",
    "waiting_since",
    "who",
    "window",
    "window_expires_at",
    "window_open",
];

/// Members that are masked as a whole: what is in them has names of its own.
const WHOLE: [&str; 14] = [
    "variables",
    "vars",
    "raw",
    "body",
    "payload",
    "input",
    "trace",
    "changes",
    "effects",
    "data",
    "fields",
    "snapshot",
    "headers",
    "profile",
];

/// Of what is given up, refused and the like it is a word of ours. In [`CONTROL`] it is what staff wrote.
const REASON: &str = "reason";
/// Who answers in the bot's place, and why.
const CONTROL: &str = "control";

/// What is known of the place of a value.
#[derive(Clone, Copy, Default)]
struct At {
    plain: bool,
    reason: bool,
    control: bool,
}

impl At {
    fn shows(self, text: &str) -> bool {
        self.plain || text.is_empty() || self.reason && !self.control && is_word(text)
    }
}

/// Masks an answer.
pub(super) fn value(answer: &mut Value) {
    members(answer, At::default());
}

fn members(value: &mut Value, at: At) {
    match value {
        Value::Object(object) => {
            for (name, member) in object.iter_mut() {
                let name = name.as_str();
                if WHOLE.contains(&name) && !member.is_null() {
                    *member = Value::from(MASK);
                    continue;
                }
                let plain = PLAIN.contains(&name) || name == "items";
                members(member, At { plain, reason: name == REASON, control: at.control || name == CONTROL });
            }
        }
        Value::Array(values) => values.iter_mut().for_each(|member| members(member, at)),
        Value::String(text) if !at.shows(text) => MASK.clone_into(text),
        Value::Number(_) if !at.plain => *value = Value::Null,
        _ => {}
    }
}

/// A word as programs know it: `window_closed`.
fn is_word(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-".contains(&byte))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_personal_is_masked_and_what_is_not_stays() {
        let mut answer = json!({
            "items": [{
                "id": "c_1", "phone_number_id": "700", "wa_id": "447700900123", "name": "Ada", "state": "human",
                "former_numbers": ["447700900124"], "text": "my secret", "wamid": "wamid.HBgM", "attempts": 2,
                "variables": { "state": "she is ill" }, "raw": { "type": "text", "text": { "body": "x" } },
                "handoff": { "queue": "sales", "note": "call her", "since": "2026-11-27T00:00:00.000Z" },
                "error": { "code": 131026, "title": "to 447700900123" }, "lucky_number": 7, "user_id": null,
                "text_empty": "", "calling": true, "reason": "window_closed",
                "control": { "by": "user:elif", "reason": "pregnant", "paused": false, "silent_since": "2026-11-27T00:00:00.000Z" },
                "letter": { "reason": "Ada asked for it" },
            }],
            "next_cursor": "abc",
        });
        value(&mut answer);
        assert_eq!(
            answer,
            json!({
                "items": [{
                    "id": "c_1", "phone_number_id": "700", "wa_id": MASK, "name": MASK, "state": "human",
                    "former_numbers": [MASK], "text": MASK, "wamid": MASK, "attempts": 2,
                    "variables": MASK, "raw": MASK,
                    "handoff": { "queue": "sales", "note": MASK, "since": "2026-11-27T00:00:00.000Z" },
                    "error": { "code": 131026, "title": MASK }, "lucky_number": null, "user_id": null,
                    "text_empty": "", "calling": true, "reason": "window_closed",
                    "control": { "by": "user:elif", "reason": MASK, "paused": false, "silent_since": "2026-11-27T00:00:00.000Z" },
                    "letter": { "reason": MASK },
                }],
                "next_cursor": "abc",
            })
        );
    }
}
