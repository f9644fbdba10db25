//! The lists in which somebody may stand, one after the other: looked through and counted, or looked through and cleared.

use std::collections::BTreeSet;

use storage::{Erase, InboxSeq, Page};

use super::who::{Who, mentions};
use super::{EraseError, Erased, Eraser, STEP};

impl Eraser {
    /// How much there is.
    pub(super) async fn count(&self, who: &Who) -> Result<Erased, EraseError> {
        let mut erased = Erased { contacts: who.contacts.len(), ..Erased::default() };
        for id in &who.conversations {
            if let Some(head) = self.parts.store.load(*id).await? {
                erased.conversations += 1;
                *erased.rows.entry("history").or_default() += usize::try_from(head.next_entry).unwrap_or(usize::MAX);
                let sends = head.next_send.saturating_sub(1);
                *erased.rows.entry("outbox").or_default() += usize::try_from(sends).unwrap_or(usize::MAX);
            }
        }
        erased.rows.insert("inbox", self.inbox(who).await?.len());
        erased.rows.insert("dead_letters", self.letters(who).await?.len());
        erased.rows.insert("quarantine", self.quarantined(who).await?.len());
        erased.rows.insert("notices", self.notices(who).await?.len());
        let conversations = conversations(who);
        erased.rows.insert("media", self.parts.media.erase(&conversations, true).await?);
        erased.rows.insert("events", self.parts.outlet.erase(&who.words(), true).await?);
        for keeps in &self.parts.keeps {
            *erased.rows.entry(keeps.name()).or_default() += keeps.erase(who, true).await?;
        }
        Ok(erased)
    }

    /// Removes all of it; the conversations last, so that what leads to the rest is there until the rest is gone.
    pub(super) async fn remove(&self, who: &Who) -> Result<(), EraseError> {
        self.clear(self.inbox(who).await?).await?;
        self.parts.media.erase(&conversations(who), false).await?;
        self.parts.outlet.erase(&who.words(), false).await?;
        for keeps in &self.parts.keeps {
            keeps.erase(who, false).await?;
        }
        self.clear(self.letters(who).await?).await?;
        self.clear(self.quarantined(who).await?).await?;
        self.clear(self.notices(who).await?).await?;
        self.parts.contacts.erase(&who.contacts).await?;
        let aliases = who.stored_aliases().into_iter().map(|(alias, contact)| Erase::Alias(alias, contact));
        self.clear(aliases.collect()).await?;
        for id in &who.conversations {
            self.clear(vec![Erase::Conversation { id: *id, revision: None }]).await?;
        }
        // What was on its way when the first look was made; no row is left that could make anything new.
        self.clear(self.inbox(who).await?).await?;
        self.clear(self.letters(who).await?).await?;
        self.clear(self.quarantined(who).await?).await?;
        self.clear(self.notices(who).await?).await?;
        self.parts.outlet.erase(&who.words(), false).await?;
        for keeps in &self.parts.keeps {
            keeps.erase(who, false).await?;
        }
        // The log has all of it once more.
        Ok(self.parts.store.cut_log().await?)
    }

    async fn clear(&self, what: Vec<Erase>) -> Result<(), EraseError> {
        for step in what.chunks(STEP) {
            while self.parts.store.erase(step.to_vec(), STEP).await? > 0 {
                tokio::task::yield_now().await;
            }
        }
        Ok(())
    }

    /// What waits for a turn and is of before, or goes to them.
    async fn inbox(&self, who: &Who) -> Result<Vec<Erase>, EraseError> {
        let (mut found, mut after) = (Vec::new(), InboxSeq(0));
        let theirs = |row: &storage::Inbound| {
            let to = crate::identity::addressed(&row.aliases);
            to.is_some_and(|to| who.contacts.contains(&to)) || row.aliases.iter().any(|id| who.aliases.contains(id))
        };
        // Before the tombstones stand everything of them is counted, afterwards only what they do not let through.
        let stands = |row: &storage::Inbound| {
            let buried = who.contacts.iter().all(|contact| self.parts.tombs.is_dead(*contact));
            !buried || self.parts.tombs.drops(row)
        };
        loop {
            let page = self.parts.store.pending(after, STEP).await?;
            let Some((last, _)) = page.last() else { return Ok(found) };
            after = *last;
            let theirs = page.iter().filter(|(_, row)| theirs(row) && stands(row));
            found.extend(theirs.map(|(seq, _)| Erase::Inbox(*seq)));
        }
    }

    async fn letters(&self, who: &Who) -> Result<Vec<Erase>, EraseError> {
        let (mut found, mut page) = (Vec::new(), Page { cursor: None, limit: STEP });
        loop {
            let listed = self.parts.store.dead_letters(page).await?;
            let theirs = listed.items.iter().filter(|letter| who.conversations.contains(&letter.conversation));
            found.extend(theirs.map(|letter| Erase::DeadLetter(letter.id)));
            let Some(next) = listed.next else { break };
            page = Page { cursor: Some(next), limit: STEP };
        }
        let mut page = Page { cursor: None, limit: STEP };
        loop {
            let listed = self.parts.store.resolved_letters(page).await?;
            let theirs = listed.items.iter().filter(|letter| who.conversations.contains(&letter.conversation));
            found.extend(theirs.map(|letter| Erase::DeadLetter(letter.id)));
            let Some(next) = listed.next else { return Ok(found) };
            page = Page { cursor: Some(next), limit: STEP };
        }
    }

    async fn quarantined(&self, who: &Who) -> Result<Vec<Erase>, EraseError> {
        let (words, mut found, mut page) = (who.words(), Vec::new(), Page { cursor: None, limit: STEP });
        loop {
            let listed = self.parts.store.quarantine(page).await?;
            let theirs = listed.items.iter().filter(|(_, row)| mentions(&row.payload, &words));
            found.extend(theirs.map(|(id, _)| Erase::Quarantined(*id)));
            let Some(next) = listed.next else { return Ok(found) };
            page = Page { cursor: Some(next), limit: STEP };
        }
    }

    async fn notices(&self, who: &Who) -> Result<Vec<Erase>, EraseError> {
        let (words, mut found, mut page) = (who.words(), Vec::new(), Page { cursor: None, limit: STEP });
        loop {
            let listed = self.parts.store.notices(page).await?;
            let theirs = listed.items.iter().filter(|(_, row)| mentions(&row.payload, &words));
            found.extend(theirs.map(|(id, _)| Erase::Notice(*id)));
            let Some(next) = listed.next else { return Ok(found) };
            page = Page { cursor: Some(next), limit: STEP };
        }
    }
}

pub(super) fn conversations(who: &Who) -> BTreeSet<String> {
    who.conversations.iter().map(ToString::to_string).collect()
}
