//! The control surface as such: start, guard, logs, clock, reset.

use serde_json::json;
use simulator::{Number, Simulator, StartError};

use crate::support::{NOON, PHONE_1, World, config};

#[tokio::test]
async fn a_start_that_makes_no_sense_is_refused() {
    let mut open = config();
    open.listen = "0.0.0.0:0".parse().unwrap();
    assert!(matches!(Simulator::start(open.clone()).await.err(), Some(StartError::NotLoopback(_))));
    open.allow_remote = true;
    Simulator::start(open).await.unwrap().stop().await;

    let mut twice = config();
    twice.numbers = vec![Number::default(), Number::default()];
    assert!(matches!(Simulator::start(twice).await.err(), Some(StartError::DuplicateNumber(_))));

    let mut many = config();
    many.phones = 501;
    assert!(matches!(Simulator::start(many).await.err(), Some(StartError::TooManyPhones(501))));

    let mut nameless = config();
    nameless.app_secret = "".into();
    assert!(matches!(Simulator::start(nameless).await.err(), Some(StartError::Empty("app secret"))));

    let world = World::start().await;
    let mut taken = config();
    taken.listen = world.sim.addr();
    assert!(matches!(Simulator::start(taken).await.err(), Some(StartError::Bind { .. })));
}

#[tokio::test]
async fn a_stopped_simulator_is_gone() {
    let world = World::start().await;
    let url = format!("{}/_sim/stats", world.handle.base_url());
    world.sim.stop().await;
    assert!(world.http.get(url).send().await.is_err());
}

#[tokio::test]
async fn pages_of_other_sites_may_not_steer() {
    let world = World::start().await;
    let url = format!("{}/_sim/phones", world.handle.base_url());
    let with = |name: &'static str, value: String| world.http.get(&url).header(name, value).send();
    assert_eq!(with("host", "example.org".into()).await.unwrap().status(), 421);
    assert_eq!(with("origin", "https://example.org".into()).await.unwrap().status(), 403);
    assert_eq!(with("origin", "null".into()).await.unwrap().status(), 403);
    assert_eq!(with("origin", world.handle.base_url()).await.unwrap().status(), 200);
}

#[tokio::test]
async fn the_page_and_its_parts_come_with_a_strict_policy_and_tags() {
    let world = World::start().await;
    let get = |path: &str| world.http.get(format!("{}{path}", world.handle.base_url()));
    let page = get("/").send().await.unwrap().text().await.unwrap();
    let parts: Vec<_> = page.split('"').filter(|word| word.starts_with("/assets/")).collect();
    assert!(
        parts.iter().any(|part| part.ends_with(".js")) && parts.iter().any(|part| part.ends_with(".css")),
        "{page}"
    );
    assert!(page.split("<script").skip(1).all(|tag| tag.contains(" src=\"/assets/")), "nothing inline: {page}");
    let named = [("/", "text/html"), ("/icon.svg", "image/svg"), ("/licences.txt", "text/plain")];
    let (scripts, styles): (Vec<_>, Vec<_>) = parts.into_iter().partition(|part| part.ends_with(".js"));
    let scripts = scripts.into_iter().map(|part| (part, "text/javascript"));
    let styles = styles.into_iter().map(|part| (part, "text/css"));
    for (path, kind) in scripts.chain(styles).chain(named) {
        let answer = get(path).send().await.unwrap();
        let header = |name: &str| answer.headers()[name].to_str().unwrap().to_owned();
        assert!(header("content-type").starts_with(kind), "{path}");
        let policy = header("content-security-policy");
        assert!(policy.starts_with("default-src 'self'; object-src 'none'; frame-ancestors 'none'; base-uri 'none'"));
        assert!(policy.contains("style-src 'self';") && !policy.contains("unsafe"), "{policy}");
        assert_eq!(header("cache-control").contains("immutable"), path.starts_with("/assets/"), "{path}");
        let again = get(path).header("if-none-match", header("etag")).send().await.unwrap();
        assert_eq!((again.status().as_u16(), again.bytes().await.unwrap().len()), (304, 0), "{path}");
    }
}

#[tokio::test]
async fn the_page_serves_nothing_that_is_not_in_its_bundle() {
    let world = World::start().await;
    for path in ["/assets/other.js", "/assets/..%2findex.html", "/assets/..%2f..%2fpackage.json", "/index.html.js"] {
        let answer = world.http.get(format!("{}{path}", world.handle.base_url())).send().await.unwrap();
        assert_eq!(answer.status(), 404, "{path}");
    }
}

#[tokio::test]
async fn the_log_is_filtered_and_newest_first() {
    let world = World::start().await;
    world.send(PHONE_1, "refused").await;
    world.handle.text(1, "hi").unwrap();
    world.send(PHONE_1, "taken").await;
    let all = world.get("/_sim/requests").await;
    assert_eq!((&all["items"][0]["status"], &all["items"][1]["status"]), (&json!(200), &json!(400)));
    let refused = world.get("/_sim/requests?status=400&path=messages&limit=5").await;
    assert_eq!(refused["items"].as_array().unwrap().len(), 1);
    assert_eq!(refused["items"][0]["code"], 131047);
    let mine = world.get("/_sim/requests?callback_data=obx:taken").await;
    assert_eq!(mine["items"][0]["accepted"], true);
    let bad = world.http.get(format!("{}/_sim/requests?stauts=4", world.handle.base_url())).send().await.unwrap();
    assert_eq!(bad.status(), 400);
}

#[tokio::test]
async fn the_clock_is_shown_and_moved() {
    let world = World::start().await;
    assert_eq!(world.get("/_sim/clock").await, json!({ "now_ms": NOON }));
    let (_, moved) = world.control("POST", "/_sim/clock", json!({ "advance": "1m" })).await;
    assert_eq!(moved["now_ms"], NOON + 60_000);
    for bad in ["soon", "99999999999d"] {
        let (status, problem) = world.control("POST", "/_sim/clock", json!({ "advance": bad })).await;
        assert_eq!(status, 400);
        assert!(problem["detail"].as_str().unwrap().contains("is not a span"), "{problem}");
    }
}

#[tokio::test]
async fn a_reset_forgets_everything_said() {
    let mut world = World::start().await;
    world.handle.text(1, "hi").unwrap();
    world.webhook().await;
    world.send(PHONE_1, "hello").await;
    world.webhooks(3).await;
    let (status, _) = world.control("POST", "/_sim/reset", json!(null)).await;
    assert_eq!(status, 200);
    assert!(world.handle.transcript(1).unwrap().is_empty());
    assert!(world.handle.requests(&Default::default()).is_empty());
    assert!(world.handle.ledger().unwrap().rows.is_empty());
    assert_eq!(world.handle.stats().accepted, 0);
    assert_eq!(world.send(PHONE_1, "closed").await.0, 400);
}

#[tokio::test]
async fn an_unknown_path_is_a_problem_and_so_is_a_wrong_method() {
    let world = World::start().await;
    for (method, path, status) in [("GET", "/_sim/nothing", 404), ("DELETE", "/_sim/phones", 405)] {
        let answer = world.control(method, path, json!(null)).await;
        assert_eq!((answer.0, &answer.1["status"]), (status, &json!(status)));
    }
}

#[tokio::test]
async fn logs_and_ledger_can_be_off() {
    let mut quiet = config();
    (quiet.log_requests, quiet.ledger) = (false, false);
    let world = World::with(quiet).await;
    world.send(PHONE_1, "x").await;
    assert!(world.handle.requests(&Default::default()).is_empty());
    assert!(world.handle.ledger().is_none());
    assert_eq!(world.http.get(format!("{}/_sim/ledger", world.handle.base_url())).send().await.unwrap().status(), 404);
}
