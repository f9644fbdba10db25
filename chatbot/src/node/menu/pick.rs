//! Finds the option that an answer means.

use whatsapp::limits;

use crate::input::Incoming;
use crate::snapshot::Offered;

use super::Menu;

/// The ids of rows that turn the page: this and the number of the page, from 0.
pub(super) const PAGE: &str = "parlance.page.";

pub(super) enum Picked {
    Option { index: usize, how: &'static str },
    Page(u32),
    Nothing,
}

/// The options on a page, and whether there are pages before and after.
pub(super) struct Page {
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) previous: bool,
    pub(super) next: bool,
}

/// Cuts a list into pages: each has as many rows as WhatsApp takes, those that turn it included.
pub(super) fn page(count: usize, number: u32) -> Page {
    if count <= limits::ROWS {
        return Page { from: 0, to: count, previous: false, next: false };
    }
    let (first, middle) = (limits::ROWS - 1, limits::ROWS - 2);
    let number = (number as usize).min(last_page(count));
    let from = if number == 0 { 0 } else { first + (number - 1) * middle };
    let next = number < last_page(count);
    let room = if number == 0 || !next { first } else { middle };
    Page { from, to: (from + room).min(count), previous: number > 0, next }
}

fn last_page(count: usize) -> usize {
    let (first, middle) = (limits::ROWS - 1, limits::ROWS - 2);
    // The last page needs no row for a next one, so it takes one more.
    (count - first).saturating_sub(first).div_ceil(middle) + 1
}

impl Menu {
    pub(super) fn pick(&self, offered: &[Offered], shown: u32, message: &Incoming) -> Picked {
        if let Some(id) = &message.id {
            if let Some(index) = offered.iter().position(|option| option.id == *id) {
                return Picked::Option { index, how: "tapped" };
            }
            if let Some(page) = id.strip_prefix(PAGE).and_then(|page| page.parse().ok()) {
                return Picked::Page(page);
            }
        }
        self.pick_typed(offered, shown, message)
    }

    fn pick_typed(&self, offered: &[Offered], shown: u32, message: &Incoming) -> Picked {
        let said = fold(&message.text);
        if said.is_empty() {
            return Picked::Nothing;
        }
        let position = |matches: &dyn Fn(&Offered) -> bool| offered.iter().position(matches);
        if self.typed.title
            && let Some(index) = position(&|option| {
                fold(&option.title) == said
                    || super::offer::cut(&option.title, limits::ROW_TITLE).is_some_and(|cut| fold(&cut) == said)
                    || super::offer::cut(&option.title, limits::BUTTON_TITLE).is_some_and(|cut| fold(&cut) == said)
            })
        {
            return Picked::Option { index, how: "title" };
        }
        if self.typed.synonym
            && let Some(index) = position(&|option| option.synonyms.iter().any(|synonym| fold(synonym) == said))
        {
            return Picked::Option { index, how: "synonym" };
        }
        let page = page(offered.len(), shown);
        if page.next && said == fold(&self.next) {
            return Picked::Page(shown + 1);
        }
        if page.previous && said == fold(&self.previous) {
            return Picked::Page(shown.saturating_sub(1));
        }
        match said.trim_end_matches('.').parse::<usize>() {
            Ok(number) if self.typed.number && (1..=page.to - page.from).contains(&number) => {
                Picked::Option { index: page.from + number - 1, how: "number" }
            }
            _ => Picked::Nothing,
        }
    }
}

/// Lower case, single spaces.
pub(super) fn fold(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_cover_every_option_once_within_ten_rows() {
        for count in 1..=200 {
            let (mut number, mut at) = (0, 0);
            loop {
                let page = page(count, number);
                assert_eq!(page.from, at, "{count}/{number}");
                let rows = page.to - page.from + usize::from(page.previous) + usize::from(page.next);
                assert!(rows <= limits::ROWS && page.to > page.from, "{count}/{number}");
                assert_eq!(page.previous, number > 0);
                at = page.to;
                if !page.next {
                    break;
                }
                number += 1;
            }
            assert_eq!(at, count);
        }
    }

    #[test]
    fn a_page_beyond_the_last_is_the_last() {
        assert!(!page(30, 99).next);
        assert_eq!(page(30, 99).to, 30);
    }
}
