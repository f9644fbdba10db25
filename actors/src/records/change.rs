//! What an entry of the history changed: enough to know the state after any entry, without running any bot again.
//!
//! Every [`WHOLE_EVERY`]th entry of a conversation keeps the whole state after it, the others what differs from the
//! entry before. So a state is read from that many entries at the most, and stays right when bots, their versions or
//! this program change.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::state::{Control, Former, Marketing, Person, State};
use super::telling::Telling;

/// See the module.
pub(crate) const WHOLE_EVERY: u64 = 64;

/// Room that most told states fit into.
const USUAL_BYTES: usize = 1024;

/// What an entry keeps of the state after it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum After {
    /// All of it.
    Whole(Value),
    /// What is another than after the entry before.
    Changed(Change),
}

/// The difference of two states. Places are JSON pointers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Change {
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub set: BTreeMap<String, Value>,
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub gone: BTreeSet<String>,
}

impl Change {
    /// What makes `after` of `before`.
    pub(crate) fn between(before: &Value, after: &Value) -> Self {
        let mut change = Self::default();
        change.compare(String::new(), before, after);
        change
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.set.is_empty() && self.gone.is_empty()
    }

    fn compare(&mut self, at: String, before: &Value, after: &Value) {
        let (Value::Object(old), Value::Object(new)) = (before, after) else {
            if before != after {
                self.set.insert(at, after.clone());
            }
            return;
        };
        for key in old.keys().filter(|key| !new.contains_key(*key)) {
            self.gone.insert(below(&at, key));
        }
        for (key, value) in new {
            match old.get(key) {
                Some(before) => self.compare(below(&at, key), before, value),
                None => drop(self.set.insert(below(&at, key), value.clone())),
            }
        }
    }

    /// Makes the change. Answers `false` if there is no such place: it is a change of another state.
    pub(crate) fn apply(&self, state: &mut Value) -> bool {
        let gone = self.gone.iter().all(|at| match parent(state, at) {
            Some((parent, key)) => parent.remove(&key).is_some(),
            None => false,
        });
        gone && self.set.iter().all(|(at, value)| {
            if at.is_empty() {
                *state = value.clone();
                return true;
            }
            let place = parent(state, at);
            place.is_some_and(|(parent, key)| {
                parent.insert(key, value.clone());
                true
            })
        })
    }
}

/// The place of a member.
pub(super) fn below(at: &str, key: &str) -> String {
    format!("{at}/{}", key.replace('~', "~0").replace('/', "~1"))
}

/// The map in which a place is, and its key there.
fn parent<'v>(state: &'v mut Value, at: &str) -> Option<(&'v mut serde_json::Map<String, Value>, String)> {
    let (parent, key) = at.rsplit_once('/')?;
    let map = state.pointer_mut(parent)?.as_object_mut()?;
    Some((map, key.replace("~1", "/").replace("~0", "~")))
}

/// The part of a state that the history can tell: all but the ids of messages and orders that it remembers, which say
/// what comes twice and nothing else.
#[derive(Serialize)]
struct Told<'s> {
    number_id: &'s str,
    display_number: &'s Option<Box<str>>,
    person: &'s Person,
    last_inbound_ms: Option<u64>,
    control: &'s Control,
    bot: &'s chatbot::Snapshot,
    marketing: Option<Marketing>,
    former: &'s [Former],
    merged_into: Option<String>,
    absorbed: Vec<String>,
    referral_ms: Option<u64>,
    free_entry_until_ms: Option<u64>,
}

/// See [`Told`].
pub(crate) fn tell(state: &State) -> Telling {
    // Without `..`: who adds a field decides whether it is told.
    let State {
        number_id,
        display_number,
        person,
        aliases: _,
        last_inbound_ms,
        seen: _,
        control,
        bot,
        marketing,
        former,
        merged_into,
        absorbed,
        referral_ms,
        free_entry_until_ms,
        orders: _,
        calls: _,
        broadcasts: _,
        kept_forms: _,
        superseded: _,
        last_message: _,
        unanswered_ms: _,
    } = state;
    let told = Told {
        number_id,
        display_number,
        person,
        last_inbound_ms: *last_inbound_ms,
        control,
        bot,
        marketing: *marketing,
        former,
        merged_into: merged_into.map(|contact| contact.0.iter().map(|byte| format!("{byte:02x}")).collect()),
        absorbed: absorbed.iter().map(ToString::to_string).collect(),
        referral_ms: *referral_ms,
        free_entry_until_ms: *free_entry_until_ms,
    };
    let mut bytes = Vec::with_capacity(USUAL_BYTES);
    let mut serializer = rmp_serde::Serializer::new(&mut bytes).with_struct_map();
    told.serialize(&mut serializer).expect("own types always encode into memory");
    Telling(bytes)
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::codec;

    pub(in crate::records) fn value() -> impl Strategy<Value = Value> {
        let keys = ["a", "b/c", "d~e", "", "~1"];
        let leaf =
            prop_oneof![Just(Value::Null), any::<i64>().prop_map(Value::from), "[a/~]{0,3}".prop_map(Value::from)];
        leaf.prop_recursive(4, 24, 4, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
                prop::collection::btree_map(prop::sample::select(keys.to_vec()), inner, 0..4)
                    .prop_map(|map| map.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) })]

        #[test]
        fn a_change_makes_the_later_state_of_the_earlier_one_also_out_of_its_bytes(before in value(), after in value()) {
            let change = Change::between(&before, &after);
            prop_assert_eq!(change.is_empty(), before == after);
            let change: Change = codec::decode(&codec::encode(&change)).unwrap();
            let mut state = before;
            prop_assert!(change.apply(&mut state));
            prop_assert_eq!(state, after);
        }
    }

    #[test]
    fn a_change_of_another_state_says_so() {
        let change = Change::between(&json!({ "a": { "b": 1 } }), &json!({ "a": { "b": 2, "c": null } }));
        assert_eq!(change.set.keys().collect::<Vec<_>>(), ["/a/b", "/a/c"]);
        assert!(!change.apply(&mut json!({ "a": 1 })));
        let gone = Change::between(&json!({ "a": 1 }), &json!({}));
        assert!(!gone.apply(&mut json!({})));
    }
}
