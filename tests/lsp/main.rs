//! The editor's server, driven over its standard streams: what it says of places, and how sessions go.

#![allow(
    clippy::format_push_string,
    clippy::needless_pass_by_value,
    reason = "reports are put together, and `json!` is handed in as it is"
)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod cases;
mod client;
mod hostile;
mod session;
mod text;
