//! Where the configuration of a process comes from, so that it can be read again.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Config, Errors, Mode, Problem, Sources};

/// Names the text of a draft where a problem is in it.
const DRAFT: &str = "the text";

/// What is read in the place of the file.
#[derive(Clone, Debug)]
pub enum Draft {
    /// The file itself.
    File,
    /// This text, which is checked and not kept.
    Text(String),
}

/// Reads the configuration of a running process again.
pub type Reread = Arc<dyn Fn(Draft) -> Result<Config, Errors> + Send + Sync>;

/// All but the environment, which is that of the process.
#[derive(Clone)]
pub struct Origin {
    /// The file; `None`: `./config.toml` if there is one.
    pub file: Option<PathBuf>,
    /// See [`Sources::overrides`].
    pub overrides: Vec<(String, String)>,
    /// See [`Sources::generated`].
    pub generated: Vec<(String, String)>,
    /// What is started.
    pub mode: Mode,
}

impl Origin {
    /// The configuration as it is now, or as it would be with another text.
    ///
    /// Errors: as [`Config::load`], and a file that cannot be read.
    pub fn read(&self, draft: Draft) -> Result<Config, Errors> {
        let file = match draft {
            Draft::File => self.file()?,
            Draft::Text(text) => Some((PathBuf::from(DRAFT), text)),
        };
        // A variable that is not UTF-8 cannot be one of ours.
        let env =
            std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
        let read_file = |path: &Path| std::fs::read_to_string(path);
        Config::load(Sources {
            file,
            env: env.collect(),
            overrides: self.overrides.clone(),
            generated: self.generated.clone(),
            mode: self.mode,
            read_file: &read_file,
        })
    }

    fn file(&self) -> Result<Option<(PathBuf, String)>, Errors> {
        let path = self.file.as_deref().unwrap_or(Path::new("config.toml"));
        match std::fs::read_to_string(path) {
            Ok(text) => Ok(Some((path.to_owned(), text))),
            Err(error) if self.file.is_none() && error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => {
                let what = format!("{} cannot be read: {error}", path.display());
                let help = "correct --config or the permissions of the file".to_owned();
                Err(Errors(vec![Problem { what, source: None, help }]))
            }
        }
    }
}
