//! The HTTP API of a node: requests in, calls of the store and of ingest, JSON out. Status codes live here and nowhere else. Absent:
//! rules, SQL, sending; and, so far, keys, which is why a node listens on loopback unless told otherwise.

mod api;
mod batch;
mod body;
mod guard;
mod problem;
mod request;
mod router;

pub use problem::Problem;
pub use router::router;

use std::sync::{Arc, OnceLock};

use crate::ingest::Ingest;
use crate::reload::{Keyring, Trigger};

/// What the API works with.
pub struct App {
    running: OnceLock<Running>,
    /// How the API behaves.
    pub options: Options,
}

/// How the API behaves.
#[derive(Debug, Default)]
pub struct Options {
    /// `webhookc dev`: the built-in receiver is there, and requests from other hosts' pages are refused.
    pub dev: bool,
    /// Asks for a reload.
    pub trigger: Option<Trigger>,
}

/// What there is only once a program is live.
pub struct Running {
    /// Takes saves in; knows the store and the program.
    pub ingest: Ingest,
    /// The keys that deliveries are signed with.
    pub keyring: Arc<Keyring>,
}

impl App {
    /// An API that answers 503 to everything that needs a program, until [`App::start`].
    #[must_use]
    pub fn new(options: Options) -> Arc<Self> {
        Arc::new(Self { running: OnceLock::new(), options })
    }

    /// Goes to work. Only the first call counts.
    pub fn start(&self, running: Running) {
        // A second program is swapped inside `Ingest::live`, never here.
        let _already = self.running.set(running);
    }

    fn running(&self) -> Result<&Running, Problem> {
        self.running.get().ok_or_else(Problem::not_ready)
    }
}

/// Answers requests until `stop` resolves, then finishes those under way.
///
/// # Errors
/// When the socket fails.
pub async fn serve(
    listener: tokio::net::TcpListener,
    app: Arc<App>,
    stop: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    axum::serve(listener, router(app)).with_graceful_shutdown(stop).await
}
