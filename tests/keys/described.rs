//! What the description says of rights is true: each call asks for exactly the permission that stands there, and the others for no key.

use serde_json::json;
use webhookc::access::{Permission, Permissions};
use webhookc::server::KeychainOptions;

use crate::world::{World, of};

#[tokio::test]
async fn each_call_needs_the_permission_that_its_description_names() {
    let world = World::new(KeychainOptions::default()).await;
    let (admin, _) = world.make(None, "/-/keys", &json!({"permissions": "*"})).await;
    let document = world.call(None, "GET", "/openapi.json", "").await.body;
    let mut tried = 0;
    for (path, calls) in document["paths"].as_object().unwrap() {
        for (method, call) in calls.as_object().unwrap() {
            let method = method.to_ascii_uppercase();
            let filled = path
                .replace("{tenant}", "a")
                .replace("{id}", "x")
                .replace("{model}", "asset")
                .replace("{name}", "x")
                .replace("{field}", "x");
            let without = world.call(None, &method, &filled, "").await;
            let Some(permission) = call["x-permission"].as_str() else {
                assert!(without.status != 401 && call["security"] == json!([]), "{method} {path} needs no key");
                continue;
            };
            assert_eq!(without.status, 401, "{method} {path}");
            let asked: Permissions = permission.parse().unwrap();
            let is_of_node = !path.starts_with("/api/");
            let others =
                Permission::all().filter(|other| !asked.contains(*other) && (is_of_node || !other.to_string().starts_with("node:")));
            let others = others.map(|other| other.to_string()).collect::<Vec<_>>().join(",");
            let keys = if is_of_node { "/-/keys".to_owned() } else { of("a", "/keys") };
            let (lacking, _) = world.make(Some(&admin), &keys, &json!({"permissions": others})).await;
            let refused = world.call(Some(&lacking), &method, &filled, "").await;
            assert_eq!(refused.problem(), (403, "permission-missing"), "{method} {path}");
            let detail = refused.body["detail"].as_str().unwrap();
            assert!(detail.ends_with(&format!("lacks the permission `{permission}`")), "{method} {path}: {detail}");
            let (having, _) = world.make(Some(&admin), &keys, &json!({"permissions": permission})).await;
            let let_in = world.call(Some(&having), &method, &filled, "").await;
            assert!(!matches!(let_in.status, 401 | 403), "{method} {path}: {}", let_in.body);
            tried += 1;
        }
    }
    assert!(tried > 35, "{tried}");
}
