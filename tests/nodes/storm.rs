//! Three nodes on one PostgreSQL database, and one on an SQLite file, as processes, under saves to all of them and with a receiver that fails
//! one request in twenty: killed, paused and continued at random, while their server crashes now and then. Every acknowledged save is delivered, `ready` is once, an object's requests come in order, and
//! what comes twice was in flight.
//!
//! `NODES_SAVES` is how many saves there are (3,000 if nothing is said), `NODES_BLOWS` how often a node is killed or paused.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use bytes::Bytes;
use rustix::process::Signal;
use webhookc::time::{Entropy as _, SeededEntropy};

use crate::cluster::{Cluster, Disk};
use crate::node::Node;

/// Nodes on PostgreSQL.
const NODES: usize = 3;
/// Clients that save at the same time, each its own objects.
const CLIENTS: usize = 12;
/// How often each object is saved.
const SAVES_OF_OBJECT: usize = 10;
/// Requests that each of the three endpoints may have under way, on all nodes together.
const CONCURRENCY: usize = 24;
/// One request in so many is answered with 500.
const FAILS: usize = 20;
/// How long it may take until everything has come, after the last blow.
const PATIENCE: Duration = Duration::from_mins(2);

const SCHEMA: &str = r#"<data-model>
    <model name="part" label="Part">
        <field name="name" label="Name" type="text" />
        <field name="done" label="Done" type="text" />
        <display>{name}</display>
        <webhook type="update" name="changed" order="object"><field name="name" /></webhook>
        <webhook type="update" name="seen"><field name="name" /></webhook>
        <webhook type="ready" name="finished"><field name="done" /></webhook>
    </model>
</data-model>"#;

/// A request as it came.
struct Came {
    path: String,
    id: String,
    object: String,
    number: usize,
    sequence: i64,
}

#[derive(Default)]
struct Received {
    all: Mutex<Vec<Came>>,
    count: AtomicUsize,
    failed: AtomicUsize,
    under_way: Mutex<BTreeMap<String, usize>>,
    most: Mutex<BTreeMap<String, usize>>,
}

/// A request under way, also when its node goes away.
struct UnderWay(Arc<Received>, String);

impl UnderWay {
    fn begin(received: &Arc<Received>, path: &str) -> Self {
        let count = {
            let mut under_way = received.under_way.lock().unwrap();
            let count = under_way.entry(path.to_owned()).or_default();
            *count += 1;
            *count
        };
        let mut most = received.most.lock().unwrap();
        let most = most.entry(path.to_owned()).or_default();
        *most = count.max(*most);
        Self(Arc::clone(received), path.to_owned())
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        *self.0.under_way.lock().unwrap().get_mut(&self.1).unwrap() -= 1;
    }
}

async fn receive(State(received): State<Arc<Received>>, uri: Uri, headers: HeaderMap, body: Bytes) -> StatusCode {
    let path = uri.path().to_owned();
    let under_way = UnderWay::begin(&received, &path);
    tokio::time::sleep(Duration::from_millis(2)).await;
    let json: serde_json::Value = serde_json::from_slice(&body).unwrap();
    let text = |name: &str| json["object"][name].as_str().unwrap_or_default().to_owned();
    let came = Came {
        path: path.clone(),
        id: headers["webhook-id"].to_str().unwrap().to_owned(),
        object: text("id"),
        number: text("name").parse().unwrap(),
        sequence: json["sequence"].as_i64().unwrap(),
    };
    received.all.lock().unwrap().push(came);
    drop(under_way);
    if received.count.fetch_add(1, Ordering::Relaxed) % FAILS == FAILS - 1 {
        received.failed.fetch_add(1, Ordering::Relaxed);
        return StatusCode::INTERNAL_SERVER_ERROR;
    }
    StatusCode::NO_CONTENT
}

async fn receiver() -> (String, Arc<Received>) {
    let received = Arc::new(Received::default());
    let app = axum::Router::new().fallback(receive).with_state(Arc::clone(&received));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    (url, received)
}

/// The addresses of the nodes at present.
type Addresses = Arc<Mutex<Vec<String>>>;

fn number(name: &str, default: usize) -> usize {
    std::env::var(name).ok().map_or(default, |text| text.parse().unwrap())
}

/// What the secrets of the store are encrypted with.
fn key() -> String {
    "07".repeat(32)
}

fn start(folder: &Path) -> Node {
    let mut command = Command::new(env!("CARGO_BIN_EXE_webhookc"));
    command.args(["serve", "--listen", "127.0.0.1:0"]).current_dir(folder).env("WEBHOOKC_KEY", key());
    Node::launch(command)
}

/// Saves its objects one after the other, each save until some node acknowledges it.
async fn client(addresses: Addresses, name: usize, objects: usize) -> BTreeSet<(String, usize)> {
    let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(4)).build().unwrap();
    let mut acknowledged = BTreeSet::new();
    let mut turn = name;
    for number in 0..SAVES_OF_OBJECT {
        for object in 0..objects {
            let id = format!("c{name}o{object}");
            let began = Instant::now();
            loop {
                turn += 1;
                let base = {
                    let addresses = addresses.lock().unwrap();
                    addresses[turn % addresses.len()].clone()
                };
                let request = http.put(format!("{base}/api/v1/tenants/default/objects/part/{id}"));
                match request.body(format!(r#"{{"name": "{number}", "done": "yes"}}"#)).send().await {
                    Ok(answer) if answer.status().is_success() => break,
                    Ok(answer) => assert!(answer.status().is_server_error(), "{}: {}", answer.status(), answer.text().await.unwrap()),
                    Err(_) => {}
                }
                assert!(began.elapsed() < PATIENCE, "no node takes a save");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            acknowledged.insert((id, number));
        }
    }
    acknowledged
}

/// Kills and pauses nodes at random, one at a time, and now and then their server.
async fn blows(nodes: &mut [Node], (addresses, kept): (&Addresses, &Kept), folder: &Path, (seed, count): (u64, usize)) {
    let random = SeededEntropy::new(seed);
    let below = |bound: u64| {
        let mut bytes = [0; 8];
        random.fill(&mut bytes);
        u64::from_le_bytes(bytes) % bound
    };
    for blow in 0..count {
        tokio::time::sleep(Duration::from_millis(200 + below(800))).await;
        let which = usize::try_from(below(nodes.len() as u64)).unwrap();
        if blow % 2 == 0 {
            nodes[which].kill();
            tokio::time::sleep(Duration::from_millis(below(500))).await;
            nodes[which] = start(folder);
            addresses.lock().unwrap()[which].clone_from(&nodes[which].url);
        } else {
            nodes[which].signal(Signal::STOP);
            // Now and then for so long that the others take over.
            let pause = if blow % 4 == 1 { 12_000 + below(2_000) } else { below(1_500) };
            tokio::time::sleep(Duration::from_millis(pause)).await;
            nodes[which].signal(Signal::CONT);
        }
        if blow % 5 == 4 {
            kept.begin_anew();
        }
    }
}

fn missing(acknowledged: &BTreeSet<(String, usize)>, all: &[Came]) -> usize {
    let came = |path: &str| -> BTreeSet<(String, usize)> {
        all.iter().filter(|came| came.path == path).map(|came| (came.object.clone(), came.number)).collect()
    };
    let finished: BTreeSet<String> = came("/finished").into_iter().map(|(object, _)| object).collect();
    acknowledged.difference(&came("/changed")).count()
        + acknowledged.difference(&came("/seen")).count()
        + acknowledged.iter().filter(|(object, _)| !finished.contains(object)).count()
}

/// Where the nodes keep what they do.
enum Kept {
    Postgres(Cluster),
    Sqlite(tempfile::TempDir),
}

impl Kept {
    fn url(&self) -> String {
        match self {
            Self::Postgres(cluster) => cluster.url("nodes"),
            Self::Sqlite(folder) => format!("sqlite:{}", folder.path().join("nodes.db").display()),
        }
    }

    /// The server crashes and starts again.
    fn begin_anew(&self) {
        match self {
            Self::Postgres(cluster) => tokio::task::block_in_place(|| {
                cluster.stop("immediate");
                cluster.begin();
            }),
            Self::Sqlite(_) => {}
        }
    }

    /// How many deliveries are in each state.
    fn states(&self) -> String {
        let sql = "SELECT state || ' ' || count(*) FROM deliveries GROUP BY state ORDER BY state";
        match self {
            Self::Postgres(cluster) => cluster.psql("nodes", &format!("SET search_path = webhookc; {sql}")),
            Self::Sqlite(folder) => {
                let connection = rusqlite::Connection::open(folder.path().join("nodes.db")).unwrap();
                let mut statement = connection.prepare(sql).unwrap();
                let lines = statement.query_map([], |row| row.get::<_, String>(0)).unwrap();
                lines.map(Result::unwrap).collect::<Vec<_>>().join("\n")
            }
        }
    }

    fn is_all_settled(&self) -> bool {
        self.states().lines().all(|line| !line.starts_with('0') && !line.starts_with('1'))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_nodes_lose_nothing_whatever_happens_to_one_of_them() {
    let cluster = Cluster::start(Disk::Careful);
    cluster.psql("postgres", "CREATE DATABASE nodes");
    nothing_is_lost(Kept::Postgres(cluster), NODES).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_node_on_a_file_loses_nothing_whatever_happens_to_it() {
    nothing_is_lost(Kept::Sqlite(tempfile::tempdir().unwrap()), 1).await;
}

#[expect(clippy::print_stdout, reason = "what a failing run is repeated with, and what was seen")]
async fn nothing_is_lost(kept: Kept, size: usize) {
    let (saves, count) = (number("NODES_SAVES", 3_000), number("NODES_BLOWS", 5));
    let seed = number("NODES_SEED", usize::try_from(std::process::id()).unwrap()) as u64;
    println!("NODES_SEED={seed}");
    let (url, received) = receiver().await;
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("schema.xml"), SCHEMA).unwrap();
    let mut toml = format!("[store]\nurl = \"{}\"\n[egress]\nallow_networks = [\"127.0.0.0/8\"]\n", kept.url());
    for event in ["changed", "seen", "finished"] {
        let section = format!(
            "[[endpoints]]\nname = \"{event}\"\nevents = [\"{event}\"]\nurl = \"{url}/{event}\"\nconcurrency = {CONCURRENCY}
[endpoints.failure_handling]\nretry = {{ pattern = \"linear\", interval = \"1s\", max_attempts = 20 }}\n"
        );
        toml.push_str(&section);
    }
    fs::write(folder.path().join("webhookc.toml"), toml).unwrap();

    // Two at once: one of them makes the tables.
    let mut nodes: Vec<Node> = std::thread::scope(|scope| {
        let starts: Vec<_> = (0..size).map(|_| scope.spawn(|| start(folder.path()))).collect();
        starts.into_iter().map(|start| start.join().unwrap()).collect()
    });
    let addresses: Addresses = Arc::new(Mutex::new(nodes.iter().map(|node| node.url.clone()).collect()));
    let objects = saves.div_ceil(CLIENTS * SAVES_OF_OBJECT).max(1);
    let clients: Vec<_> = (0..CLIENTS).map(|name| tokio::spawn(client(Arc::clone(&addresses), name, objects))).collect();
    blows(&mut nodes, (&addresses, &kept), folder.path(), (seed, count)).await;
    let mut acknowledged = BTreeSet::new();
    for client in clients {
        acknowledged.extend(client.await.unwrap());
    }

    let began = Instant::now();
    loop {
        let missing = missing(&acknowledged, &received.all.lock().unwrap());
        if missing == 0 {
            break;
        }
        let states = kept.states();
        let said = nodes.iter().map(Node::said).collect::<Vec<_>>().join("\n--\n");
        assert!(began.elapsed() < PATIENCE, "{missing} of {} saves never came; {states}\n{said}", acknowledged.len());
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    // Also of saves that were committed and whose answer never arrived.
    while !kept.is_all_settled() {
        assert!(began.elapsed() < PATIENCE, "some are under way for ever");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }

    let all = received.all.lock().unwrap();
    let mut by_object: BTreeMap<(&str, &str), Vec<&Came>> = BTreeMap::new();
    for came in all.iter() {
        by_object.entry((&came.path, &came.object)).or_default().push(came);
    }
    let mut repeated = 0;
    for ((path, object), came) in &by_object {
        let saves: BTreeSet<i64> = came.iter().map(|came| came.sequence).collect();
        let ids: BTreeSet<&str> = came.iter().map(|came| &*came.id).collect();
        assert_eq!(saves.len(), ids.len(), "{path} {object}: one id for each save");
        repeated += came.len() - saves.len();
        if *path == "/changed" {
            let mut known = BTreeSet::new();
            // A request that was in flight when its node was stopped may come once more, and late.
            let first: Vec<i64> = came.iter().map(|came| came.sequence).filter(|sequence| known.insert(*sequence)).collect();
            assert!(first.is_sorted(), "{object} came out of order: {first:?}");
        }
        if *path == "/finished" {
            assert_eq!(saves.len(), 1, "{object} was ready twice");
        }
    }
    let failed = received.failed.load(Ordering::Relaxed);
    let most = received.most.lock().unwrap().clone();
    println!("{} saves, {} requests, {failed} failed, {repeated} repeated, {most:?} at once", acknowledged.len(), all.len());
    assert!(most.values().all(|most| *most <= CONCURRENCY), "{most:?} requests at once, of {CONCURRENCY} that are allowed");
    assert!(repeated <= failed + count * 3 * CONCURRENCY, "{repeated} repetitions, {failed} of them after a failure");
    drop(all);
    let findings =
        Command::new(env!("CARGO_BIN_EXE_webhookc")).arg("doctor").current_dir(folder.path()).env("WEBHOOKC_KEY", key()).output().unwrap();
    assert!(findings.status.success(), "{}{}", String::from_utf8_lossy(&findings.stdout), String::from_utf8_lossy(&findings.stderr));
}
