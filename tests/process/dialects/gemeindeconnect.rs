//! The API of seed `002_caa3043fe454df9b.txt`.

use serde_json::{Value, json};

use super::Stage;
use crate::node::send;

#[tokio::test]
async fn gemeindeconnect_tells_of_the_processes_that_a_configuration_names() {
    let stage = Stage::new("gemeindeconnect").await;
    let good = json!({
        "whname": "Your Webhook Name", "whcomment": "short comment on the webhook", "applicationId": "d0db4b13-20d4-42c3-8268-37db22b36f98",
        "municipalityId": "m1", "callbackUrl": format!("{}/callback", stage.receiver.url), "processes": ["p1", "p2"],
    });
    let (status, made) = stage.call("POST", "/webhookconfig", &good).await;
    assert_eq!(status, 201, "{made}");
    for (name, value) in good.as_object().unwrap() {
        assert_eq!(&made[name], value);
    }
    let which = format!("/webhookconfig?whid={}", made["whid"].as_str().unwrap());
    assert_eq!(stage.get("/webhookconfig").await, json!([made]));
    assert_eq!(stage.get(&which).await, json!([made]));
    let save = async |id: &str, process: &str, municipality: &str| {
        let fields = json!({"status": "submitted", "process_id": process, "municipality_id": municipality});
        stage.save("request", id, fields).await["messages"].as_array().unwrap().len()
    };
    assert_eq!((save("r1", "p3", "m1").await, save("r2", "p1", "m2").await, save("r3", "p2", "m1").await), (0, 0, 1));
    assert_eq!(stage.receiver.wait_for(1).await[0].json()["object"]["id"], json!("r3"));
    let mut other = good.clone();
    other["processes"] = json!(["p3"]);
    let (status, changed) = stage.call("PATCH", &which, &other).await;
    assert_eq!((status, &changed["processes"], &changed["whid"]), (200, &json!(["p3"]), &made["whid"]));
    assert_eq!((save("r4", "p3", "m1").await, save("r5", "p2", "m1").await), (1, 0));

    let cases = [
        ("/whname", json!(5)),
        ("/whname", Value::Null),
        ("/whcomment", Value::Null),
        ("/whcomment", json!([])),
        ("/applicationId", Value::Null),
        ("/applicationId", json!(1)),
        ("/municipalityId", Value::Null),
        ("/municipalityId", json!(1)),
        ("/callbackUrl", Value::Null),
        ("/callbackUrl", json!("nowhere")),
        ("/callbackUrl", json!("https://10.0.0.1/")),
        ("/processes", Value::Null),
        ("/processes", json!([])),
        ("/processes", json!("p1")),
        ("/processes", json!([1])),
        ("/colour", json!(1)),
    ];
    stage.refuses(("POST", "/webhookconfig"), &good, 422, &cases).await;
    stage.refuses(("PATCH", &which), &good, 422, &cases).await;
    assert_eq!(stage.get("/webhookconfig").await, json!([changed]), "nothing has changed");
    assert_eq!(stage.call("DELETE", "/webhookconfig", &Value::Null).await.0, 400);
    let (status, problem) = stage.call("DELETE", "/webhookconfig?whid=ep_x", &Value::Null).await;
    assert_eq!((status, &problem["detail"]), (404, &json!("there is no webhook configuration `ep_x`")), "{problem}");
    assert_eq!(stage.call("DELETE", &which, &Value::Null).await, (204, Value::String(String::new())));
    assert_eq!(stage.get("/webhookconfig").await, json!([]));

    // Its key stands in a header of its own.
    let (_, key) = send("POST", &stage.node.of_tenant("keys"), r#"{"name": "k", "permissions": ["webhooks:read"]}"#).await;
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let ask = client.get(format!("{}/webhookconfig", stage.node.url));
    let refused = ask.try_clone().unwrap().send().await.unwrap();
    assert_eq!(refused.status().as_u16(), 401);
    let refused = refused.text().await.unwrap();
    assert!(refused.contains("send the key in `ocp-apim-subscription-key`"), "{refused}");
    let answer = ask.header("Ocp-Apim-Subscription-Key", key["key"].as_str().unwrap()).send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 200);
}
