//! Versions of bots over the admin port: put, checked, listed, published, taken back, and what a restart leaves.

use reqwest::{Method, header};
use serde_json::{Value, json};

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::support::{ADA, ADMIN_TOKEN, Setup, World, bots, until};

/// A bot that asks; the prompt tells versions apart.
fn asks(prompt: &str) -> String {
    format!(
        "parlance: 1\nid: echo\ntriggers: [ {{ default: {{}}, to: q }} ]\nnodes:\n  q: {{ type: ask, prompt: \"{prompt}\", \
         next: {{ ok: a }} }}\n  a: {{ type: say, messages: [ {{ text: \"{prompt} {{{{ input.text }}}}\" }} ], next: {{ next: e }} }}\n  e: {{ type: end }}\n"
    )
}

/// Puts a bot as YAML; the status, the tag and the JSON of the answer.
async fn put(world: &World, path: &str, body: &str, tag: Option<&str>) -> (u16, Option<String>, Value) {
    let mut request =
        world.admin_call(Method::PUT, &format!("/api/v1/bots/{path}")).header(header::CONTENT_TYPE, "application/yaml");
    if let Some(tag) = tag {
        request = request.header(header::IF_MATCH, tag);
    }
    let answer = request.body(body.to_owned()).send().await.unwrap();
    let tag = answer.headers().get(header::ETAG).map(|tag| tag.to_str().unwrap().to_owned());
    (answer.status().as_u16(), tag, answer.json().await.unwrap())
}

async fn live(world: &World, id: &str) -> (u64, String) {
    let bot = world.admin(&format!("/api/v1/bots/{id}")).await;
    (bot["number"].as_u64().unwrap(), bot["version"].as_str().unwrap().to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bot_that_is_put_answers_at_once_and_has_a_number_a_hash_and_a_tag() {
    let world = World::start().await;
    let (status, tag, answer) = put(&world, "echo?note=shorter&author=ada", &asks("One?"), None).await;
    assert_eq!(
        (status, &answer["number"], &answer["created"], &answer["changed"]),
        (200, &json!(2), &json!(false), &json!(true))
    );
    let hash = answer["version"].as_str().unwrap();
    assert_eq!((hash.len(), tag.as_deref()), (64, Some(&*format!("\"{hash}\""))));
    world.write(ADA, "hi").await;
    assert_eq!(world.wait_replies(ADA, 1).await, ["One?"]);

    let (status, _, answer) = put(&world, "echo", &asks("One?"), None).await;
    assert_eq!((status, &answer["number"], &answer["changed"]), (200, &json!(2), &json!(false)), "the same again");
    let shown = world.admin("/api/v1/bots/echo").await;
    assert_eq!(
        (&shown["live"]["note"], &shown["live"]["author"], &shown["live"]["source"]),
        (&json!("shorter"), &json!("ada"), &json!("api"))
    );
    assert_eq!(shown["definition"]["nodes"]["q"]["prompt"], "One?");

    let other = asks("Other?").replace("id: echo", "id: other");
    assert_eq!(put(&world, "other", &other, None).await.0, 201);
    let json = world.admin_raw("/api/v1/bots/other/versions/1").await.text().await.unwrap();
    let answer = world.admin_call(Method::PUT, "/api/v1/bots/other").header(header::CONTENT_TYPE, "application/json");
    let answer: Value = answer.body(json).send().await.unwrap().json().await.unwrap();
    assert_eq!(answer["changed"], false, "what comes out goes in as the same version");
    let first = world.admin("/api/v1/bots?limit=1").await;
    let cursor = first["next_cursor"].as_str().unwrap();
    let second = world.admin(&format!("/api/v1/bots?limit=1&cursor={cursor}")).await;
    assert_eq!((&first["items"][0]["id"], &second["items"][0]["id"]), (&json!("echo"), &json!("other")));
    assert_eq!(second["next_cursor"], json!(null));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_put_is_refused_with_every_place_and_changes_nothing() {
    let world = World::start().await;
    let before = live(&world, "echo").await;
    let broken = asks("One?").replace("ok: a", "ok: b");
    let (status, _, problem) = put(&world, "echo", &broken, None).await;
    assert_eq!((status, &problem["type"]), (422, &json!("/problems/bad-bot")), "{problem}");
    let found = &problem["diagnostics"][0];
    assert_eq!(
        (&found["code"], &found["line"], &found["column"]),
        (&json!("PAR-0206"), &json!(5), &json!(47)),
        "{found}"
    );
    assert!(found["pointer"] == "/nodes/q/next/ok" && found["help"].is_string(), "{found}");

    let (status, _, problem) = put(&world, "other", &asks("One?"), None).await;
    assert_eq!((status, &problem["type"]), (422, &json!("/problems/id-differs")));
    let (status, _, problem) = put(&world, "echo", &asks("One?"), Some("\"another\"")).await;
    assert_eq!((status, &problem["etag"]), (412, &json!(format!("\"{}\"", before.1))));
    for (path, status_wanted) in [("echo?migrate=all", 422), ("echo?drain_after=soon", 422), ("echo?nonsense=1", 400)] {
        assert_eq!(put(&world, path, &asks("One?"), None).await.0, status_wanted, "{path}");
    }
    let (status, _, problem) = put(&world, "echo?migrate=%7B%22answer%22:%22nowhere%22%7D", &asks("One?"), None).await;
    assert_eq!((status, &problem["type"]), (422, &json!("/problems/bad-policy")));
    let answer = world.admin_call(Method::PUT, "/api/v1/bots/echo").header(header::CONTENT_TYPE, "image/png");
    assert_eq!(answer.body("x").send().await.unwrap().status(), 415);
    let answer = world.admin_call(Method::PUT, "/api/v1/bots/echo").body(" ".repeat(5 << 20)).send().await.unwrap();
    assert_eq!(answer.status(), 413);

    let (status, tag, answer) = put(&world, "echo?dry_run=true", &asks("One?"), Some("*")).await;
    assert_eq!((status, &answer["dry_run"], &answer["number"]), (200, &json!(true), &json!(2)));
    assert!(tag.is_some() && answer["changes"].is_string());
    assert_eq!(live(&world, "echo").await, before);
    let (status, _, _) = put(&world, "echo", &asks("One?"), Some(&format!("\"{}\"", before.1))).await;
    assert_eq!(status, 200);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bot_that_names_a_template_nobody_has_is_refused_and_checked_without_being_put() {
    let account = simulator::Number::default().waba_id;
    let world = Setup::default().set("whatsapp.business_account_id", &account).start().await;
    world.admin_post("/api/v1/templates/sync", &json!(null)).await;
    let bot = "parlance: 1\nid: echo\ntriggers: [ { default: {}, to: t } ]\nnodes:\n  t: { type: template, name: nobody_has_it, lang: en, next: { sent: e } }\n  e: { type: end }\n";
    let check = async |body: &str| -> Value {
        let call = world.admin_call(Method::POST, "/api/v1/bots/check").header(header::CONTENT_TYPE, "text/yaml");
        let answer = call.body(body.to_owned()).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        answer.json().await.unwrap()
    };
    let answer = check(bot).await;
    assert_eq!((&answer["errors"], &answer["diagnostics"][0]["code"]), (&json!(1), &json!("PAR-0229")), "{answer}");
    let answer = check("nodes: [").await;
    assert_eq!((&answer["ok"], &answer["bot"]), (&json!(false), &json!(null)));
    let (status, _, problem) = put(&world, "echo", bot, None).await;
    assert_eq!((status, &problem["diagnostics"][0]["code"]), (422, &json!("PAR-0229")), "{problem}");
    assert_eq!(live(&world, "echo").await.0, 1);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn versions_are_listed_compared_published_and_taken_back() {
    let world = World::start().await;
    for prompt in ["One?", "Two?"] {
        assert_eq!(put(&world, "echo", &asks(prompt), None).await.0, 200);
    }
    world.write(ADA, "hi").await;
    world.wait_replies(ADA, 1).await;
    world.wait_consumed().await;
    let page = world.admin("/api/v1/bots/echo/versions?limit=2").await;
    let numbers: Vec<_> =
        page["items"].as_array().unwrap().iter().map(|item| item["number"].as_u64().unwrap()).collect();
    assert_eq!((numbers, &page["items"][0]["live"], &page["counted"]["all"]), (vec![3, 2], &json!(true), &json!(true)));
    assert_eq!((&page["items"][0]["running"], &page["items"][1]["running"]), (&json!(1), &json!(0)));
    let stats = world.admin("/api/v1/bots/echo/stats").await;
    assert_eq!(
        (&stats["runs"], &stats["versions"][0]["number"], &stats["nodes"][0]["runs"]),
        (&json!(1), &json!(3), &json!(1))
    );
    assert_eq!(stats["nodes"][0]["version"], page["items"][0]["version"], "{stats}");
    assert_eq!(world.admin_raw("/api/v1/bots/nobody/stats").await.status(), 404);
    let cursor = page["next_cursor"].as_str().unwrap();
    let rest = world.items(&format!("/api/v1/bots/echo/versions?limit=2&cursor={cursor}")).await;
    assert_eq!((rest.len(), &rest[0]["source"]), (1, &json!("file")));

    let hash = page["items"][1]["version"].as_str().unwrap();
    for name in ["2", hash, hash.get(..10).unwrap()] {
        let yaml = world.admin_raw(&format!("/api/v1/bots/echo/versions/{name}?format=yaml")).await;
        assert_eq!(yaml.headers()[header::CONTENT_TYPE], "application/yaml");
        let loaded = chatbot::load(&yaml.text().await.unwrap(), "x.yaml", chatbot::Format::Yaml);
        assert_eq!(loaded.bot.unwrap().version(), hash);
    }
    assert_eq!(world.admin_raw("/api/v1/bots/echo/versions/9").await.status(), 404);
    assert_eq!(world.admin_raw("/api/v1/bots/nobody/versions").await.status(), 404);
    let found = world.admin("/api/v1/bots/echo/diff").await;
    assert_eq!((&found["from"]["number"], &found["to"]["number"]), (&json!(2), &json!(3)));
    assert_eq!(found["diff"]["changed"][1]["texts"][0], json!({ "path": "prompt", "from": "One?", "to": "Two?" }));
    let found = world.admin("/api/v1/bots/echo/diff?from=1&to=2").await;
    assert!(found["diff"]["added"].as_array().unwrap().len() >= 2);

    let (status, back) = world.admin_post("/api/v1/bots/echo/rollback", &json!({ "note": "two is bad" })).await;
    assert_eq!((status, &back["number"]), (200, &json!(2)));
    let rollback = || world.admin_call(Method::POST, "/api/v1/bots/echo/rollback");
    let unreadable = rollback().body("to: 1").send().await.unwrap();
    assert_eq!((unreadable.status().as_u16(), live(&world, "echo").await.0), (400, 2));
    let back = rollback().body(r#"{"to": 1}"#).send().await.unwrap();
    assert_eq!(back.status(), 200, "the body counts, whatever its header says");
    assert_eq!(back.json::<Value>().await.unwrap()["number"], 1);
    assert_eq!(world.admin_post("/api/v1/bots/echo/rollback", &json!({})).await.0, 409, "nothing is older");
    let (status, dry) = world.admin_post("/api/v1/bots/echo/publish?dry_run=true", &json!({ "version": hash })).await;
    assert_eq!((status, &dry["number"]), (200, &json!(2)));
    assert_eq!(live(&world, "echo").await.0, 1);
    let policy = json!({ "migrate": "same_node", "drain_after": "24h" });
    let (status, newest) = world.admin_post("/api/v1/bots/echo/publish", &json!({ "policy": policy })).await;
    assert_eq!((status, &newest["number"]), (200, &json!(3)), "the newest one where none is named");
    assert_eq!(world.admin("/api/v1/bots/echo").await["live"]["policy"], policy);
    assert_eq!(world.admin_post("/api/v1/bots/nobody/publish", &json!({})).await.0, 404);
    assert_eq!(world.admin_post("/api/v1/bots/echo/publish", &json!({ "version": "" })).await.0, 404);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_published_or_taken_back_stands_until_the_file_is_edited() {
    let mut world = Setup::default().bot(&asks("File?")).start().await;
    assert_eq!(put(&world, "echo", &asks("Api?"), None).await.0, 200);
    world.restart().await;
    assert_eq!(live(&world, "echo").await.0, 2, "the file is as it was, so the publish stands");
    assert!(world.server().bots.notes[0].contains("stays live"), "{:?}", world.server().bots.notes);
    world.admin_post("/api/v1/bots/echo/rollback", &json!({})).await;
    // The file says now what was published and taken back.
    world.use_bot(&asks("Api?"));
    world.restart().await;
    assert_eq!(live(&world, "echo").await.0, 1, "the rollback stands");
    world.use_bot(&asks("Edited?"));
    world.restart().await;
    assert_eq!(live(&world, "echo").await.0, 3);
    world.write(ADA, "hi").await;
    assert_eq!(world.wait_replies(ADA, 1).await, ["Edited?"]);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_put_whose_caller_hangs_up_is_whole_or_not_there() {
    let mut world = World::start().await;
    for round in 0..10 {
        let bot = asks(&format!("Hung up {round}?"));
        let mut stream = TcpStream::connect(world.server().admin).await.unwrap();
        let head = format!(
            "PUT /api/v1/bots/echo HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {ADMIN_TOKEN}\r\n\
             content-type: application/yaml\r\ncontent-length: {}\r\n\r\n",
            world.server().admin,
            bot.len()
        );
        stream.write_all(format!("{head}{bot}").as_bytes()).await.unwrap();
        drop(stream);
        assert_eq!(put(&world, "echo", &asks(&format!("Waited {round}?")), None).await.0, 200);
    }
    let numbers = async |world: &World| {
        let items = world.items("/api/v1/bots/echo/versions?limit=100").await;
        items.iter().map(|item| item["number"].as_u64().unwrap()).collect::<Vec<_>>()
    };
    // The last hung-up one may be under way still: another put waits for its turn.
    put(&world, "echo", &asks("The last?"), None).await;
    let (before, was_live) = (numbers(&world).await, live(&world, "echo").await);
    assert!(before.windows(2).all(|pair| pair[0] == pair[1] + 1), "{before:?}");
    world.restart().await;
    assert_eq!((numbers(&world).await, live(&world, "echo").await), (before, was_live), "store and memory agree");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn publishes_at_once_come_one_after_the_other() {
    let world = World::start().await;
    let prompts: Vec<String> = (0..12).map(|n| asks(&format!("Number {n}?"))).collect();
    let answers = futures_util::future::join_all(prompts.iter().map(|bot| put(&world, "echo", bot, None))).await;
    let mut numbers: Vec<u64> = answers.iter().map(|(_, _, answer)| answer["number"].as_u64().unwrap()).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (2..=13).collect::<Vec<_>>());
    // Of two that saw the same version, one is told to look again.
    let tag = format!("\"{}\"", live(&world, "echo").await.1);
    let (one, other) = (asks("this"), asks("that"));
    let (one, other) = tokio::join!(put(&world, "echo", &one, Some(&tag)), put(&world, "echo", &other, Some(&tag)));
    let mut statuses = [one.0, other.0];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 412]);
    assert_eq!(live(&world, "echo").await.0, 14);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn old_versions_without_runs_go_and_those_with_runs_stay() {
    let mut world = Setup::default().bot(&asks("First?")).start().await;
    world.write(ADA, "hi").await;
    world.wait_replies(ADA, 1).await;
    for n in 0..25 {
        assert_eq!(put(&world, "echo", &asks(&format!("Number {n}?")), None).await.0, 200);
    }
    let kept = until("old versions to go", async || {
        world.clock.advance(60_000);
        let items = world.items("/api/v1/bots/echo/versions?limit=200").await;
        (items.len() < 26).then_some(items)
    })
    .await;
    let numbers: Vec<u64> = kept.iter().map(|item| item["number"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (7..=26).rev().chain([1]).collect::<Vec<_>>(), "the last 20, and the one with a run");
    assert_eq!(kept.last().unwrap()["running"], 1);
    world.restart().await;
    assert_eq!(world.items("/api/v1/bots/echo/versions?limit=200").await.len(), 21);
    world.write(ADA, "go on").await;
    assert_eq!(world.wait_replies(ADA, 2).await, ["First?", "First? go on"]);
    world.end().await;
}

#[tokio::test]
async fn the_echo_bot_of_these_tests_has_number_one() {
    let world = World::start().await;
    assert_eq!(live(&world, "echo").await.0, 1);
    let own = chatbot::load(bots::ECHO, "echo.yaml", chatbot::Format::Yaml).bot.unwrap();
    assert_eq!(live(&world, "echo").await.1, own.version());
    world.end().await;
}

#[tokio::test]
async fn the_live_bot_is_drawn_in_every_language_of_pictures() {
    let world = World::start().await;
    for (format, content_type, begins) in [
        ("", "image/svg+xml", "<svg "),
        ("?format=svg", "image/svg+xml", "<svg "),
        ("?format=dot", "text/vnd.graphviz; charset=utf-8", "digraph "),
        ("?format=mermaid", "text/vnd.mermaid; charset=utf-8", "%% "),
    ] {
        let answer = world.admin_raw(&format!("/api/v1/bots/echo/graph{format}")).await;
        assert_eq!(answer.status(), 200, "{format}");
        assert_eq!(answer.headers()["content-type"], content_type);
        assert!(answer.headers().contains_key("content-security-policy"));
        assert!(answer.text().await.unwrap().starts_with(begins), "{format}");
    }
    assert_eq!(world.admin_raw("/api/v1/bots/echo/graph?format=png").await.status(), 400);
    assert_eq!(world.admin_raw("/api/v1/bots/nobody/graph").await.status(), 404);
}
