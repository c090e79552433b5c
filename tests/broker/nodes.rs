//! Several nodes on one PostgreSQL share a durable consumer.

use std::collections::BTreeMap;

use serde_json::json;

use crate::cluster::{Cluster, Disk};
use crate::node::Receiver;
use crate::project::{reading, serve, wait_for_different};
use crate::server::{Server, make_stream, publish, wait_for_acks};

#[tokio::test(flavor = "multi_thread")]
async fn one_reads_and_another_goes_on_when_it_dies() {
    const MESSAGES: usize = 150;
    let (server, receiver, cluster) = (Server::start(), Receiver::start().await, Cluster::start(Disk::Careless));
    let streams = server.streams().await;
    make_stream(&streams, "SAVES", "saves.>").await;
    let folder = reading(server.port, &receiver.url, "");
    let toml = folder.path().join("webhookc.toml");
    let database = cluster.database("template1");
    let store = format!("\n[store]\nurl = \"{}\"\n", cluster.url(&database));
    std::fs::write(&toml, std::fs::read_to_string(&toml).unwrap() + &store).unwrap();
    let mut first = serve(folder.path());
    let second = serve(folder.path());
    let item = |n: usize| json!({ "model": "asset", "id": format!("a{}", n % 5), "fields": { "n": n } }).to_string();
    for n in 0..MESSAGES {
        publish(&streams, "saves.x", item(n)).await;
        if n == MESSAGES / 2 {
            receiver.wait_for(1).await;
            first.kill();
        }
    }
    let got = wait_for_different(&receiver, MESSAGES).await;
    wait_for_acks(&streams, "SAVES", "webhookc").await;
    assert!(second.said().contains("reading messages"));
    let mut objects: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for request in &got {
        let object = &request.json()["object"];
        objects.entry(object["id"].as_str().unwrap().to_owned()).or_default().push(object["n"].as_u64().unwrap().try_into().unwrap());
    }
    for (place, numbers) in objects.values().enumerate() {
        assert_eq!(*numbers, (0..MESSAGES).filter(|n| n % 5 == place).collect::<Vec<_>>());
    }
    let noted = cluster.psql(&database, "SELECT count(DISTINCT position) || ' ' || count(DISTINCT source) FROM webhookc.taken");
    assert_eq!(noted, format!("{MESSAGES} 1"), "each message once, by its number");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_away_loses_no_message() {
    let (server, receiver, cluster) = (Server::start(), Receiver::start().await, Cluster::start(Disk::Careless));
    let streams = server.streams().await;
    make_stream(&streams, "SAVES", "saves.>").await;
    let folder = reading(server.port, &receiver.url, "");
    let toml = folder.path().join("webhookc.toml");
    let store = format!("\n[store]\nurl = \"{}\"\n", cluster.url(&cluster.database("template1")));
    std::fs::write(&toml, std::fs::read_to_string(&toml).unwrap() + &store).unwrap();
    let _node = serve(folder.path());
    let item = |n: usize| json!({ "model": "asset", "id": "a", "fields": { "n": n } }).to_string();
    publish(&streams, "saves.x", item(0)).await;
    receiver.wait_for(1).await;
    cluster.pg_ctl(&["-m", "immediate", "-s", "-w", "stop"]);
    for n in 1..5 {
        publish(&streams, "saves.x", item(n)).await;
    }
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    cluster.pg_ctl(&["-w", "-s", "start"]);
    let got = wait_for_different(&receiver, 5).await;
    wait_for_acks(&streams, "SAVES", "webhookc").await;
    let numbers: Vec<u64> = got.iter().map(|request| request.json()["object"]["n"].as_u64().unwrap()).collect();
    assert_eq!(numbers, [0, 1, 2, 3, 4]);
}
