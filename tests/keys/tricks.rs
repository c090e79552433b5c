//! What an attacker would try: paths that say one tenant and mean another, headers that say two things, the browser of somebody who may, the
//! answers to other keys, the secrets of what tenants share, and rotations
//! without end.

use axum::body::Body;
use axum::http::Request;
use serde_json::json;
use webhookc::server::KeychainOptions;

use crate::world::{READY, World, of};

async fn with_tenant() -> (World, String, String) {
    let world = World::new(KeychainOptions::default()).await;
    let (admin, _) = world.make(None, "/-/keys", &json!({"permissions": "*"})).await;
    let (key, _) = world.make(Some(&admin), &of("acme", "/keys"), &json!({"permissions": "*"})).await;
    assert_eq!(world.call(Some(&admin), "PUT", &of("globex", "/objects/asset/1"), READY).await.status, 201);
    (world, admin, key)
}

#[tokio::test]
async fn no_spelling_of_a_path_leads_to_another_tenant() {
    let (world, admin, key) = with_tenant().await;
    for path in [
        "/api/v1/tenants/acme/../globex/deliveries",
        "/api/v1/tenants/acme%2f..%2fglobex/deliveries",
        "/api/v1/tenants/acme%2F..%2Fglobex%2Fdeliveries",
        "/api/v1/tenants/%67lobex/deliveries",
        "/api/v1/tenants/globex%00/deliveries",
        "/api/v1/tenants/globex%20/deliveries",
        "/api/v1/tenants/GLOBEX/deliveries",
        "/api/v1/tenants/gl%D0%BEbex/deliveries",
        "/api/v1/tenants/%2e%2e/deliveries",
        "/api/v1/tenants/./globex/deliveries",
        "/api/v1/tenants//deliveries",
        "//api/v1/tenants/globex/deliveries",
        "/api/v1/tenants/globex;acme/deliveries",
        "/api/v1/tenants/acme/objects/asset/..%2f..%2f..%2fglobex%2fobjects%2fasset%2f1",
        "/api/v1/tenants/acme/objects/..%2f..%2fglobex/1",
        "/api/v1/tenants/%FF/deliveries",
    ] {
        let answer = world.call(Some(&key), "GET", path, "").await;
        assert!(matches!(answer.status, 400 | 404), "{path}: {} {}", answer.status, answer.body);
        assert!(!answer.body.to_string().contains("Pump"), "{path}: {}", answer.body);
    }
    assert_eq!(world.call(Some(&key), "GET", "/api/v1/tenants/%61cme/deliveries", "").await.status, 200, "its own, spelt otherwise");
    for wrong in ["a%2fb", "%2e%2e", "x%00", "gl%D0%BEbex", &"x".repeat(65)] {
        assert_eq!(
            world.call(Some(&admin), "PUT", &of(wrong, "/objects/asset/1"), READY).await.problem(),
            (400, "invalid-tenant"),
            "{wrong}"
        );
    }
}

#[tokio::test]
async fn a_page_of_another_origin_cannot_call_whatever_it_holds() {
    let (world, _, key) = with_tenant().await;
    for (host, origin) in [("localhost", "https://evil.example"), ("evil.example", "http://evil.example"), ("localhost", "null")] {
        let request = Request::builder().uri(of("acme", "/deliveries")).header("host", host).header("origin", origin);
        let request = request.header("authorization", format!("Bearer {key}"));
        assert_eq!(world.send(request.body(Body::empty()).unwrap()).await.problem(), (403, "foreign-host"), "{host} {origin}");
    }
    // A key counts in the header alone: neither a link nor a form of another page can carry it.
    for request in [
        Request::builder().uri(of("acme", &format!("/deliveries?key={key}"))),
        Request::builder().uri(of("acme", "/deliveries")).header("cookie", format!("key={key}")),
        Request::builder().uri(of("acme", "/deliveries")).header("x-api-key", key.as_str()),
    ] {
        assert_eq!(world.send(request.header("host", "localhost").body(Body::empty()).unwrap()).await.status, 401);
    }
}

#[tokio::test]
async fn an_answer_is_repeated_to_the_key_that_asked_and_to_no_other() {
    let (world, admin, key) = with_tenant().await;
    let (other, _) = world.make(Some(&admin), &of("acme", "/keys"), &json!({"permissions": "webhooks:read"})).await;
    let save = format!(r#"[{{"model": "asset", "id": "1", "fields": {READY}}}]"#);
    let post = async |key: &str| {
        let request =
            Request::builder().method("POST").uri(of("acme", "/saves")).header("host", "localhost").header("idempotency-key", "k");
        world.send(request.header("authorization", format!("Bearer {key}")).body(Body::from(save.clone())).unwrap()).await
    };
    let first = post(&key).await;
    assert_eq!(first.status, 200);
    let again = post(&key).await;
    assert_eq!((again.status, again.headers.contains_key("idempotency-replayed"), &again.body), (200, true, &first.body));
    assert_eq!(post(&other).await.problem(), (403, "permission-missing"));
    assert_eq!(post("whk_wrong").await.problem(), (401, "key-malformed"));
}

#[tokio::test]
async fn what_is_said_of_an_object_to_an_endpoint_that_all_share_is_for_those_who_may_save_it() {
    let (world, admin, key) = with_tenant().await;
    let (links, _) = world.make(Some(&admin), &of("acme", "/keys"), &json!({"permissions": "webhooks:*"})).await;
    let test = async |key: &str, id: &str| {
        // What is refused later sends nothing.
        world.call(Some(key), "POST", &of("acme", &format!("/endpoints/{id}/test")), r#"{"object": {"nmae": "Pump"}}"#).await
    };
    let answer = test(&links, "ep_erp").await;
    assert_eq!(answer.problem(), (403, "permission-missing"));
    assert!(answer.body["detail"].as_str().unwrap().contains("objects:write"), "{}", answer.body);
    assert_eq!(test(&key, "ep_erp").await.problem(), (422, "unknown-field"));
    let wish = json!({"name": "mine", "event_types": "*", "url": "https://93.184.216.34/hook"});
    let made = world.call(Some(&links), "POST", &of("acme", "/endpoints"), &wish.to_string()).await;
    assert_eq!(test(&links, made.body["id"].as_str().unwrap()).await.problem(), (422, "unknown-field"), "its own");
}

#[tokio::test]
async fn one_tenant_cannot_have_the_secret_of_an_endpoint_that_all_share() {
    let (world, admin, key) = with_tenant().await;
    let rotate = of("acme", "/endpoints/ep_erp/rotate-secret");
    let answer = world.call(Some(&key), "POST", &rotate, "").await;
    assert_eq!(answer.problem(), (403, "key-of-a-tenant"));
    assert!(!answer.body.to_string().contains("whsec_"));
    let answer = world.call(Some(&admin), "POST", &rotate, "").await;
    assert!(answer.status == 200 && answer.body["secret"].as_str().unwrap().starts_with("whsec_"), "{}", answer.body);
}

#[tokio::test]
async fn a_secret_cannot_be_rotated_until_no_receiver_takes_the_header_of_signatures() {
    let (world, admin, key) = with_tenant().await;
    let wish = json!({"name": "mine", "event_types": "*", "url": "https://93.184.216.34/hook"});
    let made = world.call(Some(&admin), "POST", &of("acme", "/endpoints"), &wish.to_string()).await;
    let path = |id: &str| of("acme", &format!("/endpoints/{id}/rotate-secret"));
    for id in ["ep_erp", made.body["id"].as_str().unwrap()] {
        let rotate = async |grace: &str| world.call(Some(&admin), "POST", &path(id), &json!({ "grace": grace }).to_string()).await;
        for grace in ["0s"; 3].iter().chain(&["1h"; 5]).chain(&["365d"; 15]) {
            assert_eq!(rotate(grace).await.status, 200, "{id}");
        }
        assert_eq!(rotate("1h").await.problem(), (409, "too-many-secrets"), "{id}");
        assert_eq!(rotate("0s").await.status, 200, "{id}: one that leaked can always be taken out of use");
        world.clock.advance(3_600_000);
        assert_eq!(rotate("1h").await.status, 200, "{id}: the first five are over");
    }
    assert_eq!(world.call(Some(&key), "POST", &path("ep_erp"), "").await.problem(), (403, "key-of-a-tenant"));
}
