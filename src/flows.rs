//! What the bots want of WhatsApp Flows: the bot files, and the live bots that are in no file.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;

use actors::Bots;
use actors::flow_manager::{Applied, ApplyError, ApplyOrder, FlowManager, Wanted, WantedFlow, Wanting, digest};
use chatbot::{Bot, BotFlow};
use whatsapp::graph::FlowCategory;

use crate::bots::{self, BotFile};
use crate::numbers::Book;

/// See the module.
pub(crate) struct BotFlows {
    /// The live bots.
    pub bots: Arc<Bots>,
    /// The folder of bot files.
    pub dir: PathBuf,
    /// Where Meta reaches the endpoint of forms; `None` when that is not set.
    pub endpoint: Option<String>,
    /// The numbers, and thereby on which accounts a bot answers.
    pub numbers: Arc<Book>,
}

impl Wanting for BotFlows {
    fn wanted(&self) -> Pin<Box<dyn Future<Output = Wanted> + Send + '_>> {
        Box::pin(async move {
            let dir = self.dir.clone();
            let read =
                tokio::task::spawn_blocking(move || if dir.exists() { bots::read_dir(&dir) } else { Ok(Vec::new()) });
            let mut wanted = Wanted::default();
            let files = match read.await {
                Ok(Ok(files)) => files,
                Ok(Err(error)) => {
                    wanted.unreadable.push(error.to_string());
                    Vec::new()
                }
                Err(error) => {
                    wanted.unreadable.push(format!("the bot files: {error}"));
                    Vec::new()
                }
            };
            self.collect(&files, &mut wanted);
            wanted
        })
    }
}

impl BotFlows {
    fn collect(&self, files: &[BotFile], wanted: &mut Wanted) {
        let mut seen = BTreeSet::new();
        for file in files {
            let Some(bot) = &file.loaded.bot else {
                wanted
                    .unreadable
                    .push(format!("{} cannot be read as a bot: parlance bot check says why", file.path.display()));
                continue;
            };
            seen.insert(bot.id().to_owned());
            self.add(bot, Some(file), wanted);
        }
        for bot in self.bots.live().into_iter().filter(|bot| !seen.contains(bot.id())) {
            self.add(&bot, None, wanted);
        }
    }

    fn add(&self, bot: &Bot, file: Option<&BotFile>, wanted: &mut Wanted) {
        for flow in bot.flows() {
            let flow = self.wanted_flow(bot, &flow, file);
            let has_endpoint = flow.json.as_deref().is_some_and(has_endpoint);
            if has_endpoint && flow.endpoint.is_none() && wanted.warnings.is_empty() {
                let warning =
                    "server.public_url is not set: Meta publishes no Flow with an endpoint that it cannot reach";
                wanted.warnings.push(warning.to_owned());
            }
            wanted.flows.push(flow);
        }
    }

    /// Accounts of which no number has this bot, if some number names it.
    fn elsewhere(&self, bot: &str) -> BTreeSet<Box<str>> {
        let numbers = self.numbers.all();
        let with_account = || numbers.iter().filter_map(|number| Some((number, number.account.clone()?)));
        let own: BTreeSet<_> = with_account().filter(|(number, _)| *number.bot == *bot).map(|(_, id)| id).collect();
        if own.is_empty() {
            return own;
        }
        with_account().map(|(_, id)| id).filter(|id| !own.contains(id)).collect()
    }

    fn wanted_flow(&self, bot: &Bot, flow: &BotFlow, file: Option<&BotFile>) -> WantedFlow {
        let (json, origin) = match &flow.json {
            Some(value) => verbatim(value, file),
            None => (None, None),
        };
        let endpoint = json.as_deref().is_some_and(has_endpoint).then(|| self.endpoint.clone()).flatten();
        let categories: Vec<_> = flow.categories.iter().map(|word| FlowCategory::from(word.as_str())).collect();
        WantedFlow {
            bot: bot.id().into(),
            local: flow.name.as_str().into(),
            not_in: self.elsewhere(bot.id()),
            id: flow.id.as_deref().map(Into::into),
            name: flow.title.as_str().into(),
            categories: Some(categories).filter(|categories| !categories.is_empty()),
            endpoint: flow.endpoint.clone().or(endpoint),
            json,
            origin,
        }
    }
}

/// The text of the file that holds a Flow JSON, so that Meta's lines are the file's; else the JSON written anew.
fn verbatim(value: &serde_json::Value, file: Option<&BotFile>) -> (Option<Arc<str>>, Option<Box<str>>) {
    let written = serde_json::to_string_pretty(value).unwrap_or_default();
    let wanted = digest(&written);
    let texts = file.into_iter().flat_map(|file| &file.flows);
    let mut texts = texts.filter_map(|(path, text)| Some((path, text.as_deref()?)));
    match texts.find(|(_, text)| digest(text) == wanted) {
        Some((path, text)) => (Some(text.into()), Some(shown(path))),
        None => (Some(written.into()), None),
    }
}

fn shown(path: &Path) -> Box<str> {
    path.display().to_string().into()
}

fn has_endpoint(json: &str) -> bool {
    let version = serde_json::from_str::<serde_json::Value>(json).ok();
    version.is_some_and(|value| value.get("data_api_version").is_some())
}

/// Applies with the usual order. Answers what people should know.
pub(crate) async fn apply(flows: &FlowManager) -> Vec<String> {
    match flows.apply(ApplyOrder::default()).await {
        Ok(applied) => problems(&applied),
        Err(ApplyError::NoAccount) => Vec::new(),
        Err(error) => vec![format!("error: the Flows of the bots are not at Meta: {error}")],
    }
}

/// What people should know of an apply: a line for each thing that is not as the bots want it.
fn problems(applied: &Applied) -> Vec<String> {
    let mut lines: Vec<String> = applied.warnings.iter().map(|warning| format!("warning: Flows: {warning}")).collect();
    lines.extend(applied.put_off.iter().map(|why| format!("warning: Flows are applied later: {why}")));
    for outcome in &applied.outcomes {
        let name = &outcome.item.name;
        if let Some(failure) = &outcome.failure {
            let help = failure.advice.as_ref().map(|advice| format!("\n  = help: {advice}")).unwrap_or_default();
            // One text, so that it is shown as one.
            let findings: String = outcome.findings.iter().map(|finding| format!("\n  {finding}")).collect();
            let what = format!("error: flow {name} is not at Meta as the bot wants it: {}", failure.step.as_str());
            lines.push(format!("{what}: {}{findings}{help}", failure.error));
        } else if outcome.item.is_stuck() {
            let help = outcome.item.hint.as_ref().map(|hint| format!("\n  = help: {hint}")).unwrap_or_default();
            lines.push(format!("error: {}{help}", outcome.item.why.as_deref().unwrap_or("flow in conflict")));
        }
    }
    lines
}
