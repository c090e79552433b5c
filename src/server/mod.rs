//! The HTTP API of a node: requests in, calls of the store and of ingest, JSON out. Status codes live here and nowhere else. Absent:
//! rules, SQL, sending.

mod access;
mod api;
mod batch;
mod body;
mod dialects;
mod confidential;
mod door;
mod entrance;
mod guard;
mod idempotency;
mod inspector;
mod openapi;
mod problem;
mod request;
mod router;
mod tenant_endpoints;
mod sink;

pub use access::{Keychain, KeychainOptions};
pub use inspector::Inspector;
pub use problem::Problem;
pub use router::router;

use std::sync::{Arc, OnceLock};

use axum::http::HeaderMap;
use tokio::sync::Semaphore;

use crate::access::{Caller, Gate};
use crate::config::Dialect;
use crate::egress::Client;
use crate::ingest::Ingest;
use crate::rekey::StoreKey;
use crate::reload::{Keyring, Trigger};
use crate::source::Standing;
use access::Place;
use api::health::Health;
use api::metrics::Counted;
use api::public_keys::PublicKeys;
use door::{Door, Sitting};
use inspector::Guesses;
use openapi::{Document, Known};
use sink::Sink;

/// Connections that the API has at once unless there are fewer file descriptors; an idle one takes up some 10 KiB.
pub const CONNECTIONS: usize = 16 * 1024;

/// What the API works with.
pub struct App {
    running: OnceLock<Running>,
    /// How the API behaves.
    pub options: Options,
    /// Bytes of bodies that may still be taken in.
    bodies: Arc<Semaphore>,
    /// The same of answers to batches.
    answers: Arc<Semaphore>,
    /// What the built-in receiver remembers.
    sink: Sink,
    /// Whether more may come.
    health: Health,
    /// What was due when it was last counted.
    counted: Counted,
    /// The public keys as they were last looked through.
    public_keys: PublicKeys,
    /// What the router is made of.
    routes: OnceLock<Vec<Known>>,
    /// What is said of it, from the first time that somebody asks.
    document: OnceLock<Document>,
    /// Keys that were tried in vain.
    guesses: Guesses,
}

/// How the API behaves.
#[derive(Debug)]
pub struct Options {
    /// `webhookc dev`: the built-in receiver is there.
    pub dev: bool,
    /// The APIs of other systems that are there besides this node's own.
    pub dialects: Vec<Dialect>,
    /// What the pages of the inspector need, where there is one.
    pub inspector: Option<Inspector>,
    /// Asks for a reload.
    pub trigger: Option<Trigger>,
    /// The names (without a port) besides those of this machine under which the API may be called; `None` for any name. Whatever they
    /// are, a page of another origin may not call it.
    pub hosts: Option<Vec<String>>,
    /// Connections at once, at least 1; beyond it, who keeps one waiting longest is closed.
    pub connections: usize,
    /// How the database stands that is read, where there is one.
    pub source: Option<Arc<Standing>>,
}

impl Default for Options {
    fn default() -> Self {
        let (hosts, connections) = (Some(Vec::new()), CONNECTIONS);
        Self { dev: false, dialects: Vec::new(), inspector: None, trigger: None, hosts, connections, source: None }
    }
}

/// What there is only once a program is live.
pub struct Running {
    /// Takes saves in; knows the store and the program.
    pub ingest: Ingest,
    /// The keys that deliveries are signed with.
    pub keyring: Arc<Keyring>,
    /// The keys of the API.
    pub keychain: Arc<Keychain>,
    /// The way out, for requests that somebody waits for.
    pub egress: Client,
    /// The key of the store's secrets, to be exchanged.
    pub store_key: Option<Arc<StoreKey>>,
}

impl App {
    /// An API that answers 503 to everything that needs a program, until [`App::start`].
    #[must_use]
    pub fn new(options: Options) -> Arc<Self> {
        Arc::new(Self {
            running: OnceLock::new(),
            options,
            bodies: body::memory(),
            answers: body::memory(),
            sink: Sink::default(),
            health: Health::default(),
            counted: Counted::default(),
            public_keys: PublicKeys::default(),
            routes: OnceLock::new(),
            document: OnceLock::new(),
            guesses: Guesses::default(),
        })
    }

    /// Goes to work. Only the first call counts.
    pub fn start(&self, running: Running) {
        // A second program is swapped inside `Ingest::live`, never here.
        let _already = self.running.set(running);
    }

    /// From now on nothing new is taken, and whoever asks whether the node is ready hears why it is not.
    pub fn drain(&self) {
        self.health.drain();
    }

    /// Who calls with these headers. Before a program is live only `dev` answers at all, and that asks for no key.
    async fn caller(&self, place: Place, headers: &HeaderMap) -> Result<Caller, Problem> {
        let token = place.token(headers)?;
        match (self.running.get(), place.session(headers)) {
            (Some(running), Some(session)) if token.is_none() => running.keychain.check_session(&session).await,
            (Some(running), _) => running.keychain.check(token.as_ref()).await,
            (None, _) if self.options.dev => Ok(Caller::anybody(Gate::Open)?),
            (None, _) => Err(Problem::not_ready()),
        }
    }

    /// The router is made of this.
    fn consists_of(&self, routes: Vec<Known>) {
        // Another router of the same node is made of the same.
        let _already = self.routes.set(routes);
    }

    /// The API's description. It takes two megabytes while it is made, which most nodes are never asked for.
    fn document(&self) -> Result<&Document, Problem> {
        let routes = self.routes.get().ok_or_else(Problem::not_ready)?;
        Ok(self.document.get_or_init(|| Document::of(routes, api::described().into_iter().chain(openapi::described()))))
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
    let door = Door::new(listener, app.options.connections);
    let service = router(app).into_make_service_with_connect_info::<Sitting>();
    axum::serve(door, service).with_graceful_shutdown(stop).await
}
