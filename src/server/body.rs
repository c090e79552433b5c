//! Bodies, bounded while they arrive: in size, in the time that they take, and in the memory that all of them take up together.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, BodyDataStream, HttpBody as _};
use axum::http::StatusCode;
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout};

use super::{App, Problem};

/// How long a body may keep us waiting, whatever its size; and how long at once, whatever has arrived.
const PATIENCE: Duration = Duration::from_secs(20);
/// Bytes that buy another second of waiting: who is slower than this is not slow but an attack, or gone.
const BYTES_A_SECOND: u64 = 16 << 10;
/// Bytes of all bodies that are in memory at once, and as many of answers that grow with them: four batches of the largest size; more are
/// asked to come again. Who fetches his answers slowly keeps out no bodies.
const MEMORY: usize = 256 << 20;
/// Bytes beyond the limit that are still read (and forgotten), so that a client who does not listen while sending hears why its body is
/// refused instead of finding the connection closed.
const FORGOTTEN: usize = 16 << 20;

/// What all bodies may take up, or all answers to batches.
pub(super) fn memory() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(MEMORY))
}

/// A body as it arrives.
pub(super) struct Arrival {
    stream: BodyDataStream,
    limit: usize,
    arrived: usize,
    waited: Duration,
    /// What is taken up by what has arrived.
    room: Room,
}

/// A part of the memory.
#[derive(Debug)]
pub(super) struct Room {
    memory: Arc<Semaphore>,
    held: Option<OwnedSemaphorePermit>,
}

impl Room {
    /// For answers; nothing of it yet.
    pub(super) fn of_answers(app: &App) -> Self {
        Self { memory: Arc::clone(&app.answers), held: None }
    }

    /// For a body; nothing of it yet.
    fn of_bodies(app: &App) -> Self {
        Self { memory: Arc::clone(&app.bodies), held: None }
    }

    /// Takes up so much in all, if there is as much.
    pub(super) fn grow(&mut self, all: usize) -> Result<(), Problem> {
        self.take(all.saturating_sub(self.held.as_ref().map_or(0, OwnedSemaphorePermit::num_permits)))
    }

    /// Takes up more.
    fn take(&mut self, bytes: usize) -> Result<(), Problem> {
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        let Ok(more) = Arc::clone(&self.memory).try_acquire_many_owned(bytes) else { return Err(overloaded()) };
        match &mut self.held {
            Some(held) => held.merge(more),
            held => *held = Some(more),
        }
        Ok(())
    }
}

impl Arrival {
    /// Of a body that may have `limit` bytes.
    pub(super) fn new(app: &App, body: Body, limit: usize) -> Result<Self, Problem> {
        let declared = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
        if declared > limit.saturating_add(FORGOTTEN) {
            return Err(too_large(limit));
        }
        Ok(Self { stream: body.into_data_stream(), limit, arrived: 0, waited: Duration::ZERO, room: Room::of_bodies(app) })
    }

    /// The next bytes; `None` at the end.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, Problem> {
        let Some(chunk) = self.chunk().await? else { return Ok(None) };
        self.arrived += chunk.len();
        if self.arrived > self.limit {
            return Err(self.refuse().await);
        }
        self.room.take(chunk.len())?;
        Ok(Some(chunk))
    }

    /// What has arrived so far is in memory no longer.
    pub(super) fn forget(&mut self) {
        self.room.held = None;
    }

    async fn chunk(&mut self) -> Result<Option<Bytes>, Problem> {
        let earned = Duration::from_secs(self.arrived as u64 / BYTES_A_SECOND);
        let allowed = (PATIENCE + earned).saturating_sub(self.waited).min(PATIENCE);
        let began = Instant::now();
        let chunk = timeout(allowed, self.stream.next()).await;
        self.waited += began.elapsed();
        match chunk {
            Ok(chunk) => chunk.transpose().map_err(|error| interrupted(&error)),
            Err(_) => Err(too_slow(self.arrived)),
        }
    }

    async fn refuse(&mut self) -> Problem {
        let refused = too_large(self.limit);
        self.forget();
        while self.arrived <= self.limit.saturating_add(FORGOTTEN) {
            match self.chunk().await {
                Ok(Some(chunk)) => self.arrived += chunk.len(),
                Ok(None) | Err(_) => break,
            }
        }
        refused
    }
}

/// All of a body, and its hold on the memory.
pub(super) struct Whole {
    pub(super) bytes: Bytes,
    _room: Room,
}

/// Reads all of a body of at most `limit` bytes.
pub(super) async fn read(app: &App, body: Body, limit: usize) -> Result<Whole, Problem> {
    let mut arrival = Arrival::new(app, body, limit)?;
    let Some(first) = arrival.next().await? else { return Ok(Whole { bytes: Bytes::new(), _room: arrival.room }) };
    let Some(second) = arrival.next().await? else { return Ok(Whole { bytes: first, _room: arrival.room }) };
    let mut whole = BytesMut::with_capacity(first.len() + second.len());
    whole.extend_from_slice(&first);
    whole.extend_from_slice(&second);
    while let Some(chunk) = arrival.next().await? {
        whole.extend_from_slice(&chunk);
    }
    Ok(Whole { bytes: whole.freeze(), _room: arrival.room })
}

fn interrupted(error: &axum::Error) -> Problem {
    Problem::bad_request("incomplete-body", format!("the body could not be read to its end: {error}"))
}

fn too_large(limit: usize) -> Problem {
    let size = if limit >= 1 << 20 { format!("{} MiB", limit >> 20) } else { format!("{limit} bytes") };
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", format!("the body is larger than {size}"))
}

fn too_slow(arrived: usize) -> Problem {
    let detail = format!(
        "the body came too slowly: {arrived} bytes so far, expected it within {0} s and another second for each {1} KiB, \
         and never {0} s of nothing",
        PATIENCE.as_secs(),
        BYTES_A_SECOND >> 10
    );
    Problem::new(StatusCode::REQUEST_TIMEOUT, "too-slow", detail)
}

fn overloaded() -> Problem {
    let detail = format!("the bodies of all requests, or the answers to all batches, take up more than {} MiB", MEMORY >> 20);
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "overloaded", detail).help("send it again in a moment")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::Options;

    #[tokio::test(start_paused = true)]
    async fn what_arrived_early_earns_no_long_silence() {
        let app = App::new(Options::default());
        let first = futures_util::stream::iter([Ok::<_, std::io::Error>(Bytes::from(vec![0; 1 << 20]))]);
        let body = Body::from_stream(first.chain(futures_util::stream::pending()));
        let began = Instant::now();
        let refused = read(&app, body, 4 << 20).await.err().unwrap();
        assert_eq!(refused.status(), StatusCode::REQUEST_TIMEOUT);
        assert!(began.elapsed() < PATIENCE + Duration::from_secs(1), "{:?}", began.elapsed());
        assert_eq!(app.bodies.available_permits(), MEMORY);
    }

    #[tokio::test(start_paused = true)]
    async fn what_keeps_coming_has_the_time_that_it_earns() {
        let app = App::new(Options::default());
        let parts = futures_util::stream::iter(0..4).then(async |_| {
            tokio::time::sleep(Duration::from_secs(15)).await;
            Ok::<_, std::io::Error>(Bytes::from(vec![0; 1 << 20]))
        });
        let whole = read(&app, Body::from_stream(parts), 4 << 20).await.ok().unwrap();
        assert_eq!(whole.bytes.len(), 4 << 20);
    }
}
