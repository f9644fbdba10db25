//! What the stand-in saw, and whether it fits what was acknowledged.

use std::collections::{HashMap, HashSet};
use std::fmt;

use simulator::{Filter, Handle, LoggedRequest};

use super::crowd::Said;
use super::world::World;

/// From the stand-in's acceptance to the commit that notes it: more than this is not "under way" any more. A few
/// milliseconds as a rule, and seconds where others write so much that the disk stands still.
const UNDER_WAY_MS: u64 = 5_000;
/// Between a clock read here and one read there.
const BREATH_MS: u64 = 20;
/// From a status that was taken to the sender that heard of it.
const HEARD_MS: u64 = 1_000;

/// When the program was interrupted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Interruption {
    pub(crate) at_ms: u64,
}

/// Collects the stand-in's logs, which forget.
#[derive(Default)]
pub(crate) struct Evidence {
    posts: Vec<Post>,
    last_post: u64,
    /// When the first status of a message was taken.
    statuses: HashMap<String, u64>,
    last_status: u64,
    pub(crate) kills: Vec<Interruption>,
}

struct Post {
    at_ms: u64,
    callback_data: String,
    accepted: bool,
    answered: bool,
}

/// What a look at the books came to.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    pub(crate) messages: usize,
    pub(crate) doubled_after_cut: usize,
    pub(crate) doubled_after_kill: usize,
    /// The longest time from an acceptance to the kill that left it in doubt.
    pub(crate) oldest_under_way_ms: u64,
}

impl fmt::Display for Findings {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { messages, doubled_after_cut, doubled_after_kill, oldest_under_way_ms } = self;
        write!(out, "messages {messages}, again after a cut {doubled_after_cut}, after a kill {doubled_after_kill}, ")?;
        write!(out, "longest under way in ms {oldest_under_way_ms}")
    }
}

impl Evidence {
    /// Takes over what is new in the logs.
    pub(crate) fn collect(&mut self, meta: &Handle) {
        let mut requests = meta.requests(&Filter::default());
        requests.reverse();
        for request in requests.iter().filter(|request| request.seq > self.last_post) {
            self.posts.push(Post::of(request));
        }
        self.last_post = requests.last().map_or(self.last_post, |request| request.seq);
        let mut webhooks = meta.webhooks(0);
        webhooks.reverse();
        for webhook in webhooks.iter().filter(|webhook| webhook.seq > self.last_status) {
            if (webhook.kind, webhook.status) == ("status", 200)
                && let Some(callback_data) = callback_data(&webhook.request)
            {
                self.statuses.entry(callback_data).or_insert(webhook.at_ms);
            }
        }
        self.last_status = webhooks.last().map_or(self.last_status, |webhook| webhook.seq);
    }

    /// Compares the books with what was acknowledged, where nobody but a crowd spoke.
    pub(crate) fn check(&self, meta: &Handle, said: &[Said]) -> Findings {
        let mut heard = Heard::of(meta);
        let messages = heard.messages;
        heard.crowd(said);
        heard.nobody_else();
        self.doubles(messages)
    }

    /// What left more than once, each of which must be explained.
    pub(crate) fn doubles(&self, messages: usize) -> Findings {
        let mut findings = Findings { messages, ..Findings::default() };
        self.check_doubles(&mut findings);
        findings
    }

    /// When each message was taken by the stand-in, by its callback data.
    pub(crate) fn taken(&self) -> HashMap<&str, Vec<u64>> {
        let mut taken: HashMap<&str, Vec<u64>> = HashMap::new();
        for post in self.posts.iter().filter(|post| post.accepted) {
            taken.entry(&post.callback_data).or_default().push(post.at_ms);
        }
        taken
    }

    fn check_doubles(&self, findings: &mut Findings) {
        let mut accepted: HashMap<&str, Vec<&Post>> = HashMap::new();
        for post in self.posts.iter().filter(|post| post.accepted) {
            accepted.entry(&post.callback_data).or_default().push(post);
        }
        let mut by_kill: HashMap<u64, usize> = HashMap::new();
        for (callback_data, posts) in accepted {
            for pair in posts.windows(2) {
                self.check_double(callback_data, pair[0], pair[1], findings, &mut by_kill);
            }
        }
        for (kill, count) in by_kill {
            assert!(count <= World::CONCURRENCY, "{count} messages were sent again after the kill at {kill}");
        }
    }

    fn check_double(
        &self,
        callback_data: &str,
        first: &Post,
        again: &Post,
        findings: &mut Findings,
        by_kill: &mut HashMap<u64, usize>,
    ) {
        let under_way = |kill: &&Interruption| {
            first.at_ms <= kill.at_ms + BREATH_MS
                && kill.at_ms <= again.at_ms
                && kill.at_ms <= first.at_ms + UNDER_WAY_MS
        };
        let kill = self.kills.iter().find(under_way).map(|kill| kill.at_ms);
        let doubtful_since = match (first.answered, kill) {
            (false, _) => first.at_ms,
            (true, Some(kill)) => kill.max(first.at_ms),
            (true, None) => panic!("{callback_data} was answered at {} and sent again at {}", first.at_ms, again.at_ms),
        };
        let waited = again.at_ms.saturating_sub(doubtful_since);
        assert!(
            waited + BREATH_MS >= World::DOUBT_WINDOW_MS,
            "{callback_data} was in doubt since {doubtful_since} and sent again {waited} ms later"
        );
        if let Some(taken) = self.statuses.get(callback_data) {
            assert!(
                again.at_ms <= taken + HEARD_MS,
                "a status of {callback_data} was taken at {taken}, and it was sent again at {}",
                again.at_ms
            );
        }
        if first.answered {
            findings.doubled_after_kill += 1;
            findings.oldest_under_way_ms = findings.oldest_under_way_ms.max(doubtful_since.saturating_sub(first.at_ms));
            *by_kill.entry(kill.unwrap_or(doubtful_since)).or_default() += 1;
        } else {
            findings.doubled_after_cut += 1;
        }
    }
}

/// What each person got first of every message, in the order in which the stand-in took it.
pub(crate) struct Heard {
    people: HashMap<String, Vec<Message>>,
    pub(crate) messages: usize,
}

/// One message, however often it was taken.
pub(crate) struct Message {
    pub(crate) text: String,
    pub(crate) callback_data: String,
}

impl Heard {
    pub(crate) fn of(meta: &Handle) -> Self {
        let books = meta.ledger().expect("the stand-in keeps books");
        assert_eq!(books.not_kept, 0, "the books are full");
        let mut people: HashMap<String, Vec<Message>> = HashMap::new();
        let mut known = HashSet::new();
        for row in books.rows {
            assert!(!row.callback_data.is_empty(), "a message left without callback data: {row:?}");
            if known.insert(row.callback_data.clone()) {
                let message = Message { text: row.text.into(), callback_data: row.callback_data.into() };
                people.entry(row.person.into()).or_default().push(message);
            }
        }
        Self { people, messages: known.len() }
    }

    /// What one person got.
    pub(crate) fn take(&mut self, person: &str) -> Vec<Message> {
        self.people.remove(person).unwrap_or_default()
    }

    /// Everybody of a crowd got their echoes.
    pub(crate) fn crowd(&mut self, said: &[Said]) {
        for said in said {
            let heard = self.take(&said.person);
            check_person(said, &heard.iter().map(|message| &*message.text).collect::<Vec<_>>());
        }
    }

    /// Nobody got anything who was not taken out.
    pub(crate) fn nobody_else(self) {
        assert!(self.people.is_empty(), "people who said nothing got messages: {:?}", self.people.keys());
    }
}

impl Post {
    fn of(request: &LoggedRequest) -> Self {
        Self {
            at_ms: request.at_ms,
            callback_data: request.callback_data.clone().unwrap_or_default(),
            accepted: request.accepted,
            answered: request.status != 0,
        }
    }
}

/// Every acknowledged message had its one echo, in the order in which they were acknowledged.
fn check_person(said: &Said, heard: &[&str]) {
    let most = said.acknowledged + u32::from(said.one_more) * 3;
    let person = &said.person;
    assert!(heard.len() >= said.acknowledged as usize, "{person} got {} echoes, {said:?}: {heard:?}", heard.len());
    assert!(heard.len() <= most as usize, "{person} got {} echoes, {said:?}: {heard:?}", heard.len());
    for (n, text) in (1..).zip(heard) {
        assert_eq!(*text, format!("echo {n}"), "{person} said {said:?} and heard {heard:?}");
    }
}

fn callback_data(body: &str) -> Option<String> {
    let body: serde_json::Value = serde_json::from_str(body).ok()?;
    let status = &body["entry"][0]["changes"][0]["value"]["statuses"][0];
    status["biz_opaque_callback_data"].as_str().map(str::to_owned)
}
