//! A project that reads from a broker or sends to one.

use std::path::Path;
use std::process::Command;

use crate::node::{Node, PATIENCE, Received, Receiver};

/// A model whose every save is told, in order.
pub const SCHEMA: &str = r#"<data-model>
    <model name="asset" label="Asset">
        <field name="name" label="Name" type="text"/>
        <field name="n" label="Number" type="integer"/>
        <display>{name}</display>
        <webhook type="update" name="asset_saved" on="create update delete" order="object"/>
    </model>
</data-model>"#;

/// A key to encrypt secrets with, of the tests alone.
pub const KEY: &str = "0707070707070707070707070707070707070707070707070707070707070707";

/// A folder with the schema and this configuration.
pub fn project(toml: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let common = "[listen]\naddress = \"127.0.0.1:0\"\n[egress]\nallow_networks = [\"127.0.0.0/8\"]\n";
    std::fs::write(folder.path().join("schema.xml"), SCHEMA).unwrap();
    std::fs::write(folder.path().join("webhookc.toml"), format!("{common}{toml}")).unwrap();
    folder
}

/// A project that reads the stream `SAVES` and sends to an HTTP receiver; `more` is said of the source.
pub fn reading(port: u16, receiver: &str, more: &str) -> tempfile::TempDir {
    project(&format!(
        "[nats.main]\nservers = [\"nats://127.0.0.1:{port}\"]\n[source.nats]\nstream = \"SAVES\"\nack_wait = \"1s\"\n{more}\n\
         [[endpoints]]\nname = \"erp\"\nevents = \"*\"\nurl = \"{receiver}/hook\"\norder = \"object\"\n"
    ))
}

/// A project that sends to a broker; `endpoint` is said of the endpoint.
pub fn sending(port: u16, endpoint: &str) -> tempfile::TempDir {
    project(&format!(
        "[nats.main]\nservers = [\"nats://127.0.0.1:{port}\"]\n[[endpoints]]\nname = \"bus\"\nevents = \"*\"\n{endpoint}\n\
         [endpoints.failure_handling]\nretry = {{ pattern = \"linear\", interval = \"1s\", max_attempts = 2 }}\n"
    ))
}

/// Starts the node of a project.
pub fn serve(folder: &Path) -> Node {
    let mut command = Command::new(env!("CARGO_BIN_EXE_webhookc"));
    command.arg("serve").current_dir(folder).env("WEBHOOKC_KEY", KEY);
    Node::launch(command)
}

/// Waits until a counter of `/metrics` has a value.
pub async fn wait_for_metric(node: &Node, series: &str, value: u64) {
    let began = std::time::Instant::now();
    loop {
        let (_, text) = crate::node::send("GET", &format!("{}/metrics", node.url), "").await;
        let text = text.as_str().unwrap().to_owned();
        if text.lines().any(|line| line == format!("{series} {value}")) {
            return;
        }
        assert!(began.elapsed() < PATIENCE, "`{series}` is not {value}:\n{text}\n{}", node.said());
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

/// Waits for so many different requests, and gives each once, as it first came: what was in flight when a node died comes again under its id.
pub async fn wait_for_different(receiver: &Receiver, count: usize) -> Vec<Received> {
    let began = std::time::Instant::now();
    loop {
        let mut seen = std::collections::BTreeSet::new();
        let mut got = receiver.got();
        got.retain(|request| seen.insert(request.header("webhook-id").to_owned()));
        if got.len() >= count {
            return got;
        }
        assert!(began.elapsed() < PATIENCE, "{} of {count} different requests arrived", got.len());
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}
