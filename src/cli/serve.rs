//! `parlance serve`: the server, until a signal or a failure ends it. Also the part of it that `dev` shares.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use actors::{AdjustableClock, Clock};
use tokio::signal::unix::{SignalKind, signal};

use super::output::{Failed, data, talk};
use super::{ConfigArgs, Exit, runtime};
use crate::bots;
use crate::config::{Config, Draft, Mode, Origin, Reread};
use crate::server::{self, Failure, Given, Running, StartError};
use crate::telemetry::{self, Logs};
use crate::vault::VaultError;

#[derive(clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    config: ConfigArgs,
    /// Check the configuration and the bots, then end
    #[arg(long)]
    check_only: bool,
}

pub(super) fn run(args: Args) -> Result<(), Failed> {
    let origin = Origin { file: args.config.config, overrides: Vec::new(), generated: Vec::new(), mode: Mode::Serve };
    let config = origin.read(Draft::File).map_err(|errors| Failed::new(Exit::Config, errors.to_string()))?;
    let files = bots::read_dir(&config.bots.dir).map_err(|error| Failed::new(Exit::Data, error.to_string()))?;
    if args.check_only {
        return check_only(&files);
    }
    no_core_dumps();
    let clock: Arc<dyn Clock> = Arc::new(AdjustableClock::system());
    let logs = init_log(&config, &clock)?;
    let reread: Reread = Arc::new(move |draft| origin.read(draft));
    let given = Given { logs, reread: Some(reread), ..Given::new(clock, files) };
    runtime()?.block_on(async {
        let running = server::start(&config, given).await.map_err(start_failed)?;
        for problem in running.bots.problems.iter().chain(&running.bots.notes) {
            talk(problem);
        }
        tracing::info!(front = %running.front, admin = %running.admin, bots = running.bots.bots, "ready");
        if let Some(secret) = &running.setup {
            talk(&first_login(running.admin, secret));
        }
        until_the_end(running, config.server.drain_timeout).await
    })
}

/// How the first admin is made. Talk and no log line: the secret is for whoever sits here.
fn first_login(admin: SocketAddr, secret: &str) -> String {
    let base = format!("http://{admin}");
    format!(
        "\nNobody can log in to the admin port yet. Within 30 minutes, and once, this makes the first admin:\n\n  \
         parlance setup '{base}/#/setup/{secret}' --name NAME --password-file FILE\n\nor without parlance:\n\n  \
         curl {base}/api/v1/setup -H 'Content-Type: application/json' \\\n    \
         -d '{{\"token\": \"{secret}\", \"name\": \"NAME\", \"password\": \"AT LEAST 12 CHARACTERS\"}}'\n\n\
         Without a terminal: PARLANCE_ADMIN_PASSWORD_FILE and PARLANCE_ADMIN_USER make a user at start, PARLANCE_ADMIN_TOKEN \
         is a token.\n"
    )
}

/// The memory of this process holds tokens and keys: no core file shall, and no other process of the same user may look in.
pub(super) fn no_core_dumps() {
    use rustix::process::{DumpableBehavior, set_dumpable_behavior};
    if let Err(error) = set_dumpable_behavior(DumpableBehavior::NotDumpable) {
        talk(&format!("warning: core dumps could not be switched off: {error}"));
    }
}

fn check_only(files: &[bots::BotFile]) -> Result<(), Failed> {
    let mut broken = false;
    for file in files {
        for diagnostic in &file.loaded.diagnostics {
            talk(&diagnostic.render(&file.source));
        }
        broken |= file.loaded.bot.is_none();
    }
    if broken {
        return Err(Failed::new(Exit::Data, "some bots have errors"));
    }
    data("the configuration and the bots are fine");
    Ok(())
}

pub(super) fn init_log(config: &Config, clock: &Arc<dyn Clock>) -> Result<Arc<Logs>, Failed> {
    let clock = clock.clone();
    telemetry::init(&config.log, &config.secrets(), move || i64::try_from(clock.now_ms()).unwrap_or(i64::MAX))
        .map_err(|error| Failed::new(Exit::Failed, format!("error: the log cannot be set up: {error}")))
}

pub(super) fn start_failed(error: StartError) -> Failed {
    let exit = match &error {
        StartError::Open(_)
        | StartError::Store(_)
        | StartError::Broadcasts(_)
        | StartError::Batches(_)
        | StartError::Vault(VaultError::Store(_)) => Exit::Store,
        StartError::Bots(_) => Exit::Data,
        StartError::AdminExposed(_)
        | StartError::FirstUser(_)
        | StartError::FlowKey(_)
        | StartError::Vault(_)
        | StartError::NumbersCollide(..)
        | StartError::Graph(_)
        | StartError::Web(_) => Exit::Config,
        StartError::Services(error) if error.is_of_store() => Exit::Store,
        StartError::Services(_) | StartError::Inspector { .. } | StartError::Engine(_) | StartError::Bind { .. } => {
            Exit::Failed
        }
    };
    match &error {
        // It begins with the problems of the files, which have their own form.
        StartError::Bots(problem) => Failed::new(exit, problem.to_string()),
        _ => Failed::new(exit, format!("error: {error}")),
    }
}

/// Waits for a signal, then drains (SIGHUP reads configuration and secrets again); or for a failure, then ends without.
pub(super) async fn until_the_end(running: Running, patience: Duration) -> Result<(), Failed> {
    let signals = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()), signal(SignalKind::hangup()));
    let (Ok(mut terminate), Ok(mut interrupt), Ok(mut hangup)) = signals else {
        return Err(Failed::new(Exit::Failed, "error: signals cannot be received"));
    };
    let failure = loop {
        tokio::select! {
            failure = running.failed() => break Some(failure),
            _ = terminate.recv() => break None,
            _ = interrupt.recv() => break None,
            _ = hangup.recv() => running.reload().await,
        }
    };
    if let Some(failure) = failure {
        running.give_up().await;
        return Err(failed(failure));
    }
    tracing::info!("stopping: finishing what is in hand");
    running
        .drain(patience)
        .await
        .map_err(|error| Failed::new(Exit::Store, format!("error: closing the store: {error}")))?;
    tracing::info!("stopped");
    Ok(())
}

fn failed(failure: Failure) -> Failed {
    match failure {
        Failure::Store(why) => Failed::new(
            Exit::Store,
            format!(
                "error: {why}; nothing more is acknowledged, and what was acknowledged is on disk: check the disk, then start again"
            ),
        ),
        Failure::Actor(why) => Failed::new(Exit::Failed, format!("error: {why}; start again, nothing is lost")),
    }
}
