//! Disks that fill up, fail and are taken away: a save is refused clearly and whole, or acknowledged and delivered; when the disk is well
//! again, so is the node.

use std::fs;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::node::{Node, PATIENCE, Receiver, send};
use crate::project::{endpoint, project, save, times};
use crate::shim::{EIO, ENOSPC, EROFS, Number, Shim};

/// Saves that are tried while the disk fails.
const TRIES: usize = 40;

/// Tries saves; those that were acknowledged and those that were not, with the problems of these.
async fn try_saves(node: &Node, prefix: &str, tries: usize) -> (Vec<String>, Vec<(String, u16, String)>) {
    let (mut accepted, mut refused) = (Vec::new(), Vec::new());
    for n in 0..tries {
        let id = format!("{prefix}{n}");
        match save(node, &id).await {
            (200 | 201, _) => accepted.push(id),
            (status, problem) => refused.push((id, status, problem["code"].as_str().unwrap_or_default().to_owned())),
        }
    }
    (accepted, refused)
}

/// Saves until one is acknowledged.
async fn save_until_accepted(node: &Node, id: &str) {
    let began = Instant::now();
    while !matches!(save(node, id).await.0, 200 | 201) {
        assert!(began.elapsed() < PATIENCE, "no save is acknowledged any more; the node said:\n{}", node.said());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn the_node_survives(faults: &[(Number, i64)], code: &str) {
    let (receiver, shim) = (Receiver::start().await, Shim::new());
    let folder = project(&endpoint("index", &receiver.url, ""));
    let node = shim.start(folder.path());
    let (mut accepted, refused) = try_saves(&node, "before", 10).await;
    assert_eq!((accepted.len(), refused.len()), (10, 0));

    for (number, value) in faults {
        shim.set(*number, *value);
    }
    let (more, refused) = try_saves(&node, "during", TRIES).await;
    accepted.extend(more);
    assert!(!refused.is_empty(), "nothing was refused");
    for (id, status, seen) in &refused {
        assert!((500..600).contains(status) && seen == code, "{id}: {status} {seen}");
        assert_eq!(send("GET", &node.object("resource", id), "").await.0, 404, "{id} was refused and is there");
    }
    assert_eq!(send("GET", &format!("{}/healthz", node.url), "").await.0, 200);
    let (status, answer) = send("GET", &format!("{}/readyz", node.url), "").await;
    assert_eq!((status, answer["code"].as_str()), (503, Some(code)), "it says why it is not ready: {answer}");
    let (status, object) = send("GET", &node.object("resource", "before3"), "").await;
    assert_eq!((status, &object["fields"]["name"]), (200, &json!("Pump")));

    for (number, _) in faults {
        shim.set(*number, 0);
    }
    save_until_accepted(&node, "after").await;
    accepted.push("after".to_owned());
    let began = Instant::now();
    while send("GET", &format!("{}/readyz", node.url), "").await.0 != 200 {
        assert!(began.elapsed() < PATIENCE, "it takes saves and is not ready");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let (more, refused) = try_saves(&node, "later", 10).await;
    assert!(refused.is_empty(), "{refused:?}");
    accepted.extend(more);

    let began = Instant::now();
    let times = loop {
        let times = times(&receiver);
        if accepted.iter().all(|id| times.contains_key(id)) {
            break times;
        }
        assert!(began.elapsed() < PATIENCE, "{} of {} acknowledged saves were delivered", times.len(), accepted.len());
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    // Nobody died, so nothing comes twice, and what was refused comes never.
    assert!(times.values().all(|times| *times == 1) && times.len() == accepted.len(), "{times:?}");
    let (_, listed) = send("GET", &node.of_tenant("deliveries?status=pending"), "").await;
    assert_eq!(listed["data"], json!([]), "what was recorded late is recorded");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk() {
    the_node_survives(&[(Number::GrowError, ENOSPC)], "store-full").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_cannot_be_written() {
    the_node_survives(&[(Number::WriteError, EIO)], "store-failed").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_is_read_only_of_a_sudden() {
    the_node_survives(&[(Number::WriteError, EROFS)], "store-failed").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_cannot_be_synced() {
    the_node_survives(&[(Number::SyncError, EIO)], "store-failed").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_is_moved_away_takes_no_saves_until_it_is_back() {
    let receiver = Receiver::start().await;
    let folder = project(&endpoint("index", &receiver.url, ""));
    let node = Node::start(folder.path(), &["serve"]);
    assert_eq!(save(&node, "before").await.0, 201);
    receiver.wait_for(1).await;
    for name in ["webhookc.db", "webhookc.db-wal"] {
        let (place, away) = (folder.path().join(name), folder.path().join(format!("{name}-away")));
        fs::rename(&place, &away).unwrap();
        let (status, problem) = save(&node, "lost").await;
        assert_eq!((status, &problem["code"]), (500, &json!("store-failed")), "{problem}");
        assert!(problem["detail"].as_str().unwrap().contains("moved or replaced"), "{problem}");
        node.wait_for_line("that its database is gone", |line| line.contains("ERROR") && line.contains(name) && line.contains("moved"));
        // Another file in its place is not taken for it.
        fs::copy(&away, &place).unwrap();
        assert_eq!(save(&node, "lost").await.0, 500);
        fs::rename(&away, &place).unwrap();
        save_until_accepted(&node, &format!("after-{name}")).await;
    }
    receiver.wait_for(3).await;
    assert_eq!(send("GET", &node.object("resource", "lost"), "").await.0, 404);
    assert!(times(&receiver).values().all(|times| *times == 1));
}
