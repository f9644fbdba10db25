//! What has to be done so that Meta has what the bots want. Pure: it looks at what was read, and asks nobody.

use serde::{Deserialize, Serialize};
use whatsapp::graph::{CallError, FlowChange, FlowStatus, RemoteFlow};

use super::record::{Flow, Place};
use super::wanted::WantedFlow;

/// How far to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApplyOrder {
    /// Whether drafts are published. Without it nothing that is in use changes.
    pub publish: bool,
    /// Whether a JSON that somebody else changed at Meta is overwritten.
    pub overwrite: bool,
    /// Whether what no bot wants any more goes: drafts are deleted, others deprecated.
    pub prune: bool,
}

impl Default for ApplyOrder {
    fn default() -> Self {
        Self { publish: true, overwrite: false, prune: false }
    }
}

/// One change at Meta.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// A new draft.
    Create,
    /// Nothing at Meta: from now on the bot's file says what is in it.
    Adopt,
    /// A new draft with the content of one that Meta does not let change, under another name.
    Clone,
    /// Name, categories, endpoint.
    Metadata,
    /// The Flow JSON.
    Json,
    /// From draft to published.
    Publish,
    /// Out of use for good.
    Deprecate,
    /// Deletes a draft.
    Delete,
}

/// What a plan says of a Flow, in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ItemKind {
    /// It is made.
    Create,
    /// It changes.
    Update,
    /// It is published as it is.
    Publish,
    /// Meta has one of that name that was not made here; from now on it is the bot's.
    Adopt,
    /// Meta lets it be as it is: a new one takes its place.
    Clone,
    /// A person has to decide.
    Conflict,
    /// It is made elsewhere, and not there.
    Missing,
    /// No bot wants it: it goes.
    Remove,
    /// No bot wants it: it stays.
    Unwanted,
    /// All is well.
    Nothing,
}

/// How file and Meta stand to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Alignment {
    /// Both have the same.
    InSync,
    /// The file changed since Meta was given it.
    LocalNewer,
    /// It was changed at Meta since.
    MetaNewer,
    /// Both changed, or they never had anything in common.
    Diverged,
    /// Only one of them is known.
    Unknown,
}

/// What is to be done about one Flow.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Item {
    /// The business account.
    pub account: Box<str>,
    /// The name that it has, or gets, at Meta.
    pub name: Box<str>,
    /// The bot.
    pub bot: Option<Box<str>>,
    /// Its name under `flows` there.
    pub local: Option<Box<str>>,
    /// Meta's id.
    pub id: Option<Box<str>>,
    /// Where it stands at Meta.
    pub status: Option<FlowStatus>,
    /// In a word.
    pub kind: ItemKind,
    /// File against Meta.
    pub alignment: Alignment,
    /// The changes, in order.
    pub steps: Vec<Step>,
    /// Why it is so.
    pub why: Option<String>,
    /// What helps.
    pub hint: Option<String>,
}

/// What is to be done.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Plan {
    /// By account and name.
    pub items: Vec<Item>,
    /// Bots that could not be read.
    pub unreadable: Vec<String>,
    /// What keeps the Flows from working, for people.
    pub warnings: Vec<String>,
}

/// What is known of one wanted Flow.
pub(super) struct Known<'a> {
    pub account: &'a str,
    pub place: Option<&'a Place>,
    pub remote: Option<&'a RemoteFlow>,
    /// The digest of the JSON that Meta has; `None` when it has none.
    pub json: Option<&'a str>,
    /// Why the JSON that Meta has is not known.
    pub unread: Option<&'a CallError>,
}

impl Step {
    /// Whether a Flow is as the step leaves it, as far as its state shows.
    pub(super) fn is_done_by(self, flow: &Flow) -> bool {
        match self {
            Self::Publish => flow.is_in_use(),
            Self::Deprecate => flow.remote.status == FlowStatus::Deprecated,
            Self::Delete => !flow.is_there(),
            _ => false,
        }
    }

    /// In words, for people.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Adopt => "adopt",
            Self::Clone => "clone",
            Self::Metadata => "metadata",
            Self::Json => "json",
            Self::Publish => "publish",
            Self::Deprecate => "deprecate",
            Self::Delete => "delete",
        }
    }
}

impl Alignment {
    /// Of the digests of the file's JSON, of what Meta was given last, and of what it has.
    pub fn of(file: Option<&str>, given: Option<&str>, meta: Option<&str>) -> Self {
        let Some(file) = file else { return Self::Unknown };
        match (given, meta) {
            (_, Some(meta)) if meta == file => Self::InSync,
            (Some(given), Some(meta)) if given == meta => Self::LocalNewer,
            (Some(given), Some(_)) if given == file => Self::MetaNewer,
            (_, Some(_)) => Self::Diverged,
            (Some(given), None) if given == file => Self::InSync,
            (Some(_), None) => Self::LocalNewer,
            (None, None) => Self::Unknown,
        }
    }
}

impl Item {
    fn new(wanted: &WantedFlow, known: &Known<'_>) -> Self {
        Self {
            account: known.account.into(),
            name: wanted.name.clone(),
            bot: Some(wanted.bot.clone()),
            local: Some(wanted.local.clone()),
            id: known.remote.map(|remote| remote.id.as_str().into()),
            status: known.remote.map(|remote| remote.status.clone()),
            kind: ItemKind::Nothing,
            alignment: Alignment::Unknown,
            steps: Vec::new(),
            why: None,
            hint: None,
        }
    }

    fn of(mut self, kind: ItemKind, why: impl Into<String>, hint: impl Into<String>) -> Self {
        (self.kind, self.why, self.hint) = (kind, Some(why.into()), Some(hint.into()));
        self.steps.clear();
        self
    }

    fn doing(mut self, steps: Vec<Step>) -> Self {
        let has = |step| steps.contains(&step);
        self.kind = match () {
            () if has(Step::Create) => ItemKind::Create,
            () if has(Step::Clone) => ItemKind::Clone,
            () if has(Step::Adopt) => ItemKind::Adopt,
            () if has(Step::Metadata) || has(Step::Json) => ItemKind::Update,
            () if has(Step::Publish) => ItemKind::Publish,
            () => ItemKind::Nothing,
        };
        self.steps = steps;
        self
    }

    /// Whether a person has to decide something.
    pub fn is_stuck(&self) -> bool {
        matches!(self.kind, ItemKind::Conflict | ItemKind::Missing)
    }
}

/// What is to be done about a Flow that a bot wants.
pub(super) fn plan_wanted(wanted: &WantedFlow, known: &Known<'_>, order: &ApplyOrder) -> Item {
    let mut item = Item::new(wanted, known);
    let name = &wanted.name;
    let Some(remote) = known.remote else { return absent(item, wanted, order) };
    let given = known.place.and_then(|place| place.pushed.as_ref()).map(|pushed| &*pushed.json);
    if known.unread.is_none() {
        item.alignment = Alignment::of(wanted.digest().as_deref(), given, known.json);
    }
    match remote.status {
        FlowStatus::Deprecated => {
            return item.of(
                ItemKind::Conflict,
                format!("flow {name} is deprecated: Meta never lets it be sent, changed or deleted again"),
                format!(
                    "give it another name (`meta: {{ name: … }}`), or make a new one of it: parlance flow clone {}",
                    remote.id
                ),
            );
        }
        FlowStatus::Blocked => {
            return item.of(
                ItemKind::Conflict,
                format!("flow {name} is blocked by Meta"),
                format!("see why with parlance flow status {} and in WhatsApp Manager; Meta releases it", remote.id),
            );
        }
        _ => {}
    }
    if wanted.json.is_none() {
        return used_only(item, remote);
    }
    if let Some(error) = known.unread {
        // It may be somebody else's work: what is not known is not overwritten.
        item.why = Some(format!("the JSON that Meta has of flow {name} could not be read: {error}"));
        return item;
    }
    let torn_apart = match item.alignment {
        Alignment::MetaNewer => true,
        Alignment::Diverged => !unfinished(known),
        _ => false,
    };
    if torn_apart && !order.overwrite {
        return torn(item, known);
    }
    let ours = known.place.is_some_and(|place| place.id.as_deref() == Some(&*remote.id));
    let adopts = (!ours).then_some(Step::Adopt).into_iter();
    let steps = adopts.chain(edits(&item, wanted, known, remote, order)).collect();
    item.doing(steps)
}

/// A Flow that was created from here, and did not get its JSON yet, has Meta's sample in it.
fn unfinished(known: &Known<'_>) -> bool {
    let Some((place, remote)) = known.place.zip(known.remote) else { return false };
    let ours = place.made_here && place.id.as_deref() == Some(&*remote.id) || place.was_making(&remote.name);
    ours && remote.status == FlowStatus::Draft && (place.pushed.is_none() || place.is_filling())
}

fn absent(mut item: Item, wanted: &WantedFlow, order: &ApplyOrder) -> Item {
    let name = &wanted.name;
    if let Some(id) = &wanted.id {
        let why = format!("the account has no flow {id}, which the bot names by `id`");
        return item.of(ItemKind::Missing, why, "correct the `id`, or leave it out so that the Flow is created");
    }
    if wanted.json.is_none() {
        let why = format!("the account has no flow {name}, and the bot file has no JSON of it");
        return item.of(ItemKind::Missing, why, "give it a `file` or its `json`, or correct the name");
    }
    item.alignment = Alignment::LocalNewer;
    let publish = order.publish.then_some(Step::Publish);
    item.doing([Step::Create, Step::Json].into_iter().chain(publish).collect())
}

fn used_only(mut item: Item, remote: &RemoteFlow) -> Item {
    if remote.status == FlowStatus::Draft {
        item.why = Some(format!("flow {} is a draft, and the bot file has no JSON of it", remote.name));
        item.hint = Some(format!("publish it where it is made, or with parlance flow publish {}", remote.id));
    }
    item
}

fn torn(item: Item, known: &Known<'_>) -> Item {
    let (name, id) = (item.name.clone(), item.id.clone().unwrap_or_default());
    let ours = known.place.is_some_and(|place| place.pushed.is_some());
    let why = match (item.alignment, ours) {
        (Alignment::MetaNewer, _) => format!("the JSON of flow {name} was changed at Meta since it was applied"),
        (_, true) => format!("the JSON of flow {name} was changed at Meta and in the file"),
        (_, false) => format!("the account has a flow {name} that was not made here, with another JSON"),
    };
    let hint = format!(
        "take Meta's with parlance flow pull {id}, or put the file's in its place: parlance flow apply --overwrite"
    );
    item.of(ItemKind::Conflict, why, hint)
}

/// The changes of a Flow that is there.
fn edits(item: &Item, wanted: &WantedFlow, known: &Known<'_>, remote: &RemoteFlow, order: &ApplyOrder) -> Vec<Step> {
    let metadata = (!change_of(wanted, remote).is_empty()).then_some(Step::Metadata);
    let json = (item.alignment != Alignment::InSync).then_some(Step::Json);
    let edits: Vec<Step> = metadata.into_iter().chain(json).collect();
    let publish = order.publish.then_some(Step::Publish);
    if remote.status == FlowStatus::Draft {
        return edits.into_iter().chain(publish).collect();
    }
    if edits.is_empty() {
        return edits;
    }
    let unchangeable = known.place.and_then(|place| place.unchangeable.as_deref()) == Some(&*remote.id);
    // An edit in place may put it back to draft: it would be out of use until somebody publishes it.
    if unchangeable || !order.publish {
        return [Step::Clone, Step::Json].into_iter().chain(publish).collect();
    }
    edits.into_iter().chain(publish).collect()
}

/// What of a Flow beside its JSON is not as the bot wants it.
pub(super) fn change_of(wanted: &WantedFlow, remote: &RemoteFlow) -> FlowChange {
    let differs = |categories: &Vec<_>| {
        let sorted = |list: &[whatsapp::graph::FlowCategory]| {
            let mut list = list.to_vec();
            list.sort();
            list.dedup();
            list
        };
        sorted(categories) != sorted(&remote.categories)
    };
    FlowChange {
        name: None,
        categories: wanted.categories.clone().filter(differs),
        endpoint_uri: wanted.endpoint.clone().filter(|uri| remote.endpoint_uri.as_deref() != Some(uri)),
        application_id: None,
    }
}

/// Two bots that want different Flows under one name.
pub(super) fn twins(account: &str, one: &WantedFlow, other: &WantedFlow) -> Item {
    let known = Known { account, place: None, remote: None, json: None, unread: None };
    let why = format!(
        "{}.{} and {}.{} are both flow {} at Meta, and differ",
        one.bot, one.local, other.bot, other.local, one.name
    );
    Item::new(one, &known).of(ItemKind::Conflict, why, "give one of them another name: `meta: { name: … }`")
}

/// What becomes of a Flow that no bot wants any more.
pub(super) fn plan_unwanted(place: &Place, flow: &Flow, order: &ApplyOrder) -> Item {
    let step = if flow.remote.status == FlowStatus::Draft { Step::Delete } else { Step::Deprecate };
    let replaced = place.id.as_deref() != Some(&*flow.remote.id);
    let mut item = Item {
        account: flow.account.clone(),
        name: flow.remote.name.as_str().into(),
        bot: Some(place.bot.clone()),
        local: Some(place.local.clone()),
        id: Some(flow.remote.id.as_str().into()),
        status: Some(flow.remote.status.clone()),
        kind: if order.prune { ItemKind::Remove } else { ItemKind::Unwanted },
        alignment: Alignment::Unknown,
        steps: if order.prune { vec![step] } else { Vec::new() },
        why: Some(if replaced { "another one took its place" } else { "no bot wants it any more" }.to_owned()),
        hint: None,
    };
    if !order.prune {
        let what = if step == Step::Delete { "deletes the draft" } else { "deprecates it, for good" };
        item.hint = Some(format!("parlance flow apply --prune {what}"));
    }
    item
}
