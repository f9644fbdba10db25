//! The key for secrets that the store keeps.

use super::reader::Reader;
use super::secret::Secret;

/// Secrets at rest.
#[derive(Clone, Debug)]
pub struct Vault {
    /// The key; `None`: nothing secret can be kept in the store.
    pub key: Option<Secret>,
}

impl Vault {
    pub(super) fn read(reader: &Reader<'_>) -> Self {
        if reader.is_in_file("secrets.key") {
            let what = "secrets.key stands in the configuration file, where others read it and backups take it along";
            let help = "write the key into a file of its own with mode 600, and set secrets.key_file";
            reader.complain("secrets.key", what.to_owned(), help.to_owned());
        }
        Self { key: reader.secret("secrets.key") }
    }
}
