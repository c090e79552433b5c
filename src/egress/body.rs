//! The body of an answer, which is as long as the receiver likes: at most 64 KiB of it are kept, and fewer when many long ones are held
//! at the same time, so that a thousand receivers that talk without end cost no more than a few hundred. It is collected as it comes and
//! decompressed at the end, once: a decompressor takes more memory than what it makes here.

use std::io::Read as _;
use std::sync::Arc;

use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Bytes of a decoded answer that are kept; the rest is not read.
pub(super) const KEPT: usize = 64 * 1024;
/// Bytes that every answer may have.
const ALWAYS_KEPT: usize = 4 * 1024;
/// Answers longer than that which are held at once, from the first byte until they are recorded: 16 MiB.
const LONG_AT_ONCE: usize = 256;

/// Room for long answers; clones share it.
#[derive(Clone)]
pub(super) struct Room(Arc<Semaphore>);

impl Default for Room {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(LONG_AT_ONCE)))
    }
}

/// What has been received of a body.
pub(super) struct Received {
    bytes: Vec<u8>,
    room: Room,
    /// Its place among the long ones, once it is one.
    long: Option<OwnedSemaphorePermit>,
    at_most: usize,
}

/// What is done about the rest of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum More {
    /// It is read, if there is any.
    Wanted,
    /// It is not read.
    Cut,
}

impl Received {
    /// Nothing yet.
    pub(super) fn new(room: &Room) -> Self {
        Self { bytes: Vec::new(), room: room.clone(), long: None, at_most: ALWAYS_KEPT }
    }

    /// Takes as much of a part as there is room for.
    pub(super) fn add(&mut self, part: &[u8]) -> More {
        self.make_room(self.bytes.len() + part.len());
        let room = self.at_most - self.bytes.len();
        self.bytes.extend_from_slice(part.get(..room).unwrap_or(part));
        if self.bytes.len() < self.at_most { More::Wanted } else { More::Cut }
    }

    fn make_room(&mut self, length: usize) {
        if length >= ALWAYS_KEPT && self.long.is_none() {
            self.long = Arc::clone(&self.room.0).try_acquire_owned().ok();
            if self.long.is_some() {
                self.at_most = KEPT;
                self.bytes.reserve_exact(KEPT - self.bytes.len());
            }
        }
    }

    /// Decompresses what has been received. Of a body that is not there as a whole, as far as it goes.
    ///
    /// # Errors
    /// When it is not compressed as it is said to be; what could be read of it is kept.
    pub(super) fn decompress(&mut self, rest: More) -> Result<(), std::io::Error> {
        if self.bytes.is_empty() {
            return Ok(());
        }
        let compressed = std::mem::take(&mut self.bytes);
        self.make_room(KEPT);
        let mut decoder = MultiGzDecoder::new(&*compressed).take(self.at_most as u64);
        match decoder.read_to_end(&mut self.bytes) {
            Ok(_) => Ok(()),
            Err(error) if rest == More::Cut && error.kind() == std::io::ErrorKind::UnexpectedEof => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// The bytes, which hold their place until they are dropped.
    pub(super) fn into_bytes(mut self) -> Bytes {
        if self.bytes.len() < ALWAYS_KEPT {
            self.long = None;
        }
        match self.long {
            Some(place) => {
                self.bytes.shrink_to_fit();
                Bytes::from_owner(Long { bytes: self.bytes, _place: place })
            }
            None => self.bytes.into(),
        }
    }
}

struct Long {
    bytes: Vec<u8>,
    _place: OwnedSemaphorePermit,
}

impl AsRef<[u8]> for Long {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn long(room: &Room) -> Bytes {
        let mut received = Received::new(room);
        while received.add(&[b'x'; 1000]) == More::Wanted {}
        received.into_bytes()
    }

    #[test]
    fn only_so_many_long_bodies_are_held_and_the_others_are_cut_short() {
        let room = Room::default();
        let mut held: Vec<Bytes> = (0..LONG_AT_ONCE).map(|_| long(&room)).collect();
        assert!(held.iter().all(|bytes| bytes.len() == KEPT));
        assert_eq!(long(&room).len(), ALWAYS_KEPT);
        held.pop();
        assert_eq!(long(&room).len(), KEPT, "a place is free when the bytes are gone");
    }

    #[test]
    fn a_short_body_needs_no_place() {
        let room = Room::default();
        let mut received = Received::new(&room);
        assert_eq!((received.add(b"ok"), received.into_bytes()), (More::Wanted, Bytes::from_static(b"ok")));
        assert_eq!(room.0.available_permits(), LONG_AT_ONCE);
    }
}
