//! In `dev` there is no key, so a web page must not reach the node through the visitor's browser: neither by a foreign origin, nor by a
//! name of its own that resolves to this machine (DNS rebinding).

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use super::{App, Problem};

pub(super) async fn same_machine(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    if app.options.dev
        && let Err(problem) = check(request.headers(), request.uri().host())
    {
        return problem.into_response();
    }
    next.run(request).await
}

fn check(headers: &HeaderMap, target: Option<&str>) -> Result<(), Problem> {
    let refused = |what: &str, seen: &str| {
        Problem::new(StatusCode::FORBIDDEN, "foreign-host", format!("the request's {what} is `{seen}`, expected one of this machine"))
    };
    let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    let host = text(header::HOST).or(target).unwrap_or("");
    if !is_local(host) {
        return Err(refused("host", host));
    }
    match text(header::ORIGIN) {
        None => Ok(()),
        // Another port is another program's page.
        Some(origin) if origin.strip_prefix("http://").is_some_and(|origin| origin == host) => Ok(()),
        Some(origin) => Err(refused("origin", origin)),
    }
}

/// Whether `host`, with or without a port, names this machine.
fn is_local(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split_once(']').map_or(rest, |(address, _)| address),
        None => host.split_once(':').map_or(host, |(name, _)| name),
    };
    name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(header::HeaderName, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect()
    }

    #[test]
    fn only_this_machine_and_its_own_pages_may_call() {
        let verdict = |host: &str, origin: Option<&str>| {
            let mut all = headers(&[(header::HOST, host)]);
            if let Some(origin) = origin {
                all.insert(header::ORIGIN, origin.parse().unwrap());
            }
            check(&all, None).is_ok()
        };
        assert!(verdict("127.0.0.1:7357", None) && verdict("localhost:7357", None) && verdict("[::1]:7357", None));
        assert!(verdict("localhost:7357", Some("http://localhost:7357")));
        assert!(!verdict("evil.example", None) && !verdict("127.0.0.1.evil.example:7357", None) && !verdict("", None));
        assert!(!verdict("localhost:7357", Some("http://localhost:3000")));
        assert!(!verdict("localhost:7357", Some("null")));
    }
}
