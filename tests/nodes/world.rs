//! A private database, a receiver, and folders of projects whose nodes work on that database.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use axum::extract::State;
use axum::http::{StatusCode, Uri};
use bytes::Bytes;
use serde_json::Value;

use crate::cluster::{Cluster, Disk};
use crate::node::Node;

/// How long anything may take before it counts as stuck.
pub const PATIENCE: Duration = Duration::from_secs(40);

/// A data model whose webhook sends the field `name`.
pub const SCHEMA: &str = r#"<data-model>
    <model name="part" label="Part">
        <field name="name" label="Name" type="text" />
        <display>{name}</display>
        <webhook type="update" name="changed" order="object"><field name="name" /></webhook>
    </model>
</data-model>"#;

/// What came: by path, the bodies in their order.
pub type Came = Arc<Mutex<BTreeMap<String, Vec<Value>>>>;

/// A database with a receiver for what is sent from it.
pub struct World {
    pub database: String,
    pub receiver: String,
    pub came: Came,
    folder: tempfile::TempDir,
}

/// The cluster that the tests share which do it no harm. It goes with the process.
pub fn cluster() -> &'static Cluster {
    static SHARED: OnceLock<Cluster> = OnceLock::new();
    SHARED.get_or_init(|| Cluster::start(Disk::Careless))
}

async fn receive(State(came): State<Came>, uri: Uri, body: Bytes) -> StatusCode {
    let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
    came.lock().unwrap().entry(uri.path().to_owned()).or_default().push(body);
    StatusCode::NO_CONTENT
}

impl World {
    /// A new database of the shared cluster.
    pub async fn new() -> Self {
        Self::at(cluster().url(&cluster().database("template1"))).await
    }

    /// A database that is reached by this URL.
    pub async fn at(database: String) -> Self {
        let came = Came::default();
        let app = axum::Router::new().fallback(receive).with_state(Arc::clone(&came));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let receiver = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { database, receiver, came, folder: tempfile::tempdir().unwrap() }
    }

    /// The name of the database.
    pub fn name(&self) -> String {
        let url = self.database.split('?').next().unwrap();
        url.rsplit('/').next().unwrap().to_owned()
    }

    /// A folder with this schema and what is said of the endpoints besides.
    pub fn project(&self, name: &str, schema: &str, endpoints: &str) -> PathBuf {
        let folder = self.folder.path().join(name);
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("schema.xml"), schema).unwrap();
        let toml = format!("[egress]\nallow_networks = [\"127.0.0.0/8\"]\n{endpoints}");
        std::fs::write(folder.join("webhookc.toml"), toml).unwrap();
        folder
    }

    /// An endpoint that takes everything, at a path of the receiver.
    pub fn endpoint(&self, name: &str) -> String {
        format!(
            "[[endpoints]]\nname = \"{name}\"\nevents = [\"*\"]\nurl = \"{}/{name}\"
[endpoints.failure_handling]\nretry = {{ pattern = \"linear\", interval = \"1s\", max_attempts = 20 }}\n",
            self.receiver
        )
    }

    /// How a node of this project is started.
    pub fn command(&self, folder: &Path) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_webhookc"));
        command.args(["serve", "--listen", "127.0.0.1:0", "--store", &self.database]);
        command.current_dir(folder).env("WEBHOOKC_KEY", "07".repeat(32));
        command
    }

    /// A node of this project.
    pub fn node(&self, folder: &Path) -> Node {
        Node::launch(self.command(folder))
    }

    /// How many requests came at a path.
    pub fn count(&self, path: &str) -> usize {
        self.came.lock().unwrap().get(path).map_or(0, Vec::len)
    }

    /// The names that the objects had in what came at a path.
    pub fn names(&self, path: &str) -> Vec<String> {
        let came = self.came.lock().unwrap();
        came.get(path).into_iter().flatten().map(|body| body["object"]["name"].as_str().unwrap_or_default().to_owned()).collect()
    }
}

/// Saves an object through a node: the status, and what was answered.
pub async fn save(node: &Node, id: &str, fields: &str) -> (u16, String) {
    let answer = http().put(node.object("part", id)).body(fields.to_owned()).send().await;
    match answer {
        Ok(answer) => (answer.status().as_u16(), answer.text().await.unwrap_or_default()),
        Err(error) => (0, error.to_string()),
    }
}

/// Saves an object, which has to be taken.
pub async fn saved(node: &Node, id: &str, fields: &str) {
    let (status, text) = save(node, id, fields).await;
    assert!(matches!(status, 200 | 201), "{status} {text}\n{}", node.said());
}

/// A plain client.
pub fn http() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().timeout(Duration::from_mins(1)).build().unwrap()
}

/// Waits until something is so.
pub async fn until(what: &str, mut so: impl AsyncFnMut() -> bool) {
    let began = Instant::now();
    while !so().await {
        assert!(began.elapsed() < PATIENCE, "never: {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
