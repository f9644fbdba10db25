//! What the store knows of bots: each version by its hash, the number and the notes of each, and what is live.
//!
//! Everything that one change writes is one commit, so no crash leaves half of it.

use std::collections::BTreeMap;

use bytes::Bytes;
use chatbot::Running;
use serde::{Deserialize, Serialize};
use storage::NewDocument;

/// `id/hash`: the canonical form.
pub(super) const VERSIONS: &str = "bot_version";
/// `id/number`: a [`Record`].
pub(super) const NUMBERS: &str = "bot_number";
/// `id`: a [`Live`].
pub(super) const LIVE: &str = "bot_live";
/// Versions of which a bot remembers that they were put live or replaced by hand; see [`Live::over`].
const MAX_OVER: usize = 50;

/// Who put a version there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// A file of the folder of bots.
    File,
    /// The admin API.
    Api,
    /// The command line.
    Cli,
}

/// A version: never changed once it is written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// 1, 2, 3, … in each bot.
    pub number: u32,
    /// The hash of the canonical form.
    pub version: String,
    /// When it came.
    pub at_ms: u64,
    /// Where from.
    pub source: Source,
    /// What it was said to be for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Who says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    /// How many nodes it has.
    pub nodes: usize,
}

/// Which version is live, since when, and what that means for runs of others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Live {
    /// The version.
    pub version: String,
    /// Its number.
    pub number: u32,
    /// Since when.
    pub at_ms: u64,
    /// Who put it live.
    pub source: Source,
    /// Whether that was a step back.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub rolled_back: bool,
    /// What it was said to be for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Who says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    /// What runs of other versions do.
    #[serde(default)]
    pub running: Running,
    /// What the bot's file was when it last went live.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// What was put live or replaced by hand since then: a file that is one of these does not go live by a restart.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub over: Vec<String>,
}

impl Live {
    /// Whether a file is to go live when it is found at a start: it must have changed since it last went live, and not
    /// be what somebody published or replaced by hand since then.
    pub(super) fn is_news(&self, file: &str) -> bool {
        self.version != file && self.file.as_deref() != Some(file) && !self.over.iter().any(|over| over == file)
    }

    /// What is live once `by` has put it there, after what was live before. A version that is live already stays so
    /// since it was, with what was said of it, except for what is said anew.
    pub(super) fn after(self, before: Option<&Live>, by: Source) -> Self {
        let same = before.filter(|before| before.version == self.version);
        let kept = match same {
            Some(before) => Self {
                at_ms: if before.running == self.running { before.at_ms } else { self.at_ms },
                note: self.note.or_else(|| before.note.clone()),
                author: self.author.or_else(|| before.author.clone()),
                running: self.running,
                ..before.clone()
            },
            None => self,
        };
        match by {
            Source::File => Self { file: Some(kept.version.clone()), over: Vec::new(), ..kept },
            Source::Api | Source::Cli if same.is_some() => kept,
            Source::Api | Source::Cli => kept.put_over(before),
        }
    }

    fn put_over(self, before: Option<&Live>) -> Self {
        let mut over = before.map(|before| before.over.clone()).unwrap_or_default();
        for version in before.map(|before| &before.version).into_iter().chain([&self.version]) {
            over.retain(|known| known != version);
            over.push(version.clone());
        }
        over.drain(..over.len().saturating_sub(MAX_OVER));
        Self { file: before.and_then(|before| before.file.clone()), over, ..self }
    }
}

/// A bot's versions by number, and which one is live.
#[derive(Clone, Debug, Default)]
pub(super) struct Shelf {
    pub records: BTreeMap<u32, Record>,
    pub live: Option<Live>,
}

impl Shelf {
    pub(super) fn by_hash(&self, version: &str) -> Option<&Record> {
        self.records.values().find(|record| record.version == version)
    }

    pub(super) fn next_number(&self) -> u32 {
        self.records.keys().next_back().map_or(1, |last| last.saturating_add(1))
    }
}

pub(super) fn version_key(id: &str, version: &str) -> String {
    format!("{id}/{version}")
}

pub(super) fn number_key(id: &str, number: u32) -> String {
    format!("{id}/{number:010}")
}

/// A document to write.
pub(super) fn document<T: Serialize>(kind: &str, key: &str, value: &T) -> NewDocument {
    // Own types always encode into memory.
    let bytes = serde_json::to_vec(value).unwrap_or_default();
    (kind.into(), key.into(), Some(Bytes::from(bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn live(version: &str) -> Live {
        Live {
            version: version.into(),
            number: 1,
            at_ms: 0,
            source: Source::Api,
            rolled_back: false,
            note: None,
            author: None,
            running: Running::default(),
            file: None,
            over: Vec::new(),
        }
    }

    #[test]
    fn a_file_is_news_when_it_changed_since_it_was_live() {
        let first = live("a").after(None, Source::File);
        assert!(!first.is_news("a") && first.is_news("b"));
        let published = live("b").after(Some(&first), Source::Api);
        assert!(!published.is_news("a"), "the file has not changed, so the publish stands");
        assert!(published.is_news("c"));
        let edited = live("c").after(Some(&published), Source::File);
        assert!(edited.is_news("a"), "an edit back to what it was counts as an edit");
    }

    #[test]
    fn a_rollback_stands_until_the_file_is_edited() {
        // The file was published from the command line, and then taken back.
        let first = live("a").after(None, Source::File);
        let published = live("b").after(Some(&first), Source::Cli);
        let back = live("a").after(Some(&published), Source::Api);
        assert!(!back.is_news("b") && back.is_news("c"));
    }

    #[test]
    fn the_same_version_again_changes_only_what_is_said_anew() {
        let policy = Running { drain_after_ms: Some(5), ..Running::default() };
        let first = Live { running: policy.clone(), note: Some("why".into()), ..live("a") }.after(None, Source::File);
        let again = Live { running: policy, at_ms: 9, ..live("a") };
        assert_eq!(again.clone().after(Some(&first), Source::File), first);
        assert_eq!(again.clone().after(Some(&first), Source::Api), first);
        let pinned = Live { running: Running::default(), ..again }.after(Some(&first), Source::Api);
        assert_eq!((pinned.at_ms, pinned.note.as_deref()), (9, Some("why")), "another policy counts from now on");
    }

    #[test]
    fn what_was_replaced_by_hand_is_remembered_within_bounds() {
        let mut now = live("0").after(None, Source::File);
        for n in 1..200 {
            now = live(&n.to_string()).after(Some(&now), Source::Api);
        }
        assert_eq!(now.over.len(), MAX_OVER);
        assert!(!now.is_news("198") && !now.is_news("0"));
    }
}
