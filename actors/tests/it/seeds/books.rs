//! What happened in a seed, and what may not have.

use std::collections::{BTreeMap, BTreeSet};

use actors::SenderSettings;
use actors::view::{self, MessageView, SendView};
use storage::{Entry, InboxSeq, SendId, Store};

use super::forms::Forms;
use super::ground::Crashes;
use super::meta::Post;
use super::plan::PEOPLE;
use crate::support::{conversation, phone};

/// An answer this long before the end of a life (ms) was written down in that life.
const WRITTEN_DOWN_MS: u64 = 1_000;
/// Requests that may leave in a second: the rate, and what may go at once.
const MOST_IN_A_SECOND: usize = super::life::MESSAGES_PER_SECOND as usize + 10;
const LATE: &str = "still there?";
const LATE_AFTER_MS: u64 = 10 * 60_000;

#[derive(Default)]
pub(super) struct Books {
    /// When each life began and ended (ms).
    pub starts_ms: Vec<u64>,
    pub ends_ms: Vec<u64>,
    /// Lives that ended at a call of the store.
    pub cuts: u32,
    /// Each delivery of a message, with its row if it was acknowledged.
    delivered: BTreeMap<(u32, u32), Vec<Option<InboxSeq>>>,
    silent_from: BTreeMap<u32, u64>,
    silences: Vec<(u32, u64, u64)>,
    /// Hand-backs that were asked for, and those of which nobody knows yet when they happen.
    handed_back: BTreeMap<u32, u32>,
    handing_back: BTreeMap<u32, u32>,
    orders: BTreeSet<(u32, u32)>,
    pub forms: Forms,
    posts: Vec<Post>,
    people: Vec<Person>,
    pub crashes: Crashes,
}

/// What the store knows of a person in the end.
#[derive(Default)]
struct Person {
    history: Vec<MessageView>,
    rows: Vec<SendView>,
}

impl Books {
    pub(super) fn delivered(&mut self, person: u32, message: u32, row: Option<InboxSeq>) {
        self.delivered.entry((person, message)).or_default().push(row);
    }

    pub(super) fn ordered(&mut self, person: u32, order: u32) {
        self.orders.insert((person, order));
    }

    /// How often somebody has begun to hand back.
    pub(super) fn hand_backs(&self, person: u32) -> u32 {
        self.handed_back.get(&person).copied().unwrap_or_default()
    }

    /// Somebody has taken over at this moment, and asked for it after so many hand-backs. It counts if it cannot be
    /// that one of those came after it.
    pub(super) fn taken_over(&mut self, person: u32, moment: u64, hand_backs: u32) {
        let none_under_way = self.handing_back.get(&person).copied().unwrap_or_default() == 0;
        if none_under_way && self.hand_backs(person) == hand_backs {
            self.silent_from.entry(person).or_insert(moment);
        }
    }

    /// Somebody is about to hand back.
    pub(super) fn hands_back(&mut self, person: u32, moment: u64) {
        *self.handed_back.entry(person).or_default() += 1;
        *self.handing_back.entry(person).or_default() += 1;
        let from = self.silent_from.remove(&person);
        self.silences.extend(from.map(|from| (person, from, moment)));
    }

    pub(super) fn handed_back(&mut self, person: u32) {
        *self.handing_back.entry(person).or_default() -= 1;
    }

    /// With what the store and Meta know in the end.
    pub(super) async fn close(mut self, store: &dyn Store, posts: Vec<Post>) -> Self {
        self.posts = posts;
        for person in 0..PEOPLE {
            self.people.push(Person::load(store, person).await);
        }
        self
    }

    /// All that is wrong.
    pub(super) fn check(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        for (at, person) in self.people.iter().enumerate() {
            let mut found = Vec::new();
            self.check_inbox(at as u32, person, &mut found);
            self.check_outbox(at as u32, person, &mut found);
            self.forms.check(at as u32, &person.rows, &mut found);
            wrong.extend(found.into_iter().map(|found| format!("person {at}: {found}")));
        }
        wrong.extend_from_slice(&self.forms.odd);
        self.check_copies(&mut wrong);
        self.check_doubt(&mut wrong);
        self.check_silence(&mut wrong);
        self.check_rate(&mut wrong);
        wrong
    }

    /// What was acknowledged counts once, in the order in which it was acknowledged.
    fn check_inbox(&self, at: u32, person: &Person, wrong: &mut Vec<String>) {
        let heard: Vec<&str> = person.heard().collect();
        let places = |message: u32| {
            let wamid = format!("wamid.{at}.{message}");
            heard.iter().enumerate().filter(move |(_, known)| **known == wamid).map(|(place, _)| place)
        };
        let mut last: Option<(InboxSeq, usize)> = None;
        let mut ordered: Vec<_> = Vec::new();
        for ((_, message), rows) in self.delivered.range((at, 0)..(at + 1, 0)) {
            let times = places(*message).count();
            if times != 1 {
                wrong.push(format!("message {message} counted {times} times, delivered as {rows:?}"));
            }
            if let (Some(Some(row)), Some(place)) = (rows.first(), places(*message).next()) {
                ordered.push((*row, place));
            }
        }
        ordered.sort_unstable();
        for (row, place) in ordered {
            if let Some((before, place_before)) = last.filter(|(_, before)| *before > place) {
                wrong.push(format!("row {row:?} at {place} before row {before:?} at {place_before}"));
            }
            last = Some((row, place));
        }
    }

    /// The bot counted each message once; what it and staff said is there once, in order, and settled.
    fn check_outbox(&self, at: u32, person: &Person, wrong: &mut Vec<String>) {
        let echoes: Vec<_> = person.rows.iter().filter_map(|row| row.text.split_once(": ")).collect();
        for (place, (count, _)) in (1..).zip(&echoes) {
            if count.parse() != Ok(place) {
                wrong.push(format!("echo {place} has count {count}"));
            }
        }
        let said: Vec<_> = echoes.iter().map(|(_, said)| said.trim_start_matches('m')).collect();
        let heard: Vec<_> = person.heard().map(|wamid| wamid.rsplit('.').next().unwrap_or_default()).collect();
        let mut rest = heard.iter();
        if !said.iter().all(|said| rest.any(|heard| heard == said)) {
            wrong.push(format!("echoes {said:?} of {heard:?}"));
        }
        for (_, order) in self.orders.iter().filter(|(person, _)| *person == at) {
            let text = format!("staff {order}");
            let times = person.rows.iter().filter(|row| row.text == text).count();
            if times != 1 {
                wrong.push(format!("order {order} is in the outbox {times} times"));
            }
        }
        for row in &person.rows {
            if !["accepted", "sent", "delivered", "read", "failed", "dead"].contains(&row.state) {
                wrong.push(format!("{} is left {}", row.id, row.state));
            }
            let taken = self.posts.iter().any(|post| post.taken && is_of(post, row));
            if !taken && row.state != "dead" {
                wrong.push(format!("{} is {} and never reached Meta", row.id, row.state));
            }
        }
        // What the bot said is held while staff have the conversation: they are heard before it.
        let (staff, bot): (Vec<_>, Vec<_>) = person.rows.iter().partition(|row| row.text.starts_with("staff"));
        self.check_order(&staff, wrong);
        self.check_order(&bot, wrong);
        check_timers(person, wrong);
    }

    /// A message leaves only when Meta has taken the one before, or never will.
    fn check_order(&self, rows: &[&SendView], wrong: &mut Vec<String>) {
        let mut latest: Option<(u64, &str)> = None;
        for row in rows {
            let mut posts = self.posts.iter().filter(|post| is_of(post, row));
            let first = posts.clone().map(|post| post.moment).min();
            if let (Some(first), Some((before, id))) = (first, latest)
                && first < before
            {
                wrong.push(format!("{} left before {id} was taken", row.id));
            }
            let taken = posts.find(|post| post.taken).map(|post| post.moment);
            latest = taken.map(|taken| (taken, row.id.as_str())).or(latest);
        }
    }

    /// Meta takes a message twice only where it could not be known that it has.
    fn check_copies(&self, wrong: &mut Vec<String>) {
        for (at, first, again) in self.copies() {
            let Some(told_ms) = first.answered_ms.filter(|_| first.is_clear) else { continue };
            let written_down = told_ms + WRITTEN_DOWN_MS <= self.ends_ms[first.life as usize - 1];
            if written_down || first.life == again.life {
                wrong.push(format!("post {at} ({}) was taken before, and that was known", again.callback_data));
            }
        }
    }

    /// Posts that were taken although one with the same data had been, each with that one.
    fn copies(&self) -> impl Iterator<Item = (usize, &Post, &Post)> {
        let mut first: BTreeMap<&str, &Post> = BTreeMap::new();
        let taken = self.posts.iter().enumerate().filter(|(_, post)| post.taken);
        taken.filter_map(move |(at, post)| match first.get(&*post.callback_data) {
            Some(before) => Some((at, *before, post)),
            None => {
                first.insert(&post.callback_data, post);
                None
            }
        })
    }

    /// Where nobody knows what became of a request, its status is waited for before there is another one.
    fn check_doubt(&self, wrong: &mut Vec<String>) {
        let mut before: BTreeMap<&str, &Post> = BTreeMap::new();
        for post in &self.posts {
            let Some(before) = before.insert(&post.callback_data, post).filter(|before| !before.is_clear) else {
                continue;
            };
            // Nobody heard the answer: the process that came next was the first to doubt.
            let doubted_ms = before.answered_ms.or_else(|| self.starts_ms.get(before.life as usize).copied());
            let soonest_ms = doubted_ms.unwrap_or_default() + SenderSettings::default().doubt_window_ms;
            if post.at_ms < soonest_ms {
                wrong.push(format!("{} left again at {} before {soonest_ms}", post.callback_data, post.at_ms));
            }
        }
    }

    fn check_silence(&self, wrong: &mut Vec<String>) {
        for (person, from, until) in &self.silences {
            let heard = self.posts.iter().filter(|post| post.to == phone(*person) && !post.text.starts_with("staff"));
            for post in heard.filter(|post| (*from..*until).contains(&post.moment)) {
                wrong.push(format!("person {person}: the bot said {:?} after it was taken over", post.text));
            }
        }
    }

    fn check_rate(&self, wrong: &mut Vec<String>) {
        for (at, post) in self.posts.iter().enumerate() {
            let soon = |other: &&Post| other.life == post.life && other.at_ms < post.at_ms + 1_000;
            let most = self.posts[at..].iter().take_while(soon).count();
            if most > MOST_IN_A_SECOND {
                wrong.push(format!("{most} requests within a second from {} on", post.at_ms));
            }
        }
    }

    /// Everything, as text: the same seed tells the same story.
    pub(super) fn story(&self) -> String {
        let mut lines = vec![format!("lives ended at {:?}, {} of them in the store", self.ends_ms, self.cuts)];
        lines.extend(self.posts.iter().map(|post| format!("{post:?}")));
        for (at, person) in self.people.iter().enumerate() {
            let heard = |message: &MessageView| format!("{} {} {:?}", message.at_ms, message.text, message.wamid);
            let said = |row: &SendView| format!("{} {} {} {}", row.created_ms, row.id, row.state, row.text);
            let all = person.history.iter().map(heard).chain(person.rows.iter().map(said));
            lines.extend(all.map(|line| format!("person {at}: {line}")));
        }
        lines.push(format!("{:?}", self.crashes));
        lines.join("\n")
    }
}

/// A run asks once whether somebody is still there, and not before its time.
fn check_timers(person: &Person, wrong: &mut Vec<String>) {
    let mut asked: Option<&SendView> = None;
    let mut is_late = false;
    for row in &person.rows {
        match row.text.as_str() {
            LATE if is_late => wrong.push(format!("{} asks again whether somebody is there", row.id)),
            LATE => {
                is_late = true;
                let early = |asked: &&SendView| row.created_ms < asked.created_ms + LATE_AFTER_MS;
                wrong.extend(asked.filter(early).map(|asked| format!("{} comes too soon after {}", row.id, asked.id)));
            }
            text if text.starts_with("after ") => (asked, is_late) = (Some(row), false),
            _ => {}
        }
    }
}

/// The data of a request begins with the id of its row.
fn is_of(post: &Post, row: &SendView) -> bool {
    post.callback_data.split_once('.').is_some_and(|(id, _)| id == row.id)
}

impl Person {
    async fn load(store: &dyn Store, person: u32) -> Self {
        let id = conversation(person);
        let entries: Vec<Entry> = store.history_from(id, 0, 10_000).await.unwrap();
        let history = entries.iter().flat_map(|entry| view::messages(entry, |_| None).unwrap()).collect();
        let next = store.load(id).await.unwrap().map_or(1, |head| head.next_send);
        let ids = (1..next).map(|n| SendId { conversation: id, n }).collect();
        let rows = store.sends(ids).await.unwrap().into_iter().map(|row| view::send(&row.unwrap()).unwrap());
        Self { history, rows: rows.collect() }
    }

    /// Ids of what the person wrote, in the order of the turns.
    fn heard(&self) -> impl Iterator<Item = &str> {
        self.history.iter().filter(|message| message.direction == "in").filter_map(|message| message.wamid.as_deref())
    }
}

/// What came of many seeds.
#[derive(Debug, Default)]
pub(super) struct Sum {
    seeds: usize,
    lives: usize,
    cuts: u32,
    /// Of the disk after a crash, and after the store was closed.
    images: usize,
    closed: usize,
    messages: usize,
    posts: usize,
    /// Taken twice, each for a reason.
    copies: usize,
    silences: usize,
    dead: usize,
    late: usize,
    /// Forms that were done, at their endpoint and in all.
    finished: usize,
    booked: usize,
    /// Questions of the second version of the bot.
    second: usize,
}

impl Sum {
    pub(super) fn add(&mut self, books: &Books) {
        let rows = || books.people.iter().flat_map(|person| &person.rows);
        self.seeds += 1;
        self.lives += books.ends_ms.len();
        self.cuts += books.cuts;
        self.images += books.crashes.images;
        self.closed += books.crashes.closed;
        self.messages += books.delivered.len();
        self.posts += books.posts.len();
        self.copies += books.copies().count();
        self.silences += books.silences.len();
        self.dead += rows().filter(|row| row.state == "dead").count();
        self.late += rows().filter(|row| row.text == LATE).count();
        self.finished += books.forms.finished.len();
        self.booked += rows().filter(|row| row.text.starts_with("booked ")).count();
        self.second += rows().filter(|row| row.text.ends_with(" in all")).count();
    }

    /// Whether everything happened often enough to have shown something.
    pub(super) fn is_rich(&self) -> bool {
        let Self { closed, copies, silences, dead, late, finished, second, .. } = *self;
        let rare = [self.cuts as usize, closed, copies, silences, dead, late, finished, self.booked - finished, second];
        let often = [self.messages, self.images].iter().all(|count| *count > 200);
        rare.iter().all(|count| *count >= 20) && often && self.lives > 200
    }
}

impl std::fmt::Display for Sum {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { seeds, lives, cuts, images, closed, messages, posts, copies, silences, dead, late, .. } = self;
        let Self { finished, booked, second, .. } = self;
        write!(
            out,
            "seeds {seeds}, lives {lives}, ended in the store {cuts}, disk images {images}, closed in order {closed}, "
        )?;
        write!(out, "messages {messages}, posts {posts}, taken twice for a reason {copies}, ")?;
        write!(out, "takeovers kept {silences}, given up {dead}, timers {late}, ")?;
        write!(out, "forms that came back {booked}, told to be done {finished}, turns of a published version {second}")
    }
}
