//! A database of a cluster whose log can be read, a project that reads it, and a receiver.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use bytes::Bytes;
use serde_json::Value;
use tempfile::TempDir;

use crate::cluster::{Cluster, Disk};
use crate::node::{Node, send};

/// How long it may take until everything has come.
pub const PATIENCE: Duration = Duration::from_mins(3);

/// A model of which everything is told, in order.
pub const ORDERS: &str = r#"<data-model>
    <model name="orders" label="Order">
        <field name="name" label="Name" type="text" />
        <display>{name}</display>
        <webhook type="update" name="any" on="create update delete" order="object" />
    </model>
</data-model>"#;

/// The bodies that came, by the id of the message.
pub type Received = Arc<Mutex<BTreeMap<String, Value>>>;

/// A database, the project that reads it, and what has come of it.
pub struct World {
    pub database: String,
    pub folder: TempDir,
    pub received: Received,
    pub cluster: Arc<Cluster>,
    /// By which the project reaches the database: a role that is asked for its password.
    pub database_url: String,
    url: String,
}

/// The cluster of all tests.
pub fn cluster() -> &'static Arc<Cluster> {
    static CLUSTER: OnceLock<Arc<Cluster>> = OnceLock::new();
    CLUSTER.get_or_init(|| Arc::new(logical()))
}

/// A cluster whose log can be read.
pub fn logical() -> Cluster {
    let cluster = Cluster::start(Disk::Careless);
    for setting in ["wal_level = logical", "max_replication_slots = 40", "max_wal_senders = 40", "max_prepared_transactions = 10"] {
        cluster.psql("postgres", &format!("ALTER SYSTEM SET {setting}"));
    }
    let rules = "local all reader scram-sha-256\nlocal all all trust\nlocal replication all trust\n";
    fs::write(cluster.folder().join("data/pg_hba.conf"), rules).unwrap();
    cluster.pg_ctl(&["-w", "-s", "-m", "fast", "restart"]);
    cluster.psql("postgres", "CREATE ROLE reader SUPERUSER LOGIN PASSWORD 'geheim'");
    cluster
}

async fn receive(State(received): State<Received>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let id = headers["webhook-id"].to_str().unwrap().to_owned();
    received.lock().unwrap().insert(id, serde_json::from_slice(&body).unwrap());
    StatusCode::NO_CONTENT
}

/// A receiver, and what has come to it.
pub async fn receiver() -> (String, Received) {
    let received = Received::default();
    let app = axum::Router::new().fallback(receive).with_state(Arc::clone(&received));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    (url, received)
}

impl World {
    /// A new database with these tables, and a project with this schema that reads it.
    pub async fn new(schema: &str, tables: &str) -> Self {
        Self::on(cluster(), schema, tables).await
    }

    /// The same in a cluster that is not everybody's.
    pub async fn on(cluster: &Arc<Cluster>, schema: &str, tables: &str) -> Self {
        let database = cluster.database("template1");
        cluster.psql(&database, tables);
        let (url, received) = receiver().await;
        let database_url = cluster.url(&database).replacen("webhookc@", "reader:geheim@", 1);
        let folder = tempfile::tempdir().unwrap();
        let world = Self { database, folder, received, cluster: Arc::clone(cluster), database_url, url };
        world.schema(schema);
        world.project("");
        world
    }

    /// Writes the schema.
    pub fn schema(&self, text: &str) {
        fs::write(self.folder.path().join("schema.xml"), text).unwrap();
    }

    /// Writes the configuration, with more about the source.
    pub fn project(&self, more: &str) {
        let (url, toml) = (&self.url, self.source());
        let toml = format!(
            "[egress]\nallow_networks = [\"127.0.0.0/8\"]\n[[endpoints]]\nname = \"all\"\nevents = [\"*\"]\nurl = \"{url}\"\n{toml}{more}"
        );
        fs::write(self.folder.path().join("webhookc.toml"), toml).unwrap();
    }

    /// `[source.postgres]`, for a role that is asked for its password.
    fn source(&self) -> String {
        let url = &self.database_url;
        format!("[source.postgres]\nurl = \"{url}\"\nslot = \"{0}\"\npublication = \"{0}\"\n", self.database)
    }

    pub fn sql(&self, sql: &str) -> String {
        self.cluster.psql(&self.database, sql)
    }

    /// Runs the binary in the project: whether it went well, and what it said.
    pub fn webhookc(&self, arguments: &[&str]) -> (bool, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_webhookc"));
        let output = command.args(arguments).current_dir(self.folder.path()).env("NO_COLOR", "1").output().unwrap();
        (output.status.success(), String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
    }

    /// `webhookc source init`.
    pub fn init(&self) {
        let (made, said) = self.webhookc(&["source", "init"]);
        assert!(made && said.contains(&format!("made the slot `{}`", self.database)), "{said}");
    }

    pub fn serve(&self) -> Node {
        self.serve_with(&[])
    }

    /// Where the slot is read up to.
    pub fn confirmed(&self) -> String {
        self.sql(&format!("SELECT confirmed_flush_lsn FROM pg_replication_slots WHERE slot_name = '{}'", self.database))
    }

    pub fn serve_with(&self, more: &[&str]) -> Node {
        Node::start(self.folder.path(), &[&["serve", "--listen", "127.0.0.1:0"], more].concat())
    }

    /// Waits until so many messages have come, and for a moment longer in case there are more: all, in order.
    pub async fn wait(&self, count: usize, node: &Node) -> Vec<Value> {
        let began = Instant::now();
        while self.received.lock().unwrap().len() < count {
            let came = self.received.lock().unwrap().len();
            assert!(began.elapsed() < PATIENCE, "{came} of {count} came; {}", node.said());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
        let mut all: Vec<Value> = self.received.lock().unwrap().values().cloned().collect();
        all.sort_by_cached_key(|body| (body["sequence"].as_i64(), body["event"].as_str().map(str::to_owned)));
        all
    }

    /// Waits until exactly so many have come: the ids of their objects.
    pub async fn ids(&self, count: usize, node: &Node) -> Vec<String> {
        let came = self.wait(count, node).await;
        assert_eq!(came.len(), count, "{came:#?}");
        came.iter().map(|body| body["object"]["id"].as_str().unwrap().to_owned()).collect()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        // Slots are few.
        drop(self.cluster.try_psql(
            &self.database,
            "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE database = current_database() AND NOT active",
        ));
    }
}

/// Waits until the source says that it stands still because of all of this.
pub fn stands_still(node: &mut Node, why: &[&str]) {
    node.wait_for_new_line(&why.join(", "), |line| line.contains("stands still") && why.iter().all(|part| line.contains(part)));
}

/// A whole number that the node counts or measures.
pub async fn metric(node: &Node, name: &str) -> u64 {
    let (_, text) = send("GET", &format!("{}/metrics", node.url), "").await;
    let text = text.as_str().unwrap();
    let line = text.lines().find(|line| line.starts_with(&format!("{name} "))).unwrap_or_else(|| panic!("{name}: {text}"));
    line.rsplit_once(' ').unwrap().1.parse().unwrap()
}
