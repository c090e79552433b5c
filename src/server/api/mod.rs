//! One file a resource; each handler reads its request, calls one verb of the store or ingest, and writes its answer.

pub(super) mod attachments;
pub(super) mod audit;
pub(super) mod backfill;
pub(super) mod deliveries;
pub(super) mod endpoints;
pub(super) mod explain;
pub(super) mod health;
pub(super) mod keys;
pub(super) mod messages;
pub(super) mod metrics;
pub(super) mod objects;
pub(super) mod public_keys;
pub(super) mod reload;
pub(super) mod resends;
pub(super) mod rotate;
pub(super) mod saves;
pub(super) mod sink;
pub(super) mod store_key;
pub(super) mod webhooks;

use super::openapi::Operation;

/// What is said of all calls.
pub(super) fn described() -> Vec<Operation> {
    let all = [
        attachments::described,
        audit::described,
        backfill::described,
        deliveries::described,
        endpoints::described,
        explain::described,
        health::described,
        keys::described,
        messages::described,
        metrics::described,
        objects::described,
        public_keys::described,
        reload::described,
        resends::described,
        rotate::described,
        saves::described,
        store_key::described,
        webhooks::described,
    ];
    all.into_iter().flat_map(|described| described()).collect()
}
