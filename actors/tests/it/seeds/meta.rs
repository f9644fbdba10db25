//! Meta: takes what we send or does not, says so or does not, and tells later what became of it, in any order.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;

use actors::{AdjustableClock, Clock, Number, Transport};
use parking_lot::Mutex;
use whatsapp::graph::{Accepted, Error, Load};
use whatsapp::webhook::{ErrorObject, StatusKind, StatusUpdate};

use super::plan::PEOPLE;
use crate::sending::status_of;
use crate::support::{SplitMix, pause, phone, refusal};

/// A request as Meta saw it.
#[derive(Clone, Debug)]
pub(super) struct Post {
    /// Its place among all that happened, see [`Meta::moment`].
    pub moment: u64,
    pub at_ms: u64,
    /// In which life of the process.
    pub life: u32,
    pub to: String,
    pub text: String,
    pub callback_data: String,
    /// Whether the person gets it.
    pub taken: bool,
    /// When the answer came, if it did; and whether it told what became of it.
    pub answered_ms: Option<u64>,
    pub is_clear: bool,
}

/// A form, with the row of the message that it came with.
pub(super) struct Sent {
    pub person: u32,
    pub token: String,
    pub row: String,
}

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Taken,
    /// Taken, but the answer is lost.
    Silent,
    /// It never arrived, and nobody knows.
    Lost,
    /// Not connected: certainly not taken.
    NotSent,
    /// Refused with this number and status.
    Refused(u32, u16),
}

pub(super) struct Meta(Mutex<State>);

struct State {
    random: SplitMix,
    clock: Arc<AdjustableClock>,
    life: u32,
    moments: u64,
    /// From now on everything goes well.
    is_calm: bool,
    posts: Vec<Post>,
    /// Forms that phones have not got yet.
    forms: Vec<Sent>,
    /// What is still to be told, by its time.
    statuses: BTreeMap<(u64, u64), (usize, StatusKind)>,
}

impl Meta {
    pub(super) fn new(random: SplitMix) -> Arc<Self> {
        let clock = Arc::new(AdjustableClock::starting_at(0));
        let (posts, forms, statuses) = (Vec::new(), Vec::new(), BTreeMap::new());
        let state = State { random, clock, life: 0, moments: 0, is_calm: false, posts, forms, statuses };
        Arc::new(Self(Mutex::new(state)))
    }

    /// Another process begins, with this clock.
    pub(super) fn meets(&self, clock: Arc<AdjustableClock>) -> u32 {
        let mut state = self.0.lock();
        state.clock = clock;
        state.life += 1;
        state.life
    }

    pub(super) fn calm_down(&self) {
        self.0.lock().is_calm = true;
    }

    pub(super) fn posts(&self) -> Vec<Post> {
        self.0.lock().posts.clone()
    }

    /// Forms for phones that have not got them yet.
    pub(super) fn forms(&self) -> Vec<Sent> {
        std::mem::take(&mut self.0.lock().forms)
    }

    /// Counts what happens, so that things of the same millisecond have an order.
    pub(super) fn moment(&self) -> u64 {
        self.0.lock().moment()
    }

    pub(super) fn next_status_ms(&self) -> Option<u64> {
        self.0.lock().statuses.first_key_value().map(|((at_ms, _), _)| *at_ms)
    }

    /// What is due to be told, in one webhook.
    pub(super) fn statuses_due(&self, now_ms: u64) -> Vec<(usize, StatusKind)> {
        let mut state = self.0.lock();
        let later = state.statuses.split_off(&(now_ms + 1, 0));
        std::mem::replace(&mut state.statuses, later).into_values().collect()
    }

    /// They were not taken in: Meta tells them later.
    pub(super) fn tell_later(&self, statuses: &[(usize, StatusKind)], at_ms: u64) {
        let mut state = self.0.lock();
        for told in statuses {
            let moment = state.moment();
            state.statuses.insert((at_ms, moment), told.clone());
        }
    }

    pub(super) fn update(&self, (post, kind): &(usize, StatusKind)) -> StatusUpdate {
        let callback_data = self.0.lock().posts[*post].callback_data.clone();
        let undeliverable =
            ErrorObject { code: Some(131_026), title: Some("composed".into()), ..ErrorObject::default() };
        let errors = if *kind == StatusKind::Failed { vec![undeliverable] } else { Vec::new() };
        StatusUpdate { errors, ..status_of(&callback_data, kind.clone()) }
    }
}

impl State {
    fn moment(&mut self) -> u64 {
        self.moments += 1;
        self.moments
    }

    fn fate(&mut self) -> (Fate, u64) {
        if self.is_calm {
            return (Fate::Taken, 20);
        }
        let fate = match self.random.below(100) {
            0..64 => Fate::Taken,
            64..73 => Fate::Silent,
            73..78 => Fate::Lost,
            78..83 => Fate::NotSent,
            83..91 => Fate::Refused(999_999, 503),
            91..95 => Fate::Refused(130_429, 429),
            95..98 => Fate::Refused(131_056, 400),
            _ => Fate::Refused(100, 400),
        };
        let after_ms = if self.random.chance(4) { 12_000 } else { 5 + self.random.below(300) };
        (fate, after_ms)
    }

    fn note(&mut self, body: &[u8], taken: bool) -> usize {
        let body: serde_json::Value = serde_json::from_slice(body).unwrap();
        let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        let post = Post {
            moment: self.moment(),
            at_ms: self.clock.now_ms(),
            life: self.life,
            to: text(&body["to"]).trim_start_matches('+').to_owned(),
            text: text(&body["text"]["body"]) + &text(&body["interactive"]["body"]["text"]),
            callback_data: text(&body["biz_opaque_callback_data"]),
            taken,
            answered_ms: None,
            is_clear: false,
        };
        if let Some(token) = body["interactive"]["action"]["parameters"]["flow_token"].as_str().filter(|_| taken) {
            let row = post.callback_data.split('.').next().unwrap_or_default().to_owned();
            let person = (0..PEOPLE).find(|person| phone(*person) == post.to).unwrap();
            self.forms.push(Sent { person, token: token.to_owned(), row });
        }
        self.posts.push(post);
        self.posts.len() - 1
    }

    /// sent, delivered, perhaps read; or failed. Some never come, some twice, and any of them late.
    fn plan_statuses(&mut self, post: usize) {
        let fails = self.random.chance(3);
        let kinds: &[StatusKind] = match fails {
            true => &[StatusKind::Sent, StatusKind::Failed],
            false if self.random.chance(40) => &[StatusKind::Sent, StatusKind::Delivered],
            false => &[StatusKind::Sent, StatusKind::Delivered, StatusKind::Read],
        };
        for kind in kinds {
            let copies = match self.random.below(100) {
                _ if self.is_calm => 1,
                0..12 => 0,
                12..22 => 2,
                _ => 1,
            };
            for _ in 0..copies {
                let slow = !self.is_calm && self.random.chance(15);
                let after_ms = self.random.below(if slow { 50_000 } else { 1_500 });
                let due = (self.clock.now_ms() + after_ms, self.moment());
                self.statuses.insert(due, (post, kind.clone()));
            }
        }
    }
}

impl Transport for Meta {
    fn send<'a>(
        &'a self,
        _: &'a Number,
        body: Vec<u8>,
    ) -> Pin<Box<dyn Future<Output = Result<Accepted, Error>> + Send + 'a>> {
        let mut state = self.0.lock();
        let (fate, after_ms) = state.fate();
        let taken = matches!(fate, Fate::Taken | Fate::Silent);
        let post = state.note(&body, taken);
        if taken {
            state.plan_statuses(post);
        }
        drop(state);
        Box::pin(async move {
            pause(after_ms).await;
            let mut state = self.0.lock();
            let now_ms = state.clock.now_ms();
            let post = &mut state.posts[post];
            post.answered_ms = Some(now_ms);
            post.is_clear = !matches!(fate, Fate::Silent | Fate::Lost);
            match fate {
                Fate::Taken => {
                    let wamid = format!("wamid.{}", post.callback_data);
                    Ok(Accepted { wamid, wa_id: None, user_id: None, message_status: None })
                }
                Fate::Silent | Fate::Lost => Err(Error::Ambiguous("composed".into())),
                Fate::NotSent => Err(Error::NotSent("composed".into())),
                Fate::Refused(code, status) => Err(refusal(code, status).unwrap_err()),
            }
        })
    }

    fn load(&self, _: &Number) -> Load {
        Load::default()
    }
}
