//! What happens to a conversation's state from outside of turns: two become one, and time stands still for one.

use super::{Snapshot, form};

impl Snapshot {
    /// Takes in the state of another conversation of the same person. Its run goes on here if there is none, or if
    /// `take_run` says so; contact variables and fields that both
    /// have keep this one's value, of consent the latest word holds.
    pub fn absorb(&mut self, other: Snapshot, take_run: bool) {
        for (name, value) in other.contact {
            self.contact.entry(name).or_insert(value);
        }
        for (name, value) in other.person.fields {
            self.person.fields.entry(name).or_insert(value);
        }
        self.person.labels.extend(other.person.labels);
        for (purpose, theirs) in other.person.consent {
            let ours = self.person.consent.entry(purpose).or_insert(theirs);
            if theirs.at_ms > ours.at_ms {
                *ours = theirs;
            }
        }
        if other.run.is_some() && (self.run.is_none() || take_run) {
            self.run = other.run;
        }
        self.burst = self.burst.take().or(other.burst);
        self.wrote_ms = self.wrote_ms.max(other.wrote_ms);
        for (name, due_ms) in other.timed {
            self.timed.entry(name).or_insert(due_ms);
        }
        let awaited = self.run.as_ref().and_then(|run| run.wait.as_ref()?.form.as_deref());
        form::keep(&mut self.forms, other.forms, awaited);
        if other.last.is_some() && (self.last.is_none() || take_run) {
            self.last = other.last;
        }
    }

    /// Pushes everything that the run waits for into the future: for `by_ms` nobody could answer the bot.
    pub fn push_back(&mut self, by_ms: u64) {
        let Some(run) = &mut self.run else { return };
        let awaited = run.wait.as_ref().and_then(|wait| wait.form.as_deref());
        let form = self.forms.iter_mut().find(|form| awaited == Some(form.token.as_str()));
        if let Some(until_ms) = form.and_then(|form| form.until_ms.as_mut()) {
            *until_ms = until_ms.saturating_add(by_ms);
        }
        let wait = run.wait.as_mut().map(|wait| [&mut wait.timeout_ms, &mut wait.idle_ms]);
        for time_ms in wait.into_iter().flatten().chain([&mut run.expires_ms]).flatten() {
            *time_ms = time_ms.saturating_add(by_ms);
        }
    }

    /// Somebody else answers from now on: also the texts that waited for more, which they see.
    pub fn leave_texts(&mut self) {
        self.burst = None;
    }

    /// The person has written since a bot was last asked, if that is so.
    pub fn person_wrote(&mut self, at_ms: Option<u64>, now_ms: u64) {
        if let Some(at_ms) = at_ms {
            self.set_wrote(at_ms, now_ms);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::snapshot::Form;

    fn snapshot(run: &str, contact: Value) -> Snapshot {
        let run = json!({
            "id": run, "bot": "b", "version": "v", "started_ms": 0, "turns": 1, "expires_ms": 900,
            "wait": { "node": "n", "timeout_ms": 100, "idle_ms": 200 },
        });
        serde_json::from_value(json!({ "run": run, "contact": contact })).unwrap()
    }

    #[test]
    fn the_run_that_goes_on_is_the_only_one_or_the_one_that_is_asked_for() {
        let other = snapshot("theirs", json!({ "a": 1, "b": 2 }));
        let mut empty = Snapshot::default();
        empty.absorb(other.clone(), false);
        assert_eq!(empty, other);

        let mut own = snapshot("own", json!({ "a": 0 }));
        own.absorb(other.clone(), false);
        assert_eq!((own.run_id(), own.variables()), (Some("own"), json!({ "a": 0, "b": 2 })));
        own.absorb(other, true);
        assert_eq!(own.run_id(), Some("theirs"));
    }

    #[test]
    fn pushing_back_moves_every_time() {
        let mut state = snapshot("r", json!({}));
        state.push_back(50);
        let (wait, expires_ms) = state.run.as_ref().map(|run| (run.wait.clone().unwrap(), run.expires_ms)).unwrap();
        assert_eq!((wait.timeout_ms, wait.idle_ms, expires_ms), (Some(150), Some(250), Some(950)));
        Snapshot::default().push_back(50);
    }

    #[test]
    fn pushing_back_keeps_the_form_open_that_is_waited_for_and_no_other() {
        let mut state = snapshot("r", json!({}));
        let sent = |token: &str| Form { token: token.to_owned(), until_ms: Some(100), ..Form::default() };
        state.forms = vec![sent("before"), sent("awaited")];
        state.run.as_mut().and_then(|run| run.wait.as_mut()).unwrap().form = Some("awaited".to_owned());
        state.push_back(50);
        assert_eq!(state.forms.iter().map(|form| form.until_ms).collect::<Vec<_>>(), [Some(100), Some(150)]);
    }

    #[test]
    fn of_the_forms_of_two_the_oldest_are_forgotten_and_never_the_one_that_is_waited_for() {
        let sent = |sent_ms: u64| Form { token: sent_ms.to_string(), sent_ms, ..Form::default() };
        let most = crate::caps::MAX_OPEN_FORMS as u64;
        let mut own = snapshot("own", json!({}));
        own.forms = (0..most).map(|n| sent(2 * n)).collect();
        own.run.as_mut().and_then(|run| run.wait.as_mut()).unwrap().form = Some("0".to_owned());
        let other = Snapshot { forms: (0..most).map(|n| sent(2 * n + 1)).collect(), ..Snapshot::default() };
        own.absorb(other, false);
        let kept: Vec<u64> = own.forms.iter().map(|form| form.sent_ms).collect();
        assert_eq!(kept, [0].into_iter().chain(most + 1..2 * most).collect::<Vec<_>>());
    }
}
