//! The store's verbs, whatever the backend: one suite, run against a new database each. Here on SQLite, with what is SQLite's alone; in
//! `store_postgres` on PostgreSQL.
#![allow(dead_code, reason = "the suite runs on two backends, and each leaves out a part")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

#[path = "support/cluster.rs"]
mod cluster;
#[path = "store/attempt.rs"]
mod attempt;
#[path = "store/backup.rs"]
mod backup;
#[path = "store/console.rs"]
mod console;
#[path = "store/doctor.rs"]
mod doctor;
#[path = "store/endpoints.rs"]
mod endpoints;
#[path = "store/in_hand.rs"]
mod in_hand;
#[path = "store/lanes.rs"]
mod lanes;
#[path = "store/lists.rs"]
mod lists;
#[path = "store/lived_in.rs"]
mod lived_in;
#[path = "store/opening.rs"]
mod opening;
#[path = "store/own_lists.rs"]
mod own_lists;
#[path = "store/prune.rs"]
mod prune;
#[path = "store/prune_laws.rs"]
mod prune_laws;
#[path = "store/queue.rs"]
mod queue;
#[path = "store/receipts.rs"]
mod receipts;
#[path = "store/resends.rs"]
mod resends;
#[path = "store/room.rs"]
mod room;
#[path = "store/saves.rs"]
mod saves;
#[path = "store/sealed.rs"]
mod sealed;
#[path = "store/source_place.rs"]
mod source_place;
#[path = "store/tables.rs"]
mod tables;
#[path = "store/taken.rs"]
mod taken;
#[path = "store/script.rs"]
mod script;
#[path = "store/undone.rs"]
mod undone;

/// Which database the suite runs against.
const BACKEND: script::Backend = script::Backend::Sqlite;
