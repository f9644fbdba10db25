//! The Flows in memory, and their documents.

use std::collections::BTreeMap;
use std::sync::Arc;

use chatbot::KnownFlow;
use serde::de::DeserializeOwned;
use storage::{NewDocument, Store, StoreError};
use whatsapp::graph::{FlowStatus, RemoteFlow};

use super::plan::Step;
use super::record::{Flow, Place, Pushed, flow_key};
use crate::codec;

const FLOWS: &str = "flow";
const PLACES: &str = "flow_place";

/// By `account/id` and `account/name`.
#[derive(Default)]
pub(super) struct Book {
    flows: BTreeMap<Box<str>, Arc<Flow>>,
    places: BTreeMap<Box<str>, Arc<Place>>,
    replaces_any: bool,
}

/// A change of the book: written first, then taken over.
#[derive(Default)]
pub(super) struct Change {
    pub flows: Vec<Flow>,
    pub places: Vec<Place>,
    /// Keys of places that are given up.
    pub gone: Vec<Box<str>>,
}

impl Change {
    /// A place of which no change is under way; one for which no Flow stands any more is given up.
    pub(super) fn settle(&mut self, place: Place) {
        match place.id {
            Some(_) => self.places.push(Place { begun: None, problem: None, ..place }),
            None => self.gone.push(place.key()),
        }
    }

    pub(super) fn documents(&self) -> Vec<NewDocument> {
        let flows = self.flows.iter().map(|flow| (FLOWS.into(), flow.key(), Some(codec::encode(flow))));
        let places = self.places.iter().map(|place| (PLACES.into(), place.key(), Some(codec::encode(place))));
        let gone = self.gone.iter().map(|key| (PLACES.into(), key.clone(), None));
        flows.chain(places).chain(gone).collect()
    }
}

impl Book {
    pub(super) async fn load(store: &dyn Store) -> Result<Self, StoreError> {
        let (flows, places) = (read(store, FLOWS).await?, read(store, PLACES).await?);
        let mut book = Self { flows, places, replaces_any: false };
        book.count();
        Ok(book)
    }

    fn count(&mut self) {
        self.replaces_any = self.places.values().any(|place| !place.retired.is_empty());
    }

    pub(super) fn replaces_any(&self) -> bool {
        self.replaces_any
    }

    pub(super) fn take(&mut self, change: Change) {
        for flow in change.flows {
            self.flows.insert(flow.key(), Arc::new(flow));
        }
        for place in change.places {
            self.places.insert(place.key(), Arc::new(place));
        }
        for key in change.gone {
            self.places.remove(&key);
        }
        self.count();
    }

    pub(super) fn knows_any(&self, account: &str) -> bool {
        self.flows.values().any(|flow| *flow.account == *account)
    }

    pub(super) fn flows(&self) -> Vec<Arc<Flow>> {
        self.flows.values().cloned().collect()
    }

    pub(super) fn places(&self) -> Vec<Arc<Place>> {
        self.places.values().cloned().collect()
    }

    pub(super) fn flow(&self, account: &str, id: &str) -> Option<&Arc<Flow>> {
        self.flows.get(&flow_key(account, id))
    }

    pub(super) fn place(&self, account: &str, name: &str) -> Option<&Arc<Place>> {
        self.places.get(&flow_key(account, name))
    }

    /// The place for which a Flow stands or stood.
    pub(super) fn place_of(&self, account: &str, id: &str) -> Option<&Arc<Place>> {
        self.places.values().find(|place| *place.account == *account && place.ids().any(|other| other == id))
    }

    /// By id, else by name; those that Meta still has before others. Several: accounts have Flows of one name.
    pub(super) fn find(&self, id_or_name: &str) -> Vec<Arc<Flow>> {
        let is = |wanted: &dyn Fn(&Flow) -> bool| -> Vec<_> {
            self.flows.values().filter(|flow| wanted(flow)).cloned().collect()
        };
        let named = |flow: &Flow| flow.remote.name == id_or_name;
        let by_id = is(&|flow| flow.remote.id == id_or_name);
        let there = if by_id.is_empty() { is(&|flow| flow.is_there() && named(flow)) } else { by_id };
        if there.is_empty() { is(&named).into_iter().take(1).collect() } else { there }
    }

    pub(super) fn named(&self, account: &str, name: &str) -> Option<&Arc<Flow>> {
        self.flows.values().find(|flow| *flow.account == *account && flow.is_there() && flow.remote.name == name)
    }

    /// The Flow that people get when a message names one: of a place, the one that stands for it, or while that is a draft
    /// the newest before it that can be sent.
    pub(super) fn serving(&self, account: &str, id_or_name: &str) -> Option<&Arc<Flow>> {
        if let Some(place) = self.place(account, id_or_name)
            && let Some(flow) = self.serving_place(place)
        {
            return Some(flow);
        }
        let replaced = |place: &&Arc<Place>| {
            *place.account == *account && place.retired.iter().any(|retired| **retired == *id_or_name)
        };
        if let Some(place) = self.places.values().find(replaced).filter(|_| self.replaces_any) {
            return self.serving_place(place);
        }
        let by_id = self.flow(account, id_or_name).filter(|flow| flow.is_there());
        by_id.or_else(|| self.named(account, id_or_name))
    }

    fn serving_place(&self, place: &Place) -> Option<&Arc<Flow>> {
        let flows = || place.ids().filter_map(|id| self.flow(&place.account, id)).filter(|flow| flow.is_there());
        let current = flows().next()?;
        // A draft leaves the one before it in use; what Meta stops is not gone round.
        let before = (current.remote.status == FlowStatus::Draft).then(|| flows().find(|flow| flow.is_in_use()));
        before.flatten().or(Some(current))
    }

    /// What bots are held against: the Flows that an account has, and the names of places with what stands for them.
    pub(super) fn known(&self, account: &str) -> Vec<KnownFlow> {
        let known = |name: &str, flow: &Flow| KnownFlow {
            id: flow.remote.id.clone(),
            name: name.to_owned(),
            status: flow.remote.status.as_str().to_owned(),
        };
        let there = self.flows.values().filter(|flow| *flow.account == *account && flow.is_there());
        let replaced = |flow: &Flow| {
            self.place(&flow.account, &flow.remote.name).and_then(|place| self.serving_place(place)).is_some()
        };
        let mut all: Vec<_> = there.filter(|flow| !replaced(flow)).map(|flow| known(&flow.remote.name, flow)).collect();
        let places = self.places.values().filter(|place| *place.account == *account);
        let serving = places.filter_map(|place| Some((place, self.serving_place(place)?)));
        all.extend(serving.map(|(place, flow)| known(&place.name, flow)));
        all
    }

    /// What is different when Meta has exactly `listed`. Answers also how many are new or changed, and how many gone.
    pub(super) fn difference(&self, account: &str, listed: Vec<RemoteFlow>, now_ms: u64) -> (Change, usize, usize) {
        let (mut change, mut present, mut removed) = (Change::default(), BTreeMap::new(), 0);
        for remote in listed {
            present.insert(flow_key(account, &remote.id), remote);
        }
        let gone = self
            .flows
            .iter()
            .filter(|(key, flow)| *flow.account == *account && flow.is_there() && !present.contains_key(*key));
        for (_, flow) in gone {
            removed += 1;
            change.flows.push(Flow { removed_ms: Some(now_ms), ..(**flow).clone() });
        }
        for (key, remote) in present {
            match self.flows.get(&key) {
                Some(known) if known.is_there() && same(&known.remote, &remote) => {}
                Some(known) => change.flows.push(known.seen(remote, now_ms)),
                None => change.flows.push(Flow::new(account, remote, now_ms)),
            }
        }
        let changed = change.flows.len() - removed;
        for place in self.settled(account, &change.flows) {
            change.settle(place);
        }
        (change, changed, removed)
    }

    /// The place when a Flow of it is deleted. What the one before it was given last is what it has.
    pub(super) fn without(&self, place: &Place, deleted: Option<&str>) -> Place {
        let mut place = place.clone();
        let Some(deleted) = deleted else { return place };
        let stood = place.id.clone();
        place.lose(deleted);
        if place.id != stood {
            let before = place.id.as_deref().and_then(|id| self.flow(&place.account, id));
            let json = before.and_then(|flow| flow.json.clone());
            place.pushed = json.map(|json| Pushed { json, at_ms: before.map_or(0, |flow| flow.status_ms) });
        }
        place
    }

    /// Places whose begun change turns out to be done: Meta is right about where a Flow stands.
    fn settled(&self, account: &str, now: &[Flow]) -> Vec<Place> {
        let current = |id: &str| {
            let fresh = now.iter().find(|flow| flow.remote.id == *id);
            fresh.or_else(|| self.flow(account, id).map(|flow| &**flow))
        };
        let settle = |place: &Arc<Place>| {
            let begun = place.begun.as_ref()?;
            let flow = current(begun.flow.as_deref().or(place.id.as_deref())?)?;
            let deleted = (begun.step == Step::Delete).then_some(&*flow.remote.id);
            begun.step.is_done_by(flow).then(|| self.without(place, deleted))
        };
        self.places.values().filter(|place| *place.account == *account).filter_map(settle).collect()
    }
}

/// A list has no details: those that were asked for once do not make it differ.
fn same(known: &RemoteFlow, listed: &RemoteFlow) -> bool {
    let bare = |flow: &RemoteFlow| RemoteFlow {
        health_status: serde_json::Value::Null,
        application: serde_json::Value::Null,
        whatsapp_business_account: serde_json::Value::Null,
        ..flow.clone()
    };
    bare(known) == bare(listed)
}

impl Flow {
    /// The same Flow as Meta has it now. What it says of the JSON is forgotten when its version changed.
    pub(super) fn seen(&self, remote: RemoteFlow, now_ms: u64) -> Self {
        let json = self.json.clone().filter(|_| self.remote.json_version == remote.json_version);
        let archived_ms = self.archived_ms;
        Self { remote, json, removed_ms: None, archived_ms, status_ms: now_ms, ..self.clone() }
    }
}

async fn read<T: DeserializeOwned>(store: &dyn Store, kind: &str) -> Result<BTreeMap<Box<str>, Arc<T>>, StoreError> {
    let mut all = BTreeMap::new();
    for (key, bytes) in store.documents(kind).await? {
        match codec::decode::<T>(&bytes) {
            Ok(one) => drop(all.insert(key, Arc::new(one))),
            Err(error) => tracing::warn!(%error, kind, key = %key, "a stored Flow cannot be read"),
        }
    }
    Ok(all)
}
