//! SIGKILL at random moments, under load: while the node starts, commits, sends, drains, and while its disk is slow. Every acknowledged
//! save is delivered; what comes twice was in flight at a kill and has the same id; an object's requests come in order; `ready` is once.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use webhookc::time::{Entropy as _, SeededEntropy};

use crate::node::{Node, PATIENCE, Received, Receiver};
use crate::project::endpoint;
use crate::shim::{Number, Shim};

/// Times the process is killed.
const KILLS: usize = 100;
/// Clients that save at the same time, each its own objects.
const CLIENTS: usize = 6;
/// Objects of a client in a round, and how often each is saved: enough for a kill to find something under way, little enough to be
/// delivered at the end.
const OBJECTS: usize = 2;
const SAVES: usize = 8;
/// Requests that each of the three endpoints may have under way, and so as many as may come twice after one kill.
const CONCURRENCY: usize = 8;

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

/// How a round ends in a kill.
#[derive(Clone, Copy, Debug)]
enum Kill {
    /// Before the node says that it is ready.
    WhileStarting,
    /// While saves and deliveries go on.
    UnderLoad,
    /// The same on a disk that takes its time.
    OnASlowDisk,
    /// After SIGTERM.
    WhileDraining,
}

/// What was saved: object and the number that it was saved with.
type Acknowledged = BTreeSet<(String, usize)>;

/// Saves its objects over and over until the node is gone; what was acknowledged, and counted.
async fn client(base: String, name: String, count: Arc<AtomicUsize>) -> Acknowledged {
    let http = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build().unwrap();
    let mut acknowledged = Acknowledged::new();
    for number in 0..SAVES {
        for object in 0..OBJECTS {
            let id = format!("{name}o{object}");
            let request = http.put(format!("{base}/api/v1/tenants/default/objects/part/{id}"));
            match request.body(format!(r#"{{"name": "{number}", "done": "yes"}}"#)).send().await {
                Ok(answer) if answer.status().is_success() => {
                    acknowledged.insert((id, number));
                    count.fetch_add(1, Ordering::Relaxed);
                }
                // A node that drains says so.
                Ok(answer) => assert_eq!(answer.status(), 503),
                Err(_) => return acknowledged,
            }
        }
    }
    acknowledged
}

struct Crashes {
    shim: Shim,
    folder: tempfile::TempDir,
    random: SeededEntropy,
    acknowledged: Acknowledged,
}

impl Crashes {
    fn below(&self, bound: u32) -> u32 {
        let mut random = [0; 4];
        self.random.fill(&mut random);
        u32::from_le_bytes(random) % bound
    }

    async fn pause(&self, most_ms: u32) {
        tokio::time::sleep(Duration::from_micros(u64::from(self.below(most_ms * 1_000)))).await;
    }

    async fn round(&mut self, round: usize, kill: Kill) {
        if matches!(kill, Kill::WhileStarting) {
            let mut command = Command::new(env!("CARGO_BIN_EXE_webhookc"));
            command.arg("serve").current_dir(self.folder.path());
            let mut node = Node::spawn(command);
            self.pause(150).await;
            node.kill();
            return;
        }
        let delay = if matches!(kill, Kill::OnASlowDisk) { 1 + self.below(20) } else { 0 };
        self.shim.set(Number::SyncDelayMs, i64::from(delay));
        let mut node = self.shim.start(self.folder.path());
        let count = Arc::new(AtomicUsize::new(0));
        let clients: Vec<_> =
            (0..CLIENTS).map(|n| tokio::spawn(client(node.url.clone(), format!("r{round}c{n}"), Arc::clone(&count)))).collect();
        // However slow the machine is, some come to be under way.
        let least = self.below(3) as usize * CLIENTS;
        while count.load(Ordering::Relaxed) < least && !clients.iter().all(tokio::task::JoinHandle::is_finished) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        self.pause(150).await;
        if matches!(kill, Kill::WhileDraining) {
            node.signal(rustix::process::Signal::TERM);
            self.pause(40).await;
        }
        node.kill();
        for client in clients {
            self.acknowledged.extend(client.await.unwrap());
        }
        self.shim.set(Number::SyncDelayMs, 0);
    }
}

/// The requests to one path by object, in the order in which they came: number and id.
fn by_object(got: &[Received], path: &str) -> BTreeMap<String, Vec<(i64, usize, String)>> {
    let mut by_object: BTreeMap<String, Vec<(i64, usize, String)>> = BTreeMap::new();
    for request in got.iter().filter(|request| request.path == path) {
        let body = request.json();
        let (id, number) = (body["object"]["id"].as_str().unwrap(), body["object"]["name"].as_str().unwrap().parse().unwrap());
        let came = (body["sequence"].as_i64().unwrap(), number, request.header("webhook-id").to_owned());
        by_object.entry(id.to_owned()).or_default().push(came);
    }
    by_object
}

/// What has been acknowledged and has not come.
fn missing(acknowledged: &Acknowledged, got: &[Received]) -> usize {
    let came = |path| -> Acknowledged {
        let all = by_object(got, path).into_iter();
        all.flat_map(|(id, came)| came.into_iter().map(move |(_, number, _)| (id.clone(), number))).collect()
    };
    let finished: BTreeSet<String> = by_object(got, "/lag/finished").into_keys().collect();
    acknowledged.difference(&came("/lag/changed")).count()
        + acknowledged.difference(&came("/lag/seen")).count()
        + acknowledged.iter().filter(|(id, _)| !finished.contains(id)).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_kills_lose_nothing() {
    let seed = std::env::var("CRASH_SEED").ok().map_or_else(|| u64::from(std::process::id()) << 20, |text| text.parse().unwrap());
    println!("CRASH_SEED={seed}");
    let receiver = Receiver::start().await;
    let mut toml = "[listen]\naddress = \"127.0.0.1:0\"\n[egress]\nallow_networks = [\"127.0.0.0/8\"]\n".to_owned();
    for event in ["changed", "seen", "finished"] {
        let all = endpoint(event, &format!("{}/lag/{event}", receiver.url), &format!("concurrency = {CONCURRENCY}"));
        toml += &all.replace("events = \"*\"", &format!("events = [\"{event}\"]"));
    }
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("schema.xml"), SCHEMA).unwrap();
    fs::write(folder.path().join("webhookc.toml"), toml).unwrap();

    let mut crashes = Crashes { shim: Shim::new(), folder, random: SeededEntropy::new(seed), acknowledged: Acknowledged::new() };
    for round in 0..KILLS {
        let kill = match crashes.below(8) {
            0 | 1 => Kill::WhileStarting,
            2 => Kill::OnASlowDisk,
            3 => Kill::WhileDraining,
            _ => Kill::UnderLoad,
        };
        crashes.round(round, kill).await;
    }
    let acknowledged = crashes.acknowledged;
    assert!(acknowledged.len() > KILLS, "the load was no load: {} saves", acknowledged.len());

    let node = crashes.shim.start(crashes.folder.path());
    let began = Instant::now();
    while missing(&acknowledged, &receiver.got()) > 0 {
        let missing = missing(&acknowledged, &receiver.got());
        assert!(began.elapsed() < PATIENCE, "seed {seed}: {missing} deliveries of {} acknowledged saves never came", acknowledged.len());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    // Also of saves that were committed and whose answer never arrived.
    for state in ["pending", "sending"] {
        let url = node.of_tenant(&format!("deliveries?status={state}&limit=1"));
        while crate::node::send("GET", &url, "").await.1["data"] != serde_json::json!([]) {
            assert!(began.elapsed() < PATIENCE, "seed {seed}: some are {state} for ever");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    let got = receiver.got();
    let (mut repeated, mut ids_of_all) = (0, BTreeSet::new());
    for path in ["/lag/changed", "/lag/seen", "/lag/finished"] {
        for (object, came) in by_object(&got, path) {
            let saves: BTreeSet<i64> = came.iter().map(|(sequence, ..)| *sequence).collect();
            let ids: BTreeSet<&String> = came.iter().map(|(.., id)| id).collect();
            let both: BTreeSet<_> = came.iter().map(|(sequence, _, id)| (sequence, id)).collect();
            assert!(saves.len() == ids.len() && both.len() == ids.len(), "seed {seed}: {path} {object}: one id for each save: {came:?}");
            repeated += came.len() - saves.len();
            if path == "/lag/changed" {
                assert!(came.is_sorted_by_key(|(sequence, ..)| *sequence), "seed {seed}: {object} came out of order: {came:?}");
            }
            if path == "/lag/finished" {
                assert_eq!(saves.len(), 1, "seed {seed}: {object} was ready twice: {came:?}");
            }
            ids_of_all.extend(ids.into_iter().cloned());
        }
    }
    println!("{} saves acknowledged, {} deliveries, {repeated} repeated", acknowledged.len(), ids_of_all.len());
    assert!(repeated <= KILLS * 3 * CONCURRENCY, "seed {seed}: {repeated} repetitions in {KILLS} kills");
}
