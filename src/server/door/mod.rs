//! The way in: accepts connections as long as there are seats, and shows out whoever keeps one waiting. A connection waits for its client
//! from the end of an answer to the end of the next request's head; one that does so for too long, and fetches nothing meanwhile, is
//! closed, and, when seats or file descriptors run out, those that have done so for longest make room for the next. So neither idle clients
//! nor slow ones (half a head, a byte a second, an answer that is never fetched) keep others out. A body's pace is the business of `body`.

mod connection;
mod seats;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::Request;
use axum::extract::connect_info::{ConnectInfo, Connected};
use axum::serve::{IncomingStream, Listener};
use tokio::net::{TcpListener, TcpStream};

use connection::Connection;
use seats::{Seat, Seats};

/// The wait after a connection could not be accepted: long enough not to spin, short enough not to be noticed.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// How often the log says that there is no room.
const COMPLAINT: Duration = Duration::from_secs(30);

/// A listener with seats.
pub(super) struct Door {
    listener: TcpListener,
    seats: Arc<Seats>,
    complained: Option<Instant>,
}

impl Door {
    /// Lets in at most so many connections at once.
    pub(super) fn new(listener: TcpListener, connections: usize) -> Self {
        Self { listener, seats: Seats::new(connections), complained: None }
    }

    async fn seat(&mut self) -> Arc<Seat> {
        loop {
            if let Some(seat) = self.seats.take() {
                return seat;
            }
            self.complain("all connections that the API may have are taken");
            self.seats.show_out();
            self.seats.left().await;
        }
    }

    fn complain(&mut self, what: &str) {
        if self.complained.is_none_or(|at| at.elapsed() > COMPLAINT) {
            self.complained = Some(Instant::now());
            let connections = self.seats.taken();
            tracing::warn!(connections, "{what}; those that wait longest for their clients are closed");
        }
    }
}

impl Listener for Door {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        loop {
            let error = match self.listener.accept().await {
                Ok((stream, address)) => return (self.sit(stream).await, address),
                Err(error) => error,
            };
            // A client that has gone again is nobody's concern.
            if matches!(error.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionRefused)
            {
                continue;
            }
            if is_out_of_files(&error) {
                self.complain("this process has no file descriptor left for another connection");
                self.seats.show_out();
            } else {
                tracing::error!(%error, "a connection could not be accepted");
            }
            tokio::time::sleep(ACCEPT_PAUSE).await;
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

impl Door {
    async fn sit(&mut self, stream: TcpStream) -> Connection {
        Connection::new(stream, Arc::clone(&self.seats), self.seat().await)
    }
}

/// `EMFILE`, `ENFILE`: the process's limit, the system's.
fn is_out_of_files(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(23 | 24))
}

/// The seat of the connection that a request came over, and where that came from.
#[derive(Clone)]
pub(super) struct Sitting(Arc<Seat>, IpAddr);

impl Connected<IncomingStream<'_, Door>> for Sitting {
    fn connect_info(stream: IncomingStream<'_, Door>) -> Self {
        Self(stream.io().seat(), stream.remote_addr().ip())
    }
}

impl Sitting {
    /// Part of an answer goes out, and more will follow: the client has its time anew to fetch it.
    pub(super) fn go_on(&self) {
        self.0.wait();
    }

    /// Has the connection end before another byte is sent over it.
    pub(super) fn hang_up(&self) {
        self.0.hang_up();
    }
}

/// Where a request has come from, unless no connection of this door has brought it.
pub(super) fn sitting(request: &Request) -> Option<Sitting> {
    request.extensions().get::<ConnectInfo<Sitting>>().map(|ConnectInfo(sitting)| sitting.clone())
}

/// The address that a request has come from, unless no connection of this door has brought it.
pub(super) fn from(request: &Request) -> Option<IpAddr> {
    request.extensions().get::<ConnectInfo<Sitting>>().map(|ConnectInfo(Sitting(_, address))| *address)
}

/// The connection of a request, whose client is not waited for until this is dropped.
pub(super) struct Attended(Option<Sitting>);

/// From now on it is the client's turn no longer.
pub(super) fn attended(request: &Request) -> Attended {
    let sitting = sitting(request);
    if let Some(Sitting(seat, _)) = &sitting {
        seat.occupy();
    }
    Attended(sitting)
}

impl Drop for Attended {
    fn drop(&mut self) {
        if let Some(Sitting(seat, _)) = &self.0 {
            seat.wait();
        }
    }
}
