//! Delivery under faults: the real engine and the real decision on what follows an attempt, around a store in memory, seed by seed. A
//! seed that fails is printed with its events; it belongs into `cases.txt`. `SIMULATION_SEEDS` says how many seeds are run,
//! `SIMULATION_SEED` runs one of them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

#[path = "../support/mod.rs"]
mod support;

mod world;

mod ledger;
mod people;
mod worker;

mod broken;
mod conformance;
mod explore;
mod queue;
mod random;
mod rules;
mod store;

use std::sync::atomic::{AtomicU64, Ordering};

use broken::Broken;
use rules::Setting;

/// Seeds of a run that says nothing else.
const SEEDS: u64 = 2_000;
/// Steps of a simulation before its end begins.
const STEPS: usize = 120;
/// Seeds in which a deliberate mistake must have been found.
const SEEDS_TO_FIND: u64 = 400;

/// Fails with the shortest run of the seed that still fails, and its events.
fn report(setting: &Setting, seed: u64) -> ! {
    let shortest = (0..=STEPS).find(|&steps| world::run(setting, seed, steps, None, false).0.is_err()).unwrap_or(STEPS);
    let (result, events) = world::run(setting, seed, shortest, None, true);
    panic!("SIMULATION_SEED={seed}, {shortest} steps: {}\n{}", result.err().unwrap_or_default(), events.join("\n"));
}

fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} is `{text}`, expected a whole number")))
}

#[test]
fn every_promise_is_kept_whatever_goes_wrong() {
    let setting = Setting::new();
    if let Some(seed) = number("SIMULATION_SEED") {
        if world::run(&setting, seed, STEPS, None, false).0.is_err() {
            report(&setting, seed);
        }
        return;
    }
    let cases = include_str!("cases.txt").lines().filter(|line| !line.starts_with('#'));
    for seed in cases.filter_map(|line| line.split_whitespace().next()?.parse().ok()) {
        if world::run(&setting, seed, STEPS, None, false).0.is_err() {
            report(&setting, seed);
        }
    }
    let seeds = number("SIMULATION_SEEDS").unwrap_or(SEEDS);
    let (next, failed) = (AtomicU64::new(0), AtomicU64::new(u64::MAX));
    let started = std::time::Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, std::num::NonZero::get) {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds || seed > failed.load(Ordering::Relaxed) {
                        break;
                    }
                    if world::run(&setting, seed, STEPS, None, false).0.is_err() {
                        failed.fetch_min(seed, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    match failed.into_inner() {
        u64::MAX => println!("{seeds} seeds in {:?}", started.elapsed()),
        seed => report(&setting, seed),
    }
}

#[test]
fn a_seed_always_tells_the_same_story() {
    let setting = Setting::new();
    for seed in 0..20 {
        let (_, one) = world::run(&setting, seed, STEPS, None, true);
        let (_, two) = world::run(&setting, seed, STEPS, None, true);
        assert_eq!(one, two, "seed {seed}");
        assert!(one.len() > 10, "seed {seed} tells nothing");
    }
}

#[test]
fn every_deliberate_mistake_is_found() {
    let setting = Setting::new();
    let mut missed = Vec::new();
    for broken in Broken::ALL {
        let found = (0..SEEDS_TO_FIND).find_map(|seed| Some((seed, world::run(&setting, seed, STEPS, Some(broken), false).0.err()?)));
        match found {
            Some((seed, what)) => println!("{broken:?}: seed {seed}: {what}"),
            None => missed.push(broken),
        }
    }
    assert!(missed.is_empty(), "nothing found {missed:?} in {SEEDS_TO_FIND} seeds");
}
