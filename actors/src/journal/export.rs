//! What the history holds of a conversation, as a recording that can be made a test of.

use chatbot::testing::{self, Exported, Happened, Recorded, Recording};
use chatbot::{ContactView, Snapshot};
use serde_json::Value;
use storage::{ConversationId, Entry, Store};

use super::{Fold, JournalError, moment};
use crate::bots::Bots;
use crate::codec;
use crate::records::state::Person;
use crate::records::{self, HistoryEntry, InputKind};

/// Entries of one test at the most.
pub const MAX_ENTRIES: u64 = 1_000;
/// Entries read at once.
const PAGE: usize = 200;

/// Why no test can be made of a conversation.
#[derive(Debug, thiserror::Error)]
pub enum TestError {
    /// Its history cannot be read.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The entries are none, or too many.
    #[error("entries {from} to {to} are {}", if from > to { "none".to_owned() } else { format!("more than {MAX_ENTRIES}") })]
    Range {
        /// The first one.
        from: u64,
        /// The last one.
        to: u64,
    },
    /// A run was under way before the first entry.
    #[error("entry {from} is in the middle of a run")]
    InRun {
        /// The first entry.
        from: u64,
        /// The next entry before which no run was under way.
        next: Option<u64>,
    },
    /// No bot took part, or none that is known.
    #[error("{0}")]
    NoBot(String),
    /// The chatbot could not make one.
    #[error(transparent)]
    Export(#[from] testing::ExportError),
}

/// A test, and the version of the bot with which it passes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    /// The bot's id.
    pub bot: String,
    /// Its version.
    pub version: String,
    /// The test.
    pub test: Exported,
}

/// Makes a test of entries of a conversation; all of them where nothing is said.
///
/// # Errors
/// No test can be made; see [`TestError`].
pub async fn test(
    store: &dyn Store,
    bots: &Bots,
    id: ConversationId,
    (from, to): (Option<u64>, Option<u64>),
) -> Result<Made, TestError> {
    let head = store.load(id).await.map_err(JournalError::from)?;
    let last = head.and_then(|head| head.next_entry.checked_sub(1));
    let (from, to) = (from.unwrap_or_default(), to.or(last).unwrap_or_default());
    if last.is_none_or(|last| to > last || from > last) {
        return Err(JournalError::NoEntry { index: to.max(from), last }.into());
    }
    if from > to || to - from >= MAX_ENTRIES {
        return Err(TestError::Range { from, to });
    }
    let mut tape = Tape::begin(store, id, from).await?;
    let mut at = from;
    while at <= to && !tape.is_over {
        let limit = PAGE.min(usize::try_from(to - at + 1).unwrap_or(PAGE));
        let page = store.history_from(id, at, limit).await.map_err(JournalError::from)?;
        let Some(last) = page.last().map(|entry| entry.index) else { break };
        for entry in &page {
            tape.take(entry)?;
        }
        at = last + 1;
    }
    tape.finish(bots, from)
}

/// A recording in the making.
struct Tape {
    fold: Fold,
    recording: Recording,
    number_id: String,
    bot: Option<(String, String)>,
    /// How long staff had the conversation: for the bot that time did not pass.
    away_ms: u64,
    warnings: Vec<String>,
    is_over: bool,
    /// The state before the first entry was in a run; then the first entry after which none is.
    in_run: Option<Option<u64>>,
}

impl Tape {
    async fn begin(store: &dyn Store, id: ConversationId, from: u64) -> Result<Self, JournalError> {
        let first = moment(store, id, from).await?;
        let before = match from.checked_sub(1) {
            Some(before) => Some(moment(store, id, before).await?),
            None => None,
        };
        let state = match &before {
            Some(before) => before.bot()?,
            None => Snapshot::default(),
        };
        let person: Person = codec::of_json(first.told()["person"].clone())?;
        let contact = ContactView {
            name: person.name.map(Into::into),
            wa_id: person.wa_id.map(Into::into),
            user_id: person.user_id.map(Into::into),
        };
        Ok(Self {
            fold: Fold::after(before.map(|before| before.told)),
            in_run: state.run_id().is_some().then_some(None),
            recording: Recording { at_ms: first.at_ms, contact, before: state, ..Recording::default() },
            number_id: first.told["number_id"].as_str().unwrap_or_default().to_owned(),
            bot: None,
            away_ms: 0,
            warnings: Vec::new(),
            is_over: false,
        })
    }

    fn take(&mut self, row: &Entry) -> Result<(), JournalError> {
        if self.is_over {
            return Ok(());
        }
        let handed_over = self.state()?.handed_over().is_some();
        let entry = self.fold.take(row)?;
        let after = self.state()?;
        if let Some(next @ None) = &mut self.in_run
            && after.run_id().is_none()
        {
            *next = Some(row.index + 1);
        }
        let runs = after.bot().map(|(id, version)| (id.to_owned(), version.to_owned()));
        if let (Some(bot), Some(runs)) = (&self.bot, &runs)
            && bot != runs
        {
            self.ends(row.index, "another bot or version runs");
            return Ok(());
        }
        self.bot = self.bot.take().or(runs);
        self.happened(row.index, &entry);
        if !self.is_over {
            self.record(row.index, entry, handed_over, &after)?;
        }
        Ok(())
    }

    fn state(&self) -> Result<Snapshot, JournalError> {
        let bot = self.fold.told().map(|told| told["bot"].clone());
        Ok(bot.map(codec::of_json).transpose()?.unwrap_or_default())
    }

    fn ends(&mut self, index: u64, why: &str) {
        self.warnings.push(format!("entry {index}: {why}; the test ends before it"));
        self.is_over = true;
    }

    fn happened(&mut self, index: u64, entry: &HistoryEntry) {
        for event in &entry.events {
            match event {
                records::Happened::HandedBack { after_ms, .. } => {
                    self.away_ms += after_ms;
                    self.warnings.push(format!("entry {index}: what happened while staff answered is left out"));
                }
                records::Happened::Absorbed(_) if !self.recording.steps.is_empty() => {
                    self.ends(index, "another conversation became a part of it");
                }
                records::Happened::Migrated { .. } => self.ends(index, "the run was moved to another version"),
                records::Happened::MergedInto(_) => self.ends(index, "it became a part of another conversation"),
                _ => {}
            }
        }
    }

    fn record(
        &mut self,
        index: u64,
        entry: HistoryEntry,
        handed_over: bool,
        after: &Snapshot,
    ) -> Result<(), JournalError> {
        let HistoryEntry { at_ms, seed, input, sends, trace, error, .. } = entry;
        let what = match input {
            Some(_) if error.is_some() => {
                self.warnings.push(format!("entry {index}: the bot failed, or the order was refused: it is left out"));
                return Ok(());
            }
            Some(input) => match input.kind {
                // Nobody ran: it belongs to a group, or staff had the conversation.
                InputKind::Message | InputKind::Again if trace.is_empty() => return Ok(()),
                InputKind::Message | InputKind::Again => {
                    Happened::Message(serde_json::from_str(&input.raw).unwrap_or_default())
                }
                InputKind::Http => match serde_json::from_str(&input.raw) {
                    Ok(done) => {
                        self.warn_of_cut(index, &input.raw);
                        Happened::Http(done)
                    }
                    Err(_) => return Ok(()),
                },
                InputKind::HandBack(how) => Happened::HandBack(how),
                InputKind::Order if handed_over => Happened::Staff,
                InputKind::Call => match serde_json::from_str(&input.raw) {
                    Ok(call) => Happened::Call(call),
                    Err(_) => return Ok(()),
                },
                InputKind::Unsent => {
                    self.ends(index, "a form did not reach the person");
                    return Ok(());
                }
                InputKind::Staff { .. } => {
                    self.ends(index, "somebody led the run elsewhere");
                    return Ok(());
                }
                InputKind::Form => {
                    self.ends(index, "a form that was open asked something");
                    return Ok(());
                }
                InputKind::Order | InputKind::Broadcast | InputKind::About { .. } | InputKind::Echo => return Ok(()),
            },
            None if error.is_some() => {
                self.ends(index, "the bot failed by itself");
                return Ok(());
            }
            None if trace.is_empty() => return Ok(()),
            None => Happened::Woke,
        };
        let node = after.node().map(str::to_owned);
        let at_ms = at_ms.saturating_sub(self.away_ms);
        self.recording.steps.push(Recorded { entry: index, at_ms, seed, what, trace, node, sends: sends.len() });
        Ok(())
    }

    fn warn_of_cut(&mut self, index: u64, raw: &str) {
        let cut_from = serde_json::from_str::<Value>(raw).ok().and_then(|raw| raw[records::CUT_FROM].as_u64());
        if let Some(bytes) = cut_from {
            let told =
                format!("entry {index}: the answer had {bytes} bytes, of which the history keeps the first only");
            self.warnings.push(told);
        }
    }

    fn finish(mut self, bots: &Bots, from: u64) -> Result<Made, TestError> {
        if let Some(next) = self.in_run {
            return Err(TestError::InRun { from, next });
        }
        let (Some(first), Some(last)) = (self.recording.steps.first(), self.recording.steps.last()) else {
            return Err(TestError::NoBot("no bot took part in these entries".to_owned()));
        };
        self.recording.name = format!("exported, entries {} to {}", first.entry, last.entry);
        self.recording.at_ms = first.at_ms;
        let bot = match &self.bot {
            Some((id, version)) => bots
                .version(id, version)
                .ok_or_else(|| TestError::NoBot(format!("version {version} of the bot {id} is not known any more")))?,
            None => {
                self.warnings.push("no run went beyond an entry: the version that is live now is played".to_owned());
                let live = bots.answering(&self.number_id);
                live.ok_or_else(|| TestError::NoBot("no bot answers on this number now".to_owned()))?
            }
        };
        let mut test = testing::export(&bot, &self.recording)?;
        self.warnings.append(&mut test.warnings);
        test.warnings = self.warnings;
        Ok(Made { bot: bot.id().to_owned(), version: bot.version().to_owned(), test })
    }
}

/// A test as the API gives it.
impl From<Made> for Value {
    fn from(made: Made) -> Self {
        serde_json::json!({
            "bot": made.bot, "bot_version": made.version, "yaml": made.test.yaml, "warnings": made.test.warnings,
        })
    }
}
