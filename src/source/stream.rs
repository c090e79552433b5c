//! The task that holds the connection: hands on what arrives as far as there is room, and tells the server all the while how far our own
//! commits are, so that a slow store does not look like a dead reader.

use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{mpsc, watch};

use super::error::SourceError;
use super::lsn::Lsn;
use super::wire::{Arrival, Wire};

/// How often the server hears of this end: well within its `wal_sender_timeout`, a minute unless set otherwise.
const BEAT: Duration = Duration::from_secs(5);
/// Messages that wait to be taken in; beyond it nothing is read, and the server keeps the rest.
pub(super) const ROOM: usize = 2_048;

/// What is handed on.
#[derive(Debug)]
pub(super) enum Told {
    /// A message of the plugin, and where the server's log ended then.
    Logged(Bytes, Lsn),
    /// Nothing is missing up to here.
    Through(Lsn),
}

/// Reads until the connection ends or nobody takes what arrives.
pub(super) async fn run(mut wire: Wire, out: mpsc::Sender<Told>, mut applied: watch::Receiver<Lsn>) -> SourceError {
    let mut beat = tokio::time::interval(BEAT);
    loop {
        let step = tokio::select! {
            arrived = async {
                let place = out.reserve().await;
                (place, wire.next().await)
            } => match arrived {
                (Err(_), _) => return SourceError::Connection("the node is ending".to_owned()),
                (Ok(place), Ok(Arrival::Logged { bytes, end })) => {
                    place.send(Told::Logged(bytes, end));
                    Ok(())
                }
                (Ok(place), Ok(Arrival::Alive { end, asks })) => {
                    place.send(Told::Through(end));
                    let through = *applied.borrow();
                    if asks { wire.acknowledge(through).await } else { Ok(()) }
                }
                (Ok(_), Err(error)) => Err(error),
            },
            changed = applied.changed() => match changed {
                Ok(()) => {
                    let through = *applied.borrow_and_update();
                    wire.acknowledge(through).await
                }
                Err(_) => return SourceError::Connection("the node is ending".to_owned()),
            },
            _ = beat.tick() => {
                let through = *applied.borrow();
                wire.acknowledge(through).await
            }
        };
        if let Err(error) = step {
            return error;
        }
    }
}
