//! A node of `webhookc serve` that asks for keys, with the key of its operator.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::browser::Browser;
use crate::node::{Node, PATIENCE};
use crate::project::SCHEMA;

/// A node under way, and who may do everything there.
pub struct Served {
    pub folder: TempDir,
    pub node: Node,
    pub operator: String,
}

impl Served {
    /// Starts `webhookc serve` on the schema, with this `webhookc.toml`. Deliveries may go to this machine.
    pub fn start(toml: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("schema.xml"), SCHEMA).unwrap();
        let toml = format!("{toml}\n[egress]\nallow_networks = [\"127.0.0.0/8\"]\n");
        fs::write(folder.path().join("webhookc.toml"), toml).unwrap();
        let operator = Self::key(folder.path(), &["--all-tenants", "--permission", "*", "--name", "operator"]);
        let node = Node::start(folder.path(), &["serve", "--listen", "127.0.0.1:0"]);
        Self { folder, node, operator }
    }

    fn key(folder: &Path, arguments: &[&str]) -> String {
        let output =
            Command::new(env!("CARGO_BIN_EXE_webhookc")).args(["keys", "create"]).args(arguments).current_dir(folder).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// Calls the API as its operator.
    pub async fn call(&self, method: &str, path: &str, body: &Value) -> Value {
        let client = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build().unwrap();
        let request = client.request(method.parse().unwrap(), format!("{}{path}", self.node.url)).bearer_auth(&self.operator);
        let answer = request.header("content-type", "application/json").body(body.to_string()).send().await.unwrap();
        let (status, text) = (answer.status(), answer.text().await.unwrap());
        assert!(status.is_success(), "{method} {path}: {status} {text}");
        serde_json::from_str(&text).unwrap_or(Value::Null)
    }

    /// A key or link (`keys`, `links`) of a tenant; its id and itself.
    pub async fn make(&self, what: &str, tenant: &str, wish: &Value) -> (String, String) {
        let made = self.call("POST", &format!("/api/v1/tenants/{tenant}/{what}"), wish).await;
        (made["id"].as_str().unwrap().to_owned(), made["key"].as_str().unwrap().to_owned())
    }

    /// Saves an object of a tenant.
    pub async fn save(&self, tenant: &str, model: &str, id: &str, fields: &str) {
        let fields: Value = serde_json::from_str(fields).unwrap();
        self.call("PUT", &format!("/api/v1/tenants/{tenant}/objects/{model}/{id}"), &fields).await;
    }

    /// A page of a tenant.
    pub fn page(&self, tenant: &str, path: &str) -> String {
        format!("{}/ui/{tenant}{path}", self.node.url)
    }

    /// Signs in by hand and waits for the page behind the form.
    pub fn sign_in(&self, browser: &mut Browser, key: &str) {
        browser.open(&format!("{}/sign-in", self.node.url));
        browser.value(&format!("document.querySelector('#key').value = {}", json!(key)));
        browser.click("main form button");
        browser.wait_for("a page", "location.pathname !== '/sign-in' && document.readyState === 'complete'");
    }

    /// Sees to it that no script complained beyond answers that are no success, and that nothing was asked of another host.
    pub fn finish(&self, browser: &Browser) {
        let told = |complaint: &&String| !complaint.contains("the server responded with a status of 4");
        assert_eq!(browser.complaints.iter().filter(told).collect::<Vec<_>>(), Vec::<&String>::new());
        let foreign: Vec<&String> = browser.asked.iter().filter(|url| !url.starts_with(&self.node.url) && *url != "about:blank").collect();
        assert!(foreign.is_empty() && !browser.asked.is_empty(), "asked of others: {foreign:?}");
    }
}
