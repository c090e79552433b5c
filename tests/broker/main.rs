//! Saves from a real NATS server and deliveries to it, by the real binary: `cargo test --features nats --test broker`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

#[path = "../support/cluster.rs"]
mod cluster;
#[path = "../process/node.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod node;

mod accounts;
mod deliveries;
mod encrypted;
mod login;
mod nodes;
mod order;
mod project;
mod restart;
mod saves;
mod server;
mod subjects;
mod wire;
mod words;
