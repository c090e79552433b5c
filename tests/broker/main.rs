//! Saves from a real NATS server and deliveries to it, by the real binary: `cargo test --features nats --test broker`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

#[path = "../support/cluster.rs"]
mod cluster;
#[path = "../process/node.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod node;

mod deliveries;
mod encrypted;
mod nodes;
mod project;
mod saves;
mod server;
mod wire;
mod words;
