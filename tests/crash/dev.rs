//! `parlance dev` and `parlance say`, as somebody uses them who has just got the binary.

use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use rustix::process::Signal;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::{Ended, Program, SOON, eventually, free_ports};

/// `dev` needs three ports; the next three are tried when one of them is taken.
const PORTS: u16 = 6;

struct Newcomer {
    dir: TempDir,
    port: u16,
}

impl Newcomer {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().expect("a temporary folder"), port: free_ports(PORTS) }
    }

    fn spawn(&self, arguments: &[&str]) -> Program {
        let mut command = Command::new(env!("CARGO_BIN_EXE_parlance"));
        command.args(arguments).current_dir(self.dir.path()).env_clear();
        Program::spawn(command, &self.dir.path().join(format!("output-{:08x}", rand::random::<u32>())))
    }

    /// Starts `dev` and waits for its banner.
    async fn dev(&self, more: &[&str]) -> (Program, String) {
        let base = self.port.to_string();
        let mut program = self.spawn(&[&["dev", "--port-base", &base], more].concat());
        let banner = eventually("the banner", SOON, async || {
            assert!(program.runs(), "it ended: {}", program.stderr());
            let banner = program.stdout();
            banner.contains("parlance say").then_some(banner)
        })
        .await;
        (program, banner)
    }

    async fn say(&self, arguments: &[&str]) -> Ended {
        self.spawn(&[&["say"], arguments].concat()).end(SOON).await
    }

    async fn stop(program: Program) {
        program.signal(Signal::INT);
        let ended = program.end(SOON).await;
        assert_eq!(ended.code(), Some(0), "{ended:?}");
    }

    fn exists(&self, path: &str) -> bool {
        Path::new(self.dir.path()).join(path).exists()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dev_in_an_empty_folder_answers_a_first_hi() {
    let newcomer = Newcomer::new();
    let (program, banner) = newcomer.dev(&[]).await;
    for (offset, part) in [(0, "Webhook"), (1, "Admin"), (2, "Phone"), (2, "Graph")] {
        let line = banner.lines().find(|line| line.trim_start().starts_with(part)).unwrap_or_default();
        assert!(line.contains(&format!("http://127.0.0.1:{}", newcomer.port + offset)), "{part}: {banner}");
    }
    for part in ["nothing leaves this machine", "0 problems", ".parlance/dev.redb", "--fresh"] {
        assert!(banner.contains(part), "{part:?} is not in {banner}");
    }
    assert_eq!(program.stderr().matches("\"WARN\"").count(), 0, "{}", program.stderr());
    let ended = newcomer.say(&["hi"]).await;
    assert_eq!(ended.code(), Some(0), "{ended:?}");
    assert!(ended.stdout.contains("Parlance bot") && ended.stdout.contains("[book]"), "{}", ended.stdout);
    let ended = newcomer.say(&["--tap", "book"]).await;
    assert_eq!(ended.code(), Some(0), "{ended:?}");
    assert!(!ended.stdout.is_empty(), "{ended:?}");
    let page = reqwest::get(format!("http://127.0.0.1:{}/", newcomer.port + 2)).await.expect("the phone page answers");
    assert_eq!(page.status(), 200);
    Newcomer::stop(program).await;
    assert!(!newcomer.exists(".parlance/dev.json"), "the word of a process that has ended is left");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dev_serves_the_bots_of_the_folder_and_shows_what_is_wrong_with_them() {
    let newcomer = Newcomer::new();
    let bots = newcomer.dir.path().join("bots");
    std::fs::create_dir(&bots).expect("a folder for bots");
    let bot = "parlance: 1\nid: welcome\ntriggers: [{ default: {}, to: a }]\nnodes:\n  a: { type: say, messages: [{ text: Hello from the folder }], next: { next: b } }\n  b: { type: end, reason: done }\n";
    std::fs::write(bots.join("mine.yaml"), bot).expect("a bot file");
    std::fs::write(bots.join("broken.yaml"), "parlance: 1\nid: other\nnods: {}\n").expect("a bot file");
    let (program, banner) = newcomer.dev(&[]).await;
    assert!(banner.contains("1 bot ·"), "{banner}");
    assert!(program.stderr().contains("broken.yaml:3:"), "{}", program.stderr());
    let ended = newcomer.say(&["hi"]).await;
    assert_eq!((ended.code(), ended.stdout.trim()), (Some(0), "Hello from the folder"), "{ended:?}");
    Newcomer::stop(program).await;
}

/// Another program that answers one call, once it is let.
async fn answer_one(listener: tokio::net::TcpListener, let_go: tokio::sync::oneshot::Receiver<()>) {
    let (mut stream, _) = listener.accept().await.expect("the bot calls");
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        assert_ne!(stream.read_buf(&mut request).await.expect("a request"), 0, "it breaks off");
    }
    let_go.await.expect("the test lets it answer");
    let answer = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 13\r\n\r\n{\"day\":\"Mon\"}";
    stream.write_all(answer.as_bytes()).await.expect("the answer");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn say_waits_for_what_the_bot_says_after_a_call() {
    let newcomer = Newcomer::new();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("its address");
    let bots = newcomer.dir.path().join("bots");
    std::fs::create_dir(&bots).expect("a folder for bots");
    let bot = format!(
        "parlance: 1\nid: welcome\ntriggers: [{{ default: {{}}, to: a }}]\nnodes:\n  \
         a: {{ type: say, messages: [{{ text: One moment. }}], next: {{ next: b }} }}\n  \
         b: {{ type: http, url: \"http://{address}/day\", extract: {{ day: $.day }}, next: {{ ok: c }} }}\n  \
         c: {{ type: say, messages: [{{ text: \"Come on {{{{ day }}}}.\" }}], next: {{ next: d }} }}\n  d: {{ type: end }}\n"
    );
    std::fs::write(bots.join("mine.yaml"), bot).expect("a bot file");
    let config = format!("[http]\nallow = [\"{address}\"]\n");
    std::fs::write(newcomer.dir.path().join("config.toml"), config).expect("a configuration");
    let (let_go, go) = tokio::sync::oneshot::channel();
    let other = tokio::spawn(answer_one(listener, go));
    let (program, _) = newcomer.dev(&[]).await;
    let said = newcomer.spawn(&["say", "hi"]);
    eventually("the first reply", SOON, async || said.stdout().contains("One moment.").then_some(())).await;
    let_go.send(()).expect("the bot has called");
    let ended = said.end(SOON).await;
    assert_eq!((ended.code(), ended.stdout.trim()), (Some(0), "One moment.\nCome on Mon."), "{ended:?}");
    other.await.expect("the call was answered");
    Newcomer::stop(program).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dev_remembers_between_runs_until_it_is_told_to_forget() {
    let newcomer = Newcomer::new();
    let (program, _) = newcomer.dev(&[]).await;
    assert!(newcomer.say(&["hi"]).await.stdout.contains("I am a Parlance bot"));
    assert_eq!(newcomer.say(&["start over"]).await.code(), Some(0));
    program.kill();

    let (program, _) = newcomer.dev(&[]).await;
    let ended = newcomer.say(&["start over"]).await;
    assert!(ended.stdout.contains("Welcome back"), "{ended:?}");
    Newcomer::stop(program).await;

    let (program, _) = newcomer.dev(&["--fresh"]).await;
    let ended = newcomer.say(&["hi"]).await;
    assert!(ended.stdout.contains("I am a Parlance bot"), "{ended:?}");
    Newcomer::stop(program).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dev_takes_the_next_ports_when_one_is_in_use() {
    let newcomer = Newcomer::new();
    let _taken = TcpListener::bind(("127.0.0.1", newcomer.port + 1)).expect("the port was free");
    let (program, banner) = newcomer.dev(&[]).await;
    let admin = banner.lines().find(|line| line.trim_start().starts_with("Admin")).unwrap_or_default();
    assert!(!admin.contains(&format!(":{}/", newcomer.port + 1)), "{banner}");
    assert_eq!(newcomer.say(&["hi"]).await.code(), Some(0));
    Newcomer::stop(program).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_dev_in_the_same_folder_is_refused_and_the_first_goes_on() {
    let newcomer = Newcomer::new();
    let (first, _) = newcomer.dev(&[]).await;
    let base = newcomer.port.to_string();
    for more in [&[][..], &["--fresh"]] {
        let second = newcomer.spawn(&[&["dev", "--port-base", &base], more].concat()).end(SOON).await;
        second.one_sentence(74, &["dev.redb is in use", &format!("pid {}", first.pid())]);
    }
    let ended = newcomer.say(&["hi"]).await;
    assert_eq!(ended.code(), Some(0), "{ended:?}");
    Newcomer::stop(first).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_store_stops_dev_until_it_starts_fresh() {
    let newcomer = Newcomer::new();
    std::fs::create_dir(newcomer.dir.path().join(".parlance")).expect("a folder for the store");
    std::fs::write(newcomer.dir.path().join(".parlance/dev.redb"), "not a store").expect("a file");
    let base = newcomer.port.to_string();
    let ended = newcomer.spawn(&["dev", "--port-base", &base]).end(SOON).await;
    ended.one_sentence(74, &["dev.redb is not a Parlance store"]);
    let (program, _) = newcomer.dev(&["--fresh"]).await;
    assert_eq!(newcomer.say(&["hi"]).await.code(), Some(0));
    Newcomer::stop(program).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn say_with_nothing_running_ends_with_5() {
    let newcomer = Newcomer::new();
    let ended = newcomer.say(&["hi"]).await;
    assert_eq!(ended.code(), Some(5), "{ended:?}");
    assert!(ended.stderr.contains("parlance dev"), "{ended:?}");

    let (program, _) = newcomer.dev(&[]).await;
    program.kill();
    assert!(newcomer.exists(".parlance/dev.json"), "a killed process leaves its word");
    let ended = newcomer.say(&["hi"]).await;
    assert_eq!(ended.code(), Some(5), "{ended:?}");
    assert!(ended.stderr.contains("parlance dev"), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn say_names_what_is_not_there() {
    let newcomer = Newcomer::new();
    let (program, _) = newcomer.dev(&["--phones", "1"]).await;
    assert_eq!(newcomer.say(&["hi", "--phone", "2"]).await.code(), Some(3));
    let ended = newcomer.say(&["--tap", "nothing"]).await;
    assert_eq!(ended.code(), Some(1), "{ended:?}");
    assert!(ended.stderr.contains("nothing"), "{ended:?}");
    assert_eq!(newcomer.say(&["hi", "--tap", "book"]).await.code(), Some(64));
    Newcomer::stop(program).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dev_in_a_folder_without_bots_that_was_asked_for_ends_with_65() {
    let newcomer = Newcomer::new();
    let base = newcomer.port.to_string();
    let ended = newcomer.spawn(&["dev", "--port-base", &base, "--bots", "nowhere"]).end(Duration::from_secs(10)).await;
    ended.one_sentence(65, &["nowhere"]);
}
