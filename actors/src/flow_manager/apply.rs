//! Plan and apply: what is at Meta is read, held against what the bots want, and brought there step by step.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use storage::StoreError;
use whatsapp::graph::{CallError, FlowStatus, Outcome as Fate, RemoteFlow};

use super::book::Change;
use super::plan::{self, ApplyOrder, Item, ItemKind, Known, Plan, Step};
use super::record::{Flow, Place};
use super::sync::FlowSyncError;
use super::wanted::{Wanted, WantedFlow, digest};
use super::work::{StepError, Work};
use super::{FlowManager, events, findings};
use crate::codec;
use crate::numbers::Account;

/// What was asked for and is not done: one order, the last one.
const ORDERS: &str = "flow_order";
const ORDER: &str = "apply";

/// Why nothing was planned or applied.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// No business account is configured.
    #[error("no business account is configured, so there are no Flows")]
    NoAccount,
    /// Meta, and nothing but Meta, was asked.
    #[error("the Flows of account {account} could not be read: {error}")]
    Call {
        /// The account.
        account: Box<str>,
        /// Why.
        error: CallError,
    },
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What became of one Flow.
#[derive(Clone, Debug, Serialize)]
pub struct Outcome {
    /// The plan for it.
    #[serde(flatten)]
    pub item: Item,
    /// The changes that were made.
    pub done: Vec<Step>,
    /// The one that was not.
    pub failure: Option<Failure>,
    /// What Meta does not like about its JSON, line by line.
    pub findings: Vec<String>,
}

/// A change that was not made.
#[derive(Clone, Debug, Serialize)]
pub struct Failure {
    /// Which.
    pub step: Step,
    /// Why.
    pub error: String,
    /// Meta's number.
    pub code: Option<u32>,
    /// What helps.
    pub advice: Option<String>,
    /// Whether it is tried again by itself.
    pub again: bool,
}

/// What was applied.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Applied {
    /// Each Flow.
    pub outcomes: Vec<Outcome>,
    /// Bots that could not be read.
    pub unreadable: Vec<String>,
    /// What keeps the Flows from working, for people.
    pub warnings: Vec<String>,
    /// Why something is left that is done once Meta can be reached.
    pub put_off: Option<String>,
}

/// An item, and what is needed to do it.
struct Task<'a> {
    item: Item,
    account: &'a Account,
    wanted: Option<&'a WantedFlow>,
    place: Place,
    flow: Option<Flow>,
    /// Why nothing can be planned.
    unread: Option<CallError>,
}

impl Applied {
    /// Whether all is as the bots want it.
    pub fn is_whole(&self) -> bool {
        self.put_off.is_none() && self.outcomes.iter().all(|one| one.failure.is_none() && !one.item.is_stuck())
    }
}

impl FlowManager {
    /// What applying would do. Reads at Meta, and changes nothing there.
    pub async fn plan(&self, order: &ApplyOrder) -> Result<Plan, ApplyError> {
        self.configured()?;
        let wanted = self.wanted().await;
        let (accounts, _alone) = (self.parts.numbers.accounts(), self.working.lock().await);
        let tasks = self.survey(&accounts, &wanted, order).await?;
        let items = tasks.into_iter().map(|task| task.item).collect();
        Ok(Plan { items, unreadable: wanted.unreadable.clone(), warnings: wanted.warnings.clone() })
    }

    /// Brings what the bots want to Meta. Whoever is killed in between goes on with the next run; what Meta cannot be
    /// asked for now is done later.
    ///
    /// Errors: the store. That Meta cannot be reached is in the answer.
    pub async fn apply(&self, order: ApplyOrder) -> Result<Applied, ApplyError> {
        self.configured()?;
        let wanted = self.wanted().await;
        let (accounts, _alone) = (self.parts.numbers.accounts(), self.working.lock().await);
        // What takes away or overwrites is not done later, when the files may say something else.
        self.note_order(Some(ApplyOrder { overwrite: false, prune: false, ..order })).await?;
        let tasks = match self.survey(&accounts, &wanted, &order).await {
            Ok(tasks) => tasks,
            Err(ApplyError::Call { account, error }) if comes_back(&error) => {
                let why = format!("the Flows of account {account} could not be read: {error}");
                events::put_off(&why);
                let (unreadable, warnings) = (wanted.unreadable.clone(), wanted.warnings.clone());
                return Ok(Applied { outcomes: Vec::new(), unreadable, warnings, put_off: Some(why) });
            }
            Err(error) => {
                self.note_order(None).await?;
                return Err(error);
            }
        };
        let mut outcomes = Vec::new();
        for task in tasks {
            outcomes.push(self.carry_out(task).await?);
        }
        let left = outcomes.iter().filter_map(|outcome| outcome.failure.as_ref()).find(|failure| failure.again);
        let put_off = left.map(|failure| failure.error.clone());
        match &put_off {
            Some(why) => events::put_off(why),
            None => self.note_order(None).await?,
        }
        events::applied(&outcomes);
        self.changed();
        Ok(Applied { outcomes, unreadable: wanted.unreadable.clone(), warnings: wanted.warnings.clone(), put_off })
    }

    fn configured(&self) -> Result<(), ApplyError> {
        if self.parts.numbers.accounts().is_empty() { Err(ApplyError::NoAccount) } else { Ok(()) }
    }

    /// What was asked for and is not done.
    pub async fn order(&self) -> Result<Option<ApplyOrder>, StoreError> {
        let bytes = self.parts.store.document(ORDERS, ORDER).await?;
        Ok(bytes.and_then(|bytes| codec::decode(&bytes).ok()))
    }

    async fn note_order(&self, order: Option<ApplyOrder>) -> Result<(), StoreError> {
        self.parts.store.put_document(ORDERS, ORDER, order.map(|order| codec::encode(&order))).await
    }

    /// Reads what Meta has, and plans each Flow. The caller works alone.
    async fn survey<'a>(
        &'a self,
        accounts: &'a [Account],
        wanted: &'a Wanted,
        order: &ApplyOrder,
    ) -> Result<Vec<Task<'a>>, ApplyError> {
        let mut tasks = Vec::new();
        for account in accounts {
            match self.read_list(account).await.outcome {
                Ok(_) => {}
                Err(FlowSyncError::Store(error)) => return Err(error.into()),
                Err(FlowSyncError::Call(error)) => return Err(ApplyError::Call { account: account.id.clone(), error }),
            }
            let mut named: BTreeMap<&str, Vec<&WantedFlow>> = BTreeMap::new();
            for flow in wanted.flows.iter().filter(|flow| !flow.not_in.contains(&account.id)) {
                named.entry(&flow.name).or_default().push(flow);
            }
            for flows in named.values() {
                tasks.push(self.survey_name(account, flows, order).await?);
            }
            // A bot that cannot be read may want what nobody else wants.
            let prune = ApplyOrder { prune: order.prune && wanted.unreadable.is_empty(), ..*order };
            let named_by_id = wanted.flows.iter().filter_map(|flow| flow.id.as_deref());
            let stood_on = tasks.iter().filter_map(|task| task.flow.as_ref()).map(|flow| &*flow.remote.id);
            let used: BTreeSet<Box<str>> = named_by_id.chain(stood_on).map(Into::into).collect();
            tasks.extend(self.unwanted(account, &named, &used, &prune));
        }
        Ok(tasks)
    }

    async fn survey_name<'a>(
        &'a self,
        account: &'a Account,
        flows: &[&'a WantedFlow],
        order: &ApplyOrder,
    ) -> Result<Task<'a>, ApplyError> {
        // The one with a JSON speaks for all that only use it.
        let first = flows.iter().find(|flow| flow.json.is_some()).copied().unwrap_or(flows[0]);
        let known = self.book.read().place(&account.id, &first.name).map(|place| (**place).clone());
        let mut place = known.clone().unwrap_or_else(|| Place::new(&account.id, &first.name));
        (place.bot, place.local) = (first.bot.clone(), first.local.clone());
        place.origin.clone_from(&first.origin);
        if let Some(other) = flows.iter().find(|other| !first.agrees(other)) {
            let item = plan::twins(&account.id, first, other);
            return Ok(Task { item, account, wanted: None, place, flow: None, unread: None });
        }
        let mut flow = self.lookup(account, first, &place);
        let mut unread = None;
        if let Some(flow) = flow.as_mut().filter(|_| first.json.is_some()) {
            match self.parts.meta.json(account, &flow.remote.id).await {
                Ok(json) => self.note_json(flow, json.as_deref().map(digest)).await?,
                Err(error) => unread = Some(error),
            }
        }
        let remote = flow.as_ref().map(|flow| flow.remote.clone());
        let json = flow.as_ref().and_then(|flow| flow.json.clone());
        let known = Known {
            account: &account.id,
            place: known.as_ref(),
            remote: remote.as_ref(),
            json: json.as_deref(),
            unread: unread.as_ref(),
        };
        let item = plan::plan_wanted(first, &known, order);
        Ok(Task { item, account, wanted: Some(first), place, flow, unread })
    }

    async fn note_json(&self, flow: &mut Flow, json: Option<Box<str>>) -> Result<(), StoreError> {
        if flow.json != json {
            flow.json = json;
            self.write(Change { flows: vec![flow.clone()], ..Change::default() }).await?;
        }
        Ok(())
    }

    /// The Flow at Meta that stands for a wanted one: what was being made, what the file or we know by id, what has its name.
    fn lookup(&self, account: &Account, wanted: &WantedFlow, place: &Place) -> Option<Flow> {
        let book = self.book.read();
        let there = |id: &str| book.flow(&account.id, id).filter(|flow| flow.is_there());
        let making = place.begun.as_ref().and_then(|begun| begun.new_name.as_deref());
        let made = making.and_then(|name| book.named(&account.id, name)).filter(|flow| is_draft(&flow.remote));
        let retired = |id: &str| place.retired.iter().any(|retired| **retired == *id);
        let id = match wanted.id.as_deref() {
            // The file names the one whose place another one took.
            Some(id) if retired(id) => place.id.as_deref(),
            Some(id) => return made.or_else(|| there(id)).map(|flow| (**flow).clone()),
            None => place.id.as_deref(),
        };
        let found = made.or_else(|| id.and_then(there)).or_else(|| book.named(&account.id, &wanted.name));
        found.map(|flow| (**flow).clone())
    }

    /// Flows that bots brought and no bot wants any more, and those whose place another one took.
    fn unwanted<'a>(
        &'a self,
        account: &'a Account,
        named: &BTreeMap<&str, Vec<&WantedFlow>>,
        used: &BTreeSet<Box<str>>,
        order: &ApplyOrder,
    ) -> Vec<Task<'a>> {
        let book = self.book.read();
        let mut tasks = Vec::new();
        for place in book.places().into_iter().filter(|place| *place.account == *account.id) {
            let wanted = named.contains_key(&*place.name);
            // The old one stays while the new one cannot be sent yet.
            let replaced =
                place.id.as_deref().and_then(|id| book.flow(&account.id, id)).is_some_and(|flow| flow.is_in_use());
            let current = place.id.iter().filter(|_| !wanted && (place.made_here || place.pushed.is_some()));
            let retired = place.retired.iter().filter(|_| !wanted || replaced);
            // A Flow that a bot renamed, or names by its id, stood in another place before.
            for id in current.chain(retired).filter(|id| !used.contains(*id)) {
                let flow = book.flow(&account.id, id).filter(|flow| flow.is_there() && goes(&flow.remote.status));
                let Some(flow) = flow else { continue };
                let item = plan::plan_unwanted(&place, flow, order);
                let (place, flow) = ((*place).clone(), Some((**flow).clone()));
                tasks.push(Task { item, account, wanted: None, place, flow, unread: None });
            }
        }
        tasks
    }

    async fn carry_out(&self, task: Task<'_>) -> Result<Outcome, StoreError> {
        let Task { mut item, account, wanted, mut place, flow, unread } = task;
        if item.kind == ItemKind::Remove {
            // The tasks before it may have changed the place.
            let now = self.book.read().place(&account.id, &place.name).cloned();
            place = now.map_or(place, |now| (*now).clone());
        }
        let served = || self.book.read().serving(&account.id, &item.name).is_some_and(|flow| flow.is_in_use());
        let was_served = served() || place.out_of_use;
        let mut work = Work { manager: self, account, wanted, place, flow };
        work.agree().await?;
        let mut failure = unread.filter(|_| !item.is_stuck()).map(|error| failure_of(Step::Json, &error.into()));
        let mut done = Vec::new();
        for step in item.steps.clone() {
            match work.step(step).await {
                Ok(()) => done.push(step),
                Err(StepError::Store(error)) => return Err(error),
                Err(error) => {
                    failure = Some(failure_of(step, &error));
                    break;
                }
            }
        }
        if let Some(failure) = failure.as_mut().filter(|_| was_served && !served()) {
            let (name, why) = (&item.name, &failure.error);
            failure.error = format!("flow {name} was in use and cannot be sent until it is published: {why}");
            // What Meta does not like about the JSON stays until somebody corrects it.
            failure.again |= work.place.findings.is_empty();
            work.out_of_use(&failure.error).await?;
        }
        if let Some(flow) = &work.flow {
            (item.id, item.status) = (Some(flow.remote.id.as_str().into()), Some(flow.remote.status.clone()));
            if item.kind != ItemKind::Remove {
                item.alignment = aligned(&work, flow);
            }
        }
        let findings = findings::findings_of(&work.place);
        Ok(Outcome { item, done, failure, findings })
    }
}

fn aligned(work: &Work<'_>, flow: &Flow) -> plan::Alignment {
    let file = work.wanted.and_then(WantedFlow::digest);
    let given = work.place.pushed.as_ref().map(|pushed| &*pushed.json);
    plan::Alignment::of(file.as_deref(), given, flow.json.as_deref())
}

fn is_draft(remote: &RemoteFlow) -> bool {
    remote.status == FlowStatus::Draft
}

/// What is deprecated stays where it is.
fn goes(status: &FlowStatus) -> bool {
    *status != FlowStatus::Deprecated
}

/// Whether it is worth trying again without anybody doing anything here. A token that ended, or an account that is locked,
/// is not.
fn comes_back(error: &CallError) -> bool {
    !matches!(
        error.outcome(),
        Fate::Permanent | Fate::WindowClosed | Fate::StopFlow | Fate::Restricted | Fate::PauseNumber
    )
}

fn failure_of(step: Step, error: &StepError) -> Failure {
    let (code, advice, again) = match error {
        StepError::Call(call) => {
            let record = call.to_record();
            (record.code, Some(record.advice), comes_back(call))
        }
        StepError::Findings(_) => (None, Some("correct what Meta names, then apply again".to_owned()), false),
        StepError::Stuck(_) | StepError::Store(_) => (None, None, false),
    };
    Failure { step, error: error.to_string(), code, advice, again }
}
