//! Scenario tests, from the text of a test file to the exit code: what passes, what fails and how it is said, what the rules were tried
//! with, and what `explain`, `sample` and `init` make of the same rules.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod coverage;
mod examples;
mod explained;
mod judged;
mod outputs;
mod project;
mod samples;
mod total;
