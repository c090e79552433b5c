//! The worker's own loop, seed by seed, on a real store with a real receiver, in time that only this test moves: saves come, requests
//! fail, hang and take their time, endpoints are suspended and released, leave the program and come back, the node is stopped and killed.
//! Whatever is due is sent soon, in order, never more at once than allowed, and once. What an attempt decides is the business of
//! `tests/simulation`, what happens when the disk fails that of `tests/faults`.
//!
//! `WORKER_LOOP_SEEDS` says how many seeds are run, `WORKER_LOOP_SEED` runs one of them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod book;
mod node;
mod receiver;
mod stalled;
mod time;
mod world;

use std::sync::atomic::{AtomicU64, Ordering};

use webhookc::time::{Entropy as _, SeededEntropy};

use world::World;

/// Each is sent all that fires.
const ENDPOINTS: [&str; 4] = ["one", "two", "three", "four"];
/// Of every request.
const DEADLINE_MS: u64 = 1_000;
/// Seeds that are run unless something else is said.
const SEEDS: u64 = 16;
/// Seeds at once: each waits more than it works.
const THREADS: usize = 4;
/// Steps in which things happen and go wrong. Then all is well, and what is left has to be sent.
const STEPS: usize = 250;
/// Steps until the last delivery has to be settled.
const LAST_STEPS: usize = 1_500;

/// What a seed decides.
struct Random(SeededEntropy);

impl Random {
    fn new(seed: u64) -> Self {
        Self(SeededEntropy::new(seed))
    }

    /// Below this bound.
    fn below(&self, bound: usize) -> usize {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes);
        usize::try_from(u64::from_le_bytes(bytes) % bound as u64).unwrap()
    }

    /// True in one case of so many.
    fn one_in(&self, cases: usize) -> bool {
        self.below(cases) == 0
    }

    fn of<T: Copy>(&self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name} is `{text}`, expected a whole number")))
}

#[test]
fn whatever_is_due_is_sent_soon_in_order_and_once() {
    let seeds = number("WORKER_LOOP_SEED").map_or_else(|| 0..number("WORKER_LOOP_SEEDS").unwrap_or(SEEDS), |seed| seed..seed + 1);
    let next = AtomicU64::new(seeds.start);
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                while let Some(seed) = Some(next.fetch_add(1, Ordering::Relaxed)).filter(|seed| *seed < seeds.end) {
                    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
                    runtime.block_on(run(seed));
                    // What hangs or sleeps is not waited for.
                    runtime.shutdown_background();
                }
            });
        }
    });
}

async fn run(seed: u64) {
    let random = Random::new(seed);
    let mut world = World::new(seed, &random).await;
    // From one in two steps to one in sixty: what comes wakes the worker, which must not need it.
    let pause = random.of(&[2, 5, 20, 60]);
    world.be_well(random.one_in(8));
    for _ in 0..STEPS {
        if random.one_in(pause) {
            world.save(&random).await;
        }
        if random.one_in(40) {
            world.be_well(random.one_in(2));
        }
        if random.one_in(60) {
            world.hide_or_show(&random);
        }
        if random.one_in(60) {
            world.suspend_or_release(&random).await;
        }
        if random.one_in(120) {
            world.restart(random.one_in(2)).await;
        }
        world.step(random.of(&[5, 30, 100, 300])).await;
    }
    world.all_is_well();
    for _ in 0..LAST_STEPS {
        world.release_all().await;
        if world.step(100).await == 0 {
            return world.judge();
        }
    }
    world.fail("deliveries are never settled");
}
