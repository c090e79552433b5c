//! The main job on the examples, through the real binary, real sockets and a real database: what the README promises.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::node::{Node, Receiver, send};
use serde_json::{Value, json};

fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas").join(name).join("schema.xml")
}

/// A project folder with an example's schema and this `webhookc.toml`.
fn project(schema: &str, toml: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::copy(example(schema), folder.path().join("schema.xml")).unwrap();
    fs::write(folder.path().join("webhookc.toml"), toml).unwrap();
    folder
}

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

#[tokio::test]
async fn an_asset_is_announced_once_when_its_photo_is_uploaded() {
    let receiver = Receiver::start().await;
    let toml = format!(
        "server = \"https://assets.example\"\n[listen]\naddress = \"127.0.0.1:0\"\n[egress]\nallow_networks = [\"127.0.0.0/8\"]\n[[endpoints]]\nname = \"erp\"\nevents = [\"asset_ready\"]\nurl = \"{}/assets/{{{{ object.id }}}}\"\nsecret = \"{SECRET}\"\nsignatures = [\"standard\", \"journey\"]\n",
        receiver.url
    );
    let folder = project("assets", &toml);
    let node = Node::start(folder.path(), &["serve"]);
    let asset = node.object("asset", "a1");

    let (status, answer) = send("PUT", &format!("{asset}?explain"), r#"{"name": "Pump", "asset_photo": "p1", "user_id": "u1"}"#).await;
    assert_eq!((status, &answer["operation"]), (201, &json!("create")), "{answer}");
    assert_eq!(answer["messages"], json!([]));
    assert!(answer.to_string().contains("asset_photo is present, needs uploaded"), "{answer}");

    let photo = r#"{"original": "https://media.example/p1.jpg", "thumbnail": "https://media.example/p1-small.jpg"}"#;
    let (status, answer) = send("PUT", &format!("{asset}/attachments/asset_photo"), photo).await;
    assert_eq!((status, answer["messages"].as_array().map(Vec::len)), (200, Some(1)), "{answer}");

    let (status, answer) = send("PATCH", &asset, r#"{"name": "Pump 2"}"#).await;
    assert_eq!((status, &answer["messages"]), (200, &json!([])), "{answer}");
    let (_, explained) = send("GET", &node.of_tenant("explain/asset/a1"), "").await;
    assert!(explained.to_string().contains("has fired for this object before"), "{explained}");

    let got = receiver.wait_for(1).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(receiver.got().len(), 1, "saved again after it fired: nothing more");
    let request = &got[0];
    assert_eq!(request.path, "/assets/a1");
    let body = request.json();
    assert_eq!(
        (&body["event"], &body["server"], &body["account_id"]),
        (&json!("asset_ready"), &json!("https://assets.example"), &json!("default"))
    );
    assert_eq!(body["object"]["asset_photo"]["state"], json!("uploaded"));
    assert_eq!(body["object"]["user_id"], json!("u1"));
    assert!(body["object"].get("user").is_none(), "user is not embedded: {body}");
    assert_eq!(request.header("webhook-sequence"), body["sequence"].to_string());

    let verifier = standardwebhooks::Webhook::new(SECRET).unwrap();
    verifier.verify(&request.body, &request.headers).unwrap();
    let mut forged = request.body.to_vec();
    forged.push(b' ');
    assert!(verifier.verify(&forged, &request.headers).is_err(), "a changed body must not verify");

    let (_, keys) = send("GET", &format!("{}/.well-known/webhook-keys.json", node.url), "").await;
    assert_eq!(keys["keys"][0]["kty"], json!("RSA"), "{keys}");
    assert_eq!(keys["keys"][0]["kid"], json!(request.header("x-journey-signature-rsa-sha256-key-id")));
    verify_with_openssl(&keys["keys"][0], request.header("x-journey-signature-rsa-sha256"), &request.body);
    verify_hmac_with_openssl(request.header("x-journey-signature"), &request.body);
}

/// `openssl dgst -verify` with the public key that the node serves.
fn verify_with_openssl(key: &Value, signature: &str, body: &[u8]) {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::write(path("key.pem"), pem_of(key)).unwrap();
    fs::write(path("body"), body).unwrap();
    let mut decoder = Command::new("openssl")
        .args(["base64", "-d", "-A", "-out"])
        .arg(path("signature"))
        .stdin(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    decoder.stdin.take().unwrap().write_all(signature.as_bytes()).unwrap();
    assert!(decoder.wait().unwrap().success());
    let verify = || {
        Command::new("openssl")
            .args(["dgst", "-sha256", "-verify"])
            .arg(path("key.pem"))
            .arg("-signature")
            .arg(path("signature"))
            .arg(path("body"))
            .output()
            .unwrap()
    };
    let verified = verify();
    assert!(verified.status.success(), "{}{}", String::from_utf8_lossy(&verified.stdout), String::from_utf8_lossy(&verified.stderr));
    fs::write(path("body"), b"forged").unwrap();
    assert!(!verify().status.success());
}

fn verify_hmac_with_openssl(signature: &str, body: &[u8]) {
    use base64::Engine as _;
    let key = base64::engine::general_purpose::STANDARD.decode(SECRET.trim_start_matches("whsec_")).unwrap();
    let hex: String =
        key.iter().flat_map(|byte| [byte >> 4, byte & 15]).map(|digit| char::from_digit(u32::from(digit), 16).unwrap()).collect();
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("body"), body).unwrap();
    let output = Command::new("openssl")
        .args(["dgst", "-sha256", "-mac", "HMAC", "-macopt", &format!("hexkey:{hex}")])
        .arg(folder.path().join("body"))
        .output()
        .unwrap();
    let line = String::from_utf8(output.stdout).unwrap();
    assert_eq!(line.trim().rsplit(' ').next(), Some(signature), "{line}");
}

/// A JWK of type RSA as a PEM public key, assembled by hand: SEQUENCE { algorithm, BIT STRING { SEQUENCE { n, e } } }.
fn pem_of(key: &Value) -> String {
    use base64::Engine as _;
    fn der(tag: u8, content: &[u8]) -> Vec<u8> {
        let mut out = vec![tag];
        match u16::try_from(content.len()).unwrap() {
            short @ 0..=127 => out.push(u8::try_from(short).unwrap()),
            long => out.extend([&[0x82][..], &long.to_be_bytes()].concat()),
        }
        out.extend(content);
        out
    }
    let number = |name: &str| {
        let mut bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(key[name].as_str().unwrap()).unwrap();
        if bytes[0] >= 0x80 {
            bytes.insert(0, 0);
        }
        der(0x02, &bytes)
    };
    let rsa = der(0x30, &[number("n"), number("e")].concat());
    let algorithm = [0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00];
    let info = der(0x30, &[&algorithm[..], &der(0x03, &[&[0][..], &rsa].concat())].concat());
    let text = base64::engine::general_purpose::STANDARD.encode(info);
    let lines: Vec<&str> = text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", lines.join("\n"))
}

#[tokio::test]
async fn every_save_of_a_resource_sends_the_body_of_the_seed() {
    let receiver = Receiver::start().await;
    let toml = format!(
        "app = \"my-awesome-webhook-app\"\nserver = \"https://run.journeyapps.com\"\n[listen]\naddress = \"127.0.0.1:0\"\n[egress]\nallow_networks = [\"127.0.0.0/8\"]\n[[endpoints]]\nname = \"index\"\nevents = \"*\"\nurl = \"{}/hook\"\n",
        receiver.url
    );
    let folder = project("resources", &toml);
    let node = Node::start(folder.path(), &["serve"]);
    let photo = r#"{"name": "Sample Resource", "photo": {"id": "5b53", "state": "uploaded", "fullscreen": "https://m.example/f.png", "original": "https://m.example/o.png", "thumbnail": "https://m.example/t.png"}}"#;
    for expected in [201, 200] {
        let (status, answer) = send("PUT", &node.object("resource", "343dfae0"), photo).await;
        assert_eq!((status, answer["messages"].as_array().map(Vec::len)), (expected, Some(1)), "{answer}");
    }
    let got = receiver.wait_for(2).await;
    let mut bodies: Vec<Value> = got.iter().map(crate::node::Received::json).collect();
    bodies.sort_by_key(|body| body["sequence"].as_i64());
    assert_eq!((&bodies[0]["operation"], &bodies[1]["operation"]), (&json!("create"), &json!("update")));
    assert!(bodies[0]["sequence"].as_i64() > Some(1 << 53) && bodies[0]["sequence"].as_i64() < bodies[1]["sequence"].as_i64());
    let seed = json!({
        "account_id": "default", "app": "my-awesome-webhook-app", "event": "external_webhook_name",
        "object": {
            "id": "343dfae0", "name": "Sample Resource",
            "photo": {"fullscreen": "https://m.example/f.png", "original": "https://m.example/o.png", "state": "uploaded", "thumbnail": "https://m.example/t.png"},
            "photo_id": "5b53", "type": "resource", "updated_at": bodies[0]["object"]["updated_at"]
        },
        "operation": "create", "sequence": bodies[0]["sequence"], "server": "https://run.journeyapps.com"
    });
    assert_eq!(bodies[0], seed);
    assert!(got[0].header("content-type").starts_with("application/json"));
    assert!(got[0].header("user-agent").starts_with("webhookc/"));
    // The seed's own key order, alphabetical at every level.
    assert_eq!(String::from_utf8(got[0].body.to_vec()).unwrap(), serde_json::to_string(&got[0].json()).unwrap());
}

#[tokio::test]
async fn a_deployment_comments_on_its_pull_request() {
    let receiver = Receiver::start().await;
    let folder = tempfile::tempdir().unwrap();
    fs::copy(example("deployments"), folder.path().join("schema.xml")).unwrap();
    fs::create_dir(folder.path().join("templates")).unwrap();
    let template = Path::new(env!("CARGO_MANIFEST_DIR")).join("templates/pull_request_comment.json");
    fs::copy(template, folder.path().join("templates/pull_request_comment.json")).unwrap();
    let toml = format!(
        "[listen]\naddress = \"127.0.0.1:0\"\n[egress]\nallow_networks = [\"127.0.0.0/8\"]\n[vars]\napi = \"{}\"\n[secrets]\ngithub_token = {{ env = \"GITHUB_TOKEN\" }}\n",
        receiver.url
    );
    fs::write(folder.path().join("webhookc.toml"), toml).unwrap();
    let node = Node::start(folder.path(), &["serve"]);
    let application = r#"{"name": "Shop", "owner": "acme", "repository": "shop", "address": "https://shop.example"}"#;
    assert_eq!(send("PUT", &node.object("application", "shop"), application).await.0, 201);
    for status in ["queued", "started", "started", "completed"] {
        let action = json!({"type_of_action": "deploy", "status": status, "pull_request": 42, "pull_request_title": "Fix \"all\"", "application_id": "shop"});
        let (code, answer) = send("PUT", &node.object("action", "d1"), &action.to_string()).await;
        assert!(code < 300, "{answer}");
    }
    let got = receiver.wait_for(2).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(receiver.got().len(), 2, "queued and an unchanged status send nothing");
    assert_eq!(got[0].path, "/repos/acme/shop/issues/42/comments");
    assert_eq!(got[0].header("authorization"), "Bearer token-of-the-test");
    assert_eq!(got[0].header("accept"), "application/vnd.github+json");
    let comment = |status: &str| json!({"body": format!("Deployed pipeline for `PR #42 (Fix \"all\")`: application `Shop` deployment **{status}** on <https://shop.example>")});
    assert_eq!((got[0].json(), got[1].json()), (comment("started"), comment("completed")), "in the order of the saves");
    let (_, deliveries) = send("GET", &node.of_tenant("deliveries"), "").await;
    assert!(!deliveries.to_string().contains("token-of-the-test"), "a secret in the API: {deliveries}");
    assert!(!contains(&folder, b"token-of-the-test"), "a secret in the store");
}

/// Whether any file of the folder holds these bytes.
fn contains(folder: &tempfile::TempDir, needle: &[u8]) -> bool {
    fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file())
        .any(|path| fs::read(path).unwrap().windows(needle.len()).any(|window| window == needle))
}

#[tokio::test]
async fn dev_needs_nothing_delivers_to_itself_and_reloads() {
    let folder = tempfile::tempdir().unwrap();
    fs::copy(example("assets"), folder.path().join("schema.xml")).unwrap();
    let node = Node::start(folder.path(), &["dev", "--listen", "127.0.0.1:0"]);
    let first = node.wait_for_line("what it compiled", |line| line.contains("compiled"));
    assert!(first.contains("2 models, 1 webhook"), "{first}");
    assert!(first.contains("/sink"), "{first}");

    let pending = r#"{"name": "Pump", "asset_photo": "p1", "user_id": "u1"}"#;
    let (status, answer) = send("PUT", &node.object("asset", "a1"), pending).await;
    assert_eq!(status, 201, "{answer}");
    let line = node.wait_for_line("the decision", |line| line.contains("asset/a1"));
    assert!(line.contains("asset_ready ✘ asset_photo is present, needs uploaded"), "{line}");
    let (status, answer) =
        send("PUT", &node.object("asset", "a1"), r#"{"asset_photo": {"id": "p1", "state": "uploaded"}, "user_id": "u1"}"#).await;
    assert_eq!(status, 200, "{answer}");
    node.wait_for_line("the request", |line| line.contains("POST") && line.contains("/sink/asset_ready") && line.contains("attempt 1"));
    node.wait_for_line("the response", |line| line.contains("← 200"));

    // A broken edit: refused, the old program goes on.
    let schema = fs::read_to_string(example("assets")).unwrap();
    fs::write(folder.path().join("schema.xml"), schema.replace("<field name=\"user\"", "<field name=\"usr\"")).unwrap();
    let line = node.wait_for_line("the refusal", |line| line.contains("rejected"));
    assert!(line.contains("1 error"), "{line}");
    node.wait_for_line("the mistake", |line| line.contains("WH0203"));
    let uploaded = r#"{"asset_photo": {"id": "p2", "state": "uploaded"}, "user_id": "u1"}"#;
    let (_, answer) = send("PUT", &node.object("asset", "a2"), uploaded).await;
    assert_eq!(answer["messages"].as_array().map(Vec::len), Some(1), "still on the last good program: {answer}");

    // A good edit: live soon, seen by the next save. Timed only to say it, the bound is patience.
    fs::write(folder.path().join("schema.xml"), schema.replace("name=\"asset_ready\"", "name=\"asset_complete\"")).unwrap();
    let began = Instant::now();
    let webhooks = node.of_tenant("webhooks");
    while !send("GET", &webhooks, "").await.1.to_string().contains("asset_complete") {
        assert!(began.elapsed() < crate::node::PATIENCE, "the edit never went live:\n{}", node.said());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let (_, answer) = send("PUT", &node.object("asset", "a3"), uploaded).await;
    assert_eq!(answer["messages"][0]["event"], json!("asset_complete"), "{answer}");
}
