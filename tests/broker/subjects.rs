//! What becomes of odd values in a subject, and of a message that is larger than the server takes.

use serde_json::{Value, json};

use crate::node::{Node, send};
use crate::project::{project, sending, serve};
use crate::server::{Server, header, make_stream, messages, publish, wait_for_acks};

/// Why the delivery about an object was given up.
async fn given_up(node: &Node, object: &str) -> String {
    let began = std::time::Instant::now();
    loop {
        let (_, list) = send("GET", &node.of_tenant("deliveries?status=diverted"), "").await;
        let list: Vec<Value> = list["data"].as_array().unwrap().clone();
        if let Some(delivery) = list.iter().find(|delivery| delivery["object"]["id"] == object || delivery["object"] == object) {
            return delivery.to_string();
        }
        assert!(began.elapsed() < crate::node::PATIENCE, "{list:#?}\n{}", node.said());
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_stays_in_its_part_whatever_it_is() {
    let server = Server::start();
    let streams = server.streams().await;
    make_stream(&streams, "HOOKS", "hooks.*.end").await;
    let folder = sending(server.port, "url = \"nats://main/hooks.{{ object.name }}.end\"\norder = \"none\"");
    let node = serve(folder.path());
    let odd = [
        ("a b", "a%20b"),
        ("*", "%2A"),
        (">", "%3E"),
        ("a.b.c", "a%2Eb%2Ec"),
        ("$SYS", "%24SYS"),
        ("é€", "%C3%A9%E2%82%AC"),
        ("a\tb\r\nPUB x 0", "a%09b%0D%0APUB%20x%200"),
        ("%2E", "%252E"),
        ("a/b?c#d", "a%2Fb%3Fc%23d"),
    ];
    for (n, (name, _)) in odd.iter().enumerate() {
        let (status, answer) = send("PUT", &node.object("asset", &format!("a{n}")), &json!({ "name": name }).to_string()).await;
        assert_eq!(status, 201, "{answer}");
    }
    let sent = messages(&streams, "HOOKS", odd.len()).await;
    for (name, expected) in odd {
        let of = |message: &&async_nats::jetstream::Message| {
            serde_json::from_slice::<Value>(&message.payload).unwrap()["object"]["name"] == name
        };
        let message = sent.iter().find(of).unwrap_or_else(|| panic!("nothing came about `{name}`"));
        assert_eq!(message.subject.as_str(), format!("hooks.{expected}.end"));
    }
    for (id, name, why) in [("empty", String::new(), "is empty"), ("long", "x".repeat(2_000), "1024 bytes")] {
        send("PUT", &node.object("asset", id), &json!({ "name": name }).to_string()).await;
        let said = given_up(&node, id).await;
        assert!(said.contains(why), "{said}");
    }
    // Nobody else was harmed.
    send("PUT", &node.object("asset", "last"), r#"{"name": "last"}"#).await;
    assert_eq!(messages(&streams, "HOOKS", odd.len() + 1).await.len(), odd.len() + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_larger_than_the_server_takes_is_kept_and_harms_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("server.conf");
    std::fs::write(&config, "max_payload: 4096\n").unwrap();
    let server = Server::start_with(&["-c".to_owned(), config.display().to_string()]);
    let streams = server.streams().await;
    make_stream(&streams, "HOOKS", "hooks.>").await;
    make_stream(&streams, "SAVES", "saves.>").await;
    let folder = project(&format!(
        "[nats.main]\nservers = [\"nats://127.0.0.1:{}\"]\n[source.nats]\nstream = \"SAVES\"\ndead_letter = \"dead\"\n\
         [[endpoints]]\nname = \"bus\"\nevents = \"*\"\nurl = \"nats://main/hooks.{{{{ object.id }}}}\"\n",
        server.port
    ));
    let node = serve(folder.path());
    send("PUT", &node.object("asset", "large"), &json!({ "name": "x".repeat(5_000) }).to_string()).await;
    let said = given_up(&node, "large").await;
    assert!(said.contains("4096"), "{said}");
    send("PUT", &node.object("asset", "small"), r#"{"name": "x"}"#).await;
    let sent = messages(&streams, "HOOKS", 1).await;
    assert_eq!(sent[0].subject.as_str(), "hooks.small");
    assert!(header(&sent[0], "webhook-signature").starts_with("v1,"));

    // What is no save and as large as may be has no room for the headers that would say so of it.
    make_stream(&streams, "DEAD", "dead").await;
    publish(&streams, "saves.x", "x".repeat(4_096)).await;
    assert_eq!(messages(&streams, "DEAD", 1).await[0].payload.len(), 4_096);
    wait_for_acks(&streams, "SAVES", "webhookc").await;
    node.wait_for_line("why", |line| line.contains("is no save") && line.contains("the body is not JSON"));
}
