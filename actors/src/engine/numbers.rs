//! Numbers that come, change and go while the engine runs, and what the outbox still has of them.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use ractor::{Actor, ActorRef};
use storage::{Partition, Send};

use super::{Engine, STOPPED, StartError};
use crate::codec;
use crate::deps::Deps;
use crate::identity::{partition_tag, tag_of};
use crate::sender::{self, Sender, Transport};
use crate::settings::{Number, SenderSettings};

/// Open outbox rows read at once.
const RECOVERY_PAGE: usize = 1_000;

/// What a sender is started with.
pub(super) struct Hiring {
    settings: Mutex<SenderSettings>,
    transport: Arc<dyn Transport>,
    /// One change of the numbers at a time.
    changing: tokio::sync::Mutex<()>,
}

impl Hiring {
    pub(super) fn new(settings: SenderSettings, transport: Arc<dyn Transport>) -> Self {
        Self { settings: Mutex::new(settings), transport, changing: tokio::sync::Mutex::default() }
    }

    /// Starts the sender of a number.
    pub(super) async fn hire(&self, deps: &Arc<Deps>, root: &ActorRef<()>, number: &Number) -> Result<(), StartError> {
        let stopped = deps.store.document(STOPPED, &number.id).await?;
        let arguments = sender::Arguments {
            deps: deps.clone(),
            number: number.clone(),
            settings: self.settings.lock().clone(),
            transport: self.transport.clone(),
            stopped: stopped.map(|why| codec::decode(&why).unwrap_or_else(|_| "by an operator".into())),
        };
        let sender = Actor::spawn_linked(None, Sender, arguments, root.get_cell()).await?.0;
        deps.senders.put(number.clone(), sender);
        Ok(())
    }
}

impl Engine {
    /// Serves one more number from now on, and sends what the outbox has of it; or takes other settings for one that it
    /// serves. Errors: the store, or its sender does not start; it is not served then.
    pub async fn serve_number(&self, number: Number) -> Result<(), StartError> {
        let _one = self.hiring.changing.lock().await;
        self.deps.numbers.note(&*self.deps.store, &number.id).await?;
        if let Some(sender) = self.deps.senders.get(&number.id) {
            self.deps.numbers.put(number.clone());
            self.deps.senders.put(number.clone(), sender.clone());
            return sender.cast(sender::Message::Renewed(Box::new(number))).map_err(|_| StartError::Ended);
        }
        self.hiring.hire(&self.deps, &self.root, &number).await?;
        self.deps.numbers.put(number.clone());
        recover_sends(&self.deps, Some(&number.id)).await
    }

    /// Serves a number no longer: requests under way are waited for, up to `patience`; what is open stays in the outbox.
    /// Answers whether it was served.
    pub async fn leave_number(&self, id: &str, patience: Duration) -> bool {
        let _one = self.hiring.changing.lock().await;
        let known = self.deps.numbers.remove(id);
        let Some(sender) = self.deps.senders.remove(id) else { return known };
        // Whatever comes of what is still under way is settled in the store, without its sender.
        let _late = sender.call(sender::Message::Drain, Some(patience)).await;
        sender.stop(None);
        let tag = partition_tag(&Partition(id.into()));
        self.deps.backlog.forget(|conversation| tag_of(conversation) == tag);
        true
    }

    /// Rates and retries of all numbers, from now on.
    pub fn change_senders(&self, settings: &SenderSettings) {
        self.hiring.settings.lock().clone_from(settings);
        for (number, _) in self.deps.senders.all() {
            self.deps.senders.tell(&number, sender::Message::Settings(settings.clone()));
        }
    }

    /// How many messages of a number have not left.
    pub async fn open_sends_of(&self, id: &str) -> Result<usize, storage::StoreError> {
        let tag = partition_tag(&Partition(id.into()));
        let (mut after, mut count) = (None, 0);
        loop {
            let page = self.deps.store.open_sends(after, RECOVERY_PAGE).await?;
            let Some(last) = page.last() else { return Ok(count) };
            after = Some(last.id);
            count += page.iter().filter(|row| tag_of(row.id.conversation) == tag).count();
        }
    }
}

/// Hands the open rows of the outbox to the senders: all, or those of one number.
pub(super) async fn recover_sends(deps: &Deps, only: Option<&str>) -> Result<(), StartError> {
    let by_tag: HashMap<_, _> = deps
        .senders
        .all()
        .into_iter()
        .filter(|(number, _)| only.is_none_or(|only| *only == **number))
        .map(|(number, sender)| (partition_tag(&Partition(number)), sender))
        .collect();
    let (mut after, mut strangers) = (None, HashSet::new());
    loop {
        let page = deps.store.open_sends(after, RECOVERY_PAGE).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.id);
        let mut by_sender: HashMap<[u8; 4], Vec<Send>> = HashMap::new();
        for row in page {
            by_sender.entry(tag_of(row.id.conversation)).or_default().push(row);
        }
        for (tag, rows) in by_sender {
            match by_tag.get(&tag) {
                Some(sender) => sender.cast(sender::Message::Recovered(rows)).map_err(|_| StartError::Ended)?,
                None => {
                    strangers.insert(tag);
                }
            }
        }
    }
    if only.is_none() && !strangers.is_empty() {
        tracing::warn!(numbers = strangers.len(), "messages of numbers that are not served wait in the outbox");
    }
    Ok(())
}
