//! Finished attempts.

use bytes::Bytes;
use webhookc::store::{AttemptRow, Claimed, NewAttempt, Settled};

use crate::script::at;

/// An attempt with this end, as the one who has claimed it records it.
pub fn finished(claimed: &Claimed, then: Settled) -> NewAttempt {
    let delivered = then == Settled::Delivered;
    NewAttempt {
        tenant: claimed.tenant.clone(),
        delivery: claimed.id,
        fence: claimed.fence,
        attempt: AttemptRow {
            number: claimed.attempts + 1,
            started_at: at(5),
            took: std::time::Duration::from_millis(7),
            status: Some(if delivered { 200 } else { 500 }),
            error: (!delivered).then(|| "answered 500".into()),
            response_headers: Some("[[\"a\",\"b\"]]".into()),
            response_body: Some(Bytes::from_static(b"ok")),
        },
        then,
        suspend: false,
        alarm: None,
    }
}
