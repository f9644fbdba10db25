//! Bot files that go live: at a start, or because somebody saved them.

use std::path::Path;
use std::sync::Arc;

use actors::media::Media;
use chatbot::{Bot, Diagnostic};

use super::library::{Expected, Library, Order, PublishError, Published};
use super::record::Source;
use super::{BotFile, LoadError, files};

/// What was put live, for the banner and the log.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Live bots.
    pub bots: usize,
    /// Their nodes together.
    pub nodes: usize,
    /// Errors and warnings, rendered with their place.
    pub problems: Vec<String>,
    /// What else is to be known: files that did not go live.
    pub notes: Vec<String>,
}

/// What became of a file that was saved.
pub(super) struct Saved {
    pub published: Published,
    /// What is wrong with the files that it names.
    pub problems: Vec<String>,
}

impl Library {
    /// Puts the files live that changed since they last were; what is live stays where a file is broken, or where
    /// somebody published or rolled back since. The bots of `answering`, each with the setting that names it, must be
    /// live then.
    pub async fn put_live(&self, files: Vec<BotFile>, answering: &[(String, &str)]) -> Result<Report, LoadError> {
        refuse_twins(&files)?;
        let mut report = Report::default();
        for file in files {
            let diagnostics = file.loaded.diagnostics.iter();
            report.problems.extend(diagnostics.map(|diagnostic: &Diagnostic| diagnostic.render(&file.source)));
            let BotFile { path, loaded, .. } = file;
            if let Some(bot) = loaded.bot {
                Box::pin(self.start_with(bot, &path, &mut report)).await?;
            }
        }
        let live = self.registry.live();
        if let Some((key, id)) = answering.iter().find(|(_, id)| !live.iter().any(|bot| bot.id() == *id)) {
            let problems = report.problems.iter().map(|problem| format!("{problem}\n")).collect();
            return Err(LoadError::NoBot { id: (*id).into(), key: key.clone(), problems });
        }
        report.bots = live.len();
        report.nodes = live.iter().map(|bot| bot.node_count()).sum();
        Ok(report)
    }

    async fn start_with(&self, bot: Bot, path: &Path, report: &mut Report) -> Result<(), LoadError> {
        let live = self.live(bot.id());
        // A live version that this program cannot load answers nobody.
        let stands = live.filter(|live| self.registry.version(bot.id(), &live.version).is_some());
        if let Some(live) = stands.filter(|live| live.version != bot.version() && !live.is_news(bot.version())) {
            let (id, how) = (bot.id(), if live.rolled_back { "rolled back to" } else { "published" });
            report.notes.push(format!(
                "{id} v{} stays live: it was {how} over the API; {} goes live when it is edited, or by `parlance bot publish {id}`",
                live.number,
                path.display()
            ));
            return Ok(());
        }
        let failed = |source| match source {
            PublishError::Store(error) => LoadError::Store(error),
            source => LoadError::Publish { path: path.into(), source },
        };
        let saved = Box::pin(self.put_saved(bot, path)).await.map_err(failed)?;
        report.problems.extend(saved.problems);
        Ok(())
    }

    /// Puts what a file holds live.
    pub(super) async fn put_saved(&self, bot: Bot, path: &Path) -> Result<Saved, PublishError> {
        let media: &Media = &self.media;
        let _alone = self.writing.lock().await;
        let (stored, problems) = files::store(media, &bot, path).await;
        let bot = Arc::new(bot.with_files(&stored));
        let order =
            Order { source: Source::File, note: None, author: None, running: None, expected: Expected::Anything };
        let published = self.commit(bot, Some(stored), order, false).await?;
        Ok(Saved { published, problems })
    }
}

fn refuse_twins(files: &[BotFile]) -> Result<(), LoadError> {
    for (index, file) in files.iter().enumerate() {
        let Some(bot) = file.bot() else { continue };
        let twin = files.iter().take(index).find(|other| other.bot().is_some_and(|other| other.id() == bot.id()));
        if let Some(twin) = twin {
            return Err(LoadError::Twice { id: bot.id().into(), first: twin.path.clone(), second: file.path.clone() });
        }
    }
    Ok(())
}
