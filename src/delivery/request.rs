//! A rendered request and the keys of the moment → what goes over the wire: the secrets filled in, the headers that every request carries,
//! the signatures. One function, for whoever sends and for whoever foretells what would be sent.

use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;

use crate::delivery::fill::{self, FillError, OwnSecrets, Secrets};
use crate::delivery::{AttemptOutcome, Signer};
use crate::ids::{DeliveryId, MessageId, Sequence};
use crate::template::{OF_A_URL, RenderedText};

/// What every request is sent as, unless its template says otherwise.
const USER_AGENT: &str = concat!("webhookc/", env!("CARGO_PKG_VERSION"));

/// How long after its message was made a delivery waits for a part of its URL that the endpoint does not keep. Until then it may be that
/// an owner is still writing it, or that this node has not heard of it; those in order behind it wait with it.
const WAITS_FOR_ITS_URL: Duration = Duration::from_hours(1);

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
    /// Header values of the endpoint itself, as they are now: one that is missing was taken away since, and its header goes with it. So it
    /// does when the endpoint had another URL: what is kept for the one of now is sent to no other place. For a part of the URL the
    /// delivery waits, but not for ever.
    Endpoint(&'a OwnSecrets),
}

impl<'a> Filling<'a> {
    fn secrets(self, url: &RenderedText) -> &'a Secrets {
        match self {
            Self::Program(secrets) => secrets,
            Self::Endpoint(own) => own.for_url(url),
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
    let secrets = keys.secrets.secrets(frozen.url);
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
        match (fill::text(value, secrets), keys.secrets) {
            (Ok(value), _) => headers.push((name.to_string(), value)),
            (Err(FillError::Missing(_)), Filling::Endpoint(_)) => {}
            (Err(error), Filling::Program(_) | Filling::Endpoint(_)) => return Err(unfilled(error)),
        }
    }
    let url = fill::url(frozen.url, secrets).map_err(|error| match (error, keys.secrets) {
        (FillError::Missing(name), Filling::Endpoint(_)) if is_older(frozen.message, at) => given_up(&name),
        (error, Filling::Program(_) | Filling::Endpoint(_)) => unfilled(error),
    })?;
    Ok(Request { method: frozen.method.to_owned(), url, headers, body: frozen.body.clone(), timeout, delivery: None })
}

/// Whether a message was made longer ago than its deliveries wait for their URL. One whose id tells no time was not.
fn is_older(message: MessageId, at: Timestamp) -> bool {
    let made = message.0.get_timestamp().and_then(|made| i64::try_from(made.to_unix().0).ok());
    made.is_some_and(|made| Duration::from_secs(at.as_second().saturating_sub(made).max(0).unsigned_abs()) >= WAITS_FOR_ITS_URL)
}

fn given_up(name: &str) -> AttemptOutcome {
    let name = name.strip_prefix(OF_A_URL).unwrap_or(name);
    AttemptOutcome::Refused(format!("its URL needs the endpoint's `{name}`, which was taken away since, or is kept for another place now"))
}

#[cfg(test)]
mod tests {
    use secrecy::SecretString;

    use super::*;
    use crate::delivery::Destination;
    use crate::template::Part;

    fn text(parts: &[Part]) -> RenderedText {
        RenderedText { parts: parts.to_vec() }
    }

    /// The URL and the header that are sent to an endpoint which leads there now, with a request that was made for `a.example`.
    fn sent(now: &str, with_url: bool) -> Result<(String, Option<String>), AttemptOutcome> {
        sent_after(Duration::ZERO, now, with_url)
    }

    /// The same so long after the message was made.
    fn sent_after(wait: Duration, now: &str, with_url: bool) -> Result<(String, Option<String>), AttemptOutcome> {
        let (text_of, secret) = (|text: &str| Part::Text(text.to_owned()), |name: &str| Part::Secret(name.to_owned()));
        let mut url = vec![text_of("https://a.example/x?api_key=")];
        url.extend(with_url.then(|| secret("url api_key")));
        let headers = [("Authorization".into(), text(&[secret("authorization")])), ("X-A".into(), text(&[text_of("1")]))];
        let body = Bytes::new();
        let frozen = Frozen {
            message: MessageId::new(uuid::Builder::from_unix_timestamp_millis(0, &[0; 10]).into_uuid()),
            sequence: Sequence(1),
            method: "POST",
            url: &text(&url),
            headers: &headers,
            content_type: "application/json",
            body: &body,
        };
        let values = [("authorization", "Bearer t0ken"), ("url api_key", "k3y")];
        let own = OwnSecrets {
            values: values.into_iter().map(|(name, value)| (name.to_owned(), SecretString::from(value))).collect(),
            destination: Destination::of(now),
        };
        let signer = Signer::new("whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3".parse().unwrap(), Vec::new());
        let keys = Keys { signer: &signer, secrets: Filling::Endpoint(&own) };
        let request = request(&frozen, keys, Duration::from_secs(1), Timestamp::UNIX_EPOCH + wait)?;
        assert!(request.headers.iter().any(|(name, value)| name == "X-A" && value == "1"));
        let header = request.headers.into_iter().find(|(name, _)| name == "Authorization").map(|(_, value)| value);
        Ok((request.url, header))
    }

    #[test]
    fn what_an_endpoint_keeps_for_one_place_is_sent_to_no_other() {
        let whole = Some("Bearer t0ken".to_owned());
        assert_eq!(sent("https://a.example/y", true), Ok(("https://a.example/x?api_key=k3y".to_owned(), whole.clone())));
        assert_eq!(sent("https://{{ vars.host }}/y", false), Ok(("https://a.example/x?api_key=".to_owned(), whole)));
        assert_eq!(sent("https://b.example/x", false), Ok(("https://a.example/x?api_key=".to_owned(), None)));
        assert_eq!(sent("http://a.example/x", false).map(|sent| sent.1), Ok(None));
        let refused = sent("https://b.example/x", true);
        assert!(matches!(&refused, Err(AttemptOutcome::OurFault(why)) if why.contains("`url api_key`")), "it waits: {refused:?}");
    }

    #[test]
    fn a_delivery_does_not_wait_for_ever_for_what_its_url_had() {
        let (hour, place) = (WAITS_FOR_ITS_URL, "https://b.example/x");
        assert!(matches!(sent_after(hour.saturating_sub(Duration::from_secs(1)), place, true), Err(AttemptOutcome::OurFault(_))));
        let why = "its URL needs the endpoint's `api_key`, which was taken away since, or is kept for another place now";
        assert_eq!(sent_after(hour, place, true), Err(AttemptOutcome::Refused(why.to_owned())));
        assert!(sent_after(hour, "https://a.example/y", true).is_ok(), "what is there is sent however old it is");
        assert_eq!(sent_after(hour, place, false).map(|sent| sent.1), Ok(None));
    }
}
