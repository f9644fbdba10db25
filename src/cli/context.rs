//! `parlance context …`: servers that are named once and used by name. Kept in one file below the user's configuration
//! folder, which only they can read; tokens stay in files of their own.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::json;
use url::Url;

use super::Exit;
use super::output::{Failed, data, talk};

/// Contexts that are kept at most.
const MOST: usize = 1_000;
/// Characters of a name at most.
const MAX_NAME_CHARS: usize = 64;

#[derive(clap::Subcommand)]
pub(super) enum Command {
    /// Name a server
    Add {
        /// How it is called
        name: String,
        /// Its admin port, such as https://bots.example:8081
        #[arg(long, value_name = "URL")]
        url: String,
        /// File that holds the token; else PARLANCE_ADMIN_TOKEN
        #[arg(long, value_name = "FILE")]
        token_file: Option<PathBuf>,
        /// Say what would be kept
        #[arg(long)]
        dry_run: bool,
    },
    /// List the servers that have a name
    List {
        /// Print JSON, one object per line
        #[arg(long)]
        json: bool,
    },
    /// Use a server where no other is named and no `parlance dev` runs in this folder
    Use {
        /// How it is called
        name: String,
        /// Say what would be kept
        #[arg(long)]
        dry_run: bool,
    },
    /// Forget a server
    Remove {
        /// How it is called
        name: String,
        /// Say what would be kept
        #[arg(long)]
        dry_run: bool,
    },
}

/// A server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Context {
    /// Its admin port.
    pub url: String,
    /// Where the token lies.
    pub token_file: Option<PathBuf>,
}

#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Book {
    current: Option<String>,
    contexts: BTreeMap<String, Context>,
}

pub(super) fn run(command: Command) -> Result<(), Failed> {
    let file = file()?;
    let mut book = Book::read(&file)?;
    let dry_run = match command {
        Command::List { json } => {
            book.print(json);
            return Ok(());
        }
        Command::Add { name, url, token_file, dry_run } => {
            book.add(name, &url, token_file.map(absolute).transpose()?)?;
            dry_run
        }
        Command::Use { name, dry_run } => {
            book.of(&name)?;
            book.current = Some(name);
            dry_run
        }
        Command::Remove { name, dry_run } => {
            book.of(&name)?;
            book.contexts.remove(&name);
            book.current = book.current.filter(|current| *current != name);
            dry_run
        }
    };
    if dry_run {
        talk(&format!("would write {}:", file.display()));
        book.print(false);
        return Ok(());
    }
    book.write(&file)
}

/// The server of this name; without a name, the one in use, if there is one.
pub(super) fn find(name: Option<&str>) -> Result<Option<Context>, Failed> {
    let book = match (name, file()) {
        // Who names none needs no folder for them.
        (None, Err(_)) => return Ok(None),
        (_, file) => Book::read(&file?)?,
    };
    match name.or(book.current.as_deref()) {
        Some(name) => book.of(name).cloned().map(Some),
        None => Ok(None),
    }
}

impl Book {
    fn read(file: &Path) -> Result<Self, Failed> {
        let text = match std::fs::read_to_string(file) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(wrong(file, &error)),
        };
        serde_json::from_str(&text).map_err(|error| wrong(file, &error))
    }

    fn add(&mut self, name: String, url: &str, token_file: Option<PathBuf>) -> Result<(), Failed> {
        let is_word = |c: char| c.is_alphanumeric() || "._-".contains(c);
        let chars = name.chars().count();
        if chars == 0 || chars > MAX_NAME_CHARS || !name.chars().all(is_word) {
            let text = format!("error: {name:?} is no name: use up to {MAX_NAME_CHARS} letters, digits, . _ and -");
            return Err(Failed::new(Exit::Usage, text));
        }
        let parsed =
            Url::parse(url).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.host().is_some());
        if parsed.is_none_or(|url| !url.username().is_empty() || url.password().is_some()) {
            let text =
                "error: this is no address of an admin port: write it as http://127.0.0.1:8081, without a password";
            return Err(Failed::new(Exit::Usage, text));
        }
        if self.contexts.len() >= MOST && !self.contexts.contains_key(&name) {
            return Err(Failed::new(Exit::Conflict, format!("error: there are {MOST} already: remove one first")));
        }
        self.contexts.insert(name.clone(), Context { url: url.to_owned(), token_file });
        self.current.get_or_insert(name);
        Ok(())
    }

    fn of(&self, name: &str) -> Result<&Context, Failed> {
        self.contexts.get(name).ok_or_else(|| {
            let text = format!("error: there is no context {name}\n  = help: `parlance context list` lists them");
            Failed::new(Exit::NotFound, text)
        })
    }

    fn print(&self, as_json: bool) {
        for (name, Context { url, token_file }) in &self.contexts {
            let current = self.current.as_ref() == Some(name);
            if as_json {
                data(&json!({ "name": name, "url": url, "token_file": token_file, "current": current }).to_string());
            } else {
                let mark = if current { '*' } else { ' ' };
                let token = token_file.as_ref().map(|file| file.display().to_string()).unwrap_or_default();
                data(format!("{mark} {name:<20} {url} {token}").trim_end());
            }
        }
    }

    /// Another file takes its place, so that a broken-off write leaves the old one.
    fn write(&self, file: &Path) -> Result<(), Failed> {
        let text = serde_json::to_string_pretty(self).map_err(|error| wrong(file, &error))?;
        let folder = file.parent().unwrap_or(Path::new("."));
        let made = std::fs::create_dir_all(folder).and_then(|()| {
            let part = file.with_extension(format!("{}.part", std::process::id()));
            private(&part)?.write_all(text.as_bytes())?;
            std::fs::rename(&part, file)
        });
        made.map_err(|error| wrong(file, &error))
    }
}

#[cfg(unix)]
fn private(path: &Path) -> std::io::Result<std::fs::File> {
    use std::os::unix::fs::OpenOptionsExt;
    std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)
}

#[cfg(not(unix))]
fn private(path: &Path) -> std::io::Result<std::fs::File> {
    std::fs::File::create(path)
}

fn file() -> Result<PathBuf, Failed> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let folder = set("XDG_CONFIG_HOME").or_else(|| set("APPDATA")).or_else(|| Some(set("HOME")?.join(".config")));
    let folder = folder.ok_or_else(|| {
        Failed::new(Exit::NotFound, "error: no folder for settings is known: set HOME or XDG_CONFIG_HOME")
    })?;
    Ok(folder.join("parlance").join("contexts.json"))
}

/// A command may be run from another folder.
fn absolute(path: PathBuf) -> Result<PathBuf, Failed> {
    std::path::absolute(&path).map_err(|error| wrong(&path, &error))
}

fn wrong(file: &Path, error: &dyn std::fmt::Display) -> Failed {
    Failed::new(Exit::Failed, format!("error: {}: {error}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_book_comes_back_from_its_file_which_others_cannot_read() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("parlance/contexts.json");
        let mut book = Book::read(&file).unwrap();
        book.add("prod".into(), "https://bots.example:8081", Some("/run/token".into())).unwrap();
        book.add("dev".into(), "http://127.0.0.1:8081", None).unwrap();
        book.write(&file).unwrap();
        assert_eq!(Book::read(&file).unwrap(), book);
        assert_eq!(book.current.as_deref(), Some("prod"), "the first one is used");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        }
        std::fs::write(&file, "{").unwrap();
        assert!(Book::read(&file).unwrap_err().message.contains("contexts.json"));
    }

    #[test]
    fn names_and_addresses_that_cannot_be_are_refused() {
        let mut book = Book::default();
        for (name, url) in [
            ("", "http://127.0.0.1:1"),
            ("a b", "http://127.0.0.1:1"),
            (&"x".repeat(MAX_NAME_CHARS + 1), "http://127.0.0.1:1"),
            ("a", "127.0.0.1:1"),
            ("a", "ftp://127.0.0.1"),
            ("a", "http://me:secret@127.0.0.1"),
        ] {
            let refused = book.add(name.into(), url, None).unwrap_err();
            assert_eq!(refused.exit, Exit::Usage, "{name} {url}");
        }
        assert_eq!(book.of("a").unwrap_err().exit, Exit::NotFound);
    }
}
