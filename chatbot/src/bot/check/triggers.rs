//! Triggers whose messages an earlier one always takes.

use super::Whole;
use crate::bot::policies::{Policies, fold};
use crate::bot::read::{At, Reader};
use crate::bot::triggers::{Match, Trigger, TriggerKind, contains_words};
use crate::explain;

pub(super) fn check(reader: &mut Reader<'_>, triggers: &[Trigger], policies: &Policies, whole: &Whole<'_, '_>) {
    let Some(at) = whole.fields.get("triggers") else { return };
    let items = reader.list(&at);
    // One that was not read would shift the others.
    if items.len() != triggers.len() {
        return;
    }
    for (index, (trigger, item)) in triggers.iter().zip(&items).enumerate() {
        let earlier: Vec<(usize, &Trigger)> = triggers
            .iter()
            .enumerate()
            .take(index)
            .filter(|(_, other)| other.when.is_none() && (other.interrupts || !trigger.interrupts))
            .collect();
        if let Some((first, _)) = earlier.iter().find(|(_, other)| takes_all(other, trigger)) {
            shadowed(
                reader,
                item,
                format!("this trigger never fires: trigger {} takes every message before", first + 1),
            );
        } else if let TriggerKind::Keyword { any, how } = &trigger.kind {
            let earlier: Vec<_> = earlier.into_iter().filter_map(|(at, other)| Some((at, keywords(other)?))).collect();
            words(reader, item, policies, (any, *how), &earlier);
        }
    }
}

/// The words of a keyword trigger, and how they are compared.
type Words<'t> = (&'t Vec<String>, Match);

fn keywords(trigger: &Trigger) -> Option<Words<'_>> {
    match &trigger.kind {
        TriggerKind::Keyword { any, how } => Some((any, *how)),
        _ => None,
    }
}

/// Whether whatever fires the later one fires the earlier one.
fn takes_all(earlier: &Trigger, later: &Trigger) -> bool {
    match (&earlier.kind, &later.kind) {
        (
            TriggerKind::Default,
            TriggerKind::Default
            | TriggerKind::Keyword { .. }
            | TriggerKind::Pattern(_)
            | TriggerKind::Payload(_)
            | TriggerKind::Referral
            | TriggerKind::Order
            | TriggerKind::FirstContact,
        )
        | (TriggerKind::Referral, TriggerKind::Referral)
        | (TriggerKind::Order, TriggerKind::Order)
        | (TriggerKind::FirstContact, TriggerKind::FirstContact) => true,
        (TriggerKind::Payload(first), TriggerKind::Payload(second)) => second.starts_with(first.as_str()),
        (TriggerKind::Pattern(first), TriggerKind::Pattern(second)) => first.as_str() == second.as_str(),
        _ => false,
    }
}

fn words(reader: &mut Reader<'_>, item: &At<'_>, policies: &Policies, own: Words<'_>, earlier: &[(usize, Words<'_>)]) {
    let list = item.node.get("keyword").map(|node| item.child("keyword", node));
    let Some(any) = list.and_then(|list| Some(list.child("any", list.node.get("any")?))) else { return };
    for place in reader.list(&any) {
        let Some(text) = reader.text(&place) else { continue };
        let word = fold(&text);
        let exact = own.1 == Match::Exact;
        if exact && policies.stops(&word).is_some() {
            shadowed(reader, &place, format!("`{text}` is one of the stop words, which come first"));
        } else if exact && policies.asks_for_human(&word).is_some() {
            shadowed(reader, &place, format!("`{text}` is one of the words that ask for a human, which come first"));
        } else if !policies.is_restart(&word)
            && let Some((first, _)) = earlier.iter().find(|(_, other)| take(*other, &word, own.1))
        {
            shadowed(reader, &place, format!("`{text}` never comes here: trigger {} takes it before", first + 1));
        }
    }
}

/// Whether each text that this word matches is matched by one of the earlier words.
fn take((any, how): Words<'_>, word: &str, match_of: Match) -> bool {
    any.iter().any(|other| match (how, match_of) {
        (Match::Exact, Match::Exact) => other == word,
        (Match::Word, Match::Exact | Match::Word) => contains_words(word, other),
        (Match::Prefix, Match::Exact | Match::Prefix) => word.starts_with(other.as_str()),
        _ => false,
    })
}

fn shadowed(reader: &mut Reader<'_>, at: &At<'_>, message: String) {
    reader.report(explain::SHADOWED_TRIGGER, at, message).help =
        Some("move it before the one that takes its messages, or remove it".to_owned());
}
