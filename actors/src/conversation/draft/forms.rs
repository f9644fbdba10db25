//! What a form asks: the bot's turn for it, and what of it is kept.

use std::sync::Arc;

use chatbot::{Bot, Effect, FormAction, FormRequest, FormStep, Incoming, Input};
use serde_json::{Value, json};
use storage::{Inbound, InboxSeq, NewDocument};

use super::Draft;
use crate::identity;
use crate::media::{self, Whose};
use crate::records::inbox::InboxPayload;
use crate::records::{Control, HistoryInput, InputKind};

/// Characters of what a phone tells of an error that the history keeps.
const MAX_NOTICE: usize = 200;

impl Draft<'_> {
    /// Takes what a form asks, and answers what the phone gets. Of one that ends while somebody answers in the bot's
    /// place the end is kept: the run goes on with it when the bot answers again.
    pub(crate) fn ask(&mut self, bot: &Arc<Bot>, request: &FormRequest) -> FormStep {
        let mut request = request.clone();
        let files = self.take_files(&mut request);
        let input = Input::Form(request);
        let (seed, turn) = self.turn(bot, &input);
        let turn = match turn {
            Ok(turn) => turn,
            Err(error) => return FormStep::Refused { why: error.to_string() },
        };
        let step = turn.effects.iter().find_map(Effect::form).cloned();
        let step = step.unwrap_or_else(|| FormStep::Refused { why: "the bot gives no answer".to_owned() });
        if !turn.changed || matches!(step, FormStep::Call { .. }) {
            return step;
        }
        self.noted.wants_file |= !files.is_empty();
        self.documents.extend(files);
        let history = match &input {
            Input::Form(request) => Some(history(asked(request), InboxSeq(0), self.means.now_ms)),
            _ => None,
        };
        self.apply(bot, turn, seed, history);
        step
    }

    /// Files that were filled in become references, and wanted.
    fn take_files(&self, request: &mut FormRequest) -> Vec<NewDocument> {
        let (secret, now_ms) = (&self.means.secret, self.means.now_ms);
        let number_id = &self.after.state.number_id;
        media::take(&mut request.data, Whose { secret, number_id, conversation: self.id, now_ms })
    }

    /// A form came back in a message while somebody answers in the bot's place.
    pub(super) fn keep_reply(&mut self, message: Incoming) {
        let state = &mut self.after.state;
        let known = message.form_token().is_some_and(|token| state.bot.form_flow(token).is_some());
        if known && matches!(state.control, Control::Human { .. }) {
            state.keep_form(message);
        }
    }

    /// The bot answers again: forms that came meanwhile are next.
    pub(super) fn take_up_kept(&mut self) {
        let (me, now_ms) = (identity::contact_of(self.id), self.means.now_ms);
        for message in std::mem::take(&mut self.after.state.kept_forms) {
            let row = InboxPayload::Form(Box::new(message)).to(me, &self.partition(), now_ms);
            self.append.push(row);
        }
    }

    /// Takes a form that was kept.
    pub(super) fn kept_form(&mut self, seq: InboxSeq, row: &Inbound, message: Incoming, bot: Option<&Arc<Bot>>) {
        let Some(bot) = bot else {
            self.after.state.keep_form(message);
            return;
        };
        let came = json!({ "action": "message", "wamid": message.wamid });
        let input = history(came, seq, row.received_ms);
        self.run(bot, &Input::Message(message), Some(input));
    }
}

/// What the history keeps of what a form asks: not what came of calls, not the token, and of an error what it is.
fn asked(request: &FormRequest) -> Value {
    let FormRequest { action, screen, data, .. } = request;
    let text = |key: &str| data[key].as_str().map(|text| text.chars().take(MAX_NOTICE).collect::<String>());
    let data = match action {
        FormAction::Error => json!({ "error": text("error"), "error_message": text("error_message") }),
        _ => data.clone(),
    };
    json!({ "action": action.name(), "screen": screen, "data": data })
}

fn history(raw: Value, seq: InboxSeq, received_ms: u64) -> HistoryInput {
    HistoryInput { seq, received_ms, sent_ms: None, raw: raw.to_string().into(), kind: InputKind::Form }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_notice_the_history_keeps_the_beginning_of_what_it_says() {
        let request = FormRequest {
            token: "secret".to_owned(),
            action: FormAction::Error,
            screen: Some("A".to_owned()),
            data: json!({ "error": "e", "error_message": "m".repeat(9_000), "more": "n".repeat(9_000) }),
            digest: String::new(),
            results: Vec::new(),
            late: false,
        };
        let data = json!({ "error": "e", "error_message": "m".repeat(MAX_NOTICE) });
        assert_eq!(asked(&request), json!({ "action": "error", "screen": "A", "data": data }));
    }
}
