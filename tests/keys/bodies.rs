//! Bodies and repeated requests: clients that go away early, and bodies that nobody may send.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::Request;
use serde_json::json;
use webhookc::server::KeychainOptions;
use webhookc::store::RUNNING_RESENDS;

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
            let answered = poll_fn(|context| Poll::Ready(call.as_mut().poll(context).is_ready())).await;
            if answered {
                break;
            }
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

/// What is refused has changed nothing: it may come again with its key, mended or at a better time. What was done, also in part, may not.
#[tokio::test]
async fn only_the_answer_of_what_was_done_is_kept() {
    let world = World::new(KeychainOptions::default()).await;
    let post = async |path: &str, key: &str, body: String| {
        let answer = world.send(repeatable(path, key, None, Body::from(body))).await;
        let is_replayed = answer.headers.contains_key("idempotency-replayed");
        (answer.status, is_replayed, answer)
    };
    let resend = json!({"filter": {"status": "delivered"}}).to_string();
    for number in 0..RUNNING_RESENDS {
        assert_eq!(post("/resend", &format!("r{number}"), resend.clone()).await.0, 202);
    }
    let (status, _, refused) = post("/resend", "later", resend.clone()).await;
    assert_eq!((status, refused.problem()), (409, (409, "too-many-resends")));
    let id = world.call(None, "GET", &of("acme", "/resend"), "").await.body["data"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!(world.call(None, "DELETE", &of("acme", &format!("/resend/{id}")), "").await.status, 200);
    let (status, is_replayed, begun) = post("/resend", "later", resend.clone()).await;
    assert_eq!((status, is_replayed), (202, false), "it may come again: {}", begun.body);
    let (status, is_replayed, again) = post("/resend", "later", resend).await;
    assert_eq!((status, is_replayed, &again.body), (202, true, &begun.body));
    assert_eq!(again.headers["location"], begun.headers["location"], "where it is, is said again");

    let save = |id: usize| format!(r#"{{"model": "asset", "id": "{id}", "fields": {READY}}}"#);
    assert_eq!(post("/saves", "b1", "[{}]".to_owned()).await.0, 400);
    assert_eq!(post("/saves", "b1", format!("[{}]", save(0))).await.0, 200, "another request with the key of a refused one");
    let mut saves: Vec<String> = (0..1_000).map(save).collect();
    saves.push(r#"{"model": "asset", "id": "x", "fields": {"nmae": 1}}"#.to_owned());
    let (status, _, in_part) = post("/saves", "b2", saves.join("\n")).await;
    assert_eq!((status, &in_part.body["saved"]), (422, &json!(1_000)));
    let (status, is_replayed, again) = post("/saves", "b2", saves.join("\n")).await;
    assert_eq!((status, is_replayed, again.body), (422, true, in_part.body), "what is stored is not stored once more");
}

#[tokio::test]
async fn an_endpoint_that_was_made_is_where_it_was_when_the_request_is_repeated() {
    let world = World::new(KeychainOptions::default()).await;
    let wish = json!({"name": "a", "event_types": "*", "url": "https://93.184.216.34/hook"}).to_string();
    let post = async || world.send(repeatable("/endpoints", "e", None, Body::from(wish.clone()))).await;
    let (made, again) = (post().await, post().await);
    assert!(again.headers.contains_key("idempotency-replayed"));
    let expected = of("acme", &format!("/endpoints/{}", made.body["id"].as_str().unwrap()));
    assert_eq!([&made.headers["location"], &again.headers["location"]], [expected.as_str(); 2]);
    // What was sent again is no new thing below the call.
    assert_eq!(world.call(None, "PUT", &of("acme", "/objects/asset/1"), READY).await.status, 201);
    let list = world.call(None, "GET", &of("acme", "/deliveries"), "").await.body;
    let path = format!("/deliveries/{}/resend", list["data"][0]["id"].as_str().unwrap());
    for is_replayed in [false, true] {
        let answer = world.send(repeatable(&path, "d", None, Body::empty())).await;
        assert_eq!((answer.status, answer.headers.contains_key("idempotency-replayed")), (202, is_replayed));
        assert!(!answer.headers.contains_key("location"));
    }
}

/// Answers are larger than the saves that they belong to, and are in memory until they are sent.
#[tokio::test]
async fn a_batch_ends_where_its_answers_become_too_large() {
    // Of each webhook, and each save, the answer says why it has not fired.
    let world = World::with(KeychainOptions::default(), |schema| {
        let (before, rest) = schema.split_once("<webhook").unwrap();
        let (webhook, after) = rest.split_once("</webhook>").unwrap();
        let webhook = |number: usize| format!("<webhook{}</webhook>", webhook.replace("asset_ready", &format!("ready_{number}")));
        format!("{before}{}{after}", (0..40).map(webhook).collect::<String>())
    })
    .await;
    let long = "\u{1f418}".repeat(250);
    let save = |number: usize| format!("{{\"model\": \"asset\", \"id\": \"{long}{number}\", \"fields\": {{}}}}\n");
    let batch: String = (0..4_000).map(save).collect();
    let answer = world.call(None, "POST", &of("acme", "/saves?explain"), &batch).await;
    assert_eq!(answer.problem(), (413, "answers-too-large"));
    let saved = answer.body["saved"].as_u64().unwrap();
    assert!((1_000..4_000).contains(&saved) && saved.is_multiple_of(1_000), "{saved}");
    let answer = world.call(None, "POST", &of("acme", "/saves"), &batch).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
}
