//! Answers that mean two options of a menu. An option that is shown only under a condition may share its words with
//! others.

use std::collections::BTreeMap;

use crate::bot::read::{At, Fields, Reader};
use crate::explain;

use super::pick::fold;
use super::{MenuOption, Typed};

pub(super) fn check(reader: &mut Reader<'_>, fields: &Fields<'_>, options: &[MenuOption], typed: Typed) {
    let Some(at) = fields.get("options") else { return };
    let items = reader.list(&at);
    // One that was not read would shift the others.
    if items.len() == options.len() {
        titles(reader, &items, options);
        if typed.synonym {
            synonyms(reader, &items, options, typed);
        }
    }
}

/// Titles that come from `i18n`: those that stand in the menu were compared when they were read.
fn titles(reader: &mut Reader<'_>, items: &[At<'_>], options: &[MenuOption]) {
    for language in [None].into_iter().chain(reader.i18n.languages().into_iter().map(Some)) {
        let mut seen = BTreeMap::new();
        for (item, option) in items.iter().zip(options).filter(|(_, option)| option.when.is_none()) {
            let Some(title) = option.title.plain_in(language.as_deref()) else { continue };
            let first = *seen.entry(fold(title)).or_insert(option.id.as_str());
            if first != option.id && option.title.as_plain().is_none() {
                let place = language.as_deref().map(|language| format!(" in `{language}`")).unwrap_or_default();
                let message = format!("title `{title}` is that of option `{first}`{place}, too");
                let at = item.node.get("title").map_or_else(|| item.clone(), |node| item.child("title", node));
                reader.report(explain::TWICE, &at, message);
                return;
            }
        }
    }
}

fn synonyms(reader: &mut Reader<'_>, items: &[At<'_>], options: &[MenuOption], typed: Typed) {
    let always = || options.iter().filter(|option| option.when.is_none());
    let titled: BTreeMap<String, &str> = always()
        .filter(|_| typed.title)
        .filter_map(|option| Some((fold(option.title.plain_in(None)?), option.id.as_str())))
        .collect();
    let mut meant: BTreeMap<String, &str> = BTreeMap::new();
    for (item, option) in items.iter().zip(options).filter(|(_, option)| option.when.is_none()) {
        let Some(list) = item.node.get("synonyms").map(|node| item.child("synonyms", node)) else { continue };
        for place in reader.list(&list) {
            let Some(word) = reader.text(&place).map(|text| fold(&text)) else { continue };
            let first = titled.get(&word).copied().unwrap_or_else(|| *meant.entry(word.clone()).or_insert(&option.id));
            if first != option.id {
                let message = format!("`{word}` typed picks option `{first}`, never `{}`", option.id);
                reader.report(explain::SAME_WORD, &place, message).help =
                    Some("give each option words of its own".to_owned());
            }
        }
    }
}
