//! The business numbers that are served: one list that everybody reads, and that can change while the process runs.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::RwLock;
use storage::{Store, StoreError};

use crate::settings::Number;

/// A business account, and a number of it whose token may manage it.
#[derive(Clone, Debug)]
pub struct Account {
    /// Meta's id of the account.
    pub id: Box<str>,
    /// One of its numbers.
    pub number: Number,
}

/// Documents of this kind are all numbers that were ever served, by Meta's id: conversations with them outlive them.
const EVER: &str = "number_served";

/// The numbers, in the order in which they came; clones share the list.
#[derive(Clone, Debug, Default)]
pub struct Numbers {
    current: Arc<RwLock<Arc<[Number]>>>,
    ever: Arc<RwLock<BTreeSet<Box<str>>>>,
}

impl Numbers {
    /// All numbers, as they are now.
    pub fn all(&self) -> Arc<[Number]> {
        self.current.read().clone()
    }

    /// A number by Meta's id.
    pub fn get(&self, id: &str) -> Option<Number> {
        self.current.read().iter().find(|number| *number.id == *id).cloned()
    }

    /// The ids of all that are served, and of all that were.
    pub fn ever(&self) -> BTreeSet<Box<str>> {
        self.ever.read().clone()
    }

    /// Reads which numbers were served before, and writes down those that are.
    pub async fn recall(&self, store: &dyn Store) -> Result<(), StoreError> {
        let known: BTreeSet<Box<str>> = store.documents(EVER).await?.into_iter().map(|(id, _)| id).collect();
        let ever = {
            let mut ever = self.ever.write();
            ever.extend(known.iter().cloned());
            ever.clone()
        };
        let new = ever.difference(&known).map(|id| (EVER.into(), id.clone(), Some(Bytes::new())));
        store.put_documents(new.collect()).await
    }

    /// Writes a number down that will be served.
    pub(crate) async fn note(&self, store: &dyn Store, id: &str) -> Result<(), StoreError> {
        if !self.ever.read().contains(id) {
            store.put_document(EVER, id, Some(Bytes::new())).await?;
            self.ever.write().insert(id.into());
        }
        Ok(())
    }

    /// Adds a number, or puts it in the place of the one with its id.
    pub fn put(&self, number: Number) {
        self.ever.write().insert(number.id.clone());
        let mut current = self.current.write();
        let mut numbers = current.to_vec();
        match numbers.iter_mut().find(|known| known.id == number.id) {
            Some(known) => *known = number,
            None => numbers.push(number),
        }
        *current = numbers.into();
    }

    /// Takes a number off the list. Answers whether it was on it.
    pub fn remove(&self, id: &str) -> bool {
        let mut current = self.current.write();
        let left: Arc<[Number]> = current.iter().filter(|number| *number.id != *id).cloned().collect();
        let removed = left.len() < current.len();
        *current = left;
        removed
    }

    /// Each account that is known once, with the first of its numbers.
    pub fn accounts(&self) -> Vec<Account> {
        let mut accounts: Vec<Account> = Vec::new();
        for number in self.all().iter().filter(|number| !number.account.is_empty()) {
            if !accounts.iter().any(|account| account.id == number.account) {
                accounts.push(Account { id: number.account.clone(), number: number.clone() });
            }
        }
        accounts
    }
}

impl From<Vec<Number>> for Numbers {
    fn from(numbers: Vec<Number>) -> Self {
        let ever = numbers.iter().map(|number| number.id.clone()).collect();
        Self { current: Arc::new(RwLock::new(numbers.into())), ever: Arc::new(RwLock::new(ever)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(id: &str, account: &str) -> Number {
        Number { id: id.into(), account: account.into(), token: "t".to_owned().into(), messages_per_second: None }
    }

    fn ids(numbers: &Numbers) -> Vec<Box<str>> {
        numbers.all().iter().map(|number| number.id.clone()).collect()
    }

    #[test]
    fn clones_see_numbers_come_change_and_go() {
        let numbers = Numbers::from(vec![number("1", "a"), number("2", "")]);
        let clone = numbers.clone();
        numbers.put(number("3", "b"));
        numbers.put(number("2", "a"));
        assert_eq!(ids(&clone), ["1", "2", "3"].map(Box::from));
        assert_eq!(&*clone.get("2").unwrap().account, "a");
        assert!(clone.remove("1") && !clone.remove("1"));
        assert_eq!(ids(&numbers), ["2", "3"].map(Box::from));
        assert!(numbers.get("1").is_none());
    }

    #[tokio::test]
    async fn a_number_that_went_is_known_for_ever_and_after_a_restart() {
        let store = storage::Model::new();
        let numbers = Numbers::from(vec![number("1", "a"), number("2", "a")]);
        numbers.recall(&*store).await.unwrap();
        numbers.note(&*store, "3").await.unwrap();
        numbers.remove("2");
        let ever = ["1", "2", "3"].map(Box::from);
        assert_eq!((ids(&numbers).len(), numbers.ever()), (1, ever.clone().into()));
        let later = Numbers::from(vec![number("4", "a")]);
        later.recall(&*store).await.unwrap();
        assert_eq!(later.ever(), ever.into_iter().chain(["4".into()]).collect());
    }

    #[test]
    fn an_account_is_named_once_with_its_first_number() {
        let numbers = Numbers::from(vec![number("1", ""), number("2", "a"), number("3", "a"), number("4", "b")]);
        let accounts: Vec<_> = numbers.accounts().into_iter().map(|one| (one.id, one.number.id)).collect();
        assert_eq!(accounts, [("a".into(), "2".into()), ("b".into(), "4".into())]);
    }
}
