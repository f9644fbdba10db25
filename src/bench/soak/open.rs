//! What is open in the end: each message without a reply, and what the process says about its person. Without this the
//! cause of a loss is gone with the folder.

use serde::Serialize;
use serde_json::Value;

use super::super::child::Child;
use super::super::message;
use super::ledger::Unanswered;

/// Messages that are shown.
pub(super) const MOST: usize = 12;
/// Items of a list, and characters of an answer.
const ITEMS: usize = 20;
const MOST_CHARS: usize = 4_000;

/// A message without a reply, seen from both sides.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Open {
    pub message: Unanswered,
    /// What was asked of the admin port, and its answer.
    pub said: Vec<(String, String)>,
}

/// Asks the process about the person of each.
pub(super) async fn look(child: &Child, unanswered: Vec<Unanswered>) -> Vec<Open> {
    let mut all = Vec::with_capacity(unanswered.len());
    for message in unanswered {
        all.push(Open { said: about(child, message.person).await, message });
    }
    all
}

async fn about(child: &Child, person: u64) -> Vec<(String, String)> {
    let found = format!("/api/v1/conversations?phone={}", message::phone(person));
    let conversations = child.get(&found).await;
    let ids = conversations.as_ref().map(ids_of).unwrap_or_default();
    let mut said = vec![(found, shown(conversations))];
    for path in ids.iter().flat_map(|id| paths_of(id)) {
        let answer = child.get(&path).await;
        said.push((path, shown(answer)));
    }
    said
}

fn ids_of(conversations: &Value) -> Vec<String> {
    let items = conversations["items"].as_array().into_iter().flatten();
    items.filter_map(|item| item["id"].as_str().map(str::to_owned)).collect()
}

fn paths_of(id: &str) -> [String; 3] {
    [
        format!("/api/v1/conversations/{id}"),
        format!("/api/v1/conversations/{id}/messages?limit={ITEMS}"),
        format!("/api/v1/outbox?conversation={id}&limit={ITEMS}"),
    ]
}

fn shown(answer: anyhow::Result<Value>) -> String {
    let text = answer.map_or_else(|error| format!("no answer: {error:#}"), |answer| answer.to_string());
    text.chars().take(MOST_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn everything_is_asked_of_each_conversation_of_a_person_and_answers_are_bounded() {
        let ids = ids_of(&json!({ "items": [{ "id": "c_1" }, { "id": "c_2" }, {}] }));
        assert_eq!(ids, ["c_1", "c_2"]);
        assert!(ids_of(&json!({ "error": "none" })).is_empty());
        assert!(paths_of("c_1").iter().all(|path| path.contains("c_1")));
        assert_eq!(shown(Ok(Value::from("x".repeat(2 * MOST_CHARS)))).len(), MOST_CHARS);
        assert!(shown(Err(anyhow::anyhow!("gone"))).contains("gone"));
    }
}
