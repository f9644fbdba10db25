//! Answers of other programs that are good for a while; the least recently used go when there are too many.

use std::collections::BTreeMap;

use chatbot::{HttpDone, HttpOutcome};
use foldhash::HashMap;

/// Answers that are kept.
const MAX_ENTRIES: usize = 4_096;
/// Their bytes in all.
const MAX_BYTES: usize = 32 << 20;
/// Of one of them; a larger one is not kept.
const MAX_ENTRY_BYTES: usize = 1 << 20;

/// See the module.
#[derive(Default)]
pub(super) struct Cache {
    entries: HashMap<String, Entry>,
    /// Keys by their last use.
    by_use: BTreeMap<u64, String>,
    bytes: usize,
    uses: u64,
}

struct Entry {
    done: HttpDone,
    until_ms: u64,
    bytes: usize,
    used: u64,
}

impl Cache {
    pub(super) fn get(&mut self, key: &str, now_ms: u64) -> Option<HttpDone> {
        if self.entries.get(key)?.until_ms <= now_ms {
            self.remove(key);
            return None;
        }
        self.uses += 1;
        let entry = self.entries.get_mut(key)?;
        self.by_use.remove(&entry.used);
        self.by_use.insert(self.uses, key.to_owned());
        entry.used = self.uses;
        Some(entry.done.clone())
    }

    pub(super) fn put(&mut self, key: &str, done: &HttpDone, until_ms: u64, now_ms: u64) {
        self.remove(key);
        let bytes = key.len() + bytes_of(done);
        if bytes > MAX_ENTRY_BYTES || until_ms <= now_ms {
            return;
        }
        self.uses += 1;
        self.bytes += bytes;
        self.by_use.insert(self.uses, key.to_owned());
        self.entries.insert(key.to_owned(), Entry { done: done.clone(), until_ms, bytes, used: self.uses });
        while self.entries.len() > MAX_ENTRIES || self.bytes > MAX_BYTES {
            let Some((_, oldest)) = self.by_use.pop_first() else { return };
            self.remove(&oldest);
        }
    }

    fn remove(&mut self, key: &str) {
        if let Some(entry) = self.entries.remove(key) {
            self.by_use.remove(&entry.used);
            self.bytes -= entry.bytes;
        }
    }
}

fn bytes_of(done: &HttpDone) -> usize {
    let text = match &done.outcome {
        HttpOutcome::Answer { body, content_type, .. } => body.len() + content_type.as_ref().map_or(0, String::len),
        HttpOutcome::Unreachable { why } | HttpOutcome::Refused { why } | HttpOutcome::BadBody { why, .. } => why.len(),
        HttpOutcome::Timeout => 0,
    };
    done.id.len() + text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn done(body: String) -> HttpDone {
        HttpDone { id: "c".into(), outcome: HttpOutcome::Answer { status: 200, content_type: None, body }, tries: 1 }
    }

    #[test]
    fn an_answer_is_good_for_its_time() {
        let mut cache = Cache::default();
        cache.put("a", &done("1".into()), 10, 0);
        assert_eq!(cache.get("a", 9), Some(done("1".into())));
        assert_eq!(cache.get("a", 10), None);
        assert!(cache.entries.is_empty() && cache.by_use.is_empty() && cache.bytes == 0);
        cache.put("a", &done("1".into()), 10, 10);
        assert_eq!(cache.get("a", 10), None, "it was over before it began");
    }

    #[test]
    fn the_least_recently_used_go_when_there_are_too_many() {
        let mut cache = Cache::default();
        for n in 0..MAX_ENTRIES {
            cache.put(&n.to_string(), &done(String::new()), 10, 0);
        }
        assert!(cache.get("0", 1).is_some());
        cache.put("more", &done(String::new()), 10, 1);
        assert!(cache.get("0", 1).is_some() && cache.get("1", 1).is_none() && cache.get("2", 1).is_some());
        assert_eq!(cache.entries.len(), MAX_ENTRIES);
    }

    #[test]
    fn bytes_are_bounded_too_and_a_huge_answer_is_not_kept() {
        let mut cache = Cache::default();
        cache.put("huge", &done("x".repeat(MAX_ENTRY_BYTES)), 10, 0);
        assert!(cache.get("huge", 0).is_none());
        for n in 0..40 {
            cache.put(&n.to_string(), &done("x".repeat(MAX_ENTRY_BYTES - 100)), 10, 0);
        }
        assert!(cache.bytes <= MAX_BYTES && cache.entries.len() >= 30);
        assert!(cache.get("39", 0).is_some() && cache.get("0", 0).is_none());
        cache.put("39", &done("small".into()), 10, 0);
        assert_eq!(cache.bytes, cache.entries.values().map(|entry| entry.bytes).sum::<usize>());
    }
}
