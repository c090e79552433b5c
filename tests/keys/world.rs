//! A node without its sockets: the router over a store, with the asset example compiled.

use std::path::Path;
use std::sync::Arc;

use crate::support::{Described, Seen};
use arc_swap::ArcSwap;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request};
use jiff::Timestamp;
use serde_json::{Value, json};
use tower::ServiceExt as _;
use webhookc::activity::Feed;
use webhookc::config::{self, Overrides};
use webhookc::ingest::Ingest;
use webhookc::reload::{Absent, Keyring, build};
use webhookc::server::{App, Keychain, KeychainOptions, Options, Running, router};
use webhookc::store::Store;
use webhookc::time::{ManualClock, SystemEntropy};
use webhookc::vault::{Vault, VaultKey, VaultKeys};

/// The endpoint `ep_erp`, whose secret the store keeps.
const PROJECT: &str = "[[endpoints]]\nname = \"erp\"\nevents = \"*\"\nurl = \"https://erp.example/hook\"\n";
/// When the tests begin.
pub const BEGIN: &str = "2026-11-26T12:00:00Z";
/// The fields of an asset that fires its webhook.
pub const READY: &str = r#"{"name": "Pump", "asset_photo": {"id": "p1", "state": "uploaded"}, "user_id": "u1"}"#;

pub struct World {
    pub router: Router,
    pub clock: Arc<ManualClock>,
    pub keychain: Arc<Keychain>,
    pub folder: tempfile::TempDir,
    described: Option<Described>,
}

pub struct Answer {
    pub status: u16,
    pub body: Value,
    pub headers: HeaderMap,
}

impl Answer {
    /// Status and code of a problem.
    pub fn problem(&self) -> (u16, &str) {
        (self.status, self.body["code"].as_str().unwrap_or_default())
    }
}

impl World {
    pub async fn new(options: KeychainOptions) -> Self {
        Self::with(options, |schema| schema).await
    }

    /// With another schema, made of that of the example.
    pub async fn with(options: KeychainOptions, change: impl FnOnce(String) -> String) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas/assets/schema.xml");
        std::fs::write(folder.path().join("schema.xml"), change(std::fs::read_to_string(schema).unwrap())).unwrap();
        std::fs::write(folder.path().join("webhookc.toml"), PROJECT).unwrap();
        let project = config::read(&[folder.path().to_owned()], &Overrides::default()).outcome.unwrap();
        let rules = webhookc::compile::compile(project.input).rules.expect("the example compiles");
        let store = Store::open_with(
            &format!("sqlite:{}", folder.path().join("test.db").display()),
            Vault::new(VaultKeys::of(VaultKey::from_bytes([7; 32])), Arc::new(SystemEntropy)),
        )
        .await
        .unwrap();
        let clock = Arc::new(ManualClock::at(BEGIN.parse::<Timestamp>().unwrap()));
        let entropy = Arc::new(SystemEntropy);
        let keyring = Arc::new(Keyring::new(store.clone(), entropy.clone()));
        let (generation, _) = build(rules, &project.config, &keyring, 1, Absent::Refused).await.unwrap();
        let live = Arc::new(ArcSwap::from_pointee(generation));
        let app = App::new(Options { dev: options.open, ..Options::default() });
        let keychain = Arc::new(Keychain::new(store.clone(), clock.clone(), options).await.unwrap());
        let ingest = Ingest { store: store.clone(), live, clock: clock.clone(), entropy, feed: Feed::default() };
        app.start(Running {
            ingest,
            keyring,
            keychain: Arc::clone(&keychain),
            egress: webhookc::egress::Client::new(webhookc::egress::Guard::default()).unwrap(),
            store_key: None,
        });
        let mut world = Self { router: router(app), clock, keychain, folder, described: None };
        let text = world.call(None, "GET", "/openapi.json", "").await.body.to_string();
        world.described = Some(Described::read(&text));
        world
    }

    pub async fn send(&self, request: Request<Body>) -> Answer {
        let (method, path) = (request.method().to_string(), request.uri().path().to_owned());
        let answer = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = answer.into_parts();
        let bytes = to_bytes(body, usize::MAX).await.unwrap();
        if let Some(described) = &self.described {
            let content_type = parts.headers.get("content-type").map(|kind| kind.to_str().unwrap()).unwrap_or_default();
            described.check(&Seen { method: &method, path: &path, status: parts.status.as_u16(), content_type, body: &bytes });
        }
        let body = serde_json::from_slice(&bytes).unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&bytes).into_owned()));
        let status = parts.status.as_u16();
        if status >= 400 {
            assert_eq!(parts.headers["content-type"], "application/problem+json", "{body}");
            assert_eq!(body["status"], json!(status), "{body}");
        }
        Answer { status, body, headers: parts.headers }
    }

    pub async fn call(&self, key: Option<&str>, method: &str, path: &str, body: &str) -> Answer {
        let mut request = Request::builder().method(method).uri(path).header("host", "localhost");
        if let Some(key) = key {
            request = request.header("authorization", format!("Bearer {key}"));
        }
        self.send(request.body(Body::from(body.to_owned())).unwrap()).await
    }

    /// Makes a key with the call's key; the key, and its id.
    pub async fn make(&self, maker: Option<&str>, path: &str, wish: &Value) -> (String, String) {
        let answer = self.call(maker, "POST", path, &wish.to_string()).await;
        assert_eq!(answer.status, 201, "{}", answer.body);
        (answer.body["key"].as_str().unwrap().to_owned(), answer.body["id"].as_str().unwrap().to_owned())
    }
}

/// A path of a tenant.
pub fn of(tenant: &str, path: &str) -> String {
    format!("/api/v1/tenants/{tenant}{path}")
}
