//! The real binary as a process: the main job on the examples, and what the README shows.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod again;
mod book;
mod clients;
mod console;
mod contained;
mod dialects;
mod healthy;
mod keeping;
mod keys;
mod main_job;
#[allow(dead_code, reason = "each test binary uses a part of this")]
mod node;
mod operations;
mod readme;
mod receiver;
mod related;
mod reload;
mod resends;
mod same_bytes;
mod secrets;
mod signatures;
mod tenants;
mod tls;
