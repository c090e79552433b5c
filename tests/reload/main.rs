//! Hot reload of real folders: however files are saved, the new program is live, never a half-written one or a mixture, and a mistake keeps
//! the last good one.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod editors;
mod patterns;
mod project;
mod trees;
mod under_load;
