//! What is fuzzed, in one place for both that run it: `fuzz_targets/` under cargo-fuzz, and `tests/fuzz.rs` on the stable toolchain. A
//! target takes any bytes, and panics when something does not hold that holds for every input.

#![allow(clippy::panic, clippy::unwrap_used, clippy::expect_used, reason = "a target fails by panicking")]

pub mod config;
pub mod fmt;
pub mod json_body;
pub mod template;
pub mod xml;

mod fire;
#[path = "../../tests/support/meaning.rs"]
mod meaning;
mod sound;
mod world;

/// A target.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Its name, which is that of its corpus and of its program.
    pub name: &'static str,
    /// Runs it once.
    pub run: fn(&[u8]),
    /// Words that inputs are made of, for a fuzzer that does not see into the program.
    pub words: &'static [&'static str],
}

/// All of them.
pub const TARGETS: [Target; 5] = [
    Target { name: "xml", run: xml::run, words: xml::WORDS },
    Target { name: "template", run: template::run, words: template::WORDS },
    Target { name: "json_body", run: json_body::run, words: json_body::WORDS },
    Target { name: "config", run: config::run, words: config::WORDS },
    Target { name: "fmt", run: fmt::run, words: xml::WORDS },
];
