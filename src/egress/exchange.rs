//! One request and its answer. Everything that was received is untrusted and bounded; the deadline covers all of it.

use std::error::Error;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use jiff::Timestamp;
use reqwest::header::{DATE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::{Method, Response};
use url::Url;

use crate::delivery::{AttemptOutcome, Request};
use crate::egress::Client;
use crate::egress::resolve::ResolveError;

/// Bytes of a decoded answer that are kept; the rest is not read.
const BODY_KEPT: usize = 64 * 1024;
/// Bytes of an answer's headers that are kept, names and values.
const HEADERS_KEPT: usize = 16 * 1024;

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
    /// For the decision on what follows.
    pub outcome: AttemptOutcome,
}

impl Client {
    /// Sends the request and reads the answer. Never fails: what goes wrong is the outcome.
    pub async fn exchange(&self, request: Request) -> Exchange {
        let began = Instant::now();
        let timeout = request.timeout;
        let mut answer = Answer::default();
        let ended = tokio::time::timeout(timeout, self.run(request, &mut answer)).await;
        let outcome = match ended {
            Ok(Ok(())) => AttemptOutcome::Answered { status: answer.status.unwrap_or_default(), retry_after: answer.retry_after },
            Ok(Err(outcome)) => outcome,
            Err(_) => AttemptOutcome::TimedOut,
        };
        Exchange { status: answer.status, headers: answer.headers, body: answer.body.freeze(), took: began.elapsed(), outcome }
    }

    async fn run(&self, request: Request, answer: &mut Answer) -> Result<(), AttemptOutcome> {
        let built = self.build(request)?;
        let mut response = self.http.execute(built).await.map_err(|error| failed(&error))?;
        answer.read_head(&response);
        while answer.body.len() < BODY_KEPT {
            match response.chunk().await {
                Ok(Some(chunk)) => {
                    let room = BODY_KEPT - answer.body.len();
                    answer.body.extend_from_slice(chunk.get(..room).unwrap_or(&chunk));
                }
                Ok(None) => break,
                Err(error) => return Err(failed(&error)),
            }
        }
        // A response that is not read to its end takes its connection with it when it is dropped.
        Ok(())
    }

    fn build(&self, request: Request) -> Result<reqwest::Request, AttemptOutcome> {
        let refused = |why: String| AttemptOutcome::Refused(why);
        // The URL itself is not repeated: it may hold a secret.
        let url = Url::parse(&request.url).map_err(|error| refused(format!("the URL cannot be read: {error}")))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(refused(format!("the URL's scheme is `{}`, expected `https` or `http`", url.scheme())));
        }
        let Some(host) = url.host() else { return Err(refused("the URL names no host".to_owned())) };
        self.guard.check_host(&host).map_err(|why| refused(format!("the target may not be called: {why}")))?;
        let method = Method::from_bytes(request.method.as_bytes()).map_err(|_| refused(format!("`{}` is not a method", request.method)))?;
        let mut built = reqwest::Request::new(method, url);
        *built.headers_mut() = headers(&request.headers)?;
        *built.body_mut() = Some(request.body.into());
        Ok(built)
    }
}

fn headers(list: &[(String, String)]) -> Result<HeaderMap, AttemptOutcome> {
    let mut headers = HeaderMap::with_capacity(list.len());
    for (name, value) in list {
        let refused = |what: &str| AttemptOutcome::Refused(format!("the header `{name}` has a {what} that cannot be sent"));
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| refused("name"))?;
        let value = HeaderValue::from_bytes(value.as_bytes()).map_err(|_| refused("value"))?;
        headers.append(name, value);
    }
    Ok(headers)
}

/// What has been received so far; kept also when the deadline cuts it off.
#[derive(Default)]
struct Answer {
    status: Option<u16>,
    headers: Vec<(String, String)>,
    retry_after: Option<Duration>,
    body: BytesMut,
}

impl Answer {
    fn read_head(&mut self, response: &Response) {
        self.status = Some(response.status().as_u16());
        self.retry_after = retry_after(response.headers());
        let mut room = HEADERS_KEPT;
        for (name, value) in response.headers() {
            let size = name.as_str().len() + value.len();
            if size > room {
                break;
            }
            room -= size;
            self.headers.push((name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()));
        }
    }
}

/// `Retry-After` in seconds or as a date (RFC 9110 §10.2.3). A date counts from the answer's own `Date`, so that a receiver whose
/// clock is off still says how long; without one from now.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = |text: &str| jiff::fmt::rfc2822::parse(text).ok().map(|date| date.timestamp());
    let then = date(text)?;
    let from = headers.get(DATE).and_then(|value| value.to_str().ok()).and_then(date).unwrap_or_else(Timestamp::now);
    Some(Duration::try_from(then.duration_since(from)).unwrap_or_default())
}

/// Whose failure it is.
fn failed(error: &reqwest::Error) -> AttemptOutcome {
    if error.is_timeout() {
        return AttemptOutcome::TimedOut;
    }
    let mut source: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(cause) = source {
        if let Some(resolve) = cause.downcast_ref::<ResolveError>() {
            let text = resolve.to_string();
            return match resolve {
                ResolveError::Forbidden { .. } => AttemptOutcome::Refused(text),
                ResolveError::Unknown(_) => AttemptOutcome::ConnectionFailed(text),
                ResolveError::Resolver { .. } => AttemptOutcome::OurFault(text),
            };
        }
        if let Some(io) = cause.downcast_ref::<std::io::Error>()
            && is_ours(io)
        {
            return AttemptOutcome::OurFault(format!("this machine cannot open a connection: {io}"));
        }
        source = cause.source();
    }
    AttemptOutcome::ConnectionFailed(chain(error))
}

/// Out of files (`EMFILE`, `ENFILE`) or of local ports (`EADDRNOTAVAIL`): no receiver can help that.
fn is_ours(error: &std::io::Error) -> bool {
    matches!(error.kind(), std::io::ErrorKind::AddrNotAvailable) || matches!(error.raw_os_error(), Some(23 | 24))
}

/// The innermost cause, which says what happened; what is around it only says that something did, and names the URL.
pub(super) fn chain(error: &(dyn Error + 'static)) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    let text = cause.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}
