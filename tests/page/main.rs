//! The inspector as its readers have it: the real binary, and a headless Chromium. Every test also sees to it that no script complains and
//! that nothing is asked of any other host.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod browser;
mod crawling;
mod doing;
mod hiding;
mod looking;
mod managing;
#[path = "../process/node.rs"]
#[allow(dead_code, reason = "each test binary uses a part of this")]
mod node;
mod project;
mod reading;
mod refusing;
mod repairing;
mod served;
mod signing;
mod wire;
