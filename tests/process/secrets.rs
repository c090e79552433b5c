//! Secrets at rest with the real binary: canaries are planted everywhere, and looked for in every file, answer and line of the log; the key of
//! the store is made, exchanged, lost and found.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::node::{Node, Receiver, send};

const SCHEMA: &str = include_str!("../../schemas/resources/schema.xml");
/// Values that nobody must see but the receiver.
const CANARIES: [&str; 3] = ["canary-in-a-file", "canary-in-the-environment", "Y2FuYXJ5LXNpZ25pbmctc2VjcmV0LTAxMjM0NTY3"];
/// What is written out in `webhookc.toml`: it is in the store, as part of the requests, and is shown to nobody.
const WRITTEN_OUT: [&str; 3] = ["canary-in-a-header", "canary-in-a-query", "canary-in-user-info"];

/// What a tenant writes into a URL: it is not in the store in the open, and shown to that tenant alone.
const IN_A_URL: [&str; 2] = ["canary%2Din+a-tenants-query", "canary-in-a-tenants-user-info"];

fn project(receiver: &Receiver) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("schema.xml"), SCHEMA).unwrap();
    fs::write(folder.path().join("token"), CANARIES[0]).unwrap();
    let url = &receiver.url;
    let toml = format!(
        r#"[listen]
address = "127.0.0.1:0"
[egress]
allow_networks = ["127.0.0.0/8"]
[secrets]
file = {{ file = "token" }}
env = {{ env = "CANARY" }}
[[endpoints]]
name = "own"
events = "*"
url = "{url}/own?token={{{{ secret.env }}}}"
headers = {{ Authorization = "Bearer {{{{ secret.file }}}}" }}
secret = "whsec_{}"
[[endpoints]]
name = "kept"
events = "*"
url = "{url}/kept"
signatures = ["asymmetric", "journey"]
[[endpoints]]
name = "plain"
events = "*"
url = "{}/plain?api_key={}"
headers = {{ X-Api-Key = "{}" }}
"#,
        CANARIES[2],
        url.replace("://", &format!("://me:{}@", WRITTEN_OUT[2])),
        WRITTEN_OUT[1],
        WRITTEN_OUT[0],
    );
    fs::write(folder.path().join("webhookc.toml"), toml).unwrap();
    folder
}

fn serve(folder: &Path, variables: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_webhookc"));
    command.args(["serve", "--log", "debug"]).current_dir(folder).env("CANARY", CANARIES[1]).envs(variables.iter().copied());
    command
}

fn run(folder: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> (i32, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_webhookc"));
    let output = command.args(arguments).current_dir(folder).env("NO_COLOR", "1").envs(variables.iter().copied()).output().unwrap();
    (output.status.code().unwrap(), String::from_utf8([output.stdout, output.stderr].concat()).unwrap())
}

/// Every file of the store and beside it, but those that the secrets were put into.
fn store_files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let files = fs::read_dir(folder).unwrap().map(|file| file.unwrap());
    let files = files.filter(|file| file.file_name().to_string_lossy().contains(".db"));
    files.map(|file| (file.file_name().to_string_lossy().into_owned(), fs::read(file.path()).unwrap())).collect()
}

fn holds(bytes: &[u8], needle: &[u8]) -> bool {
    bytes.windows(needle.len()).any(|part| part == needle)
}

/// The pages of endpoints, one of them a tenant's, of webhooks and of these deliveries.
async fn pages(node: &Node, client: &reqwest::Client, id: &str, deliveries: &serde_json::Value) -> Vec<String> {
    let paths = ["endpoints/ep_plain", "endpoints", "deliveries", "webhooks", "webhooks/external_webhook_name"].map(str::to_owned);
    let paths = paths.into_iter().chain([format!("endpoints/{id}"), format!("endpoints/{id}/edit")]);
    let rows = deliveries["data"].as_array().unwrap().iter().map(|row| format!("deliveries/{}", row["id"].as_str().unwrap()));
    let mut pages = Vec::new();
    for path in paths.chain(rows) {
        let page = client.get(format!("{}/ui/default/{path}", node.url)).header("accept", "text/html").send().await.unwrap();
        assert_eq!(page.status().as_u16(), 200, "{path}");
        pages.push(page.text().await.unwrap());
    }
    pages
}

#[tokio::test]
async fn no_file_answer_or_line_of_the_log_holds_a_secret() {
    let receiver = Receiver::start().await;
    let folder = project(&receiver);
    let folder = folder.path();
    let mut node = Node::launch(serve(folder, &[]));
    let (code, kept) = run(folder, &["rotate", "ep_kept", "--url", &node.url], &[]);
    assert_eq!(code, 0, "{kept}");
    let kept = kept.lines().next().unwrap().strip_prefix("whsec_").unwrap().to_owned();
    let tenants_url = receiver.url.replace("://", &format!("://me:{}@", IN_A_URL[1]));
    let own = serde_json::json!({
        "name": "tenant", "event_types": "*", "url": format!("{tenants_url}/tenant?api_key={}&id={{{{ object.id }}}}", IN_A_URL[0]), "headers": {"Authorization": ["Bearer canary-of-a-tenant"]},
        "failure_handling": {"alert_endpoint": {"url": format!("{}/alert", receiver.url), "headers": {"X-Api-Key": ["canary-of-an-alert"]}}},
    });
    // With a key for the case that the answer is lost, which is kept to be answered again.
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let create = || client.post(node.of_tenant("endpoints")).header("idempotency-key", "make").body(own.to_string()).send();
    let first = create().await.unwrap();
    let status = first.status().as_u16();
    let made: serde_json::Value = serde_json::from_str(&first.text().await.unwrap()).unwrap();
    assert_eq!(create().await.unwrap().status().as_u16(), 409, "it has been done, and shows what is stored nowhere");
    assert_eq!((status, &made["headers"][0]["value"]), (201, &serde_json::json!("…")), "{made}");
    let id = made["id"].as_str().unwrap().to_owned();
    // What is kept for a request that is repeated shows nothing either.
    let rotate = || client.post(node.of_tenant(&format!("endpoints/{id}/rotate-secret"))).header("idempotency-key", "once").send();
    let fresh = rotate().await.unwrap().text().await.unwrap();
    assert!(!rotate().await.unwrap().text().await.unwrap().contains("whsec_"), "it is shown once");
    let fresh: serde_json::Value = serde_json::from_str(&fresh).unwrap();
    let fresh = fresh["secret"].as_str().unwrap().strip_prefix("whsec_").unwrap().to_owned();
    let (status, answer) = send("PUT", &node.object("resource", "r1"), r#"{"name": "Pump"}"#).await;
    assert_eq!(status, 201, "{answer}");
    let got = receiver.wait_for(4).await;
    let plain = got.iter().find(|got| got.path.starts_with("/plain")).unwrap();
    assert!(plain.query.ends_with(WRITTEN_OUT[1]) && plain.header("x-api-key") == WRITTEN_OUT[0], "the receiver sees it");
    let got = got.iter().find(|got| got.path == "/tenant").unwrap();
    assert_eq!(got.header("authorization"), "Bearer canary-of-a-tenant", "the receiver sees it");
    assert_eq!(got.query, format!("api_key={}&id=r1", IN_A_URL[0]), "the receiver sees it");
    let (_, kept_still) = send(
        "PATCH",
        &node.of_tenant(&format!("endpoints/{id}")),
        &serde_json::json!({"headers": made["headers"], "name": "b"}).to_string(),
    )
    .await;
    let (_, tried) = send("POST", &node.of_tenant(&format!("endpoints/{id}/test")), "").await;
    assert_eq!(receiver.wait_for(5).await[4].header("authorization"), "Bearer canary-of-a-tenant", "what was not shown was kept: {tried}");
    let mut answers = vec![answer.to_string(), made.to_string(), kept_still.to_string(), tried.to_string()];
    let (_, list) = send("GET", &node.of_tenant("deliveries"), "").await;
    answers.extend(pages(&node, &client, &id, &list).await);
    answers.push(client.get(format!("{}/metrics", node.url)).send().await.unwrap().text().await.unwrap());
    for path in [
        "/endpoints",
        "/endpoints/ep_own",
        "/endpoints/ep_plain",
        "/webhooks/external_webhook_name",
        "/endpoints/ep_kept",
        "/deliveries",
        "/messages",
        "/webhooks",
        "/explain/resource/r1",
        "/audit",
    ] {
        let (status, answer) = send("GET", &format!("{}/api/v1/tenants/default{path}", node.url), "").await;
        assert_eq!(status, 200, "{path}: {answer}");
        answers.push(answer.to_string());
    }
    for path in ["/.well-known/webhook-keys.json", "/readyz", "/-/keys", "/-/audit"] {
        answers.push(send("GET", &format!("{}{path}", node.url), "").await.1.to_string());
    }
    assert!(answers.iter().any(|answer| answer.contains("«file»") || answer.contains("secret.file")), "it is named, at least");
    let decoded = base64_of(&kept);
    let needles = CANARIES.iter().map(|canary| canary.as_bytes().to_vec()).chain([kept.into_bytes(), decoded]);
    let tenants = ["canary-of-a-tenant", "canary-of-an-alert", &fresh].map(|canary| canary.as_bytes().to_vec());
    let needles: Vec<Vec<u8>> = needles.chain(tenants).collect();
    let log = node.said();
    for part in IN_A_URL {
        // The tenant may see its own URL, where it is about the endpoint; what is in the store, and the log, must not have it.
        assert!(!holds(log.as_bytes(), part.as_bytes()) && !holds(list.to_string().as_bytes(), part.as_bytes()), "{part} is shown");
        for (name, bytes) in store_files(folder) {
            assert!(!holds(&bytes, part.as_bytes()), "{part} is in {name} while the node runs");
        }
    }
    for needle in &needles {
        let shown = String::from_utf8_lossy(needle);
        assert!(!answers.iter().any(|answer| holds(answer.as_bytes(), needle)), "{shown} is in an answer");
        assert!(!holds(log.as_bytes(), needle), "{shown} is in the log");
        for (name, bytes) in store_files(folder) {
            assert!(!holds(&bytes, needle), "{shown} is in {name} while the node runs");
        }
    }
    for shown in WRITTEN_OUT {
        let answer = answers.iter().find(|answer| holds(answer.as_bytes(), shown.as_bytes()));
        assert!(answer.is_none() && !holds(log.as_bytes(), shown.as_bytes()), "{shown} is in the log, or in {answer:?}");
    }
    let (code, said) = run(folder, &["backup", "copy.db"], &[]);
    assert_eq!(code, 0, "{said}");
    node.kill();
    for (name, bytes) in store_files(folder) {
        assert!(!needles.iter().any(|needle| holds(&bytes, needle)), "a secret is in {name}");
    }
}

#[tokio::test]
async fn no_report_of_the_file_shows_a_secret_however_wrong_it_is() {
    let receiver = Receiver::start().await;
    let folder = project(&receiver);
    let folder = folder.path();
    for wrong in ["secret = \"whsec_canary\"", "secret = \"canary", "secret = canary", "secret = [\"canary\"]"] {
        let toml = format!("[[endpoints]]\nname = \"own\"\nevents = \"*\"\nurl = \"https://x.example\"\nnmae = 1\n{wrong}\n");
        fs::write(folder.join("webhookc.toml"), toml).unwrap();
        let (code, said) = run(folder, &["check", "."], &[]);
        assert!(code == 2 && !said.contains("canary"), "{wrong}: {said}");
    }
}

/// The bytes of a secret as the store would have them.
fn base64_of(text: &str) -> Vec<u8> {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.decode(text).unwrap()
}

#[tokio::test]
async fn the_key_of_the_store_is_exchanged_while_the_node_runs() {
    let receiver = Receiver::start().await;
    let folder = project(&receiver);
    let folder = folder.path();
    let key = || fs::read_to_string(folder.join("webhookc.db-key")).unwrap();
    let mut node = Node::launch(serve(folder, &[]));
    let public = send("GET", &format!("{}/.well-known/webhook-keys.json", node.url), "").await.1;
    let old = key();
    let (code, said) = run(folder, &["rotate-key", "--url", &node.url], &[]);
    assert!(code == 0 && said.starts_with("4 secrets encrypted with the key "), "{said}");
    let new = key();
    assert_ne!(new, old);
    assert_eq!(new.lines().filter(|line| !line.starts_with('#')).count(), 1, "the old one is gone: {new}");
    let (code, said) = run(folder, &["doctor"], &[]);
    assert_eq!(code, 0, "{said}");
    node.kill();
    // The old key opens nothing any more, and tells so without changing anything.
    fs::write(folder.join("webhookc.db-key"), &old).unwrap();
    let output = serve(folder, &[]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.code() == Some(2) && said.contains("its secrets are encrypted with the key"), "{said}");
    assert!(said.contains("help: give the key that they were encrypted with") && !said.contains("name the project's folder"), "{said}");
    fs::remove_file(folder.join("webhookc.db-key")).unwrap();
    let output = serve(folder, &[]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.code() == Some(2) && said.contains("with their key is not there"), "{said}");
    assert!(!folder.join("webhookc.db-key").exists(), "no new key is made for what an old one has encrypted");
    let (code, said) = run(folder, &["doctor"], &[]);
    assert!(code == 1 && said.contains("error[key-missing]"), "{said}");
    // In the variable, the new one in front of the old one takes over at the start.
    let only = |text: &str| text.lines().find(|line| !line.starts_with('#')).unwrap().to_owned();
    let third = "33".repeat(32);
    let mut node = Node::launch(serve(folder, &[("WEBHOOKC_KEY", &format!("{third},{}", only(&new)))]));
    let (code, said) = run(folder, &["rotate-key", "--url", &node.url], &[]);
    assert!(code == 1 && said.contains("environment variable `WEBHOOKC_KEY`, which a running node cannot change"), "{said}");
    node.kill();
    let node = Node::launch(serve(folder, &[("WEBHOOKC_KEY", &third)]));
    assert_eq!(send("GET", &format!("{}/.well-known/webhook-keys.json", node.url), "").await.1, public, "nothing was lost");
    drop(node);
    let output = serve(folder, &[("WEBHOOKC_KEY", "hunter2")]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.code() == Some(2) && said.contains("64 digits") && !said.contains("hunter2"), "{said}");
}
