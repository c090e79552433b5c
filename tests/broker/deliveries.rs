//! Deliveries are messages of a stream.

use serde_json::{Value, json};

use crate::node::{Node, PATIENCE, send};
use crate::project::{sending, serve};
use crate::server::{Server, header, make_stream, messages};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

async fn save(node: &Node, id: &str) {
    let (status, answer) = send("PUT", &node.object("asset", id), r#"{"name": "Pump", "n": 9007199254740993}"#).await;
    assert_eq!(status, 201, "{answer}");
}

/// Waits until the newest delivery has a status, and gives it with its attempts.
async fn wait_for_status(node: &Node, status: &str) -> (Value, Vec<Value>) {
    let began = std::time::Instant::now();
    loop {
        let (_, list) = send("GET", &node.of_tenant("deliveries"), "").await;
        let newest = list["data"][0].clone();
        if newest["status"] == status {
            let id = newest["id"].as_str().unwrap();
            let (_, attempts) = send("GET", &node.of_tenant(&format!("deliveries/{id}/attempts")), "").await;
            let attempts = attempts["data"].as_array().unwrap().clone();
            return (newest, attempts);
        }
        assert!(began.elapsed() < PATIENCE, "no delivery is {status}: {list:#}\n{}", node.said());
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_is_a_signed_message_that_the_stream_has_once() {
    let server = Server::start();
    let streams = server.streams().await;
    make_stream(&streams, "HOOKS", "hooks.>").await;
    let endpoint = format!(
        "url = \"nats://main/hooks.{{{{ account_id }}}}.{{{{ operation }}}}.{{{{ object.id }}}}\"\nsecret = \"{SECRET}\"\n\
         headers = {{ X-Name = \"{{{{ object.name }}}}\" }}"
    );
    let folder = sending(server.port, &endpoint);
    let node = serve(folder.path());
    save(&node, "a.1 *é").await;
    let sent = messages(&streams, "HOOKS", 1).await;
    let message = &sent[0];
    assert_eq!(message.subject.as_str(), "hooks.default.create.a%2E1%20%2A%C3%A9");
    let body: Value = serde_json::from_slice(&message.payload).unwrap();
    assert_eq!((&body["event"], &body["object"]["id"]), (&json!("asset_saved"), &json!("a.1 *é")));
    assert!(message.payload.windows(16).any(|part| part == b"9007199254740993"));
    assert_eq!((header(message, "content-type"), header(message, "X-Name")), ("application/json", "Pump"));
    let mut signed = http::HeaderMap::new();
    for name in ["webhook-id", "webhook-timestamp", "webhook-signature"] {
        signed.insert(name, header(message, name).parse().unwrap());
    }
    standardwebhooks::Webhook::new(SECRET).unwrap().verify(&message.payload, &signed).unwrap();

    let (delivery, attempts) = wait_for_status(&node, "delivered").await;
    let id = delivery["id"].as_str().unwrap();
    assert_eq!(header(message, "Nats-Msg-Id"), id);
    assert_eq!(attempts.len(), 1);
    assert_eq!(said(&attempts[0]), json!({ "stream": "HOOKS", "sequence": 1, "duplicate": false }));
    // Once more by hand: the stream has it already.
    let (status, answer) = send("POST", &node.of_tenant(&format!("deliveries/{id}/resend")), "").await;
    assert!((200..300).contains(&status), "{answer}");
    let began = std::time::Instant::now();
    let attempts = loop {
        let (_, attempts) = wait_for_status(&node, "delivered").await;
        if attempts.len() == 2 {
            break attempts;
        }
        assert!(began.elapsed() < PATIENCE, "{attempts:?}");
    };
    assert_eq!(said(&attempts[1]), json!({ "stream": "HOOKS", "sequence": 1, "duplicate": true }));
    assert_eq!(messages(&streams, "HOOKS", 1).await.len(), 1);
}

/// What the stream said to an attempt.
fn said(attempt: &Value) -> Value {
    let body = attempt["response_body"].as_str();
    serde_json::from_str(body.unwrap_or_else(|| panic!("{attempt:#}"))).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_stream_it_is_tried_again_and_given_up() {
    let server = Server::start();
    let folder = sending(server.port, "url = \"nats://main/hooks.{{ object.id }}\"");
    let node = serve(folder.path());
    save(&node, "a1").await;
    let (delivery, attempts) = wait_for_status(&node, "diverted").await;
    assert_eq!(attempts.len(), 2, "{attempts:#?}");
    assert_eq!(said(&attempts[0]), json!({ "code": 503, "description": "no stream takes the subject `hooks.a1`" }));
    assert!(delivery.to_string().contains("answered 503, and that was attempt 2 of 2"), "{delivery:#}");
    // It is kept, and sent when there is one.
    let streams = server.streams().await;
    make_stream(&streams, "HOOKS", "hooks.>").await;
    let id = delivery["id"].as_str().unwrap();
    send("POST", &node.of_tenant(&format!("deliveries/{id}/resend")), "").await;
    assert_eq!(messages(&streams, "HOOKS", 1).await[0].subject.as_str(), "hooks.a1");
    wait_for_status(&node, "delivered").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_refuses_is_an_answer_and_a_broker_that_is_away_no_connection() {
    let mut server = Server::start();
    let streams = server.streams().await;
    let full = async_nats::jetstream::stream::Config {
        name: "FULL".to_owned(),
        subjects: vec!["hooks.>".to_owned()],
        max_messages: 0,
        max_message_size: 10,
        ..Default::default()
    };
    streams.create_stream(full).await.unwrap();
    let triggers = "triggers = [\"connection\"]";
    let folder = sending(server.port, "url = \"nats://main/hooks.{{ object.id }}\"");
    let toml = folder.path().join("webhookc.toml");
    let text = std::fs::read_to_string(&toml)
        .unwrap()
        .replace("[endpoints.failure_handling]", &format!("[endpoints.failure_handling]\n{triggers}"));
    std::fs::write(&toml, text).unwrap();
    let node = serve(folder.path());
    save(&node, "a1").await;
    let (delivery, attempts) = wait_for_status(&node, "diverted").await;
    assert_eq!((attempts.len(), said(&attempts[0])["code"].as_u64()), (1, Some(400)), "{attempts:#?}");
    assert!(delivery.to_string().contains("a failure that this endpoint does not retry"), "{delivery:#}");

    server.stop();
    save(&node, "a2").await;
    let began = std::time::Instant::now();
    loop {
        if node.said().contains("there is no connection to the broker `main`") {
            break;
        }
        assert!(began.elapsed() < PATIENCE, "{}", node.said());
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_endpoints_of_one_stream_have_a_message_each() {
    let server = Server::start();
    let streams = server.streams().await;
    make_stream(&streams, "HOOKS", "hooks.>").await;
    let folder = sending(server.port, "url = \"nats://main/hooks.one\"");
    let toml = folder.path().join("webhookc.toml");
    let second = "\n[[endpoints]]\nname = \"second\"\nevents = \"*\"\nurl = \"nats://main/hooks.two\"\n";
    std::fs::write(&toml, std::fs::read_to_string(&toml).unwrap() + second).unwrap();
    let node = serve(folder.path());
    save(&node, "a1").await;
    let sent = messages(&streams, "HOOKS", 2).await;
    let mut subjects: Vec<&str> = sent.iter().map(|message| message.subject.as_str()).collect();
    subjects.sort_unstable();
    assert_eq!(subjects, ["hooks.one", "hooks.two"]);
    assert_eq!(header(&sent[0], "webhook-id"), header(&sent[1], "webhook-id"), "one message to two endpoints");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_cannot_send_to_a_broker() {
    let server = Server::start();
    let folder = sending(server.port, "url = \"nats://main/hooks.one\"");
    let node = serve(folder.path());
    let body = json!({ "name": "mine", "event_types": ["asset_saved"], "url": "nats://main/hooks.mine" }).to_string();
    let (status, answer) = send("POST", &node.of_tenant("endpoints"), &body).await;
    assert_eq!(status, 422, "{answer}");
    assert!(answer.to_string().contains("has the scheme `nats`, expected `https` or `http`"), "{answer}");
}
