//! The Flow JSON files of a bot: read from below the folder of the bot file, and nowhere else.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use chatbot::caps::MAX_FLOW_JSON_BYTES;

/// Reads the files that one bot file names, and remembers what was in them.
pub struct FlowFiles {
    folder: PathBuf,
    read: RefCell<BTreeMap<PathBuf, Option<String>>>,
}

impl FlowFiles {
    /// Of a bot file at this path.
    pub fn beside(bot_file: &Path) -> Self {
        Self { folder: bot_file.parent().unwrap_or(Path::new("")).to_owned(), read: RefCell::default() }
    }

    /// A file by its path below the folder.
    ///
    /// # Errors
    /// Why it cannot be read.
    pub fn read(&self, name: &str) -> Result<String, String> {
        let path = self.folder.join(name);
        let text = read_below(&self.folder, &path);
        self.read.borrow_mut().insert(path, text.as_ref().ok().cloned());
        text
    }

    /// What was asked for.
    pub fn into_read(self) -> BTreeMap<PathBuf, Option<String>> {
        self.read.into_inner()
    }
}

/// A link does not lead out of the folder.
fn read_below(folder: &Path, path: &Path) -> Result<String, String> {
    let said = |error: std::io::Error| error.to_string();
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let (folder, real) = (folder.canonicalize().map_err(said)?, path.canonicalize().map_err(said)?);
    if !real.starts_with(&folder) {
        return Err("it lies outside of the folder of the bot".to_owned());
    }
    let bytes = std::fs::metadata(&real).map_err(said)?.len();
    if bytes > MAX_FLOW_JSON_BYTES as u64 {
        return Err(format!("it has {bytes} bytes, a Flow may have {MAX_FLOW_JSON_BYTES}"));
    }
    std::fs::read_to_string(&real).map_err(said)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_below_the_folder_are_read_and_no_others() {
        let folder = tempfile::tempdir().unwrap();
        let bots = folder.path().join("bots");
        std::fs::create_dir_all(bots.join("flows")).unwrap();
        std::fs::write(bots.join("flows/a.json"), "{}").unwrap();
        std::fs::write(folder.path().join("secret.json"), "{}").unwrap();
        std::os::unix::fs::symlink(folder.path().join("secret.json"), bots.join("link.json")).unwrap();
        let files = FlowFiles::beside(&bots.join("a.yaml"));
        assert_eq!(files.read("flows/a.json"), Ok("{}".to_owned()));
        assert!(files.read("link.json").unwrap_err().contains("outside"));
        assert!(files.read("none.json").is_err());
        let read: Vec<_> = files.into_read().into_values().collect();
        assert_eq!(read.iter().flatten().count(), 1);
        assert_eq!(read.len(), 3);
    }
}
