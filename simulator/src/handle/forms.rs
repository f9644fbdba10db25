//! What a person does with a form on a phone.

use std::sync::atomic::Ordering;

use serde_json::{Map, Value, json};

use super::Handle;
use crate::endpoint::{Question, Reply, ask};
use crate::flows::FlowStatus;
use crate::flows::json::Screen;
use crate::forms::files::{Reader, attach, is_file};
use crate::forms::{Action, Form, FormProblem, FormView, SentForm, Stage, Step, apply, kill, resolve};
use crate::phone::{PhoneError, inbound};

/// What a person reads when an endpoint fails.
const SORRY: &str = "Something went wrong. Please try again later.";

impl Handle {
    /// A phone opens the form of a message; its endpoint says what comes first if the message says so. What goes wrong
    /// there is a `problem` of the form that comes back, an error only what cannot be asked at all.
    pub async fn open_form(&self, phone: usize, wamid: &str) -> Result<FormView, PhoneError> {
        let core = &*self.core;
        let found = core.phones.get(phone)?;
        let missing = || PhoneError::NoMessage { phone, wamid: wamid.to_owned() };
        found.find(wamid).ok_or_else(missing)?;
        let sent = core.forms.of_message(wamid).filter(|sent| sent.phone == phone);
        let sent = sent.ok_or_else(|| PhoneError::Invalid(format!("the message {wamid} opens no form")))?;
        self.may_open(&sent)?;
        let (number, _) = self.number(Some(&sent.phone_number_id))?;
        let first = sent.opening.first.clone();
        let mut held = core.forms.open(sent, core.keys.of(number));
        match first {
            Some((screen, data)) => held.form.show(&screen, data),
            None => self.ask_endpoint(&mut held.form, Action::Init, None).await,
        }
        Ok(self.view(&held.form))
    }

    /// A form as it is.
    pub fn form(&self, id: &str) -> Result<FormView, PhoneError> {
        Ok(self.view(&self.core.forms.get(id)?))
    }

    /// The forms of a phone, newest first.
    pub fn forms(&self, phone: usize) -> Result<Vec<FormView>, PhoneError> {
        let number = self.core.phones.get(phone)?.number;
        Ok(self.core.forms.of_phone(number).iter().map(|form| self.view(form)).collect())
    }

    /// Sends a payload to the endpoint, as a `data_exchange` action of the screen on show does.
    pub async fn exchange(&self, id: &str, screen: &str, payload: Map<String, Value>) -> Result<FormView, PhoneError> {
        let mut held = self.core.forms.take(id)?;
        offers(held.form.on(screen)?, "data_exchange")?;
        let payload = attach(&self.core, &held.form, "data_exchange", payload, Reader::Endpoint)?;
        self.ask_endpoint(&mut held.form, Action::Exchange, Some(payload)).await;
        Ok(self.view(&held.form))
    }

    /// Goes back: by the endpoint where the screen on show says so, else to the screen before.
    pub async fn back(&self, id: &str, screen: &str) -> Result<FormView, PhoneError> {
        let mut held = self.core.forms.take(id)?;
        if held.form.on(screen)?.refresh_on_back {
            self.ask_endpoint(&mut held.form, Action::Back, None).await;
        } else {
            let before = held.form.back.pop();
            let (before, data) = before.ok_or_else(|| PhoneError::NotNow("no screen is behind this one".into()))?;
            held.form.show(&before, data);
        }
        Ok(self.view(&held.form))
    }

    /// Goes to the next screen by a `navigate` action of the screen on show.
    pub fn navigate(
        &self,
        id: &str,
        screen: &str,
        next: &str,
        payload: Map<String, Value>,
    ) -> Result<FormView, PhoneError> {
        let mut held = self.core.forms.take(id)?;
        let shown = held.form.on(screen)?;
        if !shown.actions.iter().any(|a| a.name == "navigate" && a.next.as_deref() == Some(next)) {
            return Err(PhoneError::Invalid(format!("screen {screen} does not navigate to {next}")));
        }
        let target = held.form.sent.json().filter(|json| json.follows(screen, next)).and_then(|json| json.screen(next));
        let target = target.ok_or_else(|| PhoneError::Invalid(format!("screen {next} must not follow {screen}")))?;
        fits(&held.form, target, &payload)?;
        let (from, data) = (held.form.screen.clone(), held.form.data.clone());
        held.form.back.push((from, data));
        held.form.show(next, payload);
        Ok(self.view(&held.form))
    }

    /// Sends the form off by a `complete` action of the screen on show: the reply goes to the business.
    pub fn complete(&self, id: &str, screen: &str, payload: Map<String, Value>) -> Result<FormView, PhoneError> {
        let mut held = self.core.forms.take(id)?;
        let shown = held.form.on(screen)?;
        offers(shown, "complete")?;
        if !shown.terminal {
            return Err(PhoneError::Invalid(format!("screen {screen} is not terminal")));
        }
        let mut params = attach(&self.core, &held.form, "complete", payload, Reader::Reply)?;
        params.insert("flow_token".into(), json!(held.form.sent.opening.token));
        self.finish(&mut held.form, params)?;
        Ok(self.view(&held.form))
    }

    /// Fills in the screen on show and taps its button: `values` by the names of its inputs. `label` names the button
    /// where there are several. Does what the button's action does.
    pub async fn submit(
        &self,
        id: &str,
        screen: &str,
        values: Map<String, Value>,
        label: Option<&str>,
    ) -> Result<FormView, PhoneError> {
        let (action, payload) = {
            let mut held = self.core.forms.take(id)?;
            let shown = held.form.on(screen)?;
            filled(shown, &values)?;
            let action = button(shown, label)?.clone();
            held.form.values.insert(screen.to_owned(), values);
            let payload = resolve(&held.form, &action).map_err(PhoneError::Invalid)?;
            (action, payload)
        };
        match (action.name.as_str(), &action.next) {
            ("data_exchange", _) => self.exchange(id, screen, payload).await,
            ("navigate", Some(next)) => self.navigate(id, screen, next, payload),
            ("complete", _) => self.complete(id, screen, payload),
            (other, _) => Err(PhoneError::Invalid(format!("the button does {other}, which sends nothing"))),
        }
    }

    /// The person closes the form. Nobody is told.
    pub fn close_form(&self, id: &str) -> Result<FormView, PhoneError> {
        Ok(self.view(&self.core.forms.close(id)?))
    }

    fn view(&self, form: &Form) -> FormView {
        form.view(self.core.flows.get(&form.sent.opening.flow_id).map(|flow| flow.status))
    }

    fn may_open(&self, sent: &SentForm) -> Result<(), PhoneError> {
        let opening = &sent.opening;
        if sent.dead.load(Ordering::Acquire) {
            return Err(PhoneError::NotNow("this form is over: its button is disabled".into()));
        }
        let why = match self.core.flows.get(&opening.flow_id).map(|flow| flow.status) {
            None => format!("Flow {} is no longer there", opening.flow_id),
            Some(status @ (FlowStatus::Blocked | FlowStatus::Deprecated)) => {
                format!("Flow {} is {} and cannot be opened", opening.flow_id, status.name())
            }
            Some(_) if sent.json().is_none() => {
                format!("the stand-in has no Flow JSON of {}, which it knows by its name only", opening.flow_id)
            }
            Some(_) => return Ok(()),
        };
        Err(PhoneError::NotNow(why))
    }

    /// Asks the endpoint and shows what comes of it.
    async fn ask_endpoint(&self, form: &mut Form, action: Action, data: Option<Map<String, Value>>) {
        let mut question = self.question(form, action.name());
        if action != Action::Init {
            question["screen"] = json!(form.screen);
        }
        if let Some(data) = data {
            question["data"] = Value::Object(data);
        }
        match self.put(form, &question).await {
            Err(problem) => fail(form, action, problem),
            Ok(Reply::Answer(answer)) => match apply(form, action, &answer) {
                Step::Shown => {}
                Step::Finished(params) => {
                    if let Err(error) = self.finish(form, params) {
                        fail(form, action, problem("no-reply", error.to_string()));
                    }
                }
                Step::Broken(code, why) => {
                    self.report(form, action, code, &why).await;
                    fail(form, action, problem(code, why));
                }
            },
            Ok(Reply::Status(427, text)) => {
                kill(&form.sent);
                self.disable(&form.sent);
                form.stage = Stage::Closed;
                let text = text.unwrap_or_else(|| SORRY.to_owned());
                form.problem =
                    Some(FormProblem { text, is_final: true, ..problem("http_427", "the token is dead".into()) });
            }
            Ok(Reply::Status(status, _)) => {
                fail(form, action, problem(&format!("http_{status}"), format!("the endpoint answers {status}")));
            }
            Ok(Reply::Timeout) => fail(form, action, problem("timeout", "no answer in time".into())),
            Ok(Reply::Unreachable(why)) => fail(form, action, problem("no-response", why)),
            Ok(Reply::Unusable(why)) => fail(form, action, problem("response-decryption-error", why)),
        }
    }

    /// Encrypts and posts; on 421 the public key is read anew and the question sent once more.
    async fn put(&self, form: &mut Form, plaintext: &Value) -> Result<Reply, FormProblem> {
        let core = &*self.core;
        let (flow_id, number) = (form.sent.opening.flow_id.clone(), form.sent.phone_number_id.clone());
        let uri = core.flows.get(&flow_id).and_then(|flow| flow.endpoint_uri);
        let uri = uri.ok_or_else(|| problem("no-endpoint", format!("Flow {flow_id} has no endpoint_uri")))?;
        let person = core.phones.get(form.sent.phone).map(|phone| phone.key.clone()).unwrap_or_default();
        let mut tries = 0;
        loop {
            let key = match &form.key {
                Some(key) if key.valid => key.clone(),
                Some(_) => {
                    let why = "the signature of the number's public key does not match".into();
                    return Err(problem("public-key-signature-verification", why));
                }
                None => return Err(problem("public-key-missing", format!("number {number} has no public key"))),
            };
            tries += 1;
            let question = Question {
                flow_id: &flow_id,
                phone_number_id: &number,
                person: Some(&person),
                uri: &uri,
                key: &key.key,
                plaintext,
            };
            match ask(core, &question).await {
                Reply::Status(421, _) if tries == 1 => {
                    form.key = core.number(&number).and_then(|(at, _)| core.keys.of(at));
                }
                reply => return Ok(reply),
            }
        }
    }

    /// Tells the endpoint that its answer was unusable; nobody minds what it says to that.
    async fn report(&self, form: &mut Form, action: Action, code: &str, why: &str) {
        let name = if action == Action::Init { action.name() } else { Action::Exchange.name() };
        let mut question = self.question(form, name);
        if !form.screen.is_empty() {
            question["screen"] = json!(form.screen);
        }
        question["data"] = json!({ "error": code, "error_message": why });
        if let Ok(reply) = self.put(form, &question).await {
            tracing::debug!(?reply, code, "an endpoint was told that its answer cannot be used");
        }
    }

    fn question(&self, form: &Form, action: &str) -> Value {
        let json = form.sent.json();
        let version = json.and_then(|json| json.data_api_version()).unwrap_or("3.0");
        let token = &form.sent.opening.token;
        let mut question = json!({ "version": version, "action": action, "flow_token": token });
        // From data API 4.0 on the token is signed for Flow JSON 7.3.
        if version == "4.0" && json.and_then(|json| json.version()) == Some("7.3") {
            question["flow_token_signature"] = json!(self.core.poster.signed_token(token));
        }
        question
    }

    /// Sends the reply of a form that is done, and closes it.
    fn finish(&self, form: &mut Form, params: Map<String, Value>) -> Result<(), PhoneError> {
        let (_, number) = self.number(Some(&form.sent.phone_number_id))?;
        let mut told = params.clone();
        if self.core.trouble.omits_flow_token() {
            told.remove("flow_token");
        }
        let reply = json!({ "name": "flow", "body": "Sent", "response_json": Value::Object(told).to_string() });
        let message = inbound::raw(json!({
            "context": { "from": number.display_phone_number, "id": form.sent.wamid },
            "type": "interactive",
            "interactive": { "type": "nfm_reply", "nfm_reply": reply },
        }))?;
        let reply = self.write(form.sent.phone, Some(&form.sent.phone_number_id), message)?;
        (form.stage, form.problem, form.error_message) = (Stage::Done { params, reply }, None, None);
        Ok(())
    }

    fn disable(&self, sent: &SentForm) {
        if let Ok(phone) = self.core.phones.get(sent.phone) {
            phone.amend(&sent.wamid, |entry| entry.disable_forms());
        }
    }
}

fn problem(code: &str, detail: String) -> FormProblem {
    FormProblem { code: code.to_owned(), text: SORRY.to_owned(), detail, is_final: false }
}

/// A form that never showed a screen can go no further.
fn fail(form: &mut Form, action: Action, mut problem: FormProblem) {
    if action == Action::Init {
        problem.is_final = true;
        form.stage = Stage::Closed;
    }
    form.problem = Some(problem);
}

fn offers(screen: &Screen, action: &str) -> Result<(), PhoneError> {
    if screen.has(action) {
        return Ok(());
    }
    Err(PhoneError::Invalid(format!("screen {} has no {action} action", screen.id)))
}

/// A `navigate` payload is empty, or exactly what the target declares; files never go by it.
fn fits(form: &Form, target: &Screen, payload: &Map<String, Value>) -> Result<(), PhoneError> {
    let why = match () {
        () if payload.is_empty() => None,
        () => payload.keys().find_map(|key| match key {
            key if is_file(form, "navigate", key) => Some(format!("{key} is a file, which no navigate action carries")),
            key if !target.data.contains_key(key) => Some(format!("{key} is not in the data of screen {}", target.id)),
            _ => None,
        }),
    };
    let why = why.or_else(|| (!payload.is_empty()).then(|| target.refuses(payload, true)).flatten());
    why.map_or(Ok(()), |why| Err(PhoneError::Invalid(why)))
}

/// Every value belongs to an input, and no required one is left out.
fn filled(screen: &Screen, values: &Map<String, Value>) -> Result<(), PhoneError> {
    let names = || screen.fields.iter().map(|f| f.name.as_str()).collect::<Vec<_>>().join(", ");
    if let Some(odd) = values.keys().find(|name| screen.field(name).is_none()) {
        return Err(PhoneError::Invalid(format!("screen {} has no input {odd}; it has: {}", screen.id, names())));
    }
    let empty = |value: Option<&Value>| value.is_none_or(|v| v.is_null() || *v == "" || *v == json!([]) || *v == false);
    match screen.fields.iter().find(|field| field.required && empty(values.get(&field.name))) {
        Some(field) => Err(PhoneError::Invalid(format!("the input {} is required", field.name))),
        None => Ok(()),
    }
}

fn button<'a>(screen: &'a Screen, label: Option<&str>) -> Result<&'a crate::flows::json::Action, PhoneError> {
    let fits = |action: &&crate::flows::json::Action| match label {
        Some(label) => action.label.as_deref() == Some(label),
        None => action.is_footer,
    };
    let mut found = screen.actions.iter().filter(fits);
    match (found.next(), found.next()) {
        (Some(one), None) => Ok(one),
        (Some(_), Some(_)) => Err(PhoneError::Invalid("several buttons fit: name one by its label".into())),
        (None, _) => Err(PhoneError::Invalid(format!("screen {} has no such button", screen.id))),
    }
}
