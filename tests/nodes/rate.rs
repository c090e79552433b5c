//! `rate_limit` of an endpoint while nodes come and go every few seconds: it is kept in every window, and what it allows is used.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::limits::{SCHEMA, feed, is_kept, receiver};
use crate::node::Node;
use crate::world::World;

/// What is allowed in a second, the concurrency beside it, and how much of what is allowed has to be used at least. After each change a part is
/// nobody's for a moment; with fewer places than nodes that part is the whole, and for the `timeout` after the node was killed that had it.
const RATES: [(u32, u32, f64); 3] = [(10, 1, 0.2), (10, 16, 0.6), (20, 16, 0.6)];
/// What all nodes may have saved up at once: a tenth of a second, and one request each.
const SAVED_UP: f64 = 2.0 + 3.0;
/// How often a node comes or goes, and how many times.
const TURN: Duration = Duration::from_millis(2_500);
const TURNS: usize = 12;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rate_is_kept_and_used_while_nodes_come_and_go() {
    let (receiver, url) = receiver(Vec::new()).await;
    let endpoint = |(number, (rate, width, _)): (usize, &(u32, u32, f64))| {
        format!(
            "[[endpoints]]\nname = \"rate{number}\"\nevents = \"*\"\nurl = \"{url}/rate{number}\"\nrate_limit = \"{rate}/s\"\nconcurrency = {width}\ntimeout = \"5s\"\n"
        )
    };
    let world = World::new().await;
    let folder = world.project("one", SCHEMA, &RATES.iter().enumerate().map(endpoint).collect::<String>());
    let stay = [world.node(&folder), world.node(&folder)];
    let addresses = Arc::new(Mutex::new(stay.iter().map(|node| node.url.clone()).collect::<Vec<_>>()));
    let feeding: Vec<_> = (0..stay.len()).map(|place| tokio::spawn(feed(Arc::clone(&addresses), place))).collect();
    let (began, mut guest) = (Instant::now(), None::<Node>);
    for turn in 0..TURNS {
        tokio::time::sleep(TURN).await;
        guest = tokio::task::block_in_place(|| match guest.take() {
            None => Some(world.node(&folder)),
            // Killed, and in order, in turn.
            Some(mut node) if turn % 4 == 1 => {
                node.kill();
                None
            }
            Some(mut node) => {
                node.signal(Signal::TERM);
                node.wait();
                None
            }
        });
    }
    feeding.iter().for_each(tokio::task::JoinHandle::abort);
    let time = began.elapsed().as_secs_f64();
    let seen = receiver.seen.lock().unwrap().clone();
    for (number, (rate, width, used)) in RATES.iter().enumerate() {
        let at = &seen[&format!("/rate{number}")].at;
        let (made, all) = (f64::from(u32::try_from(at.len()).unwrap()), time * f64::from(*rate));
        let pause = at.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap();
        println!("{rate}/s, concurrency {width}: {made} requests of {all:.0}, {:.0} %, longest pause {pause:?}", 100.0 * made / all);
        is_kept(at, f64::from(*rate), SAVED_UP);
        assert!(made > all * used, "only {made} of {all:.0} requests were made of {rate}/s");
    }
}
