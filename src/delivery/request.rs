//! A rendered request and the keys of the moment → what goes over the wire: the secrets filled in, the headers that every request carries,
//! the signatures. One function, for whoever sends and for whoever foretells what would be sent.

use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;

use crate::delivery::fill::{self, FillError, Secrets};
use crate::delivery::{AttemptOutcome, Signer};
use crate::ids::{DeliveryId, MessageId, Sequence};
use crate::template::RenderedText;

/// What every request is sent as, unless its template says otherwise.
const USER_AGENT: &str = concat!("webhookc/", env!("CARGO_PKG_VERSION"));

/// A request as it was rendered, the same for every attempt. Secrets are placeholders.
#[derive(Clone, Copy, Debug)]
pub struct Frozen<'a> {
    /// The message, sent as `webhook-id`.
    pub message: MessageId,
    /// The save, sent as `webhook-sequence`.
    pub sequence: Sequence,
    /// The method, upper case.
    pub method: &'a str,
    /// The URL; without any part when it could not be rendered.
    pub url: &'a RenderedText,
    /// The headers of the template.
    pub headers: &'a [(Box<str>, RenderedText)],
    /// The media type of the body.
    pub content_type: &'a str,
    /// The body.
    pub body: &'a Bytes,
}

/// What an attempt is filled in and signed with.
#[derive(Clone, Copy, Debug)]
pub struct Keys<'a> {
    /// The endpoint's signatures.
    pub signer: &'a Signer,
    /// What its placeholders stand for.
    pub secrets: Filling<'a>,
}

/// Whose secrets are filled in.
#[derive(Clone, Copy, Debug)]
pub enum Filling<'a> {
    /// The values of `secret.*`: the delivery waits for one that is missing.
    Program(&'a Secrets),
    /// Header values of the endpoint itself, as they are now: one that is missing was taken away since, and its header goes with it.
    Endpoint(&'a Secrets),
}

impl<'a> Filling<'a> {
    fn secrets(self) -> &'a Secrets {
        match self {
            Self::Program(secrets) | Self::Endpoint(secrets) => secrets,
        }
    }
}

/// A request to send, secrets filled in. Debug output shows no values.
pub struct Request {
    /// The method, upper case.
    pub method: String,
    /// The absolute URL.
    pub url: String,
    /// Headers in order; a name may repeat.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Bytes,
    /// Of the whole exchange: resolve, connect, send, headers, body.
    pub timeout: Duration,
    /// The delivery that it is an attempt of, if it is one: the same for each attempt, and another one for each endpoint.
    pub delivery: Option<DeliveryId>,
}

impl std::fmt::Debug for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Request").field("method", &self.method).field("body", &self.body.len()).finish_non_exhaustive()
    }
}

/// The request of an attempt that begins `at`.
///
/// # Errors
/// What the attempt comes to instead of an exchange: nothing was ever rendered, or a secret is missing or does not fit.
pub fn request(frozen: &Frozen<'_>, keys: Keys<'_>, timeout: Duration, at: Timestamp) -> Result<Request, AttemptOutcome> {
    if frozen.url.parts.is_empty() {
        return Err(AttemptOutcome::Refused("the request was never rendered, so there is nothing to send".to_owned()));
    }
    // A secret that is missing or does not fit is a mistake on this side; the delivery waits for it to be put right.
    let unfilled = |error: FillError| AttemptOutcome::OurFault(error.to_string());
    let is_own = |name: &str| frozen.headers.iter().any(|(own, _)| own.eq_ignore_ascii_case(name));
    let mut headers = Vec::with_capacity(frozen.headers.len() + 8);
    for (name, value) in [("content-type", frozen.content_type), ("user-agent", USER_AGENT)] {
        if !is_own(name) {
            headers.push((name.to_owned(), value.to_owned()));
        }
    }
    headers.push(("webhook-sequence".to_owned(), frozen.sequence.to_string()));
    let signatures = keys.signer.sign(frozen.message, at, frozen.body);
    headers.extend(signatures.into_iter().map(|(name, value)| (name.to_owned(), value)));
    for (name, value) in frozen.headers {
        match (fill::text(value, keys.secrets.secrets()), keys.secrets) {
            (Ok(value), _) => headers.push((name.to_string(), value)),
            (Err(FillError::Missing(_)), Filling::Endpoint(_)) => {}
            (Err(error), Filling::Program(_) | Filling::Endpoint(_)) => return Err(unfilled(error)),
        }
    }
    let url = fill::url(frozen.url, keys.secrets.secrets()).map_err(unfilled)?;
    Ok(Request { method: frozen.method.to_owned(), url, headers, body: frozen.body.clone(), timeout, delivery: None })
}
