//! A responder's day, with the real binary: the queue, a takeover, what the bot knows, a reply, a colleague who comes too
//! late, the hand back, and somebody who walks away. One person works at the command line, the other one over HTTP.

use std::process::Command;

use rustix::process::Signal;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{Ended, Program, SOON, eventually, free_ports};

/// `dev` needs three ports; the next three are tried when one of them is taken.
const PORTS: u16 = 6;
const TOKEN: &str = "fixture-token-of-the-colleague";
const BOT: &str = r#"
parlance: 1
id: welcome
title: Support
vars: { order_no: { type: text, max: 20 } }
triggers: [ { default: {}, to: which } ]
nodes:
  which: { type: ask, prompt: Which order?, save: order_no, next: { ok: desk } }
  desk: { type: handoff, queue: support, message: A person will answer., next: { returned: which, closed: bye } }
  bye: { type: say, messages: [ { text: "Glad to help with {{ order_no }}." } ], next: { next: end } }
  end: { type: end }
"#;

struct Office {
    dir: TempDir,
    port: u16,
    http: reqwest::Client,
}

impl Office {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("a temporary folder");
        std::fs::create_dir(dir.path().join("bots")).expect("a folder for bots");
        std::fs::write(dir.path().join("bots/support.yaml"), BOT).expect("a bot file");
        let http = reqwest::Client::builder().no_proxy().build().expect("a client");
        Self { dir, port: free_ports(PORTS), http }
    }

    fn spawn(&self, arguments: &[&str]) -> Program {
        let mut command = Command::new(env!("CARGO_BIN_EXE_parlance"));
        command.args(arguments).current_dir(self.dir.path()).env_clear();
        if arguments[0] == "dev" {
            command.env("PARLANCE_ADMIN_TOKEN", TOKEN);
        }
        Program::spawn(command, &self.dir.path().join(format!("output-{:08x}", rand::random::<u32>())))
    }

    async fn open(&self) -> Program {
        let base = self.port.to_string();
        let mut program = self.spawn(&["dev", "--port-base", &base]);
        eventually("the banner", SOON, async || {
            assert!(program.runs(), "it ended: {}", program.stderr());
            program.stdout().contains("parlance say").then_some(())
        })
        .await;
        program
    }

    /// A command of the person at the command line.
    async fn run(&self, arguments: &[&str]) -> Ended {
        self.spawn(arguments).end(SOON).await
    }

    /// What a command that succeeds prints.
    async fn told(&self, arguments: &[&str]) -> String {
        let ended = self.run(arguments).await;
        assert_eq!(ended.code(), Some(0), "{arguments:?}: {ended:?}");
        ended.stdout.trim().to_owned()
    }

    /// The objects that a command with `--json` prints.
    async fn json(&self, arguments: &[&str]) -> Vec<Value> {
        let told = self.told(&[arguments, &["--json"]].concat()).await;
        told.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
    }

    /// A request of the colleague.
    async fn colleague(&self, id: &str, verb: &str, body: Value) -> (u16, Value) {
        let url = format!("http://127.0.0.1:{}/api/v1/conversations/{id}/{verb}", self.port + 1);
        let answer = self.http.post(url).bearer_auth(TOKEN).json(&body).send().await.expect("an answer");
        (answer.status().as_u16(), answer.json().await.expect("JSON"))
    }

    /// What was said in a conversation, newest first.
    async fn said(&self, id: &str) -> Vec<String> {
        let url = format!("http://127.0.0.1:{}/api/v1/conversations/{id}/messages", self.port + 1);
        let answer = self.http.get(url).bearer_auth(TOKEN).send().await.expect("an answer");
        let page: Value = answer.json().await.expect("JSON");
        let texts = page["items"].as_array().expect("messages").iter();
        texts.map(|message| message["text"].as_str().unwrap_or_default().to_owned()).collect()
    }

    /// Time goes by, for the server and its stand-in.
    async fn pass(&self, span: &str) {
        let url = format!("http://127.0.0.1:{}/_sim/clock", self.port + 2);
        let answer = self.http.post(url).json(&json!({ "advance": span })).send().await.expect("an answer");
        assert!(answer.status().is_success(), "{}", answer.status());
    }

    /// Who waits for a person, once there is somebody.
    async fn queue(&self) -> Vec<Value> {
        eventually("somebody waits for a person", SOON, async || {
            Some(self.json(&["convo", "list", "--needs-person"]).await).filter(|queue| !queue.is_empty())
        })
        .await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_responders_day_goes_as_it_should() {
    let office = Office::new();
    let program = office.open().await;

    // A customer gets as far as the bot can help.
    assert_eq!(office.told(&["say", "hello"]).await, "Which order?");
    assert_eq!(office.told(&["say", "A-71"]).await, "A person will answer.");

    // The queue says who waits, since when, where, and what was said last.
    let queue = office.queue().await;
    let (first, id) = (&queue[0], queue[0]["id"].as_str().expect("an id"));
    assert_eq!((&first["node"], &first["owner"]), (&json!("desk"), &Value::Null));
    assert!(first["waiting_since"].is_string() && first["window_expires_at"].is_string(), "{first}");
    assert_eq!(first["last_message"]["text"], "A person will answer.");

    // Tried first, then done: it is mine, and the bot is silent.
    let tried = office.told(&["convo", "takeover", id, "--dry-run"]).await;
    assert!(tried.starts_with("takeover: would be done"), "{tried}");
    let told = office.told(&["convo", "takeover", id, "--reason", "an order went wrong"]).await;
    assert!(told.starts_with("takeover: done") && told.contains("loopback answers"), "{told}");
    assert_eq!(office.json(&["convo", "list", "--mine"]).await.len(), 1);
    assert!(office.json(&["convo", "list", "--needs-person"]).await.is_empty());

    // What the bot knows, and a correction of it.
    let shown = office.json(&["convo", "show", id]).await.remove(0);
    assert_eq!((&shown["variables"]["order_no"], &shown["control"]["by"]), (&json!("A-71"), &json!("loopback")));
    office.told(&["convo", "set", id, "order_no=A-17", "--reason", "the digits were swapped"]).await;
    let wrong = office.run(&["convo", "set", id, "order_no=much longer than an order number may be"]).await;
    assert_eq!(wrong.code(), Some(65), "{wrong:?}");
    office.told(&["convo", "note", id, "calls back on Monday"]).await;

    // A reply.
    office.told(&["convo", "send", id, "I have found it."]).await;
    eventually("the reply is in the conversation", SOON, async || {
        office.said(id).await.contains(&"I have found it.".to_owned()).then_some(())
    })
    .await;

    // The colleague comes too late, and hears from whom.
    let (status, problem) = office.colleague(id, "takeover", json!({})).await;
    assert_eq!((status, &problem["owner"]), (409, &json!("loopback")), "{problem}");
    assert!(problem["since"].is_string(), "{problem}");

    // Handed back: the matter is settled, and the bot goes on by itself.
    office.told(&["convo", "handback", id, "--closed", "--note", "sent again"]).await;
    eventually("the bot goes on", SOON, async || {
        office.said(id).await.first().filter(|text| *text == "Glad to help with A-17.").map(|_| ())
    })
    .await;
    let again = office.run(&["convo", "handback", id]).await;
    assert_eq!(again.code(), Some(4), "{again:?}");
    assert!(again.stderr.contains("the bot has this conversation already"), "{}", again.stderr);
    let journal = office.told(&["convo", "journal", id]).await;
    for part in ["(an order went wrong)", "changed order_no", "noted: calls back on Monday", "note: sent again"] {
        assert!(journal.contains(part), "{part:?} is not in {journal}");
    }

    // Whoever walks away loses it: it waits for a person again, and now the colleague gets it.
    assert_eq!(office.told(&["say", "me again"]).await, "Which order?");
    office.told(&["convo", "takeover", id]).await;
    office.pass("61m").await;
    let queue = office.queue().await;
    assert_eq!((&queue[0]["id"], &queue[0]["owner"]), (&json!(id), &Value::Null));
    let (status, taken) = office.colleague(id, "takeover", json!({ "note": "continues" })).await;
    assert_eq!((status, &taken["owner"]), (200, &json!("admin-token")), "{taken}");

    program.signal(Signal::INT);
    let ended = program.end(SOON).await;
    assert_eq!(ended.code(), Some(0), "{ended:?}");
}
