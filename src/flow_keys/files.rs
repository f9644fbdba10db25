//! Files of private keys: nobody else reads them, and each is written whole or not at all.

use std::ffi::OsString;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use secrecy::{ExposeSecret, SecretString};

/// The file beside a key's, where a rotation leaves the key before.
pub(crate) fn beside(file: &Path) -> PathBuf {
    with_end(file, ".previous")
}

/// A key that is written, and not in its place yet. Dropped, it is gone.
pub(super) struct Part {
    part: PathBuf,
    file: PathBuf,
}

impl Part {
    /// Writes a key beside the place that it is to have.
    pub(super) fn write(file: &Path, pem: &SecretString) -> io::Result<Self> {
        let part = with_end(file, ".part");
        if let Some(folder) = folder(file) {
            fs::create_dir_all(folder)?;
        }
        // One that a crash left behind may have other rights.
        match fs::remove_file(&part) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut opened = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&part)?;
        let written = Self { part, file: file.to_owned() };
        opened.write_all(pem.expose_secret().as_bytes())?;
        opened.sync_all()?;
        Ok(written)
    }

    /// Where it goes.
    pub(super) fn file(&self) -> &Path {
        &self.file
    }

    /// Puts it in its place, so that a crash leaves the old file or the new one.
    pub(super) fn place(&self) -> io::Result<()> {
        fs::rename(&self.part, &self.file)?;
        if let Some(folder) = folder(&self.file) {
            fs::File::open(folder)?.sync_all()?;
        }
        Ok(())
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        // Not there any more when it is in its place.
        let _gone = fs::remove_file(&self.part);
    }
}

/// Writes a key where no file is yet: whole, or none. Errors: there is one.
pub(crate) fn create(file: &Path, pem: &SecretString) -> io::Result<()> {
    if file.try_exists()? {
        return Err(io::ErrorKind::AlreadyExists.into());
    }
    Part::write(file, pem)?.place()
}

fn folder(file: &Path) -> Option<&Path> {
    file.parent().filter(|folder| !folder.as_os_str().is_empty())
}

/// How long ago the file was written; `None` if it is not there.
pub(super) fn age_ms(file: &Path, now_ms: u64) -> Option<u64> {
    let written = fs::metadata(file).ok()?.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
    Some(now_ms.saturating_sub(u64::try_from(written.as_millis()).unwrap_or(u64::MAX)))
}

fn with_end(file: &Path, end: &str) -> PathBuf {
    let mut name = OsString::from(file);
    name.push(end);
    name.into()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn keys_are_written_whole_and_for_nobody_else() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("new/flow-key.pem");
        create(&file, &"one".into()).unwrap();
        assert_eq!(create(&file, &"two".into()).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        Part::write(&beside(&file), &"one".into()).unwrap().place().unwrap();
        fs::write(with_end(&file, ".part"), "left behind").unwrap();
        Part::write(&file, &"two".into()).unwrap().place().unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), "two");
        assert_eq!(fs::read_to_string(beside(&file)).unwrap(), "one");
        for path in [&file, &beside(&file)] {
            assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
        }
        assert!(!with_end(&file, ".part").exists());
    }

    #[test]
    fn a_key_that_cannot_be_written_whole_leaves_no_file() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("flow-key.pem");
        fs::create_dir(with_end(&file, ".part")).unwrap();
        assert!(create(&file, &"one".into()).is_err());
        assert!(!file.exists());
    }

    #[test]
    fn age_is_that_of_the_last_writing() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("key");
        assert_eq!(age_ms(&file, 1), None);
        create(&file, &"one".into()).unwrap();
        assert_eq!(age_ms(&file, 0), Some(0));
        assert!(age_ms(&file, 4_000_000_000_000).unwrap() > 3_600_000);
    }
}
