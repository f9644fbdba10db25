//! `parlance sim`: the stand-in for Meta alone, for other programs and for tests of one's own.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use actors::{AdjustableClock, Clock};
use secrecy::SecretString;

use super::output::{Failed, data};
use super::{Exit, runtime};

#[derive(clap::Args)]
pub(super) struct Args {
    /// Where to listen (loopback only)
    #[arg(long, default_value = "127.0.0.1:8082", value_name = "ADDR")]
    listen: SocketAddr,
    /// Where webhooks are posted
    #[arg(long, default_value = "http://127.0.0.1:8080/api/webhooks/whatsapp", value_name = "URL")]
    target: String,
    /// File with the app secret that signs webhooks
    #[arg(long, value_name = "FILE")]
    app_secret_file: PathBuf,
    /// File with the access token that callers must give
    #[arg(long, value_name = "FILE")]
    access_token_file: PathBuf,
    /// Phone number id of the business; once for each number
    #[arg(long, value_name = "ID")]
    phone_number_id: Vec<String>,
}

struct RealTime(AdjustableClock);

impl simulator::Clock for RealTime {
    fn now_ms(&self) -> u64 {
        self.0.now_ms()
    }

    fn advance(&self, ms: u64) -> bool {
        self.0.advance(ms);
        true
    }
}

pub(super) fn run(args: Args) -> Result<(), Failed> {
    let secret = |path: &PathBuf| {
        let text = std::fs::read_to_string(path)
            .map_err(|error| Failed::new(Exit::Config, format!("error: {} cannot be read: {error}", path.display())))?;
        Ok::<_, Failed>(SecretString::from(text.trim_end_matches(['\r', '\n'])))
    };
    let (app_secret, token) = (secret(&args.app_secret_file)?, secret(&args.access_token_file)?);
    runtime()?.block_on(async {
        let clock = Arc::new(RealTime(AdjustableClock::system()));
        let mut config = simulator::Config::new(args.target.as_str(), app_secret, token, clock);
        config.listen = args.listen;
        if !args.phone_number_id.is_empty() {
            let number = |(place, phone_number_id)| simulator::Number {
                phone_number_id,
                display_phone_number: super::dev::simulator_display(place),
                ..simulator::Number::default()
            };
            config.numbers = args.phone_number_id.into_iter().enumerate().map(number).collect();
        }
        let running = simulator::Simulator::start(config)
            .await
            .map_err(|error| Failed::new(Exit::Failed, format!("error: {error}")))?;
        data(&format!("stand-in for Meta at {} · webhooks go to {}", running.handle().base_url(), args.target));
        tokio::signal::ctrl_c().await.map_err(|error| Failed::new(Exit::Failed, format!("error: {error}")))?;
        running.stop().await;
        Ok(())
    })
}
