//! The editor's server, driven over its standard streams: what it says of places, and how sessions go.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod cases;
mod client;
mod hostile;
mod session;
mod text;
