//! Requests to the API that are meant to break it, byte for byte over a socket: each gets a clear answer, and nothing of it is stored.

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::node::{Node, PATIENCE, Receiver, send};
use crate::project::{endpoint, project, save};

const OBJECTS: &str = "/api/v1/tenants/default/objects/resource";

/// Sends these bytes and gives back what comes until the node closes.
async fn exchange(node: &Node, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(node.url.trim_start_matches("http://")).await.unwrap();
    // The node may have answered and closed before all was sent.
    drop(stream.write_all(bytes).await);
    answer(stream).await
}

/// The same of a client that says that nothing more comes.
async fn exchange_and_end(node: &Node, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(node.url.trim_start_matches("http://")).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    stream.shutdown().await.unwrap();
    answer(stream).await
}

async fn answer(mut stream: TcpStream) -> String {
    let mut answer = Vec::new();
    drop(tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer)).await.expect("the node never closes"));
    String::from_utf8_lossy(&answer).into_owned()
}

fn put(id: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("PUT {OBJECTS}/{id} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{headers}\r\n");
    [head.as_bytes(), body].concat()
}

fn with_length(id: &str, body: &[u8]) -> Vec<u8> {
    put(id, &format!("content-length: {}\r\n", body.len()), body)
}

/// The status of an answer, and, where it is a problem, its code.
fn verdict(answer: &str) -> (u16, String) {
    let status = answer.get(9..12).and_then(|status| status.parse().ok()).unwrap_or(0);
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    let problem: Value = serde_json::from_str(body).unwrap_or(Value::Null);
    (status, problem["code"].as_str().unwrap_or_default().to_owned())
}

async fn is_empty(node: &Node) -> bool {
    send("GET", &node.of_tenant("messages"), "").await.1["data"] == json!([])
}

async fn start() -> (Node, tempfile::TempDir, Receiver) {
    let receiver = Receiver::start().await;
    let folder = project(&endpoint("index", &receiver.url, ""));
    (Node::start(folder.path(), &["serve"]), folder, receiver)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_that_are_no_saves() {
    let (node, _folder, receiver) = start().await;
    let deep = |open: &str, close: &str| format!("{}{}", open.repeat(100_000), close.repeat(100_000));
    let nested = format!(r#"{{"name": {}}}"#, deep("[", "]"));
    let objects = format!(r#"{{"name": {}1{}}}"#, r#"{"a":"#.repeat(100_000), "}".repeat(100_000));
    let big = format!(r#"{{"name": "{}"}}"#, "x".repeat(10 << 20));
    let cases: Vec<(&str, Vec<u8>, (u16, &str))> = vec![
        ("deep lists", nested.into_bytes(), (400, "invalid-json")),
        ("deep objects", objects.into_bytes(), (400, "invalid-json")),
        ("10 MiB", big.into_bytes(), (413, "too-large")),
        ("a key twice", br#"{"name": "a", "name": "b"}"#.to_vec(), (422, "duplicate-key")),
        ("not UTF-8", b"{\"name\": \"\xff\xfe\"}".to_vec(), (400, "invalid-json")),
        ("half a surrogate", br#"{"name": "\ud800"}"#.to_vec(), (400, "invalid-json")),
        ("cut off", br#"{"name": "Pu"#.to_vec(), (400, "invalid-json")),
        ("nothing", Vec::new(), (400, "invalid-json")),
        ("not an object", b"[]".to_vec(), (422, "wrong-type")),
        ("a number beyond all", br#"{"name": 1e999999}"#.to_vec(), (400, "invalid-json")),
    ];
    for (name, body, expected) in cases {
        let seen = verdict(&exchange(&node, &with_length("x", &body)).await);
        assert_eq!((seen.0, seen.1.as_str()), expected, "{name}");
    }
    let batch = format!(
        "POST /api/v1/tenants/default/saves HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: 200000\r\n\r\n{}",
        "[".repeat(200_000)
    );
    assert_eq!(verdict(&exchange(&node, batch.as_bytes()).await), (400, "invalid-json".to_owned()));
    assert!(is_empty(&node).await && receiver.got().is_empty());
    assert_eq!(save(&node, "well").await.0, 201);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lengths_that_are_wrong() {
    let (node, _folder, receiver) = start().await;
    let body = br#"{"name": "Pump"}"#;
    let chunked = |chunks: &[u8]| put("x", "transfer-encoding: chunked\r\n", chunks);
    let cases: Vec<(&str, Vec<u8>, u16)> = vec![
        ("two lengths", put("x", "content-length: 16\r\ncontent-length: 4\r\n", body), 400),
        ("a negative length", put("x", "content-length: -1\r\n", body), 400),
        ("no number", put("x", "content-length: 0x10\r\n", body), 400),
        ("an unknown coding", put("x", "transfer-encoding: gzip\r\n", body), 400),
        ("a chunk longer than said", chunked(b"4\r\n{\"name\": \"Pump\"}\r\n0\r\n\r\n"), 400),
        ("a size that is no number", chunked(b"zz\r\n{}\r\n0\r\n\r\n"), 400),
        ("a size that fits nowhere", chunked(b"fffffffffffffffff\r\n{}\r\n0\r\n\r\n"), 400),
    ];
    for (name, bytes, expected) in cases {
        let answer = exchange(&node, &bytes).await;
        assert_eq!(verdict(&answer).0, expected, "{name}: {answer}");
    }
    let cut_off: [(&str, Vec<u8>); 3] = [
        ("shorter than said", put("x", "content-length: 100\r\n", body)),
        ("a chunk that is cut off", chunked(b"10\r\n{\"name\":")),
        ("no last chunk", chunked(b"10\r\n{\"name\": \"Pump\"}\r\n")),
    ];
    for (name, bytes) in cut_off {
        let (status, code) = verdict(&exchange_and_end(&node, &bytes).await);
        assert_eq!((status, code.as_str()), (400, "incomplete-body"), "{name}");
    }
    assert!(is_empty(&node).await && receiver.got().is_empty());
    assert_eq!(verdict(&exchange(&node, &chunked(b"10\r\n{\"name\": \"Pump\"}\r\n0\r\n\r\n")).await).0, 201);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_that_are_none() {
    let (node, _folder, receiver) = start().await;
    let body = br#"{"name": "Pump"}"#;
    for (id, expected) in [("a%00b", 400), ("%ff%fe", 400), ("a%0ab", 422), ("", 404)] {
        let (status, code) = verdict(&exchange(&node, &with_length(id, body)).await);
        assert!(status == expected && !code.is_empty(), "{id}: {status} {code}");
    }
    let (status, code) = verdict(&exchange(&node, &with_length(&"i".repeat(1_000), body)).await);
    assert!(status == 422 && !code.is_empty(), "{status} {code}");
    let (status, code) = verdict(&exchange(&node, &with_length(&"i".repeat(1 << 20), body)).await);
    assert_eq!((status, code.as_str()), (431, "too-large"));
    // A slash that is written as `%2F` belongs to the id, which may have none; it is not a step to another path.
    let (status, code) = verdict(&exchange(&node, &with_length("..%2F..%2Fsecret", body)).await);
    assert!(status == 422 && !code.is_empty(), "{status} {code}");
    assert!(is_empty(&node).await && receiver.got().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_that_come_before_they_are_asked_for() {
    let (node, _folder, receiver) = start().await;
    let body = br#"{"name": "Pump"}"#;
    let one = |id: usize| {
        let head = format!("PUT {OBJECTS}/p{id} HTTP/1.1\r\nhost: localhost\r\ncontent-length: {}\r\n\r\n", body.len());
        [head.as_bytes(), body].concat()
    };
    let mut all: Vec<u8> = (0..50).flat_map(one).collect();
    all.extend(with_length("last", body));
    let answer = exchange(&node, &all).await;
    assert_eq!(answer.matches("HTTP/1.1 201").count(), 51, "{answer}");
    assert_eq!(receiver.wait_for(51).await.len(), 51);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_of_other_hosts() {
    let (node, folder, receiver) = start().await;
    let body = br#"{"name": "Pump"}"#;
    let from = |host: &str, origin: &str| {
        let head =
            format!("PUT {OBJECTS}/x HTTP/1.1\r\nhost: {host}\r\n{origin}connection: close\r\ncontent-length: {}\r\n\r\n", body.len());
        [head.as_bytes(), body].concat()
    };
    let foreign = (403, "foreign-host".to_owned());
    assert_eq!(verdict(&exchange(&node, &from("evil.example", "")).await), foreign);
    assert_eq!(verdict(&exchange(&node, &from("localhost", "origin: https://evil.example\r\n")).await), foreign);
    assert_eq!(verdict(&exchange(&node, &from("api.example", "")).await), foreign);
    assert!(is_empty(&node).await && receiver.got().is_empty());
    drop(node);
    let path = folder.path().join("webhookc.toml");
    let toml = std::fs::read_to_string(&path).unwrap().replace("[listen]\n", "[listen]\nhosts = \"api.example\"\n");
    std::fs::write(path, toml).unwrap();
    let node = Node::start(folder.path(), &["serve"]);
    assert_eq!(verdict(&exchange(&node, &from("api.example", "")).await).0, 201);
    assert_eq!(verdict(&exchange(&node, &from("evil.example", "")).await), foreign);
}
