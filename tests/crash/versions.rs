//! kill -9 while bots are published and taken back: what was acknowledged is live, or what was under way is, whole.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use reqwest::Method;
use reqwest::header::CONTENT_TYPE;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::support::{SOON, World, eventually};

const CYCLES: u32 = 10;
const SEED: u64 = 20_261_127;
/// The last so many versions are kept whether somebody runs them or not.
const KEPT: u64 = 20;
/// So many versions before the newest is one to go back to: it stays among those for a while.
const EARLIER: usize = 8;
const LOOKS: usize = 5;
const AT_ONCE: Duration = Duration::from_millis(1);

/// The echo bot, another version for each number.
fn bot(n: u64) -> String {
    json!({
        "parlance": 1, "id": "echo", "title": format!("number {n}"),
        "triggers": [{ "default": {}, "to": "say" }],
        "nodes": {
            "say": { "type": "say", "messages": [{ "text": "{{ input.text }}" }], "next": { "next": "end" } },
            "end": { "type": "end" },
        },
    })
    .to_string()
}

fn hash(source: &str) -> String {
    chatbot::load(source, "echo.json", chatbot::Format::Json).bot.expect("a bot").version().to_owned()
}

/// What the publisher knows: the version that it was last told is live, and the one that it asked for since.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    /// Makes the source of a version.
    bot: fn(u64) -> String,
    /// One that is kept for a while, to go back to.
    earlier: String,
    live: String,
    asked: Option<String>,
    count: u64,
}

impl Known {
    pub(crate) fn of(bot: fn(u64) -> String) -> Self {
        Self { bot, earlier: String::new(), live: String::new(), asked: None, count: 0 }
    }

    fn next(&mut self) -> (Method, &'static str, String) {
        self.count += 1;
        let back = self.count.is_multiple_of(4);
        let body = if back { json!({ "to": self.earlier }).to_string() } else { (self.bot)(self.count) };
        self.asked = Some(if back { self.earlier.clone() } else { hash(&body) });
        match back {
            true => (Method::POST, "/api/v1/bots/echo/rollback", body),
            false => (Method::PUT, "/api/v1/bots/echo?migrate=same_node&note=again", body),
        }
    }
}

/// Publishes and takes back, once in so long, until nobody answers or it is stopped.
pub(crate) async fn publish(world: Arc<World>, known: Arc<Mutex<Known>>, every: Duration, stop: CancellationToken) {
    let mut ticks = tokio::time::interval(every);
    while stop.run_until_cancelled(ticks.tick()).await.is_some() {
        let (method, path, body) = known.lock().next();
        let request = world.http.request(method, format!("http://{}{path}", world.place.admin));
        let request = request.bearer_auth(&world.place.admin_token).header(CONTENT_TYPE, "application/json");
        let Ok(answer) = request.body(body).send().await else { return };
        assert_eq!(answer.status(), 200);
        let Ok(answer) = answer.json::<Value>().await else { return };
        let mut known = known.lock();
        let live = answer["version"].as_str().expect("a version").to_owned();
        assert_eq!(Some(&live), known.asked.as_ref());
        (known.live, known.asked) = (live, None);
    }
}

/// Every version that must be kept is there as it was, one number each, and the live one is one of them. Looks into so many
/// of them; answers the newest number.
pub(crate) async fn is_whole(world: &World, known: &mut Known, looks: usize) -> usize {
    let bot = world.admin("/api/v1/bots/echo").await;
    let live = bot["version"].as_str().expect("a version").to_owned();
    let allowed = [Some(known.live.clone()), known.asked.take()];
    assert!(known.live.is_empty() || allowed.contains(&Some(live.clone())), "{live} is live, known is {known:?}");
    known.live.clone_from(&live);
    let (mut items, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = world.admin(&format!("/api/v1/bots/echo/versions?limit=200{cursor}")).await;
        items.extend(page["items"].as_array().expect("a list").clone());
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    let numbers: Vec<u64> = items.iter().filter_map(|item| item["number"].as_u64()).collect();
    let newest = *numbers.first().expect("a number");
    // Older ones that nobody runs any more may be forgotten.
    let kept: Vec<_> = (newest.saturating_sub(KEPT - 1).max(1)..=newest).rev().collect();
    assert!(numbers.starts_with(&kept) && numbers.is_sorted_by(|a, b| a > b), "{numbers:?}");
    assert!(items.iter().any(|item| item["version"] == *live && item["live"] == true));
    for item in items.iter().step_by(items.len().div_ceil(looks)) {
        let version = item["version"].as_str().expect("a version");
        let source = world.admin(&format!("/api/v1/bots/echo/versions/{version}")).await;
        assert_eq!(hash(&source.to_string()), version);
    }
    let earlier = items.get(EARLIER).or(items.last());
    known.earlier = earlier.and_then(|item| item["version"].as_str()).expect("a version").to_owned();
    newest as usize
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f56_kills_between_publishes_leave_a_whole_version_live() {
    let world = Arc::new(World::new().await);
    let mut random = StdRng::seed_from_u64(SEED);
    let known = Arc::new(Mutex::new(Known::of(bot)));
    let (mut versions, mut slowest) = (0, Duration::ZERO);
    for _ in 0..CYCLES {
        let (mut program, ready) = world.start().await;
        slowest = slowest.max(ready);
        let mut before = known.lock().clone();
        versions = is_whole(&world, &mut before, LOOKS).await;
        *known.lock() = before;
        let publisher = tokio::spawn(publish(world.clone(), known.clone(), AT_ONCE, CancellationToken::new()));
        program.run_for(random.random_range(20..500)).await;
        program.kill();
        publisher.await.expect("nothing else was answered than what was asked");
    }
    let (_program, ready) = world.start().await;
    let mut last = known.lock().clone();
    versions = versions.max(is_whole(&world, &mut last, LOOKS).await);
    println!("{CYCLES} kills, {versions} versions, slowest start {} ms", slowest.max(ready).as_millis());
    assert!(versions > 20, "hardly anything was published: {versions}");

    let body = world.texts(&[("99900005555".into(), "wamid.after".into(), "hello".into())]);
    assert_eq!(world.post(&body).await, Some(200));
    eventually("the reply", SOON, async || {
        let books = world.meta.ledger().expect("the stand-in keeps books");
        // The version of the file, which a rollback leads to, puts a word before it.
        books.rows.iter().any(|row| row.text.ends_with("hello")).then_some(())
    })
    .await;
    world.drained(SOON).await;
    world.nothing_left_over().await;
}
