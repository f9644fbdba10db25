//! Cursors as callers see them: the store's own with a check mark that ties it to its list, so that one which no list
//! gave out is refused instead of being an empty page.

use sha2::{Digest, Sha256};

use super::problem::Problem;

/// Bytes of the mark; it guards against mistakes, not against forgery.
const MARK_BYTES: usize = 4;

/// The cursor of the next page as it is given out by `list`.
pub(super) fn give(list: &str, cursor: Option<impl AsRef<str>>) -> Option<String> {
    cursor.map(|cursor| format!("{}{}", mark(list, cursor.as_ref()), cursor.as_ref()))
}

/// The store's cursor in one that `list` gave out. Errors: it did not.
pub(super) fn take(list: &str, cursor: Option<&str>) -> Result<Option<Box<str>>, Problem> {
    let Some(cursor) = cursor else { return Ok(None) };
    let given = cursor.split_at_checked(2 * MARK_BYTES).filter(|(marked, inner)| **marked == *mark(list, inner));
    let wrong = || {
        Problem::bad_request("this cursor was not given out by this list")
            .hint("pass next_cursor of the page before, or none for the newest page")
    };
    given.map(|(_, inner)| Some(inner.into())).ok_or_else(wrong)
}

fn mark(list: &str, cursor: &str) -> String {
    let digest = Sha256::new().chain_update(list).chain_update([0]).chain_update(cursor).finalize();
    hex::encode(digest.get(..MARK_BYTES).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_comes_back_from_its_own_list_only() {
        let given = give("outbox", Some("00ff")).unwrap();
        assert_eq!(take("outbox", Some(&given)).unwrap().as_deref(), Some("00ff"));
        assert!(take("quarantine", Some(&given)).is_err());
        assert_eq!(take("outbox", None).unwrap(), None);
        assert_eq!(give("outbox", None::<&str>), None);
    }

    #[test]
    fn what_no_list_gave_out_is_refused() {
        let given = give("outbox", Some("00ff")).unwrap();
        for wrong in ["", "00ff", "nonsense", "ÄÖÜäöü🍕", &given.to_uppercase(), &format!("{given}0")] {
            assert!(take("outbox", Some(wrong)).is_err(), "{wrong}");
        }
    }
}
