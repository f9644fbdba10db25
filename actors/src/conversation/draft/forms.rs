//! What a form asks: the bot's turn for it, and what of it is kept.

use std::sync::Arc;

use chatbot::{Bot, Effect, FormRequest, FormStep, Incoming, Input};
use serde_json::json;
use storage::{Inbound, InboxSeq, NewDocument};

use super::Draft;
use crate::identity;
use crate::media::{self, Whose};
use crate::records::inbox::{InboxPayload, KeptForm};
use crate::records::{Control, HistoryInput, InputKind};

/// Forms that were finished while somebody answered in the bot's place; the oldest are forgotten.
const MAX_KEPT: usize = 16;

impl Draft<'_> {
    /// Takes what a form asks, and answers what the phone gets. A form that is finished while somebody answers in the
    /// bot's place is kept: the run goes on with it when the bot answers again.
    pub(crate) fn ask(&mut self, bot: &Arc<Bot>, request: &FormRequest) -> FormStep {
        let mut request = request.clone();
        let files = self.take_files(&mut request);
        let (seed, turn) = self.turn(bot, &Input::Form(request.clone()));
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
        let kept = KeptForm::Asked(request);
        let input = history(&kept, InboxSeq(0), self.means.now_ms);
        if matches!(step, FormStep::Finish { .. }) && !self.is_with_bot() {
            if self.keep_form(kept) {
                self.record(Some(input));
            }
        } else {
            self.apply(bot, turn, seed, Some(input));
        }
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
        let state = &self.after.state;
        let known = message.form_token().is_some_and(|token| state.bot.form_flow(token).is_some());
        if known && matches!(state.control, Control::Human { .. }) {
            self.keep_form(KeptForm::Came(Box::new(message)));
        }
    }

    /// Answers `false` if the form was finished before.
    fn keep_form(&mut self, form: KeptForm) -> bool {
        let kept = &mut self.after.state.kept_forms;
        if kept.iter().any(|kept| kept.token() == form.token()) {
            return false;
        }
        kept.push(form);
        let over = kept.len().saturating_sub(MAX_KEPT);
        kept.drain(..over);
        true
    }

    /// The bot answers again: forms that were finished meanwhile come next.
    pub(super) fn take_up_kept(&mut self) {
        let (me, now_ms) = (identity::contact_of(self.id), self.means.now_ms);
        for form in std::mem::take(&mut self.after.state.kept_forms) {
            let row = InboxPayload::Form(Box::new(form)).to(me, &self.partition(), now_ms);
            self.append.push(row);
        }
    }

    /// Takes a form that was kept. The phone has its answer.
    pub(super) fn kept_form(&mut self, seq: InboxSeq, row: &Inbound, form: KeptForm, bot: Option<&Arc<Bot>>) {
        let Some(bot) = bot else {
            self.keep_form(form);
            return;
        };
        let input = history(&form, seq, row.received_ms);
        let form = match form {
            KeptForm::Asked(request) => Input::Form(request),
            KeptForm::Came(message) => Input::Message(*message),
        };
        self.run(bot, &form, Some(input));
    }
}

/// What the history keeps of a form: not what came of calls, and not the token.
fn history(form: &KeptForm, seq: InboxSeq, received_ms: u64) -> HistoryInput {
    let raw = match form {
        KeptForm::Asked(request) => {
            json!({ "action": request.action.name(), "screen": request.screen, "data": request.data })
        }
        KeptForm::Came(message) => json!({ "action": "message", "wamid": message.wamid }),
    };
    HistoryInput { seq, received_ms, sent_ms: None, raw: raw.to_string().into(), kind: InputKind::Form }
}
