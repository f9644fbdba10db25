//! Redeploys under a thousand running conversations: published, taken back and moved while people write.

use std::collections::BTreeMap;
use std::sync::Arc;

use chatbot::{Bot, Format};
use reqwest::{Method, header};
use serde_json::{Value, json};

use crate::support::{Setup, World, body, person, text, until};

const PEOPLE: usize = 1_000;
/// Messages in one webhook.
const CHUNK: usize = 100;

/// Three questions; the replies tell the versions apart.
fn version(name: &str, third: &str) -> String {
    format!(
        "parlance: 1\nid: steps\nvars: {{ a: {{ type: text }} }}\ntriggers: [ {{ default: {{}}, to: one }} ]\nnodes:\n  \
         one: {{ type: ask, prompt: \"{name} one\", save: a, next: {{ ok: two }} }}\n  \
         two: {{ type: ask, prompt: \"{name} two\", next: {{ ok: {third} }} }}\n  \
         {third}: {{ type: ask, prompt: \"{name} three {{{{ a }}}}\", next: {{ ok: end }} }}\n  end: {{ type: end, reason: done }}\n"
    )
}

fn load(source: &str) -> Bot {
    chatbot::load(source, "steps.yaml", Format::Yaml).bot.unwrap()
}

async fn start() -> World {
    Setup::default().bot(&version("v1", "three")).start().await
}

/// Everybody writes, in a few webhooks at once.
async fn all_write(world: &World, words: &str) {
    let people: Vec<String> = (0..PEOPLE).map(person).collect();
    let posts = people.chunks(CHUNK).map(|chunk| {
        let messages: Vec<_> = chunk.iter().map(|from| text(from, &world.wamid(), world.now_ms(), words)).collect();
        world.post(body(&messages))
    });
    assert!(futures_util::future::join_all(posts).await.iter().all(|status| *status == 200));
}

async fn replies(world: &World, count: usize) -> BTreeMap<String, Vec<String>> {
    until(&format!("{count} replies to everybody"), async || {
        let rows = world.accepted();
        (rows.len() >= PEOPLE * count).then_some(())
    })
    .await;
    let mut people: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for row in world.accepted() {
        people.entry(row.person.to_string()).or_default().push(row.text.to_string());
    }
    assert_eq!(people.len(), PEOPLE);
    assert!(people.values().all(|replies| replies.len() == count), "nobody is answered twice");
    people
}

async fn put(world: &World, source: &str, query: &str) -> Value {
    let request = world.admin_call(Method::PUT, &format!("/api/v1/bots/steps?{query}"));
    let answer = request.header(header::CONTENT_TYPE, "application/yaml").body(source.to_owned()).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    answer.json().await.unwrap()
}

/// Runs by version number, as the versions list counts them.
async fn running(world: &World) -> BTreeMap<u64, u64> {
    let items = world.items("/api/v1/bots/steps/versions").await;
    let runs = items.iter().map(|item| (item["number"].as_u64().unwrap(), item["running"].as_u64().unwrap()));
    runs.filter(|(_, runs)| *runs > 0).collect()
}

async fn wait_running(world: &World, wanted: &[(u64, u64)]) {
    let wanted: BTreeMap<u64, u64> = wanted.iter().copied().collect();
    until(&format!("runs {wanted:?}"), async || {
        // A count is kept for a second.
        world.clock.advance(1_000);
        (running(world).await == wanted).then_some(())
    })
    .await;
}

/// Nothing is left over, and nothing failed.
async fn is_quiet(world: &World) {
    world.wait_consumed().await;
    assert_eq!(world.items("/api/v1/dead-letters").await, Vec::<Value>::new());
    assert_eq!(world.items("/api/v1/outbox?state=queued").await, Vec::<Value>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f56_a_thousand_runs_end_on_their_version_while_others_go_live_and_back() {
    let world = Arc::new(start().await);
    all_write(&world, "hi").await;
    replies(&world, 1).await;
    // While everybody answers, versions come and go.
    let answering = async {
        all_write(&world, "blue").await;
        all_write(&world, "more").await;
    };
    let deploying = async {
        for n in 2..12 {
            put(&world, &version(&format!("v{n}"), "four"), "").await;
            let (status, _) = world.admin_post("/api/v1/bots/steps/rollback", &json!({})).await;
            assert_eq!(status, 200);
        }
        put(&world, &version("last", "four"), "").await;
    };
    tokio::join!(answering, deploying);
    for replies in replies(&world, 3).await.into_values() {
        assert_eq!(replies, ["v1 one", "v1 two", "v1 three blue"]);
    }
    wait_running(&world, &[(1, PEOPLE as u64)]).await;
    all_write(&world, "done").await;
    wait_running(&world, &[]).await;
    all_write(&world, "hi again").await;
    for replies in replies(&world, 4).await.into_values() {
        assert_eq!(replies[3], "last one", "new runs begin on what is live");
    }
    is_quiet(&world).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f56_a_thousand_runs_move_under_load_and_what_cannot_move_is_drained() {
    let world = Arc::new(start().await);
    all_write(&world, "hi").await;
    replies(&world, 1).await;
    let two = version("v2", "three");
    let (answer, ()) = tokio::join!(put(&world, &two, "migrate=same_node"), all_write(&world, "blue"));
    assert_eq!(answer["version"], load(&two).version());
    // Those whose answer came before the publish are on the old version still.
    for replies in replies(&world, 2).await.into_values() {
        assert!(["v1 two", "v2 two"].contains(&&*replies[1]), "{replies:?}");
    }
    all_write(&world, "more").await;
    for replies in replies(&world, 3).await.into_values() {
        assert_eq!(replies[2], "v2 three blue", "everybody has moved, with what they said");
    }
    wait_running(&world, &[(2, PEOPLE as u64)]).await;

    // The third question is gone: its runs stay, until they are drained without a word of theirs.
    put(&world, &version("v3", "four"), "migrate=same_node&drain_after=24h").await;
    wait_running(&world, &[(2, PEOPLE as u64)]).await;
    world.clock.advance(24 * 3_600_000);
    wait_running(&world, &[]).await;
    assert_eq!(world.accepted().len(), 3 * PEOPLE, "they end without a word");
    all_write(&world, "hi again").await;
    for replies in replies(&world, 4).await.into_values() {
        assert_eq!(replies[3], "v3 one");
    }

    // Back, and the runs of the bad version move back as well.
    let policy = json!({ "policy": "same_node", "note": "three was better" });
    let (status, back) = world.admin_post("/api/v1/bots/steps/rollback", &policy).await;
    assert_eq!((status, &back["number"]), (200, &json!(2)));
    all_write(&world, "green").await;
    for replies in replies(&world, 5).await.into_values() {
        assert_eq!(replies[4], "v2 two");
    }
    wait_running(&world, &[(2, PEOPLE as u64)]).await;
    is_quiet(&world).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f56_a_policy_and_its_time_outlast_a_restart() {
    let mut world = start().await;
    let ada = person(0);
    world.write(&ada, "hi").await;
    world.wait_replies(&ada, 1).await;
    let gone = version("v2", "four").replace("  one:", "  first:").replace("to: one", "to: first");
    put(&world, &gone, "migrate=%7B%22one%22:%22first%22%7D&drain_after=2h").await;
    world.restart().await;
    let live = world.admin("/api/v1/bots/steps").await;
    assert_eq!(live["live"]["policy"], json!({ "migrate": { "one": "first" }, "drain_after": "2h" }));
    assert_eq!(live["number"], 2, "the file has not changed");
    world.write(&ada, "blue").await;
    assert_eq!(world.wait_replies(&ada, 2).await[1], "v2 two", "the map led to the new name of the node");
    world.end().await;
}
