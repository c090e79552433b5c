//! Which calls are let in, and what the others are told.

use axum::body::Body;
use axum::http::Request;
use serde_json::json;
use webhookc::server::KeychainOptions;

use crate::world::{READY, World, of};

async fn locked() -> (World, String) {
    let world = World::new(KeychainOptions::default()).await;
    let (admin, _) = world.make(None, "/-/keys", &json!({"permissions": "*", "name": "admin"})).await;
    (world, admin)
}

#[tokio::test]
async fn without_any_key_everything_is_open_and_with_the_first_it_is_not() {
    let world = World::new(KeychainOptions::default()).await;
    assert_eq!(world.call(None, "GET", &of("a", "/webhooks"), "").await.status, 200);
    let (admin, _) = world.make(None, "/-/keys", &json!({"permissions": "*"})).await;
    for path in [&of("a", "/webhooks"), &of("a", "/keys"), "/-/keys", "/-/audit"] {
        let answer = world.call(None, "GET", path, "").await;
        assert_eq!(answer.problem(), (401, "key-missing"), "{path}");
        assert_eq!(answer.headers["www-authenticate"], "Bearer");
    }
    assert_eq!(world.call(None, "POST", "/-/reload", "").await.problem(), (401, "key-missing"));
    for path in ["/healthz", "/readyz", "/.well-known/webhook-keys.json"] {
        assert_eq!(world.call(None, "GET", path, "").await.status, 200, "{path}");
    }
    assert_eq!(world.call(Some(&admin), "GET", &of("a", "/webhooks"), "").await.status, 200);
    assert_eq!(world.call(Some(&admin), "GET", "/-/keys", "").await.body["data"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_node_does_not_open_again_when_its_keys_are_of_no_use_any_more() {
    let (world, admin) = locked().await;
    let (_, id) = world.make(Some(&admin), "/-/keys", &json!({"permissions": "*"})).await;
    let all = world.call(Some(&admin), "GET", "/-/keys", "").await.body;
    let own = all["data"].as_array().unwrap().iter().map(|key| key["id"].as_str().unwrap()).find(|other| *other != id).unwrap();
    for id in [id.as_str(), own] {
        assert_eq!(world.call(Some(&admin), "DELETE", &format!("/-/keys/{id}"), "").await.status, 200);
    }
    assert_eq!(world.call(None, "GET", &of("a", "/webhooks"), "").await.problem(), (401, "key-missing"));
    assert_eq!(world.call(Some(&admin), "GET", &of("a", "/webhooks"), "").await.problem(), (401, "key-revoked"));
}

#[tokio::test]
async fn every_bad_key_is_told_what_is_wrong_with_it() {
    let (world, admin) = locked().await;
    let (key, id) = world.make(Some(&admin), &of("a", "/keys"), &json!({"permissions": "webhooks:*", "expires": "1h"})).await;
    let path = of("a", "/webhooks");
    let code = async |key: &str| {
        let answer = world.call(Some(key), "GET", &path, "").await;
        assert!(!answer.body.to_string().contains(key) || key.len() < 8, "{}", answer.body);
        (answer.status, answer.body["code"].as_str().unwrap_or_default().to_owned())
    };
    assert_eq!(code(&key).await.0, 200);
    let last = if key.ends_with('0') { '1' } else { '0' };
    let nearly = format!("{}{last}", &key[..key.len() - 1]);
    assert_eq!(code(&nearly).await, (401, "key-unknown".to_owned()));
    assert_eq!(code(&key.replace("whk_", "whl_")).await, (401, "key-unknown".to_owned()), "a key is no link");
    let nobodys = format!("whk_{:016x}_{}", 7, "0".repeat(64));
    assert_eq!(code(&nobodys).await, (401, "key-unknown".to_owned()));
    for malformed in ["hunter2", "whk_", &key[1..], &format!("{key}0"), &"x".repeat(7_000)] {
        assert_eq!(code(malformed).await, (401, "key-malformed".to_owned()));
    }
    world.clock.advance(3_600_001);
    assert_eq!(code(&key).await, (401, "key-expired".to_owned()));
    assert_eq!(code(&nearly).await, (401, "key-unknown".to_owned()), "only who has it learns that it has expired");
    assert_eq!(world.call(Some(&admin), "DELETE", &of("a", &format!("/keys/{id}")), "").await.status, 200);
    assert_eq!(code(&key).await, (401, "key-revoked".to_owned()));
    let two = Request::builder().uri(&path).header("host", "localhost");
    let two = two.header("authorization", format!("Bearer {admin}")).header("authorization", format!("Bearer {admin}"));
    assert_eq!(world.send(two.body(Body::empty()).unwrap()).await.problem(), (401, "key-malformed"));
}

#[tokio::test]
async fn a_key_does_what_it_may_in_its_tenant_and_nothing_elsewhere() {
    let (world, admin) = locked().await;
    let (key, _) = world.make(Some(&admin), &of("a", "/keys"), &json!({"permissions": ["objects:write", "deliveries:list"]})).await;
    let key = Some(key.as_str());
    assert_eq!(world.call(key, "PUT", &of("a", "/objects/asset/1"), READY).await.status, 201);
    assert_eq!(world.call(key, "GET", &of("a", "/deliveries"), "").await.body["data"].as_array().unwrap().len(), 1);
    let answer = world.call(key, "GET", &of("a", "/objects/asset/1"), "").await;
    assert_eq!(answer.problem(), (403, "permission-missing"));
    assert!(answer.body["detail"].as_str().unwrap().ends_with("lacks the permission `objects:read`"), "{}", answer.body);
    // Another tenant, whether it exists or not, is not there.
    assert_eq!(world.call(Some(&admin), "PUT", &of("b", "/objects/asset/1"), READY).await.status, 201);
    for other in ["b", "nobody", "A", "a."] {
        for (method, path) in [("GET", "/deliveries"), ("GET", "/objects/asset/1"), ("PUT", "/objects/asset/1"), ("GET", "/keys")] {
            let answer = world.call(key, method, &of(other, path), READY).await;
            assert_eq!(answer.problem(), (404, "unknown-tenant"), "{other} {path}");
        }
    }
    for (method, path) in [("POST", "/-/reload"), ("POST", "/-/rotate-keys"), ("GET", "/-/keys"), ("GET", "/-/audit"), ("POST", "/-/keys")]
    {
        assert_eq!(world.call(key, method, path, "").await.problem(), (403, "key-of-a-tenant"), "{path}");
    }
}

#[tokio::test]
async fn a_revoked_key_is_of_no_use_from_the_answer_on() {
    let (world, admin) = locked().await;
    for _ in 0..20 {
        let (key, id) = world.make(Some(&admin), &of("a", "/keys"), &json!({"permissions": "*"})).await;
        assert_eq!(world.call(Some(&key), "GET", &of("a", "/webhooks"), "").await.status, 200);
        let revoke = world.call(Some(&admin), "DELETE", &of("a", &format!("/keys/{id}")), "").await;
        assert_eq!((revoke.status, &revoke.body["state"]), (200, &json!("revoked")));
        assert_eq!(world.call(Some(&key), "GET", &of("a", "/webhooks"), "").await.problem(), (401, "key-revoked"));
    }
}

#[tokio::test]
async fn who_calls_too_much_is_asked_to_wait() {
    let (world, admin) = locked().await;
    let wish = json!({"permissions": "webhooks:list", "rate_limit": "3/min"});
    let (key, _) = world.make(Some(&admin), &of("a", "/keys"), &wish).await;
    let path = of("a", "/webhooks");
    for _ in 0..3 {
        assert_eq!(world.call(Some(&key), "GET", &path, "").await.status, 200);
    }
    let answer = world.call(Some(&key), "GET", &path, "").await;
    assert_eq!(answer.problem(), (429, "too-many-calls"));
    let wait: u64 = answer.headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=20).contains(&wait), "{wait}");
    assert_eq!(world.call(Some(&admin), "GET", &path, "").await.status, 200, "another key is not slowed");
}

#[tokio::test]
async fn dev_asks_for_no_key_but_checks_one_that_comes() {
    let world = World::new(KeychainOptions { open: true, rate_limit: None }).await;
    let (key, _) = world.make(None, &of("a", "/keys"), &json!({"permissions": "webhooks:list"})).await;
    assert_eq!(world.call(None, "GET", &of("b", "/webhooks"), "").await.status, 200);
    assert_eq!(world.call(Some(&key), "GET", &of("a", "/webhooks"), "").await.status, 200);
    assert_eq!(world.call(Some(&key), "GET", &of("b", "/webhooks"), "").await.problem(), (404, "unknown-tenant"));
    assert_eq!(world.call(Some("whk_x"), "GET", &of("a", "/webhooks"), "").await.problem(), (401, "key-malformed"));
}

/// They are not looked through anew for each call, and yet what changes is seen by the next.
#[tokio::test]
async fn the_public_keys_are_those_of_now() {
    let (world, admin) = locked().await;
    let shown = async || world.call(None, "GET", "/.well-known/webhook-keys.json", "").await.body["keys"].as_array().unwrap().len();
    assert_eq!(shown().await, 0);
    let wish = json!({"name": "a", "event_types": "*", "url": "https://93.184.216.34/hook", "signatures": ["asymmetric"]});
    let answer = world.call(Some(&admin), "POST", &of("acme", "/endpoints"), &wish.to_string()).await;
    assert_eq!((answer.status, shown().await), (201, 1), "{}", answer.body);
    let answer = world.call(Some(&admin), "POST", "/-/rotate-keys", r#"{"grace": "1h"}"#).await;
    assert_eq!((answer.status, shown().await), (200, 2), "{}", answer.body);
    world.clock.advance(3_601_000);
    assert_eq!(shown().await, 1, "the grace time is over");
}
