//! The Graph API of a soak: takes messages, most of the time.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures_util::stream;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Incoming;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::super::fanout::statuses::Statuses;
use super::super::message;
use super::super::stand_in::{LIMITS, json, taken};
use super::faults::{Fault, Faults};
use super::ledger::{Ledger, REQUEST_TIMEOUT};
use crate::net::{self, Body};

/// Longer than anybody waits.
const HUNG: Duration = REQUEST_TIMEOUT.saturating_mul(2);
/// A late answer takes between these.
const LATE: (Duration, Duration) = (Duration::from_millis(300), REQUEST_TIMEOUT.saturating_sub(Duration::from_secs(1)));

/// A running one; dropping it ends it.
pub(super) struct Meta {
    pub address: SocketAddr,
    stop: CancellationToken,
}

/// What it works with.
pub(super) struct Parts {
    pub faults: Arc<Faults>,
    pub ledger: Arc<Ledger>,
    /// Told once the process under test runs.
    pub statuses: OnceLock<Statuses>,
}

impl Meta {
    pub(super) async fn start(parts: Arc<Parts>) -> std::io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let (address, stop) = (listener.local_addr()?, CancellationToken::new());
        let service = move |request, _| answer(request, parts.clone());
        tokio::spawn(net::serve(listener, LIMITS, service, stop.clone(), Duration::ZERO));
        Ok(Self { address, stop })
    }
}

impl Drop for Meta {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn answer(request: Request<Incoming>, parts: Arc<Parts>) -> Response<Body> {
    if request.method() != Method::POST || !request.uri().path().ends_with("/messages") {
        return json(r#"{"data":[]}"#.to_owned());
    }
    // Whoever sends half a message is about to die.
    let Ok(body) = request.into_body().collect().await.map(|body| body.to_bytes()) else { return cut() };
    let quoted = message::quoted(&body);
    quoted.iter().for_each(|n| parts.ledger.asked(*n));
    let fault = parts.faults.of_send();
    match fault {
        Some(Fault::Busy | Fault::Outage) => return error(StatusCode::INTERNAL_SERVER_ERROR, 2),
        Some(Fault::TooFast) => return error(StatusCode::TOO_MANY_REQUESTS, 130_429),
        Some(Fault::CutBefore) => return cut(),
        Some(Fault::HungBefore) => {
            tokio::time::sleep(HUNG).await;
            return cut();
        }
        _ => {}
    }
    let Some(n) = quoted else {
        parts.ledger.strange();
        return taken(0);
    };
    parts.ledger.taken(n);
    if let Some(statuses) = parts.statuses.get() {
        statuses.arrived(n, &body);
    }
    match fault {
        Some(Fault::CutAfter) => return cut(),
        Some(Fault::HungAfter) => {
            tokio::time::sleep(HUNG).await;
            return cut();
        }
        Some(Fault::Late) => tokio::time::sleep(parts.faults.time(LATE.0, LATE.1)).await,
        _ => {}
    }
    parts.ledger.answered(n);
    taken(n)
}

/// An answer whose body breaks off at once, and the connection with it.
fn cut() -> Response<Body> {
    let broken = stream::once(async { Err("cut".into()) });
    Response::new(StreamBody::new(broken).boxed_unsync())
}

fn error(status: StatusCode, code: u32) -> Response<Body> {
    let mut response = json(format!(
        r#"{{"error":{{"message":"(#{code}) a fault of the soak","type":"OAuthException","code":{code},"fbtrace_id":"soak"}}}}"#
    ));
    *response.status_mut() = status;
    response
}
