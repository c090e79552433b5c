//! A database that is read as it changes: a private cluster, the real binary, a real receiver. What is committed there arrives once, in
//! order, also when the reader is killed.
//!
//! `SOURCE_SECONDS` is how long `pgbench` writes (5 if nothing is said).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

#[path = "../support/cluster.rs"]
mod cluster;
#[path = "../process/node.rs"]
#[allow(dead_code, reason = "each test binary uses a part of this")]
mod node;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use bytes::Bytes;
use serde_json::{Value, json};

use cluster::{Cluster, Disk};
use node::Node;

/// How long it may take until everything has come.
const PATIENCE: Duration = Duration::from_mins(3);

/// The bodies that came, by the id of the message.
type Received = Arc<Mutex<BTreeMap<String, Value>>>;

async fn receive(State(received): State<Received>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let id = headers["webhook-id"].to_str().unwrap().to_owned();
    received.lock().unwrap().insert(id, serde_json::from_slice(&body).unwrap());
    StatusCode::NO_CONTENT
}

async fn receiver() -> (String, Received) {
    let received = Received::default();
    let app = axum::Router::new().fallback(receive).with_state(Arc::clone(&received));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    (url, received)
}

/// A cluster whose log can be read.
fn logical() -> Cluster {
    let cluster = Cluster::start(Disk::Careless);
    cluster.psql("postgres", "ALTER SYSTEM SET wal_level = logical");
    let rules = "local all reader scram-sha-256\nlocal all all trust\n";
    fs::write(cluster.folder().join("data/pg_hba.conf"), rules).unwrap();
    cluster.pg_ctl(&["-w", "-s", "-m", "fast", "restart"]);
    cluster.psql("postgres", "CREATE ROLE reader SUPERUSER LOGIN PASSWORD 'geheim'");
    cluster
}

/// `[source.postgres]` of it, for a role that is asked for its password.
fn source(cluster: &Cluster) -> String {
    let url = cluster.url("postgres").replacen("webhookc@", "reader:geheim@", 1);
    format!("[source.postgres]\nurl = \"{url}\"\n")
}

fn project(folder: &Path, schema: &str, source: &str, url: &str) {
    fs::write(folder.join("schema.xml"), schema).unwrap();
    let toml =
        format!("[egress]\nallow_networks = [\"127.0.0.0/8\"]\n[[endpoints]]\nname = \"all\"\nevents = [\"*\"]\nurl = \"{url}\"\n{source}");
    fs::write(folder.join("webhookc.toml"), toml).unwrap();
}

fn webhookc(folder: &Path, arguments: &[&str]) -> (bool, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_webhookc")).args(arguments).current_dir(folder).env("NO_COLOR", "1").output().unwrap();
    (output.status.success(), String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
}

fn serve(folder: &Path) -> Node {
    Node::start(folder, &["serve", "--listen", "127.0.0.1:0"])
}

/// Waits until so many messages have come, and for a moment longer in case there are more.
async fn wait(received: &Received, count: usize, node: &Node) -> Vec<Value> {
    let began = Instant::now();
    while received.lock().unwrap().len() < count {
        let came = received.lock().unwrap().len();
        assert!(began.elapsed() < PATIENCE, "{came} of {count} came; {}", node.said());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    let mut all: Vec<Value> = received.lock().unwrap().values().cloned().collect();
    all.sort_by_key(|body| body["sequence"].as_i64());
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn inserts_updates_and_deletes_are_saves_with_what_was_before() {
    const SCHEMA: &str = r#"<data-model>
    <model name="orders" label="Order">
        <field name="name" label="Name" type="text" />
        <field name="note" label="Note" type="text" />
        <field name="total" label="Total" type="number" />
        <field name="open" label="Open" type="boolean" />
        <field name="placed" label="Placed" type="datetime" />
        <field name="tags" label="Tags" type="multiple-choice"><option key="a">A</option><option key="b">B</option></field>
        <display>{name}</display>
        <webhook type="update" name="any" on="create update delete" order="object"><request url="http://127.0.0.1:1/"/></webhook>
    </model>
</data-model>"#;
    let cluster = logical();
    cluster.psql(
        "postgres",
        "CREATE TABLE orders (id int PRIMARY KEY, name text, note text, total numeric(8,2), open boolean, placed timestamptz, tags text[]);
         ALTER TABLE orders ALTER note SET STORAGE EXTERNAL",
    );
    let (url, received) = receiver().await;
    let folder = tempfile::tempdir().unwrap();
    let schema = SCHEMA.replace("<request url=\"http://127.0.0.1:1/\"/>", "");
    project(folder.path(), &schema, &source(&cluster), &url);
    let (made, said) = webhookc(folder.path(), &["source", "init"]);
    assert!(made && said.contains("made the slot `webhookc`"), "{said}");
    let node = serve(folder.path());
    cluster.psql(
        "postgres",
        "BEGIN;
         INSERT INTO orders VALUES (1, 'one', repeat('x', 9000), 12.50, true, '2026-01-31 10:30:00+01', '{a,b}');
         UPDATE orders SET name = 'uno' WHERE id = 1;
         COMMIT;
         UPDATE orders SET id = 2 WHERE id = 1;
         DELETE FROM orders WHERE id = 2;
         INSERT INTO orders VALUES (3, 'three');
         TRUNCATE orders",
    );
    let came = wait(&received, 7, &node).await;
    let told: Vec<(&str, &str, Value)> = came
        .iter()
        .map(|body| (body["operation"].as_str().unwrap(), body["object"]["id"].as_str().unwrap(), body["object"]["name"].clone()))
        .collect();
    let expected = [
        ("create", "1", json!("one")),
        ("update", "1", json!("uno")),
        ("create", "2", json!("uno")),
        ("delete", "1", json!("uno")),
        ("delete", "2", json!("uno")),
        ("create", "3", json!("three")),
        ("delete", "3", json!("three")),
    ];
    assert_eq!(told, expected);
    for body in &came[..5] {
        let object = &body["object"];
        assert_eq!(object["note"].as_str().unwrap().len(), 9000, "what was not told again is as it was: {object}");
        assert_eq!((&object["total"], &object["open"]), (&json!(12.5), &json!(true)));
        assert_eq!((&object["placed"], &object["tags"]), (&json!("2026-01-31T09:30:00Z"), &json!(["a", "b"])));
    }
    drop(node);
    let (gone, said) = webhookc(folder.path(), &["source", "drop"]);
    assert!(gone && said.contains("removed the slot `webhookc`"), "{said}");
}

/// What `pgbench` writes: few accounts, so that each has many versions; each version has more than the one before.
const SCRIPT: &str = "\\set aid random(1, 300)
\\set delta random(1, 5000)
BEGIN;
UPDATE pgbench_accounts SET abalance = abalance + :delta WHERE aid = :aid;
INSERT INTO pgbench_history (tid, bid, aid, delta, mtime) VALUES (1, 1, :aid, :delta, CURRENT_TIMESTAMP);
END;
";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_pgbench_commits_arrives_once_although_the_reader_is_killed_twice() {
    const SCHEMA: &str = r#"<data-model>
    <model name="pgbench_accounts" label="Account">
        <field name="bid" label="Branch" type="integer" />
        <field name="abalance" label="Balance" type="integer" />
        <display>{abalance}</display>
        <webhook type="update" name="moved" order="object"><field name="abalance" /></webhook>
        <webhook type="ready" name="seen"><field name="abalance" /></webhook>
    </model>
</data-model>"#;
    let seconds: u64 = std::env::var("SOURCE_SECONDS").map_or(5, |text| text.parse().unwrap());
    let cluster = logical();
    let host = cluster.url("postgres").rsplit_once("host=").unwrap().1.to_owned();
    let pgbench = |arguments: &[&str]| {
        let mut command = Command::new(cluster::binaries().join("pgbench"));
        command.args(["-h", &host, "-U", "webhookc"]).args(arguments).arg("postgres").stdout(Stdio::null()).stderr(Stdio::null());
        command
    };
    assert!(pgbench(&["-i", "-q", "-s", "1"]).status().unwrap().success());
    let (url, received) = receiver().await;
    let folder = tempfile::tempdir().unwrap();
    project(folder.path(), SCHEMA, &source(&cluster), &url);
    let (made, said) = webhookc(folder.path(), &["source", "init"]);
    assert!(made, "{said}");
    let mut node = serve(folder.path());
    let time = seconds.to_string();
    let script = folder.path().join("script.sql");
    fs::write(&script, SCRIPT).unwrap();
    let mut writing = pgbench(&["-n", "-c", "2", "-R", "150", "-T", &time, "-f", script.to_str().unwrap()]).spawn().unwrap();
    for _ in 0..2 {
        tokio::time::sleep(Duration::from_millis(seconds * 1_000 / 3)).await;
        node.kill();
        node = serve(folder.path());
    }
    assert!(writing.wait().unwrap().success());
    let number = |sql: &str| cluster.psql("postgres", sql).parse::<usize>().unwrap();
    let (versions, accounts) = (number("SELECT count(*) FROM pgbench_history"), number("SELECT count(DISTINCT aid) FROM pgbench_history"));
    assert!(versions > accounts && accounts > 0, "{versions} of {accounts}");
    let came = wait(&received, versions + accounts, &node).await;

    let (moved, seen): (Vec<_>, Vec<_>) = came.iter().partition(|body| body["event"] == "moved");
    assert_eq!((moved.len(), seen.len()), (versions, accounts));
    let once: BTreeSet<&str> = seen.iter().map(|body| body["object"]["id"].as_str().unwrap()).collect();
    assert_eq!(once.len(), accounts, "`ready` is once");
    // Each account: as many versions as were committed, in order, each the one before and what was added to it.
    let mut balances: BTreeMap<String, Vec<i64>> = BTreeMap::new();
    for body in moved {
        let object = &body["object"];
        balances.entry(object["id"].as_str().unwrap().to_owned()).or_default().push(object["abalance"].as_i64().unwrap());
    }
    let history = cluster.psql("postgres", "SELECT aid || ':' || string_agg(delta::text, ',') FROM pgbench_history GROUP BY aid");
    for line in history.lines() {
        let (account, deltas) = line.split_once(':').unwrap();
        let mut deltas: Vec<i64> = deltas.split(',').map(|delta| delta.parse().unwrap()).collect();
        let mut before = 0;
        let mut told: Vec<i64> = balances[account].iter().map(|balance| balance - std::mem::replace(&mut before, *balance)).collect();
        deltas.sort_unstable();
        told.sort_unstable();
        assert_eq!(told, deltas, "{account}");
    }
}
