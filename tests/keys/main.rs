//! Keys and tenants of the API: who is let in, to what, and that nobody sees what is another's. The router runs in this process, without
//! sockets, over a real store.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod bodies;
mod calls;
#[path = "../support/described.rs"]
mod support;
mod described;
mod hidden;
mod leaks;
mod making;
mod tricks;
mod world;
