//! What an operator does with one Flow, named by Meta's id or by its name.

use std::sync::Arc;

use serde::Serialize;
use storage::StoreError;
use whatsapp::graph::{
    CallError, FlowAsset, FlowCategory, FlowMetric, FlowPreview, FlowStatus, MetricQuery, Migration, NewFlow,
    PreviewLink,
};

use super::FlowManager;
use super::book::Change;
use super::plan::Step;
use super::record::{Flow, Place};
use super::wanted::digest;
use super::work::{StepError, Work};
use crate::numbers::Account;

/// Why a Flow was not changed or read.
#[derive(Debug, thiserror::Error)]
pub enum FlowError {
    /// There is no such Flow.
    #[error("there is no flow {0:?}")]
    Unknown(String),
    /// Several accounts have a Flow of that name.
    #[error("{name:?} is {}", .ids.join(" and "))]
    Several {
        /// The name.
        name: String,
        /// Each of them with its account, in words.
        ids: Vec<String>,
    },
    /// There is no such account here.
    #[error("there is no business account {0:?} here")]
    Account(String),
    /// It cannot be done with a Flow that stands so.
    #[error("{0}")]
    State(String),
    /// Meta.
    #[error(transparent)]
    Call(#[from] CallError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What became of a Flow that had to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Removed {
    /// A draft: Meta has it no more.
    Deleted,
    /// It was in use: it is deprecated at Meta, for good, and put aside here.
    Deprecated,
    /// It was deprecated before, and Meta keeps it: it is put aside here.
    Archived,
}

/// A Flow to copy.
#[derive(Clone, Debug, Default)]
pub struct CloneOf {
    /// The name of the copy; the next version of its own when absent.
    pub name: Option<String>,
}

impl From<StepError> for FlowError {
    fn from(error: StepError) -> Self {
        match error {
            StepError::Call(error) => Self::Call(error),
            StepError::Store(error) => Self::Store(error),
            other => Self::State(other.to_string()),
        }
    }
}

impl FlowError {
    pub(super) fn several(name: &str, flows: &[Arc<Flow>]) -> Self {
        let one = |flow: &Arc<Flow>| format!("flow {} of account {}", flow.remote.id, flow.account);
        Self::Several { name: name.to_owned(), ids: flows.iter().map(one).collect() }
    }
}

impl FlowManager {
    /// Publishes a draft.
    pub async fn publish(&self, flow: &str) -> Result<Arc<Flow>, FlowError> {
        // Meta says what it thinks of the JSON now.
        self.one_step(flow, Step::Publish).await
    }

    /// Takes a Flow out of use for good.
    pub async fn deprecate(&self, flow: &str) -> Result<Arc<Flow>, FlowError> {
        self.one_step(flow, Step::Deprecate).await
    }

    /// Deletes a draft; any other one is deprecated at Meta and put aside here.
    pub async fn remove(&self, flow: &str) -> Result<(Arc<Flow>, Removed), FlowError> {
        let fresh = self.refreshed(flow, false).await?;
        match fresh.remote.status {
            FlowStatus::Draft => Ok((self.one_step(&fresh.remote.id, Step::Delete).await?, Removed::Deleted)),
            FlowStatus::Deprecated => Ok((self.one_step(&fresh.remote.id, Step::Deprecate).await?, Removed::Archived)),
            _ => Ok((self.one_step(&fresh.remote.id, Step::Deprecate).await?, Removed::Deprecated)),
        }
    }

    async fn one_step(&self, flow: &str, step: Step) -> Result<Arc<Flow>, FlowError> {
        let _alone = self.working.lock().await;
        let (account, known) = self.known(flow)?;
        let account = &account;
        let place = self.book.read().place_of(&account.id, &known.remote.id).cloned();
        let (has_place, place) = match place {
            Some(place) => (true, Place { findings: Vec::new(), ..(*place).clone() }),
            None => (false, Place::new(&account.id, &known.remote.name)),
        };
        let mut work = Work { manager: self, account, wanted: None, place, flow: Some((*known).clone()) };
        let outcome = work.step(step).await;
        if !has_place {
            // It is no bot's: only the Flow itself is kept.
            self.write(Change { gone: vec![work.place.key()], ..Change::default() }).await?;
        }
        self.changed();
        outcome?;
        self.known(&known.remote.id).map(|(_, flow)| flow)
    }

    /// A Flow as Meta has it now; with its health when asked.
    pub async fn refreshed(&self, flow: &str, health: bool) -> Result<Arc<Flow>, FlowError> {
        let (account, known) = self.known(flow)?;
        let account = &account;
        let remote = self.parts.meta.details(account, &known.remote.id, health).await?;
        let seen = known.seen(remote, self.now_ms());
        self.write(Change { flows: vec![seen], ..Change::default() }).await?;
        self.changed();
        self.known(&known.remote.id).map(|(_, flow)| flow)
    }

    /// The link under which anybody can look at it.
    pub async fn preview(&self, flow: &str, link: PreviewLink) -> Result<(Arc<Flow>, FlowPreview), FlowError> {
        let (account, known) = self.known(flow)?;
        let account = &account;
        let preview = self.parts.meta.preview(account, &known.remote.id, link).await?;
        Ok((known, preview))
    }

    /// Its files at Meta. The addresses open without a token: they are not to be shown to everybody.
    pub async fn assets(&self, flow: &str) -> Result<Vec<FlowAsset>, FlowError> {
        let (account, known) = self.known(flow)?;
        let account = &account;
        Ok(self.parts.meta.assets(account, &known.remote.id).await?)
    }

    /// Its JSON as Meta has it; `None` when it has none.
    pub async fn pull(&self, flow: &str) -> Result<(Arc<Flow>, Option<String>), FlowError> {
        let (account, known) = self.known(flow)?;
        let account = &account;
        let json = self.parts.meta.json(account, &known.remote.id).await?;
        let seen = Flow { json: json.as_deref().map(digest), ..(*known).clone() };
        if seen != *known {
            self.write(Change { flows: vec![seen], ..Change::default() }).await?;
        }
        Ok((known, json))
    }

    /// What Meta measured at its endpoint.
    pub async fn metric(&self, flow: &str, query: &MetricQuery) -> Result<FlowMetric, FlowError> {
        let (account, known) = self.known(flow)?;
        let account = &account;
        Ok(self.parts.meta.metric(account, &known.remote.id, query).await?)
    }

    /// Makes a draft with the content of a Flow. It belongs to no bot.
    pub async fn clone_flow(&self, flow: &str, of: &CloneOf) -> Result<Arc<Flow>, FlowError> {
        let _alone = self.working.lock().await;
        let (account, known) = self.known(flow)?;
        let account = &account;
        let name = of.name.clone().unwrap_or_else(|| self.next_name(account, &known.remote.name));
        if self.book.read().named(&account.id, &name).is_some() {
            return Err(FlowError::State(format!("there is a flow {name} already")));
        }
        let categories = Some(known.remote.categories.clone()).filter(|categories| !categories.is_empty());
        let new = NewFlow {
            name,
            categories: categories.unwrap_or_else(|| vec![FlowCategory::AnythingElse]),
            endpoint_uri: known.remote.endpoint_uri.clone(),
            json: None,
            clone_of: Some(known.remote.id.clone()),
        };
        let id = self.parts.meta.create(account, &new).await?.id;
        let remote = self.parts.meta.details(account, &id, false).await?;
        let made = Flow::new(&account.id, remote, self.now_ms());
        self.write(Change { flows: vec![made.clone()], ..Change::default() }).await?;
        self.changed();
        Ok(Arc::new(made))
    }

    fn next_name(&self, account: &Account, name: &str) -> String {
        let book = self.book.read();
        let taken = |name: &String| book.named(&account.id, name).is_some();
        (2..).map(|version: u32| format!("{name}_v{version}")).find(|name| !taken(name)).unwrap_or_default()
    }

    /// Copies Flows of one account into another; they arrive as drafts. Without names: all.
    pub async fn migrate(&self, from: &str, to: &str, names: &[String]) -> Result<Migration, FlowError> {
        let account = self.account(Some(to)).ok_or_else(|| FlowError::Account(to.to_owned()))?;
        let _alone = self.working.lock().await;
        let migration = self.parts.meta.migrate(&account, from, names).await?;
        // The copies are known with the next list, which is soon.
        self.look_again();
        Ok(migration)
    }

    fn known(&self, flow: &str) -> Result<(Account, Arc<Flow>), FlowError> {
        let known = self.find(flow)?;
        if !known.is_there() && known.remote.id != flow {
            return Err(FlowError::Unknown(flow.to_owned()));
        }
        let account = self.account(Some(&known.account));
        Ok((account.ok_or_else(|| FlowError::Account(known.account.to_string()))?, known))
    }
}
