//! Projects of the example with one model whose every save fires, and what is done with them.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use tempfile::TempDir;

use crate::node::{Node, Receiver, send};

/// A folder with the example's schema and these settings.
pub fn project(toml: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas/resources/schema.xml");
    fs::copy(schema, folder.path().join("schema.xml")).unwrap();
    let toml = format!("[listen]\naddress = \"127.0.0.1:0\"\n[egress]\nallow_networks = [\"127.0.0.0/8\"]\n{toml}");
    fs::write(folder.path().join("webhookc.toml"), toml).unwrap();
    folder
}

/// An endpoint for every event, with more settings.
pub fn endpoint(name: &str, url: &str, more: &str) -> String {
    format!("[[endpoints]]\nname = \"{name}\"\nevents = \"*\"\nurl = \"{url}\"\n{more}\n")
}

/// Saves an object; status and answer.
pub async fn save(node: &Node, id: &str) -> (u16, serde_json::Value) {
    send("PUT", &node.object("resource", id), r#"{"name": "Pump"}"#).await
}

/// How often each object's request came.
pub fn times(receiver: &Receiver) -> BTreeMap<String, usize> {
    let mut times = BTreeMap::new();
    for request in receiver.got() {
        *times.entry(request.json()["object"]["id"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    times
}
