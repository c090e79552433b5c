//! What is due, by lane.

use jiff::Timestamp;
use webhookc::ids::EndpointId;
use webhookc::store::{Lane, Share, Store};

use crate::script::at;

/// As many as the oldest come first.
pub fn oldest(count: usize) -> Share {
    Share { oldest: count, newest: 0 }
}

/// The lane of a tenant to an endpoint that may have something due at some time.
pub async fn lane(store: &Store, tenant_name: &str, endpoint_name: &str) -> Option<Lane> {
    let due = store.due(Timestamp::MAX, None, usize::MAX).await.unwrap();
    due.lanes.into_iter().find(|lane| (lane.tenant.as_str(), lane.endpoint.as_str()) == (tenant_name, endpoint_name))
}

/// The endpoints that have something due, and when the next one has.
pub async fn due(store: &Store, now: i64) -> (Vec<EndpointId>, Option<Timestamp>) {
    let due = store.due(at(now), None, usize::MAX).await.unwrap();
    (due.lanes.into_iter().map(|lane| lane.endpoint).collect(), due.next)
}
