//! The HTTP API over a socket, with a real store and the compiled asset example; nothing is sent, because no worker runs.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

#[path = "api/bad_input.rs"]
mod bad_input;
#[path = "api/bounds.rs"]
mod bounds;
#[path = "api/endpoints.rs"]
mod endpoints;
#[path = "api/openapi.rs"]
mod openapi;
#[path = "api/resends.rs"]
mod resends;
#[path = "support/described.rs"]
mod described;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use arc_swap::ArcSwap;
use described::{Described, Seen};
use serde_json::{Value, json};
use webhookc::activity::Feed;
use webhookc::config::{self, Overrides};
use webhookc::egress::{Client, Guard};
use webhookc::ingest::Ingest;
use webhookc::reload::{Absent, Keyring, build};
use webhookc::server::{App, Keychain, KeychainOptions, Options, Running, serve};
use webhookc::store::Store;
use webhookc::time::{SystemClock, SystemEntropy};
use webhookc::vault::{Vault, VaultKey, VaultKeys};

struct Api {
    base: String,
    http: reqwest::Client,
    described: Described,
    _folder: tempfile::TempDir,
}

const PROJECT: &str = "[[endpoints]]\nname = \"erp\"\nevents = \"*\"\nurl = \"https://erp.example/hook\"\nsecret = \"whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3\"\nsignatures = [\"journey\"]\n";

impl Api {
    async fn start(dev: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas/assets/schema.xml");
        std::fs::copy(schema, folder.path().join("schema.xml")).unwrap();
        std::fs::write(folder.path().join("webhookc.toml"), PROJECT).unwrap();
        let project = config::read(&[folder.path().to_owned()], &Overrides::default()).outcome.unwrap();
        let compilation = webhookc::compile::compile(project.input);
        let rules = compilation.rules.expect("the example compiles");
        let store = Store::open_with(
            &format!("sqlite:{}", folder.path().join("test.db").display()),
            Vault::new(VaultKeys::of(VaultKey::from_bytes([7; 32])), Arc::new(SystemEntropy)),
        )
        .await
        .unwrap();
        let (clock, entropy) = (Arc::new(SystemClock), Arc::new(SystemEntropy));
        let keyring = Arc::new(Keyring::new(store.clone(), entropy.clone()));
        let (generation, _) = build(rules, &project.config, &keyring, 1, Absent::Refused).await.unwrap();
        let live = Arc::new(ArcSwap::from_pointee(generation));
        let app = App::new(Options { dev, ..Options::default() });
        let keychain = Keychain::new(store.clone(), clock.clone(), KeychainOptions { open: dev, rate_limit: None }).await.unwrap();
        let ingest = Ingest { store, live, clock, entropy, feed: Feed::default() };
        let egress = Client::new(Guard::default()).unwrap();
        app.start(Running { ingest, keyring, keychain: Arc::new(keychain), egress, store_key: None });
        let address = listen(app).await;
        let base = format!("http://{address}");
        let described = client().get(format!("{base}/openapi.json")).send().await.unwrap().text().await.unwrap();
        Self { base, http: client(), described: Described::read(&described), _folder: folder }
    }

    async fn send(&self, method: &str, path: &str, body: impl Into<reqwest::Body>) -> (u16, Value) {
        let url = format!("{}{path}", self.base);
        let answer = self.http.request(method.parse().unwrap(), url).body(body).send().await.unwrap();
        let status = answer.status().as_u16();
        let kind = answer.headers().get("content-type").map(|kind| kind.to_str().unwrap().to_owned()).unwrap_or_default();
        if status >= 400 {
            assert_eq!(kind, "application/problem+json", "{method} {path}");
        }
        let text = answer.text().await.unwrap();
        self.described.check(&Seen { method, path, status, content_type: &kind, body: text.as_bytes() });
        let value: Value = serde_json::from_str(&text).unwrap_or(Value::String(text));
        if status >= 400 {
            assert_eq!(value["status"], json!(status), "{value}");
            assert!(value["detail"].as_str().is_some_and(|detail| !detail.is_empty()), "{value}");
        }
        (status, value)
    }

    async fn of_tenant(&self, method: &str, path: &str, body: &str) -> (u16, Value) {
        self.send(method, &format!("/api/v1/tenants/default{path}"), body.to_owned()).await
    }
}

async fn listen(app: Arc<App>) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(serve(listener, app, std::future::pending()));
    address
}

fn client() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().build().unwrap()
}

const READY: &str = r#"{"name": "Pump", "asset_photo": {"id": "p1", "state": "uploaded"}, "user_id": "u1"}"#;

#[tokio::test]
async fn an_object_is_saved_read_merged_and_deleted() {
    let api = Api::start(false).await;
    let (status, answer) =
        api.of_tenant("PUT", "/objects/asset/a%3A1?explain", r#"{"name": "Pump", "asset_photo": "p1", "user_id": "u1"}"#).await;
    assert_eq!((status, &answer["id"], &answer["operation"]), (201, &json!("a:1"), &json!("create")), "{answer}");
    assert!(answer["sequence"].as_i64() > Some(1 << 53));
    assert_eq!(answer["decisions"][0]["reason"], json!("asset_photo is present, needs uploaded"));

    let (status, answer) =
        api.of_tenant("PUT", "/objects/asset/a%3A1/attachments/asset_photo", r#"{"original": "https://m.example/o.jpg"}"#).await;
    assert_eq!((status, answer["messages"].as_array().map(Vec::len)), (200, Some(1)), "{answer}");
    assert!(answer.get("decisions").is_none());
    let (status, _) = api.of_tenant("PATCH", "/objects/asset/a%3A1", r#"{"name": "Pump 2"}"#).await;
    assert_eq!(status, 200);
    let (status, object) = api.of_tenant("GET", "/objects/asset/a%3A1", "").await;
    assert_eq!((status, &object["fields"]["name"], &object["fields"]["user_id"]), (200, &json!("Pump 2"), &json!("u1")), "{object}");

    let (status, answer) = api.of_tenant("DELETE", "/objects/asset/a%3A1", "").await;
    assert_eq!((status, &answer["operation"]), (200, &json!("delete")));
    assert_eq!(api.of_tenant("GET", "/objects/asset/a%3A1", "").await.0, 404);
    assert_eq!(api.of_tenant("DELETE", "/objects/asset/a%3A1", "").await.0, 404);
    let (_, explained) = api.of_tenant("GET", "/explain/asset/a%3A1", "").await;
    assert_eq!(explained["data"].as_array().map(Vec::len), Some(4), "{explained}");
    assert_eq!(explained["data"][0]["operation"], json!("delete"));
}

#[tokio::test]
async fn every_bad_request_has_its_problem() {
    let api = Api::start(false).await;
    let cases = [
        ("PUT", "/objects/asst/1", "{}", 404, "unknown-model"),
        ("GET", "/objects/asst/1", "", 404, "unknown-model"),
        ("GET", "/objects/asset/1", "", 404, "no-such-object"),
        ("PATCH", "/objects/asset/1", "{}", 404, "no-such-object"),
        ("PUT", "/objects/asset/1", "{\"name\": ", 400, "invalid-json"),
        ("PUT", "/objects/asset/1", r#"{"nme": 1}"#, 422, "unknown-field"),
        ("PUT", "/objects/asset/1", r#"{"name": 1}"#, 422, "wrong-type"),
        ("PUT", "/objects/asset/1?explian", "{}", 400, "invalid-parameter"),
        ("POST", "/objects/asset/1", "{}", 405, "wrong-method"),
        ("GET", "/nothing", "", 404, "unknown-path"),
        ("GET", "/deliveries?limit=0", "", 400, "invalid-parameter"),
        ("GET", "/deliveries?status=lost", "", 400, "invalid-parameter"),
        ("GET", "/deliveries/dlv_7", "", 400, "invalid-id"),
        ("GET", "/deliveries/dlv_00000000000000000000000000000007", "", 404, "unknown-delivery"),
        ("POST", "/deliveries/dlv_00000000000000000000000000000007/resend", "", 404, "unknown-delivery"),
        ("GET", "/messages/msg_00000000000000000000000000000007", "", 404, "unknown-message"),
        ("GET", "/webhooks/nothing", "", 404, "unknown-webhook"),
        ("GET", "/endpoints/ep_nobody", "", 404, "unknown-endpoint"),
        ("POST", "/endpoints/ep_nobody/suspend", "", 404, "unknown-endpoint"),
        ("POST", "/endpoints/ep_nobody/unsuspend", "", 404, "unknown-endpoint"),
        ("POST", "/endpoints/ep_erp/suspend?reason=x", "", 400, "invalid-parameter"),
        ("POST", "/endpoints/ep_erp/suspend?why=x", r#"{"why": "y"}"#, 400, "invalid-parameter"),
        ("POST", "/saves", "[{}]", 400, "invalid-json"),
        ("POST", "/saves", r#"[["asset", "a1", "delete", null, null]]"#, 400, "invalid-json"),
        ("POST", "/saves", "[5]", 400, "invalid-json"),
        ("POST", "/saves", "[", 400, "invalid-json"),
    ];
    for (method, path, body, status, code) in cases {
        let (seen, problem) = api.of_tenant(method, path, body).await;
        assert_eq!((seen, &problem["code"]), (status, &json!(code)), "{method} {path}: {problem}");
    }
    let (status, problem) = api.of_tenant("PUT", "/objects/asset/1", r#"{"nme": 1, "user_id": 3}"#).await;
    assert_eq!(status, 422);
    assert_eq!((&problem["errors"][0]["pointer"], &problem["errors"][1]["pointer"]), (&json!("/nme"), &json!("/user_id")), "{problem}");
    assert_eq!(problem["errors"][0]["help"], json!("did you mean `name`?"));
    assert_eq!(api.send("GET", "/api/v1/tenants/a%20b/webhooks", "").await.1["code"], json!("invalid-tenant"));
    assert_eq!(api.of_tenant("GET", "/messages", "").await.1["data"], json!([]), "nothing is stored in part");
}

#[tokio::test]
async fn a_wrong_method_names_the_right_ones_and_a_large_body_is_refused() {
    let api = Api::start(false).await;
    let url = format!("{}/api/v1/tenants/default/objects/asset/1", api.base);
    let answer = api.http.post(&url).send().await.unwrap();
    let allowed = answer.headers()["allow"].to_str().unwrap();
    assert!(["GET", "PUT", "PATCH", "DELETE"].iter().all(|method| allowed.contains(method)), "{allowed}");
    let large = format!(r#"{{"name": "{}"}}"#, "x".repeat(1 << 20));
    let (status, problem) = api.of_tenant("PUT", "/objects/asset/1", &large).await;
    assert_eq!((status, &problem["code"]), (413, &json!("too-large")));
}

#[tokio::test]
async fn a_batch_is_answered_in_order_and_a_bad_chunk_leaves_nothing() {
    let api = Api::start(false).await;
    let save = |id: usize| format!(r#"{{"model": "asset", "id": "b{id}", "fields": {READY}}}"#);
    let array = format!("[{}, {}, {{\"model\": \"asset\", \"id\": \"b0\", \"verb\": \"delete\"}}]", save(0), save(1));
    let (status, answers) = api.of_tenant("POST", "/saves", &array).await;
    assert_eq!(status, 200, "{answers}");
    let seen: Vec<_> = answers.as_array().unwrap().iter().map(|answer| (answer["id"].clone(), answer["operation"].clone())).collect();
    assert_eq!(seen, [("b0", "create"), ("b1", "create"), ("b0", "delete")].map(|(id, word)| (json!(id), json!(word))));

    let lines: String = (10..1_510).map(|id| save(id) + "\n").collect();
    let (status, answers) = api.of_tenant("POST", "/saves", &lines).await;
    assert_eq!(status, 200);
    let answers = answers.as_str().unwrap().to_owned();
    let ids: Vec<String> =
        answers.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(ids, (10..1_510).map(|id| format!("b{id}")).collect::<Vec<_>>());

    // The mistake is in the second chunk: the first one stays.
    let mut bad: Vec<String> = (2_000..3_002).map(save).collect();
    bad[1_001] = r#"{"model": "asset", "id": "x", "fields": {"nme": 1}}"#.to_owned();
    let (status, problem) = api.of_tenant("POST", "/saves", &bad.join("\n")).await;
    assert_eq!((status, &problem["saved"]), (422, &json!(1_000)), "{problem}");
    assert_eq!(problem["errors"][0]["pointer"], json!("/1001/fields/nme"));
    assert_eq!(api.of_tenant("GET", "/objects/asset/b2999", "").await.0, 200);
    assert_eq!(api.of_tenant("GET", "/objects/asset/b3000", "").await.0, 404, "all or nothing");
}

#[tokio::test]
async fn what_fired_is_listed_page_by_page_and_sent_again_on_request() {
    let api = Api::start(false).await;
    for id in 0..3 {
        assert_eq!(api.of_tenant("PUT", &format!("/objects/asset/a{id}"), READY).await.0, 201);
    }
    let (_, first) = api.of_tenant("GET", "/messages?limit=2", "").await;
    let objects =
        |list: &Value| list["data"].as_array().unwrap().iter().map(|row| row["object"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
    assert_eq!(objects(&first), ["a2", "a1"], "newest first");
    let (_, rest) = api.of_tenant("GET", &format!("/messages?limit=2&cursor={}", first["next"].as_str().unwrap()), "").await;
    assert_eq!((objects(&rest), &rest["next"]), (vec!["a0".to_owned()], &Value::Null));
    let (_, message) = api.of_tenant("GET", &format!("/messages/{}", first["data"][0]["id"].as_str().unwrap()), "").await;
    assert_eq!(message["payload"]["object"]["id"], json!("a2"), "{message}");

    let (_, deliveries) = api.of_tenant("GET", "/deliveries?event=asset_ready&status=pending&object=a1", "").await;
    assert_eq!(deliveries["data"].as_array().map(Vec::len), Some(1), "{deliveries}");
    let id = deliveries["data"][0]["id"].as_str().unwrap();
    let (_, delivery) = api.of_tenant("GET", &format!("/deliveries/{id}"), "").await;
    assert_eq!((&delivery["endpoint"], &delivery["request"]["url"]), (&json!("ep_erp"), &json!("https://erp.example/hook")), "{delivery}");
    assert_eq!(api.of_tenant("GET", &format!("/deliveries/{id}/attempts"), "").await.1["data"], json!([]));
    assert_eq!(api.of_tenant("POST", &format!("/deliveries/{id}/resend"), "").await.0, 202);
    assert_eq!(api.send("GET", &format!("/api/v1/tenants/other/deliveries/{id}"), "").await.0, 404, "another tenant sees nothing");
}

#[tokio::test]
async fn webhooks_endpoints_and_keys_describe_the_program() {
    let api = Api::start(false).await;
    let (_, webhook) = api.of_tenant("GET", "/webhooks/asset_ready", "").await;
    assert_eq!(webhook["conditions"][0], json!({"name": "asset_photo", "test": "uploaded"}), "{webhook}");
    assert_eq!(webhook["subscribers"], json!([{"id": "ep_erp", "name": "erp"}]));
    let (_, endpoints) = api.of_tenant("GET", "/endpoints", "").await;
    assert_eq!(endpoints["data"][0]["events"], json!(["asset_ready"]), "{endpoints}");
    assert!(!endpoints.to_string().contains("whsec_"));
    let (_, keys) = api.send("GET", "/.well-known/webhook-keys.json", "").await;
    assert_eq!(keys["keys"][0]["kty"], json!("RSA"), "{keys}");
    let (status, ready) = api.send("GET", "/readyz", "").await;
    assert_eq!((status, &ready["models"]), (200, &json!(2)));
}

#[tokio::test]
async fn before_a_program_is_live_everything_else_is_503() {
    let address = listen(App::new(Options::default())).await;
    let get = async |path: &str| client().get(format!("http://{address}{path}")).send().await.unwrap().status().as_u16();
    assert_eq!(get("/healthz").await, 200);
    assert_eq!(get("/readyz").await, 503);
    assert_eq!(get("/api/v1/tenants/default/webhooks").await, 503);
}

#[tokio::test]
async fn dev_has_a_receiver_and_refuses_foreign_pages() {
    let api = Api::start(true).await;
    let (status, answer) = api.send("POST", "/sink/repos/acme/shop", "hello").await;
    assert_eq!((status, answer), (200, json!({"received": 5, "signatures": {"endpoint": null}})));
    let url = format!("{}/healthz", api.base);
    for (name, value) in [("host", "evil.example"), ("origin", "https://evil.example")] {
        let answer = api.http.get(&url).header(name, value).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), 403, "{name}");
    }
    assert_eq!(Api::start(false).await.send("POST", "/sink/x", "").await.0, 404, "only in dev");
}

#[tokio::test]
async fn a_request_that_is_repeated_with_its_key_is_done_once() {
    let api = Api::start(false).await;
    let post = async |key: &str, body: &str| {
        let url = format!("{}/api/v1/tenants/default/saves", api.base);
        let answer = api.http.post(url).header("idempotency-key", key).body(body.to_owned()).send().await.unwrap();
        let headers = answer.headers().clone();
        let replayed = headers.get("idempotency-replayed").is_some();
        let kind = headers.get("content-type").map(|value| value.to_str().unwrap().to_owned());
        (answer.status().as_u16(), replayed, kind, answer.text().await.unwrap())
    };
    let messages = async || api.of_tenant("GET", "/messages", "").await.1["data"].as_array().unwrap().len();
    let save = |id: &str| format!(r#"[{{"model": "asset", "id": "{id}", "fields": {READY}}}]"#);
    let first = post("k1", &save("a")).await;
    assert_eq!((first.0, first.1, messages().await), (200, false, 1), "{first:?}");
    // Meanwhile something else happens to the object: a repetition must not undo it.
    assert_eq!(api.of_tenant("DELETE", "/objects/asset/a", "").await.0, 200);
    let again = post("k1", &save("a")).await;
    assert_eq!((again.0, again.1), (200, true));
    assert_eq!((&again.2, &again.3), (&first.2, &first.3));
    assert_eq!(api.of_tenant("GET", "/objects/asset/a", "").await.0, 404);
    let other = post("k1", &save("b")).await;
    assert!(other.0 == 422 && other.3.contains("idempotency-key-reused"), "{other:?}");
    // What is refused has changed nothing, and may come again, also mended.
    assert_eq!(post("k2", "[{}]").await.0, 400);
    let again = post("k2", "[]").await;
    assert_eq!((again.0, again.1), (200, false), "{again:?}");
    let long = post(&"k".repeat(256), &save("c")).await;
    assert!(long.0 == 400 && long.3.contains("invalid-idempotency-key"), "{long:?}");
    // All at once: one is done, the others are told to wait or are answered alike.
    let body = save("d");
    let all = futures_util::future::join_all((0..8).map(|_| post("k3", &body))).await;
    assert!(all.iter().all(|answer| matches!(answer.0, 200 | 409)), "{all:?}");
    assert_eq!(all.iter().filter(|answer| answer.0 == 200 && !answer.1).count(), 1);
    assert_eq!(messages().await, 2);
}

#[tokio::test]
async fn an_endpoint_is_suspended_and_released_for_one_tenant() {
    let api = Api::start(false).await;
    let (_, before) = api.of_tenant("GET", "/endpoints/ep_erp", "").await;
    assert_eq!((&before["suspended"], &before["enabled"]), (&Value::Null, &json!(true)));
    let (status, suspended) = api.of_tenant("POST", "/endpoints/ep_erp/suspend?why=maintenance", "").await;
    assert_eq!((status, &suspended["suspended"]["why"]), (200, &json!("maintenance")));
    assert!(suspended["suspended"]["at"].as_str().is_some_and(|at| at.parse::<jiff::Timestamp>().is_ok()), "{suspended}");
    let (_, again) = api.of_tenant("POST", "/endpoints/ep_erp/suspend", "").await;
    assert_eq!(again, suspended, "it stays suspended for the first reason");
    let (_, list) = api.of_tenant("GET", "/endpoints", "").await;
    assert_eq!(list["data"][0], suspended);
    let (_, other) = api.send("GET", "/api/v1/tenants/other/endpoints/ep_erp", "").await;
    assert_eq!(other["suspended"], Value::Null);
    let (status, released) = api.of_tenant("POST", "/endpoints/ep_erp/unsuspend", "").await;
    assert_eq!((status, released), (200, before));
    let (_, list) = api.of_tenant("GET", "/endpoints", "").await;
    assert_eq!(list["data"][0]["suspended"], Value::Null);
}
