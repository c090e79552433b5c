//! Receivers that attack: whatever they send, the deadline holds, no more than 64 KiB is kept and little more is read, the connection is
//! given up, and the place is free for the next delivery.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

#[path = "support/cluster.rs"]
mod cluster;
#[path = "receiver/hostile.rs"]
mod hostile;
#[path = "worker/node.rs"]
#[expect(dead_code, reason = "each test binary uses a part of this")]
mod node;
mod receiver;
#[path = "store/script.rs"]
mod script;

use std::time::{Duration, Instant};

use bytes::Bytes;
use webhookc::delivery::AttemptOutcome;
use webhookc::egress::{Client, Exchange, Guard, Request};
use webhookc::store::{DeliveryState, NewDelivery};
use webhookc::template::RenderedText;

use hostile::{Attack, Hostile};
use node::{Node, quick};
use receiver::Receiver;
use script::{Backend, Place, delivery, fire};

/// Where the store is.
const BACKEND: Backend = Backend::Sqlite;

/// What an attack comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// 200, because the status is known and the rest is cut off.
    Cut,
    /// 200 with all of a short body.
    Whole,
    /// 200, and nothing: what was read of the body decompresses to no bytes.
    Nothing,
    TimedOut,
    Failed,
}

const ATTACKS: &[(Attack, End)] = &[
    (Attack::EndlessBody, End::Cut),
    (Attack::HugeLength, End::Cut),
    (Attack::Bomb, End::Cut),
    (Attack::NestedBomb, End::Cut),
    (Attack::Early, End::Whole),
    (Attack::ShortLength, End::Whole),
    (Attack::Poison, End::Failed),
    (Attack::OldProtocol, End::Failed),
    (Attack::DripsBody, End::TimedOut),
    (Attack::DripsHead, End::TimedOut),
    (Attack::EmptyBomb, End::Nothing),
    (Attack::Interim, End::TimedOut),
    (Attack::SilentTls, End::TimedOut),
    (Attack::Deaf, End::TimedOut),
    (Attack::ManyHeaders, End::Failed),
    (Attack::LongHeader, End::Failed),
    (Attack::Trailers, End::Failed),
    (Attack::Resets, End::Failed),
    (Attack::BadVersion, End::Failed),
    (Attack::BadStatus, End::Failed),
    (Attack::BadLength, End::Failed),
    (Attack::TwoLengths, End::Failed),
    (Attack::BadChunk, End::Failed),
];

/// Of an exchange.
const DEADLINE: Duration = Duration::from_millis(800);
/// Bytes of an answer that are kept.
const KEPT: usize = 64 * 1024;
/// Bytes that a receiver may get rid of on one connection: what is read, and what the system buffers on both sides of a local socket.
const TAKEN: u64 = 16 << 20;

fn url(attack: Attack, hostile: &Hostile) -> String {
    let scheme = if attack == Attack::SilentTls { "https" } else { "http" };
    format!("{scheme}://{}/", hostile.address)
}

async fn exchange(attack: Attack, hostile: &Hostile) -> Exchange {
    let client = Client::new(Guard::new(vec!["127.0.0.0/8".parse().unwrap()])).unwrap();
    // More than a socket takes, so that a receiver that does not read is noticed.
    let body = Bytes::from(vec![b'x'; if attack == Attack::Deaf { 16 << 20 } else { 2 }]);
    let timeout = DEADLINE;
    client
        .exchange(Request { method: "POST".to_owned(), url: url(attack, hostile), headers: Vec::new(), body, timeout, delivery: None })
        .await
}

/// Waits until every connection has been given up.
async fn wait_until_closed(attack: Attack, hostile: &Hostile) {
    let began = Instant::now();
    while hostile.open() > 0 {
        assert!(began.elapsed() < Duration::from_secs(20), "{attack:?}: {} connections are held", hostile.open());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_attack_costs_one_attempt_and_bounded_bytes() {
    for (attack, end) in ATTACKS {
        let hostile = Hostile::start(*attack).await;
        let exchange = exchange(*attack, &hostile).await;
        let seen = match &exchange.outcome {
            AttemptOutcome::Answered { status: 200, .. } if exchange.body.len() == KEPT => End::Cut,
            AttemptOutcome::Answered { status: 200, .. } if *exchange.body == *b"ok" => End::Whole,
            AttemptOutcome::Answered { status: 200, .. } if exchange.body.is_empty() => End::Nothing,
            AttemptOutcome::TimedOut => End::TimedOut,
            AttemptOutcome::ConnectionFailed(_) | AttemptOutcome::Answered { status: 500, .. } => End::Failed,
            other @ (AttemptOutcome::Answered { .. } | AttemptOutcome::Refused(_) | AttemptOutcome::OurFault(_)) => {
                panic!("{attack:?}: {other:?}")
            }
        };
        assert_eq!(seen, *end, "{attack:?}: {:?}", exchange.outcome);
        // Far beyond the deadline of less than a second, and far from never.
        assert!(exchange.took < Duration::from_secs(10), "{attack:?} took {:?}", exchange.took);
        let kept: usize = exchange.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
        assert!(exchange.body.len() <= KEPT && kept <= 16 * 1024, "{attack:?}: {} and {kept} bytes are kept", exchange.body.len());
        wait_until_closed(*attack, &hostile).await;
        assert_eq!(hostile.connections(), 1, "{attack:?}");
        // A receiver whose answer means nothing may talk until the deadline; it is not held in memory.
        if *attack != Attack::Interim {
            assert!(hostile.sent() <= TAKEN, "{attack:?}: {} bytes were taken", hostile.sent());
        }
    }
}

/// How much later than its deadline an exchange may end.
const LATE: Duration = Duration::from_millis(100);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_deadline_is_kept() {
    for (attack, _) in ATTACKS.iter().filter(|(_, end)| *end == End::TimedOut) {
        let hostile = Hostile::start(*attack).await;
        let mut took = Vec::new();
        // A machine that is busy with something else may be late, but not every time.
        while took.last().is_none_or(|took| *took > DEADLINE + LATE) {
            assert!(took.len() < 10, "{attack:?}: {took:?} for a deadline of {DEADLINE:?}");
            took.push(exchange(*attack, &hostile).await.took);
        }
        assert!(took.iter().all(|took| *took >= DEADLINE), "{attack:?}: {took:?} for a deadline of {DEADLINE:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_place_stays_taken() {
    let place = Place::new();
    let good = Receiver::start(&[]).await;
    let names: Vec<String> = ATTACKS.iter().map(|(attack, _)| format!("{attack:?}")).collect();
    let endpoints: Vec<_> = names.iter().map(|name| (name.as_str(), quick())).chain([("good", quick())]).collect();
    // Far fewer places than deliveries: one that stays taken is missed.
    let node = Node::start_with(&place, &endpoints, 6).await;
    let mut attacked = Vec::new();
    for ((attack, end), name) in ATTACKS.iter().zip(&names) {
        let hostile = Hostile::start(*attack).await;
        let made = NewDelivery { url: RenderedText::plain(url(*attack, &hostile)), ..delivery(name) };
        // A body of two bytes fits into any buffer, so whoever does not read it is one that does not answer.
        let ids = fire(&node.store, "t", name, vec![made]).await;
        attacked.push((*attack, *end, ids[0], hostile));
    }
    for (attack, end, id, hostile) in &attacked {
        let good = matches!(end, End::Cut | End::Whole | End::Nothing);
        let state = if good { DeliveryState::Delivered } else { DeliveryState::Diverted };
        let row = node.wait_for(*id, state).await;
        assert_eq!(row.attempts, if good { 1 } else { 3 }, "{attack:?}");
        for attempt in node.attempts(*id).await {
            let error = attempt.error.as_deref().unwrap_or_default();
            assert_eq!(error == "no complete answer within the deadline", *end == End::TimedOut, "{attack:?}: {error}");
            assert!(attempt.response_body.is_none_or(|body| body.len() <= KEPT), "{attack:?}");
        }
        // After a whole answer the connection is kept for the next request.
        if *attack != Attack::Early {
            wait_until_closed(*attack, hostile).await;
        }
    }
    let made = (0..12).map(|_| NewDelivery { url: RenderedText::plain(good.url("good")), ..delivery("good") }).collect();
    for id in fire(&node.store, "t", "good", made).await {
        node.wait_for(id, DeliveryState::Delivered).await;
    }
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_attacks_at_once_keep_what_one_may() {
    const AT_ONCE: usize = 100;
    for attack in [Attack::EndlessBody, Attack::Bomb, Attack::LongHeader, Attack::DripsBody] {
        let hostile = Hostile::start(attack).await;
        let exchanges = futures_util::future::join_all((0..AT_ONCE).map(|_| exchange(attack, &hostile))).await;
        let kept: usize = exchanges.iter().map(|exchange| exchange.body.len()).sum();
        assert!(kept <= AT_ONCE * KEPT, "{attack:?}: {kept} bytes are kept");
        wait_until_closed(attack, &hostile).await;
        assert!(hostile.sent() <= TAKEN * AT_ONCE as u64, "{attack:?}: {} bytes were taken", hostile.sent());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_comes_behind_an_answer_is_not_taken_for_the_next() {
    let hostile = Hostile::start(Attack::Poison).await;
    let client = Client::new(Guard::new(vec!["127.0.0.0/8".parse().unwrap()])).unwrap();
    for _ in 0..5 {
        let timeout = Duration::from_secs(10);
        let (url, headers, body) = (url(Attack::Poison, &hostile), Vec::new(), Bytes::from_static(b"{}"));
        let exchange = client.exchange(Request { method: "POST".to_owned(), url, headers, body, timeout, delivery: None }).await;
        assert_eq!((exchange.status, &*exchange.body), (Some(500), &b"oops"[..]), "{:?}", exchange.outcome);
    }
    assert_eq!(hostile.connections(), 5, "a connection that has said too much is given up");
}
