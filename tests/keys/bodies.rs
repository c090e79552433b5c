//! Bodies and repeated requests: clients that go away early, and bodies that nobody may send.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::Request;
use serde_json::json;
use webhookc::server::KeychainOptions;

use crate::world::{READY, World, of};

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(10);

fn repeatable(path: &str, idempotency_key: &str, key: Option<&str>, body: Body) -> Request<Body> {
    let request = Request::builder().method("POST").uri(of("acme", path)).header("host", "localhost");
    let request = request.header("idempotency-key", idempotency_key);
    match key {
        Some(key) => request.header("authorization", format!("Bearer {key}")).body(body).unwrap(),
        None => request.body(body).unwrap(),
    }
}

#[tokio::test]
async fn whoever_goes_away_early_can_come_again_with_his_idempotency_key() {
    let world = World::new(KeychainOptions::default()).await;
    let request = |id: usize| {
        let save = format!(r#"[{{"model": "asset", "id": "a{id}", "fields": {READY}}}]"#);
        repeatable("/saves", &format!("k{id}"), None, Body::from(save))
    };
    // Each goes away a little later than the one before.
    for id in 0..12 {
        let mut call = pin!(world.send(request(id)));
        for _ in 0..=id / 2 {
            poll_fn(|context| {
                let _done = call.as_mut().poll(context).is_ready();
                Poll::Ready(())
            })
            .await;
            if id % 2 == 1 {
                tokio::time::sleep(Duration::from_micros(200)).await;
            }
        }
    }
    let again = async {
        for id in 0..12 {
            while world.send(request(id)).await.status == 409 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            let answer = world.send(request(id)).await;
            assert!(answer.status == 200 && answer.headers.contains_key("idempotency-replayed"), "{}", answer.body);
        }
    };
    assert!(tokio::time::timeout(PATIENCE, again).await.is_ok(), "a key is in use for ever");
    let messages = world.call(None, "GET", &of("acme", "/messages"), "").await.body;
    assert_eq!(messages["data"].as_array().unwrap().len(), 12, "each is done once: {messages}");
}

#[tokio::test]
async fn who_may_not_save_has_no_batch_read() {
    let world = World::new(KeychainOptions::default()).await;
    let (admin, _) = world.make(None, "/-/keys", &json!({"permissions": "*"})).await;
    let (key, _) = world.make(Some(&admin), &of("acme", "/keys"), &json!({"permissions": "webhooks:read"})).await;
    let endless = Body::from_stream(futures_util::stream::pending::<Result<Bytes, std::io::Error>>());
    let answer = tokio::time::timeout(PATIENCE, world.send(repeatable("/saves", "k1", Some(&key), endless))).await;
    assert_eq!(answer.expect("the body is waited for").problem(), (403, "permission-missing"));
    let large = Body::from(vec![b' '; 1 << 20]);
    let answer = world.send(repeatable("/endpoints/ep_erp/suspend", "k2", Some(&key), large)).await;
    assert_eq!(answer.problem(), (413, "too-large"), "more is read than any such call may have");
}

#[tokio::test]
async fn a_key_of_a_tenant_writes_into_no_other_audit_log() {
    let world = World::new(KeychainOptions::default()).await;
    let (admin, _) = world.make(None, "/-/keys", &json!({"permissions": "*"})).await;
    let (key, id) = world.make(Some(&admin), &of("acme", "/keys"), &json!({"permissions": "*"})).await;
    let path = of("globex", "/endpoints/x/suspend");
    assert_eq!(world.call(Some(&key), "POST", &path, "").await.problem(), (404, "unknown-tenant"));
    let log = world.call(Some(&admin), "GET", &of("globex", "/audit"), "").await.body;
    assert_eq!(log["data"], json!([]), "another tenant is told of it");
    let log = world.call(Some(&admin), "GET", &of("acme", "/audit"), "").await.body;
    let (newest, text) = (&log["data"][0], log["data"][0].to_string());
    assert_eq!(newest["status"], json!(404), "{log}");
    assert!(text.contains(&id) && text.contains(&path), "{text}");
}
