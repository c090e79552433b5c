//! A database that is read as it changes: a private cluster, the real binary, a real receiver. What is committed there arrives once, in
//! order, also when the reader is killed.
//!
//! `SOURCE_SECONDS` is how long `pgbench` writes (5 if nothing is said); `SOURCE_ROWS` how many rows a large table has that is copied (20,000).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

#[path = "../support/cluster.rs"]
mod cluster;
#[path = "../process/node.rs"]
#[allow(dead_code, reason = "each test binary uses a part of this")]
mod node;
#[path = "../nodes/proxy.rs"]
#[allow(dead_code, reason = "each test binary uses a part of this")]
mod proxy;

mod added;
mod alter;
mod at_once;
mod changes;
mod copied;
mod copy;
mod dev;
mod faults;
mod followed;
mod import;
mod keys;
mod large;
mod lost;
mod odd;
mod pgbench;
mod refused;
mod several;
mod status;
mod twin;
mod two_stores;
mod unpublished;
mod untold;
mod witness;
mod world;
mod writer;
