//! Others that keep something about people: each says what it has of somebody, and lets go of it.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use serde_json::Value;
use storage::Store;

use super::who::{Who, mentions};
use super::{EraseError, STEP};

/// What a step answers.
pub type Kept<'a, T> = Pin<Box<dyn Future<Output = Result<T, EraseError>> + Send + 'a>>;

/// Something that keeps what is about people.
pub trait Keeps: Send + Sync {
    /// A word for it, as it stands in previews and exports.
    fn name(&self) -> &'static str;

    /// Removes what it has of them and answers how much that was; with `only_count` it removes nothing. Can be done again.
    fn erase<'a>(&'a self, who: &'a Who, only_count: bool) -> Kept<'a, usize>;

    /// What it has of them, as JSON; up to a bound of its own.
    fn export<'a>(&'a self, who: &'a Who) -> Kept<'a, Vec<Value>>;
}

/// Documents of one kind: those go whose key or content names the person.
pub struct Documents {
    /// The store.
    pub store: Arc<dyn Store>,
    /// The word for it.
    pub name: &'static str,
    /// The kind of the documents.
    pub kind: &'static str,
}

/// Documents of one kind that an export shows.
const EXPORTED: usize = 1_000;

impl Documents {
    async fn found(&self, who: &Who, most: usize) -> Result<Vec<(Box<str>, bytes::Bytes)>, EraseError> {
        let words = who.words();
        let (mut found, mut after) = (Vec::new(), None::<Box<str>>);
        loop {
            let page = self.store.documents_page(self.kind, after.as_deref(), STEP).await?;
            let Some((last, _)) = page.last() else { return Ok(found) };
            after = Some(last.clone());
            let names =
                |(key, value): &(Box<str>, bytes::Bytes)| mentions(key.as_bytes(), &words) || mentions(value, &words);
            found.extend(page.into_iter().filter(names));
            if found.len() >= most {
                return Ok(found);
            }
        }
    }
}

impl Keeps for Documents {
    fn name(&self) -> &'static str {
        self.name
    }

    fn erase<'a>(&'a self, who: &'a Who, only_count: bool) -> Kept<'a, usize> {
        Box::pin(async move {
            let mut count = 0;
            loop {
                let found = self.found(who, if only_count { usize::MAX } else { STEP }).await?;
                count += found.len();
                if found.is_empty() || only_count {
                    return Ok(count);
                }
                let gone = found.into_iter().map(|(key, _)| (self.kind.into(), key, None));
                self.store.put_documents(gone.collect()).await?;
            }
        })
    }

    fn export<'a>(&'a self, who: &'a Who) -> Kept<'a, Vec<Value>> {
        Box::pin(async move {
            let found = self.found(who, EXPORTED).await?;
            let shown = |(key, value): (Box<str>, bytes::Bytes)| {
                let content: Value = serde_json::from_slice(&value)
                    .or_else(|_| crate::codec::decode(&value))
                    .unwrap_or_else(|_| String::from_utf8_lossy(&value).into_owned().into());
                serde_json::json!({ "key": key, "content": content })
            };
            Ok(found.into_iter().take(EXPORTED).map(shown).collect())
        })
    }
}

/// Puts stars in the place of words, as many as they have bytes: so lengths stay right, however the text is packed.
pub(crate) fn masked(text: &[u8], words: &[String]) -> bytes::Bytes {
    let mut text = text.to_vec();
    for word in words.iter().map(|word| word.as_bytes()) {
        let mut from = 0;
        while let Some(at) = text.get(from..).and_then(|rest| rest.windows(word.len()).position(|part| part == word)) {
            let (start, end) = (from + at, from + at + word.len());
            text.get_mut(start..end).into_iter().for_each(|part| part.fill(b'*'));
            from = end;
        }
    }
    text.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_keep_the_length_of_what_they_stand_for() {
        let value =
            serde_json::json!({ "path": "/contacts/447700900123", "by": "447700900123", "other": "447700900124" });
        let words = ["447700900123".to_owned()];
        let packed = crate::codec::encode(&value);
        let masked: Value = crate::codec::decode(&masked(&packed, &words)).unwrap();
        let stars = "*".repeat(12);
        assert_eq!(
            masked,
            serde_json::json!({ "path": format!("/contacts/{stars}"), "by": stars, "other": "447700900124" })
        );
    }
}
