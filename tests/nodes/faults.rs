//! The network between a node and its database fails.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use axum::extract::State;
use axum::http::StatusCode;
use tokio::sync::Notify;

use crate::node::Node;
use crate::proxy::{Proxy, Way};
use crate::world::{SCHEMA, World, cluster, http, save, saved, until};

/// A world whose nodes can be put behind a network, and the name of its database.
async fn world() -> (World, String) {
    let database = cluster().database("template1");
    (World::at(cluster().url(&database)).await, database)
}

/// A network for a node.
async fn network(database: &str) -> (Proxy, String) {
    let proxy = Proxy::to(cluster().socket()).await;
    let url = format!("postgres://webhookc@127.0.0.1:{}/{database}", proxy.port());
    (proxy, url)
}

/// A node that reaches its database by another way than the rest.
pub fn behind(folder: &std::path::Path, url: &str) -> Node {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_webhookc"));
    command.args(["serve", "--listen", "127.0.0.1:0", "--store", url]).current_dir(folder).env("WEBHOOKC_KEY", "07".repeat(32));
    Node::launch(command)
}

/// Each object's save is there once, with all that it caused, or not at all.
fn check(database: &str, acknowledged: &BTreeSet<String>) {
    let saved: BTreeSet<String> = cluster().psql(database, "SELECT id FROM webhookc.objects").lines().map(str::to_owned).collect();
    let missing: Vec<_> = acknowledged.difference(&saved).collect();
    assert!(missing.is_empty(), "acknowledged and gone: {missing:?}");
    let halves = "SELECT o.id, (SELECT count(*) FROM webhookc.traces t WHERE t.object = o.id AND t.sequence = o.sequence),
            (SELECT count(*) FROM webhookc.messages m WHERE m.object = o.id AND m.sequence = o.sequence),
            (SELECT count(*) FROM webhookc.deliveries d JOIN webhookc.messages m ON m.row = d.row >> 20 WHERE m.object = o.id AND m.sequence = o.sequence)
        FROM webhookc.objects o";
    for line in cluster().psql(database, halves).lines() {
        let (id, rest) = line.split_once('|').unwrap();
        assert_eq!(rest, "1|1|1", "{id}: trace, message and delivery of its last save");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_whose_answer_is_lost_is_neither_repeated_nor_forgotten() {
    let (world, database) = world().await;
    let folder = world.project("one", SCHEMA, &world.endpoint("all"));
    let (proxy, url) = network(&database).await;
    let node = behind(&folder, &url);
    proxy.lose_commits(3);
    let mut acknowledged = BTreeSet::new();
    for number in 0..24 {
        let id = format!("o{number}");
        saved(&node, &id, r#"{"name": "1"}"#).await;
        acknowledged.insert(id);
    }
    proxy.lose_commits(0);
    assert!(proxy.lost() >= 8, "{} commits were lost", proxy.lost());
    // One save, one number, one message: a save that was repeated would have two.
    assert_eq!(cluster().psql(&database, "SELECT count(*) FROM webhookc.traces"), "24");
    assert_eq!(cluster().psql(&database, "SELECT count(*) FROM webhookc.messages"), "24");
    check(&database, &acknowledged);
    until("all have come", async || world.count("/all") >= 24).await;
    until("all are recorded", async || cluster().psql(&database, "SELECT count(*) FROM webhookc.deliveries WHERE state < 2") == "0").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_the_network_does_a_save_is_whole_or_refused() {
    let (world, database) = world().await;
    let folder = world.project("one", SCHEMA, &world.endpoint("all"));
    let (proxy, url) = network(&database).await;
    let node = Arc::new(behind(&folder, &url));
    let other = world.node(&folder);
    let refused = Arc::new(AtomicUsize::new(0));
    let clients: Vec<_> = (0..4)
        .map(|client| {
            let (node, refused) = (Arc::clone(&node), Arc::clone(&refused));
            tokio::spawn(async move {
                let mut acknowledged = BTreeSet::new();
                let began = Instant::now();
                for number in 0.. {
                    if began.elapsed() > Duration::from_secs(24) {
                        break;
                    }
                    let id = format!("c{client}o{number}");
                    match save(&node, &id, r#"{"name": "1"}"#).await {
                        (200 | 201, _) => {
                            acknowledged.insert(id);
                        }
                        (503, text) => {
                            assert!(text.contains("store-"), "{text}");
                            refused.fetch_add(1, Ordering::Relaxed);
                        }
                        (status, text) => panic!("{status} {text}"),
                    }
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
                acknowledged
            })
        })
        .collect();
    for way in [Way::Cut, Way::Slow(Duration::from_millis(150)), Way::HalfOpen, Way::Cut, Way::Silent] {
        tokio::time::sleep(Duration::from_millis(700)).await;
        proxy.be(way);
        tokio::time::sleep(Duration::from_millis(if way == Way::Silent { 12_000 } else { 1_500 })).await;
        proxy.be(Way::Open);
    }
    let mut acknowledged = BTreeSet::new();
    for client in clients {
        acknowledged.extend(client.await.unwrap());
    }
    println!("{} saves, {} refused", acknowledged.len(), refused.load(Ordering::Relaxed));
    assert!(acknowledged.len() > 20, "{} saves", acknowledged.len());
    check(&database, &acknowledged);
    until("everything is sent", async || cluster().psql(&database, "SELECT count(*) FROM webhookc.deliveries WHERE state < 2") == "0")
        .await;
    // And both are well again.
    for (number, node) in [&*node, &other].into_iter().enumerate() {
        saved(node, &format!("after{number}"), r#"{"name": "1"}"#).await;
        let ready = http().get(format!("{}/readyz", node.url)).send().await.unwrap();
        assert_eq!(ready.status(), 200);
    }
}

/// A receiver that answers the first request only when it is told to, and each later one at once.
#[derive(Default)]
struct Slow {
    requests: AtomicUsize,
    ids: std::sync::Mutex<Vec<String>>,
    answer: Notify,
}

async fn receive(State(slow): State<Arc<Slow>>, headers: axum::http::HeaderMap) -> StatusCode {
    slow.ids.lock().unwrap().push(headers["webhook-id"].to_str().unwrap().to_owned());
    if slow.requests.fetch_add(1, Ordering::SeqCst) == 0 {
        slow.answer.notified().await;
        return StatusCode::IM_A_TEAPOT;
    }
    StatusCode::NO_CONTENT
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_is_cut_off_loses_its_leases_and_records_nothing_afterwards() {
    let (world, database) = world().await;
    let slow = Arc::new(Slow::default());
    let app = axum::Router::new().fallback(receive).with_state(Arc::clone(&slow));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    let endpoint = format!("[[endpoints]]\nname = \"slow\"\nevents = [\"*\"]\ntimeout = \"40s\"\nurl = \"http://{address}/\"\n");
    let folder = world.project("one", SCHEMA, &endpoint);
    let (proxy, url) = network(&database).await;
    let cut_off = behind(&folder, &url);
    saved(&cut_off, "a", r#"{"name": "1"}"#).await;
    until("the request is under way", async || slow.requests.load(Ordering::SeqCst) == 1).await;
    let _other = world.node(&folder);
    proxy.be(Way::Silent);
    until("another node sends it", async || slow.requests.load(Ordering::SeqCst) == 2).await;
    let settled = "SELECT state, attempts, last_status FROM webhookc.deliveries";
    until("and records it", async || cluster().psql(&database, settled) == "2|1|204").await;
    slow.answer.notify_one();
    proxy.be(Way::Open);
    cut_off.wait_for_line("that it could record nothing", |line| line.contains("its lease had ended"));
    assert_eq!(cluster().psql(&database, settled), "2|1|204");
    let ids = slow.ids.lock().unwrap().clone();
    assert!(ids.len() == 2 && ids[0] == ids[1], "{ids:?}");
    // It is one of them again.
    saved(&cut_off, "b", r#"{"name": "1"}"#).await;
    until("its own saves are sent", async || slow.requests.load(Ordering::SeqCst) == 3).await;
}
