//! Opens connections: a name is looked up, every answer passes the guard, the connection goes to a checked address and to nothing else.
//! This is the one place where anything is connected, so it is the one place where the guard stands; literal addresses pass it too.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::stream::{FuturesUnordered, StreamExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;
use url::Host;

use crate::delivery::{AttemptOutcome, Timing};
use crate::egress::guard::Guard;
use crate::egress::origin::Origin;
use crate::egress::reason::{connection_failed, is_ours, not_connected};
use crate::egress::resolve::{Resolve, ResolveError, resolve};
use crate::egress::stream::Stream;
use crate::egress::wire::Wire;

/// How long an address may stay silent before the next one is tried beside it (RFC 8305 §8).
const NEXT_ADDRESS: Duration = Duration::from_millis(250);

/// What connections are made with.
pub(super) struct Dialer {
    pub guard: Guard,
    pub names: Arc<dyn Resolve>,
    pub tls: TlsConnector,
}

impl Dialer {
    /// A new connection; how long its steps took is written down as far as they got.
    pub(super) async fn dial(&self, origin: &Origin, timing: &mut Timing) -> Result<Box<Wire>, AttemptOutcome> {
        let addresses = self.addresses(&origin.host, timing).await.map_err(|error| error.outcome())?;
        let began = Instant::now();
        let tcp = connect(&addresses, origin.port).await.map_err(|error| not_connected(&error))?;
        // A request is written whole: nothing is won by waiting for more.
        drop(tcp.set_nodelay(true));
        timing.connect = Some(began.elapsed());
        let stream = if origin.secure {
            let began = Instant::now();
            let tls = self.tls.connect(server_name(&origin.host)?, tcp).await.map_err(|error| connection_failed(&error))?;
            timing.tls = Some(began.elapsed());
            Stream::over(tls)
        } else {
            Stream::over(tcp)
        };
        Wire::over(stream).await.map(Box::new).map_err(|error| connection_failed(&error))
    }

    /// Addresses that may be called.
    async fn addresses(&self, host: &Host<String>, timing: &mut Timing) -> Result<Vec<IpAddr>, ResolveError> {
        let literal = match host {
            Host::Ipv4(address) => IpAddr::V4(*address),
            Host::Ipv6(address) => IpAddr::V6(*address),
            Host::Domain(name) => {
                let began = Instant::now();
                let addresses = resolve(&self.guard, &*self.names, name).await?;
                timing.resolve = Some(began.elapsed());
                return Ok(addresses);
            }
        };
        self.guard.check(literal).map_err(ResolveError::Literal)?;
        Ok(vec![literal])
    }
}

/// The first address that answers: each is tried when the one before it has failed, or beside it when that one is silent; what else was
/// begun is given up. The failure is that of the last one that was really tried, see [`worse`].
async fn connect(addresses: &[IpAddr], port: u16) -> io::Result<TcpStream> {
    let mut left = by_turns(addresses).into_iter();
    let mut tried = FuturesUnordered::new();
    let mut failure = None;
    loop {
        match left.next() {
            Some(address) => tried.push(TcpStream::connect(SocketAddr::new(address, port))),
            None if tried.is_empty() => return Err(failure.unwrap_or_else(|| io::ErrorKind::AddrNotAvailable.into())),
            None => {}
        }
        let patience = if left.len() == 0 { Duration::MAX } else { NEXT_ADDRESS };
        match tokio::time::timeout(patience, tried.next()).await {
            Ok(Some(Ok(stream))) => return Ok(stream),
            Ok(Some(Err(error))) => failure = Some(worse(failure, error)),
            Ok(None) | Err(_) => {}
        }
    }
}

/// The failure that is told of two addresses: that of the later one, unless it is this machine's, which says nothing of the receiver. Where
/// there is no IPv6, every address of it fails so, and a receiver that is down would never be given up.
fn worse(before: Option<io::Error>, error: io::Error) -> io::Error {
    match before {
        Some(before) if is_ours(&error) => before,
        Some(_) | None => error,
    }
}

/// The addresses with their families in turn, the family of the first one first, so that a family that leads nowhere costs one wait.
fn by_turns(addresses: &[IpAddr]) -> Vec<IpAddr> {
    let first = addresses.first().is_some_and(IpAddr::is_ipv4);
    let (mut one, mut other): (Vec<IpAddr>, Vec<IpAddr>) = addresses.iter().partition(|address| address.is_ipv4() == first);
    one.reverse();
    other.reverse();
    let mut turns = Vec::with_capacity(addresses.len());
    while !(one.is_empty() && other.is_empty()) {
        turns.extend([one.pop(), other.pop()].into_iter().flatten());
    }
    turns
}

fn server_name(host: &Host<String>) -> Result<ServerName<'static>, AttemptOutcome> {
    match host {
        Host::Ipv4(address) => Ok(ServerName::from(IpAddr::V4(*address))),
        Host::Ipv6(address) => Ok(ServerName::from(IpAddr::V6(*address))),
        Host::Domain(name) => ServerName::try_from(name.clone())
            .map_err(|_| AttemptOutcome::Refused(format!("`{name}` is no name that a certificate can be for"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(text: &str) -> Vec<IpAddr> {
        text.split_whitespace().map(|address| address.parse().unwrap()).collect()
    }

    #[test]
    fn families_take_turns_and_keep_their_order() {
        assert_eq!(by_turns(&list("::1 ::2 ::3 1.1.1.1 1.1.1.2")), list("::1 1.1.1.1 ::2 1.1.1.2 ::3"));
        assert_eq!(by_turns(&list("1.1.1.1 1.1.1.2 ::1")), list("1.1.1.1 ::1 1.1.1.2"));
        assert!(by_turns(&[]).is_empty());
    }

    #[test]
    fn a_receiver_that_fails_is_not_excused_by_a_family_that_this_machine_does_not_have() {
        use io::ErrorKind::{AddrNotAvailable, ConnectionRefused, HostUnreachable};
        for (failures, told) in [
            (&[ConnectionRefused, AddrNotAvailable][..], ConnectionRefused),
            (&[AddrNotAvailable, ConnectionRefused], ConnectionRefused),
            (&[ConnectionRefused, AddrNotAvailable, HostUnreachable], HostUnreachable),
            (&[AddrNotAvailable, AddrNotAvailable], AddrNotAvailable),
        ] {
            let failure = failures.iter().fold(None, |before, kind| Some(worse(before, (*kind).into())));
            assert_eq!(failure.unwrap().kind(), told, "{failures:?}");
        }
    }

    #[tokio::test]
    async fn an_address_that_refuses_is_followed_by_the_next() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        // Nothing listens at the other addresses of the loopback network.
        assert!(connect(&list("127.0.0.2 127.0.0.3 127.0.0.1"), port).await.is_ok());
        assert_eq!(connect(&list("127.0.0.2 127.0.0.3"), port).await.unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
    }
}
