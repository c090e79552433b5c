//! A broker beside HTTP: what a node needs for a delivery to a stream of NATS `JetStream` and to an HTTP receiver, for a save out of a
//! message and out of a request.
//!
//! `cargo bench --features nats --bench broker` prints, of each way in turn, messages a second and processor time of the node for each, as
//! median and range of the rounds. It needs `nats-server`. `BROKER_MESSAGES` says how many there are in each.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "a bench reports by printing, and fails by panicking"
)]

#[path = "../tests/process/node.rs"]
#[allow(dead_code, reason = "the tests use more of it")]
mod node;
#[path = "../tests/broker/project.rs"]
#[allow(dead_code, reason = "the tests use more of it")]
mod project;
#[path = "../tests/broker/server.rs"]
#[allow(dead_code, reason = "the tests use more of it")]
mod server;

use std::time::{Duration, Instant};

use futures_util::{StreamExt as _, stream};
use node::Node;
use serde_json::json;
use server::Server;

/// Times that each way is measured.
const ROUNDS: usize = 3;
/// Saves in a request, or in a message, of the ways that take several together.
const TOGETHER: usize = 100;
/// Requests, or messages without acknowledgement, at once.
const AT_ONCE: usize = 64;
/// Waits for the recording of the last ones.
const LOOK: Duration = Duration::from_millis(20);
/// Bytes of the text in a save.
const TEXT: usize = 700;

/// How saves come in, or deliveries go out.
#[derive(Clone, Copy)]
enum Way {
    DeliverByHttp,
    DeliverToStream,
    SaveByRequest,
    SaveByRequests,
    SaveFromMessage,
    SaveFromMessageUnordered,
    SaveFromMessages,
}

impl Way {
    const ALL: [(Self, &str); 7] = [
        (Self::DeliverByHttp, "delivered to an HTTP receiver"),
        (Self::DeliverToStream, "delivered to a stream"),
        (Self::SaveByRequest, "saved by a request each"),
        (Self::SaveFromMessage, "saved from a message each"),
        (Self::SaveFromMessageUnordered, "the same, `order = \"none\"`"),
        (Self::SaveByRequests, "saved by requests of 100"),
        (Self::SaveFromMessages, "saved from messages of 100"),
    ];
}

#[tokio::main]
async fn main() {
    let count = std::env::var("BROKER_MESSAGES").map_or(20_000, |text| text.parse().unwrap());
    let mut measured = Way::ALL.map(|(_, name)| (name, Vec::new()));
    for _ in 0..ROUNDS {
        for ((way, _), (_, rounds)) in Way::ALL.into_iter().zip(&mut measured) {
            rounds.push(measure(way, count).await);
        }
    }
    for (name, rounds) in measured {
        let of = |part: fn(&(f64, f64)) -> f64| {
            let mut values: Vec<f64> = rounds.iter().map(part).collect();
            values.sort_by(f64::total_cmp);
            format!("{:.0} ({:.0}–{:.0})", values[values.len() / 2], values[0], values[values.len() - 1])
        };
        println!("{name:32} {:>26} a second {:>20} µs of CPU", of(|round| round.0), of(|round| round.1));
    }
}

/// Messages a second, and microseconds of processor time for each.
async fn measure(way: Way, count: usize) -> (f64, f64) {
    let server = Server::start();
    let streams = server.streams().await;
    server::make_stream(&streams, "SAVES", "saves.>").await;
    server::make_stream(&streams, "HOOKS", "hooks.>").await;
    let receiver = node::Receiver::start().await;
    let broker = format!("[nats.main]\nservers = [\"nats://127.0.0.1:{}\"]\n", server.port);
    let endpoint = |url: String| format!("[[endpoints]]\nname = \"out\"\nevents = \"*\"\nurl = \"{url}\"\n");
    let source = "[source.nats]\nstream = \"SAVES\"\n";
    let (toml, counter) = match way {
        Way::DeliverByHttp => (endpoint(format!("{}/hook", receiver.url)), "webhookc_attempts_total{outcome=\"delivered\"}"),
        Way::DeliverToStream => (endpoint("nats://main/hooks.x".to_owned()), "webhookc_attempts_total{outcome=\"delivered\"}"),
        Way::SaveByRequest | Way::SaveByRequests => (String::new(), ""),
        Way::SaveFromMessage | Way::SaveFromMessages => (source.to_owned(), "webhookc_source_messages_total{outcome=\"saved\"}"),
        Way::SaveFromMessageUnordered => (format!("{source}order = \"none\"\n"), "webhookc_source_messages_total{outcome=\"saved\"}"),
    };
    let folder = project::project(&format!("{broker}{toml}"));
    let node = project::serve(folder.path());
    // It has started when nothing is left to do.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let (began, used) = (Instant::now(), node.processor_time());
    let messages = match way {
        Way::DeliverByHttp | Way::DeliverToStream | Way::SaveByRequests => {
            request(&node, count, TOGETHER).await;
            count
        }
        Way::SaveByRequest => {
            request(&node, count, 1).await;
            count
        }
        Way::SaveFromMessage | Way::SaveFromMessageUnordered => publish(&streams, count, 1).await,
        Way::SaveFromMessages => publish(&streams, count, TOGETHER).await,
    };
    if !counter.is_empty() {
        let last = format!("{counter} {messages}");
        loop {
            let (_, text) = node::send("GET", &format!("{}/metrics", node.url), "").await;
            if text.as_str().unwrap().lines().any(|line| line == last) {
                break;
            }
            assert!(began.elapsed() < Duration::from_mins(5), "never: {last}\n{}", node.said());
            tokio::time::sleep(LOOK).await;
        }
    }
    #[expect(clippy::cast_precision_loss, reason = "counts and hundredths of a second are small")]
    let (count, used) = (count as f64, (node.processor_time() - used) as f64);
    (count / began.elapsed().as_secs_f64(), used * 10_000.0 / count)
}

/// The saves of one request or message.
fn saves(first: usize, size: usize) -> String {
    let text = "x".repeat(TEXT);
    let save = |n: usize| json!({ "model": "asset", "id": format!("a{n}"), "fields": { "name": text, "n": n } });
    (first..first + size).map(save).collect::<serde_json::Value>().to_string()
}

async fn request(node: &Node, count: usize, size: usize) {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let requests = (0..count).step_by(size).map(|first| {
        let request = client.post(node.of_tenant("saves")).header("content-type", "application/json").body(saves(first, size));
        async move {
            let answer = request.send().await.unwrap();
            assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
        }
    });
    stream::iter(requests).buffer_unordered(AT_ONCE).for_each(async |()| {}).await;
}

/// How many messages there were.
async fn publish(streams: &async_nats::jetstream::Context, count: usize, size: usize) -> usize {
    let messages = (0..count).step_by(size).map(|first| server::publish(streams, "saves.x", saves(first, size)));
    stream::iter(messages).buffered(AT_ONCE).count().await
}
