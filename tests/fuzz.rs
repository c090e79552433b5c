//! A short fuzz on the stable toolchain: each target of `fuzz/` runs over its corpus, and over inputs that are made from it at random.
//! What a run does follows from its seed alone.
//!
//! `FUZZ_RUNS` is the number of inputs a target (600), `FUZZ_SEED` where they begin (1). A failing input is made smaller and left in
//! the folder that the message names; the input at work is there too, for what ends the process.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

#[path = "../fuzz/src/lib.rs"]
mod fuzz;
#[allow(dead_code, reason = "the simulation uses more of it")]
#[path = "simulation/random.rs"]
mod random;

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use fuzz::{TARGETS, Target};
use random::Random;

/// Bytes of an input that random changes may lead to; longer ones find little that these do not.
const LONGEST: usize = 6_000;

fn target(name: &str) -> Target {
    TARGETS.into_iter().find(|target| target.name == name).unwrap()
}

/// The inputs that are kept, by file name.
fn corpus(name: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(name);
    let mut files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.into_iter().map(|file| (file.clone(), fs::read(file).unwrap())).collect()
}

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |value| value.parse().unwrap_or_else(|_| panic!("{name} is `{value}`, expected a number")))
}

fn fails(target: Target, input: &[u8]) -> Option<String> {
    let panic = catch_unwind(AssertUnwindSafe(|| (target.run)(input))).err()?;
    let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    Some(text.unwrap_or("no message").to_owned())
}

/// A shorter input that still fails: pieces are left out, large ones first.
fn minimised(target: Target, mut input: Vec<u8>) -> Vec<u8> {
    let mut piece = input.len() / 2;
    while piece > 0 {
        let mut at = 0;
        while at + piece <= input.len() {
            let mut shorter = input.clone();
            shorter.drain(at..at + piece);
            if fails(target, &shorter).is_some() {
                input = shorter;
            } else {
                at += piece;
            }
        }
        piece /= 2;
    }
    input
}

/// An input made from two of the corpus.
fn changed(random: &Random, one: &[u8], other: &[u8], words: &[&str]) -> Vec<u8> {
    let mut input = one.to_vec();
    for _change in 0..=random.below(5) {
        let from = random.below(input.len() + 1);
        let to = (from + random.below(9)).min(input.len());
        let piece = |of: &[u8]| {
            let start = random.below(of.len() + 1);
            of[start..(start + random.below(64)).min(of.len())].to_vec()
        };
        let word = || words[random.below(words.len())].as_bytes().to_vec();
        let (range, put) = match random.below(8) {
            0 => (from..to, Vec::new()),
            1 => (from..(from + random.below(200)).min(input.len()), Vec::new()),
            2 => (from..from, piece(one)),
            3 => (from..to, piece(other)),
            4 => (from..(from + 1).min(input.len()), vec![random.word().to_le_bytes()[0]]),
            5 => (from..to, word()),
            _ => (from..from, word()),
        };
        input.splice(range, put);
    }
    input.truncate(LONGEST);
    input
}

fn fuzz(name: &str) {
    let (target, corpus) = (target(name), corpus(name));
    assert!(!corpus.is_empty(), "the corpus of {name} is gone");
    for (file, input) in &corpus {
        if let Some(why) = fails(target, input) {
            panic!("{} fails: {why}", file.display());
        }
    }
    let (seed, runs) = (setting("FUZZ_SEED", 1), setting("FUZZ_RUNS", 600));
    let at_work = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("fuzz-{name}"));
    for run in 0..runs {
        let random = Random::new(seed.wrapping_mul(1_000_003).wrapping_add(run));
        let (_, one) = &corpus[random.below(corpus.len())];
        let (_, other) = &corpus[random.below(corpus.len())];
        let input = changed(&random, one, other, target.words);
        fs::write(&at_work, &input).unwrap();
        if let Some(why) = fails(target, &input) {
            let small = minimised(target, input);
            let failed = at_work.with_extension(format!("seed-{seed}-run-{run}"));
            fs::write(&failed, &small).unwrap();
            let text = String::from_utf8_lossy(&small);
            panic!("run {run} of seed {seed}: {why}\nmade smaller, and left in {}:\n{text:?}", failed.display());
        }
    }
}

#[test]
fn xml() {
    fuzz("xml");
}

#[test]
fn template() {
    fuzz("template");
}

#[test]
fn json_body() {
    fuzz("json_body");
}

#[test]
fn config() {
    fuzz("config");
}

#[test]
fn fmt() {
    fuzz("fmt");
}

#[test]
fn every_target_has_its_program_and_its_corpus() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
    let manifest: toml::Table = toml::from_str(&fs::read_to_string(folder.join("Cargo.toml")).unwrap()).unwrap();
    let programs: Vec<&str> = manifest["bin"].as_array().unwrap().iter().map(|bin| bin["name"].as_str().unwrap()).collect();
    assert_eq!(programs, TARGETS.map(|target| target.name));
    for target in TARGETS {
        assert!(folder.join("fuzz_targets").join(format!("{}.rs", target.name)).is_file(), "{}", target.name);
        assert!(corpus(target.name).len() >= 10, "the corpus of {}", target.name);
    }
}
