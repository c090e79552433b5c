//! The one HTTP client through which requests leave: a request in, what came of it out, within a deadline and bounded in memory
//! whatever the other side does. No redirects, no proxies, no retries, no knowledge of deliveries. The only user of hyper.
//!
//! 2026-11-26: hyper itself instead of reqwest. reqwest lets nobody bound the buffer into which hyper reads (400 KiB a connection: 1,000
//! storms of 1xx answers took 460 MiB), needs more CPU than everything else in a delivery but the store, and does not say how long
//! look-up, connection and handshake took. hyper-util's pooled client gives a task to every connection; here the one who waits for an
//! answer drives the connection, and a connection that nobody uses is looked at before it is used again. What reqwest did besides is not
//! wanted (redirects, proxies, cookies) or stands in a file here: `dial` with the guard, `pool`, `body`.

mod exchange;
#[cfg(feature = "nats")]
mod publish;

mod origin;

mod dial;
mod guard;
mod resolve;
mod tls;

mod pool;
mod stream;
mod wire;

mod body;
mod reason;

mod plain;
#[cfg(test)]
mod tests;

pub use crate::delivery::Request;
pub use exchange::Exchange;
pub use guard::{Forbidden, Guard};
pub use plain::{CallError, PlainClient};
pub use resolve::{Resolve, SystemResolver};

use body::Room;
use dial::Dialer;
use pool::Pool;
use reason::innermost;
use resolve::{ResolveError, resolve};
use std::sync::Arc;
use std::time::Duration;

/// How long whoever makes an endpoint waits for the addresses of its host.
const LOOK_UP: Duration = Duration::from_secs(2);

/// The client. Cheap to clone; clones share connections.
#[derive(Clone)]
pub struct Client {
    dialer: Arc<Dialer>,
    pool: Arc<Pool>,
    room: Room,
    /// The brokers that requests may go to.
    #[cfg(feature = "nats")]
    brokers: crate::broker::Brokers,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("guard", &self.dialer.guard).finish_non_exhaustive()
    }
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
        let tls = tls::connector().map_err(|error| ClientError(innermost(&error)))?;
        Ok(Self {
            dialer: Arc::new(Dialer { guard, names, tls }),
            pool: Arc::default(),
            room: Room::default(),
            #[cfg(feature = "nats")]
            brokers: crate::broker::Brokers::default(),
        })
    }

    /// Whether the host of a URL may be called, as far as that can be said beforehand: a name that has no addresses now may have some
    /// later.
    ///
    /// # Errors
    /// Why it may not, in the words with which a request is refused.
    pub async fn admits(&self, host: &url::Host<&str>) -> Result<(), String> {
        let Dialer { guard, names, .. } = &*self.dialer;
        match host {
            url::Host::Ipv4(_) | url::Host::Ipv6(_) => guard.check_host(host).map_err(|why| ResolveError::Literal(why).to_string()),
            url::Host::Domain(name) => {
                let asked = resolve(guard, &**names, name);
                match tokio::time::timeout(LOOK_UP, asked).await {
                    Ok(Err(error @ (ResolveError::Literal(_) | ResolveError::Forbidden { .. }))) => Err(error.to_string()),
                    Ok(Ok(_) | Err(ResolveError::Unknown(_) | ResolveError::Resolver { .. })) | Err(_) => Ok(()),
                }
            }
        }
    }
}
