//! Forms in a terminal: opens the newest one, fills in a screen, shows what comes next.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{Items, Talk};
use crate::cli::Exit;
use crate::cli::output::{Failed, data};

/// A form on the phone, as far as a terminal shows it.
#[derive(Deserialize)]
pub(super) struct Form {
    id: String,
    screen: String,
    data: Map<String, Value>,
    inputs: Vec<Input>,
    error_message: Option<String>,
    state: String,
    /// The message that sent it off.
    reply: Option<String>,
    problem: Option<Problem>,
}

#[derive(Deserialize)]
struct Input {
    name: String,
    kind: String,
    label: Option<String>,
    required: bool,
    options: Vec<String>,
}

#[derive(Deserialize)]
struct Problem {
    code: String,
    text: String,
    detail: String,
}

impl Talk {
    /// Opens the newest form of the phone and prints its first screen.
    pub(super) async fn open_form(&self) -> Result<Option<String>, Failed> {
        let wamid = self.newest_form().await?;
        let url = format!("{}/_sim/phones/{}/forms", self.word.phone, self.phone);
        self.show(self.call(&url, &json!({ "wamid": wamid })).await?)
    }

    /// Fills in the screen of the open form and taps its button; prints what comes. The id of the message, if that sent
    /// the form off.
    pub(super) async fn fill_form(&self, screen: &str, values: Map<String, Value>) -> Result<Option<String>, Failed> {
        let forms: Items<Form> = self.get(&format!("{}/_sim/phones/{}/forms", self.word.phone, self.phone)).await?;
        let open = forms.items.iter().find(|form| form.state == "open");
        let none = || Failed::new(Exit::NotFound, "error: no form is open: parlance say --form-open");
        let url = format!("{}/_sim/forms/{}/submit", self.word.phone, open.ok_or_else(none)?.id);
        self.show(self.call(&url, &json!({ "screen": screen, "values": values })).await?)
    }

    fn show(&self, form: Form) -> Result<Option<String>, Failed> {
        if let Some(Problem { code, text, detail }) = &form.problem {
            return Err(Failed::new(Exit::Failed, format!("{text}\n({code}: {detail})")));
        }
        if form.reply.is_none() {
            data(&render(&form));
        }
        Ok(form.reply)
    }
}

fn render(form: &Form) -> String {
    let mut lines = vec![format!("form screen {}", form.screen)];
    let mut line = |indented: String| lines.push(format!("  {indented}"));
    if let Some(message) = &form.error_message {
        line(format!("! {message}"));
    }
    form.data.iter().for_each(|(name, value)| line(format!("{name} = {value}")));
    for Input { name, kind, label, required, options } in &form.inputs {
        let label = label.as_deref().map(|label| format!(" {label:?}")).unwrap_or_default();
        let must = if *required { " required" } else { "" };
        let options = if options.is_empty() { String::new() } else { format!(": {}", options.join(", ")) };
        line(format!("[{name}]{label} {kind}{must}{options}"));
    }
    line(format!("next: parlance say --form-submit {} '{{…}}'", form.screen));
    lines.join("\n")
}
