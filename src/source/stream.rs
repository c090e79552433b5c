//! The task that holds the connection: hands on what arrives as far as there is room, and tells the server all the while how far our own
//! commits are, so that a slow store does not look like a dead reader.

use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::{mpsc, watch};

use super::error::SourceError;
use super::lsn::Lsn;
use super::silence::{SILENCE, silent};
use super::wire::{Answer, Arrival, Wire};

/// How often the server hears of this end, and is to answer: well within the `wal_sender_timeout` of the session.
const BEAT: Duration = Duration::from_secs(2);
/// Messages that wait to be taken in; beyond it nothing is read, and the server keeps the rest.
pub(super) const ROOM: usize = 2_048;

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
    /// A message of the plugin, and where the server's log ended then.
    Logged(Bytes, Lsn),
    /// Nothing is missing up to here, and whether the server waits until it hears that.
    Through(Lsn, Waits),
}

/// Reads until the connection ends or nobody takes what arrives.
pub(super) async fn run(mut wire: Wire, out: mpsc::Sender<Told>, mut applied: watch::Receiver<Lsn>) -> SourceError {
    let mut beat = tokio::time::interval(BEAT);
    // What waits at this end is no silence of the server's.
    let mut heard = Instant::now();
    loop {
        let step = tokio::select! {
            arrived = async {
                let place = out.reserve().await;
                (place, wire.next().await)
            } => match arrived {
                (Err(_), _) => return SourceError::Connection(ENDING.to_owned()),
                (Ok(place), Ok(arrival)) => {
                    heard = Instant::now();
                    match arrival {
                        Arrival::Logged { bytes, end } => {
                            place.send(Told::Logged(bytes, end));
                            Ok(())
                        }
                        Arrival::Alive { end, asks } => {
                            place.send(Told::Through(end, if asks { Waits::Yes } else { Waits::No }));
                            let through = *applied.borrow();
                            if asks { wire.acknowledge(through, Answer::NotNeeded).await } else { Ok(()) }
                        }
                    }
                }
                (Ok(_), Err(error)) => Err(error),
            },
            changed = applied.changed() => match changed {
                Ok(()) => {
                    let through = *applied.borrow_and_update();
                    wire.acknowledge(through, Answer::NotNeeded).await
                }
                Err(_) => return SourceError::Connection(ENDING.to_owned()),
            },
            _ = beat.tick() => {
                if out.capacity() == 0 {
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
