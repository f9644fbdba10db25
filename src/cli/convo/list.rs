//! `parlance convo list`: conversations by what they are.

use serde_json::Value;

use super::super::api::{Api, text};
use super::super::output::Failed;

#[derive(clap::Args)]
pub(super) struct Args {
    /// Of the person who has, or had, this number
    #[arg(long, value_name = "DIGITS")]
    phone: Option<String>,
    /// With this one of our numbers only
    #[arg(long, value_name = "ID")]
    number: Option<String>,
    /// In this state: needs_person, mine, human, paused, waiting, idle
    #[arg(long, value_name = "STATE")]
    state: Option<String>,
    /// That wait for a person, the longest waiting first
    #[arg(long, conflicts_with = "state")]
    needs_person: bool,
    /// That you have
    #[arg(long, conflicts_with_all = ["state", "needs_person"])]
    mine: bool,
    /// That somebody has, such as user:elif
    #[arg(long, value_name = "WHO")]
    owner: Option<String>,
    /// Whose run is of this bot
    #[arg(long, value_name = "BOT")]
    bot: Option<String>,
    /// And of this version, or what its name begins with
    #[arg(long, value_name = "VERSION")]
    version: Option<String>,
    /// That wait at this node
    #[arg(long, value_name = "NODE")]
    node: Option<String>,
    /// Whose service window is open or closed
    #[arg(long, value_name = "open|closed")]
    window: Option<String>,
    /// Active at or after this time, such as 2026-11-22T10:00:00Z
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Active before this time
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// With this in name, number or last message
    #[arg(long, value_name = "TEXT")]
    search: Option<String>,
}

pub(super) async fn run(api: &Api, args: Args, json: bool) -> Result<(), Failed> {
    let state = match (args.needs_person, args.mine) {
        (true, _) => Some("needs_person".to_owned()),
        (_, true) => Some("mine".to_owned()),
        _ => args.state,
    };
    let filter = [
        ("phone", args.phone),
        ("phone_number_id", args.number),
        ("state", state),
        ("owner", args.owner),
        ("bot", args.bot),
        ("version", args.version),
        ("node", args.node),
        ("window", args.window),
        ("since", args.since),
        ("until", args.until),
        ("q", args.search),
    ];
    let query: Vec<_> = filter.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
    api.print_list("/api/v1/conversations", &query, json, line).await
}

fn line(item: &Value) -> String {
    let who = item["wa_id"].as_str().or(item["user_id"].as_str()).unwrap_or("-");
    let (state, node) = (text(item, "state"), text(item, "node"));
    let owner = item["owner"].as_str().map(|owner| format!(" · {owner}")).unwrap_or_default();
    let waits = item["waiting_since"].as_str().map(|since| format!(" · waits since {since}")).unwrap_or_default();
    let (id, updated, bot) = (text(item, "id"), text(item, "updated_at"), text(item, "bot"));
    format!("{id} {updated} {who:<15} {state:<8} {node:<16} {bot}{owner}{waits}")
}
