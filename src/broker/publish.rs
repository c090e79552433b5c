//! A request whose URL is `nats://NAME/subject` → a message, and what the stream said to it. Its acknowledgement is success; what goes
//! wrong is told in the terms of an HTTP exchange, so that triggers, retries and the breaker of an endpoint mean the same for both.

use std::error::Error as _;
use std::str::FromStr as _;
use std::time::Duration;

use async_nats::header::{HeaderMap, HeaderName, HeaderValue};
use async_nats::jetstream;
use async_nats::jetstream::context::{PublishError, PublishErrorKind};
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::publish::PublishAck;
use bytes::Bytes;
use serde_json::json;

use super::{Broker, Brokers, SCHEME};
use crate::delivery::{AttemptOutcome, Request};

/// How long a message waits for a connection that is just not there.
const CONNECTION: Duration = Duration::from_secs(1);
/// What an acknowledgement counts as.
const ACKNOWLEDGED: u16 = 200;
/// What it counts as that no stream takes a subject; the broker itself calls it so.
const NOBODY: u16 = 503;
/// What an error of the stream counts as that has no such number of its own.
const STREAM_ERROR: u16 = 500;

/// What came of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    /// The status that it counts as, when the broker answered.
    pub status: Option<u16>,
    /// What the broker said, as JSON.
    pub said: Bytes,
    /// For the decision on what follows.
    pub outcome: AttemptOutcome,
}

impl Brokers {
    /// Sends the message and waits for the stream to acknowledge it, within the deadline of the request. Never fails: what goes wrong is
    /// the outcome.
    pub async fn publish(&self, request: Request) -> Published {
        let timeout = request.timeout;
        match tokio::time::timeout(timeout, self.send(request)).await {
            Ok(Ok(published)) => published,
            Ok(Err(outcome)) => Published { status: None, said: Bytes::new(), outcome },
            Err(_) => Published { status: None, said: Bytes::new(), outcome: AttemptOutcome::TimedOut },
        }
    }

    async fn send(&self, request: Request) -> Result<Published, AttemptOutcome> {
        let Some((name, subject)) = request.url.strip_prefix(SCHEME).and_then(|rest| rest.split_once('/')) else {
            return Err(AttemptOutcome::Refused(format!("`{}` is not the address of a broker", request.url)));
        };
        let Some(broker) = self.named(name) else {
            return Err(AttemptOutcome::OurFault(format!("there is no broker `{name}` in `webhookc.toml`")));
        };
        if !broker.is_there(CONNECTION).await {
            return Err(AttemptOutcome::ConnectionFailed(format!("there is no connection to the broker `{name}`")));
        }
        let message = message(&request)?;
        let subject = subject.to_owned();
        match broker.acknowledged(&subject, message).await {
            Ok(ack) => {
                let said = json!({ "stream": ack.stream, "sequence": ack.sequence, "duplicate": ack.duplicate });
                Ok(answered(ACKNOWLEDGED, said.to_string()))
            }
            Err(error) => failed(&error, &subject),
        }
    }
}

impl Broker {
    /// Sends a message and waits until a stream has it.
    pub(crate) async fn acknowledged(&self, subject: &str, message: PublishMessage) -> Result<PublishAck, PublishError> {
        self.streams.send_publish(subject.to_owned(), message).await?.await
    }
}

fn answered(status: u16, said: String) -> Published {
    Published { status: Some(status), said: said.into(), outcome: AttemptOutcome::Answered { status, retry_after: None } }
}

/// The message, with the headers of the request. Its id is that of the delivery: the same at each attempt, so that the stream has it once,
/// and another one for each endpoint, which may send to the same stream.
fn message(request: &Request) -> Result<PublishMessage, AttemptOutcome> {
    let mut headers = HeaderMap::new();
    for (name, value) in &request.headers {
        let refused = |what: &str| AttemptOutcome::Refused(format!("the header `{name}` has a {what} that cannot be sent"));
        let name = HeaderName::from_str(name).map_err(|_| refused("name"))?;
        let value = HeaderValue::from_str(value).map_err(|_| refused("value"))?;
        headers.append(name, value);
    }
    let message = PublishMessage::build().headers(headers).payload(request.body.clone());
    Ok(match request.delivery {
        Some(delivery) => message.message_id(delivery.to_string()),
        None => message,
    })
}

fn failed(error: &PublishError, subject: &str) -> Result<Published, AttemptOutcome> {
    let said = |code: u16, what: &str| answered(code, json!({ "code": code, "description": what }).to_string());
    match error.kind() {
        PublishErrorKind::StreamNotFound => Ok(said(NOBODY, &format!("no stream takes the subject `{subject}`"))),
        PublishErrorKind::TimedOut => Err(AttemptOutcome::TimedOut),
        PublishErrorKind::MaxPayloadExceeded => Err(AttemptOutcome::Refused(error.to_string())),
        PublishErrorKind::MaxAckPending => Err(AttemptOutcome::OurFault(error.to_string())),
        PublishErrorKind::BrokenPipe => Err(AttemptOutcome::ConnectionFailed("the connection to the broker broke".to_owned())),
        PublishErrorKind::WrongLastMessageId | PublishErrorKind::WrongLastSequence | PublishErrorKind::Other => {
            match error.source().and_then(|source| source.downcast_ref::<jetstream::Error>()) {
                Some(refused) => {
                    let code = u16::try_from(refused.code()).ok().filter(|code| (400..600).contains(code));
                    Ok(said(code.unwrap_or(STREAM_ERROR), &refused.to_string()))
                }
                None => Err(AttemptOutcome::ConnectionFailed(error.to_string())),
            }
        }
    }
}
