//! Two servers: one writes, the other follows it and takes over.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::cluster::{Cluster, Disk};
use crate::node::Node;
use crate::proxy::{Proxy, Way};
use crate::world::{SCHEMA, World, save, saved, until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_standby_that_takes_over_has_everything_that_was_acknowledged() {
    let primary = Cluster::start(Disk::Careful);
    primary.psql("postgres", "CREATE DATABASE nodes");
    let standby = Cluster::standby_of(&primary);
    // Acknowledged is what both have.
    primary.psql("postgres", "ALTER SYSTEM SET synchronous_standby_names = '*'");
    primary.psql("postgres", "SELECT pg_reload_conf()");
    let ways = [Proxy::to(primary.socket()).await, Proxy::to(standby.socket()).await];
    let ports = format!("127.0.0.1:{},127.0.0.1:{}", ways[0].port(), ways[1].port());
    let world = World::at(format!("postgres://webhookc@{ports}/nodes?target_session_attrs=read-write")).await;
    let folder = world.project("one", SCHEMA, &world.endpoint("all"));
    let nodes: [Node; 2] = [world.node(&folder), world.node(&folder)];

    let mut acknowledged = BTreeSet::new();
    let mut refused = 0;
    for number in 0..80 {
        let id = format!("o{number}");
        match save(&nodes[number % 2], &id, r#"{"name": "1"}"#).await {
            (200 | 201, _) => {
                acknowledged.insert(id);
            }
            (503, _) => refused += 1,
            (status, text) => panic!("{status} {text}"),
        }
        if number == 30 {
            // The machine of the first is gone from the network in the middle of its work, and then for good.
            ways[0].be(Way::Cut);
            tokio::task::block_in_place(|| {
                primary.stop("immediate");
                std::thread::sleep(Duration::from_millis(500));
                standby.pg_ctl(&["-w", "-s", "promote"]);
                standby.psql("postgres", "ALTER SYSTEM SET synchronous_standby_names = ''");
                standby.psql("postgres", "SELECT pg_reload_conf()");
            });
        }
    }
    println!("{} acknowledged, {refused} refused", acknowledged.len());
    assert!(acknowledged.len() >= 70, "{} acknowledged, {refused} refused", acknowledged.len());
    let there: BTreeSet<String> = standby.psql("nodes", "SELECT id FROM webhookc.objects").lines().map(str::to_owned).collect();
    let missing: Vec<_> = acknowledged.difference(&there).collect();
    assert!(missing.is_empty(), "acknowledged and gone: {missing:?}");
    until("all is sent", async || standby.psql("nodes", "SELECT count(*) FROM webhookc.deliveries WHERE state < 2") == "0").await;
    let sent: BTreeSet<String> = {
        let came = world.came.lock().unwrap();
        came["/all"].iter().map(|body| body["object"]["id"].as_str().unwrap().to_owned()).collect()
    };
    let missing: Vec<_> = acknowledged.difference(&sent).collect();
    assert!(missing.is_empty(), "acknowledged and never sent: {missing:?}");
    for (number, node) in nodes.iter().enumerate() {
        saved(node, &format!("after{number}"), r#"{"name": "1"}"#).await;
    }
}
