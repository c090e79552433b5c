//! A whole node, as `dev` and `serve` both run it: bind, open, compile, then the API, the worker and the reloader side by side until a
//! signal comes; then what is under way is finished.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use futures_util::future::join;
use ipnet::IpNet;
use tokio::net::TcpListener;
use tokio::sync::{Notify, watch};
use tokio::task::{JoinError, JoinHandle};

use super::failure::Failure;
use super::signals::{reload_on_hangup, signals, signals_while_seen};
use super::stored::unusable;
use super::vault::{key_of_store, vault};
use super::{brokers, descriptors};
use crate::activity::{Activity, Feed};
use crate::config::{self, Config, Overrides};
use crate::egress::Guard;
use crate::generation::Generation;
use crate::ingest::Ingest;
use crate::rekey::StoreKey;
use crate::reload::{Absent, Attempt, Files, Keyring, Rejected, Reloader, Setup, trigger};
use crate::resends;
use crate::retention;
use crate::server::{App, Inspector, Keychain, KeychainOptions, Options, Running, serve};
use crate::source;
use crate::store::{self, Store, StoreError};
use crate::time::{Clock, Entropy, SystemClock, SystemEntropy};
use crate::vault::Found;
use crate::worker::{Limits, Worker};

/// How long requests to the API may go on after a signal.
const LAST_ANSWERS: Duration = Duration::from_secs(5);
/// How long after a new program saves may still be committed that were read by the one before.
const LATE_SAVES: Duration = Duration::from_secs(10);
/// What `dev` opens to deliveries: this machine.
const LOOPBACK: [&str; 2] = ["127.0.0.0/8", "::1/128"];

/// How a node is to be.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) path: PathBuf,
    pub(super) overrides: Overrides,
    /// Whether this is `dev`: with the built-in receiver, loopback open to deliveries, missing secrets only warned of.
    pub(super) dev: bool,
    /// Whether an address that others can reach may be listened at.
    pub(super) open_to_others: bool,
    /// The store's file in the project folder when none is configured.
    pub(super) default_store: &'static str,
    /// How long after the first news of a change the files are read.
    pub(super) quiet: Duration,
    /// How long deliveries under way may go on after a signal.
    pub(super) drain: Duration,
}

/// A node with its files read and its address taken, not yet at work.
pub(super) struct Node {
    plan: Plan,
    listener: TcpListener,
    pub(super) address: SocketAddr,
    files: Files,
    config: Config,
    pub(super) feed: Feed,
    stop: watch::Receiver<bool>,
}

impl Node {
    /// Reads the configuration and takes the address.
    pub(super) async fn prepare(plan: Plan) -> Result<Self, Failure> {
        let paths = vec![plan.path.clone()];
        let config = aside(|| config::read(&paths, &plan.overrides).outcome)?.config;
        if !plan.open_to_others && !config.listen.ip().is_loopback() && (plan.dev || !asks_for_keys(&plan, &config).await?) {
            let what = format!("the API would be open to everybody who can reach `{}`, because it asks for no key", config.listen);
            let help = if plan.dev {
                "`webhookc dev` listens at `127.0.0.1` or `[::1]` only"
            } else {
                "make a key first with `webhookc keys create --all-tenants --permission '*'`, or accept it with `--insecure-no-auth`"
            };
            return Err(Failure::new(what).help(help));
        }
        let listener = TcpListener::bind(config.listen).await.map_err(|error| cannot_listen(config.listen, &error))?;
        let address = listener.local_addr().map_err(|error| cannot_listen(config.listen, &error))?;
        let files = Files { paths, overrides: plan.overrides.clone(), sink: plan.dev.then_some(address) };
        let feed = if plan.dev { Feed::remembering() } else { Feed::default() };
        // The endpoints are those of the program in force; kept here, they would be kept twice for as long as the node runs.
        let config = Config { endpoints: Vec::new(), ..config };
        let stop = if plan.dev { signals_while_seen()? } else { signals()? };
        Ok(Self { plan, listener, address, files, config, feed, stop })
    }

    /// The address as a URL.
    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Compiles for the first time.
    pub(super) fn attempt(&self) -> Attempt {
        aside(|| self.files.attempt())
    }

    /// Works until a signal comes. `ready` is called once, when the first program is live; `failed` when the first attempt makes none,
    /// which ends `serve` and makes `dev` wait for a better one.
    pub(super) async fn run(self, first: Attempt, ready: impl FnOnce(&[String]), failed: impl FnOnce(&[String])) -> Result<bool, Failure> {
        let Self { plan, listener, files, config, feed, mut stop, .. } = self;
        let (store, found) = open_store(&plan, &config).await?;
        // Before anything goes by it: a machine whose clock is ahead would remove what is to be kept.
        store.set_right(&SystemClock);
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy);
        let keyring: Arc<Keyring> = Keyring::new(store.clone(), Arc::clone(&entropy)).for_at_most(config.endpoints_per_tenant).into();
        let keychain = Keychain::new(store.clone(), Arc::clone(&clock), KeychainOptions { open: plan.dev, rate_limit: config.rate_limit });
        let keychain = Arc::new(keychain.await.map_err(|error| Failure::new(error.to_string()))?);
        let store_key = Arc::new(StoreKey::new(store.clone(), Arc::clone(&entropy), found));
        let (asking, requests) = trigger();
        let guard = guard(&plan, &config);
        let (swapped, rejected) = (Arc::new(Notify::new()), Rejected::default());
        let mut reloader = Reloader::new(Setup {
            files,
            keyring: Arc::clone(&keyring),
            absent: if plan.dev { Absent::LeftOut } else { Absent::Refused },
            guard: guard.clone(),
            quiet: plan.quiet,
            feed: feed.clone(),
            clock: Arc::clone(&clock),
            requests,
            swapped: Arc::clone(&swapped),
            rejected: Arc::clone(&rejected),
        });
        let (generation, report) = reloader.take(first).await;
        if generation.is_none() {
            failed(&report.lines);
            if !plan.dev {
                store.close().await;
                return Ok(false);
            }
        }
        let collecting = collect(&feed)?;
        let limits = limits(&plan, &config);
        // Whoever opens the API to others may be called by any name, unless he says by which.
        let any_name = !config.listen.ip().is_loopback() && config.hosts.is_empty();
        let app = App::new(Options {
            dev: plan.dev,
            dialects: config.dialects.clone(),
            inspector: Some(Inspector { feed: feed.clone(), process: clock.now().as_millisecond().unsigned_abs(), rejected }),
            trigger: Some(asking.clone()),
            hosts: (!any_name).then(|| config.hosts.clone()),
            connections: descriptors::connections(limits.in_flight),
            source: config.source.as_ref().map(|_| source::Standing::told(&feed).into()),
        });
        let (stop_api, mut api_stopped) = watch::channel(false);
        let api = tokio::spawn(serve(listener, Arc::clone(&app), async move { drop(api_stopped.wait_for(|stop| *stop).await) }));
        let hangups = tokio::spawn(reload_on_hangup(asking));

        let generation = if generation.is_some() {
            generation
        } else {
            tokio::select! {
                generation = reloader.until_good() => Some(generation),
                _ = stop.wait_for(|stop| *stop) => None,
            }
        };
        if let Some(generation) = generation {
            let egress = brokers::way_out(guard, &config).await?;
            let live = live(generation);
            let worker = Worker {
                store: store.clone(),
                egress: egress.clone(),
                live: Arc::clone(&live),
                clock: Arc::clone(&clock),
                entropy: Arc::clone(&entropy),
                feed: feed.clone(),
                limits,
            };
            let ingest = Ingest { store: store.clone(), live: Arc::clone(&live), clock: Arc::clone(&clock), entropy, feed: feed.clone() };
            keyring.load_tenants().await.map_err(|error| Failure::of("cannot take up the endpoints of tenants", &error))?;
            let keys_of_tenants = Arc::clone(&keyring);
            let reading = brokers::take_up(&config, &egress, &ingest, &stop);
            app.start(Running { ingest: ingest.clone(), keyring, keychain: Arc::clone(&keychain), egress, store_key: Some(store_key) });
            begun(&feed, &*clock, &swapped);
            let noting = Arc::clone(&keychain);
            let noting = tokio::spawn(async move { noting.note_uses().await });
            let forgetting = tokio::spawn(retention::run(store.clone(), config.retention, Arc::clone(&clock)));
            let resending = tokio::spawn(resends::run(store.clone(), Arc::clone(&clock)));
            let following = tokio::spawn(follow_source(&config, &app, ingest.clone()));
            let worker = tokio::spawn(join(worker.run(stopped(stop.clone())), reading));
            ready(&report.lines);
            tokio::select! {
                () = reloader.run(live) => {}
                () = reexamine(&ingest, &swapped) => {}
                () = follow_others(&store, &keychain, &keys_of_tenants) => {}
                _ = stop.wait_for(|stop| *stop) => {}
            }
            [following, resending, forgetting, noting].iter().for_each(JoinHandle::abort);
            // Whoever asks hears that the node is ending, and the built-in receiver of `dev` still answers what the worker is sending.
            app.drain();
            joined("the worker", worker.await);
        }
        hangups.abort();
        // Whoever watches is let go, or the API would never come to its end.
        feed.tell(clock.now(), Activity::Stopping);
        let _nobody = stop_api.send(true);
        last_answers(api).await;
        collected(collecting).await;
        keychain.note_uses_now().await;
        store.close().await;
        Ok(true)
    }
}

/// Ready when the node is to stop.
async fn stopped(mut stop: watch::Receiver<bool>) {
    drop(stop.wait_for(|stop| *stop).await);
}

/// The first program is at work.
fn begun(feed: &Feed, clock: &dyn Clock, swapped: &Notify) {
    feed.tell(clock.now(), Activity::Begun);
    // It may be another than that of the last process.
    swapped.notify_one();
}

/// Does what needs much memory for a moment on a thread of its own, with whose end the allocator gives back what is free by then.
fn aside<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    let ended = std::thread::scope(|scope| scope.spawn(work).join());
    ended.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// Decides what waits for a related object once more whenever another program is in force; for ever. And then again: a save that was under
/// way by the program before may have begun to wait meanwhile.
async fn reexamine(ingest: &Ingest, swapped: &Notify) {
    loop {
        swapped.notified().await;
        reexamine_once(ingest).await;
        while tokio::time::timeout(LATE_SAVES, swapped.notified()).await.is_ok() {
            reexamine_once(ingest).await;
        }
        reexamine_once(ingest).await;
    }
}

/// Takes up what other nodes of the store change, if there can be others: keys of the API, and endpoints that tenants make. For ever.
async fn follow_others(store: &Store, keychain: &Keychain, keyring: &Keyring) {
    let mut elsewhere = store.elsewhere();
    while elsewhere.changed().await.is_ok() {
        keychain.ask_anew().await;
        if let Err(error) = keyring.reload_tenants().await {
            tracing::error!(%error, "what another node has changed could not be taken up; it is tried again with the next change");
        }
    }
    std::future::pending::<()>().await;
}

/// Reads the database of `[source.postgres]`, if there is one. For ever.
fn follow_source(config: &Config, app: &App, ingest: Ingest) -> impl Future<Output = ()> + use<> {
    let source = config.source.clone().zip(app.options.source.clone());
    let folder = config.folder.clone();
    async move {
        if let Some((source, standing)) = source {
            source::run(source, folder, ingest, standing).await;
        }
    }
}

async fn reexamine_once(ingest: &Ingest) {
    match ingest.reexamine().await {
        Ok(0) => {}
        Ok(changed) => tracing::info!(changed, "webhooks that waited were decided by the new program"),
        Err(error) => tracing::error!(%error, "webhooks that wait could not be decided by the new program"),
    }
}

/// Waits for what the API still answers, not for long.
async fn last_answers<T>(api: JoinHandle<T>) {
    let abort = api.abort_handle();
    match tokio::time::timeout(LAST_ANSWERS, api).await {
        Ok(ended) => joined("the API", ended),
        Err(_) => abort.abort(),
    }
}

/// Sends spans to the collector that the environment names, if it names one.
#[cfg(feature = "otel")]
fn collect(feed: &Feed) -> Result<Option<JoinHandle<()>>, Failure> {
    let collector = crate::spans::Collector::of_environment(feed).map_err(|error| Failure::new(error.to_string()))?;
    Ok(collector.map(|collector| tokio::spawn(collector.run())))
}

/// Says that no spans are sent, if the environment asks for them.
#[cfg(not(feature = "otel"))]
#[expect(clippy::unnecessary_wraps, reason = "it can fail with the feature `otel`")]
fn collect(_: &Feed) -> Result<Option<JoinHandle<()>>, Failure> {
    if std::env::var_os("OTEL_EXPORTER_OTLP_ENDPOINT").is_some_and(|endpoint| !endpoint.is_empty()) {
        tracing::warn!("`OTEL_EXPORTER_OTLP_ENDPOINT` has no effect: this program was built without the feature `otel`");
    }
    Ok(None)
}

/// Waits until the last spans have left.
async fn collected(collecting: Option<JoinHandle<()>>) {
    if let Some(collecting) = collecting {
        joined("the sender of spans", collecting.await);
    }
}

fn live(generation: Generation) -> crate::generation::Live {
    Arc::new(ArcSwap::from_pointee(generation))
}

fn joined<T>(who: &str, ended: Result<T, JoinError>) {
    if let Err(error) = ended {
        tracing::error!(%error, "{who} ended badly");
    }
}

fn limits(plan: &Plan, config: &Config) -> Limits {
    let default = Limits::default();
    Limits { drain: plan.drain, in_flight: config.in_flight.unwrap_or(default.in_flight) }
}

fn guard(plan: &Plan, config: &Config) -> Guard {
    let mut networks = config.allow_networks.clone();
    if plan.dev {
        networks.extend(LOOPBACK.iter().filter_map(|network| network.parse::<IpNet>().ok()));
    }
    Guard::new(networks)
}

/// Whether the store has a key, so that the API asks for one.
async fn asks_for_keys(plan: &Plan, config: &Config) -> Result<bool, Failure> {
    let glance = store::glance(&config.store_url(plan.default_store)).await.map_err(|error| Failure::new(error.to_string()))?;
    Ok(glance.knows_keys)
}

async fn open_store(plan: &Plan, config: &Config) -> Result<(Store, Found), Failure> {
    let url = config.store_url(plan.default_store);
    let help = "choose another store with `--store sqlite:PATH` or `--store postgres://USER@HOST/DATABASE`";
    if config.store.is_none()
        && let Some(folder) = Path::new(plan.default_store).parent().filter(|folder| !folder.as_os_str().is_empty())
    {
        let folder = config.folder.join(folder);
        let kept_apart = || {
            std::fs::create_dir_all(&folder)?;
            // What a node keeps for itself does not belong into anybody's repository.
            std::fs::write(folder.join(".gitignore"), "*\n")
        };
        let failed = |error| Failure::of(&format!("cannot make the folder `{}`", folder.display()), &error).help(help);
        kept_apart().map_err(failed)?;
    }
    let found = key_of_store(config, &url).await?;
    if found.is_new && !plan.dev {
        tracing::info!(
            "the secrets in the store are encrypted with a new key in {}; keep a copy of it, apart from those of the store",
            found.source
        );
    }
    let failed = |error: StoreError| {
        let is_of_the_key = matches!(error, StoreError::WrongKey { .. });
        if is_of_the_key { unusable(&error) } else { Failure::new(error.to_string()).help(help) }
    };
    let store = Store::open_with(&url, vault(&found)).await.map_err(failed)?;
    Ok((store, found))
}

fn cannot_listen(address: SocketAddr, error: &std::io::Error) -> Failure {
    let taken = error.kind() == std::io::ErrorKind::AddrInUse;
    let why = if taken { "another process listens there".to_owned() } else { error.to_string() };
    let failure = Failure::new(format!("cannot listen at `{address}`: {why}"));
    if taken {
        let next = SocketAddr::new(address.ip(), address.port().checked_add(1).unwrap_or(7357));
        return failure.help(format!("stop it, or choose another address with `--listen {next}`"));
    }
    failure
}
