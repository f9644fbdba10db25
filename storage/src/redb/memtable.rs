//! The unfolded tail in memory: an ordered map of the last value of each key that the log touched.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::ops::Bound;
use std::sync::Arc;

use bytes::Bytes;

use crate::keys::Key;

/// One change of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Op {
    /// The key gets this value.
    Put(Key, Bytes),
    /// The same, and the key did not exist before: if it is deleted again before it is folded, nothing is left of it.
    PutNew(Key, Bytes),
    /// The key goes.
    Delete(Key),
}

impl Op {
    /// The bytes of its key and its value.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Op::Put(key, value) | Op::PutNew(key, value) => key.len() + value.len(),
            Op::Delete(key) => key.len(),
        }
    }
}

#[derive(Debug)]
struct Slot {
    value: Option<Bytes>,
    /// No older layer has the key.
    fresh: bool,
}

/// What a key costs beside its bytes: tree node, allocation headers.
const SLOT_BYTES: usize = 64;

/// The last values of keys, with what folding them will free.
#[derive(Debug, Default)]
pub(super) struct Memtable {
    slots: BTreeMap<Key, Slot>,
    bytes: usize,
    /// The newest log row in it.
    pub(super) last_log: u64,
    /// Bytes of its log rows.
    pub(super) log_bytes: u64,
    /// Consumed inbox rows, each with the log row that consumed it, in log order.
    pub(super) consumed: Vec<(u64, u64)>,
}

impl Memtable {
    pub(super) fn apply(&mut self, op: Op) {
        match op {
            Op::Put(key, value) => self.put(key, value, false),
            Op::PutNew(key, value) => self.put(key, value, true),
            Op::Delete(key) => self.delete(key),
        }
    }

    fn put(&mut self, key: Key, value: Bytes, fresh: bool) {
        self.bytes += value.len();
        match self.slots.entry(key) {
            Entry::Vacant(entry) => {
                self.bytes += entry.key().len() + SLOT_BYTES;
                entry.insert(Slot { value: Some(value), fresh });
            }
            Entry::Occupied(mut entry) => {
                let old = entry.get_mut().value.replace(value);
                self.bytes -= old.map_or(0, |old| old.len());
            }
        }
    }

    fn delete(&mut self, key: Key) {
        match self.slots.entry(key) {
            Entry::Vacant(entry) => {
                self.bytes += entry.key().len() + SLOT_BYTES;
                entry.insert(Slot { value: None, fresh: false });
            }
            Entry::Occupied(mut entry) => {
                let old = entry.get_mut().value.take();
                self.bytes -= old.map_or(0, |old| old.len());
                if entry.get().fresh {
                    self.bytes -= entry.key().len() + SLOT_BYTES;
                    entry.remove();
                }
            }
        }
    }

    /// The value of a key; the inner `None` says that it was deleted.
    pub(super) fn get(&self, key: &[u8]) -> Option<Option<&Bytes>> {
        self.slots.get(key).map(|slot| slot.value.as_ref())
    }

    pub(super) fn range(
        &self,
        from: Bound<&[u8]>,
        to: Bound<&[u8]>,
    ) -> impl DoubleEndedIterator<Item = (&Key, Option<&Bytes>)> {
        self.slots.range::<[u8], _>((from, to)).map(|(key, slot)| (key, slot.value.as_ref()))
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether there is nothing to fold and nothing to free.
    pub(super) fn is_untouched(&self) -> bool {
        self.last_log == 0
    }
}

/// The two layers over the folded table. Readers look through both under one lock.
#[derive(Debug, Default)]
pub(super) struct View {
    pub(super) active: Memtable,
    pub(super) frozen: Option<Arc<Memtable>>,
}

impl View {
    /// The newest unfolded value of a key; the inner `None` says that it was deleted.
    pub(super) fn get(&self, key: &[u8]) -> Option<Option<Bytes>> {
        let found = self.active.get(key).or_else(|| self.frozen.as_ref()?.get(key));
        found.map(|value| value.cloned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> Key {
        text.as_bytes().into()
    }

    fn value(text: &'static str) -> Bytes {
        Bytes::from_static(text.as_bytes())
    }

    #[test]
    fn new_key_that_goes_again_leaves_no_trace() {
        let mut table = Memtable::default();
        table.apply(Op::PutNew(key("a"), value("1")));
        table.apply(Op::Put(key("a"), value("22")));
        table.apply(Op::Delete(key("a")));
        assert_eq!((table.len(), table.bytes()), (0, 0));
    }

    #[test]
    fn key_that_may_be_folded_leaves_a_tombstone() {
        let mut table = Memtable::default();
        table.apply(Op::Put(key("a"), value("1")));
        table.apply(Op::Delete(key("a")));
        table.apply(Op::PutNew(key("a"), value("2")));
        table.apply(Op::Delete(key("a")));
        assert_eq!(table.get(b"a"), Some(None));
    }

    #[test]
    fn newer_layer_hides_the_older_one() {
        let mut frozen = Memtable::default();
        frozen.apply(Op::Put(key("a"), value("old")));
        frozen.apply(Op::Put(key("b"), value("old")));
        let mut view = View { active: Memtable::default(), frozen: Some(Arc::new(frozen)) };
        view.active.apply(Op::Delete(key("a")));
        assert_eq!(view.get(b"a"), Some(None));
        assert_eq!(view.get(b"b"), Some(Some(value("old"))));
        assert_eq!(view.get(b"c"), None);
    }
}
