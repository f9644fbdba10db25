//! A folder for one Parlance: its configuration by environment, its bot, its ports and its secrets.

use std::collections::BTreeMap;
use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU16, AtomicUsize, Ordering};

use tempfile::TempDir;

use super::program::Program;
use super::world::World;

pub(crate) const NUMBER: &str = "700800900100200";

/// Says what it hears.
const ECHO: &str = r#"{
  "parlance": 1, "id": "echo",
  "triggers": [{ "default": {}, "to": "echo" }],
  "nodes": {
    "echo": { "type": "say", "messages": [{ "text": "echo {{ input.text }}" }], "next": { "next": "fin" } },
    "fin": { "type": "end", "reason": "done" }
  }
}"#;

/// Below the ports that the system gives to outgoing connections: one of those could take ours during a restart.
const FIRST_PORT: u16 = 10_000;
const BLOCKS: u16 = 20;
const BLOCK: u16 = 1_000;

/// So many ports in a row that are free now and that nobody else who runs these tests gets.
pub(crate) fn free_ports(count: u16) -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    for _ in 0..BLOCK / count {
        let offset = NEXT.fetch_add(count, Ordering::Relaxed) % (BLOCK - count);
        let first = block_of_ports() + offset;
        if (first..first + count).all(|port| TcpListener::bind(("127.0.0.1", port)).is_ok()) {
            return first;
        }
    }
    panic!("there are no {count} free ports in a row");
}

/// The first port of a block that belongs to this process, by a lock that ends with it.
fn block_of_ports() -> u16 {
    static BLOCK_OF_THIS_PROCESS: OnceLock<(u16, File)> = OnceLock::new();
    let taken = BLOCK_OF_THIS_PROCESS.get_or_init(|| {
        let lock = |number: u16| {
            let name = format!("parlance-test-ports-{number}");
            let file = File::options().write(true).create(true).truncate(false).open(std::env::temp_dir().join(name));
            file.ok().filter(|file| file.try_lock().is_ok()).map(|file| (FIRST_PORT + number * BLOCK, file))
        };
        (0..BLOCKS).find_map(lock).expect("fewer than twenty runs of these tests at a time")
    });
    taken.0
}

pub(crate) struct Place {
    dir: TempDir,
    pub(crate) front: SocketAddr,
    pub(crate) admin: SocketAddr,
    pub(crate) app_secret: String,
    pub(crate) access_token: String,
    pub(crate) admin_token: String,
    settings: BTreeMap<String, String>,
    programs: AtomicUsize,
}

impl Place {
    /// A place with the echo bot and without limits. `graph` is where messages go.
    pub(crate) fn new(graph: &str) -> Self {
        let dir = tempfile::tempdir().expect("a temporary folder");
        std::fs::create_dir(dir.path().join("bots")).expect("a folder for bots");
        std::fs::write(dir.path().join("bots/echo.json"), ECHO).expect("a bot file");
        let port = free_ports(2);
        let on = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let mut place = Self {
            dir,
            front: on(port),
            admin: on(port + 1),
            app_secret: random_text(),
            access_token: random_text(),
            admin_token: random_text(),
            settings: BTreeMap::new(),
            programs: AtomicUsize::new(0),
        };
        for (name, value) in place.defaults(graph) {
            place.set(name, value);
        }
        place
    }

    fn defaults(&self, graph: &str) -> [(&'static str, String); 20] {
        [
            ("WHATSAPP_PHONE_NUMBER_ID", NUMBER.into()),
            ("WHATSAPP_ACCESS_TOKEN", self.access_token.clone()),
            ("WHATSAPP_WEBHOOK_VERIFY_TOKEN", random_text()),
            ("WHATSAPP_APP_SECRET", self.app_secret.clone()),
            ("PARLANCE_ADMIN_TOKEN", self.admin_token.clone()),
            ("PARLANCE__SERVER__LISTEN", self.front.to_string()),
            ("PARLANCE__ADMIN__LISTEN", self.admin.to_string()),
            ("PARLANCE__GRAPH__BASE_URL", graph.into()),
            ("PARLANCE__BOTS__DEFAULT", "echo".into()),
            ("PARLANCE__LIMITS__MESSAGES_PER_SECOND", "0".into()),
            ("PARLANCE__LIMITS__PAIR_INTERVAL", "0".into()),
            ("PARLANCE__OUTBOX__DOUBT_WINDOW", format!("{}ms", World::DOUBT_WINDOW_MS)),
            ("PARLANCE__OUTBOX__CONCURRENCY", World::CONCURRENCY.to_string()),
            ("PARLANCE__OUTBOX__BACKOFF_BASE", "100ms".into()),
            ("PARLANCE__OUTBOX__BACKOFF_MAX", "500ms".into()),
            ("PARLANCE__OUTBOX__MAX_ATTEMPTS", "1000".into()),
            ("PARLANCE__STORE__PATH", "data/parlance.redb".into()),
            ("PARLANCE__STORE__MIN_FREE_BYTES", "0".into()),
            ("PARLANCE__LOG__LEVEL", "warn".into()),
            ("PARLANCE__LOG__FORMAT", "text".into()),
        ]
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn store(&self) -> PathBuf {
        self.path().join("data/parlance.redb")
    }

    pub(crate) fn set(&mut self, name: &str, value: impl Into<String>) {
        self.settings.insert(name.into(), value.into());
    }

    pub(crate) fn unset(&mut self, name: &str) {
        self.settings.remove(name);
    }

    /// The binary with these arguments, in this folder and with this configuration only.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_parlance"));
        command.args(arguments).current_dir(self.path()).env_clear().envs(&self.settings);
        command
    }

    /// Starts it with its output in files of this folder.
    pub(crate) fn spawn(&self, arguments: &[&str]) -> Program {
        self.spawn_command(self.command(arguments))
    }

    pub(crate) fn spawn_command(&self, command: Command) -> Program {
        let count = self.programs.fetch_add(1, Ordering::Relaxed);
        Program::spawn(command, &self.path().join(format!("output-{count}")))
    }
}

/// A secret that exists for one test only.
pub(crate) fn random_text() -> String {
    hex::encode(rand::random::<[u8; 16]>())
}
