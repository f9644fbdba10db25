//! The private keys of Flows and their public halves at Meta: shown, uploaded, verified, rotated.
//!
//! A rotation goes in steps that can break off anywhere. The new key lies in its file and opens requests before Meta hears
//! of it, and the old one goes on opening them, so no phone is ever refused. Whoever finds a key at Meta that is our
//! previous one finds a rotation that broke off: it is finished, and no further key is made.

mod files;
mod ping;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use actors::{Clock, Token};
use parking_lot::RwLock;
use serde::Serialize;
use tokio::sync::Mutex;
use whatsapp::flow::{FlowKey, KeyError, fingerprint_of_public};
use whatsapp::graph::{CallError, Client};

use crate::front::{KeySlot, Keyring, Signers};
pub(crate) use files::{beside, create};
pub use ping::Ping;

/// How long phones may still have the public key from before: Meta says nothing of it, so a day.
pub const OVERLAP_MS: u64 = 24 * 3_600_000;

/// A number as its keys go.
#[derive(Clone)]
pub struct KeyNumber {
    /// Meta's `phone_number_id`.
    pub id: Box<str>,
    /// Opens the Graph API.
    pub token: Token,
    /// The file of its private key.
    pub file: Option<PathBuf>,
    /// `flow_private_key_previous` is set, so that the file beside the key's is not read at a start.
    pub previous_set: bool,
    /// The key lies in the store, where it is replaced over the API.
    pub in_store: bool,
}

/// What the keys are kept with.
pub struct KeyParts {
    /// The Graph API.
    pub client: Client,
    /// The numbers.
    pub numbers: Vec<KeyNumber>,
    /// The keys that open requests.
    pub keyring: Arc<Keyring>,
    /// Signs what is asked of our own endpoint.
    pub signers: Arc<Signers>,
    /// The source of time.
    pub clock: Arc<dyn Clock>,
    /// Our own endpoint, over loopback.
    pub endpoint: String,
}

/// Keeps the keys.
pub struct FlowKeyKeeper {
    parts: KeyParts,
    numbers: RwLock<Arc<[KeyNumber]>>,
    ping: reqwest::Client,
    /// One change at a time.
    changing: Mutex<()>,
}

/// Whose key Meta has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Published {
    /// Our current one.
    Current,
    /// Our previous one.
    Previous,
    /// One that is not ours.
    Foreign,
    /// None.
    Absent,
    /// Meta did not say.
    Unknown,
}

/// How the key of a number stands.
#[derive(Clone, Debug, Serialize)]
pub struct Standing {
    /// Meta's `phone_number_id`.
    pub number: Box<str>,
    /// Names the private key here.
    pub fingerprint: Option<String>,
    /// Names the one before.
    pub previous_fingerprint: Option<String>,
    /// Where the private key lies.
    pub file: Option<PathBuf>,
    /// Whose key Meta has.
    pub published: Published,
    /// Names the key that Meta has.
    pub published_fingerprint: Option<String>,
    /// `VALID` or `MISMATCH`.
    pub signature_status: Option<String>,
    /// What to do, or why Meta did not say.
    pub problem: Option<String>,
}

/// What became of an upload.
#[derive(Clone, Debug, Serialize)]
pub struct Uploaded {
    /// Meta's `phone_number_id`.
    pub number: Box<str>,
    /// Names the key that should be there.
    pub fingerprint: Option<String>,
    /// `uploaded`, `unchanged`, `skipped` or `failed`.
    pub result: &'static str,
    /// Why not.
    pub problem: Option<String>,
}

/// What a rotation came to.
#[derive(Clone, Debug, Serialize)]
pub struct Rotated {
    /// Whether a rotation that had broken off was finished, and no new key made.
    pub resumed: bool,
    /// What an operator should see to, such as a key that lies unencrypted now.
    pub warnings: Vec<String>,
    /// Each number.
    pub items: Vec<Uploaded>,
}

/// Why nothing was rotated. Nothing has changed, except where a file could not be put in its place.
#[derive(Debug, thiserror::Error)]
pub enum RotateError {
    /// The key is not in a file.
    #[error(
        "the key of the number {0} is not in a file of this machine, so it cannot be replaced here; set whatsapp.flow_private_key_file"
    )]
    NoFile(Box<str>),
    /// What a rotation puts aside would not be read at the next start.
    #[error(
        "whatsapp.flow_private_key_previous of the number {0} is set: after a restart it would stand where the key from before this rotation must stand"
    )]
    PreviousSet(Box<str>),
    /// All keys lie in the store.
    #[error(
        "the key of the number {0} lies in the store; give it a new one with `parlance number secrets`, then upload it"
    )]
    InStore(Box<str>),
    /// There is no key.
    #[error("there is no private key; make one with `parlance flow key new`")]
    NoKey,
    /// The last rotation is too fresh.
    #[error(
        "the last rotation was {hours} h ago, and phones may use the key from before it for 24 h; wait, or force it and refuse those phones once"
    )]
    TooSoon {
        /// How long ago.
        hours: u64,
    },
    /// Meta did not say which keys it has.
    #[error("Meta did not say which key the number {0} has: {1}")]
    Unknown(Box<str>, String),
    /// No key could be made.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A file cannot be written.
    #[error("{0} cannot be written: {1}; nothing has changed")]
    File(PathBuf, std::io::Error),
    /// A file is written, and cannot take its place.
    #[error(
        "{0} cannot be put in its place: {1}; keys of files before it may be new, and the next rotation goes on from there"
    )]
    Place(PathBuf, std::io::Error),
}

impl FlowKeyKeeper {
    /// A keeper over these parts. Errors: the HTTP client does not start.
    pub fn new(mut parts: KeyParts) -> Result<Self, reqwest::Error> {
        let numbers = RwLock::new(std::mem::take(&mut parts.numbers).into());
        Ok(Self { parts, numbers, ping: ping::client()?, changing: Mutex::default() })
    }

    /// Keeps the key of one more number, or takes what is other of one that it knows.
    pub fn serve(&self, number: KeyNumber) {
        self.change(|numbers| match numbers.iter_mut().find(|known| known.id == number.id) {
            Some(known) => *known = number,
            None => numbers.push(number),
        });
    }

    /// Keeps the key of a number no longer.
    pub fn leave(&self, number: &str) {
        self.change(|numbers| numbers.retain(|known| *known.id != *number));
    }

    fn change(&self, change: impl FnOnce(&mut Vec<KeyNumber>)) {
        let mut numbers = self.numbers.write();
        let mut changed = numbers.to_vec();
        change(&mut changed);
        *numbers = changed.into();
    }

    fn numbers(&self) -> Arc<[KeyNumber]> {
        self.numbers.read().clone()
    }

    /// How the keys stand here and at Meta, by number.
    pub async fn show(&self) -> Vec<Standing> {
        self.standings(&self.numbers()).await
    }

    async fn standings(&self, numbers: &[KeyNumber]) -> Vec<Standing> {
        let mut standings = Vec::new();
        for number in numbers {
            standings.push(self.standing(number).await);
        }
        standings
    }

    /// Uploads the public key of all numbers, or of one, whatever Meta has.
    pub async fn upload(&self, only: Option<&str>) -> Vec<Uploaded> {
        let _one = self.changing.lock().await;
        let mut items = Vec::new();
        for number in self.numbers().iter().filter(|number| only.is_none_or(|only| *number.id == *only)) {
            items.push(self.publish(number).await);
        }
        items
    }

    /// Asks our own endpoint with each key, as a phone does that has its public half.
    pub async fn verify(&self) -> Vec<Ping> {
        let mut pings = Vec::new();
        for number in self.numbers().iter() {
            let key = self.parts.keyring.key(&number.id, KeySlot::Current);
            let secret = self.parts.signers.secret(&number.id);
            pings.push(ping::ping(&self.ping, &self.parts.endpoint, &number.id, key, secret).await);
        }
        pings
    }

    /// Makes a new key, keeps the old one as the previous, and uploads the new one for each number; or finishes a rotation
    /// that broke off.
    pub async fn rotate(&self, force: bool) -> Result<Rotated, RotateError> {
        let _one = self.changing.lock().await;
        let numbers = self.numbers();
        let standings = self.standings(&numbers).await;
        let unknown = standings.iter().find(|standing| !force && standing.published == Published::Unknown);
        if let Some(Standing { number, problem, .. }) = unknown {
            return Err(RotateError::Unknown(number.clone(), problem.clone().unwrap_or_default()));
        }
        let resumed = standings.iter().any(|standing| standing.published == Published::Previous);
        let warnings = if resumed { Vec::new() } else { self.renew(&numbers, force)? };
        let mut items = Vec::new();
        for (number, standing) in numbers.iter().zip(&standings) {
            items.push(match standing.published {
                Published::Foreign | Published::Unknown => skipped(number, standing),
                _ => self.publish(number).await,
            });
        }
        Ok(Rotated { resumed, warnings, items })
    }

    /// Puts a new key into each file of keys. Answers what an operator should see to.
    fn renew(&self, numbers: &[KeyNumber], force: bool) -> Result<Vec<String>, RotateError> {
        let mut files: Vec<&Path> = Vec::new();
        for number in numbers {
            if number.in_store || self.parts.keyring.key(&number.id, KeySlot::Current).is_none() {
                continue;
            }
            let file = number.file.as_deref().ok_or_else(|| RotateError::NoFile(number.id.clone()))?;
            if number.previous_set {
                return Err(RotateError::PreviousSet(number.id.clone()));
            }
            if !files.contains(&file) {
                files.push(file);
            }
        }
        if files.is_empty() {
            let kept = numbers.iter().find(|number| number.in_store);
            return Err(kept.map_or(RotateError::NoKey, |number| RotateError::InStore(number.id.clone())));
        }
        let now_ms = self.parts.clock.now_ms();
        let youngest = files.iter().filter_map(|file| files::age_ms(&files::beside(file), now_ms)).min();
        if let Some(age_ms) = youngest.filter(|age_ms| !force && *age_ms < OVERLAP_MS) {
            return Err(RotateError::TooSoon { hours: age_ms / 3_600_000 });
        }
        // All are written before the first takes its place: a file that cannot be written changes nothing.
        let renewals = files.into_iter().map(Renewal::write).collect::<Result<Vec<_>, _>>()?;
        for renewal in &renewals {
            self.take(numbers, renewal).map_err(|(file, error)| RotateError::Place(file, error))?;
        }
        Ok(renewals.iter().filter_map(Renewal::warning).collect())
    }

    fn take(&self, numbers: &[KeyNumber], renewal: &Renewal) -> Result<(), (PathBuf, std::io::Error)> {
        let file = renewal.new.file();
        // First the copy of the old one: if this breaks off, both files hold it, and nothing is lost.
        for part in [&renewal.old, &renewal.new] {
            part.place().map_err(|error| (part.file().to_owned(), error))?;
        }
        for number in numbers.iter().filter(|number| number.file.as_deref() == Some(file)) {
            let before = self.parts.keyring.key(&number.id, KeySlot::Current);
            self.parts.keyring.replace(&number.id, KeySlot::Previous, before);
            self.parts.keyring.replace(&number.id, KeySlot::Current, Some(renewal.key.clone()));
        }
        let fingerprint = renewal.key.fingerprint();
        tracing::warn!(file = %file.display(), fingerprint, "an operator rotated the private key of Flows");
        Ok(())
    }

    async fn publish(&self, number: &KeyNumber) -> Uploaded {
        let Some(key) = self.parts.keyring.key(&number.id, KeySlot::Current) else {
            let problem = Some("there is no private key for it".to_owned());
            return Uploaded { number: number.id.clone(), fingerprint: None, result: "skipped", problem };
        };
        let sent = self.parts.client.publish_key(&number.id, &number.token.get(), &key.public_pem()).await;
        let (result, problem) = match sent {
            Ok(()) => ("uploaded", None),
            Err(error) => ("failed", Some(told(&error))),
        };
        let fingerprint = Some(key.fingerprint().to_owned());
        Uploaded { number: number.id.clone(), fingerprint, result, problem }
    }

    async fn standing(&self, number: &KeyNumber) -> Standing {
        let print = |slot| self.parts.keyring.key(&number.id, slot).map(|key| key.fingerprint().to_owned());
        let (fingerprint, previous_fingerprint) = (print(KeySlot::Current), print(KeySlot::Previous));
        let standing = Standing {
            number: number.id.clone(),
            fingerprint,
            previous_fingerprint,
            file: number.file.clone(),
            published: Published::Unknown,
            published_fingerprint: None,
            signature_status: None,
            problem: None,
        };
        match self.parts.client.published_key(&number.id, &number.token.get()).await {
            Ok(remote) => {
                let theirs = remote.pem.as_deref().filter(|pem| !pem.trim().is_empty());
                let absent = theirs.is_none();
                let theirs = theirs.and_then(fingerprint_of_public);
                let published = standing.whose(theirs.as_deref(), absent);
                let signature_status = remote.signature_status;
                let problem = standing.problem_of(published, signature_status.as_deref());
                Standing { published, published_fingerprint: theirs, signature_status, problem, ..standing }
            }
            Err(error) => Standing { problem: Some(told(&error)), ..standing },
        }
    }
}

/// A file of a key that gets a new one: both are written, and not in their places yet.
struct Renewal {
    key: Arc<FlowKey>,
    old: files::Part,
    new: files::Part,
    was_encrypted: bool,
}

impl Renewal {
    fn write(file: &Path) -> Result<Self, RotateError> {
        let key = Arc::new(FlowKey::generate()?);
        let failed = |file: &Path| {
            let file = file.to_owned();
            move |error| RotateError::File(file, error)
        };
        let before = std::fs::read_to_string(file).map_err(failed(file))?;
        let was_encrypted = before.contains("BEGIN ENCRYPTED PRIVATE KEY");
        let beside = files::beside(file);
        let old = files::Part::write(&beside, &before.into()).map_err(failed(&beside))?;
        let new = files::Part::write(file, &key.private_pem()).map_err(failed(file))?;
        Ok(Self { key, old, new, was_encrypted })
    }

    fn warning(&self) -> Option<String> {
        let file = self.new.file().display();
        self.was_encrypted.then(|| {
            format!(
                "the key before was encrypted; the new one in {file} is not, and only the rights of the file protect it: \
                 openssl pkcs8 -topk8 -v2 aes-256-cbc -in {file} -out encrypted.pem encrypts it"
            )
        })
    }
}

impl Standing {
    fn whose(&self, theirs: Option<&str>, absent: bool) -> Published {
        match theirs {
            None if absent => Published::Absent,
            None => Published::Foreign,
            theirs if theirs == self.fingerprint.as_deref() => Published::Current,
            theirs if theirs == self.previous_fingerprint.as_deref() => Published::Previous,
            Some(_) => Published::Foreign,
        }
    }

    fn problem_of(&self, published: Published, status: Option<&str>) -> Option<String> {
        let what = match (published, status) {
            _ if self.fingerprint.is_none() => "there is no private key here: parlance flow key new",
            (Published::Absent, _) => "Meta has no key: parlance flow key upload",
            (Published::Foreign, _) => {
                "Meta has a key that is not ours: parlance flow key upload puts ours in its place"
            }
            (Published::Previous, _) => "a rotation broke off: parlance flow key rotate finishes it",
            (_, Some("MISMATCH")) => "Meta cannot verify the key (MISMATCH): parlance flow key upload",
            _ => return None,
        };
        Some(what.to_owned())
    }
}

fn skipped(number: &KeyNumber, standing: &Standing) -> Uploaded {
    let why = match &standing.problem {
        Some(why) if standing.published == Published::Unknown => {
            format!("Meta did not say which key it has ({why}): parlance flow key rotate finishes it later")
        }
        _ => "Meta has a key that is not ours, which was left alone: parlance flow key upload replaces it".to_owned(),
    };
    Uploaded {
        number: number.id.clone(),
        fingerprint: standing.published_fingerprint.clone(),
        result: "skipped",
        problem: Some(why),
    }
}

fn told(error: &CallError) -> String {
    error.to_string()
}

#[cfg(test)]
mod tests;
