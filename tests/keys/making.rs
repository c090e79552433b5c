//! Making keys and links, and what is remembered of them and of their calls.

use serde_json::{Value, json};
use webhookc::server::KeychainOptions;

use crate::world::{READY, World, of};

async fn locked() -> (World, String) {
    let world = World::new(KeychainOptions::default()).await;
    let (admin, _) = world.make(None, "/-/keys", &json!({"permissions": "*", "name": "admin"})).await;
    (world, admin)
}

#[tokio::test]
async fn a_key_is_shown_once_and_stored_nowhere() {
    let (world, admin) = locked().await;
    let wish = json!({"permissions": "webhooks:read, keys:*", "name": "shop", "expires": "90d", "rate_limit": "10/s"});
    let answer = world.call(Some(&admin), "POST", &of("a", "/keys"), &wish.to_string()).await;
    assert_eq!((answer.status, &answer.headers["cache-control"]), (201, &"no-store".parse().unwrap()));
    let key = answer.body["key"].as_str().unwrap().to_owned();
    let secret = key.rsplit_once('_').unwrap().1;
    let list = world.call(Some(&key), "GET", &of("a", "/keys"), "").await.body;
    let expected = json!({
        "id": answer.body["id"], "kind": "key", "tenant": "a", "name": "shop", "rate_limit": "10/s", "state": "active",
        "permissions": ["webhooks:read", "keys:read", "keys:list", "keys:write"],
        "made_by": list["data"][0]["made_by"], "created_at": "2026-11-26T12:00:00Z", "expires_at": "2027-02-24T12:00:00Z",
        "revoked_at": null, "last_used_at": null,
    });
    assert_eq!(list["data"], json!([expected]));
    let one = world.call(Some(&key), "GET", &of("a", &format!("/keys/{}", answer.body["id"].as_str().unwrap())), "").await;
    assert_eq!(one.body["name"], json!("shop"));
    for file in std::fs::read_dir(world.folder.path()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        assert!(!bytes.windows(secret.len()).any(|part| part == secret.as_bytes()), "the key is in a file of the store");
    }
}

#[tokio::test]
async fn last_use_is_kept() {
    let (world, admin) = locked().await;
    let (key, id) = world.make(Some(&admin), &of("a", "/keys"), &json!({"permissions": "webhooks:list"})).await;
    world.clock.advance(5_000);
    assert_eq!(world.call(Some(&key), "GET", &of("a", "/webhooks"), "").await.status, 200);
    world.keychain.note_uses_now().await;
    let key = world.call(Some(&admin), "GET", &of("a", &format!("/keys/{id}")), "").await.body;
    assert_eq!(key["last_used_at"], json!("2026-11-26T12:00:05Z"));
}

#[tokio::test]
async fn nobody_gives_away_what_it_does_not_have() {
    let (world, admin) = locked().await;
    let (key, _) = world.make(Some(&admin), &of("a", "/keys"), &json!({"permissions": "keys:*,webhooks:read"})).await;
    let answer = world.call(Some(&key), "POST", &of("a", "/keys"), r#"{"permissions": "webhooks:write"}"#).await;
    assert_eq!(answer.problem(), (403, "permission-missing"));
    let answer = world.call(Some(&key), "POST", &of("a", "/keys"), r#"{"permissions": "*"}"#).await;
    assert_eq!(answer.body["permissions"], json!(["webhooks:read", "keys:read", "keys:list", "keys:write"]), "`*` is all that it has");
    let answer = world.call(Some(&admin), "POST", &of("a", "/keys"), r#"{"permissions": "node:write"}"#).await;
    assert_eq!(answer.problem(), (422, "invalid-permissions"), "no node in a tenant");
    assert_eq!(world.call(Some(&key), "POST", &of("b", "/keys"), r#"{"permissions": "keys:read"}"#).await.status, 404);
}

#[tokio::test]
async fn every_wrong_wish_is_refused_and_changes_nothing() {
    let (world, admin) = locked().await;
    for (wish, code) in [
        (json!({}), "invalid-permissions"),
        (json!({"permissions": "webhook:read"}), "invalid-permissions"),
        (json!({"permissions": []}), "invalid-permissions"),
        (json!({"permissions": "webhooks:read", "expires": "soon"}), "invalid-expires"),
        (json!({"permissions": "webhooks:read", "expires": "0s"}), "invalid-expires"),
        (json!({"permissions": "webhooks:read", "rate_limit": "fast"}), "invalid-rate-limit"),
        (json!({"permissions": "webhooks:read", "name": "a\nb"}), "invalid-name"),
        (json!({"permissions": "webhooks:read", "name": "x".repeat(101)}), "invalid-name"),
        (json!({"permission": "x"}), "unknown-field"),
        (json!({"permissions": 7}), "wrong-type"),
    ] {
        let answer = world.call(Some(&admin), "POST", &of("a", "/keys"), &wish.to_string()).await;
        assert_eq!(answer.problem(), (422, code), "{wish}: {}", answer.body);
    }
    for wrong in ["[]", "{"] {
        assert_eq!(world.call(Some(&admin), "POST", &of("a", "/keys"), wrong).await.problem(), (400, "invalid-json"), "{wrong}");
    }
    assert_eq!(world.call(Some(&admin), "GET", &of("a", "/keys"), "").await.body["data"], json!([]));
    let unknown = of("a", "/keys/key_0000000000000007");
    assert_eq!(world.call(Some(&admin), "DELETE", &unknown, "").await.problem(), (404, "unknown-key"));
    assert_eq!(world.call(Some(&admin), "DELETE", &of("a", "/keys/7"), "").await.problem(), (400, "invalid-id"));
}

#[tokio::test]
async fn a_link_shows_one_tenant_for_a_while_and_ends_with_the_key_that_made_it() {
    let (world, admin) = locked().await;
    let (maker, id) = world.make(Some(&admin), &of("a", "/keys"), &json!({"permissions": "*"})).await;
    let wish = json!({"permissions": "webhooks:list,deliveries:list"});
    let (link, _) = world.make(Some(&maker), &of("a", "/links"), &wish).await;
    assert!(link.starts_with("whl_"));
    let list = async |link: &str| world.call(Some(link), "GET", &of("a", "/webhooks"), "").await;
    assert_eq!(list(&link).await.status, 200);
    assert_eq!(world.call(Some(&link), "GET", &of("b", "/webhooks"), "").await.status, 404);
    assert_eq!(world.call(Some(&link), "POST", &of("a", "/keys"), r#"{"permissions": "webhooks:list"}"#).await.status, 403);
    for (wish, status) in [("keys:read", 422), ("node:read", 422), ("*", 201)] {
        let wish = json!({"permissions": wish}).to_string();
        assert_eq!(world.call(Some(&maker), "POST", &of("a", "/links"), &wish).await.status, status, "{wish}");
    }
    let long = json!({"permissions": "webhooks:list", "expires": "31d"}).to_string();
    assert_eq!(world.call(Some(&maker), "POST", &of("a", "/links"), &long).await.problem(), (422, "invalid-expires"));
    let (second, _) = world.make(Some(&maker), &of("a", "/links"), &wish).await;
    assert_eq!(world.call(Some(&admin), "DELETE", &of("a", &format!("/keys/{id}")), "").await.status, 200);
    assert_eq!(list(&second).await.problem(), (401, "key-revoked"));
    let (third, _) = world.make(Some(&admin), &of("a", "/links"), &wish).await;
    world.clock.advance(12 * 3_600_000);
    assert_eq!(list(&third).await.problem(), (401, "key-expired"));
}

#[tokio::test]
async fn what_changes_something_is_in_the_log_of_its_tenant() {
    let (world, admin) = locked().await;
    let (key, id) = world.make(Some(&admin), &of("a", "/keys"), &json!({"permissions": "webhooks:*,objects:*"})).await;
    let key = Some(key.as_str());
    world.call(key, "PUT", &of("a", "/objects/asset/1"), READY).await;
    world.call(key, "GET", &of("a", "/endpoints"), "").await;
    world.call(key, "POST", &of("a", "/endpoints/ep_erp/suspend?why=x"), "").await;
    world.call(key, "POST", &of("a", "/deliveries/dlv_00000000000000000000000000000007/resend"), "").await;
    let log = world.call(Some(&admin), "GET", &of("a", "/audit"), "").await.body;
    let seen: Vec<Value> =
        log["data"].as_array().unwrap().iter().map(|entry| json!([entry["actor"], entry["call"], entry["status"]])).collect();
    let made_by = seen[2][0].clone();
    let expected = json!([
        [id, "POST /api/v1/tenants/a/deliveries/dlv_00000000000000000000000000000007/resend", 403],
        [id, "POST /api/v1/tenants/a/endpoints/ep_erp/suspend", 200],
        [made_by, "POST /api/v1/tenants/a/keys", 201],
    ]);
    assert_eq!(Value::Array(seen), expected);
    assert_eq!(world.call(Some(&admin), "GET", &of("b", "/audit"), "").await.body["data"], json!([]));
    let all = world.call(Some(&admin), "GET", "/-/audit?limit=3", "").await.body;
    let rest = format!("/-/audit?cursor={}", all["next"].as_str().unwrap());
    let rest = world.call(Some(&admin), "GET", &rest, "").await.body;
    assert_eq!(rest["data"][0]["actor"], json!("anybody"), "the first key: {rest}");
    assert_eq!(world.call(key, "GET", &of("a", "/audit"), "").await.status, 403);
}
