//! What is given out once and kept as a digest only: tokens, sessions, the link of a first login. And the ids beside them.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};

/// What a token begins with, so that scanners of repositories find lost ones.
pub(super) const TOKEN_MARK: &str = "par_";
/// Characters of a token that lists show, so that its owner knows it again; 232 bits stay unknown.
const SHOWN: usize = 4;
const CROCKFORD: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// SHA-256 of a secret of 256 random bits: no slower hash is needed. Secrets are looked up by it, so what a look-up's time
/// tells is of the digest.
pub(super) type Digest = [u8; 32];

pub(super) fn digest(text: &str) -> Digest {
    Sha256::digest(text.as_bytes()).into()
}

/// 32 random bytes as text.
pub(super) fn random() -> String {
    BASE64_URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>())
}

/// A new token.
pub(super) fn token() -> String {
    format!("{TOKEN_MARK}{}", random())
}

/// The beginning of a token, as lists show it.
pub(super) fn shown(token: &str) -> Box<str> {
    token.chars().take(TOKEN_MARK.len() + SHOWN).collect::<String>().into()
}

/// A new id: `prefix`, and 26 characters that sort by time.
pub(super) fn id(prefix: &str, now_ms: u64) -> Box<str> {
    let random = u128::from_be_bytes(rand::random());
    let number = (u128::from(now_ms) << 80) | (random >> 48);
    let digit = |place: u32| char::from(CROCKFORD[((number >> (place * 5)) & 31) as usize]);
    let digits: String = (0..26).rev().map(digit).collect();
    format!("{prefix}{digits}").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_marked_and_never_the_same() {
        let (one, two) = (token(), token());
        assert!(one.starts_with("par_") && one.len() == 47 && one != two, "{one}");
        assert_eq!(shown(&one).len(), 8);
    }

    #[test]
    fn ids_sort_by_time() {
        let (old, new) = (id("u_", 1_700_000_000_000), id("u_", 1_700_000_000_001));
        assert!(old.len() == 28 && old < new, "{old} {new}");
    }
}
