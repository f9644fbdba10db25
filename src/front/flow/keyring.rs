//! The private keys by number. Which number a request is for stands nowhere in clear, so all keys of the app that signed it
//! are tried: current ones first.

use std::sync::Arc;

use parking_lot::RwLock;
use whatsapp::flow::FlowKey;

use super::super::signers::Signer;

/// Which key of a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slot {
    /// The one that is published.
    Current,
    /// The one before.
    Previous,
}

/// The keys of all numbers, which can be replaced.
#[derive(Default)]
pub struct Keyring {
    rows: RwLock<Vec<Row>>,
    tries: RwLock<Arc<[Try]>>,
}

#[derive(Debug)]
struct Row {
    number: Box<str>,
    current: Option<Arc<FlowKey>>,
    previous: Option<Arc<FlowKey>>,
    /// What was current before it was replaced in this process. Phones may have its public half for a day, and it does no
    /// harm: what a request may do, its signature decides.
    displaced: Option<Arc<FlowKey>>,
}

/// A key, and whose it is.
struct Try {
    key: Arc<FlowKey>,
    numbers: Vec<Box<str>>,
}

impl Keyring {
    /// The keys of each number: current and previous.
    pub fn new<N: Into<Box<str>>>(
        numbers: impl IntoIterator<Item = (N, Option<Arc<FlowKey>>, Option<Arc<FlowKey>>)>,
    ) -> Self {
        let row =
            |(number, current, previous): (N, _, _)| Row { number: number.into(), current, previous, displaced: None };
        let rows: Vec<_> = numbers.into_iter().map(row).collect();
        let tries = RwLock::new(tries(&rows));
        Self { rows: RwLock::new(rows), tries }
    }

    /// Knows one more number.
    pub fn serve(&self, number: &str) {
        let mut rows = self.rows.write();
        if rows.iter().all(|row| &*row.number != number) {
            rows.push(Row { number: number.into(), current: None, previous: None, displaced: None });
        }
    }

    /// Opens nothing more for a number.
    pub fn leave(&self, number: &str) {
        let mut rows = self.rows.write();
        rows.retain(|row| &*row.number != number);
        *self.tries.write() = tries(&rows);
    }

    /// Puts a key in its place; the current one that it displaces still opens requests.
    pub fn replace(&self, number: &str, slot: Slot, key: Option<Arc<FlowKey>>) {
        let mut rows = self.rows.write();
        let Some(row) = rows.iter_mut().find(|row| &*row.number == number) else { return };
        match slot {
            Slot::Previous => row.previous = key,
            Slot::Current => {
                let before = std::mem::replace(&mut row.current, key);
                let same =
                    before.as_ref().map(|key| key.fingerprint()) == row.current.as_ref().map(|key| key.fingerprint());
                if !same && before.is_some() {
                    row.displaced = before;
                }
            }
        }
        *self.tries.write() = tries(&rows);
    }

    /// The key of a number.
    pub fn key(&self, number: &str, slot: Slot) -> Option<Arc<FlowKey>> {
        let rows = self.rows.read();
        let row = rows.iter().find(|row| &*row.number == number)?;
        match slot {
            Slot::Current => row.current.clone(),
            Slot::Previous => row.previous.clone(),
        }
    }

    /// The keys of the numbers that the signer speaks for, in the order in which they are tried.
    pub(super) fn of(&self, signer: &Signer) -> Vec<Arc<FlowKey>> {
        let tries = self.tries.read().clone();
        let its = tries.iter().filter(|one| one.numbers.iter().any(|number| signer.speaks_for_number(number)));
        its.map(|one| one.key.clone()).collect()
    }
}

/// Each key once, however many numbers share it.
fn tries(rows: &[Row]) -> Arc<[Try]> {
    let mut tries: Vec<Try> = Vec::new();
    let current = rows.iter().map(|row| (row, &row.current));
    let older = rows.iter().flat_map(|row| [(row, &row.displaced), (row, &row.previous)]);
    for (row, key) in current.chain(older) {
        if let Some(key) = key {
            match tries.iter_mut().find(|one| one.key.fingerprint() == key.fingerprint()) {
                Some(one) => one.numbers.push(row.number.clone()),
                None => tries.push(Try { key: key.clone(), numbers: vec![row.number.clone()] }),
            }
        }
    }
    tries.into()
}

#[cfg(test)]
mod tests {
    use super::super::super::signers::Signer;
    use super::*;

    fn key() -> Option<Arc<FlowKey>> {
        Some(Arc::new(FlowKey::generate().unwrap()))
    }

    fn prints(ring: &Keyring, numbers: &[&str]) -> Vec<String> {
        let signer = Signer::of_numbers(numbers);
        ring.of(&signer).iter().map(|key| key.fingerprint().to_owned()).collect()
    }

    fn print(key: &Option<Arc<FlowKey>>) -> String {
        key.as_ref().unwrap().fingerprint().to_owned()
    }

    #[test]
    fn current_keys_come_first_and_those_of_other_apps_not_at_all() {
        let (one, two, before, foreign) = (key(), key(), key(), key());
        let ring = Keyring::new([
            ("100", one.clone(), before.clone()),
            ("200", two.clone(), None),
            ("300", two.clone(), None),
            ("900", foreign, None),
        ]);
        assert_eq!(prints(&ring, &["100", "200", "300"]), [print(&one), print(&two), print(&before)]);
        assert_eq!(prints(&ring, &["300"]), [print(&two)]);
        assert!(prints(&ring, &["400"]).is_empty());
    }

    #[test]
    fn replaced_key_still_opens_until_the_next_is_replaced() {
        let (one, two, three) = (key(), key(), key());
        let ring = Keyring::new([("100", one.clone(), None)]);
        ring.replace("100", Slot::Current, two.clone());
        assert_eq!(prints(&ring, &["100"]), [print(&two), print(&one)]);
        ring.replace("100", Slot::Current, two.clone());
        assert_eq!(prints(&ring, &["100"]), [print(&two), print(&one)]);
        ring.replace("100", Slot::Previous, one.clone());
        assert_eq!(prints(&ring, &["100"]), [print(&two), print(&one)]);
        ring.replace("100", Slot::Current, three.clone());
        assert_eq!(prints(&ring, &["100"]), [print(&three), print(&two), print(&one)]);
        ring.replace("unknown", Slot::Current, three.clone());
        ring.serve("200");
        ring.replace("200", Slot::Current, two.clone());
        assert_eq!(prints(&ring, &["200"]), [print(&two)]);
        ring.leave("200");
        assert!(prints(&ring, &["200"]).is_empty());
        assert_eq!(ring.key("100", Slot::Current).map(|key| key.fingerprint().to_owned()), Some(print(&three)));
        assert_eq!(ring.key("100", Slot::Previous).map(|key| key.fingerprint().to_owned()), Some(print(&one)));
    }
}
