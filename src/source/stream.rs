//! The task that holds the connection: hands on what arrives as far as there is room, and tells the server all the while how far our own
//! commits are, so that a slow store does not look like a dead reader.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore, mpsc, watch};

use super::error::SourceError;
use super::lsn::Lsn;
use super::silence::{SILENCE, silent};
use super::wire::{Answer, Arrival, Wire};

/// How often the server hears of this end, and is to answer: well within the `wal_sender_timeout` of the session.
const BEAT: Duration = Duration::from_secs(2);
/// Messages that wait to be taken in; beyond it nothing is read, and the server keeps the rest.
pub(super) const ROOM: usize = 2_048;
/// Bytes of those, since a row may have many; the last of them may be larger.
const ROOM_BYTES: usize = 16 << 20;

/// Why the stream ends when this end does.
const ENDING: &str = "the node is ending";

/// Whether the server waits for an acknowledgement, as it does before it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Waits {
    Yes,
    No,
}

/// What is handed on.
#[derive(Debug)]
pub(super) enum Told {
    /// A message of the plugin, where the server's log ended then, and the room that it takes as long as it waits.
    Logged(Bytes, Lsn, OwnedSemaphorePermit),
    /// Nothing is missing up to here, and whether the server waits until it hears that.
    Through(Lsn, Waits),
}

/// Reads until the connection ends or nobody takes what arrives.
pub(super) async fn run(mut wire: Wire, out: mpsc::Sender<Told>, mut applied: watch::Receiver<Lsn>) -> SourceError {
    let mut beat = tokio::time::interval(BEAT);
    let room = Room(Arc::new(Semaphore::new(ROOM_BYTES)));
    // What waits at this end is no silence of the server's.
    let mut heard = Instant::now();
    loop {
        let step = tokio::select! {
            arrived = async {
                let place = (out.reserve().await, room.some().await);
                (place, wire.next().await)
            } => match arrived {
                ((Err(_), _) | (_, Err(_)), _) => return SourceError::Connection(ENDING.to_owned()),
                ((Ok(place), Ok(some)), Ok(arrival)) => {
                    heard = Instant::now();
                    match arrival {
                        Arrival::Logged { bytes, end } => {
                            let taken = room.taken(some, bytes.len());
                            place.send(Told::Logged(bytes, end, taken));
                            Ok(())
                        }
                        Arrival::Alive { end, asks } => {
                            place.send(Told::Through(end, if asks { Waits::Yes } else { Waits::No }));
                            let through = *applied.borrow();
                            if asks { wire.acknowledge(through, Answer::NotNeeded).await } else { Ok(()) }
                        }
                    }
                }
                ((Ok(_), Ok(_)), Err(error)) => Err(error),
            },
            changed = applied.changed() => match changed {
                Ok(()) => {
                    let through = *applied.borrow_and_update();
                    wire.acknowledge(through, Answer::NotNeeded).await
                }
                Err(_) => return SourceError::Connection(ENDING.to_owned()),
            },
            _ = beat.tick() => {
                if out.capacity() == 0 || room.is_full() {
                    heard = Instant::now();
                }
                if heard.elapsed() > SILENCE {
                    return silent();
                }
                let through = *applied.borrow();
                wire.acknowledge(through, Answer::Wanted).await
            }
        };
        if let Err(error) = step {
            return error;
        }
    }
}

/// The bytes that may wait to be taken in.
struct Room(Arc<Semaphore>);

impl Room {
    /// Waits until there is some.
    async fn some(&self) -> Result<OwnedSemaphorePermit, AcquireError> {
        Arc::clone(&self.0).acquire_owned().await
    }

    /// What a message takes: as much as there is, if it is larger.
    fn taken(&self, mut some: OwnedSemaphorePermit, bytes: usize) -> OwnedSemaphorePermit {
        let more = bytes.saturating_sub(1).min(self.0.available_permits());
        let more = u32::try_from(more).ok().and_then(|more| Arc::clone(&self.0).try_acquire_many_owned(more).ok());
        if let Some(more) = more {
            some.merge(more);
        }
        some
    }

    fn is_full(&self) -> bool {
        self.0.available_permits() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_waits_has_a_limit_and_one_message_may_be_larger() {
        let room = Room(Arc::new(Semaphore::new(ROOM_BYTES)));
        let small = room.taken(room.some().await.unwrap(), ROOM_BYTES - 1);
        assert!(!room.is_full());
        let large = room.taken(room.some().await.unwrap(), 1 << 30);
        assert!(room.is_full(), "nothing more is read");
        assert!(tokio::time::timeout(BEAT, room.some()).await.is_err());
        drop(large);
        assert_eq!(room.0.available_permits(), 1, "a message gives back what it took");
        drop(small);
        assert_eq!(room.0.available_permits(), ROOM_BYTES);
    }
}
