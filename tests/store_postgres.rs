//! The suite of `store` on PostgreSQL, against a private cluster with a database for each test.
#![allow(dead_code, reason = "the suite runs on two backends, and each leaves out a part")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

#[path = "support/cluster.rs"]
mod cluster;
#[path = "nodes/proxy.rs"]
mod proxy;
#[path = "store/attempt.rs"]
mod attempt;
#[path = "store/clock.rs"]
mod clock;
#[path = "store/doctor_postgres.rs"]
mod doctor_postgres;
#[path = "store/doubt.rs"]
mod doubt;
#[path = "store/endpoints.rs"]
mod endpoints;
#[path = "store/gone_node.rs"]
mod gone_node;
#[path = "store/in_hand.rs"]
mod in_hand;
#[path = "store/lanes.rs"]
mod lanes;
#[path = "store/lists.rs"]
mod lists;
#[path = "store/lived_in.rs"]
mod lived_in;
#[path = "store/opening_postgres.rs"]
mod opening_postgres;
#[path = "store/own_lists.rs"]
mod own_lists;
#[path = "store/prune.rs"]
mod prune;
#[path = "store/prune_laws.rs"]
mod prune_laws;
#[path = "store/prune_together.rs"]
mod prune_together;
#[path = "store/queue.rs"]
mod queue;
#[path = "store/receipts.rs"]
mod receipts;
#[path = "store/resends.rs"]
mod resends;
#[path = "store/saves.rs"]
mod saves;
#[path = "store/script.rs"]
mod script;
#[path = "store/several.rs"]
mod several;
#[path = "store/source_place.rs"]
mod source_place;
#[path = "store/tables.rs"]
mod tables;
#[path = "store/taken.rs"]
mod taken;
#[path = "store/tenant_first.rs"]
mod tenant_first;
#[path = "store/undone.rs"]
mod undone;

/// Which database the suite runs against.
const BACKEND: script::Backend = script::Backend::Postgres;
