//! Secrets that come from files, read again while the process runs: a token that Meta renewed counts without a restart.
//!
//! Files of access tokens and of private keys are looked at every [`LOOK_EVERY_MS`] on the engine's clock and read when time or size of the
//! file changed; [`Handle::reread`] (SIGHUP) reads all files. What cannot be read leaves the secret as it is.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use actors::Clock;
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::config::{Secret, SecretError};

/// How often files of access tokens are looked at.
pub const LOOK_EVERY_MS: u64 = 5_000;

/// What is done with a secret that changed.
pub(crate) type Apply = Box<dyn Fn(&SecretString) + Send + Sync>;

/// The files, until they are watched.
#[derive(Default)]
pub(crate) struct Files {
    by_path: HashMap<PathBuf, File>,
}

struct File {
    current: SecretString,
    /// Looked at by itself, and not only when asked.
    polled: bool,
    stamp: Option<Stamp>,
    /// It was said that it cannot be read.
    said: bool,
    apply: Vec<Apply>,
    kind: Kind,
}

/// What a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Line,
    /// Many lines.
    Text,
    /// Many lines, or no file at all.
    MaybeText,
}

/// What changes when somebody writes a file.
type Stamp = (Option<SystemTime>, u64);

/// Asks for all files to be read again.
#[derive(Clone, Debug)]
pub struct Handle {
    ask: mpsc::Sender<()>,
}

impl Handle {
    /// Reads all files again, soon.
    pub fn reread(&self) {
        // Full means that it was asked for already; closed, that the process is ending.
        let _asked = self.ask.try_send(());
    }
}

impl Files {
    /// Calls `apply` with each new text of the file behind an access token.
    pub(crate) fn token(&mut self, secret: &Secret, apply: impl Fn(&SecretString) + Send + Sync + 'static) {
        self.add(secret, Box::new(apply)).into_iter().for_each(|file| file.polled = true);
    }

    /// Calls `apply` with each new text of the file behind a secret, when asked to look.
    pub(crate) fn other(&mut self, secret: &Secret, apply: impl Fn(&SecretString) + Send + Sync + 'static) {
        self.add(secret, Box::new(apply));
    }

    /// Calls `apply` with each new text of the file behind a private key.
    pub(crate) fn key(&mut self, secret: &Secret, apply: impl Fn(&SecretString) + Send + Sync + 'static) {
        if let Some(file) = self.add(secret, Box::new(apply)) {
            (file.polled, file.kind) = (true, Kind::Text);
        }
    }

    /// As [`Files::key`], of a file that need not be there.
    pub(crate) fn key_if_there(&mut self, secret: &Secret, apply: impl Fn(&SecretString) + Send + Sync + 'static) {
        if let Some(file) = self.add(secret, Box::new(apply)) {
            (file.polled, file.kind) = (true, Kind::MaybeText);
        }
    }

    fn add(&mut self, secret: &Secret, apply: Apply) -> Option<&mut File> {
        let path = secret.file.as_ref()?;
        let file = self.by_path.entry(path.clone()).or_insert_with(|| File {
            current: secret.value.clone(),
            polled: false,
            // Not that of now: it may have been written since the configuration was read.
            stamp: None,
            said: false,
            apply: Vec::new(),
            kind: Kind::Line,
        });
        file.apply.push(apply);
        Some(file)
    }

    /// Watches until the task is aborted.
    pub(crate) fn watch(self, clock: Arc<dyn Clock>) -> (Handle, JoinHandle<()>) {
        let (ask, asked) = mpsc::channel(1);
        (Handle { ask }, tokio::spawn(self.run(clock, asked)))
    }

    async fn run(mut self, clock: Arc<dyn Clock>, mut asked: mpsc::Receiver<()>) {
        let polls = self.by_path.values().any(|file| file.polled);
        loop {
            let next_ms = clock.now_ms() + LOOK_EVERY_MS;
            let asked = tokio::select! {
                () = clock.wait_until(next_ms), if polls => false,
                asked = asked.recv() => match asked {
                    Some(()) => true,
                    None => return,
                },
            };
            let look = move || {
                self.look(asked);
                self
            };
            // A panic in there would be ours; the files stay as they are then.
            let Ok(looked) = tokio::task::spawn_blocking(look).await else { return };
            self = looked;
        }
    }

    fn look(&mut self, all: bool) {
        for (path, file) in &mut self.by_path {
            if all || file.polled {
                file.look(path, all);
            }
        }
        if all {
            tracing::info!(files = self.by_path.len(), "secrets were read again");
        }
    }
}

impl File {
    fn look(&mut self, path: &Path, always: bool) {
        let stamp = std::fs::metadata(path).ok().map(|meta| (meta.modified().ok(), meta.len()));
        if !always && stamp.is_some() && stamp == self.stamp {
            return;
        }
        let read = if self.kind == Kind::Line { Secret::read(path) } else { Secret::read_text(path) };
        match read {
            Err(SecretError::Unreadable(error))
                if self.kind == Kind::MaybeText && error.kind() == std::io::ErrorKind::NotFound => {}
            Ok(secret) => {
                (self.stamp, self.said) = (stamp, false);
                if secret.expose_secret() != self.current.expose_secret() {
                    crate::telemetry::hide(&secret);
                    tracing::info!(file = %path.display(), "a secret was replaced");
                    self.apply.iter().for_each(|apply| apply(&secret));
                    self.current = secret;
                }
            }
            Err(error) if !self.said || always => {
                self.said = true;
                tracing::warn!(file = %path.display(), "the file of a secret, {error}; the old secret stays");
            }
            Err(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use actors::AdjustableClock;
    use parking_lot::Mutex;

    use super::*;

    type Heard = Arc<Mutex<Vec<String>>>;

    struct Place {
        dir: tempfile::TempDir,
        heard: Heard,
    }

    impl Place {
        fn new() -> Self {
            let place = Self { dir: tempfile::tempdir().unwrap(), heard: Heard::default() };
            place.write("token-one\n");
            place
        }

        fn path(&self) -> PathBuf {
            self.dir.path().join("token")
        }

        fn write(&self, text: &str) {
            fs::write(self.path(), text).unwrap();
        }

        fn secret(&self) -> Secret {
            Secret { value: "token-one".into(), file: Some(self.path()), ..Secret::default() }
        }

        fn hears(&self) -> impl Fn(&SecretString) + Send + Sync + 'static {
            let heard = self.heard.clone();
            move |secret: &SecretString| heard.lock().push(secret.expose_secret().to_owned())
        }

        fn heard(&self) -> Vec<String> {
            self.heard.lock().clone()
        }
    }

    #[test]
    fn changed_token_is_heard_by_everybody_who_uses_the_file_and_only_once() {
        let place = Place::new();
        let mut files = Files::default();
        files.token(&place.secret(), place.hears());
        files.token(&place.secret(), place.hears());
        files.look(false);
        assert!(place.heard().is_empty());
        place.write("token-two-longer\n");
        files.look(false);
        files.look(true);
        assert_eq!(place.heard(), ["token-two-longer", "token-two-longer"]);
    }

    #[test]
    fn file_that_cannot_be_used_leaves_the_secret_until_it_can() {
        let place = Place::new();
        let mut files = Files::default();
        files.token(&place.secret(), place.hears());
        for text in ["", "\n", "two\nlines\n", " spaced"] {
            place.write(text);
            files.look(false);
        }
        fs::remove_file(place.path()).unwrap();
        files.look(false);
        files.look(true);
        assert!(place.heard().is_empty());
        place.write("token-three");
        files.look(false);
        assert_eq!(place.heard(), ["token-three"]);
    }

    #[test]
    fn key_may_have_many_lines_and_its_file_may_come_later() {
        let place = Place::new();
        let mut files = Files::default();
        let later = Secret { file: Some(place.dir.path().join("key.previous")), ..Secret::default() };
        files.key(&place.secret(), place.hears());
        files.key_if_there(&later, place.hears());
        place.write("-----BEGIN\nkey\n-----END\n");
        files.look(false);
        fs::write(later.file.unwrap(), "an older\nkey\n").unwrap();
        files.look(false);
        place.write(" \n");
        files.look(false);
        assert_eq!(place.heard(), ["-----BEGIN\nkey\n-----END\n", "an older\nkey\n"]);
    }

    #[test]
    fn other_secrets_are_read_when_asked_only() {
        let place = Place::new();
        let mut files = Files::default();
        files.other(&place.secret(), place.hears());
        files.other(&Secret { value: "x".into(), ..Secret::default() }, place.hears());
        place.write("secret-two-longer");
        files.look(false);
        assert!(place.heard().is_empty());
        files.look(true);
        assert_eq!(place.heard(), ["secret-two-longer"]);
    }

    #[tokio::test]
    async fn watching_goes_by_the_clock_and_by_asking() {
        let place = Place::new();
        let clock = Arc::new(AdjustableClock::starting_at(1_000));
        let mut files = Files::default();
        files.token(&place.secret(), place.hears());
        let (handle, task) = files.watch(clock.clone());
        let until = async |count: usize, step_ms: u64| {
            let mut ticks = tokio::time::interval(std::time::Duration::from_millis(5));
            let all = async {
                while place.heard().len() < count {
                    ticks.tick().await;
                    clock.advance(step_ms);
                }
            };
            tokio::time::timeout(std::time::Duration::from_secs(30), all).await.unwrap();
        };
        place.write("token-by-the-clock");
        until(1, LOOK_EVERY_MS).await;
        place.write("token-by-asking-for-it");
        handle.reread();
        until(2, 0).await;
        assert_eq!(place.heard(), ["token-by-the-clock", "token-by-asking-for-it"]);
        task.abort();
    }
}
