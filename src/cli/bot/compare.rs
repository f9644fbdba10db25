//! `parlance bot diff A B`: what differs between two bot files, or versions of a running server.

use std::path::Path;

use chatbot::{Bot, Diff, Format, Mark};

use super::name_and_version;
use super::served::definition;
use crate::cli::Exit;
use crate::cli::api::ApiArgs;
use crate::cli::output::{Failed, data, has_colours};

#[derive(clap::Args)]
#[command(after_help = "Examples:\n  parlance bot diff welcome@1 welcome@2\n  \
                        parlance bot diff welcome bots/welcome.yaml     (what a publish would change)\n  \
                        parlance bot diff old.json new.yaml --json")]
pub(in crate::cli) struct Args {
    /// A bot file, or NAME@VERSION of a running server; NAME alone is its live version
    from: String,
    /// The same
    to: String,
    #[command(flatten)]
    api: ApiArgs,
}

pub(super) fn run(args: Args) -> Result<(), Failed> {
    let Args { from, to, api } = args;
    let json = api.json;
    let (from, to) = (bot(&from, &api)?, bot(&to, &api)?);
    let found = chatbot::diff(&from, &to);
    if json {
        let text = serde_json::to_string(&found).map_err(|error| Failed::new(Exit::Failed, error.to_string()))?;
        data(&text);
        return Ok(());
    }
    data(&shown(&found, has_colours()));
    Ok(())
}

fn bot(name: &str, api: &ApiArgs) -> Result<Bot, Failed> {
    let path = Path::new(name);
    let loaded = if path.is_file() || Format::by_extension(path).is_some() {
        super::load(path)?.loaded
    } else {
        let mut text = String::new();
        let got = &mut text;
        api.run(|api| async move {
            let (id, version) = name_and_version(name);
            *got = definition(&api, id, version, "json").await?;
            Ok(())
        })?;
        chatbot::load(&text, name, Format::Json)
    };
    loaded.bot.ok_or_else(|| Failed::new(Exit::Data, format!("error: this program cannot load {name}")))
}

fn shown(found: &Diff, colours: bool) -> String {
    if found.is_empty() {
        return "nothing differs".to_owned();
    }
    let mut lines: Vec<String> = found
        .lines()
        .into_iter()
        .map(|line| match (colours, line.mark) {
            (false, _) => line.text,
            (true, Mark::Added) => format!("\x1b[32m{}\x1b[0m", line.text),
            (true, Mark::Removed) => format!("\x1b[31m{}\x1b[0m", line.text),
            (true, Mark::Changed) => format!("\x1b[1m{}\x1b[0m", line.text),
        })
        .collect();
    lines.push(found.summary());
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_for_terminals() {
        let bot = |end: &str| {
            let source = format!(
                "parlance: 1\nid: t\ntriggers: [ {{ default: {{}}, to: e }} ]\nnodes:\n  e: {{ type: end, reason: {end} }}\n"
            );
            chatbot::load(&source, "t.yaml", Format::Yaml).bot.unwrap()
        };
        let found = chatbot::diff(&bot("a"), &bot("b"));
        assert_eq!(shown(&found, false), "~ node e (end)\n  - reason: a\n  + reason: b\n1 node changed");
        assert!(shown(&found, true).contains("\x1b[31m  - reason: a\x1b[0m\n\x1b[32m  + reason: b\x1b[0m"));
        assert_eq!(shown(&Diff::default(), true), "nothing differs");
    }
}
