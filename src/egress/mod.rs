//! The one HTTP client through which requests leave: a request in, what came of it out, within a deadline and bounded in memory
//! whatever the other side does. No redirects, no proxies, no retries, no knowledge of deliveries. The only user of reqwest.

mod exchange;
mod guard;
mod plain;
mod resolve;
#[cfg(test)]
mod tests;

pub use exchange::{Exchange, Request};
pub use guard::{Forbidden, Guard};
pub use plain::{CallError, PlainClient};
pub use resolve::{Resolve, SystemResolver};

use std::sync::Arc;
use std::time::Duration;

use resolve::GuardedResolver;

/// Idle connections kept for each receiver.
const IDLE_PER_HOST: usize = 256;
/// How long an idle connection is kept; shorter than the minute after which most servers close one.
const IDLE: Duration = Duration::from_secs(50);

/// The client. Cheap to clone; clones share connections.
#[derive(Clone, Debug)]
pub struct Client {
    http: reqwest::Client,
    guard: Guard,
}

/// The client cannot be made: no trust anchors, no crypto provider.
#[derive(Debug, thiserror::Error)]
#[error("cannot start the HTTP client: {0}")]
pub struct ClientError(String);

impl Client {
    /// A client that calls what the guard allows, and asks the operating system for the addresses of names.
    ///
    /// # Errors
    /// When the system's TLS set-up cannot be read.
    pub fn new(guard: Guard) -> Result<Self, ClientError> {
        Self::with_resolver(guard, Arc::new(SystemResolver))
    }

    /// The same with another source of addresses. What it answers passes the guard before anything is connected.
    ///
    /// # Errors
    /// When the system's TLS set-up cannot be read.
    pub fn with_resolver(guard: Guard, names: Arc<dyn Resolve>) -> Result<Self, ClientError> {
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .no_proxy()
            .http1_only()
            .dns_resolver(GuardedResolver { guard: guard.clone(), names })
            .pool_max_idle_per_host(IDLE_PER_HOST)
            .pool_idle_timeout(IDLE)
            .build()
            .map_err(|error| ClientError(exchange::chain(&error)))?;
        Ok(Self { http, guard })
    }
}
