//! Which messages are marketing: known by the category of their template.

use whatsapp::message::Outgoing;

use crate::settings::Number;

/// Meta's word for it.
const MARKETING: &str = "MARKETING";

/// The category of a template by account, name and language, where it is known.
pub type Categories = dyn Fn(&str, &str, &str) -> Option<Box<str>> + Send + Sync;

/// Whether a message could be marketing: its template is, or nobody here knows what its template is for.
pub(crate) fn may_be_marketing(
    categories: &Categories,
    numbers: &[Number],
    number_id: &str,
    message: &Outgoing,
) -> bool {
    let Outgoing::Template(template) = message else { return true };
    let number = numbers.iter().find(|number| *number.id == *number_id);
    let category = number.and_then(|number| categories(&number.account, template.name(), template.language()));
    category.is_none_or(|category| category.eq_ignore_ascii_case(MARKETING))
}

/// As [`may_be_marketing`], for any message: what is no template is none.
pub(crate) fn could_be_marketing(
    categories: &Categories,
    numbers: &[Number],
    number_id: &str,
    message: &Outgoing,
) -> bool {
    match message {
        Outgoing::Quote(quote) => could_be_marketing(categories, numbers, number_id, quote.message()),
        Outgoing::Template(_) => may_be_marketing(categories, numbers, number_id, message),
        _ => false,
    }
}

/// Whether a message that leaves from this number is marketing. One whose template is not known is taken for none: Meta
/// refuses it then.
pub(crate) fn is_marketing(categories: &Categories, numbers: &[Number], number_id: &str, message: &Outgoing) -> bool {
    let template = match message {
        Outgoing::Template(template) => template,
        Outgoing::Quote(quote) => return is_marketing(categories, numbers, number_id, quote.message()),
        _ => return false,
    };
    let Some(number) = numbers.iter().find(|number| *number.id == *number_id) else { return false };
    let category = categories(&number.account, template.name(), template.language());
    category.is_some_and(|category| category.eq_ignore_ascii_case(MARKETING))
}
