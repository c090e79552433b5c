//! What happens when an endpoint fails, from its lines in `webhookc.toml` to what its alert endpoint receives.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

#[path = "failure/node.rs"]
mod node;
mod receiver;

use serde_json::{Value, json};
use webhookc::diagnostics::Severity;
use webhookc::ids::EndpointId;
use webhookc::store::{DeliveryState, Suspension};

use node::{Node, project};
use receiver::{Behaviour, Receiver};

/// Two attempts, 100 ms apart, and somebody who is told.
const TWICE: &str =
    r#"failure_handling = { retry = { pattern = "linear", interval = "100 ms", max_attempts = 2 }, alert_endpoint = "ops" }"#;

/// An endpoint for every save, and `ops`, each at a path of its own.
fn endpoints(receiver: &Receiver, erp: &str, ops: &str) -> String {
    let base = &receiver.base;
    format!(
        "[egress]\nallow_networks = [\"127.0.0.0/8\"]\n\
         [[endpoints]]\nname = \"erp\"\nevents = \"*\"\nurl = \"{base}/erp\"\n{erp}\n\
         [[endpoints]]\nname = \"ops\"\nevents = []\nurl = \"{base}/ops/{{{{ event }}}}/{{{{ object.id }}}}\"\n{ops}\n"
    )
}

#[tokio::test]
async fn a_diverted_delivery_is_told_once_and_so_is_the_recovery() {
    let receiver = Receiver::start(&[("erp", Behaviour::FailsFirst(5))]).await;
    let node = Node::start(&endpoints(&receiver, TWICE, "")).await;
    let first = node.save("a1").await;
    node.wait_for(first, DeliveryState::Diverted).await;
    let told = receiver.wait_for("ops/delivery.diverted/ep_erp", 1).await.remove(0);
    assert!(told.header("webhook-signature").starts_with("v1,") && told.header("webhook-id").starts_with("msg_"), "{told:?}");
    let row = node.row(first).await;
    let body: Value = serde_json::from_slice(&told.body).unwrap();
    assert_eq!(body["sequence"].to_string(), told.header("webhook-sequence"));
    let expected = json!({
        "account_id": "default",
        "app": "webhookc",
        "event": "delivery.diverted",
        "object": {
            "delivery": first.to_string(),
            "id": "ep_erp",
            "message": row.message.to_string(),
            "name": "erp",
            "reason": "answered 500, and that was attempt 2 of 2",
            "type": "endpoint",
            "updated_at": body["object"]["updated_at"],
            "webhook": "asset_saved",
        },
        "operation": "update",
        "sequence": body["sequence"],
        "server": "http://localhost:7357",
    });
    assert_eq!(body, expected);

    let second = node.save("a2").await;
    node.wait_for(second, DeliveryState::Diverted).await;
    let third = node.save("a3").await;
    node.wait_for(third, DeliveryState::Delivered).await;
    let recovered = receiver.wait_for("ops/endpoint.recovered/ep_erp", 1).await.remove(0);
    let body: Value = serde_json::from_slice(&recovered.body).unwrap();
    assert_eq!((&body["event"], &body["object"]["reason"]), (&json!("endpoint.recovered"), &Value::Null));
    assert_eq!(receiver.got("ops/delivery.diverted/ep_erp").len(), 1, "the second one is no news");
    node.stop().await;
}

#[tokio::test]
async fn gone_suspends_what_comes_then_is_held_and_released_by_hand() {
    let receiver = Receiver::start(&[("erp", Behaviour::GoneFirst(1))]).await;
    let node = Node::start(&endpoints(&receiver, TWICE, "")).await;
    let first = node.save("a1").await;
    node.wait_for(first, DeliveryState::Diverted).await;
    receiver.wait_for("ops/endpoint.suspended/ep_erp", 1).await;
    let states = node.states().await;
    assert_eq!(
        states,
        [("ep_erp".to_owned(), Some("answered 410: the receiver does not want it any more".to_owned())), ("ep_ops".to_owned(), None)]
    );

    let held = node.save("a2").await;
    receiver.wait_for("ops/delivery.diverted/ep_erp", 1).await;
    assert_eq!((node.row(held).await.state, receiver.got("erp").len()), (DeliveryState::Pending, 1));
    assert!(node.unsuspend("ep_erp").await);
    node.wait_for(held, DeliveryState::Delivered).await;
    receiver.wait_for("ops/endpoint.recovered/ep_erp", 1).await;
    assert!(node.store().resend(&node.tenant, first, node.now()).await.unwrap());
    node.wait_for(first, DeliveryState::Delivered).await;
    node.stop().await;
}

#[tokio::test]
async fn running_out_of_attempts_fails_and_suspends_when_asked_to() {
    let receiver = Receiver::start(&[("erp", Behaviour::FailsFirst(100))]).await;
    let handling =
        "failure_handling = { retry = { schedule = [\"0s\", \"100 ms\"] }, divert = false, suspend = true, alert_endpoint = \"ops\" }";
    let node = Node::start(&endpoints(&receiver, handling, "")).await;
    let first = node.save("a1").await;
    let row = node.wait_for(first, DeliveryState::Failed).await;
    assert_eq!((row.attempts, row.reason.as_deref()), (2, Some("answered 500, and that was attempt 2 of 2")));
    receiver.wait_for("ops/delivery.failed/ep_erp", 1).await;
    receiver.wait_for("ops/endpoint.suspended/ep_erp", 1).await;
    assert_eq!(receiver.got("erp").len(), 2);
    node.stop().await;
}

#[tokio::test]
async fn what_is_not_retried_is_final_at_once() {
    let receiver = Receiver::start(&[("erp", Behaviour::FailsFirst(1))]).await;
    let node = Node::start(&endpoints(&receiver, "failure_handling = { triggers = [\"timeout\", 503] }", "")).await;
    let first = node.save("a1").await;
    let row = node.wait_for(first, DeliveryState::Diverted).await;
    assert_eq!((row.attempts, row.reason.as_deref()), (1, Some("answered 500, a failure that this endpoint does not retry")));
    node.stop().await;
}

#[tokio::test]
async fn an_alert_that_fails_is_not_told_to_anybody() {
    let behaviours = [("erp", Behaviour::GoneFirst(1)), ("ops/delivery.diverted/ep_erp", Behaviour::GoneFirst(9))];
    let receiver = Receiver::start(&behaviours).await;
    let ops = TWICE.replace("\"ops\"", "\"erp\"");
    let node = Node::start(&endpoints(&receiver, TWICE, &ops)).await;
    let first = node.save("a1").await;
    node.wait_for(first, DeliveryState::Diverted).await;
    receiver.wait_for("ops/delivery.diverted/ep_erp", 1).await;
    let alert = node.delivery_of("ep_ops", "delivery.diverted").await;
    node.wait_for(alert, DeliveryState::Diverted).await;
    node.unsuspend("ep_erp").await;
    let second = node.save("a2").await;
    node.wait_for(second, DeliveryState::Delivered).await;
    let bodies: Vec<Value> = receiver.got("erp").iter().map(|got| serde_json::from_slice(&got.body).unwrap()).collect();
    assert!(bodies.iter().all(|body| body["event"] == "asset_saved"), "{bodies:#?}");
    let suspended = node.states().await;
    assert!(suspended[1].1.is_some(), "410 suspends an alert endpoint too: {suspended:?}");
    node.stop().await;
}

#[tokio::test]
async fn suspension_by_hand_is_told_and_a_restart_keeps_it() {
    let receiver = Receiver::start(&[]).await;
    let node = Node::start(&endpoints(&receiver, TWICE, "")).await;
    let suspension = Suspension { at: node.now(), why: "maintenance".into(), alarm: node.alarm("ep_erp") };
    assert!(node.store().suspend(&node.tenant, &EndpointId::new("ep_erp"), suspension).await.unwrap());
    let told = receiver.wait_for("ops/endpoint.suspended/ep_erp", 1).await.remove(0);
    let body: Value = serde_json::from_slice(&told.body).unwrap();
    assert_eq!((&body["object"]["reason"], &body["object"]["delivery"]), (&json!("maintenance"), &Value::Null));
    let held = node.save("a1").await;
    let node = node.restart().await;
    let free = node.save("a2").await;
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    assert!(receiver.got("erp").is_empty());
    node.unsuspend("ep_erp").await;
    node.wait_for(held, DeliveryState::Delivered).await;
    node.wait_for(free, DeliveryState::Delivered).await;
    node.stop().await;
}

#[test]
fn the_templates_of_an_alert_endpoint_are_typed_against_what_it_is_told() {
    let toml = "[[endpoints]]\nname = \"erp\"\nevents = \"*\"\nurl = \"https://x.example/\"\nfailure_handling = { alert_endpoint = \"ops\" }\n\
                [[endpoints]]\nname = \"ops\"\nevents = []\nurl = \"https://x.example/{{ object.reasn }}\"\n";
    let folder = project(toml);
    let reading = webhookc::config::read(&[folder.path().to_owned()], &webhookc::config::Overrides::default());
    let compilation = webhookc::compile::compile(reading.outcome.unwrap().input);
    let errors: Vec<_> = compilation.diagnostics.iter().filter(|found| found.severity == Severity::Error).collect();
    let [found] = errors[..] else { panic!("{errors:#?}") };
    assert_eq!(found.message, "model `endpoint` has no field `reasn`");
    assert_eq!(compilation.sources.slice(found.primary.span), "reasn");
    assert_eq!(found.help, ["did you mean `reason`?"]);
}
