//! The public keys of the business numbers, which phones encrypt with.

use std::sync::Arc;

use parking_lot::RwLock;
use rsa::RsaPublicKey;
use rsa::pkcs8::DecodePublicKey;
use rsa::traits::PublicKeyParts;

/// The only size that Meta takes.
const BITS: u32 = 2_048;

/// A key as it was uploaded, and whether Meta's signature on it is right.
#[derive(Debug, Clone)]
pub(crate) struct NumberKey {
    pub(crate) pem: String,
    pub(crate) key: Arc<RsaPublicKey>,
    /// False after the number was registered again: the key must be uploaded once more.
    pub(crate) valid: bool,
}

impl NumberKey {
    /// Reads a `BEGIN PUBLIC KEY` of 2048 bits, or says what is wrong.
    pub(crate) fn read(pem: &str) -> Result<Self, String> {
        let pem = pem.trim();
        if !pem.starts_with("-----BEGIN PUBLIC KEY-----") {
            return Err("the public key is not in PEM form (BEGIN PUBLIC KEY)".into());
        }
        let key = RsaPublicKey::from_public_key_pem(pem).map_err(|e| format!("the public key cannot be read: {e}"))?;
        match key.n().bit_width() {
            BITS => Ok(Self { pem: format!("{pem}\n"), key: Arc::new(key), valid: true }),
            bits => Err(format!("the public key has {bits} bits, not {BITS}")),
        }
    }

    pub(crate) fn status(&self) -> &'static str {
        if self.valid { "VALID" } else { "MISMATCH" }
    }
}

/// One key at most for each business number, by its position.
pub(crate) struct Keys(RwLock<Vec<Option<NumberKey>>>);

impl Keys {
    pub(crate) fn new(numbers: usize) -> Self {
        Self(RwLock::new(vec![None; numbers]))
    }

    pub(crate) fn of(&self, number: usize) -> Option<NumberKey> {
        self.0.read().get(number).cloned().flatten()
    }

    pub(crate) fn set(&self, number: usize, key: NumberKey) {
        if let Some(place) = self.0.write().get_mut(number) {
            *place = Some(key);
        }
    }

    /// The number was registered again: its key is no longer signed.
    pub(crate) fn mismatch(&self, number: usize) {
        if let Some(Some(key)) = self.0.write().get_mut(number) {
            key.valid = false;
        }
    }

    pub(crate) fn clear(&self) {
        self.0.write().fill(None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 3072 bits.
    const LONG: &str = "MIIBojANBgkqhkiG9w0BAQEFAAOCAY8AMIIBigKCAYEA1ObeX52wc7HDh6oHxsn+D33BjzCimgjBPggoaK8CuId4Ycn05yzO8mKHJosKfMo40K8PE8cIZmamqq0MDT/Ptf9ggpHSVJudOXkmpY3SQDA9Z4/ZP3okTJ7acazk59AQ0Q93ouZjKOchk9gmBBeCYUkkzYLYQ64DqlkJF66wfPeTS+3K+gugEJSZTEuwMRgXDUTMp8ZmtkFiqqAEp0SmAjSx+v2y2Zh/7NiWe1O+utbKSO1Se9ps1adnr8YBSQtCHgmyoyYvBPQFAKVNBv70po23lB1a3bStYkJqJN6BqCvg5f0+9XG/AMcwbtUqZx4J8XwZ+mcpO2ok6O49XQmyMg3spmlFgbuuR3uH2euGQYAWypBGW223VWxBwlSrIywv6c48x19WqifzqxmMnn4A4m5zTKoMezx3+yQQkry4OJOa1SUyUZvJrfX6azsSxHGQXUQCNS09QwrX/xjnmL8etvRukUX5vF8rbm5FXHO7SJvd6NGwGhHO8ce9d5L/BXZbAgMBAAE=";

    #[test]
    fn what_is_no_public_key_of_2048_bits_is_refused() {
        let lines: Vec<_> = LONG.as_bytes().chunks(64).map(String::from_utf8_lossy).collect();
        let long = format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----", lines.join("\n"));
        for (pem, says) in [
            ("", "PEM"),
            ("-----BEGIN RSA PUBLIC KEY-----\nAAAA\n-----END RSA PUBLIC KEY-----", "PEM"),
            ("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----", "cannot be read"),
            (&long, "3072 bits"),
        ] {
            let error = NumberKey::read(pem).unwrap_err();
            assert!(error.contains(says), "{error}");
        }
    }
}
