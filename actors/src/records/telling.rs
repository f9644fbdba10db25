//! The told part of a state as MessagePack, and the difference of two of them.
//!
//! Every turn compares the state before with the state after. As bytes that costs little: what is the same is the same
//! slice, and only what differs becomes a value.

use rmp::Marker;
use serde_json::Value;

use super::change::{Change, below};

/// A told state: MessagePack, with maps in a fixed order. Equal bytes are equal states.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Telling(pub(super) Vec<u8>);

impl Telling {
    /// All of it.
    pub(crate) fn value(&self) -> Value {
        value(&self.0)
    }

    /// What made this of `before`.
    pub(crate) fn since(&self, before: &Self) -> Change {
        let mut change = Change::default();
        compare(&mut change, String::new(), &before.0, &self.0);
        change
    }
}

fn value(bytes: &[u8]) -> Value {
    rmp_serde::from_slice(bytes).expect("own bytes are always a value")
}

fn compare(change: &mut Change, at: String, before: &[u8], after: &[u8]) {
    if before == after {
        return;
    }
    let (Some(old), Some(new)) = (members(before), members(after)) else {
        change.set.insert(at, value(after));
        return;
    };
    for (key, _) in old.iter().filter(|(key, _)| !new.iter().any(|(other, _)| other == key)) {
        change.gone.insert(below(&at, &name(key)));
    }
    // Most often both have the same keys, in the same order.
    let mut likely = old.iter();
    for (key, after) in new {
        let same = likely.next().filter(|(other, _)| *other == key);
        match same.or_else(|| old.iter().find(|(other, _)| *other == key)) {
            Some((_, before)) if *before == after => {}
            Some((_, before)) => compare(change, below(&at, &name(key)), before, after),
            None => drop(change.set.insert(below(&at, &name(key)), value(after))),
        }
    }
}

fn name(key: &[u8]) -> String {
    match value(key) {
        Value::String(name) => name,
        other => other.to_string(),
    }
}

/// The members of a map, key and value as they stand there; `None` if it is none.
fn members(bytes: &[u8]) -> Option<Vec<(&[u8], &[u8])>> {
    let (head, rest) = Head::read(bytes)?;
    let Head::Map(count) = head else { return None };
    let mut rest = rest;
    let mut members = Vec::with_capacity(count.min(rest.len()));
    for _ in 0..count {
        let key = item(&mut rest)?;
        members.push((key, item(&mut rest)?));
    }
    Some(members)
}

/// Takes the next item.
fn item<'b>(rest: &mut &'b [u8]) -> Option<&'b [u8]> {
    let start = *rest;
    let mut left = 1_usize;
    while left > 0 {
        let (head, after) = Head::read(rest)?;
        left -= 1;
        match head {
            Head::Map(count) => left += 2 * count,
            Head::Array(count) => left += count,
            Head::Leaf(_) => {}
        }
        *rest = after.get(head.bytes()..)?;
    }
    start.get(..start.len() - rest.len())
}

/// What an item begins with.
#[derive(Clone, Copy)]
enum Head {
    Map(usize),
    Array(usize),
    /// Bytes that follow.
    Leaf(usize),
}

impl Head {
    fn read(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let (first, rest) = bytes.split_first()?;
        let sized = |bytes: usize, make: fn(usize) -> Self| {
            let (size, rest) = rest.split_at_checked(bytes)?;
            Some((make(size.iter().fold(0, |size, byte| size << 8 | usize::from(*byte))), rest))
        };
        let fixed = |head| Some((head, rest));
        match Marker::from_u8(*first) {
            Marker::FixPos(_) | Marker::FixNeg(_) | Marker::Null | Marker::Reserved | Marker::False | Marker::True => {
                fixed(Self::Leaf(0))
            }
            Marker::FixMap(count) => fixed(Self::Map(count.into())),
            Marker::FixArray(count) => fixed(Self::Array(count.into())),
            Marker::FixStr(length) => fixed(Self::Leaf(length.into())),
            Marker::U8 | Marker::I8 => fixed(Self::Leaf(1)),
            Marker::U16 | Marker::I16 | Marker::FixExt1 => fixed(Self::Leaf(2)),
            Marker::FixExt2 => fixed(Self::Leaf(3)),
            Marker::U32 | Marker::I32 | Marker::F32 => fixed(Self::Leaf(4)),
            Marker::FixExt4 => fixed(Self::Leaf(5)),
            Marker::U64 | Marker::I64 | Marker::F64 => fixed(Self::Leaf(8)),
            Marker::FixExt8 => fixed(Self::Leaf(9)),
            Marker::FixExt16 => fixed(Self::Leaf(17)),
            Marker::Str8 | Marker::Bin8 => sized(1, Self::Leaf),
            Marker::Str16 | Marker::Bin16 => sized(2, Self::Leaf),
            Marker::Str32 | Marker::Bin32 => sized(4, Self::Leaf),
            Marker::Ext8 => sized(1, |size| Self::Leaf(size + 1)),
            Marker::Ext16 => sized(2, |size| Self::Leaf(size + 1)),
            Marker::Ext32 => sized(4, |size| Self::Leaf(size + 1)),
            Marker::Array16 => sized(2, Self::Array),
            Marker::Array32 => sized(4, Self::Array),
            Marker::Map16 => sized(2, Self::Map),
            Marker::Map32 => sized(4, Self::Map),
        }
    }

    fn bytes(self) -> usize {
        match self {
            Self::Leaf(bytes) => bytes,
            Self::Map(_) | Self::Array(_) => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::records::change::tests::value as any_value;

    fn telling(value: &Value) -> Telling {
        Telling(rmp_serde::to_vec_named(value).unwrap())
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(512) })]

        #[test]
        fn bytes_differ_as_values_do(before in any_value(), after in any_value()) {
            let (old, new) = (telling(&before), telling(&after));
            prop_assert_eq!(new.since(&old), Change::between(&before, &after));
            prop_assert_eq!(new.value(), after);
        }
    }

    #[test]
    fn every_size_of_item_is_stepped_over() {
        let long = "x".repeat(70_000);
        let before = json!({
            "a": [0, -1, 127, 200, 40_000, 3_000_000_000_u64, u64::MAX, -100, -30_000, -2_000_000_000, i64::MIN, 1.5, null, true],
            "b": { "short": "s", "middle": "m".repeat(200), "longer": "l".repeat(300), "long": long },
            "c": (0..20).collect::<Vec<_>>(), "d": (0..70_000).map(|_| 0).collect::<Vec<_>>(),
            "e": (0..300).map(|n| (n.to_string(), Value::from(n))).collect::<serde_json::Map<_, _>>(),
            "f": "end",
        });
        let mut after = before.clone();
        after["f"] = json!("other");
        after["e"]["299"] = json!(1);
        let change = telling(&after).since(&telling(&before));
        assert_eq!(change, Change::between(&before, &after));
        assert_eq!(change.set.keys().collect::<Vec<_>>(), ["/e/299", "/f"]);
    }

    #[test]
    fn bytes_that_end_too_early_are_no_map() {
        let whole = telling(&json!({ "a": { "b": "text" }, "c": [1, 2] })).0;
        for end in 0..whole.len() {
            assert!(members(&whole[..end]).is_none(), "{end}");
        }
        assert_eq!(members(&whole).unwrap().len(), 2);
    }
}
