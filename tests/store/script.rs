//! A save job made of prepared steps, and a store in a temporary folder, or in a database of a private cluster.

#![allow(dead_code, reason = "each test binary uses a part of this")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use jiff::Timestamp;
use tempfile::TempDir;
use uuid::Uuid;
use webhookc::access::TenantScope;
use webhookc::ids::{DeliveryId, EndpointId, MessageId, Sequence, Tenant};
use webhookc::store::{Answer, Effects, JobStep, NewDelivery, NewMessage, ObjectChange, SaveJob, Store};
use webhookc::template::RenderedText;
use webhookc::time::SystemEntropy;
use webhookc::vault::{Vault, VaultKey, VaultKeys};

use crate::cluster::{Cluster, Disk};

/// 2026-01-01T00:00:00Z in milliseconds.
const NEW_YEAR: i64 = 1_767_225_600_000;

/// So many milliseconds after the start of the tests' time.
pub fn at(milliseconds: i64) -> Timestamp {
    Timestamp::from_millisecond(NEW_YEAR + milliseconds).unwrap()
}

pub fn tenant(name: &str) -> TenantScope {
    TenantScope::of_node(Tenant::new(name))
}

pub fn endpoint(name: &str) -> EndpointId {
    EndpointId::new(name)
}

/// A vault with the key of these bytes.
pub fn vault(key: u8) -> Vault {
    Vault::new(VaultKeys::of(VaultKey::from_bytes([key; 32])), Arc::new(SystemEntropy))
}

/// Which database the suite runs against.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Backend {
    Sqlite,
    Postgres,
}

/// A database of its own: a file in a folder, or one of the cluster's.
pub struct Place {
    pub folder: TempDir,
    database: Option<String>,
}

impl Place {
    pub fn new() -> Self {
        let database = (crate::BACKEND == Backend::Postgres).then(|| cluster().database("template_of_stores"));
        Self { folder: tempfile::tempdir().unwrap(), database }
    }

    pub fn url(&self) -> String {
        match &self.database {
            Some(database) => cluster().url(database),
            None => format!("sqlite:{}", self.folder.path().join("w.db").display()),
        }
    }

    pub async fn open(&self) -> Store {
        Store::open_with(&self.url(), vault(7)).await.unwrap()
    }

    /// Goes on when the server, if there is one, has seen that nobody is connected to the database any more.
    pub async fn wait_for_the_end(&self) {
        if let Some(database) = &self.database {
            let count = format!("SELECT count(*) FROM pg_stat_activity WHERE datname = '{database}' AND pid <> pg_backend_pid()");
            while cluster().psql("postgres", &count) != "0" {
                tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            }
        }
    }

    /// The name of its database, where it is one of a server.
    pub fn database(&self) -> String {
        self.database.clone().unwrap_or_default()
    }

    /// Another database with the same in it; nobody may be connected to this one.
    pub fn copy(&self) -> Self {
        Self { folder: tempfile::tempdir().unwrap(), database: Some(cluster().database(&self.database())) }
    }

    /// Does something to the rows behind the store's back; what it answers, where that is asked of a server.
    pub fn change(&self, sql: &str) -> String {
        if let Some(database) = &self.database {
            return cluster().psql(database, &format!("SET search_path = webhookc; {sql}"));
        }
        rusqlite::Connection::open(self.folder.path().join("w.db")).unwrap().execute_batch(sql).unwrap();
        String::new()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(database) = &self.database {
            cluster().forget(database);
        }
    }
}

/// The cluster of this process, with a database to copy in which there is a new store.
pub fn cluster() -> &'static Cluster {
    static CLUSTER: std::sync::OnceLock<Cluster> = std::sync::OnceLock::new();
    CLUSTER.get_or_init(|| {
        let cluster = Cluster::start(Disk::Careless);
        cluster.psql("postgres", "CREATE DATABASE template_of_stores");
        let url = cluster.url("template_of_stores");
        let make = move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async { Store::open(&url).await.unwrap().close().await });
        };
        std::thread::spawn(make).join().unwrap();
        cluster
    })
}

/// The socket of the server.
pub fn socket() -> std::path::PathBuf {
    cluster().socket()
}

/// Steps handed out one after another; keeps what it was told.
pub struct Script {
    tenant: Tenant,
    pub at: Timestamp,
    steps: std::vec::IntoIter<JobStep>,
    pub sequences: Vec<Sequence>,
    pub answers: Vec<Vec<Answer>>,
}

impl Script {
    pub fn new(tenant_name: &str, steps: Vec<JobStep>) -> Self {
        Self { tenant: Tenant::new(tenant_name), at: at(0), steps: steps.into_iter(), sequences: Vec::new(), answers: Vec::new() }
    }
}

impl SaveJob for Script {
    fn tenant(&self) -> &Tenant {
        &self.tenant
    }

    fn at(&self) -> Timestamp {
        self.at
    }

    fn step(&mut self, sequence: Sequence, answers: Vec<Answer>) -> JobStep {
        if !answers.is_empty() {
            self.answers.push(answers);
        }
        let step = self.steps.next().unwrap_or(JobStep::Done);
        if matches!(step, JobStep::Write(_)) {
            self.sequences.push(sequence);
        }
        step
    }
}

/// The effects of a plain save.
pub fn put(model: &str, object: &str, json: &str) -> Effects {
    Effects {
        at: at(0),
        model: model.into(),
        object: object.into(),
        change: ObjectChange::Put { updated_at: "2026-01-01T00:00:00Z".into(), json: json.into() },
        operation: "create",
        trace: format!("[\"{object}\"]"),
        table: None,
        other_traces: Vec::new(),
        marks: Vec::new(),
        waits: Vec::new(),
        ended_waits: Vec::new(),
        messages: Vec::new(),
        record: webhookc::store::Record::default(),
        taken: None,
    }
}

pub fn write(effects: Effects) -> JobStep {
    JobStep::Write(Box::new(effects))
}

fn id() -> Uuid {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    Uuid::from_u128(u128::from(NEXT.fetch_add(1, Ordering::Relaxed)) << 64)
}

/// A delivery to `endpoint` that is due at once.
pub fn delivery(endpoint_name: &str) -> NewDelivery {
    NewDelivery {
        endpoint: endpoint(endpoint_name),
        ordered: false,
        due: Ok(at(0)),
        method: "POST".into(),
        url: RenderedText::plain("https://a.example/x"),
        headers: Arc::from([("x-a".into(), RenderedText::plain("1"))]),
        body: None,
    }
}

/// A message about an object.
pub fn message(event: &str, model: &str, object: &str, deliveries: Vec<NewDelivery>) -> NewMessage {
    NewMessage {
        id: MessageId::new(id()),
        event: event.into(),
        model: model.into(),
        object: object.into(),
        operation: "create",
        payload: Bytes::from_static(b"{\"default\":1}"),
        deliveries,
    }
}

/// Saves an object whose one message has these deliveries; their ids.
pub async fn fire(store: &Store, tenant_name: &str, object: &str, deliveries: Vec<NewDelivery>) -> Vec<DeliveryId> {
    let message = message("asset_ready", "asset", object, deliveries);
    let ids = (0..).zip(&message.deliveries).map(|(ordinal, _)| DeliveryId::of(message.id, ordinal)).collect();
    let effects = Effects { messages: vec![message], ..put("asset", object, "{}") };
    store.save(Script::new(tenant_name, vec![write(effects)])).await.unwrap();
    ids
}
