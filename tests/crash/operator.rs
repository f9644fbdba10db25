//! An operator's day, with the real binary against the stand-in: who may what, what could not be sent and goes again, a
//! number that is stopped, a configuration that is tried before it is used, and an end that loses nothing.

use rustix::process::Signal;
use serde_json::{Value, json};
use simulator::{Operation, Rule, Trouble};

use crate::support::{Ended, Place, Program, SOON, World, eventually};

const NOT_ON_WHATSAPP: u32 = 131_026;

struct Day {
    world: World,
    /// The file of the token that the operator works with.
    token: &'static str,
}

impl Day {
    fn spawn(&self, arguments: &[&str], token: Option<&str>) -> Program {
        let url = format!("http://{}", self.world.place.admin);
        let mut command = self.world.place.command(arguments);
        command.args(["--url", &url]);
        if let Some(file) = token {
            command.args(["--token-file", file]).env_remove("PARLANCE_ADMIN_TOKEN");
        }
        self.world.place.spawn_command(command)
    }

    /// A command of the operator.
    async fn run(&self, arguments: &[&str]) -> Ended {
        self.spawn(arguments, Some(self.token)).end(SOON).await
    }

    async fn told(&self, arguments: &[&str]) -> String {
        let ended = self.run(arguments).await;
        assert_eq!(ended.code(), Some(0), "{arguments:?}: {ended:?}");
        ended.stdout.trim().to_owned()
    }

    async fn json(&self, arguments: &[&str]) -> Vec<Value> {
        let told = self.told(&[arguments, &["--json"]].concat()).await;
        told.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
    }

    /// A command of the admin, who has the first token.
    async fn admin(&self, arguments: &[&str]) -> String {
        let ended = self.spawn(arguments, None).end(SOON).await;
        assert_eq!(ended.code(), Some(0), "{arguments:?}: {ended:?}");
        ended.stdout.trim().to_owned()
    }

    async fn writes(&self, person: &str, text: &str) {
        let body = self.world.texts(&[(person.to_owned(), format!("wamid.{person}.{text}"), text.to_owned())]);
        assert_eq!(self.world.post(&body).await, Some(200));
    }

    /// How many messages people got.
    fn got(&self) -> usize {
        self.world.meta.ledger().expect("the stand-in keeps books").rows.len()
    }

    /// The groups of dead letters, once they hold so many.
    async fn dead(&self, count: u64) -> Vec<Value> {
        eventually("the dead letters", SOON, async || {
            let groups = self.json(&["outbox", "groups"]).await;
            let all: u64 = groups.iter().filter_map(|group| group["count"].as_u64()).sum();
            (all == count).then_some(groups)
        })
        .await
    }
}

/// A file in the folder of the server.
fn write(place: &Place, name: &str, text: &str) {
    std::fs::write(place.path().join(name), text).expect("a file");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operators_day_goes_as_it_should() {
    let day = Day { world: World::new().await, token: "night.token" };
    let (program, _) = day.world.start().await;

    // The admin makes a token for the night: it may operate, and nothing of what is the admin's.
    let secret = day.admin(&["token", "create", "night", "--role", "operator", "--expires", "12h"]).await;
    write(&day.world.place, day.token, &secret);
    let refused = day.run(&["user", "list"]).await;
    assert_eq!(refused.code(), Some(6), "{refused:?}");
    let status = day.told(&["status"]).await;
    assert!(status.contains("Outbox      0 unsent") && status.contains("Dead        0 letters"), "{status}");

    // Meta takes nothing for three people: one cause, with what it means and what helps.
    let refuses = Rule { code: Some(NOT_ON_WHATSAPP), ..Rule::on(Operation::Send) };
    day.world.meta.set_trouble(Trouble { rules: vec![refuses], ..Trouble::default() }).expect("trouble that there is");
    for person in ["447700900201", "447700900202", "447700900203"] {
        day.writes(person, "hello").await;
    }
    let groups = day.dead(3).await;
    assert_eq!((groups.len(), &groups[0]["code"]), (1, &json!(NOT_ON_WHATSAPP)), "{groups:?}");
    assert!(!groups[0]["meaning"].as_str().unwrap_or_default().is_empty(), "{groups:?}");

    // Tried first; one is dropped with its reason, the others go when Meta takes them again.
    let code = NOT_ON_WHATSAPP.to_string();
    let tried = day.told(&["outbox", "retry", "--code", &code, "--dry-run"]).await;
    assert!(tried.starts_with("3 dead letters"), "{tried}");
    assert_eq!((day.dead(3).await.len(), day.got()), (1, 0), "nothing was done");
    let letters = day.json(&["outbox", "list", "--state", "dead"]).await;
    let first = letters[0]["id"].to_string();
    day.told(&["outbox", "drop", first.trim_matches('"'), "--reason", "a wrong number"]).await;
    day.world.meta.clear_trouble();
    day.told(&["outbox", "retry", "--code", &code]).await;
    eventually("both replies arrive", SOON, async || (day.got() == 2).then_some(())).await;
    day.dead(0).await;

    // A number is stopped: what is to be sent waits, and leaves when it goes on.
    let number = day.json(&["number", "list"]).await[0]["id"].as_str().expect("an id").to_owned();
    day.told(&["number", "pause", &number, "--reason", "Meta reviews us"]).await;
    day.writes("447700900201", "are you there?").await;
    eventually("the reply waits", SOON, async || {
        (day.json(&["outbox", "list", "--state", "queued"]).await.len() == 1).then_some(())
    })
    .await;
    assert!(day.told(&["status"]).await.contains("Meta reviews us"));
    day.told(&["number", "resume", &number]).await;
    eventually("it leaves", SOON, async || (day.got() == 3).then_some(())).await;

    // Ids are given by their beginning; if several begin so they are named, and nothing is done.
    let listed = day.json(&["convo", "list"]).await;
    let ids: Vec<&str> = listed.iter().filter_map(|item| item["id"].as_str()).collect();
    let beginning = |length: usize| ids[0].chars().take(length).collect::<String>();
    let begins = |length: usize| ids.iter().filter(|id| id.starts_with(&beginning(length))).count();
    let unique = (3..28).find(|length| begins(*length) == 1).map(beginning).expect("ids differ");
    assert!(day.told(&["convo", "show", &unique]).await.contains(ids[0]));
    assert!(day.told(&["convo", "pause", &unique, "--dry-run"]).await.contains(ids[0]));
    let several = day.run(&["convo", "end", &beginning(3)]).await;
    assert!(several.code() == Some(64) && ids.iter().all(|id| several.stderr.contains(id)), "{several:?}");
    assert_eq!(day.run(&["convo", "show", "c_ZZZZZZ"]).await.code(), Some(3));

    // What was put aside stays until it can be taken in, or is dropped with a reason.
    assert_eq!(day.world.post(&"no webhook".into()).await, Some(200));
    let aside = day.json(&["quarantine", "list"]).await;
    assert_eq!((aside.len(), &aside[0]["reason"]), (1, &json!("unreadable")), "{aside:?}");
    let id = aside[0]["id"].as_str().expect("an id");
    assert_eq!(day.run(&["quarantine", "release", id]).await.code(), Some(4));
    let stays = day.run(&["quarantine", "release", "--all"]).await;
    assert!(stays.code() == Some(4) && stays.stdout.contains("0 of 1"), "{stays:?}");
    assert_eq!(day.run(&["quarantine", "drop", id]).await.code(), Some(64), "a reason is needed");
    assert!(day.told(&["quarantine", "drop", id, "--why", "a test", "--dry-run"]).await.contains("1 would be"));
    assert!(day.told(&["quarantine", "drop", id, "--why", "a test"]).await.contains("1 of 1"));
    assert_eq!(day.told(&["quarantine", "list"]).await, "");

    // What goes to many, or cannot be undone, is done where somebody said yes.
    let replay = ["webhook", "replay", "w_ffffffff00000000", "--anew"];
    let asked = day.run(&replay).await;
    assert!(asked.code() == Some(64) && asked.stderr.contains("--yes"), "{asked:?}");
    let said = day.run(&[&replay[..], &["--yes"]].concat()).await;
    assert_eq!(said.code(), Some(3), "there is no such request: {said:?}");

    // A configuration is tried before it is used: the place and the nearest key are named.
    write(&day.world.place, "new.toml", "[outbox]\nmax_atempts = 5\n");
    let checked = day.world.place.spawn(&["config", "check", "new.toml"]).end(SOON).await;
    assert_eq!(checked.code(), Some(78), "{checked:?}");
    let words = format!("{}{}", checked.stdout, checked.stderr);
    assert!(words.contains("new.toml:2") && words.contains("max_attempts"), "{words}");
    let shown = day.told(&["config", "show", "--sources"]).await;
    let line = shown.lines().find(|line| line.starts_with("outbox.max_attempts")).expect("the key");
    assert!(line.contains("1000") && line.contains("PARLANCE__OUTBOX__MAX_ATTEMPTS"), "{line}");
    assert!(!shown.contains(&day.world.place.app_secret), "a secret is shown");

    // Who did what.
    let trail = day.admin(&["audit", "list"]).await;
    for part in ["token:night", "/pause", "/resume", "/retry", "/drop", "admin-token"] {
        assert!(trail.contains(part), "{part:?} is not in {trail}");
    }
    assert!(day.admin(&["audit", "verify"]).await.contains("true"));
    day.admin(&["token", "revoke", "night"]).await;
    assert_eq!(day.run(&["status"]).await.code(), Some(6), "a revoked token ends at once");

    // An upgrade: it ends in order, and the next one goes on with everything.
    day.writes("447700900202", "one more").await;
    program.signal(Signal::TERM);
    assert_eq!(program.end(SOON).await.code(), Some(0));
    let (program, _) = day.world.start().await;
    eventually("the reply arrives", SOON, async || (day.got() == 4).then_some(())).await;
    day.world.drained(SOON).await;
    for state in ["queued", "sending", "uncertain", "held"] {
        let left = day.world.admin(&format!("/api/v1/outbox?state={state}")).await;
        assert_eq!(left["items"], json!([]), "{state}");
    }
    program.kill();
}
