//! Signatures of a running node, verified in another language with what its receivers are told, before and after rotations.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::node::{Node, Received, Receiver, send};

const CURRENT: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const PREVIOUS: &str = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3";
const EXPIRED: &str = "whsec_MTEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3";
const SIGNING_KEY: &str = "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg==";
const PUBLIC_KEY: &str = "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4=";

/// 32 bytes of 9, and what is public of them.
const PREVIOUS_KEY: [&str; 2] = ["whsk_CQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQk=", "whpk_/RckOFqgx1tk+3jNYC+h2ZH96/drE8WO1wLqyDXp9hg="];

/// What a receiver knows.
struct Told<'a> {
    secrets: &'a [&'a str],
    strangers: &'a [&'a str],
    public_key: Option<&'a str>,
}

/// Has the request verified by another implementation: the checks it made, all of them good.
fn verified(request: &Received, told: &Told<'_>, keys: &Value) -> Vec<String> {
    let headers: serde_json::Map<_, _> =
        request.headers.iter().map(|(name, value)| (name.to_string(), json!(value.to_str().unwrap()))).collect();
    let input = json!({
        "headers": headers, "body": STANDARD.encode(&request.body), "secrets": told.secrets, "strangers": told.strangers,
        "publicKey": told.public_key, "keys": keys["keys"],
    });
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/process/verify.mjs");
    let mut node = Command::new("node")
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the `node` command must be installed to run this test");
    node.stdin.take().unwrap().write_all(input.to_string().as_bytes()).unwrap();
    let output = node.wait_with_output().unwrap();
    assert!(output.status.success());
    let checks: Vec<String> = String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect();
    assert!(checks.iter().all(|check| check.starts_with("ok ")), "{checks:#?}\n{input:#}");
    checks
}

async fn keys(node: &Node) -> Value {
    send("GET", &format!("{}/.well-known/webhook-keys.json", node.url), "").await.1
}

async fn save(node: &Node, id: &str) {
    let (status, answer) = send("PUT", &node.object("resource", id), r#"{"name": "Pump"}"#).await;
    assert_eq!(status, 201, "{answer}");
}

fn project(receiver: &Receiver, endpoint: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas/resources/schema.xml");
    std::fs::copy(schema, folder.path().join("schema.xml")).unwrap();
    let toml = format!(
        "[listen]\naddress = \"127.0.0.1:0\"\n[egress]\nallow_networks = [\"127.0.0.0/8\"]\n[[endpoints]]\nname = \"erp\"\nevents = \"*\"\nurl = \"{}/hook\"\n{endpoint}",
        receiver.url
    );
    std::fs::write(folder.path().join("webhookc.toml"), toml).unwrap();
    folder
}

#[tokio::test]
async fn declared_keys_sign_for_as_long_as_they_are_valid() {
    let receiver = Receiver::start().await;
    let endpoint = format!(
        "secret = \"{CURRENT}\"\nsigning_key = \"{SIGNING_KEY}\"\nsignatures = [\"standard\", \"journey\"]\nprevious_secrets = [\n  {{ secret = \"{PREVIOUS}\", until = 2999-01-01T00:00:00Z }},\n  {{ secret = \"{}\", until = 2999-01-01T00:00:00Z }},\n  {{ secret = \"{EXPIRED}\", until = 2020-01-01T00:00:00Z }},\n]\n",
        PREVIOUS_KEY[0]
    );
    let folder = project(&receiver, &endpoint);
    let node = Node::start(folder.path(), &["serve"]);
    save(&node, "r1").await;
    let request = receiver.wait_for(1).await.remove(0);
    let (_, shown) = send("GET", &node.of_tenant("endpoints/ep_erp"), "").await;
    assert_eq!((&shown["public_key"], &shown["signatures"]), (&json!(PUBLIC_KEY), &json!(["standard", "asymmetric", "journey"])));
    let told = Told { secrets: &[CURRENT, PREVIOUS], strangers: &[EXPIRED], public_key: Some(PUBLIC_KEY) };
    assert_eq!(verified(&request, &told, &keys(&node).await).len(), 8);
    verified(&request, &Told { public_key: Some(PREVIOUS_KEY[1]), ..told }, &keys(&node).await);
    for secret in told.secrets {
        standardwebhooks::Webhook::new(secret).unwrap().verify(&request.body, &request.headers).unwrap();
    }

    let (status, refused) = send("POST", &node.of_tenant("endpoints/ep_erp/rotate-secret"), "").await;
    assert_eq!((status, &refused["code"]), (409, &json!("configured-secret")), "{refused}");
    let (status, refused) = send("POST", &node.of_tenant("endpoints/ep_nobody/rotate-secret"), "").await;
    assert_eq!((status, &refused["code"]), (404, &json!("unknown-endpoint")), "{refused}");
}

/// `webhookc rotate …`; what it prints.
fn rotate(node: &Node, arguments: &[&str]) -> Vec<String> {
    let output = Command::new(env!("CARGO_BIN_EXE_webhookc")).arg("rotate").args(arguments).args(["--url", &node.url]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

#[tokio::test]
async fn kept_keys_are_rotated_at_once_and_the_old_ones_stay_valid_also_after_a_restart() {
    let receiver = Receiver::start().await;
    let folder = project(&receiver, "signatures = [\"asymmetric\", \"journey\"]\n");
    let mut node = Node::start(folder.path(), &["serve"]);
    let public_key = |shown: &Value| shown["public_key"].as_str().unwrap().to_owned();
    let (_, shown) = send("GET", &node.of_tenant("endpoints/ep_erp"), "").await;
    let old_public_key = public_key(&shown);

    let (status, refused) = send("POST", &node.of_tenant("endpoints/ep_erp/rotate-secret"), r#"{"grace": "soon"}"#).await;
    assert_eq!((status, &refused["code"]), (422, &json!("invalid-grace")), "{refused}");
    let (status, refused) = send("POST", &node.of_tenant("endpoints/ep_erp/rotate-secret"), r#"{"secret": "whsec_AAAA"}"#).await;
    assert_eq!((status, &refused["code"]), (422, &json!("invalid-secret")), "{refused}");

    // The first secret was never shown; with this, a receiver has one.
    let first = rotate(&node, &["ep_erp", "--grace", "0s"]).remove(0);
    save(&node, "r1").await;
    let request = receiver.wait_for(1).await.remove(0);
    let told = Told { secrets: &[&first], strangers: &[CURRENT], public_key: Some(&old_public_key) };
    assert_eq!(verified(&request, &told, &keys(&node).await).len(), 7);

    let second = rotate(&node, &["ep_erp"]).remove(0);
    let (status, answer) = send("POST", &node.of_tenant("endpoints/ep_erp/rotate-secret"), &json!({ "secret": CURRENT }).to_string()).await;
    assert_eq!((status, &answer["secret"]), (200, &json!(CURRENT)), "{answer}");
    let ids = rotate(&node, &["--grace", "7d"]);
    assert_eq!(ids.len(), 2, "RSA and Ed25519: {ids:?}");
    save(&node, "r2").await;
    let after = receiver.wait_for(2).await.remove(1);
    let told = Told { secrets: &[CURRENT, &second, &first], strangers: &[], public_key: Some(&old_public_key) };
    let published = keys(&node).await;
    assert_eq!(verified(&after, &told, &published).len(), 8);
    assert_ne!(after.header("x-journey-signature-rsa-sha256-key-id"), request.header("x-journey-signature-rsa-sha256-key-id"));
    assert_eq!(published["keys"].as_array().unwrap().len(), 4, "two new keys and two old ones: {published}");
    verified(&request, &Told { secrets: &[&first], strangers: &[], public_key: Some(&old_public_key) }, &published);
    let (_, shown) = send("GET", &node.of_tenant("endpoints/ep_erp"), "").await;
    let new_public_key = public_key(&shown);
    assert_ne!(new_public_key, old_public_key);

    node.kill();
    let node = Node::start(folder.path(), &["serve"]);
    save(&node, "r3").await;
    let request = receiver.wait_for(3).await.remove(2);
    verified(&request, &Told { public_key: Some(&new_public_key), ..told }, &keys(&node).await);
    verified(&request, &Told { secrets: &[CURRENT, &second, &first], strangers: &[], public_key: Some(&old_public_key) }, &published);
}
