//! Forms that were sent: until they come back, and for a while after it, so that nothing of them is done twice.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::Vars;
use crate::caps;
use crate::expr::scope::json_bytes;
use crate::form::FormStep;

/// A form on the person's phone.
#[derive(Serialize, Deserialize, Clone, Default, PartialEq, Debug)]
#[serde(default)]
pub(crate) struct Form {
    /// What comes back with it, and what its requests have.
    pub(crate) token: String,
    /// The bot's name for the Flow.
    pub(crate) flow: String,
    pub(crate) sent_ms: u64,
    /// The run and the node that wait for it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) run: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) node: String,
    /// When it is over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) until_ms: Option<u64>,
    /// The screens on the way to the one that the phone shows, which is the last.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) shown: Vec<Shown>,
    /// What its handlers have set that is no variable.
    #[serde(skip_serializing_if = "Vars::is_empty")]
    pub(crate) locals: Vars,
    /// The requests that were answered, by a number made of their digests.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) answered: Vec<u64>,
    /// The last of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) last: Option<Box<Last>>,
    /// A screen of it was filled in.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) submitted: bool,
    /// How often the phone could not use an answer.
    #[serde(skip_serializing_if = "super::is_zero")]
    pub(crate) unusable: u32,
    /// It has come back.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) done: bool,
}

/// A screen, and the data with which it was shown.
#[derive(Serialize, Deserialize, Clone, PartialEq, Debug)]
pub(crate) struct Shown {
    pub(crate) screen: String,
    pub(crate) data: Value,
}

/// A request, and what it was answered.
#[derive(Serialize, Deserialize, Clone, PartialEq, Debug)]
pub(crate) struct Last {
    pub(crate) digest: String,
    /// Of what was asked, without its encryption, if it was the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) asked: Option<u64>,
    pub(crate) answer: Answered,
}

/// An answer.
#[derive(Serialize, Deserialize, Clone, PartialEq, Debug)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Answered {
    /// The last of the screens, with this in its data beside what was remembered.
    Screen(Map<String, Value>),
    /// The end.
    Finish(Value),
}

impl Form {
    /// The answer that this very request got, if it was the last one.
    pub(crate) fn repeat(&self, digest: &str) -> Option<FormStep> {
        let last = self.last.as_ref().filter(|last| last.digest == digest)?;
        match &last.answer {
            Answered::Finish(params) => Some(FormStep::Finish { params: params.clone() }),
            Answered::Screen(extra) => {
                let Shown { screen, data } = self.shown.last()?;
                Some(FormStep::Answer { screen: screen.clone(), data: with(data, extra) })
            }
        }
    }

    /// What came with the end, if the form ended by a request that was the same but for its encryption.
    pub(crate) fn ended_by(&self, asked: u64) -> Option<Value> {
        let same = self.last.as_ref().is_some_and(|last| last.asked == Some(asked));
        self.end().filter(|_| same).cloned()
    }

    /// What came with the end, if it ended at its endpoint.
    fn end(&self) -> Option<&Value> {
        match &self.last.as_ref()?.answer {
            Answered::Finish(params) => Some(params),
            Answered::Screen(_) => None,
        }
    }

    /// The data with which a screen was shown last.
    pub(crate) fn remembers(&self, screen: &str) -> Option<&Value> {
        self.shown.iter().rev().find(|shown| shown.screen == screen).map(|shown| &shown.data)
    }

    /// The screen before another one; before one that is not remembered comes the last.
    pub(crate) fn before(&self, screen: Option<&str>) -> Option<&Shown> {
        match self.shown.iter().position(|shown| Some(shown.screen.as_str()) == screen) {
            Some(at) => self.shown.get(at.checked_sub(1)?),
            None => self.shown.last(),
        }
    }

    /// The phone shows this now. A screen that was on the way already is come back to.
    pub(crate) fn show(&mut self, screen: &str, data: Value) {
        if let Some(at) = self.shown.iter().position(|shown| shown.screen == screen) {
            self.shown.truncate(at);
        }
        self.shown.push(Shown { screen: screen.to_owned(), data });
        let over = self.shown.len().saturating_sub(caps::MAX_FORM_SCREENS);
        self.shown.drain(..over);
        let mut bytes: usize = self.shown.iter().map(|shown| json_bytes(&shown.data)).sum();
        while self.shown.len() > 1 && bytes > caps::MAX_FORM_MEMORY_BYTES {
            bytes -= json_bytes(&self.shown.remove(0).data);
        }
    }

    /// It is over: what was for its screens is not needed any more.
    fn forget(&mut self) {
        self.shown = Vec::new();
        self.locals = Vars::new();
    }
}

pub(crate) fn with(data: &Value, extra: &Map<String, Value>) -> Value {
    let mut data = data.as_object().cloned().unwrap_or_default();
    data.extend(extra.clone());
    Value::Object(data)
}

/// Notes forms in the order in which they were sent; the oldest ones are forgotten, but not the one that is waited for.
pub(crate) fn keep(forms: &mut Vec<Form>, more: Vec<Form>, awaited: Option<&str>) {
    forms.extend(more);
    forms.sort_by_key(|form| form.sent_ms);
    let mut over = forms.len().saturating_sub(caps::MAX_OPEN_FORMS);
    forms.retain(|form| {
        let forgotten = over > 0 && Some(form.token.as_str()) != awaited;
        over -= usize::from(forgotten);
        !forgotten
    });
}

/// The form that is waited for, if it ended at its endpoint and the run has yet to go on, and what came with the end.
pub(crate) fn ended<'f>(forms: &'f [Form], awaited: Option<&str>) -> Option<(&'f Form, &'f Value)> {
    let form = forms.iter().find(|form| form.done && Some(form.token.as_str()) == awaited)?;
    Some((form, form.end()?))
}

/// Ends of forms whose answer may be asked for again.
const KEPT_ENDS: usize = 2;

/// Forgets what only the form that is waited for needs. Of the last ones that are done the end is kept, in case that the
/// answer was lost on its way.
pub(crate) fn settle(forms: &mut [Form], awaited: Option<&str>) {
    let mut ends = 0;
    for form in forms.iter_mut().rev().filter(|form| Some(form.token.as_str()) != awaited) {
        form.forget();
        let is_end = form.last.as_ref().is_some_and(|last| matches!(last.answer, Answered::Finish(_)));
        ends += usize::from(is_end);
        if !is_end || ends > KEPT_ENDS {
            form.last = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn form(screens: &[&str]) -> Form {
        let mut form = Form::default();
        screens.iter().for_each(|screen| form.show(screen, json!({ "of": screen })));
        form
    }

    fn names(form: &Form) -> Vec<&str> {
        form.shown.iter().map(|shown| shown.screen.as_str()).collect()
    }

    #[test]
    fn going_back_forgets_what_came_after() {
        let mut form = form(&["A", "B", "C"]);
        assert_eq!(form.before(Some("C")).unwrap().screen, "B");
        assert_eq!(form.before(Some("A")), None);
        assert_eq!(form.before(Some("X")).unwrap().screen, "C");
        form.show("A", json!({}));
        assert_eq!(names(&form), ["A"]);
    }

    #[test]
    fn memory_is_bounded_and_the_last_screen_stays() {
        let large = json!({ "text": "x".repeat(caps::MAX_FORM_ANSWER_BYTES - 100) });
        let mut form = form(&["A"]);
        ["B", "C"].iter().for_each(|screen| form.show(screen, large.clone()));
        assert_eq!(names(&form), ["C"]);
        for n in 0..2 * caps::MAX_FORM_SCREENS {
            form.show(&format!("S{n}"), json!({}));
        }
        assert_eq!(form.shown.len(), caps::MAX_FORM_SCREENS);
    }

    #[test]
    fn of_forms_that_are_over_only_the_last_ends_are_kept() {
        let end = |digest: &str| {
            let answer = Answered::Finish(json!({}));
            Some(Box::new(Last { digest: digest.to_owned(), asked: None, answer }))
        };
        let mut forms: Vec<Form> =
            (0..4).map(|n| Form { token: n.to_string(), last: end("d"), ..form(&["A"]) }).collect();
        settle(&mut forms, Some("3"));
        assert_eq!(forms.iter().map(|form| form.last.is_some()).collect::<Vec<_>>(), [false, true, true, true]);
        assert_eq!(forms.iter().map(|form| form.shown.len()).collect::<Vec<_>>(), [0, 0, 0, 1]);
    }
}
