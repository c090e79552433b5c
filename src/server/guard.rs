//! While there is no key, a web page must not reach the node through the browser of somebody who may: neither by a foreign origin, nor by
//! a name of its own that resolves to the node's address (DNS rebinding). So a node that only its own machine can reach answers to the
//! names of that machine and to those in `hosts` of `[listen]`, and to nothing else.

use std::net::IpAddr;

use axum::http::{HeaderMap, StatusCode, header};

use super::Problem;

/// `hosts` are the names besides those of this machine; `None` for any name. `target` is the host of a request line with a whole URL.
pub(super) fn check(hosts: Option<&[String]>, headers: &HeaderMap, target: Option<&str>) -> Result<(), Problem> {
    let refused = |what: &str, seen: &str, expected: &str| {
        Problem::new(StatusCode::FORBIDDEN, "foreign-host", format!("the request's {what} is `{seen}`, expected {expected}"))
    };
    let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    let host = text(header::HOST).or(target).unwrap_or("");
    if let Some(hosts) = hosts {
        let name = without_port(host);
        if !is_local(name) && !hosts.iter().any(|known| known.eq_ignore_ascii_case(name)) {
            let help = "a name under which the API is meant to be called belongs into `hosts` of `[listen]`";
            return Err(refused("host", host, "one of this machine").help(help));
        }
    }
    match text(header::ORIGIN) {
        None => Ok(()),
        // Another port is another program's page.
        Some(origin) if origin.split_once("://").is_some_and(|(scheme, origin)| matches!(scheme, "http" | "https") && origin == host) => {
            Ok(())
        }
        Some(origin) => Err(refused("origin", origin, "that of the API itself, or none")),
    }
}

/// The name in `Host` without brackets and port.
fn without_port(host: &str) -> &str {
    match host.strip_prefix('[') {
        Some(rest) => rest.split_once(']').map_or(rest, |(address, _)| address),
        None => host.split_once(':').map_or(host, |(name, _)| name),
    }
}

/// Whether the name is one of this machine.
fn is_local(name: &str) -> bool {
    name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(header::HeaderName, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect()
    }

    fn verdict(hosts: Option<&[&str]>, host: &str, origin: Option<&str>) -> bool {
        let mut all = headers(&[(header::HOST, host)]);
        if let Some(origin) = origin {
            all.insert(header::ORIGIN, origin.parse().unwrap());
        }
        let hosts: Option<Vec<String>> = hosts.map(|hosts| hosts.iter().map(|&host| host.to_owned()).collect());
        check(hosts.as_deref(), &all, None).is_ok()
    }

    #[test]
    fn only_this_machine_and_its_own_pages_may_call() {
        let verdict = |host: &str, origin: Option<&str>| verdict(Some(&[]), host, origin);
        assert!(verdict("127.0.0.1:7357", None) && verdict("localhost:7357", None) && verdict("[::1]:7357", None));
        assert!(verdict("localhost:7357", Some("http://localhost:7357")));
        assert!(!verdict("evil.example", None) && !verdict("127.0.0.1.evil.example:7357", None) && !verdict("", None));
        assert!(!verdict("localhost:7357", Some("http://localhost:3000")));
        assert!(!verdict("localhost:7357", Some("null")));
    }

    #[test]
    fn a_name_that_is_configured_is_answered_to() {
        let named = Some(&["api.example", "10.0.0.5"][..]);
        assert!(verdict(named, "API.example", None) && verdict(named, "api.example:80", None) && verdict(named, "10.0.0.5:7357", None));
        assert!(verdict(named, "api.example", Some("https://api.example")) && verdict(named, "localhost", None));
        assert!(!verdict(named, "api.example.evil", None) && !verdict(named, "api.example", Some("https://evil.example")));
    }

    #[test]
    fn where_any_name_is_answered_to_a_foreign_page_is_refused_still() {
        assert!(verdict(None, "whatever:1", None) && verdict(None, "whatever:1", Some("http://whatever:1")));
        assert!(!verdict(None, "whatever:1", Some("http://evil.example")));
    }
}
