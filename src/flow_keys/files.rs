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

/// Writes a key so that a crash leaves the old file or the new one.
pub(crate) fn write(file: &Path, pem: &SecretString) -> io::Result<()> {
    let part = with_end(file, ".part");
    put(&part, pem)?;
    fs::rename(&part, file)?;
    if let Some(folder) = file.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        fs::File::open(folder)?.sync_all()?;
    }
    Ok(())
}

/// Writes a key where no file is yet. Errors: there is one.
pub(crate) fn create(file: &Path, pem: &SecretString) -> io::Result<()> {
    if let Some(folder) = file.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        fs::create_dir_all(folder)?;
    }
    let mut opened = OpenOptions::new().write(true).create_new(true).mode(0o600).open(file)?;
    opened.write_all(pem.expose_secret().as_bytes())?;
    opened.sync_all()
}

pub(super) fn copy(from: &Path, to: &Path) -> io::Result<()> {
    write(to, &fs::read_to_string(from)?.into())
}

/// How long ago the file was written; `None` if it is not there.
pub(super) fn age_ms(file: &Path, now_ms: u64) -> Option<u64> {
    let written = fs::metadata(file).ok()?.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
    Some(now_ms.saturating_sub(u64::try_from(written.as_millis()).unwrap_or(u64::MAX)))
}

fn put(file: &Path, pem: &SecretString) -> io::Result<()> {
    // One that a crash left behind may have other rights.
    match fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    create(file, pem)
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
        copy(&file, &beside(&file)).unwrap();
        fs::write(with_end(&file, ".part"), "left behind").unwrap();
        write(&file, &"two".into()).unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), "two");
        assert_eq!(fs::read_to_string(beside(&file)).unwrap(), "one");
        for path in [&file, &beside(&file)] {
            assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
        }
        assert!(!with_end(&file, ".part").exists());
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
