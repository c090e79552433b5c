//! The server is there and does not do its work: the disk of its log is full, it ends sessions at random, it lets nobody write.

use std::collections::BTreeSet;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::cluster::{Cluster, Disk, initdb};
use crate::server::{Small, all_sent, incompressible};
use crate::world::{SCHEMA, World, cluster, save, saved, until};

/// Everything that belongs to a save is there once, or nothing of it.
fn is_whole(cluster: &Cluster, database: &str, acknowledged: &BTreeSet<String>, refused: usize) {
    let there: BTreeSet<String> = cluster.psql(database, "SELECT id FROM webhookc.objects").lines().map(str::to_owned).collect();
    let missing: Vec<_> = acknowledged.difference(&there).collect();
    assert!(missing.is_empty(), "acknowledged and gone: {missing:?}");
    assert!(there.len() <= acknowledged.len() + refused, "{} are there, {} were acknowledged", there.len(), acknowledged.len());
    let count = there.len();
    for table in ["traces", "messages", "deliveries"] {
        let sql = format!("SELECT count(*) FROM webhookc.{table}");
        assert_eq!(cluster.psql(database, &sql), count.to_string(), "{table} of {count} saves");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_of_the_log_refuses_saves_until_there_is_room() {
    let small = Mutex::new(None);
    let own = Cluster::with(Disk::Careful, "-c max_wal_size=1GB -c restart_after_crash=on", |data| {
        let mounted = Small::mount(data.with_file_name("small"));
        let log = mounted.as_ref().map(|small| small.0.join("log"));
        *small.lock().unwrap() = mounted;
        initdb(data, log.as_deref(), &["--wal-segsize=1"]);
    });
    let Some(small) = small.into_inner().unwrap() else {
        println!("no file system can be mounted here: left out");
        return;
    };
    own.psql("postgres", "CREATE DATABASE nodes");
    let world = World::at(own.url("nodes")).await;
    let folder = world.project("one", SCHEMA, &world.endpoint("all"));
    let node = world.node(&folder);
    let large = format!(r#"{{"name": "{}"}}"#, incompressible(200_000));
    let (mut acknowledged, mut refused) = (BTreeSet::new(), 0);
    // The server ends when it cannot write its log. It takes a while until the node gives it up.
    for number in 0.. {
        let id = format!("o{number}");
        match save(&node, &id, &large).await {
            (200 | 201, _) => {
                acknowledged.insert(id);
            }
            (503, text) => {
                assert!(text.contains("store-away") || text.contains("store-full"), "{text}");
                refused += 1;
                break;
            }
            (status, text) => panic!("{status} {text}"),
        }
        assert!(number < 500, "the disk is never full");
    }
    assert!(acknowledged.len() > 3, "{}", acknowledged.len());
    let status = Command::new("mount").args(["-o", "remount,size=512m"]).arg(&small.0).status().unwrap();
    assert!(status.success());
    tokio::task::block_in_place(|| own.begin_again());
    for number in 0..5 {
        let id = format!("later{number}");
        saved(&node, &id, &large).await;
        acknowledged.insert(id);
    }
    until("all is sent", async || all_sent(&own, "nodes")).await;
    println!("{} saves, {refused} refused", acknowledged.len());
    is_whole(&own, "nodes", &acknowledged, refused);
    drop(node);
    own.stop("immediate");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_that_the_server_ends_at_random_cost_nothing() {
    let world = World::new().await;
    let database = world.name();
    let folder = world.project("one", SCHEMA, &world.endpoint("all"));
    let nodes = Arc::new([world.node(&folder), world.node(&folder)]);
    let stop = Arc::new(AtomicBool::new(false));
    let clients: Vec<_> = (0..4)
        .map(|client| {
            let (nodes, stop) = (Arc::clone(&nodes), Arc::clone(&stop));
            tokio::spawn(async move {
                let mut acknowledged = BTreeSet::new();
                for number in 0.. {
                    if stop.load(Ordering::SeqCst) {
                        break;
                    }
                    let id = format!("c{client}o{number}");
                    let (status, text) = save(&nodes[(client + number) % 2], &id, r#"{"name": "1"}"#).await;
                    assert!(matches!(status, 200 | 201), "{status} {text}");
                    acknowledged.insert(id);
                }
                acknowledged
            })
        })
        .collect();
    // Any of them, also that over which a node is heard of, and in the middle of whatever it does.
    let ended = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
        ORDER BY random() LIMIT 2";
    let (began, mut blows) = (Instant::now(), 0);
    while began.elapsed() < Duration::from_secs(8) {
        tokio::task::block_in_place(|| cluster().psql(&database, ended));
        blows += 1;
        tokio::time::sleep(Duration::from_millis(120)).await;
    }
    stop.store(true, Ordering::SeqCst);
    let mut acknowledged = BTreeSet::new();
    for client in clients {
        acknowledged.extend(client.await.unwrap());
    }
    println!("{} saves, sessions ended {blows} times", acknowledged.len());
    assert!(acknowledged.len() > 50, "{} saves", acknowledged.len());
    until("all is sent", async || all_sent(cluster(), &database)).await;
    is_whole(cluster(), &database, &acknowledged, 0);
    for node in nodes.iter() {
        let said = node.said();
        assert!(!said.contains("a node is gone") && !said.contains("others have taken over"), "a lost session is no lost node: {said}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_lets_nobody_write_is_waited_for_and_left_when_it_does() {
    let world = World::new().await;
    let database = world.name();
    let folder = world.project("one", SCHEMA, &world.endpoint("all"));
    let node = world.node(&folder);
    saved(&node, "first", r#"{"name": "1"}"#).await;
    // As a server does it to itself whose disk is nearly full: for sessions that begin from now on.
    let all =
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()";
    cluster().psql(&database, &format!("ALTER DATABASE {database} SET default_transaction_read_only = on; {all}"));
    let back = std::thread::spawn({
        let database = database.clone();
        move || {
            std::thread::sleep(Duration::from_secs(3));
            // The sessions that are there stay read-only: the node has to leave them.
            cluster().psql("postgres", &format!("ALTER DATABASE {database} SET default_transaction_read_only = off"));
        }
    });
    let began = Instant::now();
    saved(&node, "waits", r#"{"name": "1"}"#).await;
    assert!(began.elapsed() > Duration::from_secs(1), "it was not written to a server that takes nothing: {:?}", began.elapsed());
    back.join().unwrap();
    until("both are sent", async || all_sent(cluster(), &database) && world.count("/all") == 2).await;
    // For longer than a save waits.
    cluster().psql(&database, &format!("ALTER DATABASE {database} SET default_transaction_read_only = on; {all}"));
    let (status, text) = save(&node, "refused", r#"{"name": "1"}"#).await;
    assert!(status == 503 && text.contains("store-away") && text.contains("read-only"), "{status} {text}");
    cluster().psql("postgres", &format!("ALTER DATABASE {database} SET default_transaction_read_only = off"));
    saved(&node, "after", r#"{"name": "1"}"#).await;
    until("it is sent", async || all_sent(cluster(), &database) && world.count("/all") == 3).await;
    assert_eq!(cluster().psql(&database, "SELECT count(*) FROM webhookc.objects WHERE id = 'refused'"), "0");
}
