//! A second node with the same schema and nothing in its store, to which everything is told by its API.

use std::collections::BTreeSet;
use std::fs;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::node::{Node, send};
use crate::witness::{Change, What};
use crate::world::{PATIENCE, Received, receiver};

/// Saves of a request.
const PART: usize = 1_000;

/// The node.
pub struct Twin {
    pub node: Node,
    pub received: Received,
    _folder: TempDir,
}

/// What a change of a row is for somebody who calls the API: model, id, and the fields that are told.
pub struct Row {
    pub model: &'static str,
    pub id: String,
    pub fields: Value,
    /// Whether that is all of it.
    pub is_whole: bool,
}

impl Twin {
    pub async fn start(schema: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (url, received) = receiver().await;
        fs::write(folder.path().join("schema.xml"), schema).unwrap();
        let toml =
            format!("[egress]\nallow_networks = [\"127.0.0.0/8\"]\n[[endpoints]]\nname = \"all\"\nevents = [\"*\"]\nurl = \"{url}\"\n");
        fs::write(folder.path().join("webhookc.toml"), toml).unwrap();
        let node = Node::start(folder.path(), &["serve", "--listen", "127.0.0.1:0"]);
        Self { node, received, _folder: folder }
    }

    /// Saves each change, in order, as somebody would who knows which objects there are: how many saves these were.
    pub async fn save(&self, changes: &[Change], row: impl Fn(&Change) -> Row) -> usize {
        let mut known = BTreeSet::new();
        let mut saves = Vec::new();
        for change in changes {
            let Row { model, id, fields, is_whole } = row(change);
            let object = (model, id.clone());
            let is_known = known.contains(&object);
            saves.push(match change.what {
                What::Delete if !is_known => continue,
                What::Delete => {
                    known.remove(&object);
                    json!({ "model": model, "id": id, "verb": "delete" })
                }
                What::Insert | What::Update => {
                    known.insert(object);
                    let verb = if is_whole || !is_known { "put" } else { "patch" };
                    json!({ "model": model, "id": id, "verb": verb, "fields": fields })
                }
            });
        }
        for part in saves.chunks(PART) {
            let lines = part.iter().map(Value::to_string).collect::<Vec<_>>().join("\n");
            let (status, answer) = send("POST", &self.node.of_tenant("saves"), &lines).await;
            assert_eq!(status, 200, "{answer}");
        }
        saves.len()
    }
}

/// Waits until the node has delivered everything that it has.
pub async fn settled(node: &Node) {
    let began = Instant::now();
    loop {
        let (status, answer) = send("GET", &node.of_tenant("deliveries?status=pending,sending&limit=1"), "").await;
        assert_eq!(status, 200, "{answer}");
        if answer["data"].as_array().unwrap().is_empty() {
            return;
        }
        assert!(began.elapsed() < PATIENCE, "{answer}; {}", node.said());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// What came, in the order of the saves, without what is different by its nature: sequences and times of saves.
pub fn comparable(received: &Received) -> Vec<Value> {
    let mut all: Vec<Value> = received.lock().unwrap().values().cloned().collect();
    all.sort_by_cached_key(|body| {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        (body["sequence"].as_i64(), text(&body["event"]), text(&body["object"]["id"]))
    });
    for body in &mut all {
        body.as_object_mut().unwrap().remove("sequence");
        without_times(body);
    }
    all
}

fn without_times(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.remove("updated_at");
            fields.values_mut().for_each(without_times);
        }
        Value::Array(items) => items.iter_mut().for_each(without_times),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Why each webhook did or did not fire at the last saves of an object, and the object itself.
pub async fn decisions(node: &Node, model: &str, id: &str) -> (Value, Value) {
    let (status, mut explained) = send("GET", &node.of_tenant(&format!("explain/{model}/{id}?limit=500")), "").await;
    assert_eq!(status, 200, "{explained}");
    for save in explained["data"].as_array_mut().unwrap() {
        let save = save.as_object_mut().unwrap();
        save.remove("sequence");
        save.remove("at");
    }
    let (_, mut object) = send("GET", &node.object(model, id), "").await;
    object.as_object_mut().unwrap().remove("sequence");
    without_times(&mut object);
    (explained, object)
}
