//! The thread that writes what was noted.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use actors::feed::{Feed, Topic};
use serde_json::json;

use super::files::Files;
use super::record::{Id, Record};
use super::{Command, QUEUE};

/// Notes that are written at once: all that may wait.
const BATCH: usize = QUEUE;
/// How long notes gather after the first: the thread is woken for many at once, not for each.
const GATHER: Duration = Duration::from_millis(10);
/// Of these so many are told to those who follow the events; the others are in the list.
const TOLD: usize = 16;
/// How often it looks what is too old when nothing comes.
const LOOK: Duration = Duration::from_secs(60);

pub(super) struct Writer {
    pub(super) files: Files,
    pub(super) commands: Receiver<Command>,
    pub(super) queued: Arc<AtomicUsize>,
    pub(super) noted: Arc<AtomicU64>,
    pub(super) dropped: Arc<AtomicU64>,
    pub(super) feed: Arc<Feed>,
}

impl Writer {
    pub(super) fn run(mut self) {
        let mut newest_ms = 0;
        loop {
            let first = match self.commands.recv_timeout(LOOK) {
                Ok(command) => command,
                Err(RecvTimeoutError::Timeout) => {
                    newest_ms += LOOK.as_millis() as u64;
                    self.tidy(newest_ms);
                    continue;
                }
                Err(RecvTimeoutError::Disconnected) => return,
            };
            if matches!(first, Command::Note(_)) {
                // Whoever sees much waiting ends it.
                std::thread::park_timeout(GATHER);
            }
            let mut rows = Vec::new();
            let mut rest = Vec::new();
            for command in std::iter::once(first).chain(self.commands.try_iter().take(BATCH)) {
                match command {
                    Command::Note(note) if rest.is_empty() => {
                        self.queued.fetch_sub(note.body.len(), Ordering::AcqRel);
                        newest_ms = newest_ms.max(note.at_ms);
                        rows.push((Record::of(&note), note.body));
                    }
                    other => rest.push(other),
                }
            }
            self.write(rows);
            for command in rest {
                match command {
                    Command::Note(note) => {
                        self.queued.fetch_sub(note.body.len(), Ordering::AcqRel);
                        self.write(vec![(Record::of(&note), note.body)]);
                    }
                    Command::Rotate(done) => {
                        if let Err(error) = self.files.rotate(newest_ms) {
                            tracing::warn!(%error, "the webhook inspector cannot delete what is old");
                        }
                        // Whoever asked may have gone.
                        let _gone = done.send(());
                    }
                    Command::Close => return,
                }
            }
            self.tidy(newest_ms);
        }
    }

    fn write(&mut self, rows: Vec<(Record, bytes::Bytes)>) {
        if rows.is_empty() {
            return;
        }
        match self.files.append(&rows) {
            Ok(ids) => {
                self.noted.fetch_add(rows.len() as u64, Ordering::Relaxed);
                ids.iter().zip(&rows).take(TOLD).for_each(|(id, (record, _))| self.tell(*id, record));
            }
            Err(error) => {
                self.dropped.fetch_add(rows.len() as u64, Ordering::Relaxed);
                tracing::warn!(%error, "the webhook inspector cannot write; requests go on without it");
            }
        }
    }

    fn tell(&self, id: Id, record: &Record) {
        if self.feed.followers() == 0 {
            return;
        }
        let number = record.taken.as_ref().and_then(|taken| taken.numbers.first());
        let data = json!({
            "id": id.to_string(),
            "path": record.path,
            "signature": record.signature,
            "status": record.status,
            "taken": record.taken,
        });
        self.feed.tell(Topic::Webhooks, "webhook.received", number.map(|number| &**number), &data);
    }

    fn tidy(&mut self, now_ms: u64) {
        let tidied = if self.files.is_stale(now_ms) { self.files.rotate(now_ms) } else { self.files.prune(now_ms) };
        if let Err(error) = tidied {
            tracing::warn!(%error, "the webhook inspector cannot delete what is old");
        }
    }
}
