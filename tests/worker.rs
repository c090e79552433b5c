//! The worker against a real receiver that misbehaves: each misbehaviour costs a retry, never a stuck worker, and others go on.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

#[path = "support/cluster.rs"]
mod cluster;
#[path = "worker/node.rs"]
mod node;
mod receiver;
#[path = "store/script.rs"]
mod script;

use std::time::{Duration, Instant};

use webhookc::delivery::{FailureHandling, Policy, Retry};
use webhookc::ids::DeliveryId;
use webhookc::store::{DeliveryState, NewDelivery};
use webhookc::template::{Part, RenderedText};

use node::{Node, quick};
use receiver::{Behaviour, Receiver};
use script::{Backend, Place, delivery, fire};

/// Where the store is.
const BACKEND: Backend = Backend::Sqlite;

/// A delivery to the path, by the endpoint of the same name.
fn to(receiver: &Receiver, path: &str) -> NewDelivery {
    NewDelivery { url: RenderedText::plain(receiver.url(path)), ..delivery(path) }
}

#[tokio::test]
async fn a_delivery_is_sent_signed_and_settled() {
    let receiver = Receiver::start(&[]).await;
    let place = Place::new();
    let node = Node::start(&place, &[("good", quick())]).await;
    let url = RenderedText { parts: vec![Part::Text(receiver.url("good")), Part::Text("?key=".into()), Part::Secret("key".into())] };
    let headers = [("authorization".into(), RenderedText { parts: vec![Part::Text("Bearer ".into()), Part::Secret("key".into())] })];
    let made = NewDelivery { url, headers: headers.into(), ..delivery("good") };
    let id = fire(&node.store, "t", "a", vec![made]).await[0];
    let row = node.wait_for(id, DeliveryState::Delivered).await;
    let got = receiver.wait_for("good?key=s%2Fcret", 1).await.remove(0);
    assert_eq!(got.body, b"{\"default\":1}");
    assert_eq!(got.header("content-type"), "application/json");
    assert_eq!(got.header("user-agent"), concat!("webhookc/", env!("CARGO_PKG_VERSION")));
    assert_eq!(got.header("webhook-id"), row.message.to_string());
    assert_eq!(got.header("webhook-sequence"), row.sequence.to_string());
    assert_eq!(got.header("authorization"), "Bearer s/cret");
    assert!(got.header("webhook-signature").starts_with("v1,"), "{got:?}");
    assert!(!row.url.masked().contains("s/cret") && row.url.masked().ends_with("?key=«key»"));
    let attempts = node.attempts(id).await;
    assert_eq!((attempts.len(), attempts[0].status, attempts[0].response_body.as_deref()), (1, Some(200), Some(&b"ok"[..])));
    node.stop().await;
}

#[tokio::test]
async fn every_misbehaviour_costs_a_retry_and_nobody_else_waits() {
    let bad = [
        ("fails", Behaviour::FailsFirst(1), "answered 500"),
        ("hangs", Behaviour::Hangs, "no complete answer within the deadline"),
        ("closes", Behaviour::Closes, "connection"),
        ("breaks", Behaviour::Breaks, "end of file before message length reached"),
        ("drips", Behaviour::Drips, "no complete answer within the deadline"),
        ("babbles", Behaviour::Babbles, "invalid HTTP version parsed"),
        ("redirects", Behaviour::Redirects, "answered 302"),
        ("throttles", Behaviour::Throttles, "answered 429"),
    ];
    let behaviours: Vec<_> = bad.iter().map(|(path, behaviour, _)| (*path, *behaviour)).chain([("floods", Behaviour::Floods)]).collect();
    let receiver = Receiver::start(&behaviours).await;
    let place = Place::new();
    let endpoints: Vec<_> = behaviours.iter().map(|(path, _)| (*path, quick())).chain([("good", quick())]).collect();
    let node = Node::start(&place, &endpoints).await;

    let mut ids = Vec::new();
    for (path, _, _) in bad {
        ids.push(fire(&node.store, "t", path, vec![to(&receiver, path)]).await[0]);
    }
    let flood = fire(&node.store, "t", "floods", vec![to(&receiver, "floods")]).await[0];
    let began = Instant::now();
    let good: Vec<DeliveryId> = futures_util::future::join_all((0..40).map(|n| {
        let (store, made) = (node.store.clone(), to(&receiver, "good"));
        async move { fire(&store, "t", &format!("g{n}"), vec![made]).await[0] }
    }))
    .await;
    for id in good {
        node.wait_for(id, DeliveryState::Delivered).await;
    }
    assert!(began.elapsed() < Duration::from_secs(5), "the good ones waited {:?} for the bad ones", began.elapsed());

    for ((path, _, reason), id) in bad.iter().zip(ids) {
        let attempts = node.wait_for_attempts(id, 1).await;
        let error = attempts[0].error.as_deref().unwrap_or_default();
        assert!(error.contains(reason), "{path}: {error}");
        match *path {
            "fails" => assert_eq!(node.wait_for(id, DeliveryState::Delivered).await.attempts, 2),
            "throttles" => {
                let due = node.wait_for(id, DeliveryState::Pending).await.due_at.unwrap();
                let wait = due.duration_since(attempts[0].started_at);
                assert!(wait.as_secs() >= 7, "Retry-After is obeyed: {wait:?}");
            }
            _ => assert_eq!(node.wait_for(id, DeliveryState::Diverted).await.attempts, 3, "{path}"),
        }
    }
    let row = node.wait_for(flood, DeliveryState::Delivered).await;
    let attempts = node.attempts(row.id).await;
    assert_eq!(attempts[0].response_body.as_ref().map(bytes::Bytes::len), Some(64 * 1024), "10 MB cost only the cap");
    assert!(receiver.got("latest/meta-data").is_empty());
    node.stop().await;
}

#[tokio::test]
async fn retries_that_are_due_one_after_the_other_need_nothing_else_to_happen() {
    let receiver = Receiver::start(&[("fails", Behaviour::FailsFirst(2))]).await;
    let place = Place::new();
    let waits = vec![Duration::ZERO, Duration::from_secs(1), Duration::from_secs(1)];
    let failure_handling = FailureHandling { retry: Retry { waits: waits.into() }, ..FailureHandling::default() };
    let node = Node::start(&place, &[("fails", Policy { failure_handling, ..quick() })]).await;
    let mut ids = Vec::new();
    for object in ["a", "b"] {
        let id = fire(&node.store, "t", object, vec![to(&receiver, "fails")]).await[0];
        node.wait_for_attempts(id, 1).await;
        ids.push(id);
        tokio::time::sleep(Duration::from_millis(400)).await;
    }
    for id in ids {
        assert_eq!(node.wait_for(id, DeliveryState::Delivered).await.attempts, 2);
    }
    node.stop().await;
}

#[tokio::test]
async fn an_unreachable_or_forbidden_target_is_no_more_than_an_attempt() {
    let receiver = Receiver::start(&[]).await;
    let place = Place::new();
    let node =
        Node::start(&place, &[("dead", quick()), ("metadata", quick()), ("decimal", quick()), ("odd", quick()), ("unset", quick())]).await;
    let target = |name: &str, url: &str| NewDelivery { url: RenderedText::plain(url), ..delivery(name) };
    let dead = {
        // A port that was free a moment ago: nobody listens there.
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}/", listener.local_addr().unwrap())
    };
    let unset = NewDelivery { url: RenderedText { parts: vec![Part::Secret("nowhere".into())] }, ..delivery("unset") };
    let made = vec![
        target("dead", &dead),
        target("metadata", "http://169.254.169.254/latest"),
        target("decimal", "http://2852039166/latest"),
        target("odd", "ftp://127.0.0.1/"),
        unset,
    ];
    let ids = fire(&node.store, "t", "a", made).await;
    let row = node.wait_for(ids[0], DeliveryState::Diverted).await;
    assert_eq!(row.attempts, 3);
    assert!(node.attempts(ids[0]).await[0].error.as_deref().unwrap().contains("connection refused"));
    for (id, reason) in
        [(ids[1], "169.254.169.254 is a link-local"), (ids[2], "169.254.169.254 is a link-local"), (ids[3], "scheme is `ftp`")]
    {
        let row = node.wait_for(id, DeliveryState::Diverted).await;
        assert_eq!(row.attempts, 1, "what may not be called is final");
        assert!(row.reason.as_deref().unwrap().contains(reason), "{:?}", row.reason);
    }
    node.wait_for_attempts(ids[4], 1).await;
    let row = node.wait_for(ids[4], DeliveryState::Pending).await;
    assert_eq!(row.reason.as_deref(), Some("the secret `nowhere` is not configured"), "our mistake: it waits");
    drop(receiver);
    node.stop().await;
}

#[tokio::test]
async fn an_ordered_endpoint_sends_one_object_in_order_through_failures() {
    let receiver = Receiver::start(&[("ordered", Behaviour::FailsFirst(2))]).await;
    let place = Place::new();
    let node = Node::start(&place, &[("ordered", quick())]).await;
    let mut ids = Vec::new();
    for _ in 0..5 {
        let made = NewDelivery { ordered: true, ..to(&receiver, "ordered") };
        ids.push(fire(&node.store, "t", "a", vec![made]).await[0]);
    }
    let mut sequences = Vec::new();
    for id in ids {
        sequences.push(node.wait_for(id, DeliveryState::Delivered).await.sequence.to_string());
    }
    let got: Vec<String> = receiver.got("ordered").iter().map(|got| got.header("webhook-sequence").to_owned()).collect();
    let mut expected = vec![sequences[0].clone(); 2];
    expected.extend(sequences);
    assert_eq!(got, expected);
    node.stop().await;
}

#[tokio::test]
async fn a_lane_is_as_wide_as_its_policy() {
    let receiver = Receiver::start(&[("hangs", Behaviour::Hangs)]).await;
    let place = Place::new();
    let policy = Policy { concurrency: 3, timeout: Duration::from_secs(30), ..quick() };
    let node = Node::start(&place, &[("hangs", policy)]).await;
    fire(&node.store, "t", "a", (0..8).map(|_| to(&receiver, "hangs")).collect()).await;
    receiver.wait_for("hangs", 3).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(receiver.got("hangs").len(), 3);
    let began = Instant::now();
    node.stop().await;
    assert!(began.elapsed() < Duration::from_secs(5), "the drain has an end: {:?}", began.elapsed());
}

#[tokio::test]
async fn deliveries_of_an_unknown_endpoint_wait_for_the_generation_that_knows_it() {
    let receiver = Receiver::start(&[]).await;
    let place = Place::new();
    let node = Node::start(&place, &[("good", quick())]).await;
    let later = fire(&node.store, "t", "a", vec![to(&receiver, "later")]).await[0];
    let good = fire(&node.store, "t", "a", vec![to(&receiver, "good")]).await[0];
    node.wait_for(good, DeliveryState::Delivered).await;
    assert_eq!(node.wait_for(later, DeliveryState::Pending).await.attempts, 0);
    node.swap(&[("later", quick())]);
    node.wait_for(later, DeliveryState::Delivered).await;
    node.stop().await;
}

#[tokio::test]
async fn requests_under_way_end_before_the_worker_does_and_the_rest_is_sent_after_a_restart() {
    let receiver = Receiver::start(&[("hangs", Behaviour::Hangs)]).await;
    let place = Place::new();
    let node = Node::start(&place, &[("hangs", Policy { timeout: Duration::from_secs(30), ..quick() })]).await;
    fire(&node.store, "t", "a", vec![to(&receiver, "hangs")]).await;
    receiver.wait_for("hangs", 1).await;
    node.stop().await;

    assert_eq!(receiver.got("hangs").len(), 1);

    let node = Node::start(&place, &[("hangs", quick())]).await;
    let got = receiver.wait_for("hangs", 2).await;
    assert_eq!(got[0].header("webhook-id"), got[1].header("webhook-id"), "the same message");
    node.stop().await;
}

#[tokio::test]
async fn a_crowd_of_hanging_endpoints_leaves_room_for_the_one_that_answers() {
    let names: Vec<String> = (0..12).map(|n| format!("h{n}")).collect();
    let behaviours: Vec<_> = names.iter().map(|name| (name.as_str(), Behaviour::Hangs)).collect();
    let receiver = Receiver::start(&behaviours).await;
    let place = Place::new();
    let slow = Policy { timeout: Duration::from_secs(30), ..quick() };
    let endpoints: Vec<_> = names.iter().map(|name| (name.as_str(), slow.clone())).chain([("good", quick())]).collect();
    let node = Node::start_with(&place, &endpoints, 16).await;
    let deliveries = names.iter().flat_map(|name| (0..16).map(|_| to(&receiver, name))).collect();
    fire(&node.store, "t", "a", deliveries).await;
    receiver.wait_for("h0", 1).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    let good = fire(&node.store, "t", "b", vec![to(&receiver, "good")]).await[0];
    let began = Instant::now();
    node.wait_for(good, DeliveryState::Delivered).await;
    assert!(began.elapsed() < Duration::from_secs(5));
    node.stop().await;
}

#[tokio::test]
async fn a_rate_limit_is_kept_from_the_commit_and_from_the_store_alike() {
    let receiver = Receiver::start(&[]).await;
    let place = Place::new();
    let limited = Policy { rate_limit: "20/s".parse().ok(), ..quick() };
    let node = Node::start(&place, &[("limited", limited), ("free", quick())]).await;
    let began = Instant::now();
    let limited = fire(&node.store, "t", "a", (0..22).map(|_| to(&receiver, "limited")).collect()).await;
    let free = fire(&node.store, "t", "b", (0..22).map(|_| to(&receiver, "free")).collect()).await;
    for id in free {
        node.wait_for(id, DeliveryState::Delivered).await;
    }
    for id in limited {
        node.wait_for(id, DeliveryState::Delivered).await;
    }
    assert!(began.elapsed() >= Duration::from_secs(1), "two at once, then twenty a second: {:?}", began.elapsed());
    node.stop().await;
}

#[tokio::test]
async fn an_endpoint_that_is_back_gets_what_waited_although_its_breaker_was_open() {
    let mut receiver = Receiver::start(&[]).await;
    let place = Place::new();
    let patient = {
        let mut policy = quick();
        policy.failure_handling.retry.waits = [vec![Duration::ZERO], vec![Duration::from_millis(100); 99]].concat().into();
        policy
    };
    let node = Node::start(&place, &[("back", patient)]).await;
    // A port that was free a moment ago: nobody listens there yet.
    let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let gone = |_| NewDelivery { url: RenderedText::plain(format!("http://{address}/back")), ..delivery("back") };
    let ids = fire(&node.store, "t", "a", (0..40).map(gone).collect()).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let spent: usize = {
        let attempts = futures_util::future::join_all(ids.iter().map(|id| node.attempts(*id))).await;
        attempts.iter().map(Vec::len).sum()
    };
    assert!(spent < 60, "a breaker spends no attempts: {spent} in a second");
    receiver.listen_at(address).await;
    for id in ids {
        node.wait_for(id, DeliveryState::Delivered).await;
    }
    node.stop().await;
}

#[tokio::test]
async fn what_is_fresh_does_not_wait_for_a_backlog() {
    let receiver = Receiver::start(&[]).await;
    let place = Place::new();
    let backlog = {
        let store = place.open().await;
        let made = fire(&store, "t", "old", (0..300).map(|_| to(&receiver, "slow")).collect()).await;
        store.close().await;
        made
    };
    let limited = Policy { rate_limit: "50/s".parse().ok(), ..quick() };
    let node = Node::start(&place, &[("slow", limited)]).await;
    receiver.wait_for("slow", 5).await;
    let fresh = fire(&node.store, "t", "new", vec![to(&receiver, "slow")]).await[0];
    node.wait_for(fresh, DeliveryState::Delivered).await;
    let tenant = script::tenant("t");
    let waiting = futures_util::future::join_all(backlog.iter().map(|id| node.store.delivery(&tenant, *id))).await;
    let waiting = waiting.into_iter().filter(|row| row.as_ref().unwrap().as_ref().unwrap().state == DeliveryState::Pending).count();
    assert!(waiting > 0, "the whole backlog went first");
    node.stop().await;
}

#[tokio::test]
async fn a_suspended_endpoint_gets_nothing_more_of_what_stood_in_line() {
    let receiver = Receiver::start(&[("gone", Behaviour::GoneFirst(1000))]).await;
    let place = Place::new();
    let node = Node::start(&place, &[("gone", Policy { concurrency: 1, ..quick() })]).await;
    let ids = fire(&node.store, "t", "a", (0..50).map(|_| to(&receiver, "gone")).collect()).await;
    node.wait_for(ids[0], DeliveryState::Diverted).await;
    let tenant = script::tenant("t");
    let began = Instant::now();
    while node.store.endpoint_states(&tenant).await.unwrap().iter().all(|state| state.suspended.is_none()) {
        assert!(began.elapsed() < Duration::from_secs(20), "not suspended");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    let got = receiver.got("gone").len();
    assert!(got < 20, "{got} of 50 were sent to an endpoint that is gone");
    node.stop().await;
    assert_eq!(receiver.got("gone").len(), got);
}
