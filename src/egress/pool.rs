//! Connections that nobody uses at the moment, by where they lead: the one used last is used first, so that those too many grow old.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use rustc_hash::FxHashMap;
use tokio::task::AbortHandle;

use crate::egress::origin::Origin;
use crate::egress::wire::Wire;

/// Idle connections kept for each receiver.
const KEPT_PER_ORIGIN: usize = 256;
/// Idle connections kept in all, far below the files that a process may open.
const KEPT: usize = 4096;
/// How long an idle connection is kept; shorter than the minute after which most servers close one.
const KEPT_FOR: Duration = Duration::from_secs(50);
/// How often those are dropped that are too old, or that the receiver has closed.
const SWEEP: Duration = Duration::from_secs(5);

/// The connections. Nothing runs while there are none.
#[derive(Default)]
pub(super) struct Pool(Mutex<Idle>);

#[derive(Default)]
struct Idle {
    /// The one used last at the end. Boxed: each is moved twice for every request, and large.
    by_origin: FxHashMap<Origin, VecDeque<(Instant, Box<Wire>)>>,
    count: usize,
    /// The task that sweeps; `None` when none runs.
    sweeper: Option<AbortHandle>,
}

impl Pool {
    /// A connection to there that stands.
    pub(super) fn take(&self, origin: &Origin) -> Option<Box<Wire>> {
        loop {
            let mut wire = self.newest(origin)?;
            if wire.is_free() {
                return Some(wire);
            }
        }
    }

    fn newest(&self, origin: &Origin) -> Option<Box<Wire>> {
        let mut idle = self.idle();
        let (_, wire) = idle.by_origin.get_mut(origin)?.pop_back()?;
        idle.count -= 1;
        Some(wire)
    }

    /// Keeps a connection, unless the answer that came over it was not its end or there are too many already.
    pub(super) fn put(self: &Arc<Self>, origin: Origin, mut wire: Box<Wire>) {
        if !wire.is_free() {
            return;
        }
        let mut idle = self.idle();
        if idle.count >= KEPT {
            return;
        }
        let there = idle.by_origin.entry(origin).or_default();
        if there.len() >= KEPT_PER_ORIGIN {
            return;
        }
        there.push_back((Instant::now(), wire));
        idle.count += 1;
        idle.sweeper.get_or_insert_with(|| tokio::spawn(sweep(Arc::downgrade(self))).abort_handle());
    }

    fn idle(&self) -> MutexGuard<'_, Idle> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Drops what is too old or closed; whether anything is left.
    fn swept(&self) -> bool {
        let mut idle = self.idle();
        let now = Instant::now();
        idle.by_origin.retain(|_, wires| {
            wires.retain_mut(|(since, wire)| now.duration_since(*since) < KEPT_FOR && wire.is_free());
            !wires.is_empty()
        });
        idle.count = idle.by_origin.values().map(VecDeque::len).sum();
        if idle.count == 0 {
            idle.sweeper = None;
        }
        idle.count > 0
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        if let Some(sweeper) = self.idle().sweeper.take() {
            sweeper.abort();
        }
    }
}

async fn sweep(pool: Weak<Pool>) {
    loop {
        tokio::time::sleep(SWEEP).await;
        if !pool.upgrade().is_some_and(|pool| pool.swept()) {
            return;
        }
    }
}
