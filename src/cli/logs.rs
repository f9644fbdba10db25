//! `parlance logs tail`: the log of a running server, as it is written.

use reqwest::Method;
use serde_json::Value;

use super::api::{ApiArgs, text};
use super::follow::follow;
use super::output::{Failed, data, talk};

#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  parlance logs tail\n  parlance logs tail --level warn\n  parlance logs tail --conversation ID --json"
)]
pub(super) struct Args {
    #[command(flatten)]
    api: ApiArgs,
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Print the newest lines, and those that come, until Ctrl+C
    Tail {
        /// This level and worse: error, warn, info, debug, trace
        #[arg(long, value_name = "LEVEL", value_parser = ["error", "warn", "info", "debug", "trace"])]
        level: Option<String>,
        /// Of this conversation
        #[arg(long, value_name = "ID")]
        conversation: Option<String>,
        /// Begin with so many of the newest lines
        #[arg(long, default_value_t = 20, value_name = "N", value_parser = clap::value_parser!(u64).range(0..=200))]
        lines: u64,
        /// End after the newest lines
        #[arg(long)]
        no_follow: bool,
    },
}

pub(super) fn run(args: Args) -> Result<(), Failed> {
    let Args { api: args, command } = args;
    let json = args.json;
    let Command::Tail { level, conversation, lines, no_follow } = command;
    let filter: Vec<_> = [("level", level), ("conversation", conversation)]
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
        .collect();
    let print = move |line: &Value| data(&if json { line.to_string() } else { shown(line) });
    args.run(|api| async move {
        if lines > 0 {
            let query: Vec<_> = filter.iter().cloned().chain([("limit", lines.to_string())]).collect();
            let page = api.json(api.request(Method::GET, "/api/v1/logs", &query)).await?;
            page["items"].as_array().into_iter().flatten().rev().for_each(&print);
        }
        if no_follow {
            return Ok(());
        }
        let query: Vec<_> = filter.into_iter().chain([("topics", "logs".to_owned())]).collect();
        follow(&api, &query, async |event| {
            match &*event.kind {
                "log" => print(&event.data),
                "log.lost" => talk(&format!("{} lines came too fast", event.data["lines"])),
                _ => {}
            }
            Ok(())
        })
        .await
    })
}

fn shown(line: &Value) -> String {
    let own = ["ts", "level", "target", "msg"];
    let mut shown =
        format!("{} {:>5} {}: {}", text(line, "ts"), text(line, "level"), text(line, "target"), text(line, "msg"));
    for (name, value) in line.as_object().into_iter().flatten().filter(|(name, _)| !own.contains(&name.as_str())) {
        let value =
            value.as_str().filter(|text| !text.contains([' ', '"', '='])).map_or(value.to_string(), str::to_owned);
        shown.push_str(&format!(" {name}={value}"));
    }
    shown.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_line_reads_from_left_to_right_and_drives_no_terminal() {
        let line =
            json!({ "ts": "T", "level": "WARN", "target": "store", "msg": "slow\n\u{1b}[2J", "path": "a b", "n": 3 });
        assert_eq!(shown(&line), "T  WARN store: slow\u{fffd}\u{fffd}[2J n=3 path=\"a b\"");
    }
}
