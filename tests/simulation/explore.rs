//! Model check: every state that two deliveries of one lane, two workers, three attempts and a few crashes can reach, breadth first.
//! The moves are those of a simulation without chance; each state is looked at once.

use std::collections::HashSet;
use std::time::Duration;

use jiff::Timestamp;
use webhookc::delivery::{AttemptOutcome, End, FailureHandling, Pattern, Policy, Retry, Settlement, settle};
use webhookc::store::{Alert, Settled, Share};

use crate::broken::Broken;
use crate::queue::{Queue, State, Verdict};

/// How often a worker may die, a lease may end under it, or a failure of ours may happen, on one path.
const MISHAPS: u32 = 3;
/// Attempts of a delivery.
const ATTEMPTS: u32 = 3;
/// Milliseconds of a lease.
const LEASE: i64 = 45_000;

/// A delivery in a worker's hands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Hold {
    row: usize,
    fence: u32,
    spent: u32,
    answer: Option<Answer>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Answer {
    Yes,
    No,
    Gone,
    Lost,
    OurFault,
}

/// Everything, with the clock at 0: due times are distances from now.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct World {
    queue: Queue,
    holds: [Option<Hold>; 2],
    mishaps: u32,
    /// The fence under which each delivery may be recorded, kept apart from the queue.
    current: [u32; 2],
    /// Whether an answer with success is on its way or recorded, and was not lost.
    taken: [bool; 2],
    /// Attempts that counted.
    counted: [u32; 2],
    /// Whether something was told that is not over.
    trouble: bool,
}

fn policy() -> Policy {
    let retry = Retry::new(Pattern::Linear, Some(Duration::from_secs(10)), Some(ATTEMPTS)).unwrap();
    Policy { failure_handling: FailureHandling { retry, ..FailureHandling::default() }, ..Policy::default() }
}

fn beginning(broken: Option<Broken>) -> World {
    let mut queue = Queue { broken, ..Queue::default() };
    queue.insert(0, 0, true, Some(0), 0);
    queue.insert(0, 0, true, Some(0), 0);
    World { queue, holds: [None; 2], mishaps: 0, current: [0; 2], taken: [false; 2], counted: [0; 2], trouble: false }
}

/// Every world that is one move away, or what is wrong with one of them.
fn next(world: &World, policy: &Policy) -> Result<Vec<World>, String> {
    let mut worlds = Vec::new();
    for worker in 0..2 {
        match world.holds[worker] {
            None => {
                let mut then = world.clone();
                let suspended = then.queue.endpoints[0].suspended;
                if let Some(&row) = then.queue.claim(0, 0, LEASE, Share { oldest: 1, newest: 0 }).first() {
                    let (before, stored) = (world.queue.rows[row], then.queue.rows[row]);
                    if before.state == State::Sending && before.due.is_some_and(|ends| ends > 0) {
                        return Err(format!("delivery {row} is claimed again before its lease has ended"));
                    }
                    if suspended {
                        return Err(format!("delivery {row} is claimed while its endpoint is suspended"));
                    }
                    // Whoever takes over may send it again.
                    then.taken[row] &= before.state != State::Sending;
                    then.current[row] += 1;
                    then.holds[worker] = Some(Hold { row, fence: stored.fence, spent: stored.spent, answer: None });
                    worlds.push(then);
                }
            }
            Some(hold) => {
                worlds.extend(advance(world, worker, hold, policy)?);
                if world.mishaps < MISHAPS {
                    let mut then = world.clone();
                    then.taken[hold.row] &= then.queue.rows[hold.row].state == State::Delivered;
                    (then.holds[worker], then.mishaps) = (None, world.mishaps + 1);
                    worlds.push(then);
                }
            }
        }
    }
    worlds.extend(time_passes(world));
    if world.queue.endpoints[0].suspended {
        let mut then = world.clone();
        then.queue.unsuspend(0);
        worlds.extend((!then.queue.endpoints[0].suspended).then_some(then));
    }
    Ok(worlds)
}

/// A worker goes on: the receiver answers in every possible way, or the attempt is recorded.
fn advance(world: &World, worker: usize, hold: Hold, policy: &Policy) -> Result<Vec<World>, String> {
    let row = hold.row;
    let stands = world.current[row] == hold.fence && world.queue.rows[row].state == State::Sending;
    let Some(answer) = hold.answer else {
        if stands && world.taken[row] {
            return Err(format!("delivery {row} is sent again after an answer that was not lost"));
        }
        if stands && row == 1 && !world.queue.rows[0].is_settled() {
            return Err("delivery 1 is sent before delivery 0 is settled".to_owned());
        }
        let mut answers = vec![Answer::Yes, Answer::No, Answer::Gone, Answer::Lost];
        if world.mishaps < MISHAPS {
            answers.push(Answer::OurFault);
        }
        let answered = answers.into_iter().map(|answer| {
            let mut then = world.clone();
            then.taken[row] |= stands && answer == Answer::Yes;
            then.mishaps += u32::from(answer == Answer::OurFault);
            then.holds[worker] = Some(Hold { answer: Some(answer), ..hold });
            then
        });
        return Ok(answered.collect());
    };
    let outcome = match answer {
        Answer::Yes => AttemptOutcome::Answered { status: 200, retry_after: None },
        Answer::No => AttemptOutcome::Answered { status: 500, retry_after: None },
        Answer::Gone => AttemptOutcome::Answered { status: 410, retry_after: None },
        Answer::Lost => AttemptOutcome::TimedOut,
        Answer::OurFault => AttemptOutcome::OurFault("no resolver".to_owned()),
    };
    let settlement = settle(policy, hold.spent + 1, &outcome, Timestamp::UNIX_EPOCH, 0.0);
    let suspend = matches!(settlement, Settlement::GivenUp { suspend: true, .. });
    let settled = match settlement {
        Settlement::Delivered => Settled::Delivered,
        Settlement::Retry { at, counts } => Settled::Pending { at, counts },
        Settlement::GivenUp { end: End::Diverted, reason, .. } => Settled::Diverted(reason),
        Settlement::GivenUp { end: End::Failed, reason, .. } => Settled::Failed(reason),
    };
    let mut then = world.clone();
    then.holds[worker] = None;
    let verdict = Verdict { then: settled, suspend, alarm: true };
    if let Some(alerts) = then.queue.settle(row, hold.fence, &verdict) {
        if !stands {
            return Err(format!("delivery {row} is recorded by a worker that has lost it"));
        }
        then.counted[row] += u32::from(!matches!(verdict.then, Settled::Pending { counts: false, .. }));
        tell(&mut then, world.queue.endpoints[0].suspended, &verdict, &alerts)?;
    }
    Ok(vec![then])
}

/// Each thing is told once, and nothing else.
fn tell(world: &mut World, was_suspended: bool, verdict: &Verdict, alerts: &[Alert]) -> Result<(), String> {
    let given_up = matches!(verdict.then, Settled::Diverted(_) | Settled::Failed(_));
    let mut expected = Vec::new();
    if given_up && !world.trouble {
        expected.push(Alert::Diverted);
    }
    if verdict.suspend && !was_suspended {
        expected.push(Alert::Suspended);
    }
    if verdict.then == Settled::Delivered && world.trouble && !was_suspended {
        expected.push(Alert::Recovered);
    }
    world.trouble = (world.trouble || given_up) && !expected.contains(&Alert::Recovered);
    if alerts == expected { Ok(()) } else { Err(format!("{alerts:?} is told of {verdict:?}, expected {expected:?}")) }
}

/// The clock moves to the next due time. A lease that ends under a worker is a mishap.
fn time_passes(world: &World) -> Option<World> {
    let wait = world.queue.rows.iter().filter(|row| !row.is_settled()).filter_map(|row| row.due).filter(|due| *due > 0).min()?;
    let mut then = world.clone();
    for row in &mut then.queue.rows {
        row.due = row.due.map(|due| (due - wait).max(0));
    }
    let held = |row: usize| world.holds.iter().flatten().any(|hold| hold.row == row && hold.fence == world.current[row]);
    for (index, row) in world.queue.rows.iter().enumerate() {
        if row.state == State::Sending && row.due == Some(wait) && held(index) {
            then.mishaps += 1;
        }
    }
    (then.mishaps <= MISHAPS).then_some(then)
}

/// What must hold in every state.
fn wrong(world: &World) -> Option<String> {
    world.queue.rows.iter().enumerate().find_map(|(index, row)| {
        let unsettled = !row.is_settled();
        if row.spent != world.counted[index] || row.spent > ATTEMPTS {
            Some(format!("delivery {index} counts {} of {} attempts", row.spent, world.counted[index]))
        } else if unsettled && row.due.is_none() {
            Some(format!("delivery {index} has no due time"))
        } else if unsettled && row.blocked && (index == 0 || world.queue.rows[0].is_settled()) {
            Some(format!("delivery {index} is blocked by nothing"))
        } else {
            None
        }
    })
}

/// The number of states, and of those in which everything is settled; or what is wrong with one.
fn explore(broken: Option<Broken>) -> Result<(usize, usize), String> {
    let policy = policy();
    let first = beginning(broken);
    let mut seen = HashSet::from([first.clone()]);
    let (mut frontier, mut ends) = (vec![first], 0);
    while !frontier.is_empty() {
        let mut after = Vec::new();
        for world in frontier {
            if let Some(what) = wrong(&world) {
                return Err(format!("{what}: {world:?}"));
            }
            let settled = world.queue.rows.iter().all(crate::queue::Row::is_settled);
            ends += usize::from(settled);
            let worlds = next(&world, &policy).map_err(|what| format!("{what}: {world:?}"))?;
            if worlds.is_empty() && !settled && world.mishaps < MISHAPS {
                return Err(format!("nothing can happen any more: {world:?}"));
            }
            after.extend(worlds.into_iter().filter(|world| seen.insert(world.clone())));
        }
        frontier = after;
    }
    Ok((seen.len(), ends))
}

#[test]
fn every_reachable_state_keeps_every_promise() {
    let (states, ends) = explore(None).unwrap();
    println!("{states} states, everything settled in {ends} of them");
    assert!(states > 1_000 && ends > 0, "{states} states and {ends} ends are too few to have looked at anything");
}

#[test]
fn the_exploration_finds_a_broken_queue() {
    let mistakes = [Broken::NoFence, Broken::OrderIgnored, Broken::DueDropped, Broken::LeasesIgnored, Broken::SpentForgotten];
    for broken in mistakes
        .into_iter()
        .chain([Broken::DeliveredAgain, Broken::LeasesForever, Broken::SuspensionIgnored])
        .chain([Broken::ToldAgain, Broken::SuspendedForever])
    {
        let what = explore(Some(broken)).expect_err(&format!("{broken:?} was not found"));
        println!("{broken:?}: {what}");
    }
}
