//! Keeps other web sites away from the control surface, which has no login.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode, Uri, header};

use super::problem::Problem;
use crate::handle::Handle;

/// Refuses a foreign `Host` (a name that was made to point here) and a foreign `Origin`.
pub(super) async fn guard(State(handle): State<Handle>, request: Request, next: Next) -> Response {
    let host = text(request.headers(), &header::HOST);
    let open = handle.core.config.allow_remote;
    if !open && !host.is_some_and(is_local) {
        let why = format!("the host {:?} is not this machine", host.unwrap_or_default());
        return Problem::new(StatusCode::MISDIRECTED_REQUEST, why).into_response();
    }
    if let Some(origin) = text(request.headers(), &header::ORIGIN) {
        let theirs = origin.parse::<Uri>().ok().and_then(|o| o.authority().map(|a| a.to_string()));
        if theirs.as_deref() != host {
            let why = format!("pages of {origin:?} may not steer the simulator");
            return Problem::new(StatusCode::FORBIDDEN, why).into_response();
        }
    }
    next.run(request).await
}

fn text<'a>(headers: &'a HeaderMap, name: &header::HeaderName) -> Option<&'a str> {
    headers.get(name).and_then(|v| v.to_str().ok())
}

fn is_local(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split_once(']').map_or(rest, |(name, _)| name),
        None => host.split_once(':').map_or(host, |(name, _)| name),
    };
    name.eq_ignore_ascii_case("localhost") || name.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_this_machine_are_local() {
        for host in ["localhost", "localhost:8082", "127.0.0.1:8082", "[::1]:8082", "LOCALHOST:1"] {
            assert!(is_local(host), "{host}");
        }
        for host in ["", "example.org", "localhost.example.org:8082", "10.0.0.1:8082", "[::2]:1"] {
            assert!(!is_local(host), "{host}");
        }
    }
}
