//! A run as it was at an earlier time, taken up again as a new one.

use super::{Form, Snapshot};
use crate::turn::run_id;

impl Snapshot {
    /// Takes up the run that there was `away_ms` ago, under an id of its own; without one, this one's is over. What is
    /// known of the person stays: variables of the contact, labels, what they agreed to.
    pub fn rewind(&mut self, then: Snapshot, away_ms: u64, seed: u64) {
        let awaited = then.run.as_ref().and_then(|run| run.wait.as_ref()?.form.clone());
        self.burst = None;
        self.run = then.run;
        self.learn_form(then.forms, awaited.as_deref());
        self.be_another_run(away_ms, seed);
    }

    /// Becomes a copy of what another conversation was `away_ms` ago, with a run of its own. Forms stay where they are:
    /// each belongs to one conversation.
    pub fn become_copy(&mut self, then: Snapshot, away_ms: u64, seed: u64) {
        let Snapshot { run, contact, person, .. } = then;
        *self = Snapshot { run, contact, person, burst: None, forms: Vec::new(), ..std::mem::take(self) };
        self.be_another_run(away_ms, seed);
    }

    fn learn_form(&mut self, then: Vec<Form>, awaited: Option<&str>) {
        let known = |form: &Form| self.forms.iter().any(|known| known.token == form.token);
        let form = then.into_iter().find(|form| awaited == Some(form.token.as_str()) && !known(form));
        self.forms.extend(form);
    }

    fn be_another_run(&mut self, away_ms: u64, seed: u64) {
        if let Some(run) = &mut self.run {
            run.id = run_id(seed, 0);
        }
        self.push_back(away_ms);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn state(run: &str, contact: &str) -> Snapshot {
        serde_json::from_value(json!({
            "run": { "id": run, "bot": "b", "version": "v", "started_ms": 1, "turns": 2,
                     "vars": { "at": run }, "wait": { "node": run, "timeout_ms": 100 } },
            "contact": { "who": contact },
        }))
        .unwrap()
    }

    #[test]
    fn a_run_is_taken_up_under_another_id_and_the_person_stays_who_they_are() {
        let mut now = state("later", "now");
        now.rewind(state("earlier", "then"), 50, 7);
        assert_ne!(now.run_id(), Some("earlier"));
        assert_eq!((now.node(), now.wake_ms()), (Some("earlier"), Some(150)));
        assert_eq!(now.variables(), json!({ "at": "earlier", "who": "now" }));
        now.rewind(Snapshot::default(), 50, 7);
        assert_eq!((now.run_id(), now.variables()), (None, json!({ "who": "now" })));
    }

    #[test]
    fn a_copy_is_the_other_one_but_for_its_forms() {
        let mut copy = state("own", "own");
        let mut then = state("theirs", "theirs");
        then.forms = vec![Form { token: "secret".to_owned(), ..Form::default() }];
        copy.become_copy(then, 0, 1);
        assert_eq!(copy.variables(), json!({ "at": "theirs", "who": "theirs" }));
        assert!(copy.forms.is_empty());
    }
}
