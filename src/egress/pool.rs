//! Connections that nobody uses at the moment, by where they lead: the one used last is used first, so that those too many grow old.

use std::collections::VecDeque;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use http::HeaderMap;
use rustc_hash::FxHashMap;
use rustix::process::{Resource, getrlimit};
use tokio::task::AbortHandle;

use crate::egress::origin::Origin;
use crate::egress::wire::Wire;

/// Idle connections kept for each receiver.
const KEPT_PER_ORIGIN: usize = 256;
/// Idle connections kept in all, where the process may open many files.
const MOST_KEPT: u64 = 4096;
/// The same on this machine. Asked when the first is kept: by then the limit of files has been raised.
static KEPT: LazyLock<usize> = LazyLock::new(|| kept(getrlimit(Resource::Nofile).current));
/// How long an idle connection is kept at most; shorter than the minute after which most servers close one.
const KEPT_FOR: Duration = Duration::from_secs(50);
/// How much earlier than a receiver says that it will close one it is let go, so that no request meets the close on its way.
const MARGIN: Duration = Duration::from_secs(1);
/// How often those are dropped that are too old, or that the receiver has closed.
const SWEEP: Duration = Duration::from_secs(5);

/// The connections. Nothing runs while there are none.
#[derive(Default)]
pub(super) struct Pool(Mutex<Idle>);

#[derive(Default)]
struct Idle {
    /// The one used last at the end, each with the end of its time. Boxed: each is moved twice for every request, and large.
    by_origin: FxHashMap<Origin, VecDeque<(Instant, Box<Wire>)>>,
    count: usize,
    /// The task that sweeps; `None` when none runs.
    sweeper: Option<AbortHandle>,
}

impl Pool {
    /// A connection to there that stands.
    pub(super) fn take(&self, origin: &Origin) -> Option<Box<Wire>> {
        loop {
            let (until, mut wire) = self.newest(origin)?;
            if Instant::now() < until && wire.is_free() {
                return Some(wire);
            }
        }
    }

    fn newest(&self, origin: &Origin) -> Option<(Instant, Box<Wire>)> {
        let mut idle = self.idle();
        let newest = idle.by_origin.get_mut(origin)?.pop_back()?;
        idle.count -= 1;
        Some(newest)
    }

    /// Keeps a connection, unless the answer with these headers, which came over it, was not its end or there are too many already.
    pub(super) fn put(self: &Arc<Self>, origin: Origin, mut wire: Box<Wire>, answer: &HeaderMap) {
        let kept_for = closes(answer).map_or(KEPT_FOR, |closes| closes.saturating_sub(MARGIN).min(KEPT_FOR));
        if kept_for.is_zero() || !wire.is_free() {
            return;
        }
        let mut idle = self.idle();
        if idle.count >= *KEPT {
            return;
        }
        let there = idle.by_origin.entry(origin).or_default();
        if there.len() >= KEPT_PER_ORIGIN {
            return;
        }
        there.push_back((Instant::now() + kept_for, wire));
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
            wires.retain_mut(|(until, wire)| now < *until && wire.is_free());
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

/// How long the receiver says that it will keep the connection, `Keep-Alive: timeout=5`.
fn closes(headers: &HeaderMap) -> Option<Duration> {
    let mut parameters = headers.get("keep-alive")?.to_str().ok()?.split([',', ';']).filter_map(|parameter| parameter.split_once('='));
    let (_, seconds) = parameters.find(|(name, _)| name.trim().eq_ignore_ascii_case("timeout"))?;
    seconds.trim().parse().ok().map(Duration::from_secs)
}

/// Idle connections that may be kept when so many files may be open: a quarter. The others are for requests, the API and the store, which
/// must not wait until connections have grown old that nobody needs.
fn kept(files: Option<u64>) -> usize {
    let kept = files.map_or(MOST_KEPT, |files| MOST_KEPT.min(files / 4));
    usize::try_from(kept).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::kept;

    #[test]
    fn idle_connections_leave_files_to_others() {
        assert_eq!([Some(256), Some(1024), Some(1 << 20), None].map(kept), [64, 256, 4096, 4096]);
    }
}
