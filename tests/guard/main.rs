//! The guard against the registries of addresses, against every notation of a forbidden one, and against names that change their mind.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod cases;
mod names;
#[path = "../receiver/mod.rs"]
mod receiver;
mod registry;
mod script;
