//! Outgoing events: what leaves, when, how often, and that nothing of it is lost.

mod support;

use std::time::Duration;

use actors::outlet::{DeliveryFilter, DeliveryState, OutletSettings, Posting, ReplayError};
use proptest::prelude::*;
use serde_json::json;
use storage::Model;

use crate::support::*;
use support::*;

const SECOND_MS: u64 = 1_000;
const HOUR_MS: u64 = 3_600_000;
/// How long each try waits after the one before, at least; at most a tenth longer.
const LADDER_MS: [u64; 7] =
    [5 * SECOND_MS, 300 * SECOND_MS, 1_800 * SECOND_MS, 2 * HOUR_MS, 5 * HOUR_MS, 10 * HOUR_MS, 10 * HOUR_MS];

fn filter(state: DeliveryState) -> DeliveryFilter {
    DeliveryFilter { state: Some(state), ..DeliveryFilter::default() }
}

async fn states(world: &World) -> Vec<(String, DeliveryState, u32)> {
    let listed = world.outlet.list(&DeliveryFilter::default(), None, 1_000).await.unwrap();
    listed.items.into_iter().map(|one| (one.kind.into(), one.state, one.tries)).collect()
}

#[tokio::test(start_paused = true)]
async fn what_a_turn_decides_is_told_with_who_and_where() {
    let mut world = world(TELLS);
    let endpoints = Endpoints::new(&world);
    let _running = open(&mut world, &endpoints, vec![endpoint("crm", &["*"])]).await;
    let _engine = world.start().await;
    world.say(1, "hi").await;
    until(|| endpoints.got("crm").len() == 2, "both events arrived").await;
    let (_, first) = endpoints.got("crm").remove(0);
    let told = body(&first);
    assert_eq!((&told["type"], &told["data"]["payload"]), (&json!("bot.seen"), &json!({ "text": "hi" })));
    let data = &told["data"];
    assert_eq!(data["conversation"], conversation(1).to_string());
    assert_eq!((&data["phone_number_id"], &data["wa_id"]), (&json!(NUMBER), &json!(phone(1))));
    assert_eq!((&data["bot"], &data["node"], &data["user_id"]), (&json!("test"), &json!("tell"), &json!(null)));
    let (_, second) = endpoints.got("crm").remove(1);
    let ended = body(&second);
    assert_eq!((&ended["type"], &ended["data"]["reason"]), (&json!("run.finished"), &json!("done")));
    assert_eq!((&ended["data"]["result"], &ended["data"]["run"]), (&json!("hi"), &data["run"]));
    assert!(told["timestamp"].as_str().unwrap().ends_with('Z'));
    assert_ne!(first.id, second.id);
}

#[tokio::test(start_paused = true)]
async fn each_endpoint_gets_what_it_wants_under_the_same_id() {
    let mut world = world(TELLS);
    let endpoints = Endpoints::new(&world);
    let wanted = vec![endpoint("all", &["*"]), endpoint("runs", &["run.*"]), endpoint("none", &["handoff.*"])];
    let _running = open(&mut world, &endpoints, wanted).await;
    let _engine = world.start().await;
    world.say(1, "hi").await;
    until(|| endpoints.got("all").len() == 2 && endpoints.got("runs").len() == 1, "all arrived").await;
    assert_eq!(endpoints.types("runs"), ["run.finished"]);
    assert!(endpoints.ids("all").is_superset(&endpoints.ids("runs")));
    assert!(endpoints.got("none").is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_failing_delivery_climbs_the_ladder_and_is_given_up_at_its_end() {
    let mut world = world(TELLS);
    let endpoints = Endpoints::new(&world);
    endpoints.answer(|_| status(500));
    let _running = open(&mut world, &endpoints, vec![endpoint("crm", &["bot.*"])]).await;
    let _engine = world.start().await;
    world.say(1, "hi").await;
    hours(&world, 48).await;
    let got = endpoints.got("crm");
    assert_eq!(got.len(), 8);
    for (pair, wait_ms) in got.windows(2).zip(LADDER_MS) {
        let waited_ms = pair[1].0 - pair[0].0;
        let most_ms = wait_ms + wait_ms / 10 + SECOND_MS;
        assert!((wait_ms..=most_ms).contains(&waited_ms), "{waited_ms} after {wait_ms}");
        let same = |posting: &Posting| (posting.id.clone(), posting.body.clone());
        assert_eq!(same(&pair[0].1), same(&pair[1].1), "the same event");
        assert!(pair[0].1.timestamp < pair[1].1.timestamp, "of another time");
        assert_ne!(pair[0].1.signature, pair[1].1.signature);
    }
    assert_eq!(states(&world).await, [("bot.seen".into(), DeliveryState::Failed, 8)]);
}

#[tokio::test(start_paused = true)]
async fn a_restart_goes_on_where_the_ladder_was() {
    let mut world = world(TELLS);
    let endpoints = Endpoints::new(&world);
    endpoints.answer(|_| Some(Err("no connection".into())));
    let running = open(&mut world, &endpoints, vec![endpoint("crm", &["bot.*"])]).await;
    let engine = world.start().await;
    world.say(1, "hi").await;
    hours(&world, 1).await;
    assert_eq!(endpoints.got("crm").len(), 4, "at 0 s, 5 s, 5 min and 35 min");
    running.abort();
    engine.drain(Duration::from_secs(1)).await;
    hours(&world, 24).await;
    assert_eq!(endpoints.got("crm").len(), 4);

    endpoints.answer(|_| status(204));
    let _running = open(&mut world, &endpoints, vec![endpoint("crm", &["bot.*"])]).await;
    until(|| endpoints.got("crm").len() == 5, "it is overdue").await;
    hours(&world, 48).await;
    assert_eq!((endpoints.got("crm").len(), endpoints.ids("crm").len()), (5, 1));
    assert_eq!(states(&world).await, [("bot.seen".into(), DeliveryState::Delivered, 5)]);
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_hangs_holds_no_other_up_and_has_few_requests_under_way() {
    let mut world = world(TELLS);
    let endpoints = Endpoints::new(&world);
    endpoints.answer(|posting| if posting.url.host_str() == Some("slow") { None } else { status(200) });
    let wanted = vec![endpoint("slow", &["bot.*"]), endpoint("quick", &["bot.*"])];
    let settings = OutletSettings { in_flight: 3, ..OutletSettings::default() };
    let _running = open_with(&mut world, &endpoints, wanted, settings).await;
    let _engine = world.start().await;
    for person in 1..=20 {
        world.say(person, "hi").await;
    }
    until(|| endpoints.ids("quick").len() == 20, "the quick one has all").await;
    assert_eq!(endpoints.got("slow").len(), 3);
    assert!(endpoints.most_under_way() <= 6);
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_keeps_failing_is_tried_one_at_a_time() {
    let mut world = world(TELLS);
    let endpoints = Endpoints::new(&world);
    endpoints.answer(|_| status(500));
    let _running = open(&mut world, &endpoints, vec![endpoint("crm", &["bot.*"])]).await;
    let _engine = world.start().await;
    for person in 1..=10 {
        world.say(person, "hi").await;
    }
    until(|| endpoints.got("crm").len() >= 20, "all were tried").await;
    endpoints.answer(|_| None);
    let before = endpoints.got("crm").len();
    hours(&world, 24).await;
    assert_eq!(endpoints.got("crm").len(), before + 1, "the one that hangs is the only one");
}

#[tokio::test(start_paused = true)]
async fn who_answers_410_gets_nothing_until_it_is_resumed_and_loses_nothing() {
    let mut world = world(TELLS);
    let endpoints = Endpoints::new(&world);
    endpoints.answer(|_| status(410));
    let running = open(&mut world, &endpoints, vec![endpoint("crm", &["bot.*"])]).await;
    let engine = world.start().await;
    world.say(1, "one").await;
    until(|| endpoints.got("crm").len() == 1, "it answered").await;
    hours(&world, 1).await;
    world.say(1, "two").await;
    hours(&world, 100).await;
    assert_eq!(endpoints.got("crm").len(), 1);
    running.abort();
    engine.drain(Duration::from_secs(1)).await;

    endpoints.answer(|_| status(200));
    let running = open(&mut world, &endpoints, vec![endpoint("crm", &["bot.*"])]).await;
    hours(&world, 1).await;
    assert_eq!(endpoints.got("crm").len(), 1, "a restart changes nothing");
    assert_eq!(world.outlet.endpoints()[0].1.pending, 2);
    assert!(!world.outlet.resume("erp").await.unwrap());
    assert!(world.outlet.resume("crm").await.unwrap());
    until(|| endpoints.ids("crm").len() == 2 && endpoints.got("crm").len() == 3, "both arrived").await;
    until(|| world.outlet.endpoints()[0].1.pending == 0, "and that is written down").await;
    running.abort();

    // Another address is another matter.
    endpoints.answer(|_| status(410));
    let running = open(&mut world, &endpoints, vec![endpoint("crm", &["bot.*"])]).await;
    let _engine = world.start().await;
    world.say(2, "three").await;
    until(|| endpoints.got("crm").len() == 4, "it is gone again").await;
    hours(&world, 1).await;
    running.abort();
    endpoints.answer(|_| status(200));
    let mut moved = endpoint("crm", &["bot.*"]);
    moved.url = "http://crm/elsewhere".parse().unwrap();
    let _running = open(&mut world, &endpoints, vec![moved]).await;
    until(|| endpoints.got("crm").len() == 5, "the new address gets it").await;
}

#[tokio::test(start_paused = true)]
async fn beyond_the_bound_the_newest_events_are_dropped_and_counted() {
    let mut world = world(TELLS);
    let endpoints = Endpoints::new(&world);
    endpoints.answer(|_| status(503));
    let settings = OutletSettings { in_flight: 8, max_pending: 5 };
    let running = open_with(&mut world, &endpoints, vec![endpoint("crm", &["bot.*"])], settings).await;
    let _engine = world.start().await;
    for n in 0..9 {
        world.say(1, &n.to_string()).await;
        world.quiet().await;
    }
    let standing = world.outlet.endpoints()[0].1.clone();
    assert_eq!((standing.pending, standing.dropped), (5, 4));
    assert_eq!(world.graph.count(), 9, "the person is answered all the same");
    running.abort();
    endpoints.answer(|_| status(200));
    let _running = open_with(&mut world, &endpoints, vec![endpoint("crm", &["bot.*"])], settings).await;
    assert_eq!(world.outlet.endpoints()[0].1.pending, 5, "what waits is counted at the start");
    until(|| world.outlet.endpoints()[0].1.pending == 0, "all that waited arrived").await;
}

#[tokio::test(start_paused = true)]
async fn a_delivery_can_be_replayed_and_keeps_its_id() {
    let mut world = world(TELLS);
    let endpoints = Endpoints::new(&world);
    endpoints.answer(|_| status(500));
    let running = open(&mut world, &endpoints, vec![endpoint("crm", &["bot.*"])]).await;
    let _engine = world.start().await;
    for person in 1..=3 {
        world.say(person, "hi").await;
    }
    hours(&world, 60).await;
    let failed = world.outlet.list(&filter(DeliveryState::Failed), None, 10).await.unwrap().items;
    assert_eq!((failed.len(), failed[0].last.len()), (3, 8));

    endpoints.answer(|_| status(200));
    let again = world.outlet.replay(&failed[0].id).await.unwrap().unwrap();
    assert_eq!((again.state, again.rung, again.tries), (DeliveryState::Pending, 0, 8));
    until(|| world.outlet.endpoints()[0].1.pending == 0, "it arrived").await;
    let done = world.outlet.delivery(&failed[0].id).await.unwrap().unwrap();
    assert_eq!((done.state, done.tries, done.event), (DeliveryState::Delivered, 9, failed[0].event.clone()));

    let all = world.outlet.replay_all(&filter(DeliveryState::Failed), None, 1_000).await.unwrap();
    assert_eq!((all.replayed, all.left, all.next), (2, 0, None));
    until(|| endpoints.got("crm").len() == 27, "both arrived").await;
    assert_eq!(endpoints.ids("crm").len(), 3);
    assert!(world.outlet.replay("evt_0.crm").await.unwrap().is_none());
    running.abort();
    let _running = open(&mut world, &endpoints, vec![endpoint("erp", &["*"])]).await;
    assert!(matches!(world.outlet.replay(&failed[0].id).await, Err(ReplayError::NoEndpoint(_))));
}

#[tokio::test(start_paused = true)]
async fn old_deliveries_go_and_those_that_wait_stay() {
    let mut world = world(TELLS);
    let endpoints = Endpoints::new(&world);
    endpoints.answer(|posting| status(if body(posting)["data"]["payload"]["text"] == "late" { 500 } else { 200 }));
    let running = open(&mut world, &endpoints, vec![endpoint("crm", &["bot.*"])]).await;
    let _engine = world.start().await;
    for text in ["one", "late"] {
        world.say(1, text).await;
    }
    hours(&world, 1).await;
    let now_ms = actors::Clock::now_ms(&*world.clock);
    assert_eq!(world.outlet.prune(now_ms - 2 * HOUR_MS, 10).await.unwrap(), (0, false));
    assert_eq!(world.outlet.prune(now_ms, 10).await.unwrap(), (1, false));
    assert_eq!(states(&world).await, [("bot.seen".into(), DeliveryState::Pending, 4)]);
    running.abort();
    let _running = open(&mut world, &endpoints, vec![endpoint("erp", &["*"])]).await;
    assert_eq!(world.outlet.prune(now_ms, 10).await.unwrap(), (1, false), "nobody has this endpoint any more");
    assert!(states(&world).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_delivery_that_nobody_can_read_goes_when_it_is_old_and_keeps_no_other_one_back() {
    let mut world = world(TELLS);
    let endpoints = Endpoints::new(&world);
    endpoints.answer(|_| status(200));
    let _running = open(&mut world, &endpoints, vec![endpoint("crm", &["bot.*"])]).await;
    let _engine = world.start().await;
    world.say(1, "one").await;
    hours(&world, 1).await;
    let now_ms = actors::Clock::now_ms(&*world.clock);
    let key = format!("{:016x}/evt_bad.crm", u64::MAX - (now_ms - 1));
    world.store.put_document("event_delivery", "evt_bad.crm", Some("damaged".into())).await.unwrap();
    world.store.put_document("event_time", &key, Some("".into())).await.unwrap();
    assert_eq!(world.outlet.prune(now_ms, 10).await.unwrap(), (2, false));
    for kind in ["event_delivery", "event_time"] {
        assert_eq!(world.store.documents(kind).await.unwrap(), [], "{kind}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_that_failed_is_told_once_even_if_nobody_could_tell_when_it_did() {
    let mut world = world(TELLS);
    world.graph.answers(|_| Answer(1, refusal(131_026, 400)));
    let endpoints = Endpoints::new(&world);
    let all = || vec![endpoint("crm", &["message.failed", "input.failed"])];
    let running = open(&mut world, &endpoints, all()).await;
    let _engine = world.start().await;
    // Nothing follows the dead letters: as if the process had ended between the commit and its telling.
    running.abort();
    for text in ["hi", "bad"] {
        world.say(1, text).await;
        world.quiet().await;
    }
    assert_eq!(world.dead_letters().await.len(), 2);
    hours(&world, 1).await;
    assert!(endpoints.got("crm").is_empty());

    let running = open(&mut world, &endpoints, all()).await;
    until(|| endpoints.got("crm").len() == 2, "both arrived").await;
    let got: Vec<_> = endpoints.got("crm").iter().map(|(_, posting)| body(posting)).collect();
    let failed = got.iter().find(|body| body["type"] == "message.failed").unwrap();
    let data = &failed["data"];
    assert_eq!((&data["reason"], &data["wa_id"]), (&json!("permanent"), &json!(phone(1))));
    assert!(data["outbox"].as_str().unwrap().starts_with("o_") && data["detail"].as_str().unwrap().contains("131026"));
    let input = got.iter().find(|body| body["type"] == "input.failed").unwrap();
    assert_eq!((&input["data"]["wamid"], &input["data"]["node"]), (&json!("wamid.1.bad"), &json!("bad")));
    until(|| world.outlet.endpoints()[0].1.pending == 0, "and that is written down").await;
    running.abort();
    let _running = open(&mut world, &endpoints, all()).await;
    hours(&world, 1).await;
    assert_eq!(endpoints.got("crm").len(), 2, "each is told once");
}

#[tokio::test(start_paused = true)]
async fn what_failed_before_there_was_an_endpoint_is_not_told_and_much_of_it_is_told_in_pages() {
    let mut world = world(TELLS);
    let endpoints = Endpoints::new(&world);
    let engine = world.start().await;
    world.say(1, "bad").await;
    world.quiet().await;
    engine.drain(Duration::from_secs(1)).await;
    let all = || vec![endpoint("crm", &["input.failed"])];
    let running = open(&mut world, &endpoints, all()).await;
    running.abort();
    let _engine = world.start().await;
    for n in 0..250 {
        // A handful of people: the version must not be tripped.
        world.say(2 + n % 5, &format!("bad {n}")).await;
    }
    world.quiet().await;
    let _running = open(&mut world, &endpoints, all()).await;
    until(|| endpoints.ids("crm").len() == 250, "all of them, and not the first").await;
    hours(&world, 1).await;
    assert_eq!(endpoints.got("crm").len(), 250);
}

#[tokio::test(start_paused = true)]
async fn handoffs_are_told_from_their_beginning_to_their_end() {
    let bot = "parlance: 1\nid: test\ntriggers: [ { default: {}, to: desk } ]\nnodes:\n  \
        desk: { type: handoff, queue: front, priority: high, note: \"{{ input.text }}\", return_after: 1h, \
        next: { returned: end, timeout: end } }\n  end: { type: end }\n";
    let mut world = world(bot);
    let endpoints = Endpoints::new(&world);
    let _running = open(&mut world, &endpoints, vec![endpoint("desk", &["handoff.*", "run.*"])]).await;
    let engine = world.start().await;
    world.say(1, "help").await;
    until(|| endpoints.got("desk").len() == 1, "it began").await;
    let began = body(&endpoints.got("desk")[0].1);
    let data = &began["data"];
    assert_eq!(began["type"], "handoff.started");
    assert_eq!((&data["queue"], &data["note"], &data["priority"]), (&json!("front"), &json!("help"), &json!("high")));
    engine.hand_back(conversation(1), chatbot::HandBack::Returned).await.unwrap();
    until(|| endpoints.got("desk").len() == 3, "it ended").await;
    world.say(1, "help again").await;
    hours(&world, 2).await;
    let told: Vec<_> = endpoints.got("desk").iter().map(|(_, posting)| body(posting)).collect();
    let shown: Vec<_> =
        told.iter().map(|told| (told["type"].as_str().unwrap(), told["data"]["outcome"].as_str())).collect();
    let mut expected = vec![
        ("handoff.started", None),
        ("handoff.ended", Some("returned")),
        ("run.finished", None),
        ("handoff.started", None),
        ("handoff.ended", Some("timeout")),
        ("run.finished", None),
    ];
    // Those of one turn may overtake each other.
    let mut shown = shown;
    shown.sort_unstable();
    expected.sort_unstable();
    assert_eq!(shown, expected);
}

#[tokio::test(start_paused = true)]
async fn stopping_lets_what_is_under_way_arrive() {
    let mut world = world(TELLS);
    let endpoints = Endpoints::new(&world);
    let running = open(&mut world, &endpoints, vec![endpoint("crm", &["bot.*"])]).await;
    let _engine = world.start().await;
    world.say(1, "hi").await;
    until(|| endpoints.got("crm").len() == 1, "it is under way").await;
    world.outlet.clone().drained(running, Duration::from_secs(10)).await;
    assert_eq!(states(&world).await, [("bot.seen".into(), DeliveryState::Delivered, 1)]);
    world.say(1, "more").await;
    world.quiet().await;
    hours(&world, 1).await;
    assert_eq!(endpoints.got("crm").len(), 1, "nothing begins after that");
}

/// What befalls the store while people write.
#[derive(Clone, Debug)]
struct Trouble {
    unknown: usize,
    conflicts: usize,
    people: u32,
    texts: Vec<(u32, bool)>,
    restart_at: usize,
}

fn troubles() -> impl Strategy<Value = Trouble> {
    let texts = prop::collection::vec((1..=3u32, any::<bool>()), 1..20);
    (0..4usize, 0..4usize, 1..=3u32, texts, 0..20usize).prop_map(|(unknown, conflicts, people, texts, restart_at)| {
        Trouble { unknown, conflicts, people, texts, restart_at }
    })
}

async fn events_are_those_of_committed_turns(trouble: Trouble) {
    let flaky = Flaky::over(Model::new());
    let mut world = world_over(World::over(flaky.clone()), TELLS);
    let endpoints = Endpoints::new(&world);
    // Half of the answers are failures: an event is one all the same.
    endpoints.answer(|posting| status(if posting.timestamp % 2 == 0 { 200 } else { 500 }));
    let wanted = || vec![endpoint("crm", &["bot.*"])];
    let mut running = open(&mut world, &endpoints, wanted()).await;
    let mut engine = world.start().await;
    flaky.unknown.store(trouble.unknown, std::sync::atomic::Ordering::SeqCst);
    flaky.conflicts.store(trouble.conflicts, std::sync::atomic::Ordering::SeqCst);
    for (n, (person, bad)) in trouble.texts.iter().enumerate() {
        world.say(person % trouble.people + 1, &format!("{}{n}", if *bad { "bad " } else { "" })).await;
        if n == trouble.restart_at {
            running.abort();
            engine.drain(Duration::from_millis(1)).await;
            running = open(&mut world, &endpoints, wanted()).await;
            engine = world.start().await;
        }
    }
    world.quiet().await;
    hours(&world, 60).await;
    // A turn that committed left its reply; one that failed left a dead letter and no event.
    let replies: usize = by_person(&world.graph.requests()).values().map(Vec::len).sum();
    let mut told: Vec<_> = endpoints
        .got("crm")
        .iter()
        .map(|(_, posting)| (posting.id.clone(), body(posting)["data"]["payload"]["text"].clone()))
        .collect();
    told.sort_by_key(|(id, _)| id.clone());
    told.dedup();
    let expected: std::collections::BTreeSet<_> =
        trouble.texts.iter().enumerate().filter(|(_, (_, bad))| !bad).map(|(n, _)| n.to_string()).collect();
    let texts: std::collections::BTreeSet<_> = told.iter().map(|(_, text)| text.as_str().unwrap().to_owned()).collect();
    assert_eq!(told.len(), texts.len(), "one id for each event");
    assert_eq!(texts, expected);
    assert_eq!(replies, expected.len());
    assert_eq!(states(&world).await.len(), expected.len());
    running.abort();
    engine.drain(Duration::from_millis(1)).await;
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn an_event_exists_if_and_only_if_its_turn_committed(trouble in troubles()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        runtime.block_on(events_are_those_of_committed_turns(trouble));
    }
}
