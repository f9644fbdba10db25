//! What happens is told to those who follow: in order, once, over restarts, within bounded memory.

use std::sync::Arc;

use actors::feed::{Feed, Follower, Full, Heard, Resync, Told, Topic};
use serde_json::{Value, json};
use storage::{Model, Options, RedbStore, Store};

fn following(store: Arc<RedbStore>) -> (Arc<Feed>, tokio::task::JoinHandle<()>) {
    let feed = Feed::new(store, 10);
    let task = tokio::spawn(feed.clone().run());
    (feed, task)
}

/// A feed that runs, and its task.
fn feed(store: &Arc<Model>, max: usize) -> (Arc<Feed>, tokio::task::JoinHandle<()>) {
    let feed = Feed::new(store.clone(), max);
    let task = tokio::spawn(feed.clone().run());
    (feed, task)
}

fn all(_: &Told) -> bool {
    true
}

async fn publish(store: &Model, bots: std::ops::Range<u64>) {
    for bot in bots {
        store.put_document("bot_live", &bot.to_string(), Some("version".into())).await.unwrap();
    }
}

/// Several bots in one row of the log.
async fn publish_together(store: &Model, bots: std::ops::Range<u64>) {
    let document = |bot: u64| ("bot_live".into(), bot.to_string().into(), Some("version".into()));
    store.put_documents(bots.map(document).collect()).await.unwrap();
}

/// The next event: its id and the bot that it names.
async fn next(feed: &Feed, follower: &mut Follower) -> (Option<String>, u64) {
    match follower.next().await.unwrap() {
        Heard::Told(told) => {
            let data: Value = serde_json::from_str(&told.data).unwrap();
            (told.place.map(|place| feed.id(place)), data["id"].as_str().unwrap().parse().unwrap())
        }
        resync => panic!("{resync:?}"),
    }
}

async fn bots(feed: &Feed, follower: &mut Follower, count: u64) -> Vec<u64> {
    let mut heard = Vec::new();
    for _ in 0..count {
        heard.push(next(feed, follower).await.1);
    }
    heard
}

#[tokio::test]
async fn a_follower_hears_what_it_wants_of_what_is_committed_after_it_came() {
    let store = Model::new();
    publish(&store, 0..3).await;
    let (feed, _task) = feed(&store, 10);
    let mut everything = feed.follow(None, all).unwrap();
    let mut flows = feed.follow(None, |told| told.topic == Topic::Flows).unwrap();
    publish(&store, 3..5).await;
    store.put_document("flow", "7", None).await.unwrap();
    assert_eq!(bots(&feed, &mut everything, 3).await, [3, 4, 7]);
    assert_eq!(bots(&feed, &mut flows, 1).await, [7]);
    assert_eq!(everything.place(), flows.place(), "who wants little is as far as the others");
}

#[tokio::test]
async fn whoever_comes_back_gets_each_event_once_over_restarts_and_in_the_middle_of_a_row() {
    let mut store = Model::new();
    let mut heard = Vec::new();
    let mut last: Option<String> = None;
    let mut published = 0;
    for round in 0..6u64 {
        let (feed, task) = feed(&store, 10);
        let mut follower = feed.follow(last.as_deref(), all).unwrap();
        publish_together(&store, published..published + 7).await;
        publish(&store, published + 7..published + 10).await;
        published += 10;
        // Not all of it: the connection breaks, and the process ends.
        for _ in 0..3 + 2 * round.min(3) {
            let (id, bot) = next(&feed, &mut follower).await;
            heard.push(bot);
            last = id;
        }
        drop(follower);
        task.abort();
        // While nobody is there.
        publish(&store, published..published + 1).await;
        published += 1;
        store = store.reopen();
    }
    let (feed, _task) = feed(&store, 10);
    let mut follower = feed.follow(last.as_deref(), all).unwrap();
    heard.extend(bots(&feed, &mut follower, published - heard.len() as u64).await);
    assert_eq!(heard, (0..published).collect::<Vec<_>>());
}

#[tokio::test]
async fn an_id_that_leads_nowhere_means_fetching_anew_and_then_going_on() {
    let store = Model::new();
    let (feed, _task) = feed(&store, 20);
    let mut first = feed.follow(None, all).unwrap();
    publish(&store, 0..1).await;
    let (id, _) = next(&feed, &mut first).await;
    let name = id.as_deref().and_then(|id| id.split('-').next()).unwrap().to_owned();
    for foreign in ["", "1", "00000000-1", &format!("{name}-9999"), &format!("{name}-1.x"), &format!("{name}--1")] {
        let mut follower = feed.follow(Some(foreign), all).unwrap();
        let heard = follower.next().await.unwrap();
        assert!(
            matches!(heard, Heard::Resync(Resync::Foreign, place) if feed.id(place) == format!("{name}-1")),
            "{foreign}"
        );
    }
    // The model keeps 32,768 rows.
    publish(&store, 1..33_000).await;
    let mut follower = feed.follow(id.as_deref(), all).unwrap();
    let heard = follower.next().await.unwrap();
    assert!(matches!(heard, Heard::Resync(Resync::TooOld, _)), "{heard:?}");
    publish(&store, 33_000..33_001).await;
    loop {
        if next(&feed, &mut follower).await.1 == 33_000 {
            break;
        }
    }
}

#[tokio::test]
async fn f118_a_thousand_slow_followers_cost_a_cursor_each_and_miss_nothing() {
    const FOLLOWERS: usize = 1_000;
    const EVENTS: u64 = 20_000;
    let store = Model::new();
    let (feed, _task) = feed(&store, FOLLOWERS);
    let mut followers: Vec<_> = (0..FOLLOWERS).map(|_| feed.follow(None, all).unwrap()).collect();
    assert_eq!(feed.follow(None, all).err(), Some(Full(FOLLOWERS)));
    publish(&store, 0..100).await;
    // Each has begun to read, and then reads no more.
    for follower in &mut followers {
        assert_eq!(next(&feed, follower).await.1, 0);
    }
    for group in 0..EVENTS / 100 {
        publish_together(&store, 100 + group * 100..200 + group * 100).await;
    }
    // One that reads falls out of the ring as well, reads the log, and comes back into the ring.
    let expected: Vec<_> = (1..100 + EVENTS).collect();
    assert_eq!(bots(&feed, &mut followers[0], 99 + EVENTS).await, expected);
    let (bytes, events) = feed.buffered();
    let own: usize = followers.iter().map(Follower::waiting).sum();
    assert!(events <= 4_096 && bytes <= 4 << 20, "{events} events of {bytes} bytes in the ring");
    assert!(own <= 32 * FOLLOWERS, "{own} events on their way to single followers");
    assert_eq!(bots(&feed, &mut followers[999], 99 + EVENTS).await, expected);
    drop(followers);
    assert_eq!((feed.followers(), feed.buffered()), (0, (0, 0)));
    assert!(feed.follow(None, all).is_ok());
}

#[tokio::test]
async fn what_is_only_told_reaches_those_who_are_there_and_has_no_id() {
    let store = Model::new();
    let (feed, _task) = feed(&store, 10);
    feed.tell(Topic::Broadcasts, "broadcast.progress", Some("1"), &json!({ "id": "0" }));
    let mut follower = feed.follow(None, all).unwrap();
    feed.tell(Topic::Broadcasts, "broadcast.progress", Some("1"), &json!({ "id": "1" }));
    feed.tell(Topic::Broadcasts, "broadcast.progress", None, &json!({ "id": "x".repeat(9_000) }));
    publish(&store, 2..3).await;
    assert_eq!(next(&feed, &mut follower).await, (None, 1));
    let (id, bot) = next(&feed, &mut follower).await;
    assert_eq!(bot, 2);
    assert_eq!(Some(feed.id(follower.place())), id);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_id_of_what_was_lost_with_an_older_copy_means_fetching_anew_and_earlier_ones_still_count() {
    let folder = tempfile::tempdir().unwrap();
    let (path, copy) = (folder.path().join("store.redb"), folder.path().join("copy.redb"));
    let mut ids = Vec::new();
    for bot in 0..2u64 {
        let store = RedbStore::open(&path, Options::default()).unwrap();
        let (feed, task) = following(store.clone());
        let mut follower = feed.follow(None, all).unwrap();
        for n in 0..3 {
            store.put_document("bot_live", &(10 * bot + n).to_string(), Some("version".into())).await.unwrap();
            ids.push(next(&feed, &mut follower).await.0.unwrap());
        }
        drop(follower);
        task.abort();
        store.close().await.unwrap();
        if bot == 0 {
            std::fs::copy(&path, &copy).unwrap();
        }
    }
    // The older copy is put back, and as much happens as was lost.
    std::fs::rename(&copy, &path).unwrap();
    let store = RedbStore::open(&path, Options::default()).unwrap();
    let (feed, _task) = following(store.clone());
    for bot in 20..24u64 {
        store.put_document("bot_live", &bot.to_string(), Some("version".into())).await.unwrap();
    }
    let mut lost = feed.follow(Some(&ids[4]), all).unwrap();
    assert!(matches!(lost.next().await.unwrap(), Heard::Resync(Resync::Foreign, _)));
    let mut early = feed.follow(Some(&ids[1]), all).unwrap();
    assert_eq!(bots(&feed, &mut early, 5).await, [2, 20, 21, 22, 23]);
}
