//! Makes what an importer wrote look as an author would write it: jumps that only pass on are gone, a
//! message before a silent question is its prompt, and what nothing leads to is left out.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::draft::{Draft, END, targets};

/// The prompt of a question whose words were said before.
pub(super) const SILENT: &str = "";

impl Draft {
    pub(super) fn tidy(&mut self) {
        self.skip_jumps();
        self.merge_prompts();
        self.leave_out_unreached();
    }

    /// Whoever leads to a `goto` leads to where that leads.
    fn skip_jumps(&mut self) {
        let jumps: BTreeMap<String, String> = self
            .nodes
            .iter()
            .filter(|(_, node)| node["type"] == "goto")
            .filter_map(|(id, node)| Some((id.clone(), node["to"].as_str()?.to_owned())))
            .collect();
        let last = |from: &str| {
            let mut seen = BTreeSet::new();
            let mut at = from.to_owned();
            while let Some(to) = jumps.get(&at).filter(|_| seen.insert(at.clone())) {
                at.clone_from(to);
            }
            // A circle of jumps stays one.
            if jumps.contains_key(&at) { from.to_owned() } else { at }
        };
        self.each_target(|to| *to = last(to));
        let circles: BTreeSet<String> = jumps.keys().filter(|id| last(id) == **id).cloned().collect();
        self.nodes.retain(|id, _| !jumps.contains_key(id) || circles.contains(id));
    }

    /// A `say` that alone leads to a silent question gives it its last message.
    fn merge_prompts(&mut self) {
        let mut sources: BTreeMap<String, usize> = BTreeMap::new();
        self.each_target(|to| *sources.entry(to.clone()).or_default() += 1);
        let pairs: Vec<(String, String)> = self
            .nodes
            .iter()
            .filter(|(_, node)| node["type"] == "say")
            .filter_map(|(id, node)| Some((id.clone(), node["next"]["next"].as_str()?.to_owned())))
            .filter(|(_, to)| sources.get(to) == Some(&1))
            .collect();
        for (say, question) in pairs {
            let Some(message) = self.prompt_for(&say, &question) else { continue };
            let Some(Value::Array(messages)) = self.nodes.get_mut(&say).and_then(|node| node.get_mut("messages"))
            else {
                continue;
            };
            messages.pop();
            let whole = messages.is_empty();
            if let Some(node) = self.nodes.get_mut(&question) {
                node["prompt"] = message;
            }
            if whole && let Some(node) = self.nodes.remove(&question) {
                self.nodes.insert(say.clone(), node);
                self.each_target(|to| {
                    if *to == question {
                        to.clone_from(&say);
                    }
                });
            }
        }
    }

    /// The last message of a `say`, if it can be the prompt of this question.
    fn prompt_for(&self, say: &str, question: &str) -> Option<Value> {
        let node = self.nodes.get(question)?;
        if node["prompt"].as_str() != Some(SILENT) || say == question {
            return None;
        }
        let message = self.nodes.get(say)?["messages"].as_array()?.last()?;
        (node["type"] == "ask").then(|| match message.get("text") {
            Some(text) if message.as_object().is_some_and(|keys| keys.len() == 1) => text.clone(),
            _ => message.clone(),
        })
    }

    fn leave_out_unreached(&mut self) {
        let mut open: Vec<String> = Vec::new();
        let mut starts = self.triggers.clone();
        starts.iter_mut().for_each(|trigger| targets(trigger, &mut |to| open.push(to.clone())));
        if let Some(to) = self.policies.get("on_idle").and_then(Value::as_str) {
            open.push(to.to_owned());
        }
        let mut seen = BTreeSet::new();
        while let Some(id) = open.pop() {
            if seen.insert(id.clone())
                && let Some(node) = self.nodes.get(&id)
            {
                targets(&mut node.clone(), &mut |to| open.push(to.clone()));
            }
        }
        let gone: Vec<String> = self.nodes.keys().filter(|id| !seen.contains(*id)).cloned().collect();
        for id in gone {
            self.nodes.remove(&id);
            if self.is_told_when_gone(&id) {
                self.changes.at(&id, "nothing leads here; the node is left out");
            }
        }
        let nodes = &self.nodes;
        let texts: String = nodes.values().map(Value::to_string).collect();
        for keys in self.i18n.values_mut() {
            keys.retain(|key, _| texts.contains(&format!("t('{key}')")));
        }
        self.i18n.retain(|_, keys| !keys.is_empty());
    }

    /// Every node that a node or trigger names, except the silent questions' own.
    fn each_target(&mut self, mut f: impl FnMut(&mut String)) {
        for part in self.nodes.values_mut().chain(&mut self.triggers) {
            targets(part, &mut f);
        }
    }
}

/// A question with what it saves, that says nothing itself.
pub(super) fn silent_ask(save: &str) -> Value {
    json!({ "type": "ask", "prompt": SILENT, "expect": "any", "save": save, "next": { "ok": END } })
}
