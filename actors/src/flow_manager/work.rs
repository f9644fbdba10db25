//! One Flow on its way to what a bot wants: each change is noted, asked for, looked at, and noted again.

use storage::StoreError;
use whatsapp::graph::{CallError, FlowRefusal, FlowStatus, NewFlow, RemoteFlow, ValidationError};

use super::FlowManager;
use super::book::Change;
use super::events;
use super::plan::{Step, change_of};
use super::record::{Begun, Flow, Place, Pushed};
use super::wanted::WantedFlow;
use crate::numbers::Account;

/// Versions of a name that are tried for a new Flow in the place of one that does not change.
const MAX_VERSIONS: usize = 1_000;

/// Why a step was not done.
#[derive(Debug, thiserror::Error)]
pub(super) enum StepError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Call(#[from] CallError),
    /// Meta found so much wrong with the JSON.
    #[error("Meta found {0} in the Flow JSON")]
    Findings(String),
    #[error("{0}")]
    Stuck(String),
}

/// See the module.
pub(super) struct Work<'m> {
    pub manager: &'m FlowManager,
    pub account: &'m Account,
    pub wanted: Option<&'m WantedFlow>,
    pub place: Place,
    pub flow: Option<Flow>,
}

impl<'m> Work<'m> {
    /// Does one step. Doing one again that was done is harmless.
    pub(super) async fn step(&mut self, step: Step) -> Result<(), StepError> {
        let outcome = match step {
            Step::Create => self.create().await,
            Step::Adopt => self.adopt().await,
            Step::Clone => self.clone_away().await,
            Step::Metadata => self.metadata().await,
            Step::Json => self.json().await,
            Step::Publish => self.publish().await,
            Step::Deprecate => self.deprecate().await,
            Step::Delete => self.delete().await,
        };
        let failure = outcome.as_ref().err().map(ToString::to_string);
        events::stepped(&self.manager.parts.metrics, &self.account.id, &self.place.name, step, failure.as_deref());
        if let (Some(why), Err(error)) = (failure, &outcome) {
            self.give_up(why, error).await?;
        }
        outcome
    }

    /// An upload that was done and not noted: what Meta has is what the file has, so it was given by us. What Meta does not
    /// like about it is what it says now.
    pub(super) async fn agree(&mut self) -> Result<(), StoreError> {
        let Some((digest, flow)) = self.wanted.and_then(WantedFlow::digest).zip(self.flow.as_ref()) else {
            return Ok(());
        };
        let ours = self.place.id.as_deref() == Some(&*flow.remote.id);
        let noted = self.place.pushed.as_ref().is_some_and(|pushed| pushed.json == digest);
        let current = noted && self.place.findings == flow.remote.validation_errors;
        if !ours || current || flow.json.as_ref() != Some(&digest) {
            return Ok(());
        }
        if !noted {
            self.place.pushed = Some(Pushed { json: digest, at_ms: self.manager.now_ms() });
        }
        self.place.findings.clone_from(&flow.remote.validation_errors);
        let change = Change { places: vec![self.place.clone()], ..Change::default() };
        self.manager.write(change).await
    }

    /// An edit in place took it out of use, and it did not come back.
    pub(super) async fn out_of_use(&mut self, why: &str) -> Result<(), StoreError> {
        events::out_of_use(&self.account.id, &self.place.name, why);
        (self.place.problem, self.place.out_of_use) = (Some(why.to_owned()), true);
        let change = Change { places: vec![self.place.clone()], ..Change::default() };
        self.manager.write(change).await
    }

    async fn create(&mut self) -> Result<(), StepError> {
        let wanted = self.wanted()?;
        let new = NewFlow { name: wanted.name.to_string(), ..self.described(wanted) };
        self.make(Step::Create, new).await
    }

    async fn adopt(&mut self) -> Result<(), StepError> {
        let flow = self.flow()?;
        self.place.made_here = self.place.was_making(&flow.remote.name);
        let there = |id: &str| self.manager.book.read().flow(&self.account.id, id).is_some_and(|flow| flow.is_there());
        self.place.id = self.place.id.take().filter(|id| there(id));
        self.place.stand(&flow.remote.id);
        self.place.pushed = flow.json.map(|json| Pushed { json, at_ms: self.manager.now_ms() });
        // What was begun and is not complete has Meta's sample in it, or the JSON of the one that it takes the place of.
        if self.place.made_here {
            self.place.pushed = None;
        }
        self.done().await
    }

    /// A new draft takes the place of a Flow that Meta lets be as it is, with the content that the bot wants.
    async fn clone_away(&mut self) -> Result<(), StepError> {
        let (wanted, old) = (self.wanted()?, self.flow()?);
        let noted = self.place.begun.as_ref().filter(|begun| begun.step == Step::Clone);
        let name = noted.and_then(|begun| begun.new_name.as_deref()).map(str::to_owned);
        let name = name.map_or_else(|| self.free_name(&wanted.name), Ok)?;
        let mut new = NewFlow { name, clone_of: Some(old.remote.id.clone()), ..self.described(wanted) };
        if new.endpoint_uri.is_none() {
            new.endpoint_uri.clone_from(&old.remote.endpoint_uri);
        }
        if wanted.categories.is_none() {
            new.categories = old.remote.categories;
        }
        self.make(Step::Clone, new).await
    }

    fn described(&self, wanted: &WantedFlow) -> NewFlow {
        let categories = wanted.categories.clone().filter(|categories| !categories.is_empty());
        NewFlow {
            categories: categories.unwrap_or_else(|| vec![whatsapp::graph::FlowCategory::AnythingElse]),
            endpoint_uri: wanted.endpoint.clone(),
            ..NewFlow::default()
        }
    }

    fn free_name(&self, name: &str) -> Result<String, StepError> {
        let book = self.manager.book.read();
        let mut names = (2..MAX_VERSIONS).map(|version| format!("{name}_v{version}"));
        let free = names.find(|name| book.named(&self.account.id, name).is_none());
        free.ok_or_else(|| {
            StepError::Stuck(format!("there are {MAX_VERSIONS} versions of {name}: give it another name"))
        })
    }

    async fn make(&mut self, step: Step, new: NewFlow) -> Result<(), StepError> {
        self.begin(step, Some(new.name.as_str().into())).await?;
        let id = match self.manager.parts.meta.create(self.account, &new).await {
            Ok(created) => created.id,
            Err(error) => self.made_anyway(&new.name, error).await?,
        };
        if step == Step::Create {
            // What stood there is gone.
            self.place.id = None;
        }
        self.place.stand(&id);
        self.place.made_here = true;
        self.place.pushed = None;
        self.place.findings.clear();
        let remote = self.manager.parts.meta.details(self.account, &id, false).await;
        let remote = remote.unwrap_or_else(|_| draft(&id, &new));
        self.flow = Some(Flow::new(&self.account.id, remote, self.manager.now_ms()));
        self.done().await
    }

    /// An answer that was lost, or a name that is taken: it may be there already, made by this very call or an earlier one.
    async fn made_anyway(&self, name: &str, error: CallError) -> Result<String, StepError> {
        if !error.is_undecided() && error.flow_refusal() != Some(FlowRefusal::Parameter) {
            return Err(error.into());
        }
        let Ok(listed) = self.manager.parts.meta.list(self.account).await else { return Err(error.into()) };
        let made = listed.into_iter().find(|flow| flow.name == name && flow.status == FlowStatus::Draft);
        made.map(|flow| flow.id).ok_or(StepError::Call(error))
    }

    async fn metadata(&mut self) -> Result<(), StepError> {
        let (wanted, flow) = (self.wanted()?, self.flow()?);
        let change = change_of(wanted, &flow.remote);
        if change.is_empty() {
            return Ok(());
        }
        self.begin(Step::Metadata, None).await?;
        match self.manager.parts.meta.update(self.account, &flow.remote.id, &change).await {
            Err(error) if self.lets_be(&error, &flow) => return self.replace().await,
            answer => answer?,
        }
        self.refresh().await;
        self.done().await
    }

    async fn json(&mut self) -> Result<(), StepError> {
        let (wanted, flow) = (self.wanted()?, self.flow()?);
        let digest = wanted.digest().ok_or_else(|| StepError::Stuck("the bot file has no JSON of it".to_owned()))?;
        let given = self.place.pushed.as_ref().is_some_and(|pushed| pushed.json == digest);
        if given && self.place.begun.is_none() && flow.json.as_ref() == Some(&digest) {
            return Ok(());
        }
        self.begin(Step::Json, None).await?;
        match self.upload(wanted, &flow).await {
            Err(error) if self.lets_be(&error, &flow) => self.replace().await,
            answer => self.given(digest, answer?).await,
        }
    }

    /// A Flow that Meta lets be as it is: from now on that is known, and another one takes its place.
    async fn replace(&mut self) -> Result<(), StepError> {
        self.place.unchangeable.clone_from(&self.place.id);
        self.clone_away().await?;
        let (wanted, flow) = (self.wanted()?, self.flow()?);
        let Some(digest) = wanted.digest() else { return Ok(()) };
        self.begin(Step::Json, None).await?;
        let findings = self.upload(wanted, &flow).await?;
        self.given(digest, findings).await
    }

    /// Meta now and then fails to process a JSON of a draft: once more.
    async fn upload(&self, wanted: &WantedFlow, flow: &Flow) -> Result<Vec<ValidationError>, CallError> {
        let (meta, json) = (&self.manager.parts.meta, wanted.json.as_deref().unwrap_or_default());
        match meta.upload(self.account, &flow.remote.id, json).await {
            Err(error) if error.flow_refusal() == Some(FlowRefusal::Unchangeable) && !self.lets_be(&error, flow) => {
                meta.upload(self.account, &flow.remote.id, json).await
            }
            answer => answer,
        }
    }

    async fn given(&mut self, digest: Box<str>, findings: Vec<ValidationError>) -> Result<(), StepError> {
        self.place.pushed = Some(Pushed { json: digest.clone(), at_ms: self.manager.now_ms() });
        self.place.findings = findings;
        self.refresh().await;
        if let Some(flow) = &mut self.flow {
            flow.json = Some(digest);
        }
        self.done().await
    }

    async fn publish(&mut self) -> Result<(), StepError> {
        if self.flow()?.is_in_use() {
            return Ok(());
        }
        if let Some(findings) = how_many(&self.place.findings) {
            return Err(StepError::Findings(findings));
        }
        self.begin(Step::Publish, None).await?;
        let answer = self.manager.parts.meta.publish(self.account, &self.flow()?.remote.id).await;
        self.looked_at(answer, Flow::is_in_use).await
    }

    async fn deprecate(&mut self) -> Result<(), StepError> {
        let is_deprecated = |flow: &Flow| flow.remote.status == FlowStatus::Deprecated;
        if !is_deprecated(&self.flow()?) {
            self.begin(Step::Deprecate, None).await?;
            let answer = self.manager.parts.meta.deprecate(self.account, &self.flow()?.remote.id).await;
            self.looked_at(answer, is_deprecated).await?;
        }
        if let Some(flow) = &mut self.flow {
            flow.archived_ms = flow.archived_ms.or(Some(self.manager.now_ms()));
        }
        self.done().await
    }

    async fn delete(&mut self) -> Result<(), StepError> {
        let mut flow = self.flow()?;
        self.begin(Step::Delete, None).await?;
        match self.manager.parts.meta.delete(self.account, &flow.remote.id).await {
            Err(error) if !self.is_gone(&error, &flow.remote.id).await => return Err(error.into()),
            _ => {}
        }
        flow.removed_ms = Some(self.manager.now_ms());
        self.place = self.manager.book.read().without(&self.place, Some(&flow.remote.id));
        self.place.begun = None;
        let mut change = Change { flows: vec![flow.clone()], ..Change::default() };
        change.settle(self.place.clone());
        self.manager.write(change).await?;
        self.flow = Some(flow);
        Ok(())
    }

    /// A lost answer, or a refusal because it was deleted before: the list says.
    async fn is_gone(&self, error: &CallError, id: &str) -> bool {
        let telling = matches!(error.flow_refusal(), Some(FlowRefusal::Parameter | FlowRefusal::Unknown));
        let list =
            if telling || error.is_undecided() { self.manager.parts.meta.list(self.account).await.ok() } else { None };
        list.is_some_and(|listed| !listed.iter().any(|flow| flow.id == id))
    }

    /// Meta is right about where a Flow stands, whatever it answered.
    async fn looked_at(
        &mut self,
        answer: Result<(), CallError>,
        done: impl Fn(&Flow) -> bool,
    ) -> Result<(), StepError> {
        self.refresh().await;
        match answer {
            Err(error) if !self.flow.as_ref().is_some_and(done) => Err(error.into()),
            _ => self.done().await,
        }
    }

    /// Whether Meta lets a Flow that is in use be as it is.
    fn lets_be(&self, error: &CallError, flow: &Flow) -> bool {
        error.flow_refusal() == Some(FlowRefusal::Unchangeable) && flow.remote.status != FlowStatus::Draft
    }

    async fn refresh(&mut self) {
        let Some(flow) = &mut self.flow else { return };
        match self.manager.parts.meta.details(self.account, &flow.remote.id, false).await {
            Ok(remote) => *flow = flow.seen(remote, self.manager.now_ms()),
            Err(error) => tracing::debug!(%error, "a Flow was changed and could not be looked at"),
        }
    }

    async fn begin(&mut self, step: Step, new_name: Option<Box<str>>) -> Result<(), StepError> {
        let flow = self.flow.as_ref().map(|flow| flow.remote.id.as_str().into());
        self.place.begun = Some(Begun { step, flow, at_ms: self.manager.now_ms(), new_name });
        self.save().await
    }

    async fn done(&mut self) -> Result<(), StepError> {
        (self.place.begun, self.place.problem) = (None, None);
        self.place.out_of_use &= !self.flow.as_ref().is_some_and(Flow::is_in_use);
        self.save().await
    }

    /// What was begun stays noted while it is open what came of it.
    async fn give_up(&mut self, why: String, error: &StepError) -> Result<(), StepError> {
        if !matches!(error, StepError::Call(error) if error.is_undecided()) {
            self.place.begun = None;
        }
        self.place.problem = Some(why);
        self.save().await
    }

    /// What webhooks reported meanwhile is kept.
    async fn save(&mut self) -> Result<(), StepError> {
        if let Some(flow) = &mut self.flow
            && let Some(heard) = self.manager.book.read().flow(&self.account.id, &flow.remote.id)
        {
            flow.alerts.clone_from(&heard.alerts);
            if heard.status_ms > flow.status_ms {
                (flow.remote.status, flow.status_ms) = (heard.remote.status.clone(), heard.status_ms);
            }
        }
        let flows = self.flow.iter().cloned().collect();
        let change = Change { flows, places: vec![self.place.clone()], gone: Vec::new() };
        Ok(self.manager.write(change).await?)
    }

    fn wanted(&self) -> Result<&'m WantedFlow, StepError> {
        self.wanted.ok_or_else(|| StepError::Stuck("no bot wants it".to_owned()))
    }

    fn flow(&self) -> Result<Flow, StepError> {
        self.flow.clone().ok_or_else(|| StepError::Stuck("Meta has no such Flow".to_owned()))
    }
}

fn how_many(findings: &[ValidationError]) -> Option<String> {
    match findings.len() {
        0 => None,
        1 => Some("1 mistake".to_owned()),
        count => Some(format!("{count} mistakes")),
    }
}

/// What a new Flow is when it cannot be looked at.
fn draft(id: &str, new: &NewFlow) -> RemoteFlow {
    RemoteFlow {
        id: id.to_owned(),
        name: new.name.clone(),
        status: FlowStatus::Draft,
        categories: new.categories.clone(),
        validation_errors: Vec::new(),
        json_version: None,
        data_api_version: None,
        endpoint_uri: new.endpoint_uri.clone(),
        health_status: serde_json::Value::Null,
        application: serde_json::Value::Null,
        whatsapp_business_account: serde_json::Value::Null,
    }
}
