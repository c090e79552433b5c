//! The real binary when everything around it fails: disks, clocks, clients, receivers, signals.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod clock;
mod connections;
mod crash;
mod disk;
mod drain;
#[path = "../receiver/hostile.rs"]
#[allow(dead_code, reason = "each test binary uses a part of this")]
mod hostile;
mod input;
mod memory;
#[path = "../process/node.rs"]
#[allow(dead_code, reason = "each test binary uses a part of this")]
mod node;
mod project;
mod shim;
mod stopped;
