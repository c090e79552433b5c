//! One request and its answer. Everything that was received is untrusted and bounded; the deadline covers all of it.

use std::pin::pin;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::{ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_ENCODING, DATE, HOST, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use http::{Method, Request as HttpRequest};
use http_body_util::Full;
use jiff::Timestamp;
use url::Host;

use crate::delivery::{AttemptOutcome, Request, Timing};
use crate::egress::Client;
use crate::egress::body::{More, Received};
use crate::egress::origin::{Location, Origin};
use crate::egress::reason::{connection_failed, innermost};
use crate::egress::resolve::ResolveError;
use crate::egress::wire::{NoAnswer, Wire};

/// Bytes of an answer's headers that are kept, names and values.
const HEADERS_KEPT: usize = 16 * 1024;

/// How late a deadline is noticed by a process that stood still (stopped by a signal, with its container, with its machine), and how
/// long it then takes to read what has come.
const STOOD_STILL: Duration = Duration::from_secs(1);
/// By what a receiver knows a message again (Standard Webhooks).
const MESSAGE_ID: &str = "webhook-id";
/// How long a request may be under way on a kept connection whose end counts as one that came before: longer than a way there and back.
const CLOSED_BEFORE: Duration = Duration::from_secs(2);

/// What came of a request.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// The answer's status, also when the rest of it failed.
    pub status: Option<u16>,
    /// The answer's headers in order, at most 16 KiB; bytes that are not UTF-8 are replaced.
    pub headers: Vec<(String, String)>,
    /// The start of the decoded body, at most 64 KiB.
    pub body: Bytes,
    /// From the start to the last byte that was read.
    pub took: Duration,
    /// Where that time went.
    pub timing: Timing,
    /// For the decision on what follows.
    pub outcome: AttemptOutcome,
}

impl Client {
    /// Sends the request and reads the answer. Never fails: what goes wrong is the outcome.
    pub async fn exchange(&self, request: Request) -> Exchange {
        #[cfg(feature = "nats")]
        if request.url.starts_with(crate::broker::SCHEME) {
            return self.publish(request).await;
        }
        let began = Instant::now();
        let timeout = request.timeout;
        let mut answer = Answer::in_room(&self.room);
        let sent = AtomicBool::new(false);
        let ended = {
            let mut run = pin!(self.run(request, &mut answer, &sent));
            match tokio::time::timeout(timeout, &mut run).await {
                // This process stood still, and the answer may have come meanwhile. What is not sent by now is not sent.
                Err(_) if sent.load(Relaxed) && began.elapsed() > timeout + STOOD_STILL => tokio::time::timeout(STOOD_STILL, run).await,
                ended => ended,
            }
        };
        let outcome = match ended {
            Ok(Ok(rest)) => answer.complete(rest),
            Ok(Err(outcome)) => answer.incomplete(outcome),
            Err(_) => answer.too_late(),
        };
        let Answer { status, headers, body, timing, .. } = answer;
        Exchange { status, headers, body: body.into_bytes(), took: began.elapsed(), timing, outcome }
    }

    async fn run(&self, request: Request, answer: &mut Answer, sent: &AtomicBool) -> Result<More, AttemptOutcome> {
        let (origin, request) = prepare(request).map_err(AttemptOutcome::Refused)?;
        answer.name = if let Host::Domain(name) = &origin.host { Some(name.clone()) } else { None };
        let (mut wire, response) = self.send(&origin, request, &mut answer.timing, sent).await?;
        let (head, mut body) = response.into_parts();
        answer.read_head(head.status.as_u16(), &head.headers);
        while let Some(part) = wire.part(&mut body).await {
            let part = part.map_err(|error| connection_failed(&error))?;
            if answer.body.add(&part) == More::Cut {
                // The connection goes with the rest of the answer.
                return Ok(More::Cut);
            }
        }
        self.pool.put(origin, wire, &head.headers);
        Ok(More::Wanted)
    }

    /// Sends over a connection that is there, or over a new one, and waits for the head of the answer. A connection that is there may be
    /// closed by the receiver while the request is on its way: a request that is known again by its `webhook-id` then goes out once more,
    /// over a new connection. `sent` is set while a request may be under way.
    ///
    /// 2026-11-28: the alternative was to let it cost an attempt. What no receiver had read would have failed, and for good where the
    /// endpoint does not retry failed connections.
    pub(super) async fn send(
        &self,
        origin: &Origin,
        mut request: HttpRequest<Full<Bytes>>,
        timing: &mut Timing,
        sent: &AtomicBool,
    ) -> Result<(Box<Wire>, http::Response<hyper::body::Incoming>), AttemptOutcome> {
        let mut may_reuse = true;
        loop {
            let kept = if may_reuse { self.pool.take(origin) } else { None };
            timing.reused = kept.is_some();
            sent.store(false, Relaxed);
            let mut wire = match kept {
                Some(wire) => wire,
                None => self.dialer.dial(origin, timing).await?,
            };
            let again = (timing.reused && request.headers().contains_key(MESSAGE_ID)).then(|| request.clone());
            let began = Instant::now();
            sent.store(true, Relaxed);
            match wire.send(request).await {
                Ok(response) => {
                    timing.first_byte = Some(began.elapsed());
                    return Ok((wire, response));
                }
                // Closed by the receiver at this moment: nothing of the request has gone out.
                Err(NoAnswer { unsent: Some(unsent), .. }) if timing.reused => request = unsent,
                Err(NoAnswer { error, heard, .. }) => {
                    let again = again.filter(|_| !heard && began.elapsed() < CLOSED_BEFORE);
                    request = again.ok_or_else(|| connection_failed(&error))?;
                    may_reuse = false;
                }
            }
        }
    }
}

/// The request in hyper's terms, or why it cannot be sent.
fn prepare(request: Request) -> Result<(Origin, HttpRequest<Full<Bytes>>), String> {
    let Location { origin, authority, target, credentials } = Location::read(&request.url)?;
    let method = Method::from_bytes(request.method.as_bytes()).map_err(|_| format!("`{}` is not a method", request.method))?;
    let mut headers = headers(&request.headers)?;
    for (name, value) in [(HOST, authority), (ACCEPT, HeaderValue::from_static("*/*")), (ACCEPT_ENCODING, HeaderValue::from_static("gzip"))]
    {
        headers.entry(name).or_insert(value);
    }
    if let Some(credentials) = credentials {
        headers.entry(AUTHORIZATION).or_insert(credentials);
    }
    let mut built = HttpRequest::new(Full::new(request.body));
    *built.method_mut() = method;
    *built.uri_mut() = target;
    *built.headers_mut() = headers;
    Ok((origin, built))
}

fn headers(list: &[(String, String)]) -> Result<HeaderMap, String> {
    // Up to four more are added.
    let mut headers = HeaderMap::with_capacity(list.len() + 4);
    for (name, value) in list {
        let refused = |what: &str| format!("the header `{name}` has a {what} that cannot be sent");
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| refused("name"))?;
        let value = HeaderValue::from_bytes(value.as_bytes()).map_err(|_| refused("value"))?;
        headers.append(name, value);
    }
    Ok(headers)
}

/// What has been received so far; kept also when the deadline cuts it off.
struct Answer {
    /// The name that has to be looked up for it, if its host is one.
    name: Option<String>,
    status: Option<u16>,
    headers: Vec<(String, String)>,
    retry_after: Option<Duration>,
    compressed: bool,
    body: Received,
    timing: Timing,
}

impl Answer {
    fn in_room(room: &crate::egress::body::Room) -> Self {
        let (status, headers, retry_after, timing) = (None, Vec::new(), None, Timing::default());
        Self { name: None, status, headers, retry_after, compressed: false, body: Received::new(room), timing }
    }

    fn read_head(&mut self, status: u16, headers: &HeaderMap) {
        self.status = Some(status);
        self.retry_after = retry_after(headers);
        self.compressed = headers.get(CONTENT_ENCODING).is_some_and(|coding| coding == "gzip");
        let mut room = HEADERS_KEPT;
        for (name, value) in headers {
            let size = name.as_str().len() + value.len();
            if size > room {
                break;
            }
            room -= size;
            self.headers.push((name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()));
        }
    }

    /// The answer has been read, as far as it is wanted.
    fn complete(&mut self, rest: More) -> AttemptOutcome {
        if self.compressed
            && let Err(error) = self.body.decompress(rest)
        {
            return AttemptOutcome::ConnectionFailed(format!("the answer cannot be decompressed: {}", innermost(&error)));
        }
        AttemptOutcome::Answered { status: self.status.unwrap_or_default(), retry_after: self.retry_after }
    }

    /// The deadline passed. Who waited for a resolver all the time has not called the receiver.
    fn too_late(&mut self) -> AttemptOutcome {
        let Timing { resolve, reused, .. } = self.timing;
        match self.name.take() {
            Some(name) if resolve.is_none() && !reused => {
                let why = "no answer of the resolver within the deadline".to_owned();
                ResolveError::Resolver { name, why }.outcome()
            }
            Some(_) | None => self.incomplete(AttemptOutcome::TimedOut),
        }
    }

    /// The answer broke off.
    fn incomplete(&mut self, outcome: AttemptOutcome) -> AttemptOutcome {
        if self.compressed {
            // What went wrong first says more.
            drop(self.body.decompress(More::Cut));
        }
        outcome
    }
}

/// `Retry-After` in seconds or as a date (RFC 9110 §10.2.3). A date counts from the answer's own `Date`, so that a receiver whose
/// clock is off still says how long; without one from now.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        // More than a number holds is long enough.
        return Some(Duration::from_secs(text.parse().unwrap_or(u64::MAX)));
    }
    let date = |text: &str| jiff::fmt::rfc2822::parse(text).ok().map(|date| date.timestamp());
    let then = date(text)?;
    let from = headers.get(DATE).and_then(|value| value.to_str().ok()).and_then(date).unwrap_or_else(Timestamp::now);
    Some(Duration::try_from(then.duration_since(from)).unwrap_or_default())
}
