//! Bot files: what `serve` does with broken ones, and the `bot` commands.

use rustix::process::Signal;

use crate::support::{Ended, Place, SOON, World, eventually};

const NOWHERE: &str = "http://127.0.0.1:9";
const TYPO: &str = r#"{
  "parlance": 1, "id": "echo",
  "triggers": [{ "default": {}, "to": "ecko" }],
  "nodes": { "echo": { "type": "end", "reason": "done" } }
}"#;

async fn ends(place: &Place, arguments: &[&str]) -> Ended {
    place.spawn(arguments).end(SOON).await
}

fn write_bot(place: &Place, name: &str, text: &str) {
    std::fs::write(place.path().join("bots").join(name), text).expect("a bot file");
}

#[tokio::test]
async fn a_broken_default_bot_stops_the_start_with_its_position() {
    let place = Place::new(NOWHERE);
    write_bot(&place, "echo.json", TYPO);
    let ended = ends(&place, &["serve"]).await;
    assert_eq!(ended.code(), Some(65), "{ended:?}");
    for part in ["echo.json:3:", "ecko", "echo", "bots.default"] {
        assert!(ended.stderr.contains(part), "{part:?} is not in {}", ended.stderr);
    }
}

#[tokio::test]
async fn a_default_bot_that_is_not_there_stops_the_start() {
    let mut place = Place::new(NOWHERE);
    place.set("PARLANCE__BOTS__DEFAULT", "clinic");
    let ended = ends(&place, &["serve"]).await;
    assert_eq!(ended.code(), Some(65), "{ended:?}");
    assert!(ended.stderr.contains("clinic"), "{}", ended.stderr);
    place.set("PARLANCE__BOTS__DIR", "nowhere");
    let ended = ends(&place, &["serve"]).await;
    assert_eq!(ended.code(), Some(65), "{ended:?}");
    assert!(ended.stderr.contains("nowhere"), "{}", ended.stderr);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_breaks_later_leaves_the_last_good_version_serving() {
    let world = World::new().await;
    let (program, _) = world.start().await;
    program.signal(Signal::TERM);
    assert_eq!(program.end(SOON).await.code(), Some(0));
    write_bot(&world.place, "echo.json", TYPO);
    let (program, _) = world.start().await;
    // It answers a moment before it says what is wrong.
    eventually("the place of the typo", SOON, async || program.stderr().contains("echo.json:3:").then_some(())).await;
    let body = world.texts(&[("99900004444".into(), "wamid.good".into(), "hello".into())]);
    assert_eq!(world.post(&body).await, Some(200));
    world.drained(SOON).await;
    let books = world.meta.ledger().expect("the stand-in keeps books");
    assert_eq!(books.rows.iter().map(|row| &*row.text).collect::<Vec<_>>(), ["echo hello"]);
}

#[tokio::test]
async fn bot_check_ends_with_what_it_found() {
    let place = Place::new(NOWHERE);
    assert_eq!(ends(&place, &["bot", "check"]).await.code(), Some(0));
    assert_eq!(ends(&place, &["bot", "check", "bots/echo.json"]).await.code(), Some(0));
    assert_eq!(ends(&place, &["bot", "check", "absent.json"]).await.code(), Some(3));
    assert_eq!(ends(&place, &["bot", "check", "data"]).await.code(), Some(3));

    write_bot(&place, "typo.json", TYPO);
    let ended = ends(&place, &["bot", "check"]).await;
    assert_eq!(ended.code(), Some(65), "{ended:?}");
    assert!(
        ended.stderr.contains("typo.json:3:") && ended.stderr.contains("2 bot files checked: 1 error"),
        "{}",
        ended.stderr
    );
    let ended = ends(&place, &["bot", "check", "--json"]).await;
    assert_eq!(ended.code(), Some(65), "{ended:?}");
    for line in ended.stdout.lines() {
        let problem: serde_json::Value = serde_json::from_str(line).expect("one JSON object a line");
        assert!(problem.is_object(), "{line}");
    }
    assert!(!ended.stdout.is_empty());
}

#[tokio::test]
async fn bot_list_shows_what_is_there() {
    let place = Place::new(NOWHERE);
    write_bot(&place, "typo.json", TYPO);
    let ended = ends(&place, &["bot", "list"]).await;
    assert_eq!(ended.code(), Some(0), "{ended:?}");
    assert!(ended.stdout.contains("echo.json") && ended.stdout.contains("typo.json"), "{ended:?}");
    assert_eq!(ends(&place, &["bot", "list", "nowhere"]).await.code(), Some(3));
}

#[tokio::test]
async fn bot_import_writes_what_bot_check_accepts() {
    let place = Place::new(NOWHERE);
    let export = serde_json::json!({
        "name": "Tea shop",
        "nodes": [
            { "id": "s", "type": "start", "position": { "x": 0, "y": 0 }, "data": { "type": "start" } },
            { "id": "m", "type": "message", "position": { "x": 0, "y": 9 }, "data": { "type": "message", "content": "Welcome" } },
        ],
        "edges": [{ "id": "e", "source": "s", "target": "m" }],
    });
    std::fs::write(place.path().join("export.json"), export.to_string()).expect("an export");
    let ended = ends(&place, &["bot", "import", "export.json", "--out", "bots/tea.json"]).await;
    assert_eq!(ended.code(), Some(0), "{ended:?}");
    assert_eq!(ends(&place, &["bot", "check", "bots/tea.json"]).await.code(), Some(0));
    let ended = ends(&place, &["bot", "import", "export.json", "--from", "whatsapp-builder"]).await;
    assert_eq!(ended.code(), Some(0), "{ended:?}");
    let bot: serde_json::Value = serde_json::from_str(&ended.stdout).expect("a bot on standard output");
    assert_eq!(bot["parlance"], 1);

    std::fs::write(place.path().join("other.json"), "[1]").expect("a file");
    assert_eq!(ends(&place, &["bot", "import", "other.json"]).await.code(), Some(65));
    assert_eq!(ends(&place, &["bot", "import", "other.json", "--from", "whatsapp-builder"]).await.code(), Some(65));
    assert_eq!(ends(&place, &["bot", "import", "absent.json"]).await.code(), Some(3));
    assert_eq!(ends(&place, &["bot", "import", "export.json", "--from", "carrier-pigeon"]).await.code(), Some(64));
}

#[tokio::test]
async fn explain_knows_its_codes() {
    let place = Place::new(NOWHERE);
    let unknown = ends(&place, &["explain", "PAR-9999"]).await;
    assert_eq!(unknown.code(), Some(3), "{unknown:?}");
    let example = unknown.stderr.split_whitespace().last().unwrap_or_default().to_owned();
    let known = ends(&place, &["explain", &example]).await;
    assert_eq!(known.code(), Some(0), "{known:?}");
    assert!(!known.stdout.is_empty());
}

#[tokio::test]
async fn bot_commands_on_files_end_with_the_codes_of_the_contract() {
    let place = Place::new(NOWHERE);
    let ended = ends(&place, &["bot", "new", "tea"]).await;
    assert_eq!((ended.code(), ended.stdout.trim()), (Some(0), "bots/tea.yaml"), "{ended:?}");
    assert_eq!(ends(&place, &["bot", "new", "tea"]).await.code(), Some(4));
    assert_eq!(ends(&place, &["bot", "new", "two words"]).await.code(), Some(64));
    assert_eq!(ends(&place, &["test", "bots/tea.yaml"]).await.code(), Some(0));

    let ended = ends(&place, &["bot", "export", "bots/tea.yaml", "--format", "json", "--out", "tea.json"]).await;
    assert_eq!(ended.code(), Some(0), "{ended:?}");
    let ended = ends(&place, &["bot", "diff", "bots/tea.yaml", "tea.json"]).await;
    assert_eq!((ended.code(), ended.stdout.trim()), (Some(0), "nothing differs"), "{ended:?}");
    let ended = ends(&place, &["bot", "diff", "bots/echo.json", "tea.json", "--json"]).await;
    let found: serde_json::Value = serde_json::from_str(&ended.stdout).expect("JSON");
    assert!(!found["added"].as_array().expect("a list").is_empty());
    write_bot(&place, "typo.json", TYPO);
    assert_eq!(ends(&place, &["bot", "diff", "bots/typo.json", "tea.json"]).await.code(), Some(65));
    assert_eq!(ends(&place, &["bot", "diff", "absent.json", "tea.json"]).await.code(), Some(3));

    for wanted in [&["bot", "publish", "tea"][..], &["bot", "rollback", "tea"], &["bot", "versions", "tea"]] {
        assert_eq!(ends(&place, wanted).await.code(), Some(5), "nothing runs here: {wanted:?}");
    }
    assert_eq!(ends(&place, &["bot", "publish", "bots/typo.json"]).await.code(), Some(65));
    assert_eq!(ends(&place, &["bot", "publish", "tea", "--map", "x"]).await.code(), Some(64));
}
