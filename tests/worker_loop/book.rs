//! What has come to the receiver, and whether it should have: never more at once than allowed, each object's in order, nothing again that
//! was accepted. Pure.

use std::collections::{BTreeMap, BTreeSet};

use crate::{DEADLINE_MS, ENDPOINTS};

/// The event whose messages keep the order of their objects.
const ORDERED: &str = "asset_saved";

/// How much earlier than its deadline a request may have been given up: it may have come after it was sent, on a machine that does other
/// things.
const SLACK_MS: u64 = 500;

/// One request.
#[derive(Debug)]
pub struct Request {
    pub endpoint: usize,
    pub message: String,
    pub event: String,
    pub object: String,
    pub sequence: i64,
    /// When it came.
    pub at: u64,
    /// Which life of the node sent it.
    pub life: usize,
    /// When it was answered, and what.
    pub answer: Option<(u64, u16)>,
}

#[derive(Debug)]
pub struct Book {
    /// Of the tenant, which has at most seven eighths of what the node may have, and of each endpoint.
    pub limit: usize,
    pub concurrency: [usize; ENDPOINTS.len()],
    /// Whether everything is answered well, at once.
    pub is_well: bool,
    /// Lives of the node so far.
    pub life: usize,
    pub requests: Vec<Request>,
    /// When something last came to an endpoint or was answered.
    pub last: [u64; ENDPOINTS.len()],
    /// When something last came that is never answered.
    pub hung: Option<u64>,
    /// What should not have been.
    pub wrong: Option<String>,
}

impl Book {
    pub fn new(limit: usize, concurrency: [usize; ENDPOINTS.len()]) -> Self {
        let last = [0; ENDPOINTS.len()];
        Self { limit, concurrency, is_well: true, life: 0, requests: Vec::new(), last, hung: None, wrong: None }
    }

    /// A request has come; its number.
    pub fn came(&mut self, request: Request) -> usize {
        let request = Request { life: self.life, ..request };
        let under_way = |other: &&Request| {
            let ends = other.at + DEADLINE_MS - SLACK_MS;
            other.life == self.life && other.answer.is_none() && ends > request.at
        };
        let all = self.requests.iter().filter(under_way).count() + 1;
        let its = self.requests.iter().filter(under_way).filter(|other| other.endpoint == request.endpoint).count() + 1;
        if all > self.limit {
            self.is_wrong(format!("{all} requests at once, of {}: {request:?}", self.limit));
        }
        if its > self.concurrency[request.endpoint] {
            self.is_wrong(format!("{its} requests at once to one endpoint, of {}: {request:?}", self.concurrency[request.endpoint]));
        }
        let same = self.requests.iter().find(|other| other.life == self.life && other.is_settled_in_time_for(&request));
        if let Some(before) = same {
            self.is_wrong(format!("{request:?} was settled by {before:?}"));
        }
        if request.event == ORDERED {
            let same_object =
                |other: &&Request| other.event == ORDERED && other.endpoint == request.endpoint && other.object == request.object;
            let later = self.requests.iter().filter(same_object).find(|other| other.sequence > request.sequence);
            if let Some(later) = later {
                self.is_wrong(format!("{request:?} came after {later:?}"));
            }
        }
        self.last[request.endpoint] = request.at;
        self.requests.push(request);
        self.requests.len() - 1
    }

    pub fn answered(&mut self, number: usize, answer: u16, now: u64) {
        let request = &mut self.requests[number];
        request.answer = Some((now, answer));
        self.last[request.endpoint] = now;
    }

    /// The last requests, in lines.
    pub fn last_of(&self, count: usize) -> String {
        let last = self.requests.iter().rev().take(count).rev();
        last.map(|request| format!("{request:?}")).collect::<Vec<_>>().join("\n")
    }

    fn is_wrong(&mut self, what: String) {
        self.wrong.get_or_insert(what);
    }

    /// What has been promised and not kept, once everything is settled. `fired` are the messages, and what each is about.
    pub fn missing(&self, fired: &BTreeMap<String, String>) -> Option<String> {
        let settled: BTreeSet<_> =
            self.requests.iter().filter(|request| request.is_settled()).map(|it| (&it.message, it.endpoint)).collect();
        if let Some((lost, endpoint)) =
            fired.keys().flat_map(|id| (0..ENDPOINTS.len()).map(move |e| (id, e))).find(|one| !settled.contains(one))
        {
            return Some(format!("{lost}, {}, never came to `{}`", fired[lost], ENDPOINTS[endpoint]));
        }
        // In the order in which they were first settled, so that nothing ordered was passed over.
        let mut seen: BTreeMap<(usize, &str), i64> = BTreeMap::new();
        let mut known = BTreeSet::new();
        for request in self.requests.iter().filter(|request| request.event == ORDERED && request.is_settled()) {
            if known.insert((&request.message, request.endpoint)) {
                let last = seen.insert((request.endpoint, &request.object), request.sequence);
                if last.is_some_and(|last| last > request.sequence) {
                    return Some(format!("{request:?} was passed over"));
                }
            }
        }
        self.requests.iter().find(|request| !fired.contains_key(&request.message)).map(|other| format!("{other:?} was never promised"))
    }
}

impl Request {
    /// Accepted, or given up by what was answered.
    fn is_settled(&self) -> bool {
        self.answer.is_some_and(|(_, status)| status < 300 || status == 410)
    }

    /// Whether the node must know that `other` is settled.
    fn is_settled_in_time_for(&self, other: &Self) -> bool {
        let in_time = self.answer.is_some_and(|(at, _)| at <= self.at + DEADLINE_MS - SLACK_MS);
        in_time && self.is_settled() && self.message == other.message && self.endpoint == other.endpoint
    }
}
