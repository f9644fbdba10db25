//! The port: accepts connections and serves Graph, control and page on each.
//!
//! On hyper itself, not on `axum::serve`, because trouble must be able to close a connection
//! without a byte of an answer.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::response::Response;
use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tower::ServiceExt;

use crate::config::{Config, StartError};
use crate::core::Core;
use crate::endpoint::Poster;
use crate::handle::Handle;
use crate::webhook::Webhooks;
use crate::{control, graph, links, page, webhook};

const HEADER_TIMEOUT: Duration = Duration::from_secs(30);
const MAX_CONNECTIONS: usize = 4_096;
const BREATH: Duration = Duration::from_millis(20);

/// Marks a response that must not be sent: the connection is closed instead.
#[derive(Debug, Clone)]
pub(crate) struct Cut;

/// Why hyper closes a connection without an answer.
#[derive(Debug, thiserror::Error)]
#[error("the connection is cut on purpose")]
struct CutOnPurpose;

/// The stand-in for Meta.
#[derive(Debug)]
pub struct Simulator;

impl Simulator {
    /// Binds and serves until the returned value is stopped or dropped.
    pub async fn start(config: Config) -> Result<Running, StartError> {
        config.check()?;
        let bind = |source| StartError::Bind { addr: config.listen, source };
        let listener = TcpListener::bind(config.listen).await.map_err(bind)?;
        let addr = listener.local_addr().map_err(bind)?;
        let (webhooks, lanes) = Webhooks::new(&config)?;
        let poster = Poster::new(&config)?;
        let core = Arc::new(Core::new(config, addr, webhooks, poster));
        let mut tasks = JoinSet::new();
        webhook::run(&core, lanes, &mut tasks);
        tasks.spawn(listen(core.clone(), listener));
        Ok(Running { handle: Handle { core }, tasks })
    }
}

/// A simulator at work. Ends when it is dropped.
pub struct Running {
    handle: Handle,
    tasks: JoinSet<()>,
}

impl Running {
    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.handle.addr()
    }

    /// What steers it.
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Closes the port and every connection, and drops what webhooks still wait.
    pub async fn stop(mut self) {
        self.tasks.shutdown().await;
    }
}

/// Serves while the port shall be open; closed, everything is dropped and connections are refused.
async fn listen(core: Arc<Core>, first: TcpListener) {
    let mut port = core.port.subscribe();
    let app = app(&core);
    let mut listener = Some(first);
    loop {
        let open = *port.borrow_and_update();
        match listener.take() {
            Some(listener) if open => accept(&core, &app, listener, &mut port).await,
            _ if open => match TcpListener::bind(core.addr).await {
                Ok(again) => listener = Some(again),
                Err(error) => {
                    tracing::warn!(%error, addr = %core.addr, "the simulator's port cannot be opened again yet");
                    tokio::time::sleep(BREATH).await;
                }
            },
            _ => {
                if port.changed().await.is_err() {
                    return;
                }
            }
        }
    }
}

/// Accepts until the port shall close; then the listener and all connections are dropped.
async fn accept(core: &Arc<Core>, app: &Router, listener: TcpListener, port: &mut watch::Receiver<bool>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            changed = port.changed() => {
                if changed.is_err() || !*port.borrow() {
                    break;
                }
            }
            accepted = listener.accept(), if connections.len() < MAX_CONNECTIONS => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(connection(core.clone(), app.clone(), stream));
                }
                Err(error) => {
                    tracing::warn!(%error, "the simulator cannot accept a connection");
                    tokio::time::sleep(BREATH).await;
                }
            },
            Some(_) = connections.join_next() => {}
        }
    }
    drop(listener);
    connections.shutdown().await;
}

async fn connection(core: Arc<Core>, app: Router, stream: TcpStream) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "no TCP_NODELAY");
    }
    let service = service_fn(move |request: Request<Incoming>| {
        let (core, app) = (core.clone(), app.clone());
        async move {
            let response = answer(core, app, request.map(Body::new)).await;
            if response.extensions().get::<Cut>().is_some() { Err(CutOnPurpose) } else { Ok(response) }
        }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .serve_connection(TokioIo::new(stream), service)
        .await;
    if let Err(error) = served {
        tracing::debug!(%error, "a connection ended");
    }
}

/// Graph calls take the short way past the router.
async fn answer(core: Arc<Core>, app: Router, request: Request<Body>) -> Response {
    if graph::route::is_graph(request.uri().path()) {
        return graph::serve(core, request).await;
    }
    let answered: Result<Response, Infallible> = app.oneshot(request).await;
    match answered {
        Ok(response) => response,
        Err(never) => match never {},
    }
}

fn app(core: &Arc<Core>) -> Router {
    let handle = Handle { core: core.clone() };
    page::routes().merge(links::routes(handle.clone())).merge(control::routes(handle))
}
