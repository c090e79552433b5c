//! Clients that take connections and give nothing: the others go on, memory stays bounded, and whoever is too slow is sent away.

use std::process::Command;
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::node::{Node, PATIENCE, Receiver};
use crate::project::{endpoint, project, save};

/// Connections that are open at once.
const MANY: usize = 10_000;
/// What so many may cost, in KiB: a seat, a task, the buffer of half a head.
const COST: u64 = 256 * 1024;

const HALF: &[u8] = b"PUT /api/v1/tenants/default/objects/resource/half HTTP/1.1\r\nhost: localhost\r\nx-half: ";
const SLOW: &[u8] =
    b"PUT /api/v1/tenants/default/objects/resource/slow HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1000\r\n\r\n{\"name\": \"";

async fn connect(node: &Node) -> TcpStream {
    TcpStream::connect(node.url.trim_start_matches("http://")).await.unwrap()
}

/// Everything that comes until the node closes the connection. A reset is an end too.
async fn until_closed(stream: &mut TcpStream) -> String {
    let mut all = Vec::new();
    // An error is the end that is waited for.
    drop(tokio::time::timeout(PATIENCE * 3, stream.read_to_end(&mut all)).await.expect("the node keeps the connection"));
    String::from_utf8_lossy(&all).into_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_silent_clients_keep_nobody_out() {
    let limits = getrlimit(Resource::Nofile);
    assert!(limits.maximum.is_none_or(|most| most > MANY as u64 + 500), "this test needs {MANY} open files, `ulimit -Hn`: {limits:?}");
    setrlimit(Resource::Nofile, Rlimit { current: limits.maximum, ..limits }).unwrap();
    let receiver = Receiver::start().await;
    let folder = project(&endpoint("index", &receiver.url, ""));
    let node = Node::start(folder.path(), &["serve"]);
    for n in 0..50 {
        assert_eq!(save(&node, &format!("before{n}")).await.0, 201);
    }
    let before = node.most_memory();
    let mut streams = Vec::with_capacity(MANY);
    for n in 0..MANY {
        let mut stream = connect(&node).await;
        match n % 4 {
            0 => stream.write_all(HALF).await.unwrap(),
            1 => stream.write_all(SLOW).await.unwrap(),
            _ => {}
        }
        streams.push(stream);
    }
    for n in 0..50 {
        assert_eq!(save(&node, &format!("during{n}")).await.0, 201);
    }
    receiver.wait_for(100).await;
    let cost = node.most_memory() - before;
    assert!(cost < COST, "{MANY} connections cost {cost} KiB");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_byte_a_second_is_too_slow() {
    let receiver = Receiver::start().await;
    let folder = project(&endpoint("index", &receiver.url, ""));
    let node = Node::start(folder.path(), &["serve"]);
    let mut heads = Vec::new();
    for begin in [b"".as_slice(), HALF, SLOW] {
        let mut stream = connect(&node).await;
        stream.write_all(begin).await.unwrap();
        heads.push(tokio::spawn(async move {
            let (mut read, mut write) = stream.split();
            let drip = async {
                while !begin.is_empty() && write.write_all(b"x").await.is_ok() {
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
                std::future::pending::<()>().await;
            };
            let mut answer = Vec::new();
            let ended = tokio::select! {
                () = drip => unreachable!(),
                ended = tokio::time::timeout(PATIENCE * 3, read.read_to_end(&mut answer)) => ended,
            };
            assert!(ended.is_ok(), "a slow client is kept");
            String::from_utf8_lossy(&answer).into_owned()
        }));
    }
    let mut answers = Vec::new();
    for head in heads {
        answers.push(head.await.unwrap());
    }
    assert_eq!(answers[..2], ["", ""], "who has asked nothing is answered nothing");
    assert!(answers[2].starts_with("HTTP/1.1 408") && answers[2].contains("too-slow"), "{}", answers[2]);
    assert_eq!(save(&node, "after").await.0, 201);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_is_never_fetched_frees_its_place() {
    let receiver = Receiver::start().await;
    let folder = project(&endpoint("index", &receiver.url, ""));
    let node = Node::start(folder.path(), &["serve"]);
    assert_eq!(save(&node, "a").await.0, 201);
    // Far more answers than two sockets' buffers hold.
    let mut stream = connect(&node).await;
    let ask = b"GET /api/v1/tenants/default/webhooks HTTP/1.1\r\nhost: localhost\r\n\r\n";
    let began = Instant::now();
    let flood = async {
        while stream.write_all(ask).await.is_ok() {
            assert!(began.elapsed() < PATIENCE * 3, "who never reads is kept");
        }
    };
    tokio::time::timeout(PATIENCE * 3, flood).await.expect("who never reads is kept");
    assert_eq!(save(&node, "b").await.0, 201);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_clients_than_file_descriptors() {
    let receiver = Receiver::start().await;
    let folder = project(&format!("in_flight = 4\n{}", endpoint("index", &receiver.url, "")));
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -n 96; exec \"$0\" serve", env!("CARGO_BIN_EXE_webhookc")]).current_dir(folder.path());
    let node = Node::launch(command);
    node.wait_for_line("that it is short of files", |line| line.contains("WARN") && line.contains("few connections"));
    let mut streams = Vec::new();
    for _ in 0..400 {
        streams.push(connect(&node).await);
    }
    for n in 0..20 {
        assert_eq!(save(&node, &format!("o{n}")).await.0, 201);
    }
    receiver.wait_for(20).await;
    node.wait_for_line("that there is no room", |line| line.contains("those that wait longest for their clients are closed"));
    let busy = node.processor_time();
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!(node.processor_time() - busy < 100, "it spins");
    assert_eq!(until_closed(&mut streams[0]).await, "");
}
