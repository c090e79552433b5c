//! The last requests that came to the receiver, as many as fit into a bound of bytes.

use std::collections::{BTreeMap, VecDeque};

use serde::Serialize;

use crate::ids::EndpointId;

/// Requests that are remembered: some screens of them.
const MOST: usize = 200;
/// Bytes of them all. `dev` is to stay small.
const MEMORY: usize = 4 << 20;
/// Bytes of a body that are remembered.
pub(in crate::server) const LONGEST_BODY: usize = 64 << 10;

/// A request as it was received, secrets masked.
#[derive(Clone, Debug, Serialize)]
pub(in crate::server) struct Entry {
    /// Counts the requests since the start.
    pub(in crate::server) number: u64,
    pub(in crate::server) at: String,
    pub(in crate::server) method: String,
    /// Behind `/sink/`.
    pub(in crate::server) path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::server) query: Option<String>,
    pub(in crate::server) headers: Vec<(String, String)>,
    /// The beginning of the body, as text.
    pub(in crate::server) body: String,
    /// Bytes of the whole body.
    pub(in crate::server) bytes: usize,
    /// Which request with this `webhook-id` it was at this path.
    pub(in crate::server) attempt: u64,
    pub(in crate::server) signatures: Signatures,
    /// The status that it was answered with; null when the connection was dropped, or the answer is not due yet.
    pub(in crate::server) answered: Option<u16>,
}

/// What held of a request's signatures.
#[derive(Clone, Debug, Default, Serialize)]
pub(in crate::server) struct Signatures {
    /// The endpoint with whose keys they were checked; null when none of its signatures holds with the keys of any.
    pub(in crate::server) endpoint: Option<EndpointId>,
    /// Each kind that there is or that the endpoint should have: `held`, `failed`, `malformed`, `missing`, `no-key`.
    #[serde(flatten)]
    pub(in crate::server) of: BTreeMap<&'static str, &'static str>,
}

impl Entry {
    fn size(&self) -> usize {
        let headers: usize = self.headers.iter().map(|(name, value)| name.len() + value.len() + 64).sum();
        headers + self.path.len() + self.query.as_ref().map_or(0, String::len) + self.body.len() + 512
    }
}

#[derive(Debug, Default)]
pub(super) struct Log {
    entries: VecDeque<Entry>,
    bytes: usize,
    count: u64,
}

impl Log {
    pub(super) fn push(&mut self, entry: Entry) {
        self.count += 1;
        self.bytes += entry.size();
        self.entries.push_back(Entry { number: self.count, ..entry });
        while self.entries.len() > MOST || self.bytes > MEMORY {
            let Some(oldest) = self.entries.pop_front() else { return };
            self.bytes = self.bytes.saturating_sub(oldest.size());
        }
    }

    pub(super) fn newest(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().rev()
    }

    pub(super) fn forgotten(&self) -> u64 {
        self.count.saturating_sub(self.entries.len() as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(body: usize) -> Entry {
        Entry {
            number: 0,
            at: String::new(),
            method: "POST".to_owned(),
            path: "erp".to_owned(),
            query: None,
            headers: vec![("a".to_owned(), "b".to_owned())],
            body: "x".repeat(body),
            bytes: body,
            attempt: 1,
            signatures: Signatures::default(),
            answered: Some(200),
        }
    }

    #[test]
    fn the_last_ones_are_kept_by_number_and_by_bytes() {
        let mut log = Log::default();
        for _ in 0..MOST + 5 {
            log.push(entry(10));
        }
        assert_eq!((log.newest().count(), log.forgotten()), (MOST, 5));
        assert_eq!(log.newest().next().unwrap().number, MOST as u64 + 5);
        for _ in 0..100 {
            log.push(entry(LONGEST_BODY));
        }
        assert!(log.newest().count() < 64 && log.newest().count() > 50, "{}", log.newest().count());
        assert_eq!(log.bytes, log.newest().map(Entry::size).sum::<usize>());
    }
}
