//! Everything that is kept of one person as one JSON document, written piece by piece, so that nobody holds all of it.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use serde::Serialize;
use serde_json::{Value, json};
use storage::{ContactId, ConversationId, InboxSeq, Page, SendId};
use tokio::sync::mpsc;

use super::steps::conversations;
use super::who::{Who, mentions};
use super::{EraseError, Eraser, STEP};
use crate::view;

/// History entries read at once.
const ENTRIES: usize = 200;

/// Where the pieces go. Whoever reads them may hang up: then it ends early.
type Out = mpsc::Sender<Result<Bytes, EraseError>>;

/// A document in the making.
struct Writer<'o> {
    out: &'o Out,
    /// Whether the next member or element needs a comma before it.
    comma: bool,
}

/// The reader has hung up.
struct Gone;

/// What ends an export before its end.
enum End {
    Gone,
    Error(EraseError),
}

impl<E: Into<EraseError>> From<E> for End {
    fn from(error: E) -> Self {
        Self::Error(error.into())
    }
}

impl From<Gone> for End {
    fn from(Gone: Gone) -> Self {
        Self::Gone
    }
}

impl Writer<'_> {
    async fn raw(&mut self, text: String) -> Result<(), Gone> {
        self.out.send(Ok(text.into())).await.map_err(|_| Gone)
    }

    fn lead(&mut self) -> &'static str {
        if std::mem::replace(&mut self.comma, true) { "," } else { "" }
    }

    async fn member(&mut self, name: &str, value: &impl Serialize) -> Result<(), Gone> {
        let text = format!("{}{}:{}", self.lead(), json!(name), json!(value));
        self.raw(text).await
    }

    async fn element(&mut self, value: &impl Serialize) -> Result<(), Gone> {
        let text = format!("{}{}", self.lead(), json!(value));
        self.raw(text).await
    }

    async fn open(&mut self, name: Option<&str>, bracket: char) -> Result<(), Gone> {
        let name = name.map(|name| format!("{}:", json!(name))).unwrap_or_default();
        let text = format!("{}{name}{bracket}", self.lead());
        self.comma = false;
        self.raw(text).await
    }

    async fn close(&mut self, bracket: char) -> Result<(), Gone> {
        self.comma = true;
        self.raw(bracket.to_string()).await
    }
}

impl Eraser {
    /// Writes what is kept of a person, all that [`Eraser::erase`] would remove. Errors before the first piece: nothing
    /// is known of them. A later one is the last piece, and the document is not whole.
    pub async fn export(
        self: Arc<Self>,
        contact: ContactId,
    ) -> Result<mpsc::Receiver<Result<Bytes, EraseError>>, EraseError> {
        let who = self.who(contact).await?;
        let contact = self.parts.contacts.canonical(contact).await?;
        let (out, pieces) = mpsc::channel(16);
        tokio::spawn(async move {
            if let Err(End::Error(error)) = self.write(&out, contact, &who).await {
                // The reader may have gone.
                let _gone = out.send(Err(error)).await;
            }
        });
        Ok(pieces)
    }

    async fn write(&self, out: &Out, contact: ContactId, who: &Who) -> Result<(), End> {
        let mut writer = Writer { out, comma: false };
        writer.open(None, '{').await?;
        writer.member("exported_at", &view::time_text(self.parts.clock.now_ms())).await?;
        writer.member("contact", &self.parts.contacts.view(contact, &|_| true).await?).await?;
        writer.open(Some("conversations"), '[').await?;
        for id in &who.conversations {
            self.conversation(&mut writer, *id).await?;
        }
        writer.close(']').await?;
        writer.open(Some("waiting"), '[').await?;
        self.waiting(&mut writer, who).await?;
        writer.close(']').await?;
        writer.open(Some("dead_letters"), '[').await?;
        self.dead_letters(&mut writer, who).await?;
        writer.close(']').await?;
        writer.open(Some("quarantine"), '[').await?;
        self.kept_aside(&mut writer, who).await?;
        writer.close(']').await?;
        writer.member("media", &self.media(&conversations(who)).await?).await?;
        writer.member("events", &self.parts.outlet.naming(&who.words()).await?).await?;
        for keeps in &self.parts.keeps {
            writer.member(keeps.name(), &keeps.export(who).await?).await?;
        }
        Ok(writer.close('}').await?)
    }

    async fn conversation(&self, writer: &mut Writer<'_>, id: ConversationId) -> Result<(), End> {
        let store = &*self.parts.store;
        let Some(head) = store.load(id).await? else { return Ok(()) };
        let (shown, variables) = view::conversation(id, &head)?;
        writer.open(None, '{').await?;
        writer.member("conversation", &shown).await?;
        writer.member("variables", &variables).await?;
        writer.open(Some("messages"), '[').await?;
        let (mut index, mut shown) = (0, BTreeSet::new());
        loop {
            let entries = store.history_from(id, index, ENTRIES).await?;
            let Some(last) = entries.last() else { break };
            index = last.index + 1;
            for entry in &entries {
                let numbers = view::sends_of(entry)?;
                shown.extend(numbers.iter().copied());
                let ids = numbers.into_iter().map(|n| SendId { conversation: id, n }).collect();
                let sends: Vec<_> = store.sends(ids).await?.into_iter().flatten().collect();
                for message in view::messages(entry, |n| sends.iter().find(|send| send.id.n == n).cloned())? {
                    writer.element(&message).await?;
                }
            }
        }
        // Those of which no entry tells: their history is too old.
        for n in (1..head.next_send).filter(|n| !shown.contains(n)) {
            for send in store.sends(vec![SendId { conversation: id, n }]).await?.into_iter().flatten() {
                writer.element(&view::outgoing(&send)?).await?;
            }
        }
        writer.close(']').await?;
        writer.open(Some("journal"), '[').await?;
        let mut index = 0;
        loop {
            let entries = store.history_from(id, index, ENTRIES).await?;
            let Some(last) = entries.last() else { break };
            index = last.index + 1;
            for entry in &entries {
                writer.element(&view::entry_as_json(entry)?).await?;
            }
        }
        writer.close(']').await?;
        Ok(writer.close('}').await?)
    }

    async fn waiting(&self, writer: &mut Writer<'_>, who: &Who) -> Result<(), End> {
        let mut after = InboxSeq(0);
        loop {
            let page = self.parts.store.pending(after, STEP).await?;
            let Some((last, _)) = page.last() else { return Ok(()) };
            after = *last;
            let theirs = |row: &storage::Inbound| {
                let to = crate::identity::addressed(&row.aliases);
                to.is_some_and(|to| who.contacts.contains(&to)) || row.aliases.iter().any(|id| who.aliases.contains(id))
            };
            for (seq, row) in page.iter().filter(|(_, row)| theirs(row)) {
                if let Some(message) = view::pending(*seq, row)? {
                    writer.element(&message).await?;
                }
            }
        }
    }

    async fn dead_letters(&self, writer: &mut Writer<'_>, who: &Who) -> Result<(), End> {
        let mut page = Page { cursor: None, limit: STEP };
        loop {
            let listed = self.parts.store.dead_letters(page).await?;
            for letter in listed.items.iter().filter(|letter| who.conversations.contains(&letter.conversation)) {
                writer.element(&view::dead_letter(letter)).await?;
            }
            let Some(next) = listed.next else { return Ok(()) };
            page = Page { cursor: Some(next), limit: STEP };
        }
    }

    async fn kept_aside(&self, writer: &mut Writer<'_>, who: &Who) -> Result<(), End> {
        let (words, mut page) = (who.words(), Page { cursor: None, limit: STEP });
        loop {
            let listed = self.parts.store.quarantine(page).await?;
            for (id, row) in listed.items.iter().filter(|(_, row)| mentions(&row.payload, &words)) {
                writer.element(&view::quarantined(*id, row)).await?;
            }
            let Some(next) = listed.next else { break };
            page = Page { cursor: Some(next), limit: STEP };
        }
        let mut page = Page { cursor: None, limit: STEP };
        loop {
            let listed = self.parts.store.notices(page).await?;
            for (id, row) in listed.items.iter().filter(|(_, row)| mentions(&row.payload, &words)) {
                writer.element(&view::notice(*id, row)).await?;
            }
            let Some(next) = listed.next else { return Ok(()) };
            page = Page { cursor: Some(next), limit: STEP };
        }
    }

    async fn media(&self, conversations: &BTreeSet<String>) -> Result<Vec<Value>, EraseError> {
        let items = self.parts.media.of(conversations).await?;
        let shown = |item: &crate::media::MediaItem| {
            json!({
                "id": item.id, "type": item.kind, "mime_type": item.mime_type, "filename": item.filename,
                "sha256": item.sha256.map(|digest| digest.to_string()), "size": item.size,
                "at": view::time_text(item.first_seen_ms), "content": format!("/api/v1/media/{}/content", item.id),
            })
        };
        Ok(items.iter().map(shown).collect())
    }
}
