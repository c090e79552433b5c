//! A node on a store of its own: ingest and worker, started, stopped and killed. What it does goes by the time of the test.

use std::path::Path;
use std::sync::Arc;

use arc_swap::ArcSwap;
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use webhookc::activity::Feed;
use webhookc::compile::compile;
use webhookc::config::{Overrides, read};
use webhookc::egress::{Client, Guard};
use webhookc::generation::{Generation, Live};
use webhookc::ingest::Ingest;
use webhookc::reload::{Absent, Keyring, build};
use webhookc::store::Store;
use webhookc::time::{SeededEntropy, SystemEntropy};
use webhookc::vault::{Vault, VaultKey, VaultKeys};
use webhookc::worker::{Limits, Worker};

use crate::time::Time;

/// Every save of an asset fires, in the order of the object; `ready` fires once of each. Notes have no order.
const SCHEMA: &str = r#"<data-model>
  <model name="asset" label="Asset">
    <field name="name" label="Name" type="text"/>
    <field name="status" label="Status" type="single-choice"><option key="open">Open</option><option key="done">Done</option></field>
    <display>{name}</display>
    <webhook type="update" name="asset_saved" order="object"/>
    <webhook type="ready" name="asset_ready"><field name="status" equals="done"/></webhook>
  </model>
  <model name="note" label="Note">
    <field name="name" label="Name" type="text"/>
    <display>{name}</display>
    <webhook type="update" name="note_saved"/>
  </model>
</data-model>"#;

/// What stays when a node ends.
pub struct Place {
    pub folder: TempDir,
    pub time: Arc<Time>,
    pub seed: u64,
    pub limits: Limits,
}

pub struct Node {
    pub ingest: Ingest,
    worker: JoinHandle<()>,
    stop: oneshot::Sender<()>,
}

impl Place {
    /// With this `webhookc.toml`.
    pub fn new(toml: &str, time: Arc<Time>, seed: u64, limits: Limits) -> Self {
        let folder = folder();
        std::fs::write(folder.path().join("schema.xml"), SCHEMA).unwrap();
        std::fs::write(folder.path().join("webhookc.toml"), toml).unwrap();
        Self { folder, time, seed, limits }
    }

    /// Goes on with the files as they are at this moment: whatever a killed node still does to them is of no consequence.
    pub fn move_away(&mut self) {
        let copy = folder();
        for file in std::fs::read_dir(self.folder.path()).unwrap().map(Result::unwrap) {
            std::fs::copy(file.path(), copy.path().join(file.file_name())).unwrap();
        }
        self.folder = copy;
    }

    pub fn rows(&self) -> rusqlite::Connection {
        rusqlite::Connection::open(self.folder.path().join("w.db")).unwrap()
    }
}

/// In memory where that is possible: what a disk can do is the business of other tests.
fn folder() -> TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory).unwrap() } else { tempfile::tempdir().unwrap() }
}

impl Node {
    pub async fn start(place: &Place) -> Self {
        let vault = Vault::new(VaultKeys::of(VaultKey::from_bytes([7; 32])), Arc::new(SystemEntropy));
        let store = Store::open_with(&format!("sqlite:{}", place.folder.path().join("w.db").display()), vault).await.unwrap();
        let project = read(&[place.folder.path().to_owned()], &Overrides::default()).outcome.unwrap();
        let rules = compile(project.input).rules.unwrap();
        let keyring = Keyring::new(store.clone(), Arc::new(SystemEntropy));
        let (generation, warnings) = build(rules, &project.config, &keyring, 1, Absent::Refused).await.unwrap();
        assert!(warnings.is_empty(), "{warnings:?}");
        let live: Live = Arc::new(ArcSwap::from_pointee(generation));
        let (clock, entropy) = (Arc::clone(&place.time), Arc::new(SeededEntropy::new(place.seed)));
        let ingest =
            Ingest { store: store.clone(), live: Arc::clone(&live), clock: clock.clone(), entropy: entropy.clone(), feed: Feed::default() };
        let egress = Client::new(Guard::new(project.config.allow_networks)).unwrap();
        let worker = Worker { store, egress, live, clock, entropy, feed: Feed::default(), limits: place.limits };
        let (stop, stopped) = oneshot::channel::<()>();
        let worker = tokio::spawn(worker.run(async move { drop(stopped.await) }));
        Self { ingest, worker, stop }
    }

    pub fn store(&self) -> &Store {
        &self.ingest.store
    }

    /// Puts another generation in force, in which only these endpoints are called.
    pub fn call_only(&self, all: &Generation, called: impl Fn(&str) -> bool) {
        let targets = all.targets.iter().filter(|(_, target)| called(&target.name));
        let targets = targets.map(|(id, target)| (id.clone(), Arc::clone(target))).collect();
        let number = self.ingest.live.load().number + 1;
        self.ingest.live.store(Arc::new(Generation { number, targets, ..all.clone() }));
    }

    /// Asks the worker to end; `false` as long as it goes on.
    pub fn has_stopped(&mut self) -> bool {
        drop(std::mem::replace(&mut self.stop, oneshot::channel().0));
        self.worker.is_finished()
    }

    /// Nothing more is sent. What else goes on has to be left behind, see [`Place::move_away`].
    pub fn kill(&self) {
        self.worker.abort();
    }
}
