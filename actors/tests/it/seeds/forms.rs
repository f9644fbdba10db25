//! What came of forms, and what may not have.

use std::collections::BTreeSet;

use actors::view::SendView;

/// How long a form is open.
const OPEN_MS: u64 = 10 * 60_000;

#[derive(Default)]
pub(super) struct Forms {
    /// Rows of forms whose phones were told that they are done, and of those that came back by webhook.
    pub finished: BTreeSet<String>,
    pub returned: BTreeSet<String>,
    /// People for whom staff may have heard what the bot did not.
    pub taken_over: BTreeSet<u32>,
    /// Answers that no phone may get.
    pub odd: Vec<String>,
}

impl Forms {
    /// What a phone makes of an answer.
    pub(super) fn heard(&mut self, heard: Result<Option<String>, String>) {
        match heard {
            Ok(done) => self.finished.extend(done),
            Err(odd) => self.odd.push(odd),
        }
    }

    /// Each form that a bot has sent is waited for until it is done or its time is over, and counts once.
    pub(super) fn check(&self, person: u32, rows: &[SendView], wrong: &mut Vec<String>) {
        let (mut open, mut booked): (Option<&SendView>, usize) = (None, 0);
        for row in rows {
            let (word, rest) = row.text.split_once(' ').unwrap_or_default();
            match word {
                "form" => {
                    if let Some(before) = open.replace(row) {
                        wrong.push(format!("{} is sent while {} is open", row.id, before.id));
                    }
                }
                "booked" => {
                    booked += 1;
                    let id = open.take().map(|open| open.id.as_str()).unwrap_or_default();
                    if rest != format!("{booked} {id}") {
                        wrong.push(format!("`{}` where {id:?} is open, and {booked} are booked with it", row.text));
                    }
                }
                "over" | "unsent" => {
                    let Some(form) = open.take() else {
                        wrong.push(format!("{} is {word} without a form", row.id));
                        continue;
                    };
                    if word == "over" && row.created_ms < form.created_ms + OPEN_MS {
                        wrong.push(format!("{} is over too soon", form.id));
                    }
                    if self.finished.contains(&form.id) {
                        wrong.push(format!("{} is {word}, and its phone was told that it is done", form.id));
                    }
                }
                _ => {}
            }
        }
        self.check_open(person, open, wrong);
    }

    /// Nothing came of this one until the end.
    fn check_open(&self, person: u32, open: Option<&SendView>, wrong: &mut Vec<String>) {
        let Some(open) = open else { return };
        let came_back = self.returned.contains(&open.id) && !self.taken_over.contains(&person);
        if came_back || self.finished.contains(&open.id) {
            wrong.push(format!("{} came back, and the bot waits for it", open.id));
        }
    }
}
