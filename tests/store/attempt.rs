//! Finished attempts.

use std::time::Duration;

use bytes::Bytes;
use webhookc::delivery::Timing;
use webhookc::store::{AttemptRow, Claimed, NewAttempt, Settled, Store};

use crate::lanes::{lane, oldest};
use crate::script::at;

/// Of a request for which a connection was made.
pub fn timing() -> Timing {
    let micros = |micros| Some(Duration::from_micros(micros));
    Timing { resolve: micros(300), connect: micros(200), tls: None, first_byte: micros(70_000), reused: false }
}

/// An attempt with this end, as the one who has claimed it records it.
pub fn finished(claimed: &Claimed, then: Settled) -> NewAttempt {
    let delivered = then == Settled::Delivered;
    NewAttempt {
        tenant: claimed.tenant.clone(),
        delivery: claimed.id,
        slot: claimed.slot,
        fence: claimed.fence,
        ordered: claimed.ordered,
        attempt: AttemptRow {
            number: claimed.attempts + 1,
            started_at: at(5),
            took: Duration::from_micros(7_654),
            timing: timing(),
            status: Some(if delivered { 200 } else { 500 }),
            error: (!delivered).then(|| "answered 500".into()),
            response_headers: Some("[[\"a\",\"b\"]]".into()),
            response_body: Some(Bytes::from_static(b"ok")),
            signature: None,
        },
        then,
        suspend: false,
        alarm: None,
    }
}

/// Takes up to `count` deliveries of the tenant `t` to an endpoint that are due at `now`, for 100 ms.
pub async fn take(store: &Store, endpoint: &str, now: i64, count: usize) -> Vec<Claimed> {
    let lane = lane(store, "t", endpoint).await.unwrap();
    store.claim(&lane, at(now), at(now + 100), oldest(count)).await.unwrap()
}

/// Makes an attempt of everything that is due, up to 1,000, with this end.
pub async fn end_all(store: &Store, endpoint: &str, then: Settled) {
    let attempts = take(store, endpoint, 0, 1000).await.iter().map(|claimed| finished(claimed, then.clone())).collect();
    assert!(store.settle(attempts).await.unwrap().into_iter().all(|recorded| recorded));
}
