//! The first login: a link that makes the first admin, once and for half an hour.

use parking_lot::Mutex;

use super::secret::{self, Digest};

/// How long the link is good for.
pub(super) const LINK_MS: u64 = 30 * 60_000;
/// What its secret begins with.
const MARK: &str = "setup_";

/// The link that is out, if there is one. A restart makes another one.
#[derive(Default)]
pub(super) struct Setup {
    link: Mutex<Option<(Digest, u64)>>,
}

impl Setup {
    /// The secret of a new link; an older one ends.
    pub(super) fn offer(&self, now_ms: u64) -> String {
        let secret = format!("{MARK}{}", secret::random());
        *self.link.lock() = Some((secret::digest(&secret), now_ms + LINK_MS));
        secret
    }

    /// Whether this is the secret of the link that is out.
    pub(super) fn is_right(&self, secret: &str, now_ms: u64) -> bool {
        let digest = secret::digest(secret);
        self.link.lock().is_some_and(|(known, end_ms)| known == digest && now_ms < end_ms)
    }

    /// No link any more.
    pub(super) fn close(&self) {
        *self.link.lock() = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_good_for_half_an_hour_and_the_last_one_counts() {
        let setup = Setup::default();
        assert!(!setup.is_right("", 0));
        let (first, second) = (setup.offer(0), setup.offer(1_000));
        assert!(!setup.is_right(&first, 1_000) && setup.is_right(&second, 1_000));
        assert!(!setup.is_right(&second, 1_000 + LINK_MS));
        setup.close();
        assert!(!setup.is_right(&second, 1_000));
    }
}
