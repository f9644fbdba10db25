//! A measured process: started in a folder of its own, found ready by asking it, ended however the bench ends; ended
//! and started again in that folder, where that is what is measured.

use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use rustix::fs::{Advice, fadvise};
use rustix::process::{Pid, Signal, kill_process};
use secrecy::{ExposeSecret, SecretString};
use tokio::time::Instant;
use whatsapp::flow::FlowKey;

use super::Scenario;
use super::machine;
use super::message::number_id;
use super::round::{Subject, figure};

/// The bots, by the name of their scenario.
const BOTS: [(&str, &str); 4] = [
    ("webhooks.yaml", include_str!("bots/webhooks.yaml")),
    ("replies.yaml", include_str!("bots/replies.yaml")),
    ("forms.yaml", include_str!("bots/forms.yaml")),
    ("soak.yaml", include_str!("bots/soak.yaml")),
];
const READY_WITHIN: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// More than it may take to finish what it has begun.
const ENDED_WITHIN: Duration = Duration::from_secs(30);
/// Between two tries to connect to a process that is starting, where the time is what is measured.
const TRY_EVERY: Duration = Duration::from_millis(1);
const STORE: &str = "bench.redb";
/// What the length on the disk is counted in, whatever the filesystem.
const BLOCK: u64 = 512;
const DEFAULT_BOT: &str = "PARLANCE__BOTS__DEFAULT";
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// A running child; dropping it kills it and removes its folder.
pub(super) struct Child {
    pub front: SocketAddr,
    /// The public half of what opens Flow requests.
    pub flow_key: Option<Arc<FlowKey>>,
    pub secret: SecretString,
    command: Command,
    process: std::process::Child,
    admin: SocketAddr,
    token: SecretString,
    client: reqwest::Client,
    // After the process in order: nobody writes there any more when it is removed.
    dir: Folder,
}

/// What a child is started for.
pub(super) struct Order<'a> {
    pub subject: Subject,
    pub scenario: Scenario,
    /// Where its folder goes.
    pub dir: &'a Path,
    pub graph: SocketAddr,
    /// People who will be in conversations.
    pub people: u32,
}

impl Child {
    /// Starts it and waits until it answers.
    pub(super) async fn start(order: &Order<'_>) -> anyhow::Result<Self> {
        Self::start_with(order, &[]).await
    }

    /// The same with these settings beside, or in the place of, those of every bench.
    pub(super) async fn start_with(order: &Order<'_>, settings: &[(&str, &str)]) -> anyhow::Result<Self> {
        let dir = Folder::create(order.dir)?;
        let bots = dir.path.join("bots");
        fs::create_dir(&bots).context("making the folder of bots")?;
        for (name, text) in BOTS {
            fs::write(bots.join(name), text).context("writing a bot")?;
        }
        let log = File::create(dir.path.join("log")).context("making a log file")?;
        let (front, admin) = free_addresses()?;
        let (secret, token) = (random_text(), random_text());
        let flow_key = order.scenario.is_of_flows().then(FlowKey::generate).transpose()?.map(Arc::new);
        let mut command = Command::new(std::env::current_exe().context("finding this program")?);
        match order.subject {
            Subject::Parlance => command.arg("serve"),
            Subject::Skeleton => command.args(["bench", "--skeleton", order.scenario.name()]),
        };
        command.current_dir(&dir.path).env_clear().envs(environment(order, front, admin, &secret, &token));
        command.envs(settings.iter().copied());
        if let Some(key) = &flow_key {
            command.env("PARLANCE__WHATSAPP__FLOW_PRIVATE_KEY", key.private_pem().expose_secret());
        }
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let client = reqwest::Client::builder().no_proxy().timeout(REQUEST_TIMEOUT).build()?;
        // From here on nothing may fail before the child has its owner.
        let process = command.spawn().context("starting a process")?;
        let mut child = Self { front, flow_key, secret, command, process, admin, token, client, dir };
        child.wait_until_ready().await?;
        Ok(child)
    }

    /// Ends it with a signal, and waits until it has gone.
    pub(super) async fn end(&mut self, signal: Signal) -> anyhow::Result<()> {
        kill_process(Pid::from_child(&self.process), signal).context("ending a process")?;
        let deadline = Instant::now() + ENDED_WITHIN;
        while self.process.try_wait().context("looking after a process")?.is_none() {
            ensure!(Instant::now() < deadline, "it did not end within {ENDED_WITHIN:?}: {}", self.last_words());
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Ok(())
    }

    /// Another bot answers from its next start on.
    pub(super) fn answer_with(&mut self, bot: &str) {
        self.command.env(DEFAULT_BOT, bot);
    }

    /// Starts it again after it ended, at the same addresses over the same files; how long it took to be ready.
    pub(super) async fn start_again(&mut self) -> anyhow::Result<Duration> {
        let url = format!("http://{}/readyz", self.admin);
        let begun = Instant::now();
        self.process = self.command.spawn().context("starting a process again")?;
        // Its ports are open before it is ready, and answer then: what is asked too early waits there.
        while !self.client.get(&url).send().await.is_ok_and(|answer| answer.status().is_success()) {
            if let Some(status) = self.process.try_wait().context("looking after a process")? {
                bail!("it ended with {status}: {}", self.last_words());
            }
            ensure!(begun.elapsed() < READY_WITHIN, "not ready within {READY_WITHIN:?}: {}", self.last_words());
            tokio::time::sleep(TRY_EVERY).await;
        }
        Ok(begun.elapsed())
    }

    /// Its store's file and what lies beside it leave the machine's memory, as if nobody had read them for a while. It must
    /// not be running.
    pub(super) fn forget_files(&self) -> anyhow::Result<()> {
        let mut dirs = vec![self.dir.path.clone()];
        while let Some(dir) = dirs.pop() {
            for entry in fs::read_dir(&dir).context("reading a folder")? {
                let entry = entry.context("reading a folder")?;
                if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                    dirs.push(entry.path());
                    continue;
                }
                let file = File::open(entry.path()).context("opening a file")?;
                // What is not on the disk yet would stay.
                file.sync_all().context("syncing a file")?;
                fadvise(&file, 0, None, Advice::DontNeed).context("letting go of a file")?;
            }
        }
        Ok(())
    }

    /// Bytes of its store's file that are on the disk: it is longer than it is full.
    pub(super) fn store_on_disk(&self) -> anyhow::Result<u64> {
        Ok(fs::metadata(self.dir.path.join(STORE)).context("looking at the store's file")?.blocks() * BLOCK)
    }

    /// A figure of its metrics page.
    pub(super) async fn figure(&self, name: &str) -> anyhow::Result<f64> {
        Ok(figure(&self.metrics().await.context("reading its metrics")?, name))
    }

    /// Bytes of its store's file that are on the disk, and of the webhooks beside it.
    pub(super) fn stored(&self) -> (u64, u64) {
        let webhooks = self.dir.path.join(STORE).with_extension("redb.webhooks");
        (self.store_on_disk().unwrap_or_default(), machine::bytes_below(&webhooks))
    }

    pub(super) fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Its metrics page.
    pub(super) async fn metrics(&self) -> anyhow::Result<String> {
        let request = self.client.get(format!("http://{}/metrics", self.admin)).bearer_auth(self.token.expose_secret());
        Ok(request.send().await?.error_for_status()?.text().await?)
    }

    /// Asks its admin port.
    pub(super) async fn get(&self, path: &str) -> anyhow::Result<serde_json::Value> {
        let request = self.client.get(format!("http://{}{path}", self.admin)).bearer_auth(self.token.expose_secret());
        Ok(request.send().await?.error_for_status()?.json().await?)
    }

    /// Posts to its admin port.
    pub(super) async fn post(&self, path: &str, body: &serde_json::Value) -> anyhow::Result<serde_json::Value> {
        let request = self.client.post(format!("http://{}{path}", self.admin)).bearer_auth(self.token.expose_secret());
        Ok(request.json(body).send().await?.error_for_status()?.json().await?)
    }

    /// How many rows of the outbox are in a state, up to a page of them.
    pub(super) async fn outbox(&self, state: &str) -> anyhow::Result<usize> {
        Ok(self.list(&format!("/api/v1/outbox?state={state}&limit=200")).await?.len())
    }

    /// The items of a page of its admin port.
    pub(super) async fn list(&self, path: &str) -> anyhow::Result<Vec<serde_json::Value>> {
        let mut page = self.get(path).await?;
        match page["items"].take() {
            serde_json::Value::Array(items) => Ok(items),
            other => bail!("{path} has no items but {other}"),
        }
    }

    /// Its folder stays when this is dropped; where it is.
    pub(super) fn keep_folder(&mut self) -> &Path {
        self.dir.kept = true;
        &self.dir.path
    }

    async fn wait_until_ready(&mut self) -> anyhow::Result<()> {
        let deadline = Instant::now() + READY_WITHIN;
        let url = format!("http://{}/healthz", self.front);
        loop {
            if let Some(status) = self.process.try_wait().context("looking after a process")? {
                bail!("it ended with {status}: {}", self.last_words());
            }
            if self.client.get(&url).send().await.is_ok_and(|answer| answer.status().is_success()) {
                return Ok(());
            }
            if Instant::now() > deadline {
                bail!("it was not ready within {READY_WITHIN:?}: {}", self.last_words());
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// The end of its log.
    pub(super) fn last_words(&self) -> String {
        let log = fs::read_to_string(self.dir.path.join("log")).unwrap_or_default();
        let lines: Vec<_> = log.lines().rev().take(5).collect();
        lines.into_iter().rev().collect::<Vec<_>>().join("\n")
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // Errors mean that it has ended already.
        let _ended = self.process.kill();
        let _gone = self.process.wait();
    }
}

/// A folder that is removed with all that is in it, unless it is kept.
struct Folder {
    path: PathBuf,
    kept: bool,
}

impl Folder {
    fn create(parent: &Path) -> anyhow::Result<Self> {
        let name = format!("parlance-bench-{}", hex::encode(rand::random::<[u8; 8]>()));
        let parent = std::path::absolute(parent)?;
        let path = parent.join(name);
        fs::create_dir(&path).with_context(|| format!("making a folder in {}", parent.display()))?;
        Ok(Self { path, kept: false })
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if !self.kept {
            // What cannot be removed stays, and can be seen.
            let _left = fs::remove_dir_all(&self.path);
        }
    }
}

/// The whole configuration of a child. Nothing of the environment of the bench gets through.
fn environment(
    order: &Order<'_>,
    front: SocketAddr,
    admin: SocketAddr,
    secret: &SecretString,
    token: &SecretString,
) -> Vec<(&'static str, String)> {
    let unused = random_text();
    vec![
        ("PARLANCE__SERVER__LISTEN", front.to_string()),
        ("PARLANCE__ADMIN__LISTEN", admin.to_string()),
        ("PARLANCE__ADMIN__TOKEN", token.expose_secret().to_owned()),
        ("PARLANCE__WHATSAPP__PHONE_NUMBER_ID", number_id(0)),
        ("PARLANCE__WHATSAPP__APP_SECRET", secret.expose_secret().to_owned()),
        ("PARLANCE__WHATSAPP__ACCESS_TOKEN", unused.expose_secret().to_owned()),
        ("PARLANCE__WHATSAPP__WEBHOOK_VERIFY_TOKEN", unused.expose_secret().to_owned()),
        ("PARLANCE__GRAPH__BASE_URL", format!("http://{}", order.graph)),
        ("PARLANCE__LIMITS__MESSAGES_PER_SECOND", "0".to_owned()),
        ("PARLANCE__LIMITS__PAIR_INTERVAL", "0".to_owned()),
        ("PARLANCE__LIMITS__PAIR_BURST", "0".to_owned()),
        // Everybody stays in memory: what leaving and coming back costs is another question.
        ("PARLANCE__CONVERSATION__MAX_LIVE", (u64::from(order.people) * 5 / 4 + 1_000).to_string()),
        ("PARLANCE__BOTS__DIR", "bots".to_owned()),
        (DEFAULT_BOT, order.scenario.bot().to_owned()),
        ("PARLANCE__STORE__PATH", STORE.to_owned()),
        ("PARLANCE__LOG__LEVEL", "warn".to_owned()),
    ]
}

/// Two ports that are free now; both are held until both are known.
fn free_addresses() -> anyhow::Result<(SocketAddr, SocketAddr)> {
    let bind = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("finding a free port");
    let (front, admin) = (bind()?, bind()?);
    Ok((front.local_addr()?, admin.local_addr()?))
}

fn random_text() -> SecretString {
    hex::encode(rand::random::<[u8; 24]>()).into()
}

#[cfg(test)]
mod tests {
    use chatbot::Format;

    use super::*;

    #[test]
    fn bots_have_nothing_to_complain_about() {
        for (name, text) in BOTS {
            let loaded = chatbot::load(text, name, Format::Yaml);
            assert!(loaded.bot.is_some() && loaded.diagnostics.is_empty(), "{name}: {:?}", loaded.diagnostics);
        }
    }
}
