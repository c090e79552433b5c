//! Which connections there are, and since when each waits for its client.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::{Duration, Instant};

use futures_util::task::AtomicWaker;
use rustc_hash::FxHashMap;
use tokio::sync::Notify;

/// How long a connection may wait for its client: for the head of a request, or for more of an answer to be fetched.
const PATIENCE: Duration = Duration::from_secs(30);
/// When room is needed, one of so many seats is freed, so that a crowd at the door does not have all of them looked through each time.
const PART: usize = 64;
/// Bytes that may be read before a request has begun: its head, and what comes along with it. Every waiting connection may take up so
/// much memory; a head that means anything is a quarter of it at most.
pub(super) const LONGEST_HEAD: usize = 32 * 1024;
/// In the place of a time: the client is not waited for.
const OCCUPIED: u64 = u64::MAX;

/// The connections of a door.
pub(super) struct Seats {
    limit: usize,
    opened: Instant,
    taken: Mutex<Taken>,
    left: Notify,
}

#[derive(Default)]
struct Taken {
    next: u64,
    seats: FxHashMap<u64, Arc<Seat>>,
}

/// What is known of one connection.
pub(super) struct Seat {
    number: u64,
    opened: Instant,
    /// Milliseconds after `opened` since when the client is waited for, or [`OCCUPIED`].
    waits_since: AtomicU64,
    /// Whether the client has been sent nothing of its answer yet; until then what it sends is the rest of a body that nobody wants.
    owed: AtomicBool,
    /// Bytes read of the next request.
    head: AtomicUsize,
    /// Whether it must make room.
    shown_out: AtomicBool,
    /// Whether nothing more is to be sent.
    hung_up: AtomicBool,
    waker: AtomicWaker,
}

impl Seats {
    pub(super) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self { limit: limit.max(1), opened: Instant::now(), taken: Mutex::default(), left: Notify::new() })
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A seat for a client who has just come, if there is one.
    pub(super) fn take(&self) -> Option<Arc<Seat>> {
        let mut taken = self.lock();
        if taken.seats.len() >= self.limit {
            return None;
        }
        let number = taken.next;
        taken.next += 1;
        let seat = Arc::new(Seat {
            number,
            opened: self.opened,
            waits_since: AtomicU64::new(0),
            owed: AtomicBool::new(false),
            head: AtomicUsize::new(0),
            shown_out: AtomicBool::new(false),
            hung_up: AtomicBool::new(false),
            waker: AtomicWaker::new(),
        });
        seat.wait();
        taken.seats.insert(number, Arc::clone(&seat));
        Some(seat)
    }

    /// How many there are.
    pub(super) fn taken(&self) -> usize {
        self.lock().seats.len()
    }

    /// Tells those that have waited longest for their clients to leave, unless every client is being served.
    pub(super) fn show_out(&self) {
        let taken = self.lock();
        let mut waiting: Vec<_> = taken.seats.values().filter(|seat| seat.is_waiting() && !seat.is_shown_out()).collect();
        waiting.sort_unstable_by_key(|seat| (seat.waits_since.load(Ordering::Relaxed), seat.number));
        for seat in waiting.into_iter().take(1 + self.limit / PART) {
            seat.shown_out.store(true, Ordering::Release);
            seat.waker.wake();
        }
    }

    /// Gives up a seat.
    pub(super) fn leave(&self, seat: &Seat) {
        self.lock().seats.remove(&seat.number);
        self.left.notify_one();
    }

    /// Ready when a seat has been given up.
    pub(super) async fn left(&self) {
        self.left.notified().await;
    }
}

impl Seat {
    /// A request has come in; the client is not waited for.
    pub(super) fn occupy(&self) {
        self.waits_since.store(OCCUPIED, Ordering::Relaxed);
        self.owed.store(true, Ordering::Relaxed);
        self.head.store(0, Ordering::Relaxed);
    }

    /// It is the client's turn, from now on.
    pub(super) fn wait(&self) {
        self.waits_since.store(self.now(), Ordering::Relaxed);
        // Whoever reads from the connection must notice that the time runs again.
        self.waker.wake();
    }

    pub(super) fn is_waiting(&self) -> bool {
        self.waits_since.load(Ordering::Relaxed) != OCCUPIED
    }

    /// Bytes have been sent to the client, who has its time anew to fetch what is left.
    pub(super) fn sent(&self) {
        let since = self.waits_since.load(Ordering::Relaxed);
        if since != OCCUPIED {
            self.owed.store(false, Ordering::Relaxed);
            // If it is not so any more, a request has come in meanwhile, or the time was set by somebody else.
            let _changed = self.waits_since.compare_exchange(since, self.now(), Ordering::Relaxed, Ordering::Relaxed);
        }
    }

    /// Milliseconds after `opened`.
    fn now(&self) -> u64 {
        u64::try_from(self.opened.elapsed().as_millis()).unwrap_or(OCCUPIED - 1)
    }

    /// So many bytes have come.
    pub(super) fn count(&self, bytes: usize) {
        if self.is_waiting() && !self.owed.load(Ordering::Relaxed) {
            self.head.fetch_add(bytes, Ordering::Relaxed);
        }
    }

    /// Whether more has come than a head may be, and still no request.
    pub(super) fn is_overfull(&self) -> bool {
        self.is_waiting() && self.head.load(Ordering::Relaxed) > LONGEST_HEAD
    }

    pub(super) fn is_shown_out(&self) -> bool {
        self.shown_out.load(Ordering::Acquire)
    }

    /// Nothing more is to be sent.
    pub(super) fn hang_up(&self) {
        self.hung_up.store(true, Ordering::Release);
    }

    pub(super) fn is_hung_up(&self) -> bool {
        self.hung_up.load(Ordering::Acquire)
    }

    /// Until when the client is waited for; `None` while it is not.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let since = self.waits_since.load(Ordering::Relaxed);
        (since != OCCUPIED).then(|| self.opened + Duration::from_millis(since) + PATIENCE)
    }

    /// Is woken when the seat must be given up or waiting begins.
    pub(super) fn register(&self, waker: &Waker) {
        self.waker.register(waker);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_waits_longest_makes_room_and_who_is_served_stays() {
        let seats = Seats::new(3);
        let all: Vec<_> = (0..3).map(|_| seats.take().unwrap()).collect();
        assert!(seats.take().is_none());
        all[0].occupy();
        seats.show_out();
        seats.show_out();
        let out: Vec<_> = all.iter().map(|seat| seat.is_shown_out()).collect();
        assert_eq!(out, [false, true, true]);
        seats.show_out();
        assert!(!all[0].is_shown_out());
        seats.leave(&all[1]);
        assert!(seats.take().is_some());
        assert_eq!(seats.taken(), 3);
    }

    #[test]
    fn a_client_is_waited_for_only_between_answer_and_request() {
        let seat = Seats::new(1).take().unwrap();
        assert!(seat.deadline().is_some_and(|at| at > Instant::now()));
        seat.occupy();
        assert_eq!(seat.deadline(), None);
        seat.wait();
        assert!(seat.is_waiting() && seat.deadline().is_some());
    }

    #[test]
    fn who_fetches_more_of_an_answer_has_its_time_anew() {
        let seat = Seats::new(1).take().unwrap();
        seat.occupy();
        seat.sent();
        assert_eq!(seat.deadline(), None, "an answer that is not over");
        seat.wait();
        let before = seat.deadline().unwrap();
        std::thread::sleep(Duration::from_millis(5));
        assert_eq!(seat.deadline(), Some(before), "time alone changes nothing");
        seat.sent();
        assert!(seat.deadline().unwrap() > before);
    }
}
