//! A node made of a project folder: ingest and worker on one store, without the API.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use jiff::Timestamp;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use webhookc::access::TenantScope;
use webhookc::activity::Feed;
use webhookc::compile::compile;
use webhookc::config::{Overrides, read};
use webhookc::egress::{Client, Guard};
use webhookc::engine::{Verb, parse_save};
use webhookc::ids::{DeliveryId, EndpointId, Tenant};
use webhookc::ingest::{Bell, Ingest};
use webhookc::reload::{Absent, Keyring, build};
use webhookc::store::{Alarm, DeliveryFilter, DeliveryRow, DeliveryState, Page, Store};
use webhookc::time::{SystemClock, SystemEntropy};
use webhookc::vault::{Vault, VaultKey, VaultKeys};
use webhookc::worker::{Limits, Worker};

const SCHEMA: &str = r#"<data-model>
  <model name="asset" label="Asset">
    <field name="name" label="Name" type="text"/>
    <display>{name}</display>
    <webhook type="update" name="asset_saved"/>
  </model>
</data-model>"#;

/// A folder with the schema and this `webhookc.toml`.
pub fn project(toml: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("schema.xml"), SCHEMA).unwrap();
    std::fs::write(folder.path().join("webhookc.toml"), toml).unwrap();
    folder
}

pub struct Node {
    pub tenant: TenantScope,
    folder: tempfile::TempDir,
    ingest: Ingest,
    stop: oneshot::Sender<()>,
    worker: JoinHandle<()>,
}

impl Node {
    pub async fn start(toml: &str) -> Self {
        Self::run(project(toml)).await
    }

    async fn run(folder: tempfile::TempDir) -> Self {
        let store = open(folder.path()).await;
        let project = read(&[folder.path().to_owned()], &Overrides::default()).outcome.unwrap();
        let rules = compile(project.input).rules.unwrap();
        let keyring = Keyring::new(store.clone(), Arc::new(SystemEntropy));
        let (generation, warnings) = build(rules, &project.config, &keyring, 1, Absent::Refused).await.unwrap();
        assert!(warnings.is_empty(), "{warnings:?}");
        let (clock, entropy) = (Arc::new(SystemClock), Arc::new(SystemEntropy));
        let live = Arc::new(ArcSwap::from_pointee(generation));
        let ingest =
            Ingest { store: store.clone(), live: Arc::clone(&live), clock: clock.clone(), entropy: entropy.clone(), feed: Feed::default() };
        let egress = Client::new(Guard::new(project.config.allow_networks)).unwrap();
        let limits = Limits { drain: Duration::from_millis(300), ..Limits::default() };
        let worker = Worker { store, egress, live, clock, entropy, feed: Feed::default(), limits };
        let (stop, stopped) = oneshot::channel::<()>();
        let worker = tokio::spawn(worker.run(async move { drop(stopped.await) }));
        Self { tenant: TenantScope::of_node(Tenant::new("default")), folder, ingest, stop, worker }
    }

    pub fn store(&self) -> &Store {
        &self.ingest.store
    }

    pub fn now(&self) -> Timestamp {
        self.ingest.clock.now()
    }

    /// Who is told about an endpoint.
    pub fn alarm(&self, endpoint: &str) -> Option<Arc<dyn Alarm>> {
        let (generation, entropy) = (self.ingest.generation(), Arc::clone(&self.ingest.entropy));
        Bell { generation, entropy, tenant: self.tenant.tenant().clone(), endpoint: EndpointId::new(endpoint), delivery: None }.alarm()
    }

    /// Saves an asset; its delivery to `erp`.
    pub async fn save(&self, id: &str) -> DeliveryId {
        let generation = self.ingest.generation();
        let save = parse_save(&generation.rules, "asset", id, Verb::Put, br#"{"name":"n"}"#).unwrap();
        self.ingest.save(&self.tenant, vec![save], &generation).await.unwrap();
        self.delivery_of("ep_erp", "asset_saved").await
    }

    /// The last delivery of an event to an endpoint.
    pub async fn delivery_of(&self, endpoint: &str, event: &str) -> DeliveryId {
        let (endpoint, event) = (Some(EndpointId::new(endpoint)), Some(event.to_owned()));
        let filter = DeliveryFilter { endpoint, event, ..DeliveryFilter::default() };
        self.store().deliveries(&self.tenant, &filter, &Page { before: None, limit: 1 }).await.unwrap()[0].id
    }

    pub async fn row(&self, id: DeliveryId) -> DeliveryRow {
        self.store().delivery(&self.tenant, id).await.unwrap().unwrap()
    }

    pub async fn wait_for(&self, id: DeliveryId, state: DeliveryState) -> DeliveryRow {
        let began = Instant::now();
        loop {
            let row = self.row(id).await;
            if row.state == state {
                return row;
            }
            assert!(began.elapsed() < Duration::from_secs(20), "not {state:?}: {row:?}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// The endpoints that something was made for, by name, and why they are suspended.
    pub async fn states(&self) -> Vec<(String, Option<String>)> {
        let mut states = self.store().endpoint_states(&self.tenant).await.unwrap();
        states.sort_by(|one, two| one.endpoint.cmp(&two.endpoint));
        states.into_iter().map(|state| (state.endpoint.to_string(), state.suspended.map(|(_, why)| why.into()))).collect()
    }

    pub async fn unsuspend(&self, endpoint: &str) -> bool {
        self.store().unsuspend(&self.tenant, &EndpointId::new(endpoint)).await.unwrap()
    }

    pub async fn restart(self) -> Self {
        Self::run(self.stop().await).await
    }

    /// The same node with another `webhookc.toml`.
    pub async fn restart_with(self, toml: &str) -> Self {
        let folder = self.stop().await;
        std::fs::write(folder.path().join("webhookc.toml"), toml).unwrap();
        Self::run(folder).await
    }

    /// How many deliveries there are.
    pub async fn count(&self) -> usize {
        let page = Page { before: None, limit: 1000 };
        self.store().deliveries(&self.tenant, &DeliveryFilter::default(), &page).await.unwrap().len()
    }

    pub async fn stop(self) -> tempfile::TempDir {
        drop(self.stop);
        self.worker.await.unwrap();
        self.ingest.store.close().await;
        self.folder
    }
}

async fn open(folder: &Path) -> Store {
    let vault = Vault::new(VaultKeys::of(VaultKey::from_bytes([7; 32])), Arc::new(SystemEntropy));
    Store::open_with(&format!("sqlite:{}", folder.join("w.db").display()), vault).await.unwrap()
}
