//! The real binary as a process: the main job on the examples, crashes, and what the README shows.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod crash;
mod healthy;
mod keeping;
mod main_job;
mod node;
mod readme;
mod signatures;
