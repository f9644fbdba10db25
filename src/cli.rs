//! The command line. Data goes to standard output, talk to standard error; exit codes are in [`Exit`].

mod api;
mod audit;
mod begin;
mod bot;
mod broadcast;
mod config;
mod contact;
mod context;
mod convo;
mod db;
mod dev;
mod event;
mod flow;
mod follow;
mod logs;
mod manual;
mod media;
mod number;
mod outbox;
mod output;
mod password;
mod quarantine;
mod quick_reply;
mod say;
mod secret;
mod serve;
mod sim;
mod status;
mod template;
mod test;
mod token;
mod trigger;
mod user;
mod webhook;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use output::{Failed, complain};

/// What a command ends with. Part of the contract: scripts rely on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Something failed that has no code of its own.
    Failed = 1,
    /// What was asked for does not exist.
    NotFound = 3,
    /// Something else stands against it.
    Conflict = 4,
    /// Nothing answers where something should run.
    Unreachable = 5,
    /// The credential is missing, wrong or braked.
    Denied = 6,
    /// The command line is wrong.
    Usage = 64,
    /// A bot file or other input is wrong.
    Data = 65,
    /// The store cannot open, read, write or sync.
    Store = 74,
    /// The configuration is wrong.
    Config = 78,
}

/// A WhatsApp Business conversation engine in one binary.
#[derive(Parser)]
#[command(name = "parlance", version, about, after_help = "Start here: parlance dev")]
struct Cli {
    /// Print data and errors only
    #[arg(short, long, global = true)]
    quiet: bool,
    /// Do not ask: do what needs a confirmation
    #[arg(long, global = true)]
    yes: bool,
    /// Never ask: what needs a confirmation fails without --yes
    #[arg(long, global = true, conflicts_with = "yes")]
    no_input: bool,
    /// When to use colours
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    color: output::Colour,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run against the real WhatsApp
    Serve(serve::Args),
    /// Run against a stand-in for Meta on this machine: no account, nothing to set up
    Dev(dev::Args),
    /// Run the stand-in for Meta alone
    Sim(sim::Args),
    /// Numbers of a running server: add, test, pause, remove them, and set their secrets
    Number(number::Args),
    /// The key that secrets in the store are encrypted with
    Secret(secret::Args),
    /// Check, show and explain the configuration, and let a server read it again
    Config(config::Args),
    /// Say something to a running `dev` as one of its phones, and print the replies
    Say(say::Args),
    /// Check, import and list bots
    #[command(subcommand)]
    Bot(bot::Command),
    /// WhatsApp Flows: plan, apply, list and change them at Meta, check their JSON, keep their keys
    #[command(subcommand)]
    Flow(flow::Command),
    /// Play the tests that bot files bring along
    Test(test::Args),
    /// List conversations, and show what they went through
    Convo(convo::Args),
    /// Send a message to anybody, and show how one stands
    Message(begin::MessageArgs),
    /// Start a bot for somebody
    Run(begin::RunArgs),
    /// One template to many people: make, watch, pause and cancel
    Broadcast(broadcast::Args),
    /// What is to leave, what left and what was given up: list, retry, drop; stop and resume numbers
    Outbox(outbox::Args),
    /// Put, get, list and prune the files of a running server
    Media(media::Args),
    /// Show, tag, import, export and erase the people of a running server
    Contact(contact::Args),
    /// List and change texts that staff send often
    QuickReply(quick_reply::Args),
    /// Look after the store's file while no server has it
    #[command(subcommand)]
    Db(db::Command),
    /// List, read and show the templates of a running server
    Template(template::Args),
    /// List, show and replay the outgoing events of a running server
    Event(event::Args),
    /// Make the first admin, with the link that `serve` printed
    Setup(user::SetupArgs),
    /// Make, list and change the users of a running server
    User(user::Args),
    /// Make, list and revoke the API tokens of a running server
    Token(token::Args),
    /// List, export and verify who did what on a running server
    Audit(audit::Args),
    /// Show how a running server does
    Status(status::Args),
    /// Follow the log of a running server
    Logs(logs::Args),
    /// List, show and take in again what came to the front door of a running server
    Webhook(webhook::Args),
    /// List, take in again and drop what was acknowledged and did not run
    Quarantine(quarantine::Args),
    /// Measure this machine: webhooks and replies per second against a bare skeleton
    Bench(crate::bench::Args),
    /// Explain an error code, such as PAR-0207
    Explain {
        /// The code
        code: String,
    },
    /// Name servers, to use them by name
    #[command(subcommand)]
    Context(context::Command),
    /// Print the OpenAPI document of the admin API
    Openapi,
    /// Print a script that completes commands in a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Write the manual pages of all commands
    Man {
        /// Into this folder; the page of `parlance` to standard output when absent
        dir: Option<PathBuf>,
    },
    /// Print the version
    Version {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

/// Where the configuration comes from.
#[derive(clap::Args, Clone, Debug)]
struct ConfigArgs {
    /// Configuration file; ./config.toml if it exists
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let cli = match manual::parse() {
        Ok(cli) => cli,
        Err(error) => {
            // `--help` and `--version` come as errors, too.
            let code = if error.use_stderr() { Exit::Usage as u8 } else { 0 };
            // A closed terminal is no reason to fail differently.
            let _closed = error.print();
            return ExitCode::from(code);
        }
    };
    output::set(output::Manner { colour: cli.color, quiet: cli.quiet, yes: cli.yes, no_input: cli.no_input });
    match run(cli.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failed { exit, message }) => {
            complain(&message);
            ExitCode::from(exit as u8)
        }
    }
}

fn run(command: Command) -> Result<(), Failed> {
    // One provider for every TLS connection of the process; a second call (tests) changes nothing.
    let _installed_before = rustls::crypto::aws_lc_rs::default_provider().install_default();
    match command {
        Command::Serve(args) => serve::run(args),
        Command::Dev(args) => dev::run(args),
        Command::Sim(args) => sim::run(args),
        Command::Config(args) => config::run(args),
        Command::Number(args) => number::run(args),
        Command::Secret(args) => secret::run(args),
        Command::Say(args) => say::run(args),
        Command::Bot(command) => bot::run(command),
        Command::Flow(command) => flow::run(command),
        Command::Test(args) => test::run(args),
        Command::Convo(args) => convo::run(args),
        Command::Message(args) => begin::message(args),
        Command::Run(args) => begin::run(args),
        Command::Broadcast(args) => broadcast::run(args),
        Command::Outbox(args) => outbox::run(args),
        Command::Media(args) => media::run(args),
        Command::Contact(args) => contact::run(args),
        Command::QuickReply(args) => quick_reply::run(args),
        Command::Db(command) => db::run(command),
        Command::Template(args) => template::run(args),
        Command::Event(args) => event::run(args),
        Command::Setup(args) => user::set_up(args),
        Command::User(args) => user::run(args),
        Command::Token(args) => token::run(args),
        Command::Audit(args) => audit::run(args),
        Command::Status(args) => status::run(args),
        Command::Logs(args) => logs::run(args),
        Command::Webhook(args) => webhook::run(args),
        Command::Quarantine(args) => quarantine::run(args),
        Command::Bench(args) => {
            crate::bench::run(args).map_err(|error| Failed::new(Exit::Failed, format!("{error:#}")))
        }
        Command::Explain { code } => explain(&code),
        Command::Context(command) => context::run(command),
        Command::Openapi => manual::openapi(),
        Command::Completions { shell } => manual::completions(shell),
        Command::Man { dir } => manual::pages(dir.as_deref()),
        Command::Version { json } => {
            manual::version(json);
            Ok(())
        }
    }
}

fn explain(code: &str) -> Result<(), Failed> {
    let code = code.to_uppercase();
    let text = chatbot::explain(&code).map(str::to_owned).or_else(|| crate::admin::problem::kinds::explain(&code));
    match text {
        Some(text) => {
            output::data(&text);
            Ok(())
        }
        None => {
            Err(Failed::new(Exit::NotFound, format!("there is no code {code}; codes look like {}", example_code())))
        }
    }
}

fn example_code() -> &'static str {
    chatbot::codes().next().unwrap_or("PAR-0207")
}

fn runtime() -> Result<tokio::runtime::Runtime, Failed> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failed::new(Exit::Failed, format!("cannot start the runtime: {error}")))
}
