//! The APIs of other systems, through the real binary on the example of each: what their documents show, and what is wrong in turn.

mod back;
mod devopness;
mod gemeindeconnect;
mod portant;
mod socotra;
mod wrong;

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::node::{Node, Receiver, send};

/// A node on the example of a system, with a receiver.
struct Stage {
    node: Node,
    receiver: Receiver,
    folder: tempfile::TempDir,
}

impl Stage {
    async fn new(system: &str) -> Self {
        Self::with(system, "").await
    }

    /// With more in its `webhookc.toml`.
    async fn with(system: &str, more: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas").join(system);
        fs::copy(example.join("schema.xml"), folder.path().join("schema.xml")).unwrap();
        let toml = fs::read_to_string(example.join("webhookc.toml")).unwrap();
        let toml = format!("{toml}\n[listen]\naddress = \"127.0.0.1:0\"\n[egress]\nallow_networks = [\"127.0.0.0/8\"]\n{more}");
        fs::write(folder.path().join("webhookc.toml"), toml).unwrap();
        let node = Node::start(folder.path(), &["serve"]);
        Self { node, receiver: Receiver::start().await, folder }
    }

    async fn call(&self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        send(method, &format!("{}{path}", self.node.url), &body).await
    }

    async fn get(&self, path: &str) -> Value {
        let (status, answer) = self.call("GET", path, &Value::Null).await;
        assert_eq!(status, 200, "{path}: {answer}");
        answer
    }

    async fn save(&self, model: &str, id: &str, fields: Value) -> Value {
        let (status, answer) = send("PUT", &self.node.object(model, id), &fields.to_string()).await;
        assert!(status == 200 || status == 201, "{answer}");
        answer
    }

    /// Each of these changes of a good document is refused with this status, and its problem names the field.
    async fn refuses(&self, (method, path): (&str, &str), good: &Value, status: u16, cases: &[(&str, Value)]) {
        for (pointer, wrong) in cases {
            let mut body = good.clone();
            put(&mut body, pointer, wrong.clone());
            let (seen, problem) = self.call(method, path, &body).await;
            let pointers = problem["errors"].to_string();
            assert!(seen == status && pointers.contains(&format!("\"{pointer}")), "{pointer} = {wrong}: {seen} {problem}");
            assert_eq!(problem["status"], json!(status));
        }
    }
}

/// Puts a value at a JSON pointer, or takes away what is there when it is null.
fn put(body: &mut Value, pointer: &str, value: Value) {
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    let parent = body.pointer_mut(parent).unwrap().as_object_mut().unwrap();
    if value.is_null() {
        parent.remove(key)
    } else {
        parent.insert(key.to_owned(), value)
    };
}

/// Waits until it is so.
async fn wait(so: impl AsyncFn() -> bool) {
    let began = std::time::Instant::now();
    while !so().await {
        assert!(began.elapsed() < crate::node::PATIENCE, "it never came so far");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}
