//! What an administrator may have set, or put between the nodes and the database, that a node has to get along with or to name.

use std::time::{Duration, Instant};

use crate::cluster::{Cluster, Disk};
use crate::faults::behind;
use crate::node::Node;
use crate::proxy::{Proxy, Way};
use crate::server::all_sent;
use crate::world::{SCHEMA, World, cluster, http, saved, until};

/// Limits of time, all of them too short for some of what nodes do, and settings that change what a statement means.
const SETTINGS: [&str; 13] = [
    "statement_timeout = '100ms'",
    "lock_timeout = '20ms'",
    "idle_session_timeout = '400ms'",
    "idle_in_transaction_session_timeout = '50ms'",
    "default_transaction_isolation = 'serializable'",
    "default_transaction_deferrable = on",
    "standard_conforming_strings = off",
    "bytea_output = 'escape'",
    "datestyle = 'SQL, DMY'",
    "timezone = 'Asia/Kathmandu'",
    "extra_float_digits = -10",
    "search_path = 'nowhere'",
    "client_min_messages = 'debug1'",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn settings_of_the_database_are_not_those_of_a_node() {
    let world = World::new().await;
    let database = world.name();
    for setting in SETTINGS {
        cluster().psql("postgres", &format!("ALTER DATABASE {database} SET {setting}"));
    }
    let folder = world.project("one", SCHEMA, &world.endpoint("all"));
    let nodes = [world.node(&folder), world.node(&folder)];
    for number in 0..40 {
        saved(&nodes[number % 2], &format!("o{}", number % 10), &format!(r#"{{"name": "{number}"}}"#)).await;
    }
    // Somebody holds what a save needs, for longer than any of the limits.
    let held = "SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0; BEGIN; SELECT count(*) FROM (SELECT FROM webhookc.tenants FOR UPDATE) t; SELECT pg_sleep(1); COMMIT";
    let held = std::thread::spawn({
        let database = database.clone();
        move || cluster().try_psql(&database, held)
    });
    tokio::time::sleep(Duration::from_millis(300)).await;
    saved(&nodes[0], "held", r#"{"name": "1"}"#).await;
    held.join().unwrap().unwrap();
    until("all is sent", async || all_sent(cluster(), &database) && world.count("/all") == 41).await;
    // Idle for longer than a session may be.
    tokio::time::sleep(Duration::from_secs(2)).await;
    saved(&nodes[1], "later", r#"{"name": "1"}"#).await;
    for node in &nodes {
        let said = node.said();
        assert!(!said.contains("WARN") && !said.contains("ERROR"), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_standby_is_named_as_what_it_is() {
    let primary = Cluster::start(Disk::Careless);
    primary.psql("postgres", "CREATE DATABASE nodes");
    let world = World::at(primary.url("nodes")).await;
    let folder = world.project("one", SCHEMA, "");
    drop(world.node(&folder));
    let standby = Cluster::standby_of(&primary);
    let world = World::at(standby.url("nodes")).await;
    let mut refused = Node::spawn(world.command(&folder));
    assert_eq!(refused.wait().code(), Some(2), "{}", refused.said());
    assert!(refused.said().contains("the server is a standby"), "{}", refused.said());
}

#[test]
fn what_the_server_gives_back_itself_is_not_asked_of_it_after_a_removal() {
    let folder = tempfile::tempdir().unwrap();
    let refused = |more: &[&str]| {
        let mut prune = std::process::Command::new(env!("CARGO_BIN_EXE_webhookc"));
        // Nobody is there.
        prune.args(["prune", "--store", "postgres://u@127.0.0.1:1/w"]).args(more).current_dir(&folder);
        let pruned = prune.output().unwrap();
        let said = String::from_utf8(pruned.stderr).unwrap();
        assert_eq!((pruned.status.code(), pruned.stdout.len()), (Some(2), 0), "{said}");
        said
    };
    let said = refused(&["--vacuum"]);
    assert!(said.contains("nothing was removed") && said.contains("`VACUUM (FULL)`") && !said.contains("cannot open"), "{said}");
    let said = refused(&[]);
    assert!(
        said.contains("cannot open") && said.contains("help: the database, the role and its password") && !said.contains("sqlite"),
        "{said}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_is_not_ready_while_its_database_says_nothing() {
    let database = cluster().database("template1");
    let world = World::at(cluster().url(&database)).await;
    let folder = world.project("one", SCHEMA, "");
    let way = Proxy::to(cluster().socket()).await;
    let node = behind(&folder, &format!("postgres://webhookc@127.0.0.1:{}/{database}", way.port()));
    way.be(Way::Silent);
    let answer = http().get(format!("{}/readyz", node.url)).send().await.unwrap();
    assert_eq!(answer.status(), 503);
    let text = answer.text().await.unwrap();
    assert!(text.contains("store-away") && text.contains("a few bytes"), "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_that_hear_nothing_of_each_other_send_everything_all_the_same() {
    let database = cluster().database("template1");
    let world = World::at(cluster().url(&database)).await;
    // One place, which one of the two has: what the other saves is the first one's to send.
    let folder = world.project("one", SCHEMA, &world.endpoint("all").replace("[endpoints.f", "concurrency = 1\n[endpoints.f"));
    let ways = [Proxy::to(cluster().socket()).await, Proxy::to(cluster().socket()).await];
    let nodes = ways.each_ref().map(|way| {
        way.be(Way::Deaf);
        behind(&folder, &format!("postgres://webhookc@127.0.0.1:{}/{database}", way.port()))
    });
    let agreed = "SELECT count(*) FROM webhookc.nodes WHERE cardinality(crew) = 2";
    until("each has counted the other", async || cluster().psql(&database, agreed) == "2").await;
    for (number, node) in nodes.iter().enumerate() {
        for count in 0..5 {
            saved(node, &format!("n{number}o{count}"), r#"{"name": "1"}"#).await;
        }
    }
    let began = Instant::now();
    until("all is sent", async || all_sent(cluster(), &database) && world.count("/all") == 10).await;
    assert!(began.elapsed() < Duration::from_secs(15), "sent after {:?}", began.elapsed());
    for node in &nodes {
        node.wait_for_line("that it hears nothing", |line| line.contains("nothing is heard of what nodes tell each other"));
    }
}
