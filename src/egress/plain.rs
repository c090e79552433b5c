//! The client of the command line: calls the API of a node that the user named. No guard, because the user chose the address; bounded in
//! time and in memory like everything else that is received.

use std::sync::atomic::AtomicBool;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, Response};
use http_body_util::Full;
use secrecy::{ExposeSecret as _, SecretString};

use crate::delivery::{AttemptOutcome, Timing};
use crate::egress::origin::Location;
use crate::egress::reason::innermost;
use crate::egress::{Client, ClientError, Guard};

/// Deadline of a call.
const TIMEOUT: Duration = Duration::from_secs(30);
/// The longest answer that is read.
const LONGEST: usize = 32 << 20;

/// A client without a guard. Never used for deliveries.
#[derive(Clone, Debug)]
pub struct PlainClient {
    client: Client,
    /// Shown with each call.
    key: Option<SecretString>,
}

/// Why a call has no answer.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The URL or method is not one.
    #[error("`{0}` cannot be called, expected an address such as `http://127.0.0.1:7357`")]
    Address(String),
    /// The key cannot stand in a header.
    #[error("the key cannot be sent: it is not text of one line")]
    Key,
    /// Nobody answers there.
    #[error("nobody answers at `{url}`: {why}")]
    Unreachable {
        /// What was called.
        url: String,
        /// Why.
        why: String,
    },
    /// The answer broke off or is too long.
    #[error("the answer of `{url}` cannot be read: {why}")]
    Answer {
        /// What was called.
        url: String,
        /// Why.
        why: String,
    },
}

impl PlainClient {
    /// A client.
    ///
    /// # Errors
    /// When the system's TLS set-up cannot be read.
    pub fn new() -> Result<Self, ClientError> {
        Ok(Self { client: Client::new(Guard::open())?, key: None })
    }

    /// From now on this key is shown with each call, as `Authorization: Bearer`.
    #[must_use]
    pub fn with_key(self, key: Option<SecretString>) -> Self {
        Self { key, ..self }
    }

    /// Sends JSON, or nothing, and reads the answer: status and body.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn call(&self, method: &str, url: &str, body: Option<Bytes>) -> Result<(u16, Bytes), CallError> {
        match tokio::time::timeout(TIMEOUT, self.run(method, url, body)).await {
            Ok(answered) => answered,
            Err(_) => Err(CallError::Unreachable { url: url.to_owned(), why: format!("no answer within {} s", TIMEOUT.as_secs()) }),
        }
    }

    async fn run(&self, method: &str, url: &str, body: Option<Bytes>) -> Result<(u16, Bytes), CallError> {
        let mut request = Request::new(body.clone().unwrap_or_default());
        *request.method_mut() = Method::from_bytes(method.as_bytes()).map_err(|_| CallError::Address(url.to_owned()))?;
        if body.is_some() {
            request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        if let Some(key) = &self.key {
            let bearer = HeaderValue::from_str(&format!("Bearer {}", key.expose_secret())).map_err(|_| CallError::Key)?;
            request.headers_mut().insert(AUTHORIZATION, bearer);
        }
        let answer = self.exchange(url, request).await?;
        Ok((answer.status().as_u16(), answer.into_body()))
    }

    /// Sends a request to a URL, whatever its own says, and reads the answer. Takes as long as it takes.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn exchange(&self, url: &str, request: Request<Bytes>) -> Result<Response<Bytes>, CallError> {
        let Location { origin, authority, target, .. } = Location::read(url).map_err(|_| CallError::Address(url.to_owned()))?;
        let mut request = request.map(Full::new);
        *request.uri_mut() = target;
        request.headers_mut().insert(http::header::HOST, authority);
        let sent = self.client.send(&origin, request, &mut Timing::default(), &AtomicBool::default()).await;
        let (mut wire, response) = sent.map_err(|outcome| CallError::Unreachable { url: url.to_owned(), why: why(outcome) })?;
        let answer = |why: String| CallError::Answer { url: url.to_owned(), why };
        let (head, mut parts) = response.into_parts();
        let mut whole = BytesMut::new();
        while let Some(part) = wire.part(&mut parts).await {
            let part = part.map_err(|error| answer(innermost(&error)))?;
            if whole.len() + part.len() > LONGEST {
                return Err(answer("it is too long".to_owned()));
            }
            whole.extend_from_slice(&part);
        }
        self.client.pool.put(origin, wire, &head.headers);
        Ok(Response::from_parts(head, whole.freeze()))
    }
}

/// Why nobody answered.
fn why(outcome: AttemptOutcome) -> String {
    match outcome {
        AttemptOutcome::ConnectionFailed(why) | AttemptOutcome::Refused(why) | AttemptOutcome::OurFault(why) => why,
        AttemptOutcome::TimedOut | AttemptOutcome::Answered { .. } => String::new(),
    }
}
