//! What is not shown of an endpoint is sent to nobody else than it was given for, whatever of the endpoint is changed.

use serde_json::{Value, json};
use webhookc::server::KeychainOptions;

use crate::world::{World, of};

const CODE: &str = "credential-of-another-place";

/// An endpoint with credentials that its maker has written out.
async fn with_credentials() -> (World, String, Value) {
    let world = World::new(KeychainOptions::default()).await;
    let (admin, _) = world.make(None, "/-/keys", &json!({"permissions": "*"})).await;
    let (key, _) = world.make(Some(&admin), &of("acme", "/keys"), &json!({"permissions": "webhooks:*"})).await;
    let wish = json!({
        "name": "erp", "event_types": "*", "url": "https://93.184.216.34/hook?x={{ object.id }}",
        "headers": [{"name": "X-A", "value": "1"}, {"name": "Authorization", "value": "Bearer t0ken"}, {"name": "X-Api-Key", "value": "k3y"}],
        "failure_handling": {"alert_endpoint": {"url": "https://93.184.216.34/alert", "headers": {"X-Key": ["abc"]}}},
    });
    let made = world.call(Some(&key), "POST", &of("acme", "/endpoints"), &wish.to_string()).await;
    assert_eq!(made.status, 201, "{}", made.body);
    (world, key, made.body)
}

#[tokio::test]
async fn a_credential_that_is_kept_does_not_go_to_another_place() {
    let (world, key, made) = with_credentials().await;
    let path = of("acme", &format!("/endpoints/{}", made["id"].as_str().unwrap()));
    let elsewhere = json!("https://93.184.216.35/hook");
    let mut sent_back = made.clone();
    sent_back["url"] = elsewhere.clone();
    let tries = [
        json!({"url": elsewhere}),
        json!({"url": "http://93.184.216.34/hook"}),
        json!({"url": "https://93.184.216.34:8443/hook"}),
        json!({"url": "https://93.184.216.34@93.184.216.35/hook"}),
        sent_back,
        json!({"url": elsewhere, "headers": made["headers"]}),
        json!({"url": elsewhere, "add_headers": {"authorization": ["…"]}}),
        json!({"url": elsewhere, "remove_headers": ["X-Api-Key"], "add_headers": [{"name": "X-Api-Key", "value": "mine"}]}),
        json!({"url": elsewhere, "remove_headers": ["X-A", "X-Api-Key"]}),
        // One of this name is written, and one is kept.
        json!({"url": elsewhere, "headers": [{"name": "Authorization", "value": "…"}, {"name": "Authorization", "value": "mine"}]}),
    ];
    for wish in tries {
        let answer = world.call(Some(&key), "PATCH", &path, &wish.to_string()).await;
        assert_eq!(answer.problem(), (422, CODE), "{wish}: {}", answer.body);
        let first = &answer.body["errors"][0];
        assert_eq!(first["pointer"], json!("/url"), "{}", answer.body);
        let said: Vec<&str> = answer.body["errors"].as_array().unwrap().iter().map(|one| one["detail"].as_str().unwrap()).collect();
        assert!(said.iter().any(|one| one.to_ascii_lowercase().contains("`authorization`")), "{said:?}");
        assert!(!answer.body.to_string().contains("t0ken"));
    }
    let alert =
        |headers: Value| json!({"failure_handling": {"alert_endpoint": {"url": "https://93.184.216.35/alert", "headers": headers}}});
    let answer =
        world.call(Some(&key), "PATCH", &path, &alert(made["failure_handling"]["alert_endpoint"]["headers"].clone()).to_string()).await;
    assert_eq!(answer.problem(), (422, CODE));
    assert_eq!(answer.body["errors"][0]["pointer"], json!("/failure_handling/alert_endpoint/url"), "{}", answer.body);
    assert_eq!(world.call(Some(&key), "GET", &path, "").await.body, made, "nothing has changed");
}

#[tokio::test]
async fn it_stays_at_its_place_and_goes_where_it_is_written_anew() {
    let (world, key, made) = with_credentials().await;
    let path = of("acme", &format!("/endpoints/{}", made["id"].as_str().unwrap()));
    let headers =
        |authorization: &str, key: &str| json!([{"name": "authorization", "value": authorization}, {"name": "X-Api-Key", "value": key}]);
    let elsewhere = "https://93.184.216.35/hook";
    for wish in [
        json!({"url": "https://93.184.216.34:443/other?y={{ object.id }}", "headers": made["headers"]}),
        json!({"url": elsewhere, "headers": headers("Bearer new", "new")}),
        json!({"url": "https://93.184.216.36/hook", "add_headers": headers("Bearer newer", "newer")}),
        json!({"url": elsewhere, "remove_headers": ["Authorization"], "add_headers": {"X-Api-Key": ["newest"]}}),
        json!({"url": "https://93.184.216.36/hook", "headers": {"X-Api-Key": ["newest"]}}),
        json!({"failure_handling": {"alert_endpoint": {"url": "https://93.184.216.35/alert", "headers": {"X-Key": ["new"]}}}}),
        json!({"failure_handling": {"alert_endpoint": {"url": "https://93.184.216.36/alert"}}}),
        json!({"url": elsewhere, "headers": null}),
        json!({"url": "https://93.184.216.36/hook"}),
    ] {
        let answer = world.call(Some(&key), "PATCH", &path, &wish.to_string()).await;
        assert_eq!(answer.status, 200, "{wish}: {}", answer.body);
    }
}
