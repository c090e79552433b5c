//! SIGKILL at random moments under load: every save that was acknowledged is delivered, and what arrives twice has the same id.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use crate::node::{Node, Receiver};

/// Times the process is killed.
const KILLS: usize = 12;
/// Clients that save at the same time.
const CLIENTS: usize = 8;

/// Saves new objects until told to stop or the node is gone; the ids of those that were acknowledged.
async fn client(base: String, name: String, stop: Arc<AtomicBool>, saved: Arc<AtomicUsize>) -> Vec<String> {
    let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(5)).build().unwrap();
    let mut accepted = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let id = format!("{name}-{}", accepted.len());
        let request = http.put(format!("{base}/api/v1/tenants/default/objects/resource/{id}")).body(r#"{"name": "Pump"}"#);
        match request.send().await {
            Ok(answer) if answer.status().is_success() => {
                accepted.push(id);
                saved.fetch_add(1, Ordering::Relaxed);
            }
            Ok(answer) => panic!("a save was refused: {}", answer.status()),
            Err(_) => break,
        }
    }
    accepted
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_acknowledged_save_is_lost_in_a_crash() {
    let receiver = Receiver::start().await;
    let folder = tempfile::tempdir().unwrap();
    let schema = concat!(env!("CARGO_MANIFEST_DIR"), "/schemas/resources/schema.xml");
    fs::copy(schema, folder.path().join("schema.xml")).unwrap();
    let toml = format!(
        "[listen]\naddress = \"127.0.0.1:0\"\n[egress]\nallow_networks = [\"127.0.0.0/8\"]\n[[endpoints]]\nname = \"index\"\nevents = \"*\"\nurl = \"{}/hook\"\n",
        receiver.url
    );
    fs::write(folder.path().join("webhookc.toml"), toml).unwrap();

    let mut accepted = BTreeSet::new();
    for round in 0..KILLS {
        let mut node = Node::start(folder.path(), &["serve"]);
        let (stop, saved) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let clients: Vec<_> = (0..CLIENTS)
            .map(|n| tokio::spawn(client(node.url.clone(), format!("r{round}c{n}"), Arc::clone(&stop), Arc::clone(&saved))))
            .collect();
        // Under load, however fast the machine is, and each time at another moment of commit, send and settle.
        let began = std::time::Instant::now();
        while saved.load(Ordering::Relaxed) < 20 + (round * 37) % 150 {
            assert!(began.elapsed() < crate::node::PATIENCE, "no load: {} saves", saved.load(Ordering::Relaxed));
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        node.kill();
        stop.store(true, Ordering::Relaxed);
        for client in clients {
            accepted.extend(client.await.unwrap());
        }
    }

    let _node = Node::start(folder.path(), &["serve"]);
    let began = std::time::Instant::now();
    let by_object = loop {
        let mut by_object: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for request in receiver.got() {
            let id = request.json()["object"]["id"].as_str().unwrap().to_owned();
            by_object.entry(id).or_default().push(request.header("webhook-id").to_owned());
        }
        let missing = accepted.iter().filter(|id| !by_object.contains_key(*id)).count();
        if missing == 0 {
            break by_object;
        }
        assert!(began.elapsed() < crate::node::PATIENCE, "{missing} of {} acknowledged saves were never delivered", accepted.len());
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    let mut repeated = 0;
    for (object, ids) in &by_object {
        let first = &ids[0];
        assert!(ids.iter().all(|id| id == first), "{object} came under different ids: {ids:?}");
        repeated += ids.len() - 1;
    }
    // Only what was in flight when the process died may come twice: at most the lane's concurrency in each round.
    assert!(repeated <= KILLS * 16, "{repeated} repetitions in {KILLS} crashes");
}
