//! Carries a plan out, over as many lives of the process as it takes.

use std::sync::{Arc, LazyLock};

use actors::{Act, AdjustableClock, Bots, Clock, Deed, Done, Engine, How, Order, Ordered, SenderSettings};
use chatbot::{Bot, Format, HandBack, Migrate, Running};
use parking_lot::Mutex;
use storage::{Accept, InboxSeq, Store};
use whatsapp::message::{Outgoing, Text};
use whatsapp::webhook::StatusKind;

use super::books::Books;
use super::ground::Ground;
use super::meta::Meta;
use super::phone::{Phones, Returned, WITHIN};
use super::plan::{Event, PEOPLE, plan};
use crate::support::{Flaky, START_MS, SplitMix, World, conversation, received};

/// Counts what it hears, and asks whether somebody is still there. Two versions of it, which differ in what they ask.
static BOTS: LazyLock<[Arc<Bot>; 2]> = LazyLock::new(|| ["", " in all"].map(bot));

fn bot(how: &str) -> Arc<Bot> {
    let source = "
parlance: 1
id: test
vars: { count: { type: int, default: 0 }, said: { type: text, default: '' }, booked: { type: int, default: 0 }, got: { type: object } }
policies: { unexpected: { other: ignore } }
triggers: [ { default: {}, to: listen } ]
nodes:
  listen: { type: ask, prompt: 'after {{ count }}HOW', save: said, timeout: 10m, next: { ok: count, timeout: late } }
  count: { type: set, assign: { count: count + 1 }, next: { next: echo } }
  echo: { type: say, messages: [ { text: '{{ count }}: {{ said }}' } ], next: { next: more } }
  more: { type: branch, cases: [ { when: 'count % 5 == 3', to: form } ], else: listen }
  form:
    type: flow
    flow: f
    prompt: 'form {{ count }}'
    cta: Open
    entry: data_exchange
    ttl: 10m
    save: got
    while_waiting: 'use it'
    next: { done: done, expired: over, failed: unsent }
  done: { type: set, assign: { booked: booked + 1 }, next: { next: booked } }
  booked: { type: say, messages: [ { text: 'booked {{ booked }} {{ got.form }}' } ], next: { next: listen } }
  over: { type: say, messages: [ { text: 'over it is' } ], next: { next: listen } }
  unsent: { type: say, messages: [ { text: 'unsent it is' } ], next: { next: listen } }
  late: { type: say, messages: [ { text: 'still there?' } ], next: { next: rest } }
  rest: { type: ask, prompt: 'at rest', save: said, next: { ok: count } }
flows:
  f:
    id: '1'
    on:
      init: [ { show: { screen: A } } ]
      submit:
        A: [ { show: { screen: B } } ]
        B: [ { finish: { data: { form: '{{ form.form }}' } } } ]
";
    Arc::new(chatbot::load(&source.replace("HOW", how), "one.yaml", Format::Yaml).bot.expect("it has no errors"))
}

/// Meta tries again what was not taken in.
const REDELIVERY_MS: u64 = 5_000;
/// How long the rest may take once all is well: the longest backoff, with room.
const PATIENCE_MS: u64 = 30 * 60_000;
pub(super) const MESSAGES_PER_SECOND: u32 = 20;
const LOOK_EVERY_MS: u64 = 1_000;

/// One seed.
pub(super) struct Run {
    random: SplitMix,
    ground: Ground,
    /// They outlive a process as their files do.
    bots: Arc<Bots>,
    published: usize,
    meta: Arc<Meta>,
    phones: Arc<Phones>,
    books: Arc<Mutex<Books>>,
    now_ms: u64,
    /// What is to happen, with its time; the next one last.
    ahead: Vec<(u64, Event)>,
    /// What Meta is delivering: what is not taken in comes again.
    delivering: Option<(u32, u32)>,
    telling: Vec<(usize, StatusKind)>,
}

/// How a life ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Killed,
    /// Nothing is left to happen.
    Done,
}

impl Run {
    pub(super) fn new(seed: u64) -> Self {
        let mut random = SplitMix(seed);
        let meta = Meta::new(SplitMix(random.next()));
        let phones = Phones::new(SplitMix(random.next()));
        let mut ahead: Vec<_> = plan(&mut random).into_iter().map(|(at_ms, event)| (START_MS + at_ms, event)).collect();
        ahead.reverse();
        let run = Self {
            random,
            ground: Ground::of(seed),
            bots: Arc::new(Bots::new("test")),
            published: 0,
            meta,
            phones,
            books: Arc::default(),
            now_ms: START_MS,
            ahead,
            delivering: None,
            telling: Vec::new(),
        };
        run.bots.put_live(BOTS[0].clone());
        run
    }

    pub(super) fn finish(mut self) -> Books {
        loop {
            let is_last = self.ahead.is_empty();
            if is_last {
                self.meta.calm_down();
                self.phones.calm_down();
            }
            if self.live(is_last) == End::Done {
                break;
            }
            // Another process comes up after a moment.
            self.now_ms += self.random.below(3_000);
        }
        let store = self.ground.open(&mut self.random, false).expect("nothing ends this one");
        let books = std::mem::take(&mut *self.books.lock());
        let mut books = runtime().block_on(books.close(&*store, self.meta.posts()));
        drop(store);
        self.ground.leave(&mut self.random);
        books.crashes = self.ground.crashes();
        books
    }

    /// One life; nothing of the process is left after it.
    fn live(&mut self, is_last: bool) -> End {
        let Some(store) = self.ground.open(&mut self.random, !is_last) else {
            self.books.lock().cuts += 1;
            return End::Killed;
        };
        self.books.lock().starts_ms.push(self.now_ms);
        let runtime = runtime();
        let end = runtime.block_on(async {
            let clock = Arc::new(AdjustableClock::starting_at(self.now_ms));
            self.meta.meets(clock.clone());
            let end = tokio::select! {
                biased;
                () = store.cut() => End::Killed,
                end = self.go_on(&store, &clock, is_last) => end,
            };
            self.now_ms = clock.now_ms();
            self.deliver_again();
            end
        });
        self.books.lock().ends_ms.push(self.now_ms);
        self.books.lock().cuts += u32::from(store.is_cut());
        drop((runtime, store));
        self.ground.leave(&mut self.random);
        end
    }

    async fn start(&self, store: &Arc<Flaky>, clock: &Arc<AdjustableClock>) -> Engine {
        let world = World::over(store.clone());
        let sender = SenderSettings { messages_per_second: MESSAGES_PER_SECOND, ..world.sender.clone() };
        let (clock, bots, turn) = (clock.clone(), self.bots.clone(), Arc::new(chatbot::turn));
        World { clock, bots, turn, sender, ..world }.start_over(self.meta.clone()).await
    }

    async fn go_on(&mut self, store: &Arc<Flaky>, clock: &Arc<AdjustableClock>, is_last: bool) -> End {
        let engine = Arc::new(self.start(store, clock).await);
        if is_last {
            self.hand_all_back(&engine);
        }
        // What was handed back goes on first.
        let settled_ms = clock.now_ms() + LOOK_EVERY_MS;
        let mut until_ms = clock.now_ms() + PATIENCE_MS;
        loop {
            let now_ms = clock.now_ms();
            if is_last && now_ms >= settled_ms && self.is_quiet(store, now_ms).await {
                return End::Done;
            }
            if is_last && now_ms >= until_ms {
                panic!("left over for ever: {}", self.left_over(store).await);
            }
            let planned_ms = self.ahead.last().map(|(at_ms, _)| *at_ms);
            let next_ms = [planned_ms, self.meta.next_status_ms(), self.phones.next_ms()].into_iter().flatten().min();
            let next_ms = match next_ms {
                Some(next_ms) => next_ms,
                // A takeover may have been waiting for its turn since a life before.
                None if is_last => {
                    self.hand_all_back(&engine);
                    now_ms + LOOK_EVERY_MS
                }
                None => return End::Killed,
            };
            clock.wait_until(next_ms).await;
            self.tell(&engine, clock).await;
            self.use_forms(&engine, clock);
            while self.ahead.last().is_some_and(|(at_ms, _)| *at_ms <= clock.now_ms()) {
                let (_, event) = self.ahead.pop().unwrap();
                match event {
                    Event::Kill => return End::Killed,
                    Event::Jump(by_ms) => {
                        clock.advance(by_ms);
                        until_ms += by_ms;
                    }
                    event => self.happens(&engine, store, clock, event).await,
                }
            }
        }
    }

    async fn happens(&mut self, engine: &Arc<Engine>, store: &Flaky, clock: &AdjustableClock, event: Event) {
        match event {
            Event::Say { person, message } | Event::Copy { person, message } => {
                let wamid = format!("wamid.{person}.{message}");
                let plain = || received(&wamid, person, &format!("m{message}"));
                let received = self.phones.message(&wamid, message).unwrap_or_else(plain);
                let row = actors::inbound(&received, clock.now_ms());
                self.delivering = Some((person, message));
                if let Ok(rows) = store.append(vec![Accept::Message(row)]).await {
                    self.delivering = None;
                    self.books.lock().delivered(person, message, Some(rows[0]));
                }
                self.now_ms = clock.now_ms();
                self.deliver_again();
            }
            Event::TakeOver { person, who } => {
                let (engine, meta, books) = (engine.clone(), self.meta.clone(), self.books.clone());
                books.lock().forms.taken_over.insert(person);
                let hand_backs = books.lock().hand_backs(person);
                tokio::spawn(async move {
                    let deed = deed(who, Act::TakeOver { from_others: false });
                    if let Ok(Done::Done(_)) = engine.act(conversation(person), deed).await {
                        books.lock().taken_over(person, meta.moment(), hand_backs);
                    }
                });
            }
            Event::HandBack { person } => self.hand_back(engine, person),
            Event::Staff { person, order } => {
                let (engine, books) = (engine.clone(), self.books.clone());
                let message = Outgoing::Text(Text::new(format!("staff {order}")).unwrap());
                let key = Some(format!("order {order}"));
                let who = "user:elif".into();
                let ordered = Order { conversation: conversation(person), message, key, who, force: true };
                tokio::spawn(async move {
                    if let Ok(Ordered::Queued(_) | Ordered::Waiting(_)) = engine.order(ordered).await {
                        books.lock().ordered(person, order);
                    }
                });
            }
            Event::Publish { moves } => {
                self.published += 1;
                let migrate = if moves { Migrate::SameNode } else { Migrate::Pin };
                let bot = BOTS[self.published % BOTS.len()].clone();
                self.bots.publish(bot, clock.now_ms(), Running { migrate, ..Running::default() });
                engine.bots_changed();
            }
            Event::Jump(_) | Event::Kill => {}
        }
    }

    fn hand_all_back(&self, engine: &Arc<Engine>) {
        (0..PEOPLE).for_each(|person| self.hand_back(engine, person));
    }

    fn hand_back(&self, engine: &Arc<Engine>, person: u32) {
        // The bot may say something from the moment in which this is asked.
        self.books.lock().hands_back(person, self.meta.moment());
        let act = Act::HandBack { how: How::Continue, outcome: HandBack::Returned };
        let deed = Deed { by_right: true, ..deed("user:elif", act) };
        let (engine, books) = (engine.clone(), self.books.clone());
        tokio::spawn(async move {
            if engine.act(conversation(person), deed).await.is_ok() {
                books.lock().handed_back(person);
            }
        });
    }

    async fn tell(&mut self, engine: &Engine, clock: &AdjustableClock) {
        self.telling = self.meta.statuses_due(clock.now_ms());
        if self.telling.is_empty() {
            return;
        }
        let updates: Vec<_> = self.telling.iter().map(|told| self.meta.update(told)).collect();
        if engine.statuses(&updates).await.is_ok() {
            self.telling.clear();
        }
        self.now_ms = clock.now_ms();
        self.deliver_again();
    }

    /// What was not answered with success comes again after a while.
    fn deliver_again(&mut self) {
        let again_ms = self.now_ms + REDELIVERY_MS;
        self.meta.tell_later(&std::mem::take(&mut self.telling), again_ms);
        if let Some((person, message)) = self.delivering.take() {
            self.books.lock().delivered(person, message, None);
            self.happens_at(again_ms, Event::Copy { person, message });
        }
    }

    fn happens_at(&mut self, at_ms: u64, event: Event) {
        self.ahead.push((at_ms, event));
        self.ahead.sort_by_key(|(at_ms, _)| std::cmp::Reverse(*at_ms));
    }

    /// Phones get forms, ask for them what is due, and bring them back.
    fn use_forms(&mut self, engine: &Arc<Engine>, clock: &Arc<AdjustableClock>) {
        let now_ms = clock.now_ms();
        self.phones.get(self.meta.forms(), now_ms);
        for Returned { person, message, row } in self.phones.returns(now_ms) {
            self.books.lock().forms.returned.insert(row);
            self.happens_at(now_ms, Event::Say { person, message });
        }
        for asked in self.phones.asks(now_ms) {
            let (engine, clock, phones, books) =
                (engine.clone(), clock.clone(), self.phones.clone(), self.books.clone());
            tokio::spawn(async move {
                let outcome = engine.ask_form(asked.request.clone(), WITHIN).await.outcome;
                let heard = phones.hears(&asked, &outcome, clock.now_ms());
                books.lock().forms.heard(heard);
            });
        }
    }

    async fn left_over(&self, store: &Flaky) -> String {
        let inbox = store.pending(InboxSeq(0), 10).await;
        let open = store.open_sends(None, 10).await;
        format!("inbox {inbox:?}, open {open:?}, statuses at {:?}, now {}", self.meta.next_status_ms(), self.now_ms)
    }

    async fn is_quiet(&self, store: &Flaky, now_ms: u64) -> bool {
        let nothing_waits = store.stats().inbox == 0 && self.ahead.is_empty();
        let is_told = self.meta.next_status_ms().or(self.phones.next_ms()).is_none();
        let open = store.open_sends(None, 1).await.is_ok_and(|open| open.is_empty());
        let nothing_due = store.wakes_due(None, now_ms, 1).await.is_ok_and(|due| due.is_empty());
        nothing_waits && is_told && open && nothing_due
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap()
}

fn deed(who: &str, act: Act) -> Deed {
    Deed { act, who: who.into(), reason: None, note: None, by_right: false }
}
