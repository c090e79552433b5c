//! The server restarts while deliveries are on their way to it.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::node::send;
use crate::project::{sending, serve, wait_for_metric};
use crate::server::{Server, header, make_stream, messages};

/// Requests, and saves in each.
const REQUESTS: usize = 40;
const TOGETHER: usize = 10;

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_restarts_under_load_has_each_message_once() {
    let mut server = Server::start();
    make_stream(&server.streams().await, "HOOKS", "hooks.>").await;
    let folder = sending(server.port, "url = \"nats://main/hooks.{{ object.id }}\"");
    let toml = folder.path().join("webhookc.toml");
    std::fs::write(&toml, std::fs::read_to_string(&toml).unwrap().replace("max_attempts = 2", "max_attempts = 30")).unwrap();
    let node = serve(folder.path());
    let all = REQUESTS * TOGETHER;
    for request in 0..REQUESTS {
        let save = |n: usize| json!({ "model": "asset", "id": format!("a{n}"), "fields": { "n": n } });
        let saves = (request * TOGETHER..(request + 1) * TOGETHER).map(save).collect::<Value>().to_string();
        let (status, answer) = send("POST", &node.of_tenant("saves"), &saves).await;
        assert_eq!(status, 200, "{answer}");
        match request {
            10 | 25 => server.stop(),
            15 | 26 => server.start_again(),
            _ => {}
        }
    }
    wait_for_metric(&node, "webhookc_attempts_total{outcome=\"delivered\"}", all as u64).await;
    let sent = messages(&server.streams().await, "HOOKS", all).await;
    let ids: BTreeSet<&str> = sent.iter().map(|message| header(message, "Nats-Msg-Id")).collect();
    assert_eq!((sent.len(), ids.len()), (all, all));
}
